/* tokens.c - the subcommand `tokens`: how a text is cut, or what a vocabulary knows. */
#include "base/file.h"
#include "base/text.h"
#include "cli/cli.h"
#include "cli/tokens.h"
#include "model/nearest.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const OptionId taken[] = {OPTION_MODEL, OPTION_TOKENIZER, OPTION_TEXT, OPTION_STEPS, OPTION_FORMAT, OPTION_OUTPUT, OPTION_END};

static const OptionNote notes[] = {{OPTION_STEPS, NULL, N_("how the text became them: each rule, each merge with its rank")}, {OPTION_END, NULL, NULL}};

static const CommandSpec spec = {
    .name = "tokens",
    .what = N_("Shows the tokens of a text as the model is fed them: id, where in the text it\n"
               "comes from (first character, counted from 0, and one past the last), the token.\n"
               "Without a text, the whole vocabulary. A folder that holds only a tokenizer will\n"
               "do: tokenizer.json, vocab.json with merges.txt, vocab.txt, tokenizer.bin."),
    .formats = "text|ids|json",
    .example = "stepformer tokens -m hand-wired -t \"A B C A\"\n"
               "stepformer tokens -t 我爱你 --format ids\n"
               "stepformer tokens -m story -t \"she went to the park\" --steps",
    .options = taken,
    .notes = notes,
};

enum { FORMAT_TEXT, FORMAT_IDS, FORMAT_JSON };

/* A token's place in the text, in characters; from == to == -1 where it stands for nothing in it (a begin token). */
typedef struct Span {
    long from, to;
} Span;

/* ---- where a token comes from ---- */

static size_t common(const char *a, size_t na, const char *b, size_t nb)
{
    size_t n = 0;
    while (n < na && n < nb && a[n] == b[n])
        n++;
    return n;
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\v' || c == '\f';
}

/* A place in the text whose characters were counted: the next one is counted from here. */
typedef struct Counted {
    size_t byte;
    long characters;
} Counted;

/* How many characters lie before a byte. */
static long characters(const char *text, size_t byte, Counted *known)
{
    size_t from = byte >= known->byte ? known->byte : 0;
    long n = from ? known->characters : 0;
    for (size_t i = from; i < byte; i++)
        n += ((unsigned char)text[i] & 0xc0) != 0x80;
    *known = (Counted){byte, n};
    return n;
}

/* The span of the bytes from … to: of the characters they are part of. */
static Span span_of(const char *text, size_t n, size_t from, size_t to, Counted *known)
{
    while (from > 0 && from < n && ((unsigned char)text[from] & 0xc0) == 0x80)
        from--;
    while (to < n && ((unsigned char)text[to] & 0xc0) == 0x80)
        to++;
    Span span = {characters(text, from, known), 0};
    Counted end = *known; /* the next token may begin where this one does */
    span.to = characters(text, to, &end);
    return span;
}

/* Finds a token's text at or after byte *at, and moves *at behind it. What the tokenizer skips or puts in front is blank: so blanks
 * may be missing on either side. */
static Span find_token(const char *text, size_t n, size_t *at, const char *token, size_t len, Counted *known)
{
    if (len && common(token, len, text + *at, n - *at) == len) {
        *at += len;
        return span_of(text, n, *at - len, *at, known);
    }
    size_t from = *at;
    while (from < n && is_blank(text[from]))
        from++;
    while (len && is_blank(*token)) {
        token++;
        len--;
    }
    if (len == 0 || common(token, len, text + from, n - from) != len)
        return (Span){-1, -1};
    *at = from + len;
    return span_of(text, n, from, *at, known);
}

/* The bytes a token stands for in a text: "<0x0A>" is one. */
static void token_bytes(const Vocab *v, int id, Buffer *out)
{
    const char *token = vocab_token(v, id);
    unsigned byte;
    char behind;
    if (vocab_split(v) == SPLIT_LLAMA2C && strlen(token) == 6 && sscanf(token, "<0x%2X%c", &byte, &behind) == 2 && behind == '>')
        buffer_putc(out, (char)byte);
    else
        buffer_puts(out, token);
}

