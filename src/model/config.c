/* config.c - a config's defaults, checks and description.
 *
 * Owns the table of keys. Knows no file format: config_json.c reads and writes. */
#include "base/text.h"
#include "model/config.h"
#include "model/config_keys.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const KINDS[] = {"decoder", "encoder", "encoder-decoder", NULL};
static const char *const NORMS[] = {"layernorm", "rmsnorm", "none", NULL};
static const char *const NORM_POSITIONS[] = {"pre", "post", NULL};
static const char *const POSITIONS[] = {"none", "sinusoidal", "learned", "rope", "alibi", NULL};
static const char *const PAIRINGS[] = {"half", "interleaved", NULL};
static const char *const SCALINGS[] = {"none", "linear", "dynamic", "llama3", "yarn", NULL};
static const char *const ACTIVATIONS[] = {"relu", "gelu", "gelu_tanh", "silu", NULL};
static const char *const FFNS[] = {"mlp", "gated", "none", NULL};
static const char *const SPLITS[] = {"words", "characters", "longest-match", NULL, NULL}; /* a llama2.c tokenizer and a tokenizer.json are told by their files */

#define FIELD(key) #key, offsetof(Config, key)

const ConfigKey config_keys[] = {
    {FIELD(kind), KEY_CHOICE, 0, 0, KINDS, false},
    {FIELD(d_model), KEY_SIZE, 1, CONFIG_MAX_SIZE, NULL, false},
    {FIELD(n_heads), KEY_SIZE, 1, CONFIG_MAX_SIZE, NULL, false},
    {FIELD(n_kv_heads), KEY_SIZE, 1, CONFIG_MAX_SIZE, NULL, false},
    {FIELD(d_head), KEY_SIZE, 1, CONFIG_MAX_SIZE, NULL, false},
    {FIELD(d_ff), KEY_SIZE, 0, CONFIG_MAX_SIZE, NULL, false},
    {FIELD(encoder_layers), KEY_SIZE, 0, CONFIG_MAX_LAYERS, NULL, false},
    {FIELD(decoder_layers), KEY_SIZE, 0, CONFIG_MAX_LAYERS, NULL, false},
    {FIELD(vocab_size), KEY_SIZE, 1, CONFIG_MAX_SIZE, NULL, false},
    {FIELD(max_len), KEY_SIZE, 0, CONFIG_MAX_SIZE, NULL, false},
    {FIELD(norm), KEY_CHOICE, 0, 0, NORMS, false},
    {FIELD(norm_position), KEY_CHOICE, 0, 0, NORM_POSITIONS, false},
    {FIELD(norm_eps), KEY_NUMBER, 0, 0, NULL, false},
    {FIELD(position), KEY_CHOICE, 0, 0, POSITIONS, false},
    {FIELD(rope_theta), KEY_NUMBER, 0, 0, NULL, false},
    {FIELD(rope_pairing), KEY_CHOICE, 0, 0, PAIRINGS, false},
    {FIELD(sinusoid_pairing), KEY_CHOICE, 0, 0, PAIRINGS, true},
    {FIELD(rope_dims), KEY_SIZE, 0, CONFIG_MAX_SIZE, NULL, true},
    {FIELD(rope_scaling), KEY_CHOICE, 0, 0, SCALINGS, true},
    {FIELD(rope_factor), KEY_NUMBER, 0, 0, NULL, true},
    {FIELD(rope_original_len), KEY_SIZE, 0, CONFIG_MAX_SIZE, NULL, true},
    {FIELD(rope_low_freq_factor), KEY_NUMBER, 0, 0, NULL, true},
    {FIELD(rope_high_freq_factor), KEY_NUMBER, 0, 0, NULL, true},
    {FIELD(rope_beta_fast), KEY_NUMBER, 0, 0, NULL, true},
    {FIELD(rope_beta_slow), KEY_NUMBER, 0, 0, NULL, true},
    {FIELD(rope_attention_factor), KEY_NUMBER, 0, 0, NULL, true},
    {FIELD(rope_truncate), KEY_BOOL, 0, 0, NULL, true},
    {FIELD(qk_norm), KEY_BOOL, 0, 0, NULL, true},
    {FIELD(score_scale), KEY_NUMBER, 0, 0, NULL, true},
    {FIELD(scale_by_layer), KEY_BOOL, 0, 0, NULL, true},
    {FIELD(window), KEY_SIZE, 0, CONFIG_MAX_SIZE, NULL, true},
    {FIELD(activation), KEY_CHOICE, 0, 0, ACTIVATIONS, false},
    {FIELD(ffn), KEY_CHOICE, 0, 0, FFNS, false},
    {FIELD(parallel), KEY_BOOL, 0, 0, NULL, true},
    {FIELD(bias), KEY_BOOL, 0, 0, NULL, false},
    {FIELD(qkv_bias), KEY_SWITCH, 0, 0, NULL, true},
    {FIELD(out_bias), KEY_SWITCH, 0, 0, NULL, true},
    {FIELD(ffn_bias), KEY_SWITCH, 0, 0, NULL, true},
    {FIELD(token_types), KEY_SIZE, 0, CONFIG_MAX_SIZE, NULL, true},
    {FIELD(embed_norm), KEY_BOOL, 0, 0, NULL, true},
    {FIELD(output_head), KEY_BOOL, 0, 0, NULL, true},
    {FIELD(output_bias), KEY_BOOL, 0, 0, NULL, true},
    {FIELD(tie_embeddings), KEY_BOOL, 0, 0, NULL, false},
    {FIELD(share_embeddings), KEY_BOOL, 0, 0, NULL, true},
    {FIELD(suppress_bos), KEY_BOOL, 0, 0, NULL, true},
    {FIELD(embed_scale), KEY_BOOL, 0, 0, NULL, false},
    {FIELD(split), KEY_CHOICE, 0, 0, SPLITS, false},
    {NULL, 0, KEY_SIZE, 0, 0, NULL, false},
};

