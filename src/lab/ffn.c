/* ffn.c - what the feed-forward network is: what its activation is for, which units are awake, what a unit stores, how many numbers it has.
 *
 * Owns four measurements; a fifth, which trains, is in ffn_without.c. The first works on random weights, the others on a trained model and
 * on its like before training. */
#include "lab/ffn.h"
#include "lab/setup.h"

#include "base/text.h"
#include "measure/metrics.h"
#include "tensor/kernels.h"
#include "tensor/matmul.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- folding ---- */

typedef enum Form { FORM_PLAIN, FORM_RELU, FORM_GATED, FORM_GATED_SILU, FORM_COUNT } Form;
static const char *const form_names[FORM_COUNT] = {"plain-linear", "plain-relu", "gated-linear", "gated-silu"};

typedef struct Ffn {
    size_t d, units;
    real *w_1, *w_g, *w_2, *folded; /* [d, units], [d, units], [units, d], [d, d] */
    real *a, *b;                    /* [rows, units] */
} Ffn;

/* y [rows, d] of x: W_2 · (activation(x W_1)), or (activation(x W_G) ∘ x W_1) W_2. Without biases. */
static void apply(const Ffn *f, Form form, real *y, const real *x, size_t rows)
{
    size_t n = rows * f->units;
    const Matrix w_1 = matrix_of(f->w_1, f->units), w_g = matrix_of(f->w_g, f->units), w_2 = matrix_of(f->w_2, f->d);
    linear_forward(f->a, x, &w_1, NULL, rows, f->d, f->units);
    if (form == FORM_RELU)
        relu_forward(f->a, f->a, n);
    if (form >= FORM_GATED) {
        linear_forward(f->b, x, &w_g, NULL, rows, f->d, f->units);
        if (form == FORM_GATED_SILU)
            silu_forward(f->b, f->b, n);
        for (size_t i = 0; i < n; i++)
            f->a[i] *= f->b[i];
    }
    linear_forward(y, f->a, &w_2, NULL, rows, f->units, f->d);
}

static double norm_of(const real *x, size_t n)
{
    return sqrt(sum_of_squares(x, n));
}

/* How far apply() is from additive, |f(x + z) - f(x) - f(z)| / (|f(x)| + |f(z)|), from the folded matrix, and how |f(2x)| compares with
 * |f(x)|. */
static void fold_row(Table *t, const Ffn *f, Form form, const real *x, const real *z, size_t rows, real *room)
{
    size_t n = rows * f->d, row = table_row(t);
    real *fx = room, *fz = room + n, *both = room + 2 * n, *sum = room + 3 * n;
    apply(f, form, fx, x, rows);
    apply(f, form, fz, z, rows);
    add_forward(sum, x, z, n);
    apply(f, form, both, sum, rows);
    double size = norm_of(fx, n);
    for (size_t i = 0; i < n; i++)
        both[i] -= fx[i] + fz[i];
    table_set_text(t, row, "ffn", form_names[form]);
    table_set(t, row, "additive", norm_of(both, n) / (size + norm_of(fz, n)));
    const Matrix folded = matrix_of(f->folded, f->d);
    linear_forward(both, x, &folded, NULL, rows, f->d, f->d);
    for (size_t i = 0; i < n; i++)
        both[i] -= fx[i];
    table_set(t, row, "folded", norm_of(both, n) / size);
    for (size_t i = 0; i < n; i++)
        sum[i] = 2 * x[i];
    apply(f, form, both, sum, rows);
    table_set(t, row, "doubled", norm_of(both, n) / size);
}

static void normal(real *x, size_t n, double deviation, Random *random)
{
    for (size_t i = 0; i < n; i++)
        x[i] = (real)(deviation * random_normal(random));
}

