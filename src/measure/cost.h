/* cost.h - what stages cost: parameters, multiplications, numbers kept.
 *
 * Owns the counting rules. Knows shapes only, no values: counts are of the plan as it stands, its ablations considered.
 *
 * Multiplications (a division is one; additions, comparisons, and calls of exp, tanh, erf, sin and sqrt are none):
 *     a matrix product [m,k] · [k,n]    m k n, biases being additions: queries, keys, values, out, gate, expand, contract, transform,
 *                                       logits
 *     scores, heads                     every query with every key of every head, masked ones too: that is what is computed
 *     scaled, biased                    1 a number (none under no-scale, or where ALiBi is off)
 *     q_rot, k_rot                      2 a number (none under no-positions)
 *     weights, probs                    1 a number: the division by the row's sum (under uniform-attention 1 a row)
 *     norm, q_norm, k_norm              LayerNorm and RMSNorm alike 3 a number (square, scale, gain), none under no-norm
 *                                       (the few of a row are left out)
 *     activate                          a number: ReLU 0, SiLU 1 (x / (1 + exp(-x))), GELU 3, its tanh form 6
 *     product                           1 a number
 *     tokens                            1 a number where embeddings are scaled, else none
 *     positions, sum, types, typed, masked, concat, joined, residual    none */
#ifndef MEASURE_COST_H
#define MEASURE_COST_H

#include "pass/plan.h"

#include <stdint.h>

typedef struct Cost {
    uint64_t parameters; /* numbers in the weights read, each weight counted once */
    uint64_t multiplications;
    uint64_t values; /* numbers in the stages' values; times sizeof(real) bytes */
} Cost;

Cost cost_of_stage(const Model *m, const Plan *plan, size_t i);
/* Of the stages i with chosen[i] (NULL: all). -1 without memory. */
int cost_of_stages(const Model *m, const Plan *plan, const bool *chosen, Cost *out, Error *e);
/* GB of memory that going backwards takes beside the values: the gradients of all of them, and of all weights. */
double cost_of_gradients(const Model *m, const Plan *plan);
/* GB that the values of the stages from `first` on take. */
double cost_of_values(const Plan *plan, size_t first);

#endif
