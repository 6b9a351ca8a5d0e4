/* norm.c - stage norm: LayerNorm or RMSNorm of each row. */
#include "pass/stage.h"

#include "tensor/kernels.h"

#include <string.h>

/* out [T, d] = norm(x [T, d]) with gain [d] and, for LayerNorm, bias [d]; a copy under no-norm. */
void stage_norm_forward(const StageRun *r)
{
    size_t T = r->stage->shape[0], d = r->stage->shape[1];
    if (r->ablations & NO_NORM)
        memcpy(r->out, r->in[0], T * d * sizeof *r->out);
    else if (r->config->norm == NORM_RMSNORM)
        rmsnorm_forward(r->out, r->in[0], stage_vector(r, 0), T, d, r->config->norm_eps);
    else
        layernorm_forward(r->out, r->in[0], stage_vector(r, 0), stage_vector(r, 1), T, d, r->config->norm_eps);
}

void stage_norm_backward(const StageRun *r)
{
    size_t T = r->stage->shape[0], d = r->stage->shape[1];
    if (r->ablations & NO_NORM)
        add_to(r->din[0], r->dout, T * d);
    else if (r->config->norm == NORM_RMSNORM)
        rmsnorm_backward(r->din[0], r->dw[0], r->dout, r->in[0], stage_vector(r, 0), T, d, r->config->norm_eps);
    else
        layernorm_backward(r->din[0], r->dw[0], r->dw[1], r->dout, r->in[0], stage_vector(r, 0), T, d, r->config->norm_eps);
}
