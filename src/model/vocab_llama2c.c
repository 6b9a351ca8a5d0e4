/* vocab_llama2c.c - llama2.c's tokenizer: its file, its encoding, its printing.
 * https://github.com/karpathy/llama2.c (run.c: build_tokenizer, encode, decode, safe_printf)
 *
 *     int32       the longest token's length in bytes
 *     per token   float32 score, int32 length, bytes
 *
 * all little-endian. Tokens 0, 1, 2 are unknown, begin and end; 3 … 258 are the bytes, written <0x00> … <0xFF>.
 *
 * Owns the merges. Knows nothing of the checkpoint. */
#include "base/text.h"
#include "model/merge.h"
#include "model/nearest.h"
#include "model/vocab_table.h"

#include <ctype.h>
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum { BOS = 1, EOS = 2, FIRST_BYTE = 3 };

/* ---- the file ---- */

static uint32_t read_u32(const unsigned char *p)
{
    return (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

static float read_float(const unsigned char *p)
{
    uint32_t bits = read_u32(p);
    float x;
    memcpy(&x, &bits, sizeof x);
    return x;
}

/* The length of the token whose entry begins at byte `at`, checked; or -1. */
static int64_t entry_len(const unsigned char *bytes, size_t n, size_t at, uint32_t longest, size_t id, const char *file, Error *e)
{
    if (n - at < 8)
        return error_set(e, "%s: byte %zu: expected token %zu, found the end of the file; is it cut off, or another model's?", file, at,
                         id);
    uint32_t len = read_u32(bytes + at + 4);
    if (len > longest)
        return error_set(e, "%s: byte %zu: token %zu: expected a length of at most %ju, the longest in its header, found %ju", file, at + 4,
                         id, (uintmax_t)longest, (uintmax_t)len);
    if (len > n - at - 8)
        return error_set(e, "%s: byte %zu: token %zu: expected %ju bytes of text, found the end of the file after %zu; is it cut off?",
                         file, at + 8, id, (uintmax_t)len, n - at - 8);
    if (!isfinite(read_float(bytes + at)))
        return error_set(e, "%s: byte %zu: token %zu: expected a finite score, found another", file, at, id);
    return len;
}

/* How many tokens the file holds, 0 with e set where it is not a whole number of them. */
static size_t count_entries(const unsigned char *bytes, size_t n, uint32_t longest, const char *file, Error *e)
{
    size_t count = 0;
    for (size_t at = 4; at < n; count++) {
        int64_t len = entry_len(bytes, n, at, longest, count, file, e);
        if (len < 0)
            return 0;
        at += 8 + (size_t)len;
    }
    if (count == 0)
        error_set(e, "%s: expected tokens, found none", file);
    return count;
}

static int read_entries(Vocab *v, const unsigned char *bytes, size_t n, uint32_t longest, const char *file, Error *e)
{
    size_t at = 4;
    char quoted[QUOTE_SHORT];
    v->scores = malloc(v->size * sizeof *v->scores);
    if (!v->scores)
        return error_memory(e, file);
    for (size_t id = 0; id < v->size; id++) {
        int64_t len = entry_len(bytes, n, at, longest, id, file, e);
        if (len < 0)
            return -1;
        const char *text = (const char *)bytes + at + 8;
        if (!text_is_valid(text, (size_t)len) || memchr(text, '\0', (size_t)len))
            return error_set(e, "%s: byte %zu: token %zu: expected UTF-8, found %s", file, at + 8, id,
                             quote_short(text, (size_t)len, quoted));
        v->scores[id] = read_float(bytes + at);
        vocab_add(v, id, text, (size_t)len);
        at += 8 + (size_t)len;
    }
    if (at != n)
        return error_set(e,
                         "%s: byte %zu: expected the end of the file after %zu tokens, the model's vocabulary, found %zu more bytes; "
                         "is it another model's?",
                         file, at, v->size, n - at);
    return vocab_index(v, file, e);
}

Vocab *vocab_read_llama2c(const unsigned char *bytes, size_t n, size_t size, const char *file, Error *e)
{
    if (n < 4) {
        error_set(e, "%s: expected the 4 bytes of the longest token's length, found %zu bytes", file, n);
        return NULL;
    }
    uint32_t longest = read_u32(bytes);
    if (longest == 0 || longest > n) {
        error_set(e, "%s: byte 0: expected the longest token's length, from 1 to %zu, found %ju; is it llama2.c's tokenizer?", file, n,
                  (uintmax_t)longest);
        return NULL;
    }
    if (size == 0 && (size = count_entries(bytes, n, longest, file, e)) == 0)
        return NULL;
    if (size > (n - 4) / 8 || size > CONFIG_MAX_SIZE) {
        error_set(e, "%s: expected %zu tokens of at least 8 bytes, found %zu bytes; is it another model's?", file, size, n - 4);
        return NULL;
    }
    Vocab *v = vocab_begin(size);
    if (!v) {
        error_memory(e, file);
        return NULL;
    }
    v->split = SPLIT_LLAMA2C;
    if (size > EOS) {
        v->special[TOKEN_BOS] = BOS;
        v->special[TOKEN_EOS] = EOS;
    }
    if (read_entries(v, bytes, n, longest, file, e) != 0) {
        vocab_free(v);
        return NULL;
    }
    return v;
}

static void write_u32(Buffer *out, uint32_t x)
{
    for (int i = 0; i < 4; i++)
        buffer_putc(out, (char)(unsigned char)(x >> (8 * i)));
}

void vocab_write_llama2c(const Vocab *v, Buffer *out)
{
    write_u32(out, (uint32_t)v->longest);
    for (size_t i = 0; i < v->size; i++) {
        size_t len = vocab_token_len(v, (int)i);
        uint32_t bits;
        memcpy(&bits, &v->scores[i], sizeof bits);
        write_u32(out, bits);
        write_u32(out, (uint32_t)len);
        buffer_add(out, v->pool.data + v->starts[i], len);
    }
}

/* ---- text to pieces ---- */

/* Appends the token of one character, or of its bytes where there is none. */
static int add_character(const Vocab *v, const char *s, size_t n, Ids *ids, Error *e)
{
    int id = vocab_lookup(v, s, n);
    if (id >= 0)
        return ids_add(ids, id, e);
    for (size_t i = 0; i < n; i++) {
        size_t byte = (size_t)(unsigned char)s[i] + FIRST_BYTE;
        char quoted[QUOTE_SHORT];
        if (byte >= v->size)
            return error_set(e, "text: expected characters of this model's vocabulary, found %s, and it has no tokens for bytes",
                             quote_short(s, n, quoted));
        if (ids_add(ids, (int)byte, e) != 0)
            return -1;
    }
    return 0;
}

/* A space in front, then the characters: a byte that begins none, and at most three that continue it. */
static int add_characters(const Vocab *v, const char *text, Ids *ids, Error *e)
{
    if (*text && add_character(v, " ", 1, ids, e) != 0)
        return -1;
    while (*text) {
        size_t n = 1;
        while (n < 4 && ((unsigned char)text[n] & 0xc0) == 0x80)
            n++;
        if (add_character(v, text, n, ids, e) != 0)
            return -1;
        text += n;
    }
    return 0;
}

/* ---- merges ----
 *
 * run.c looks for the best pair of neighbours in the whole text, merges it, and begins again: the time is the square of the text's
 * length. merge.c merges the same pairs in the same order. */

typedef struct Scored {
    const Vocab *v;
    char *text; /* room for a merged token */
} Scored;

/* The best score goes first. */
static bool find_merge(const void *context, int left, int right, Merge *out)
{
    const Scored *s = context;
    const Vocab *v = s->v;
    const float least = -1e10f; /* run.c merges nothing below */
    size_t n = vocab_token_len(v, left), more = vocab_token_len(v, right);
    if (n + more > v->longest)
        return false;
    memcpy(s->text, v->pool.data + v->starts[left], n);
    memcpy(s->text + n, v->pool.data + v->starts[right], more);
    int merged = vocab_lookup(v, s->text, n + more);
    if (merged < 0 || !(v->scores[merged] > least))
        return false;
    *out = (Merge){-(double)v->scores[merged], (double)v->scores[merged], merged};
    return true;
}

/* The tokens that merging begins with, and the bytes of the watched text that each is: a character, or one byte of it. */
static int record_start(const Vocab *v, const int *ids, size_t count, CutPiece *watch, Error *e)
{
    size_t at = 0, left = 0; /* bytes of a character that are still to be tokens of their own */
    for (size_t i = 0; i < count; i++) {
        size_t n = 0;
        if (ids[i] == BOS && i == 0)
            n = 0;
        else if (left)
            n = 1, left--;
        else {
            int32_t c;
            n = text_decode(watch->text + at, watch->len - at, &c);
            if (vocab_lookup(v, watch->text + at, n) < 0) {
                left = n - 1;
                n = 1;
            }
        }
        if (cut_add_token(&watch->start, at, at + n, ids[i], e) != 0)
            return -1;
        at += n;
    }
    return 0;
}

/* Merges the tokens from place `from` on. */
static int merge(const Vocab *v, Ids *ids, size_t from, CutPiece *watch, Error *e)
{
    size_t count = ids->len - from;
    if (watch && record_start(v, ids->data + from, count, watch, e) != 0)
        return -1;
    Scored s = {v, malloc(v->longest + 1)};
    CutTokens tokens = {.count = 0};
    int status = s.text ? 0 : error_memory(e, "text");
    for (size_t i = 0; i < count && status == 0; i++) /* which bytes each is, only where somebody watches */
        status = cut_add_token(&tokens, watch ? watch->start.items[i].from : 0, watch ? watch->start.items[i].to : 0, ids->data[from + i], e);
    if (status == 0)
        status = merge_neighbours(&tokens, 0, find_merge, &s, watch, e);
    ids->len = from + (status == 0 ? tokens.count : 0);
    for (size_t i = 0; status == 0 && i < tokens.count; i++)
        ids->data[from + i] = tokens.items[i].id;
    free(tokens.items);
    free(s.text);
    return status;
}

int vocab_encode_llama2c(const Vocab *v, const char *text, bool with_bos, CutPiece *watch, Ids *ids, Error *e)
{
    size_t from = ids->len;
    if (with_bos && ids_add(ids, BOS, e) != 0)
        return -1;
    return add_characters(v, text, ids, e) != 0 ? -1 : merge(v, ids, from, watch, e);
}

/* ---- ids to text ---- */

/* The byte that a token such as <0x0A> stands for, or -1. */
static int byte_of(const char *token)
{
    static const char digits[] = "0123456789ABCDEF";
    if (strlen(token) != 6 || strncmp(token, "<0x", 3) != 0 || token[5] != '>')
        return -1;
    const char *high = strchr(digits, token[3]), *low = strchr(digits, token[4]);
    return high && low ? (int)((high - digits) * 16 + (low - digits)) : -1;
}

void vocab_decode_llama2c(const Vocab *v, const int *ids, size_t n, Buffer *out)
{
    for (size_t i = 0; i < n; i++) {
        if (ids[i] >= 0 && (ids[i] == v->special[TOKEN_BOS] || ids[i] == v->special[TOKEN_EOS]))
            continue;
        const char *token = vocab_token(v, ids[i]);
        if (*token == ' ' && i > 0 && ids[i - 1] == BOS)
            token++;
        int byte = byte_of(token);
        if (byte < 0 && strlen(token) == 1)
            byte = (unsigned char)*token;
        if (byte < 0)
            buffer_puts(out, token);
        else if (byte >= 0x80 || (byte >= 0x20 && byte != 0x7f) || (byte >= '\t' && byte <= '\r'))
            buffer_putc(out, (char)byte); /* other control characters are not printed */
    }
}
