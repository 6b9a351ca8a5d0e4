/* gguf.h - GGUF, the files of ggml and llama.cpp: metadata, a tokenizer and tensors in one file, versions 2 and 3.
 * https://github.com/ggml-org/ggml/blob/master/docs/gguf.md
 *
 * Owns what its keys and tensors mean. Weights are read where they lie in the mapped file, quantised ones too: each number is computed from
 * its block (tensor/dtype.h) whenever it is read. Formats that dtype.h does not have are refused by name. Trusts no length in the file.
 *
 * To add an architecture: a row in architectures (gguf_config.c), the function that reads its keys, the list of its tensors, and a file in
 * tests/gguf. */
#ifndef MODEL_GGUF_H
#define MODEL_GGUF_H

#include "model/model.h"

/* Opens a file that is in memory already, which it takes over, into m, which is zero; of a model that gguf-split made parts of, the first,
 * whose others lie beside it. After an error model_free takes what there is. */
int gguf_open_file(Model *m, File file, const char *path, const char *tokenizer, Error *e);

/* The tokenizer of such a file, alone, for a model of config c (NULL: as many tokens as there are). NULL with e set where it has none. */
Vocab *gguf_open_vocab(const char *path, const Config *c, Error *e);

#endif
