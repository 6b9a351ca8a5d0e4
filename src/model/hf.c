/* hf.c - a Hugging Face folder opened. */
#include "model/hf_internal.h"

#include "base/text.h"
#include "model/tokenizer.h"

#include <stdlib.h>
#include <string.h>

bool hf_is_folder(const char *folder)
{
    char *path = file_join(folder, "config.json");
    File file;
    bool is = false;
    if (path && file_exists(path) && file_open(&file, path, NULL) == 0) {
        json_t *root = file.size <= CONFIG_MAX_TEXT ? found_json(file.data, file.size, 0, path, NULL) : NULL;
        is = json_object_get(root, "model_type") || json_object_get(root, "architectures");
        json_decref(root);
        file_close(&file);
    }
    free(path);
    return is;
}

/* Where there is a generation_config.json, it and not config.json says which tokens begin and end. */
static int read_generation(Config *c, const char *folder, Buffer *notes, Error *e)
{
    char *path = file_join(folder, "generation_config.json");
    File file;
    int status = 0;
    if (path && file_exists(path) && (status = file_open(&file, path, e)) == 0) {
        char found[FOUND_MAX];
        json_t *root = NULL;
        if (file.size > CONFIG_MAX_TEXT)
            error_set(e, "%s: expected at most %d bytes, found %zu", path, CONFIG_MAX_TEXT, file.size);
        else if ((root = found_json(file.data, file.size, JSON_REJECT_DUPLICATES, path, e)) && !json_is_object(root))
            error_set(e, "%s: expected an object, found %s", path, found_describe(root, found));
        Fields f = {root, path, "", notes};
        status = json_is_object(root) ? 0 : -1;
        if (status == 0)
            status = c->kind == KIND_ENCODER_DECODER ? hf_read_translation(c, &f, e)
                                                     : fields_token(&f, "bos_token_id", c->vocab_size, &c->bos, e);
        if (status == 0)
            status = fields_ends(&f, "eos_token_id", c, e);
        if (status == 0)
            status = hf_read_generation(c, &f, e);
        json_decref(root);
        file_close(&file);
    }
    free(path);
    return status;
}

static int open_config(Model *m, const HfArchitecture **a, const char *folder, Buffer *notes, Error *e)
{
    char *path = file_join(folder, "config.json");
    File file;
    int status = path ? file_open(&file, path, e) : error_memory(e, folder);
    if (status == 0) {
        status = hf_read_config(&m->config, a, (const char *)file.data, file.size, path, notes, e);
        file_close(&file);
    }
    free(path);
    return status == 0 ? read_generation(&m->config, folder, notes, e) : -1;
}

/* The tokenizer that is given, or that the folder has; without one that is read there are ids only. */
static int open_vocab(Model *m, const char *folder, const char *tokenizer, Buffer *notes, Error *e)
{
    static const char *const theirs[] = {"tokenizer.json", "source.spm", "target.spm", "vocab.json", "merges.txt", "vocab.txt", NULL};
    static const char *const unread[] = {"tokenizer.model", NULL};
    char *found = tokenizer ? NULL : tokenizer_beside(folder, theirs);
    char *other = tokenizer || found ? NULL : tokenizer_beside(folder, unread);
    if (other)
        buffer_printf(notes,
                      _("%s: SentencePiece's own file, which is not read: texts are given as ids; try --tokenizer with a tokenizer.json\n"),
                      other);
    free(other);
    m->vocab = tokenizer_for(&m->config, tokenizer ? tokenizer : found ? folder : NULL, folder, e);
    free(found);
    return m->vocab ? 0 : -1;
}

/* "Hugging Face gpt2, 124 million numbers as F32" */
static char *summarise(const Model *m, const HfArchitecture *a)
{
    Buffer text = {0};
    double n = (double)m->weights.total;
    const char *format = dtype_name(m->weights.items[0].values.dtype);
    if (n >= 1e6)
        buffer_printf(&text, _("Hugging Face %s, %.4g million numbers as %s"), a->model_type, n / 1e6, format);
    else
        buffer_printf(&text, ngettext("Hugging Face %s, %zu number as %s", "Hugging Face %s, %zu numbers as %s", m->weights.total),
                      a->model_type, m->weights.total, format);
    char *summary = text.failed ? NULL : strdup(buffer_text(&text));
    buffer_free(&text);
    return summary;
}

int hf_open(Model *m, const char *folder, const char *tokenizer, Error *e)
{
    const HfArchitecture *a = NULL;
    HfFiles files = {0};
    Buffer notes = {0};
    int status = open_config(m, &a, folder, &notes, e);
    if (status == 0)
        status = hf_files_open(&files, folder, e);
    if (status == 0)
        status = hf_weights(&m->weights, &m->config, a, &files, false, &notes, e);
    hf_files_close(&files);
    if (status == 0)
        status = open_vocab(m, folder, tokenizer, &notes, e);
    if (status == 0) {
        free(m->summary);
        m->summary = summarise(m, a);
        m->notes = strdup(buffer_text(&notes));
        status = m->summary && m->notes && !notes.failed ? 0 : error_memory(e, folder);
    }
    buffer_free(&notes);
    return status;
}
