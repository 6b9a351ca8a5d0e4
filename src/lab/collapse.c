/* collapse.c - how tokens become alike as layers mix them, and what they become: rank collapse.
 *
 * Owns the measure of it (Dong, Cordonnier and Loukas 2021): how far a matrix of rows is from one whose rows are all equal. Nothing is
 * trained here. */
#include "lab/lab.h"
#include "lab/setup.h"

#include "base/text.h"
#include "measure/metrics.h"

#include <stdio.h>
#include <stdlib.h>

enum { LAYERS_MAX = 64 };

typedef struct Variant {
    const char *name, *kind, *rest; /* of the config */
    Ablations ablations;
} Variant;

static const Variant variants[] = {
    {"encoder-attention", "encoder", "ffn=none,norm=none", NO_RESIDUAL},
    {"encoder-ffn", "encoder", "norm=layernorm,norm_position=pre", NO_RESIDUAL},
    {"encoder-whole", "encoder", "norm=layernorm,norm_position=pre", 0},
    {"decoder-attention", "decoder", "ffn=none,norm=none", NO_RESIDUAL},
    {"decoder-ffn", "decoder", "norm=layernorm,norm_position=pre", NO_RESIDUAL},
    {"decoder-whole", "decoder", "norm=layernorm,norm_position=pre", 0},
};
enum { VARIANTS = sizeof variants / sizeof *variants };

typedef struct Layer {
    Spread cosine, apart, first;
} Layer;

static const Layer nothing;

/* ‖X - 1·mean‖ / ‖X‖ (Frobenius): 0 where all rows are equal. Zero rows count as equal. */
static double apart(const real *x, size_t n, size_t d)
{
    double rest = 0, all = 0;
    for (size_t c = 0; c < d; c++) {
        double mean = 0;
        for (size_t i = 0; i < n; i++)
            mean += (double)x[i * d + c] / (double)n;
        for (size_t i = 0; i < n; i++) {
            rest += ((double)x[i * d + c] - mean) * ((double)x[i * d + c] - mean);
            all += (double)x[i * d + c] * (double)x[i * d + c];
        }
    }
    return all > 0 ? sqrt(rest / all) : 0;
}

/* Mean cosine of the rows after the first with what the first token becomes when it stands alone. */
static double like_first(const real *x, const real *alone, size_t n, size_t d)
{
    double sum = 0;
    for (size_t i = 1; i < n; i++)
        sum += cosine(x + i * d, alone, d);
    return sum / (double)(n - 1);
}

static Pass *open_pass(const Model *m, const Variant *v, const int *ids, size_t n, Error *e)
{
    bool causal = m->config.kind == KIND_DECODER;
    return pass_create(m, causal ? (PassInput){NULL, ids, 0, n} : (PassInput){ids, NULL, n, 0}, v->ablations, e);
}

static int measure(Lab *lab, const Variant *v, size_t layers, uint64_t seed, Layer *out, Error *e)
{
    size_t n = lab_size(lab, "length"), d = lab_size(lab, "d_model"), vocab = 64;
    Init init = {.kind = INIT_XAVIER, .seed = seed};
    int *ids = malloc(n * sizeof *ids);
    if (!ids)
        return error_memory(e, "collapse");
    setup_ids(ids, n, vocab, seed + 1000);
    Model *m = setup_model(&init, e, "kind=%s,d_model=%zu,n_heads=4,d_ff=%zu,%s_layers=%zu,vocab_size=%zu,position=learned,%s", v->kind, d, 4 * d, v->kind,
                           layers, vocab, v->rest);
    Pass *all = m ? open_pass(m, v, ids, n, e) : NULL, *alone = all ? open_pass(m, v, ids, 1, e) : NULL;
    for (size_t l = 0; alone && l < layers; l++) {
        int i = setup_stage(all, "%s.%zu.%s.residual", v->kind, l, m->config.ffn == FFN_NONE ? "self" : "ffn");
        const real *x = pass_value(all, (size_t)i);
        spread_add(&out[l].cosine, mean_cosine(x, n, d));
        spread_add(&out[l].apart, apart(x, n, d));
        spread_add(&out[l].first, like_first(x, pass_value(alone, (size_t)i), n, d));
    }
    int status = alone ? 0 : -1;
    pass_free(alone);
    pass_free(all);
    model_free(m);
    free(ids);
    return status;
}

