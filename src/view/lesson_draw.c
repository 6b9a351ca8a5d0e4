/* lesson_draw.c - how a lesson's page looks: texts broken at their columns, their marks as roles. */
#include "view/lesson.h"

#include "base/text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { TEXT_COLS = 84, PAGE_ROWS = 1000 };
enum { STOP_ROWS = 8, VALUES_ROWS = 10 }; /* a line and a few rows of a matrix with its names; with what is measured in it, too */

/* A marked text as plain bytes with a role each. */
typedef struct Styled {
    Buffer text, roles;
} Styled;

static Role role_of(int mark, Role plain)
{
    switch (mark) {
    case MARK_EMPHASIS:
        return ROLE_CROSS;
    case MARK_STRONG:
        return ROLE_HEADING;
    case MARK_CODE:
        return ROLE_LABEL;
    case MARK_NUMBER:
        return ROLE_KEY;
    case MARK_LINK:
        return ROLE_LINK;
    default:
        return plain;
    }
}

static void add_byte(Styled *s, char c, Role role)
{
    buffer_putc(&s->text, c);
    buffer_putc(&s->roles, (char)(role + 1));
}

/* Addresses of links are left out: they are for the page on a code host. */
static void style(const char *marked, Role plain, Styled *s)
{
    int stack[16] = {0}, depth = 0;
    for (const char *p = marked; *p; p++) {
        if (*p >= MARK_EMPHASIS && *p <= MARK_ADDRESS) {
            if (depth < 15)
                stack[++depth] = *p;
        } else if (*p == MARK_END) {
            depth -= depth > 0;
        } else if (stack[depth] == MARK_ADDRESS) {
            continue;
        } else {
            add_byte(s, *p == MARK_BREAK ? '\n' : *p == '\n' ? ' ' : *p, role_of(stack[depth], plain));
        }
    }
}

/* Draws n bytes, a piece for each role. */
static void draw_pieces(Canvas *c, int row, int col, int cols, const char *text, const char *roles, size_t n)
{
    char piece[1024];
    for (size_t i = 0; i < n;) {
        size_t k = i;
        while (k < n && roles[k] == roles[i] && (k - i < sizeof piece - 8 || ((unsigned char)text[k] & 0xc0) == 0x80))
            k++;
        memcpy(piece, text + i, k - i);
        piece[k - i] = '\0';
        int used = canvas_put(c, row, col, cols, (Role)(roles[i] - 1), piece);
        col += used;
        cols -= used;
        i = k;
    }
}

/* Returns the rows it takes. */
/* A command in several lines, as a shell reads it: each but the last ends in a backslash, behind a space where it was broken at one. A word
 * too long for a line goes on at its beginning. */
static int draw_command(const LessonLine *l, Canvas *c, int row, Rect r)
{
    int rows = 0, indent = 0;
    for (const char *p = l->text; *p; rows++) {
        size_t n = strlen(p), next = 0, bytes = canvas_break_line(c, p, n, r.cols - indent - 2, &next);
        char *line = strndup(p, bytes);
        int used = line ? canvas_put(c, row + rows, r.col + indent, r.cols - indent, l->role, line) : 0;
        bool within = next == bytes;
        free(line);
        if (next < n)
            canvas_put(c, row + rows, r.col + indent + used + !within, 1, ROLE_DIM, "\\");
        indent = within ? 0 : 4;
        p += next;
    }
    return rows;
}

