/* numbers.h - memory for many numbers. Knows nothing of what they are. */
#ifndef TENSOR_NUMBERS_H
#define TENSOR_NUMBERS_H

#include "tensor/real.h"

#include <stddef.h>

/* n zeros, or room for one where n is 0; free() gives them back. NULL without memory. A large block is put on large pages where the system has
 * them: it is faster to touch for the first time, and to read. */
real *numbers_allocate(size_t n);

#endif
