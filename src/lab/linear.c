/* linear.c - attention without its softmax: the order of the products, the causal leak, the recurrence, and what no longer can be recalled.
 *
 * Owns the comparisons; the arithmetic is in online.c. What is lost is measured by a construction, not by training: keys and values are put
 * into a memory by hand, and asked for. */
#include "lab/arith.h"
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
    arith_normals(m.q, n * d_k, &random);
    arith_normals(m.k, n * d_k, &random);
    arith_normals(m.v, n * d_v, &random);
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
    lab_note(lab,
             _("In a decoder Q(KᵀV) has %zu of %zu rows right, the last one (%.1e): KᵀV sums over keys that the other rows may not see."),
             right, n, last);
    lab_note(lab,
             _("The causal sum is a recurrence whose state has %zu numbers a head (d_k × d_v, and d_k for the normaliser), whatever n is; "
               "it differs from the sum by %.1e."),
             d_k * (d_v + 1), stepped);
    return 0;
}

/* ---- recall ---- */

/* The three ways to answer. */
typedef enum How { SOFTMAX, FEATURES, PRODUCT, HOWS } How;

/* Each row becomes one of length 1. */
static void normalise(double *x, size_t rows, size_t d)
{
    for (size_t i = 0; i < rows; i++) {
        double sum = 0;
        for (size_t c = 0; c < d; c++)
            sum += x[i * d + c] * x[i * d + c];
        for (size_t c = 0; c < d; c++)
            x[i * d + c] /= sqrt(sum);
    }
}

/* out [n, d] = q·S for S = Σ k·v, without normaliser: φ(x) = x. */
static void by_product(double *out, const Room *m, size_t n, size_t d)
{
    memset(m->state, 0, d * (d + 1) * sizeof *m->state);
    for (size_t j = 0; j < n; j++)
        for (size_t a = 0; a < d; a++)
            for (size_t c = 0; c < d; c++)
                m->state[a * d + c] += m->k[j * d + a] * m->v[j * d + c];
    memset(out, 0, n * d * sizeof *out);
    for (size_t i = 0; i < n; i++)
        for (size_t a = 0; a < d; a++)
            for (size_t c = 0; c < d; c++)
                out[i * d + c] += m->q[i * d + a] * m->state[a * d + c];
}

/* The index of the value that an answer is most like. */
static size_t nearest(const double *answer, const double *values, size_t n, size_t d)
{
    size_t best = 0;
    double most = -INFINITY;
    for (size_t j = 0; j < n; j++) {
        double x = arith_dot(answer, values + j * d, d);
        if (x > most) {
            most = x;
            best = j;
        }
    }
    return best;
}

/* `pairs` random keys and values of d numbers, all of length 1. Every key is asked for once; the answer is the value that what comes out is
 * most like. Returns the share that is right. Scores are β q·k; for the features β is split between q and k. `scratch` is [pairs, pairs].
 */
static double recall(Room *m, double *scratch, size_t pairs, size_t d, double beta, How how, Random *random)
{
    OnlineCount count;
    size_t right = 0;
    double scale = how == SOFTMAX ? beta * sqrt((double)d) : how == FEATURES ? sqrt(beta) : 1; /* online_whole divides by √d */
    arith_normals(m->k, pairs * d, random);
    arith_normals(m->v, pairs * d, random);
    normalise(m->k, pairs, d);
    normalise(m->v, pairs, d);
    for (size_t i = 0; i < pairs * d; i++) {
        m->q[i] = m->k[i] * scale;
        m->k[i] *= how == FEATURES ? scale : 1;
    }
    if (how == SOFTMAX)
        online_whole(m->a, m->q, m->k, m->v, scratch, pairs, d, d, false, &count);
    else if (how == FEATURES) {
        online_features(m->q, pairs * d);
        online_features(m->k, pairs * d);
        online_linear(m->a, m->q, m->k, m->v, m->state, pairs, d, d, &count);
    } else
        by_product(m->a, m, pairs, d);
    for (size_t i = 0; i < pairs; i++)
        right += nearest(m->a + i * d, m->v, pairs, d) == i;
    return (double)right / (double)pairs;
}

/* All ways with the same keys and values, over seeds. */
static int recall_over_seeds(Lab *lab, size_t pairs, size_t d, Spread out[HOWS], Error *e)
{
    Room m;
    double *scratch = malloc(pairs * pairs * sizeof *scratch);
    if (!scratch || make(&m, pairs, d, d, e) != 0) {
        free(scratch);
        return error_memory(e, "linear");
    }
    for (size_t seed = 1; seed <= lab_size(lab, "seeds"); seed++)
        for (int how = 0; how < HOWS; how++) {
            Random random = random_seeded(seed);
            spread_add(&out[how], recall(&m, scratch, pairs, d, lab_number(lab, "beta"), (How)how, &random));
        }
    release(&m);
    free(scratch);
    return 0;
}

