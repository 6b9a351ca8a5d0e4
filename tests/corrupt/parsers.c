/* parsers.c - every parser of files and typed text behind one signature; what needs a pass is in parsers_pass.c. */
#include "parsers.h"

#include "lesson/check.h"
#include "model/gguf.h"
#include "model/hf.h"
#include "model/llama2c.h"
#include "model/native.h"
#include "term/cast.h"
#include "term/keys.h"
#include "view/session.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What was accepted must fit together. */
static void must(bool fits, const char *what)
{
    if (fits)
        return;
    fprintf(stderr, "accepted, but %s\n", what);
    abort();
}

/* A NUL-terminated copy. */
static char *text_of(const uint8_t *bytes, size_t n)
{
    char *text = malloc(n + 1);
    if (!text)
        abort();
    if (n)
        memcpy(text, bytes, n);
    text[n] = '\0';
    return text;
}

/* The bytes as a file that was read. */
static File file_of(const uint8_t *bytes, size_t n)
{
    unsigned char *copy = malloc(n ? n : 1);
    if (!copy)
        abort();
    if (n)
        memcpy(copy, bytes, n);
    return (File){copy, n, false};
}

/* Where values go that are only read, so that a sanitizer sees one outside. */
static volatile double sink;

static void use_values(const real *values, size_t count)
{
    for (size_t i = 0; i < count; i++)
        sink = (double)values[i];
}

static void use_weights(const Weights *w)
{
    for (size_t i = 0; i < w->count; i++) {
        real *copy;
        use_values(weight_borrow(&w->items[i], &copy), w->items[i].count);
        free(copy);
    }
}

static int parse_safetensors(const uint8_t *bytes, size_t n, Error *e)
{
    SafeTensors s;
    if (safetensors_read(&s, file_of(bytes, n), "input", e) != 0)
        return -1;
    for (size_t i = 0; i < s.count; i++) {
        const SafeTensor *t = &s.items[i];
        must(safetensors_find(&s, t->name) == t, "a tensor is not found by its name");
        must(t->count <= n, "a tensor is larger than the file");
        for (size_t k = 0; k < t->count; k++)
            sink = safetensors_value(t, k);
        if (dtype_in_place(t->dtype, t->bytes) == DTYPE_REAL)
            use_values((const real *)(const void *)t->bytes, t->count);
    }
    safetensors_close(&s);
    return 0;
}

static void use_config(const Config *c)
{
    Config again;
    Buffer text = {0};
    Error e = {{0}};
    Weights w;
    must(config_check(c, "input", &e) == 0, "its check fails");
    config_write(c, &text);
    must(config_read(&again, buffer_text(&text), text.len, "again", &e) == 0, "what is written is refused");
    config_free(&again);
    config_describe(c, &text);
    buffer_free(&text);
    if (weights_layout(&w, c, &e) == 0)
        weights_free(&w);
}

static int parse_config(const uint8_t *bytes, size_t n, Error *e)
{
    Config c;
    if (config_read(&c, (const char *)bytes, n, "input", e) != 0)
        return -1;
    use_config(&c);
    config_free(&c);
    return 0;
}

static int parse_hf_config(const uint8_t *bytes, size_t n, Error *e)
{
    Config c;
    Buffer notes = {0};
    int status = hf_config_read(&c, (const char *)bytes, n, "input", &notes, e);
    must(status != 0 || notes.len == 0 || strncmp(buffer_text(&notes), "input: ", 7) == 0, "a note does not name the file");
    buffer_free(&notes);
    if (status != 0)
        return -1;
    use_config(&c);
    config_free(&c);
    return 0;
}

/* A whole GGUF file: its numbers are read, its tokens used. */
static int parse_gguf(const uint8_t *bytes, size_t n, Error *e)
{
    Model *m = calloc(1, sizeof *m);
    must(m != NULL, "there is no memory");
    int status = gguf_open_file(m, file_of(bytes, n), "input", NULL, e);
    if (status == 0) {
        Error second;
        Buffer text = {0};
        Ids ids = {0};
        use_config(&m->config);
        use_weights(&m->weights);
        for (size_t i = 0; i < vocab_size(m->vocab) && i < 64; i++) {
            vocab_decode(m->vocab, (const int[]){(int)i}, 1, &text);
            if (vocab_has_text(m->vocab) && vocab_encode(m->vocab, vocab_token(m->vocab, (int)i), ENCODE_DECODER, &ids, &second) == 0)
                vocab_decode(m->vocab, ids.data, ids.len, &text);
        }
        must(vocab_size(m->vocab) == m->config.vocab_size, "its vocabulary has another size");
        buffer_free(&text);
        ids_free(&ids);
    }
    model_free(m);
    return status;
}

