/* symmetry.c - what makes two heads different: begun equal, begun equal but for W_O, begun a thousandth apart, begun apart; on a task that
 * needs two patterns, and on one for which one suffices. */
#include "lab/lab.h"
#include "lab/trial.h"

#include "base/text.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The task: symbols 0 … SYMBOLS-1 in a row. Where one pattern suffices, each place asks for the symbol before it; where two are needed, for
 * the pair of the symbol before it and the one before that. One average of both values would do for few symbols; here it has D_HEAD
 * dimensions for PAIRS different pairs, and two heads, one for each, have it easier. */
enum {
    SYMBOLS = 16,
    PAIRS = SYMBOLS * SYMBOLS,
    VOCAB = SYMBOLS + PAIRS,
    LENGTH = 16,
    HEADS = 2,
    D_HEAD = 4,
    BEGINS = 4,
    TASKS = 2,
    MOMENTS_MAX = 64
};

static const char *const begin_names[BEGINS] = {"equal", "other-W_O", "0.001-apart", "apart"};
static const char *const task_names[TASKS] = {"two", "one"};

/* One training, and what is measured in it. */
typedef struct Twins {
    Model *model;
    bool two; /* patterns needed */
    uint64_t seed;
    size_t steps, every, moments;
    double first;                  /* distance of the heads after the first step */
    double distances[MOMENTS_MAX]; /* every so many steps, 0 first */
} Twins;

static int draw(void *context, uint64_t i, TaskExample *out, Error *e)
{
    const Twins *t = context;
    Random random = random_seeded(t->seed * 1000003 + i);
    int before = 0, last = 0;
    out->source.len = out->input.len = out->targets.len = 0;
    for (int k = 0; k < LENGTH; k++) {
        int symbol = (int)random_below(&random, SYMBOLS);
        int target = t->two ? SYMBOLS + SYMBOLS * before + last : last;
        if (ids_add(&out->input, symbol, e) != 0 || ids_add(&out->targets, k < 2 ? -1 : target, e) != 0)
            return -1;
        before = last;
        last = symbol;
    }
    return 0;
}

/* ---- a head's numbers: its columns of W_Q, W_K, W_V (and their biases), and its rows of W_O ---- */

typedef struct Slice {
    real *values;
    size_t rows, columns, stride;
} Slice;

static Slice slice_of(Model *m, const char *tag, size_t head)
{
    char name[WEIGHT_NAME_MAX];
    snprintf(name, sizeof name, "decoder.0.self.%s", tag);
    size_t d_k = m->config.d_head, d = m->config.d_model, width = m->config.n_heads * d_k;
    int w = weights_find(&m->weights, name);
    real *values = weights_values(&m->weights, (size_t)w);
    if (strcmp(tag, "W_O") == 0)
        return (Slice){values + head * d_k * d, d_k, d, d};
    bool bias = tag[0] == 'b';
    return (Slice){values + head * d_k, bias ? 1 : d, d_k, width};
}

static const char *const read_tags[] = {"W_Q", "W_K", "W_V", "b_Q", "b_K", "b_V"};
enum { READ_TAGS = sizeof read_tags / sizeof *read_tags };

static void make_equal(Model *m, const char *tag, double noise, Random *random)
{
    Slice from = slice_of(m, tag, 0), to = slice_of(m, tag, 1);
    for (size_t i = 0; i < from.rows; i++)
        for (size_t j = 0; j < from.columns; j++)
            to.values[i * to.stride + j] = from.values[i * from.stride + j] + (real)(noise > 0 ? noise * random_normal(random) : 0);
}

/* |head 0 - head 1| / |head 0|, over what they read with: W_Q, W_K, W_V and their biases. */
static double distance(Model *m)
{
    double apart = 0, size = 0;
    for (int k = 0; k < READ_TAGS; k++) {
        Slice a = slice_of(m, read_tags[k], 0), b = slice_of(m, read_tags[k], 1);
        for (size_t i = 0; i < a.rows; i++)
            for (size_t j = 0; j < a.columns; j++) {
                double x = (double)a.values[i * a.stride + j], y = (double)b.values[i * b.stride + j];
                apart += (x - y) * (x - y);
                size += x * x;
            }
    }
    return sqrt(apart / size);
}

