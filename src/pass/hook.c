/* hook.c - the names that others have for stages. */
#include "pass/hook.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- TransformerLens ---- */

/* Which models a row is for. */
enum { ANY, PLAIN_FFN, GATED_FFN, DECODER, ENCODER };

/* Theirs, without "hook_", is what follows "blocks.N." or stands alone; ours follows "decoder.N." or "encoder.N.". In a cache's order, but for
 * those that a cache does not have by itself (found, not listed). Of two rows for a name the one that has a stage is meant: a model of attention alone
 * ends its layers with self.residual. https://github.com/TransformerLensOrg/TransformerLens, transformer_lens/components */
static const struct {
    const char *theirs, *ours;
    int only;
    HookForm form;
    bool listed;
} hooks[] = {
    {"embed", "embed.tokens", DECODER, HOOK_VALUE, true},
    {"pos_embed", "embed.positions", DECODER, HOOK_VALUE, true},
    {"embed.embed", "embed.tokens", ENCODER, HOOK_VALUE, true},
    {"embed.pos_embed", "embed.positions", ENCODER, HOOK_VALUE, true},
    {"embed.token_type_embed", "embed.types", ENCODER, HOOK_VALUE, true},
    {"embed.ln.scale", "embed.norm", ENCODER, HOOK_SCALE, true},
    {"embed.ln.normalized", "embed.norm", ENCODER, HOOK_NORMALIZED, true},
    {"full_embed", "embed.norm", ENCODER, HOOK_VALUE, true},
    {"ln1.scale", "self.norm", ANY, HOOK_SCALE, true},
    {"ln1.normalized", "self.norm", ANY, HOOK_NORMALIZED, true},
    {"ln1.out", "self.norm", ANY, HOOK_VALUE, false},
    {"attn.q", "self.q", ANY, HOOK_VALUE, true},
    {"attn.k", "self.k", ANY, HOOK_VALUE, true},
    {"attn.v", "self.v", ANY, HOOK_VALUE, true},
    {"attn.q_norm.scale", "self.q_norm", ANY, HOOK_SCALE, true},
    {"attn.q_norm.normalized", "self.q_norm", ANY, HOOK_NORMALIZED, true},
    {"attn.q_normed", "self.q_norm", ANY, HOOK_VALUE, false}, /* a TransformerBridge's */
    {"attn.k_norm.scale", "self.k_norm", ANY, HOOK_SCALE, true},
    {"attn.k_norm.normalized", "self.k_norm", ANY, HOOK_NORMALIZED, true},
    {"attn.k_normed", "self.k_norm", ANY, HOOK_VALUE, false},
    {"attn.rot_q", "self.q_rot", ANY, HOOK_VALUE, true},
    {"attn.rot_k", "self.k_rot", ANY, HOOK_VALUE, true},
    {"attn.attn_scores", "self.masked", ANY, HOOK_VALUE, true},
    {"attn.pattern", "self.weights", ANY, HOOK_VALUE, true},
    {"attn.z", "self.heads", ANY, HOOK_VALUE, true},
    {"attn.result", "self.out", ANY, HOOK_RESULT, false},
    {"attn_out", "self.out", ANY, HOOK_VALUE, true},
    {"resid_mid", "self.residual", ANY, HOOK_VALUE, true},
    {"ln2.scale", "ffn.norm", ANY, HOOK_SCALE, true},
    {"ln2.normalized", "ffn.norm", ANY, HOOK_NORMALIZED, true},
    {"ln2.out", "ffn.norm", ANY, HOOK_VALUE, false},
    {"mlp.pre", "ffn.expand", PLAIN_FFN, HOOK_VALUE, true},
    {"mlp.post", "ffn.activate", PLAIN_FFN, HOOK_VALUE, true},
    {"mlp.pre", "ffn.gate", GATED_FFN, HOOK_VALUE, true},
    {"mlp.pre_linear", "ffn.expand", GATED_FFN, HOOK_VALUE, true},
    {"mlp.post", "ffn.product", GATED_FFN, HOOK_VALUE, true},
    {"mlp_out", "ffn.contract", ANY, HOOK_VALUE, true},
    {"resid_post", "ffn.residual", ANY, HOOK_VALUE, true},
    {"normalized_resid_post", "ffn.norm", ENCODER, HOOK_VALUE, true},
    {"ln_final.scale", "final_norm", ANY, HOOK_SCALE, true},
    {"ln_final.normalized", "final_norm", ANY, HOOK_NORMALIZED, true},
    {"ln_final.out", "final_norm", ANY, HOOK_VALUE, false},
    {"mlm_head.ln.scale", "output.norm", ENCODER, HOOK_SCALE, true},
    {"mlm_head.ln.normalized", "output.norm", ENCODER, HOOK_NORMALIZED, true},
    {"logits", "output.logits", ANY, HOOK_VALUE, true},
};
enum { HOOKS = sizeof hooks / sizeof *hooks };

