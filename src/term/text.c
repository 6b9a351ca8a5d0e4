/* text.c - a canvas as plain text. Knows no colours. */
#include "term/term.h"

#include <string.h>

void canvas_write_text(const Canvas *c, Buffer *out)
{
    for (int row = 0; row < c->rows; row++) {
        const Cell *cells = canvas_row(c, row);
        int end = c->cols;
        while (end > 0 && !strcmp(cells[end - 1].text, " "))
            end--;
        for (int col = 0; col < end; col++)
            buffer_puts(out, cells[col].text); /* nothing for the right half of a wide character */
        buffer_putc(out, '\n');
    }
}
