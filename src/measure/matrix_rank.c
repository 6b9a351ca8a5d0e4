/* matrix_rank.c - the numerical rank of a matrix, from its singular values. Knows nothing of expressions' values. */
#include "measure/expression_internal.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>

/* The matrix as columns that lie one behind the other, the longer side down: columns <= rows. */
static double *as_columns(const double *a, size_t rows, size_t columns, size_t *m, size_t *n)
{
    bool turn = rows < columns;
    double *u = malloc(rows * columns * sizeof *u);
    *m = turn ? columns : rows;
    *n = turn ? rows : columns;
    for (size_t j = 0; u && j < *n; j++)
        for (size_t i = 0; i < *m; i++)
            u[j * *m + i] = turn ? a[j * columns + i] : a[i * columns + j];
    return u;
}

static double dot(const double *a, const double *b, size_t n)
{
    double s = 0;
    for (size_t i = 0; i < n; i++)
        s += a[i] * b[i];
    return s;
}

/* Replaces u [n columns of m] by R [n columns of n] of its QR decomposition (Householder), which has the same singular values. */
static void reduce_to_r(double *u, size_t m, size_t n)
{
    for (size_t k = 0; k < n; k++) {
        double *x = u + k * m + k;
        size_t len = m - k;
        double norm = sqrt(dot(x, x, len));
        if (!(norm > 0))
            continue;
        double alpha = x[0] > 0 ? -norm : norm;
        x[0] -= alpha;
        double square = dot(x, x, len);
        for (size_t j = k + 1; j < n && square > 0; j++) {
            double *y = u + j * m + k, f = 2 * dot(x, y, len) / square;
            for (size_t i = 0; i < len; i++)
                y[i] -= f * x[i];
        }
        x[0] = alpha;
    }
    for (size_t j = 0; j < n; j++)
        for (size_t i = 0; i < n; i++)
            u[j * n + i] = i <= j ? u[j * m + i] : 0;
}

/* Turns columns p and q so that they are at right angles; false where they were. */
static bool rotate(double *p, double *q, size_t m)
{
    double pp = dot(p, p, m), qq = dot(q, q, m), pq = dot(p, q, m);
    if (!(fabs(pq) > 4 * DBL_EPSILON * sqrt(pp) * sqrt(qq)))
        return false;
    double zeta = (qq - pp) / (2 * pq);
    double t = (zeta >= 0 ? 1 : -1) / (fabs(zeta) + sqrt(1 + zeta * zeta));
    double c = 1 / sqrt(1 + t * t), s = c * t;
    for (size_t i = 0; i < m; i++) {
        double x = p[i];
        p[i] = c * x - s * q[i];
        q[i] = s * x + c * q[i];
    }
    return true;
}

double matrix_rank(const double *a, size_t rows, size_t columns)
{
    enum { SWEEPS_MAX = 60 };
    size_t m, n, rank = 0;
    double largest = 0, epsilon = REAL_IS_DOUBLE ? DBL_EPSILON : (double)FLT_EPSILON, longer = (double)(rows > columns ? rows : columns);
    for (size_t i = 0; i < rows * columns; i++) {
        if (!isfinite(a[i]))
            return NAN;
        largest = fabs(a[i]) > largest ? fabs(a[i]) : largest;
    }
    if (largest == 0)
        return 0;
    double *u = as_columns(a, rows, columns, &m, &n);
    if (!u)
        return NAN;
    for (size_t i = 0; i < m * n; i++) /* squares of the largest must not overflow, nor those of the smallest vanish */
        u[i] /= largest;
    if (m > n) {
        reduce_to_r(u, m, n);
        m = n;
    }
    bool turned = true;
    for (int sweep = 0; sweep < SWEEPS_MAX && turned; sweep++) {
        turned = false;
        for (size_t p = 0; p + 1 < n; p++)
            for (size_t q = p + 1; q < n; q++)
                turned = rotate(u + p * m, u + q * m, m) || turned;
    }
    double most = 0;
    for (size_t j = 0; j < n; j++)
        most = fmax(most, sqrt(dot(u + j * m, u + j * m, m)));
    for (size_t j = 0; j < n; j++)
        rank += sqrt(dot(u + j * m, u + j * m, m)) > longer * epsilon * most;
    free(u);
    return (double)rank;
}
