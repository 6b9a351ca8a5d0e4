/* norm_placement.c - norm before the sub-layer or after the sum: gradients by layer at the start, and training with and without warm-up.
 *
 * Owns both measurements. What is trained is small and is trained here, each case with several seeds. */
#include "lab/lab.h"
#include "lab/setup.h"

#include "base/text.h"
#include "measure/gradient.h"

#include <stdio.h>
#include <stdlib.h>

enum { LAYERS_MAX = 48 };
static const char *const places[] = {"pre", "post"};

/* ---- at initialisation ---- */

typedef struct Layer {
    Spread gradient, size;
} Layer;

/* |dW_1| and the norm of a stream row, by layer, of one model. */
static int measure_start(Lab *lab, const char *place, size_t layers, uint64_t seed, Layer *out, Error *e)
{
    enum { LENGTH = 16, VOCAB = 64 };
    Init init = {.kind = INIT_XAVIER, .seed = seed};
    int ids[2 * LENGTH];
    double loss;
    setup_ids(ids, 2 * LENGTH, VOCAB, seed + 1000);
    Model *m = setup_model(
        &init, e,
        "kind=decoder,d_model=%zu,n_heads=4,d_ff=%zu,decoder_layers=%zu,vocab_size=%d,position=sinusoidal,activation=relu,norm_position=%s",
        lab_size(lab, "d_model"), 4 * lab_size(lab, "d_model"), layers, VOCAB, place);
    Pass *p = m ? pass_create(m, (PassInput){NULL, ids, 0, LENGTH}, 0, e) : NULL;
    int status = p ? pass_backward(p, ids + LENGTH, LENGTH, &loss, e) : -1;
    for (size_t l = 0; status == 0 && l < layers; l++) {
        bool post = m->config.norm_position == NORM_POST;
        spread_add(&out[l].gradient, setup_weight_gradient(p, "decoder.%zu.ffn.W_1", l));
        spread_add(&out[l].size, stream_point(p, (size_t)setup_stage(p, "decoder.%zu.ffn.%s", l, post ? "norm" : "residual")).norm);
    }
    pass_free(p);
    model_free(m);
    return status;
}

static int at_start(Lab *lab, size_t layers, Error *e)
{
    static const Layer nothing;
    Layer x[2][LAYERS_MAX];
    Table *t = lab_table_new(lab, "start", _("at initialisation, layer by layer"));
    table_column(t, "layer", _("layer"), 0);
    table_column(t, "pre", _("|d W_1|, pre-norm"), -3);
    table_column(t, "pre_spread", _("± seeds"), -3);
    table_column(t, "post", _("|d W_1|, post-norm"), -3);
    table_column(t, "post_spread", _("± seeds"), -3);
    table_column(t, "pre_stream", _("stream's row norm, pre"), 2);
    table_column(t, "post_stream", _("stream's row norm, post"), 2);
    Plot *p = lab_plot_new(lab, _("gradient of W_1 at initialisation"), _("layer"), "|d W_1|");
    p->y_log = true;
    for (int i = 0; i < 2; i++) {
        size_t series = plot_series(p, places[i]);
        for (size_t l = 0; l < layers; l++)
            x[i][l] = nothing;
        for (size_t seed = 1; seed <= lab_size(lab, "start_seeds"); seed++)
            if (measure_start(lab, places[i], layers, seed, x[i], e) != 0)
                return -1;
        for (size_t l = 0; l < layers; l++) {
            Spread g = x[i][l].gradient;
            plot_point_spread(p, series, (double)(l + 1), g.mean, g.mean - spread_deviation(&g), g.mean + spread_deviation(&g));
        }
    }
    for (size_t l = 0; l < layers; l++) {
        size_t row = table_row(t);
        table_set(t, row, "layer", (double)(l + 1));
        table_set(t, row, "pre", x[0][l].gradient.mean);
        table_set(t, row, "pre_spread", spread_deviation(&x[0][l].gradient));
        table_set(t, row, "post", x[1][l].gradient.mean);
        table_set(t, row, "post_spread", spread_deviation(&x[1][l].gradient));
        table_set(t, row, "pre_stream", x[0][l].size.mean);
        table_set(t, row, "post_stream", x[1][l].size.mean);
    }
    const Spread *post = &x[1][layers - 1].gradient, *pre = &x[0][layers - 1].gradient;
    lab_note(lab,
             _("At initialisation, %zu layers: near the output |dW_1| is %.2f ± %.2f with post-norm and %.2f ± %.2f with pre-norm; the "
               "last layer's is %.2f times the first's with post-norm, %.2f times with pre-norm."),
             layers, post->mean, spread_deviation(post), pre->mean, spread_deviation(pre), post->mean / x[1][0].gradient.mean,
             pre->mean / x[0][0].gradient.mean);
    lab_note(lab,
             _("The stream's rows grow from %.1f to %.1f with pre-norm; with post-norm they are normalised after every sub-layer (%.1f to "
               "%.1f). Every sub-layer but the first reads normalised "
               "rows in both."),
             x[0][0].size.mean, x[0][layers - 1].size.mean, x[1][0].size.mean, x[1][layers - 1].size.mean);
    return 0;
}

