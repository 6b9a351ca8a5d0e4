/* metrics.c - the numbers. Knows no words: those are metric_lines.c's. */
#include "measure/metrics.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>

/* ---- moments ---- */

/* Count, mean and sum of squared distances from it: what can be joined (Chan, Golub and LeVeque 1979). */
typedef struct Spread {
    double n, mean, squares;
} Spread;

/* Four sums side by side: an addition need not wait for the one before it. */
static double sum_of(const real *x, size_t n)
{
    double s[4] = {0};
    size_t i = 0;
    for (; i + 4 <= n; i += 4)
        for (int k = 0; k < 4; k++)
            s[k] += (double)x[i + (size_t)k];
    for (; i < n; i++)
        s[0] += (double)x[i];
    return s[0] + s[1] + (s[2] + s[3]);
}

static double squares_around(const real *x, size_t n, double mean)
{
    double s[4] = {0};
    size_t i = 0;
    for (; i + 4 <= n; i += 4)
        for (int k = 0; k < 4; k++) {
            double d = (double)x[i + (size_t)k] - mean;
            s[k] += d * d;
        }
    for (; i < n; i++)
        s[0] += ((double)x[i] - mean) * ((double)x[i] - mean);
    return s[0] + s[1] + (s[2] + s[3]);
}

static double dot(const real *a, const real *b, size_t n)
{
    double s[4] = {0};
    size_t i = 0;
    for (; i + 4 <= n; i += 4)
        for (int k = 0; k < 4; k++)
            s[k] += (double)a[i + (size_t)k] * (double)b[i + (size_t)k];
    for (; i < n; i++)
        s[0] += (double)a[i] * (double)b[i];
    return s[0] + s[1] + (s[2] + s[3]);
}

/* n > 0 finite numbers. */
static Spread spread_of(const real *x, size_t n)
{
    Spread s = {.n = (double)n, .mean = sum_of(x, n) / (double)n};
    s.squares = squares_around(x, n, s.mean);
    return s;
}

static Spread spread_join(Spread a, Spread b)
{
    if (a.n == 0)
        return b;
    double n = a.n + b.n, apart = b.mean - a.mean;
    return (Spread){n, a.mean + apart * b.n / n, a.squares + b.squares + apart * apart * a.n * b.n / n};
}

enum { LANES = 8 };

/* Whether there is no infinity among n >= LANES numbers, the first of which is one; then their range is in m. Side by side, as above; a last
 * group may overlap the one before. */
static bool range_of(const real *x, size_t n, Moments *m)
{
    real low[LANES], high[LANES];
    for (int k = 0; k < LANES; k++)
        low[k] = high[k] = x[0];
    for (size_t i = 0; i < n; i += LANES) {
        const real *p = x + (i + LANES <= n ? i : n - LANES);
        for (int k = 0; k < LANES; k++) {
            low[k] = p[k] < low[k] ? p[k] : low[k];
            high[k] = p[k] > high[k] ? p[k] : high[k];
        }
    }
    for (int k = 1; k < LANES; k++) {
        low[0] = low[k] < low[0] ? low[k] : low[0];
        high[0] = high[k] > high[0] ? high[k] : high[0];
    }
    if (!(low[0] > -(real)INFINITY && high[0] < (real)INFINITY))
        return false;
    m->min = (double)low[0];
    m->max = (double)high[0];
    return true;
}

Moments moments(const real *x, size_t n)
{
    Moments m = {.mean = NAN, .variance = NAN, .min = NAN, .max = NAN};
    Spread all = {0};
    if (n >= LANES && range_of(x, n, &m)) {
        m.count = n;
        all = spread_of(x, n);
    }
    for (size_t i = m.count; i < n;) {
        while (i < n && isinf(x[i]))
            i++;
        size_t first = i;
        for (; i < n && !isinf(x[i]); i++) {
            double v = (double)x[i];
            if (m.count++ == 0)
                m.min = m.max = v;
            m.min = v < m.min ? v : m.min;
            m.max = v > m.max ? v : m.max;
        }
        if (i > first)
            all = spread_join(all, spread_of(x + first, i - first));
    }
    if (m.count) {
        m.mean = all.mean;
        m.variance = all.squares / all.n;
        m.norm = sqrt(all.squares + all.n * all.mean * all.mean);
    }
    return m;
}

