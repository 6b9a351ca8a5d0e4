/* gradient_check.h - a gradient beside finite differences: the loss is computed again with one number a little larger and a little smaller.
 *
 * Owns nothing; the pass is left as it was, to the bit. */
#ifndef MEASURE_GRADIENT_CHECK_H
#define MEASURE_GRADIENT_CHECK_H

#include "measure/label.h"

/* With D(h) = (loss(value + h) - loss(value - h)) / 2h, whose error grows with h², numeric = (4 D(step) - D(2 step)) / 3, where that part
 * is taken off (Richardson 1911). What is left: `truncation`, which grows with the fourth power of the step, judged by taking twice the
 * step; and `rounding`: every number on the way to the loss is rounded, its gradient says what that does to the loss, and that is divided
 * by the step. A longer step lowers the second and raises the first. In float the best there is leaves three or four digits of a large
 * gradient and none of a small one: that is why the double build exists. */
typedef struct GradientCheck {
    double value, step;       /* the number that is changed, and by how much each way, at first */
    double loss, plus, minus; /* the mean loss at value, value + step, value - step: from the logits, in double */
    double analytic, numeric;
    double error;                       /* |analytic - numeric| */
    double rounding, truncation, noise; /* noise is their sum: the error one must expect */
    size_t corners; /* ReLU units that switch within 4 step of value: the loss has a corner there, and the two need not agree */
    bool constant;  /* the sinusoidal table: no gradient is taken through it, although the loss depends on it */
    bool agrees;    /* error <= GRADIENT_CHECK_FACTOR * noise */
} GradientCheck;

#define GRADIENT_CHECK_FACTOR 2.0

/* Checks d(loss)/d(cell of a stage's value), or d(loss)/d(entry of a weight; col 0 for a vector). The pass must have gone backwards; the
 * loss is that of its targets. Costs eight times what comes after the stage. Errors: no backward yet, a place outside, a number that is
 * infinite on purpose (a hidden score), no memory. */
int gradient_check_cell(Pass *p, Cellref cell, GradientCheck *out, Error *e);
int gradient_check_weight(Pass *p, size_t weight, size_t row, size_t col, GradientCheck *out, Error *e);

#endif
