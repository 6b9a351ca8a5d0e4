/* continual.c - a translator learns new words from a few sentences: what it learns, what it forgets, and four ways to forget less.
 *
 * Owns the ways. Each begins with the same shipped weights and sees the same sentences in the same order. */
#include "lab/continual.h"
#include "lab/lab.h"

#include "base/text.h"
#include "model/nearest.h"
#include "tensor/matmul.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef enum Way { WAY_ALL, WAY_ROWS, WAY_REHEARSAL, WAY_EWC, WAY_LORA } Way;

typedef struct Case {
    const char *name;
    Way way;
    size_t rank;
} Case;

static const Case cases[] = {{"all-weights", WAY_ALL, 0}, {"new-rows-only", WAY_ROWS, 0}, {"rehearsal", WAY_REHEARSAL, 0},
                             {"ewc", WAY_EWC, 0},         {"lora-1", WAY_LORA, 1},        {"lora-2", WAY_LORA, 2},
                             {"lora-4", WAY_LORA, 4}};
enum { CASES = sizeof cases / sizeof *cases };

/* What all cases share. */
typedef struct World {
    const Model *shipped;
    const Examples *examples;
    Sentences lessons, rehearsed, old_test, new_test; /* trained on; of the old ones, mixed in by rehearsal; held out */
    size_t steps, batch;
    double lr, ewc;
} World;

typedef struct Outcome {
    Spread old_before, new_before, old_after, new_after, old_off;
    double trained; /* numbers that are trained */
} Outcome;

/* ---- LoRA (Hu et al. 2021): W + A·B, W kept, A [inputs, rank] and B [rank, outputs] trained ---- */

typedef struct Adapter {
    size_t weight, in, out, rank;
    real *base;                      /* W [in, out] */
    real *a, *b, *da, *db, *moments; /* of a and b, side by side */
} Adapter;

typedef struct Adapters {
    Adapter *items;
    size_t count;
} Adapters;

static bool is_adapted(const Weight *w)
{
    return w->rank == 2 && !name_ends_with(w->name, ".embed.W_E") && !name_ends_with(w->name, ".embed.W_P");
}

static void adapters_free(Adapters *x)
{
    for (size_t i = 0; i < x->count; i++) {
        free(x->items[i].base);
        free(x->items[i].a);
    }
    free(x->items);
    *x = (Adapters){0};
}

/* A is drawn, B is 0: at first nothing is changed. */
static int adapters_make(Adapters *x, const Model *m, size_t rank, uint64_t seed, Error *e)
{
    Random random = random_seeded(seed);
    *x = (Adapters){.items = calloc(m->weights.count, sizeof *x->items)};
    if (!x->items)
        return error_memory(e, "lora");
    for (size_t i = 0; i < m->weights.count; i++) {
        const Weight *w = &m->weights.items[i];
        if (!is_adapted(w))
            continue;
        Adapter *p = &x->items[x->count++];
        size_t n = rank * (w->shape[0] + w->shape[1]);
        *p = (Adapter){.weight = i,
                       .in = w->shape[0],
                       .out = w->shape[1],
                       .rank = rank,
                       .base = malloc(w->count * sizeof(real)),
                       .a = calloc(4 * n, sizeof(real))};
        if (!p->base || !p->a)
            return error_memory(e, "lora");
        weight_read(p->base, w);
        p->b = p->a + rank * w->shape[0];
        p->da = p->a + n;
        p->db = p->da + rank * w->shape[0];
        p->moments = p->a + 2 * n;
        for (size_t k = 0; k < rank * w->shape[0]; k++)
            p->a[k] = (real)(random_normal(&random) / sqrt((double)w->shape[0]));
    }
    return 0;
}

/* The model's weights become W + A·B, or W where the adapter is off. */
static void adapters_apply(const Adapters *x, Model *m, bool on)
{
    for (size_t i = 0; i < x->count; i++) {
        const Adapter *p = &x->items[i];
        real *w = weights_values(&m->weights, p->weight);
        memcpy(w, p->base, p->in * p->out * sizeof *w);
        if (on)
            matmul(w, p->out, p->a, p->rank, PLAIN, p->b, p->out, PLAIN, p->in, p->out, p->rank, true);
    }
}

