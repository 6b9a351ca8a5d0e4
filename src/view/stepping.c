/* stepping.c - a debugger's steps: on and off, into and out of, by stage, sub-layer, layer or stack; forwards, to the loss, backwards. */
#include "view/app.h"

#include "base/text.h"
#include "measure/cost.h"
#include "measure/gradient_check.h"

/* ---- loss and gradients ---- */

/* Where the loss has nothing to say of the row at the cursor (the last one predicts what is not there), the cursor goes to the counted row before
 * it, and to the column of its target where no column was chosen: what goes back begins there. */
static void look_at_target(App *app)
{
    size_t row = app_index(app, app_stage(app), 0), n = app->targets.len;
    while (row < n && row > 0 && app->targets.data[row] < 0)
        row--;
    if (row >= n || app->targets.data[row] < 0)
        return;
    app->cursor[AXIS_TOKEN] = row;
    if (!app->cursor[AXIS_VOCAB])
        app->cursor[AXIS_VOCAB] = (size_t)app->targets.data[row];
}

/* The loss of this pass; false where nothing can be compared. */
bool stepping_to_loss(App *app)
{
    Error e = {{0}};
    if (!app_go(app, pass_plan(app->pass)->count - 1))
        return false;
    if (pass_loss(app->pass, app->targets.data, app->targets.len, &app->loss, &e) != 0) {
        app_say(app, ROLE_WARNING, _("the end of the pass: w shows what comes next. No loss: %s"), e.text);
        return false;
    }
    app->phase = PHASE_LOSS;
    look_at_target(app);
    return true;
}

/* From the loss backwards; where that takes much memory, it is said first, and the same key again goes. */
static bool turn_back(App *app)
{
    double gigabytes = cost_of_gradients(app->model, pass_plan(app->pass));
    if (app_may_take(app, MEMORY_GRADIENTS, gigabytes))
        return stepping_backward(app);
    app_say(app, ROLE_WARNING, _("the gradients need %.1f GB of memory, beside the %.1f GB of the values: n again computes them"), gigabytes,
            cost_of_values(pass_plan(app->pass), 0));
    return false;
}

bool stepping_backward(App *app)
{
    Error e = {{0}};
    size_t count = pass_plan(app->pass)->count, left;
    app_forward(app); /* until there are gradients again */
    if (!app_go(app, count - 1))
        return false;
    if (!app_is_light(app->pass)) { /* its first piece, the loss and the logits, takes long: it is seen that it began */
        app->began = 0;
        if (!app_progress(app, PROGRESS_BACKWARD, 0, count))
            return false;
    }
    if (pass_backward_begin(app->pass, app->targets.data, app->targets.len, &app->loss, &e) != 0) {
        app_say(app, ROLE_ERROR, "%s", e.text);
        return false;
    }
    app->phase = PHASE_LOSS;
    while ((left = pass_backward_step(app->pass)) > 0)
        if (!app_progress(app, PROGRESS_BACKWARD, count - left, count))
            return false;
    app->phase = PHASE_BACKWARD;
    return true;
}

/* ---- steps ---- */

static void extent(const App *app, size_t i, Grain g, size_t *first, size_t *end)
{
    const Plan *p = pass_plan(app->pass);
    *first = i;
    *end = i + 1;
    if (g == GRAIN_SUB)
        plan_sub(p, i, first, end);
    else if (g == GRAIN_LAYER)
        plan_layer(p, i, first, end);
    else if (g == GRAIN_STACK)
        plan_stack(p, i, first, end);
}

static const char *grain_name(Grain g)
{
    static const char *const names[] = {N_("stage"), N_("sub-layer"), N_("layer"), N_("stack")};
    return _(names[g]);
}

/* One step on; false at the end. */
static bool step_on(App *app)
{
    size_t first, end, last = pass_plan(app->pass)->count - 1;
    switch (app->phase) {
    case PHASE_FORWARD:
        if (app->at == last)
            return stepping_to_loss(app);
        extent(app, app->at + 1, app->grain, &first, &end);
        inspect_walk(app, app->at + 1, end - 1); /* a step over a block stops at a breakpoint in it */
        return true;
    case PHASE_LOSS:
        return turn_back(app);
    case PHASE_BACKWARD:
        if (app->at == 0) {
            if (!update_make(app))
                return false;
            app->phase = PHASE_UPDATE;
            return true;
        }
        extent(app, app->at - 1, app->grain, &first, &end);
        inspect_walk(app, app->at - 1, first);
        return true;
    case PHASE_UPDATE:
        app_say(app, ROLE_WARNING, "%s", _("Enter takes the new weights and goes forwards again; b goes back"));
        return false;
    }
    return false;
}

