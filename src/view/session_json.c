/* session_json.c - a session as text and back. Knows names and ranges, not whether a model has such a stage. */
#include "view/session.h"

#include "base/text.h"
#include "model/nearest.h"
#include "pass/ablation.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Names in the file; a view without one is saved as the step view. */
static const char *const phases[] = {"forward", "loss", "backward", "update", NULL};
static const char *const grains[] = {"stage", "sub-layer", "layer", "stack", NULL};
static const char *const shows[] = {"numbers", "heat", "both", NULL};
static const char *const sampler_stages[] = {"logits", "temperature", "top-k", "top-p", "draw", NULL};
static const char *const themes[] = {"dark", "light", "high-contrast", "monochrome", NULL};
static const struct {
    const char *name;
    ViewId view;
} views[] = {
    {"step", VIEW_STEP}, {"cell", VIEW_CELL},     {"weights", VIEW_WEIGHT},      {"map", VIEW_MAP},
    {"next", VIEW_NEXT}, {"cache", VIEW_CACHE}, {"stream", VIEW_STREAM}, {"gradients", VIEW_GRADIENTS}, {"help", VIEW_HELP},
    {"hunt", VIEW_HUNT},
};
enum { VIEWS = sizeof views / sizeof *views };
/* The kinds of axes that have a cursor of their own. */
static const struct {
    const char *name;
    Axis axis;
} cursors[] = {
    {"head", AXIS_HEAD},         {"token", AXIS_TOKEN},         {"key", AXIS_KEY},   {"dim", AXIS_DIM},
    {"head_dim", AXIS_HEAD_DIM}, {"heads_dim", AXIS_HEADS_DIM}, {"unit", AXIS_UNIT}, {"vocab", AXIS_VOCAB},
};
static const size_t seed_max = (size_t)1 << 53; /* what every reader of JSON keeps whole */
enum { CURSORS = sizeof cursors / sizeof *cursors, INDEX_MAX = 1 << 30, IDS_MAX = 1 << 20, LIST_MAX = 10000 };

void session_free(Session *s)
{
    free(s->program);
    free(s->model);
    free(s->tokenizer);
    free(s->text);
    free(s->target_text);
    free(s->ids);
    free(s->target_ids);
    free(s->stage);
    free(s->weight);
    ids_free(&s->source);
    ids_free(&s->target);
    text_list_free(&s->edits);
    text_list_free(&s->breakpoints);
    text_list_free(&s->watches);
    *s = (Session){0};
}

/* ---- writing ---- */

static void put_key(Buffer *out, const char *before, const char *key)
{
    buffer_printf(out, "%s\"%s\": ", before, key);
}

static void put_text(Buffer *out, const char *before, const char *key, const char *text)
{
    put_key(out, before, key);
    if (text)
        text_json(out, text, strlen(text));
    else
        buffer_puts(out, "null");
}

static void put_ids(Buffer *out, const char *before, const char *key, const Ids *ids)
{
    put_key(out, before, key);
    for (size_t i = 0; i < ids->len; i++)
        buffer_printf(out, "%s%d", i ? ", " : "[", ids->data[i]);
    buffer_puts(out, ids->len ? "]" : "[]");
}

/* One text a line, so that a person can add to it and a diff shows what changed. */
static void put_list(Buffer *out, const char *key, const TextList *list)
{
    put_key(out, ",\n  ", key);
    for (size_t i = 0; i < list->count; i++) {
        buffer_puts(out, i ? ",\n    " : "[\n    ");
        text_json(out, list->items[i], strlen(list->items[i]));
    }
    buffer_puts(out, list->count ? "\n  ]" : "[]");
}

/* Nothing where it is as at the start. */
static void put_sampler(Buffer *out, const Sampling *s)
{
    if (s->temperature == 0 && s->top_k == 0 && s->top_p == 1 && s->seed == 0 && s->taken == 0 && s->stage == SAMPLER_LOGITS)
        return;
    buffer_printf(out, ",\n  \"sampler\": {\"temperature\": %.17g, \"top_k\": %zu, \"top_p\": %.17g, \"seed\": %llu, \"taken\": %zu, \"stage\": \"%s\"}",
                  s->temperature, s->top_k, s->top_p, (unsigned long long)s->seed, s->taken, sampler_stages[s->stage]);
}

