/* trace.h - all stages of a pass, or all gradients, written down for other programs and for people.
 *
 * Owns the list of what is written; borrows the numbers from the pass. Knows the formats, not where they go.
 *
 *   text         a block each: lines beginning with '#' say name, shape and axes, and what it is; then one line a row,
 *                six significant digits; for a terminal one line a row and block of columns
 *   json         one object: the model, the ids, the ablations, edits and bug, and an array of {name, shape, axes, value}
 *   csv          stage,head,row,column,value,row_name,column_name: one line a number, indices from 0, head empty where there are none;
 *                the names are the tokens', dimensions' or units', quoted where RFC 4180 asks for it
 *   safetensors  one tensor each, by name
 *   markdown     tables as GitHub draws them, the names as row and column headers, wide matrices cut into several tables
 *   latex        the same as tabulars without any package, to be included with \input
 *   svg          heat maps: colour and shape say sign and size, numbers where they fit, and every cell's name and exact number as its title
 *
 * In json and csv a number is the shortest text that reads back as the same number, always with a decimal point or an exponent. JSON has no
 * infinities: there they are the strings "-inf" and "inf", and what is not a number is "nan"; csv and text write the same without quotes.
 * Markdown, latex and the pictures' cells are rounded: see trace_number_table. */
#ifndef MEASURE_TRACE_H
#define MEASURE_TRACE_H

#include "pass/edit.h"
#include "pass/pass.h"

/* In the order of TRACE_FORMATS, which is what --format takes. */
typedef enum TraceFormat {
    TRACE_TEXT,
    TRACE_JSON,
    TRACE_CSV,
    TRACE_SAFETENSORS,
    TRACE_MARKDOWN,
    TRACE_LATEX,
    TRACE_SVG,
    TRACE_FORMAT_COUNT
} TraceFormat;
#define TRACE_FORMATS "text|json|csv|safetensors|markdown|latex|svg"

enum { TRACE_SVG_CELLS = 250000 }; /* a picture of more is no picture */

/* One named tensor: the value or the gradient of a stage, or the gradient of a weight. */
typedef struct TraceItem {
    char name[STAGE_NAME_MAX];
    const Stage *stage; /* NULL for a weight */
    size_t weight;      /* its index in the model, where it is one */
    int head;           /* the one head that this is, of a stage of rank 3; -1: all there is */
    int rank;
    const size_t *shape; /* borrowed, like data */
    const real *data;
    real *own; /* what data points to, where it is nowhere else: the inside of a norm, a weight that does not lie row after row; or NULL */
    size_t own_shape[STAGE_MAX_RANK];
} TraceItem;

typedef struct Trace {
    const Pass *pass;
    const Edits *edits; /* of the pass, borrowed; NULL: none. Every format but csv and safetensors says them */
    bool changed;       /* the weights are no longer those that the model was opened with: said as the edits are */
    const char *bug;    /* the bug of the hunt that the pass has in it, or NULL: said as the edits are */
    bool hooks;         /* named as TransformerLens does: trace_use_hooks */
    bool gradients;
    double loss; /* nats; where these are gradients */
    int columns; /* text: a wider matrix stands in blocks of columns, one below the other; 0: none does */
    TraceItem *items;
    size_t count;
} Trace;

/* Lists the values of the stages for which chosen[i] is set, all where chosen is NULL, in the plan's order. Computes what
 * is missing. */
int trace_values(Trace *t, Pass *p, const bool *chosen, Error *e);
/* Lists the gradients of all weights, in the model's order, then of all stages, after pass_backward with that loss. */
int trace_gradients(Trace *t, Pass *p, double loss, Error *e);
/* Lists the gradients of the chosen stages alone. */
int trace_stage_gradients(Trace *t, Pass *p, const bool *chosen, double loss, Error *e);
/* Lists one weight of the model, or its gradient after pass_backward with that loss. */
int trace_weight(Trace *t, Pass *p, size_t weight, bool gradient, double loss, Error *e);
/* Leaves one head of every item that has heads. */
void trace_take_head(Trace *t, size_t head);
/* Gives the stages TransformerLens's hook names (pass/hook.h), some of them two, and leaves out those that have none: what a cache of its
 * holds, hook_scale and hook_normalized of the norms included, these as they are since its version 3 (in front of gain and bias). In
 * safetensors they have its shapes, too: a batch of 1 in front, and [batch, token, head, dim] where ours is [head, token, dim]. *left_out
 * gets how many stages have none. -1 with e set where none has a hook: the model is not a decoder with norms before its sub-layers. */
int trace_use_hooks(Trace *t, Pass *p, size_t *left_out, Error *e);
void trace_free(Trace *t);

/* The format that the end of a file's name says ("x.md" is Markdown), or -1. */
int trace_format_of(const char *path);

/* Receives the text piece by piece; returns false to stop. */
typedef bool (*TraceEmit)(void *context, const char *bytes, size_t n);
/* Writes any format but safetensors. -1 with e set without memory, or where there are more cells than a picture can have; 0 also where
 * emit stopped it. */
int trace_write(const Trace *t, TraceFormat format, TraceEmit emit, void *context, Error *e);
/* Writes a safetensors file; "-" is standard output. */
int trace_save(const Trace *t, const char *path, Error *e);

enum { TRACE_NUMBER_MAX = 32 };
/* The shortest text that reads back as the same real, with a decimal point or an exponent; "-inf", "inf", "nan". Returns its length. */
int trace_number(char out[TRACE_NUMBER_MAX], real x);
/* Six significant digits, with a decimal point. */
int trace_number_short(char out[TRACE_NUMBER_MAX], real x);
/* For a table: four digits behind the point, with an exponent ("1.234e-05") where that would show too little or too much. */
int trace_number_table(char out[TRACE_NUMBER_MAX], real x);

#endif