static Table *recall_table(Lab *lab)
{
    Table *t = lab_table_new(lab, "recall", _("share of pairs that are recalled"));
    table_column(t, "pairs", _("pairs"), 0);
    table_column(t, "d_k", "d_k", 0);
    table_column(t, "softmax", _("softmax"), 3);
    table_column(t, "softmax_spread", _("± seeds"), 3);
    table_column(t, "linear", "φ = elu + 1", 3);
    table_column(t, "linear_spread", _("± seeds"), 3);
    table_column(t, "product", "φ(x) = x", 3);
    table_column(t, "product_spread", _("± seeds"), 3);
    return t;
}

static int measure_recall(Lab *lab, Error *e)
{
    const LabValue *pairs = lab_value(lab, "pairs"), *sizes = lab_value(lab, "d_k");
    Table *t = recall_table(lab);
    Plot *p = lab_plot_new(lab, _("pairs that are recalled"), _("pairs"), _("share"));
    p->x_log = true;
    for (size_t s = 0; s < sizes->count; s++) {
        char name[64];
        size_t d = (size_t)sizes->numbers[s], half = 0;
        snprintf(name, sizeof name, _("softmax, d_k %zu"), d);
        size_t soft = plot_series(p, name);
        snprintf(name, sizeof name, "φ(x) = x, d_k %zu", d);
        size_t series = plot_series(p, name);
        for (size_t k = 0; k < pairs->count; k++) {
            size_t n = (size_t)pairs->numbers[k], row = table_row(t);
            Spread x[HOWS] = {{0, 0, 0}, {0, 0, 0}, {0, 0, 0}};
            if (recall_over_seeds(lab, n, d, x, e) != 0)
                return -1;
            table_set(t, row, "pairs", (double)n);
            table_set(t, row, "d_k", (double)d);
            table_set(t, row, "softmax", x[SOFTMAX].mean);
            table_set(t, row, "softmax_spread", spread_deviation(&x[SOFTMAX]));
            table_set(t, row, "linear", x[FEATURES].mean);
            table_set(t, row, "linear_spread", spread_deviation(&x[FEATURES]));
            table_set(t, row, "product", x[PRODUCT].mean);
            table_set(t, row, "product_spread", spread_deviation(&x[PRODUCT]));
            plot_point(p, soft, (double)n, x[SOFTMAX].mean);
            plot_point_spread(p, series, (double)n, x[PRODUCT].mean, x[PRODUCT].mean - spread_deviation(&x[PRODUCT]),
                              x[PRODUCT].mean + spread_deviation(&x[PRODUCT]));
            half = x[PRODUCT].mean >= 0.5 && n > half ? n : half;
            if (k + 1 == pairs->count)
                lab_note(lab,
                         _("d_k = d_v = %zu: of %zu pairs softmax recalls %.2f, linear attention %.2f with φ = elu + 1 and %.2f with φ(x) "
                           "= x, which recalls half or more of up to %zu pairs. Its state is one matrix of %zu "
                           "numbers, on which all pairs are written on top of one another."),
                         d, n, x[SOFTMAX].mean, x[FEATURES].mean, x[PRODUCT].mean, half, d * d);
        }
        if (lab_progress(lab, (double)(s + 1) / (double)sizes->count, _("recall"), e) != 0)
            return -1;
    }
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
    {"d_k", LAB_INTEGERS, "8,32", "8", 1, 256, NULL, N_("dimensions of keys; the orders are compared with the first")},
    {"d_v", LAB_INTEGER, "8", NULL, 1, 256, NULL, N_("dimensions of values, where the orders are compared")},
    {"pairs", LAB_INTEGERS, "2,4,8,16,32,64,128", "2,64", 1, 512, NULL, N_("pairs of a key and a value to recall")},
    {"beta", LAB_REAL, "16", NULL, 0, 1000, NULL,
     N_("what q·k is multiplied by, before the softmax, and (split between q and k) before φ = elu + 1")},
    {"seeds", LAB_INTEGER, "20", "5", 2, 100, NULL, N_("draws of the keys, seeds 1, 2, …")},
    {"seed", LAB_INTEGER, "1", NULL, 0, 1e9, NULL, N_("of q, k, v where the orders are compared")},
    {NULL, LAB_INTEGER, NULL, NULL, 0, 0, NULL, NULL},
};
