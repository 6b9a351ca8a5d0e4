/* stream.c - the residual stream, stage by stage: its size, and how alike the tokens in it are.
 *
 * Shows what was computed up to where the user stands, and computes nothing beyond. The numbers are metrics.c's. */
#include "view/app.h"

#include "base/text.h"
#include "measure/metrics.h"
#include "pass/ablation.h"

#include <stdio.h>
#include <stdlib.h>

enum { BAR_LEAST = 6, NAME_LEAST = 16, NAME_MOST = 28, ROWS_ABOVE = 4 };

typedef struct Table {
    App *app;
    Canvas *c;
    StreamPoint *points; /* that were reached */
    size_t reached;
    size_t total;        /* in the whole plan */
    double largest;      /* norm */
    /* columns */
    int name_col, name_cols, norm_col, number_cols, norm_bar, cosine_col, cosine_bar, bar_cols;
    int zero; /* of the cosine's bar: at its left end, or in the middle where one is negative */
} Table;

/* A bar of that many eighths of a column. */
static void draw_bar(Canvas *c, int row, int col, int to, Role role)
{
    static const char *const eighths[9] = {" ", "▏", "▎", "▍", "▌", "▋", "▊", "▉", "█"};
    for (int at = 0; at < to; at += 8)
        canvas_put(c, row, col + at / 8, 1, role, eighths[to - at < 8 ? to - at : 8]);
}

/* To the right of 0 what is alike, to the left what is opposite; 1 is the right end. */
static void draw_cosine_bar(const Table *t, int row, double cosine)
{
    int one = t->cosine_bar + t->bar_cols - 1, columns = one - t->zero;
    canvas_put(t->c, row, t->zero, 1, ROLE_BORDER, "│");
    canvas_put(t->c, row, one, 1, ROLE_BORDER, "│");
    if (cosine >= 0)
        draw_bar(t->c, row, t->zero + 1, (int)(fmin(cosine, 1) * (columns - 1) * 8 + 0.5), ROLE_HEADING);
    else
        canvas_fill(t->c, row, t->zero - (int)(-cosine * columns + 0.5), (int)(-cosine * columns + 0.5), 1, ROLE_NEGATIVE, t->c->ascii ? "-" : "▒");
}

static void put_number(const Table *t, int row, int col, Role role, double x)
{
    char text[NUMBER_MAX];
    if (isnan(x))
        snprintf(text, sizeof text, "–");
    else
        number_format(text, x, t->app->digits, t->c->ascii);
    canvas_put_right(t->c, row, col, t->number_cols, role, text);
}

static void draw_point(const Table *t, int row, size_t stage, const StreamPoint *point)
{
    const App *app = t->app;
    const Stage *s = &pass_plan(app->pass)->stages[stage];
    char name[STAGE_NAME_MAX];
    bool here = stage == app->at, ablated = ablations_touch(app->ablations, s, &app->model->config);
    Role role = here ? ROLE_HERE : ablated ? ROLE_ABLATED : point ? ROLE_DONE : ROLE_DIM;
    stage_name(s, name);
    if (here)
        canvas_put(t->c, row, t->name_col - 2, 2, ROLE_HERE, "▶ ");
    if (ablated)
        canvas_put(t->c, row, t->name_col - 2, 2, here ? ROLE_HERE : ROLE_ABLATED, "✗ ");
    int used = canvas_put_cut(t->c, row, t->name_col, t->name_cols, role, name);
    if (here)
        canvas_fill(t->c, row, t->name_col + used, t->name_cols - used, 1, ROLE_HERE, " ");
    if (!point) {
        canvas_put_cut(t->c, row, t->norm_col + 2, t->c->cols - t->norm_col - 2, ROLE_DIM, _("not reached yet"));
        return;
    }
    put_number(t, row, t->norm_col, ROLE_TEXT, point->norm);
    put_number(t, row, t->cosine_col, ROLE_TEXT, point->cosine);
    if (!t->bar_cols)
        return;
    if (t->largest > 0 && isfinite(point->norm))
        draw_bar(t->c, row, t->norm_bar, (int)(point->norm / t->largest * t->bar_cols * 8 + 0.5), ROLE_LABEL);
    if (isfinite(point->cosine))
        draw_cosine_bar(t, row, point->cosine);
}

/* Between two points: where the user stands while a sub-layer is being computed. */
static void draw_here(const Table *t, int row)
{
    char name[STAGE_NAME_MAX];
    canvas_put(t->c, row, t->name_col - 2, 2, ROLE_HERE, "▶ ");
    int used = canvas_put_cut(t->c, row, t->name_col, t->name_cols, ROLE_HERE, stage_name(app_stage(t->app), name));
    canvas_fill(t->c, row, t->name_col + used, t->name_cols - used, 1, ROLE_HERE, " ");
    canvas_put_cut(t->c, row, t->norm_col + 2, t->c->cols - t->norm_col - 2, ROLE_DIM, _("you are here"));
}

