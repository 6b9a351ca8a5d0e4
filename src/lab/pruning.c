/* pruning.c - a trained model's heads switched off one after the other, the cheapest first; and whether two ways to tell a head's
 * importance beforehand agree with what switching it off costs. */
#include "lab/arith.h"
#include "lab/lab.h"
#include "lab/setup.h"
#include "measure/metrics.h"

#include "base/text.h"
#include "model/nearest.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { HEADS_MAX = 64 };

/* A head is switched off by its rows of W_O: it then writes nothing, and everything else is as it was (b_O stays). */
typedef struct Head {
    char name[STAGE_NAME_MAX + 8]; /* "decoder.0.self/2" */
    size_t weight;                 /* W_O */
    size_t head;
    real *rows;    /* what they were [d_head, d_model] */
    double alone;  /* the score without this head only */
    double loss;   /* and the loss */
    double sharp;  /* largest weight of a row, mean */
    double writes; /* norm of what it writes to out for a token, mean */
} Head;

typedef struct Pruning {
    Model *model;
    Examples *examples;
    Recipe recipe;
    Head heads[HEADS_MAX];
    size_t count, rows; /* numbers of a head's rows */
    EvalOptions options;
} Pruning;

static int find_heads(Pruning *p, Error *e)
{
    const Config *c = &p->model->config;
    p->rows = c->d_head * c->d_model;
    for (size_t w = 0; w < p->model->weights.count; w++) {
        const Weight *item = &p->model->weights.items[w];
        if (!name_ends_with(item->name, ".W_O"))
            continue;
        for (size_t h = 0; h < c->n_heads; h++) {
            if (p->count == HEADS_MAX)
                return error_set(e, "lab pruning: model: expected at most %d heads, found more", HEADS_MAX);
            Head *head = &p->heads[p->count++];
            snprintf(head->name, sizeof head->name, "%.*s/%zu", (int)(strlen(item->name) - strlen(".W_O")), item->name, h);
            head->weight = w;
            head->head = h;
            head->rows = malloc(p->rows * sizeof *head->rows);
            if (!head->rows)
                return error_memory(e, "lab pruning");
            const Matrix rows = matrix_block(item->values, h * c->d_head, 0);
            matrix_read(head->rows, &rows, c->d_head, c->d_model);
        }
    }
    return 0;
}

static void switch_head(Pruning *p, const Head *h, bool on)
{
    real *rows = weights_values(&p->model->weights, h->weight) + h->head * p->rows;
    if (on)
        memcpy(rows, h->rows, p->rows * sizeof *rows);
    else
        memset(rows, 0, p->rows * sizeof *rows);
}

static int measure_score(const Pruning *p, double *score, double *loss, Error *e)
{
    Eval v;
    if (eval_run(&v, p->model, p->examples, &p->options, e) != 0)
        return -1;
    *score = v.score;
    *loss = v.loss;
    eval_free(&v);
    return 0;
}

/* How sharply a head looks, and how much it writes: |α·V·W_O| a token; means over the first held-out examples. */
static int measure_looks(Pruning *p, Error *e)
{
    enum { EXAMPLES = 20 };
    TaskExample x = {0};
    size_t d = p->model->config.d_model, d_k = p->model->config.d_head;
    double *written = malloc(d * sizeof *written);
    int status = written ? 0 : error_memory(e, "lab pruning");
    for (uint64_t i = 0; i < EXAMPLES && status == 0; i++) {
        status = examples_draw(p->examples, 0, TASK_HELD_OUT, i, &x, e);
        Pass *pass =
            status == 0 ? pass_create(p->model, (PassInput){x.source.data, x.input.data, x.source.len, x.input.len}, p->recipe.ablations, e)
                        : NULL;
        status = pass ? 0 : -1;
        for (size_t k = 0; k < p->count && pass; k++) {
            Head *h = &p->heads[k];
            int prefix = (int)strcspn(h->name, "/");
            int weights = setup_stage(pass, "%.*s.weights", prefix, h->name), heads = setup_stage(pass, "%.*s.heads", prefix, h->name);
            const Stage *s = &pass_plan(pass)->stages[heads];
            size_t n = s->shape[1];
            const real *value = pass_value(pass, (size_t)heads) + h->head * n * d_k;
            for (size_t row = 0; row < n; row++) {
                memset(written, 0, d * sizeof *written);
                for (size_t c = 0; c < d_k; c++)
                    for (size_t j = 0; j < d; j++)
                        written[j] += (double)value[row * d_k + c] * (double)h->rows[c * d + j];
                h->writes += arith_norm(written, d) / (double)n / EXAMPLES;
                h->sharp += attention_row(pass, (size_t)weights, h->head, row).weight / (double)n / EXAMPLES;
            }
        }
        pass_free(pass);
    }
    free(written);
    task_example_free(&x);
    return status;
}

