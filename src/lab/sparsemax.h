/* sparsemax.h - the point of the probability simplex that is nearest to the scores: weights of which many are exactly 0.
 *
 * Owns nothing. Martins and Astudillo 2016, "From Softmax to Sparsemax", algorithm 1 and section 2.5. */
#ifndef LAB_SPARSEMAX_H
#define LAB_SPARSEMAX_H

#include <stddef.h>

/* p [n] = max(x - τ, 0), with τ such that Σ p = 1. p may be x. */
void sparsemax(double *p, const double *x, size_t n);
/* dx = dp - (mean of dp over the support) on the support, the keys with p > 0; else 0. */
void sparsemax_backward(double *dx, const double *dp, const double *p, size_t n);

#endif
