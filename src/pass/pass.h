/* pass.h - a plan run on an input: the value and the gradient of every stage.
 *
 * Owns the plan, the ids and all values. Borrows the model, which must outlive it. Values are computed when they are
 * asked for, in the plan's order, and kept. */
#ifndef PASS_PASS_H
#define PASS_PASS_H

#include "model/model.h"
#include "pass/plan.h"

typedef struct Pass Pass;

/* Token ids of each stack; a length of 0 where the model has no such stack. Copied. */
typedef struct PassInput {
    const int *source, *target;
    size_t source_len, target_len;
} PassInput;

/* Prepares a pass; computes nothing yet. NULL with e set where ids or lengths do not suit the model. */
Pass *pass_create(const Model *m, PassInput input, Ablations a, Error *e);
void pass_free(Pass *p);
/* Feeds a pass other ids, of any lengths: its values and gradients are forgotten, its memory is used again and grows only where it must.
 * After an error the pass can be fed or freed, nothing else. */
int pass_feed(Pass *p, PassInput input, Error *e);

const Model *pass_model(const Pass *p);
const Plan *pass_plan(const Pass *p);
/* The ids a stack was fed, *n of them. */
const int *pass_ids(const Pass *p, Stack stack, size_t *n);

/* The value of stage i: stage->count numbers, row-major. Computes what is missing up to it. */
const real *pass_value(Pass *p, size_t i);
/* The values of weight w that this pass reads: the model's where they lie, or edited ones. A vector is one row. */
Matrix pass_weight(const Pass *p, size_t w);
/* Computes every stage. */
void pass_run(Pass *p);
/* Whether in this stage, which has a query and a key axis, the query at a position may see the key at a position. */
bool pass_sees(const Pass *p, const Stage *s, size_t query, size_t key);
/* How many stages, from the first, have been computed. */
size_t pass_done(const Pass *p);

/* Mean cross-entropy in nats over the rows of the logits whose target is not -1; targets has one entry a row. -1 and e set where
 * the count is wrong, an id is out of range, or none is counted. */
int pass_loss(Pass *p, const int *targets, size_t n, double *loss, Error *e);

/* Runs every stage's backward from that loss. Afterwards pass_gradient and pass_weight_gradient answer. */
int pass_backward(Pass *p, const int *targets, size_t n, double *loss, Error *e);
/* The same a stage at a time: begin computes the loss, each step takes the last stage that is left; returns how many are left then, 0: done. */
int pass_backward_begin(Pass *p, const int *targets, size_t n, double *loss, Error *e);
size_t pass_backward_step(Pass *p);
/* d(loss)/d(value of stage i), or NULL before pass_backward. */
const real *pass_gradient(const Pass *p, size_t i);
/* d(loss)/d(weight i), or NULL before pass_backward. */
const real *pass_weight_gradient(const Pass *p, size_t i);
/* The targets those gradients are of, *n of them; NULL and 0 before pass_backward. */
const int *pass_targets(const Pass *p, size_t *n);

/* ---- what would be, with other numbers ---- */

/* Sets one number of stage i's value (which is computed first) and forgets the stages after it: they are computed again when they are
 * asked for. Setting it back brings back every bit. Gradients stay those of the last backward. */
void pass_override(Pass *p, size_t i, size_t offset, real x);
/* The same for n numbers from there on. */
void pass_override_row(Pass *p, size_t i, size_t offset, const real *x, size_t n);
/* Weight w is read from `values` (a view of its shape), or where that has no data, from where it was before. Forgets the stages
 * from the first that reads it. -1 without memory. */
int pass_use_weight(Pass *p, size_t w, Matrix values, Error *e);
/* Forgets the values of stage `first` and all after it. */
void pass_forget(Pass *p, size_t first);

/* ---- another network: the bugs of the hunt (bug.h) ---- */

/* From now on the stages of a kind are computed by these functions, forwards and backwards; NULL: by their own again. All values and
 * gradients are forgotten. */
void pass_swap(Pass *p, StageKind kind, StageFn forward, StageFn backward);
/* Lets `rewire` change what stages read: `in` may become any earlier stage of the same shape, `w` any weight of the same shape. It starts from
 * the wiring of the config, which NULL brings back. -1 without memory. */
int pass_rewire(Pass *p, void (*rewire)(Plan *plan), Error *e);
/* Whether the decoder's rows are computed as decoding with a cache computes them: see StageRun's one_by_one. */
void pass_one_by_one(Pass *p, bool on);
/* Gives p, a pass of the same model and ablations, the functions and wires of another: a bug of the hunt is in both. */
void pass_become(Pass *p, const Pass *like);
/* True where the functions or wires are not those of the config: the pass has a bug in it. */
bool pass_is_altered(const Pass *p);

/* ---- one token at a time, with a key/value cache ---- */

typedef struct Decoding Decoding;

/* Starts decoding of up to `capacity` decoder positions; the cache grows with what is fed. The source (an encoder's tokens) is
 * read once. The result for each token is the same as without the cache; no-mask cannot be cached (every new token would change
 * the earlier rows) and is an error. */
Decoding *decoding_create(const Model *m, const int *source, size_t source_len, size_t capacity, Ablations a, Error *e);
void decoding_free(Decoding *d);
/* Feeds n > 0 more tokens; *logits gets the last one's logits [vocab_size], valid until the next call. */
int decoding_feed(Decoding *d, const int *ids, size_t n, const real **logits, Error *e);
size_t decoding_length(const Decoding *d);
struct Bug;
/* Puts a bug of the hunt into every later feed (NULL: none). The first feed must not have been made. */
void decoding_put_bug(Decoding *d, const struct Bug *bug);

#endif
