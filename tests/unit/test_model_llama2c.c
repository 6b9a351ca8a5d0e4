/* test_model_llama2c.c - llama2.c's checkpoints and tokenizer. The files are made by tests/data/model/make.py; a real
 * model is tried where STEPFORMER_REAL points to one. */
#include "base/random.h"
#include "model/llama2c.h"
#include "model_help.h"

#include <jansson.h>

static Model *opened(const char *path)
{
    Error e = {{0}};
    Model *m = model_open(path, NULL, &e);
    cr_assert(m, "%s", e.text);
    return m;
}

/* ---- checkpoints ---- */

/* The weight at row r, column c; in these files every number is its own place. */
static double at(const Model *m, const char *name, size_t r, size_t c)
{
    int i = weights_find(&m->weights, name);
    cr_assert_geq(i, 0, "%s", name);
    const Weight *w = &m->weights.items[i];
    cr_assert(r < w->shape[0] && (w->rank == 1 ? c == 0 : c < w->shape[1]), "%s", name);
    return (double)weight_plain(w)[w->rank == 1 ? r : r * w->shape[1] + c];
}

Test(model_llama2c, shared_classifier)
{
    Model *m = opened(MODEL_DATA "shared.bin");
    const Config *c = &m->config;
    cr_assert(c->kind == KIND_DECODER && c->d_model == 4 && c->d_ff == 6 && c->decoder_layers == 2 && c->n_heads == 2);
    cr_assert(c->n_kv_heads == 1 && c->d_head == 2 && c->vocab_size == 280 && c->max_len == 3 && c->tie_embeddings && !c->bias);
    cr_assert(c->norm == NORM_RMSNORM && c->norm_position == NORM_PRE && c->norm_eps == 1e-5 && c->position == POSITION_ROPE);
    cr_assert(c->rope_theta == 10000 && c->rope_pairing == PAIRING_INTERLEAVED && c->activation == ACTIVATION_SILU && c->ffn == FFN_GATED);
    cr_assert(c->bos == 1 && c->eos == 2 && c->pad == -1 && c->split == SPLIT_LLAMA2C && !m->untrained);
    cr_assert_str_eq(m->name, "shared.bin");
    cr_assert_str_eq(m->path, MODEL_DATA "shared.bin");
    /* Where each begins: 280 · 4 embeddings, then by kind, both layers of a kind together. */
    size_t rms_att = 1120, wq = rms_att + 8, wk = wq + 32, wv = wk + 16, wo = wv + 16, rms_ffn = wo + 32;
    size_t w1 = rms_ffn + 8, w2 = w1 + 48, w3 = w2 + 48, rms_final = w3 + 48;
    cr_assert_eq(at(m, "decoder.embed.W_E", 279, 3), 1119);
    cr_assert_eq(at(m, "decoder.1.self.norm.gain", 2, 0), (double)rms_att + 6);
    for (size_t in = 0; in < 4; in++)
        for (size_t out = 0; out < 4; out++) {
            cr_assert_eq(at(m, "decoder.1.self.W_Q", in, out), (double)(wq + 16 + out * 4 + in));
            cr_assert_eq(at(m, "decoder.0.self.W_O", in, out), (double)(wo + out * 4 + in));
        }
    cr_assert_eq(at(m, "decoder.1.self.W_K", 3, 1), (double)wk + 8 + 1 * 4 + 3);
    cr_assert_eq(at(m, "decoder.0.self.W_V", 2, 0), (double)wv + 2);
    cr_assert_eq(at(m, "decoder.0.ffn.norm.gain", 0, 0), (double)rms_ffn);
    cr_assert_eq(at(m, "decoder.1.ffn.W_G", 3, 5), (double)w1 + 24 + 5 * 4 + 3);
    cr_assert_eq(at(m, "decoder.0.ffn.W_2", 5, 3), (double)w2 + 3 * 6 + 5);
    cr_assert_eq(at(m, "decoder.0.ffn.W_1", 1, 2), (double)w3 + 2 * 4 + 1);
    cr_assert_eq(at(m, "decoder.final_norm.gain", 3, 0), (double)rms_final + 3);
    cr_assert_eq(weights_find(&m->weights, "output.W_U"), -1);
    model_free(m);
}

