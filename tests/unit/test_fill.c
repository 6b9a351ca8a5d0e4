/* test_fill.c - a cell computed by hand: what is shown is enough to get there, nothing shown gives it away, and the slips are told apart.
 */
#include "measure_help.h"

#include "lesson/fill.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* As the learner reads a number: four decimals, or four significant digits. */
static double as_shown(double x)
{
    char text[64];
    snprintf(text, sizeof text, x != 0 && fabs(x) < 0.01 ? "%.3e" : "%.4f", x);
    return strtod(text, NULL);
}

/* Adds up the terms from what is shown, where the arithmetic is a sum of products. */
static bool by_hand(const Fill *f, double *out)
{
    *out = f->done_terms ? as_shown(f->done_sum) : 0;
    for (size_t i = 0; i < f->terms.count; i++) {
        const ExplainLine *l = &f->terms.lines[i];
        if (l->kind == LINE_STEP)
            return false;
        if (l->kind != LINE_TERM || !f->asked[i])
            continue;
        double a = as_shown(l->in[0].value), b = as_shown(l->in[1].value);
        if (l->in[1].kind != OPERAND_NONE && l->sign != '*')
            return false;
        if (l->in[1].kind == OPERAND_NONE && l->formula[0])
            return false;
        *out += l->in[1].kind != OPERAND_NONE ? a * b : a;
    }
    return true;
}

static size_t made, added_up;

static void check(Pass *p, size_t stage, bool gradient, uint64_t seed)
{
    const Stage *s = &pass_plan(p)->stages[stage];
    char name[STAGE_NAME_MAX];
    Cellref near = {.stage = stage}, cell;
    Error e = {{0}};
    Fill f;
    double sum;
    int mistake;
    stage_name(s, name);
    for (int k = 0; k < s->rank; k++)
        near.index[k] = s->shape[k] - 1;
    if (fill_find(p, near, gradient, seed, &cell, &e) != 0) {
        cr_assert(strstr(e.text, "nothing to compute"), "%s: %s", name, e.text);
        return;
    }
    cr_assert_eq(fill_make(&f, p, cell, gradient, &e), 0, "%s: %s", name, e.text);
    made++;
    const Question *q = &f.question;
    double stored = (double)(gradient ? pass_gradient(p, stage) : pass_value(p, stage))[cell_offset(s, cell.index)];
    cr_assert_eq(q->right.number, stored, "%s", name);
    cr_assert(q->tolerance > 0 && q->tolerance < 0.05 * fabs(stored), "%s: ± %g of %g", name, q->tolerance, stored);
    cr_assert_eq(question_judge(q, &(Answer){.number = stored}, &mistake), VERDICT_RIGHT);
    cr_assert_gt(q->mistake_count, 0);
    for (int i = 0; i < q->mistake_count; i++) {
        double wrong = q->mistakes[i].answer.number;
        cr_assert(fabs(wrong - stored) > q->tolerance, "%s: %s", name, q->mistakes[i].name);
        cr_assert_eq(question_judge(q, &(Answer){.number = wrong}, &mistake), VERDICT_WRONG, "%s: %s", name, q->mistakes[i].name);
    }
    bool any = false;
    for (size_t i = 0; i < f.terms.count; i++)
        for (int k = 0; k < 2; k++) {
            any |= f.asked[i];
            const Operand *o = &f.terms.lines[i].in[k]; /* the answer itself is not among what is computed on the way */
            cr_assert_not(o->kind == OPERAND_NUMBER && fill_shows(&f, i, k) && o->value == f.terms.exact && f.asked[f.terms.count - 1] &&
                              i + 1 == f.terms.count && o->value != 0 && s->kind != STAGE_POSITIONS && k == 0,
                          "%s shows its result", name);
        }
    cr_assert(any, "%s: nothing is left to do", name);
    if (by_hand(&f, &sum)) {
        added_up++;
        cr_assert_eq(question_judge(q, &(Answer){.number = sum}, &mistake), VERDICT_RIGHT,
                     "%s: from what is shown one gets %g, stored %g ± %g", name, sum, stored, q->tolerance);
    }
    fill_free(&f);
}

Test(fill, what_is_shown_leads_to_the_cell, .timeout = 120)
{
    for (int m = 0; m < HELP_CONFIGS; m++) {
        Model *model = help_model(help_configs[m]);
        for (int a = 0; a < HELP_ABLATIONS; a++) {
            Pass *p = help_pass(model, help_ablation(help_ablations[a]));
            size_t rows = pass_plan(p)->stages[pass_plan(p)->count - 1].shape[0];
            int targets[64];
            double loss;
            Error e = {{0}};
            for (size_t i = 0; i < rows; i++)
                targets[i] = (int)((i + 2) % model->config.vocab_size);
            cr_assert_eq(pass_backward(p, targets, rows, &loss, &e), 0);
            for (size_t i = 0; i < pass_plan(p)->count; i++)
                for (uint64_t seed = 0; seed < 2; seed++) {
                    check(p, i, false, seed);
                    check(p, i, true, seed);
                }
            pass_free(p);
        }
        model_free(model);
    }
    cr_assert_gt(made, 5000, "%zu cells", made);
    cr_assert_gt(added_up, 1000, "%zu sums", added_up);
}

