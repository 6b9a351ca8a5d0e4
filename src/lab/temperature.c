/* temperature.c - scores times β, from a plain average to a choice: softmax, with a tie, sparsemax, argmax, Gumbel-softmax; and how
 * a trained model's match of query and key differs from the likeness of what they are made of. */
#include "lab/arith.h"
#include "lab/lab.h"
#include "lab/setup.h"
#include "lab/sparsemax.h"
#include "measure/metrics.h"
#include "pass/input.h"

#include "base/text.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { N = LAB_VALUES_MAX, D = 8 };

/* What is looked up, and what comes back from above: fixed by the seed. */
typedef struct Lookup {
    size_t n;
    double scores[N];
    double values[N][D];
    double dp[N]; /* d(loss)/d(weights) */
} Lookup;

static void scale(double *out, const Lookup *l, double beta)
{
    for (size_t i = 0; i < l->n; i++)
        out[i] = beta * l->scores[i];
}

/* |output - the best key's value| / |the best key's value| */
static double distance(const Lookup *l, const double *p)
{
    size_t best = arith_largest(l->scores, l->n);
    double difference[D];
    for (int d = 0; d < D; d++) {
        difference[d] = -l->values[best][d];
        for (size_t i = 0; i < l->n; i++)
            difference[d] += p[i] * l->values[i][d];
    }
    return arith_norm(difference, D) / arith_norm(l->values[best], D);
}

static size_t count_zeros(const double *p, size_t n)
{
    size_t zeros = 0;
    for (size_t i = 0; i < n; i++)
        zeros += p[i] == 0;
    return zeros;
}

/* ---- softmax and sparsemax over β ---- */

/* Into the raw scores: scaled = β raw, so their gradient is β times that of what is scaled. */
static void add_beta(Table *soft, Table *sparse, const Lookup *l, double beta)
{
    double x[N], p[N], ds[N];
    scale(x, l, beta);
    arith_softmax(p, x, l->n);
    arith_softmax_backward(ds, l->dp, p, l->n);
    size_t row = table_row(soft), top = arith_largest(p, l->n);
    table_set(soft, row, "beta", beta);
    table_set(soft, row, "entropy", arith_entropy(p, l->n));
    table_set(soft, row, "largest", p[top]);
    table_set(soft, row, "second", arith_second(p, l->n));
    table_set(soft, row, "slope", p[top] * (1 - p[top]));
    table_set(soft, row, "distance", distance(l, p));
    table_set(soft, row, "gradient", beta * arith_norm(ds, l->n));
    if (!sparse)
        return;
    sparsemax(p, x, l->n);
    sparsemax_backward(ds, l->dp, p, l->n);
    row = table_row(sparse);
    table_set(sparse, row, "beta", beta);
    table_set(sparse, row, "entropy", arith_entropy(p, l->n));
    table_set(sparse, row, "largest", p[arith_largest(p, l->n)]);
    table_set(sparse, row, "zeros", (double)count_zeros(p, l->n));
    table_set(sparse, row, "distance", distance(l, p));
    table_set(sparse, row, "gradient", beta * arith_norm(ds, l->n));
}

static void add_columns(Table *t, bool sparse)
{
    table_column(t, "beta", "β", -1);
    table_column(t, "entropy", _("entropy, nats"), 4);
    table_column(t, "largest", _("largest p"), 4);
    if (sparse)
        table_column(t, "zeros", _("exact zeros"), 0);
    else {
        table_column(t, "second", _("second"), 4);
        table_column(t, "slope", "p(1-p)", 4);
    }
    table_column(t, "distance", _("output to best value"), 4);
    table_column(t, "gradient", _("gradient at raw scores"), 4);
}

static double cell(const Table *t, size_t row, const char *column)
{
    return table_number(t, row, (size_t)table_find_column(t, column));
}

