/* test_against.c - the names others have for stages, and a pass beside a file that another program wrote. */
#include "data_help.h"
#include "model_help.h"

#include "measure/against.h"
#include "measure/hooked.h"
#include "measure/trace.h"
#include "pass/hook.h"
#include "pass/input.h"

#include <math.h>
#include <stdint.h>

TestSuite(against, .init = help_data);

#define BERT "tests/hf/bert"
#define QWEN3 "tests/hf/qwen3"

static Pass *pass_of(const char *name, Model **m, Input *in)
{
    Error e = {{0}};
    cr_assert(*m = model_open(name, NULL, &e), "%s", e.text);
    cr_assert_eq(input_read(in, *m, (InputText){0}, 0, &e), 0, "%s", e.text);
    Pass *p = pass_create(*m, input_ids(in), 0, &e);
    cr_assert(p, "%s", e.text);
    return p;
}

static void end(Pass *p, Model *m, Input *in)
{
    pass_free(p);
    input_free(in);
    model_free(m);
}

/* theirs means ours, both ways where `back` is set; ours NULL: it means nothing. */
static const struct {
    int line;
    const char *model, *theirs, *ours;
    bool back;
} names[] = {
    {__LINE__, "story", "hook_embed", "decoder.embed.tokens", true},
    {__LINE__, "story", "hook_pos_embed", "decoder.embed.positions", true},
    {__LINE__, "story", "blocks.0.hook_resid_pre", "decoder.embed.sum", true},
    {__LINE__, "story", "blocks.2.hook_resid_pre", "decoder.1.ffn.residual", true},
    {__LINE__, "story", "blocks.2.ln1.hook_scale", NULL, false}, /* no stage's value: measure/hooked.h has it */
    {__LINE__, "story", "blocks.2.hook_in", "decoder.1.ffn.residual", false}, /* as a TransformerBridge calls them */
    {__LINE__, "story", "blocks.2.hook_out", "decoder.2.ffn.residual", false},
    {__LINE__, "story", "blocks.2.attn.q.hook_out", "decoder.2.self.q", false},
    {__LINE__, "story", "blocks.2.attn.o.hook_in", "decoder.2.self.heads", false},
    {__LINE__, "story", "blocks.2.ln2.hook_out", "decoder.2.ffn.norm", false},
    {__LINE__, "story", "blocks.2.mlp.in.hook_out", "decoder.2.ffn.expand", false},
    {__LINE__, "sum", "blocks.0.mlp.in.hook_out", "decoder.0.ffn.expand", false},
    {__LINE__, "sum", "blocks.0.mlp.gate.hook_out", "decoder.0.ffn.gate", false},
    {__LINE__, "story", "pos_embed.hook_out", "decoder.embed.positions", false},
    {__LINE__, "story", "blocks.2.ln1.hook_in", "decoder.1.ffn.residual", false},
    {__LINE__, "story", "blocks.2.attn.hook_in", "decoder.2.self.norm", false},
    {__LINE__, "story", "blocks.2.attn.v.hook_in", "decoder.2.self.norm", false},
    {__LINE__, "story", "blocks.2.mlp.hook_in", "decoder.2.ffn.norm", false},
    {__LINE__, "sum", "blocks.0.mlp.gate.hook_in", "decoder.0.ffn.norm", false},
    {__LINE__, "story", "ln_final.hook_in", "decoder.3.ffn.residual", false},
    {__LINE__, "story", "unembed.hook_in", "decoder.final_norm", false},
    {__LINE__, "induction", "ln_final.hook_in", NULL, false},
    {__LINE__, "story", "unembed.hook_out", "output.logits", false},
    {__LINE__, "story", "blocks.4.hook_resid_pre", "decoder.final_norm", false}, /* behind the last: what the unembedding reads */
    {__LINE__, "story", "blocks.5.hook_resid_pre", NULL, false},
    {__LINE__, "story", "blocks.1.ln1.hook_normalized", "decoder.1.self.norm", true},
    {__LINE__, "story", "blocks.1.attn.hook_q", "decoder.1.self.q", true},
    {__LINE__, "story", "blocks.1.attn.q", "decoder.1.self.q", false},
    {__LINE__, "story", "blocks.1.attn.hook_attn_scores", "decoder.1.self.masked", true},
    {__LINE__, "story", "blocks.1.attn.hook_z", "decoder.1.self.heads", true},
    {__LINE__, "story", "blocks.1.hook_resid_mid", "decoder.1.self.residual", true},
    {__LINE__, "story", "blocks.1.mlp.hook_pre", "decoder.1.ffn.expand", true},
    {__LINE__, "story", "blocks.1.mlp.hook_post", "decoder.1.ffn.activate", true},
    {__LINE__, "story", "blocks.3.hook_resid_post", "decoder.3.ffn.residual", true},
    {__LINE__, "story", "ln_final.hook_normalized", "decoder.final_norm", true},
    {__LINE__, "story", "logits", "output.logits", true},
    {__LINE__, "story", "blocks.4.attn.hook_q", NULL, false},
    {__LINE__, "story", "blocks.1.attn.hook_result", NULL, false},
    {__LINE__, "sum", "blocks.0.attn.hook_rot_q", "decoder.0.self.q_rot", true}, /* gated, RMSNorm, RoPE */
    {__LINE__, QWEN3, "blocks.0.attn.hook_q", "decoder.0.self.q", true}, /* before their norms */
    {__LINE__, QWEN3, "blocks.1.attn.hook_q_normed", "decoder.1.self.q_norm", false},
    {__LINE__, QWEN3, "blocks.1.attn.k_norm.hook_out", "decoder.1.self.k_norm", false},
    {__LINE__, QWEN3, "blocks.1.attn.k_norm.hook_in", "decoder.1.self.k", false},
    {__LINE__, QWEN3, "blocks.1.attn.q_norm.hook_normalized", NULL, false}, /* in front of the gain */
    {__LINE__, QWEN3, "blocks.1.attn.q_norm.hook_scale", NULL, false},
    {__LINE__, QWEN3, "blocks.1.attn.hook_rot_k", "decoder.1.self.k_rot", true},
    {__LINE__, "sum", "blocks.0.attn.q_norm.hook_out", NULL, false},
    {__LINE__, "sum", "blocks.0.mlp.hook_pre", "decoder.0.ffn.gate", true},
    {__LINE__, "sum", "blocks.0.mlp.hook_pre_linear", "decoder.0.ffn.expand", true},
    {__LINE__, "sum", "blocks.0.mlp.hook_post", "decoder.0.ffn.product", true},
    {__LINE__, "sum", "blocks.0.ln1.hook_normalized", NULL, false},                       /* theirs is in front of the gain */
    {__LINE__, "induction", "blocks.0.hook_resid_post", "decoder.0.self.residual", true}, /* attention alone */
    {__LINE__, "induction", "blocks.0.hook_resid_mid", NULL, false},
    {__LINE__, BERT, "embed.hook_embed", "encoder.embed.tokens", true}, /* a HookedEncoder: norms behind the sub-layers */
    {__LINE__, BERT, "embed.hook_pos_embed", "encoder.embed.positions", true},
    {__LINE__, BERT, "embed.hook_token_type_embed", "encoder.embed.types", true},
    {__LINE__, BERT, "hook_full_embed", "encoder.embed.norm", true},
    {__LINE__, BERT, "blocks.0.hook_resid_pre", "encoder.embed.norm", true},
    {__LINE__, BERT, "blocks.0.hook_resid_mid", "encoder.0.self.residual", true},
    {__LINE__, BERT, "blocks.0.ln1.hook_normalized", "encoder.0.self.norm", true},
    {__LINE__, BERT, "blocks.0.hook_resid_post", "encoder.0.ffn.residual", true},
    {__LINE__, BERT, "blocks.0.hook_normalized_resid_post", "encoder.0.ffn.norm", true},
    {__LINE__, BERT, "blocks.1.hook_resid_pre", "encoder.0.ffn.norm", true},
    {__LINE__, BERT, "mlm_head.ln.hook_normalized", "output.norm", true},
    {__LINE__, BERT, "hook_embed", NULL, false},
    {__LINE__, "story", "embed.hook_embed", NULL, false},
    {__LINE__, "zh-en", "blocks.0.attn.hook_q", "decoder.0.self.q", false}, /* no model of theirs: an alias only */
    {__LINE__, "story", "hidden_states.0", "decoder.embed.sum", false},
    {__LINE__, "story", "hidden.2", "decoder.1.ffn.residual", false},
    {__LINE__, "story", "hidden_states.4", "decoder.final_norm", false},
    {__LINE__, "story", "hidden_states.5", NULL, false},
    {__LINE__, "story", "attentions.3", "decoder.3.self.weights", false},
    {__LINE__, "story", "attention.4", NULL, false},
    {__LINE__, "story", "cross_attentions.0", NULL, false},
    {__LINE__, "mask", "hidden_states.1", "encoder.0.ffn.norm", false}, /* post-norm: a layer ends in its norm */
    {__LINE__, "mask", "attentions.1", "encoder.1.self.weights", false},
    {__LINE__, "zh-en", "encoder_hidden_states.0", "encoder.embed.sum", false},
    {__LINE__, "zh-en", "encoder_attentions.1", "encoder.1.self.weights", false},
    {__LINE__, "zh-en", "decoder_attentions.1", "decoder.1.self.weights", false},
    {__LINE__, "zh-en", "cross_attentions.1", "decoder.1.cross.weights", false},
    {__LINE__, "zh-en", "decoder_hidden_states.2", "decoder.1.ffn.norm", false},
    {__LINE__, "story", "hidden_states_2", "decoder.1.ffn.residual", false},
    {__LINE__, "story", "attentions[3]", "decoder.3.self.weights", false},
    {__LINE__, "story", "last_hidden_state", "decoder.final_norm", false},
    {__LINE__, "zh-en", "encoder_last_hidden_state", "encoder.1.ffn.norm", false},
    {__LINE__, "zh-en", "last_hidden_state", "decoder.1.ffn.norm", false},
    {__LINE__, "story", "encoder_last_hidden_state", NULL, false},
    {__LINE__, "story", "attentions3", NULL, false},
    {__LINE__, "story", "3", NULL, false},
    {__LINE__, "story", "attentions.-1", NULL, false},
    {__LINE__, "story", "attentions.99999999999999999999", NULL, false},
    {__LINE__, "story", "attentions.1x", NULL, false},
};

