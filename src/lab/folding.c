/* folding.c - W_V and W_O of a head are one matrix, and so are W_Q and W_K: computed folded, in double, beside the model's own stages. */
#include "lab/arith.h"
#include "lab/lab.h"
#include "lab/setup.h"

#include "base/text.h"
#include "pass/input.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A self-attention sub-layer that is looked at. */
typedef struct Sublayer {
    Pass *pass;
    char prefix[STAGE_NAME_MAX];
    size_t d, d_k, n, heads, kv_heads;
} Sublayer;

static const real *value(const Sublayer *s, const char *id)
{
    int i = setup_stage(s->pass, "%s.%s", s->prefix, id);
    return i < 0 ? NULL : pass_value(s->pass, (size_t)i);
}

/* Row `in` of head h of a projection: weights, or its bias where in == d. 0 where there is no bias. */
static double weight(const Sublayer *s, const char *tag, size_t in, size_t head, size_t column)
{
    char name[2 * STAGE_NAME_MAX];
    bool bias = in == s->d;
    snprintf(name, sizeof name, "%s.%c_%s", s->prefix, bias ? 'b' : 'W', tag);
    int w = weights_find(&pass_model(s->pass)->weights, name);
    if (w < 0)
        return 0;
    const Matrix values = pass_weight(s->pass, (size_t)w);
    return (double)matrix_at(&values, bias ? 0 : in, head * s->d_k + column);
}

/* What q and k are made of: the row, and a 1 for the biases. */
static double input(const Sublayer *s, const real *x, size_t row, size_t i)
{
    return i == s->d ? 1 : (double)x[row * s->d + i];
}

/* M [d + 1, d + 1] of a head: score(x, y) = [x 1] · M · [y 1]ᵀ. */
static void fold_scores(const Sublayer *s, size_t head, double *m)
{
    size_t side = s->d + 1, group = head / (s->heads / s->kv_heads);
    for (size_t i = 0; i < side; i++)
        for (size_t j = 0; j < side; j++) {
            double sum = 0;
            for (size_t c = 0; c < s->d_k; c++)
                sum += weight(s, "Q", i, head, c) * weight(s, "K", j, group, c);
            m[i * side + j] = sum;
        }
}

/* M [d + 1, d] of a head: what a row x of weight 1 adds to out is [x 1] · M; its last row, b_V · W_O, joins b_O. */
static void fold_output(const Sublayer *s, size_t head, const Matrix *w_o, double *m)
{
    size_t group = head / (s->heads / s->kv_heads);
    for (size_t i = 0; i <= s->d; i++)
        for (size_t j = 0; j < s->d; j++) {
            double sum = 0;
            for (size_t c = 0; c < s->d_k; c++)
                sum += weight(s, "V", i, group, c) * (double)matrix_at(w_o, head * s->d_k + c, j);
            m[i * s->d + j] = sum;
        }
}

/* The largest difference between the model's scores [n, n] and [x 1] · M · [x 1]ᵀ, and how unsymmetric the scores are: |S - Sᵀ| / |S + Sᵀ|.
 */
static double compare_scores(const Sublayer *s, const real *x, const double *m, const real *scores, double *asymmetry)
{
    size_t side = s->d + 1;
    double most = 0, minus = 0, plus = 0;
    for (size_t r = 0; r < s->n; r++)
        for (size_t c = 0; c < s->n; c++) {
            double sum = 0;
            for (size_t i = 0; i < side; i++)
                for (size_t j = 0; j < side; j++)
                    sum += input(s, x, r, i) * m[i * side + j] * input(s, x, c, j);
            most = fmax(most, fabs(sum - (double)scores[r * s->n + c]));
            double a = (double)scores[r * s->n + c], b = (double)scores[c * s->n + r];
            minus += (a - b) * (a - b);
            plus += (a + b) * (a + b);
        }
    *asymmetry = sqrt(minus / plus);
    return most;
}

