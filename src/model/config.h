/* config.h - the shape of a transformer.
 *
 * Owns the meaning of config.json's keys. Knows nothing of weights' values. */
#ifndef MODEL_CONFIG_H
#define MODEL_CONFIG_H

#include "base/buffer.h"
#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>

typedef enum { KIND_DECODER, KIND_ENCODER, KIND_ENCODER_DECODER } ModelKind;
typedef enum { NORM_LAYERNORM, NORM_RMSNORM, NORM_NONE } NormKind;
typedef enum { NORM_PRE, NORM_POST } NormPosition;
typedef enum { POSITION_NONE, POSITION_SINUSOIDAL, POSITION_LEARNED, POSITION_ROPE, POSITION_ALIBI } PositionKind;
typedef enum { PAIRING_HALF, PAIRING_INTERLEAVED } RopePairing;
/* How RoPE's turns are slowed down for texts longer than a model was first trained on (pass/rope.h). */
typedef enum { ROPE_SCALING_NONE, ROPE_SCALING_LINEAR, ROPE_SCALING_DYNAMIC, ROPE_SCALING_LLAMA3, ROPE_SCALING_YARN } RopeScaling;
/* A choice of one part; where it is not given, `bias` decides. */
typedef enum { SWITCH_UNSET, SWITCH_OFF, SWITCH_ON } Switch;
typedef enum { ACTIVATION_RELU, ACTIVATION_GELU, ACTIVATION_GELU_TANH, ACTIVATION_SILU } Activation;
typedef enum { FFN_MLP, FFN_GATED, FFN_NONE } FfnKind;
typedef enum { SPLIT_WORDS, SPLIT_CHARACTERS, SPLIT_LONGEST_MATCH, SPLIT_LLAMA2C, SPLIT_TOKENIZER } SplitKind;

/* Tokens with a meaning of their own. */
typedef enum { TOKEN_BOS, TOKEN_EOS, TOKEN_PAD, TOKEN_MASK, TOKEN_UNK, TOKEN_COUNT } SpecialToken;

typedef enum { STACK_ENCODER, STACK_DECODER, STACK_OUTPUT, STACK_COUNT } Stack;

/* The largest value of any size in a config. Large enough for every published model
 * that could be read here, small enough that a product of two cannot overflow. */
enum { CONFIG_MAX_SIZE = 1 << 24, CONFIG_MAX_LAYERS = 1024, CONFIG_MAX_TEXT = 1 << 20 /* bytes of a config.json */, CONFIG_MAX_ENDS = 8 };

typedef struct Config {
    ModelKind kind;
    size_t d_model, n_heads, n_kv_heads, d_head, d_ff;
    size_t encoder_layers, decoder_layers, vocab_size;
    size_t max_len; /* rows of learned positions; binds nothing else */
    NormKind norm;
    NormPosition norm_position;
    double norm_eps;
    PositionKind position;
    double rope_theta;
    RopePairing rope_pairing;
    RopePairing sinusoid_pairing; /* which dimensions of the sinusoidal table are a sine and its cosine: neighbours, as in the paper, or
                                     all sines in the first half, all cosines in the second (Marian) */
    size_t rope_dims; /* so many of a head's dimensions, the first, are turned; 0: all (config_rope_dims) */
    RopeScaling rope_scaling;
    double rope_factor;           /* of linear, dynamic, llama3 and yarn */
    size_t rope_original_len;     /* positions before scaling: of dynamic, llama3 and yarn */
    double rope_low_freq_factor, rope_high_freq_factor; /* of llama3 */
    double rope_beta_fast, rope_beta_slow;              /* of yarn: turns over the original length */
    double rope_attention_factor; /* of yarn: q and k are made longer by it; 0: 0.1 ln(rope_factor) + 1 */
    bool rope_truncate;           /* of yarn: the ramp's ends are whole pairs */
    Activation activation;
    FfnKind ffn;
    bool parallel;       /* attention and FFN read the same stream, each through its norm, and are added to it together:
                            x + attention(norm(x)) + ffn(norm(x)) (Wang and Komatsuzaki 2021, GPT-J) */
    bool qk_norm;        /* each head's queries and keys go through an RMSNorm of their own, before RoPE (Qwen3) */
    double score_scale;  /* what scores are multiplied by; 0: 1/sqrt(d_head) */
    bool scale_by_layer; /* scores of layer i are divided by i + 1 besides */
    size_t window;       /* a causal query sees its last `window` keys, itself included; 0: all */
    bool bias;
    Switch qkv_bias, out_bias, ffn_bias; /* exceptions to bias: of W_Q, W_K and W_V; of W_O; of the FFN */
    size_t token_types;  /* rows of W_T: what BERT calls segments; an encoder's only; 0: there is none */
    bool embed_norm;     /* a norm behind the embeddings, before the first layer */
    bool output_head;    /* before the unembedding each row goes through a linear map, the activation and a norm (BERT's MLM head) */
    bool output_bias;    /* each token's logit has a bias of its own, b_U */
    bool tie_embeddings; /* W_U is the transpose of the last stack's token embedding */
    bool share_embeddings; /* an encoder–decoder's decoder has no embedding of its own: it reads the encoder's */
    bool suppress_bos;     /* the begin token is never generated: its logit counts as −∞ (Marian, which begins with padding) */
    bool embed_scale;    /* token embeddings are multiplied by sqrt(d_model) */
    /* Special tokens by id, -1 where there is none ("tokens" in config.json). */
    int bos, eos, pad, mask, unk;
    int ends[CONFIG_MAX_ENDS]; /* other tokens that a generated text ends at, beside eos: Llama 3 has two more */
    size_t end_count;
    char *token_texts[TOKEN_COUNT]; /* where config.json gave a special token as text: that text, until
                                       the vocabulary was read and the id is known; else NULL; owned */
    SplitKind split;      /* how text becomes tokens ("split") */
    char *example;        /* a text to begin with ("example"), or NULL; owned */
    char **dim_names;     /* names of the residual stream's dimensions ("dimensions"),
                             d_model of them, or NULL; owned, see config_free */
} Config;

