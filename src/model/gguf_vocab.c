/* gguf_vocab.c - the tokenizer in a GGUF file (tokenizer.ggml.*), made into the tokenizer.json that says the same, and read as that.
 *
 *   gpt2    byte-level BPE: tokens and merges
 *   llama   SentencePiece's BPE: tokens with scores. Of two neighbours that together are a token, those whose token has the highest score
 * are merged first: so the merges are all ways to make each token of two others, by its score
 *
 * Owns these keys; all checks of merges and ids are the other reader's. */
#include "model/gguf_internal.h"

#include "base/text.h"
#include "model/nearest.h"
#include "model/vocab_files.h"

#include <stdlib.h>
#include <string.h>

enum { TYPE_NORMAL = 1, TYPE_UNKNOWN, TYPE_CONTROL, TYPE_USER, TYPE_UNUSED, TYPE_BYTE };
enum { LONGEST_MERGED = 1024 }; /* bytes of a token that merges make: SentencePiece's have at most 16 characters */

typedef struct Tokens {
    const Gguf *g;
    GgufText *texts; /* [count] */
    size_t count;
    const GgufPair *scores, *types; /* of as many; or NULL */
    json_t *vocab;                  /* {"token": id} */
} Tokens;

static int type_of(const Tokens *t, size_t id)
{
    return t->types ? (int)gguf_number(t->types, id) : TYPE_NORMAL;
}

static int id_of(const Tokens *t, const char *text, size_t n)
{
    const json_t *id = json_object_getn(t->vocab, text, n);
    return id ? (int)json_integer_value(id) : -1;
}

/* ---- the arrays ---- */

/* An array with a value for each token; NULL where the file has none. */
static int find_array(const Tokens *t, const char *key, bool numbers, const GgufPair **to, Error *e)
{
    const GgufPair *p = *to = gguf_find(t->g, key);
    if (!p)
        return 0;
    bool fits = p->is_array && (p->type != GGUF_STRING) == numbers;
    if (fits && (t->count == 0 || p->count == t->count))
        return 0;
    if (!fits)
        return error_set(e, "%s: %s: expected an array of %s, found something else", t->g->path, key, numbers ? _("numbers") : _("texts"));
    return error_set(e, "%s: %s: expected %zu values, one for each token, found %zu", t->g->path, key, t->count, p->count);
}

static int read_tokens(Tokens *t, Error *e)
{
    static const char key[] = "tokenizer.ggml.tokens";
    const GgufPair *p;
    char quoted[QUOTE_SHORT];
    if (find_array(t, key, false, &p, e) != 0)
        return -1;
    if (!p || p->count == 0 || p->count > CONFIG_MAX_SIZE)
        return error_set(e, "%s: %s: expected from 1 to %d texts, found %s", t->g->path, key, CONFIG_MAX_SIZE,
                         p ? _("another number") : _("none"));
    t->count = p->count;
    t->texts = calloc(t->count, sizeof *t->texts);
    t->vocab = json_object();
    if (!t->texts || !t->vocab)
        return error_memory(e, t->g->path);
    const unsigned char *at = p->bytes;
    for (size_t i = 0; i < t->count; i++) {
        GgufText text = t->texts[i] = gguf_next_text(&at);
        if (!text_is_valid(text.at, text.n) || memchr(text.at, '\0', text.n))
            return error_set(e, "%s: %s: token %zu: expected UTF-8, found %s", t->g->path, key, i, quote_short(text.at, text.n, quoted));
        if (json_object_getn(t->vocab, text.at, text.n))
            return error_set(e, "%s: %s: token %zu: expected a new token, found %s again", t->g->path, key, i,
                             quote_short(text.at, text.n, quoted));
        if (json_object_setn_new_nocheck(t->vocab, text.at, text.n, json_integer((json_int_t)i)) != 0)
            return error_memory(e, t->g->path);
    }
    return find_array(t, "tokenizer.ggml.scores", true, &t->scores, e) == 0 ? find_array(t, "tokenizer.ggml.token_type", true, &t->types, e)
                                                                            : -1;
}

/* ---- parts of the tokenizer.json ---- */

static json_t *token_json(GgufText text)
{
    return json_stringn_nocheck(text.at, text.n);
}

/* Tokens that are found in a text before it is cut. */
static json_t *added_tokens(const Tokens *t)
{
    json_t *list = json_array();
    for (size_t i = 0; i < t->count; i++) {
        int type = type_of(t, i);
        if (t->texts[i].n && (type == TYPE_CONTROL || type == TYPE_USER || type == TYPE_UNKNOWN))
            json_array_append_new(list, json_pack("{s:I, s:o, s:b, s:b}", "id", (json_int_t)i, "content", token_json(t->texts[i]),
                                                  "special", type != TYPE_USER, "normalized", 0));
    }
    return list;
}

