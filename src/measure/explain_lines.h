/* explain_lines.h - how the files explain*.c write an explanation, line by line.
 *
 * Everyone else uses explain.h. Owns the lines while they are written. */
#ifndef MEASURE_EXPLAIN_LINES_H
#define MEASURE_EXPLAIN_LINES_H

#include "measure/explain.h"

/* What every family of stages is given, and writes into. After a failed allocation `failed` is set and
 * further lines are ignored. */
typedef struct Explainer {
    Pass *pass;
    const Config *config;
    Ablations ablations;
    const Stage *stage;
    const size_t *index; /* of the cell */
    Explanation *out;
    Buffer name; /* for labels on the way */
    double sum;  /* of the terms so far */
    bool failed;
} Explainer;

/* An error where the cell is outside the plan or its stage; where an entry (col 0 for a vector) is outside the model's weights. */
int lines_check_address(const Plan *plan, Cellref cell, Error *e);
int lines_check_entry(const Pass *p, size_t weight, size_t row, size_t col, Error *e);

/* The formula at the head of the explanation. */
void lines_formula(Explainer *x, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Operands. lines_input: a cell of the stage's input `which`, at as many indices as it has axes. */
Operand lines_input(Explainer *x, int which, size_t i0, size_t i1, size_t i2);
/* An entry of the stage's weight `which`; col 0 for a vector. */
Operand lines_weight(Explainer *x, int which, size_t row, size_t col);
Operand lines_number(double value, const char *format, ...) __attribute__((format(printf, 2, 3)));
Operand lines_nothing(void);

/* One term: label names what is summed over. With two operands the result is in0 sign in1 and formula is "". */
void lines_term(Explainer *x, const char *label, const char *formula, Operand in0, char sign, Operand in1, double result);
/* One step; its result is the exact value so far, and is returned. */
double lines_step(Explainer *x, const char *label, const char *formula, Operand in0, char sign, Operand in1, double result);
/* Words. */
void lines_note(Explainer *x, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* The value is taken over as it is. */
void lines_copy(Explainer *x, Operand from);

/* The name of an index along an axis, as a term's label: a token's text, a named dimension, or "dim 3". Valid until
 * the next call. */
const char *lines_label(Explainer *x, const Stage *s, int axis, size_t i);
/* As much of text as fits into `size` bytes, never cut inside a character. */
void lines_short(char *out, size_t size, const char *text);

/* The terms of Σ x[row, i] · W[i, column] + b[column], where x is the stage's input. */
void lines_linear(Explainer *x, size_t row, size_t column);
/* exp(score − max) for every key of a row, their sum, and this cell's share: the row of the stage's input at the cell, along
 * its last axis. */
void lines_softmax(Explainer *x);

/* One function for each family of stages (the last column of stages.def): the arithmetic of the cell. */
#define STAGE(KIND, id, title, formula, what, source, w0, w1, family) void explain_##family(Explainer *x);
#include "pass/stages.def"
#undef STAGE

#endif