/* out += weights · [x 1] · M */
static void add_output(const Sublayer *s, const real *x, const real *weights, const double *m, double *out)
{
    for (size_t r = 0; r < s->n; r++)
        for (size_t c = 0; c < s->n; c++)
            for (size_t i = 0; i <= s->d; i++) {
                double share = (double)weights[r * s->n + c] * input(s, x, c, i);
                for (size_t j = 0; j < s->d && share != 0; j++)
                    out[r * s->d + j] += share * m[i * s->d + j];
            }
}

static int measure(Lab *lab, Sublayer *s, Error *e)
{
    Table *t = lab_table_new(lab, "heads", _("Each head's folded matrices (ranks of the weight part, without biases)"));
    table_column(t, "head", _("head"), 0);
    table_column(t, "d_k", "d_k", 0);
    table_column(t, "rank_vo", _("rank of W_V·W_O"), 0);
    table_column(t, "rank_qk", _("rank of W_Q·W_Kᵀ"), 0);
    table_column(t, "difference", _("scores: largest difference"), 2);
    table_column(t, "size", _("largest score"), 4);
    table_column(t, "asymmetry", _("|S-Sᵀ| / |S+Sᵀ|"), 3);
    const Stage *q = &pass_plan(s->pass)->stages[setup_stage(s->pass, "%s.q", s->prefix)];
    const real *x = pass_value(s->pass, (size_t)q->in[0]), *scores = value(s, "scores"), *weights = value(s, "weights"),
               *out = value(s, "out");
    char name[2 * STAGE_NAME_MAX];
    snprintf(name, sizeof name, "%s.W_O", s->prefix);
    const Matrix w_o = pass_weight(s->pass, (size_t)weights_find(&pass_model(s->pass)->weights, name));
    snprintf(name, sizeof name, "%s.b_O", s->prefix);
    int b_o = weights_find(&pass_model(s->pass)->weights, name);
    size_t side = s->d + 1;
    double *m = malloc(side * side * sizeof *m), *sum = calloc(s->n * s->d, sizeof *sum), difference = 0, size = 0;
    if (!m || !sum) {
        free(m);
        free(sum);
        return error_memory(e, "lab folding");
    }
    for (size_t h = 0; h < s->heads; h++) {
        double asymmetry, most = 0;
        size_t row = table_row(t);
        fold_scores(s, h, m);
        for (size_t i = 0; i < s->n * s->n; i++)
            most = fmax(most, fabs((double)scores[h * s->n * s->n + i]));
        table_set(t, row, "head", (double)h);
        table_set(t, row, "d_k", (double)s->d_k);
        table_set(t, row, "difference", compare_scores(s, x, m, scores + h * s->n * s->n, &asymmetry));
        table_set(t, row, "size", most);
        table_set(t, row, "asymmetry", asymmetry);
        for (size_t i = 0; i < s->d; i++) /* without the biases' row and column */
            memmove(m + i * s->d, m + i * side, s->d * sizeof *m);
        table_set(t, row, "rank_qk", (double)arith_rank(m, s->d, s->d, 1e-9));
        fold_output(s, h, &w_o, m);
        add_output(s, x, weights + h * s->n * s->n, m, sum);
        table_set(t, row, "rank_vo", (double)arith_rank(m, s->d, s->d, 1e-9));
    }
    const Matrix bias = b_o < 0 ? (Matrix){0} : pass_weight(s->pass, (size_t)b_o);
    for (size_t i = 0; i < s->n * s->d; i++) {
        sum[i] += b_o < 0 ? 0 : (double)matrix_entry(&bias, i % s->d);
        difference = fmax(difference, fabs(sum[i] - (double)out[i]));
        size = fmax(size, fabs((double)out[i]));
    }
    free(m);
    free(sum);
    t = lab_table_new(lab, "sizes", _("Folded and not: numbers in the weights of the sub-layer, and out"));
    table_text_column(t, "pair", _("pair"));
    table_column(t, "two", _("as two, all heads"), 0);
    table_column(t, "folded", _("folded, all heads"), 0);
    table_column(t, "difference", _("largest difference"), 2);
    size_t row = table_row(t);
    table_set_text(t, row, "pair", "vo");
    table_set(t, row, "two", (double)((s->heads + s->kv_heads) * s->d_k * s->d));
    table_set(t, row, "folded", (double)(s->heads * s->d * s->d));
    table_set(t, row, "difference", difference);
    row = table_row(t);
    table_set_text(t, row, "pair", "qk");
    table_set(t, row, "two", (double)((s->heads + s->kv_heads) * s->d_k * s->d));
    table_set(t, row, "folded", (double)(s->heads * s->d * s->d));
    Plot *plot = lab_plot_new(lab, _("How far a head's scores are from symmetric"), _("head"), "|S-Sᵀ| / |S+Sᵀ|");
    plot_series(plot, s->prefix);
    plot->bars = true;
    double worst = 0;
    for (size_t h = 0; h < s->heads; h++) {
        Table *heads = &lab->tables[0];
        plot_point(plot, 0, (double)h, table_number(heads, h, (size_t)table_find_column(heads, "asymmetry")));
        worst = fmax(worst, table_number(heads, h, (size_t)table_find_column(heads, "difference")));
    }
    table_set(t, row, "difference", worst);
    lab_note(lab,
             _("out, folded, differs by at most %.2g (its largest number is %.3g): W_O adds nothing that W_V could not, it is linear. "
               "b_V·W_O joins b_O because a row of weights sums to 1."),
             difference, size);
    return 0;
}

