/* tracing.h - causal tracing (Meng et al. 2022, "Locating and Editing Factual Associations in GPT"): spoil what the model reads, then put
 * one vector of the clean pass back, and see how much of the answer that restores.
 *
 * Owns nothing but what tracing_run returns. Three kinds of runs: the clean pass; the corrupted one; and the corrupted one with a single
 * row of a single stage taken from the clean one. */
#ifndef MEASURE_TRACING_H
#define MEASURE_TRACING_H

#include "pass/pass.h"

#include <stdint.h>

/* What is put back. */
typedef enum TracingPart {
    TRACING_STREAM,    /* the residual stream at each of its points */
    TRACING_ATTENTION, /* the result of each attention sub-layer */
    TRACING_FFN        /* the result of each FFN */
} TracingPart;

typedef struct TracingQuery {
    size_t row; /* of the output */
    int answer; /* the token whose probability is followed */
    TracingPart part;
    Stack stack; /* which stack's text is corrupted */
    /* Either noise is added to the embeddings (with their positions) of these positions: normal, `noise` times the standard deviation of
     * the clean text's token embeddings (Meng et al.: 3). The result is the mean over `samples` draws. */
    const size_t *positions;
    size_t position_count;
    double noise;
    uint64_t seed;
    size_t samples;
    /* or the corrupted pass reads these ids [as many as the text has], and positions are not looked at. NULL: noise */
    const int *other;
    /* Called after every run, with how many there were and how many there will be at most; false stops. NULL: nobody looks. */
    bool (*watch)(void *context, size_t done, size_t count);
    void *context;
} TracingQuery;

/* The defaults: noise 3 with seed 0, five draws, in the source where there is one. */
TracingQuery tracing_query(const Pass *p, size_t row, int answer);

typedef struct TracingCell {
    double probability, logit; /* of the answer */
} TracingCell;

typedef struct TracingGrid {
    Stack stack;
    size_t *stages; /* [points] where the vector was put back */
    size_t points, positions;
    TracingCell *cells; /* [points][positions] */
} TracingGrid;

typedef struct Tracing {
    TracingCell clean, corrupted;
    TracingGrid grids[2]; /* of the corrupted stack and, if that is the encoder, of the decoder; empty where the pass has no such parts */
    size_t grid_count;
    size_t runs; /* forward passes that were made */
} Tracing;

/* How much of what the corruption took a cell brings back: 0 nothing, 1 all of it; NaN where it took nothing. */
double tracing_restored(const Tracing *t, const TracingCell *cell);

/* How many runs a query takes, without making them. */
size_t tracing_cost(const Pass *p, const TracingQuery *q);

/* Reads the other sentence for a stack's text, the first one that the model reads: as many tokens as the pass has there. Without a
 * vocabulary: ids. */
int tracing_read_other(const Pass *p, Stack stack, const char *text, Ids *out, Error *e);

/* clean is only read (its stages are computed). -1 with e set where the query does not suit the pass, it was stopped, or without memory. */
int tracing_run(Pass *clean, const TracingQuery *q, Tracing *out, Error *e);
void tracing_free(Tracing *t);

/* The position of q's stack whose noise alone costs the answer most: where to begin. Special tokens and, in the output's own stack, the row
 * itself are left out as long as there is another. Makes one run for each position and draw. */
int tracing_most_telling(Pass *clean, const TracingQuery *q, size_t *position, Error *e);

#endif
