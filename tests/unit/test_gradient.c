/* test_gradient.c - the size of gradients, what the softmax lets through, the loss by positions: against the plainest way to compute
 * each, and what is said about them. */
#include "measure/gradient.h"

#include "base/text.h"
#include "gradient_help.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static void check_close(double found, double expected, const char *what)
{
    cr_assert(fabs(found - expected) <= 1e-12 * fmax(1, fabs(expected)), "%s: %.15g, expected %.15g", what, found, expected);
}

/* ---- size ---- */

Test(gradient, size_of_known_numbers)
{
    GradientSize s = gradient_size((const real[]){0, 3, -4, 0, 4}, 5);
    check_close(s.norm, sqrt(41), "norm");
    check_close(s.rms, sqrt(41.0 / 5), "rms");
    check_close(s.zeros, 0.4, "zeros");
    cr_assert(s.largest == 4 && s.at == 2);
    s = gradient_size((const real[]){0, 0}, 2);
    cr_assert(s.norm == 0 && s.rms == 0 && s.largest == 0 && s.zeros == 1);
    s = gradient_size(NULL, 0);
    cr_assert(s.norm == 0 && s.rms == 0 && s.zeros == 0);
}

/* Every place of the stream and every matrix that is read, once, in the plan's order. */
Test(gradient, points_are_the_stream_and_the_matrices)
{
    static const char *const expected[] = {
        "decoder.embed.W_E",  "decoder.embed.sum",      "decoder.0.self.W_Q",      "decoder.0.self.W_K",
        "decoder.0.self.W_V", "decoder.0.self.W_O",     "decoder.0.self.residual", "decoder.0.ffn.W_1",
        "decoder.0.ffn.W_2",  "decoder.0.ffn.residual", "decoder.final_norm",
    };
    Model *m = help_model(help_configs[0]);
    Pass *p = help_pass(m, 0);
    GradientPoint *points;
    cr_assert_eq(gradient_points(p, &points), 0);
    cr_assert_null(points);
    pass_free(p);
    p = help_backward(m, 0);
    size_t n = gradient_points(p, &points);
    cr_assert_eq(n, sizeof expected / sizeof *expected);
    for (size_t i = 0; i < n; i++) {
        char name[STAGE_NAME_MAX];
        const Stage *s = &pass_plan(p)->stages[points[i].index];
        const Weight *w = &m->weights.items[points[i].is_weight ? points[i].index : 0];
        cr_assert_str_eq(points[i].is_weight ? w->name : stage_name(s, name), expected[i]);
        const real *g = points[i].is_weight ? pass_weight_gradient(p, points[i].index) : pass_gradient(p, points[i].index);
        const real *x = points[i].is_weight ? weight_plain(w) : pass_value(p, points[i].index);
        size_t count = points[i].is_weight ? w->count : s->count;
        double gg = 0, xx = 0;
        for (size_t k = 0; k < count; k++) {
            gg += (double)g[k] * (double)g[k];
            xx += (double)x[k] * (double)x[k];
        }
        check_close(points[i].size.rms, sqrt(gg / (double)count), expected[i]);
        check_close(points[i].ratio, sqrt(gg / xx), expected[i]);
    }
    free(points);
    pass_free(p);

    p = help_backward(m, NO_ATTENTION | NO_FFN); /* what is not read is not there */
    n = gradient_points(p, &points);
    cr_assert_eq(n, 3);
    free(points);
    pass_free(p);
    model_free(m);
}

/* ---- the softmax ---- */

/* d masked = J · d weights with J = diag(p) - p pᵀ, computed the long way. */
static void check_row(Pass *p, size_t i, size_t head, size_t query)
{
    const Stage *s = &pass_plan(p)->stages[i];
    size_t keys = s->shape[2], at = (head * s->shape[1] + query) * keys, visible = 0;
    const real *w = pass_value(p, i) + at, *g = pass_gradient(p, i) + at;
    double in = 0, out = 0, trace = 0, largest = 0;
    SoftmaxRow row = softmax_row(p, i, head, query);
    for (size_t j = 0; j < keys; j++) {
        if (!pass_sees(p, s, query, j))
            continue;
        double d = 0;
        for (size_t k = 0; k < keys; k++)
            d += (double)g[k] * ((j == k ? (double)w[j] : 0) - (double)w[j] * (double)w[k]);
        out += d * d;
        in += (double)g[j] * (double)g[j];
        trace += (double)w[j] * (1 - (double)w[j]);
        largest = fmax(largest, (double)w[j]);
        visible++;
    }
    cr_assert_eq(row.visible, visible);
    check_close(row.in, sqrt(in), "in");
    check_close(row.slopes, trace, "trace");
    check_close(row.weight, largest, "largest");
    cr_assert_eq((double)w[row.largest], largest);
    cr_assert_eq(row.dead, visible > 1 && largest > SOFTMAX_DEAD);
    cr_assert(fabs(row.out - sqrt(out)) <= 16 * REAL_EPSILON * (sqrt(in) + sqrt(out)), "out %.9g, expected %.9g", row.out, sqrt(out));
}

