/* test_tokenizer_json.c - tokenizers of Hugging Face's: ids of every kind of tokenizer, what is refused, the way back, every step. */
#include "model/cut_lines.h"
#include "model/pipeline.h"
#include "model/rule.h"
#include "model/tokenizer.h"
#include "model/vocab_files.h"
#include "model_help.h"

#include "base/file.h"
#include "base/text.h"

#include <dirent.h>
#include <jansson.h>
#include <stdio.h>

#define FOLDER "tests/tokenizers"

static json_t *load(const char *folder, const char *name)
{
    char *path = file_join(folder, name);
    json_t *root = json_load_file(path, 0, NULL);
    free(path);
    return root;
}

static Vocab *open_vocab(const char *path)
{
    Error e = {{0}};
    Vocab *v = tokenizer_open(path, NULL, &e);
    cr_assert(v, "%s", e.text);
    return v;
}

/* The ids of a cut, those of its pieces between the ones put around them, and the last state of each piece all say the same. */
static void check_cut(const Vocab *v, const char *text, const Ids *ids)
{
    Cut c;
    Error e = {{0}};
    cr_assert_eq(vocab_cut(v, text, ENCODE_DECODER, &c, &e), 0, "%s: %s", text, e.text);
    cr_assert_eq(c.id_count, ids->len, "%s", text);
    for (size_t i = 0; i < ids->len; i++) {
        cr_assert_eq(c.ids[i].id, ids->data[i]);
        cr_assert(c.ids[i].from.from <= c.ids[i].from.to && c.ids[i].from.to <= strlen(text));
    }
    for (size_t i = 0; i < c.piece_count; i++) {
        const CutPiece *p = &c.pieces[i];
        CutTokens now;
        Buffer line = {0};
        cr_assert_eq(cut_state(p, p->count, &now, &e), 0);
        cr_expect_eq(now.count, p->tokens.count, "%s: piece %zu: %zu tokens after its steps, %zu came out", text, i, now.count, p->tokens.count);
        for (size_t k = 0; k < now.count && k < p->tokens.count; k++) {
            cr_expect(now.items[k].id == p->tokens.items[k].id && now.items[k].from == p->tokens.items[k].from && now.items[k].to == p->tokens.items[k].to);
            cr_expect_eq(c.ids[p->first_id + k].id, p->tokens.items[k].id);
        }
        for (size_t k = 0; k < p->count; k++)
            cut_say_step(v, p, k, &line);
        buffer_free(&line);
        free(now.items);
    }
    size_t n = cut_frames(&c);
    CutFrame last = cut_frame(&c, n - 1);
    cr_assert_eq(last.kind, FRAME_IDS);
    cut_free(&c);
}

/* Every text of expected.json; returns how many there were. */
static size_t check_folder(const char *folder, const char *name)
{
    json_t *cases = load(folder, "expected.json"), *one;
    char *path = name ? file_join(folder, name) : strdup(folder);
    Vocab *v = open_vocab(path);
    size_t i, count = json_array_size(cases);
    json_array_foreach(cases, i, one)
    {
        const char *text = json_string_value(json_object_get(one, "text"));
        const json_t *expected = json_object_get(one, "ids");
        Ids ids = {0};
        Error e = {{0}};
        cr_assert_eq(vocab_encode(v, text, ENCODE_DECODER, &ids, &e), 0, "%s: %s: %s", folder, text, e.text);
        bool same = ids.len == json_array_size(expected);
        for (size_t k = 0; same && k < ids.len; k++)
            same = ids.data[k] == (int)json_integer_value(json_array_get(expected, k));
        cr_expect(same, "%s: %s: %zu ids, not those expected", folder, text, ids.len);
        check_cut(v, text, &ids);
        ids_free(&ids);
    }
    json_decref(cases);
    vocab_free(v);
    free(path);
    return count;
}

Test(tokenizer_json, ids_of_every_kind_are_the_references)
{
    DIR *dir = opendir(FOLDER);
    size_t folders = 0, texts = 0;
    cr_assert(dir);
    for (struct dirent *entry; (entry = readdir(dir));) {
        char *folder = file_join(FOLDER, entry->d_name);
        if (entry->d_name[0] != '.' && file_is_folder(folder)) {
            texts += check_folder(folder, "tokenizer.json");
            folders++;
        }
        free(folder);
    }
    closedir(dir);
    cr_assert(folders == 18 && texts == folders * 23, "%zu folders, %zu texts", folders, texts);
}