static void add_rows(Table *t, Plot *p, const Variant *v, const Layer *x, size_t layers)
{
    size_t series = plot_series(p, v->name);
    for (size_t l = 0; l < layers; l++) {
        char key[64];
        size_t row = table_row(t);
        snprintf(key, sizeof key, "%s-%zu", v->name, l + 1);
        table_set_text(t, row, "case", key);
        table_set(t, row, "layer", (double)(l + 1));
        table_set(t, row, "cosine", x[l].cosine.mean);
        table_set(t, row, "cosine_spread", spread_deviation(&x[l].cosine));
        table_set(t, row, "apart", x[l].apart.mean);
        table_set(t, row, "first", x[l].first.mean);
        table_set(t, row, "first_spread", spread_deviation(&x[l].first));
        plot_point(p, series, (double)(l + 1), x[l].apart.mean > 0 ? x[l].apart.mean : NAN);
    }
}

int lab_run_collapse(Lab *lab, Error *e)
{
    size_t layers = lab_size(lab, "layers"), seeds = lab_size(lab, "seeds");
    Layer x[LAYERS_MAX], causal = nothing, both = nothing, kept = nothing;
    Table *t = lab_table_new(lab, "collapse", _("how alike tokens are, layer by layer"));
    table_text_column(t, "case", _("stack-what-layer"));
    table_column(t, "layer", _("layer"), 0);
    table_column(t, "cosine", _("token cosine"), 4);
    table_column(t, "cosine_spread", _("± seeds"), 4);
    table_column(t, "apart", _("distance from equal rows"), -1);
    table_column(t, "first", _("cosine to the first token alone"), 4);
    table_column(t, "first_spread", _("± seeds"), 4);
    Plot *p = lab_plot_new(lab, _("distance from equal rows, by layer"), _("layer"), "|X - mean| / |X|");
    p->y_log = true;
    for (size_t v = 0; v < VARIANTS; v++) {
        for (size_t l = 0; l < layers; l++)
            x[l] = nothing;
        for (size_t seed = 1; seed <= seeds; seed++)
            if (measure(lab, &variants[v], layers, seed, x, e) != 0)
                return -1;
        add_rows(t, p, &variants[v], x, layers);
        if (v == 1)
            both = x[layers - 1];
        if (v == 4)
            causal = x[layers - 1];
        if (v == 5)
            kept = x[layers - 1];
        if (lab_progress(lab, (double)(v + 1) / VARIANTS, variants[v].name, e) != 0)
            return -1;
    }
    lab_note(lab, _("Without residuals, after %zu layers with norm and FFN, rows have a cosine of %.4f with each other in the encoder and %.4f in the decoder; with residuals the decoder's have %.4f."),
             layers, both.cosine.mean, causal.cosine.mean, kept.cosine.mean);
    lab_note(lab, _("Causal tokens converge to the first: its row sees only itself, so no mixing ever moves it. Cosine with what the first token becomes alone: %.4f ± %.4f in the decoder, "
                    "%.4f ± %.4f in the encoder, where all tokens have a part in what is left."),
             causal.first.mean, spread_deviation(&causal.first), both.first.mean, spread_deviation(&both.first));
    return 0;
}

const LabParam lab_params_collapse[] = {
    {"layers", LAB_INTEGER, "24", "8", 1, LAYERS_MAX, NULL, N_("layers")},
    {"d_model", LAB_INTEGER, "32", NULL, 8, 256, NULL, N_("width")},
    {"length", LAB_INTEGER, "16", NULL, 2, 256, NULL, N_("tokens, drawn at random")},
    {"seeds", LAB_INTEGER, "5", "3", 2, 100, NULL, N_("models, Xavier's weights of seeds 1, 2, …")},
    {NULL, LAB_INTEGER, NULL, NULL, 0, 0, NULL, NULL},
};
