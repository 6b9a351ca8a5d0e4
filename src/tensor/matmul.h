/* matmul.h - the matrix product, the one kernel where speed is decided.
 *
 * Owns its threads. Knows nothing of stages. */
#ifndef TENSOR_MATMUL_H
#define TENSOR_MATMUL_H

#include "tensor/real.h"

#include <stdbool.h>
#include <stddef.h>

/* How an operand is stored. */
typedef enum { PLAIN, TRANSPOSED } Layout;

/* C [m, n] = A · B, or C += A · B where accumulate is set.
 *   A is [m, k]: a[i * lda + p], or a[p * lda + i] where TRANSPOSED
 *   B is [k, n]: b[p * ldb + j], or b[j * ldb + p] where TRANSPOSED
 *   C is c[i * ldc + j]
 * ld* are row strides in elements, so that a block of a larger matrix (one head's
 * columns of W_Q) can be used where it lies. C overlaps neither A nor B. k = 0 gives
 * zeros (or leaves C). An element has the same bits for any number of threads, and
 * whatever the other rows and columns are: its terms are added in an order that depends
 * on k alone (matmul_kernels.h). */
void matmul(real *c, size_t ldc, const real *a, size_t lda, Layout la, const real *b, size_t ldb, Layout lb,
            size_t m, size_t n, size_t k, bool accumulate);

/* How many threads a large product may use, 1 or more; the default is the number of
 * processors this process may run on, or $STEPFORMER_THREADS. Products too small to gain stay on the caller's thread. */
void matmul_set_threads(int threads);
int matmul_threads(void);

/* "plain loop", or what the fast path is and the vectors it uses: for --version and the
 * benchmark's table. */
const char *matmul_name(void);

#endif
