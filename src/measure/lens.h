/* lens.h - the logit lens: each point of the residual stream read out as if it were the last (nostalgebraist 2020).
 *
 * Owns nothing but what lens_make returns. Reads out with what the model itself reads out with: its own final norm, whose mean and variance
 * are computed anew for each point, then W_U. A post-norm model has no final norm: what its last norm left is multiplied with W_U as it is.
 * The last point is the model's own output. */
#ifndef MEASURE_LENS_H
#define MEASURE_LENS_H

#include "measure/metrics.h"
#include "measure/trunk.h"

enum { LENS_TOP = 5 };

typedef struct LensPoint {
    size_t stage;
    TokenProb top[LENS_TOP];   /* the likeliest at this point, largest first; id -1 where the vocabulary is smaller */
    double probability, logit; /* of the answer */
    size_t rank;               /* of the answer, 1: the likeliest; tokens with the same logit do not count as before it */
    double entropy;            /* nats */
    double divergence;         /* KL(the model's output || this point), nats: what reading here would lose */
} LensPoint;

/* True where a final norm is in the way: the config has one, and it is not switched off. */
bool lens_has_norm(const Pass *p);

/* True where the last point is the model's output: always, but where the final norm or the logits are edited. */
bool lens_ends_in_output(const Pass *p);

/* Every point of row `row` of the output's stack, in order; `answer` is the token followed. *out [*n] is the caller's to free. */
int lens_make(Pass *p, size_t row, int answer, LensPoint **out, size_t *n, Error *e);

#endif
