/* vocab_table.h - the inside of a Vocab, for the files that build one and encode with it.
 *
 * Owns the struct. Outside src/model/vocab*.c, vocab.h is what there is. */
#ifndef MODEL_VOCAB_TABLE_H
#define MODEL_VOCAB_TABLE_H

#include "model/pipeline.h"
#include "model/vocab.h"

typedef struct VocabEntry {
    const char *text;
    size_t len;
    int id;
} VocabEntry;

typedef struct MadeText MadeText;

struct Vocab {
    size_t size;
    Buffer pool;        /* every token's bytes, each followed by a NUL */
    size_t *starts;     /* [size + 1] where each token begins in the pool */
    MadeText **made;    /* in the place of both, for a tokenizer.json or numbers: the texts that were asked for, in short lists; else NULL */
    VocabEntry *sorted; /* [sorted_count] by text, then by id, once somebody asks: vocab_sorted(). Ids without a token are left out */
    size_t sorted_count;
    bool is_sorted;
    Pipeline *pipeline; /* of a tokenizer.json: what cuts a text; owned; or NULL */
    Pipeline *translation; /* of a translator whose two languages are cut in two ways: what cuts a decoder's text; owned; or NULL */
    size_t owners;      /* besides the first, see vocab_share */
    float *scores;      /* [size] of llama2.c's merges, or NULL */
    size_t longest;     /* bytes of the longest token */
    SplitKind split;
    bool has_text, encoder_only;
    int special[TOKEN_COUNT];
};

/* A Vocab for `size` tokens, none added yet; NULL without memory. */
Vocab *vocab_begin(size_t size);
/* The same for tokens as a pipeline shows them, or without one (NULL) as numbers, "#17"; with room for the sorted entries. Takes the pipeline, also where
 * it fails, with e set. */
Vocab *vocab_begin_made(size_t size, Pipeline *p, const char *file, Error *e);
/* Adds token `id`, which must be the number of those added so far. */
void vocab_add(Vocab *v, size_t id, const char *text, size_t n);
/* Makes room for the sorted entries, once all are added. -1 without memory. */
int vocab_index(Vocab *v, const char *file, Error *e);
/* The entries, sorted. Not before they are needed: to sort a large vocabulary takes longer than to show a first screen. */
const VocabEntry *vocab_sorted(const Vocab *v);

size_t vocab_token_len(const Vocab *v, int id);
/* The smallest id of the token that is exactly these n bytes, or -1. */
int vocab_lookup(const Vocab *v, const char *text, size_t n);
/* The longest token that the n bytes at text begin with and `allowed` lets pass: its id, its length in
 * *len; -1 where there is none. */
int vocab_longest(const Vocab *v, const char *text, size_t n, bool (*allowed)(const Vocab *v, int id), size_t *len);

/* What vocab_encode, vocab_decode and vocab_write do for a vocabulary of llama2.c. */
int vocab_encode_llama2c(const Vocab *v, const char *text, bool with_bos, CutPiece *watch, Ids *ids, Error *e);
/* The tokens of a native vocabulary's splits, without those around; watch gets its pieces, and may be NULL. */
int vocab_encode_native(const Vocab *v, const char *text, Cut *watch, Ids *ids, Error *e);
/* What cuts a text for a stack, of a vocabulary that has a pipeline. */
const Pipeline *vocab_pipeline(const Vocab *v, EncodeFor how);
/* Whether a begin token goes in front. */
bool vocab_puts_bos(const Vocab *v, EncodeFor how);
void vocab_decode_llama2c(const Vocab *v, const int *ids, size_t n, Buffer *out);
void vocab_write_llama2c(const Vocab *v, Buffer *out);

#endif
