/* kernels.c - the linear map, forwards and backwards. (The other kernels are in elementwise.c.) */
#include "tensor/kernels.h"

#include "tensor/matmul.h"

void linear_forward(real *y, const real *x, const real *w, size_t ldw, const real *bias, size_t m, size_t k, size_t n)
{
    matmul(y, n, x, k, PLAIN, w, ldw, PLAIN, m, n, k, false);
    if (bias)
        add_to_rows(y, bias, m, n);
}

void linear_backward(real *dx, real *dw, real *dbias, const real *dy, const real *x, const real *w, size_t ldw, size_t m, size_t k, size_t n)
{
    if (dx)
        matmul(dx, k, dy, n, PLAIN, w, ldw, TRANSPOSED, m, k, n, true);
    if (dw)
        matmul(dw, ldw, x, k, TRANSPOSED, dy, n, PLAIN, k, n, m, true);
    if (dbias)
        add_rows_to(dbias, dy, m, n);
}
