/* fill_slips.h - the numbers that known slips give for a cell. Only fill.c uses it. */
#ifndef LESSON_FILL_SLIPS_H
#define LESSON_FILL_SLIPS_H

#include "lesson/question.h"
#include "measure/explain.h"

/* Adds to q, whose right number is set, what each slip gives for this cell; a number that cannot be told from the right one is left out. */
void fill_add_slips(Question *q, Pass *p, Cellref cell, const Explanation *x);

#endif
