/* test_compare.c - twins: against the plainest way to compute each number, and properties that hold for every pair of passes. */
#include "measure/compare.h"

#include "measure_help.h"
#include "pass/edit.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static void check_close(double found, double expected, const char *what)
{
    if (isinf(expected))
        cr_assert_eq(found, expected, "%s: %g, expected %g", what, found, expected);
    else
        cr_assert(fabs(found - expected) <= 1e-9 * fmax(1e-12, fabs(expected)), "%s: %.15g, expected %.15g", what, found, expected);
}

static Comparison compare(Pass *baseline, Pass *twin)
{
    Comparison c;
    Error e = {{0}};
    cr_assert_eq(compare_passes(&c, baseline, twin, &e), 0, "%s", e.text);
    return c;
}

static void edit(Pass *p, const char *text)
{
    Edits edits = {0};
    Error e = {{0}};
    cr_assert_eq(edits_add(&edits, text, &e), 0);
    cr_assert_eq(pass_set_edits(p, &edits, &e), 0, "%s", e.text);
    edits_free(&edits);
}

static const char *first_name(const Comparison *c, Pass *baseline, Pass *twin, char name[STAGE_NAME_MAX])
{
    const StageDifference *d = &c->stages[c->first];
    return stage_name(d->baseline == NO_STAGE ? &pass_plan(twin)->stages[d->twin] : &pass_plan(baseline)->stages[d->baseline], name);
}

/* Every number of one stage, the plainest way: two arrays of the same length. */
static void check_stage(const StageDifference *d, Pass *baseline, Pass *twin)
{
    const Stage *s = &pass_plan(baseline)->stages[d->baseline];
    const real *x = pass_value(baseline, (size_t)d->baseline), *y = pass_value(twin, (size_t)d->twin);
    double largest = 0, sum = 0, dd = 0, xx = 0;
    size_t differing = 0, at = 0;
    for (size_t k = 0; k < s->count; k++) {
        double a = (double)x[k], b = (double)y[k], diff = a == b ? 0 : fabs(b - a);
        differing += a != b;
        if (diff > largest) {
            largest = diff;
            at = k;
        }
        sum += diff;
        if (isfinite(a) && isfinite(b)) {
            dd += diff * diff;
            xx += a * a;
        }
    }
    cr_assert_eq(d->count, s->count);
    cr_assert_eq(d->differing, differing);
    check_close(d->largest, largest, "largest");
    check_close(d->mean, sum / (double)s->count, "mean");
    check_close(d->relative, dd == 0 ? 0 : sqrt(dd) / sqrt(xx), "relative");
    cr_assert_eq(d->fate, differing ? FATE_DIFFERS : FATE_SAME);
    cr_assert_eq(d->identical, memcmp(x, y, s->count * sizeof *x) == 0);
    if (differing)
        cr_assert_eq(cell_offset(s, d->where.index), at, "where: %zu, expected %zu", cell_offset(s, d->where.index), at);
}

Test(compare, every_stage_of_every_ablation_against_plain_loops)
{
    for (size_t k = 0; k < HELP_CONFIGS; k++) {
        Model *m = help_model(help_configs[k]);
        Pass *baseline = help_pass(m, 0);
        for (size_t a = 1; a < HELP_ABLATIONS; a++) {
            Pass *twin = help_pass(m, help_ablation(help_ablations[a]));
            Comparison c = compare(baseline, twin);
            size_t both = 0, first = c.count;
            for (size_t i = 0; i < c.count; i++) {
                const StageDifference *d = &c.stages[i];
                if (d->fate != FATE_SAME && first == c.count)
                    first = i;
                if (d->baseline == NO_STAGE || d->twin == NO_STAGE)
                    continue;
                char name[STAGE_NAME_MAX], other[STAGE_NAME_MAX];
                stage_name(&pass_plan(baseline)->stages[d->baseline], name);
                cr_assert_str_eq(stage_name(&pass_plan(twin)->stages[d->twin], other), name);
                check_stage(d, baseline, twin);
                both++;
                if (first == i) /* nothing before it differs: the ablation is at work here */
                    cr_assert(ablations_touch(pass_plan(twin)->ablations, &pass_plan(twin)->stages[d->twin], &m->config), "%s: %s: %s",
                              help_configs[k], help_ablations[a], name);
            }
            cr_assert_eq(c.count, pass_plan(baseline)->count + pass_plan(twin)->count - both);
            cr_assert_eq(c.first, first == c.count ? -1 : (int)first);
            comparison_free(&c);
            pass_free(twin);
        }
        pass_free(baseline);
        model_free(m);
    }
}

