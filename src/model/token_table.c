/* token_table.c - tokens by id and by spelling: a hash table of open addresses. */
#include "model/token_table.h"

#include <stdlib.h>
#include <string.h>

/* FNV-1a */
uint64_t token_table_hash(uint64_t h, const char *s, size_t n)
{
    for (size_t i = 0; i < n; i++)
        h = (h ^ (unsigned char)s[i]) * 1099511628211u;
    return h;
}

int token_table_init(TokenTable *t, size_t size, Error *e)
{
    *t = (TokenTable){.size = size, .slot_count = 16};
    while (t->slot_count < 2 * size)
        t->slot_count *= 2;
    t->starts = calloc(size + 1, sizeof *t->starts);
    t->lens = calloc(size + 1, sizeof *t->lens);
    t->known = calloc(size + 1, sizeof *t->known);
    t->slots = calloc(t->slot_count, sizeof *t->slots);
    return t->starts && t->lens && t->known && t->slots ? 0 : error_memory(e, "tokenizer");
}

void token_table_free(TokenTable *t)
{
    buffer_free(&t->pool);
    free(t->starts);
    free(t->lens);
    free(t->known);
    free(t->slots);
    free(t->lengths);
    *t = (TokenTable){.size = 0};
}

/* The slot of this spelling, or the free one where it would be. */
static size_t find_slot(const TokenTable *t, uint64_t hash, const char *text, size_t n)
{
    size_t at = (size_t)(hash ^ hash >> 29) & (t->slot_count - 1);
    for (; t->slots[at]; at = (at + 1) & (t->slot_count - 1)) {
        size_t id = t->slots[at] - 1;
        if (t->lens[id] == n && memcmp(t->pool.data + t->starts[id], text, n) == 0)
            break;
    }
    return at;
}

int token_table_add(TokenTable *t, int id, const char *text, size_t n, Error *e)
{
    t->starts[id] = t->pool.len;
    t->lens[id] = (uint32_t)n;
    buffer_add(&t->pool, text, n);
    buffer_putc(&t->pool, '\0');
    if (t->pool.failed)
        return error_memory(e, "tokenizer");
    t->slots[find_slot(t, token_table_hash(TOKEN_HASH, text, n), text, n)] = (uint32_t)id + 1;
    t->known[id] = true;
    if (n >= t->length_cap) {
        size_t cap = n < 64 ? 64 : 2 * n;
        bool *more = realloc(t->lengths, cap * sizeof *more);
        if (!more)
            return error_memory(e, "tokenizer");
        memset(more + t->length_cap, 0, cap - t->length_cap);
        t->lengths = more;
        t->length_cap = cap;
    }
    t->lengths[n] = true;
    t->longest = n > t->longest ? n : t->longest;
    return 0;
}

int token_table_find_hashed(const TokenTable *t, uint64_t hash, const char *text, size_t n)
{
    if (n >= t->length_cap || !t->lengths[n])
        return -1;
    return (int)t->slots[find_slot(t, hash, text, n)] - 1;
}

int token_table_find(const TokenTable *t, const char *text, size_t n)
{
    return n >= t->length_cap || !t->lengths[n] ? -1 : token_table_find_hashed(t, token_table_hash(TOKEN_HASH, text, n), text, n);
}

const char *token_table_text(const TokenTable *t, int id, size_t *n)
{
    if (id < 0 || (size_t)id >= t->size || !t->known[id])
        return NULL;
    *n = t->lens[id];
    return t->pool.data + t->starts[id];
}