static const char *real_folder(char out[512])
{
    const char *real = getenv("STEPFORMER_REAL");
    if (!real)
        cr_skip_test("STEPFORMER_REAL is not set");
    snprintf(out, 512, "%s/gpt2-tokenizer", real);
    return out;
}

Test(tokenizer_json, gpt2s_own_ids)
{
    char folder[512];
    cr_assert_geq(check_folder(real_folder(folder), NULL), 9);
}

Test(tokenizer_json, gpt2_gives_any_text_back)
{
    char folder[512];
    Vocab *v = open_vocab(real_folder(folder));
    uint32_t seed = 1;
    for (int round = 0; round < 200; round++) {
        Buffer text = {0}, back = {0};
        Ids ids = {0};
        Error e = {{0}};
        for (int i = 0; i < 40; i++) {
            char one[4];
            seed = seed * 1664525u + 1013904223u;
            static const int32_t tops[] = {0x80, 0x800, 0x10000, 0x110000};
            int32_t c = (int32_t)((seed >> 8) % (uint32_t)(tops[seed >> 30] - 1)) + 1;
            buffer_add(&text, one, text_encode(c, one));
        }
        cr_assert_eq(vocab_encode(v, buffer_text(&text), ENCODE_DECODER, &ids, &e), 0, "%s", e.text);
        vocab_decode(v, ids.data, ids.len, &back);
        cr_assert_str_eq(buffer_text(&back), buffer_text(&text));
        buffer_free(&text);
        buffer_free(&back);
        ids_free(&ids);
    }
    vocab_free(v);
}

/* ---- the way back, and how a token is shown ---- */

static void decodes(const char *folder, const char *text, const char *expected)
{
    char *path = file_join(FOLDER, folder);
    Vocab *v = open_vocab(path);
    Ids ids = {0};
    Buffer b = {0};
    Error e = {{0}};
    cr_assert_eq(vocab_encode(v, text, ENCODE_DECODER, &ids, &e), 0, "%s", e.text);
    vocab_decode(v, ids.data, ids.len, &b);
    cr_expect_str_eq(buffer_text(&b), expected, "%s: expected \"%s\", found \"%s\"", folder, expected, buffer_text(&b));
    buffer_free(&b);
    ids_free(&ids);
    vocab_free(v);
    free(path);
}

Test(tokenizer_json, text_comes_back)
{
    decodes("gpt2", " unaffable  people\n\n 我爱", " unaffable  people\n\n 我爱");
    decodes("llama3", "the cat 👩", "the cat 👩");
    decodes("llama2", " unaffable 们x", " unaffable 们x");
    decodes("suffix", "the lowest cat", "the lowest cat");
    decodes("bert", "Unaffable cats, the lowest!", "unaffable cats, the lowest!");
    decodes("unigram-bytes", "the lowest 们", "the lowest 们");
    decodes("words", "the cat", "the cat");
}

Test(tokenizer_json, tokens_are_shown_and_spelled)
{
    Vocab *v = open_vocab(FOLDER "/gpt2");
    int the = vocab_find(v, " the"), byte = vocab_find(v, "\xc4\xa0"); /* Ġ */
    cr_assert(the >= 0 && byte >= 0);
    cr_expect_str_eq(vocab_token(v, the), " the");
    cr_expect_str_eq(vocab_spelling(v, the), "\xc4\xa0the");
    cr_expect_eq(vocab_find(v, "\xc4\xa0the"), the, "a token is found by its file's spelling too");
    cr_expect_str_eq(vocab_token(v, byte), " ");
    cr_expect_str_eq(vocab_token(v, vocab_find(v, "\xc3\xa6")), "<0xE6>");
    cr_expect_eq(vocab_special(v, TOKEN_BOS), -1);
    cr_expect(vocab_has_spaces(v) && !vocab_notes(v));
    vocab_free(v);
    v = open_vocab(FOLDER "/bert");
    cr_expect(vocab_special(v, TOKEN_BOS) == 2 && vocab_special(v, TOKEN_EOS) == 3 && vocab_special(v, TOKEN_UNK) == 1);
    vocab_free(v);
}

