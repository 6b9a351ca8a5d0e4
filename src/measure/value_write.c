/* value_write.c - values as text: a line, a small table with names, JSON, CSV. */
#include "measure/value.h"

#include "base/text.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* How much of a table is shown; the rest is counted. */
enum { FEW = 8, ROWS_MAX = 32, COLUMNS_MAX = 16, BLOCKS_MAX = 8, LABEL_COLUMNS = 24, CELL_COLUMNS = 12 };

/* ---- numbers ---- */

/* "3" becomes "3.0", and "1e-07" "1.0e-07". */
static void add_point(char out[VALUE_NUMBER_MAX])
{
    size_t digits = strcspn(out, "e."), n = strlen(out);
    if (out[digits] == '.' || n + 3 > VALUE_NUMBER_MAX)
        return;
    memmove(out + digits + 2, out + digits, n - digits + 1);
    memcpy(out + digits, ".0", 2);
}

void value_format(char out[VALUE_NUMBER_MAX], const Value *v, double x, int digits)
{
    if (v->type == VALUE_TRUTH) {
        snprintf(out, VALUE_NUMBER_MAX, "%s", x != 0 ? "true" : "false");
        return;
    }
    if (!isfinite(x)) {
        snprintf(out, VALUE_NUMBER_MAX, "%s", isnan(x) ? "nan" : x < 0 ? "-inf" : "inf");
        return;
    }
    if (v->whole && fabs(x) < 1e15) {
        snprintf(out, VALUE_NUMBER_MAX, "%.0f", x == 0 ? 0.0 : x);
        return;
    }
    if (digits)
        snprintf(out, VALUE_NUMBER_MAX, "%.*g", digits, x);
    for (int k = 6; digits == 0 && k <= 17; k++) {
        snprintf(out, VALUE_NUMBER_MAX, "%.*g", k, x);
        if (strtod(out, NULL) == x)
            break;
    }
    add_point(out);
}

static void add_escaped(Buffer *out, const char *s)
{
    text_escape(out, s, strlen(s), false);
}

/* Where index i is of an axis, "2 (love)"; else the number. */
static void add_scalar(const Value *v, double x, int digits, Buffer *out)
{
    char number[VALUE_NUMBER_MAX];
    value_format(number, v, x, digits);
    buffer_puts(out, number);
    if (!v->is_index || !(x >= 0))
        return;
    Buffer label = {0};
    value_label(&v->of, (size_t)x, &label);
    if (strcmp(buffer_text(&label), number) != 0) {
        buffer_puts(out, " (");
        add_escaped(out, buffer_text(&label));
        buffer_putc(out, ')');
    }
    buffer_free(&label);
}

/* ---- one line ---- */

static void add_shape(const Value *v, Buffer *out)
{
    buffer_putc(out, '[');
    for (int k = 0; k < v->rank; k++)
        buffer_printf(out, "%s%s %zu", k ? ", " : "", v->axes[k].name, v->shape[k]);
    buffer_putc(out, ']');
}

/* A few numbers one after the other; of indices their names. */
static void add_few(const Value *v, Buffer *out)
{
    for (size_t i = 0; i < v->count; i++) {
        Buffer text = {0};
        char number[VALUE_NUMBER_MAX];
        value_format(number, v, v->data[i], 4);
        if (v->is_index && v->data[i] >= 0)
            value_label(&v->of, (size_t)v->data[i], &text);
        else
            buffer_puts(&text, number);
        buffer_puts(out, i ? ", " : " ");
        add_escaped(out, buffer_text(&text));
        buffer_free(&text);
    }
}

