/* edit_internal.h - an edit as a pass carries it out: between edit.c and edit_read.c only. */
#ifndef PASS_EDIT_INTERNAL_H
#define PASS_EDIT_INTERNAL_H

#include "pass/edit.h"

typedef enum ChangeKind { CHANGE_SET, CHANGE_MEAN, CHANGE_SCALE, CHANGE_ADD, CHANGE_NUMBERS, CHANGE_UNMASK, CHANGE_TOKEN } ChangeKind;

typedef struct Change {
    ChangeKind kind;
    size_t edit; /* which of the list it comes from */
    Address at;
    double x;      /* SET, SCALE */
    int id;        /* TOKEN */
    real *numbers; /* ADD, NUMBERS: one for each cell, row by row */
} Change;

struct Changes {
    Edits edits;
    Change *items;
    size_t count;
    int *ids[2];     /* the ids as they were fed, where a token is replaced */
    real **computed; /* by stage: what it computed itself, where that was edited; else NULL */
    real **weights;  /* by weight: an edited copy, or NULL */
    real **inner;    /* by stage: the gradient of that, once the pass went backwards */
    real **past;     /* by stage where an edit unmasks: what goes past the mask, then; else NULL */
    size_t stages, weight_count;
};

/* The stack whose ids a stage reads: 0 the encoder, 1 the decoder. */
static inline int edit_stack_of(const Stage *s)
{
    return s->stack == STACK_ENCODER ? 0 : 1;
}

/* Reads edit number `edit` of c's list and appends its changes, one for each stage or weight its address names; replaced tokens are put
 * into the pass's ids. -1 with e set, which names the edit and the character. */
int edit_read(Pass *p, struct Changes *c, size_t edit, Error *e);

#endif
