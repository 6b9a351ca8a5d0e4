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
    size_t own; /* so many at its end are the decoder's own greedy answer */
} Input;

/* Turns what was given into ids.
 *   Neither text nor ids: the config's `example`; for llama2.c's files "Once upon a time"; for any other model without an
 * example six ids: the begin token where there is one, then 1, 2, 3, … as far as the vocabulary goes, special tokens left out; where
 * the vocabulary is only numbers they stand in for the target, too.
 *   No target for an encoder-decoder: it is fed its own greedy output under the ablations `a`, the begin token first (id 0 where there is
 * none), until the end token, which is not fed, or twice the source and 8 tokens (six, for a model whose vocabulary is only numbers), or
 * where learned positions end.
 * Contradictions (both -t and --ids, a target for a model that has only one stack), text that is not UTF-8, text for a model
 * without a vocabulary are errors. On an error *in is empty. */
int input_read(Input *in, const Model *m, InputText given, Ablations a, Error *e);
/* What a decoder that is fed nothing else begins with: the begin token, or id 0. */
int input_begin_id(const Model *m);
/* An error that names the place where text is not UTF-8; `what` names the text. */
int input_check_text(const char *text, const char *what, Error *e);
/* What the loss compares the output with where nobody says: for a decoder the token that comes next (after the last nothing is known: -1, not
 * counted; but an encoder-decoder's answer ends in the end token, where the model has one); for an encoder its own tokens. One id a row of the output, appended to out. */
int input_targets(const Input *in, const Model *m, Ids *out, Error *e);
void input_free(Input *in);
/* As pass_create's argument; borrows. */
PassInput input_ids(const Input *in);

/* The text that shows what a model does: what it is fed where nothing is given; NULL where it has none. */
const char *input_example(const Model *m);

#endif
