/* trainer.h - a model in training, one optimiser step at a time.
 *
 * Owns the model, the optimiser's state and the history. Between two steps anyone may look: run passes on trainer_model, score it, wait as
 * long as they like. Never prints; where it is saved is run.h's. */
#ifndef TRAIN_TRAINER_H
#define TRAIN_TRAINER_H

#include "train/eval.h"
#include "train/recipe.h"

typedef struct Trainer Trainer;

/* The weights to begin with, and nothing trained yet. The recipe is completed by its task (examples_open) and must outlive the trainer; `file`
 * names it in errors. */
Trainer *trainer_create(Recipe *r, const char *file, Error *e);
void trainer_free(Trainer *t);
/* Holds a file's descriptor, -1 for none, until another is given or the trainer is freed, and closes it then: the lock of run.c. */
void trainer_hold(Trainer *t, int lock);

typedef struct TrainerStep {
    double loss;   /* of the batch, before the step */
    double lr;
    double norm;   /* of the gradient, before it was clipped */
    size_t tokens; /* that were computed */
} TrainerStep;

enum { TRAINER_DIVERGED = 1 };

/* One step: 0; -1 with e set where it could not be taken; TRAINER_DIVERGED with e set where loss or gradient is no number any more, or the loss
 * has grown far beyond a guess's while nobody changed the learning rate. Such a step changes no weight. */
int trainer_step(Trainer *t, TrainerStep *out, Error *e);

const Recipe *trainer_recipe(const Trainer *t);
const Examples *trainer_examples(const Trainer *t);
const Model *trainer_model(const Trainer *t);
/* Steps done, and the loss of each: *n of them. */
size_t trainer_steps(const Trainer *t);
const real *trainer_losses(const Trainer *t, size_t *n);
bool trainer_finished(const Trainer *t);
/* The mean loss of the last `most` steps; NAN before the first. */
double trainer_mean_loss(const Trainer *t, size_t most);

/* The learning rate from the next step on: the schedule's times the factor. The recipe says so from then on. */
int trainer_change_lr(Trainer *t, double factor, Error *e);
/* Takes up the changes that a run of the same recipe had made. */
int trainer_set_changes(Trainer *t, const Schedule *from, Error *e);

/* The score on the recipe's eval_examples held-out examples. */
int trainer_evaluate(const Trainer *t, Eval *out, Error *e);

/* All of the state, in one file that is replaced whole; read back, training goes on to the same numbers. A file that was written with
 * another recipe or text is an error; after an error the state is as it was. */
int trainer_save(const Trainer *t, const char *path, Error *e);
int trainer_load(Trainer *t, const char *path, Error *e);

#endif
