/* hf_marian.c - config.json of Marian's translation models (opus-mt-…) as our config.
 *
 * Owns what their fields mean, and their defaults: those of MarianConfig in the transformers library. The order of operations is that of
 * Junczys-Dowmunt et al. 2018 (https://arxiv.org/abs/1804.00344) as the library's modeling_marian.py has it: post-norm, sines in the first
 * half of the positions and cosines in the second, one embedding for both stacks and the output, a bias on the logits. */
#include "model/hf_internal.h"

#include "base/text.h"

#include <string.h>

/* Two fields that say the same of the two stacks: here both have one value. */
static int read_both(Fields *f, const char *encoder, const char *decoder, size_t *to, Error *e)
{
    size_t a = *to, b = *to;
    if (fields_size(f, encoder, 1, CONFIG_MAX_SIZE, &a, e) != 0 || fields_size(f, decoder, 1, CONFIG_MAX_SIZE, &b, e) != 0)
        return -1;
    if (a != b)
        return error_set(e, "%s: %s: expected the %zu of %s, because stacks of two shapes are not read here, found %zu", f->file, decoder,
                         a, encoder, b);
    *to = a;
    return 0;
}

/* Tokens that are never generated: [[65000]], the token that the decoder begins with. Others are said. */
static int read_bad_words(Config *c, Fields *f, Error *e)
{
    json_t *list = json_incref(json_object_get(f->left, "bad_words_ids"));
    char found[FOUND_MAX];
    int status = 0;
    size_t others = 0;
    json_object_del(f->left, "bad_words_ids");
    c->suppress_bos = false;
    if (list && !json_is_null(list) && !json_is_array(list))
        status = error_set(e, "%s: bad_words_ids: expected an array of arrays of ids, found %s", f->file, found_describe(list, found));
    for (size_t i = 0; status == 0 && i < json_array_size(list); i++) {
        const json_t *word = json_array_get(list, i), *id = json_array_get(word, 0);
        if (!json_is_array(word) || !json_is_integer(id))
            status = error_set(e, "%s: bad_words_ids: expected an array of arrays of ids, found %s", f->file, found_describe(word, found));
        else if (json_array_size(word) == 1 && c->bos >= 0 && json_integer_value(id) == c->bos)
            c->suppress_bos = true;
        else
            others++;
    }
    if (others)
        buffer_printf(f->notes,
                      ngettext("%s: bad_words_ids: %zu of them may be generated here\n",
                               "%s: bad_words_ids: %zu of them may be generated here\n", others),
                      f->file, others);
    json_decref(list);
    return status;
}

int hf_read_translation(Config *c, Fields *f, Error *e)
{
    int start = c->bos;
    if (fields_token(f, "decoder_start_token_id", c->vocab_size, &start, e) != 0)
        return -1;
    c->bos = start;
    return fields_has(f, "bad_words_ids") ? read_bad_words(c, f, e) : 0;
}

int hf_read_marian(Config *c, Fields *f, Error *e)
{
    size_t target_size = 0;
    int pad = -1;
    c->kind = KIND_ENCODER_DECODER;
    c->vocab_size = 58101;
    c->max_len = 1024;
    c->d_model = 1024;
    c->encoder_layers = c->decoder_layers = 12;
    c->n_heads = 16;
    c->d_ff = 4096;
    c->norm = NORM_LAYERNORM;
    c->norm_position = NORM_POST;
    c->norm_eps = 1e-5; /* nn.LayerNorm's: config.json has none */
    c->position = POSITION_SINUSOIDAL;
    c->sinusoid_pairing = PAIRING_HALF;
    c->ffn = FFN_MLP;
    c->bias = c->output_bias = true;
    c->tie_embeddings = c->share_embeddings = true;
    c->embed_scale = false;
    c->eos = 0;
    if (fields_size(f, "vocab_size", 1, CONFIG_MAX_SIZE, &c->vocab_size, e) != 0 ||
        fields_size(f, "decoder_vocab_size", 1, CONFIG_MAX_SIZE, &target_size, e) != 0 ||
        fields_size(f, "max_position_embeddings", 1, CONFIG_MAX_SIZE, &c->max_len, e) != 0 ||
        fields_size(f, "d_model", 1, CONFIG_MAX_SIZE, &c->d_model, e) != 0 ||
        fields_size(f, "encoder_layers", 0, CONFIG_MAX_LAYERS, &c->encoder_layers, e) != 0 ||
        fields_size(f, "decoder_layers", 0, CONFIG_MAX_LAYERS, &c->decoder_layers, e) != 0 ||
        read_both(f, "encoder_attention_heads", "decoder_attention_heads", &c->n_heads, e) != 0 ||
        read_both(f, "encoder_ffn_dim", "decoder_ffn_dim", &c->d_ff, e) != 0 ||
        hf_read_activation(c, f, "activation_function", "gelu", e) != 0 || fields_bool(f, "scale_embedding", &c->embed_scale, e) != 0)
        return -1;
    if (fields_refuse_unless(f, "share_encoder_decoder_embeddings", true, _("two embeddings"), e) != 0 ||
        fields_refuse_unless(f, "tie_word_embeddings", true, _("an output head of its own"), e) != 0 ||
        fields_refuse_unless(f, "static_position_embeddings", true, _("learned positions"), e) != 0 ||
        fields_refuse_unless(f, "normalize_before", false, _("norms in front"), e) != 0 ||
        fields_refuse_unless(f, "normalize_embedding", false, _("a norm of the embeddings"), e) != 0 ||
        fields_refuse_unless(f, "add_final_layer_norm", false, _("a norm behind the last layer"), e) != 0 ||
        fields_refuse_unless(f, "is_encoder_decoder", true, _("a decoder alone"), e) != 0)
        return -1;
    if (target_size && target_size != c->vocab_size)
        return error_set(e, "%s: decoder_vocab_size: expected vocab_size (%zu), because the embedding is shared, found %zu", f->file,
                         c->vocab_size, target_size);
    if (c->d_model % c->n_heads != 0)
        return error_set(e, "%s: d_model: expected a multiple of encoder_attention_heads (%zu), found %zu", f->file, c->n_heads,
                         c->d_model);
    c->d_head = c->d_model / c->n_heads;
    c->n_kv_heads = c->n_heads;
    if (fields_ends(f, "eos_token_id", c, e) != 0 || fields_token(f, "pad_token_id", c->vocab_size, &pad, e) != 0)
        return -1;
    if (pad < 0 && c->vocab_size > 58100)
        pad = 58100;
    c->bos = pad; /* the decoder begins with padding; bos_token_id is not read */
    if (hf_read_translation(c, f, e) != 0)
        return -1;
    /* add_bias_logits says nothing: the library adds final_logits_bias always. num_hidden_layers is encoder_layers again. */
    fields_ignore(f,
                  (const char *const[]){"bos_token_id", "num_hidden_layers", "add_bias_logits", "extra_pos_embeddings", "encoder_layerdrop",
                                        "decoder_layerdrop", "activation_dropout", "classif_dropout", "init_std", "max_length", NULL});
    return 0;
}
