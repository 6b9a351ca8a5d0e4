/* loss.h - the cross-entropy between the rows of the logits and the tokens that should come, and its gradient.
 *
 * Owns nothing. Knows no stages: rows in, numbers out. */
#ifndef PASS_LOSS_H
#define PASS_LOSS_H

#include "base/error.h"
#include "tensor/real.h"

#include <stddef.h>

/* How many of the n targets are counted (not -1). -1 with e set where n is not `rows`, an id is out of range, or none is counted. */
int loss_count(const int *targets, size_t n, size_t rows, size_t vocab, Error *e);

/* The loss of one row in nats: -log p[target]. logits and probs = softmax(logits) are [vocab]. Computed as (largest - logit) -
 * log(largest probability), which no probability is too small for. With smoothing s (Szegedy et al. 2016, section 7) the target is
 * (1 - s) the token and s spread evenly over the vocabulary. */
double loss_row(const real *logits, const real *probs, size_t vocab, int target, double smoothing);

/* dlogits [vocab] += scale * (probs - target), the gradient of scale times that loss. */
void loss_row_backward(real *dlogits, const real *probs, size_t vocab, int target, double smoothing, double scale);

#endif
