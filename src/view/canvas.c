/* canvas.c - the grid of cells and what is drawn on it.
 *
 * Every cell is written whole (its unused bytes zero), so that rows can be compared with memcmp.
 * A redraw of the whole screen passes here for every key: ASCII text takes a short path. */
#include "view/canvas.h"

#include "base/text.h"
#include "view/glyph.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SIZE_MAX_ = 1000 };

static const Cell blank = {" ", 1, ROLE_TEXT};

int canvas_init(Canvas *c, int cols, int rows, bool ascii, Error *e)
{
    *c = (Canvas){.ascii = ascii, .cursor_row = -1, .cursor_col = -1};
    if (cols < 1 || cols > SIZE_MAX_ || rows < 1 || rows > SIZE_MAX_)
        return error_set(e, "screen: expected 1 to %d columns and rows, found %dx%d; try another size", SIZE_MAX_, cols, rows);
    c->cells = malloc((size_t)cols * (size_t)rows * sizeof *c->cells);
    if (!c->cells)
        return error_memory(e, "screen");
    c->cols = cols;
    c->rows = rows;
    canvas_clear(c);
    return 0;
}

void canvas_free(Canvas *c)
{
    free(c->cells);
    *c = (Canvas){.cursor_row = -1, .cursor_col = -1};
}

void canvas_clear(Canvas *c)
{
    size_t n = (size_t)c->cols * (size_t)c->rows;
    for (size_t i = 0; i < n; i++)
        c->cells[i] = blank;
    c->cursor_row = c->cursor_col = -1;
}

Cell *canvas_row(const Canvas *c, int row)
{
    return row < 0 || row >= c->rows ? NULL : c->cells + (size_t)row * (size_t)c->cols;
}

/* Before cells from col on are written: a wide character whose left half stays loses it. */
static void cut_left(Cell *cells, int col)
{
    if (col > 0 && !cells[col].width) {
        cells[col - 1] = (Cell){" ", 1, cells[col - 1].role};
        cells[col] = (Cell){" ", 1, cells[col].role};
    }
}

/* After cells up to col (not included) were written: the same for a right half that stays. */
static void cut_right(Cell *cells, int col, int cols)
{
    if (col < cols && !cells[col].width)
        cells[col] = (Cell){" ", 1, cells[col].role};
}

static void put_spaces(const Canvas *c, Cell *cells, int from, int to, Role role)
{
    for (int i = from < 0 ? 0 : from; i < to && i < c->cols; i++)
        cells[i] = (Cell){" ", 1, (uint8_t)role};
}

/* Writes a glyph whose first column is col, known to end on the canvas; a part left of it becomes spaces. */
static void put_glyph(const Canvas *c, Cell *cells, int col, Role role, const Glyph *g)
{
    if (col < 0) {
        put_spaces(c, cells, 0, col + g->width, role);
        return;
    }
    if (!g->cell) { /* an ASCII text */
        for (int i = 0; i < g->width; i++)
            cells[col + i] = (Cell){{g->text[i]}, 1, (uint8_t)role};
        return;
    }
    cells[col] = (Cell){"", g->width, (uint8_t)role};
    memcpy(cells[col].text, g->text, CELL_TEXT_MAX);
    if (g->width == 2)
        cells[col + 1] = (Cell){"", 0, (uint8_t)role};
}

/* How many characters at the start of n bytes are printable ASCII, each a cell: the last one not where a mark
 * may follow that combines with it. */
static int ascii_run(const char *s, size_t n, int most)
{
    size_t run = 0, limit = n < (size_t)most ? n : (size_t)most;
    while (run < limit && (unsigned char)(s[run] - 0x20) < 0x5f)
        run++;
    if (run && run < n && (unsigned char)s[run] >= 0x80)
        run--;
    return (int)run;
}

/* canvas_put for n bytes. */
static int put(Canvas *c, int row, int col, int columns, Role role, const char *s, size_t n)
{
    if (columns <= 0 || col >= c->cols || !n)
        return 0;
    int limit = col > c->cols - columns ? c->cols - col : columns;
    Cell *cells = canvas_row(c, row);
    if (cells)
        cut_left(cells, col < 0 ? 0 : col);
    int used = 0;
    while (n && used < limit) {
        int run = ascii_run(s, n, limit - used);
        if (run) {
            for (int i = col + used < 0 ? -(col + used) : 0; cells && i < run; i++)
                cells[col + used + i] = (Cell){{s[i]}, 1, (uint8_t)role};
            used += run;
            s += run;
            n -= (size_t)run;
            continue;
        }
        Glyph g;
        size_t bytes = glyph_next(s, n, c->ascii, &g);
        if (used + g.width > limit) {
            if (cells)
                put_spaces(c, cells, col + used, col + limit, role);
            used = limit;
            break;
        }
        if (cells && col + used + g.width > 0)
            put_glyph(c, cells, col + used, role, &g);
        used += g.width;
        s += bytes;
        n -= bytes;
    }
    if (cells && col + used >= 0)
        cut_right(cells, col + used, c->cols);
    return used;
}

