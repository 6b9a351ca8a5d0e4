/* attention.c - the stages of attention, from q, k, v to W_O (Vaswani et al. 2017, 3.2).
 *
 * H query heads, G key/value heads (G divides H: head h uses key/value head h / (H/G); Ainslie et al. 2023), k = d_head;
 * Tq queries, Tk keys. Keys and values may lie in a cache, whose heads stand `stride` numbers apart. The query heads that share
 * a key/value head lie one after the other: one product serves them all. */
#include "pass/stage.h"

#include "tensor/kernels.h"
#include "tensor/matmul.h"

#include <string.h>

/* ---- q, k, v: out [heads, T, k] = x [T, d] · W [d, heads * k] + b, each head its own block of W's columns ---- */

/* While a text is continued, a value may be made where its input lies. */
static void copy_unless_there(real *to, const real *from, size_t n)
{
    if (to != from)
        memcpy(to, from, n * sizeof *to);
}

/* Between [heads, T, k] and rows in which the heads stand side by side, [T, heads * k]: one product serves all heads. One row is the same
 * either way. */
static void gather_heads(real *rows, const real *heads, size_t H, size_t T, size_t k)
{
    if (T == 1) {
        copy_unless_there(rows, heads, H * k);
        return;
    }
    for (size_t h = 0; h < H; h++)
        for (size_t t = 0; t < T; t++)
            memcpy(rows + (t * H + h) * k, heads + (h * T + t) * k, k * sizeof *rows);
}

static void spread_heads(real *heads, const real *rows, size_t H, size_t T, size_t k)
{
    for (size_t h = 0; h < H; h++)
        for (size_t t = 0; t < T; t++)
            memcpy(heads + (h * T + t) * k, rows + (t * H + h) * k, k * sizeof *rows);
}

/* Where the rows are those of several sequences, each has its own [heads, T, k]. */
static void for_each_sequence(void (*move)(real *to, const real *from, size_t H, size_t T, size_t k), real *to, const real *from, const StageRun *r)
{
    size_t heads = r->stage->shape[0], k = r->stage->shape[2], at = 0;
    if (!r->lengths)
        move(to, from, heads, r->stage->shape[1], k);
    for (size_t i = 0; r->lengths && i < r->sequences; at += r->lengths[i++] * heads * k)
        move(to + at, from + at, heads, r->lengths[i], k);
}

void stage_project_forward(const StageRun *r)
{
    size_t heads = r->stage->shape[0], T = r->stage->shape[1], k = r->stage->shape[2], d = r->config->d_model;
    real *rows = T == 1 ? r->out : r->scratch; /* the heads of one row stand side by side either way */
    linear_forward(rows, r->in[0], &r->w[0], stage_vector(r, 1), T, d, heads * k);
    if (T > 1)
        for_each_sequence(spread_heads, r->out, rows, r);
}

void stage_project_backward(const StageRun *r)
{
    size_t heads = r->stage->shape[0], T = r->stage->shape[1], k = r->stage->shape[2], d = r->config->d_model;
    for_each_sequence(gather_heads, r->scratch, r->dout, r);
    linear_backward(r->din[0], r->dw[0], r->dw[1], r->scratch, r->in[0], &r->w[0], T, d, heads * k);
}

/* ---- q_rot, k_rot: each pair of dimensions (a, b) turned by its position's angle ---- */

/* y (+)= one head's x [k] turned by direction * angle. Behind the first `turned` dimensions it stays as it is. */
static inline void rotate_head(real *y, const real *x, const real *angles, size_t turned, size_t k, size_t step, size_t gap, int direction,
                               bool accumulate)
{
    for (size_t i = 0, a = 0; i < turned / 2; i++, a += step) {
        size_t b = a + gap;
        real c = angles[2 * i], s = (real)direction * angles[2 * i + 1];
        real ya = x[a] * c - x[b] * s, yb = x[b] * c + x[a] * s;
        y[a] = accumulate ? y[a] + ya : ya;
        y[b] = accumulate ? y[b] + yb : yb;
    }
    for (size_t j = turned; j < k; j++)
        y[j] = accumulate ? y[j] + x[j] : x[j];
}

/* x, y [heads, T, k] */
static inline void rotate(real *y, const real *x, const StageRun *r, int direction, bool accumulate)
{
    size_t heads = r->stage->shape[0], T = r->stage->shape[1], k = r->stage->shape[2], turned = config_rope_dims(r->config), a, b, step, gap;
    /* Pairs stand a step apart, and the two of a pair a gap: both are the same for all. */
    rope_pair(r->config, 0, &a, &gap);
    rope_pair(r->config, 1, &step, &b);
    for (size_t h = 0; h < heads; h++)
        for (size_t t = 0; t < T; t++, x += k, y += k)
            if (step == 2) /* neighbours: the compiler may know */
                rotate_head(y, x, r->table + t * turned, turned, k, 2, 1, direction, accumulate);
            else
                rotate_head(y, x, r->table + t * turned, turned, k, 1, gap, direction, accumulate);
}

