/* canvas_lines.c - lines and frames, joined where they meet. */
#include "view/canvas.h"

#include "view/glyph.h"

#include <string.h>

/* Adds line sides to a cell, joining the line it holds. */
static void put_lines(Canvas *c, int row, int col, int lines, Role role)
{
    Cell *cells = canvas_row(c, row);
    if (!cells || col < 0 || col >= c->cols)
        return;
    int old;
    if (!c->ascii)
        old = glyph_lines(cells[col].text);
    else /* a minus sign of the text is no line */
        old = cells[col].role == role || cells[col].role == ROLE_BORDER ? glyph_ascii_lines(cells[col].text) : 0;
    const char *text = glyph_of_lines(old | lines, c->ascii);
    if (cells[col].width != 1) { /* half of a wide character: canvas_put takes care of the other half */
        canvas_put(c, row, col, 1, role, text);
        return;
    }
    cells[col] = (Cell){"", 1, (uint8_t)role};
    memcpy(cells[col].text, text, strlen(text));
}

/* The sides a line's first or last cell gets: only inwards where it meets another line. */
static int end_lines(const Canvas *c, int row, int col, int inward, int whole)
{
    const Cell *cells = canvas_row(c, row);
    if (!cells || col < 0 || col >= c->cols)
        return whole;
    return (c->ascii ? glyph_ascii_lines(cells[col].text) : glyph_lines(cells[col].text)) ? inward : whole;
}

/* A line that ends right beside another one across its way, of the same role, is joined to it. */
static void join_neighbour(Canvas *c, int row, int col, int across, int side, Role role)
{
    const Cell *cells = canvas_row(c, row);
    if (!cells || col < 0 || col >= c->cols || cells[col].role != role)
        return;
    int lines = c->ascii ? glyph_ascii_lines(cells[col].text) : glyph_lines(cells[col].text);
    if ((lines & across) == across)
        put_lines(c, row, col, side, role);
}

void canvas_vline(Canvas *c, int row, int col, int rows, Role role)
{
    const int whole = LINE_UP | LINE_DOWN;
    int last = row + rows - 1;
    for (int r = row < 0 ? 0 : row; r <= last && r < c->rows; r++)
        put_lines(c, r, col,
                  rows > 1 && r == row    ? end_lines(c, r, col, LINE_DOWN, whole)
                  : rows > 1 && r == last ? end_lines(c, r, col, LINE_UP, whole)
                                          : whole,
                  role);
    if (rows > 0) {
        join_neighbour(c, row - 1, col, LINE_LEFT | LINE_RIGHT, LINE_DOWN, role);
        join_neighbour(c, last + 1, col, LINE_LEFT | LINE_RIGHT, LINE_UP, role);
    }
}

void canvas_hline(Canvas *c, int row, int col, int columns, Role role)
{
    const int whole = LINE_LEFT | LINE_RIGHT;
    int last = col + columns - 1;
    for (int i = col < 0 ? 0 : col; i <= last && i < c->cols; i++)
        put_lines(c, row, i,
                  columns > 1 && i == col    ? end_lines(c, row, i, LINE_RIGHT, whole)
                  : columns > 1 && i == last ? end_lines(c, row, i, LINE_LEFT, whole)
                                             : whole,
                  role);
    if (columns > 0) {
        join_neighbour(c, row, col - 1, LINE_UP | LINE_DOWN, LINE_RIGHT, role);
        join_neighbour(c, row, last + 1, LINE_UP | LINE_DOWN, LINE_LEFT, role);
    }
}

void canvas_box(Canvas *c, int row, int col, int columns, int rows, Role role, const char *title)
{
    if (columns < 2 || rows < 2)
        return;
    int right = col + columns - 1, bottom = row + rows - 1;
    put_lines(c, row, col, LINE_DOWN | LINE_RIGHT, role);
    put_lines(c, row, right, LINE_DOWN | LINE_LEFT, role);
    put_lines(c, bottom, col, LINE_UP | LINE_RIGHT, role);
    put_lines(c, bottom, right, LINE_UP | LINE_LEFT, role);
    for (int i = col + 1; i < right && i < c->cols; i++) {
        put_lines(c, row, i, LINE_LEFT | LINE_RIGHT, role);
        put_lines(c, bottom, i, LINE_LEFT | LINE_RIGHT, role);
    }
    for (int r = row + 1; r < bottom && r < c->rows; r++) {
        put_lines(c, r, col, LINE_UP | LINE_DOWN, role);
        put_lines(c, r, right, LINE_UP | LINE_DOWN, role);
    }
    if (title && *title && columns > 5) {
        Role title_role = role == ROLE_BORDER ? ROLE_HEADING : role;
        int used = canvas_put(c, row, col + 1, 1, title_role, " ");
        used += canvas_put_cut(c, row, col + 2, columns - 4, title_role, title);
        canvas_put(c, row, col + 1 + used, 1, title_role, " ");
    }
}
