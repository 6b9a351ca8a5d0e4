/* model.h - a config, its weights and its vocabulary, from wherever they are.
 *
 * Owns all three. Formats are told apart here; each is read in a file of its own. */
#ifndef MODEL_MODEL_H
#define MODEL_MODEL_H

#include "model/config.h"
#include "model/nearest.h"
#include "model/vocab.h"
#include "model/weights.h"

typedef struct Model {
    Config config;
    Weights weights;
    Vocab *vocab;     /* never NULL */
    char *name;       /* what people call it: the folder's or file's name, or the random: text */
    char *path;       /* where it was found; NULL for random: */
    char *summary;    /* the one line its card (README.md) begins with after the title, or "" */
    char *notes;      /* what was found in its files that is not known here and may change the numbers, a line each; or NULL */
    bool untrained;   /* random weights: said wherever it is shown */
} Model;

/* Opens what -m names:
 *   random:KEY=VALUE,…   an untrained model of that config (`seed=N` for other weights)
 *   a folder             the native format: config.json, model.safetensors, vocab.txt or tokenizer.bin (optional);
 *                        or Hugging Face's, whose config.json has a model_type (hf.h);
 *                        or nanoGPT's or minGPT's (nanogpt.h), also its *.safetensors alone
 *   a file *.gguf        GGUF, of ggml and llama.cpp (gguf.h)
 *   a file *.bin         a llama2.c checkpoint; its tokenizer is `tokenizer`, or tok<vocab>.bin or
 *                        tokenizer.bin beside it
 *   a name               a folder of that name in the data folders' tiny-models (data_find)
 * tokenizer may be NULL; or a vocab.txt, or a llama2.c tokenizer (*.bin). NULL with e set where it cannot be opened. */
Model *model_open(const char *name, const char *tokenizer, Error *e);
void model_free(Model *m);

/* A copy with weights and vocabulary of its own. NULL with e set without memory. */
Model *model_copy(const Model *m, Error *e);

/* Writes the native format into folder (created; an existing one must be empty). A vocabulary of llama2.c's is
 * written as tokenizer.bin. What was written is taken away again after an error. */
int model_save(const Model *m, const char *folder, Error *e);

/* The vocabulary of what -m or --tokenizer names, without its weights: a folder with vocab.txt, tokenizer.bin or one
 * tok*.bin (its config.json, where there is one, gives special tokens and split; without it there are none, and the
 * split is longest-match), such a file itself, or a named model's folder. NULL with e set where there is none. */
Vocab *vocab_open(const char *name, Error *e);

/* Random weights of a config: normal, scaled as reference.py's init (1/sqrt(fan-in), every bias and gain
 * random too). At most RANDOM_MAX_WEIGHTS of them. */
#define RANDOM_MAX_WEIGHTS ((size_t)1 << 33)
Model *model_random(const Config *c, unsigned long seed, const char *name, Error *e);

/* The path of a data file or folder ("tiny-models/hand-wired", "lessons"): beside the program,
 * then $XDG_DATA_HOME/stepformer, each of $XDG_DATA_DIRS, and the installed place. The caller frees
 * it; NULL where it is nowhere. */
char *data_find(const char *relative);
/* All folders it is looked for in, in that order: a list that ends with NULL, given back with data_roots_free. NULL
 * without memory. */
char **data_roots(void);
void data_roots_free(char **roots);

/* The models that can be named: every folder with a config.json in the data folders' tiny-models, sorted, without repeats.
 * Calls `found` with name and folder. */
void models_list(void (*found)(void *context, const char *name, const char *folder), void *context);
/* The path that a model's name stands for: itself where it is one, else a named model's folder. The caller frees it; NULL where there is neither. */
char *model_find(const char *name);
/* What to try instead of a name that is none: "; nearest: …", or where the names are listed. Returns hint. */
const char *models_nearest(const char *name, char hint[NEAREST_HINT]);

#endif