static int draw_line(const LessonLine *l, Canvas *c, int row, Rect r)
{
    int width = r.cols < TEXT_COLS ? r.cols : TEXT_COLS, indent = l->indent < width / 2 ? l->indent : width / 2;
    if (l->rule) {
        canvas_hline(c, row, r.col, width, ROLE_BORDER);
        return 1;
    }
    if (l->command && canvas_text_width(c, l->text) > r.cols - indent)
        return draw_command(l, c, row, (Rect){r.row, r.col + indent, r.cols - indent, 1});
    if (l->verbatim) {
        canvas_put_cut(c, row, r.col + indent, r.cols - indent, l->role, l->text);
        return 1;
    }
    if (*l->bullet)
        canvas_put(c, row, r.col + (l->indent >= 3 ? indent - 3 : 0), 3, l->choice >= 0 ? ROLE_KEY : l->role, l->bullet);
    Styled s = {{0}, {0}};
    style(l->text, l->role, &s);
    int rows = 0;
    const char *text = buffer_text(&s.text), *roles = buffer_text(&s.roles);
    for (size_t n = s.text.len; n && !s.text.failed && !s.roles.failed;) {
        size_t next = 0, bytes = canvas_break_line(c, text, n, width - indent, &next);
        draw_pieces(c, row + rows++, r.col + indent, width - indent, text, roles, bytes);
        text += next;
        roles += next;
        n -= next;
    }
    buffer_free(&s.text);
    buffer_free(&s.roles);
    return rows ? rows : 1;
}

/* Draws it from the top and returns its rows; what is off the canvas is only measured. */
static int lesson_page_draw(const LessonPage *page, Canvas *c, Rect r)
{
    int row = r.row;
    for (size_t i = 0; i < page->count && row < PAGE_ROWS; i++) {
        if (i && !page->lines[i].close)
            row++;
        row += draw_line(&page->lines[i], c, row, r);
    }
    return row - r.row;
}

int lesson_page_text(const LessonPage *page, int cols, bool ascii, void (*write)(const Canvas *c, Buffer *out), Buffer *out, Error *e)
{
    Canvas c = {0};
    int rows;
    if (canvas_init(&c, cols, 1, ascii, e) != 0)
        return -1;
    rows = lesson_page_draw(page, &c, (Rect){0, 0, cols, 1});
    canvas_free(&c);
    if (rows < 1)
        return 0;
    if (canvas_init(&c, cols, rows < PAGE_ROWS ? rows : PAGE_ROWS, ascii, e) != 0)
        return -1;
    lesson_page_draw(page, &c, (Rect){0, 0, cols, rows});
    write(&c, out);
    canvas_free(&c);
    return 0;
}

/* ---- the pane ---- */

static bool has_lab(const Player *p)
{
    size_t end = p->step + 1 < p->step_count ? p->steps[p->step + 1] : p->lesson.count;
    for (size_t i = p->step < p->step_count ? p->steps[p->step] : end; i < end; i++)
        if (p->lesson.blocks[i].kind == BLOCK_LAB)
            return true;
    return false;
}

int lesson_columns(const App *app, int cols)
{
    const Player *p = app->lesson;
    if (!p || cols < LESSON_BESIDE_FROM || (app->view == VIEW_LESSON && has_lab(p))) /* a table needs the room */
        return 0;
    int pane = cols * 2 / 5;
    return pane > 76 ? 76 : pane;
}

/* The heading that the step stands under. */
static const char *part_of(const Player *p, Buffer *out)
{
    size_t last = p->step < p->step_count ? p->steps[p->step] : 0;
    for (size_t i = last + 1; i-- > 0;)
        if (p->lesson.blocks[i].kind == BLOCK_HEADING) {
            if (i < last)
                lesson_plain(p->lesson.blocks[i].text, out);
            break;
        }
    return buffer_text(out);
}

static void draw_bar(const App *app, Canvas *c, Rect r)
{
    const Player *p = app->lesson;
    bool here = app->view == VIEW_LESSON;
    char where[32];
    Buffer part = {0};
    snprintf(where, sizeof where, "%zu/%zu", p->step + 1, p->step_count + 1);
    int width = canvas_text_width(c, where);
    Role role = here ? ROLE_HEADING : ROLE_DIM;
    const char *name = part_of(p, &part);
    canvas_printf(c, r.row, r.col + 1, r.cols - width - 3, role, *name ? "%s · %s" : "%s%s", p->lesson.name, name);
    canvas_put_right(c, r.row, r.col + r.cols - width - 1, width, role, where);
    buffer_free(&part);
}

