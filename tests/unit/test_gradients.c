/* test_gradients.c - every stage's backward against finite differences of its forward, in the double build. (In float a difference of two
 * losses is rounding noise: tests/golden has the numbers for it.)
 *
 * (loss(x + h) - loss(x - h)) / 2h is d(loss)/dx up to terms of h². Entries are chosen at random from every weight and from every stage's value.
 * An error is taken relative to the tensor's largest gradient, but to no less than 1e-3 of the largest of all. */
#include "pass/bundle.h"

#include "base/random.h"
#include "measure_help.h"
#include "pass/ablation.h"
#include "pass/loss.h"
#include "tensor/kernels.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ENTRIES = 4, LENGTH = 6 };

static const double STEP = 1e-5, TOLERANCE = 1e-6;

static const int source[] = {1, 6, 2, 17, 12}, target[LENGTH] = {16, 19, 13, 7, 4, 4}, targets[LENGTH] = {19, 13, -1, 7, 4, 0};

static bool needs_double(void)
{
    if (!REAL_IS_DOUBLE)
        cr_skip_test("finite differences need REAL=double");
    return REAL_IS_DOUBLE;
}

static PassInput input_of(const Model *m)
{
    bool encoder = config_has_stack(&m->config, STACK_ENCODER), decoder = config_has_stack(&m->config, STACK_DECODER);
    if (!decoder)
        return (PassInput){.source = target, .source_len = LENGTH};
    return (PassInput){source, target, encoder ? sizeof source / sizeof *source : 0, LENGTH};
}

static Model *open_random(const char *config)
{
    char name[512];
    Error e = {{0}};
    snprintf(name, sizeof name, "random:%s", config);
    Model *m = model_open(name, NULL, &e);
    cr_assert(m, "%s", e.text);
    return m;
}

static double largest(const real *x, size_t n)
{
    double most = 0;
    for (size_t i = 0; i < n; i++)
        most = fmax(most, fabs((double)x[i]));
    return most;
}

/* ---- what is perturbed ---- */

/* The loss that is differentiated: a pass's, or the sum that training takes of several sequences. */
typedef struct Subject {
    Pass *pass;
    Bundle *bundle;
    BundleTraining training; /* its gradients are not looked at */
} Subject;

static double loss_of(Subject *s)
{
    double loss = 0;
    if (s->pass)
        cr_assert_eq(pass_loss(s->pass, targets, LENGTH, &loss, NULL), 0);
    else
        cr_assert_eq(bundle_run(s->bundle, &s->training, &loss, NULL), 0);
    return loss;
}

static double weight_difference(Subject *s, Model *m, size_t w, size_t at)
{
    real *x = weights_values(&m->weights, w) + at, before = *x;
    double loss[2];
    for (int i = 0; i < 2; i++) {
        *x = before + (real)(i ? STEP : -STEP);
        if (s->pass)
            pass_forget(s->pass, 0);
        loss[i] = loss_of(s);
    }
    *x = before;
    if (s->pass)
        pass_forget(s->pass, 0);
    return (loss[1] - loss[0]) / (2 * STEP);
}

static double stage_difference(Subject *s, size_t stage, size_t at)
{
    real before = pass_value(s->pass, stage)[at];
    double loss[2];
    for (int i = 0; i < 2; i++) {
        pass_override(s->pass, stage, at, before + (real)(i ? STEP : -STEP));
        loss[i] = loss_of(s);
    }
    pass_override(s->pass, stage, at, before);
    return (loss[1] - loss[0]) / (2 * STEP);
}

/* ---- weights and stages of one config ---- */

static void check_weights(Model *m, Subject *s, const real *const *gradients, const char *what)
{
    const Weights *w = &m->weights;
    Random r = random_seeded(1);
    double all = 0;
    for (size_t i = 0; i < w->count; i++)
        all = fmax(all, largest(gradients[i], w->items[i].count));
    for (size_t i = 0; i < w->count; i++)
        for (int k = 0; k < ENTRIES; k++) {
            size_t at = (size_t)random_below(&r, w->items[i].count);
            if (strstr(w->items[i].name, ".W_E")) /* a row that is read */
                at = (size_t)target[k] * w->items[i].shape[1] + at % w->items[i].shape[1];
            double expected = weight_difference(s, m, i, at), found = (double)gradients[i][at];
            double size = fmax(largest(gradients[i], w->items[i].count), 1e-3 * all);
            cr_expect_leq(fabs(found - expected), TOLERANCE * size, "%s: %s[%zu]: %.12g, by differences %.12g", what, w->items[i].name, at,
                          found, expected);
        }
}

