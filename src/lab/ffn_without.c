/* ffn_without.c - addition and copying, with an FFN, with it switched off, and trained without it.
 *
 * Owns the trainings of the experiment `ffn`: two layers, the same recipe and seeds with and without. */
#include "lab/ffn.h"
#include "lab/setup.h"

#include "base/text.h"

#include <stdio.h>
#include <stdlib.h>

typedef struct Outcome {
    Spread whole, off, without; /* scores */
    Spread loss, loss_off, loss_without;
} Outcome;

static Trainer *train(Lab *lab, Recipe *r, const char *task, bool without, uint64_t seed, double from, double to, Error *e)
{
    size_t steps = lab_size(lab, "steps");
    if (setup_recipe(r, e,
                     "{\"task\":\"%s\",\"config\":{\"kind\":\"decoder\",\"decoder_layers\":2,\"d_model\":32,\"n_heads\":4,\"d_ff\":128,"
                     "\"max_len\":64,\"position\":\"rope\",\"activation\":\"relu\",\"tie_embeddings\":false},\"ablations\":[%s],"
                     "\"weight_seed\":%llu,\"data_seed\":%llu,\"steps\":%zu,\"batch\":32,\"lr\":0.005,\"warmup\":%zu,\"weight_decay\":0,"
                     "\"eval_examples\":300}",
                     task, without ? "\"no-ffn\"" : "", (unsigned long long)seed, (unsigned long long)seed, steps, steps / 20) != 0)
        return NULL;
    Trainer *t = trainer_create(r, "lab", e);
    int status = t ? 0 : -1;
    while (status == 0 && !trainer_finished(t)) {
        TrainerStep step;
        status = trainer_step(t, &step, e);
        if (status == 0 && trainer_steps(t) % 20 == 0)
            status = lab_progress(lab, from + (to - from) * (double)trainer_steps(t) / (double)steps, task, e);
    }
    if (status == 0)
        return t;
    trainer_free(t);
    return NULL;
}

static int score(const Trainer *t, Ablations a, Spread *share, Spread *loss, Error *e)
{
    Eval v;
    EvalOptions o = {.n = 300, .ablations = a};
    if (eval_run(&v, trainer_model(t), trainer_examples(t), &o, e) != 0)
        return -1;
    spread_add(share, v.score);
    spread_add(loss, v.loss);
    eval_free(&v);
    return 0;
}

static int train_both(Lab *lab, const char *task, uint64_t seed, double from, double to, Outcome *out, Error *e)
{
    for (int without = 0; without < 2; without++) {
        Recipe r = {0};
        double middle = (from + to) / 2;
        Trainer *t = train(lab, &r, task, without, seed, without ? middle : from, without ? to : middle, e);
        int status = t ? 0 : -1;
        if (status == 0 && without)
            status = score(t, NO_FFN, &out->without, &out->loss_without, e);
        else if (status == 0)
            status = score(t, 0, &out->whole, &out->loss, e) == 0 ? score(t, NO_FFN, &out->off, &out->loss_off, e) : -1;
        trainer_free(t);
        recipe_free(&r);
        if (status != 0)
            return -1;
    }
    return 0;
}

static void add_row(Table *t, const char *task, const char *how, const Spread *share, const Spread *loss)
{
    char key[48];
    size_t row = table_row(t);
    snprintf(key, sizeof key, "%s-%s", task, how);
    table_set_text(t, row, "case", key);
    table_set(t, row, "score", share->mean);
    table_set(t, row, "score_spread", spread_deviation(share));
    table_set(t, row, "loss", loss->mean);
    table_set(t, row, "loss_spread", spread_deviation(loss));
}

int ffn_train_without(Lab *lab, Error *e)
{
    static const char *const tasks[] = {"sum", "induction"};
    static const Outcome nothing;
    size_t seeds = lab_size(lab, "seeds");
    Table *t = lab_table_new(lab, "without", _("addition (sum) and copying (induction), trained here"));
    table_text_column(t, "case", _("task-FFN"));
    table_column(t, "score", _("score, held out"), 3);
    table_column(t, "score_spread", _("± seeds"), 3);
    table_column(t, "loss", _("loss, nats"), 3);
    table_column(t, "loss_spread", _("± seeds"), 3);
    for (int k = 0; k < 2; k++) {
        Outcome out = nothing;
        for (size_t seed = 1; seed <= seeds; seed++) {
            double at = 0.3 + 0.35 * k + 0.35 * (double)(seed - 1) / (double)seeds;
            if (train_both(lab, tasks[k], seed, at, at + 0.35 / (double)seeds, &out, e) != 0)
                return -1;
        }
        add_row(t, tasks[k], "whole", &out.whole, &out.loss);
        add_row(t, tasks[k], "off-now", &out.off, &out.loss_off);
        add_row(t, tasks[k], "trained-without", &out.without, &out.loss_without);
        lab_note(lab,
                 _("%s, %zu steps: loss %.3f with the FFN, %.3f with it switched off now, %.3f ± %.3f trained without (%zu seeds, the same "
                   "recipe)."),
                 tasks[k], lab_size(lab, "steps"), out.loss.mean, out.loss_off.mean, out.loss_without.mean,
                 spread_deviation(&out.loss_without), seeds);
    }
    return 0;
}
