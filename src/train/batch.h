/* batch.h - the gradient of a batch of examples, on any number of threads.
 *
 * Owns the gradients and the passes that compute them. Knows no optimiser.
 *
 * The sequences of a batch go to a number of lanes that depends on its size alone, sequence i to lane i % lanes. Each lane adds up the gradients of its
 * sequences in their order, then the lanes are added up in theirs: the sum has the same bits for any number of threads. A model so large that
 * a gradient for each lane is not worth its memory has one lane, and the threads work inside its products. */
#ifndef TRAIN_BATCH_H
#define TRAIN_BATCH_H

#include "model/model.h"
#include "train/examples.h"

typedef struct Batch Batch;

/* For batches of n examples of a recipe; both and the model must outlive it. */
Batch *batch_create(const Model *m, const Recipe *r, const Examples *x, Error *e);
void batch_free(Batch *b);

typedef struct BatchResult {
    double loss;         /* mean over all counted targets, in nats, with label smoothing and dropout where the recipe has them */
    size_t counted;      /* targets */
    size_t tokens;       /* positions that were computed in all stacks, padding left out */
    double norm;         /* of the gradient of that mean */
} BatchResult;

/* Draws the batch of a step and computes the gradient of its mean loss. */
int batch_run(Batch *b, size_t step, BatchResult *out, Error *e);
/* The same for n given examples (at most the recipe's batch), which stay the caller's; step decides the dropout. */
int batch_run_examples(Batch *b, const TaskExample *examples, size_t n, size_t step, BatchResult *out, Error *e);

/* The gradient of the SUM of the losses, all weights' in the order of the model's: divide by `counted` for the mean's. It is the caller's
 * to read and to clear: the next run adds to what is there. */
real *batch_gradient(Batch *b);

#endif
