/* walk_matrix.c - a stage's matrix as aligned text, with the names of its rows and columns, whole however wide it is: in blocks of columns where
 * a line may not take all. */
#include "view/walk.h"

#include "base/text.h"
#include "measure/metrics.h"

#include <stdio.h>
#include <stdlib.h>

/* ---- names ---- */

/* True where another position holds the same token: it is then told apart by its position, "the (4)". */
static bool is_repeated(const Pass *p, const Stage *s, int axis, size_t i)
{
    size_t n = 0;
    const int *ids = pass_ids(p, s->axis_stack[axis], &n);
    for (size_t j = 0; i < n && j < n; j++)
        if (j != i && ids[j] == ids[i])
            return true;
    return false;
}

static bool counts_positions(Axis a)
{
    return a == AXIS_TOKEN || a == AXIS_QUERY || a == AXIS_KEY;
}

static void free_names(Names *n)
{
    buffer_free(&n->text);
    free(n->at);
    free(n->columns);
    *n = (Names){0};
}

/* The names of an axis of a stage, or NULL without memory. */
static const Names *names_of(Walk *w, const Stage *s, int axis)
{
    Names *names = &w->names[s->axes[axis]][s->axis_stack[axis]];
    size_t n = s->shape[axis];
    if (names->n == n)
        return names;
    free_names(names);
    names->at = malloc(n * sizeof *names->at);
    names->columns = malloc(n * sizeof *names->columns);
    Buffer raw = {0};
    for (size_t i = 0; names->at && names->columns && i < n; i++) {
        names->at[i] = names->text.len;
        buffer_clear(&raw);
        label_index(w->pass, s, axis, i, &raw);
        walk_put_token(w, &names->text, buffer_text(&raw));
        if (counts_positions(s->axes[axis]) && is_repeated(w->pass, s, axis, i))
            buffer_printf(&names->text, " (%zu)", i);
        names->columns[i] = text_width(buffer_text(&names->text) + names->at[i]);
        names->widest = names->columns[i] > names->widest ? names->columns[i] : names->widest;
        buffer_putc(&names->text, '\0');
    }
    bool failed = !names->at || !names->columns || names->text.failed || raw.failed;
    buffer_free(&raw);
    if (failed) {
        free_names(names);
        w->stopped = true;
        return NULL;
    }
    names->n = n;
    return names;
}

static const char *name_at(const Names *names, size_t i)
{
    return names->text.data + names->at[i];
}

/* What the rows or columns are, for people. */
static const char *axis_words(Axis a)
{
    switch (a) {
    case AXIS_TOKEN: return _("tokens");
    case AXIS_QUERY: return _("queries");
    case AXIS_KEY: return _("keys");
    case AXIS_DIM: return _("dimensions of the stream");
    case AXIS_HEAD_DIM: return _("dimensions of a head");
    case AXIS_HEADS_DIM: return _("dimensions of all heads");
    case AXIS_UNIT: return _("units of the FFN");
    case AXIS_VOCAB: return _("tokens of the vocabulary");
    default: return "";
    }
}

/* ---- matrices ---- */

/* The widths of the columns: of the name, or of the widest number of the stage. */
static bool measure(Walk *w, const Names *cols, int number)
{
    if (w->widths_room < cols->n) {
        int *more = realloc(w->widths, cols->n * sizeof *more);
        if (!more) {
            w->stopped = true;
            return false;
        }
        w->widths = more;
        bool *shown = realloc(w->shown, cols->n * sizeof *shown);
        if (!shown) {
            w->stopped = true;
            return false;
        }
        w->shown = shown;
        w->widths_room = cols->n;
    }
    for (size_t j = 0; j < cols->n; j++)
        w->widths[j] = cols->columns[j] > number ? cols->columns[j] : number;
    return true;
}

static void put_number(Walk *w, bool share, double x, int columns)
{
    char text[NUMBER_MAX];
    walk_pad(w, columns - (share ? number_share : number_format)(text, x, w->digits, w->ascii));
    buffer_puts(&w->line, text);
}

static void put_column_names(Walk *w, const Stage *s, const Names *rows, const Names *cols, size_t first, size_t end)
{
    walk_pad(w, 4 + rows->widest);
    for (size_t j = first; j < end; j++) {
        if (!w->shown[j])
            continue;
        walk_pad(w, 2 + w->widths[j] - cols->columns[j]);
        buffer_puts(&w->line, name_at(cols, j));
    }
    if (number_is_share(s) && end == cols->n) {
        buffer_puts(&w->line, w->ascii ? "  |  " : "  │  ");
        walk_put_words(w, _("sum"));
    }
    walk_end_line(w);
}

