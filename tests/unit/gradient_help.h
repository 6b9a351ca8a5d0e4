/* gradient_help.h - what the tests of gradients share: passes that went backwards. */
#ifndef TESTS_GRADIENT_HELP_H
#define TESTS_GRADIENT_HELP_H

#include "measure_help.h"

/* More models for gradients: padding among the keys, in a decoder and in cross-attention. Id 4 stands in every text of help_pass. */
static const char *const gradient_configs[] = {
    "kind=decoder,d_model=8,n_heads=2,d_ff=10,decoder_layers=1,vocab_size=11,position=learned,max_len=9,activation=gelu,pad=4",
    "kind=encoder-decoder,d_model=8,n_heads=2,n_kv_heads=1,d_ff=10,encoder_layers=1,decoder_layers=2,vocab_size=11,norm=rmsnorm,position="
    "rope,"
    "activation=relu,ffn=gated,pad=4",
};
enum { GRADIENT_CONFIGS = HELP_CONFIGS + sizeof gradient_configs / sizeof *gradient_configs };

static inline const char *gradient_config(int i)
{
    return i < HELP_CONFIGS ? help_configs[i] : gradient_configs[i - HELP_CONFIGS];
}

/* Targets of all positions but the second. *n of them; valid until the next call. */
static inline const int *help_targets(const Pass *p, size_t *n)
{
    static int targets[64];
    const Plan *plan = pass_plan(p);
    const Stage *s = &plan->stages[plan->count - 2];
    *n = s->shape[0];
    for (size_t t = 0; t < *n; t++)
        targets[t] = t == 1 ? -1 : (int)((3 * t + 1) % s->shape[1]);
    return targets;
}

static inline Pass *help_backward(const Model *m, Ablations a)
{
    Pass *p = help_pass(m, a);
    Error e = {{0}};
    size_t n;
    double loss;
    const int *targets = help_targets(p, &n);
    cr_assert_eq(pass_backward(p, targets, n, &loss, &e), 0, "%s", e.text);
    return p;
}

#endif
