/* online.c - one head's attention by the whole matrix, in blocks, and linear. */
#include "lab/online.h"

#include <math.h>
#include <string.h>

static double dot(const double *a, const double *b, size_t n)
{
    double sum = 0;
    for (size_t i = 0; i < n; i++)
        sum += a[i] * b[i];
    return sum;
}

void online_whole(double *out, const double *q, const double *k, const double *v, double *scratch, size_t n, size_t d_k, size_t d_v,
                  bool causal, OnlineCount *count)
{
    double scale = 1 / sqrt((double)d_k), N = (double)n;
    *count = (OnlineCount){.extra = 2 * N * N, .fast = NAN};
    /* scores: q and k are read, n × n numbers written */
    for (size_t i = 0; i < n; i++)
        for (size_t j = 0; j < n; j++)
            scratch[i * n + j] = causal && j > i ? -INFINITY : dot(q + i * d_k, k + j * d_k, d_k) * scale;
    count->products += N * N * (double)d_k;
    count->moved += 2 * N * (double)d_k + N * N;
    /* softmax: read and written */
    for (size_t i = 0; i < n; i++) {
        double *row = scratch + i * n, most = -INFINITY, sum = 0;
        for (size_t j = 0; j < n; j++)
            most = row[j] > most ? row[j] : most;
        for (size_t j = 0; j < n; j++)
            sum += row[j] = exp(row[j] - most);
        for (size_t j = 0; j < n; j++)
            row[j] /= sum;
    }
    count->rescaling += 2 * N * N; /* the factor 1/√d_k, and the division by the sum */
    count->moved += 2 * N * N;
    /* weights times v: read; out is written */
    memset(out, 0, n * d_v * sizeof *out);
    for (size_t i = 0; i < n; i++)
        for (size_t j = 0; j < n; j++)
            for (size_t c = 0; c < d_v; c++)
                out[i * d_v + c] += scratch[i * n + j] * v[j * d_v + c];
    count->products += N * N * (double)d_v;
    count->moved += N * N + 2 * N * (double)d_v;
}

/* One query row meets one block of keys. state: the largest score and the sum so far. */
static void meet(double *out, double *state, double *scores, const double *q, const double *k, const double *v, size_t columns, size_t d_k,
                 size_t d_v, size_t visible, OnlineCount *count)
{
    double scale = 1 / sqrt((double)d_k), most = state[0];
    for (size_t j = 0; j < columns; j++) {
        scores[j] = j < visible ? dot(q, k + j * d_k, d_k) * scale : -INFINITY;
        most = scores[j] > most ? scores[j] : most;
    }
    count->products += (double)columns * (double)d_k;
    count->rescaling += (double)columns;
    double keep = exp(state[0] - most); /* of what was there: 0 at first, 1 where nothing larger turned up */
    state[1] *= keep;
    for (size_t c = 0; c < d_v; c++)
        out[c] *= keep;
    count->rescaling += 1 + (double)d_v;
    for (size_t j = 0; j < columns; j++) {
        double p = exp(scores[j] - most);
        state[1] += p;
        for (size_t c = 0; c < d_v; c++)
            out[c] += p * v[j * d_v + c];
    }
    count->products += (double)columns * (double)d_v;
    state[0] = most;
}

void online_blocks(double *out, const double *q, const double *k, const double *v, double *scratch, size_t n, size_t d_k, size_t d_v,
                   size_t rows, size_t columns, bool causal, OnlineCount *count)
{
    *count = (OnlineCount){.fast = (double)(rows * (d_k + d_v + 2) + columns * (d_k + d_v) + rows * columns)};
    memset(out, 0, n * d_v * sizeof *out);
    for (size_t top = 0; top < n; top += rows) {
        size_t end = top + rows < n ? top + rows : n;
        double *states = scratch + rows * columns; /* [rows, 2] */
        for (size_t i = 0; i < end - top; i++) {
            states[2 * i] = -INFINITY;
            states[2 * i + 1] = 0;
        }
        count->moved += (double)((end - top) * d_k);
        for (size_t left = 0; left < n && !(causal && left >= end); left += columns) { /* blocks behind the diagonal are not even read */
            size_t width = left + columns < n ? columns : n - left;
            count->moved += (double)(width * (d_k + d_v));
            for (size_t i = top; i < end; i++) {
                size_t visible = !causal ? width : i < left ? 0 : i - left + 1 < width ? i - left + 1 : width;
                if (visible)
                    meet(out + i * d_v, states + 2 * (i - top), scratch + (i - top) * columns, q + i * d_k, k + left * d_k, v + left * d_v,
                         width, d_k, d_v, visible, count);
            }
        }
        for (size_t i = top; i < end; i++)
            for (size_t c = 0; c < d_v; c++)
                out[i * d_v + c] /= states[2 * (i - top) + 1];
        count->rescaling += (double)((end - top) * d_v);
        count->moved += (double)((end - top) * d_v);
    }
}

