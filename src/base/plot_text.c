/* plot_text.c - a plot drawn with characters.
 *
 * Owns the marks of the series, which tell them apart without colour. */
#include "base/plot.h"

#include "base/text.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { LABEL_COLUMNS = 9, MARKS = 8, LEGEND_GAP = 3 };

static const char *const marks[MARKS] = {"o", "x", "*", "+", "#", "@", "%", "&"};

/* What the bars of a series are made of. */
static const char *bar_of(size_t series, bool ascii)
{
    static const char *const full[] = {"█", "▒", "░", "▓"};
    static const char *const plain[] = {"#", "=", "-", "%"};
    return (ascii ? plain : full)[series % 4];
}

typedef struct Grid {
    int cols, rows;
    const char **cells; /* [rows, cols], row 0 at the top */
    PlotAxis x, y;
    bool ascii;
} Grid;

static int column_of(const Grid *g, double x)
{
    double place = plot_place(&g->x, x);
    return isnan(place) ? -1 : (int)lround(place * (g->cols - 1));
}

static int row_of(const Grid *g, double y)
{
    double place = plot_place(&g->y, y);
    return isnan(place) ? -1 : g->rows - 1 - (int)lround(place * (g->rows - 1));
}

/* Marks stand above lines, and the first of two that fall together stays. */
static void put(Grid *g, int col, int row, const char *glyph, bool over)
{
    if (col < 0 || col >= g->cols || row < 0 || row >= g->rows)
        return;
    const char **cell = &g->cells[row * g->cols + col];
    if (!*cell || over)
        *cell = glyph;
}

static void draw_line(Grid *g, int c0, int r0, int c1, int r1)
{
    const char *dot = g->ascii ? "." : "·";
    int steps = abs(c1 - c0) > abs(r1 - r0) ? abs(c1 - c0) : abs(r1 - r0);
    for (int i = 1; i < steps; i++)
        put(g, c0 + (int)lround((double)i * (c1 - c0) / steps), r0 + (int)lround((double)i * (r1 - r0) / steps), dot, false);
}

static void draw_spread(Grid *g, int col, double low, double high)
{
    int from = row_of(g, high), to = row_of(g, low);
    for (int row = from; from >= 0 && to >= 0 && row <= to; row++)
        put(g, col, row, g->ascii ? "|" : "│", false);
}

static void draw_bars(Grid *g, const Plot *p, size_t s)
{
    double unit = (double)g->cols / (g->x.most - g->x.least), wide = g->x.log ? 1 : unit * 0.8 / (double)p->series_count;
    int zero = row_of(g, g->y.log ? g->y.least : 0), width = wide < 1 ? 1 : wide > 8 ? 8 : (int)wide;
    for (size_t i = 0; i < p->series[s].count; i++) {
        int col = column_of(g, p->series[s].x[i]) + (int)s * width - (int)p->series_count * width / 2, row = row_of(g, p->series[s].y[i]);
        for (int r = row < zero ? row : zero; row >= 0 && r <= (row < zero ? zero : row); r++)
            for (int k = 0; k < width; k++)
                put(g, col + k, r, bar_of(s, g->ascii), true);
    }
}

static void draw_series(Grid *g, const PlotSeries *s)
{
    int before_col = -1, before_row = -1;
    for (size_t i = 0; i < s->count; i++) {
        int col = column_of(g, s->x[i]), row = row_of(g, s->y[i]);
        if (col >= 0 && row >= 0 && before_col >= 0)
            draw_line(g, before_col, before_row, col, row);
        before_col = row >= 0 ? col : -1;
        before_row = row;
    }
    for (size_t i = 0; i < s->count; i++)
        draw_spread(g, column_of(g, s->x[i]), s->low[i], s->high[i]);
}

static void draw_marks(Grid *g, const PlotSeries *s, const char *mark)
{
    for (size_t i = 0; i < s->count; i++)
        if (row_of(g, s->y[i]) >= 0 && plot_is_marked(i, s->count))
            put(g, column_of(g, s->x[i]), row_of(g, s->y[i]), mark, true);
}

static void add_text(Buffer *out, const char *s, bool ascii)
{
    text_show(out, s, strlen(s), ascii);
}

static void add_label(Buffer *out, double tick, int columns)
{
    Buffer label = {0};
    plot_tick(&label, tick);
    int blank = columns - text_width(buffer_text(&label));
    buffer_fill(out, ' ', blank > 0 ? (size_t)blank : 0);
    buffer_puts(out, buffer_text(&label));
    buffer_free(&label);
}

