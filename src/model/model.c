/* model.c - tells apart what -m names, and opens it.
 *
 * Owns the Model that results. Each format is read in a file of its own. To add a format: open_path. */
#include "model/model.h"

#include "base/text.h"
#include "model/found.h"
#include "model/gguf.h"
#include "model/hf_internal.h"
#include "model/llama2c.h"
#include "model/nanogpt.h"
#include "model/native.h"
#include "model/nearest.h"
#include "model/tokenizer.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* ---- what people call it ---- */

/* The last part of a path, without slashes behind it; the caller frees it. */
static char *last_part(const char *path)
{
    size_t n = strlen(path);
    while (n > 1 && path[n - 1] == '/')
        n--;
    size_t from = n;
    while (from > 0 && path[from - 1] != '/')
        from--;
    return strndup(path + from, n - from);
}

/* "." and ".." are called by the name of the folder they are. */
static char *name_of(const char *path)
{
    char *name = last_part(path);
    if (name && (name[0] == '\0' || strcmp(name, ".") == 0 || strcmp(name, "..") == 0)) {
        char *whole = realpath(path, NULL);
        if (whole) {
            free(name);
            name = last_part(whole);
            free(whole);
        }
    }
    return name;
}

/* The line that a model's card begins with after its title, or ""; the caller frees it. */
static char *read_summary(const char *folder)
{
    enum { SUMMARY_MAX = 400 };
    char *path = file_join(folder, "README.md"), *summary = NULL;
    File file;
    if (path && file_exists(path) && file_open(&file, path, NULL) == 0) {
        const char *at = (const char *)file.data, *end = at + file.size;
        while (at < end && !summary) {
            const char *newline = memchr(at, '\n', (size_t)(end - at));
            size_t n = (size_t)((newline ? newline : end) - at);
            while (n && (at[n - 1] == '\r' || at[n - 1] == ' '))
                n--;
            if (n && *at != '#' && n <= SUMMARY_MAX && text_is_valid(at, n))
                summary = strndup(at, n);
            else if (n && *at != '#')
                break;
            at = newline ? newline + 1 : end;
        }
        file_close(&file);
    }
    free(path);
    if (!summary)
        return strdup("");
    char *translated = strdup(_(summary)); /* those of the models that come with the program are in the translations */
    free(summary);
    return translated;
}

void model_free(Model *m)
{
    if (!m)
        return;
    config_free(&m->config);
    weights_free(&m->weights);
    vocab_free(m->vocab);
    free(m->name);
    free(m->path);
    free(m->summary);
    free(m->notes);
    free(m);
}

/* ---- opening ---- */

/* What the vocabulary's files say goes behind what the model's say. */
static int add_notes(Model *m, const char *notes, Error *e)
{
    Buffer all = {0};
    if (!notes)
        return 0;
    buffer_puts(&all, m->notes ? m->notes : "");
    buffer_puts(&all, notes);
    free(m->notes);
    m->notes = all.failed ? NULL : strdup(buffer_text(&all));
    buffer_free(&all);
    return m->notes ? 0 : error_memory(e, "model");
}

static Model *open_random(const char *name, const char *tokenizer, Error *e)
{
    Config c;
    unsigned long seed = 0;
    if (config_parse(&c, name + strlen("random:"), &seed, e) != 0)
        return NULL;
    Model *m = model_random(&c, seed, name, e);
    config_free(&c);
    if (!m || !tokenizer)
        return m;
    vocab_free(m->vocab);
    m->vocab = tokenizer_for(&m->config, tokenizer, name, e);
    if (m->vocab && add_notes(m, vocab_notes(m->vocab), e) == 0)
        return m;
    model_free(m);
    return NULL;
}

static bool has_config(const char *folder)
{
    char *path = file_join(folder, "config.json");
    bool has = path && file_exists(path);
    free(path);
    return has;
}

/* A checkpoint of one file, as its name says; a *.bin that PyTorch or a tokenizer wrote is none. */
static bool is_checkpoint(const char *name)
{
    return name_ends_with(name, ".gguf") ||
           (name_ends_with(name, ".bin") && strncmp(name, "tok", 3) != 0 && strncmp(name, "pytorch_model", strlen("pytorch_model")) != 0);
}

/* For the error of a folder without config.json: what in it, or below it, can be opened, as "; try …", or "". The hub's cache has a model
 * two folders down, in snapshots. */