void value_write_line(const Value *v, Buffer *out)
{
    if (v->type == VALUE_TEXT) {
        buffer_putc(out, '"');
        add_escaped(out, v->text);
        buffer_putc(out, '"');
        return;
    }
    if (v->rank == 0) {
        add_scalar(v, v->data[0], 9, out);
        return;
    }
    add_shape(v, out);
    if (v->rank == 1 && v->count <= FEW && v->type == VALUE_NUMBER) {
        add_few(v, out);
        return;
    }
    if (v->is_index) {
        buffer_printf(out, _(" of %s"), v->of.name);
        return;
    }
    double sum = 0, least = INFINITY, most = -INFINITY;
    size_t held = 0, counted = 0;
    for (size_t i = 0; i < v->count; i++) {
        double x = v->data[i];
        held += x != 0;
        if (isinf(x) && x < 0)
            continue;
        counted++;
        sum += x;
        least = x < least || isnan(x) ? x : least;
        most = x > most || isnan(x) ? x : most;
    }
    if (v->type == VALUE_TRUTH) {
        buffer_printf(out, _(" %zu of %zu hold"), held, v->count);
        return;
    }
    char text[3][VALUE_NUMBER_MAX];
    const Value plain = {.type = VALUE_NUMBER};
    value_format(text[0], &plain, counted ? sum / (double)counted : NAN, 6);
    value_format(text[1], v, counted ? least : NAN, 6);
    value_format(text[2], v, counted ? most : NAN, 6);
    buffer_printf(out, _(" mean %s, from %s to %s"), text[0], text[1], text[2]);
    if (counted < v->count)
        buffer_printf(out, _(", %zu of -inf"), v->count - counted);
}

/* ---- a table ---- */

/* Adds a text in a field, at its right or left end. Control characters are escaped, too long a text is cut. */
static void add_field(Buffer *out, const char *s, int columns, bool right)
{
    Buffer text = {0};
    add_escaped(&text, s);
    const char *shown = buffer_text(&text);
    int used = text_width(shown);
    size_t n = strlen(shown);
    bool cut = used > columns;
    if (cut)
        n = text_fit(shown, columns - 1, &used);
    used += cut;
    if (right)
        buffer_fill(out, ' ', (size_t)(columns - used));
    buffer_add(out, shown, n);
    if (cut)
        buffer_puts(out, "~");
    if (!right)
        buffer_fill(out, ' ', (size_t)(columns - used));
    buffer_free(&text);
}

static int label_width(const ValueAxis *a, size_t count)
{
    int widest = 1;
    for (size_t i = 0; i < count; i++) {
        Buffer label = {0}, shown = {0};
        value_label(a, i, &label);
        add_escaped(&shown, buffer_text(&label));
        int width = text_width(buffer_text(&shown));
        widest = width > widest ? width : widest;
        buffer_free(&label);
        buffer_free(&shown);
    }
    return widest < LABEL_COLUMNS ? widest : LABEL_COLUMNS;
}

static void add_label(Buffer *out, const ValueAxis *a, size_t i, int columns, bool right)
{
    Buffer label = {0};
    value_label(a, i, &label);
    add_field(out, buffer_text(&label), columns, right);
    buffer_free(&label);
}

static void end_line(Buffer *out)
{
    while (out->len && out->data[out->len - 1] == ' ')
        out->data[--out->len] = '\0';
    buffer_putc(out, '\n');
}

/* Columns for a number of the matrix at `x` [rows,columns], of which shown × across are written: one more than the widest takes. */
static int cell_width(const Value *v, const double *x, size_t shown, size_t across, size_t columns)
{
    int widest = CELL_COLUMNS - 1;
    for (size_t i = 0; i < shown * across; i++) {
        Buffer cell = {0};
        add_scalar(v, x[i / across * columns + i % across], 6, &cell);
        int width = v->is_index ? 0 : text_width(buffer_text(&cell)); /* names may be cut */
        widest = width > widest ? width : widest;
        buffer_free(&cell);
    }
    return widest + 1;
}

