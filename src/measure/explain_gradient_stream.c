/* explain_gradient_stream.c - what comes back through the embedding sum, norms, linear maps, the FFN, residuals and the logits.
 *
 * Knows no layout; the numbers are those of the backward functions in pass/ and tensor/kernels.c, in double. */
#include "measure/explain_gradient_lines.h"

#include "base/text.h"

#include <math.h>

void gradient_through_sum(const Way *way)
{
    if (gradient_passes(pass_plan(way->x->pass), way->x->stage, way->which))
        lines_handed_on(way, way->x->index[0], way->x->index[1], 0);
    else
        lines_note(way->x, _("the sinusoidal table is a constant: no gradient is taken"));
}

void gradient_through_joined(const Way *way)
{
    lines_handed_on(way, way->x->index[0], way->x->index[1], 0);
}

void gradient_through_typed(const Way *way)
{
    gradient_through_joined(way);
}

void gradient_through_residual(const Way *way)
{
    if (gradient_passes(pass_plan(way->x->pass), way->x->stage, way->which))
        lines_handed_on(way, way->x->index[0], way->x->index[1], 0);
    else
        lines_note(way->x, _("no-residual: what went in was not added, and nothing comes back"));
}

/* ---- norm ---- */

/* What a row's LayerNorm or RMSNorm needs on its way back: with n the normalised x and g = d y · gain,
 *   d x = (g - mean(g) - n · mean(g · n)) / std,   the two means because mean and std depend on every x of the row
 * (Ba, Kiros and Hinton 2016); RMSNorm has no mean(g). */
typedef struct NormRow {
    double mean, size; /* of x; size is the standard deviation or root mean square, eps included */
    double g_sum, gn_sum;
    double n, g; /* of the cell explained */
} NormRow;

static NormRow norm_row(const Way *way)
{
    Explainer *x = way->x;
    const Stage *s = x->stage;
    size_t last = (size_t)s->rank - 1, d = s->shape[last], row = cell_offset(s, x->index) - x->index[last];
    const real *in = pass_value(x->pass, (size_t)s->in[0]) + row, *dy = pass_inner_gradient(x->pass, way->reader) + row;
    const Matrix gain = pass_weight(x->pass, (size_t)s->w[0]);
    NormRow r = {0};
    double squares = 0;
    for (size_t i = 0; i < d && stage_norm_kind(s, x->config) == NORM_LAYERNORM; i++)
        r.mean += (double)in[i] / (double)d;
    for (size_t i = 0; i < d; i++)
        squares += ((double)in[i] - r.mean) * ((double)in[i] - r.mean);
    r.size = sqrt(squares / (double)d + x->config->norm_eps);
    for (size_t i = 0; i < d; i++) {
        double n = ((double)in[i] - r.mean) / r.size, g = (double)dy[i] * (double)matrix_entry(&gain, i);
        r.g_sum += g;
        r.gn_sum += g * n;
        if (i == x->index[last]) {
            r.n = n;
            r.g = g;
        }
    }
    return r;
}

void gradient_through_norm(const Way *way)
{
    Explainer *x = way->x;
    const Stage *s = x->stage;
    const size_t *at = x->index;
    size_t last = (size_t)s->rank - 1;
    if (x->ablations & NO_NORM) {
        lines_note(x, _("no-norm: handed on unchanged"));
        lines_handed_on(way, at[0], at[1], at[2]);
        return;
    }
    bool rms = stage_norm_kind(s, x->config) == NORM_RMSNORM;
    NormRow r = norm_row(way);
    Operand own = lines_input(x, 0, at[0], at[1], at[2]), count = lines_number((double)s->shape[last], "%zu", s->shape[last]);
    const char *size_name = rms ? _("root mean square") : _("standard deviation"), *n_name = _("normalised");
    Operand size = lines_number(r.size, "%s", size_name);
    lines_step(x, size_name, rms ? _("√(mean of x² + eps)") : "√(variance + eps)", lines_nothing(), 0, lines_nothing(), r.size);
    if (!rms) {
        lines_step(x, _("centred"), "", own, '-', lines_number(r.mean, "%s", _("mean")), own.value - r.mean);
        own = lines_number(own.value - r.mean, "%s", _("centred"));
    }
    lines_step(x, n_name, "", own, '/', size, r.n);
    lines_step(x, "g", "", lines_gradient(x, way->reader, at[0], at[1], at[2]), '*', lines_weight(x, 0, at[last], 0), r.g);
    double left = r.g;
    if (!rms) {
        double g_mean = lines_step(x, _("mean of g"), "", lines_number(r.g_sum, "Σ g"), '/', count, r.g_sum / count.value);
        left = lines_step(x, _("g − mean of g"), "", lines_number(r.g, "g"), '-', lines_number(g_mean, "%s", _("mean of g")), r.g - g_mean);
    }
    double gn_mean = lines_step(x, _("mean of g · n"), "", lines_number(r.gn_sum, "Σ g · n"), '/', count, r.gn_sum / count.value);
    double along = lines_step(x, _("part along the row"), "", lines_number(r.n, "%s", n_name), '*',
                              lines_number(gn_mean, "%s", _("mean of g · n")), r.n * gn_mean);
    double rest = lines_step(x, _("without it"), "", lines_number(left, "%s", rms ? "g" : _("g − mean of g")), '-',
                             lines_number(along, "%s", _("part along the row")), left - along);
    lines_term(x, s->sub == SUB_FINAL ? sub_name(SUB_FINAL) : stage_table[s->kind].id, "",
               lines_number(rest, "%s", _("without it")), '/', size, rest / r.size);
}

