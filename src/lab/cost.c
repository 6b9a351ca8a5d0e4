/* cost.c - what attention costs beside the rest: counted by stage, against the formulas, and timed. */
#include "measure/cost.h"

#include "base/text.h"
#include "lab/lab.h"
#include "lab/setup.h"
#include "tensor/matmul.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

typedef enum Part { PROJECTIONS, PRODUCTS, FFN, REST, PARTS } Part;

static Part part_of(const Stage *s)
{
    switch (s->kind) {
    case STAGE_Q:
    case STAGE_K:
    case STAGE_V:
    case STAGE_OUT:
        return PROJECTIONS;
    case STAGE_SCORES:
    case STAGE_HEADS:
        return PRODUCTS;
    case STAGE_EXPAND:
    case STAGE_CONTRACT:
        return FFN;
    default:
        return REST;
    }
}

/* Shapes without values: a model whose weights are never made, so that any size can be counted. */
static int open_shapes(Model *m, size_t d, size_t heads, Error *e)
{
    *m = (Model){.config = config_default()};
    Config *c = &m->config;
    c->kind = KIND_DECODER;
    c->decoder_layers = 1;
    c->encoder_layers = 0;
    c->d_model = d;
    c->n_heads = c->n_kv_heads = heads;
    c->d_head = d / heads;
    c->d_ff = 4 * d;
    c->vocab_size = 16;
    c->position = POSITION_SINUSOIDAL;
    return weights_layout(&m->weights, c, e);
}

typedef struct Count {
    double multiplications[PARTS];
    double bytes;         /* of all stages' values, as this program keeps them */
    double weights_bytes; /* of .weights alone: n² a head */
} Count;

/* One layer, the unembedding left out. */
static int count(const Model *m, size_t n, Count *out, Error *e)
{
    Plan plan = {0};
    *out = (Count){0};
    if (plan_build(&plan, m, (PlanInput){0, n, 0}, 0, e) != 0)
        return -1;
    for (size_t i = 0; i < plan.count; i++) {
        const Stage *s = &plan.stages[i];
        if (s->layer < 0)
            continue;
        Cost c = cost_of_stage(m, &plan, i);
        out->multiplications[part_of(s)] += (double)c.multiplications;
        out->bytes += (double)c.values * sizeof(real);
        out->weights_bytes += s->kind == STAGE_WEIGHTS ? (double)c.values * sizeof(real) : 0;
    }
    plan_free(&plan);
    return 0;
}

static int run_counts(Lab *lab, Error *e)
{
    const LabValue *lengths = lab_value(lab, "length");
    size_t d = lab_size(lab, "d_model"), heads = lab_size(lab, "n_heads");
    Table *t = lab_table_new(lab, "count", _("One layer, counted: multiplications"));
    table_column(t, "n", "n", 0);
    table_column(t, "projections", _("projec- tions"), 0);
    table_column(t, "products", _("two products"), 0);
    table_column(t, "ffn", "FFN", 0);
    table_column(t, "rest", _("all else"), 0);
    table_column(t, "share", _("products' share"), 3);
    Table *f = lab_table_new(lab, "formula", _("The formulas: 4nd², 2n²d, 8nd²; counted / formula"));
    table_column(f, "n", "n", 0);
    table_column(f, "projections", _("projections"), 6);
    table_column(f, "products", _("two products"), 6);
    table_column(f, "ffn", "FFN", 6);
    table_column(f, "n_2d", _("products / projections"), 4);
    table_column(f, "n_6d", _("products / (projections + FFN)"), 4);
    table_column(f, "causal", _("the same, the causal half"), 4);
    Table *b = lab_table_new(lab, "bytes", _("Bytes of the values of one layer, and of its softmax weights, n² a head"));
    table_column(b, "n", "n", 0);
    table_column(b, "weights", _("softmax weights"), 0);
    table_column(b, "all", _("all stages"), 0);
    table_column(b, "share", _("share"), 3);
    Plot *plot = lab_plot_new(lab, _("Multiplications of one layer"), "n", _("multiplications"));
    plot->x_log = plot->y_log = true;
    plot_series(plot, _("projections"));
    plot_series(plot, _("two products"));
    plot_series(plot, "FFN");
    Model m;
    int status = open_shapes(&m, d, heads, e);
    for (size_t i = 0; i < lengths->count && status == 0; i++) {
        double n = lengths->numbers[i], dd = (double)d;
        Count c;
        status = count(&m, (size_t)n, &c, e);
        if (status != 0)
            break;
        const double *x = c.multiplications;
        double causal = x[PRODUCTS] * (n + 1) / (2 * n); /* row t needs t + 1 of n keys */
        size_t row = table_row(t);
        table_set(t, row, "n", n);
        table_set(t, row, "projections", x[PROJECTIONS]);
        table_set(t, row, "products", x[PRODUCTS]);
        table_set(t, row, "ffn", x[FFN]);
        table_set(t, row, "rest", x[REST]);
        table_set(t, row, "share", x[PRODUCTS] / (x[PROJECTIONS] + x[PRODUCTS] + x[FFN] + x[REST]));
        row = table_row(b);
        table_set(b, row, "n", n);
        table_set(b, row, "weights", c.weights_bytes);
        table_set(b, row, "all", c.bytes);
        table_set(b, row, "share", c.weights_bytes / c.bytes);
        row = table_row(f);
        table_set(f, row, "n", n);
        table_set(f, row, "projections", x[PROJECTIONS] / (4 * n * dd * dd));
        table_set(f, row, "products", x[PRODUCTS] / (2 * n * n * dd));
        table_set(f, row, "ffn", x[FFN] / (8 * n * dd * dd));
        table_set(f, row, "n_2d", x[PRODUCTS] / x[PROJECTIONS]);
        table_set(f, row, "n_6d", x[PRODUCTS] / (x[PROJECTIONS] + x[FFN]));
        table_set(f, row, "causal", causal / (x[PROJECTIONS] + x[FFN]));
        for (size_t k = 0; k < 3; k++)
            plot_point(plot, k, n, x[k]);
    }
    weights_free(&m.weights);
    config_free(&m.config);
    return status;
}

