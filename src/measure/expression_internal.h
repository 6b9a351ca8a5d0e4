/* expression_internal.h - what the files of the expression language share: the compiled form, and evaluation in progress.
 *
 * expression_parse.c makes the nodes; expression.c, expression_address.c, expression_index.c and expression_call.c evaluate them. */
#ifndef MEASURE_EXPRESSION_INTERNAL_H
#define MEASURE_EXPRESSION_INTERNAL_H

#include "measure/expression.h"
#include "pass/address.h"

typedef enum NodeType {
    NODE_NUMBER,
    NODE_TEXT,    /* a slice with its quotes */
    NODE_NAME,    /* a slice: a constant, a config key, a bare function, or an address without indices */
    NODE_ADDRESS, /* a slice with its brackets */
    NODE_NEGATE,
    NODE_NOT,
    NODE_AND,
    NODE_OR,
    NODE_ARITHMETIC, /* op: + - * / ^ */
    NODE_COMPARE,    /* op: a Comparison; kid 2: the tolerance, kid 3: the next of a chain, whose own left side is missing; or -1 */
    NODE_CALL,       /* kids: the arguments */
    NODE_INDEX,      /* kid 0, and a slice: the brackets' content */
    NODE_WORD        /* an argument that is not computed: a slice */
} NodeType;

typedef enum Comparison { IS_EQUAL, IS_NOT, IS_LESS, IS_AT_MOST, IS_MORE, IS_AT_LEAST } Comparison;

enum { ARGUMENTS_MAX = 4 };

typedef struct Function Function;

typedef struct Node {
    NodeType type;
    size_t at, len; /* the slice of the text; `at` is what errors point at */
    int op;
    bool percent, whole;
    double number;
    const Function *function;
    int kid[ARGUMENTS_MAX], kids;
} Node;

struct Expression {
    char *text;
    size_t len;
    Node *nodes;
    int count, root;
};

/* How a function reads its arguments. */
typedef enum Form {
    FORM_EACH, /* number by number */
    FORM_ALL,  /* an array to one number, or over the axes named behind it */
    FORM_LAST, /* over the last axis, or those named */
    FORM_COSINE,
    FORM_RANK,
    FORM_SHAPE,
    FORM_COST,     /* the name of a stage or the beginning of names, or nothing */
    FORM_TOKEN,    /* a token, and where */
    FORM_GRAD,     /* an address */
    FORM_BASELINE, /* an expression about the other pass */
    FORM_LAB       /* a name and settings */
} Form;

typedef enum ResultType { RESULT_NUMBER, RESULT_SAME, RESULT_COUNT, RESULT_TRUTH, RESULT_INDEX } ResultType;

struct Function {
    const char *name, *arguments, *what;
    Form form;
    ResultType result;
    double (*each)(double x);                  /* FORM_EACH */
    double (*over)(const double *x, size_t n); /* FORM_ALL, FORM_LAST */
};

/* The table; ends with a row without a name. */
extern const Function function_table[];
const Function *function_find(const char *name, size_t n);
/* How many of n numbers are not 0. */
double over_count(const double *x, size_t n);
/* True where the n bytes at s are that name. */
bool name_is(const char *name, const char *s, size_t n);

/* Names that are computed. */
typedef enum ConstantId {
    CONSTANT_PI,
    CONSTANT_INF,
    CONSTANT_TRUE,
    CONSTANT_FALSE,
    CONSTANT_N,
    CONSTANT_N_SOURCE,
    CONSTANT_LOSS,
    CONSTANT_SCORE,
    CONSTANT_HERE,
    CONSTANT_VALUE
} ConstantId;
typedef struct Constant {
    const char *name;
    ConstantId id;
    const char *what;
} Constant;
extern const Constant constant_table[];
const Constant *constant_find(const char *name, size_t n);

/* Evaluation. */
typedef struct Eval {
    const Expression *x;
    const ExpressionContext *c;
    ExpressionError *e;
} Eval;

int eval_node(const Eval *v, int node, Value *out);
/* A function with its arguments' nodes; `here` stands in for a missing array. */
int eval_call(const Eval *v, const Node *node, Value *out);
/* The numbers of an address (or of its gradient), by its slice of the text. */
int eval_address(const Eval *v, size_t at, size_t len, bool gradient, Value *out);
/* The stage one stands at (there must be one), on the way back its gradient. */
int eval_here(const Eval *v, size_t at, bool gradient, Value *out);
/* A result of an experiment: a FORM_LAB call, and the indices behind it. */
int eval_lab(const Eval *v, const Node *call, const Node *index, Value *out);
/* What the indices behind a value choose of it. */
int eval_index(const Eval *v, const Node *node, const Value *in, Value *out);
/* Sets the error "character N: …" at a byte of the text; returns -1. */
int eval_fail(ExpressionError *e, const char *text, size_t at, const char *format, ...) __attribute__((format(printf, 4, 5)));
/* True where the stages up to i may be read; else the error "not computed yet". */
bool eval_may_read(const Eval *v, size_t at, size_t stage);

/* Finds the end of "[…]" that begins at text[at]: one past the ']', or 0 where there is none. */
size_t brackets_end(const char *text, size_t n, size_t at);

/* The numerical rank of a [rows, columns]: how many singular values are above max(rows, columns) * epsilon * the largest; NaN where a
 * number is not finite, or without memory. One-sided Jacobi rotations (Hestenes 1958), after a QR decomposition where that is
 * smaller. epsilon is that of `real`: the numbers were computed in it. */
double matrix_rank(const double *a, size_t rows, size_t columns);

#endif
