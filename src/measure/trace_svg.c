/* trace_svg.c - a trace as heat maps, one below the other.
 *
 * A number's size is the depth of its colour, on one scale for all heads of a tensor; its sign is the hue and, so that nobody depends on
 * hues, the shape: negative cells leave a rim. Cells wide enough hold their number; every cell has its names and its exact number as a
 * title. */
#include "base/text.h"
#include "measure/trace_writer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MARGIN = 16, FONT = 12, CHARACTER = 8, LINE = 18, NAME_COLUMNS = 20, ORIGIN_COLUMNS = 100, NUMBERS_UP_TO = 16, BLOCK = 64 };

/* How the cells of a tensor are laid out, in pixels. */
typedef struct SvgLayout {
    int cell_width, cell_height, names_left, names_above; /* a cell; the room for the rows' names, and for the columns' */
    bool numbers;
    size_t block; /* columns side by side */
} SvgLayout;

static void add_xml(Buffer *out, const char *text)
{
    for (size_t n = strlen(text); n;) {
        int32_t c;
        size_t used = text_decode(text, n, &c);
        if (c == '<' || c == '>' || c == '&' || c == '"')
            buffer_printf(out, "&#%d;", (int)c);
        else if (c < 0x20 || c == 0x7f || c == 0xfffe || c == 0xffff)
            buffer_printf(out, "\\x%02x", (unsigned)c); /* no XML 1.0 character */
        else if (c == 0xfffd && used == 1)
            buffer_printf(out, "\\x%02x", (unsigned)(unsigned char)*text);
        else
            buffer_add(out, text, used);
        text += used;
        n -= used;
    }
}

/* A name, cut where it is longer than there is room. */
static void add_cut(Buffer *out, const char *text)
{
    size_t fits = text_fit(text, NAME_COLUMNS, NULL);
    Buffer cut = {0};
    buffer_add(&cut, text, fits);
    add_xml(out, buffer_text(&cut));
    if (text[fits])
        buffer_puts(out, "…");
    buffer_free(&cut);
}

static int longest_name(const TraceWriter *w, const TraceItem *item, bool row, size_t n)
{
    int longest = 1;
    for (size_t i = 0; i < n && longest <= NAME_COLUMNS; i++) {
        Buffer name = {0};
        trace_name(w, item, row, i, true, &name);
        int width = text_width(buffer_text(&name));
        longest = width > longest ? width : longest;
        buffer_free(&name);
    }
    return longest < NAME_COLUMNS ? longest : NAME_COLUMNS + 1;
}

static SvgLayout lay_out(const TraceWriter *w, const TraceItem *item)
{
    TraceMatrices m = trace_matrices(item);
    int above = longest_name(w, item, false, m.cols);
    SvgLayout l = {.names_left = longest_name(w, item, true, m.rows) * CHARACTER + 8, .block = m.cols < BLOCK ? m.cols : BLOCK};
    l.numbers = m.cols <= NUMBERS_UP_TO;
    l.cell_width = l.numbers ? 64 : m.cols <= BLOCK / 2 ? 24 : 16;
    l.cell_height = l.numbers ? 24 : l.cell_width;
    bool upright = l.numbers && above <= 7;
    l.names_above = upright ? LINE : above * CHARACTER + 8;
    return l;
}

static size_t blocks_of(const TraceItem *item, const SvgLayout *l)
{
    return (trace_matrices(item).cols + l->block - 1) / l->block;
}

/* Of one tensor: its caption, and for every head and block the names and the rows. */
static int height_of(const TraceItem *item, const SvgLayout *l)
{
    TraceMatrices m = trace_matrices(item);
    size_t parts = (m.heads ? m.heads : 1) * blocks_of(item, l);
    return 2 * LINE + (int)parts * (LINE + l->names_above + (int)m.rows * l->cell_height + LINE);
}

static double largest_of(const TraceItem *item)
{
    size_t count = 1;
    double largest = 0;
    for (int i = 0; i < item->rank; i++)
        count *= item->shape[i];
    for (size_t i = 0; i < count; i++)
        if (isfinite(item->data[i]) && fabs((double)item->data[i]) > largest)
            largest = fabs((double)item->data[i]);
    return largest;
}

/* From white to red or blue; what is not finite is grey. The inverse is where black is no longer read. */
static unsigned color_of(real x, double largest, bool *white_text)
{
    *white_text = false;
    if (!isfinite(x))
        return 0xd0d0d0;
    double share = largest > 0 ? fabs((double)x) / largest : 0;
    unsigned fade = (unsigned)(255 - 190 * share + 0.5), weak = (unsigned)(255 - 75 * share + 0.5);
    *white_text = share > 0.72;
    return x < 0 ? fade << 16 | fade << 8 | weak : weak << 16 | fade << 8 | fade;
}

