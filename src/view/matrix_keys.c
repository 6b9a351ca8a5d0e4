/* matrix_keys.c - moving about in the matrix of a stage: keys, the mouse, searching. matrix.c draws it. */
#include "view/app.h"

#include "base/text.h"

static void move(App *app, int axis, long by)
{
    const Stage *s = app_stage(app);
    size_t i = app_index(app, s, axis), n = s->shape[axis];
    if (by < 0)
        i = (size_t)-by > i ? 0 : i - (size_t)-by;
    else
        i = (size_t)by >= n - i ? n - 1 : i + (size_t)by;
    app_move(app, s, axis, i);
}

bool matrix_command(App *app, CommandId id, size_t count)
{
    const Stage *s = app_stage(app);
    int rows = s->rank == 3 ? 1 : 0, cols = rows + 1;
    long times = count ? (long)count : 1, page = app->layout.rows > 1 ? (long)app->layout.rows - 1 : 10;
    switch (id) {
    case CMD_UP: move(app, rows, -times); break;
    case CMD_DOWN: move(app, rows, times); break;
    case CMD_LEFT: move(app, cols, -times); break;
    case CMD_RIGHT: move(app, cols, times); break;
    case CMD_PAGE_UP: move(app, rows, -times * page); break;
    case CMD_PAGE_DOWN: move(app, rows, times * page); break;
    case CMD_FIRST: move(app, cols, -(long)s->shape[cols]); break;
    case CMD_LAST: move(app, cols, (long)s->shape[cols]); break;
    case CMD_NEXT_HEAD:
    case CMD_PREVIOUS_HEAD:
    case CMD_ALL_HEADS:
        if (s->rank < 3)
            app_say(app, ROLE_WARNING, "%s", _("this stage has no heads"));
        else if (id != CMD_ALL_HEADS)
            move(app, 0, id == CMD_NEXT_HEAD ? times : -times);
        else if ((app->all_heads = !app->all_heads))
            app_say(app, ROLE_BADGE, "%s", app->show == SHOW_HEAT ? _("all heads side by side") : _("all heads side by side; v makes them small"));
        else
            app_say(app, ROLE_BADGE, "%s", _("one head"));
        break;
    case CMD_SHOW: {
        static const char *const names[] = {N_("numbers"), N_("heat"), N_("numbers and heat")};
        app->show = (Show)((app->show + 1) % SHOW_COUNT);
        app_say(app, ROLE_BADGE, "%s", _(names[app->show]));
        break;
    }
    case CMD_MORE_DIGITS: app->digits = app->digits + (int)times > 8 ? 8 : app->digits + (int)times; break;
    case CMD_FEWER_DIGITS: app->digits = app->digits - (int)times < 1 ? 1 : app->digits - (int)times; break;
    case CMD_LARGEST: {
        Slice m = app_slice(app, app->at, app->phase == PHASE_BACKWARD && !app->show_value);
        const real *x = m.data + app_index(app, s, rows) * m.cols;
        size_t best = 0;
        for (size_t j = 1; j < m.cols; j++)
            if (fabs((double)x[j]) > fabs((double)x[best]) || !isfinite((double)x[best]))
                best = isfinite((double)x[j]) ? j : best;
        app_move(app, s, cols, best);
        break;
    }
    case CMD_OPEN: cell_open(app, app_cell(app)); break;
    default: return false;
    }
    return true;
}

bool matrix_click(App *app, int row, int col)
{
    const MatrixLayout *l = &app->layout;
    const Stage *s = app_stage(app);
    int i = row - l->area.row - 1 - l->header_rows, j = col - l->area.col - l->label_width;
    if (!l->rows || i < 0 || i >= (int)l->rows || j < 0 || j / l->cell_width >= (int)l->cols)
        return false;
    int rows = s->rank == 3 ? 1 : 0;
    move(app, rows, (long)(app->top + (size_t)i) - (long)app_index(app, s, rows));
    move(app, rows + 1, (long)(app->left + (size_t)(j / l->cell_width)) - (long)app_index(app, s, rows + 1));
    return true;
}

void matrix_search(App *app, const char *text)
{
    const Stage *s = app_stage(app);
    int rows = s->rank == 3 ? 1 : 0;
    if (!*text)
        return;
    for (int axis = rows + 1; axis >= rows; axis--) {
        long i = matrix_find(app, s, axis, app_index(app, s, axis), text);
        if (i < 0)
            continue;
        move(app, axis, i - (long)app_index(app, s, axis));
        app_say(app, ROLE_BADGE, _("%s: %s %ld; / and Enter finds the next"), text, _(axis_name(s->axes[axis])), i);
        return;
    }
    app_say(app, ROLE_WARNING, _("%s: no row or column of this stage has that in its name; #12 goes to number 12"), text);
}
