/* lens.c - the logit lens: one position in detail, or all positions with the likeliest token at each point. */
#include "view/app.h"

#include "base/text.h"
#include "measure/lens.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

enum { PLACE = 15, TOKEN = 13, CELL_LEAST = 9 };

static const char *foot(const App *app)
{
    if (!lens_ends_in_output(app->pass))
        return _("What stands behind the last line is edited, so that line is not the output. Each point is read out with the model's own "
                 "norm and weights. It "
                 "shows what could be read there, not what caused it.");
    if (app->model->config.output_head)
        return _(
            "Read out through the output's own head, computed for each point, then W_U; the last line is the output. It shows what could "
            "be read there, not that anything does read it, nor what caused it.");
    if (lens_has_norm(app->pass) && app->model->config.norm == NORM_RMSNORM)
        return _("Read out through the model's own final norm (root mean square of each point itself), then W_U; the last line is the "
                 "output. It shows "
                 "what could be read there, not that anything does read it, nor what caused it.");
    if (lens_has_norm(app->pass))
        return _("Read out through the model's own final norm (mean and variance of each point itself), then W_U; the last line is the "
                 "output. It shows "
                 "what could be read there, not that anything does read it, nor what caused it.");
    if (app->model->config.norm_position == NORM_POST && app->model->config.norm != NORM_NONE && !(app->ablations & NO_NORM))
        return _("Post-norm: there is no final norm, so each point, as its own norm left it, goes through W_U; the last line is the "
                 "output. It shows what "
                 "could be read there, not that anything does read it, nor what caused it.");
    return _("No norm stands before the output: each point goes through W_U as it is; the last line is the output. It shows what could be "
             "read there, not "
             "that anything does read it, nor what caused it.");
}

/* A token and how likely: "ate 0.81", the heat by its sign where colour does not carry it. */
static void put_share(const App *app, Canvas *c, int row, int col, int columns, const TokenProb *t, bool chosen)
{
    char name[EXPLAIN_NAME], number[16];
    if (t->id < 0 || columns < 8)
        return;
    bool color = app->color && app->theme != THEME_MONO;
    Role role = chosen ? ROLE_CURSOR : theme_heat_role(t->probability, 1);
    snprintf(number, sizeof number, t->probability >= 0.995 ? "1.0" : "%.2f", t->probability);
    const char *digits = number[0] == '0' ? number + 1 : number;
    int signs = color ? 0 : 1;
    canvas_fill(c, row, col, columns - 1, 1, role, " ");
    canvas_put_cut(c, row, col, columns - 5 - signs, role, explain_token_name(app, t->id, 40, name));
    canvas_put_right(c, row, col + columns - 4 - signs, 3, role, digits);
    if (signs)
        canvas_put(c, row, col + columns - 2, 1, role, theme_heat_text(t->probability, 1, c->ascii));
}

static void draw_point(App *app, Canvas *c, int row, Rect r, const LensPoint *p, int shown, bool chosen)
{
    char place[EXPLAIN_NAME];
    int col = r.col + 1, numbers = col + 2 + PLACE + shown * TOKEN;
    canvas_put(c, row, col, 2, ROLE_CROSS, chosen ? "▸ " : "  ");
    canvas_put_cut(c, row, col + 2, PLACE - 1, chosen ? ROLE_CROSS : ROLE_LABEL,
                   explain_place(&pass_plan(app->pass)->stages[p->stage], place));
    for (int i = 0; i < shown; i++)
        put_share(app, c, row, col + 2 + PLACE + i * TOKEN, TOKEN, &p->top[i], false);
    char share[NUMBER_MAX];
    number_share(share, p->probability, 4, c->ascii);
    canvas_put_right(c, row, numbers, 7, ROLE_TEXT, share);
    canvas_printf(c, row, numbers + 8, 5, ROLE_TEXT, "%5zu", p->rank);
    explain_number(c, row, numbers + 13, 8, ROLE_TEXT, p->divergence, 3);
    int bar = numbers + 22, columns = r.cols - bar - 2;
    if (columns >= 8)
        explain_bar(c, row, bar, columns, p->probability, 1);
}

