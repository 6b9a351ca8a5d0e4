/* hf_config.c - config.json of GPT-2, Llama, Mistral, Qwen2, Qwen3, GPT-NeoX and BERT as our config.
 *
 * Owns what their fields mean, and their defaults: those of the configuration classes of the transformers library, which leaves fields out.
 * A field that changes the numbers is read, or refused by name. */
#include "model/hf_internal.h"

#include "base/text.h"
#include "model/nearest.h"

#include <stdlib.h>
#include <string.h>

/* ---- what several architectures share ---- */

int hf_read_activation(Config *c, Fields *f, const char *name, const char *usual, Error *e)
{
    static const struct {
        const char *name;
        Activation activation;
    } known[] = {
        {"gelu_new", ACTIVATION_GELU_TANH},
        {"gelu_pytorch_tanh", ACTIVATION_GELU_TANH},
        {"gelu_fast", ACTIVATION_GELU_TANH},
        {"gelu_python_tanh", ACTIVATION_GELU_TANH},
        {"gelu_accurate", ACTIVATION_GELU_TANH},
        {"gelu", ACTIVATION_GELU},
        {"gelu_python", ACTIVATION_GELU},
        {"relu", ACTIVATION_RELU},
        {"silu", ACTIVATION_SILU},
        {"swish", ACTIVATION_SILU},
    };
    const char *found = usual;
    char quoted[QUOTE_SHORT];
    if (fields_text(f, name, &found, e) != 0)
        return -1;
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (strcmp(found, known[i].name) == 0) {
            c->activation = known[i].activation;
            json_object_del(f->left, name);
            return 0;
        }
    return error_set(e, "%s: %s: expected gelu_new, gelu_pytorch_tanh, gelu_fast, gelu, gelu_python, relu, silu or swish, found %s",
                     f->file, name, quote_short(found, strlen(found), quoted));
}

/* A class's default token where the field is not there, of which the vocabulary may be too small; null is none. */
static int usual_token(const Config *c, const Fields *f, const char *name, int usual)
{
    return !json_object_get(f->left, name) && usual >= 0 && (size_t)usual < c->vocab_size ? usual : -1;
}

/* The tokens that begin and end. No padding: the library masks none unless it is told to, and the ids given here are all read. */
static int read_tokens(Config *c, Fields *f, int bos, int eos, Error *e)
{
    c->bos = usual_token(c, f, "bos_token_id", bos);
    c->eos = usual_token(c, f, "eos_token_id", eos);
    return fields_token(f, "bos_token_id", c->vocab_size, &c->bos, e) == 0 ? fields_ends(f, "eos_token_id", c, e) : -1;
}

/* The width of a head where it is not given. */
static int divide_heads(Config *c, const Fields *f, const char *width, const char *heads, Error *e)
{
    if (c->d_head == 0 && c->d_model % c->n_heads != 0)
        return error_set(e, "%s: %s: expected a multiple of %s (%zu), found %zu", f->file, width, heads, c->n_heads, c->d_model);
    if (c->d_head == 0)
        c->d_head = c->d_model / c->n_heads;
    return 0;
}

/* The fields that Llama, GPT-NeoX and BERT call the same; what they are where they are not there is in c. */
static int read_shape(Config *c, Fields *f, const char *activation, Error *e)
{
    size_t *layers = c->kind == KIND_ENCODER ? &c->encoder_layers : &c->decoder_layers;
    return fields_size(f, "vocab_size", 1, CONFIG_MAX_SIZE, &c->vocab_size, e) == 0 &&
                   fields_size(f, "hidden_size", 1, CONFIG_MAX_SIZE, &c->d_model, e) == 0 &&
                   fields_size(f, "intermediate_size", 1, CONFIG_MAX_SIZE, &c->d_ff, e) == 0 &&
                   fields_size(f, "num_hidden_layers", 0, CONFIG_MAX_LAYERS, layers, e) == 0 &&
                   fields_size(f, "num_attention_heads", 1, CONFIG_MAX_SIZE, &c->n_heads, e) == 0 &&
                   fields_size(f, "max_position_embeddings", 1, CONFIG_MAX_SIZE, &c->max_len, e) == 0 &&
                   hf_read_activation(c, f, "hidden_act", activation, e) == 0 &&
                   fields_bool(f, "tie_word_embeddings", &c->tie_embeddings, e) == 0
               ? divide_heads(c, f, "hidden_size", "num_attention_heads", e)
               : -1;
}

