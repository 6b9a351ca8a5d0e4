/* feed.c - what the debugger runs: model, text, ablations and edits; makes the pass anew when one of them changes. */
#include "view/twin.h"

#include "base/text.h"
#include "pass/ablation.h"
#include "train/run.h"
#include "view/quiz.h"

#include <stdlib.h>
#include <string.h>

static char *copy_text(const char *s)
{
    return s ? strdup(s) : NULL;
}

void feed_free_given(InputText *g)
{
    free((char *)g->text);
    free((char *)g->target);
    free((char *)g->ids);
    free((char *)g->target_ids);
    *g = (InputText){0};
}

InputText feed_copy_given(InputText g)
{
    return (InputText){copy_text(g.text), copy_text(g.target), copy_text(g.ids), copy_text(g.target_ids)};
}

/* The last position of what is fed to the output's stack: where the interesting row is. */
size_t feed_last_position(const App *app)
{
    size_t n;
    pass_ids(app->pass, config_last_stack(&app->model->config), &n);
    return n - 1;
}

/* ---- running again ---- */

/* The edits that a pass cannot take (of a place that a shorter text does not have) are left out, and that is said. */
static void take_edits(App *app, Pass *p)
{
    Error e = {{0}};
    Edits kept = {0};
    if (app->edits.count == 0 || pass_set_edits(p, &app->edits, &e) == 0)
        return;
    for (size_t i = 0; i < app->edits.count; i++) {
        if (edits_add(&kept, app->edits.items[i], &e) != 0)
            break;
        if (pass_set_edits(p, &kept, &e) != 0) {
            app_say(app, ROLE_WARNING, _("left out: %s"), e.text);
            edits_remove(&kept, kept.count - 1);
        }
    }
    edits_free(&app->edits);
    app->edits = kept;
    pass_set_edits(p, &app->edits, &e);
}

Pass *feed_edited_pass(App *app, Model *m, const Input *in, Error *e)
{
    Pass *p = pass_create(m, input_ids(in), app->ablations, e);
    if (p && hunt_put(app, p, e) != 0) {
        pass_free(p);
        return NULL;
    }
    if (p)
        take_edits(app, p);
    return p;
}

/* How well a stage of another plan stands for the wanted one: the same, or the last that comes before it. */
static size_t same_place(const Plan *plan, const Stage *want)
{
    size_t best = 0;
    for (size_t i = 0; i < plan->count; i++) {
        const Stage *s = &plan->stages[i];
        if (s->stack == want->stack && s->layer == want->layer && s->sub == want->sub && s->kind == want->kind)
            return i;
        bool before = s->stack < want->stack || (s->stack == want->stack && (s->layer < want->layer || want->sub == SUB_FINAL)) ||
                      (s->stack == want->stack && s->layer == want->layer && s->sub < want->sub);
        if (before)
            best = i;
    }
    return best;
}

/* Stands in the new pass where the user stood in the old one. */
static void stand_in(App *app, Stage here)
{
    Phase phase = app->phase;
    quiz_restart(app);
    app->warned = 0;
    explain_reset(app);
    cutting_free(app->cutting);
    app->cutting = NULL;
    free(app->tree_open);
    app->tree_open = NULL;
    app->history_len = 0;
    app->targets.len = 0;
    input_targets(&app->input, app->model, &app->targets, NULL);
    inspect_changed(app);
    app_forward(app);
    if (phase == PHASE_BACKWARD)
        stepping_backward(app);
    else if (phase != PHASE_FORWARD)
        stepping_to_loss(app);
    if (phase == PHASE_FORWARD || app->phase == PHASE_BACKWARD)
        app_go(app, same_place(pass_plan(app->pass), &here));
    if (app->view == VIEW_CELL)
        cell_open_again(app);
}

void feed_replace_pass(App *app, Pass *p)
{
    Stage here = *app_stage(app);
    pass_free(app->pass);
    app->pass = p;
    twin_make_baseline(app);
    stand_in(app, here);
}

/* True where both passes end in the same output, bit for bit. */
static bool same_output(Pass *a, Pass *b)
{
    size_t ia = pass_plan(a)->count - 2, ib = pass_plan(b)->count - 2;
    size_t n = pass_plan(a)->stages[ia].count;
    return n == pass_plan(b)->stages[ib].count && memcmp(pass_value(a, ia), pass_value(b, ib), n * sizeof(real)) == 0;
}

/* These were switched; whole: both passes were run to their end, and it is the same or not. */
static void say_ablations(App *app, Ablations flipped, bool whole, bool same)
{
    Buffer names = {0};
    bool on = (app->ablations & flipped) != 0;
    ablations_write(flipped, &names);
    if (!whole)
        app_say(app, ROLE_BADGE, on ? _("%s: on, computed again as far as you go") : _("%s: off again, computed again as far as you go"), buffer_text(&names));
    else if (same)
        app_say(app, ROLE_WARNING, on ? _("%s: on, but it changed nothing in the output") : _("%s: off again; nothing changed in the output"), buffer_text(&names));
    else
        app_say(app, ROLE_BADGE, on ? _("%s: on, the pass was run again") : _("%s: off again, the pass was run again"), buffer_text(&names));
    buffer_free(&names);
}

