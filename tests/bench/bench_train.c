/* bench_train.c - how fast a training step is, and which stages its time goes to.
 *
 * The shapes are those of GPT-2: pre-norm, learned positions, GELU's tanh form, tied embeddings. A step is what trainer_step does:
 * forward and backward of a batch, the sum over the lanes, AdamW. Give a number of threads, or none for 1 and 2. */
#include "bench.h"

#include "base/random.h"
#include "pass/bundle.h"
#include "tensor/matmul.h"
#include "tensor/threads.h"
#include "train/adamw.h"
#include "train/batch.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct Shape {
    const char *name, *config;
    size_t batch, length, steps;
} Shape;

static const Shape shapes[] = {
    {"2 layers d64, 8 x 32, vocabulary 64", "d_model=64,n_heads=4,d_ff=256,decoder_layers=2,vocab_size=64,max_len=32", 8, 32, 100},
    {"4 layers d128, 8 x 64, vocabulary 256", "d_model=128,n_heads=4,d_ff=512,decoder_layers=4,vocab_size=256,max_len=64", 8, 64, 20},
    {"GPT-2 124M, 4 x 64, vocabulary 50257", "d_model=768,n_heads=12,d_ff=3072,decoder_layers=12,vocab_size=50257,max_len=64", 4, 64, 1},
};

#define COMMON "kind=decoder,position=learned,activation=gelu_tanh,tie_embeddings=true,"

static int die(const Error *e)
{
    fprintf(stderr, "bench_train: %s\n", e->text);
    return 1;
}

/* ---- whole steps ---- */

typedef struct Bench {
    Model *model;
    Recipe recipe;
    Batch *batch;
    TaskExample *examples;
    real *m, *v;
    size_t step;
} Bench;

enum { CHUNK = 1 << 14 };

static void update(void *context, size_t chunk)
{
    Bench *b = context;
    size_t total = b->model->weights.total, from = chunk * CHUNK, n = total - from < CHUNK ? total - from : CHUNK;
    real *gradient = batch_gradient(b->batch) + from;
    AdamW a = {0.9, 0.999, 1e-8, 0.01};
    adamw_update(b->model->weights.block + from, b->m + from, b->v + from, gradient, n, &a, 1e-4, 1e-3, b->step + 1);
    memset(gradient, 0, n * sizeof *gradient);
}

static int step(Bench *b, Error *e)
{
    BatchResult r;
    if (batch_run_examples(b->batch, b->examples, b->recipe.batch, b->step, &r, e) != 0)
        return -1;
    threads_run((b->model->weights.total + CHUNK - 1) / CHUNK, matmul_threads(), update, b);
    b->step++;
    return 0;
}

static int fill_examples(Bench *b, const Shape *s, Error *e)
{
    Random r = random_seeded(1);
    for (size_t i = 0; i < s->batch; i++)
        for (size_t t = 0; t < s->length; t++)
            if (ids_add(&b->examples[i].input, (int)random_below(&r, b->model->config.vocab_size), e) != 0 ||
                ids_add(&b->examples[i].targets, (int)random_below(&r, b->model->config.vocab_size), e) != 0)
                return -1;
    return 0;
}

static void close_bench(Bench *b, const Shape *s)
{
    for (size_t i = 0; b->examples && i < s->batch; i++) {
        ids_free(&b->examples[i].input);
        ids_free(&b->examples[i].targets);
    }
    free(b->examples);
    free(b->m);
    free(b->v);
    batch_free(b->batch);
    model_free(b->model);
}

static int open_bench(Bench *b, const Shape *s, Error *e)
{
    char name[256];
    *b = (Bench){.recipe = {.batch = s->batch}};
    b->recipe.config.pad = -1;
    snprintf(name, sizeof name, "random:" COMMON "%s", s->config);
    b->model = model_open(name, NULL, e);
    b->batch = b->model ? batch_create(b->model, &b->recipe, NULL, e) : NULL;
    if (!b->batch)
        return -1;
    b->examples = calloc(s->batch, sizeof *b->examples);
    b->m = calloc(b->model->weights.total, sizeof *b->m);
    b->v = calloc(b->model->weights.total, sizeof *b->v);
    return b->examples && b->m && b->v ? fill_examples(b, s, e) : error_memory(e, "bench");
}