Test(against, names_of_others)
{
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        Model *m;
        Input in;
        Pass *p = pass_of(names[i].model, &m, &in);
        int at = plan_find(pass_plan(p), names[i].theirs);
        char name[STAGE_NAME_MAX] = "none";
        if (at < 0)
            at = hook_find_output(pass_plan(p), names[i].theirs);
        if (at >= 0)
            stage_name(&pass_plan(p)->stages[at], name);
        cr_expect_str_eq(name, names[i].ours ? names[i].ours : "none", "line %d: %s is %s, found %s", names[i].line, names[i].theirs,
                         names[i].ours ? names[i].ours : "none", name);
        HookName hooks[HOOK_NAMES_MAX];
        size_t count = names[i].back && at >= 0 ? hook_names(pass_plan(p), (size_t)at, hooks) : 0;
        bool listed = !names[i].back || at < 0;
        for (size_t k = 0; k < count; k++)
            listed = listed || strcmp(hooks[k].name, names[i].theirs) == 0;
        cr_expect(listed, "line %d: %s is not listed", names[i].line, names[i].theirs);
        end(p, m, &in);
    }
}

/* What is written with their names and shapes is found again, number by number. */
Test(against, a_file_with_hooks_is_the_same_pass)
{
    static const char *const models[] = {
        "story", "sum", "induction", "hand-wired", "mask", BERT, QWEN3,
        "random:kind=decoder,d_model=16,n_heads=4,n_kv_heads=2,decoder_layers=2,position=alibi,vocab_size=9"};
    char folder[64], path[128];
    help_folder(folder);
    snprintf(path, sizeof path, "%s/cache.safetensors", folder);
    for (size_t i = 0; i < sizeof models / sizeof *models; i++) {
        Model *m;
        Input in;
        Error e = {{0}};
        Trace t = {0};
        size_t left_out;
        SafeTensors file;
        Against a;
        Pass *p = pass_of(models[i], &m, &in);
        cr_assert_eq(trace_values(&t, p, NULL, &e), 0, "%s", e.text);
        cr_assert_eq(trace_use_hooks(&t, p, &left_out, &e), 0, "%s", e.text);
        cr_assert(left_out > 0 && left_out < pass_plan(p)->count);
        cr_assert_eq(trace_save(&t, path, &e), 0, "%s", e.text);
        cr_assert_eq(safetensors_open(&file, path, &e), 0, "%s", e.text);
        const SafeTensor *q = safetensors_find(&file, "blocks.0.attn.hook_q");
        cr_assert(q && q->rank == 4 && q->shape[0] == 1 && q->shape[2] == m->config.n_heads && q->shape[3] == m->config.d_head);
        cr_assert_eq(against_compare(&a, p, &file, &e), 0, "%s", e.text);
        cr_assert_eq(a.compared, t.count, "%s: %zu of %zu", models[i], a.compared, t.count);
        for (size_t k = 0; k < a.count; k++)
            cr_expect(a.items[k].error == 0, "%s: %s: %g", models[i], a.items[k].name, a.items[k].error);
        against_free(&a);
        safetensors_close(&file);
        trace_free(&t);
        end(p, m, &in);
    }
    help_remove(folder);
}

