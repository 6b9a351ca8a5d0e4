/* arith.h - the small sums that experiments without a model are made of, in double.
 *
 * Owns nothing. Knows no experiment. */
#ifndef LAB_ARITH_H
#define LAB_ARITH_H

#include "base/random.h"

#include <stddef.h>

/* p [n] = softmax of x: exp(x - max) / sum. p may be x. */
void arith_softmax(double *p, const double *x, size_t n);
/* dx [n] = p (dp - Σ p dp): the gradient before the softmax from the one behind it. */
void arith_softmax_backward(double *dx, const double *dp, const double *p, size_t n);
/* -Σ p log p in nats. */
double arith_entropy(const double *p, size_t n);
double arith_dot(const double *a, const double *b, size_t n);
double arith_norm(const double *x, size_t n);
/* The index of the largest, the first of equals. */
size_t arith_largest(const double *x, size_t n);
/* The largest but one; n > 1. */
double arith_second(const double *x, size_t n);
/* The share-th quantile of n numbers, which are sorted by it: between two of them linearly (R's type 7). */
double arith_quantile(double *x, size_t n, double share);
/* The rank of a [m, n], which is used up: Gaussian elimination with the largest number left as pivot; what is below `tolerance` times
 * the first pivot counts as 0. */
size_t arith_rank(double *a, size_t m, size_t n, double tolerance);
void arith_normals(double *x, size_t n, Random *random);

#endif
