/* app.c - the debugger's state: which model, which text, where in the pass; and how it changes. */
#include "view/twin.h"

#include "base/text.h"
#include "train/run.h"
#include "view/lesson.h"
#include "view/quiz.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const View view_table[VIEW_COUNT] = {
#define VIEW(ID, family, title, click) {title, family##_draw, family##_command, click},
#include "view/views.def"
#undef VIEW
};

/* ---- creating, and what belongs to it ---- */

App *app_create(Model *m, InputText given, Ablations a, Theme theme, bool color, Error *e)
{
    App *app = calloc(1, sizeof *app);
    if (!app) {
        error_memory(e, "debugger");
        return NULL;
    }
    app->theme = theme;
    app->color = color;
    app->digits = 3;
    app->sampling.top_p = 1;
    app->ablations = a;
    if (input_read(&app->input, m, given, a, e) != 0 || !(app->pass = pass_create(m, input_ids(&app->input), a, e))) {
        input_free(&app->input);
        free(app);
        return NULL;
    }
    app->model = m;
    app->sampling.taken = app->input.own;
    app->given = feed_copy_given(given);
    input_targets(&app->input, m, &app->targets, NULL);
    app->cursor[AXIS_TOKEN] = feed_last_position(app);
    pass_value(app->pass, 0);
    twin_make_baseline(app);
    app_say_notes(app);
    app_say_form(app);
    return app;
}

void app_say_form(App *app)
{
    const char *form = run_only_form(app->model->path, &app->input.target);
    if (form)
        app_say(app, ROLE_WARNING, _("%s was trained only on %s: what it says of other text means little"), app->model->name, form);
}

void app_say_notes(App *app)
{
    size_t n = 0;
    for (const char *at = app->model->notes; at && (at = strchr(at, '\n')); at++)
        n++;
    if (n)
        app_say(app, ROLE_BADGE, ngettext("%zu note on this model: M shows it", "%zu notes on this model: M shows them", n), n);
}

void app_free(App *app)
{
    if (!app)
        return;
    twin_free(app);
    table_forget(app);
    pass_free(app->pass);
    input_free(&app->input);
    feed_free_given(&app->given);
    model_free(app->model);
    explanation_free(&app->cell);
    ids_free(&app->targets);
    update_free(app->update);
    edits_free(&app->edits);
    inspect_free(&app->inspect);
    menu_free(&app->menu);
    explain_free(&app->explain);
    quiz_free(app->quiz);
    player_free(app->lesson);
    cutting_free(app->cutting);
    free(app->tree_open);
    free(app->take.session);
    free(app->take.tokenizer);
    free(app);
}

/* ---- where the user stands ---- */

const Stage *app_stage(const App *app)
{
    return &pass_plan(app->pass)->stages[app->at];
}

bool app_go(App *app, size_t i)
{
    size_t count = pass_plan(app->pass)->count, end = i < count ? i : count - 1;
    for (size_t k = pass_done(app->pass); k <= end; k++) {
        pass_value(app->pass, k);
        app->at = k;
        if (!app_progress(app, PROGRESS_FORWARD, k + 1, count))
            return false;
    }
    app->at = end;
    return true;
}

void app_forward(App *app)
{
    app->phase = PHASE_FORWARD;
    update_free(app->update);
    app->update = NULL;
}

void app_jump(App *app, size_t i)
{
    if (app->history_len == HISTORY_MAX) {
        memmove(app->history, app->history + 1, (HISTORY_MAX - 1) * sizeof *app->history);
        app->history_len--;
    }
    Place *p = &app->history[app->history_len++];
    p->at = app->at;
    p->phase = app->phase;
    p->view = app->view;
    memcpy(p->cursor, app->cursor, sizeof p->cursor);
    app_go(app, i);
}

