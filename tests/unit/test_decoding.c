/* test_decoding.c - one token at a time with a key/value cache: the same logits as the whole pass at once. */
#include "pass/pass.h"
#include "pass/pass_internal.h"

#include "measure_help.h"

#include <math.h>
#include <string.h>
#include <sys/resource.h>

enum { LENGTH = 9 };

static const char *const decoders[] = {
    "kind=decoder,d_model=16,n_heads=4,decoder_layers=2,vocab_size=23,position=none",
    "kind=decoder,d_model=16,n_heads=4,decoder_layers=2,vocab_size=23,position=sinusoidal,norm_position=post",
    "kind=decoder,d_model=16,n_heads=4,decoder_layers=2,vocab_size=23,position=learned,max_len=9",
    "kind=decoder,d_model=16,n_heads=4,decoder_layers=2,vocab_size=23,position=rope",
    "kind=decoder,d_model=16,n_heads=4,n_kv_heads=2,decoder_layers=2,vocab_size=23,position=rope,rope_pairing=interleaved,norm=rmsnorm,ffn="
    "gated,"
    "activation=silu,bias=false,tie_embeddings=false",
    "kind=decoder,d_model=12,n_heads=3,n_kv_heads=1,decoder_layers=2,vocab_size=23,position=alibi,norm_position=post",
    "kind=decoder,d_model=16,n_heads=4,decoder_layers=2,vocab_size=23,position=alibi,norm=none,ffn=none",
    "kind=encoder-decoder,d_model=16,n_heads=4,encoder_layers=2,decoder_layers=2,vocab_size=23,position=sinusoidal,norm_position=post,"
    "embed_scale=true",
    "kind=encoder-decoder,d_model=16,n_heads=4,encoder_layers=1,decoder_layers=2,vocab_size=23,position=learned,max_len=9",
    "kind=encoder-decoder,d_model=16,n_heads=4,encoder_layers=2,decoder_layers=2,vocab_size=23,position=sinusoidal,sinusoid_pairing=half,"
    "norm_position=post,activation=silu,embed_scale=true,share_embeddings=true,output_bias=true,bos=16,suppress_bos=true",
    "kind=encoder-decoder,d_model=16,n_heads=4,n_kv_heads=2,encoder_layers=1,decoder_layers=2,vocab_size=23,position=rope,norm=rmsnorm,ffn="
    "gated",
    "kind=encoder-decoder,d_model=16,n_heads=4,n_kv_heads=2,encoder_layers=2,decoder_layers=1,vocab_size=23,position=alibi,norm_position="
    "post",
    "kind=decoder,d_model=16,n_heads=2,decoder_layers=2,vocab_size=23,position=rope,rope_dims=2,parallel=true",
    "kind=decoder,d_model=16,n_heads=2,decoder_layers=2,vocab_size=23,position=alibi,window=3,pad=4",
    "kind=encoder-decoder,d_model=16,n_heads=2,encoder_layers=1,decoder_layers=2,vocab_size=23,position=learned,max_len=9,window=2,pad=6",
    "kind=decoder,d_model=16,n_heads=4,n_kv_heads=2,d_head=6,decoder_layers=2,vocab_size=23,position=rope,qk_norm=true,norm=rmsnorm,bias=false",
    "kind=encoder-decoder,d_model=16,n_heads=2,encoder_layers=1,decoder_layers=2,vocab_size=23,position=alibi,qk_norm=true,norm_position=post",
    /* a bias in one part only; and token 0, which also fills up the ids to a line, is padding */
    "kind=decoder,d_model=16,n_heads=4,decoder_layers=2,vocab_size=23,position=rope,qkv_bias=true,ffn=gated,bias=false,pad=0",
    "kind=decoder,d_model=16,n_heads=4,decoder_layers=2,vocab_size=23,position=rope,qkv_bias=false,ffn=gated,bias=true,pad=0",
};

static const int source[] = {1, 6, 2, 17, 12}, target[LENGTH] = {16, 19, 13, 7, 4, 4, 8, 22, 0};
enum { SOURCE = sizeof source / sizeof *source };

