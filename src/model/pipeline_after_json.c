/* pipeline_after_json.c - tokenizer.json's post_processor and decoder: what is put around the ids, and the way back to text. */
#include "model/pipeline_json.h"

#include "model/nearest.h"

#include <stdlib.h>
#include <string.h>

/* ---- post-processors ---- */

static int put_around(const Node *n, Pipeline *p, int side, json_int_t id, Error *e)
{
    enum { AROUND_MAX = 64 };
    char place[NODE_PLACE];
    size_t len;
    if (id < 0 || (size_t)id >= p->size || !pipeline_spelling(p, (int)id, &len))
        return error_set(e, "%s: expected the id of a token, from 0 to %zu, found %lld", node_place(n, place), p->size - 1, (long long)id);
    int *more = p->around_count[side] < AROUND_MAX ? realloc(p->around[side], (p->around_count[side] + 1) * sizeof *more) : NULL;
    if (!more)
        return error_set(e, "%s: expected at most %d tokens around a text, found more", node_place(n, place), AROUND_MAX);
    p->around[side] = more;
    more[p->around_count[side]++] = (int)id;
    return 0;
}

/* The ids of a template's special token: special_tokens.NAME.ids */
static int put_special(const Node *n, Pipeline *p, int side, const Node *piece, Error *e)
{
    const char *name = NULL;
    size_t len = 0;
    Node list = node_field(n, "special_tokens");
    if (node_text(piece, "id", &name, &len, e) != 0)
        return -1;
    Node entry = node_field(&list, name ? name : ""), ids = node_field(&entry, "ids");
    if (!json_is_array(ids.json))
        return node_expected(&ids, "an array of ids", e);
    for (size_t i = 0; i < json_array_size(ids.json); i++) {
        Node id = node_item(&ids, i);
        if (!json_is_integer(id.json))
            return node_expected(&id, "an id", e);
        if (put_around(&id, p, side, json_integer_value(id.json), e) != 0)
            return -1;
    }
    return 0;
}

static int read_template(const Node *n, Pipeline *p, Error *e)
{
    Node single = node_field(n, "single");
    int side = 0;
    char place[NODE_PLACE];
    if (!json_is_array(single.json))
        return node_expected(&single, "an array of pieces", e);
    node_finish(n, (const char *const[]){"single", "pair", "special_tokens", "add_prefix_space", "trim_offsets", "use_regex", NULL});
    for (size_t i = 0; i < json_array_size(single.json); i++) {
        Node item = node_item(&single, i), special = node_field(&item, "SpecialToken"), sequence = node_field(&item, "Sequence");
        if (json_is_object(special.json)) {
            if (put_special(n, p, side, &special, e) != 0)
                return -1;
        } else if (json_is_object(sequence.json)) {
            const char *name = "";
            size_t len = 0;
            if (node_text(&sequence, "id", &name, &len, e) != 0)
                return -1;
            if (strcmp(name, "A") != 0 || side)
                return error_set(e, "%s: expected one sequence, A, found %s", node_place(&item, place), side ? "two" : "another");
            side = 1;
        } else
            return node_expected(&item, "{\"SpecialToken\": …} or {\"Sequence\": …}", e);
    }
    p->skips_text = side == 0;
    return 0;
}

/* "cls": ["[CLS]", 101] */
static int put_pair(const Node *n, Pipeline *p, int side, const char *name, Error *e)
{
    Node pair = node_field(n, name);
    const json_t *id = json_array_get(pair.json, 1);
    if (!json_is_integer(id))
        return node_expected(&pair, "[token, id]", e);
    return put_around(&pair, p, side, json_integer_value(id), e);
}

