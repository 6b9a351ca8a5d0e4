/* test_bug.c - the bugs of the hunt: each is caught, at its own stage, by every comparison that its card names; its gradients are its own; and
 * taken out, nothing of it is left. Runs from the top folder. */
#include "pass/bug.h"

#include "base/file.h"
#include "gradient_help.h"
#include "measure/explain.h"
#include "measure/explain_gradient.h"
#include "measure/gradient_check.h"
#include "measure/verify.h"
#include "pass/bug_functions.h"
#include "pass/edit.h"
#include "pass/input.h"
#include "tensor/kernels.h"

#include <dirent.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define GOLDEN "tests/golden/"

/* ---- two passes of the same plan ---- */

/* The first stage that is not the same bit for bit, or -1. *error: the largest difference in it, beside its largest number; infinite where one has
 * an infinity that the other has not. */
static int first_difference(Pass *a, Pass *b, double *error)
{
    const Plan *plan = pass_plan(a);
    *error = 0;
    for (size_t i = 0; i < plan->count; i++) {
        const real *x = pass_value(a, i), *y = pass_value(b, i);
        size_t n = plan->stages[i].count;
        if (memcmp(x, y, n * sizeof *x) == 0)
            continue;
        double largest = 0, worst = 0;
        for (size_t j = 0; j < n; j++) {
            if (isfinite((double)x[j]))
                largest = fmax(largest, fabs((double)x[j]));
            if (isfinite((double)x[j]) && isfinite((double)y[j]))
                worst = fmax(worst, fabs((double)x[j] - (double)y[j]));
            else if (!(x[j] == y[j]))
                worst = INFINITY;
        }
        *error = worst / fmax(largest, 1e-30);
        return (int)i;
    }
    return -1;
}

static void put(const Bug *b, Pass *p)
{
    Error e = {{0}};
    cr_assert_eq(bug_put(b, p, &e), 0, "%s", e.text);
}

/* Every value is a number, or −∞ where a score is hidden. */
static void check_no_nan(Pass *p, const char *where)
{
    const Plan *plan = pass_plan(p);
    char name[STAGE_NAME_MAX];
    for (size_t i = 0; i < plan->count; i++)
        for (size_t j = 0; j < plan->stages[i].count; j++)
            cr_assert(!isnan((double)pass_value(p, i)[j]), "%s: %s[%zu] is not a number", where, stage_name(&plan->stages[i], name), j);
}

/* The arithmetic of every stage agrees with what it holds, but for the stages that the bug touches: what follows from a bug is computed rightly from
 * wrong numbers. */
static void check_arithmetic(const Bug *b, Pass *p, const char *where)
{
    char name[STAGE_NAME_MAX];
    for (size_t i = 0; i < pass_plan(p)->count; i++) {
        StageCheck c;
        Error e = {{0}};
        if (b && bug_touches(b, p, i))
            continue;
        cr_assert_eq(explain_check_stage(p, i, 60, &c, &e), 0, "%s", e.text);
        cr_assert_eq(c.wrong, 0, "%s: %s[%zu,%zu,%zu]: the arithmetic gives %.9g, the stage holds %.9g", where,
                     stage_name(&pass_plan(p)->stages[i], name), c.first.index[0], c.first.index[1], c.first.index[2], c.exact, c.stored);
    }
}

/* Bugs that differ from the right network by less than a float's rounding wherever a row is of ordinary size. */
static bool is_fine(const Bug *b)
{
    return b == &bug_table[BUG_EPS_OUTSIDE];
}

