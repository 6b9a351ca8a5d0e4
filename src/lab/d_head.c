/* d_head.c - heads of other widths than d_model / n_heads: what they cost, that they fit all the same, and what they learn. */
#include "lab/lab.h"
#include "lab/trial.h"

#include "base/text.h"

#include <math.h>
#include <stdio.h>

int lab_run_d_head(Lab *lab, Error *e)
{
    const LabValue *list = lab_value(lab, "d_head");
    size_t d = lab_size(lab, "d_model"), h = lab_size(lab, "n_heads"), seeds = lab_size(lab, "seeds");
    Table *t = lab_table_new(lab, "d_head", _("A decoder trained on induction; W_O [h·d_head, d_model] returns to d_model"));
    table_column(t, "d_head", "d_head", 0);
    table_column(t, "rows", _("rows of W_O"), 0);
    table_column(t, "attention", _("W_Q … W_O, a layer"), 0);
    table_column(t, "parameters", _("all weights"), 0);
    table_column(t, "multiplications", _("multipl. of a pass"), 0);
    table_column(t, "score", _("score"), 3);
    table_column(t, "score_std", _("± over seeds"), 3);
    table_column(t, "loss", _("loss, nats"), 3);
    Plot *p = lab_plot_new(lab, _("Score after training"), "d_head", _("score, mean and ± over seeds"));
    plot_series(p, _("score"));
    p->x_log = true;
    for (size_t i = 0; i < list->count; i++) {
        size_t d_head = (size_t)list->numbers[i];
        Spread scores = {0}, losses = {0};
        TaskOutcome out = {0};
        char config[256];
        if (d_head % 2)
            return error_set(e, "lab d-head: d_head: expected even numbers (the model has rotary positions), found %zu", d_head);
        snprintf(config, sizeof config,
                 "\"kind\": \"decoder\", \"decoder_layers\": 2, \"d_model\": %zu, \"n_heads\": %zu, \"d_head\": %zu, \"ffn\": \"none\", "
                 "\"norm\": \"none\", "
                 "\"bias\": false, \"position\": \"rope\", \"tie_embeddings\": false",
                 d, h, d_head);
        for (size_t s = 0; s < seeds; s++) {
            TaskRun run = {"induction",
                           config,
                           lab_size(lab, "seed") + s,
                           lab_size(lab, "steps"),
                           lab_size(lab, "batch"),
                           lab_size(lab, "examples"),
                           lab_number(lab, "lr"),
                           NULL,
                           NULL};
            if (trial_task(&run, &out, e) != 0)
                return -1;
            spread_add(&scores, out.score);
            spread_add(&losses, out.loss);
            if (lab_progress(lab, ((double)i + (double)(s + 1) / (double)seeds) / (double)list->count, "d_head", e) != 0)
                return -1;
        }
        size_t row = table_row(t);
        double std = spread_deviation(&scores);
        table_set(t, row, "d_head", (double)d_head);
        table_set(t, row, "rows", (double)(h * d_head));
        table_set(t, row, "attention", (double)(4 * d * h * d_head));
        table_set(t, row, "parameters", (double)out.parameters);
        table_set(t, row, "multiplications", (double)out.multiplications);
        table_set(t, row, "score", scores.mean);
        table_set(t, row, "score_std", std);
        table_set(t, row, "loss", losses.mean);
        plot_point_spread(p, 0, (double)d_head, scores.mean, scores.mean - std, scores.mean + std);
    }
    lab_note(lab,
             _("d_head = d_model / n_heads is %zu here: then W_Q … W_O have 4d² = %zu numbers whatever the number of heads. It keeps cost "
               "and size; the residual stream does not need it."),
             d / h, 4 * d * d);
    return 0;
}

const LabParam lab_params_d_head[] = {
    {"d_head", LAB_INTEGERS, "2,4,8,16,32", "2,8", 2, 256, NULL, N_("dimensions of a head; even")},
    {"n_heads", LAB_INTEGER, "4", NULL, 1, 16, NULL, N_("heads")},
    {"d_model", LAB_INTEGER, "32", NULL, 2, 256, NULL, N_("width")},
    {"steps", LAB_INTEGER, "1000", "600", 1, 100000, NULL, N_("of the training")},
    {"batch", LAB_INTEGER, "32", NULL, 1, 1024, NULL, N_("sequences of a step")},
    {"lr", LAB_REAL, "0.01", NULL, 1e-6, 1, NULL, N_("highest learning rate, after a twentieth of the steps; then half a cosine down")},
    {"seeds", LAB_INTEGER, "3", "1", 1, 20, NULL, N_("trainings of each")},
    {"seed", LAB_INTEGER, "1", NULL, 0, 1e9, NULL, N_("the first of them: of weights (Xavier) and data")},
    {"examples", LAB_INTEGER, "300", "50", 1, 100000, NULL, N_("held-out examples of a score")},
    {NULL, LAB_INTEGER, NULL, NULL, 0, 0, NULL, NULL},
};
