/* hook.h - what others call the stages: TransformerLens's hook names, and the hidden states and attentions of Hugging Face's transformers.
 *
 * Owns the lists. They are of the architectures those libraries have: TransformerLens's names are a decoder's, with norms before the
 * sub-layers or without any, or an encoder's with norms behind them; the numbers are those of
 * HookedTransformer.from_pretrained_no_processing or of a TransformerBridge (from_pretrained folds norms and biases into other weights:
 * another network with the same output), and of HookedEncoder.from_pretrained, which folds nothing. Computes nothing: measure/hooked.h has
 * what the hooks inside a norm hold. */
#ifndef PASS_HOOK_H
#define PASS_HOOK_H

#include "pass/plan.h"

enum { HOOK_NAME_MAX = 64, HOOK_NAMES_MAX = 4 };

/* What a hook holds of a stage. */
typedef enum HookForm {
    HOOK_VALUE,      /* its value */
    HOOK_SCALE,      /* of a norm: what each row is divided by, sqrt(mean square + eps), [token, 1]; of q_norm [token, head, 1] */
    HOOK_NORMALIZED, /* of a norm: its rows before the gain and the bias. Up to TransformerLens 2 a LayerNorm's was behind them: its value */
    HOOK_RESULT      /* of self.out: what each head adds to it, [token, head, dim] */
} HookForm;

typedef struct Hook {
    int stage; /* NO_STAGE: none */
    HookForm form;
} Hook;

typedef struct HookName {
    char name[HOOK_NAME_MAX];
    HookForm form;
} HookName;

/* The hooks that a cache of TransformerLens's has of stage i, in its order: "blocks.0.attn.hook_pattern"; "blocks.0.hook_resid_post" and
 * "blocks.1.hook_resid_pre", which are the same numbers. Returns how many. The logits, which have no hook, are "logits". */
size_t hook_names(const Plan *p, size_t i, HookName out[HOOK_NAMES_MAX]);
/* What a hook of any decoder, or of a model that is an encoder, holds, also without "hook_" ("blocks.0.attn.pattern") and by the names a TransformerBridge has of its own
 * ("blocks.0.attn.q.hook_out"). "blocks.1.hook_resid_pre" is the stage whose value the layer reads. */
Hook hook_find(const Plan *p, const char *name);
/* The stage that a hook's name is an alias of, or -1. A LayerNorm's hook_normalized is the norm's stage, gain and bias in it. */
int hook_find_stage(const Plan *p, const char *name);
/* True where theirs has [token, head, dim] and ours [head, token, dim]. */
bool hook_is_head_last(const Stage *s);

/* The stage of a name among transformers' outputs, or -1: "logits"; "hidden_states.N" ("hidden.N"), what layer N reads, and behind the last
 * layer what the unembedding reads; "attentions.N" ("attention.N"), the weights of layer N; also with _N,
 * /N or [N]; "last_hidden_state". Of an encoder–decoder,
 * "encoder_hidden_states.N", "decoder_hidden_states.N", "encoder_attentions.N", "decoder_attentions.N", "cross_attentions.N". */
int hook_find_output(const Plan *p, const char *name);

#endif
