/* nanogpt.c - nanoGPT's and minGPT's state dicts opened.
 *
 *     transformer.wte.weight [vocab_size, n_embd], transformer.wpe.weight [block_size, n_embd], transformer.h.N.ln_1, attn.c_attn,
 * attn.c_proj, ln_2, mlp.c_fc, mlp.c_proj (each .weight and, with bias, .bias), transformer.ln_f, lm_head.weight [vocab_size, n_embd]
 *
 * torch.compile puts _orig_mod. in front of every name, data-parallel training module. . The embedding and the output head are one tensor
 * in nanoGPT, two in minGPT; safetensors keeps a shared one once, under either name. Everything but the number of heads follows from the
 * shapes. */
#include "model/nanogpt.h"

#include "base/text.h"
#include "model/hf_internal.h"
#include "model/nearest.h"
#include "model/tokenizer.h"

#include <stdlib.h>
#include <string.h>

static const HfTensor tensors[] = {
    {"decoder.embed.W_E", "wte.weight", PLAIN, HF_WHOLE, false},
    {"decoder.embed.W_P", "wpe.weight", PLAIN, HF_WHOLE, false},
    {"decoder.%zu.self.norm.gain", "h.%zu.ln_1.weight", PLAIN, HF_WHOLE, false},
    {"decoder.%zu.self.norm.bias", "h.%zu.ln_1.bias", PLAIN, HF_WHOLE, false},
    {"decoder.%zu.self.W_Q", "h.%zu.attn.c_attn.weight", TRANSPOSED, HF_FUSED_Q, false},
    {"decoder.%zu.self.b_Q", "h.%zu.attn.c_attn.bias", PLAIN, HF_FUSED_Q, false},
    {"decoder.%zu.self.W_K", "h.%zu.attn.c_attn.weight", TRANSPOSED, HF_FUSED_K, false},
    {"decoder.%zu.self.b_K", "h.%zu.attn.c_attn.bias", PLAIN, HF_FUSED_K, false},
    {"decoder.%zu.self.W_V", "h.%zu.attn.c_attn.weight", TRANSPOSED, HF_FUSED_V, false},
    {"decoder.%zu.self.b_V", "h.%zu.attn.c_attn.bias", PLAIN, HF_FUSED_V, false},
    {"decoder.%zu.self.W_O", "h.%zu.attn.c_proj.weight", TRANSPOSED, HF_WHOLE, false},
    {"decoder.%zu.self.b_O", "h.%zu.attn.c_proj.bias", PLAIN, HF_WHOLE, false},
    {"decoder.%zu.ffn.norm.gain", "h.%zu.ln_2.weight", PLAIN, HF_WHOLE, false},
    {"decoder.%zu.ffn.norm.bias", "h.%zu.ln_2.bias", PLAIN, HF_WHOLE, false},
    {"decoder.%zu.ffn.W_1", "h.%zu.mlp.c_fc.weight", TRANSPOSED, HF_WHOLE, false},
    {"decoder.%zu.ffn.b_1", "h.%zu.mlp.c_fc.bias", PLAIN, HF_WHOLE, false},
    {"decoder.%zu.ffn.W_2", "h.%zu.mlp.c_proj.weight", TRANSPOSED, HF_WHOLE, false},
    {"decoder.%zu.ffn.b_2", "h.%zu.mlp.c_proj.bias", PLAIN, HF_WHOLE, false},
    {"decoder.final_norm.gain", "ln_f.weight", PLAIN, HF_WHOLE, false},
    {"decoder.final_norm.bias", "ln_f.bias", PLAIN, HF_WHOLE, false},
    {"output.W_U", "lm_head.weight", TRANSPOSED, HF_WHOLE, true},
    {NULL, NULL, PLAIN, HF_WHOLE, false},
};

static const char *const unused[] = {".attn.bias", ".attn.masked_bias", NULL}; /* the triangle of the mask, which we compute */

