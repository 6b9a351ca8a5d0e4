/* matmul_kernels.h - the ways to compute a product on one thread, for matmul.c, its tests and its benchmark.
 *
 * Everyone else uses matmul.h. Owns nothing. */
#ifndef TENSOR_MATMUL_KERNELS_H
#define TENSOR_MATMUL_KERNELS_H

#include "tensor/matrix.h"

/* The arguments of matmul(). m, n and k are not 0. Where B is not `real`s one row a constant step after the other, b is NULL and B is
 * `stored` from its column `column` on; kernels do not see that: matmul_convert() gives them its blocks. */
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
    Matrix stored;
    size_t column;
    const real *bias; /* [n], added to every row once the product is computed: by matmul_run(), kernels do not see it; or NULL */
} Product;

/* Products of one shape, none converted and without bias: the operands of the next one lie the given steps behind those of the one before. */
typedef struct Several {
    Product first;
    size_t count, step_c, step_a, step_b;
} Several;

static inline Product several_nth(const Several *x, size_t i)
{
    Product nth = x->first;
    nth.c += i * x->step_c;
    nth.a += i * x->step_a;
    nth.b += i * x->step_b;
    return nth;
}

/* Every kernel adds up an element of C in one and the same order:
 *
 *     for each block of MATMUL_BLOCK values of p:  { s = 0; for each p in the block: s = s + a·b;  c = c + s; }
 *
 * which depends on k alone. So an element has the same bits however the work was split among threads, whatever the other rows
 * and columns are, and whether a sequence is fed at once or token by token. Short sums of short sums also keep the rounding error
 * small: its bound grows with MATMUL_BLOCK + k / MATMUL_BLOCK, not with k (Higham, "Accuracy and Stability of
 * Numerical Algorithms", 2nd ed., chapter 4). */
enum { MATMUL_BLOCK = 192 };

typedef struct Kernel {
    const char *name;
    bool (*usable)(void);          /* on this processor */
    void (*run)(const Product *x); /* on the calling thread */
    void (*run_several)(const Several *x); /* the same */
    void (*row_bf16)(const Product *x); /* one row, PLAIN, times a transposed B stored in bfloat16, without groups; NULL: convert it */
    bool fused;                    /* s + a·b is rounded once, not twice (FMA) */
    double speed;                  /* multiplications a nanosecond, roughly: decides where threads pay */
} Kernel;

/* The readable loop; usable everywhere. */
extern const Kernel matmul_plain;

/* The fast kernels, the best first; the last is usable everywhere. */
#if defined __x86_64__
enum { MATMUL_FAST_COUNT = 3 };
#else
enum { MATMUL_FAST_COUNT = 1 };
#endif
extern const Kernel matmul_fast[MATMUL_FAST_COUNT];

/* Computes a product whose B is stored in another format, on the calling thread: each block of B is converted, then multiplied. */
void matmul_convert(const Kernel *kernel, const Product *x);

/* The kernel that matmul() uses. */
const Kernel *matmul_kernel(void);

/* Computes the product by this kernel, in `parts` blocks of C that up to `threads` threads share; 0 parts: as many as pay. */
void matmul_run(const Kernel *kernel, const Product *x, int threads, size_t parts);

#endif