static void check_stages(Subject *s, bool kinds[STAGE_KIND_COUNT], const char *what)
{
    const Plan *plan = pass_plan(s->pass);
    Random r = random_seeded(2);
    double all = 0;
    for (size_t i = 0; i < plan->count; i++)
        all = fmax(all, largest(pass_gradient(s->pass, i), plan->stages[i].count));
    for (size_t i = 0; i < plan->count; i++) {
        const real *gradient = pass_gradient(s->pass, i);
        char name[STAGE_NAME_MAX];
        kinds[plan->stages[i].kind] = true;
        if (plan->stages[i].kind == STAGE_POSITIONS && plan->config->position == POSITION_SINUSOIDAL)
            continue; /* a table: no gradient is taken through a constant, as in the reference */
        for (int k = 0; k < ENTRIES; k++) {
            size_t at = (size_t)random_below(&r, plan->stages[i].count);
            if (!isfinite((double)pass_value(s->pass, i)[at]))
                continue; /* hidden */
            double expected = stage_difference(s, i, at), size = fmax(largest(gradient, plan->stages[i].count), 1e-3 * all);
            cr_expect_leq(fabs((double)gradient[at] - expected), TOLERANCE * size, "%s: %s[%zu]: %.12g, by differences %.12g", what,
                          stage_name(&plan->stages[i], name), at, (double)gradient[at], expected);
        }
    }
}

static void check_config(const char *config, const char *ablations, bool kinds[STAGE_KIND_COUNT])
{
    Model *m = open_random(config);
    Ablations a;
    Error e = {{0}};
    double loss;
    cr_assert_eq(ablations_parse(&a, ablations, &e), 0, "%s", e.text);
    Subject s = {.pass = pass_create(m, input_of(m), a, &e)};
    cr_assert(s.pass, "%s", e.text);
    cr_assert_eq(pass_backward(s.pass, targets, LENGTH, &loss, &e), 0, "%s", e.text);
    const real **gradients = calloc(m->weights.count, sizeof *gradients);
    for (size_t i = 0; i < m->weights.count; i++)
        gradients[i] = pass_weight_gradient(s.pass, i);
    check_weights(m, &s, gradients, config);
    check_stages(&s, kinds, config);
    free(gradients);
    pass_free(s.pass);
    model_free(m);
}

#define GPT "kind=decoder,d_model=12,n_heads=3,decoder_layers=2,d_ff=20,vocab_size=23,position=learned,max_len=8"
#define LLAMA                                                                                                                              \
    "kind=decoder,d_model=12,n_heads=4,d_head=4,n_kv_heads=2,decoder_layers=2,d_ff=20,vocab_size=23,position=rope,norm=rmsnorm,ffn=gated," \
    "activation=silu,bias=false,tie_embeddings=false"
#define ORIGINAL                                                                                                                           \
    "kind=encoder-decoder,d_model=12,n_heads=3,encoder_layers=1,decoder_layers=2,d_ff=20,vocab_size=23,position=sinusoidal,"               \
    "norm_position=post,activation=relu,embed_scale=true"
#define BERT                                                                                                                               \
    "kind=encoder,d_model=12,n_heads=2,encoder_layers=2,d_ff=20,vocab_size=23,position=learned,max_len=8,norm_position=post,activation=gelu"
#define MARIAN                                                                                                                             \
    "kind=encoder-decoder,d_model=12,n_heads=3,encoder_layers=1,decoder_layers=1,d_ff=20,vocab_size=23,position=sinusoidal,"               \
    "sinusoid_pairing=half,norm_position=post,activation=silu,embed_scale=true,share_embeddings=true,output_bias=true,bos=16,"             \
    "suppress_bos=true"
#define HEADED BERT ",token_types=2,embed_norm=true,output_head=true,output_bias=true,eos=2"
#define NEOX                                                                                                                               \
    "kind=decoder,d_model=12,n_heads=2,d_head=6,decoder_layers=2,d_ff=20,vocab_size=23,position=rope,rope_dims=4,parallel=true,"            \
    "tie_embeddings=false"