static void add_cell(TraceWriter *w, const TraceItem *item, const SvgLayout *l, const char *row_name, const char *column_name, real x,
                     double largest, int left, int top)
{
    Buffer *out = &w->text;
    char number[TRACE_NUMBER_MAX], shown[TRACE_NUMBER_MAX];
    bool white;
    unsigned color = color_of(x, largest, &white);
    int rim = x < 0 && isfinite(x) ? 3 : 1;
    trace_number(number, x);
    buffer_printf(out, "<g><title>");
    if (item->stage) {
        add_xml(out, label_axis(trace_axis(item, item->rank - 2)));
        buffer_putc(out, ' ');
    }
    buffer_printf(out, "%s%s", row_name, *row_name ? ", " : "");
    if (item->stage) {
        add_xml(out, label_axis(trace_axis(item, item->rank - 1)));
        buffer_putc(out, ' ');
    }
    buffer_printf(out, "%s: %s</title><rect x=\"%d\" y=\"%d\" width=\"%d\" height=\"%d\" fill=\"#%06x\"/>", column_name, number, left + rim,
                  top + rim, l->cell_width - 2 * rim, l->cell_height - 2 * rim, color);
    if (l->numbers || !isfinite(x)) {
        if (isinf(x))
            snprintf(shown, sizeof shown, "%s", x < 0 ? "−∞" : "∞");
        else if (isnan(x))
            snprintf(shown, sizeof shown, "nan");
        else if (strchr((trace_number_table(shown, x), shown), 'e')) /* eight characters are what fits */
            snprintf(shown, sizeof shown, "%.1e", (double)x);
        buffer_printf(out, "<text x=\"%d\" y=\"%d\" text-anchor=\"middle\"%s>%s</text>", left + l->cell_width / 2,
                      top + l->cell_height / 2 + 4, white ? " fill=\"#fff\"" : "", shown);
    }
    buffer_puts(out, "</g>\n");
}

/* Names as they stand in the picture, escaped; NULL without memory. Given back with free_names. */
static char **make_names(const TraceWriter *w, const TraceItem *item, bool row, size_t n)
{
    char **names = calloc(n + 1, sizeof *names);
    for (size_t i = 0; names && i < n; i++) {
        Buffer plain = {0}, xml = {0};
        trace_name(w, item, row, i, true, &plain);
        add_cut(&xml, buffer_text(&plain));
        names[i] = strdup(buffer_text(&xml));
        buffer_free(&plain);
        buffer_free(&xml);
        if (!names[i]) {
            for (size_t k = 0; k < i; k++)
                free(names[k]);
            free(names);
            return NULL;
        }
    }
    return names;
}

static void free_names(char **names)
{
    for (size_t i = 0; names && names[i]; i++)
        free(names[i]);
    free(names);
}

/* The columns first … end - 1 of one head; returns the y below it. */
static int add_block(TraceWriter *w, const TraceItem *item, const SvgLayout *l, char **rows, char **columns, const real *x, double largest,
                     size_t first, int y)
{
    TraceMatrices m = trace_matrices(item);
    size_t end = first + l->block < m.cols ? first + l->block : m.cols;
    Buffer *out = &w->text;
    int left = MARGIN + l->names_left;
    if (l->block < m.cols)
        buffer_printf(out, "<text x=\"%d\" y=\"%d\" class=\"n\">%s %zu–%zu / %zu</text>\n", MARGIN, y + FONT, _("columns"), first, end - 1,
                      m.cols);
    y += LINE + l->names_above;
    buffer_printf(out, "<rect x=\"%d\" y=\"%d\" width=\"%d\" height=\"%d\" fill=\"none\" stroke=\"#ccc\"/>\n", left, y,
                  (int)(end - first) * l->cell_width, (int)m.rows * l->cell_height);
    for (size_t j = first; j < end; j++) {
        int x_middle = left + (int)(j - first) * l->cell_width + l->cell_width / 2;
        if (l->names_above == LINE)
            buffer_printf(out, "<text x=\"%d\" y=\"%d\" class=\"n\" text-anchor=\"middle\">%s</text>\n", x_middle, y - 4, columns[j]);
        else
            buffer_printf(out, "<text transform=\"translate(%d %d) rotate(-90)\" class=\"n\">%s</text>\n", x_middle + 4, y - 4, columns[j]);
    }
    for (size_t i = 0; i < m.rows && trace_go_on(w); i++) {
        int top = y + (int)i * l->cell_height;
        buffer_printf(out, "<text x=\"%d\" y=\"%d\" class=\"n\" text-anchor=\"end\">%s</text>\n", left - 6, top + l->cell_height / 2 + 4,
                      rows[i]);
        for (size_t j = first; j < end; j++)
            add_cell(w, item, l, rows[i], columns[j], x[i * m.cols + j], largest, left + (int)(j - first) * l->cell_width, top);
    }
    return y + (int)m.rows * l->cell_height + LINE;
}