/* ---- training ---- */

typedef struct Case {
    const char *place;
    size_t layers, warmup;
} Case;

typedef struct Outcome {
    Spread loss, score;
    size_t diverged;
} Outcome;

/* One training of the recipe; *loss is the mean of the last tenth of the steps, NaN where it diverged. */
static int train_once(Lab *lab, const Case *x, uint64_t seed, double from, double to, Plot *p, size_t series, Outcome *out, Error *e)
{
    Recipe r;
    Eval score;
    size_t steps = lab_size(lab, "steps");
    int status = setup_recipe(
        &r, e,
        "{\"task\":\"%s\",\"config\":{\"kind\":\"decoder\",\"decoder_layers\":%zu,\"d_model\":%zu,\"n_heads\":4,\"d_ff\":%zu,\"max_len\":"
        "64,\"norm_position\":\"%s\","
        "\"position\":\"sinusoidal\",\"activation\":\"relu\"},\"init\":\"xavier\",\"weight_seed\":%llu,\"data_seed\":%llu,\"steps\":%zu,"
        "\"batch\":%zu,\"lr\":%g,\"lr_end\":0,\"warmup\":%zu,\"weight_decay\":0,\"clip\":0,\"beta2\":0.98,\"eval_examples\":200}",
        lab_value(lab, "task")->text, x->layers, lab_size(lab, "d_model"), 4 * lab_size(lab, "d_model"), x->place, (unsigned long long)seed,
        (unsigned long long)seed, steps, lab_size(lab, "batch"), lab_number(lab, "lr"), x->warmup);
    if (status != 0)
        return -1;
    Trainer *t = trainer_create(&r, "lab", e);
    status = t ? 0 : -1;
    while (status == 0 && !trainer_finished(t)) {
        TrainerStep step;
        status = trainer_step(t, &step, e);
        size_t done = trainer_steps(t);
        if (status == 0 && seed == 1 && done % (steps / 25 ? steps / 25 : 1) == 0)
            plot_point(p, series, (double)done, trainer_mean_loss(t, steps / 25 ? steps / 25 : 1));
        if (status == 0 && done % 10 == 0)
            status = lab_progress(lab, from + (to - from) * (double)done / (double)steps, x->place, e);
    }
    if (status == TRAINER_DIVERGED) {
        out->diverged++;
        status = 0;
    } else if (status == 0) {
        spread_add(&out->loss, trainer_mean_loss(t, steps / 10 ? steps / 10 : 1));
        status = trainer_evaluate(t, &score, e);
        if (status == 0) {
            spread_add(&out->score, score.score);
            eval_free(&score);
        }
    }
    trainer_free(t);
    recipe_free(&r);
    return status;
}

