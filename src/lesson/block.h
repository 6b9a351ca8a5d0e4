/* block.h - an acting block's lines; between lesson.c and block.c only.
 *
 * Owns the syntax within a fence. Knows nothing of what a line names. */
#ifndef LESSON_BLOCK_H
#define LESSON_BLOCK_H

#include "lesson/lesson.h"

/* Reads the body of a fence with this info string, b->text, in place of which the prose in it then stands. A fence that does not act is
 * left as it is. Line numbers count from b->line, that of the fence. -1 with e set. */
int block_read(Block *b, const Lesson *l, const char *info, Error *e);
/* Whether the expressions in all texts can be read. */
int block_check_texts(const Lesson *l, Error *e);
void block_free(Block *b);

/* A text with CommonMark's spans as a marked one. NULL without memory. */
char *lesson_inline(const char *text);

#endif
