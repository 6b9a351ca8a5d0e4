/* kv_equal.c - one matrix for keys and values: forced on trained models now, and trained so from the start. */
#include "lab/lab.h"
#include "lab/trial.h"

#include "base/text.h"
#include "model/nearest.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* The weight that stands for the values where this one stands for the keys: W_K → W_V, b_K → b_V; -1 for any other. */
static int values_of(const Weights *w, size_t i)
{
    char name[WEIGHT_NAME_MAX];
    const Weight *item = &w->items[i];
    if (!name_ends_with(item->name, ".W_K") && !name_ends_with(item->name, ".b_K"))
        return -1;
    memcpy(name, item->name, sizeof name);
    name[strlen(name) - 1] = 'V';
    return weights_find(w, name);
}

static void force(Model *m)
{
    for (size_t i = 0; i < m->weights.count; i++) {
        int v = values_of(&m->weights, i);
        if (v >= 0)
            weight_read(weights_values(&m->weights, (size_t)v), &m->weights.items[i]);
    }
}

/* A weight that is used twice gets the sum of both gradients. Both copies get it, and so stay equal. */
static void tie(const Model *m, real *const *by_weight)
{
    for (size_t i = 0; i < m->weights.count; i++) {
        int v = values_of(&m->weights, i);
        for (size_t k = 0; v >= 0 && k < m->weights.items[i].count; k++)
            by_weight[i][k] = by_weight[v][k] = by_weight[i][k] + by_weight[v][k];
    }
}

/* ---- now ---- */

static int score(const Model *m, size_t n, double *out, Error *e)
{
    Recipe r = {0};
    Examples *x = NULL;
    Eval v;
    int status = setup_examples(m, &r, &x, e);
    if (status == 0)
        status = eval_run(&v, m, x, &(EvalOptions){.n = n, .ablations = r.ablations}, e);
    if (status == 0) {
        *out = v.score;
        eval_free(&v);
    }
    examples_free(x);
    recipe_free(&r);
    return status;
}

static int run_now(Lab *lab, Error *e)
{
    static const char *const models[] = {"zh-en", "recall", "induction", "sum", "mask"};
    Table *t = lab_table_new(lab, "now", _("Trained models, W_V and b_V replaced by W_K and b_K now: score"));
    table_text_column(t, "model", _("model"));
    table_column(t, "whole", _("whole"), 3);
    table_column(t, "equal", "K = V", 3);
    for (size_t i = 0; i < sizeof models / sizeof *models; i++) {
        Model *m = model_open(models[i], NULL, e);
        double whole, equal;
        int status = m ? score(m, lab_size(lab, "examples"), &whole, e) : -1;
        if (status == 0)
            status = weights_own(&m->weights, e);
        if (status == 0) {
            force(m);
            status = score(m, lab_size(lab, "examples"), &equal, e);
        }
        model_free(m);
        if (status != 0)
            return -1;
        size_t row = table_row(t);
        table_set_text(t, row, "model", models[i]);
        table_set(t, row, "whole", whole);
        table_set(t, row, "equal", equal);
        if (lab_progress(lab, 0.05 * (double)(i + 1), models[i], e) != 0)
            return -1;
    }
    return 0;
}

/* ---- trained so ---- */

static int run_trained(Lab *lab, Error *e)
{
    static const char *const ways[] = {"free", "equal"};
    Table *t = lab_table_new(lab, "trained", _("A small decoder trained on induction, K and V free or one"));
    table_text_column(t, "way", _("way"));
    table_column(t, "score", _("score, mean"), 3);
    table_column(t, "score_std", _("± over seeds"), 3);
    table_column(t, "loss", _("loss, nats"), 3);
    table_column(t, "seeds", _("seeds"), 0);
    Plot *p = lab_plot_new(lab, _("Score after training, by seed"), _("seed"), _("score"));
    p->bars = true;
    plot_series(p, _("K and V free"));
    plot_series(p, "K = V");
    size_t seeds = lab_size(lab, "seeds");
    for (size_t way = 0; way < 2; way++) {
        Spread scores = {0}, losses = {0};
        for (size_t s = 0; s < seeds; s++) {
            TaskOutcome out;
            TaskRun run = {
                .task = "induction",
                .config =
                    "\"kind\": \"decoder\", \"decoder_layers\": 2, \"d_model\": 32, \"n_heads\": 4, \"ffn\": \"none\", \"norm\": \"none\", "
                    "\"bias\": false, \"position\": \"rope\", \"tie_embeddings\": false",
                .seed = lab_size(lab, "seed") + s,
                .steps = lab_size(lab, "steps"),
                .batch = lab_size(lab, "batch"),
                .examples = lab_size(lab, "examples"),
                .lr = lab_number(lab, "lr")};
            if (way == 1) {
                run.prepare = force;
                run.change = tie;
            }
            if (trial_task(&run, &out, e) != 0)
                return -1;
            spread_add(&scores, out.score);
            spread_add(&losses, out.loss);
            plot_point(p, way, (double)run.seed, out.score);
            if (lab_progress(lab, 0.25 + 0.75 * (double)(way * seeds + s + 1) / (double)(2 * seeds), ways[way], e) != 0)
                return -1;
        }
        size_t row = table_row(t);
        table_set_text(t, row, "way", ways[way]);
        table_set(t, row, "score", scores.mean);
        table_set(t, row, "score_std", spread_deviation(&scores));
        table_set(t, row, "loss", losses.mean);
        table_set(t, row, "seeds", (double)seeds);
    }
    lab_note(lab, _("Trained so, K = V reaches %.3f, free %.3f (means of %zu seeds, %zu steps each): this task, this recipe."),
             table_number(t, 1, 1), table_number(t, 0, 1), seeds, lab_size(lab, "steps"));
    lab_note(lab, "%s",
             _("Forced now on models that were trained without, it is another experiment: W_O then reads keys where it learned to read "
               "values."));
    lab_note(lab, "%s", _("K = V does not prevent cross-attention: queries still come from one side, keys and values from the other."));
    return 0;
}

int lab_run_kv_equal(Lab *lab, Error *e)
{
    return run_now(lab, e) == 0 ? run_trained(lab, e) : -1;
}

const LabParam lab_params_kv_equal[] = {
    {"steps", LAB_INTEGER, "1500", "800", 1, 100000, NULL, N_("of the training")},
    {"batch", LAB_INTEGER, "32", NULL, 1, 1024, NULL, N_("sequences of a step")},
    {"lr", LAB_REAL, "0.01", NULL, 1e-6, 1, NULL, N_("highest learning rate, after a twentieth of the steps; then half a cosine down")},
    {"seeds", LAB_INTEGER, "3", "1", 1, 20, NULL, N_("trainings each way")},
    {"seed", LAB_INTEGER, "1", NULL, 0, 1e9, NULL, N_("the first of them: of weights (Xavier) and data")},
    {"examples", LAB_INTEGER, "300", "50", 1, 100000, NULL, N_("held-out examples of a score")},
    {NULL, LAB_INTEGER, NULL, NULL, 0, 0, NULL, NULL},
};