Test(model_llama2c, its_own_classifier)
{
    Model *m = opened(MODEL_DATA "unshared.bin");
    cr_assert(!m->config.tie_embeddings && m->config.vocab_size == 5 && !vocab_has_text(m->vocab));
    cr_assert(m->config.bos == 1 && m->config.eos == 2);
    /* 188 floats of everything else, 3 · 2 of RoPE's tables, then [5, 4]. */
    cr_assert_eq(at(m, "decoder.final_norm.gain", 3, 0), 167);
    cr_assert_eq(at(m, "output.W_U", 0, 0), 174);
    cr_assert_eq(at(m, "output.W_U", 3, 1), 174 + 1 * 4 + 3);
    model_free(m);
}

Test(model_llama2c, refused)
{
    Error e = {{0}};
    char folder[64], path[128];
    FILE *f = fopen(MODEL_DATA "unshared.bin", "rb");
    unsigned char bytes[2048];
    cr_assert(f);
    size_t n = fread(bytes, 1, sizeof bytes, f);
    fclose(f);
    snprintf(path, sizeof path, "%s/m.bin", help_folder(folder));
    help_write(folder, "m.bin", bytes, n - 4);
    cr_assert_null(model_open(path, NULL, &e));
    assert_says(e,
                "m.bin: expected 804 bytes, as its header implies (dim 4, hidden_dim 6, n_layers 1, n_heads 2, n_kv_heads 2, vocab_size 5, "
                "seq_len 3), found 800");
    memcpy(bytes, "24ka\2\0\0\0", 8);
    help_write(folder, "m.bin", bytes, n);
    cr_assert_null(model_open(path, NULL, &e));
    assert_says(e, "expected llama2.c's first format, found its newer export (ak42, version 2)");
    cr_assert_null(model_open(MODEL_DATA "unshared.bin", MODEL_DATA "tok280.bin", &e));
    assert_says(e, "tok280.bin: byte 72: expected the end of the file after 5 tokens");
    cr_assert_null(model_open(MODEL_DATA "shared.bin", "tests/no-such-file", &e));
    assert_says(e, "tests/no-such-file: cannot be opened");
    help_remove(folder);
}

/* ---- the tokenizer ---- */

/* run.c's encode() as it is written there, with its search of the whole text for every merge. */
static void encode_plainly(const Vocab *v, const float *scores, const char *text, Ids *ids)
{
    char pair[64];
    Error e;
    ids_add(ids, 1, &e);
    if (*text)
        ids_add(ids, vocab_find(v, " "), &e);
    for (const char *c = text; *c;) {
        size_t n = 1;
        while (n < 4 && (c[n] & 0xC0) == 0x80)
            n++;
        snprintf(pair, sizeof pair, "%.*s", (int)n, c);
        int id = vocab_find(v, pair);
        if (id >= 0)
            ids_add(ids, id, &e);
        else
            for (size_t i = 0; i < n; i++)
                ids_add(ids, (unsigned char)c[i] + 3, &e);
        c += n;
    }
    for (;;) {
        float best = -1e10f;
        int best_id = -1;
        size_t best_at = 0;
        for (size_t i = 1; i + 1 < ids->len; i++) {
            snprintf(pair, sizeof pair, "%s%s", vocab_token(v, ids->data[i]), vocab_token(v, ids->data[i + 1]));
            int id = vocab_find(v, pair);
            if (id >= 0 && scores[id] > best) {
                best = scores[id];
                best_id = id;
                best_at = i;
            }
        }
        if (best_id < 0)
            return;
        ids->data[best_at] = best_id;
        memmove(ids->data + best_at + 1, ids->data + best_at + 2, (ids->len - best_at - 2) * sizeof *ids->data);
        ids->len--;
    }
}

/* The scores, read from the file once more. */
static float *read_scores(const char *path, size_t count)
{
    File file;
    Error e;
    cr_assert_eq(file_open(&file, path, &e), 0);
    float *scores = malloc(count * sizeof *scores);
    for (size_t i = 0, byte = 4; i < count; i++) {
        int len;
        memcpy(&scores[i], file.data + byte, 4);
        memcpy(&len, file.data + byte + 4, 4);
        byte += 8 + (size_t)len;
    }
    file_close(&file);
    return scores;
}

