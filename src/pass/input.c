/* input.c - what was typed, or the model's example, becomes ids. */
#include "pass/input.h"

#include "base/text.h"
#include "pass/sample.h"

#include <string.h>

/* How many ids stand in for an example where a model has no text of its own. */
enum { FALLBACK_IDS = 6 };

const char *input_example(const Model *m)
{
    if (!vocab_has_text(m->vocab))
        return NULL;
    if (m->config.example)
        return m->config.example;
    return m->config.split == SPLIT_LLAMA2C ? "Once upon a time" : NULL;
}

/* Ids for a model without an example: the begin token where there is one, then the first tokens that are not special, beginning
 * with 1 so that id 0, often padding, is the last resort. */
static int add_fallback(Ids *ids, const Model *m, size_t most, Error *e)
{
    Config c = m->config; /* config_token gives writable places */
    if (c.bos >= 0 && ids_add(ids, c.bos, e) != 0)
        return -1;
    for (size_t i = 1; i <= c.vocab_size && ids->len < most; i++) {
        int id = (int)(i % c.vocab_size);
        bool special = false;
        for (int t = 0; t < TOKEN_COUNT; t++)
            special = special || *config_token(&c, (SpecialToken)t) == id;
        bool needed = ids->len == 0 && i == c.vocab_size;
        if (((!special && id != 0) || needed) && ids_add(ids, id, e) != 0)
            return -1;
    }
    return 0;
}

int input_check_text(const char *text, const char *what, Error *e)
{
    size_t n = strlen(text);
    for (size_t at = 0; at < n;) {
        int32_t c;
        size_t used = text_decode(text + at, n - at, &c);
        if (c == 0xfffd && used == 1)
            return error_set(e, "%s: byte %zu: expected UTF-8, found 0x%02X; convert the text to UTF-8 first", what, at + 1,
                             (unsigned char)text[at]);
        at += used;
    }
    return 0;
}

static int add_text(Ids *ids, const Model *m, const char *text, EncodeFor how, const char *what, Error *e)
{
    if (input_check_text(text, what, e) != 0)
        return -1;
    if (!vocab_has_text(m->vocab))
        return error_set(e, "%s: expected ids, found a text: %s has no vocabulary; give numbers with %s", what, m->name,
                         strcmp(what, "--target") == 0 ? "--target-ids" : "--ids");
    if (vocab_encode(m->vocab, text, how, ids, e) != 0)
        return strcmp(what, "--target") == 0 ? error_prefix(e, "--target") : -1;
    return 0;
}

static size_t fallback_length(const Model *m)
{
    bool ends = m->config.position == POSITION_LEARNED && m->config.max_len < FALLBACK_IDS;
    return ends ? m->config.max_len : FALLBACK_IDS;
}

/* What the first stack is fed. */
static int read_first(Ids *ids, const Model *m, InputText given, Error *e)
{
    const Config *c = &m->config;
    EncodeFor how = c->kind == KIND_DECODER ? ENCODE_DECODER : ENCODE_ENCODER;
    if (given.ids)
        return ids_parse(ids, given.ids, "--ids", c->vocab_size, false, e);
    if (given.text)
        return add_text(ids, m, given.text, how, "text", e);
    if (input_example(m))
        return add_text(ids, m, input_example(m), how, "example", e);
    return add_fallback(ids, m, fallback_length(m), e);
}

int input_begin_id(const Model *m)
{
    return m->config.bos >= 0 ? m->config.bos : 0;
}

/* The decoder's own greedy answer to the source. */
static int read_greedy(Input *in, const Model *m, Ablations a, Error *e)
{
    if (ids_add(&in->target, input_begin_id(m), e) != 0)
        return -1;
    size_t most = vocab_has_text(m->vocab) ? 2 * in->source.len + 8 : FALLBACK_IDS;
    GenerateOptions o = {.max_new = most - 1, .to_end = true, .cache = !(a & NO_MASK), .sampler = {.top_p = 1}};
    int status = generate(m, in, a, &o, NULL, e);
    in->own = in->target.len - 1;
    return status;
}

static int read_all(Input *in, const Model *m, InputText given, Ablations a, Error *e)
{
    if (given.text && given.ids)
        return error_set(e, "--ids: expected a text or ids, found both; give only one of -t and --ids");
    if (given.target && given.target_ids)
        return error_set(e, "--target-ids: expected a text or ids, found both; give only one of --target and --target-ids");
    const char *target = given.target ? "--target" : given.target_ids ? "--target-ids" : NULL;
    if (m->config.kind != KIND_ENCODER_DECODER && target)
        return error_set(e, "%s: expected an encoder-decoder, found the %s-only model %s; use -t or --ids", target,
                         m->config.kind == KIND_ENCODER ? "encoder" : "decoder", m->name);
    if (m->config.kind == KIND_DECODER)
        return read_first(&in->target, m, given, e);
    if (read_first(&in->source, m, given, e) != 0)
        return -1;
    if (m->config.kind == KIND_ENCODER)
        return 0;
    if (given.target_ids)
        return ids_parse(&in->target, given.target_ids, "--target-ids", m->config.vocab_size, false, e);
    if (given.target)
        return add_text(&in->target, m, given.target, ENCODE_DECODER, "--target", e);
    if (!vocab_has_text(m->vocab) && !given.ids) /* stand-in ids on both sides: an untrained model only repeats itself */
        return add_fallback(&in->target, m, fallback_length(m), e);
    return read_greedy(in, m, a, e);
}

int input_read(Input *in, const Model *m, InputText given, Ablations a, Error *e)
{
    *in = (Input){0};
    if (read_all(in, m, given, a, e) == 0)
        return 0;
    input_free(in);
    return -1;
}

int input_targets(const Input *in, const Model *m, Ids *out, Error *e)
{
    bool encoder = m->config.kind == KIND_ENCODER;
    int after = m->config.kind == KIND_ENCODER_DECODER ? m->config.eos : -1;
    const Ids *fed = encoder ? &in->source : &in->target;
    for (size_t i = 0; i < fed->len; i++) {
        bool last = i + 1 == fed->len;
        int id = encoder ? fed->data[i] : last ? after : fed->data[i + 1];
        if (ids_add(out, id, e) != 0)
            return -1;
    }
    return 0;
}

void input_free(Input *in)
{
    ids_free(&in->source);
    ids_free(&in->target);
}

PassInput input_ids(const Input *in)
{
    return (PassInput){in->source.data, in->target.data, in->source.len, in->target.len};
}
