/* gradient_check.h - a gradient beside finite differences: the loss is computed again with one number a little larger and a little smaller.
 *
 * Owns nothing; the pass is left as it was, to the bit. */
#ifndef MEASURE_GRADIENT_CHECK_H
#define MEASURE_GRADIENT_CHECK_H

#include "measure/label.h"

/* numeric = (plus - minus) / (2 step). With a step h its error is about |third derivative| h²/6 (`truncation`: what it would be where the
 * loss is smooth, judged by twice the step) and the rounding of two losses over 2h (`rounding`: the smallest difference of two numbers of
 * the size of the loss and of the logits it is computed from, over h). A larger step lowers the second and raises the first; in float the
 * best there is leaves three or four digits, which is why the double build exists. */
typedef struct GradientCheck {
    double value, step;        /* the number that is changed, and by how much each way */
    double loss, plus, minus;  /* the mean loss at value, value + step, value - step; from the logits, in double */
    double analytic, numeric;
    double error;              /* |analytic - numeric| */
    double rounding, truncation, noise; /* noise is their sum: the error one must expect */
    size_t corners;            /* ReLU units that switch between value - step and value + step: the loss has a corner there, and the two
                                  need not agree */
    bool constant;             /* the sinusoidal table: no gradient is taken through it, although the loss depends on it */
    bool agrees;               /* error <= GRADIENT_CHECK_FACTOR * noise */
} GradientCheck;

#define GRADIENT_CHECK_FACTOR 4.0

/* Checks d(loss)/d(cell of a stage's value), or d(loss)/d(entry of a weight; col 0 for a vector). The pass must have gone backwards; the
 * loss is that of its targets. Costs five times what comes after the stage. Errors: no backward yet, a place outside, a number that is
 * infinite on purpose (a hidden score), no memory. */
int gradient_check_cell(Pass *p, Cellref cell, GradientCheck *out, Error *e);
int gradient_check_weight(Pass *p, size_t weight, size_t row, size_t col, GradientCheck *out, Error *e);

#endif
