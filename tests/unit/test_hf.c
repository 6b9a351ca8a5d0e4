/* test_hf.c - Hugging Face folders: every number of every folder in tests/hf, that opening reads headers only, and that bad folders are
 * refused in one line. Runs from the top folder. */
#include "model/hf.h"

#include "hf_help.h"
#include "model_help.h"
#include "pass/pass.h"
#include "pass/rope.h"
#include "pass/sample.h"

#include <dirent.h>
#include <fcntl.h>
#include <jansson.h>
#include <math.h>
#include <sys/stat.h>

#define HF "tests/hf/"

/* ---- every number ---- */

static int check_folder(const char *name)
{
    char folder[192], path[256];
    snprintf(folder, sizeof folder, HF "%.120s", name);
    if (!file_is_folder(folder) || strcmp(name, "marian") == 0) /* test_marian.c */
        return 0;
    Model *m = help_open(folder);
    cr_assert(m->notes && m->notes[0] == '\0', "%s", m->notes);
    Ids ids = help_read_ids(folder);
    snprintf(path, sizeof path, "%s/expected.safetensors", folder);
    help_check_stages(m, &ids, path, strcmp(name, "llama-bf16-tied") == 0 ? 3e-2 : 5e-5);
    ids_free(&ids);
    model_free(m);
    return 1;
}

Test(hf, every_folder_agrees)
{
    DIR *dir = opendir(HF);
    int folders = 0;
    cr_assert(dir);
    for (struct dirent *d; (d = readdir(dir));)
        if (d->d_name[0] != '.')
            folders += check_folder(d->d_name);
    closedir(dir);
    cr_assert_eq(folders, 19);
}

/* A model that lies in a file and its copy in memory of our own: every bit of every stage. */
Test(hf, a_copy_computes_the_same_bits)
{
    static const char *const names[] = {HF "gpt2",  HF "gpt2-unscaled", HF "llama-bf16-tied", HF "llama-linear",
                                        HF "qwen2", HF "qwen3", HF "gpt-neox", HF "gpt-neox-f16", HF "gpt-neox-sequential"};
    for (size_t n = 0; n < sizeof names / sizeof *names; n++) {
        Error e = {{0}};
        Model *m = help_open(names[n]), *copy = model_copy(m, &e);
        cr_assert(copy, "%s", e.text);
        const int ids[] = {3, 1, 4, 1, 5};
        const int targets[] = {1, 4, 1, 5, 9};
        double loss[2];
        Pass *p = pass_create(m, (PassInput){NULL, ids, 0, 5}, 0, &e), *q = pass_create(copy, (PassInput){NULL, ids, 0, 5}, 0, &e);
        cr_assert(p && q);
        cr_assert_eq(pass_backward(p, targets, 5, &loss[0], &e), 0, "%s", e.text);
        cr_assert_eq(pass_backward(q, targets, 5, &loss[1], &e), 0, "%s", e.text);
        cr_assert_eq(loss[0], loss[1]);
        for (size_t i = 0; i < pass_plan(p)->count; i++) {
            size_t bytes = pass_plan(p)->stages[i].count * sizeof(real);
            cr_assert_arr_eq(pass_value(p, i), pass_value(q, i), bytes, "%s: stage %zu", names[n], i);
            cr_assert_arr_eq(pass_gradient(p, i), pass_gradient(q, i), bytes, "%s: stage %zu", names[n], i);
        }
        for (size_t i = 0; i < m->weights.count; i++)
            cr_assert_arr_eq(pass_weight_gradient(p, i), pass_weight_gradient(q, i), m->weights.items[i].count * sizeof(real));
        pass_free(p);
        pass_free(q);
        model_free(copy);
        model_free(m);
    }
}

/* What is written in our own format is read back, with every key that the config needs. */
Test(hf, saved_as_our_own_format)
{
    static const char *const names[] = {HF "gpt2-by-layer", HF "llama-yarn", HF "llama-llama3",        HF "mistral-window",
                                        HF "qwen2", HF "qwen3", HF "gpt-neox", HF "gpt-neox-sequential", HF "gpt-neox-linear"};
    for (size_t n = 0; n < sizeof names / sizeof *names; n++) {
        char folder[64], saved[80];
        Error e = {{0}};
        Model *m = help_open(names[n]);
        help_folder(folder);
        snprintf(saved, sizeof saved, "%s/m", folder);
        cr_assert_eq(model_save(m, saved, &e), 0, "%s", e.text);
        Model *again = help_open(saved);
        const int ids[] = {3, 1, 4, 1, 5, 9, 2, 6};
        Pass *p = pass_create(m, (PassInput){NULL, ids, 0, 8}, 0, &e), *q = pass_create(again, (PassInput){NULL, ids, 0, 8}, 0, &e);
        cr_assert(p && q, "%s", e.text);
        size_t last = pass_plan(p)->count - 1;
        cr_assert_arr_eq(pass_value(p, last), pass_value(q, last), pass_plan(p)->stages[last].count * sizeof(real), "%s", names[n]);
        pass_free(p);
        pass_free(q);
        model_free(m);
        model_free(again);
        help_remove(folder);
    }
}

