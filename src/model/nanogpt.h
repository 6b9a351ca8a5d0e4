/* nanogpt.h - weights of nanoGPT and minGPT, saved as safetensors.
 * https://github.com/karpathy/nanoGPT/blob/master/model.py, https://github.com/karpathy/minGPT/blob/master/mingpt/model.py
 *
 * Owns what their state dicts and their config.json mean: GPT-2's names, but nn.Linear's [outputs, inputs]. Knows nothing of their
 * checkpoints in Python's own format. */
#ifndef MODEL_NANOGPT_H
#define MODEL_NANOGPT_H

#include "model/model.h"

/* True for a safetensors file with these tensors, or a folder with such a model.safetensors and no config.json, or one that has a
 * block_size. */
bool nanogpt_is(const char *path);

/* Opens it into m, which is zero. After an error model_free takes what there is. */
int nanogpt_open(Model *m, const char *path, const char *tokenizer, Error *e);

#endif
