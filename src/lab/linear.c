/* linear.c - attention without its softmax: the order of the products, the causal leak, the recurrence, and what no longer can be recalled.
 *
 * Owns the comparisons; the arithmetic is in online.c. What is lost is measured by a construction, not by training: keys and values are put
 * into a memory by hand, and asked for. */
#include "lab/lab.h"
#include "lab/online.h"
#include "lab/setup.h"

#include "base/text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct Room {
    double *q, *k, *v, *a, *b, *state;
} Room;

static void release(Room *m)
{
    free(m->q);
    free(m->k);
    free(m->v);
    free(m->a);
    free(m->b);
    free(m->state);
    *m = (Room){0};
}

static int make(Room *m, size_t n, size_t d_k, size_t d_v, Error *e)
{
    *m = (Room){calloc(n * d_k, sizeof(double)), calloc(n * d_k, sizeof(double)), calloc(n * d_v, sizeof(double)),
                calloc(n * d_v, sizeof(double)), calloc(n * d_v, sizeof(double)), calloc(d_k * (d_v + 1), sizeof(double))};
    if (m->q && m->k && m->v && m->a && m->b && m->state)
        return 0;
    release(m);
    return error_memory(e, "linear");
}

static void normal(double *x, size_t n, double deviation, Random *random)
{
    for (size_t i = 0; i < n; i++)
        x[i] = deviation * random_normal(random);
}

static double difference(const double *a, const double *b, size_t n)
{
    double most = 0;
    for (size_t i = 0; i < n; i++)
        most = fabs(a[i] - b[i]) > most ? fabs(a[i] - b[i]) : most;
    return most;
}

/* ---- the same numbers, in another order ---- */

/* The n × n way without a mask: every row sees all keys. */
static void all_keys(double *out, const Room *m, size_t n, size_t d_k, size_t d_v, OnlineCount *count)
{
    *count = (OnlineCount){.products = (double)n * (double)n * (double)(d_k + d_v), .extra = (double)n * (double)n};
    memset(out, 0, n * d_v * sizeof *out);
    for (size_t i = 0; i < n; i++) {
        double norm = 0;
        for (size_t j = 0; j < n; j++) {
            double weight = 0;
            for (size_t c = 0; c < d_k; c++)
                weight += m->q[i * d_k + c] * m->k[j * d_k + c];
            norm += weight;
            for (size_t c = 0; c < d_v; c++)
                out[i * d_v + c] += weight * m->v[j * d_v + c];
        }
        for (size_t c = 0; c < d_v; c++)
            out[i * d_v + c] /= norm;
    }
}

static void add_order(Table *t, const char *what, const OnlineCount *one, const OnlineCount *other, double error)
{
    size_t row = table_row(t);
    table_set_text(t, row, "what", what);
    table_set(t, row, "difference", error);
    table_set(t, row, "products_one", one->products);
    table_set(t, row, "products_other", other->products);
    table_set(t, row, "extra_one", one->extra);
    table_set(t, row, "extra_other", other->extra);
}