int read_post_processor(const Node *n, Pipeline *p, int depth, Error *e)
{
    bool ignored;
    if (!n->json || json_is_null(n->json))
        return 0;
    const char *type = node_type(n, "a post-processor or null", e);
    if (!type)
        return -1;
    if (strcmp(type, "Sequence") == 0) {
        Node list = node_field(n, "processors");
        if (!json_is_array(list.json) || depth == JSON_MAX_DEPTH)
            return node_expected(&list, "an array, not too deep", e);
        node_finish(n, (const char *const[]){"processors", NULL});
        for (size_t i = 0; i < json_array_size(list.json); i++) {
            Node item = node_item(&list, i);
            if (p->around_count[0] + p->around_count[1] && json_is_object(item.json) && strcmp(json_string_value(json_object_get(item.json, "type")) ? json_string_value(json_object_get(item.json, "type")) : "", "ByteLevel") != 0)
                return node_expected(&item, "one post-processor that adds tokens", e);
            if (read_post_processor(&item, p, depth + 1, e) != 0)
                return -1;
        }
        return 0;
    }
    if (strcmp(type, "ByteLevel") == 0) { /* moves places only */
        node_finish(n, (const char *const[]){"add_prefix_space", "use_regex", "trim_offsets", NULL});
        return node_bool(n, "trim_offsets", &ignored, e);
    }
    if (strcmp(type, "TemplateProcessing") == 0)
        return read_template(n, p, e);
    if (strcmp(type, "BertProcessing") == 0 || strcmp(type, "RobertaProcessing") == 0) {
        node_finish(n, (const char *const[]){"sep", "cls", "trim_offsets", "add_prefix_space", NULL});
        return put_pair(n, p, 0, "cls", e) == 0 ? put_pair(n, p, 1, "sep", e) : -1;
    }
    return node_refuse(n, type, "TemplateProcessing, BertProcessing, RobertaProcessing, ByteLevel, Sequence", e);
}

/* ---- what another file puts around a text ---- */

/* {"SpecialToken": …} for each id of a side, and what they are. */
static void add_side(const Pipeline *p, int side, json_t *single, json_t *specials)
{
    for (size_t i = 0; i < p->around_count[side]; i++) {
        size_t n;
        int id = p->around[side][i];
        const char *text = pipeline_spelling(p, id, &n);
        json_array_append_new(single, json_pack("{s:{s:s%, s:i}}", "SpecialToken", "id", text, n, "type_id", 0));
        json_object_setn_new(specials, text, n, json_pack("{s:s%, s:[i], s:[s%]}", "id", text, n, "ids", id, "tokens", text, n));
    }
}

static json_t *make_template(const Pipeline *p)
{
    json_t *single = json_array(), *specials = json_object();
    add_side(p, 0, single, specials);
    json_array_append_new(single, json_pack("{s:{s:s, s:i}}", "Sequence", "id", "A", "type_id", 0));
    add_side(p, 1, single, specials);
    json_t *pair = json_pack("[{s:{s:s, s:i}}, {s:{s:s, s:i}}]", "Sequence", "id", "A", "type_id", 0, "Sequence", "id", "B", "type_id", 1);
    return json_pack("{s:s, s:o, s:o, s:o}", "type", "TemplateProcessing", "single", single, "pair", pair, "special_tokens", specials);
}

int pipeline_put_around(Pipeline *p, int side, int id, const char *file, Error *e)
{
    int *ids = malloc(sizeof *ids);
    const Buffer *source = pipeline_source(p);
    json_t *root = json_loadb(buffer_text(source), source->len, JSON_ALLOW_NUL, NULL);
    char *text = NULL;
    if (ids && root) {
        *ids = id;
        free(p->around[side]);
        p->around[side] = ids;
        p->around_count[side] = id >= 0;
        ids = NULL;
        if (json_object_set_new(root, "post_processor", make_template(p)) == 0)
            text = json_dumps(root, JSON_COMPACT);
    }
    if (text) {
        buffer_clear(&p->source);
        buffer_puts(&p->source, text);
    }
    int status = text && !p->source.failed ? 0 : error_memory(e, file);
    free(text);
    free(ids);
    json_decref(root);
    return status;
}

/* ---- decoders ---- */

int decoders_add(Pipeline *p, Decoder d, Error *e)
{
    Decoder *more = realloc(p->decoders, (p->decoder_count + 1) * sizeof *more);
    if (!more) {
        pattern_free(d.pattern);
        free(d.text);
        return error_memory(e, "tokenizer");
    }
    p->decoders = more;
    more[p->decoder_count++] = d;
    return 0;
}

/* Adds a decoder with the text of a field, which may be left out where there is an `otherwise`. */
static int add_with_text(const Node *n, Pipeline *p, Decoder d, const char *name, const char *otherwise, Error *e)
{
    const char *text = otherwise;
    char place[NODE_PLACE];
    d.len = otherwise ? strlen(otherwise) : 0;
    if (node_text(n, name, &text, &d.len, e) != 0) {
        pattern_free(d.pattern);
        return -1;
    }
    if (!text || (d.len == 0 && d.kind != DECODE_REPLACE)) {
        pattern_free(d.pattern);
        return error_set(e, "%s: %s: expected a text, found none", node_place(n, place), name);
    }
    d.text = malloc(d.len + 1);
    if (!d.text) {
        pattern_free(d.pattern);
        return error_memory(e, n->file);
    }
    memcpy(d.text, text, d.len);
    d.text[d.len] = '\0';
    return decoders_add(p, d, e);
}