/* Puts the bug into p and compares with the same pass without it. True where it applies. */
static bool check_bug(const Bug *b, Pass *clean, Pass *p, const char *where)
{
    double error;
    char name[STAGE_NAME_MAX], what[512];
    snprintf(what, sizeof what, "%s in %.400s", b->id, where);
    cr_assert_eq(first_difference(clean, p, &error), -1, "%s: before", what);
    bool applies = bug_applies(b, p);
    put(b, p);
    int found = first_difference(clean, p, &error);
    if (!applies)
        cr_assert_eq(found, -1, "%s: does not apply, but changes %s", what, found < 0 ? "" : stage_name(&pass_plan(p)->stages[found], name));
    else if (!is_fine(b) || found >= 0) {
        cr_assert(found >= 0, "%s: applies, but changes nothing", what);
        cr_assert(bug_touches(b, p, (size_t)found), "%s: first seen in %s, which it does not touch", what, stage_name(&pass_plan(p)->stages[found], name));
        cr_assert_eq(found, bug_first_stage(b, p), "%s: first seen in %s", what, stage_name(&pass_plan(p)->stages[found], name));
        if (!is_fine(b))
            cr_assert(error > 1e-5, "%s: %s differs by %.2g only", what, stage_name(&pass_plan(p)->stages[found], name), error);
    }
    check_no_nan(p, what);
    check_arithmetic(b, p, what);
    put(NULL, p);
    cr_assert_eq(first_difference(clean, p, &error), -1, "%s: after it was taken out", what);
    return applies;
}

/* ---- the golden cases ---- */

static size_t golden_hits[BUG_COUNT];

/* The stored numbers find the bug out, at the first stage that it touches; where it does not apply they agree as before. */
static void check_golden(const char *name)
{
    char folder[320];
    snprintf(folder, sizeof folder, GOLDEN "%s", name);
    if (!file_is_folder(folder))
        return;
    for (int i = 0; i < BUG_COUNT; i++) {
        VerifyCase v;
        Error e = {{0}};
        const Bug *b = &bug_table[i];
        cr_assert_eq(verify_with_bug(folder, b, &v, &e), 0, "%s: %s", name, e.text);
        if (!v.bug_stage[0]) {
            cr_expect(v.passed, "%s does not apply in %s, but %s differs by %.2g", b->id, name, v.trace.worst, v.trace.error);
        } else if (!is_fine(b)) {
            golden_hits[i]++;
            cr_expect(!v.passed && v.trace.error > v.trace.tolerance, "%s goes unnoticed in %s", b->id, name);
            cr_expect_str_eq(v.trace.first, v.bug_stage, "%s in %s", b->id, name);
        }
    }
}

Test(bug, golden_cases_catch_each)
{
    DIR *dir = opendir(GOLDEN);
    cr_assert(dir);
    for (struct dirent *d; (d = readdir(dir));)
        if (d->d_name[0] != '.')
            check_golden(d->d_name);
    closedir(dir);
    for (int i = 0; i < BUG_COUNT; i++)
        if (!bug_needs_padding(&bug_table[i]) && !is_fine(&bug_table[i]))
            cr_expect(golden_hits[i] > 0, "%s: no golden case has what it breaks", bug_table[i].id);
}

/* ---- models of every kind, with and without ablations and padding ---- */

static size_t hits[BUG_COUNT];

static void check_config(const char *config, const char *ablations, size_t source_len, size_t target_len)
{
    Model *m = help_model(config);
    for (int i = 0; i < BUG_COUNT; i++) {
        Pass *clean = help_pass_of(m, source_len, target_len, help_ablation(ablations));
        Pass *p = help_pass_of(m, source_len, target_len, help_ablation(ablations));
        char where[480];
        snprintf(where, sizeof where, "%s [%s]", config, ablations);
        hits[i] += check_bug(&bug_table[i], clean, p, where);
        pass_free(clean);
        pass_free(p);
    }
    model_free(m);
}

Test(bug, every_config_and_ablation)
{
    for (int c = 0; c < GRADIENT_CONFIGS; c++) {
        for (int a = 0; a < HELP_ABLATIONS; a++)
            check_config(gradient_config(c), help_ablations[a], HELP_SOURCE, HELP_TARGET);
        check_config(gradient_config(c), "", 1, 1);
    }
    for (int i = 0; i < BUG_COUNT; i++)
        cr_expect(hits[i] > 0, "%s applies nowhere", bug_table[i].id);
}

