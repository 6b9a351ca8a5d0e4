/* bundle.c - a plan run on several sequences at once. */
#include "pass/bundle.h"

#include "base/random.h"
#include "pass/loss.h"
#include "pass/pass_internal.h"
#include "tensor/kernels.h"

#include <stdlib.h>
#include <string.h>

typedef struct Sequence {
    Plan plan;       /* its own lengths */
    uint64_t seed;   /* of its dropout */
    size_t first[2]; /* its first row in each stack */
    size_t *at;      /* by stage: where its numbers begin in the stage's */
} Sequence;

struct Bundle {
    const Model *model;
    Ablations ablations;
    Sequence *sequences; /* `made` of them have a plan, `count` are there */
    size_t count, made, room;
    Ids ids[2], targets;
    size_t *lengths[2]; /* by stack: of each sequence */
    size_t rows[2];

    size_t stages;     /* of the plan: the same for all lengths */
    size_t *totals;    /* by stage: numbers of all sequences */
    real **values;     /* by stage, into value_block */
    real **gradients;  /* by stage, into gradient_block; only while it is needed */
    bool *has_gradient; /* by stage: something was added to it */
    size_t *gradient_at;
    real *value_block, *gradient_block, *scratch, *table;
    real *vectors; /* room for a gain and a bias that are stored in another format */
    size_t value_room, gradient_room, scratch_room, table_room, vector_room;
};

/* ---- memory ---- */

Bundle *bundle_create(const Model *m, Ablations a, Error *e)
{
    Bundle *b = calloc(1, sizeof *b);
    if (!b) {
        error_memory(e, "bundle");
        return NULL;
    }
    b->model = m;
    b->ablations = a;
    return b;
}

void bundle_free(Bundle *b)
{
    if (!b)
        return;
    for (size_t i = 0; i < b->made; i++) {
        plan_free(&b->sequences[i].plan);
        free(b->sequences[i].at);
    }
    free(b->sequences);
    for (int i = 0; i < 2; i++) {
        ids_free(&b->ids[i]);
        free(b->lengths[i]);
    }
    ids_free(&b->targets);
    free(b->totals);
    free(b->values);
    free(b->gradients);
    free(b->has_gradient);
    free(b->gradient_at);
    free(b->value_block);
    free(b->gradient_block);
    free(b->scratch);
    free(b->vectors);
    free(b->table);
    free(b);
}

/* Makes a block of at least n numbers; what was in it is lost where it grows. */
static int make_room(real **block, size_t *room, size_t n)
{
    if (*block && n <= *room)
        return 0;
    free(*block);
    *block = malloc((n ? n : 1) * sizeof **block);
    *room = *block ? n : 0;
    return *block ? 0 : -1;
}

/* The tables by stage, once it is known how many there are. */
static int make_tables(Bundle *b, size_t stages)
{
    if (b->stages)
        return 0;
    b->totals = calloc(stages, sizeof *b->totals);
    b->values = calloc(stages, sizeof *b->values);
    b->gradients = calloc(stages, sizeof *b->gradients);
    b->has_gradient = calloc(stages, sizeof *b->has_gradient);
    b->gradient_at = calloc(stages, sizeof *b->gradient_at);
    if (!b->totals || !b->values || !b->gradients || !b->has_gradient || !b->gradient_at)
        return -1;
    b->stages = stages;
    return 0;
}

/* ---- sequences ---- */

void bundle_clear(Bundle *b)
{
    b->count = b->ids[0].len = b->ids[1].len = b->targets.len = b->rows[0] = b->rows[1] = 0;
    if (b->stages)
        memset(b->totals, 0, b->stages * sizeof *b->totals);
}

size_t bundle_rows(const Bundle *b)
{
    return b->rows[0] > b->rows[1] ? b->rows[0] : b->rows[1];
}

static int grow(Bundle *b, Error *e)
{
    if (b->count < b->room)
        return 0;
    size_t room = b->room ? 2 * b->room : 8;
    Sequence *more = realloc(b->sequences, room * sizeof *more);
    if (more)
        b->sequences = more;
    for (int i = 0; more && i < 2; i++) {
        size_t *lengths = realloc(b->lengths[i], room * sizeof *lengths);
        if (!lengths)
            more = NULL;
        else
            b->lengths[i] = lengths;
    }
    if (!more)
        return error_memory(e, "bundle");
    b->room = room;
    return 0;
}

/* A plan of these lengths for the next sequence. */
static int plan_sequence(Bundle *b, PlanInput lengths, Error *e)
{
    Sequence *s = &b->sequences[b->count];
    if (b->count < b->made)
        return plan_resize(&s->plan, b->model, lengths, e);
    *s = (Sequence){0};
    if (plan_build(&s->plan, b->model, lengths, b->ablations, e) != 0)
        return -1;
    s->at = calloc(s->plan.count, sizeof *s->at);
    if (!s->at || make_tables(b, s->plan.count) != 0) {
        free(s->at);
        plan_free(&s->plan);
        return error_memory(e, "bundle");
    }
    b->made++;
    return 0;
}

