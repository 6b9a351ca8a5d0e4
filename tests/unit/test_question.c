/* test_question.c - what is read as an answer, how it is judged, and what is said to it; and a question as a lesson makes one. */
#include "measure_help.h"

#include "lesson/question.h"

#include <math.h>
#include <string.h>

static void number(const char *text, double want)
{
    double x = NAN;
    Error e = {{0}};
    cr_assert_eq(question_read_number(text, &x, NULL, NULL, &e), 0, "%s: %s", text, e.text);
    cr_assert(x == want || fabs(x - want) < 1e-12 * fabs(want), "%s: expected %g, found %g", text, want, x);
}

Test(question, numbers_are_read_as_people_write_them)
{
    number("3", 3);
    number(" -0.25 ", -0.25);
    number("+.5", 0.5);
    number("7.", 7);
    number("1/3", 1.0 / 3);
    number("-3 / 4", -0.75);
    number("2e-3", 0.002);
    number("1.5E+2", 150);
    number("25%", 0.25);
    number("−1.5", -1.5);
    number("-inf", -INFINITY);
    number("−∞", -INFINITY);
    number("∞", INFINITY);
    number("1e999", INFINITY);
}

Test(question, what_is_no_number_is_refused_in_one_line)
{
    static const char *const wrong[] = {"",    " ",    "x",   "1.2.3", "1e",  "--1",   "1/0", "1/",
                                        "1 2", "0x10", "nan", "3 ± 1", "1,5", "12abc", "."};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        double x;
        Error e = {{0}};
        cr_assert_eq(question_read_number(wrong[i], &x, NULL, NULL, &e), -1, "'%s' was read as %g", wrong[i], x);
        cr_assert(strstr(e.text, "expected a number") && !strchr(e.text, '\n'), "%s", e.text);
    }
}

Test(question, a_tolerance_is_read_where_it_is_wanted)
{
    double x, t;
    Error e = {{0}};
    static const char *const ways[] = {"3 ± 0.1", "3±0.1", "3 +- 0.1", "3 +/- .1"};
    for (size_t i = 0; i < 4; i++) {
        cr_assert_eq(question_read_number(ways[i], &x, &t, NULL, &e), 0, "%s", e.text);
        cr_assert(x == 3 && fabs(t - 0.1) < 1e-12);
    }
    cr_assert_eq(question_read_number("3", &x, &t, NULL, &e), 0);
    cr_assert_eq(t, 0);
    cr_assert_eq(question_read_number("3 ± x", &x, &t, NULL, &e), -1);
}

Test(question, shapes)
{
    static const char *const right[] = {"4x7x7", "[4,7,7]", "4, 7, 7", "4 × 7 × 7", "4*7*7", " [ 4 , 7 , 7 ] ", "4 7 7", "(4,7,7)"};
    static const char *const wrong[] = {"", "x", "4x", "[4,7", "4x7x7x1x1", "4.5", "4,7)", "a4", "-4x7", "(4,7]"};
    size_t shape[QUESTION_RANK_MAX];
    int rank;
    Error e = {{0}};
    for (size_t i = 0; i < sizeof right / sizeof *right; i++) {
        cr_assert_eq(question_read_shape(right[i], shape, &rank, &e), 0, "%s: %s", right[i], e.text);
        cr_assert(rank == 3 && shape[0] == 4 && shape[1] == 7 && shape[2] == 7, "%s", right[i]);
    }
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        cr_assert_eq(question_read_shape(wrong[i], shape, &rank, &e), -1, "'%s' was read", wrong[i]);
    cr_assert_eq(question_read_shape("99999999999999999999", shape, &rank, &e), 0);
}

