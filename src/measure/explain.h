/* explain.h - the arithmetic of one cell: every term, where it comes from, and what was stored.
 *
 * Owns the list of lines; knows nothing of how they are drawn. The terms are recomputed in double from the STORED
 * inputs of the stage, so that what is shown adds up to what is shown; `stored` is the stage's own number, and the two
 * differ only by rounding. */
#ifndef MEASURE_EXPLAIN_H
#define MEASURE_EXPLAIN_H

#include "measure/label.h"

typedef enum OperandKind {
    OPERAND_NONE,
    OPERAND_STAGE,   /* a cell of another stage: can be jumped to */
    OPERAND_WEIGHT,  /* an entry of a weight */
    OPERAND_NUMBER,  /* computed on the way, or a constant: named by its label alone */
    OPERAND_GRADIENT,       /* d(loss)/d(a cell of a stage): can be jumped to, among the gradients */
    OPERAND_WEIGHT_GRADIENT /* d(loss)/d(an entry of a weight): what an explanation may be of */
} OperandKind;

typedef struct Operand {
    OperandKind kind;
    Cellref cell;            /* OPERAND_STAGE, OPERAND_GRADIENT */
    size_t weight, row, col; /* OPERAND_WEIGHT, OPERAND_WEIGHT_GRADIENT; col is 0 for a vector */
    char label[32];          /* OPERAND_NUMBER: "√8", "mean", "max" */
    double value;
} Operand;

typedef enum LineKind {
    LINE_TERM,  /* one term of a sum: result is added to the running sum */
    LINE_STEP,  /* a step on the way: "mean", "variance", "divide by" */
    LINE_NOTE   /* words only: "key 你 (3) is hidden from query love (1): −∞" */
} LineKind;

typedef struct ExplainLine {
    LineKind kind;
    char label[64];    /* TERM: what is summed over ("dim 3", a key's name); STEP: what is computed; NOTE: ""; not escaped */
    char formula[96];  /* what is done where there are fewer than two operands: "√(variance + eps)", "exp(score − max)";
                          NOTE: the words, translated; else "" */
    char sign;         /* with two operands result = in[0] sign in[1], one of '*', '+', '-', '/'; else 0 */
    Operand in[2];     /* in[1] is OPERAND_NONE where there are fewer than two, both where there is none */
    double result;
    double running;    /* TERM: the sum so far, this term included */
} ExplainLine;

typedef struct Explanation {
    Operand subject;     /* what is explained: a cell, its gradient, or a weight's; value is what is stored */
    Cellref cell;        /* the cell; of no meaning where the subject is a weight's gradient */
    char formula[128];   /* "Σ q[query, i] · k[key, i],  i = 0 … 7", in the names of this stage */
    ExplainLine *lines;
    size_t count, capacity;
    double exact;        /* the value by the lines above, in double: the last STEP's result, or where the last line is a TERM the sum */
    double stored;       /* what the stage holds */
    double computed;     /* what it computed itself: stored, but where an edit put another number there */
} Explanation;

/* Explains one cell of a pass (computing the stage if it was not yet). An address outside the plan or the stage is an
 * error. On an error *out is empty. */
int explain_cell(Pass *p, Cellref cell, Explanation *out, Error *e);
void explanation_free(Explanation *x);
/* True where what was computed is what the lines give, but for rounding: to EXPLAIN_TOLERANCE of the largest number among them, divided by
 * what a line divides by. NaN is what NaN gives. Only a bug of the hunt or a defect of this program makes it false. */
bool explanation_agrees(const Explanation *x);
#define EXPLAIN_TOLERANCE (REAL_IS_DOUBLE ? 1e-11 : 1e-5)

/* The cells of a stage beside their arithmetic. */
typedef struct StageCheck {
    size_t cells, checked, wrong; /* of the stage; recomputed; of these, those that do not agree */
    double largest;               /* the largest difference among the finite ones */
    Cellref first;                /* the first that does not agree */
    double stored, exact;         /* of that one: what the stage computed, and what its lines give */
} StageCheck;
/* Recomputes at most `most` cells, evenly spread over the stage. */
int explain_check_stage(Pass *p, size_t stage, size_t most, StageCheck *out, Error *e);
/* Names an operand: a cell, a weight's entry or its label; a gradient is its cell or entry with a "d " before it. */
void operand_label(const Pass *p, const Operand *o, Buffer *out);

#endif