/* ---- eps outside the root: fine, but not nothing ---- */

/* The norm of a row (scale, -scale, scale, …), whose mean is 0 and variance scale²: gain 1 and bias 0. */
static double normed(StageFn forward, double scale, const Config *c)
{
    enum { D = 8 };
    real x[D], y[D], gain[D], bias[D] = {0};
    Stage s = {.kind = STAGE_NORM, .rank = 2, .shape = {1, D}, .count = D};
    for (int j = 0; j < D; j++) {
        x[j] = (real)(j % 2 ? -scale : scale);
        gain[j] = 1;
    }
    forward(&(StageRun){.stage = &s, .config = c, .in = {x}, .w = {gain, bias}, .out = y});
    return (double)y[0];
}

Test(bug, eps_outside_the_root_shows_in_rows_that_are_nearly_constant)
{
    Config c = {.norm = NORM_LAYERNORM, .norm_eps = 1e-5};
    cr_assert_float_eq(normed(stage_norm_forward, sqrt(1e-5), &c), sqrt(0.5), 1e-5);
    cr_assert_gt(normed(bug_eps_outside_forward, sqrt(1e-5), &c), 0.99);
    double ordinary = normed(bug_eps_outside_forward, 1, &c) / normed(stage_norm_forward, 1, &c) - 1;
    cr_assert(fabs(ordinary) < 1e-5 && fabs(ordinary) > 1e-6, "%g", ordinary); /* the sixth digit */

    Model *m = help_model(bug_table[BUG_EPS_OUTSIDE].model + strlen("random:"));
    Pass *clean = help_pass(m, 0), *p = help_pass(m, 0);
    double error;
    put(&bug_table[BUG_EPS_OUTSIDE], p);
    int found = first_difference(clean, p, &error);
    cr_assert_eq(found, bug_first_stage(&bug_table[BUG_EPS_OUTSIDE], p));
    cr_assert_gt(error, 1e-4);
    pass_free(clean);
    pass_free(p);
    model_free(m);
}

/* ---- what the cards say ---- */

static double row_sum(const real *x, size_t n)
{
    double sum = 0;
    for (size_t j = 0; j < n; j++)
        sum += (double)x[j];
    return sum;
}

static Pass *pass_with(const Model *m, BugId id)
{
    Pass *p = help_pass(m, 0);
    put(&bug_table[id], p);
    return p;
}

