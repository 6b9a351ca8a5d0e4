/* measure_help.h - what the tests of src/measure and of passes share: models of many configs and their passes. */
#ifndef TESTS_MEASURE_HELP_H
#define TESTS_MEASURE_HELP_H

#include "base/random.h"
#include "pass/ablation.h"
#include "pass/pass.h"

#include <criterion/criterion.h>
#include <float.h>

/* One unit in the last place of a `real` near 1. */
#define REAL_EPSILON (REAL_IS_DOUBLE ? DBL_EPSILON : (double)FLT_EPSILON)

/* Small models that between them have every kind of stack, norm, position, activation and FFN. */
static const char *const help_configs[] = {
    "kind=decoder,d_model=8,n_heads=2,d_ff=12,decoder_layers=1,vocab_size=11,position=sinusoidal,activation=gelu_tanh",
    "kind=decoder,d_model=8,n_heads=4,n_kv_heads=2,d_ff=10,decoder_layers=1,vocab_size=11,norm=rmsnorm,position=rope,activation=silu,ffn=gated,"
    "bias=false,tie_embeddings=false",
    "kind=decoder,d_model=8,n_heads=2,d_head=6,d_ff=10,decoder_layers=1,vocab_size=11,position=rope,rope_pairing=interleaved,rope_theta=50,"
    "activation=gelu",
    "kind=decoder,d_model=9,n_heads=3,d_ff=10,decoder_layers=2,vocab_size=11,norm_position=post,position=alibi,activation=relu,embed_scale=true",
    "kind=decoder,d_model=8,n_heads=2,d_ff=10,decoder_layers=1,vocab_size=11,norm=none,position=learned,max_len=9,activation=relu,ffn=gated,"
    "tie_embeddings=false",
    "kind=decoder,d_model=8,n_heads=2,n_kv_heads=1,decoder_layers=1,vocab_size=11,position=none,ffn=none,bias=false",
    "kind=encoder,d_model=8,n_heads=2,d_ff=10,encoder_layers=1,vocab_size=11,norm_position=post,position=learned,max_len=9,activation=gelu,"
    "norm_eps=0.01",
    "kind=encoder,d_model=8,n_heads=2,d_ff=10,encoder_layers=1,vocab_size=11,norm=rmsnorm,position=alibi,activation=silu",
    "kind=encoder,d_model=7,n_heads=1,d_head=5,d_ff=10,encoder_layers=1,vocab_size=11,position=sinusoidal,activation=gelu_tanh,ffn=gated",
    "kind=encoder-decoder,d_model=8,n_heads=2,d_ff=10,encoder_layers=1,decoder_layers=1,vocab_size=11,norm_position=post,position=sinusoidal,"
    "activation=relu,tie_embeddings=false,embed_scale=true",
    "kind=encoder-decoder,d_model=8,n_heads=4,n_kv_heads=2,d_ff=10,encoder_layers=1,decoder_layers=1,vocab_size=11,norm=rmsnorm,position=rope,"
    "activation=silu,ffn=gated,bias=false",
    "kind=encoder-decoder,d_model=8,n_heads=4,n_kv_heads=1,d_ff=10,encoder_layers=1,decoder_layers=1,vocab_size=11,norm=rmsnorm,norm_position=post,"
    "position=alibi,activation=gelu",
    "kind=decoder,d_model=8,n_heads=2,d_head=6,d_ff=10,decoder_layers=2,vocab_size=11,norm=rmsnorm,position=rope,rope_theta=50,rope_scaling=yarn,"
    "rope_factor=3,rope_original_len=4,scale_by_layer=true,window=2,bias=false,qkv_bias=true,ffn_bias=true,activation=silu,ffn=gated",
    "kind=decoder,d_model=8,n_heads=2,n_kv_heads=1,d_ff=10,decoder_layers=1,vocab_size=11,position=rope,rope_scaling=llama3,rope_factor=4,"
    "rope_original_len=16,score_scale=0.3,out_bias=false,window=3",
    "kind=encoder-decoder,d_model=8,n_heads=2,d_ff=10,encoder_layers=1,decoder_layers=1,vocab_size=11,norm_position=post,position=sinusoidal,"
    "sinusoid_pairing=half,activation=silu,embed_scale=true,share_embeddings=true,output_bias=true,bos=9,suppress_bos=true",
    "kind=encoder,d_model=7,n_heads=1,d_ff=10,encoder_layers=1,vocab_size=11,position=sinusoidal,sinusoid_pairing=half,output_bias=true,"
    "tie_embeddings=false,activation=gelu",
    "kind=decoder,d_model=8,n_heads=2,d_head=6,d_ff=10,decoder_layers=2,vocab_size=11,position=rope,rope_dims=4,parallel=true,activation=gelu,"
    "tie_embeddings=false",
    "kind=encoder,d_model=8,n_heads=2,d_ff=10,encoder_layers=1,vocab_size=11,norm=rmsnorm,position=rope,rope_dims=2,rope_pairing=interleaved,"
    "parallel=true,ffn=gated,activation=silu",
    "kind=encoder,d_model=8,n_heads=2,d_ff=10,encoder_layers=1,vocab_size=11,norm_position=post,position=learned,max_len=9,activation=gelu,"
    "token_types=2,embed_norm=true,output_head=true,output_bias=true,eos=2,pad=0",
    "kind=encoder,d_model=8,n_heads=2,d_ff=10,encoder_layers=2,vocab_size=11,norm=rmsnorm,position=none,activation=relu,token_types=3,"
    "output_head=true,tie_embeddings=false,eos=3",
    "kind=decoder,d_model=8,n_heads=4,n_kv_heads=2,d_head=6,d_ff=10,decoder_layers=2,vocab_size=11,norm=rmsnorm,norm_eps=0.01,position=rope,"
    "qk_norm=true,activation=silu,ffn=gated,bias=false",
    "kind=encoder-decoder,d_model=8,n_heads=2,d_ff=10,encoder_layers=1,decoder_layers=1,vocab_size=11,norm_position=post,position=sinusoidal,"
    "qk_norm=true,activation=relu",
    "kind=decoder,d_model=8,n_heads=2,d_head=3,decoder_layers=1,vocab_size=11,norm=none,position=alibi,qk_norm=true,ffn=none",
};
enum { HELP_CONFIGS = sizeof help_configs / sizeof *help_configs, HELP_QWEN3 = HELP_CONFIGS - 3, HELP_SOURCE = 4, HELP_TARGET = 5 };

