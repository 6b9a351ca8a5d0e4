/* block_internal.h - one fence being read; between block.c and block_whole.c only.
 *
 * Owns nothing. */
#ifndef LESSON_BLOCK_INTERNAL_H
#define LESSON_BLOCK_INTERNAL_H

#include "lesson/block.h"

typedef struct Fence {
    Block *b;
    const Lesson *l;
    Error *e;
    int line; /* of what is being read */
} Fence;

/* Sets "FILE:LINE: ask: …" and returns -1. */
__attribute__((format(printf, 2, 3))) int fence_wrong(const Fence *f, const char *format, ...);
int fence_no_memory(const Fence *f);
/* Checks that a text can be read as an expression. */
int fence_check_expression(const Fence *f, const char *text);
/* The n bytes without the blanks around them; the caller frees it, NULL without memory. */
char *fence_copy_trimmed(const char *s, size_t n);

/* Whether the block, all of whose lines were read, has what its kind must have; f->line is that of the fence. */
int fence_check_whole(Fence *f);

#endif