/* A pass of a model of any names, fed these ids. */
static Pass *pass_of_ids(const char *name, const int *ids, size_t n, Model **m)
{
    Error e = {{0}};
    cr_assert(*m = model_open(name, NULL, &e), "%s", e.text);
    Pass *p = pass_create(*m, (PassInput){NULL, ids, 0, n}, 0, &e);
    cr_assert(p, "%s", e.text);
    return p;
}

/* Writes tensors into a file of its own and compares them with a pass. */
static void compare_with(Against *a, SafeTensors *file, Pass *p, const SafeOut *out, size_t count)
{
    char folder[64], path[128];
    Error e = {{0}};
    help_folder(folder);
    snprintf(path, sizeof path, "%s/these.safetensors", folder);
    cr_assert_eq(safetensors_write(path, out, count, &e), 0, "%s", e.text);
    cr_assert_eq(safetensors_open(file, path, &e), 0, "%s", e.text);
    cr_assert_eq(against_compare(a, p, file, &e), 0, "%s", e.text);
    help_remove(folder);
}

/* The hooks of a model's cache in their order, all of them: before the layers, in each, and behind them; each list ends with NULL. */
static void check_cache(const char *model, const char *const *before, const char *const *layer, const char *const *behind)
{
    Model *m;
    Input in;
    Error e = {{0}};
    Trace t = {0};
    size_t left_out, at = 0;
    char name[HOOK_NAME_MAX];
    Pass *p = pass_of(model, &m, &in);
    size_t layers = config_layers(&m->config, config_last_stack(&m->config));
    cr_assert_eq(trace_values(&t, p, NULL, &e), 0);
    cr_assert_eq(trace_use_hooks(&t, p, &left_out, &e), 0, "%s", e.text);
    for (size_t part = 0; part < layers + 2; part++)
        for (const char *const *k = part == 0 ? before : part <= layers ? layer : behind; *k; k++, at++) {
            if (part > 0 && part <= layers)
                snprintf(name, sizeof name, "blocks.%zu.%s", part - 1, *k);
            else
                snprintf(name, sizeof name, "%s", *k);
            const char *found = at < t.count ? t.items[at].name : "nothing";
            cr_expect_str_eq(found, name, "%zu: expected %s, found %s", at, name, found);
        }
    cr_expect_eq(t.count, at, "%zu", t.count);
    trace_free(&t);
    end(p, m, &in);
}

