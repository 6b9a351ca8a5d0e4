/* wire.c - writes the model hand-wired: an attention-only decoder of two layers that
 * completes A B … A with B. Nothing in it is trained: every number that is not zero is
 * put there by one of the rules in wire_weights, and the rules are the explanation.
 *
 * Owns the rules. Knows nothing of how a pass is computed or a file is laid out.
 *
 *     wire FOLDER        writes config.json, model.safetensors and vocab.txt into an empty or new folder */
#include "model/model.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    LETTERS = 6,     /* A … F are the tokens 0 … 5 */
    BEGIN = LETTERS, /* <s> is token 6: the tokenizer puts it in front */
    TOKENS = LETTERS + 1,
    POSITIONS = 16,
    D_HEAD = 16, /* one dimension a position; the letters need only the first six */
};

/* The residual stream has one dimension a fact. A rule names a dimension as group + number:
 * TOKEN_IS + BEGIN, POSITION_IS + 3, PREVIOUS_TOKEN_IS + 0 (for A). */
enum {
    TOKEN_IS = 0,
    POSITION_IS = TOKEN_IS + TOKENS,
    PREVIOUS_TOKEN_IS = POSITION_IS + POSITIONS,
    NEXT_TOKEN_IS = PREVIOUS_TOKEN_IS + LETTERS,
    D_MODEL = NEXT_TOKEN_IS + LETTERS,
};

/* How strongly the circuit acts. A score is query times key over sqrt(D_HEAD) = 4, so the heads' scores are
 *   layer 0:  40 * 1 / 4 = 10 for the position before, 0 for every other
 *   layer 1:  24 * 2 / 4 = 12 for a match, 24 * 1 / 4 = 6 for <s>, 0 for every other
 * Far enough apart that a head knows what it wants, near enough that the softmax still shows. */
enum { LOOK_BACK = 40, ASK = 24, MATCH = 2, REST = 1, SAY = 8 };

static const char *const tokens[TOKENS] = {"A", "B", "C", "D", "E", "F", "<s>"};

/* The rule "FROM is wired to TO with this strength": one number of one matrix [inputs, outputs]. Once a rule has
 * failed the others do nothing. */
static void wire(Weights *w, const char *weight, size_t from, size_t to, int strength, Error *e)
{
    if (e->text[0])
        return;
    int i = weights_find(w, weight);
    if (i < 0 || w->items[i].rank != 2 || from >= w->items[i].shape[0] || to >= w->items[i].shape[1]) {
        error_set(e, "wire: %s[%zu, %zu]: expected a place in a weight of the model, found none", weight, from, to);
        return;
    }
    weights_values(w, (size_t)i)[from * w->items[i].shape[1] + to] = (real)strength;
}

/* All the rules. x stands for a letter, p for a position; inside a head, dimension x or p carries it. */
static int wire_weights(Weights *w, Error *e)
{
    /* What is known before any attention: which token, and where. */
    for (size_t t = 0; t < TOKENS; t++)
        wire(w, "decoder.embed.W_E", t, TOKEN_IS + t, 1, e);
    for (size_t p = 0; p < POSITIONS; p++)
        wire(w, "decoder.embed.W_P", p, POSITION_IS + p, 1, e);

    /* Layer 0, the previous-token head. "I am at p" is what a key says; "who is at p - 1?" is what the query
     * at p asks, strongly. Position 0 has nobody before it and asks for itself. */
    for (size_t p = 0; p < POSITIONS; p++) {
        wire(w, "decoder.0.self.W_K", POSITION_IS + p, p, 1, e);
        wire(w, "decoder.0.self.W_Q", POSITION_IS + p, p > 0 ? p - 1 : 0, LOOK_BACK, e);
    }
    /* What it carries: "token is x" there becomes "previous token is x" here. */
    for (size_t x = 0; x < LETTERS; x++) {
        wire(w, "decoder.0.self.W_V", TOKEN_IS + x, x, 1, e);
        wire(w, "decoder.0.self.W_O", x, PREVIOUS_TOKEN_IS + x, 1, e);
    }

    /* Layer 1, the induction head. "I am x; who came after an x?" is the query; "I came after an x" is the key. */
    for (size_t x = 0; x < LETTERS; x++) {
        wire(w, "decoder.1.self.W_Q", TOKEN_IS + x, x, ASK, e);
        wire(w, "decoder.1.self.W_K", PREVIOUS_TOKEN_IS + x, x, MATCH, e);
    }
    /* <s> answers every question with half a match: where nobody else answers, the head rests there. */
    for (size_t x = 0; x < LETTERS; x++)
        wire(w, "decoder.1.self.W_K", TOKEN_IS + BEGIN, x, REST, e);
    /* What it carries: "token is x" there becomes "next token is x" here. <s> carries nothing. */
    for (size_t x = 0; x < LETTERS; x++) {
        wire(w, "decoder.1.self.W_V", TOKEN_IS + x, x, 1, e);
        wire(w, "decoder.1.self.W_O", x, NEXT_TOKEN_IS + x, 1, e);
    }

    /* The output says the next token. */
    for (size_t x = 0; x < LETTERS; x++)
        wire(w, "output.W_U", NEXT_TOKEN_IS + x, x, SAY, e);
    return e->text[0] ? -1 : 0;
}

