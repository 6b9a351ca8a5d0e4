/* value.h - what an expression comes to: a number, a truth or a text, or an array of numbers or truths whose axes have names.
 *
 * Owns the numbers and the names of rows that a table brought with it. Axes borrow the pass whose stages they are of: a value is read
 * while its pass is alive. Knows nothing of how it was computed. */
#ifndef MEASURE_VALUE_H
#define MEASURE_VALUE_H

#include "base/buffer.h"
#include "base/error.h"
#include "pass/pass.h"

enum { VALUE_MAX_RANK = 4 };

typedef enum ValueType { VALUE_NUMBER, VALUE_TRUTH, VALUE_TEXT } ValueType;

/* Names of the indices of an axis, shared by the values that have it. */
typedef struct ValueNames {
    int uses;
    size_t count;
    char **items;
} ValueNames;

/* What the indices along one axis are called. */
typedef struct ValueAxis {
    const char *name;  /* "head", "key", "layer", "row"; never freed */
    const Pass *pass;  /* whose tokens and stages they are; NULL where they are numbers or `names` */
    int stage, axis;   /* the stage and its axis whose indices they are, or NO_STAGE */
    bool vocab;        /* tokens of the vocabulary */
    size_t first;      /* which of them index 0 is */
    ValueNames *names; /* or these, where it is not NULL */
} ValueAxis;

typedef struct Value {
    ValueType type;
    bool whole; /* counts: shown without a decimal point */
    int rank;   /* 0: one number */
    size_t shape[VALUE_MAX_RANK];
    ValueAxis axes[VALUE_MAX_RANK];
    size_t count;  /* product of the shape; 1 for rank 0; 0 for a text */
    double *data;  /* row-major; truths are 0 and 1 */
    char *text;    /* VALUE_TEXT */
    bool is_index; /* the numbers are indices along this axis (argmax) */
    ValueAxis of;
} Value;

/* A scalar; -1 without memory. */
int value_number(Value *v, double x, Error *e);
int value_truth(Value *v, bool x, Error *e);
int value_text(Value *v, const char *s, size_t n, Error *e);
/* Room for an array of that shape (numbers 0, axes without names). */
int value_array(Value *v, int rank, const size_t *shape, Error *e);
void value_free(Value *v);

/* An axis that is counted. */
ValueAxis value_axis(const char *name);
/* The same axis once more, its names shared. */
ValueAxis value_axis_share(const ValueAxis *a);
/* Gives an axis names of its own: count copies. -1 without memory. */
int value_axis_name(ValueAxis *a, const char *const *names, size_t count, Error *e);
/* Appends the name of index i: a token, a dimension's name, a stage, or a number. Not escaped. */
void value_label(const ValueAxis *a, size_t i, Buffer *out);

/* True where a truth holds, all of it. */
bool value_holds(const Value *v);

/* ---- writing ---- */

enum { VALUE_NUMBER_MAX = 40 };
/* Writes one number with `digits` significant digits (0: as many as bring it back), with a decimal point unless it is a count;
 * "nan", "inf", "-inf"; a truth as true or false. */
void value_format(char out[VALUE_NUMBER_MAX], const Value *v, double x, int digits);
/* A scalar as one line without its end: `0.45178`, `2 (love)`, `true`, `"text"`; of an array its shape, then
 * its numbers where they are few, else their mean and range. */
void value_write_line(const Value *v, Buffer *out);
/* For people: the line, or a small table with names, ended by a newline. Of a large array the beginning, and a line that says how
 * much was left out; a matrix that is wider than so many columns stands in parts, one below the other. */
void value_write_table(const Value *v, int columns, Buffer *out);
/* {"expression": …, "type": …, "axes": […], "shape": […], "value": …} */
void value_write_json(const Value *v, const char *expression, Buffer *out);
/* A line a number: the expression, up to four indices with their axis ("head=1"), empty where there are fewer, and the number. */
void value_write_csv_head(Buffer *out);
void value_write_csv(const Value *v, const char *expression, Buffer *out);

#endif
