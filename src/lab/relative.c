/* relative.c - RoPE and ALiBi know distances, not places: shown with angles in float and in double, and in the engine. */
#include "lab/arith.h"
#include "lab/lab.h"
#include "lab/setup.h"

#include "base/text.h"

#include <stdio.h>
#include <stdlib.h>

enum { D_MAX = 256, TOKENS = 12 };

/* Turns pairs (i, i + d/2) of x by position · theta^(-2i/d), the angle and its sine in double, or as a program that has
 * only float computes them. */
static void turn(double *y, const double *x, size_t d, double position, bool in_float)
{
    const double theta = 10000;
    for (size_t i = 0; i < d / 2; i++) {
        double angle = position * pow(theta, -2 * (double)i / (double)d), c = cos(angle), s = sin(angle);
        if (in_float) {
            float a = (float)position * (float)pow(theta, -2 * (double)i / (double)d);
            c = (double)cosf(a);
            s = (double)sinf(a);
        }
        y[i] = x[i] * c - x[i + d / 2] * s;
        y[i + d / 2] = x[i] * s + x[i + d / 2] * c;
    }
}

/* The largest change of a score between distances 0 … 15 when both positions shift. */
static double shift_error(size_t d, double shift, bool in_float, uint64_t seed)
{
    Random random = random_seeded(seed);
    double q[D_MAX], k[D_MAX], a[D_MAX], b[D_MAX], most = 0;
    for (int distance = 0; distance < 16; distance++) {
        arith_normals(q, d, &random);
        arith_normals(k, d, &random);
        turn(a, q, d, distance, false);
        turn(b, k, d, 0, false);
        double here = arith_dot(a, b, d);
        turn(a, q, d, shift + distance, in_float);
        turn(b, k, d, shift, in_float);
        most = fmax(most, fabs(arith_dot(a, b, d) - here) / sqrt((double)d));
    }
    return most;
}

static void run_shifts(Lab *lab)
{
    const LabValue *shifts = lab_value(lab, "shift");
    size_t d = lab_size(lab, "d_head"), seeds = lab_size(lab, "seeds");
    Table *t = lab_table_new(lab, "rope", _("RoPE: largest change of a scaled score when both positions shift"));
    table_column(t, "shift", _("shift"), 0);
    table_column(t, "float", _("angles in float"), 2);
    table_column(t, "float_std", _("± over seeds"), 2);
    table_column(t, "double", _("angles in double"), 2);
    Plot *p = lab_plot_new(lab, _("RoPE: the error of shifted scores"), _("shift"), _("largest change"));
    p->x_log = p->y_log = true;
    plot_series(p, _("angles in float"));
    plot_series(p, _("angles in double"));
    for (size_t i = 0; i < shifts->count; i++) {
        Spread in_float = {0}, in_double = {0};
        for (size_t s = 0; s < seeds; s++) {
            spread_add(&in_float, shift_error(d, shifts->numbers[i], true, lab_size(lab, "seed") + s));
            spread_add(&in_double, shift_error(d, shifts->numbers[i], false, lab_size(lab, "seed") + s));
        }
        size_t row = table_row(t);
        table_set(t, row, "shift", shifts->numbers[i]);
        table_set(t, row, "float", in_float.mean);
        table_set(t, row, "float_std", spread_deviation(&in_float));
        table_set(t, row, "double", in_double.mean);
        plot_point_spread(p, 0, shifts->numbers[i], in_float.mean, in_float.mean - spread_deviation(&in_float),
                          in_float.mean + spread_deviation(&in_float));
        plot_point(p, 1, shifts->numbers[i], in_double.mean);
    }
    size_t last = shifts->count - 1;
    lab_note(lab,
             _("Shifted by %.0f, scores change by %.2g with angles in float and by %.2g in double: in exact numbers not at all, "
               "(R(i)q)·(R(j)k) = q·R(j-i)k."),
             shifts->numbers[last], table_number(t, last, 1), table_number(t, last, 3));
}

/* ---- the engine ---- */

/* The same tokens, alone and behind `shift` others. */
static int measure_scheme(Table *t, const char *position, size_t shift, Error *e)
{
    char name[160];
    int ids[256 + TOKENS], status = -1;
    snprintf(name, sizeof name,
             "random:kind=decoder,decoder_layers=1,d_model=32,n_heads=4,d_ff=64,vocab_size=64,max_len=512,position=%s,seed=1", position);
    setup_ids(ids, shift + TOKENS, 64, 5);
    Model *m = model_open(name, NULL, e);
    Pass *alone = m ? pass_create(m, (PassInput){NULL, ids + shift, 0, TOKENS}, 0, e) : NULL;
    Pass *behind = alone ? pass_create(m, (PassInput){NULL, ids, 0, shift + TOKENS}, 0, e) : NULL;
    int v = behind ? setup_stage(alone, "decoder.0.self.v") : -1, scores = -1;
    if (behind) {
        scores = setup_stage(alone, "decoder.0.self.biased");
        scores = scores < 0 ? setup_stage(alone, "decoder.0.self.scaled") : scores;
    }
    if (v >= 0 && scores >= 0) {
        const Stage *s = &pass_plan(alone)->stages[scores], *sv = &pass_plan(alone)->stages[v];
        const real *a = pass_value(alone, (size_t)scores), *b = pass_value(behind, (size_t)scores);
        const real *va = pass_value(alone, (size_t)v), *vb = pass_value(behind, (size_t)v);
        size_t n = s->shape[1], all = n + shift, d_v = sv->shape[2];
        double change = 0, changed_v = 0;
        for (size_t h = 0; h < s->shape[0]; h++)
            for (size_t i = 0; i < n; i++) {
                change = fmax(change, setup_difference(a + (h * n + i) * n, b + (h * all + i + shift) * all + shift, i + 1));
                changed_v = fmax(changed_v, setup_difference(va + (h * n + i) * d_v, vb + (h * all + i + shift) * d_v, d_v));
            }
        size_t row = table_row(t);
        table_set_text(t, row, "positions", position);
        table_set(t, row, "scores", change);
        table_set(t, row, "values", changed_v);
        status = 0;
    }
    pass_free(alone);
    pass_free(behind);
    model_free(m);
    return status;
}

