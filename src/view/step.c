/* step.c - the main view: the plan, the matrix, what the stage means. */
#include "view/twin.h"

#include "base/text.h"
#include "measure/gradient.h"
#include "measure/metrics.h"
#include "pass/ablation.h"
#include "view/lesson.h"
#include "view/quiz.h"

#include <stdio.h>
#include <string.h>

enum { PLAN_COLS = 32, PLAN_FROM = 106, MEANING_COLS = 46, MEANING_FROM = 160, METRICS_MAX = 12 };

/* ---- the panes ---- */

static const char *sub_words(Sub s)
{
    switch (s) {
    case SUB_EMBED: return _("embedding");
    case SUB_SELF: return _("self-attention");
    case SUB_CROSS: return _("cross-attention");
    case SUB_FFN: return _("FFN");
    case SUB_FINAL: return _("end of the stack");
    default: return "";
    }
}

/* "decoder › layer 0 › self-attention › weights" */
static void write_crumb(const Stage *s, Buffer *out)
{
    buffer_puts(out, s->stack == STACK_ENCODER ? _("encoder") : s->stack == STACK_DECODER ? _("decoder") : _("output"));
    if (s->layer >= 0)
        buffer_printf(out, _(" › layer %d"), s->layer);
    if (s->sub != SUB_OUTPUT)
        buffer_printf(out, " › %s", sub_words(s->sub));
    buffer_printf(out, " › %s", s->sub == SUB_FINAL ? "final_norm" : stage_table[s->kind].id);
}

static void draw_crumb(App *app, Canvas *c, Rect r)
{
    const Stage *s = app_stage(app);
    Buffer b = {0};
    char head[64] = "";
    if (s->rank == 3 && r.cols < 60)
        snprintf(head, sizeof head, "%s %zu/%zu", _(axis_name(s->axes[0])), app_index(app, s, 0), s->shape[0]);
    else if (s->rank == 3)
        snprintf(head, sizeof head, s->axes[0] == AXIS_HEAD ? _("head %zu of %zu") : _("key/value head %zu of %zu"), app_index(app, s, 0), s->shape[0]);
    int head_width = canvas_text_width(c, head);
    write_crumb(s, &b);
    if (canvas_text_width(c, buffer_text(&b)) + head_width + 3 > r.cols) { /* where there is little room, the name is what matters */
        char name[STAGE_NAME_MAX];
        buffer_clear(&b);
        buffer_puts(&b, stage_name(s, name));
    }
    canvas_put_cut(c, r.row, r.col + 1, r.cols - head_width - 3, ROLE_HERE, buffer_text(&b));
    int used = canvas_text_width(c, buffer_text(&b)) + 2;
    if (used + head_width + 8 < r.cols)
        canvas_printf(c, r.row, r.col + used, r.cols - used - head_width - 2, ablations_touch(app->ablations, s, &app->model->config) ? ROLE_ABLATED : ROLE_TEXT,
                      "— %s", _(stage_table[s->kind].title));
    canvas_put_right(c, r.row, r.col + r.cols - head_width - 1, head_width, ROLE_LABEL, head);
    buffer_free(&b);
}

/* What an edit or an ablation does to this stage, or NULL. */
static const char *ablated_words(const App *app, const Stage *s)
{
    const char *edit = pass_edit_of(app->pass, app->at, 0);
    if (edit)
        return edit;
    if (!ablations_touch(app->ablations, s, &app->model->config))
        return NULL;
    for (int i = 0; i < ABLATION_COUNT; i++)
        if (app->ablations & ablation_table[i].bit && ablations_touch(ablation_table[i].bit, s, &app->model->config))
            return _(ablation_table[i].what);
    return NULL;
}

static size_t gather_metrics(App *app, MetricLine *lines, size_t max)
{
    const Stage *s = app_stage(app);
    size_t head = s->rank == 3 ? app_index(app, s, 0) : 0, row = app_index(app, s, s->rank - 2);
    if (app->phase == PHASE_BACKWARD)
        return gradient_lines(app->pass, app->at, head, row, lines, max);
    size_t beside = max && twin_metric(app, lines); /* the first line, where there is a baseline */
    return beside + metric_lines(app->pass, app->at, head, row, lines + beside, max - beside);
}