/* The token that the file says begins or ends a text where it is to be put there; NULL: none is. */
static const GgufText *put_around(const Tokens *t, const char *wish, bool usual, const char *which)
{
    int64_t id;
    bool put = usual;
    gguf_bool(t->g, wish, &put);
    return put && gguf_integer(t->g, which, &id) && id >= 0 && (uint64_t)id < t->count ? &t->texts[id] : NULL;
}

/* {"SpecialToken": …} at its place in the template, and what it is. */
static void add_around(const Tokens *t, json_t *list, json_t *specials, const GgufText *token)
{
    if (!token)
        return;
    json_array_append_new(list, json_pack("{s:{s:o, s:i}}", "SpecialToken", "id", token_json(*token), "type_id", 0));
    json_object_setn_new_nocheck(
        specials, token->at, token->n,
        json_pack("{s:o, s:[i], s:[o]}", "id", token_json(*token), "ids", id_of(t, token->at, token->n), "tokens", token_json(*token)));
}

static json_t *post_processor(const Tokens *t, bool begins)
{
    const GgufText *bos = put_around(t, "tokenizer.ggml.add_bos_token", begins, "tokenizer.ggml.bos_token_id");
    const GgufText *eos = put_around(t, "tokenizer.ggml.add_eos_token", false, "tokenizer.ggml.eos_token_id");
    json_t *single = json_array(), *specials = json_object();
    add_around(t, single, specials, bos);
    json_array_append_new(single, json_pack("{s:{s:s, s:i}}", "Sequence", "id", "A", "type_id", 0));
    add_around(t, single, specials, eos);
    json_t *pair = json_pack("[{s:{s:s, s:i}}, {s:{s:s, s:i}}]", "Sequence", "id", "A", "type_id", 0, "Sequence", "id", "B", "type_id", 1);
    return json_pack("{s:s, s:o, s:o, s:o}", "type", "TemplateProcessing", "single", single, "pair", pair, "special_tokens", specials);
}

/* ---- byte-level BPE ---- */

/* How tokenizer.ggml.pre's names cut a text before the merges. llama.cpp's src/llama-vocab.cpp has the list; the patterns are those of the
 * models' own tokenizer.json. NULL: GPT-2's, which ByteLevel has. */
#define WORDS "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|"
#define REST "| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+"
static const char THREE_DIGITS[] = WORDS "\\p{N}{1,3}" REST, ONE_DIGIT[] = WORDS "\\p{N}" REST;
/* Each digit on its own, then GPT-2's. */
static const char DIGITS_FIRST[] = "\\p{N}";

static const struct Cutting {
    const char *name, *pattern;
    bool begins, ignores_merges;
} cuttings[] = {
    {"gpt-2", NULL, false, false},
    {"gpt2", NULL, false, false},
    {"default", NULL, false, false},
    {"phi-2", NULL, false, false},
    {"mpt", NULL, false, false},
    {"olmo", NULL, false, false},
    {"jais", NULL, false, false},
    {"trillion", NULL, false, false},
    {"smollm", DIGITS_FIRST, false, false},
    {"starcoder", DIGITS_FIRST, false, false},
    {"refact", DIGITS_FIRST, false, false},
    {"command-r", DIGITS_FIRST, false, false},
    {"codeshell", DIGITS_FIRST, false, false},
    {"exaone", DIGITS_FIRST, false, false},
    {"minerva-7b", DIGITS_FIRST, false, false},
    {"llama-bpe", THREE_DIGITS, true, true},
    {"llama3", THREE_DIGITS, true, true},
    {"llama-v3", THREE_DIGITS, true, true},
    {"falcon3", THREE_DIGITS, true, true},
    {"pixtral", THREE_DIGITS, true, true},
    {"dbrx", THREE_DIGITS, false, false},
    {"smaug-bpe", THREE_DIGITS, false, false},
    {"qwen2", ONE_DIGIT, false, false},
    {"deepseek-r1-qwen", ONE_DIGIT, false, false},
    {"stablelm2", ONE_DIGIT, false, false},
};

static const struct Cutting *find_cutting(const Tokens *t, Buffer *notes)
{
    GgufText name = {"gpt-2", 5};
    char quoted[QUOTE_SHORT];
    bool given = gguf_text(t->g, "tokenizer.ggml.pre", &name);
    for (size_t i = 0; i < sizeof cuttings / sizeof *cuttings; i++)
        if (strlen(cuttings[i].name) == name.n && memcmp(cuttings[i].name, name.at, name.n) == 0) {
            if (given && strcmp(cuttings[i].name, "default") == 0)
                break;
            return &cuttings[i];
        }
    buffer_printf(notes, _("%s: tokenizer.ggml.pre: %s is not known here: texts are cut as GPT-2's, and the ids may differ\n"), t->g->path,
                  quote_short(name.at, name.n, quoted));
    return &cuttings[0];
}

