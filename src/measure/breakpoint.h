/* breakpoint.h - where a debugger stops: by stage, kind, layer, or a condition.
 *
 * Owns the list. Knows nothing of stepping: it is asked about one stage at a time, forwards or backwards.
 *
 *     BREAKPOINT = [ WHERE ] [ "if" CONDITION ]        at least one of them
 *     WHERE      = a stage's name, with "*" ("*.weights") or without its layer ("decoder.self.weights[layer=1]")
 *                | a kind of stage ("weights", "kind weights")
 *                | a part of the plan ("decoder.1", "decoder.1.self"): its first stage on the way, forwards or backwards
 *                | "layer" N
 *     CONDITION  = an expression (measure/expression.h) that is a comparison; `here` is the stage that is asked about, on the way back
 *                  its gradient. What is not computed yet at that stage does not hold. */
#ifndef MEASURE_BREAKPOINT_H
#define MEASURE_BREAKPOINT_H

#include "measure/expression.h"

typedef struct Breakpoint {
    int number;                 /* what the user calls it */
    char *text;                 /* as it was given, spaces around it left out */
    char *where;                /* "": anywhere */
    Expression *condition;      /* or NULL */
    bool *forwards, *backwards; /* by stage of the plan: whether WHERE means it */
    size_t stages, covered;     /* how many there are, and are meant */
} Breakpoint;

typedef struct Breakpoints {
    Breakpoint *items;
    size_t count;
} Breakpoints;

/* Adds one. -1 with e set: e->at is the byte of `text` it is about. WHERE must mean a stage of the pass. */
int breakpoints_add(Breakpoints *b, int number, const char *text, const Pass *p, ExpressionError *e);
/* Takes the i-th away. */
void breakpoints_remove(Breakpoints *b, size_t i);
void breakpoints_free(Breakpoints *b);
/* Finds anew what each means, for another plan. One that means nothing there is kept and never stops. -1 without memory. */
int breakpoints_bind(Breakpoints *b, const Pass *p, Error *e);

/* True where WHERE says this stage, on this way; false of one that is anywhere. */
bool breakpoint_marks(const Breakpoint *b, size_t stage, bool backward);
/* The first breakpoint that stops at c->here, or NULL. c->only_done is taken as set. A condition that is wrong there stops, too: then e says
 * why (else e->error is empty). */
const Breakpoint *breakpoints_hit(const Breakpoints *b, const ExpressionContext *c, ExpressionError *e);

#endif