Config config_default(void)
{
    return (Config){
        .kind = KIND_DECODER,
        .d_model = 16,
        .n_heads = 2,
        .n_kv_heads = 2,
        .d_head = 8,
        .d_ff = 64,
        .encoder_layers = 0,
        .decoder_layers = 2,
        .vocab_size = 23,
        .max_len = 16,
        .norm = NORM_LAYERNORM,
        .norm_position = NORM_PRE,
        .norm_eps = 1e-5,
        .position = POSITION_SINUSOIDAL,
        .rope_theta = 10000.0,
        .rope_pairing = PAIRING_HALF,
        .sinusoid_pairing = PAIRING_INTERLEAVED,
        .rope_scaling = ROPE_SCALING_NONE,
        .rope_factor = 1.0,
        .rope_low_freq_factor = 1.0,
        .rope_high_freq_factor = 4.0,
        .rope_beta_fast = 32.0,
        .rope_beta_slow = 1.0,
        .rope_truncate = true,
        .activation = ACTIVATION_GELU,
        .ffn = FFN_MLP,
        .bias = true,
        .tie_embeddings = true,
        .embed_scale = false,
        .bos = -1,
        .eos = -1,
        .pad = -1,
        .mask = -1,
        .unk = -1,
        .split = SPLIT_WORDS,
    };
}

void config_free(Config *c)
{
    if (c->dim_names)
        for (size_t i = 0; i < c->d_model; i++)
            free(c->dim_names[i]);
    free(c->dim_names);
    c->dim_names = NULL;
    free(c->example);
    c->example = NULL;
    for (int i = 0; i < TOKEN_COUNT; i++) {
        free(c->token_texts[i]);
        c->token_texts[i] = NULL;
    }
}

int config_copy(Config *to, const Config *from, Error *e)
{
    Config c = *from;
    bool whole = true;
    c.dim_names = NULL;
    c.example = from->example ? strdup(from->example) : NULL;
    whole = c.example || !from->example;
    for (int i = 0; i < TOKEN_COUNT; i++) {
        c.token_texts[i] = from->token_texts[i] ? strdup(from->token_texts[i]) : NULL;
        whole = whole && (c.token_texts[i] || !from->token_texts[i]);
    }
    if (from->dim_names) {
        c.dim_names = calloc(c.d_model, sizeof *c.dim_names);
        for (size_t i = 0; c.dim_names && i < c.d_model; i++)
            whole = (c.dim_names[i] = strdup(from->dim_names[i])) && whole;
        whole = whole && c.dim_names;
    }
    if (!whole) {
        config_free(&c);
        return error_memory(e, "config");
    }
    *to = c;
    return 0;
}

