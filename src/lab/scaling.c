/* scaling.c - scores of random queries and keys, divided by nothing, √d_k, d_k or √d_model: what the softmax makes of them, and what it
 * lets back through; and what a trained model's scores are like. */
#include "lab/arith.h"
#include "lab/lab.h"
#include "lab/setup.h"
#include "measure/metrics.h"
#include "pass/input.h"

#include "base/text.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

enum { DIVISORS = 4, KEYS_MAX = 1024 };
static const char *const divisor_names[DIVISORS] = {"none", "sqrt_dk", "dk", "sqrt_dmodel"};

static double divisor(int which, double d_k, double heads)
{
    const double by[DIVISORS] = {1, sqrt(d_k), d_k, sqrt(heads * d_k)};
    return by[which];
}

/* One divisor at one d_k: a mean for each seed; the gradients of all rows of all seeds. */
typedef struct Case {
    Spread entropy, largest, slope, dead, at_scaled, at_q;
    double *norms; /* at q, of every row */
    size_t rows;
} Case;

/* The raw scores of a seed. */
typedef struct Scores {
    size_t d_k, n, groups; /* groups of n queries and n keys */
    double *k;             /* [groups, n, d_k] */
    double *raw;           /* [groups, n, n] */
    double *dp;            /* [groups, n, n]: the gradient that reaches the weights from above */
} Scores;

static void scores_free(Scores *s)
{
    free(s->k);
    free(s->raw);
    free(s->dp);
}

static int scores_draw(Scores *s, size_t d_k, size_t n, size_t groups, uint64_t seed, Error *e)
{
    Random random = random_seeded(seed);
    *s = (Scores){d_k,
                  n,
                  groups,
                  malloc(groups * n * d_k * sizeof(double)),
                  malloc(groups * n * n * sizeof(double)),
                  malloc(groups * n * n * sizeof(double))};
    double *q = malloc(d_k * sizeof *q);
    if (!s->k || !s->raw || !s->dp || !q) {
        free(q);
        return error_memory(e, "lab scaling");
    }
    arith_normals(s->k, groups * n * d_k, &random);
    for (size_t row = 0; row < groups * n; row++) {
        arith_normals(q, d_k, &random);
        for (size_t j = 0; j < n; j++)
            s->raw[row * n + j] = arith_dot(q, s->k + (row / n * n + j) * d_k, d_k);
    }
    arith_normals(s->dp, groups * n * n, &random);
    free(q);
    return 0;
}

/* The mean and the fourth moment too: kurtosis - 3 is how far from a bell curve. */
static void spread_of_scores(const Scores *s, double *variance, double *kurtosis)
{
    size_t n = s->groups * s->n * s->n;
    double mean = 0, second = 0, fourth = 0;
    for (size_t i = 0; i < n; i++)
        mean += s->raw[i] / (double)n;
    for (size_t i = 0; i < n; i++) {
        double d = (s->raw[i] - mean) * (s->raw[i] - mean);
        second += d / (double)n;
        fourth += d * d / (double)n;
    }
    *variance = second;
    *kurtosis = fourth / (second * second) - 3;
}

/* One seed of one case. scaled = raw / by, so d raw = d scaled / by, and dq = Σ_j d raw_j k_j. */
static void add_seed(Case *c, const Scores *s, double by)
{
    double p[KEYS_MAX], ds[KEYS_MAX], sum[6] = {0}, rows = (double)(s->groups * s->n);
    for (size_t row = 0; row < s->groups * s->n; row++) {
        double dq = 0, top;
        for (size_t j = 0; j < s->n; j++)
            p[j] = s->raw[row * s->n + j] / by;
        arith_softmax(p, p, s->n);
        arith_softmax_backward(ds, s->dp + row * s->n, p, s->n);
        for (size_t i = 0; i < s->d_k; i++) {
            double x = 0;
            for (size_t j = 0; j < s->n; j++)
                x += ds[j] / by * s->k[(row / s->n * s->n + j) * s->d_k + i];
            dq += x * x;
        }
        top = p[arith_largest(p, s->n)];
        sum[0] += arith_entropy(p, s->n) / rows;
        sum[1] += top / rows;
        sum[2] += top * (1 - top) / rows;
        sum[3] += (top > 0.999) / rows;
        sum[4] += arith_norm(ds, s->n) / rows;
        sum[5] += sqrt(dq) / rows;
        c->norms[c->rows++] = sqrt(dq);
    }
    Spread *spreads[] = {&c->entropy, &c->largest, &c->slope, &c->dead, &c->at_scaled, &c->at_q};
    for (int i = 0; i < 6; i++)
        spread_add(spreads[i], sum[i]);
}

