/* config_json.c - config.json read, and `random:KEY=VALUE,…`.
 *
 * Owns how a config is spelt. Knows the keys only through config_keys. `random:` is turned into the same
 * JSON object that a file would give, so that both have one reader. */
#include "base/text.h"
#include "model/config.h"
#include "model/config_keys.h"
#include "model/found.h"
#include "model/nearest.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

/* "relu", "gelu", "gelu_tanh" or "silu" */
static const char *describe_choices(const char *const *names, char out[FOUND_MAX])
{
    size_t used = 0;
    out[0] = '\0';
    for (size_t i = 0; names[i] && used < FOUND_MAX; i++) {
        const char *between = i == 0 ? "" : names[i + 1] ? ", " : " or ";
        int n = snprintf(out + used, FOUND_MAX - used, "%s\"%s\"", between, names[i]);
        used += n > 0 ? (size_t)n : 0;
    }
    return out;
}

/* ---- reading ---- */

static int read_size(size_t *to, const ConfigKey *key, const json_t *value, const char *file, Error *e)
{
    char found[FOUND_MAX];
    /* Two sizes follow from the others unless they are given. */
    bool can_follow = strcmp(key->name, "n_kv_heads") == 0 || strcmp(key->name, "d_head") == 0;
    if (can_follow && json_is_null(value)) {
        *to = 0;
        return 0;
    }
    size_t least = can_follow ? 0 : key->least;
    json_int_t n = json_integer_value(value);
    if (!json_is_integer(value) || n < (json_int_t)least || n > (json_int_t)key->most)
        return error_set(e, "%s: %s: expected an integer from %zu to %zu, found %s", file, key->name, least, key->most,
                         found_describe(value, found));
    *to = (size_t)n;
    return 0;
}

static int read_choice(void *to, const ConfigKey *key, const json_t *value, const char *file, Error *e)
{
    _Static_assert(sizeof(ModelKind) == sizeof(int) && sizeof(SplitKind) == sizeof(int), "an enum's value is copied as an int");
    const char *text = json_string_value(value);
    for (int i = 0; text && key->choices[i]; i++)
        if (strcmp(text, key->choices[i]) == 0) {
            memcpy(to, &i, sizeof i);
            return 0;
        }
    char choices[FOUND_MAX], found[FOUND_MAX];
    return error_set(e, "%s: %s: expected %s, found %s", file, key->name, describe_choices(key->choices, choices),
                     found_describe(value, found));
}

static int read_key(Config *c, const ConfigKey *key, const json_t *value, const char *file, Error *e)
{
    char *field = (char *)c + key->offset, found[FOUND_MAX];
    switch (key->type) {
    case KEY_SIZE:
        return read_size((size_t *)(void *)field, key, value, file, e);
    case KEY_CHOICE:
        return read_choice(field, key, value, file, e);
    case KEY_NUMBER:
        if (!json_is_number(value))
            return error_set(e, "%s: %s: expected a number, found %s", file, key->name, found_describe(value, found));
        *(double *)(void *)field = json_number_value(value);
        return 0;
    case KEY_BOOL:
        if (!json_is_boolean(value))
            return error_set(e, "%s: %s: expected true or false, found %s", file, key->name, found_describe(value, found));
        *(bool *)field = json_is_true(value);
        return 0;
    case KEY_SWITCH:
        if (!json_is_boolean(value) && !json_is_null(value))
            return error_set(e, "%s: %s: expected true or false, found %s", file, key->name, found_describe(value, found));
        *(Switch *)(void *)field = json_is_null(value) ? SWITCH_UNSET : json_is_true(value) ? SWITCH_ON : SWITCH_OFF;
        return 0;
    }
    return 0;
}

/* Several end tokens: the first is eos. */
static int read_ends(Config *c, const json_t *array, const char *file, Error *e)
{
    char found[FOUND_MAX];
    for (size_t i = 0; i < json_array_size(array); i++) {
        const json_t *value = json_array_get(array, i);
        json_int_t id = json_integer_value(value);
        if (!json_is_integer(value) || id < 0 || id >= CONFIG_MAX_SIZE)
            return error_set(e, "%s: tokens.eos: expected ids, found %s", file, found_describe(value, found));
        if (i == 0)
            c->eos = (int)id;
        else if (config_add_end(c, (int)id) != 0)
            return error_set(e, "%s: tokens.eos: expected at most %d ids, found %zu", file, CONFIG_MAX_ENDS + 1, json_array_size(array));
    }
    return 0;
}

