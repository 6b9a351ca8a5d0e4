/* test_model_weights.c - which weights a config implies, and whose memory they are in. */
#include "model/model.h"
#include "model_help.h"

static Config parse(const char *text)
{
    Config c;
    Error e = {{0}};
    unsigned long seed;
    cr_assert_eq(config_parse(&c, text, &seed, &e), 0, "%s", e.text);
    return c;
}

/* The weights of a config, in order, one "NAME [SHAPE]" after another with spaces between. */
static void lists(const char *config, const char *expected)
{
    Config c = parse(config);
    Weights w;
    Error e = {{0}};
    Buffer b = {0};
    size_t total = 0;
    cr_assert_eq(weights_layout(&w, &c, &e), 0, "%s", e.text);
    for (size_t i = 0; i < w.count; i++) {
        const Weight *x = &w.items[i];
        buffer_printf(&b, i ? " %s" : "%s", x->name);
        buffer_printf(&b, x->rank == 1 ? "[%zu]" : "[%zu,%zu]", x->shape[0], x->shape[1]);
        cr_assert_eq(x->count, x->rank == 1 ? x->shape[0] : x->shape[0] * x->shape[1]);
        cr_assert_null(weight_plain(x));
        cr_assert_eq(weights_find(&w, x->name), (int)i);
        total += x->count;
    }
    cr_assert_str_eq(buffer_text(&b), expected);
    cr_assert_eq(w.total, total);
    cr_assert_eq(weights_find(&w, "decoder.0.self.W_"), -1);
    cr_assert_eq(weights_find(&w, ""), -1);
    buffer_free(&b);
    weights_free(&w);
}

/* The expected lists are reference.py's init(). */
Test(model_weights, decoder)
{
    lists("d_model=6,n_heads=3,n_kv_heads=1,d_head=4,d_ff=5,vocab_size=7,max_len=8,decoder_layers=1,position=learned",
          "decoder.embed.W_E[7,6] decoder.embed.W_P[8,6] decoder.0.self.norm.gain[6] decoder.0.self.norm.bias[6] "
          "decoder.0.self.W_Q[6,12] decoder.0.self.b_Q[12] decoder.0.self.W_K[6,4] decoder.0.self.b_K[4] "
          "decoder.0.self.W_V[6,4] decoder.0.self.b_V[4] decoder.0.self.W_O[12,6] decoder.0.self.b_O[6] "
          "decoder.0.ffn.norm.gain[6] decoder.0.ffn.norm.bias[6] decoder.0.ffn.W_1[6,5] decoder.0.ffn.b_1[5] "
          "decoder.0.ffn.W_2[5,6] decoder.0.ffn.b_2[6] decoder.final_norm.gain[6] decoder.final_norm.bias[6]");
}

Test(model_weights, encoder_decoder)
{
    lists("kind=encoder-decoder,d_model=2,n_heads=1,d_ff=3,vocab_size=4,encoder_layers=1,decoder_layers=1,norm=rmsnorm,norm_position=post,"
          "ffn=gated,bias=false,tie_embeddings=false",
          "encoder.embed.W_E[4,2] encoder.0.self.norm.gain[2] encoder.0.self.W_Q[2,2] encoder.0.self.W_K[2,2] encoder.0.self.W_V[2,2] "
          "encoder.0.self.W_O[2,2] encoder.0.ffn.norm.gain[2] encoder.0.ffn.W_G[2,3] encoder.0.ffn.W_1[2,3] encoder.0.ffn.W_2[3,2] "
          "decoder.embed.W_E[4,2] decoder.0.self.norm.gain[2] decoder.0.self.W_Q[2,2] decoder.0.self.W_K[2,2] decoder.0.self.W_V[2,2] "
          "decoder.0.self.W_O[2,2] decoder.0.cross.norm.gain[2] decoder.0.cross.W_Q[2,2] decoder.0.cross.W_K[2,2] "
          "decoder.0.cross.W_V[2,2] decoder.0.cross.W_O[2,2] decoder.0.ffn.norm.gain[2] decoder.0.ffn.W_G[2,3] decoder.0.ffn.W_1[2,3] "
          "decoder.0.ffn.W_2[3,2] output.W_U[2,4]");
}

Test(model_weights, the_least)
{
    lists("kind=encoder,d_model=2,n_heads=1,vocab_size=4,encoder_layers=1,norm=none,ffn=none,bias=false",
          "encoder.embed.W_E[4,2] encoder.0.self.W_Q[2,2] encoder.0.self.W_K[2,2] encoder.0.self.W_V[2,2] encoder.0.self.W_O[2,2]");
    lists("d_model=1,n_heads=1,vocab_size=1,decoder_layers=0,norm=none", "decoder.embed.W_E[1,1]");
}

Test(model_weights, too_many)
{
    Config c = parse("d_model=16777216,n_heads=1,d_head=2,vocab_size=16777216");
    Weights w;
    Error e = {{0}};
    cr_assert_eq(weights_layout(&w, &c, &e), -1);
    assert_says(e, "expected at most 1099511627776 weights");
    c = parse("kind=encoder-decoder,d_model=65536,n_heads=256,d_head=65536,d_ff=16777216,encoder_layers=1024,decoder_layers=1024");
    cr_assert_eq(weights_layout(&w, &c, &e), -1);
    c = parse("d_model=65536,d_ff=65536,vocab_size=8388608"); /* 2 TB: allowed by the list, not by the machine */
    cr_assert_eq(weights_layout(&w, &c, &e), 0);
    cr_assert_eq(weights_allocate(&w, &e), -1);
    assert_says(e, "this machine's memory");
    weights_free(&w);
}

