/* weight.c - a weight as a matrix: what the model learned, or what was written into it. */
#include "view/app.h"

#include "base/text.h"
#include "measure/metrics.h"
#include "model/nearest.h"

#include <stdio.h>
#include <string.h>

/* What the rows and columns of a weight count, by the end of its name: the first row that fits. Row vectors: a weight is
 * [inputs, outputs]. */
static const struct { const char *end; Axis rows, cols; } axes_table[] = {
    {"q_norm.gain", AXIS_NONE, AXIS_HEAD_DIM}, {"k_norm.gain", AXIS_NONE, AXIS_HEAD_DIM},
    {"W_E", AXIS_VOCAB, AXIS_DIM},   {"W_P", AXIS_NONE, AXIS_DIM},   {"W_U", AXIS_DIM, AXIS_VOCAB},    {"W_Q", AXIS_DIM, AXIS_HEADS_DIM},
    {"W_K", AXIS_DIM, AXIS_HEADS_DIM}, {"W_V", AXIS_DIM, AXIS_HEADS_DIM}, {"W_O", AXIS_HEADS_DIM, AXIS_DIM}, {"W_G", AXIS_DIM, AXIS_UNIT},
    {"W_1", AXIS_DIM, AXIS_UNIT},    {"W_2", AXIS_UNIT, AXIS_DIM},   {"b_Q", AXIS_NONE, AXIS_HEADS_DIM}, {"b_K", AXIS_NONE, AXIS_HEADS_DIM},
    {"b_V", AXIS_NONE, AXIS_HEADS_DIM}, {"b_O", AXIS_NONE, AXIS_DIM}, {"b_G", AXIS_NONE, AXIS_UNIT},   {"b_1", AXIS_NONE, AXIS_UNIT},
    {"b_2", AXIS_NONE, AXIS_DIM},    {"gain", AXIS_NONE, AXIS_DIM},  {"bias", AXIS_NONE, AXIS_DIM},
    {"W_T", AXIS_NONE, AXIS_DIM},    {"W_H", AXIS_DIM, AXIS_DIM},    {"b_H", AXIS_NONE, AXIS_DIM},      {"b_U", AXIS_NONE, AXIS_VOCAB},
};

void weight_open(App *app, size_t weight, size_t row, size_t col)
{
    const Weight *w = &app->model->weights.items[weight];
    app->weight = weight;
    app->weight_cursor[0] = w->rank == 2 ? row : 0;
    app->weight_cursor[1] = w->rank == 2 ? col : row;
    app->weight_top = app->weight_left = 0;
    app->view = VIEW_WEIGHT;
}

/* d(loss)/d(weight) [rows, cols] where that is what is shown, else NULL. */
static const real *gradient_shown(const App *app)
{
    return app->weight_gradient && app->phase == PHASE_BACKWARD ? pass_weight_gradient(app->pass, app->weight) : NULL;
}

/* A stage of the same shape, so that the matrix is drawn as a stage's is. */
static Stage like(const Weight *w)
{
    Stage s = {.layer = -1, .rank = 2, .stack = STACK_DECODER};
    s.shape[0] = w->rank == 2 ? w->shape[0] : 1;
    s.shape[1] = w->rank == 2 ? w->shape[1] : w->shape[0];
    for (size_t i = 0; i < sizeof axes_table / sizeof *axes_table; i++)
        if (name_ends_with(w->name, axes_table[i].end)) {
            s.axes[0] = axes_table[i].rows;
            s.axes[1] = axes_table[i].cols;
            break;
        }
    s.count = w->count;
    return s;
}