/* Nothing where there is none. */
static void put_hunt(Buffer *out, const Hunt *h)
{
    if (!h->bug)
        return;
    put_text(out, ",\n  \"hunt\": {", "bug", h->bug->id);
    buffer_printf(out, ", \"seed\": %llu, \"hints\": %d, \"wrong\": %d", (unsigned long long)(h->seed <= seed_max ? h->seed : 0), h->hints, h->wrong);
    put_text(out, ", ", "named", h->wrong_at);
    buffer_printf(out, ", \"solved\": %s, \"out\": %s", h->solved ? "true" : "false", h->out ? "true" : "false");
    put_text(out, ", ", "found", h->found_at);
    buffer_putc(out, '}');
}

static void put_place(Buffer *out, const Session *s)
{
    const char *view = views[0].name;
    for (size_t i = 0; i < VIEWS; i++)
        if (views[i].view == s->view)
            view = views[i].name;
    put_text(out, ",\n  \"place\": {\n    ", "phase", phases[s->phase]);
    put_text(out, ",\n    ", "stage", s->stage);
    put_key(out, ",\n    ", "cursor");
    for (size_t i = 0; i < CURSORS; i++)
        buffer_printf(out, "%s\"%s\": %zu", i ? ", " : "{", cursors[i].name, s->cursor[cursors[i].axis]);
    buffer_puts(out, "}");
    put_text(out, ",\n    ", "view", view);
    put_text(out, ",\n    ", "weight", s->weight);
    buffer_printf(out, ",\n    \"weight_cursor\": [%zu, %zu]", s->weight_cursor[0], s->weight_cursor[1]);
    put_text(out, ",\n    ", "step", grains[s->grain]);
    put_text(out, ",\n    ", "show", shows[s->show]);
    buffer_printf(out, ",\n    \"all_heads\": %s, \"value_first\": %s", s->all_heads ? "true" : "false", s->show_value ? "true" : "false");
    buffer_printf(out, ",\n    \"digits\": %zu, \"top\": %zu, \"left\": %zu", s->digits, s->top, s->left);
    put_text(out, ",\n    ", "theme", themes[s->theme]);
    buffer_puts(out, "\n  }\n}\n");
}

void session_write(const Session *s, Buffer *out)
{
    buffer_printf(out, "{\n  \"session\": %d", SESSION_VERSION);
    put_text(out, ",\n  ", "program", s->program);
    put_text(out, ",\n  \"model\": {\n    ", "name", s->model);
    put_text(out, ",\n    ", "tokenizer", s->tokenizer);
    put_text(out, ",\n    ", "config", s->config);
    put_text(out, ",\n    ", "vocabulary", s->vocabulary);
    put_text(out, ",\n    ", "weights", s->weights);
    put_text(out, "\n  },\n  \"given\": {\n    ", "text", s->text);
    put_text(out, ",\n    ", "target", s->target_text);
    put_text(out, ",\n    ", "ids", s->ids);
    put_text(out, ",\n    ", "target_ids", s->target_ids);
    put_ids(out, "\n  },\n  ", "source", &s->source);
    put_ids(out, ",\n  ", "target", &s->target);
    TextList names = {0};
    for (int i = 0; i < ABLATION_COUNT; i++)
        if (s->ablations & ablation_table[i].bit && text_list_add(&names, ablation_table[i].name, NULL) != 0)
            out->failed = true;
    put_list(out, "ablations", &names);
    text_list_free(&names);
    put_list(out, "edits", &s->edits);
    put_list(out, "breakpoints", &s->breakpoints);
    put_list(out, "watches", &s->watches);
    put_sampler(out, &s->sampling);
    put_hunt(out, &s->hunt);
    put_place(out, s);
}

/* ---- reading ---- */

/* The file and the error, and an object in it with its place: "" or "place.". */
typedef struct Reader {
    const char *file;
    Error *e;
} Reader;

