/* numbers.h - memory for many numbers. Knows nothing of what they are. */
#ifndef TENSOR_NUMBERS_H
#define TENSOR_NUMBERS_H

#include "tensor/real.h"

#include <stddef.h>

/* So many numbers fill what the processor's caches move at once, 64 bytes: a vector that begins at a multiple of them is read in one piece. */
enum { NUMBERS_LINE = 64 / sizeof(real) };

/* n rounded up to whole lines. */
static inline size_t numbers_lines(size_t n)
{
    return (n + NUMBERS_LINE - 1) / NUMBERS_LINE * NUMBERS_LINE;
}
/* Room for n numbers, or for one where n is 0, on whole lines; free() gives it back. NULL without memory. A large block is put on large pages
 * where the system has them: it is faster to touch for the first time, and to read. */
real *numbers_allocate(size_t n);

#endif