static void run_betas(Lab *lab, const Lookup *plain, const Lookup *tied)
{
    const LabValue *betas = lab_value(lab, "beta");
    Table *soft = lab_table_new(lab, "softmax", _("Softmax of β · scores"));
    Table *tie = lab_table_new(lab, "tie", _("The same where the two largest scores are equal"));
    Table *sparse = lab_table_new(lab, "sparsemax", _("Sparsemax of β · scores"));
    Plot *weights = lab_plot_new(lab, _("The largest weight"), "β", _("weight"));
    Plot *gradients = lab_plot_new(lab, _("Gradient into the raw scores"), "β", _("norm"));
    const Table *shown[3] = {soft, tie, sparse};
    const char *names[3] = {_("softmax"), _("softmax, a tie"), "sparsemax"};
    add_columns(soft, false);
    add_columns(tie, false);
    add_columns(sparse, true);
    weights->x_log = gradients->x_log = true;
    for (size_t i = 0; i < betas->count; i++) {
        add_beta(soft, sparse, plain, betas->numbers[i]);
        add_beta(tie, NULL, tied, betas->numbers[i]);
    }
    for (size_t k = 0; k < 3; k++) {
        plot_series(weights, names[k]);
        plot_series(gradients, names[k]);
        for (size_t i = 0; i < betas->count; i++) {
            plot_point(weights, k, betas->numbers[i], cell(shown[k], i, "largest"));
            plot_point(gradients, k, betas->numbers[i], cell(shown[k], i, "gradient"));
        }
    }
    size_t peak = 0, last = betas->count - 1;
    for (size_t i = 0; i < betas->count; i++)
        if (cell(soft, i, "gradient") > cell(soft, peak, "gradient"))
            peak = i;
    lab_note(lab,
             _("Of the β tried, the gradient into the raw scores is largest at β = %g (%.3g); at β = %g it is %.2g, and %.3g where the top "
               "is tied."),
             betas->numbers[peak], cell(soft, peak, "gradient"), betas->numbers[last], cell(soft, last, "gradient"),
             cell(tie, last, "gradient"));
}

/* ---- the ways to choose, at β = 1 ---- */

/* The gradient of "take the value of the best": by finite differences, as it has no formula. */
static double argmax_gradient(const Lookup *l)
{
    const double h = 1e-4;
    double g[N];
    for (size_t i = 0; i < l->n; i++) {
        double up[N], down[N];
        memcpy(up, l->scores, sizeof up);
        memcpy(down, l->scores, sizeof down);
        up[i] += h;
        down[i] -= h;
        g[i] = (l->dp[arith_largest(up, l->n)] - l->dp[arith_largest(down, l->n)]) / (2 * h);
    }
    return arith_norm(g, l->n);
}

static void add_way(Table *t, const char *name, const Lookup *l, const double *p, double gradient)
{
    Buffer weights = {0};
    for (size_t i = 0; i < l->n && i < 8; i++)
        buffer_printf(&weights, "%s%.2f", i ? " " : "", p[i]);
    size_t row = table_row(t);
    table_set_text(t, row, "way", name);
    table_set_text(t, row, "weights", buffer_text(&weights));
    table_set(t, row, "zeros", (double)count_zeros(p, l->n));
    table_set(t, row, "entropy", arith_entropy(p, l->n));
    table_set(t, row, "slope", p[arith_largest(p, l->n)] * (1 - p[arith_largest(p, l->n)]));
    table_set(t, row, "gradient", gradient);
    buffer_free(&weights);
}

static void run_ways(Lab *lab, const Lookup *l)
{
    Table *t = lab_table_new(lab, "ways", _("The same scores, chosen from in three ways (β = 1; the first 8 weights)"));
    table_text_column(t, "way", _("way"));
    table_text_column(t, "weights", _("weights"));
    table_column(t, "zeros", _("exact zeros"), 0);
    table_column(t, "entropy", _("entropy, nats"), 3);
    table_column(t, "slope", "p(1-p)", 3);
    table_column(t, "gradient", _("gradient at scores"), 4);
    double p[N], ds[N], hard[N] = {0};
    arith_softmax(p, l->scores, l->n);
    arith_softmax_backward(ds, l->dp, p, l->n);
    add_way(t, "softmax", l, p, arith_norm(ds, l->n));
    sparsemax(p, l->scores, l->n);
    sparsemax_backward(ds, l->dp, p, l->n);
    add_way(t, "sparsemax", l, p, arith_norm(ds, l->n));
    hard[arith_largest(l->scores, l->n)] = 1;
    add_way(t, "argmax", l, hard, argmax_gradient(l));
}

