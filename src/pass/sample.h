/* sample.h - from the last row of logits to the next token, every step kept.
 *
 * Owns nothing: works in the caller's buffers, over the full vocabulary. */
#ifndef PASS_SAMPLE_H
#define PASS_SAMPLE_H

#include "base/random.h"
#include "pass/input.h"
#include "pass/pass.h"

typedef struct Sampler {
    double temperature; /* 0: greedy, the largest logit (the smaller id where two are equal) */
    size_t top_k;       /* 0: all. Of equal logits the smaller ids are kept */
    double top_p;       /* 1: all. The smallest set of most probable tokens whose probabilities sum to at least top_p,
                           of what temperature and top_k left (Holtzman et al. 2020, "nucleus sampling") */
    Random random;
} Sampler;

/* What each step made of the row; [vocab] each, in the order they are applied. At temperature 0 `scaled` is the row
 * itself and the later steps keep the one token. */
typedef struct SampleSteps {
    real *scaled; /* logits / temperature; infinite where a very small temperature overflows */
    real *top_k;  /* -inf outside the k largest */
    real *top_p;  /* -inf outside the nucleus */
    real *probs;  /* softmax of what is left */
    size_t left[2];    /* tokens that top_k left, and of these top_p */
    double kept[2];    /* the share that those have of what the step before left */
    double place;      /* the number drawn from [0, 1): the token is the one in whose share it falls, the largest logit first; 0 at temperature 0 */
    double from, upto; /* the drawn token's share: from <= place < upto, 0 and 1 being the ends of all that is left */
} SampleSteps;

/* SampleSteps in block [4, vocab]. */
SampleSteps sample_steps(real *block, size_t vocab);

/* The caller has checked: temperature >= 0 and finite, 0 < top_p <= 1. Returns the id drawn from
 * logits [vocab]; steps (or NULL) receives every step. -1 with e set without memory, or where the logits hold a NaN or +inf, or
 * nothing but -inf. */
int sample_next(Sampler *s, const real *logits, size_t vocab, SampleSteps *steps, Error *e);
/* shares [vocab] = softmax(logits / temperature) over the tokens that are not -inf in left [vocab], one of the steps; 0 elsewhere. Computed from
 * the logits in double: what a very small temperature made infinite is no matter. At temperature 0 left must hold one. */
void sample_shares(real *shares, const real *left, const real *logits, double temperature, size_t vocab);
/* The ids, the largest logit first, of equal ones the smaller id. */
void sample_order(size_t *order, const real *logits, size_t vocab);

/* The row that generation hands to sample_next: the logits, or where the config has a token that is never generated (suppress_bos) a copy in
 * room [vocab] in which that one's is -inf. */
const real *sample_row(const Config *c, const real *logits, real *room);

typedef struct GenerateOptions {
    size_t max_new; /* at most this many new tokens */
    bool to_end;    /* ends where one of the model's end tokens comes (generate_ends), which is not appended */
    bool cache;     /* use a key/value cache; no-mask cannot */
    const struct Bug *bug; /* of the hunt, NULL: none. One of the cache does nothing without it */
    Sampler sampler;
    SampleSteps *steps; /* filled for every token; may be NULL */
    /* called after every new token with the logits it was drawn from (a suppressed token's is -inf); returning false stops. May be NULL. */
    bool (*on_token)(void *context, int id, const real *logits);
    void *context;
} GenerateOptions;

/* Appends new tokens to in->target, which must hold at least one. Stops early where learned positions end (*at_limit is set, may be
 * NULL): what in->target holds can always be fed. */
int generate(const Model *m, Input *in, Ablations a, GenerateOptions *o, bool *at_limit, Error *e);
/* Whether generation ends at this id: an end token of the config's, or for llama2.c's files the begin token. */
bool generate_ends(const Model *m, int id);

#endif