void lesson_make(Player *p, int cols)
{
    Error e = {{0}};
    bool was = p->pending;
    p->pending = true; /* an experiment that is named in it draws the screen meanwhile */
    p->cols = cols;
    lesson_page_free(&p->page);
    p->error[0] = '\0';
    if (lesson_page_make(p, &p->page, &e) != 0)
        snprintf(p->error, sizeof p->error, "%s", e.text);
    p->stale = false;
    p->pending = was;
}

static void draw_text(App *app, Canvas *c, Rect r)
{
    Player *p = app->lesson;
    Canvas whole = {0};
    int cols = r.cols - 2;
    Rect text = {r.row + 1, r.col + 1, cols, r.rows - 1};
    draw_bar(app, c, r);
    if (p->pending) {
        canvas_printf(c, text.row + 1, text.col, cols, ROLE_LABEL, _("running the experiment: %.0f%%  %s"), 100 * p->share, p->doing);
        return;
    }
    if (p->stale || p->cols != cols)
        lesson_make(p, cols);
    if (*p->error) {
        canvas_put_wrapped(c, text.row + 1, text.col, cols, text.rows - 2, ROLE_ERROR, p->error);
        return;
    }
    bool away = lesson_is_away(app);
    if (away) {
        canvas_put_cut(c, text.row + text.rows - 1, text.col, cols, ROLE_WARNING,
                       _("the network is elsewhere, or changed: @ brings it back"));
        text.rows--;
    }
    if (canvas_init(&whole, c->cols, PAGE_ROWS, c->ascii, NULL) != 0)
        return;
    p->total = lesson_page_draw(&p->page, &whole, (Rect){0, text.col, cols, PAGE_ROWS});
    p->room = text.rows;
    size_t most = p->total > p->room ? (size_t)(p->total - p->room) : 0;
    if (p->scroll > most)
        p->scroll = most;
    for (int i = 0; i < text.rows && (int)p->scroll + i < p->total; i++)
        memcpy(canvas_row(c, text.row + i) + text.col, canvas_row(&whole, (int)p->scroll + i) + text.col, (size_t)cols * sizeof(Cell));
    if (p->scroll < most)
        canvas_put_right(c, text.row + text.rows - 1, text.col + cols - 8, 8, ROLE_BADGE, _("more ↓"));
    canvas_free(&whole);
}

void lesson_draw_beside(App *app, Canvas *c, Rect r)
{
    canvas_fill(c, r.row, r.col, r.cols, r.rows, ROLE_TEXT, " ");
    canvas_vline(c, r.row, r.col, r.rows, ROLE_BORDER);
    draw_text(app, c, (Rect){r.row, r.col + 1, r.cols - 1, r.rows});
}

/* What the step stops at, under its text where that leaves room: nobody should have to leave the page to see what it speaks of. */
static void draw_stop(App *app, Canvas *c, Rect r)
{
    const Player *p = app->lesson;
    bool whole = !p->pending && !*p->error && p->total <= p->room, matrix = app->phase == PHASE_FORWARD || app->phase == PHASE_BACKWARD;
    if (!whole || !matrix || !lesson_block_of(p, p->step, BLOCK_STOP) || lesson_is_away(app))
        return;
    int row = r.row + 1 + p->total + 1, rows = r.row + r.rows - row;
    if (rows < STOP_ROWS)
        return;
    canvas_hline(c, row++, r.col, r.cols, ROLE_BORDER);
    if (--rows < VALUES_ROWS)
        matrix_draw(app, c, (Rect){row, r.col, r.cols - 1, rows});
    else
        step_draw_values(app, c, (Rect){row, r.col, r.cols, rows}, 1);
}

void lesson_draw(App *app, Canvas *c, Rect r)
{
    if (!app->lesson)
        return;
    draw_text(app, c, r);
    draw_stop(app, c, r);
}
