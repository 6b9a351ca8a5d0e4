/* hf.h - model folders as Hugging Face's save_pretrained writes them: config.json, model.safetensors or shards with
 * model.safetensors.index.json.
 *
 * Owns which architectures are known and how each one's config and tensors become ours. Weights are read where they lie in the mapped
 * files: opening reads their headers only. Knows nothing of the native format.
 *
 * To add an architecture: a row in hf_architectures (hf_architectures.c), the function that reads its config (hf_config.c), the list of its
 * tensors (hf_architectures.c), and a folder in tests/hf. */
#ifndef MODEL_HF_H
#define MODEL_HF_H

#include "model/model.h"

/* True where the folder's config.json is one of Hugging Face's: it has a model_type or architectures. */
bool hf_is_folder(const char *folder);

/* Opens a folder into m, which is zero. After an error model_free takes what there is. What was found there that may change the numbers and
 * is not known here goes into m->notes. */
int hf_open(Model *m, const char *folder, const char *tokenizer, Error *e);

/* Reads config.json's text into c (to be given back with config_free); `file` names it in errors. notes gets a line for each field that is
 * not known. */
int hf_config_read(Config *c, const char *text, size_t n, const char *file, Buffer *notes, Error *e);

#endif
