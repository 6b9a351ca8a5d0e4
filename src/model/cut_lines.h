/* cut_lines.h - what a recorded cut says, in words: for the subcommand `tokens` and the debugger alike.
 *
 * Owns the order in which it is stepped through. Knows nothing of a screen. */
#ifndef MODEL_CUT_LINES_H
#define MODEL_CUT_LINES_H

#include "model/vocab.h"

typedef enum CutFrameKind { FRAME_TEXT, FRAME_PIECE, FRAME_IDS } CutFrameKind;

/* One stop: the text after a rule; a piece after some of its steps; the ids. */
typedef struct CutFrame {
    CutFrameKind kind;
    size_t text;        /* FRAME_TEXT: which */
    size_t piece, done; /* FRAME_PIECE: which, and how many of its steps are done */
} CutFrame;

size_t cut_frames(const Cut *c);
CutFrame cut_frame(const Cut *c, size_t i);
/* The first frame of a piece; of the ids where there is no such piece. */
size_t cut_frame_of_piece(const Cut *c, size_t piece);

/* How a piece is looked up, in a sentence, translated. */
const char *cut_method(CutMethod method);
/* Step i of a piece: "merge 254: Ġ + t", "no token ##ffable", "token ##aff", … */
void cut_say_step(const Vocab *v, const CutPiece *p, size_t i, Buffer *out);
/* "piece 2 of 9: Ġtoken"; behind letters that stand for bytes the part of the text they come from. */
void cut_say_piece(const Vocab *v, const Cut *c, size_t i, Buffer *out);
/* What a piece consists of: the spellings of the tokens, apart by `between`. */
void cut_say_tokens(const Vocab *v, const CutTokens *t, const char *between, Buffer *out);
/* The text after a rule, its pieces apart by `between`; added tokens as they are. */
void cut_say_text(const CutText *t, const char *between, Buffer *out);

/* Two neighbours that could be merged next. */
typedef struct CutPair {
    size_t left; /* the place of the first among the tokens */
    double value; /* the merge's rank, or the token's score */
    int merged;
} CutPair;
/* All pairs of neighbours that a merge exists for, in the order of the text. Returns how many; writes at most `most`. */
size_t cut_pairs(const Vocab *v, const CutPiece *p, const CutTokens *now, CutPair *out, size_t most);

#endif