Test(bug, cards_say_what_is_so)
{
    Model *m = help_model("kind=decoder,d_model=16,n_heads=4,d_ff=24,decoder_layers=2,vocab_size=11,position=sinusoidal,activation=gelu_tanh");
    size_t T = HELP_TARGET, V = 11;

    Pass *p = pass_with(m, BUG_SOFTMAX_AXIS);
    const real *w = pass_value(p, help_stage(p, "decoder.0.self.weights"));
    cr_assert_gt(fabs(row_sum(w + T, T) - 1), 0.01);
    cr_assert_float_eq((double)w[T * T - 1], 1, 1e-6, "the last key is given a weight of 1 by the last query");
    pass_free(p);

    p = pass_with(m, BUG_DIAGONAL_MASKED);
    w = pass_value(p, help_stage(p, "decoder.0.self.weights"));
    for (size_t j = 0; j < T; j++)
        cr_assert_float_eq((double)w[j], 1.0 / (double)T, 1e-6, "the first row is even");
    for (size_t i = 1; i < T; i++)
        cr_assert_eq(w[i * T + i], 0);
    pass_free(p);

    p = pass_with(m, BUG_MASK_AFTER_SOFTMAX);
    w = pass_value(p, help_stage(p, "decoder.0.self.weights"));
    for (size_t i = 0; i + 1 < T; i++)
        cr_assert_lt(row_sum(w + i * T, T), 0.999);
    pass_free(p);

    p = pass_with(m, BUG_SOFTMAX_LOGITS);
    size_t n;
    double loss;
    Error e = {{0}};
    const int *targets = help_targets(p, &n);
    cr_assert_float_eq(row_sum(pass_value(p, help_stage(p, "output.logits")), V), 1, 1e-5);
    cr_assert_eq(pass_loss(p, targets, n, &loss, &e), 0);
    cr_assert_gt(loss, log(1 + (double)(V - 1) / exp(1)));
    pass_free(p);

    p = pass_with(m, BUG_NO_OUTPUT_PROJECTION);
    cr_assert_eq(pass_backward(p, targets, n, &loss, &e), 0);
    for (size_t i = 0; i < m->weights.count; i++)
        if (strstr(m->weights.items[i].name, "W_O"))
            for (size_t k = 0; k < m->weights.items[i].count; k++)
                cr_assert_eq(pass_weight_gradient(p, i)[k], 0);
    pass_free(p);

    p = pass_with(m, BUG_VALUES_UNUSED);
    cr_assert_eq(pass_backward(p, targets, n, &loss, &e), 0);
    for (size_t i = 0; i < m->weights.count; i++)
        if (strstr(m->weights.items[i].name, "W_V"))
            for (size_t k = 0; k < m->weights.items[i].count; k++)
                cr_assert_eq(pass_weight_gradient(p, i)[k], 0);
    pass_free(p);

    p = pass_with(m, BUG_SINUSOID_EXPONENT);
    const real *x = pass_value(p, help_stage(p, "decoder.embed.positions")) + 16; /* position 1 */
    cr_assert_gt(fabs((double)(x[0] * x[0] + x[1] * x[1]) - 1), 0.01);
    put(NULL, p);
    x = pass_value(p, help_stage(p, "decoder.embed.positions")) + 16;
    cr_assert_float_eq((double)(x[0] * x[0] + x[1] * x[1]), 1, 1e-6);
    pass_free(p);

    double most = 0, at = 0;
    for (int i = 0; i < 6000; i++) {
        real in = (real)i / 1000, exact, tanh_form;
        gelu_forward(&exact, &in, 1);
        gelu_tanh_forward(&tanh_form, &in, 1);
        double d = fabs((double)exact - (double)tanh_form);
        at = d > most ? (double)in : at;
        most = fmax(most, d);
    }
    cr_assert(most < 0.0005 && fabs(at - 2.7) < 0.1, "%g at %g", most, at);
    model_free(m);
}

/* The last token changes; whether an earlier row of the output does. */
static bool leaks(const Model *m, BugId id)
{
    int ids[] = {3, 8, 2, 9, 5};
    Error e = {{0}};
    size_t V = m->config.vocab_size;
    double worst = 0;
    Pass *p[2];
    for (int k = 0; k < 2; k++) {
        ids[4] = k ? 1 : 5;
        p[k] = pass_create(m, (PassInput){NULL, ids, 0, 5}, 0, &e);
        cr_assert(p[k], "%s", e.text);
        put(id == BUG_COUNT ? NULL : &bug_table[id], p[k]);
    }
    size_t logits = pass_plan(p[0])->count - 2;
    for (size_t i = 0; i < 4 * V; i++)
        worst = fmax(worst, fabs((double)pass_value(p[0], logits)[i] - (double)pass_value(p[1], logits)[i]));
    pass_free(p[0]);
    pass_free(p[1]);
    return worst > 0;
}

