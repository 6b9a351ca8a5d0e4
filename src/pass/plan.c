/* plan.c - strings stages into a transformer. Reads like the paper: a stack of layers, each of
 * sub-layers, each with its norm and its residual; one line a stage. */
#include "pass/plan.h"

#include "pass/hook.h"
#include "tensor/numbers.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct Builder {
    Plan *plan;
    const Model *model;
    size_t capacity;
    Stack stack;    /* where the next stage belongs */
    int layer;
    Sub sub;
    int next_weight; /* where the search for a weight's name begins: they come in the plan's order */
    Error *error;
    bool failed;
} Builder;

static size_t stack_length(const Builder *b, Stack s)
{
    return s == STACK_ENCODER ? b->plan->input.source_len : b->plan->input.target_len;
}

/* How many keys a row of a causal stage has: those of all positions so far. */
static size_t causal_keys(const Plan *p)
{
    size_t keys = p->input.target_len + p->input.past;
    return p->whole_lines ? numbers_lines(keys) : keys;
}

static void set_axis(Stage *s, int i, Axis axis, size_t n, Stack stack)
{
    s->axes[i] = axis;
    s->shape[i] = n;
    s->axis_stack[i] = stack;
    if (s->rank < i + 1)
        s->rank = i + 1;
}

static void count_numbers(Builder *b, Stage *s)
{
    s->count = 1;
    for (int i = 0; i < s->rank; i++) {
        if (__builtin_mul_overflow(s->count, s->shape[i], &s->count) || s->count > SIZE_MAX / 64) {
            if (!b->failed)
                error_set(b->error, "text: too long for this model: one stage would hold more numbers than this machine can address");
            b->failed = true;
            return;
        }
    }
}

/* The shape of a stage's value. */
static void set_shape(Builder *b, Stage *s)
{
    const Config *c = b->plan->config;
    Stack rows = s->stack == STACK_OUTPUT ? config_last_stack(c) : s->stack;
    Stack keys = s->sub == SUB_CROSS ? STACK_ENCODER : rows;
    size_t T = stack_length(b, rows);
    size_t Tk = stage_is_causal(s) ? causal_keys(b->plan) : stack_length(b, keys);
    size_t H = c->n_heads, G = c->n_kv_heads, k = c->d_head;

    switch (s->kind) {
    case STAGE_Q:
    case STAGE_Q_NORM:
    case STAGE_Q_ROT:
    case STAGE_HEADS:
        set_axis(s, 0, AXIS_HEAD, H, rows);
        set_axis(s, 1, AXIS_QUERY, T, rows);
        set_axis(s, 2, AXIS_HEAD_DIM, k, rows);
        break;
    case STAGE_K:
    case STAGE_V:
    case STAGE_K_NORM:
    case STAGE_K_ROT:
        set_axis(s, 0, AXIS_KV_HEAD, G, rows);
        set_axis(s, 1, AXIS_KEY, stack_length(b, keys), keys);
        set_axis(s, 2, AXIS_HEAD_DIM, k, rows);
        break;
    case STAGE_SCORES:
    case STAGE_SCALED:
    case STAGE_BIASED:
    case STAGE_MASKED:
    case STAGE_WEIGHTS:
        set_axis(s, 0, AXIS_HEAD, H, rows);
        set_axis(s, 1, AXIS_QUERY, T, rows);
        set_axis(s, 2, AXIS_KEY, Tk, keys);
        break;
    case STAGE_CONCAT:
        set_axis(s, 0, AXIS_TOKEN, T, rows);
        set_axis(s, 1, AXIS_HEADS_DIM, H * k, rows);
        break;
    case STAGE_GATE:
    case STAGE_EXPAND:
    case STAGE_ACTIVATE:
    case STAGE_PRODUCT:
        if (s->sub == SUB_OUTPUT) { /* the head's */
            set_axis(s, 0, AXIS_TOKEN, T, rows);
            set_axis(s, 1, AXIS_DIM, c->d_model, rows);
            break;
        }
        set_axis(s, 0, AXIS_TOKEN, T, rows);
        set_axis(s, 1, AXIS_UNIT, c->d_ff, rows);
        break;
    case STAGE_LOGITS:
    case STAGE_PROBS:
        set_axis(s, 0, AXIS_TOKEN, T, rows);
        set_axis(s, 1, AXIS_VOCAB, c->vocab_size, rows);
        break;
    default:
        set_axis(s, 0, AXIS_TOKEN, T, rows);
        set_axis(s, 1, AXIS_DIM, c->d_model, rows);
    }
    count_numbers(b, s);
}

