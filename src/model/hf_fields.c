/* hf_fields.c - a config.json's fields, each taken out as it is read, so that what is left is what nobody knew.
 *
 * Owns the list of fields that change no number in any architecture. */
#include "model/hf_internal.h"

#include "base/text.h"
#include "model/nearest.h"

#include <math.h>
#include <string.h>

/* Takes a field out: a reference of the caller's, or NULL where it is not there or null. */
static json_t *take(Fields *f, const char *name)
{
    json_t *value = json_incref(json_object_get(f->left, name));
    json_object_del(f->left, name);
    if (!json_is_null(value))
        return value;
    json_decref(value);
    return NULL;
}

static int unexpected(const Fields *f, const char *name, const char *expected, const json_t *value, Error *e)
{
    char found[FOUND_MAX];
    return error_set(e, "%s: %s%s: expected %s, found %s", f->file, f->path, name, expected, found_describe(value, found));
}

bool fields_has(const Fields *f, const char *name)
{
    const json_t *value = json_object_get(f->left, name);
    return value && !json_is_null(value);
}

int fields_size(Fields *f, const char *name, size_t least, size_t most, size_t *to, Error *e)
{
    json_t *value = take(f, name);
    char expected[80];
    int status = 0;
    if (!value)
        return 0;
    json_int_t n = json_integer_value(value);
    if (!json_is_integer(value) || n < (json_int_t)least || n > (json_int_t)most) {
        snprintf(expected, sizeof expected, _("an integer from %zu to %zu"), least, most);
        status = unexpected(f, name, expected, value, e);
    } else {
        *to = (size_t)n;
    }
    json_decref(value);
    return status;
}

int fields_number(Fields *f, const char *name, double *to, Error *e)
{
    json_t *value = take(f, name);
    int status = 0;
    if (!value)
        return 0;
    if (json_is_number(value) && isfinite(json_number_value(value)))
        *to = json_number_value(value);
    else
        status = unexpected(f, name, _("a number"), value, e);
    json_decref(value);
    return status;
}

int fields_bool(Fields *f, const char *name, bool *to, Error *e)
{
    json_t *value = take(f, name);
    int status = 0;
    if (!value)
        return 0;
    if (json_is_boolean(value))
        *to = json_is_true(value);
    else
        status = unexpected(f, name, _("true or false"), value, e);
    json_decref(value);
    return status;
}

int fields_text(Fields *f, const char *name, const char **to, Error *e)
{
    json_t *value = json_object_get(f->left, name);
    if (!value || json_is_null(value)) {
        json_object_del(f->left, name);
        return 0;
    }
    if (!json_is_string(value))
        return unexpected(f, name, _("a text"), value, e);
    *to = json_string_value(value);
    return 0;
}

/* An id below vocab_size into *to; one that is not, or -1, is none: true where there is one. */
static bool read_id(Fields *f, const char *name, const json_t *value, size_t vocab_size, int *to)
{
    json_int_t id = json_integer_value(value);
    if (id >= 0 && (size_t)id < vocab_size) {
        *to = (int)id;
        return true;
    }
    if (id != -1)
        buffer_printf(f->notes, _("%s: %s: counts as none, because it is not in the vocabulary of %zu tokens: %lld\n"), f->file, name,
                      vocab_size, (long long)id);
    return false;
}

int fields_token(Fields *f, const char *name, size_t vocab_size, int *to, Error *e)
{
    json_t *value = take(f, name);
    int status = 0;
    if (value && !json_is_integer(value))
        status = unexpected(f, name, _("an id"), value, e);
    else if (value)
        read_id(f, name, value, vocab_size, to);
    json_decref(value);
    return status;
}

int fields_ends(Fields *f, const char *name, Config *c, Error *e)
{
    json_t *value = take(f, name);
    size_t n = json_is_array(value) ? json_array_size(value) : value ? 1 : 0;
    int usual = c->eos, status = 0, id;
    if (n)
        c->end_count = 0;
    for (size_t i = 0, ids = 0; i < n && status == 0; i++) {
        const json_t *one = json_is_array(value) ? json_array_get(value, i) : value;
        if (!json_is_integer(one))
            status = unexpected(f, name, _("an id or an array of ids"), value, e);
        else if (read_id(f, name, one, c->vocab_size, &id) && ids++ == 0)
            c->eos = id;
        else if (ids > 1 && config_add_end(c, id) != 0)
            status = error_set(e, "%s: %s%s: expected at most %d ids, found %zu", f->file, f->path, name, CONFIG_MAX_ENDS + 1, n);
    }
    for (size_t i = 0; i < c->end_count; i++)
        if (c->ends[i] == usual) { /* what it was already stays the one that is put behind a text */
            c->ends[i] = c->eos;
            c->eos = usual;
        }
    json_decref(value);
    return status;
}

