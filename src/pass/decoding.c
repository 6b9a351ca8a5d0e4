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
    Pass *first; /* the first feed's pass, and every later one's where there is no source */
    Pass *later; /* with a source, theirs: then the first keeps what the encoder and cross-attention's keys and values are */
    real **cache;
    real *cache_block;
    real *weights_block; /* copies of a small model's weights, see pass_line_up; NULL before */
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
    if (d && capacity < SIZE_MAX / 2 / sizeof *d->fed)
        d->fed = calloc(numbers_lines(capacity ? capacity : 1), sizeof *d->fed);
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
            cache_copy(block + at, rows, d->cache[i], d->rows, d->length, s);
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
    Pass *p = pass_create_after(d->model, in, d->length, d->bug == NULL, d->ablations, e); /* a bug may read again what it wrote */
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

/* Computes the pass up to its logits: nobody asks for the probabilities behind them. */
static const real *run(Decoding *d, Pass *p)
{
    const Stage *stages = p->plan.stages;
    size_t end = pass_logits(&p->plan) + 1;
    for (size_t i = 0, next; i < end; i = next) {
        next = i + 1;
        if (p == d->later && stage_is_of_source(&stages[i])) { /* a later feed takes over what does not depend on the new tokens */
            p->values[i] = d->first->values[i];
            continue;
        }
        while (next < end && (p != d->later || !stage_is_of_source(&stages[next])))
            next++;
        p->done = i;
        pass_run_until(p, next);
    }
    return p->values[end - 1];
}

/* Whether the matrices of a small model are to be lined up now. That takes some tens of microseconds, and a token gains a few: it is done where
 * as many tokens as make up for it were fed, or many are to be expected. */
static bool is_worth_lining_up(const Decoding *d)
{
    enum { SMALL = 1 << 19, WORTH = 16 };
    return !d->weights_block && d->model->weights.total <= SMALL && d->length > 0 && (d->length >= WORTH || d->capacity >= 4 * WORTH);
}

int decoding_feed(Decoding *d, const int *ids, size_t n, const real **logits, Error *e)
{
    if (n > d->capacity - d->length)
        return error_set(e, "decoding: expected at most %zu tokens, found %zu", d->capacity, d->length + n);
    PassInput in = {d->source, ids, d->source_len, n};
    Pass **p = d->first && d->source_len > 0 ? &d->later : &d->first;
    if (*p ? pass_feed_after(*p, in, d->length, e) != 0 : (*p = make_pass(d, in, e)) == NULL)
        return -1;
    if (use_cache(d, *p, n, e) != 0) {
        pass_free(*p);
        *p = NULL;
        return -1;
    }
    if (is_worth_lining_up(d) && (d->weights_block = pass_line_up(*p, e)) == NULL)
        return -1;
    memcpy(d->fed + d->length, ids, n * sizeof *ids);
    const real *rows = run(d, *p);
    d->length += n;
    *logits = rows + (n - 1) * d->model->config.vocab_size;
    return 0;
}
