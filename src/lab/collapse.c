/* collapse.c - how tokens become alike as layers mix them, and what they become: rank collapse.
 *
 * Owns the measure of it (Dong, Cordonnier and Loukas 2021): how far a matrix of rows is from one whose rows are all equal. Nothing is
 * trained here. */
#include "lab/lab.h"
#include "lab/setup.h"

#include "base/text.h"
#include "measure/metrics.h"

#include <stdlib.h>

enum { LAYERS_MAX = 64 };

typedef struct Variant {
    const char *name, *title, *kind, *rest; /* of the config */
    Ablations ablations;
} Variant;

static const Variant variants[] = {
    {"encoder-attention", N_("encoder, only attention"), "encoder", "ffn=none,norm=none", NO_RESIDUAL},
    {"encoder-ffn", N_("encoder, norm and FFN"), "encoder", "norm=layernorm,norm_position=pre", NO_RESIDUAL},
    {"encoder-whole", N_("encoder, with residuals"), "encoder", "norm=layernorm,norm_position=pre", 0},
    {"decoder-attention", N_("decoder, only attention"), "decoder", "ffn=none,norm=none", NO_RESIDUAL},
    {"decoder-ffn", N_("decoder, norm and FFN"), "decoder", "norm=layernorm,norm_position=pre", NO_RESIDUAL},
    {"decoder-whole", N_("decoder, with residuals"), "decoder", "norm=layernorm,norm_position=pre", 0},
};
static const char *const columns[] = {"encoder_attention", "encoder_ffn", "encoder_whole",
                                      "decoder_attention", "decoder_ffn", "decoder_whole"};
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
    Model *m = setup_model(&init, e, "kind=%s,d_model=%zu,n_heads=4,d_ff=%zu,%s_layers=%zu,vocab_size=%zu,position=learned,%s", v->kind, d,
                           4 * d, v->kind, layers, vocab, v->rest);
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

/* Which of a layer's measures a table holds. */
typedef enum Measure { COSINE, APART, FIRST, MEASURES } Measure;

static const Spread *measure_of(const Layer *x, Measure m)
{
    return m == COSINE ? &x->cosine : m == APART ? &x->apart : &x->first;
}

static Table *layer_table(Lab *lab, const char *name, const char *title, int digits)
{
    Table *t = lab_table_new(lab, name, title);
    table_column(t, "layer", _("layer"), 0);
    for (size_t v = 0; v < VARIANTS; v++)
        table_column(t, columns[v], _(variants[v].title), digits);
    return t;
}

/* Layers that are shown: all of the first, then every third, and the last. */
static bool is_shown(size_t layer, size_t layers)
{
    return layer <= 6 || layer % 3 == 0 || layer == layers;
}

static void add_column(Table *t, size_t variant, const Layer *x, size_t layers, Measure m)
{
    size_t row = 0;
    for (size_t l = 0; l < layers; l++) {
        if (!is_shown(l + 1, layers))
            continue;
        if (variant == 0)
            table_set(t, table_row(t), "layer", (double)(l + 1));
        table_set(t, row++, columns[variant], measure_of(&x[l], m)->mean);
    }
}

/* The first layer after which the rows' mean cosine is above 0.999; 0: none. */
static size_t collapsed(const Layer *x, size_t layers)
{
    for (size_t l = 0; l < layers; l++)
        if (x[l].cosine.mean > 0.999)
            return l + 1;
    return 0;
}

int lab_run_collapse(Lab *lab, Error *e)
{
    enum { ENCODER = 1, DECODER = 4, WHOLE = 5 }; /* of variants, those that are told in words */
    size_t layers = lab_size(lab, "layers"), seeds = lab_size(lab, "seeds"), at[VARIANTS];
    Layer x[LAYERS_MAX], last[VARIANTS];
    Table *tables[MEASURES] = {layer_table(lab, "cosine", _("mean cosine between tokens, by layer"), 4),
                               layer_table(lab, "apart", _("distance from equal rows, |X - mean| / |X|, by layer"), -3),
                               layer_table(lab, "first", _("cosine with what the first token becomes alone, by layer"), 4)};
    Plot *p = lab_plot_new(lab, _("distance from equal rows, by layer"), _("layer"), "|X - mean| / |X|");
    p->y_log = true;
    for (size_t v = 0; v < VARIANTS; v++) {
        size_t series = plot_series(p, variants[v].name);
        for (size_t l = 0; l < layers; l++)
            x[l] = nothing;
        for (size_t seed = 1; seed <= seeds; seed++)
            if (measure(lab, &variants[v], layers, seed, x, e) != 0)
                return -1;
        for (int m = 0; m < MEASURES; m++)
            add_column(tables[m], v, x, layers, (Measure)m);
        for (size_t l = 0; l < layers; l++)
            plot_point(p, series, (double)(l + 1), x[l].apart.mean > 0 ? x[l].apart.mean : NAN);
        last[v] = x[layers - 1];
        at[v] = collapsed(x, layers);
        if (lab_progress(lab, (double)(v + 1) / VARIANTS, variants[v].name, e) != 0)
            return -1;
    }
    lab_note(lab,
             _("Without residuals but with norm and FFN the rows' mean cosine is above 0.999 from layer %zu on in the encoder, from layer "
               "%zu on in the decoder (0: nowhere); with residuals the decoder's is %.4f ± %.4f after %zu "
               "layers."),
             at[ENCODER], at[DECODER], last[WHOLE].cosine.mean, spread_deviation(&last[WHOLE].cosine), layers);
    lab_note(lab,
             _("Causal tokens converge to the first: its row sees only itself, so no mixing ever moves it. Cosine with what the first "
               "token becomes alone, without residuals, over %zu seeds: %.4f ± %.4f in the decoder; in the "
               "encoder, where every token has a part in what is left, %.4f ± %.4f."),
             seeds, last[DECODER].first.mean, spread_deviation(&last[DECODER].first), last[ENCODER].first.mean,
             spread_deviation(&last[ENCODER].first));
    return 0;
}

const LabParam lab_params_collapse[] = {
    {"layers", LAB_INTEGER, "24", "8", 1, LAYERS_MAX, NULL, N_("layers")},
    {"d_model", LAB_INTEGER, "32", NULL, 8, 256, NULL, N_("width")},
    {"length", LAB_INTEGER, "16", NULL, 2, 256, NULL, N_("tokens, drawn at random")},
    {"seeds", LAB_INTEGER, "5", "3", 2, 100, NULL, N_("models, Xavier's weights of seeds 1, 2, …")},
    {NULL, LAB_INTEGER, NULL, NULL, 0, 0, NULL, NULL},
};
