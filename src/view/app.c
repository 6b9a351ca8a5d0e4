/* app.c - the debugger's state: which model, which text, where in the pass; and how it changes. */
#include "view/app.h"

#include "base/text.h"
#include "measure/gradient_check.h"
#include "pass/ablation.h"
#include "train/run.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const View view_table[VIEW_COUNT] = {
    [VIEW_STEP] = {N_("step"), step_draw, step_command, step_click},
    [VIEW_CELL] = {N_("cell"), cell_draw, cell_command, NULL},
    [VIEW_WEIGHT] = {N_("weights"), weight_draw, weight_command, NULL},
    [VIEW_MAP] = {N_("map"), map_draw, map_command, map_click},
    [VIEW_NEXT] = {N_("what comes next"), next_draw, next_command, NULL},
    [VIEW_STREAM] = {N_("residual stream"), stream_draw, stream_command, NULL},
    [VIEW_GRADIENTS] = {N_("gradients"), gradients_draw, gradients_command, NULL},
    [VIEW_HELP] = {N_("help"), help_draw, help_command, NULL},
    [VIEW_MENU] = {N_("menu"), menu_draw, menu_command, menu_click},
};

/* ---- creating, and what belongs to it ---- */

static char *copy_text(const char *s)
{
    return s ? strdup(s) : NULL;
}

static void free_given(InputText *g)
{
    free((char *)g->text);
    free((char *)g->target);
    free((char *)g->ids);
    free((char *)g->target_ids);
    *g = (InputText){0};
}

static InputText copy_given(InputText g)
{
    return (InputText){copy_text(g.text), copy_text(g.target), copy_text(g.ids), copy_text(g.target_ids)};
}

/* The last position of what is fed to the output's stack: where the interesting row is. */
static size_t last_position(const App *app)
{
    size_t n;
    pass_ids(app->pass, config_last_stack(&app->model->config), &n);
    return n - 1;
}

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
    app->ablations = a;
    if (input_read(&app->input, m, given, a, e) != 0 || !(app->pass = pass_create(m, input_ids(&app->input), a, e))) {
        input_free(&app->input);
        free(app);
        return NULL;
    }
    app->model = m;
    app->given = copy_given(given);
    input_targets(&app->input, m, &app->targets, NULL);
    app->cursor[AXIS_TOKEN] = last_position(app);
    pass_value(app->pass, 0);
    return app;
}

void app_free(App *app)
{
    if (!app)
        return;
    pass_free(app->pass);
    input_free(&app->input);
    free_given(&app->given);
    model_free(app->model);
    explanation_free(&app->cell);
    ids_free(&app->targets);
    update_free(app->update);
    menu_free(&app->menu);
    free(app->tree_open);
    text_list_free(&app->take.edits);
    text_list_free(&app->take.breakpoints);
    text_list_free(&app->take.watches);
    free(app->take.session);
    free(app->take.tokenizer);
    free(app);
}

/* ---- where the user stands ---- */

const Stage *app_stage(const App *app)
{
    return &pass_plan(app->pass)->stages[app->at];
}

