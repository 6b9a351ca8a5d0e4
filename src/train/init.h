/* init.h - weights to train from.
 *
 * Owns how large each weight begins. model_random's weights are for looking at; these are for learning: biases 0, gains 1. */
#ifndef TRAIN_INIT_H
#define TRAIN_INIT_H

#include "model/model.h"

#include <stdint.h>

typedef enum InitKind {
    INIT_XAVIER, /* matrices uniform within ±sqrt(6 / (inputs + outputs)) (Glorot and Bengio 2010); embeddings normal, 1/sqrt(d_model) */
    INIT_NORMAL  /* every matrix and embedding normal with one standard deviation (GPT-2: 0.02) */
} InitKind;

typedef struct Init {
    InitKind kind;
    double deviation;     /* of INIT_NORMAL */
    bool scale_residuals; /* W_O and W_2, which write into the stream, divided by sqrt(sub-layers of the stack) (GPT-2) */
    uint64_t seed;
} Init;

/* Fills all weights of m, which are its own. */
void init_weights(Model *m, const Init *init);

#endif
