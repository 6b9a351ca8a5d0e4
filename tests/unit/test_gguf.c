/* test_gguf.c - GGUF files and nanoGPT's state dicts: every number and every id of the files in tests/gguf and tests/nanogpt, that weights
 * stay where they lie, and that bad files are refused in one line. Runs from the top folder. */
#include "model/gguf_internal.h"
#include "model/nanogpt.h"

#include "hf_help.h"
#include "model/vocab_files.h"

#include <sys/stat.h>

#define GGUF "tests/gguf/"

/* ---- every number ---- */

Test(gguf, every_model_agrees)
{
    json_t *root = help_load(GGUF "cases.json"), *one;
    size_t i;
    cr_assert_eq(json_array_size(json_object_get(root, "models")), 11);
    json_array_foreach(json_object_get(root, "models"), i, one)
    {
        char path[128];
        const char *file = json_string_value(json_object_get(one, "file"));
        snprintf(path, sizeof path, GGUF "%s", file);
        Model *m = help_open(path);
        Ids ids = help_ids_of(json_object_get(one, "ids"));
        help_check_stages(m, &ids, json_string_value(json_object_get(one, "expected")), 5e-5);
        bool rounded = strstr(m->notes, "rounded from the model's own");
        cr_expect_eq(rounded, strstr(file, "q8_0") || strstr(file, "quantised"), "%s: %s", file, m->notes);
        cr_expect(rounded || m->notes[0] == '\0', "%s: %s", file, m->notes);
        ids_free(&ids);
        model_free(m);
    }
    json_decref(root);
}

Test(gguf, nanogpt_and_mingpt_agree)
{
    static const struct {
        const char *name;
        bool tied, bias;
        Activation activation;
    } cases[] = {
        {"nanogpt", true, false, ACTIVATION_GELU},
        {"nanogpt-bias", true, true, ACTIVATION_GELU},
        {"mingpt", false, true, ACTIVATION_GELU_TANH},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char folder[128], path[160];
        snprintf(folder, sizeof folder, "tests/nanogpt/%s", cases[i].name);
        cr_assert(nanogpt_is(folder));
        Model *m = help_open(folder);
        cr_expect_eq(m->config.tie_embeddings, cases[i].tied, "%s", folder);
        cr_expect_eq(m->config.bias, cases[i].bias, "%s", folder);
        cr_expect_eq(m->config.activation, cases[i].activation, "%s", folder);
        cr_expect_eq(strstr(m->notes, "norms have no bias") != NULL, !cases[i].bias, "%s: %s", folder, m->notes);
        Ids ids = help_read_ids(folder);
        snprintf(path, sizeof path, "%s/expected.safetensors", folder);
        help_check_stages(m, &ids, path, 5e-5);
        model_free(m);
        snprintf(path, sizeof path, "%s/model.safetensors", folder); /* the file alone; config.json is beside it */
        m = help_open(path);
        ids_free(&ids);
        model_free(m);
    }
    cr_assert_not(nanogpt_is("tests/hf/gpt2"));
    cr_assert_not(nanogpt_is("tests/hf/gpt2/model.safetensors"));
    cr_assert_not(nanogpt_is("tests/hf/llama"));
    cr_assert_not(nanogpt_is("tiny-models/hand-wired"));
}

