/* trunk.h - the residual stream of one stack as the chain of stages that carry it, and what each of its dimensions is worth to a logit.
 *
 * Owns the chain. The lens, the attribution, the belt and the tracing all walk it; what hangs on it (heads, FFN units) is theirs. */
#ifndef MEASURE_TRUNK_H
#define MEASURE_TRUNK_H

#include "pass/pass.h"

/* The stages in the plan's order: the embedding (with its positions, its segments and its norm where there are any), each residual, each norm
 * that stands in the stream itself (after a residual in post-norm; the final norm in pre-norm). The last one is what the stack hands on. */
typedef struct Trunk {
    size_t *stages;
    size_t count;
} Trunk;

/* The chain of a stack that the model has. -1 with e set without memory. */
int trunk_find(const Plan *plan, Stack stack, Trunk *out, Error *e);
void trunk_free(Trunk *t);

/* True where the stream is whole at entry k: the embedding, and what is left behind each sub-layer (behind its norm in post-norm). False at
 * a residual that its own norm follows, and at the final norm, which only reads. */
bool trunk_is_point(const Plan *plan, const Trunk *t, size_t k);

/* What RESIDUAL, SUM or TYPED entry k adds to entry k - 1: the index of the sub-layer's result; NO_STAGE for other entries. */
int trunk_added(const Plan *plan, const Trunk *t, size_t k);

/* The stage whose stream the result of stage i is added to: what the residual that reads i, or reads the sum that i is joined to, has as
 * its other part. NO_STAGE where i is no sub-layer's result. */
int trunk_joins(const Plan *plan, size_t i);

/* What the last entry of the chain is multiplied with to give row `row`'s logit of `id`, minus that of `against` where that is not -1: column
 * `id` of W_U, carried back through the output's own head where there is one, with its norm frozen as below and each activation as the
 * factor that it is at this row, y / x. Returns what is added besides: the biases on that way, and what edits of it made. out, room [d_model]. */
double trunk_unembed(Pass *p, size_t row, int id, int against, double *out, double *room);

/* Carries a direction from the last entry of a chain back to all others, with every norm on the way replaced by the linear map that it is
 * at the values of this row: its mean and variance frozen, as direct logit attribution does (Elhage et al. 2021, "A Mathematical Framework
 * for Transformer Circuits"). With u = out[count - 1], for every k, exactly but for rounding,
 *
 *     last entry · u  =  entry k · out[k]
 *                        + what is added to the stream after k, each times the row of the entry that adds it
 *                        + bias[k + 1] + … + bias[count - 1]
 *
 * out [count][d_model] with its last row set by the caller; bias [count] gets what the bias of each norm is worth. Where no-residual cuts
 * the stream, what is before the cut has direction 0. */
void trunk_carry_back(Pass *p, const Trunk *t, size_t row, double *out, double *bias);

/* Row `row` of stage i, which is [tokens, width]; computes it. */
const real *trunk_row(Pass *p, size_t i, size_t row);

/* a · b, and |x|, added up in double. */
double trunk_dot(const real *a, const double *b, size_t n);
double trunk_norm(const real *x, size_t n);

/* Which row and token the explaining views speak of where nobody says: the last position of a decoder; for an encoder the first mask token,
 * or the first position. The token is the likeliest of that row. */
size_t trunk_default_row(const Pass *p);
int trunk_likeliest(Pass *p, size_t row);

#endif