/* Gumbel noise added, then a softmax of temperature τ (Jang, Gu and Poole 2017; Maddison, Mnih and Teh 2017). */
static void run_gumbel(Lab *lab, const Lookup *l)
{
    static const double taus[] = {0.1, 0.5, 1, 2, 5};
    Table *t = lab_table_new(lab, "gumbel", _("Gumbel-softmax: softmax((scores + Gumbel noise) / τ), means over samples"));
    table_column(t, "tau", "τ", -1);
    table_column(t, "best_first", _("the best key is largest"), 4);
    table_column(t, "softmax", _("its softmax p"), 4);
    table_column(t, "weight", _("its mean weight"), 4);
    table_column(t, "largest", _("largest weight of a sample"), 4);
    table_column(t, "entropy", _("entropy of a sample, nats"), 4);
    size_t samples = lab_size(lab, "samples"), best = arith_largest(l->scores, l->n);
    double p[N];
    arith_softmax(p, l->scores, l->n);
    double expected = p[best];
    for (size_t k = 0; k < sizeof taus / sizeof *taus; k++) {
        Random random = random_seeded((uint64_t)lab_number(lab, "seed") + 77);
        double sum[4] = {0};
        for (size_t s = 0; s < samples; s++) {
            for (size_t i = 0; i < l->n; i++)
                p[i] = (l->scores[i] - log(-log(1 - random_uniform(&random)))) / taus[k];
            sum[0] += arith_largest(p, l->n) == best;
            arith_softmax(p, p, l->n);
            sum[1] += p[best];
            sum[2] += p[arith_largest(p, l->n)];
            sum[3] += arith_entropy(p, l->n);
        }
        size_t row = table_row(t);
        table_set(t, row, "tau", taus[k]);
        table_set(t, row, "softmax", expected);
        static const char *const columns[] = {"best_first", "weight", "largest", "entropy"};
        for (int i = 0; i < 4; i++)
            table_set(t, row, columns[i], sum[i] / (double)samples);
    }
    lab_note(lab,
             _("Whatever τ, a sample's largest weight is the best key's as often as the softmax says (%.3f; ± %.3f is one standard error "
               "of %zu samples): adding Gumbel noise and "
               "taking the largest draws from the softmax."),
             expected, sqrt(expected * (1 - expected) / (double)samples), samples);
}

/* ---- likeness and match ---- */

static double correlation(const double *x, const double *y, size_t n)
{
    double mx = 0, my = 0, xx = 0, yy = 0, xy = 0;
    for (size_t i = 0; i < n; i++) {
        mx += x[i] / (double)n;
        my += y[i] / (double)n;
    }
    for (size_t i = 0; i < n; i++) {
        xx += (x[i] - mx) * (x[i] - mx);
        yy += (y[i] - my) * (y[i] - my);
        xy += (x[i] - mx) * (y[i] - my);
    }
    return xy / sqrt(xx * yy);
}

/* One head of a SCORES stage i: cosine of the rows q and k are made of, beside the score, over all pairs. */
static void match_head(Table *t, Pass *p, size_t i, size_t head, double *likeness, double *match)
{
    const Stage *s = &pass_plan(p)->stages[i];
    const Stage *q = &pass_plan(p)->stages[s->in[0]], *k = &pass_plan(p)->stages[s->in[1]];
    while (q->kind != STAGE_Q) { /* before they were normalised and turned */
        q = &pass_plan(p)->stages[q->in[0]];
        k = &pass_plan(p)->stages[k->in[0]];
    }
    size_t rows = s->shape[1], cols = s->shape[2], d = pass_model(p)->config.d_model, same = 0;
    const real *scores = pass_value(p, i) + head * rows * cols;
    const real *x = pass_value(p, (size_t)q->in[0]), *y = pass_value(p, (size_t)k->in[0]);
    for (size_t r = 0; r < rows; r++) {
        for (size_t c = 0; c < cols; c++) {
            likeness[r * cols + c] = cosine(x + r * d, y + c * d, d);
            match[r * cols + c] = (double)scores[r * cols + c];
        }
        same += arith_largest(likeness + r * cols, cols) == arith_largest(match + r * cols, cols);
    }
    char name[STAGE_NAME_MAX], key[STAGE_NAME_MAX + 16];
    snprintf(key, sizeof key, "%s/%zu", stage_prefix(s, name), head);
    size_t row = table_row(t);
    table_set_text(t, row, "head", key);
    table_set(t, row, "correlation", correlation(likeness, match, rows * cols));
    table_set(t, row, "same", (double)same / (double)rows);
}

