/* pipeline_decode.c - ids to text: the decoders of a tokenizer.json, one after the other; and a token as people read it.
 *
 * Knows nothing of how a text is cut. */
#include "base/text.h"
#include "model/pipeline.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Texts in a row, and where each ends. */
typedef struct Texts {
    Buffer text;
    size_t *ends;
    size_t count, cap;
} Texts;

static void end_text(Texts *t)
{
    if (t->count == t->cap) {
        size_t cap = t->cap ? 2 * t->cap : 64, *more = realloc(t->ends, cap * sizeof *more);
        if (!more) {
            t->text.failed = true;
            return;
        }
        t->ends = more;
        t->cap = cap;
    }
    t->ends[t->count++] = t->text.len;
}

static void free_texts(Texts *t)
{
    buffer_free(&t->text);
    free(t->ends);
}

/* The byte that "<0xE6>" stands for, or -1. */
static int byte_of(const char *s, size_t n)
{
    static const char digits[] = "0123456789ABCDEF0123456789abcdef";
    if (n != 6 || memcmp(s, "<0x", 3) != 0 || s[5] != '>' || !s[3] || !s[4])
        return -1;
    const char *high = strchr(digits, s[3]), *low = strchr(digits, s[4]);
    return high && low ? (int)((high - digits) % 16 * 16 + (low - digits) % 16) : -1;
}

/* Letters to bytes; a token with a letter that stands for none stays as it is. */
static void add_bytes(Buffer *out, const char *s, size_t n)
{
    size_t before = out->len;
    for (size_t at = 0; at < n;) {
        int32_t c;
        at += text_decode(s + at, n - at, &c);
        int byte = letter_byte(c);
        if (byte < 0) {
            out->len = before;
            buffer_add(out, s, n);
            return;
        }
        buffer_putc(out, (char)byte);
    }
}

static void add_replaced(Buffer *out, const char *s, size_t n, const char *what, size_t what_n, const char *by)
{
    for (size_t at = 0; at < n;) {
        if (what_n && n - at >= what_n && memcmp(s + at, what, what_n) == 0) {
            buffer_puts(out, by);
            at += what_n;
        } else
            buffer_putc(out, s[at++]);
    }
}

/* BERT's: a space before a mark goes, contractions join. */
static void clean_up(Buffer *b, size_t from)
{
    static const char *const pairs[][2] = {{" .", "."},    {" ?", "?"},     {" !", "!"},    {" ,", ","},     {" ' ", "'"},   {" n't", "n't"},
                                           {" 'm", "'m"}, {" do not", " don't"}, {" 's", "'s"}, {" 've", "'ve"}, {" 're", "'re"}};
    for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++) {
        Buffer next = {0};
        if (b->len > from)
            add_replaced(&next, b->data + from, b->len - from, pairs[i][0], strlen(pairs[i][0]), pairs[i][1]);
        b->len = from;
        buffer_add(b, buffer_text(&next), next.len);
        buffer_free(&next);
    }
}

static void add_stripped(Buffer *out, const Decoder *d, const char *s, size_t n)
{
    size_t from = 0, to = n;
    for (size_t i = 0; i < d->start && to - from >= d->len && memcmp(s + from, d->text, d->len) == 0; i++)
        from += d->len;
    for (size_t i = 0; i < d->stop && to - from >= d->len && memcmp(s + to - d->len, d->text, d->len) == 0; i++)
        to -= d->len;
    buffer_add(out, s + from, to - from);
}

static void add_pattern(Buffer *out, const Decoder *d, const char *s, size_t n)
{
    Matches found = {NULL, 0, 0};
    size_t at = 0;
    if (text_is_valid(s, n) && pattern_find(d->pattern, s, n, &found, NULL) == 0)
        for (size_t i = 0; i < found.count; i++) {
            buffer_add(out, s + at, found.items[i].from - at);
            buffer_add(out, d->text, d->len);
            at = found.items[i].to;
        }
    buffer_add(out, s + at, n - at);
    free(found.items);
}

