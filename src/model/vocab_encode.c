/* vocab_encode.c - text to ids and back, for the three splits of a native vocabulary.
 *
 * Owns where a text is cut. Knows neither files nor llama2.c's merges. */
#include "base/text.h"
#include "model/nearest.h"
#include "model/vocab_table.h"

#include <stdlib.h>
#include <string.h>
#include <utf8proc.h>

static bool is_space(int32_t c)
{
    if (c == ' ' || (c >= '\t' && c <= '\r') || c == 0x85)
        return true;
    return c > 0x7f && utf8proc_category(c) == UTF8PROC_CATEGORY_ZS;
}

static bool is_punctuation(int32_t c)
{
    utf8proc_category_t category = utf8proc_category(c);
    return category >= UTF8PROC_CATEGORY_PC && category <= UTF8PROC_CATEGORY_PO;
}

/* ---- what is not in the vocabulary ---- */

/* How many characters the n bytes at s are. */
static size_t count_chars(const char *s, size_t n)
{
    size_t count = 0;
    for (; n; count++) {
        int32_t c;
        size_t used = text_decode(s, n, &c);
        s += used;
        n -= used;
    }
    return count;
}

/* The error for the len bytes at `at` of the text; the nearest tokens are those close to the word of n bytes there. */
static int unknown(const Vocab *v, const char *what, const char *text, const char *at, size_t len, size_t n, Error *e)
{
    char quoted[QUOTE_SHORT], hint[NEAREST_HINT];
    Nearest near = nearest_to(at, n);
    for (size_t i = 0; i < v->size; i++)
        nearest_offer(&near, vocab_token(v, (int)i));
    nearest_hint(&near, hint);
    return error_set(e, "text: character %zu: expected a %s of this model's vocabulary, found %s%s",
                     count_chars(text, (size_t)(at - text)) + 1, what, quote_short(at, len, quoted),
                     hint[0] ? hint : _("; 'stepformer tokens -m MODEL' lists what it knows"));
}

/* ---- words ---- */

/* Appends the tokens of one word, the n bytes at `at`. */
static int encode_word(const Vocab *v, const char *text, const char *at, size_t n, Ids *ids, Error *e)
{
    const char *tail = at + n; /* from here to `end`: punctuation that was split off behind */
    const char *end = tail;
    int id;
    while ((id = vocab_lookup(v, at, (size_t)(tail - at))) < 0) {
        int32_t c;
        size_t used = text_decode(at, (size_t)(tail - at), &c);
        int mark = is_punctuation(c) ? vocab_lookup(v, at, used) : -1;
        if (mark >= 0) { /* a lone mark would have been found: there is more behind it */
            if (ids_add(ids, mark, e) != 0)
                return -1;
            at += used;
            continue;
        }
        const char *last = tail - 1;
        while (last > at && ((unsigned char)*last & 0xc0) == 0x80)
            last--;
        text_decode(last, (size_t)(tail - last), &c);
        if (last == at || !is_punctuation(c) || vocab_lookup(v, last, (size_t)(tail - last)) < 0)
            break;
        tail = last;
    }
    if (id < 0)
        id = v->special[TOKEN_UNK];
    if (id < 0)
        return unknown(v, "word", text, at, (size_t)(tail - at), (size_t)(tail - at), e);
    if (ids_add(ids, id, e) != 0)
        return -1;
    while (tail < end) {
        int32_t c;
        size_t used = text_decode(tail, (size_t)(end - tail), &c);
        if (ids_add(ids, vocab_lookup(v, tail, used), e) != 0)
            return -1;
        tail += used;
    }
    return 0;
}

/* Writes the tokens of the word of n bytes at `at` down. All are as long as their texts but an unknown one, which is what the others leave.
 */
static int watch_word(const Vocab *v, const char *at, size_t n, const Ids *ids, size_t before, Cut *watch, Error *e)
{
    CutPiece *p = cut_add_piece(watch, CUT_WHOLE, at, n, e);
    size_t known = 0, from = 0;
    if (!p)
        return -1;
    p->first_id = before;
    for (size_t i = before; i < ids->len; i++)
        known += ids->data[i] == v->special[TOKEN_UNK] ? 0 : vocab_token_len(v, ids->data[i]);
    for (size_t i = before; i < ids->len; i++) {
        int id = ids->data[i];
        bool whole = vocab_lookup(v, at, n) == id;
        size_t len = whole ? n : id == v->special[TOKEN_UNK] ? n - known : vocab_token_len(v, id);
        if (cut_add_step(p, (CutStep){CUT_TAKE, from, 0, from + len, id, 0, 0, -1, -1}, e) != 0 ||
            cut_add_token(&p->tokens, from, from + len, id, e) != 0)
            return -1;
        from += len;
    }
    return 0;
}

static int cut_word(const Vocab *v, const char *text, const char *at, size_t n, Cut *watch, Ids *ids, Error *e)
{
    size_t before = ids->len;
    if (encode_word(v, text, at, n, ids, e) != 0)
        return -1;
    return watch ? watch_word(v, at, n, ids, before, watch, e) : 0;
}

