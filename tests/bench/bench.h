/* bench.h - what the benchmarks share: the clock, and medians. */
#ifndef TESTS_BENCH_H
#define TESTS_BENCH_H

#include <stddef.h>
#include <stdlib.h>
#include <time.h>

/* Seconds, from some moment on. */
static inline double bench_now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static inline int bench_by_size(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* The median of n numbers, which are sorted. */
static inline double bench_median(double *x, size_t n)
{
    qsort(x, n, sizeof *x, bench_by_size);
    return x[n / 2];
}

#endif