/* Each ablation alone, none, and some together. */
static const char *const help_ablations[] = {
    "", "no-positions", "no-residual", "uniform-attention", "no-scale", "scale-by-dk", "no-mask", "no-norm", "no-ffn", "no-attention",
    "no-positions,no-residual,uniform-attention", "no-mask,no-norm,no-scale,scale-by-dk", "uniform-attention,no-mask,no-ffn",
};
enum { HELP_ABLATIONS = sizeof help_ablations / sizeof *help_ablations };

static inline Model *help_model(const char *config)
{
    Config c;
    Error e = {{0}};
    unsigned long seed = 7;
    cr_assert_eq(config_parse(&c, config, &seed, &e), 0, "%s", e.text);
    Model *m = model_random(&c, seed, config, &e);
    cr_assert(m, "%s", e.text);
    config_free(&c);
    return m;
}

static inline Ablations help_ablation(const char *names)
{
    Ablations a;
    Error e = {{0}};
    cr_assert_eq(ablations_parse(&a, names, &e), 0, "%s", e.text);
    return a;
}

/* A pass over source_len and target_len ids (of the stacks the model has), one of which is repeated. */
static inline Pass *help_pass_of(const Model *m, size_t source_len, size_t target_len, Ablations a)
{
    int ids[2][64];
    Error e = {{0}};
    size_t n[2] = {config_has_stack(&m->config, STACK_ENCODER) ? source_len : 0, config_has_stack(&m->config, STACK_DECODER) ? target_len : 0};
    for (size_t s = 0; s < 2; s++)
        for (size_t i = 0; i < n[s]; i++)
            ids[s][i] = (int)((3 + 5 * (i % 3) + 7 * s + i / 3) % m->config.vocab_size);
    Pass *p = pass_create(m, (PassInput){ids[0], ids[1], n[0], n[1]}, a, &e);
    cr_assert(p, "%s", e.text);
    return p;
}

static inline Pass *help_pass(const Model *m, Ablations a)
{
    return help_pass_of(m, HELP_SOURCE, HELP_TARGET, a);
}

/* The stage of that name. */
static inline size_t help_stage(const Pass *p, const char *name)
{
    int i = plan_find(pass_plan(p), name);
    cr_assert(i >= 0, "no stage %s", name);
    return (size_t)i;
}

#endif
