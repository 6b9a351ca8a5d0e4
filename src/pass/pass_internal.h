/* pass_internal.h - what a Pass is made of: for the files that walk one (pass.c, cache.c, line_up.c, edit.c, decoding.c). */
#ifndef PASS_PASS_INTERNAL_H
#define PASS_PASS_INTERNAL_H

#include "pass/edit.h"
#include "tensor/numbers.h"

struct Pass {
    const Model *model;
    Plan plan;
    int *ids[2]; /* by stack: encoder, decoder */
    size_t ids_room[2];
    real **values; /* by stage; all point into value_block, except those an earlier pass computed */
    real *value_block;
    size_t value_room; /* numbers value_block holds */
    size_t done;
    real **gradients; /* by stage, into gradient_block; NULL before the first backward */
    real *gradient_block;
    size_t gradient_room;
    bool has_gradients; /* they are of these ids */
    size_t backward_left; /* stages of a backward that was begun */
    real *scratch;           /* see StageRun; and what the loss makes of a row of logits */
    size_t scratch_room;
    real *vectors; /* room for a gain and a bias of the longest kind, vector_room each; NULL where every vector is `real` as it lies */
    size_t vector_room;
    real *table_block; /* see stage_fill_table: table_rows rows from position table_first on */
    size_t table_first, table_rows;
    const real *table; /* in it: the rows from position `past` on */
    real **weight_gradients; /* by weight, into weight_block; NULL before pass_backward */
    real *weight_block;
    int *targets; /* of the last backward */
    size_t targets_room, targets_len;
    StageFn forward[STAGE_KIND_COUNT], backward[STAGE_KIND_COUNT]; /* stage_table's, unless swapped */
    bool rewired;            /* see pass_rewire */
    bool one_by_one;         /* see StageRun */
    size_t laid_out;         /* numbers in all values when they were laid out; 0 where memory ran out on the way */
    bool in_place;           /* nobody looks at a value behind the stage that reads it: the next may be made where it lies */
    struct Changes *changes; /* what the edits do; NULL where there are none */
    Matrix *weights; /* by weight: what is read instead of the model's, where it has data; NULL while there is none */
    /* while decoding: by stage, the keys and values of all positions so far, as they lie in memory (cache.c), NULL where pass_is_cached() is
     * false; for how many positions there is room; and the ids of those */
    real **cache;
    size_t cache_rows;
    const int *cache_ids;
};

/* As pass_create, for tokens that follow `past` earlier ones. in_place: see Pass. */
Pass *pass_create_after(const Model *m, PassInput in, size_t past, bool in_place, Ablations a, Error *e);
/* As pass_feed, for tokens that follow `past` earlier ones. */
int pass_feed_after(Pass *p, PassInput in, size_t past, Error *e);
/* Computes every stage before `end`. */
void pass_run_until(Pass *p, size_t end);
size_t pass_logits(const Plan *plan);
/* How long the longest vector is among the weights that are not `real`s as they lie; 0 where there is none. */
size_t pass_longest_vector(const Weights *w);
/* Makes *m, where the values of w lie, what a stage run can read: a vector that is not `real` becomes a copy in `room`. */
void pass_make_readable(Matrix *m, const Weight *w, real *room);
/* Makes *to (room for *room) a copy of n ids. */
int pass_copy_ids(int **to, size_t *room, const int *ids, size_t n);

/* ---- cache.c ---- */

/* True where the later tokens of a decoding read this stage's value from the cache: keys as the scores read them, and values. */
bool pass_is_cached(const Plan *plan, const Stage *s);
/* Lets r read stage `from` from its cache, as the second input: nothing else reads a cache. */
void cache_read(const Pass *p, int from, StageRun *r);
/* Appends the rows [G, n, k] of stage i, which was just computed, to its cache. */
void cache_append(Pass *p, size_t i);
/* Copies the first `length` positions of stage s's cache, to the end of a line, into one with room for another number of them. */
void cache_copy(real *to, size_t to_rows, const real *from, size_t from_rows, size_t length, const Stage *s);

/* ---- line_up.c ---- */

/* Lets a pass that continues a text, and reads the model's weights, read copies of its matrices instead, laid out for products with one row of
 * numbers. Returns the memory they lie in, which is to outlive the pass; or NULL, and the pass is as it was. */
real *pass_line_up(Pass *p, Error *e);

/* ---- edit.c ---- */

/* Changes the value of stage i, which was just computed. */
void changes_apply(Pass *p, size_t i);
/* Before stage i's backward: what it is to read instead of r's value and gradient, where it is edited. */
void changes_before_backward(Pass *p, size_t i, StageRun *r);
/* The edited copy of weight w, or NULL. */
const real *changes_weight(const struct Changes *c, size_t w);
void changes_free(struct Changes *c);

#endif
