/* pipeline_text.c - older tokenizer files: GPT-2's vocab.json and merges.txt, BERT's vocab.txt, each made into the tokenizer.json that says the
 * same, and read as that.
 *
 * Owns these files' lines; all checks of tokens and merges are the other reader's. */
#include "base/text.h"
#include "model/nearest.h"
#include "model/pipeline_json.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The line at `at`, without its end; moves *at behind it. */
static const char *next_line(const char **at, const char *end, size_t *n)
{
    const char *line = *at, *newline = memchr(line, '\n', (size_t)(end - line));
    *at = newline ? newline + 1 : end;
    *n = (size_t)((newline ? newline : end) - line);
    if (*n && line[*n - 1] == '\r')
        (*n)--;
    return line;
}

/* Goes past a byte order mark. */
static void skip_mark(const char **text, size_t *n)
{
    if (*n >= 3 && memcmp(*text, "\xef\xbb\xbf", 3) == 0) {
        *text += 3;
        *n -= 3;
    }
}

/* Lines of UTF-8, or -1 with e set. */
static int check_text(const char *text, size_t n, const char *file, Error *e)
{
    const char *format = found_format(text, n);
    if (format)
        return error_set(e, "%s: expected lines of UTF-8, found %s", file, format);
    if (!text_is_valid(text, n) || memchr(text, '\0', n))
        return error_set(e, "%s: expected UTF-8, found other bytes", file);
    return 0;
}

/* Reads what was made, and keeps what it was made of; `file` is what errors name. Takes root, which may be NULL with e set. */
static Pipeline *read_made(json_t *root, const char *lines, size_t n, const char *ids, size_t ids_n, const char *file, Error *e)
{
    Pipeline *p = root ? pipeline_read_parsed(root, NULL, 0, file, e) : NULL;
    json_decref(root);
    if (!p)
        return NULL;
    buffer_add(&p->lines, lines, n);
    buffer_add(&p->ids, ids, ids_n);
    if (!p->lines.failed && !p->ids.failed)
        return p;
    pipeline_free(p);
    error_memory(e, file);
    return NULL;
}

/* ---- GPT-2 ---- */

/* Each line two tokens; the first may be "#version: …". */
static json_t *read_merges(const char *text, size_t n, const char *file, Error *e)
{
    if (check_text(text, n, file, e) != 0)
        return NULL;
    skip_mark(&text, &n);
    json_t *list = json_array();
    const char *at = text, *end = text + n;
    for (size_t number = 1; at < end; number++) {
        size_t len;
        const char *line = next_line(&at, end, &len), *space = memchr(line, ' ', len);
        char quoted[QUOTE_SHORT];
        if (len == 0 || (number == 1 && len >= 8 && memcmp(line, "#version", 8) == 0))
            continue;
        if (!space || space == line || space + 1 == line + len || memchr(space + 1, ' ', (size_t)(line + len - space - 1))) {
            error_set(e, "%s: line %zu: expected two tokens with a space between them, found %s", file, number, quote_short(line, len, quoted));
            json_decref(list);
            return NULL;
        }
        json_array_append_new(list, json_stringn(line, len));
    }
    return list;
}

/* Each token of several letters comes from a merge, but for those that are special, which are written <…>. Where merges.txt was cut off at
 * the end of a line, nothing else tells. */
static int note_unmade(Pipeline *p, const char *vocab_file, const char *merges_file, Error *e)
{
    const Subword *s = &p->subword;
    bool *made = calloc(s->tokens.size + 1, sizeof *made);
    size_t unmade = 0;
    char first[QUOTE_SHORT] = "";
    if (!made)
        return error_memory(e, vocab_file);
    for (size_t i = 0; i < s->merge_slots; i++)
        if (s->merges[i].left >= 0)
            made[s->merges[i].merged] = true;
    for (size_t id = 0; id < s->tokens.size; id++) {
        size_t n;
        int32_t letter;
        const char *text = token_table_text(&s->tokens, (int)id, &n);
        bool special = text && n > 2 && text[0] == '<' && text[n - 1] == '>';
        if (text && !made[id] && !special && n > text_decode(text, n, &letter) && unmade++ == 0)
            quote_short(text, n, first);
    }
    free(made);
    if (unmade)
        buffer_printf(&p->notes,
                      ngettext("%s: makes no token of %zu that %s has, %s: is it cut off, or another model's?\n",
                               "%s: makes none of %zu tokens that %s has, such as %s: is it cut off, or another model's?\n", unmade),
                      merges_file, unmade, vocab_file, first);
    return 0;
}

