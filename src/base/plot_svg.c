/* plot_svg.c - a plot as a picture.
 *
 * Owns its colours, dashes and marks: series are told apart by all three. Text is text, and the picture says what it is to
 * who cannot see it. */
#include "base/plot.h"

#include "base/text.h"

#include <math.h>
#include <string.h>

/* Pixels. The legend stands at the right. */
enum { LEFT = 84, TOP = 44, WIDTH = 460, HEIGHT = 300, LEGEND = LEFT + WIDTH + 20, STYLES = 8 };

/* Colours of Okabe and Ito (2008), which the colour-blind can tell apart. */
static const char *const colors[STYLES] = {"#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#000000", "#7f7f7f"};
static const char *const dashes[STYLES] = {"none", "6 3", "2 3", "8 3 2 3", "12 4", "4 2", "1 2", "10 3 2 3 2 3"};

static void add_xml(Buffer *out, const char *s)
{
    for (; *s; s++)
        switch (*s) {
        case '<':
            buffer_puts(out, "&lt;");
            break;
        case '>':
            buffer_puts(out, "&gt;");
            break;
        case '&':
            buffer_puts(out, "&amp;");
            break;
        case '"':
            buffer_puts(out, "&quot;");
            break;
        default:
            buffer_putc(out, *s);
        }
}

static double x_of(const PlotAxis *a, double x)
{
    return LEFT + plot_place(a, x) * WIDTH;
}

static double y_of(const PlotAxis *a, double y)
{
    return TOP + (1 - plot_place(a, y)) * HEIGHT;
}

static void add_text(Buffer *out, double x, double y, const char *attributes, const char *text)
{
    buffer_printf(out, "<text x=\"%.1f\" y=\"%.1f\" %s>", x, y, attributes);
    add_xml(out, text);
    buffer_puts(out, "</text>\n");
}

/* One of eight marks of about 8 pixels. */
static void add_mark(Buffer *out, size_t style, double x, double y)
{
    static const char *const shapes[STYLES] = {
        "M-4,0a4,4 0 1,0 8,0a4,4 0 1,0 -8,0z", "M-4,-4h8v8h-8z",       "M0,-5l5,9h-10z",    "M0,-5l5,5l-5,5l-5,-5z", "M0,5l5,-9h-10z",
        "M-4,-1h3v-3h2v3h3v2h-3v3h-2v-3h-3z",  "M-4,-4l8,8m0,-8l-8,8", "M-5,0h10m-5,-5v10",
    };
    const char *color = colors[style % STYLES];
    buffer_printf(out, "<path d=\"%s\" transform=\"translate(%.1f %.1f)\" fill=\"%s\" stroke=\"%s\"/>\n", shapes[style % STYLES], x, y,
                  color, color);
}

static void add_axes(Buffer *out, const Plot *p, const PlotAxis *x, const PlotAxis *y)
{
    double last = -1e9;
    for (size_t i = 0; i < y->tick_count; i++) {
        double at = y_of(y, y->ticks[i]);
        Buffer label = {0};
        plot_tick(&label, y->ticks[i]);
        buffer_printf(out, "<path d=\"M%d,%.1fh%d\" stroke=\"#ddd\"/>\n", LEFT, at, WIDTH);
        add_text(out, LEFT - 8, at + 4, "text-anchor=\"end\"", buffer_text(&label));
        buffer_free(&label);
    }
    for (size_t i = 0; i < x->tick_count; i++) {
        double at = x_of(x, x->ticks[i]);
        Buffer label = {0};
        plot_tick(&label, x->ticks[i]);
        buffer_printf(out, "<path d=\"M%.1f,%dv5\" stroke=\"#333\"/>\n", at, TOP + HEIGHT);
        double half = 4.0 * (double)label.len;
        if (at - half > last) {
            add_text(out, at, TOP + HEIGHT + 20, "text-anchor=\"middle\"", buffer_text(&label));
            last = at + half;
        }
        buffer_free(&label);
    }
    buffer_printf(out, "<path d=\"M%d,%dv%dh%d\" fill=\"none\" stroke=\"#333\"/>\n", LEFT, TOP, HEIGHT, WIDTH);
    Buffer title = {0};
    buffer_printf(&title, "%s%s", p->x_title, p->x_log ? _(" (logarithmic)") : "");
    add_text(out, LEFT + WIDTH / 2, TOP + HEIGHT + 42, "text-anchor=\"middle\"", buffer_text(&title));
    buffer_clear(&title);
    buffer_printf(&title, "%s%s", p->y_title, p->y_log ? _(" (logarithmic)") : "");
    buffer_printf(out, "<g transform=\"translate(18 %d) rotate(-90)\">", TOP + HEIGHT / 2);
    add_text(out, 0, 0, "text-anchor=\"middle\"", buffer_text(&title));
    buffer_puts(out, "</g>\n");
    buffer_free(&title);
}