static void write_formula(const App *app, Buffer *out)
{
    if (app->phase == PHASE_BACKWARD)
        gradient_formula(app->pass, app->at, out);
    else
        formula_with_shapes(app->pass, app->at, out);
}

/* Under the matrix: the formula with its shapes, then the metrics. */
static void draw_meaning_below(App *app, Canvas *c, Rect r, const MetricLine *lines, size_t n)
{
    Buffer b = {0};
    write_formula(app, &b);
    canvas_hline(c, r.row, r.col, r.cols, ROLE_BORDER);
    canvas_put_cut(c, r.row + 1, r.col + 1, r.cols - 2, ROLE_HEADING, buffer_text(&b));
    buffer_free(&b);
    for (size_t i = 0; i < n; i++) {
        canvas_put_cut(c, r.row + 2 + (int)i, r.col + 1, 24, ROLE_LABEL, lines[i].label);
        canvas_put_cut(c, r.row + 2 + (int)i, r.col + 26, r.cols - 27, ROLE_TEXT, lines[i].value);
    }
}

/* At the right of the matrix: the same with room for words, weights and the source. */
static void draw_meaning_beside(App *app, Canvas *c, Rect r)
{
    const Stage *s = app_stage(app);
    const StageInfo *info = &stage_table[s->kind];
    MetricLine lines[METRICS_MAX];
    Buffer b = {0};
    int row = r.row, left = r.col + 2, width = r.cols - 3, end = r.row + r.rows;
    canvas_vline(c, r.row, r.col, r.rows, ROLE_BORDER);
    canvas_put_cut(c, row++, left, width, ROLE_HEADING, _("what happens here"));
    row++;
    row += canvas_put_wrapped(c, row, left, width, 3, ROLE_HERE, _(info->title));
    row += canvas_put_wrapped(c, row, left, width, 4, ROLE_TEXT, stage_what(s, &app->model->config));
    const char *ablated = ablated_words(app, s);
    if (ablated)
        row += canvas_put_wrapped(c, row, left, width, 3, ROLE_ABLATED, ablated);
    row++;
    write_formula(app, &b);
    row += canvas_put_wrapped(c, row, left, width, 4, ROLE_HEADING, buffer_text(&b));
    row++;
    size_t n = gather_metrics(app, lines, METRICS_MAX);
    for (size_t i = 0; i < n && row < end - 4; i++) {
        canvas_put_cut(c, row++, left, width, ROLE_LABEL, lines[i].label);
        row += canvas_put_wrapped(c, row, left + 2, width - 2, end - row, ROLE_TEXT, lines[i].value);
    }
    row++;
    for (int i = 0; i < 2; i++) {
        if (s->w[i] == NO_WEIGHT || row >= end - 1)
            continue;
        const Weight *w = &app->model->weights.items[s->w[i]];
        if (w->rank == 2)
            row += canvas_printf(c, row, left, width, ROLE_DIM, "%s [%zu,%zu]", w->name, w->shape[0], w->shape[1]) > 0;
        else
            row += canvas_printf(c, row, left, width, ROLE_DIM, "%s [%zu]", w->name, w->shape[0]) > 0;
    }
    if (row < end)
        canvas_printf(c, row, left, width, ROLE_DIM, _("source: %s"), info->source);
    buffer_free(&b);
}

void step_draw_values(App *app, Canvas *c, Rect r, size_t least)
{
    const Stage *s = app_stage(app);
    MetricLine lines[METRICS_MAX];
    size_t need = s->shape[s->rank - 2] + 6; /* the matrix with its names */
    size_t spare = (size_t)r.rows > need ? (size_t)r.rows - need : 0;
    size_t n = gather_metrics(app, lines, spare > METRICS_MAX ? METRICS_MAX : spare > least ? spare : least);
    int below = (int)n + 2;
    draw_meaning_below(app, c, (Rect){r.row + r.rows - below, r.col, r.cols, below}, lines, n);
    matrix_draw(app, c, (Rect){r.row, r.col, r.cols - 1, r.rows - below});
}

