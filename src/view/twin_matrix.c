/* twin_matrix.c - a stage's value, its baseline and their difference, side by side or one at a time. */
#include "view/twin.h"

#include "base/text.h"

#include <stdio.h>
#include <stdlib.h>

enum { PANES = 3, PANE_COLS_LEAST = 34 };

typedef enum Arrangement { ONE, ACROSS, DOWN } Arrangement;

/* Columns that a whole matrix takes, about: names, then as many numbers as it has. */
static int columns_needed(const App *app, const Stage *s)
{
    size_t cols = s->shape[s->rank - 1];
    return 12 + (int)(cols < 1000 ? cols : 1000) * (app->show == SHOW_HEAT ? 3 : app->digits + 4);
}

/* And lines: title, caption, names, rows, and one between two. */
static int height_needed(const App *app)
{
    const Stage *s = app_stage(app);
    size_t rows = s->shape[s->rank - 2];
    bool named = s->axes[s->rank - 1] == AXIS_DIM && app->model->config.dim_names; /* names take more lines */
    return (int)(rows < 1000 ? rows : 1000) + (named ? 7 : 6);
}

static Arrangement arrange(const App *app, int cols, int rows)
{
    const Stage *s = app_stage(app);
    int height = height_needed(app);
    if (cols >= PANES * columns_needed(app, s))
        return ACROSS;
    if (rows >= PANES * height)
        return DOWN;
    return cols >= PANES * PANE_COLS_LEAST ? ACROSS : ONE;
}

/* What both have of the chosen head, as a rank-2 stage; false where they have nothing in common. */
static bool common_stage(App *app, const StageDifference *d, Stage *like)
{
    if (!d || d->baseline == NO_STAGE || d->fate == FATE_SHAPES)
        return false;
    const Stage *s = app_stage(app), *b = &pass_plan(app->baseline)->stages[d->baseline];
    *like = *s;
    like->rank = 2;
    for (int k = 0; k < 2; k++) {
        int from = s->rank - 2 + k;
        like->axes[k] = s->axes[from];
        like->axis_stack[k] = s->axis_stack[from];
        like->shape[k] = s->shape[from] < b->shape[from] ? s->shape[from] : b->shape[from];
    }
    like->count = like->shape[0] * like->shape[1];
    return true;
}

/* The baseline's numbers of the common part [rows, cols], or with `value` what the value differs by; to be freed. */
static real *common_numbers(App *app, const StageDifference *d, const Stage *like, bool difference)
{
    const Stage *s = app_stage(app), *b = &pass_plan(app->baseline)->stages[d->baseline];
    size_t head = s->rank == 3 ? app_index(app, s, 0) : 0, rows = like->shape[0], cols = like->shape[1];
    const real *x = pass_value(app->baseline, (size_t)d->baseline) + head * b->shape[b->rank - 2] * b->shape[b->rank - 1];
    const real *y = pass_value(app->pass, app->at) + head * s->shape[s->rank - 2] * s->shape[s->rank - 1];
    real *out = malloc(rows * cols * sizeof *out);
    for (size_t i = 0; out && i < rows; i++)
        for (size_t j = 0; j < cols; j++) {
            double before = (double)x[i * b->shape[b->rank - 1] + j], now = (double)y[i * s->shape[s->rank - 1] + j];
            out[i * cols + j] = (real)(difference ? compare_numbers(before, now) : before);
        }
    return out;
}

static void draw_title(App *app, Canvas *c, Rect r, Beside which, const StageDifference *d, bool alone)
{
    static const char *const titles[] = {"", N_("value"), N_("baseline"), N_("value - baseline")};
    Buffer b = {0};
    buffer_puts(&b, _(titles[which]));
    if (which == BESIDE_DIFFERENCE && d && d->fate == FATE_DIFFERS) {
        char number[NUMBER_MAX];
        (number_is_share(app_stage(app)) ? number_share : number_format)(number, d->largest, app->digits, c->ascii);
        buffer_printf(&b, _(", at most %s"), number);
    }
    if (which != BESIDE_VALUE && d && d->longer)
        buffer_puts(&b, _(" (positions both have)"));
    if (which != BESIDE_VALUE && alone)
        buffer_puts(&b, _(" (the lines below it are of the value)"));
    canvas_put_cut(c, r.row, r.col, r.cols, which == BESIDE_VALUE ? ROLE_HERE : ROLE_HEADING, buffer_text(&b));
    buffer_free(&b);
}

