/* real.h - the number every matrix is made of.
 *
 * float, or double with -DREAL=double: in double, gradients can be checked by finite
 * differences (in float those are rounding noise). */
#ifndef TENSOR_REAL_H
#define TENSOR_REAL_H

#include <math.h>

#ifndef REAL
#define REAL float
#endif

typedef REAL real;

/* True in the double build. */
#define REAL_IS_DOUBLE (sizeof(real) == sizeof(double))

/* The error function in the precision of `real`. */
static inline real real_erf(real x)
{
    return REAL_IS_DOUBLE ? (real)erf((double)x) : (real)erff((float)x);
}

#endif
