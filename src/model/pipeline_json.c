/* pipeline_json.c - tokenizer.json: its added tokens, and the order of its parts.
 * The format is that of https://github.com/huggingface/tokenizers, whose serialisation is its only description. */
#include "model/pipeline_json.h"

#include "base/text.h"
#include "model/config.h"
#include "model/nearest.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { TOKENIZER_MAX_BYTES = 1 << 28 };

/* ---- nodes ---- */

const char *node_place(const Node *n, char out[NODE_PLACE])
{
    if (n->path[0])
        snprintf(out, NODE_PLACE, "%.250s: %s", n->file, n->path);
    else
        snprintf(out, NODE_PLACE, "%.250s", n->file);
    return out;
}

static Node child(const Node *n, const json_t *json, const char *name)
{
    Node c = {json, n->file, "", n->notes};
    snprintf(c.path, sizeof c.path, "%.100s%s%.80s", n->path, n->path[0] ? "." : "", name);
    return c;
}

Node node_field(const Node *n, const char *name)
{
    return child(n, json_object_get(n->json, name), name);
}

Node node_item(const Node *n, size_t i)
{
    char number[24];
    snprintf(number, sizeof number, "%zu", i);
    return child(n, json_array_get(n->json, i), number);
}

bool node_has(const Node *n, const char *name)
{
    const json_t *v = json_object_get(n->json, name);
    return v && !json_is_null(v);
}

int node_expected(const Node *n, const char *what, Error *e)
{
    char place[NODE_PLACE], found[FOUND_MAX];
    return error_set(e, "%s: expected %s, found %s", node_place(n, place), what, found_describe(n->json, found));
}

int node_bool(const Node *n, const char *name, bool *to, Error *e)
{
    Node f = node_field(n, name);
    if (!node_has(n, name))
        return 0;
    if (!json_is_boolean(f.json))
        return node_expected(&f, "true or false", e);
    *to = json_is_true(f.json);
    return 0;
}

int node_text(const Node *n, const char *name, const char **to, size_t *len, Error *e)
{
    Node f = node_field(n, name);
    if (!node_has(n, name))
        return 0;
    if (!json_is_string(f.json))
        return node_expected(&f, "a text", e);
    *to = json_string_value(f.json);
    *len = json_string_length(f.json);
    return 0;
}

int node_count(const Node *n, const char *name, size_t most, size_t *to, Error *e)
{
    Node f = node_field(n, name);
    char what[64];
    if (!node_has(n, name))
        return 0;
    json_int_t x = json_integer_value(f.json);
    snprintf(what, sizeof what, "a whole number from 0 to %zu", most);
    if (!json_is_integer(f.json) || x < 0 || (size_t)x > most)
        return node_expected(&f, what, e);
    *to = (size_t)x;
    return 0;
}

const char *node_type(const Node *n, const char *what, Error *e)
{
    Node type = node_field(n, "type");
    if (!json_is_object(n->json))
        node_expected(n, what, e);
    else if (!json_is_string(type.json))
        node_expected(&type, "a type's name", e);
    else
        return json_string_value(type.json);
    return NULL;
}

int node_refuse(const Node *n, const char *type, const char *known, Error *e)
{
    char place[NODE_PLACE], quoted[QUOTE_SHORT];
    return error_set(e, "%s: expected one of %s, found %s, which is not read here", node_place(n, place), known, quote_short(type, strlen(type), quoted));
}

void node_note(const Node *n, const char *format, ...)
{
    char place[NODE_PLACE], text[512];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    buffer_printf(n->notes, "%s: %s\n", node_place(n, place), text);
}

void node_finish(const Node *n, const char *const *known)
{
    enum { NOTES_MAX = 4096 };
    const char *name;
    json_t *value;
    json_object_foreach((json_t *)n->json, name, value)
    {
        bool is = strcmp(name, "type") == 0;
        char quoted[QUOTE_SHORT];
        for (int i = 0; known[i]; i++)
            is = is || strcmp(known[i], name) == 0;
        if (!is && !json_is_null(value) && n->notes->len < NOTES_MAX)
            node_note(n, _("the field %s is not known here, and may change the ids"), quote_short(name, strlen(name), quoted));
    }
}

/* ---- added tokens ---- */

