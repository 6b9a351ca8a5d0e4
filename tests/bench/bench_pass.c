/* bench_pass.c - how fast a traced forward pass is, every stage kept, and how its time and memory grow.
 *
 * What keeping costs is measured against the same stages with their values in memory that is used again as soon as no later stage reads it.
 * Growth is the slope of the time, or of the memory, against tokens, layers or width in logarithms; beside it the slope of the counted
 * multiplications. Give a part of a shape's name, or "growth". */
#include "bench.h"

#include "measure/cost.h"
#include "pass/pass_internal.h"
#include "tensor/matmul.h"
#include "tensor/threads.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#define GPT2 "random:kind=decoder,position=learned,activation=gelu_tanh,tie_embeddings=true,"

typedef struct Shape {
    const char *name, *config;
    size_t tokens;
} Shape;

static const Shape shapes[] = {
    {"GPT-2 124M, 64 tokens", GPT2 "d_model=768,n_heads=12,d_ff=3072,decoder_layers=12,vocab_size=50257,max_len=1024", 64},
    {"2 layers d64, 32 tokens", GPT2 "d_model=64,n_heads=4,d_ff=256,decoder_layers=2,vocab_size=64,max_len=32", 32},
};

enum { ROUNDS = 9 };

/* A pass over `tokens` ids of this model. */
static Pass *pass_of(const Model *m, size_t tokens, Error *e)
{
    int *ids = malloc(tokens * sizeof *ids);
    for (size_t i = 0; ids && i < tokens; i++)
        ids[i] = (int)((i * 37 + 11) % m->config.vocab_size);
    Pass *p = ids ? pass_create(m, (PassInput){NULL, ids, 0, tokens}, 0, e) : NULL;
    free(ids);
    return p;
}

/* Seconds of a pass, the median of ROUNDS, each of as many passes as make some milliseconds. */
static double seconds(Pass *p)
{
    double rounds[ROUNDS], begin;
    pass_run(p); /* touches all memory */
    pass_forget(p, 0);
    begin = bench_now();
    pass_run(p);
    int repeat = 1 + (int)(5e-3 / (bench_now() - begin));
    for (int r = 0; r < ROUNDS; r++) {
        begin = bench_now();
        for (int i = 0; i < repeat; i++) {
            pass_forget(p, 0);
            pass_run(p);
        }
        rounds[r] = (bench_now() - begin) / repeat;
    }
    return bench_median(rounds, ROUNDS);
}

/* ---- what keeping costs ---- */

/* Lets stages share memory: a stage's is free again behind the last stage that reads it. Returns the numbers that are needed at once. */
static size_t share_memory(Pass *p, real *block)
{
    const Plan *plan = &p->plan;
    size_t *place = calloc(plan->count, sizeof *place), *last = calloc(plan->count, sizeof *last), most = 0;
    for (size_t i = 0; place && last && i < plan->count; i++) {
        last[i] = i;
        for (int k = 0; k < 2; k++)
            if (plan->stages[i].in[k] != NO_STAGE)
                last[plan->stages[i].in[k]] = i;
    }
    for (size_t i = 0; place && last && i < plan->count; i++) {
        size_t at = 0; /* the first gap among those still read */
        for (bool moved = true; moved;) {
            moved = false;
            for (size_t j = 0; j < i; j++)
                if (last[j] >= i && place[j] < at + plan->stages[i].count && at < place[j] + plan->stages[j].count) {
                    at = place[j] + plan->stages[j].count;
                    moved = true;
                }
        }
        place[i] = at;
        most = at + plan->stages[i].count > most ? at + plan->stages[i].count : most;
        if (block)
            p->values[i] = block + at;
    }
    free(place);
    free(last);
    return most;
}

static int bench_shape(const Shape *s, Error *e)
{
    Model *m = model_open(s->config, NULL, e);
    Pass *p = m ? pass_of(m, s->tokens, e) : NULL, *shared = p ? pass_of(m, s->tokens, e) : NULL;
    size_t most = shared ? share_memory(shared, NULL) : 0;
    real *block = shared ? calloc(most, sizeof *block) : NULL;
    int status = block ? 0 : -1, two = threads_processors() > 1 ? 2 : 1;
    if (block)
        share_memory(shared, block);
    for (int threads = 1; threads <= two && status == 0; threads++) {
        matmul_set_threads(threads);
        double kept = seconds(p), not_kept = seconds(shared);
        printf("  %-24s %d thread%s %9.3f ms, %5.1f MB kept; %9.3f ms in %.1f MB: keeping costs %.1f%%\n", s->name, threads, threads == 1 ? " " : "s",
               kept * 1e3, (double)p->plan.total * sizeof(real) * 1e-6, not_kept * 1e3, (double)most * sizeof(real) * 1e-6, 100 * (kept / not_kept - 1));
        fflush(stdout);
    }
    pass_free(p);
    pass_free(shared);
    model_free(m);
    free(block);
    return status;
}