static void begin(Model *m, int how, uint64_t seed)
{
    Random random = random_seeded(seed + 7);
    for (int k = 0; k < READ_TAGS && how < 3; k++)
        make_equal(m, read_tags[k], how == 2 ? 1e-3 : 0, &random);
    if (how == 0 || how == 2)
        make_equal(m, "W_O", 0, &random);
}

static int after(void *context, size_t step, double loss, Error *e)
{
    Twins *t = context;
    (void)loss;
    (void)e;
    if (step == 1)
        t->first = distance(t->model);
    if (step % t->every == 0 && t->moments < MOMENTS_MAX)
        t->distances[t->moments++] = distance(t->model);
    return 0;
}

/* How differently the heads look: half the sum of |weights of head 0 - weights of head 1| of a row, mean over rows that have a choice. */
static int difference_of_weights(const Model *m, uint64_t seed, double *out, Error *e)
{
    int ids[LENGTH];
    setup_ids(ids, LENGTH, SYMBOLS, seed + 99);
    Pass *p = pass_create(m, (PassInput){NULL, ids, 0, LENGTH}, 0, e);
    if (!p)
        return -1;
    const real *w = pass_value(p, (size_t)setup_stage(p, "decoder.0.self.weights"));
    *out = 0;
    for (size_t i = LENGTH; i < LENGTH * LENGTH; i++)
        *out += fabs((double)w[i] - (double)w[LENGTH * LENGTH + i]) / 2 / (LENGTH - 1);
    pass_free(p);
    return 0;
}

/* ---- all of it ---- */

typedef struct Summary {
    Spread start, first, end, weights, loss;
    double curve[MOMENTS_MAX];
    size_t moments;
} Summary;

static int train_once(Lab *lab, int task, int how, uint64_t seed, Summary *s, Error *e)
{
    Init init = {.kind = INIT_XAVIER, .seed = seed};
    Twins t = {.two = task == 0, .seed = seed, .steps = lab_size(lab, "steps")};
    double loss, looked = 0;
    t.every = (t.steps + MOMENTS_MAX - 2) / (MOMENTS_MAX - 1);
    t.every = t.every < 1 ? 1 : t.every;
    t.model = setup_model(
        &init, e, "kind=decoder,decoder_layers=1,d_model=32,n_heads=%d,d_head=%d,d_ff=32,ffn=none,norm=none,vocab_size=%d,position=rope",
        HEADS, D_HEAD, VOCAB);
    if (!t.model)
        return -1;
    begin(t.model, how, seed);
    t.distances[t.moments++] = distance(t.model);
    Trial trial = {.schedule = {.lr = lab_number(lab, "lr"), .lr_end = lab_number(lab, "lr"), .steps = t.steps},
                   .batch = lab_size(lab, "batch"),
                   .clip = 1,
                   .draw = draw,
                   .after = after,
                   .context = &t};
    int status = trial_train(&trial, t.model, 0, &loss, e);
    if (status == 0)
        status = difference_of_weights(t.model, seed, &looked, e);
    if (status == 0) {
        spread_add(&s->start, t.distances[0]);
        spread_add(&s->first, t.first);
        spread_add(&s->end, distance(t.model));
        spread_add(&s->weights, looked);
        spread_add(&s->loss, loss);
        s->moments = t.moments;
        for (size_t i = 0; i < t.moments; i++)
            s->curve[i] += t.distances[i] / (double)lab_size(lab, "seeds");
    }
    model_free(t.model);
    return status;
}

static void add_row(Table *t, Table *losses, const char *key, const Summary *s)
{
    size_t row = table_row(t);
    table_set_text(t, row, "case", key);
    table_set(t, row, "start", s->start.mean);
    table_set(t, row, "first", s->first.mean);
    table_set(t, row, "end", s->end.mean);
    table_set(t, row, "end_std", spread_deviation(&s->end));
    table_set(t, row, "weights", s->weights.mean);
    row = table_row(losses);
    table_set_text(losses, row, "case", key);
    table_set(losses, row, "loss", s->loss.mean);
    table_set(losses, row, "loss_std", spread_deviation(&s->loss));
}

