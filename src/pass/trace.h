/* trace.h - all stages of a pass, or all gradients, written down for other programs and for people.
 *
 * Owns the list of what is written; borrows the numbers from the pass. Knows the formats, not where they go.
 *
 *   text         a block each: lines beginning with '#' say name, shape and axes, and what it is; then one line a row,
 *                six significant digits
 *   json         one object: the model, the ids, the ablations, and an array of {name, shape, axes, value}
 *   csv          stage,head,row,column,value: one line a number, indices from 0, head empty where there are none
 *   safetensors  one tensor each, by name
 *
 * In json and csv a number is the shortest text that reads back as the same number, always with a decimal point or an exponent. JSON has no
 * infinities: there they are the strings "-inf" and "inf", and what is not a number is "nan"; csv and text write the same without quotes.
 */
#ifndef PASS_TRACE_H
#define PASS_TRACE_H

#include "pass/pass.h"

typedef enum TraceFormat { TRACE_TEXT, TRACE_JSON, TRACE_CSV, TRACE_SAFETENSORS } TraceFormat;

/* One named tensor: the value or the gradient of a stage, or the gradient of a weight. */
typedef struct TraceItem {
    char name[STAGE_NAME_MAX];
    const Stage *stage; /* NULL for a weight */
    int rank;
    const size_t *shape; /* borrowed, like data */
    const real *data;
} TraceItem;

typedef struct Trace {
    const Pass *pass;
    bool gradients;
    double loss; /* nats; where these are gradients */
    TraceItem *items;
    size_t count;
} Trace;

/* Lists the values of the stages for which chosen[i] is set, all where chosen is NULL, in the plan's order. Computes what
 * is missing. */
int trace_values(Trace *t, Pass *p, const bool *chosen, Error *e);
/* Lists the gradients of all weights, in the model's order, then of all stages, after pass_backward with that loss. */
int trace_gradients(Trace *t, Pass *p, double loss, Error *e);
void trace_free(Trace *t);

/* Receives the text piece by piece; returns false to stop. */
typedef bool (*TraceEmit)(void *context, const char *bytes, size_t n);
/* Writes text, json or csv. -1 with e set without memory; 0 also where emit stopped it. */
int trace_write(const Trace *t, TraceFormat format, TraceEmit emit, void *context, Error *e);
/* Writes a safetensors file; "-" is standard output. */
int trace_save(const Trace *t, const char *path, Error *e);

enum { TRACE_NUMBER_MAX = 32 };
/* The shortest text that reads back as the same real, with a decimal point or an exponent; "-inf", "inf", "nan". Returns its length. */
int trace_number(char out[TRACE_NUMBER_MAX], real x);
/* Six significant digits, with a decimal point. */
int trace_number_short(char out[TRACE_NUMBER_MAX], real x);

#endif
