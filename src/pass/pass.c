/* pass.c - walks a plan forwards and backwards, and keeps every value. */
#include "pass/pass.h"

#include "tensor/kernels.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

struct Pass {
    const Model *model;
    Plan plan;
    int *ids[2]; /* by stack: encoder, decoder */
    real **values; /* by stage; all point into value_block, except those an earlier pass computed */
    real *value_block;
    size_t done;
    real **gradients; /* by stage, into gradient_block; NULL before pass_backward */
    real *gradient_block;
    real **weight_gradients; /* by weight, into weight_block */
    real *weight_block;
    /* while decoding: the keys and values of all positions so far, [G, cache_rows, k] for each self-attention K (or
     * K_ROT) and V stage, NULL elsewhere */
    real **cache;
    size_t cache_rows;
};

/* A table of pointers into one zeroed block, one for each count. calloc leaves the pages of a large block
 * untouched until they are written. */
static real **allocate_table(real **block, size_t n, size_t total)
{
    real **table = calloc(n ? n : 1, sizeof *table);
    *block = calloc(total ? total : 1, sizeof **block);
    if (table && *block)
        return table;
    free(table);
    free(*block);
    *block = NULL;
    return NULL;
}

static real **allocate_stages(const Plan *plan, real **block)
{
    real **table = allocate_table(block, plan->count, plan->total);
    for (size_t i = 0, at = 0; table && i < plan->count; at += plan->stages[i].count, i++)
        table[i] = *block + at;
    return table;
}

static int check_ids(const Model *m, const int *ids, size_t n, Error *e)
{
    for (size_t i = 0; i < n; i++)
        if (ids[i] < 0 || (size_t)ids[i] >= m->config.vocab_size)
            return error_set(e, "token %zu: expected an id from 0 to %zu (the vocabulary of %s), found %d", i + 1, m->config.vocab_size - 1, m->name, ids[i]);
    return 0;
}

static int copy_ids(int **to, const int *ids, size_t n)
{
    *to = malloc((n ? n : 1) * sizeof **to);
    if (!*to)
        return -1;
    if (n)
        memcpy(*to, ids, n * sizeof *ids);
    return 0;
}

static Pass *create(const Model *m, PassInput in, size_t past, Ablations a, Error *e)
{
    if (check_ids(m, in.source, in.source_len, e) != 0 || check_ids(m, in.target, in.target_len, e) != 0)
        return NULL;
    Pass *p = calloc(1, sizeof *p);
    if (!p) {
        error_memory(e, "pass");
        return NULL;
    }
    p->model = m;
    if (plan_build(&p->plan, m, (PlanInput){in.source_len, in.target_len, past}, a, e) != 0) {
        free(p);
        return NULL;
    }
    p->values = allocate_stages(&p->plan, &p->value_block);
    if (!p->values || copy_ids(&p->ids[0], in.source, in.source_len) != 0 || copy_ids(&p->ids[1], in.target, in.target_len) != 0) {
        pass_free(p);
        error_memory(e, "pass");
        return NULL;
    }
    return p;
}

Pass *pass_create(const Model *m, PassInput input, Ablations a, Error *e)
{
    return create(m, input, 0, a, e);
}

void pass_free(Pass *p)
{
    if (!p)
        return;
    plan_free(&p->plan);
    free(p->ids[0]);
    free(p->ids[1]);
    free(p->values);
    free(p->value_block);
    free(p->gradients);
    free(p->gradient_block);
    free(p->weight_gradients);
    free(p->weight_block);
    free(p);
}

const Model *pass_model(const Pass *p)
{
    return p->model;
}

const Plan *pass_plan(const Pass *p)
{
    return &p->plan;
}

const int *pass_ids(const Pass *p, Stack stack, size_t *n)
{
    *n = stack == STACK_ENCODER ? p->plan.input.source_len : p->plan.input.target_len;
    return p->ids[stack == STACK_ENCODER ? 0 : 1];
}

size_t pass_done(const Pass *p)
{
    return p->done;
}

/* ---- forward ---- */

/* True where the later tokens of a decoding read this stage's value from the cache. */
static bool is_cached(const Plan *plan, const Stage *s)
{
    bool rotary = plan->config->position == POSITION_ROPE;
    return stage_is_causal(s) && (s->kind == STAGE_V || s->kind == (rotary ? STAGE_K_ROT : STAGE_K));
}

