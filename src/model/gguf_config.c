/* gguf_config.c - the keys of GGUF's architectures as our config, and where each of our weights lies.
 *
 * Owns what the keys mean, which is what llama.cpp makes of them. A key that changes the numbers is read, or refused by name. */
#include "model/gguf_internal.h"

#include "base/text.h"
#include "model/nearest.h"

#include <math.h>
#include <string.h>

/* ---- tensors ---- */

/* All are nn.Linear's [outputs, inputs], also GPT-2's: the converter turns its Conv1D. */
static const HfTensor gpt2_tensors[] = {
    {"decoder.embed.W_E", "token_embd.weight", PLAIN, HF_WHOLE, false},
    {"decoder.embed.W_P", "position_embd.weight", PLAIN, HF_WHOLE, false},
    {"decoder.%zu.self.norm.gain", "blk.%zu.attn_norm.weight", PLAIN, HF_WHOLE, false},
    {"decoder.%zu.self.norm.bias", "blk.%zu.attn_norm.bias", PLAIN, HF_WHOLE, false},
    {"decoder.%zu.self.W_Q", "blk.%zu.attn_qkv.weight", TRANSPOSED, HF_FUSED_Q, false},
    {"decoder.%zu.self.b_Q", "blk.%zu.attn_qkv.bias", PLAIN, HF_FUSED_Q, false},
    {"decoder.%zu.self.W_K", "blk.%zu.attn_qkv.weight", TRANSPOSED, HF_FUSED_K, false},
    {"decoder.%zu.self.b_K", "blk.%zu.attn_qkv.bias", PLAIN, HF_FUSED_K, false},
    {"decoder.%zu.self.W_V", "blk.%zu.attn_qkv.weight", TRANSPOSED, HF_FUSED_V, false},
    {"decoder.%zu.self.b_V", "blk.%zu.attn_qkv.bias", PLAIN, HF_FUSED_V, false},
    {"decoder.%zu.self.W_O", "blk.%zu.attn_output.weight", TRANSPOSED, HF_WHOLE, false},
    {"decoder.%zu.self.b_O", "blk.%zu.attn_output.bias", PLAIN, HF_WHOLE, false},
    {"decoder.%zu.ffn.norm.gain", "blk.%zu.ffn_norm.weight", PLAIN, HF_WHOLE, false},
    {"decoder.%zu.ffn.norm.bias", "blk.%zu.ffn_norm.bias", PLAIN, HF_WHOLE, false},
    {"decoder.%zu.ffn.W_1", "blk.%zu.ffn_up.weight", TRANSPOSED, HF_WHOLE, false},
    {"decoder.%zu.ffn.b_1", "blk.%zu.ffn_up.bias", PLAIN, HF_WHOLE, false},
    {"decoder.%zu.ffn.W_2", "blk.%zu.ffn_down.weight", TRANSPOSED, HF_WHOLE, false},
    {"decoder.%zu.ffn.b_2", "blk.%zu.ffn_down.bias", PLAIN, HF_WHOLE, false},
    {"decoder.final_norm.gain", "output_norm.weight", PLAIN, HF_WHOLE, false},
    {"decoder.final_norm.bias", "output_norm.bias", PLAIN, HF_WHOLE, false},
    {"output.W_U", "output.weight", TRANSPOSED, HF_WHOLE, false},
    {NULL, NULL, PLAIN, HF_WHOLE, false},
};

