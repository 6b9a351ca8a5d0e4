/* walk.h - a walk being written; between walk.c and walk_matrix.c only.
 *
 * Knows no terminal and no canvas. */
#ifndef VIEW_WALK_H
#define VIEW_WALK_H

#include "pass/address.h"
#include "view/app.h"

/* The names along an axis, one after the other, each ended by NUL. */
typedef struct Names {
    Buffer text;
    size_t *at;   /* where each begins */
    int *columns; /* how wide each is */
    int widest;
    size_t n;
} Names;

typedef struct Walk {
    Pass *pass;
    int digits;
    bool ascii;
    int columns; /* that a line may take */
    bool (*emit)(void *context, const char *text, size_t n);
    void *context;
    const Address *at;                    /* of this stage only these heads, this row's metrics, and of many columns those that tell most; NULL: all */
    bool gradient;                        /* what it shows is d(loss)/d(stage) */
    Buffer line;                          /* being written */
    bool stopped;                         /* the reader is gone, or there is no memory */
    Names names[AXIS_COUNT][STACK_COUNT]; /* made when first needed */
    int *widths;                          /* of the columns of one matrix */
    size_t widths_room;
    bool *shown; /* which of those columns are written */
} Walk;

/* ---- walk.c: lines ---- */

/* Hands the line on, without the spaces at its end. */
void walk_end_line(Walk *w);
/* The program's own words: in ASCII their signs are written as on the screen (√ as sqrt). */
void walk_put_words(Walk *w, const char *s);
/* A token, as a stage's axis names it: with escapes, a blank one in quotes. */
void walk_put_token(Walk *w, Buffer *out, const char *token);
/* Adds spaces; none where columns is not positive. */
void walk_pad(Walk *w, int columns);

/* ---- walk_matrix.c ---- */

/* "rows: queries; columns: keys" */
void walk_put_axes(Walk *w, const Stage *s);
/* The matrix of one head, or of all of a rank-2 stage, with the names of its rows and columns. x is the stage's value. */
void walk_put_matrix(Walk *w, const Stage *s, const real *x, size_t head);
void walk_free_names(Walk *w);

#endif