static void come_back(App *app)
{
    if (!app->history_len) {
        app_say(app, ROLE_WARNING, "%s", _("no jump to come back from"));
        return;
    }
    Place *p = &app->history[--app->history_len];
    memcpy(app->cursor, p->cursor, sizeof p->cursor);
    app->phase = p->phase;
    app_go(app, p->at);
    app->view = explain_is_view(p->view) ? p->view : VIEW_STEP;
    if (p->view == VIEW_CELL)
        cell_open(app, app_cell(app));
}

/* Which of app->cursor an axis uses. */
static Axis cursor_axis(const Stage *s, int k)
{
    bool row = k == s->rank - 2;
    if (s->axes[k] == AXIS_QUERY || (s->axes[k] == AXIS_KEY && row))
        return AXIS_TOKEN;
    return s->axes[k] == AXIS_KV_HEAD ? AXIS_HEAD : s->axes[k];
}

/* Query heads to a key/value head. */
static size_t group(const App *app)
{
    return app->model->config.n_heads / app->model->config.n_kv_heads;
}

size_t app_index(const App *app, const Stage *s, int k)
{
    if (k >= s->rank)
        return 0;
    size_t i = app->cursor[cursor_axis(s, k)];
    if (s->axes[k] == AXIS_KV_HEAD) /* the one that the chosen head reads */
        i /= group(app);
    return i < s->shape[k] ? i : s->shape[k] - 1;
}

void app_scroll(App *app, CommandId id, size_t count)
{
    enum { ABOVE_AND_BELOW = 10 }; /* rows that stay; no view has more */
    size_t page = app->rows > ABOVE_AND_BELOW ? (size_t)(app->rows - ABOVE_AND_BELOW) : 1;
    size_t by = id == CMD_PAGE_UP || id == CMD_PAGE_DOWN ? page : count ? count : 1;
    if (id == CMD_DOWN || id == CMD_PAGE_DOWN)
        app->scroll += by;
    else
        app->scroll = by > app->scroll ? 0 : app->scroll - by;
}

void app_move(App *app, const Stage *s, int k, size_t i)
{
    app->cursor[cursor_axis(s, k)] = s->axes[k] == AXIS_KV_HEAD ? i * group(app) : i;
}

Cellref app_cell(const App *app)
{
    const Stage *s = app_stage(app);
    Cellref cell = {.stage = app->at};
    for (int k = 0; k < s->rank; k++)
        cell.index[k] = app_index(app, s, k);
    return cell;
}

Slice app_slice(App *app, size_t stage, bool gradient)
{
    const Stage *s = &pass_plan(app->pass)->stages[stage];
    const real *value = gradient ? pass_gradient(app->pass, stage) : pass_value(app->pass, stage);
    if (s->rank == 2)
        return (Slice){value, s->shape[0], s->shape[1], 0, 0, 0, 1};
    size_t head = app_index(app, s, 0);
    return (Slice){value + head * s->shape[1] * s->shape[2], s->shape[1], s->shape[2], head, s->shape[0], 1, 2};
}

bool app_is_masked(App *app, size_t stage, size_t offset)
{
    const Stage *s = &pass_plan(app->pass)->stages[stage];
    return s->kind == STAGE_WEIGHTS && pass_value(app->pass, (size_t)s->in[0])[offset] == -(real)INFINITY;
}

void app_say(App *app, Role role, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vsnprintf(app->message, sizeof app->message, format, args);
    va_end(args);
    app->message_role = role;
}

void app_input_text(const App *app, Stack stack, Buffer *out)
{
    size_t n;
    const int *ids = pass_ids(app->pass, stack, &n);
    bool spaces = vocab_has_spaces(app->model->vocab);
    if (spaces && vocab_split(app->model->vocab) == SPLIT_TOKENIZER) { /* bytes of one character may be several tokens */
        Buffer text = {0};
        vocab_decode_all(app->model->vocab, ids, n, &text);
        text_escape(out, buffer_text(&text), text.len, false);
        buffer_free(&text);
        return;
    }
    for (size_t i = 0; i < n; i++) {
        const char *token = vocab_token(app->model->vocab, ids[i]);
        if (i && !spaces)
            buffer_putc(out, ' ');
        text_escape(out, token, strlen(token), false);
    }
}

