/* sinusoid.c - the sinusoidal table: its waves, the rotation that moves it, and what dot products make of the distance, before and behind
 * W_Q and W_K. */
#include "lab/arith.h"
#include "lab/lab.h"
#include "lab/setup.h"

#include "base/text.h"

#include <stdio.h>
#include <stdlib.h>

static const double two_pi = 6.283185307179586476925;

/* rows [n, d] of the table, in double. */
static double *make_table(size_t n, size_t d, Error *e)
{
    double *table = malloc(n * d * sizeof *table);
    if (!table)
        error_memory(e, "lab sinusoid");
    for (size_t p = 0; table && p < n; p++)
        for (size_t i = 0; i < d; i++)
            table[p * d + i] = sinusoid(p, i, d);
    return table;
}

/* Each pair of dimensions is a clock hand; how far it turns from position 0 to 1 says how long its round is. */
static void run_waves(Lab *lab, const double *table, size_t n, size_t d)
{
    Table *t = lab_table_new(lab, "waves", _("Pairs of dimensions: positions until the pair is where it was"));
    table_column(t, "pair", _("pair"), 0);
    table_column(t, "formula", "2π·10000^(2i/d)", 3);
    table_column(t, "measured", _("from the table"), 3);
    table_column(t, "turns", _("rounds within the table"), 3);
    for (size_t i = 0; i + 1 < d; i += 2) {
        double turned =
            atan2(table[d + i] * table[i + 1] - table[d + i + 1] * table[i], table[d + i] * table[i] + table[d + i + 1] * table[i + 1]);
        size_t row = table_row(t);
        table_set(t, row, "pair", (double)(i / 2));
        table_set(t, row, "formula", two_pi * pow(10000, (double)i / (double)d));
        table_set(t, row, "measured", two_pi / fabs(turned));
        table_set(t, row, "turns", (double)(n - 1) * fabs(turned) / two_pi);
    }
    Plot *p = lab_plot_new(lab, _("Some columns of the table"), _("position"), _("value"));
    for (int k = 0; k < 4; k++) {
        char name[32];
        size_t dim = (size_t)k * d / 8 * 2;
        snprintf(name, sizeof name, _("dimension %zu"), dim);
        size_t s = plot_series(p, name);
        for (size_t pos = 0; pos < n; pos++)
            plot_point(p, s, (double)pos, table[pos * d + dim]);
    }
}

/* The largest |PE(p+k) - R(k)·PE(p)|: R(k) turns pair i by k / 10000^(2i/d). */
static double rotation_error(const double *table, size_t n, size_t d, size_t k)
{
    double most = 0;
    for (size_t p = 0; p + k < n; p++)
        for (size_t i = 0; i + 1 < d; i += 2) {
            double angle = (double)k / pow(10000, (double)i / (double)d), c = cos(angle), s = sin(angle);
            const double *from = table + p * d + i, *to = table + (p + k) * d + i;
            most = fmax(most, fabs(to[0] - (c * from[0] + s * from[1])));
            most = fmax(most, fabs(to[1] - (c * from[1] - s * from[0])));
        }
    return most;
}

typedef struct Range {
    double mean, least, most;
} Range;

/* a_p · b_{p+k} over all p; k may be negative. */
static Range products(const double *a, const double *b, size_t n, size_t d, long k)
{
    Range r = {0, INFINITY, -INFINITY};
    size_t count = 0;
    for (size_t p = 0; p < n; p++) {
        long at = (long)p + k;
        if (at < 0 || at >= (long)n)
            continue;
        double x = arith_dot(a + p * d, b + (size_t)at * d, d);
        r.mean += (x - r.mean) / (double)++count;
        r.least = fmin(r.least, x);
        r.most = fmax(r.most, x);
    }
    return r;
}

static void add_offsets(Lab *lab, const char *name, const char *title, const double *q, const double *k, const double *table, size_t n,
                        size_t d, size_t d_k)
{
    Table *t = lab_table_new(lab, name, title);
    table_column(t, "k", "k", 0);
    if (table)
        table_column(t, "rotation", "|PE(p+k) - R(k)PE(p)|", 2);
    table_column(t, "mean", _("mean over p"), 4);
    table_column(t, "range", _("largest - smallest over p"), 2);
    table_column(t, "back", _("mean at -k"), 4);
    Plot *p = lab_plot_new(lab, title, "k", _("dot product, mean and range over p"));
    plot_series(p, "k");
    plot_series(p, "-k");
    for (size_t offset = 0; offset < n / 2; offset++) {
        Range r = products(q, k, n, d_k, (long)offset), back = products(q, k, n, d_k, -(long)offset);
        size_t row = table_row(t);
        table_set(t, row, "k", (double)offset);
        if (table)
            table_set(t, row, "rotation", rotation_error(table, n, d, offset));
        table_set(t, row, "mean", r.mean);
        table_set(t, row, "range", r.most - r.least);
        table_set(t, row, "back", back.mean);
        plot_point_spread(p, 0, (double)offset, r.mean, r.least, r.most);
        plot_point(p, 1, (double)offset, back.mean);
    }
}

