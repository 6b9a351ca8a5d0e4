/* depth.c - gradients and likeness of tokens by depth, at initialisation: with residuals and without, with norms and without.
 *
 * Owns the comparison. Nothing is trained here. */
#include "lab/lab.h"
#include "lab/setup.h"

#include "base/text.h"
#include "measure/gradient.h"

#include <stdio.h>
#include <stdlib.h>

/* What is built: the norm before or after, or off; bare: without residuals. */
typedef struct Variant {
    const char *name, *norm;
    Ablations ablations;
} Variant;

static const Variant variants[] = {
    {"pre", "norm=layernorm,norm_position=pre", 0},
    {"post", "norm=layernorm,norm_position=post", 0},
    {"off", "norm=none", 0},
    {"pre-bare", "norm=layernorm,norm_position=pre", NO_RESIDUAL},
    {"off-bare", "norm=none", NO_RESIDUAL},
};
static const char *const columns[] = {"pre", "post", "off", "pre_bare", "off_bare"};
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
    Model *m = setup_model(init, e, "kind=%s,d_model=%zu,n_heads=4,d_ff=%zu,%s_layers=%zu,vocab_size=%zu,position=learned,activation=%s,%s",
                           stack, lab_size(lab, "d_model"), 4 * lab_size(lab, "d_model"), stack, layers, vocab, "gelu_tanh", v->norm);
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
    table_text_column(t, "case", _("norm-init-layers"));
    table_column(t, "cosine", _("token cosine, last layer"), 4);
    table_column(t, "cosine_spread", _("± seeds"), 4);
    table_column(t, "alike", _("alike from layer"), 0);
    table_column(t, "embedding", _("|d emb.|"), -3);
    table_column(t, "embedding_spread", _("± seeds"), -2);
    table_column(t, "w_q_last", _("|d W_Q| last"), -3);
}

static void add_summary(Table *t, const char *name, const Means *m, size_t layers)
{
    size_t row = table_row(t);
    table_set_text(t, row, "case", name);
    table_set(t, row, "cosine", m->cosine[layers - 1].mean);
    table_set(t, row, "cosine_spread", spread_deviation(&m->cosine[layers - 1]));
    for (size_t l = layers; l-- > 0 && m->cosine[l].mean > 0.999;)
        table_set(t, row, "alike", (double)(l + 1));
    table_set(t, row, "embedding", m->first.mean);
    table_set(t, row, "embedding_spread", spread_deviation(&m->first));
    table_set(t, row, "w_q_last", m->w_q[layers - 1].mean);
}

/* Layers that are shown of a deep model: all of the first, then every sixth, and the last. */
static bool is_shown(size_t layer, size_t layers)
{
    return layer <= 6 || layer % 6 == 0 || layer == layers;
}

/* The deepest models layer by layer: a row a layer, a column a variant. */
static void add_profile(Table *cosines, Table *w_q, Plot *cosine_plot, Plot *gradient_plot, size_t variant, const char *name,
                        const Means *m, size_t layers)
{
    size_t a = plot_series(cosine_plot, name), b = plot_series(gradient_plot, name), row = 0;
    for (size_t l = 0; l < layers; l++) {
        const Spread *x = &m->cosine[l];
        plot_point_spread(cosine_plot, a, (double)(l + 1), x->mean, x->mean - spread_deviation(x), x->mean + spread_deviation(x));
        plot_point(gradient_plot, b, (double)(l + 1), m->stream[l].mean > 0 ? m->stream[l].mean : NAN);
        if (!is_shown(l + 1, layers))
            continue;
        if (variant == 0) {
            table_row(cosines);
            table_row(w_q);
            table_set(cosines, row, "layer", (double)(l + 1));
            table_set(w_q, row, "layer", (double)(l + 1));
        }
        table_set(cosines, row, columns[variant], x->mean);
        table_set(w_q, row, columns[variant], m->w_q[l].mean);
        row++;
    }
}

static Table *profile_table(Lab *lab, const char *name, const char *title, int digits)
{
    Table *t = lab_table_new(lab, name, title);
    table_column(t, "layer", _("layer"), 0);
    for (size_t v = 0; v < VARIANTS; v++)
        table_column(t, columns[v], variants[v].name, digits);
    return t;
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
    double alike = of(t, "pre-bare", init, deep, "alike");
    lab_note(
        lab,
        _("%s, %zu layers, with norms but without residuals: token cosine %.4f after the last layer; |dW_Q| of the last layer %.2g, with "
          "pre-norm residuals %.2g. The gradient at the embeddings is %.2g, at %zu layers %.2g."),
        init, deep, of(t, "pre-bare", init, deep, "cosine"), of(t, "pre-bare", init, deep, "w_q_last"),
        of(t, "pre", init, deep, "w_q_last"), of(t, "pre-bare", init, deep, "embedding"), shallow,
        of(t, "pre-bare", init, shallow, "embedding"));
    if (!isnan(alike))
        lab_note(lab, _("%s, %zu layers, with norms but without residuals: rows are equal (cosine above 0.999) from layer %.0f on."), init,
                 deep, alike);
    lab_note(lab,
             _("%s, without residuals and without norms the gradient at the embeddings goes from %.2g (%zu layers) to %.2g (%zu layers)."),
             init, of(t, "off-bare", init, shallow, "embedding"), shallow, of(t, "off-bare", init, deep, "embedding"), deep);
    lab_note(lab, _("%s, with residuals, %zu layers: token cosine %.4f with post-norm, %.4f with pre-norm."), init, deep,
             of(t, "post", init, deep, "cosine"), of(t, "pre", init, deep, "cosine"));
}

