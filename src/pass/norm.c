/* norm.c - stages norm, q_norm, k_norm (after Henry et al. 2020): LayerNorm or RMSNorm of each row. kernels.h has where both are from. */
#include "pass/stage.h"

#include "tensor/kernels.h"

#include <string.h>

/* out [m, d] = norm(x [m, d]) with gain [d] and, for LayerNorm, bias [d]; a copy under no-norm. A row is a token's, or with q_norm
 * [H, T, k] and k_norm [G, T, k] one head's query or key. */
void stage_norm_forward(const StageRun *r)
{
    size_t d = r->stage->shape[r->stage->rank - 1], m = r->stage->count / d;
    if (r->ablations & NO_NORM)
        memcpy(r->out, r->in[0], r->stage->count * sizeof *r->out);
    else if (stage_norm_kind(r->stage, r->config) == NORM_RMSNORM)
        rmsnorm_forward(r->out, r->in[0], stage_vector(r, 0), m, d, r->config->norm_eps);
    else
        layernorm_forward(r->out, r->in[0], stage_vector(r, 0), stage_vector(r, 1), m, d, r->config->norm_eps);
}

void stage_norm_backward(const StageRun *r)
{
    size_t d = r->stage->shape[r->stage->rank - 1], m = r->stage->count / d;
    if (r->ablations & NO_NORM)
        add_to(r->din[0], r->dout, r->stage->count);
    else if (stage_norm_kind(r->stage, r->config) == NORM_RMSNORM)
        rmsnorm_backward(r->din[0], r->dw[0], r->dout, r->in[0], stage_vector(r, 0), m, d, r->config->norm_eps);
    else
        layernorm_backward(r->din[0], r->dw[0], r->dw[1], r->dout, r->in[0], stage_vector(r, 0), m, d, r->config->norm_eps);
}
