/* vocab_text.c - vocab.txt: one token a line.
 *
 * Owns the file's escapes and its checks. Knows nothing of how text is split. */
#include "base/text.h"
#include "model/nearest.h"
#include "model/vocab_table.h"

#include <stdlib.h>
#include <string.h>

/* ---- reading ---- */

/* Undoes the escapes of one line into out. */
static int unescape(Buffer *out, const char *line, size_t n, const char *file, size_t number, Error *e)
{
    buffer_clear(out);
    for (size_t i = 0; i < n; i++) {
        unsigned char c = (unsigned char)line[i];
        if (c == '\r')
            return error_set(e, "%s: line %zu: expected lines that end in \\n, found a carriage return; save it with Unix line ends", file,
                             number);
        if (c < 0x20 || c == 0x7f)
            return error_set(e, "%s: line %zu: expected no control character, found 0x%02X%s", file, number, c,
                             c == '\t' ? _("; a tab is written \\t") : "");
        if (c != '\\') {
            buffer_putc(out, (char)c);
            continue;
        }
        char next = ++i < n ? line[i] : '\0';
        if (next == 'n')
            buffer_putc(out, '\n');
        else if (next == 't')
            buffer_putc(out, '\t');
        else if (next == '\\')
            buffer_putc(out, '\\');
        else
            return error_set(
                e, "%s: line %zu: expected \\n, \\t or \\\\, found a backslash before something else; a backslash is written \\\\", file,
                number);
    }
    return out->failed ? error_memory(e, file) : 0;
}

static size_t count_lines(const char *text, size_t n)
{
    size_t lines = 0;
    for (const char *end = text + n; text < end; lines++) {
        const char *newline = memchr(text, '\n', (size_t)(end - text));
        text = newline ? newline + 1 : end;
    }
    return lines;
}

static int read_lines(Vocab *v, const char *text, size_t n, Buffer *token, const char *file, Error *e)
{
    const char *end = text + n;
    for (size_t id = 0; id < v->size; id++) {
        const char *newline = memchr(text, '\n', (size_t)(end - text));
        size_t len = (size_t)((newline ? newline : end) - text);
        if (len >= 3 && id == 0 && memcmp(text, "\xef\xbb\xbf", 3) == 0)
            return error_set(e, "%s: line 1: expected a token, found a byte order mark; save it without one", file);
        if (!text_is_valid(text, len))
            return error_set(e, "%s: line %zu: expected UTF-8, found other bytes", file, id + 1);
        if (unescape(token, text, len, file, id + 1, e) != 0)
            return -1;
        if (token->len == 0)
            return error_set(e, "%s: line %zu: expected a token, found an empty line", file, id + 1);
        vocab_add(v, id, token->data, token->len);
        text = newline ? newline + 1 : end;
    }
    return vocab_index(v, file, e);
}

static int check_repeats(const Vocab *v, const char *file, Error *e)
{
    const VocabEntry *sorted = vocab_sorted(v);
    char quoted[QUOTE_SHORT];
    for (size_t i = 1; i < v->size; i++) {
        const VocabEntry *a = &sorted[i - 1], *b = &sorted[i];
        if (a->len == b->len && memcmp(a->text, b->text, a->len) == 0)
            return error_set(e, "%s: line %d: expected a new token, found %s, which is line %d too", file, b->id + 1,
                             quote_short(b->text, b->len, quoted), a->id + 1);
    }
    return 0;
}

static int resolve_specials(Vocab *v, const Config *c, const char *file, Error *e)
{
    Config copy = *c; /* config_token gives writable places */
    for (int i = 0; i < TOKEN_COUNT; i++) {
        const char *text = c->token_texts[i];
        v->special[i] = text ? vocab_lookup(v, text, strlen(text)) : *config_token(&copy, (SpecialToken)i);
        if (text && v->special[i] < 0) {
            char quoted[QUOTE_SHORT], hint[NEAREST_HINT];
            Nearest near = nearest_to(text, strlen(text));
            for (size_t k = 0; k < v->size; k++)
                nearest_offer(&near, vocab_token(v, (int)k));
            return error_set(e, "%s: expected the token %s, which config.json's tokens.%s names, found none%s", file,
                             quote_short(text, strlen(text), quoted), config_token_name((SpecialToken)i), nearest_hint(&near, hint));
        }
    }
    return 0;
}

Vocab *vocab_read(const char *text, size_t n, const Config *c, const char *file, Error *e)
{
    size_t lines = count_lines(text, n);
    if (lines != c->vocab_size) {
        error_set(e, "%s: expected %zu lines, one for each of the config's vocab_size, found %zu", file, c->vocab_size, lines);
        return NULL;
    }
    Vocab *v = vocab_begin(lines);
    if (!v) {
        error_memory(e, file);
        return NULL;
    }
    v->split = c->split;
    v->encoder_only = c->kind == KIND_ENCODER;
    Buffer token = {0};
    int status = read_lines(v, text, n, &token, file, e);
    buffer_free(&token);
    if (status != 0 || check_repeats(v, file, e) != 0 || resolve_specials(v, c, file, e) != 0) {
        vocab_free(v);
        return NULL;
    }
    return v;
}

/* ---- writing ---- */

bool vocab_is_translator(const Vocab *v)
{
    return v->translation != NULL;
}

const char *const *vocab_files(const Vocab *v)
{
    static const char *const none[] = {NULL}, *const text[] = {"vocab.txt", NULL}, *const llama2c[] = {"tokenizer.bin", NULL},
                      *const theirs[] = {"tokenizer.json", NULL},
                      *const translator[] = {"source.spm", "target.spm", "vocab.json", NULL};
    if (vocab_is_translator(v))
        return translator;
    return !v->has_text ? none : v->pipeline ? theirs : v->split == SPLIT_LLAMA2C ? llama2c : text;
}

void vocab_write(const Vocab *v, size_t file, Buffer *out)
{
    const Buffer *kept = !v->pipeline ? NULL : file == 2 ? &v->pipeline->ids : pipeline_source(file == 0 ? v->pipeline : v->translation);
    if (kept) {
        buffer_add(out, kept->data, kept->len);
        out->failed |= kept->failed;
        return;
    }
    if (v->split == SPLIT_LLAMA2C) {
        vocab_write_llama2c(v, out);
        return;
    }
    for (size_t i = 0; v->has_text && i < v->size; i++) {
        for (const char *s = vocab_token(v, (int)i); *s; s++)
            if (*s == '\n')
                buffer_puts(out, "\\n");
            else if (*s == '\t')
                buffer_puts(out, "\\t");
            else if (*s == '\\')
                buffer_puts(out, "\\\\");
            else
                buffer_putc(out, *s);
        buffer_putc(out, '\n');
    }
}
