/* text.c - UTF-8, columns and escapes. */
#include "base/text.h"

#include <string.h>
#include <utf8proc.h>

size_t text_decode(const char *s, size_t n, int32_t *c)
{
    unsigned char first = (unsigned char)*s;
    if (first < 0x80) { /* by far the commonest */
        *c = first;
        return 1;
    }
    utf8proc_int32_t code;
    utf8proc_ssize_t used = utf8proc_iterate((const utf8proc_uint8_t *)s, (utf8proc_ssize_t)n, &code);
    if (used < 1) {
        *c = 0xfffd;
        return 1;
    }
    *c = code;
    return (size_t)used;
}

bool text_is_valid(const char *s, size_t n)
{
    while (n) {
        int32_t c;
        size_t used = text_decode(s, n, &c);
        if (c == 0xfffd && used == 1)
            return false;
        s += used;
        n -= used;
    }
    return true;
}

int text_char_width(int32_t c)
{
    if (c >= 0x20 && c < 0x7f)
        return 1;
    if (c < 0x20 || c == 0x7f)
        return 0;
    return utf8proc_charwidth(c);
}

int text_width(const char *s)
{
    int width = 0;
    for (size_t n = strlen(s); n;) {
        int32_t c;
        size_t used = text_decode(s, n, &c);
        width += text_char_width(c);
        s += used;
        n -= used;
    }
    return width;
}

size_t text_fit(const char *s, int columns, int *used)
{
    size_t bytes = 0, n = strlen(s);
    int width = 0;
    while (bytes < n) {
        int32_t c;
        size_t len = text_decode(s + bytes, n - bytes, &c);
        int w = text_char_width(c);
        if (width + w > columns)
            break;
        width += w;
        bytes += len;
    }
    if (used)
        *used = width;
    return bytes;
}

const char *text_in_place(const char *place_and_text, const char *text)
{
    const char *translated = gettext(place_and_text);
    return translated == place_and_text ? text : translated;
}

void text_pad(Buffer *out, const char *s, int columns)
{
    int spaces = (columns < 0 ? -columns : columns) - text_width(s);
    if (columns > 0)
        buffer_puts(out, s);
    buffer_printf(out, "%*s", spaces > 0 ? spaces : 0, "");
    if (columns <= 0)
        buffer_puts(out, s);
}

/* A mark of Chinese punctuation: it brings its own room. */
static bool is_wide_mark(int32_t c)
{
    return (c >= 0x3001 && c <= 0x301f) || (c >= 0xff01 && c <= 0xff0f) || (c >= 0xff1a && c <= 0xff20);
}

bool text_needs_no_space(const char *a, size_t na, const char *b, size_t nb)
{
    size_t last = na;
    int32_t c, d;
    while (last > 0 && ((unsigned char)a[--last] & 0xc0) == 0x80)
        continue;
    return na > 0 && nb > 0 && text_decode(a + last, na - last, &c) && text_decode(b, nb, &d) &&
           ((text_char_width(c) == 2 && text_char_width(d) == 2) || is_wide_mark(c) || is_wide_mark(d));
}

void text_join_lines(Buffer *b)
{
    size_t kept = 0;
    for (size_t i = 0; i < b->len; i++) {
        size_t before = kept, behind = i + 1;
        while (before > 0 && (unsigned char)b->data[before - 1] < ' ')
            before--;
        while (behind < b->len && (unsigned char)b->data[behind] < ' ')
            behind++;
        if (b->data[i] != '\n' || !text_needs_no_space(b->data, before, b->data + behind, b->len - behind))
            b->data[kept++] = b->data[i];
    }
    b->len = kept;
    if (b->data)
        b->data[kept] = '\0';
}

/* Bytes up to the next place where a line may end: a wide character, or all up to a blank or one of these. */
static size_t piece_length(const char *s)
{
    int32_t c;
    size_t n = text_decode(s, strlen(s), &c);
    if (text_char_width(c) > 1)
        return n;
    for (n = 0; s[n] && s[n] != ' ';) {
        size_t one = text_decode(s + n, strlen(s + n), &c);
        if (n && text_char_width(c) > 1)
            break;
        n += one;
    }
    return n;
}