static bool step_off(App *app)
{
    size_t first, end, last = pass_plan(app->pass)->count - 1;
    switch (app->phase) {
    case PHASE_FORWARD:
        if (app->at == 0) {
            app_say(app, ROLE_WARNING, "%s", _("the first stage: n steps on"));
            return false;
        }
        extent(app, app->at, app->grain, &first, &end);
        app_go(app, first ? first - 1 : 0);
        return true;
    case PHASE_LOSS:
        app->phase = PHASE_FORWARD;
        return true;
    case PHASE_BACKWARD:
        if (app->at == last) {
            app->phase = PHASE_LOSS;
            return true;
        }
        extent(app, app->at, app->grain, &first, &end);
        app_go(app, end < last ? end : last);
        return true;
    case PHASE_UPDATE:
        update_free(app->update);
        app->update = NULL;
        app->phase = PHASE_BACKWARD;
        return true;
    }
    return false;
}

/* Many steps at once end where the way turns: at the end of the pass, at the loss, at the first stage again. */
void stepping_next(App *app, size_t times)
{
    size_t last = pass_plan(app->pass)->count - 1;
    for (size_t i = 0; i < times; i++) {
        bool turn = app->phase == PHASE_BACKWARD ? app->at == 0 : app->phase != PHASE_FORWARD || app->at == last;
        if ((turn && i) || !step_on(app))
            return;
    }
}

void stepping_back(App *app, size_t times)
{
    while (times-- && step_off(app))
        continue;
}

void stepping_into(App *app)
{
    if (app->grain == GRAIN_STAGE) {
        cell_open(app, app_cell(app));
        return;
    }
    app->grain = (Grain)(app->grain - 1);
    stepping_next(app, 1);
    app_say(app, ROLE_BADGE, _("stepping by %s"), grain_name(app->grain));
}

void stepping_out(App *app)
{
    size_t first, end, was = app->at;
    do {
        if (app->grain < GRAIN_STACK)
            app->grain = (Grain)(app->grain + 1);
        extent(app, app->at, app->grain, &first, &end);
        size_t to = app->phase == PHASE_BACKWARD ? first : end - 1;
        if (to != app->at && inspect_walk(app, to > app->at ? app->at + 1 : app->at - 1, to))
            return; /* at a breakpoint */
    } while (app->at == was && app->grain < GRAIN_STACK);
    app_say(app, ROLE_BADGE, _("stepping by %s; s steps into the next one"), grain_name(app->grain));
}

/* The gradient of the cell under the cursor beside what a small change of the number does to the loss. */
void stepping_check(App *app)
{
    Error e = {{0}};
    GradientCheck g;
    if (app->phase != PHASE_BACKWARD) {
        app_say(app, ROLE_WARNING, "%s", _("gradients come after the loss: L, then n"));
        return;
    }
    const size_t *at = app->weight_cursor;
    bool vector = app->view == VIEW_WEIGHT && app->model->weights.items[app->weight].rank == 1;
    int status = app->view == VIEW_WEIGHT ? gradient_check_weight(app->pass, app->weight, at[vector], vector ? 0 : at[1], &g, &e)
                                          : gradient_check_cell(app->pass, app_cell(app), &g, &e);
    if (status != 0) {
        app_say(app, ROLE_ERROR, "%s", e.text);
        return;
    }
    const char *verdict = g.constant ? _("a constant: no gradient is taken")
                          : g.agrees ? _("they agree")
                          : g.corners ? _("ReLU has a corner here")
                                      : _("they do NOT agree");
    app_say(app, g.agrees || g.constant ? ROLE_DONE : ROLE_ERROR, _("backward %.4e, by differences %.4e ± %.0e: %s"), g.analytic, g.numeric, g.noise, verdict);
}

/* The same stage `by` layers on, or the neighbouring stage where the layers end. */
void stepping_layer(App *app, int by)
{
    const Plan *p = pass_plan(app->pass);
    Stage want = *app_stage(app);
    size_t first, end;
    want.layer += by;
    if (app_stage(app)->layer >= 0)
        for (size_t i = 0; i < p->count; i++)
            if (p->stages[i].stack == want.stack && p->stages[i].layer == want.layer && p->stages[i].sub == want.sub &&
                p->stages[i].kind == want.kind) {
                app_go(app, i);
                return;
            }
    plan_layer(p, app->at, &first, &end);
    bool between = app_stage(app)->layer < 0; /* from outside the layers into the nearest */
    if (between && by > 0 && end < p->count)
        app_go(app, end);
    else if (between && by < 0 && first > 0)
        app_go(app, first - 1);
    else
        app_say(app, ROLE_WARNING, "%s", by > 0 ? _("no layer after this one") : _("no layer before this one"));
}