#define QWEN3                                                                                                                  \
    "kind=decoder,d_model=12,n_heads=4,n_kv_heads=2,d_head=6,decoder_layers=2,d_ff=20,vocab_size=23,norm=rmsnorm,norm_eps=0.01,position=rope," \
    "qk_norm=true,activation=silu,ffn=gated,bias=false,tie_embeddings=false"
#define ALIBI "kind=decoder,d_model=12,n_heads=3,n_kv_heads=1,decoder_layers=2,vocab_size=23,d_ff=20,position=alibi,activation=gelu_tanh"

Test(gradients, agree_with_finite_differences_for_every_kind_of_stage)
{
    bool kinds[STAGE_KIND_COUNT] = {false};
    if (!needs_double())
        return;
    check_config(GPT, "", kinds);
    check_config(LLAMA, "", kinds);
    check_config(LLAMA ",rope_pairing=interleaved,norm_position=post", "", kinds);
    check_config(ORIGINAL, "", kinds);
    check_config(BERT, "", kinds);
    check_config(MARIAN, "", kinds);
    check_config(MARIAN ",tie_embeddings=false", "", kinds);
    check_config(ALIBI, "", kinds);
    check_config(HEADED, "", kinds);
    check_config("kind=encoder,d_model=12,n_heads=2,encoder_layers=1,d_ff=20,vocab_size=23,norm=rmsnorm,position=alibi,activation=silu,bias=false,"
                 "tie_embeddings=false,token_types=3,embed_norm=true,output_head=true,output_bias=true,eos=3,pad=7", "", kinds);
    check_config(QWEN3, "", kinds);
    check_config(ORIGINAL ",qk_norm=true", "", kinds);
    check_config("kind=decoder,d_model=12,n_heads=3,decoder_layers=2,vocab_size=23,position=none,norm=none,ffn=none,qk_norm=true", "", kinds);
    check_config(NEOX, "", kinds);
    check_config(NEOX ",rope_pairing=interleaved,ffn=gated,norm=rmsnorm", "", kinds);
    check_config("kind=decoder,d_model=12,n_heads=3,decoder_layers=2,vocab_size=23,position=none,norm=none,ffn=none", "", kinds);
    for (int k = 0; k < STAGE_KIND_COUNT; k++)
        cr_expect(kinds[k], "%s: no config above has this stage: add one", stage_table[k].id);
}

Test(gradients, agree_with_finite_differences_under_every_ablation)
{
    bool kinds[STAGE_KIND_COUNT] = {false};
    if (!needs_double())
        return;
    for (int i = 0; i < ABLATION_COUNT; i++) {
        check_config(GPT, ablation_table[i].name, kinds);
        check_config(ORIGINAL, ablation_table[i].name, kinds);
        check_config(NEOX, ablation_table[i].name, kinds);
        check_config(HEADED, ablation_table[i].name, kinds);
        check_config(QWEN3, ablation_table[i].name, kinds);
    }
    check_config(LLAMA, "no-positions", kinds);
    check_config(ALIBI, "no-positions", kinds);
    check_config(LLAMA, "no-norm,uniform-attention", kinds);
}

/* Token 4 of the decoder's input and token 2 of the source are padding. */
Test(gradients, agree_with_finite_differences_with_padding)
{
    bool kinds[STAGE_KIND_COUNT] = {false};
    if (!needs_double())
        return;
    check_config(GPT ",pad=4", "", kinds);
    check_config(ORIGINAL ",pad=2", "", kinds);
    check_config(ORIGINAL ",pad=4", "uniform-attention", kinds);
    check_config(GPT ",pad=16", "", kinds); /* the first token: its own row must not be empty */
}

/* ---- several sequences at once: label smoothing, dropout, a gradient that is added to what is there ---- */

/* Sequences of other lengths in front of and behind the one that the pass is fed. */
static const int short_targets[] = {4, -1, 3, 8, 2};

enum { SEQUENCES = 3 };