/* What a decoder makes of text i of `count`, the n bytes at s. */
static void decode_one(const Decoder *d, size_t i, size_t count, const char *s, size_t n, Buffer *out)
{
    size_t before = out->len;
    switch (d->kind) {
    case DECODE_BYTES: add_bytes(out, s, n); break;
    case DECODE_WORDPIECE:
        if (i && n >= d->len && memcmp(s, d->text, d->len) == 0)
            buffer_add(out, s + d->len, n - d->len);
        else {
            if (i)
                buffer_putc(out, ' ');
            buffer_add(out, s, n);
        }
        if (d->cleanup)
            clean_up(out, before);
        break;
    case DECODE_METASPACE: add_replaced(out, s, n, d->text, d->len, i == 0 && !d->keep_first ? "" : " "); break;
    case DECODE_BYTE_TOKENS:
        if (byte_of(s, n) >= 0)
            buffer_putc(out, (char)byte_of(s, n));
        else
            buffer_add(out, s, n);
        break;
    case DECODE_STRIP: add_stripped(out, d, s, n); break;
    case DECODE_REPLACE: add_pattern(out, d, s, n); break;
    case DECODE_SUFFIX: add_replaced(out, s, n, d->text, d->len, i + 1 == count ? "" : " "); break;
    case DECODE_FUSE: buffer_add(out, s, n); break;
    }
}

static void decode_all(const Decoder *d, Texts *t)
{
    Texts next = {.count = 0};
    for (size_t i = 0, from = 0; i < t->count; from = t->ends[i++]) {
        decode_one(d, i, t->count, buffer_text(&t->text) + from, t->ends[i] - from, &next.text);
        if (d->kind != DECODE_FUSE || i + 1 == t->count)
            end_text(&next);
    }
    free_texts(t);
    *t = next;
}

void pipeline_decode(const Pipeline *p, const int *ids, size_t n, bool (*skip)(const void *context, int id), const void *context, Buffer *out)
{
    Texts t = {.count = 0};
    for (size_t i = 0; i < n; i++) {
        size_t len;
        const char *s = pipeline_spelling(p, ids[i], &len);
        if (skip && skip(context, ids[i]))
            continue;
        if (!s) /* no such token */
            s = "?", len = 1;
        if (t.count && p->decoder_count == 0)
            buffer_putc(&t.text, ' ');
        buffer_add(&t.text, s, len);
        end_text(&t);
    }
    for (size_t i = 0; i < p->decoder_count; i++)
        decode_all(&p->decoders[i], &t);
    buffer_add(out, buffer_text(&t.text), t.text.len);
    out->failed |= t.text.failed;
    free_texts(&t);
}

/* ---- a token as it is read ---- */

static bool has_decoder(const Pipeline *p, DecoderKind kind)
{
    for (size_t i = 0; i < p->decoder_count; i++)
        if (p->decoders[i].kind == kind)
            return true;
    return false;
}

bool pipeline_is_byte_level(const Pipeline *p)
{
    bool rule = has_decoder(p, DECODE_BYTES);
    for (size_t i = 0; !rule && i < p->pre_tokenizer.count; i++)
        rule = p->pre_tokenizer.items[i].kind == RULE_BYTES;
    return rule;
}

bool pipeline_has_spaces(const Pipeline *p)
{
    return p->decoder_count && !has_decoder(p, DECODE_WORDPIECE);
}

void pipeline_show(const Pipeline *p, int id, Buffer *out)
{
    static const char space[] = "\xe2\x96\x81"; /* SentencePiece's ▁ */
    size_t n;
    const char *s = pipeline_spelling(p, id, &n);
    Buffer bytes = {0};
    if (!s) {
        buffer_printf(out, "#%d", id);
        return;
    }
    if (pipeline_added(p, id) || (!pipeline_is_byte_level(p) && !pipeline_has_spaces(p)))
        buffer_add(&bytes, s, n);
    else if (pipeline_is_byte_level(p))
        add_bytes(&bytes, s, n);
    else
        add_replaced(&bytes, s, n, space, sizeof space - 1, " ");
    for (size_t at = 0; at < bytes.len;) {
        int32_t c;
        size_t used = text_decode(bytes.data + at, bytes.len - at, &c);
        bool bad = (c == 0xfffd && used == 1) || c == 0;
        if (bad)
            buffer_printf(out, "<0x%02X>", (unsigned char)bytes.data[at]);
        else
            buffer_add(out, bytes.data + at, used);
        at += used;
    }
    buffer_free(&bytes);
}