/* ---- RoPE's scalings ---- */

static double number(const json_t *o, const char *name, double otherwise)
{
    const json_t *x = json_object_get(o, name);
    return x && !json_is_null(x) ? json_number_value(x) : otherwise;
}

Test(hf, rope_turns_as_far_as_it_should)
{
    json_t *root = json_load_file(HF "rope.json", 0, NULL);
    cr_assert(json_array_size(root) >= 12);
    for (size_t n = 0; n < json_array_size(root); n++) {
        const json_t *x = json_array_get(root, n), *speeds = json_object_get(x, "speeds");
        size_t k = (size_t)number(x, "head_dim", 0);
        json_t *config = json_pack("{s:s,s:i,s:i,s:i,s:i,s:i,s:f}", "model_type", "llama", "hidden_size", (int)k * 2, "num_attention_heads",
                                   2, "head_dim", (int)k, "vocab_size", 9, "max_position_embeddings", (int)number(x, "max_len", 0),
                                   "rope_theta", number(x, "theta", 0));
        json_object_set(config, n % 2 ? "rope_scaling" : "rope_parameters", json_object_get(x, "scaling"));
        char *text = json_dumps(config, 0);
        Config c;
        Buffer notes = {0};
        Error e = {{0}};
        cr_assert_eq(hf_config_read(&c, text, strlen(text), "config.json", &notes, &e), 0, "%s", e.text);
        cr_assert_eq(notes.len, 0, "%s", buffer_text(&notes));
        cr_assert_eq(json_array_size(speeds), k / 2);
        for (size_t i = 0; i < k / 2; i++) {
            double expected = json_number_value(json_array_get(speeds, i));
            cr_assert(fabs(rope_speed(&c, i) - expected) <= 1e-14 + 1e-12 * expected, "case %zu, pair %zu: %.17g, expected %.17g", n, i,
                      rope_speed(&c, i), expected);
            cr_assert_eq(rope_angle(&c, 100, i), 100 * rope_speed(&c, i));
        }
        cr_assert(fabs(rope_magnitude(&c) - number(x, "length", 0)) < 1e-12, "case %zu: %.17g", n, rope_magnitude(&c));
        config_free(&c);
        buffer_free(&notes);
        free(text);
        json_decref(config);
    }
    json_decref(root);
}

/* Beyond the length up to which dynamic scaling is exact, a text is refused. */
Test(hf, dynamic_scaling_is_refused_where_it_is_not_exact)
{
    Error e = {{0}};
    Config c;
    unsigned long seed = 0;
    cr_assert_eq(config_parse(&c, "position=rope,rope_scaling=dynamic,rope_factor=2,rope_original_len=4", &seed, &e), 0, "%s", e.text);
    Model *m = model_random(&c, 0, "m", &e);
    const int ids[5] = {0};
    Pass *p = pass_create(m, (PassInput){NULL, ids, 0, 4}, 0, &e);
    cr_assert(p, "%s", e.text);
    pass_free(p);
    cr_assert_null(pass_create(m, (PassInput){NULL, ids, 0, 5}, 0, &e));
    assert_says(e, "at most 4 tokens");
    model_free(m);
    config_free(&c);
}

/* ---- where weights lie ---- */

static bool lies_in(const Model *m, const char *name)
{
    const Weight *w = &m->weights.items[weights_find(&m->weights, name)];
    const unsigned char *at = w->values.data;
    for (size_t i = 0; i < m->weights.file_count; i++) {
        const File *f = &m->weights.files[i];
        cr_assert_eq(f->mapped, f->size > 16 << 10, "a small file is read");
        if (at >= f->data && at < f->data + f->size)
            return true;
    }
    return false;
}

Test(hf, weights_lie_in_the_files)
{
    Model *m = help_open(HF "gpt2-sharded");
    const Weights *w = &m->weights;
    cr_assert(!w->block && w->file_count == 7);
    for (size_t i = 0; i < w->count; i++) {
        cr_assert(lies_in(m, w->items[i].name), "%s", w->items[i].name);
        cr_assert_eq(w->items[i].values.dtype, REAL_IS_DOUBLE ? DTYPE_F32 : DTYPE_REAL, "%s", w->items[i].name);
    }
    const Matrix *q = &w->items[weights_find(w, "decoder.0.self.W_Q")].values, *k = &w->items[weights_find(w, "decoder.0.self.W_K")].values;
    cr_assert(q->ld == 96 && k->ld == 96 && (const char *)k->data - (const char *)q->data == 32 * 4, "columns of c_attn");
    cr_assert_str_eq(m->summary, "Hugging Face gpt2, 28448 numbers as F32");
    model_free(m);

    m = help_open(HF "llama-bf16-tied");
    const Matrix *v = &m->weights.items[weights_find(&m->weights, "decoder.1.self.W_V")].values;
    cr_assert(v->layout == TRANSPOSED && v->dtype == DTYPE_BF16 && v->ld == 32 && lies_in(m, "decoder.1.self.W_V"),
              "bfloat16 stays bfloat16");
    cr_assert_eq(weights_find(&m->weights, "output.W_U"), -1, "tied");
    cr_assert(m->config.bos == 1 && m->config.eos == 2 && m->config.pad == -1);
    Error e;
    cr_assert_eq(weights_own(&m->weights, &e), 0);
    cr_assert(m->weights.block && m->weights.file_count == 0);
    model_free(m);
}