/* What a value is, for the end of an error. */
static const char *describe(const json_t *v, char out[QUOTE_SHORT])
{
    if (!v)
        return _("nothing");
    switch (json_typeof(v)) {
    case JSON_OBJECT:
        return _("an object");
    case JSON_ARRAY:
        return _("a list");
    case JSON_STRING:
        return quote_short(json_string_value(v), json_string_length(v), out);
    case JSON_INTEGER:
        snprintf(out, QUOTE_SHORT, "%lld", (long long)json_integer_value(v));
        return out;
    case JSON_REAL:
        snprintf(out, QUOTE_SHORT, "%g", json_real_value(v));
        return out;
    case JSON_NULL:
        return "null";
    default:
        return json_is_true(v) ? "true" : "false";
    }
}

static int refuse(const Reader *r, const char *where, const char *key, const char *expected, const json_t *found)
{
    char text[QUOTE_SHORT];
    return error_set(r->e, "%s: %s%s: expected %s, found %s", r->file, where, key, expected, describe(found, text));
}

/* Refuses a key that is not in the list, which NULL ends. */
static int check_keys(const Reader *r, const char *where, json_t *object, const char *const *keys)
{
    const char *key;
    json_t *value;
    json_object_foreach(object, key, value)
    {
        char quoted[QUOTE_SHORT], hint[NEAREST_HINT];
        Nearest near = nearest_to(key, strlen(key));
        bool known = false;
        for (const char *const *k = keys; *k; k++) {
            known = known || strcmp(*k, key) == 0;
            nearest_offer(&near, *k);
        }
        if (!known)
            return error_set(r->e, "%s: %s: expected a key of a session, found %s%s", r->file, *where ? where : "session",
                             quote_short(key, strlen(key), quoted), nearest_hint(&near, hint));
    }
    return 0;
}

static int read_object(const Reader *r, json_t *from, const char *key, const char *const *keys, json_t **out)
{
    *out = json_object_get(from, key);
    return json_is_object(*out) ? check_keys(r, key, *out, keys) : refuse(r, "", key, _("an object"), *out);
}

static int read_text(const Reader *r, json_t *from, const char *where, const char *key, bool may_be_null, char **out)
{
    json_t *v = json_object_get(from, key);
    if (may_be_null && json_is_null(v))
        return 0;
    if (!json_is_string(v))
        return refuse(r, where, key, may_be_null ? _("a text or null") : _("a text"), v);
    *out = strdup(json_string_value(v));
    return *out ? 0 : error_memory(r->e, r->file);
}

static int read_fingerprint(const Reader *r, json_t *from, const char *key, Fingerprint out)
{
    json_t *v = json_object_get(from, key);
    const char *text = json_is_string(v) ? json_string_value(v) : "";
    if (strlen(text) != FINGERPRINT - 1 || text[strspn(text, "0123456789abcdef")])
        return refuse(r, "model.", key, _("sixteen hexadecimal digits"), v);
    memcpy(out, text, FINGERPRINT);
    return 0;
}

static int read_index(const Reader *r, json_t *from, const char *where, const char *key, size_t least, size_t most, size_t *out)
{
    json_t *v = json_object_get(from, key);
    char expected[64];
    snprintf(expected, sizeof expected, _("a whole number from %zu to %zu"), least, most);
    if (!json_is_integer(v) || json_integer_value(v) < (json_int_t)least || json_integer_value(v) > (json_int_t)most)
        return refuse(r, where, key, expected, v);
    *out = (size_t)json_integer_value(v);
    return 0;
}

/* A number from 0 (not 0 itself where `open`) to most. */
static int read_number(const Reader *r, json_t *from, const char *where, const char *key, bool open, double most, double *out)
{
    json_t *v = json_object_get(from, key);
    char expected[64];
    double x = json_is_number(v) ? json_number_value(v) : -1;
    snprintf(expected, sizeof expected, open ? _("a number above 0 and at most %g") : _("a number from 0 to %g"), most);
    if (x < 0 || (open && x == 0) || x > most)
        return refuse(r, where, key, expected, v);
    *out = x;
    return 0;
}

static int read_bool(const Reader *r, json_t *from, const char *where, const char *key, bool *out)
{
    json_t *v = json_object_get(from, key);
    if (!json_is_boolean(v))
        return refuse(r, where, key, _("true or false"), v);
    *out = json_is_true(v);
    return 0;
}