static int folding(Lab *lab, Error *e)
{
    enum { ROWS = 8 };
    Ffn f = {.d = lab_size(lab, "d_model"), .units = 4 * lab_size(lab, "d_model")};
    size_t matrix = f.d * f.units, n = ROWS * f.d;
    real *block = malloc((3 * matrix + f.d * f.d + 2 * ROWS * f.units + 6 * n) * sizeof *block);
    Random random = random_seeded(lab_size(lab, "seed"));
    if (!block)
        return error_memory(e, "ffn");
    f.w_1 = block;
    f.w_g = f.w_1 + matrix;
    f.w_2 = f.w_g + matrix;
    f.folded = f.w_2 + matrix;
    f.a = f.folded + f.d * f.d;
    f.b = f.a + ROWS * f.units;
    real *x = f.b + ROWS * f.units, *z = x + n;
    normal(f.w_1, matrix, 1 / sqrt((double)f.d), &random);
    normal(f.w_g, matrix, 1 / sqrt((double)f.d), &random);
    normal(f.w_2, matrix, 1 / sqrt((double)f.units), &random);
    normal(x, n, 1, &random);
    normal(z, n, 1, &random);
    matmul(f.folded, f.d, f.w_1, f.units, PLAIN, f.w_2, f.d, PLAIN, f.d, f.d, f.units, false);
    Table *t = lab_table_new(lab, "folding", _("does it fold into one d × d matrix, W_1·W_2?"));
    table_text_column(t, "ffn", _("FFN-activation"));
    table_column(t, "folded", _("distance from W_1·W_2"), -3);
    table_column(t, "additive", _("f(x+z) - f(x) - f(z)"), -3);
    table_column(t, "doubled", "|f(2x)| / |f(x)|", 3);
    for (int form = 0; form < FORM_COUNT; form++)
        fold_row(t, &f, (Form)form, x, z, ROWS, z + n);
    free(block);
    lab_note(lab,
             _("Without its activation a plain FFN is the matrix W_1·W_2 (relative distance %.1e). A gated one without activation is not: "
               "doubling x multiplies it by %.3f, it is quadratic."),
             table_number(t, 0, 1), table_number(t, 2, 3));
    return 0;
}

/* ---- which units are off ---- */

static const char *const stacks[] = {"encoder", "decoder"};

/* Adds the share of units <= 0 of every layer over the examples. */
static int count_off(const Model *m, Ablations a, const Examples *x, size_t n, Spread off[2][64], Error *e)
{
    TaskExample example = {0};
    Pass *p = NULL;
    int status = 0;
    for (size_t i = 0; i < n && status == 0; i++) {
        status = examples_draw(x, 0, TASK_HELD_OUT, i, &example, e);
        PassInput input = {example.source.data, example.input.data, example.source.len, example.input.len};
        if (status == 0 && p)
            status = pass_feed(p, input, e);
        else if (status == 0)
            status = (p = pass_create(m, input, a, e)) ? 0 : -1;
        for (int s = 0; s < 2 && status == 0; s++)
            for (size_t l = 0; l < config_layers(&m->config, (Stack)s); l++) {
                int k = setup_stage(p, "%s.%zu.ffn.activate", stacks[s], l);
                if (k >= 0)
                    spread_add(&off[s][l], share_not_positive(pass_value(p, (size_t)k), pass_plan(p)->stages[k].count));
            }
    }
    pass_free(p);
    task_example_free(&example);
    return status;
}

