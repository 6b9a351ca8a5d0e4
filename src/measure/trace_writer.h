/* trace_writer.h - what the formats of a trace share: the text on its way out, and what rows and columns are called. For trace*.c only. */
#ifndef MEASURE_TRACE_WRITER_H
#define MEASURE_TRACE_WRITER_H

#include "measure/label.h"
#include "measure/trace.h"

/* What has been formatted and not yet been handed on. */
typedef struct TraceWriter {
    const Trace *trace;
    Buffer text;
    TraceEmit emit;
    void *context;
    bool stopped;
} TraceWriter;

/* Hands on what has piled up; false where there is no use in going on. */
bool trace_go_on(TraceWriter *w);

/* A tensor as matrices: a vector is one row. */
typedef struct TraceMatrices {
    size_t heads, rows, cols; /* heads is 0 where there is no such axis */
} TraceMatrices;
TraceMatrices trace_matrices(const TraceItem *item);
/* What dimension i of the item counts. */
Axis trace_axis(const TraceItem *item, int i);
/* Adds the name of a row or column, not escaped; with `apart`, a repeated token has its position behind it. */
void trace_name(const TraceWriter *w, const TraceItem *item, bool row, size_t i, bool apart, Buffer *out);
/* "decoder.0.self.weights, head 1, 4×7: query by key", and for gradients "d(loss)/d(…)". head -1: none to name. */
void trace_caption(const TraceWriter *w, const TraceItem *item, int head, Buffer *out);

/* What the numbers are of, on one line: "zh-en: 我 爱 你 </s> → <s> I love you; no-positions; edit …". Not escaped. */
void trace_origin(const TraceWriter *w, Buffer *out);

/* What the numbers are of, at the beginning; then one item each. */
void trace_write_table_head(TraceWriter *w, TraceFormat format);
void trace_write_markdown(TraceWriter *w, const TraceItem *item, bool first);
void trace_write_latex(TraceWriter *w, const TraceItem *item, bool first);
/* All of them: a picture has a size that stands at its beginning. */
int trace_write_svg(TraceWriter *w, Error *e);

#endif
