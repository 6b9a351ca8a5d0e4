/* embedding.c - stages tokens, positions, sum, types, typed: from ids to the residual stream. */
#include "pass/stage.h"

#include "tensor/kernels.h"

#include <string.h>

/* out [T, d] = W_E [vocab, d], row ids[t]; times sqrt(d) where the config asks for it. */
void stage_tokens_forward(const StageRun *r)
{
    size_t T = r->stage->shape[0], d = r->stage->shape[1];
    real scale = r->config->embed_scale ? (real)sqrt((double)d) : 1;
    for (size_t t = 0; t < T; t++) {
        real *row = r->out + t * d;
        matrix_read_row(row, &r->w[0], (size_t)r->ids[t], d);
        for (size_t j = 0; j < d; j++)
            row[j] *= scale;
    }
}

void stage_tokens_backward(const StageRun *r)
{
    size_t T = r->stage->shape[0], d = r->stage->shape[1];
    real scale = r->config->embed_scale ? (real)sqrt((double)d) : 1;
    for (size_t t = 0; t < T; t++) {
        real *row = r->dw[0] + (size_t)r->ids[t] * d;
        for (size_t j = 0; j < d; j++)
            row[j] += r->dout[t * d + j] * scale;
    }
}

/* out [T, d]: rows of W_P (learned), or the sinusoidal table; zeros under no-positions. */
void stage_positions_forward(const StageRun *r)
{
    size_t T = r->stage->shape[0], d = r->stage->shape[1];
    if (r->ablations & NO_POSITIONS) {
        memset(r->out, 0, T * d * sizeof *r->out);
    } else if (r->config->position == POSITION_LEARNED) {
        for (size_t t = 0; t < T; t++)
            matrix_read_row(r->out + t * d, &r->w[0], r->past + t, d);
    } else {
        memcpy(r->out, r->table, T * d * sizeof *r->out);
    }
}

void stage_positions_backward(const StageRun *r)
{
    if (r->config->position == POSITION_LEARNED && !(r->ablations & NO_POSITIONS))
        add_to(r->dw[0] + r->past * r->stage->shape[1], r->dout, r->stage->count);
}

/* out [T, d] = tokens + positions */
void stage_sum_forward(const StageRun *r)
{
    add_forward(r->out, r->in[0], r->in[1], r->stage->count);
}

/* The sinusoidal table is a constant: no gradient is taken through it, as in the reference. */
void stage_sum_backward(const StageRun *r)
{
    add_to(r->din[0], r->dout, r->stage->count);
    if (r->config->position == POSITION_LEARNED)
        add_to(r->din[1], r->dout, r->stage->count);
}

/* out [T, d] = W_T [types, d], row stage_segment() */
void stage_types_forward(const StageRun *r)
{
    size_t T = r->stage->shape[0], d = r->stage->shape[1];
    for (size_t t = 0; t < T; t++)
        matrix_read_row(r->out + t * d, &r->w[0], stage_segment(r->config, r->ids, t), d);
}

void stage_types_backward(const StageRun *r)
{
    size_t T = r->stage->shape[0], d = r->stage->shape[1];
    for (size_t t = 0; t < T; t++)
        add_to(r->dw[0] + stage_segment(r->config, r->ids, t) * d, r->dout + t * d, d);
}

/* out [T, d] = embeddings so far + types */
void stage_typed_forward(const StageRun *r)
{
    add_forward(r->out, r->in[0], r->in[1], r->stage->count);
}

void stage_typed_backward(const StageRun *r)
{
    add_to(r->din[0], r->dout, r->stage->count);
    add_to(r->din[1], r->dout, r->stage->count);
}