/* ---- commands ---- */

void app_edit_cell(App *app, Cellref cell)
{
    Buffer text = {0};
    const Stage *s = &pass_plan(app->pass)->stages[cell.stage];
    label_address(app->pass, cell, &text);
    buffer_printf(&text, "=%.6g", (double)pass_value(app->pass, cell.stage)[cell_offset(s, cell.index)]);
    prompt_open(app, PROMPT_EDIT, buffer_text(&text));
    app->prompt.chosen = strlen(strrchr(app->prompt.text, '=') + 1);
    buffer_free(&text);
}

/* Edits that are in no session are asked after once; a lesson's and a hunt's are not the user's. */
static void leave(App *app)
{
    app->quit = !app->unsaved || app->leaving || !app->edits.count || app->lesson || app->hunt.bug;
    app->leaving = !app->quit;
    if (app->leaving)
        app_say(app, ROLE_WARNING, "%s", _("the edits are not saved: C-s saves them, q again leaves"));
}

/* What a command does in every view; false where it is none of these. */
static bool common_command(App *app, CommandId id, size_t count)
{
    size_t times = count ? count : 1;
    switch (id) {
    case CMD_NEXT: stepping_next(app, times); break;
    case CMD_BACK: stepping_back(app, times); break;
    case CMD_INTO: stepping_into(app); break;
    case CMD_OUT: stepping_out(app); break;
    case CMD_NEXT_LAYER:
        while (times--)
            stepping_layer(app, 1);
        break;
    case CMD_PREVIOUS_LAYER:
        while (times--)
            stepping_layer(app, -1);
        break;
    case CMD_RESTART:
        quiz_restart(app);
        app_forward(app);
        app_go(app, 0);
        break;
    case CMD_RUN: inspect_continue(app); break;
    case CMD_REVERSE: inspect_reverse(app); break;
    case CMD_END:
        if (app->phase == PHASE_BACKWARD) {
            app_go(app, 0);
            break;
        }
        if (app_go(app, pass_plan(app->pass)->count - 1))
            app_say(app, ROLE_BADGE, "%s", _("the end of the pass: w shows what comes next, n goes on to the loss and backwards"));
        break;
    case CMD_LOSS:
        app_forward(app);
        stepping_to_loss(app);
        app->view = VIEW_STEP;
        break;
    case CMD_GRADIENT:
        if (app->phase != PHASE_BACKWARD)
            app_say(app, ROLE_WARNING, "%s", _("gradients come after the loss: L, then n"));
        app->show_value = !app->show_value;
        break;
    case CMD_RETURN: come_back(app); break;
    case CMD_GOTO: prompt_open(app, PROMPT_GOTO, ""); break;
    case CMD_PALETTE: prompt_open(app, PROMPT_COMMAND, ""); break;
    case CMD_SEARCH:
        if (app->view != VIEW_WEIGHT && app->view != VIEW_NEXT && app->view != VIEW_CACHE && app->view != VIEW_HELP)
            app->view = VIEW_STEP;
        prompt_open(app, PROMPT_SEARCH, "");
        break;
    case CMD_TEXT: {
        const char *given = vocab_has_text(app->model->vocab) ? app->given.text : app->given.ids;
        Buffer ids = {0};
        if (!given && vocab_has_text(app->model->vocab))
            given = app->model->config.example;
        else if (!given) { /* a model without words is given ids */
            size_t n;
            const int *fed = pass_ids(app->pass, app->model->config.kind == KIND_DECODER ? STACK_DECODER : STACK_ENCODER, &n);
            for (size_t i = 0; i < n; i++)
                buffer_printf(&ids, i ? ",%d" : "%d", fed[i]);
            given = buffer_text(&ids);
        }
        prompt_open(app, PROMPT_TEXT, given ? given : "");
        buffer_free(&ids);
        break;
    }
    case CMD_WEIGHT: {
        const Stage *s = app_stage(app);
        if (s->w[0] == NO_WEIGHT)
            app_say(app, ROLE_WARNING, "%s", _("this stage has no weights"));
        else
            weight_open(app, (size_t)s->w[0], 0, 0);
        app->weight_gradient = app->phase == PHASE_BACKWARD && !app->show_value;
        break;
    }
    case CMD_MAP: app->view = VIEW_MAP; app->map_choice = (size_t)-1; break;
    case CMD_CUTTING: cutting_open(app); break;
    case CMD_STREAM: app->view = VIEW_STREAM; app->scroll = 0; break;
    case CMD_BESIDE:
        app->view = VIEW_STEP;
        twin_turn(app);
        break;
    case CMD_DIFFERENCES: differences_open(app); break;
    case CMD_TWIN_TEXT: prompt_open(app, PROMPT_TWIN_TEXT, ""); break;
    case CMD_TWIN_MODEL: menu_open(app, MENU_TWIN); break;
    case CMD_TABLE: table_open(app); break;
    case CMD_GRADIENTS: app->view = VIEW_GRADIENTS; app->scroll = 0; break;
    case CMD_CHECK: stepping_check(app); break;
    case CMD_PREDICT: quiz_set_predict(app, !app->quiz || !app->quiz->predict, false); break;
    case CMD_FILL: quiz_fill(app); break;
    case CMD_WHAT_NEXT:
        if (app_compute(app, app->pass))
            next_open(app);
        break;
    case CMD_CACHE: cache_open(app); break;
    case CMD_TEMPERATURE:
    case CMD_TOP_K:
    case CMD_TOP_P:
    case CMD_SEED: app_say(app, ROLE_WARNING, _("%s: expected a number behind it"), command_table[id].name); break;
    case CMD_HELP: help_open(app); break;
    case CMD_ABLATE: menu_open(app, MENU_ABLATIONS); break;
    case CMD_MODELS: menu_open(app, MENU_MODELS); break;
    case CMD_THEME: menu_open(app, MENU_THEMES); break;
    case CMD_EXPORT: menu_open(app, MENU_EXPORT); break;
    case CMD_SAVE_SESSION:
        if (app->take.session)
            session_accept(app, app->take.session);
        else
            prompt_open(app, PROMPT_SAVE, "session.json");
        break;
    case CMD_EXPLAIN: menu_open(app, MENU_EXPLAIN); break;
    case CMD_TOGGLE_POSITIONS: app_set_ablations(app, app->ablations ^ NO_POSITIONS); break;
    case CMD_TOGGLE_RESIDUAL: app_set_ablations(app, app->ablations ^ NO_RESIDUAL); break;
    case CMD_TOGGLE_UNIFORM: app_set_ablations(app, app->ablations ^ UNIFORM_ATTENTION); break;
    case CMD_CLOSE: app->view = VIEW_STEP; app->focus = PANE_MATRIX; break;
    case CMD_EDIT: app_edit_cell(app, app_cell(app)); break;
    case CMD_UNDO: app_undo_edit(app, app->edits.count - 1); break;
    case CMD_EDITS: menu_open(app, MENU_EDITS); break;
    case CMD_BREAK: inspect_toggle_breakpoint(app); break;
    case CMD_BREAKPOINTS: app->view = VIEW_BREAKPOINTS; break;
    case CMD_PRINT:
    case CMD_WATCH:
    case CMD_DELETE: {
        char begun[32];
        snprintf(begun, sizeof begun, "%s ", command_table[id].name);
        prompt_open(app, PROMPT_COMMAND, begun);
        break;
    }
    case CMD_ACCUSE: hunt_accuse(app); break;
    case CMD_HUNT: hunt_open(app); break;
    case CMD_QUIT: leave(app); break;
    case CMD_REDRAW: break;
    default: return lesson_common(app, id) || explain_open(app, id);
    }
    return true;
}

