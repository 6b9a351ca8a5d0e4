/* vocab_files.c - the files of a Hugging Face tokenizer, found and opened.
 *
 * Knows names of files and what tokenizer_config.json says; what is in a tokenizer is pipeline_json.c's. */
#include "model/vocab_files.h"

#include "base/file.h"
#include "base/text.h"
#include "model/found.h"
#include "model/nearest.h"
#include "model/pipeline_json.h"
#include "model/vocab_table.h"

#include <stdlib.h>
#include <string.h>

static bool has_file(const char *folder, const char *name)
{
    char *path = file_join(folder, name);
    bool has = path && file_exists(path);
    free(path);
    return has;
}

bool vocab_files_in(const char *folder)
{
    static const char *const names[] = {"tokenizer.json", "source.spm", "target.spm", "vocab.json", "tokenizer.model"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (has_file(folder, names[i]))
            return true;
    return false;
}

/* The last part of a path. */
static const char *base_name(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

bool vocab_is_file_of_theirs(const char *path)
{
    return name_ends_with(path, ".json") || name_ends_with(path, ".model") || name_ends_with(path, ".spm") || strcmp(base_name(path), "merges.txt") == 0;
}

/* ---- what stands beside it ---- */

/* An object read from a file of the folder; NULL where there is no such file. Integers are read as real numbers: model_max_length is 10^30
 * in many, and no integer is asked for here. */
static int load_beside(const char *folder, const char *name, json_t **root, Error *e)
{
    char *path = file_join(folder, name), found[FOUND_MAX];
    File file;
    int status = path ? 0 : error_memory(e, folder);
    *root = NULL;
    if (path && file_exists(path) && (status = file_open(&file, path, e)) == 0) {
        *root = found_json(file.data, file.size, JSON_DECODE_INT_AS_REAL, path, e);
        if (*root && !json_is_object(*root))
            error_set(e, "%s: expected an object, found %s", path, found_describe(*root, found));
        status = json_is_object(*root) ? 0 : -1;
        file_close(&file);
    }
    free(path);
    if (status != 0) {
        json_decref(*root);
        *root = NULL;
    }
    return status;
}

/* A special token that a file names: a text, or an object with a content. Its id, or -1. */
static int named_token(const Pipeline *p, const json_t *root, const char *name)
{
    const json_t *token = json_object_get(root, name);
    const char *text = json_string_value(json_is_object(token) ? json_object_get(token, "content") : token);
    return text ? pipeline_find(p, text, strlen(text)) : -1;
}

/* Special tokens by their names there. Not padding: that is what a batch of texts is filled up with, and the library hides no token of a single
 * text, whatever its id. */
static void read_specials(Vocab *v, const json_t *root)
{
    static const char *const names[TOKEN_COUNT] = {
        [TOKEN_BOS] = "bos_token", [TOKEN_EOS] = "eos_token", [TOKEN_MASK] = "mask_token", [TOKEN_UNK] = "unk_token"};
    for (int i = 0; i < TOKEN_COUNT && root; i++)
        if (names[i] && v->special[i] < 0)
            v->special[i] = named_token(v->pipeline, root, names[i]);
}

static bool is_around(const Pipeline *p, int side, int id)
{
    for (size_t i = 0; i < p->around_count[side]; i++)
        if (p->around[side][i] == id)
            return true;
    return false;
}

/* A begin or end token that tokenizer_config.json asks for, and tokenizer.json does not put there, or the other way round: the library does what
 * tokenizer_config.json says, and so is done here.
 * https://github.com/huggingface/transformers (tokenization_utils_tokenizers.py, update_post_processor) */
static int follow_config(Pipeline *p, const json_t *root, const char *folder, Error *e)
{
    static const char *const keys[2] = {"add_bos_token", "add_eos_token"}, *const names[2] = {"bos_token", "eos_token"};
    int status = 0;
    for (int side = 0; side < 2 && status == 0 && root; side++) {
        const json_t *asked = json_object_get(root, keys[side]);
        int id = named_token(p, root, names[side]);
        size_t n;
        if (!json_is_boolean(asked) || id < 0 || json_is_true(asked) == is_around(p, side, id))
            continue;
        const char *text = pipeline_spelling(p, id, &n);
        buffer_printf(&p->notes,
                      json_is_true(asked) ? _("%s/tokenizer_config.json: %s is true: %.*s is put there, which tokenizer.json by itself does not\n")
                                          : _("%s/tokenizer_config.json: %s is false: %.*s is not put there, which tokenizer.json by itself does\n"),
                      folder, keys[side], (int)n, text);
        status = pipeline_put_around(p, side, json_is_true(asked) ? id : -1, folder, e);
    }
    return status;
}

/* What the files beside a tokenizer say of its special tokens. */
static int read_beside(Vocab *v, const char *folder, Error *e)
{
    json_t *config, *map = NULL;
    int status = load_beside(folder, "tokenizer_config.json", &config, e);
    if (status == 0)
        status = load_beside(folder, "special_tokens_map.json", &map, e);
    read_specials(v, config);
    read_specials(v, map);
    if (status == 0)
        status = follow_config(v->pipeline, config, folder, e);
    json_decref(config);
    json_decref(map);
    return status;
}

/* Sets a rule of BERT's normalizer; true where it was another before. `usual` is what holds where it is not said. */
static bool change_rule(json_t *rules, const char *name, bool usual, bool asked)
{
    const json_t *was = json_object_get(rules, name);
    bool other = (json_is_boolean(was) ? json_is_true(was) : usual) != asked;
    return json_object_set_new(rules, name, json_boolean(asked)) == 0 && other;
}

/* BERT's normalizer as tokenizer_config.json asks for it: accents go where letters become lower case, unless it says otherwise. True where that
 * changed anything.
 * https://github.com/huggingface/transformers (tokenization_bert_fast.py, __init__) */
static bool change_bert(json_t *root, const json_t *config)
{
    json_t *rules = json_object_get(root, "normalizer");
    const char *type = json_string_value(json_object_get(rules, "type"));
    const json_t *lower = json_object_get(config, "do_lower_case"), *strip = json_object_get(config, "strip_accents"),
                 *chinese = json_object_get(config, "tokenize_chinese_chars"), *was = json_object_get(rules, "lowercase");
    if (!type || strcmp(type, "BertNormalizer") != 0 || !json_is_boolean(lower))
        return false;
    bool changed = change_rule(rules, "strip_accents", !json_is_false(was), json_is_boolean(strip) ? json_is_true(strip) : json_is_true(lower));
    changed |= change_rule(rules, "lowercase", true, json_is_true(lower));
    return (json_is_boolean(chinese) && change_rule(rules, "handle_chinese_chars", true, json_is_true(chinese))) || changed;
}

/* The pipeline, read again where tokenizer_config.json asks for other rules than BERT's normalizer has: the library does what that file says. Takes
 * p, also where it fails. */
static Pipeline *follow_bert(Pipeline *p, const char *folder, const char *file, Error *e)
{
    json_t *config;
    if (load_beside(folder, "tokenizer_config.json", &config, e) != 0) {
        pipeline_free(p);
        return NULL;
    }
    const Buffer *source = json_object_get(config, "do_lower_case") ? pipeline_source(p) : NULL;
    json_t *root = source ? json_loadb(buffer_text(source), source->len, JSON_ALLOW_NUL, NULL) : NULL;
    if (change_bert(root, config)) {
        bool lower = json_is_true(json_object_get(config, "do_lower_case"));
        char *text = json_dumps(root, JSON_COMPACT);
        pipeline_free(p);
        p = text ? pipeline_read(text, strlen(text), file, e) : NULL;
        if (!text)
            error_memory(e, file);
        else if (p && name_ends_with(file, ".json"))
            buffer_printf(&p->notes,
                          lower ? _("%s/tokenizer_config.json: do_lower_case is true, and BERT's rules follow it, not tokenizer.json\n")
                                : _("%s/tokenizer_config.json: do_lower_case is false, and BERT's rules follow it, not tokenizer.json\n"),
                          folder);
        free(text);
    }
    json_decref(root);
    json_decref(config);
    return p;
}

/* ---- a pipeline as a vocabulary ---- */

/* Takes the pipeline, also where it fails. */
static Vocab *make_vocab(Pipeline *p, const Config *c, const char *folder, const char *file, Error *e)
{
    if (c && p->size > c->vocab_size) {
        error_set(e, "%s: expected at most %zu tokens, one for each of the model's vocab_size, found ids up to %zu; is it another model's?", file,
                  c->vocab_size, p->size - 1);
        pipeline_free(p);
        return NULL;
    }
    if (c && p->size < c->vocab_size)
        buffer_printf(&p->notes, _("%s: has ids 0 to %zu, the model 0 to %zu: those beyond have no token\n"), file, p->size - 1, c->vocab_size - 1);
    Vocab *v = vocab_begin_made(c ? c->vocab_size : p->size, p, file, e);
    if (!v)
        return NULL;
    v->split = SPLIT_TOKENIZER;
    v->encoder_only = c && c->kind == KIND_ENCODER;
    Config copy = c ? *c : config_default(); /* config_token gives writable places */
    for (int i = 0; i < TOKEN_COUNT; i++)
        v->special[i] = c ? *config_token(&copy, (SpecialToken)i) : -1;
    int status = folder ? read_beside(v, folder, e) : 0;
    if (v->special[TOKEN_UNK] < 0)
        v->special[TOKEN_UNK] = p->subword.unk;
    if (v->special[TOKEN_MASK] < 0) /* as every BERT spells it, also where no file beside it says so */
        v->special[TOKEN_MASK] = pipeline_find(p, "[MASK]", strlen("[MASK]"));
    if (v->special[TOKEN_BOS] < 0 && p->around_count[0])
        v->special[TOKEN_BOS] = p->around[0][0];
    if (v->special[TOKEN_EOS] < 0 && p->around_count[1])
        v->special[TOKEN_EOS] = p->around[1][p->around_count[1] - 1];
    if (status == 0 && (!p->notes.failed || error_memory(e, file) == 0))
        return v;
    vocab_free(v);
    return NULL;
}

Vocab *vocab_read_json(const char *text, size_t n, const Config *c, const char *file, Error *e)
{
    Pipeline *p = pipeline_read(text, n, file, e);
    return p ? make_vocab(p, c, NULL, file, e) : NULL;
}

Vocab *vocab_read_parsed(const json_t *root, const char *text, size_t n, const Config *c, const char *file, Error *e)
{
    Pipeline *p = pipeline_read_parsed(root, text, n, file, e);
    return p ? make_vocab(p, c, NULL, file, e) : NULL;
}

/* ---- the files ---- */

static Pipeline *open_json(const char *path, Error *e)
{
    File file;
    if (file_open(&file, path, e) != 0)
        return NULL;
    Pipeline *p = pipeline_read((const char *)file.data, file.size, path, e);
    file_close(&file);
    return p;
}

static Pipeline *open_gpt2(const char *folder, Error *e)
{
    char *vocab = file_join(folder, "vocab.json"), *merges = file_join(folder, "merges.txt");
    File a = {.data = NULL}, b = {.data = NULL};
    Pipeline *p = NULL;
    if (!vocab || !merges)
        error_memory(e, folder);
    else if (file_open(&a, vocab, e) == 0) {
        if (file_open(&b, merges, e) == 0) {
            p = pipeline_read_gpt2((const char *)a.data, a.size, vocab, (const char *)b.data, b.size, merges, e);
            file_close(&b);
        }
        file_close(&a);
    }
    free(vocab);
    free(merges);
    return p;
}

/* One language of a Marian folder. */
static Pipeline *open_marian(const char *folder, const char *name, int begin, Error *e)
{
    char *vocab = file_join(folder, "vocab.json"), *spm = file_join(folder, name);
    File a = {.data = NULL}, b = {.data = NULL};
    Pipeline *p = NULL;
    if (!vocab || !spm)
        error_memory(e, folder);
    else if (file_open(&a, vocab, e) == 0) {
        if (file_open(&b, spm, e) == 0) {
            p = pipeline_read_marian((const char *)a.data, a.size, vocab, b.data, b.size, spm, begin, e);
            file_close(&b);
        }
        file_close(&a);
    }
    free(vocab);
    free(spm);
    return p;
}

static Pipeline *open_bert(const char *folder, Error *e)
{
    char *path = file_join(folder, "vocab.txt");
    File file;
    Pipeline *p = NULL;
    if (!path)
        error_memory(e, folder);
    else if (file_open(&file, path, e) == 0) {
        p = pipeline_read_bert((const char *)file.data, file.size, path, e);
        file_close(&file);
    }
    p = p ? follow_bert(p, folder, path, e) : NULL;
    free(path);
    return p;
}

/* The folder that a path is in; the caller frees it. */
static char *folder_of(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? strndup(path, slash == path ? 1 : (size_t)(slash - path)) : strdup(".");
}

/* source.spm cuts what is to be translated, target.spm the translation; vocab.json gives both their ids. Padding is what the decoder begins with,
 * and is seen: the model has no token that stands for nothing. */
static Vocab *open_translator(const char *folder, const Config *c, Error *e)
{
    Pipeline *source = open_marian(folder, "source.spm", -1, e);
    Vocab *v = source ? make_vocab(source, c, folder, folder, e) : NULL;
    if (!v)
        return NULL;
    if (v->special[TOKEN_BOS] < 0)
        v->special[TOKEN_BOS] = pipeline_find(source, "<pad>", strlen("<pad>"));
    if (v->special[TOKEN_EOS] < 0)
        v->special[TOKEN_EOS] = source->around[1][0];
    v->special[TOKEN_PAD] = -1;
    if (v->special[TOKEN_BOS] < 0)
        error_set(e, "%s: expected a token that a translation begins with, <pad>, found none", folder);
    else if ((v->translation = open_marian(folder, "target.spm", v->special[TOKEN_BOS], e)))
        return v;
    vocab_free(v);
    return NULL;
}

Vocab *vocab_open_theirs(const char *path, const Config *c, Error *e)
{
    char *folder = folder_of(path);
    const char *name = base_name(path);
    Pipeline *p = NULL;
    if (folder && (name_ends_with(path, ".spm") || (strcmp(name, "vocab.json") == 0 && has_file(folder, "source.spm")))) {
        Vocab *v = open_translator(folder, c, e);
        free(folder);
        return v;
    }
    if (!folder)
        error_memory(e, path);
    else if (name_ends_with(path, ".model"))
        error_set(e, "%s: expected a tokenizer.json, found SentencePiece's own file, which is not read; try the tokenizer.json beside it, or convert it", path);
    else if (strcmp(name, "merges.txt") == 0 || strcmp(name, "vocab.json") == 0)
        p = open_gpt2(folder, e);
    else if ((p = open_json(path, e)))
        p = follow_bert(p, folder, path, e);
    Vocab *v = p ? make_vocab(p, c, folder, path, e) : NULL;
    free(folder);
    return v;
}

Vocab *vocab_open_folder(const char *folder, const Config *c, Error *e)
{
    static const char *const names[] = {"tokenizer.json", "source.spm", "target.spm", "vocab.json", "merges.txt", "tokenizer.model"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (has_file(folder, names[i])) {
            char *path = file_join(folder, names[i]);
            Vocab *v = path ? vocab_open_theirs(path, c, e) : NULL;
            if (!path)
                error_memory(e, folder);
            free(path);
            return v;
        }
    if (!has_file(folder, "vocab.txt")) {
        error_set(e, "%s: expected tokenizer.json, vocab.json with merges.txt, or vocab.txt in this folder, found none", folder);
        return NULL;
    }
    Pipeline *p = open_bert(folder, e);
    return p ? make_vocab(p, c, folder, folder, e) : NULL;
}