static int encode_words(const Vocab *v, const char *text, size_t n, Cut *watch, Ids *ids, Error *e)
{
    const char *end = text + n, *at = text, *word = text;
    while (at < end) {
        int32_t c;
        size_t used = text_decode(at, (size_t)(end - at), &c);
        if (is_space(c)) {
            if (at > word && cut_word(v, text, word, (size_t)(at - word), watch, ids, e) != 0)
                return -1;
            int id = vocab_lookup(v, at, used); /* a newline may be a token */
            if (id >= 0 && ids_add(ids, id, e) != 0)
                return -1;
            if (id >= 0 && watch && watch_word(v, at, used, ids, ids->len - 1, watch, e) != 0)
                return -1;
            word = at + used;
        }
        at += used;
    }
    return at > word ? cut_word(v, text, word, (size_t)(at - word), watch, ids, e) : 0;
}

/* ---- characters and longest match ---- */

/* What may be found inside a text: the special tokens are put there by the tokenizer, except a mask, which only
 * the one who writes the text can put. */
static bool is_plain(const Vocab *v, int id)
{
    for (int i = 0; i < TOKEN_COUNT; i++)
        if (v->special[i] == id && i != TOKEN_MASK)
            return false;
    return true;
}

static bool is_mask(const Vocab *v, int id)
{
    return v->special[TOKEN_MASK] == id;
}

/* The token that begins at `at`, its length in *len; -1 where there is none. */
static int match(const Vocab *v, const char *at, size_t n, size_t *len)
{
    if (v->split == SPLIT_LONGEST_MATCH)
        return vocab_longest(v, at, n, is_plain, len);
    int id = vocab_longest(v, at, n, is_mask, len);
    if (id >= 0)
        return id;
    int32_t c;
    *len = text_decode(at, n, &c);
    id = vocab_lookup(v, at, *len);
    return id >= 0 && is_plain(v, id) ? id : -1;
}

/* Bytes of the word that begins at `at`. */
static size_t word_len(const char *at, size_t n)
{
    size_t len = 0;
    while (len < n) {
        int32_t c;
        size_t used = text_decode(at + len, n - len, &c);
        if (is_space(c))
            break;
        len += used;
    }
    return len;
}