/* Values stay in the mapped file, in its format; gradients are those of a copy. */
static void check_in_place(const char *name, size_t least)
{
    Error e = {{0}};
    Model *m = help_open(name), *copy = model_copy(m, &e);
    cr_assert(copy, "%s", e.text);
    cr_assert_null(m->weights.block);
    cr_assert_eq(m->weights.file_count, 1);
    const File *f = &m->weights.files[0];
    size_t quantised = 0;
    for (size_t i = 0; i < m->weights.count; i++) {
        const unsigned char *at = m->weights.items[i].values.data;
        cr_assert(at >= f->data && at < f->data + f->size);
        quantised += dtype_block(m->weights.items[i].values.dtype) > 1;
    }
    cr_assert_gt(quantised, least);
    const int ids[] = {3, 1, 4, 1, 5}, targets[] = {1, 4, 1, 5, 9};
    double loss[2];
    Pass *p = pass_create(m, (PassInput){NULL, ids, 0, 5}, 0, &e), *q = pass_create(copy, (PassInput){NULL, ids, 0, 5}, 0, &e);
    cr_assert(p && q);
    cr_assert_eq(pass_backward(p, targets, 5, &loss[0], &e), 0, "%s", e.text);
    cr_assert_eq(pass_backward(q, targets, 5, &loss[1], &e), 0, "%s", e.text);
    cr_assert_eq(loss[0], loss[1]);
    for (size_t i = 0; i < pass_plan(p)->count; i++) {
        size_t bytes = pass_plan(p)->stages[i].count * sizeof(real);
        cr_assert_arr_eq(pass_value(p, i), pass_value(q, i), bytes);
        cr_assert_arr_eq(pass_gradient(p, i), pass_gradient(q, i), bytes);
    }
    pass_free(p);
    pass_free(q);
    model_free(copy);
    model_free(m);
}

Test(gguf, weights_stay_where_they_lie)
{
    check_in_place(GGUF "llama-q8_0.gguf", 10);
    check_in_place(GGUF "llama-quantised.gguf", 15);
}

/* ---- every id ---- */

static void check_text(const Vocab *v, const char *file, const char *text, const json_t *expected)
{
    Ids ids = {0}, wanted = help_ids_of(expected);
    Error e = {{0}};
    Buffer shown = {0};
    cr_assert_eq(vocab_encode(v, text, ENCODE_DECODER, &ids, &e), 0, "%s: \"%s\": %s", file, text, e.text);
    for (size_t i = 0; i < ids.len; i++)
        buffer_printf(&shown, " %d", ids.data[i]);
    bool same = ids.len == wanted.len && (ids.len == 0 || memcmp(ids.data, wanted.data, ids.len * sizeof *ids.data) == 0);
    cr_expect(same, "%s: \"%s\": found%s", file, text, buffer_text(&shown));
    buffer_free(&shown);
    ids_free(&ids);
    ids_free(&wanted);
}

Test(gguf, every_tokenizer_agrees)
{
    json_t *root = help_load(GGUF "cases.json"), *one, *text;
    size_t i, k, texts = 0;
    cr_assert_eq(json_array_size(json_object_get(root, "tokenizers")), 3);
    json_array_foreach(json_object_get(root, "tokenizers"), i, one)
    {
        char path[128];
        Error e = {{0}};
        snprintf(path, sizeof path, GGUF "%s", json_string_value(json_object_get(one, "file")));
        Vocab *v = gguf_open_vocab(path, NULL, &e);
        cr_assert(v, "%s: %s", path, e.text);
        json_array_foreach(json_object_get(one, "texts"), k, text)
        {
            check_text(v, path, json_string_value(json_object_get(text, "text")), json_object_get(text, "ids"));
            texts++;
        }
        /* what it writes reads back as the same */
        Buffer out = {0};
        vocab_write(v, 0, &out);
        Vocab *again = vocab_read_json(buffer_text(&out), out.len, NULL, "tokenizer.json", &e);
        cr_assert(again, "%s", e.text);
        json_array_foreach(json_object_get(one, "texts"), k, text)
            check_text(again, path, json_string_value(json_object_get(text, "text")), json_object_get(text, "ids"));
        buffer_free(&out);
        vocab_free(again);
        vocab_free(v);
    }
    cr_assert_gt(texts, 220);
    json_decref(root);
}

/* ---- converted ---- */

