/* test_model_config.c - config.json and random:KEY=VALUE read, checked and written. */
#include "model/config.h"
#include "model/nearest.h"
#include "model_help.h"

#include <locale.h>
#include <math.h>

static int read_text(Config *c, const char *text, Error *e)
{
    return config_read(c, text, strlen(text), "c.json", e);
}

/* Reading text fails with a message that has `part` in it and names the file. */
static void refuse(const char *text, const char *part)
{
    Config c;
    Error e = {{0}};
    cr_assert_eq(read_text(&c, text, &e), -1, "was read: %s", text);
    assert_says(e, part);
    cr_assert_eq(strncmp(e.text, "c.json: ", 8), 0, "%s", e.text);
}

static void refuse_parse(const char *text, const char *part)
{
    Config c;
    Error e = {{0}};
    unsigned long seed = 0;
    cr_assert_eq(config_parse(&c, text, &seed, &e), -1, "was read: %s", text);
    assert_says(e, part);
}

static void assert_same(const Config *a, const Config *b)
{
    Buffer x = {0}, y = {0};
    config_write(a, &x);
    config_write(b, &y);
    cr_assert_str_eq(buffer_text(&x), buffer_text(&y));
    buffer_free(&x);
    buffer_free(&y);
}

Test(model_config, empty_is_the_defaults)
{
    Config c, d = config_default();
    Error e;
    cr_assert_eq(read_text(&c, "{}", &e), 0, "%s", e.text);
    cr_assert_eq(c.d_head, 8);
    cr_assert_eq(c.n_kv_heads, 2);
    cr_assert_eq(c.bos, -1);
    assert_same(&c, &d);
}

Test(model_config, sizes_that_follow)
{
    Config c;
    Error e;
    cr_assert_eq(read_text(&c, "{\"d_model\": 10, \"n_heads\": 4}", &e), 0, "%s", e.text);
    cr_assert_eq(c.d_head, 2); /* 10 / 4 */
    cr_assert_eq(c.n_kv_heads, 4);
    cr_assert_eq(read_text(&c, "{\"d_model\": 12, \"n_heads\": 4, \"d_head\": null, \"n_kv_heads\": 0}", &e), 0, "%s", e.text);
    cr_assert_eq(c.d_head, 3);
    cr_assert_eq(c.n_kv_heads, 4);
    cr_assert_eq(read_text(&c, "{\"d_model\": 2, \"n_heads\": 4, \"d_head\": 6, \"n_kv_heads\": 2}", &e), 0, "%s", e.text);
    cr_assert_eq(c.d_head, 6);
    cr_assert_eq(c.n_kv_heads, 2);
}

