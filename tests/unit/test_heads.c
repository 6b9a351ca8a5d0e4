/* test_heads.c - head classes, against the plainest sums and what uniform attention must score. */
#include "measure/heads.h"
#include "measure/metrics.h"
#include "pass/input.h"

#include "explain_help.h"

/* ---- head classes ---- */

/* Under uniform attention every score is what chance says, and no head has a class of its own. */
static void check_heads(Pass *p)
{
    HeadScore *heads;
    size_t n, count = 0;
    const Plan *plan = pass_plan(p);
    cr_assert_eq(heads_measure(p, &heads, &n, NULL), 0);
    for (size_t i = 0; i < plan->count; i++)
        count += plan->stages[i].kind == STAGE_WEIGHTS ? plan->stages[i].shape[0] : 0;
    cr_assert_eq(n, count);
    for (size_t h = 0; h < n; h++) {
        const Stage *s = &plan->stages[heads[h].stage];
        cr_assert(fabs(heads[h].entropy - attention_head_entropy(p, heads[h].stage, heads[h].head)) < 1e-9);
        for (int c = 0; c < HEAD_CLASSES; c++) {
            cr_assert_eq(isnan(heads[h].score[c]), heads[h].queries[c] == 0);
            if (plan->ablations & UNIFORM_ATTENTION)
                cr_assert(isnan(heads[h].score[c]) || fabs(heads[h].score[c] - heads[h].chance[c]) < 1e-5, "%s: class %d", current, c);
        }
        if (plan->ablations & UNIFORM_ATTENTION)
            cr_assert_eq(heads[h].class, HEAD_SPREAD);
        cr_assert_eq(heads[h].queries[HEAD_PREVIOUS], s->sub == SUB_CROSS ? 0 : s->shape[1] - 1);
        bool looks_on = s->sub == SUB_SELF && (!stage_is_causal(s) || (plan->ablations & NO_MASK));
        cr_assert_eq(heads[h].queries[HEAD_NEXT], looks_on ? s->shape[1] - 1 : 0);
    }
    free(heads);
}

Test(heads, uniform_attention_scores_what_chance_does)
{
    on_everything(check_heads);
}

/* Scores by the plainest sums, on ids 0 1 2 0 1: what follows an earlier 0 is the 1 at position 1, an earlier 1 the 2 at position 2. */
Test(heads, scores_are_means_of_weights)
{
    Model *m = help_model("kind=decoder,d_model=8,n_heads=2,decoder_layers=1,vocab_size=11,bos=9");
    Error e = {{0}};
    Pass *p = pass_create(m, (PassInput){.target = (const int[]){0, 1, 2, 0, 1}, .target_len = 5}, 0, &e);
    HeadScore *heads;
    size_t n, i = help_stage(p, "decoder.0.self.weights");
    cr_assert_eq(heads_measure(p, &heads, &n, &e), 0);
    cr_assert_eq(n, 2);
    for (size_t h = 0; h < 2; h++) {
        const real *w = pass_value(p, i) + h * 25;
        double previous = 0, same = 0, first = 0;
        for (size_t q = 0; q < 5; q++) {
            same += (double)w[q * 5 + q] / 5;
            previous += q ? (double)w[q * 5 + q - 1] / 4 : 0;
            first += q ? (double)w[q * 5] / 4 : 0;
        }
        double induction = ((double)w[3 * 5 + 1] + (double)w[4 * 5 + 2]) / 2;
        cr_assert(fabs(heads[h].score[HEAD_PREVIOUS] - previous) < 1e-9);
        cr_assert(fabs(heads[h].score[HEAD_SAME] - same) < 1e-9);
        cr_assert(fabs(heads[h].score[HEAD_FIRST] - first) < 1e-9);
        cr_assert(fabs(heads[h].score[HEAD_INDUCTION] - induction) < 1e-9);
        cr_assert(fabs(heads[h].chance[HEAD_INDUCTION] - (1.0 / 4 + 1.0 / 5) / 2) < 1e-9);
        cr_assert(isnan(heads[h].score[HEAD_SEPARATOR]), "no separator in this text");
    }
    free(heads);
    pass_free(p);
    model_free(m);
}

/* On 0 0 1 0: what followed the first 0 is the second 0 itself, which does not count for it; for the last 0 both positions 1 and 2 do. */
Test(heads, a_token_is_not_its_own_induction)
{
    Model *m = help_model("kind=decoder,d_model=8,n_heads=1,decoder_layers=1,vocab_size=11");
    Error e = {{0}};
    Pass *p = pass_create(m, (PassInput){.target = (const int[]){0, 0, 1, 0}, .target_len = 4}, 0, &e);
    HeadScore *heads;
    size_t n;
    cr_assert_eq(heads_measure(p, &heads, &n, &e), 0);
    const real *w = pass_value(p, heads[0].stage);
    cr_assert_eq(heads[0].queries[HEAD_INDUCTION], 1);
    cr_assert(fabs(heads[0].score[HEAD_INDUCTION] - (double)w[3 * 4 + 1] - (double)w[3 * 4 + 2]) < 1e-9);
    free(heads);
    pass_free(p);
    model_free(m);
}

/* The wired model was made of a previous-token head and an induction head; on a text without repetition the second cannot be measured. */
Test(heads, the_wired_model_has_its_two_heads)
{
    Error e = {{0}};
    Model *m = model_open("tiny-models/hand-wired", NULL, &e);
    cr_assert(m, "%s", e.text);
    static const struct {
        const char *text;
        HeadClass second;
    } cases[] = {{"A B C A B D A B", HEAD_INDUCTION}, {"A B C D E F", HEAD_CLASSES}};
    for (size_t i = 0; i < 2; i++) {
        Input in = {0};
        HeadScore *heads;
        size_t n;
        cr_assert_eq(input_read(&in, m, (InputText){.text = cases[i].text}, 0, &e), 0, "%s", e.text);
        Pass *p = pass_create(m, input_ids(&in), 0, &e);
        cr_assert_eq(heads_measure(p, &heads, &n, &e), 0);
        cr_assert_eq(n, 2);
        cr_assert_eq(heads[0].class, HEAD_PREVIOUS);
        cr_assert(cases[i].second == HEAD_CLASSES ? isnan(heads[1].score[HEAD_INDUCTION]) && heads[1].class != HEAD_INDUCTION
                                                  : heads[1].class == HEAD_INDUCTION);
        free(heads);
        pass_free(p);
        input_free(&in);
    }
    model_free(m);
}
