/* compare.c - the differences. Knows no words and no chart: those are the command's and the view's. */
#include "measure/compare.h"

#include "measure/twin.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- numbers ---- */

static bool is_same(double a, double b)
{
    return a == b || (isnan(a) && isnan(b));
}

double compare_numbers(double baseline, double twin)
{
    return is_same(baseline, twin) ? 0 : twin - baseline;
}

/* ---- one stage ---- */

bool stage_is_namesake(const Stage *a, const Stage *b)
{
    return a->kind == b->kind && a->stack == b->stack && a->layer == b->layer && a->sub == b->sub;
}

/* The stage of this plan with the name of s, or NO_STAGE. */
static int find_namesake(const Plan *plan, const Stage *s)
{
    for (size_t i = 0; i < plan->count; i++)
        if (stage_is_namesake(&plan->stages[i], s))
            return (int)i;
    return NO_STAGE;
}

static bool is_position(Axis a)
{
    return a == AXIS_TOKEN || a == AXIS_QUERY || a == AXIS_KEY;
}

/* The part that both have, as if of rank 3: the first positions of each; false where the rest of the shape is not the same. */
static bool common_shape(const Stage *a, const Stage *b, size_t shape[3], bool *longer)
{
    *longer = false;
    if (a->rank != b->rank)
        return false;
    for (int k = 0; k < 3; k++)
        shape[k] = 1;
    for (int k = 0; k < a->rank; k++) {
        size_t x = a->shape[k], y = b->shape[k];
        if (a->axes[k] != b->axes[k] || (x != y && !is_position(a->axes[k])))
            return false;
        shape[3 - a->rank + k] = x < y ? x : y;
        *longer = *longer || x != y;
    }
    return true;
}

/* Where row (head, row) of the common part begins in the value of stage s. */
static size_t row_at(const Stage *s, size_t head, size_t row)
{
    return (head * s->shape[s->rank - 2] + row) * s->shape[s->rank - 1];
}

/* Sums of squares that neither overflow nor vanish: counted in squares of the largest number so far. */
typedef struct Squares {
    double unit, sum;
} Squares;

static void squares_add(Squares *s, double x)
{
    double a = fabs(x);
    if (a == 0)
        return;
    if (a > s->unit) {
        s->sum *= s->unit / a * (s->unit / a);
        s->unit = a;
    }
    s->sum += a / s->unit * (a / s->unit);
}

static double squares_ratio(const Squares *difference, const Squares *baseline)
{
    if (difference->unit == 0)
        return 0;
    return baseline->unit == 0 ? INFINITY : difference->unit / baseline->unit * sqrt(difference->sum / baseline->sum);
}

/* Sums of one walk over the numbers of both. */
typedef struct Walk {
    StageDifference *d;
    Squares difference, baseline;
    double mean;  /* of the differences so far; a running mean does not overflow */
    bool located; /* d->where is set */
} Walk;

static void set_where(Walk *w, double largest, size_t head, size_t row, size_t column, int rank)
{
    const size_t index[3] = {head, row, column};
    w->d->largest = largest;
    memcpy(w->d->where.index, index + (3 - rank), (size_t)rank * sizeof *index);
    w->located = true;
}

static void take_pair(Walk *w, double x, double y, size_t head, size_t row, size_t column, int rank)
{
    StageDifference *d = w->d;
    double a = fabs(compare_numbers(x, y));
    d->count++;
    if (isfinite(x) && isfinite(y)) {
        squares_add(&w->difference, y - x);
        squares_add(&w->baseline, x);
    }
    if (!is_same(x, y)) {
        d->differing++;
        if (!isfinite(a)) {
            d->infinite++;
            a = INFINITY;
        }
        if (!w->located || a > d->largest)
            set_where(w, a, head, row, column, rank);
    }
    if (isfinite(a))
        w->mean += (a - w->mean) / (double)d->count;
}

/* Sums over a row whose numbers are all finite. */
typedef struct RowSums {
    double absolute, difference, baseline; /* Σ |y - x|, Σ (y - x)², Σ x² */
    double largest;                        /* |y - x| */
    size_t differing;
} RowSums;