/* Many texts made of pieces, encoded both ways. */
static void compare_encoders(const char *checkpoint, const char *tokenizer, const char *const *pieces, size_t count, int rounds)
{
    Model *m = opened(checkpoint);
    float *scores = read_scores(tokenizer, vocab_size(m->vocab));
    Random random = random_seeded(1);
    size_t merged = 0;
    for (int round = 0; round < rounds; round++) {
        Buffer text = {0}, again = {0};
        Ids ours = {0}, theirs = {0};
        Error e = {{0}};
        for (uint64_t n = random_below(&random, 60); n > 0; n--)
            buffer_puts(&text, pieces[random_below(&random, count)]);
        cr_assert_eq(vocab_encode(m->vocab, buffer_text(&text), ENCODE_DECODER, &ours, &e), 0, "%s", e.text);
        encode_plainly(m->vocab, scores, buffer_text(&text), &theirs);
        cr_assert(ours.len == theirs.len && memcmp(ours.data, theirs.data, ours.len * sizeof *ours.data) == 0, "round %d: \"%s\"", round,
                  buffer_text(&text));
        merged += text.len > ours.len;
        vocab_decode(m->vocab, ours.data, ours.len, &again);
        cr_assert_str_eq(buffer_text(&again), buffer_text(&text));
        buffer_free(&text);
        buffer_free(&again);
        ids_free(&ours);
        ids_free(&theirs);
    }
    cr_assert_gt(merged, (size_t)rounds / 4); /* or there was nothing to compare */
    free(scores);
    model_free(m);
}

Test(model_llama2c, merges_as_run_c)
{
    static const char *const pieces[] = {"a", "b", " ", "he", "t", "n", "i", "我", "爱", "\n", "😀", "é", "Z"};
    compare_encoders(MODEL_DATA "shared.bin", MODEL_DATA "tok280.bin", pieces, sizeof pieces / sizeof *pieces, 400);
}

static void encodes(const Vocab *v, const char *text, EncodeFor how, const char *expected)
{
    Ids ids = {0};
    Error e = {{0}};
    Buffer b = {0};
    cr_assert_eq(vocab_encode(v, text, how, &ids, &e), 0, "%s: %s", text, e.text);
    for (size_t i = 0; i < ids.len; i++)
        buffer_printf(&b, i ? "|%s" : "%s", vocab_token(v, ids.data[i]));
    cr_expect_str_eq(buffer_text(&b), expected, "%s: expected %s, found %s", text, expected, buffer_text(&b));
    buffer_free(&b);
    ids_free(&ids);
}

Test(model_llama2c, tokens)
{
    Model *m = opened(MODEL_DATA "shared.bin");
    const Vocab *v = m->vocab;
    cr_assert(vocab_has_text(v) && vocab_size(v) == 280 && vocab_split(v) == SPLIT_LLAMA2C);
    cr_assert_str_eq(vocab_token(v, 1), "<s>");
    cr_assert_str_eq(vocab_token(v, 2), "</s>");
    cr_assert_str_eq(vocab_token(v, 13), "<0x0A>");
    cr_assert_str_eq(vocab_token(v, 262), " the");
    cr_assert(vocab_find(v, "<s>") == 1 && vocab_find(v, "</s>") == 2 && vocab_find(v, " the") == 262);
    encodes(v, "", ENCODE_DECODER, "<s>");
    encodes(v, "the", ENCODE_DECODER, "<s>| the");
    encodes(v, "the", ENCODE_BARE, " the");
    encodes(v, "the", ENCODE_ENCODER, " the|</s>");
    encodes(v, "ababa", ENCODE_BARE, " ab|aba"); /* by score: " a", "ab", "aba", " ab" */
    encodes(v, "我爱\n", ENCODE_BARE, " |我爱|<0x0A>");
    encodes(v, "Z<s>", ENCODE_BARE, " |<0x5A>|<0x3C>|<0x73>|<0x3E>");
    encodes(v, "\xe6\x88", ENCODE_BARE, " |<0xE6>|<0x88>"); /* not UTF-8: bytes */
    model_free(m);
}