/* The matrix with its heading, and the meaning below it where it does not stand beside it. */
static void draw_stage(App *app, Canvas *c, Rect r, bool below)
{
    const Stage *s = app_stage(app);
    if (quiz_is_asking(app)) {
        draw_crumb(app, c, r);
        quiz_draw(app, c, (Rect){r.row + 1, r.col, r.cols, r.rows - 1});
        return;
    }
    int reply = quiz_draw_reply(app, c, r);
    r.row += reply;
    r.rows -= reply;
    if (app->phase == PHASE_LOSS || app->phase == PHASE_UPDATE) {
        if (app->phase == PHASE_LOSS)
            loss_draw(app, c, r);
        else
            update_draw(app, c, r);
        return;
    }
    draw_crumb(app, c, r);
    int row = r.row + 1;
    if (below) {
        const char *ablated = ablated_words(app, s);
        row += canvas_put_wrapped(c, row, r.col + 1, r.cols - 2, r.rows >= 16 ? 2 : 1, ablated ? ROLE_ABLATED : ROLE_TEXT,
                                  ablated ? ablated : stage_what(s, &app->model->config));
    }
    if (r.rows >= 16)
        row++;
    Rect rest = {row, r.col, r.cols, r.row + r.rows - row};
    if (below)
        step_draw_values(app, c, rest, r.rows >= 15 ? 3 : 1);
    else
        matrix_draw(app, c, (Rect){rest.row, rest.col, rest.cols - 1, rest.rows});
}

void step_draw(App *app, Canvas *c, Rect area)
{
    bool plan = area.cols >= PLAN_FROM, beside = area.cols >= MEANING_FROM && !quiz_is_asking(app) && (app->phase == PHASE_FORWARD || app->phase == PHASE_BACKWARD);
    if (!plan && app->focus == PANE_PLAN) {
        plan_draw(app, c, area);
        return;
    }
    Rect middle = area;
    if (plan) {
        plan_draw(app, c, (Rect){area.row, area.col, PLAN_COLS, area.rows});
        canvas_vline(c, area.row, area.col + PLAN_COLS, area.rows, ROLE_BORDER);
        middle.col += PLAN_COLS + 1;
        middle.cols -= PLAN_COLS + 1;
    }
    int watched = watches_rows(app, area.rows);
    middle.rows -= watched;
    if (watched)
        watches_draw(app, c, (Rect){middle.row + middle.rows, middle.col, area.col + area.cols - middle.col, watched});
    if (beside) {
        middle.cols -= MEANING_COLS;
        draw_meaning_beside(app, c, (Rect){area.row, middle.col + middle.cols, MEANING_COLS, middle.rows});
    }
    draw_stage(app, c, middle, !beside);
}

bool step_command(App *app, CommandId id, size_t count)
{
    if (id == CMD_PANE) {
        app->focus = app->focus == PANE_PLAN ? PANE_MATRIX : PANE_PLAN;
        app->tree_choice = (size_t)-1;
        return true;
    }
    if (app->focus == PANE_PLAN && plan_command(app, id, count))
        return true;
    if (id == CMD_OPEN && app->phase == PHASE_UPDATE) {
        update_take(app);
        return true;
    }
    if (id == CMD_OPEN && app->phase == PHASE_LOSS) { /* the probability of this row's target */
        size_t t = app_index(app, app_stage(app), 0);
        if (t < app->targets.len && app->targets.data[t] >= 0)
            app->cursor[AXIS_VOCAB] = (size_t)app->targets.data[t];
    }
    return matrix_command(app, id, count);
}

bool step_click(App *app, int row, int col, MouseAction action)
{
    if (action == MOUSE_WHEEL_UP || action == MOUSE_WHEEL_DOWN)
        return step_command(app, action == MOUSE_WHEEL_UP ? CMD_UP : CMD_DOWN, 3);
    bool in_plan = app->cols - lesson_columns(app, app->cols) >= PLAN_FROM ? col < PLAN_COLS : app->focus == PANE_PLAN;
    if (in_plan)
        return plan_click(app, row, col);
    bool hit = matrix_click(app, row, col);
    if (hit && action == MOUSE_DOUBLE)
        cell_open(app, app_cell(app));
    return hit;
}
