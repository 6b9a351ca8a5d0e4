/* compare.h - a twin beside its baseline: which stages differ, where first, how far, and what that did to the output.
 *
 * Owns the list of differences, not the passes. The two may be of other ablations, edits, texts, lengths or models: stages are matched by
 * their names. A difference is always twin - baseline. Two numbers are the same where they are equal, both the same infinity, or
 * both NaN. */
#ifndef MEASURE_COMPARE_H
#define MEASURE_COMPARE_H

#include "measure/label.h"
#include "pass/pass.h"

typedef enum StageFate {
    FATE_SAME,          /* every number is the same */
    FATE_DIFFERS,       /* some are not, or it has more positions on one side */
    FATE_ONLY_BASELINE, /* the twin has no such stage */
    FATE_ONLY_TWIN,     /* the baseline has none */
    FATE_SHAPES         /* of shapes that cannot be compared: another number of heads, units, dimensions or tokens of the vocabulary */
} StageFate;

typedef struct StageDifference {
    StageFate fate;
    int baseline, twin;   /* the stage in each plan, or NO_STAGE */
    bool identical;       /* the same shape and the same bits: also 0 and -0 tell them apart */
    bool longer;          /* a side has more positions: what follows is of those that both have */
    size_t count;         /* numbers compared */
    size_t differing;     /* that are not the same */
    size_t infinite;      /* of them, how many differ by no finite number: one side is infinite or NaN */
    double largest, mean; /* absolute difference; infinite where one is. The mean is over all numbers compared */
    double
        relative;  /* norm of the difference / norm of the baseline, over numbers finite on both sides; infinite over a baseline of zeros */
    Cellref where; /* of the largest difference, the first of equal ones; the stage is the twin's */
} StageDifference;

/* What both say at one position. */
typedef struct OutputDifference {
    double kl;                       /* KL(baseline || twin) in nats */
    double variation;                /* total variation, ½ Σ |p - q|: from 0 to 1 */
    int token[2];                    /* the likeliest token of the baseline and of the twin, ties to the smaller id */
    double baseline_p[2], twin_p[2]; /* what each side gives to these two */
} OutputDifference;

typedef struct Comparison {
    StageDifference *stages; /* in the order of the baseline's plan; what only the twin has stands where the twin has it */
    size_t count;
    int first;                   /* the first that is not FATE_SAME, as an index of stages; -1: nothing changed */
    bool has_output;             /* both speak of the same tokens */
    OutputDifference *rows;      /* the positions both have */
    size_t row_count, rows_more; /* and how many only one of them has */
    double kl, variation;        /* means over these rows; NaN without any */
    size_t tokens_changed;       /* rows whose likeliest token is another */
    size_t done;                 /* of the stages, and then of the rows, how many have been compared */
} Comparison;

/* Compares all stages, computing every one of both passes. -1 without memory. */
int compare_passes(Comparison *out, Pass *baseline, Pass *twin, Error *e);
/* The same a piece at a time: begin lists the stages, with which nothing is done yet; each next compares one of them, which it computes, or one
 * row of the output, and is false once there is none left. The passes stay as they are meanwhile. */
int compare_begin(Comparison *out, Pass *baseline, Pass *twin, Error *e);
bool compare_next(Comparison *c, Pass *baseline, Pass *twin);
void comparison_free(Comparison *c);

/* Compares stage i of the baseline with stage j of the twin, either of which may be NO_STAGE. Computes up to them. */
StageDifference compare_stages(Pass *baseline, int i, Pass *twin, int j);
/* True where two stages, maybe of two plans, have the same name. */
bool stage_is_namesake(const Stage *a, const Stage *b);

/* twin - baseline: 0 for numbers that are the same; NaN where one side is NaN. */
double compare_numbers(double baseline, double twin);
/* Compares two rows of logits [n], -inf among them. */
OutputDifference compare_logits(const real *baseline, const real *twin, size_t n);

#endif
