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
    Pass *first; /* the first feed's pass: keeps what the encoder and cross-attention's keys and values are */
    Pass *later; /* the one that every later feed is fed to */
    real **cache;
    real *cache_block;
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
    free(d->source);
    free(d->fed);
    free(d);
}

size_t decoding_length(const Decoding *d)
{
    return d->length;
}

static int allocate_cache(Decoding *d, const Plan *plan, Error *e)
{
    size_t total = 0, rows = d->capacity;
    for (size_t i = 0; i < plan->count; i++)
        if (pass_is_cached(plan, &plan->stages[i])) {
            size_t per_row = plan->stages[i].shape[0] * plan->stages[i].shape[2];
            if (per_row && rows > (SIZE_MAX / 16 - total) / per_row)
                return error_memory(e, "key/value cache");
            total += rows * per_row;
        }
    d->cache = calloc(plan->count, sizeof *d->cache);
    d->cache_block = d->cache ? numbers_allocate(total) : NULL;
    if (!d->cache_block) {
        free(d->cache);
        d->cache = NULL;
        return error_memory(e, "key/value cache");
    }
    for (size_t i = 0, at = 0; i < plan->count; i++)
        if (pass_is_cached(plan, &plan->stages[i])) {
            d->cache[i] = d->cache_block + at;
            at += rows * plan->stages[i].shape[0] * plan->stages[i].shape[2];
        }
    return 0;
}

/* A later feed takes over what does not depend on the new tokens: the encoder, and cross-attention's keys and values. */
static bool is_kept(const Stage *s)
{
    return s->stack == STACK_ENCODER || (s->sub == SUB_CROSS && (s->kind == STAGE_K || s->kind == STAGE_V));
}

void decoding_put_bug(Decoding *d, const Bug *bug)
{
    d->bug = bug;
}

/* A pass that reads and writes the cache. */
static Pass *make_pass(Decoding *d, PassInput in, Error *e)
{
    Pass *p = pass_create_after(d->model, in, d->length, d->ablations, e);
    if (!p)
        return NULL;
    if ((d->bug && bug_put(d->bug, p, e) != 0) || (!d->cache && allocate_cache(d, &p->plan, e) != 0)) {
        pass_free(p);
        return NULL;
    }
    pass_one_by_one(p, false); /* this is the real thing */
    p->cache = d->cache;
    p->cache_rows = d->capacity;
    p->cache_ids = d->fed;
    return p;
}

int decoding_feed(Decoding *d, const int *ids, size_t n, const real **logits, Error *e)
{
    if (n > d->capacity - d->length)
        return error_set(e, "decoding: expected at most %zu tokens, found %zu", d->capacity, d->length + n);
    PassInput in = {d->source, ids, d->source_len, n};
    Pass **p = d->first ? &d->later : &d->first;
    if (*p ? pass_feed_after(*p, in, d->length, e) != 0 : (*p = make_pass(d, in, e)) == NULL)
        return -1;
    memcpy(d->fed + d->length, ids, n * sizeof *ids);
    size_t end = pass_logits(&(*p)->plan) + 1; /* nobody asks for the probabilities behind them */
    for (size_t i = 0; i < end; i++) {
        if (*p != d->first && is_kept(&(*p)->plan.stages[i])) {
            (*p)->values[i] = d->first->values[i];
            continue;
        }
        (*p)->done = i;
        pass_run_until(*p, i + 1);
    }
    d->length += n;
    *logits = (*p)->values[end - 1] + (n - 1) * d->model->config.vocab_size;
    return 0;
}