/* Tokens per second: the median of five rounds. */
static int measure(Bench *b, const Shape *s, int threads, Error *e)
{
    enum { ROUNDS = 5 };
    double rates[ROUNDS];
    matmul_set_threads(threads);
    if (step(b, e) != 0) /* fills the caches, makes the passes */
        return -1;
    for (int i = 0; i < ROUNDS; i++) {
        double before = bench_now();
        for (size_t k = 0; k < s->steps; k++)
            if (step(b, e) != 0)
                return -1;
        rates[i] = (double)(s->batch * s->length * s->steps) / (bench_now() - before);
    }
    double middle = bench_median(rates, ROUNDS);
    printf("  %d thread%s  %8.0f tokens/s  (%.0f to %.0f)\n", threads, threads == 1 ? " " : "s", middle, rates[0], rates[ROUNDS - 1]);
    return 0;
}

/* ---- where the time goes ---- */

typedef struct Shares {
    double last, seconds[STAGE_KIND_COUNT][2];
} Shares;

static void watch(void *context, const Stage *s, bool backward, const real *value, size_t count)
{
    Shares *x = context;
    (void)value;
    (void)count;
    double at = bench_now();
    x->seconds[s->kind][backward] += at - x->last;
    x->last = bench_now();
}

static int show_shares(const Bench *b, const Shape *s, Error *e)
{
    const Weights *w = &b->model->weights;
    Shares x = {0};
    double total[2] = {0}, loss = 0;
    real **gradients = calloc(w->count, sizeof *gradients), *block = calloc(w->total, sizeof *block);
    BundleTraining t = {.gradients = gradients, .watch = watch, .context = &x};
    Bundle *u = bundle_create(b->model, 0, e);
    size_t together = 128 / s->length, rounds = s->steps * s->batch / together;
    int status = u && gradients && block ? 0 : -1;
    for (size_t i = 0, at = 0; status == 0 && i < w->count; at += w->items[i++].count)
        gradients[i] = block + at;
    for (size_t i = 0; i <= rounds && status == 0; i++) {
        bundle_clear(u);
        for (size_t k = 0; k < together && status == 0; k++) {
            const TaskExample *one = &b->examples[k];
            status = bundle_add(u, (PassInput){NULL, one->input.data, 0, one->input.len}, one->targets.data, one->targets.len, 0, e);
        }
        if (i == 1) /* the first time memory is touched for the first time */
            memset(x.seconds, 0, sizeof x.seconds);
        x.last = bench_now();
        if (status == 0)
            status = bundle_run(u, &t, &loss, e);
    }
    for (int k = 0; k < STAGE_KIND_COUNT; k++)
        for (int i = 0; i < 2; i++)
            total[i] += x.seconds[k][i];
    printf("  %zu tokens: forward %.0f us, backward %.0f us (%.2f x forward); shares in %%, forward and backward:\n   ", together * s->length,
           1e6 * total[0] / (double)rounds, 1e6 * total[1] / (double)rounds, total[1] / total[0]);
    for (int k = 0; k < STAGE_KIND_COUNT; k++)
        if (x.seconds[k][0] + x.seconds[k][1] > 0)
            printf(" %s %.1f+%.1f", stage_table[k].id, 100 * x.seconds[k][0] / (total[0] + total[1]), 100 * x.seconds[k][1] / (total[0] + total[1]));
    printf("\n");
    bundle_free(u);
    free(gradients);
    free(block);
    return status;
}

int main(int argc, char **argv)
{
    int only = argc > 1 ? atoi(argv[1]) : 0;
    size_t count = argc > 2 ? (size_t)atoi(argv[2]) : sizeof shapes / sizeof *shapes;
    printf("training steps (%s, %s)\n", REAL_IS_DOUBLE ? "double" : "float", matmul_name());
    for (size_t i = 0; i < count && i < sizeof shapes / sizeof *shapes; i++) {
        Bench b;
        Error e = {{0}};
        printf("%s\n", shapes[i].name);
        int status = open_bench(&b, &shapes[i], &e);
        for (int threads = only ? only : 1; threads <= (only ? only : 2) && status == 0; threads++)
            status = measure(&b, &shapes[i], threads, &e);
        matmul_set_threads(1);
        if (status == 0)
            status = show_shares(&b, &shapes[i], &e);
        close_bench(&b, &shapes[i]);
        if (status != 0)
            return die(&e);
    }
    return 0;
}