/* ---- special tokens ---- */

const char *config_token_name(SpecialToken which)
{
    static const char *const names[TOKEN_COUNT] = {"bos", "eos", "pad", "mask", "unk"};
    return names[which];
}

int *config_token(Config *c, SpecialToken which)
{
    int *places[TOKEN_COUNT] = {&c->bos, &c->eos, &c->pad, &c->mask, &c->unk};
    return places[which];
}

bool config_is_end(const Config *c, int id)
{
    for (size_t i = 0; i < c->end_count; i++)
        if (c->ends[i] == id)
            return true;
    return id >= 0 && id == c->eos;
}

int config_add_end(Config *c, int id)
{
    if (config_is_end(c, id))
        return 0;
    if (c->end_count == CONFIG_MAX_ENDS)
        return -1;
    c->ends[c->end_count++] = id;
    return 0;
}

/* ---- checks ---- */

static int check_ranges(const Config *c, const char *file, Error *e)
{
    for (const ConfigKey *key = config_keys; key->name; key++) {
        if (key->type != KEY_SIZE)
            continue;
        size_t value = *(const size_t *)((const char *)c + key->offset);
        if (value < key->least || value > key->most)
            return error_set(e, "%s: %s: expected from %zu to %zu, found %zu", file, key->name, key->least, key->most, value);
    }
    return 0;
}

/* The numbers that the scaling of RoPE reads: every frequency comes out finite and above 0. */
static int check_rope_scaling(const Config *c, const char *file, Error *e)
{
    RopeScaling scaling = c->rope_scaling;
    const struct {
        const char *name;
        double value;
        bool read;
    } above_0[] = {
        {"rope_factor", c->rope_factor, scaling != ROPE_SCALING_NONE},
        {"rope_low_freq_factor", c->rope_low_freq_factor, scaling == ROPE_SCALING_LLAMA3},
        {"rope_high_freq_factor", c->rope_high_freq_factor, scaling == ROPE_SCALING_LLAMA3},
        {"rope_beta_fast", c->rope_beta_fast, scaling == ROPE_SCALING_YARN},
        {"rope_beta_slow", c->rope_beta_slow, scaling == ROPE_SCALING_YARN},
        {"rope_original_len", (double)c->rope_original_len,
         scaling == ROPE_SCALING_DYNAMIC || scaling == ROPE_SCALING_LLAMA3 || scaling == ROPE_SCALING_YARN},
    };
    for (size_t i = 0; i < sizeof above_0 / sizeof *above_0; i++)
        if (above_0[i].read && !(isfinite(above_0[i].value) && above_0[i].value > 0))
            return error_set(e, "%s: %s: expected a number above 0, because rope_scaling is %s, found %g", file, above_0[i].name,
                             SCALINGS[scaling], above_0[i].value);
    if (scaling == ROPE_SCALING_LLAMA3 && c->rope_high_freq_factor <= c->rope_low_freq_factor)
        return error_set(e, "%s: rope_high_freq_factor: expected more than rope_low_freq_factor (%g), found %g", file,
                         c->rope_low_freq_factor, c->rope_high_freq_factor);
    if (scaling == ROPE_SCALING_YARN && c->rope_theta == 1)
        return error_set(e, "%s: rope_theta: expected another number than 1, because rope_scaling is yarn", file);
    if (!isfinite(c->rope_attention_factor) || c->rope_attention_factor < 0)
        return error_set(e, "%s: rope_attention_factor: expected a number of at least 0, found %g", file, c->rope_attention_factor);
    return 0;
}

