/* permutation.c - what a model without positions knows of order: an encoder, causal decoders of one layer and more, a recurrence and a
 * convolution beside them; and the translator that was trained with positions and without. */
#include "lab/arith.h"
#include "lab/lab.h"
#include "lab/setup.h"
#include "measure/metrics.h"
#include "train/task_zh_en.h"

#include "base/text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LENGTH_MAX = 64, VOCAB = 32, D = 16 /* of the recurrence and the convolution */ };

/* The same tokens twice: as drawn, and with the first n - 1 of them turned round. place[i]: where row i of the first stands in the second.
 */
typedef struct Orders {
    size_t n;
    int before[LENGTH_MAX], after[LENGTH_MAX];
    size_t place[LENGTH_MAX];
} Orders;

static Orders draw_orders(size_t n, uint64_t seed)
{
    Orders o = {.n = n};
    setup_ids(o.before, n, VOCAB, seed);
    for (size_t i = 0; i + 1 < n && o.before[0] == o.before[n - 2]; i++) /* not the same either way */
        o.before[0] = (o.before[0] + 1) % VOCAB;
    for (size_t i = 0; i < n; i++) {
        o.place[i] = i + 1 < n ? n - 2 - i : i;
        o.after[o.place[i]] = o.before[i];
    }
    return o;
}

/* How the rows [n, width] of the two orders differ, as shares of the largest number. */
typedef struct Difference {
    double moved; /* row i and row place[i]: 0 is equivariance */
    double last;  /* the last row */
    double mean;  /* the mean over rows: 0 is invariance */
} Difference;

static Difference compare(const real *x, const real *y, const Orders *o, size_t width)
{
    Difference d = {0};
    double size = 0;
    for (size_t j = 0; j < width; j++) {
        double mean = 0;
        for (size_t i = 0; i < o->n; i++) {
            double a = (double)x[i * width + j], b = (double)y[o->place[i] * width + j];
            size = fmax(size, fabs(a));
            d.moved = fmax(d.moved, fabs(a - b));
            d.last = i + 1 == o->n ? fmax(d.last, fabs(a - (double)y[i * width + j])) : d.last;
            mean += (a - (double)y[i * width + j]) / (double)o->n;
        }
        d.mean = fmax(d.mean, fabs(mean));
    }
    return (Difference){d.moved / size, d.last / size, d.mean / size};
}

/* The rows before the output: the final norm's, or the last residual's. */
static int run(const Model *m, const int *ids, size_t n, Pass **out, Error *e)
{
    PassInput in = m->config.kind == KIND_ENCODER ? (PassInput){ids, NULL, n, 0} : (PassInput){NULL, ids, 0, n};
    *out = pass_create(m, in, 0, e);
    return *out ? 0 : -1;
}

static int measure_model(Table *t, const char *key, const char *kind, size_t layers, const char *position, size_t n, uint64_t seed,
                         Error *e)
{
    Init init = {.kind = INIT_XAVIER, .seed = seed};
    Orders o = draw_orders(n, seed);
    Model *m = setup_model(&init, e, "kind=%s,%s_layers=%zu,d_model=32,n_heads=4,d_ff=64,vocab_size=%d,position=%s", kind, kind, layers,
                           VOCAB, position);
    Pass *a = NULL, *b = NULL, *same = NULL;
    int equal[LENGTH_MAX] = {0}, status = -1;
    if (m && run(m, o.before, n, &a, e) == 0 && run(m, o.after, n, &b, e) == 0 && run(m, equal, n, &same, e) == 0) {
        Difference d = compare(setup_logits(a), setup_logits(b), &o, VOCAB);
        double most = 0;
        const real *logits = setup_logits(same);
        for (size_t i = 1; i < n; i++)
            most = fmax(most, setup_difference(logits, logits + i * VOCAB, VOCAB));
        size_t row = table_row(t);
        table_set_text(t, row, "model", key);
        table_set(t, row, "moved", d.moved);
        table_set(t, row, "last", d.last);
        table_set(t, row, "mean", d.mean);
        table_set(t, row, "equal", most);
        status = 0;
    }
    pass_free(a);
    pass_free(b);
    pass_free(same);
    model_free(m);
    return status;
}

