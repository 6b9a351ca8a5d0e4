/* help.c - the keys of the view that it was opened from, every command from the command table, and what the numbers are called. */
#include "view/app.h"

#include "base/text.h"
#include "view/event.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

enum { KEYS_COLUMN = 3, WORDS_COLUMN = 17, LINES_MAX = 400 };

/* A page being drawn: on a canvas that has room for all of it. */
typedef struct Page {
    Canvas *c;
    int row, cols, marked; /* the row with a mark, or -1 */
    const char *find;      /* NULL: nothing is looked for */
    int after, first, next; /* of the rows that have it: the first, and the first behind `after`; -1: none */
} Page;

static bool has_text(const char *s, const char *text)
{
    for (size_t n = strlen(text); *s; s++)
        if (strncasecmp(s, text, n) == 0)
            return true;
    return false;
}

static void put_heading(Page *p, const char *text)
{
    p->row += p->row > 0; /* an empty line between two parts */
    canvas_put_cut(p->c, p->row++, 1, p->cols - 2, ROLE_HEADING, text);
}

static void put_row(Page *p, Role role, const char *key, const char *text)
{
    if (p->find && (has_text(key, p->find) || has_text(text, p->find))) {
        p->first = p->first < 0 ? p->row : p->first;
        p->next = p->next < 0 && p->row > p->after ? p->row : p->next;
    }
    if (p->row == p->marked)
        canvas_put(p->c, p->row, 1, 1, ROLE_CROSS, "▸");
    canvas_put_cut(p->c, p->row, KEYS_COLUMN, WORDS_COLUMN - KEYS_COLUMN - 1, role, key);
    p->row += canvas_put_wrapped(p->c, p->row, WORDS_COLUMN, p->cols - WORDS_COLUMN - 1, LINES_MAX, ROLE_TEXT, text);
}

static void put_lesson(Page *p)
{
    static const char *const rows[][2] = {
        {"Space n", N_("goes on; b goes back")},
        {"Enter", N_("begins an answer; where the network is to be looked at, goes there; else goes on")},
        {"a b c", N_("chooses an answer; to other questions, what is typed begins one")},
        {"Esc", N_("skips a question")},
        {";", N_("from the text to the network, and back")},
        {"@", N_("brings the network back to where the lesson stands")},
        {"#", N_("the parts of the lesson, to go to one")},
    };
    put_heading(p, _("In a lesson"));
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        put_row(p, ROLE_KEY, rows[i][0], _(rows[i][1]));
}

/* What the keys do in the view behind the help, where it is not what they do at a stage. */
static void put_here(const App *app, Page *p)
{
    Offer list[OFFERS_MAX];
    size_t n = screen_offers(app, app->help_over, list);
    char heading[128];
    snprintf(heading, sizeof heading, _("Here: %s"), _(view_table[app->help_over].title));
    put_heading(p, heading);
    for (size_t i = 0; i < n; i++)
        if (list[i].id != CMD_HELP)
            put_row(p, ROLE_KEY, list[i].key, list[i].word);
}

/* What stands beside and below the matrices. */
static void put_numbers(Page *p)
{
    static const char *const rows[][2] = {
        {N_("entropy, H"), N_("of a row p that sums to 1: −Σ p·ln p, in nats; 0 where one has it all, ln n where n share it evenly")},
        {"exp H", N_("as many equal shares would be as undecided: how many tokens a row looks at")},
        {"p(1-p)", N_("the softmax's slope at this weight; near 0 hardly any gradient comes through")},
        {"Var(Q·K)", N_("how far apart the scores are; independent: what it would be if queries and keys had nothing to do with each other")},
        {N_("likeness"), N_("mean cosine of two rows: 1 where they point the same way, 0 where they have nothing in common")},
        {N_("norm of a row"), N_("its length, the root of the sum of its squares")},
        {"3e-06", N_("0.000003: a share too small for its digits; one that is 0, as where a key is masked, is written 0")},
        {"logit", N_("a token's number before the softmax makes probabilities of them")},
        {"KL", N_("how far one distribution is from another, in nats; 0: they are the same")},
    };
    put_heading(p, _("Numbers"));
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        put_row(p, ROLE_LABEL, _(rows[i][0]), _(rows[i][1]));
}

