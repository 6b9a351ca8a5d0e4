/* gguf_internal.h - what the files gguf*.c share: one file's header. */
#ifndef MODEL_GGUF_INTERNAL_H
#define MODEL_GGUF_INTERNAL_H

#include "model/gguf.h"
#include "model/hf_internal.h"

#include <stdint.h>

enum {
    GGUF_MAX_KEY = 1 << 16, /* bytes of a key or of a tensor's name */
    GGUF_MAX_KEYS = 1 << 12,
    GGUF_MAX_TENSORS = 1 << 17
};

typedef enum GgufType {
    GGUF_U8,
    GGUF_I8,
    GGUF_U16,
    GGUF_I16,
    GGUF_U32,
    GGUF_I32,
    GGUF_F32,
    GGUF_BOOL,
    GGUF_STRING,
    GGUF_ARRAY,
    GGUF_U64,
    GGUF_I64,
    GGUF_F64,
    GGUF_TYPE_COUNT
} GgufType;

/* A text of the file, without a NUL behind it. */
typedef struct GgufText {
    const char *at;
    size_t n;
} GgufText;

/* A key with its value. */
typedef struct GgufPair {
    GgufText key;
    GgufType type; /* of the value, or of an array's elements */
    bool is_array;
    size_t count;               /* elements; 1 where it is no array */
    const unsigned char *bytes; /* the first of them, inside the file */
} GgufPair;

typedef struct Gguf {
    GgufPair *pairs;
    size_t pair_count;
    uint32_t version;
    HfFiles files;    /* the tensors, as those of one shard */
    const char *path; /* the caller's */
} Gguf;

/* Reads the header of a file, which it takes over, also where it fails: every length is checked against what is left. */
int gguf_read(Gguf *g, File file, const char *path, Error *e);
void gguf_close(Gguf *g);

/* The value of a key, or NULL. */
const GgufPair *gguf_find(const Gguf *g, const char *key);
/* An element of a number type (a bool is 0 or 1); an integer beyond 2^53 is rounded. */
double gguf_number(const GgufPair *p, size_t i);
/* The text that begins at *at, an element of an array of texts; moves *at to the next one. */
GgufText gguf_next_text(const unsigned char **at);
/* A scalar as text, integer or bool; false where the key is not there or is of another type. */
bool gguf_text(const Gguf *g, const char *key, GgufText *to);
bool gguf_integer(const Gguf *g, const char *key, int64_t *to);
bool gguf_bool(const Gguf *g, const char *key, bool *to);

/* The values of the keys that begin with `prefix`, by what is behind it, as an object of JSON: to be read with fields_*. An array whose
 * numbers are all the same is that number. NULL with e set. */
json_t *gguf_object(const Gguf *g, const char *prefix, Error *e);

/* The config and the architecture's list of tensors. notes gets what is not known. */
int gguf_config(Config *c, const HfArchitecture **a, const Gguf *g, Buffer *notes, Error *e);

/* The tokenizer of the file; numbers where it has none or one that is not read, which notes says. */
Vocab *gguf_vocab(const Gguf *g, const Config *c, Buffer *notes, Error *e);

#endif