Test(gradient, softmax_rows_are_the_jacobian)
{
    for (int c = 0; c < GRADIENT_CONFIGS; c++) {
        Model *m = help_model(gradient_config(c));
        Pass *p = help_backward(m, 0);
        for (size_t i = 0; i < pass_plan(p)->count; i++) {
            const Stage *s = &pass_plan(p)->stages[i];
            if (s->kind != STAGE_WEIGHTS)
                continue;
            double in = 0, out = 0;
            size_t rows = 0;
            for (size_t h = 0; h < s->shape[0]; h++)
                for (size_t t = 0; t < s->shape[1]; t++) {
                    check_row(p, i, h, t);
                    SoftmaxRow row = softmax_row(p, i, h, t);
                    in += row.in * row.in;
                    out += row.out * row.out;
                    rows += row.visible > 1;
                }
            SoftmaxFlow flow = softmax_flow(p, i, -1);
            check_close(flow.in, sqrt(in), "in");
            check_close(flow.out, sqrt(out), "out");
            cr_assert_eq(flow.rows, rows);
            cr_assert(flow.out < flow.in, "a softmax only ever takes away");
        }
        pass_free(p);
        model_free(m);
    }
}

/* With scores far apart the softmax is one-hot: the row is dead, and next to nothing comes through. */
Test(gradient, one_hot_rows_are_dead)
{
    Model *m = help_model(help_configs[0]);
    Pass *p = help_pass(m, 0);
    size_t masked = help_stage(p, "decoder.0.self.masked"), weights = masked + 1, n;
    for (size_t t = 0; t < HELP_TARGET; t++)
        for (size_t j = 0; j <= t; j++)
            pass_override(p, masked, t * HELP_TARGET + j, j == 0 ? 50 : 0); /* head 0 looks at the first token only */
    double loss;
    Error e = {{0}};
    const int *targets = help_targets(p, &n);
    cr_assert_eq(pass_backward(p, targets, n, &loss, &e), 0, "%s", e.text);
    SoftmaxRow row = softmax_row(p, weights, 0, 3);
    cr_assert(row.dead && row.largest == 0 && row.slopes < 1e-6 && row.in > 0 && row.out < 1e-6 * row.in);
    row = softmax_row(p, weights, 0, 0); /* has no choice */
    cr_assert(!row.dead && row.visible == 1 && row.weight == 1);
    SoftmaxFlow flow = softmax_flow(p, weights, 0);
    cr_assert(flow.rows == HELP_TARGET - 1 && flow.dead == HELP_TARGET - 1);
    MetricLine lines[METRIC_LINES_MAX];
    cr_assert_gt(gradient_lines(p, weights, 0, 3, lines, METRIC_LINES_MAX), 2);
    cr_assert(strstr(lines[1].value, ", dead"), "%s", lines[1].value);
    cr_assert_str_eq(lines[2].value, "4 of 4 with a choice (largest weight > 0.999)");
    pass_free(p);
    model_free(m);
}

/* ---- the loss ---- */

Test(gradient, loss_points_make_the_loss)
{
    for (int c = 0; c < GRADIENT_CONFIGS; c++) {
        Model *m = help_model(gradient_config(c));
        Pass *p = help_pass(m, 0);
        Error e = {{0}};
        size_t n, counted = 0;
        const int *targets = help_targets(p, &n);
        double loss, sum = 0;
        cr_assert_eq(pass_loss(p, targets, n, &loss, &e), 0);
        for (size_t t = 0; t < n; t++) {
            LossPoint point = loss_point(p, targets, t);
            cr_assert_eq(point.target, targets[t]);
            if (targets[t] < 0) {
                cr_assert(isnan(point.loss) && isnan(point.probability));
                continue;
            }
            const real *probs = pass_value(p, pass_plan(p)->count - 1) + t * 11;
            size_t above = 0;
            for (size_t j = 0; j < 11; j++)
                above += probs[j] > probs[targets[t]];
            cr_assert_eq(point.rank, above);
            cr_assert_eq(point.probability, (double)probs[targets[t]]);
            cr_assert(fabs(point.loss + log(point.probability)) <= 16 * REAL_EPSILON * fmax(1, point.loss));
            sum += point.loss;
            counted++;
        }
        cr_assert_eq(counted, n - 1);
        check_close(sum / (double)counted, loss, "mean");
        pass_free(p);
        model_free(m);
    }
}

/* ---- in words ---- */

static void check_line(const MetricLine *l)
{
    cr_assert(l->label[0] && l->value[0]);
    cr_assert(text_is_valid(l->label, strlen(l->label)) && text_width(l->label) <= METRIC_LABEL_COLUMNS, "%s", l->label);
    cr_assert(text_is_valid(l->value, strlen(l->value)) && text_width(l->value) <= METRIC_VALUE_COLUMNS, "%s", l->value);
    cr_assert(!strstr(l->label, "…") && !strstr(l->value, "…"), "cut: %s: %s", l->label, l->value);
    cr_assert(!strstr(l->value, "nan"), "%s: %s", l->label, l->value);
}

