/* subword.h - the models that look a piece of text up: byte-pair encoding, WordPiece, unigram, whole words.
 *
 * Owns their tables. Knows nothing of rules nor of JSON. Each finds the tokens of one piece; with a CutPiece it records how. */
#ifndef MODEL_SUBWORD_H
#define MODEL_SUBWORD_H

#include "model/cut.h"
#include "model/token_table.h"

typedef enum SubwordKind { SUBWORD_BPE, SUBWORD_WORDPIECE, SUBWORD_UNIGRAM, SUBWORD_WORDS } SubwordKind;

/* A merge of two tokens into a third; an entry of a hash table, left < 0: a free one. */
typedef struct MergeRule {
    int left, right, merged, rank;
} MergeRule;

typedef struct CachedWord {
    char *text; /* owned */
    uint32_t len, count;
    CutToken *tokens;
} CachedWord;

typedef struct Subword {
    SubwordKind kind;
    TokenTable tokens;
    int unk;            /* -1: none */
    bool byte_fallback, fuse_unk, ignore_merges;
    char *prefix, *suffix; /* continuing_subword_prefix, end_of_word_suffix; "" where there is none; owned */
    size_t max_word;    /* WordPiece: longer words are unknown; in characters */
    MergeRule *merges;  /* [merge_slots] */
    size_t merge_slots, merge_count;
    double *scores;     /* [tokens.size] unigram: log-probabilities */
    double least;       /* the least of them */
    size_t listed;      /* unigram: tokens from here on are pieces that the model has no id for: they become unk. 0: there are none */
    int bytes[256];     /* the tokens <0x00> … <0xFF>, or -1 */
    CachedWord *cache;  /* [CACHE_SLOTS] or NULL */
} Subword;

/* What can be set once all tokens are in: the byte tokens, the cache. */
int subword_finish(Subword *s, Error *e);
void subword_free(Subword *s);

/* Room for so many merges. */
int subword_init_merges(Subword *s, size_t count, Error *e);
/* The merge of these two; a later one of the same two replaces it. */
void subword_add_merge(Subword *s, int left, int right, int merged, int rank);
/* NULL where the two are not merged. */
const MergeRule *subword_find_merge(const Subword *s, int left, int right);

/* Appends the tokens of the n bytes at text (valid UTF-8, n > 0) to out, whose places count from the piece's first byte. watch may be NULL. */
int subword_cut(const Subword *s, const char *text, size_t n, CutTokens *out, CutPiece *watch, Error *e);

/* The four. */
int bpe_cut(const Subword *s, const char *text, size_t n, CutTokens *out, CutPiece *watch, Error *e);
int wordpiece_cut(const Subword *s, const char *text, size_t n, CutTokens *out, CutPiece *watch, Error *e);
int unigram_cut(const Subword *s, const char *text, size_t n, CutTokens *out, CutPiece *watch, Error *e);

#endif
