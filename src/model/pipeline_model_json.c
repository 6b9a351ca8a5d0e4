/* pipeline_model_json.c - tokenizer.json's model: BPE, WordPiece, Unigram or WordLevel, with its tokens.
 *
 * Trusts no id, no merge and no length. */
#include "model/pipeline_json.h"

#include "model/config.h"
#include "model/nearest.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- tokens ---- */

static int add_token(const Node *n, TokenTable *t, int id, const char *text, size_t len, Error *e)
{
    char place[NODE_PLACE], quoted[QUOTE_SHORT];
    size_t other;
    if (len > TOKENIZER_MAX_TOKEN)
        return error_set(e, "%s: token %d: expected at most %d bytes, found %zu", node_place(n, place), id, TOKENIZER_MAX_TOKEN, len);
    const char *there = token_table_text(t, id, &other);
    if (there)
        return error_set(e, "%s: %s: expected an id of its own, found %d, which another token has", node_place(n, place),
                         quote_short(text, len, quoted), id);
    return token_table_add(t, id, text, len, e);
}

/* {"token": id, …} */
static int read_vocab(const Node *n, Pipeline *p, Error *e)
{
    Node vocab = node_field(n, "vocab");
    char place[NODE_PLACE], quoted[QUOTE_SHORT], found[FOUND_MAX];
    const char *text;
    size_t len, size = 0, count = json_object_size(vocab.json);
    json_t *value;
    if (!json_is_object(vocab.json))
        return node_expected(&vocab, "an object that says each token's id", e);
    json_object_keylen_foreach((json_t *)vocab.json, text, len, value)
    {
        json_int_t id = json_integer_value(value);
        if (!json_is_integer(value) || id < 0 || id >= (json_int_t)count + (1 << 16) || id >= CONFIG_MAX_SIZE)
            return error_set(e, "%s: %s: expected an id from 0 to about the number of tokens, %zu, found %s", node_place(&vocab, place),
                             quote_short(text, len, quoted), count, found_describe(value, found));
        size = (size_t)id + 1 > size ? (size_t)id + 1 : size;
    }
    if (token_table_init(&p->subword.tokens, size, e) != 0)
        return -1;
    p->size = size;
    json_object_keylen_foreach((json_t *)vocab.json, text, len, value)
        if (add_token(&vocab, &p->subword.tokens, (int)json_integer_value(value), text, len, e) != 0)
            return -1;
    return 0;
}

/* [["token", log-probability], …] */
static int read_scored(const Node *n, Pipeline *p, Error *e)
{
    Node vocab = node_field(n, "vocab");
    Subword *s = &p->subword;
    size_t count = json_array_size(vocab.json);
    if (!json_is_array(vocab.json) || count == 0 || count > CONFIG_MAX_SIZE)
        return node_expected(&vocab, "an array of tokens with their log-probabilities", e);
    s->scores = malloc(count * sizeof *s->scores);
    if (!s->scores || token_table_init(&s->tokens, count, e) != 0)
        return s->scores ? -1 : error_memory(e, n->file);
    p->size = count;
    s->least = INFINITY;
    for (size_t i = 0; i < count; i++) {
        Node item = node_item(&vocab, i);
        const json_t *text = json_array_get(item.json, 0), *score = json_array_get(item.json, 1);
        char place[NODE_PLACE], quoted[QUOTE_SHORT];
        if (json_array_size(item.json) != 2 || !json_is_string(text) || !json_is_number(score) || !isfinite(json_number_value(score)))
            return node_expected(&item, "[\"token\", log-probability]", e);
        if (token_table_find(&s->tokens, json_string_value(text), json_string_length(text)) >= 0)
            return error_set(e, "%s: expected a new token, found %s again", node_place(&item, place),
                             quote_short(json_string_value(text), json_string_length(text), quoted));
        if (add_token(&vocab, &s->tokens, (int)i, json_string_value(text), json_string_length(text), e) != 0)
            return -1;
        s->scores[i] = json_number_value(score);
        s->least = s->scores[i] < s->least ? s->scores[i] : s->least;
    }
    return 0;
}