/* The columns from first to in front of end of x [rows, cols]; behind the last what each row sums to. */
static void put_rows(Walk *w, const Stage *s, const real *x, const Names *rows, const Names *cols, size_t first, size_t end)
{
    bool shares = number_is_share(s);
    for (size_t i = 0; i < rows->n && !w->stopped; i++) {
        bool sums = shares && end == cols->n;
        double sum = 0;
        walk_pad(w, 4);
        buffer_puts(&w->line, name_at(rows, i));
        walk_pad(w, rows->widest - rows->columns[i]);
        for (size_t j = sums ? 0 : first; j < end; j++) {
            double v = (double)x[i * cols->n + j];
            sum += v;
            if (j < first || !w->shown[j])
                continue;
            walk_pad(w, 2);
            put_number(w, shares, v, w->widths[j]);
        }
        if (sums) {
            buffer_puts(&w->line, w->ascii ? "  |  " : "  │  ");
            put_number(w, false, sum, 0);
        }
        walk_end_line(w);
    }
}

void walk_put_axes(Walk *w, const Stage *s)
{
    buffer_printf(&w->line, "  %s: ", _("rows"));
    walk_put_words(w, axis_words(s->axes[s->rank - 2]));
    buffer_printf(&w->line, "; %s: ", _("columns"));
    walk_put_words(w, axis_words(s->axes[s->rank - 1]));
    walk_end_line(w);
}

enum { FEW_COLUMNS = 16 };

/* All columns; beside a text only so many: the one that is named, the largest number of each row, and the first. Returns how many. */
static size_t choose_columns(Walk *w, const Stage *s, const real *x, size_t rows, size_t columns)
{
    bool all = !w->at || columns <= FEW_COLUMNS;
    const AddressRange *named = w->at && w->at->at[s->rank - 1].given ? &w->at->at[s->rank - 1] : NULL;
    size_t count = 0;
    for (size_t j = 0; j < columns; j++)
        w->shown[j] = all;
    for (size_t j = named ? named->first : 0; !all && named && j < named->end && count < FEW_COLUMNS; j++, count++)
        w->shown[j] = true;
    for (size_t i = 0; !all && i < rows && count < FEW_COLUMNS; i++) {
        size_t best = 0;
        largest_of(x + i * columns, columns, 1, &best);
        count += !w->shown[best];
        w->shown[best] = true;
    }
    for (size_t j = 0; !all && j < columns && count < FEW_COLUMNS; j++) {
        count += !w->shown[j];
        w->shown[j] = true;
    }
    return all ? columns : count;
}

/* Behind the last column of a block that begins with `first`: as many as a line takes, at least one. */
static size_t block_end(const Walk *w, const Stage *s, const Names *rows, const Names *cols, size_t first)
{
    enum { SUM = 5 + 5 }; /* "  │  1.000" */
    int used = 4 + rows->widest;
    for (size_t j = first; j < cols->n; j++) {
        used += w->shown[j] ? 2 + w->widths[j] : 0;
        if (j > first && used + (number_is_share(s) && j + 1 == cols->n ? SUM : 0) > w->columns)
            return j;
    }
    return cols->n;
}

void walk_put_matrix(Walk *w, const Stage *s, const real *x, size_t head)
{
    const Names *rows = names_of(w, s, s->rank - 2), *cols = rows ? names_of(w, s, s->rank - 1) : NULL;
    int width = number_width(x, s->count, w->digits), least = number_is_share(s) ? number_share_width(w->digits) : 0;
    if (!cols || !measure(w, cols, width < least ? least : width))
        return;
    x += head * rows->n * cols->n;
    size_t shown = choose_columns(w, s, x, rows->n, cols->n);
    for (size_t first = 0, end; first < cols->n && !w->stopped; first = end) {
        end = block_end(w, s, rows, cols, first);
        put_column_names(w, s, rows, cols, first, end);
        put_rows(w, s, x, rows, cols, first, end);
    }
    if (shown < cols->n) {
        char text[128];
        snprintf(text, sizeof text, _("%zu of %zu columns, the largest number of each row among them"), shown, cols->n);
        walk_pad(w, 4);
        walk_put_words(w, text);
        walk_end_line(w);
    }
}

void walk_free_names(Walk *w)
{
    for (int a = 0; a < AXIS_COUNT; a++)
        for (int s = 0; s < STACK_COUNT; s++)
            free_names(&w->names[a][s]);
    free(w->widths);
    free(w->shown);
}