Moments matrix_moments(Matrix m, size_t rows, size_t columns)
{
    const real *in_place = matrix_in_place(&m, rows, columns);
    real *copy = in_place ? NULL : malloc(rows * columns * sizeof *copy);
    if (copy)
        matrix_read(copy, &m, rows, columns);
    Moments result = in_place || copy ? moments(in_place ? in_place : copy, rows * columns) : (Moments){0, NAN, NAN, NAN, NAN, NAN};
    free(copy);
    return result;
}

double weight_norm(const Weight *w)
{
    return matrix_moments(w->values, weight_rows(w), weight_columns(w)).norm;
}

static void range_add(NumberRange *r, const real *x, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        r->low = x[i] < r->low ? x[i] : r->low;
        r->high = x[i] > r->high ? x[i] : r->high;
        r->zeros += x[i] == 0;
    }
}

NumberRange weight_range(const Weight *w)
{
    enum { ROOM = 4096 };
    real room[ROOM];
    NumberRange r = {.low = (real)INFINITY, .high = -(real)INFINITY};
    /* As they lie: along the stored rows. */
    const Matrix *m = &w->values;
    size_t rows = m->layout == PLAIN ? weight_rows(w) : weight_columns(w), columns = w->count / rows;
    for (size_t i = 0; i < rows; i++)
        for (size_t first = 0; first < columns; first += ROOM) {
            size_t n = columns - first < ROOM ? columns - first : ROOM;
            dtype_read(room, m->dtype, m->data, matrix_row_place(m, i) + first, n);
            range_add(&r, room, n);
        }
    return r;
}

double entropy(const real *p, size_t n)
{
    double sum = 0;
    for (size_t i = 0; i < n; i++)
        if (!(p[i] <= 0)) /* a row that is not a number has no entropy */
            sum -= (double)p[i] * log((double)p[i]);
    return isnan(sum) ? fabs((double)NAN) : sum; /* whose sign would be printed */
}

double share_not_positive(const real *x, size_t n)
{
    size_t off = 0;
    for (size_t i = 0; i < n; i++)
        off += x[i] <= 0;
    return (double)off / (double)n;
}

/* ---- likeness ---- */

double cosine(const real *a, const real *b, size_t n)
{
    double aa = dot(a, a, n), bb = dot(b, b, n);
    return aa > 0 && bb > 0 ? dot(a, b, n) / sqrt(aa) / sqrt(bb) : NAN;
}

/* With u_t the rows brought to length 1, the sum over all pairs of u_i · u_j is |Σ u_t|²; the pairs of a row with itself
 * are 1 each. */
double mean_cosine(const real *x, size_t rows, size_t d)
{
    double *sum = calloc(d, sizeof *sum), squares = 0, n = (double)rows;
    if (!sum)
        return NAN;
    bool zero = rows < 2;
    for (size_t t = 0; t < rows && !zero; t++, x += d) {
        double length = sqrt(dot(x, x, d)), scale = 1 / length;
        zero = !(length > 0);
        for (size_t j = 0; j < d; j++)
            sum[j] += (double)x[j] * scale;
    }
    for (size_t j = 0; j < d; j++)
        squares += sum[j] * sum[j];
    free(sum);
    return zero ? NAN : (squares - n) / (n * (n - 1));
}

/* ---- attention ---- */

size_t visible_keys(const Pass *p, const Stage *s, size_t query)
{
    size_t n = 0, reach = reached_keys(p, s, query);
    if (pass_plan(p)->config->pad < 0 && pass_plan(p)->config->window == 0)
        return reach;
    for (size_t j = 0; j < reach; j++)
        n += pass_sees(p, s, query, j);
    return n;
}

size_t reached_keys(const Pass *p, const Stage *s, size_t query)
{
    bool hidden = stage_is_causal(s) && !(pass_plan(p)->ablations & NO_MASK);
    return hidden ? query + 1 : s->shape[2];
}

AttentionRow attention_row(Pass *p, size_t i, size_t head, size_t query)
{
    const Stage *s = &pass_plan(p)->stages[i];
    size_t Tk = s->shape[2];
    const real *w = pass_value(p, i) + (head * s->shape[1] + query) * Tk;
    AttentionRow row = {.visible = visible_keys(p, s, query), .entropy = entropy(w, Tk), .sum = sum_of(w, Tk)};
    for (size_t j = 1; j < Tk; j++)
        if (w[j] > w[row.largest])
            row.largest = j;
    row.weight = (double)w[row.largest];
    row.slope = row.weight * (1 - row.weight);
    row.share = row.visible > 1 ? row.entropy / log((double)row.visible) : 0;
    row.effective = exp(row.entropy);
    return row;
}