/* False where a number is not finite, or a square leaves what a double can hold: the sums are then of no use. */
static bool sum_row(RowSums *out, const real *x, const real *y, size_t n)
{
    const double least = 1e-280;
    RowSums s = {0};
    for (size_t k = 0; k < n; k++) {
        double a = (double)x[k], d = fabs((double)y[k] - a);
        s.absolute += d;
        s.difference += d * d;
        s.baseline += a * a;
        s.largest = d > s.largest ? d : s.largest;
        s.differing += d > 0;
    }
    *out = s;
    return isfinite(s.absolute + s.difference + s.baseline) && s.baseline >= least && (s.differing == 0 || s.difference >= least);
}

static void take_row(Walk *w, const real *x, const real *y, size_t n, size_t head, size_t row, int rank)
{
    StageDifference *d = w->d;
    RowSums s;
    if (!sum_row(&s, x, y, n)) {
        for (size_t k = 0; k < n; k++)
            take_pair(w, (double)x[k], (double)y[k], head, row, k, rank);
        return;
    }
    d->count += n;
    d->differing += s.differing;
    w->mean += (s.absolute / (double)n - w->mean) * ((double)n / (double)d->count);
    squares_add(&w->difference, sqrt(s.difference));
    squares_add(&w->baseline, sqrt(s.baseline));
    if (s.differing && (!w->located || s.largest > d->largest)) {
        size_t k = 0;
        while (fabs((double)y[k] - (double)x[k]) < s.largest)
            k++;
        set_where(w, s.largest, head, row, k, rank);
    }
}

StageDifference compare_stages(Pass *baseline, int i, Pass *twin, int j)
{
    StageDifference d = {.baseline = i, .twin = j, .where.stage = j == NO_STAGE ? 0 : (size_t)j};
    if (i == NO_STAGE || j == NO_STAGE) {
        d.fate = j == NO_STAGE ? FATE_ONLY_BASELINE : FATE_ONLY_TWIN;
        return d;
    }
    const Stage *a = &pass_plan(baseline)->stages[i], *b = &pass_plan(twin)->stages[j];
    size_t shape[3];
    if (!common_shape(a, b, shape, &d.longer)) {
        d.fate = FATE_SHAPES;
        return d;
    }
    const real *x = pass_value(baseline, (size_t)i), *y = pass_value(twin, (size_t)j);
    Walk w = {.d = &d};
    for (size_t head = 0; head < shape[0]; head++)
        for (size_t row = 0; row < shape[1]; row++) {
            const real *p = x + row_at(a, head, row), *q = y + row_at(b, head, row);
            take_row(&w, p, q, shape[2], head, row, a->rank);
        }
    d.mean = d.infinite ? (double)INFINITY : w.mean;
    d.relative = squares_ratio(&w.difference, &w.baseline);
    d.identical = !d.longer && memcmp(x, y, d.count * sizeof *x) == 0;
    d.fate = d.differing || d.longer ? FATE_DIFFERS : FATE_SAME;
    return d;
}

/* ---- all stages ---- */

/* The twin's place of a stage: where the walk through both plans has come to, else wherever it is. */
static int match(const Plan *plan, const Stage *s, size_t next)
{
    return next < plan->count && stage_is_namesake(&plan->stages[next], s) ? (int)next : find_namesake(plan, s);
}

static void list(Comparison *out, int baseline, int twin)
{
    out->stages[out->count++] = (StageDifference){.baseline = baseline, .twin = twin};
}

/* Walks through both plans at once. What only the twin has is listed before what follows it there. */
static int list_stages(Comparison *out, const Plan *a, const Plan *b, Error *e)
{
    out->stages = calloc(a->count + b->count, sizeof *out->stages);
    if (!out->stages)
        return error_memory(e, "compare");
    size_t j = 0; /* every stage of the twin before this one is listed, or will be found by its name */
    for (size_t i = 0; i <= a->count; i++) {
        int found = i < a->count ? match(b, &a->stages[i], j) : (int)b->count;
        for (; found != NO_STAGE && j < (size_t)found; j++)
            if (find_namesake(a, &b->stages[j]) == NO_STAGE)
                list(out, NO_STAGE, (int)j);
        if (i == a->count)
            break;
        list(out, (int)i, found);
        j += found == (int)j;
    }
    return 0;
}

/* ---- the output ---- */

static size_t logits_of(const Pass *p)
{
    return pass_plan(p)->count - 2; /* the plan ends in logits, probs */
}