static void draw_pane(App *app, Canvas *c, Rect r, Beside which)
{
    const Stage *s = app_stage(app);
    const StageDifference *d = twin_difference(app, app->at);
    Stage like;
    size_t top = app->top, left = app->left;
    bool alone = app->layout.rows == 0 && which != BESIDE_VALUE; /* nothing else takes the clicks */
    draw_title(app, c, r, which, d, alone);
    Rect below = {r.row + 1, r.col, r.cols, r.rows - 1};
    if (which == BESIDE_VALUE) {
        matrix_draw_one(app, c, below, &(Shown){.stage = app->at, .here = true, .top = &app->top, .left = &app->left});
        return;
    }
    if (!common_stage(app, d, &like)) {
        canvas_put_wrapped(c, r.row + 2, r.col, r.cols, r.rows - 2, ROLE_WARNING,
                           !twin_comparison(app)           ? _("The stages of both are not compared yet: F does it.")
                           : d && d->fate == FATE_SHAPES ? _("The baseline's has another shape: there is nothing to set beside it.")
                                                       : _("The baseline has no such stage."));
        return;
    }
    if (which == BESIDE_DIFFERENCE && d->fate == FATE_SAME) {
        canvas_put_wrapped(c, r.row + 2, r.col, r.cols, r.rows - 2, ROLE_TEXT, _("Every number is the same."));
        return;
    }
    real *data = common_numbers(app, d, &like, which == BESIDE_DIFFERENCE);
    size_t row = app_index(app, s, s->rank - 2), col = app_index(app, s, s->rank - 1);
    row = row < like.shape[0] ? row : like.shape[0] - 1;
    col = col < like.shape[1] ? col : like.shape[1] - 1;
    if (data)
        matrix_draw_one(app, c, below,
                        &(Shown){.stage = app->at,
                                 .here = alone,
                                 .like = &like,
                                 .values = matrix_of(data, like.shape[1]),
                                 .row = row,
                                 .col = col,
                                 .top = alone ? &app->top : &top,
                                 .left = alone ? &app->left : &left,
                                 .names = which == BESIDE_BASELINE ? app->baseline : app->pass});
    free(data);
}

void twin_draw_matrix(App *app, Canvas *c, Rect r)
{
    Arrangement a = arrange(app, r.cols, r.rows);
    if (a == ONE) {
        draw_pane(app, c, r, app->beside);
        return;
    }
    for (int k = 0; k < PANES; k++) {
        Rect pane = r;
        if (a == ACROSS) {
            pane.cols = r.cols / PANES - 1;
            pane.col += k * (r.cols / PANES);
            if (k)
                canvas_vline(c, r.row, pane.col - 1, r.rows, ROLE_BORDER);
        } else {
            pane.rows = height_needed(app) - 1;
            pane.row += k * (pane.rows + 1);
        }
        draw_pane(app, c, pane, (Beside)(BESIDE_VALUE + k));
    }
}

void twin_turn(App *app)
{
    static const char *const said[] = {N_("the value alone"), N_("the value"), N_("the baseline; y goes on to the difference"),
                                       N_("value - baseline; y goes back to the value")};
    if (!twin_is_open(app)) {
        app_say(app, ROLE_WARNING, "%s",
                _("nothing is changed: a switches a part off, i changes a number, N sets another sentence beside this one"));
        return;
    }
    if (app->phase != PHASE_FORWARD) {
        app_say(app, ROLE_WARNING, "%s", _("values have a baseline, gradients have none: r goes forwards again"));
        return;
    }
    bool together = arrange(app, app->matrix_room.cols, app->matrix_room.rows) != ONE;
    if (together)
        app->beside = app->beside ? BESIDE_OFF : BESIDE_VALUE;
    else
        app->beside = app->beside == BESIDE_OFF || app->beside == BESIDE_VALUE ? BESIDE_BASELINE
                      : app->beside == BESIDE_BASELINE                         ? BESIDE_DIFFERENCE
                                                                               : BESIDE_OFF;
    if (together)
        app_say(app, ROLE_BADGE, "%s", app->beside ? _("value, baseline and difference") : _(said[0]));
    else
        app_say(app, ROLE_BADGE, "%s", _(said[app->beside]));
}