static int find_weight(Builder *b, const char *name)
{
    const Weights *w = &b->model->weights;
    for (size_t i = 0; i < w->count; i++) {
        size_t at = ((size_t)b->next_weight + i) % w->count;
        if (strcmp(w->items[at].name, name) == 0) {
            b->next_weight = (int)at;
            return (int)at;
        }
    }
    return NO_WEIGHT;
}

/* Looks up the weights a stage reads. The unembedding may be the embedding, transposed, and an embedding the other stack's; a bias may not be
 * there. */
static void set_weights(Builder *b, Stage *s)
{
    const Config *c = b->plan->config;
    const char *const *tags = stage_table[s->kind].w;
    char prefix[STAGE_NAME_MAX], name[2 * STAGE_NAME_MAX];
    if (stage_is_norm(s->kind))
        stage_name(s, prefix);
    else
        stage_prefix(s, prefix);
    for (int i = 0; i < 2; i++) {
        s->w[i] = NO_WEIGHT;
        if (!tags[i])
            continue;
        if (s->kind == STAGE_TOKENS || (s->kind == STAGE_LOGITS && i == 0 && c->tie_embeddings)) {
            Stack reader = s->kind == STAGE_TOKENS ? s->stack : config_last_stack(c);
            snprintf(name, sizeof name, "%s.embed.W_E", stack_name(config_embedding_stack(c, reader)));
        }
        else
            snprintf(name, sizeof name, "%s.%s", prefix, tags[i]);
        s->w[i] = find_weight(b, name);
    }
}

/* Appends a stage that reads one or two others, and returns its index. */
static int add2(Builder *b, StageKind kind, int in0, int in1)
{
    Plan *p = b->plan;
    if (b->failed)
        return NO_STAGE;
    if (p->count == b->capacity) {
        size_t capacity = b->capacity ? 2 * b->capacity : 128;
        Stage *more = realloc(p->stages, capacity * sizeof *more);
        if (!more) {
            b->failed = true;
            error_memory(b->error, "plan");
            return NO_STAGE;
        }
        p->stages = more;
        b->capacity = capacity;
    }
    Stage *s = &p->stages[p->count];
    *s = (Stage){.kind = kind, .stack = b->stack, .layer = b->layer, .sub = b->sub, .in = {in0, in1}};
    set_shape(b, s);
    set_weights(b, s);
    p->total += s->count;
    return (int)p->count++;
}

static int add(Builder *b, StageKind kind, int in)
{
    return add2(b, kind, in, NO_STAGE);
}

static int norm(Builder *b, int x)
{
    return b->plan->config->norm == NORM_NONE ? x : add(b, STAGE_NORM, x);
}

static int embed(Builder *b)
{
    PositionKind position = b->plan->config->position;
    int x = add(b, STAGE_TOKENS, NO_STAGE);
    if (position == POSITION_SINUSOIDAL || position == POSITION_LEARNED) {
        int p = add(b, STAGE_POSITIONS, NO_STAGE);
        x = add2(b, STAGE_SUM, x, p);
    }
    if (b->plan->config->token_types)
        x = add2(b, STAGE_TYPED, x, add(b, STAGE_TYPES, NO_STAGE));
    return b->plan->config->embed_norm ? norm(b, x) : x;
}

/* x gives the queries, memory the keys and values. */
static int attention(Builder *b, int x, int memory)
{
    PositionKind position = b->sub == SUB_SELF ? b->plan->config->position : POSITION_NONE;
    int q = add(b, STAGE_Q, x);
    int k = add(b, STAGE_K, memory);
    int v = add(b, STAGE_V, memory);
    if (b->plan->config->qk_norm) {
        q = add(b, STAGE_Q_NORM, q);
        k = add(b, STAGE_K_NORM, k);
    }
    if (position == POSITION_ROPE) {
        q = add(b, STAGE_Q_ROT, q);
        k = add(b, STAGE_K_ROT, k);
    }
    int s = add2(b, STAGE_SCORES, q, k);
    s = add(b, STAGE_SCALED, s);
    if (position == POSITION_ALIBI)
        s = add(b, STAGE_BIASED, s);
    s = add(b, STAGE_MASKED, s);
    int weights = add(b, STAGE_WEIGHTS, s);
    int heads = add2(b, STAGE_HEADS, weights, v);
    int concat = add(b, STAGE_CONCAT, heads);
    return add(b, STAGE_OUT, concat);
}

