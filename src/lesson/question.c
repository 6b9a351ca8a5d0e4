/* question.c - makes a question out of its parts, and judges answers. Reading what is typed is question_read.c's. */
#include "lesson/question.h"

#include "base/random.h"
#include "base/text.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- making ---- */

void question_init(Question *q, QuestionKind kind, const char *name)
{
    *q = (Question){.kind = kind, .right.choice = kind == QUESTION_CHOICE ? -1 : 0};
    snprintf(q->name, sizeof q->name, "%s", name);
}

void question_free(Question *q)
{
    free(q->text);
    free(q->why);
    free(q->unit);
    for (int i = 0; i < q->choice_count; i++)
        free(q->choices[i].text);
    for (int i = 0; i < q->mistake_count; i++)
        free(q->mistakes[i].belief);
    *q = (Question){0};
}

/* Replaces *text by what the format says. */
__attribute__((format(printf, 3, 0))) static void write_text(Question *q, char **text, const char *format, va_list args)
{
    va_list again;
    va_copy(again, args);
    int n = vsnprintf(NULL, 0, format, args);
    char *written = n < 0 ? NULL : malloc((size_t)n + 1);
    if (written)
        vsnprintf(written, (size_t)n + 1, format, again);
    else
        q->failed = true;
    va_end(again);
    free(*text);
    *text = written;
}

void question_set_text(Question *q, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    write_text(q, &q->text, format, args);
    va_end(args);
}

void question_set_why(Question *q, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    write_text(q, &q->why, format, args);
    va_end(args);
}

static void copy_text(Question *q, char **text, const char *from)
{
    free(*text);
    *text = strdup(from);
    q->failed |= !*text;
}

void question_set_unit(Question *q, const char *unit)
{
    copy_text(q, &q->unit, unit);
}

void question_set_number(Question *q, double right, double tolerance)
{
    q->right.number = right;
    q->tolerance = tolerance;
}

static void set_shape(Answer *a, const size_t *shape, int rank)
{
    a->rank = rank < QUESTION_RANK_MAX ? rank : QUESTION_RANK_MAX;
    for (int i = 0; i < a->rank; i++)
        a->shape[i] = shape[i];
}

void question_set_shape(Question *q, const size_t *shape, int rank)
{
    set_shape(&q->right, shape, rank);
}

void question_set_stage(Question *q, const char *name)
{
    snprintf(q->right.stage, sizeof q->right.stage, "%s", name);
}

static bool same_shape(const Answer *a, const Answer *b)
{
    return a->rank == b->rank && memcmp(a->shape, b->shape, (size_t)a->rank * sizeof *a->shape) == 0;
}

static bool near_number(double a, double b, double tolerance)
{
    return a == b || fabs(a - b) <= tolerance;
}

/* How near to the right number a wrong one must not be: who rounds a little differently must not be told of a mistake. */
static double clearance(const Question *q)
{
    double least = 2.5 * q->tolerance, relative = q->tolerance > 0 ? 0.02 * fabs(q->right.number) : 0;
    return least > relative ? least : relative;
}

static bool is_taken(const Question *q, const Answer *a)
{
    for (int i = -1; i < q->mistake_count; i++) {
        const Answer *b = i < 0 ? &q->right : &q->mistakes[i].answer;
        if ((q->kind == QUESTION_NUMBER && near_number(a->number, b->number, i < 0 ? clearance(q) : q->tolerance)) ||
            (q->kind == QUESTION_SHAPE && same_shape(a, b)) || (q->kind == QUESTION_STAGE && strcmp(a->stage, b->stage) == 0) ||
            (q->kind == QUESTION_CHOICE && a->choice == b->choice))
            return true;
    }
    return false;
}

__attribute__((format(printf, 4, 0))) static bool add_mistake(Question *q, const Answer *a, const char *name, const char *belief,
                                                              va_list args)
{
    if (q->mistake_count == QUESTION_MISTAKES_MAX || isnan(a->number) || is_taken(q, a))
        return false;
    Mistake *m = &q->mistakes[q->mistake_count];
    *m = (Mistake){.answer = *a};
    snprintf(m->name, sizeof m->name, "%s", name);
    write_text(q, &m->belief, belief, args);
    q->mistake_count++;
    return true;
}

