/* bug_stream.c - bugs along the residual stream: positions, norms, the residual connection, the FFN, the output.
 *
 * T tokens, d = d_model. */
#include "pass/bug_functions.h"

#include "tensor/kernels.h"

#include <string.h>

/* ---- sinusoid-exponent: [pos / 10000 ** (2 * i / d) for i in range(d)] ----
 * WRONG: the paper's i counts PAIRS of dimensions, the loop's i counts dimensions. The exponent grows twice as fast, and the sine and the
 * cosine of a pair have different frequencies. */

void bug_sinusoid_exponent_forward(const StageRun *r)
{
    size_t T = r->stage->shape[0], d = r->stage->shape[1];
    if (r->config->position != POSITION_SINUSOIDAL || (r->ablations & NO_POSITIONS)) {
        stage_positions_forward(r);
        return;
    }
    for (size_t t = 0; t < T; t++)
        for (size_t j = 0; j < d; j++) {
            size_t i = config_sinusoid_dim(r->config, j);
            double angle = (double)(r->past + t) / pow(10000.0, 2.0 * (double)i / (double)d);
            r->out[t * d + j] = (real)(i % 2 ? cos(angle) : sin(angle));
        }
}

void bug_sinusoid_exponent_backward(const StageRun *r)
{
    stage_positions_backward(r); /* a table is a constant */
}

/* ---- the norms ---- */

static bool is_layernorm(const StageRun *r)
{
    return r->config->norm == NORM_LAYERNORM && !(r->ablations & NO_NORM);
}

static double mean_of(const real *x, size_t d)
{
    double sum = 0;
    for (size_t j = 0; j < d; j++)
        sum += (double)x[j];
    return sum / (double)d;
}

/* The sum of (x - mean)². */
static double squares_of(const real *x, double mean, size_t d)
{
    double sum = 0;
    for (size_t j = 0; j < d; j++)
        sum += ((double)x[j] - mean) * ((double)x[j] - mean);
    return sum;
}

/* A row y = (x - mean) / spread * gain + bias, whatever the spread. */
static void norm_row_forward(const StageRun *r, size_t t, double mean, double spread)
{
    size_t d = r->stage->shape[1];
    const real *x = r->in[0] + t * d, *gain = stage_vector(r, 0), *bias = stage_vector(r, 1);
    for (size_t j = 0; j < d; j++)
        r->out[t * d + j] = (real)(((double)x[j] - mean) / spread) * gain[j] + (bias ? bias[j] : 0);
}

/* Its backward. slope: d(spread)/d(x[j]) = slope * (x[j] - mean). */
static void norm_row_backward(const StageRun *r, size_t t, double mean, double spread, double slope)
{
    size_t d = r->stage->shape[1];
    const real *x = r->in[0] + t * d, *dy = r->dout + t * d, *gain = stage_vector(r, 0);
    double sum = 0, dot = 0; /* of the gradient of n = (x - mean) / spread, and with n */
    for (size_t j = 0; j < d; j++) {
        double n = ((double)x[j] - mean) / spread, dn = (double)(dy[j] * gain[j]);
        sum += dn;
        dot += dn * n;
        r->dw[0][j] += dy[j] * (real)n;
        if (r->dw[1])
            r->dw[1][j] += dy[j];
    }
    for (size_t j = 0; j < d; j++) {
        double dn = (double)(dy[j] * gain[j]);
        r->din[0][t * d + j] += (real)((dn - sum / (double)d - dot * slope * ((double)x[j] - mean)) / spread);
    }
}

/* ---- unbiased-variance: x.std(-1), or var(-1), of a framework ----
 * WRONG: torch's std() and var() divide by d - 1 (Bessel's correction); LayerNorm divides by d. Every row comes out smaller by
 * sqrt((d - 1) / d): 0.4% for 128 dimensions, 1.6% for 32. */

void bug_unbiased_variance_forward(const StageRun *r)
{
    size_t T = r->stage->shape[0], d = r->stage->shape[1];
    if (!is_layernorm(r) || d < 2) {
        stage_norm_forward(r);
        return;
    }
    for (size_t t = 0; t < T; t++) {
        const real *x = r->in[0] + t * d;
        double mean = mean_of(x, d), variance = squares_of(x, mean, d) / (double)(d - 1);
        norm_row_forward(r, t, mean, sqrt(variance + r->config->norm_eps));
    }
}

void bug_unbiased_variance_backward(const StageRun *r)
{
    size_t T = r->stage->shape[0], d = r->stage->shape[1];
    if (!is_layernorm(r) || d < 2) {
        stage_norm_backward(r);
        return;
    }
    for (size_t t = 0; t < T; t++) {
        const real *x = r->in[0] + t * d;
        double mean = mean_of(x, d), spread = sqrt(squares_of(x, mean, d) / (double)(d - 1) + r->config->norm_eps);
        norm_row_backward(r, t, mean, spread, 1 / ((double)(d - 1) * spread));
    }
}

/* ---- eps-outside: (x - mean) / (std + eps) ----
 * WRONG: eps belongs under the root: sqrt(variance + eps). For rows of ordinary size the two differ in the sixth digit; for a row that is
 * nearly constant, where eps is what decides, by a factor. */

void bug_eps_outside_forward(const StageRun *r)
{
    size_t T = r->stage->shape[0], d = r->stage->shape[1];
    if (!is_layernorm(r)) {
        stage_norm_forward(r);
        return;
    }
    for (size_t t = 0; t < T; t++) {
        const real *x = r->in[0] + t * d;
        double mean = mean_of(x, d), deviation = sqrt(squares_of(x, mean, d) / (double)d);
        norm_row_forward(r, t, mean, deviation + r->config->norm_eps);
    }
}

