/* paint.c - compares canvases and writes down the difference.
 *
 * Why not curses' own refresh: for every change of colour it interprets the database's strings anew and
 * it flushes a small buffer often. A page of coloured numbers of 200x60 took it 2.5 ms and 38 writes. Here
 * a role's strings are ready, and a frame is one buffer, which the caller sends in one write. */
#include "term/paint.h"

#include <string.h>

/* Unchanged cells between two changed ones are sent again where that is shorter than a move. */
enum { SHORT_GAP = 6, SHORT_STEP = 3, WORTH_CLEARING = 6 };

void paint_forget(Paint *p)
{
    p->known = false;
}

void paint_free(Paint *p)
{
    canvas_free(&p->shown);
    p->known = false;
}

static void add_number(Buffer *out, int n)
{
    char digits[12];
    int i = (int)sizeof digits;
    do
        digits[--i] = (char)('0' + n % 10);
    while ((n /= 10) > 0);
    buffer_add(out, digits + i, sizeof digits - (size_t)i);
}

void paint_move_ansi(Buffer *out, int row, int col)
{
    buffer_add(out, "\033[", 2);
    if (row || col)
        add_number(out, row + 1);
    if (col) {
        buffer_add(out, ";", 1);
        add_number(out, col + 1);
    }
    buffer_add(out, "H", 1);
}

static const Pen *pen_of(const Paint *p, const Cell *cell)
{
    return &p->pens[cell->role < ROLE_COUNT ? cell->role : ROLE_TEXT];
}

static bool same_look(const Pen *a, const Pen *b)
{
    return a->attrs == b->attrs && a->fg == b->fg && a->bg == b->bg;
}

/* Adds what changes a look; SGR sequences that follow each other become one. `at` is where this change of look began. */
static void add_look(Buffer *out, size_t at, const char *text)
{
    size_t n = strlen(text);
    if (n > 3 && out->len > at && out->data[out->len - 1] == 'm' && !memcmp(text, "\033[", 2) && text[n - 1] == 'm') {
        out->data[out->len - 1] = ';';
        text += 2;
        n -= 2;
    }
    buffer_add(out, text, n);
}

static void take_pen(Paint *p, const Pen *to, Buffer *out)
{
    Pen *from = &p->pen;
    if (same_look(from, to))
        return;
    size_t at = out->len;
    bool own_fg = from->fg >= 0 && to->fg < 0, own_bg = from->bg >= 0 && to->bg < 0;
    bool apart = p->own_fg[0] && p->own_bg[0];
    if (from->attrs & ~to->attrs || ((own_fg || own_bg) && !apart && !p->own_colors[0])) {
        add_look(out, at, p->plain);
        *from = (Pen){.fg = -1, .bg = -1};
    } else if ((own_fg && own_bg && p->own_colors[0]) || ((own_fg || own_bg) && !apart)) {
        add_look(out, at, p->own_colors);
        from->fg = from->bg = -1;
    }
    for (int i = 0; i < ATTR_COUNT; i++)
        if (to->attrs & ~from->attrs & 1 << i)
            add_look(out, at, p->attrs[i]);
    if (to->fg != from->fg)
        add_look(out, at, to->fg < 0 ? p->own_fg : to->fg_text);
    if (to->bg != from->bg)
        add_look(out, at, to->bg < 0 ? p->own_bg : to->bg_text);
    from->attrs = to->attrs;
    from->fg = to->fg;
    from->bg = to->bg;
}

/* Of a space only the background shows (and lines through it): the colour of its text, bold and dim stay as they are. */
static void take_pen_for_space(Paint *p, const Pen *to, Buffer *out)
{
    Pen *from = &p->pen;
    if ((from->attrs | to->attrs) & (ATTR_UNDERLINE | ATTR_REVERSE) || (to->bg < 0 && !p->own_bg[0])) {
        take_pen(p, to, out);
    } else if (from->bg != to->bg) {
        buffer_puts(out, to->bg < 0 ? p->own_bg : to->bg_text);
        from->bg = to->bg;
    }
}

static void move_to(Paint *p, int row, int col, Buffer *out)
{
    if (p->row == row && p->col == col)
        return;
    if (p->unsafe_moves && p->pen.attrs)
        take_pen(p, &(Pen){.fg = -1, .bg = -1}, out);
    if (p->steps && p->row == row && p->col < col) {
        buffer_add(out, "\033[", 2);
        if (col - p->col > 1)
            add_number(out, col - p->col);
        buffer_add(out, "C", 1);
    } else {
        p->move(out, row, col);
    }
    p->row = row;
    p->col = col;
}

/* Terminals agree on the width of these; after any other character the cursor is placed anew. */
static bool sure_width(const char *text)
{
    const unsigned char *s = (const unsigned char *)text;
    if (s[0] < 0x80)
        return !s[1];
    if (s[0] < 0xe0)
        return !s[2];
    if (s[0] >= 0xf0 || s[3])
        return false;
    int code = (s[0] & 15) << 12 | (s[1] & 63) << 6 | (s[2] & 63);
    return code < 0x2600 || code > 0x2bff; /* symbols, some of them shown as pictures */
}

/* Text of one look on its way into the buffer: one addition for many cells. */
typedef struct Run {
    char text[256];
    size_t n;
} Run;

static void end_run(Run *run, Buffer *out)
{
    if (run->n)
        buffer_add(out, run->text, run->n);
    run->n = 0;
}