/* Of two lists the correlation of their ranks (Spearman); equal numbers share the mean of their ranks. */
static double rank_of(const double *x, size_t n, size_t i)
{
    double rank = 0;
    for (size_t k = 0; k < n; k++)
        rank += x[k] < x[i] ? 1 : x[k] == x[i] && k != i ? 0.5 : 0;
    return rank;
}

static double rank_correlation(const double *x, const double *y, size_t n)
{
    double middle = ((double)n - 1) / 2, xx = 0, yy = 0, xy = 0;
    for (size_t i = 0; i < n; i++) {
        double a = rank_of(x, n, i) - middle, b = rank_of(y, n, i) - middle;
        xx += a * a;
        yy += b * b;
        xy += a * b;
    }
    return xy / sqrt(xx * yy);
}

static int run_alone(Lab *lab, Pruning *p, double whole, double whole_loss, Error *e)
{
    Table *t = lab_table_new(lab, "alone", _("Each head switched off alone (its rows of W_O are 0): score and loss without it"));
    table_text_column(t, "head", _("head"));
    table_column(t, "score", _("score"), 3);
    table_column(t, "lost", _("lost"), 3);
    table_column(t, "loss", _("loss, nats"), 4);
    table_column(t, "sharp", _("largest weight, mean"), 3);
    table_column(t, "writes", _("|α·V·W_O|, mean"), 3);
    for (size_t k = 0; k < p->count; k++) {
        Head *h = &p->heads[k];
        switch_head(p, h, false);
        int status = measure_score(p, &h->alone, &h->loss, e);
        switch_head(p, h, true);
        if (status != 0 || lab_progress(lab, 0.3 * (double)(k + 1) / (double)p->count, h->name, e) != 0)
            return -1;
    }
    if (measure_looks(p, e) != 0)
        return -1;
    double lost[HEADS_MAX], sharp[HEADS_MAX], writes[HEADS_MAX];
    for (size_t k = 0; k < p->count; k++) {
        const Head *h = &p->heads[k];
        size_t row = table_row(t);
        table_set_text(t, row, "head", h->name);
        table_set(t, row, "score", h->alone);
        table_set(t, row, "lost", whole - h->alone);
        table_set(t, row, "loss", h->loss);
        table_set(t, row, "sharp", h->sharp);
        table_set(t, row, "writes", h->writes);
        lost[k] = h->loss - whole_loss;
        sharp[k] = h->sharp;
        writes[k] = h->writes;
    }
    t = lab_table_new(lab, "importance", _("Rank correlation of the loss without a head with what is seen beforehand"));
    table_text_column(t, "measure", _("measure"));
    table_column(t, "correlation", _("correlation"), 3);
    table_column(t, "heads", _("heads"), 0);
    for (int i = 0; i < 2; i++) {
        size_t row = table_row(t);
        table_set_text(t, row, "measure", i ? "writes" : "sharp");
        table_set(t, row, "correlation", rank_correlation(lost, i ? writes : sharp, p->count));
        table_set(t, row, "heads", (double)p->count);
    }
    return 0;
}

