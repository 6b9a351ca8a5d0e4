/* test_metrics.c - entropy, variance, norms, likeness: against the plainest way to compute each, and what is said about them.
 * The real model's numbers are compared where STEPFORMER_REAL names the folder that holds stories260K/. */
#include "measure/metrics.h"
#include "pass/edit.h"

#include "base/text.h"
#include "measure_help.h"

#include <jansson.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Rounding of sums of a few hundred doubles. */
static void check_close(double found, double expected, const char *what)
{
    cr_assert(fabs(found - expected) <= 1e-12 * fmax(1, fabs(expected)), "%s: %.15g, expected %.15g", what, found, expected);
}

static void fill(real *x, size_t n, Random *random, double mean)
{
    for (size_t i = 0; i < n; i++)
        x[i] = (real)(mean + random_normal(random));
}

/* ---- plain lists of numbers ---- */

Test(metrics, moments_of_known_numbers)
{
    Moments m = moments((const real[]){1, 2, 3, 4, 10}, 5);
    cr_assert_eq(m.count, 5);
    check_close(m.mean, 4, "mean");
    check_close(m.variance, 10, "variance");
    check_close(m.norm, sqrt(130), "norm");
    check_close(m.min, 1, "min");
    check_close(m.max, 10, "max");
}

Test(metrics, moments_skip_infinities)
{
    const real inf = (real)INFINITY;
    Moments m = moments((const real[]){-inf, 1, 2, -inf, inf, 3, 4, 10, -inf}, 9);
    cr_assert_eq(m.count, 5);
    check_close(m.mean, 4, "mean");
    check_close(m.variance, 10, "variance");
    check_close(m.min, 1, "min");
    m = moments((const real[]){-inf, -inf}, 2);
    cr_assert(m.count == 0 && isnan(m.mean) && isnan(m.variance) && isnan(m.min) && m.norm == 0);
    const real all[20] = {-inf, -inf, -inf, -inf, -inf, -inf, -inf, -inf, -inf, -inf, inf, inf, inf, inf, inf, inf, inf, inf, inf, inf};
    m = moments(all, 20);
    cr_assert(m.count == 0 && isnan(m.mean) && isnan(m.variance) && isnan(m.min) && isnan(m.max) && m.norm == 0);
}

/* However many numbers, wherever the smallest and the largest are, and with a -inf among them or without. */
Test(metrics, moments_find_the_ends)
{
    real x[40];
    for (size_t n = 1; n <= 39; n++)
        for (size_t at = 0; at < n; at++) {
            for (size_t i = 0; i <= n; i++)
                x[i] = (real)(i % 7) - 3;
            x[at] = -5;
            x[(at + n / 2) % n] = n > 1 ? 6 : -5;
            Moments m = moments(x, n);
            cr_assert(m.count == n && m.min == -5 && m.max == (n > 1 ? 6 : -5), "%zu numbers, %zu", n, at);
            x[n] = -(real)INFINITY;
            Moments more = moments(x, n + 1);
            cr_assert(more.count == n && more.min == m.min && more.max == m.max && fabs(more.variance - m.variance) < 1e-12, "%zu numbers, %zu", n, at);
        }
}

/* The variance of numbers far from 0 is not lost in their squares. */
Test(metrics, moments_of_a_large_mean)
{
    real x[1000];
    for (int i = 0; i < 1000; i++)
        x[i] = 4096 + (i % 2);
    check_close(moments(x, 1000).variance, 0.25, "variance");
}

Test(metrics, entropy_of_known_shares)
{
    check_close(entropy((const real[]){0.25, 0.25, 0.25, 0.25}, 4), log(4), "uniform");
    check_close(entropy((const real[]){0, 1, 0}, 3), 0, "one-hot");
    check_close(entropy((const real[]){0.5, 0, 0.25, 0.25}, 4), 1.5 * log(2), "mixed");
}

