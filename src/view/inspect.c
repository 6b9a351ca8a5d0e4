/* inspect.c - print, watch, break, delete; and continuing to a breakpoint. Draws nothing. */
#include "view/inspect.h"

#include "base/text.h"
#include "lesson/labs.h"
#include "train/eval.h"
#include "train/run.h"
#include "view/app.h"
#include "view/twin.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- evaluating ---- */

static int run_score(void *context, double *out, Error *e)
{
    const App *app = context;
    if (app->edits.count || app->changed)
        return error_set(e, "expected a model without edits: the score is over other texts than the edited one");
    if (app->hunt.bug && !app->hunt.out)
        return error_set(e, "expected a network without a bug: the score is not computed with it");
    return eval_score(app->model, app->ablations, out, e);
}

static ExpressionContext context_of(App *app)
{
    return (ExpressionContext){
        .pass = app->pass,
        .baseline = twin_is_open(app) ? app->baseline : NULL,
        .here = (int)app->at,
        .backward = app->phase == PHASE_BACKWARD,
        .targets = app->targets.len ? app->targets.data : NULL,
        .target_count = app->targets.len,
    };
}

/* ---- watches ---- */

static void free_watch(Watched *w)
{
    free(w->text);
    expression_free(w->expression);
    value_free(&w->now);
    value_free(&w->before);
    *w = (Watched){0};
}

/* Returns the byte that an error is about. */
static size_t compute_watch(App *app, Watched *w)
{
    ExpressionError e;
    ExpressionContext c = context_of(app);
    value_free(&w->before);
    w->before = w->now;
    w->has_before = w->has_now;
    w->has_now = expression_evaluate(w->expression, &c, &w->now, &e) == 0;
    if (!w->has_now)
        w->now = (Value){0};
    snprintf(w->error, sizeof w->error, "%.255s", w->has_now ? "" : e.error.text);
    return e.at;
}

void inspect_stop(App *app)
{
    Inspect *x = &app->inspect;
    if (!x->stale && x->stop_at == app->at && x->stop_phase == (int)app->phase)
        return;
    x->stale = false;
    x->stop_at = app->at;
    x->stop_phase = (int)app->phase;
    for (size_t i = 0; i < x->watch_count; i++)
        compute_watch(app, &x->watches[i]);
}

void inspect_changed(App *app)
{
    Error e = {{0}};
    app->inspect.stale = true;
    if (breakpoints_bind(&app->inspect.breakpoints, app->pass, &e) != 0)
        app_say(app, ROLE_ERROR, "%s", e.text);
}

void inspect_free(Inspect *x)
{
    breakpoints_free(&x->breakpoints);
    while (x->watch_count)
        free_watch(&x->watches[--x->watch_count]);
    while (x->line_count)
        free(x->lines[--x->line_count]);
    buffer_free(&x->printed);
    if (x->labs)
        labs_free(x->labs);
    free(x->labs);
    *x = (Inspect){0};
}

/* True where the expression has a value at another stage: "max(weights)" is known in attention only. One stage of each kind is tried. */
static bool has_value_somewhere(App *app, const Watched *w)
{
    const Plan *plan = pass_plan(app->pass);
    bool tried[STAGE_KIND_COUNT] = {false}, found = false;
    for (size_t i = 0; i < plan->count && !found; i++) {
        ExpressionError e;
        Value v;
        ExpressionContext c = context_of(app);
        c.here = (int)i;
        if (tried[plan->stages[i].kind])
            continue;
        tried[plan->stages[i].kind] = true;
        found = expression_evaluate(w->expression, &c, &v, &e) == 0;
        if (found)
            value_free(&v);
    }
    return found;
}

static bool add_watch(App *app, const char *text)
{
    Inspect *x = &app->inspect;
    ExpressionError e;
    if (x->watch_count == WATCHES_MAX) {
        app_say(app, ROLE_ERROR, _("at most %d watches; :delete N takes one away"), WATCHES_MAX);
        return false;
    }
    Watched w = {.text = strdup(text), .expression = expression_compile(text, strlen(text), &e)};
    if (w.text && w.expression)
        e.at = compute_watch(app, &w);
    if (!w.text || !w.expression || (!w.has_now && !has_value_somewhere(app, &w))) { /* what has no value anywhere is misspelt */
        x->wrong_at = e.at;
        app_say(app, ROLE_ERROR, "%s", !w.text ? _("not enough memory") : w.expression ? w.error : e.error.text);
        free_watch(&w);
        return false;
    }
    w.number = ++x->last_number;
    x->watches[x->watch_count++] = w;
    app_say(app, ROLE_BADGE, _("watch %d: %s"), w.number, text);
    return true;
}

