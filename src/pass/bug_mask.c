/* bug_mask.c - bugs between the scores and the attention weights: masks that hide too much, too little or too late, and a softmax along the
 * wrong axis.
 *
 * Like attention.c: H heads, Tq queries, Tk keys; row t is position past + t. */
#include "pass/bug_functions.h"

#include "tensor/kernels.h"

#include <string.h>

static real real_exp(real x)
{
    return (real)exp((double)x);
}

/* ---- softmax-axis: softmax(scores, dim=-2) ----
 * WRONG: each COLUMN is made to sum to 1: every key is shared out among the queries. A query's row sums to anything. */

void bug_softmax_axis_forward(const StageRun *r)
{
    size_t H = r->stage->shape[0], Tq = r->stage->shape[1], Tk = r->stage->shape[2];
    if (r->ablations & UNIFORM_ATTENTION) {
        stage_weights_forward(r);
        return;
    }
    for (size_t h = 0; h < H; h++)
        for (size_t j = 0; j < Tk; j++) {
            const real *x = r->in[0] + h * Tq * Tk + j;
            real *y = r->out + h * Tq * Tk + j, max = -(real)INFINITY, sum = 0;
            for (size_t i = 0; i < Tq; i++)
                max = x[i * Tk] > max ? x[i * Tk] : max;
            for (size_t i = 0; i < Tq; i++) {
                y[i * Tk] = max == -(real)INFINITY ? 1 : real_exp(x[i * Tk] - max); /* a key hidden from everybody is shared evenly */
                sum += y[i * Tk];
            }
            for (size_t i = 0; i < Tq; i++)
                y[i * Tk] /= sum;
        }
}

void bug_softmax_axis_backward(const StageRun *r)
{
    size_t H = r->stage->shape[0], Tq = r->stage->shape[1], Tk = r->stage->shape[2];
    if (r->ablations & UNIFORM_ATTENTION)
        return;
    for (size_t h = 0; h < H; h++)
        for (size_t j = 0; j < Tk; j++) {
            size_t at = h * Tq * Tk + j;
            const real *y = r->out + at, *dy = r->dout + at, *x = r->in[0] + at;
            real dot = 0;
            for (size_t i = 0; i < Tq; i++)
                dot += dy[i * Tk] * y[i * Tk];
            for (size_t i = 0; i < Tq; i++)
                if (x[i * Tk] != -(real)INFINITY)
                    r->din[0][at + i * Tk] += y[i * Tk] * (dy[i * Tk] - dot);
        }
}

/* ---- what the masks below share: the right rule is stage_sees() ---- */

static bool is_causal(const StageRun *r)
{
    return stage_is_causal(r->stage) && !(r->ablations & NO_MASK);
}

/* True where the right mask shows this key to this row. */
static bool sees(const StageRun *r, size_t i, size_t key)
{
    return stage_sees(r->stage, r->config, r->ablations, r->key_ids, r->past + i, key);
}

static bool is_padding(const StageRun *r, size_t key)
{
    return stage_hides(r->config, r->key_ids + key, 1);
}

/* Copies the scores that `shows` lets through; the others become `hidden`. */
static void mask_forward(const StageRun *r, bool (*shows)(const StageRun *r, size_t i, size_t key), real hidden)
{
    size_t Tq = r->stage->shape[1], Tk = r->stage->shape[2];
    for (size_t at = 0; at < r->stage->count; at++)
        r->out[at] = shows(r, at / Tk % Tq, at % Tk) ? r->in[0][at] : hidden;
}

static void mask_backward(const StageRun *r, bool (*shows)(const StageRun *r, size_t i, size_t key))
{
    size_t Tq = r->stage->shape[1], Tk = r->stage->shape[2];
    for (size_t at = 0; at < r->stage->count; at++)
        if (shows(r, at / Tk % Tq, at % Tk))
            r->din[0][at] += r->dout[at];
}

/* ---- diagonal-masked: mask = triu(ones(T, T), diagonal=0); scores.masked_fill(mask, -1e9) ----
 * WRONG: diagonal=0 is the diagonal too: a token may not look at itself. In the first row nothing is left; filled with −1e9 (and not
 * −∞, which would give NaN and be noticed) all its scores are the same, and it looks at every token evenly, those to come included. */

