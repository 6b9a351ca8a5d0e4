/* rule_change.c - the rules that change a text: each character's replacement keeps the place the character came from.
 *
 * Knows nothing of cuts nor of tokens. */
#include "model/rule_internal.h"

#include "base/text.h"

#include <stdlib.h>
#include <string.h>
#include <utf8proc.h>

/* ---- bytes as letters ---- */

/* GPT-2's bytes_to_unicode: printable Latin-1 stands for itself, the other bytes for the letters from U+0100 on.
 * https://github.com/openai/gpt-2/blob/master/src/encoder.py */
static bool is_itself(int32_t c)
{
    return (c >= '!' && c <= '~') || (c >= 0xa1 && c <= 0xac) || (c >= 0xae && c <= 0xff);
}

/* The others, in order: 0x00 … 0x20, 0x7f … 0xa0, 0xad. */
enum { LETTERS = 0x100, MIDDLE = LETTERS + 0x21, LAST = MIDDLE + 0x22 };

int32_t byte_letter(unsigned char byte)
{
    if (is_itself(byte))
        return byte;
    return byte <= 0x20 ? LETTERS + byte : byte <= 0xa0 ? MIDDLE + (byte - 0x7f) : LAST;
}

int letter_byte(int32_t c)
{
    if (is_itself(c))
        return c;
    if (c < LETTERS || c > LAST)
        return -1;
    return c < MIDDLE ? c - LETTERS : c < LAST ? c - MIDDLE + 0x7f : 0xad;
}

/* ---- one character at a time ---- */

typedef struct Change {
    const Rule *rule;
    const TextPieces *in;
    TextPieces *out;
} Change;

static void put_char(Change *w, int32_t c, Origin o)
{
    char text[4];
    pieces_add(w->out, text, text_encode(c, text), o);
}

static bool is_nmt_gone(int32_t c)
{
    return (c >= 1 && c <= 8) || c == 0xb || (c >= 0xe && c <= 0x1f) || c == 0x7f || c == 0x8f || c == 0x9f;
}

static bool is_nmt_space(int32_t c)
{
    return c == 9 || c == 0xa || c == 0xc || c == 0xd || c == 0x1680 || (c >= 0x200b && c <= 0x200f) || c == 0x2028 || c == 0x2029 ||
           c == 0x2581 || c == 0xfeff || c == 0xfffd;
}

/* The character c, which is bytes at … at+n of the piece's text. */
static void change_char(Change *w, int32_t c, size_t at, size_t n)
{
    Origin o = pieces_origin(w->in, at, at + n);
    switch (w->rule->kind) {
    case RULE_LOWERCASE:
        put_char(w, c == 0x130 ? 'i' : utf8proc_tolower(c), o);
        if (c == 0x130) /* the one letter that becomes two */
            put_char(w, 0x307, o);
        return;
    case RULE_CLEAN:
        if (c == 0 || c == 0xfffd || char_is_control(c))
            return;
        put_char(w, char_is_space(c) ? ' ' : c, o);
        return;
    case RULE_NMT:
        if (!is_nmt_gone(c))
            put_char(w, is_nmt_space(c) ? ' ' : c, o);
        return;
    case RULE_CHINESE:
        if (char_is_chinese(c))
            pieces_add(w->out, " ", 1, (Origin){o.from, o.from});
        pieces_copy(w->out, w->in, at, at + n);
        if (char_is_chinese(c))
            pieces_add(w->out, " ", 1, (Origin){o.to, o.to});
        return;
    case RULE_BYTES:
        for (size_t i = at; i < at + n; i++)
            put_char(w, byte_letter((unsigned char)w->in->text.data[i]), w->in->origins[i]);
        return;
    default: pieces_copy(w->out, w->in, at, at + n);
    }
}

static void change_chars(Change *w, TextPiece p)
{
    for (size_t at = p.from; at < p.to;) {
        int32_t c;
        size_t used = text_decode(w->in->text.data + at, p.to - at, &c);
        change_char(w, c, at, used);
        at += used;
    }
}

/* ---- Unicode's normal forms ---- */

/* True where a character may combine with the one before although it is no mark: Hangul's letters, and the half-wide forms of these and of
 * the Japanese voice marks. */
static bool may_join(int32_t c)
{
    return (c >= 0x1100 && c <= 0x11ff) || (c >= 0x3131 && c <= 0x318e) || (c >= 0xac00 && c <= 0xd7fb) || (c >= 0xff9e && c <= 0xffdc);
}

/* Bytes of the stretch at s that normalises by itself: up to the next character that begins one. */
static size_t stretch(const char *s, size_t n)
{
    size_t at = 0;
    while (at < n) {
        int32_t c;
        size_t used = text_decode(s + at, n - at, &c);
        const utf8proc_property_t *q = utf8proc_get_property(c);
        if (at && q->combining_class == 0 && !char_is_mark(c) && !may_join(c))
            break;
        at += used;
    }
    return at;
}

