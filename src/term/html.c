/* html.c - a canvas as a page with one <pre>. Characters that come from another font than the common ones get a box of their
 * columns, so that what follows holds its place. */
#include "term/term.h"

#include "term/markup.h"

#include <string.h>

static const char before_title[] = "<!DOCTYPE html>\n<html>\n<head>\n<meta charset=\"utf-8\">\n"
                                   "<meta name=\"viewport\" content=\"width=device-width\">\n<title>";

static void add_rule(Buffer *out, int role, const Ink *ink)
{
    buffer_printf(out, ".r%d{color:#%06x", role, (unsigned)ink->fg);
    if (ink->bg >= 0)
        buffer_printf(out, ";background:#%06x", (unsigned)ink->bg);
    if (ink->bold)
        buffer_puts(out, ";font-weight:bold");
    if (ink->dim)
        buffer_puts(out, ";opacity:.6");
    if (ink->underline)
        buffer_puts(out, ";text-decoration:underline");
    buffer_puts(out, "}\n");
}

static void add_cell(Buffer *out, const Cell *cell)
{
    const unsigned char *s = (const unsigned char *)cell->text;
    /* Box lines and blocks (U+2500 … U+259F) are in every monospaced font, and must touch. */
    bool line = s[0] == 0xe2 && s[1] >= 0x94 && s[1] <= 0x96;
    bool boxed = !markup_is_common(cell) && !line && cell->width;
    if (boxed)
        buffer_puts(out, cell->width == 2 ? "<i class=\"w\">" : "<i>");
    markup_escape(out, cell->text, strlen(cell->text));
    if (boxed)
        buffer_puts(out, "</i>");
}

void canvas_write_html(const Canvas *c, Theme theme, bool color, const char *title, Buffer *out)
{
    int32_t fg, bg;
    markup_page(theme, color, &fg, &bg);
    buffer_puts(out, before_title);
    markup_escape(out, title ? title : "", title ? strlen(title) : 0);
    buffer_puts(out, "</title>\n<style>\n");
    buffer_printf(out, "body{margin:0;background:#%06x}\n", (unsigned)bg);
    buffer_printf(out, "pre{margin:0;padding:14px;color:#%06x;font:14px/1.16 %s}\n", (unsigned)fg, MARKUP_FONTS);
    buffer_puts(out,
                "i{display:inline-block;width:1ch;font-style:normal;line-height:1;text-align:center;white-space:pre}\n.w{width:2ch}\n");
    bool used[ROLE_COUNT] = {false};
    for (int i = 0; i < c->cols * c->rows; i++)
        if (c->cells[i].role < ROLE_COUNT)
            used[c->cells[i].role] = true;
    for (int role = ROLE_TEXT + 1; role < ROLE_COUNT; role++) {
        Ink ink = markup_ink(theme, color, (Role)role);
        if (used[role])
            add_rule(out, role, &ink);
    }
    buffer_puts(out, "</style>\n</head>\n<body>\n<pre>\n");
    for (int row = 0; row < c->rows; row++) {
        const Cell *cells = canvas_row(c, row);
        for (int col = 0, end; col < c->cols; col = end) {
            int role = cells[col].role;
            for (end = col + 1; end < c->cols && (cells[end].role == role || !cells[end].width); end++)
                ;
            bool styled = role > ROLE_TEXT && role < ROLE_COUNT;
            if (styled)
                buffer_printf(out, "<span class=\"r%d\">", role);
            for (int i = col; i < end; i++)
                add_cell(out, &cells[i]);
            if (styled)
                buffer_puts(out, "</span>");
        }
        buffer_putc(out, '\n');
    }
    buffer_puts(out, "</pre>\n</body>\n</html>\n");
}
