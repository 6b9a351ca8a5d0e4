/* difference.c - how far a tensor of ours is from one of a file. Knows nothing of passes. */
#include "measure/difference.h"

#include <math.h>

double difference_largest(const SafeTensor *t, double hidden)
{
    double most = 0;
    for (size_t i = 0; i < t->count; i++) {
        double x = safetensors_value(t, i);
        if (isfinite(x) && x > hidden)
            most = fmax(most, fabs(x));
    }
    return most;
}

/* Where number i of ours, [heads, rows, columns], stands in theirs, [rows, heads, columns]. */
static size_t turned_place(size_t i, const size_t shape[3])
{
    size_t rows = shape[1], columns = shape[2], head = i / (rows * columns), row = i / columns % rows;
    return (row * shape[0] + head) * columns + i % columns;
}

Difference difference_of(const real *ours, const SafeTensor *theirs, const size_t *heads_first, double least, double hidden)
{
    Difference d = {0};
    double worst = 0, scale = fmax(difference_largest(theirs, hidden), least);
    for (size_t i = 0; i < theirs->count; i++) {
        double a = (double)ours[i], b = safetensors_value(theirs, heads_first ? turned_place(i, heads_first) : i);
        if (isinf(a) && (a < 0 ? b <= hidden : a == b))
            continue;
        double off = isfinite(a) && isfinite(b) ? fabs(a - b) : INFINITY;
        if (i == 0 || off > worst) {
            d.at = i;
            d.ours = a;
            d.theirs = b;
            worst = off;
        }
        if (isinf(off))
            break;
    }
    d.error = worst == 0 || isinf(worst) ? worst : worst / scale;
    return d;
}
