/* numbers.c - aligned_alloc, with advice about pages. */
#if defined __linux__ && !defined _DEFAULT_SOURCE
#define _DEFAULT_SOURCE /* madvise */
#endif
#include "tensor/numbers.h"

#include <stdint.h>
#include <stdlib.h>
#if defined __linux__
#include <sys/mman.h>
#endif

real *numbers_allocate(size_t n)
{
    if (n > SIZE_MAX / 2 / sizeof(real))
        return NULL;
    const size_t bytes = numbers_lines(n ? n : 1) * sizeof(real);
    real *block = aligned_alloc(NUMBERS_LINE * sizeof *block, bytes);
#if defined __linux__ && defined MADV_HUGEPAGE
    const uintptr_t page = (uintptr_t)2 << 20; /* smaller on no system that has them */
    uintptr_t first = ((uintptr_t)block + page - 1) / page * page, end = block ? ((uintptr_t)block + bytes) / page * page : 0;
    if (end > first + page)
        (void)madvise((void *)first, end - first, MADV_HUGEPAGE); /* only advice: a refusal changes nothing */
#endif
    return block;
}