void weight_draw(App *app, Canvas *c, Rect r)
{
    const Weight *w = &app->model->weights.items[app->weight];
    Stage s = like(w);
    size_t row = app->weight_cursor[0], col = app->weight_cursor[1];
    /* Our own numbers may have changed since the last frame; those in a file have not, and may be many. */
    if (app->model->weights.block || app->weight_ranged != w->values.data)
        app->weight_range = weight_range(w);
    app->weight_ranged = w->values.data;
    const NumberRange *range = &app->weight_range;
    const real *gradient = gradient_shown(app);
    int used = canvas_printf(c, r.row, r.col + 1, r.cols - 2, ROLE_HERE, gradient ? "d(loss)/d(%s)" : "%s", w->name);
    if (w->rank == 2 && gradient)
        canvas_printf(c, r.row, r.col + used + 3, r.cols - used - 4, ROLE_TEXT, "[%zu,%zu]", w->shape[0], w->shape[1]);
    else if (w->rank == 2)
        canvas_printf(c, r.row, r.col + used + 3, r.cols - used - 4, ROLE_TEXT, _("[%zu,%zu], y = x · W: rows are inputs, columns outputs"), w->shape[0], w->shape[1]);
    else
        canvas_printf(c, r.row, r.col + used + 3, r.cols - used - 4, ROLE_TEXT, "[%zu]", w->shape[0]);
    if (gradient)
        canvas_printf(c, r.row + 1, r.col + 1, r.cols - 2, ROLE_DIM, _("entry [%zu,%zu] = %#.9g · Enter: what it is the sum of · d: the weight"), row, col, (double)gradient[row * s.shape[1] + col]);
    else
        canvas_printf(c, r.row + 1, r.col + 1, r.cols - 2, ROLE_DIM, _("entry [%zu,%zu] = %#.9g · %zu of %zu numbers are 0"), row, col, (double)matrix_at(&w->values, row, col), range->zeros, w->count);
    matrix_draw_one(app, c, (Rect){r.row + 3, r.col, r.cols - 1, r.rows - 3},
                    &(Shown){.here = true, .top = &app->weight_top, .left = &app->weight_left, .like = &s, .row = row, .col = col, .gradient = gradient,
                             .values = gradient ? matrix_of(gradient, s.shape[1]) : w->values, .range = gradient ? NULL : range});
}

static void move(size_t *at, size_t n, long by)
{
    long to = (long)*at + by;
    *at = to < 0 ? 0 : to >= (long)n ? n - 1 : (size_t)to;
}

int weight_other(const App *app)
{
    const Stage *s = app_stage(app);
    for (int i = 0; i < 2; i++)
        if (s->w[i] != NO_WEIGHT && (size_t)s->w[i] != app->weight)
            return s->w[i];
    return NO_WEIGHT;
}

static void open_other(App *app)
{
    int other = weight_other(app);
    if (other == NO_WEIGHT)
        app_say(app, ROLE_WARNING, "%s", _("this stage has no other weight"));
    else
        weight_open(app, (size_t)other, 0, 0);
}

void weight_search(App *app, const char *text)
{
    Stage s = like(&app->model->weights.items[app->weight]);
    for (int axis = 0; *text && axis < 2; axis++) {
        long i = matrix_find(app, &s, axis, app->weight_cursor[axis], text);
        if (i < 0)
            continue;
        app->weight_cursor[axis] = (size_t)i;
        app_say(app, ROLE_BADGE, _("%s: [%zu,%zu]; / and Enter finds the next"), text, app->weight_cursor[0], app->weight_cursor[1]);
        return;
    }
    if (*text)
        app_say(app, ROLE_WARNING, _("%s: no row or column of this weight has that in its name; #12 goes to number 12"), text);
}

bool weight_command(App *app, CommandId id, size_t count)
{
    Stage s = like(&app->model->weights.items[app->weight]);
    long times = count ? (long)count : 1, page = app->rows > 10 ? app->rows - 10 : 1;
    size_t *cursor = app->weight_cursor;
    switch (id) {
    case CMD_UP: move(&cursor[0], s.shape[0], -times); return true;
    case CMD_DOWN: move(&cursor[0], s.shape[0], times); return true;
    case CMD_LEFT: move(&cursor[1], s.shape[1], -times); return true;
    case CMD_RIGHT: move(&cursor[1], s.shape[1], times); return true;
    case CMD_PAGE_UP: move(&cursor[0], s.shape[0], -page); return true;
    case CMD_PAGE_DOWN: move(&cursor[0], s.shape[0], page); return true;
    case CMD_FIRST: cursor[1] = 0; return true;
    case CMD_LAST: cursor[1] = s.shape[1] - 1; return true;
    case CMD_WEIGHT: open_other(app); return true;
    case CMD_GRADIENT:
        if (app->phase != PHASE_BACKWARD)
            return false;
        app->weight_gradient = !app->weight_gradient;
        return true;
    case CMD_OPEN:
    case CMD_INTO:
        if (!gradient_shown(app))
            app_say(app, ROLE_WARNING, "%s", _("a weight is not computed; its gradient is: L, then n, and d shows it here"));
        else if (app->model->weights.items[app->weight].rank == 2)
            cell_open_weight(app, app->weight, cursor[0], cursor[1]);
        else
            cell_open_weight(app, app->weight, cursor[1], 0);
        return true;
    case CMD_SHOW:
    case CMD_MORE_DIGITS:
    case CMD_FEWER_DIGITS: return matrix_command(app, id, count);
    default: return false;
    }
}