/* Kilobytes of this process that are in memory. */
static long resident(void)
{
    long size = 0, pages = 0;
    FILE *f = fopen("/proc/self/statm", "r");
    cr_assert(f && fscanf(f, "%ld %ld", &size, &pages) == 2);
    fclose(f);
    return pages * (sysconf(_SC_PAGESIZE) / 1024);
}

/* A large GPT-2 whose file is all holes behind its header: opening reads the header, and the first stage rows of the embedding. */
Test(hf, opening_reads_headers_only)
{
#if defined __SANITIZE_ADDRESS__
    return; /* its own memory would be counted */
#endif
    enum { D = 512, LAYERS = 8, VOCAB = 50000, POSITIONS = 1024 };
    char folder[64], path[128], name[96];
    Buffer header = {0}, file = {0};
    size_t at = 0;
    static const struct {
        const char *name;
        size_t rows, columns;
    } parts[] = {
        {"ln_1.weight", D, 0},
        {"ln_1.bias", D, 0},
        {"attn.c_attn.weight", D, 3 * D},
        {"attn.c_attn.bias", 3 * D, 0},
        {"attn.c_proj.weight", D, D},
        {"attn.c_proj.bias", D, 0},
        {"ln_2.weight", D, 0},
        {"ln_2.bias", D, 0},
        {"mlp.c_fc.weight", D, 4 * D},
        {"mlp.c_fc.bias", 4 * D, 0},
        {"mlp.c_proj.weight", 4 * D, D},
        {"mlp.c_proj.bias", D, 0},
    };
    help_folder(folder);
    for (size_t layer = 0; layer <= LAYERS; layer++)
        for (size_t i = 0; i < (layer < LAYERS ? sizeof parts / sizeof *parts : 4); i++) {
            static const struct {
                const char *name;
                size_t rows, columns;
            } rest[] = {{"wte.weight", VOCAB, D}, {"wpe.weight", POSITIONS, D}, {"ln_f.weight", D, 0}, {"ln_f.bias", D, 0}};
            size_t rows = layer < LAYERS ? parts[i].rows : rest[i].rows, columns = layer < LAYERS ? parts[i].columns : rest[i].columns;
            if (layer < LAYERS)
                snprintf(name, sizeof name, "h.%zu.%s", layer, parts[i].name);
            else
                snprintf(name, sizeof name, "%s", rest[i].name);
            size_t bytes = rows * (columns ? columns : 1) * 4;
            buffer_printf(&header, "%s\"%s\":{\"dtype\":\"F32\",\"shape\":[%zu", header.len ? "," : "{", name, rows);
            if (columns)
                buffer_printf(&header, ",%zu", columns);
            buffer_printf(&header, "],\"data_offsets\":[%zu,%zu]}", at, at + bytes);
            at += bytes;
        }
    buffer_putc(&header, '}');
    for (int b = 0; b < 8; b++)
        buffer_putc(&file, (char)(header.len >> (8 * b)));
    buffer_add(&file, header.data, header.len);
    help_write(folder, "model.safetensors", file.data, file.len);
    snprintf(path, sizeof path, "%s/model.safetensors", folder);
    cr_assert_eq(truncate(path, (off_t)(file.len + at)), 0);
    buffer_free(&header);
    buffer_free(&file);
    snprintf(name, sizeof name, "{\"model_type\":\"gpt2\",\"n_embd\":%d,\"n_head\":8,\"n_layer\":%d,\"vocab_size\":%d}", D, LAYERS, VOCAB);
    help_write(folder, "config.json", name, strlen(name));

    Error e = {{0}};
    long before = resident();
    Model *m = help_open(folder);
    cr_assert_gt(m->weights.total * 4, (size_t)200000000);
    cr_assert_lt(resident() - before, 8 << 10, "opening: %ld KB", resident() - before);
    const int ids[] = {40000, 7, 20000};
    Pass *p = pass_create(m, (PassInput){NULL, ids, 0, 3}, 0, &e);
    cr_assert(p, "%s", e.text);
    for (size_t i = 0; i < 3; i++)
        pass_value(p, i); /* tokens, positions, sum */
    cr_assert_eq(pass_done(p), 3);
    cr_assert_lt(resident() - before, 10 << 10, "three stages: %ld KB", resident() - before);
    pass_free(p);
    model_free(m);
    help_remove(folder);
}

/* ---- config.json ---- */

