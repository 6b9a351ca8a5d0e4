/* table.c - the ablation table in the debugger: a score without each part, row after row while the user waits.
 *
 * The numbers are train/score_table.c's. Between two of them the program looks at the keyboard: Esc leaves, and coming back goes on. */
#include "view/app.h"

#include "base/text.h"
#include "train/score_table.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { EXAMPLES = 200, NAME_COLS = 18, NUMBER_COLS = 7, NUMBERS = 4, CELL_COLS = NUMBER_COLS * NUMBERS, GAP = 2 };

void table_forget(App *app)
{
    if (app->table)
        score_table_free(app->table);
    free(app->table);
    app->table = NULL;
    app->table_error[0] = '\0';
}

void table_open(App *app)
{
    Error e = {{0}};
    app->view = VIEW_TABLE;
    app->scroll = 0;
    if (app->hunt.bug && !app->hunt.out)
        app_say(app, ROLE_WARNING, "%s", _("the table is of the network without the hunt's bug"));
    else if (app->edits.count)
        app_say(app, ROLE_WARNING, "%s", _("the table is of the model without the edits: they are of this text"));
    if (app->table)
        return;
    app->table_error[0] = '\0';
    app->table = calloc(1, sizeof *app->table);
    if (!app->table || score_table_open(app->table, app->model, EXAMPLES, &e) != 0) {
        free(app->table);
        app->table = NULL;
        snprintf(app->table_error, sizeof app->table_error, "%.*s", MESSAGE_MAX - 1, e.text);
    }
}

bool table_pending(const App *app)
{
    return app->table && !app->table_error[0] && score_table_pending(app->table, NULL);
}

void table_work(App *app)
{
    Error e = {{0}};
    if (score_table_step(app->table, &e) != 0)
        snprintf(app->table_error, sizeof app->table_error, "%.*s", MESSAGE_MAX - 1, e.text);
}

/* ---- drawing ---- */

static void put_number(Canvas *c, int row, int col, Role role, double x)
{
    char text[SCORE_NUMBER];
    canvas_put_right(c, row, col, NUMBER_COLS, role, isnan(x) ? "–" : score_number(x, text));
}

static void draw_cell(Canvas *c, int row, int col, Role role, const ScoreCell *cell)
{
    const double numbers[NUMBERS] = {cell->score, cell->loss, cell->entropy, cell->likeness};
    for (int i = 0; i < NUMBERS; i++)
        put_number(c, row, col + i * NUMBER_COLS, role, numbers[i]);
}

static void draw_row(const App *app, Canvas *c, int row, Rect r, size_t i, size_t pending)
{
    const ScoreTable *t = app->table;
    const ScoreRow *line = &t->rows[i];
    const ScoreCell *off = &line->cells[SCORE_OFF], *trained = &line->cells[SCORE_TRAINED];
    bool choice = line->name[0] && !line->ablation, on = (app->ablations & line->ablation & ~t->recipe.ablations) != 0;
    Role role = i == 0 ? ROLE_HERE : on ? ROLE_BADGE : ROLE_LABEL;
    int col = r.col + 1 + NAME_COLS;
    canvas_put_cut(c, row, r.col + 1, NAME_COLS - 1, role, line->name[0] ? line->name : t->model->name);
    if (choice)
        canvas_put_cut(c, row, col + 2, CELL_COLS, ROLE_DIM, _("another choice, trained so"));
    if (off->known)
        draw_cell(c, row, col, ROLE_TEXT, off);
    else if (line->idle)
        canvas_put_cut(c, row, col + 2, CELL_COLS, ROLE_DIM, _("nothing to switch off"));
    else if (i >= pending && !choice)
        canvas_put_cut(c, row, col + 2, CELL_COLS, ROLE_DIM, "…");
    if (off->known && line->ablation && !off->changes)
        canvas_put(c, row, col + CELL_COLS, 2, ROLE_WARNING, "=");
    col += CELL_COLS + GAP;
    if (trained->known)
        draw_cell(c, row, col, choice ? ROLE_LABEL : ROLE_TEXT, trained);
    else if (trained->folder)
        canvas_put_cut(c, row, col + 2, CELL_COLS, ROLE_DIM, "…");
    else if (line->ablation)
        canvas_put_cut(c, row, col + 2, r.cols - (col - r.col) - 3, ROLE_DIM, _("not shipped"));
}