/* Where the scale is 1 already no-scale is not at work, and elsewhere it is, whatever the heads' width. */
Test(compare, no_scale_is_at_work_where_there_is_a_scale)
{
    static const struct {
        const char *config;
        bool no_scale, by_dk;
    } cases[] = {
        {"d_model=4,n_heads=4", false, false}, /* d_head 1 */
        {"d_model=4,n_heads=4,score_scale=0.5", true, true},
        {"d_model=8,n_heads=2,score_scale=1", false, true},
        {"d_model=8,n_heads=2", true, true},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        Model *m = help_model(cases[i].config);
        Pass *p = help_pass(m, 0);
        const Stage *s = &pass_plan(p)->stages[help_stage(p, "decoder.0.self.scaled")];
        cr_expect_eq(ablations_touch(NO_SCALE, s, &m->config), cases[i].no_scale, "%s", cases[i].config);
        cr_expect_eq(ablations_touch(SCALE_BY_DK, s, &m->config), cases[i].by_dk, "%s", cases[i].config);
        pass_free(p);
        model_free(m);
    }
}

/* A twin that is its baseline: nothing differs, in any config, ablated or not. */
Test(compare, a_twin_of_nothing_is_the_same)
{
    for (size_t k = 0; k < HELP_CONFIGS; k++) {
        Model *m = help_model(help_configs[k]);
        for (size_t a = 0; a < HELP_ABLATIONS; a++) {
            Pass *baseline = help_pass(m, help_ablation(help_ablations[a])), *twin = help_pass(m, help_ablation(help_ablations[a]));
            Comparison c = compare(baseline, twin);
            cr_assert_eq(c.first, -1);
            cr_assert_eq(c.count, pass_plan(baseline)->count);
            for (size_t i = 0; i < c.count; i++)
                cr_assert(c.stages[i].identical && c.stages[i].largest == 0 && c.stages[i].mean == 0 && c.stages[i].relative == 0);
            cr_assert(c.kl == 0 && c.variation == 0 && c.tokens_changed == 0 && c.rows_more == 0);
            comparison_free(&c);
            pass_free(baseline);
            pass_free(twin);
        }
        model_free(m);
    }
}

/* The other way round every distance is the same, and what only one side has is the other's. */
Test(compare, swapping_the_sides)
{
    for (size_t k = 0; k < HELP_CONFIGS; k++) {
        Model *m = help_model(help_configs[k]);
        for (size_t a = 1; a < HELP_ABLATIONS; a++) {
            Pass *x = help_pass(m, 0), *y = help_pass(m, help_ablation(help_ablations[a]));
            Comparison there = compare(x, y), back = compare(y, x);
            cr_assert_eq(there.count, back.count);
            check_close(there.variation, back.variation, "variation");
            cr_assert_eq(there.tokens_changed, back.tokens_changed);
            for (size_t i = 0; i < there.count; i++) {
                const StageDifference *d = &there.stages[i], *o = NULL;
                for (size_t j = 0; j < back.count; j++)
                    if (back.stages[j].baseline == d->twin && back.stages[j].twin == d->baseline)
                        o = &back.stages[j];
                cr_assert(o);
                cr_assert(o->differing == d->differing && o->largest == d->largest && o->count == d->count && o->identical == d->identical);
                cr_assert_eq(o->fate == FATE_ONLY_TWIN, d->fate == FATE_ONLY_BASELINE);
            }
            comparison_free(&there);
            comparison_free(&back);
            pass_free(x);
            pass_free(y);
        }
        model_free(m);
    }
}

Test(compare, the_first_stage_is_the_one_that_was_edited)
{
    for (size_t k = 0; k < HELP_CONFIGS; k++) {
        Model *m = help_model(help_configs[k]);
        Pass *baseline = help_pass(m, 0);
        for (size_t i = 0; i < pass_plan(baseline)->count; i++) {
            char name[STAGE_NAME_MAX], found[STAGE_NAME_MAX], text[STAGE_NAME_MAX + 16];
            stage_name(&pass_plan(baseline)->stages[i], name);
            snprintf(text, sizeof text, "%s+=0.25", name);
            Pass *twin = help_pass(m, 0);
            edit(twin, text);
            Comparison c = compare(baseline, twin);
            cr_assert(c.first >= 0, "%s: nothing changed", name);
            cr_assert_str_eq(first_name(&c, baseline, twin, found), name);
            for (int j = 0; j < c.first; j++)
                cr_assert(c.stages[j].identical);
            comparison_free(&c);
            pass_free(twin);
        }
        pass_free(baseline);
        model_free(m);
    }
}