/* ---- GPT-2 (Radford et al. 2019) ---- */

/* GPT-2's name for a size, or the name that most have, which the library takes too and prefers. */
static int read_either(Fields *f, const char *name, const char *usual, size_t least, size_t most, size_t *to, Error *e)
{
    return fields_size(f, name, least, most, to, e) == 0 ? fields_size(f, usual, least, most, to, e) : -1;
}

int hf_read_gpt2(Config *c, Fields *f, Error *e)
{
    bool scaled = true;
    c->vocab_size = 50257;
    c->max_len = 1024;
    c->d_model = 768;
    c->decoder_layers = c->n_heads = 12;
    c->d_ff = c->d_head = 0;
    c->norm = NORM_LAYERNORM;
    c->norm_eps = 1e-5;
    c->position = POSITION_LEARNED;
    c->ffn = FFN_MLP;
    c->bias = true;
    c->tie_embeddings = true;
    if (fields_size(f, "vocab_size", 1, CONFIG_MAX_SIZE, &c->vocab_size, e) != 0 ||
        fields_size(f, "n_ctx", 1, CONFIG_MAX_SIZE, &c->max_len, e) != 0 ||
        read_either(f, "n_positions", "max_position_embeddings", 1, CONFIG_MAX_SIZE, &c->max_len, e) != 0 ||
        read_either(f, "n_embd", "hidden_size", 1, CONFIG_MAX_SIZE, &c->d_model, e) != 0 ||
        read_either(f, "n_layer", "num_hidden_layers", 0, CONFIG_MAX_LAYERS, &c->decoder_layers, e) != 0 ||
        read_either(f, "n_head", "num_attention_heads", 1, CONFIG_MAX_SIZE, &c->n_heads, e) != 0 ||
        fields_size(f, "n_inner", 1, CONFIG_MAX_SIZE, &c->d_ff, e) != 0 || fields_number(f, "layer_norm_epsilon", &c->norm_eps, e) != 0 ||
        hf_read_activation(c, f, "activation_function", "gelu_new", e) != 0 || fields_bool(f, "scale_attn_weights", &scaled, e) != 0 ||
        fields_bool(f, "scale_attn_by_inverse_layer_idx", &c->scale_by_layer, e) != 0 ||
        fields_bool(f, "tie_word_embeddings", &c->tie_embeddings, e) != 0 ||
        fields_refuse_unless(f, "add_cross_attention", false, _("cross-attention between the sub-layers"), e) != 0 ||
        divide_heads(c, f, "n_embd", "n_head", e) != 0 || read_tokens(c, f, 50256, 50256, e) != 0)
        return -1;
    /* The same product in another order, and what only other classes read: GPT-2's are n_inner and activation_function. */
    fields_ignore(f, (const char *const[]){"reorder_and_upcast_attn", "intermediate_size", "hidden_act", NULL});
    c->n_kv_heads = c->n_heads;
    c->d_ff = c->d_ff ? c->d_ff : 4 * c->d_model;
    c->score_scale = scaled ? 0 : 1;
    return 0;
}

/* ---- Llama (Touvron et al. 2023) ---- */

static void set_llama(Config *c)
{
    c->vocab_size = 32000;
    c->d_model = 4096;
    c->d_ff = 11008;
    c->decoder_layers = c->n_heads = 32;
    c->n_kv_heads = c->d_head = 0;
    c->max_len = 2048;
    c->norm = NORM_RMSNORM;
    c->norm_eps = 1e-6;
    c->position = POSITION_ROPE;
    c->ffn = FFN_GATED;
    c->bias = false;
    c->tie_embeddings = false;
}

