/* twin.h - what a twin is fed, and what it says by itself.
 *
 * Owns the rule of what both sides have in common: an encoder-decoder's decoder is fed the same ids on both, so that what differs is what
 * was changed and not what was said before. Knows nothing of differences: those are compare.h's. */
#ifndef MEASURE_TWIN_H
#define MEASURE_TWIN_H

#include "pass/edit.h"
#include "pass/input.h"

/* True where an id is the same token in both models. */
bool twin_shares_tokens(const Model *a, const Model *b);
/* Whether m can stand beside `baseline`: of the same kind and with the same tokens. -1 with e set where it cannot. */
int twin_check_model(const Model *baseline, const Model *m, Error *e);

/* The twin's ids: those of the baseline, or of another text (ids where the model has no words) and, for an encoder-decoder, another
 * target; each may be NULL. On an error *out is empty. */
int twin_read_input(Input *out, const Model *m, const Input *baseline, const char *text, const char *target, Error *e);

/* What a side says when it is fed its own tokens, greedily, appended to out: of an encoder-decoder the answer to in->source, up to the
 * end token; of a decoder what follows in->target, at most `most` tokens; of an encoder its likeliest token at every position. An edit of
 * a position applies as soon as there is one. */
int twin_speak(Ids *out, const Model *m, const Input *in, Ablations a, const Edits *edits, size_t most, Error *e);

#endif
