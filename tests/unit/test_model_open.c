/* test_model_open.c - what -m names: found, opened, saved. */
#include "model/model.h"
#include "model/native.h"
#include "model_help.h"

#include <sys/stat.h>

static Model *opened(const char *name)
{
    Error e = {{0}};
    Model *m = model_open(name, NULL, &e);
    cr_assert(m, "%s", e.text);
    return m;
}

static void refused(const char *name, const char *tokenizer, const char *part)
{
    Error e = {{0}};
    cr_assert_null(model_open(name, tokenizer, &e), "%s", name);
    assert_says(e, part);
    cr_assert_eq(strncmp(e.text, name, strlen(name)), 0, "the name does not begin: %s", e.text);
}

/* ---- the native format ---- */

/* Every value is what tests/data/model/make.py wrote: ((7 i + t) mod 128) / 16. */
static void assert_made(const Model *m)
{
    cr_assert_eq(m->weights.count, 20);
    for (size_t t = 0; t < m->weights.count; t++)
        for (size_t i = 0; i < m->weights.items[t].count; i++)
            cr_assert_eq((double)weight_plain(&m->weights.items[t])[i], (double)((7 * i + t) % 128) / 16, "%s[%zu]", m->weights.items[t].name, i);
}

Test(model_open, native)
{
    Model *m = opened(MODEL_DATA "tiny");
    cr_assert_str_eq(m->name, "tiny");
    cr_assert_str_eq(m->path, MODEL_DATA "tiny");
    cr_assert_str_eq(m->summary, "Says nothing, in one layer.");
    cr_assert(!m->untrained && m->config.n_kv_heads == 1 && m->config.d_head == 2);
    cr_assert(m->config.bos == 0 && m->config.eos == 1 && m->config.pad == -1 && !m->config.token_texts[TOKEN_BOS]);
    cr_assert_str_eq(m->config.dim_names[0], "红");
    cr_assert_str_eq(vocab_token(m->vocab, 6), "a\tb\\");
    cr_assert_not_null(m->weights.block, "a small file is copied: it may change while the program runs");
    assert_made(m);
    model_free(m);
}

Test(model_open, converted)
{
    static const char *const names[] = {MODEL_DATA "mixed", MODEL_DATA "unaligned"};
    for (int i = 0; i < 2; i++) {
        Model *m = opened(names[i]);
        cr_assert_not_null(m->weights.block);
        assert_made(m);
        cr_assert_str_eq(m->summary, "");
        model_free(m);
    }
}

Test(model_open, mapped_weights_become_our_own)
{
    Error e;
    Model *m = opened(MODEL_DATA "tiny");
    cr_assert_eq(weights_own(&m->weights, &e), 0);
    cr_assert(m->weights.block && m->weights.file_count == 0);
    assert_made(m);
    int i = weights_find(&m->weights, "decoder.final_norm.bias");
    weights_values(&m->weights, (size_t)i)[3] = 42;
    cr_assert_eq(weight_plain(&m->weights.items[i])[3], 42);
    model_free(m);
}

Test(model_open, names_of_paths)
{
    char here[1024];
    Model *m = opened(MODEL_DATA "tiny///");
    cr_assert_str_eq(m->name, "tiny");
    model_free(m);
    cr_assert(getcwd(here, sizeof here));
    cr_assert_eq(chdir(MODEL_DATA "tiny"), 0);
    m = opened(".");
    cr_assert_str_eq(m->name, "tiny");
    model_free(m);
    m = opened("../../model/tiny/../mixed");
    cr_assert_str_eq(m->name, "mixed");
    model_free(m);
    cr_assert_eq(chdir(here), 0);
}

/* A copy of tiny in a new folder, one of its files replaced. */
static void with_file(char folder[64], const char *name, const char *text)
{
    static const char *const names[] = {"config.json", "model.safetensors", "vocab.txt"};
    char bytes[8192];
    help_folder(folder);
    for (int i = 0; i < 3; i++) {
        char path[128];
        snprintf(path, sizeof path, MODEL_DATA "tiny/%s", names[i]);
        FILE *f = fopen(path, "rb");
        cr_assert(f);
        size_t n = fread(bytes, 1, sizeof bytes, f);
        fclose(f);
        help_write(folder, names[i], bytes, n);
    }
    help_write(folder, name, text, strlen(text));
}

