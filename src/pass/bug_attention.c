/* bug_attention.c - bugs in the stages of attention around the mask and the softmax: scores, their scale, rotations, heads, W_O; and two of
 * decoding with a key/value cache.
 *
 * Like attention.c: H query heads, G key/value heads, k = d_head; Tq queries, Tk keys; keys and values may lie in a cache. */
#include "pass/bug_functions.h"

#include "tensor/kernels.h"
#include "tensor/matmul.h"

#include <string.h>

/* ---- sqrt-d-model: scores / sqrt(d_model) ----
 * WRONG: what is divided is a dot product of d_head numbers, not of d_model: with 8 heads the scores are √8 times too small, and attention
 * is flatter than it should be. */

static real wrong_scale(const StageRun *r)
{
    return r->ablations & NO_SCALE ? 1 : (real)(1.0 / sqrt((double)r->config->d_model));
}

void bug_sqrt_d_model_forward(const StageRun *r)
{
    scale_forward(r->out, r->in[0], wrong_scale(r), r->stage->count);
}

void bug_sqrt_d_model_backward(const StageRun *r)
{
    scale_backward(r->din[0], r->dout, wrong_scale(r), r->stage->count);
}

/* ---- no-scaling: scores = q @ k.transpose(-2, -1), and on to the softmax ----
 * WRONG: never divided by √d_head. The larger d_head, the larger the scores, until the softmax is nearly one-hot and passes no gradient. */

void bug_no_scaling_forward(const StageRun *r)
{
    memcpy(r->out, r->in[0], r->stage->count * sizeof *r->out);
}

void bug_no_scaling_backward(const StageRun *r)
{
    add_to(r->din[0], r->dout, r->stage->count);
}

/* ---- queries-keys-swapped: scores = k @ q.transpose(-2, -1) ----
 * WRONG: the matrix comes out transposed. Row i asks with what token i offers, and the mask hides the wrong half of what was compared.
 * Nothing complains while there are as many queries as keys; where there are not (cross-attention, a cache) this code does not fit and is
 * left as it should be. */

static bool is_square(const StageRun *r)
{
    return r->stage->sub == SUB_SELF && r->stage->shape[1] == r->stage->shape[2];
}

void bug_queries_keys_swapped_forward(const StageRun *r)
{
    size_t H = r->stage->shape[0], T = r->stage->shape[1], k = r->config->d_head, group = H / r->config->n_kv_heads;
    if (!is_square(r)) {
        stage_scores_forward(r);
        return;
    }
    for (size_t h = 0; h < H; h++) {
        Matrix keys = stage_cached(r, h / group);
        matmul(r->out + h * T * T, T, keys.data, keys.ld, keys.layout, r->in[0] + h * T * k, k, TRANSPOSED, T, T, k, false);
    }
}

void bug_queries_keys_swapped_backward(const StageRun *r)
{
    size_t H = r->stage->shape[0], T = r->stage->shape[1], k = r->config->d_head, group = H / r->config->n_kv_heads;
    if (!is_square(r)) {
        stage_scores_backward(r);
        return;
    }
    for (size_t h = 0; h < H; h++) {
        const real *ds = r->dout + h * T * T, *q = r->in[0] + h * T * k, *key = r->in[1] + h / group * T * k;
        matmul(r->din[1] + h / group * T * k, k, ds, T, PLAIN, q, k, PLAIN, T, k, T, true);
        matmul(r->din[0] + h * T * k, k, ds, T, TRANSPOSED, key, k, PLAIN, T, k, T, true);
    }
}

/* ---- kv-head-order: k = k.repeat(1, H // G, 1, 1), and the same for v ----
 * WRONG: repeat() gives the heads 0 1 0 1, repeat_interleave() gives 0 0 1 1. Query head h is to use key/value head h / (H/G); here it uses
 * h % G. */

