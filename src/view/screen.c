/* screen.c - the whole screen: the title, the view, and the status line with the keys that matter now. */
#include "view/twin.h"

#include "base/text.h"
#include "pass/ablation.h"
#include "view/lesson.h"
#include "view/quiz.h"

#include <stdio.h>
#include <string.h>

/* ---- the title ---- */

/* Draws a text and moves on; the bar's own spaces stay. */
static int put_badge(Canvas *c, int row, int col, const char *text)
{
    return col + canvas_printf(c, row, col, c->cols - col, ROLE_BADGE, "[%s]", text) + 1;
}

/* More than fit beside the rest are counted. */
static bool badges_counted(const App *app)
{
    int width = 0;
    for (int i = 0; i < ABLATION_COUNT; i++)
        if (app->ablations & ablation_table[i].bit)
            width += (int)strlen(ablation_table[i].name) + 3;
    return width > app->cols / 2;
}

static void ablation_count(const App *app, char out[32])
{
    int n = 0;
    for (int i = 0; i < ABLATION_COUNT; i++)
        n += (app->ablations & ablation_table[i].bit) != 0;
    snprintf(out, 32, _("%d ablations"), n);
}

/* "2 edits"; "" where there are none. */
static void edit_count(const App *app, char out[32])
{
    size_t n = app->edits.count;
    snprintf(out, n ? 32 : 1, ngettext("%zu edit", "%zu edits", n), n);
}

static int badges_width(const App *app)
{
    int width = app->model->untrained ? (int)strlen(_("untrained")) + 3 : 0;
    width += app->changed ? (int)strlen(_("weights changed")) + 3 : 0;
    char count[32];
    char hunt[48];
    width += hunt_badge(app, hunt) ? text_width(hunt) + 3 : 0;
    edit_count(app, count);
    width += *count ? text_width(count) + 3 : 0;
    ablation_count(app, count);
    if (badges_counted(app))
        return width + text_width(count) + 3;
    for (int i = 0; i < ABLATION_COUNT; i++)
        if (app->ablations & ablation_table[i].bit)
            width += (int)strlen(ablation_table[i].name) + 3;
    return width;
}

static void draw_title(const App *app, Canvas *c)
{
    const Config *k = &app->model->config;
    char stage[64];
    Buffer text = {0};
    canvas_fill(c, 0, 0, c->cols, 1, ROLE_TITLE, " ");
    size_t count = pass_plan(app->pass)->count;
    if (app->phase == PHASE_FORWARD)
        snprintf(stage, sizeof stage, _("stage %zu of %zu"), app->at + 1, count);
    else if (app->phase == PHASE_BACKWARD)
        snprintf(stage, sizeof stage, _("backwards, stage %zu of %zu"), app->at + 1, count);
    else
        snprintf(stage, sizeof stage, "%s", app->phase == PHASE_LOSS ? _("the loss") : _("the optimiser's step"));
    int width = canvas_text_width(c, stage), badges = badges_width(app), right = c->cols - width - 1 - badges;
    const char *model = strncmp(app->model->name, "random:", 7) == 0 ? _("random") : app->model->name;
    size_t name = text_fit(model, c->cols / 4, NULL);
    buffer_printf(&text, "%.*s%s  ", (int)name, model, model[name] ? "…" : "");
    for (int i = STACK_ENCODER; i <= STACK_DECODER; i++)
        if (config_has_stack(k, (Stack)i)) {
            if (i == STACK_DECODER && k->kind == KIND_ENCODER_DECODER)
                buffer_puts(&text, " → ");
            app_input_text(app, (Stack)i, &text);
        }
    if (right < 8) { /* badges matter more than the sentence */
        right = c->cols - badges;
        width = 0;
    }
    canvas_put_cut(c, 0, 1, right - 3, ROLE_TITLE, buffer_text(&text));
    buffer_free(&text);
    if (width)
        canvas_put(c, 0, right, width, ROLE_TITLE, stage);
    int col = right + width + (width > 0);
    if (app->model->untrained)
        col = put_badge(c, 0, col, _("untrained"));
    if (app->changed)
        col = put_badge(c, 0, col, _("weights changed"));
    char counted[32], hunt[48];
    if (hunt_badge(app, hunt))
        col = put_badge(c, 0, col, hunt);
    edit_count(app, counted);
    if (*counted)
        col = put_badge(c, 0, col, counted);
    ablation_count(app, counted);
    if (badges_counted(app))
        col = put_badge(c, 0, col, counted);
    for (int i = 0; i < ABLATION_COUNT && !badges_counted(app); i++)
        if (app->ablations & ablation_table[i].bit)
            col = put_badge(c, 0, col, ablation_table[i].name);
}