typedef struct Results {
    Table *variance, *softmax, *gradient;
    Plot *entropy, *dead, *at_q;
} Results;

static Results prepare(Lab *lab)
{
    Results r;
    Table *t = r.variance = lab_table_new(lab, "variance", _("Raw scores q·k of independent N(0,1) numbers"));
    table_column(t, "d_k", "d_k", 0);
    table_column(t, "variance", _("variance of q·k"), 2);
    table_column(t, "variance_std", _("± over seeds"), 2);
    table_column(t, "ratio", _("variance / d_k"), 4);
    table_column(t, "kurtosis", _("excess kurtosis"), 3);
    table_column(t, "kurtosis_theory", "6/d_k", 3);
    t = r.softmax = lab_table_new(lab, "softmax", _("The softmax: means over rows; p is the largest weight of a row"));
    table_text_column(t, "case", _("divided by / d_k"));
    table_column(t, "entropy", _("entropy, nats"), 3);
    table_column(t, "largest", "p", 4);
    table_column(t, "slope", "p(1-p)", 4);
    table_column(t, "dead", _("dead rows (p > 0.999)"), 4);
    table_column(t, "dead_std", _("± over seeds"), 4);
    t = r.gradient = lab_table_new(lab, "gradient", _("Norm of the gradient of a row, where N(0,1) numbers come back to its weights"));
    table_text_column(t, "case", _("divided by / d_k"));
    table_column(t, "at_scaled", _("at scaled, mean"), 4);
    table_column(t, "at_q", _("at q, mean"), 4);
    table_column(t, "at_q_std", _("± over seeds"), 4);
    table_column(t, "q10", _("at q, 10th percentile"), 4);
    table_column(t, "q50", _("median"), 4);
    table_column(t, "q90", _("90th"), 4);
    r.entropy = lab_plot_new(lab, _("Entropy of the weights"), "d_k", _("nats"));
    r.dead = lab_plot_new(lab, _("Dead rows: the largest weight is over 0.999"), "d_k", _("share of rows"));
    r.at_q = lab_plot_new(lab, _("Gradient at q, mean over rows"), "d_k", _("norm"));
    r.entropy->x_log = r.dead->x_log = r.at_q->x_log = r.at_q->y_log = true;
    static const char *const names[DIVISORS] = {N_("nothing"), "√d_k", "d_k", "√d_model"};
    for (int i = 0; i < DIVISORS; i++) {
        plot_series(r.entropy, _(names[i]));
        plot_series(r.dead, _(names[i]));
        plot_series(r.at_q, _(names[i]));
    }
    return r;
}

static void add_spread(Plot *p, size_t series, double x, const Spread *s)
{
    double std = spread_deviation(s);
    plot_point_spread(p, series, x, s->mean, s->mean - std, s->mean + std);
}