Test(metrics, mean_cosine_is_the_mean_over_pairs)
{
    Random random = random_seeded(5);
    real x[9 * 13];
    for (size_t rows = 2; rows <= 9; rows++) {
        double sum = 0, pairs = 0;
        fill(x, rows * 13, &random, 0.3);
        for (size_t i = 0; i < rows; i++)
            for (size_t j = 0; j < rows; j++) {
                if (i == j)
                    continue;
                double ab = 0, aa = 0, bb = 0;
                for (size_t k = 0; k < 13; k++) {
                    double a = (double)x[i * 13 + k], b = (double)x[j * 13 + k];
                    ab += a * b;
                    aa += a * a;
                    bb += b * b;
                }
                sum += ab / sqrt(aa * bb);
                pairs++;
            }
        check_close(mean_cosine(x, rows, 13), sum / pairs, "mean cosine");
    }
    cr_assert(isnan(mean_cosine(x, 1, 13)));
    memset(x, 0, 13 * sizeof *x);
    cr_assert(isnan(mean_cosine(x, 3, 13)));
    cr_assert(isnan(cosine(x, x + 13, 13)));
    check_close(cosine((const real[]){1, 0}, (const real[]){3, 3}, 2), sqrt(0.5), "cosine");
}

Test(metrics, largest_of_is_sorted_with_ties_by_index)
{
    size_t out[6];
    const real x[] = {2, 5, 1, 5, 7, 2};
    cr_assert_eq(largest_of(x, 6, 6, out), 6);
    cr_assert_arr_eq(out, ((size_t[]){4, 1, 3, 0, 5, 2}), sizeof out);
    cr_assert_eq(largest_of(x, 6, 2, out), 2);
    cr_assert_arr_eq(out, ((size_t[]){4, 1}), 2 * sizeof *out);
    cr_assert_eq(largest_of(x, 2, 3, out), 2);
    cr_assert_eq(largest_of(x, 6, 0, out), 0);
    check_close(share_not_positive((const real[]){-1, 0, 2, 3}, 4), 0.5, "share");
}

/* ---- attention ---- */

Test(metrics, attention_rows_of_uniform_attention)
{
    Model *m = help_model(help_configs[0]);
    Pass *p = help_pass(m, UNIFORM_ATTENTION);
    size_t i = help_stage(p, "decoder.0.self.weights");
    double sum = 0;
    for (size_t t = 0; t < HELP_TARGET; t++) {
        AttentionRow row = attention_row(p, i, 1, t);
        double n = (double)t + 1, rounding = REAL_EPSILON * 8;
        cr_assert_eq(row.visible, t + 1);
        cr_assert_float_eq(row.entropy, log(n), rounding);
        cr_assert_float_eq(row.share, t ? 1 : 0, rounding);
        cr_assert_float_eq(row.effective, n, n * rounding);
        cr_assert_float_eq(row.slope, 1 / n * (1 - 1 / n), rounding);
        cr_assert_float_eq(row.sum, 1, rounding);
        cr_assert_eq(row.largest, 0);
        sum += log(n);
    }
    cr_assert_float_eq(attention_entropy(p, i), sum / HELP_TARGET, 8 * REAL_EPSILON);
    cr_assert_float_eq(attention_head_entropy(p, i, 0), sum / HELP_TARGET, 8 * REAL_EPSILON);
    pass_free(p);
    model_free(m);
}

Test(metrics, attention_rows_of_a_model)
{
    Model *m = help_model(help_configs[3]);
    Pass *p = help_pass(m, 0);
    size_t i = help_stage(p, "decoder.1.self.weights");
    const Stage *s = &pass_plan(p)->stages[i];
    double all = 0, heads = 0;
    for (size_t h = 0; h < s->shape[0]; h++)
        for (size_t t = 0; t < s->shape[1]; t++) {
            const real *w = pass_value(p, i) + (h * s->shape[1] + t) * s->shape[2];
            AttentionRow row = attention_row(p, i, h, t);
            double expected = 0, largest = 0;
            for (size_t j = 0; j <= t; j++) {
                expected -= (double)w[j] * log((double)w[j]);
                largest = fmax(largest, (double)w[j]);
            }
            check_close(row.entropy, expected, "entropy");
            check_close(row.weight, largest, "largest weight");
            cr_assert(largest == (double)w[row.largest]);
            check_close(row.slope, largest * (1 - largest), "p(1-p)");
            all += expected / (double)(s->shape[0] * s->shape[1]);
        }
    for (size_t h = 0; h < s->shape[0]; h++)
        heads += attention_head_entropy(p, i, h) / (double)s->shape[0];
    check_close(attention_entropy(p, i), all, "mean entropy");
    check_close(heads, all, "mean of the heads' entropies");
    pass_free(p);
    model_free(m);
}