void text_wrap(Buffer *out, const char *s, int indent, int columns)
{
    int used = indent;
    while (*s) {
        size_t n = piece_length(s);
        Buffer piece = {0};
        buffer_add(&piece, s, n);
        int width = text_width(buffer_text(&piece));
        if (width > 0 && used > indent && used + width > columns) {
            while (out->len && out->data[out->len - 1] == ' ')
                out->data[--out->len] = '\0';
            buffer_putc(out, '\n');
            buffer_fill(out, ' ', (size_t)indent);
            used = indent;
        }
        buffer_puts(out, buffer_text(&piece));
        out->failed |= piece.failed;
        buffer_free(&piece);
        used += width;
        s += n;
        if (*s == ' ') {
            buffer_putc(out, ' ');
            used++;
            s++;
        }
    }
}

/* Adds what stands in front of where the rest of a line that is too wide is broken: as far as that is no more than half of the columns. */
static void add_front(Buffer *out, const char *line, int columns)
{
    size_t blanks = strspn(line, " ");
    const char *gap = strstr(line + blanks, "  ");
    buffer_add(out, line, gap ? (size_t)(gap - line) + strspn(gap, " ") : blanks);
    if (line[0] == '#' && line[1] == ' ')
        blanks = 2;
    else if (gap && line[out->len] && 2 * text_width(buffer_text(out)) <= columns)
        return;
    buffer_clear(out);
    buffer_add(out, line, blanks);
}

/* A line that is too wide; "# " begins its other lines, too. */
static void fold_line(Buffer *out, const char *line, int columns)
{
    Buffer front = {0}, folded = {0};
    add_front(&front, line, columns);
    text_wrap(&folded, line + front.len, text_width(buffer_text(&front)), columns);
    buffer_puts(out, buffer_text(&front));
    for (const char *p = buffer_text(&folded); *p; p++) {
        buffer_putc(out, *p);
        if (*p == '\n' && line[0] == '#' && p[1] == ' ') {
            buffer_putc(out, '#');
            p++;
        }
    }
    out->failed |= front.failed || folded.failed;
    buffer_free(&front);
    buffer_free(&folded);
}

void text_fold(Buffer *out, const char *lines, int columns)
{
    while (*lines) {
        size_t n = strcspn(lines, "\n");
        Buffer line = {0};
        buffer_add(&line, lines, n);
        if (text_width(buffer_text(&line)) > columns)
            fold_line(out, buffer_text(&line), columns);
        else
            buffer_add(out, lines, n);
        if (lines[n])
            buffer_putc(out, '\n');
        out->failed |= line.failed;
        buffer_free(&line);
        lines += n + (lines[n] == '\n');
    }
}

void text_escape(Buffer *out, const char *s, size_t n, bool ascii)
{
    while (n) {
        int32_t c;
        size_t used = text_decode(s, n, &c);
        if (c == 0xfffd && used == 1)
            buffer_printf(out, "\\x%02X", (unsigned char)*s);
        else if (c == '\n')
            buffer_puts(out, "\\n");
        else if (c == '\t')
            buffer_puts(out, "\\t");
        else if (c == '\\')
            buffer_puts(out, "\\\\");
        else if (c < 0x20 || (c >= 0x7f && c < 0xa0))
            buffer_printf(out, "\\x%02X", (unsigned)c);
        else if (ascii && c > 0xffff)
            buffer_printf(out, "\\U%08X", (unsigned)c);
        else if (ascii && c > 0x7e)
            buffer_printf(out, "\\u%04X", (unsigned)c);
        else
            buffer_add(out, s, used);
        s += used;
        n -= used;
    }
}

void text_json(Buffer *out, const char *s, size_t n)
{
    buffer_putc(out, '"');
    while (n) {
        int32_t c;
        size_t used = text_decode(s, n, &c);
        if (c == '"' || c == '\\')
            buffer_printf(out, "\\%c", (char)c);
        else if (c < 0x20 || c == 0x7f)
            buffer_printf(out, "\\u%04x", (unsigned)c);
        else if (c == 0xfffd && used == 1)
            buffer_puts(out, "\\ufffd");
        else
            buffer_add(out, s, used);
        s += used;
        n -= used;
    }
    buffer_putc(out, '"');
}

size_t text_encode(int32_t c, char out[4])
{
    if (c < 0 || c > 0x10ffff || (c >= 0xd800 && c < 0xe000))
        c = 0xfffd;
    if (c < 0x80) {
        out[0] = (char)c;
        return 1;
    }
    size_t n = c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;
    for (size_t i = n - 1; i > 0; i--, c >>= 6)
        out[i] = (char)(0x80 | (c & 0x3f));
    out[0] = (char)((n == 2 ? 0xc0 : n == 3 ? 0xe0 : 0xf0) | c);
    return n;
}