static int compare_orders(Lab *lab, size_t n, size_t d_k, size_t d_v, Error *e)
{
    Room m;
    OnlineCount one, other;
    Random random = random_seeded(lab_size(lab, "seed"));
    if (make(&m, n, d_k, d_v, e) != 0)
        return -1;
    normal(m.q, n * d_k, 1, &random);
    normal(m.k, n * d_k, 1, &random);
    normal(m.v, n * d_v, 1, &random);
    online_features(m.q, n * d_k);
    online_features(m.k, n * d_k);
    Table *t = lab_table_new(lab, "order", _("the same attention, computed in two orders"));
    table_text_column(t, "what", _("what"));
    table_column(t, "difference", _("largest difference"), -3);
    table_column(t, "products_one", _("mult., (QKᵀ)V"), 0);
    table_column(t, "products_other", _("other order"), 0);
    table_column(t, "extra_one", _("numbers kept, (QKᵀ)V"), 0);
    table_column(t, "extra_other", _("other order"), 0);

    all_keys(m.a, &m, n, d_k, d_v, &one);
    online_linear(m.b, m.q, m.k, m.v, m.state, n, d_k, d_v, &other);
    double exact = difference(m.a, m.b, n * d_v);
    add_order(t, "no-mask", &one, &other, exact);

    online_linear_causal(m.a, m.q, m.k, m.v, n, d_k, d_v, &one);
    add_order(t, "causal-leak", &one, &other, difference(m.a, m.b, n * d_v)); /* b is Q(KᵀV) still */
    Table *leak = lab_table_new(lab, "leak", _("Q(KᵀV) in a decoder: how far each row is from the causal one"));
    table_column(leak, "row", _("row"), 0);
    table_column(leak, "error", _("largest error"), -3);
    Plot *p = lab_plot_new(lab, _("Q(KᵀV) in a decoder: error by row"), _("row"), _("largest error"));
    size_t series = plot_series(p, _("error"));
    size_t right = 0;
    for (size_t i = 0; i < n; i++) {
        double error = difference(m.a + i * d_v, m.b + i * d_v, d_v);
        size_t row = table_row(leak);
        table_set(leak, row, "row", (double)i);
        table_set(leak, row, "error", error);
        plot_point(p, series, (double)i, error);
        right += error < 1e-9;
    }
    double last = difference(m.a + (n - 1) * d_v, m.b + (n - 1) * d_v, d_v);
    online_linear_steps(m.b, m.q, m.k, m.v, m.state, n, d_k, d_v, &other);
    double stepped = difference(m.a, m.b, n * d_v);
    add_order(t, "recurrence", &one, &other, stepped);
    release(&m);
    lab_note(lab, _("Without a mask (QKᵀ)V = Q(KᵀV): the two differ by %.1e, which is rounding."), exact);
    lab_note(lab, _("In a decoder Q(KᵀV) has %zu of %zu rows right, the last one (%.1e): KᵀV sums over keys that the other rows may not see."), right, n,
             last);
    lab_note(lab, _("The causal sum is a recurrence whose state has %zu numbers a head (d_k × d_v, and d_k for the normaliser), whatever n is; it differs from the sum by %.1e."),
             d_k * (d_v + 1), stepped);
    return 0;
}

/* ---- recall ---- */

/* `pairs` random keys of length 1, each with a value of its own; every key is asked for once. The answer is the value whose component is the
 * largest. Returns the share that is right, by softmax with scores β·(q·k) or by φ of what is scaled in the same way. */
static double recall(Room *m, size_t pairs, size_t d_k, double beta, bool softmax, Random *random)
{
    size_t right = 0;
    for (size_t i = 0; i < pairs; i++) {
        double *key = m->k + i * d_k, norm = 0;
        normal(key, d_k, 1, random);
        for (size_t c = 0; c < d_k; c++)
            norm += key[c] * key[c];
        for (size_t c = 0; c < d_k; c++)
            key[c] /= sqrt(norm);
    }
    memcpy(m->q, m->k, pairs * d_k * sizeof *m->q);
    memset(m->v, 0, pairs * pairs * sizeof *m->v);
    for (size_t i = 0; i < pairs; i++)
        m->v[i * pairs + i] = 1;
    if (!softmax) {
        OnlineCount count;
        for (size_t i = 0; i < pairs * d_k; i++) {
            m->q[i] *= sqrt(beta);
            m->k[i] *= sqrt(beta);
        }
        online_features(m->q, pairs * d_k);
        online_features(m->k, pairs * d_k);
        online_linear(m->a, m->q, m->k, m->v, m->state, pairs, d_k, pairs, &count);
    }
    for (size_t i = 0; i < pairs; i++) {
        double best = -INFINITY;
        size_t at = 0;
        for (size_t j = 0; j < pairs; j++) {
            double x = m->a[i * pairs + j];
            if (softmax) { /* its weights are the answer: the values are the unit vectors, and exp does not change an order */
                x = 0;
                for (size_t c = 0; c < d_k; c++)
                    x += m->q[i * d_k + c] * m->k[j * d_k + c];
            }
            if (x > best) {
                best = x;
                at = j;
            }
        }
        right += at == i;
    }
    return (double)right / (double)pairs;
}