/* ---- the status line ---- */

/* What it offers in each view, in this order, as far as there is room; ended by COMMAND_NONE. Room is kept for the help and for the
 * way out. */
static const CommandId offers[VIEW_COUNT][OFFERS_MAX + 1] = {
    [VIEW_STEP] = {CMD_LESSON, CMD_LESSON_RETURN, CMD_NEXT, CMD_BACK, CMD_INTO, CMD_OPEN, CMD_ACCUSE, CMD_HUNT, CMD_GOTO, CMD_NEXT_HEAD, CMD_SHOW, CMD_BESIDE, CMD_DIFFERENCES, CMD_ABLATE, CMD_TEXT, CMD_MAP, CMD_OUT, CMD_WHAT_NEXT, CMD_PANE,
                   CMD_HELP, CMD_QUIT, COMMAND_NONE},
    [VIEW_CELL] = {CMD_ACCUSE, CMD_CLOSE, CMD_OPEN, CMD_RETURN, CMD_LEFT, CMD_RIGHT, CMD_MORE_DIGITS, CMD_NEXT, CMD_HELP, CMD_QUIT, COMMAND_NONE},
    [VIEW_WEIGHT] = {CMD_CLOSE, CMD_WEIGHT, CMD_SHOW, CMD_MORE_DIGITS, CMD_HELP, CMD_QUIT, COMMAND_NONE},
    [VIEW_MAP] = {CMD_CLOSE, CMD_OPEN, CMD_NEXT, CMD_BACK, CMD_INTO, CMD_OUT, CMD_ABLATE, CMD_HELP, CMD_QUIT, COMMAND_NONE},
    [VIEW_NEXT] = {CMD_CLOSE, CMD_NEXT, CMD_BACK, CMD_RUN, CMD_OPEN, CMD_INTO, CMD_CACHE, CMD_SEARCH, CMD_ABLATE, CMD_HELP, CMD_QUIT, COMMAND_NONE},
    [VIEW_CACHE] = {CMD_CLOSE, CMD_NEXT, CMD_BACK, CMD_NEXT_LAYER, CMD_NEXT_HEAD, CMD_PANE, CMD_SHOW, CMD_WHAT_NEXT, CMD_OPEN, CMD_EDIT, CMD_RUN, CMD_SEARCH, CMD_HELP, CMD_QUIT, COMMAND_NONE},
    [VIEW_STREAM] = {CMD_CLOSE, CMD_NEXT, CMD_ABLATE, CMD_HELP, CMD_QUIT, COMMAND_NONE},
    [VIEW_GRADIENTS] = {CMD_CLOSE, CMD_NEXT, CMD_ABLATE, CMD_HELP, CMD_QUIT, COMMAND_NONE},
    [VIEW_LENS] = {CMD_CLOSE, CMD_RIGHT, CMD_NEXT_HEAD, CMD_SHOW, CMD_OPEN, CMD_EXPLAIN, CMD_HELP, CMD_QUIT, COMMAND_NONE},
    [VIEW_ATTRIBUTION] = {CMD_CLOSE, CMD_OPEN, CMD_SHOW, CMD_RIGHT, CMD_NEXT_HEAD, CMD_PANE, CMD_EXPLAIN, CMD_HELP, CMD_QUIT, COMMAND_NONE},
    [VIEW_BELT] = {CMD_CLOSE, CMD_RIGHT, CMD_NEXT_HEAD, CMD_PANE, CMD_OPEN, CMD_EXPLAIN, CMD_HELP, CMD_QUIT, COMMAND_NONE},
    [VIEW_PICTURES] = {CMD_CLOSE, CMD_OPEN, CMD_REACH, CMD_EXPLAIN, CMD_HELP, CMD_QUIT, COMMAND_NONE},
    [VIEW_CLASSES] = {CMD_CLOSE, CMD_OPEN, CMD_REACH, CMD_EXPLAIN, CMD_HELP, CMD_QUIT, COMMAND_NONE},
    [VIEW_REACH] = {CMD_CLOSE, CMD_NEXT_HEAD, CMD_NEXT_LAYER, CMD_SHOW, CMD_OPEN, CMD_EXPLAIN, CMD_HELP, CMD_QUIT, COMMAND_NONE},
    [VIEW_TRACING] = {CMD_CLOSE, CMD_OPEN, CMD_SHOW, CMD_NEXT_LAYER, CMD_NEXT_HEAD, CMD_TEXT, CMD_EXPLAIN, CMD_HELP, CMD_QUIT, COMMAND_NONE},
    [VIEW_DIFFERENCES] = {CMD_CLOSE, CMD_OPEN, CMD_PANE, CMD_ABLATE, CMD_TWIN_TEXT, CMD_TWIN_MODEL, CMD_HELP, CMD_QUIT, COMMAND_NONE},
    [VIEW_TABLE] = {CMD_CLOSE, CMD_DOWN, CMD_ABLATE, CMD_HELP, CMD_QUIT, COMMAND_NONE},
    [VIEW_BREAKPOINTS] = {CMD_CLOSE, CMD_OPEN, CMD_RUN, CMD_REVERSE, CMD_HELP, CMD_QUIT, COMMAND_NONE},
    [VIEW_PRINTED] = {CMD_CLOSE, CMD_NEXT, CMD_HELP, CMD_QUIT, COMMAND_NONE},
    [VIEW_HELP] = {CMD_CLOSE, CMD_PAGE_DOWN, CMD_SEARCH, COMMAND_NONE},
    [VIEW_MENU] = {CMD_CLOSE, CMD_OPEN, CMD_HELP, COMMAND_NONE},
    [VIEW_LESSON] = {CMD_NEXT, CMD_BACK, CMD_LESSON, CMD_LESSON_PARTS, CMD_SHOW, CMD_PAGE_DOWN, CMD_HELP, CMD_QUIT, COMMAND_NONE},
    [VIEW_CUTTING] = {CMD_NEXT, CMD_BACK, CMD_CLOSE, CMD_TEXT, CMD_HELP, CMD_QUIT, COMMAND_NONE},
    [VIEW_HUNT] = {CMD_CLOSE, CMD_HUNT, CMD_PAGE_DOWN, CMD_HELP, CMD_QUIT, COMMAND_NONE},
};