/* Logits to the last bit, tokens, and a card. */
static void check_converted(const char *name, const int *ids, size_t n, const char *text)
{
    char folder[64], saved[80];
    Error e = {{0}};
    Model *m = help_open(name);
    help_folder(folder);
    snprintf(saved, sizeof saved, "%s/m", folder);
    cr_assert_eq(model_save(m, saved, &e), 0, "%s: %s", name, e.text);
    Model *again = help_open(saved);
    Pass *p = pass_create(m, (PassInput){NULL, ids, 0, n}, 0, &e), *q = pass_create(again, (PassInput){NULL, ids, 0, n}, 0, &e);
    cr_assert(p && q, "%s", e.text);
    size_t last = pass_plan(p)->count - 2;
    cr_assert_arr_eq(pass_value(p, last), pass_value(q, last), pass_plan(p)->stages[last].count * sizeof(real), "%s", name);
    if (text) {
        Ids a = {0}, b = {0};
        cr_assert_eq(vocab_encode(m->vocab, text, ENCODE_DECODER, &a, &e), 0, "%s", e.text);
        cr_assert_eq(vocab_encode(again->vocab, text, ENCODE_DECODER, &b, &e), 0, "%s", e.text);
        cr_assert(a.len == b.len && memcmp(a.data, b.data, a.len * sizeof *a.data) == 0, "%s", name);
        ids_free(&a);
        ids_free(&b);
    }
    pass_free(p);
    pass_free(q);
    model_free(m);
    model_free(again);
    help_remove(folder);
}

Test(gguf, converted_models_compute_the_same_bits)
{
    const int ids[] = {3, 1, 4, 1, 5, 9, 2, 6};
    check_converted(GGUF "llama-q8_0.gguf", ids, 8, NULL);
    check_converted(GGUF "llama-quantised.gguf", ids, 8, NULL);
    check_converted(GGUF "llama-bf16.gguf", ids, 8, NULL);
    check_converted(GGUF "llama-f16.gguf", ids, 8, NULL);
    check_converted(GGUF "llama-yarn.gguf", ids, 8, NULL);
    check_converted(GGUF "gpt2-q8_0.gguf", ids, 8, NULL);
    check_converted(GGUF "qwen2-f32.gguf", ids, 8, NULL);
    check_converted(GGUF "qwen3-f32.gguf", ids, 8, NULL);
    check_converted("tests/nanogpt/nanogpt", ids, 8, NULL);
    check_converted("tests/nanogpt/mingpt", ids, 8, NULL);
    check_converted("tests/hf/mistral-window", ids, 8, NULL);
    check_converted("tests/data/model/unshared.bin", ids, 4, NULL);
    check_converted("tiny-models/hand-wired", ids, 3, "A B C A");
    check_converted("random:d_model=8,n_heads=2,vocab_size=20", ids, 8, NULL);
}

/* ---- bad files ---- */

/* A file made here, piece by piece. */
static void add_u32(Buffer *b, uint32_t x)
{
    for (int i = 0; i < 4; i++)
        buffer_putc(b, (char)(unsigned char)(x >> (8 * i)));
}

static void add_u64(Buffer *b, uint64_t x)
{
    add_u32(b, (uint32_t)x);
    add_u32(b, (uint32_t)(x >> 32));
}

static void add_text(Buffer *b, const char *s)
{
    add_u64(b, strlen(s));
    buffer_puts(b, s);
}

static void begin(Buffer *b, uint64_t tensors, uint64_t pairs)
{
    buffer_puts(b, "GGUF");
    add_u32(b, 3);
    add_u64(b, tensors);
    add_u64(b, pairs);
}

/* Takes the buffer. */
static void refuse(Buffer *b, const char *part)
{
    char folder[64], path[80];
    Error e = {{0}};
    help_folder(folder);
    help_write(folder, "m.gguf", b->data, b->len);
    snprintf(path, sizeof path, "%s/m.gguf", folder);
    cr_assert_null(model_open(path, NULL, &e), "was opened: %s", part);
    assert_says(e, part);
    cr_assert(strstr(e.text, "m.gguf: "), "%s", e.text);
    buffer_free(b);
    help_remove(folder);
}

static void add_tensor(Buffer *b, const char *name, uint64_t rows, uint64_t columns, uint32_t format, uint64_t offset)
{
    add_text(b, name);
    add_u32(b, 2);
    add_u64(b, columns);
    add_u64(b, rows);
    add_u32(b, format);
    add_u64(b, offset);
}

static void add_pair(Buffer *b, const char *key, const char *value)
{
    add_text(b, key);
    add_u32(b, 8);
    add_text(b, value);
}

