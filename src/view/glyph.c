/* glyph.c - characters, their escapes, their ASCII equivalents, and lines. */
#include "view/glyph.h"

#include "base/text.h"
#include "view/canvas.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <utf8proc.h>

const char *glyph_ascii(int32_t c)
{
    if (c >= 0x2800 && c <= 0x28ff) { /* Braille patterns, drawn by plots: by how many of the eight dots are set */
        static const char *const density[9] = {" ", ".", ".", ":", ":", "*", "*", "#", "#"};
        int dots = 0;
        for (int32_t bits = c & 0xff; bits; bits &= bits - 1)
            dots++;
        return density[dots];
    }
    return text_ascii(c);
}

/* Neither a picture of its own nor something that combines: what would move or hide other text, or nothing at all. */
static bool is_invisible(int32_t c)
{
    switch (utf8proc_category(c)) {
    case UTF8PROC_CATEGORY_CC:
    case UTF8PROC_CATEGORY_CF:
    case UTF8PROC_CATEGORY_CO:
    case UTF8PROC_CATEGORY_CN:
    case UTF8PROC_CATEGORY_CS:
    case UTF8PROC_CATEGORY_ZL:
    case UTF8PROC_CATEGORY_ZP:
        return true;
    default:
        return false;
    }
}

static bool is_variation_selector(int32_t c)
{
    return (c >= 0xfe00 && c <= 0xfe0f) || (c >= 0xe0100 && c <= 0xe01ef);
}

/* \xNN, \uNNNN, \UNNNNNNNN */
static size_t escape(Glyph *g, size_t used, char letter, int digits, unsigned c)
{
    g->width = (uint8_t)snprintf(g->text, sizeof g->text, "\\%c%0*X", letter, digits, c);
    g->cell = false;
    return used;
}

static size_t escape_unicode(Glyph *g, size_t used, int32_t c)
{
    return escape(g, used, c > 0xffff ? 'U' : 'u', c > 0xffff ? 8 : 4, (unsigned)c);
}

static void append(Glyph *g, size_t *len, const char *bytes, size_t n)
{
    if (*len + n >= CELL_TEXT_MAX)
        return; /* more marks than a cell holds */
    memcpy(g->text + *len, bytes, n);
    *len += n;
    g->text[*len] = '\0';
}

size_t glyph_next(const char *s, size_t n, bool ascii, Glyph *g)
{
    int32_t c;
    size_t used = text_decode(s, n, &c);
    *g = (Glyph){.width = 1, .cell = true, .code = c};
    if (c == 0xfffd && used == 1)
        return escape(g, used, 'x', 2, (unsigned char)*s);
    if (c == '\n' || c == '\t') {
        memcpy(g->text, c == '\n' ? "\\n" : "\\t", 2);
        g->width = 2;
        g->cell = false;
        return used;
    }
    if (c < 0x20 || (c >= 0x7f && c < 0xa0))
        return escape(g, used, 'x', 2, (unsigned)c);
    if (ascii && c > 0x7e) {
        const char *equivalent = glyph_ascii(c);
        if (!equivalent)
            return escape_unicode(g, used, c);
        size_t len = strlen(equivalent);
        memcpy(g->text, equivalent, len);
        g->width = (uint8_t)len;
        g->cell = false;
        return used;
    }
    size_t len = 0;
    if (c > 0x7e) {
        if (is_invisible(c))
            return escape_unicode(g, used, c);
        int width = text_char_width(c);
        if (width < 1)
            append(g, &len, "\xe2\x97\x8c", 3); /* a dotted circle to carry the mark */
        g->width = width > 1 ? 2 : 1;
    }
    if (!is_variation_selector(c))
        append(g, &len, s, used);
    /* what combines with it */
    while (!ascii && used < n && (unsigned char)s[used] >= 0x80) {
        size_t more = text_decode(s + used, n - used, &c);
        if (text_char_width(c) != 0 || is_invisible(c))
            break;
        if (!is_variation_selector(c))
            append(g, &len, s + used, more);
        used += more;
    }
    return used;
}

/* By the sides reached: up 1, down 2, left 4, right 8. */
static const char *const box_characters[16] = {" ", "│", "│", "│", "─", "┘", "┐", "┤", "─", "└", "┌", "├", "─", "┴", "┬", "┼"};

int glyph_lines(const char *text)
{
    /* All of them are E2 94 80 … E2 95 BF. */
    if ((unsigned char)text[0] != 0xe2 || ((unsigned char)text[1] & 0xfe) != 0x94)
        return 0;
    for (int lines = 3; lines < 16; lines++)
        if (!strcmp(text, box_characters[lines]))
            return lines == LINE_LEFT ? LINE_LEFT | LINE_RIGHT : lines;
    return 0;
}

const char *glyph_of_lines(int lines, bool ascii)
{
    if (!ascii)
        return box_characters[lines & 15];
    bool vertical = lines & (LINE_UP | LINE_DOWN), horizontal = lines & (LINE_LEFT | LINE_RIGHT);
    return vertical && horizontal ? "+" : vertical ? "|" : horizontal ? "-" : " ";
}

int glyph_ascii_lines(const char *text)
{
    if (!text[0] || text[1])
        return 0;
    switch (text[0]) {
    case '+':
        return LINE_UP | LINE_DOWN | LINE_LEFT | LINE_RIGHT;
    case '-':
        return LINE_LEFT | LINE_RIGHT;
    case '|':
        return LINE_UP | LINE_DOWN;
    default:
        return 0;
    }
}