/* One slip of each kind, computed here from the values. */
Test(fill, slips_are_named)
{
    Model *m = help_model(help_configs[0]);
    Pass *p = help_pass(m, 0);
    Error e = {{0}};
    static const char *const stages[] = {"decoder.0.self.q",     "decoder.0.self.scaled",   "decoder.0.self.weights",
                                         "decoder.0.self.heads", "decoder.0.self.residual", "decoder.0.ffn.norm"};
    for (size_t i = 0; i < sizeof stages / sizeof *stages; i++) {
        size_t at = help_stage(p, stages[i]);
        const Stage *s = &pass_plan(p)->stages[at];
        Cellref near = {.stage = at, .index = {0, s->rank == 3 ? 4 : 3, 1}}, cell;
        Fill f;
        int mistake;
        double wrong = NAN;
        const char *want = "";
        cr_assert_eq(fill_find(p, near, false, 1, &cell, &e), 0, "%s: %s", stages[i], e.text);
        cr_assert_eq(fill_make(&f, p, cell, false, &e), 0, "%s", e.text);
        size_t offset = cell_offset(s, cell.index);
        const real *in = pass_value(p, (size_t)s->in[0]);
        double right = f.question.right.number;
        if (s->kind == STAGE_Q) {
            const Weight *b = &m->weights.items[s->w[1]];
            wrong = right - (double)weight_plain(b)[cell.index[0] * m->config.d_head + cell.index[2]];
            want = "no-bias";
        } else if (s->kind == STAGE_SCALED) {
            wrong = (double)in[offset] / (double)m->config.d_head;
            want = "by-dk";
        } else if (s->kind == STAGE_WEIGHTS) {
            wrong = (double)in[offset];
            want = "score";
        } else if (s->kind == STAGE_HEADS) {
            const real *v = pass_value(p, (size_t)s->in[1]);
            wrong = 0;
            for (size_t j = 0; j <= cell.index[1]; j++)
                wrong += (double)v[(cell.index[0] * 5 + j) * m->config.d_head + cell.index[2]];
            want = "unweighted";
        } else if (s->kind == STAGE_RESIDUAL) {
            wrong = (double)pass_value(p, (size_t)s->in[1])[offset];
            want = "replaced";
        } else {
            double mean = 0, variance = 0;
            for (size_t j = 0; j < 8; j++)
                mean += (double)in[cell.index[0] * 8 + j] / 8;
            for (size_t j = 0; j < 8; j++)
                variance += pow((double)in[cell.index[0] * 8 + j] - mean, 2) / 8;
            double gain = (double)weight_plain(&m->weights.items[s->w[0]])[cell.index[1]],
                   bias = (double)weight_plain(&m->weights.items[s->w[1]])[cell.index[1]];
            wrong = (double)in[offset] / sqrt(variance + m->config.norm_eps) * gain + bias;
            want = "not-centred";
        }
        if (fabs(wrong - right) > 3 * f.question.tolerance + 0.03 * fabs(right)) {
            cr_assert_eq(question_judge(&f.question, &(Answer){.number = wrong}, &mistake), VERDICT_WRONG);
            cr_assert_geq(mistake, 0, "%s: %g is no known slip", stages[i], wrong);
            cr_assert_str_eq(f.question.mistakes[mistake].name, want, "%s", stages[i]);
        } else {
            cr_assert_fail("%s: the slip cannot be told from the answer here", stages[i]);
        }
        fill_free(&f);
    }
    pass_free(p);
    model_free(m);
}

/* Sine for cosine in a table of positions, where they are neighbours and where the sines are the first half. */
Test(fill, a_position_is_a_sine_or_a_cosine)
{
    static const char *const pairings[] = {"interleaved", "half"};
    for (int i = 0; i < 2; i++) {
        char config[160];
        Error e = {{0}};
        Fill f;
        int mistake;
        snprintf(config, sizeof config,
                 "kind=decoder,d_model=8,n_heads=2,d_ff=12,decoder_layers=1,vocab_size=11,position=sinusoidal,sinusoid_pairing=%s",
                 pairings[i]);
        Model *m = help_model(config);
        Pass *p = help_pass(m, 0);
        Cellref cell = {.stage = help_stage(p, "decoder.embed.positions"), .index = {3, 5}};
        cr_assert_eq(fill_make(&f, p, cell, false, &e), 0, "%s", e.text);
        /* Dimension 5 of 8: the cosine of the third pair where pairs are neighbours, else of the second. */
        double angle = 3 / pow(10000, i == 0 ? 4.0 / 8 : 2.0 / 8);
        cr_expect_float_eq(f.question.right.number, cos(angle), 1e-6);
        cr_assert_eq(question_judge(&f.question, &(Answer){.number = sin(angle)}, &mistake), VERDICT_WRONG);
        cr_assert_geq(mistake, 0, "%s", pairings[i]);
        cr_assert_str_eq(f.question.mistakes[mistake].name, "sine-cosine");
        fill_free(&f);
        pass_free(p);
        model_free(m);
    }
}
