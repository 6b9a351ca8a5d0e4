/* table.c - rows and columns of a result, written for people and for other programs.
 *
 * Owns how a number is written in a table. Plots are plot.c's and plot_svg.c's. */
#include "base/table.h"

#include "base/text.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- making one ---- */

static char *copy_text(Table *t, const char *text)
{
    char *copy = strdup(text);
    t->failed |= !copy;
    return copy;
}

Table table_new(const char *name, const char *title)
{
    Table t = {0};
    t.name = copy_text(&t, name);
    t.title = copy_text(&t, title);
    return t;
}

void table_free(Table *t)
{
    for (size_t i = 0; t->texts && i < t->row_count * t->column_count; i++)
        free(t->texts[i]);
    for (size_t i = 0; i < t->column_count; i++) {
        free(t->columns[i].name);
        free(t->columns[i].title);
    }
    free(t->name);
    free(t->title);
    free(t->columns);
    free(t->numbers);
    free(t->texts);
    *t = (Table){0};
}

static void add_column(Table *t, const char *name, const char *title, bool text, int digits)
{
    TableColumn *columns = t->failed ? NULL : realloc(t->columns, (t->column_count + 1) * sizeof *columns);
    if (!columns) {
        t->failed = true;
        return;
    }
    t->columns = columns;
    columns[t->column_count++] = (TableColumn){copy_text(t, name), copy_text(t, title), text, digits};
}

void table_column(Table *t, const char *name, const char *title, int digits)
{
    add_column(t, name, title, false, digits);
}

void table_text_column(Table *t, const char *name, const char *title)
{
    add_column(t, name, title, true, -1);
}

static bool reserve(Table *t)
{
    if (t->failed || t->row_count < t->row_room)
        return !t->failed;
    size_t room = t->row_room ? t->row_room * 2 : 8, cells = room * (t->column_count ? t->column_count : 1);
    double *numbers = realloc(t->numbers, cells * sizeof *numbers);
    if (numbers)
        t->numbers = numbers;
    char **texts = realloc(t->texts, cells * sizeof *texts);
    if (texts)
        t->texts = texts;
    if (numbers && texts)
        t->row_room = room;
    t->failed |= !numbers || !texts;
    return !t->failed;
}

size_t table_row(Table *t)
{
    if (!reserve(t))
        return 0;
    for (size_t i = t->row_count * t->column_count, end = i + t->column_count; i < end; i++) {
        t->numbers[i] = NAN;
        t->texts[i] = NULL;
    }
    return t->row_count++;
}

/* The cell's index, or -1 where there is none, which is the caller's mistake and spoils the table. */
static long find_cell(Table *t, size_t row, const char *column)
{
    int c = t->failed ? -1 : table_find_column(t, column);
    if (c < 0 || row >= t->row_count) {
        t->failed = true;
        return -1;
    }
    return (long)(row * t->column_count) + c;
}

void table_set(Table *t, size_t row, const char *column, double x)
{
    long at = find_cell(t, row, column);
    if (at >= 0)
        t->numbers[at] = x;
}

void table_set_text(Table *t, size_t row, const char *column, const char *text)
{
    long at = find_cell(t, row, column);
    if (at < 0)
        return;
    free(t->texts[at]);
    t->texts[at] = copy_text(t, text);
}

/* ---- questions ---- */

int table_find_column(const Table *t, const char *name)
{
    for (size_t i = 0; i < t->column_count; i++)
        if (t->columns[i].name && strcmp(t->columns[i].name, name) == 0)
            return (int)i;
    return -1;
}

int table_find_row(const Table *t, const char *key)
{
    char *end;
    double x = strtod(key, &end);
    bool number = *key && !*end;
    for (size_t i = 0; i < t->row_count && t->column_count; i++) {
        const char *text = t->texts[i * t->column_count];
        double found = t->numbers[i * t->column_count];
        if (text ? strcmp(text, key) == 0 : number && fabs(found - x) <= 1e-9 * fmax(1, fabs(x)))
            return (int)i;
    }
    return -1;
}

double table_number(const Table *t, size_t row, size_t column)
{
    return row < t->row_count && column < t->column_count ? t->numbers[row * t->column_count + column] : NAN;
}

/* ---- numbers ---- */

/* The shortest text that reads back as the same number. */
static void add_exact(Buffer *out, double x)
{
    char text[40];
    for (int digits = 1; digits <= 17; digits++) {
        snprintf(text, sizeof text, "%.*g", digits, x);
        if (strtod(text, NULL) == x)
            break;
    }
    buffer_puts(out, text);
}

/* For people. What would keep fewer than two of its digits is written with two, as a power of ten where it must. */
static void add_readable(Buffer *out, double x, int digits)
{
    if (isnan(x))
        return;
    if (isinf(x))
        buffer_puts(out, x > 0 ? "inf" : "-inf");
    else if (digits < 0)
        buffer_printf(out, "%.*g", digits == -1 ? 6 : -digits, x);
    else if (x != 0 && ((digits > 0 && fabs(x) < pow(10, 1 - digits)) || fabs(x) >= 1e12))
        buffer_printf(out, "%.2g", x);
    else
        buffer_printf(out, "%.*f", digits, x);
}

