/* table.c - results in rows and columns, in three formats. */
#include "cli/table.h"

#include "base/text.h"
#include "measure/trace.h"

#include <jansson.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

void cli_table_begin(Table *t, const char *const *columns)
{
    *t = (Table){.width = 0};
    while (columns[t->width] && t->width < TABLE_COLUMNS) {
        t->columns[t->width] = columns[t->width];
        t->width++;
    }
}

void cli_table_free(Table *t)
{
    for (size_t i = 0; i < t->count; i++)
        free(t->cells[i].word);
    for (size_t i = 0; i < t->fact_count; i++)
        free(t->facts[i].value.word);
    free(t->cells);
    *t = (Table){.width = 0};
}

/* ---- filling ---- */

static TableCell word_cell(Table *t, const char *word)
{
    char *copy = strdup(word);
    t->failed |= !copy;
    return (TableCell){.kind = copy ? TABLE_WORD : TABLE_NOTHING, .word = copy};
}

static TableCell number_cell(double x)
{
    return (TableCell){.kind = isnan(x) ? TABLE_NOTHING : TABLE_NUMBER, .number = x};
}

static void add_fact(Table *t, const char *name, TableCell value)
{
    if (t->fact_count < TABLE_COLUMNS)
        t->facts[t->fact_count++] = (TableFact){name, value};
    else
        free(value.word);
}

static void add(Table *t, TableCell cell)
{
    if (t->count == t->room) {
        size_t room = t->room ? 2 * t->room : 256;
        TableCell *more = realloc(t->cells, room * sizeof *more);
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

void cli_table_fact_word(Table *t, const char *name, const char *word)
{
    add_fact(t, name, word_cell(t, word));
}

void cli_table_fact_count(Table *t, const char *name, size_t n)
{
    add_fact(t, name, (TableCell){.kind = TABLE_COUNT, .number = (double)n});
}

void cli_table_fact_number(Table *t, const char *name, double x)
{
    add_fact(t, name, number_cell(x));
}

void cli_table_word(Table *t, const char *word)
{
    add(t, word_cell(t, word));
}

void cli_table_count(Table *t, size_t n)
{
    add(t, (TableCell){.kind = TABLE_COUNT, .number = (double)n});
}

void cli_table_number(Table *t, double x)
{
    add(t, number_cell(x));
}

void cli_table_nothing(Table *t)
{
    add(t, (TableCell){.kind = TABLE_NOTHING});
}

/* ---- printing ---- */

static void put_text(const TableCell *c, Buffer *out)
{
    char number[TRACE_NUMBER_MAX];
    switch (c->kind) {
    case TABLE_WORD:
        text_escape(out, c->word, strlen(c->word), false);
        break;
    case TABLE_COUNT:
        buffer_printf(out, "%.0f", c->number);
        break;
    case TABLE_NUMBER:
        trace_number_short(number, (real)c->number);
        buffer_puts(out, number);
        break;
    case TABLE_NOTHING:
        buffer_putc(out, '-');
        break;
    }
}

static void write_text(const Table *t, Buffer *out)
{
    int widths[TABLE_COLUMNS] = {0};
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
        const TableCell *first = k < t->count ? &t->cells[k] : NULL; /* words stand at the left, numbers at the right */
        int room = widths[k] - text_width(buffer_text(&cell));
        bool left = first && first->kind == TABLE_WORD, last = k + 1 == t->width;
        buffer_fill(out, ' ', left ? 0 : (size_t)room);
        buffer_puts(out, buffer_text(&cell));
        buffer_fill(out, ' ', left && !last ? (size_t)room : 0);
        buffer_puts(out, last ? "\n" : "  ");
    }
    out->failed |= cell.failed;
    buffer_free(&cell);
}

static json_t *json_of(const TableCell *c)
{
    switch (c->kind) {
    case TABLE_WORD:
        return json_string(c->word);
    case TABLE_COUNT:
        return json_integer((json_int_t)c->number);
    case TABLE_NUMBER:
        return isfinite(c->number) ? json_real(c->number) : json_string(c->number > 0 ? "inf" : "-inf");
    case TABLE_NOTHING:
        break;
    }
    return json_null();
}

static void write_json(const Table *t, Buffer *out)
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
static void put_csv(const TableCell *c, Buffer *out)
{
    char number[TRACE_NUMBER_MAX];
    if (c->kind == TABLE_COUNT)
        buffer_printf(out, "%.0f", c->number);
    if (c->kind == TABLE_NUMBER) {
        trace_number(number, (real)c->number);
        buffer_puts(out, number);
    }
    if (c->kind != TABLE_WORD)
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

static void write_csv(const Table *t, Buffer *out)
{
    for (size_t k = 0; k < t->width; k++)
        buffer_printf(out, "%s%s", t->columns[k], k + 1 < t->width ? "," : "\n");
    for (size_t i = 0; i < t->count; i++) {
        put_csv(&t->cells[i], out);
        buffer_putc(out, (i + 1) % t->width ? ',' : '\n');
    }
}

int cli_table_write(const Table *t, TableFormat format, Buffer *out, Error *e)
{
    if (format == TABLE_JSON)
        write_json(t, out);
    else if (format == TABLE_CSV)
        write_csv(t, out);
    else
        write_text(t, out);
    return t->failed || out->failed ? error_memory(e, "table") : 0;
}
