/* predict_maker.h - what the makers of questions (predict_*.c) share. Everyone else uses predict.h.
 *
 * A maker writes a question about a->stage into a->q and returns true, or returns false where it has nothing good to ask there: the
 * question is then thrown away, and another maker is asked. Makers read values, and never print those the question is about. */
#ifndef LESSON_PREDICT_MAKER_H
#define LESSON_PREDICT_MAKER_H

#include "base/random.h"
#include "base/text.h"
#include "lesson/predict.h"

#include <math.h>

typedef struct Ask {
    Question *q;
    Pass *pass;
    const Plan *plan;
    const Config *config;
    Ablations ablations;
    const Stage *stage;
    bool edited;        /* numbers of this pass were changed, or there is a bug in it: only what neither can make untrue is asked */
    size_t i;           /* the stage's index */
    size_t head, row;   /* where the cursor is, inside the stage */
    size_t rows, cols;  /* of the stage's last two axes */
    const int *targets; /* the loss's; NULL for a stage */
    size_t target_count;
    Random random;
} Ask;

typedef bool (*Maker)(Ask *a);

/* A row of a table of makers: which kinds of stage it asks about. To add a question: its function, a row in the table of its file, and
 * its independent computation in tests/unit/test_predict.c. */
typedef struct MakerRow {
    uint64_t kinds; /* K(…) of each */
    Maker make;
} MakerRow;
#define K(KIND) (UINT64_C(1) << STAGE_##KIND)
#define K_ALL ((UINT64_C(1) << STAGE_KIND_COUNT) - 1)

extern const MakerRow makers_shared[], makers_attention[], makers_weights[], makers_stream[], makers_gradient[], makers_flow[],
    makers_gradient_shared[]; /* each ended by a NULL make */

/* Begins the question; makers call it first. */
void ask_begin(Ask *a, QuestionKind kind, const char *name);
/* Says which cell the question is about, so that the screen can show it. */
void ask_about(Ask *a, size_t head, size_t row, size_t col);

/* The stage's value, or that of its input k, or NULL where it has none; the row of a head of such a value. */
const real *ask_value(const Ask *a);
const real *ask_input(const Ask *a, int k);
const real *ask_row(const real *value, const Ask *a, size_t head, size_t row);
const Stage *ask_input_stage(const Ask *a, int k);

/* A short text, to be printed. */
typedef struct Word {
    char text[64];
} Word;
/* The name of index i along an axis of the stage: a token that stands there more than once is followed by its position. */
Word ask_name(const Ask *a, int axis, size_t i);
Word ask_token(const Ask *a, int id);
Word ask_number(double x);
#define NAME(axis, i) ask_name(a, axis, i).text
#define ROW(i) ask_name(a, a->stage->rank - 2, i).text
#define COLUMN(i) ask_name(a, a->stage->rank - 1, i).text
#define NUM(x) ask_number(x).text

/* How far off a sum or a product of numbers may be that were shown with three decimals. */
double ask_tolerance(double x, double y);

/* ---- rows of attention ---- */

/* Whether the query of this row may see the key; the keys it may see. */
bool ask_sees(const Ask *a, size_t row, size_t key);
size_t ask_visible(const Ask *a, size_t row);
/* The cursor's row, or another one, whose query sees at least `least` keys and at most `most`; false where there is none. */
bool ask_find_row(Ask *a, size_t least, size_t most, size_t *row);
/* The entropy in nats of a softmax over the numbers of a row of scores, over the visible keys or over all. */
double ask_entropy(const Ask *a, const real *scores, size_t row, bool visible_only);

/* Asks which of the n entries of x is the largest: the index along the last axis; beliefs are about tokens where it counts keys. */
bool ask_largest(Ask *a, const real *x, size_t row, const char *what);
/* Asks whether a quantity is larger, smaller or the same: `claim` 1, -1, 0, with what each wrong direction believes. */
typedef struct Direction {
    const char *text, *name, *belief; /* translated */
} Direction;
bool ask_direction(Ask *a, int claim, const Direction up, const Direction down, const Direction same);

/* ---- gradients ---- */

/* The stage's gradient; the Euclidean norm of n numbers. */
const real *ask_gradient(const Ask *a);
double ask_size(const real *x, size_t n);
/* A small number with four significant digits. */
Word ask_small(double x);

#endif