/* The variance of the numbers of stage i that `keep` keeps, in two plain walks. */
static double plain_variance(Pass *p, size_t i, int head, bool visible_only)
{
    const Stage *s = &pass_plan(p)->stages[i];
    const real *x = pass_value(p, i);
    double mean = 0, n = 0, squares = 0;
    for (int walk = 0; walk < 2; walk++)
        for (size_t at = 0; at < s->count; at++) {
            size_t h = at / (s->shape[1] * s->shape[2]), query = at / s->shape[2] % s->shape[1], key = at % s->shape[2];
            bool hidden = stage_is_causal(s) && !(pass_plan(p)->ablations & NO_MASK) && key > query;
            if ((head >= 0 && h != (size_t)head) || (visible_only && hidden))
                continue;
            if (walk == 0) {
                mean += (double)x[at];
                n++;
            } else {
                squares += ((double)x[at] - mean / n) * ((double)x[at] - mean / n);
            }
        }
    return squares / n;
}

static double plain_row_variance(Pass *p, size_t i, int head)
{
    const Stage *s = &pass_plan(p)->stages[i];
    double sum = 0, rows = 0;
    for (size_t row = 0; row < s->shape[0] * s->shape[1]; row++) {
        size_t n = visible_keys(p, s, row % s->shape[1]);
        if ((head >= 0 && row / s->shape[1] != (size_t)head) || n < 2)
            continue;
        sum += moments(pass_value(p, i) + row * s->shape[2], n).variance;
        rows++;
    }
    return sum / rows;
}

static void check_variance(const char *config, const char *sub, Ablations a, double ratio)
{
    Model *m = help_model(config);
    Pass *p = help_pass(m, a);
    char name[STAGE_NAME_MAX];
    snprintf(name, sizeof name, "%s.scores", sub);
    size_t scores = help_stage(p, name), H = m->config.n_heads;
    double predicted = 0;
    for (int head = -1; head < (int)H; head++) {
        ScoreVariance v;
        size_t first, end;
        plan_sub(pass_plan(p), scores, &first, &end);
        cr_assert_eq(score_variance(p, head % 2 ? first : end - 1, head, &v), 0);
        check_close(v.raw_all, plain_variance(p, scores, head, false), "raw, all pairs");
        check_close(v.raw_visible, plain_variance(p, scores, head, true), "raw, visible pairs");
        check_close(v.raw_rows, plain_row_variance(p, scores, head), "raw, within rows");
        check_close(v.scaled_all, plain_variance(p, scores + 1, head, false), "scaled, all pairs");
        check_close(v.scaled_visible, plain_variance(p, scores + 1, head, true), "scaled, visible pairs");
        check_close(v.scaled_rows, plain_row_variance(p, scores + 1, head), "scaled, within rows");
        cr_assert_float_eq(v.ratio, ratio, 8 * REAL_EPSILON * ratio, "ratio %.9g, expected %g", v.ratio, ratio);
        check_close(v.predicted, score_prediction(p, scores, head), "predicted");
        if (head >= 0)
            predicted += v.predicted / (double)H;
    }
    check_close(score_prediction(p, scores, -1), predicted, "mean of the heads' predictions");
    pass_free(p);
    model_free(m);
}

