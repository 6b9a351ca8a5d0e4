/* tokenizer.h - a vocabulary from its file.
 *
 * Owns which file that is. Knows the formats by name only: vocab.h reads them. */
#ifndef MODEL_TOKENIZER_H
#define MODEL_TOKENIZER_H

#include "model/config.h"
#include "model/vocab.h"

/* Reads a vocabulary from a file: llama2.c's where its name ends in .bin, Hugging Face's where it ends in .json or is merges.txt (vocab_files.h),
 * else vocab.txt; from a folder: what it has of these. c gives size, special
 * tokens and split; NULL: as many tokens as the file has, no special ones, longest-match. */
Vocab *tokenizer_open(const char *path, const Config *c, Error *e);

/* The path of the first of these names (ended by NULL) that is in the folder; NULL where none is. The caller frees it. */
char *tokenizer_beside(const char *folder, const char *const *names);

/* The vocabulary of a model: from the file at path, or numbers where path is NULL. Takes its special tokens and its
 * split over into c. `file` names the config in errors. */
Vocab *tokenizer_for(Config *c, const char *path, const char *file, Error *e);

/* The vocabulary of a folder, which may have no config.json and no weights. */
Vocab *tokenizer_of_folder(const char *folder, Error *e);

#endif