static bool is_latin(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/* The error for a character at `at` that no token begins with. A Latin word is named whole: a token may have taken the "he" of
 * "hello", and nobody wonders about its "l". */
static int unknown_match(const Vocab *v, const char *text, const char *at, size_t n, Error *e)
{
    int32_t c;
    size_t len = text_decode(at, n, &c);
    if (v->split == SPLIT_CHARACTERS)
        return unknown(v, "character", text, at, len, word_len(at, n), e);
    if (!is_latin(*at))
        return unknown(v, "token", text, at, len, word_len(at, n), e);
    const char *from = at, *end = at + n, *behind = at;
    while (from > text && is_latin(from[-1]))
        from--;
    while (behind < end && is_latin(*behind))
        behind++;
    len = (size_t)(behind - from);
    return unknown(v, "token", text, from, len, len, e);
}

/* Writes a match of len bytes at place `at` down, behind the shorter tokens that begin there too. */
static int watch_match(const Vocab *v, CutPiece *p, size_t at, size_t len, int id, Error *e)
{
    for (size_t n = 1; v->split == SPLIT_LONGEST_MATCH && n < len; n++) {
        int shorter = vocab_lookup(v, p->text + at, n);
        if (shorter >= 0 && is_plain(v, shorter) && cut_add_step(p, (CutStep){CUT_SHORTER, at, 0, at + n, shorter, 0, 0, -1, -1}, e) != 0)
            return -1;
    }
    if (cut_add_step(p, (CutStep){CUT_TAKE, at, 0, at + len, id, 0, 0, -1, -1}, e) != 0)
        return -1;
    return cut_add_token(&p->tokens, at, at + len, id, e);
}

static int encode_matches(const Vocab *v, const char *text, size_t n, Cut *watch, Ids *ids, Error *e)
{
    const char *end = text + n, *at = text;
    CutPiece *p = cut_add_piece(watch, v->split == SPLIT_CHARACTERS ? CUT_WHOLE : CUT_LONGEST, text, n, e);
    if (watch && !p)
        return -1;
    if (p)
        p->first_id = ids->len;
    while (at < end) {
        int32_t c;
        size_t left = (size_t)(end - at), len = 0, used = text_decode(at, left, &c);
        int id = match(v, at, left, &len);
        if (id < 0) {
            len = used;
            id = is_space(c) ? -1 : v->special[TOKEN_UNK];
            if (id < 0 && !is_space(c))
                return unknown_match(v, text, at, left, e);
        }
        if (id >= 0 && ids_add(ids, id, e) != 0)
            return -1;
        if (id >= 0 && p && watch_match(v, p, (size_t)(at - text), len, id, e) != 0)
            return -1;
        at += len;
    }
    return 0;
}

/* ---- for everyone ---- */

int vocab_encode_native(const Vocab *v, const char *text, Cut *watch, Ids *ids, Error *e)
{
    size_t n = strlen(text);
    if (!text_is_valid(text, n))
        return error_set(e, "text: expected UTF-8, found other bytes");
    return v->split == SPLIT_WORDS ? encode_words(v, text, n, watch, ids, e) : encode_matches(v, text, n, watch, ids, e);
}

bool vocab_puts_bos(const Vocab *v, EncodeFor how)
{
    return v->special[TOKEN_BOS] >= 0 && (how == ENCODE_DECODER || (how == ENCODE_ENCODER && v->encoder_only));
}

static int encode(const Vocab *v, const char *text, EncodeFor how, Ids *ids, Error *e)
{
    int bos = v->special[TOKEN_BOS], eos = v->special[TOKEN_EOS];
    bool with_bos = vocab_puts_bos(v, how);
    if (v->split == SPLIT_LLAMA2C) {
        if (vocab_encode_llama2c(v, text, with_bos, NULL, ids, e) != 0)
            return -1;
    } else {
        if (with_bos && ids_add(ids, bos, e) != 0)
            return -1;
        if (vocab_encode_native(v, text, NULL, ids, e) != 0)
            return -1;
    }
    return how == ENCODE_ENCODER && eos >= 0 ? ids_add(ids, eos, e) : 0;
}

const Pipeline *vocab_pipeline(const Vocab *v, EncodeFor how)
{
    return v->translation && how == ENCODE_DECODER ? v->translation : v->pipeline;
}

bool vocab_has_places(const Vocab *v)
{
    return v->pipeline != NULL;
}

int vocab_encode_places(const Vocab *v, const char *text, EncodeFor how, CutId **out, size_t *count, Error *e)
{
    size_t n = strlen(text);
    if (!text_is_valid(text, n))
        return error_set(e, "text: expected UTF-8, found other bytes");
    return pipeline_encode(vocab_pipeline(v, how), text, n, how != ENCODE_BARE, out, count, NULL, e);
}

static int encode_pipeline(const Vocab *v, const char *text, EncodeFor how, Ids *ids, Error *e)
{
    CutId *found;
    size_t count, before = ids->len;
    int status = vocab_encode_places(v, text, how, &found, &count, e);
    for (size_t i = 0; status == 0 && i < count; i++)
        status = ids_add(ids, found[i].id, e);
    if (status == 0)
        free(found);
    else
        ids->len = before;
    return status;
}

int vocab_encode(const Vocab *v, const char *text, EncodeFor how, Ids *ids, Error *e)
{
    size_t before = ids->len;
    if (v->pipeline)
        return encode_pipeline(v, text, how, ids, e);
    if (!v->has_text)
        return error_set(e, "text: expected ids, because this model has no vocabulary, found a text; try --ids 0,1,2");
    if (encode(v, text, how, ids, e) == 0)
        return 0;
    ids->len = before;
    return -1;
}

/* ---- ids to text ---- */

/* The last character of a token. */
static int32_t last_char(const char *token)
{
    size_t n = strlen(token), at = n;
    int32_t c;
    do
        at--;
    while (at > 0 && ((unsigned char)token[at] & 0xc0) == 0x80);
    text_decode(token + at, n - at, &c);
    return c;
}

/* True where longest-match puts a space between two tokens: not beside what is written without spaces (Chinese), nor before a mark that
 * belongs to the word before it. */
static bool is_apart(const char *before, const char *token)
{
    int32_t first;
    text_decode(token, strlen(token), &first);
    return text_char_width(last_char(before)) < 2 && text_char_width(first) < 2 && !strchr(".,;:?!\'", *token);
}

/* Begin, end and padding are no part of the text. */
static bool is_left_out(const void *context, int id)
{
    const Vocab *v = context;
    return id >= 0 && (id == v->special[TOKEN_BOS] || id == v->special[TOKEN_EOS] || id == v->special[TOKEN_PAD]);
}

void vocab_decode(const Vocab *v, const int *ids, size_t n, Buffer *out)
{
    if (v->pipeline) {
        pipeline_decode(v->pipeline, ids, n, is_left_out, v, out);
        return;
    }
    if (v->split == SPLIT_LLAMA2C) {
        vocab_decode_llama2c(v, ids, n, out);
        return;
    }
    bool words = v->split == SPLIT_WORDS || !v->has_text;
    const char *before = NULL;
    for (size_t i = 0; i < n; i++) {
        if (is_left_out(v, ids[i]))
            continue;
        const char *token = vocab_token(v, ids[i]);
        if (before && (words || (v->split == SPLIT_LONGEST_MATCH && is_apart(before, token))))
            buffer_putc(out, ' ');
        buffer_puts(out, token);
        before = token;
    }
}

void vocab_decode_all(const Vocab *v, const int *ids, size_t n, Buffer *out)
{
    pipeline_decode(v->pipeline, ids, n, NULL, NULL, out);
}