static int read_added(const Node *n, AddedToken *a, Error *e)
{
    static const char *const known[] = {"id", "content", "single_word", "lstrip", "rstrip", "normalized", "special", NULL};
    const char *text = NULL;
    char place[NODE_PLACE];
    size_t id = SIZE_MAX;
    if (!json_is_object(n->json))
        return node_expected(n, "an added token", e);
    if (node_count(n, "id", CONFIG_MAX_SIZE - 1, &id, e) != 0 || node_text(n, "content", &text, &a->len, e) != 0 ||
        node_bool(n, "single_word", &a->single_word, e) != 0 || node_bool(n, "lstrip", &a->lstrip, e) != 0 ||
        node_bool(n, "rstrip", &a->rstrip, e) != 0 || node_bool(n, "special", &a->special, e) != 0)
        return -1;
    a->normalized = !a->special;
    if (node_bool(n, "normalized", &a->normalized, e) != 0)
        return -1;
    if (id == SIZE_MAX || !text || a->len == 0 || a->len > TOKENIZER_MAX_TOKEN)
        return error_set(e, "%s: expected an id and a content of 1 to %d bytes, found no such thing", node_place(n, place), TOKENIZER_MAX_TOKEN);
    node_finish(n, known);
    a->id = (int)id;
    a->text = malloc(a->len + 1);
    if (!a->text)
        return error_memory(e, n->file);
    memcpy(a->text, text, a->len + 1);
    return 0;
}

/* What is looked for in a text that went through the normalizer went through it too. */
static int make_needle(const Rules *normalizer, AddedToken *a, Error *e)
{
    TextPieces pieces = pieces_begin(a->len);
    int status = 0;
    pieces_add(&pieces, a->text, a->len, (Origin){0, 0});
    pieces_end(&pieces, -1);
    for (size_t i = 0; status == 0 && a->normalized && i < normalizer->count; i++) {
        TextPieces next = {.most = pieces.most};
        status = rule_apply(&normalizer->items[i], &pieces, &next, e);
        pieces_free(&pieces);
        pieces = next;
    }
    if (status == 0 && (status = pieces_check(&pieces, e)) == 0) {
        a->needle_len = pieces.text.len;
        a->needle = malloc(a->needle_len + 1);
        if (a->needle)
            memcpy(a->needle, buffer_text(&pieces.text), a->needle_len + 1);
        else
            status = error_memory(e, "tokenizer");
    }
    pieces_free(&pieces);
    return status;
}

static int by_text(const void *a, const void *b)
{
    const AddedToken *x = a, *y = b;
    int a0 = (unsigned char)x->needle[0], b0 = (unsigned char)y->needle[0], order = (a0 > b0) - (a0 < b0);
    if (order == 0)
        order = (x->needle_len < y->needle_len) - (x->needle_len > y->needle_len);
    if (order == 0)
        order = memcmp(x->needle, y->needle, x->needle_len);
    if (order == 0)
        order = (x->len > y->len) - (x->len < y->len);
    return order ? order : memcmp(x->text, y->text, x->len);
}

typedef struct IdPlace {
    int id, place;
} IdPlace;

static int by_id(const void *a, const void *b)
{
    const IdPlace *x = a, *y = b;
    return (x->id > y->id) - (x->id < y->id);
}

/* Sorts them by id, and refuses two of one id, or one whose id or text is another's in the model's vocabulary. */
static int index_added(const Node *n, Pipeline *p, Error *e)
{
    IdPlace *ids = malloc((p->added_count + 1) * sizeof *ids);
    char quoted[QUOTE_SHORT];
    int status = 0;
    p->added_ids = malloc((p->added_count + 1) * sizeof *p->added_ids);
    if (!ids || !p->added_ids)
        status = error_memory(e, n->file);
    for (size_t i = 0; status == 0 && i < p->added_count; i++)
        ids[i] = (IdPlace){p->added[i].id, (int)i};
    if (status == 0)
        qsort(ids, p->added_count, sizeof *ids, by_id);
    for (size_t i = 0; status == 0 && i < p->added_count; i++) {
        const AddedToken *a = &p->added[ids[i].place];
        size_t len;
        int other = token_table_find(&p->subword.tokens, a->text, a->len);
        const char *there = token_table_text(&p->subword.tokens, a->id, &len);
        quote_short(a->text, a->len, quoted);
        p->added_ids[i] = ids[i].place;
        if (i && ids[i].id == ids[i - 1].id)
            status = error_set(e, "%s: added_tokens: %s: expected an id of its own, found %d, which another added token has", n->file, quoted, a->id);
        else if (other >= 0 && other != a->id)
            status = error_set(e, "%s: added_tokens: %s: expected %d, its id in the model's vocabulary, found %d", n->file, quoted, other, a->id);
        else if (there && other < 0)
            status = error_set(e, "%s: added_tokens: %s: expected an id of its own, found %d, which another token of the vocabulary has", n->file,
                               quoted, a->id);
        if ((size_t)a->id >= p->size)
            p->size = (size_t)a->id + 1;
    }
    free(ids);
    return status;
}