static const char EMBEDDING[] = "transformer.wte.weight", HEAD[] = "lm_head.weight", FIRST[] = "transformer.h.0.attn.c_attn.weight";

/* ---- which files ---- */

/* The safetensors file of a folder, or the file itself; and the folder's or the neighbouring config.json. The caller frees them. */
static char *weights_path(const char *path)
{
    return file_is_folder(path) ? file_join(path, "model.safetensors") : strdup(path);
}

static char *folder_of(const char *path)
{
    const char *slash = strrchr(path, '/');
    if (file_is_folder(path))
        return strdup(path);
    return slash ? strndup(path, slash == path ? 1 : (size_t)(slash - path)) : strdup(".");
}

/* config.json, or NULL where there is none; NULL with e set where it is no JSON. minGPT's has the model's part of it under "model". */
static json_t *load_config(const char *path, Error *e)
{
    char *folder = folder_of(path), *name = folder ? file_join(folder, "config.json") : NULL;
    json_t *root = NULL;
    File file;
    if (name && file_exists(name) && file_open(&file, name, e) == 0) {
        if (file.size <= CONFIG_MAX_TEXT)
            root = found_json(file.data, file.size, JSON_REJECT_DUPLICATES, name, e);
        else
            error_set(e, "%s: expected at most %d bytes, found %zu", name, CONFIG_MAX_TEXT, file.size);
        file_close(&file);
    }
    json_t *model = json_object_get(root, "model");
    if (json_is_object(model)) {
        json_incref(model);
        json_decref(root);
        root = model;
    }
    free(folder);
    free(name);
    return root;
}

/* ---- names ---- */

static int by_name(const void *a, const void *b)
{
    const SafeTensor *x = a, *y = b;
    return strcmp(x->name, y->name);
}

/* Takes what wrappers put in front of every name away, and calls the one shared tensor the embedding. */
static int tidy_names(SafeTensors *s, Error *e)
{
    static const char *const wrappers[] = {"_orig_mod.", "module.", "_orig_mod."};
    for (size_t k = 0; k < 3; k++) {
        size_t n = strlen(wrappers[k]), with = 0;
        for (size_t i = 0; i < s->count; i++)
            with += strncmp(s->items[i].name, wrappers[k], n) == 0;
        for (size_t i = 0; with == s->count && i < s->count; i++)
            memmove(s->items[i].name, s->items[i].name + n, strlen(s->items[i].name + n) + 1);
    }
    SafeTensor *head = (SafeTensor *)(uintptr_t)safetensors_find(s, HEAD); /* an item of s, which is ours */
    if (head && !safetensors_find(s, EMBEDDING) && safetensors_find(s, FIRST)) {
        char *name = strdup(EMBEDDING);
        if (!name)
            return error_memory(e, s->path);
        free(head->name);
        head->name = name;
        qsort(s->items, s->count, sizeof *s->items, by_name);
    }
    return 0;
}

static int open_tensors(SafeTensors *s, const char *path, Error *e)
{
    char *file = weights_path(path);
    Buffer other = {0};
    int status = file ? 0 : error_memory(e, path);
    if (file && file_is_folder(path) && !file_exists(file) && hf_other_weights(path, &other))
        status = error_set(e, "%s: expected model.safetensors, found %s", path, buffer_text(&other));
    else if (file)
        status = safetensors_open(s, file, e);
    buffer_free(&other);
    free(file);
    if (status == 0 && (status = tidy_names(s, e)) != 0)
        safetensors_close(s);
    return status;
}

static bool has_tensors(const char *path)
{
    SafeTensors s;
    if (open_tensors(&s, path, NULL) != 0)
        return false;
    const SafeTensor *first = safetensors_find(&s, FIRST); /* GPT-2's Conv1D lies the other way round */
    bool has = safetensors_find(&s, EMBEDDING) && first && first->rank == 2 && first->shape[0] == 3 * first->shape[1];
    safetensors_close(&s);
    return has;
}

