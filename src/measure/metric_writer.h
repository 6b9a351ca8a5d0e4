/* metric_writer.h - how the files metric_lines*.c write about a stage, line by line.
 *
 * Everyone else uses metrics.h. Owns the lines while they are written. */
#ifndef MEASURE_METRIC_WRITER_H
#define MEASURE_METRIC_WRITER_H

#include "measure/label.h"
#include "measure/metrics.h"

/* Beyond this many numbers only the cursor's head or row is described, and of the stream's history nothing. */
enum { LARGE_STAGE = 1 << 13, LARGE_HISTORY = 1 << 22 };

/* What every family of stages is given, and writes into. */
typedef struct Writer {
    Pass *pass;
    const Config *config;
    Ablations ablations;
    const Stage *stage;
    size_t i, head, row; /* the stage's index; where the cursor is, inside the stage */
    MetricLine *out;
    size_t max, count;
} Writer;

/* One line: label and value are cut to the columns they may take. */
void writer_say(Writer *w, const char *label, const char *format, ...) __attribute__((format(printf, 3, 4)));
bool writer_is_large(const Writer *w);

/* A number as it stands in a line: about four digits, always a decimal point. */
typedef struct Number {
    char text[24];
} Number;
Number writer_number(double x);
Number writer_percent(double share);
#define NUM(x) writer_number(x).text
#define PERCENT(x) writer_percent(x).text

/* The name of index i along an axis of the stage, at most `columns` wide. */
typedef struct Name {
    char text[48];
} Name;
Name writer_name(const Writer *w, int axis, size_t i, int columns);
#define NAME(axis, i, columns) writer_name(w, axis, i, columns).text

/* The stage's value; and the cursor's row of stage i's (of the cursor's head). */
const real *writer_value(const Writer *w);
const real *writer_row(const Writer *w, size_t i);

/* Lines several kinds share. "mean …, variance …, norm …" of n numbers; "mean …, variance …, from … to …"; both: this
 * row, then the whole matrix under the cursor (this head, or all rows). */
void writer_say_moments(Writer *w, const char *label, const real *x, size_t n);
void writer_say_range(Writer *w, const char *label, const real *x, size_t n);
void writer_say_rows(Writer *w);
/* Mean cosine between rows. */
void writer_say_likeness(Writer *w, const char *label, const real *x, size_t rows, size_t d);
/* How large a sub-layer's result, stage y, is beside the stream, stage x, that it joins. */
void writer_say_beside(Writer *w, size_t y, size_t x);

/* One function for each family of stages (the last column of stages.def). */
#define STAGE(KIND, id, title, formula, what, source, w0, w1, family) void lines_about_##family(Writer *w);
#include "pass/stages.def"
#undef STAGE

#endif