static int read_replace(const Node *n, Pipeline *p, Error *e)
{
    Node pattern = node_field(n, "pattern");
    Decoder d = {.kind = DECODE_REPLACE};
    const char *text = NULL;
    size_t len = 0;
    char place[NODE_PLACE];
    bool regex = node_has(&pattern, "Regex");
    if (!json_is_object(pattern.json) || node_text(&pattern, regex ? "Regex" : "String", &text, &len, e) != 0 || len == 0)
        return node_expected(&pattern, "{\"String\": …} or {\"Regex\": …}", e);
    d.pattern = regex ? pattern_regex(text, len, node_place(&pattern, place), e) : pattern_text(text, len, e);
    node_finish(n, (const char *const[]){"pattern", "content", NULL});
    return d.pattern ? add_with_text(n, p, d, "content", "", e) : -1;
}

static int read_metaspace(const Node *n, Pipeline *p, Error *e)
{
    Decoder d = {.kind = DECODE_METASPACE};
    const char *scheme = NULL;
    size_t len;
    bool prefix = true;
    if (node_bool(n, "add_prefix_space", &prefix, e) != 0 || node_text(n, "prepend_scheme", &scheme, &len, e) != 0)
        return -1;
    d.keep_first = scheme ? strcmp(scheme, "never") == 0 : !prefix;
    node_finish(n, (const char *const[]){"replacement", "add_prefix_space", "prepend_scheme", "split", "str_rep", NULL});
    return add_with_text(n, p, d, "replacement", "\xe2\x96\x81", e);
}

static int read_strip(const Node *n, Pipeline *p, Error *e)
{
    Decoder d = {.kind = DECODE_STRIP};
    if (node_count(n, "start", 1 << 20, &d.start, e) != 0 || node_count(n, "stop", 1 << 20, &d.stop, e) != 0)
        return -1;
    node_finish(n, (const char *const[]){"content", "start", "stop", NULL});
    return add_with_text(n, p, d, "content", " ", e);
}

int read_decoder(const Node *n, Pipeline *p, int depth, Error *e)
{
    static const char *const none[] = {NULL};
    if (!n->json || json_is_null(n->json))
        return 0;
    const char *type = node_type(n, "a decoder or null", e);
    if (!type)
        return -1;
    if (strcmp(type, "Sequence") == 0) {
        Node list = node_field(n, "decoders");
        if (!json_is_array(list.json) || depth == JSON_MAX_DEPTH || json_array_size(list.json) > 64)
            return node_expected(&list, "an array, not too long or deep", e);
        node_finish(n, (const char *const[]){"decoders", NULL});
        for (size_t i = 0; i < json_array_size(list.json); i++) {
            Node item = node_item(&list, i);
            if (read_decoder(&item, p, depth + 1, e) != 0)
                return -1;
        }
        return 0;
    }
    if (strcmp(type, "ByteLevel") == 0) {
        node_finish(n, (const char *const[]){"add_prefix_space", "use_regex", "trim_offsets", NULL});
        return decoders_add(p, (Decoder){.kind = DECODE_BYTES}, e);
    }
    if (strcmp(type, "ByteFallback") == 0 || strcmp(type, "Fuse") == 0) {
        node_finish(n, none);
        return decoders_add(p, (Decoder){.kind = type[0] == 'B' ? DECODE_BYTE_TOKENS : DECODE_FUSE}, e);
    }
    if (strcmp(type, "WordPiece") == 0) {
        Decoder d = {.kind = DECODE_WORDPIECE, .cleanup = true};
        if (node_bool(n, "cleanup", &d.cleanup, e) != 0)
            return -1;
        node_finish(n, (const char *const[]){"prefix", "cleanup", NULL});
        return add_with_text(n, p, d, "prefix", "##", e);
    }
    if (strcmp(type, "Metaspace") == 0)
        return read_metaspace(n, p, e);
    if (strcmp(type, "Replace") == 0)
        return read_replace(n, p, e);
    if (strcmp(type, "Strip") == 0)
        return read_strip(n, p, e);
    if (strcmp(type, "BPEDecoder") == 0) {
        node_finish(n, (const char *const[]){"suffix", NULL});
        return add_with_text(n, p, (Decoder){.kind = DECODE_SUFFIX}, "suffix", "</w>", e);
    }
    return node_refuse(n, type, "ByteLevel, WordPiece, Metaspace, ByteFallback, Fuse, Strip, Replace, BPEDecoder, Sequence", e);
}