static int add_ids(Bundle *b, Ids *ids, const int *from, size_t n, Error *e)
{
    for (size_t i = 0; i < n; i++) {
        if (from[i] < 0 || (size_t)from[i] >= b->model->config.vocab_size)
            return error_set(e, "token %zu: expected an id from 0 to %zu, found %d", i + 1, b->model->config.vocab_size - 1, from[i]);
        if (ids_add(ids, from[i], e) != 0)
            return -1;
    }
    return 0;
}

int bundle_add(Bundle *b, PassInput in, const int *targets, size_t n, uint64_t seed, Error *e)
{
    const Config *c = &b->model->config;
    PlanInput lengths = {in.source_len, in.target_len, 0};
    if (loss_count(targets, n, c->kind == KIND_ENCODER ? in.source_len : in.target_len, c->vocab_size, e) < 0 || grow(b, e) != 0 ||
        plan_sequence(b, lengths, e) != 0)
        return -1;
    Sequence *s = &b->sequences[b->count];
    s->seed = seed;
    for (int i = 0; i < 2; i++)
        s->first[i] = b->ids[i].len;
    if (add_ids(b, &b->ids[0], in.source, in.source_len, e) != 0 || add_ids(b, &b->ids[1], in.target, in.target_len, e) != 0)
        return -1;
    for (size_t i = 0; i < n; i++)
        if (ids_add(&b->targets, targets[i], e) != 0)
            return -1;
    for (size_t i = 0; i < b->stages; i++) {
        s->at[i] = b->totals[i];
        b->totals[i] += s->plan.stages[i].count;
    }
    b->lengths[0][b->count] = in.source_len;
    b->lengths[1][b->count] = in.target_len;
    b->rows[0] += in.source_len;
    b->rows[1] += in.target_len;
    b->count++;
    return 0;
}

/* ---- one stage ---- */

static size_t logits_index(const Bundle *b)
{
    return b->stages - 2; /* the plan ends in logits, probs */
}

static int stack_index(Stack s)
{
    return s == STACK_ENCODER ? 0 : 1;
}

/* The stages that look beyond one row, or whose rows depend on where a sequence begins: all but those that are known to take each row, or
 * each number, for itself. */
static bool is_by_sequence(StageKind kind)
{
    switch (kind) {
    case STAGE_TOKENS:
    case STAGE_SUM:
    case STAGE_TYPED:
    case STAGE_NORM:
    case STAGE_Q_NORM: /* [heads, rows, k]: each head's row for itself */
    case STAGE_K_NORM:
    case STAGE_SCALED:
    case STAGE_ACTIVATE:
    case STAGE_PRODUCT:
    case STAGE_JOINED:
    case STAGE_RESIDUAL:
    case STAGE_PROBS:
        return false;
    default:
        return !stage_is_linear(kind);
    }
}

/* Stage i with the rows of all sequences: the dimension that counts positions is the only one that differs. */
static Stage whole_stage(const Bundle *b, size_t i)
{
    Stage s = b->sequences[0].plan.stages[i];
    int axis = s.rank - 2; /* [rows, n], and [heads, rows, k] of q, k and v */
    s.shape[axis] = b->rows[stack_index(s.axis_stack[axis])];
    s.count = b->totals[i];
    return s;
}

/* What stage i reads and writes: of one sequence, or of all where it is NULL and `stage` is the whole one. */
static StageRun prepare(const Bundle *b, size_t i, const Stage *stage, const Sequence *q)
{
    const Plan *plan = q ? &q->plan : &b->sequences[0].plan;
    size_t rows = stage->rank >= 2 ? (size_t)stage->rank - 2 : 0;
    StageRun r = {.stage = stage, .config = plan->config, .ablations = b->ablations, .scratch = b->scratch, .table = b->table};
    r.out = b->values[i] + (q ? q->at[i] : 0);
    r.ids = b->ids[stack_index(stage->stack)].data + (q ? q->first[stack_index(stage->stack)] : 0);
    r.lengths = b->lengths[stack_index(stage->axis_stack[rows])];
    r.sequences = b->count;
    if (q && stage->axes[stage->rank - 1] == AXIS_KEY) {
        int keys = stack_index(stage->axis_stack[stage->rank - 1]);
        r.key_ids = b->ids[keys].data + q->first[keys];
    }
    for (int k = 0; k < 2; k++) {
        if (stage->w[k] != NO_WEIGHT) {
            const Weight *item = &b->model->weights.items[stage->w[k]];
            r.w[k] = item->values;
            pass_make_readable(&r.w[k], item, b->vectors ? b->vectors + (size_t)k * (b->vector_room / 2) : NULL);
        }
        if (stage->in[k] == NO_STAGE)
            continue;
        const Stage *in = &plan->stages[stage->in[k]];
        r.in_stage[k] = in;
        r.in[k] = b->values[stage->in[k]] + (q ? q->at[stage->in[k]] : 0);
        r.stride[k] = in->rank == 3 ? in->shape[1] * in->shape[2] : 0;
    }
    return r;
}