/* The unknown token, given as a text; it must be one of the tokens where it is given. */
static int read_unknown(const Node *n, Pipeline *p, const char *otherwise, Error *e)
{
    const char *text = otherwise;
    size_t len = otherwise ? strlen(otherwise) : 0;
    char place[NODE_PLACE], quoted[QUOTE_SHORT];
    if (node_text(n, "unk_token", &text, &len, e) != 0)
        return -1;
    p->subword.unk = text ? token_table_find(&p->subword.tokens, text, len) : -1;
    if (p->subword.unk < 0 && (otherwise || node_has(n, "unk_token")))
        return error_set(e, "%s: unk_token: expected one of the vocabulary's tokens, found %s", node_place(n, place), quote_short(text, len, quoted));
    return 0;
}

static int read_affix(const Node *n, const char *name, const char *otherwise, char **to, Error *e)
{
    const char *text = otherwise;
    size_t len = strlen(otherwise);
    if (node_text(n, name, &text, &len, e) != 0)
        return -1;
    *to = strdup(text);
    return *to ? 0 : error_memory(e, n->file);
}

/* ---- merges ---- */

/* The id of a merge's part, or -1 with e set. */
static int part_id(const Node *item, const Pipeline *p, const char *text, size_t n, const char *what, Error *e)
{
    char place[NODE_PLACE], quoted[QUOTE_SHORT];
    int id = token_table_find(&p->subword.tokens, text, n);
    if (id < 0)
        error_set(e, "%s: expected %s in the vocabulary, found no token %s there", node_place(item, place), what, quote_short(text, n, quoted));
    return id;
}

static int add_merge(const Node *item, Pipeline *p, int rank, const char *a, size_t na, const char *b, size_t nb, Buffer *room, Error *e)
{
    size_t prefix = strlen(p->subword.prefix);
    if (prefix > nb)
        return node_expected(item, "a second token with the continuing_subword_prefix", e);
    buffer_clear(room);
    buffer_add(room, a, na);
    buffer_add(room, b + prefix, nb - prefix);
    int left = part_id(item, p, a, na, "the first token of this merge", e);
    int right = left < 0 ? -1 : part_id(item, p, b, nb, "the second token of this merge", e);
    int merged = right < 0 ? -1 : part_id(item, p, buffer_text(room), room->len, "what this merge makes", e);
    if (merged < 0)
        return -1;
    subword_add_merge(&p->subword, left, right, merged, rank);
    return room->failed ? error_memory(e, item->file) : 0;
}

/* "a b" or ["a", "b"] */
static int read_merge(const Node *item, Pipeline *p, int rank, Buffer *room, Error *e)
{
    const json_t *first = json_array_get(item->json, 0), *second = json_array_get(item->json, 1);
    const char *text = json_string_value(item->json), *space = text ? strchr(text, ' ') : NULL;
    size_t len = text ? json_string_length(item->json) : 0, na = space ? (size_t)(space - text) : 0;
    if (space && na && na + 1 < len && !memchr(space + 1, ' ', len - na - 1))
        return add_merge(item, p, rank, text, na, space + 1, len - na - 1, room, e);
    if (json_array_size(item->json) == 2 && json_is_string(first) && json_is_string(second))
        return add_merge(item, p, rank, json_string_value(first), json_string_length(first), json_string_value(second), json_string_length(second), room,
                         e);
    return node_expected(item, "two tokens with a space between them, or in an array", e);
}

/* ["a b", …] or [["a", "b"], …] */
static int read_merges(const Node *n, Pipeline *p, Error *e)
{
    Node list = node_field(n, "merges");
    size_t count = json_array_size(list.json);
    Buffer room = {0};
    int status = 0;
    if (!json_is_array(list.json) || count > (size_t)CONFIG_MAX_SIZE)
        return node_expected(&list, "an array of merges", e);
    if (subword_init_merges(&p->subword, count, e) != 0)
        return -1;
    for (size_t i = 0; status == 0 && i < count; i++) {
        Node item = {json_array_get(list.json, i), n->file, "", n->notes};
        status = read_merge(&item, p, (int)i, &room, e);
        if (status != 0) { /* once more, with its number: to write those of all that are right takes as long as to read them */
            snprintf(item.path, sizeof item.path, "%.100s.merges.%zu", n->path, i);
            read_merge(&item, p, (int)i, &room, e);
        }
    }
    buffer_free(&room);
    return status;
}

/* ---- the four models ---- */

