/* decoding.c - one token at a time: a pass a feed, whose keys and values of all positions so far lie in a cache. */
#include "pass/bug.h"
#include "pass/pass_internal.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

struct Decoding {
    const Model *model;
    Ablations ablations;
    const Bug *bug; /* of the hunt; NULL: none */
    int *source, *fed; /* fed: the decoder's ids so far */
    size_t source_len;
    size_t length, capacity;
    size_t rows; /* positions that the cache has room for: it grows to the capacity */
    Pass *first; /* the first feed's pass: keeps what the encoder and cross-attention's keys and values are */
    Pass *later; /* the one that every later feed is fed to */
    real **cache;
    real *cache_block;
    real *weights_block; /* copies of a small model's weights, see line_up_weights; NULL before */
};

Decoding *decoding_create(const Model *m, const int *source, size_t source_len, size_t capacity, Ablations a, Error *e)
{
    if (!config_has_stack(&m->config, STACK_DECODER)) {
        error_set(e, "%s: expected a model with a decoder, found an encoder: it has nothing to generate with", m->name);
        return NULL;
    }
    if (a & NO_MASK) {
        error_set(e, "no-mask: without the mask every new token changes the earlier rows, so keys and values cannot be cached; use --no-cache");
        return NULL;
    }
    Decoding *d = calloc(1, sizeof *d);
    size_t room = 0;
    if (d && capacity < SIZE_MAX / sizeof *d->fed)
        d->fed = calloc(capacity ? capacity : 1, sizeof *d->fed);
    if (!d || !d->fed || pass_copy_ids(&d->source, &room, source, source_len) != 0) {
        decoding_free(d);
        error_memory(e, "decoding");
        return NULL;
    }
    d->model = m;
    d->ablations = a;
    d->source_len = source_len;
    d->capacity = capacity;
    return d;
}

void decoding_free(Decoding *d)
{
    if (!d)
        return;
    pass_free(d->later);
    pass_free(d->first);
    free(d->cache);
    free(d->cache_block);
    free(d->weights_block);
    free(d->source);
    free(d->fed);
    free(d);
}

size_t decoding_length(const Decoding *d)
{
    return d->length;
}

/* Copies what the cache holds of a stage into one with room for more positions: values lie as [G, rows, k], keys as [G, k, rows]. */
static void copy_cache(real *to, size_t rows, const real *from, const Decoding *d, const Stage *s)
{
    size_t G = s->shape[0], k = s->shape[2];
    bool values = s->kind == STAGE_V;
    size_t pieces = values ? G : G * k, width = values ? k : 1;
    for (size_t i = 0; i < pieces; i++)
        memcpy(to + i * rows * width, from + i * d->rows * width, d->length * width * sizeof *to);
}

/* Makes room in the cache for n more positions. */
static int grow_cache(Decoding *d, const Plan *plan, size_t n, Error *e)
{
    enum { LEAST = 256 };
    size_t total = 0, rows = 2 * (d->length + n) > LEAST ? 2 * (d->length + n) : LEAST;
    rows = numbers_lines(rows > d->capacity ? d->capacity : rows);
    for (size_t i = 0; i < plan->count; i++)
        if (pass_is_cached(plan, &plan->stages[i])) {
            size_t per_row = plan->stages[i].shape[0] * plan->stages[i].shape[2];
            if (per_row && rows > (SIZE_MAX / 16 - total) / per_row)
                return error_memory(e, "key/value cache");
            total += rows * per_row;
        }
    if (!d->cache)
        d->cache = calloc(plan->count, sizeof *d->cache);
    real *block = d->cache ? numbers_allocate(total) : NULL;
    if (!block)
        return error_memory(e, "key/value cache");
    for (size_t i = 0, at = 0; i < plan->count; i++) {
        const Stage *s = &plan->stages[i];
        if (!pass_is_cached(plan, s))
            continue;
        if (d->cache_block)
            copy_cache(block + at, rows, d->cache[i], d, s);
        d->cache[i] = block + at;
        at += rows * s->shape[0] * s->shape[2];
    }
    free(d->cache_block);
    d->cache_block = block;
    d->rows = rows;
    return 0;
}

void decoding_put_bug(Decoding *d, const Bug *bug)
{
    d->bug = bug;
}