/* ---- a recurrence and a convolution ---- */

/* h_t = tanh(h_{t-1}·W + x_t) */
static void recurrence(real *h, const double *x, const double *w, size_t n)
{
    double state[D] = {0}, next[D];
    for (size_t t = 0; t < n; t++, memcpy(state, next, sizeof state))
        for (size_t j = 0; j < D; j++) {
            double sum = x[t * D + j];
            for (size_t i = 0; i < D; i++)
                sum += state[i] * w[i * D + j];
            next[j] = tanh(sum);
            h[t * D + j] = (real)next[j];
        }
}

/* y_t = tanh(Σ_k x_{t + k·dilation}·W_k), k = -1, 0, 1; outside there are zeros. */
static void convolution(double *y, const double *x, const double *w, size_t n, size_t dilation)
{
    for (size_t t = 0; t < n; t++)
        for (size_t j = 0; j < D; j++) {
            double sum = 0;
            for (int k = -1; k <= 1; k++) {
                long at = (long)t + k * (long)dilation;
                for (size_t i = 0; i < D && at >= 0 && at < (long)n; i++)
                    sum += x[(size_t)at * D + i] * w[((size_t)(k + 1) * D + i) * D + j];
            }
            y[t * D + j] = tanh(sum);
        }
}

static void look_up(double *x, const double *table, const int *ids, size_t n)
{
    for (size_t i = 0; i < n; i++)
        memcpy(x + i * D, table + (size_t)ids[i] * D, D * sizeof *x);
}

static void add_contrast(Table *t, const char *key, const real *a, const real *b, const Orders *o)
{
    Difference d = compare(a, b, o, D);
    size_t row = table_row(t);
    table_set_text(t, row, "model", key);
    table_set(t, row, "moved", d.moved);
    table_set(t, row, "last", d.last);
    table_set(t, row, "mean", d.mean);
}

static void measure_contrast(Table *t, size_t n, uint64_t seed)
{
    Orders o = draw_orders(n, seed);
    Random random = random_seeded(seed);
    double table[VOCAB * D], w[3 * D * D], x[2][LENGTH_MAX * D], y[LENGTH_MAX * D];
    real out[2][LENGTH_MAX * D];
    arith_normals(table, VOCAB * D, &random);
    arith_normals(w, 3 * D * D, &random);
    for (size_t i = 0; i < 3 * D * D; i++)
        w[i] /= sqrt(D);
    look_up(x[0], table, o.before, n);
    look_up(x[1], table, o.after, n);
    for (int k = 0; k < 2; k++)
        recurrence(out[k], x[k], w, n);
    add_contrast(t, "rnn", out[0], out[1], &o);
    for (int k = 0; k < 2; k++) {
        convolution(y, x[k], w, n, 1);
        for (size_t i = 0; i < n * D; i++)
            out[k][i] = (real)y[i];
    }
    add_contrast(t, "cnn", out[0], out[1], &o);
}

/* How many rows of a convolution change when the token in the middle does. */
static void measure_reach(Lab *lab, size_t n, uint64_t seed)
{
    Table *t = lab_table_new(lab, "reach", _("A convolution of three positions: rows that change when one token does"));
    table_column(t, "layers", _("layers"), 0);
    table_column(t, "plain", _("neighbours"), 0);
    table_column(t, "dilated", _("dilation 1, 2, 4 …"), 0);
    Random random = random_seeded(seed);
    double w[3 * D * D];
    arith_normals(w, 3 * D * D, &random);
    for (size_t i = 0; i < 3 * D * D; i++)
        w[i] /= sqrt(3.0 * D);
    for (size_t layers = 1; layers <= 4; layers++) {
        size_t row = table_row(t);
        table_set(t, row, "layers", (double)layers);
        for (int dilated = 0; dilated < 2; dilated++) {
            double x[2][LENGTH_MAX * D], y[LENGTH_MAX * D];
            size_t changed = 0;
            Random draw = random_seeded(seed + 1);
            arith_normals(x[0], n * D, &draw);
            memcpy(x[1], x[0], sizeof x[0]);
            arith_normals(x[1] + n / 2 * D, D, &draw);
            for (int k = 0; k < 2; k++)
                for (size_t layer = 0; layer < layers; layer++) {
                    convolution(y, x[k], w, n, dilated ? (size_t)1 << layer : 1);
                    memcpy(x[k], y, n * D * sizeof *y);
                }
            for (size_t i = 0; i < n; i++)
                changed += memcmp(x[0] + i * D, x[1] + i * D, D * sizeof **x) != 0;
            table_set(t, row, dilated ? "dilated" : "plain", (double)changed);
        }
    }
}