Test(model_config, every_key_is_read)
{
    const char *text = "{\"kind\": \"encoder-decoder\", \"d_model\": 24, \"n_heads\": 6, \"n_kv_heads\": 3, \"d_head\": 10, \"d_ff\": 7,"
                       "\"encoder_layers\": 3, \"decoder_layers\": 1, \"vocab_size\": 9, \"max_len\": 5, \"norm\": \"rmsnorm\","
                       "\"norm_position\": \"post\", \"norm_eps\": 0, \"position\": \"rope\", \"rope_theta\": 500.5,"
                       "\"rope_pairing\": \"interleaved\", \"rope_dims\": 6, \"parallel\": false, \"embed_norm\": true, \"output_head\": true, \"output_bias\": true, \"qk_norm\": true, \"rope_scaling\": \"yarn\", \"rope_factor\": 3, \"rope_original_len\": 9,"
                       "\"rope_low_freq_factor\": 2, \"rope_high_freq_factor\": 5, \"rope_beta_fast\": 30, \"rope_beta_slow\": 2,"
                       "\"rope_attention_factor\": 1.5, \"rope_truncate\": false, \"score_scale\": 0.25, \"scale_by_layer\": true, \"window\": 6,"
                       "\"qkv_bias\": true, \"out_bias\": false, \"ffn_bias\": null, \"activation\": \"gelu_tanh\", \"ffn\": \"gated\", \"bias\": false,"
                       "\"tie_embeddings\": false, \"embed_scale\": true, \"split\": \"longest-match\","
                       "\"tokens\": {\"bos\": 0, \"eos\": 1, \"pad\": 2, \"mask\": 3, \"unk\": \"?\"}}";
    Config c;
    Error e;
    cr_assert_eq(read_text(&c, text, &e), 0, "%s", e.text);
    cr_assert(c.kind == KIND_ENCODER_DECODER && c.d_model == 24 && c.n_heads == 6 && c.n_kv_heads == 3 && c.d_head == 10 && c.d_ff == 7);
    cr_assert(c.encoder_layers == 3 && c.decoder_layers == 1 && c.vocab_size == 9 && c.max_len == 5);
    cr_assert(c.norm == NORM_RMSNORM && c.norm_position == NORM_POST && c.norm_eps == 0 && c.position == POSITION_ROPE);
    cr_assert(c.rope_scaling == ROPE_SCALING_YARN && c.rope_factor == 3 && c.rope_original_len == 9 && c.rope_low_freq_factor == 2 &&
              c.rope_high_freq_factor == 5 && c.rope_beta_fast == 30 && c.rope_beta_slow == 2 && c.rope_attention_factor == 1.5 && !c.rope_truncate);
    cr_assert(c.rope_dims == 6 && config_rope_dims(&c) == 6 && !c.parallel && c.embed_norm && c.qk_norm && c.output_head && c.output_bias && c.token_types == 0);
    cr_assert(c.score_scale == 0.25 && c.scale_by_layer && c.window == 6);
    cr_assert(config_has_bias(&c, 'Q') && !config_has_bias(&c, 'O') && !config_has_bias(&c, '1') && c.ffn_bias == SWITCH_UNSET);
    cr_assert(c.rope_theta == 500.5 && c.rope_pairing == PAIRING_INTERLEAVED && c.activation == ACTIVATION_GELU_TANH);
    cr_assert(c.ffn == FFN_GATED && !c.bias && !c.tie_embeddings && c.embed_scale && c.split == SPLIT_LONGEST_MATCH);
    cr_assert(c.bos == 0 && c.eos == 1 && c.pad == 2 && c.mask == 3 && c.unk == -1);
    cr_assert_str_eq(c.token_texts[TOKEN_UNK], "?");
    config_free(&c);
}

Test(model_config, what_is_written_is_read_back)
{
    const char *text = "{\"d_model\": 3, \"n_heads\": 1, \"norm_eps\": 1.2345678901234567e-7, \"rope_theta\": 1e6, \"position\": \"alibi\","
                       "\"tokens\": {\"bos\": 4, \"eos\": [6, 2, 9], \"mask\": \"\\\"[M]\\\"\"}, \"dimensions\": [\"a\\n\", \"我\", \"\\\\\"]}";
    Config c, again, copy;
    Error e;
    Buffer b = {0};
    cr_assert_eq(read_text(&c, text, &e), 0, "%s", e.text);
    config_write(&c, &b);
    cr_assert_eq(config_read(&again, b.data, b.len, "again", &e), 0, "%s: %s", e.text, b.data);
    cr_assert_eq(again.norm_eps, 1.2345678901234567e-7);
    cr_assert_str_eq(again.dim_names[1], "我");
    cr_assert_str_eq(again.token_texts[TOKEN_MASK], "\"[M]\"");
    cr_assert(again.eos == 6 && config_is_end(&again, 6) && config_is_end(&again, 2) && config_is_end(&again, 9) && !config_is_end(&again, 4));
    assert_same(&c, &again);
    cr_assert_eq(config_copy(&copy, &c, &e), 0);
    cr_assert_neq(copy.dim_names[0], c.dim_names[0]);
    assert_same(&c, &copy);
    config_free(&c);
    config_free(&again);
    config_free(&copy);
    buffer_free(&b);
}

