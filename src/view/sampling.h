/* sampling.h - the sampler in the debugger: its settings, at which of its steps the view stands, and the tokens it took.
 *
 * Owns the settings. What each step makes of the logits is pass/sample.h's, computed from the pass as it is drawn. Part of the App. */
#ifndef VIEW_SAMPLING_H
#define VIEW_SAMPLING_H

#include "pass/sample.h"

/* The stages of the sampler, in their order. */
typedef enum SamplerStage {
    SAMPLER_LOGITS,
    SAMPLER_TEMPERATURE,
    SAMPLER_TOP_K,
    SAMPLER_TOP_P,
    SAMPLER_DRAW,
    SAMPLER_STAGES
} SamplerStage;

typedef struct Sampling {
    double temperature; /* 0: the largest logit is taken, nothing is drawn */
    size_t top_k;       /* 0: all */
    double top_p;       /* 1: all */
    uint64_t seed;
    SamplerStage stage;
    size_t taken; /* tokens appended behind what was given, the decoder's own answer among them: so many draws came before */
    size_t cache_layer, cache_top[2], cache_left[2], cache_column; /* of the cache's view */
    bool cache_cross;    /* cross-attention's keys and values instead of self-attention's */
    bool cache_values;   /* the cursor is in the values, not in the keys */
    size_t cache_source; /* the chosen row of those */
} Sampling;

/* So many tokens are taken where nothing else is said; `generate` does as well. */
enum { SAMPLING_MOST = 60 };

struct App;

/* What every stage made of one row of logits. */
typedef struct Sampled {
    const real *logits; /* [vocab], the pass's */
    const real *row;    /* [vocab], what the sampler gets: a token that is never generated is -inf */
    SampleSteps steps;
    real *shares[SAMPLER_STAGES]; /* [vocab] each: the softmax of what this stage leaves; at temperature 0 all on one token behind the logits */
    double entropy[SAMPLER_STAGES]; /* of those, in nats */
    size_t *order, vocab; /* the ids, the largest logit first */
    int drawn;            /* the id, or -1 with error */
    Error error;
    real *block;
} Sampled;

/* Whether there is a decoder. An encoder has a row for every token, and nothing is drawn. */
bool sampling_can(const struct App *app);
/* Which row of the output is looked at: the last, or for an encoder the one under the cursor. */
size_t sampling_row(const struct App *app);
/* Runs the sampler on it, with the draw that comes next. False, said, without memory. Free it either way. */
bool sampling_run(struct App *app, Sampled *s);
void sampling_free(Sampled *s);

/* The token at the end of the text; false, said, where there is no room for one more. */
bool sampling_take(struct App *app, int id);
/* Draws the next token and takes it. False, said, where the text ends: the end token was drawn, or there is no room for one more. */
bool sampling_draw(struct App *app);
/* The same until the text ends, at most so often; says how it came out. */
void sampling_go_on(struct App *app, size_t most);
/* Gives the token that was taken last back; false, said, where there is none. */
bool sampling_give_back(struct App *app);

/* ":temperature 0.8", ":top-k 5", ":top-p 0.9", ":seed 7": false where the number is none of these, with the reason said. */
bool sampling_set(struct App *app, int command, const char *number);

#endif