/* ---- linear ---- */

void online_features(double *x, size_t n)
{
    for (size_t i = 0; i < n; i++)
        x[i] = x[i] > 0 ? x[i] + 1 : exp(x[i]);
}

/* state [d_k, d_v + 1] += kᵀ·(v, 1) of one key. */
static void remember(double *state, const double *k, const double *v, size_t d_k, size_t d_v)
{
    for (size_t i = 0; i < d_k; i++) {
        for (size_t c = 0; c < d_v; c++)
            state[i * (d_v + 1) + c] += k[i] * v[c];
        state[i * (d_v + 1) + d_v] += k[i];
    }
}

/* out [d_v] = q·S / q·z */
static void answer(double *out, const double *state, const double *q, size_t d_k, size_t d_v)
{
    double norm = 0;
    memset(out, 0, d_v * sizeof *out);
    for (size_t i = 0; i < d_k; i++) {
        for (size_t c = 0; c < d_v; c++)
            out[c] += q[i] * state[i * (d_v + 1) + c];
        norm += q[i] * state[i * (d_v + 1) + d_v];
    }
    for (size_t c = 0; c < d_v; c++)
        out[c] /= norm;
}

void online_linear(double *out, const double *q, const double *k, const double *v, double *state, size_t n, size_t d_k, size_t d_v,
                   OnlineCount *count)
{
    *count = (OnlineCount){.products = 2 * (double)n * (double)d_k * (double)d_v,
                           .rescaling = (double)n * (double)(d_k + d_v),
                           .extra = (double)d_k * (double)(d_v + 1)};
    memset(state, 0, d_k * (d_v + 1) * sizeof *state);
    for (size_t j = 0; j < n; j++)
        remember(state, k + j * d_k, v + j * d_v, d_k, d_v);
    for (size_t i = 0; i < n; i++)
        answer(out + i * d_v, state, q + i * d_k, d_k, d_v);
}

void online_linear_causal(double *out, const double *q, const double *k, const double *v, size_t n, size_t d_k, size_t d_v,
                          OnlineCount *count)
{
    *count = (OnlineCount){0};
    memset(out, 0, n * d_v * sizeof *out);
    for (size_t i = 0; i < n; i++) {
        double norm = 0;
        for (size_t j = 0; j <= i; j++) {
            double weight = dot(q + i * d_k, k + j * d_k, d_k);
            norm += weight;
            for (size_t c = 0; c < d_v; c++)
                out[i * d_v + c] += weight * v[j * d_v + c];
            count->products += (double)(d_k + d_v);
        }
        for (size_t c = 0; c < d_v; c++)
            out[i * d_v + c] /= norm;
        count->rescaling += (double)d_v;
    }
}

void online_linear_steps(double *out, const double *q, const double *k, const double *v, double *state, size_t n, size_t d_k, size_t d_v,
                         OnlineCount *count)
{
    *count = (OnlineCount){.products = 2 * (double)n * (double)d_k * (double)d_v,
                           .rescaling = (double)n * (double)(d_k + d_v),
                           .extra = (double)d_k * (double)(d_v + 1)};
    memset(state, 0, d_k * (d_v + 1) * sizeof *state);
    for (size_t t = 0; t < n; t++) {
        remember(state, k + t * d_k, v + t * d_v, d_k, d_v);
        answer(out + t * d_v, state, q + t * d_k, d_k, d_v);
    }
}
