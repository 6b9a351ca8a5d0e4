/* recipe.c - reads a recipe, strictly.
 *
 * Owns the spelling of its keys. */
#include "train/recipe.h"

#include "base/file.h"
#include "base/text.h"
#include "model/found.h"
#include "model/nearest.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

enum { RECIPE_MAX_TEXT = 1 << 20 };

typedef enum { KEY_COUNT, KEY_SEED, KEY_NUMBER, KEY_BOOL, KEY_TEXT, KEY_INIT, KEY_ABLATIONS, KEY_CONFIG, KEY_CHANGES } KeyType;

typedef struct RecipeKey {
    const char *name;
    size_t offset; /* of the field in Recipe */
    KeyType type;
    double least, most; /* of a count or a number */
} RecipeKey;

#define FIELD(x) offsetof(Recipe, x)
#define CHANGES "lr_changes"

static const RecipeKey recipe_keys[] = {
    {"task", FIELD(task), KEY_TEXT, 0, 0},
    {"text", FIELD(text), KEY_TEXT, 0, 0},
    {"config", FIELD(config), KEY_CONFIG, 0, 0},
    {"ablations", FIELD(ablations), KEY_ABLATIONS, 0, 0},
    {"data_seed", FIELD(data_seed), KEY_SEED, 0, 0},
    {"weight_seed", FIELD(init.seed), KEY_SEED, 0, 0},
    {"init", FIELD(init.kind), KEY_INIT, 0, 0},
    {"init_std", FIELD(init.deviation), KEY_NUMBER, 0, 10},
    {"scale_residuals", FIELD(init.scale_residuals), KEY_BOOL, 0, 0},
    {"steps", FIELD(schedule.steps), KEY_COUNT, 1, 1e9},
    {"batch", FIELD(batch), KEY_COUNT, 1, 65536},
    {"length", FIELD(length), KEY_COUNT, 2, 65536},
    {"difficulty", FIELD(difficulty), KEY_COUNT, 0, 65536},
    {"pad_batch", FIELD(pad_batch), KEY_BOOL, 0, 0},
    {"lr", FIELD(schedule.lr), KEY_NUMBER, 0, 1e3},
    {"lr_end", FIELD(schedule.lr_end), KEY_NUMBER, 0, 1e3},
    {"warmup", FIELD(schedule.warmup), KEY_COUNT, 0, 1e9},
    {CHANGES, FIELD(schedule), KEY_CHANGES, 0, 1e6},
    {"beta1", FIELD(adamw.beta1), KEY_NUMBER, 0, 0.999999},
    {"beta2", FIELD(adamw.beta2), KEY_NUMBER, 0, 0.999999},
    {"eps", FIELD(adamw.eps), KEY_NUMBER, 1e-16, 1},
    {"weight_decay", FIELD(adamw.weight_decay), KEY_NUMBER, 0, 1e3},
    {"clip", FIELD(clip), KEY_NUMBER, 0, 1e9},
    {"dropout", FIELD(dropout), KEY_NUMBER, 0, 0.95},
    {"label_smoothing", FIELD(label_smoothing), KEY_NUMBER, 0, 0.95},
    {"eval_every", FIELD(eval_every), KEY_COUNT, 0, 1e9},
    {"eval_examples", FIELD(eval_examples), KEY_COUNT, 1, 1e6},
    {"save_every", FIELD(save_every), KEY_COUNT, 1, 1e9},
};

enum { KEYS = sizeof recipe_keys / sizeof *recipe_keys };

static Recipe recipe_default(void)
{
    return (Recipe){
        .config = config_default(),
        .batch = 32,
        .length = 64,
        .schedule = {.lr = 1e-3, .lr_end = 0, .warmup = 100, .steps = 1000},
        .adamw = {.beta1 = 0.9, .beta2 = 0.999, .eps = 1e-8, .weight_decay = 0.01},
        .clip = 1,
        .init = {.kind = INIT_XAVIER, .deviation = 0.02, .seed = 1},
        .data_seed = 1,
        .eval_every = 200,
        .eval_examples = 200,
        .save_every = 500,
    };
}

