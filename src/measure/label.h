/* label.h - what the rows, columns and cells of a stage are called.
 *
 * Owns no data: names come from the pass's tokens, the config's dimension names and numbers. */
#ifndef MEASURE_LABEL_H
#define MEASURE_LABEL_H

#include "base/buffer.h"
#include "pass/pass.h"

/* One cell of a stage's value. index[i] counts along axis i; entries beyond the rank are 0. */
typedef struct Cellref {
    size_t stage;
    size_t index[STAGE_MAX_RANK];
} Cellref;

/* Position of a cell in the row-major value. */
size_t cell_offset(const Stage *s, const size_t index[STAGE_MAX_RANK]);

/* What an axis counts, translated: "head", "key/value head", "query", … Not for AXIS_NONE. */
const char *label_axis(Axis a);

/* The name of index i along an axis: the token's text for TOKEN, QUERY, KEY and VOCAB, the config's dimension
 * name for DIM where it has them, else the number. Not escaped. */
void label_index(const Pass *p, const Stage *s, int axis, size_t i, Buffer *out);

/* The same, and " (4)" behind a token that stands in its text more than once: its position. */
void label_index_apart(const Pass *p, const Stage *s, int axis, size_t i, Buffer *out);
/* The name of index i along an axis of a weight: "love", "dim 3", "position 2", "unit 7", "17". */
void label_weight_index(const Pass *p, size_t weight, int axis, size_t i, Buffer *out);

/* A token as people are shown it: a space that it begins with is visible. Not escaped. */
void label_token(const Pass *p, int id, Buffer *out);

/* "scores[head 2, query love, key 你]" for people, the axes' names translated. A token that stands in its text more
 * than once is followed by its position: "key the (4)" … */
void label_cell(const Pass *p, Cellref cell, Buffer *out);
/* … and "decoder.0.self.scores[head=2,query=1,key=3]", the address, for machines. */
void label_address(const Pass *p, Cellref cell, Buffer *out);
/* "W_Q[dim 3, 17]", "W_E[love, dim 3]", "b_Q[17]" for an entry of a weight (column 0 for a vector). */
void label_weight(const Pass *p, size_t weight, size_t row, size_t column, Buffer *out);

#endif
