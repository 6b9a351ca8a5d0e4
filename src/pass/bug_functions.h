/* bug_functions.h - the wrong forwards and backwards, and the wrong wirings: between the files bug*.c only.
 *
 * Everyone else uses bug.h. */
#ifndef PASS_BUG_FUNCTIONS_H
#define PASS_BUG_FUNCTIONS_H

#include "pass/plan.h"

#define BUG_PAIR(name)                                                                                                                     \
    void bug_##name##_forward(const StageRun *r);                                                                                          \
    void bug_##name##_backward(const StageRun *r)

/* ---- bug_mask.c: from the scores to the weights ---- */
BUG_PAIR(softmax_axis);
BUG_PAIR(diagonal_masked);
BUG_PAIR(mask_too_late);      /* MASKED: the scores as they are */
BUG_PAIR(mask_after_softmax); /* WEIGHTS */
BUG_PAIR(target_leak);
BUG_PAIR(padding_attended);
BUG_PAIR(mask_offset);

/* ---- bug_attention.c: the other stages of attention ---- */
BUG_PAIR(sqrt_d_model);
BUG_PAIR(no_scaling);
BUG_PAIR(queries_keys_swapped);
BUG_PAIR(kv_head_scores);
BUG_PAIR(kv_head_heads);
BUG_PAIR(heads_not_transposed);
BUG_PAIR(no_output_projection);
BUG_PAIR(rope_pairing);
BUG_PAIR(rope_offset);
BUG_PAIR(stale_scores);
BUG_PAIR(stale_heads);
void bug_values_unused_rewire(Plan *p);

/* ---- bug_stream.c: positions, norms, the FFN, the output ---- */
BUG_PAIR(sinusoid_exponent);
BUG_PAIR(unbiased_variance);
BUG_PAIR(eps_outside);
BUG_PAIR(no_final_norm);
BUG_PAIR(other_gelu);
BUG_PAIR(softmax_logits);
void bug_normed_residual_rewire(Plan *p);
void bug_gate_swapped_rewire(Plan *p);

#endif
