/* dilution.c - how far one score must stand above the others for a softmax to give it most of the weight, as there are more of them.
 *
 * Owns the formula and a draw that checks it. Knows no model. */
#include "lab/lab.h"
#include "lab/setup.h"

#include "base/text.h"

#include <stdlib.h>

/* n - 1 equal scores 0 and one of g: weight = e^g / (e^g + n - 1), so g = ln(weight / (1 - weight)) + ln(n - 1). */
static double equal_gap(double n, double weight)
{
    return log(weight / (1 - weight)) + log(n - 1);
}

/* The same where the n - 1 others are drawn from N(0, deviation²): how far the score must stand above their mean, 0. */
static double drawn_gap(size_t n, double weight, double deviation, Random *random)
{
    double sum = 0;
    for (size_t i = 0; i + 1 < n; i++)
        sum += exp(deviation * random_normal(random));
    return log(weight / (1 - weight)) + log(sum);
}

/* The weight that a score of g gets among n - 1 scores of 0, by the softmax itself. */
static double weight_of(double n, double g)
{
    return 1 / (1 + (n - 1) * exp(-g));
}

int lab_run_dilution(Lab *lab, Error *e)
{
    const LabValue *lengths = lab_value(lab, "n");
    double weight = lab_number(lab, "weight"), deviation = lab_number(lab, "deviation");
    size_t seeds = lab_size(lab, "seeds");
    double gap = lengths->count ? equal_gap(lengths->numbers[0], weight) : 0;
    Table *t = lab_table_new(lab, "dilution", _("the score that one key needs among n"));
    table_column(t, "n", _("keys"), 0);
    table_column(t, "gap", _("gap, others equal"), 3);
    table_column(t, "drawn", _("gap, others drawn"), 3);
    table_column(t, "spread", _("± over seeds"), 3);
    table_column(t, "kept", _("weight if the gap stays"), 4);
    Plot *p = lab_plot_new(lab, _("the gap that keeps the weight"), _("keys"), _("score above the others"));
    p->x_log = true;
    size_t equal = plot_series(p, _("others equal")), drawn = plot_series(p, _("others drawn"));
    for (size_t k = 0; k < lengths->count; k++) {
        double n = lengths->numbers[k];
        Spread s = {0};
        for (size_t seed = 1; seed <= seeds; seed++) {
            Random random = random_seeded(seed);
            spread_add(&s, drawn_gap((size_t)n, weight, deviation, &random));
        }
        if (lab_progress(lab, (double)(k + 1) / (double)lengths->count, _("lengths"), e) != 0)
            return -1;
        size_t row = table_row(t);
        table_set(t, row, "n", n);
        table_set(t, row, "gap", equal_gap(n, weight));
        table_set(t, row, "drawn", s.mean);
        table_set(t, row, "spread", spread_deviation(&s));
        table_set(t, row, "kept", weight_of(n, gap));
        plot_point(p, equal, n, equal_gap(n, weight));
        plot_point_spread(p, drawn, n, s.mean, s.mean - spread_deviation(&s), s.mean + spread_deviation(&s));
    }
    double last = lengths->numbers[lengths->count - 1];
    lab_note(lab, _("A weight of %g among %g equal others takes a gap of %.1f; among %g it takes %.1f: ln n more for n times as many."),
             weight, lengths->numbers[0] - 1, gap, last - 1, equal_gap(last, weight));
    lab_note(lab, _("A gap that was learned at %g keys and stays leaves a weight of %.3g at %g."), lengths->numbers[0],
             weight_of(last, gap), last);
    return 0;
}

const LabParam lab_params_dilution[] = {
    {"n", LAB_REALS, "10,100,1000,10000,100000", "10,1000,100000", 2, 1e6, NULL, N_("keys that are looked at")},
    {"weight", LAB_REAL, "0.9", NULL, 1e-6, 0.999999, NULL, N_("the weight that one of them should get")},
    {"deviation", LAB_REAL, "1", NULL, 0, 10, NULL, N_("standard deviation of the other scores, where they are drawn")},
    {"seeds", LAB_INTEGER, "5", "3", 2, 100, NULL, N_("draws, seeds 1, 2, …")},
    {NULL, LAB_INTEGER, NULL, NULL, 0, 0, NULL, NULL},
};
