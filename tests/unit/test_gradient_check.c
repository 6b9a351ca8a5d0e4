/* test_gradient_check.c - gradients beside finite differences, for every kind of stage, every weight and every ablation; and that a pass is
 * left as it was. */
#include "measure/gradient_check.h"

#include "gradient_help.h"

#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- the values of a pass, kept to be compared bit for bit ---- */

static real *keep_values(Pass *p)
{
    const Plan *plan = pass_plan(p);
    real *all = malloc(plan->total * sizeof *all);
    cr_assert(all);
    for (size_t i = 0, at = 0; i < plan->count; at += plan->stages[i].count, i++)
        memcpy(all + at, pass_value(p, i), plan->stages[i].count * sizeof *all);
    return all;
}

static void check_unchanged(Pass *p, const real *all)
{
    const Plan *plan = pass_plan(p);
    char name[STAGE_NAME_MAX];
    for (size_t i = 0, at = 0; i < plan->count; at += plan->stages[i].count, i++)
        cr_assert_eq(memcmp(all + at, pass_value(p, i), plan->stages[i].count * sizeof *all), 0, "%s was not restored",
                     stage_name(&plan->stages[i], name));
}

/* ---- how far a gradient may be from its difference ---- */

static double largest_of_all(const real *g, size_t n)
{
    double largest = 0;
    for (size_t i = 0; i < n; i++)
        largest = fmax(largest, fabs((double)g[i]));
    return largest;
}

/* In double 1e-6 of the number itself; a number that is small beside the others of its tensor, or a tensor beside all stages' or all
 * weights', is compared with a thousandth of those (as the golden cases are). In float as far as the check itself says that float can tell.
 */
static void check_result(const GradientCheck *g, double tensor, double all, const char *where)
{
    cr_assert(isfinite(g->numeric) && g->step > 0 && g->rounding > 0 && g->noise >= g->rounding, "%s", where);
    if (g->constant) {
        cr_assert_eq(g->analytic, 0, "%s", where);
        return;
    }
    if (g->corners)
        return;
    double least = fmax(fmax(fabs(g->analytic), 1e-3 * tensor), 1e-3 * all);
    if (REAL_IS_DOUBLE)
        cr_assert(g->error <= 1e-6 * least, "%s: analytic %.12g, numeric %.12g, step %g, expected noise %g", where, g->analytic, g->numeric,
                  g->step, g->noise);
    cr_assert(g->agrees && g->error <= GRADIENT_CHECK_FACTOR * g->noise, "%s: analytic %.9g, numeric %.9g, step %g, noise %g", where,
              g->analytic, g->numeric, g->step, g->noise);
}

/* How many were compared, had a corner, were not 0, and how many of these the check can tell from any that is 5% off. */
typedef struct Tally {
    size_t checked, corners, nonzero, sharp;
} Tally;

static void tally_add(Tally *t, const GradientCheck *g)
{
    t->checked++;
    t->corners += g->corners > 0;
    t->nonzero += g->analytic != 0;
    t->sharp += GRADIENT_CHECK_FACTOR * g->noise < 0.05 * fabs(g->analytic);
}

static void check_stage(Pass *p, size_t i, double all, Random *random, const char *config, Tally *tally)
{
    const Stage *s = &pass_plan(p)->stages[i];
    char name[STAGE_NAME_MAX], where[512];
    double tensor = largest_of_all(pass_gradient(p, i), s->count);
    for (int k = 0; k < 3; k++) {
        Cellref cell = {.stage = i};
        for (int a = 0; a < s->rank; a++)
            cell.index[a] = random_below(random, s->shape[a]);
        GradientCheck g;
        Error e = {{0}};
        if (!isfinite(pass_value(p, i)[cell_offset(s, cell.index)]))
            continue;
        cr_assert_eq(gradient_check_cell(p, cell, &g, &e), 0, "%s", e.text);
        snprintf(where, sizeof where, "%.380s: %s[%zu,%zu,%zu]", config, stage_name(s, name), cell.index[0], cell.index[1], cell.index[2]);
        cr_assert_eq(g.analytic, (double)pass_gradient(p, i)[cell_offset(s, cell.index)]);
        check_result(&g, tensor, all, where);
        tally_add(tally, &g);
    }
}

static void check_weight(Pass *p, size_t w, double all, Random *random, const char *config, Tally *tally)
{
    const Weight *weight = &pass_model(p)->weights.items[w];
    char where[512];
    double tensor = largest_of_all(pass_weight_gradient(p, w), weight->count);
    for (int k = 0; k < 2; k++) {
        size_t row = random_below(random, weight->shape[0]), col = weight->rank == 2 ? random_below(random, weight->shape[1]) : 0;
        GradientCheck g;
        Error e = {{0}};
        cr_assert_eq(gradient_check_weight(p, w, row, col, &g, &e), 0, "%s", e.text);
        snprintf(where, sizeof where, "%.380s: %s[%zu,%zu]", config, weight->name, row, col);
        check_result(&g, tensor, all, where);
        tally_add(tally, &g);
    }
}