/* From dW: dA = dW·Bᵀ, dB = Aᵀ·dW; one step of AdamW on both. */
static void adapters_step(Adapters *x, const Learner *l, double lr, size_t step)
{
    for (size_t i = 0; i < x->count; i++) {
        Adapter *p = &x->items[i];
        size_t n = p->rank * (p->in + p->out);
        const real *dw = l->by_weight[p->weight];
        matmul(p->da, p->rank, dw, p->out, PLAIN, p->b, p->out, TRANSPOSED, p->in, p->rank, p->out, false);
        matmul(p->db, p->out, p->a, p->rank, TRANSPOSED, dw, p->out, PLAIN, p->rank, p->out, p->in, false);
        adamw_update(p->a, p->moments, p->moments + n, p->da, n, &l->adamw, lr, 1, step);
    }
}

/* ---- EWC (Kirkpatrick et al. 2017): a weight that mattered for the old is held where it was ---- */

/* importance [total]: the mean over old sentences of the squared gradient, one sentence at a time (the diagonal of the empirical Fisher
 * information). */
static int measure_importance(Learner *l, const Sentences *old, real *importance, Error *e)
{
    size_t n = l->model->weights.total;
    double loss;
    memset(importance, 0, n * sizeof *importance);
    for (size_t i = 0; i < old->count; i++) {
        learner_clear(l);
        if (learner_add(l, &old->items[i], e) != 0 || learner_run(l, &loss, e) != 0)
            return -1;
        for (size_t k = 0; k < n; k++)
            importance[k] += l->gradient[k] * l->gradient[k] / (real)old->count;
    }
    return 0;
}

/* gradient += strength * importance * (w - start): that of strength/2 * Σ importance (w - start)². */
static void hold(Learner *l, const real *importance, const real *start, double strength)
{
    const real *w = l->model->weights.block;
    for (size_t k = 0; k < l->model->weights.total; k++)
        l->gradient[k] += (real)strength * importance[k] * (w[k] - start[k]);
}

/* ---- one case ---- */

/* Everything but the new rows of the embeddings has gradient 0: AdamW then leaves it as it is. */
static void keep_new_rows(Learner *l, size_t first)
{
    for (size_t i = 0; i < l->model->weights.count; i++) {
        const Weight *w = &l->model->weights.items[i];
        size_t keep = name_ends_with(w->name, ".embed.W_E") ? first * w->shape[1] : w->count;
        memset(l->by_weight[i], 0, keep * sizeof(real));
    }
}

static int fill_batch(Learner *l, const World *w, const Case *x, Random *random, Error *e)
{
    learner_clear(l);
    for (size_t i = 0; i < w->batch; i++) {
        const Sentences *from = x->way == WAY_REHEARSAL && i % 2 ? &w->rehearsed : &w->lessons;
        if (learner_add(l, &from->items[random_below(random, from->count)], e) != 0)
            return -1;
    }
    return 0;
}

/* What a case keeps while it is trained. */
typedef struct State {
    Learner learner;
    Adapters adapters;
    real *importance, *start;
} State;

static void state_free(State *s)
{
    learner_close(&s->learner);
    adapters_free(&s->adapters);
    free(s->importance);
    free(s->start);
}

static int state_make(State *s, Model *m, const World *w, const Case *x, uint64_t seed, Error *e)
{
    *s = (State){.importance = NULL};
    if (learner_open(&s->learner, m, 0, e) != 0)
        return -1;
    if (x->way == WAY_LORA)
        return adapters_make(&s->adapters, m, x->rank, seed, e);
    if (x->way != WAY_EWC)
        return 0;
    s->importance = malloc(m->weights.total * sizeof(real));
    s->start = malloc(m->weights.total * sizeof(real));
    if (!s->importance || !s->start)
        return error_memory(e, "ewc");
    memcpy(s->start, m->weights.block, m->weights.total * sizeof(real));
    return measure_importance(&s->learner, &w->rehearsed, s->importance, e);
}

static int take_step(State *s, const World *w, const Case *x, Random *random, Error *e)
{
    Learner *l = &s->learner;
    double loss;
    if (fill_batch(l, w, x, random, e) != 0 || learner_run(l, &loss, e) != 0)
        return -1;
    if (x->way == WAY_EWC)
        hold(l, s->importance, s->start, w->ewc);
    if (x->way == WAY_LORA)
        adapters_step(&s->adapters, l, w->lr, l->steps + 1);
    if (x->way == WAY_LORA || x->way == WAY_ROWS)
        keep_new_rows(l, continual_first(w->shipped));
    learner_step(l, w->lr, 1);
    if (x->way == WAY_LORA)
        adapters_apply(&s->adapters, l->model, true);
    return 0;
}