static int parse_random(const uint8_t *bytes, size_t n, Error *e)
{
    Config c;
    unsigned long seed = 0;
    char *text = text_of(bytes, n);
    int status = config_parse(&c, text, &seed, e);
    if (status == 0) {
        use_config(&c);
        config_free(&c);
    }
    free(text);
    return status;
}

/* Encodes the text (and where that is refused, every token), decodes it, and reads what is written. */
static void use_vocab(const Vocab *v, const char *text, bool invertible)
{
    Ids ids = {0};
    Buffer out = {0};
    Error e = {{0}};
    if (vocab_encode(v, text, ENCODE_ENCODER, &ids, &e) != 0) {
        must(e.text[0] != '\0', "a text is refused without a message");
        for (size_t i = 0; i < vocab_size(v); i++)
            ids_add(&ids, (int)i, &e);
    }
    for (size_t i = 0; i < ids.len; i++)
        must(ids.data[i] >= 0 && (size_t)ids.data[i] < vocab_size(v), "an id is out of range");
    vocab_decode(v, ids.data, ids.len, &out);
    ids_free(&ids);
    for (size_t i = 0; i < vocab_size(v); i++)
        must(!invertible || vocab_find(v, vocab_token(v, (int)i)) == (int)i, "a token is not found by its text");
    buffer_free(&out);
}

static int parse_vocab(const uint8_t *bytes, size_t n, Error *e)
{
    int status = -1;
    size_t lines = n > 0 && bytes[n - 1] != '\n';
    for (size_t i = 0; i < n; i++)
        lines += bytes[i] == '\n';
    Config c = config_default();
    c.vocab_size = lines ? lines : 1;
    for (int split = SPLIT_WORDS; split <= SPLIT_LONGEST_MATCH; split++) {
        c.split = (SplitKind)split;
        Vocab *v = vocab_read((const char *)bytes, n, &c, "input", e);
        if (!v)
            return -1;
        char *text = text_of(bytes, n);
        use_vocab(v, text, true);
        Buffer written = {0};
        vocab_write(v, 0, &written);
        Vocab *again = vocab_read(buffer_text(&written), written.len, &c, "again", e);
        must(again != NULL, "what is written is refused");
        status = 0;
        vocab_free(again);
        buffer_free(&written);
        free(text);
        vocab_free(v);
    }
    return status;
}

static int parse_checkpoint(const uint8_t *bytes, size_t n, Error *e)
{
    Config c;
    Weights w;
    if (llama2c_read(&c, &w, bytes, n, "input", e) != 0)
        return -1;
    use_config(&c);
    use_weights(&w);
    weights_free(&w);
    return 0;
}

static int parse_tokenizer(const uint8_t *bytes, size_t n, Error *e)
{
    Vocab *v = vocab_read_llama2c(bytes, n, 0, "input", e);
    if (!v)
        return -1;
    char *text = text_of(bytes, n);
    use_vocab(v, text, false);
    Buffer written = {0};
    vocab_write(v, 0, &written);
    bool empty = true; /* all its tokens are, which cannot be written */
    for (size_t i = 0; i < vocab_size(v); i++)
        empty = empty && vocab_token(v, (int)i)[0] == '\0';
    Vocab *again = vocab_read_llama2c((const unsigned char *)buffer_text(&written), written.len, vocab_size(v), "again", e);
    must(empty || again != NULL, "what is written is refused");
    vocab_free(again);
    buffer_free(&written);
    free(text);
    vocab_free(v);
    return 0;
}

static int parse_ids(const uint8_t *bytes, size_t n, Error *e)
{
    Ids ids = {0};
    char *text = text_of(bytes, n);
    int status = ids_parse(&ids, text, "input", 23, true, e);
    for (size_t i = 0; i < ids.len; i++)
        must(ids.data[i] >= -1 && ids.data[i] < 23, "an id is out of range");
    free(text);
    ids_free(&ids);
    return status;
}

/* A safetensors file that should hold the weights of one small config: decoder.embed.W_E [2, 1], output.W_U [1, 2]. */
static int parse_weights(const uint8_t *bytes, size_t n, Error *e)
{
    Config c;
    Weights w;
    SafeTensors s;
    unsigned long seed;
    must(config_parse(&c, "d_model=1,n_heads=1,vocab_size=2,decoder_layers=0,norm=none,tie_embeddings=false", &seed, e) == 0, "");
    if (safetensors_read(&s, file_of(bytes, n), "input", e) != 0)
        return -1;
    int status = native_weights(&w, &c, &s, e);
    safetensors_close(&s);
    if (status == 0) {
        use_weights(&w);
        weights_free(&w);
    }
    return status;
}