void app_set_ablations(App *app, Ablations a)
{
    Error e = {{0}};
    Ablations flipped = a ^ app->ablations;
    bool plain = !twin_is_open(app);
    app->ablations = a;
    Pass *p = twin_hand_over(app);
    if (!p)
        p = feed_edited_pass(app, app->model, &app->input, &e);
    if (!p) {
        app->ablations ^= flipped;
        app_say(app, ROLE_ERROR, "%s", e.text);
        return;
    }
    bool whole = app_is_run_at_once(p);
    if (whole && (!app_compute(app, app->pass) || !app_compute(app, p))) {
        app->ablations ^= flipped;
        pass_free(p);
        if (!app->baseline)
            twin_make_baseline(app);
        return;
    }
    bool same = whole && same_output(app->pass, p);
    app->message[0] = '\0';
    Stage here = *app_stage(app);
    if (!plain || !twin_keep(app, app->pass))
        pass_free(app->pass);
    app->pass = p;
    twin_pass_changed(app);
    stand_in(app, here);
    if (!app->message[0]) /* else it says where it was stopped */
        say_ablations(app, flipped, whole, same);
}

void app_run_again(App *app)
{
    Error e = {{0}};
    Pass *p = feed_edited_pass(app, app->model, &app->input, &e);
    if (p)
        feed_replace_pass(app, p);
    else
        app_say(app, ROLE_ERROR, "%s", e.text);
}

/* Reads what was given for a model and makes its pass; NULL with the error said. */
static Pass *make_pass(App *app, Model *m, InputText given, Input *in)
{
    Error e = {{0}};
    Pass *p = NULL;
    if (input_read(in, m, given, app->ablations, &e) == 0) {
        p = feed_edited_pass(app, m, in, &e);
        if (!p)
            input_free(in);
    }
    if (!p)
        app_say(app, ROLE_ERROR, "%s", e.text);
    return p;
}

bool app_set_input(App *app, const char *text, const char *target)
{
    bool words = vocab_has_text(app->model->vocab);
    return app_set_given(app, (InputText){.text = words ? text : NULL, .target = words ? target : NULL, .ids = words ? NULL : text, .target_ids = words ? NULL : target});
}

bool app_set_given(App *app, InputText given)
{
    Input in;
    Pass *p = make_pass(app, app->model, given, &in);
    if (!p)
        return false;
    InputText copy = feed_copy_given(given);
    feed_free_given(&app->given);
    app->given = copy;
    input_free(&app->input);
    app->input = in;
    app->sampling.taken = in.own;
    twin_leave_text(app);
    feed_replace_pass(app, p);
    app->cursor[AXIS_TOKEN] = feed_last_position(app);
    app->top = app->left = 0;
    app_say_form(app);
    return true;
}

bool app_set_model(App *app, const char *name)
{
    Error e = {{0}};
    Model *m = model_open(name, NULL, &e);
    if (!m) {
        app_say(app, ROLE_ERROR, "%s", e.text);
        return false;
    }
    Input in;
    Ablations before = app->ablations;
    app->ablations = run_trained_without(m->path); /* switches and edits are of the model that was left */
    Edits edits = app->edits;
    app->edits = (Edits){0};
    Pass *p = make_pass(app, m, (InputText){0}, &in);
    if (!p) {
        app->ablations = before;
        app->edits = edits;
        model_free(m);
        return false;
    }
    edits_free(&edits);
    twin_leave_text(app);
    twin_leave_model(app);
    table_forget(app);
    input_free(&app->input);
    app->input = in;
    app->sampling.taken = in.own;
    feed_free_given(&app->given);
    quiz_restart(app);
    pass_free(app->pass);
    pass_free(app->baseline);
    app->baseline = NULL;
    app->pass = p;
    explain_free(&app->explain);
    model_free(app->model);
    app->model = m;
    free(app->take.tokenizer);
    app->take.tokenizer = NULL;
    free(app->tree_open);
    app->tree_open = NULL;
    app->history_len = 0;
    app->targets.len = 0;
    input_targets(&app->input, m, &app->targets, NULL);
    inspect_changed(app);
    app_forward(app);
    app->grain = GRAIN_STAGE;
    app->changed = false;
    app->warned = 0;
    memset(app->cursor, 0, sizeof app->cursor);
    app->cursor[AXIS_TOKEN] = feed_last_position(app);
    app->top = app->left = 0;
    app_go(app, 0);
    twin_make_baseline(app);
    app_say(app, ROLE_BADGE, m->untrained ? _("%s: untrained, its weights are random") : "%s", m->name);
    app_say_notes(app);
    return true;
}

