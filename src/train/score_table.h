/* score_table.h - a task's score without each part of the model: switched off now, and trained without it.
 *
 * Owns the list of what is compared and the numbers, made cell by cell so that whoever waits can look in between. The two columns are
 * different experiments: weights that learnt with a part and lose it, and weights that never had it. */
#ifndef TRAIN_SCORE_TABLE_H
#define TRAIN_SCORE_TABLE_H

#include "train/eval.h"

typedef enum ScoreColumn { SCORE_OFF, SCORE_TRAINED, SCORE_COLUMNS } ScoreColumn;

typedef struct ScoreCell {
    bool known;   /* it was computed */
    char *folder; /* SCORE_TRAINED: the model; NULL where none is shipped. Owned */
    double score, loss;
    double entropy;  /* of attention, in nats: mean over all rows, heads, attention sub-layers and examples; NaN without attention */
    double likeness; /* mean cosine of different tokens in the last point of the output's stream, mean over examples; NaN without any */
    bool changes;    /* SCORE_OFF: some logit of some example is not the same number as the whole model's */
} ScoreCell;

typedef struct ScoreRow {
    char *name;         /* of the ablation, or of the other choice ("rope"); "" for the whole model. Owned */
    Ablations ablation; /* 0: the whole model, or another choice */
    bool idle;          /* this model has nothing to switch off, or was trained without it */
    ScoreCell cells[SCORE_COLUMNS];
} ScoreRow;

typedef struct ScoreTable {
    const Model *model; /* borrowed */
    Recipe recipe;
    Examples *examples;
    size_t n; /* held-out examples */
    TaskScore kind;
    double chance_score, chance_loss; /* of equal probabilities for every token */
    double least_loss;                /* the best there can be; 0 where it is not known */
    ScoreRow *rows;                   /* the whole model, the ablations, other choices */
    size_t count;
    size_t next; /* the cell that comes next: row * SCORE_COLUMNS + column */
} ScoreTable;

/* Lists the rows for a model with a recipe; the models trained without a part are the folders NAME.ABLATION beside it. Computes nothing
 * yet. On an error there is nothing to free. */
int score_table_open(ScoreTable *t, const Model *m, size_t n, Error *e);
void score_table_free(ScoreTable *t);

/* True while something is left to compute; *row gets the row that comes next (may be NULL). */
bool score_table_pending(const ScoreTable *t, size_t *row);
/* Computes the next cell that there is a model for. */
int score_table_step(ScoreTable *t, Error *e);

enum { SCORE_NUMBER = 32 };
/* Writes a number of a cell in at most six columns: three digits behind the point, fewer where it is large, and an exponent where it would seem to
 * be 0. Returns out. */
const char *score_number(double x, char out[SCORE_NUMBER]);

/* What the two columns show and what they do not: two lines of at most 78 columns; translated. */
const char *score_table_caption(void);
/* What a score is: "share of examples …"; translated. */
const char *score_meaning(TaskScore kind);

#endif