static void refuse_config(const char *text, const char *part)
{
    Config c = {0};
    Buffer notes = {0};
    Error e = {{0}};
    cr_assert_eq(hf_config_read(&c, text, strlen(text), "config.json", &notes, &e), -1, "was read: %s", text);
    assert_says(e, part);
    cr_assert_eq(strncmp(e.text, "config.json: ", 13), 0, "%s", e.text);
    buffer_free(&notes);
}

Test(hf, configs_that_cannot_be_read_say_why)
{
    refuse_config("[]", "expected an object");
    refuse_config("{\"architectures\": [\"GPT2LMHeadModel\"]}", "model_type: expected one");
    refuse_config("{\"model_type\": \"t5\"}", "gpt2, llama, mistral, qwen2, qwen3, gpt_neox, bert or marian, found \"t5\"");
    refuse_config("{\"model_type\": \"gpt2\", \"n_head\": 0}", "n_head: expected an integer from 1");
    refuse_config("{\"model_type\": \"gpt2\", \"n_layer\": 1000000}", "n_layer: expected an integer from 0 to 1024");
    refuse_config("{\"model_type\": \"gpt2\", \"n_embd\": 99999999999}", "n_embd");
    refuse_config("{\"model_type\": \"gpt2\", \"n_embd\": 10, \"n_head\": 3}", "n_embd: expected a multiple of n_head (3), found 10");
    refuse_config("{\"model_type\": \"gpt2\", \"n_embd\": \"768\"}", "found \"768\"");
    refuse_config("{\"model_type\": \"gpt2\", \"activation_function\": \"quick_gelu\"}", "activation_function: expected gelu_new");
    refuse_config("{\"model_type\": \"gpt2\", \"add_cross_attention\": true}", "add_cross_attention");
    refuse_config("{\"model_type\": \"gpt2\", \"layer_norm_epsilon\": -1}", "norm_eps");
    refuse_config("{\"model_type\": \"gpt2\", \"scale_attn_weights\": 1}", "scale_attn_weights: expected true or false");
    refuse_config("{\"model_type\": \"llama\", \"quantization_config\": {\"bits\": 4}}", "quantization_config");
    refuse_config("{\"model_type\": \"llama\", \"num_key_value_heads\": 3}", "num_key_value_heads: expected a divisor");
    refuse_config("{\"model_type\": \"llama\", \"head_dim\": 7}", "head_dim: expected an even number");
    refuse_config("{\"model_type\": \"llama\", \"rope_scaling\": {\"rope_type\": \"longrope\"}}",
                  "rope_type: expected default, linear, dynamic, llama3 or yarn");
    refuse_config("{\"model_type\": \"llama\", \"rope_scaling\": {\"type\": \"linear\"}}", "rope_scaling.factor: expected a value");
    refuse_config("{\"model_type\": \"llama\", \"rope_scaling\": {\"type\": \"linear\", \"factor\": 0}}", "rope_factor");
    refuse_config("{\"model_type\": \"llama\", \"rope_scaling\": {\"rope_type\": \"llama3\", \"factor\": 8}}",
                  "original_max_position_embeddings");
    refuse_config("{\"model_type\": \"llama\", \"rope_scaling\": {\"rope_type\": \"llama3\", \"factor\": 8, "
                  "\"original_max_position_embeddings\": 8192}}",
                  "low_freq_factor");
    refuse_config("{\"model_type\": \"llama\", \"rope_scaling\": {\"rope_type\": \"yarn\"}}", "rope_scaling.factor");
    refuse_config("{\"model_type\": \"bert\", \"position_embedding_type\": \"relative_key\"}",
                  "position_embedding_type: expected absolute, found \"relative_key\"");
    refuse_config("{\"model_type\": \"bert\", \"is_decoder\": true}", "is_decoder");
    refuse_config("{\"model_type\": \"gpt_neox\", \"rotary_pct\": 0}", "rotary_pct: expected a number above 0 and at most 1, found 0");
    refuse_config("{\"model_type\": \"gpt_neox\", \"rotary_pct\": 1.5}", "rotary_pct");
    refuse_config("{\"model_type\": \"gpt_neox\", \"hidden_size\": 64, \"num_attention_heads\": 4, \"rotary_pct\": 0.2}",
                  "rotary_pct: expected an even number of dimensions, because RoPE turns pairs, found 0.2 of 16: 3");
    refuse_config("{\"model_type\": \"gpt_neox\", \"hidden_act\": \"quick_gelu\"}", "hidden_act");
    refuse_config("{\"model_type\": \"llama\", \"rope_scaling\": 2}", "rope_scaling: expected an object, found 2");
    refuse_config("{\"model_type\": \"llama\", \"rope_theta\": 0}", "rope_theta");
    refuse_config("{\"model_type\": \"llama\", \"partial_rotary_factor\": 0.5}", "partial_rotary_factor");
    refuse_config("{\"model_type\": \"llama\", \"rope_parameters\": {\"rope_type\": \"default\", \"partial_rotary_factor\": 0.5}}",
                  "partial_rotary_factor");
    refuse_config("{\"model_type\": \"mistral\", \"sliding_window\": 0}", "sliding_window");
    refuse_config("{\"model_type\": \"qwen2\", \"use_sliding_window\": true, \"max_window_layers\": 3, \"num_hidden_layers\": 4}",
                  "max_window_layers");
    refuse_config("{\"model_type\": \"qwen2\", \"use_sliding_window\": true, \"layer_types\": [\"full_attention\", \"sliding_attention\"]}",
                  "layer_types");
    refuse_config("{\"model_type\": \"qwen2\", \"layer_types\": [\"chunked_attention\"]}", "layer_types");
    refuse_config("{\"model_type\": \"llama\", \"rope_parameters\": {\"full_attention\": {\"rope_theta\": 1e6}}}",
                  "rope_parameters.\"full_attention\": expected the same turns in all layers, found ");
    refuse_config("{\"model_type\": \"llama\", \"rope_scaling\": {\"rope_type\": \"longrope\", \"short_factor\": [1]}}",
                  "rope_type: expected default, linear, dynamic, llama3 or yarn, found \"longrope\"");
    refuse_config("{\"model_type\": \"llama\", \"quantization\": {\"bits\": 4, \"group_size\": 64}}", "quantization: expected none");
}

