/* sample.c - one row of logits becomes one token, and tokens become a text.
 *
 * Owns the order of the sampler's steps: temperature, top-k, top-p, the draw. Knows nothing of how a token is shown. */
#include "pass/sample.h"

#include "pass/bug.h"
#include "tensor/kernels.h"

#include <stdlib.h>
#include <string.h>

/* ---- one token ---- */

typedef struct Ranked {
    real logit;
    int id;
    double weight; /* exp((logit - largest) / temperature) */
} Ranked;

/* Largest logit first, of equal ones the smaller id: with ties, too, the k largest are always the same. */
static int by_logit(const void *a, const void *b)
{
    const Ranked *x = a, *y = b;
    if (x->logit != y->logit)
        return x->logit > y->logit ? -1 : 1;
    return (x->id > y->id) - (x->id < y->id);
}

/* For qsort, which hands nothing through. */
static _Thread_local const real *ordered_by;

static int by_logit_of(const void *a, const void *b)
{
    size_t i = *(const size_t *)a, k = *(const size_t *)b;
    if (ordered_by[i] != ordered_by[k])
        return ordered_by[i] > ordered_by[k] ? -1 : 1;
    return (i > k) - (i < k);
}

void sample_order(size_t *order, const real *logits, size_t vocab)
{
    for (size_t i = 0; i < vocab; i++)
        order[i] = i;
    ordered_by = logits;
    qsort(order, vocab, sizeof *order, by_logit_of);
}

/* The id of the largest logit, or -1 with e set where the row is no distribution. */
static int largest(const real *logits, size_t vocab, Error *e)
{
    bool odd = false;
    real most = vocab ? row_largest(logits, vocab, &odd) : -(real)INFINITY;
    size_t id = 0;
    if (odd) {
        while (!isnan(logits[id]) && logits[id] != (real)INFINITY)
            id++;
        return error_set(e, "logits: token %zu: expected a number or -inf, found %s; the model's weights may be damaged", id,
                         isnan(logits[id]) ? "nan" : "inf");
    }
    if (most == -(real)INFINITY)
        return error_set(e, "logits: expected at least one that is finite, found none");
    while (logits[id] != most)
        id++;
    return (int)id;
}

static void fill(real *x, real value, size_t n)
{
    for (size_t i = 0; i < n; i++)
        x[i] = value;
}

/* Temperature 0: the distribution is all on one token. */
static void show_greedy(SampleSteps *steps, const real *logits, size_t vocab, int id)
{
    memcpy(steps->scaled, logits, vocab * sizeof *logits);
    fill(steps->top_k, -(real)INFINITY, vocab);
    fill(steps->top_p, -(real)INFINITY, vocab);
    fill(steps->probs, 0, vocab);
    steps->top_k[id] = steps->top_p[id] = logits[id];
    steps->probs[id] = 1;
    steps->left[0] = steps->left[1] = 1;
    steps->kept[0] = steps->kept[1] = 1;
    steps->place = steps->from = 0;
    steps->upto = 1;
}

SampleSteps sample_steps(real *block, size_t vocab)
{
    return (SampleSteps){.scaled = block, .top_k = block + vocab, .top_p = block + 2 * vocab, .probs = block + 3 * vocab};
}

/* ranked [vocab]: the first k were left by top-k, the first `kept` by top-p; their weights add up to `sum`. */
static void show_steps(SampleSteps *steps, const Ranked *ranked, size_t vocab, size_t k, size_t kept, double sum, double temperature)
{
    for (size_t i = 0; i < vocab; i++) {
        size_t id = (size_t)ranked[i].id;
        steps->scaled[id] = (real)((double)ranked[i].logit / temperature);
        steps->top_k[id] = i < k ? steps->scaled[id] : -(real)INFINITY;
        steps->top_p[id] = i < kept ? steps->scaled[id] : -(real)INFINITY;
        steps->probs[id] = i < kept ? (real)(ranked[i].weight / sum) : 0;
    }
}

const real *sample_row(const Config *c, const real *logits, real *room)
{
    if (!c->suppress_bos)
        return logits;
    memcpy(room, logits, c->vocab_size * sizeof *room);
    room[c->bos] = -(real)INFINITY;
    return room;
}

void sample_shares(real *shares, const real *left, const real *logits, double temperature, size_t vocab)
{
    double largest = -INFINITY, sum = 0;
    for (size_t i = 0; i < vocab; i++)
        if (left[i] > -(real)INFINITY && (double)logits[i] > largest)
            largest = (double)logits[i];
    for (int round = 0; round < 2; round++)
        for (size_t i = 0; i < vocab; i++) {
            double x = left[i] <= -(real)INFINITY ? 0 : temperature > 0 ? exp(((double)logits[i] - largest) / temperature) : 1;
            if (round == 0)
                sum += x;
            else
                shares[i] = (real)(x / sum);
        }
}