/* What HookedTransformer.run_with_cache of GPT-2 holds, in transformer_lens/components of version 4. */
Test(against, a_cache_of_gpt2_is_complete)
{
    static const char *const before[] = {"hook_embed", "hook_pos_embed", NULL};
    static const char *const layer[] = {
        "hook_resid_pre",   "ln1.hook_scale", "ln1.hook_normalized", "attn.hook_q",    "attn.hook_k",         "attn.hook_v",
        "attn.hook_attn_scores", "attn.hook_pattern", "attn.hook_z", "hook_attn_out",  "hook_resid_mid",      "ln2.hook_scale",
        "ln2.hook_normalized", "mlp.hook_pre", "mlp.hook_post",      "hook_mlp_out",   "hook_resid_post", NULL};
    static const char *const behind[] = {"ln_final.hook_scale", "ln_final.hook_normalized", "logits", NULL};
    check_cache("story", before, layer, behind);
}

/* What HookedEncoder.run_with_cache of BERT holds. */
Test(against, a_cache_of_bert_is_complete)
{
    static const char *const before[] = {"embed.hook_embed", "embed.hook_pos_embed", "embed.hook_token_type_embed", "embed.ln.hook_scale",
                                         "embed.ln.hook_normalized", "hook_full_embed", NULL};
    static const char *const layer[] = {
        "hook_resid_pre", "attn.hook_q", "attn.hook_k", "attn.hook_v", "attn.hook_attn_scores", "attn.hook_pattern", "attn.hook_z", "hook_attn_out",
        "hook_resid_mid", "ln1.hook_scale", "ln1.hook_normalized", "mlp.hook_pre", "mlp.hook_post", "hook_mlp_out", "hook_resid_post",
        "ln2.hook_scale", "ln2.hook_normalized", "hook_normalized_resid_post", NULL};
    static const char *const behind[] = {"mlm_head.ln.hook_scale", "mlm_head.ln.hook_normalized", "logits", NULL};
    check_cache(BERT, before, layer, behind);
}