bool question_add_number(Question *q, double number, const char *name, const char *belief, ...)
{
    va_list args;
    va_start(args, belief);
    bool taken = add_mistake(q, &(Answer){.number = number}, name, belief, args);
    va_end(args);
    return taken;
}

bool question_add_shape(Question *q, const size_t *shape, int rank, const char *name, const char *belief, ...)
{
    Answer a = {0};
    va_list args;
    set_shape(&a, shape, rank);
    va_start(args, belief);
    bool taken = add_mistake(q, &a, name, belief, args);
    va_end(args);
    return taken;
}

bool question_add_stage(Question *q, const char *stage, const char *name, const char *belief, ...)
{
    Answer a = {0};
    va_list args;
    snprintf(a.stage, sizeof a.stage, "%s", stage);
    va_start(args, belief);
    bool taken = add_mistake(q, &a, name, belief, args);
    va_end(args);
    return taken;
}

static bool add_choice(Question *q, double claim, const char *text)
{
    if (q->choice_count == QUESTION_CHOICES_MAX || isnan(claim))
        return false;
    for (int i = 0; i < q->choice_count; i++)
        if (q->choices[i].claim == claim || strcmp(q->choices[i].text, text) == 0)
            return false;
    Choice *c = &q->choices[q->choice_count];
    *c = (Choice){.claim = claim};
    copy_text(q, &c->text, text);
    if (!c->text)
        return false;
    q->choice_count++;
    return true;
}

bool question_add_right(Question *q, double claim, const char *text)
{
    if (!add_choice(q, claim, text))
        return false;
    q->right.choice = q->choice_count - 1;
    return true;
}

bool question_add_wrong(Question *q, double claim, const char *text, const char *name, const char *belief, ...)
{
    if (!add_choice(q, claim, text))
        return false;
    va_list args;
    va_start(args, belief);
    bool taken = add_mistake(q, &(Answer){.choice = q->choice_count - 1}, name, belief, args);
    va_end(args);
    return taken;
}

/* Fisher and Yates; what the answers' indices mean moves along. */
void question_shuffle(Question *q, uint64_t seed)
{
    int to[QUESTION_CHOICES_MAX]; /* choice i goes to place to[i] */
    Choice moved[QUESTION_CHOICES_MAX];
    Random r = random_seeded(seed);
    for (int i = 0; i < q->choice_count; i++)
        to[i] = i;
    for (int i = q->choice_count - 1; i > 0; i--) {
        int j = (int)random_below(&r, (uint64_t)i + 1), swap = to[i];
        to[i] = to[j];
        to[j] = swap;
    }
    for (int i = 0; i < q->choice_count; i++)
        moved[to[i]] = q->choices[i];
    memcpy(q->choices, moved, (size_t)q->choice_count * sizeof *moved);
    if (q->choice_count && q->right.choice >= 0)
        q->right.choice = to[q->right.choice];
    for (int i = 0; q->kind == QUESTION_CHOICE && i < q->mistake_count; i++)
        q->mistakes[i].answer.choice = to[q->mistakes[i].answer.choice];
}

/* ---- judging ---- */

/* An answer with few digits is right where the right number, rounded so, is that answer; a question without tolerance wants it exactly. */
static bool is_right_number(const Question *q, const Answer *a)
{
    return near_number(a->number, q->right.number, q->tolerance + (q->tolerance > 0 ? a->rounding : 0));
}

/* The mistake whose number is nearest to the answer, if one is near enough. */
static int mistake_of_number(const Question *q, const Answer *a)
{
    int best = -1;
    for (int i = 0; i < q->mistake_count; i++) {
        double m = q->mistakes[i].answer.number, slack = q->tolerance > 0 ? a->rounding + 0.01 * fabs(m) : 0;
        if (near_number(a->number, m, q->tolerance > slack ? q->tolerance : slack) &&
            (best < 0 || fabs(a->number - m) < fabs(a->number - q->mistakes[best].answer.number)))
            best = i;
    }
    return best;
}