/* GPT-2's letters: printable bytes stand for themselves, the others for the letters from U+0100 on, in their order. */
Test(tokenizer_json, every_byte_has_a_letter_of_its_own)
{
    int32_t next = 0x100;
    for (int byte = 0; byte < 256; byte++) {
        bool itself = (byte >= '!' && byte <= '~') || (byte >= 0xa1 && byte <= 0xac) || byte >= 0xae;
        int32_t expected = itself ? byte : next++, letter = byte_letter((unsigned char)byte);
        cr_expect_eq(letter, expected, "byte 0x%02X: U+%04X, expected U+%04X", byte, (unsigned)letter, (unsigned)expected);
        cr_expect_eq(letter_byte(letter), byte, "U+%04X: %d", (unsigned)letter, letter_byte(letter));
    }
    cr_expect_eq(letter_byte(next), -1);
    cr_expect_eq(letter_byte(' '), -1);
}

Test(tokenizer_json, places_are_of_the_text_that_was_given)
{
    Vocab *v = open_vocab(FOLDER "/bert");
    CutId *ids;
    size_t n;
    Error e = {{0}};
    const char *text = "NAÏVE  cat";
    cr_assert_eq(vocab_encode_places(v, text, ENCODE_DECODER, &ids, &n, &e), 0, "%s", e.text);
    cr_assert_eq(n, 5); /* [CLS] na ##ive cat [SEP] */
    cr_expect(ids[0].added && ids[4].added);
    cr_expect(ids[1].from.from == 0 && ids[1].from.to == 2);
    cr_expect(ids[2].from.from == 2 && ids[2].from.to == 6, "%u-%u", ids[2].from.from, ids[2].from.to);
    cr_expect(ids[3].from.from == 8 && ids[3].from.to == 11);
    free(ids);
    vocab_free(v);
}

/* ---- steps ---- */

Test(tokenizer_json, merges_go_by_rank)
{
    Vocab *v = open_vocab(FOLDER "/gpt2");
    Cut c;
    Error e = {{0}};
    cr_assert_eq(vocab_cut(v, " lowest there", ENCODE_DECODER, &c, &e), 0, "%s", e.text);
    cr_assert_eq(c.piece_count, 2);
    for (size_t i = 0; i < c.piece_count; i++) {
        const CutPiece *p = &c.pieces[i];
        cr_assert(p->method == CUT_MERGES && p->start.count == p->len - 1 && p->count > 1, "Ġ takes two bytes");
        for (size_t k = 0; k < p->count; k++) { /* no neighbours waited with a lesser rank */
            CutTokens now;
            CutPair pairs[64];
            cr_assert_eq(cut_state(p, k, &now, &e), 0);
            size_t n = cut_pairs(v, p, &now, pairs, 64);
            cr_assert(n > 0 && n <= 64);
            for (size_t x = 0; x < n; x++)
                cr_expect(pairs[x].value >= p->steps[k].value);
            free(now.items);
        }
    }
    cut_free(&c);
    vocab_free(v);
}

Test(tokenizer_json, native_vocabularies_are_watched_too)
{
    static const struct {
        const char *model, *text;
        CutMethod method;
    } rows[] = {{"tiny-models/zh-en", "我爱你", CUT_LONGEST}, {"tiny-models/hand-wired", "A B C A", CUT_WHOLE}, {"tiny-models/sum", "12+34=", CUT_WHOLE},
                {"tests/data/model/tok280.bin", "he hello 爱", CUT_SCORES}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        Vocab *v = open_vocab(rows[i].model);
        Ids ids = {0};
        Error e = {{0}};
        Cut c;
        cr_assert_eq(vocab_encode(v, rows[i].text, ENCODE_DECODER, &ids, &e), 0, "%s", e.text);
        check_cut(v, rows[i].text, &ids);
        cr_assert_eq(vocab_cut(v, rows[i].text, ENCODE_DECODER, &c, &e), 0);
        cr_expect(c.piece_count && c.pieces[0].method == rows[i].method, "%s", rows[i].model);
        cut_free(&c);
        ids_free(&ids);
        vocab_free(v);
    }
}

/* ---- what is refused, and what is said ---- */

static void refuses(const char *text, const char *part)
{
    Error e = {{0}};
    Pipeline *p = pipeline_read(text, strlen(text), "t.json", &e);
    cr_assert_null(p, "%s", text);
    assert_says(e, part);
}

#define WORDS "\"model\":{\"type\":\"WordLevel\",\"vocab\":{\"a\":0,\"b\":1},\"unk_token\":\"a\"}"
#define BPE(more) "{\"model\":{\"type\":\"BPE\",\"vocab\":{\"a\":0,\"b\":1,\"ab\":2}," more "}}"