static int measure_recall(Lab *lab, Error *e)
{
    const LabValue *pairs = lab_value(lab, "pairs"), *sizes = lab_value(lab, "d_k");
    size_t seeds = lab_size(lab, "seeds");
    double beta = lab_number(lab, "beta");
    Table *t = lab_table_new(lab, "recall", _("share of pairs that are recalled"));
    table_column(t, "pairs", _("pairs"), 0);
    table_column(t, "d_k", "d_k", 0);
    table_column(t, "softmax", _("softmax"), 3);
    table_column(t, "linear", _("linear"), 3);
    table_column(t, "spread", _("± over seeds"), 3);
    Plot *p = lab_plot_new(lab, _("pairs that linear attention recalls"), _("pairs"), _("share"));
    p->x_log = true;
    double lost = 1, lost_softmax = 1;
    size_t lost_pairs = 0, lost_size = 0;
    for (size_t s = 0; s < sizes->count; s++) {
        char name[48];
        snprintf(name, sizeof name, "d_k %g", sizes->numbers[s]);
        size_t series = plot_series(p, name), d_k = (size_t)sizes->numbers[s];
        for (size_t k = 0; k < pairs->count; k++) {
            size_t n = (size_t)pairs->numbers[k];
            Spread softmax = {0}, linear = {0};
            Room m;
            if (make(&m, n, d_k, n, e) != 0)
                return -1;
            for (size_t seed = 1; seed <= seeds; seed++) {
                Random a = random_seeded(seed), b = random_seeded(seed); /* the same keys for both */
                spread_add(&softmax, recall(&m, n, d_k, beta, true, &a));
                spread_add(&linear, recall(&m, n, d_k, beta, false, &b));
            }
            release(&m);
            size_t row = table_row(t);
            table_set(t, row, "pairs", (double)n);
            table_set(t, row, "d_k", (double)d_k);
            table_set(t, row, "softmax", softmax.mean);
            table_set(t, row, "linear", linear.mean);
            table_set(t, row, "spread", spread_deviation(&linear));
            plot_point_spread(p, series, (double)n, linear.mean, linear.mean - spread_deviation(&linear), linear.mean + spread_deviation(&linear));
            if (linear.mean < lost) {
                lost = linear.mean;
                lost_softmax = softmax.mean;
                lost_pairs = n;
                lost_size = d_k;
            }
        }
        if (lab_progress(lab, (double)(s + 1) / (double)sizes->count, _("recall"), e) != 0)
            return -1;
    }
    if (lost < 1)
        lab_note(lab, _("With d_k = %zu, linear attention recalls %.2f of %zu pairs, softmax %.2f: the state holds what is written on top of one another."), lost_size,
                 lost, lost_pairs, lost_softmax);
    return 0;
}

int lab_run_linear(Lab *lab, Error *e)
{
    if (compare_orders(lab, lab_size(lab, "n"), (size_t)lab_value(lab, "d_k")->numbers[0], lab_size(lab, "d_v"), e) != 0)
        return -1;
    return measure_recall(lab, e);
}

const LabParam lab_params_linear[] = {
    {"n", LAB_INTEGER, "24", "12", 2, 1024, NULL, N_("tokens, where the orders are compared")},
    {"d_k", LAB_INTEGERS, "8,16,32", "4,16", 1, 256, NULL, N_("dimensions of keys; the orders are compared with the first")},
    {"d_v", LAB_INTEGER, "8", NULL, 1, 256, NULL, N_("dimensions of values, where the orders are compared")},
    {"pairs", LAB_INTEGERS, "2,4,8,16,32,64,128", "4,64", 1, 512, NULL, N_("pairs of a key and a value to recall")},
    {"beta", LAB_REAL, "8", NULL, 0, 1000, NULL, N_("what q·k is multiplied by (split between q and k) before φ = elu + 1")},
    {"seeds", LAB_INTEGER, "5", "3", 2, 100, NULL, N_("draws of the keys, seeds 1, 2, …")},
    {"seed", LAB_INTEGER, "1", NULL, 0, 1e9, NULL, N_("of q, k, v where the orders are compared")},
    {NULL, LAB_INTEGER, NULL, NULL, 0, 0, NULL, NULL},
};