Verdict question_judge(const Question *q, const Answer *a, int *mistake)
{
    bool right = false;
    *mistake = -1;
    switch (q->kind) {
    case QUESTION_CHOICE:
        right = a->choice == q->right.choice;
        break;
    case QUESTION_NUMBER:
        right = is_right_number(q, a);
        break;
    case QUESTION_SHAPE:
        right = same_shape(a, &q->right);
        break;
    case QUESTION_STAGE:
        right = strcmp(a->stage, q->right.stage) == 0;
        break;
    case QUESTION_REASON:
        return a->choice == ASSESSED_YES ? VERDICT_RIGHT : a->choice == ASSESSED_PARTLY ? VERDICT_PARTLY : VERDICT_WRONG;
    }
    if (right)
        return VERDICT_RIGHT;
    if (q->kind == QUESTION_NUMBER)
        *mistake = mistake_of_number(q, a);
    for (int i = 0; i < q->mistake_count && q->kind != QUESTION_NUMBER; i++) {
        const Answer *m = &q->mistakes[i].answer;
        if (q->kind == QUESTION_CHOICE  ? m->choice == a->choice
            : q->kind == QUESTION_SHAPE ? same_shape(m, a)
                                        : strcmp(m->stage, a->stage) == 0)
            *mistake = i;
    }
    return VERDICT_WRONG;
}

/* ---- words ---- */

const char *question_number(double x, char out[QUESTION_NUMBER_MAX])
{
    if (isinf(x))
        snprintf(out, QUESTION_NUMBER_MAX, "%s", x < 0 ? "−∞" : "∞");
    else if (fabs(x - nearbyint(x)) <= 1e-9 * fabs(x) && fabs(x) < 1e9)
        snprintf(out, QUESTION_NUMBER_MAX, "%.0f", x == 0 ? 0 : x);
    else if (fabs(x) < 1e-3 || fabs(x) >= 1e6)
        snprintf(out, QUESTION_NUMBER_MAX, "%.3e", x);
    else
        snprintf(out, QUESTION_NUMBER_MAX, "%.*f", fabs(x) < 0.01 ? 5 : fabs(x) < 0.1 ? 4 : fabs(x) < 100 ? 3 : 1, x);
    return out;
}

void question_write_answer(const Question *q, const Answer *a, Buffer *out)
{
    static const char *const assessments[ASSESSMENT_COUNT] = {N_("yes"), N_("partly"), N_("no")};
    char number[QUESTION_NUMBER_MAX];
    switch (q->kind) {
    case QUESTION_CHOICE:
        if (a->choice >= 0 && a->choice < q->choice_count)
            buffer_puts(out, q->choices[a->choice].text);
        break;
    case QUESTION_NUMBER:
        buffer_puts(out, question_number(a->number, number));
        if (q->unit)
            buffer_printf(out, " %s", q->unit);
        break;
    case QUESTION_SHAPE:
        for (int i = 0; i < a->rank; i++)
            buffer_printf(out, i ? "×%zu" : "%zu", a->shape[i]);
        break;
    case QUESTION_STAGE:
        buffer_puts(out, a->stage);
        break;
    case QUESTION_REASON:
        if (a->choice >= 0 && a->choice < ASSESSMENT_COUNT)
            buffer_puts(out, _(assessments[a->choice]));
        break;
    }
}

/* Another sentence: behind a space where one belongs there. */
static void add_sentence(const char *text, Buffer *out)
{
    if (out->len && out->data[out->len - 1] != ' ' && !text_needs_no_space(out->data, out->len, text, strlen(text)))
        buffer_putc(out, ' ');
    buffer_puts(out, text);
}

void question_write_right(const Question *q, Buffer *out)
{
    if (q->kind != QUESTION_REASON) {
        add_sentence(_("The answer: "), out);
        question_write_answer(q, &q->right, out);
        buffer_puts(out, _(". "));
    }
    if (q->why)
        add_sentence(q->why, out);
    while (out->len && out->data[out->len - 1] == ' ')
        out->data[--out->len] = '\0';
}

void question_reply(const Question *q, const Answer *a, Buffer *out)
{
    int mistake;
    Verdict verdict = question_judge(q, a, &mistake);
    if (q->kind == QUESTION_REASON) {
        if (q->why)
            buffer_puts(out, q->why);
        return;
    }
    if (verdict == VERDICT_WRONG) {
        if (mistake >= 0)
            buffer_puts(out, q->mistakes[mistake].belief);
        question_write_right(q, out);
    } else if (q->why) {
        buffer_puts(out, q->why);
    }
}
