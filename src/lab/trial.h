/* trial.h - a small training that experiments watch and interfere with.
 *
 * Owns the loop: batches, learning rate, clipping. The optimiser is setup.h's Learner. */
#ifndef LAB_TRIAL_H
#define LAB_TRIAL_H

#include "lab/lab.h"
#include "lab/setup.h"
#include "train/schedule.h"

typedef struct Trial {
    Schedule schedule;
    size_t batch;
    double clip; /* largest norm of the gradient, 0: any */
    /* Fills the i-th example of the training. */
    int (*draw)(void *context, uint64_t i, TaskExample *out, Error *e);
    /* Called between a batch's gradient and its use; by_weight is as the model's weights. May be NULL. */
    void (*change)(void *context, real *const *by_weight);
    /* Called after each step, 1 the first, with the batch's loss before it. May be NULL. */
    int (*after)(void *context, size_t step, double loss, Error *e);
    void *context;
} Trial;

/* Trains m, whose weights become its own. *loss: mean of the last tenth of the steps. */
int trial_train(const Trial *t, Model *m, Ablations a, double *loss, Error *e);

/* ---- on a task of the shipped models ---- */

/* Draws from a recipe's examples: the context's first member. */
typedef struct TaskTrial {
    const Examples *examples;
    uint64_t seed;
} TaskTrial;
int trial_draw(void *context, uint64_t i, TaskExample *out, Error *e);

/* A training of `config` (JSON's inner text: "\"d_model\": 32, …") on a task from one seed, its score on held-out examples, and its loss.
 * `prepare` may change the model first, and its result is given to `change`; both may be NULL. */
typedef struct TaskRun {
    const char *task, *config;
    uint64_t seed;
    size_t steps, batch, examples; /* examples of the score */
    double lr;
    void (*prepare)(Model *m);
    void (*change)(const Model *m, real *const *by_weight);
} TaskRun;
typedef struct TaskOutcome {
    double score, loss;
    size_t parameters;
    uint64_t multiplications; /* of one pass over the task's first held-out example */
} TaskOutcome;
int trial_task(const TaskRun *run, TaskOutcome *out, Error *e);

#endif
