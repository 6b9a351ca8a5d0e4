/* metrics.h - what a stage's numbers amount to: entropy, variance, norms, likeness of tokens.
 *
 * Owns no data. Logarithms are natural (nats). Variances divide by the count. -inf and masked cells are left out
 * where it is said. */
#ifndef MEASURE_METRICS_H
#define MEASURE_METRICS_H

#include "pass/pass.h"

/* Mean, variance (over the count), Euclidean norm, smallest and largest of n finite numbers; infinities are skipped and
 * not counted. */
typedef struct Moments {
    size_t count;
    double mean, variance, norm, min, max;
} Moments;
Moments moments(const real *x, size_t n);

/* -Σ p log p in nats; 0 log 0 is 0. */
double entropy(const real *p, size_t n);

/* One row of attention weights. */
typedef struct AttentionRow {
    size_t visible;   /* keys this query may see */
    double entropy;   /* nats */
    double share;     /* entropy / log(visible); 0 where only one key is visible */
    double effective; /* exp(entropy): "attends to about 2.3 tokens" */
    size_t largest;   /* the key with the largest weight */
    double weight;    /* that weight p */
    double slope;     /* p(1-p): the softmax's own derivative there */
    double sum;
} AttentionRow;
/* Row `query` of head `head` of a WEIGHTS stage i. */
AttentionRow attention_row(Pass *p, size_t i, size_t head, size_t query);
/* Mean entropy over all heads and rows of a WEIGHTS stage. */
double attention_entropy(Pass *p, size_t i);

/* Variance of the scores before and after scaling: over all pairs, over the pairs the mask leaves visible, and the mean over rows of the
 * variance within a row (visible pairs). head -1: all heads together. `predicted` is Σ_i of what the products q_i·k_i would have if q and k
 * were independent: with m, s² the mean and variance over tokens of each component,
 * Var = Σ_i (s_q² s_k² + m_q² s_k² + m_k² s_q²), averaged over heads. ratio = raw/scaled over all pairs, exactly d_head unless ablated. */
typedef struct ScoreVariance {
    double raw_all, raw_visible, raw_rows;
    double scaled_all, scaled_visible, scaled_rows;
    double predicted, ratio;
} ScoreVariance;
/* i is any stage of the same attention sub-layer. 0, or -1 where the sub-layer has no scores. */
int score_variance(Pass *p, size_t i, int head, ScoreVariance *out);

/* The residual stream at stage i (a [tokens, d_model] stage): mean row norm, and mean cosine over all pairs of different tokens (1: all
 * rows point the same way; NaN for a single token or a zero row). */
typedef struct StreamPoint {
    size_t stage;
    double norm, cosine;
} StreamPoint;
StreamPoint stream_point(Pass *p, size_t i);
/* The stages where the residual stream can be read, in order: embeddings, each sub-layer's residual, the final norm. *out is
 * allocated; returns how many, or 0 without memory. Computes only stages before `until`. */
size_t stream_points(Pass *p, size_t until, StreamPoint **out);

/* Share of numbers <= 0 (FFN units that are off). */
double share_not_positive(const real *x, size_t n);

/* The k most probable tokens of row `row` of the output, largest first, ties by smaller id. */
typedef struct TokenProb {
    int id;
    double probability, logit;
} TokenProb;
void top_tokens(Pass *p, size_t row, size_t k, TokenProb *out);

/* What a person is told about a stage, in lines of a label and a value with its unit, in words that suit the kind: the same for the
 * screen and for the piped walk. `head` and `row` are where the cursor is (ignored where the stage has none). */
typedef struct MetricLine {
    char label[48];  /* translated: "entropy of row" */
    char value[96];  /* "0.452 nats, 33% of ln 4; attends to about 1.6 tokens" */
} MetricLine;
/* Writes at most `max` lines and returns how many; most telling first. */
size_t metric_lines(Pass *p, size_t i, size_t head, size_t row, MetricLine *out, size_t max);

/* "q [4, 7, 8] · kᵀ [4, 8, 7] → [4, 7, 7]": the formula of a stage with its shapes, the actual ablations considered ("no division: no-scale"). */
void formula_with_shapes(Pass *p, size_t i, Buffer *out);

#endif