Test(gradient, lines_fit_and_formulas_are_there)
{
    for (int c = 0; c < GRADIENT_CONFIGS; c++) {
        Model *m = help_model(gradient_config(c));
        for (int a = 0; a < HELP_ABLATIONS; a++) {
            Pass *before = help_pass(m, help_ablation(help_ablations[a])), *p = help_backward(m, help_ablation(help_ablations[a]));
            const Plan *plan = pass_plan(p);
            MetricLine lines[METRIC_LINES_MAX + 1];
            for (size_t i = 0; i < plan->count; i++) {
                const Stage *s = &plan->stages[i];
                for (size_t row = 0; row < s->shape[s->rank - 2]; row++) {
                    size_t n = gradient_lines(p, i, row % 2, row, lines, METRIC_LINES_MAX + 1);
                    cr_assert(n > 0 && n <= METRIC_LINES_MAX);
                    for (size_t k = 0; k < n; k++)
                        check_line(&lines[k]);
                }
                cr_assert_eq(gradient_lines(before, i, 0, 0, lines, METRIC_LINES_MAX), 0);
                Buffer formula = {0};
                gradient_formula(p, i, &formula);
                cr_assert(strncmp(buffer_text(&formula), "d ", 2) == 0 && text_is_valid(buffer_text(&formula), formula.len));
                GradientSize size = gradient_size(pass_gradient(p, i), s->count);
                bool nothing = strstr(buffer_text(&formula), " = 0: ") != NULL;
                cr_assert(!nothing || size.norm == 0, "%s, but its norm is %g", buffer_text(&formula), size.norm);
                buffer_free(&formula);
            }
            pass_free(before);
            pass_free(p);
        }
        model_free(m);
    }
}

static void check_formula(const Pass *p, const char *stage, const char *expected)
{
    Buffer formula = {0};
    gradient_formula(p, help_stage(p, stage), &formula);
    cr_assert_str_eq(buffer_text(&formula), expected);
    buffer_free(&formula);
}

Test(gradient, formulas_have_shapes)
{
    Model *m = help_model(help_configs[1]); /* RoPE, 4 heads of 2, 2 key/value heads, RMSNorm, gated, W_U */
    Pass *p = help_backward(m, 0);
    check_formula(p, "decoder.0.self.q", "d q = d q_rot [4,5,2], pairs turned back → [4,5,2]");
    check_formula(p, "decoder.0.self.q_rot", "d q_rot = d scores [4,5,5] · k_rot [2,5,2] → [4,5,2]");
    check_formula(p, "decoder.0.self.k_rot",
                  "d k_rot = d scoresᵀ [4,5,5] · q_rot [4,5,2] → [2,5,2], summed over the 2 heads that share it");
    check_formula(p, "decoder.0.self.norm", "d norm = Σ d(q, k, v) · Wᵀ → [5,8]");
    check_formula(p, "decoder.0.self.residual",
                  "d residual = d ffn.residual [5,8] + (g − n · mean(g·n)) / rms, g = d norm [5,8] · gain → [5,8]");
    check_formula(p, "decoder.0.self.scores", "d scores = d scaled [4,5,5] / √2 → [4,5,5]");
    check_formula(p, "decoder.0.ffn.activate", "d activate = d product [5,10] × expand → [5,10]");
    check_formula(p, "decoder.final_norm", "d final_norm = d logits [5,11] · W_Uᵀ [11,8] → [5,8]");
    check_formula(p, "output.logits", "d logits = (probs − 1 at the target) / 4 counted → [5,11]");
    check_formula(p, "output.probs", "d probs = 0: the loss reads the logits");
    pass_free(p);
    p = help_pass(m, NO_SCALE | NO_RESIDUAL | UNIFORM_ATTENTION | NO_NORM);
    check_formula(p, "decoder.0.self.scores", "d scores = d scaled [4,5,5] × 1 (no-scale) → [4,5,5]");
    check_formula(p, "decoder.0.self.residual", "d residual = d norm [5,8] → [5,8]");
    check_formula(p, "decoder.0.self.masked", "d masked = 0: the scores are not looked at (uniform-attention)");
    check_formula(p, "output.logits", "d logits = (probs − 1 at the target) / counted positions → [5,11]");
    pass_free(p);
    model_free(m);

    m = help_model(help_configs[HELP_QWEN3]);
    p = help_backward(m, 0);
    check_formula(p, "decoder.0.self.q", "d q = (g − n · mean(g·n)) / rms, g = d q_norm [4,5,6] · gain → [4,5,6]");
    check_formula(p, "decoder.0.self.k_norm", "d k_norm = d k_rot [2,5,6], pairs turned back → [2,5,6]");
    pass_free(p);
    model_free(m);

    m = help_model(gradient_configs[1]);
    p = help_pass(m, 0);
    check_formula(p, "encoder.final_norm", "d final_norm = Σ d(k, v) · Wᵀ of 2 layers → [4,8]");
    pass_free(p);
    p = help_pass(m, NO_ATTENTION);
    check_formula(p, "encoder.final_norm", "d final_norm = 0: nothing reads it");
    pass_free(p);
    model_free(m);
}
