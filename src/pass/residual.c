/* residual.c - stage residual: the sub-layer's result joins the stream; and joined: where two sub-layers run side by side, both results
 * become one first. */
#include "pass/stage.h"

#include "tensor/kernels.h"

#include <string.h>

/* out [T, d] = the attention's result + the FFN's */
void stage_joined_forward(const StageRun *r)
{
    add_forward(r->out, r->in[0], r->in[1], r->stage->count);
}

void stage_joined_backward(const StageRun *r)
{
    add_to(r->din[0], r->dout, r->stage->count);
    add_to(r->din[1], r->dout, r->stage->count);
}

/* out [T, d] = x + y; y alone under no-residual */
void stage_residual_forward(const StageRun *r)
{
    if (r->ablations & NO_RESIDUAL) {
        memcpy(r->out, r->in[1], r->stage->count * sizeof *r->out);
        return;
    }
    add_forward(r->out, r->in[0], r->in[1], r->stage->count);
}

void stage_residual_backward(const StageRun *r)
{
    if (!(r->ablations & NO_RESIDUAL))
        add_to(r->din[0], r->dout, r->stage->count);
    add_to(r->din[1], r->dout, r->stage->count);
}