/* One variant at one depth, over seeds. */
static int run_variant(Lab *lab, const Variant *v, const Init *kind, size_t layers, Means *means, Profile *profile, Error *e)
{
    static const Means nothing;
    *means = nothing;
    for (size_t seed = 1; seed <= lab_size(lab, "seeds"); seed++) {
        Init init = *kind;
        init.seed = seed;
        if (measure(lab, v, &init, layers, profile, e) != 0)
            return -1;
        add(means, profile, layers);
    }
    return 0;
}

/* All variants and depths of one initialisation. */
static int run_init(Lab *lab, const Init *init, const char *name, Table *summary, double from, double to, Means *means, Profile *profile,
                    Error *e)
{
    const LabValue *depths = lab_value(lab, "layers");
    bool xavier = init->kind == INIT_XAVIER;
    size_t deepest = 0, shallowest = LAYERS_MAX, done = 0;
    for (size_t k = 0; k < depths->count; k++) {
        deepest = (size_t)depths->numbers[k] > deepest ? (size_t)depths->numbers[k] : deepest;
        shallowest = (size_t)depths->numbers[k] < shallowest ? (size_t)depths->numbers[k] : shallowest;
    }
    Table *cosines = profile_table(
        lab, xavier ? "cosine_xavier" : "cosine_normal",
        xavier ? _("token cosine by layer, deepest model, Xavier") : _("token cosine by layer, deepest model, normal 0.02"), 4);
    Table *w_q =
        profile_table(lab, xavier ? "w_q_xavier" : "w_q_normal",
                      xavier ? _("|d W_Q| by layer, deepest model, Xavier") : _("|d W_Q| by layer, deepest model, normal 0.02"), -3);
    Plot *cosine_plot = lab_plot_new(lab, xavier ? _("token cosine by layer, Xavier") : _("token cosine by layer, normal 0.02"), _("layer"),
                                     _("mean cosine between tokens"));
    Plot *gradient_plot =
        lab_plot_new(lab, xavier ? _("gradient by layer, Xavier") : _("gradient by layer, normal 0.02"), _("layer"), _("|d stream|"));
    gradient_plot->y_log = true;
    for (size_t v = 0; v < VARIANTS; v++) {
        bool drawn = false;
        for (size_t k = 0; k < depths->count; k++) {
            size_t depth = (size_t)depths->numbers[k];
            char key[64];
            if (run_variant(lab, &variants[v], init, depth, means, profile, e) != 0)
                return -1;
            snprintf(key, sizeof key, "%s-%s-%zu", variants[v].name, name, depth);
            add_summary(summary, key, means, depth);
            if (depth == deepest && !drawn)
                add_profile(cosines, w_q, cosine_plot, gradient_plot, v, variants[v].name, means, depth);
            drawn = drawn || depth == deepest;
            if (lab_progress(lab, from + (to - from) * (double)++done / (double)(VARIANTS * depths->count), key, e) != 0)
                return -1;
        }
    }
    add_notes(lab, summary, name, shallowest, deepest);
    return 0;
}

int lab_run_depth(Lab *lab, Error *e)
{
    static const Init inits[] = {{.kind = INIT_XAVIER}, {.kind = INIT_NORMAL, .deviation = 0.02}};
    static const char *const names[] = {"xavier", "normal"};
    Means *means = calloc(1, sizeof *means);
    Profile *profile = calloc(1, sizeof *profile);
    Table *summary = lab_table_new(lab, "summary", _("gradients and likeness of tokens by depth, at initialisation"));
    summary_columns(summary);
    int status = means && profile ? 0 : error_memory(e, "depth");
    for (int i = 0; i < 2 && status == 0; i++)
        if (lab_is(lab, "init", "both") || lab_is(lab, "init", names[i]))
            status = run_init(lab, &inits[i], names[i], summary, i / 2.0, (i + 1) / 2.0, means, profile, e);
    if (status == 0)
        lab_note(lab, _("bare: without residuals; off: without norms. An empty cell: a cosine of rows that are 0, or a gradient too large "
                        "for a number of this size."));
    free(means);
    free(profile);
    return status;
}

const LabParam lab_params_depth[] = {
    {"layers", LAB_INTEGERS, "2,6,12,24,48", "2,24", 1, LAYERS_MAX, NULL, N_("depths")},
    {"init", LAB_WORD, "both", NULL, 0, 0, "both|xavier|normal", N_("Xavier's, or normal with a standard deviation of 0.02 (GPT-2)")},
    {"kind", LAB_WORD, "encoder", NULL, 0, 0, "encoder|decoder", N_("causal or not")},
    {"d_model", LAB_INTEGER, "32", NULL, 8, 256, NULL, N_("width")},
    {"length", LAB_INTEGER, "16", NULL, 2, 256, NULL, N_("tokens, drawn at random, and as many random targets")},
    {"seeds", LAB_INTEGER, "3", "2", 2, 100, NULL, N_("models, seeds 1, 2, …")},
    {NULL, LAB_INTEGER, NULL, NULL, 0, 0, NULL, NULL},
};