/* What HookedTransformer.run_with_cache of Qwen3 holds. */
Test(against, a_cache_of_qwen3_is_complete)
{
    static const char *const before[] = {"hook_embed", NULL};
    static const char *const layer[] = {
        "hook_resid_pre", "ln1.hook_scale", "ln1.hook_normalized", "attn.hook_q", "attn.hook_k", "attn.hook_v", "attn.q_norm.hook_scale",
        "attn.q_norm.hook_normalized", "attn.k_norm.hook_scale", "attn.k_norm.hook_normalized", "attn.hook_rot_q", "attn.hook_rot_k",
        "attn.hook_attn_scores", "attn.hook_pattern", "attn.hook_z", "hook_attn_out", "hook_resid_mid", "ln2.hook_scale", "ln2.hook_normalized",
        "mlp.hook_pre", "mlp.hook_pre_linear", "mlp.hook_post", "hook_mlp_out", "hook_resid_post", NULL};
    static const char *const behind[] = {"ln_final.hook_scale", "ln_final.hook_normalized", "logits", NULL};
    check_cache(QWEN3, before, layer, behind);
}

/* The insides of a norm of keys, by their definition: a HookedTransformer's are one column of rows, heads behind tokens; a TransformerBridge
 * has the heads in front. As many tokens as heads: neither is taken for the other. */
Test(against, the_insides_of_norms_of_keys)
{
    static const int ids[] = {3, 5};
    Model *m;
    Pass *p = pass_of_ids(QWEN3, ids, 2, &m);
    int norm = plan_find(pass_plan(p), "decoder.1.self.k_norm");
    const Stage *s = &pass_plan(p)->stages[norm];
    size_t G = s->shape[0], T = s->shape[1], k = s->shape[2];
    cr_assert(G == 2 && T == 2 && k == 12);
    const real *x = pass_value(p, (size_t)s->in[0]);
    real scale[2][4], normal[2][4 * 12]; /* [0]: token by token; [1]: head by head */
    for (size_t g = 0; g < G; g++)
        for (size_t t = 0; t < T; t++) {
            double squares = 0;
            for (size_t j = 0; j < k; j++)
                squares += pow((double)x[(g * T + t) * k + j], 2);
            double size = sqrt(squares / (double)k + m->config.norm_eps);
            scale[0][t * G + g] = scale[1][g * T + t] = (real)size;
            for (size_t j = 0; j < k; j++)
                normal[0][(t * G + g) * k + j] = normal[1][(g * T + t) * k + j] = (real)((double)x[(g * T + t) * k + j] / size);
        }
    const size_t column[] = {4, 1}, rows[] = {4, 12}, narrow[] = {1, 2, 2, 1}, wide[] = {1, 2, 2, 12};
    const struct {
        const char *name;
        int rank;
        const size_t *shape;
        const real *data;
        bool ok;
    } cases[] = {{"hook_scale", 2, column, scale[0], true},       {"hook_scale", 2, column, scale[1], false},
                 {"hook_scale", 4, narrow, scale[1], true},       {"hook_scale", 4, narrow, scale[0], false},
                 {"hook_normalized", 2, rows, normal[0], true},   {"hook_normalized", 2, rows, normal[1], false},
                 {"hook_normalized", 4, wide, normal[1], true},   {"hook_normalized", 4, wide, pass_value(p, (size_t)norm), false}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char name[64];
        SafeTensors file;
        Against a;
        snprintf(name, sizeof name, "blocks.1.attn.k_norm.%s", cases[i].name);
        compare_with(&a, &file, p, &(SafeOut){.name = name, .rank = cases[i].rank, .shape = cases[i].shape, .data = cases[i].data}, 1);
        cr_expect(a.compared == 1 && !a.items[0].shapes_differ && (a.items[0].error <= 1e-5) == cases[i].ok, "%zu: %g", i, a.items[0].error);
        against_free(&a);
        safetensors_close(&file);
    }
    pass_free(p);
    model_free(m);
}

/* A norm's divisor and its rows before the gain, by their definition; the same rows behind gain and bias, as they were up to version 2, are
 * known as well, but not a third thing. */
