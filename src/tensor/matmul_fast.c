/* matmul_fast.c - the matrix product as fast as the processor's vectors allow.
 *
 * Owns the choice of vectors; the arithmetic is in matmul_kernel.inc, which is compiled here once for each width of vector.
 * Knows nothing of threads. */
#include "tensor/matmul_kernels.h"
#include "tensor/vectors.h"

#include <stdint.h>
#include <string.h>

/* s + a * b is to be one instruction, rounded once, where there is one. gcc is told by -ffp-contract=fast in the Makefile; so is clang, but
 * it keeps to this more strictly. */
#if defined __clang__
#pragma STDC FP_CONTRACT ON
#endif

/* A kernel's row_bf16, where there is one: it takes floats and the byte order of files. */
#if REAL_SIZE == 4 && __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
#define HAS_ROW_BF16 1
enum { BF16_BLOCKS = 3 }; /* of rows of B, that wait for their sums together */
#define ROW_BF16(width) row_bf16_##width
#else
#define HAS_ROW_BF16 0
#define ROW_BF16(width) NULL
#endif

/* A block of a product: c [m, n] = a · b, or += where it is not the first. B's columns are side by side in memory. */
typedef struct Block {
    real *c;
    size_t ldc;
    const real *a; /* a[i * ar + p * ap] */
    size_t ar, ap;
    const real *b; /* b[p * ldb + j] */
    size_t ldb;
    size_t m, n, k;
    bool first;
    bool padded;       /* B's rows may be read up to a whole number of vectors */
    real *keep;        /* where a strip of B is copied to, or NULL */
    const real *ahead; /* memory that will be needed soon: a tile asks for it … */
    size_t step;       /* … at this distance for each p */
    bool linear;       /* what is needed soon is not the next columns of B but lies in one piece */
} Block;

/* Each width says how many sums it keeps in registers: TILE_ROWS x TILE_VECTORS of them, and room for TILE_VECTORS of B and
 * one of A. */

#if defined __x86_64__
/* 32 registers of 64 bytes. (clang splits vectors this wide into halves unless told that they are meant.) */
#if defined __clang__
#define TARGET __attribute__((target("avx512f,fma"), min_vector_width(512)))
#else
#define TARGET __attribute__((target("avx512f,fma")))
#endif
#define NAME(x) x##_avx512
#define BYTES 64
#define TILE_ROWS 8
#define TILE_VECTORS 3
#include "tensor/matmul_kernel.inc"

/* 16 registers of 32 bytes. */
#define TARGET __attribute__((target("avx2,fma")))
#define NAME(x) x##_avx2
#define BYTES 32
#define TILE_ROWS 6
#define TILE_VECTORS 2
#include "tensor/matmul_kernel.inc"
#endif

/* 16 bytes: SSE2, which every x86-64 has, NEON, or what the compiler makes of them elsewhere. */
#define TARGET
#define NAME(x) x##_base
#define BYTES 16
#if defined __aarch64__
#define TILE_ROWS 8
#define TILE_VECTORS 3
#else
#define TILE_ROWS 4
#define TILE_VECTORS 2
#endif
#include "tensor/matmul_kernel.inc"

static bool usable_always(void)
{
    return true;
}

#if defined __x86_64__
static bool usable_avx512(void)
{
    return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("fma");
}
static bool usable_avx2(void)
{
    return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
}
#endif

const Kernel matmul_fast[MATMUL_FAST_COUNT] = {
#if defined __x86_64__
    {"AVX-512 vectors, fused", usable_avx512, product_avx512, several_avx512, ROW_BF16(avx512), true, 60 * 4.0 / REAL_SIZE},
    {"AVX2 vectors, fused", usable_avx2, product_avx2, several_avx2, ROW_BF16(avx2), true, 30 * 4.0 / REAL_SIZE},
#endif
    {"16-byte vectors", usable_always, product_base, several_base, ROW_BF16(base),
#if defined __FP_FAST_FMA || defined __FMA__ || defined __aarch64__
     true,
#else
     false,
#endif
     10 * 4.0 / REAL_SIZE},
};