/* Attention and FFN side by side: what cannot be told of such a layer. */
static int check_parallel(const Config *c, const char *file, Error *e)
{
    if (c->kind == KIND_ENCODER_DECODER)
        return error_set(
            e, "%s: parallel: expected false, because an encoder-decoder's layers have cross-attention between the two, found true", file);
    if (c->ffn == FFN_NONE)
        return error_set(e, "%s: parallel: expected false, because ffn is none: attention has nothing beside it, found true", file);
    if (c->norm != NORM_NONE && c->norm_position == NORM_POST)
        return error_set(e, "%s: parallel: expected norm_position pre: both parts read the stream through a norm of their own, found post",
                         file);
    return 0;
}

int config_check(const Config *c, const char *file, Error *e)
{
    if (check_ranges(c, file, e) != 0)
        return -1;
    if (c->n_heads % c->n_kv_heads != 0)
        return error_set(e, "%s: n_kv_heads: expected a divisor of n_heads (%zu), found %zu", file, c->n_heads, c->n_kv_heads);
    if (c->n_heads * c->d_head > CONFIG_MAX_SIZE)
        return error_set(e, "%s: d_head: expected n_heads * d_head to be at most %d, found %zu * %zu", file, CONFIG_MAX_SIZE, c->n_heads,
                         c->d_head);
    if (c->rope_dims && c->position != POSITION_ROPE)
        return error_set(e, "%s: rope_dims: expected 0, because position is not rope, found %zu", file, c->rope_dims);
    if (c->rope_dims > c->d_head)
        return error_set(e, "%s: rope_dims: expected at most d_head (%zu), found %zu", file, c->d_head, c->rope_dims);
    if (c->rope_dims % 2 != 0)
        return error_set(e, "%s: rope_dims: expected an even number, because RoPE turns pairs, found %zu", file, c->rope_dims);
    if (c->position == POSITION_ROPE && config_rope_dims(c) % 2 != 0)
        return error_set(e, "%s: d_head: expected an even number, because RoPE turns pairs, found %zu", file, c->d_head);
    if (c->token_types && c->kind != KIND_ENCODER)
        return error_set(e, "%s: token_types: expected 0, because only an encoder's texts have segments, found %zu", file, c->token_types);
    if (c->embed_norm && c->norm == NORM_NONE)
        return error_set(e, "%s: embed_norm: expected false, because norm is none, found true", file);
    if (c->parallel && check_parallel(c, file, e) != 0)
        return -1;
    if (c->ffn != FFN_NONE && c->d_ff == 0)
        return error_set(e, "%s: d_ff: expected at least 1, found 0; \"ffn\": \"none\" leaves the feed-forward part out", file);
    if (c->position == POSITION_LEARNED && c->max_len == 0)
        return error_set(e, "%s: max_len: expected at least 1 for learned positions, found 0", file);
    if (!isfinite(c->norm_eps) || c->norm_eps < 0)
        return error_set(e, "%s: norm_eps: expected a number of at least 0, found %g", file, c->norm_eps);
    if (!isfinite(c->rope_theta) || c->rope_theta <= 0)
        return error_set(e, "%s: rope_theta: expected a number above 0, found %g", file, c->rope_theta);
    if (!isfinite(c->score_scale) || c->score_scale < 0)
        return error_set(e, "%s: score_scale: expected a number of at least 0, found %g", file, c->score_scale);
    if (check_rope_scaling(c, file, e) != 0)
        return -1;
    if (c->sinusoid_pairing != PAIRING_INTERLEAVED && c->position != POSITION_SINUSOIDAL)
        return error_set(e, "%s: sinusoid_pairing: expected interleaved, because position is not sinusoidal, found half", file);
    if (c->share_embeddings && c->kind != KIND_ENCODER_DECODER)
        return error_set(e, "%s: share_embeddings: expected false, because only an encoder-decoder has two embeddings to share, found true",
                         file);
    if (c->suppress_bos && c->bos < 0 && !c->token_texts[TOKEN_BOS])
        return error_set(e, "%s: suppress_bos: expected false, because there is no begin token (tokens.bos), found true", file);
    Config copy = *c; /* config_token gives writable places */
    for (int i = 0; i < TOKEN_COUNT; i++) {
        int id = *config_token(&copy, (SpecialToken)i);
        if (id < -1 || id >= (int)c->vocab_size)
            return error_set(e, "%s: tokens.%s: expected an id from 0 to %zu, found %d", file, config_token_name((SpecialToken)i),
                             c->vocab_size - 1, id);
    }
    for (size_t i = 0; i < c->end_count; i++)
        if (c->ends[i] < 0 || c->ends[i] >= (int)c->vocab_size)
            return error_set(e, "%s: tokens.eos: expected ids from 0 to %zu, found %d", file, c->vocab_size - 1, c->ends[i]);
    return 0;
}

