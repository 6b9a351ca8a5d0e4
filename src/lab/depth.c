/* depth.c - gradients and likeness of tokens by depth, at initialisation: with residuals and without, with norms and without.
 *
 * Owns the comparison. Nothing is trained here. */
#include "lab/lab.h"
#include "lab/setup.h"

#include "base/text.h"
#include "measure/gradient.h"

#include <stdio.h>
#include <stdlib.h>

/* What is built. */
typedef struct Variant {
    const char *name, *norm;
    Ablations ablations;
} Variant;

static const Variant variants[] = {
    {"pre-residual", "norm=layernorm,norm_position=pre", 0},
    {"post-residual", "norm=layernorm,norm_position=post", 0},
    {"off-residual", "norm=none", 0},
    {"pre-bare", "norm=layernorm,norm_position=pre", NO_RESIDUAL},
    {"off-bare", "norm=none", NO_RESIDUAL},
};
enum { VARIANTS = sizeof variants / sizeof *variants, LAYERS_MAX = 64 };

/* One model of one seed, layer by layer. */
typedef struct Profile {
    double cosine[LAYERS_MAX], stream[LAYERS_MAX], w_q[LAYERS_MAX], first; /* first: d(loss)/d(embeddings) */
} Profile;

typedef struct Means {
    Spread cosine[LAYERS_MAX], stream[LAYERS_MAX], w_q[LAYERS_MAX], first;
} Means;

/* Where a layer's stream leaves it. */
static int end_of_layer(const Pass *p, const char *stack, size_t layer)
{
    const char *last = config_has_stack(&pass_model(p)->config, STACK_DECODER) && pass_model(p)->config.ffn == FFN_NONE ? "self" : "ffn";
    if (pass_model(p)->config.norm != NORM_NONE && pass_model(p)->config.norm_position == NORM_POST)
        return setup_stage(p, "%s.%zu.%s.norm", stack, layer, last);
    return setup_stage(p, "%s.%zu.%s.residual", stack, layer, last);
}

static void read_profile(Profile *out, Pass *p, const char *stack, size_t layers)
{
    for (size_t l = 0; l < layers; l++) {
        size_t i = (size_t)end_of_layer(p, stack, l);
        out->cosine[l] = stream_point(p, i).cosine;
        out->stream[l] = gradient_size(pass_gradient(p, i), pass_plan(p)->stages[i].count).norm;
        out->w_q[l] = setup_weight_gradient(p, "%s.%zu.self.W_Q", stack, l);
    }
    size_t embedded = (size_t)setup_stage(p, "%s.embed.sum", stack);
    out->first = gradient_size(pass_gradient(p, embedded), pass_plan(p)->stages[embedded].count).norm;
}

static int measure(Lab *lab, const Variant *v, const Init *init, size_t layers, Profile *out, Error *e)
{
    bool causal = lab_is(lab, "kind", "decoder");
    const char *stack = causal ? "decoder" : "encoder";
    size_t n = lab_size(lab, "length"), vocab = 64;
    double loss;
    int *ids = malloc(2 * n * sizeof *ids);
    if (!ids)
        return error_memory(e, "depth");
    setup_ids(ids, 2 * n, vocab, init->seed + 1000);
    Model *m = setup_model(init, e, "kind=%s,d_model=%zu,n_heads=4,d_ff=%zu,%s_layers=%zu,vocab_size=%zu,position=learned,activation=%s,%s", stack,
                           lab_size(lab, "d_model"), 4 * lab_size(lab, "d_model"), stack, layers, vocab, "gelu_tanh", v->norm);
    PassInput input = causal ? (PassInput){NULL, ids, 0, n} : (PassInput){ids, NULL, n, 0};
    Pass *p = m ? pass_create(m, input, v->ablations, e) : NULL;
    int status = p ? pass_backward(p, ids + n, n, &loss, e) : -1;
    if (status == 0)
        read_profile(out, p, stack, layers);
    pass_free(p);
    model_free(m);
    free(ids);
    return status;
}

static void add(Means *to, const Profile *x, size_t layers)
{
    for (size_t l = 0; l < layers; l++) {
        spread_add(&to->cosine[l], x->cosine[l]);
        spread_add(&to->stream[l], x->stream[l]);
        spread_add(&to->w_q[l], x->w_q[l]);
    }
    spread_add(&to->first, x->first);
}

