/* error.c - formats one-line errors. */
#include "base/error.h"

#include "base/text.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static void make_printable(char *s)
{
    for (; *s; s++)
        if ((unsigned char)*s < 0x20 || *s == 0x7f)
            *s = '?';
}

int error_set(Error *e, const char *format, ...)
{
    if (!e)
        return -1;
    va_list args;
    va_start(args, format);
    vsnprintf(e->text, sizeof e->text, _(format), args);
    va_end(args);
    make_printable(e->text);
    return -1;
}

int error_prefix(Error *e, const char *format, ...)
{
    if (!e)
        return -1;
    char old[sizeof e->text];
    memcpy(old, e->text, sizeof old);
    va_list args;
    va_start(args, format);
    int n = vsnprintf(e->text, sizeof e->text, _(format), args);
    va_end(args);
    if (n >= 0 && (size_t)n < sizeof e->text)
        snprintf(e->text + n, sizeof e->text - (size_t)n, _(": %s"), old);
    make_printable(e->text);
    return -1;
}

int error_memory(Error *e, const char *what)
{
    return error_set(e, "%s: not enough memory; try a smaller model or a shorter text", _(what));
}