Test(model_open, a_folder_that_contradicts_itself)
{
    static const struct {
        const char *name, *text, *part;
    } rows[] = {
        {"config.json", "{", "/config.json: line 1"},
        {"config.json", "{\"d_model\": 4, \"n_heads\": 2, \"d_ff\": 6, \"decoder_layers\": 1, \"vocab_size\": 7}",
         "/model.safetensors: decoder.0.self.W_K: expected shape [4, 4], as config.json implies, found [4, 2]"},
        {"config.json", "{\"d_model\": 4, \"n_heads\": 2, \"n_kv_heads\": 1, \"d_ff\": 6, \"decoder_layers\": 1, \"vocab_size\": 7}",
         "/model.safetensors: \"decoder.embed.W_P\": expected only the 19 tensors that config.json implies, found this one too"},
        {"config.json", "{\"d_model\": 4, \"n_heads\": 2, \"n_kv_heads\": 1, \"d_ff\": 6, \"vocab_size\": 7}",
         "/model.safetensors: decoder.1.self.norm.gain: expected a tensor of this name, found none; nearest: \"decoder.0.self.norm.gain\""},
        {"model.safetensors", "", "/model.safetensors: expected a safetensors file, found an empty file"},
        {"vocab.txt", "a\nb\n", "/vocab.txt: expected 7 lines, one for each of the config's vocab_size, found 2"},
        {"vocab.txt", "a\nb\nc\nd\ne\nf\ng\n", "/vocab.txt: expected the token \"<s>\", which config.json's tokens.bos names, found none"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char folder[64];
        with_file(folder, rows[i].name, rows[i].text);
        refused(folder, NULL, rows[i].part);
        help_remove(folder);
    }
}

Test(model_open, without_a_vocabulary)
{
    char folder[64], path[128];
    with_file(folder, "README.md", "# only a title\n");
    snprintf(path, sizeof path, "%s/vocab.txt", folder);
    cr_assert_eq(unlink(path), 0);
    refused(folder, NULL, "/config.json: tokens.bos: expected an id, because there is no vocab.txt to look a text up in");
    cr_assert_null(model_open(folder, MODEL_DATA "tok280.bin", NULL));
    Error e = {{0}};
    Model *m = model_open(folder, MODEL_DATA "tiny/vocab.txt", &e);
    cr_assert(m && vocab_has_text(m->vocab) && m->config.bos == 0, "%s", e.text);
    cr_assert_str_eq(m->summary, "");
    model_free(m);
    help_remove(folder);
}

Test(model_open, nothing_there)
{
    refused("tests/no-such-model", NULL, "expected a model's name, a folder, a file *.gguf or *.bin or random:KEY=VALUE,…");
    refused("tests", NULL, "expected config.json in this folder, found none");
    refused("tests/data/model", NULL, "found none; try tests/data/model/");
    refused(MODEL_DATA "tiny/config.json", NULL, "try the folder");
    refused(MODEL_DATA "tiny/model.safetensors", NULL, "try the folder");
    Error e = {{0}};
    cr_assert_null(model_open("", NULL, &e));
    assert_says(e, "expected a model's name");
}

/* ---- saving ---- */

static void assert_same(const Model *a, const Model *b)
{
    Buffer x = {0}, y = {0};
    config_write(&a->config, &x);
    config_write(&b->config, &y);
    cr_assert_str_eq(buffer_text(&x), buffer_text(&y));
    cr_assert_eq(a->weights.count, b->weights.count);
    for (size_t i = 0; i < a->weights.count; i++) {
        const Weight *v = &a->weights.items[i], *w = &b->weights.items[i];
        cr_assert_str_eq(v->name, w->name);
        cr_assert_eq(v->count, w->count);
        cr_assert_eq(memcmp(weight_plain(v), weight_plain(w), v->count * sizeof *weight_plain(v)), 0, "%s", v->name);
    }
    cr_assert_eq(vocab_size(a->vocab), vocab_size(b->vocab));
    cr_assert_eq(vocab_split(a->vocab), vocab_split(b->vocab));
    for (size_t i = 0; i < vocab_size(a->vocab); i++)
        cr_assert_str_eq(vocab_token(a->vocab, (int)i), vocab_token(b->vocab, (int)i));
    buffer_free(&x);
    buffer_free(&y);
}

Test(model_save, what_is_saved_is_opened_again)
{
    static const char *const names[] = {MODEL_DATA "tiny", MODEL_DATA "mixed", MODEL_DATA "shared.bin",
                                        "random:kind=encoder-decoder,encoder_layers=1,eos=3"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        char folder[64], path[128];
        Error e = {{0}};
        snprintf(path, sizeof path, "%s/saved", help_folder(folder));
        Model *m = opened(names[i]);
        cr_assert_eq(model_save(m, path, &e), 0, "%s", e.text);
        Model *again = opened(path);
        assert_same(m, again);
        cr_assert_str_eq(again->name, "saved");
        cr_assert_eq(model_save(m, path, &e), -1);
        assert_says(e, "expected a new or an empty folder");
        if (vocab_has_text(m->vocab)) {
            Ids a = {0}, b = {0};
            const char *text = i < 2 ? "the cat," : "the 我爱";
            cr_assert_eq(vocab_encode(m->vocab, text, ENCODE_DECODER, &a, &e), 0, "%s", e.text);
            cr_assert_eq(vocab_encode(again->vocab, text, ENCODE_DECODER, &b, &e), 0, "%s", e.text);
            cr_assert(a.len == b.len && memcmp(a.data, b.data, a.len * sizeof *a.data) == 0);
            ids_free(&a);
            ids_free(&b);
        }
        model_free(m);
        model_free(again);
        help_remove(folder);
    }
}

Test(model_save, an_empty_folder_will_do_and_nothing_is_left_after_an_error)
{
    char folder[64], path[128];
    Error e = {{0}};
    Model *m = opened("random:");
    cr_assert_eq(model_save(m, help_folder(folder), &e), 0, "%s", e.text);
    help_remove(folder);
    cr_assert_eq(model_save(m, "tests/no-such-folder/x", &e), -1);
    assert_says(e, "tests/no-such-folder/x: cannot be created");
    if (geteuid() != 0) { /* root may write anywhere */
        help_folder(folder);
        cr_assert_eq(chmod(folder, 0500), 0);
        cr_assert_eq(model_save(m, folder, &e), -1);
        assert_says(e, "config.json: cannot be written");
        cr_assert_eq(chmod(folder, 0700), 0);
        snprintf(path, sizeof path, "%s/config.json", folder);
        cr_assert_neq(access(path, F_OK), 0);
        help_remove(folder);
    }
    model_free(m);
}

/* ---- the data folders ---- */

typedef struct Listed {
    char text[4096];
} Listed;

static void list(void *context, const char *name, const char *folder)
{
    Listed *l = context;
    size_t n = strlen(l->text);
    snprintf(l->text + n, sizeof l->text - n, "%s=%s;", name, folder);
}

/* Makes BASE/stepformer/tiny-models/NAME, a copy of mixed, for each name. */
static void share(const char *base, const char *names)
{
    char command[512];
    snprintf(command, sizeof command,
             "for n in %s; do mkdir -p %s/stepformer/tiny-models/$n && cp " MODEL_DATA "mixed/* %s/stepformer/tiny-models/$n/; done", names,
             base, base);
    cr_assert_eq(system(command), 0);
}

Test(model_data, folders_in_their_order)
{
    char home[64], first[64], second[64], dirs[256], expected[512];
    help_folder(home);
    help_folder(first);
    help_folder(second);
    share(home, "bb-test only-home-test");
    share(first, "bb-test aa-test");
    share(second, "aa-test cc-test");
    snprintf(dirs, sizeof dirs, "%s:relative::%s", first, second);
    setenv("XDG_DATA_HOME", home, 1);
    setenv("XDG_DATA_DIRS", dirs, 1);
    char **roots = data_roots();
    cr_assert(roots && roots[0] && roots[1] && roots[2] && roots[3] && roots[4] && roots[5] && !roots[6]);
    cr_assert_eq(roots[0][0], '/'); /* beside the program */
    cr_assert(strstr(roots[1], "/../share/stepformer"), "%s", roots[1]); /* where it is installed */
    snprintf(expected, sizeof expected, "%s/stepformer", home);
    cr_assert_str_eq(roots[2], expected);
    snprintf(expected, sizeof expected, "%s/stepformer", second);
    cr_assert_str_eq(roots[4], expected);
    data_roots_free(roots);

    char *path = data_find("tiny-models/aa-test");
    snprintf(expected, sizeof expected, "%s/stepformer/tiny-models/aa-test", first);
    cr_assert(path);
    cr_assert_str_eq(path, expected);
    free(path);
    cr_assert_null(data_find("tiny-models/zz-test"));

    Model *m = opened("bb-test");
    snprintf(expected, sizeof expected, "%s/stepformer/tiny-models/bb-test", home);
    cr_assert_str_eq(m->path, expected);
    cr_assert_str_eq(m->name, "bb-test");
    model_free(m);
    refused("bb-tset", NULL, "nearest: \"bb-test\"");

    Listed l = {""};
    models_list(list, &l);
    const char *aa = strstr(l.text, "aa-test="), *bb = strstr(l.text, "bb-test="), *cc = strstr(l.text, "cc-test=");
    cr_assert(aa && bb && cc && aa < bb && bb < cc, "%s", l.text);
    cr_assert(!strstr(aa + 1, "aa-test=") && !strstr(bb + 1, "bb-test="), "a name twice: %s", l.text);
    snprintf(expected, sizeof expected, "bb-test=%s/", home);
    cr_assert(strstr(l.text, expected), "not the one that is opened: %s", l.text);
    help_remove(home);
    help_remove(first);
    help_remove(second);
}

/* ---- a vocabulary alone ---- */

Test(model_vocab_open, from_wherever)
{
    Error e = {{0}};
    char folder[64], path[128];
    Vocab *v = vocab_open(MODEL_DATA "tiny", &e);
    cr_assert(v && vocab_size(v) == 7 && vocab_split(v) == SPLIT_WORDS && vocab_special(v, TOKEN_BOS) == 0, "%s", e.text);
    vocab_free(v);
    v = vocab_open(MODEL_DATA "tiny/vocab.txt", &e);
    cr_assert(v && vocab_size(v) == 7 && vocab_split(v) == SPLIT_LONGEST_MATCH && vocab_special(v, TOKEN_BOS) == -1, "%s", e.text);
    vocab_free(v);
    v = vocab_open(MODEL_DATA "tok280.bin", &e);
    cr_assert(v && vocab_size(v) == 280 && vocab_split(v) == SPLIT_LLAMA2C, "%s", e.text);
    vocab_free(v);
    v = vocab_open(MODEL_DATA, &e); /* the only tok*.bin in it */
    cr_assert(v && vocab_size(v) == 280, "%s", e.text);
    vocab_free(v);
    help_write(help_folder(folder), "vocab.txt", "x\nyz\n", 5);
    v = vocab_open(folder, &e);
    cr_assert(v && vocab_size(v) == 2 && vocab_split(v) == SPLIT_LONGEST_MATCH, "%s", e.text);
    vocab_free(v);
    help_write(folder, "vocab.txt", "", 0);
    cr_assert_null(vocab_open(folder, &e));
    assert_says(e, "vocab.txt: expected from 1 to 16777216 lines, found 0");
    snprintf(path, sizeof path, "%s/vocab.txt", folder);
    cr_assert_eq(unlink(path), 0);
    cr_assert_null(vocab_open(folder, &e));
    assert_says(e, "expected tokenizer.json, vocab.txt, tokenizer.bin or config.json in this folder");
    help_write(folder, "config.json", "{}", 2);
    v = vocab_open(folder, &e);
    cr_assert(v && vocab_size(v) == 23 && !vocab_has_text(v), "%s", e.text);
    vocab_free(v);
    help_remove(folder);
    cr_assert_null(vocab_open("tests/no-such-thing", &e));
    assert_says(e, "tests/no-such-thing: expected a model's name");
}
