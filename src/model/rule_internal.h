/* rule_internal.h - between rule.c and rule_change.c. */
#ifndef MODEL_RULE_INTERNAL_H
#define MODEL_RULE_INTERNAL_H

#include "model/rule.h"

/* Appends what a rule that does not cut makes of one piece. `found` is room for matches. */
int rule_change(const Rule *r, const TextPieces *in, TextPiece piece, Matches *found, TextPieces *out, Error *e);

#endif
