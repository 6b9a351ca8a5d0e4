/* gradient.h - what gradients amount to: how large they are, layer by layer; what the softmax lets through; the loss by positions.
 *
 * Owns no data. Gradients are those of the pass's last backward; functions that read them need one, and say what they do without. */
#ifndef MEASURE_GRADIENT_H
#define MEASURE_GRADIENT_H

#include "base/buffer.h"
#include "measure/metrics.h"
#include "pass/pass.h"

/* ---- size ---- */

/* n numbers of a gradient. */
typedef struct GradientSize {
    double norm, rms;
    double largest; /* |g|, of entry `at`, the first where several are equal */
    size_t at;
    double zeros; /* share of entries that are exactly 0 */
} GradientSize;
GradientSize gradient_size(const real *g, size_t n);

/* A bar of the chart: a stage where the residual stream can be read (is_stream_point), or a weight matrix that a stage of the plan reads.
 */
typedef struct GradientPoint {
    bool is_weight;
    size_t index; /* of the stage in the plan, or of the weight in the model */
    size_t stage; /* the stage, or the first that reads the weight: its stack and layer are the bar's */
    GradientSize size;
    double ratio; /* |g| / |value|, or |g| / |w|: NaN where that is 0 */
} GradientPoint;
/* All of them in the plan's order, a stage before its weights. *out is allocated; returns how many, 0 without memory or gradients. */
size_t gradient_points(Pass *p, GradientPoint **out);

/* ---- the softmax ---- */

/* One row of attention weights on the way back: d masked_j = p_j (d weights_j - Σ_i p_i d weights_i). Only visible keys are looked at. */
typedef struct SoftmaxRow {
    size_t visible;
    size_t largest; /* the key with the largest weight */
    double weight;  /* that weight */
    double slopes;  /* Σ p(1-p): the trace of the softmax's Jacobian; 0 for a one-hot row, 1 - 1/n for an even one */
    bool dead;      /* weight > SOFTMAX_DEAD, although it had a choice: two visible keys or more */
    double in, out; /* norm of d(loss)/d(weights), and of d(loss)/d(masked); NaN without gradients */
} SoftmaxRow;
#define SOFTMAX_DEAD 0.999
/* Row `query` of head `head` of a WEIGHTS stage i. Under uniform-attention the softmax is not there: out is 0. */
SoftmaxRow softmax_row(Pass *p, size_t i, size_t head, size_t query);

/* All rows of one head, -1: of all heads. */
typedef struct SoftmaxFlow {
    size_t rows, dead; /* rows that had a choice; of these, dead */
    double in, out;    /* norms over all rows */
} SoftmaxFlow;
SoftmaxFlow softmax_flow(Pass *p, size_t i, int head);

/* ---- the loss ---- */

/* What one position adds to the loss. */
typedef struct LossPoint {
    int target;         /* -1: not counted; probability and loss are then NaN and rank is 0 */
    double probability; /* of the target */
    double loss;        /* -log of it, in nats */
    size_t rank;        /* tokens that are more probable */
} LossPoint;
/* Position `row` of the output, for targets as pass_loss takes and has checked them; computes every stage. */
LossPoint loss_point(Pass *p, const int *targets, size_t row);

/* ---- in words ---- */

/* What a person is told about a stage's gradient, in metric_lines' style and limits. Nothing (0) before a backward. */
size_t gradient_lines(Pass *p, size_t i, size_t head, size_t row, MetricLine *out, size_t max);

/* "d q = d scores [4,7,7] · k [4,7,8] → [4,7,8]": how a stage's gradient comes from its readers', with shapes and the actual ablations
 * considered. Computes nothing. For the logits the targets of the last backward are counted, where there was one. */
void gradient_formula(const Pass *p, size_t i, Buffer *out);

#endif