void recipe_free(Recipe *r)
{
    config_free(&r->config);
    free(r->task);
    free(r->text);
    free(r->source);
    *r = (Recipe){0};
}

/* ---- one key ---- */

static int read_count(void *to, const RecipeKey *key, const json_t *value, const char *file, Error *e)
{
    char found[FOUND_MAX];
    json_int_t n = json_integer_value(value);
    if (!json_is_integer(value) || (double)n < key->least || (double)n > key->most)
        return error_set(e, "%s: %s: expected an integer from %.0f to %.0f, found %s", file, key->name, key->least, key->most,
                         found_describe(value, found));
    *(size_t *)to = (size_t)n;
    return 0;
}

static int read_seed(void *to, const RecipeKey *key, const json_t *value, const char *file, Error *e)
{
    char found[FOUND_MAX];
    if (!json_is_integer(value) || json_integer_value(value) < 0)
        return error_set(e, "%s: %s: expected an integer of at least 0, found %s", file, key->name, found_describe(value, found));
    *(uint64_t *)to = (uint64_t)json_integer_value(value);
    return 0;
}

static int read_number(void *to, const RecipeKey *key, const json_t *value, const char *file, Error *e)
{
    char found[FOUND_MAX];
    double x = json_number_value(value);
    if (!json_is_number(value) || !(x >= key->least && x <= key->most))
        return error_set(e, "%s: %s: expected a number from %g to %g, found %s", file, key->name, key->least, key->most,
                         found_describe(value, found));
    *(double *)to = x;
    return 0;
}

static int read_bool(void *to, const RecipeKey *key, const json_t *value, const char *file, Error *e)
{
    char found[FOUND_MAX];
    if (!json_is_boolean(value))
        return error_set(e, "%s: %s: expected true or false, found %s", file, key->name, found_describe(value, found));
    *(bool *)to = json_is_true(value);
    return 0;
}

static int read_text(void *to, const RecipeKey *key, const json_t *value, const char *file, Error *e)
{
    char found[FOUND_MAX];
    if (!json_is_string(value) || json_string_length(value) == 0)
        return error_set(e, "%s: %s: expected a text, found %s", file, key->name, found_describe(value, found));
    char *copy = strdup(json_string_value(value));
    if (!copy)
        return error_memory(e, file);
    *(char **)to = copy;
    return 0;
}

static int read_init(void *to, const RecipeKey *key, const json_t *value, const char *file, Error *e)
{
    char found[FOUND_MAX];
    const char *name = json_is_string(value) ? json_string_value(value) : "";
    bool xavier = strcmp(name, "xavier") == 0;
    if (!xavier && strcmp(name, "normal") != 0)
        return error_set(e, "%s: %s: expected \"xavier\" or \"normal\", found %s", file, key->name, found_describe(value, found));
    *(InitKind *)to = xavier ? INIT_XAVIER : INIT_NORMAL;
    return 0;
}

static int read_ablations(void *to, const RecipeKey *key, const json_t *value, const char *file, Error *e)
{
    char found[FOUND_MAX];
    Ablations all = 0, one;
    if (!json_is_array(value))
        return error_set(e, "%s: %s: expected an array such as [\"no-residual\"], found %s", file, key->name, found_describe(value, found));
    for (size_t i = 0; i < json_array_size(value); i++) {
        const json_t *name = json_array_get(value, i);
        if (!json_is_string(name) || json_string_length(name) == 0)
            return error_set(e, "%s: %s: expected the name of an ablation at place %zu, found %s", file, key->name, i + 1,
                             found_describe(name, found));
        if (ablations_parse(&one, json_string_value(name), e) != 0)
            return error_prefix(e, "%s: %s", file, key->name);
        all |= one;
    }
    *(Ablations *)to = all;
    return 0;
}

