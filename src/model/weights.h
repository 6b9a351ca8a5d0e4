/* weights.h - named tensors of a model.
 *
 * Owns: the list of weights a config implies, and their values (or the mapping of the file
 * that holds them). Knows nothing of what a weight is used for. */
#ifndef MODEL_WEIGHTS_H
#define MODEL_WEIGHTS_H

#include "base/error.h"
#include "base/file.h"
#include "model/config.h"
#include "tensor/matrix.h"

enum { WEIGHT_NAME_MAX = 48 };

typedef struct Weight {
    char name[WEIGHT_NAME_MAX]; /* "decoder.0.self.W_Q" */
    int rank;                   /* 1 or 2 */
    size_t shape[2];            /* row vectors: y = x·W + b, so [inputs, outputs] */
    size_t count;               /* product of the shape */
    Matrix values;              /* where they lie: in memory of our own or in a mapped file; a vector is one row */
} Weight;

typedef struct Weights {
    Weight *items; /* in reference.py's order */
    size_t count;
    size_t total;  /* numbers in all of them, at most WEIGHTS_MAX_TOTAL */
    real *block;   /* what was allocated: all values in the order of items; NULL where everything is mapped */
    File *files;   /* what is mapped */
    size_t file_count;
    Weight **by_name; /* the items, sorted by name */
} Weights;

/* More numbers than any machine that could run them: sizes in bytes cannot overflow. */
#define WEIGHTS_MAX_TOTAL ((size_t)1 << 40)

/* Lists the weights that c (checked) implies, names and shapes, no values. An error where they are more
 * than WEIGHTS_MAX_TOTAL numbers. */
int weights_layout(Weights *w, const Config *c, Error *e);
/* Allocates one block of zeros for all values and points every item's values into it. More than the
 * machine's memory is an error. */
int weights_allocate(Weights *w, Error *e);
void weights_free(Weights *w);
/* The index of the weight of that name, or -1. */
int weights_find(const Weights *w, const char *name);
/* Takes over a mapping that values lie in, until weights_free or weights_own; f becomes empty. -1 without memory. */
int weights_take_file(Weights *w, File *f, Error *e);
/* The same where all values lie in this file; up to 64 MB they are copied, so that a file that changes under a running program
 * changes nothing in it. */
int weights_keep_file(Weights *w, File *f, Error *e);
/* Values as something to write to: copies them, row after row, into memory of our own first where they are mapped. -1 without memory. */
int weights_own(Weights *w, Error *e);
/* The values of item i, to write to; NULL where they are not our own. */
real *weights_values(Weights *w, size_t i);

/* A weight as a matrix [weight_rows, weight_columns]: a vector is one row. */
static inline size_t weight_rows(const Weight *w)
{
    return w->rank == 2 ? w->shape[0] : 1;
}
static inline size_t weight_columns(const Weight *w)
{
    return w->rank == 2 ? w->shape[1] : w->shape[0];
}
/* Number `offset` of the weight, counted row after row. */
static inline real weight_at(const Weight *w, size_t offset)
{
    return matrix_at(&w->values, offset / weight_columns(w), offset % weight_columns(w));
}
/* All of it as an array, row after row, where that is how it lies; else NULL. */
static inline const real *weight_plain(const Weight *w)
{
    return matrix_in_place(&w->values, weight_rows(w), weight_columns(w));
}
/* out [count] = all of it, row after row. */
void weight_read(real *out, const Weight *w);
/* All of it as an array, row after row: where it lies, or else a copy in *room, which the caller frees. NULL without memory. */
const real *weight_borrow(const Weight *w, real **room);

#endif
