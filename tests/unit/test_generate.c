/* test_generate.c - tokens become a text: with and without the cache, and where it ends. */
#include "model/vocab.h"
#include "pass/sample.h"

#include <criterion/criterion.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static Model *open_random(const char *text)
{
    Error e = {{0}};
    char name[256];
    snprintf(name, sizeof name, "random:%s", text);
    Model *m = model_open(name, NULL, &e);
    cr_assert(m, "%s", e.text);
    return m;
}

static Input read_ids(const Model *m, const char *ids, const char *target_ids)
{
    Error e = {{0}};
    Input in;
    cr_assert_eq(input_read(&in, m, (InputText){.ids = ids, .target_ids = target_ids}, 0, &e), 0, "%s", e.text);
    return in;
}

static GenerateOptions options(size_t max_new, bool cache, double temperature)
{
    return (GenerateOptions){.max_new = max_new, .cache = cache, .sampler = {temperature, 0, 1, random_seeded(5)}};
}

/* Logits of every token drawn, one after the other. */
typedef struct Rows {
    real *data;
    size_t count, vocab;
} Rows;

static bool keep_row(void *context, int id, const real *logits)
{
    Rows *rows = context;
    (void)id;
    rows->data = realloc(rows->data, (rows->count + 1) * rows->vocab * sizeof(real));
    memcpy(rows->data + rows->count++ * rows->vocab, logits, rows->vocab * sizeof(real));
    return true;
}

/* Generates n tokens at temperature 1 both ways: the same tokens, and logits equal up to rounding. */
static void assert_cache_changes_nothing(const char *config, const char *ids, const char *target_ids, Ablations a, size_t n)
{
    Model *m = open_random(config);
    Input in[2];
    Rows rows[2] = {{NULL, 0, m->config.vocab_size}, {NULL, 0, m->config.vocab_size}};
    for (int cache = 0; cache < 2; cache++) {
        Error e = {{0}};
        in[cache] = read_ids(m, ids, target_ids);
        GenerateOptions o = options(n, cache, 1);
        o.on_token = keep_row;
        o.context = &rows[cache];
        cr_assert_eq(generate(m, &in[cache], a, &o, NULL, &e), 0, "%s: %s", config, e.text);
    }
    cr_assert_eq(rows[0].count, n);
    cr_assert_eq(rows[1].count, n);
    cr_assert_eq(in[0].target.len, in[1].target.len);
    cr_assert(memcmp(in[0].target.data, in[1].target.data, in[0].target.len * sizeof(int)) == 0, "%s", config);
    double largest = 0, error = 0;
    for (size_t i = 0; i < n * m->config.vocab_size; i++) {
        largest = fmax(largest, fabs((double)rows[0].data[i]));
        error = fmax(error, fabs((double)rows[0].data[i] - (double)rows[1].data[i]));
    }
    cr_assert(largest > 0.1 && error <= 1e-5 * largest, "%s: %g of %g", config, error, largest);
    for (int i = 0; i < 2; i++) {
        free(rows[i].data);
        input_free(&in[i]);
    }
    model_free(m);
}

Test(generate, the_cache_changes_nothing)
{
    static const char *const configs[] = {
        "position=sinusoidal,n_heads=4,norm=rmsnorm",
        "position=learned,max_len=64,norm_position=post",
        "position=rope,n_heads=4,n_kv_heads=2,ffn=gated,activation=silu",
        "position=rope,rope_pairing=interleaved,tie_embeddings=false",
        "position=alibi,n_heads=4",
        "position=none,ffn=none",
        "position=rope,rope_dims=4,parallel=true",
    };
    for (size_t i = 0; i < sizeof configs / sizeof *configs; i++)
        assert_cache_changes_nothing(configs[i], "3,1,4,1,5", NULL, 0, 20);
    assert_cache_changes_nothing(configs[2], "3,1,4", NULL, NO_POSITIONS | NO_RESIDUAL | NO_SCALE, 12);
    assert_cache_changes_nothing(configs[2], "3,1,4", NULL, NO_ATTENTION | NO_FFN, 12);
}

Test(generate, the_cache_changes_nothing_in_an_encoder_decoder)
{
    assert_cache_changes_nothing("kind=encoder-decoder,encoder_layers=2,n_heads=4", "3,1,4,1,5", "2", 0, 20);
    assert_cache_changes_nothing("kind=encoder-decoder,encoder_layers=1,decoder_layers=1,position=rope", "3", "2,7,1", UNIFORM_ATTENTION,
                                 12);
}

/* The first cache has room for 256 tokens: it is filled by a long prompt in pieces, and replaced twice. */
Test(generate, a_cache_that_is_full_is_replaced)
{
    Buffer ids = {0};
    for (int i = 0; i < 300; i++)
        buffer_printf(&ids, "%s%d", i ? "," : "", i * i % 11);
    assert_cache_changes_nothing("d_model=8,d_ff=8,decoder_layers=1,vocab_size=11,position=rope", buffer_text(&ids), NULL, 0, 6);
    buffer_free(&ids);
    assert_cache_changes_nothing("d_model=8,d_ff=8,decoder_layers=1,vocab_size=11,position=alibi", "1,2", NULL, 0, 270);
}