/* Reads a config, whose notes are these. */
static Config config_with_notes(const char *text, const char *expected)
{
    Config c;
    Buffer notes = {0};
    Error e = {{0}};
    cr_assert_eq(hf_config_read(&c, text, strlen(text), "config.json", &notes, &e), 0, "%s", e.text);
    cr_assert_str_eq(buffer_text(&notes), expected);
    buffer_free(&notes);
    config_free(&c);
    return c;
}

Test(hf, what_is_not_known_is_said)
{
    config_with_notes("{\"model_type\": \"gpt2\", \"use_cache\": true, \"attn_pdrop\": 0.1, \"torch_dtype\": \"float16\"}", "");
    config_with_notes("{\"model_type\": \"gpt2\", \"logit_softcap\": 30}",
                      "config.json: \"logit_softcap\": not known here: the numbers may differ\n");
    config_with_notes("{\"model_type\": \"llama\", \"rope_scaling\": {\"type\": \"linear\", \"factor\": 2, \"foo\": 1}}",
                      "config.json: rope_scaling.\"foo\": not known here: the numbers may differ\n");
    config_with_notes("{\"model_type\": \"llama\", \"eos_token_id\": [7, 8, 32000]}",
                      "config.json: eos_token_id: counts as none, because it is not in the vocabulary of 32000 tokens: 32000\n");
    config_with_notes("{\"model_type\": \"llama\", \"rope_interleaved\": true}",
                      "config.json: \"rope_interleaved\": not known here: the numbers may differ\n");
    config_with_notes("{\"model_type\": \"llama\", \"num_beams\": 4, \"repetition_penalty\": 1.1, \"no_repeat_ngram_size\": 3}",
                      "config.json: num_beams is 4: here one token at a time is chosen (greedy, or drawn), which may give another text\n"
                      "config.json: repetition_penalty is 1.1: here tokens may come again, which may give another text\n"
                      "config.json: no_repeat_ngram_size is 3: here tokens may come again, which may give another text\n");
    config_with_notes("{\"model_type\": \"bert\", \"num_beams\": 4}", "");
    config_with_notes("{\"model_type\": \"llama\", \"sliding_window\": null, \"final_logit_softcapping\": null}", "");
    config_with_notes("{\"model_type\": \"llama\", \"sliding_window\": 4096}",
                      "config.json: \"sliding_window\": not known here: the numbers may differ\n");
    Config c = config_with_notes("{\"model_type\": \"gpt2\", \"vocab_size\": 9, \"bos_token_id\": 9}",
                                 "config.json: bos_token_id: counts as none, because it is not in the vocabulary of 9 tokens: 9\n");
    cr_assert_eq(c.bos, -1);
}

