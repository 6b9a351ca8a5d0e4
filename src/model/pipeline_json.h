/* pipeline_json.h - between the files that read a tokenizer.json: an object of it, with its place for errors, and its fields. */
#ifndef MODEL_PIPELINE_JSON_H
#define MODEL_PIPELINE_JSON_H

#include "model/found.h"
#include "model/pipeline.h"

enum { NODE_PATH = 200, NODE_PLACE = 480, TOKENIZER_MAX_TOKEN = 1 << 16 /* bytes of one token */, TOKENIZER_MAX_ADDED = 1 << 16 };

/* A value of the file, "FILE: pre_tokenizer.pretokenizers.0". */
typedef struct Node {
    const json_t *json;
    const char *file;
    char path[NODE_PATH];
    Buffer *notes;
} Node;

/* "FILE: PATH", for an error's beginning. Returns out. */
const char *node_place(const Node *n, char out[NODE_PLACE]);
/* An element of an object or of an array; its json may be NULL. */
Node node_field(const Node *n, const char *name);
Node node_item(const Node *n, size_t i);
/* True for a field that is there and not null. */
bool node_has(const Node *n, const char *name);
/* Each leaves *to as it is where the field is not there or null; -1 with e set where it is something else. */
int node_bool(const Node *n, const char *name, bool *to, Error *e);
int node_text(const Node *n, const char *name, const char **to, size_t *len, Error *e);
int node_count(const Node *n, const char *name, size_t most, size_t *to, Error *e);
/* "expected E, found …" at this node; returns -1. */
int node_expected(const Node *n, const char *what, Error *e);
/* The type that the object says it is; NULL with e set where there is none. */
const char *node_type(const Node *n, const char *what, Error *e);
/* The type is none of those that are known, which are listed. */
int node_refuse(const Node *n, const char *type, const char *known, Error *e);
/* A note for every field that is not in this list (ended by NULL). "type" is always known. */
void node_finish(const Node *n, const char *const *known);
void node_note(const Node *n, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* pipeline_read() of a text that is parsed already; both stay the caller's. The text may be NULL: what it would be is kept in another form. */
Pipeline *pipeline_read_parsed(const json_t *root, const char *text, size_t n, const char *file, Error *e);

/* The parts; each a null or an object. */
int read_normalizer(const Node *n, Rules *out, int depth, Error *e);
int read_pre_tokenizer(const Node *n, Rules *out, int depth, Error *e);
int read_model(const Node *n, Pipeline *p, Error *e);
int read_post_processor(const Node *n, Pipeline *p, int depth, Error *e);
int read_decoder(const Node *n, Pipeline *p, int depth, Error *e);

/* Adds one; takes its pattern and text, also where it fails. */
int decoders_add(Pipeline *p, Decoder d, Error *e);

enum { JSON_MAX_DEPTH = 16 }; /* of sequences in sequences */

#endif