/* What Llama, Mistral, Qwen2 and Qwen3 have in common. Where num_key_value_heads is null, there are as many as heads. */
static int read_llama(Config *c, Fields *f, int bos, int eos, Error *e)
{
    double rotated = 1;
    if (json_is_null(json_object_get(f->left, "num_key_value_heads")))
        c->n_kv_heads = 0;
    if (json_is_false(json_object_get(f->left, "rope_interleaved"))) /* SmolLM's; the library turns halves whatever it says */
        json_object_del(f->left, "rope_interleaved");
    if (fields_size(f, "head_dim", 1, CONFIG_MAX_SIZE, &c->d_head, e) != 0 || read_shape(c, f, "silu", e) != 0 ||
        fields_size(f, "num_key_value_heads", 1, CONFIG_MAX_SIZE, &c->n_kv_heads, e) != 0 ||
        fields_number(f, "rms_norm_eps", &c->norm_eps, e) != 0 || fields_number(f, "partial_rotary_factor", &rotated, e) != 0 ||
        hf_read_rope(c, f, NULL, e) != 0 || read_tokens(c, f, bos, eos, e) != 0)
        return -1;
    if (rotated != 1)
        return error_set(e, "%s: partial_rotary_factor: expected 1, found %g: a Llama turns whole heads", f->file, rotated);
    if (c->n_kv_heads == 0)
        c->n_kv_heads = c->n_heads;
    if (c->n_heads % c->n_kv_heads != 0)
        return error_set(e, "%s: num_key_value_heads: expected a divisor of num_attention_heads (%zu), found %zu", f->file, c->n_heads,
                         c->n_kv_heads);
    if (c->d_head % 2 != 0)
        return error_set(e, "%s: head_dim: expected an even number, because RoPE turns pairs, found %zu", f->file, c->d_head);
    c->rope_pairing = PAIRING_HALF;
    return 0;
}

int hf_read_llama(Config *c, Fields *f, Error *e)
{
    bool attention_bias = false, ffn_bias = false;
    set_llama(c);
    if (fields_bool(f, "attention_bias", &attention_bias, e) != 0 || fields_bool(f, "mlp_bias", &ffn_bias, e) != 0)
        return -1;
    c->qkv_bias = c->out_bias = attention_bias ? SWITCH_ON : SWITCH_UNSET;
    c->ffn_bias = ffn_bias ? SWITCH_ON : SWITCH_UNSET;
    return read_llama(c, f, 1, 2, e);
}

/* ---- what is Llama but for one thing ---- */

/* Their classes have no say in which weights have a bias: some files have these fields from elsewhere. */
static const char *const no_biases[] = {"attention_bias", "mlp_bias", NULL};

/* layer_types says of each layer whether it has the window: here all have it, or none. */
static int read_layer_types(Config *c, Fields *f, Error *e)
{
    json_t *types = json_incref(json_object_get(f->left, "layer_types"));
    json_object_del(f->left, "layer_types");
    size_t full = 0, sliding = 0, n = json_array_size(types);
    char found[FOUND_MAX];
    int status = 0;
    for (size_t i = 0; i < n && status == 0; i++) {
        const char *type = json_string_value(json_array_get(types, i));
        full += type && strcmp(type, "full_attention") == 0;
        sliding += type && strcmp(type, "sliding_attention") == 0;
        if (full + sliding != i + 1)
            status = error_set(e, "%s: layer_types: expected full_attention or sliding_attention for each layer, found %s", f->file,
                               found_describe(json_array_get(types, i), found));
    }
    if (status == 0 && full && sliding && c->window)
        status =
            error_set(e, "%s: layer_types: expected the same for all layers, found a window in %zu and none in %zu, which is not read here",
                      f->file, sliding, full);
    if (full && !sliding)
        c->window = 0;
    json_decref(types);
    return status;
}

