/* eval.h - how well a model does its task on held-out examples.
 *
 * Owns how a score is taken. The same examples for everyone: they depend on nothing but the task, the difficulty and their number. */
#ifndef TRAIN_EVAL_H
#define TRAIN_EVAL_H

#include "model/model.h"
#include "pass/ablation.h"
#include "train/examples.h"

typedef struct EvalOptions {
    size_t n;           /* examples */
    int difficulty;     /* see task.h; 0: the task's own mix */
    Ablations ablations;
    size_t failures;    /* how many of the examples that fail are kept */
} EvalOptions;

/* An example that the model gets wrong, as people read it. */
typedef struct EvalFailure {
    size_t number; /* which example */
    char *example; /* source and right answer */
    char *answer;  /* what the model says instead */
} EvalFailure;

typedef struct Eval {
    TaskScore kind;
    double score;   /* see TaskScore; a share from 0 to 1, or a perplexity */
    double loss;    /* mean over all counted targets, in nats, the right answer so far being given */
    double entropy; /* the best loss there can be, 0 where it is not known */
    size_t n, counted;
    size_t failed;  /* examples with a wrong token; for a perplexity 0, and no failures */
    EvalFailure *failures;
    size_t failure_count;
} Eval;

/* Scores m. Ties go to the smaller id, as in greedy generation. */
int eval_run(Eval *out, const Model *m, const Examples *x, const EvalOptions *o, Error *e);
void eval_free(Eval *v);

/* The held-out examples of the recipe that a model was made by (*r, which the caller frees), which must be of this model. NULL with e set. */
Examples *eval_examples(const Model *m, Recipe *r, Error *e);
/* The score on the first EVAL_EXAMPLES of them, without what else is switched off; a model trained without a part is scored without it. */
enum { EVAL_EXAMPLES = 1000 };
int eval_score(const Model *m, Ablations a, double *score, Error *e);

#endif