/* With the keys in the plan. */
static const CommandId plan_offers[] = {CMD_LESSON, CMD_OPEN, CMD_PANE, CMD_NEXT, CMD_BACK, CMD_INTO, CMD_OUT, CMD_GOTO, CMD_HELP, CMD_QUIT, COMMAND_NONE};

/* The word beside a key: the command's own, or what it does in this view. */
static const char *offer_word(const App *app, ViewId view, CommandId id)
{
    static const char *const opens[VIEW_COUNT] = {[VIEW_CELL] = N_("where it is from"), [VIEW_MAP] = N_("go there"),
                                                  [VIEW_NEXT] = N_("take it"), [VIEW_DIFFERENCES] = N_("go there"), [VIEW_MENU] = N_("choose"),
                                                  [VIEW_BREAKPOINTS] = N_("take it away")};
    const char *explained = explain_offer(view, id);
    if (explained)
        return explained;
    if (id == CMD_OPEN && opens[view])
        return _(opens[view]);
    if (view == VIEW_STEP && app->focus == PANE_PLAN && (id == CMD_OPEN || id == CMD_PANE))
        return id == CMD_OPEN ? _("go there") : _("the matrix");
    if (view == VIEW_STEP && id == CMD_OPEN && app->phase == PHASE_UPDATE)
        return _("take the weights");
    if (id == CMD_NEXT && view == VIEW_CACHE)
        return _("next token");
    if (id == CMD_CACHE)
        return _("cache");
    if (id == CMD_INTO && view == VIEW_NEXT)
        return _("its logit");
    if (id == CMD_RUN && (view == VIEW_NEXT || view == VIEW_CACHE))
        return _("to the end");
    if (id == CMD_PANE && view == VIEW_CACHE)
        return app->sampling.cache_values ? _("the keys") : _("the values");
    if (id == CMD_SEARCH)
        return _("find");
    if (id == CMD_EDIT)
        return _("change");
    if (id == CMD_NEXT_LAYER && view == VIEW_CACHE)
        return _("layer");
    if (view == VIEW_LESSON && id == CMD_NEXT)
        return _("on");
    if (view == VIEW_LESSON && id == CMD_LESSON)
        return _("to the network");
    if (id == CMD_LESSON_RETURN)
        return _("back to the lesson");
    if (id == CMD_LESSON_PARTS)
        return _("parts");
    if (view == VIEW_LESSON && id == CMD_SHOW)
        return _("the answer");
    static const char *const grains[] = {N_("next"), N_("next sub-layer"), N_("next layer"), N_("next stack")};
    if (id == CMD_NEXT)
        return _(grains[app->grain]);
    if (id == CMD_HUNT && view == VIEW_HUNT)
        return _("a hint");
    if (id == CMD_CLOSE)
        return view == VIEW_HUNT ? _("to the network") : _("close");
    if (id == CMD_RUN)
        return _("continue");
    if (id == CMD_REVERSE)
        return _("back to the one before");
    if (id == CMD_RETURN)
        return _("return");
    if (id == CMD_LEFT || id == CMD_RIGHT)
        return _("the other factor");
    if (id == CMD_MORE_DIGITS)
        return _("more digits");
    if (id == CMD_PAGE_DOWN)
        return _("more");
    if (id == CMD_WEIGHT && weight_other(app) == app_stage(app)->w[0])
        return _("the weight");
    if (id == CMD_WEIGHT)
        return _("its bias");
    if (id == CMD_PANE && view == VIEW_DIFFERENCES)
        return _("the output");
    if (id == CMD_DOWN)
        return _("more");
    return _(command_table[id].status);
}

