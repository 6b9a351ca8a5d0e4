/* update.c - the optimiser's step: one AdamW step from the gradients of this pass, what it changed, and the loss again. */
#include "view/app.h"

#include "base/text.h"
#include "train/adamw.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const AdamW rule = {.beta1 = 0.9, .beta2 = 0.999, .eps = 1e-8, .weight_decay = 0.01};
static const double LEARNING_RATE = 1e-3;

/* How far one weight moved. */
typedef struct Move {
    size_t weight;
    double gradient, before, change; /* norms: of the gradient, of the weight, of what was added */
} Move;

struct Update {
    real *weights; /* all of them after the step, one behind the other */
    Move *moves;   /* one a weight, the largest relative change first */
    size_t count;
    double loss;   /* of the same text with the new weights */
};

void update_free(Update *u)
{
    if (!u)
        return;
    free(u->weights);
    free(u->moves);
    free(u);
}

static double norm(const real *x, size_t n)
{
    double sum = 0;
    for (size_t i = 0; i < n; i++)
        sum += (double)x[i] * (double)x[i];
    return sqrt(sum);
}

static int by_change(const void *a, const void *b)
{
    const Move *x = a, *y = b;
    double left = x->change / (x->before + 1e-12), right = y->change / (y->before + 1e-12);
    return left < right ? 1 : left > right ? -1 : 0;
}

/* The loss of the same text and targets with these weights. */
static int loss_with(const App *app, const Model *like, real *weights, double *loss, Error *e)
{
    Model m = *like;
    m.weights.items = malloc(like->weights.count * sizeof *m.weights.items);
    if (!m.weights.items)
        return error_memory(e, "update");
    size_t at = 0;
    for (size_t i = 0; i < like->weights.count; i++) {
        m.weights.items[i] = like->weights.items[i];
        m.weights.items[i].values = matrix_of(weights + at, weight_columns(&m.weights.items[i]));
        at += like->weights.items[i].count;
    }
    Pass *p = pass_create(&m, input_ids(&app->input), app->ablations, e);
    int status = p && hunt_put(app, p, e) == 0 && pass_set_edits(p, &app->edits, e) == 0 ? pass_loss(p, app->targets.data, app->targets.len, loss, e) : -1;
    pass_free(p);
    free(m.weights.items);
    return status;
}

static int make(App *app, Update *u, Error *e)
{
    const Weights *w = &app->model->weights;
    real *moments = calloc(2 * w->total, sizeof *moments);
    u->weights = malloc((w->total ? w->total : 1) * sizeof *u->weights);
    u->moves = calloc(w->count ? w->count : 1, sizeof *u->moves);
    if (!moments || !u->weights || !u->moves) {
        free(moments);
        return error_memory(e, "update");
    }
    u->count = w->count;
    for (size_t i = 0, at = 0; i < w->count; at += w->items[i].count, i++) {
        size_t n = w->items[i].count;
        const real *g = pass_weight_gradient(app->pass, i);
        real *now = u->weights + at;
        weight_read(now, &w->items[i]);
        double before = norm(now, n);
        adamw_update(now, moments + at, moments + w->total + at, g, n, &rule, LEARNING_RATE, 1, 1);
        double moved = 0;
        for (size_t k = 0; k < n; k++) {
            double by = (double)now[k] - (double)weight_at(&w->items[i], k);
            moved += by * by;
        }
        u->moves[i] = (Move){i, norm(g, n), before, sqrt(moved)};
    }
    free(moments);
    qsort(u->moves, u->count, sizeof *u->moves, by_change);
    return loss_with(app, app->model, u->weights, &u->loss, e);
}

bool update_make(App *app)
{
    Error e = {{0}};
    Update *u = calloc(1, sizeof *u);
    if (!u || make(app, u, &e) != 0) {
        app_say(app, ROLE_ERROR, "%s", u ? e.text : _("not enough memory"));
        update_free(u);
        return false;
    }
    update_free(app->update);
    app->update = u;
    return true;
}

void update_take(App *app)
{
    Error e = {{0}};
    Weights *w = &app->model->weights;
    if (weights_own(w, &e) != 0) {
        app_say(app, ROLE_ERROR, "%s", e.text);
        return;
    }
    for (size_t i = 0, at = 0; i < w->count; at += w->items[i].count, i++)
        memcpy(weights_values(w, i), app->update->weights + at, w->items[i].count * sizeof(real));
    app->changed = true;
    table_forget(app);
    double before = app->loss, after = app->update->loss;
    app_run_again(app);
    app_forward(app);
    app_go(app, 0);
    app_say(app, ROLE_BADGE, _("new weights: loss %.6f, it was %.6f; M opens the model afresh"), after, before);
}

void update_draw(App *app, Canvas *c, Rect r)
{
    const Update *u = app->update;
    int row = r.row, width = r.cols - 2;
    canvas_put_cut(c, row++, r.col + 1, width, ROLE_HERE, _("one step of AdamW"));
    row += canvas_put_wrapped(c, row, r.col + 1, width, 3, ROLE_TEXT,
                              _("Weights move against their gradients. In its first step Adam divides each gradient by its own size: a number that has a "
                                "gradient at all moves by about the learning rate, however small that gradient is."));
    canvas_printf(c, ++row, r.col + 1, width, ROLE_HEADING, _("learning rate %g, betas %g and %g, weight decay %g"), LEARNING_RATE, rule.beta1, rule.beta2, rule.weight_decay);
    row++;
    canvas_put_cut(c, ++row, r.col + 1, width, ROLE_KEY, _("Enter takes the new weights and goes forwards again; b goes back, nothing changed"));
    row++;
    canvas_printf(c, row, r.col + 1, width, ROLE_HEADING, _("loss %.6f before, %.6f after (%+.6f) on this text"), app->loss, u->loss, u->loss - app->loss);
    row += 2;
    canvas_put(c, row, r.col + 1, 28, ROLE_HEADING, _("weight"));
    canvas_put_right(c, row, r.col + 30, 11, ROLE_HEADING, _("|gradient|"));
    canvas_put_right(c, row, r.col + 42, 11, ROLE_HEADING, _("|weight|"));
    canvas_put_right(c, row, r.col + 54, 11, ROLE_HEADING, _("|change|"));
    canvas_put_right(c, row++, r.col + 66, 10, ROLE_HEADING, _("relative"));
    size_t room = (size_t)(r.row + r.rows - row > 1 ? r.row + r.rows - row - 1 : 0);
    for (size_t i = 0; i < room && i < u->count; i++, row++) {
        const Move *m = &u->moves[i];
        canvas_put_cut(c, row, r.col + 1, 28, ROLE_LABEL, app->model->weights.items[m->weight].name);
        canvas_printf(c, row, r.col + 30, 11, ROLE_TEXT, "%11.3e", m->gradient);
        canvas_printf(c, row, r.col + 42, 11, ROLE_TEXT, "%11.4f", m->before);
        canvas_printf(c, row, r.col + 54, 11, ROLE_TEXT, "%11.3e", m->change);
        if (m->before > 0)
            canvas_printf(c, row, r.col + 66, 10, ROLE_TEXT, "%9.2f%%", 100 * m->change / m->before);
    }
    if (u->count > room)
        canvas_printf(c, row, r.col + 1, width, ROLE_DIM, _("the %zu that moved most of %zu weights"), room, u->count);
}