bool nanogpt_is(const char *path)
{
    if (!file_is_folder(path))
        return name_ends_with(path, ".safetensors") && has_tensors(path);
    json_t *config = load_config(path, NULL);
    bool keys = json_object_get(config, "block_size") || json_object_get(config, "n_head");
    bool other = json_object_get(config, "architectures") || (json_object_get(config, "model_type") && !json_object_get(config, "block_size")) ||
                 json_object_get(config, "d_model"); /* Hugging Face's, and our own: no need to read their tensors' names */
    json_decref(config);
    return !other && (keys || has_tensors(path));
}

/* ---- the config ---- */

static size_t count_layers(const SafeTensors *s)
{
    char name[64];
    size_t layers = 0;
    do
        snprintf(name, sizeof name, "transformer.h.%zu.attn.c_attn.weight", layers);
    while (layers <= CONFIG_MAX_LAYERS && safetensors_find(s, name) && ++layers);
    return layers;
}

static bool same_bytes(const SafeTensor *a, const SafeTensor *b)
{
    return a->dtype == b->dtype && a->count == b->count && memcmp(a->bytes, b->bytes, a->count * dtype_size(a->dtype)) == 0;
}

/* The size i of a tensor of two dimensions. */
static int size_of(const SafeTensors *s, const char *name, int i, size_t *to, Error *e)
{
    const SafeTensor *t = safetensors_find(s, name);
    if (!t || t->rank != 2 || t->shape[i] < 1 || t->shape[i] > CONFIG_MAX_SIZE)
        return error_set(e, "%s: %s: expected a tensor of this name with two sizes from 1 to %d, found %s", s->path, name, CONFIG_MAX_SIZE,
                         t ? _("another shape") : _("none"));
    *to = t->shape[i];
    return 0;
}

/* What the shapes say. */
static int read_shapes(Config *c, const SafeTensors *s, Error *e)
{
    const SafeTensor *head = safetensors_find(s, HEAD), *embedding = safetensors_find(s, EMBEDDING);
    *c = config_default();
    c->kind = KIND_DECODER;
    c->encoder_layers = 0;
    c->norm = NORM_LAYERNORM;
    c->norm_position = NORM_PRE;
    c->norm_eps = 1e-5;
    c->position = POSITION_LEARNED;
    c->ffn = FFN_MLP;
    c->decoder_layers = count_layers(s);
    c->bias = safetensors_find(s, "transformer.h.0.attn.c_attn.bias") != NULL;
    if (size_of(s, EMBEDDING, 0, &c->vocab_size, e) != 0 || size_of(s, EMBEDDING, 1, &c->d_model, e) != 0 ||
        size_of(s, "transformer.wpe.weight", 0, &c->max_len, e) != 0 || size_of(s, "transformer.h.0.mlp.c_fc.weight", 0, &c->d_ff, e) != 0)
        return -1;
    c->tie_embeddings = !head || same_bytes(head, embedding);
    return 0;
}

/* A size that the shapes told already. */
static int check_size(Fields *f, const char *name, size_t told, Error *e)
{
    size_t given = told;
    if (fields_size(f, name, 0, CONFIG_MAX_SIZE, &given, e) != 0)
        return -1;
    return given == told ? 0 : error_set(e, "%s: %s: expected %zu, as the tensors' shapes imply, found %zu", f->file, name, told, given);
}

/* Whose it is: nanoGPT's GELU is exact, minGPT's the approximation with tanh, and no shape tells. The config's dropouts do; else minGPT has
 * biases, its mask among its tensors and a head of its own. What speaks for both (nanoGPT saved by an old PyTorch has the mask, minGPT with
 * GPT-2's weights a head that equals the embedding) is said. */