/* Whether a key of the list does anything now. */
static bool is_offered(const App *app, ViewId view, CommandId id)
{
    bool step = view == VIEW_STEP, matrix = app->phase == PHASE_FORWARD || app->phase == PHASE_BACKWARD;
    char key[16];
    switch (id) {
    case CMD_ACCUSE: return app->hunt.bug;
    case CMD_HUNT: return app->hunt.bug && (view != VIEW_HUNT || (!app->hunt.solved && app->hunt.hints <= BUG_HINTS));
    case CMD_PANE: return view != VIEW_BELT || app->model->config.kind == KIND_ENCODER_DECODER;
    case CMD_BESIDE:
    case CMD_DIFFERENCES: return twin_is_open(app);
    case CMD_INTO: return !step || app->grain != GRAIN_STAGE; /* at a stage Enter does the same */
    case CMD_NEXT_HEAD: return !step || (matrix && app_stage(app)->rank >= 3);
    case CMD_LESSON:
        if (step)
            return app->lesson;
        break;
    case CMD_LESSON_RETURN: return lesson_is_away(app);
    case CMD_RETURN: return app->history_len;
    case CMD_WEIGHT: return view != VIEW_WEIGHT || weight_other(app) != NO_WEIGHT;
    case CMD_NEXT:
        if (view == VIEW_LESSON && lesson_is_asking(app->lesson) && !app->lesson->present)
            return false; /* an answer first */
        break;
    case CMD_LEFT:
    case CMD_RIGHT: return view != VIEW_CELL || cell_has_other_factor(app, id == CMD_RIGHT);
    case CMD_PAGE_DOWN: return view != VIEW_LESSON || app->lesson->total - app->lesson->room > (int)app->lesson->scroll;
    case CMD_SHOW:
        if (view == VIEW_LESSON)
            return app->lesson->present && app->lesson->asked;
        return !step || matrix;
    default: break;
    }
    if (view == VIEW_NEXT && !sampling_can(app) && (id == CMD_NEXT || id == CMD_BACK || id == CMD_RUN || id == CMD_OPEN || id == CMD_CACHE))
        return false;
    command_key(id, key);
    return view != VIEW_LESSON || key[1] || !lesson_takes(app->lesson, key[0]); /* there it may answer */
}