/* The least n at which the products reach `factor` times … , found by counting: both grow with n, the products faster. */
static int crossing(const Model *m, bool with_ffn, bool causal, size_t *out, Error *e)
{
    size_t low = 1, high = 64 * m->config.d_model;
    while (low < high) {
        size_t n = low + (high - low) / 2;
        Count c;
        if (count(m, n, &c, e) != 0)
            return -1;
        double products = c.multiplications[PRODUCTS] * (causal ? (double)(n + 1) / (2 * (double)n) : 1);
        if (products >= c.multiplications[PROJECTIONS] + (with_ffn ? c.multiplications[FFN] : 0))
            high = n;
        else
            low = n + 1;
    }
    *out = low;
    return 0;
}

static int run_crossings(Lab *lab, Error *e)
{
    static const char *const names[] = {"projections", "all", "projections-causal", "all-causal"};
    static const char *const expected[] = {"2d", "6d", "4d", "12d"};
    Table *t = lab_table_new(lab, "crossing", _("The least n at which the two products need as much as …, by counting"));
    table_text_column(t, "against", _("against"));
    table_text_column(t, "formula", _("formula"));
    table_column(t, "n", "n", 0);
    table_column(t, "by_d", "n / d", 4);
    Model m;
    int status = open_shapes(&m, lab_size(lab, "d_model"), lab_size(lab, "n_heads"), e);
    for (int i = 0; i < 4 && status == 0; i++) {
        size_t n;
        status = crossing(&m, i % 2, i >= 2, &n, e);
        if (status != 0)
            break;
        size_t row = table_row(t);
        table_set_text(t, row, "against", names[i]);
        table_set_text(t, row, "formula", expected[i]);
        table_set(t, row, "n", (double)n);
        table_set(t, row, "by_d", (double)n / (double)m.config.d_model);
    }
    weights_free(&m.weights);
    config_free(&m.config);
    return status;
}

/* ---- time ---- */

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* Seconds of each part of a pass, the shortest of `repeats`; thread counts are the caller's. */
static int time_pass(const Model *m, const int *ids, size_t n, size_t repeats, double seconds[PARTS], Error *e)
{
    Pass *p = pass_create(m, (PassInput){NULL, ids, 0, n}, 0, e);
    if (!p)
        return -1;
    for (size_t r = 0; r < repeats; r++) {
        double spent[PARTS] = {0};
        pass_forget(p, 0);
        for (size_t i = 0; i < pass_plan(p)->count; i++) {
            const Stage *s = &pass_plan(p)->stages[i];
            double before = now();
            pass_value(p, i);
            if (s->layer >= 0)
                spent[part_of(s)] += now() - before;
        }
        for (int k = 0; k < PARTS; k++)
            seconds[k] = r == 0 || spent[k] < seconds[k] ? spent[k] : seconds[k];
    }
    pass_free(p);
    return 0;
}