static void draw_head(Canvas *c, Rect r, const ScoreTable *t, bool working, size_t pending)
{
    int col = r.col + 1 + NAME_COLS;
    canvas_printf(c, r.row, r.col + 1, r.cols - 2, ROLE_HEADING, _("%s without each of its parts, on %zu held-out examples"),
                  t->model->name, t->n);
    if (working) {
        char text[64];
        snprintf(text, sizeof text, _("row %zu of %zu"), pending + 1, t->count);
        int width = canvas_text_width(c, text);
        canvas_put(c, r.row, r.col + r.cols - width - 1, width, ROLE_BADGE, text);
    }
    canvas_put_center(c, r.row + 1, col, CELL_COLS, ROLE_HEADING, _("switched off now"));
    canvas_put_center(c, r.row + 1, col + CELL_COLS + GAP, CELL_COLS, ROLE_HEADING, _("trained without it"));
    for (int k = 0; k < 2; k++) {
        const char *const names[NUMBERS] = {t->kind == TASK_SCORE_PERPLEXITY ? _("perpl.") : _("score"), _("loss"), _("attn H"),
                                            _("alike")};
        for (int i = 0; i < NUMBERS; i++)
            canvas_put_right(c, r.row + 2, col + k * (CELL_COLS + GAP) + i * NUMBER_COLS, NUMBER_COLS, ROLE_HEADING, names[i]);
    }
}

/* What the numbers are, where there is room for it. */
static void draw_notes(Canvas *c, int row, int end, Rect r, const ScoreTable *t)
{
    Buffer b = {0};
    int width = r.cols - 2;
    enum { LEAST = 3 }; /* cut off they would say nothing */
    row++;
    if (end - row < LEAST)
        return;
    buffer_printf(&b,
                  _("score: %s. loss, and attn H, the mean entropy of attention: nats. alike: mean cosine of two tokens at the end of the "
                    "output's stream."),
                  score_meaning(t->kind));
    buffer_printf(&b,
                  t->chance_score > 0 && t->chance_score < 1e-4 ? _(" Chance, every token as likely: score %.1e, loss %.3f.")
                                                                : _(" Chance, every token as likely: score %.4f, loss %.3f."),
                  t->chance_score, t->chance_loss);
    if (t->least_loss > 0)
        buffer_printf(&b, _(" The lowest loss there can be: %.3f."), t->least_loss);
    buffer_puts(&b, _(" =: it changed nothing."));
    canvas_put_wrapped(c, row, r.col + 1, width, end - row, ROLE_DIM, buffer_text(&b));
    buffer_free(&b);
}

void table_draw(App *app, Canvas *c, Rect r)
{
    const ScoreTable *t = app->table;
    enum { HEAD = 3, CAPTION = 2 };
    if (!t || app->table_error[0]) {
        canvas_put_cut(c, r.row, r.col + 1, r.cols - 2, ROLE_HEADING, _("Ablation table"));
        canvas_put_wrapped(c, r.row + 2, r.col + 1, r.cols - 2, 6, ROLE_WARNING, app->table_error);
        if (!t)
            canvas_put_wrapped(c, r.row + 9, r.col + 1, r.cols - 2, 4, ROLE_TEXT,
                               _("The table scores a model on the task it was trained for. M chooses one: zh-en, sum, recall …"));
        return;
    }
    size_t pending = t->count;
    bool working = score_table_pending(t, &pending);
    draw_head(c, r, t, working, pending);
    size_t room = r.rows > HEAD + CAPTION ? (size_t)(r.rows - HEAD - CAPTION) : 1, most = t->count > room ? t->count - room : 0;
    if (app->scroll > most)
        app->scroll = most;
    int row = r.row + HEAD;
    for (size_t i = app->scroll; i < t->count && i < app->scroll + room; i++)
        draw_row(app, c, row++, r, i, pending);
    row += canvas_put_wrapped(c, row, r.col + 1, r.cols - 2, CAPTION, ROLE_TEXT, score_table_caption());
    draw_notes(c, row, r.row + r.rows, r, t);
}

bool table_command(App *app, CommandId id, size_t count)
{
    switch (id) {
    case CMD_UP:
    case CMD_DOWN:
    case CMD_PAGE_UP:
    case CMD_PAGE_DOWN: app_scroll(app, id, count); return true;
    case CMD_FIRST:
        app->scroll = 0;
        return true;
    case CMD_LAST:
        app->scroll = app->table ? app->table->count : 0;
        return true;
    case CMD_TABLE:
        app->view = VIEW_STEP;
        return true;
    default:
        return false;
    }
}
