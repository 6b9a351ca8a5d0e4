/* expression.h - the one expression language: print, watch, break and a lesson's checks.
 *
 * Owns what was compiled. Knows no model until it is evaluated: one Expression serves many passes, of other texts, lengths and models.
 *
 *     EXPR     = EXPR or EXPR | EXPR and EXPR | not EXPR | SUM { COMPARE SUM [ TOLERANCE ] }
 *     COMPARE  = == | != | < | <= | > | >=          a < b < c is a < b and b < c
 *     TOLERANCE = ( ± | +- ) SUM [ % ]              how far off still counts; with % of the size of the right side
 *     SUM      = with + - * / ^ and unary - , in the usual order; ( ) around anything
 *     VALUE    = NUMBER | "TEXT" | NAME | FUNCTION ( … ) | ADDRESS, each with [ INDEX, … ] behind it
 *     INDEX    = [ AXIS = ] ( * | WHERE | WHERE .. WHERE )      as in addresses (pass/address.h)
 *     lab(NAME [, KEY=VALUE, …])[row, column]                   a result of an experiment
 *
 * Arithmetic and comparisons are element by element; both sides have the same shape, or one is a single number. What is compared holds
 * where all of it holds. An index in an address that is one number leaves the axis out; an address of several stages puts an axis
 * "layer" (or "stage", where they differ in more) in front. `here` is the stage where one stands, on the way back its gradient; a function
 * of one array alone, without its brackets, is of here: `max(entropy) < 0.1`, `nan`. */
#ifndef MEASURE_EXPRESSION_H
#define MEASURE_EXPRESSION_H

#include "measure/value.h"

enum { EXPRESSION_MAX = 4096 /* bytes */, EXPRESSION_DEPTH_MAX = 64 };

typedef struct Expression Expression;

/* What was wrong: "character 9: expected …", and the byte of the text it is about. */
typedef struct ExpressionError {
    Error error;
    size_t at;
    bool not_yet; /* it reads a stage that was not computed yet (ExpressionContext.only_done) */
} ExpressionError;

/* What higher floors answer. A function that is NULL is an error that says so. */
typedef struct ExpressionProvider {
    void *context;
    /* A trained model's score of its task. */
    int (*score)(void *context, double *out, Error *e);
    /* A result of a lab, by row and column. `settings` is "key=value,…" as it was written. */
    int (*lab)(void *context, const char *name, const char *settings, const char *row, const char *column, double *out, Error *e);
} ExpressionProvider;

/* What an expression is about. Borrowed. */
typedef struct ExpressionContext {
    Pass *pass;
    Pass *baseline;     /* what baseline(…) is about, or NULL */
    int here;           /* the stage where one stands, or NO_STAGE */
    bool backward;      /* on the way back: here is a gradient */
    bool only_done;     /* stages after here (on the way back: gradients before it) are "not computed yet" */
    const int *targets; /* of the loss; NULL where there are none */
    size_t target_count;
    const ExpressionProvider *provider; /* or NULL */
    bool in_baseline;                   /* pass is the baseline, within baseline(…) */
} ExpressionContext;

/* Compiles n bytes. NULL with e set. */
Expression *expression_compile(const char *text, size_t n, ExpressionError *e);
void expression_free(Expression *x);
/* The text it was compiled from. */
const char *expression_text(const Expression *x);
/* Computes it, with the stages it reads; grad(…) runs the backward pass where its gradients are of other targets or missing.
 * -1 with e set. */
int expression_evaluate(const Expression *x, const ExpressionContext *c, Value *out, ExpressionError *e);
/* Compiles and evaluates. */
int expression_run(const char *text, const ExpressionContext *c, Value *out, ExpressionError *e);

/* The words of the language, for the help, the manual page and completion: functions, then names. A row without arguments ("") is a name.
 * Ends with a row without a name. */
typedef struct ExpressionWord {
    const char *name, *arguments;
    const char *what; /* one line, translatable */
} ExpressionWord;
/* The i-th of them; its name is NULL behind the last. */
ExpressionWord expression_word(size_t i);

#endif
