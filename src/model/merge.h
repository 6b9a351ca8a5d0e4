/* merge.h - merging neighbouring tokens, the best pair first: what byte-pair encoding by ranks and by llama2.c's scores share.
 *
 * Owns the order. Which pairs make a token, and how good that is, the caller says. */
#ifndef MODEL_MERGE_H
#define MODEL_MERGE_H

#include "model/cut.h"

/* What two neighbours become. */
typedef struct Merge {
    double order; /* the least goes first, of equals the leftmost */
    double value; /* as it is shown: the rank, the score */
    int merged;
} Merge;

/* Whether two neighbours make a token. */
typedef bool (*MergeFind)(const void *context, int left, int right, Merge *out);

/* Merges the tokens from place `first` on until no two neighbours make one. watch (or NULL) gets every merge. n log n for n tokens. */
int merge_neighbours(CutTokens *tokens, size_t first, MergeFind find, const void *context, CutPiece *watch, Error *e);

#endif