/* Gathers what stage i reads and writes. */
static StageRun prepare(const Pass *p, size_t i)
{
    const Stage *s = &p->plan.stages[i];
    StageRun r = {.stage = s, .config = p->plan.config, .ablations = p->plan.ablations, .out = p->values[i]};
    r.past = s->stack == STACK_ENCODER ? 0 : p->plan.input.past;
    r.ids = p->ids[s->stack == STACK_ENCODER ? 0 : 1];
    for (int k = 0; k < 2; k++) {
        if (s->w[k] != NO_WEIGHT)
            r.w[k] = p->model->weights.items[s->w[k]].data;
        if (s->in[k] == NO_STAGE)
            continue;
        const Stage *in = &p->plan.stages[s->in[k]];
        r.in_stage[k] = in;
        if (p->cache && p->cache[s->in[k]]) {
            r.in[k] = p->cache[s->in[k]];
            r.stride[k] = p->cache_rows * in->shape[2];
        } else {
            r.in[k] = p->values[s->in[k]];
            r.stride[k] = in->rank == 3 ? in->shape[1] * in->shape[2] : 0;
        }
    }
    return r;
}

/* Appends the new rows of a key or value stage [G, n, k] to its cache [G, rows, k]. */
static void append_to_cache(Pass *p, size_t i)
{
    const Stage *s = &p->plan.stages[i];
    size_t n = s->shape[1], k = s->shape[2];
    for (size_t g = 0; g < s->shape[0]; g++)
        memcpy(p->cache[i] + (g * p->cache_rows + p->plan.input.past) * k, p->values[i] + g * n * k, n * k * sizeof(real));
}

static void run_until(Pass *p, size_t end)
{
    for (; p->done < end; p->done++) {
        StageRun r = prepare(p, p->done);
        stage_table[r.stage->kind].forward(&r);
        if (p->cache && p->cache[p->done])
            append_to_cache(p, p->done);
    }
}

const real *pass_value(Pass *p, size_t i)
{
    run_until(p, i + 1);
    return p->values[i];
}

void pass_run(Pass *p)
{
    run_until(p, p->plan.count);
}

/* ---- loss and backward ---- */

static size_t logits_index(const Pass *p)
{
    return p->plan.count - 2; /* the plan ends in logits, probs */
}

/* Mean cross-entropy; where dlogits is given, its gradient softmax(logits) - one-hot(target), over the number counted, is
 * added to it. */
static int cross_entropy(Pass *p, const int *targets, size_t n, double *loss, real *dlogits, Error *e)
{
    const Stage *s = &p->plan.stages[logits_index(p)];
    size_t T = s->shape[0], V = s->shape[1], counted = 0;
    if (n != T)
        return error_set(e, "targets: expected %zu ids, one for each position of the output, found %zu", T, n);
    for (size_t t = 0; t < T; t++) {
        if (targets[t] < -1 || (targets[t] >= 0 && (size_t)targets[t] >= V))
            return error_set(e, "targets: position %zu: expected -1 or an id from 0 to %zu, found %d", t + 1, V - 1, targets[t]);
        counted += targets[t] >= 0;
    }
    if (!counted)
        return error_set(e, "targets: expected at least one id that is counted, found only -1");
    const real *logits = pass_value(p, logits_index(p));
    double sum = 0;
    for (size_t t = 0; t < T; t++) {
        if (targets[t] < 0)
            continue;
        const real *row = logits + t * V;
        double max = row[0], total = 0;
        for (size_t j = 1; j < V; j++)
            if (row[j] > max)
                max = row[j];
        for (size_t j = 0; j < V; j++)
            total += exp(row[j] - max);
        sum += max + log(total) - row[targets[t]];
        for (size_t j = 0; dlogits && j < V; j++)
            dlogits[t * V + j] += (real)((exp(row[j] - max) / total - ((size_t)targets[t] == j)) / (double)counted);
    }
    *loss = sum / (double)counted;
    return 0;
}

int pass_loss(Pass *p, const int *targets, size_t n, double *loss, Error *e)
{
    return cross_entropy(p, targets, n, loss, NULL, e);
}

