/* bug_help.h - what the tests of bugs share: two passes of the same plan. */
#ifndef TESTS_BUG_HELP_H
#define TESTS_BUG_HELP_H

#include "gradient_help.h"
#include "pass/bug.h"

#include <math.h>
#include <string.h>

/* The first stage that is not the same bit for bit, or -1. *error: the largest difference in it, beside its largest number; infinite where
 * one has an infinity that the other has not. */
static inline int first_difference(Pass *a, Pass *b, double *error)
{
    const Plan *plan = pass_plan(a);
    *error = 0;
    for (size_t i = 0; i < plan->count; i++) {
        const real *x = pass_value(a, i), *y = pass_value(b, i);
        size_t n = plan->stages[i].count;
        if (memcmp(x, y, n * sizeof *x) == 0)
            continue;
        double largest = 0, worst = 0;
        for (size_t j = 0; j < n; j++) {
            if (isfinite((double)x[j]))
                largest = fmax(largest, fabs((double)x[j]));
            if (isfinite((double)x[j]) && isfinite((double)y[j]))
                worst = fmax(worst, fabs((double)x[j] - (double)y[j]));
            else if (!(x[j] == y[j]))
                worst = INFINITY;
        }
        *error = worst / fmax(largest, 1e-30);
        return (int)i;
    }
    return -1;
}

static inline void put(const Bug *b, Pass *p)
{
    Error e = {{0}};
    cr_assert_eq(bug_put(b, p, &e), 0, "%s", e.text);
}

#endif
