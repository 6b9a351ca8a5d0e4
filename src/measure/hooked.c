/* hooked.c - the insides of a norm, and each head's part of the output, for those who know them by their hooks. */
#include "measure/hooked.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static const Stage *stage_of(const Pass *p, Hook h)
{
    return &pass_plan(p)->stages[h.stage];
}

bool hooked_known(const Pass *p, Hook h)
{
    if (h.stage == NO_STAGE || h.form == HOOK_VALUE)
        return h.stage != NO_STAGE;
    if (pass_is_altered(p))
        return false;
    return h.form == HOOK_RESULT || (stage_is_norm(stage_of(p, h)->kind) && !(pass_plan(p)->ablations & NO_NORM));
}

int hooked_shape(const Pass *p, Hook h, size_t shape[STAGE_MAX_RANK])
{
    const Stage *s = stage_of(p, h);
    if (h.form == HOOK_RESULT) {
        const Stage *heads = &pass_plan(p)->stages[pass_plan(p)->stages[s->in[0]].in[0]];
        shape[0] = s->shape[0];
        shape[1] = heads->shape[0];
        shape[2] = s->shape[1];
        return 3;
    }
    for (int k = 0; k < s->rank; k++)
        shape[k] = s->shape[k];
    if (h.form == HOOK_SCALE)
        shape[s->rank - 1] = 1;
    if (hook_is_head_last(s)) {
        shape[0] = s->shape[1];
        shape[1] = s->shape[0];
    }
    return s->rank;
}

/* In double precision: the reference of a comparison. Where each head has rows of its own, heads stand behind tokens. */
static void norm_insides(const Config *c, const Stage *s, const real *in, bool scale_only, real *out)
{
    size_t d = s->shape[s->rank - 1], rows = s->count / d, heads = s->rank == 3 ? s->shape[0] : 1, T = rows / heads;
    for (size_t t = 0; t < rows; t++) {
        const real *x = in + (t % heads * T + t / heads) * d;
        double mean = 0, squares = 0;
        for (size_t j = 0; stage_norm_kind(s, c) == NORM_LAYERNORM && j < d; j++)
            mean += (double)x[j] / (double)d;
        for (size_t j = 0; j < d; j++)
            squares += ((double)x[j] - mean) * ((double)x[j] - mean);
        double scale = sqrt(squares / (double)d + c->norm_eps);
        if (scale_only)
            out[t] = (real)scale;
        for (size_t j = 0; !scale_only && j < d; j++)
            out[t * d + j] = (real)(((double)x[j] - mean) / scale);
    }
}

/* Head h adds its columns of concat times its rows of W_O. */
static void head_results(const real *concat, size_t inner, const real *w, const size_t shape[STAGE_MAX_RANK], real *out)
{
    size_t heads = shape[1], d = shape[2], d_head = inner / heads;
    for (size_t t = 0; t < shape[0]; t++)
        for (size_t h = 0; h < heads; h++) {
            real *row = out + (t * heads + h) * d;
            memset(row, 0, d * sizeof *row);
            for (size_t k = h * d_head; k < (h + 1) * d_head; k++)
                for (size_t j = 0; j < d; j++)
                    row[j] += concat[t * inner + k] * w[k * d + j];
        }
}

real *hooked_compute(Pass *p, Hook h, Error *e)
{
    const Stage *s = stage_of(p, h);
    const Model *m = pass_model(p);
    size_t shape[STAGE_MAX_RANK], count = 1;
    for (int k = hooked_shape(p, h, shape); k-- > 0;)
        count *= shape[k];
    real *out = malloc(count * sizeof *out);
    if (!out) {
        error_memory(e, "hooks");
        return NULL;
    }
    const real *in = pass_value(p, (size_t)s->in[0]);
    if (h.form != HOOK_RESULT) {
        norm_insides(&m->config, s, in, h.form == HOOK_SCALE, out);
        return out;
    }
    real *copy = NULL;
    const real *w = weight_borrow(&m->weights.items[s->w[0]], &copy);
    if (w)
        head_results(in, pass_plan(p)->stages[s->in[0]].shape[1], w, shape, out);
    free(copy);
    if (w)
        return out;
    free(out);
    error_memory(e, "hooks");
    return NULL;
}