void stage_rotate_forward(const StageRun *r)
{
    if (r->ablations & NO_POSITIONS)
        memcpy(r->out, r->in[0], r->stage->count * sizeof *r->out);
    else
        rotate(r->out, r->in[0], r, 1, false);
}

void stage_rotate_backward(const StageRun *r)
{
    if (r->ablations & NO_POSITIONS)
        add_to(r->din[0], r->dout, r->stage->count);
    else
        rotate(r->din[0], r->dout, r, -1, true); /* a rotation's transpose is the rotation back */
}

/* ---- scores: out [H, Tq, Tk] = q [H, Tq, k] · k [G, Tk, k]ᵀ ---- */

void stage_scores_forward(const StageRun *r)
{
    size_t G = r->config->n_kv_heads, Tk = r->stage->shape[2], k = r->config->d_head, rows = r->stage->shape[0] / G * r->stage->shape[1];
    Matrix keys = matrix_transposed(stage_cached(r, 0));
    matmul_several(G, r->out, Tk, rows * Tk, r->in[0], k, rows * k, &keys, r->stride[1], rows, Tk, k);
}

void stage_scores_backward(const StageRun *r)
{
    size_t H = r->stage->shape[0], Tq = r->stage->shape[1], Tk = r->stage->shape[2];
    size_t k = r->config->d_head, group = H / r->config->n_kv_heads;
    for (size_t h = 0; h < H; h++) {
        const real *ds = r->dout + h * Tq * Tk, *q = r->in[0] + h * Tq * k, *key = r->in[1] + h / group * Tk * k;
        matmul(r->din[0] + h * Tq * k, k, ds, Tk, PLAIN, key, k, PLAIN, Tq, k, Tk, true);
        matmul(r->din[1] + h / group * Tk * k, k, ds, Tk, TRANSPOSED, q, k, PLAIN, Tk, k, Tq, true);
    }
}

/* ---- scaled: scores times 1/sqrt(d_head), or what stage_scale() says ---- */

void stage_scaled_forward(const StageRun *r)
{
    real scale = (real)stage_scale(r->stage, r->config, r->ablations);
    scale_forward(r->out, r->in[0], scale, r->stage->count);
}

void stage_scaled_backward(const StageRun *r)
{
    real scale = (real)stage_scale(r->stage, r->config, r->ablations);
    scale_backward(r->din[0], r->dout, scale, r->stage->count);
}

/* ---- biased: ALiBi takes slope * distance off every score ---- */

void stage_biased_forward(const StageRun *r)
{
    size_t H = r->stage->shape[0], Tq = r->stage->shape[1], Tk = r->stage->shape[2];
    for (size_t h = 0; h < H; h++) {
        real slope = r->ablations & NO_POSITIONS ? 0 : (real)alibi_slope(h, H);
        for (size_t i = 0; i < Tq; i++)
            for (size_t j = 0; j < Tk; j++) {
                size_t at = (h * Tq + i) * Tk + j, query = r->past + i;
                r->out[at] = r->in[0][at] - slope * (real)(query > j ? query - j : j - query);
            }
    }
}

void stage_biased_backward(const StageRun *r)
{
    add_to(r->din[0], r->dout, r->stage->count);
}

/* ---- masked: -inf where a query may not see a key: stage_sees() is the rule ---- */

/* How many keys, from the first, query i reaches, padding included. */
static size_t reach(const StageRun *r, size_t i)
{
    bool causal = stage_is_causal(r->stage) && !(r->ablations & NO_MASK);
    return causal ? r->past + i + 1 : r->stage->shape[2];
}

/* The first of them. */
static size_t start(const StageRun *r, size_t i)
{
    bool causal = stage_is_causal(r->stage) && !(r->ablations & NO_MASK);
    return causal ? stage_window_start(r->config, r->past + i) : 0;
}

static bool sees(const StageRun *r, size_t i, size_t key)
{
    return stage_sees(r->stage, r->config, r->ablations, r->key_ids, r->past + i, key);
}

void stage_masked_forward(const StageRun *r)
{
    size_t H = r->stage->shape[0], Tq = r->stage->shape[1], Tk = r->stage->shape[2];
    bool padded = stage_hides(r->config, r->key_ids, Tk);
    if (!padded && reach(r, 0) == Tk && start(r, Tq - 1) == 0) { /* everyone sees everything */
        copy_unless_there(r->out, r->in[0], r->stage->count);
        return;
    }
    for (size_t i = 0; i < Tq; i++) {
        size_t visible = reach(r, i), first = start(r, i);
        for (size_t h = 0; h < H; h++) {
            size_t row = (h * Tq + i) * Tk;
            copy_unless_there(r->out + row, r->in[0] + row, visible);
            hide_behind(r->out + row, 0, first);
            hide_behind(r->out + row, visible, Tk);
            for (size_t j = first; padded && j < visible; j++)
                if (!sees(r, i, j))
                    r->out[row + j] = -(real)INFINITY;
        }
    }
}

