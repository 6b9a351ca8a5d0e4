/* explain_stream.c - one cell of the embeddings, norms, linear maps, the FFN, residuals, logits and probabilities.
 *
 * Knows no layout; the numbers are those of pass/, in double. */
#include "measure/explain_lines.h"

#include "base/text.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

void explain_tokens(Explainer *x)
{
    size_t n, d = x->config->d_model;
    const int *ids = pass_ids(x->pass, x->stage->stack, &n);
    Operand entry = lines_weight(x, 0, (size_t)ids[x->index[0]], x->index[1]);
    if (!x->config->embed_scale) {
        lines_formula(x, "W_E[token, %zu]", x->index[1]);
        lines_step(x, _("entry of W_E"), "", entry, 0, lines_nothing(), entry.value);
        return;
    }
    lines_formula(x, "W_E[token, %zu] · √d_model", x->index[1]);
    Operand scale = lines_number(sqrt((double)d), "√%zu", d);
    lines_step(x, _("entry of W_E, scaled"), "", entry, '*', scale, entry.value * scale.value);
}

void explain_positions(Explainer *x)
{
    size_t position = x->index[0], j = x->index[1], d = x->config->d_model;
    if (x->ablations & NO_POSITIONS) {
        lines_formula(x, "0");
        lines_note(x, _("no-positions: every position is a row of zeros"));
        return;
    }
    if (x->config->position == POSITION_LEARNED) {
        lines_formula(x, "W_P[position, %zu]", j);
        Operand entry = lines_weight(x, 0, position, j);
        lines_step(x, _("entry of W_P"), "", entry, 0, lines_nothing(), entry.value);
        return;
    }
    size_t place = config_sinusoid_dim(x->config, j), even = place - place % 2;
    const char *function = place % 2 ? "cos" : "sin";
    lines_formula(x, "%s(position / 10000^(%zu/%zu))", function, even, d);
    double slowness = pow(10000.0, (double)even / (double)d), angle = (double)position / slowness;
    lines_step(x, _("angle (radians)"), "", lines_number((double)position, "%s", _("position")), '/',
               lines_number(slowness, "10000^(%zu/%zu)", even, d), angle);
    char formula[16];
    snprintf(formula, sizeof formula, "%s(angle)", function);
    lines_step(x, formula, formula, lines_number(angle, "%s", _("angle")), 0, lines_nothing(), place % 2 ? cos(angle) : sin(angle));
}

void explain_sum(Explainer *x)
{
    Operand token = lines_input(x, 0, x->index[0], x->index[1], 0), position = lines_input(x, 1, x->index[0], x->index[1], 0);
    lines_formula(x, "tokens + positions");
    lines_step(x, _("sum"), "", token, '+', position, token.value + position.value);
}

void explain_types(Explainer *x)
{
    size_t n;
    const int *ids = pass_ids(x->pass, x->stage->stack, &n);
    size_t segment = stage_segment(x->config, ids, x->index[0]);
    Operand entry = lines_weight(x, 0, segment, x->index[1]);
    lines_formula(x, "W_T[type, %zu]", x->index[1]);
    lines_note(x, segment ? _("segment 1: behind the first separator") : _("segment 0: up to the first separator"));
    lines_step(x, _("entry of W_T"), "", entry, 0, lines_nothing(), entry.value);
}

void explain_typed(Explainer *x)
{
    Operand before = lines_input(x, 0, x->index[0], x->index[1], 0), segment = lines_input(x, 1, x->index[0], x->index[1], 0);
    lines_formula(x, _("embeddings + types"));
    lines_step(x, _("sum"), "", before, '+', segment, before.value + segment.value);
}

void explain_joined(Explainer *x)
{
    Operand attention = lines_input(x, 0, x->index[0], x->index[1], 0), ffn = lines_input(x, 1, x->index[0], x->index[1], 0);
    lines_formula(x, "attention(x) + FFN(x)");
    lines_step(x, _("sum"), "", attention, '+', ffn, attention.value + ffn.value);
}

void explain_residual(Explainer *x)
{
    Operand stream = lines_input(x, 0, x->index[0], x->index[1], 0), result = lines_input(x, 1, x->index[0], x->index[1], 0);
    if (x->ablations & NO_RESIDUAL) {
        lines_formula(x, "sub-layer(x)");
        lines_note(x, _("no-residual: the %.4f that went in is not added"), stream.value);
        lines_copy(x, result);
        return;
    }
    lines_formula(x, "x + sub-layer(x)");
    lines_step(x, _("sum"), "", stream, '+', result, stream.value + result.value);
}