static bool is_added(const Vocab *v, int id)
{
    return id == vocab_special(v, TOKEN_BOS) || id == vocab_special(v, TOKEN_EOS) || id == vocab_special(v, TOKEN_UNK);
}

/* ---- printing ---- */

static void add_json_token(Buffer *out, const char *s)
{
    Buffer text = {0};
    for (size_t n = strlen(s); n;) {
        int32_t c;
        size_t used = text_decode(s, n, &c);
        if (c < 0x20 || c == 0x7f || c == '"' || c == '\\')
            buffer_printf(&text, "\\u%04x", (unsigned)c);
        else if (c == 0xfffd && used == 1)
            buffer_puts(&text, "\\ufffd");
        else
            buffer_add(&text, s, used);
        s += used;
        n -= used;
    }
    buffer_printf(out, "\"%s\"", buffer_text(&text));
    buffer_free(&text);
}

/* The token; behind one that its file spells in another way, that: "▁the  (Ġthe)". */
static void add_token(Buffer *out, const Vocab *v, int id)
{
    const char *token = vocab_token(v, id), *spelling = vocab_spelling(v, id);
    bool differs = strcmp(token, spelling) != 0;
    Buffer shown = {0}, raw = {0};
    if (differs && *token == ' ') {
        buffer_puts(&shown, "▁");
        token++;
    }
    text_escape(&shown, token, strlen(token), false);
    text_escape(&raw, spelling, strlen(spelling), false);
    buffer_puts(out, buffer_text(&shown));
    if (strcmp(buffer_text(&shown), buffer_text(&raw)) != 0)
        buffer_printf(out, "  (%s)", buffer_text(&raw));
    buffer_free(&shown);
    buffer_free(&raw);
}

static void add_row(Buffer *out, int format, const Vocab *v, int id, const Span *span, bool first)
{
    if (format == FORMAT_IDS)
        buffer_printf(out, "%s%d", first ? "" : ",", id);
    else if (format == FORMAT_JSON) {
        buffer_printf(out, "%s\n {\"id\": %d, \"token\": ", first ? "" : ",", id);
        add_json_token(out, vocab_token(v, id));
        if (strcmp(vocab_token(v, id), vocab_spelling(v, id)) != 0) {
            buffer_puts(out, ", \"spelling\": ");
            add_json_token(out, vocab_spelling(v, id));
        }
        if (span && span->from >= 0)
            buffer_printf(out, ", \"start\": %ld, \"end\": %ld", span->from, span->to);
        buffer_putc(out, '}');
    } else {
        char place[48] = "-";
        if (span && span->from >= 0)
            snprintf(place, sizeof place, "%ld-%ld", span->from, span->to);
        buffer_printf(out, "%7d  ", id);
        if (span)
            buffer_printf(out, "%9s  ", place);
        add_token(out, v, id);
        buffer_putc(out, '\n');
    }
}

/* The span of a place that the tokenizer itself gave. */
static Span span_at(const char *text, size_t n, const CutId *id, Counted *known)
{
    return id->from.from < id->from.to ? span_of(text, n, id->from.from, id->from.to, known) : (Span){-1, -1};
}

static void add_rows(Buffer *out, int format, const Vocab *v, const Ids *ids, const CutId *places, const char *text)
{
    size_t n = text ? strlen(text) : 0, at = 0;
    Counted known = {0, 0};
    if (format == FORMAT_JSON)
        buffer_putc(out, '[');
    for (size_t i = 0; i < ids->len; i++) {
        Span span = {-1, -1};
        if (places)
            span = span_at(text, n, &places[i], &known);
        else if (text && !is_added(v, ids->data[i])) {
            Buffer bytes = {0};
            token_bytes(v, ids->data[i], &bytes);
            span = find_token(text, n, &at, buffer_text(&bytes), bytes.len, &known);
            buffer_free(&bytes);
        }
        add_row(out, format, v, ids->data[i], text ? &span : NULL, i == 0);
    }
    if (format == FORMAT_JSON)
        buffer_puts(out, ids->len ? "\n]\n" : "]\n");
    else if (format == FORMAT_IDS)
        buffer_putc(out, '\n');
}