static int off_units(Lab *lab, const Model *m, const Recipe *r, const Examples *x, Error *e)
{
    static const Spread none[2][64];
    size_t n = lab_size(lab, "examples"), seeds = lab_size(lab, "seeds");
    Spread start[2][64], trained[2][64], one[2][64], before = {0, 0, 0}, after = {0, 0, 0};
    memcpy(start, none, sizeof start);
    memcpy(trained, none, sizeof trained);
    int status = count_off(m, r->ablations, x, n, trained, e);
    for (size_t seed = 1; seed <= seeds && status == 0; seed++) {
        Init init = r->init;
        init.seed = seed;
        Model *fresh = setup_model_of(&m->config, &init, e);
        memcpy(one, none, sizeof one);
        status = fresh ? count_off(fresh, r->ablations, x, n, one, e) : -1;
        for (int s = 0; s < 2; s++)
            for (size_t l = 0; l < 64; l++)
                if (one[s][l].n)
                    spread_add(&start[s][l], one[s][l].mean);
        model_free(fresh);
        if (status == 0)
            status = lab_progress(lab, 0.1 + 0.2 * (double)seed / (double)seeds, _("units before training"), e);
    }
    if (status != 0)
        return -1;
    Table *t = lab_table_new(lab, "off", _("share of units that are 0 or below after the activation"));
    table_text_column(t, "layer", _("layer"));
    table_column(t, "start", _("at initialisation"), 3);
    table_column(t, "start_spread", _("± seeds"), 3);
    table_column(t, "trained", _("trained"), 3);
    table_column(t, "trained_spread", _("± texts"), 3);
    Plot *p = lab_plot_new(lab, _("share of units that are off"), _("layer (encoder first)"), _("share"));
    size_t a = plot_series(p, _("at initialisation")), b = plot_series(p, _("trained")), at = 0;
    for (int s = 0; s < 2; s++)
        for (size_t l = 0; l < 64; l++) {
            char name[32];
            if (trained[s][l].n == 0)
                continue;
            size_t row = table_row(t);
            snprintf(name, sizeof name, "%s.%zu", stacks[s], l);
            table_set_text(t, row, "layer", name);
            table_set(t, row, "start", start[s][l].mean);
            table_set(t, row, "start_spread", spread_deviation(&start[s][l]));
            table_set(t, row, "trained", trained[s][l].mean);
            table_set(t, row, "trained_spread", spread_deviation(&trained[s][l]));
            plot_point(p, a, (double)++at, start[s][l].mean);
            plot_point(p, b, (double)at, trained[s][l].mean);
            spread_add(&before, start[s][l].mean);
            spread_add(&after, trained[s][l].mean);
        }
    lab_note(lab,
             _("%s: off at initialisation %.2f, trained %.2f (means over layers). GELU and SiLU units that are below 0 are small, not "
               "exactly 0."),
             m->name, before.mean, after.mean);
    return 0;
}

/* ---- a unit as key and value ---- */

enum { SHOWN_TOKENS = 2 };

typedef struct Keys {
    double *mean; /* [units, vocab]: sum of the activation at this token, then its mean */
    double *seen; /* [vocab] */
    size_t units, vocab;
} Keys;

static int collect(const Model *m, Ablations a, const Examples *x, size_t n, const char *stack, size_t layer, Keys *k, Error *e)
{
    TaskExample example = {0};
    Pass *p = NULL;
    int status = 0;
    bool encoder = strcmp(stack, "encoder") == 0;
    for (size_t i = 0; i < n && status == 0; i++) {
        status = examples_draw(x, 0, TASK_HELD_OUT, i, &example, e);
        PassInput input = {example.source.data, example.input.data, example.source.len, example.input.len};
        if (status == 0 && p)
            status = pass_feed(p, input, e);
        else if (status == 0)
            status = (p = pass_create(m, input, a, e)) ? 0 : -1;
        if (status != 0)
            break;
        const Ids *ids = encoder ? &example.source : &example.input;
        const real *units = pass_value(p, (size_t)setup_stage(p, "%s.%zu.ffn.activate", stack, layer));
        for (size_t t = 0; t < ids->len; t++) {
            k->seen[ids->data[t]]++;
            for (size_t u = 0; u < k->units; u++)
                k->mean[u * k->vocab + (size_t)ids->data[t]] += (double)units[t * k->units + u];
        }
    }
    for (size_t u = 0; u < k->units; u++)
        for (size_t w = 0; w < k->vocab; w++)
            k->mean[u * k->vocab + w] = k->seen[w] ? k->mean[u * k->vocab + w] / k->seen[w] : 0;
    pass_free(p);
    task_example_free(&example);
    return status;
}

/* "的 0.81, 了 0.40": the largest of x [vocab]. */
static void name_largest(const Model *m, const double *x, Buffer *out)
{
    double before = INFINITY;
    size_t before_at = 0;
    for (int k = 0; k < SHOWN_TOKENS; k++) {
        int best = -1;
        for (size_t w = 0; w < m->config.vocab_size; w++)
            if ((x[w] < before || (x[w] == before && w > before_at)) && (best < 0 || x[w] > x[best]))
                best = (int)w;
        if (best < 0)
            return;
        buffer_printf(out, "%s%s %.2f", k ? ", " : "", vocab_token(m->vocab, best), x[best]);
        before = x[best];
        before_at = (size_t)best;
    }
}