static Pass *make_pass(Decoding *d, PassInput in, Error *e)
{
    Pass *p = pass_create_after(d->model, in, d->length, d->ablations, e);
    if (p && d->bug && bug_put(d->bug, p, e) != 0) {
        pass_free(p);
        return NULL;
    }
    if (p)
        pass_one_by_one(p, false); /* this is the real thing */
    return p;
}

/* Lets the pass read and write the cache, which has room for its n tokens. */
static int use_cache(Decoding *d, Pass *p, size_t n, Error *e)
{
    if (d->length + n > d->rows && grow_cache(d, &p->plan, n, e) != 0)
        return -1;
    p->cache = d->cache;
    p->cache_rows = d->rows;
    p->cache_ids = d->fed;
    return 0;
}

/* The embedding of a model that has its output product read it too is to lie as that product reads it, and not row by row. */
static bool is_output_table(const Decoding *d, size_t w)
{
    return d->model->config.tie_embeddings && d->first->plan.stages[pass_logits(&d->first->plan)].w[0] == (int)w;
}

/* Lets every later feed read copies of the matrices, with each row at the beginning of a cache line. While they stay in the second cache, as
 * a small model's do, how they lie is what a product with one row of numbers takes its time for; larger ones are waited for
 * anyway. */
static int line_up_weights(Decoding *d, Error *e)
{
    const Weights *all = &d->model->weights;
    size_t total = 0;
    for (size_t w = 0; w < all->count; w++)
        if (all->items[w].rank == 2)
            total += numbers_lines(all->items[w].shape[0]) * numbers_lines(all->items[w].shape[1]);
    d->weights_block = numbers_allocate(total);
    if (!d->weights_block)
        return error_memory(e, "weights");
    real *to = d->weights_block;
    for (size_t w = 0; w < all->count; w++) {
        const Weight *item = &all->items[w];
        if (item->rank != 2)
            continue;
        size_t rows = item->shape[0], columns = item->shape[1], ld = numbers_lines(columns);
        Matrix copy = matrix_of(to, ld);
        if (is_output_table(d, w)) {
            Matrix turned = matrix_transposed(item->values);
            matrix_read(to, &turned, columns, rows);
            copy = matrix_transposed(matrix_of(to, rows));
        } else
            for (size_t i = 0; i < rows; i++)
                matrix_read_row(to + i * ld, &item->values, i, columns);
        if (pass_use_weight(d->later, w, copy, e) != 0)
            return -1;
        to += numbers_lines(rows) * ld;
    }
    return 0;
}

int decoding_feed(Decoding *d, const int *ids, size_t n, const real **logits, Error *e)
{
    enum { SMALL = 1 << 19, WORTH = 16 }; /* weights to be lined up, and tokens after which that has paid: a few microseconds each */
    if (n > d->capacity - d->length)
        return error_set(e, "decoding: expected at most %zu tokens, found %zu", d->capacity, d->length + n);
    PassInput in = {d->source, ids, d->source_len, n};
    Pass **p = d->first ? &d->later : &d->first;
    if (*p ? pass_feed_after(*p, in, d->length, e) != 0 : (*p = make_pass(d, in, e)) == NULL)
        return -1;
    if (use_cache(d, *p, n, e) != 0) {
        pass_free(*p);
        *p = NULL;
        return -1;
    }
    if (*p == d->later && d->length >= WORTH && !d->weights_block && d->model->weights.total <= SMALL && line_up_weights(d, e) != 0)
        return -1;
    memcpy(d->fed + d->length, ids, n * sizeof *ids);
    const Stage *stages = (*p)->plan.stages;
    size_t end = pass_logits(&(*p)->plan) + 1; /* nobody asks for the probabilities behind them */
    for (size_t i = 0, next; i < end; i = next) {
        next = i + 1;
        if (*p != d->first && stage_is_of_source(&stages[i])) { /* a later feed takes over what does not depend on the new tokens */
            (*p)->values[i] = d->first->values[i];
            continue;
        }
        while (next < end && (*p == d->first || !stage_is_of_source(&stages[next])))
            next++;
        (*p)->done = i;
        pass_run_until(*p, next);
    }
    d->length += n;
    *logits = (*p)->values[end - 1] + (n - 1) * d->model->config.vocab_size;
    return 0;
}
