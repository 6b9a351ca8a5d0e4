/* help.c - every command with its keys, from the command table. */
#include "view/app.h"

#include "base/text.h"
#include "view/event.h"

#include <stdio.h>

/* What the keys do over a lesson's text comes first there. */
static int lesson_lines(const App *app, Canvas *c, Rect r)
{
    static const char *const rows[][2] = {
        {"Space n", N_("goes on; b goes back")},
        {"Enter", N_("begins an answer; where the network is to be looked at, goes there")},
        {"a b c", N_("chooses an answer; to other questions, what is typed begins one")},
        {"Esc", N_("skips a question")},
        {";", N_("from the text to the network, and back")},
        {"@", N_("brings the network back to where the lesson stands")},
        {"#", N_("the parts of the lesson, to go to one")},
    };
    int line = 0, count = (int)(sizeof rows / sizeof *rows);
    for (int i = -1; i < count; i++) {
        int row = r.row + line++ - (int)app->scroll;
        if (!c || row < r.row || row >= r.row + r.rows)
            continue;
        canvas_put_cut(c, row, r.col + (i < 0 ? 1 : 3), 15, i < 0 ? ROLE_HEADING : ROLE_KEY, i < 0 ? _("In a lesson") : rows[i][0]);
        if (i >= 0)
            canvas_put_cut(c, row, r.col + 19, r.cols - 20, ROLE_TEXT, _(rows[i][1]));
    }
    return line + 1;
}

/* Draws the lines that are visible, or with c NULL only counts them. */
static int help_lines(const App *app, Canvas *c, Rect r)
{
    int line = app->lesson ? lesson_lines(app, c, r) : 0;
    for (int g = 0; g < GROUP_COUNT; g++) {
        for (int i = -1; i < COMMAND_COUNT; i++) {
            if (i >= 0 && command_table[i].group != (CommandGroup)g)
                continue;
            int row = r.row + line++ - (int)app->scroll;
            if (!c || row < r.row || row >= r.row + r.rows)
                continue;
            if (i < 0) {
                canvas_put(c, row, r.col + 1, r.cols - 2, ROLE_HEADING, command_group_name((CommandGroup)g));
                continue;
            }
            char keys[32];
            canvas_put_cut(c, row, r.col + 3, 15, ROLE_KEY, command_keys((CommandId)i, keys, sizeof keys));
            canvas_put_cut(c, row, r.col + 19, r.cols - 20, ROLE_TEXT, _(command_table[i].what));
        }
        line++;
    }
    const char *const more[] = {
        _("A number before a key repeats it: 5n. The mouse chooses a cell, a double click opens it."),
        _("Stages are computed as you step; every number shown is what the model computed, rounded only for the screen."),
        _("The top line shows the model, the text, and in brackets what is switched off."),
    };
    for (size_t i = 0; i < sizeof more / sizeof *more; i++) {
        int row = r.row + line - (int)app->scroll;
        if (c && row >= r.row && row < r.row + r.rows)
            canvas_put_wrapped(c, row, r.col + 1, r.cols - 2, r.row + r.rows - row, ROLE_TEXT, more[i]);
        line += 1 + canvas_text_width(&(Canvas){.cols = 1, .rows = 1}, more[i]) / (r.cols - 2);
    }
    return line;
}

void help_open(App *app)
{
    app->help_over = app->view == VIEW_LESSON || app->view == VIEW_HUNT ? app->view : VIEW_STEP;
    app->view = VIEW_HELP;
    app->scroll = 0;
}

void help_draw(App *app, Canvas *c, Rect r)
{
    int total = help_lines(app, NULL, r), most = total > r.rows ? total - r.rows : 0;
    if ((int)app->scroll > most)
        app->scroll = (size_t)most;
    help_lines(app, c, r);
    if (total > r.rows) {
        char where[48];
        snprintf(where, sizeof where, "  %zu–%zu / %d ", app->scroll + 1, app->scroll + (size_t)r.rows, total);
        int width = canvas_text_width(c, where);
        canvas_put_right(c, r.row, r.col + r.cols - width, width, ROLE_DIM, where);
    }
}

bool help_command(App *app, CommandId id, size_t count)
{
    size_t times = count ? count : 1, page = app->rows > 4 ? (size_t)app->rows - 4 : 1;
    switch (id) {
    case CMD_UP:
        app->scroll = times > app->scroll ? 0 : app->scroll - times;
        return true;
    case CMD_DOWN:
        app->scroll += times;
        return true;
    case CMD_PAGE_UP:
        app->scroll = page > app->scroll ? 0 : app->scroll - page;
        return true;
    case CMD_PAGE_DOWN:
    case CMD_NEXT:
        app->scroll += page;
        return true;
    case CMD_HELP:
    case CMD_CLOSE:
    case CMD_QUIT:
        app->view = app->help_over;
        return true;
    default:
        return false;
    }
}
