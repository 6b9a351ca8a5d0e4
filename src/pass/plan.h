/* plan.h - the ordered list of stages for a config, a length and a set of ablations.
 *
 * Owns the order: nothing else knows it. Run, step, trace, tree, explain and export read the plan. */
#ifndef PASS_PLAN_H
#define PASS_PLAN_H

#include "base/error.h"
#include "model/model.h"
#include "pass/stage.h"

/* How many positions each stack is given. */
typedef struct PlanInput {
    size_t source_len; /* encoder tokens; 0 where there is no encoder */
    size_t target_len; /* decoder tokens; 0 where there is no decoder */
    size_t past;       /* decoder positions that are already in a cache, before target's first */
} PlanInput;

typedef struct Plan {
    const Config *config; /* borrowed from the model */
    Ablations ablations;
    PlanInput input;
    bool whole_lines; /* a causal axis of keys counts on to the end of a line, over keys that are masked: see plan_fill_lines() */
    Stage *stages;
    size_t count;
    size_t total; /* numbers in all stages' values */
} Plan;

/* Builds the plan. Lengths that do not suit the config (no tokens, more than learned positions) are errors. */
int plan_build(Plan *p, const Model *m, PlanInput input, Ablations a, Error *e);
/* Gives a plan other lengths: the same stages, of other shapes. On an error the plan is as it was. */
int plan_resize(Plan *p, const Model *m, PlanInput input, Error *e);
/* From now on rows with one number for each key are filled up to whole lines of memory (numbers.h), with keys behind the last that nobody sees:
 * so decoding reads and writes them in whole vectors, and a plan serves several tokens. On an error the plan is as it was. */
int plan_fill_lines(Plan *p, const Model *m, Error *e);
void plan_free(Plan *p);

/* The index of the stage of that exact name, or -1. TransformerLens's hook names are accepted for a decoder (hook.h). */
int plan_find(const Plan *p, const char *name);

/* Where the sub-layer, layer or stack that holds stage i begins and ends (one past the last). */
void plan_sub(const Plan *p, size_t i, size_t *first, size_t *end);
void plan_layer(const Plan *p, size_t i, size_t *first, size_t *end);
void plan_stack(const Plan *p, size_t i, size_t *first, size_t *end);

#endif
