/* test_marian.c - Marian's translation models: every number of tests/hf/marian against PyTorch, every id of its tokenizer against
 * SentencePiece, the translation, and what is refused. Runs from the top folder. */
#include "base/file.h"
#include "measure/against.h"
#include "model/hf.h"
#include "hf_help.h"
#include "pass/sample.h"

#include <jansson.h>

#define FOLDER "tests/hf/marian"

static void assert_same(const Ids *found, const Ids *expected, size_t from, const char *what)
{
    cr_assert_eq(found->len, expected->len - from, "%s: %zu ids, expected %zu", what, found->len, expected->len - from);
    for (size_t i = 0; i < found->len; i++)
        cr_assert_eq(found->data[i], expected->data[from + i], "%s: id %zu: %d, expected %d", what, i, found->data[i],
                     expected->data[from + i]);
}

/* ---- numbers ---- */

Test(marian, every_number_agrees)
{
    Error e = {{0}};
    Model *m = help_open(FOLDER);
    SafeTensors expected;
    Against a;
    json_t *root = help_load(FOLDER "/expected.json");
    Ids source = help_ids_of(json_object_get(root, "tokens")), target = help_ids_of(json_object_get(root, "target"));
    cr_assert(m->notes && m->notes[0] == '\0', "%s", m->notes);
    Pass *p = pass_create(m, (PassInput){source.data, target.data, source.len, target.len}, 0, &e);
    cr_assert(p, "%s", e.text);
    cr_assert_eq(safetensors_open(&expected, FOLDER "/expected.safetensors", &e), 0, "%s", e.text);
    cr_assert_eq(against_compare(&a, p, &expected, &e), 0, "%s", e.text);
    cr_assert_eq(a.compared, expected.count);
    cr_assert_eq(a.compared, 2 * 2 + 1 + 3 * 3 + 1 + 1, "attentions and hidden states of both stacks, logits");
    for (size_t i = 0; i < a.count; i++)
        cr_expect_leq(a.items[i].error, 5e-5, "%s: error %.2g", a.items[i].name, a.items[i].error);
    against_free(&a);
    safetensors_close(&expected);
    pass_free(p);
    ids_free(&source);
    ids_free(&target);
    json_decref(root);
    model_free(m);
}

/* Both stacks and the output read one table; its gradient is the sum of the three. */
Test(marian, one_embedding_serves_three_times)
{
    Model *m = help_open(FOLDER);
    cr_assert(m->config.share_embeddings && m->config.tie_embeddings && m->config.output_bias);
    cr_assert_eq(weights_find(&m->weights, "decoder.embed.W_E"), -1);
    cr_assert_eq(weights_find(&m->weights, "output.W_U"), -1);
    int w = weights_find(&m->weights, "encoder.embed.W_E"), readers = 0;
    const int source[] = {4, 5, 0}, target[] = {176, 7};
    Error e;
    Pass *p = pass_create(m, (PassInput){source, target, 3, 2}, 0, &e);
    for (size_t i = 0; i < pass_plan(p)->count; i++)
        readers += pass_plan(p)->stages[i].w[0] == w;
    cr_assert_eq(readers, 3);
    pass_free(p);
    model_free(m);
}

/* ---- the translation ---- */

static Ids translated(const Model *m, bool cache)
{
    Error e = {{0}};
    json_t *root = help_load(FOLDER "/expected.json");
    Input in = {.source = help_ids_of(json_object_get(root, "tokens"))};
    GenerateOptions o = {.max_new = 16, .to_end = true, .cache = cache, .sampler = {.top_p = 1}};
    cr_assert_eq(ids_add(&in.target, input_begin_id(m), &e), 0);
    cr_assert_eq(generate(m, &in, 0, &o, NULL, &e), 0, "%s", e.text);
    ids_free(&in.source);
    json_decref(root);
    return in.target;
}

Test(marian, translates_as_the_reference_does)
{
    Model *m = help_open(FOLDER);
    json_t *root = help_load(FOLDER "/expected.json");
    Ids expected = help_ids_of(json_object_get(root, "translation"));
    cr_assert_eq(expected.data[expected.len - 1], 0, "it ends by itself");
    expected.len--; /* generate leaves the end token out */
    for (int cache = 0; cache < 2; cache++) {
        Ids found = translated(m, cache);
        assert_same(&found, &expected, 0, cache ? "with a cache" : "without");
        ids_free(&found);
    }
    m->config.suppress_bos = false;
    Ids padding = translated(m, true);
    cr_assert_eq(padding.data[1], m->config.bos, "without bad_words_ids padding is the answer");
    ids_free(&padding);
    ids_free(&expected);
    json_decref(root);
    model_free(m);
}