/* ---- tables ---- */

static void summary_columns(Table *t)
{
    table_text_column(t, "case", _("norm-residuals-init-layers"));
    table_column(t, "layers", _("layers"), 0);
    table_column(t, "cosine", _("token cosine, last layer"), 4);
    table_column(t, "cosine_spread", _("± seeds"), 4);
    table_column(t, "cosine_3", _("token cosine, layer 3"), 4);
    table_column(t, "embedding", _("|d embeddings|"), -1);
    table_column(t, "embedding_spread", _("± seeds"), -1);
    table_column(t, "w_q_first", _("|d W_Q| first layer"), -1);
    table_column(t, "w_q_last", _("|d W_Q| last layer"), -1);
}

static void add_summary(Table *t, const char *name, const Means *m, size_t layers)
{
    size_t row = table_row(t);
    table_set_text(t, row, "case", name);
    table_set(t, row, "layers", (double)layers);
    table_set(t, row, "cosine", m->cosine[layers - 1].mean);
    table_set(t, row, "cosine_spread", spread_deviation(&m->cosine[layers - 1]));
    table_set(t, row, "cosine_3", layers > 2 ? m->cosine[2].mean : NAN);
    table_set(t, row, "embedding", m->first.mean);
    table_set(t, row, "embedding_spread", spread_deviation(&m->first));
    table_set(t, row, "w_q_first", m->w_q[0].mean);
    table_set(t, row, "w_q_last", m->w_q[layers - 1].mean);
}

/* The deepest models layer by layer. */
static void add_profile(Table *t, Plot *cosines, Plot *gradients, const char *name, const Means *m, size_t layers)
{
    size_t a = plot_series(cosines, name), b = plot_series(gradients, name);
    for (size_t l = 0; l < layers; l++) {
        char key[96];
        size_t row = table_row(t);
        snprintf(key, sizeof key, "%s-%zu", name, l + 1);
        table_set_text(t, row, "case", key);
        table_set(t, row, "layer", (double)(l + 1));
        table_set(t, row, "cosine", m->cosine[l].mean);
        table_set(t, row, "stream", m->stream[l].mean);
        table_set(t, row, "w_q", m->w_q[l].mean);
        plot_point_spread(cosines, a, (double)(l + 1), m->cosine[l].mean, m->cosine[l].mean - spread_deviation(&m->cosine[l]),
                          m->cosine[l].mean + spread_deviation(&m->cosine[l]));
        plot_point(gradients, b, (double)(l + 1), m->stream[l].mean > 0 ? m->stream[l].mean : NAN);
    }
}

/* ---- notes ---- */

/* Finds "VARIANT-INIT-LAYERS" in the summary; what one of its columns says, NaN where it was not run. */
static double of(const Table *t, const char *variant, const char *init, size_t layers, const char *column)
{
    char key[96];
    snprintf(key, sizeof key, "%s-%s-%zu", variant, init, layers);
    int row = table_find_row(t, key), at = table_find_column(t, column);
    return row < 0 || at < 0 ? NAN : table_number(t, (size_t)row, (size_t)at);
}

static void add_notes(Lab *lab, const Table *t, const char *init, size_t shallow, size_t deep)
{
    lab_note(lab, _("%s, %zu layers: with norms but without residuals the token cosine of the last layer is %.4f; |dW_Q| of the last layer is %.2g, "
                    "with pre-norm residuals %.2g. The gradient at the embeddings is %.2g, against %.2g at %zu layers."),
             init, deep, of(t, "pre-bare", init, deep, "cosine"), of(t, "pre-bare", init, deep, "w_q_last"), of(t, "pre-residual", init, deep, "w_q_last"),
             of(t, "pre-bare", init, deep, "embedding"), of(t, "pre-bare", init, shallow, "embedding"), shallow);
    lab_note(lab, _("%s, without residuals and without norms the gradient at the embeddings goes from %.2g (%zu layers) to %.2g (%zu layers)."), init,
             of(t, "off-bare", init, shallow, "embedding"), shallow, of(t, "off-bare", init, deep, "embedding"), deep);
    lab_note(lab, _("%s, with residuals, %zu layers: token cosine %.4f with post-norm, %.4f with pre-norm."), init, deep,
             of(t, "post-residual", init, deep, "cosine"), of(t, "pre-residual", init, deep, "cosine"));
}