static int change_form(const Change *w, TextPiece p, Error *e)
{
    static const utf8proc_option_t options[] = {
        [RULE_NFC] = UTF8PROC_STABLE | UTF8PROC_COMPOSE,
        [RULE_NFD] = UTF8PROC_STABLE | UTF8PROC_DECOMPOSE,
        [RULE_NFKC] = UTF8PROC_STABLE | UTF8PROC_COMPOSE | UTF8PROC_COMPAT,
        [RULE_NFKD] = UTF8PROC_STABLE | UTF8PROC_DECOMPOSE | UTF8PROC_COMPAT,
    };
    for (size_t at = p.from; at < p.to;) {
        const char *s = w->in->text.data + at;
        size_t n = stretch(s, p.to - at);
        utf8proc_uint8_t *made = NULL;
        if (n == 1) { /* ASCII is what it is */
            pieces_copy(w->out, w->in, at, at + 1);
            at++;
            continue;
        }
        utf8proc_ssize_t len = utf8proc_map((const utf8proc_uint8_t *)s, (utf8proc_ssize_t)n, &made, options[w->rule->kind]);
        if (len < 0) {
            free(made);
            return error_set(e, "text: byte %zu: cannot be normalised: %s", at + 1, utf8proc_errmsg(len));
        }
        if ((size_t)len == n && memcmp(made, s, n) == 0)
            pieces_copy(w->out, w->in, at, at + n);
        else
            pieces_add(w->out, (const char *)made, (size_t)len, pieces_origin(w->in, at, at + n));
        free(made);
        at += n;
    }
    return 0;
}

/* ---- SentencePiece's table ---- */

/* Bytes of the user-perceived character at s. */
static size_t grapheme(const char *s, size_t n)
{
    int32_t c, next, state = 0;
    size_t at = text_decode(s, n, &c);
    while (at < n) {
        size_t used = text_decode(s + at, n - at, &next);
        if (utf8proc_grapheme_break_stateful(c, next, &state))
            break;
        at += used;
        c = next;
    }
    return at;
}

/* At each place the longest entry, else the character as it is. */
static void change_by_longest(const Change *w, TextPiece p)
{
    for (size_t at = p.from; at < p.to;) {
        const char *s = w->in->text.data + at;
        int32_t c;
        size_t used, n = text_decode(s, p.to - at, &c);
        const char *made = charsmap_longest(w->rule->map, s, p.to - at, &used);
        if (made)
            pieces_add(w->out, made, strlen(made), pieces_origin(w->in, at, at + used));
        else
            pieces_copy(w->out, w->in, at, at + n);
        at += made ? used : n;
    }
}

/* A short grapheme is looked up whole, then its characters one by one, as spm_precompiled does. */
static void change_by_table(const Change *w, TextPiece p)
{
    enum { SHORT = 6 };
    for (size_t at = p.from; at < p.to;) {
        const char *s = w->in->text.data + at;
        size_t n = grapheme(s, p.to - at);
        const char *made = n < SHORT ? charsmap_find(w->rule->map, s, n) : NULL;
        if (made)
            pieces_add(w->out, made, strlen(made), pieces_origin(w->in, at, at + n));
        for (size_t i = 0; !made && i < n;) {
            int32_t c;
            size_t used = text_decode(s + i, n - i, &c);
            const char *one = charsmap_find(w->rule->map, s + i, used);
            if (one)
                pieces_add(w->out, one, strlen(one), pieces_origin(w->in, at + i, at + i + used));
            else
                pieces_copy(w->out, w->in, at + i, at + i + used);
            i += used;
        }
        at += n;
    }
}

/* ---- the others ---- */

static void strip(const Change *w, TextPiece p)
{
    const char *s = w->in->text.data;
    size_t from = p.from, to = p.to;
    int32_t c;
    while (w->rule->left && from < to) {
        size_t used = text_decode(s + from, to - from, &c);
        if (!char_is_space(c))
            break;
        from += used;
    }
    while (w->rule->right && to > from) {
        size_t last = to - 1;
        while (last > from && ((unsigned char)s[last] & 0xc0) == 0x80)
            last--;
        text_decode(s + last, to - last, &c);
        if (!char_is_space(c))
            break;
        to = last;
    }
    pieces_copy(w->out, w->in, from, to);
}

static int replace(const Change *w, TextPiece p, Matches *found, Error *e)
{
    size_t at = p.from;
    found->count = 0;
    if (pattern_find(w->rule->pattern, w->in->text.data + p.from, p.to - p.from, found, e) != 0)
        return -1;
    for (size_t i = 0; i < found->count; i++) {
        Match m = found->items[i];
        pieces_copy(w->out, w->in, at, p.from + m.from);
        pieces_add(w->out, w->rule->text, w->rule->len, pieces_origin(w->in, p.from + m.from, p.from + m.to));
        at = p.from + m.to;
    }
    pieces_copy(w->out, w->in, at, p.to);
    return 0;
}

static void prepend(const Change *w, TextPiece p)
{
    const Rule *r = w->rule;
    Origin first = p.from < p.to ? w->in->origins[p.from] : (Origin){0, 0};
    bool has = p.to - p.from >= r->len && memcmp(w->in->text.data + p.from, r->text, r->len) == 0;
    if (p.from < p.to && !(r->unless && has) && !(r->first && first.from != 0))
        pieces_add(w->out, r->text, r->len, (Origin){first.from, first.from});
    pieces_copy(w->out, w->in, p.from, p.to);
}

int rule_change(const Rule *r, const TextPieces *in, TextPiece piece, Matches *found, TextPieces *out, Error *e)
{
    Change w = {.rule = r, .in = in, .out = out};
    switch (r->kind) {
    case RULE_NFC:
    case RULE_NFD:
    case RULE_NFKC:
    case RULE_NFKD: return change_form(&w, piece, e);
    case RULE_CHARSMAP:
        if (r->longest)
            change_by_longest(&w, piece);
        else
            change_by_table(&w, piece);
        return 0;
    case RULE_STRIP: strip(&w, piece); return 0;
    case RULE_PREPEND: prepend(&w, piece); return 0;
    case RULE_REPLACE: return replace(&w, piece, found, e);
    case RULE_REMOVE: { /* a replacement by nothing */
        Rule nothing = {.pattern = r->pattern};
        w.rule = &nothing;
        return replace(&w, piece, found, e);
    }
    default: break;
    }
    change_chars(&w, piece);
    return 0;
}
