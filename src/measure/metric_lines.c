/* metric_lines.c - what a person is told about a stage, in words: which family writes what, and the lines they share.
 *
 * Computes nothing itself: the numbers are metrics.c's. Work is at most a few walks over the stage, and where the stage
 * is large only over the head or row under the cursor. */
#include "measure/metric_writer.h"

#include "base/text.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

Number writer_number(double x)
{
    Number n;
    double size = fabs(x);
    int digits = size < 9.9995 ? 3 : size < 99.995 ? 2 : 1;
    if (isnan(x) || isinf(x))
        snprintf(n.text, sizeof n.text, "%s", isnan(x) ? "n/a" : x > 0 ? "inf" : "-inf");
    else if (size != 0 && (size < 0.0995 || size >= 99999.5))
        snprintf(n.text, sizeof n.text, size < 0.000995 || size >= 99999.5 ? "%.2e" : size < 0.00995 ? "%.5f" : "%.4f", x);
    else
        snprintf(n.text, sizeof n.text, "%.*f", digits, x);
    return n;
}

Number writer_percent(double share)
{
    Number n;
    snprintf(n.text, sizeof n.text, isfinite(share) ? "%.1f%%" : "n/a", 100 * share);
    return n;
}

/* Copies at most `columns` columns, control characters escaped; what is cut ends in '…'. */
static void copy_columns(char *out, size_t size, const char *s, int columns)
{
    size_t n = strlen(s), used = 0, keep = 0;
    int width = 0;
    while (n) {
        int32_t c;
        char piece[8] = "";
        size_t len = text_decode(s, n, &c);
        if (c == '\n' || c == '\t' || c == '\r')
            snprintf(piece, sizeof piece, "\\%c", c == '\n' ? 'n' : c == '\t' ? 't' : 'r');
        else if (c < 0x20 || (c >= 0x7f && c < 0xa0) || (c == 0xfffd && len == 1))
            snprintf(piece, sizeof piece, "?");
        else
            memcpy(piece, s, len);
        int wide = text_width(piece);
        if (width + wide > columns || used + strlen(piece) + sizeof "…" > size) {
            strcpy(out + keep, "…");
            return;
        }
        memcpy(out + used, piece, strlen(piece));
        used += strlen(piece);
        width += wide;
        if (width < columns)
            keep = used;
        s += len;
        n -= len;
    }
    out[used] = '\0';
}

Name writer_name(const Writer *w, int axis, size_t i, int columns)
{
    Name name = {{0}};
    Buffer b = {0};
    label_index(w->pass, w->stage, axis, i, &b);
    copy_columns(name.text, sizeof name.text, buffer_text(&b), columns);
    buffer_free(&b);
    return name;
}

void writer_say(Writer *w, const char *label, const char *format, ...)
{
    char text[256];
    if (w->count == w->max)
        return;
    MetricLine *line = &w->out[w->count++];
    copy_columns(line->label, sizeof line->label, label, METRIC_LABEL_COLUMNS);
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    copy_columns(line->value, sizeof line->value, text, METRIC_VALUE_COLUMNS);
}

bool writer_is_large(const Writer *w)
{
    return w->stage->count > LARGE_STAGE;
}

/* ---- lines several kinds share ---- */

/* The stage's value, and one row of it (of the cursor's head). */
const real *writer_value(const Writer *w)
{
    return pass_value(w->pass, w->i);
}

const real *writer_row(const Writer *w, size_t i)
{
    const Stage *s = &pass_plan(w->pass)->stages[i];
    size_t row = s->rank == 3 ? w->head * s->shape[1] + w->row : w->row;
    return pass_value(w->pass, i) + row * s->shape[s->rank - 1];
}

void writer_say_moments(Writer *w, const char *label, const real *x, size_t n)
{
    Moments m = moments(x, n);
    writer_say(w, label, _("mean %s, variance %s, norm %s"), NUM(m.mean), NUM(m.variance), NUM(m.norm));
}

void writer_say_range(Writer *w, const char *label, const real *x, size_t n)
{
    Moments m = moments(x, n);
    Number mean = writer_number(m.mean), variance = writer_number(m.variance), min = writer_number(m.min), max = writer_number(m.max);
    char text[256];
    snprintf(text, sizeof text, _("mean %s, variance %s, from %s to %s"), mean.text, variance.text, min.text, max.text);
    if (text_width(text) <= METRIC_VALUE_COLUMNS)
        writer_say(w, label, "%s", text);
    else /* rather than cut the last number */
        writer_say(w, label, _("mean %s, variance %s, %s to %s"), mean.text, variance.text, min.text, max.text);
}

/* This row, then all rows. */
void writer_say_rows(Writer *w)
{
    writer_say_moments(w, _("this row"), writer_row(w, w->i), w->stage->shape[w->stage->rank - 1]);
    if (w->stage->rank == 3)
        writer_say_range(w, _("this head"), writer_value(w) + w->head * w->stage->shape[1] * w->stage->shape[2],
                         w->stage->shape[1] * w->stage->shape[2]);
    else
        writer_say_range(w, _("all rows"), writer_value(w), w->stage->count);
}

void writer_say_likeness(Writer *w, const char *label, const real *x, size_t rows, size_t d)
{
    if (rows > 1)
        writer_say(w, label, _("mean cosine %s between different tokens"), NUM(mean_cosine(x, rows, d)));
}

/* How large a sub-layer's result y is beside the stream x it joins, in the cursor's row. */
void writer_say_beside(Writer *w, size_t y, size_t x)
{
    size_t d = w->stage->shape[1];
    const real *a = writer_row(w, y), *b = writer_row(w, x);
    double added = moments(a, d).norm, stream = moments(b, d).norm;
    writer_say(w, _("beside the stream"), _("norm %s joins %s (%s), cosine %s"), NUM(added), NUM(stream), PERCENT(added / stream),
               NUM(cosine(a, b, d)));
}

static void (*const families[STAGE_KIND_COUNT])(Writer *w) = {
#define STAGE(KIND, id, title, formula, what, source, w0, w1, family) [STAGE_##KIND] = lines_about_##family,
#include "pass/stages.def"
#undef STAGE
};

size_t metric_lines(Pass *p, size_t i, size_t head, size_t row, MetricLine *out, size_t max)
{
    const Plan *plan = pass_plan(p);
    const Stage *s = &plan->stages[i];
    Writer w = {.pass = p, .config = plan->config, .ablations = plan->ablations, .stage = s, .i = i, .out = out, .max = max};
    size_t heads = s->rank == 3 ? s->shape[0] : 1, rows = s->shape[s->rank - 2];
    w.head = head < heads ? head : heads - 1;
    w.row = row < rows ? row : rows - 1;
    families[s->kind](&w);
    return w.count;
}