static void guess_activation(Config *c, const Fields *f, const SafeTensors *s)
{
    bool theirs = json_object_get(f->left, "embd_pdrop") || json_object_get(f->left, "attn_pdrop") || json_object_get(f->left, "resid_pdrop");
    bool ours = json_object_get(f->left, "dropout") || json_object_get(f->left, "bias") || !c->bias;
    bool mask = safetensors_find(s, "transformer.h.0.attn.bias"), known = theirs != ours || mask == !c->tie_embeddings;
    bool tanh = theirs != ours ? theirs : !c->tie_embeddings;
    c->activation = tanh ? ACTIVATION_GELU_TANH : ACTIVATION_GELU;
    if (!known && !json_object_get(f->left, "activation_function"))
        buffer_printf(f->notes,
                      tanh ? _("%s: it may be minGPT's or nanoGPT's: GELU is taken as minGPT's, by tanh; for the exact one say "
                               "\"activation_function\": \"gelu\" in %s\n")
                           : _("%s: it may be nanoGPT's or minGPT's: GELU is taken as nanoGPT's, exact; for the one by tanh say "
                               "\"activation_function\": \"gelu_new\" in %s\n"),
                      s->path, f->file);
}

static int read_activation(Config *c, Fields *f, Error *e)
{
    const char *name = NULL;
    char quoted[QUOTE_SHORT];
    if (fields_text(f, "activation_function", &name, e) != 0)
        return -1;
    if (name && strcmp(name, "gelu") == 0)
        c->activation = ACTIVATION_GELU;
    else if (name && strcmp(name, "gelu_new") == 0)
        c->activation = ACTIVATION_GELU_TANH;
    else if (name)
        return error_set(e, "%s: activation_function: expected gelu or gelu_new, found %s", f->file,
                         quote_short(name, strlen(name), quoted));
    fields_ignore(f, (const char *const[]){"activation_function", NULL});
    return 0;
}

/* "1, 2, 3, 4, 6, …": what n_head may be. */
static void list_divisors(size_t n, Buffer *out)
{
    size_t listed = 0;
    for (size_t i = 1; i <= n && listed < 12; i++)
        if (n % i == 0)
            buffer_printf(out, "%s%zu", listed++ ? ", " : "", i);
}

static int read_fields(Config *c, Fields *f, const char *path, Error *e)
{
    bool bias = c->bias;
    size_t heads = 0;
    if (check_size(f, "vocab_size", c->vocab_size, e) != 0 || check_size(f, "block_size", c->max_len, e) != 0 ||
        check_size(f, "n_layer", c->decoder_layers, e) != 0 || check_size(f, "n_embd", c->d_model, e) != 0 ||
        fields_size(f, "n_head", 1, CONFIG_MAX_SIZE, &heads, e) != 0 || fields_bool(f, "bias", &bias, e) != 0 ||
        read_activation(c, f, e) != 0)
        return -1;
    if (bias != c->bias)
        return error_set(e, "%s: bias: expected %s, as the tensors imply, found %s", f->file, c->bias ? "true" : "false",
                         bias ? "true" : "false");
    if (heads == 0) {
        Buffer divisors = {0};
        list_divisors(c->d_model, &divisors);
        error_set(e, "%s: n_head: expected it, because no tensor's shape tells it, found none; try {\"n_head\": N} in %s, with N one of %s",
                  path, f->file, buffer_text(&divisors));
        buffer_free(&divisors);
        return -1;
    }
    if (c->d_model % heads != 0)
        return error_set(e, "%s: n_head: expected a divisor of n_embd (%zu), found %zu", f->file, c->d_model, heads);
    c->n_heads = c->n_kv_heads = heads;
    c->d_head = c->d_model / heads;
    return 0;
}