Test(model_config, a_locale_with_a_comma_changes_nothing)
{
    if (!setlocale(LC_NUMERIC, "de_DE.UTF-8") && !setlocale(LC_NUMERIC, "fr_FR.UTF-8"))
        cr_skip("no locale with a decimal comma is installed");
    Config c, again;
    Error e;
    Buffer b = {0};
    unsigned long seed = 0;
    cr_assert_eq(config_parse(&c, "norm_eps=0.25", &seed, &e), 0, "%s", e.text);
    cr_assert_eq(c.norm_eps, 0.25);
    config_write(&c, &b);
    cr_assert_eq(config_read(&again, b.data, b.len, "again", &e), 0, "%s", e.text);
    cr_assert_eq(again.norm_eps, 0.25);
    buffer_free(&b);
}

Test(model_config, odd_but_allowed)
{
    static const char *const texts[] = {
        "{\"decoder_layers\": 0}",
        "{\"kind\": \"encoder\"}",          /* an encoder without layers */
        "{\"d_model\": 7, \"n_heads\": 1}", /* odd, with sinusoids */
        "{\"d_model\": 7, \"n_heads\": 2}", /* a remainder */
        "{\"d_head\": 5, \"position\": \"alibi\"}",
        "{\"ffn\": \"none\", \"d_ff\": 0}",
        "{\"max_len\": 0}",
        "{\"tokens\": null, \"dimensions\": null, \"n_kv_heads\": null}",
        "{\"tokens\": {\"bos\": 3, \"eos\": 3}}",
        " {\"n_heads\": 6, \"n_kv_heads\": 2, \"d_head\": 1}\n",
        "{\"norm_eps\": 1}",
    };
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        Config c;
        Error e = {{0}};
        cr_expect_eq(read_text(&c, texts[i], &e), 0, "%s: %s", texts[i], e.text);
        config_free(&c);
    }
}