/* A llama with one tensor, and so many bytes behind the header. */
static void refuse_tensor(uint64_t rows, uint64_t columns, uint32_t format, uint64_t offset, size_t bytes, const char *part)
{
    Buffer b = {0};
    begin(&b, 1, 1);
    add_pair(&b, "general.architecture", "llama");
    add_tensor(&b, "token_embd.weight", rows, columns, format, offset);
    buffer_fill(&b, '\0', bytes);
    refuse(&b, part);
}

static void add_number(Buffer *b, const char *key, uint32_t value)
{
    add_text(b, key);
    add_u32(b, 4);
    add_u32(b, value);
}

/* The bytes of a file's keys, as they stand behind its counts: up to the name of its first tensor. */
static size_t bytes_of_keys(const Gguf *g)
{
    const File *file = &g->files.shards[0].file;
    const GgufPair *last = &g->pairs[g->pair_count - 1];
    size_t at = (size_t)(last->bytes - file->data), least = file->size;
    for (size_t i = 0; i < g->files.shards[0].count; i++) {
        const char *name = g->files.shards[0].items[i].name;
        size_t n = strlen(name), k = at;
        while (k + n < file->size && memcmp(file->data + k, name, n) != 0)
            k++;
        least = k < least ? k : least;
    }
    return least - 8 - 24;
}

/* Part `number` of `count` as gguf-split writes it: the keys with the first, and every count-th tensor (F32). */
static void write_part(const Gguf *g, const char *path, uint32_t number, uint32_t count, uint32_t all)
{
    const SafeTensors *s = &g->files.shards[0];
    Buffer b = {0}, data = {0};
    size_t tensors = 0;
    for (size_t i = number; i < s->count; i += count)
        tensors++;
    begin(&b, tensors, 3 + (number == 0 ? g->pair_count : 0));
    if (number == 0)
        buffer_add(&b, (const char *)s->file.data + 24, bytes_of_keys(g));
    add_number(&b, "split.no", number);
    add_number(&b, "split.count", count);
    add_number(&b, "split.tensors.count", all);
    for (size_t i = number; i < s->count; i += count) {
        const SafeTensor *t = &s->items[i];
        add_text(&b, t->name);
        add_u32(&b, (uint32_t)t->rank);
        for (int k = t->rank; k-- > 0;)
            add_u64(&b, t->shape[k]);
        add_u32(&b, 0);
        add_u64(&b, data.len);
        buffer_add(&data, (const char *)t->bytes, t->count * 4);
        while (data.len % 32)
            buffer_putc(&data, '\0');
    }
    while (b.len % 32)
        buffer_putc(&b, '\0');
    buffer_add(&b, data.data, data.len);
    FILE *out = fopen(path, "wb");
    cr_assert(out && fwrite(b.data, 1, b.len, out) == b.len && fclose(out) == 0);
    buffer_free(&b);
    buffer_free(&data);
}

static void refuse_part(const char *path, const char *part)
{
    Error e = {{0}};
    cr_expect_null(model_open(path, NULL, &e), "was opened: %s", part);
    assert_says(e, part);
}

/* The end of a turn ends a generated text, as the end of a text does. */
Test(gguf, the_end_of_a_turn_is_an_end)
{
    static const unsigned char id[4] = {3};
    static const char key[] = "tokenizer.ggml.eot_token_id";
    File file;
    Gguf g;
    Config c;
    Error e = {{0}};
    Buffer notes = {0};
    const HfArchitecture *a;
    cr_assert_eq(file_open(&file, GGUF "llama-f32.gguf", &e), 0);
    cr_assert_eq(gguf_read(&g, file, GGUF "llama-f32.gguf", &e), 0, "%s", e.text);
    g.pairs = realloc(g.pairs, (g.pair_count + 1) * sizeof *g.pairs);
    g.pairs[g.pair_count++] = (GgufPair){.key = {key, sizeof key - 1}, .type = GGUF_U32, .count = 1, .bytes = id};
    cr_assert_eq(gguf_config(&c, &a, &g, &notes, &e), 0, "%s", e.text);
    cr_expect(config_is_end(&c, 3) && (c.eos < 0 || config_is_end(&c, c.eos)) && !config_is_end(&c, 4));
    buffer_free(&notes);
    config_free(&c);
    gguf_close(&g);
}

