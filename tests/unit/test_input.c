/* test_input.c - what -t, --target, --ids and --target-ids mean for each kind of model. */
#include "pass/input.h"
#include "pass/sample.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char words[] = "<s>\n</s>\n<pad>\na\nb\nc\nd\ne\n";

/* An untrained model whose tokens are `words`, if has_words, else numbers. */
static Model *make(const char *config, bool has_words)
{
    Error e = {{0}};
    Config c;
    unsigned long seed = 1;
    cr_assert_eq(config_parse(&c, config, &seed, &e), 0, "%s", e.text);
    Model *m = model_random(&c, seed, "test", &e);
    config_free(&c);
    cr_assert(m, "%s", e.text);
    if (has_words) {
        vocab_free(m->vocab);
        m->vocab = vocab_read(words, sizeof words - 1, &m->config, "words", &e);
        cr_assert(m->vocab, "%s", e.text);
    }
    return m;
}

#define WORDS "vocab_size=8,bos=0,eos=1,pad=2,split=words"
#define PAIR "kind=encoder-decoder,encoder_layers=1,decoder_layers=1,"

static void assert_ids(const Ids *ids, const char *expected)
{
    Buffer text = {0};
    for (size_t i = 0; i < ids->len; i++)
        buffer_printf(&text, "%s%d", i ? "," : "", ids->data[i]);
    cr_assert_str_eq(buffer_text(&text), expected);
    buffer_free(&text);
}

/* Reads; source and target must be these ids. */
static void assert_input(const Model *m, InputText given, const char *source, const char *target)
{
    Error e = {{0}};
    Input in;
    cr_assert_eq(input_read(&in, m, given, 0, &e), 0, "%s", e.text);
    assert_ids(&in.source, source);
    assert_ids(&in.target, target);
    PassInput ids = input_ids(&in);
    cr_assert(ids.source_len == in.source.len && ids.target_len == in.target.len && ids.target == in.target.data);
    input_free(&in);
}

static void assert_error(const Model *m, InputText given, const char *says)
{
    Error e = {{0}};
    Input in;
    cr_assert_eq(input_read(&in, m, given, 0, &e), -1);
    cr_assert(strstr(e.text, says), "expected \"%s\" in: %s", says, e.text);
    cr_assert(in.source.len == 0 && !in.source.data && in.target.len == 0 && !in.target.data);
}

Test(input, a_decoder_is_fed_its_begin_token_and_the_text)
{
    Model *m = make(WORDS, true);
    assert_input(m, (InputText){.text = "a c b"}, "", "0,3,5,4");
    assert_input(m, (InputText){.text = ""}, "", "0");
    assert_input(m, (InputText){.ids = "5, 3"}, "", "5,3");
    assert_input(m, (InputText){.ids = ""}, "", "");
    model_free(m);
}

Test(input, an_encoder_is_fed_both_ends)
{
    Model *m = make("kind=encoder,encoder_layers=1," WORDS, true);
    assert_input(m, (InputText){.text = "a b"}, "0,3,4,1", "");
    assert_input(m, (InputText){.ids = "7"}, "7", "");
    model_free(m);
}

Test(input, an_encoder_decoder_is_fed_two_texts)
{
    Model *m = make(PAIR WORDS, true);
    assert_input(m, (InputText){.text = "a b", .target = "c"}, "3,4,1", "0,5");
    assert_input(m, (InputText){.text = "a b", .target_ids = "5"}, "3,4,1", "5");
    assert_input(m, (InputText){.ids = "3", .target = "d e"}, "3", "0,6,7");
    assert_input(m, (InputText){.ids = "3", .target_ids = ""}, "3", "");
    model_free(m);
}

static int argmax(const real *x, size_t n)
{
    size_t best = 0;
    for (size_t i = 1; i < n; i++)
        if (x[i] > x[best])
            best = i;
    return (int)best;
}

/* Feeds what input_read made of a source, and checks that each token follows greedily from those before it. */
static void assert_greedy(const Model *m, InputText given, Ablations a, int begin, size_t most)
{
    Error e = {{0}};
    Input in;
    cr_assert_eq(input_read(&in, m, given, a, &e), 0, "%s", e.text);
    cr_assert(in.target.len >= 1 && in.target.len <= most && in.target.data[0] == begin);
    Pass *p = pass_create(m, input_ids(&in), a, &e);
    cr_assert(p, "%s", e.text);
    size_t vocab = m->config.vocab_size;
    const real *logits = pass_value(p, pass_plan(p)->count - 2);
    for (size_t t = 0; t + 1 < in.target.len && !(a & NO_MASK); t++) /* without a mask earlier rows see what came later */
        cr_assert_eq(in.target.data[t + 1], argmax(logits + t * vocab, vocab), "token %zu", t + 1);
    int next = argmax(logits + (in.target.len - 1) * vocab, vocab);
    cr_assert(in.target.len == most || next == m->config.eos, "ended after %zu of %zu tokens, before token %d", in.target.len, most, next);
    for (size_t t = 0; t < in.target.len; t++)
        cr_assert_neq(in.target.data[t], m->config.eos, "the end token is not fed");
    pass_free(p);
    input_free(&in);
}

Test(input, without_a_target_the_decoder_is_fed_its_own_output)
{
    for (int seed = 0; seed < 12; seed++) {
        char config[256];
        snprintf(config, sizeof config, PAIR WORDS ",position=rope,seed=%d", seed);
        Model *m = make(config, true);
        assert_greedy(m, (InputText){.text = "a b c"}, 0, 0, 2 * 4 + 8);
        assert_greedy(m, (InputText){.ids = "3"}, NO_RESIDUAL, 0, 2 * 1 + 8);
        assert_greedy(m, (InputText){.text = "a"}, NO_MASK, 0, 2 * 2 + 8);
        model_free(m);
    }
}