/* ---- the translator ---- */

static int measure_score(Lab *lab, Table *t, const char *key, const char *name, Ablations a, Error *e)
{
    Model *m = model_open(name, NULL, e);
    Recipe r = {0};
    Examples *x = NULL;
    Eval v;
    int status = m ? setup_examples(m, &r, &x, e) : -1;
    if (status == 0)
        status = eval_run(&v, m, x, &(EvalOptions){.n = lab_size(lab, "examples"), .ablations = a | r.ablations}, e);
    if (status == 0) {
        size_t row = table_row(t);
        table_set_text(t, row, "model", key);
        table_set(t, row, "score", v.score);
        table_set(t, row, "error", sqrt(v.score * (1 - v.score) / (double)v.n));
        table_set(t, row, "loss", v.loss);
        eval_free(&v);
    }
    examples_free(x);
    recipe_free(&r);
    model_free(m);
    return status;
}

/* What no model without positions can do better, but by luck: the grammar is searched for all sentences of the same words. */
static int measure_ceiling(Lab *lab, Table *t, Error *e)
{
    static const char *const keys[] = {"bag-decides", "bag-guessed"};
    ZhEnBag bag;
    Random random = random_seeded((uint64_t)lab_number(lab, "seed"));
    size_t n = lab_size(lab, "bags");
    if (n == 0)
        return 0;
    if (task_zh_en_bag(&random, n, &bag, e) != 0)
        return -1;
    for (int i = 0; i < 2; i++) {
        double share = i ? bag.guessed : bag.decided;
        size_t row = table_row(t);
        table_set_text(t, row, "model", keys[i]);
        table_set(t, row, "score", share);
        table_set(t, row, "error", sqrt(share * (1 - share) / (double)n));
    }
    lab_note(
        lab,
        _("The bag of Chinese words, without their order, decides %.3f of the sentences; taking the likeliest translation of the bag is "
          "right for %.3f: the ceiling for what has no positions."),
        bag.decided, bag.guessed);
    return 0;
}

static int measure_translator(Lab *lab, Error *e)
{
    Table *t = lab_table_new(lab, "translator", _("The translator: share of held-out sentences that are right to their end"));
    table_text_column(t, "model", _("model"));
    table_column(t, "score", _("score"), 3);
    table_column(t, "error", _("± standard error"), 3);
    table_column(t, "loss", _("loss, nats"), 3);
    if (measure_score(lab, t, "whole", "zh-en", 0, e) != 0 || lab_progress(lab, 0.6, _("translations"), e) != 0 ||
        measure_score(lab, t, "without-now", "zh-en", NO_POSITIONS, e) != 0 || lab_progress(lab, 0.8, _("translations"), e) != 0 ||
        measure_score(lab, t, "trained-without", "zh-en.no-positions", 0, e) != 0)
        return -1;
    lab_note(lab,
             _("Switched off now, the translator has %.3f left of %.3f; trained without positions it reaches %.3f: two experiments, one "
               "trained model each. Its decoder still has the mask, which tells "
               "some order."),
             table_number(t, 1, 1), table_number(t, 0, 1), table_number(t, 2, 1));
    return measure_ceiling(lab, t, e);
}

/* The largest (or least) number of a column, of the rows whose key begins so. NaN where there is none. */
static double extreme(const Table *t, const char *begins, int column, bool largest)
{
    double found = NAN;
    for (size_t i = 0; i < t->row_count; i++) {
        const char *key = t->texts[i * t->column_count];
        if (strncmp(key, begins, strlen(begins)) != 0)
            continue;
        double x = table_number(t, i, (size_t)column);
        found = largest ? fmax(found, x) : fmin(found, x);
    }
    return found;
}

