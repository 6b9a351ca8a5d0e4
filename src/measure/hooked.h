/* hooked.h - what TransformerLens's hooks hold that is no stage's value: the insides of a norm, and each head's part of the output.
 *
 * Owns how these are computed from the values of a pass. Their names are pass/hook.h's. */
#ifndef MEASURE_HOOKED_H
#define MEASURE_HOOKED_H

#include "pass/hook.h"
#include "pass/pass.h"

/* True where a hook's numbers follow from this pass: always for a value; for the insides of a norm where it is one and has no bug in it. */
bool hooked_known(const Pass *p, Hook h);
/* The shape of a hook's numbers, without a batch, head behind token: returns the rank. */
int hooked_shape(const Pass *p, Hook h, size_t shape[STAGE_MAX_RANK]);
/* The numbers of a hook that is not HOOK_VALUE and is known, in that shape. NULL with e set; the caller frees them. */
real *hooked_compute(Pass *p, Hook h, Error *e);

#endif