static json_t *pre_tokenizer(const struct Cutting *how)
{
    json_t *bytes = json_pack("{s:s, s:b, s:b}", "type", "ByteLevel", "add_prefix_space", 0, "use_regex", !how->pattern || how->pattern == DIGITS_FIRST);
    if (!how->pattern)
        return bytes;
    return json_pack("{s:s, s:[{s:s, s:{s:s}, s:s, s:b}, o]}", "type", "Sequence", "pretokenizers", "type", "Split", "pattern", "Regex",
                     how->pattern, "behavior", "Isolated", "invert", 0, bytes);
}

static json_t *read_bytes(const Tokens *t, Buffer *notes, Error *e)
{
    static const char key[] = "tokenizer.ggml.merges";
    const GgufPair *p = gguf_find(t->g, key);
    const struct Cutting *how = find_cutting(t, notes);
    char quoted[QUOTE_SHORT];
    if (!p || !p->is_array || p->type != GGUF_STRING || p->count > CONFIG_MAX_SIZE) {
        error_set(e, "%s: %s: expected an array of texts, found %s", t->g->path, key, p ? _("something else") : _("none"));
        return NULL;
    }
    json_t *merges = json_array();
    const unsigned char *at = p->bytes;
    for (size_t i = 0; i < p->count; i++) {
        GgufText text = gguf_next_text(&at);
        if (json_array_append_new(merges, json_stringn(text.at, text.n)) != 0) {
            error_set(e, "%s: %s: %zu: expected two tokens in UTF-8, found %s", t->g->path, key, i, quote_short(text.at, text.n, quoted));
            json_decref(merges);
            return NULL;
        }
    }
    return json_pack("{s:o, s:o, s:o, s:{s:s}, s:{s:s, s:b, s:O, s:o}}", "added_tokens", added_tokens(t), "pre_tokenizer",
                     pre_tokenizer(how), "post_processor", post_processor(t, how->begins), "decoder", "type", "ByteLevel", "model", "type",
                     "BPE", "ignore_merges", how->ignores_merges, "vocab", t->vocab, "merges", merges);
}

/* ---- SentencePiece ---- */

typedef struct Merge {
    double score;
    int merged, left, right;
} Merge;

typedef struct Merges {
    Merge *items;
    size_t count, cap;
} Merges;

static int by_score(const void *a, const void *b)
{
    const Merge *x = a, *y = b;
    if (x->score != y->score)
        return x->score > y->score ? -1 : 1;
    if (x->merged != y->merged)
        return x->merged < y->merged ? -1 : 1;
    return x->left != y->left ? (x->left > y->left) - (x->left < y->left) : (x->right > y->right) - (x->right < y->right);
}

static bool is_mergeable(const Tokens *t, int id)
{
    int type = id < 0 ? TYPE_CONTROL : type_of(t, (size_t)id);
    return type == TYPE_NORMAL || type == TYPE_USER || type == TYPE_UNUSED;
}

/* All ways to make a token of two others. */
static int add_merges(const Tokens *t, Merges *m, size_t id, Error *e)
{
    const GgufText text = t->texts[id];
    double score = t->scores ? gguf_number(t->scores, id) : 0;
    if (text.n > LONGEST_MERGED)
        return error_set(e, "%s: tokenizer.ggml.tokens: token %zu: expected at most %d bytes, found %zu", t->g->path, id, LONGEST_MERGED,
                         text.n);
    for (size_t cut = 1; cut < text.n; cut++) {
        if (((unsigned char)text.at[cut] & 0xc0) == 0x80)
            continue;
        int left = id_of(t, text.at, cut), right = left < 0 ? -1 : id_of(t, text.at + cut, text.n - cut);
        if (!is_mergeable(t, left) || !is_mergeable(t, right))
            continue;
        if (m->count == m->cap) {
            size_t cap = m->cap ? 2 * m->cap : 1024;
            Merge *more = realloc(m->items, cap * sizeof *more);
            if (!more)
                return error_memory(e, t->g->path);
            m->items = more;
            m->cap = cap;
        }
        m->items[m->count++] = (Merge){score, (int)id, left, right};
    }
    return 0;
}