/* ---- print ---- */

static int run_lab(void *context, const char *name, const char *settings, const char *row, const char *column, double *out, Error *e)
{
    App *app = context;
    if (!app->inspect.labs && !(app->inspect.labs = calloc(1, sizeof *app->inspect.labs)))
        return error_memory(e, "laboratory");
    return labs_result(app->inspect.labs, name, settings, row, column, out, e);
}

static bool print(App *app, const char *text)
{
    ExpressionError e;
    ExpressionProvider provider = {app, run_score, run_lab};
    ExpressionContext c = context_of(app);
    Value v;
    c.provider = &provider;
    if (expression_run(text, &c, &v, &e) != 0) {
        app->inspect.wrong_at = e.at;
        app_say(app, ROLE_ERROR, "%s", e.error.text);
        return false;
    }
    Buffer line = {0};
    if (v.rank == 0) {
        value_write_line(&v, &line);
        app_say(app, v.type == VALUE_TRUTH && !value_holds(&v) ? ROLE_WARNING : ROLE_BADGE, "%s: %s", text, buffer_text(&line));
    } else {
        buffer_clear(&app->inspect.printed);
        buffer_printf(&app->inspect.printed, "%s\n", text);
        value_write_table(&v, TEXT_ANY_COLUMNS, &app->inspect.printed);
        app->view = VIEW_PRINTED;
        app->scroll = app->left = 0;
    }
    buffer_free(&line);
    value_free(&v);
    return true;
}

/* ---- breakpoints ---- */

static bool add_breakpoint(App *app, const char *text)
{
    Inspect *x = &app->inspect;
    ExpressionError e;
    if (breakpoints_add(&x->breakpoints, x->last_number + 1, text, app->pass, &e) != 0) {
        x->wrong_at = e.at;
        app_say(app, ROLE_ERROR, "%s", e.error.text);
        return false;
    }
    const Breakpoint *b = &x->breakpoints.items[x->breakpoints.count - 1];
    x->last_number = b->number;
    app_say(app, ROLE_BADGE,
            ngettext("breakpoint %d: %s, at %zu stage; c continues to it, C goes back to it",
                     "breakpoint %d: %s, at %zu stages; c continues, C goes back", b->covered),
            b->number, b->text, b->covered);
    return true;
}

void inspect_toggle_breakpoint(App *app)
{
    Breakpoints *list = &app->inspect.breakpoints;
    char name[STAGE_NAME_MAX];
    stage_name(app_stage(app), name);
    for (size_t i = 0; i < list->count; i++)
        if (strcmp(list->items[i].text, name) == 0) {
            app_say(app, ROLE_BADGE, _("breakpoint %d is gone"), list->items[i].number);
            breakpoints_remove(list, i);
            return;
        }
    add_breakpoint(app, name);
}

bool inspect_is_marked(const App *app, size_t first, size_t end)
{
    const Breakpoints *list = &app->inspect.breakpoints;
    for (size_t k = 0; k < list->count; k++)
        for (size_t i = first; i < end; i++)
            if (breakpoint_marks(&list->items[k], i, app->phase == PHASE_BACKWARD))
                return true;
    return false;
}

static bool delete_number(App *app, int number)
{
    Inspect *x = &app->inspect;
    for (size_t i = 0; i < x->breakpoints.count; i++)
        if (x->breakpoints.items[i].number == number) {
            breakpoints_remove(&x->breakpoints, i);
            return true;
        }
    for (size_t i = 0; i < x->watch_count; i++)
        if (x->watches[i].number == number) {
            free_watch(&x->watches[i]);
            x->watch_count--;
            memmove(x->watches + i, x->watches + i + 1, (x->watch_count - i) * sizeof *x->watches);
            return true;
        }
    return false;
}

/* "2", or "all". */
static bool delete (App *app, const char *argument)
{
    Inspect *x = &app->inspect;
    char *stop;
    if (strcmp(argument, "all") == 0) {
        breakpoints_free(&x->breakpoints);
        while (x->watch_count)
            free_watch(&x->watches[--x->watch_count]);
        app_say(app, ROLE_BADGE, "%s", _("all breakpoints and watches are gone"));
        return true;
    }
    long number = strtol(argument, &stop, 10);
    if (stop == argument || *stop || number < 1 || number > 1000000 || !delete_number(app, (int)number)) {
        app_say(app, ROLE_ERROR, _("expected the number of a breakpoint or a watch, or all, found %s; :breakpoints lists them"), argument);
        return false;
    }
    app_say(app, ROLE_BADGE, _("%ld is gone"), number);
    return true;
}