Test(tokenizer_json, bad_files_are_refused_in_words)
{
    refuses("", "t.json: expected JSON, found an empty file");
    refuses("[]", "expected an object with a model, found an array");
    refuses("{}", "model: expected an object");
    refuses("{\"model\":{\"type\":\"Magic\"}}", "found \"Magic\", which is not read here");
    refuses("{\"model\":{\"type\":\"WordLevel\",\"vocab\":{\"a\":0,\"b\":0}}}", "\"b\": expected an id of its own, found 0");
    refuses("{\"model\":{\"type\":\"WordLevel\",\"vocab\":{\"a\":0,\"a\":1}}}", "duplicate");
    refuses("{\"model\":{\"type\":\"WordLevel\",\"vocab\":{\"a\":-1}}}", "found -1");
    refuses("{\"model\":{\"type\":\"WordLevel\",\"vocab\":{\"a\":1000000000}}}", "found 1000000000");
    refuses("{\"model\":{\"type\":\"WordLevel\",\"vocab\":{}}}", "expected tokens, found none");
    refuses("{\"model\":{\"type\":\"WordLevel\",\"vocab\":{\"a\":0},\"unk_token\":\"?\"}}", "unk_token: expected one of the vocabulary's tokens, found \"?\"");
    refuses(BPE("\"merges\":[\"a c\"]"), "model.merges.0: expected the second token of this merge in the vocabulary, found no token \"c\"");
    refuses(BPE("\"merges\":[\"b a\"]"), "expected what this merge makes in the vocabulary, found no token \"ba\"");
    refuses(BPE("\"merges\":[\"a\"]"), "merges.0: expected two tokens");
    refuses(BPE("\"merges\":[[\"a\",\"b\",\"c\"]]"), "merges.0: expected two tokens");
    refuses(BPE("\"merges\":[],\"dropout\":0.1"), "dropout");
    refuses("{\"model\":{\"type\":\"Unigram\",\"unk_id\":0,\"vocab\":[[\"a\",-1],[\"a\",-2]]}}", "found \"a\" again");
    refuses("{\"model\":{\"type\":\"Unigram\",\"unk_id\":7,\"vocab\":[[\"a\",-1]]}}", "unk_id: expected a whole number from 0 to 0, found 7");
    refuses("{\"model\":{\"type\":\"Unigram\",\"vocab\":[[\"a\",\"b\"]]}}", "vocab.0: expected [\"token\", log-probability]");
    refuses("{" WORDS ",\"normalizer\":{\"type\":\"Poem\"}}", "normalizer: expected one of NFC");
    refuses("{" WORDS ",\"pre_tokenizer\":{\"type\":\"UnicodeScripts\"}}", "found \"UnicodeScripts\", which is not read here");
    refuses("{" WORDS ",\"pre_tokenizer\":{\"type\":\"Split\",\"pattern\":{\"Regex\":\"(\"},\"behavior\":\"Isolated\"}}", "expected a regular expression, found \"(\"");
    refuses("{" WORDS ",\"pre_tokenizer\":{\"type\":\"Split\",\"pattern\":{\"Regex\":\"[a&&b]\"},\"behavior\":\"Isolated\"}}", "without &&");
    refuses("{" WORDS ",\"decoder\":{\"type\":\"CTC\"}}", "found \"CTC\", which is not read here");
    refuses("{" WORDS ",\"post_processor\":{\"type\":\"BertProcessing\",\"cls\":[\"a\",0],\"sep\":[\"z\",9]}}", "expected the id of a token, from 0 to 1, found 9");
    refuses("{" WORDS ",\"added_tokens\":[{\"id\":0,\"content\":\"c\"}]}", "found 0, which another token of the vocabulary has");
    refuses("{" WORDS ",\"added_tokens\":[{\"id\":1,\"content\":\"a\"}]}", "expected 0, its id in the model's vocabulary, found 1");
    refuses("{" WORDS ",\"added_tokens\":[{\"id\":2,\"content\":\"c\"},{\"id\":2,\"content\":\"d\"}]}", "found 2, which another added token has");
    refuses("{" WORDS ",\"added_tokens\":[{\"id\":2,\"content\":\"c\"},{\"id\":3,\"content\":\"c\"}]}", "found \"c\" twice");
    refuses("{" WORDS ",\"added_tokens\":[{\"id\":9999999,\"content\":\"c\"}]}", "expected ids that follow each other");
}