/* A model in three parts is the model in one file, number by number. */
Test(gguf, a_split_model_is_read_whole)
{
    char folder[64], path[3][128], other[128];
    File file;
    Gguf g;
    Error e = {{0}};
    help_folder(folder);
    cr_assert_eq(file_open(&file, GGUF "llama-f32.gguf", &e), 0);
    cr_assert_eq(gguf_read(&g, file, GGUF "llama-f32.gguf", &e), 0, "%s", e.text);
    uint32_t all = (uint32_t)g.files.shards[0].count;
    for (uint32_t i = 0; i < 3; i++) {
        snprintf(path[i], sizeof path[i], "%s/m-%05u-of-00003.gguf", folder, i + 1);
        write_part(&g, path[i], i, 3, all);
    }
    Model *whole = help_open(GGUF "llama-f32.gguf"), *m = help_open(path[0]);
    cr_assert_eq(m->weights.count, whole->weights.count);
    cr_expect_str_eq(m->summary, whole->summary);
    for (size_t i = 0; i < m->weights.count; i++)
        for (size_t k = 0; k < m->weights.items[i].count; k++)
            cr_assert_eq(weight_at(&m->weights.items[i], k), weight_at(&whole->weights.items[i], k), "%s", m->weights.items[i].name);
    model_free(m);
    model_free(whole);
    refuse_part(path[1], "split.no: expected the first part, found number 2 of 3; try the file that ends in -00001-of-00003.gguf");
    snprintf(other, sizeof other, "%s/other.gguf", folder);
    write_part(&g, other, 0, 3, all);
    refuse_part(other, "expected a file that ends in -00001-of-00003.gguf");
    write_part(&g, path[0], 0, 3, all + 1);
    refuse_part(path[0], "split.tensors.count: expected as many tensors as all parts have");
    write_part(&g, path[0], 0, 3, all);
    write_part(&g, path[2], 1, 3, all);
    refuse_part(path[0], "split.no, split.count: expected 2 and 3, found 1 and 3");
    remove(path[2]);
    refuse_part(path[0], "expected all 3 parts beside each other, found no ");
    gguf_close(&g);
    help_remove(folder);
}

/* How a text is cut before the merges follows from tokenizer.ggml.pre: SmolLM's digits are each on their own, and an unknown name is said. The
 * file of GPT-2's tokenizer, with another name in it. */
Test(gguf, the_name_of_the_cutting_counts)
{
    static const struct {
        const char *pre;
        size_t tokens; /* of "34", which GPT-2's cutting leaves whole */
        bool known;
    } cases[] = {{"gpt-2", 0, true}, {"mpt", 0, true}, {"smollm", 2, true}, {"qwen2", 2, true}, {"nobodys", 0, false}};
    size_t whole = 0;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        File file;
        Error e = {{0}};
        Gguf g;
        Buffer bytes = {0}, notes = {0};
        static const char key[] = "tokenizer.ggml.pre", old[] = "gpt-2";
        cr_assert_eq(file_open(&file, GGUF "tokenizer-gpt2.gguf", &e), 0, "%s", e.text);
        size_t at = 0;
        while (at + sizeof key < file.size && memcmp(file.data + at, key, sizeof key - 1) != 0)
            at++;
        at += sizeof key - 1 + 4; /* behind the key and its type */
        cr_assert_eq(memcmp(file.data + at + 8, old, sizeof old - 1), 0);
        buffer_add(&bytes, (const char *)file.data, at);
        add_text(&bytes, cases[i].pre);
        buffer_add(&bytes, (const char *)file.data + at + 8 + sizeof old - 1, file.size - at - 8 - sizeof old + 1);
        file_close(&file);
        unsigned char *copy = malloc(bytes.len);
        memcpy(copy, bytes.data, bytes.len);
        cr_assert_eq(gguf_read(&g, (File){copy, bytes.len, false}, "a.gguf", &e), 0, "%s", e.text);
        Vocab *v = gguf_vocab(&g, NULL, &notes, &e);
        cr_assert(v, "%s", e.text);
        Ids ids = {0};
        cr_assert_eq(vocab_encode(v, "34", ENCODE_DECODER, &ids, &e), 0, "%s", e.text);
        if (i == 0)
            whole = ids.len;
        cr_expect_eq(ids.len, cases[i].tokens ? cases[i].tokens : whole, "%s: %zu", cases[i].pre, ids.len);
        cr_expect_eq(cases[i].known, notes.len == 0, "%s: %s", cases[i].pre, buffer_text(&notes));
        ids_free(&ids);
        vocab_free(v);
        gguf_close(&g);
        buffer_free(&bytes);
        buffer_free(&notes);
    }
    cr_expect_eq(whole, 1);
}

