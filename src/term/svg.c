/* svg.c - a canvas as a picture.
 *
 * Text is text (it can be searched and copied), placed so that columns hold whatever the font: runs of common
 * characters get a textLength, everything else its own position. Box lines and blocks are drawn, not written,
 * so that they join. Numbers are written in hundredths by hand: printf's decimal point depends on the locale. */
#include "term/term.h"

#include "term/markup.h"
#include "view/glyph.h"

#include <string.h>

/* In hundredths of a pixel. A column is 0.602 of the font's size, as in DejaVu Sans Mono and Menlo. */
enum { FONT_PX = 14, COLUMN = 843, ROW = 1800, BASELINE = 1340, PADDING = 1400, CORNER_PX = 8, LINE_PX = 1 };

typedef struct Svg {
    const Canvas *c;
    Theme theme;
    bool color;
    Buffer *out;
} Svg;

static int x_of(int col)
{
    return PADDING + col * COLUMN;
}

static int y_of(int row)
{
    return PADDING + row * ROW;
}

/* NAME="12.34" with a space before it. */
static void add_length(Buffer *out, const char *name, int hundredths)
{
    buffer_printf(out, " %s=\"%d", name, hundredths / 100);
    if (hundredths % 100)
        buffer_printf(out, ".%02d", hundredths % 100);
    buffer_putc(out, '"');
}

static void add_point(Buffer *out, const char *command, int hundredths)
{
    buffer_printf(out, "%s%d.%02d", command, hundredths / 100, hundredths % 100);
}

static void add_rect(Svg *s, int x, int y, int width, int height, int32_t fill, int percent)
{
    buffer_puts(s->out, "<rect");
    add_length(s->out, "x", x);
    add_length(s->out, "y", y);
    add_length(s->out, "width", width);
    add_length(s->out, "height", height);
    buffer_printf(s->out, " fill=\"#%06x\"", (unsigned)fill);
    if (percent < 100)
        buffer_printf(s->out, " fill-opacity=\".%02d\"", percent);
    buffer_puts(s->out, "/>\n");
}

/* ---- backgrounds ---- */

static void add_backgrounds(Svg *s)
{
    for (int row = 0; row < s->c->rows; row++) {
        const Cell *cells = canvas_row(s->c, row);
        for (int col = 0, end; col < s->c->cols; col = end) {
            int32_t bg = markup_ink(s->theme, s->color, (Role)cells[col].role).bg;
            for (end = col + 1; end < s->c->cols && markup_ink(s->theme, s->color, (Role)cells[end].role).bg == bg; end++)
                ;
            if (bg >= 0)
                add_rect(s, x_of(col), y_of(row), (end - col) * COLUMN, ROW, bg, 100);
        }
    }
}

/* ---- lines ---- */

static int lines_at(const Svg *s, int row, int col, int role)
{
    if (row < 0 || row >= s->c->rows || col < 0 || col >= s->c->cols)
        return 0;
    const Cell *cell = canvas_row(s->c, row) + col;
    return cell->role == role ? glyph_lines(cell->text) : 0;
}

/* All lines of a role in one path: along each row, then down each column. */
static void add_lines(Svg *s, int role)
{
    Buffer path = {0};
    for (int row = 0; row < s->c->rows; row++) {
        for (int col = 0; col < s->c->cols; col++) {
            int lines = lines_at(s, row, col, role);
            if (!(lines & (LINE_LEFT | LINE_RIGHT)))
                continue;
            int from = x_of(col) + (lines & LINE_LEFT ? 0 : COLUMN / 2), end = col;
            while (lines_at(s, row, end, role) & LINE_RIGHT && lines_at(s, row, end + 1, role) & LINE_LEFT)
                end++;
            int to = x_of(end) + (lines_at(s, row, end, role) & LINE_RIGHT ? COLUMN : COLUMN / 2);
            add_point(&path, "M", from);
            add_point(&path, " ", y_of(row) + ROW / 2);
            add_point(&path, "H", to);
            col = end;
        }
    }
    for (int col = 0; col < s->c->cols; col++) {
        for (int row = 0; row < s->c->rows; row++) {
            int lines = lines_at(s, row, col, role);
            if (!(lines & (LINE_UP | LINE_DOWN)))
                continue;
            int from = y_of(row) + (lines & LINE_UP ? 0 : ROW / 2), end = row;
            while (lines_at(s, end, col, role) & LINE_DOWN && lines_at(s, end + 1, col, role) & LINE_UP)
                end++;
            int to = y_of(end) + (lines_at(s, end, col, role) & LINE_DOWN ? ROW : ROW / 2);
            add_point(&path, "M", x_of(col) + COLUMN / 2);
            add_point(&path, " ", from);
            add_point(&path, "V", to);
            row = end;
        }
    }
    if (path.len)
        buffer_printf(s->out, "<path d=\"%s\" fill=\"none\" stroke=\"#%06x\" stroke-width=\"%d\"/>\n", path.data,
                      (unsigned)markup_ink(s->theme, s->color, (Role)role).fg, LINE_PX);
    s->out->failed = s->out->failed || path.failed;
    buffer_free(&path);
}