static int read_config(void *to, const RecipeKey *key, const json_t *value, const char *file, Error *e)
{
    char found[FOUND_MAX], place[512];
    if (!json_is_object(value))
        return error_set(e, "%s: %s: expected an object such as {\"d_model\": 32}, found %s", file, key->name,
                         found_describe(value, found));
    char *text = json_dumps(value, 0);
    if (!text)
        return error_memory(e, file);
    snprintf(place, sizeof place, "%s: %s", file, key->name);
    Config c;
    int status = config_read(&c, text, strlen(text), place, e);
    free(text);
    if (status == 0) {
        config_free(to);
        *(Config *)to = c;
    }
    return status;
}

/* [[step, factor], …], by step. */
static int read_changes(void *to, const RecipeKey *key, const json_t *value, const char *file, Error *e)
{
    Schedule *s = to;
    char found[FOUND_MAX];
    if (!json_is_array(value) || json_array_size(value) > SCHEDULE_CHANGES)
        return error_set(e, "%s: %s: expected at most %d changes such as [[100, 2]], twice the rate from step 100 on, found %s", file, key->name,
                         SCHEDULE_CHANGES, found_describe(value, found));
    for (size_t i = 0; i < json_array_size(value); i++) {
        const json_t *pair = json_array_get(value, i), *step = json_array_get(pair, 0), *factor = json_array_get(pair, 1);
        json_int_t at = json_integer_value(step), least = i ? (json_int_t)s->changes[i - 1].step + 1 : 0;
        double x = json_number_value(factor);
        if (json_array_size(pair) != 2 || !json_is_integer(step) || at < least || at > 1000000000)
            return error_set(e, "%s: %s: expected [step, factor] with a step of at least %lld at place %zu, found %s", file, key->name,
                             (long long)least, i + 1, found_describe(pair, found));
        if (!json_is_number(factor) || !(x >= key->least && x <= key->most))
            return error_set(e, "%s: %s: expected a factor from %g to %g at place %zu, found %s", file, key->name, key->least, key->most, i + 1,
                             found_describe(factor, found));
        s->changes[i] = (ScheduleChange){(size_t)at, x};
        s->change_count = i + 1;
    }
    return 0;
}

static int read_key(Recipe *r, const RecipeKey *key, const json_t *value, const char *file, Error *e)
{
    static int (*const readers[])(void *, const RecipeKey *, const json_t *, const char *, Error *) = {
        [KEY_COUNT] = read_count, [KEY_SEED] = read_seed, [KEY_NUMBER] = read_number,       [KEY_BOOL] = read_bool,
        [KEY_TEXT] = read_text,   [KEY_INIT] = read_init, [KEY_ABLATIONS] = read_ablations, [KEY_CONFIG] = read_config,
        [KEY_CHANGES] = read_changes};
    return readers[key->type]((char *)r + key->offset, key, value, file, e);
}

/* ---- the whole ---- */

static int unknown_key(const char *name, const char *file, Error *e)
{
    char quoted[QUOTE_SHORT], hint[NEAREST_HINT];
    Nearest near = nearest_to(name, strlen(name));
    for (int i = 0; i < KEYS; i++)
        nearest_offer(&near, recipe_keys[i].name);
    return error_set(e, "%s: %s: expected a key of a recipe, found an unknown one%s", file, quote_short(name, strlen(name), quoted),
                     nearest_hint(&near, hint));
}

/* What the keys mean together. */
static int check(const Recipe *r, const char *file, Error *e)
{
    if (!r->task)
        return error_set(e, "%s: task: expected the name of a task, found none", file);
    if (strcmp(r->task, "text") == 0 && !r->text)
        return error_set(e, "%s: text: expected a file, because the task is \"text\", found none", file);
    if (strcmp(r->task, "text") != 0 && r->text)
        return error_set(e, "%s: text: expected no file, because the task is \"%s\", found one", file, r->task);
    if (r->schedule.warmup > r->schedule.steps)
        return error_set(e, "%s: warmup: expected at most steps (%zu), found %zu", file, r->schedule.steps, r->schedule.warmup);
    if (r->schedule.lr_end > r->schedule.lr)
        return error_set(e, "%s: lr_end: expected at most lr (%g), found %g", file, r->schedule.lr, r->schedule.lr_end);
    if ((r->ablations & NO_MASK) && r->config.kind != KIND_ENCODER)
        return error_set(e, "%s: ablations: expected some to train without, found no-mask: the decoder would be shown the answer", file);
    return 0;
}

