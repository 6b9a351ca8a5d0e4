/* matrix.h - a matrix of numbers where they lie: in memory, or in a file as another program wrote it.
 *
 * A view: it owns nothing, and whoever made it keeps the numbers. All that read a weight read it through this, so that a block of
 * columns of GPT-2's c_attn, an nn.Linear's [outputs, inputs] and bfloat16 need no copy. */
#ifndef TENSOR_MATRIX_H
#define TENSOR_MATRIX_H

#include "tensor/dtype.h"
#include "tensor/matmul.h"

typedef struct Matrix {
    const void *data; /* number (0, 0), or behind `first`; NULL: there is no matrix */
    size_t ld;        /* numbers from one stored row to the next */
    Layout layout;    /* PLAIN: number (i, j) is i * ld + j; TRANSPOSED: j * ld + i */
    Dtype dtype;
    size_t first; /* of a dtype of blocks: how many numbers lie between `data`, where a block begins, and number (0, 0); else 0 */
    size_t group; /* 0, or: stored rows come in groups of so many, */
    size_t skip;  /* and so many numbers of something else lie behind each group (the heads of GPT-NeoX's query_key_value) */
} Matrix;

/* Our own numbers, row after row, rows `ld` numbers apart. */
static inline Matrix matrix_of(const real *data, size_t ld)
{
    return (Matrix){.data = data, .ld = ld, .layout = PLAIN, .dtype = DTYPE_REAL};
}

/* The matrix with rows and columns exchanged. */
static inline Matrix matrix_transposed(Matrix m)
{
    m.layout = m.layout == PLAIN ? TRANSPOSED : PLAIN;
    return m;
}

/* Where stored row `row` begins, counted from data. */
static inline size_t matrix_row_place(const Matrix *m, size_t row)
{
    return m->first + row * m->ld + (m->group ? row / m->group * m->skip : 0);
}

/* Where number (i, j) lies, counted from data. */
static inline size_t matrix_place(const Matrix *m, size_t i, size_t j)
{
    return m->layout == PLAIN ? matrix_row_place(m, i) + j : matrix_row_place(m, j) + i;
}

/* Number (i, j). */
static inline real matrix_at(const Matrix *m, size_t i, size_t j)
{
    size_t at = matrix_place(m, i, j);
    return m->dtype == DTYPE_REAL ? ((const real *)m->data)[at] : (real)dtype_value(m->dtype, m->data, at);
}

/* Number i of a matrix of one row: a gain or a bias. */
static inline real matrix_entry(const Matrix *m, size_t i)
{
    return matrix_at(m, 0, i);
}

/* The matrix that begins at number (i, j); where there are groups, at the first row of one. */
Matrix matrix_block(Matrix m, size_t i, size_t j);
/* out [n] = the first n numbers of row i. Reads no other row. */
void matrix_read_row(real *out, const Matrix *m, size_t i, size_t n);
/* out [rows, columns] = so many rows from row `first` on, row after row. */
void matrix_read_rows(real *out, const Matrix *m, size_t first, size_t rows, size_t columns);
/* out [rows, columns] = the matrix, row after row. */
void matrix_read(real *out, const Matrix *m, size_t rows, size_t columns);
/* The numbers where they are `real`s, one row of `columns` directly after the other; else NULL. */
const real *matrix_in_place(const Matrix *m, size_t rows, size_t columns);
/* The sum of row i times x [n], in double, from the left. */
double matrix_row_dot(const Matrix *m, size_t i, const double *x, size_t n);

/* C [m, n] = A · B, or C += A · B: matmul() (matmul.h) whose B [k, n] is a view. Numbers that are no `real`s are converted block by block
 * on the way, by the thread that multiplies them, as are rows in groups; the result has the bits that a converted copy would give. */
void matmul_matrix(real *c, size_t ldc, const real *a, size_t lda, Layout la, const Matrix *b, size_t m, size_t n, size_t k,
                   bool accumulate);
/* The same for `count` products of one shape, as those of attention's heads: c, a and b are the first one's, and those of the next lie the given
 * steps, in elements, behind them. A is PLAIN and B holds `real`s. */
void matmul_several(size_t count, real *c, size_t ldc, size_t step_c, const real *a, size_t lda, size_t step_a, const Matrix *b, size_t step_b,
                    size_t m, size_t n, size_t k);
/* C [m, n] = A [m, k] · B + bias [n] to every row, all but B row after row; bias may be NULL. */
void matmul_biased(real *c, const real *a, const Matrix *b, const real *bias, size_t m, size_t n, size_t k);

#endif