Test(tokenizer_json, what_is_not_known_is_said)
{
    Error e = {{0}};
    const char *text = "{" WORDS ",\"surprise\":1,\"truncation\":{\"max_length\":5},\"normalizer\":{\"type\":\"Lowercase\",\"but\":[]}}";
    Pipeline *p = pipeline_read(text, strlen(text), "t.json", &e);
    cr_assert(p, "%s", e.text);
    cr_expect(strstr(buffer_text(&p->notes), "t.json: the field \"surprise\" is not known here"), "%s", buffer_text(&p->notes));
    cr_expect(strstr(buffer_text(&p->notes), "t.json: normalizer: the field \"but\" is not known here"), "%s", buffer_text(&p->notes));
    cr_expect(strstr(buffer_text(&p->notes), "truncation"), "%s", buffer_text(&p->notes));
    pipeline_free(p);
}

Test(tokenizer_json, deep_sequences_end)
{
    Buffer text = {0};
    Error e = {{0}};
    buffer_puts(&text, "{" WORDS ",\"normalizer\":");
    for (int i = 0; i < 40; i++)
        buffer_puts(&text, "{\"type\":\"Sequence\",\"normalizers\":[");
    buffer_puts(&text, "{\"type\":\"NFC\"}");
    for (int i = 0; i < 40; i++)
        buffer_puts(&text, "]}");
    buffer_puts(&text, "}");
    cr_assert_null(pipeline_read(buffer_text(&text), text.len, "t.json", &e));
    assert_says(e, "at most 16 deep");
    buffer_free(&text);
}

Test(tokenizer_json, a_tokenizer_fits_its_model_or_is_refused)
{
    Config c = config_default();
    Error e = {{0}};
    c.vocab_size = 10;
    cr_assert_null(tokenizer_open(FOLDER "/bert", &c, &e));
    assert_says(e, "expected at most 10 tokens");
    c.vocab_size = 50;
    Vocab *v = tokenizer_open(FOLDER "/bert", &c, &e);
    cr_assert(v, "%s", e.text);
    cr_expect(vocab_size(v) == 50 && strstr(vocab_notes(v), "ids 0 to 39, the model 0 to 49"), "%s", vocab_notes(v));
    cr_expect_str_eq(vocab_token(v, 49), "#49");
    cr_expect_eq(vocab_find(v, "#49"), -1, "an id without a token has no text");
    vocab_free(v);
    config_free(&c);
}

/* The ids of a text, through the vocabulary and through what it writes down to be read again. */
static void ids_with(const char *folder, const char *config, const char *text, const char *expected)
{
    Error e = {{0}};
    help_write(folder, "tokenizer_config.json", config, strlen(config));
    Vocab *v = open_vocab(folder), *again;
    Buffer written = {0}, said[2] = {{0}, {0}};
    vocab_write(v, 0, &written);
    again = vocab_read_json(buffer_text(&written), written.len, NULL, "again.json", &e);
    cr_assert(again, "%s", e.text);
    for (int i = 0; i < 2; i++) {
        Ids ids = {0};
        cr_assert_eq(vocab_encode(i ? again : v, text, ENCODE_DECODER, &ids, &e), 0, "%s", e.text);
        for (size_t k = 0; k < ids.len; k++)
            buffer_printf(&said[i], "%s%s", k ? " " : "", vocab_spelling(v, ids.data[k]));
        cr_expect_str_eq(buffer_text(&said[i]), expected, "%s", config);
        buffer_free(&said[i]);
        ids_free(&ids);
    }
    cr_expect_eq(vocab_special(v, TOKEN_PAD), -1, "padding of a batch is a token like others in a text");
    buffer_free(&written);
    vocab_free(again);
    vocab_free(v);
}

static void ids_around(const char *folder, const char *config, const char *expected)
{
    ids_with(folder, config, "the cat", expected);
}

