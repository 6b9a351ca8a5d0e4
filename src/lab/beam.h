/* beam.h - beam search: the likeliest answers found by keeping several beginnings.
 *
 * Owns nothing that outlives the call. */
#ifndef LAB_BEAM_H
#define LAB_BEAM_H

#include "lab/setup.h"

enum { BEAM_MAX = 16, BEAM_LENGTH = 128 };

typedef struct BeamResult {
    int ids[BEAM_LENGTH]; /* with the end token, without the begin token */
    size_t n, passes;
    double log_probability; /* sum over its tokens, nats */
} BeamResult;

/* Keeps the `width` (1 … BEAM_MAX) beginnings with the highest sum of log probabilities; ends where the best of them has ended, or after
 * twice the source and 8 tokens. Width 1 is greedy. Sums are not divided by length. */
int beam_search(const Model *m, const Ids *source, int begin, size_t width, BeamResult *out, Error *e);

#endif
