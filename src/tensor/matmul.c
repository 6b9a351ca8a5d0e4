/* matmul.c - chooses how a product is computed. */
#include "tensor/matmul_kernels.h"

void matmul(real *c, size_t ldc, const real *a, size_t lda, Layout la, const real *b, size_t ldb, Layout lb, size_t m, size_t n, size_t k, bool accumulate)
{
    for (size_t i = 0; i < m; i++)
        for (size_t j = 0; j < n; j++) {
            double s = 0;
            for (size_t p = 0; p < k; p++)
                s += (double)(la ? a[p * lda + i] : a[i * lda + p]) * (double)(lb ? b[j * ldb + p] : b[p * ldb + j]);
            c[i * ldc + j] = (real)(accumulate ? c[i * ldc + j] + s : s);
        }
}
void matmul_set_threads(int threads) { (void)threads; }
int matmul_threads(void) { return 1; }
const char *matmul_name(void) { return "plain loop"; }