Test(bug, a_leak_is_caught_by_changing_the_last_token)
{
    Model *m = help_model("kind=decoder,d_model=16,n_heads=4,d_ff=24,decoder_layers=2,vocab_size=11,position=sinusoidal");
    cr_assert(!leaks(m, BUG_COUNT));
    cr_assert(leaks(m, BUG_TARGET_LEAK));
    cr_assert(leaks(m, BUG_HEADS_NOT_TRANSPOSED));
    cr_assert(leaks(m, BUG_MASK_AFTER_SOFTMAX)); /* through the sizes of the rows */
    cr_assert(leaks(m, BUG_DIAGONAL_MASKED));    /* through the first row */
    cr_assert(!leaks(m, BUG_NO_SCALING));
    model_free(m);
}

/* ---- a padded batch: a sentence alone, and filled up to a longer one's length ---- */

/* The largest difference that padding makes to the encoder's rows of the real tokens. */
static double padding_matters(const Model *m, const Bug *b)
{
    static const int ids[] = {3, 8, 2, 4, 4}; /* 4 is padding */
    Error e = {{0}};
    double worst = 0;
    Pass *alone = pass_create(m, (PassInput){ids, NULL, 3, 0}, 0, &e), *padded = pass_create(m, (PassInput){ids, NULL, 5, 0}, 0, &e);
    cr_assert(alone && padded, "%s", e.text);
    put(b, alone);
    put(b, padded);
    size_t logits = pass_plan(alone)->count - 2, V = m->config.vocab_size;
    for (size_t i = 0; i < 3 * V; i++)
        worst = fmax(worst, fabs((double)pass_value(alone, logits)[i] - (double)pass_value(padded, logits)[i]));
    pass_free(alone);
    pass_free(padded);
    return worst;
}

Test(bug, a_padded_batch_catches_what_padding_shows)
{
    Model *m = help_model("kind=encoder,d_model=16,n_heads=4,d_ff=24,encoder_layers=2,vocab_size=11,position=sinusoidal,pad=4");
    cr_assert_leq(padding_matters(m, NULL), 64 * REAL_EPSILON);
    cr_assert_gt(padding_matters(m, &bug_table[BUG_PADDING_ATTENDED]), 1e-3);
    cr_assert_gt(padding_matters(m, &bug_table[BUG_MASK_AFTER_SOFTMAX]), 1e-3);
    cr_assert_gt(padding_matters(m, &bug_table[BUG_SOFTMAX_AXIS]), 1e-3);
    cr_assert_gt(padding_matters(m, &bug_table[BUG_HEADS_NOT_TRANSPOSED]), 1e-3);
    cr_assert_leq(padding_matters(m, &bug_table[BUG_NO_SCALING]), 64 * REAL_EPSILON);
    model_free(m);
}

/* ---- with the cache and without ---- */

static const char *const decoders[] = {
    "kind=decoder,d_model=16,n_heads=4,decoder_layers=2,vocab_size=23,position=rope",
    "kind=decoder,d_model=16,n_heads=4,n_kv_heads=2,decoder_layers=2,vocab_size=23,position=alibi,norm_position=post",
    "kind=encoder-decoder,d_model=16,n_heads=4,encoder_layers=1,decoder_layers=2,vocab_size=23,position=rope,norm=rmsnorm,ffn=gated",
};

/* The largest difference between the logits of decoding token by token with the bug, and the rows of a pass. */
static double decoding_differs(const Model *m, const Bug *b, Pass *p)
{
    size_t source_len, target_len, V = m->config.vocab_size;
    const int *source = pass_ids(p, STACK_ENCODER, &source_len), *target = pass_ids(p, STACK_DECODER, &target_len);
    Error e = {{0}};
    double worst = 0;
    const real *rows = pass_value(p, pass_plan(p)->count - 2), *logits;
    Decoding *d = decoding_create(m, source, source_len, target_len, 0, &e);
    cr_assert(d, "%s", e.text);
    decoding_put_bug(d, b);
    for (size_t t = 0; t < target_len; t++) {
        cr_assert_eq(decoding_feed(d, target + t, 1, &logits, &e), 0, "%s", e.text);
        for (size_t j = 0; j < V; j++)
            worst = fmax(worst, fabs((double)logits[j] - (double)rows[t * V + j]));
    }
    decoding_free(d);
    return worst;
}

