/* difference.h - how far a tensor of ours is from one of a file.
 *
 * Owns the one measure of it: max|ours - theirs| / max(max|theirs|, least), where least is 1e-3 of the largest finite number in the file, so
 * that a tensor of almost nothing is not asked for digits that nobody has. The places of what is not finite must be the same. */
#ifndef MEASURE_DIFFERENCE_H
#define MEASURE_DIFFERENCE_H

#include "model/safetensors.h"

typedef struct Difference {
    double error;  /* infinite where one is finite and the other is not */
    size_t at;     /* the number of ours that is furthest off, or the first of which only one is finite */
    double ours, theirs; /* the two numbers there */
} Difference;

/* The largest finite number of a tensor; what is at or below `hidden` stands for −∞. */
double difference_largest(const SafeTensor *t, double hidden);

/* Compares `theirs` with as many numbers of ours. Where heads_first is not NULL, it is our shape, [heads, rows, columns], and theirs is
 * [rows, heads, columns]. What of theirs is at or below `hidden` (-INFINITY: nothing else) stands for −∞. */
Difference difference_of(const real *ours, const SafeTensor *theirs, const size_t *heads_first, double least, double hidden);

#endif