static void add_notes(Lab *lab, const Table *t)
{
    int moved = table_find_column(t, "moved"), last = table_find_column(t, "last"), mean = table_find_column(t, "mean");
    int equal = table_find_column(t, "equal"), one = table_find_row(t, "decoder/1");
    double deeper = NAN;
    for (size_t i = 0; i < t->row_count; i++)
        if (strncmp(t->texts[i * t->column_count], "decoder/", strlen("decoder/")) == 0 && (int)i != one)
            deeper = fmin(deeper, table_number(t, i, (size_t)last));
    lab_note(
        lab,
        _("Encoder without positions: rows move with their tokens, A(PX) = P·A(X), to %.1g: equivariance. What is pooled from them, their "
          "mean, stays as it was, to %.1g: invariance."),
        extreme(t, "encoder/", moved, true), extreme(t, "encoder/", mean, true));
    if (one >= 0 && !isnan(deeper))
        lab_note(
            lab,
            _("Causal decoder without positions: in one layer the last row sees a set (it changes by %.1g); in more it changes by %.2g or "
              "more, as it reads rows that saw different beginnings: the mask tells the order."),
            table_number(t, (size_t)one, (size_t)last), deeper);
    lab_note(lab, _("All tokens equal: without positions all rows are equal at any depth, to %.1g."),
             fmax(extreme(t, "encoder/", equal, true), extreme(t, "decoder/", equal, true)));
    lab_note(lab, "%s",
             _("A recurrence has order by what it is; a convolution by its kernel, with a reach that grows with depth or dilation."));
}

int lab_run_permutation(Lab *lab, Error *e)
{
    size_t n = lab_size(lab, "length");
    uint64_t seed = (uint64_t)lab_number(lab, "seed");
    const LabValue *layers = lab_value(lab, "layers");
    Table *t = lab_table_new(lab, "order", _("All tokens but the last turned round: largest differences / largest number"));
    table_text_column(t, "model", _("model"));
    table_column(t, "moved", _("rows that moved"), 2);
    table_column(t, "last", _("last row"), 2);
    table_column(t, "mean", _("mean of rows"), 2);
    table_column(t, "equal", _("all tokens equal: rows differ"), 2);
    Plot *plot = lab_plot_new(lab, _("A causal decoder without positions: does the last row know the order?"), _("layers"),
                              _("difference of the last row"));
    plot_series(plot, _("no positions"));
    for (int stack = 0; stack < 2; stack++)
        for (size_t i = 0; i < layers->count; i++) {
            char key[64];
            const char *kind = stack ? "decoder" : "encoder";
            snprintf(key, sizeof key, "%s/%.0f", kind, layers->numbers[i]);
            if (measure_model(t, key, kind, (size_t)layers->numbers[i], "none", n, seed, e) != 0)
                return -1;
            if (stack)
                plot_point(plot, 0, layers->numbers[i], table_number(t, t->row_count - 1, 2));
        }
    if (measure_model(t, "encoder+positions", "encoder", 1, "sinusoidal", n, seed, e) != 0 ||
        measure_model(t, "decoder+positions", "decoder", 1, "sinusoidal", n, seed, e) != 0)
        return -1;
    measure_contrast(t, n, seed);
    measure_reach(lab, n, seed);
    add_notes(lab, t);
    return lab_size(lab, "examples") ? measure_translator(lab, e) : 0;
}

const LabParam lab_params_permutation[] = {
    {"layers", LAB_INTEGERS, "1,2,4,8", "1,2", 1, 48, NULL, N_("depths of the untrained models")},
    {"length", LAB_INTEGER, "24", "12", 3, LENGTH_MAX, NULL, N_("tokens, drawn at random")},
    {"examples", LAB_INTEGER, "500", "0", 0, 100000, NULL, N_("held-out sentences for the translator; 0 leaves it out")},
    {"bags", LAB_INTEGER, "300", "300", 0, 10000, NULL, N_("of these sentences the grammar is searched for all of the same words; 0: none")},
    {"seed", LAB_INTEGER, "1", NULL, 0, 1e9, NULL, N_("of the tokens and the weights (Xavier)")},
    {NULL, LAB_INTEGER, NULL, NULL, 0, 0, NULL, NULL},
};