static int read_config(Config *c, const SafeTensors *s, const char *path, Buffer *notes, Error *e)
{
    char *folder = folder_of(path), *file = folder ? file_join(folder, "config.json") : NULL;
    Error broken = {{0}};
    json_t *object = load_config(path, &broken);
    int status = file ? read_shapes(c, s, e) : error_memory(e, path);
    if (status == 0 && broken.text[0])
        status = error_set(e, "%s", broken.text);
    if (status == 0 && object && !json_is_object(object))
        status = error_set(e, "%s: expected an object, found something else", file);
    if (status == 0) {
        Fields f = {object ? json_incref(object) : json_object(), file, "", notes};
        guess_activation(c, &f, s);
        status = read_fields(c, &f, path, e);
        if (status == 0)
            fields_finish(&f);
        json_decref(f.left);
    }
    json_decref(object);
    free(folder);
    free(file);
    return status == 0 ? config_check(c, path, e) : -1;
}

/* ---- the whole ---- */

static char *summarise(const Model *m, const char *maker)
{
    Buffer text = {0};
    double n = (double)m->weights.total;
    if (n >= 1e6)
        buffer_printf(&text, _("%s, %.4g million numbers as %s"), maker, n / 1e6, dtype_name(m->weights.items[0].values.dtype));
    else
        buffer_printf(&text, ngettext("%s, %zu number as %s", "%s, %zu numbers as %s", m->weights.total), maker, m->weights.total,
                      dtype_name(m->weights.items[0].values.dtype));
    char *summary = text.failed ? NULL : strdup(buffer_text(&text));
    buffer_free(&text);
    return summary;
}

/* A tokenizer.json or GPT-2's files beside it; or a vocab.txt, a character a line. */
static Vocab *open_vocab(Model *m, const char *path, const char *tokenizer, Error *e)
{
    static const char *const theirs[] = {"tokenizer.json", "vocab.json", NULL}, *const characters[] = {"vocab.txt", NULL};
    char *folder = folder_of(path), *found = NULL;
    if (folder && !tokenizer && (found = tokenizer_beside(folder, theirs))) {
        free(found);
        found = strdup(folder);
    } else if (folder && !tokenizer && (found = tokenizer_beside(folder, characters)))
        m->config.split = SPLIT_CHARACTERS;
    Vocab *v = folder ? tokenizer_for(&m->config, tokenizer ? tokenizer : found, path, e) : NULL;
    if (!folder)
        error_memory(e, path);
    free(folder);
    free(found);
    return v;
}

int nanogpt_open(Model *m, const char *path, const char *tokenizer, Error *e)
{
    Buffer notes = {0};
    HfFiles files = {.shards = calloc(1, sizeof(SafeTensors)), .count = 0, .folder = strdup(path)};
    int status = files.shards && files.folder ? open_tensors(&files.shards[0], path, e) : error_memory(e, path);
    files.count = status == 0;
    if (status == 0)
        status = read_config(&m->config, &files.shards[0], path, &notes, e);
    bool norm_bias = status == 0 && safetensors_find(&files.shards[0], "transformer.ln_f.bias");
    const char *maker = status == 0 && m->config.activation == ACTIVATION_GELU_TANH ? "minGPT" : "nanoGPT";
    const HfArchitecture a = {maker, NULL, tensors, "transformer.", unused, "config.json", NULL};
    if (status == 0 && !norm_bias)
        buffer_printf(&notes, _("%s: its norms have no bias: the ones shown are zeros\n"), path);
    if (status == 0)
        status = hf_weights(&m->weights, &m->config, &a, &files, !norm_bias, &notes, e);
    hf_files_close(&files);
    if (status == 0) {
        m->vocab = open_vocab(m, path, tokenizer, e);
        status = m->vocab ? 0 : -1;
    }
    if (status == 0) {
        free(m->summary);
        m->summary = summarise(m, maker);
        m->notes = strdup(buffer_text(&notes));
        status = m->summary && m->notes && !notes.failed ? 0 : error_memory(e, path);
    }
    buffer_free(&notes);
    return status;
}
