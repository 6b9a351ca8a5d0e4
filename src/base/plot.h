/* plot.h - what the two writers of plots share: ranges and the numbers on an axis.
 *
 * Owns where an axis has its numbers. Used by plot.c, plot_text.c and plot_svg.c only. */
#ifndef BASE_PLOT_H
#define BASE_PLOT_H

#include "base/table.h"

enum { PLOT_TICKS_MAX = 16, PLOT_MARKS_MAX = 24 };

typedef struct PlotAxis {
    bool log;
    double least, most; /* what it shows; different, and positive where log */
    double ticks[PLOT_TICKS_MAX];
    size_t tick_count;
} PlotAxis;

/* The axis that all points of the plot (and their spreads, and bars' zero) lie on. An axis of few different x has those as its numbers. */
PlotAxis plot_x_axis(const Plot *p);
PlotAxis plot_y_axis(const Plot *p);
/* 0 … 1 from least to most; NaN where x cannot stand on the axis (not a number, 0 or less on a logarithmic one). */
double plot_place(const PlotAxis *a, double x);
/* True for those points of a series of n that get a mark: all, or of many about PLOT_MARKS_MAX, the first and the last among them. */
bool plot_is_marked(size_t i, size_t n);
/* A tick as it is written: "0.5", "1e+06". */
void plot_tick(Buffer *out, double x);

#endif
