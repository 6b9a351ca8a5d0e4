/* ffn.c - the FFN's own stages: activate (Vaswani et al. 2017, 3.3), and where it is gated (Shazeer 2020) product. (gate, expand and
 * contract are plain linear maps: stage_linear in attention.c.) */
#include "pass/stage.h"

#include "tensor/kernels.h"

const char *activation_name(Activation a)
{
    static const char *const names[] = {"relu", "gelu", "gelu_tanh", "silu"};
    return names[a];
}

/* out [T, d_ff] = activation(x [T, d_ff]), number by number */
void stage_activate_forward(const StageRun *r)
{
    size_t n = r->stage->count;
    switch (r->config->activation) {
    case ACTIVATION_RELU: elements_forward(relu_forward, r->out, r->in[0], n); break;
    case ACTIVATION_GELU: elements_forward(gelu_forward, r->out, r->in[0], n); break;
    case ACTIVATION_GELU_TANH: elements_forward(gelu_tanh_forward, r->out, r->in[0], n); break;
    case ACTIVATION_SILU: elements_forward(silu_forward, r->out, r->in[0], n); break;
    }
}

void stage_activate_backward(const StageRun *r)
{
    size_t n = r->stage->count;
    switch (r->config->activation) {
    case ACTIVATION_RELU: relu_backward(r->din[0], r->dout, r->in[0], n); break;
    case ACTIVATION_GELU: gelu_backward(r->din[0], r->dout, r->in[0], n); break;
    case ACTIVATION_GELU_TANH: gelu_tanh_backward(r->din[0], r->dout, r->in[0], n); break;
    case ACTIVATION_SILU: silu_backward(r->din[0], r->dout, r->in[0], n); break;
    }
}

/* out [T, d_ff] = activate * expand, number by number */
void stage_product_forward(const StageRun *r)
{
    multiply_forward(r->out, r->in[0], r->in[1], r->stage->count);
}

void stage_product_backward(const StageRun *r)
{
    for (size_t i = 0; i < r->stage->count; i++) {
        r->din[0][i] += r->dout[i] * r->in[1][i];
        r->din[1][i] += r->dout[i] * r->in[0][i];
    }
}