static void draw_one(App *app, Canvas *c, Rect r)
{
    Explain *x = &app->explain;
    LensPoint *points;
    size_t n;
    char name[EXPLAIN_NAME], head[EXPLAIN_NAME + 8];
    Error e = {{0}};
    if (lens_make(app->pass, explain_row(app), explain_token(app), &points, &n, &e) != 0) {
        canvas_put_cut(c, r.row, r.col + 1, r.cols - 2, ROLE_ERROR, e.text);
        return;
    }
    int shown = (r.cols - 3 - PLACE - 21) / TOKEN, numbers;
    shown = shown > LENS_TOP ? LENS_TOP : shown < 0 ? 0 : shown;
    numbers = r.col + 3 + PLACE + shown * TOKEN;
    canvas_put(c, r.row, r.col + 3, PLACE, ROLE_HEADING, _("read after"));
    canvas_put_cut(c, r.row, r.col + 3 + PLACE, shown * TOKEN, ROLE_HEADING, _("likeliest there"));
    snprintf(head, sizeof head, "P(%s)", explain_token_name(app, explain_token(app), 10, name));
    int wide = canvas_text_width(c, head);
    canvas_put_right(c, r.row, numbers + 7 - (wide > 7 ? wide : 7), wide > 7 ? wide : 7, ROLE_HEADING, head);
    canvas_put_right(c, r.row, numbers + 8, 5, ROLE_HEADING, _("rank"));
    canvas_put_right(c, r.row, numbers + 13, 8, ROLE_HEADING, _("KL nats"));
    explain_scroll(x, n, r.rows - 1);
    for (size_t i = 0; x->top + i < n && (int)i < r.rows - 1; i++)
        draw_point(app, c, r.row + 1 + (int)i, r, &points[x->top + i], shown, x->top + i == x->choice);
    free(points);
}

/* Points down, positions across: the likeliest token at each, the heat how likely. */
static void draw_all(App *app, Canvas *c, Rect r)
{
    Explain *x = &app->explain;
    size_t rows, n = 0, here = explain_row(app);
    const int *ids = pass_ids(app->pass, config_last_stack(&app->model->config), &rows);
    int width = (r.cols - 3 - PLACE) / (int)(rows < 100 ? rows : 100);
    width = width < CELL_LEAST ? CELL_LEAST : width > 14 ? 14 : width;
    size_t across = (size_t)((r.cols - 3 - PLACE) / width), first = here < across ? 0 : here - across + 1;
    across = across < 1 ? 1 : across;
    canvas_put(c, r.row, r.col + 3, PLACE, ROLE_HEADING, _("read after"));
    for (size_t j = 0; j < across && first + j < rows; j++) {
        char name[EXPLAIN_NAME], place[EXPLAIN_NAME];
        LensPoint *points;
        int col = r.col + 3 + PLACE + (int)j * width;
        size_t at = first + j;
        if (lens_make(app->pass, at, at == here ? explain_token(app) : 0, &points, &n, NULL) != 0)
            return;
        canvas_put_cut(c, r.row, col, width - 1, at == here ? ROLE_CROSS : ROLE_HEADING, explain_token_name(app, ids[at], 40, name));
        explain_scroll(x, n, r.rows - 1);
        for (size_t i = 0; x->top + i < n && (int)i < r.rows - 1; i++) {
            size_t k = x->top + i;
            int row = r.row + 1 + (int)i;
            bool chosen = k == x->choice;
            if (j == 0) {
                canvas_put(c, row, r.col + 1, 2, ROLE_CROSS, chosen ? "▸ " : "  ");
                canvas_put_cut(c, row, r.col + 3, PLACE - 1, chosen ? ROLE_CROSS : ROLE_LABEL,
                               explain_place(&pass_plan(app->pass)->stages[points[k].stage], place));
            }
            put_share(app, c, row, col, width, &points[k].top[0], chosen && at == here);
        }
        free(points);
    }
}

void lens_draw(App *app, Canvas *c, Rect r)
{
    Buffer subject = {0};
    explain_subject(app, &subject);
    int row = explain_head(c, r.row, r.col, r.cols,
                           app->explain.other ? _("The logit lens, all positions: the likeliest token at each point")
                                              : _("The logit lens: the stream read out after each part"),
                           buffer_text(&subject));
    buffer_free(&subject);
    int rows = explain_foot(c, row + 1, r.row + r.rows - row - 1, r.col, r.cols, foot(app));
    Rect table = {row + 1, r.col, r.cols, rows - 1};
    if (app->explain.other)
        draw_all(app, c, table);
    else
        draw_one(app, c, table);
}

/* To the stage of the chosen line. */
static void go(App *app)
{
    LensPoint *points;
    size_t n, row = explain_row(app);
    if (lens_make(app->pass, row, 0, &points, &n, NULL) != 0 || !n)
        return;
    app_jump(app, points[app->explain.choice < n ? app->explain.choice : n - 1].stage);
    app->cursor[AXIS_TOKEN] = row;
    app_forward(app);
    app->view = VIEW_STEP;
    free(points);
}

bool lens_command(App *app, CommandId id, size_t count)
{
    switch (id) {
    case CMD_SHOW:
        app->explain.other = !app->explain.other;
        return true;
    case CMD_OPEN:
        go(app);
        return true;
    default:
        return explain_command(app, id, count);
    }
}
