/* explain.h - the arithmetic of one cell: every term, where it comes from, and what was stored.
 *
 * Owns the list of lines; knows nothing of how they are drawn. The terms are recomputed in double from the STORED
 * inputs of the stage, so that what is shown adds up to what is shown; `stored` is the stage's own number, and the two differ only by rounding. */
#ifndef MEASURE_EXPLAIN_H
#define MEASURE_EXPLAIN_H

#include "measure/label.h"

typedef enum OperandKind {
    OPERAND_NONE,
    OPERAND_STAGE,   /* a cell of another (or the same) stage: can be jumped to */
    OPERAND_WEIGHT,  /* an entry of a weight */
    OPERAND_NUMBER   /* computed on the way, or a constant: named by its label alone */
} OperandKind;

typedef struct Operand {
    OperandKind kind;
    Cellref cell;            /* OPERAND_STAGE */
    size_t weight, row, col; /* OPERAND_WEIGHT */
    char label[32];          /* OPERAND_NUMBER: "1/√8", "mean", "max" */
    double value;
} Operand;

typedef enum LineKind {
    LINE_TERM,  /* one term of a sum: result is added to the running sum */
    LINE_STEP,  /* a step on the way: "mean", "variance", "divide by" */
    LINE_NOTE   /* words only: "key 3 is hidden from query 1: −∞" */
} LineKind;

typedef struct ExplainLine {
    LineKind kind;
    char label[64];    /* TERM: what is summed over ("dim 3", a key's name); STEP: what is computed; not escaped */
    char formula[96];  /* STEP: "(x − mean)² / 16"; NOTE: the words, translated; else "" */
    char sign;         /* between the operands: '*', '+', '-', '/' or 0 where there are fewer than two */
    Operand in[2];
    double result;
    double running;    /* TERM: the sum so far, this term included */
} ExplainLine;

typedef struct Explanation {
    Cellref cell;
    char formula[128];   /* "Σ q[query, i] · k[key, i]", in the names of this stage */
    ExplainLine *lines;
    size_t count, capacity;
    double exact;        /* the value by the lines above, in double */
    double stored;       /* what the stage holds */
} Explanation;

/* Explains one cell of a pass (computing the stage if it was not yet). An address outside the stage is an error. */
int explain_cell(Pass *p, Cellref cell, Explanation *out, Error *e);
void explanation_free(Explanation *x);
/* Names an operand: a cell, a weight's entry or its label. */
void operand_label(const Pass *p, const Operand *o, Buffer *out);

#endif