static void add_rows(Buffer *out, const Grid *g)
{
    for (int row = 0; row < g->rows; row++) {
        size_t tick = g->y.tick_count;
        for (size_t i = 0; i < g->y.tick_count; i++)
            if (row_of(g, g->y.ticks[i]) == row)
                tick = i;
        if (tick < g->y.tick_count)
            add_label(out, g->y.ticks[tick], LABEL_COLUMNS);
        else
            buffer_fill(out, ' ', LABEL_COLUMNS);
        bool ticked = tick < g->y.tick_count;
        buffer_puts(out, g->ascii ? (ticked ? " +" : " |") : (ticked ? " ┤" : " │"));
        int last = g->cols;
        while (last > 0 && !g->cells[row * g->cols + last - 1])
            last--;
        for (int col = 0; col < last; col++)
            buffer_puts(out, g->cells[row * g->cols + col] ? g->cells[row * g->cols + col] : " ");
        buffer_putc(out, '\n');
    }
}

/* The line under the plot, and the numbers under that: as many as there is room for. */
static void add_x_axis(Buffer *out, const Grid *g)
{
    buffer_fill(out, ' ', LABEL_COLUMNS);
    buffer_puts(out, g->ascii ? " +" : " └");
    for (int col = 0; col < g->cols; col++) {
        bool ticked = false;
        for (size_t i = 0; i < g->x.tick_count; i++)
            ticked |= column_of(g, g->x.ticks[i]) == col;
        buffer_puts(out, g->ascii ? (ticked ? "+" : "-") : (ticked ? "┬" : "─"));
    }
    buffer_putc(out, '\n');
    int at = -(LABEL_COLUMNS + 2), free_from = at;
    for (size_t i = 0; i < g->x.tick_count; i++) {
        Buffer label = {0};
        plot_tick(&label, g->x.ticks[i]);
        int start = column_of(g, g->x.ticks[i]) - (int)label.len / 2;
        if (start + (int)label.len > g->cols)
            start = g->cols - (int)label.len;
        if (start >= free_from) {
            buffer_fill(out, ' ', (size_t)(start - at));
            buffer_puts(out, buffer_text(&label));
            at = start + (int)label.len;
            free_from = at + 1;
        }
        buffer_free(&label);
    }
    buffer_putc(out, '\n');
}

/* Name after name, in as many lines as they need. */
static void add_legend(Buffer *out, const Plot *p, int cols, bool ascii)
{
    int used = 0;
    for (size_t i = 0; i < p->series_count; i++) {
        Buffer name = {0};
        buffer_puts(&name, p->bars ? bar_of(i, ascii) : marks[i % MARKS]);
        buffer_putc(&name, ' ');
        add_text(&name, p->series[i].name, ascii);
        int width = text_width(buffer_text(&name)) + LEGEND_GAP;
        if (used && LABEL_COLUMNS + 2 + used + width > cols + LEGEND_GAP) {
            buffer_putc(out, '\n');
            used = 0;
        }
        buffer_fill(out, ' ', used ? LEGEND_GAP : LABEL_COLUMNS + 2);
        buffer_puts(out, buffer_text(&name));
        used += width;
        buffer_free(&name);
    }
    buffer_putc(out, '\n');
}

void plot_write_text(const Plot *p, int cols, int rows, Buffer *out, bool ascii)
{
    enum { LEAST_COLS = 30, LEAST_ROWS = 5 };
    Grid g = {
        .cols = (cols > LEAST_COLS ? cols : LEAST_COLS) - LABEL_COLUMNS - 2, .rows = rows > LEAST_ROWS ? rows : LEAST_ROWS, .ascii = ascii};
    g.cells = p->failed ? NULL : calloc((size_t)g.cols * (size_t)g.rows, sizeof *g.cells);
    if (!g.cells) {
        out->failed = true;
        return;
    }
    g.x = plot_x_axis(p);
    g.y = plot_y_axis(p);
    for (size_t s = 0; s < p->series_count; s++) {
        if (p->bars)
            draw_bars(&g, p, s);
        else
            draw_series(&g, &p->series[s]);
    }
    for (size_t s = p->series_count; !p->bars && s-- > 0;) /* the first one's marks stand on top */
        draw_marks(&g, &p->series[s], marks[s % MARKS]);
    add_text(out, p->title, ascii);
    buffer_putc(out, '\n');
    add_text(out, p->y_title, ascii);
    buffer_printf(out, "%s\n", p->y_log ? _(" (logarithmic)") : "");
    add_rows(out, &g);
    add_x_axis(out, &g);
    Buffer title = {0};
    add_text(&title, p->x_title, ascii);
    buffer_puts(&title, p->x_log ? _(" (logarithmic)") : "");
    int blank = LABEL_COLUMNS + 2 + (g.cols - text_width(buffer_text(&title))) / 2;
    buffer_fill(out, ' ', blank > 0 ? (size_t)blank : 0);
    buffer_printf(out, "%s\n", buffer_text(&title));
    buffer_free(&title);
    add_legend(out, p, cols, ascii);
    free(g.cells);
}
