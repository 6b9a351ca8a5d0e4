/* token_table.c - tokens by id and by spelling: a hash table of open addresses. */
#include "model/token_table.h"

#include <stdlib.h>
#include <string.h>

/* FNV-1a */
static uint64_t hash_bytes(const char *s, size_t n)
{
    uint64_t h = 14695981039346656037u;
    for (size_t i = 0; i < n; i++)
        h = (h ^ (unsigned char)s[i]) * 1099511628211u;
    return h ^ h >> 29;
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
    *t = (TokenTable){.size = 0};
}

/* The slot of this spelling, or the free one where it would be. */
static size_t find_slot(const TokenTable *t, const char *text, size_t n)
{
    size_t at = (size_t)hash_bytes(text, n) & (t->slot_count - 1);
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
    t->slots[find_slot(t, text, n)] = (uint32_t)id + 1;
    t->known[id] = true;
    t->longest = n > t->longest ? n : t->longest;
    return 0;
}

int token_table_find(const TokenTable *t, const char *text, size_t n)
{
    if (t->slot_count == 0 || n > t->longest)
        return -1;
    return (int)t->slots[find_slot(t, text, n)] - 1;
}

const char *token_table_text(const TokenTable *t, int id, size_t *n)
{
    if (id < 0 || (size_t)id >= t->size || !t->known[id])
        return NULL;
    *n = t->lens[id];
    return t->pool.data + t->starts[id];
}
