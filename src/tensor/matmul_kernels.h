/* matmul_kernels.h - the ways to compute one block of a product, for matmul.c, its tests and its benchmark.
 *
 * Everyone else uses matmul.h. Owns nothing. */
#ifndef TENSOR_MATMUL_KERNELS_H
#define TENSOR_MATMUL_KERNELS_H

#include "tensor/matmul.h"

/* The arguments of matmul(), of a whole product or of a block of rows and columns of one. m, n and k are not 0. */
typedef struct Product {
    real *c;
    size_t ldc;
    const real *a;
    size_t lda;
    Layout la;
    const real *b;
    size_t ldb;
    Layout lb;
    size_t m, n, k;
    bool accumulate;
} Product;

/* Every kernel sums over p in the same order, which depends on nothing but k:
 *
 *     for each block of MATMUL_BLOCK values of p:  s = 0;  s = a·b + s for each p, in order;  c = c + s
 *
 * so an element of C has the same bits whatever the other rows and columns are, and however the work was split
 * among threads. Short sums of short sums also keep the rounding error small: it grows with 256 + k / 256, not with k
 * (Higham, "Accuracy and Stability of Numerical Algorithms", 2nd ed., section 4.2). */
enum { MATMUL_BLOCK = 256 };

typedef struct Kernel {
    const char *name;
    bool (*usable)(void);          /* on this processor */
    void (*run)(const Product *x); /* on the calling thread */
    bool fused;                    /* a·b + s is rounded once (FMA) */
    double speed;                  /* multiplications a nanosecond to expect of one thread, roughly: decides when threads pay */
} Kernel;

/* The readable loop. Usable everywhere, in every build. */
extern const Kernel matmul_plain;

/* The fast kernels, the best first. The last is usable everywhere. */
enum { MATMUL_FAST_COUNT = 3 };
extern const Kernel matmul_fast[MATMUL_FAST_COUNT];

/* Computes the product by this kernel on up to `threads` threads, where they pay or, if `always`, wherever there are
 * two blocks to compute. */
void matmul_run(const Kernel *kernel, const Product *x, int threads, bool always);

#endif