Test(hf, what_is_left_out_takes_the_librarys_defaults)
{
    Config c = config_with_notes("{\"model_type\": \"gpt2\"}", "");
    cr_assert(c.vocab_size == 50257 && c.max_len == 1024 && c.d_model == 768 && c.decoder_layers == 12 && c.n_heads == 12 &&
              c.d_ff == 3072);
    cr_assert(c.activation == ACTIVATION_GELU_TANH && c.norm_eps == 1e-5 && c.tie_embeddings && c.bias && c.position == POSITION_LEARNED);
    c = config_with_notes("{\"model_type\": \"llama\"}", "");
    cr_assert(c.d_model == 4096 && c.d_ff == 11008 && c.n_kv_heads == 32 && c.d_head == 128 && c.norm_eps == 1e-6 && !c.tie_embeddings &&
              !c.bias);
    cr_assert(c.rope_theta == 10000 && c.rope_pairing == PAIRING_HALF && c.ffn == FFN_GATED && c.activation == ACTIVATION_SILU);
    c = config_with_notes("{\"model_type\": \"mistral\"}", "");
    cr_assert(c.n_kv_heads == 8 && c.window == 4096 && c.d_ff == 14336);
    c = config_with_notes("{\"model_type\": \"mistral\", \"sliding_window\": null}", "");
    cr_assert_eq(c.window, 0);
    c = config_with_notes("{\"model_type\": \"qwen2\", \"use_sliding_window\": true, \"sliding_window\": 5, \"max_window_layers\": 0}", "");
    cr_assert(c.window == 5 && config_has_bias(&c, 'Q') && config_has_bias(&c, 'V') && !config_has_bias(&c, 'O') &&
              !config_has_bias(&c, '1'));
    c = config_with_notes("{\"model_type\": \"llama\", \"rope_interleaved\": false, \"rope_theta\": 5e5, \"rope_scaling\": null}", "");
    cr_assert(c.rope_pairing == PAIRING_HALF && c.rope_theta == 5e5);
    c = config_with_notes("{\"model_type\": \"qwen2\", \"attention_bias\": true, \"num_key_value_heads\": null}", "");
    cr_assert(config_has_bias(&c, 'K') && !config_has_bias(&c, 'O') && c.n_kv_heads == 32 && c.vocab_size == 151936 && c.max_len == 32768);
    c = config_with_notes("{\"model_type\": \"mistral\", \"attention_bias\": true, \"mlp_bias\": true, \"num_key_value_heads\": null}", "");
    cr_assert(!config_has_bias(&c, 'Q') && !config_has_bias(&c, '1') && c.n_kv_heads == 32);
    c = config_with_notes("{\"model_type\": \"gpt2\", \"hidden_size\": 24, \"num_attention_heads\": 3, \"num_hidden_layers\": 2, "
                          "\"max_position_embeddings\": 9}",
                          "");
    cr_assert(c.d_model == 24 && c.n_heads == 3 && c.decoder_layers == 2 && c.max_len == 9 && c.d_ff == 96);
    c = config_with_notes("{\"model_type\": \"llama\", \"rope_scaling\": {\"type\": \"linear\", \"factor\": 2}, "
                          "\"rope_parameters\": {\"rope_type\": \"default\"}}",
                          "config.json: rope_parameters: is not read, because there is rope_scaling too, and they differ\n");
    cr_assert(c.rope_scaling == ROPE_SCALING_LINEAR && c.rope_factor == 2);
}

/* Each class has its own tokens that begin and end where config.json leaves them out, and none where it says null. */
Test(hf, what_begins_and_ends_takes_the_classes_defaults)
{
    static const struct {
        const char *text;
        int bos, eos;
    } cases[] = {
        {"{\"model_type\": \"gpt2\"}", 50256, 50256}, {"{\"model_type\": \"gpt2\", \"vocab_size\": 21128}", -1, -1},
        {"{\"model_type\": \"llama\"}", 1, 2},        {"{\"model_type\": \"llama\", \"bos_token_id\": null, \"eos_token_id\": 5}", -1, 5},
        {"{\"model_type\": \"mistral\"}", 1, 2},      {"{\"model_type\": \"qwen2\"}", -1, -1}, {"{\"model_type\": \"qwen3\"}", -1, -1},
        {"{\"model_type\": \"gpt_neox\"}", 0, 2},     {"{\"model_type\": \"bert\"}", -1, -1},
        {"{\"model_type\": \"marian\"}", 58100, 0},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        Config c = config_with_notes(cases[i].text, "");
        cr_expect(c.bos == cases[i].bos && c.eos == cases[i].eos, "%s: %d, %d", cases[i].text, c.bos, c.eos);
    }
}

/* The config.json of published models: each is read, what it says is known, and the weights are as many numbers as are published. */
Test(hf, published_configs_are_read)
{
    Error e = {{0}};
    json_t *list = json_load_file(HF "published.json", 0, NULL), *model;
    size_t i;
    cr_assert_geq(json_array_size(list), 20);
    json_array_foreach(list, i, model)
    {
        const char *notes = json_string_value(json_object_get(model, "notes"));
        char *text = json_dumps(json_object_get(model, "config"), 0);
        Config c = config_with_notes(text, notes ? notes : "");
        Weights w = {0};
        cr_assert_eq(weights_layout(&w, &c, &e), 0, "%s", e.text);
        json_int_t parameters = json_integer_value(json_object_get(model, "parameters")) -
                                json_integer_value(json_object_get(model, "sinusoids")) +
                                json_integer_value(json_object_get(model, "buffers"));
        cr_expect_eq((json_int_t)w.total, parameters, "%s: %zu numbers, published: %lld", json_string_value(json_object_get(model, "name")),
                     w.total, (long long)parameters);
        weights_free(&w);
        free(text);
    }
    json_decref(list);
}

/* ---- folders ---- */

