/* pass.c - walks a plan forwards and backwards, and keeps every value. */
#include "pass/pass_internal.h"

#include "pass/loss.h"
#include "tensor/kernels.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* True where a stage's value may lie where the only one it is made of lay: number for number, or one row as it is. */
static bool fits_in_place(const Stage *s)
{
    switch (s->kind) {
    case STAGE_SCALED:
    case STAGE_BIASED:
    case STAGE_MASKED:
    case STAGE_WEIGHTS:
    case STAGE_ACTIVATE:
        return true;
    case STAGE_CONCAT:
        return s->shape[0] == 1;
    default:
        return false;
    }
}

/* Lays the stages' tensors one after the other into *block, each from a new line on; `in_place`: what is read once makes room for what is made
 * of it. The block is made larger where it must be, and then by half, since what grows once, as the rows of scores do while a text is
 * continued, will grow again. */
static int lay_out(const Plan *plan, bool in_place, real **table, real **block, size_t *room)
{
    enum { LEAST = 1 << 16 }; /* while a text is continued, which takes more and more: pages that are not used yet cost nothing */
    size_t total = plan->total + plan->count * NUMBERS_LINE;
    if (!*block || total > *room) {
        size_t more_room = *block && total <= SIZE_MAX / sizeof(real) / 2 ? total + total / 2 : total;
        if (in_place && more_room < LEAST)
            more_room = LEAST;
        real *more = numbers_allocate(more_room);
        if (!more)
            return -1;
        free(*block);
        *block = more;
        *room = more_room;
    }
    for (size_t i = 0, at = 0; i < plan->count; i++) {
        const Stage *s = &plan->stages[i];
        if (in_place && fits_in_place(s)) {
            table[i] = table[s->in[0]];
            continue;
        }
        table[i] = *block + at;
        at += numbers_lines(s->count);
    }
    return 0;
}

static int check_ids(const Model *m, const int *ids, size_t n, Error *e)
{
    for (size_t i = 0; i < n; i++)
        if (ids[i] < 0 || (size_t)ids[i] >= m->config.vocab_size)
            return error_set(e, "token %zu: expected an id from 0 to %zu (the vocabulary of %s), found %d", i + 1, m->config.vocab_size - 1, m->name, ids[i]);
    return 0;
}

int pass_copy_ids(int **to, size_t *room, const int *ids, size_t n)
{
    if (!*to || n > *room) {
        int *more = malloc((n ? n : 1) * sizeof *more);
        if (!more)
            return -1;
        free(*to);
        *to = more;
        *room = n;
    }
    if (n)
        memcpy(*to, ids, n * sizeof *ids);
    return 0;
}

/* Room for the largest of the projections, and for a row of probabilities. */
static int make_scratch(Pass *p)
{
    size_t most = p->plan.config->vocab_size;
    for (size_t i = 0; i < p->plan.count; i++) {
        const Stage *s = &p->plan.stages[i];
        bool projects = s->kind == STAGE_Q || s->kind == STAGE_K || s->kind == STAGE_V;
        most = projects && s->count > most ? s->count : most;
    }
    if (most <= p->scratch_room)
        return 0;
    free(p->scratch);
    p->scratch = numbers_allocate(most);
    p->scratch_room = p->scratch ? most : 0;
    return p->scratch ? 0 : -1;
}

/* Room for a gain or a bias that is stored in another format. */
static int make_vectors(Pass *p)
{
    size_t most = pass_longest_vector(&p->model->weights);
    if (most <= p->vector_room)
        return 0;
    free(p->vectors);
    p->vectors = numbers_allocate(2 * most);
    p->vector_room = p->vectors ? most : 0;
    return p->vectors ? 0 : -1;
}