Test(bug, the_uncached_pass_catches_bugs_of_the_cache)
{
    for (size_t i = 0; i < sizeof decoders / sizeof *decoders; i++) {
        Model *m = help_model(decoders[i]);
        for (int k = 0; k < BUG_COUNT; k++) {
            const Bug *b = &bug_table[k];
            Pass *clean = help_pass(m, 0), *p = help_pass(m, 0);
            put(b, p);
            if (bug_is_of_cache(b) && bug_applies(b, p))
                cr_assert_gt(decoding_differs(m, b, clean), 1e-3, "%s: %s goes unnoticed", decoders[i], b->id);
            /* what the hunt shows of such a bug is what decoding computes; and of any other that works row by row */
            bool by_row = k != BUG_SOFTMAX_AXIS && k != BUG_HEADS_NOT_TRANSPOSED && k != BUG_TARGET_LEAK && k != BUG_QUERIES_KEYS_SWAPPED &&
                          k != BUG_MASK_AFTER_SOFTMAX && k != BUG_DIAGONAL_MASKED;
            if (by_row)
                cr_assert_leq(decoding_differs(m, b, p), 1e-5, "%s: %s: decoding is not what the pass shows", decoders[i], b->id);
            pass_free(clean);
            pass_free(p);
        }
        model_free(m);
    }
}

/* ---- a network without a bug is never accused ---- */

Test(bug, the_arithmetic_of_every_shipped_model_agrees)
{
    DIR *dir = opendir("tiny-models");
    cr_assert(dir);
    int models = 0;
    for (struct dirent *d; (d = readdir(dir));) {
        char path[320];
        Error e = {{0}};
        snprintf(path, sizeof path, "tiny-models/%s/config.json", d->d_name);
        if (!file_exists(path))
            continue;
        snprintf(path, sizeof path, "tiny-models/%s", d->d_name);
        Model *m = model_open(path, NULL, &e);
        cr_assert(m, "%s", e.text);
        Input in;
        cr_assert_eq(input_read(&in, m, (InputText){0}, 0, &e), 0, "%s", e.text);
        Pass *p = pass_create(m, input_ids(&in), 0, &e);
        cr_assert(p, "%s", e.text);
        check_arithmetic(NULL, p, path);
        pass_free(p);
        input_free(&in);
        model_free(m);
        models++;
    }
    closedir(dir);
    cr_assert_geq(models, 7);
}

Test(bug, the_arithmetic_of_every_gradient_agrees)
{
    for (int c = 0; c < GRADIENT_CONFIGS; c++) {
        Model *m = help_model(gradient_config(c));
        Pass *p = help_backward(m, 0);
        const Plan *plan = pass_plan(p);
        for (size_t i = 0; i < plan->count; i++)
            for (size_t at = 0; at < plan->stages[i].count; at += 1 + plan->stages[i].count / 40) {
                Explanation x;
                Error e = {{0}};
                char name[STAGE_NAME_MAX];
                Cellref cell = {.stage = i};
                size_t left = at;
                for (int k = plan->stages[i].rank - 1; k >= 0; left /= plan->stages[i].shape[k--])
                    cell.index[k] = left % plan->stages[i].shape[k];
                cr_assert_eq(explain_gradient(p, cell, &x, &e), 0, "%s", e.text);
                cr_assert(explanation_agrees(&x), "%s: %s[%zu]: the arithmetic gives %.9g, the stage holds %.9g", gradient_config(c),
                          stage_name(&plan->stages[i], name), at, x.exact, x.stored);
                explanation_free(&x);
            }
        pass_free(p);
        model_free(m);
    }
}

/* ---- gradients: those of the network with the bug ---- */

static size_t checked[BUG_COUNT];