static void run_command(App *app, CommandId id, size_t count)
{
    const View *v = &view_table[app->view];
    /* Stepping belongs to the matrix: from any other view but the map it goes there first. */
    bool steps = command_table[id].group == GROUP_STEP && app->view != VIEW_STEP && app->view != VIEW_MAP;
    app->leaving = app->leaving && id == CMD_QUIT;
    if (v->command && v->command(app, id, count))
        return;
    if (quiz_holds_back(app, id))
        return;
    if (steps && id != CMD_INTO && id != CMD_OUT && id != CMD_RETURN && id != CMD_GOTO)
        app->view = VIEW_STEP;
    if (!common_command(app, id, count) && app->view != VIEW_STEP)
        app_say(app, ROLE_WARNING, _("%s: not here; Esc goes back to the matrix"), command_table[id].name);
}

static bool key_event(App *app, int32_t key)
{
    enum { COUNT_LIMIT = 100000 };
    app->message[0] = '\0';
    if (quiz_key(app, key) || lesson_key(app, key))
        return true;
    if (app->prompt.kind != PROMPT_NONE) {
        CommandId id = COMMAND_NONE;
        if (app->prompt.kind == PROMPT_COMMAND && key == K_ENTER)
            id = prompt_command(app);
        bool changed = prompt_key(app, key);
        if (id != COMMAND_NONE)
            run_command(app, id, 0);
        return changed;
    }
    if (key >= '0' && key <= '9' && (key > '0' || app->count)) {
        app->count = app->count * 10 + (size_t)(key - '0');
        if (app->count > COUNT_LIMIT)
            app->count = COUNT_LIMIT;
        return true;
    }
    CommandId id = command_of_key(key);
    size_t count = app->count;
    app->count = 0;
    if (id == COMMAND_NONE) {
        char name[16];
        app_say(app, ROLE_WARNING, _("%s is not a key here; ? shows them all"), key_name(key, name, sizeof name));
    } else {
        run_command(app, id, count);
    }
    return true;
}

