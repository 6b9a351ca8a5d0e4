/* random.c - SplitMix64 and what is drawn from it. */
#include "base/random.h"

#include <math.h>

Random random_seeded(uint64_t seed)
{
    return (Random){seed};
}

uint64_t random_bits(Random *r)
{
    uint64_t z = (r->state += 0x9e3779b97f4a7c15u);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

double random_uniform(Random *r)
{
    return (double)(random_bits(r) >> 11) * 0x1p-53;
}

uint64_t random_below(Random *r, uint64_t n)
{
    uint64_t limit = UINT64_MAX - UINT64_MAX % n; /* a multiple of n: draws at or above it are thrown away */
    uint64_t x;
    do
        x = random_bits(r);
    while (x >= limit);
    return x % n;
}

double random_normal(Random *r)
{
    const double two_pi = 6.283185307179586476925;
    double u = 1.0 - random_uniform(r); /* in (0, 1]: the logarithm is finite */
    double v = random_uniform(r);
    return sqrt(-2.0 * log(u)) * cos(two_pi * v);
}