/* ---- the tokenizer ---- */

Test(marian, every_text_becomes_the_ids_that_sentencepiece_gives)
{
    Model *m = help_open(FOLDER);
    json_t *root = help_load(FOLDER "/tokens.json");
    const char *const kinds[] = {"source", "target"};
    for (int k = 0; k < 2; k++) {
        const json_t *list = json_object_get(root, kinds[k]);
        cr_assert_geq(json_array_size(list), 10);
        for (size_t i = 0; i < json_array_size(list); i++) {
            const char *text = json_string_value(json_array_get(json_array_get(list, i), 0));
            Ids expected = help_ids_of(json_array_get(json_array_get(list, i), 1)), found = {0};
            Error e = {{0}};
            cr_assert_eq(vocab_encode(m->vocab, text, k ? ENCODE_DECODER : ENCODE_ENCODER, &found, &e), 0, "%s: %s", text, e.text);
            if (k) { /* in front of it, what the decoder begins with */
                cr_assert_eq(found.data[0], 176);
                memmove(found.data, found.data + 1, --found.len * sizeof *found.data);
            }
            assert_same(&found, &expected, 0, text);
            ids_free(&found);
            ids_free(&expected);
        }
    }
    const json_t *decoded = json_object_get(root, "decoded");
    cr_assert_geq(json_array_size(decoded), 3);
    for (size_t i = 0; i < json_array_size(decoded); i++) {
        Ids ids = help_ids_of(json_array_get(json_array_get(decoded, i), 0));
        Buffer text = {0};
        vocab_decode(m->vocab, ids.data, ids.len, &text);
        cr_assert_str_eq(buffer_text(&text), json_string_value(json_array_get(json_array_get(decoded, i), 1)));
        buffer_free(&text);
        ids_free(&ids);
    }
    json_decref(root);
    model_free(m);
}

Test(marian, padding_is_what_the_decoder_begins_with_and_is_seen)
{
    Model *m = help_open(FOLDER);
    cr_assert_eq(m->config.bos, 176);
    cr_assert_eq(m->config.eos, 0);
    cr_assert_eq(m->config.pad, -1);
    cr_assert(m->config.suppress_bos);
    model_free(m);
}

/* Every way a file can end too early, or be another's, is one line that names it. */
Test(marian, tokenizers_that_cannot_be_read_say_why)
{
    char folder[64], command[256];
    Error e = {{0}};
    File spm;
    cr_assert_eq(file_open(&spm, FOLDER "/source.spm", &e), 0);
    help_folder(folder);
    snprintf(command, sizeof command, "cp " FOLDER "/*.json " FOLDER "/*.spm " FOLDER "/model.safetensors '%s'", folder);
    cr_assert_eq(system(command), 0);
    help_write(folder, "source.spm", spm.data, spm.size - 1);
    cr_assert_null(model_open(folder, NULL, &e));
    assert_says(e, "source.spm: byte ");
    help_write(folder, "source.spm", spm.data, spm.size);
    help_write(folder, "target.spm", "", 0);
    cr_assert_null(model_open(folder, NULL, &e));
    assert_says(e, "target.spm: expected a SentencePiece model, found an empty file");
    help_write(folder, "target.spm", spm.data, spm.size);
    help_write(folder, "vocab.json", "{\"a\": 0}", 8);
    cr_assert_null(model_open(folder, NULL, &e));
    assert_says(e, "vocab.json: expected the token <unk>, found none");
    help_write(folder, "vocab.json", "{\"</s>\": 0, \"<unk>\": 200}", 25);
    cr_assert_null(model_open(folder, NULL, &e));
    assert_says(e, "vocab_size");
    help_write(folder, "vocab.json", "[]", 2);
    cr_assert_null(model_open(folder, NULL, &e));
    assert_says(e, "vocab.json: expected an object");
    file_close(&spm);
    help_remove(folder);
}