static void add_case(const Results *r, int which, double d_k, Case *c)
{
    char key[48];
    snprintf(key, sizeof key, "%s/%.0f", divisor_names[which], d_k);
    size_t row = table_row(r->softmax);
    table_set_text(r->softmax, row, "case", key);
    table_set(r->softmax, row, "entropy", c->entropy.mean);
    table_set(r->softmax, row, "largest", c->largest.mean);
    table_set(r->softmax, row, "slope", c->slope.mean);
    table_set(r->softmax, row, "dead", c->dead.mean);
    table_set(r->softmax, row, "dead_std", spread_deviation(&c->dead));
    row = table_row(r->gradient);
    table_set_text(r->gradient, row, "case", key);
    table_set(r->gradient, row, "at_scaled", c->at_scaled.mean);
    table_set(r->gradient, row, "at_q", c->at_q.mean);
    table_set(r->gradient, row, "at_q_std", spread_deviation(&c->at_q));
    table_set(r->gradient, row, "q10", arith_quantile(c->norms, c->rows, 0.1));
    table_set(r->gradient, row, "q50", arith_quantile(c->norms, c->rows, 0.5));
    table_set(r->gradient, row, "q90", arith_quantile(c->norms, c->rows, 0.9));
    add_spread(r->entropy, (size_t)which, d_k, &c->entropy);
    add_spread(r->dead, (size_t)which, d_k, &c->dead);
    add_spread(r->at_q, (size_t)which, d_k, &c->at_q);
}

/* One d_k: the same scores for every divisor. */
static int measure(Lab *lab, const Results *r, size_t d_k, Error *e)
{
    size_t n = lab_size(lab, "keys"), seeds = lab_size(lab, "seeds"), groups = (lab_size(lab, "rows") + n - 1) / n;
    Case cases[DIVISORS] = {{.rows = 0}};
    Spread variance = {0}, kurtosis = {0};
    int status = 0;
    for (int i = 0; i < DIVISORS && status == 0; i++)
        if (!(cases[i].norms = malloc(seeds * groups * n * sizeof(double))))
            status = error_memory(e, "lab scaling");
    for (size_t seed = 0; seed < seeds && status == 0; seed++) {
        Scores s;
        double v, k;
        status = scores_draw(&s, d_k, n, groups, 1000003 * (uint64_t)lab_number(lab, "seed") + 1009 * seed + d_k, e);
        if (status == 0) {
            spread_of_scores(&s, &v, &k);
            spread_add(&variance, v);
            spread_add(&kurtosis, k);
            for (int i = 0; i < DIVISORS; i++)
                add_seed(&cases[i], &s, divisor(i, (double)d_k, lab_number(lab, "heads")));
        }
        scores_free(&s);
    }
    if (status == 0) {
        size_t row = table_row(r->variance);
        table_set(r->variance, row, "d_k", (double)d_k);
        table_set(r->variance, row, "variance", variance.mean);
        table_set(r->variance, row, "variance_std", spread_deviation(&variance));
        table_set(r->variance, row, "ratio", variance.mean / (double)d_k);
        table_set(r->variance, row, "kurtosis", kurtosis.mean);
        table_set(r->variance, row, "kurtosis_theory", 6 / (double)d_k);
        for (int i = 0; i < DIVISORS; i++)
            add_case(r, i, (double)d_k, &cases[i]);
    }
    for (int i = 0; i < DIVISORS; i++)
        free(cases[i].norms);
    return status;
}

/* Every attention sub-layer of a model, on its own example. */
static int measure_model(Lab *lab, Error *e)
{
    Table *t = lab_table_new(lab, "model", _("A trained model's scores; predicted: from the moments of q and k, means included"));
    table_text_column(t, "sublayer", _("sub-layer"));
    table_column(t, "d_k", "d_k", 0);
    table_column(t, "raw", _("raw variance"), 3);
    table_column(t, "predicted", _("predicted, if independent"), 3);
    table_column(t, "scaled", _("scaled variance"), 4);
    table_column(t, "ratio", _("raw / scaled"), 4);
    Model *m = model_open(lab_value(lab, "model")->text, NULL, e);
    Input in = {0};
    Pass *p = m && input_read(&in, m, (InputText){0}, 0, e) == 0 ? pass_create(m, input_ids(&in), 0, e) : NULL;
    for (size_t i = 0; p && i < pass_plan(p)->count; i++) {
        const Stage *s = &pass_plan(p)->stages[i];
        ScoreVariance v;
        char name[STAGE_NAME_MAX];
        if (s->kind != STAGE_SCORES || score_variance(p, i, -1, &v) != 0)
            continue;
        size_t row = table_row(t);
        table_set_text(t, row, "sublayer", stage_prefix(s, name));
        table_set(t, row, "d_k", (double)m->config.d_head);
        table_set(t, row, "raw", v.raw_all);
        table_set(t, row, "predicted", v.predicted);
        table_set(t, row, "scaled", v.scaled_all);
        table_set(t, row, "ratio", v.ratio);
    }
    pass_free(p);
    input_free(&in);
    model_free(m);
    return p ? 0 : -1;
}