static json_t *merges_by_score(const Tokens *t, Error *e)
{
    Merges m = {0};
    int status = 0;
    for (size_t id = 0; status == 0 && id < t->count; id++)
        if (is_mergeable(t, (int)id))
            status = add_merges(t, &m, id, e);
    if (m.count)
        qsort(m.items, m.count, sizeof *m.items, by_score);
    json_t *list = status == 0 ? json_array() : NULL;
    for (size_t i = 0; list && i < m.count; i++)
        json_array_append_new(list, json_pack("[o, o]", token_json(t->texts[m.items[i].left]), token_json(t->texts[m.items[i].right])));
    free(m.items);
    return list;
}

static json_t *read_pieces(const Tokens *t, Error *e)
{
    int64_t unk = 0;
    bool prefix = true;
    gguf_integer(t->g, "tokenizer.ggml.unknown_token_id", &unk);
    gguf_bool(t->g, "tokenizer.ggml.add_space_prefix", &prefix);
    json_t *merges = merges_by_score(t, e);
    if (!merges)
        return NULL;
    json_t *unknown = unk >= 0 && (uint64_t)unk < t->count ? token_json(t->texts[unk]) : json_null();
    json_t *spaces = json_pack("{s:s, s:{s:s}, s:s}", "type", "Replace", "pattern", "String", " ", "content", "▁");
    json_t *normalizer =
        prefix ? json_pack("{s:s, s:[{s:s, s:s}, o]}", "type", "Sequence", "normalizers", "type", "Prepend", "prepend", "▁", spaces)
               : spaces;
    json_t *decoders = json_pack("[{s:s, s:{s:s}, s:s}, {s:s}, {s:s}]", "type", "Replace", "pattern", "String", "▁", "content", " ", "type",
                                 "ByteFallback", "type", "Fuse");
    if (prefix)
        json_array_append_new(decoders, json_pack("{s:s, s:s, s:i, s:i}", "type", "Strip", "content", " ", "start", 1, "stop", 0));
    return json_pack("{s:o, s:o, s:o, s:{s:s, s:o}, s:{s:s, s:o, s:b, s:b, s:O, s:o}}", "added_tokens", added_tokens(t), "normalizer",
                     normalizer, "post_processor", post_processor(t, true), "decoder", "type", "Sequence", "decoders", decoders, "model",
                     "type", "BPE", "unk_token", unknown, "fuse_unk", 1, "byte_fallback", 1, "vocab", t->vocab, "merges", merges);
}

/* ---- the vocabulary ---- */

static Vocab *read_json(const Tokens *t, json_t *root, const Config *c, Error *e)
{
    char *text = root ? json_dumps(root, JSON_COMPACT) : NULL;
    Buffer name = {0};
    Vocab *v = NULL;
    buffer_printf(&name, "%s: tokenizer.ggml", t->g->path);
    if (text)
        v = vocab_read_parsed(root, text, strlen(text), c, buffer_text(&name), e);
    else if (root)
        error_memory(e, t->g->path);
    buffer_free(&name);
    free(text);
    json_decref(root);
    return v;
}

Vocab *gguf_vocab(const Gguf *g, const Config *c, Buffer *notes, Error *e)
{
    GgufText model;
    char quoted[QUOTE_SHORT];
    bool given = gguf_text(g, "tokenizer.ggml.model", &model);
    bool bytes = given && model.n == 4 && memcmp(model.at, "gpt2", 4) == 0,
         pieces = given && model.n == 5 && memcmp(model.at, "llama", 5) == 0;
    if (!bytes && !pieces) {
        bool none = !given || (model.n == 4 && memcmp(model.at, "none", 4) == 0) || (model.n == 8 && memcmp(model.at, "no_vocab", 8) == 0);
        if (!none)
            buffer_printf(notes, _("%s: tokenizer.ggml.model: %s is not read here, gpt2 and llama are; give ids, or --tokenizer\n"),
                          g->path, quote_short(model.at, model.n, quoted));
        if (c)
            return vocab_numbered(c->vocab_size, e);
        error_set(e, "%s: tokenizer.ggml.model: expected gpt2 or llama, found %s", g->path,
                  none ? _("none") : quote_short(model.at, model.n, quoted));
        return NULL;
    }
    Tokens t = {.g = g};
    json_t *root = NULL;
    int status = read_tokens(&t, e);
    if (status == 0)
        root = bytes ? read_bytes(&t, notes, e) : read_pieces(&t, e);
    Vocab *v = NULL;
    if (root) {
        v = read_json(&t, root, c, e);
    } else if (status == 0 && e && !e->text[0]) {
        error_memory(e, g->path);
    }
    json_decref(t.vocab);
    free(t.texts);
    return v;
}