int hf_read_mistral(Config *c, Fields *f, Error *e)
{
    set_llama(c);
    c->d_ff = 14336;
    c->n_kv_heads = 8;
    c->max_len = 4096 * 32;
    c->window = json_is_null(json_object_get(f->left, "sliding_window")) ? 0 : 4096;
    fields_ignore(f, no_biases);
    return fields_size(f, "sliding_window", 1, CONFIG_MAX_SIZE, &c->window, e) == 0 && read_layer_types(c, f, e) == 0
               ? read_llama(c, f, 1, 2, e)
               : -1;
}

static void set_qwen(Config *c)
{
    set_llama(c);
    c->vocab_size = 151936;
    c->d_ff = 22016;
    c->n_kv_heads = 32;
    c->max_len = 32768;
}

/* A Qwen has a window only where use_sliding_window says so, from layer max_window_layers on. */
static int read_qwen(Config *c, Fields *f, Error *e)
{
    bool windows = false;
    size_t window = 4096, from = 28;
    if (fields_bool(f, "use_sliding_window", &windows, e) != 0 || fields_size(f, "sliding_window", 0, CONFIG_MAX_SIZE, &window, e) != 0 ||
        fields_size(f, "max_window_layers", 0, CONFIG_MAX_SIZE, &from, e) != 0 ||
        fields_refuse_unless(f, "use_mrope", false, _("positions of several dimensions"), e) != 0)
        return -1;
    c->window = windows ? window : 0;
    bool by_layer = json_object_get(f->left, "layer_types") != NULL;
    if (read_layer_types(c, f, e) != 0 || read_llama(c, f, -1, -1, e) != 0)
        return -1;
    if (c->window && !by_layer && from > 0 && from < c->decoder_layers)
        return error_set(e,
                         "%s: max_window_layers: expected 0 or at least num_hidden_layers (%zu), found %zu: a window in some layers only "
                         "is not read here",
                         f->file, c->decoder_layers, from);
    if (c->window && !by_layer && from >= c->decoder_layers)
        c->window = 0;
    return 0;
}

/* Qwen2 has biases in W_Q, W_K and W_V. */
int hf_read_qwen2(Config *c, Fields *f, Error *e)
{
    set_qwen(c);
    c->qkv_bias = SWITCH_ON;
    fields_ignore(f, no_biases);
    return read_qwen(c, f, e);
}

/* Qwen3 (Yang et al. 2025) has norms of queries and keys instead, and heads whose width is its own. */
int hf_read_qwen3(Config *c, Fields *f, Error *e)
{
    bool attention_bias = false;
    set_qwen(c);
    c->d_head = 128;
    c->qk_norm = true;
    if (fields_bool(f, "attention_bias", &attention_bias, e) != 0)
        return -1;
    c->qkv_bias = c->out_bias = attention_bias ? SWITCH_ON : SWITCH_UNSET;
    fields_ignore(f, no_biases);
    return read_qwen(c, f, e);
}

/* ---- GPT-NeoX (Black et al. 2022), and with it Pythia (Biderman et al. 2023) ---- */

/* The first part of each head is turned: a whole number of dimensions, rounded down. */
static int set_rotated(Config *c, const Fields *f, double part, Error *e)
{
    if (!(part > 0 && part <= 1))
        return error_set(e, "%s: rotary_pct: expected a number above 0 and at most 1, found %g", f->file, part);
    c->rope_dims = (size_t)((double)c->d_head * part);
    if (c->rope_dims == 0 || c->rope_dims % 2 != 0)
        return error_set(e, "%s: rotary_pct: expected an even number of dimensions, because RoPE turns pairs, found %g of %zu: %zu",
                         f->file, part, c->d_head, c->rope_dims);
    if (c->rope_dims == c->d_head)
        c->rope_dims = 0;
    return 0;
}