Test(metrics, score_variance_in_every_kind_of_attention)
{
    check_variance(help_configs[0], "decoder.0.self", 0, 4);
    check_variance(help_configs[1], "decoder.0.self", 0, 2);
    check_variance(help_configs[3], "decoder.1.self", 0, 3);
    check_variance(help_configs[6], "encoder.0.self", 0, 4);
    check_variance(help_configs[9], "decoder.0.cross", 0, 4);
    check_variance(help_configs[HELP_QWEN3], "decoder.1.self", 0, 6);
    check_variance(help_configs[0], "decoder.0.self", NO_MASK, 4);
    check_variance(help_configs[0], "decoder.0.self", NO_SCALE, 1);
    check_variance(help_configs[0], "decoder.0.self", SCALE_BY_DK, 16);
}

/* With one dimension a head, q and k taken over all pairs ARE independent: the prediction is exact. With more, it is
 * Σ_i of the same for each. */
Test(metrics, prediction_is_exact_in_one_dimension)
{
    Model *m = help_model("kind=decoder,d_model=8,n_heads=4,n_kv_heads=2,d_head=1,decoder_layers=2,vocab_size=11,position=learned");
    Pass *p = help_pass(m, 0);
    ScoreVariance v;
    for (int head = 0; head < 4; head++) {
        score_variance(p, help_stage(p, "decoder.1.self.q"), head, &v);
        cr_assert_float_eq(v.predicted, v.raw_all, 64 * REAL_EPSILON * v.raw_all, "predicted %.9g, found %.9g", v.predicted, v.raw_all);
    }
    pass_free(p);
    model_free(m);
}

Test(metrics, no_scores_outside_attention)
{
    Model *m = help_model(help_configs[0]);
    Pass *p = help_pass(m, 0);
    ScoreVariance v;
    cr_assert_eq(score_variance(p, help_stage(p, "decoder.0.ffn.expand"), -1, &v), -1);
    cr_assert_eq(score_variance(p, help_stage(p, "decoder.embed.sum"), -1, &v), -1);
    cr_assert_eq(score_variance(p, help_stage(p, "output.probs"), -1, &v), -1);
    pass_free(p);
    model_free(m);
}

/* ---- the stream ---- */

static void check_stream_names(const char *config, const char *const *names, size_t n)
{
    Model *m = help_model(config);
    Pass *p = help_pass(m, 0);
    StreamPoint *points;
    char name[STAGE_NAME_MAX];
    cr_assert_eq(stream_points(p, pass_plan(p)->count, &points), n);
    for (size_t i = 0; i < n; i++)
        cr_assert_str_eq(stage_name(&pass_plan(p)->stages[points[i].stage], name), names[i]);
    free(points);
    pass_free(p);
    model_free(m);
}

Test(metrics, the_stream_is_read_where_it_flows)
{
    check_stream_names(
        help_configs[0],
        (const char *const[]){"decoder.embed.sum", "decoder.0.self.residual", "decoder.0.ffn.residual", "decoder.final_norm"}, 4);
    check_stream_names(help_configs[5], (const char *const[]){"decoder.embed.tokens", "decoder.0.self.residual", "decoder.final_norm"}, 3);
    check_stream_names(help_configs[9],
                       (const char *const[]){"encoder.embed.sum", "encoder.0.self.residual", "encoder.0.self.norm", "encoder.0.ffn.residual",
                                             "encoder.0.ffn.norm", "decoder.embed.sum", "decoder.0.self.residual", "decoder.0.self.norm",
                                             "decoder.0.cross.residual", "decoder.0.cross.norm", "decoder.0.ffn.residual", "decoder.0.ffn.norm"},
                       12);
}

Test(metrics, stream_points_compute_nothing_later)
{
    Model *m = help_model(help_configs[0]);
    Pass *p = help_pass(m, 0);
    size_t residual = help_stage(p, "decoder.0.self.residual");
    StreamPoint *points;
    cr_assert_eq(stream_points(p, residual, &points), 1);
    cr_assert_leq(pass_done(p), residual);
    const real *x = pass_value(p, points[0].stage);
    double norm = 0;
    for (size_t t = 0; t < HELP_TARGET; t++)
        norm += moments(x + t * 8, 8).norm / HELP_TARGET;
    check_close(points[0].norm, norm, "norm");
    check_close(points[0].cosine, mean_cosine(x, HELP_TARGET, 8), "cosine");
    free(points);
    pass_free(p);
    model_free(m);
}