/* In our own format its tokenizers are the three files that it came with; what they cut and join is the same. */
Test(marian, is_kept_in_our_own_format)
{
    char folder[64], saved[80];
    Error e = {{0}};
    Model *m = help_open(FOLDER), *copy;
    help_folder(folder);
    snprintf(saved, sizeof saved, "%s/m", folder);
    cr_assert_eq(model_save(m, saved, &e), 0, "%s", e.text);
    cr_assert(copy = model_open(saved, NULL, &e), "%s", e.text);
    cr_assert(vocab_is_translator(copy->vocab));
    for (int which = 0; which < TOKEN_COUNT; which++)
        cr_expect_eq(vocab_special(copy->vocab, (SpecialToken)which), vocab_special(m->vocab, (SpecialToken)which), "%d", which);
    for (int k = 0; k < 2; k++) {
        Ids a = {0}, b = {0};
        EncodeFor how = k ? ENCODE_DECODER : ENCODE_ENCODER;
        cr_assert_eq(vocab_encode(m->vocab, "我吃了 an apple", how, &a, &e), 0, "%s", e.text);
        cr_assert_eq(vocab_encode(copy->vocab, "我吃了 an apple", how, &b, &e), 0, "%s", e.text);
        cr_expect(a.len > 3 && a.len == b.len && memcmp(a.data, b.data, a.len * sizeof *a.data) == 0);
        ids_free(&a);
        ids_free(&b);
    }
    for (int i = 0; i < 3; i++) {
        char path[160];
        Buffer bytes = {0};
        File file;
        snprintf(path, sizeof path, "tests/hf/marian/%s", vocab_files(m->vocab)[i]);
        vocab_write(m->vocab, (size_t)i, &bytes);
        cr_assert_eq(file_open(&file, path, &e), 0, "%s", e.text);
        cr_expect(bytes.len == file.size && memcmp(bytes.data, file.data, bytes.len) == 0, "%s", path);
        file_close(&file);
        buffer_free(&bytes);
    }
    help_remove(folder);
    model_free(copy);
    model_free(m);
}

/* ---- config.json ---- */

/* Reads the folder's config.json with one field changed; the notes go into `notes`. */
static int read_changed(const char *field, const char *value, Config *c, Buffer *notes, Error *e)
{
    json_t *root = help_load(FOLDER "/config.json"), *new = json_loads(value, JSON_DECODE_ANY, NULL);
    cr_assert(new, "%s", value);
    json_object_set_new(root, field, new);
    char *text = json_dumps(root, 0);
    int status = hf_config_read(c, text, strlen(text), "config.json", notes, e);
    free(text);
    json_decref(root);
    return status;
}

Test(marian, what_is_not_read_is_refused_by_name)
{
    static const char *const cases[][3] = {
        {"normalize_before", "true", "normalize_before: expected false"},
        {"normalize_embedding", "true", "normalize_embedding: expected false"},
        {"add_final_layer_norm", "true", "add_final_layer_norm: expected false"},
        {"static_position_embeddings", "false", "static_position_embeddings: expected true"},
        {"share_encoder_decoder_embeddings", "false", "share_encoder_decoder_embeddings: expected true"},
        {"tie_word_embeddings", "false", "tie_word_embeddings: expected true"},
        {"decoder_vocab_size", "99", "decoder_vocab_size: expected vocab_size (177), because the embedding is shared, found 99"},
        {"decoder_ffn_dim", "12", "decoder_ffn_dim: expected the 28 of encoder_ffn_dim"},
        {"decoder_attention_heads", "2", "decoder_attention_heads: expected the 4 of encoder_attention_heads"},
        {"d_model", "21", "d_model: expected a multiple of encoder_attention_heads (4), found 21"},
        {"bad_words_ids", "3", "bad_words_ids: expected an array of arrays of ids, found 3"},
        {"bad_words_ids", "[3]", "bad_words_ids: expected an array of arrays of ids, found 3"},
        {"activation_function", "\"mish\"", "activation_function: expected gelu_new"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        Config c = {0};
        Buffer notes = {0};
        Error e = {{0}};
        cr_assert_eq(read_changed(cases[i][0], cases[i][1], &c, &notes, &e), -1, "%s was read", cases[i][0]);
        assert_says(e, cases[i][2]);
        buffer_free(&notes);
    }
}

Test(marian, what_may_change_the_translation_is_said)
{
    static const char *const cases[][3] = {
        {"num_beams", "6", "config.json: num_beams is 6: here one token at a time is chosen"},
        {"bad_words_ids", "[[176], [3, 4]]", "config.json: bad_words_ids: 1 of them may be generated here"},
        {"rotary", "1", "config.json: \"rotary\": not known here"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        Config c = {0};
        Buffer notes = {0};
        Error e = {{0}};
        cr_assert_eq(read_changed(cases[i][0], cases[i][1], &c, &notes, &e), 0, "%s", e.text);
        cr_assert(strstr(buffer_text(&notes), cases[i][2]), "%s", buffer_text(&notes));
        cr_assert(c.suppress_bos);
        config_free(&c);
        buffer_free(&notes);
    }
}
