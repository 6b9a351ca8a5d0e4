/* weights.h - named tensors of a model.
 *
 * Owns: the list of weights a config implies, and their values (or the mapping of the file
 * that holds them). Knows nothing of what a weight is used for. */
#ifndef MODEL_WEIGHTS_H
#define MODEL_WEIGHTS_H

#include "base/error.h"
#include "base/file.h"
#include "model/config.h"
#include "tensor/real.h"

enum { WEIGHT_NAME_MAX = 48 };

typedef struct Weight {
    char name[WEIGHT_NAME_MAX]; /* "decoder.0.self.W_Q" */
    int rank;                   /* 1 or 2 */
    size_t shape[2];            /* row vectors: y = x·W + b, so [inputs, outputs] */
    size_t count;               /* product of the shape */
    const real *data;           /* row-major; owned by the Weights or mapped from its file */
} Weight;

typedef struct Weights {
    Weight *items; /* in reference.py's order */
    size_t count;
    size_t total;  /* numbers in all of them, at most WEIGHTS_MAX_TOTAL */
    real *block;   /* what was allocated: all values in the order of items; NULL where everything is mapped */
    File file;     /* what is mapped */
    Weight **by_name; /* the items, sorted by name */
} Weights;

/* More numbers than any machine that could run them: sizes in bytes cannot overflow. */
#define WEIGHTS_MAX_TOTAL ((size_t)1 << 40)

/* Lists the weights that c (checked) implies, names and shapes, data NULL. An error where they are more
 * than WEIGHTS_MAX_TOTAL numbers. */
int weights_layout(Weights *w, const Config *c, Error *e);
/* Allocates one block of zeros for all values and points every item's data into it. More than the
 * machine's memory is an error. */
int weights_allocate(Weights *w, Error *e);
void weights_free(Weights *w);
/* The index of the weight of that name, or -1. */
int weights_find(const Weights *w, const char *name);
/* Values as something to write to: copies them into memory of our own first where they are
 * mapped or shared. -1 without memory. */
int weights_own(Weights *w, Error *e);
/* The values of item i, to write to; NULL where they are not our own. */
real *weights_values(Weights *w, size_t i);

#endif
