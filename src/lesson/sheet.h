/* sheet.h - a lesson on paper: the same text, numbers, matrices and questions, with room to write.
 *
 * Owns how a worksheet looks as Markdown and as HTML. Knows no screen. */
#ifndef LESSON_SHEET_H
#define LESSON_SHEET_H

#include "lesson/lesson.h"

/* Appends the worksheet of a lesson; with its answers, where they are wanted. Every number is computed. -1 with e set where one cannot be.
 */
int sheet_write(const Lesson *l, bool html, bool answers, Buffer *out, Error *e);

#endif