Test(against, the_insides_of_norms)
{
    static const char *const models[] = {"story", "sum"};
    for (size_t i = 0; i < 2; i++) {
        Model *m;
        Input in;
        Pass *p = pass_of(models[i], &m, &in);
        int norm = plan_find(pass_plan(p), "decoder.1.self.norm");
        const Stage *s = &pass_plan(p)->stages[norm];
        size_t rows = s->shape[0], d = s->shape[1], narrow[3] = {1, rows, 1}, wide[3] = {1, rows, d};
        const real *x = pass_value(p, (size_t)s->in[0]);
        real *scale = malloc(rows * sizeof *scale), *normal = malloc(rows * d * sizeof *normal), *other = malloc(rows * d * sizeof *other);
        for (size_t t = 0; t < rows; t++) {
            double mean = 0, squares = 0;
            for (size_t j = 0; j < d && m->config.norm == NORM_LAYERNORM; j++)
                mean += (double)x[t * d + j];
            mean /= (double)d;
            for (size_t j = 0; j < d; j++)
                squares += pow((double)x[t * d + j] - mean, 2);
            scale[t] = (real)sqrt(squares / (double)d + m->config.norm_eps);
            for (size_t j = 0; j < d; j++) {
                normal[t * d + j] = (real)((double)x[t * d + j] - mean) / scale[t];
                other[t * d + j] = 2 * normal[t * d + j];
            }
        }
        const real *behind = pass_value(p, (size_t)norm);
        const struct {
            const char *name;
            const size_t *shape;
            const real *data;
            bool ok;
        } cases[] = {{"blocks.1.ln1.hook_scale", narrow, scale, true},
                     {"blocks.1.ln1.hook_normalized", wide, normal, true},
                     {"blocks.1.ln1.hook_normalized", wide, behind, m->config.norm == NORM_LAYERNORM},
                     {"blocks.1.ln1.hook_out", wide, behind, true},
                     {"blocks.1.ln1.hook_normalized", wide, other, false},
                     {"blocks.1.ln1.hook_scale", wide, normal, false}};
        for (size_t k = 0; k < sizeof cases / sizeof *cases; k++) {
            SafeTensors file;
            Against a;
            SafeOut out = {.name = cases[k].name, .rank = 3, .shape = cases[k].shape, .data = cases[k].data};
            compare_with(&a, &file, p, &out, 1);
            cr_expect(a.compared == 1 && (a.items[0].error <= 1e-5) == cases[k].ok, "%s, %zu: %g", models[i], k, a.items[0].error);
            against_free(&a);
            safetensors_close(&file);
        }
        free(scale);
        free(normal);
        free(other);
        end(p, m, &in);
    }
}

/* As many tokens as heads: that a name is a hook's says which of the two orders it is. And heads side by side, and each head's result. */
Test(against, heads_behind_tokens)
{
    static const int ids[] = {3, 5, 7, 2};
    Model *m;
    Error e = {{0}};
    Pass *p = pass_of_ids("story", ids, 4, &m);
    cr_assert_eq(m->config.n_heads, 4);
    int q = plan_find(pass_plan(p), "decoder.0.self.q"), result = plan_find(pass_plan(p), "decoder.0.self.out");
    size_t n = 4, heads = 4, d = m->config.d_head, d_model = m->config.d_model, apart[4] = {1, n, heads, d}, joined[3] = {1, n, heads * d},
           results[4] = {1, n, heads, d_model};
    const real *ours = pass_value(p, (size_t)q), *sum = pass_value(p, (size_t)result);
    real *turned = malloc(n * heads * d * sizeof *turned);
    for (size_t t = 0; t < n; t++)
        for (size_t h = 0; h < heads; h++)
            memcpy(turned + (t * heads + h) * d, ours + (h * n + t) * d, d * sizeof *turned);
    real *parts = hooked_compute(p, (Hook){result, HOOK_RESULT}, &e);
    cr_assert(parts);
    const SafeOut out[] = {{.name = "blocks.0.attn.hook_q", .rank = 4, .shape = apart, .data = turned},
                           {.name = "blocks.0.attn.q", .rank = 3, .shape = apart + 1, .data = turned},
                           {.name = "blocks.0.attn.q.hook_out", .rank = 3, .shape = joined, .data = turned},
                           {.name = "decoder.0.self.q", .rank = 3, .shape = apart + 1, .data = ours},
                           {.name = "blocks.0.attn.hook_result", .rank = 4, .shape = results, .data = parts},
                           /* as many tokens as heads: which of them stand in front shows in the numbers */
                           {.name = "blocks.0.attn.hook_v", .rank = 4, .shape = apart, .data = pass_value(p, (size_t)q + 2)}};
    SafeTensors file;
    Against a;
    compare_with(&a, &file, p, out, 6);
    cr_assert_eq(a.compared, 6);
    for (size_t i = 0; i < a.count; i++)
        cr_expect_eq(a.items[i].error, 0, "%s: %g", a.items[i].name, a.items[i].error);
    against_free(&a);
    safetensors_close(&file);
    int bias = weights_find(&m->weights, "decoder.0.self.b_O");
    for (size_t t = 0; t < n; t++)
        for (size_t j = 0; j < d_model; j++) {
            double all = bias < 0 ? 0 : (double)matrix_entry(&m->weights.items[bias].values, j);
            for (size_t h = 0; h < heads; h++)
                all += (double)parts[(t * heads + h) * d_model + j];
            cr_expect(fabs(all - (double)sum[t * d_model + j]) < 1e-5);
        }
    free(turned);
    free(parts);
    pass_free(p);
    model_free(m);
}