Test(gguf, formats_that_are_not_read_are_named)
{
    static const struct {
        uint32_t id;
        const char *part;
    } formats[] = {
        {9, "found Q8_1: blocks of 32 numbers in 36 bytes, 9 bits a number"},
        {16, "found IQ2_XXS: blocks of 256 numbers in 66 bytes, 2.062 bits"},
        {39, "found MXFP4: blocks of 32 numbers in 17 bytes, 4.25 bits"},
        {24, "found I8, integers"},
        {4, "found number 4"},
        {99, "found number 99"},
    };
    for (size_t i = 0; i < sizeof formats / sizeof *formats; i++) {
        refuse_tensor(4, 256, formats[i].id, 0, 8192, formats[i].part);
    }
}

Test(gguf, bad_files_say_why)
{
    Buffer b = {0};
    buffer_puts(&b, "GGML and the rest");
    refuse(&b, "expected GGUF");
    buffer_puts(&b, "GGUF");
    add_u32(&b, 1);
    buffer_fill(&b, '\0', 64);
    refuse(&b, "version: expected 2 or 3, found 1");
    buffer_puts(&b, "GGUF");
    add_u32(&b, 0x03000000);
    buffer_fill(&b, '\0', 64);
    refuse(&b, "big-endian");
    begin(&b, UINT64_MAX, 0);
    refuse(&b, "found 18446744073709551615");
    begin(&b, 0, 1);
    add_u64(&b, UINT64_MAX);
    refuse(&b, "expected at most");
    begin(&b, 0, 1);
    add_u64(&b, UINT64_MAX);
    buffer_fill(&b, 'x', 64);
    refuse(&b, "found the end of the file after 64");
    begin(&b, 0, 1);
    add_text(&b, "k");
    add_u32(&b, 9);
    add_u32(&b, 8);
    add_u64(&b, UINT64_MAX / 8);
    refuse(&b, "\"k\": byte");
    begin(&b, 0, 1);
    add_text(&b, "key");
    add_u32(&b, 13);
    buffer_fill(&b, '\0', 64);
    refuse(&b, "\"key\": expected a type from 0 to 12, found 13");
    begin(&b, 0, 0);
    refuse(&b, "general.architecture: expected a text");
    begin(&b, 0, 1);
    add_pair(&b, "general.architecture", "mamba");
    refuse(&b, "gpt2, llama, qwen2 or qwen3, found \"mamba\"");
    begin(&b, 0, 2);
    add_pair(&b, "general.architecture", "llama");
    add_pair(&b, "general.architecture", "llama");
    refuse(&b, "found it again");
    refuse_tensor(4, 8, 0, 7, 512, "offset: expected a multiple of 32");
    refuse_tensor(1 << 20, 1 << 20, 0, 0, 512, "is the file cut off?");
    refuse_tensor(4, 31, 8, 0, 512, "expected rows of a multiple of 32 numbers, because it is Q8_0, found 31");
    refuse_tensor(8, 288, 12, 0, 4096, "expected rows of a multiple of 256 numbers, because it is Q4_K, found 288");
    refuse_tensor(2, 256, 14, 0, 420, "expected 420 bytes from byte 0 of the data on, found");
    begin(&b, 2, 1);
    add_pair(&b, "general.architecture", "llama");
    add_tensor(&b, "token_embd.weight", 4, 32, 0, 0);
    add_tensor(&b, "output.weight", 4, 32, 0, 32);
    buffer_fill(&b, '\0', 4096);
    refuse(&b, "overlapping");
    refuse_tensor(4, 32, 0, 0, 4096, "llama.embedding_length: expected a number, found none");
}

