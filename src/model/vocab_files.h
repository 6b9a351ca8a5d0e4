/* vocab_files.h - vocabularies from the files that Hugging Face's models come with.
 *
 * Owns which files belong together. pipeline.h reads them. */
#ifndef MODEL_VOCAB_FILES_H
#define MODEL_VOCAB_FILES_H

#include "model/config.h"
#include "model/vocab.h"

#include <jansson.h>

/* True where a folder has a tokenizer.json, a vocab.json, a translator's *.spm, or a tokenizer.model (which cannot be read, and is said).
 */
bool vocab_files_in(const char *folder);
/* True for a file of that kind, by its name: *.json, merges.txt, *.model, *.spm. */
bool vocab_is_file_of_theirs(const char *path);

/* The vocabulary of such a folder: tokenizer.json, else Marian's source.spm with target.spm and vocab.json, else vocab.json with merges.txt, else BERT's vocab.txt; special tokens come from c (where it is
 * not NULL), tokenizer_config.json, special_tokens_map.json and what is put around a text. c's vocab_size must have room for every id. NULL with e
 * set. */
Vocab *vocab_open_folder(const char *folder, const Config *c, Error *e);
/* The same of a tokenizer.json's text, alone. `file` names it in errors. */
Vocab *vocab_read_json(const char *text, size_t n, const Config *c, const char *file, Error *e);
/* The same where it is parsed already; both stay the caller's. */
Vocab *vocab_read_parsed(const json_t *root, const char *text, size_t n, const Config *c, const char *file, Error *e);
/* The same of one file; what is beside it is read too. */
Vocab *vocab_open_theirs(const char *path, const Config *c, Error *e);

#endif
