/* hook.c - the names that others have for stages. */
#include "pass/hook.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- TransformerLens ---- */

/* Which models a row is for. */
enum { ANY, PLAIN_FFN, GATED_FFN, LAYERNORM };

/* Theirs, without "hook_", is what follows "blocks.N." or stands alone; ours follows "decoder.N.". A norm's hook is behind its gain and
 * bias in their LayerNorm, in front of the gain in their RMSNorm, for which there is no stage of ours. Of two rows for a name the one that
 * has a stage is meant: a model of attention alone ends its layers with self.residual. */
static const struct {
    const char *theirs, *ours;
    int only;
} hooks[] = {
    {"embed", "embed.tokens", ANY},
    {"pos_embed", "embed.positions", ANY},
    {"ln1.normalized", "self.norm", LAYERNORM},
    {"attn.q", "self.q", ANY},
    {"attn.k", "self.k", ANY},
    {"attn.v", "self.v", ANY},
    {"attn.rot_q", "self.q_rot", ANY},
    {"attn.rot_k", "self.k_rot", ANY},
    {"attn.attn_scores", "self.masked", ANY},
    {"attn.pattern", "self.weights", ANY},
    {"attn.z", "self.heads", ANY},
    {"attn_out", "self.out", ANY},
    {"resid_mid", "self.residual", ANY},
    {"ln2.normalized", "ffn.norm", LAYERNORM},
    {"mlp.pre", "ffn.expand", PLAIN_FFN},
    {"mlp.post", "ffn.activate", PLAIN_FFN},
    {"mlp.pre", "ffn.gate", GATED_FFN},
    {"mlp.pre_linear", "ffn.expand", GATED_FFN},
    {"mlp.post", "ffn.product", GATED_FFN},
    {"mlp_out", "ffn.contract", ANY},
    {"resid_post", "ffn.residual", ANY},
    {"ln_final.normalized", "final_norm", LAYERNORM},
    {"logits", "output.logits", ANY},
};
enum { HOOKS = sizeof hooks / sizeof *hooks };

static bool is_for(int only, const Config *c)
{
    switch (only) {
    case PLAIN_FFN:
        return c->ffn == FFN_MLP;
    case GATED_FFN:
        return c->ffn == FFN_GATED;
    case LAYERNORM:
        return c->norm == NORM_LAYERNORM;
    default:
        return true;
    }
}

/* A name without its "hook_": "blocks.0.attn.q". */
static void plain_name(const char *name, char out[HOOK_NAME_MAX])
{
    const char *hook = strstr(name, "hook_");
    snprintf(out, HOOK_NAME_MAX, "%.*s%.32s", hook ? (int)(hook - name > 30 ? 30 : hook - name) : 30, name, hook ? hook + 5 : "");
}

/* What a name of ours is called behind its layer: "self.q" of "decoder.0.self.q". */
static const char *behind_layer(const Stage *s, const char *name)
{
    const char *p = strchr(name, '.');
    if (s->stack == STACK_OUTPUT || !p)
        return name;
    p = s->layer >= 0 ? strchr(p + 1, '.') : p;
    return p ? p + 1 : name;
}

/* The last stage of each layer is what others call the layer's output. */
static bool ends_layer(const Plan *p, size_t i)
{
    const Stage *s = &p->stages[i];
    return s->layer >= 0 && s->kind == STAGE_RESIDUAL &&
           (i + 1 == p->count || p->stages[i + 1].layer != s->layer || p->stages[i + 1].stack != s->stack);
}

/* What the first stage of a layer reads; behind the last layer, what the unembedding reads. NO_STAGE where there is no such layer. */
static int layer_input(const Plan *p, Stack stack, int layer)
{
    int last = -1;
    for (size_t i = 0; i < p->count; i++) {
        const Stage *s = &p->stages[i];
        if (s->stack != stack || s->layer < 0)
            continue;
        if (s->layer == layer)
            return s->in[0];
        last = s->layer;
    }
    if (layer != last + 1)
        return NO_STAGE;
    for (size_t i = p->count; i-- > 0;) /* the stack's last stage: its final norm, or its last residual */
        if (p->stages[i].stack == stack)
            return (int)i;
    return NO_STAGE;
}