static void send_cell(Paint *p, const Cell *cell, int row, int col, Run *run, Buffer *out)
{
    int width = cell->width == 2 ? 2 : 1;
    bool cut = col + width > p->cols; /* the terminal is narrower than the canvas */
    if (p->scrolls && row == p->rows - 1 && col + width >= p->cols)
        return;
    const char *text = cut || !cell->text[0] ? " " : cell->text;
    const Pen *pen = pen_of(p, cell);
    bool here = p->row == row && p->col == col;
    if (!here || !same_look(pen, &p->pen)) {
        end_run(run, out);
        if (!here)
            move_to(p, row, col, out);
        if (text[0] == ' ' && !text[1])
            take_pen_for_space(p, pen, out);
        else
            take_pen(p, pen, out);
    }
    if (run->n + CELL_TEXT_MAX > sizeof run->text)
        end_run(run, out);
    do
        run->text[run->n++] = *text++;
    while (*text);
    p->col += width;
    if (p->col >= p->cols || !sure_width(cell->text))
        p->row = -1;
}

static bool same_cell(const Cell *a, const Cell *b)
{
    return !memcmp(a, b, sizeof *a);
}

static bool is_blank(const Paint *p, const Cell *cell)
{
    const Pen *pen = pen_of(p, cell);
    return cell->text[0] == ' ' && !cell->text[1] && !pen->attrs && pen->fg < 0 && pen->bg < 0;
}

/* Sends what changed of a row. */
static void send_row(Paint *p, const Canvas *c, int row, int cols, Buffer *out)
{
    const Cell *new = canvas_row(c, row);
    Cell *old = canvas_row(&p->shown, row);
    if (!memcmp(new, old, (size_t)cols * sizeof *new))
        return;
    /* Where the rest of the row is blank now and was not, one sequence clears it. */
    int end = cols, changed = 0;
    if (p->clear_line[0] && cols == p->cols) {
        while (end > 0 && is_blank(p, &new[end - 1]))
            end--;
        for (int i = end; i < cols; i++)
            changed += !same_cell(&new[i], &old[i]);
        if (changed < WORTH_CLEARING)
            end = cols;
    }
    Run run = {.n = 0};
    for (int col = 0; col < end;) {
        if (same_cell(&new[col], &old[col])) {
            col++;
            continue;
        }
        if (!new[col].width && col)
            col--; /* the right half of a wide character */
        /* From the cursor to here, if that is near and looks alike. */
        if (p->row == row && p->col < col && col - p->col <= (p->steps ? SHORT_STEP : SHORT_GAP)) {
            bool alike = true;
            for (int i = p->col; i < col; i++)
                alike = alike && new[i].width == 1 && !new[i].text[1] && same_look(pen_of(p, &new[i]), &p->pen);
            if (alike)
                col = p->col;
        }
        const Cell *cell = &new[col];
        send_cell(p, cell, row, col, &run, out);
        col += cell->width == 2 ? 2 : 1;
        /* the short path: ASCII characters of the same role that follow */
        if (p->row != row || !same_look(pen_of(p, cell), &p->pen))
            continue;
        for (; col < end - 1 && run.n < sizeof run.text && new[col].role == cell->role && !new[col].text[1] && new[col].width == 1 &&
               !same_cell(&new[col], &old[col]);
             col++)
            run.text[run.n++] = new[col].text[0];
        p->col = col;
    }
    end_run(&run, out);
    if (end < cols) {
        take_pen(p, &(Pen){.fg = -1, .bg = -1}, out);
        move_to(p, row, end, out);
        buffer_puts(out, p->clear_line);
    }
    memcpy(old, new, (size_t)cols * sizeof *new);
}

/* A cleared terminal, and a copy of it of the canvas's size. */
static int start_over(Paint *p, const Canvas *c, Buffer *out)
{
    if (p->shown.cols != c->cols || p->shown.rows != c->rows) {
        canvas_free(&p->shown);
        if (canvas_init(&p->shown, c->cols, c->rows, c->ascii, NULL) < 0)
            return -1;
    }
    if (same_look(&p->pens[ROLE_TEXT], &(Pen){.fg = -1, .bg = -1}))
        canvas_clear(&p->shown);
    else /* a theme that paints its page: a cleared cell is like none of the canvas's */
        memset(p->shown.cells, 0, (size_t)c->cols * (size_t)c->rows * sizeof *p->shown.cells);
    buffer_puts(out, p->plain);
    buffer_puts(out, p->clear);
    buffer_puts(out, p->hide);
    p->pen = (Pen){.fg = -1, .bg = -1};
    p->row = p->col = 0;
    p->visible = false;
    p->known = true;
    return 0;
}

void paint_canvas(Paint *p, const Canvas *c, Buffer *out)
{
    if (!p->known || p->shown.cols != c->cols || p->shown.rows != c->rows)
        if (start_over(p, c, out) < 0)
            return;
    int cols = c->cols < p->cols ? c->cols : p->cols, rows = c->rows < p->rows ? c->rows : p->rows;
    for (int row = 0; row < rows; row++)
        send_row(p, c, row, cols, out);
    bool visible = c->cursor_row >= 0 && c->cursor_row < rows && c->cursor_col >= 0 && c->cursor_col < cols;
    if (visible) {
        move_to(p, c->cursor_row, c->cursor_col, out);
        if (!p->visible)
            buffer_puts(out, p->show);
    } else if (p->visible) {
        buffer_puts(out, p->hide);
    }
    p->visible = visible;
}