static void check_pass(const Model *m, const char *ablations, Random *random, Tally *tally)
{
    Pass *p = help_backward(m, help_ablation(ablations));
    const Plan *plan = pass_plan(p);
    real *before = keep_values(p);
    double all = 0, weights = 0;
    char config[384];
    snprintf(config, sizeof config, "%.300s [%.60s]", m->name, ablations);
    for (size_t i = 0; i + 2 < plan->count; i++)
        all = fmax(all, largest_of_all(pass_gradient(p, i), plan->stages[i].count));
    for (size_t i = 0; i < plan->count; i++)
        check_stage(p, i, all, random, config, tally);
    for (size_t w = 0; w < m->weights.count; w++)
        weights = fmax(weights, largest_of_all(pass_weight_gradient(p, w), m->weights.items[w].count));
    for (size_t w = 0; w < m->weights.count; w++)
        check_weight(p, w, weights, random, config, tally);
    check_unchanged(p, before);
    free(before);
    pass_free(p);
}

Test(gradient_check, every_stage_and_weight_agrees)
{
    Random random = random_seeded(11);
    Tally tally = {0};
    for (int i = 0; i < GRADIENT_CONFIGS; i++) {
        Model *m = help_model(gradient_config(i));
        for (int k = 0; k < HELP_ABLATIONS; k++)
            check_pass(m, help_ablations[k], &random, &tally);
        model_free(m);
    }
    cr_assert_gt(tally.checked, 10000);
    cr_assert_gt(tally.nonzero, tally.checked / 2);
    cr_assert_gt(tally.sharp, tally.nonzero / 10 * (REAL_IS_DOUBLE ? 9 : 8), "only %zu of %zu say anything", tally.sharp, tally.nonzero);
    cr_assert_lt(tally.corners, tally.checked / 50, "%zu corners", tally.corners);
}

/* ---- what a check says ---- */

static GradientCheck check_at(Pass *p, const char *stage, size_t i0, size_t i1, size_t i2)
{
    GradientCheck g;
    Error e = {{0}};
    cr_assert_eq(gradient_check_cell(p, (Cellref){help_stage(p, stage), {i0, i1, i2}}, &g, &e), 0, "%s", e.text);
    return g;
}

/* The loss is read from the logits; the table of positions is a constant, although the loss depends on it. */
Test(gradient_check, what_takes_no_gradient)
{
    Model *m = help_model(help_configs[0]);
    Pass *p = help_backward(m, 0);
    GradientCheck g = check_at(p, "output.probs", 2, 7, 0);
    cr_assert(g.analytic == 0 && g.numeric == 0 && g.agrees && !g.constant);
    g = check_at(p, "decoder.embed.positions", 2, 3, 0);
    cr_assert(g.constant && g.analytic == 0 && !g.agrees);
    GradientCheck sum = check_at(p, "decoder.embed.sum", 2, 3, 0);
    cr_assert(fabs(g.numeric - sum.analytic) <= GRADIENT_CHECK_FACTOR * g.noise, "%g, %g", g.numeric, sum.analytic);
    g = check_at(p, "decoder.0.self.weights", 0, 2, 4); /* hidden, but what is put there counts */
    cr_assert(g.value == 0 && g.analytic != 0 && g.agrees);
    pass_free(p);
    model_free(m);
}

/* A number whose gradient is not that of this pass is found out: here the value moves on, the gradients stay. */
Test(gradient_check, a_wrong_gradient_is_noticed)
{
    Model *m = help_model(help_configs[0]);
    Pass *p = help_backward(m, 0);
    size_t i = help_stage(p, "decoder.0.ffn.contract");
    real value = pass_value(p, i)[2 * 8 + 3];
    cr_assert(check_at(p, "decoder.0.ffn.contract", 2, 3, 0).agrees);
    pass_override(p, i, 2 * 8 + 3, value + 1);
    GradientCheck g = check_at(p, "decoder.0.ffn.contract", 2, 3, 0);
    cr_assert(!g.agrees && g.value == (double)(value + 1), "%g, %g ± %g", g.analytic, g.numeric, g.noise);
    pass_free(p);
    model_free(m);
}

/* A unit exactly at 0: the loss has a corner however short the step is. */
Test(gradient_check, a_corner_of_relu_is_named)
{
    Model *m = help_model(help_configs[4]); /* gated: gate goes into the ReLU */
    Pass *p = help_backward(m, 0);
    size_t i = help_stage(p, "decoder.0.ffn.gate");
    pass_override(p, i, 2 * 10 + 3, 0);
    size_t n;
    double loss;
    Error e = {{0}};
    const int *targets = pass_targets(p, &n);
    cr_assert_eq(pass_backward(p, targets, n, &loss, &e), 0, "%s", e.text);
    GradientCheck g = check_at(p, "decoder.0.ffn.gate", 2, 3, 0);
    cr_assert_eq(g.corners, 1);
    cr_assert_eq(g.analytic, 0);
    cr_assert(fabs(g.numeric) > 0 && fabs(g.loss - loss) < 1e-5);
    cr_assert_eq(pass_value(p, i)[2 * 10 + 3], 0);
    g = check_at(p, "decoder.0.ffn.expand", 2, 3, 0); /* behind the gate's ReLU: no corner */
    cr_assert(g.corners == 0 && g.agrees);
    pass_free(p);
    model_free(m);
}