static void hint_inside(const char *folder, int depth, Buffer *out)
{
    DIR *dir = opendir(folder);
    for (struct dirent *entry; dir && out->len == 0 && (entry = readdir(dir));) {
        char *inside = entry->d_name[0] == '.' ? NULL : file_join(folder, entry->d_name);
        bool is_folder = inside && file_is_folder(inside);
        if (inside && ((!is_folder && is_checkpoint(entry->d_name)) || (is_folder && has_config(inside))))
            buffer_printf(out, _("; try %s"), inside);
        else if (is_folder && depth > 0)
            hint_inside(inside, depth - 1, out);
        free(inside);
    }
    if (dir)
        closedir(dir);
}

static int no_config(const char *folder, Error *e)
{
    char *weights = file_join(folder, "model.safetensors");
    DIR *dir = opendir(folder);
    Buffer hint = {0};
    if (!dir) {
        free(weights);
        return error_set(e, "%s: cannot be opened: %s", folder, strerror(errno));
    }
    closedir(dir);
    Buffer other = {0};
    hint_inside(folder, 1, &hint);
    if (hint.len == 0 && weights && file_exists(weights))
        buffer_puts(&hint, _(", beside model.safetensors; was it downloaded completely?"));
    if (hint.len == 0 && hf_other_weights(folder, &other))
        error_set(e, "%s: expected config.json and model.safetensors in this folder, found %s", folder, buffer_text(&other));
    else
        error_set(e, "%s: expected config.json in this folder, found none%s", folder, buffer_text(&hint));
    buffer_free(&hint);
    buffer_free(&other);
    free(weights);
    return -1;
}

/* A file that is no folder's part: GGUF by its first letters, whatever its name; what begins as another known format is none. */
static int fill_from_file(Model *m, const char *path, const char *tokenizer, Error *e)
{
    File file;
    if (file_open(&file, path, e) != 0)
        return -1;
    bool is_gguf = name_ends_with(path, ".gguf") || (file.size >= 4 && memcmp(file.data, "GGUF", 4) == 0);
    const char *format = is_gguf                         ? NULL
                         : name_ends_with(path, ".onnx") ? _("an ONNX file, which is not read")
                                                         : found_format(file.data, file.size);
    if (is_gguf)
        return gguf_open_file(m, file, path, tokenizer, e);
    file_close(&file);
    if (format)
        return error_set(e, "%s: expected a model's folder, a GGUF file (*.gguf) or a llama2.c checkpoint (*.bin), found %s", path, format);
    return llama2c_open(m, path, tokenizer, e);
}

static int fill_model(Model *m, const char *path, const char *tokenizer, Error *e)
{
    if (nanogpt_is(path))
        return nanogpt_open(m, path, tokenizer, e);
    if (!file_is_folder(path)) {
        if (name_ends_with(path, ".safetensors") || name_ends_with(path, ".json") || name_ends_with(path, ".txt"))
            return error_set(
                e, "%s: expected a model's folder, a GGUF file (*.gguf) or a llama2.c checkpoint (*.bin), found one file of a folder; try the folder", path);
        return fill_from_file(m, path, tokenizer, e);
    }
    if (!has_config(path))
        return no_config(path, e);
    if (hf_is_folder(path))
        return hf_open(m, path, tokenizer, e);
    m->summary = read_summary(path);
    return native_open(m, path, tokenizer, e);
}

static Model *open_path(const char *path, const char *tokenizer, Error *e)
{
    Model *m = calloc(1, sizeof *m);
    if (!m) {
        error_memory(e, path);
        return NULL;
    }
    int status = fill_model(m, path, tokenizer, e);
    m->name = name_of(path);
    m->path = strdup(path);
    if (!m->summary)
        m->summary = strdup("");
    if (status == 0)
        status = add_notes(m, vocab_notes(m->vocab), e);
    if (status == 0 && (!m->name || !m->path || !m->summary))
        status = error_memory(e, path);
    if (status == 0)
        return m;
    model_free(m);
    return NULL;
}

/* ---- finding ---- */

/* Copies of the names, because those that models_list gives do not stay. */
typedef struct Names {
    char *items[256];
    size_t count;
} Names;

static void keep_name(void *context, const char *name, const char *folder)
{
    Names *names = context;
    (void)folder;
    if (names->count < sizeof names->items / sizeof *names->items && (names->items[names->count] = strdup(name)))
        names->count++;
}

/* "openai-community/gpt2", as a hub calls it: nothing is fetched here. */
static bool is_hub_name(const char *name)
{
    const char *slash = strchr(name, '/');
    char *owner =
        slash && slash != name && slash[1] && !strchr(slash + 1, '/') && name[0] != '.' ? strndup(name, (size_t)(slash - name)) : NULL;
    bool is = owner && !file_exists(owner);
    free(owner);
    return is;
}