Test(metrics, top_tokens_are_sorted)
{
    Model *m = help_model(help_configs[0]);
    Pass *p = help_pass(m, 0);
    TokenProb top[13];
    size_t V = m->config.vocab_size, last = pass_plan(p)->count - 1;
    for (size_t row = 0; row < HELP_TARGET; row++) {
        double sum = 0;
        top_tokens(p, row, 13, top);
        for (size_t i = 0; i < V; i++) {
            sum += top[i].probability;
            cr_assert(i == 0 || top[i].logit < top[i - 1].logit || (top[i].logit == top[i - 1].logit && top[i].id > top[i - 1].id));
            cr_assert((double)pass_value(p, last)[row * V + (size_t)top[i].id] == top[i].probability);
        }
        cr_assert_float_eq(sum, 1, 8 * REAL_EPSILON);
        cr_assert(top[V].id == -1 && top[V + 1].id == -1);
    }
    pass_free(p);
    model_free(m);
}

/* ---- words ---- */

static void check_line(const MetricLine *l, const char *where)
{
    cr_assert(l->label[0] && l->value[0], "%s: empty line", where);
    cr_assert(text_is_valid(l->label, strlen(l->label)) && text_is_valid(l->value, strlen(l->value)), "%s: %s", where, l->label);
    cr_assert_leq(text_width(l->label), METRIC_LABEL_COLUMNS, "%s: label \"%s\"", where, l->label);
    cr_assert_leq(text_width(l->value), METRIC_VALUE_COLUMNS, "%s: value \"%s\"", where, l->value);
    cr_assert(!strstr(l->value, "nan") && !strstr(l->value, "%s"), "%s: \"%s\"", where, l->value);
    for (const char *s = l->value; *s; s++)
        cr_assert((unsigned char)*s >= 0x20, "%s: control character in \"%s\"", where, l->value);
}

static void check_lines_of_pass(const Model *m, size_t length, const char *ablations)
{
    Pass *p = help_pass_of(m, length, length, help_ablation(ablations));
    for (size_t i = 0; i < pass_plan(p)->count; i++) {
        const Stage *s = &pass_plan(p)->stages[i];
        char name[STAGE_NAME_MAX];
        size_t heads = s->rank == 3 ? s->shape[0] : 1;
        for (size_t h = 0; h < heads; h++)
            for (size_t row = 0; row < s->shape[s->rank - 2]; row++) {
                MetricLine lines[METRIC_LINES_MAX + 4], two[2];
                size_t n = metric_lines(p, i, h, row, lines, METRIC_LINES_MAX + 4);
                cr_assert(n >= 1 && n <= METRIC_LINES_MAX, "%s: %zu lines", stage_name(s, name), n);
                cr_assert_leq(pass_done(p), i + 1, "%s: computes what comes later", stage_name(s, name));
                for (size_t k = 0; k < n; k++)
                    check_line(&lines[k], stage_name(s, name));
                cr_assert_eq(metric_lines(p, i, h, row, two, 2), n < 2 ? n : 2);
                cr_assert_str_eq(two[0].value, lines[0].value);
            }
        Buffer formula = {0};
        formula_with_shapes(p, i, &formula);
        cr_assert(formula.len > 0 && text_is_valid(formula.data, formula.len), "%s", stage_name(s, name));
        cr_assert(strchr(buffer_text(&formula), '['), "%s: no shape in \"%s\"", stage_name(s, name), buffer_text(&formula));
        buffer_free(&formula);
    }
    pass_free(p);
}