/* Where the unscaled mean gradient at q is larger although rows are dead. */
static void add_notes(Lab *lab, const Results *r)
{
    const LabValue *list = lab_value(lab, "d_k");
    for (size_t i = 0; i < list->count; i++) {
        char none[48], root[48];
        double raw, scaled, dead, low;
        snprintf(none, sizeof none, "none/%.0f", list->numbers[i]);
        snprintf(root, sizeof root, "sqrt_dk/%.0f", list->numbers[i]);
        int a = table_find_row(r->gradient, none), b = table_find_row(r->gradient, root);
        if (a < 0 || b < 0 || list->numbers[i] < 64 || (i + 1 < list->count && list->numbers[i] != 64))
            continue;
        raw = table_number(r->gradient, (size_t)a, (size_t)table_find_column(r->gradient, "at_q"));
        scaled = table_number(r->gradient, (size_t)b, (size_t)table_find_column(r->gradient, "at_q"));
        low = table_number(r->gradient, (size_t)a, (size_t)table_find_column(r->gradient, "q10"));
        dead = table_number(r->softmax, (size_t)a, (size_t)table_find_column(r->softmax, "dead"));
        lab_note(lab,
                 _("d_k = %.0f, %zu keys: undivided, the mean gradient at q is %.3g, divided by √d_k %.3g; yet undivided %.1f%% of the "
                   "rows are dead, and a "
                   "tenth of the rows has less than %.2g."),
                 list->numbers[i], lab_size(lab, "keys"), raw, scaled, 100 * dead, low);
    }
    lab_note(lab, "%s", _("p(1-p) is small for a one-hot row and for an even one: it does not show saturation alone."));
    lab_note(lab, "%s",
             _("In the trained model the raw variance is not d_k; raw / scaled = d_k holds always, as it is how they were computed."));
}

int lab_run_scaling(Lab *lab, Error *e)
{
    const LabValue *list = lab_value(lab, "d_k");
    Results r = prepare(lab);
    for (size_t i = 0; i < list->count; i++)
        if (lab_progress(lab, (double)i / (double)list->count, _("random scores"), e) != 0 ||
            measure(lab, &r, (size_t)list->numbers[i], e) != 0)
            return -1;
    if (measure_model(lab, e) != 0)
        return -1;
    add_notes(lab, &r);
    return 0;
}

const LabParam lab_params_scaling[] = {
    {"d_k", LAB_INTEGERS, "4,16,64,256,1024", "4,64,256", 1, 4096, NULL, N_("dimensions of a head")},
    {"keys", LAB_INTEGER, "16", NULL, 2, KEYS_MAX, NULL, N_("keys a query can see, n")},
    {"heads", LAB_INTEGER, "8", NULL, 1, 128, NULL, N_("d_model is so many times d_k")},
    {"rows", LAB_INTEGER, "2048", "512", 16, 100000, NULL, N_("queries, rounded up to a multiple of the keys")},
    {"seeds", LAB_INTEGER, "5", "3", 1, 100, NULL, N_("how often all of it is drawn")},
    {"seed", LAB_INTEGER, "1", NULL, 0, 1e9, NULL, N_("the first of them")},
    {"model", LAB_TEXT, "zh-en", NULL, 0, 0, NULL, N_("the trained model that is looked at beside")},
    {NULL, LAB_INTEGER, NULL, NULL, 0, 0, NULL, NULL},
};
