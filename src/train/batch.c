/* batch.c - draws, pads, runs and adds up. */
#include "train/batch.h"

#include "base/random.h"
#include "pass/bundle.h"
#include "tensor/kernels.h"
#include "tensor/matmul.h"
#include "tensor/threads.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

enum {
    LANES = 8,          /* at most */
    LANE_SEQUENCES = 4, /* at least: to add up the lanes costs as much for one sequence as for many */
    /* Sequences are run at once until they have so many rows: enough for large products, not so many that their values leave the cache;
     * where the weights do not fit there either, more. */
    BUNDLE_ROWS = 128,
    BUNDLE_ROWS_LARGE = 512,
    CHUNK = 1 << 14, /* numbers that are added up at a time */
};

/* Numbers beyond which a model has one lane. */
#define ONE_LANE_ABOVE ((size_t)4 << 20)

typedef struct Lane {
    real *block;    /* every weight's gradient */
    real **weights; /* by weight, into the block */
    double loss;
    size_t counted, tokens;
    Error error;
    bool failed;
} Lane;

struct Batch {
    const Model *model;
    const Recipe *recipe;
    const Examples *source;
    TaskExample *examples; /* [recipe->batch] */
    Lane lanes[LANES];
    size_t lane_count;
    double *squares; /* by chunk */
    size_t chunks;

    pthread_mutex_t lock; /* of the bundles that nobody uses */
    Bundle *idle[LANES];
    size_t idle_count;

    /* what is being run */
    const TaskExample *given; /* NULL: drawn into examples */
    size_t count, step;
};

/* ---- memory ---- */

static int create_lane(Lane *lane, const Weights *w, Error *e)
{
    lane->block = calloc(w->total ? w->total : 1, sizeof *lane->block);
    lane->weights = calloc(w->count ? w->count : 1, sizeof *lane->weights);
    if (!lane->block || !lane->weights)
        return error_memory(e, "gradients");
    for (size_t i = 0, at = 0; i < w->count; at += w->items[i++].count)
        lane->weights[i] = lane->block + at;
    return 0;
}

static size_t count_lanes(size_t batch, size_t weights)
{
    size_t lanes = batch / LANE_SEQUENCES;
    if (lanes < 1 || weights > ONE_LANE_ABOVE)
        return 1;
    return lanes < LANES ? lanes : LANES;
}

Batch *batch_create(const Model *m, const Recipe *r, const Examples *x, Error *e)
{
    Batch *b = calloc(1, sizeof *b);
    if (!b) {
        error_memory(e, "batch");
        return NULL;
    }
    b->model = m;
    b->recipe = r;
    b->source = x;
    b->lane_count = count_lanes(r->batch, m->weights.total);
    b->chunks = (m->weights.total + CHUNK - 1) / CHUNK;
    b->examples = calloc(r->batch, sizeof *b->examples);
    b->squares = calloc(b->chunks ? b->chunks : 1, sizeof *b->squares);
    pthread_mutex_init(&b->lock, NULL);
    int status = b->examples && b->squares ? 0 : error_memory(e, "batch");
    for (size_t i = 0; i < b->lane_count && status == 0; i++)
        status = create_lane(&b->lanes[i], &m->weights, e);
    if (status == 0)
        return b;
    batch_free(b);
    return NULL;
}

void batch_free(Batch *b)
{
    if (!b)
        return;
    for (size_t i = 0; i < b->lane_count; i++) {
        free(b->lanes[i].block);
        free(b->lanes[i].weights);
    }
    for (size_t i = 0; i < b->idle_count; i++)
        bundle_free(b->idle[i]);
    for (size_t i = 0; b->examples && i < b->recipe->batch; i++)
        task_example_free(&b->examples[i]);
    pthread_mutex_destroy(&b->lock);
    free(b->examples);
    free(b->squares);
    free(b);
}

real *batch_gradient(Batch *b)
{
    return b->lanes[0].block;
}

/* ---- bundles: as many as lanes run at once; the one used last is taken first ---- */

static Bundle *take_bundle(Batch *b, Error *e)
{
    pthread_mutex_lock(&b->lock);
    Bundle *u = b->idle_count ? b->idle[--b->idle_count] : NULL;
    pthread_mutex_unlock(&b->lock);
    return u ? u : bundle_create(b->model, b->recipe->ablations, e);
}

static void give_bundle(Batch *b, Bundle *u)
{
    pthread_mutex_lock(&b->lock);
    b->idle[b->idle_count++] = u;
    pthread_mutex_unlock(&b->lock);
}

/* ---- examples ---- */

static PassInput input_of(const TaskExample *x)
{
    return (PassInput){x->source.data, x->input.data, x->source.len, x->input.len};
}

static int draw(Batch *b, size_t i, Error *e)
{
    return examples_draw(b->source, b->recipe->data_seed, TASK_TRAIN, (uint64_t)b->step * b->recipe->batch + i, &b->examples[i], e);
}

static int fill_up(Ids *ids, size_t n, int id, Error *e)
{
    while (ids->len < n)
        if (ids_add(ids, id, e) != 0)
            return -1;
    return 0;
}