int hf_read_gpt_neox(Config *c, Fields *f, Error *e)
{
    double rotated = 0.25;
    bool attention_bias = true;
    c->vocab_size = 50432;
    c->d_model = 6144;
    c->d_ff = 24576;
    c->decoder_layers = 44;
    c->n_heads = 64;
    c->d_head = 0;
    c->max_len = 2048;
    c->norm = NORM_LAYERNORM;
    c->norm_eps = 1e-5;
    c->position = POSITION_ROPE;
    c->ffn = FFN_MLP;
    c->parallel = true;
    c->bias = true;
    c->tie_embeddings = false;
    if (read_shape(c, f, "gelu", e) != 0 || fields_number(f, "layer_norm_eps", &c->norm_eps, e) != 0 ||
        fields_number(f, "rotary_pct", &rotated, e) != 0 || fields_number(f, "partial_rotary_factor", &rotated, e) != 0 ||
        fields_number(f, "rotary_emb_base", &c->rope_theta, e) != 0 || fields_bool(f, "use_parallel_residual", &c->parallel, e) != 0 ||
        fields_bool(f, "attention_bias", &attention_bias, e) != 0 || hf_read_rope(c, f, &rotated, e) != 0 ||
        set_rotated(c, f, rotated, e) != 0 || read_tokens(c, f, 0, 2, e) != 0)
        return -1;
    c->n_kv_heads = c->n_heads;
    c->qkv_bias = c->out_bias = attention_bias ? SWITCH_UNSET : SWITCH_OFF;
    return 0;
}

/* ---- BERT (Devlin et al. 2019), with the head of its masked language model ---- */

int hf_read_bert(Config *c, Fields *f, Error *e)
{
    const char *positions = "absolute";
    char quoted[QUOTE_SHORT];
    int pad = 0;
    c->kind = KIND_ENCODER;
    c->decoder_layers = 0;
    c->vocab_size = 30522;
    c->d_model = 768;
    c->d_ff = 3072;
    c->encoder_layers = c->n_heads = 12;
    c->d_head = 0;
    c->max_len = 512;
    c->token_types = 2;
    c->norm = NORM_LAYERNORM;
    c->norm_position = NORM_POST;
    c->norm_eps = 1e-12;
    c->position = POSITION_LEARNED;
    c->ffn = FFN_MLP;
    c->bias = c->tie_embeddings = c->embed_norm = c->output_head = c->output_bias = true;
    if (read_shape(c, f, "gelu", e) != 0 || fields_size(f, "type_vocab_size", 1, CONFIG_MAX_SIZE, &c->token_types, e) != 0 ||
        fields_number(f, "layer_norm_eps", &c->norm_eps, e) != 0 || fields_text(f, "position_embedding_type", &positions, e) != 0 ||
        fields_refuse_unless(f, "is_decoder", false, _("a BERT that sees no later token"), e) != 0 ||
        fields_refuse_unless(f, "add_cross_attention", false, _("cross-attention between the sub-layers"), e) != 0 ||
        read_tokens(c, f, -1, -1, e) != 0 || fields_token(f, "cls_token_id", c->vocab_size, &c->bos, e) != 0 ||
        fields_token(f, "sep_token_id", c->vocab_size, &c->eos, e) != 0 ||
        fields_token(f, "mask_token_id", c->vocab_size, &c->mask, e) != 0 || fields_token(f, "pad_token_id", c->vocab_size, &pad, e) != 0)
        return -1;
    if (strcmp(positions, "absolute") != 0)
        return error_set(e, "%s: position_embedding_type: expected absolute, found %s, which is not read here", f->file,
                         quote_short(positions, strlen(positions), quoted));
    fields_ignore(f, (const char *const[]){"position_embedding_type", "directionality", "pooler_fc_size", "pooler_num_attention_heads",
                                           "pooler_num_fc_layers", "pooler_size_per_head", "pooler_type",
                                           NULL}); /* of training, or of the pooler, which reads the first token and makes no logits */
    c->n_kv_heads = c->n_heads;
    c->pad = pad;
    return 0;
}

