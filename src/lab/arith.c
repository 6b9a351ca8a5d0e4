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

void arith_normals(double *x, size_t n, Random *random)
{
    for (size_t i = 0; i < n; i++)
        x[i] = random_normal(random);
}
