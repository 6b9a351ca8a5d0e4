/* hf_internal.h - what the files hf*.c share: an architecture, a config's fields, the files of a folder. */
#ifndef MODEL_HF_INTERNAL_H
#define MODEL_HF_INTERNAL_H

#include "model/found.h"
#include "model/hf.h"
#include "model/safetensors.h"

/* ---- config.json's fields (hf_fields.c) ---- */

/* The fields of a config.json that nobody has read yet. */
typedef struct Fields {
    json_t *left; /* an object; what is read is taken out */
    const char *file;
    const char *path; /* "rope_scaling." where the object is one of another's fields, or "" */
    Buffer *notes;
} Fields;

/* Each takes the field `name` out and gives its value; where it is not there, or null, *to stays as it is. An error where its type or range
 * is another. */
int fields_size(Fields *f, const char *name, size_t least, size_t most, size_t *to, Error *e);
int fields_number(Fields *f, const char *name, double *to, Error *e);
int fields_bool(Fields *f, const char *name, bool *to, Error *e);
/* The text stays the object's. */
int fields_text(Fields *f, const char *name, const char **to, Error *e);
/* True where the field is there and not null. */
bool fields_has(const Fields *f, const char *name);
/* An id below vocab_size; one that is out of range counts as none, and that is said. */
int fields_token(Fields *f, const char *name, size_t vocab_size, int *to, Error *e);
/* An id or an array of them, at each of which a generated text ends: c->eos is the one it is already, or the first; the others are c->ends. */
int fields_ends(Fields *f, const char *name, Config *c, Error *e);
/* An error unless the field is not there, null, or this value. `why` says what another value would mean. */
int fields_refuse_unless(Fields *f, const char *name, bool value, const char *why, Error *e);
/* Takes the named fields out unread (a list that ends with NULL): they change no number of a pass. */
void fields_ignore(Fields *f, const char *const *names);
/* Ignores what is known to be harmless in every architecture, and says what is left. */
void fields_finish(Fields *f);

/* ---- architectures (hf_architectures.c) ---- */

/* Which columns of a fused projection a weight is: all queries, keys and values one behind the other, or (HEADS) head by head, each with
 * its query, key and value. ONE_ROW: a vector that is a matrix of one row there. */
typedef enum { HF_WHOLE, HF_ONE_ROW, HF_FUSED_Q, HF_FUSED_K, HF_FUSED_V, HF_HEADS_Q, HF_HEADS_K, HF_HEADS_V } HfPart;

/* Where one of our weights lies. Several rows in turn may name one weight: the first that the files have is taken. */
typedef struct HfTensor {
    const char *ours;   /* behind "decoder.embed." …: the whole name, or with %zu for the layer */
    const char *theirs; /* behind the prefix; with %zu for the layer */
    Layout layout;      /* PLAIN: [inputs, outputs], as ours; TRANSPOSED: [outputs, inputs], as nn.Linear has it */
    HfPart part;
    bool bare; /* never has the prefix: the output head */
} HfTensor;

typedef struct HfArchitecture {
    const char *model_type;
    int (*read)(Config *c, Fields *f, Error *e); /* fills c, whose defaults are set */
    const HfTensor *tensors;                     /* ends with a row without a name */
    const char *prefix;                          /* in front of their names, or not: "transformer." */
    const char *const *unused;                   /* ends of tensors' names that no pass reads; ends with NULL */
    const char *told_by;                         /* what says the shapes, for errors: "config.json" */
    const char *whole;                           /* the class that saves all of it, where others leave the output out; or NULL */
} HfArchitecture;

/* Ends with a row without a model_type. */
extern const HfArchitecture hf_architectures[];
/* The architecture of that model_type, or NULL with e set. */
const HfArchitecture *hf_find_architecture(const char *model_type, const char *file, Error *e);

int hf_read_gpt2(Config *c, Fields *f, Error *e);
int hf_read_llama(Config *c, Fields *f, Error *e);
int hf_read_mistral(Config *c, Fields *f, Error *e);
int hf_read_qwen2(Config *c, Fields *f, Error *e);
int hf_read_qwen3(Config *c, Fields *f, Error *e);
int hf_read_gpt_neox(Config *c, Fields *f, Error *e);
int hf_read_bert(Config *c, Fields *f, Error *e);
int hf_read_marian(Config *c, Fields *f, Error *e); /* hf_marian.c */
/* What a translator begins with, and which token it never writes: from config.json or generation_config.json. */
int hf_read_translation(Config *c, Fields *f, Error *e);
/* Says what the library's generate() would do besides, by either file, and ours does not: beams, and punishing what was there already. */
int hf_read_generation(const Config *c, Fields *f, Error *e);

/* rope_theta, and rope_scaling or rope_parameters (hf_rope.c). rotated: gets the part of each head that is turned; NULL: only 1 will do. */
int hf_read_rope(Config *c, Fields *f, double *rotated, Error *e);

/* The activation of that name; `usual` where the field is not there. */
int hf_read_activation(Config *c, Fields *f, const char *name, const char *usual, Error *e);

/* Reads config.json as hf_config_read does; *a gets the architecture. */
int hf_read_config(Config *c, const HfArchitecture **a, const char *text, size_t n, const char *file, Buffer *notes, Error *e);

/* ---- files (hf_files.c) ---- */

/* The safetensors files of a folder. */
typedef struct HfFiles {
    SafeTensors *shards;
    size_t count;
    char *folder;
} HfFiles;

/* Opens model.safetensors, or the shards of model.safetensors.index.json, whose list must be exactly what they hold. */
int hf_files_open(HfFiles *f, const char *folder, Error *e);
void hf_files_close(HfFiles *f);
/* What a folder has instead of safetensors files, with what to try: "pytorch_model.bin: PyTorch's, which is not read; …"; false where
 * nothing is known. */
bool hf_other_weights(const char *folder, Buffer *out);
/* The tensor of that name, and in *shard which file it is in; NULL where there is none. */
const SafeTensor *hf_files_find(const HfFiles *f, const char *name, size_t *shard);

/* ---- weights (hf_weights.c) ---- */

/* Points the weights that c implies into the files, which w takes over. A norm's bias that is not there is zeros where zero_bias says so. An
 * output head that is there though c ties it is said in notes where it is another matrix. */
int hf_weights(Weights *w, const Config *c, const HfArchitecture *a, HfFiles *f, bool zero_bias, Buffer *notes, Error *e);

#endif
