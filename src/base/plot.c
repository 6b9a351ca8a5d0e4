/* plot.c - plots: their points, and where an axis has its numbers. */
#include "base/plot.h"

#include "base/text.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static char *copy_text(Plot *p, const char *text)
{
    char *copy = strdup(text);
    p->failed |= !copy;
    return copy;
}

Plot plot_new(const char *title, const char *x_title, const char *y_title)
{
    Plot p = {0};
    p.title = copy_text(&p, title);
    p.x_title = copy_text(&p, x_title);
    p.y_title = copy_text(&p, y_title);
    return p;
}

void plot_free(Plot *p)
{
    for (size_t i = 0; i < p->series_count; i++) {
        PlotSeries *s = &p->series[i];
        free(s->name);
        free(s->x);
        free(s->y);
        free(s->low);
        free(s->high);
    }
    free(p->title);
    free(p->x_title);
    free(p->y_title);
    free(p->series);
    *p = (Plot){0};
}

size_t plot_series(Plot *p, const char *name)
{
    PlotSeries *series = p->failed ? NULL : realloc(p->series, (p->series_count + 1) * sizeof *series);
    if (!series) {
        p->failed = true;
        return 0;
    }
    p->series = series;
    series[p->series_count] = (PlotSeries){.name = copy_text(p, name)};
    return p->series_count++;
}

static bool grow(double **list, size_t room)
{
    double *grown = realloc(*list, room * sizeof *grown);
    if (grown)
        *list = grown;
    return grown != NULL;
}

void plot_point_spread(Plot *p, size_t series, double x, double y, double low, double high)
{
    if (p->failed || series >= p->series_count) {
        p->failed = true;
        return;
    }
    PlotSeries *s = &p->series[series];
    size_t n = s->count;
    if ((n & (n - 1)) == 0) { /* room for powers of two */
        size_t room = n ? 2 * n : 1;
        if (!grow(&s->x, room) || !grow(&s->y, room) || !grow(&s->low, room) || !grow(&s->high, room)) {
            p->failed = true;
            return;
        }
    }
    s->x[n] = x;
    s->y[n] = y;
    s->low[n] = low;
    s->high[n] = high;
    s->count++;
}

void plot_point(Plot *p, size_t series, double x, double y)
{
    plot_point_spread(p, series, x, y, NAN, NAN);
}

/* ---- axes ---- */

static void include(PlotAxis *a, double x)
{
    if (!isfinite(x) || (a->log && x <= 0))
        return;
    a->least = fmin(a->least, x);
    a->most = fmax(a->most, x);
}

/* An axis that nothing or a single number is on becomes wide enough to be drawn. */
static void widen(PlotAxis *a)
{
    if (a->least > a->most) {
        a->least = a->log ? 1 : 0;
        a->most = a->log ? 10 : 1;
    } else if (a->least == a->most) {
        double x = a->least; /* logarithmic: a factor of two to each side; else with 0 at one end */
        a->least = a->log ? x / 2 : fmin(0, 1.25 * x);
        a->most = a->log ? x * 2 : x == 0 ? 1 : fmax(0, 1.25 * x);
    }
}

static void add_tick(PlotAxis *a, double x)
{
    if (a->tick_count < PLOT_TICKS_MAX)
        a->ticks[a->tick_count++] = x;
}

/* 1, 2 or 5 times a power of ten: at most `most` steps of it. */
static double nice_step(double range, double most)
{
    double raw = range / most, power = pow(10, floor(log10(raw)));
    for (double factor = 1; factor <= 5; factor = factor == 2 ? 5 : factor * 2)
        if (factor * power >= raw * (1 - 1e-9))
            return factor * power;
    return 10 * power;
}

static void add_linear_ticks(PlotAxis *a)
{
    double step = nice_step(a->most - a->least, 6);
    for (double k = ceil(a->least / step - 1e-9); k * step <= a->most + 1e-9 * step && a->tick_count < PLOT_TICKS_MAX; k++)
        add_tick(a, fabs(k) < 0.5 ? 0 : k * step);
}

/* Powers of ten; where there are not two of them also 2 and 5 times one, where there are many only some. */
static void add_log_ticks(PlotAxis *a)
{
    double low = log10(a->least), high = log10(a->most);
    double step = fmax(1, ceil((high - low) / 7));
    bool between = floor(high + 1e-9) - ceil(low - 1e-9) < 2;
    for (double k = floor(low); k <= high + 1e-9; k += step)
        for (double factor = 1; factor <= (between ? 5 : 1); factor = factor == 2 ? 5 : factor * 2) {
            double x = factor * pow(10, k);
            if (x >= a->least * (1 - 1e-9) && x <= a->most * (1 + 1e-9))
                add_tick(a, x);
        }
}