static int ffn(Builder *b, int x)
{
    if (b->plan->config->ffn == FFN_GATED) {
        int gate = add(b, STAGE_GATE, x);
        int up = add(b, STAGE_EXPAND, x);
        int open = add(b, STAGE_ACTIVATE, gate);
        return add(b, STAGE_CONTRACT, add2(b, STAGE_PRODUCT, open, up));
    }
    int units = add(b, STAGE_EXPAND, x);
    return add(b, STAGE_CONTRACT, add(b, STAGE_ACTIVATE, units));
}

/* One sub-layer with its norm and its residual, in either order. memory is NO_STAGE except in cross-attention. */
static int sublayer(Builder *b, Sub sub, int x, int memory)
{
    const Config *c = b->plan->config;
    bool removed = sub == SUB_FFN ? c->ffn == FFN_NONE || (b->plan->ablations & NO_FFN) : (b->plan->ablations & NO_ATTENTION) != 0;
    if (removed)
        return x;
    b->sub = sub;
    bool pre = c->norm_position == NORM_PRE;
    int h = pre ? norm(b, x) : x;
    int y = sub == SUB_FFN ? ffn(b, h) : attention(b, h, sub == SUB_CROSS ? memory : h);
    x = add2(b, STAGE_RESIDUAL, x, y);
    return pre ? x : norm(b, x);
}

/* Attention and FFN side by side: both read x, each through its norm, and one sum takes both into the stream. An ablation leaves one. */
static int parallel_layer(Builder *b, int x)
{
    Ablations removed = b->plan->ablations;
    int attended = NO_STAGE, fed = NO_STAGE;
    b->sub = SUB_SELF;
    if (!(removed & NO_ATTENTION)) {
        int h = norm(b, x);
        attended = attention(b, h, h);
    }
    b->sub = SUB_FFN;
    if (!(removed & NO_FFN))
        fed = ffn(b, norm(b, x));
    if (attended == NO_STAGE && fed == NO_STAGE)
        return x;
    int both = attended == NO_STAGE ? fed : fed == NO_STAGE ? attended : add2(b, STAGE_JOINED, attended, fed);
    return add2(b, STAGE_RESIDUAL, x, both);
}

static int stack(Builder *b, Stack which, int memory)
{
    const Config *c = b->plan->config;
    b->stack = which;
    b->layer = -1;
    b->sub = SUB_EMBED;
    int x = embed(b);
    for (size_t i = 0; i < config_layers(c, which); i++) {
        b->layer = (int)i;
        if (c->parallel) {
            x = parallel_layer(b, x);
            continue;
        }
        x = sublayer(b, SUB_SELF, x, NO_STAGE);
        if (memory != NO_STAGE)
            x = sublayer(b, SUB_CROSS, x, memory);
        x = sublayer(b, SUB_FFN, x, NO_STAGE);
    }
    b->layer = -1;
    b->sub = SUB_FINAL;
    return c->norm_position == NORM_PRE ? norm(b, x) : x;
}

static int check_input(const Model *m, PlanInput in, Error *e)
{
    const Config *c = &m->config;
    const struct { Stack stack; size_t n, past; } given[] = {{STACK_ENCODER, in.source_len, 0}, {STACK_DECODER, in.target_len, in.past}};
    for (int i = 0; i < 2; i++) {
        const char *name = stack_name(given[i].stack);
        if (!config_has_stack(c, given[i].stack)) {
            if (given[i].n)
                return error_set(e, "%s: has no %s, but %zu tokens were given for one", m->name, name, given[i].n);
            continue;
        }
        if (!given[i].n)
            return error_set(e, "%s: expected at least one token for the %s, found none; give a text with -t or ids with --ids", m->name, name);
        if (given[i].n > CONFIG_MAX_SIZE)
            return error_set(e, "%s: expected at most %d tokens for the %s, found %zu", m->name, CONFIG_MAX_SIZE, name, given[i].n);
        if (c->position == POSITION_ROPE && c->rope_scaling == ROPE_SCALING_DYNAMIC && given[i].n + given[i].past > c->rope_original_len)
            return error_set(e, "%s: expected at most %zu tokens for the %s (rope_scaling is dynamic: beyond that every token changes how fast all "
                             "others turn), found %zu; give a shorter text", m->name, c->rope_original_len, name, given[i].n + given[i].past);
        if (c->position == POSITION_LEARNED && given[i].n + given[i].past > c->max_len)
            return error_set(e, "%s: expected at most %zu tokens for the %s (it has that many learned positions), found %zu; give a shorter text",
                             m->name, c->max_len, name, given[i].n + given[i].past);
    }
    return 0;
}

