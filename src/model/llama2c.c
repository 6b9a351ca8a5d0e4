/* llama2c.c - reads checkpoints of llama2.c (run.c: Config, memory_map_weights).
 *
 *     int32 × 7     dim, hidden_dim, n_layers, n_heads, n_kv_heads, vocab_size, seq_len;
 *                   vocab_size is negative where the classifier is not the token embedding
 *     float32       token_embedding [vocab, dim],
 *                   for all layers: rms_att [dim]; for all: wq [dim, dim]; wk, wv [n_kv_heads · head, dim]; wo [dim, dim];
 *                   rms_ffn [dim]; w1 (gate) [hidden, dim]; w2 (down) [dim, hidden]; w3 (up) [hidden, dim];
 *                   rms_final [dim], two tables of RoPE's [seq_len, head / 2] that nobody reads any more,
 *                   classifier [vocab, dim] where it is not shared
 *
 * all little-endian. Its matrices are [outputs, inputs]; ours are [inputs, outputs]. */
#include "model/llama2c.h"

#include "model/tokenizer.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { HEADER_INTS = 7, HEADER_BYTES = 4 * HEADER_INTS, NEWER_MAGIC = 0x616b3432 };

static uint32_t read_u32(const unsigned char *p)
{
    return (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

static int32_t read_i32(const unsigned char *p)
{
    uint32_t bits = read_u32(p);
    int32_t x;
    memcpy(&x, &bits, sizeof x);
    return x;
}

/* ---- the header ---- */

static int read_header(Config *c, const unsigned char *bytes, size_t n, const char *file, Error *e)
{
    static const struct {
        const char *name;
        int32_t most;
    } FIELDS[HEADER_INTS] = {
        {"dim", CONFIG_MAX_SIZE},        {"hidden_dim", CONFIG_MAX_SIZE}, {"n_layers", CONFIG_MAX_LAYERS}, {"n_heads", CONFIG_MAX_SIZE},
        {"n_kv_heads", CONFIG_MAX_SIZE}, {"vocab_size", CONFIG_MAX_SIZE}, {"seq_len", CONFIG_MAX_SIZE},
    };
    size_t values[HEADER_INTS];
    if (n < HEADER_BYTES)
        return error_set(e, "%s: expected the %d bytes of a llama2.c checkpoint's header, found %zu bytes", file, HEADER_BYTES, n);
    if (read_i32(bytes) == NEWER_MAGIC)
        return error_set(e,
                         "%s: expected llama2.c's first format, found its newer export (ak42, version %d), which is not read; "
                         "try export.py --version 0",
                         file, read_i32(bytes + 4));
    bool tied = read_i32(bytes + 20) > 0;
    for (int i = 0; i < HEADER_INTS; i++) {
        int64_t value = read_i32(bytes + 4 * i);
        if (i == 5 && !tied)
            value = -value;
        if (value < 1 || value > FIELDS[i].most)
            return error_set(e, "%s: header: %s: expected from 1 to %d, found %jd; is it a checkpoint of llama2.c?", file, FIELDS[i].name,
                             FIELDS[i].most, (intmax_t)value);
        values[i] = (size_t)value;
    }
    if (values[0] % values[3] != 0)
        return error_set(e, "%s: header: n_heads: expected a divisor of dim (%zu), found %zu", file, values[0], values[3]);
    *c = config_default();
    c->kind = KIND_DECODER;
    c->d_model = values[0];
    c->d_ff = values[1];
    c->decoder_layers = values[2];
    c->n_heads = values[3];
    c->n_kv_heads = values[4];
    c->vocab_size = values[5];
    c->max_len = values[6];
    c->d_head = c->d_model / c->n_heads;
    c->norm = NORM_RMSNORM;
    c->norm_position = NORM_PRE;
    c->norm_eps = 1e-5;
    c->position = POSITION_ROPE;
    c->rope_theta = 10000.0;
    c->rope_pairing = PAIRING_INTERLEAVED;
    c->activation = ACTIVATION_SILU;
    c->ffn = FFN_GATED;
    c->bias = false;
    c->tie_embeddings = tied;
    if (c->vocab_size > 2) {
        c->bos = 1;
        c->eos = 2;
    }
    return config_check(c, file, e);
}

/* ---- the weights ---- */

/* Takes the next numbers of the file for the weight "LAYER.NAME" (layer -1: NAME alone). */
static const unsigned char *take(Weights *w, const char *name, long layer, bool transpose, const unsigned char *from)
{
    char full[WEIGHT_NAME_MAX];
    if (layer < 0)
        snprintf(full, sizeof full, "%s", name);
    else
        snprintf(full, sizeof full, "decoder.%ld.%s", layer, name);
    Weight *weight = &w->items[weights_find(w, full)];
    size_t inputs = transpose ? weight->shape[0] : weight_columns(weight);
    weight->values = (Matrix){
        .data = from, .ld = inputs, .layout = transpose ? TRANSPOSED : PLAIN, .dtype = dtype_in_place(DTYPE_F32, from)};
    return from + 4 * weight->count;
}

static void take_all(Weights *w, const Config *c, const unsigned char *at)
{
    static const struct {
        const char *name;
        bool transpose;
    } LAYER[] = {
        {"self.norm.gain", false}, {"self.W_Q", true}, {"self.W_K", true}, {"self.W_V", true}, {"self.W_O", true},
        {"ffn.norm.gain", false},  {"ffn.W_G", true},  {"ffn.W_2", true},  {"ffn.W_1", true},
    };
    at = take(w, "decoder.embed.W_E", -1, false, at);
    for (size_t k = 0; k < sizeof LAYER / sizeof *LAYER; k++)
        for (size_t layer = 0; layer < c->decoder_layers; layer++)
            at = take(w, LAYER[k].name, (long)layer, LAYER[k].transpose, at);
    at = take(w, "decoder.final_norm.gain", -1, false, at);
    at += 4 * c->max_len * c->d_head; /* RoPE's tables */
    if (!c->tie_embeddings)
        take(w, "output.W_U", -1, true, at);
}

int llama2c_read(Config *c, Weights *w, const unsigned char *bytes, size_t n, const char *file, Error *e)
{
    *w = (Weights){0};
    if (read_header(c, bytes, n, file, e) != 0)
        return -1;
    if (weights_layout(w, c, e) != 0)
        return error_prefix(e, "%s", file);
    uintmax_t expected = HEADER_BYTES + 4 * ((uintmax_t)w->total + (uintmax_t)c->max_len * c->d_head);
    if (n != expected) {
        weights_free(w);
        return error_set(
            e,
            "%s: expected %ju bytes, as its header implies (dim %zu, hidden_dim %zu, n_layers %zu, n_heads %zu, n_kv_heads %zu, "
            "vocab_size %zu, seq_len %zu), found %zu; is it cut off, or another format?",
            file, expected, c->d_model, c->d_ff, c->decoder_layers, c->n_heads, c->n_kv_heads, c->vocab_size, c->max_len, n);
    }
    take_all(w, c, bytes + HEADER_BYTES);
    return 0;
}

/* The folder a file is in; the caller frees it. */
static char *folder_of(const char *path)
{
    const char *slash = strrchr(path, '/');
    if (!slash)
        return strdup(".");
    return slash == path ? strdup("/") : strndup(path, (size_t)(slash - path));
}

int llama2c_open(Model *m, const char *path, const char *tokenizer, Error *e)
{
    File file;
    if (file_open(&file, path, e) != 0)
        return -1;
    int status = llama2c_read(&m->config, &m->weights, file.data, file.size, path, e);
    if (status == 0 && weights_keep_file(&m->weights, &file, e) != 0)
        status = error_prefix(e, "%s", path);
    file_close(&file);
    if (status != 0)
        return -1;
    char sized[40];
    snprintf(sized, sizeof sized, "tok%zu.bin", m->config.vocab_size);
    const char *names[] = {sized, "tokenizer.bin", NULL};
    char *folder = folder_of(path);
    if (!folder)
        return error_memory(e, path);
    char *found = tokenizer ? NULL : tokenizer_beside(folder, names);
    m->vocab = tokenizer_for(&m->config, tokenizer ? tokenizer : found, path, e);
    free(found);
    free(folder);
    return m->vocab ? 0 : -1;
}