static void add_sequences(Bundle *u, const Model *m)
{
    PassInput in = input_of(m);
    PassInput other[SEQUENCES] = {in, in, in};
    const int *to[SEQUENCES] = {short_targets, targets, short_targets};
    Error e = {{0}};
    bool decoder = in.target_len > 0;
    for (int i = 0; i < SEQUENCES; i += 2) {
        if (in.source_len)
            other[i].source_len = i ? 5 : 3;
        if (decoder)
            other[i].target_len = i ? 2 : 5;
    }
    for (int i = 0; i < SEQUENCES; i++) {
        size_t n = decoder ? other[i].target_len : other[i].source_len;
        cr_assert_eq(bundle_add(u, other[i], to[i], n, (uint64_t)i, &e), 0, "%s", e.text);
    }
}

/* By weight, pointers into one block of zeros. */
static real **new_gradients(const Weights *w, real **block)
{
    real **gradients = calloc(w->count, sizeof *gradients);
    *block = calloc(w->total, sizeof **block);
    cr_assert(gradients && *block);
    for (size_t i = 0, at = 0; i < w->count; at += w->items[i++].count)
        gradients[i] = *block + at;
    return gradients;
}

static void check_training(const char *config, double smoothing, double dropout)
{
    Model *m = open_random(config);
    Error e = {{0}};
    real *block, *unused_block, **gradients = new_gradients(&m->weights, &block), **unused = new_gradients(&m->weights, &unused_block);
    Bundle *u = bundle_create(m, 0, &e);
    cr_assert(u, "%s", e.text);
    add_sequences(u, m);
    BundleTraining t = {.smoothing = smoothing, .dropout = dropout, .gradients = gradients};
    Subject s = {NULL, u, t};
    s.training.gradients = unused;
    double sum = 0;
    cr_assert_eq(bundle_run(u, &t, &sum, &e), 0, "%s", e.text);
    check_weights(m, &s, (const real *const *)gradients, config);
    free(block);
    free(gradients);
    free(unused_block);
    free(unused);
    bundle_free(u);
    model_free(m);
}

Test(gradients, of_training_agree_with_finite_differences)
{
    if (!needs_double())
        return;
    check_training(GPT, 0, 0);
    check_training(GPT, 0.1, 0);
    check_training(GPT, 0.1, 0.3);
    check_training(GPT ",pad=4", 0, 0);
    check_training(ORIGINAL, 0.2, 0.2);
    check_training(ORIGINAL ",pad=17", 0.2, 0);
    check_training(LLAMA, 0, 0.5);
    check_training(ALIBI, 0.1, 0);
    check_training(BERT, 0, 0.1);
    check_training(QWEN3, 0.1, 0.2);
    check_training(ORIGINAL ",qk_norm=true", 0, 0);
}

/* ---- in every build ---- */

/* What several sequences come to at once is the sum of what passes give for each. */
static void compare_with_passes(const char *config, const char *ablations)
{
    Model *m = open_random(config);
    const Weights *w = &m->weights;
    Ablations a;
    Error e = {{0}};
    cr_assert_eq(ablations_parse(&a, ablations, &e), 0);
    real *block, *sums_block, **gradients = new_gradients(w, &block), **sums = new_gradients(w, &sums_block);
    Bundle *u = bundle_create(m, a, &e);
    BundleTraining t = {.gradients = gradients};
    double sum = 0, expected = 0, largest_of_all = 0;
    add_sequences(u, m);
    cr_assert_eq(bundle_run(u, &t, &sum, &e), 0, "%s", e.text);

    PassInput in = input_of(m);
    bool decoder = in.target_len > 0;
    for (int i = 0; i < SEQUENCES; i++) {
        PassInput one = in;
        double loss;
        if (i != 1 && in.source_len)
            one.source_len = i ? 5 : 3;
        if (i != 1 && decoder)
            one.target_len = i ? 2 : 5;
        size_t n = decoder ? one.target_len : one.source_len, counted = 0;
        const int *to = i == 1 ? targets : short_targets;
        Pass *p = pass_create(m, one, a, &e);
        cr_assert_eq(pass_backward(p, to, n, &loss, &e), 0, "%s", e.text);
        for (size_t k = 0; k < n; k++)
            counted += to[k] >= 0;
        expected += loss * (double)counted;
        for (size_t k = 0; k < w->count; k++)
            for (size_t j = 0; j < w->items[k].count; j++)
                sums[k][j] += pass_weight_gradient(p, k)[j] * (real)counted;
        pass_free(p);
    }
    const double close = REAL_IS_DOUBLE ? 1e-11 : a & NO_NORM ? 1e-3 : 2e-5; /* without norms numbers grow, and rounding with them */
    cr_expect_float_eq(sum, expected, close * expected, "%s: %g, expected %g", config, sum, expected);
    for (size_t k = 0; k < w->count; k++)
        largest_of_all = fmax(largest_of_all, largest(sums[k], w->items[k].count));
    for (size_t k = 0; k < w->count; k++) {
        double size = fmax(largest(sums[k], w->items[k].count), 1e-2 * largest_of_all); /* b_K has 0 and noise */
        for (size_t j = 0; j < w->items[k].count; j++)
            cr_assert_float_eq((double)gradients[k][j], (double)sums[k][j], close * size, "%s %s: %s[%zu]: %g, expected %g", config, ablations,
                               w->items[k].name, j, (double)gradients[k][j], (double)sums[k][j]);
    }
    free(block);
    free(gradients);
    free(sums_block);
    free(sums);
    bundle_free(u);
    model_free(m);
}