/* add_bos_token and add_eos_token of tokenizer_config.json count for more than the template of tokenizer.json, as in the library. */
Test(tokenizer_json, what_is_put_around_a_text_is_the_configs)
{
    char folder[64];
    File file;
    Error e = {{0}};
    help_folder(folder);
    cr_assert_eq(file_open(&file, FOLDER "/llama2/tokenizer.json", &e), 0, "%s", e.text);
    help_write(folder, "tokenizer.json", file.data, file.size);
    file_close(&file);
    ids_around(folder, "{}", "<s> ▁the ▁cat");
    ids_around(folder, "{\"add_bos_token\": true, \"bos_token\": \"<s>\", \"pad_token\": \"</s>\"}", "<s> ▁the ▁cat");
    ids_around(folder, "{\"add_bos_token\": false, \"bos_token\": \"<s>\", \"add_eos_token\": false, \"eos_token\": \"</s>\"}", "▁the ▁cat");
    ids_around(folder, "{\"add_eos_token\": true, \"bos_token\": \"<s>\", \"eos_token\": {\"content\": \"</s>\"}}", "<s> ▁the ▁cat </s>");
    ids_around(folder, "{\"add_eos_token\": true, \"eos_token\": null}", "<s> ▁the ▁cat");
    help_remove(folder);
}

/* do_lower_case of tokenizer_config.json counts for more than BERT's normalizer in tokenizer.json, as in the library, and with it what that file says
 * of accents and Chinese characters; of a vocab.txt it is all there is. */
Test(tokenizer_json, letters_become_lower_case_where_the_config_says_so)
{
    static const struct {
        const char *config, *expected;
    } cases[] = {
        {"{}", "[CLS] the cafe 我 爱 [SEP]"},
        {"{\"do_lower_case\": true}", "[CLS] the cafe 我 爱 [SEP]"},
        {"{\"do_lower_case\": false}", "[CLS] [UNK] [UNK] 我 爱 [SEP]"},
        {"{\"do_lower_case\": true, \"strip_accents\": false}", "[CLS] the [UNK] 我 爱 [SEP]"},
        {"{\"do_lower_case\": true, \"strip_accents\": null, \"tokenize_chinese_chars\": false}", "[CLS] the cafe [UNK] [SEP]"},
        {"{\"strip_accents\": false}", "[CLS] the cafe 我 爱 [SEP]"},
    };
    char folder[64], path[96];
    File file;
    Error e = {{0}};
    help_folder(folder);
    cr_assert_eq(file_open(&file, FOLDER "/bert/tokenizer.json", &e), 0, "%s", e.text);
    help_write(folder, "tokenizer.json", file.data, file.size);
    Vocab *v = open_vocab(folder);
    for (int of_text = 0; of_text < 2; of_text++) {
        for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
            ids_with(folder, cases[i].config, "The café 我爱", cases[i].expected);
        Buffer lines = {0};
        for (int id = 0; id < 38; id++)
            buffer_printf(&lines, "%s\n", vocab_spelling(v, id));
        snprintf(path, sizeof path, "%s/tokenizer.json", folder);
        remove(path);
        help_write(folder, "config.json", "{\"model_type\": \"bert\"}", 22);
        help_write(folder, "vocab.txt", lines.data, lines.len);
        buffer_free(&lines);
    }
    vocab_free(v);
    help_write(folder, "tokenizer.json", file.data, file.size);
    file_close(&file);
    help_write(folder, "tokenizer_config.json", "{\"do_lower_case\": false}", 24);
    v = open_vocab(folder);
    cr_expect(strstr(vocab_notes(v), "do_lower_case is false"), "%s", vocab_notes(v));
    vocab_free(v);
    help_remove(folder);
}

/* A megabyte of text, as one word and as many: neither takes the square of its length. */
Test(tokenizer_json, long_texts)
{
    enum { SIZE = 1 << 20 };
    char *text = malloc(SIZE + 1);
    static const char *const kinds[] = {"gpt2", "llama2", "bert", "unigram-bytes", "suffix"};
    cr_assert(text);
    for (int words = 0; words < 2; words++) {
        for (int i = 0; i < SIZE; i++)
            text[i] = words && i % 7 == 6 ? ' ' : "thelowcatsun"[(i * 7 + i / 11) % 12];
        text[SIZE] = '\0';
        for (size_t k = 0; k < sizeof kinds / sizeof *kinds; k++) {
            char *path = file_join(FOLDER, kinds[k]);
            Vocab *v = open_vocab(path);
            Ids ids = {0};
            Error e = {{0}};
            cr_assert_eq(vocab_encode(v, text, ENCODE_BARE, &ids, &e), 0, "%s", e.text);
            cr_expect(ids.len > 0);
            ids_free(&ids);
            vocab_free(v);
            free(path);
        }
    }
    free(text);
}