/* ---- dropout (Srivastava et al. 2014), where the 2017 paper has it: section 5.4 ---- */

/* Each sub-layer's result before it joins the stream, and the sum of the embeddings (behind its norm, as in BERT). */
static bool drops(const Bundle *b, const Stage *s)
{
    const Config *c = &b->model->config;
    bool has_sum = c->position == POSITION_SINUSOIDAL || c->position == POSITION_LEARNED;
    if (s->kind == STAGE_OUT || s->kind == STAGE_CONTRACT)
        return true;
    if (s->sub != SUB_EMBED)
        return false;
    return s->kind == (c->embed_norm ? STAGE_NORM : c->token_types ? STAGE_TYPED : has_sum ? STAGE_SUM : STAGE_TOKENS);
}

/* Sets a share of the n numbers of stage i to 0 and scales the others up by as much: the same ones whenever it is called with this
 * seed. Four draws of 16 bits from each random number. */
static void drop(real *x, size_t n, double share, uint64_t seed, size_t i)
{
    Random mixed = random_seeded(seed + i), r = random_seeded(random_bits(&mixed));
    unsigned limit = (unsigned)(share * 65536);
    real scale = (real)(65536.0 / (65536.0 - limit));
    uint64_t bits = 0;
    for (size_t j = 0; j < n; j++) {
        bits = j % 4 ? bits >> 16 : random_bits(&r);
        x[j] = (bits & 0xffff) < limit ? 0 : x[j] * scale;
    }
}

/* x: the numbers of stage i, of all sequences. */
static void drop_all(const Bundle *b, size_t i, real *x, double share)
{
    if (share <= 0 || !drops(b, &b->sequences[0].plan.stages[i]))
        return;
    for (size_t k = 0; k < b->count; k++) {
        const Sequence *q = &b->sequences[k];
        drop(x + q->at[i], q->plan.stages[i].count, share, q->seed, i);
    }
}

/* ---- forward and loss ---- */

static int lay_out_values(Bundle *b)
{
    size_t total = 0, scratch = b->model->config.vocab_size, longest = 0, width = stage_table_width(&b->model->config);
    for (size_t i = 0; i < b->stages; i++) {
        StageKind kind = b->sequences[0].plan.stages[i].kind;
        bool projects = kind == STAGE_Q || kind == STAGE_K || kind == STAGE_V;
        scratch = projects && b->totals[i] > scratch ? b->totals[i] : scratch;
        total += b->totals[i];
    }
    for (size_t k = 0; k < b->count; k++)
        for (int i = 0; i < 2; i++)
            longest = b->lengths[i][k] > longest ? b->lengths[i][k] : longest;
    if (make_room(&b->value_block, &b->value_room, total) != 0 || make_room(&b->scratch, &b->scratch_room, scratch) != 0 ||
        make_room(&b->vectors, &b->vector_room, 2 * pass_longest_vector(&b->model->weights)) != 0)
        return -1;
    if (longest * width > b->table_room) {
        if (make_room(&b->table, &b->table_room, longest * width) != 0)
            return -1;
        stage_fill_table(b->table, &b->model->config, 0, longest);
    }
    total = 0;
    for (size_t i = 0; i < b->stages; total += b->totals[i++])
        b->values[i] = b->value_block + total;
    return 0;
}

static void forward(Bundle *b, const BundleTraining *t)
{
    for (size_t i = 0; i <= logits_index(b); i++) {
        Stage whole = whole_stage(b, i);
        if (is_by_sequence(whole.kind)) {
            for (size_t k = 0; k < b->count; k++) {
                StageRun r = prepare(b, i, &b->sequences[k].plan.stages[i], &b->sequences[k]);
                stage_table[whole.kind].forward(&r);
            }
        } else {
            StageRun r = prepare(b, i, &whole, NULL);
            stage_table[whole.kind].forward(&r);
        }
        drop_all(b, i, b->values[i], t->dropout);
        if (t->watch)
            t->watch(t->context, &whole, false, b->values[i], b->totals[i]);
    }
}

/* The sum of the losses, its gradient added to dlogits. */
static double sum_of_losses(Bundle *b, double smoothing, real *dlogits)
{
    size_t V = b->model->config.vocab_size;
    const real *logits = b->values[logits_index(b)];
    double sum = 0;
    for (size_t t = 0; t < b->targets.len; t++, logits += V, dlogits += V) {
        int target = b->targets.data[t];
        if (target < 0)
            continue;
        softmax_forward(b->scratch, logits, 1, V);
        sum += loss_row(logits, b->scratch, V, target, smoothing);
        loss_row_backward(dlogits, b->scratch, V, target, smoothing, 1);
    }
    return sum;
}