int canvas_put(Canvas *c, int row, int col, int columns, Role role, const char *text)
{
    return put(c, row, col, columns, role, text, strlen(text));
}

int canvas_printf(Canvas *c, int row, int col, int columns, Role role, const char *format, ...)
{
    char text[4 * SIZE_MAX_ + 1]; /* a row of the widest canvas */
    va_list args;
    va_start(args, format);
    int n = vsnprintf(text, sizeof text, format, args);
    va_end(args);
    return n < 0 ? 0 : canvas_put(c, row, col, columns, role, text);
}

/* Columns of n bytes of text; stops counting once there are more than `enough`. */
static int width_of(const Canvas *c, const char *s, size_t n, int enough)
{
    int width = 0;
    while (n && width <= enough) {
        int run = ascii_run(s, n, enough - width + 1);
        size_t bytes = (size_t)run;
        if (!run) {
            Glyph g;
            bytes = glyph_next(s, n, c->ascii, &g);
            run = g.width;
        }
        width += run;
        s += bytes;
        n -= bytes;
    }
    return width;
}

int canvas_text_width(const Canvas *c, const char *text)
{
    return width_of(c, text, strlen(text), INT32_MAX - UINT8_MAX);
}

int canvas_put_cut(Canvas *c, int row, int col, int columns, Role role, const char *text)
{
    if (columns <= 0 || col >= c->cols)
        return 0;
    if (col > c->cols - columns)
        columns = c->cols - col;
    size_t n = strlen(text);
    if (width_of(c, text, n, columns) <= columns)
        return put(c, row, col, columns, role, text, n);
    int used = put(c, row, col, columns - 1, role, text, n);
    return used + canvas_put(c, row, col + used, 1, role, "…");
}

/* Text cut to the columns, the free columns before it (or half of them), filled with spaces. */
static int put_aligned(Canvas *c, int row, int col, int columns, Role role, const char *text, bool center)
{
    if (columns <= 0)
        return 0;
    size_t n = strlen(text);
    int width = width_of(c, text, n, columns);
    int free_columns = width < columns ? columns - width : 0, before = center ? free_columns / 2 : free_columns;
    Cell *cells = canvas_row(c, row);
    if (cells && col < c->cols && col > -columns) {
        int left = col < 0 ? 0 : col, right = columns > c->cols - col ? c->cols : col + columns;
        cut_left(cells, left);
        cut_right(cells, right, c->cols);
        put_spaces(c, cells, col, col + before, role);
        put_spaces(c, cells, col + before + width, right, role);
    }
    if (width <= columns)
        put(c, row, col + before, columns - before, role, text, n);
    else
        canvas_put_cut(c, row, col, columns, role, text);
    return columns;
}

int canvas_put_span(Canvas *c, int row, int col, int columns, size_t first, size_t seen, size_t count)
{
    char text[72];
    if (seen >= count)
        return 0;
    if (seen > 1)
        snprintf(text, sizeof text, " %zu–%zu / %zu", first + 1, first + seen, count);
    else
        snprintf(text, sizeof text, " %zu / %zu", first + 1, count);
    int width = canvas_text_width(c, text), at = col + columns - width;
    const Cell *cells = canvas_row(c, row);
    for (int i = at; cells && i > 0 && i < col + columns && i < c->cols; i++)
        if (cells[i].width && strcmp(cells[i].text, " ") != 0) { /* a heading that goes on below it is seen to be cut */
            canvas_put(c, row, at - 1, 1, (Role)cells[at - 1].role, "…");
            break;
        }
    return canvas_put(c, row, at, width, ROLE_DIM, text);
}

int canvas_put_right(Canvas *c, int row, int col, int columns, Role role, const char *text)
{
    return put_aligned(c, row, col, columns, role, text, false);
}

int canvas_put_center(Canvas *c, int row, int col, int columns, Role role, const char *text)
{
    return put_aligned(c, row, col, columns, role, text, true);
}