/* ---- growth ---- */

enum { SIZES_MOST = 6 };

typedef struct Growth {
    const char *what;
    size_t sizes[SIZES_MOST]; /* 0 behind the last */
    size_t width, layers, tokens; /* 0: the one that grows */
} Growth;

static const Growth growths[] = {
    {"tokens", {64, 128, 256, 512, 1024}, 256, 4, 0},
    {"layers", {1, 2, 4, 8, 16}, 256, 0, 64},
    {"width", {64, 128, 256, 512, 1024}, 0, 4, 64},
};

/* The slope of y against x in logarithms, by least squares: y grows as x to this power. */
static double slope(const size_t *x, const double *y, size_t n)
{
    double mx = 0, my = 0, xy = 0, xx = 0;
    for (size_t i = 0; i < n; i++) {
        mx += log((double)x[i]) / (double)n;
        my += log(y[i]) / (double)n;
    }
    for (size_t i = 0; i < n; i++) {
        xy += (log((double)x[i]) - mx) * (log(y[i]) - my);
        xx += (log((double)x[i]) - mx) * (log((double)x[i]) - mx);
    }
    return xy / xx;
}

static int bench_growth(const Growth *g, Error *e)
{
    double time[SIZES_MOST], memory[SIZES_MOST], counted[SIZES_MOST];
    size_t n = 0;
    int status = 0;
    for (; status == 0 && n < SIZES_MOST && g->sizes[n]; n++) {
        size_t width = g->width ? g->width : g->sizes[n], layers = g->layers ? g->layers : g->sizes[n], tokens = g->tokens ? g->tokens : g->sizes[n];
        char config[256];
        snprintf(config, sizeof config, GPT2 "d_model=%zu,n_heads=%zu,d_ff=%zu,decoder_layers=%zu,vocab_size=256,max_len=1024", width, width / 32,
                 4 * width, layers);
        Model *m = model_open(config, NULL, e);
        Pass *p = m ? pass_of(m, tokens, e) : NULL;
        Cost cost;
        status = p ? cost_of_stages(m, pass_plan(p), NULL, &cost, e) : -1;
        if (status == 0) {
            time[n] = seconds(p);
            memory[n] = (double)p->plan.total * sizeof(real);
            counted[n] = (double)cost.multiplications;
            printf("  %s %5zu: %10.3f ms, %8.2f MB, %10.1f million multiplications: %5.1f a nanosecond\n", g->what, g->sizes[n], time[n] * 1e3,
                   memory[n] * 1e-6, counted[n] * 1e-6, counted[n] / time[n] * 1e-9);
            fflush(stdout);
        }
        pass_free(p);
        model_free(m);
    }
    if (status == 0)
        printf("  against %s: time to the power %.2f, memory %.2f; multiplications, counted, %.2f\n", g->what, slope(g->sizes, time, n),
               slope(g->sizes, memory, n), slope(g->sizes, counted, n));
    return status;
}

int main(int argc, char **argv)
{
    const char *only = argc > 1 ? argv[1] : "";
    Error e = {{0}};
    int status = 0;
    printf("traced forward passes (%s, %s)\n", REAL_IS_DOUBLE ? "double" : "float", matmul_name());
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes && status == 0; i++)
        if (strstr(shapes[i].name, only))
            status = bench_shape(&shapes[i], &e);
    bool grow = strstr("growth", only) != NULL;
    if (grow)
        printf("growth on one thread: GPT-2's shape, vocabulary 256; width 256, 4 layers and 64 tokens but for the one that grows\n");
    matmul_set_threads(1);
    for (size_t i = 0; grow && i < sizeof growths / sizeof *growths && status == 0; i++)
        status = bench_growth(&growths[i], &e);
    if (status != 0)
        fprintf(stderr, "bench_pass: %s\n", e.text[0] ? e.text : "out of memory");
    return status != 0;
}
