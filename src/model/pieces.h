/* pieces.h - a text on its way to tokens: cut into pieces, each byte with the place in the original text that it comes from.
 *
 * Owns its bytes. Knows no rule that changes a text: rule.h does. */
#ifndef MODEL_PIECES_H
#define MODEL_PIECES_H

#include "base/buffer.h"
#include "base/error.h"

#include <stdint.h>

/* Bytes from … to of the original text; from == to for what a tokenizer put in. */
typedef struct Origin {
    uint32_t from, to;
} Origin;

typedef struct TextPiece {
    size_t from, to; /* bytes of the pieces' text */
    int id;          /* of the added token that the piece is; -1: still text */
} TextPiece;

/* The longest original text; and what rules may make of one: so many times as long, and this much more. */
enum { PIECES_MAX_INPUT = 1 << 26, PIECES_MAX_GROWTH = 16, PIECES_MAX_MORE = 1 << 20 };

typedef struct TextPieces {
    Buffer text;
    Origin *origins; /* [text.len] */
    size_t origin_cap;
    TextPiece *items; /* in order, without gaps */
    size_t count, cap;
    size_t most;  /* bytes of text */
    bool failed;  /* no memory */
    bool too_long;
} TextPieces;

/* None yet, of an original text of n bytes. */
TextPieces pieces_begin(size_t n);
/* Adds bytes to the piece that is being made; all of them have this origin. */
void pieces_add(TextPieces *p, const char *bytes, size_t n, Origin origin);
/* Adds bytes from … to of other pieces, with their origins. */
void pieces_copy(TextPieces *p, const TextPieces *from, size_t first, size_t end);
/* Ends the piece that is being made. An empty one is left out. */
void pieces_end(TextPieces *p, int id);
void pieces_free(TextPieces *p);
/* -1 with e set where something went wrong on the way. */
int pieces_check(const TextPieces *p, Error *e);

/* Where the bytes first … end come from, together; where they are none, an empty place. */
Origin pieces_origin(const TextPieces *p, size_t first, size_t end);

#endif