/* What is said of the first that differs: where, which stages may have made it, and what it looks like. */
Test(against, what_it_tells)
{
    static const int ids[] = {3, 5, 7};
    Model *m;
    Pass *p = pass_of_ids("story", ids, 3, &m);
    const Plan *plan = pass_plan(p);
    size_t d = m->config.d_model, units = m->config.d_ff, shape[2] = {3, d}, wide[2] = {3, units}, short_one[2] = {2, d};
    int expand = plan_find(plan, "decoder.1.ffn.expand"), activate = plan_find(plan, "decoder.1.ffn.activate"),
        end_of_layer = plan_find(plan, "decoder.0.ffn.residual"), tokens = plan_find(plan, "hook_embed");
    real *changed = malloc(3 * units * sizeof *changed), *centred = malloc(3 * d * sizeof *centred);
    bool *in_doubt = calloc(plan->count, sizeof *in_doubt);
    memcpy(changed, pass_value(p, (size_t)activate), 3 * units * sizeof *changed);
    changed[units + 7] += 1;
    for (size_t t = 0; t < 3; t++) {
        const real *row = pass_value(p, (size_t)tokens) + t * d;
        double mean = 0;
        for (size_t j = 0; j < d; j++)
            mean += (double)row[j] / (double)d;
        for (size_t j = 0; j < d; j++)
            centred[t * d + j] = (real)((double)row[j] - mean);
    }
    SafeTensors file;
    Against a;
    const SafeOut activation[] = {
        {.name = "blocks.1.mlp.hook_pre", .rank = 2, .shape = wide, .data = pass_value(p, (size_t)expand)},
        {.name = "blocks.1.mlp.hook_post", .rank = 2, .shape = wide, .data = changed}};
    compare_with(&a, &file, p, activation, 2);
    const AgainstItem *item = &a.items[1];
    cr_expect(a.items[0].error == 0 && item->error > 0.01 && item->index[0] == 1 && item->index[1] == 7, "%zu, %zu", item->index[0],
              item->index[1]);
    cr_expect_float_eq(item->theirs - item->ours, 1, 1e-6);
    cr_expect_eq(against_in_doubt(&a, 1, p, in_doubt), 1);
    cr_expect(in_doubt[activate] && !against_is_centred(item, p, 1e-5) && !against_other_length(item, p));
    against_free(&a);
    safetensors_close(&file);

    const SafeOut layers[] = {{.name = "hidden_states.0", .rank = 2, .shape = shape, .data = pass_value(p, (size_t)tokens)}, /* wrong */
                              {.name = "hidden_states.1", .rank = 2, .shape = shape, .data = pass_value(p, (size_t)end_of_layer)},
                              {.name = "hidden_states.2", .rank = 2, .shape = shape, .data = centred}};
    compare_with(&a, &file, p, layers, 3);
    cr_expect(a.items[0].error > 0.01 && a.items[1].error == 0 && a.items[2].error > 0.01);
    cr_expect_eq(against_in_doubt(&a, 0, p, in_doubt), 3); /* the embedding, the positions and their sum */
    size_t doubted = against_in_doubt(&a, 2, p, in_doubt);
    cr_expect(doubted > 10 && !in_doubt[end_of_layer] && in_doubt[end_of_layer + 1] && in_doubt[a.items[2].stage]);
    against_free(&a);
    safetensors_close(&file);

    const SafeOut folded[] = {{.name = "hook_embed", .rank = 2, .shape = shape, .data = centred},
                              {.name = "hook_pos_embed", .rank = 2, .shape = short_one, .data = centred}};
    compare_with(&a, &file, p, folded, 2);
    cr_expect(against_is_centred(&a.items[0], p, 1e-5) && !against_other_length(&a.items[0], p));
    cr_expect(!against_is_centred(&a.items[1], p, 1e-5));
    cr_expect_eq(against_other_length(&a.items[1], p), 2);
    against_free(&a);
    safetensors_close(&file);
    free(changed);
    free(centred);
    free(in_doubt);
    pass_free(p);
    model_free(m);
}