Test(model_config, errors_name_the_key)
{
    refuse("{\"d_modle\": 16}", "\"d_modle\": expected a key of stepformer's config, found an unknown one; nearest: \"d_model\"");
    refuse("{\"n_head\": 2}", "nearest: \"n_heads\"");
    refuse("{\"zzzzzz\": 2}", "\"zzzzzz\"");
    refuse("{\"d_model\": 16, \"d_model\": 16}", "duplicate");
    refuse("{\"tokens\": {\"bos\": 1, \"bos\": 2}}", "duplicate");
    refuse("{\"d_model\": 0}", "d_model: expected an integer from 1 to 16777216, found 0");
    refuse("{\"d_model\": -3}", "found -3");
    refuse("{\"d_model\": 16777217}", "found 16777217");
    refuse("{\"d_model\": 16.0}", "found 16");
    refuse("{\"d_model\": \"16\"}", "found \"16\"");
    refuse("{\"d_model\": null}", "found null");
    refuse("{\"d_model\": [16]}", "found an array");
    refuse("{\"d_model\": 99999999999999999999}", "line 1");
    refuse("{\"decoder_layers\": 1025}", "decoder_layers: expected an integer from 0 to 1024");
    refuse("{\"kind\": \"decoders\"}", "kind: expected \"decoder\", \"encoder\" or \"encoder-decoder\", found \"decoders\"");
    refuse("{\"kind\": 1}", "kind: expected");
    refuse("{\"split\": \"llama2c\"}", "split: expected");
    refuse("{\"bias\": 1}", "bias: expected true or false, found 1");
    refuse("{\"bias\": null, \"tokens\": null}", "bias: expected true or false, found null");
    refuse("{\"norm_eps\": \"1e-5\"}", "norm_eps: expected a number");
    refuse("{\"norm_eps\": -1e-5}", "norm_eps: expected a number of at least 0");
    refuse("{\"norm_eps\": 1e999}", "line 1");
    refuse("{\"norm_eps\": NaN}", "line 1");
    refuse("{\"rope_theta\": 0}", "rope_theta");
    refuse("{\"rope_scaling\": \"ntk\"}", "rope_scaling");
    refuse("{\"rope_scaling\": \"linear\", \"rope_factor\": 0}", "rope_factor");
    refuse("{\"rope_scaling\": \"yarn\", \"rope_factor\": 2}", "rope_original_len");
    refuse("{\"rope_scaling\": \"llama3\", \"rope_original_len\": 9, \"rope_high_freq_factor\": 1}", "rope_high_freq_factor");
    refuse("{\"score_scale\": -1}", "score_scale");
    refuse("{\"qkv_bias\": 1}", "qkv_bias");
    refuse("{\"token_types\": 2}", "token_types: expected 0, because only an encoder's texts have segments, found 2");
    refuse("{\"embed_norm\": true, \"norm\": \"none\"}", "embed_norm: expected false, because norm is none");
    refuse("{\"output_head\": 2}", "output_head");
    refuse("{\"qk_norm\": \"rmsnorm\"}", "qk_norm: expected true or false");
    refuse("{\"rope_dims\": 4}", "rope_dims: expected 0, because position is not rope");
    refuse("{\"position\": \"rope\", \"rope_dims\": 3}", "rope_dims: expected an even number");
    refuse("{\"position\": \"rope\", \"rope_dims\": 10}", "rope_dims: expected at most d_head (8), found 10");
    refuse("{\"parallel\": 1}", "parallel");
    refuse("{\"parallel\": true, \"ffn\": \"none\"}", "parallel: expected false, because ffn is none");
    refuse("{\"parallel\": true, \"norm_position\": \"post\"}", "parallel: expected norm_position pre");
    refuse("{\"parallel\": true, \"kind\": \"encoder-decoder\"}", "parallel: expected false, because an encoder-decoder's");
    refuse("{\"window\": -1}", "window");
    refuse("{\"n_heads\": 3, \"n_kv_heads\": 2, \"d_head\": 4}", "n_kv_heads: expected a divisor of n_heads (3), found 2");
    refuse("{\"n_heads\": 2, \"n_kv_heads\": 4}", "n_kv_heads");
    refuse("{\"position\": \"rope\", \"d_head\": 5}", "d_head: expected an even number, because RoPE turns pairs, found 5");
    refuse("{\"d_model\": 2, \"n_heads\": 4}", "d_head: expected a value");
    refuse("{\"n_heads\": 65536, \"d_head\": 65536}", "d_head: expected n_heads * d_head to be at most");
    refuse("{\"d_ff\": 0}", "d_ff");
    refuse("{\"position\": \"learned\", \"max_len\": 0}", "max_len");
    refuse("{\"tokens\": {\"bos\": 23}}", "tokens.bos: expected an id from 0 to 22, found 23");
    refuse("{\"tokens\": {\"bos\": -1}}", "tokens.bos");
    refuse("{\"tokens\": {\"bos\": 1.5}}", "tokens.bos");
    refuse("{\"tokens\": {\"bos\": \"\"}}", "tokens.bos");
    refuse("{\"tokens\": {\"bos\": [1]}}", "tokens.bos");
    refuse("{\"tokens\": {\"eos\": []}}", "tokens.eos");
    refuse("{\"tokens\": {\"eos\": [1, \"2\"]}}", "tokens.eos: expected ids, found");
    refuse("{\"tokens\": {\"eos\": [1, 23]}}", "tokens.eos: expected ids from 0 to 22, found 23");
    refuse("{\"tokens\": {\"eos\": [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]}}", "tokens.eos: expected at most 9 ids, found 10");
    refuse("{\"tokens\": {\"boss\": 1}}", "found \"boss\"; nearest: \"bos\"");
    refuse("{\"tokens\": [1]}", "tokens: expected an object");
    refuse("{\"dimensions\": [\"a\"]}", "dimensions: expected 16 names, one for each of d_model, found 1");
    refuse("{\"dimensions\": \"a\"}", "dimensions: expected an array");
    refuse("{\"d_model\": 2, \"dimensions\": [\"a\", 3]}", "dimensions: expected a name at place 1, found 3");
    refuse("{\"d_model\": 2, \"dimensions\": [\"\", \"b\"]}", "at place 0");
    refuse("[]", "expected an object");
    refuse("", "found an empty file");
    refuse("{\"d_model\": 16", "line 1");
    refuse("{\n\"d_model\": 16\n} x", "line 3");
    refuse("{\"\\u0000\": 1}", "line 1");
    refuse("{\"kind\": \"\xff\"}", "line 1");
}

