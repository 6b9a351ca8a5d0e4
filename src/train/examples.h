/* examples.h - where a recipe's examples come from: a task's generator, or a text of one's own.
 *
 * Owns the text, cut into tokens. An example is a function of seed, split and number alone, so that any number of threads can draw
 * them, in any order, again after an interruption. */
#ifndef TRAIN_EXAMPLES_H
#define TRAIN_EXAMPLES_H

#include "train/recipe.h"
#include "train/task.h"

typedef struct Examples Examples;

/* Finds the recipe's task, or reads its text, and completes the recipe's config by what the task decides of it: kind, size of the
 * vocabulary, special tokens. An unknown task, a config that says something else than the task, or one that the task's sequences are too
 * long for are errors; `file` names the recipe in them. */
Examples *examples_open(Recipe *r, const char *file, Error *e);
void examples_free(Examples *x);

/* The task's name, or "text". */
const char *examples_name(const Examples *x);
/* The task; NULL for a text. */
const Task *examples_task(const Examples *x);
TaskScore examples_score(const Examples *x);
/* The best mean loss any model can have; 0 where it is not known. */
double examples_entropy(const Examples *x);
/* What vocab.txt holds. */
void examples_vocabulary(const Examples *x, Buffer *out);
/* The text itself, *n bytes; NULL for a task. */
const char *examples_text(const Examples *x, size_t *n);

/* Draws example number i of a side. Clears and fills out, whose memory is used again. */
int examples_draw(const Examples *x, uint64_t seed, TaskSplit split, uint64_t i, TaskExample *out, Error *e);
/* The same with another difficulty than the recipe's. */
int examples_draw_at(const Examples *x, uint64_t seed, TaskSplit split, uint64_t i, int difficulty, TaskExample *out, Error *e);

#endif