static bool is_for(int only, const Config *c)
{
    switch (only) {
    case PLAIN_FFN:
        return c->ffn == FFN_MLP;
    case GATED_FFN:
        return c->ffn == FFN_GATED;
    case DECODER:
        return c->kind != KIND_ENCODER;
    case ENCODER:
        return c->kind == KIND_ENCODER;
    default:
        return true;
    }
}

/* What a TransformerBridge calls the same, without "hook_" and "blocks.N.". */
static const struct {
    const char *name, *hook;
    int only;
} bridge[] = {
    {"in", "resid_pre", ANY},           {"out", "resid_post", ANY},         {"attn.out", "attn_out", ANY},
    {"attn.q.out", "attn.q", ANY},      {"attn.k.out", "attn.k", ANY},      {"attn.v.out", "attn.v", ANY},
    {"attn.o.in", "attn.z", ANY},       {"ln2.in", "resid_mid", ANY},       {"mlp.out", "mlp_out", ANY},
    {"mlp.in.out", "mlp.pre", PLAIN_FFN}, {"mlp.in.out", "mlp.pre_linear", GATED_FFN}, {"mlp.gate.out", "mlp.pre", GATED_FFN},
    {"mlp.out.in", "mlp.post", ANY},    {"embed.out", "embed", ANY},        {"pos_embed.out", "pos_embed", ANY},
    {"unembed.out", "logits", ANY},     {"unembed.in", "ln_final.out", ANY},{"ln1.in", "resid_pre", ANY},
    {"attn.in", "ln1.out", ANY},        {"attn.q.in", "ln1.out", ANY},      {"attn.k.in", "ln1.out", ANY},
    {"attn.v.in", "ln1.out", ANY},      {"mlp.in", "ln2.out", ANY},         {"mlp.in.in", "ln2.out", ANY},
    {"mlp.gate.in", "ln2.out", GATED_FFN}, {"attn.q_norm.in", "attn.q", ANY}, {"attn.k_norm.in", "attn.k", ANY},
    {"attn.q_norm.out", "attn.q_normed", ANY}, {"attn.k_norm.out", "attn.k_normed", ANY},
};

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

enum { LAST_LAYER = -1 };

/* What the first stage of a layer reads; behind the last layer (LAST_LAYER), what the unembedding reads. NO_STAGE where there is no such layer. */
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
    if (layer != last + 1 && layer != LAST_LAYER)
        return NO_STAGE;
    for (size_t i = p->count; i-- > 0;) /* the stack's last stage: its final norm, or its last residual */
        if (p->stages[i].stack == stack)
            return (int)i;
    return NO_STAGE;
}

/* Stage i as the rows of hooks call it: "self.q"; NULL for one of an encoder that a decoder stands behind. Points into name. */
static const char *name_in_rows(const Plan *p, size_t i, char name[STAGE_NAME_MAX])
{
    const Stage *s = &p->stages[i];
    if (s->stack == STACK_ENCODER && p->config->kind != KIND_ENCODER)
        return NULL;
    return ends_layer(p, i) ? "ffn.residual" : behind_layer(s, stage_name(s, name));
}

/* A hook's whole name: "blocks.0." in front in a layer, "hook_" before its last part. */
static void write_name(const Stage *s, const char *theirs, char out[HOOK_NAME_MAX])
{
    const char *dot = strrchr(theirs, '.');
    int before = dot ? (int)(dot + 1 - theirs) : 0;
    if (s->kind == STAGE_LOGITS)
        snprintf(out, HOOK_NAME_MAX, "%s", theirs);
    else if (s->layer < 0)
        snprintf(out, HOOK_NAME_MAX, "%.*shook_%s", before, theirs, theirs + before);
    else
        snprintf(out, HOOK_NAME_MAX, "blocks.%d.%.*shook_%s", s->layer, before, theirs, theirs + before);
}