int lab_run_folding(Lab *lab, Error *e)
{
    Model *m = model_open(lab_value(lab, "model")->text, NULL, e);
    Input in = {0};
    Sublayer s = {0};
    int status = -1;
    if (m && input_read(&in, m, (InputText){0}, 0, e) == 0)
        s.pass = pass_create(m, input_ids(&in), 0, e);
    if (s.pass) {
        const Config *c = &m->config;
        const char *stack = config_has_stack(c, STACK_ENCODER) ? "encoder" : "decoder";
        snprintf(s.prefix, sizeof s.prefix, "%s.%zu.self", stack, lab_size(lab, "layer"));
        int scores = setup_stage(s.pass, "%s.scores", s.prefix);
        s.d = c->d_model;
        s.d_k = c->d_head;
        s.heads = c->n_heads;
        s.kv_heads = c->n_kv_heads;
        if (scores < 0)
            error_set(e, "lab folding: layer: expected a layer of %s, found %zu", m->name, lab_size(lab, "layer"));
        else if (s.d > 256)
            error_set(e, "lab folding: model: expected a width of at most 256, found %zu", s.d);
        else {
            s.n = pass_plan(s.pass)->stages[scores].shape[1];
            status = measure(lab, &s, e);
            if (c->position == POSITION_ROPE)
                lab_note(lab, "%s",
                         _("With RoPE a rotation that depends on the distance stands between W_Q and W_Kᵀ: they do not fold into one "
                           "matrix, and the scores differ."));
            else if (status == 0)
                lab_note(lab, "%s",
                         _("Scores are one bilinear form x·(W_Q·W_Kᵀ)·yᵀ, of rank at most d_k, and not symmetric: what i finds in j is not "
                           "what j finds in i."));
        }
    }
    pass_free(s.pass);
    input_free(&in);
    model_free(m);
    return status;
}

const LabParam lab_params_folding[] = {
    {"model", LAB_TEXT, "random:kind=decoder,d_model=32,n_heads=4,decoder_layers=1", NULL, 0, 0, NULL,
     N_("as -m has it; the first stack's self-attention on the model's example")},
    {"layer", LAB_INTEGER, "0", NULL, 0, 1000, NULL, N_("which layer")},
    {NULL, LAB_INTEGER, NULL, NULL, 0, 0, NULL, NULL},
};