static const HfTensor llama_tensors[] = {
    {"decoder.embed.W_E", "token_embd.weight", PLAIN, HF_WHOLE, false},
    {"decoder.%zu.self.norm.gain", "blk.%zu.attn_norm.weight", PLAIN, HF_WHOLE, false},
    {"decoder.%zu.self.W_Q", "blk.%zu.attn_q.weight", TRANSPOSED, HF_WHOLE, false},
    {"decoder.%zu.self.b_Q", "blk.%zu.attn_q.bias", PLAIN, HF_WHOLE, false},
    {"decoder.%zu.self.W_K", "blk.%zu.attn_k.weight", TRANSPOSED, HF_WHOLE, false},
    {"decoder.%zu.self.b_K", "blk.%zu.attn_k.bias", PLAIN, HF_WHOLE, false},
    {"decoder.%zu.self.W_V", "blk.%zu.attn_v.weight", TRANSPOSED, HF_WHOLE, false},
    {"decoder.%zu.self.b_V", "blk.%zu.attn_v.bias", PLAIN, HF_WHOLE, false},
    {"decoder.%zu.self.q_norm.gain", "blk.%zu.attn_q_norm.weight", PLAIN, HF_WHOLE, false},
    {"decoder.%zu.self.k_norm.gain", "blk.%zu.attn_k_norm.weight", PLAIN, HF_WHOLE, false},
    {"decoder.%zu.self.W_O", "blk.%zu.attn_output.weight", TRANSPOSED, HF_WHOLE, false},
    {"decoder.%zu.self.b_O", "blk.%zu.attn_output.bias", PLAIN, HF_WHOLE, false},
    {"decoder.%zu.ffn.norm.gain", "blk.%zu.ffn_norm.weight", PLAIN, HF_WHOLE, false},
    {"decoder.%zu.ffn.W_G", "blk.%zu.ffn_gate.weight", TRANSPOSED, HF_WHOLE, false},
    {"decoder.%zu.ffn.b_G", "blk.%zu.ffn_gate.bias", PLAIN, HF_WHOLE, false},
    {"decoder.%zu.ffn.W_1", "blk.%zu.ffn_up.weight", TRANSPOSED, HF_WHOLE, false},
    {"decoder.%zu.ffn.b_1", "blk.%zu.ffn_up.bias", PLAIN, HF_WHOLE, false},
    {"decoder.%zu.ffn.W_2", "blk.%zu.ffn_down.weight", TRANSPOSED, HF_WHOLE, false},
    {"decoder.%zu.ffn.b_2", "blk.%zu.ffn_down.bias", PLAIN, HF_WHOLE, false},
    {"decoder.final_norm.gain", "output_norm.weight", PLAIN, HF_WHOLE, false},
    {"output.W_U", "output.weight", TRANSPOSED, HF_WHOLE, false},
    {NULL, NULL, PLAIN, HF_WHOLE, false},
};

static const char ROPE_FACTORS[] = "rope_freqs.weight";
static const char *const no_unused[] = {NULL};
static const char *const llama_unused[] = {ROPE_FACTORS, NULL}; /* read with the config: read_rope_factors */

/* ---- what the architectures share ---- */

static const SafeTensor *tensor(const Gguf *g, const char *name)
{
    size_t part;
    return hf_files_find(&g->files, name, &part);
}

/* The sizes; the vocabulary's is that of the embedding. */
static int read_sizes(Config *c, Fields *f, const Gguf *g, Error *e)
{
    const SafeTensor *embedding = tensor(g, "token_embd.weight");
    if (!embedding || embedding->rank != 2)
        return error_set(e, "%s: token_embd.weight: expected a tensor of this name with 2 dimensions, found none", g->path);
    c->vocab_size = embedding->shape[0];
    size_t said = c->vocab_size;
    for (int i = 0; i < 4; i++) {
        static const char *const needed[] = {"embedding_length", "block_count", "attention.head_count", "feed_forward_length"};
        if (!fields_has(f, needed[i]))
            return error_set(e, "%s: %s%s: expected a number, found none", f->file, f->path, needed[i]);
    }
    if (fields_size(f, "embedding_length", 1, CONFIG_MAX_SIZE, &c->d_model, e) != 0 ||
        fields_size(f, "block_count", 0, CONFIG_MAX_LAYERS, &c->decoder_layers, e) != 0 ||
        fields_size(f, "attention.head_count", 1, CONFIG_MAX_SIZE, &c->n_heads, e) != 0 ||
        fields_size(f, "feed_forward_length", 1, CONFIG_MAX_SIZE, &c->d_ff, e) != 0 ||
        fields_size(f, "context_length", 1, CONFIG_MAX_SIZE, &c->max_len, e) != 0 ||
        fields_size(f, "vocab_size", 1, CONFIG_MAX_SIZE, &said, e) != 0)
        return -1;
    if (said != c->vocab_size)
        return error_set(e, "%s: %svocab_size: expected %zu, the rows of token_embd.weight, found %zu", f->file, f->path, c->vocab_size,
                         said);
    c->d_head = c->d_model / c->n_heads;
    if (!fields_has(f, "attention.key_length") && c->d_model % c->n_heads != 0)
        return error_set(e, "%s: %sembedding_length: expected a multiple of attention.head_count (%zu), found %zu", f->file, f->path,
                         c->n_heads, c->d_model);
    c->n_kv_heads = c->n_heads;
    return 0;
}

/* A part has a bias where the first layer has one: none of the keys says so. */
static Switch has_bias(const Gguf *g, const char *name)
{
    return tensor(g, name) ? SWITCH_ON : SWITCH_OFF;
}