Test(model_weights, many_layers)
{
    Config c = parse("kind=encoder-decoder,d_model=1,n_heads=1,d_ff=1,encoder_layers=1024,decoder_layers=1024,vocab_size=1");
    Weights w;
    Error e = {{0}};
    cr_assert_eq(weights_layout(&w, &c, &e), 0, "%s", e.text);
    cr_assert_eq(weights_find(&w, "decoder.1023.cross.norm.gain"), (int)w.count - 18);
    cr_assert_str_eq(w.items[w.count - 18].name, "decoder.1023.cross.norm.gain");
    weights_free(&w);
}

Test(model_weights, one_block)
{
    Config c = parse("");
    Weights w;
    Error e = {{0}};
    cr_assert_eq(weights_layout(&w, &c, &e), 0);
    cr_assert_null(weights_values(&w, 0));
    cr_assert_eq(weights_allocate(&w, &e), 0);
    const real *at = w.block;
    for (size_t i = 0; i < w.count; i++) {
        cr_assert_eq(weight_plain(&w.items[i]), at);
        cr_assert_eq(weights_values(&w, i), at);
        for (size_t k = 0; k < w.items[i].count; k++)
            cr_assert_eq(at[k], 0);
        at += w.items[i].count;
    }
    cr_assert_eq((size_t)(at - w.block), w.total);
    real *block = w.block;
    cr_assert_eq(weights_own(&w, &e), 0);
    cr_assert_eq(w.block, block);
    weights_free(&w);
    cr_assert(!w.items && w.count == 0);
}

/* ---- random ---- */

/* Mean and standard deviation of a weight. */
static void statistics(const Model *m, const char *name, double mean, double deviation)
{
    int i = weights_find(&m->weights, name);
    cr_assert_geq(i, 0, "%s", name);
    const Weight *w = &m->weights.items[i];
    double sum = 0, squares = 0, n = (double)w->count;
    for (size_t k = 0; k < w->count; k++) {
        sum += (double)weight_plain(w)[k];
        squares += (double)weight_plain(w)[k] * (double)weight_plain(w)[k];
    }
    double found = sqrt(squares / n - sum / n * sum / n);
    /* Five standard errors of each. */
    cr_assert_float_eq(sum / n, mean, 5 * deviation / sqrt(n), "%s: mean %g", name, sum / n);
    cr_assert_float_eq(found, deviation, 5 * deviation / sqrt(2 * n), "%s: deviation %g", name, found);
}

Test(model_random, scaled_as_the_reference)
{
    Config c =
        parse("d_model=64,n_heads=2,d_head=50,d_ff=400,vocab_size=100,max_len=90,position=learned,decoder_layers=1,tie_embeddings=false");
    Error e = {{0}};
    Model *m = model_random(&c, 3, "r", &e);
    cr_assert(m, "%s", e.text);
    cr_assert(m->untrained && !m->path && !vocab_has_text(m->vocab));
    cr_assert_str_eq(m->name, "r");
    cr_assert_str_eq(m->summary, "");
    statistics(m, "decoder.embed.W_E", 0, 0.5);
    statistics(m, "decoder.embed.W_P", 0, 0.5);
    statistics(m, "decoder.0.self.norm.gain", 1, 0.2);
    statistics(m, "decoder.0.self.norm.bias", 0, 0.2);
    statistics(m, "decoder.0.self.W_Q", 0, 1 / sqrt(64));
    statistics(m, "decoder.0.self.b_Q", 0, 0.1);
    statistics(m, "decoder.0.self.W_O", 0, 1 / sqrt(100));
    statistics(m, "decoder.0.ffn.b_1", 0, 0.1);
    statistics(m, "decoder.0.ffn.W_2", 0, 1 / sqrt(400));
    statistics(m, "decoder.final_norm.gain", 1, 0.2);
    statistics(m, "output.W_U", 0, 1 / sqrt(64));
    model_free(m);
}

Test(model_random, the_seed_decides)
{
    Error e = {{0}};
    Model *a = model_open("random:seed=1", NULL, &e), *b = model_open("random:seed=1", NULL, &e),
          *c = model_open("random:seed=2", NULL, &e);
    cr_assert(a && b && c, "%s", e.text);
    size_t size = a->weights.total * sizeof(real);
    cr_assert_eq(memcmp(a->weights.block, b->weights.block, size), 0);
    cr_assert_neq(memcmp(a->weights.block, c->weights.block, size), 0);
    cr_assert_str_eq(a->name, "random:seed=1");
    model_free(a);
    model_free(b);
    model_free(c);
}

Test(model_random, too_large)
{
    Error e = {{0}};
    cr_assert_null(model_open("random:vocab_size=16777216,d_model=1024", NULL, &e));
    assert_says(e, "random:vocab_size=16777216,d_model=1024: expected at most 8589934592 random weights, found 171");
    cr_assert_null(model_open("random:d_head=3,position=rope", NULL, &e));
    assert_says(e, "d_head");
}