int lab_run_depth(Lab *lab, Error *e)
{
    static const Init inits[] = {{.kind = INIT_XAVIER}, {.kind = INIT_NORMAL, .deviation = 0.02}};
    static const char *const init_names[] = {"xavier", "normal"};
    const LabValue *depths = lab_value(lab, "layers");
    size_t seeds = lab_size(lab, "seeds"), deepest = 0, shallowest = LAYERS_MAX, done = 0;
    for (size_t k = 0; k < depths->count; k++) {
        size_t layers = (size_t)depths->numbers[k];
        deepest = layers > deepest ? layers : deepest;
        shallowest = layers < shallowest ? layers : shallowest;
    }
    Means *means = calloc(1, sizeof *means);
    Profile *profile = calloc(1, sizeof *profile);
    Table *summary = lab_table_new(lab, "summary", _("gradients and likeness of tokens by depth, at initialisation")), *layers = lab_table_new(lab, "layers", _("the deepest models, layer by layer"));
    summary_columns(summary);
    table_text_column(layers, "case", _("norm-residuals-init-layer"));
    table_column(layers, "layer", _("layer"), 0);
    table_column(layers, "cosine", _("token cosine"), 4);
    table_column(layers, "stream", _("|d stream|"), -1);
    table_column(layers, "w_q", _("|d W_Q|"), -1);
    Plot *cosines = lab_plot_new(lab, _("token cosine by layer"), _("layer"), _("mean cosine between tokens"));
    Plot *gradients = lab_plot_new(lab, _("gradient by layer"), _("layer"), _("|d stream|"));
    gradients->y_log = true;
    int status = means && profile ? 0 : error_memory(e, "depth");
    for (int i = 0; i < 2 && status == 0; i++) {
        if (!lab_is(lab, "init", "both") && !lab_is(lab, "init", init_names[i]))
            continue;
        for (size_t v = 0; v < VARIANTS && status == 0; v++)
            for (size_t k = 0; k < depths->count && status == 0; k++) {
                size_t depth = (size_t)depths->numbers[k];
                char name[64];
                *means = (Means){.first = {0}};
                for (size_t seed = 1; seed <= seeds && status == 0; seed++) {
                    Init init = inits[i];
                    init.seed = seed;
                    status = measure(lab, &variants[v], &init, depth, profile, e);
                    if (status == 0)
                        add(means, profile, depth);
                }
                if (status != 0)
                    break;
                snprintf(name, sizeof name, "%s-%s-%zu", variants[v].name, init_names[i], depth);
                add_summary(summary, name, means, depth);
                snprintf(name, sizeof name, "%s-%s", variants[v].name, init_names[i]);
                if (depth == deepest)
                    add_profile(layers, cosines, gradients, name, means, depth);
                status = lab_progress(lab, (double)++done / (double)(2 * VARIANTS * depths->count), name, e);
            }
        if (status == 0)
            add_notes(lab, summary, init_names[i], shallowest, deepest);
    }
    free(means);
    free(profile);
    return status;
}

const LabParam lab_params_depth[] = {
    {"layers", LAB_INTEGERS, "2,6,12,24,48", "2,12", 1, LAYERS_MAX, NULL, N_("depths")},
    {"init", LAB_WORD, "both", NULL, 0, 0, "both|xavier|normal", N_("Xavier's, or normal with a standard deviation of 0.02 (GPT-2)")},
    {"kind", LAB_WORD, "decoder", NULL, 0, 0, "decoder|encoder", N_("causal or not")},
    {"d_model", LAB_INTEGER, "32", NULL, 8, 256, NULL, N_("width")},
    {"length", LAB_INTEGER, "16", NULL, 2, 256, NULL, N_("tokens, drawn at random, and as many random targets")},
    {"seeds", LAB_INTEGER, "3", "2", 2, 100, NULL, N_("models, seeds 1, 2, …")},
    {NULL, LAB_INTEGER, NULL, NULL, 0, 0, NULL, NULL},
};