static int refuse(const Fields *f, const char *key, const char *expected, const char *found, Error *e)
{
    return error_set(e, "%s: %s%s: expected %s, found %s, which is not read here", f->file, f->path, key, expected, found);
}

/* ---- GPT-2 ---- */

static int read_gpt2(Config *c, Fields *f, const Gguf *g, Error *e)
{
    if (read_sizes(c, f, g, e) != 0 || fields_number(f, "attention.layer_norm_epsilon", &c->norm_eps, e) != 0)
        return -1;
    c->norm = NORM_LAYERNORM;
    c->position = POSITION_LEARNED;
    c->ffn = FFN_MLP;
    c->activation = ACTIVATION_GELU_TANH;
    c->bias = true;
    return 0;
}

/* ---- Llama and its kin ---- */

/* Llama 3's scaling comes as a divisor for each pair. Its four parameters are not in the file, but they are what the divisors were computed
 * from: the factor is the last of them, and the others have been the same in every release. What they imply must be what is there. */
static int read_rope_factors(Config *c, Fields *f, const Gguf *g, Error *e)
{
    static const double PI = 3.14159265358979323846;
    const SafeTensor *t = tensor(g, ROPE_FACTORS);
    if (!t)
        return 0;
    size_t original = 8192;
    if (t->rank != 1 || t->count != c->d_head / 2 || t->count == 0 || dtype_block(t->dtype) > 1)
        return error_set(e, "%s: %s: expected %zu numbers, one for each pair of a head's dimensions, found %zu", g->path, ROPE_FACTORS,
                         c->d_head / 2, t->count);
    if (c->rope_scaling != ROPE_SCALING_NONE)
        return refuse(f, "rope.scaling.type", _("none beside rope_freqs.weight"), _("one"), e);
    if (fields_size(f, "rope.scaling.original_context_length", 1, CONFIG_MAX_SIZE, &original, e) != 0)
        return -1;
    bool all_one = true;
    for (size_t i = 0; i < t->count; i++)
        all_one = all_one && safetensors_value(t, i) == 1;
    if (all_one)
        return 0;
    c->rope_scaling = ROPE_SCALING_LLAMA3;
    c->rope_factor = safetensors_value(t, t->count - 1);
    c->rope_original_len = original;
    c->rope_low_freq_factor = 1;
    c->rope_high_freq_factor = 4;
    for (size_t i = 0; i < t->count; i++) {
        double turns = (double)original * pow(c->rope_theta, -(double)(2 * i) / (double)c->d_head) / (2 * PI);
        double blend = fmin(fmax((turns - 1) / (4 - 1), 0), 1), expected = 1 / ((1 - blend) / c->rope_factor + blend);
        double found = safetensors_value(t, i);
        if (!(fabs(found - expected) <= 1e-5 * fabs(expected)))
            return error_set(
                e,
                "%s: %s: expected Llama 3's divisors (factor %g, original length %zu, low 1, high 4), found %.6g instead of %.6g for pair "
                "%zu; other scalings by a table are not read",
                g->path, ROPE_FACTORS, c->rope_factor, original, found, expected, i);
    }
    return 0;
}

static int read_yarn(Config *c, Fields *f, Error *e)
{
    double longer = 0, mix = 1;
    c->rope_original_len = c->max_len;
    if (fields_size(f, "rope.scaling.original_context_length", 1, CONFIG_MAX_SIZE, &c->rope_original_len, e) != 0 ||
        fields_number(f, "rope.scaling.yarn_beta_fast", &c->rope_beta_fast, e) != 0 ||
        fields_number(f, "rope.scaling.yarn_beta_slow", &c->rope_beta_slow, e) != 0 ||
        fields_number(f, "rope.scaling.yarn_ext_factor", &mix, e) != 0 ||
        fields_number(f, "rope.scaling.yarn_attn_factor", &longer, e) != 0 || fields_number(f, "rope.scaling.attn_factor", &longer, e) != 0)
        return -1;
    if (mix != 1)
        return refuse(f, "rope.scaling.yarn_ext_factor", "1", _("another value"), e);
    if (longer != 0) /* times what follows from the factor */
        c->rope_attention_factor = longer * (c->rope_factor > 1 ? 0.1 * log(c->rope_factor) + 1 : 1);
    return 0;
}