/* ---- norm ---- */

void explain_norm(Explainer *x)
{
    const Stage *s = x->stage;
    size_t at[STAGE_MAX_RANK], last = (size_t)s->rank - 1, j = x->index[last], d = s->shape[last]; /* the row is along the last axis */
    memcpy(at, x->index, sizeof at);
    Operand own = lines_input(x, 0, at[0], at[1], at[2]);
    if (x->ablations & NO_NORM) {
        lines_formula(x, "x");
        lines_note(x, _("no-norm: handed on unchanged"));
        lines_copy(x, own);
        return;
    }
    bool rms = stage_norm_kind(s, x->config) == NORM_RMSNORM;
    double eps = x->config->norm_eps, n = (double)d, sum = 0, squares = 0;
    lines_formula(x, rms ? _("x / √(mean of x² + %g) · gain") : _("(x − mean) / √(variance + %g) · gain + bias"), eps);

    Operand count = lines_number(n, "%zu", d);
    double mean = 0;
    if (!rms) {
        for (at[last] = 0; at[last] < d; at[last]++)
            sum += lines_input(x, 0, at[0], at[1], at[2]).value;
        mean = lines_step(x, _("mean of the row"), "", lines_number(sum, "Σ x"), '/', count, sum / n);
    }
    for (at[last] = 0; at[last] < d; at[last]++) {
        double from_mean = lines_input(x, 0, at[0], at[1], at[2]).value - mean;
        squares += from_mean * from_mean;
    }
    const char *spread_name = rms ? _("mean of squares") : _("variance of the row");
    double spread = lines_step(x, spread_name, "", lines_number(squares, rms ? "Σ x²" : _("Σ (x − mean)²")), '/', count, squares / n);
    const char *inside = rms ? _("mean of x² + eps") : _("variance + eps");
    const char *root = rms ? _("√(mean of x² + eps)") : _("√(variance + eps)"), *root_name = rms ? _("root mean square") : _("standard deviation");
    double sum_inside = lines_step(x, inside, "", lines_number(spread, "%s", spread_name), '+', lines_number(eps, "eps"), spread + eps);
    double size = lines_step(x, root_name, root, lines_number(sum_inside, "%s", inside), 0, lines_nothing(), sqrt(sum_inside));
    Operand divisor = lines_number(size, "%s", root_name);
    double normal;
    if (rms) {
        normal = lines_step(x, _("normalised"), "", own, '/', divisor, own.value / size);
    } else {
        double centred = lines_step(x, _("centred"), "", own, '-', lines_number(mean, "%s", _("mean")), own.value - mean);
        normal = lines_step(x, _("normalised"), "", lines_number(centred, "%s", _("centred")), '/', divisor, centred / size);
    }
    Operand gain = lines_weight(x, 0, j, 0);
    double scaled = lines_step(x, _("times gain"), "", lines_number(normal, "%s", _("normalised")), '*', gain, normal * gain.value);
    if (rms)
        return;
    Operand bias = lines_weight(x, 1, j, 0);
    lines_step(x, _("plus bias"), "", lines_number(scaled, "%s", _("times gain")), '+', bias, scaled + bias.value);
}

/* ---- linear maps and the FFN ---- */

void explain_linear(Explainer *x)
{
    lines_linear(x, x->index[0], x->index[1]);
}

static void explain_gelu(Explainer *x, Operand own)
{
    lines_formula(x, "x · Φ(x),  Φ(x) = (1 + erf(x / √2)) / 2");
    double v = lines_step(x, "x / √2", "", own, '/', lines_number(sqrt(2), "√2"), own.value / sqrt(2));
    double e = lines_step(x, "erf", "erf(x / √2)", lines_number(v, "x / √2"), 0, lines_nothing(), erf(v));
    double twice = lines_step(x, "1 + erf", "", lines_number(1, "1"), '+', lines_number(e, "erf"), 1 + e);
    double phi = lines_step(x, "Φ(x)", "", lines_number(twice, "1 + erf"), '/', lines_number(2, "2"), twice / 2);
    lines_step(x, "x · Φ(x)", "", own, '*', lines_number(phi, "Φ(x)"), own.value * phi);
}