static size_t likeliest(const real *x, size_t n)
{
    size_t best = 0;
    for (size_t k = 1; k < n; k++)
        if (x[k] > x[best] || isnan(x[best]))
            best = k;
    return best;
}

/* log Σ exp x */
static double log_sum(const real *x, size_t n)
{
    double top = (double)x[likeliest(x, n)], sum = 0;
    for (size_t k = 0; k < n; k++)
        sum += exp((double)x[k] - top);
    return top + log(sum);
}

/* Each term of Σ p log(p/q) is written as p (q/p - 1 - log(q/p)): the same sum, since p and q both sum to 1, but no term is
 * negative, so that nothing cancels where the two are nearly alike. */
static double kl_term(double log_p, double log_q, double p, double q)
{
    double d = log_q - log_p;
    if (log_p == -(double)INFINITY)
        return q;
    if (log_q == -(double)INFINITY)
        return INFINITY;
    return d < 1 ? p * (expm1(d) - d) : q - p * (1 + d);
}

OutputDifference compare_logits(const real *baseline, const real *twin, size_t n)
{
    OutputDifference out = {.token = {(int)likeliest(baseline, n), (int)likeliest(twin, n)}};
    double a = log_sum(baseline, n), b = log_sum(twin, n);
    for (size_t k = 0; k < n; k++) {
        double log_p = (double)baseline[k] - a, log_q = (double)twin[k] - b, p = exp(log_p), q = exp(log_q);
        out.kl += kl_term(log_p, log_q, p, q);
        out.variation += fabs(p - q) / 2;
    }
    for (int t = 0; t < 2; t++) {
        out.baseline_p[t] = exp((double)baseline[out.token[t]] - a);
        out.twin_p[t] = exp((double)twin[out.token[t]] - b);
    }
    return out;
}

/* Room for the rows of the output that both have. */
static int list_rows(Comparison *out, Pass *baseline, Pass *twin, Error *e)
{
    size_t n = pass_plan(baseline)->stages[logits_of(baseline)].shape[0], m = pass_plan(twin)->stages[logits_of(twin)].shape[0];
    out->kl = out->variation = NAN;
    out->has_output = twin_shares_tokens(pass_model(baseline), pass_model(twin));
    if (!out->has_output)
        return 0;
    out->row_count = n < m ? n : m;
    out->rows_more = n < m ? m - n : n - m;
    out->rows = calloc(out->row_count, sizeof *out->rows);
    if (!out->rows)
        return error_memory(e, "compare");
    out->kl = out->variation = 0;
    return 0;
}

static void compare_row(Comparison *c, Pass *baseline, Pass *twin, size_t t)
{
    size_t i = logits_of(baseline), V = pass_plan(baseline)->stages[i].shape[1];
    OutputDifference *row = &c->rows[t];
    *row = compare_logits(pass_value(baseline, i) + t * V, pass_value(twin, logits_of(twin)) + t * V, V);
    c->kl += row->kl / (double)c->row_count;
    c->variation += row->variation / (double)c->row_count;
    c->tokens_changed += row->token[0] != row->token[1];
}

int compare_begin(Comparison *out, Pass *baseline, Pass *twin, Error *e)
{
    *out = (Comparison){.first = -1};
    if (list_stages(out, pass_plan(baseline), pass_plan(twin), e) == 0 && list_rows(out, baseline, twin, e) == 0)
        return 0;
    comparison_free(out);
    return -1;
}

bool compare_next(Comparison *c, Pass *baseline, Pass *twin)
{
    size_t k = c->done, all = c->count + c->row_count;
    if (k < c->count) {
        c->stages[k] = compare_stages(baseline, c->stages[k].baseline, twin, c->stages[k].twin);
        if (c->first < 0 && c->stages[k].fate != FATE_SAME)
            c->first = (int)k;
    } else if (k < all)
        compare_row(c, baseline, twin, k - c->count);
    c->done += k < all;
    return c->done < all;
}

int compare_passes(Comparison *out, Pass *baseline, Pass *twin, Error *e)
{
    if (compare_begin(out, baseline, twin, e) != 0)
        return -1;
    while (compare_next(out, baseline, twin))
        continue;
    return 0;
}

void comparison_free(Comparison *c)
{
    free(c->stages);
    free(c->rows);
    *c = (Comparison){.first = -1};
}
