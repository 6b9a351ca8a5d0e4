/* ffn.c - the FFN's own stages: activate and product. (gate, expand and contract are plain linear maps:
 * stage_linear in attention.c.) */
#include "pass/stage.h"

const char *activation_name(Activation a)
{
    static const char *const names[] = {"relu", "gelu", "gelu_tanh", "silu"};
    return names[a];
}

static const real INV_SQRT_2 = (real)0.707106781186547524401;
static const real INV_SQRT_2PI = (real)0.398942280401432677940;
static const real SQRT_2_OVER_PI = (real)0.797884560802865355880;
static const real GELU_CUBIC = (real)0.044715;

/* gelu and its tanh form: Hendrycks and Gimpel 2016. silu(x) = x * sigmoid(x): Elfwing et al. 2017. */
real activation_value(Activation a, real x)
{
    switch (a) {
    case ACTIVATION_RELU:
        return x > 0 ? x : 0;
    case ACTIVATION_GELU:
        return x * (real)0.5 * (1 + real_erf(x * INV_SQRT_2));
    case ACTIVATION_GELU_TANH:
        return (real)0.5 * x * (1 + real_tanh(SQRT_2_OVER_PI * (x + GELU_CUBIC * x * x * x)));
    case ACTIVATION_SILU:
        return x / (1 + real_exp(-x));
    }
    return x;
}

real activation_slope(Activation a, real x)
{
    switch (a) {
    case ACTIVATION_RELU:
        return x > 0 ? 1 : 0;
    case ACTIVATION_GELU:
        return (real)0.5 * (1 + real_erf(x * INV_SQRT_2)) + x * INV_SQRT_2PI * real_exp(-x * x / 2);
    case ACTIVATION_GELU_TANH: {
        real t = real_tanh(SQRT_2_OVER_PI * (x + GELU_CUBIC * x * x * x));
        real inner = SQRT_2_OVER_PI * (1 + 3 * GELU_CUBIC * x * x);
        return (real)0.5 * (1 + t) + (real)0.5 * x * (1 - t * t) * inner;
    }
    case ACTIVATION_SILU: {
        real s = 1 / (1 + real_exp(-x));
        return s * (1 + x * (1 - s));
    }
    }
    return 1;
}

/* out [T, d_ff] = activation(x [T, d_ff]) */
void stage_activate_forward(const StageRun *r)
{
    for (size_t i = 0; i < r->stage->count; i++)
        r->out[i] = activation_value(r->config->activation, r->in[0][i]);
}

void stage_activate_backward(const StageRun *r)
{
    for (size_t i = 0; i < r->stage->count; i++)
        r->din[0][i] += r->dout[i] * activation_slope(r->config->activation, r->in[0][i]);
}

/* out [T, d_ff] = activate * expand, number by number */
void stage_product_forward(const StageRun *r)
{
    for (size_t i = 0; i < r->stage->count; i++)
        r->out[i] = r->in[0][i] * r->in[1][i];
}

void stage_product_backward(const StageRun *r)
{
    for (size_t i = 0; i < r->stage->count; i++) {
        r->din[0][i] += r->dout[i] * r->in[1][i];
        r->din[1][i] += r->dout[i] * r->in[0][i];
    }
}
