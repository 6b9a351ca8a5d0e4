/* pattern.c - what a tokenizer's rule looks for in a text.
 *
 * The only file that knows PCRE2. Where Oniguruma and PCRE2 read the same expression differently (\s and \w outside ASCII) the expression is
 * rewritten; where they would and it cannot be (&& in a class, \h), it is refused. */
#define PCRE2_CODE_UNIT_WIDTH 8
#include "model/pattern.h"

#include "base/buffer.h"
#include "base/text.h"
#include "model/nearest.h"

#include <pcre2.h>
#include <stdlib.h>
#include <string.h>
#include <utf8proc.h>

enum { REGEX_MAX = 1 << 16 };

const char PATTERN_GPT2[] = "'s|'t|'re|'ve|'m|'ll|'d| ?\\p{L}+| ?\\p{N}+| ?[^\\s\\p{L}\\p{N}]+|\\s+(?!\\S)|\\s+";

/* White_Space; and what a word is made of (Unicode Technical Standard 18, annex C). Both without their brackets. */
#define SPACES "\\t-\\r\\x{20}\\x{85}\\x{a0}\\x{1680}\\x{2000}-\\x{200a}\\x{2028}\\x{2029}\\x{202f}\\x{205f}\\x{3000}"
#define WORDS "\\p{Alphabetic}\\p{M}\\p{Nd}\\p{Pc}\\x{200c}\\x{200d}"

struct Pattern {
    pcre2_code *code; /* or */
    char *text;       /* or */
    bool (*is)(int32_t c);
    size_t len;
};

/* ---- classes of characters ---- */

bool char_is_space(int32_t c)
{
    return (c >= 9 && c <= 13) || c == 0x20 || c == 0x85 || c == 0xa0 || c == 0x1680 || (c >= 0x2000 && c <= 0x200a) || c == 0x2028 ||
           c == 0x2029 || c == 0x202f || c == 0x205f || c == 0x3000;
}

bool char_is_mark(int32_t c)
{
    utf8proc_category_t k = utf8proc_category(c);
    return k >= UTF8PROC_CATEGORY_MN && k <= UTF8PROC_CATEGORY_ME;
}

bool char_is_nonspacing(int32_t c)
{
    return utf8proc_category(c) == UTF8PROC_CATEGORY_MN;
}

bool char_is_numeric(int32_t c)
{
    utf8proc_category_t k = utf8proc_category(c);
    return k >= UTF8PROC_CATEGORY_ND && k <= UTF8PROC_CATEGORY_NO;
}

bool char_is_punctuation(int32_t c)
{
    if (c < 0x80)
        return (c > 0x20 && c < '0') || (c > '9' && c < 'A') || (c > 'Z' && c < 'a') || (c > 'z' && c < 0x7f);
    utf8proc_category_t k = utf8proc_category(c);
    return k >= UTF8PROC_CATEGORY_PC && k <= UTF8PROC_CATEGORY_PO;
}

bool char_is_control(int32_t c)
{
    utf8proc_category_t k = utf8proc_category(c);
    bool other = k == UTF8PROC_CATEGORY_CC || k == UTF8PROC_CATEGORY_CF || k == UTF8PROC_CATEGORY_CS || k == UTF8PROC_CATEGORY_CO;
    return other && c != '\t' && c != '\n' && c != '\r';
}

/* https://github.com/google-research/bert/blob/master/tokenization.py (_is_chinese_char) */
bool char_is_chinese(int32_t c)
{
    return (c >= 0x4e00 && c <= 0x9fff) || (c >= 0x3400 && c <= 0x4dbf) || (c >= 0x20000 && c <= 0x2a6df) || (c >= 0x2a700 && c <= 0x2b73f) ||
           (c >= 0x2b740 && c <= 0x2b81f) || (c >= 0x2b920 && c <= 0x2ceaf) || (c >= 0xf900 && c <= 0xfaff) || (c >= 0x2f800 && c <= 0x2fa1f);
}