Test(metrics, every_stage_has_lines_and_a_formula)
{
    for (int i = 0; i < HELP_CONFIGS; i++) {
        Model *m = help_model(help_configs[i]);
        for (int k = 0; k < HELP_ABLATIONS; k++) {
            check_lines_of_pass(m, 4, help_ablations[k]);
            check_lines_of_pass(m, 1, help_ablations[k]);
        }
        model_free(m);
    }
}

static void check_value(Pass *p, const char *stage, size_t head, size_t row, const char *label, const char *value)
{
    MetricLine lines[METRIC_LINES_MAX];
    size_t n = metric_lines(p, help_stage(p, stage), head, row, lines, METRIC_LINES_MAX), k = 0;
    while (k < n && strcmp(lines[k].label, label) != 0)
        k++;
    cr_assert_lt(k, n, "%s: no line \"%s\"", stage, label);
    cr_assert_str_eq(lines[k].value, value, "%s: %s: \"%s\", expected \"%s\"", stage, label, lines[k].value, value);
}

static Pass *edited_pass(const Model *m, const int *ids, size_t n, const char *edit)
{
    Edits edits = {0};
    Error e = {{0}};
    Pass *p = pass_create(m, (PassInput){NULL, ids, 0, n}, 0, &e);
    cr_assert(p, "%s", e.text);
    cr_assert_eq(edits_add(&edits, edit, &e), 0);
    cr_assert_eq(pass_set_edits(p, &edits, &e), 0, "%s", e.text);
    edits_free(&edits);
    return p;
}

Test(metrics, the_ratio_of_variances_is_said_to_be_d_head_only_where_it_is)
{
    static const int one[] = {5, 5, 5, 5, 5}, several[] = {5, 1, 7, 3, 2};
    Model *m = help_model("kind=decoder,d_model=8,n_heads=2,decoder_layers=1,vocab_size=11,position=none,ffn=none");
    Pass *p = edited_pass(m, several, 5, "decoder.0.self.scaled*=2");
    check_value(p, "decoder.0.self.scaled", 0, 1, "raw / scaled", "1.000; the scale alone gives 4.000");
    pass_free(p);
    p = edited_pass(m, several, 5, "decoder.0.self.scores*=2"); /* before the scale: that is as it was */
    check_value(p, "decoder.0.self.scaled", 0, 1, "raw / scaled", "4.000 = d_head");
    pass_free(p);
    p = edited_pass(m, one, 5,
                    REAL_IS_DOUBLE ? "decoder.0.self.scores[query=1]*=1.0000000000000002" : "decoder.0.self.scores[query=1]*=1.0000001");
    cr_assert_gt(score_spread(p, help_stage(p, "decoder.0.self.scores"), 0).all, 0, "rounding must show, or nothing is tested");
    check_value(p, "decoder.0.self.scaled", 0, 1, "raw / scaled", "none: all scores are the same");
    pass_free(p);
    model_free(m);
}

Test(metrics, no_number_is_cut)
{
    static const int ids[] = {5, 1, 7, 3, 2};
    Model *m = help_model("kind=decoder,d_model=8,n_heads=2,decoder_layers=1,vocab_size=11,position=none,ffn=none");
    Pass *p = edited_pass(m, ids, 5, "decoder.0.self.out=-0.00123");
    check_value(p, "decoder.0.self.out", 0, 1, "all rows", "mean -0.00123, variance 0.000, -0.00123 to -0.00123");
    pass_free(p);
    model_free(m);
}

Test(metrics, lines_of_uniform_attention)
{
    Model *m = help_model(help_configs[0]);
    Pass *p = help_pass(m, UNIFORM_ATTENTION);
    check_value(p, "decoder.0.self.weights", 0, 3, "entropy of this row", "1.386 nats, 100.0% of ln 4");
    check_value(p, "decoder.0.self.weights", 0, 3, "attends to", "about 4.000 of 4 tokens (exp H)");
    check_value(p, "decoder.0.self.weights", 0, 3, "largest weight", "0.250 at #10; p(1-p) 0.188");
    check_value(p, "decoder.0.self.weights", 0, 3, "sum of this row", "1.000000");
    check_value(p, "decoder.0.self.masked", 0, 1, "this query", "sees 2 of 5 keys, 3 hidden");
    check_value(p, "decoder.0.self.masked", 0, 1, "this head", "15 of 25 pairs visible");
    check_value(p, "decoder.0.self.scaled", 0, 1, "raw / scaled", "4.000 = d_head");
    pass_free(p);
    model_free(m);
}