static int read_token(Config *c, const char *name, const json_t *value, const char *file, Error *e)
{
    char quoted[QUOTE_SHORT], found[FOUND_MAX], hint[NEAREST_HINT];
    Nearest near = nearest_to(name, strlen(name));
    for (int i = 0; i < TOKEN_COUNT; i++) {
        SpecialToken which = (SpecialToken)i;
        nearest_offer(&near, config_token_name(which));
        if (strcmp(name, config_token_name(which)) != 0)
            continue;
        json_int_t id = json_integer_value(value);
        if (json_is_null(value))
            return 0;
        if (which == TOKEN_EOS && json_array_size(value) > 0)
            return read_ends(c, value, file, e);
        if (json_is_string(value) && json_string_length(value) > 0) {
            c->token_texts[which] = strdup(json_string_value(value));
            return c->token_texts[which] ? 0 : error_memory(e, file);
        }
        if (!json_is_integer(value) || id < 0 || id >= CONFIG_MAX_SIZE)
            return error_set(e, "%s: tokens.%s: expected an id or a token's text, found %s", file, name, found_describe(value, found));
        *config_token(c, which) = (int)id;
        return 0;
    }
    return error_set(e, "%s: tokens: expected only bos, eos, pad, mask and unk, found %s%s", file, quote_short(name, strlen(name), quoted),
                     nearest_hint(&near, hint));
}

/* d_model must be known. */
static int read_dimensions(Config *c, const json_t *value, const char *file, Error *e)
{
    char found[FOUND_MAX];
    if (!json_is_array(value))
        return error_set(e, "%s: dimensions: expected an array of names, found %s", file, found_describe(value, found));
    if (json_array_size(value) != c->d_model)
        return error_set(e, "%s: dimensions: expected %zu names, one for each of d_model, found %zu", file, c->d_model,
                         json_array_size(value));
    c->dim_names = calloc(c->d_model, sizeof *c->dim_names);
    if (!c->dim_names)
        return error_memory(e, file);
    for (size_t i = 0; i < c->d_model; i++) {
        const json_t *name = json_array_get(value, i);
        if (!json_is_string(name) || json_string_length(name) == 0)
            return error_set(e, "%s: dimensions: expected a name at place %zu, found %s", file, i, found_describe(name, found));
        c->dim_names[i] = strdup(json_string_value(name));
        if (!c->dim_names[i])
            return error_memory(e, file);
    }
    return 0;
}

static int read_example(Config *c, const json_t *value, const char *file, Error *e)
{
    char found[FOUND_MAX];
    if (json_is_null(value))
        return 0;
    if (!json_is_string(value))
        return error_set(e, "%s: example: expected a text, found %s", file, found_describe(value, found));
    c->example = strdup(json_string_value(value));
    return c->example ? 0 : error_memory(e, file);
}

static const ConfigKey *find_key(const char *name)
{
    const ConfigKey *key = config_keys;
    while (key->name && strcmp(key->name, name) != 0)
        key++;
    return key->name ? key : NULL;
}

static int unknown_key(const char *name, const char *file, Error *e)
{
    char quoted[QUOTE_SHORT], hint[NEAREST_HINT];
    Nearest near = nearest_to(name, strlen(name));
    for (const ConfigKey *key = config_keys; key->name; key++)
        nearest_offer(&near, key->name);
    nearest_offer(&near, "tokens");
    nearest_offer(&near, "dimensions");
    nearest_offer(&near, "example");
    return error_set(e, "%s: %s: expected a key of stepformer's config, found an unknown one%s", file,
                     quote_short(name, strlen(name), quoted), nearest_hint(&near, hint));
}

/* Fills c, whose defaults are set, from a JSON object. */
static int read_object(Config *c, json_t *object, const char *file, Error *e)
{
    const char *name;
    json_t *value;
    json_t *tokens = json_object_get(object, "tokens"), *dimensions = json_object_get(object, "dimensions");
    char found[FOUND_MAX];
    c->n_kv_heads = c->d_head = 0; /* not given */
    json_object_foreach(object, name, value)
    {
        const ConfigKey *key = find_key(name);
        if (strcmp(name, "tokens") == 0 || strcmp(name, "dimensions") == 0)
            continue; /* below: they need the sizes */
        if (strcmp(name, "example") == 0) {
            if (read_example(c, value, file, e) != 0)
                return -1;
            continue;
        }
        if (!key)
            return unknown_key(name, file, e);
        if (read_key(c, key, value, file, e) != 0)
            return -1;
    }
    if (tokens && !json_is_null(tokens)) {
        if (!json_is_object(tokens))
            return error_set(e, "%s: tokens: expected an object such as {\"bos\": 0}, found %s", file, found_describe(tokens, found));
        json_object_foreach(tokens, name, value)
        {
            if (read_token(c, name, value, file, e) != 0)
                return -1;
        }
    }
    if (c->n_kv_heads == 0)
        c->n_kv_heads = c->n_heads;
    if (c->d_head == 0) {
        if (c->d_model < c->n_heads)
            return error_set(e, "%s: d_head: expected a value, because d_model / n_heads (%zu / %zu) is below 1; found none", file,
                             c->d_model, c->n_heads);
        c->d_head = c->d_model / c->n_heads;
    }
    if (dimensions && !json_is_null(dimensions) && read_dimensions(c, dimensions, file, e) != 0)
        return -1;
    return config_check(c, file, e);
}