static bool shows_only_earlier(const StageRun *r, size_t i, size_t key)
{
    return is_causal(r) ? sees(r, i, key) && key < r->past + i : sees(r, i, key);
}

void bug_diagonal_masked_forward(const StageRun *r)
{
    mask_forward(r, shows_only_earlier, is_causal(r) ? (real)-1e9 : -(real)INFINITY);
}

void bug_diagonal_masked_backward(const StageRun *r)
{
    mask_backward(r, shows_only_earlier);
}

/* ---- mask-after-softmax: weights = softmax(scores) * mask ----
 * WRONG: the softmax has already given the hidden keys their share. Set to 0 afterwards, it is missing: the rows sum to less than 1. */

void bug_mask_too_late_forward(const StageRun *r)
{
    memcpy(r->out, r->in[0], r->stage->count * sizeof *r->out);
}

void bug_mask_too_late_backward(const StageRun *r)
{
    add_to(r->din[0], r->dout, r->stage->count);
}

void bug_mask_after_softmax_forward(const StageRun *r)
{
    size_t Tq = r->stage->shape[1], Tk = r->stage->shape[2];
    stage_weights_forward(r);
    for (size_t at = 0; at < r->stage->count; at++)
        if (!sees(r, at / Tk % Tq, at % Tk))
            r->out[at] = 0;
}

/* The softmax's own backward, whose result must be had again: out no longer holds the hidden keys' share. */
void bug_mask_after_softmax_backward(const StageRun *r)
{
    size_t Tq = r->stage->shape[1], Tk = r->stage->shape[2], rows = r->stage->shape[0] * Tq;
    if (r->ablations & UNIFORM_ATTENTION)
        return;
    for (size_t row = 0; row < rows; row++) {
        const real *x = r->in[0] + row * Tk, *dy = r->dout + row * Tk;
        real max = x[0], sum = 0, dot = 0;
        for (size_t j = 1; j < Tk; j++)
            max = x[j] > max ? x[j] : max;
        for (size_t j = 0; j < Tk; j++)
            sum += real_exp(x[j] - max);
        for (size_t j = 0; j < Tk; j++)
            if (sees(r, row % Tq, j))
                dot += dy[j] * real_exp(x[j] - max) / sum;
        for (size_t j = 0; j < Tk; j++)
            r->din[0][row * Tk + j] += real_exp(x[j] - max) / sum * ((sees(r, row % Tq, j) ? dy[j] : 0) - dot);
    }
}

/* ---- target-leak: mask = triu(ones(T, T), diagonal=2) ----
 * WRONG: the mask begins one column too far to the right. Row t sees position t + 1, which is the very token it has to predict. */

static bool shows_one_more(const StageRun *r, size_t i, size_t key)
{
    if (is_causal(r) && key == r->past + i + 1 && !is_padding(r, key))
        return true;
    return sees(r, i, key);
}

void bug_target_leak_forward(const StageRun *r)
{
    mask_forward(r, shows_one_more, -(real)INFINITY);
}

void bug_target_leak_backward(const StageRun *r)
{
    mask_backward(r, shows_one_more);
}

/* ---- padding-attended: scores.masked_fill(causal_mask, -inf), and no other mask ----
 * WRONG: the tokens that only fill up a short sequence are keys like any other, and take a share of every row that reaches them. */

static bool shows_padding(const StageRun *r, size_t i, size_t key)
{
    return !is_causal(r) || key <= r->past + i;
}

void bug_padding_attended_forward(const StageRun *r)
{
    mask_forward(r, shows_padding, -(real)INFINITY);
}

void bug_padding_attended_backward(const StageRun *r)
{
    mask_backward(r, shows_padding);
}

/* ---- mask-offset: mask = tril(ones(Tq, Tk)) while Tk - Tq keys lie in the cache ----
 * WRONG: row i of what is fed is compared with key i of all keys. A token decoded alone is row 0, and sees key 0 and nothing else. */

static bool shows_without_past(const StageRun *r, size_t i, size_t key)
{
    size_t row = r->one_by_one ? 0 : i;
    return is_causal(r) ? key <= row && (key == 0 || sees(r, i, key)) : sees(r, i, key);
}

void bug_mask_offset_forward(const StageRun *r)
{
    mask_forward(r, shows_without_past, -(real)INFINITY);
}

void bug_mask_offset_backward(const StageRun *r)
{
    mask_backward(r, shows_without_past);
}
