/* checkpoint.h - the state of an unfinished training, in one file.
 *
 * Owns the file's layout: a safetensors file with "state" (the run's mark and the number of steps, 16 bits a number), "losses" (one a step),
 * and for each weight NAME the tensors NAME, "m.NAME" and "v.NAME". It is replaced whole: a kill or a full disk
 * leaves the one before. */
#ifndef TRAIN_CHECKPOINT_H
#define TRAIN_CHECKPOINT_H

#include "model/weights.h"

#include <stdint.h>

typedef struct Checkpoint {
    uint64_t mark; /* of the recipe and its text: a checkpoint of another run is refused */
    size_t steps;
    real *losses; /* [steps] */
} Checkpoint;

/* m and v: AdamW's moments, every weight's in the order of w. */
int checkpoint_write(const Checkpoint *c, const Weights *w, const real *m, const real *v, const char *path, Error *e);
/* Reads what checkpoint_write wrote for the same mark and the same weights (into w, which owns its values, m and v). c->losses is the
 * caller's to free. After an error nothing was changed. */
int checkpoint_read(Checkpoint *c, uint64_t mark, Weights *w, real *m, real *v, const char *path, Error *e);

#endif