/* ---- backward: a stage's gradient has to live from the first stage that adds to it to its own stage's backward ---- */

/* Pieces of a block that are free. */
typedef struct Pieces {
    struct {
        size_t from, n;
    } free[64];
    size_t count, end;
} Pieces;

/* Where n numbers can be: in the smallest free piece that holds them, else at the end. */
static size_t take_piece(Pieces *x, size_t n)
{
    size_t best = x->count;
    for (size_t i = 0; i < x->count; i++)
        if (x->free[i].n >= n && (best == x->count || x->free[i].n < x->free[best].n))
            best = i;
    if (best == x->count) {
        x->end += n;
        return x->end - n;
    }
    size_t from = x->free[best].from;
    x->free[best] = x->free[--x->count];
    return from;
}

static void give_piece(Pieces *x, size_t from, size_t n)
{
    if (x->count < sizeof x->free / sizeof *x->free) {
        x->free[x->count].from = from;
        x->free[x->count++].n = n;
    }
}

static int lay_out_gradients(Bundle *b)
{
    Pieces x = {.count = 0};
    const Stage *stages = b->sequences[0].plan.stages;
    memset(b->has_gradient, 0, b->stages * sizeof *b->has_gradient);
    b->gradient_at[logits_index(b)] = take_piece(&x, b->totals[logits_index(b)]);
    b->has_gradient[logits_index(b)] = true;
    for (size_t i = b->stages; i-- > 0;) {
        if (!b->has_gradient[i])
            continue; /* the loss does not reach it */
        for (int k = 0; k < 2; k++) {
            int in = stages[i].in[k];
            if (in != NO_STAGE && !b->has_gradient[in]) {
                b->gradient_at[in] = take_piece(&x, b->totals[in]);
                b->has_gradient[in] = true;
            }
        }
        give_piece(&x, b->gradient_at[i], b->totals[i]);
    }
    if (make_room(&b->gradient_block, &b->gradient_room, x.end) != 0)
        return -1;
    for (size_t i = 0; i < b->stages; i++)
        b->gradients[i] = b->has_gradient[i] ? b->gradient_block + b->gradient_at[i] : NULL;
    memset(b->has_gradient, 0, b->stages * sizeof *b->has_gradient);
    return 0;
}

/* The gradient of stage i to add to: zeros at first. */
static real *begin_gradient(Bundle *b, size_t i)
{
    if (!b->has_gradient[i])
        memset(b->gradients[i], 0, b->totals[i] * sizeof(real));
    b->has_gradient[i] = true;
    return b->gradients[i];
}

static void run_backward(const Bundle *b, size_t i, const Stage *stage, const Sequence *q, const BundleTraining *t)
{
    StageRun r = prepare(b, i, stage, q);
    r.dout = b->gradients[i] + (q ? q->at[i] : 0);
    for (int k = 0; k < 2; k++) {
        if (stage->in[k] != NO_STAGE)
            r.din[k] = b->gradients[stage->in[k]] + (q ? q->at[stage->in[k]] : 0);
        if (stage->w[k] != NO_WEIGHT)
            r.dw[k] = t->gradients[stage->w[k]];
    }
    stage_table[stage->kind].backward(&r);
}

static void backward(Bundle *b, const BundleTraining *t)
{
    for (size_t i = logits_index(b) + 1; i-- > 0;) {
        Stage whole = whole_stage(b, i);
        if (!b->has_gradient[i])
            continue;
        drop_all(b, i, b->gradients[i], t->dropout);
        for (int k = 0; k < 2; k++)
            if (whole.in[k] != NO_STAGE)
                begin_gradient(b, (size_t)whole.in[k]);
        if (!is_by_sequence(whole.kind))
            run_backward(b, i, &whole, NULL, t);
        for (size_t k = 0; is_by_sequence(whole.kind) && k < b->count; k++)
            run_backward(b, i, &b->sequences[k].plan.stages[i], &b->sequences[k], t);
        if (t->watch)
            t->watch(t->context, &whole, true, b->values[i], b->totals[i]);
    }
}

int bundle_run(Bundle *b, const BundleTraining *t, double *sum, Error *e)
{
    if (b->count == 0)
        return error_set(e, "bundle: expected at least one sequence, found none");
    if (lay_out_values(b) != 0 || lay_out_gradients(b) != 0)
        return error_memory(e, "training");
    forward(b, t);
    *sum += sum_of_losses(b, t->smoothing, begin_gradient(b, logits_index(b)));
    backward(b, t);
    return 0;
}
