/* extrapolation.c - kinds of positions, tested beyond the length of training: the shipped translators, and small models trained here.
 *
 * Owns the list of both. Scores are those of train/eval.h, on held-out examples of a given size. */
#include "lab/lab.h"
#include "lab/setup.h"

#include "base/text.h"
#include "train/task_zh_en.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct Kind {
    const char *name, *model, *config; /* the shipped model; the position of a config */
} Kind;

static const Kind kinds[] = {
    {"sinusoidal", "zh-en", "sinusoidal"}, {"learned", "zh-en.learned", "learned"}, {"rope", "zh-en.rope", "rope"},
    {"alibi", "zh-en.alibi", "alibi"},     {"none", "zh-en.no-positions", "none"},
};
enum { KINDS = sizeof kinds / sizeof *kinds };

/* Whether the list of "positions", joined by +, names this one. */
static bool is_chosen(const Lab *lab, const char *name)
{
    size_t length = strlen(name);
    for (const char *at = lab_value(lab, "positions")->text; *at; at += strcspn(at, "+"), at += *at == '+')
        if (strcspn(at, "+") == length && strncmp(at, name, length) == 0)
            return true;
    return false;
}

static int check_chosen(const Lab *lab, Error *e)
{
    const char *list = lab_value(lab, "positions")->text;
    for (const char *at = list; *at; at += strcspn(at, "+"), at += *at == '+') {
        bool known = false;
        size_t length = strcspn(at, "+");
        for (size_t k = 0; k < KINDS; k++)
            known = known || (strlen(kinds[k].name) == length && strncmp(at, kinds[k].name, length) == 0);
        if (!known)
            return error_set(e, "lab extrapolation: positions: expected sinusoidal, learned, rope, alibi or none, joined by +, found %.*s",
                             (int)length, at);
    }
    return *list ? 0 : error_set(e, "lab extrapolation: positions: expected at least one");
}

/* ---- shipped translators ---- */

static int evaluate(const Model *m, const Examples *x, Ablations a, size_t n, int difficulty, Eval *out, Error *e)
{
    EvalOptions o = {.n = n, .difficulty = difficulty, .ablations = a};
    return eval_run(out, m, x, &o, e);
}

static int shipped_model(Lab *lab, Table *t, Plot *p, size_t k, Error *e)
{
    const LabValue *times = lab_value(lab, "times");
    Recipe r = {0};
    Examples *x = NULL;
    Eval v;
    size_t series = plot_series(p, kinds[k].name);
    Model *m = model_open(kinds[k].model, NULL, e);
    int status = m ? setup_examples(m, &r, &x, e) : -1;
    for (size_t i = 0; i < times->count && status == 0; i++) {
        char key[48];
        int words = (int)(times->numbers[i] * ZH_EN_LENGTH + 0.5);
        status = evaluate(m, x, r.ablations, lab_size(lab, "examples"), words, &v, e);
        if (status != 0)
            break;
        size_t row = table_row(t);
        snprintf(key, sizeof key, "%s-%g", kinds[k].name, times->numbers[i]);
        table_set_text(t, row, "case", key);
        table_set(t, row, "words", words);
        table_set(t, row, "score", v.score);
        table_set(t, row, "error", sqrt(v.score * (1 - v.score) / (double)v.n));
        table_set(t, row, "loss", v.loss);
        plot_point(p, series, words, v.loss);
        eval_free(&v);
        status = lab_progress(lab, 0.4 * ((double)k + (double)(i + 1) / (double)times->count) / KINDS, kinds[k].model, e);
    }
    examples_free(x);
    recipe_free(&r);
    model_free(m);
    return status;
}

static int shipped(Lab *lab, Error *e)
{
    Table *t = lab_table_new(lab, "shipped", _("zh-en and its relatives, trained on up to 14 Chinese words"));
    table_text_column(t, "case", _("positions-times"));
    table_column(t, "words", _("words"), 0);
    table_column(t, "score", _("sentences right"), 3);
    table_column(t, "error", _("± standard error"), 3);
    table_column(t, "loss", _("loss, nats"), 3);
    Plot *p = lab_plot_new(lab, _("zh-en: loss beyond the training length of 14"), _("Chinese words"), _("loss, nats"));
    for (size_t k = 0; k < KINDS; k++)
        if (is_chosen(lab, kinds[k].name) && shipped_model(lab, t, p, k, e) != 0)
            return -1;
    if (is_chosen(lab, "learned"))
        lab_note(lab, _("zh-en.learned has 128 rows of positions; those beyond the longest sentence of training never had a gradient and are "
                    "what they were at initialisation: that is what is run there."));
    return 0;
}

/* ---- trained here: a sequence and its repetition ---- */

enum { LETTERS = 12 /* most letters of a sequence of the task induction in training */, LETTERS_MAX = 26 };

typedef struct Score {
    Spread right, loss;
} Score;

