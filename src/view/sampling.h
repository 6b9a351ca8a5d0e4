/* sampling.h - the sampler in the debugger: its settings, and at which of its steps the view stands.
 *
 * Owns the settings. What each step makes of the logits is pass/sample.h's, computed from the pass as it is drawn. Part of the App. */
#ifndef VIEW_SAMPLING_H
#define VIEW_SAMPLING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

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
    size_t taken; /* tokens appended since the text was given: so many draws came before */
    size_t cache_layer, cache_top[2], cache_left[2], cache_column; /* of the cache's view */
} Sampling;

struct App;

/* ":temperature 0.8", ":top-k 5", ":top-p 0.9", ":seed 7": false where the number is none of these, with the reason said. */
bool sampling_set(struct App *app, int command, const char *number);

#endif