static int run_alibi(Lab *lab, Error *e)
{
    size_t heads = lab_size(lab, "n_heads");
    Table *t = lab_table_new(lab, "alibi", _("ALiBi: what is added to a scaled score, by head"));
    table_column(t, "head", _("head"), 0);
    table_column(t, "slope", _("slope"), 6);
    table_column(t, "at_1", _("at distance 1"), 4);
    table_column(t, "at_8", _("at distance 8"), 4);
    table_column(t, "difference", _("from -slope · distance"), 2);
    char name[160];
    int ids[TOKENS], status = -1;
    snprintf(name, sizeof name, "random:kind=decoder,decoder_layers=1,d_model=%zu,n_heads=%zu,d_ff=8,vocab_size=64,position=alibi,seed=1",
             4 * heads, heads);
    setup_ids(ids, TOKENS, 64, 5);
    Model *m = model_open(name, NULL, e);
    Pass *p = m ? pass_create(m, (PassInput){NULL, ids, 0, TOKENS}, 0, e) : NULL;
    if (p) {
        const real *scaled = pass_value(p, (size_t)setup_stage(p, "decoder.0.self.scaled"));
        const real *biased = pass_value(p, (size_t)setup_stage(p, "decoder.0.self.biased"));
        for (size_t h = 0; h < heads; h++) {
            double most = 0, slope = alibi_slope(h, heads), at[TOKENS];
            for (size_t i = 0; i < TOKENS; i++)
                for (size_t j = 0; j <= i; j++) {
                    size_t k = (h * TOKENS + i) * TOKENS + j;
                    at[i - j] = (double)biased[k] - (double)scaled[k];
                    most = fmax(most, fabs(at[i - j] + slope * (double)(i - j)));
                }
            size_t row = table_row(t);
            table_set(t, row, "head", (double)h);
            table_set(t, row, "slope", slope);
            table_set(t, row, "at_1", at[1]);
            table_set(t, row, "at_8", at[8]);
            table_set(t, row, "difference", most);
        }
        status = 0;
    }
    pass_free(p);
    model_free(m);
    return status;
}

int lab_run_relative(Lab *lab, Error *e)
{
    static const char *const schemes[] = {"none", "rope", "alibi", "sinusoidal", "learned"};
    if (lab_size(lab, "d_head") % 2)
        return error_set(e, "lab relative: d_head: expected an even number, found %zu", lab_size(lab, "d_head"));
    run_shifts(lab);
    if (run_alibi(lab, e) != 0)
        return -1;
    Table *t = lab_table_new(lab, "engine", _("Layer 0 of an untrained decoder: the same tokens, alone and behind others"));
    table_text_column(t, "positions", _("positions"));
    table_column(t, "scores", _("scores change by"), 2);
    table_column(t, "values", _("values change by"), 2);
    for (size_t i = 0; i < sizeof schemes / sizeof *schemes; i++)
        if (measure_scheme(t, schemes[i], lab_size(lab, "before"), e) != 0)
            return -1;
    lab_note(lab,
             _("RoPE and ALiBi see distances only (behind other tokens scores change by %.1g and %.1g), and neither touches V (%.1g, "
               "%.1g). Added "
               "positions move scores and values with the place."),
             table_number(t, 1, 1), table_number(t, 2, 1), table_number(t, 1, 2), table_number(t, 2, 2));
    lab_note(lab, "%s", _("They are independent of each other, both of 2021: ALiBi does not repair RoPE."));
    return 0;
}

const LabParam lab_params_relative[] = {
    {"shift", LAB_REALS, "1,16,256,4096,65536,1048576", NULL, 1, 1e9, NULL, N_("how far both positions are shifted; whole numbers")},
    {"d_head", LAB_INTEGER, "64", NULL, 2, D_MAX, NULL, N_("dimensions of a head; even")},
    {"seeds", LAB_INTEGER, "5", "3", 1, 100, NULL, N_("how often queries and keys are drawn")},
    {"seed", LAB_INTEGER, "1", NULL, 0, 1e9, NULL, N_("the first of them")},
    {"n_heads", LAB_INTEGER, "8", NULL, 1, 64, NULL, N_("heads with ALiBi")},
    {"before", LAB_INTEGER, "100", "20", 1, 256, NULL, N_("tokens in front, in the engine")},
    {NULL, LAB_INTEGER, NULL, NULL, 0, 0, NULL, NULL},
};