static int run_match(Lab *lab, Error *e)
{
    Table *t = lab_table_new(lab, "match", _("A trained model: cosine of two rows beside their learned score x·W_Q·W_Kᵀ·y"));
    table_text_column(t, "head", _("sub-layer / head"));
    table_column(t, "correlation", _("correlation"), 3);
    table_column(t, "same", _("rows where both choose the same key"), 3);
    Model *m = model_open(lab_value(lab, "model")->text, NULL, e);
    Input in = {0};
    Pass *p = m && input_read(&in, m, (InputText){0}, 0, e) == 0 ? pass_create(m, input_ids(&in), 0, e) : NULL;
    int status = p ? 0 : -1;
    for (size_t i = 0; status == 0 && i < pass_plan(p)->count; i++) {
        const Stage *s = &pass_plan(p)->stages[i];
        if (s->kind != STAGE_SCORES)
            continue;
        size_t pairs = s->shape[1] * s->shape[2];
        double *likeness = malloc(pairs * sizeof *likeness), *match = malloc(pairs * sizeof *match);
        if (!likeness || !match)
            status = error_memory(e, "lab temperature");
        for (size_t head = 0; status == 0 && head < s->shape[0]; head++)
            match_head(t, p, i, head, likeness, match);
        free(likeness);
        free(match);
    }
    pass_free(p);
    input_free(&in);
    model_free(m);
    return status;
}

int lab_run_temperature(Lab *lab, Error *e)
{
    const LabValue *scores = lab_value(lab, "scores");
    Random random = random_seeded((uint64_t)lab_number(lab, "seed"));
    Lookup plain = {.n = scores->count}, tied;
    if (plain.n < 2)
        return error_set(e, "lab temperature: scores: expected at least 2 numbers, found %zu", plain.n);
    memcpy(plain.scores, scores->numbers, plain.n * sizeof *plain.scores);
    arith_normals(plain.dp, plain.n, &random);
    for (size_t i = 0; i < plain.n; i++)
        arith_normals(plain.values[i], D, &random);
    tied = plain;
    size_t best = arith_largest(plain.scores, plain.n), other = best ? 0 : 1;
    for (size_t i = 0; i < plain.n; i++) /* the second best becomes equal to the best */
        if (i != best && plain.scores[i] > plain.scores[other])
            other = i;
    tied.scores[other] = tied.scores[best];
    run_betas(lab, &plain, &tied);
    run_ways(lab, &plain);
    run_gumbel(lab, &plain);
    return run_match(lab, e);
}

const LabParam lab_params_temperature[] = {
    {"scores", LAB_REALS, "2,1.6,0.5,0,-1", NULL, -100, 100, NULL, N_("raw scores of one query, at least two")},
    {"beta", LAB_REALS, "0,0.25,0.5,1,2,4,8,16,32,64", "0,0.5,1,4,64", 0, 1000, NULL,
     N_("what the scores are multiplied with: 1 / temperature")},
    {"samples", LAB_INTEGER, "10000", "2000", 100, 1000000, NULL, N_("of the Gumbel-softmax")},
    {"seed", LAB_INTEGER, "1", NULL, 0, 1e9, NULL, N_("of the values, the gradient that comes back to the weights, and the noise")},
    {"model", LAB_TEXT, "zh-en", NULL, 0, 0, NULL, N_("the trained model whose learned match is compared with likeness")},
    {NULL, LAB_INTEGER, NULL, NULL, 0, 0, NULL, NULL},
};