static int read_object(Recipe *r, json_t *object, const char *file, Error *e)
{
    const char *name;
    json_t *value;
    json_object_foreach(object, name, value)
    {
        const RecipeKey *key = NULL;
        for (int i = 0; i < KEYS && !key; i++)
            if (strcmp(recipe_keys[i].name, name) == 0)
                key = &recipe_keys[i];
        if (!key)
            return unknown_key(name, file, e);
        if (read_key(r, key, value, file, e) != 0)
            return -1;
    }
    if (!json_object_get(object, "warmup") && r->schedule.warmup > r->schedule.steps / 10)
        r->schedule.warmup = r->schedule.steps / 10;
    return check(r, file, e);
}

/* A path in a recipe is meant from the recipe's folder. */
static int place_text(Recipe *r, const char *file, Error *e)
{
    const char *slash = strrchr(file, '/');
    if (!r->text || r->text[0] == '/' || !slash)
        return 0;
    char *folder = strndup(file, (size_t)(slash - file)), *path = folder ? file_join(folder, r->text) : NULL;
    free(folder);
    if (!path)
        return error_memory(e, file);
    free(r->text);
    r->text = path;
    return 0;
}

int recipe_read(Recipe *r, const char *text, size_t n, const char *file, Error *e)
{
    char found[FOUND_MAX];
    *r = (Recipe){0};
    if (n > RECIPE_MAX_TEXT)
        return error_set(e, "%s: expected at most %d bytes, found %zu", file, RECIPE_MAX_TEXT, n);
    json_t *root = found_json(text, n, JSON_REJECT_DUPLICATES, file, e);
    if (!root)
        return -1;
    *r = recipe_default();
    int status = json_is_object(root) ? read_object(r, root, file, e)
                                      : error_set(e, "%s: expected an object {\"task\": …}, found %s", file, found_describe(root, found));
    if (status == 0 && r->text) /* the text is copied beside the model */
        json_object_set_new(root, "text", json_string("text.txt"));
    if (status == 0)
        r->source = r->text ? json_dumps(root, JSON_INDENT(2)) : strndup(text, n);
    if (status == 0 && !r->source)
        status = error_memory(e, file);
    json_decref(root);
    if (status == 0)
        status = place_text(r, file, e);
    if (status != 0)
        recipe_free(r);
    return status;
}

int recipe_open(Recipe *r, const char *path, Error *e)
{
    File f;
    if (file_open(&f, path, e) != 0)
        return -1;
    int status = recipe_read(r, (const char *)f.data, f.size, path, e);
    file_close(&f);
    return status;
}

/* The source without its changes: as it was written where it has none. NULL without memory. */
static char *source_without_changes(const Recipe *r)
{
    json_t *root = json_loads(r->source, 0, NULL);
    bool has = json_object_get(root, CHANGES) != NULL;
    json_object_del(root, CHANGES);
    char *text = !root ? NULL : has ? json_dumps(root, JSON_INDENT(2)) : strdup(r->source);
    json_decref(root);
    return text;
}