/* A copy of a folder's files, in which one is changed. */
static void copy_folder(const char *from, char folder[64])
{
    char command[256];
    help_folder(folder);
    snprintf(command, sizeof command, "cp %s/* %s/", from, folder);
    cr_assert_eq(system(command), 0);
}

static void refuse_folder(const char *folder, const char *part)
{
    Error e = {{0}};
    Model *m = model_open(folder, NULL, &e);
    cr_assert_null(m, "was opened; expected %s", part);
    assert_says(e, part);
    help_remove(folder);
}

/* Puts `with` for `what`, of the same length, wherever it is in a file. */
static void replace_in(const char *folder, const char *name, const char *what, const char *with)
{
    char path[160];
    File f;
    Error e;
    size_t n = strlen(what), times = 0;
    snprintf(path, sizeof path, "%s/%s", folder, name);
    cr_assert_eq(file_open(&f, path, &e), 0, "%s", e.text);
    unsigned char *bytes = malloc(f.size);
    cr_assert(bytes && strlen(with) == n);
    memcpy(bytes, f.data, f.size);
    for (size_t i = 0; i + n <= f.size; i++)
        if (memcmp(bytes + i, what, n) == 0) {
            memcpy(bytes + i, with, n);
            times++;
        }
    cr_assert_gt(times, 0, "%s is not in %s", what, path);
    help_write(folder, name, bytes, f.size);
    free(bytes);
    file_close(&f);
}

Test(hf, bad_folders_say_what_is_wrong)
{
    char folder[64], path[128];

    copy_folder(HF "gpt2-sharded", folder);
    snprintf(path, sizeof path, "%s/model-00003-of-00007.safetensors", folder);
    cr_assert_eq(unlink(path), 0);
    refuse_folder(folder, "expected the shard \"model-00003-of-00007.safetensors\" in this folder, found no such file");

    copy_folder(HF "gpt2-sharded", folder);
    replace_in(folder, "model.safetensors.index.json", "model-00003-of-00007", "../../../etc/passwd0");
    refuse_folder(folder, "expected the name of a *.safetensors file in this folder");

    copy_folder(HF "gpt2-sharded", folder);
    replace_in(folder, "model.safetensors.index.json", "\"transformer.h.0.mlp.c_fc.bias\": \"model-00003",
               "\"transformer.h.0.mlp.c_fc.bias\": \"model-00004");
    refuse_folder(folder, "expected this tensor in model-00004-of-00007.safetensors, found none there");

    copy_folder(HF "gpt2-sharded", folder);
    replace_in(folder, "model.safetensors.index.json", "\"transformer.ln_f.bias\"", "\"transformer.ln_f.bios\"");
    refuse_folder(folder, "expected this tensor in model-00007-of-00007.safetensors");

    copy_folder(HF "gpt2-sharded", folder);
    char command[256];
    snprintf(command, sizeof command, "cp %s/model-00002-of-00007.safetensors %s/model-00003-of-00007.safetensors", folder, folder);
    cr_assert_eq(system(command), 0);
    refuse_folder(folder, "model.safetensors.index.json: weight_map: ");

    copy_folder(HF "gpt2-sharded", folder);
    help_write(folder, "model.safetensors.index.json", "{}", 2);
    refuse_folder(folder, "weight_map: expected an object");

    copy_folder(HF "llama", folder);
    snprintf(path, sizeof path, "%s/model.safetensors", folder);
    cr_assert_eq(truncate(path, 5000), 0);
    refuse_folder(folder, "model.safetensors: ");

    copy_folder(HF "llama", folder);
    snprintf(path, sizeof path, "%s/model.safetensors", folder);
    cr_assert_eq(unlink(path), 0);
    help_write(folder, "pytorch_model.bin", "x", 1);
    refuse_folder(folder, "found pytorch_model.bin, which is not read");

    copy_folder(HF "llama", folder);
    replace_in(folder, "config.json", "\"intermediate_size\": 48", "\"intermediate_size\": 47");
    refuse_folder(folder, "mlp.gate_proj.weight: expected shape [47, 32], as config.json implies, found [48, 32]");

    copy_folder(HF "llama", folder);
    replace_in(folder, "config.json", "\"num_hidden_layers\": 2", "\"num_hidden_layers\": 3");
    refuse_folder(folder, "model.layers.2.input_layernorm.weight: expected a tensor of this name, found none");

    copy_folder(HF "llama", folder);
    replace_in(folder, "config.json", "\"num_hidden_layers\": 2", "\"num_hidden_layers\": 1");
    refuse_folder(folder, "expected only tensors that a llama of this config.json has, found this one too");

    copy_folder(HF "llama", folder);
    replace_in(folder, "config.json", "\"llama\"", "\"bloom\"");
    refuse_folder(folder, "expected an architecture that is read here");

    copy_folder(HF "qwen2", folder);
    replace_in(folder, "model.safetensors", "model.norm.weight", "model.norm.wright");
    refuse_folder(folder, "model.norm.weight: expected a tensor of this name, found none; nearest: \"model.norm.wright\"");

    copy_folder(HF "qwen2", folder); /* not tied, as it says now, but without an output head */
    replace_in(folder, "config.json", "\"tie_word_embeddings\": true", "\"tie_word_embeddingX\": true");
    refuse_folder(folder,
                  "lm_head.weight: expected a tensor of this name, found none: without the output head there are no logits; try what "
                  "Qwen2ForCausalLM saves");

    copy_folder(HF "gpt2", folder);
    replace_in(folder, "model.safetensors", "\"F32\"", "\"I32\"");
    refuse_folder(folder, "expected F32, F64, F16 or BF16, found I32");

    copy_folder(HF "gpt2", folder);
    help_write(folder, "generation_config.json", "[", 1);
    replace_in(folder, "config.json", "\"eos_token_id\": 0", "\"eos_tokenXid\": 0");
    refuse_folder(folder, "generation_config.json: line 1");
}

