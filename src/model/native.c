/* native.c - reads and writes stepformer's own format. */
#include "model/native.h"

#include "model/nearest.h"
#include "model/tokenizer.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* ---- config.json ---- */

int native_config(Config *c, const char *folder, Error *e)
{
    char *path = file_join(folder, "config.json");
    File file;
    int status = -1;
    if (!path)
        return error_memory(e, folder);
    if (file_open(&file, path, e) == 0) {
        status = config_read(c, (const char *)file.data, file.size, path, e);
        file_close(&file);
    }
    free(path);
    return status;
}

/* ---- model.safetensors ---- */

static int missing_tensor(const Weight *w, const SafeTensors *s, Error *e)
{
    char hint[NEAREST_HINT];
    Nearest near = nearest_to(w->name, strlen(w->name));
    for (size_t i = 0; i < s->count; i++)
        nearest_offer(&near, s->items[i].name);
    return error_set(e, "%s: %s: expected a tensor of this name, found none%s", s->path, w->name, nearest_hint(&near, hint));
}

static int extra_tensor(const SafeTensor *t, const Weights *w, const char *path, Error *e)
{
    char hint[NEAREST_HINT], quoted[QUOTE_SHORT];
    Nearest near = nearest_to(t->name, strlen(t->name));
    for (size_t i = 0; i < w->count; i++)
        nearest_offer(&near, w->items[i].name);
    return error_set(e, "%s: %s: expected only the %zu tensors that config.json implies, found this one too%s", path,
                     quote_short(t->name, strlen(t->name), quoted), w->count, nearest_hint(&near, hint));
}

/* The tensor of weight w, checked; or NULL. */
static const SafeTensor *checked_tensor(const Weight *w, const SafeTensors *s, Error *e)
{
    const SafeTensor *t = safetensors_find(s, w->name);
    if (!t) {
        missing_tensor(w, s, e);
        return NULL;
    }
    bool same = t->rank == w->rank;
    for (int i = 0; same && i < t->rank; i++)
        same = t->shape[i] == w->shape[i];
    if (!same) {
        Buffer expected = {0}, found = {0};
        safetensors_add_shape(&expected, w->shape, w->rank);
        safetensors_add_shape(&found, t->shape, t->rank);
        error_set(e, "%s: %s: expected shape %s, as config.json implies, found %s", s->path, w->name, buffer_text(&expected),
                  buffer_text(&found));
        buffer_free(&expected);
        buffer_free(&found);
        return NULL;
    }
    if (t->dtype == DTYPE_OTHER) {
        error_set(e, "%s: %s: expected F32, F64, F16 or BF16, found %s", s->path, w->name, t->dtype_name);
        return NULL;
    }
    return t;
}

static int fill_weights(Weights *w, SafeTensors *s, Error *e)
{
    for (size_t i = 0; i < w->count; i++) {
        const SafeTensor *t = checked_tensor(&w->items[i], s, e);
        if (!t)
            return -1;
        w->items[i].values = safetensors_matrix(t);
    }
    for (size_t i = 0; i < s->count; i++)
        if (weights_find(w, s->items[i].name) < 0)
            return extra_tensor(&s->items[i], w, s->path, e);
    return weights_keep_file(w, &s->file, e) == 0 ? 0 : error_prefix(e, "%s", s->path);
}

int native_weights(Weights *w, const Config *c, SafeTensors *s, Error *e)
{
    if (weights_layout(w, c, e) != 0)
        return error_prefix(e, "%s", s->path);
    if (fill_weights(w, s, e) == 0)
        return 0;
    weights_free(w);
    return -1;
}

/* ---- the folder ---- */

int native_open(Model *m, const char *folder, const char *tokenizer, Error *e)
{
    if (native_config(&m->config, folder, e) != 0)
        return -1;
    static const char *const names[] = {"vocab.txt", "tokenizer.bin", "tokenizer.json", "source.spm", NULL};
    char *config = file_join(folder, "config.json"), *path = file_join(folder, "model.safetensors");
    char *found = tokenizer ? NULL : tokenizer_beside(folder, names);
    SafeTensors s;
    int status = -1;
    if (!config || !path)
        error_memory(e, folder);
    else if (safetensors_open(&s, path, e) == 0) {
        status = native_weights(&m->weights, &m->config, &s, e);
        safetensors_close(&s);
    }
    if (status == 0) {
        m->vocab = tokenizer_for(&m->config, tokenizer ? tokenizer : found, config, e);
        status = m->vocab ? 0 : -1;
    }
    free(config);
    free(path);
    free(found);
    return status;
}

/* ---- writing ---- */

static int save_weights(const Model *m, const char *path, Error *e)
{
    SafeOut *items = calloc(m->weights.count + 1, sizeof *items);
    if (!items)
        return error_memory(e, path);
    for (size_t i = 0; i < m->weights.count; i++) {
        const Weight *w = &m->weights.items[i];
        items[i] = (SafeOut){w->name, w->rank, w->shape, NULL, w->values};
    }
    int status = safetensors_write(path, items, m->weights.count, e);
    free(items);
    return status;
}

static int save_text(const Buffer *text, const char *path, Error *e)
{
    return text->failed ? error_memory(e, path) : file_write(path, text->data, text->len, e);
}

enum { SAVED_CONFIG, SAVED_WEIGHTS, SAVED_VOCAB }; /* the last: the first of its files */

static const char *saved_name(const Model *m, size_t which)
{
    return which == SAVED_CONFIG ? "config.json" : which == SAVED_WEIGHTS ? "model.safetensors" : vocab_files(m->vocab)[which - SAVED_VOCAB];
}

static int save_file(const Model *m, size_t which, const char *path, Error *e)
{
    Buffer text = {0};
    if (which == SAVED_WEIGHTS)
        return save_weights(m, path, e);
    if (which == SAVED_CONFIG)
        config_write(&m->config, &text);
    else
        vocab_write(m->vocab, which - SAVED_VOCAB, &text);
    int status = save_text(&text, path, e);
    buffer_free(&text);
    return status;
}

static bool is_empty_folder(const char *folder)
{
    DIR *dir = opendir(folder);
    bool empty = dir != NULL;
    if (!dir)
        return false;
    for (struct dirent *entry; empty && (entry = readdir(dir));)
        empty = strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0;
    closedir(dir);
    return empty;
}

int model_save(const Model *m, const char *folder, Error *e)
{
    bool created = mkdir(folder, 0777) == 0;
    if (!created && errno != EEXIST)
        return error_set(e, "%s: cannot be created: %s", folder, strerror(errno));
    if (!created && !is_empty_folder(folder))
        return error_set(e, "%s: expected a new or an empty folder, found something there; try another name", folder);
    int status = 0;
    size_t saved = 0;
    for (const char *name; status == 0 && (name = saved_name(m, saved));) {
        char *path = file_join(folder, name);
        status = path ? save_file(m, saved, path, e) : error_memory(e, folder);
        saved += status == 0;
        free(path);
    }
    if (status == 0)
        return 0;
    while (saved-- > 0) {
        char *path = file_join(folder, saved_name(m, saved));
        if (path)
            unlink(path);
        free(path);
    }
    if (created)
        rmdir(folder);
    return -1;
}