static void place_columns(Table *t, Rect r)
{
    const Plan *plan = pass_plan(t->app->pass);
    char text[NUMBER_MAX], name[STAGE_NAME_MAX];
    bool any_negative = false;
    t->number_cols = t->app->digits + 4;
    t->name_cols = NAME_LEAST;
    for (size_t i = 0; i < t->reached; i++) {
        int width = number_format(text, t->points[i].norm, t->app->digits, true);
        t->number_cols = width > t->number_cols ? width : t->number_cols;
        t->largest = t->points[i].norm > t->largest ? t->points[i].norm : t->largest;
        any_negative |= t->points[i].cosine < 0;
    }
    for (size_t i = 0; i < plan->count; i++) {
        int width = is_stream_point(plan, i) ? text_width(stage_name(&plan->stages[i], name)) : 0;
        t->name_cols = width > t->name_cols ? width : t->name_cols;
        t->total += is_stream_point(plan, i);
    }
    int most = r.cols - 2 * t->number_cols - 7;
    t->name_cols = t->name_cols > NAME_MOST ? NAME_MOST : t->name_cols;
    t->name_cols = t->name_cols > most ? most : t->name_cols;
    t->bar_cols = (r.cols - t->name_cols - 2 * t->number_cols - 10) / 2;
    if (t->bar_cols < BAR_LEAST)
        t->bar_cols = 0;
    t->name_col = r.col + 3;
    t->norm_col = t->name_col + t->name_cols + 1;
    t->norm_bar = t->norm_col + t->number_cols + 1;
    t->cosine_col = t->norm_bar + t->bar_cols + 1;
    t->cosine_bar = t->cosine_col + t->number_cols + 1;
    t->zero = t->cosine_bar + (any_negative ? t->bar_cols / 2 : 0);
}

/* Stages that a row stands for: every point of the stream, and where the user stands if that is none. */
static bool has_row(const Table *t, size_t stage)
{
    return stage == t->app->at || is_stream_point(pass_plan(t->app->pass), stage);
}

static void draw_rows(Table *t, Rect r)
{
    App *app = t->app;
    const Plan *plan = pass_plan(app->pass);
    size_t rows = 0, here = 0;
    for (size_t i = 0; i < plan->count; i++) {
        if (i == app->at)
            here = rows;
        rows += has_row(t, i);
    }
    /* scroll is the distance from where the place is in the middle, and may be negative */
    long room = r.rows, most = (long)rows > room ? (long)rows - room : 0, middle = (long)here - room / 2;
    middle = middle < 0 ? 0 : middle > most ? most : middle;
    long top = middle + (long)app->scroll;
    top = top < 0 ? 0 : top > most ? most : top;
    app->scroll = (size_t)(top - middle);
    canvas_put_span(t->c, r.row - ROWS_ABOVE, r.col, r.cols - 1, (size_t)top, (size_t)room, rows);
    long row = 0, point = 0;
    for (size_t i = 0; i < plan->count && row < top + room; i++) {
        bool is_point = is_stream_point(plan, i);
        if (!has_row(t, i))
            continue;
        if (row >= top && is_point)
            draw_point(t, r.row + (int)(row - top), i, point < (long)t->reached ? &t->points[point] : NULL);
        else if (row >= top)
            draw_here(t, r.row + (int)(row - top));
        point += is_point;
        row++;
    }
}

static const char *what_to_look_for(const Config *c)
{
    if (c->norm != NORM_NONE && c->norm_position == NORM_POST)
        return _("norm: mean length of the rows; a norm after each add sets it anew. cosine: mean over all pairs of tokens; near 1 "
                 "they have become alike.");
    return _("norm: mean length of the rows; does it grow from layer to layer? cosine: mean over all pairs of tokens; near 1 they "
             "have become alike.");
}

void stream_draw(App *app, Canvas *c, Rect area)
{
    Table t = {.app = app, .c = c};
    char text[128];
    t.reached = stream_points(app->pass, app->at + 1, &t.points);
    place_columns(&t, area);
    snprintf(text, sizeof text, _("The residual stream: %zu of %zu points reached"), t.reached, t.total);
    canvas_put_cut(c, area.row, area.col + 1, area.cols - 2, ROLE_HEADING, text);
    canvas_put_wrapped(c, area.row + 1, area.col + 1, area.cols - 2, 2, ROLE_TEXT, what_to_look_for(&app->model->config));
    int row = area.row + ROWS_ABOVE - 1;
    canvas_put(c, row, t.name_col, t.name_cols, ROLE_HEADING, _("stage"));
    canvas_put_right(c, row, t.norm_col, t.number_cols, ROLE_HEADING, C_("length", "norm"));
    canvas_put_right(c, row, t.cosine_col, t.number_cols, ROLE_HEADING, _("cosine"));
    if (t.bar_cols) {
        canvas_put(c, row, t.zero, 1, ROLE_DIM, "0");
        canvas_put(c, row, t.cosine_bar + t.bar_cols - 1, 1, ROLE_DIM, "1");
    }
    draw_rows(&t, (Rect){area.row + ROWS_ABOVE, area.col, area.cols, area.rows - ROWS_ABOVE});
    free(t.points);
}

bool stream_command(App *app, CommandId id, size_t count)
{
    enum { FAR = 1 << 24 };
    long times = count ? (long)count : 1, page = app->rows > ROWS_ABOVE + 4 ? app->rows - ROWS_ABOVE - 4 : 1, by;
    switch (id) {
    case CMD_UP: by = -times; break;
    case CMD_DOWN: by = times; break;
    case CMD_PAGE_UP: by = -page; break;
    case CMD_PAGE_DOWN: by = page; break;
    case CMD_FIRST: by = -FAR; break;
    case CMD_LAST: by = FAR; break;
    case CMD_CLOSE:
    case CMD_STREAM: app->view = VIEW_STEP; return true;
    case CMD_MORE_DIGITS: app->digits += app->digits < 8; return true;
    case CMD_FEWER_DIGITS: app->digits -= app->digits > 1; return true;
    default: return false;
    }
    app->scroll = (size_t)((long)app->scroll + by); /* drawing keeps it within the table */
    return true;
}