/* The rows of the table of positions that this input needs; where a text is being continued, some of the following, too. */
static int make_table(Pass *p)
{
    enum { AHEAD = 64 };
    const PlanInput *in = &p->plan.input;
    size_t width = stage_table_width(p->plan.config), rows = in->source_len > in->target_len ? in->source_len : in->target_len;
    bool has = p->table_block && p->table_first <= in->past && in->past + rows <= p->table_first + p->table_rows;
    if (width == 0)
        return 0;
    if (!has) {
        rows += in->past ? AHEAD : 0;
        free(p->table_block);
        p->table_block = numbers_allocate(rows * width);
        if (!p->table_block)
            return -1;
        stage_fill_table(p->table_block, p->plan.config, in->past, rows);
        p->table_first = in->past;
        p->table_rows = rows;
    }
    p->table = p->table_block + (in->past - p->table_first) * width;
    return 0;
}

/* What follows from the plan and the ids. as_many: there are as many tokens as before. */
static int take_input(Pass *p, PassInput in, bool as_many, Error *e)
{
    const bool fits = as_many && p->laid_out > 0, same_shapes = fits && p->laid_out == p->plan.total;
    changes_free(p->changes);
    p->changes = NULL;
    p->done = 0;
    p->has_gradients = false;
    p->laid_out = 0;
    if (!same_shapes && lay_out(&p->plan, p->in_place, p->values, &p->value_block, &p->value_room) != 0)
        return error_memory(e, "pass");
    if (!fits && (make_scratch(p) != 0 || make_vectors(p) != 0))
        return error_memory(e, "pass");
    if (make_table(p) != 0 || pass_copy_ids(&p->ids[0], &p->ids_room[0], in.source, in.source_len) != 0 ||
        pass_copy_ids(&p->ids[1], &p->ids_room[1], in.target, in.target_len) != 0)
        return error_memory(e, "pass");
    p->laid_out = p->plan.total;
    return 0;
}

Pass *pass_create_after(const Model *m, PassInput in, size_t past, bool in_place, Ablations a, Error *e)
{
    if (check_ids(m, in.source, in.source_len, e) != 0 || check_ids(m, in.target, in.target_len, e) != 0)
        return NULL;
    Pass *p = calloc(1, sizeof *p);
    if (!p) {
        error_memory(e, "pass");
        return NULL;
    }
    p->model = m;
    p->in_place = in_place;
    for (int kind = 0; kind < STAGE_KIND_COUNT; kind++)
        pass_swap(p, (StageKind)kind, NULL, NULL);
    if (plan_build(&p->plan, m, (PlanInput){in.source_len, in.target_len, past}, a, e) != 0 ||
        (in_place && plan_fill_lines(&p->plan, m, e) != 0)) {
        pass_free(p);
        return NULL;
    }
    p->values = calloc(p->plan.count, sizeof *p->values);
    if (!p->values)
        error_memory(e, "pass");
    else if (take_input(p, in, false, e) == 0)
        return p;
    pass_free(p);
    return NULL;
}

Pass *pass_create(const Model *m, PassInput input, Ablations a, Error *e)
{
    return pass_create_after(m, input, 0, false, a, e);
}

int pass_feed_after(Pass *p, PassInput in, size_t past, Error *e)
{
    const PlanInput *now = &p->plan.input;
    if (check_ids(p->model, in.source, in.source_len, e) != 0 || check_ids(p->model, in.target, in.target_len, e) != 0)
        return -1;
    bool as_many = in.source_len == now->source_len && in.target_len == now->target_len;
    if (!(as_many && past == now->past) && plan_resize(&p->plan, p->model, (PlanInput){in.source_len, in.target_len, past}, e) != 0)
        return -1;
    return take_input(p, in, as_many, e);
}

