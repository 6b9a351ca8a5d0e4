/* adamw.h - the optimiser: Adam with decoupled weight decay.
 *
 * Owns the rule. Knows nothing of models: numbers and their gradients. */
#ifndef TRAIN_ADAMW_H
#define TRAIN_ADAMW_H

#include "tensor/real.h"

#include <stddef.h>
#include <stdint.h>

typedef struct AdamW {
    double beta1, beta2, eps, weight_decay;
} AdamW;

/* Updates n weights w from their gradients `scale * g` (Loshchilov and Hutter 2019, algorithm 2, as PyTorch has it):
 *
 *     w = w * (1 - lr * weight_decay)
 *     m = beta1 * m + (1 - beta1) * g,        v = beta2 * v + (1 - beta2) * g²
 *     w = w - lr * (m / (1 - beta1^step)) / (sqrt(v / (1 - beta2^step)) + eps)
 *
 * m and v are 0 before step 1. Number by number: the result is the same however the n are split. */
void adamw_update(real *w, real *m, real *v, const real *g, size_t n, const AdamW *a, double lr, double scale, uint64_t step);

#endif