static int read_whole(Config *c, json_t *object, const char *file, Error *e)
{
    Config new = config_default();
    if (read_object(&new, object, file, e) != 0) {
        config_free(&new);
        return -1;
    }
    *c = new;
    return 0;
}

int config_read(Config *c, const char *text, size_t n, const char *file, Error *e)
{
    char found[FOUND_MAX];
    if (n > CONFIG_MAX_TEXT)
        return error_set(e, "%s: expected at most %d bytes, found %zu", file, CONFIG_MAX_TEXT, n);
    json_t *root = found_json(text, n, JSON_REJECT_DUPLICATES, file, e);
    if (!root)
        return -1;
    int status = json_is_object(root) ? read_whole(c, root, file, e)
                                      : error_set(e, "%s: expected an object {\"kind\": …}, found %s", file, found_describe(root, found));
    json_decref(root);
    return status;
}

/* ---- random:KEY=VALUE,… ---- */

/* The JSON value that text stands for: a number, true, false or null, or else a string; a new reference. */
static json_t *value_of(const char *text, size_t n)
{
    json_t *value = json_loadb(text, n, JSON_DECODE_ANY, NULL);
    if (value && !json_is_array(value) && !json_is_object(value))
        return value;
    json_decref(value);
    return json_stringn(text, n);
}

static void trim(const char **s, size_t *n)
{
    while (*n && **s == ' ') {
        (*s)++;
        (*n)--;
    }
    while (*n && (*s)[*n - 1] == ' ')
        (*n)--;
}

/* Adds one "KEY=VALUE", length n, to object; the special tokens go to its "tokens". */
static int add_pair(json_t *object, const char *pair, size_t n, unsigned long *seed, Error *e)
{
    char quoted[QUOTE_SHORT], name[64], found[FOUND_MAX];
    const char *equals = memchr(pair, '=', n);
    if (!equals)
        return error_set(e, "random: %s: expected KEY=VALUE, such as d_model=16", quote_short(pair, n, quoted));
    const char *key = pair, *text = equals + 1;
    size_t key_len = (size_t)(equals - pair), text_len = n - key_len - 1;
    trim(&key, &key_len);
    trim(&text, &text_len);
    if (key_len == 0 || key_len >= sizeof name)
        return error_set(e, "random: expected a key of stepformer's config, found %s", quote_short(key, key_len, quoted));
    memcpy(name, key, key_len);
    name[key_len] = '\0';
    json_t *to = object;
    for (int i = 0; i < TOKEN_COUNT; i++)
        if (strcmp(name, config_token_name((SpecialToken)i)) == 0)
            to = json_object_get(object, "tokens");
    if (strcmp(name, "tokens") == 0 || strcmp(name, "dimensions") == 0 || strcmp(name, "example") == 0)
        return error_set(e, "random: %s: expected a key that has one value, found this one; it can only stand in a config.json", name);
    if (json_object_get(to, name))
        return error_set(e, "random: %s: expected once, found twice", name);
    json_t *value = value_of(text, text_len);
    if (!value)
        return error_set(e, "random: %s: expected a value in UTF-8, found %s", name, quote_short(text, text_len, quoted));
    if (strcmp(name, "seed") == 0) {
        if (!json_is_integer(value) || json_integer_value(value) < 0) {
            error_set(e, "random: seed: expected an integer of at least 0, found %s", found_describe(value, found));
            json_decref(value);
            return -1;
        }
        *seed = (unsigned long)json_integer_value(value);
    }
    if (json_object_set_new(to, name, value) != 0)
        return error_set(e, "random: %s: expected a key in UTF-8", quote_short(name, key_len, quoted));
    return 0;
}

static int add_pairs(json_t *object, const char *text, unsigned long *seed, Error *e)
{
    if (text[strspn(text, " ")] == '\0')
        return 0;
    for (;;) {
        size_t n = strcspn(text, ",");
        if (add_pair(object, text, n, seed, e) != 0)
            return -1;
        if (text[n] == '\0')
            return 0;
        text += n + 1;
    }
}

int config_parse(Config *c, const char *text, unsigned long *seed, Error *e)
{
    json_t *object = json_pack("{s:{}}", "tokens");
    int status = -1;
    if (!object)
        error_memory(e, "random:");
    else if (add_pairs(object, text, seed, e) == 0) {
        json_object_del(object, "seed");
        status = read_whole(c, object, "random", e);
    }
    json_decref(object);
    if (status == 0)
        for (int i = 0; i < TOKEN_COUNT; i++)
            if (c->token_texts[i]) {
                char quoted[QUOTE_SHORT];
                error_set(e, "random: %s: expected an id, because a random model has no token texts, found %s",
                          config_token_name((SpecialToken)i), quote_short(c->token_texts[i], strlen(c->token_texts[i]), quoted));
                config_free(c);
                return -1;
            }
    return status;
}