Test(question, a_stage_is_any_part_of_its_name_that_no_other_has)
{
    Model *m = help_model(help_configs[3]);
    Pass *p = help_pass(m, 0);
    char name[STAGE_NAME_MAX];
    Error e = {{0}};
    cr_assert_eq(question_read_stage(pass_plan(p), "1 weights", name, &e), 0, "%s", e.text);
    cr_assert_str_eq(name, "decoder.1.self.weights");
    cr_assert_eq(question_read_stage(pass_plan(p), "decoder.0.self.q", name, &e), 0);
    cr_assert_str_eq(name, "decoder.0.self.q");
    cr_assert_eq(question_read_stage(pass_plan(p), "blocks.0.attn.hook_pattern", name, &e), 0);
    cr_assert_str_eq(name, "decoder.0.self.weights");
    cr_assert_eq(question_read_stage(pass_plan(p), "weights", name, &e), -1);
    cr_assert(strstr(e.text, "found 2") && strstr(e.text, "decoder.1.self.weights"), "%s", e.text);
    cr_assert_eq(question_read_stage(pass_plan(p), "nonsense", name, &e), -1);
    cr_assert_eq(question_read_stage(pass_plan(p), "", name, &e), -1);
    Question q;
    Answer a;
    int mistake;
    question_init(&q, QUESTION_STAGE, "where");
    question_set_stage(&q, "decoder.0.self.scaled");
    cr_assert(question_add_stage(&q, "decoder.0.self.scores", "before", "That is before."));
    cr_assert_not(question_add_stage(&q, "decoder.0.self.scaled", "same", "That is the right one."));
    cr_assert_eq(question_read_answer(&q, pass_plan(p), "0 scores", &a, &e), 0, "%s", e.text);
    cr_assert_eq(question_judge(&q, &a, &mistake), VERDICT_WRONG);
    cr_assert_eq(mistake, 0);
    cr_assert_eq(question_read_answer(&q, pass_plan(p), "0 scaled", &a, &e), 0);
    cr_assert_eq(question_judge(&q, &a, &mistake), VERDICT_RIGHT);
    question_free(&q);
    pass_free(p);
    model_free(m);
}

static Question a_choice(void)
{
    Question q;
    question_init(&q, QUESTION_CHOICE, "sum");
    question_set_text(&q, "What does a row sum to?");
    question_set_why(&q, "Shares of one whole.");
    question_add_wrong(&q, 0, "zero", "zero", "That is a gradient's.");
    question_add_right(&q, 1, "one");
    question_add_wrong(&q, 7, "the number of keys", "keys", "That gives each a whole.");
    cr_assert_not(question_add_wrong(&q, 1, "exactly one", "twice", "…"), "two choices that claim the same");
    cr_assert_not(question_add_wrong(&q, 2, "one", "twice", "…"), "two choices with the same words");
    return q;
}

Test(question, a_choice_is_its_letter_or_its_text)
{
    Question q = a_choice();
    Answer a;
    int mistake;
    Error e = {{0}};
    static const char *const ones[] = {"b", "B", "b)", " b. ", "one", "ONE", "on"};
    for (size_t i = 0; i < sizeof ones / sizeof *ones; i++) {
        cr_assert_eq(question_read_answer(&q, NULL, ones[i], &a, &e), 0, "%s: %s", ones[i], e.text);
        cr_assert_eq(question_judge(&q, &a, &mistake), VERDICT_RIGHT, "%s", ones[i]);
    }
    static const char *const none[] = {"", "d", "four", "bb"};
    for (size_t i = 0; i < sizeof none / sizeof *none; i++)
        cr_assert_eq(question_read_answer(&q, NULL, none[i], &a, &e), -1, "'%s' was read", none[i]);
    question_free(&q);
}

Test(question, shuffling_moves_everything_along)
{
    bool moved = false;
    for (uint64_t seed = 0; seed < 20; seed++) {
        Question q = a_choice();
        question_shuffle(&q, seed);
        cr_assert_str_eq(q.choices[q.right.choice].text, "one");
        moved |= q.right.choice != 1;
        for (int i = 0; i < q.choice_count; i++) {
            int mistake;
            Answer a = {.choice = i};
            Verdict v = question_judge(&q, &a, &mistake);
            cr_assert_eq(v == VERDICT_RIGHT, strcmp(q.choices[i].text, "one") == 0);
            if (v != VERDICT_RIGHT)
                cr_assert_str_eq(q.mistakes[mistake].name, strcmp(q.choices[i].text, "zero") == 0 ? "zero" : "keys");
        }
        question_shuffle(&q, seed + 100); /* once more, from wherever the right one stands now */
        cr_assert_str_eq(q.choices[q.right.choice].text, "one");
        question_free(&q);
    }
    cr_assert(moved);
}