/* One tensor of a file: what is wrong with it is found. */
Test(against, what_differs_is_found)
{
    char folder[64], path[128];
    help_folder(folder);
    snprintf(path, sizeof path, "%s/one.safetensors", folder);
    Model *m;
    Input in;
    Error e = {{0}};
    Pass *p = pass_of("story", &m, &in);
    int masked = plan_find(pass_plan(p), "decoder.0.self.masked");
    const Stage *s = &pass_plan(p)->stages[masked];
    real *copy = malloc(s->count * sizeof *copy);
    cr_assert(copy);
    const struct {
        real at_hidden, add; /* what stands for −∞, and what is added to the first score */
        size_t rows;
        bool ok;
    } cases[] = {{-INFINITY, 0, s->shape[1], true},     {-100000, 0, s->shape[1], true},
                 {(real)-3.4e38, 0, s->shape[1], true}, {0, 0, s->shape[1], false},
                 {-INFINITY, 1, s->shape[1], false},    {NAN, 0, s->shape[1], false},
                 {-INFINITY, 0, s->shape[1] - 1, false}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        size_t shape[3] = {s->shape[0], cases[i].rows, s->shape[2]};
        SafeTensors file;
        Against a;
        memcpy(copy, pass_value(p, (size_t)masked), s->count * sizeof *copy);
        for (size_t k = 0; k < s->count; k++)
            copy[k] = isinf((double)copy[k]) ? cases[i].at_hidden : copy[k];
        copy[0] += cases[i].add;
        SafeOut out[2] = {{.name = "blocks.0.attn.hook_attn_scores", .rank = 3, .shape = shape, .data = copy},
                          {.name = "something.else", .rank = 1, .shape = shape, .data = copy}};
        cr_assert_eq(safetensors_write(path, out, 2, &e), 0, "%s", e.text);
        cr_assert_eq(safetensors_open(&file, path, &e), 0, "%s", e.text);
        cr_assert_eq(against_compare(&a, p, &file, &e), 0, "%s", e.text);
        cr_assert(a.compared == 1 && a.count == 2 && a.items[1].stage == NO_STAGE && strcmp(a.items[1].name, "something.else") == 0);
        cr_expect_eq(a.items[0].error <= a.tolerance, cases[i].ok, "case %zu: error %g", i, a.items[0].error);
        cr_expect_eq(a.items[0].shapes_differ, cases[i].rows != s->shape[1]);
        against_free(&a);
        safetensors_close(&file);
    }
    free(copy);
    end(p, m, &in);
    help_remove(folder);
}

/* ids of another program, I64 with a batch in front. */
Test(against, a_file_says_what_it_was_fed)
{
    static const struct {
        const char *header;
        const char *data; /* 16 bytes */
        int found;
        const char *says;
    } files[] = {
        {"{\"input_ids\":{\"dtype\":\"I64\",\"shape\":[1,2],\"data_offsets\":[0,16]}}", "\7\0\0\0\0\0\0\0\3\0\0\0\0\0\0\0", 1, NULL},
        {"{\"input_ids\":{\"dtype\":\"I32\",\"shape\":[4],\"data_offsets\":[0,16]}}", "\7\0\0\0\3\0\0\0\1\0\0\0\2\0\0\0", 1, NULL},
        {"{\"x\":{\"dtype\":\"I64\",\"shape\":[2],\"data_offsets\":[0,16]}}", "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 0, NULL},
        {"{\"input_ids\":{\"dtype\":\"I64\",\"shape\":[2,1],\"data_offsets\":[0,16]}}", "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0", -1,
         "expected one row of ids"},
        {"{\"input_ids\":{\"dtype\":\"F32\",\"shape\":[4],\"data_offsets\":[0,16]}}", "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0", -1,
         "expected one row of ids"},
        {"{\"input_ids\":{\"dtype\":\"I64\",\"shape\":[2],\"data_offsets\":[0,16]}}", "\7\0\0\0\0\0\0\0\377\377\377\377\377\377\377\377",
         -1, "entry 1: expected an id, found -1"},
    };
    char folder[64], path[128];
    help_folder(folder);
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        char bytes[512];
        size_t n = strlen(files[i].header);
        uint64_t length = n;
        SafeTensors file;
        Error e = {{0}};
        Ids ids = {0};
        memcpy(bytes, &length, 8);
        memcpy(bytes + 8, files[i].header, n);
        memcpy(bytes + 8 + n, files[i].data, 16);
        help_write(folder, "ids.safetensors", bytes, n + 24);
        snprintf(path, sizeof path, "%s/ids.safetensors", folder);
        cr_assert_eq(safetensors_open(&file, path, &e), 0, "%s", e.text);
        cr_expect_eq(against_ids(&file, "input_ids", &ids, &e), files[i].found, "file %zu", i);
        if (files[i].found == 1)
            cr_expect(ids.data[0] == 7 && ids.data[1] == 3 && ids.len == (i ? 4 : 2));
        if (files[i].says)
            assert_says(e, files[i].says);
        ids_free(&ids);
        safetensors_close(&file);
    }
    help_remove(folder);
}