/* The different x of all points, sorted, where there are few of them. */
static size_t different_x(const Plot *p, double *out, size_t most)
{
    size_t n = 0;
    for (size_t s = 0; s < p->series_count; s++)
        for (size_t i = 0; i < p->series[s].count; i++) {
            double x = p->series[s].x[i];
            if (!isfinite(x) || (p->x_log && x <= 0))
                continue;
            size_t at = 0;
            while (at < n && out[at] < x)
                at++;
            if (at < n && out[at] == x)
                continue;
            if (n == most)
                return most + 1;
            memmove(out + at + 1, out + at, (n - at) * sizeof *out);
            out[at] = x;
            n++;
        }
    return n;
}

PlotAxis plot_x_axis(const Plot *p)
{
    PlotAxis a = {.log = p->x_log, .least = INFINITY, .most = -INFINITY};
    for (size_t s = 0; s < p->series_count; s++)
        for (size_t i = 0; i < p->series[s].count; i++)
            include(&a, p->series[s].x[i]);
    widen(&a);
    if (p->bars && !a.log) { /* room for half a bar at each end */
        double half = 0.5;
        a.least -= half;
        a.most += half;
    }
    double xs[PLOT_TICKS_MAX + 1];
    size_t n = different_x(p, xs, PLOT_TICKS_MAX);
    if (n > 0 && n <= PLOT_TICKS_MAX)
        for (size_t i = 0; i < n; i++)
            add_tick(&a, xs[i]);
    else if (a.log)
        add_log_ticks(&a);
    else
        add_linear_ticks(&a);
    return a;
}

PlotAxis plot_y_axis(const Plot *p)
{
    PlotAxis a = {.log = p->y_log, .least = INFINITY, .most = -INFINITY};
    for (size_t s = 0; s < p->series_count; s++)
        for (size_t i = 0; i < p->series[s].count; i++) {
            include(&a, p->series[s].y[i]);
            include(&a, p->series[s].low[i]);
            include(&a, p->series[s].high[i]);
        }
    if (!a.log && (p->bars || (a.least > 0 && a.least < 0.4 * a.most))) /* a range that begins near 0 begins there */
        include(&a, 0);
    widen(&a);
    if (a.log)
        add_log_ticks(&a);
    else
        add_linear_ticks(&a);
    return a;
}

double plot_place(const PlotAxis *a, double x)
{
    if (!isfinite(x) || (a->log && x <= 0))
        return NAN;
    return a->log ? log(x / a->least) / log(a->most / a->least) : (x - a->least) / (a->most - a->least);
}

bool plot_is_marked(size_t i, size_t n)
{
    size_t every = (n + PLOT_MARKS_MAX - 1) / PLOT_MARKS_MAX;
    return n <= PLOT_MARKS_MAX || i % every == 0 || i + 1 == n;
}

void plot_tick(Buffer *out, double x)
{
    if (fabs(x) >= 10000 && fabs(x) < 1e6 && fmod(x, 1) == 0)
        buffer_printf(out, "%.0f", x);
    else
        buffer_printf(out, fabs(x) < 1e6 ? "%.4g" : "%.3g", x);
}

/* ---- JSON ---- */

static void add_numbers(Buffer *out, const char *key, const double *x, size_t n)
{
    buffer_printf(out, ", \"%s\": [", key);
    for (size_t i = 0; i < n; i++) {
        buffer_puts(out, i ? ", " : "");
        if (isfinite(x[i]))
            buffer_printf(out, "%.9g", x[i]);
        else
            buffer_puts(out, isnan(x[i]) ? "null" : x[i] > 0 ? "\"inf\"" : "\"-inf\"");
    }
    buffer_putc(out, ']');
}

static bool has_spread(const PlotSeries *s)
{
    for (size_t i = 0; i < s->count; i++)
        if (!isnan(s->low[i]) || !isnan(s->high[i]))
            return true;
    return false;
}

void plot_write_json(const Plot *p, Buffer *out)
{
    out->failed |= p->failed;
    if (p->failed)
        return;
    buffer_puts(out, "{\"title\": ");
    text_json(out, p->title, strlen(p->title));
    buffer_puts(out, ", \"x\": ");
    text_json(out, p->x_title, strlen(p->x_title));
    buffer_puts(out, ", \"y\": ");
    text_json(out, p->y_title, strlen(p->y_title));
    buffer_printf(out, ", \"x_log\": %s, \"y_log\": %s, \"series\": [", p->x_log ? "true" : "false", p->y_log ? "true" : "false");
    for (size_t i = 0; i < p->series_count; i++) {
        const PlotSeries *s = &p->series[i];
        buffer_puts(out, i ? ",\n  {\"name\": " : "\n  {\"name\": ");
        text_json(out, s->name, strlen(s->name));
        add_numbers(out, "x", s->x, s->count);
        add_numbers(out, "y", s->y, s->count);
        if (has_spread(s)) {
            add_numbers(out, "low", s->low, s->count);
            add_numbers(out, "high", s->high, s->count);
        }
        buffer_putc(out, '}');
    }
    buffer_puts(out, "]}");
}