/* Feeds the target in steps of at most `step` tokens: each answer is the row of the whole pass, bit for bit. */
static void check_steps(const Model *m, Ablations a, size_t step)
{
    size_t source_len = config_has_stack(&m->config, STACK_ENCODER) ? SOURCE : 0, V = m->config.vocab_size;
    Error e = {{0}};
    Pass *whole = pass_create(m, (PassInput){source, target, source_len, LENGTH}, a, &e);
    cr_assert(whole, "%s", e.text);
    const real *expected = pass_value(whole, pass_plan(whole)->count - 2);
    Decoding *d = decoding_create(m, source, source_len, LENGTH, a, &e);
    cr_assert(d, "%s", e.text);
    for (size_t at = 0; at < LENGTH;) {
        size_t n = LENGTH - at < step ? LENGTH - at : step;
        const real *logits;
        cr_assert_eq(decoding_feed(d, target + at, n, &logits, &e), 0, "%s", e.text);
        at += n;
        cr_assert_eq(decoding_length(d), at);
        cr_assert_arr_eq(logits, expected + (at - 1) * V, V * sizeof *logits, "%s: after %zu of %d tokens, %zu at a time, without %x", m->name,
                         at, LENGTH, n, a);
    }
    decoding_free(d);
    pass_free(whole);
}

Test(decoding, the_cache_changes_nothing)
{
    for (size_t i = 0; i < sizeof decoders / sizeof *decoders; i++) {
        Model *m = help_model(decoders[i]);
        for (size_t step = 1; step <= LENGTH; step += 2)
            check_steps(m, 0, step);
        model_free(m);
    }
}

Test(decoding, the_cache_changes_nothing_under_ablations)
{
    static const Ablations sets[] = {NO_POSITIONS, NO_RESIDUAL,  UNIFORM_ATTENTION,
                                     NO_SCALE,     SCALE_BY_DK,  NO_NORM,
                                     NO_FFN,       NO_ATTENTION, NO_POSITIONS | UNIFORM_ATTENTION | NO_FFN};
    for (size_t i = 0; i < sizeof decoders / sizeof *decoders; i++) {
        Model *m = help_model(decoders[i]);
        for (size_t k = 0; k < sizeof sets / sizeof *sets; k++) {
            check_steps(m, sets[k], 1);
            check_steps(m, sets[k], 4);
        }
        model_free(m);
    }
}