size_t hook_names(const Plan *p, size_t i, HookName out[HOOK_NAMES_MAX])
{
    const Config *c = p->config;
    char name[STAGE_NAME_MAX];
    size_t count = 0;
    const char *ours = name_in_rows(p, i, name);
    NormPosition theirs = c->kind == KIND_ENCODER ? NORM_POST : NORM_PRE;
    if (!ours || c->kind == KIND_ENCODER_DECODER || (c->norm != NORM_NONE && c->norm_position != theirs))
        return 0;
    for (int k = 0; k < HOOKS && count + 1 < HOOK_NAMES_MAX; k++)
        if (hooks[k].listed && strcmp(ours, hooks[k].ours) == 0 && is_for(hooks[k].only, c)) {
            write_name(&p->stages[i], hooks[k].theirs, out[count].name);
            out[count++].form = hooks[k].form;
        }
    for (size_t layer = 0; layer < config_layers(c, config_last_stack(c)); layer++)
        if (layer_input(p, config_last_stack(c), (int)layer) == (int)i) {
            snprintf(out[count].name, HOOK_NAME_MAX, "blocks.%zu.hook_resid_pre", layer);
            out[count++].form = HOOK_VALUE;
        }
    return count;
}

/* A plain name of a TransformerBridge as that of the hook; others are left as they are, and an encoder's, where theirs stand for other places. */
static void unbridge(const Config *c, char name[HOOK_NAME_MAX])
{
    int layer, used = 0;
    if (c->kind == KIND_ENCODER)
        return;
    bool in_block = sscanf(name, "blocks.%d.%n", &layer, &used) == 1 && used;
    for (size_t k = 0; k < sizeof bridge / sizeof *bridge; k++)
        if (strcmp(name + (in_block ? used : 0), bridge[k].name) == 0 && is_for(bridge[k].only, c)) {
            snprintf(name + (in_block ? used : 0), HOOK_NAME_MAX - (size_t)used, "%s", bridge[k].hook);
            return;
        }
}

Hook hook_find(const Plan *p, const char *name)
{
    char given[HOOK_NAME_MAX], hook[HOOK_NAME_MAX], plain[HOOK_NAME_MAX], own[STAGE_NAME_MAX];
    int layer, used = 0;
    plain_name(name, given);
    unbridge(p->config, given);
    if (strcmp(given, "ln_final.in") == 0) {
        int norm = hook_find(p, "ln_final.out").stage;
        return (Hook){norm == NO_STAGE ? NO_STAGE : p->stages[norm].in[0], HOOK_VALUE};
    }
    if (sscanf(given, "blocks.%d.resid_pre%n", &layer, &used) == 1 && used && !given[used])
        return (Hook){layer_input(p, config_last_stack(p->config), layer), HOOK_VALUE};
    for (size_t i = 0; i < p->count; i++) {
        const char *ours = name_in_rows(p, i, own);
        for (int k = 0; ours && k < HOOKS; k++) {
            if (strcmp(ours, hooks[k].ours) != 0 || !is_for(hooks[k].only, p->config))
                continue;
            write_name(&p->stages[i], hooks[k].theirs, hook);
            plain_name(hook, plain);
            if (strcmp(plain, given) == 0)
                return (Hook){(int)i, hooks[k].form};
        }
    }
    return (Hook){NO_STAGE, HOOK_VALUE};
}

int hook_find_stage(const Plan *p, const char *name)
{
    Hook h = hook_find(p, name);
    bool has_value = h.form == HOOK_VALUE;
    if (h.stage != NO_STAGE && h.form == HOOK_NORMALIZED)
        has_value = stage_norm_kind(&p->stages[h.stage], p->config) == NORM_LAYERNORM;
    return has_value ? h.stage : NO_STAGE;
}

bool hook_is_head_last(const Stage *s)
{
    switch (s->kind) {
    case STAGE_Q:
    case STAGE_K:
    case STAGE_V:
    case STAGE_Q_NORM:
    case STAGE_K_NORM:
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
    size_t n = strlen(name), digits;
    if (strcmp(name, "logits") == 0)
        return plan_find(p, "output.logits");
    if (strcmp(name, "last_hidden_state") == 0)
        return layer_input(p, config_last_stack(p->config), LAST_LAYER);
    if (strcmp(name, "encoder_last_hidden_state") == 0)
        return layer_input(p, STACK_ENCODER, LAST_LAYER);
    n -= n && name[n - 1] == ']';
    for (digits = n; digits && name[digits - 1] >= '0' && name[digits - 1] <= '9';)
        digits--;
    if (digits == n || n - digits > 6 || !digits || !strchr("._/[", name[digits - 1]))
        return -1;
    long layer = strtol(name + digits, NULL, 10);
    for (size_t i = 0; i < sizeof outputs / sizeof *outputs; i++) {
        if (strlen(outputs[i].name) != digits - 1 || strncmp(outputs[i].name, name, digits - 1) != 0)
            continue;
        Stack stack = outputs[i].stack == STACK_OUTPUT ? config_last_stack(p->config) : outputs[i].stack;
        return outputs[i].weights ? find_weights(p, stack, outputs[i].sub, (int)layer) : layer_input(p, stack, (int)layer);
    }
    return -1;
}