static int read_bpe(const Node *n, Pipeline *p, Error *e)
{
    static const char *const known[] = {"vocab",         "merges",        "dropout",       "unk_token", "continuing_subword_prefix", "end_of_word_suffix",
                                        "fuse_unk", "byte_fallback", "ignore_merges", NULL};
    Subword *s = &p->subword;
    Node dropout = node_field(n, "dropout");
    char place[NODE_PLACE];
    s->kind = SUBWORD_BPE;
    if (node_has(n, "dropout") && !(json_is_number(dropout.json) && !(json_number_value(dropout.json) > 0)))
        return error_set(e, "%s: expected none or 0, found dropout: the ids would be drawn by chance; set it to null", node_place(&dropout, place));
    if (read_affix(n, "continuing_subword_prefix", "", &s->prefix, e) != 0 || read_affix(n, "end_of_word_suffix", "", &s->suffix, e) != 0 ||
        node_bool(n, "fuse_unk", &s->fuse_unk, e) != 0 || node_bool(n, "byte_fallback", &s->byte_fallback, e) != 0 ||
        node_bool(n, "ignore_merges", &s->ignore_merges, e) != 0)
        return -1;
    node_finish(n, known);
    if (read_vocab(n, p, e) != 0 || read_unknown(n, p, NULL, e) != 0)
        return -1;
    return read_merges(n, p, e);
}

static int read_wordpiece(const Node *n, Pipeline *p, Error *e)
{
    static const char *const known[] = {"vocab", "unk_token", "continuing_subword_prefix", "max_input_chars_per_word", NULL};
    p->subword.kind = SUBWORD_WORDPIECE;
    p->subword.max_word = 100;
    if (read_affix(n, "continuing_subword_prefix", "##", &p->subword.prefix, e) != 0 ||
        read_affix(n, "", "", &p->subword.suffix, e) != 0 || node_count(n, "max_input_chars_per_word", 1 << 20, &p->subword.max_word, e) != 0)
        return -1;
    node_finish(n, known);
    return read_vocab(n, p, e) == 0 ? read_unknown(n, p, "[UNK]", e) : -1;
}

static int read_words(const Node *n, Pipeline *p, Error *e)
{
    p->subword.kind = SUBWORD_WORDS;
    node_finish(n, (const char *const[]){"vocab", "unk_token", NULL});
    return read_vocab(n, p, e) == 0 ? read_unknown(n, p, NULL, e) : -1;
}

static int read_unigram(const Node *n, Pipeline *p, Error *e)
{
    size_t unk = SIZE_MAX;
    p->subword.kind = SUBWORD_UNIGRAM;
    p->subword.fuse_unk = true;
    node_finish(n, (const char *const[]){"vocab", "unk_id", "byte_fallback", "fuse_unk", NULL});
    if (node_bool(n, "byte_fallback", &p->subword.byte_fallback, e) != 0 || node_bool(n, "fuse_unk", &p->subword.fuse_unk, e) != 0 || read_scored(n, p, e) != 0 ||
        node_count(n, "unk_id", p->size - 1, &unk, e) != 0)
        return -1;
    p->subword.unk = unk == SIZE_MAX ? -1 : (int)unk;
    return 0;
}

/* Older files do not name the model's type: its fields tell. */
static const char *guess_type(const Node *n)
{
    if (node_has(n, "merges"))
        return "BPE";
    if (json_is_array(json_object_get(n->json, "vocab")))
        return "Unigram";
    return node_has(n, "continuing_subword_prefix") || node_has(n, "max_input_chars_per_word") ? "WordPiece" : "WordLevel";
}

int read_model(const Node *n, Pipeline *p, Error *e)
{
    if (!json_is_object(n->json))
        return node_expected(n, "an object: BPE, WordPiece, Unigram or WordLevel", e);
    const char *type = node_has(n, "type") ? node_type(n, "a model", e) : guess_type(n);
    if (!type)
        return -1;
    if (strcmp(type, "BPE") == 0)
        return read_bpe(n, p, e);
    if (strcmp(type, "WordPiece") == 0)
        return read_wordpiece(n, p, e);
    if (strcmp(type, "Unigram") == 0)
        return read_unigram(n, p, e);
    if (strcmp(type, "WordLevel") == 0)
        return read_words(n, p, e);
    return node_refuse(n, type, "BPE, WordPiece, Unigram, WordLevel", e);
}
