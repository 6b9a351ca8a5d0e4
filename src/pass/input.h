/* input.h - from what a user typed to the ids of a pass.
 *
 * Owns the ids. The one place that knows what -t, --target, --ids and --target-ids mean for each kind of model. */
#ifndef PASS_INPUT_H
#define PASS_INPUT_H

#include "model/model.h"
#include "pass/pass.h"

/* What was given; NULL where it was not. `ids` feeds the first stack and `target_ids` the decoder of an
 * encoder-decoder, exactly as given; text gets what the tokenizer adds. */
typedef struct InputText {
    const char *text, *target, *ids, *target_ids;
} InputText;

typedef struct Input {
    Ids source; /* the encoder's, empty where there is none */
    Ids target; /* the decoder's */
} Input;

/* Turns what was given into ids. With nothing given, the model's own example. With a text and no target an
 * encoder-decoder is fed its own greedy output (begin token first, at most max_len or twice the source and 8 more). Contradictions (both -t and --ids, a target for a model
 * without a decoder of its own) are errors. */
int input_read(Input *in, const Model *m, InputText given, Ablations a, Error *e);
void input_free(Input *in);
/* As pass_create's argument; borrows. */
PassInput input_ids(const Input *in);

#endif