static int read_rope(Config *c, Fields *f, const Gguf *g, Error *e)
{
    const char *type = "none", *given = NULL;
    char quoted[QUOTE_SHORT];
    size_t turned = c->d_head;
    double linear = 0;
    if (fields_number(f, "rope.freq_base", &c->rope_theta, e) != 0 ||
        fields_size(f, "rope.dimension_count", 1, CONFIG_MAX_SIZE, &turned, e) != 0 ||
        fields_number(f, "rope.scale_linear", &linear, e) != 0 || fields_text(f, "rope.scaling.type", &given, e) != 0)
        return -1;
    type = given ? given : linear > 0 ? "linear" : type;
    if (turned != c->d_head)
        return error_set(
            e, "%s: %srope.dimension_count: expected %zu, all of a head, found %zu: only a part of it is turned, which is not read here",
            f->file, f->path, c->d_head, turned);
    bool has_factor = fields_has(f, "rope.scaling.factor") || linear > 0;
    c->rope_factor = linear > 0 ? linear : c->rope_factor;
    if (fields_number(f, "rope.scaling.factor", &c->rope_factor, e) != 0)
        return -1;
    if (strcmp(type, "linear") == 0)
        c->rope_scaling = ROPE_SCALING_LINEAR;
    else if (strcmp(type, "yarn") == 0)
        c->rope_scaling = ROPE_SCALING_YARN;
    else if (strcmp(type, "none") != 0)
        return error_set(e, "%s: %srope.scaling.type: expected none, linear or yarn, found %s, which is not read here", f->file, f->path,
                         quote_short(type, strlen(type), quoted));
    if (c->rope_scaling != ROPE_SCALING_NONE && !has_factor)
        return error_set(e, "%s: %srope.scaling.factor: expected a number, because rope.scaling.type is %s, found none", f->file, f->path,
                         type);
    if (c->rope_scaling == ROPE_SCALING_YARN && read_yarn(c, f, e) != 0)
        return -1;
    if (read_rope_factors(c, f, g, e) != 0)
        return -1;
    if (c->rope_scaling == ROPE_SCALING_NONE || c->rope_scaling == ROPE_SCALING_LLAMA3)
        c->rope_factor = c->rope_scaling == ROPE_SCALING_NONE ? config_default().rope_factor : c->rope_factor;
    fields_ignore(f, (const char *const[]){"rope.scaling.type", "rope.scaling.finetuned", "rope.scaling.original_context_length", NULL});
    return 0;
}

static int read_llama(Config *c, Fields *f, const Gguf *g, Error *e)
{
    size_t value_length, experts = 0;
    bool causal = true;
    c->norm_eps = 1e-5;
    if (read_sizes(c, f, g, e) != 0 || fields_size(f, "attention.head_count_kv", 1, CONFIG_MAX_SIZE, &c->n_kv_heads, e) != 0 ||
        fields_size(f, "attention.key_length", 1, CONFIG_MAX_SIZE, &c->d_head, e) != 0)
        return -1;
    value_length = c->d_head;
    if (fields_size(f, "attention.value_length", 1, CONFIG_MAX_SIZE, &value_length, e) != 0 ||
        fields_number(f, "attention.layer_norm_rms_epsilon", &c->norm_eps, e) != 0 ||
        fields_size(f, "expert_count", 0, CONFIG_MAX_SIZE, &experts, e) != 0 || fields_bool(f, "attention.causal", &causal, e) != 0 ||
        fields_size(f, "attention.sliding_window", 0, CONFIG_MAX_SIZE, &c->window, e) != 0)
        return -1;
    if (value_length != c->d_head)
        return refuse(f, "attention.value_length", _("attention.key_length's value"), _("another"), e);
    if (experts > 0)
        return refuse(f, "expert_count", "0", _("a mixture of experts"), e);
    if (!causal)
        return refuse(f, "attention.causal", "true", "false", e);
    fields_ignore(f, (const char *const[]){"expert_used_count", "attention.key_length_swa", NULL});
    c->norm = NORM_RMSNORM;
    c->position = POSITION_ROPE;
    c->ffn = FFN_GATED;
    c->activation = ACTIVATION_SILU;
    c->bias = false;
    c->qkv_bias = has_bias(g, "blk.0.attn_q.bias");
    c->out_bias = has_bias(g, "blk.0.attn_output.bias");
    c->ffn_bias = has_bias(g, "blk.0.ffn_up.bias");
    return read_rope(c, f, g, e);
}

/* The converter puts the rows of W_Q and W_K in another order, so that the two dimensions of a pair lie side by side. */
static int read_permuted(Config *c, Fields *f, const Gguf *g, Error *e)
{
    c->rope_pairing = PAIRING_INTERLEAVED;
    return read_llama(c, f, g, e);
}

