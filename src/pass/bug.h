/* bug.h - the bugs of the hunt: mistakes that people make when they write a transformer, each put into a pass on demand.
 *
 * A bug is other forward (and backward) functions for a kind of stage, or other wires between stages: never a flag inside a right kernel.
 * The gradients of a pass with a bug are those of the network with the bug. Owns the table bugs.def: ids, levels, cards.
 *
 * To add a bug: a row in bugs.def, its functions in one of the files bug_*.c (each written as somebody would really write it, with what is
 * wrong in the comment), their names in bug_functions.h, where it is in bug.c's table. The hunt, the command line and the tests follow. */
#ifndef PASS_BUG_H
#define PASS_BUG_H

#include "pass/pass.h"

typedef enum BugId {
#define BUG(ID, ...) BUG_##ID,
#include "pass/bugs.def"
#undef BUG
    BUG_COUNT
} BugId;

enum {
    BUG_LEVELS = 3, /* 1: plain to see in one matrix; 2: two stages must be compared, or a cell's arithmetic read; 3: only where there is
                       padding, a cache, or a number looked at closely */
    BUG_HINTS = 2
};

/* A bug's card. All texts but id, model and link are translatable. */
typedef struct Bug {
    const char *id;    /* "softmax-axis": stable, for the command line and lessons */
    int level;         /* 1 … BUG_LEVELS */
    const char *model; /* where to hunt it when nobody names a model */
    const char *title;
    const char *wrong;            /* what the code does instead */
    const char *found;            /* where it was found: project and thread */
    const char *link;             /* of that thread */
    const char *trains;           /* why it often goes unnoticed */
    const char *catch;            /* how to catch it */
    const char *hints[BUG_HINTS]; /* from vague to pointed */
} Bug;

extern const Bug bug_table[BUG_COUNT];

/* The bug of that id, or NULL with e set: an unknown one is an error that names the nearest. */
const Bug *bug_find(const char *id, Error *e);

/* Puts the bug into a pass in place of any other (NULL: takes it out), whatever the config: where it does not apply nothing changes. All
 * values are forgotten. A bug of the cache makes the pass one that shows what decoding with the cache computes. -1 without memory. */
int bug_put(const Bug *b, Pass *p, Error *e);

/* True where the bug makes stage i of this pass compute, or read, something wrong: the stage to be found. The stages after it
 * differ only because of it. */
bool bug_touches(const Bug *b, const Pass *p, size_t i);
/* True where it touches any: it can be found in this pass. */
bool bug_applies(const Bug *b, const Pass *p);
/* The first stage it touches, or NO_STAGE. */
int bug_first_stage(const Bug *b, const Pass *p);

/* True for a bug of the key/value cache: a pass without a cache is not wrong. */
bool bug_is_of_cache(const Bug *b);
/* True for a bug that only shows where the input is padded. */
bool bug_needs_padding(const Bug *b);

#endif