/* ---- linear maps and the FFN ---- */

/* x [t, i] is in every number of the row: Σ d out[t, j] · W[i, j] */
void gradient_through_linear(const Way *way)
{
    Explainer *x = way->x;
    for (size_t j = 0; j < x->stage->shape[1]; j++)
        lines_product(x, lines_label(x, x->stage, 1, j), lines_gradient(x, way->reader, x->index[0], j, 0),
                      lines_weight(x, 0, x->index[1], j));
}

/* The activation's derivative at v, in steps. */
static double slope_of_gelu(Explainer *x, Operand own)
{
    double v = own.value;
    double below = lines_step(x, "Φ(x)", "(1 + erf(x / √2)) / 2", own, 0, lines_nothing(), (1 + erf(v / sqrt(2))) / 2);
    double density = lines_step(x, "φ(x)", "exp(−x² / 2) / √(2π)", own, 0, lines_nothing(), exp(-v * v / 2) / sqrt(2 * acos(-1.0)));
    double part = lines_step(x, "x · φ(x)", "", own, '*', lines_number(density, "φ(x)"), v * density);
    return lines_step(x, _("slope"), "", lines_number(below, "Φ(x)"), '+', lines_number(part, "x · φ(x)"), below + part);
}

static double slope_of_gelu_tanh(Explainer *x, Operand own)
{
    double v = own.value, root = sqrt(2 / acos(-1.0));
    double t = lines_step(x, "tanh", "tanh(√(2/π) · (x + 0.044715 x³))", own, 0, lines_nothing(), tanh(root * (v + 0.044715 * v * v * v)));
    double twice = lines_step(x, "1 + tanh", "", lines_number(1, "1"), '+', lines_number(t, "tanh"), 1 + t);
    double open = lines_step(x, "(1 + tanh) / 2", "", lines_number(twice, "1 + tanh"), '/', lines_number(2, "2"), twice / 2);
    double inner =
        lines_step(x, _("inner slope"), "√(2/π) · (1 + 0.134145 x²)", own, 0, lines_nothing(), root * (1 + 3 * 0.044715 * v * v));
    double rest = lines_step(x, "1 − tanh²", "1 − tanh²", lines_number(t, "tanh"), 0, lines_nothing(), 1 - t * t);
    double steep = lines_step(x, "(1 − tanh²) · inner", "", lines_number(rest, "1 − tanh²"), '*',
                              lines_number(inner, "%s", _("inner slope")), rest * inner);
    double part =
        lines_step(x, "x / 2 · that", "", lines_number(v / 2, "x / 2"), '*', lines_number(steep, "(1 − tanh²) · inner"), v / 2 * steep);
    return lines_step(x, _("slope"), "", lines_number(open, "(1 + tanh) / 2"), '+', lines_number(part, "x / 2 · that"), open + part);
}

static double slope_of_silu(Explainer *x, Operand own)
{
    double s = lines_step(x, "sigmoid(x)", "1 / (1 + exp(−x))", own, 0, lines_nothing(), 1 / (1 + exp(-own.value)));
    double rest = lines_step(x, "1 − sigmoid", "", lines_number(1, "1"), '-', lines_number(s, "sigmoid(x)"), 1 - s);
    double part = lines_step(x, "x · (1 − sigmoid)", "", own, '*', lines_number(rest, "1 − sigmoid"), own.value * rest);
    double inner = lines_step(x, "1 + x (1 − sigmoid)", "", lines_number(1, "1"), '+', lines_number(part, "x · (1 − sigmoid)"), 1 + part);
    return lines_step(x, _("slope"), "", lines_number(s, "sigmoid(x)"), '*', lines_number(inner, "1 + x (1 − sigmoid)"), s * inner);
}

void gradient_through_activate(const Way *way)
{
    Explainer *x = way->x;
    Operand own = lines_input(x, 0, x->index[0], x->index[1], 0), d = lines_gradient(x, way->reader, x->index[0], x->index[1], 0);
    double slope = 0;
    switch (x->config->activation) {
    case ACTIVATION_RELU:
        slope = lines_step(x, own.value > 0 ? _("positive: passes") : _("not positive: off"), _("slope 1 where x > 0, else 0"), own, 0,
                           lines_nothing(), own.value > 0);
        break;
    case ACTIVATION_GELU:
        slope = slope_of_gelu(x, own);
        break;
    case ACTIVATION_GELU_TANH:
        slope = slope_of_gelu_tanh(x, own);
        break;
    case ACTIVATION_SILU:
        slope = slope_of_silu(x, own);
        break;
    }
    lines_product(x, stage_table[STAGE_ACTIVATE].id, d, lines_number(slope, "%s", _("slope")));
}

/* Each factor gets the other. */
void gradient_through_product(const Way *way)
{
    Explainer *x = way->x;
    lines_product(x, stage_table[STAGE_PRODUCT].id, lines_gradient(x, way->reader, x->index[0], x->index[1], 0),
                  lines_input(x, 1 - way->which, x->index[0], x->index[1], 0));
}

/* ---- output ---- */

void gradient_through_logits(const Way *way)
{
    Explainer *x = way->x;
    size_t t = x->index[0], i = x->index[1];
    bool tied = x->config->tie_embeddings;
    if (tied)
        lines_note(x, _("tied: each token's own row of the embedding table"));
    for (size_t token = 0; token < x->stage->shape[1]; token++)
        lines_product(x, lines_label(x, x->stage, 1, token), lines_gradient(x, way->reader, t, token, 0),
                      tied ? lines_weight(x, 0, token, i) : lines_weight(x, 0, i, token));
}