/* The hook that a decoder's stage corresponds to, whatever the architecture. */
static bool alias(const Plan *p, size_t i, char out[HOOK_NAME_MAX])
{
    const Stage *s = &p->stages[i];
    char name[STAGE_NAME_MAX];
    if (s->stack == STACK_ENCODER)
        return false;
    const char *ours = behind_layer(s, stage_name(s, name));
    if (s->kind == STAGE_SUM) {
        snprintf(out, HOOK_NAME_MAX, "blocks.0.hook_resid_pre");
        return true;
    }
    if (ends_layer(p, i))
        ours = "ffn.residual";
    for (int k = 0; k < HOOKS; k++) {
        if (strcmp(ours, hooks[k].ours) != 0 || !is_for(hooks[k].only, p->config))
            continue;
        const char *theirs = hooks[k].theirs, *dot = strrchr(theirs, '.');
        int before = dot ? (int)(dot + 1 - theirs) : 0;
        if (s->stack == STACK_OUTPUT)
            snprintf(out, HOOK_NAME_MAX, "%s", theirs);
        else if (s->layer < 0)
            snprintf(out, HOOK_NAME_MAX, "%.*shook_%s", before, theirs, theirs + before);
        else
            snprintf(out, HOOK_NAME_MAX, "blocks.%d.%.*shook_%s", s->layer, before, theirs, theirs + before);
        return true;
    }
    return false;
}

bool hook_name(const Plan *p, size_t i, char out[HOOK_NAME_MAX])
{
    const Config *c = p->config;
    return c->kind == KIND_DECODER && (c->norm == NORM_NONE || c->norm_position == NORM_PRE) && alias(p, i, out);
}

int hook_find(const Plan *p, const char *name)
{
    char given[HOOK_NAME_MAX], hook[HOOK_NAME_MAX], plain[HOOK_NAME_MAX];
    int layer, used = 0;
    plain_name(name, given);
    if (sscanf(given, "blocks.%d.resid_pre%n", &layer, &used) == 1 && used && !given[used])
        return layer_input(p, STACK_DECODER, layer);
    for (size_t i = 0; i < p->count; i++) {
        if (!alias(p, i, hook))
            continue;
        plain_name(hook, plain);
        if (strcmp(plain, given) == 0)
            return (int)i;
    }
    return -1;
}

bool hook_is_head_last(const Stage *s)
{
    switch (s->kind) {
    case STAGE_Q:
    case STAGE_K:
    case STAGE_V:
    case STAGE_Q_ROT:
    case STAGE_K_ROT:
    case STAGE_HEADS:
        return true;
    default:
        return false;
    }
}

/* ---- transformers ---- */

static int find_weights(const Plan *p, Stack stack, Sub sub, int layer)
{
    for (size_t i = 0; i < p->count; i++) {
        const Stage *s = &p->stages[i];
        if (s->kind == STAGE_WEIGHTS && s->stack == stack && s->sub == sub && s->layer == layer)
            return (int)i;
    }
    return -1;
}

int hook_find_output(const Plan *p, const char *name)
{
    static const struct {
        const char *name;
        bool weights;
        Stack stack; /* STACK_OUTPUT: the model's last */
        Sub sub;
    } outputs[] = {
        {"hidden", false, STACK_OUTPUT, SUB_SELF},
        {"hidden_states", false, STACK_OUTPUT, SUB_SELF},
        {"encoder_hidden_states", false, STACK_ENCODER, SUB_SELF},
        {"decoder_hidden_states", false, STACK_DECODER, SUB_SELF},
        {"attention", true, STACK_OUTPUT, SUB_SELF},
        {"attentions", true, STACK_OUTPUT, SUB_SELF},
        {"encoder_attentions", true, STACK_ENCODER, SUB_SELF},
        {"decoder_attentions", true, STACK_DECODER, SUB_SELF},
        {"cross_attentions", true, STACK_DECODER, SUB_CROSS},
    };
    const char *dot = strrchr(name, '.');
    char *end;
    if (strcmp(name, "logits") == 0)
        return plan_find(p, "output.logits");
    long layer = dot && dot[1] >= '0' && dot[1] <= '9' ? strtol(dot + 1, &end, 10) : -1;
    if (layer < 0 || *end || layer > CONFIG_MAX_LAYERS)
        return -1;
    for (size_t i = 0; i < sizeof outputs / sizeof *outputs; i++) {
        if (strlen(outputs[i].name) != (size_t)(dot - name) || strncmp(outputs[i].name, name, (size_t)(dot - name)) != 0)
            continue;
        Stack stack = outputs[i].stack == STACK_OUTPUT ? config_last_stack(p->config) : outputs[i].stack;
        return outputs[i].weights ? find_weights(p, stack, outputs[i].sub, (int)layer) : layer_input(p, stack, (int)layer);
    }
    return -1;
}