void stage_masked_backward(const StageRun *r)
{
    size_t H = r->stage->shape[0], Tq = r->stage->shape[1], Tk = r->stage->shape[2];
    bool padded = stage_hides(r->config, r->key_ids, Tk);
    for (size_t row = 0; row < H * Tq; row++) {
        size_t i = row % Tq, visible = reach(r, i), first = start(r, i);
        if (!padded)
            add_to(r->din[0] + row * Tk + first, r->dout + row * Tk + first, visible - first);
        for (size_t j = first; padded && j < visible; j++)
            if (sees(r, i, j))
                r->din[0][row * Tk + j] += r->dout[row * Tk + j];
    }
}

/* ---- weights: softmax of each row, or the same share for every visible key ---- */

void stage_weights_forward(const StageRun *r)
{
    size_t H = r->stage->shape[0], Tq = r->stage->shape[1], Tk = r->stage->shape[2];
    if (!(r->ablations & UNIFORM_ATTENTION)) {
        softmax_forward(r->out, r->in[0], H * Tq, Tk);
        return;
    }
    for (size_t row = 0; row < H * Tq; row++) {
        size_t i = row % Tq, visible = 0;
        for (size_t j = 0; j < Tk; j++)
            visible += sees(r, i, j);
        for (size_t j = 0; j < Tk; j++)
            r->out[row * Tk + j] = sees(r, i, j) ? 1 / (real)visible : 0;
    }
}

void stage_weights_backward(const StageRun *r)
{
    if (!(r->ablations & UNIFORM_ATTENTION)) /* a constant has no gradient */
        softmax_backward(r->din[0], r->dout, r->out, r->stage->shape[0] * r->stage->shape[1], r->stage->shape[2]);
}

/* ---- heads: out [H, Tq, k] = weights [H, Tq, Tk] · v [G, Tk, k] ---- */

void stage_heads_forward(const StageRun *r)
{
    size_t G = r->config->n_kv_heads, k = r->config->d_head, Tk = r->in_stage[0]->shape[2], rows = r->stage->shape[0] / G * r->stage->shape[1];
    Matrix values = stage_cached(r, 0);
    matmul_several(G, r->out, k, rows * k, r->in[0], Tk, rows * Tk, &values, r->stride[1], rows, k, Tk);
}

void stage_heads_backward(const StageRun *r)
{
    size_t H = r->stage->shape[0], Tq = r->stage->shape[1], k = r->stage->shape[2];
    size_t Tk = r->in_stage[0]->shape[2], group = H / r->config->n_kv_heads;
    for (size_t h = 0; h < H; h++) {
        const real *dz = r->dout + h * Tq * k, *w = r->in[0] + h * Tq * Tk, *v = r->in[1] + h / group * Tk * k;
        matmul(r->din[0] + h * Tq * Tk, Tk, dz, k, PLAIN, v, k, TRANSPOSED, Tq, Tk, k, true);
        matmul(r->din[1] + h / group * Tk * k, k, w, Tk, TRANSPOSED, dz, k, PLAIN, Tk, k, Tq, true);
    }
}

/* ---- concat: out [Tq, H * k], row t = heads' rows t, one after the other ---- */

void stage_concat_forward(const StageRun *r)
{
    gather_heads(r->out, r->in[0], r->config->n_heads, r->stage->shape[0], r->config->d_head);
}

void stage_concat_backward(const StageRun *r)
{
    size_t H = r->config->n_heads, k = r->config->d_head, T = r->stage->shape[0];
    for (size_t h = 0; h < H; h++)
        for (size_t t = 0; t < T; t++)
            add_to(r->din[0] + (h * T + t) * k, r->dout + (t * H + h) * k, k);
}

/* ---- out, the FFN's gate, expand and contract, and transform: out [T, n] = x [T, m] · W [m, n] + b [n] ---- */

void stage_linear_forward(const StageRun *r)
{
    size_t T = r->stage->shape[0], n = r->stage->shape[1], m = r->in_stage[0]->shape[1];
    linear_forward(r->out, r->in[0], &r->w[0], stage_vector(r, 1), T, m, n);
}

void stage_linear_backward(const StageRun *r)
{
    size_t T = r->stage->shape[0], n = r->stage->shape[1], m = r->in_stage[0]->shape[1];
    linear_backward(r->din[0], r->dw[0], r->dw[1], r->dout, r->in[0], &r->w[0], T, m, n);
}