static void check_gradient(const Bug *b, const GradientCheck *g, double all, const char *where)
{
    if (g->constant || g->corners)
        return;
    double least = fmax(fabs(g->analytic), 1e-3 * all);
    checked[b - bug_table]++;
    if (REAL_IS_DOUBLE)
        cr_assert(g->error <= 2e-6 * least, "%s: %s: backward %.12g, differences %.12g, noise %g", b->id, where, g->analytic, g->numeric, g->noise);
    else
        cr_assert(g->error <= 4 * g->noise + 1e-3 * least, "%s: %s: backward %.9g, differences %.9g, noise %g", b->id, where, g->analytic, g->numeric,
                  g->noise);
}

static void check_gradients(const Bug *b, const Model *m, const char *config)
{
    Pass *p = help_pass(m, 0);
    const Plan *plan = pass_plan(p);
    Random random = random_seeded(11);
    Error e = {{0}};
    GradientCheck g;
    char where[512], name[STAGE_NAME_MAX];
    size_t n;
    double loss, all = 0;
    const int *targets = help_targets(p, &n);
    put(b, p);
    if (bug_applies(b, p)) {
        cr_assert_eq(pass_backward(p, targets, n, &loss, &e), 0, "%s", e.text);
        for (size_t i = 0; i < plan->count; i++)
            for (size_t j = 0; j < plan->stages[i].count; j++)
                all = fmax(all, fabs((double)pass_gradient(p, i)[j]));
        for (size_t i = 0; i < plan->count; i++)
            for (int k = 0; k < 2; k++) {
                const Stage *s = &plan->stages[i];
                Cellref cell = {.stage = i};
                if (b == &bug_table[BUG_DIAGONAL_MASKED] && s->kind == STAGE_MASKED)
                    continue; /* the step is measured by the largest number, and one is 1e9; the stage before is checked */
                for (int a = 0; a < s->rank; a++)
                    cell.index[a] = random_below(&random, s->shape[a]);
                if (!isfinite((double)pass_value(p, i)[cell_offset(s, cell.index)]))
                    continue;
                cr_assert_eq(gradient_check_cell(p, cell, &g, &e), 0, "%s", e.text);
                snprintf(where, sizeof where, "%.380s: %s[%zu,%zu,%zu]", config, stage_name(s, name), cell.index[0], cell.index[1], cell.index[2]);
                check_gradient(b, &g, all, where);
            }
        for (size_t w = 0; w < m->weights.count; w++) {
            const Weight *weight = &m->weights.items[w];
            size_t row = random_below(&random, weight->shape[0]), col = weight->rank == 2 ? random_below(&random, weight->shape[1]) : 0;
            cr_assert_eq(gradient_check_weight(p, w, row, col, &g, &e), 0, "%s", e.text);
            snprintf(where, sizeof where, "%.380s: %s[%zu,%zu]", config, weight->name, row, col);
            check_gradient(b, &g, all, where);
        }
    }
    pass_free(p);
}

Test(bug, gradients_are_those_of_the_network_with_the_bug)
{
    for (int c = 0; c < GRADIENT_CONFIGS; c++) {
        Model *m = help_model(gradient_config(c));
        for (int i = 0; i < BUG_COUNT; i++)
            check_gradients(&bug_table[i], m, gradient_config(c));
        model_free(m);
    }
    for (int i = 0; i < BUG_COUNT; i++)
        cr_assert(checked[i] > 0, "%s", bug_table[i].id);
}

/* ---- it can be found where it is offered ---- */