/* Which of the names, which NULL ends; -1 with the error set. */
static int read_choice(const Reader *r, json_t *from, const char *where, const char *key, const char *const *names)
{
    json_t *v = json_object_get(from, key);
    char expected[160];
    snprintf(expected, sizeof expected, "%s", _("one of"));
    for (int i = 0; names[i]; i++) {
        if (json_is_string(v) && strcmp(json_string_value(v), names[i]) == 0)
            return i;
        size_t n = strlen(expected);
        snprintf(expected + n, sizeof expected - n, "%s %s", i ? "," : "", names[i]);
    }
    return refuse(r, where, key, expected, v);
}

static int read_ids(const Reader *r, json_t *from, const char *key, Ids *out)
{
    json_t *list = json_object_get(from, key), *v;
    size_t i;
    if (!json_is_array(list))
        return refuse(r, "", key, _("a list of ids"), list);
    if (json_array_size(list) > IDS_MAX)
        return error_set(r->e, "%s: %s: expected at most %d ids, found %zu", r->file, key, IDS_MAX, json_array_size(list));
    json_array_foreach(list, i, v)
    {
        char place[32];
        snprintf(place, sizeof place, "[%zu]", i);
        if (!json_is_integer(v) || json_integer_value(v) < 0 || json_integer_value(v) > INDEX_MAX)
            return refuse(r, key, place, _("an id"), v);
        if (ids_add(out, (int)json_integer_value(v), r->e) != 0)
            return -1;
    }
    return 0;
}

static int read_list(const Reader *r, json_t *from, const char *key, TextList *out)
{
    json_t *list = json_object_get(from, key), *v;
    size_t i;
    if (!json_is_array(list))
        return refuse(r, "", key, _("a list of texts"), list);
    if (json_array_size(list) > LIST_MAX)
        return error_set(r->e, "%s: %s: expected at most %d texts, found %zu", r->file, key, LIST_MAX, json_array_size(list));
    json_array_foreach(list, i, v)
    {
        char place[32];
        snprintf(place, sizeof place, "[%zu]", i);
        if (!json_is_string(v))
            return refuse(r, key, place, _("a text"), v);
        if (text_list_add(out, json_string_value(v), r->e) != 0)
            return -1;
    }
    return 0;
}

static int read_ablations(const Reader *r, json_t *from, Ablations *out)
{
    TextList names = {0};
    int status = read_list(r, from, "ablations", &names);
    for (size_t i = 0; i < names.count && status == 0; i++) {
        Ablations one = 0;
        Error why = {{0}};
        if (strchr(names.items[i], ',') || ablations_parse(&one, names.items[i], &why) != 0 || one == 0) {
            char quoted[QUOTE_SHORT];
            status = error_set(r->e, "%s: ablations[%zu]: expected the name of an ablation, found %s; 'stepformer ablations' lists them",
                               r->file, i, quote_short(names.items[i], strlen(names.items[i]), quoted));
        }
        *out |= one;
    }
    text_list_free(&names);
    return status;
}

/* May be left out. */
static int read_sampler(const Reader *r, json_t *root, Sampling *s)
{
    static const char *const keys[] = {"temperature", "top_k", "top_p", "seed", "taken", "stage", NULL};
    json_t *from;
    size_t seed;
    s->top_p = 1;
    if (!json_object_get(root, "sampler"))
        return 0;
    if (read_object(r, root, "sampler", keys, &from) != 0)
        return -1;
    int stage = read_choice(r, from, "sampler.", "stage", sampler_stages);
    if (stage < 0 || read_index(r, from, "sampler.", "top_k", 0, CONFIG_MAX_SIZE, &s->top_k) != 0 ||
        read_number(r, from, "sampler.", "top_p", true, 1, &s->top_p) != 0 ||
        read_index(r, from, "sampler.", "seed", 0, seed_max, &seed) != 0 ||
        read_index(r, from, "sampler.", "taken", 0, IDS_MAX, &s->taken) != 0 ||
        read_number(r, from, "sampler.", "temperature", false, 1e6, &s->temperature) != 0)
        return -1;
    s->seed = seed;
    s->stage = (SamplerStage)stage;
    return 0;
}