/* Before an end token, whichever it is: eos, or one of the others. */
static void assert_ends_before(bool eos)
{
    Model *m = open_random("vocab_size=5,position=rope");
    Error e = {{0}};
    Input all = read_ids(m, "1,2", NULL);
    GenerateOptions o = options(40, true, 1);
    cr_assert_eq(generate(m, &all, 0, &o, NULL, &e), 0);
    cr_assert_eq(all.target.len, 42);
    int stop = all.target.data[9];
    size_t first = 2;
    while (all.target.data[first] != stop)
        first++;
    Input some = read_ids(m, "1,2", NULL);
    o = options(40, true, 1);
    o.to_end = true;
    if (eos)
        m->config.eos = stop;
    else
        cr_assert_eq(config_add_end(&m->config, stop), 0);
    cr_assert_eq(generate(m, &some, 0, &o, NULL, &e), 0);
    cr_assert_eq(some.target.len, first, "expected the end before the stop token, at %zu, found %zu", first, some.target.len);
    cr_assert(memcmp(some.target.data, all.target.data, first * sizeof(int)) == 0);
    m->config.bos = 1;
    m->config.eos = 2;
    cr_assert(generate_ends(m, 2) && !generate_ends(m, 1));
    m->config.split = SPLIT_LLAMA2C; /* stories260K says <s> where a story ends, as run.c has it */
    cr_assert(generate_ends(m, 1) && !generate_ends(m, 2));
    input_free(&all);
    input_free(&some);
    model_free(m);
}

Test(generate, ends_before_an_end_token)
{
    assert_ends_before(true);
    assert_ends_before(false);
}

Test(generate, ends_where_learned_positions_end)
{
    Model *m = open_random("position=learned,max_len=7");
    for (int cache = 0; cache < 2; cache++) {
        Error e = {{0}};
        bool at_limit = false;
        Input in = read_ids(m, "1,2,3", NULL);
        GenerateOptions o = options(4, cache, 0);
        cr_assert(generate(m, &in, 0, &o, &at_limit, &e) == 0 && in.target.len == 7 && !at_limit,
                  "all four were wanted and there was room");
        o.max_new = 1;
        cr_assert(generate(m, &in, 0, &o, &at_limit, &e) == 0 && in.target.len == 7 && at_limit);
        Pass *p = pass_create(m, input_ids(&in), 0, &e);
        cr_assert(p, "what was made can be fed: %s", e.text);
        pass_free(p);
        input_free(&in);
    }
    model_free(m);
}

static bool stop_at_three(void *context, int id, const real *logits)
{
    (void)id;
    (void)logits;
    return ++*(int *)context < 3;
}

Test(generate, ends_when_the_caller_says_so)
{
    Model *m = open_random("position=rope");
    Error e = {{0}};
    Input in = read_ids(m, "1", NULL);
    int count = 0;
    GenerateOptions o = options(100, true, 0);
    o.on_token = stop_at_three;
    o.context = &count;
    cr_assert_eq(generate(m, &in, 0, &o, NULL, &e), 0);
    cr_assert_eq(in.target.len, 4);
    o.max_new = 0;
    cr_assert_eq(generate(m, &in, 0, &o, NULL, &e), 0);
    cr_assert_eq(in.target.len, 4);
    input_free(&in);
    model_free(m);
}

Test(generate, what_cannot_go_on_is_an_error)
{
    Model *decoder = open_random("position=rope"), *encoder = open_random("kind=encoder");
    Error e = {{0}};
    GenerateOptions o = options(1, true, 0);
    Input in = {0};
    cr_assert(generate(decoder, &in, 0, &o, NULL, &e) == -1 && strstr(e.text, "at least one token"), "%s", e.text);
    in = read_ids(encoder, "1", NULL);
    cr_assert(generate(encoder, &in, 0, &o, NULL, &e) == -1 && strstr(e.text, "encoder"), "%s", e.text);
    input_free(&in);
    in = read_ids(decoder, "1", NULL);
    cr_assert(generate(decoder, &in, NO_MASK, &o, NULL, &e) == -1 && strstr(e.text, "no-mask"), "%s", e.text);
    o.cache = false;
    cr_assert_eq(generate(decoder, &in, NO_MASK, &o, NULL, &e), 0);
    cr_assert_eq(in.target.len, 2);
    input_free(&in);
    model_free(decoder);
    model_free(encoder);
}

/* A trained model and what an independent implementation makes of it: 60 greedy tokens for each of its prompts. */
Test(generate, stories260K)
{
    const char *real_files = getenv("STEPFORMER_REAL");
    if (!real_files)
        cr_skip("STEPFORMER_REAL is not set: no stories260K here");
    char path[512];
    Error e = {{0}};
    json_error_t where;
    snprintf(path, sizeof path, "%s/stories260K/stories260K.bin", real_files);
    Model *m = model_open(path, NULL, &e);
    cr_assert(m, "%s", e.text);
    snprintf(path, sizeof path, "%s/stories260K/expected.json", real_files);
    json_t *list = json_load_file(path, 0, &where), *item;
    cr_assert(json_array_size(list) > 0, "%s: %s", path, where.text);
    size_t i;
    json_array_foreach(list, i, item)
    {
        const json_t *ids = json_object_get(item, "greedy_ids");
        for (int cache = 0; cache < 2; cache++) {
            Input in;
            InputText given = {.text = json_string_value(json_object_get(item, "text"))};
            cr_assert_eq(input_read(&in, m, given, 0, &e), 0, "%s", e.text);
            GenerateOptions o = options(60, cache, 0);
            o.to_end = true;
            cr_assert_eq(generate(m, &in, 0, &o, NULL, &e), 0, "%s", e.text);
            cr_assert_eq(in.target.len, json_array_size(ids));
            for (size_t k = 0; k < in.target.len; k++)
                cr_assert_eq(in.target.data[k], json_integer_value(json_array_get(ids, k)), "prompt %zu, token %zu", i, k);
            input_free(&in);
        }
    }
    json_decref(list);
    model_free(m);
}