static int allocate_gradients(Pass *p, Error *e)
{
    const Weights *w = &p->model->weights;
    if (p->gradients) {
        memset(p->gradient_block, 0, p->plan.total * sizeof(real));
        memset(p->weight_block, 0, w->total * sizeof(real));
        return 0;
    }
    real **stages = allocate_stages(&p->plan, &p->gradient_block);
    real **weights = allocate_table(&p->weight_block, w->count, w->total);
    if (!stages || !weights) {
        free(stages);
        free(p->gradient_block);
        free(weights);
        free(p->weight_block);
        p->gradient_block = p->weight_block = NULL;
        return error_memory(e, "gradients");
    }
    for (size_t i = 0, at = 0; i < w->count; at += w->items[i].count, i++)
        weights[i] = p->weight_block + at;
    p->gradients = stages;
    p->weight_gradients = weights;
    return 0;
}

int pass_backward(Pass *p, const int *targets, size_t n, double *loss, Error *e)
{
    if (allocate_gradients(p, e) != 0)
        return -1;
    if (cross_entropy(p, targets, n, loss, p->gradients[logits_index(p)], e) != 0)
        return -1;
    pass_run(p);
    for (size_t i = p->plan.count; i-- > 0;) {
        StageRun r = prepare(p, i);
        r.dout = p->gradients[i];
        for (int k = 0; k < 2; k++) {
            if (r.stage->in[k] != NO_STAGE)
                r.din[k] = p->gradients[r.stage->in[k]];
            if (r.stage->w[k] != NO_WEIGHT)
                r.dw[k] = p->weight_gradients[r.stage->w[k]];
        }
        stage_table[r.stage->kind].backward(&r);
    }
    return 0;
}

const real *pass_gradient(const Pass *p, size_t i)
{
    return p->gradients ? p->gradients[i] : NULL;
}

const real *pass_weight_gradient(const Pass *p, size_t i)
{
    return p->weight_gradients ? p->weight_gradients[i] : NULL;
}

/* ---- decoding with a cache ---- */

struct Decoding {
    const Model *model;
    Ablations ablations;
    int *source;
    size_t source_len;
    size_t length, capacity;
    Pass *first; /* the first feed's pass: keeps what the encoder and cross-attention's keys and values are */
    Pass *last;  /* the latest feed's pass, whose logits were handed out; may be first */
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
    if (!d || copy_ids(&d->source, source, source_len) != 0) {
        free(d);
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
    if (d->last != d->first)
        pass_free(d->last);
    pass_free(d->first);
    free(d->cache);
    free(d->cache_block);
    free(d->source);
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
        if (is_cached(plan, &plan->stages[i])) {
            size_t per_row = plan->stages[i].shape[0] * plan->stages[i].shape[2];
            if (per_row && rows > (SIZE_MAX / 16 - total) / per_row)
                return error_memory(e, "key/value cache");
            total += rows * per_row;
        }
    d->cache = allocate_table(&d->cache_block, plan->count, total);
    if (!d->cache)
        return error_memory(e, "key/value cache");
    for (size_t i = 0, at = 0; i < plan->count; i++)
        if (is_cached(plan, &plan->stages[i])) {
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

int decoding_feed(Decoding *d, const int *ids, size_t n, const real **logits, Error *e)
{
    if (n > d->capacity - d->length)
        return error_set(e, "decoding: expected at most %zu tokens, found %zu", d->capacity, d->length + n);
    PassInput in = {d->source, ids, d->source_len, n};
    Pass *p = create(d->model, in, d->length, d->ablations, e);
    if (!p)
        return -1;
    if (!d->cache && allocate_cache(d, &p->plan, e) != 0) {
        pass_free(p);
        return -1;
    }
    p->cache = d->cache;
    p->cache_rows = d->capacity;
    for (size_t i = 0; i < p->plan.count; i++) {
        if (d->first && is_kept(&p->plan.stages[i])) {
            p->values[i] = d->first->values[i];
            continue;
        }
        p->done = i;
        run_until(p, i + 1);
    }
    d->length += n;
    if (!d->first)
        d->first = p;
    if (d->last && d->last != d->first)
        pass_free(d->last);
    d->last = p;
    *logits = p->values[logits_index(p)] + (n - 1) * d->model->config.vocab_size;
    return 0;
}