static int train_all(Lab *lab, Error *e)
{
    const LabValue *depths = lab_value(lab, "layers");
    size_t seeds = lab_size(lab, "seeds"), warmup = lab_size(lab, "warmup"), done = 0;
    double all = (double)(depths->count * 4 * seeds);
    Table *t = lab_table_new(lab, "training", _("trained here: the loss at the end, over seeds"));
    table_text_column(t, "case", _("norm-layers-warm-up"));
    table_column(t, "loss", _("loss at the end, nats"), 3);
    table_column(t, "loss_spread", _("± seeds"), 3);
    table_column(t, "score", _("score, held out"), 3);
    table_column(t, "score_spread", _("± seeds"), 3);
    table_column(t, "diverged", _("diverged"), 0);
    Plot *p = lab_plot_new(lab, _("loss while training, seed 1"), _("steps"), _("loss, nats"));
    Spread losses[4];
    for (size_t k = 0; k < depths->count; k++)
        for (int i = 0; i < 4; i++) {
            Case x = {places[i / 2], (size_t)depths->numbers[k], i % 2 ? 0 : warmup};
            Outcome out = {.diverged = 0};
            char name[48];
            snprintf(name, sizeof name, "%s-%zu-%s", x.place, x.layers, x.warmup ? "warmup" : "none");
            size_t series = plot_series(p, name);
            for (size_t seed = 1; seed <= seeds; seed++, done++)
                if (train_once(lab, &x, seed, (double)done / all, (double)(done + 1) / all, p, series, &out, e) != 0)
                    return -1;
            size_t row = table_row(t);
            table_set_text(t, row, "case", name);
            table_set(t, row, "loss", out.loss.n ? out.loss.mean : NAN);
            table_set(t, row, "loss_spread", spread_deviation(&out.loss));
            table_set(t, row, "score", out.score.n ? out.score.mean : NAN);
            table_set(t, row, "score_spread", spread_deviation(&out.score));
            table_set(t, row, "diverged", (double)out.diverged);
            losses[i] = out.loss;
            if (i == 3)
                lab_note(lab,
                         _("%zu layers, loss at the end over %zu seeds: pre-norm %.2f ± %.2f with warm-up, %.2f ± %.2f without; post-norm "
                           "%.2f ± %.2f with, %.2f ± %.2f without."),
                         x.layers, seeds, losses[0].mean, spread_deviation(&losses[0]), losses[1].mean, spread_deviation(&losses[1]),
                         losses[2].mean, spread_deviation(&losses[2]), losses[3].mean, spread_deviation(&losses[3]));
        }
    return 0;
}

int lab_run_norm_placement(Lab *lab, Error *e)
{
    if (at_start(lab, lab_size(lab, "start_layers"), e) != 0)
        return -1;
    return lab_size(lab, "steps") ? train_all(lab, e) : 0;
}

const LabParam lab_params_norm_placement[] = {
    {"start_layers", LAB_INTEGER, "12", "6", 2, LAYERS_MAX, NULL, N_("layers, where gradients are looked at before training")},
    {"start_seeds", LAB_INTEGER, "20", "5", 2, 1000, NULL, N_("models that are looked at before training, seeds 1, 2, …")},
    {"layers", LAB_INTEGERS, "6,12", "6,12", 1, LAYERS_MAX, NULL, N_("layers of the models that are trained")},
    {"task", LAB_WORD, "sum", NULL, 0, 0, "induction|recall|sum|story", N_("what they are taught")},
    {"steps", LAB_INTEGER, "600", "100", 0, 100000, NULL, N_("steps of training, 0: none")},
    {"batch", LAB_INTEGER, "16", "8", 1, 1024, NULL, N_("sequences of a step")},
    {"lr", LAB_REAL, "0.002", NULL, 0, 10, NULL, N_("learning rate, highest; AdamW, cosine to 0, no clipping")},
    {"warmup", LAB_INTEGER, "100", "15", 1, 100000, NULL, N_("steps of warm-up, where there is one")},
    {"d_model", LAB_INTEGER, "32", NULL, 8, 256, NULL, N_("width")},
    {"seeds", LAB_INTEGER, "3", "2", 2, 20, NULL, N_("of weights and data, 1, 2, …")},
    {NULL, LAB_INTEGER, NULL, NULL, 0, 0, NULL, NULL},
};
