/* fill.h - a cell computed by hand: which operands the learner is given, and which slip gives which number.
 *
 * Owns the explanation the question stands on (measure/explain.h). Knows no screen. */
#ifndef LESSON_FILL_H
#define LESSON_FILL_H

#include "lesson/question.h"
#include "measure/explain.h"

typedef struct Fill {
    Question question; /* a NUMBER; place is the cell */
    Explanation terms; /* the cell's arithmetic */
    bool *asked;       /* [terms.count]: the learner is to work this line out; the others are done */
    size_t done_terms; /* how many TERM lines are done … */
    double done_sum;   /* … and what they add up to */
} Fill;

/* Asks for one cell of a pass, or with `gradient` for its gradient. Of a long sum only the largest terms and the last are left to do. -1
 * with e set where there is nothing to compute (a copy, a hidden score, a number too small to do by hand). On an error *f is empty. */
int fill_make(Fill *f, Pass *p, Cellref cell, bool gradient, Error *e);
/* The cell itself, or another of the same stage that is worth computing, which the seed chooses: *out. */
int fill_find(Pass *p, Cellref near, bool gradient, uint64_t seed, Cellref *out, Error *e);
void fill_free(Fill *f);

/* Whether operand k of a line may be shown: it is not what an asked line works out. */
bool fill_shows(const Fill *f, size_t line, int k);

#endif