static void add_cell(Buffer *out, const Table *t, size_t row, size_t column, bool ascii)
{
    size_t at = row * t->column_count + column;
    if (t->texts[at])
        text_show(out, t->texts[at], strlen(t->texts[at]), ascii);
    else
        add_readable(out, t->numbers[at], t->columns[column].digits);
}

/* ---- text ---- */

enum { TITLE_COLUMNS = 8 }; /* a column may be as wide as this for its title alone; longer ones are broken */

static bool closes(int32_t c)
{
    return c && c < 0x80 ? strchr(")],.:;!?/%|", c) != NULL : c == 0x3001 || c == 0x3002 || c == 0x201d || (c >= 0xff01 && c != 0xff08);
}

static bool opens(int32_t c)
{
    return c == '(' || c == '[' || c == '|' || c == 0x201c || c == 0xff08;
}

/* The bytes at s (n of them, n > 0) that stay on one line: up to a space, or to where one of two characters is wide, as Chinese is; no line
 * begins with what closes, none ends with what opens. */
static size_t title_piece(const char *s, size_t n)
{
    int32_t c, next;
    size_t i = text_decode(s, n, &c);
    while (i < n && s[i] != ' ') {
        size_t length = text_decode(s + i, n - i, &next);
        if ((text_char_width(c) == 2 || text_char_width(next) == 2) && !opens(c) && !closes(next))
            break;
        i += length;
        c = next;
    }
    return i;
}

static int width_of(const char *s, size_t n)
{
    Buffer part = {0};
    buffer_add(&part, s, n);
    int width = text_width(buffer_text(&part));
    buffer_free(&part);
    return width;
}

/* Where the part of a title that fits in `width` columns ends; *next gets where the rest begins. At least one piece, however long. */
static size_t title_part(const char *s, int width, size_t *next)
{
    size_t end = 0, n = strlen(s);
    for (size_t i = 0; i < n; i = end + (s[end] == ' ')) {
        size_t upto = i + title_piece(s + i, n - i);
        if (end && width_of(s, upto) > width)
            break;
        end = upto;
    }
    *next = end + (s[end] == ' ');
    return end;
}

/* The columns of the widest piece. */
static int widest_word(const char *s)
{
    int widest = 0;
    size_t n = strlen(s);
    for (size_t i = 0, length; i < n; i += length + (s[i + length] == ' ')) {
        length = title_piece(s + i, n - i);
        int width = width_of(s + i, length);
        widest = width > widest ? width : widest;
    }
    return widest;
}

static int column_width(const Table *t, size_t column, const char *title, bool ascii)
{
    int width = text_width(title), word = widest_word(title);
    width = width > TITLE_COLUMNS ? (word > TITLE_COLUMNS ? word : TITLE_COLUMNS) : width;
    Buffer cell = {0};
    for (size_t row = 0; row < t->row_count; row++) {
        buffer_clear(&cell);
        add_cell(&cell, t, row, column, ascii);
        int w = text_width(buffer_text(&cell));
        width = w > width ? w : width;
    }
    buffer_free(&cell);
    return width;
}

static void add_padded(Buffer *out, const char *text, size_t n, int width, bool left)
{
    Buffer part = {0};
    buffer_add(&part, text, n);
    int blank = width - text_width(buffer_text(&part));
    if (!left && blank > 0)
        buffer_fill(out, ' ', (size_t)blank);
    buffer_puts(out, buffer_text(&part));
    if (left && blank > 0)
        buffer_fill(out, ' ', (size_t)blank);
    buffer_free(&part);
}

/* Takes away the blanks that the line ends with, and ends it. */
static void end_line(Buffer *out)
{
    while (out->len && out->data[out->len - 1] == ' ')
        out->data[--out->len] = '\0';
    buffer_putc(out, '\n');
}

static void add_titles(Buffer *out, const Table *t, const int *widths, Buffer *titles)
{
    for (bool more = true; more;) {
        more = false;
        for (size_t c = 0; c < t->column_count; c++) {
            size_t next, n = title_part(buffer_text(&titles[c]), widths[c], &next);
            buffer_puts(out, "  ");
            add_padded(out, buffer_text(&titles[c]), n, widths[c], t->columns[c].text);
            Buffer rest = {0};
            buffer_puts(&rest, buffer_text(&titles[c]) + next);
            buffer_free(&titles[c]);
            titles[c] = rest;
            more |= rest.len > 0;
        }
        end_line(out);
    }
}