/* Draws the whole batch and fills every sequence up to the longest. */
static int draw_padded(Batch *b, Error *e)
{
    size_t source = 0, input = 0;
    int pad = b->model->config.pad;
    for (size_t i = 0; i < b->count; i++) {
        if (draw(b, i, e) != 0)
            return -1;
        source = b->examples[i].source.len > source ? b->examples[i].source.len : source;
        input = b->examples[i].input.len > input ? b->examples[i].input.len : input;
    }
    for (size_t i = 0; i < b->count; i++) {
        TaskExample *x = &b->examples[i];
        if (fill_up(&x->source, source, pad, e) != 0 || fill_up(&x->input, input, pad, e) != 0 ||
            fill_up(&x->targets, input ? input : source, -1, e) != 0)
            return -1;
    }
    b->given = b->examples;
    return 0;
}

/* ---- one lane ---- */

static size_t count_read(const Ids *ids, int pad)
{
    size_t n = 0;
    for (size_t i = 0; i < ids->len; i++)
        n += ids->data[i] != pad;
    return n;
}

/* Draws sequence i, where it was not given, and adds it to the bundle. */
static int add_sequence(Batch *b, Lane *lane, Bundle *u, size_t i)
{
    const Recipe *r = b->recipe;
    if (!b->given && draw(b, i, &lane->error) != 0)
        return -1;
    const TaskExample *x = b->given ? &b->given[i] : &b->examples[i];
    Random seeds = random_seeded(r->data_seed + 1);
    seeds = random_seeded(random_bits(&seeds) + (uint64_t)b->step * r->batch + i);
    if (bundle_add(u, input_of(x), x->targets.data, x->targets.len, random_bits(&seeds), &lane->error) != 0)
        return -1;
    for (size_t k = 0; k < x->targets.len; k++)
        lane->counted += x->targets.data[k] >= 0;
    lane->tokens += count_read(&x->source, r->config.pad) + count_read(&x->input, r->config.pad);
    return 0;
}

static int run_sequences(Batch *b, size_t which, Bundle *u)
{
    Lane *lane = &b->lanes[which];
    BundleTraining t = {.smoothing = b->recipe->label_smoothing, .dropout = b->recipe->dropout, .gradients = lane->weights};
    size_t rows = b->model->weights.total > ONE_LANE_ABOVE ? BUNDLE_ROWS_LARGE : BUNDLE_ROWS;
    bundle_clear(u);
    for (size_t i = which; i < b->count; i += b->lane_count) {
        bool last = i + b->lane_count >= b->count;
        if (add_sequence(b, lane, u, i) != 0)
            return -1;
        if (!last && bundle_rows(u) < rows)
            continue;
        if (bundle_run(u, &t, &lane->loss, &lane->error) != 0)
            return -1;
        bundle_clear(u);
    }
    return 0;
}

static void run_lane(void *context, size_t which)
{
    Batch *b = context;
    Lane *lane = &b->lanes[which];
    lane->loss = 0;
    lane->counted = lane->tokens = 0;
    Bundle *u = take_bundle(b, &lane->error);
    lane->failed = !u || run_sequences(b, which, u) != 0;
    if (u)
        give_bundle(b, u);
}

/* ---- adding up ---- */

/* Adds the other lanes' part of a chunk to the first one's, clears them, and squares the sum. */
static void add_lanes(void *context, size_t chunk)
{
    Batch *b = context;
    size_t from = chunk * CHUNK, n = b->model->weights.total - from < CHUNK ? b->model->weights.total - from : CHUNK;
    real *sum = b->lanes[0].block + from;
    for (size_t l = 1; l < b->lane_count; l++) {
        add_to(sum, b->lanes[l].block + from, n);
        memset(b->lanes[l].block + from, 0, n * sizeof *sum);
    }
    b->squares[chunk] = sum_of_squares(sum, n);
}

static int run_lanes(Batch *b, BatchResult *out, Error *e)
{
    double squares = 0;
    *out = (BatchResult){0};
    if (b->lane_count == 1)
        run_lane(b, 0); /* not as a task: its products may use the threads */
    else
        threads_run(b->lane_count, matmul_threads(), run_lane, b);
    for (size_t l = 0; l < b->lane_count; l++) {
        if (b->lanes[l].failed) {
            if (e)
                *e = b->lanes[l].error;
            return -1;
        }
        out->loss += b->lanes[l].loss;
        out->counted += b->lanes[l].counted;
        out->tokens += b->lanes[l].tokens;
    }
    threads_run(b->chunks, matmul_threads(), add_lanes, b);
    for (size_t i = 0; i < b->chunks; i++)
        squares += b->squares[i];
    out->loss /= (double)out->counted;
    out->norm = sqrt(squares) / (double)out->counted;
    return 0;
}

int batch_run(Batch *b, size_t step, BatchResult *out, Error *e)
{
    b->step = step;
    b->count = b->recipe->batch;
    b->given = NULL;
    if (b->recipe->pad_batch && draw_padded(b, e) != 0)
        return -1;
    return run_lanes(b, out, e);
}

int batch_run_examples(Batch *b, const TaskExample *examples, size_t n, size_t step, BatchResult *out, Error *e)
{
    b->step = step;
    b->count = n;
    b->given = examples;
    return run_lanes(b, out, e);
}
