/* explain_gradient_lines.h - how the files explain_gradient*.c write what comes back through one reader of a cell.
 *
 * Everyone else uses explain_gradient.h. */
#ifndef MEASURE_EXPLAIN_GRADIENT_LINES_H
#define MEASURE_EXPLAIN_GRADIENT_LINES_H

#include "measure/explain_lines.h"
#include "pass/edit.h"

/* One reader of the cell that is explained: stage `reader` reads it as its input `which`. While a family writes, x->stage is the
 * reader and x->index the cell's place in that input, so that lines_input and lines_weight are the reader's. What a family adds ends in
 * a LINE_TERM, except the softmax's, whose input has no other reader. */
typedef struct Way {
    Explainer *x;
    size_t reader;
    int which;
} Way;

/* d(loss)/d(a cell of any stage). */
Operand lines_gradient(Explainer *x, size_t stage, size_t i0, size_t i1, size_t i2);
/* The cell as the stage computed it, before its edits: what a softmax's backward reads. */
Operand lines_own_value(Explainer *x, size_t stage, size_t i0, size_t i1, size_t i2);
/* One term: label; result = d · with. */
void lines_product(Explainer *x, const char *label, Operand d, Operand with);
/* One term: the gradient is handed on as it is. */
void lines_handed_on(const Way *way, size_t i0, size_t i1, size_t i2);

/* False where nothing ever comes back this way: the constant table of positions, a residual or scores that an ablation leaves out,
 * the output's probabilities. */
bool gradient_passes(const Plan *plan, const Stage *reader, int which);
/* "d scores · k", "d residual": what comes back this way, in the names of the stages; with their shapes or without. */
void gradient_term(const Pass *p, const Stage *reader, int which, bool shapes, Buffer *out);
/* The sum of that over all readers of stage i. */
void gradient_terms(const Pass *p, size_t i, bool shapes, Buffer *out);

/* One function for each family of stages that read one (the last column of stages.def). */
#define STAGE(KIND, id, title, formula, what, source, w0, w1, family) void gradient_through_##family(const Way *way);
#include "pass/stages.def"
#undef STAGE

#endif