static void explain_gelu_tanh(Explainer *x, Operand own)
{
    double v = own.value, root = sqrt(2 / acos(-1.0));
    lines_formula(x, "x · (1 + tanh(√(2/π) · (x + 0.044715 x³))) / 2");
    double cubic = lines_step(x, "0.044715 x³", "0.044715 · x³", own, 0, lines_nothing(), 0.044715 * v * v * v);
    double inner = lines_step(x, "x + 0.044715 x³", "", own, '+', lines_number(cubic, "0.044715 x³"), v + cubic);
    double times = lines_step(x, "· √(2/π)", "", lines_number(inner, "x + 0.044715 x³"), '*', lines_number(root, "√(2/π)"), inner * root);
    double t = lines_step(x, "tanh", "tanh(√(2/π) · (x + 0.044715 x³))", lines_number(times, "· √(2/π)"), 0, lines_nothing(), tanh(times));
    double twice = lines_step(x, "1 + tanh", "", lines_number(1, "1"), '+', lines_number(t, "tanh"), 1 + t);
    double open = lines_step(x, "(1 + tanh) / 2", "", lines_number(twice, "1 + tanh"), '/', lines_number(2, "2"), twice / 2);
    lines_step(x, "x · (1 + tanh) / 2", "", own, '*', lines_number(open, "(1 + tanh) / 2"), v * open);
}

static void explain_silu(Explainer *x, Operand own)
{
    lines_formula(x, "x · sigmoid(x) = x / (1 + exp(−x))");
    double e = lines_step(x, "exp(−x)", "exp(−x)", own, 0, lines_nothing(), exp(-own.value));
    double bottom = lines_step(x, "1 + exp(−x)", "", lines_number(1, "1"), '+', lines_number(e, "exp(−x)"), 1 + e);
    lines_step(x, "x · sigmoid(x)", "", own, '/', lines_number(bottom, "1 + exp(−x)"), own.value / bottom);
}

void explain_activate(Explainer *x)
{
    Operand own = lines_input(x, 0, x->index[0], x->index[1], 0);
    switch (x->config->activation) {
    case ACTIVATION_RELU:
        lines_formula(x, "max(x, 0)");
        lines_step(x, own.value > 0 ? _("positive: passes") : _("not positive: off"), "max(x, 0)", own, 0, lines_nothing(),
                   own.value > 0 ? own.value : 0);
        return;
    case ACTIVATION_GELU:
        explain_gelu(x, own);
        return;
    case ACTIVATION_GELU_TANH:
        explain_gelu_tanh(x, own);
        return;
    case ACTIVATION_SILU:
        explain_silu(x, own);
        return;
    }
}

void explain_product(Explainer *x)
{
    Operand open = lines_input(x, 0, x->index[0], x->index[1], 0), unit = lines_input(x, 1, x->index[0], x->index[1], 0);
    lines_formula(x, "activate · expand");
    lines_step(x, _("product"), "", open, '*', unit, open.value * unit.value);
}

/* ---- output ---- */

void explain_logits(Explainer *x)
{
    const Stage *in = &pass_plan(x->pass)->stages[x->stage->in[0]];
    size_t t = x->index[0], token = x->index[1], d = in->shape[1];
    bool tied = x->config->tie_embeddings;
    bool bias = x->stage->w[1] != NO_WEIGHT;
    if (bias)
        lines_formula(x, tied ? "Σ x[i] · W_E[%zu, i] + b_U[%zu],  i = 0 … %zu" : "Σ x[i] · W_U[i, %zu] + b_U[%zu],  i = 0 … %zu", token,
                      token, d - 1);
    else
        lines_formula(x, tied ? "Σ x[i] · W_E[%zu, i],  i = 0 … %zu" : "Σ x[i] · W_U[i, %zu],  i = 0 … %zu", token, d - 1);
    if (tied)
        lines_note(x, _("tied: the token's own row of the embedding table"));
    for (size_t i = 0; i < d; i++) {
        Operand a = lines_input(x, 0, t, i, 0), w = tied ? lines_weight(x, 0, token, i) : lines_weight(x, 0, i, token);
        lines_term(x, lines_label(x, in, 1, i), "", a, '*', w, a.value * w.value);
    }
    if (bias) {
        Operand b = lines_weight(x, 1, token, 0);
        lines_term(x, "b_U", "", b, 0, lines_nothing(), b.value);
    }
}

void explain_probs(Explainer *x)
{
    lines_formula(x, "exp(logits[token, vocab] − max) / Σ exp(logits[token, j] − max)");
    lines_softmax(x);
}