/* The heads from *first up to *end that `head` stands for. */
static void head_range(const Stage *s, int head, size_t *first, size_t *end)
{
    *first = head < 0 ? 0 : (size_t)head;
    *end = head < 0 ? s->shape[0] : (size_t)head + 1;
}

double attention_head_entropy(Pass *p, size_t i, size_t head)
{
    const Stage *s = &pass_plan(p)->stages[i];
    size_t Tq = s->shape[1], Tk = s->shape[2];
    const real *w = pass_value(p, i) + head * Tq * Tk;
    double sum = 0;
    for (size_t t = 0; t < Tq; t++)
        sum += entropy(w + t * Tk, Tk);
    return sum / (double)Tq;
}

double attention_entropy(Pass *p, size_t i)
{
    size_t H = pass_plan(p)->stages[i].shape[0];
    double sum = 0;
    for (size_t h = 0; h < H; h++)
        sum += attention_head_entropy(p, i, h);
    return sum / (double)H;
}

ScoreSpread score_spread(Pass *p, size_t i, int head)
{
    const Stage *s = &pass_plan(p)->stages[i];
    const real *x = pass_value(p, i);
    size_t Tq = s->shape[1], Tk = s->shape[2], first, end, with_spread = 0;
    Spread all = {0}, visible = {0};
    double rows = 0;
    head_range(s, head, &first, &end);
    for (size_t row = first * Tq; row < end * Tq; row++) {
        size_t n = visible_keys(p, s, row % Tq), reach = reached_keys(p, s, row % Tq);
        Spread seen = {0};
        if (n == reach)
            seen = spread_of(x + row * Tk, n);
        for (size_t j = 0; n < reach && j < reach; j++) /* padding among them, or some before the window */
            if (pass_sees(p, s, row % Tq, j))
                seen = spread_join(seen, spread_of(x + row * Tk + j, 1));
        visible = spread_join(visible, seen);
        if (s->kind == STAGE_MASKED)
            all = spread_join(all, seen);
        else
            all = spread_join(all, spread_of(x + row * Tk, Tk));
        if (n > 1) {
            rows += seen.squares / seen.n;
            with_spread++;
        }
    }
    return (ScoreSpread){all.squares / all.n, visible.squares / visible.n, with_spread ? rows / (double)with_spread : NAN};
}

/* Mean and variance over the T rows of column i of x [T, d]. */
static Spread column_spread(const real *x, size_t T, size_t d, size_t i)
{
    Spread s = {.n = (double)T};
    for (size_t t = 0; t < T; t++)
        s.mean += (double)x[t * d + i];
    s.mean /= s.n;
    for (size_t t = 0; t < T; t++)
        s.squares += ((double)x[t * d + i] - s.mean) * ((double)x[t * d + i] - s.mean);
    return s;
}

double score_prediction(Pass *p, size_t i, int head)
{
    const Plan *plan = pass_plan(p);
    const Stage *s = &plan->stages[i], *qs = &plan->stages[s->in[0]], *ks = &plan->stages[s->in[1]];
    const real *q = pass_value(p, (size_t)s->in[0]), *k = pass_value(p, (size_t)s->in[1]);
    size_t Tq = qs->shape[1], Tk = ks->shape[1], d = qs->shape[2], group = qs->shape[0] / ks->shape[0], first, end;
    double sum = 0;
    head_range(s, head, &first, &end);
    for (size_t h = first; h < end; h++)
        for (size_t c = 0; c < d; c++) {
            Spread a = column_spread(q + h * Tq * d, Tq, d, c), b = column_spread(k + h / group * Tk * d, Tk, d, c);
            double va = a.squares / a.n, vb = b.squares / b.n;
            sum += va * vb + a.mean * a.mean * vb + b.mean * b.mean * va;
        }
    return sum / (double)(end - first);
}

/* The longest of m rows of x [m, d]. */
static double longest_row(const real *x, size_t m, size_t d)
{
    double longest = 0;
    for (size_t i = 0; i < m; i++)
        longest = fmax(longest, sqrt(dot(x + i * d, x + i * d, d)));
    return longest;
}

