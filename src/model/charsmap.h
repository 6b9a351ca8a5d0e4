/* charsmap.h - SentencePiece's table of replacements, as tokenizer.json ("precompiled_charsmap") and SentencePiece's own files
 * carry it.
 *
 * Owns the table. Trusts no offset in it. */
#ifndef MODEL_CHARSMAP_H
#define MODEL_CHARSMAP_H

#include "base/error.h"

#include <stddef.h>

typedef struct Charsmap Charsmap;

/* From base64: a length, a double-array trie (darts-clone) of so many bytes, the replacements, each ended by a NUL. `place` names it in errors. */
Charsmap *charsmap_read(const char *base64, size_t n, const char *place, Error *e);
/* The same from the bytes themselves, as SentencePiece's file has them. */
Charsmap *charsmap_read_bytes(const unsigned char *bytes, size_t n, const char *place, Error *e);
void charsmap_free(Charsmap *m);
/* What stands for the n bytes at text: the replacement of the shortest entry that they begin with; NULL where there is none. */
const char *charsmap_find(const Charsmap *m, const char *text, size_t n);
/* The same for the longest entry; *used gets how many bytes it stands for, more than 0. */
const char *charsmap_longest(const Charsmap *m, const char *text, size_t n, size_t *used);

#endif