/* ---- questions ---- */

bool config_has_stack(const Config *c, Stack stack)
{
    switch (stack) {
    case STACK_ENCODER:
        return c->kind != KIND_DECODER;
    case STACK_DECODER:
        return c->kind != KIND_ENCODER;
    default:
        return stack == STACK_OUTPUT;
    }
}

size_t config_layers(const Config *c, Stack stack)
{
    if (!config_has_stack(c, stack) || stack == STACK_OUTPUT)
        return 0;
    return stack == STACK_ENCODER ? c->encoder_layers : c->decoder_layers;
}

Stack config_last_stack(const Config *c)
{
    return c->kind == KIND_ENCODER ? STACK_ENCODER : STACK_DECODER;
}

Stack config_embedding_stack(const Config *c, Stack stack)
{
    return c->share_embeddings ? STACK_ENCODER : stack;
}

size_t config_sinusoid_dim(const Config *c, size_t dim)
{
    size_t sines = (c->d_model + 1) / 2;
    if (c->sinusoid_pairing == PAIRING_INTERLEAVED)
        return dim;
    return dim < sines ? 2 * dim : 2 * (dim - sines) + 1;
}

bool config_has_bias(const Config *c, char tag)
{
    if (tag == 'H')
        return c->bias;
    Switch s = tag == 'Q' || tag == 'K' || tag == 'V' ? c->qkv_bias : tag == 'O' ? c->out_bias : c->ffn_bias;
    return s == SWITCH_UNSET ? c->bias : s == SWITCH_ON;
}

size_t config_rope_dims(const Config *c)
{
    return c->rope_dims ? c->rope_dims : c->d_head;
}

void config_describe(const Config *c, Buffer *out)
{
    static const char *const positions[] = {N_("no positions"), N_("sinusoidal positions"), N_("learned positions"), "RoPE", "ALiBi"};
    buffer_puts(out, c->kind == KIND_ENCODER_DECODER ? _("encoder–decoder") : _(KINDS[c->kind]));
    if (c->norm == NORM_NONE)
        buffer_puts(out, _(" · no norm"));
    else
        buffer_puts(out, c->norm_position == NORM_PRE ? _(" · pre-norm") : _(" · post-norm"));
    if (c->qk_norm)
        buffer_puts(out, _(" · QK-norm"));
    if (c->parallel)
        buffer_puts(out, _(" · attention and FFN in parallel"));
    bool scaled = c->position == POSITION_ROPE && c->rope_scaling != ROPE_SCALING_NONE;
    char position[64];
    snprintf(position, sizeof position, "%s", _(positions[c->position]));
    if (scaled)
        snprintf(position, sizeof position, "RoPE (%s)", SCALINGS[c->rope_scaling]);
    if (c->rope_dims && c->rope_dims < c->d_head)
        snprintf(position + strlen(position), sizeof position - strlen(position), _(" of %zu dims"), c->rope_dims);
    buffer_printf(out, ngettext(" · %s · d %zu, %zu head", " · %s · d %zu, %zu heads", c->n_heads), position, c->d_model, c->n_heads);
    if (c->n_kv_heads != c->n_heads)
        buffer_printf(out, _(" (%zu key/value)"), c->n_kv_heads);
    if (c->window)
        buffer_printf(out, _(", window %zu"), c->window);
    if (c->kind == KIND_ENCODER_DECODER)
        buffer_printf(out, _(", %zu+%zu layers"), c->encoder_layers, c->decoder_layers);
    else {
        size_t layers = config_layers(c, config_last_stack(c));
        buffer_printf(out, ngettext(", %zu layer", ", %zu layers", layers), layers);
    }
    if (c->ffn == FFN_NONE)
        buffer_puts(out, _(", no ffn"));
}