Test(model_config, a_wild_file_is_bounded)
{
    size_t n = CONFIG_MAX_TEXT + 1;
    char *deep = malloc(n);
    Config c;
    Error e;
    memset(deep, '[', n);
    cr_assert_eq(config_read(&c, deep, n, "c.json", &e), -1);
    assert_says(e, "expected at most 1048576 bytes");
    cr_assert_eq(config_read(&c, deep, n - 1, "c.json", &e), -1);
    assert_says(e, "c.json: line 1");
    free(deep);
}

Test(model_config, parse)
{
    Config c;
    Error e = {{0}};
    unsigned long seed = 5;
    cr_assert_eq(config_parse(&c, "", &seed, &e), 0, "%s", e.text);
    cr_assert(c.d_model == 16 && seed == 5);
    cr_assert_eq(config_parse(&c, "kind=encoder, d_model = 32 ,n_heads=4,seed=7,bias=false,norm_eps=1e-6,position=rope,mask=3", &seed, &e),
                 0, "%s", e.text);
    cr_assert(c.kind == KIND_ENCODER && c.d_model == 32 && c.d_head == 8 && !c.bias && c.norm_eps == 1e-6);
    cr_assert(c.position == POSITION_ROPE && c.mask == 3 && c.bos == -1 && seed == 7);
    refuse_parse("d_modle=3", "random: \"d_modle\": expected a key");
    refuse_parse("d_model", "random: \"d_model\": expected KEY=VALUE");
    refuse_parse("d_model=16,", "expected KEY=VALUE");
    refuse_parse("d_model=16,d_model=16", "random: d_model: expected once, found twice");
    refuse_parse("bos=1,bos=1", "bos: expected once");
    refuse_parse("seed=1,seed=2", "seed: expected once");
    refuse_parse("seed=-1", "seed: expected an integer of at least 0, found -1");
    refuse_parse("seed=x", "seed");
    refuse_parse("=3", "expected a key");
    refuse_parse("d_model=", "d_model: expected an integer from 1 to 16777216, found \"\"");
    refuse_parse("d_model=016", "found \"016\"");
    refuse_parse("d_model=[1]", "found \"[1]\"");
    refuse_parse("dimensions=a", "dimensions");
    refuse_parse("tokens=1", "tokens");
    refuse_parse("bos=<s>", "bos: expected an id");
    refuse_parse("kind=\xff", "kind: expected a value in UTF-8");
    refuse_parse("d_head=3,position=rope", "random: d_head: expected an even number");
}

Test(model_config, filled_in_by_code)
{
    Config c = config_default();
    Error e = {{0}};
    cr_assert_eq(config_check(&c, "code", &e), 0);
    c.n_heads = 0;
    cr_assert_eq(config_check(&c, "code", &e), -1);
    assert_says(e, "code: n_heads: expected from 1 to 16777216, found 0");
    c = config_default();
    c.norm_eps = NAN;
    cr_assert_eq(config_check(&c, "code", &e), -1);
    assert_says(e, "norm_eps");
    c = config_default();
    c.eos = 23;
    cr_assert_eq(config_check(&c, "code", &e), -1);
    assert_says(e, "tokens.eos");
}