int recipe_set_changes(Recipe *r, const Schedule *from, Error *e)
{
    char *plain = source_without_changes(r), *end = plain ? strrchr(plain, '}') : NULL;
    Buffer text = {0};
    if (!end) {
        free(plain);
        return error_memory(e, "recipe");
    }
    while (end > plain && strchr(" \t\r\n", end[-1]))
        end--;
    if (!from->change_count)
        buffer_puts(&text, plain);
    else
        buffer_add(&text, plain, (size_t)(end - plain));
    for (size_t i = 0; i < from->change_count; i++)
        buffer_printf(&text, "%s[%zu, %.17g]", i ? ", " : ",\n  \"" CHANGES "\": [", from->changes[i].step, from->changes[i].factor);
    if (from->change_count)
        buffer_puts(&text, "]\n}\n");
    free(plain);
    char *source = text.failed ? NULL : strdup(buffer_text(&text));
    buffer_free(&text);
    if (!source)
        return error_memory(e, "recipe");
    free(r->source);
    r->source = source;
    memcpy(r->schedule.changes, from->changes, sizeof from->changes);
    r->schedule.change_count = from->change_count;
    return 0;
}

/* FNV-1a, 64 bits (Fowler, Noll and Vo). */
static uint64_t hash(uint64_t h, const char *bytes, size_t n)
{
    for (size_t i = 0; i < n; i++)
        h = (h ^ (unsigned char)bytes[i]) * 0x100000001b3u;
    return h;
}

int recipe_mark(const Recipe *r, const char *text, size_t n, uint64_t *mark, Error *e)
{
    json_t *root = json_loads(r->source, 0, NULL);
    json_object_del(root, CHANGES);
    char *sorted = root ? json_dumps(root, JSON_SORT_KEYS | JSON_COMPACT) : NULL;
    json_decref(root);
    if (!sorted)
        return error_memory(e, "recipe");
    *mark = hash(hash(0xcbf29ce484222325u, sorted, strlen(sorted)), text, text ? n : 0);
    free(sorted);
    return 0;
}

/* ---- a text of one's own ---- */

/* About 150,000 weights. Rotary positions: a text can be gone on with beyond the length that was trained. */
static const char text_recipe[] = "{\n"
                                  "  \"task\": \"text\", \"text\": \"text.txt\",\n"
                                  "  \"config\": {\n"
                                  "    \"kind\": \"decoder\", \"d_model\": 64, \"n_heads\": 4, \"d_ff\": 256, \"decoder_layers\": 3,\n"
                                  "    \"position\": \"rope\", \"activation\": \"gelu_tanh\", \"split\": \"%s\"\n"
                                  "  },\n"
                                  "  \"length\": 64, \"batch\": 16, \"steps\": %zu, \"lr\": 0.003, \"warmup\": 100, \"dropout\": 0.1,\n"
                                  "  \"weight_decay\": 0.1, \"beta2\": 0.99, \"init\": \"normal\", \"init_std\": 0.05,\n"
                                  "  \"scale_residuals\": true, \"eval_every\": 100, \"eval_examples\": 64, \"save_every\": 200\n"
                                  "}\n";

/* Enough steps to read the text about thirty times, within limits. */
static int text_steps(const char *path, SplitKind split, size_t *steps, Error *e)
{
    enum { READINGS = 30, STEP_TOKENS = 16 * 64, LEAST = 300, MOST = 4000 };
    File f;
    size_t tokens = 0;
    if (file_open(&f, path, e) != 0)
        return -1;
    for (size_t i = 0; i < f.size; i++)
        tokens += split == SPLIT_WORDS ? f.data[i] == ' ' || f.data[i] == '\n' : (f.data[i] & 0xc0) != 0x80;
    file_close(&f);
    *steps = READINGS * tokens / STEP_TOKENS;
    *steps = *steps < LEAST ? LEAST : *steps > MOST ? MOST : *steps;
    return 0;
}

int recipe_for_text(Recipe *r, const char *path, SplitKind split, Error *e)
{
    Buffer text = {0};
    size_t steps;
    if (text_steps(path, split, &steps, e) != 0)
        return -1;
    buffer_printf(&text, text_recipe, split == SPLIT_WORDS ? "words" : "characters", steps);
    int status = text.failed ? error_memory(e, path) : recipe_read(r, text.data, text.len, "recipe", e);
    buffer_free(&text);
    if (status != 0)
        return -1;
    free(r->text);
    r->text = strdup(path);
    if (r->text)
        return 0;
    recipe_free(r);
    return error_memory(e, path);
}