bool char_is_word(int32_t c)
{
    utf8proc_category_t k = utf8proc_category(c);
    return (k >= UTF8PROC_CATEGORY_LU && k <= UTF8PROC_CATEGORY_NL) || k == UTF8PROC_CATEGORY_PC || c == 0x200c || c == 0x200d;
}

/* ---- making ---- */

static Pattern *create(Error *e)
{
    Pattern *p = calloc(1, sizeof *p);
    if (!p)
        error_memory(e, "tokenizer");
    return p;
}

Pattern *pattern_class(bool (*is)(int32_t c), Error *e)
{
    Pattern *p = create(e);
    if (p)
        p->is = is;
    return p;
}

Pattern *pattern_text(const char *text, size_t n, Error *e)
{
    Pattern *p = create(e);
    if (!p)
        return NULL;
    p->text = malloc(n + 1);
    p->len = n;
    if (!p->text) {
        free(p);
        error_memory(e, "tokenizer");
        return NULL;
    }
    memcpy(p->text, text, n);
    p->text[n] = '\0';
    return p;
}

void pattern_free(Pattern *p)
{
    if (!p)
        return;
    pcre2_code_free(p->code);
    free(p->text);
    free(p);
}

const char *pattern_literal(const Pattern *p, size_t *n)
{
    *n = p->len;
    return p->text;
}

/* What stands for the escape \c in PCRE2, NULL for the escape itself, "" where there is none. */
static const char *translate(char c, bool in_class)
{
    switch (c) {
    case 's': return in_class ? SPACES : "[" SPACES "]";
    case 'S': return in_class ? "" : "[^" SPACES "]";
    case 'w': return in_class ? WORDS : "[" WORDS "]";
    case 'W': return in_class ? "" : "[^" WORDS "]";
    case 'h':
    case 'H': return ""; /* a hexadecimal digit there, a blank here */
    default: return NULL;
    }
}

/* Rewrites the expression; -1 with the part that cannot be in `odd`. */
static int rewrite(const char *regex, size_t n, Buffer *out, char odd[4])
{
    int depth = 0; /* of classes */
    for (size_t i = 0; i < n; i++) {
        char c = regex[i];
        if (c == '\\' && i + 1 < n) {
            const char *other = translate(regex[++i], depth > 0);
            if (other && !*other) {
                memcpy(odd, (char[]){'\\', regex[i], '\0'}, 3);
                return -1;
            }
            if (other)
                buffer_puts(out, other);
            else
                buffer_add(out, regex + i - 1, 2);
            continue;
        }
        if (depth > 0 && c == '&' && i + 1 < n && regex[i + 1] == '&') {
            strcpy(odd, "&&");
            return -1;
        }
        if (c == '[' && depth > 0 && i + 1 < n && regex[i + 1] == ':') {
            const char *end = memchr(regex + i, ']', n - i); /* [:alpha:] */
            if (end && end[-1] == ':') {
                buffer_add(out, regex + i, (size_t)(end - (regex + i)) + 1);
                i = (size_t)(end - regex);
                continue;
            }
        }
        if (c == '[' && depth > 0) { /* a class in a class is a union there, a bracket here */
            strcpy(odd, "[[");
            return -1;
        }
        if (depth == 0 && c == '(' && i + 2 < n && regex[i + 1] == '?' && regex[i + 2] == 'm') {
            strcpy(odd, "(?m"); /* the dot matches line ends there */
            return -1;
        }
        depth += c == '[' ? 1 : c == ']' && depth > 0 ? -1 : 0;
        buffer_putc(out, c);
    }
    return 0;
}

