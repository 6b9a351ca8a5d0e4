/* progress.h - how far a learner came in each lesson, kept in a file beside the answers.
 *
 * Owns the file: $XDG_STATE_HOME/stepformer/lessons, or ~/.local/state/stepformer/lessons. One line of JSON for each step reached and each
 * answer, written at once. Knows no screen. The answers are in the answers' own file, too (record.h), for what they sum up to. */
#ifndef LESSON_PROGRESS_H
#define LESSON_PROGRESS_H

#include "lesson/record.h"

typedef struct ProgressAnswer {
    char id[QUESTION_NAME_MAX];
    Result result; /* the last */
    Result first;  /* the first time */
    size_t row;    /* right so many times in a row, up to the last */
    size_t order;  /* grows with when it was last answered */
    char *given;
} ProgressAnswer;

typedef struct Progress {
    char *lesson;     /* "q03" */
    size_t at;        /* the block where the learner stands */
    bool begun, done; /* done: the end was reached once */
    ProgressAnswer *answers;
    size_t answer_count, last; /* last: the order of the last answer */
} Progress;

/* Reads what the file says of a lesson; one that is not there says nothing. Damaged lines are left out. */
int progress_read(Progress *p, const char *path, const char *lesson, Error *e);
void progress_free(Progress *p);
/* The answer to a question, or NULL. */
const ProgressAnswer *progress_answer(const Progress *p, const char *id);
/* Notes an answer in memory. -1 without memory. */
int progress_set_answer(Progress *p, const char *id, Result result, const char *given);

/* Appends where the learner stands (the block; `done` at the end), or an answer. */
int progress_write_place(const char *path, const char *lesson, size_t at, bool done, Error *e);
int progress_write_answer(const char *path, const char *lesson, const char *id, Result result, const char *given, Error *e);

#endif
