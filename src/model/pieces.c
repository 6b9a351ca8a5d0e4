/* pieces.c - a text on its way to tokens. */
#include "model/pieces.h"

#include <stdlib.h>
#include <string.h>

TextPieces pieces_begin(size_t n)
{
    return (TextPieces){.most = PIECES_MAX_GROWTH * n + PIECES_MAX_MORE};
}

static bool make_room(TextPieces *p, size_t n)
{
    if (p->failed || p->too_long)
        return false;
    if (n > p->most - p->text.len) {
        p->too_long = true;
        return false;
    }
    if (p->text.len + n > p->origin_cap) {
        size_t cap = p->origin_cap ? p->origin_cap : 64;
        while (cap < p->text.len + n)
            cap *= 2;
        Origin *more = realloc(p->origins, cap * sizeof *more);
        if (!more) {
            p->failed = true;
            return false;
        }
        p->origins = more;
        p->origin_cap = cap;
    }
    return true;
}

void pieces_add(TextPieces *p, const char *bytes, size_t n, Origin origin)
{
    if (n == 0 || !make_room(p, n))
        return;
    for (size_t i = 0; i < n; i++)
        p->origins[p->text.len + i] = origin;
    buffer_add(&p->text, bytes, n);
    p->failed = p->text.failed;
}

void pieces_copy(TextPieces *p, const TextPieces *from, size_t first, size_t end)
{
    if (first == end || !make_room(p, end - first))
        return;
    memcpy(p->origins + p->text.len, from->origins + first, (end - first) * sizeof *p->origins);
    buffer_add(&p->text, from->text.data + first, end - first);
    p->failed = p->text.failed;
}

void pieces_end(TextPieces *p, int id)
{
    size_t from = p->count ? p->items[p->count - 1].to : 0;
    if (p->failed || p->too_long || from == p->text.len)
        return;
    if (p->count == p->cap) {
        size_t cap = p->cap ? 2 * p->cap : 16;
        TextPiece *more = realloc(p->items, cap * sizeof *more);
        if (!more) {
            p->failed = true;
            return;
        }
        p->items = more;
        p->cap = cap;
    }
    p->items[p->count++] = (TextPiece){from, p->text.len, id};
}

void pieces_free(TextPieces *p)
{
    buffer_free(&p->text);
    free(p->origins);
    free(p->items);
    *p = (TextPieces){0};
}

int pieces_check(const TextPieces *p, Error *e)
{
    if (p->too_long)
        return error_set(e, "text: expected at most %zu bytes once the tokenizer's rules had changed it, found more", p->most);
    return p->failed ? error_memory(e, "text") : 0;
}

Origin pieces_origin(const TextPieces *p, size_t first, size_t end)
{
    Origin all = {0, 0};
    bool any = false;
    for (size_t i = first; i < end; i++) {
        Origin o = p->origins[i];
        if (o.from == o.to)
            continue;
        all.from = any && all.from < o.from ? all.from : o.from;
        all.to = any && all.to > o.to ? all.to : o.to;
        any = true;
    }
    if (!any && first < end)
        all = p->origins[first];
    return all;
}
