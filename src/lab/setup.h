/* setup.h - what experiments begin with: models of a config, ids, gradients, means with their spread, a small trainer.
 *
 * Owns nothing that outlives an experiment. Knows no experiment. */
#ifndef LAB_SETUP_H
#define LAB_SETUP_H

#include "base/error.h"
#include "pass/pass.h"
#include "train/adamw.h"
#include "train/examples.h"
#include "train/init.h"
#include "train/trainer.h"

struct Bundle;

/* ---- models and inputs ---- */

/* An untrained model of "kind=decoder,d_model=32,…" (as -m random:… has it), its weights as a training begins with them. NULL with e set.
 */
Model *setup_model(const Init *init, Error *e, const char *format, ...) __attribute__((format(printf, 3, 4)));
/* The same from a config that is there. */
Model *setup_model_of(const Config *c, const Init *init, Error *e);
/* n ids of 0 … vocab-1, each as likely. */
void setup_ids(int *ids, size_t n, size_t vocab, uint64_t seed);
/* The index of a stage, by a name made as printf makes it; -1 where the plan has none. */
int setup_stage(const Pass *p, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* The norm of d(loss)/d(weight) after pass_backward; NaN where the model has no such weight. */
double setup_weight_gradient(const Pass *p, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* The recipe and the examples that a shipped model was trained with. Free both, also after an error. */
int setup_examples(const Model *m, Recipe *r, Examples **x, Error *e);
/* The index of the largest of n numbers, the first where several are equal. */
size_t setup_largest(const real *x, size_t n);
/* The largest |a - b| of n numbers; infinite where one of two is not a number. */
double setup_difference(const real *a, const real *b, size_t n);
/* The value of the logits [rows, vocab]. */
const real *setup_logits(Pass *p);

/* ---- means over seeds ---- */

typedef struct Spread {
    size_t n;
    double mean, squares; /* Σ (x - mean)² (Welford 1962) */
} Spread;
void spread_add(Spread *s, double x);
/* The standard deviation over n - 1; NaN of fewer than two. */
double spread_deviation(const Spread *s);

/* ---- a small trainer: gradients that can be looked at and changed before they are used ---- */

typedef struct Learner {
    Model *model; /* borrowed; its weights are its own */
    struct Bundle *bundle;
    real *gradient, *m, *v; /* [weights.total], in the model's order */
    real **by_weight;
    AdamW adamw;
    size_t steps, counted;
} Learner;

int learner_open(Learner *l, Model *m, Ablations a, Error *e);
void learner_close(Learner *l);
/* Forgets the batch and its gradient; then adds one sequence. */
void learner_clear(Learner *l);
int learner_add(Learner *l, const TaskExample *x, Error *e);
/* Forward and backward of the batch: *loss is the mean over counted targets, `gradient` that of the mean. */
int learner_run(Learner *l, double *loss, Error *e);
/* One step of AdamW with l->gradient, cut to norm `clip` (0: any). */
void learner_step(Learner *l, double lr, double clip);

/* A recipe as text, made as printf makes it. */
int setup_recipe(Recipe *r, Error *e, const char *format, ...) __attribute__((format(printf, 3, 4)));

#endif