/* What a unit adds to each logit when it is 1: its row of W_2, read by the unembedding as it stands (no norm on the way). */
static void written(const Model *m, const char *stack, size_t layer, size_t unit, double *out)
{
    char name[WEIGHT_NAME_MAX];
    const Weights *w = &m->weights;
    snprintf(name, sizeof name, "%s.%zu.ffn.W_2", stack, layer);
    const Matrix w_2 = w->items[weights_find(w, name)].values;
    snprintf(name, sizeof name, "%s.embed.W_E", stack_name(config_embedding_stack(&m->config, config_last_stack(&m->config))));
    Matrix unembed = w->items[weights_find(w, m->config.tie_embeddings ? name : "output.W_U")].values;
    if (m->config.tie_embeddings)
        unembed = matrix_transposed(unembed);
    size_t d = m->config.d_model, vocab = m->config.vocab_size;
    for (size_t v = 0; v < vocab; v++) {
        out[v] = 0;
        for (size_t c = 0; c < d; c++)
            out[v] += (double)matrix_at(&w_2, unit, c) * (double)matrix_at(&unembed, c, v);
    }
}

static int as_memory(Lab *lab, const Model *m, const Recipe *r, const Examples *x, Error *e)
{
    size_t shown = lab_size(lab, "units"), vocab = m->config.vocab_size;
    const char *stack = stack_name(config_last_stack(&m->config));
    size_t layer = config_layers(&m->config, config_last_stack(&m->config)) - 1;
    Keys k = {calloc(m->config.d_ff * vocab, sizeof(double)), calloc(vocab, sizeof(double)), m->config.d_ff, vocab};
    double *writes = calloc(vocab, sizeof *writes);
    int status =
        k.mean && k.seen && writes ? collect(m, r->ablations, x, lab_size(lab, "examples"), stack, layer, &k, e) : error_memory(e, "ffn");
    if (status == 0) {
        Table *t = lab_table_new(lab, "units", _("the most selective units of the last layer, as keys and values"));
        table_column(t, "unit", _("unit"), 0);
        table_column(t, "selective", _("largest / mean"), 1);
        table_text_column(t, "wakes", _("tokens that wake it"));
        table_text_column(t, "writes", _("what it writes"));
        bool *used = calloc(k.units, sizeof *used);
        for (size_t n = 0; used && n < shown && n < k.units; n++) {
            double best = -1;
            size_t at = 0;
            for (size_t u = 0; u < k.units; u++) {
                double most = 0, sum = 0;
                size_t count = 0;
                for (size_t v = 0; v < vocab; v++) {
                    double mean = k.mean[u * vocab + v];
                    most = mean > most ? mean : most;
                    sum += mean > 0 ? mean : 0;
                    count += k.seen[v] > 0;
                }
                double selective = sum > 0 ? most * (double)count / sum : 0;
                if (!used[u] && selective > best) {
                    best = selective;
                    at = u;
                }
            }
            used[at] = true;
            Buffer wakes = {0}, says = {0};
            written(m, stack, layer, at, writes);
            name_largest(m, k.mean + at * vocab, &wakes);
            name_largest(m, writes, &says);
            size_t row = table_row(t);
            table_set(t, row, "unit", (double)at);
            table_set(t, row, "selective", best);
            table_set_text(t, row, "wakes", buffer_text(&wakes));
            table_set_text(t, row, "writes", buffer_text(&says));
            status = wakes.failed || says.failed ? error_memory(e, "ffn") : status;
            buffer_free(&wakes);
            buffer_free(&says);
        }
        status = used ? status : error_memory(e, "ffn");
        free(used);
        lab_note(lab, _("A unit wakes for tokens (their mean activation of it) and writes words (what it adds to their logits for an "
                        "activation of 1, its row of W_2 times the unembedding, no norm "
                        "on the way): a key and a value (Geva et al. 2021)."));
    }
    free(k.mean);
    free(k.seen);
    free(writes);
    return status;
}

/* ---- parameters ---- */

