/* token_table.h - tokens as a tokenizer's file spells them, by id and by spelling.
 *
 * Owns the spellings. Unlike vocab.h's, an id may be without a token, and a token may be any bytes. */
#ifndef MODEL_TOKEN_TABLE_H
#define MODEL_TOKEN_TABLE_H

#include "base/buffer.h"
#include "base/error.h"

#include <stdint.h>

typedef struct TokenTable {
    Buffer pool;
    size_t *starts;   /* [size] of each spelling in the pool */
    uint32_t *lens;   /* [size] */
    bool *known;      /* [size] false: an id without a token */
    uint32_t *slots;  /* hash table: id + 1, or 0 */
    bool *lengths;    /* [length_cap] whether any token has so many bytes: most texts that are looked up have not */
    size_t size, slot_count, length_cap, longest;
} TokenTable;

/* A table for ids 0 … size-1, all without a token. -1 without memory. */
int token_table_init(TokenTable *t, size_t size, Error *e);
void token_table_free(TokenTable *t);
/* Gives id its spelling; the id has none yet, and no other has this one. -1 without memory. */
int token_table_add(TokenTable *t, int id, const char *text, size_t n, Error *e);
/* The id of exactly these bytes, or -1. */
int token_table_find(const TokenTable *t, const char *text, size_t n);
/* The same where the bytes' hash is known: that of a text grows with it, so that all beginnings of a long text are found in its length. */
#define TOKEN_HASH 14695981039346656037u /* of no bytes */
uint64_t token_table_hash(uint64_t hash, const char *text, size_t n);
int token_table_find_hashed(const TokenTable *t, uint64_t hash, const char *text, size_t n);
/* An id's spelling, followed by a NUL, and its length; NULL for an id without one. */
const char *token_table_text(const TokenTable *t, int id, size_t *n);

#endif
