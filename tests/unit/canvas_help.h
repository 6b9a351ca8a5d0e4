/* canvas_help.h - what the tests of canvases share: rows as text, and what must hold of any canvas. */
#ifndef TESTS_CANVAS_HELP_H
#define TESTS_CANVAS_HELP_H

#include "base/buffer.h"
#include "base/text.h"
#include "view/canvas.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

static inline Canvas new_canvas(int cols, int rows, bool ascii)
{
    Canvas c;
    Error e;
    cr_assert_eq(canvas_init(&c, cols, rows, ascii, &e), 0, "%s", e.text);
    return c;
}

/* A row with a '_' for every space that is not in ROLE_TEXT, in memory the caller frees. */
static inline char *row_text(const Canvas *c, int row)
{
    Buffer b = {0};
    for (int col = 0; col < c->cols; col++) {
        const Cell *cell = canvas_row(c, row) + col;
        buffer_puts(&b, !strcmp(cell->text, " ") && cell->role != ROLE_TEXT ? "_" : cell->text);
    }
    char *text = strdup(buffer_text(&b));
    buffer_free(&b);
    return text;
}

/* Every cell is whole: text, width and neighbour agree, unused bytes are zero. */
static inline void check_cells(const Canvas *c, const char *after)
{
    for (int row = 0; row < c->rows; row++) {
        const Cell *cells = canvas_row(c, row);
        for (int col = 0; col < c->cols; col++) {
            const Cell *cell = &cells[col];
            size_t n = strlen(cell->text);
            cr_assert_lt(n, CELL_TEXT_MAX, "%s: row %d column %d is not ended", after, row, col);
            for (size_t i = n; i < CELL_TEXT_MAX; i++)
                cr_assert_eq(cell->text[i], 0, "%s: row %d column %d has bytes after its text", after, row, col);
            cr_assert(text_is_valid(cell->text, n), "%s: row %d column %d is not UTF-8", after, row, col);
            cr_assert_lt(cell->role, ROLE_COUNT);
            cr_assert_eq(text_width(cell->text), cell->width, "%s: row %d column %d: '%s' has width %d", after, row, col, cell->text,
                         cell->width);
            if (cell->width == 2)
                cr_assert(col + 1 < c->cols && !cells[col + 1].width, "%s: row %d column %d: half a wide character", after, row, col);
            if (!cell->width)
                cr_assert(col > 0 && cells[col - 1].width == 2, "%s: row %d column %d: a right half alone", after, row, col);
            if (c->ascii)
                cr_assert(n == 1 && cell->text[0] >= 0x20 && cell->text[0] < 0x7f, "%s: row %d column %d: '%s' in ASCII", after, row, col,
                          cell->text);
        }
    }
}

#endif