Test(gradients, of_several_sequences_are_the_sum_of_those_of_passes)
{
    compare_with_passes(GPT, "");
    compare_with_passes(LLAMA, "");
    compare_with_passes(ORIGINAL, "");
    compare_with_passes(BERT, "");
    compare_with_passes(ALIBI, "");
    compare_with_passes(QWEN3, "");
    compare_with_passes(QWEN3, "no-norm");
    compare_with_passes(ORIGINAL ",qk_norm=true", "");
    compare_with_passes(GPT ",pad=4", "");
    compare_with_passes(ORIGINAL ",pad=6", "");
    compare_with_passes(BERT ",token_types=2,eos=13", ""); /* each has its own segments */
    compare_with_passes(LLAMA ",parallel=true,window=2,rope_dims=2", "");
    for (int i = 0; i < ABLATION_COUNT; i++)
        compare_with_passes(ORIGINAL, ablation_table[i].name);
}

/* Wherever in a row of any width the largest stands, nothing overflows. */
Test(gradients, a_softmax_is_of_its_whole_row)
{
    enum { MOST = 50 };
    for (size_t n = 1; n <= MOST; n++)
        for (size_t at = 0; at < n; at++) {
            real x[MOST] = {0}, y[MOST];
            x[at] = 2000;
            softmax_forward(y, x, 1, n);
            for (size_t j = 0; j < n; j++)
                cr_assert_eq((double)y[j], j == at ? 1 : 0, "%zu of %zu: %g", j, n, (double)y[j]);
        }
}

/* The loss of a row by its definition, also where the softmax has no room for the target's probability. */
Test(gradients, the_loss_of_a_row_is_minus_the_log_of_its_probability)
{
    enum { V = 5 };
    const real rows[][V] = {{1, 2, 3, 4, 5}, {0, 0, 0, 0, 0}, {-200, 300, 1, 2, 3}, {1000, -1000, 0, 5, 7}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        real probs[V];
        double max = -INFINITY, total = 0, mean = 0;
        for (int j = 0; j < V; j++)
            max = fmax(max, (double)rows[i][j]);
        for (int j = 0; j < V; j++)
            total += exp((double)rows[i][j] - max);
        for (int j = 0; j < V; j++) {
            probs[j] = (real)(exp((double)rows[i][j] - max) / total);
            mean += (max + log(total) - (double)rows[i][j]) / V;
        }
        for (int j = 0; j < V; j++) {
            double expected = max + log(total) - (double)rows[i][j], smooth = 0.9 * expected + 0.1 * mean;
            cr_expect_float_eq(loss_row(rows[i], probs, V, j, 0), expected, 1e-6, "row %zu, token %d", i, j);
            cr_expect_float_eq(loss_row(rows[i], probs, V, j, 0.1), smooth, 1e-6 * (1 + smooth), "row %zu, token %d", i, j);
            real slopes[V] = {0};
            loss_row_backward(slopes, probs, V, j, 0.1, 0.25);
            for (int k = 0; k < V; k++)
                cr_expect_float_eq((double)slopes[k], 0.25 * ((double)probs[k] - 0.9 * (k == j) - 0.1 / V), 1e-6, "row %zu, %d", i, j);
        }
    }
}