int pass_feed(Pass *p, PassInput in, Error *e)
{
    return pass_feed_after(p, in, 0, e);
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
    free(p->scratch);
    free(p->vectors);
    free(p->table_block);
    free(p->targets);
    free(p->weights);
    changes_free(p->changes);
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

/* The ids of what a stage's last axis counts, where it counts keys. */
static const int *key_ids(const Pass *p, const Stage *s)
{
    if (s->axes[s->rank - 1] != AXIS_KEY)
        return NULL;
    Stack stack = s->axis_stack[s->rank - 1];
    return stack == STACK_DECODER && p->cache_ids ? p->cache_ids : p->ids[stack == STACK_ENCODER ? 0 : 1];
}

bool pass_sees(const Pass *p, const Stage *s, size_t query, size_t key)
{
    return stage_sees(s, p->plan.config, p->plan.ablations, key_ids(p, s), query, key);
}

Matrix pass_weight(const Pass *p, size_t w)
{
    const Weight *item = &p->model->weights.items[w];
    const real *edited = changes_weight(p->changes, w);
    if (p->weights && p->weights[w].data)
        return p->weights[w];
    return edited ? matrix_of(edited, weight_columns(item)) : item->values;
}

size_t pass_longest_vector(const Weights *w)
{
    size_t longest = 0;
    for (size_t i = 0; i < w->count; i++)
        if (w->items[i].rank == 1 && !weight_plain(&w->items[i]) && w->items[i].count > longest)
            longest = w->items[i].count;
    return longest;
}

void pass_make_readable(Matrix *m, const Weight *w, real *room)
{
    if (w->rank != 1 || matrix_in_place(m, 1, w->count))
        return;
    matrix_read_row(room, m, 0, w->count);
    *m = matrix_of(room, w->count);
}

/* Input k of a stage: its values, or where they lie in the cache. */
static void prepare_input(const Pass *p, StageRun *r, int k)
{
    int from = r->stage->in[k];
    const Stage *in = from == NO_STAGE ? NULL : &p->plan.stages[from];
    r->in_stage[k] = in;
    r->in[k] = NULL;
    r->stride[k] = 0;
    if (!in)
        return;
    if (k == 1 && p->cache && p->cache[from]) {
        cache_read(p, from, r);
    } else {
        r->in[k] = p->values[from];
        r->stride[k] = in->rank == 3 ? in->shape[1] * in->shape[2] : 0;
    }
}

static void prepare_weight(const Pass *p, StageRun *r, int k)
{
    int w = r->stage->w[k];
    if (w == NO_WEIGHT) {
        r->w[k].data = NULL;
        return;
    }
    r->w[k] = pass_weight(p, (size_t)w);
    if (p->vectors)
        pass_make_readable(&r->w[k], &p->model->weights.items[w], p->vectors + (size_t)k * p->vector_room);
}

/* Gathers what the forward of stage i reads and writes. r was made by begin_run(), or that of another stage of the same pass. */
static void prepare(const Pass *p, size_t i, StageRun *r)
{
    const Stage *s = &p->plan.stages[i];
    r->stage = s;
    r->past = s->stack == STACK_ENCODER ? 0 : p->plan.input.past;
    r->ids = p->ids[s->stack == STACK_ENCODER ? 0 : 1];
    r->key_ids = key_ids(p, s);
    r->turned = r->apart = 0;
    r->out = p->values[i];
    r->one_by_one = p->one_by_one && s->stack == STACK_DECODER;
    for (int k = 0; k < 2; k++) {
        prepare_weight(p, r, k);
        prepare_input(p, r, k);
    }
}

/* What is the same for all stages. */
static StageRun begin_run(const Pass *p)
{
    return (StageRun){.config = p->plan.config, .ablations = p->plan.ablations, .scratch = p->scratch, .table = p->table};
}

void pass_run_until(Pass *p, size_t end)
{
    StageRun r = begin_run(p);
    for (; p->done < end; p->done++) {
        prepare(p, p->done, &r);
        p->forward[r.stage->kind](&r);
        if (p->changes)
            changes_apply(p, p->done);
        if (p->cache && p->cache[p->done])
            cache_append(p, p->done);
    }
}

const real *pass_value(Pass *p, size_t i)
{
    pass_run_until(p, i + 1);
    return p->values[i];
}

void pass_run(Pass *p)
{
    pass_run_until(p, p->plan.count);
}

/* ---- loss and backward ---- */

size_t pass_logits(const Plan *plan)
{
    return plan->count - 2; /* the plan ends in logits, probs */
}

/* The mean of the counted rows' losses; where dlogits is given, its gradient is added to it. It reads the logits, not the stage
 * behind them. */
static double mean_loss(Pass *p, const int *targets, int counted, real *dlogits)
{
    const Stage *s = &p->plan.stages[pass_logits(&p->plan)];
    size_t T = s->shape[0], V = s->shape[1];
    const real *logits = pass_value(p, pass_logits(&p->plan));
    double sum = 0;
    for (size_t t = 0; t < T; t++) {
        if (targets[t] < 0)
            continue;
        softmax_forward(p->scratch, logits + t * V, 1, V);
        sum += loss_row(logits + t * V, p->scratch, V, targets[t], 0);
        if (dlogits)
            loss_row_backward(dlogits + t * V, p->scratch, V, targets[t], 0, 1.0 / counted);
    }
    return sum / counted;
}

static int count_targets(const Pass *p, const int *targets, size_t n, Error *e)
{
    const Stage *s = &p->plan.stages[pass_logits(&p->plan)];
    return loss_count(targets, n, s->shape[0], s->shape[1], e);
}

int pass_loss(Pass *p, const int *targets, size_t n, double *loss, Error *e)
{
    int counted = count_targets(p, targets, n, e);
    if (counted < 0)
        return -1;
    *loss = mean_loss(p, targets, counted, NULL);
    return 0;
}

/* Zeros for the gradients of all stages. */
static int clear_gradients(Pass *p, Error *e)
{
    if (!p->gradients)
        p->gradients = calloc(p->plan.count, sizeof *p->gradients);
    if (!p->gradients || lay_out(&p->plan, false, p->gradients, &p->gradient_block, &p->gradient_room) != 0)
        return error_memory(e, "gradients");
    for (size_t i = 0; i < p->plan.count; i++)
        memset(p->gradients[i], 0, p->plan.stages[i].count * sizeof(real));
    return 0;
}

static int clear_weight_gradients(Pass *p, Error *e)
{
    const Weights *w = &p->model->weights;
    if (!p->weight_gradients) {
        p->weight_gradients = calloc(w->count ? w->count : 1, sizeof *p->weight_gradients);
        p->weight_block = p->weight_gradients ? numbers_allocate(w->total) : NULL;
        if (!p->weight_block) {
            free(p->weight_gradients);
            p->weight_gradients = NULL;
            return error_memory(e, "gradients");
        }
        for (size_t i = 0, at = 0; i < w->count; at += w->items[i].count, i++)
            p->weight_gradients[i] = p->weight_block + at;
    }
    memset(p->weight_block, 0, w->total * sizeof(real));
    return 0;
}

int pass_backward_begin(Pass *p, const int *targets, size_t n, double *loss, Error *e)
{
    int counted = count_targets(p, targets, n, e);
    if (counted < 0 || clear_gradients(p, e) != 0 || clear_weight_gradients(p, e) != 0)
        return -1;
    if (targets != p->targets && pass_copy_ids(&p->targets, &p->targets_room, targets, n) != 0)
        return error_memory(e, "targets");
    p->targets_len = n;
    *loss = mean_loss(p, targets, counted, p->gradients[pass_logits(&p->plan)]);
    pass_run(p); /* the loss has needed all but the last */
    p->has_gradients = false;
    p->backward_left = p->plan.count;
    return 0;
}

size_t pass_backward_step(Pass *p)
{
    size_t i = --p->backward_left;
    StageRun r = begin_run(p);
    prepare(p, i, &r);
    r.dout = p->gradients[i];
    for (int k = 0; k < 2; k++) {
        if (r.stage->in[k] != NO_STAGE)
            r.din[k] = p->gradients[r.stage->in[k]];
        if (r.stage->w[k] != NO_WEIGHT)
            r.dw[k] = p->weight_gradients[r.stage->w[k]];
    }
    if (p->changes)
        changes_before_backward(p, i, &r);
    p->backward[r.stage->kind](&r);
    p->has_gradients = i == 0;
    return i;
}

int pass_backward(Pass *p, const int *targets, size_t n, double *loss, Error *e)
{
    if (pass_backward_begin(p, targets, n, loss, e) != 0)
        return -1;
    while (pass_backward_step(p))
        continue;
    return 0;
}

const real *pass_gradient(const Pass *p, size_t i)
{
    return p->has_gradients ? p->gradients[i] : NULL;
}

const real *pass_weight_gradient(const Pass *p, size_t i)
{
    return p->has_gradients ? p->weight_gradients[i] : NULL;
}

const int *pass_targets(const Pass *p, size_t *n)
{
    *n = p->has_gradients ? p->targets_len : 0;
    return p->has_gradients ? p->targets : NULL;
}

/* ---- other numbers ---- */

void pass_forget(Pass *p, size_t first)
{
    p->done = first < p->done ? first : p->done;
}

void pass_override(Pass *p, size_t i, size_t offset, real x)
{
    pass_run_until(p, i + 1);
    p->values[i][offset] = x;
    pass_forget(p, i + 1);
}

void pass_override_row(Pass *p, size_t i, size_t offset, const real *x, size_t n)
{
    pass_run_until(p, i + 1);
    memcpy(p->values[i] + offset, x, n * sizeof *x);
    pass_forget(p, i + 1);
}

int pass_use_weight(Pass *p, size_t w, Matrix values, Error *e)
{
    if (!p->weights)
        p->weights = calloc(p->model->weights.count, sizeof *p->weights);
    if (!p->weights)
        return error_memory(e, "weights");
    p->weights[w] = values;
    for (size_t i = p->plan.count; i-- > 0;)
        if (p->plan.stages[i].w[0] == (int)w || p->plan.stages[i].w[1] == (int)w)
            pass_forget(p, i);
    return 0;
}

/* ---- another network ---- */

void pass_swap(Pass *p, StageKind kind, StageFn forward, StageFn backward)
{
    p->forward[kind] = forward ? forward : stage_table[kind].forward;
    p->backward[kind] = backward ? backward : stage_table[kind].backward;
    p->has_gradients = false;
    pass_forget(p, 0);
}

void pass_one_by_one(Pass *p, bool on)
{
    p->one_by_one = on;
    p->has_gradients = false;
    pass_forget(p, 0);
}

void pass_become(Pass *p, const Pass *like)
{
    memcpy(p->forward, like->forward, sizeof p->forward);
    memcpy(p->backward, like->backward, sizeof p->backward);
    p->rewired = like->rewired;
    p->one_by_one = like->one_by_one;
    for (size_t i = 0; i < p->plan.count; i++) {
        memcpy(p->plan.stages[i].in, like->plan.stages[i].in, sizeof p->plan.stages[i].in);
        memcpy(p->plan.stages[i].w, like->plan.stages[i].w, sizeof p->plan.stages[i].w);
    }
    pass_forget(p, 0);
}

int pass_rewire(Pass *p, void (*rewire)(Plan *plan), Error *e)
{
    Plan own; /* wired as the config says */
    if (plan_build(&own, p->model, p->plan.input, p->plan.ablations, e) != 0)
        return -1;
    for (size_t i = 0; i < own.count; i++) {
        memcpy(p->plan.stages[i].in, own.stages[i].in, sizeof own.stages[i].in);
        memcpy(p->plan.stages[i].w, own.stages[i].w, sizeof own.stages[i].w);
    }
    plan_free(&own);
    if (rewire)
        rewire(&p->plan);
    p->rewired = rewire != NULL;
    p->has_gradients = false;
    pass_forget(p, 0);
    return 0;
}

bool pass_is_altered(const Pass *p)
{
    for (int kind = 0; kind < STAGE_KIND_COUNT; kind++)
        if (p->forward[kind] != stage_table[kind].forward || p->backward[kind] != stage_table[kind].backward)
            return true;
    return p->rewired || p->one_by_one;
}