int sample_next(Sampler *s, const real *logits, size_t vocab, SampleSteps *steps, Error *e)
{
    int best = largest(logits, vocab, e);
    if (best < 0)
        return -1;
    if (s->temperature == 0) {
        if (steps)
            show_greedy(steps, logits, vocab, best);
        return best;
    }

    Ranked *ranked = malloc(vocab * sizeof *ranked);
    if (!ranked)
        return error_memory(e, "sampler");
    /* The largest is subtracted before the division, in double: a small temperature overflows nothing. */
    for (size_t i = 0; i < vocab; i++)
        ranked[i] = (Ranked){logits[i], (int)i, exp(((double)logits[i] - (double)logits[best]) / s->temperature)};
    qsort(ranked, vocab, sizeof *ranked, by_logit);

    size_t finite = vocab;
    while (ranked[finite - 1].logit == -(real)INFINITY) /* what may never be drawn stands last */
        finite--;
    size_t k = s->top_k && s->top_k < finite ? s->top_k : finite;
    double sum = 0, all = 0;
    for (size_t i = 0; i < k; i++)
        sum += ranked[i].weight;
    for (size_t i = 0; i < vocab; i++)
        all += ranked[i].weight;
    double of_k = sum;
    size_t kept = k;
    if (s->top_p < 1) {
        double goal = s->top_p * sum;
        sum = 0;
        for (kept = 0; kept < k && sum < goal; kept++)
            sum += ranked[kept].weight;
        if (kept == 0) /* a top_p so small that the goal was rounded to 0 */
            sum = ranked[kept++].weight;
    }

    double drawn = random_uniform(&s->random), place = drawn * sum, passed = 0, from = 0;
    int id = ranked[0].id;
    for (size_t i = 0; i < kept && passed <= place; i++)
        if (ranked[i].weight > 0) {
            id = ranked[i].id;
            from = passed;
            passed += ranked[i].weight;
        }
    if (steps) {
        show_steps(steps, ranked, vocab, k, kept, sum, s->temperature);
        steps->left[0] = k;
        steps->left[1] = kept;
        steps->kept[0] = of_k / all;
        steps->kept[1] = sum / of_k;
        steps->place = drawn;
        steps->from = from / sum;
        steps->upto = passed / sum;
    }
    free(ranked);
    return id;
}

/* ---- a text ---- */

/* The most tokens fed at once: an attention matrix of a long text would not fit into memory. */
enum { CHUNK = 256 };

int generate_stop_id(const Model *m)
{
    return m->config.split == SPLIT_LLAMA2C ? m->config.bos : m->config.eos;
}

/* What the next token's logits are computed with. */
typedef struct Engine {
    const Model *model;
    Ablations ablations;
    bool cache;
    const Bug *bug;
    size_t longest; /* tokens that the target may have at the end */
    Decoding *decoding;
    Pass *pass; /* without a cache: the last pass, whose logits were handed out */
} Engine;

/* The logits behind the last token of in->target, without a cache: the whole pass again. */
static const real *logits_of_pass(Engine *g, const Input *in, Error *e)
{
    pass_free(g->pass);
    g->pass = pass_create(g->model, input_ids(in), g->ablations, e);
    if (!g->pass || (g->bug && bug_put(g->bug, g->pass, e) != 0))
        return NULL;
    pass_one_by_one(g->pass, false); /* all rows at once, as it is */
    const Plan *plan = pass_plan(g->pass);
    return pass_value(g->pass, plan->count - 2) + (in->target.len - 1) * g->model->config.vocab_size;
}

/* The same with a cache: feeds what has not been fed. */
static const real *logits_of_cache(Engine *g, const Input *in, Error *e)
{
    if (!g->decoding) {
        g->decoding = decoding_create(g->model, in->source.data, in->source.len, g->longest, g->ablations, e);
        if (!g->decoding)
            return NULL;
        decoding_put_bug(g->decoding, g->bug);
    }
    const real *logits = NULL;
    do {
        size_t fed = decoding_length(g->decoding), n = in->target.len - fed;
        if (decoding_feed(g->decoding, in->target.data + fed, n < CHUNK ? n : CHUNK, &logits, e) != 0)
            return NULL;
    } while (decoding_length(g->decoding) < in->target.len);
    return logits;
}

int generate(const Model *m, Input *in, Ablations a, GenerateOptions *o, bool *at_limit, Error *e)
{
    size_t most = m->config.position == POSITION_LEARNED ? m->config.max_len : CONFIG_MAX_SIZE;
    if (at_limit)
        *at_limit = false;
    if (!config_has_stack(&m->config, STACK_DECODER))
        return error_set(e, "%s: expected a model with a decoder, found an encoder: it has nothing to generate with; w in the debugger shows what it says of each token", m->name);
    if (in->target.len == 0)
        return error_set(e, "%s: expected at least one token to go on from, found none; give a text with -t or ids with --ids", m->name);
    if (in->target.len > most)
        return error_set(e, "%s: expected at most %zu tokens, found %zu; give a shorter text", m->name, most, in->target.len);

    size_t left = most - in->target.len;
    real *room = malloc(m->config.vocab_size * sizeof *room);
    if (!room)
        return error_memory(e, "sampler");
    Engine g = {.model = m, .ablations = a, .cache = o->cache, .bug = o->bug};
    g.longest = in->target.len + (o->max_new < left ? o->max_new : left);
    int status = 0;
    for (size_t made = 0; made < o->max_new; made++) {
        if (in->target.len == most) {
            if (at_limit)
                *at_limit = true;
            break;
        }
        const real *logits = g.cache ? logits_of_cache(&g, in, e) : logits_of_pass(&g, in, e);
        logits = logits ? sample_row(&m->config, logits, room) : NULL;
        int id = logits ? sample_next(&o->sampler, logits, m->config.vocab_size, o->steps, e) : -1;
        status = id < 0 ? -1 : 0;
        if (status != 0 || (o->stop >= 0 && id == o->stop))
            break;
        status = ids_add(&in->target, id, e);
        if (status != 0 || (o->on_token && !o->on_token(o->context, id, logits)))
            break;
    }
    decoding_free(g.decoding);
    pass_free(g.pass);
    free(room);
    return status;
}