Test(gradient_check, what_cannot_be_checked_is_an_error)
{
    Model *m = help_model(help_configs[0]);
    Pass *p = help_pass(m, 0);
    GradientCheck g;
    Error e = {{0}};
    size_t masked = help_stage(p, "decoder.0.self.masked");
    cr_assert_eq(gradient_check_cell(p, (Cellref){masked, {0, 2, 1}}, &g, &e), -1);
    cr_assert(strstr(e.text, "gradient: expected a pass that went backwards"), "%s", e.text);
    cr_assert_eq(gradient_check_weight(p, 0, 0, 0, &g, &e), -1);
    cr_assert(strstr(e.text, "gradient: expected a pass that went backwards"), "%s", e.text);
    pass_free(p);
    p = help_backward(m, 0);
    cr_assert_eq(gradient_check_cell(p, (Cellref){masked, {0, 2, 4}}, &g, &e), -1);
    cr_assert_str_eq(e.text, "decoder.0.self.masked: expected a finite number to change, found -inf; choose a key that is not hidden");
    cr_assert_eq(gradient_check_cell(p, (Cellref){masked, {2, 0, 0}}, &g, &e), -1);
    cr_assert_str_eq(e.text, "decoder.0.self.masked: head: expected an index from 0 to 1, found 2");
    cr_assert_eq(gradient_check_weight(p, 0, 11, 0, &g, &e), -1);
    cr_assert_str_eq(e.text, "decoder.embed.W_E: row: expected an index from 0 to 10, found 11");
    pass_free(p);
    model_free(m);
}

/* ---- a pass with other numbers ---- */

Test(gradient_check, override_moves_only_what_follows)
{
    Model *m = help_model(help_configs[9]); /* encoder-decoder */
    Pass *p = help_backward(m, 0);
    const Plan *plan = pass_plan(p);
    real *before = keep_values(p);
    size_t i = help_stage(p, "decoder.0.self.out"), at = 0, changed = 0;
    real value = pass_value(p, i)[5];
    pass_override(p, i, 5, value + 1);
    cr_assert_eq(pass_done(p), i + 1);
    for (size_t k = 0; k < plan->count; at += plan->stages[k].count, k++) {
        bool same = memcmp(before + at, pass_value(p, k), plan->stages[k].count * sizeof *before) == 0;
        cr_assert(same || k >= i, "an earlier stage changed");
        changed += !same;
    }
    cr_assert_gt(changed, 5);
    pass_override(p, i, 5, value);
    check_unchanged(p, before);
    free(before);
    pass_free(p);
    model_free(m);
}

Test(gradient_check, a_weight_is_borrowed_and_given_back)
{
    Model *m = help_model(help_configs[9]);
    Pass *p = help_backward(m, 0);
    real *before = keep_values(p);
    int w = weights_find(&m->weights, "decoder.0.cross.W_K");
    cr_assert_geq(w, 0);
    const Weight *weight = &m->weights.items[w];
    real *zeros = calloc(weight->count, sizeof *zeros);
    Error e = {{0}};
    cr_assert(zeros);
    cr_assert_eq(pass_use_weight(p, (size_t)w, matrix_of(zeros, weight_columns(weight)), &e), 0);
    size_t k = help_stage(p, "decoder.0.cross.k");
    cr_assert_eq(pass_done(p), k);
    const real *bias = weight_plain(&m->weights.items[w + 1]);
    for (size_t i = 0; i < 4; i++) /* what is left of a key is the bias */
        cr_assert_eq(pass_value(p, k)[i], bias[i]);
    cr_assert_eq(pass_use_weight(p, (size_t)w, (Matrix){0}, &e), 0);
    check_unchanged(p, before);
    free(zeros);
    free(before);
    pass_free(p);
    model_free(m);
}

Test(gradient_check, targets_are_those_of_the_last_backward)
{
    Model *m = help_model(help_configs[0]);
    Pass *p = help_pass(m, 0);
    Error e = {{0}};
    size_t n = 7;
    double loss, again;
    cr_assert_null(pass_targets(p, &n));
    cr_assert_eq(n, 0);
    int targets[HELP_TARGET] = {1, -1, 2, 3, 4};
    cr_assert_eq(pass_backward(p, targets, HELP_TARGET, &loss, &e), 0);
    const int *kept = pass_targets(p, &n);
    cr_assert(n == HELP_TARGET && kept != targets && memcmp(kept, targets, sizeof targets) == 0);
    cr_assert_eq(pass_backward(p, kept, n, &again, &e), 0);
    cr_assert_eq(loss, again);
    cr_assert_eq(pass_feed(p, (PassInput){NULL, (const int[]){1, 2}, 0, 2}, &e), 0);
    cr_assert_null(pass_targets(p, &n));
    pass_free(p);
    model_free(m);
}