/* x [n, d] · W, columns of one head. */
static double *project(const double *x, const Matrix *w, size_t n, size_t d, size_t d_k, size_t head, Error *e)
{
    double *y = calloc(n * d_k, sizeof *y);
    if (!y)
        error_memory(e, "lab sinusoid");
    for (size_t i = 0; y && i < n; i++)
        for (size_t a = 0; a < d; a++)
            for (size_t c = 0; c < d_k; c++)
                y[i * d_k + c] += x[i * d + a] * (double)matrix_at(w, a, head * d_k + c);
    return y;
}

/* The same dot products behind a trained head's W_Q and W_K. */
static int run_trained(Lab *lab, size_t n, Error *e)
{
    Model *m = model_open(lab_value(lab, "model")->text, NULL, e);
    size_t head = lab_size(lab, "head");
    int status = -1;
    if (!m)
        return -1;
    const char *stack = config_has_stack(&m->config, STACK_ENCODER) ? "encoder" : "decoder";
    char name[2][WEIGHT_NAME_MAX];
    snprintf(name[0], sizeof name[0], "%s.0.self.W_Q", stack);
    snprintf(name[1], sizeof name[1], "%s.0.self.W_K", stack);
    int w_q = weights_find(&m->weights, name[0]), w_k = weights_find(&m->weights, name[1]);
    const Config *c = &m->config;
    if (c->position != POSITION_SINUSOIDAL || w_q < 0 || w_k < 0)
        error_set(e, "lab sinusoid: model: expected one with sinusoidal positions, found %s", m->name);
    else if (head >= c->n_heads)
        error_set(e, "lab sinusoid: head: expected 0 to %zu, found %zu", c->n_heads - 1, head);
    else {
        size_t group = head / (c->n_heads / c->n_kv_heads);
        double *table = make_table(n, c->d_model, e), *q = NULL, *k = NULL;
        q = table ? project(table, &m->weights.items[w_q].values, n, c->d_model, c->d_head, head, e) : NULL;
        k = q ? project(table, &m->weights.items[w_k].values, n, c->d_model, c->d_head, group, e) : NULL;
        if (k) {
            add_offsets(lab, "trained", _("(PE(p)·W_Q)·(PE(p+k)·W_K) of a trained head"), q, k, NULL, n, c->d_model, c->d_head);
            status = 0;
        }
        free(table);
        free(q);
        free(k);
    }
    model_free(m);
    return status;
}

int lab_run_sinusoid(Lab *lab, Error *e)
{
    size_t n = lab_size(lab, "positions"), d = lab_size(lab, "d_model"), falls = 1;
    if (d % 2)
        return error_set(e, "lab sinusoid: d_model: expected an even number, found %zu", d);
    double *table = make_table(n, d, e);
    if (!table)
        return -1;
    run_waves(lab, table, n, d);
    add_offsets(lab, "offsets", _("PE(p) · PE(p+k)"), table, table, table, n, d, d);
    free(table);
    const Table *t = &lab->tables[1];
    int mean = table_find_column(t, "mean"), range = table_find_column(t, "range");
    while (falls + 1 < t->row_count && table_number(t, falls + 1, (size_t)mean) < table_number(t, falls, (size_t)mean))
        falls++;
    double widest = 0;
    for (size_t i = 0; i < t->row_count; i++)
        widest = fmax(widest, table_number(t, i, (size_t)range));
    lab_note(lab, _("PE(p)·PE(p+k) depends on k alone: over all p it differs by at most %.2g, and k and -k give the same."), widest);
    if (falls + 1 < t->row_count)
        lab_note(lab, _("It is not monotone: it falls until k = %zu and then rises."), falls);
    if (run_trained(lab, n, e) != 0)
        return -1;
    t = &lab->tables[2];
    mean = table_find_column(t, "mean");
    range = table_find_column(t, "range");
    lab_note(lab,
             _("After W_Q and W_K neither holds: at k = 1 the product varies by %.3g over p, and its mean is %.3g there but %.3g at -1."),
             table_number(t, 1, (size_t)range), table_number(t, 1, (size_t)mean), table_number(t, 1, (size_t)table_find_column(t, "back")));
    return 0;
}

const LabParam lab_params_sinusoid[] = {
    {"d_model", LAB_INTEGER, "32", NULL, 2, 512, NULL, N_("width of the table; even")},
    {"positions", LAB_INTEGER, "64", "32", 4, 1024, NULL, N_("rows of the table; offsets go up to half of it")},
    {"model", LAB_TEXT, "zh-en", NULL, 0, 0, NULL, N_("a trained model with sinusoidal positions")},
    {"head", LAB_INTEGER, "0", NULL, 0, 255, NULL, N_("which head of its first layer")},
    {NULL, LAB_INTEGER, NULL, NULL, 0, 0, NULL, NULL},
};