Test(gguf, nanogpt_asks_for_what_no_shape_tells)
{
    char folder[64], command[200], path[96];
    Error e = {{0}};
    help_folder(folder);
    snprintf(command, sizeof command, "cp tests/nanogpt/nanogpt/model.safetensors '%s'", folder);
    cr_assert_eq(system(command), 0);
    cr_assert_null(model_open(folder, NULL, &e));
    assert_says(e, "n_head: expected it, because no tensor's shape tells it");
    assert_says(e, "with N one of 1, 2, 4, 8, 16, 32");
    help_write(folder, "config.json", "{\"n_head\": 4, \"n_embd\": 64}", 27);
    cr_assert_null(model_open(folder, NULL, &e));
    assert_says(e, "n_embd: expected 32, as the tensors' shapes imply, found 64");
    help_write(folder, "config.json", "{\"n_head\": 5}", 13);
    cr_assert_null(model_open(folder, NULL, &e));
    assert_says(e, "n_head: expected a divisor of n_embd (32), found 5");
    help_write(folder, "config.json", "{\"n_head\": 4, \"bias\": true}", 27);
    cr_assert_null(model_open(folder, NULL, &e));
    assert_says(e, "bias: expected false");
    help_write(folder, "config.json", "{\"n_head\": 4, \"logit_cap\": 30}", 30);
    Model *m = help_open(folder);
    cr_assert(strstr(m->notes, "\"logit_cap\": not known here"), "%s", m->notes);
    model_free(m);
    snprintf(path, sizeof path, "%s/model.safetensors", folder);
    model_free(help_open(path));
    help_remove(folder);
}

/* Whose GELU it is follows from the config's dropouts, else from masks and head; what speaks for both is said. */
Test(gguf, nanogpt_or_mingpt)
{
    static const struct {
        const char *model, *config;
        bool head_is_embedding, tanh, said;
    } cases[] = {
        {"nanogpt-bias", "{\"n_head\": 4}", false, false, false},
        {"nanogpt-bias", "{\"n_head\": 4, \"embd_pdrop\": 0.1}", false, true, false},
        {"mingpt", "{\"n_head\": 4}", false, true, false},
        {"mingpt", "{\"n_head\": 4, \"dropout\": 0.0, \"bias\": true}", false, false, false},
        {"mingpt", "{\"n_head\": 4}", true, false, true}, /* GPT-2's weights in minGPT, or nanoGPT saved by an old PyTorch */
        {"mingpt", "{\"n_head\": 4, \"activation_function\": \"gelu_new\"}", true, true, false},
        {"mingpt", "{\"model\": {\"n_head\": 4, \"attn_pdrop\": 0.1}}", true, true, false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char folder[64], command[300];
        SafeTensors s;
        Error e = {{0}};
        help_folder(folder);
        snprintf(command, sizeof command, "cp tests/nanogpt/%s/model.safetensors '%s'", cases[i].model, folder);
        cr_assert_eq(system(command), 0);
        help_write(folder, "config.json", cases[i].config, strlen(cases[i].config));
        if (cases[i].head_is_embedding) {
            snprintf(command, sizeof command, "%s/model.safetensors", folder);
            cr_assert_eq(safetensors_open(&s, command, &e), 0);
            const SafeTensor *head = safetensors_find(&s, "lm_head.weight"), *embedding = safetensors_find(&s, "transformer.wte.weight");
            FILE *f = fopen(command, "r+b");
            unsigned char *bytes = malloc(head->count * 4);
            memcpy(bytes, embedding->bytes, head->count * 4);
            cr_assert(f && fseek(f, (long)(head->bytes - s.file.data), SEEK_SET) == 0 && fwrite(bytes, 4, head->count, f) == head->count);
            fclose(f);
            free(bytes);
            safetensors_close(&s);
        }
        Model *m = help_open(folder);
        cr_expect_eq(m->config.activation, cases[i].tanh ? ACTIVATION_GELU_TANH : ACTIVATION_GELU, "case %zu", i);
        cr_expect_eq(strstr(m->notes, "it may be") != NULL, cases[i].said, "case %zu: %s", i, m->notes);
        model_free(m);
        help_remove(folder);
    }
}
