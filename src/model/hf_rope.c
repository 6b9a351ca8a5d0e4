/* hf_rope.c - RoPE's fields of a Hugging Face config.json: rope_theta, and the object rope_scaling, whose newer name is rope_parameters.
 *
 * Owns what they mean, and which kinds of scaling are read: those of the transformers library's modeling_rope_utils.py but longrope. How
 * fast they turn is pass/rope.h's. */
#include "model/hf_internal.h"

#include "base/text.h"
#include "model/nearest.h"

#include <math.h>
#include <string.h>

static int missing(const Fields *f, const char *name, const char *type, Error *e)
{
    return error_set(e, "%s: %s%s: expected a value, because rope_type is %s, found none", f->file, f->path, name, type);
}

/* mscale as YaRN has it: how much longer queries and keys become for a factor. */
static double yarn_mscale(double factor, double mscale)
{
    return factor <= 1 ? 1 : 0.1 * mscale * log(factor) + 1;
}

/* YaRN's own fields. The attention factor is given, or follows from mscale and mscale_all_dim, or from the factor alone. */
static int read_yarn(Config *c, Fields *f, bool has_factor, Error *e)
{
    double mscale = 0, all = 0;
    bool has_original = fields_has(f, "original_max_position_embeddings");
    c->rope_original_len = c->max_len;
    if (fields_size(f, "original_max_position_embeddings", 1, CONFIG_MAX_SIZE, &c->rope_original_len, e) != 0 ||
        fields_number(f, "beta_fast", &c->rope_beta_fast, e) != 0 || fields_number(f, "beta_slow", &c->rope_beta_slow, e) != 0 ||
        fields_number(f, "attention_factor", &c->rope_attention_factor, e) != 0 || fields_number(f, "mscale", &mscale, e) != 0 ||
        fields_number(f, "mscale_all_dim", &all, e) != 0 || fields_bool(f, "truncate", &c->rope_truncate, e) != 0)
        return -1;
    if (!has_factor && !has_original)
        return missing(f, "factor", "yarn", e);
    if (!has_factor)
        c->rope_factor = (double)c->max_len / (double)c->rope_original_len;
    if (c->rope_attention_factor == 0 && mscale != 0 && all != 0)
        c->rope_attention_factor = yarn_mscale(c->rope_factor, mscale) / yarn_mscale(c->rope_factor, all);
    return 0;
}

static int read_rope_type(Config *c, Fields *f, double *rotated, Error *e)
{
    const char *type = "default", *older = NULL;
    char quoted[QUOTE_SHORT];
    bool has_factor = fields_has(f, "factor"), has_original = fields_has(f, "original_max_position_embeddings");
    if (fields_text(f, "type", &older, e) != 0)
        return -1;
    type = older ? older : type;
    if (fields_text(f, "rope_type", &type, e) != 0 || fields_number(f, "rope_theta", &c->rope_theta, e) != 0)
        return -1;
    double part = rotated ? *rotated : 1;
    if (fields_number(f, "partial_rotary_factor", &part, e) != 0)
        return -1;
    if (rotated)
        *rotated = part;
    else if (part != 1)
        return error_set(e, "%s: %spartial_rotary_factor: expected 1, found %g: a Llama turns whole heads", f->file, f->path, part);
    if (strcmp(type, "default") == 0) {
        c->rope_scaling = ROPE_SCALING_NONE;
    } else if (strcmp(type, "linear") == 0) {
        c->rope_scaling = ROPE_SCALING_LINEAR;
    } else if (strcmp(type, "dynamic") == 0) {
        c->rope_scaling = ROPE_SCALING_DYNAMIC;
        c->rope_original_len = c->max_len; /* as the library has it: the other field is not read */
        fields_ignore(f, (const char *const[]){"original_max_position_embeddings", NULL});
    } else if (strcmp(type, "llama3") == 0) {
        c->rope_scaling = ROPE_SCALING_LLAMA3;
        if (!has_original)
            return missing(f, "original_max_position_embeddings", type, e);
        if (!fields_has(f, "low_freq_factor") || !fields_has(f, "high_freq_factor"))
            return missing(f, fields_has(f, "low_freq_factor") ? "high_freq_factor" : "low_freq_factor", type, e);
        if (fields_size(f, "original_max_position_embeddings", 1, CONFIG_MAX_SIZE, &c->rope_original_len, e) != 0 ||
            fields_number(f, "low_freq_factor", &c->rope_low_freq_factor, e) != 0 ||
            fields_number(f, "high_freq_factor", &c->rope_high_freq_factor, e) != 0)
            return -1;
    } else if (strcmp(type, "yarn") == 0) {
        c->rope_scaling = ROPE_SCALING_YARN;
    } else {
        return error_set(e, "%s: %srope_type: expected default, linear, dynamic, llama3 or yarn, found %s, which is not read here", f->file,
                         f->path, quote_short(type, strlen(type), quoted));
    }
    if (fields_number(f, "factor", &c->rope_factor, e) != 0)
        return -1;
    if (c->rope_scaling != ROPE_SCALING_NONE && c->rope_scaling != ROPE_SCALING_YARN && !has_factor)
        return missing(f, "factor", type, e);
    if (c->rope_scaling == ROPE_SCALING_YARN && read_yarn(c, f, has_factor, e) != 0)
        return -1;
    fields_ignore(f, (const char *const[]){"type", "rope_type", NULL});
    return 0;
}

/* A model with several kinds of layers has an object for each of them. */
static int check_one_rope(const Fields *f, Error *e)
{
    const char *name;
    json_t *value;
    char quoted[QUOTE_SHORT], found[FOUND_MAX];
    json_object_foreach(f->left, name, value)
    {
        if (json_is_object(value))
            return error_set(e, "%s: %s%s: expected the same turns in all layers, found %s", f->file, f->path,
                             quote_short(name, strlen(name), quoted), found_describe(value, found));
    }
    return 0;
}

int hf_read_rope(Config *c, Fields *f, double *rotated, Error *e)
{
    static const char *const names[] = {"rope_scaling", "rope_parameters"};
    char found[FOUND_MAX], path[24];
    if (fields_number(f, "rope_theta", &c->rope_theta, e) != 0)
        return -1;
    for (int i = 0; i < 2; i++) {
        json_t *object = json_incref(json_object_get(f->left, names[i]));
        json_object_del(f->left, names[i]);
        if (i == 0 && json_object_size(object) > 0) { /* the library reads the newer one only where there is no older one */
            if (fields_has(f, names[1]) && !json_equal(object, json_object_get(f->left, names[1])))
                buffer_printf(f->notes, _("%s: %s: is not read, because there is %s too, and they differ\n"), f->file, names[1], names[0]);
            json_object_del(f->left, names[1]);
        }
        snprintf(path, sizeof path, "%s.", names[i]);
        Fields rope = {object, f->file, path, f->notes};
        int status = 0;
        if (json_is_object(object)) {
            status = read_rope_type(c, &rope, rotated, e) == 0 ? check_one_rope(&rope, e) : -1;
            if (status == 0)
                fields_finish(&rope);
        } else if (object && !json_is_null(object)) {
            status = error_set(e, "%s: %s: expected an object, found %s", f->file, names[i], found_describe(object, found));
        }
        json_decref(object);
        if (status != 0)
            return -1;
    }
    return 0;
}
