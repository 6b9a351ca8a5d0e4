/* listing.c - results in rows and columns, in three formats. */
#include "cli/listing.h"

#include "base/text.h"
#include "measure/trace.h"

#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void listing_begin(Listing *t, const char *const *columns)
{
    *t = (Listing){.width = 0};
    while (columns[t->width] && t->width < LISTING_COLUMNS) {
        t->columns[t->width] = columns[t->width];
        t->width++;
    }
}

void listing_free(Listing *t)
{
    for (size_t i = 0; i < t->count; i++)
        free(t->cells[i].word);
    for (size_t i = 0; i < t->fact_count; i++)
        free(t->facts[i].value.word);
    free(t->cells);
    *t = (Listing){.width = 0};
}

/* ---- filling ---- */

static ListingCell word_cell(Listing *t, const char *word)
{
    char *copy = strdup(word);
    t->failed |= !copy;
    return (ListingCell){.kind = copy ? LISTING_WORD : LISTING_NOTHING, .word = copy};
}

static ListingCell number_cell(double x)
{
    return (ListingCell){.kind = isnan(x) ? LISTING_NOTHING : LISTING_NUMBER, .number = x};
}

static void add_fact(Listing *t, const char *name, ListingCell value)
{
    if (t->fact_count < LISTING_COLUMNS)
        t->facts[t->fact_count++] = (ListingFact){name, value};
    else
        free(value.word);
}

static void add(Listing *t, ListingCell cell)
{
    if (t->count == t->room) {
        size_t room = t->room ? 2 * t->room : 256;
        ListingCell *more = realloc(t->cells, room * sizeof *more);
        if (!more) {
            free(cell.word);
            t->failed = true;
            return;
        }
        t->cells = more;
        t->room = room;
    }
    t->cells[t->count++] = cell;
}

void listing_fact_word(Listing *t, const char *name, const char *word)
{
    add_fact(t, name, word_cell(t, word));
}

void listing_fact_count(Listing *t, const char *name, size_t n)
{
    add_fact(t, name, (ListingCell){.kind = LISTING_COUNT, .number = (double)n});
}

void listing_fact_number(Listing *t, const char *name, double x)
{
    add_fact(t, name, number_cell(x));
}

void listing_word(Listing *t, const char *word)
{
    add(t, word_cell(t, word));
}

void listing_count(Listing *t, size_t n)
{
    add(t, (ListingCell){.kind = LISTING_COUNT, .number = (double)n});
}

void listing_number(Listing *t, double x)
{
    add(t, number_cell(x));
}

void listing_nothing(Listing *t)
{
    add(t, (ListingCell){.kind = LISTING_NOTHING});
}

/* ---- printing ---- */

/* How a table stands in lines of text. */
typedef struct Spacing {
    int digits, gap; /* significant digits of a number; columns between two */
    int widths[LISTING_COLUMNS];
} Spacing;

static void put_text(const ListingCell *c, int digits, Buffer *out)
{
    char number[TRACE_NUMBER_MAX];
    switch (c->kind) {
    case LISTING_WORD:
        text_escape(out, c->word, strlen(c->word), false);
        break;
    case LISTING_COUNT:
        buffer_printf(out, "%.0f", c->number);
        break;
    case LISTING_NUMBER:
        snprintf(number, sizeof number, "%.*g", digits, c->number);
        trace_number_short(number, (real)strtod(number, NULL));
        buffer_puts(out, number);
        break;
    case LISTING_NOTHING:
        buffer_putc(out, '-');
        break;
    }
}

static void measure(const Listing *t, Spacing *l)
{
    Buffer cell = {0};
    for (size_t k = 0; k < t->width; k++)
        l->widths[k] = text_width(t->columns[k]);
    for (size_t i = 0; i < t->count; i++) {
        buffer_clear(&cell);
        put_text(&t->cells[i], l->digits, &cell);
        int w = text_width(buffer_text(&cell));
        l->widths[i % t->width] = w > l->widths[i % t->width] ? w : l->widths[i % t->width];
    }
    buffer_free(&cell);
}

/* The columns [first, end) of all rows side by side. */
static int columns_of(const Listing *t, const Spacing *l, size_t first, size_t end)
{
    int n = 0;
    for (size_t k = first; k < end && k < t->width; k++)
        n += (k > first ? l->gap : 0) + l->widths[k];
    return n;
}

/* The columns that say what a row is of: those before the first that holds a number. */
static size_t names_of(const Listing *t)
{
    size_t n = t->width;
    for (size_t i = 0; i < t->count; i++)
        if (t->cells[i].kind == LISTING_NUMBER && i % t->width < n)
            n = i % t->width;
    return n ? n : 1;
}

/* The names, then the columns [first, end), of every row; the columns' names are the first. */
static void write_block(const Listing *t, const Spacing *l, size_t names, size_t first, size_t end, Buffer *out)
{
    Buffer cell = {0};
    for (size_t i = 0; i < t->width + t->count; i++) {
        size_t k = i % t->width;
        if (k >= names && (k < first || k >= end))
            continue;
        buffer_clear(&cell);
        if (i < t->width)
            buffer_puts(&cell, t->columns[k]);
        else
            put_text(&t->cells[i - t->width], l->digits, &cell);
        const ListingCell *top = k < t->count ? &t->cells[k] : NULL; /* words stand at the left, numbers at the right */
        int room = l->widths[k] - text_width(buffer_text(&cell));
        bool left = top && top->kind == LISTING_WORD, last = k + 1 == end;
        buffer_fill(out, ' ', left ? 0 : (size_t)room);
        buffer_puts(out, buffer_text(&cell));
        buffer_fill(out, ' ', (left && !last ? (size_t)room : 0) + (last ? 0 : (size_t)l->gap));
        if (last)
            buffer_putc(out, '\n');
    }
    out->failed |= cell.failed;
    buffer_free(&cell);
}