static void put_commands(Page *p)
{
    char keys[32];
    for (int g = 0; g < GROUP_COUNT; g++) {
        put_heading(p, command_group_name((CommandGroup)g));
        for (int i = 0; i < COMMAND_COUNT; i++)
            if (command_table[i].group == (CommandGroup)g)
                put_row(p, ROLE_KEY, command_keys((CommandId)i, keys, sizeof keys), _(command_table[i].what));
    }
}

/* Draws all of it; p->row is then its lines. */
static void draw_page(const App *app, Page *p)
{
    const char *const more[] = {
        _("A number before a key repeats it: 5n. The mouse chooses a cell, a double click opens it."),
        _("Stages are computed as you step; every number shown is what the model computed, rounded only for the screen."),
        _("The top line shows the model, the text, and in brackets what is switched off."),
    };
    if (app->lesson)
        put_lesson(p);
    if (app->help_over != VIEW_STEP && app->help_over != VIEW_LESSON)
        put_here(app, p);
    put_commands(p);
    put_numbers(p);
    p->row++;
    for (size_t i = 0; i < sizeof more / sizeof *more; i++)
        p->row += canvas_put_wrapped(p->c, p->row, 1, p->cols - 2, LINES_MAX, ROLE_TEXT, more[i]);
}

void help_open(App *app)
{
    app->help_over = app->view;
    app->help_scroll = app->scroll;
    app->help_found = -1;
    app->view = VIEW_HELP;
    app->scroll = 0;
}

void help_search(App *app, const char *text)
{
    Canvas whole = {0};
    if (!*text || canvas_init(&whole, app->cols, LINES_MAX, false, NULL) != 0)
        return;
    Page p = {.c = &whole, .cols = app->cols, .marked = -1, .find = text, .after = app->help_found, .first = -1, .next = -1};
    draw_page(app, &p);
    canvas_free(&whole);
    if (p.first < 0) {
        app_say(app, ROLE_WARNING, _("%s: no line of the help has that in it"), text);
        return;
    }
    app->help_found = p.next < 0 ? p.first : p.next;
    app->scroll = (size_t)app->help_found;
}

/* Back to what it was opened from, made again where a key may have changed what it shows. */
static void close_help(App *app)
{
    app->view = app->help_over;
    app->scroll = app->help_scroll;
    if (app->view == VIEW_CELL) {
        size_t line = app->cell_line;
        cell_open_again(app);
        app->cell_line = line < app->cell.count ? line : 0;
    } else if (app->view == VIEW_MENU) {
        size_t choice = app->menu.choice;
        menu_open(app, app->menu.kind);
        app->menu.choice = choice < app->menu.count ? choice : 0;
    }
}

void help_draw(App *app, Canvas *c, Rect r)
{
    Canvas whole = {0};
    if (canvas_init(&whole, c->cols, LINES_MAX, c->ascii, NULL) != 0)
        return;
    Page p = {.c = &whole, .cols = r.cols, .marked = app->help_found};
    draw_page(app, &p);
    int total = p.row, room = r.rows - 1, most = total > room ? total - room : 0;
    if ((int)app->scroll > most)
        app->scroll = (size_t)most;
    canvas_put_cut(c, r.row, r.col + 1, r.cols - 2, ROLE_HERE, _("Keys, and what the numbers are called"));
    for (int i = 0; i < room && i < total; i++)
        memcpy(canvas_row(c, r.row + 1 + i), canvas_row(&whole, (int)app->scroll + i), (size_t)c->cols * sizeof(Cell));
    canvas_put_span(c, r.row, r.col, r.cols - 1, app->scroll, (size_t)room, (size_t)total);
    canvas_free(&whole);
}

bool help_command(App *app, CommandId id, size_t count)
{
    size_t times = count ? count : 1, page = app->rows > 5 ? (size_t)app->rows - 5 : 1;
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
    case CMD_FIRST:
        app->scroll = 0;
        return true;
    case CMD_LAST:
        app->scroll = LINES_MAX;
        return true;
    case CMD_HELP:
    case CMD_CLOSE:
    case CMD_QUIT:
        close_help(app);
        return true;
    default:
        return false;
    }
}