/* ---- blocks ---- */

/* A block character as a part of its cell, in hundredths, and how dense it is, in percent; false for any other text. */
static bool block_of(const char *text, int *x, int *y, int *width, int *height, int *percent)
{
    Glyph g;
    if (strncmp(text, "\xe2\x96", 2) != 0 || glyph_next(text, strlen(text), false, &g) != 3 || text[3])
        return false;
    *x = *y = 0;
    *width = COLUMN;
    *height = ROW;
    *percent = 100;
    if (g.code == 0x2580) { /* ▀ */
        *height = ROW / 2;
    } else if (g.code >= 0x2581 && g.code <= 0x2588) { /* ▁ … █ */
        *height = ROW * (g.code - 0x2580) / 8;
        *y = ROW - *height;
    } else if (g.code >= 0x2589 && g.code <= 0x258f) { /* ▉ … ▏ */
        *width = COLUMN * (0x2590 - g.code) / 8;
    } else if (g.code == 0x2590) { /* ▐ */
        *x = *width = COLUMN / 2;
    } else if (g.code >= 0x2591 && g.code <= 0x2593) { /* ░ ▒ ▓ */
        *percent = 25 * (g.code - 0x2590);
    } else {
        return false;
    }
    return true;
}

static void add_blocks(Svg *s)
{
    for (int row = 0; row < s->c->rows; row++) {
        const Cell *cells = canvas_row(s->c, row);
        for (int col = 0, end; col < s->c->cols; col = end) {
            int x, y, width, height, percent;
            end = col + 1;
            if (!block_of(cells[col].text, &x, &y, &width, &height, &percent))
                continue;
            while (width == COLUMN && end < s->c->cols && cells[end].role == cells[col].role && !strcmp(cells[end].text, cells[col].text))
                end++;
            add_rect(s, x_of(col) + x, y_of(row) + y, (end - col - 1) * COLUMN + width, height,
                     markup_ink(s->theme, s->color, (Role)cells[col].role).fg, percent);
        }
    }
}

/* ---- text ---- */

static bool is_drawn(const Cell *cell)
{
    int unused[5];
    return glyph_lines(cell->text) || block_of(cell->text, unused, unused + 1, unused + 2, unused + 3, unused + 4);
}

static bool is_space(const Cell *cell)
{
    return cell->text[0] == ' ' && !cell->text[1];
}

/* The cells from col on that are placed together; 0 where there is nothing to write. */
static int segment_length(const Cell *cells, int col, int cols)
{
    if (!cells[col].width || is_space(&cells[col]) || is_drawn(&cells[col]))
        return 0;
    if (!markup_is_common(&cells[col]))
        return cells[col].width;
    int end = col + 1;
    while (end < cols && cells[end].role == cells[col].role && markup_is_common(&cells[end]) &&
           !(is_space(&cells[end]) && (end + 1 == cols || !markup_is_common(&cells[end + 1]) || is_space(&cells[end + 1]) ||
                                       cells[end + 1].role != cells[col].role)))
        end++;
    return end - col;
}