void app_go(App *app, size_t i)
{
    size_t count = pass_plan(app->pass)->count;
    app->at = i < count ? i : count - 1;
    pass_value(app->pass, app->at);
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
    app->view = VIEW_STEP;
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

/* ---- loss and gradients ---- */

/* The loss of this pass; false where nothing can be compared. */
static bool enter_loss(App *app)
{
    Error e = {{0}};
    if (pass_loss(app->pass, app->targets.data, app->targets.len, &app->loss, &e) != 0) {
        app_say(app, ROLE_WARNING, _("the end of the pass: w shows what comes next. No loss: %s"), e.text);
        return false;
    }
    app->at = pass_plan(app->pass)->count - 1;
    app->phase = PHASE_LOSS;
    return true;
}

static bool enter_backward(App *app)
{
    Error e = {{0}};
    if (pass_backward(app->pass, app->targets.data, app->targets.len, &app->loss, &e) != 0) {
        app_say(app, ROLE_ERROR, "%s", e.text);
        return false;
    }
    app->phase = PHASE_BACKWARD;
    return true;
}

bool app_set_phase(App *app, Phase phase)
{
    if (phase == PHASE_FORWARD) {
        app_forward(app);
        return true;
    }
    if (!enter_loss(app) || (phase != PHASE_LOSS && !enter_backward(app)))
        return false;
    if (phase != PHASE_UPDATE)
        return true;
    app_go(app, 0);
    if (!update_make(app))
        return false;
    app->phase = PHASE_UPDATE;
    return true;
}

void app_set_given(App *app, InputText given)
{
    InputText copied = copy_given(given);
    free_given(&app->given);
    app->given = copied;
}

/* ---- running again ---- */

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

/* Takes a new pass in place of the old one, and stands where the user stood. */
static void replace_pass(App *app, Pass *p)
{
    Stage here = *app_stage(app);
    Phase phase = app->phase;
    pass_free(app->pass);
    app->pass = p;
    free(app->tree_open);
    app->tree_open = NULL;
    app->history_len = 0;
    app->targets.len = 0;
    input_targets(&app->input, app->model, &app->targets, NULL);
    app_forward(app);
    if (phase == PHASE_BACKWARD)
        enter_backward(app);
    else if (phase != PHASE_FORWARD)
        enter_loss(app);
    if (app->phase != PHASE_LOSS)
        app_go(app, same_place(pass_plan(p), &here));
    if (app->view == VIEW_CELL)
        cell_open(app, app_cell(app));
}

/* True where both passes end in the same output, bit for bit. */
static bool same_output(Pass *a, Pass *b)
{
    size_t ia = pass_plan(a)->count - 2, ib = pass_plan(b)->count - 2;
    size_t n = pass_plan(a)->stages[ia].count;
    return n == pass_plan(b)->stages[ib].count && memcmp(pass_value(a, ia), pass_value(b, ib), n * sizeof(real)) == 0;
}

void app_set_ablations(App *app, Ablations a)
{
    Error e = {{0}};
    Pass *p = pass_create(app->model, input_ids(&app->input), a, &e);
    if (!p) {
        app_say(app, ROLE_ERROR, "%s", e.text);
        return;
    }
    Ablations flipped = a ^ app->ablations;
    Buffer names = {0};
    ablations_write(flipped, &names);
    bool same = same_output(app->pass, p), on = (a & flipped) != 0;
    if (same)
        app_say(app, ROLE_WARNING, on ? _("%s: on, but it changed nothing in the output") : _("%s: off again; nothing changed in the output"), buffer_text(&names));
    else
        app_say(app, ROLE_BADGE, on ? _("%s: on, the pass was run again") : _("%s: off again, the pass was run again"), buffer_text(&names));
    buffer_free(&names);
    app->ablations = a;
    replace_pass(app, p);
}

void app_run_again(App *app)
{
    Error e = {{0}};
    Pass *p = pass_create(app->model, input_ids(&app->input), app->ablations, &e);
    if (p)
        replace_pass(app, p);
    else
        app_say(app, ROLE_ERROR, "%s", e.text);
}

/* Reads what was given for a model and makes its pass; NULL with the error said. */
static Pass *make_pass(App *app, Model *m, InputText given, Input *in)
{
    Error e = {{0}};
    Pass *p = NULL;
    if (input_read(in, m, given, app->ablations, &e) == 0) {
        p = pass_create(m, input_ids(in), app->ablations, &e);
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
    InputText given = {.text = words ? text : NULL, .target = words ? target : NULL, .ids = words ? NULL : text, .target_ids = words ? NULL : target};
    Input in;
    Pass *p = make_pass(app, app->model, given, &in);
    if (!p)
        return false;
    InputText copy = copy_given(given);
    free_given(&app->given);
    app->given = copy;
    input_free(&app->input);
    app->input = in;
    replace_pass(app, p);
    app->cursor[AXIS_TOKEN] = last_position(app);
    app->top = app->left = 0;
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
    app->ablations = run_trained_without(m->path); /* switches are of the model that was left */
    Pass *p = make_pass(app, m, (InputText){0}, &in);
    if (!p) {
        app->ablations = before;
        model_free(m);
        return false;
    }
    input_free(&app->input);
    app->input = in;
    free_given(&app->given);
    pass_free(app->pass);
    app->pass = p;
    model_free(app->model);
    app->model = m;
    free(app->take.tokenizer);
    app->take.tokenizer = NULL;
    free(app->tree_open);
    app->tree_open = NULL;
    app->history_len = 0;
    app->targets.len = 0;
    input_targets(&app->input, m, &app->targets, NULL);
    app_forward(app);
    app->grain = GRAIN_STAGE;
    app->changed = false;
    memset(app->cursor, 0, sizeof app->cursor);
    app->cursor[AXIS_TOKEN] = last_position(app);
    app->top = app->left = 0;
    app_go(app, 0);
    app_say(app, ROLE_BADGE, m->untrained ? _("%s: untrained, its weights are random") : "%s", m->name);
    return true;
}

void app_take_token(App *app, int id)
{
    Error e = {{0}};
    if (ids_add(&app->input.target, id, &e) != 0) {
        app_say(app, ROLE_ERROR, "%s", e.text);
        return;
    }
    Pass *p = pass_create(app->model, input_ids(&app->input), app->ablations, &e);
    if (!p) {
        app->input.target.len--;
        app_say(app, ROLE_ERROR, "%s", e.text);
        return;
    }
    replace_pass(app, p);
    app->cursor[AXIS_TOKEN] = last_position(app);
}

void app_input_text(const App *app, Stack stack, Buffer *out)
{
    size_t n;
    const int *ids = pass_ids(app->pass, stack, &n);
    for (size_t i = 0; i < n; i++) {
        const char *token = vocab_token(app->model->vocab, ids[i]);
        if (i && app->model->config.split != SPLIT_LLAMA2C)
            buffer_putc(out, ' ');
        text_escape(out, token, strlen(token), false);
    }
}

/* ---- commands ---- */

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
            return enter_loss(app);
        extent(app, app->at + 1, app->grain, &first, &end);
        app_go(app, end - 1);
        return true;
    case PHASE_LOSS:
        return enter_backward(app);
    case PHASE_BACKWARD:
        if (app->at == 0) {
            if (!update_make(app))
                return false;
            app->phase = PHASE_UPDATE;
            return true;
        }
        extent(app, app->at - 1, app->grain, &first, &end);
        app_go(app, first);
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
static void step_next(App *app, size_t times)
{
    size_t last = pass_plan(app->pass)->count - 1;
    for (size_t i = 0; i < times; i++) {
        bool turn = app->phase == PHASE_BACKWARD ? app->at == 0 : app->phase != PHASE_FORWARD || app->at == last;
        if ((turn && i) || !step_on(app))
            return;
    }
}

static void step_back(App *app, size_t times)
{
    while (times-- && step_off(app))
        continue;
}

static void step_into(App *app)
{
    if (app->grain == GRAIN_STAGE) {
        cell_open(app, app_cell(app));
        return;
    }
    app->grain = (Grain)(app->grain - 1);
    step_next(app, 1);
    app_say(app, ROLE_BADGE, _("stepping by %s"), grain_name(app->grain));
}

static void step_out(App *app)
{
    size_t first, end, was = app->at;
    do {
        if (app->grain < GRAIN_STACK)
            app->grain = (Grain)(app->grain + 1);
        extent(app, app->at, app->grain, &first, &end);
        app_go(app, app->phase == PHASE_BACKWARD ? first : end - 1);
    } while (app->at == was && app->grain < GRAIN_STACK);
    app_say(app, ROLE_BADGE, _("stepping by %s; s steps into the next one"), grain_name(app->grain));
}

/* The gradient of the cell under the cursor beside what a small change of the number does to the loss. */
static void check_gradient(App *app)
{
    Error e = {{0}};
    GradientCheck g;
    if (app->phase != PHASE_BACKWARD) {
        app_say(app, ROLE_WARNING, "%s", _("gradients come after the loss: L, then n"));
        return;
    }
    if (gradient_check_cell(app->pass, app_cell(app), &g, &e) != 0) {
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
static void step_layer(App *app, int by)
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

/* What a command does in every view; false where it is none of these. */
static bool common_command(App *app, CommandId id, size_t count)
{
    size_t times = count ? count : 1;
    switch (id) {
    case CMD_NEXT: step_next(app, times); break;
    case CMD_BACK: step_back(app, times); break;
    case CMD_INTO: step_into(app); break;
    case CMD_OUT: step_out(app); break;
    case CMD_NEXT_LAYER:
        while (times--)
            step_layer(app, 1);
        break;
    case CMD_PREVIOUS_LAYER:
        while (times--)
            step_layer(app, -1);
        break;
    case CMD_RESTART:
        app_forward(app);
        app_go(app, 0);
        break;
    case CMD_RUN:
        if (app->phase == PHASE_BACKWARD) {
            app_go(app, 0);
            break;
        }
        app_go(app, pass_plan(app->pass)->count - 1);
        app_say(app, ROLE_BADGE, "%s", _("the end of the pass: w shows what comes next, n goes on to the loss and backwards"));
        break;
    case CMD_LOSS:
        app_forward(app);
        enter_loss(app);
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
    case CMD_SEARCH: app->view = VIEW_STEP; prompt_open(app, PROMPT_SEARCH, ""); break;
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
        break;
    }
    case CMD_MAP: app->view = VIEW_MAP; app->map_choice = (size_t)-1; break;
    case CMD_STREAM: app->view = VIEW_STREAM; app->scroll = 0; break;
    case CMD_GRADIENTS: app->view = VIEW_GRADIENTS; app->scroll = 0; break;
    case CMD_CHECK: check_gradient(app); break;
    case CMD_WHAT_NEXT: app->view = VIEW_NEXT; app->scroll = 0; break;
    case CMD_HELP: app->view = VIEW_HELP; app->scroll = 0; break;
    case CMD_ABLATE: menu_open(app, MENU_ABLATIONS); break;
    case CMD_MODELS: menu_open(app, MENU_MODELS); break;
    case CMD_THEME: menu_open(app, MENU_THEMES); break;
    case CMD_EXPORT:
        if (app->argument[0])
            export_to(app, app->argument);
        else
            menu_open(app, MENU_EXPORT);
        break;
    case CMD_SAVE_SESSION:
        if (app->argument[0])
            session_accept(app, app->argument);
        else if (app->take.session)
            session_accept(app, app->take.session);
        else
            prompt_open(app, PROMPT_SAVE, "session.json");
        break;
    case CMD_TOGGLE_POSITIONS: app_set_ablations(app, app->ablations ^ NO_POSITIONS); break;
    case CMD_TOGGLE_RESIDUAL: app_set_ablations(app, app->ablations ^ NO_RESIDUAL); break;
    case CMD_TOGGLE_UNIFORM: app_set_ablations(app, app->ablations ^ UNIFORM_ATTENTION); break;
    case CMD_CLOSE: app->view = VIEW_STEP; app->focus = PANE_MATRIX; break;
    case CMD_QUIT: app->quit = true; break;
    case CMD_REDRAW: break;
    default: return false;
    }
    return true;
}

static void run_command(App *app, CommandId id, size_t count)
{
    const View *v = &view_table[app->view];
    /* Stepping belongs to the matrix: from any other view but the map it goes there first. */
    bool steps = command_table[id].group == GROUP_STEP && app->view != VIEW_STEP && app->view != VIEW_MAP;
    if (v->command && v->command(app, id, count))
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
    if (app->prompt.kind != PROMPT_NONE) {
        CommandId id = COMMAND_NONE;
        app->argument[0] = '\0';
        if (app->prompt.kind == PROMPT_COMMAND && key == K_ENTER) {
            char *space = strchr(app->prompt.text, ' ');
            if (space) {
                snprintf(app->argument, sizeof app->argument, "%s", space + strspn(space, " "));
                *space = '\0';
                app->prompt.at = app->prompt.len = strlen(app->prompt.text);
            }
            id = command_find(app->prompt.text);
        }
        bool changed = prompt_key(app, key);
        if (id != COMMAND_NONE && app->argument[0] && id != CMD_EXPORT && id != CMD_SAVE_SESSION)
            app_say(app, ROLE_ERROR, _("%s: expected nothing behind its name, found '%s'"), command_table[id].name, app->argument);
        else if (id != COMMAND_NONE)
            run_command(app, id, 0);
        app->argument[0] = '\0';
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

bool app_event(App *app, const Event *event)
{
    switch (event->type) {
    case EVENT_KEY:
        return key_event(app, event->key);
    case EVENT_MOUSE:
        app->message[0] = '\0';
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