Pattern *pattern_regex(const char *regex, size_t n, const char *place, Error *e)
{
    Buffer text = {0};
    char odd[4] = "", quoted[QUOTE_SHORT];
    if (n > REGEX_MAX) {
        error_set(e, "%s: expected a regular expression of at most %d bytes, found %zu", place, REGEX_MAX, n);
        return NULL;
    }
    if (rewrite(regex, n, &text, odd) != 0) {
        error_set(e, "%s: expected a regular expression without %s, which is not known here, found %s", place, odd, quote_short(regex, n, quoted));
        buffer_free(&text);
        return NULL;
    }
    Pattern *p = create(e);
    pcre2_compile_context *context = pcre2_compile_context_create(NULL);
    int error = 0;
    PCRE2_SIZE at = 0;
    if (p && context && !text.failed) {
        pcre2_set_newline(context, PCRE2_NEWLINE_LF);
        /* Ruby's ^ and $ are those of lines, always */
        p->code = pcre2_compile((PCRE2_SPTR)buffer_text(&text), text.len, PCRE2_UTF | PCRE2_UCP | PCRE2_MULTILINE | PCRE2_NEVER_BACKSLASH_C, &error,
                                &at, context);
        if (!p->code) {
            char why[128];
            pcre2_get_error_message(error, (PCRE2_UCHAR *)why, sizeof why);
            error_set(e, "%s: expected a regular expression, found %s: %s", place, quote_short(regex, n, quoted), why);
        } else
            pcre2_jit_compile(p->code, PCRE2_JIT_COMPLETE); /* without it the same, more slowly */
    } else if (p)
        error_memory(e, place);
    pcre2_compile_context_free(context);
    buffer_free(&text);
    if (p && p->code)
        return p;
    pattern_free(p);
    return NULL;
}

/* ---- finding ---- */

static int add(Matches *m, size_t from, size_t to, Error *e)
{
    if (m->count == m->cap) {
        size_t cap = m->cap ? 2 * m->cap : 16;
        Match *more = realloc(m->items, cap * sizeof *more);
        if (!more)
            return error_memory(e, "text");
        m->items = more;
        m->cap = cap;
    }
    m->items[m->count++] = (Match){from, to};
    return 0;
}

static int find_regex(const Pattern *p, const char *text, size_t n, Matches *out, Error *e)
{
    enum { STEPS_MAX = 10000000, HEAP_KIB = 65536 };
    pcre2_match_data *data = pcre2_match_data_create(1, NULL);
    pcre2_match_context *context = pcre2_match_context_create(NULL);
    int status = data && context ? 0 : error_memory(e, "text");
    if (status == 0) {
        pcre2_set_match_limit(context, STEPS_MAX);
        pcre2_set_heap_limit(context, HEAP_KIB);
    }
    for (size_t at = 0; status == 0 && at <= n;) {
        int found = pcre2_match(p->code, (PCRE2_SPTR)text, n, at, PCRE2_NO_UTF_CHECK, data, context);
        if (found == PCRE2_ERROR_NOMATCH)
            break;
        if (found < 0) {
            char why[128];
            pcre2_get_error_message(found, (PCRE2_UCHAR *)why, sizeof why);
            status = error_set(e, "text: byte %zu: the tokenizer's regular expression cannot be matched here: %s", at + 1, why);
            break;
        }
        PCRE2_SIZE *ends = pcre2_get_ovector_pointer(data);
        size_t from = ends[0], to = ends[1];
        if (from > to || to > n || from < at) /* \K in a lookaround */
            break;
        if (to > from)
            status = add(out, from, to, e);
        at = to;
        if (to == from) { /* nothing matched: on by one character */
            int32_t c;
            if (at == n)
                break;
            at += text_decode(text + at, n - at, &c);
        }
    }
    pcre2_match_context_free(context);
    pcre2_match_data_free(data);
    return status;
}

int pattern_find(const Pattern *p, const char *text, size_t n, Matches *out, Error *e)
{
    if (p->code)
        return find_regex(p, text, n, out, e);
    for (size_t at = 0; at < n;) {
        int32_t c;
        size_t used = text_decode(text + at, n - at, &c);
        bool hit = p->is ? p->is(c) : n - at >= p->len && memcmp(text + at, p->text, p->len) == 0;
        if (hit && !p->is)
            used = p->len;
        if (hit && add(out, at, at + used, e) != 0)
            return -1;
        at += used;
    }
    return 0;
}