/* The name of a stage, or "". */
static int read_named(const Reader *r, json_t *from, const char *key, char out[STAGE_NAME_MAX])
{
    json_t *v = json_object_get(from, key);
    if (!json_is_string(v) || json_string_length(v) >= STAGE_NAME_MAX)
        return refuse(r, "hunt.", key, _("a stage's name"), v);
    memcpy(out, json_string_value(v), json_string_length(v) + 1);
    return 0;
}

/* May be left out. */
static int read_hunt(const Reader *r, json_t *root, Hunt *h)
{
    static const char *const keys[] = {"bug", "seed", "hints", "wrong", "named", "solved", "out", "found", NULL};
    json_t *from;
    size_t seed, hints, wrong;
    if (!json_object_get(root, "hunt"))
        return 0;
    if (read_object(r, root, "hunt", keys, &from) != 0)
        return -1;
    char *id = NULL;
    if (read_text(r, from, "hunt.", "bug", false, &id) != 0)
        return -1;
    const Bug *bug = bug_find(id, r->e);
    free(id);
    if (!bug)
        return error_prefix(r->e, "%s: hunt", r->file);
    if (read_index(r, from, "hunt.", "seed", 0, seed_max, &seed) != 0 || read_index(r, from, "hunt.", "hints", 0, BUG_HINTS + 1, &hints) != 0 ||
        read_index(r, from, "hunt.", "wrong", 0, INDEX_MAX, &wrong) != 0 || read_named(r, from, "named", h->wrong_at) != 0 ||
        read_bool(r, from, "hunt.", "solved", &h->solved) != 0 || read_bool(r, from, "hunt.", "out", &h->out) != 0 ||
        read_named(r, from, "found", h->found_at) != 0)
        return -1;
    if (h->out && !h->solved)
        return refuse(r, "hunt.", "out", _("false as long as the bug is not found"), json_object_get(from, "out"));
    h->bug = bug;
    h->seed = seed;
    h->hints = (int)hints;
    h->wrong = (int)wrong;
    return 0;
}

static int read_place(const Reader *r, json_t *root, Session *s)
{
    static const char *const keys[] = {"phase",     "stage",       "cursor", "view", "weight", "weight_cursor", "step", "show",
                                       "all_heads", "value_first", "digits", "top",  "left",   "theme",         NULL};
    const char *view_names[VIEWS + 1] = {0}, *cursor_names[CURSORS + 1] = {0};
    json_t *place, *cursor, *pair;
    for (size_t i = 0; i < VIEWS; i++)
        view_names[i] = views[i].name;
    for (size_t i = 0; i < CURSORS; i++)
        cursor_names[i] = cursors[i].name;
    if (read_object(r, root, "place", keys, &place) != 0)
        return -1;
    int phase = read_choice(r, place, "place.", "phase", phases);
    if (phase < 0 || read_text(r, place, "place.", "stage", false, &s->stage) != 0)
        return -1;
    cursor = json_object_get(place, "cursor");
    if (!json_is_object(cursor))
        return refuse(r, "place.", "cursor", _("an object"), cursor);
    if (check_keys(r, "place.cursor", cursor, cursor_names) != 0)
        return -1;
    for (size_t i = 0; i < CURSORS; i++)
        if (read_index(r, cursor, "place.cursor.", cursors[i].name, 0, INDEX_MAX, &s->cursor[cursors[i].axis]) != 0)
            return -1;
    int view = read_choice(r, place, "place.", "view", view_names);
    if (view < 0 || read_text(r, place, "place.", "weight", true, &s->weight) != 0)
        return -1;
    pair = json_object_get(place, "weight_cursor");
    for (size_t i = 0; i < 2; i++) {
        json_t *v = json_array_get(pair, i);
        if (!json_is_array(pair) || json_array_size(pair) != 2 || !json_is_integer(v) || json_integer_value(v) < 0 ||
            json_integer_value(v) > INDEX_MAX)
            return refuse(r, "place.", "weight_cursor", _("a row and a column"), pair);
        s->weight_cursor[i] = (size_t)json_integer_value(v);
    }
    int grain = read_choice(r, place, "place.", "step", grains);
    int show = grain < 0 ? -1 : read_choice(r, place, "place.", "show", shows);
    int theme = show < 0 ? -1 : read_choice(r, place, "place.", "theme", themes);
    if (theme < 0 || read_bool(r, place, "place.", "all_heads", &s->all_heads) != 0 ||
        read_bool(r, place, "place.", "value_first", &s->show_value) != 0 ||
        read_index(r, place, "place.", "digits", 1, 8, &s->digits) != 0 ||
        read_index(r, place, "place.", "top", 0, INDEX_MAX, &s->top) != 0 ||
        read_index(r, place, "place.", "left", 0, INDEX_MAX, &s->left) != 0)
        return -1;
    s->phase = (Phase)phase;
    s->view = views[view].view;
    s->grain = (Grain)grain;
    s->show = (Show)show;
    s->theme = (Theme)theme;
    return 0;
}