/* A long text, in which a small model's weights are lined up on the way and the cache grows: every bit stays. */
Test(decoding, a_long_text_is_the_whole_pass)
{
    enum { LONG = 300 };
    static const char *const configs[] = {
        "kind=decoder,d_model=16,n_heads=4,n_kv_heads=2,decoder_layers=2,vocab_size=23,d_ff=37,position=rope,tie_embeddings=true",
        "kind=decoder,d_model=16,n_heads=4,decoder_layers=1,vocab_size=23,d_ff=37,position=alibi,tie_embeddings=false,output_bias=true",
        "kind=encoder-decoder,d_model=12,n_heads=2,encoder_layers=1,decoder_layers=1,vocab_size=23,position=sinusoidal,share_embeddings=true",
        /* heads of half a vector, whose values lie side by side in the cache: an even and an odd number of them, one or two queries to each */
        ("kind=decoder,d_model=64,n_heads=8,n_kv_heads=4,decoder_layers=2,vocab_size=23,d_ff=37,position=rope,norm=rmsnorm,ffn=gated,"
         "activation=silu,bias=false,tie_embeddings=true"),
        "kind=decoder,d_model=48,n_heads=6,decoder_layers=1,vocab_size=23,position=alibi,window=20,pad=4,bias=false",
        "kind=decoder,d_model=24,n_heads=3,decoder_layers=1,vocab_size=23,position=learned,max_len=300,tie_embeddings=false",
        "kind=decoder,d_model=80,n_heads=10,n_kv_heads=5,decoder_layers=1,vocab_size=23,position=rope,bias=false,qk_norm=true,parallel=true",
        "kind=decoder,d_model=96,n_heads=4,decoder_layers=1,vocab_size=23,position=rope,bias=false,ffn=gated,norm_position=post",
    };
    static const size_t steps[] = {1, 1, 5, 1, 17, 1}; /* tokens at a time, in turn */
    for (size_t i = 0; i < sizeof configs / sizeof *configs; i++) {
        Model *m = help_model(configs[i]);
        Error e = {{0}};
        int ids[LONG];
        size_t source_len = config_has_stack(&m->config, STACK_ENCODER) ? SOURCE : 0, V = m->config.vocab_size;
        for (int t = 0; t < LONG; t++)
            ids[t] = (t * t + 3 * t) % 23;
        Pass *whole = pass_create(m, (PassInput){source, ids, source_len, LONG}, 0, &e);
        Decoding *d = decoding_create(m, source, source_len, LONG, 0, &e);
        cr_assert(whole && d, "%s", e.text);
        const real *expected = pass_value(whole, pass_plan(whole)->count - 2), *logits = NULL;
        for (size_t t = 0; t < LONG; t++) {
            cr_assert_eq(decoding_feed(d, ids + t, 1, &logits, &e), 0, "%s", e.text);
            cr_assert_arr_eq(logits, expected + t * V, V * sizeof *logits, "%s: token %zu", m->name, t);
        }
        decoding_free(d);
        d = decoding_create(m, source, source_len, LONG, 0, &e);
        cr_assert(d, "%s", e.text);
        for (size_t t = 0, k = 0, n; t < LONG; t += n) {
            n = steps[k++ % (sizeof steps / sizeof *steps)];
            n = n < LONG - t ? n : LONG - t;
            cr_assert_eq(decoding_feed(d, ids + t, n, &logits, &e), 0, "%s", e.text);
            cr_assert_arr_eq(logits, expected + (t + n - 1) * V, V * sizeof *logits, "%s: token %zu, of %zu", m->name, t + n - 1, n);
        }
        decoding_free(d);
        pass_free(whole);
        model_free(m);
    }
}

/* The tokens before matter: the cache is read at all. */
Test(decoding, the_past_is_seen)
{
    for (size_t i = 0; i < sizeof decoders / sizeof *decoders; i++) {
        Model *m = help_model(decoders[i]);
        Error e = {{0}};
        size_t source_len = config_has_stack(&m->config, STACK_ENCODER) ? SOURCE : 0, V = m->config.vocab_size;
        double apart = 0;
        real first[32];
        for (int other = 0; other < 2; other++) {
            const int ids[] = {other ? 5 : 16, 19, 13};
            const real *logits = NULL;
            Decoding *d = decoding_create(m, source, source_len, 3, 0, &e);
            cr_assert(d, "%s", e.text);
            for (int t = 0; t < 3; t++)
                cr_assert_eq(decoding_feed(d, ids + t, 1, &logits, &e), 0, "%s", e.text);
            for (size_t j = 0; j < V; j++)
                apart = fmax(apart, other ? fabs((double)logits[j] - (double)first[j]) : 0);
            if (!other)
                memcpy(first, logits, V * sizeof *first);
            decoding_free(d);
        }
        cr_assert_gt(apart, 1e-3, "%s: the first token changes nothing", m->name);
        model_free(m);
    }
}

/* Values, and keys as the scores read them, of a decoder's self-attention: nothing else. */
Test(decoding, what_is_kept_is_what_the_scores_read)
{
    for (size_t i = 0; i < sizeof decoders / sizeof *decoders; i++) {
        Model *m = help_model(decoders[i]);
        Plan plan;
        Error e = {{0}};
        size_t kept = 0;
        PlanInput in = {config_has_stack(&m->config, STACK_ENCODER) ? SOURCE : 0, LENGTH, 0};
        cr_assert_eq(plan_build(&plan, m, in, 0, &e), 0, "%s", e.text);
        for (size_t k = 0; k < plan.count; k++) {
            const Stage *s = &plan.stages[k];
            kept += pass_is_cached(&plan, s);
            if (s->sub == SUB_SELF && s->stack == STACK_DECODER && (s->kind == STAGE_SCORES || s->kind == STAGE_HEADS))
                cr_expect(pass_is_cached(&plan, &plan.stages[s->in[1]]), "%s: what %s reads", m->name, stage_table[s->kind].id);
        }
        cr_expect_eq(kept, 2 * m->config.decoder_layers, "%s", m->name);
        plan_free(&plan);
        model_free(m);
    }
}