static int read_all_added(const Node *n, Pipeline *p, Error *e)
{
    Node list = node_field(n, "added_tokens");
    size_t count = json_array_size(list.json);
    if (node_has(n, "added_tokens") && !json_is_array(list.json))
        return node_expected(&list, "an array", e);
    if (count > TOKENIZER_MAX_ADDED)
        return error_set(e, "%s: added_tokens: expected at most %d, found %zu", n->file, TOKENIZER_MAX_ADDED, count);
    p->added = calloc(count + 1, sizeof *p->added);
    if (!p->added)
        return error_memory(e, n->file);
    for (size_t i = 0; i < count; i++) {
        Node item = node_item(&list, i);
        p->added_count++;
        if (read_added(&item, &p->added[i], e) != 0)
            return -1;
        if (make_needle(&p->normalizer, &p->added[i], e) != 0)
            return error_prefix(e, "%s", n->file);
    }
    qsort(p->added, p->added_count, sizeof *p->added, by_text);
    for (size_t i = 1; i < p->added_count; i++)
        if (p->added[i].len == p->added[i - 1].len && memcmp(p->added[i].text, p->added[i - 1].text, p->added[i].len) == 0) {
            char quoted[QUOTE_SHORT];
            return error_set(e, "%s: added_tokens: expected each token once, found %s twice", n->file,
                             quote_short(p->added[i].text, p->added[i].len, quoted));
        }
    return index_added(n, p, e);
}

/* An id far beyond the number of tokens would only waste memory: such a file is damaged. */
static int check_size(const Node *n, const Pipeline *p, Error *e)
{
    enum { HOLES_MAX = 1 << 16 };
    size_t count = p->added_count;
    for (size_t i = 0; i < p->subword.tokens.size; i++)
        count += p->subword.tokens.known[i];
    if (p->size > count + HOLES_MAX || p->size > CONFIG_MAX_SIZE)
        return error_set(e, "%s: expected ids that follow each other, found %zu as the largest of %zu tokens", n->file, p->size - 1, count);
    return p->size ? 0 : error_set(e, "%s: expected tokens, found none", n->file);
}

/* ---- the file ---- */

/* Without an unknown token a byte whose letter is no token is left out, as the library does it. */
static void note_bytes(const Node *n, const Pipeline *p)
{
    bool letters = false;
    size_t without = 0;
    for (size_t i = 0; i < p->pre_tokenizer.count; i++)
        letters = letters || p->pre_tokenizer.items[i].kind == RULE_BYTES;
    for (int byte = 0; byte < 256; byte++) {
        char letter[4];
        without += token_table_find(&p->subword.tokens, letter, text_encode(byte_letter((unsigned char)byte), letter)) < 0;
    }
    if (letters && without && p->subword.kind == SUBWORD_BPE && p->subword.unk < 0)
        node_note(n, _("%zu of the 256 bytes have no token, and none stands for what is unknown: they are left out of a text"), without);
}

static int read_root(const Node *n, Pipeline *p, Error *e)
{
    static const char *const known[] = {"version", "truncation", "padding",        "added_tokens", "normalizer",
                                        "pre_tokenizer", "model", "post_processor", "decoder",      NULL};
    if (!json_is_object(n->json))
        return node_expected(n, "an object with a model", e);
    Node model = node_field(n, "model"), normalizer = node_field(n, "normalizer"), pre = node_field(n, "pre_tokenizer"),
         post = node_field(n, "post_processor"), decoder = node_field(n, "decoder");
    if (read_model(&model, p, e) != 0 || read_normalizer(&normalizer, &p->normalizer, 0, e) != 0 || read_all_added(n, p, e) != 0 ||
        check_size(n, p, e) != 0)
        return -1;
    if (read_pre_tokenizer(&pre, &p->pre_tokenizer, 0, e) != 0 ||
        read_post_processor(&post, p, 0, e) != 0 || read_decoder(&decoder, p, 0, e) != 0)
        return -1;
    node_finish(n, known);
    note_bytes(n, p);
    if (node_has(n, "truncation"))
        node_note(n, _("truncation is not done here: a long text keeps all its tokens"));
    if (node_has(n, "padding"))
        node_note(n, _("padding is not done here: a short text gets no tokens more"));
    return 0;
}

Pipeline *pipeline_read_parsed(const json_t *root, const char *text, size_t n, const char *file, Error *e)
{
    Pipeline *p = calloc(1, sizeof *p);
    if (!p) {
        error_memory(e, file);
        return NULL;
    }
    Node node = {root, file, "", &p->notes};
    p->subword.unk = -1;
    if (text)
        buffer_add(&p->source, text, n);
    if (read_root(&node, p, e) == 0 && subword_finish(&p->subword, e) == 0 &&
        ((!p->source.failed && !p->notes.failed) || error_memory(e, file) == 0))
        return p;
    pipeline_free(p);
    return NULL;
}

Pipeline *pipeline_read(const char *text, size_t n, const char *file, Error *e)
{
    if (n > TOKENIZER_MAX_BYTES) {
        error_set(e, "%s: expected at most %d bytes, found %zu", file, TOKENIZER_MAX_BYTES, n);
        return NULL;
    }
    json_t *root = found_json(text, n, JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, file, e);
    Pipeline *p = root ? pipeline_read_parsed(root, text, n, file, e) : NULL;
    json_decref(root);
    return p;
}