/* "token is A", "position is 3", …: the names of the residual stream's dimensions, shown on the axes. */
static int name_dimension(char **name, size_t d)
{
    enum { LONGEST = 32 };
    char *s = malloc(LONGEST);
    if (!s)
        return -1;
    if (d >= NEXT_TOKEN_IS)
        snprintf(s, LONGEST, "next token is %s", tokens[d - NEXT_TOKEN_IS]);
    else if (d >= PREVIOUS_TOKEN_IS)
        snprintf(s, LONGEST, "previous token is %s", tokens[d - PREVIOUS_TOKEN_IS]);
    else if (d >= POSITION_IS)
        snprintf(s, LONGEST, "position is %zu", d - POSITION_IS);
    else
        snprintf(s, LONGEST, "token is %s", tokens[d - TOKEN_IS]);
    *name = s;
    return 0;
}

static int wire_config(Config *c, Error *e)
{
    *c = config_default();
    c->kind = KIND_DECODER;
    c->decoder_layers = 2;
    c->encoder_layers = 0;
    c->d_model = D_MODEL;
    c->n_heads = 1;
    c->n_kv_heads = 1;
    c->d_head = D_HEAD;
    c->vocab_size = TOKENS;
    c->max_len = POSITIONS;
    c->position = POSITION_LEARNED; /* as far as the format goes: the rows of W_P are written, not learned */
    c->norm = NORM_NONE;
    c->ffn = FFN_NONE;
    c->bias = false;
    c->tie_embeddings = false; /* "token is A" goes in, "next token is A" comes out */
    c->bos = BEGIN;
    c->split = SPLIT_WORDS;
    c->dim_names = calloc(D_MODEL, sizeof *c->dim_names);
    c->example = strdup("A B C A");
    if (!c->dim_names || !c->example)
        return error_memory(e, "the names of the dimensions");
    for (size_t d = 0; d < D_MODEL; d++)
        if (name_dimension(&c->dim_names[d], d) != 0)
            return error_memory(e, "the names of the dimensions");
    return config_check(c, "wire", e);
}

/* The whole model, in memory of its own. The caller frees it, after a failure too. */
static int wire_model(Model *m, Error *e)
{
    *m = (Model){0};
    if (wire_config(&m->config, e) != 0)
        return -1;
    Buffer list = {0};
    for (size_t t = 0; t < TOKENS; t++)
        buffer_printf(&list, "%s\n", tokens[t]);
    m->vocab = vocab_read(buffer_text(&list), list.len, &m->config, "wire", e);
    buffer_free(&list);
    if (!m->vocab)
        return -1;
    if (weights_layout(&m->weights, &m->config, e) != 0 || weights_allocate(&m->weights, e) != 0)
        return -1;
    return wire_weights(&m->weights, e);
}

/* Gives back what wire_model took, but not m itself. */
static void unwire_model(Model *m)
{
    vocab_free(m->vocab);
    weights_free(&m->weights);
    config_free(&m->config);
}

int main(int argc, char **argv)
{
    if (argc != 2) {
        fprintf(stderr, "usage: wire FOLDER\nWrites the model hand-wired into an empty or new folder.\n");
        return 2;
    }
    Error e = {0};
    Model m;
    int status = wire_model(&m, &e);
    if (status == 0)
        status = model_save(&m, argv[1], &e);
    if (status != 0)
        fprintf(stderr, "%s\n", e.text);
    unwire_model(&m);
    return status == 0 ? 0 : 1;
}