static json_t *make_gpt2(const char *vocab, size_t n, const char *vocab_file, const char *merges, size_t merges_n, const char *merges_file, Error *e)
{
    json_t *tokens = found_json(vocab, n, JSON_REJECT_DUPLICATES, vocab_file, e);
    if (!json_is_object(tokens)) {
        char found[FOUND_MAX];
        if (tokens)
            error_set(e, "%s: expected an object that says each token's id, found %s", vocab_file, found_describe(tokens, found));
        json_decref(tokens);
        return NULL;
    }
    json_t *list = read_merges(merges, merges_n, merges_file, e);
    if (!list) {
        json_decref(tokens);
        return NULL;
    }
    const json_t *end = json_object_get(tokens, "<|endoftext|>"); /* the one special token that GPT-2 has */
    json_t *added = json_array();
    if (json_is_integer(end))
        json_array_append_new(added, json_pack("{s:I, s:s, s:b, s:b}", "id", json_integer_value(end), "content", "<|endoftext|>", "special", 1, "normalized", 0));
    json_t *root = json_pack("{s:o, s:{s:s, s:b, s:b}, s:{s:s}, s:{s:s, s:o, s:o}}", "added_tokens", added, "pre_tokenizer", "type", "ByteLevel",
                             "add_prefix_space", 0, "use_regex", 1, "decoder", "type", "ByteLevel", "model", "type", "BPE", "vocab", tokens, "merges",
                             list);
    if (!root)
        error_memory(e, vocab_file);
    return root;
}

Pipeline *pipeline_read_gpt2(const char *vocab, size_t n, const char *vocab_file, const char *merges, size_t merges_n, const char *merges_file,
                             Error *e)
{
    Buffer name = {0};
    const char *slash = strrchr(merges_file, '/');
    buffer_printf(&name, "%s + %s", vocab_file, slash ? slash + 1 : merges_file);
    Pipeline *p = read_made(make_gpt2(vocab, n, vocab_file, merges, merges_n, merges_file, e), merges, merges_n, vocab, n, buffer_text(&name), e);
    buffer_free(&name);
    if (p && note_unmade(p, vocab_file, merges_file, e) != 0) {
        pipeline_free(p);
        return NULL;
    }
    return p;
}

/* ---- BERT ---- */

static int add_special(json_t *added, const json_t *vocab, const char *text, json_int_t *id)
{
    const json_t *found = json_object_get(vocab, text);
    if (!found)
        return -1;
    *id = json_integer_value(found);
    return json_array_append_new(added, json_pack("{s:I, s:s, s:b, s:b}", "id", *id, "content", text, "special", 1, "normalized", 0));
}

static json_t *make_bert(const char *text, size_t n, const char *file, Error *e)
{
    static const char *const specials[] = {"[PAD]", "[UNK]", "[MASK]"};
    json_t *vocab = json_object(), *added = json_array();
    json_int_t cls = -1, sep = -1, other;
    int status = check_text(text, n, file, e);
    skip_mark(&text, &n);
    const char *at = text, *end = text + n;
    for (size_t id = 0; status == 0 && at < end; id++) {
        size_t len;
        char quoted[QUOTE_SHORT];
        const char *line = next_line(&at, end, &len);
        if (json_object_getn(vocab, line, len))
            status = error_set(e, "%s: line %zu: expected a new token, found %s again", file, id + 1, quote_short(line, len, quoted));
        else
            json_object_setn_new(vocab, line, len, json_integer((json_int_t)id));
    }
    for (size_t i = 0; i < 3; i++)
        add_special(added, vocab, specials[i], &other);
    if (status == 0 && (add_special(added, vocab, "[CLS]", &cls) != 0 || add_special(added, vocab, "[SEP]", &sep) != 0))
        status = error_set(e, "%s: expected BERT's vocabulary, with [CLS] and [SEP], found none of these", file);
    json_t *root = status == 0 ? json_pack("{s:o, s:{s:s}, s:{s:s}, s:{s:s, s:[s,I], s:[s,I]}, s:{s:s}, s:{s:s, s:o}}", "added_tokens", added,
                                           "normalizer", "type", "BertNormalizer", "pre_tokenizer", "type", "BertPreTokenizer",
                                           "post_processor", "type", "BertProcessing", "cls", "[CLS]", cls, "sep", "[SEP]", sep, "decoder", "type",
                                           "WordPiece", "model", "type", "WordPiece", "vocab", vocab)
                               : NULL;
    if (status == 0 && !root)
        error_memory(e, file);
    if (status != 0) {
        json_decref(vocab);
        json_decref(added);
    }
    return root;
}

Pipeline *pipeline_read_bert(const char *text, size_t n, const char *file, Error *e)
{
    return read_made(make_bert(text, n, file, e), text, n, "", 0, file, e);
}

/* ---- what they say as a tokenizer.json ---- */

const Buffer *pipeline_source(Pipeline *p)
{
    const Buffer *ids = &p->ids, *lines = &p->lines;
    if (p->source.len || !lines->len)
        return &p->source;
    json_t *root = ids->len ? make_gpt2(ids->data, ids->len, "vocab.json", lines->data, lines->len, "merges.txt", NULL)
                            : make_bert(lines->data, lines->len, "vocab.txt", NULL);
    char *text = root ? json_dumps(root, JSON_COMPACT) : NULL;
    if (text)
        buffer_puts(&p->source, text);
    else
        p->source.failed = true;
    free(text);
    json_decref(root);
    return &p->source;
}
