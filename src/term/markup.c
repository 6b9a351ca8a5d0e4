/* markup.c - colours and escapes of the writers for browsers. */
#include "term/markup.h"

#include "base/text.h"

#include <string.h>

void markup_page(Theme theme, bool color, int32_t *fg, int32_t *bg)
{
    theme_page(color ? theme : THEME_MONO, fg, bg);
}

Ink markup_ink(Theme theme, bool color, Role role)
{
    const Style *s = theme_style(color ? theme : THEME_MONO, role);
    int32_t fg, bg;
    markup_page(theme, color, &fg, &bg);
    Ink ink = {.fg = s->fg < 0 ? fg : s->fg, .bg = s->bg, .bold = s->bold, .dim = s->dim, .underline = s->underline};
    if (s->reverse) {
        int32_t swap = ink.fg;
        ink.fg = ink.bg < 0 ? bg : ink.bg;
        ink.bg = swap;
    }
    return ink;
}

static bool is_allowed(int32_t c)
{
    return c == '\t' || c == '\n' || c == '\r' || (c >= 0x20 && c <= 0xd7ff) || (c >= 0xe000 && c <= 0xfffd) || c >= 0x10000;
}

void markup_escape(Buffer *out, const char *text, size_t n)
{
    while (n) {
        int32_t c;
        size_t used = text_decode(text, n, &c);
        if (c == '<')
            buffer_puts(out, "&lt;");
        else if (c == '>')
            buffer_puts(out, "&gt;");
        else if (c == '&')
            buffer_puts(out, "&amp;");
        else if (c == '"')
            buffer_puts(out, "&quot;");
        else if (c == 0xfffd && used == 1)
            buffer_puts(out, "\xef\xbf\xbd"); /* was not UTF-8 */
        else if (is_allowed(c))
            buffer_add(out, text, used);
        text += used;
        n -= used;
    }
}

bool markup_is_common(const Cell *cell)
{
    unsigned char first = (unsigned char)cell->text[0];
    if (first < 0x80)
        return !cell->text[1];
    return first < 0xd6 && !cell->text[2] && cell->width == 1; /* Latin, Greek, Cyrillic: below U+0580 */
}
