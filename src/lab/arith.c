/* arith.c - softmax, entropy, quantiles: plain loops over doubles. */
#include "lab/arith.h"

#include <math.h>
#include <stdlib.h>

void arith_softmax(double *p, const double *x, size_t n)
{
    double most = -INFINITY, sum = 0;
    for (size_t i = 0; i < n; i++)
        most = fmax(most, x[i]);
    for (size_t i = 0; i < n; i++)
        sum += p[i] = exp(x[i] - most);
    for (size_t i = 0; i < n; i++)
        p[i] /= sum;
}

void arith_softmax_backward(double *dx, const double *dp, const double *p, size_t n)
{
    double mean = arith_dot(p, dp, n);
    for (size_t i = 0; i < n; i++)
        dx[i] = p[i] * (dp[i] - mean);
}

double arith_entropy(const double *p, size_t n)
{
    double sum = 0;
    for (size_t i = 0; i < n; i++)
        sum -= p[i] > 0 ? p[i] * log(p[i]) : 0;
    return sum;
}

double arith_dot(const double *a, const double *b, size_t n)
{
    double sum = 0;
    for (size_t i = 0; i < n; i++)
        sum += a[i] * b[i];
    return sum;
}

double arith_norm(const double *x, size_t n)
{
    return sqrt(arith_dot(x, x, n));
}

size_t arith_largest(const double *x, size_t n)
{
    size_t at = 0;
    for (size_t i = 1; i < n; i++)
        if (x[i] > x[at])
            at = i;
    return at;
}

double arith_second(const double *x, size_t n)
{
    size_t best = arith_largest(x, n);
    double second = -INFINITY;
    for (size_t i = 0; i < n; i++)
        if (i != best)
            second = fmax(second, x[i]);
    return second;
}

static int compare(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

double arith_quantile(double *x, size_t n, double share)
{
    qsort(x, n, sizeof *x, compare);
    double at = share * (double)(n - 1);
    size_t low = (size_t)at;
    return low + 1 < n ? x[low] + (at - (double)low) * (x[low + 1] - x[low]) : x[n - 1];
}

static void swap(double *a, double *b)
{
    double x = *a;
    *a = *b;
    *b = x;
}

size_t arith_rank(double *a, size_t m, size_t n, double tolerance)
{
    double first = 0;
    for (size_t rank = 0;; rank++) {
        size_t at = 0, to = 0;
        double most = 0;
        for (size_t i = rank; i < m; i++)
            for (size_t j = rank; j < n; j++)
                if (fabs(a[i * n + j]) > most) {
                    most = fabs(a[i * n + j]);
                    at = i;
                    to = j;
                }
        first = rank == 0 ? most : first;
        if (most == 0 || most <= tolerance * first)
            return rank;
        for (size_t j = 0; j < n; j++)
            swap(&a[rank * n + j], &a[at * n + j]);
        for (size_t i = 0; i < m; i++)
            swap(&a[i * n + rank], &a[i * n + to]);
        for (size_t i = rank + 1; i < m; i++) {
            double factor = a[i * n + rank] / a[rank * n + rank];
            for (size_t j = rank; j < n; j++)
                a[i * n + j] -= factor * a[rank * n + j];
        }
    }
}

void arith_normals(double *x, size_t n, Random *random)
{
    for (size_t i = 0; i < n; i++)
        x[i] = random_normal(random);
}