/* ---- the subcommand ---- */

/* A whole model where there is one: its kind decides what is put around a text. Else the vocabulary alone. */
static const Vocab *open_vocab(const Options *o, Model **m, Vocab **alone, EncodeFor *how, Error *e)
{
    const char *name = o->value[OPTION_MODEL], *file = o->value[OPTION_TOKENIZER];
    *how = ENCODE_DECODER;
    if (!name && file) {
        char *path = model_find(file), quoted[QUOTE_SHORT];
        *alone = path ? vocab_open(file, e) : NULL;
        if (!path)
            error_set(e, "--tokenizer: expected a tokenizer's file, its folder or a model, found nothing called %s", quote_short(file, strlen(file), quoted));
        free(path);
        *how = *alone && vocab_is_translator(*alone) ? ENCODE_ENCODER : ENCODE_DECODER;
        return *alone;
    }
    if (!name)
        name = CLI_DEFAULT_MODEL;
    *m = model_open(name, file, e);
    if (*m) {
        *how = (*m)->config.kind == KIND_DECODER ? ENCODE_DECODER : ENCODE_ENCODER;
        return (*m)->vocab;
    }
    if (file || strncmp(name, "random:", strlen("random:")) == 0)
        return NULL;
    Error second; /* of a file, what was wrong with it as a model tells more */
    *alone = vocab_open(name, file_is_folder(name) ? e : &second);
    *how = *alone && vocab_is_translator(*alone) ? ENCODE_ENCODER : ENCODE_DECODER;
    return *alone;
}

static int run(const Vocab *v, EncodeFor how, Options *o, Error *e)
{
    InputText given;
    Ids ids = {0};
    CutId *places = NULL;
    size_t count = 0;
    Buffer rows = {0};
    int format = options_format(o, e), status = -1;
    if (format < 0 || options_input(o, &given, e) != 0)
        return -1;
    if (!given.text)
        for (status = 0; status == 0 && ids.len < vocab_size(v);)
            status = ids_add(&ids, (int)ids.len, e);
    else if (!vocab_has_text(v))
        error_set(e, "text: expected ids, found a text: this model has no vocabulary");
    else
        status = input_check_text(given.text, "text", e) == 0 ? vocab_encode(v, given.text, how, &ids, e) : -1;
    if (status == 0 && given.text && vocab_has_places(v))
        status = vocab_encode_places(v, given.text, how, &places, &count, e);
    if (status == 0 && o->value[OPTION_STEPS])
        status = given.text && format == FORMAT_TEXT ? tokens_add_steps(v, given.text, how, &rows, e)
                 : given.text ? error_set(e, "--steps: expected --format text, found another: steps are shown as text only")
                              : error_set(e, "--steps: expected a text, found none; give one with -t");
    if (status == 0) {
        Output out = output_open(o);
        add_rows(&rows, format, v, &ids, places, given.text);
        if (rows.failed)
            status = error_memory(e, "tokens");
        else {
            output_emit(&out, buffer_text(&rows), rows.len);
            status = output_close(&out, e);
        }
    }
    buffer_free(&rows);
    free(places);
    ids_free(&ids);
    return status;
}

int cli_tokens(int argc, char **argv)
{
    Options o;
    Error e = {{0}};
    Model *m = NULL;
    Vocab *alone = NULL;
    EncodeFor how;
    int status;
    if (!options_read(&o, &spec, argc, argv, &status))
        return status;
    const Vocab *v = options_format(&o, &e) < 0 ? NULL : open_vocab(&o, &m, &alone, &how, &e);
    cli_say_lines(m ? m->notes : v ? vocab_notes(v) : NULL);
    bool good = v && run(v, how, &o, &e) == 0;
    model_free(m);
    vocab_free(alone);
    options_free(&o);
    return good ? CLI_DONE : cli_wrong(&e);
}