/* ---- continuing ---- */

/* Says why it stopped here, or returns false. */
static bool stops_here(App *app)
{
    ExpressionError e;
    if (app->inspect.breakpoints.count == 0)
        return false;
    ExpressionContext c = context_of(app);
    const Breakpoint *b = breakpoints_hit(&app->inspect.breakpoints, &c, &e);
    if (!b)
        return false;
    if (e.error.text[0])
        app_say(app, ROLE_ERROR, _("breakpoint %d: %s"), b->number, e.error.text);
    else
        app_say(app, ROLE_BADGE, _("breakpoint %d: %s"), b->number, b->text);
    return true;
}

bool inspect_walk(App *app, size_t from, size_t to)
{
    for (size_t i = from;; i += from < to ? 1 : (size_t)-1) {
        if (!app_go(app, i) || stops_here(app))
            return true;
        if (i == to)
            return false;
    }
}

void inspect_continue(App *app)
{
    size_t last = pass_plan(app->pass)->count - 1;
    bool walks = app->at != last;
    switch (app->phase) {
    case PHASE_FORWARD:
        if (!walks || !inspect_walk(app, app->at + 1, last))
            app_say(app, ROLE_BADGE, "%s",
                    walks && app->inspect.breakpoints.count
                        ? _("the end of the pass, and no breakpoint stopped on the way; n goes on to the loss and backwards")
                        : _("the end of the pass: w shows what comes next, n goes on to the loss and backwards"));
        return;
    case PHASE_LOSS:
        if (stepping_backward(app))
            inspect_walk(app, last, 0);
        return;
    case PHASE_BACKWARD:
        if (app->at > 0 && inspect_walk(app, app->at - 1, 0))
            return;
        app_say(app, ROLE_BADGE, "%s", _("the end of the way back: n makes a step of the optimiser"));
        return;
    case PHASE_UPDATE: stepping_next(app, 1); return;
    }
}

void inspect_reverse(App *app)
{
    size_t last = pass_plan(app->pass)->count - 1;
    switch (app->phase) {
    case PHASE_FORWARD:
        if (app->at == 0 || !inspect_walk(app, app->at - 1, 0))
            app_say(app, ROLE_BADGE, "%s", _("the first stage: no breakpoint before"));
        return;
    case PHASE_LOSS:
        app_forward(app);
        if (!inspect_walk(app, last, 0))
            app_say(app, ROLE_BADGE, "%s", _("the first stage: no breakpoint before"));
        return;
    case PHASE_BACKWARD:
        if (app->at == last || !inspect_walk(app, app->at + 1, last))
            app->phase = PHASE_LOSS;
        return;
    case PHASE_UPDATE: stepping_back(app, 1); return;
    }
}

/* ---- commands ---- */

bool inspect_command(App *app, CommandId id, const char *argument)
{
    switch (id) {
    case CMD_BREAK: return add_breakpoint(app, argument);
    case CMD_WATCH: return add_watch(app, argument);
    case CMD_PRINT: return print(app, argument);
    case CMD_DELETE: return delete (app, argument);
    case CMD_EDIT: return app_add_edit(app, argument);
    case CMD_TEMPERATURE:
    case CMD_TOP_K:
    case CMD_TOP_P:
    case CMD_SEED: return sampling_set(app, (int)id, argument);
    case CMD_EXPORT: export_to(app, argument); return true;
    case CMD_SAVE_SESSION: session_accept(app, argument); return true; /* what it asks, it asks in a line of its own */
    default: app_say(app, ROLE_ERROR, _("%s: expected nothing behind its name, found '%s'"), command_table[id].name, argument); return false;
    }
}

void inspect_keep_line(App *app, const char *line)
{
    Inspect *x = &app->inspect;
    if (x->line_count == 0 || strcmp(x->lines[x->line_count - 1], line) != 0) {
        if (x->line_count == LINES_KEPT) {
            free(x->lines[0]);
            memmove(x->lines, x->lines + 1, (LINES_KEPT - 1) * sizeof *x->lines);
            x->line_count--;
        }
        char *copy = strdup(line);
        if (copy)
            x->lines[x->line_count++] = copy;
    }
    x->line_at = x->line_count;
}

const char *inspect_line(App *app, int by)
{
    Inspect *x = &app->inspect;
    if (by < 0 ? x->line_at == 0 : x->line_at >= x->line_count)
        return NULL;
    x->line_at += by < 0 ? (size_t)-1 : 1;
    return x->line_at < x->line_count ? x->lines[x->line_at] : "";
}