/* reference.py's DEFAULTS, completed. */
Config config_default(void);
void config_free(Config *c);
/* Copies c, names included. -1 without memory. */
int config_copy(Config *to, const Config *from, Error *e);

/* Reads config.json's text. `file` names it in errors. Unknown keys, wrong types, values
 * out of range and contradictions (n_kv_heads that does not divide n_heads, an odd d_head
 * with RoPE, …) are errors that name the key. Missing keys take their default; d_head 0
 * or null becomes d_model / n_heads, n_kv_heads 0 or null becomes n_heads. */
int config_read(Config *c, const char *text, size_t n, const char *file, Error *e);

/* Reads "KEY=VALUE,KEY=VALUE" (the text after `random:`) over the defaults, with the
 * same keys and checks; `seed` takes the key of that name and keeps its value where there is
 * none. bos=1, eos=2, … set the special tokens; `dimensions` cannot be given. */
int config_parse(Config *c, const char *text, unsigned long *seed, Error *e);

/* Checks a config that was filled in by code; `file` names it in errors. */
int config_check(const Config *c, const char *file, Error *e);

/* The name of a special token in config.json, "bos", and where its id stands in c. */
const char *config_token_name(SpecialToken which);
int *config_token(Config *c, SpecialToken which);
/* True for eos and for the other tokens that a generated text ends at. */
bool config_is_end(const Config *c, int id);
/* One of the other end tokens, where it is not among them yet. -1 where there is no room for it. */
int config_add_end(Config *c, int id);

/* Writes config.json. Check the buffer. */
void config_write(const Config *c, Buffer *out);

/* Layers of a stack; 0 where the kind has no such stack. */
size_t config_layers(const Config *c, Stack stack);
bool config_has_stack(const Config *c, Stack stack);
/* Whether the linear map of this tag ('Q', 'K', 'V', 'O', 'G', '1', '2', 'H') has a bias. */
bool config_has_bias(const Config *c, char tag);
/* The stack whose token embedding a stack reads: its own, but the encoder's where they are shared. */
Stack config_embedding_stack(const Config *c, Stack stack);
/* The dimension of the paper's sinusoidal table (sine in even ones, cosine in odd ones) that stands at `dim` of this one. */
size_t config_sinusoid_dim(const Config *c, size_t dim);
/* How many of a head's dimensions RoPE turns. */
size_t config_rope_dims(const Config *c);
/* The stack whose output is read by the unembedding. */
Stack config_last_stack(const Config *c);

/* One line for people: "decoder · pre-norm · learned positions · d 16, 4 heads, 2 layers". */
void config_describe(const Config *c, Buffer *out);

#endif
