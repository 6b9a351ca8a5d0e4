/* compare.h - what `compare` has made of its arguments, and the formats it is written in.
 *
 * Owns both sides. The numbers are those of measure/compare.h. */
#ifndef CLI_COMPARE_H
#define CLI_COMPARE_H

#include "cli/cli.h"
#include "measure/compare.h"
#include "measure/twin.h"

enum { SIDE_BASELINE, SIDE_TWIN, SIDES };

typedef struct Side {
    const Model *model;
    Ablations trained;   /* what the model was trained without … */
    Ablations ablations; /* … and what is switched off beside that */
    Input input;
    Pass *pass;
    Buffer said; /* what it says by itself */
} Side;

typedef struct Twins {
    Model *models[SIDES]; /* the second is NULL where both are of one model */
    Side sides[SIDES];
    Ablations given;                        /* -a */
    Ablations idle;                         /* those of them that change nothing */
    Edits edits;                            /* the twin's */
    const char *text, *target, *model_name; /* --with-…; NULL where they were not given */
    bool same_target;                       /* an encoder-decoder: both decoders are fed the same ids … */
    bool own_target;                        /* … which are the baseline's own greedy output */
    Comparison comparison;
    int *stages; /* of the comparison: those of --stage, in its order; NULL: all */
    size_t stage_count;
    bool matrices; /* their matrices are written, too */
} Twins;

/* The name of stage k of the comparison. */
const char *twins_stage_name(const Twins *t, size_t k, char out[STAGE_NAME_MAX]);
/* The k-th stage that is written, as an index of the comparison; how many there are. */
size_t twins_stage(const Twins *t, size_t k);
size_t twins_stages(const Twins *t);
/* "differs", "only in the baseline", …: for people and for JSON. */
const char *fate_words(StageFate fate);
const char *fate_name(StageFate fate);

/* What both sides have of a matrix: [heads][rows][cols] numbers, the first positions of each. */
typedef struct CommonPart {
    size_t heads, rows, cols;
} CommonPart;
/* Of a stage that both have. */
CommonPart twins_common(const Twins *t, const StageDifference *d);
/* A number of it on a side. */
double twins_number(const Twins *t, int side, const StageDifference *d, size_t head, size_t row, size_t col);

/* Each appends the whole result; of the text, no matrix is wider than so many columns. */
void compare_write_text(const Twins *t, int columns, Buffer *out);
void compare_write_json(const Twins *t, Buffer *out);
void compare_write_csv(const Twins *t, Buffer *out);

/* `compare --table`; returns the exit status. */
int compare_table(const Options *o);

#endif