static void add_line(Buffer *out, const PlotSeries *s, size_t style, const PlotAxis *x, const PlotAxis *y)
{
    bool pen = false;
    buffer_printf(out, "<path fill=\"none\" stroke=\"%s\" stroke-width=\"2\" stroke-dasharray=\"%s\" d=\"", colors[style % STYLES],
                  dashes[style % STYLES]);
    for (size_t i = 0; i < s->count; i++) {
        double at = x_of(x, s->x[i]), up = y_of(y, s->y[i]);
        bool there = isfinite(at) && isfinite(up);
        if (there)
            buffer_printf(out, "%c%.1f,%.1f", pen ? 'L' : 'M', at, up);
        pen = there;
    }
    buffer_puts(out, "\"/>\n");
    for (size_t i = 0; i < s->count; i++) {
        double at = x_of(x, s->x[i]), low = y_of(y, s->low[i]), high = y_of(y, s->high[i]);
        if (isfinite(at) && isfinite(low) && isfinite(high))
            buffer_printf(out, "<path d=\"M%.1f,%.1fh6m-3,0V%.1fm-3,0h6\" fill=\"none\" stroke=\"%s\"/>\n", at - 3, low, high,
                          colors[style % STYLES]);
        if (isfinite(at) && isfinite(y_of(y, s->y[i])) && plot_is_marked(i, s->count))
            add_mark(out, style, at, y_of(y, s->y[i]));
    }
}

static void add_bars(Buffer *out, const Plot *p, size_t series, const PlotAxis *x, const PlotAxis *y)
{
    const PlotSeries *s = &p->series[series];
    double unit = x->log ? 24 : WIDTH / (x->most - x->least), width = fmin(40, unit * 0.8 / (double)p->series_count);
    double zero = y_of(y, y->log ? y->least : 0);
    for (size_t i = 0; i < s->count; i++) {
        double at = x_of(x, s->x[i]) + ((double)series - (double)p->series_count / 2) * width, up = y_of(y, s->y[i]);
        if (isfinite(at) && isfinite(up))
            buffer_printf(
                out, "<rect x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" height=\"%.1f\" fill=\"%s\" stroke=\"#333\" stroke-dasharray=\"%s\"/>\n",
                at, fmin(up, zero), width, fabs(zero - up), colors[series % STYLES], dashes[series % STYLES]);
    }
}

static void add_legend(Buffer *out, const Plot *p)
{
    for (size_t i = 0; i < p->series_count; i++) {
        double y = TOP + 8 + 20 * (double)i;
        if (p->bars)
            buffer_printf(out,
                          "<rect x=\"%d\" y=\"%.1f\" width=\"26\" height=\"10\" fill=\"%s\" stroke=\"#333\" stroke-dasharray=\"%s\"/>\n",
                          LEGEND, y - 5, colors[i % STYLES], dashes[i % STYLES]);
        else {
            buffer_printf(out, "<path d=\"M%d,%.1fh26\" stroke=\"%s\" stroke-width=\"2\" stroke-dasharray=\"%s\"/>\n", LEGEND, y,
                          colors[i % STYLES], dashes[i % STYLES]);
            add_mark(out, i, LEGEND + 13, y);
        }
        add_text(out, LEGEND + 34, y + 4, "", p->series[i].name);
    }
}

void plot_write_svg(const Plot *p, Buffer *out)
{
    out->failed |= p->failed;
    if (p->failed)
        return;
    PlotAxis x = plot_x_axis(p), y = plot_y_axis(p);
    buffer_printf(out,
                  "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%d\" height=\"%d\" viewBox=\"0 0 %d %d\" role=\"img\""
                  " font-family=\"sans-serif\" font-size=\"12\" fill=\"#222\">\n<title>",
                  PLOT_SVG_WIDTH, PLOT_SVG_HEIGHT, PLOT_SVG_WIDTH, PLOT_SVG_HEIGHT);
    add_xml(out, p->title);
    buffer_puts(out, "</title>\n<desc>");
    add_xml(out, p->y_title);
    buffer_puts(out, " / ");
    add_xml(out, p->x_title);
    for (size_t i = 0; i < p->series_count; i++) {
        buffer_puts(out, i ? ", " : ": ");
        add_xml(out, p->series[i].name);
    }
    buffer_printf(out, "</desc>\n<rect width=\"%d\" height=\"%d\" fill=\"#fff\"/>\n", PLOT_SVG_WIDTH, PLOT_SVG_HEIGHT);
    add_text(out, LEFT, 24, "font-size=\"15\" font-weight=\"bold\"", p->title);
    add_axes(out, p, &x, &y);
    for (size_t i = 0; i < p->series_count; i++) {
        if (p->bars)
            add_bars(out, p, i, &x, &y);
        else
            add_line(out, &p->series[i], i, &x, &y);
    }
    add_legend(out, p);
    buffer_puts(out, "</svg>\n");
}