static void check_formula(const char *config, const char *ablations, const char *stage, const char *expected)
{
    Model *m = help_model(config);
    Pass *p = help_pass(m, help_ablation(ablations));
    Buffer b = {0};
    formula_with_shapes(p, help_stage(p, stage), &b);
    cr_assert_str_eq(buffer_text(&b), expected, "%s: \"%s\", expected \"%s\"", stage, buffer_text(&b), expected);
    buffer_free(&b);
    pass_free(p);
    model_free(m);
}

Test(metrics, formulas_have_the_shapes_of_the_pass)
{
    const char *gpt = help_configs[0], *llama = help_configs[1], *alibi = help_configs[3], *t5 = help_configs[9], *qwen = help_configs[HELP_QWEN3];
    check_formula(gpt, "", "decoder.0.self.q", "x [5,8] · W_Q [8,8] + b_Q [8] → 2 heads of [5,4]");
    check_formula(gpt, "", "decoder.0.self.scores", "q [2,5,4] · kᵀ [2,4,5] → [2,5,5]");
    check_formula(gpt, "", "decoder.0.self.scaled", "scores [2,5,5] / √4");
    check_formula(gpt, "no-scale", "decoder.0.self.scaled", "scores [2,5,5] × 1 (no-scale)");
    check_formula(gpt, "no-scale,scale-by-dk", "decoder.0.self.scaled", "scores [2,5,5] × 1 (no-scale)");
    check_formula(gpt, "scale-by-dk", "decoder.0.self.scaled", "scores [2,5,5] / 4 (scale-by-dk)");
    check_formula(gpt, "", "decoder.0.self.masked", "scaled [2,5,5], −∞ where key > query");
    check_formula(gpt, "no-mask", "decoder.0.self.masked", "scaled [2,5,5], nothing hidden (no-mask)");
    check_formula(gpt, "", "decoder.0.self.weights", "softmax by rows of [2,5,5]");
    check_formula(gpt, "", "decoder.0.self.heads", "weights [2,5,5] · v [2,5,4] → [2,5,4]");
    check_formula(gpt, "", "decoder.0.self.norm", "(x − mean) / √(variance + 1e-05) × gain + bias, row by row of [5,8]");
    check_formula(gpt, "", "decoder.0.ffn.residual", "x [5,8] + contract [5,8]");
    check_formula(gpt, "no-residual", "decoder.0.ffn.residual", "contract [5,8] alone, x is not added (no-residual)");
    check_formula(gpt, "", "output.logits", "x [5,8] · W_Eᵀ [8,11] → [5,11]");
    check_formula(llama, "", "decoder.0.self.q", "x [5,8] · W_Q [8,8] → 4 heads of [5,2]");
    check_formula(qwen, "", "decoder.0.self.q_norm", "q / √(mean of q² + 0.01) × gain, row by row of [4,5,6]");
    check_formula(qwen, "no-norm", "decoder.0.self.k_norm", "k [2,5,6], unchanged (no-norm)");
    check_formula(qwen, "", "decoder.0.self.q_rot", "q_norm [4,5,6], pairs turned by position · 10000^(−2i/6)");
    check_formula(llama, "", "decoder.0.self.scores", "q_rot [4,5,2] · k_rotᵀ [2,2,5] → [4,5,5]; 2 heads share each k_rot");
    check_formula(llama, "", "decoder.0.ffn.activate", "silu(gate [5,10])");
    check_formula(llama, "", "decoder.0.self.norm", "x / √(mean of x² + 1e-05) × gain, row by row of [5,8]");
    check_formula(llama, "", "output.logits", "x [5,8] · W_U [8,11] → [5,11]");
    check_formula(alibi, "", "decoder.embed.tokens", "W_E [11,9] × √9, one row for each of 5 tokens → [5,9]");
    check_formula(alibi, "", "decoder.0.self.masked", "biased [3,5,5], −∞ where key > query");
    check_formula(t5, "", "decoder.0.cross.scores", "q [2,5,4] · kᵀ [2,4,4] → [2,5,4]");
    check_formula(t5, "", "decoder.0.cross.masked", "scaled [2,5,4], nothing hidden");
    check_formula(t5, "", "decoder.0.cross.k", "encoder's output [4,8] · W_K [8,8] + b_K [8] → 2 heads of [4,4]");
}

