/* sheet.c - results in rows and columns, in three formats. */
#include "cli/sheet.h"

#include "base/text.h"
#include "measure/trace.h"

#include <jansson.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

void sheet_begin(Sheet *t, const char *const *columns)
{
    *t = (Sheet){.width = 0};
    while (columns[t->width] && t->width < SHEET_COLUMNS) {
        t->columns[t->width] = columns[t->width];
        t->width++;
    }
}

void sheet_free(Sheet *t)
{
    for (size_t i = 0; i < t->count; i++)
        free(t->cells[i].word);
    for (size_t i = 0; i < t->fact_count; i++)
        free(t->facts[i].value.word);
    free(t->cells);
    *t = (Sheet){.width = 0};
}

/* ---- filling ---- */

static SheetCell word_cell(Sheet *t, const char *word)
{
    char *copy = strdup(word);
    t->failed |= !copy;
    return (SheetCell){.kind = copy ? SHEET_WORD : SHEET_NOTHING, .word = copy};
}

static SheetCell number_cell(double x)
{
    return (SheetCell){.kind = isnan(x) ? SHEET_NOTHING : SHEET_NUMBER, .number = x};
}

static void add_fact(Sheet *t, const char *name, SheetCell value)
{
    if (t->fact_count < SHEET_COLUMNS)
        t->facts[t->fact_count++] = (SheetFact){name, value};
    else
        free(value.word);
}

static void add(Sheet *t, SheetCell cell)
{
    if (t->count == t->room) {
        size_t room = t->room ? 2 * t->room : 256;
        SheetCell *more = realloc(t->cells, room * sizeof *more);
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

void sheet_fact_word(Sheet *t, const char *name, const char *word)
{
    add_fact(t, name, word_cell(t, word));
}

void sheet_fact_count(Sheet *t, const char *name, size_t n)
{
    add_fact(t, name, (SheetCell){.kind = SHEET_COUNT, .number = (double)n});
}

void sheet_fact_number(Sheet *t, const char *name, double x)
{
    add_fact(t, name, number_cell(x));
}

void sheet_word(Sheet *t, const char *word)
{
    add(t, word_cell(t, word));
}

void sheet_count(Sheet *t, size_t n)
{
    add(t, (SheetCell){.kind = SHEET_COUNT, .number = (double)n});
}

void sheet_number(Sheet *t, double x)
{
    add(t, number_cell(x));
}

void sheet_nothing(Sheet *t)
{
    add(t, (SheetCell){.kind = SHEET_NOTHING});
}

/* ---- printing ---- */

static void put_text(const SheetCell *c, Buffer *out)
{
    char number[TRACE_NUMBER_MAX];
    switch (c->kind) {
    case SHEET_WORD:
        text_escape(out, c->word, strlen(c->word), false);
        break;
    case SHEET_COUNT:
        buffer_printf(out, "%.0f", c->number);
        break;
    case SHEET_NUMBER:
        trace_number_short(number, (real)c->number);
        buffer_puts(out, number);
        break;
    case SHEET_NOTHING:
        buffer_putc(out, '-');
        break;
    }
}

static void write_text(const Sheet *t, Buffer *out)
{
    int widths[SHEET_COLUMNS] = {0};
    Buffer cell = {0};
    for (size_t i = 0; i < t->fact_count; i++) {
        buffer_printf(out, "# %s: ", t->facts[i].name);
        put_text(&t->facts[i].value, out);
        buffer_putc(out, '\n');
    }
    for (size_t k = 0; k < t->width; k++)
        widths[k] = text_width(t->columns[k]);
    for (size_t i = 0; i < t->count; i++) {
        buffer_clear(&cell);
        put_text(&t->cells[i], &cell);
        int w = text_width(buffer_text(&cell));
        widths[i % t->width] = w > widths[i % t->width] ? w : widths[i % t->width];
    }
    for (size_t i = 0; i < t->width + t->count; i++) { /* the names are the first row */
        size_t k = i % t->width;
        buffer_clear(&cell);
        if (i < t->width)
            buffer_puts(&cell, t->columns[k]);
        else
            put_text(&t->cells[i - t->width], &cell);
        const SheetCell *first = k < t->count ? &t->cells[k] : NULL; /* words stand at the left, numbers at the right */
        int room = widths[k] - text_width(buffer_text(&cell));
        bool left = first && first->kind == SHEET_WORD, last = k + 1 == t->width;
        buffer_fill(out, ' ', left ? 0 : (size_t)room);
        buffer_puts(out, buffer_text(&cell));
        buffer_fill(out, ' ', left && !last ? (size_t)room : 0);
        buffer_puts(out, last ? "\n" : "  ");
    }
    out->failed |= cell.failed;
    buffer_free(&cell);
}

static json_t *json_of(const SheetCell *c)
{
    switch (c->kind) {
    case SHEET_WORD:
        return json_string(c->word);
    case SHEET_COUNT:
        return json_integer((json_int_t)c->number);
    case SHEET_NUMBER:
        return isfinite(c->number) ? json_real(c->number) : json_string(c->number > 0 ? "inf" : "-inf");
    case SHEET_NOTHING:
        break;
    }
    return json_null();
}

static void write_json(const Sheet *t, Buffer *out)
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
static void put_csv(const SheetCell *c, Buffer *out)
{
    char number[TRACE_NUMBER_MAX];
    if (c->kind == SHEET_COUNT)
        buffer_printf(out, "%.0f", c->number);
    if (c->kind == SHEET_NUMBER) {
        trace_number(number, (real)c->number);
        buffer_puts(out, number);
    }
    if (c->kind != SHEET_WORD)
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

static void write_csv(const Sheet *t, Buffer *out)
{
    for (size_t k = 0; k < t->width; k++)
        buffer_printf(out, "%s%s", t->columns[k], k + 1 < t->width ? "," : "\n");
    for (size_t i = 0; i < t->count; i++) {
        put_csv(&t->cells[i], out);
        buffer_putc(out, (i + 1) % t->width ? ',' : '\n');
    }
}

int sheet_write(const Sheet *t, SheetFormat format, Buffer *out, Error *e)
{
    if (format == SHEET_JSON)
        write_json(t, out);
    else if (format == SHEET_CSV)
        write_csv(t, out);
    else
        write_text(t, out);
    return t->failed || out->failed ? error_memory(e, "table") : 0;
}
