/* pipeline.h - a whole tokenizer: added tokens, rules, the model that looks pieces up, what is put around, and the way back.
 *
 * Owns all of it. pipeline_json.c and its neighbours read it from Hugging Face's files; vocab.h is what the rest of the program sees. */
#ifndef MODEL_PIPELINE_H
#define MODEL_PIPELINE_H

#include "model/rule.h"
#include "model/subword.h"

/* A token that is looked for in the text before the rules (or, where it is `normalized`, after the normalizer). */
typedef struct AddedToken {
    char *text;   /* as the file spells it */
    size_t len;
    char *needle; /* what is looked for: the same, through the normalizer where it is `normalized`; may be empty: never found */
    size_t needle_len;
    int id;
    bool special, single_word, lstrip, rstrip, normalized;
    bool first; /* only at the very beginning of a text */
} AddedToken;

typedef enum DecoderKind {
    DECODE_BYTES,       /* letters back to bytes (ByteLevel) */
    DECODE_WORDPIECE,   /* "##" joins to the word before, all else gets a space */
    DECODE_METASPACE,   /* ▁ is a space, but at the beginning */
    DECODE_BYTE_TOKENS, /* <0xE6> is a byte */
    DECODE_FUSE,        /* all tokens become one */
    DECODE_STRIP,       /* up to so many of a character off the ends of each token */
    DECODE_REPLACE,
    DECODE_SUFFIX       /* the end of a word becomes a space (BPEDecoder) */
} DecoderKind;

typedef struct Decoder {
    DecoderKind kind;
    Pattern *pattern; /* DECODE_REPLACE */
    char *text;       /* owned; NULL where there is none */
    size_t len;
    size_t start, stop;
    bool keep_first, cleanup;
} Decoder;

typedef struct Pipeline {
    Rules normalizer, pre_tokenizer;
    Subword subword;
    AddedToken *added; /* by the needle's first byte, then the longest first */
    size_t added_count;
    int *added_ids; /* [added_count] the places of the same, by id */
    int *around[2];    /* what the post-processor puts in front and behind */
    size_t around_count[2];
    bool skips_text;   /* and the text itself is left out: a template without it */
    Decoder *decoders;
    size_t decoder_count;
    size_t size;       /* one more than the largest id */
    Buffer notes;      /* what is in the files and not known here, and may change the ids: a line each */
    Buffer source;     /* the file that says the same: a tokenizer.json, or SentencePiece's of Marian; asked for by pipeline_source */
    Buffer lines;      /* GPT-2's merges.txt or BERT's vocab.txt: what source is yet to be made of; or empty */
    Buffer ids;        /* Marian's or GPT-2's vocab.json; or empty */
} Pipeline;

void pipeline_free(Pipeline *p);

/* Reads a tokenizer.json. NULL with e set. */
Pipeline *pipeline_read(const char *text, size_t n, const char *file, Error *e);
/* Reads GPT-2's vocab.json and merges.txt: byte-level BPE with GPT-2's pattern. */
Pipeline *pipeline_read_gpt2(const char *vocab, size_t n, const char *vocab_file, const char *merges, size_t merges_n, const char *merges_file,
                             Error *e);
/* Reads BERT's vocab.txt, a token a line; with BERT's rules: letters to lower case, without accents. */
Pipeline *pipeline_read_bert(const char *text, size_t n, const char *file, Error *e);

/* Reads Marian's tokenizer for one language: the pieces of a SentencePiece file (spm.h), the ids of vocab.json. A text to be translated ends with </s>;
 * with begin >= 0 it is a translation, which begins with that id and has no end. */
Pipeline *pipeline_read_marian(const char *vocab, size_t n, const char *vocab_file, const unsigned char *spm, size_t spm_n, const char *spm_file,
                               int begin, Error *e);

/* The file that says the same. Of GPT-2's and BERT's files it is made only now: to write it takes as long as to read them. `failed` without memory. */
const Buffer *pipeline_source(Pipeline *p);

/* Puts this id, and nothing else, in front of every text (side 0) or behind it (side 1); -1: nothing. `source` says the same. -1 with e set. */
int pipeline_put_around(Pipeline *p, int side, int id, const char *file, Error *e);

/* The ids of a text (valid UTF-8), each with the place it comes from; *ids is given back with free. wrap: with what the post-processor puts
 * around it. watch may be NULL; its ids stay empty. */
int pipeline_encode(const Pipeline *p, const char *text, size_t n, bool wrap, CutId **ids, size_t *count, Cut *watch, Error *e);

/* A token as the files spell it ("Ġthe"), and its length; NULL for an id without one. */
const char *pipeline_spelling(const Pipeline *p, int id, size_t *n);
/* The id of exactly this spelling, or -1. */
int pipeline_find(const Pipeline *p, const char *text, size_t n);
/* Appends the token as people read it: "Ġthe" is " the", bytes that are no characters are written <0xE6>. */
void pipeline_show(const Pipeline *p, int id, Buffer *out);
/* Appends the text of the ids: what the decoder of the file makes of them. Bytes that are no UTF-8 stay as they are. Ids for which `skip` (which
 * may be NULL) says so are left out. */
void pipeline_decode(const Pipeline *p, const int *ids, size_t n, bool (*skip)(const void *context, int id), const void *context, Buffer *out);

/* The added token of an id; NULL where it is none. */
const AddedToken *pipeline_added(const Pipeline *p, int id);
/* True where tokens are spelled in letters that stand for bytes ("Ġ" is a space). */
bool pipeline_is_byte_level(const Pipeline *p);
/* True where tokens carry their own spaces, so that a line of tokens needs none between them. */
bool pipeline_has_spaces(const Pipeline *p);

#endif