/* The columns from first to in front of end of a block's rows, behind the rows' names. */
static void add_columns(const Value *v, const double *x, size_t rows, size_t first, size_t end, int label, int cell_columns, Buffer *out)
{
    bool matrix = v->rank > 1;
    const ValueAxis *row_axis = &v->axes[matrix ? v->rank - 2 : 0], *column_axis = &v->axes[v->rank - 1];
    size_t columns = matrix ? v->shape[v->rank - 1] : 1;
    if (matrix) {
        buffer_fill(out, ' ', (size_t)label + 2);
        for (size_t j = first; j < end; j++)
            add_label(out, column_axis, j, cell_columns, true);
        end_line(out);
    }
    for (size_t i = 0; i < rows; i++) {
        buffer_puts(out, "  ");
        add_label(out, row_axis, i, label, false);
        for (size_t j = first; j < end; j++) {
            Buffer cell = {0};
            add_scalar(v, x[i * columns + j], 6, &cell);
            if (matrix)
                add_field(out, buffer_text(&cell), cell_columns, true);
            else
                buffer_printf(out, "  %s", buffer_text(&cell));
            buffer_free(&cell);
        }
        end_line(out);
    }
}

/* A row a line of the last two axes, or of the only one; of more columns than a line takes, one part below the other. `x` is where it begins. */
static void add_block(const Value *v, const double *x, int line_columns, Buffer *out)
{
    bool matrix = v->rank > 1;
    int row_axis = matrix ? v->rank - 2 : 0, column_axis = v->rank - 1;
    size_t rows = v->shape[row_axis], columns = matrix ? v->shape[column_axis] : 1;
    size_t shown = rows < ROWS_MAX ? rows : ROWS_MAX, across = columns < COLUMNS_MAX ? columns : COLUMNS_MAX;
    int label = label_width(&v->axes[row_axis], shown), cell_columns = matrix ? cell_width(v, x, shown, across, columns) : 0;
    size_t fit = matrix && line_columns > 2 + label + cell_columns ? (size_t)((line_columns - 2 - label) / cell_columns) : 1;
    for (size_t first = 0; first < across; first += fit)
        add_columns(v, x, shown, first, across - first < fit ? across : first + fit, label, cell_columns, out);
    if (shown < rows)
        buffer_printf(out, _("  … %zu more of %zu rows (%s)\n"), rows - shown, rows, v->axes[row_axis].name);
    if (across < columns)
        buffer_printf(out, _("  … %zu more of %zu columns (%s)\n"), columns - across, columns, v->axes[column_axis].name);
}

void value_write_table(const Value *v, int columns, Buffer *out)
{
    if (v->type == VALUE_TEXT || v->rank == 0) {
        value_write_line(v, out);
        buffer_putc(out, '\n');
        return;
    }
    add_shape(v, out);
    buffer_putc(out, '\n');
    size_t block = v->shape[v->rank - 1], blocks = 1;
    if (v->rank > 1)
        block *= v->shape[v->rank - 2];
    for (int k = 0; k < v->rank - 2; k++)
        blocks *= v->shape[k];
    for (size_t b = 0; b < blocks && b < BLOCKS_MAX; b++) {
        if (v->rank == 4)
            buffer_printf(out, "%s ", v->axes[0].name);
        if (v->rank == 4)
            add_label(out, &v->axes[0], b / v->shape[1], 1 + label_width(&v->axes[0], v->shape[0]), false);
        if (v->rank >= 3) {
            buffer_printf(out, "%s ", v->axes[v->rank - 3].name);
            value_label(&v->axes[v->rank - 3], b % v->shape[v->rank - 3], out);
            buffer_putc(out, '\n');
        }
        add_block(v, v->data + b * block, columns, out);
    }
    if (blocks > BLOCKS_MAX)
        buffer_printf(out, _("… %zu more of %zu matrices\n"), blocks - BLOCKS_MAX, blocks);
}

/* ---- for programs ---- */