static int add_item(TraceWriter *w, const TraceItem *item, int y)
{
    TraceMatrices m = trace_matrices(item);
    SvgLayout l = lay_out(w, item);
    Buffer caption = {0}, *out = &w->text;
    double largest = largest_of(item);
    char **rows = make_names(w, item, true, m.rows), **columns = make_names(w, item, false, m.cols), number[TRACE_NUMBER_MAX];
    trace_caption(w, item, -1, &caption);
    buffer_printf(out, "<text x=\"%d\" y=\"%d\" class=\"h\">", MARGIN, y + FONT);
    add_xml(out, buffer_text(&caption));
    trace_number_short(number, (real)largest);
    buffer_printf(out, "</text>\n<text x=\"%d\" y=\"%d\" class=\"n\">", MARGIN, y + LINE + FONT);
    buffer_printf(out, _("white 0, deepest %s; negative: blue, with a rim"), number);
    buffer_puts(out, "</text>\n");
    y += 2 * LINE;
    out->failed = out->failed || !rows || !columns || caption.failed;
    for (size_t h = 0; rows && columns && h < (m.heads ? m.heads : 1); h++)
        for (size_t first = 0; first < m.cols && trace_go_on(w); first += l.block) {
            if (m.heads && first == 0)
                buffer_printf(out, "<text x=\"%d\" y=\"%d\" class=\"h\">%s %zu</text>\n", MARGIN + (l.block < m.cols ? 240 : 0), y + FONT,
                              label_axis(item->stage->axes[0]), h);
            y = add_block(w, item, &l, rows, columns, item->data + h * m.rows * m.cols, largest, first, y);
        }
    free_names(rows);
    free_names(columns);
    buffer_free(&caption);
    return y;
}

/* The title for who cannot see the picture: what it is of, and of which model. */
static void add_title(TraceWriter *w)
{
    const Trace *t = w->trace;
    Buffer caption = {0}, *out = &w->text;
    buffer_puts(out, "<title id=\"title\">");
    if (t->count)
        trace_caption(w, &t->items[0], -1, &caption);
    add_xml(out, buffer_text(&caption));
    if (t->count > 1)
        buffer_printf(out, _(", and %zu more"), t->count - 1);
    buffer_puts(out, "</title>\n<desc id=\"desc\">");
    Buffer origin = {0};
    trace_origin(w, &origin);
    add_xml(out, buffer_text(&origin));
    buffer_free(&origin);
    buffer_puts(out, ". ");
    buffer_puts(out, _("Heat maps with a name for every row and column; each cell has its exact number as a title"));
    buffer_puts(out, "</desc>\n");
    out->failed = out->failed || caption.failed;
    buffer_free(&caption);
}

int trace_write_svg(TraceWriter *w, Error *e)
{
    const Trace *t = w->trace;
    size_t cells = 0;
    int width = 480, height = 2 * MARGIN, y = MARGIN;
    for (size_t i = 0; i < t->count; i++) {
        size_t count = 1;
        for (int k = 0; k < t->items[i].rank; k++)
            count *= t->items[i].shape[k];
        cells += count;
        if (cells > TRACE_SVG_CELLS)
            return error_set(e, "svg: expected at most %d cells, found %zu up to %s; choose fewer stages", TRACE_SVG_CELLS, cells,
                             t->items[i].name);
    }
    for (size_t i = 0; i < t->count; i++) {
        SvgLayout l = lay_out(w, &t->items[i]);
        int wide = 2 * MARGIN + l.names_left + (int)l.block * l.cell_width;
        Buffer caption = {0};
        trace_caption(w, &t->items[i], -1, &caption);
        int said = 2 * MARGIN + text_width(buffer_text(&caption)) * CHARACTER;
        buffer_free(&caption);
        width = wide > width ? wide : width;
        width = said > width ? said : width;
        height += height_of(&t->items[i], &l);
    }
    Buffer origin = {0};
    trace_origin(w, &origin);
    size_t fits = text_fit(buffer_text(&origin), ORIGIN_COLUMNS, NULL); /* whole in the description */
    if (origin.len > fits) {
        origin.data[origin.len = fits] = '\0';
        buffer_puts(&origin, "…");
    }
    int needs = 2 * MARGIN + text_width(buffer_text(&origin)) * CHARACTER;
    width = needs > width ? needs : width;
    height += LINE + LINE / 2;
    buffer_printf(&w->text,
                  "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%d\" height=\"%d\" viewBox=\"0 0 %d %d\" role=\"img\" "
                  "aria-labelledby=\"title desc\">\n",
                  width, height, width, height);
    add_title(w);
    buffer_printf(&w->text,
                  "<style>text{font:%dpx 'DejaVu Sans Mono',Menlo,Consolas,'Noto Sans Mono CJK SC',monospace;fill:#000}"
                  "text[fill]{fill:#fff}.n{fill:#444}.h{font-weight:bold}</style>\n<rect width=\"%d\" height=\"%d\" fill=\"#fff\"/>\n",
                  FONT, width, height);
    buffer_printf(&w->text, "<text x=\"%d\" y=\"%d\" class=\"n\">", MARGIN, y + FONT);
    add_xml(&w->text, buffer_text(&origin));
    buffer_puts(&w->text, "</text>\n");
    buffer_free(&origin);
    y += LINE + LINE / 2;
    for (size_t i = 0; i < t->count && trace_go_on(w); i++)
        y = add_item(w, &t->items[i], y);
    buffer_puts(&w->text, "</svg>\n");
    return 0;
}