/* ---- the real model ---- */

static void check_real_text(const Model *m, const json_t *text)
{
    const json_t *list = json_object_get(text, "ids");
    int ids[256];
    size_t n = json_array_size(list);
    Error e = {{0}};
    cr_assert(n > 0 && n < 256);
    for (size_t i = 0; i < n; i++)
        ids[i] = (int)json_integer_value(json_array_get(list, i));
    Pass *p = pass_create(m, (PassInput){NULL, ids, 0, n}, 0, &e);
    cr_assert(p, "%s", e.text);
    const char *name;
    json_t *value;
    size_t seen = 0;
    json_object_foreach(json_object_get(text, "mean_entropy_nats"), name, value)
    {
        double found = attention_entropy(p, help_stage(p, name)), expected = json_number_value(value);
        cr_assert_float_eq(found, expected, REAL_IS_DOUBLE ? 1e-10 : 2e-6, "%s: %.9g, expected %.9g", name, found, expected);
        seen++;
    }
    json_object_foreach(json_object_get(text, "variance"), name, value)
    {
        char scores[STAGE_NAME_MAX];
        ScoreVariance v;
        snprintf(scores, sizeof scores, "%s.scores", name);
        cr_assert_eq(score_variance(p, help_stage(p, scores), -1, &v), 0);
        double raw = json_number_value(json_array_get(value, 0)), scaled = json_number_value(json_array_get(value, 1));
        cr_assert_float_eq(v.raw_all, raw, (REAL_IS_DOUBLE ? 1e-10 : 1e-5) * raw, "%s: raw %.9g, expected %.9g", name, v.raw_all, raw);
        cr_assert_float_eq(v.scaled_all, scaled, (REAL_IS_DOUBLE ? 1e-10 : 1e-5) * scaled, "%s: scaled %.9g, expected %.9g", name,
                           v.scaled_all, scaled);
        cr_assert_float_eq(v.ratio, 8, 1e-5, "%s: ratio %.9g", name, v.ratio);
        seen++;
    }
    TokenProb top[5];
    top_tokens(p, n - 1, 5, top);
    for (size_t i = 0; i < 5; i++)
        cr_assert_eq(top[i].id, json_integer_value(json_array_get(json_object_get(text, "top5"), i)));
    cr_assert_eq(seen, 10);
    pass_free(p);
}

Test(metrics, a_real_models_entropies_and_variances)
{
    const char *real_folder = getenv("STEPFORMER_REAL");
    char path[1024];
    Error e = {{0}};
    if (!real_folder)
        cr_skip_test("STEPFORMER_REAL is not set: it names the folder that holds stories260K/");
    snprintf(path, sizeof path, "%s/stories260K/stories260K.bin", real_folder);
    Model *m = model_open(path, NULL, &e);
    cr_assert(m, "%s", e.text);
    snprintf(path, sizeof path, "%s/stories260K/expected.json", real_folder);
    json_t *expected = json_load_file(path, 0, NULL);
    cr_assert(json_array_size(expected) > 0, "%s", path);
    for (size_t i = 0; i < json_array_size(expected); i++)
        check_real_text(m, json_array_get(expected, i));
    json_decref(expected);
    model_free(m);
}