Test(decoding, what_cannot_be_is_an_error)
{
    Error e = {{0}};
    const real *logits;
    Model *m = help_model(decoders[2]); /* 9 learned positions */
    cr_assert_null(decoding_create(m, NULL, 0, LENGTH, NO_MASK, &e));
    cr_assert(strstr(e.text, "no-mask"), "%s", e.text);

    Decoding *d = decoding_create(m, NULL, 0, 4, 0, &e);
    cr_assert_eq(decoding_feed(d, target, 3, &logits, &e), 0, "%s", e.text);
    cr_assert_eq(decoding_feed(d, target, 2, &logits, &e), -1, "more than there is room for");
    cr_assert_eq(decoding_length(d), 3);
    cr_assert_eq(decoding_feed(d, (const int[]){23}, 1, &logits, &e), -1, "an id outside the vocabulary");
    cr_assert(strstr(e.text, "expected an id from 0 to 22"), "%s", e.text);
    cr_assert_eq(decoding_feed(d, target, 1, &logits, &e), 0, "an error leaves it as it was: %s", e.text);
    decoding_free(d);

    d = decoding_create(m, NULL, 0, 20, 0, &e);
    for (int t = 0; t < 9; t++)
        cr_assert_eq(decoding_feed(d, target + t, 1, &logits, &e), 0, "%s", e.text);
    cr_assert_eq(decoding_feed(d, target, 1, &logits, &e), -1, "more than learned positions");
    cr_assert(strstr(e.text, "learned positions"), "%s", e.text);
    decoding_free(d);
    model_free(m);

    m = help_model("kind=encoder,d_model=8,n_heads=2,encoder_layers=1,vocab_size=11");
    cr_assert_null(decoding_create(m, source, SOURCE, LENGTH, 0, &e));
    cr_assert(strstr(e.text, "decoder"), "%s", e.text);
    model_free(m);

    m = help_model(decoders[7]);
    d = decoding_create(m, NULL, 0, LENGTH, 0, &e);
    cr_assert(!d || decoding_feed(d, target, 1, &logits, &e) == -1, "an encoder without a source");
    decoding_free(d);
    model_free(m);
}

#if defined __linux__ && !defined __SANITIZE_ADDRESS__ && !defined __clang__ /* a sanitizer would end the program */
/* What could not be fed for want of memory can be fed again. */
Test(decoding, a_feed_without_memory_can_be_made_again)
{
    enum { LONG = 240 };
    Model *m = help_model("kind=decoder,d_model=64,n_heads=8,decoder_layers=2,vocab_size=23,position=rope");
    Error e = {{0}};
    int ids[LONG];
    const real *logits;
    for (int t = 0; t < LONG; t++)
        ids[t] = (t * t + 3 * t) % 23;
    Pass *whole = pass_create(m, (PassInput){NULL, ids, 0, LONG}, 0, &e);
    Decoding *d = decoding_create(m, NULL, 0, LONG, 0, &e);
    cr_assert(whole && d, "%s", e.text);
    cr_assert_eq(decoding_feed(d, ids, 1, &logits, &e), 0, "%s", e.text);
    struct rlimit room;
    getrlimit(RLIMIT_AS, &room);
    setrlimit(RLIMIT_AS, &(struct rlimit){1, room.rlim_max});
    int status = decoding_feed(d, ids + 1, LONG - 1, &logits, &e);
    setrlimit(RLIMIT_AS, &room);
    cr_assert_eq(status, -1);
    cr_assert(strstr(e.text, "memory"), "%s", e.text);
    cr_assert_eq(decoding_length(d), 1);
    cr_assert_eq(decoding_feed(d, ids + 1, LONG - 1, &logits, &e), 0, "%s", e.text);
    cr_assert_arr_eq(logits, pass_value(whole, pass_plan(whole)->count - 2) + (LONG - 1) * 23, 23 * sizeof *logits);
    decoding_free(d);
    pass_free(whole);
    model_free(m);
}
#endif
