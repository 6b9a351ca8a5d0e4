/* metrics.h - what a stage's numbers amount to: entropy, variance, norms, likeness of tokens.
 *
 * Owns no data. Logarithms are natural (nats). Variances divide by the count. -inf and masked cells are left out
 * where it is said. Every function computes the stages it reads and what they need, and none that comes later, unless it
 * says so. */
#ifndef MEASURE_METRICS_H
#define MEASURE_METRICS_H

#include "pass/pass.h"

/* Mean, variance (over the count), Euclidean norm, smallest and largest of n finite numbers; infinities are skipped and
 * not counted. With none counted all but count and norm are NaN. */
typedef struct Moments {
    size_t count;
    double mean, variance, norm, min, max;
} Moments;
Moments moments(const real *x, size_t n);
/* The same of a matrix [rows, columns] where it lies; all NaN without memory for a copy, where it needs one. */
Moments matrix_moments(Matrix m, size_t rows, size_t columns);
/* The norm of a weight. */
double weight_norm(const Weight *w);
/* The smallest and the largest number of a weight, NaN left out, and how many are 0. */
typedef struct NumberRange {
    real low, high;
    size_t zeros;
} NumberRange;
NumberRange weight_range(const Weight *w);

/* -Σ p log p in nats; 0 log 0 is 0. */
double entropy(const real *p, size_t n);

/* a·b / (|a| |b|); NaN where one is zero. */
double cosine(const real *a, const real *b, size_t n);

/* Mean cosine over all pairs of different rows of x [rows, d] (1: all point the same way); NaN for a single row or a
 * zero row. Costs one walk over x, not one for each pair. */
double mean_cosine(const real *x, size_t rows, size_t d);

/* How many keys, from the first, a query of stage s (one with a query axis) may see: all, or up to itself where a mask
 * hides the future. */
size_t visible_keys(const Pass *p, const Stage *s, size_t query);
/* How many keys, from the first, lie within its reach, padding among them included: where this is visible_keys, those are the visible ones. */
size_t reached_keys(const Pass *p, const Stage *s, size_t query);

/* One row of attention weights. */
typedef struct AttentionRow {
    size_t visible;   /* keys this query may see */
    double entropy;   /* nats */
    double share;     /* entropy / log(visible); 0 where only one key is visible */
    double effective; /* exp(entropy): "attends to about 2.3 tokens" */
    size_t largest;   /* the key with the largest weight, the first where they are equal */
    double weight;    /* that weight p */
    double slope;     /* p(1-p): the softmax's own derivative there */
    double sum;
} AttentionRow;
/* Row `query` of head `head` of a WEIGHTS stage i. */
AttentionRow attention_row(Pass *p, size_t i, size_t head, size_t query);
/* Mean entropy over all heads and rows of a WEIGHTS stage, and over the rows of one head. */
double attention_entropy(Pass *p, size_t i);
double attention_head_entropy(Pass *p, size_t i, size_t head);

/* Variance of the scores of one stage [heads, queries, keys] (SCORES, SCALED, BIASED, MASKED: its -inf left out): over all
 * pairs, over the pairs the mask leaves visible, and the mean over rows of the variance within a row (visible pairs;
 * only rows that see two keys or more have one; NaN where none does). head -1: all heads together. */
typedef struct ScoreSpread {
    double all, visible, rows;
} ScoreSpread;
ScoreSpread score_spread(Pass *p, size_t i, int head);

/* What the variance of the raw scores would be if q and k were independent: with m, s² the mean and variance over tokens
 * of each component, Var = Σ_i (s_q² s_k² + m_q² s_k² + m_k² s_q²); head -1: averaged over heads. q and k are what the
 * scores read (rotated, with RoPE). i is a SCORES stage. */
double score_prediction(Pass *p, size_t i, int head);

/* All of that for an attention sub-layer, before and after scaling. ratio = raw_all/scaled_all, exactly d_head unless
 * ablated or edited; NaN where all scores are the same but for rounding. */
typedef struct ScoreVariance {
    double raw_all, raw_visible, raw_rows;
    double scaled_all, scaled_visible, scaled_rows;
    double predicted, ratio;
} ScoreVariance;
/* i is any stage of the sub-layer: computes up to its SCALED. 0, or -1 where the sub-layer has no scores. */
int score_variance(Pass *p, size_t i, int head, ScoreVariance *out);

/* The residual stream at stage i (a [tokens, d_model] stage): mean row norm, and mean cosine over all pairs of different
 * tokens (1: all rows point the same way; NaN for a single token or a zero row). */
typedef struct StreamPoint {
    size_t stage;
    double norm, cosine;
} StreamPoint;
StreamPoint stream_point(Pass *p, size_t i);
/* True for the stages where the residual stream can be read: embeddings (with their positions), each sub-layer's residual,
 * the final norm. */
bool is_stream_point(const Plan *plan, size_t i);
/* All of them before stage `until`, in order, of every stack. *out is allocated; returns how many, or 0 without memory. */
size_t stream_points(Pass *p, size_t until, StreamPoint **out);

/* Share of numbers <= 0 (FFN units that are off). */
double share_not_positive(const real *x, size_t n);

/* The k most probable tokens of row `row` of the output, largest first, ties by smaller id; computes every stage. Where
 * the vocabulary has fewer than k, the rest have id -1. */
typedef struct TokenProb {
    int id;
    double probability, logit;
} TokenProb;
void top_tokens(Pass *p, size_t row, size_t k, TokenProb *out);

/* The k largest of x [n], largest first, ties by smaller index: *out [k] gets their indices; returns min(k, n). */
size_t largest_of(const real *x, size_t n, size_t k, size_t *out);

/* What a person is told about a stage, in lines of a label and a value with its unit, in words that suit the kind: the
 * same for the screen and for the piped walk. `head` and `row` are where the cursor is (ignored where the stage has
 * none). */
enum { METRIC_LABEL_COLUMNS = 24, METRIC_VALUE_COLUMNS = 54, METRIC_LINES_MAX = 8 };
typedef struct MetricLine {
    char label[96];  /* translated: "entropy of this row"; at most METRIC_LABEL_COLUMNS wide */
    char value[192]; /* "0.452 nats, 33% of ln 4"; at most METRIC_VALUE_COLUMNS wide, control characters escaped */
} MetricLine;
/* Writes at most `max` lines (METRIC_LINES_MAX is always enough) and returns how many; most telling first. Computes no
 * stage after i. */
size_t metric_lines(Pass *p, size_t i, size_t head, size_t row, MetricLine *out, size_t max);

/* "q [4,7,8] · kᵀ [4,8,7] → [4,7,7]": the formula of a stage with its shapes, the actual ablations considered
 * ("scores [4,7,7] × 1 (no-scale)"). Computes nothing. */
void formula_with_shapes(const Pass *p, size_t i, Buffer *out);

#endif
