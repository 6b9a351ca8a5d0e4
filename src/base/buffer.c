/* buffer.c - a growing string of bytes. */
#include "base/buffer.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Makes room for n more bytes and the NUL; false when there is none. */
static bool reserve(Buffer *b, size_t n)
{
    if (b->failed)
        return false;
    if (n >= (size_t)-1 - b->len - 1)
        goto fail;
    size_t need = b->len + n + 1;
    if (need <= b->cap)
        return true;
    size_t cap = b->cap ? b->cap : 64;
    while (cap < need)
        cap = cap > (size_t)-1 / 2 ? need : cap * 2;
    char *data = realloc(b->data, cap);
    if (!data)
        goto fail;
    b->data = data;
    b->cap = cap;
    return true;
fail:
    b->failed = true;
    return false;
}

void buffer_add(Buffer *b, const void *bytes, size_t n)
{
    if (!reserve(b, n))
        return;
    if (n)
        memcpy(b->data + b->len, bytes, n);
    b->len += n;
    b->data[b->len] = '\0';
}

void buffer_puts(Buffer *b, const char *s)
{
    buffer_add(b, s, strlen(s));
}

void buffer_putc(Buffer *b, char c)
{
    buffer_add(b, &c, 1);
}

void buffer_printf(Buffer *b, const char *format, ...)
{
    va_list args, again;
    va_start(args, format);
    va_copy(again, args);
    int n = vsnprintf(NULL, 0, format, args);
    va_end(args);
    if (n >= 0 && reserve(b, (size_t)n)) {
        vsnprintf(b->data + b->len, (size_t)n + 1, format, again);
        b->len += (size_t)n;
    }
    va_end(again);
}

void buffer_fill(Buffer *b, char c, size_t n)
{
    if (!reserve(b, n))
        return;
    memset(b->data + b->len, c, n);
    b->len += n;
    b->data[b->len] = '\0';
}

void buffer_put_csv(Buffer *b, const char *s, size_t n)
{
    bool quote = n && (s[0] == ' ' || s[n - 1] == ' ');
    for (size_t i = 0; i < n; i++)
        quote = quote || strchr(",\"\r\n", s[i]);
    if (quote)
        buffer_putc(b, '"');
    for (size_t i = 0; i < n; i++) {
        if (s[i] == '"')
            buffer_putc(b, '"');
        buffer_putc(b, s[i]);
    }
    if (quote)
        buffer_putc(b, '"');
}

void buffer_clear(Buffer *b)
{
    b->len = 0;
    b->failed = false;
    if (b->data)
        b->data[0] = '\0';
}

void buffer_free(Buffer *b)
{
    free(b->data);
    *b = (Buffer){0};
}

const char *buffer_text(const Buffer *b)
{
    return b->data ? b->data : "";
}
