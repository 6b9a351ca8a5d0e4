/* ansi.c - a canvas as text with SGR sequences (ECMA-48, with the 24-bit colours of ISO 8613-6 as xterm writes
 * them). Every change of style is a whole one, so that a part of the output can be cut out and still looks right. */
#include "term/term.h"

#include <string.h>

static bool is_plain(const Style *s)
{
    return s->fg < 0 && s->bg < 0 && !s->bold && !s->dim && !s->underline && !s->reverse;
}

static void add_color(Buffer *out, int layer, int32_t color)
{
    if (color >= 0)
        buffer_printf(out, ";%d;2;%d;%d;%d", layer, (int)(color >> 16), (int)(color >> 8 & 255), (int)(color & 255));
}

static void add_style(Buffer *out, const Style *s)
{
    buffer_puts(out, "\033[0");
    if (s->bold)
        buffer_puts(out, ";1");
    if (s->dim)
        buffer_puts(out, ";2");
    if (s->underline)
        buffer_puts(out, ";4");
    if (s->reverse)
        buffer_puts(out, ";7");
    add_color(out, 38, s->fg);
    add_color(out, 48, s->bg);
    buffer_putc(out, 'm');
}

void canvas_write_ansi(const Canvas *c, Theme theme, bool color, Buffer *out)
{
    if (!color) {
        canvas_write_text(c, out);
        return;
    }
    for (int row = 0; row < c->rows; row++) {
        const Cell *cells = canvas_row(c, row);
        int end = c->cols;
        for (; end > 0 && !strcmp(cells[end - 1].text, " "); end--) {
            const Style *s = theme_style(theme, (Role)cells[end - 1].role);
            if (s->bg >= 0 || s->underline || s->reverse)
                break;
        }
        const Style *on = theme_style(THEME_MONO, ROLE_TEXT);
        for (int col = 0; col < end; col++) {
            const Style *s = theme_style(theme, (Role)cells[col].role);
            if (s != on && cells[col].width && !(is_plain(s) && is_plain(on)))
                add_style(out, s);
            if (cells[col].width)
                on = s;
            buffer_puts(out, cells[col].text);
        }
        if (!is_plain(on))
            buffer_puts(out, "\033[0m");
        buffer_putc(out, '\n');
    }
}