static void share_row(Table *t, const char *name, const Model *m)
{
    double ffn = 0, attention = 0, all = 0;
    for (size_t i = 0; i < m->weights.count; i++) {
        const Weight *w = &m->weights.items[i];
        bool norm = strstr(w->name, "norm") != NULL;
        all += (double)w->count;
        ffn += !norm && strstr(w->name, ".ffn.") ? (double)w->count : 0;
        attention += !norm && (strstr(w->name, ".self.") || strstr(w->name, ".cross.")) ? (double)w->count : 0;
    }
    size_t row = table_row(t);
    table_set_text(t, row, "model", name);
    table_set(t, row, "ffn", ffn);
    table_set(t, row, "attention", attention);
    table_set(t, row, "all", all);
    table_set(t, row, "of_blocks", ffn / (ffn + attention));
    table_set(t, row, "of_all", ffn / all);
}

static int parameters(Lab *lab, const Model *m, Error *e)
{
    static const struct {
        const char *name, *config;
    } blocks[] = {{"decoder-block", "kind=decoder,decoder_layers=1"},
                  {"cross-block", "kind=encoder-decoder,encoder_layers=0,decoder_layers=1"}};
    Table *t = lab_table_new(lab, "parameters", _("whose numbers are they?"));
    table_text_column(t, "model", _("model"));
    table_column(t, "ffn", _("FFN"), 0);
    table_column(t, "attention", _("attention"), 0);
    table_column(t, "all", _("all weights"), 0);
    table_column(t, "of_blocks", _("FFN, of FFN and attention"), 3);
    table_column(t, "of_all", _("FFN, of all"), 3);
    for (int i = 0; i < 2; i++) {
        Init init = {.kind = INIT_XAVIER, .seed = 1};
        size_t d = lab_size(lab, "d_model");
        Model *block = setup_model(&init, e, "%s,d_model=%zu,n_heads=1,d_ff=%zu,vocab_size=%zu,bias=false,norm=none,position=none",
                                   blocks[i].config, d, 4 * d, 16 * d);
        if (!block)
            return -1;
        share_row(t, blocks[i].name, block);
        model_free(block);
    }
    share_row(t, m->name, m);
    lab_note(lab,
             _("At d_ff = 4d the FFN has %.3f of a block's numbers without cross-attention and %.3f with it; of all of %s, its embeddings "
               "counted, %.3f."),
             table_number(t, 0, 4), table_number(t, 1, 4), m->name, table_number(t, 2, 5));
    return 0;
}

int lab_run_ffn(Lab *lab, Error *e)
{
    Recipe r = {0};
    Examples *x = NULL;
    if (folding(lab, e) != 0)
        return -1;
    Model *m = model_open(lab_value(lab, "model")->text, NULL, e);
    int status = m && setup_examples(m, &r, &x, e) == 0 ? 0 : -1;
    if (status == 0 && (m->config.ffn == FFN_NONE || (r.ablations & NO_FFN)))
        status = error_set(e, "model: expected one with an FFN, found %s; try model=zh-en", m->name);
    if (status == 0)
        status = off_units(lab, m, &r, x, e);
    if (status == 0)
        status = as_memory(lab, m, &r, x, e);
    if (status == 0)
        status = parameters(lab, m, e);
    if (status == 0 && lab_size(lab, "steps"))
        status = ffn_train_without(lab, e);
    examples_free(x);
    recipe_free(&r);
    model_free(m);
    return status;
}

const LabParam lab_params_ffn[] = {
    {"model", LAB_TEXT, "zh-en", NULL, 0, 0, NULL, N_("a trained model with an FFN")},
    {"examples", LAB_INTEGER, "200", "40", 1, 10000, NULL, N_("held-out texts that its units are watched on")},
    {"units", LAB_INTEGER, "12", "4", 1, 512, NULL, N_("units that are shown, the most selective first")},
    {"seeds", LAB_INTEGER, "3", "2", 2, 50, NULL, N_("its like before training, and trainings, seeds 1, 2, …")},
    {"steps", LAB_INTEGER, "3000", "30", 0, 100000, NULL, N_("steps of training with and without, 32 sequences each; 0: none")},
    {"d_model", LAB_INTEGER, "32", "16", 8, 256, NULL, N_("width, where folding and parameters are looked at")},
    {"seed", LAB_INTEGER, "1", NULL, 0, 1e9, NULL, N_("of the weights that are folded")},
    {NULL, LAB_INTEGER, NULL, NULL, 0, 0, NULL, NULL},
};
