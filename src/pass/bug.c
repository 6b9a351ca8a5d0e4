/* bug.c - the table of bugs: which functions and wires each is made of, which stages of a pass it touches, and putting it in.
 *
 * Knows no arithmetic: that is in bug_mask.c, bug_attention.c and bug_stream.c. The cards are bugs.def. */
#include "pass/bug.h"

#include "base/text.h"
#include "model/nearest.h"
#include "pass/bug_functions.h"

#include <string.h>

const Bug bug_table[BUG_COUNT] = {
#define BUG(ID, id, level, model, title, wrong, found, link, trains, catch, hint0, hint1)                                                  \
    [BUG_##ID] = {id, level, model, title, wrong, found, link, trains, catch, {hint0, hint1}},
#include "pass/bugs.def"
#undef BUG
};

/* ---- which stages: asked only of stages of the kinds that a bug changes ---- */

typedef bool TouchFn(const Pass *p, const Stage *s);

static bool has(const Pass *p, Ablations a)
{
    return (pass_plan(p)->ablations & a) != 0;
}

/* Whether the causal mask hides anything in it. */
static bool hides_future(const Pass *p, const Stage *s)
{
    return stage_is_causal(s) && !has(p, NO_MASK) && s->shape[1] > 1;
}

static bool any(const Pass *p, const Stage *s)
{
    (void)p;
    (void)s;
    return true;
}

static bool where_softmaxed(const Pass *p, const Stage *s)
{
    return !has(p, UNIFORM_ATTENTION) && s->shape[1] * s->shape[2] > 1;
}

static bool where_causal(const Pass *p, const Stage *s)
{
    return stage_is_causal(s) && !has(p, NO_MASK);
}

static bool where_masked(const Pass *p, const Stage *s)
{
    for (size_t i = 0; i < s->shape[1]; i++)
        for (size_t j = 0; j < s->shape[2]; j++)
            if (!pass_sees(p, s, i, j))
                return true;
    return false;
}

/* Where padding is hidden from a query that reaches it. */
static bool where_padded(const Pass *p, const Stage *s)
{
    for (size_t i = 0; i < s->shape[1]; i++)
        for (size_t j = 0; j < s->shape[2] && !(where_causal(p, s) && j > i); j++)
            if (!pass_sees(p, s, i, j))
                return true;
    return false;
}

static bool where_scaled_by_head(const Pass *p, const Stage *s)
{
    const Config *c = pass_plan(p)->config;
    return !has(p, NO_SCALE) && stage_scale(s, c, pass_plan(p)->ablations) != 1.0 / sqrt((double)c->d_model);
}

static bool where_scaled(const Pass *p, const Stage *s)
{
    (void)s;
    return !has(p, NO_SCALE) && pass_plan(p)->config->d_head > 1;
}

static bool where_square(const Pass *p, const Stage *s)
{
    (void)p;
    return s->sub == SUB_SELF && s->shape[1] > 1 && s->shape[1] == s->shape[2];
}

static bool where_keys_are_shared(const Pass *p, const Stage *s)
{
    const Config *c = pass_plan(p)->config;
    (void)s;
    return c->n_kv_heads > 1 && c->n_kv_heads < c->n_heads;
}

static bool where_heads(const Pass *p, const Stage *s)
{
    const Config *c = pass_plan(p)->config;
    bool alike = c->n_kv_heads == 1 && has(p, UNIFORM_ATTENTION) && !where_causal(p, s); /* the rows of all heads are the same */
    return c->n_heads > 1 && s->shape[0] > 1 && !alike;
}

static bool where_concat_fits(const Pass *p, const Stage *s)
{
    const Config *c = pass_plan(p)->config;
    (void)s;
    return c->n_heads * c->d_head == c->d_model;
}

static bool where_rotated(const Pass *p, const Stage *s)
{
    return !has(p, NO_POSITIONS) && config_rope_dims(pass_plan(p)->config) > 2 && s->shape[1] > 1;
}

static bool where_decoded(const Pass *p, const Stage *s)
{
    (void)p;
    return stage_is_causal(s) && s->shape[1] > 1;
}

static bool where_rotated_alone(const Pass *p, const Stage *s)
{
    return where_decoded(p, s) && !has(p, NO_POSITIONS);
}

static bool where_masked_alone(const Pass *p, const Stage *s)
{
    return where_decoded(p, s) && !has(p, NO_MASK);
}

static bool where_sinusoidal(const Pass *p, const Stage *s)
{
    const Config *c = pass_plan(p)->config; /* position 0 is the same in both */
    return c->position == POSITION_SINUSOIDAL && !has(p, NO_POSITIONS) && c->d_model > 1 && s->shape[0] > 1;
}

static bool where_layernorm(const Pass *p, const Stage *s)
{
    (void)s;
    return pass_plan(p)->config->norm == NORM_LAYERNORM && !has(p, NO_NORM);
}

static bool where_final(const Pass *p, const Stage *s)
{
    return s->sub == SUB_FINAL && !has(p, NO_NORM);
}

static bool where_prenorm(const Pass *p, const Stage *s)
{
    const Config *c = pass_plan(p)->config;
    (void)s;
    return c->norm != NORM_NONE && c->norm_position == NORM_PRE && !has(p, NO_NORM | NO_RESIDUAL);
}

static bool where_gelu(const Pass *p, const Stage *s)
{
    Activation a = pass_plan(p)->config->activation;
    (void)s;
    return a == ACTIVATION_GELU || a == ACTIVATION_GELU_TANH;
}

static bool where_gated(const Pass *p, const Stage *s)
{
    (void)s;
    return pass_plan(p)->config->ffn == FFN_GATED;
}

/* ---- what each bug is made of ---- */

enum { SWAPS_MAX = 2 };

typedef struct BugCode {
    struct {
        StageKind kind;
        StageFn forward, backward; /* NULL: the stages of this kind are only rewired */
        TouchFn *touches;          /* NULL: the end of the list */
    } swaps[SWAPS_MAX];
    void (*rewire)(Plan *p);
    bool one_by_one, padded;
} BugCode;

#define PAIR(name) bug_##name##_forward, bug_##name##_backward

static const BugCode code_table[BUG_COUNT] = {
    [BUG_SOFTMAX_AXIS] = {.swaps = {{STAGE_WEIGHTS, PAIR(softmax_axis), where_softmaxed}}},
    [BUG_DIAGONAL_MASKED] = {.swaps = {{STAGE_MASKED, PAIR(diagonal_masked), where_causal}}},
    [BUG_TARGET_LEAK] = {.swaps = {{STAGE_MASKED, PAIR(target_leak), hides_future}}},
    [BUG_MASK_AFTER_SOFTMAX] = {.swaps = {{STAGE_MASKED, PAIR(mask_too_late), where_masked},
                                          {STAGE_WEIGHTS, PAIR(mask_after_softmax), where_masked}}},
    [BUG_NO_OUTPUT_PROJECTION] = {.swaps = {{STAGE_OUT, PAIR(no_output_projection), where_concat_fits}}},
    [BUG_NO_FINAL_NORM] = {.swaps = {{STAGE_NORM, PAIR(no_final_norm), where_final}}},
    [BUG_SOFTMAX_LOGITS] = {.swaps = {{STAGE_LOGITS, PAIR(softmax_logits), any}}},
    [BUG_NO_SCALING] = {.swaps = {{STAGE_SCALED, PAIR(no_scaling), where_scaled}}},
    [BUG_SQRT_D_MODEL] = {.swaps = {{STAGE_SCALED, PAIR(sqrt_d_model), where_scaled_by_head}}},
    [BUG_QUERIES_KEYS_SWAPPED] = {.swaps = {{STAGE_SCORES, PAIR(queries_keys_swapped), where_square}}},
    [BUG_VALUES_UNUSED] = {.swaps = {{STAGE_HEADS, NULL, NULL, any}}, .rewire = bug_values_unused_rewire},
    [BUG_HEADS_NOT_TRANSPOSED] = {.swaps = {{STAGE_CONCAT, PAIR(heads_not_transposed), where_heads}}},
    [BUG_KV_HEAD_ORDER] = {.swaps = {{STAGE_SCORES, PAIR(kv_head_scores), where_keys_are_shared},
                                     {STAGE_HEADS, PAIR(kv_head_heads), where_keys_are_shared}}},
    [BUG_NORMED_RESIDUAL] = {.swaps = {{STAGE_RESIDUAL, NULL, NULL, where_prenorm}}, .rewire = bug_normed_residual_rewire},
    [BUG_SINUSOID_EXPONENT] = {.swaps = {{STAGE_POSITIONS, PAIR(sinusoid_exponent), where_sinusoidal}}},
    [BUG_GATE_SWAPPED] = {.swaps = {{STAGE_ACTIVATE, NULL, NULL, where_gated}, {STAGE_PRODUCT, NULL, NULL, where_gated}},
                          .rewire = bug_gate_swapped_rewire},
    [BUG_ROPE_PAIRING] = {.swaps = {{STAGE_Q_ROT, PAIR(rope_pairing), where_rotated}, {STAGE_K_ROT, PAIR(rope_pairing), where_rotated}}},
    [BUG_UNBIASED_VARIANCE] = {.swaps = {{STAGE_NORM, PAIR(unbiased_variance), where_layernorm}}},
    [BUG_EPS_OUTSIDE] = {.swaps = {{STAGE_NORM, PAIR(eps_outside), where_layernorm}}},
    [BUG_OTHER_GELU] = {.swaps = {{STAGE_ACTIVATE, PAIR(other_gelu), where_gelu}}},
    [BUG_PADDING_ATTENDED] = {.swaps = {{STAGE_MASKED, PAIR(padding_attended), where_padded}}, .padded = true},
    [BUG_STALE_CACHE] = {.swaps = {{STAGE_SCORES, PAIR(stale_scores), where_decoded}, {STAGE_HEADS, PAIR(stale_heads), where_decoded}},
                         .one_by_one = true},
    [BUG_MASK_OFFSET] = {.swaps = {{STAGE_MASKED, PAIR(mask_offset), where_masked_alone}}, .one_by_one = true},
    [BUG_ROPE_OFFSET] = {.swaps = {{STAGE_Q_ROT, PAIR(rope_offset), where_rotated_alone},
                                   {STAGE_K_ROT, PAIR(rope_offset), where_rotated_alone}},
                         .one_by_one = true},
};

static const BugCode *code_of(const Bug *b)
{
    return &code_table[b - bug_table];
}

/* ---- finding, putting, asking ---- */

const Bug *bug_find(const char *id, Error *e)
{
    size_t n = strlen(id);
    char quoted[QUOTE_SHORT], hint[NEAREST_HINT];
    Nearest near = nearest_to(id, n);
    for (int i = 0; i < BUG_COUNT; i++) {
        if (strcmp(bug_table[i].id, id) == 0)
            return &bug_table[i];
        nearest_offer(&near, bug_table[i].id);
    }
    error_set(e, "bug: expected the id of a bug, found %s%s; 'stepformer hunt --cards' shows them all", quote_short(id, n, quoted),
              nearest_hint(&near, hint));
    return NULL;
}

int bug_put(const Bug *b, Pass *p, Error *e)
{
    const BugCode *code = b ? code_of(b) : NULL;
    if (pass_rewire(p, code ? code->rewire : NULL, e) != 0)
        return -1;
    for (int kind = 0; kind < STAGE_KIND_COUNT; kind++)
        pass_swap(p, (StageKind)kind, NULL, NULL);
    pass_one_by_one(p, code && code->one_by_one && pass_plan(p)->input.past == 0);
    for (int i = 0; code && i < SWAPS_MAX && code->swaps[i].touches; i++)
        pass_swap(p, code->swaps[i].kind, code->swaps[i].forward, code->swaps[i].backward);
    return 0;
}

bool bug_touches(const Bug *b, const Pass *p, size_t i)
{
    const BugCode *code = code_of(b);
    const Stage *s = &pass_plan(p)->stages[i];
    for (int k = 0; k < SWAPS_MAX && code->swaps[k].touches; k++)
        if (code->swaps[k].kind == s->kind)
            return code->swaps[k].touches(p, s);
    return false;
}

int bug_first_stage(const Bug *b, const Pass *p)
{
    for (size_t i = 0; i < pass_plan(p)->count; i++)
        if (bug_touches(b, p, i))
            return (int)i;
    return NO_STAGE;
}

bool bug_applies(const Bug *b, const Pass *p)
{
    return bug_first_stage(b, p) != NO_STAGE;
}

bool bug_is_of_cache(const Bug *b)
{
    return code_of(b)->one_by_one;
}

bool bug_needs_padding(const Bug *b)
{
    return code_of(b)->padded;
}