/* ---- what generate() does ---- */

/* config.json and generation_config.json may say the same. */
static bool is_said(const Fields *f, const char *name)
{
    return strstr(buffer_text(f->notes), name) != NULL;
}

int hf_read_generation(const Config *c, Fields *f, Error *e)
{
    size_t beams = 1, repeated = 0;
    double penalty = 1;
    if (c->kind == KIND_ENCODER)
        return 0;
    if (fields_size(f, "num_beams", 1, CONFIG_MAX_SIZE, &beams, e) != 0 || fields_number(f, "repetition_penalty", &penalty, e) != 0 ||
        fields_size(f, "no_repeat_ngram_size", 0, CONFIG_MAX_SIZE, &repeated, e) != 0)
        return -1;
    if (beams > 1 && !is_said(f, "num_beams"))
        buffer_printf(f->notes,
                      _("%s: num_beams is %zu: here one token at a time is chosen (greedy, or drawn), which may give another text\n"),
                      f->file, beams);
    if (penalty != 1 && !is_said(f, "repetition_penalty"))
        buffer_printf(f->notes, _("%s: repetition_penalty is %g: here tokens may come again, which may give another text\n"), f->file,
                      penalty);
    if (repeated > 0 && !is_said(f, "no_repeat_ngram_size"))
        buffer_printf(f->notes, _("%s: no_repeat_ngram_size is %zu: here tokens may come again, which may give another text\n"), f->file,
                      repeated);
    return 0;
}

/* ---- the whole file ---- */

static int read_object(Config *c, const HfArchitecture **a, Fields *f, Error *e)
{
    static const char *const quantised[] = {"quantization_config", "quantization", NULL}; /* the second is MLX's */
    const char *type = NULL;
    char found[FOUND_MAX];
    *c = config_default();
    c->kind = KIND_DECODER;
    c->encoder_layers = 0;
    c->norm_position = NORM_PRE;
    if (fields_text(f, "model_type", &type, e) != 0)
        return -1;
    if (!type)
        return error_set(e, "%s: model_type: expected one, such as \"gpt2\" or \"llama\", found none", f->file);
    for (int i = 0; i < 2; i++)
        if (fields_has(f, quantised[i]))
            return error_set(e, "%s: %s: expected none, found %s: quantised weights are not read; try the model that it was made from",
                             f->file, quantised[i], found_describe(json_object_get(f->left, quantised[i]), found));
    if (json_object_size(json_object_get(f->left, "pruned_heads")) == 0)
        json_object_del(f->left, "pruned_heads");
    fields_ignore(f, quantised);
    *a = hf_find_architecture(type, f->file, e);
    if (!*a || (*a)->read(c, f, e) != 0 || hf_read_generation(c, f, e) != 0)
        return -1;
    fields_finish(f);
    return config_check(c, f->file, e);
}

int hf_read_config(Config *c, const HfArchitecture **a, const char *text, size_t n, const char *file, Buffer *notes, Error *e)
{
    char found[FOUND_MAX];
    if (n > CONFIG_MAX_TEXT)
        return error_set(e, "%s: expected at most %d bytes, found %zu", file, CONFIG_MAX_TEXT, n);
    json_t *root = found_json(text, n, JSON_REJECT_DUPLICATES, file, e);
    if (!root)
        return -1;
    Fields f = {root, file, "", notes};
    int status = json_is_object(root) ? read_object(c, a, &f, e)
                                      : error_set(e, "%s: expected an object, found %s", file, found_describe(root, found));
    json_decref(root);
    return status;
}

int hf_config_read(Config *c, const char *text, size_t n, const char *file, Buffer *notes, Error *e)
{
    const HfArchitecture *a;
    return hf_read_config(c, &a, text, n, file, notes, e);
}
