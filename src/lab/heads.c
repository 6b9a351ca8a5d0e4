/* heads.c - one, two, four, eight heads of the same model width: what they cost, what they can express, and that they are one matrix
 * product. */
#include "lab/arith.h"
#include "lab/lab.h"
#include "lab/setup.h"
#include "measure/cost.h"
#include "tensor/matmul.h"

#include "base/text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LENGTH_MAX = 512 };

/* What is looked at, by name: "decoder.0.self.scores". */
static const Stage *stage_of(const Pass *p, const char *id, size_t *index)
{
    int i = setup_stage(p, "decoder.0.self.%s", id);
    *index = i < 0 ? 0 : (size_t)i;
    return &pass_plan(p)->stages[*index];
}

static Matrix weight_of(const Pass *p, const char *tag)
{
    char name[WEIGHT_NAME_MAX];
    snprintf(name, sizeof name, "decoder.0.self.%s", tag);
    int i = weights_find(&pass_model(p)->weights, name);
    return i < 0 ? (Matrix){0} : pass_weight(p, (size_t)i);
}

/* The rank of the heads' matrices [heads, n, n]: the largest, or the smallest, of them. Rounding is not rank. */
static int rank_of_heads(Pass *p, const char *id, bool smallest, size_t *rank, Error *e)
{
    size_t i, n;
    const Stage *s = stage_of(p, id, &i);
    const real *x = pass_value(p, i);
    n = s->shape[1];
    double *a = malloc(n * n * sizeof *a);
    if (!a)
        return error_memory(e, "lab heads");
    for (size_t h = 0; h < s->shape[0]; h++) {
        for (size_t k = 0; k < n * n; k++)
            a[k] = (double)x[h * n * n + k];
        size_t r = arith_rank(a, n, n, REAL_IS_DOUBLE ? 1e-12 : 2e-5);
        *rank = h == 0 || (smallest ? r < *rank : r > *rank) ? r : *rank;
    }
    free(a);
    return 0;
}

/* concat · W_O + b_O beside the sum over heads of each head's result through its own rows of W_O. */
static int sum_of_slices(Pass *p, double *difference, Error *e)
{
    size_t heads_at, out_at;
    const Stage *s = stage_of(p, "heads", &heads_at), *o = stage_of(p, "out", &out_at);
    size_t n = o->shape[0], d = o->shape[1], d_k = s->shape[2];
    const real *heads = pass_value(p, heads_at), *out = pass_value(p, out_at);
    const Matrix w = weight_of(p, "W_O"), b = weight_of(p, "b_O");
    real *sum = calloc(n * d, sizeof *sum);
    if (!sum)
        return error_memory(e, "lab heads");
    for (size_t h = 0; h < s->shape[0]; h++) {
        const Matrix rows = matrix_block(w, h * d_k, 0);
        matmul_matrix(sum, d, heads + h * n * d_k, d_k, PLAIN, &rows, n, d, d_k, true);
    }
    for (size_t i = 0; i < n * d && b.data; i++)
        sum[i] += matrix_entry(&b, i % d);
    *difference = setup_difference(sum, out, n * d);
    free(sum);
    return 0;
}

/* Queries head by head, each with its own columns of W_Q, beside the one product that makes them all. */
static int loop_over_heads(Pass *p, double *difference, Error *e)
{
    size_t q_at;
    const Stage *q = stage_of(p, "q", &q_at);
    size_t n = q->shape[1], d_k = q->shape[2], d = pass_model(p)->config.d_model;
    const real *all_at_once = pass_value(p, q_at), *x = pass_value(p, (size_t)q->in[0]);
    const Matrix w = weight_of(p, "W_Q"), b = weight_of(p, "b_Q");
    real *one = malloc(n * d_k * sizeof *one);
    if (!one)
        return error_memory(e, "lab heads");
    *difference = 0;
    for (size_t h = 0; h < q->shape[0]; h++) {
        const Matrix columns = matrix_block(w, 0, h * d_k);
        matmul_matrix(one, d_k, x, d, PLAIN, &columns, n, d_k, d, false);
        for (size_t i = 0; i < n * d_k && b.data; i++)
            one[i] += matrix_entry(&b, h * d_k + i % d_k);
        double x_h = setup_difference(one, all_at_once + h * n * d_k, n * d_k);
        *difference = x_h > *difference ? x_h : *difference;
    }
    free(one);
    return 0;
}