/* The arithmetic of a stage that the bug touches disagrees; or, where only the wires are wrong, it names the stage that is read. */
Test(bug, each_is_found_by_its_arithmetic_in_the_model_where_it_is_hunted)
{
    for (int i = 0; i < BUG_COUNT; i++) {
        const Bug *b = &bug_table[i];
        char path[320];
        Error e = {{0}};
        StageCheck c;
        snprintf(path, sizeof path, "%s%s", strncmp(b->model, "random:", 7) == 0 ? "" : "tiny-models/", b->model);
        Model *m = model_open(path, NULL, &e);
        cr_assert(m, "%s", e.text);
        Input in;
        cr_assert_eq(input_read(&in, m, (InputText){0}, 0, &e), 0, "%s", e.text);
        if (bug_needs_padding(b))
            cr_assert_eq(ids_add(in.source.len ? &in.source : &in.target, m->config.pad, &e), 0);
        Pass *clean = pass_create(m, input_ids(&in), 0, &e), *p = pass_create(m, input_ids(&in), 0, &e);
        cr_assert(clean && p, "%s", e.text);
        put(b, p);
        int at = bug_first_stage(b, p);
        cr_assert(at >= 0, "%s: not in %s", b->id, b->model);
        bool wires = memcmp(pass_plan(clean)->stages[at].in, pass_plan(p)->stages[at].in, sizeof pass_plan(p)->stages[at].in) != 0;
        cr_assert_eq(explain_check_stage(p, (size_t)at, 0, &c, &e), 0, "%s", e.text);
        cr_assert_eq(c.wrong > 0, !wires, "%s in %s: %zu of %zu cells do not agree", b->id, b->model, c.wrong, c.cells);
        pass_free(clean);
        pass_free(p);
        input_free(&in);
        model_free(m);
    }
}

/* ---- together with edits ---- */

/* A patch is from the same network: from the same text it changes nothing. */
Test(bug, a_patch_has_the_bug_too)
{
    Model *m = help_model("kind=decoder,d_model=16,n_heads=4,d_ff=24,decoder_layers=2,vocab_size=11,position=sinusoidal");
    static const int ids[] = {3, 8, 2, 9};
    static const BugId some[] = {BUG_SOFTMAX_AXIS, BUG_VALUES_UNUSED, BUG_STALE_CACHE};
    for (size_t k = 0; k < sizeof some / sizeof *some; k++) {
        Error e = {{0}};
        Edits edits = {0};
        double error;
        Pass *p = pass_create(m, (PassInput){NULL, ids, 0, 4}, 0, &e), *patched = pass_create(m, (PassInput){NULL, ids, 0, 4}, 0, &e);
        cr_assert(p && patched, "%s", e.text);
        put(&bug_table[some[k]], p);
        put(&bug_table[some[k]], patched);
        cr_assert_eq(edits_add(&edits, "decoder.0.self.out=patch(3,8,2,9)", &e), 0, "%s", e.text);
        cr_assert_eq(pass_set_edits(patched, &edits, &e), 0, "%s", e.text);
        cr_assert_eq(first_difference(p, patched, &error), -1, "%s", bug_table[some[k]].id);
        edits_free(&edits);
        pass_free(p);
        pass_free(patched);
    }
    model_free(m);
}

/* ---- the table ---- */

Test(bug, cards_are_complete)
{
    int levels[BUG_LEVELS + 1] = {0};
    Error e = {{0}};
    for (int i = 0; i < BUG_COUNT; i++) {
        const Bug *b = &bug_table[i];
        cr_assert(b->level >= 1 && b->level <= BUG_LEVELS);
        levels[b->level]++;
        const char *const texts[] = {b->title, b->wrong, b->found, b->trains, b->catch, b->hints[0], b->hints[1]};
        for (size_t k = 0; k < sizeof texts / sizeof *texts; k++)
            cr_assert(strlen(texts[k]) > 12, "%s", b->id);
        cr_assert(strncmp(b->link, "https://", 8) == 0, "%s", b->id);
        cr_assert_eq(bug_find(b->id, &e), b);
    }
    for (int l = 1; l <= BUG_LEVELS; l++)
        cr_assert_geq(levels[l], 4);
    cr_assert_null(bug_find("softmax-axes", &e));
    cr_assert(strstr(e.text, "\"softmax-axis\""), "%s", e.text);
}
