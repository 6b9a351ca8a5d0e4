/* stage.h - one named operation with one output tensor, and what runs it.
 *
 * Owns the list of kinds (stages.def). Knows nothing of the order of stages: that is plan.c's. */
#ifndef PASS_STAGE_H
#define PASS_STAGE_H

#include "base/buffer.h"
#include "model/config.h"
#include "pass/rope.h"
#include "tensor/matrix.h"

#include <stdbool.h>
#include <stddef.h>

/* What a dimension of a stage's tensor counts. */
typedef enum Axis {
    AXIS_NONE,
    AXIS_HEAD,      /* query heads */
    AXIS_KV_HEAD,   /* key/value heads: head h attends with kv_head h / (H / G) */
    AXIS_TOKEN,     /* positions of a stack */
    AXIS_QUERY,     /* positions that look */
    AXIS_KEY,       /* positions that are looked at */
    AXIS_DIM,       /* dimensions of the residual stream */
    AXIS_HEAD_DIM,  /* dimensions of one head */
    AXIS_HEADS_DIM, /* all heads' dimensions side by side */
    AXIS_UNIT,      /* units of the FFN */
    AXIS_VOCAB,     /* tokens of the vocabulary */
    AXIS_COUNT
} Axis;

/* The axis' name in addresses: "head", "kv_head", "token", "query", "key", "dim", "unit", "vocab". */
const char *axis_name(Axis a);

typedef enum StageKind {
#define STAGE(KIND, ...) STAGE_##KIND,
#include "pass/stages.def"
#undef STAGE
    STAGE_KIND_COUNT
} StageKind;

/* Which part of a stack a stage belongs to. */
typedef enum Sub { SUB_EMBED, SUB_SELF, SUB_CROSS, SUB_FFN, SUB_FINAL, SUB_OUTPUT } Sub;

typedef unsigned Ablations;
enum {
    NO_POSITIONS = 1u << 0,
    NO_RESIDUAL = 1u << 1,
    UNIFORM_ATTENTION = 1u << 2,
    NO_SCALE = 1u << 3,
    SCALE_BY_DK = 1u << 4,
    NO_MASK = 1u << 5,
    NO_NORM = 1u << 6,
    NO_FFN = 1u << 7,
    NO_ATTENTION = 1u << 8,
};

enum { STAGE_NAME_MAX = 48, STAGE_MAX_RANK = 3, NO_STAGE = -1, NO_WEIGHT = -1 };

typedef struct Stage {
    StageKind kind;
    Stack stack;
    int layer; /* -1 outside the layers */
    Sub sub;
    int in[2]; /* the stages it reads, by index in the plan, or NO_STAGE */
    int w[2];  /* the weights it reads, by index in the model's Weights, or NO_WEIGHT */
    int rank;  /* 2 or 3 */
    size_t shape[STAGE_MAX_RANK];
    Axis axes[STAGE_MAX_RANK];
    Stack axis_stack[STAGE_MAX_RANK]; /* whose positions a TOKEN, QUERY or KEY axis counts */
    size_t count;                     /* product of the shape */
} Stage;

/* Everything a kind's forward or backward may read and write. Tensors are row-major and contiguous, except that
 * keys and values may lie in a cache: heads then stand `stride` numbers apart, keys lie one dimension after the other, and values may lie
 * those of all heads of a position side by side (cache.c). stage_cached() knows. */
typedef struct StageRun {
    const Stage *stage;
    const Stage *in_stage[2];
    const Config *config;
    Ablations ablations;
    size_t past;       /* positions already in the cache: row t is position past + t */
    const int *ids;    /* TOKENS: the stack's token ids */
    const int *key_ids; /* stages with a key axis: the token ids of all keys, from position 0 */
    const real *in[2]; /* values of the inputs */
    size_t stride[2];  /* numbers from one head of in[i] to the next, where it has heads */
    size_t turned;     /* 0, or what in[1] has lies in a cache as [G, k, turned]: keys; see stage_cached() */
    size_t apart;      /* 0, or what in[1] has lies in a cache as [rows, G, k]: values; so many numbers, G k, from one row to the next */
    Matrix w[2];       /* weight and bias, or gain and bias; data is NULL where there is none. Vectors are always `real`s: stage_vector() */
    real *out;         /* the value: written by forward, read by backward */
    const real *dout;  /* d(loss)/d(out) */
    real *din[2];      /* d(loss)/d(in): added to */
    real *dw[2];       /* d(loss)/d(w): added to */
    real *scratch;     /* Q, K, V: room for as many numbers as the value has */
    const real *table; /* sinusoidal POSITIONS, Q_ROT, K_ROT: stage_fill_table's rows, the first that of position `past` */
    const size_t *lengths; /* Q, K, V: whose rows are those of several sequences, and so long is each; NULL: it is one */
    size_t sequences;
    bool one_by_one; /* the rows are to be what decoding computes when it is fed one token at a time: row t alone, against the cache of t
                        earlier tokens. A right forward need not look: it is the same. A wrong one may differ (bug.c) */
} StageRun;