/* What is written is read again, and is then the same to the byte. */
static int parse_session(const uint8_t *bytes, size_t n, Error *e)
{
    Session s, again;
    Buffer once = {0}, twice = {0};
    Error why = {{0}};
    if (session_read(&s, (const char *)bytes, n, "input", e) != 0)
        return -1;
    session_write(&s, &once);
    session_free(&s);
    must(session_read(&again, buffer_text(&once), once.len, "again", &why) == 0, why.text);
    session_write(&again, &twice);
    session_free(&again);
    must(once.len == twice.len && memcmp(once.data, twice.data, once.len) == 0, "what is read and written is not the same");
    buffer_free(&once);
    buffer_free(&twice);
    return 0;
}

/* Its output, written as events of our own, is the same text again; its keys are read. */
static int parse_cast(const uint8_t *bytes, size_t n, Error *e)
{
    Cast c, again;
    Buffer lines = {0};
    Error why = {{0}};
    if (cast_read(&c, (const char *)bytes, n, "input", e) != 0)
        return -1;
    cast_add_header(&lines, c.cols, c.rows, 0, NULL, NULL, c.session);
    for (size_t i = 0; i < c.count; i++) {
        const CastEvent *event = &c.events[i];
        KeyTable none = {0};
        Event key;
        for (size_t at = 0; event->kind == 'i' && at < event->len;)
            at += keys_decode(&none, event->data + at, event->len - at, true, &key);
        if (event->kind == 'o')
            cast_add_event(&lines, event->us, 'o', event->data, event->len, NULL);
    }
    must(cast_read(&again, buffer_text(&lines), lines.len, "again", &why) == 0, why.text);
    for (size_t i = 0, k = 0; i < c.count; i++)
        if (c.events[i].kind == 'o' && c.events[i].len) {
            must(k < again.count && again.events[k].len == c.events[i].len && memcmp(again.events[k].data, c.events[i].data, c.events[i].len) == 0,
                 "an event is not the same when it is written and read");
            k++;
        }
    cast_free(&again);
    cast_free(&c);
    buffer_free(&lines);
    return 0;
}

/* Its texts are made plain, and it is the same as itself. */
static int parse_lesson(const uint8_t *bytes, size_t n, Error *e)
{
    Lesson l;
    Error why;
    Buffer plain = {0};
    if (lesson_parse(&l, "input", (const char *)bytes, n, e) != 0)
        return -1;
    must(l.count && l.title && lesson_compare(&l, &l, &why) == 0, "it differs from itself");
    for (size_t i = 0; i < l.count; i++) {
        must(l.blocks[i].text != NULL, "a block has no text");
        lesson_plain(l.blocks[i].text, &plain);
        must(scene_block(&l, i) == NULL || scene_block(&l, i)->kind == BLOCK_RUN, "no run block");
    }
    buffer_free(&plain);
    lesson_free(&l);
    return 0;
}

const Parser parsers[] = {
    {"safetensors", parse_safetensors},
    {"config", parse_config},
    {"hf_config", parse_hf_config},
    {"gguf", parse_gguf},
    {"random", parse_random},
    {"vocab", parse_vocab},
    {"checkpoint", parse_checkpoint},
    {"tokenizer", parse_tokenizer},
    {"tokenizer_json", parse_tokenizer_json},
    {"merges", parse_merges},
    {"bert", parse_bert},
    {"spm", parse_spm},
    {"ids", parse_ids},
    {"weights", parse_weights},
    {"session", parse_session},
    {"cast", parse_cast},
    {"lesson", parse_lesson},
    {"expression", parse_expression},
    {"breakpoint", parse_breakpoint},
    {"edits", parse_edits},
    {NULL, NULL},
};

const Parser *parser_find(const char *kind)
{
    for (const Parser *p = parsers; p->kind; p++)
        if (strcmp(p->kind, kind) == 0)
            return p;
    return NULL;
}

int parser_run(const Parser *p, const uint8_t *bytes, size_t n, Error *e)
{
    File copy = file_of(bytes, n);
    e->text[0] = '\0';
    int status = p->parse(copy.data, n, e);
    file_close(&copy);
    const char *name = p->parse == parse_random ? "random" : "input";
    if (status != 0 && (strncmp(e->text, name, strlen(name)) != 0 || strlen(e->text) < 20 || strpbrk(e->text, "\n\r\x1b"))) {
        fprintf(stderr, "refused, but the message is: %s\n", e->text);
        abort();
    }
    return status;
}

int parser_fuzz(const char *kind, const uint8_t *bytes, size_t n)
{
    Error e;
    parser_run(parser_find(kind), bytes, n, &e);
    return 0;
}
