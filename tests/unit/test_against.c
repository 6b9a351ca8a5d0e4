/* test_against.c - the names others have for stages, and a pass beside a file that another program wrote. */
#include "data_help.h"
#include "model_help.h"

#include "measure/against.h"
#include "measure/trace.h"
#include "pass/hook.h"
#include "pass/input.h"

#include <math.h>
#include <stdint.h>

TestSuite(against, .init = help_data);

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
    {__LINE__, "story", "blocks.2.hook_resid_pre", "decoder.1.ffn.residual", false},
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
    {__LINE__, "sum", "blocks.0.mlp.hook_pre", "decoder.0.ffn.gate", true},
    {__LINE__, "sum", "blocks.0.mlp.hook_pre_linear", "decoder.0.ffn.expand", true},
    {__LINE__, "sum", "blocks.0.mlp.hook_post", "decoder.0.ffn.product", true},
    {__LINE__, "sum", "blocks.0.ln1.hook_normalized", NULL, false},                       /* theirs is in front of the gain */
    {__LINE__, "induction", "blocks.0.hook_resid_post", "decoder.0.self.residual", true}, /* attention alone */
    {__LINE__, "induction", "blocks.0.hook_resid_mid", NULL, false},
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
        char name[STAGE_NAME_MAX] = "none", hook[HOOK_NAME_MAX] = "";
        if (at < 0)
            at = hook_find_output(pass_plan(p), names[i].theirs);
        if (at >= 0)
            stage_name(&pass_plan(p)->stages[at], name);
        cr_expect_str_eq(name, names[i].ours ? names[i].ours : "none", "line %d: %s is %s, found %s", names[i].line, names[i].theirs,
                         names[i].ours ? names[i].ours : "none", name);
        if (names[i].back && at >= 0)
            cr_expect(hook_name(pass_plan(p), (size_t)at, hook) && strcmp(hook, names[i].theirs) == 0, "line %d: found %s", names[i].line,
                      hook);
        end(p, m, &in);
    }
}

/* What is written with their names and shapes is found again, number by number. */
Test(against, a_file_with_hooks_is_the_same_pass)
{
    static const char *const models[] = {
        "story", "sum", "induction", "hand-wired",
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
        cr_assert_eq(trace_use_hooks(&t, &left_out, &e), 0, "%s", e.text);
        cr_assert_eq(t.count + left_out, pass_plan(p)->count);
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
