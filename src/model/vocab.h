/* vocab.h - tokens: text to ids and back.
 *
 * Owns the vocabulary's strings. Knows nothing of the model's numbers. */
#ifndef MODEL_VOCAB_H
#define MODEL_VOCAB_H

#include "base/buffer.h"
#include "base/error.h"
#include "model/config.h"
#include "model/cut.h"

typedef struct Vocab Vocab;

/* A list of ids; data owned, ids_free gives it back. */
typedef struct Ids {
    int *data;
    size_t len, cap;
} Ids;

int ids_add(Ids *ids, int id, Error *e);
void ids_free(Ids *ids);
/* Reads "3,14,15" (spaces allowed around numbers, an empty text is an empty list). `what`
 * names the option in errors. Every id must be in 0 … vocab_size-1, or -1 where
 * allow_uncounted is set. */
int ids_parse(Ids *ids, const char *text, const char *what, size_t vocab_size, bool allow_uncounted, Error *e);
/* The same for positions of a text of `count` tokens. */
int ids_parse_positions(Ids *positions, const char *text, const char *what, size_t count, Error *e);

/* vocab.txt's text: one token a line, its line number its id, \n \t \\ escaped. Exactly
 * c->vocab_size lines. Empty or repeated tokens, other escapes, control characters and what is not
 * UTF-8 are errors that name the line. Special ids and the split come from c; a special token that c gives
 * as text must be one of the tokens. */
Vocab *vocab_read(const char *text, size_t n, const Config *c, const char *file, Error *e);
/* llama2.c's tokenizer.bin; scores decide merges. vocab_size 0: as many tokens as there are. Its begin and
 * end tokens are 1 and 2. */
Vocab *vocab_read_llama2c(const unsigned char *bytes, size_t n, size_t vocab_size, const char *file, Error *e);
/* Tokens without a text: "#0", "#1", … for models that have no vocabulary. */
Vocab *vocab_numbered(size_t vocab_size, Error *e);
void vocab_free(Vocab *v);
/* The same vocabulary for one more owner, who gives it back with vocab_free too. */
Vocab *vocab_share(Vocab *v);
/* The names of the files that keep it in a model's folder, NULL behind the last: vocab.txt, tokenizer.json, llama2.c's tokenizer.bin, or a
 * translator's source.spm, target.spm and vocab.json. None for vocab_numbered. */
const char *const *vocab_files(const Vocab *v);
/* Adds what is in file number `file` of these. */
void vocab_write(const Vocab *v, size_t file, Buffer *out);

/* True where what is translated and the translation are cut in two ways: vocab_encode cuts the former for ENCODE_ENCODER. */
bool vocab_is_translator(const Vocab *v);

size_t vocab_size(const Vocab *v);
/* True where text can be given (false for vocab_numbered). */
bool vocab_has_text(const Vocab *v);
SplitKind vocab_split(const Vocab *v);
/* The id of a special token, or -1. */
int vocab_special(const Vocab *v, SpecialToken which);

/* What a stack is fed: with the begin and end tokens the tokenizer adds, or bare. */
typedef enum { ENCODE_BARE, ENCODE_DECODER, ENCODE_ENCODER } EncodeFor;

/* Appends the ids of `text`. ENCODE_DECODER adds bos in front where there is one;
 * ENCODE_ENCODER adds eos behind where there is one (and for an encoder-only model bos in front). A
 * word outside a closed vocabulary is an error that names the word, where it stands, and the
 * nearest ones, unless the config has an unk token. After an error ids is as it was.
 *   words          split at white space; punctuation at a word's ends is split off where the word as it stands is
 *                  no token and the punctuation is one. A special token's text is that token.
 *   characters     each character is a token
 *   longest-match  the longest token at each place
 *   llama2.c       a space in front, characters (bytes where there is no such token), then merges by best score
 *   tokenizer.json as it says (pipeline.h); what it puts around a text stands for begin and end, and ENCODE_BARE is without it
 * In the second and third, a special token's text is not that token, except the mask's; white space that
 * is no token is skipped in all but llama2.c's. */
int vocab_encode(const Vocab *v, const char *text, EncodeFor how, Ids *ids, Error *e);

/* How the text becomes these ids, to be watched (cut.h): with every rule, every merge. *cut is given back with cut_free. */
int vocab_cut(const Vocab *v, const char *text, EncodeFor how, Cut *cut, Error *e);
/* The ids as vocab_encode gives them, each with the bytes of the text it comes from; only for a tokenizer of Hugging Face's (vocab_has_places).
 * *out is given back with free. */
int vocab_encode_places(const Vocab *v, const char *text, EncodeFor how, CutId **out, size_t *count, Error *e);
bool vocab_has_places(const Vocab *v);

/* Appends the text of the ids as people read it: words joined by spaces, characters by nothing, longest-match by spaces but for
 * Chinese and before a mark ("I ate an apple", "我吃了", "is this Tom's book?"); begin, end and padding left out, llama2.c's leading space and byte
 * tokens as llama2.c prints them. An id out of range is "?". */
void vocab_decode(const Vocab *v, const int *ids, size_t n, Buffer *out);
/* The same of a tokenizer with its own decoder (SPLIT_TOKENIZER), begin, end and padding as they are spelled. */
void vocab_decode_all(const Vocab *v, const int *ids, size_t n, Buffer *out);

/* The token as it is shown on an axis: raw UTF-8 as stored ("<s>", "▁the" is " the"), or
 * "#17". Never NULL; for an id out of range "?". Owned by the vocab. */
const char *vocab_token(const Vocab *v, int id);
/* The token as its file spells it ("Ġthe"); the same as vocab_token for a vocabulary that has no other way to write it. */
const char *vocab_spelling(const Vocab *v, int id);
/* True where tokens carry their own spaces (" the"): a line of them needs none between. */
bool vocab_has_spaces(const Vocab *v);
/* What the tokenizer's files say that is not known here and may change the ids, and what does not fit the model: a line each; NULL: nothing. */
const char *vocab_notes(const Vocab *v);
/* The id of exactly this token, as it is shown or as its file spells it, or -1. */
int vocab_find(const Vocab *v, const char *token);
/* Calls `found` for each token that begins with prefix, until it returns false. */
void vocab_complete(const Vocab *v, const char *prefix, bool (*found)(void *context, const char *token), void *context);

#endif
