/* matrix.c - reading a matrix where it lies. */
#include "tensor/matrix.h"

Matrix matrix_block(Matrix m, size_t i, size_t j)
{
    if (dtype_block(m.dtype) > 1)
        m.first = matrix_place(&m, i, j);
    else
        m.data = (const unsigned char *)m.data + matrix_place(&m, i, j) * dtype_size(m.dtype);
    return m;
}

void matrix_read_row(real *out, const Matrix *m, size_t i, size_t n)
{
    if (m->layout == PLAIN)
        dtype_read(out, m->dtype, m->data, matrix_row_place(m, i), n);
    else if (m->dtype == DTYPE_REAL && !m->group)
        for (size_t j = 0; j < n; j++)
            out[j] = ((const real *)m->data)[j * m->ld + i];
    else
        for (size_t j = 0; j < n; j++)
            out[j] = matrix_at(m, i, j);
}

void matrix_read_rows(real *out, const Matrix *m, size_t first, size_t rows, size_t columns)
{
    enum { BLOCK = 32 }; /* a block fits the nearest cache */
    if (m->layout == PLAIN) {
        for (size_t i = 0; i < rows; i++)
            matrix_read_row(out + i * columns, m, first + i, columns);
        return;
    }
    for (size_t j = 0; j < columns; j += BLOCK)
        for (size_t i = 0; i < rows; i += BLOCK) {
            const size_t n = rows - i < BLOCK ? rows - i : BLOCK, wide = columns - j < BLOCK ? columns - j : BLOCK;
            real block[BLOCK][BLOCK]; /* as stored: both it and `out` are gone through along their rows */
            for (size_t y = 0; y < wide; y++)
                dtype_read(block[y], m->dtype, m->data, matrix_row_place(m, j + y) + first + i, n);
            for (size_t x = 0; x < n; x++)
                for (size_t y = 0; y < wide; y++)
                    out[(i + x) * columns + j + y] = block[y][x];
        }
}

void matrix_read(real *out, const Matrix *m, size_t rows, size_t columns)
{
    matrix_read_rows(out, m, 0, rows, columns);
}

const real *matrix_in_place(const Matrix *m, size_t rows, size_t columns)
{
    size_t stored = m->layout == PLAIN ? rows : columns;
    bool follow = m->layout == PLAIN ? rows <= 1 || m->ld == columns : columns <= 1 || (rows <= 1 && m->ld == 1);
    if (m->group && m->skip && stored > m->group)
        return NULL;
    return m->dtype == DTYPE_REAL && follow ? m->data : NULL;
}

double matrix_row_dot(const Matrix *m, size_t i, const double *x, size_t n)
{
    enum { PART = 256 };
    double sum = 0;
    for (size_t j = 0; j < n; j += PART) {
        real part[PART];
        size_t count = n - j < PART ? n - j : PART;
        if (m->layout == PLAIN)
            dtype_read(part, m->dtype, m->data, matrix_row_place(m, i) + j, count);
        for (size_t k = 0; k < count; k++)
            sum += (double)(m->layout == PLAIN ? part[k] : matrix_at(m, i, j + k)) * x[j + k];
    }
    return sum;
}