/* Whether the raw scores differ by no more than rounding, which is at most of the size of a query's length times a key's. */
static bool scores_are_one(Pass *p, size_t i, int head)
{
    const Plan *plan = pass_plan(p);
    const Stage *s = &plan->stages[i], *ks = &plan->stages[s->in[1]];
    size_t Tq = s->shape[1], Tk = s->shape[2], d = ks->shape[2], group = s->shape[0] / ks->shape[0], first, end;
    double epsilon = REAL_IS_DOUBLE ? DBL_EPSILON : (double)FLT_EPSILON;
    head_range(s, head, &first, &end);
    Moments m = moments(pass_value(p, i) + first * Tq * Tk, (end - first) * Tq * Tk);
    double q = longest_row(pass_value(p, (size_t)s->in[0]) + first * Tq * d, (end - first) * Tq, d);
    double k = longest_row(pass_value(p, (size_t)s->in[1]) + first / group * Tk * d, ((end - 1) / group - first / group + 1) * Tk, d);
    return m.max - m.min <= 8 * epsilon * q * k;
}

int score_variance(Pass *p, size_t i, int head, ScoreVariance *out)
{
    const Plan *plan = pass_plan(p);
    size_t first, end;
    plan_sub(plan, i, &first, &end);
    while (first < end && plan->stages[first].kind != STAGE_SCORES)
        first++;
    if (first == end)
        return -1;
    ScoreSpread raw = score_spread(p, first, head), scaled = score_spread(p, first + 1, head);
    *out = (ScoreVariance){.raw_all = raw.all,
                           .raw_visible = raw.visible,
                           .raw_rows = raw.rows,
                           .scaled_all = scaled.all,
                           .scaled_visible = scaled.visible,
                           .scaled_rows = scaled.rows,
                           .predicted = score_prediction(p, first, head),
                           .ratio = scaled.all > 0 && !scores_are_one(p, first, head) ? raw.all / scaled.all : NAN};
    return 0;
}

/* ---- the residual stream ---- */

bool is_stream_point(const Plan *plan, size_t i)
{
    const Stage *s = &plan->stages[i];
    const Stage *next = i + 1 < plan->count ? s + 1 : NULL;
    if (s->sub == SUB_EMBED) /* the last of the embedding: with positions, segments and its norm where it has any */
        return !next || next->sub != SUB_EMBED || next->stack != s->stack;
    if (s->sub == SUB_OUTPUT)
        return false;
    bool post = plan->config->norm_position == NORM_POST && s->kind == STAGE_NORM; /* here the norm is in the stream */
    return s->kind == STAGE_RESIDUAL || post || s->sub == SUB_FINAL;
}

StreamPoint stream_point(Pass *p, size_t i)
{
    const Stage *s = &pass_plan(p)->stages[i];
    const real *x = pass_value(p, i);
    size_t T = s->shape[0], d = s->shape[1];
    StreamPoint point = {.stage = i, .cosine = mean_cosine(x, T, d)};
    for (size_t t = 0; t < T; t++)
        point.norm += sqrt(dot(x + t * d, x + t * d, d)) / (double)T;
    return point;
}

size_t stream_points(Pass *p, size_t until, StreamPoint **out)
{
    const Plan *plan = pass_plan(p);
    size_t n = 0;
    *out = calloc(until ? until : 1, sizeof **out);
    if (!*out)
        return 0;
    for (size_t i = 0; i < until && i < plan->count; i++)
        if (is_stream_point(plan, i))
            (*out)[n++] = stream_point(p, i);
    return n;
}

/* ---- the largest ---- */

size_t largest_of(const real *x, size_t n, size_t k, size_t *out)
{
    size_t have = 0;
    for (size_t i = 0; i < n; i++) {
        if (have == k && (k == 0 || !(x[i] > x[out[k - 1]])))
            continue;
        size_t at = have < k ? have++ : k - 1;
        for (; at > 0 && x[i] > x[out[at - 1]]; at--)
            out[at] = out[at - 1];
        out[at] = i;
    }
    return have;
}

void top_tokens(Pass *p, size_t row, size_t k, TokenProb *out)
{
    const Plan *plan = pass_plan(p);
    size_t V = plan->stages[plan->count - 1].shape[1], have = 0;
    const real *probs = pass_value(p, plan->count - 1) + row * V, *logits = pass_value(p, plan->count - 2) + row * V;
    for (size_t i = 0; i < V; i++) { /* by logit: two probabilities may both be rounded to 0 */
        if (have == k && (k == 0 || !((double)logits[i] > out[k - 1].logit)))
            continue;
        size_t at = have < k ? have++ : k - 1;
        for (; at > 0 && (double)logits[i] > out[at - 1].logit; at--)
            out[at] = out[at - 1];
        out[at] = (TokenProb){(int)i, (double)probs[i], (double)logits[i]};
    }
    for (; have < k; have++)
        out[have] = (TokenProb){.id = -1};
}
