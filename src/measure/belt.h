/* belt.h - the residual stream of one token as a conveyor belt: what each part found, what it put on, what went on from there.
 *
 * Owns nothing but what belt_make returns. */
#ifndef MEASURE_BELT_H
#define MEASURE_BELT_H

#include "pass/pass.h"

typedef struct BeltPart {
    size_t stage; /* what was put on: TOKENS, POSITIONS, TYPES, OUT, CONTRACT or JOINED; or the NORM that set the stream anew; or the LOGITS: what the
                     output's own head and biases add to the logit */
    size_t after; /* where the stream can be read behind it */
    bool edit;    /* what an edit of the stream at `stage` made of it, which is a part of its own */
    double before_norm, added_norm, after_norm; /* |x| before, |what was added|, |x| after; added is NaN for a norm */
    double cosine; /* of what was added (for a norm: of what it made) with the stream before; NaN at the beginning */
    double answer; /* cosine of what was added with the direction that, later norms frozen, raises the answer's logit; NaN where there is
                      none */
    double logit;  /* what was added, times that direction: its direct share of the logit (a norm's: its bias'); NaN where there is none */
} BeltPart;

/* The parts of row `row` of a stack, in order; the final norm is the last. answer: the token followed, in the output's stack; -1 (or a
 * stack that the output does not read directly): none. Under no-residual a part replaces the stream. *out [*n] is the caller's to free. */
int belt_make(Pass *p, Stack stack, size_t row, int answer, BeltPart **out, size_t *n, Error *e);

#endif