Test(model_llama2c, printing)
{
    Model *m = opened(MODEL_DATA "shared.bin");
    Buffer b = {0};
    int the = vocab_find(m->vocab, " the"), a = vocab_find(m->vocab, "a");
    /* The space behind the beginning goes; a newline is one; a bell and an escape are not printed; bytes make é. */
    vocab_decode(m->vocab, (int[]){1, the, the, 3 + '\n', 3 + 7, 3 + 27, 3 + 0xc3, 3 + 0xa9, a, 2, 9999}, 11, &b);
    cr_assert_str_eq(buffer_text(&b), "the the\néa?");
    buffer_clear(&b);
    vocab_decode(m->vocab, &the, 1, &b);
    cr_assert_str_eq(buffer_text(&b), " the");
    buffer_free(&b);
    model_free(m);
}

Test(model_llama2c, a_long_text_takes_no_square_of_its_length, .timeout = 30)
{
    enum { LEN = 1000000 };
    Model *m = opened(MODEL_DATA "shared.bin");
    Buffer text = {0}, again = {0};
    Ids ids = {0};
    Error e = {{0}};
    for (int i = 0; i < LEN / 5; i++)
        buffer_puts(&text, "abbaa");
    cr_assert_eq(vocab_encode(m->vocab, text.data, ENCODE_DECODER, &ids, &e), 0, "%s", e.text);
    vocab_decode(m->vocab, ids.data, ids.len, &again);
    cr_assert_str_eq(again.data, text.data);
    ids_free(&ids);
    buffer_free(&text);
    buffer_free(&again);
    model_free(m);
}

Test(model_llama2c, without_tokens_for_bytes)
{
    static const unsigned char bytes[] = "\1\0\0\0"
                                         "\0\0\0\0\1\0\0\0a"
                                         "\0\0\0\0\1\0\0\0b";
    Error e = {{0}};
    Vocab *v = vocab_read_llama2c(bytes, sizeof bytes - 1, 2, "t.bin", &e);
    Ids ids = {0};
    cr_assert(v, "%s", e.text);
    cr_assert_eq(vocab_special(v, TOKEN_BOS), -1);
    cr_assert_eq(vocab_encode(v, "ab", ENCODE_DECODER, &ids, &e), -1);
    assert_says(e, "it has no tokens for bytes");
    ids_free(&ids);
    vocab_free(v);
}

Test(model_llama2c, written_is_read_back)
{
    Error e = {{0}};
    File file;
    Buffer b = {0};
    cr_assert_eq(file_open(&file, MODEL_DATA "tok280.bin", &e), 0);
    Vocab *v = vocab_read_llama2c(file.data, file.size, 0, "t.bin", &e);
    cr_assert(v && vocab_size(v) == 280, "%s", e.text);
    vocab_write(v, 0, &b);
    cr_assert(b.len == file.size && memcmp(b.data, file.data, b.len) == 0);
    buffer_free(&b);
    vocab_free(v);
    file_close(&file);
}

/* ---- a real one ---- */

static void real_path(char out[512], const char *name)
{
    const char *folder = getenv("STEPFORMER_REAL");
    if (!folder)
        cr_skip("STEPFORMER_REAL is not set");
    snprintf(out, 512, "%s/stories260K/%s", folder, name);
}

Test(model_llama2c, real_ids)
{
    char path[512], expected[512];
    real_path(path, "stories260K.bin");
    real_path(expected, "expected.json");
    Model *m = opened(path);
    json_t *rows = json_load_file(expected, 0, NULL), *row;
    size_t i, k;
    cr_assert(json_array_size(rows) > 0, "%s", expected);
    json_array_foreach(rows, i, row)
    {
        json_t *ids = json_object_get(row, "ids"), *id;
        Ids ours = {0};
        Error e = {{0}};
        cr_assert_eq(vocab_encode(m->vocab, json_string_value(json_object_get(row, "text")), ENCODE_DECODER, &ours, &e), 0, "%s", e.text);
        cr_assert_eq(ours.len, json_array_size(ids));
        json_array_foreach(ids, k, id)
        {
            cr_assert_eq(ours.data[k], (int)json_integer_value(id));
        }
        ids_free(&ours);
    }
    json_decref(rows);
    model_free(m);
}

Test(model_llama2c, real_merges)
{
    static const char *const pieces[] = {
        "Once upon a time", " the", " there", "was", "e", "he", "re", " ", "  ", ",", "L", "ily", "\n", "我", "ing", "s"};
    char path[512], tokenizer[512];
    real_path(path, "stories260K.bin");
    real_path(tokenizer, "tok512.bin");
    compare_encoders(path, tokenizer, pieces, sizeof pieces / sizeof *pieces, 200);
}
