/* kernels.c - the linear map, forwards and backwards. (The other kernels are in elementwise.c.) */
#include "tensor/kernels.h"

void linear_forward(real *y, const real *x, const Matrix *w, const real *bias, size_t m, size_t k, size_t n)
{
    matmul_matrix(y, n, x, k, PLAIN, w, m, n, k, false);
    if (bias)
        add_to_rows(y, bias, m, n);
}

void linear_backward(real *dx, real *dw, real *dbias, const real *dy, const real *x, const Matrix *w, size_t m, size_t k, size_t n)
{
    const Matrix back = matrix_transposed(*w);
    if (dx)
        matmul_matrix(dx, k, dy, n, PLAIN, &back, m, k, n, true);
    if (dw)
        matmul(dw, n, x, k, TRANSPOSED, dy, n, PLAIN, k, n, m, true);
    if (dbias)
        add_rows_to(dbias, dy, m, n);
}