/* ---- edits ---- */

int app_set_edits(App *app, const Edits *edits, Error *e)
{
    Edits copy;
    if (edits_copy(&copy, edits, e) != 0)
        return -1;
    if (pass_set_edits(app->pass, &copy, e) != 0) {
        edits_free(&copy);
        return -1;
    }
    edits_free(&app->edits);
    app->edits = copy;
    explain_reset(app);
    app->targets.len = 0;
    input_targets(&app->input, app->model, &app->targets, NULL);
    twin_pass_changed(app);
    inspect_changed(app);
    size_t at = app->at;
    Phase phase = app->phase;
    app_forward(app);
    if (phase == PHASE_LOSS)
        stepping_to_loss(app);
    else if (phase != PHASE_FORWARD)
        stepping_backward(app);
    if (phase == PHASE_FORWARD || app->phase == PHASE_BACKWARD)
        app_go(app, at);
    if (app->view == VIEW_CELL)
        cell_open_again(app);
    return 0;
}

/* The output's numbers, to be compared with what they become. NULL without memory. */
static real *copy_output(App *app)
{
    size_t i = pass_plan(app->pass)->count - 2, n = pass_plan(app->pass)->stages[i].count;
    real *copy = malloc(n * sizeof *copy);
    if (copy)
        memcpy(copy, pass_value(app->pass, i), n * sizeof *copy);
    return copy;
}

bool app_add_edit(App *app, const char *text)
{
    Error e = {{0}};
    Edits more = {0};
    bool whole = app_is_run_at_once(app->pass);
    if (whole && !app_compute(app, app->pass))
        return false;
    real *before = whole ? copy_output(app) : NULL;
    int status = before || !whole ? edits_copy(&more, &app->edits, &e) : error_memory(&e, "edits");
    if (status == 0)
        status = edits_add(&more, text, &e);
    if (status == 0)
        status = app_set_edits(app, &more, &e);
    edits_free(&more);
    app->unsaved = app->unsaved || status == 0;
    if (status != 0) {
        app_say(app, ROLE_ERROR, "%s", e.text);
    } else if (!whole) {
        app_say(app, ROLE_BADGE, _("%s: done, computed again as far as you go; U undoes it"), text);
    } else if (!app_compute(app, app->pass)) {
        app_say(app, ROLE_WARNING, _("%s: done, and the pass computed as far as was waited for; U undoes it"), text);
    } else {
        size_t i = pass_plan(app->pass)->count - 2, n = pass_plan(app->pass)->stages[i].count;
        bool same = memcmp(before, pass_value(app->pass, i), n * sizeof *before) == 0;
        app_say(app, same ? ROLE_WARNING : ROLE_BADGE, same ? _("%s: it changed nothing in the output; U undoes it") : _("%s: done; U undoes it"), text);
    }
    free(before);
    return status == 0;
}

void app_undo_edit(App *app, size_t i)
{
    Error e = {{0}};
    Edits fewer = {0};
    if (i >= app->edits.count) {
        app_say(app, ROLE_WARNING, "%s", _("no edit to undo: i changes a number"));
        return;
    }
    if (edits_copy(&fewer, &app->edits, &e) == 0) {
        app_say(app, ROLE_BADGE, _("undone: %s"), fewer.items[i]);
        edits_remove(&fewer, i);
        if (app_set_edits(app, &fewer, &e) != 0)
            app_say(app, ROLE_ERROR, "%s", e.text);
    }
    edits_free(&fewer);
}

/* Runs again with what app->input holds; false, said, where that cannot be. */
static bool run_with_input(App *app)
{
    Error e = {{0}};
    Pass *p = feed_edited_pass(app, app->model, &app->input, &e);
    if (!p) {
        app_say(app, ROLE_ERROR, "%s", e.text);
        return false;
    }
    if (app->view != VIEW_STEP && !app_compute(app, p)) { /* what is shown needs its end */
        pass_free(p);
        return false;
    }
    feed_replace_pass(app, p);
    app->cursor[AXIS_TOKEN] = feed_last_position(app);
    return true;
}

bool app_take_token(App *app, int id)
{
    Error e = {{0}};
    bool added = ids_add(&app->input.target, id, &e) == 0;
    if (!added)
        app_say(app, ROLE_ERROR, "%s", e.text);
    else if (run_with_input(app)) {
        app->sampling.taken++;
        return true;
    } else
        app->input.target.len--;
    return false;
}

bool app_give_token_back(App *app)
{
    app->input.target.len--;
    if (!run_with_input(app)) {
        app->input.target.len++;
        return false;
    }
    app->sampling.taken--;
    return true;
}
