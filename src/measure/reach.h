/* reach.h - what a head really moves: the norm of its weight times the value through its block of W_O, beside the weight alone.
 *
 * Owns nothing. ‖α V W_O‖ is Kobayashi et al. 2020, "Attention is Not Only a Weight" (their f(x) = (x W_V + b_V) W_O): a large weight on a
 * small value moves little. b_O belongs to no key and is left out. */
#ifndef MEASURE_REACH_H
#define MEASURE_REACH_H

#include "pass/pass.h"

/* The OUT stage that a WEIGHTS stage i leads to. */
size_t reach_out_stage(const Plan *plan, size_t i);

/* ‖α V W_O‖ for every query and key of one head: out [queries, keys]. */
int reach_norms(Pass *p, size_t i, size_t head, real *out, Error *e);

#endif