/* Weight k of a stage where it is a vector, a gain or a bias; NULL where there is none. */
static inline const real *stage_vector(const StageRun *r, int k)
{
    return r->w[k].data;
}

/* SCORES: the keys [Tk, k] of a key/value head; HEADS: the values. */
static inline Matrix stage_cached(const StageRun *r, size_t head)
{
    const real *first = r->in[1] + head * r->stride[1];
    return r->turned ? matrix_transposed(matrix_of(first, r->turned)) : matrix_of(first, r->apart ? r->apart : r->config->d_head);
}

typedef void (*StageFn)(const StageRun *run);

typedef struct StageInfo {
    const char *id;      /* the last part of its name: "scores" */
    const char *title;   /* for people: "scores" → "raw scores"; translatable */
    const char *formula; /* in the names of the paper: "q · kᵀ" */
    const char *what;    /* one line: what it does and how to read its rows; translatable; shown as stage_what has it */
    const char *source;  /* the file that computes it */
    const char *family;  /* "scores": stage_scores_forward and stage_scores_backward are there */
    const char *w[2];    /* tags of its weights: "W_Q", "b_Q" */
    StageFn forward, backward;
} StageInfo;

extern const StageInfo stage_table[STAGE_KIND_COUNT];

/* What a stage does, translated: its kind's `what`, or where that is not true of this config, what is. */
const char *stage_what(const Stage *s, const Config *c);
/* "decoder.0.self.scores"; writes at most STAGE_NAME_MAX bytes into out, returns out. */
const char *stage_name(const Stage *s, char *out);
/* The name up to its last part: "decoder.0.self", "decoder.embed", "output"; for the final norm "decoder". */
const char *stage_prefix(const Stage *s, char *out);
/* "encoder", "decoder", "output" */
const char *stack_name(Stack s);
/* "embed", "self", "cross", "ffn", "final_norm", "output" */
const char *sub_name(Sub s);
/* True for x · W + b with a weight of its own: Q, K, V, OUT, the FFN's three, TRANSFORM, LOGITS. */
bool stage_is_linear(StageKind kind);
/* True where nothing of the decoder's text is read: the encoder, and what cross-attention makes of its output for keys and values. */
bool stage_is_of_source(const Stage *s);
/* True for a norm: of rows of the stream, or of each head's queries or keys. */
bool stage_is_norm(StageKind kind);
/* Which one it computes: the config's; of queries and keys always RMSNorm. */
NormKind stage_norm_kind(const Stage *s, const Config *c);
/* Only a decoder's self-attention is causal. */
bool stage_is_causal(const Stage *s);
/* The first key that a causal query at a position may see: 0, or where its window begins. */
size_t stage_window_start(const Config *c, size_t query);
/* The one rule of the mask: whether the query at a position may see the key at a position. A causal query sees no key behind
 * it and none before its window, unless no-mask; and nobody sees padding (a token of its own that the config names `pad`, among
 * key_ids), except a query that would then see nothing at all: no row of a softmax is empty. */
bool stage_sees(const Stage *s, const Config *c, Ablations a, const int *key_ids, size_t query, size_t key);
/* True where one of the n ids is hidden as padding. */
bool stage_hides(const Config *c, const int *ids, size_t n);
/* The segment of token t of an encoder's n ids, a row of W_T: 0 up to the first separator (the end token) and for padding, 1 behind it, as
 * BERT was fed a pair of texts. */
size_t stage_segment(const Config *c, const int *ids, size_t t);
/* The factor of SCALED: 1/sqrt(d_head), or what the config or the ablations make of it. */
double stage_scale(const Stage *s, const Config *c, Ablations a);
/* The same as what scores are divided by, and that as people write it, "√64", "(√64 · 3)": at most STAGE_DIVISOR_MAX bytes into out. */
enum { STAGE_DIVISOR_MAX = 48 };
double stage_divisor(const Stage *s, const Config *c, Ablations a, char *out);
/* ALiBi's slope of a head (Press, Smith and Lewis 2022). */
double alibi_slope(size_t head, size_t heads);
/* A value of the paper's sinusoidal table: sine in even dimensions, cosine in odd ones (Vaswani et al. 2017, 3.5). A config's own may have them
 * in another order: config_sinusoid_dim. */
double sinusoid(size_t position, size_t dim, size_t d_model);
/* What depends on positions only, made once and not in every stage: rows of the sinusoidal table [rows, d_model], or of RoPE's
 * cosines and sines times rope_magnitude, alternating [rows, config_rope_dims]; `first` is the first row's position. The width is 0 where
 * the config needs no table. */
size_t stage_table_width(const Config *c);
void stage_fill_table(real *table, const Config *c, size_t first, size_t rows);
/* The activation's name in a config. */
const char *activation_name(Activation a);

#define STAGE(KIND, id, title, formula, what, source, w0, w1, family) \
    void stage_##family##_forward(const StageRun *r);                 \
    void stage_##family##_backward(const StageRun *r);
#include "pass/stages.def"
#undef STAGE

#endif