static bool event_taken(App *app, const Event *event)
{
    switch (event->type) {
    case EVENT_KEY:
        return key_event(app, event->key);
    case EVENT_MOUSE:
        app->message[0] = '\0';
        if (app->view == VIEW_STEP && quiz_is_asking(app))
            return quiz_click(app, event->row, event->col, event->action);
        if (app->prompt.kind != PROMPT_NONE || !view_table[app->view].click) {
            if (event->action == MOUSE_WHEEL_UP || event->action == MOUSE_WHEEL_DOWN)
                return key_event(app, event->action == MOUSE_WHEEL_UP ? K_UP : K_DOWN);
            return false;
        }
        return view_table[app->view].click(app, event->row, event->col, event->action);
    case EVENT_RESIZE:
        return true;
    case EVENT_END:
        app->quit = true;
        return false;
    default:
        return false;
    }
}

bool app_can_look_ahead(const App *app)
{
    size_t next = app->at + 1;
    return app->pump && app->phase == PHASE_FORWARD && pass_done(app->pass) == next && next < pass_plan(app->pass)->count && app_is_light(app->pass);
}

void app_look_ahead(App *app)
{
    pass_value(app->pass, app->at + 1);
}

bool app_is_working(const App *app)
{
    return (app->view == VIEW_TABLE && table_pending(app)) || lesson_pending(app) || (app->pump && twin_pending(app));
}

bool app_work(App *app)
{
    if (!app_is_working(app))
        return false;
    if (lesson_pending(app))
        lesson_work(app);
    else if (app->view == VIEW_TABLE && table_pending(app))
        table_work(app);
    else
        twin_work(app);
    return app_is_working(app);
}

bool app_event(App *app, const Event *event)
{
    progress_begin(app);
    bool changed = event_taken(app, event);
    inspect_stop(app);
    tracing_follow(app);
    lesson_follow(app);
    quiz_arrive(app);
    return changed;
}