size_t screen_offers(const App *app, ViewId view, Offer out[OFFERS_MAX])
{
    size_t n = 0;
    for (const CommandId *id = view == VIEW_STEP && app->focus == PANE_PLAN ? plan_offers : offers[view]; *id != COMMAND_NONE; id++) {
        if (!is_offered(app, view, *id))
            continue;
        out[n] = (Offer){.id = *id, .word = offer_word(app, view, *id)};
        command_key(*id, out[n++].key);
    }
    return n;
}

/* Columns of a key, its word and the space behind them. */
static int offer_width(const Canvas *c, const Offer *o)
{
    return (int)strlen(o->key) + 1 + canvas_text_width(c, o->word) + 2;
}

enum { MESSAGE_ROWS = 4 };

static void draw_status(const App *app, Canvas *c)
{
    int row = c->rows - 1, col = 1;
    canvas_fill(c, row, 0, c->cols, 1, ROLE_TEXT, " ");
    if (app->count)
        col += canvas_printf(c, row, col, 10, ROLE_BADGE, "%zu", app->count) + 1;
    char score[48];
    quiz_write_score(app, score);
    if (!*score)
        lesson_badge(app, score);
    int end = c->cols - (*score ? canvas_text_width(c, score) + 2 : 0);
    canvas_put_cut(c, row, end, c->cols - end, ROLE_BADGE, score);
    if (app->message[0]) {
        int room = end - col - (*score != 0), lines = canvas_put_wrapped(c, c->rows, col, room, MESSAGE_ROWS, app->message_role, app->message);
        if (lines > 1) /* whole, over what stands above the line */
            canvas_fill(c, row - lines + 1, 0, c->cols, lines - 1, ROLE_TEXT, " ");
        canvas_put_wrapped(c, row - lines + 1, col, room, lines, app->message_role, app->message);
        return;
    }
    if (app->view == VIEW_STEP && quiz_is_asking(app))
        return; /* the keys are beside the question */
    Offer list[OFFERS_MAX];
    size_t n = screen_offers(app, app->view, list);
    int kept = 0; /* columns of the last, help and quit */
    for (size_t i = 0; i < n; i++)
        if (list[i].id == CMD_HELP || list[i].id == CMD_QUIT)
            kept += offer_width(c, &list[i]);
    for (size_t i = 0; i < n; i++) {
        int width = offer_width(c, &list[i]);
        if (list[i].id == CMD_HELP || list[i].id == CMD_QUIT)
            kept = 0;
        if (col + width - 1 + kept > end)
            continue;
        int at = col + canvas_put(c, row, col, 16, ROLE_KEY, list[i].key) + 1;
        canvas_put(c, row, at, 40, ROLE_DIM, list[i].word);
        col += width;
    }
}

/* ---- the whole ---- */

bool screen_is_too_small(Canvas *c)
{
    char text[96];
    if (c->cols >= APP_MIN_COLS && c->rows >= APP_MIN_ROWS)
        return false;
    snprintf(text, sizeof text, _("needs %d×%d, has %d×%d"), APP_MIN_COLS, APP_MIN_ROWS, c->cols, c->rows);
    int lines = canvas_put_wrapped(c, c->rows, 0, c->cols, c->rows, ROLE_WARNING, text);
    canvas_put_wrapped(c, (c->rows - lines) / 2, 0, c->cols, c->rows, ROLE_WARNING, text);
    return true;
}

void app_draw(App *app, Canvas *c)
{
    app->cols = c->cols;
    app->rows = c->rows;
    canvas_clear(c);
    if (screen_is_too_small(c))
        return;
    Rect area = {1, 0, c->cols, c->rows - 2};
    draw_title(app, c);
    int beside = lesson_columns(app, c->cols);
    ViewId view = beside && app->view == VIEW_LESSON ? app->lesson->behind : app->view;
    area.cols -= beside;
    app->explain.lines = 0;
    view_table[view].draw(app, c, area);
    if (explain_is_view(view) && app->explain.lines)
        canvas_put_span(c, area.row, area.col, area.cols - 1, app->explain.first, app->explain.seen, app->explain.lines);
    if (beside)
        lesson_draw_beside(app, c, (Rect){area.row, area.cols, beside, area.rows});
    area.cols = c->cols;
    if (app->prompt.kind != PROMPT_NONE)
        prompt_draw(app, c, area);
    else
        draw_status(app, c);
}
