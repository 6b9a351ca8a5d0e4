/* bench_decode.c - how fast a text is continued token by token with the key/value cache, in tokens a second.
 *
 * The shapes are those of llama2.c's story models. Weights are random, and stored as its files and Hugging Face's have them: an output's
 * weights side by side, in F32 or BF16. Give a part of a shape's name, or none for all; and a model, to measure that instead. */
#include "bench.h"

#include "pass/sample.h"
#include "tensor/matmul.h"
#include "tensor/threads.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct Shape {
    const char *name, *config;
    size_t tokens;
} Shape;

#define LLAMA "random:kind=decoder,position=rope,norm=rmsnorm,ffn=gated,activation=silu,bias=false,tie_embeddings=true,"

static const Shape shapes[] = {
    {"260K", LLAMA "d_model=64,n_heads=8,n_kv_heads=4,d_ff=172,decoder_layers=5,vocab_size=512,max_len=512", 256},
    {"15M", LLAMA "d_model=288,n_heads=6,d_ff=768,decoder_layers=6,vocab_size=32000,max_len=256", 128},
    {"110M", LLAMA "d_model=768,n_heads=12,d_ff=2048,decoder_layers=12,vocab_size=32000,max_len=1024", 32},
};

/* Stores every matrix transposed, in F32 or BF16 (cut off, not rounded: only the time counts), as it lies in a mapped file. (A small file of
 * llama2.c is not mapped but read, and then lies as model_random makes it.) */
static void *store(Model *m, Dtype dtype)
{
    size_t size = dtype == DTYPE_BF16 ? sizeof(uint16_t) : sizeof(real), at = 0;
    char *block = malloc(m->weights.total * size);
    for (size_t w = 0; block && w < m->weights.count; w++) {
        Weight *item = &m->weights.items[w];
        bool table = strstr(item->name, ".W_E") != NULL || item->rank == 1;
        size_t rows = weight_rows(item), columns = weight_columns(item);
        Matrix as = {.data = block + at * size, .ld = table ? columns : rows, .layout = table ? PLAIN : TRANSPOSED,
                     .dtype = dtype == DTYPE_BF16 ? DTYPE_BF16 : DTYPE_REAL};
        for (size_t i = 0; i < item->count; i++) {
            float x = (float)weight_at(item, i);
            uint32_t bits;
            size_t to = at + matrix_place(&as, i / columns, i % columns);
            memcpy(&bits, &x, sizeof bits);
            if (dtype == DTYPE_BF16)
                ((uint16_t *)(void *)block)[to] = (uint16_t)(bits >> 16);
            else
                ((real *)(void *)block)[to] = (real)x;
        }
        item->values = as;
        at += item->count;
    }
    return block;
}

typedef struct Clock {
    double first, last;
    size_t tokens;
} Clock;

static bool on_token(void *context, int id, const real *logits)
{
    Clock *c = context;
    (void)id;
    (void)logits;
    c->last = bench_now();
    if (c->tokens++ == 0)
        c->first = c->last;
    return true;
}

/* Tokens a second, greedy, behind the first. */
static double rate(const Model *m, size_t tokens, Error *e)
{
    Clock clock = {0};
    Input in = {0};
    GenerateOptions o = {.max_new = tokens, .cache = true, .sampler = {.top_p = 1}, .on_token = on_token, .context = &clock};
    double result = -1;
    if (ids_add(&in.target, 1, e) == 0 && generate(m, &in, 0, &o, NULL, e) == 0)
        result = (double)(clock.tokens - 1) / (clock.last - clock.first);
    ids_free(&in.target);
    return result;
}

static int bench(const char *name, Model *m, size_t tokens, Error *e)
{
    enum { ROUNDS = 7 };
    int most = threads_processors() > 1 ? 2 : 1;
    for (int threads = 1; threads <= most; threads++) {
        double rates[ROUNDS];
        matmul_set_threads(threads);
        for (int i = -1; i < ROUNDS; i++) /* the first time warms up */
            if ((rates[i < 0 ? 0 : i] = rate(m, tokens, e)) < 0)
                return -1;
        double middle = bench_median(rates, ROUNDS);
        printf("  %-12s %d thread%s %9.0f tokens/s  (%.0f to %.0f)\n", name, threads, threads == 1 ? " " : "s", middle, rates[0], rates[ROUNDS - 1]);
        fflush(stdout);
    }
    return 0;
}

int main(int argc, char **argv)
{
    const char *only = argc > 1 ? argv[1] : "";
    Error e = {{0}};
    int status = 0;
    printf("decoding with the cache (%s)\n", matmul_name());
    if (argc > 2) {
        Model *m = model_open(argv[2], NULL, &e);
        status = m ? bench(only, m, argc > 3 ? (size_t)atoi(argv[3]) : 256, &e) : -1;
        model_free(m);
    }
    for (size_t i = 0; argc <= 2 && i < sizeof shapes / sizeof *shapes && status == 0; i++)
        for (int half = 0; half < 2 && status == 0; half++) {
            char name[32];
            snprintf(name, sizeof name, "%s %s", shapes[i].name, half ? "BF16" : "F32");
            if (!strstr(name, only))
                continue;
            Model *m = model_open(shapes[i].config, NULL, &e);
            bool mapped = m && (half || m->weights.total * sizeof(float) > 64 << 20);
            void *block = mapped ? store(m, half ? DTYPE_BF16 : DTYPE_F32) : NULL;
            status = m && (block || !mapped) ? bench(name, m, shapes[i].tokens, &e) : -1;
            model_free(m);
            free(block);
        }
    if (status != 0)
        fprintf(stderr, "bench_decode: %s\n", e.text[0] ? e.text : "out of memory");
    return status != 0;
}
