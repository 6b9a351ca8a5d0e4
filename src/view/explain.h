/* explain.h - what the explaining views share: which token they follow, which line is chosen, what was computed for them.
 *
 * Owns the last causal tracing, which takes many passes. Everything else is computed from the pass as it is drawn. The views: lens.c,
 * attribution.c, belt.c, reach.c, pictures.c, classes.c, tracing.c. */
#ifndef VIEW_EXPLAIN_H
#define VIEW_EXPLAIN_H

#include "measure/tracing.h"
#include "view/canvas.h"
#include "view/commands.h"

struct App;

enum { EXPLAIN_RANKS = 8 };

typedef struct Explain {
    bool has_row;
    size_t row;         /* of the output that is followed; without has_row the default one */
    size_t rank;        /* which of that row's likeliest tokens is followed, 0: the likeliest */
    size_t choice, top; /* the chosen line of the open view, and the first that is drawn */
    size_t first, seen, lines; /* which of how many were drawn last */
    size_t column;      /* tracing: the chosen point */
    bool other;         /* the view's other way to show it: lens, all positions; attribution, by size */
    bool against;       /* attribution: minus the next likeliest token */
    bool open;          /* attribution: the pieces of one part */
    size_t part;
    bool source; /* belt: the encoder's stack */
    size_t source_row;
    size_t stage, head; /* reach and pictures: which attention; stage 0 (never one): not chosen yet */
    size_t across;      /* pictures: how many stood in a row when they were drawn */
    size_t reach_top[2], reach_left[2];

    Tracing tracing;    /* the last that was run */
    bool traced, asked; /* asked: also where it takes long */
    TracingQuery query; /* what it was run with; positions and other point below */
    size_t corrupted;   /* the position that noise is added to */
    bool has_corrupted;
    TracingPart put_back;
    double noise;
    char why[1024]; /* there is none yet */
    Ids spoilt; /* the other sentence; empty: noise */
} Explain;

/* Forgets what was computed of another pass; the choices stay. */
void explain_reset(struct App *app);
void explain_free(Explain *x);

/* What the menu offers; ended by a name of NULL. */
typedef struct ExplainItem {
    const char *name; /* as in commands.def */
    CommandId command;
    const char *what; /* one line, translatable */
} ExplainItem;
extern const ExplainItem explain_items[];
/* "V  lens": its key and name. Returns out. */
enum { EXPLAIN_NAME = 64 };
const char *explain_label(const ExplainItem *item, char out[EXPLAIN_NAME]);

/* Opens the view of a command; false where it is none of these. */
bool explain_open(struct App *app, CommandId id);
/* True for the id of one of these views. */
bool explain_is_view(int view);

/* The followed row of the output and the followed token. */
size_t explain_row(const struct App *app);
int explain_token(struct App *app);
/* The token that attribution subtracts: the likeliest that is not the followed one. */
int explain_other_token(struct App *app);

/* What a key does in one of these views, for the status line; NULL for another view or key. */
const char *explain_offer(int view, CommandId id);

/* Keys that all of them understand: lines up and down, positions left and right, `.` and `,` for the token followed. */
bool explain_command(struct App *app, CommandId id, size_t count);

/* ---- drawing ---- */

/* A token in quotes, escaped, no wider than `columns`. Returns out. */
const char *explain_token_name(const struct App *app, int id, int columns, char out[EXPLAIN_NAME]);
/* "position 4 'A' → 'B' 0.998, the likeliest" */
void explain_subject(struct App *app, Buffer *out);
/* "embedding", "layer 0 self", "final norm": the place of a stage in its stack, without the stack. Returns out. */
const char *explain_place(const Stage *s, char out[EXPLAIN_NAME]);
/* Heading, subject line; returns the first free row. */
int explain_head(Canvas *c, int row, int col, int cols, const char *title, const char *subject);
/* What the view does and does not show, at the foot of an area of `rows` rows from `row`; returns how many of them are left above it. */
int explain_foot(Canvas *c, int row, int rows, int col, int cols, const char *text);
/* Keeps the chosen of n lines within n, and seen in `room` lines. */
void explain_scroll(Explain *x, size_t n, int room);
/* A bar from `zero`: to the right for positive, to the left for negative values; |value| = most takes `columns`. */
void explain_bar(Canvas *c, int row, int zero, int columns, double value, double most);
/* A number of three decimals, a dash for NaN, at the right of `columns`. */
void explain_number(Canvas *c, int row, int col, int columns, Role role, double x, int digits);

#endif
