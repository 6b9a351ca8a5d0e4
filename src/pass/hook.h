/* hook.h - what others call the stages: TransformerLens's hook names, and the hidden states and attentions of Hugging Face's transformers.
 *
 * Owns the two lists. Both are of the architectures those libraries have: TransformerLens's names are a decoder's, with norms before the
 * sub-layers or without any; the numbers are those of HookedTransformer.from_pretrained_no_processing (from_pretrained folds norms
 * and biases into other weights: another network with the same output). Computes nothing. */
#ifndef PASS_HOOK_H
#define PASS_HOOK_H

#include "pass/plan.h"

enum { HOOK_NAME_MAX = 64 };

/* The hook name of stage i, "blocks.0.attn.hook_pattern"; false where it has none. The logits, which have no hook, are "logits". */
bool hook_name(const Plan *p, size_t i, char out[HOOK_NAME_MAX]);
/* The stage of a hook name in any decoder, also without "hook_" ("blocks.0.attn.pattern"); or -1. "blocks.1.hook_resid_pre" is the stage whose value the
 * layer reads. */
int hook_find(const Plan *p, const char *name);
/* True where theirs has [token, head, dim] and ours [head, token, dim]. */
bool hook_is_head_last(const Stage *s);

/* The stage of a name among transformers' outputs, or -1: "logits"; "hidden_states.N" ("hidden.N"), what layer N reads, and behind the last
 * layer what the unembedding reads; "attentions.N" ("attention.N"), the weights of layer N. Of an encoder–decoder,
 * "encoder_hidden_states.N", "decoder_hidden_states.N", "encoder_attentions.N", "decoder_attentions.N", "cross_attentions.N". */
int hook_find_output(const Plan *p, const char *name);

#endif