static int run_times(Lab *lab, Error *e)
{
    const LabValue *lengths = lab_value(lab, "timed");
    size_t d = lab_size(lab, "timed_d_model"), heads = lab_size(lab, "n_heads");
    Table *t = lab_table_new(lab, "time", _("One layer, timed on this machine: milliseconds, the shortest of several runs"));
    table_column(t, "n", "n", 0);
    table_column(t, "projections", _("projections"), 3);
    table_column(t, "products", _("two products"), 3);
    table_column(t, "ffn", "FFN", 3);
    table_column(t, "rest", _("all else"), 3);
    table_column(t, "slope", _("products: time / n², relative"), 3);
    Plot *plot = lab_plot_new(lab, _("Time of one layer"), "n", _("milliseconds"));
    plot->x_log = plot->y_log = true;
    static const char *const names[PARTS] = {N_("projections"), N_("two products"), "FFN", N_("all else: softmax, mask, norm …")};
    for (int k = 0; k < PARTS; k++)
        plot_series(plot, _(names[k]));
    Init init = {.kind = INIT_XAVIER, .seed = 1};
    Model *m = setup_model(&init, e, "kind=decoder,decoder_layers=1,d_model=%zu,n_heads=%zu,d_ff=%zu,vocab_size=16,position=sinusoidal", d,
                           heads, 4 * d);
    int status = m ? 0 : -1;
    double first = NAN;
    for (size_t i = 0; i < lengths->count && status == 0; i++) {
        size_t n = (size_t)lengths->numbers[i];
        double seconds[PARTS];
        int *ids = malloc(n * sizeof *ids);
        if (!ids)
            status = error_memory(e, "lab cost");
        else {
            setup_ids(ids, n, 16, 1);
            status = time_pass(m, ids, n, lab_size(lab, "repeats"), seconds, e);
        }
        free(ids);
        if (status != 0 || lab_progress(lab, (double)(i + 1) / (double)lengths->count, _("timing"), e) != 0) {
            status = -1;
            break;
        }
        static const char *const columns[PARTS] = {"projections", "products", "ffn", "rest"};
        size_t row = table_row(t);
        table_set(t, row, "n", (double)n);
        for (int k = 0; k < PARTS; k++) {
            table_set(t, row, columns[k], 1000 * seconds[k]);
            plot_point(plot, (size_t)k, (double)n, 1000 * seconds[k]);
        }
        double by_square = seconds[PRODUCTS] / ((double)n * (double)n);
        first = i == 0 ? by_square : first;
        table_set(t, row, "slope", by_square / first);
    }
    model_free(m);
    return status;
}

/* ---- systems nobody here can run: arithmetic from their sizes ---- */

static void run_sizes(Lab *lab)
{
    static const struct {
        const char *name;
        double n, d;
    } sizes[] = {{"2048/4096", 2048, 4096}, {"16384/4096", 16384, 4096}, {"100000/512", 100000, 512}};
    Table *t = lab_table_new(lab, "sizes", _("By the formulas alone: sizes that are not run here (n/d, one layer)"));
    table_text_column(t, "size", "n/d");
    table_column(t, "nd2", "n·d²", -1);
    table_column(t, "n2d", "n²·d", -1);
    table_column(t, "products", _("two products, 2n²d"), -1);
    table_column(t, "rest", _("projections and FFN, 12nd²"), -1);
    table_column(t, "ratio", _("rest / products"), 3);
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        double n = sizes[i].n, d = sizes[i].d;
        size_t row = table_row(t);
        table_set_text(t, row, "size", sizes[i].name);
        table_set(t, row, "nd2", n * d * d);
        table_set(t, row, "n2d", n * n * d);
        table_set(t, row, "products", 2 * n * n * d);
        table_set(t, row, "rest", 12 * n * d * d);
        table_set(t, row, "ratio", 6 * d / n);
    }
}

int lab_run_cost(Lab *lab, Error *e)
{
    size_t d = lab_size(lab, "d_model"), timed = lab_size(lab, "timed_d_model"), heads = lab_size(lab, "n_heads");
    if (d % heads || timed % heads)
        return error_set(e, "lab cost: n_heads: expected a divisor of d_model and timed_d_model, found %zu", heads);
    if (run_counts(lab, e) != 0 || run_crossings(lab, e) != 0 || run_times(lab, e) != 0)
        return -1;
    run_sizes(lab);
    lab_note(lab,
             _("With d = %zu the two products pass the projections at n = %.0f and projections and FFN together at n = %.0f; counting only "
               "what a causal mask lets through, at %.0f and "
               "%.0f."),
             d, table_number(&lab->tables[3], 0, 2), table_number(&lab->tables[3], 1, 2), table_number(&lab->tables[3], 2, 2),
             table_number(&lab->tables[3], 3, 2));
    lab_note(
        lab,
        _("Times are of this machine (%d threads, %s) and differ from run to run; counts do not. This program computes masked scores too."),
        matmul_threads(), matmul_name());
    return 0;
}

const LabParam lab_params_cost[] = {
    {"length", LAB_INTEGERS, "64,256,1024,3072,4096,16384", "64,1024,3072", 1, 1 << 20, NULL,
     N_("tokens, n, that are counted; nothing is run")},
    {"d_model", LAB_INTEGER, "512", NULL, 2, 1 << 16, NULL, N_("width d of what is counted; d_ff is 4d")},
    {"n_heads", LAB_INTEGER, "8", "4", 1, 256, NULL, N_("heads")},
    {"timed", LAB_INTEGERS, "64,128,256,512,1024,2048", "32,64,128", 2, 8192, NULL, N_("tokens of the passes that are timed")},
    {"timed_d_model", LAB_INTEGER, "128", "64", 2, 2048, NULL, N_("their width")},
    {"repeats", LAB_INTEGER, "3", "2", 1, 100, NULL, N_("runs of each, of which the shortest counts")},
    {NULL, LAB_INTEGER, NULL, NULL, 0, 0, NULL, NULL},
};