void bug_kv_head_scores_forward(const StageRun *r)
{
    size_t H = r->stage->shape[0], Tq = r->stage->shape[1], Tk = r->stage->shape[2], k = r->config->d_head, G = r->config->n_kv_heads;
    for (size_t h = 0; h < H; h++) {
        Matrix keys = matrix_transposed(stage_cached(r, h % G));
        matmul_matrix(r->out + h * Tq * Tk, Tk, r->in[0] + h * Tq * k, k, PLAIN, &keys, Tq, Tk, k, false);
    }
}

void bug_kv_head_scores_backward(const StageRun *r)
{
    size_t H = r->stage->shape[0], Tq = r->stage->shape[1], Tk = r->stage->shape[2], k = r->config->d_head, G = r->config->n_kv_heads;
    for (size_t h = 0; h < H; h++) {
        const real *ds = r->dout + h * Tq * Tk, *q = r->in[0] + h * Tq * k, *key = r->in[1] + h % G * Tk * k;
        matmul(r->din[0] + h * Tq * k, k, ds, Tk, PLAIN, key, k, PLAIN, Tq, k, Tk, true);
        matmul(r->din[1] + h % G * Tk * k, k, ds, Tk, TRANSPOSED, q, k, PLAIN, Tk, k, Tq, true);
    }
}

void bug_kv_head_heads_forward(const StageRun *r)
{
    size_t H = r->stage->shape[0], Tq = r->stage->shape[1], Tk = r->in_stage[0]->shape[2], k = r->config->d_head, G = r->config->n_kv_heads;
    for (size_t h = 0; h < H; h++) {
        Matrix values = stage_cached(r, h % G);
        matmul_matrix(r->out + h * Tq * k, k, r->in[0] + h * Tq * Tk, Tk, PLAIN, &values, Tq, k, Tk, false);
    }
}

void bug_kv_head_heads_backward(const StageRun *r)
{
    size_t H = r->stage->shape[0], Tq = r->stage->shape[1], Tk = r->in_stage[0]->shape[2], k = r->config->d_head, G = r->config->n_kv_heads;
    for (size_t h = 0; h < H; h++) {
        const real *dz = r->dout + h * Tq * k, *w = r->in[0] + h * Tq * Tk, *v = r->in[1] + h % G * Tk * k;
        matmul(r->din[0] + h * Tq * Tk, Tk, dz, k, PLAIN, v, k, TRANSPOSED, Tq, Tk, k, true);
        matmul(r->din[1] + h % G * Tk * k, k, w, Tk, TRANSPOSED, dz, k, PLAIN, Tk, k, Tq, true);
    }
}

/* ---- heads-not-transposed: heads [H, T, k].reshape(T, H * k) ----
 * WRONG: the transpose to [T, H, k] is missing. The numbers are taken as they lie in memory, head after head: a row gets pieces of
 * several tokens of the same head. Where one token is fed at a time it makes no difference. */

void bug_heads_not_transposed_forward(const StageRun *r)
{
    memcpy(r->out, r->in[0], r->stage->count * sizeof *r->out);
}

void bug_heads_not_transposed_backward(const StageRun *r)
{
    add_to(r->din[0], r->dout, r->stage->count);
}

/* ---- no-output-projection: return torch.cat(heads, dim=-1) ----
 * WRONG: W_O and its bias are there, are saved and loaded, and are never used. The shapes fit as long as H * k is d_model. */

static bool fits(const StageRun *r)
{
    return r->in_stage[0]->shape[1] == r->stage->shape[1];
}

void bug_no_output_projection_forward(const StageRun *r)
{
    if (fits(r))
        memcpy(r->out, r->in[0], r->stage->count * sizeof *r->out);
    else
        stage_linear_forward(r);
}

void bug_no_output_projection_backward(const StageRun *r)
{
    if (fits(r))
        add_to(r->din[0], r->dout, r->stage->count);
    else
        stage_linear_backward(r);
}

/* ---- values-unused: out = weights @ k ----
 * WRONG: one letter. The attention weights average the keys; the values are computed and never read. */