/* Punctuation that does not begin a line, and that does not end one. */
static bool is_closing(int32_t c)
{
    static const int32_t closing[] = {0x2019, 0x201d, 0x2026, 0x3001, 0x3002, 0x3009, 0x300b, 0x300d, 0x300f, 0x3011, 0x3015, 0x30fb,
                                      0x30fc, 0xff01, 0xff05, 0xff09, 0xff0c, 0xff0e, 0xff1a, 0xff1b, 0xff1f, 0xff3d, 0xff5d, 0xff5e};
    for (size_t i = 0; i < sizeof closing / sizeof *closing; i++)
        if (closing[i] == c)
            return true;
    return c < 0x80 && c > 0 && strchr("!),.:;?]}%", c);
}

static bool is_opening(int32_t c)
{
    static const int32_t opening[] = {0x2018, 0x201c, 0x3008, 0x300a, 0x300c, 0x300e, 0x3010, 0x3014, 0xff08, 0xff3b, 0xff5b};
    for (size_t i = 0; i < sizeof opening / sizeof *opening; i++)
        if (opening[i] == c)
            return true;
    return false;
}

static bool is_cjk(int32_t c)
{
    return c >= 0x2e80 && text_char_width(c) == 2;
}

size_t canvas_break_line(const Canvas *c, const char *s, size_t n, int columns, size_t *next)
{
    size_t at = 0, line = 0;
    int width = 0;
    int32_t before = 0;
    bool may_break = false; /* line and *next say where */
    while (at < n) {
        if (s[at] == '\n') {
            *next = at + 1;
            return at;
        }
        Glyph g;
        size_t bytes = glyph_next(s + at, n - at, c->ascii, &g);
        if (g.code == ' ') {
            if (before != ' ' && at) {
                line = at;
                may_break = true;
            }
            if (may_break)
                *next = at + bytes;
        } else if (before && before != ' ' && (is_cjk(g.code) || is_cjk(before)) && !is_closing(g.code) && !is_opening(before)) {
            line = *next = at;
            may_break = true;
        }
        if (width + g.width > columns && g.code != ' ') {
            if (may_break)
                return line;
            if (!at)
                at = bytes; /* wider than the box: taken alone, shown as spaces */
            *next = at;
            return at;
        }
        width += g.width;
        before = g.code;
        at += bytes;
    }
    *next = n;
    return n;
}

int canvas_put_wrapped(Canvas *c, int row, int col, int columns, int rows, Role role, const char *text)
{
    if (columns <= 0 || rows <= 0)
        return 0;
    size_t n = strlen(text);
    int taken = 0;
    while (n) {
        size_t next = 0, bytes = canvas_break_line(c, text, n, columns, &next);
        if (taken == rows - 1 && next < n) { /* no room for the rest */
            int used = width_of(c, text, bytes, columns);
            put(c, row + taken, col, columns, role, text, bytes);
            canvas_put(c, row + taken, col + (used < columns ? used : columns - 1), 1, role, "…");
            return rows;
        }
        put(c, row + taken, col, columns, role, text, bytes);
        taken++;
        text += next;
        n -= next;
    }
    return taken;
}

/* Clips a rectangle to the canvas; false when nothing is left. */
static bool clip(const Canvas *c, int *row, int *col, int *columns, int *rows)
{
    int64_t right = (int64_t)*col + *columns, bottom = (int64_t)*row + *rows;
    if (*col < 0)
        *col = 0;
    if (*row < 0)
        *row = 0;
    *columns = (int)((right < c->cols ? right : c->cols) - *col);
    *rows = (int)((bottom < c->rows ? bottom : c->rows) - *row);
    return *columns > 0 && *rows > 0;
}

void canvas_fill(Canvas *c, int row, int col, int columns, int rows, Role role, const char *text)
{
    if (!clip(c, &row, &col, &columns, &rows))
        return;
    Cell cell = {" ", 1, (uint8_t)role};
    Glyph g;
    if (*text && glyph_next(text, strlen(text), c->ascii, &g) && g.width == 1)
        memcpy(cell.text, g.text, CELL_TEXT_MAX);
    else if (*text && !g.cell)
        cell.text[0] = g.text[0]; /* an equivalent of several columns: its first */
    for (int r = row; r < row + rows; r++) {
        Cell *cells = canvas_row(c, r);
        cut_left(cells, col);
        for (int i = col; i < col + columns; i++)
            cells[i] = cell;
        cut_right(cells, col + columns, c->cols);
    }
}

void canvas_restyle(Canvas *c, int row, int col, int columns, int rows, Role role)
{
    if (!clip(c, &row, &col, &columns, &rows))
        return;
    for (int r = row; r < row + rows; r++) {
        Cell *cells = canvas_row(c, r);
        /* A wide character has one role: that of its left half. */
        int from = cells[col].width ? col : col + 1, to = col + columns;
        if (to < c->cols && !cells[to].width)
            to++;
        for (int i = from; i < to; i++)
            cells[i].role = (uint8_t)role;
    }
}
