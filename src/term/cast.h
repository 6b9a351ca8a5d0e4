/* cast.h - recordings of a terminal: asciicast, version 2.
 *
 * Owns the format (docs.asciinema.org/manual/asciicast/v2): a line with a JSON object, then lines [SECONDS, KIND, TEXT]: "o" is what was
 * written to the terminal, "i" what was typed, "r" a new size "COLSxROWS". Ours also hold, under "stepformer", the session that they
 * began with, so that the keys can be pressed again; other players ignore it. Knows no clock: times are given, in microseconds. */
#ifndef TERM_CAST_H
#define TERM_CAST_H

#include "base/buffer.h"
#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { CAST_SIZE_MAX = 1000 };

/* ---- writing: the lines as text ---- */

/* What has to wait for its end: a character of which only a part was written. */
typedef struct CastTail {
    char bytes[4];
    size_t len;
} CastTail;

/* The first line. title and term (of $TERM) may be NULL; session is a JSON object, or NULL. */
void cast_add_header(Buffer *out, int cols, int rows, int64_t timestamp, const char *title, const char *term, const char *session);
/* A line of n bytes. A character that they break off waits in tail for the next call of this kind; a byte that begins none becomes
 * U+FFFD. Adds nothing where nothing is complete. tail may be NULL where the bytes are complete. */
void cast_add_event(Buffer *out, int64_t us, char kind, const char *bytes, size_t n, CastTail *tail);

/* ---- reading ---- */

typedef struct CastEvent {
    int64_t us; /* since the beginning; never less than that of the event before */
    char kind;  /* 'o', 'i', 'r'; others have no meaning here */
    char *data; /* len bytes, which may hold zeros, and a zero behind them */
    size_t len;
    int cols, rows; /* 'r' */
} CastEvent;

typedef struct Cast {
    int cols, rows; /* 1 … CAST_SIZE_MAX */
    char *session;  /* the JSON object under "stepformer"; NULL: there is none */
    CastEvent *events;
    size_t count;
} Cast;

/* Reads a recording; an error names the line. On an error nothing is to be freed. */
int cast_read(Cast *c, const char *bytes, size_t n, const char *name, Error *e);
void cast_free(Cast *c);

#endif