Test(model_config, stacks)
{
    Config c = config_default();
    c.encoder_layers = 3;
    cr_assert(!config_has_stack(&c, STACK_ENCODER) && config_has_stack(&c, STACK_DECODER) && config_has_stack(&c, STACK_OUTPUT));
    cr_assert(config_layers(&c, STACK_ENCODER) == 0 && config_layers(&c, STACK_DECODER) == 2 && config_layers(&c, STACK_OUTPUT) == 0);
    cr_assert_eq(config_last_stack(&c), STACK_DECODER);
    c.kind = KIND_ENCODER;
    cr_assert(config_has_stack(&c, STACK_ENCODER) && !config_has_stack(&c, STACK_DECODER));
    cr_assert(config_layers(&c, STACK_ENCODER) == 3 && config_layers(&c, STACK_DECODER) == 0);
    cr_assert_eq(config_last_stack(&c), STACK_ENCODER);
    c.kind = KIND_ENCODER_DECODER;
    cr_assert(config_layers(&c, STACK_ENCODER) == 3 && config_layers(&c, STACK_DECODER) == 2);
    cr_assert_eq(config_last_stack(&c), STACK_DECODER);
}

static void describes(const Config *c, const char *expected)
{
    Buffer b = {0};
    config_describe(c, &b);
    cr_assert_str_eq(buffer_text(&b), expected);
    buffer_free(&b);
}

Test(model_config, description)
{
    Config c = config_default();
    c.position = POSITION_LEARNED;
    c.n_heads = 4;
    c.n_kv_heads = 4;
    describes(&c, "decoder · pre-norm · learned positions · d 16, 4 heads, 2 layers");
    c.kind = KIND_ENCODER_DECODER;
    c.norm_position = NORM_POST;
    c.encoder_layers = 1;
    c.n_kv_heads = 2;
    c.position = POSITION_ROPE;
    describes(&c, "encoder–decoder · post-norm · RoPE · d 16, 4 heads (2 key/value), 1+2 layers");
    c.rope_scaling = ROPE_SCALING_YARN;
    c.window = 128;
    describes(&c, "encoder–decoder · post-norm · RoPE (yarn) · d 16, 4 heads (2 key/value), window 128, 1+2 layers");
    c.rope_scaling = ROPE_SCALING_NONE;
    c.window = 0;
    c.kind = KIND_ENCODER;
    c.norm = NORM_NONE;
    c.n_heads = c.n_kv_heads = 1;
    c.ffn = FFN_NONE;
    describes(&c, "encoder · no norm · RoPE · d 16, 1 head, 1 layer, no ffn");
}

/* ---- nearest ---- */

static void hints(const char *word, const char *expected)
{
    static const char *const names[] = {"love", "loves", "cat", "我们", "dove", "live", "glove"};
    char hint[NEAREST_HINT];
    Nearest near = nearest_to(word, strlen(word));
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        nearest_offer(&near, names[i]);
    cr_assert_str_eq(nearest_hint(&near, hint), expected, "%s: %s", word, hint);
}

Test(model_nearest, closest_first)
{
    hints("lvoe", "; nearest: \"love\", \"loves\", \"dove\""); /* a swap is one; then two each, as offered */
    hints("lov", "; nearest: \"love\", \"loves\", \"dove\"");
    hints("我", "; nearest: \"我们\""); /* characters, not bytes */
    hints("act", "; nearest: \"cat\"");
    hints("zebra", "");
    hints("", "");
}

Test(model_nearest, quotes_are_short_and_printable)
{
    char out[QUOTE_SHORT], many[600];
    cr_assert_str_eq(quote_short("a\nb", 3, out), "\"a\\nb\"");
    cr_assert_str_eq(quote_short("abc", 2, out), "\"ab\"");
    memset(many, 'x', sizeof many);
    quote_short(many, sizeof many, out);
    cr_assert(strlen(out) < 60 && strstr(out, "…\""));
    for (size_t i = 0; i + 2 <= sizeof many; i += 2)
        memcpy(many + i, "\xcc\x81", 2); /* accents: no column at all */
    quote_short(many, sizeof many, out);
    cr_assert(strlen(out) < QUOTE_SHORT && strstr(out, "…\""));
}