static int read_qwen2(Config *c, Fields *f, const Gguf *g, Error *e)
{
    c->rope_pairing = PAIRING_HALF;
    return read_llama(c, f, g, e);
}

static int read_qwen3(Config *c, Fields *f, const Gguf *g, Error *e)
{
    c->qk_norm = true;
    return read_qwen2(c, f, g, e);
}

/* ---- the whole ---- */

static const struct Architecture {
    const char *name;
    int (*read)(Config *c, Fields *f, const Gguf *g, Error *e);
    HfArchitecture tensors;
} architectures[] = {
    {"gpt2", read_gpt2, {"gpt2", NULL, gpt2_tensors, "", no_unused, "header", NULL}},
    {"llama", read_permuted, {"llama", NULL, llama_tensors, "", llama_unused, "header", NULL}},
    {"qwen2", read_qwen2, {"qwen2", NULL, llama_tensors, "", llama_unused, "header", NULL}},
    {"qwen3", read_qwen3, {"qwen3", NULL, llama_tensors, "", llama_unused, "header", NULL}},
};
enum { ARCHITECTURES = sizeof architectures / sizeof *architectures };

static const struct Architecture *find_architecture(const Gguf *g, Error *e)
{
    GgufText name;
    char quoted[QUOTE_SHORT];
    if (!gguf_text(g, "general.architecture", &name)) {
        error_set(e, "%s: general.architecture: expected a text, such as \"llama\", found none", g->path);
        return NULL;
    }
    for (size_t i = 0; i < ARCHITECTURES; i++)
        if (strlen(architectures[i].name) == name.n && memcmp(architectures[i].name, name.at, name.n) == 0)
            return &architectures[i];
    error_set(e, "%s: general.architecture: expected one that is read here, gpt2, llama, qwen2 or qwen3, found %s", g->path,
              quote_short(name.at, name.n, quoted));
    return NULL;
}

/* The file must be a model. */
static int check_type(const Gguf *g, Error *e)
{
    GgufText type;
    if (gguf_text(g, "general.type", &type) && !(type.n == 5 && memcmp(type.at, "model", 5) == 0)) {
        char quoted[QUOTE_SHORT];
        return error_set(e, "%s: general.type: expected \"model\", found %s", g->path, quote_short(type.at, type.n, quoted));
    }
    return 0;
}

/* Begin and end: ids of the tokenizer. */
static void read_tokens(Config *c, const Gguf *g)
{
    static const struct {
        const char *key;
        SpecialToken which;
    } keys[] = {
        {"tokenizer.ggml.bos_token_id", TOKEN_BOS},
        {"tokenizer.ggml.eos_token_id", TOKEN_EOS},
        {"tokenizer.ggml.unknown_token_id", TOKEN_UNK},
    };
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
        int64_t id;
        if (gguf_integer(g, keys[i].key, &id) && id >= 0 && (uint64_t)id < c->vocab_size)
            *config_token(c, keys[i].which) = (int)id;
    }
    static const char *const ends[] = {"tokenizer.ggml.eot_token_id", "tokenizer.ggml.eom_token_id"}; /* of a turn, of a message */
    for (size_t i = 0; i < sizeof ends / sizeof *ends; i++) {
        int64_t id;
        if (gguf_integer(g, ends[i], &id) && id >= 0 && (uint64_t)id < c->vocab_size)
            config_add_end(c, (int)id);
    }
}

int gguf_config(Config *c, const HfArchitecture **a, const Gguf *g, Buffer *notes, Error *e)
{
    char prefix[24];
    *c = config_default();
    c->kind = KIND_DECODER;
    c->encoder_layers = 0;
    c->norm_position = NORM_PRE;
    const struct Architecture *known = find_architecture(g, e);
    if (!known || check_type(g, e) != 0)
        return -1;
    snprintf(prefix, sizeof prefix, "%s.", known->name);
    Fields f = {gguf_object(g, prefix, e), g->path, prefix, notes};
    if (!f.left)
        return -1;
    int status = known->read(c, &f, g, e);
    fields_ignore(&f, (const char *const[]){"tensor_data_layout", "vocab_size", NULL});
    if (status == 0)
        fields_finish(&f);
    json_decref(f.left);
    if (status != 0)
        return -1;
    c->tie_embeddings = !tensor(g, "output.weight");
    *a = &known->tensors;
    read_tokens(c, g);
    return config_check(c, g->path, e);
}
