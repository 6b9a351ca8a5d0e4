/* ids.c - lists of token ids, and the way they are typed.
 *
 * Owns a growing array. Knows no vocabulary, only its size. */
#include "base/text.h"
#include "model/nearest.h"
#include "model/vocab.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

int ids_add(Ids *ids, int id, Error *e)
{
    if (ids->len == ids->cap) {
        size_t cap = ids->cap ? ids->cap * 2 : 32;
        int *data = cap > (size_t)-1 / 2 / sizeof *data ? NULL : realloc(ids->data, cap * sizeof *data);
        if (!data)
            return error_memory(e, "ids");
        ids->data = data;
        ids->cap = cap;
    }
    ids->data[ids->len++] = id;
    return 0;
}

void ids_free(Ids *ids)
{
    free(ids->data);
    *ids = (Ids){0};
}

/* One number between commas, the n bytes at text; -2 where it is none. */
static long read_number(const char *text, size_t n)
{
    char digits[24], *end;
    while (n && (*text == ' ' || *text == '\t')) {
        text++;
        n--;
    }
    while (n && strchr(" \t\r\n", text[n - 1]))
        n--;
    if (n == 0 || n >= sizeof digits)
        return -2;
    memcpy(digits, text, n);
    digits[n] = '\0';
    if (digits[strspn(digits, "-0123456789")] != '\0')
        return -2;
    errno = 0;
    long id = strtol(digits, &end, 10);
    return *end == '\0' && errno == 0 ? id : -2;
}

/* one: what each number is, "an id"; they are from 0 to below `count`. */
static int parse(Ids *ids, const char *text, const char *what, const char *one, size_t count, bool allow_uncounted, Error *e)
{
    size_t before = ids->len;
    if (text[strspn(text, " \t\r\n")] == '\0')
        return 0;
    for (size_t place = 1;; place++) {
        size_t n = strcspn(text, ",");
        long id = read_number(text, n);
        if (id < (allow_uncounted ? -1 : 0) || id >= (long)count) {
            char quoted[QUOTE_SHORT];
            ids->len = before;
            return error_set(e, "%s: number %zu: expected %s from 0 to %zu%s, found %s", what, place, one, count ? count - 1 : 0,
                             allow_uncounted ? _(" (or -1: not counted)") : "", quote_short(text, n, quoted));
        }
        if (ids_add(ids, (int)id, e) != 0) {
            ids->len = before;
            return -1;
        }
        if (text[n] == '\0')
            return 0;
        text += n + 1;
    }
}

int ids_parse(Ids *ids, const char *text, const char *what, size_t vocab_size, bool allow_uncounted, Error *e)
{
    return parse(ids, text, what, _("an id"), vocab_size, allow_uncounted, e);
}

int ids_parse_positions(Ids *positions, const char *text, const char *what, size_t count, Error *e)
{
    return parse(positions, text, what, _("a position"), count, false, e);
}