static int read_root(const Reader *r, json_t *root, Session *s)
{
    static const char *const keys[] = {"session",   "program", "model",       "given",   "source", "target",
                                       "ablations", "edits",   "breakpoints", "watches", "sampler", "hunt",   "place", NULL};
    static const char *const model_keys[] = {"name", "tokenizer", "config", "vocabulary", "weights", NULL};
    static const char *const given_keys[] = {"text", "target", "ids", "target_ids", NULL};
    json_t *model, *given;
    json_t *version = json_object_get(root, "session"), *program = json_object_get(root, "program");
    if (!json_is_integer(version) || json_integer_value(version) < 1)
        return refuse(r, "", "session", _("the format's version, 1"), version);
    if (json_integer_value(version) != SESSION_VERSION) {
        char by[QUOTE_SHORT];
        return error_set(r->e, "%s: session: expected version %d, found %lld, written by stepformer %s; try that program", r->file,
                         SESSION_VERSION, (long long)json_integer_value(version),
                         json_is_string(program) ? describe(program, by) : _("of unknown version"));
    }
    if (check_keys(r, "", root, keys) != 0 || read_text(r, root, "", "program", false, &s->program) != 0)
        return -1;
    if (read_object(r, root, "model", model_keys, &model) != 0 || read_text(r, model, "model.", "name", false, &s->model) != 0 ||
        read_text(r, model, "model.", "tokenizer", true, &s->tokenizer) != 0 || read_fingerprint(r, model, "config", s->config) != 0 ||
        read_fingerprint(r, model, "vocabulary", s->vocabulary) != 0 || read_fingerprint(r, model, "weights", s->weights) != 0)
        return -1;
    if (read_object(r, root, "given", given_keys, &given) != 0 || read_text(r, given, "given.", "text", true, &s->text) != 0 ||
        read_text(r, given, "given.", "target", true, &s->target_text) != 0 || read_text(r, given, "given.", "ids", true, &s->ids) != 0 ||
        read_text(r, given, "given.", "target_ids", true, &s->target_ids) != 0)
        return -1;
    if (read_ids(r, root, "source", &s->source) != 0 || read_ids(r, root, "target", &s->target) != 0 ||
        read_ablations(r, root, &s->ablations) != 0 || read_list(r, root, "edits", &s->edits) != 0 ||
        read_list(r, root, "breakpoints", &s->breakpoints) != 0 || read_list(r, root, "watches", &s->watches) != 0)
        return -1;
    return read_sampler(r, root, &s->sampling) == 0 && read_hunt(r, root, &s->hunt) == 0 ? read_place(r, root, s) : -1;
}

int session_read(Session *s, const char *bytes, size_t n, const char *name, Error *e)
{
    Reader r = {name, e};
    json_error_t where;
    *s = (Session){0};
    if (n > SESSION_MAX_BYTES)
        return error_set(e, "%s: expected a session of at most %d bytes, found %zu", name, SESSION_MAX_BYTES, n);
    json_t *root = json_loadb(bytes, n, JSON_REJECT_DUPLICATES, &where);
    if (!root)
        return error_set(e, "%s: line %d, column %d: expected a session's JSON: %s", name, where.line, where.column, where.text);
    int status = json_is_object(root) ? read_root(&r, root, s)
                                      : error_set(e, "%s: expected an object {\"session\": 1, …}, found another value", name);
    json_decref(root);
    if (status != 0)
        session_free(s);
    return status;
}