Test(input, its_own_output_ends_with_learned_positions_and_is_short_without_words)
{
    Model *learned = make(PAIR "position=learned,max_len=5,vocab_size=8,bos=0,split=words", true);
    assert_greedy(learned, (InputText){.text = "a b c d"}, 0, 0, 5);
    model_free(learned);
    Model *numbers = make(PAIR "vocab_size=9", false);
    assert_greedy(numbers, (InputText){.ids = "1,2,3,4,5,6,7"}, 0, 0, 6);
    assert_input(numbers, (InputText){0}, "1,2,3,4,5,6", "1,2,3,4,5,6"); /* nothing given: ids stand in on both sides */
    model_free(numbers);
    Model *begin = make(PAIR "vocab_size=9,bos=4", false);
    assert_greedy(begin, (InputText){.ids = "1"}, 0, 4, 6);
    cr_assert_eq(input_begin_id(begin), 4);
    model_free(begin);
}

Test(input, nothing_given_is_the_example)
{
    Model *m = make(WORDS, true);
    assert_input(m, (InputText){0}, "", "0,3,4,5,6,7"); /* six: the begin token and what is not special */
    m->config.example = strdup("b a");
    assert_input(m, (InputText){0}, "", "0,4,3");
    assert_input(m, (InputText){.text = "c"}, "", "0,5");
    model_free(m);
    Model *pair = make(PAIR WORDS, true);
    pair->config.example = strdup("b a");
    assert_input(pair, (InputText){.target = "c"}, "4,3,1", "0,5");
    model_free(pair);
}

Test(input, numbers_stand_in_for_an_example)
{
    const struct {
        const char *config, *ids;
    } cases[] = {
        {"vocab_size=23", "1,2,3,4,5,6"},
        {"vocab_size=4", "1,2,3"},
        {"vocab_size=2", "1"},
        {"vocab_size=1", "0"},
        {"vocab_size=9,bos=2,eos=4", "2,1,3,5,6,7"},
        {"vocab_size=9,position=learned,max_len=3", "1,2,3"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        Model *m = make(cases[i].config, false);
        assert_input(m, (InputText){0}, "", cases[i].ids);
        model_free(m);
    }
}

Test(input, an_example_that_cannot_be_read_without_words_is_not_used)
{
    Model *m = make("vocab_size=4", false);
    m->config.example = strdup("b a");
    assert_input(m, (InputText){0}, "", "1,2,3");
    model_free(m);
}

Test(input, contradictions_are_errors)
{
    Model *decoder = make(WORDS, true), *encoder = make("kind=encoder," WORDS, true), *pair = make(PAIR WORDS, true);
    assert_error(decoder, (InputText){.text = "a", .ids = "3"}, "-t and --ids");
    assert_error(decoder, (InputText){.target = "a"}, "--target: expected an encoder-decoder, found the decoder-only");
    assert_error(encoder, (InputText){.text = "a", .target_ids = "3"}, "--target-ids: expected an encoder-decoder, found the encoder-only");
    assert_error(pair, (InputText){.target = "a", .target_ids = "3"}, "--target and --target-ids");
    model_free(decoder);
    model_free(encoder);
    model_free(pair);
}

Test(input, what_cannot_be_read_is_an_error)
{
    Model *m = make(PAIR WORDS, true), *numbers = make("vocab_size=9", false);
    assert_error(m, (InputText){.text = "a\xff"}, "text: byte 2: expected UTF-8, found 0xFF");
    assert_error(m, (InputText){.text = "a", .target = "\xe6\x88"}, "--target: byte 1");
    assert_error(m, (InputText){.text = "a zebra"}, "zebra");
    assert_error(m, (InputText){.text = "a", .target = "zebra"}, "--target: text: ");
    assert_error(m, (InputText){.ids = "3,8"}, "--ids: number 2");
    assert_error(m, (InputText){.ids = "3", .target_ids = "-1"}, "--target-ids: number 1");
    assert_error(m, (InputText){.ids = ""}, "at least one token for the encoder");
    assert_error(numbers, (InputText){.text = "a"}, "no vocabulary");
    model_free(m);
    model_free(numbers);
}

/* What each position should say: the token that follows it, the end token behind an answer, and itself in an encoder. */
Test(input, targets_are_what_follows)
{
    static const struct {
        const char *config;
        InputText given;
        const char *targets;
    } cases[] = {
        {WORDS, {.ids = "0,3,4"}, "3,4,-1"},
        {PAIR WORDS, {.ids = "3", .target_ids = "0,4,5"}, "4,5,1"},
        {PAIR "vocab_size=8", {.ids = "3", .target_ids = "0,4,5"}, "4,5,-1"},
        {"kind=encoder," WORDS, {.ids = "0,3,1"}, "0,3,1"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        Error e = {{0}};
        Model *m = make(cases[i].config, false);
        Input in;
        Ids targets = {0};
        cr_assert_eq(input_read(&in, m, cases[i].given, 0, &e), 0, "%s", e.text);
        cr_assert_eq(input_targets(&in, m, &targets, &e), 0, "%s", e.text);
        assert_ids(&targets, cases[i].targets);
        ids_free(&targets);
        input_free(&in);
        model_free(m);
    }
}