void table_write_text(const Table *t, Buffer *out, bool ascii)
{
    int *widths = calloc(t->column_count + 1, sizeof *widths);
    Buffer *titles = calloc(t->column_count + 1, sizeof *titles);
    if (!widths || !titles || t->failed) {
        out->failed = true;
        goto done;
    }
    text_show(out, t->title, strlen(t->title), ascii);
    buffer_puts(out, "\n");
    for (size_t c = 0; c < t->column_count; c++) {
        text_show(&titles[c], t->columns[c].title, strlen(t->columns[c].title), ascii);
        widths[c] = column_width(t, c, buffer_text(&titles[c]), ascii);
    }
    add_titles(out, t, widths, titles);
    Buffer cell = {0};
    for (size_t row = 0; row < t->row_count; row++) {
        for (size_t c = 0; c < t->column_count; c++) {
            buffer_clear(&cell);
            add_cell(&cell, t, row, c, ascii);
            buffer_puts(out, "  ");
            add_padded(out, buffer_text(&cell), cell.len, widths[c], t->columns[c].text);
        }
        end_line(out);
    }
    buffer_free(&cell);
done:
    for (size_t c = 0; titles && c < t->column_count; c++)
        buffer_free(&titles[c]);
    free(widths);
    free(titles);
}

/* ---- CSV (RFC 4180, but lines end in a newline alone) ---- */

void table_write_csv(const Table *t, Buffer *out)
{
    out->failed |= t->failed;
    for (size_t c = 0; c < t->column_count && !t->failed; c++)
        buffer_printf(out, "%s%s", c ? "," : "", t->columns[c].name);
    buffer_putc(out, '\n');
    for (size_t i = 0; i < t->row_count * t->column_count && !t->failed; i++) {
        if (i % t->column_count)
            buffer_putc(out, ',');
        if (t->texts[i])
            buffer_put_csv(out, t->texts[i], strlen(t->texts[i]));
        else if (!isnan(t->numbers[i]))
            add_exact(out, t->numbers[i]);
        if (i % t->column_count == t->column_count - 1)
            buffer_putc(out, '\n');
    }
}

/* ---- JSON ---- */

static void add_json_number(Buffer *out, double x)
{
    if (isnan(x))
        buffer_puts(out, "null");
    else if (isinf(x))
        buffer_puts(out, x > 0 ? "\"inf\"" : "\"-inf\"");
    else
        add_exact(out, x);
}

void table_write_json(const Table *t, Buffer *out)
{
    out->failed |= t->failed;
    if (t->failed)
        return;
    buffer_puts(out, "{\"name\": ");
    text_json(out, t->name, strlen(t->name));
    buffer_puts(out, ", \"title\": ");
    text_json(out, t->title, strlen(t->title));
    buffer_puts(out, ", \"columns\": [");
    for (size_t c = 0; c < t->column_count; c++) {
        buffer_puts(out, c ? ", {\"name\": " : "{\"name\": ");
        text_json(out, t->columns[c].name, strlen(t->columns[c].name));
        buffer_puts(out, ", \"title\": ");
        text_json(out, t->columns[c].title, strlen(t->columns[c].title));
        buffer_putc(out, '}');
    }
    buffer_puts(out, "], \"rows\": [");
    for (size_t i = 0; i < t->row_count * t->column_count; i++) {
        if (i % t->column_count == 0)
            buffer_puts(out, i ? ",\n  [" : "\n  [");
        else
            buffer_puts(out, ", ");
        if (t->texts[i])
            text_json(out, t->texts[i], strlen(t->texts[i]));
        else
            add_json_number(out, t->numbers[i]);
        if (i % t->column_count == t->column_count - 1)
            buffer_putc(out, ']');
    }
    buffer_puts(out, "]}");
}

/* ---- Markdown ---- */

/* A bar would end the cell. */
static void add_markdown(Buffer *out, const char *s)
{
    for (; *s; s++)
        buffer_printf(out, *s == '|' ? "\\%c" : "%c", *s);
}

void table_write_markdown(const Table *t, Buffer *out)
{
    out->failed |= t->failed;
    if (t->failed)
        return;
    add_markdown(out, t->title);
    buffer_puts(out, "\n\n|");
    for (size_t c = 0; c < t->column_count; c++) {
        buffer_putc(out, ' ');
        add_markdown(out, t->columns[c].title);
        buffer_puts(out, " |");
    }
    buffer_puts(out, "\n|");
    for (size_t c = 0; c < t->column_count; c++)
        buffer_puts(out, t->columns[c].text ? "---|" : "---:|");
    buffer_putc(out, '\n');
    Buffer cell = {0};
    for (size_t i = 0; i < t->row_count * t->column_count; i++) {
        if (i % t->column_count == 0)
            buffer_putc(out, '|');
        buffer_clear(&cell);
        add_cell(&cell, t, i / t->column_count, i % t->column_count, false);
        buffer_putc(out, ' ');
        add_markdown(out, buffer_text(&cell));
        buffer_puts(out, i % t->column_count == t->column_count - 1 ? " |\n" : " |");
    }
    buffer_free(&cell);
}