/* Which stage an ablation changes first, by what it is. */
Test(compare, the_first_stage_of_each_ablation)
{
    static const struct { const char *ablation, *first; } expected[] = {
        {"no-positions", "decoder.embed.positions"}, {"no-residual", "decoder.0.self.residual"}, {"uniform-attention", "decoder.0.self.weights"},
        {"no-scale", "decoder.0.self.scaled"},       {"scale-by-dk", "decoder.0.self.scaled"},  {"no-mask", "decoder.0.self.masked"},
        {"no-norm", "decoder.0.self.norm"},          {"no-ffn", "decoder.0.ffn.norm"},          {"no-attention", "decoder.0.self.norm"},
    };
    Model *m = help_model(help_configs[0]);
    Pass *baseline = help_pass(m, 0);
    for (size_t i = 0; i < sizeof expected / sizeof *expected; i++) {
        char name[STAGE_NAME_MAX];
        Pass *twin = help_pass(m, help_ablation(expected[i].ablation));
        Comparison c = compare(baseline, twin);
        cr_assert(c.first >= 0);
        cr_assert_str_eq(first_name(&c, baseline, twin, name), expected[i].first);
        comparison_free(&c);
        pass_free(twin);
    }
    pass_free(baseline);
    model_free(m);
}

Test(compare, infinities_and_nan)
{
    const double inf = INFINITY, none = NAN;
    cr_assert_eq(compare_numbers(-inf, -inf), 0);
    cr_assert_eq(compare_numbers(inf, inf), 0);
    cr_assert_eq(compare_numbers(none, none), 0);
    cr_assert_eq(compare_numbers(-inf, 1), inf);
    cr_assert_eq(compare_numbers(1, -inf), -inf);
    cr_assert(isnan(compare_numbers(1, none)));
    cr_assert_eq(compare_numbers(2, 5), 3);

    /* no-mask: what was hidden is finite on the other side, and all else is the same */
    Model *m = help_model(help_configs[0]);
    Pass *baseline = help_pass(m, 0), *twin = help_pass(m, NO_MASK);
    int i = (int)help_stage(baseline, "decoder.0.self.masked");
    StageDifference d = compare_stages(baseline, i, twin, i);
    size_t hidden = 2 * (HELP_TARGET * (HELP_TARGET - 1) / 2); /* of both heads */
    cr_assert(d.fate == FATE_DIFFERS && d.infinite == hidden && d.differing == hidden);
    cr_assert(isinf(d.largest) && isinf(d.mean) && d.relative == 0);
    cr_assert(d.where.index[0] == 0 && d.where.index[1] == 0 && d.where.index[2] == 1);
    pass_free(twin);

    twin = help_pass(m, 0); /* a NaN on one side, then on both */
    edit(twin, "decoder.embed.sum[token=1,dim=2]=nan");
    i = (int)help_stage(baseline, "decoder.embed.sum");
    d = compare_stages(baseline, i, twin, i);
    cr_assert(d.fate == FATE_DIFFERS && d.infinite == 1 && d.differing == 1 && isinf(d.largest) && d.relative == 0);
    cr_assert(d.where.index[0] == 1 && d.where.index[1] == 2);
    Comparison c = compare(baseline, twin);
    cr_assert(isnan(c.kl) && isnan(c.rows[1].kl) && isnan(c.variation));
    comparison_free(&c);
    edit(baseline, "decoder.embed.sum[token=1,dim=2]=nan");
    cr_assert_eq(compare_stages(baseline, i, twin, i).fate, FATE_SAME);
    pass_free(twin);
    pass_free(baseline);
    model_free(m);
}

/* 0 and -0 are the same number, not the same bits. */
Test(compare, minus_zero)
{
    Model *m = help_model(help_configs[0]);
    Pass *baseline = help_pass(m, 0), *twin = help_pass(m, 0);
    edit(baseline, "decoder.embed.sum=0");
    edit(twin, "decoder.embed.sum=-0");
    int i = (int)help_stage(baseline, "decoder.embed.sum");
    StageDifference d = compare_stages(baseline, i, twin, i);
    cr_assert(d.fate == FATE_SAME && !d.identical && d.relative == 0);
    edit(twin, "decoder.embed.sum=1"); /* over a baseline of zeros */
    d = compare_stages(baseline, i, twin, i);
    cr_assert(d.fate == FATE_DIFFERS && isinf(d.relative) && d.largest == 1 && d.mean == 1);
    pass_free(twin);
    pass_free(baseline);
    model_free(m);
}

/* A longer text: the positions both have are compared; a causal decoder says the same at them. */
Test(compare, another_length)
{
    Model *m = help_model(help_configs[0]);
    Pass *baseline = help_pass_of(m, 0, 4, 0), *twin = help_pass_of(m, 0, 6, 0);
    Comparison c = compare(baseline, twin);
    cr_assert_eq(c.first, 0);
    cr_assert(c.row_count == 4 && c.rows_more == 2);
    check_close(c.variation, 0, "variation");
    cr_assert(c.kl < 1e-9);
    for (size_t i = 0; i < c.count; i++) {
        const StageDifference *d = &c.stages[i];
        const Stage *s = &pass_plan(baseline)->stages[d->baseline];
        cr_assert(d->longer && d->fate == FATE_DIFFERS && !d->identical);
        cr_assert_eq(d->count, s->count, "%zu of %zu", d->count, s->count);
        cr_assert(d->relative < 1e-5, "%zu: %g", i, d->relative);
    }
    comparison_free(&c);
    pass_free(baseline);
    pass_free(twin);
    model_free(m);
}

