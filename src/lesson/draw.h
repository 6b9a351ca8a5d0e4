/* draw.h - a self-test: questions drawn from other lessons, what the learner is weak in first.
 *
 * Owns the choice and the order in which questions come back. Draw blocks are replaced in the lesson by the questions drawn, each about
 * the network that its own lesson asks it about; to everything else they are that lesson's questions. Knows no screen. */
#ifndef LESSON_DRAW_H
#define LESSON_DRAW_H

#include "lesson/lesson.h"
#include "lesson/progress.h"

/* How often in a row a question must have been answered right for it to count as sure, and how often one comes back within a test. */
enum { DRAW_SURE = 2, DRAW_AGAIN_MAX = 3 };

/* Opens the lesson that a line of a draw block names, "q03/variance", in this language, and finds the question in it: *at is its block. -1
 * with e set where there is no such lesson or question. */
int draw_open(Lesson *from, size_t *at, const char *line, const char *lang, Error *e);

/* How many of a lesson's draw blocks have only sure questions. */
size_t draw_sure(const Lesson *l, const Progress *p);

/* Replaces every draw block of a lesson by a question. Sections all of whose draws are sure are left out, unless that is all of them. -1
 * with e set; the lesson may then be half drawn. */
int draw_all(Lesson *l, const Progress *p, Error *e);

/* Appends a question that was just answered wrongly, to be asked once more at the end. `ask`: which of the lesson's blocks it is. Blocks
 * that are there stay where they are. *added is false where it came back often enough. */
int draw_again(Lesson *l, size_t ask, bool *added, Error *e);

#endif