int fields_refuse_unless(Fields *f, const char *name, bool wanted, const char *why, Error *e)
{
    bool value = wanted;
    if (fields_bool(f, name, &value, e) != 0)
        return -1;
    if (value == wanted)
        return 0;
    return error_set(e, "%s: %s%s: expected %s, found %s: %s, which is not read here", f->file, f->path, name, wanted ? "true" : "false",
                     value ? "true" : "false", why);
}

void fields_ignore(Fields *f, const char *const *names)
{
    for (; *names; names++)
        json_object_del(f->left, *names);
}

/* Who wrote the file, what the sampler or the training does, what is for other programs: nothing that a pass computes. */
static const char *const harmless[] = {"architectures",
                                       "model_type",
                                       "transformers_version",
                                       "torch_dtype",
                                       "dtype",
                                       "_name_or_path",
                                       "name_or_path",
                                       "use_cache",
                                       "pad_token_id",
                                       "sep_token_id",
                                       "cls_token_id",
                                       "mask_token_id",
                                       "unk_token_id",
                                       "decoder_start_token_id",
                                       "forced_bos_token_id",
                                       "forced_eos_token_id",
                                       "initializer_range",
                                       "initializer_factor",
                                       "attention_dropout",
                                       "attention_probs_dropout_prob",
                                       "hidden_dropout",
                                       "hidden_dropout_prob",
                                       "dropout",
                                       "attn_pdrop",
                                       "embd_pdrop",
                                       "resid_pdrop",
                                       "resid_dropout",
                                       "classifier_dropout",
                                       "layerdrop",
                                       "pretraining_tp",
                                       "gradient_checkpointing",
                                       "output_attentions",
                                       "output_hidden_states",
                                       "output_past",
                                       "return_dict",
                                       "return_dict_in_generate",
                                       "output_scores",
                                       "torchscript",
                                       "use_bfloat16",
                                       "tf_legacy_loss",
                                       "chunk_size_feed_forward",
                                       "is_encoder_decoder",
                                       "is_decoder",
                                       "cross_attention_hidden_size",
                                       "tie_encoder_decoder",
                                       "type_vocab_size", /* BERT's, who has read it */
                                       "finetuning_task",
                                       "task_specific_params",
                                       "problem_type",
                                       "id2label",
                                       "label2id",
                                       "num_labels",
                                       "_num_labels",
                                       "tokenizer_class",
                                       "prefix",
                                       "summary_type",
                                       "summary_use_proj",
                                       "summary_activation",
                                       "summary_proj_to_labels",
                                       "summary_first_dropout",
                                       "temperature",
                                       "top_k",
                                       "top_p",
                                       "typical_p",
                                       "repetition_penalty",
                                       "length_penalty",
                                       "diversity_penalty",
                                       "max_length",
                                       "min_length",
                                       "max_new_tokens",
                                       "num_beams",
                                       "num_beam_groups",
                                       "num_return_sequences",
                                       "no_repeat_ngram_size",
                                       "encoder_no_repeat_ngram_size",
                                       "early_stopping",
                                       "do_sample",
                                       "bad_words_ids",
                                       "suppress_tokens",
                                       "begin_suppress_tokens",
                                       "remove_invalid_values",
                                       "exponential_decay_length_penalty",
                                       "neftune_noise_alpha",
                                       "_attn_implementation",
                                       "_attn_implementation_autoset",
                                       "attn_implementation",
                                       "_attn_implementation_internal",
                                       "_flash_attn_2_enabled",
                                       "transformers.js_config",
                                       "unsloth_version",
                                       "unsloth_fixed",
                                       "use_reentrant",
                                       "onnx_opset",
                                       "is_llama_config",
                                       "_from_model_config",
                                       "model_max_length",
                                       "max_sequence_length",
                                       "default_prompt",
                                       "license",
                                       "auto_map",
                                       NULL};

enum { SAID_MAX = 8 };

void fields_finish(Fields *f)
{
    const char *name;
    json_t *value;
    char quoted[QUOTE_SHORT];
    if (!f->path[0])
        fields_ignore(f, harmless);
    size_t left = 0;
    json_object_foreach(f->left, name, value)
    {
        if (!json_is_null(value) && left++ < SAID_MAX) /* null is how a class writes what it has not */
            buffer_printf(f->notes, _("%s: %s%s: not known here: the numbers may differ\n"), f->file, f->path,
                          quote_short(name, strlen(name), quoted));
    }
    if (left > SAID_MAX)
        buffer_printf(f->notes,
                      ngettext("%s: and %zu more field that is not known here\n", "%s: and %zu more fields that are not known here\n",
                               left - SAID_MAX),
                      f->file, left - SAID_MAX);
}