/* What may lie in a file besides: an output head that is tied, which is said where it is another matrix, and a bias under its other name.
 */
Test(hf, copies_of_the_output_head)
{
    char folder[64];
    copy_folder(HF "gpt2-by-layer", folder); /* which has an output head of its own */
    replace_in(folder, "config.json", "\"tie_word_embeddings\": false", "\"tie_word_embeddings\": true ");
    Model *m = help_open(folder);
    cr_assert(strstr(m->notes, "\"lm_head.weight\": is not read, because config.json ties the output head to the embedding"), "%s",
              m->notes);
    model_free(m);
    help_remove(folder);

    copy_folder(HF "bert-untied", folder);
    replace_in(folder, "model.safetensors",
               "\"cls.predictions.bias\": {\"dtype\": \"F32\", \"shape\": [29], \"data_offsets\": [43040, 43156]}, ",
               "\"cls.predictions.decoder.bias\":{\"dtype\":\"F32\",\"shape\":[29],\"data_offsets\":[43040,43156]},");
    Model *other = help_open(HF "bert-untied");
    m = help_open(folder);
    int bias = weights_find(&m->weights, "output.b_U");
    cr_assert_geq(bias, 0);
    for (size_t i = 0; i < 29; i++)
        cr_assert_eq(weight_at(&m->weights.items[bias], i), weight_at(&other->weights.items[bias], i));
    model_free(m);
    model_free(other);
    help_remove(folder);
}

/* As in the library, generation_config.json says which tokens end; where it lists several, each does, and config.json's own stays eos. */
Test(hf, generation_config_says_what_ends)
{
    static const struct {
        const char *text;
        int eos;
        bool ends[10];    /* which of the first ids end a text */
        const char *note; /* or NULL */
    } cases[] = {
        {"{\"eos_token_id\": 5}", 5, {[5] = true}, NULL},
        {"{\"eos_token_id\": [7, 0, 9]}", 0, {[0] = true, [7] = true, [9] = true}, NULL},
        {"{\"eos_token_id\": [7, 9, 7]}", 7, {[7] = true, [9] = true}, NULL},
        {"{\"repetition_penalty\": 1.05}", 0, {[0] = true}, "generation_config.json: repetition_penalty is 1.05"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char folder[64];
        copy_folder(HF "gpt2", folder);
        help_write(folder, "generation_config.json", cases[i].text, strlen(cases[i].text));
        Model *m = help_open(folder);
        cr_expect_eq(m->config.eos, cases[i].eos, "%s: %d", cases[i].text, m->config.eos);
        for (int id = 0; id < 10; id++)
            cr_expect_eq(generate_ends(m, id), cases[i].ends[id], "%s: %d", cases[i].text, id);
        cr_expect(cases[i].note ? strstr(m->notes, cases[i].note) != NULL : m->notes[0] == '\0', "%s: %s", cases[i].text, m->notes);
        model_free(m);
        help_remove(folder);
    }
}

Test(hf, what_is_beside_the_weights)
{
    char folder[64];
    copy_folder(HF "gpt2", folder);
    replace_in(folder, "config.json", "\"eos_token_id\": 0", "\"eos_tokenXid\": 0");
    replace_in(folder, "generation_config.json", "\"eos_token_id\": 0", "\"eos_token_id\": 7");
    const char *words = "{\"model\":{\"type\":\"WordLevel\",\"vocab\":{\"a\":0,\"b\":1}},\"later\":1}";
    help_write(folder, "tokenizer.json", words, strlen(words));
    Model *m = help_open(folder);
    cr_assert_eq(m->config.eos, 7);
    cr_assert(strstr(m->notes, "config.json: \"eos_tokenXid\": not known here"), "%s", m->notes);
    cr_assert(strstr(m->notes, "tokenizer.json: the field \"later\" is not known here"), "%s", m->notes);
    cr_assert(strstr(m->notes, "tokenizer.json: has ids 0 to 1, the model 0 to 60"), "%s", m->notes);
    cr_assert(vocab_has_text(m->vocab) && vocab_find(m->vocab, "b") == 1);
    model_free(m);
    help_remove(folder);
}