static double count_trained(const Model *m, const Case *x, const Adapters *a, size_t first)
{
    double rows = 0, adapted = 0;
    for (size_t i = 0; i < m->weights.count; i++)
        if (name_ends_with(m->weights.items[i].name, ".embed.W_E"))
            rows += (double)(m->weights.items[i].count - first * m->weights.items[i].shape[1]);
    for (size_t i = 0; i < a->count; i++)
        adapted += (double)(a->items[i].rank * (a->items[i].in + a->items[i].out));
    return x->way == WAY_LORA || x->way == WAY_ROWS ? rows + adapted : (double)m->weights.total;
}

static int score(Spread *old, Spread *fresh, const Model *m, const World *w, Error *e)
{
    double a, b = 0;
    if (sentences_score(m, &w->old_test, &a, e) != 0 || (fresh && sentences_score(m, &w->new_test, &b, e) != 0))
        return -1;
    spread_add(old, a);
    if (fresh)
        spread_add(fresh, b);
    return 0;
}

static int run_case(Lab *lab, const World *w, const Case *x, uint64_t seed, double from, double to, Outcome *out, Plot *p, size_t series,
                    Error *e)
{
    State s = {.importance = NULL};
    Random random = random_seeded(seed);
    Model *m = continual_extend(w->shipped, seed, e);
    int status = m && score(&out->old_before, &out->new_before, m, w, e) == 0 ? state_make(&s, m, w, x, seed, e) : -1;
    for (size_t i = 0; i < w->steps && status == 0; i++) {
        if (seed == 1 && i % (w->steps / 5 ? w->steps / 5 : 1) == 0) {
            double old;
            status = sentences_score(m, &w->old_test, &old, e);
            plot_point(p, series, (double)i, old);
        }
        if (status == 0)
            status = take_step(&s, w, x, &random, e);
        if (status == 0 && i % 10 == 0)
            status = lab_progress(lab, from + (to - from) * (double)i / (double)w->steps, x->name, e);
    }
    if (status == 0)
        status = score(&out->old_after, &out->new_after, m, w, e);
    if (status == 0 && seed == 1)
        plot_point(p, series, (double)w->steps, out->old_after.mean);
    if (status == 0) {
        out->trained = count_trained(m, x, &s.adapters, continual_first(w->shipped));
        if (x->way == WAY_LORA) {
            adapters_apply(&s.adapters, m, false);
            status = score(&out->old_off, NULL, m, w, e);
        }
    }
    state_free(&s);
    model_free(m);
    return status;
}

/* ---- the experiment ---- */

static int prepare(World *w, Lab *lab, Error *e)
{
    enum { FAR = 1000000 /* numbers of training examples that the lessons do not come from */ };
    size_t n = lab_size(lab, "examples");
    if (continual_draw(w->shipped, w->examples, TASK_TRAIN, true, lab_size(lab, "sentences"), 0, &w->lessons, e) != 0 ||
        continual_draw(w->shipped, w->examples, TASK_TRAIN, false, lab_size(lab, "rehearsed"), FAR, &w->rehearsed, e) != 0 ||
        continual_draw(w->shipped, w->examples, TASK_HELD_OUT, false, n, 0, &w->old_test, e) != 0)
        return -1;
    return continual_draw(w->shipped, w->examples, TASK_HELD_OUT, true, n, 0, &w->new_test, e);
}

static Table *make_table(Lab *lab)
{
    Table *t = lab_table_new(lab, "continual", _("held-out sentences right, before and after learning; off: without the adapter"));
    table_text_column(t, "way", _("way"));
    table_column(t, "trained", _("numbers trained"), 0);
    table_column(t, "new", _("new"), 3);
    table_column(t, "new_spread", _("± seeds"), 3);
    table_column(t, "old", _("old"), 3);
    table_column(t, "old_spread", _("± seeds"), 3);
    table_column(t, "old_off", _("old, off"), 3);
    return t;
}

