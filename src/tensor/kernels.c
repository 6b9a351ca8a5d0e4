/* kernels.c - the arithmetic that several stages share, each backward beside its forward. */
#include "tensor/kernels.h"

#include "tensor/matmul.h"

void add_to(real *y, const real *x, size_t n)
{
    for (size_t i = 0; i < n; i++)
        y[i] += x[i];
}

/* ---- linear ---- */

void linear_forward(real *y, const real *x, const real *w, size_t ldw, const real *bias, size_t m, size_t k, size_t n)
{
    matmul(y, n, x, k, PLAIN, w, ldw, PLAIN, m, n, k, false);
    if (bias)
        for (size_t i = 0; i < m; i++)
            add_to(y + i * n, bias, n);
}

void linear_backward(real *dx, real *dw, real *dbias, const real *dy, const real *x, const real *w, size_t ldw, size_t m, size_t k, size_t n)
{
    if (dx)
        matmul(dx, k, dy, n, PLAIN, w, ldw, TRANSPOSED, m, k, n, true);
    if (dw)
        matmul(dw, ldw, x, k, TRANSPOSED, dy, n, PLAIN, k, n, m, true);
    if (dbias)
        for (size_t i = 0; i < m; i++)
            add_to(dbias, dy + i * n, n);
}

/* ---- softmax ---- */

void softmax_forward(real *y, const real *x, size_t m, size_t n)
{
    for (size_t i = 0; i < m; i++, x += n, y += n) {
        real max = x[0]; /* taken off every entry: the result is the same, and exp cannot overflow */
        for (size_t j = 1; j < n; j++)
            if (x[j] > max)
                max = x[j];
        double sum = 0;
        for (size_t j = 0; j < n; j++) {
            y[j] = real_exp(x[j] - max);
            sum += y[j];
        }
        real scale = (real)(1 / sum);
        for (size_t j = 0; j < n; j++)
            y[j] *= scale;
    }
}

void softmax_backward(real *dx, const real *dy, const real *y, size_t m, size_t n)
{
    for (size_t i = 0; i < m; i++, dx += n, dy += n, y += n) {
        double dot = 0;
        for (size_t j = 0; j < n; j++)
            dot += (double)dy[j] * y[j];
        for (size_t j = 0; j < n; j++)
            dx[j] += y[j] * (dy[j] - (real)dot);
    }
}

/* ---- norms ---- */

/* Mean of a row and 1 / sqrt(var + eps). */
static void layernorm_moments(double *mean, double *rstd, const real *x, size_t d, double eps)
{
    double m = 0, v = 0;
    for (size_t j = 0; j < d; j++)
        m += x[j];
    m /= (double)d;
    for (size_t j = 0; j < d; j++)
        v += (x[j] - m) * (x[j] - m);
    *mean = m;
    *rstd = 1 / sqrt(v / (double)d + eps);
}

void layernorm_forward(real *y, const real *x, const real *gain, const real *bias, size_t m, size_t d, double eps)
{
    for (size_t i = 0; i < m; i++, x += d, y += d) {
        double mean, rstd;
        layernorm_moments(&mean, &rstd, x, d, eps);
        for (size_t j = 0; j < d; j++)
            y[j] = (real)((x[j] - mean) * rstd) * gain[j] + bias[j];
    }
}

/* With n = (x - mean) * rstd and g = dy * gain:
 * dx = rstd * (g - mean(g) - n * mean(g * n)), the last two because mean and variance depend on x. */
void layernorm_backward(real *dx, real *dgain, real *dbias, const real *dy, const real *x, const real *gain, size_t m, size_t d, double eps)
{
    for (size_t i = 0; i < m; i++, x += d, dx += d, dy += d) {
        double mean, rstd, g_mean = 0, gn_mean = 0;
        layernorm_moments(&mean, &rstd, x, d, eps);
        for (size_t j = 0; j < d; j++) {
            double n = (x[j] - mean) * rstd, g = (double)dy[j] * gain[j];
            g_mean += g;
            gn_mean += g * n;
            if (dgain)
                dgain[j] += (real)(dy[j] * n);
            if (dbias)
                dbias[j] += dy[j];
        }
        g_mean /= (double)d;
        gn_mean /= (double)d;
        for (size_t j = 0; j < d; j++) {
            double n = (x[j] - mean) * rstd, g = (double)dy[j] * gain[j];
            dx[j] += (real)(rstd * (g - g_mean - n * gn_mean));
        }
    }
}

static double rmsnorm_scale(const real *x, size_t d, double eps)
{
    double sum = 0;
    for (size_t j = 0; j < d; j++)
        sum += (double)x[j] * x[j];
    return 1 / sqrt(sum / (double)d + eps);
}

void rmsnorm_forward(real *y, const real *x, const real *gain, size_t m, size_t d, double eps)
{
    for (size_t i = 0; i < m; i++, x += d, y += d) {
        double scale = rmsnorm_scale(x, d, eps);
        for (size_t j = 0; j < d; j++)
            y[j] = (real)(x[j] * scale) * gain[j];
    }
}

/* As LayerNorm's, without the mean: dx = scale * (g - n * mean(g * n)), n = x * scale, g = dy * gain. */
void rmsnorm_backward(real *dx, real *dgain, const real *dy, const real *x, const real *gain, size_t m, size_t d, double eps)
{
    for (size_t i = 0; i < m; i++, x += d, dx += d, dy += d) {
        double scale = rmsnorm_scale(x, d, eps), gn_mean = 0;
        for (size_t j = 0; j < d; j++) {
            double n = x[j] * scale;
            gn_mean += (double)dy[j] * gain[j] * n;
            if (dgain)
                dgain[j] += (real)(dy[j] * n);
        }
        gn_mean /= (double)d;
        for (size_t j = 0; j < d; j++)
            dx[j] += (real)(scale * ((double)dy[j] * gain[j] - x[j] * scale * gn_mean));
    }
}
