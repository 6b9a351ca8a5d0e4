/* task.h - what a tiny model is taught: a maker of examples, with a held-out split.
 *
 * Owns the list of tasks. Knows nothing of how a model is trained. An example is drawn from a random state, so the same seed
 * gives the same examples on every machine. Training and held-out examples never share a sentence: a task decides by a
 * hash of the sentence which side it belongs to, and draws again until it has one of the side that was asked for. (Where the shortest
 * sentences are few, none may be on one side: then the length is drawn again, too.) */
#ifndef TRAIN_TASK_H
#define TRAIN_TASK_H

#include "base/random.h"
#include "model/config.h"
#include "model/vocab.h"

typedef enum TaskSplit { TASK_TRAIN, TASK_HELD_OUT } TaskSplit;

/* One example as a pass is fed it. */
typedef struct TaskExample {
    Ids source;  /* the encoder's, empty for a model without one (or, for an encoder-only task, the text itself) */
    Ids input;   /* the decoder's: begin token first; empty for an encoder-only task */
    Ids targets; /* one for each row of the output: the id that should come, or -1: not counted */
} TaskExample;

typedef enum TaskScore {
    TASK_SCORE_GENERATED, /* share of examples whose greedy output is the target, to the end token */
    TASK_SCORE_EXAMPLES,  /* share of examples in which every counted target is the likeliest token */
    TASK_SCORE_TARGETS,   /* share of counted targets that are the likeliest token */
    TASK_SCORE_PERPLEXITY /* exp of the mean loss */
} TaskScore;

typedef struct Task {
    const char *name; /* "zh-en" */
    const char *what; /* one line, translatable */
    TaskScore score;
    /* Writes vocab.txt. */
    void (*vocabulary)(Buffer *out);
    /* Sets what the task decides of a config: kind, vocab_size, special tokens, split, example. 0 or -1. */
    int (*configure)(Config *c, Error *e);
    /* Draws an example of one side; `difficulty` (0 for the task's own mix) asks for a certain size where the task has one (the
     * k pairs of recall, the length of a sequence). Clears and fills `out`. */
    int (*draw)(Random *r, TaskSplit split, int difficulty, TaskExample *out, Error *e);
    /* Writes source and right answer as people read them; NULL where decoding the ids is enough. */
    void (*show)(const Vocab *v, const TaskExample *x, Buffer *out);
    /* The best mean loss any model can have, in nats a counted target (the grammar's own entropy); NULL where it is 0. */
    double (*entropy)(void);
    /* True where the n ids that a decoder is fed are of the one form that all examples have, or the beginning of it; NULL where a text may
     * have any form. */
    bool (*has_form)(const int *ids, size_t n);
    const char *form; /* that form in words, translatable; NULL with has_form */
} Task;

/* The task of that name, or NULL. */
const Task *task_find(const char *name);
/* All of them, *count many. */
const Task *const *task_list(size_t *count);
void task_example_free(TaskExample *x);

extern const Task task_zh_en, task_story, task_induction, task_sum, task_mask, task_recall;

#endif