const char *models_nearest(const char *name, char hint[NEAREST_HINT])
{
    Names names = {.count = 0};
    Nearest near = nearest_to(name, strlen(name));
    models_list(keep_name, &names);
    for (size_t i = 0; i < names.count; i++)
        nearest_offer(&near, names.items[i]);
    if (!nearest_hint(&near, hint)[0])
        snprintf(hint, NEAREST_HINT, "%s", _("; 'stepformer models' lists the names"));
    for (size_t i = 0; i < names.count; i++)
        free(names.items[i]);
    return hint;
}

static void unknown_model(const char *name, Error *e)
{
    char hint[NEAREST_HINT];
    if (name[0] && access(name, F_OK) != 0 && errno != ENOENT && errno != ENOTDIR)
        error_set(e, "%s: cannot be opened: %s", name, strerror(errno));
    else if (is_hub_name(name))
        error_set(
            e, "%s: expected a model on this machine, found nothing of that name; try 'hf download %s --local-dir FOLDER', then -m FOLDER",
            name, name);
    else
        error_set(e, "%s: expected a model's name, a folder, a file *.gguf or *.bin or random:KEY=VALUE,…, found nothing of that name%s",
                  name[0] ? name : "\"\"", models_nearest(name, hint));
}

char *model_find(const char *name)
{
    bool is_path = name[0] && file_exists(name);
    char *found = NULL;
    bool is_place = strcmp(name, ".") == 0 || strcmp(name, "..") == 0;
    if (name[0] && !is_place && !strchr(name, '/') && !(is_path && (!file_is_folder(name) || has_config(name)))) {
        char *relative = file_join("tiny-models", name);
        found = relative ? data_find(relative) : NULL;
        free(relative);
    }
    if (!found && is_path)
        found = strdup(name);
    return found;
}

static char *find_model(const char *name, Error *e)
{
    char *found = model_find(name);
    if (!found)
        unknown_model(name, e);
    return found;
}

Model *model_open(const char *name, const char *tokenizer, Error *e)
{
    if (strncmp(name, "random:", strlen("random:")) == 0)
        return open_random(name, tokenizer, e);
    char *path = find_model(name, e);
    Model *m = path ? open_path(path, tokenizer, e) : NULL;
    free(path);
    return m;
}

Vocab *vocab_open(const char *name, Error *e)
{
    char *path = find_model(name, e);
    Vocab *v = NULL;
    if (path)
        v = file_is_folder(path) ? tokenizer_of_folder(path, e) : tokenizer_open(path, NULL, e);
    free(path);
    return v;
}

/* ---- copying ---- */

static Vocab *copy_vocab(const Model *m, const Config *c, Error *e)
{
    Buffer text = {0};
    Vocab *v = NULL;
    if (vocab_split(m->vocab) == SPLIT_TOKENIZER)
        return vocab_share(m->vocab);
    if (!vocab_has_text(m->vocab))
        return vocab_numbered(vocab_size(m->vocab), e);
    vocab_write(m->vocab, 0, &text);
    if (text.failed)
        error_memory(e, m->name);
    else if (vocab_split(m->vocab) == SPLIT_LLAMA2C)
        v = vocab_read_llama2c((const unsigned char *)buffer_text(&text), text.len, c->vocab_size, m->name, e);
    else
        v = vocab_read(buffer_text(&text), text.len, c, m->name, e);
    buffer_free(&text);
    return v;
}

static int copy_weights(Weights *to, const Model *m, const Config *c, Error *e)
{
    if (weights_layout(to, c, e) != 0 || weights_allocate(to, e) != 0)
        return -1;
    for (size_t i = 0; i < to->count; i++)
        weight_read(weights_values(to, i), &m->weights.items[i]);
    return 0;
}

Model *model_copy(const Model *m, Error *e)
{
    Model *copy = calloc(1, sizeof *copy);
    if (!copy) {
        error_memory(e, m->name);
        return NULL;
    }
    copy->untrained = m->untrained;
    copy->name = strdup(m->name ? m->name : "");
    copy->path = m->path ? strdup(m->path) : NULL;
    copy->summary = strdup(m->summary ? m->summary : "");
    bool whole = copy->name && copy->summary && (copy->path || !m->path);
    if (!whole)
        error_memory(e, "model");
    if (whole && config_copy(&copy->config, &m->config, e) == 0 && copy_weights(&copy->weights, m, &copy->config, e) == 0 &&
        (copy->vocab = copy_vocab(m, &copy->config, e)))
        return copy;
    model_free(copy);
    return NULL;
}
