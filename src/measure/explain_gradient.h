/* explain_gradient.h - the arithmetic of one cell's gradient: every term, from the gradients of the stages that read the cell.
 *
 * Owns nothing. The chain rule as the stages' backward functions apply it: a value that is read several times gets a gradient from each
 * reader, and d(loss)/d(cell) is their sum. The terms are recomputed in double from the STORED gradients and values, as in explain.h. */
#ifndef MEASURE_EXPLAIN_GRADIENT_H
#define MEASURE_EXPLAIN_GRADIENT_H

#include "measure/explain.h"

/* Explains d(loss)/d(cell); the pass must have gone backwards. The subject is an OPERAND_GRADIENT. The logits' gradient comes from the
 * loss: (probability - 1 at the target) / counted positions. Where a stage has more than one reader, a note before each one's lines says
 * which it is. An address outside the plan, and a pass without gradients, are errors; then *out is empty. */
int explain_gradient(Pass *p, Cellref cell, Explanation *out, Error *e);

/* Explains d(loss)/d(an entry of a weight), col 0 for a vector: a sum over the tokens. The subject is an OPERAND_WEIGHT_GRADIENT. */
int explain_weight_gradient(Pass *p, size_t weight, size_t row, size_t col, Explanation *out, Error *e);

#endif