static void add_row(Table *t, const Case *x, const Outcome *o)
{
    size_t row = table_row(t);
    table_set_text(t, row, "way", x->name);
    table_set(t, row, "trained", o->trained);
    table_set(t, row, "new", o->new_after.mean);
    table_set(t, row, "new_spread", spread_deviation(&o->new_after));
    table_set(t, row, "old", o->old_after.mean);
    table_set(t, row, "old_spread", spread_deviation(&o->old_after));
    table_set(t, row, "old_off", o->old_off.n ? o->old_off.mean : NAN);
}

static int run_cases(Lab *lab, const World *w, Error *e)
{
    static const Outcome nothing;
    size_t seeds = lab_size(lab, "seeds");
    Table *t = make_table(lab);
    Plot *p = lab_plot_new(lab, _("old sentences right while the new words are learned, seed 1"), _("steps"), _("share right"));
    for (size_t k = 0; k < CASES; k++) {
        Outcome out = nothing;
        size_t series = plot_series(p, cases[k].name);
        for (size_t seed = 1; seed <= seeds; seed++) {
            double at = (double)(k * seeds + seed - 1), all = (double)(CASES * seeds);
            if (run_case(lab, w, &cases[k], seed, at / all, (at + 1) / all, &out, p, series, e) != 0)
                return -1;
        }
        if (k == 0) {
            size_t row = table_row(t);
            table_set_text(t, row, "way", "before");
            table_set(t, row, "trained", 0);
            table_set(t, row, "new", out.new_before.mean);
            table_set(t, row, "old", out.old_before.mean);
        }
        add_row(t, &cases[k], &out);
        if (cases[k].way == WAY_LORA)
            lab_note(lab, _("%s: new %.2f; old %.2f with the adapter on, %.2f with it off (%.2f before)."), cases[k].name,
                     out.new_after.mean, out.old_after.mean, out.old_off.mean, out.old_before.mean);
        else
            lab_note(lab, _("%s: new %.2f, was %.2f; old %.2f, was %.2f."), cases[k].name, out.new_after.mean, out.new_before.mean,
                     out.old_after.mean, out.old_before.mean);
    }
    return 0;
}

int lab_run_continual(Lab *lab, Error *e)
{
    World w = {
        .steps = lab_size(lab, "steps"), .batch = lab_size(lab, "batch"), .lr = lab_number(lab, "lr"), .ewc = lab_number(lab, "ewc")};
    Recipe r = {0};
    Examples *x = NULL;
    Model *m = model_open("zh-en", NULL, e);
    int status = m ? setup_examples(m, &r, &x, e) : -1;
    w.shipped = m;
    w.examples = x;
    if (status == 0)
        status = prepare(&w, lab, e);
    if (status == 0)
        status = run_cases(lab, &w, e);
    sentences_free(&w.lessons);
    sentences_free(&w.rehearsed);
    sentences_free(&w.old_test);
    sentences_free(&w.new_test);
    examples_free(x);
    recipe_free(&r);
    model_free(m);
    return status;
}

const LabParam lab_params_continual[] = {
    {"sentences", LAB_INTEGER, "32", "16", 1, 10000, NULL, N_("new sentences to learn from: 狐狸 fox foxes, 地图 map maps")},
    {"rehearsed", LAB_INTEGER, "128", NULL, 1, 10000, NULL,
     N_("old sentences that rehearsal mixes in, and that EWC measures importance on")},
    {"steps", LAB_INTEGER, "200", "60", 1, 100000, NULL, N_("steps of fine-tuning")},
    {"batch", LAB_INTEGER, "8", NULL, 1, 1024, NULL, N_("sentences of a step")},
    {"lr", LAB_REAL, "0.001", "0.003", 0, 10, NULL, N_("learning rate of AdamW, the same for all ways")},
    {"ewc", LAB_REAL, "100000", NULL, 0, 1e9, NULL, N_("how strongly EWC holds a weight: the factor of its importance")},
    {"examples", LAB_INTEGER, "200", "50", 1, 10000, NULL, N_("held-out sentences of each kind")},
    {"seeds", LAB_INTEGER, "3", "2", 2, 20, NULL, N_("of the new rows, the adapters and the order of sentences, 1, 2, …")},
    {NULL, LAB_INTEGER, NULL, NULL, 0, 0, NULL, NULL},
};