void bug_eps_outside_backward(const StageRun *r)
{
    size_t T = r->stage->shape[0], d = r->stage->shape[1];
    if (!is_layernorm(r)) {
        stage_norm_backward(r);
        return;
    }
    for (size_t t = 0; t < T; t++) {
        const real *x = r->in[0] + t * d;
        double mean = mean_of(x, d), deviation = sqrt(squares_of(x, mean, d) / (double)d);
        norm_row_backward(r, t, mean, deviation + r->config->norm_eps, deviation > 0 ? 1 / ((double)d * deviation) : 0);
    }
}

/* ---- no-final-norm: logits = head(blocks(x)) ----
 * WRONG: a pre-norm stack never normalises its stream, each sub-layer only its own copy: one more norm belongs at the end. Without it
 * the unembedding reads a stream that has grown with every layer. */

void bug_no_final_norm_forward(const StageRun *r)
{
    if (r->stage->sub == SUB_FINAL)
        memcpy(r->out, r->in[0], r->stage->count * sizeof *r->out);
    else
        stage_norm_forward(r);
}

void bug_no_final_norm_backward(const StageRun *r)
{
    if (r->stage->sub == SUB_FINAL)
        add_to(r->din[0], r->dout, r->stage->count);
    else
        stage_norm_backward(r);
}

/* ---- normed-residual: x = norm(x); x = x + attention(x) ----
 * WRONG: the first line overwrites the stream. What is added to is the normalised copy, and what was in the stream before is lost: the
 * residual connection goes around the attention, but no longer around the norm. */

void bug_normed_residual_rewire(Plan *p)
{
    if (p->config->norm_position != NORM_PRE || (p->ablations & (NO_NORM | NO_RESIDUAL)))
        return;
    int normed = NO_STAGE; /* of the sub-layer that is being walked through */
    for (size_t i = 0; i < p->count; i++) {
        Stage *s = &p->stages[i];
        if (s->kind == STAGE_NORM)
            normed = (int)i;
        else if (s->kind == STAGE_RESIDUAL && normed != NO_STAGE)
            s->in[0] = normed;
    }
}

/* ---- other-gelu: nn.GELU() for weights that were trained with gelu_new, or the other way round ----
 * WRONG: the exact GELU x Φ(x) and its tanh form differ by at most 0.0005: too little to see, enough that nothing agrees with the reference
 * to more than three digits. */

void bug_other_gelu_forward(const StageRun *r)
{
    switch (r->config->activation) {
    case ACTIVATION_GELU:
        gelu_tanh_forward(r->out, r->in[0], r->stage->count);
        break;
    case ACTIVATION_GELU_TANH:
        gelu_forward(r->out, r->in[0], r->stage->count);
        break;
    default:
        stage_activate_forward(r);
    }
}

void bug_other_gelu_backward(const StageRun *r)
{
    switch (r->config->activation) {
    case ACTIVATION_GELU:
        gelu_tanh_backward(r->din[0], r->dout, r->in[0], r->stage->count);
        break;
    case ACTIVATION_GELU_TANH:
        gelu_backward(r->din[0], r->dout, r->in[0], r->stage->count);
        break;
    default:
        stage_activate_backward(r);
    }
}

/* ---- gate-swapped: down(gate(x) * silu(up(x))) ----
 * WRONG: the activation belongs to the gate, not to the units it opens. The two matrices have the same shape, and what is trained like this
 * only has them under each other's names; weights from elsewhere are garbled. */

void bug_gate_swapped_rewire(Plan *p)
{
    if (p->config->ffn != FFN_GATED)
        return;
    for (size_t i = 0; i < p->count; i++) {
        Stage *s = &p->stages[i];
        if (s->kind == STAGE_ACTIVATE) {
            int gate = s->in[0];
            s->in[0] = gate + 1; /* expand comes next after gate */
            s[1].in[1] = gate;   /* and product after activate */
        }
    }
}

/* ---- softmax-logits: return F.softmax(head(x), dim=-1), which cross_entropy() then takes for logits ----
 * WRONG: the loss makes its own softmax. The second one sees numbers between 0 and 1: no token can get more than e times another's
 * probability, and the loss cannot come near 0. */

void bug_softmax_logits_forward(const StageRun *r)
{
    stage_logits_forward(r);
    softmax_forward(r->out, r->out, r->stage->shape[0], r->stage->shape[1]);
}

/* Each row's gradient before the softmax, y * (dy - Σ dy y), as what a stage of one row hands back to the matrix product. */
void bug_softmax_logits_backward(const StageRun *r)
{
    size_t T = r->stage->shape[0], n = r->stage->shape[1], d = r->config->d_model;
    bool tied = r->config->tie_embeddings; /* W_U [d, n], or W_E [n, d] */
    for (size_t t = 0; t < T; t++) {
        const real *y = r->out + t * n, *dy = r->dout + t * n, *x = r->in[0] + t * d;
        real dot = 0;
        for (size_t j = 0; j < n; j++)
            dot += dy[j] * y[j];
        for (size_t j = 0; j < n; j++) {
            real g = y[j] * (dy[j] - dot);
            if (r->dw[1])
                r->dw[1][j] += g;
            for (size_t i = 0; i < d; i++) {
                size_t at = tied ? j * d + i : i * n + j;
                r->din[0][t * d + i] += g * matrix_at(&r->w[0], tied ? j : i, tied ? i : j);
                r->dw[0][at] += g * x[i];
            }
        }
    }
}
