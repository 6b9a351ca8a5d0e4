/* continual.h - a shipped translator that is to learn new words: the sentences, the extended model, and how it is scored.
 *
 * Owns the new words. Knows nothing of how the model is changed: that is continual.c's. */
#ifndef LAB_CONTINUAL_H
#define LAB_CONTINUAL_H

#include "lab/setup.h"

/* Sentences of one kind. */
typedef struct Sentences {
    TaskExample *items;
    size_t count;
} Sentences;

void sentences_free(Sentences *s);
/* The share whose greedy output is right to the end token. */
int sentences_score(const Model *m, const Sentences *s, double *share, Error *e);

/* zh-en with rows for the new words: 狐狸 fox foxes, which stand where 狗 dog dogs does, and 地图 map maps, where 书 book books does. The
 * new rows are drawn with `seed`, small; all other weights are the shipped ones. NULL with e set. */
Model *continual_extend(const Model *shipped, uint64_t seed, Error *e);
/* The first of the new ids; those below are the shipped vocabulary's. */
size_t continual_first(const Model *shipped);
/* n sentences of a side with a new word in them, each the translation of the task's with the word replaced; or, with `fresh` false, n of
 * the task's own. From example number `from` on. */
int continual_draw(const Model *shipped, const Examples *x, TaskSplit split, bool fresh, size_t n, uint64_t from, Sentences *out, Error *e);

#endif