static int measure(Lab *lab, Table *t, Table *checks, size_t heads, Error *e)
{
    size_t d = lab_size(lab, "d_model"), n = lab_size(lab, "length"), seeds = lab_size(lab, "seeds");
    size_t rank_scores = 0, rank_weights = n;
    double sliced = 0, looped = 0;
    uint64_t parameters = 0, products = 0, entries = 0, split = 0;
    int ids[LENGTH_MAX];
    for (size_t seed = 0; seed < seeds; seed++) {
        char name[160];
        size_t a = 0, b = n;
        double x = 0, y = 0;
        snprintf(name, sizeof name,
                 "random:kind=decoder,decoder_layers=1,d_model=%zu,n_heads=%zu,d_ff=8,vocab_size=64,position=sinusoidal,seed=%zu", d, heads,
                 seed + lab_size(lab, "seed"));
        Model *m = model_open(name, NULL, e);
        setup_ids(ids, n, 64, seed + 100);
        Pass *p = m ? pass_create(m, (PassInput){NULL, ids, 0, n}, 0, e) : NULL;
        int status = p && rank_of_heads(p, "scores", false, &a, e) == 0 && rank_of_heads(p, "weights", true, &b, e) == 0 &&
                             sum_of_slices(p, &x, e) == 0 && loop_over_heads(p, &y, e) == 0
                         ? 0
                         : -1;
        rank_scores = a > rank_scores ? a : rank_scores;
        rank_weights = b < rank_weights ? b : rank_weights;
        sliced = fmax(sliced, x);
        looped = fmax(looped, y);
        if (status == 0 && seed == 0) {
            static const char *const projections[] = {"q", "k", "v", "out"};
            size_t i;
            for (int k = 0; k < 4; k++, parameters += cost_of_stage(m, pass_plan(p), i).parameters)
                stage_of(p, projections[k], &i);
            for (int k = 0; k < 2; k++, products += cost_of_stage(m, pass_plan(p), i).multiplications)
                stage_of(p, k ? "heads" : "scores", &i);
            entries = stage_of(p, "weights", &i)->count;
            stage_of(p, "concat", &i);
            split = cost_of_stage(m, pass_plan(p), i).multiplications;
        }
        pass_free(p);
        model_free(m);
        if (status != 0)
            return -1;
    }
    size_t row = table_row(t);
    table_set(t, row, "heads", (double)heads);
    table_set(t, row, "d_k", (double)(d / heads));
    table_set(t, row, "parameters", (double)parameters);
    table_set(t, row, "products", (double)products);
    table_set(t, row, "entries", (double)entries);
    table_set(t, row, "rank_scores", (double)rank_scores);
    table_set(t, row, "rank_weights", (double)rank_weights);
    row = table_row(checks);
    table_set(checks, row, "heads", (double)heads);
    table_set(checks, row, "split", (double)split);
    table_set(checks, row, "slices", sliced);
    table_set(checks, row, "loop", looped);
    return 0;
}

int lab_run_heads(Lab *lab, Error *e)
{
    const LabValue *list = lab_value(lab, "n_heads");
    size_t d = lab_size(lab, "d_model"), n = lab_size(lab, "length");
    Table *t = lab_table_new(lab, "heads", _("One attention sub-layer, causal, with as many heads"));
    table_column(t, "heads", _("heads"), 0);
    table_column(t, "d_k", "d_k", 0);
    table_column(t, "parameters", _("para- meters"), 0);
    table_column(t, "products", _("products: multipl."), 0);
    table_column(t, "entries", _("softmax entries"), 0);
    table_column(t, "rank_scores", _("rank of scores"), 0);
    table_column(t, "rank_weights", _("rank of weights"), 0);
    Table *checks = lab_table_new(lab, "checks", _("Splitting and joining: multiplications, and largest differences"));
    table_column(checks, "heads", _("heads"), 0);
    table_column(checks, "split", _("concat: multiplications"), 0);
    table_column(checks, "slices", _("out and the sum of heads through their rows of W_O"), 2);
    table_column(checks, "loop", _("q and a loop over heads"), 2);
    Plot *plot = lab_plot_new(lab, _("Rank of one head's matrices"), _("heads"), _("rank of the matrix"));
    plot_series(plot, _("scores"));
    plot_series(plot, _("weights"));
    plot_series(plot, "d_k");
    plot->x_log = true;
    for (size_t i = 0; i < list->count; i++) {
        size_t h = (size_t)list->numbers[i];
        if (d % h)
            return error_set(e, "lab heads: n_heads: expected divisors of d_model, %zu, found %zu", d, h);
        if (measure(lab, t, checks, h, e) != 0 || lab_progress(lab, (double)(i + 1) / (double)list->count, _("heads"), e) != 0)
            return -1;
        plot_point(plot, 0, (double)h, table_number(t, i, (size_t)table_find_column(t, "rank_scores")));
        plot_point(plot, 1, (double)h, table_number(t, i, (size_t)table_find_column(t, "rank_weights")));
        plot_point(plot, 2, (double)h, (double)(d / h));
    }
    lab_note(lab,
             _("Parameters are 4d² and 4d biases (%zu), the two products need 2n²d = %zu multiplications, whatever the number of heads; "
               "entries of the softmax are n²h."),
             4 * d * d + 4 * d, 2 * n * n * d);
    lab_note(lab, "%s",
             _("A head's scores have at most rank d_k; its weights can have any: the softmax is not linear, and the mask makes them "
               "triangular."));
    lab_note(lab, "%s",
             _("Heads are side by side in one matrix: taking them apart multiplies nothing, and a loop over them gives the same numbers."));
    return 0;
}

const LabParam lab_params_heads[] = {
    {"n_heads", LAB_INTEGERS, "1,2,4,8", NULL, 1, 64, NULL, N_("heads; divisors of d_model")},
    {"d_model", LAB_INTEGER, "64", "32", 2, 512, NULL, N_("width")},
    {"length", LAB_INTEGER, "96", "48", 2, LENGTH_MAX, NULL, N_("tokens, n; drawn at random")},
    {"seeds", LAB_INTEGER, "3", NULL, 1, 100, NULL,
     N_("models; of the ranks the largest (scores) and the smallest (weights) of all is shown")},
    {"seed", LAB_INTEGER, "1", NULL, 0, 1e9, NULL, N_("of the first model's weights")},
    {NULL, LAB_INTEGER, NULL, NULL, 0, 0, NULL, NULL},
};
