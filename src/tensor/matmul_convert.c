/* matmul_convert.c - the product whose B is stored in half precision, in another format that is not `real`, or with something else between
 * groups of its rows.
 *
 * Owns the order in which blocks of B are converted. The kernels see `real`s only; but one row times bfloat16, as when a text is continued
 * token by token, they convert in registers while they stream. */
#include "tensor/matmul_kernels.h"

/* A block of B that stays in the second cache, 192 KB of floats: as DEEP values of p as there is, by WIDE columns. DEEP is a whole
 * number of MATMUL_BLOCKs, so that sums are added up in the order that every kernel keeps. */
enum { DEEP = 4 * MATMUL_BLOCK, WIDE = 64 };

void matmul_convert(const Kernel *kernel, const Product *x)
{
    _Alignas(64) real block[DEEP * WIDE];
    if (x->m == 1 && x->la == PLAIN && x->lb == TRANSPOSED && x->stored.dtype == DTYPE_BF16 && !x->stored.group && kernel->row_bf16) {
        kernel->row_bf16(x);
        return;
    }
    for (size_t j = 0; j < x->n; j += WIDE)
        for (size_t p = 0; p < x->k; p += DEEP) {
            size_t n = x->n - j < WIDE ? x->n - j : WIDE, k = x->k - p < DEEP ? x->k - p : DEEP;
            Product part = *x;
            part.b = block;
            part.n = n;
            part.k = k;
            part.a += p * (x->la == PLAIN ? 1 : x->lda);
            part.c += j;
            part.accumulate = x->accumulate || p > 0;
            /* The block has the layout of the whole, without what lies between its rows. */
            bool plain = x->lb == PLAIN;
            size_t rows = plain ? k : n, columns = plain ? n : k, row = plain ? p : x->column + j, column = plain ? x->column + j : p;
            part.ldb = columns;
            for (size_t i = 0; i < rows; i++)
                dtype_read(block + i * columns, x->stored.dtype, x->stored.data, matrix_row_place(&x->stored, row + i) + column, columns);
            kernel->run(&part);
        }
}
