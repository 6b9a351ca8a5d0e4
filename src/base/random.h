/* random.h - reproducible random numbers.
 *
 * Owns nothing: the state is the caller's. The same seed gives the same numbers
 * on every machine. Generator: SplitMix64 (Steele, Lea and Flood, "Fast splittable
 * pseudorandom number generators", OOPSLA 2014). */
#ifndef BASE_RANDOM_H
#define BASE_RANDOM_H

#include <stdint.h>

typedef struct Random {
    uint64_t state;
} Random;

Random random_seeded(uint64_t seed);
uint64_t random_bits(Random *r);
/* Uniform in [0, 1), 53 bits. */
double random_uniform(Random *r);
/* Uniform in 0 … n-1, without bias; n > 0. */
uint64_t random_below(Random *r, uint64_t n);
/* Standard normal (Box-Muller; the second value of a pair is not kept). */
double random_normal(Random *r);

#endif
