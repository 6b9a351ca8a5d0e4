/* llama2c.h - checkpoints of llama2.c. https://github.com/karpathy/llama2.c
 *
 * Owns the order of the numbers in such a file. Knows nothing of its tokenizer's format. */
#ifndef MODEL_LLAMA2C_H
#define MODEL_LLAMA2C_H

#include "model/model.h"

/* Reads a checkpoint's bytes: its header into c; w's values are views of the bytes, which must outlive them. `file` names it in errors. */
int llama2c_read(Config *c, Weights *w, const unsigned char *bytes, size_t n, const char *file, Error *e);
/* Opens a checkpoint into m, which is zero. Its tokenizer is `tokenizer`, or where that is NULL tok<vocab>.bin or
 * tokenizer.bin beside it, or numbers. After an error model_free takes what there is. */
int llama2c_open(Model *m, const char *path, const char *tokenizer, Error *e);

#endif
