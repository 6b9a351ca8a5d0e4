/* predict.h - a question about the stage one is about to see, made from the real numbers of this pass.
 *
 * Owns the makers of questions, by kind of stage. Knows no screen: where one stands is given. The values the right answer comes from are
 * computed (pass_value), but it is up to the caller to show them only afterwards. A maker that finds a tie, or a difference too small to be
 * seen, makes no question: the right answer is unique, and every wrong choice is wrong. */
#ifndef LESSON_PREDICT_H
#define LESSON_PREDICT_H

#include "lesson/question.h"
#include "pass/pass.h"

/* Where one stands. Indices beyond the stage's shape are clamped. */
typedef struct PredictPlace {
    Pass *pass;
    size_t stage;
    size_t head, row; /* where the cursor is: asked about, where there is something to ask */
} PredictPlace;

/* Asks about the value of the stage. Successive seeds ask different questions, as far as there are several; the same seed asks the same.
 * Of every kind of stage there is at least one. -1 with e set without memory; *q is then empty. */
int predict_value(Question *q, const PredictPlace *at, uint64_t seed, Error *e);
/* … about its gradient; the pass must have gone backwards. */
int predict_gradient(Question *q, const PredictPlace *at, uint64_t seed, Error *e);
/* … about the loss over targets (as pass_loss takes and has checked them); at->stage is of no meaning. */
int predict_loss(Question *q, const PredictPlace *at, const int *targets, size_t n, uint64_t seed, Error *e);

#endif
