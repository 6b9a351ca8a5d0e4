/* tokenizer.c - finds and opens the file that holds a vocabulary. */
#include "model/tokenizer.h"

#include "base/file.h"
#include "model/gguf.h"
#include "model/hf.h"
#include "model/native.h"
#include "model/nearest.h"
#include "model/vocab_files.h"

#include <dirent.h>
#include <stdlib.h>
#include <string.h>

static size_t count_lines(const File *file)
{
    size_t lines = file->size && file->data[file->size - 1] != '\n';
    for (size_t i = 0; i < file->size; i++)
        lines += file->data[i] == '\n';
    return lines;
}

static Vocab *read_text(const File *file, const Config *c, const char *path, Error *e)
{
    if (c)
        return vocab_read((const char *)file->data, file->size, c, path, e);
    Config alone = config_default();
    alone.split = SPLIT_LONGEST_MATCH;
    alone.vocab_size = count_lines(file);
    if (alone.vocab_size == 0 || alone.vocab_size > CONFIG_MAX_SIZE) {
        error_set(e, "%s: expected from 1 to %d lines, found %zu", path, CONFIG_MAX_SIZE, alone.vocab_size);
        return NULL;
    }
    return vocab_read((const char *)file->data, file->size, &alone, path, e);
}

Vocab *tokenizer_open(const char *path, const Config *c, Error *e)
{
    File file;
    if (file_is_folder(path))
        return vocab_files_in(path) || c ? vocab_open_folder(path, c, e) : tokenizer_of_folder(path, e);
    if (vocab_is_file_of_theirs(path))
        return vocab_open_theirs(path, c, e);
    if (name_ends_with(path, ".gguf"))
        return gguf_open_vocab(path, c, e);
    if (file_open(&file, path, e) != 0)
        return NULL;
    Vocab *v = name_ends_with(path, ".bin") ? vocab_read_llama2c(file.data, file.size, c ? c->vocab_size : 0, path, e)
                                            : read_text(&file, c, path, e);
    file_close(&file);
    return v;
}

char *tokenizer_beside(const char *folder, const char *const *names)
{
    for (; *names; names++) {
        char *path = file_join(folder, *names);
        if (!path || file_exists(path))
            return path;
        free(path);
    }
    return NULL;
}

/* Without a vocabulary, a special token must be an id. */
static int check_texts(const Config *c, const char *file, Error *e)
{
    for (int i = 0; i < TOKEN_COUNT; i++)
        if (c->token_texts[i])
            return error_set(e, "%s: tokens.%s: expected an id, because there is no vocab.txt to look a text up in, found a text", file,
                             config_token_name((SpecialToken)i));
    return 0;
}

Vocab *tokenizer_for(Config *c, const char *path, const char *file, Error *e)
{
    bool is_text = path && !name_ends_with(path, ".bin") && !file_is_folder(path) && !vocab_is_file_of_theirs(path) &&
                   !name_ends_with(path, ".gguf");
    if (!is_text && check_texts(c, file, e) != 0)
        return NULL;
    Vocab *v = path ? tokenizer_open(path, c, e) : vocab_numbered(c->vocab_size, e);
    if (v)
        tokenizer_tell(c, v);
    return v;
}

void tokenizer_tell(Config *c, const Vocab *v)
{
    if (!vocab_has_text(v))
        return;
    c->split = vocab_split(v);
    for (int i = 0; i < TOKEN_COUNT; i++) {
        SpecialToken which = (SpecialToken)i;
        if (vocab_special(v, which) >= 0)
            *config_token(c, which) = vocab_special(v, which);
        free(c->token_texts[i]);
        c->token_texts[i] = NULL;
    }
}

/* ---- a folder ---- */

/* The only tok*.bin of a folder, as llama2.c names them, or NULL. */
static char *only_tokenizer(const char *folder)
{
    DIR *dir = opendir(folder);
    char *path = NULL;
    int count = 0;
    if (!dir)
        return NULL;
    for (struct dirent *entry; (entry = readdir(dir));)
        if (strncmp(entry->d_name, "tok", 3) == 0 && name_ends_with(entry->d_name, ".bin") && count++ == 0)
            path = file_join(folder, entry->d_name);
    closedir(dir);
    if (count == 1)
        return path;
    free(path);
    return NULL;
}

Vocab *tokenizer_of_folder(const char *folder, Error *e)
{
    static const char *const names[] = {"vocab.txt", "tokenizer.bin", NULL};
    if (vocab_files_in(folder) || hf_is_folder(folder))
        return vocab_open_folder(folder, NULL, e);
    char *path = tokenizer_beside(folder, names), *config = file_join(folder, "config.json");
    Vocab *v = NULL;
    Config c;
    if (!config)
        error_memory(e, folder);
    else if (file_exists(config)) {
        if (native_config(&c, folder, e) == 0) {
            v = tokenizer_for(&c, path, config, e);
            config_free(&c);
        }
    } else {
        if (!path)
            path = only_tokenizer(folder);
        if (path)
            v = tokenizer_open(path, NULL, e);
        else
            error_set(e, "%s: expected tokenizer.json, vocab.txt, tokenizer.bin or config.json in this folder, found none", folder);
    }
    free(config);
    free(path);
    return v;
}
