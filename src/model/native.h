/* native.h - stepformer's own format: a folder with config.json, model.safetensors and vocab.txt.
 *
 * Owns what is in the folder. Knows no other format. */
#ifndef MODEL_NATIVE_H
#define MODEL_NATIVE_H

#include "model/model.h"
#include "model/safetensors.h"

/* Reads folder/config.json. */
int native_config(Config *c, const char *folder, Error *e);
/* Fills w with what c implies from s: each tensor there with its shape, and no other. Values stay in the file where
 * they can (w takes the file over), else they are converted. */
int native_weights(Weights *w, const Config *c, SafeTensors *s, Error *e);
/* Opens a folder into m, which is zero. After an error model_free takes what there is. */
int native_open(Model *m, const char *folder, const char *tokenizer, Error *e);

#endif