/* Each time the head without which the loss is least, until none is left. */
static int run_order(Lab *lab, Pruning *p, double whole, double whole_loss, Error *e)
{
    bool off[HEADS_MAX] = {false};
    size_t most = lab_size(lab, "most") < p->count ? lab_size(lab, "most") : p->count;
    Table *t = lab_table_new(lab, "order", _("Switched off one after the other, each time the cheapest"));
    table_column(t, "off", _("heads off"), 0);
    table_text_column(t, "head", _("the last of them"));
    table_column(t, "score", _("score"), 3);
    table_column(t, "loss", _("loss, nats"), 4);
    Plot *plot = lab_plot_new(lab, _("Score as heads are switched off, the cheapest first"), _("heads off"), _("score"));
    plot_series(plot, p->model->name);
    for (size_t k = 0; k <= most; k++) {
        size_t best = 0;
        double score = whole, loss = whole_loss;
        for (size_t i = 0, first = 1; i < p->count && k > 0; i++) {
            double s, l;
            if (off[i])
                continue;
            switch_head(p, &p->heads[i], false);
            int status = measure_score(p, &s, &l, e);
            switch_head(p, &p->heads[i], true);
            double done = ((double)(k - 1) + (double)i / (double)p->count) / (double)most;
            if (status != 0 || lab_progress(lab, 0.3 + 0.7 * done, p->heads[i].name, e) != 0)
                return -1;
            if (first || l < loss) {
                best = i;
                score = s;
                loss = l;
                first = 0;
            }
        }
        if (k > 0) {
            off[best] = true;
            switch_head(p, &p->heads[best], false);
        }
        size_t row = table_row(t);
        table_set(t, row, "off", (double)k);
        table_set_text(t, row, "head", k ? p->heads[best].name : "-");
        table_set(t, row, "score", score);
        table_set(t, row, "loss", loss);
        plot_point(plot, 0, (double)k, score);
    }
    size_t half = 0;
    while (half < most && table_number(t, half + 1, 2) >= 0.9 * whole)
        half++;
    lab_note(lab, _("%zu of %zu heads can be switched off, in this order, with nine tenths of the score left (%.3f of %.3f)."), half,
             p->count, table_number(t, half, 2), whole);
    return 0;
}

int lab_run_pruning(Lab *lab, Error *e)
{
    Pruning p = {.model = model_open(lab_value(lab, "model")->text, NULL, e)};
    double whole, loss;
    int status = p.model ? setup_examples(p.model, &p.recipe, &p.examples, e) : -1;
    if (status == 0)
        status = weights_own(&p.model->weights, e);
    p.options = (EvalOptions){.n = lab_size(lab, "examples"), .ablations = p.recipe.ablations};
    if (status == 0 && examples_score(p.examples) == TASK_SCORE_PERPLEXITY)
        status = error_set(e, "lab pruning: model: expected one whose score is a share, found %s, scored by perplexity", p.model->name);
    if (status == 0)
        status = find_heads(&p, e);
    if (status == 0)
        status = measure_score(&p, &whole, &loss, e);
    if (status == 0)
        status = run_alone(lab, &p, whole, loss, e);
    if (status == 0)
        status = run_order(lab, &p, whole, loss, e);
    if (status == 0)
        lab_note(lab, "%s",
                 _("Switched off now, the model cannot make up for a head; trained without it, it could. What a head's weights look like "
                   "(sharp or not) is another question than what it "
                   "writes."));
    for (size_t i = 0; i < p.count; i++)
        free(p.heads[i].rows);
    examples_free(p.examples);
    recipe_free(&p.recipe);
    model_free(p.model);
    return status;
}

const LabParam lab_params_pruning[] = {
    {"model", LAB_TEXT, "zh-en", "induction", 0, 0, NULL, N_("a trained model")},
    {"examples", LAB_INTEGER, "200", "20", 1, 100000, NULL, N_("held-out examples of a score")},
    {"most", LAB_INTEGER, "64", "8", 0, HEADS_MAX, NULL, N_("heads that are switched off at most, one after the other")},
    {NULL, LAB_INTEGER, NULL, NULL, 0, 0, NULL, NULL},
};