int lab_run_symmetry(Lab *lab, Error *e)
{
    size_t seeds = lab_size(lab, "seeds"), done = 0;
    Table *t = lab_table_new(lab, "heads", _("Two heads: |head 0 - head 1| / |head 0| in W_Q, W_K and W_V"));
    table_text_column(t, "case", _("task / begun"));
    table_column(t, "start", _("apart, start"), 4);
    table_column(t, "first", _("after 1 step"), 4);
    table_column(t, "end", _("at the end"), 4);
    table_column(t, "end_std", _("± of seeds"), 3);
    table_column(t, "weights", _("attention differs"), 3);
    Table *losses = lab_table_new(lab, "loss", _("The loss at the end: mean of the last tenth of the steps"));
    table_text_column(losses, "case", _("task / begun"));
    table_column(losses, "loss", _("loss, nats"), 4);
    table_column(losses, "loss_std", _("± of seeds"), 4);
    Plot *plots[TASKS] = {
        lab_plot_new(lab, _("Two patterns asked for: distance of the heads"), _("step"), _("relative distance, mean of seeds")),
        lab_plot_new(lab, _("One pattern asked for: distance of the heads"), _("step"), _("relative distance, mean of seeds"))};
    for (int task = 0; task < TASKS; task++) {
        plots[task]->y_log = true;
        for (int how = 0; how < BEGINS; how++) {
            Summary s = {.moments = 0};
            char key[48];
            snprintf(key, sizeof key, "%s/%s", task_names[task], begin_names[how]);
            for (size_t seed = 0; seed < seeds; seed++)
                if (train_once(lab, task, how, lab_size(lab, "seed") + seed, &s, e) != 0 ||
                    lab_progress(lab, (double)++done / (double)(TASKS * BEGINS * seeds), key, e) != 0)
                    return -1;
            add_row(t, losses, key, &s);
            size_t series = plot_series(plots[task], begin_names[how]);
            size_t every = (lab_size(lab, "steps") + MOMENTS_MAX - 2) / (MOMENTS_MAX - 1);
            for (size_t i = 0; i < s.moments; i++)
                plot_point(plots[task], series, (double)(i * (every ? every : 1)), s.curve[i]);
        }
    }
    lab_note(lab,
             _("Begun equal in W_Q, W_K, W_V and W_O, the heads stay equal: %g apart after the last step, also where two patterns are "
               "asked for. Every gradient is the same for both; the loss "
               "is then %.2g, begun apart %.2g."),
             table_number(t, 0, 3), table_number(losses, 0, 1), table_number(losses, 3, 1));
    lab_note(lab,
             _("Begun equal but for their rows of W_O, W_Q, W_K and W_V are %g apart at the start and %.2g after one step: W_O decides "
               "what gradient a head's values get."),
             table_number(t, 1, 1), table_number(t, 1, 2));
    lab_note(
        lab,
        _("A thousandth apart they end %.3g apart where two patterns are asked for and %.3g where one is; begun apart, %.3g and %.3g."),
        table_number(t, 2, 3), table_number(t, 6, 3), table_number(t, 3, 3), table_number(t, 7, 3));
    return 0;
}

const LabParam lab_params_symmetry[] = {
    {"steps", LAB_INTEGER, "400", NULL, 1, 100000, NULL, N_("of each training")},
    {"batch", LAB_INTEGER, "32", NULL, 1, 1024, NULL, N_("sequences of a step, of 16 symbols")},
    {"lr", LAB_REAL, "0.01", NULL, 1e-6, 1, NULL, N_("learning rate")},
    {"seeds", LAB_INTEGER, "3", "1", 1, 20, NULL, N_("trainings of each")},
    {"seed", LAB_INTEGER, "1", NULL, 0, 1e9, NULL, N_("the first of them: of weights (Xavier), difference and data")},
    {NULL, LAB_INTEGER, NULL, NULL, 0, 0, NULL, NULL},
};