/* A table that is too wide gives up digits, then space, and then stands in blocks of columns one below the other. */
static void write_text(const Listing *t, int columns, Buffer *out)
{
    static const struct {
        int digits, gap;
    } tries[] = {{6, 2}, {5, 2}, {4, 2}, {4, 1}};
    Spacing l = {.gap = 2};
    bool fits = false;
    for (size_t i = 0; i < t->fact_count; i++) {
        buffer_printf(out, "# %s: ", t->facts[i].name);
        put_text(&t->facts[i].value, 6, out);
        buffer_putc(out, '\n');
    }
    for (size_t i = 0; i < sizeof tries / sizeof *tries && !fits; i++) {
        l.digits = tries[i].digits;
        l.gap = tries[i].gap;
        measure(t, &l);
        fits = columns_of(t, &l, 0, t->width) <= columns;
    }
    size_t names = fits ? 0 : names_of(t), end;
    int widest = 0;
    for (size_t k = names; k < t->width; k++)
        widest = l.widths[k] > widest ? l.widths[k] : widest;
    if (!fits) {
        l.gap = 2;
        l.gap = columns_of(t, &l, 0, names) + l.gap + widest > columns ? 1 : 2;
    }
    int room = columns - columns_of(t, &l, 0, names) - l.gap;
    for (size_t first = names; first < t->width; first = end) {
        for (end = first + 1; end < t->width && (fits || columns_of(t, &l, first, end + 1) <= room);)
            end++;
        buffer_puts(out, first > names ? "\n" : "");
        write_block(t, &l, names, first, end, out);
    }
}

static json_t *json_of(const ListingCell *c)
{
    switch (c->kind) {
    case LISTING_WORD:
        return json_string(c->word);
    case LISTING_COUNT:
        return json_integer((json_int_t)c->number);
    case LISTING_NUMBER:
        return isfinite(c->number) ? json_real(c->number) : json_string(c->number > 0 ? "inf" : "-inf");
    case LISTING_NOTHING:
        break;
    }
    return json_null();
}

static void write_json(const Listing *t, Buffer *out)
{
    json_t *root = json_object(), *rows = json_array();
    for (size_t i = 0; i < t->fact_count; i++)
        json_object_set_new(root, t->facts[i].name, json_of(&t->facts[i].value));
    for (size_t i = 0; i + t->width <= t->count; i += t->width) {
        json_t *row = json_object();
        for (size_t k = 0; k < t->width; k++)
            json_object_set_new(row, t->columns[k], json_of(&t->cells[i + k]));
        json_array_append_new(rows, row);
    }
    json_object_set_new(root, "rows", rows);
    char *text = json_dumps(root, JSON_INDENT(1) | JSON_REAL_PRECISION(9));
    if (text)
        buffer_printf(out, "%s\n", text);
    else
        out->failed = true;
    free(text);
    json_decref(root);
}

/* RFC 4180: quoted where it must be, quotes doubled. */
static void put_csv(const ListingCell *c, Buffer *out)
{
    char number[TRACE_NUMBER_MAX];
    if (c->kind == LISTING_COUNT)
        buffer_printf(out, "%.0f", c->number);
    if (c->kind == LISTING_NUMBER) {
        trace_number(number, (real)c->number);
        buffer_puts(out, number);
    }
    if (c->kind != LISTING_WORD)
        return;
    bool quoted = strpbrk(c->word, ",\"\r\n") != NULL;
    if (quoted)
        buffer_putc(out, '"');
    for (const char *p = c->word; *p; p++) {
        if (*p == '"')
            buffer_putc(out, '"');
        buffer_putc(out, *p);
    }
    if (quoted)
        buffer_putc(out, '"');
}

static void write_csv(const Listing *t, Buffer *out)
{
    for (size_t k = 0; k < t->width; k++)
        buffer_printf(out, "%s%s", t->columns[k], k + 1 < t->width ? "," : "\n");
    for (size_t i = 0; i < t->count; i++) {
        put_csv(&t->cells[i], out);
        buffer_putc(out, (i + 1) % t->width ? ',' : '\n');
    }
}

int listing_write(const Listing *t, ListingFormat format, int columns, Buffer *out, Error *e)
{
    if (format == LISTING_JSON)
        write_json(t, out);
    else if (format == LISTING_CSV)
        write_csv(t, out);
    else
        write_text(t, columns, out);
    return t->failed || out->failed ? error_memory(e, "table") : 0;
}

/* ---- running text ---- */

void listing_wrap(Buffer *out, const char *s, int indent, int columns, bool ascii)
{
    Buffer shown = {0};
    text_show(&shown, s, strlen(s), ascii);
    text_wrap(out, buffer_text(&shown), indent, columns);
    buffer_putc(out, '\n');
    out->failed |= shown.failed;
    buffer_free(&shown);
}

void listing_add_man(Buffer *out, const char *s)
{
    int32_t c;
    for (size_t n = strlen(s), used; n; s += used, n -= used) {
        used = text_decode(s, n, &c);
        if (c == '-' || c == '\\')
            buffer_puts(out, c == '-' ? "\\-" : "\\e");
        else if (c < 128)
            buffer_putc(out, (char)c);
        else
            buffer_printf(out, "\\[u%04X]", (unsigned)c);
    }
}