/* A JSON string: quotes, backslashes and control characters escaped; the text is UTF-8 already. */
static void add_json_text(Buffer *out, const char *s)
{
    buffer_putc(out, '"');
    for (; *s; s++) {
        unsigned char c = (unsigned char)*s;
        if (c == '"' || c == '\\')
            buffer_printf(out, "\\%c", c);
        else if (c < 0x20)
            buffer_printf(out, "\\u%04x", c);
        else
            buffer_putc(out, (char)c);
    }
    buffer_putc(out, '"');
}

static void add_json_number(const Value *v, double x, Buffer *out)
{
    char number[VALUE_NUMBER_MAX];
    value_format(number, v, x, 0);
    buffer_printf(out, isfinite(x) ? "%s" : "\"%s\"", number);
}

static const double *add_json_axis(const Value *v, int k, const double *x, Buffer *out)
{
    if (k == v->rank) {
        add_json_number(v, *x, out);
        return x + 1;
    }
    buffer_putc(out, '[');
    for (size_t i = 0; i < v->shape[k]; i++) {
        buffer_puts(out, i ? ", " : "");
        x = add_json_axis(v, k + 1, x, out);
    }
    buffer_putc(out, ']');
    return x;
}

void value_write_json(const Value *v, const char *expression, Buffer *out)
{
    static const char *const types[] = {"number", "truth", "text"};
    buffer_puts(out, "{\"expression\": ");
    add_json_text(out, expression);
    buffer_printf(out, ", \"type\": \"%s\"", types[v->type]);
    if (v->type == VALUE_TEXT) {
        buffer_puts(out, ", \"value\": ");
        add_json_text(out, v->text);
        buffer_putc(out, '}');
        return;
    }
    buffer_puts(out, ", \"axes\": [");
    for (int k = 0; k < v->rank; k++)
        buffer_printf(out, "%s\"%s\"", k ? ", " : "", v->axes[k].name);
    buffer_puts(out, "], \"shape\": [");
    for (int k = 0; k < v->rank; k++)
        buffer_printf(out, "%s%zu", k ? ", " : "", v->shape[k]);
    buffer_puts(out, "], \"value\": ");
    add_json_axis(v, 0, v->data, out);
    if (v->is_index && v->rank == 0 && v->data[0] >= 0) {
        Buffer label = {0};
        value_label(&v->of, (size_t)v->data[0], &label);
        buffer_puts(out, ", \"name\": ");
        add_json_text(out, buffer_text(&label));
        buffer_free(&label);
    }
    buffer_putc(out, '}');
}

void value_write_csv_head(Buffer *out)
{
    buffer_puts(out, "expression,index1,index2,index3,index4,value\n");
}

void value_write_csv(const Value *v, const char *expression, Buffer *out)
{
    if (v->type == VALUE_TEXT) {
        buffer_put_csv(out, expression, strlen(expression));
        buffer_puts(out, ",,,,,");
        buffer_put_csv(out, v->text, strlen(v->text));
        buffer_putc(out, '\n');
        return;
    }
    for (size_t i = 0; i < v->count; i++) {
        size_t index[VALUE_MAX_RANK] = {0}, rest = i;
        for (int k = v->rank; k-- > 0;) {
            index[k] = rest % v->shape[k];
            rest /= v->shape[k];
        }
        buffer_put_csv(out, expression, strlen(expression));
        for (int k = 0; k < VALUE_MAX_RANK; k++) {
            buffer_putc(out, ',');
            if (k >= v->rank)
                continue;
            Buffer field = {0};
            buffer_printf(&field, "%s=", v->axes[k].name);
            if (v->axes[k].names)
                value_label(&v->axes[k], index[k], &field);
            else
                buffer_printf(&field, "%zu", v->axes[k].first + index[k]);
            buffer_put_csv(out, buffer_text(&field), field.len);
            buffer_free(&field);
        }
        char number[VALUE_NUMBER_MAX];
        value_format(number, v, v->data[i], 0);
        buffer_printf(out, ",%s\n", number);
    }
}