static void add_segment(Svg *s, const Cell *cells, int col, int length)
{
    bool wide = cells[col].width == 2;
    add_length(s->out, "x", x_of(col) + (wide ? (2 * COLUMN - 100 * FONT_PX) / 2 : 0));
    if (!wide) {
        add_length(s->out, "textLength", length * COLUMN);
        buffer_puts(s->out, " lengthAdjust=\"spacingAndGlyphs\"");
    }
    buffer_putc(s->out, '>');
    for (int i = col; i < col + length; i++)
        markup_escape(s->out, cells[i].text, strlen(cells[i].text));
}

/* One <text> for the segments of one style that follow each other in a row. */
static void add_texts(Svg *s, int row)
{
    const Cell *cells = canvas_row(s->c, row);
    int cols = s->c->cols;
    for (int col = 0; col < cols;) {
        int length = segment_length(cells, col, cols);
        if (!length) {
            col++;
            continue;
        }
        int role = cells[col].role, next = col + length;
        Ink ink = markup_ink(s->theme, s->color, (Role)role);
        buffer_puts(s->out, "<text");
        add_length(s->out, "y", y_of(row) + BASELINE);
        buffer_printf(s->out, " fill=\"#%06x\"%s%s", (unsigned)ink.fg, ink.bold ? " font-weight=\"bold\"" : "",
                      ink.dim ? " fill-opacity=\".6\"" : "");
        bool several = next < cols && cells[next].role == role && segment_length(cells, next, cols);
        if (!several) {
            add_segment(s, cells, col, length);
            col = next;
        } else {
            buffer_putc(s->out, '>');
            for (; col < cols && cells[col].role == role && (length = segment_length(cells, col, cols)) > 0; col += length) {
                buffer_puts(s->out, "<tspan");
                add_segment(s, cells, col, length);
                buffer_puts(s->out, "</tspan>");
            }
        }
        buffer_puts(s->out, "</text>\n");
    }
}

static void add_underlines(Svg *s, int row)
{
    const Cell *cells = canvas_row(s->c, row);
    for (int col = 0, end; col < s->c->cols; col = end) {
        Ink ink = markup_ink(s->theme, s->color, (Role)cells[col].role);
        for (end = col + 1; end < s->c->cols && cells[end].role == cells[col].role; end++)
            ;
        int from = col, to = end; /* without the spaces around */
        while (from < to && is_space(&cells[from]))
            from++;
        while (to > from && is_space(&cells[to - 1]))
            to--;
        if (ink.underline && from < to)
            add_rect(s, x_of(from), y_of(row) + BASELINE + 200, (to - from) * COLUMN, 100, ink.fg, 100);
    }
}

void canvas_write_svg(const Canvas *c, Theme theme, bool color, const char *title, Buffer *out)
{
    Svg s = {.c = c, .theme = theme, .color = color, .out = out};
    int32_t fg, bg;
    markup_page(theme, color, &fg, &bg);
    int width = (2 * PADDING + c->cols * COLUMN + 99) / 100, height = (2 * PADDING + c->rows * ROW + 99) / 100;
    buffer_printf(out, "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%d\" height=\"%d\" viewBox=\"0 0 %d %d\" ", width, height, width,
                  height);
    buffer_printf(out, "font-family=\"%s\" font-size=\"%d\" xml:space=\"preserve\">\n<title>", MARKUP_FONTS, FONT_PX);
    markup_escape(out, title ? title : "", title ? strlen(title) : 0);
    buffer_printf(out, "</title>\n<rect width=\"%d\" height=\"%d\" rx=\"%d\" fill=\"#%06x\"/>\n", width, height, CORNER_PX, (unsigned)bg);
    buffer_puts(out, "<g shape-rendering=\"crispEdges\">\n");
    add_backgrounds(&s);
    add_blocks(&s);
    for (int role = 0; role < ROLE_COUNT; role++)
        add_lines(&s, role);
    for (int row = 0; row < c->rows; row++)
        add_underlines(&s, row);
    if (c->cursor_row >= 0 && c->cursor_row < c->rows && c->cursor_col >= 0 && c->cursor_col < c->cols)
        add_rect(&s, x_of(c->cursor_col), y_of(c->cursor_row), 200, ROW, fg, 100);
    buffer_puts(out, "</g>\n");
    for (int row = 0; row < c->rows; row++)
        add_texts(&s, row);
    buffer_puts(out, "</svg>\n");
}
