/* cut.h - how a text became tokens, to be watched: the text after each rule, then for every piece each step of the search.
 *
 * Owns copies of everything; knows nothing of how it is shown. vocab_cut (vocab.h) fills it. */
#ifndef MODEL_CUT_H
#define MODEL_CUT_H

#include "model/pieces.h"

/* How a piece is looked up. */
typedef enum CutMethod {
    CUT_MERGES,   /* byte-pair encoding: the neighbours whose merge was learned first are merged first */
    CUT_SCORES,   /* llama2.c: the neighbours whose token has the best score are merged first */
    CUT_PREFIXES, /* WordPiece: the longest token that the rest begins with */
    CUT_LATTICE,  /* unigram: the cut whose tokens' log-probabilities have the largest sum */
    CUT_LONGEST,  /* a native vocabulary's: the longest token at each place */
    CUT_WHOLE,    /* the piece, or each of its characters, is a token */
    CUT_ADDED,    /* an added token, found in the text before anything else */
    CUT_METHOD_COUNT
} CutMethod;

typedef enum CutKind {
    CUT_MERGE,   /* token left, from … middle, and token right, middle … to, become token id; value: the merge's rank, or the token's score */
    CUT_TRY,     /* is from … to a token? id, or -1: no */
    CUT_SHORTER, /* from … to is token id, but a longer one begins there too */
    CUT_TAKE,    /* from … to is token id, and taken */
    CUT_REACH    /* the best way to reach `to` comes from `from` with token id of log-probability value; total: of the whole way */
} CutKind;

typedef struct CutStep {
    CutKind kind;
    size_t from, middle, to; /* bytes of the piece */
    int id;
    double value, total;
    int left, right; /* of a merge; else -1 */
} CutStep;

/* Bytes from … to of a piece as a token. */
typedef struct CutToken {
    size_t from, to;
    int id;
} CutToken;

typedef struct CutTokens {
    CutToken *items;
    size_t count, cap;
} CutTokens;

typedef struct CutPiece {
    CutMethod method;
    char *text; /* [len] and a NUL */
    size_t len;
    CutTokens start; /* what merging begins with */
    CutStep *steps;
    size_t count, cap;
    CutTokens tokens; /* what came out */
    size_t first_id;  /* the place of the first of them among the cut's ids */
} CutPiece;

/* The text after one rule. */
typedef struct CutText {
    const char *name; /* the rule's type in tokenizer.json; "" for the text itself */
    char *what;       /* what it does, translated */
    TextPieces pieces;
    bool changed;     /* from the one before */
} CutText;

/* One of the ids that the model is fed. */
typedef struct CutId {
    int id;
    bool added;  /* put there by the tokenizer: it stands for nothing in the text */
    Origin from; /* bytes of the original text */
} CutId;

typedef struct Cut {
    CutText *texts;
    size_t text_count;
    CutPiece *pieces;
    size_t piece_count, piece_cap;
    CutId *ids;
    size_t id_count;
} Cut;

void cut_free(Cut *c);

/* ---- for those who record; every one does nothing where its first argument is NULL ---- */

/* Adds a text after a rule; copies everything but the name. */
int cut_add_text(Cut *c, const char *name, const char *what, const TextPieces *pieces, Error *e);
/* Adds a piece; the pointer is good until the next one. NULL with e set without memory, or without e where c is NULL. */
CutPiece *cut_add_piece(Cut *c, CutMethod method, const char *text, size_t n, Error *e);
int cut_add_step(CutPiece *p, CutStep step, Error *e);
int cut_add_token(CutTokens *t, size_t from, size_t to, int id, Error *e);

/* ---- for those who show ---- */

/* What the piece is after its first `done` steps: the tokens it then consists of, for the methods that merge; those that were taken, for the
 * others; once all steps are done what came out. -1 without memory; *out is given back with free(out->items). */
int cut_state(const CutPiece *p, size_t done, CutTokens *out, Error *e);
/* The bytes of the original text that a piece comes from; from == to where it comes from none. */
Origin cut_piece_origin(const Cut *c, size_t piece);
/* The piece that id i came from; piece_count where it came from none. */
size_t cut_piece_of_id(const Cut *c, size_t i);

#endif