int plan_build(Plan *p, const Model *m, PlanInput input, Ablations a, Error *e)
{
    *p = (Plan){.config = &m->config, .ablations = a, .input = input};
    if (check_input(m, input, e) != 0)
        return -1;
    Builder b = {.plan = p, .model = m, .error = e};
    int x = NO_STAGE;
    if (config_has_stack(p->config, STACK_ENCODER))
        x = stack(&b, STACK_ENCODER, NO_STAGE);
    if (config_has_stack(p->config, STACK_DECODER))
        x = stack(&b, STACK_DECODER, x);
    b.stack = STACK_OUTPUT;
    b.layer = -1;
    b.sub = SUB_OUTPUT;
    if (p->config->output_head)
        x = norm(&b, add(&b, STAGE_ACTIVATE, add(&b, STAGE_TRANSFORM, x)));
    add(&b, STAGE_PROBS, add(&b, STAGE_LOGITS, x));
    if (b.failed) {
        plan_free(p);
        return -1;
    }
    return 0;
}

/* Shapes for p->input; `only_past`: the stacks are as long as they were. */
static int set_shapes(Plan *p, const Model *m, bool only_past, Error *e)
{
    Builder b = {.plan = p, .model = m, .error = e};
    size_t keys = causal_keys(p);
    p->total = 0;
    for (size_t i = 0; i < p->count; i++) {
        Stage *s = &p->stages[i];
        if (!only_past) {
            set_shape(&b, s);
        } else if (s->axes[s->rank - 1] == AXIS_KEY && stage_is_causal(s)) {
            s->shape[s->rank - 1] = keys;
            count_numbers(&b, s);
        }
        p->total += s->count;
    }
    return b.failed ? -1 : 0;
}

int plan_resize(Plan *p, const Model *m, PlanInput input, Error *e)
{
    if (check_input(m, input, e) != 0)
        return -1;
    const PlanInput before = p->input;
    const size_t keys = causal_keys(p);
    const bool only_past = input.source_len == before.source_len && input.target_len == before.target_len;
    p->input = input;
    if ((only_past && causal_keys(p) == keys) || set_shapes(p, m, only_past, e) == 0)
        return 0;
    p->input = before;
    set_shapes(p, m, only_past, NULL);
    return -1;
}

int plan_fill_lines(Plan *p, const Model *m, Error *e)
{
    p->whole_lines = true;
    if (set_shapes(p, m, true, e) == 0)
        return 0;
    p->whole_lines = false;
    set_shapes(p, m, true, NULL);
    return -1;
}

void plan_free(Plan *p)
{
    free(p->stages);
    p->stages = NULL;
    p->count = 0;
}

int plan_find(const Plan *p, const char *name)
{
    char have[STAGE_NAME_MAX];
    for (size_t i = 0; i < p->count; i++)
        if (strcmp(stage_name(&p->stages[i], have), name) == 0)
            return (int)i;
    return hook_find_stage(p, name);
}

/* How much of the place of two stages agrees: 0 nothing, 1 the stack, 2 the layer too, 3 the sub-layer too. */
static int agreement(const Stage *a, const Stage *b)
{
    if (a->stack != b->stack)
        return 0;
    if (a->layer != b->layer || (a->layer < 0 && a->sub != b->sub))
        return 1;
    return a->sub == b->sub ? 3 : 2;
}

static void extent(const Plan *p, size_t i, int level, size_t *first, size_t *end)
{
    *first = i;
    *end = i + 1;
    while (*first > 0 && agreement(&p->stages[i], &p->stages[*first - 1]) >= level)
        (*first)--;
    while (*end < p->count && agreement(&p->stages[i], &p->stages[*end]) >= level)
        (*end)++;
}

void plan_sub(const Plan *p, size_t i, size_t *first, size_t *end)
{
    extent(p, i, 3, first, end);
}

void plan_layer(const Plan *p, size_t i, size_t *first, size_t *end)
{
    extent(p, i, 2, first, end);
}

void plan_stack(const Plan *p, size_t i, size_t *first, size_t *end)
{
    extent(p, i, 1, first, end);
}
