/* bundle.h - several sequences run at once, forwards and backwards: a pass for training.
 *
 * In a pass every stage is a matrix to look at, and nothing is forgotten. Here a stage's tensor is those of all sequences, one after the
 * other. So what works row by row is one large product, and only attention is run for each sequence alone. Gradients of stages
 * share a small block of memory and are gone afterwards. What comes out, the sum of the losses and its gradient by weight, is the sum of what passes
 * give.
 *
 * Owns the values. Borrows the model, whose weights may change between two runs. */
#ifndef PASS_BUNDLE_H
#define PASS_BUNDLE_H

#include "pass/pass.h"

#include <stdint.h>

typedef struct Bundle Bundle;

Bundle *bundle_create(const Model *m, Ablations a, Error *e);
void bundle_free(Bundle *b);

/* Forgets the sequences; their memory is used again. */
void bundle_clear(Bundle *b);
/* Adds a sequence with one target for each row of its output, -1: not counted. Copied. `seed` says which numbers its dropout drops. */
int bundle_add(Bundle *b, PassInput input, const int *targets, size_t n, uint64_t seed, Error *e);
/* Rows of all sequences so far, in the longer of the two stacks. */
size_t bundle_rows(const Bundle *b);

typedef struct BundleTraining {
    double smoothing;       /* label smoothing, 0: none (see loss.h) */
    double dropout;         /* share of the numbers set to 0 in every sub-layer's result and the embeddings' sum, below 1; 0: none */
    real *const *gradients; /* by weight, each of the weight's shape: d(sum of the losses)/d(weight) is added */
    /* Called after each stage's forward and backward, for who measures; value: the stage's `count` numbers. May be NULL. */
    void (*watch)(void *context, const Stage *s, bool backward, const real *value, size_t count);
    void *context;
} BundleTraining;

/* Forward and backward of the sequences there are. Adds the sum of the counted rows' losses to *sum. */
int bundle_run(Bundle *b, const BundleTraining *t, double *sum, Error *e);

#endif