/* One model of one seed, tested at all lengths. */
static int train_one(Lab *lab, const Kind *kind, uint64_t seed, double from, double to, Score *out, Error *e)
{
    const LabValue *times = lab_value(lab, "times");
    Recipe r;
    Eval v;
    size_t steps = lab_size(lab, "steps");
    if (setup_recipe(&r, e,
                     "{\"task\":\"induction\",\"config\":{\"kind\":\"decoder\",\"decoder_layers\":2,\"d_model\":32,\"n_heads\":4,\"ffn\":"
                     "\"none\",\"norm\":\"none\",\"bias\":false,"
                     "\"position\":\"%s\",\"max_len\":64,\"tie_embeddings\":false},\"init\":\"xavier\",\"weight_seed\":%llu,\"data_seed\":%"
                     "llu,\"steps\":%zu,"
                     "\"batch\":32,\"lr\":0.01,\"lr_end\":0,\"warmup\":%zu,\"weight_decay\":0,\"eval_examples\":200}",
                     kind->config, (unsigned long long)seed, (unsigned long long)seed, steps, steps / 20) != 0)
        return -1;
    Trainer *t = trainer_create(&r, "lab", e);
    int status = t ? 0 : -1;
    while (status == 0 && !trainer_finished(t)) {
        TrainerStep step;
        status = trainer_step(t, &step, e);
        if (status == 0 && trainer_steps(t) % 20 == 0)
            status = lab_progress(lab, from + (to - from) * (double)trainer_steps(t) / (double)steps, kind->name, e);
    }
    for (size_t i = 0; i < times->count && status == 0; i++) {
        int letters = (int)(times->numbers[i] * LETTERS + 0.5);
        status = evaluate(trainer_model(t), trainer_examples(t), 0, lab_size(lab, "examples"),
                          letters < LETTERS_MAX ? letters : LETTERS_MAX, &v, e);
        if (status == 0) {
            spread_add(&out[i].right, v.score);
            spread_add(&out[i].loss, v.loss);
            eval_free(&v);
        }
    }
    trainer_free(t);
    recipe_free(&r);
    return status == 0 ? 0 : -1;
}

static int live(Lab *lab, Error *e)
{
    static const Score nothing;
    const LabValue *times = lab_value(lab, "times");
    size_t seeds = lab_size(lab, "seeds");
    Score scores[LAB_VALUES_MAX];
    Table *t = lab_table_new(lab, "live", _("trained here to repeat 4 to 12 letters (two layers of attention)"));
    table_text_column(t, "case", _("positions-times"));
    table_column(t, "letters", _("letters"), 0);
    table_column(t, "score", _("letters right"), 3);
    table_column(t, "spread", _("± seeds"), 3);
    table_column(t, "loss", _("loss, nats"), 3);
    Plot *p = lab_plot_new(lab, _("repeating letters: share right beyond the training length of 12"), _("letters"), _("share right"));
    for (size_t k = 0; k < KINDS; k++) {
        if (!is_chosen(lab, kinds[k].name))
            continue;
        size_t series = plot_series(p, kinds[k].name);
        for (size_t i = 0; i < times->count; i++)
            scores[i] = nothing;
        for (size_t seed = 1; seed <= seeds; seed++) {
            double at = (double)(k * seeds + seed - 1), all = (double)(KINDS * seeds);
            if (train_one(lab, &kinds[k], seed, 0.4 + 0.6 * at / all, 0.4 + 0.6 * (at + 1) / all, scores, e) != 0)
                return -1;
        }
        for (size_t i = 0; i < times->count; i++) {
            char key[48];
            int letters = (int)(times->numbers[i] * LETTERS + 0.5);
            size_t row = table_row(t);
            snprintf(key, sizeof key, "%s-%g", kinds[k].name, times->numbers[i]);
            table_set_text(t, row, "case", key);
            table_set(t, row, "letters", letters < LETTERS_MAX ? letters : LETTERS_MAX);
            table_set(t, row, "score", scores[i].right.mean);
            table_set(t, row, "spread", spread_deviation(&scores[i].right));
            table_set(t, row, "loss", scores[i].loss.mean);
            plot_point_spread(p, series, letters < LETTERS_MAX ? letters : LETTERS_MAX, scores[i].right.mean,
                              scores[i].right.mean - spread_deviation(&scores[i].right),
                              scores[i].right.mean + spread_deviation(&scores[i].right));
        }
        lab_note(lab, _("repeating letters, %s: %.2f right at %g times the training length, %.2f at %g times."), kinds[k].name,
                 scores[0].right.mean, times->numbers[0], scores[times->count - 1].right.mean, times->numbers[times->count - 1]);
    }
    return 0;
}

int lab_run_extrapolation(Lab *lab, Error *e)
{
    if (check_chosen(lab, e) != 0 || shipped(lab, e) != 0)
        return -1;
    return lab_size(lab, "steps") ? live(lab, e) : 0;
}

const LabParam lab_params_extrapolation[] = {
    {"times", LAB_REALS, "1,1.5,2", NULL, 0.5, 2.1, NULL, N_("how many times the longest of training is tested")},
    {"examples", LAB_INTEGER, "200", "40", 1, 100000, NULL, N_("held-out examples of each length")},
    {"steps", LAB_INTEGER, "1500", "30", 0, 100000, NULL, N_("steps of each training, 32 sequences each; 0: none")},
    {"seeds", LAB_INTEGER, "2", NULL, 2, 20, NULL, N_("of weights and data, 1, 2, …")},
    {"positions", LAB_TEXT, "sinusoidal+learned+rope+alibi+none", NULL, 0, 0, NULL, N_("which of these kinds, joined by +")},
    {NULL, LAB_INTEGER, NULL, NULL, 0, 0, NULL, NULL},
};