Test(question, the_reply_names_the_belief_the_answer_and_why)
{
    Question q = a_choice();
    Buffer b = {0};
    question_reply(&q, &(Answer){.choice = 2}, &b);
    cr_assert_str_eq(buffer_text(&b), "That gives each a whole. The answer: one. Shares of one whole.");
    buffer_clear(&b);
    question_reply(&q, &(Answer){.choice = 1}, &b);
    cr_assert_str_eq(buffer_text(&b), "Shares of one whole.");
    buffer_free(&b);
    question_free(&q);
}

static Verdict judge(const Question *q, const char *typed, int *mistake)
{
    Answer a;
    Error e = {{0}};
    cr_assert_eq(question_read_answer(q, NULL, typed, &a, &e), 0, "%s", e.text);
    return question_judge(q, &a, mistake);
}

Test(question, a_number_is_right_within_its_tolerance_or_rounded_to_the_digits_typed)
{
    Question q;
    int mistake;
    question_init(&q, QUESTION_NUMBER, "n");
    question_set_number(&q, 1.0 / 3, 0.001);
    cr_assert(question_add_number(&q, 3, "upside-down", "That is the other way round."));
    cr_assert(question_add_number(&q, 0.38, "near", "Something else."));
    cr_assert_not(question_add_number(&q, 0.3345, "too-near", "Nobody could tell."), "a mistake as good as right");
    cr_assert_not(question_add_number(&q, 3, "again", "The same number."));
    cr_assert_not(question_add_number(&q, NAN, "nan", "No number."));
    Question small;
    question_init(&small, QUESTION_NUMBER, "small");
    question_set_number(&small, 0.01, 0.001);
    cr_assert_not(question_add_number(&small, 0.0122, "too-near", "Who rounds a little differently is told of a mistake."));
    cr_assert(question_add_number(&small, 0.0126, "near", "Something else."));
    question_free(&small);
    cr_assert_eq(judge(&q, "1/3", &mistake), VERDICT_RIGHT);
    cr_assert_eq(judge(&q, "0.333", &mistake), VERDICT_RIGHT);
    cr_assert_eq(judge(&q, "0.33", &mistake), VERDICT_RIGHT, "rounded to two digits");
    cr_assert_eq(judge(&q, "33%", &mistake), VERDICT_WRONG, "without a point nothing is rounded");
    cr_assert_eq(judge(&q, "0.3", &mistake), VERDICT_WRONG, "one digit is too few");
    cr_assert_eq(judge(&q, "0.34", &mistake), VERDICT_WRONG);
    cr_assert_eq(mistake, -1);
    cr_assert_eq(judge(&q, "3.0", &mistake), VERDICT_WRONG);
    cr_assert_eq(mistake, 0);
    cr_assert_eq(judge(&q, "0.38", &mistake), VERDICT_WRONG);
    cr_assert_eq(mistake, 1);
    question_set_number(&q, 1056, 0);
    cr_assert_eq(judge(&q, "1056", &mistake), VERDICT_RIGHT);
    cr_assert_eq(judge(&q, "1056.0", &mistake), VERDICT_RIGHT);
    cr_assert_eq(judge(&q, "1.06e3", &mistake), VERDICT_WRONG, "a count is a count");
    question_free(&q);
}

/* What an `ask` block with kind = reason becomes: the learner says how their own compares. */
Test(question, a_reason_is_compared_by_the_learner)
{
    Question q;
    Answer a;
    int mistake;
    Error e = {{0}};
    Buffer b = {0};
    question_init(&q, QUESTION_REASON, "why-scale");
    question_set_text(&q, "Why is it divided?");
    question_set_why(&q, "The variance of a sum of d_k products grows with d_k.");
    static const struct {
        const char *typed;
        Verdict verdict;
    } said[] = {{"yes", VERDICT_RIGHT}, {"y", VERDICT_RIGHT}, {"Partly", VERDICT_PARTLY}, {"p", VERDICT_PARTLY}, {"no", VERDICT_WRONG}};
    for (size_t i = 0; i < 5; i++) {
        cr_assert_eq(question_read_answer(&q, NULL, said[i].typed, &a, &e), 0, "%s", e.text);
        cr_assert_eq(question_judge(&q, &a, &mistake), said[i].verdict);
    }
    cr_assert_eq(question_read_answer(&q, NULL, "maybe", &a, &e), -1);
    question_reply(&q, &a, &b);
    cr_assert_str_eq(buffer_text(&b), q.why);
    buffer_free(&b);
    question_free(&q);
}