void bug_values_unused_rewire(Plan *p)
{
    int keys = NO_STAGE;
    for (size_t i = 0; i < p->count; i++) {
        if (p->stages[i].kind == STAGE_SCORES)
            keys = p->stages[i].in[1];
        else if (p->stages[i].kind == STAGE_HEADS)
            p->stages[i].in[1] = keys;
    }
}

/* ---- rope-pairing: rotate_half() for weights that were trained with interleaved pairs, or the other way round ----
 * WRONG: pair i is dimensions (2i, 2i + 1) in one convention and (i, i + k/2) in the other. Each alone is as good; weights trained with one
 * are garbled by the other, the more so the further two tokens are apart. */

/* y += x, with each pair turned by direction * its angle; x, y [heads, T, k]. */
static void rotate_other_pairs(real *y, const real *x, const StageRun *r, int direction)
{
    size_t rows = r->stage->shape[0] * r->stage->shape[1], k = r->stage->shape[2], turned = config_rope_dims(r->config), a, b;
    Config other = *r->config;
    other.rope_pairing = r->config->rope_pairing == PAIRING_HALF ? PAIRING_INTERLEAVED : PAIRING_HALF;
    for (size_t row = 0; row < rows; row++, x += k, y += k) {
        const real *angles = r->table + row % r->stage->shape[1] * turned;
        for (size_t j = turned; j < k; j++)
            y[j] += x[j];
        for (size_t i = 0; i < turned / 2; i++) {
            real c = angles[2 * i], s = (real)direction * angles[2 * i + 1];
            rope_pair(&other, i, &a, &b);
            y[a] += x[a] * c - x[b] * s;
            y[b] += x[b] * c + x[a] * s;
        }
    }
}

void bug_rope_pairing_forward(const StageRun *r)
{
    if (r->ablations & NO_POSITIONS) {
        stage_rotate_forward(r);
        return;
    }
    memset(r->out, 0, r->stage->count * sizeof *r->out);
    rotate_other_pairs(r->out, r->in[0], r, 1);
}

void bug_rope_pairing_backward(const StageRun *r)
{
    if (r->ablations & NO_POSITIONS)
        stage_rotate_backward(r);
    else
        rotate_other_pairs(r->din[0], r->dout, r, -1);
}

/* ---- rope-offset: positions = arange(T), whatever lies in the cache ----
 * WRONG: what is fed is counted from 0. The tokens of the prompt, fed together, are right; each later one, fed alone, is turned as if
 * it stood at position 0, which is not at all. */

/* y += x, with each pair turned by direction * the angle of its row; x, y [heads, T, k]. */
static void rotate_from_zero(real *y, const real *x, const StageRun *r, int direction)
{
    const Config *c = r->config;
    size_t rows = r->stage->shape[0] * r->stage->shape[1], k = r->stage->shape[2], turned = config_rope_dims(c), a, b;
    for (size_t row = 0; row < rows; row++, x += k, y += k) {
        size_t position = r->one_by_one ? 0 : row % r->stage->shape[1];
        for (size_t j = turned; j < k; j++)
            y[j] += x[j];
        for (size_t i = 0; i < turned / 2; i++) {
            double angle = rope_angle(c, position, i), size = rope_magnitude(c);
            real cosine = (real)(cos(angle) * size), sine = (real)(direction * sin(angle) * size);
            rope_pair(c, i, &a, &b);
            y[a] += x[a] * cosine - x[b] * sine;
            y[b] += x[b] * cosine + x[a] * sine;
        }
    }
}

void bug_rope_offset_forward(const StageRun *r)
{
    if (r->ablations & NO_POSITIONS) {
        stage_rotate_forward(r);
        return;
    }
    memset(r->out, 0, r->stage->count * sizeof *r->out);
    rotate_from_zero(r->out, r->in[0], r, 1);
}

void bug_rope_offset_backward(const StageRun *r)
{
    if (r->ablations & NO_POSITIONS)
        stage_rotate_backward(r);
    else
        rotate_from_zero(r->din[0], r->dout, r, -1);
}