/* Another model: other heads cannot be compared, the stream can; pre- and post-norm have the same stages in another order. */
Test(compare, another_model)
{
    Model *a = help_model("kind=decoder,d_model=8,n_heads=2,d_ff=12,decoder_layers=2,vocab_size=11");
    Model *b = help_model("kind=decoder,d_model=8,n_heads=4,d_ff=12,decoder_layers=2,vocab_size=11,norm_position=post");
    Pass *baseline = help_pass(a, 0), *twin = help_pass(b, 0);
    Comparison c = compare(baseline, twin);
    size_t seen[2] = {0};
    for (size_t i = 0; i < c.count; i++) {
        const StageDifference *d = &c.stages[i];
        seen[0] += d->baseline != NO_STAGE;
        seen[1] += d->twin != NO_STAGE;
        if (d->baseline == NO_STAGE || d->twin == NO_STAGE)
            continue;
        const Stage *s = &pass_plan(baseline)->stages[d->baseline];
        cr_assert(stage_is_namesake(s, &pass_plan(twin)->stages[d->twin]));
        cr_assert_eq(d->fate == FATE_SHAPES, s->rank == 3, "%zu", i);
    }
    cr_assert(seen[0] == pass_plan(baseline)->count && seen[1] == pass_plan(twin)->count);
    cr_assert(c.has_output && c.kl > 0);
    comparison_free(&c);
    pass_free(twin);
    model_free(b);
    b = help_model("kind=decoder,d_model=8,n_heads=2,d_ff=12,decoder_layers=2,vocab_size=12");
    twin = help_pass(b, 0);
    c = compare(baseline, twin);
    cr_assert(!c.has_output && c.row_count == 0 && isnan(c.kl));
    comparison_free(&c);
    pass_free(twin);
    pass_free(baseline);
    model_free(a);
    model_free(b);
}

/* ---- the output ---- */

Test(compare, divergence_of_known_distributions)
{
    const real half = (real)log(0.5), quarter = (real)log(0.25), none = -(real)INFINITY;
    real p[3] = {half, half, none}, q[3] = {quarter, half, quarter};
    OutputDifference d = compare_logits(p, q, 3);
    cr_assert(fabs(d.kl - 0.5 * log(2)) < 1e-6 && fabs(d.variation - 0.25) < 1e-6);
    cr_assert(d.token[0] == 0 && d.token[1] == 1);
    cr_assert(fabs(d.baseline_p[1] - 0.5) < 1e-6 && fabs(d.twin_p[0] - 0.25) < 1e-6);
    d = compare_logits(q, p, 3); /* the twin gives nothing to a token that the baseline gives something */
    cr_assert(isinf(d.kl) && fabs(d.variation - 0.25) < 1e-6);
    real far[2] = {0, 1000}, other[2] = {1000, 0};
    d = compare_logits(far, other, 2);
    check_close(d.kl, 1000, "kl of far logits");
    check_close(d.variation, 1, "variation of far logits");
}

/* Against the definition, and its bounds: 0 <= TV <= 1, KL >= 2 TV² (Pinsker). */
Test(compare, divergence_against_the_definition)
{
    enum { V = 17 };
    Random r = random_seeded(3);
    for (int round = 0; round < 200; round++) {
        real x[V], y[V];
        double p[V], q[V], sp = 0, sq = 0, kl = 0, tv = 0, size = pow(10, -6 + round % 7);
        for (int k = 0; k < V; k++) {
            x[k] = (real)random_normal(&r);
            y[k] = (real)((double)x[k] + size * random_normal(&r));
            sp += p[k] = exp((double)x[k]);
            sq += q[k] = exp((double)y[k]);
        }
        for (int k = 0; k < V; k++) {
            kl += p[k] / sp * log(p[k] / sp / (q[k] / sq));
            tv += fabs(p[k] / sp - q[k] / sq) / 2;
        }
        OutputDifference d = compare_logits(x, y, V);
        cr_assert(fabs(d.kl - kl) <= 1e-15 + 1e-9 * kl, "%g, expected %g", d.kl, kl);
        cr_assert(fabs(d.variation - tv) <= 1e-15 + 1e-9 * tv);
        cr_assert(d.kl >= 2 * d.variation * d.variation * (1 - 1e-9) && d.variation <= 1);
    }
}