/* ---- stale-cache: attention reads the cache, then the new key and value are written into it ----
 * WRONG: the order. A token that is decoded finds its own row of the cache as it was allocated: zeros. Its own key scores 0, and the share
 * it gives to itself brings it nothing. A prompt that is fed at once does not go through the cache and is right. */

/* True where row i reads a key that has not been written yet. */
static bool is_unwritten(const StageRun *r, size_t i, size_t key)
{
    if (!stage_is_causal(r->stage))
        return false;
    return r->one_by_one ? i > 0 && key == i : r->past > 0 && key >= r->past;
}

void bug_stale_scores_forward(const StageRun *r)
{
    size_t Tq = r->stage->shape[1], Tk = r->stage->shape[2];
    stage_scores_forward(r);
    for (size_t at = 0; at < r->stage->count; at++)
        if (is_unwritten(r, at / Tk % Tq, at % Tk))
            r->out[at] = 0; /* q · 0 */
}

void bug_stale_scores_backward(const StageRun *r)
{
    size_t H = r->stage->shape[0], Tq = r->stage->shape[1], Tk = r->stage->shape[2];
    size_t k = r->config->d_head, group = H / r->config->n_kv_heads;
    for (size_t at = 0; at < r->stage->count; at++) {
        size_t h = at / (Tq * Tk), i = at / Tk % Tq, j = at % Tk, q = (h * Tq + i) * k, key = (h / group * Tk + j) * k;
        if (is_unwritten(r, i, j))
            continue;
        for (size_t d = 0; d < k; d++) {
            r->din[0][q + d] += r->dout[at] * r->in[1][key + d];
            r->din[1][key + d] += r->dout[at] * r->in[0][q + d];
        }
    }
}

/* The weight of value j in row i of a head; 0 where the value is not there yet. */
static real written_weight(const StageRun *r, size_t h, size_t i, size_t j)
{
    size_t Tq = r->stage->shape[1], Tk = r->in_stage[0]->shape[2];
    return is_unwritten(r, i, j) ? 0 : r->in[0][(h * Tq + i) * Tk + j];
}

void bug_stale_heads_forward(const StageRun *r)
{
    size_t H = r->stage->shape[0], Tq = r->stage->shape[1], k = r->stage->shape[2];
    size_t Tk = r->in_stage[0]->shape[2], group = H / r->config->n_kv_heads;
    if (!stage_is_causal(r->stage) || Tk == 1) {
        stage_heads_forward(r);
        return;
    }
    memset(r->out, 0, r->stage->count * sizeof *r->out);
    for (size_t h = 0; h < H; h++) {
        const Matrix values = stage_cached(r, h / group);
        for (size_t i = 0; i < Tq; i++)
            for (size_t j = 0; j < Tk; j++) {
                real w = written_weight(r, h, i, j);
                const real *v = (const real *)values.data + j * values.ld;
                for (size_t d = 0; d < k; d++)
                    r->out[(h * Tq + i) * k + d] += w * v[d];
            }
    }
}

void bug_stale_heads_backward(const StageRun *r)
{
    size_t H = r->stage->shape[0], Tq = r->stage->shape[1], k = r->stage->shape[2];
    size_t Tk = r->in_stage[0]->shape[2], group = H / r->config->n_kv_heads;
    for (size_t h = 0; h < H; h++)
        for (size_t i = 0; i < Tq; i++)
            for (size_t j = 0; j < Tk; j++) {
                if (is_unwritten(r, i, j))
                    continue;
                size_t value = (h / group * Tk + j) * k;
                const real *dz = r->dout + (h * Tq + i) * k;
                real w = written_weight(r, h, i, j), dot = 0;
                for (size_t d = 0; d < k; d++) {
                    dot += dz[d] * r->in[1][value + d];
                    r->din[1][value + d] += w * dz[d];
                }
                r->din[0][(h * Tq + i) * Tk + j] += dot;
            }
}
