/* explain_lines.c - the lines of an explanation, and the two sums that several stages share.
 *
 * Knows no stage but through the Explainer it is given. */
#include "measure/explain_lines.h"

#include "base/text.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Formats into a field of a fixed size; what does not fit is cut between characters, never inside one. */
static void format_field(char *field, size_t size, const char *format, va_list args) __attribute__((format(printf, 3, 0)));
static void format_field(char *field, size_t size, const char *format, va_list args)
{
    int n = vsnprintf(field, size, format, args);
    if (n < 0 || (size_t)n < size)
        return;
    size_t last = size - 1; /* where the last character begins */
    while (last > 0 && ((unsigned char)field[--last] & 0xc0) == 0x80)
        ;
    if (!text_is_valid(field + last, size - 1 - last))
        field[last] = '\0';
}

static void set_field(char *field, size_t size, const char *format, ...) __attribute__((format(printf, 3, 4)));
static void set_field(char *field, size_t size, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    format_field(field, size, format, args);
    va_end(args);
}

void lines_short(char *out, size_t size, const char *text)
{
    set_field(out, size, "%s", text);
}

void lines_formula(Explainer *x, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    format_field(x->out->formula, sizeof x->out->formula, format, args);
    va_end(args);
}

/* ---- operands ---- */

Operand lines_input(Explainer *x, int which, size_t i0, size_t i1, size_t i2)
{
    size_t stage = (size_t)x->stage->in[which];
    const Stage *s = &pass_plan(x->pass)->stages[stage];
    Operand o = {.kind = OPERAND_STAGE, .cell = {stage, {i0, i1, s->rank > 2 ? i2 : 0}}};
    o.value = (double)pass_value(x->pass, stage)[cell_offset(s, o.cell.index)];
    return o;
}

Operand lines_weight(Explainer *x, int which, size_t row, size_t col)
{
    size_t weight = (size_t)x->stage->w[which];
    const Weight *w = &pass_model(x->pass)->weights.items[weight];
    const Matrix values = pass_weight(x->pass, weight);
    real value = w->rank == 2 ? matrix_at(&values, row, col) : matrix_entry(&values, row);
    return (Operand){.kind = OPERAND_WEIGHT, .weight = weight, .row = row, .col = col, .value = (double)value};
}

Operand lines_number(double value, const char *format, ...)
{
    Operand o = {.kind = OPERAND_NUMBER, .value = value};
    va_list args;
    va_start(args, format);
    format_field(o.label, sizeof o.label, format, args);
    va_end(args);
    return o;
}

Operand lines_nothing(void)
{
    return (Operand){.kind = OPERAND_NONE};
}

/* ---- lines ---- */

static ExplainLine *add_line(Explainer *x, LineKind kind)
{
    Explanation *out = x->out;
    if (x->failed)
        return NULL;
    if (out->count == out->capacity) {
        size_t capacity = out->capacity ? 2 * out->capacity : 32;
        ExplainLine *more = realloc(out->lines, capacity * sizeof *more);
        if (!more) {
            x->failed = true;
            return NULL;
        }
        out->lines = more;
        out->capacity = capacity;
    }
    ExplainLine *line = &out->lines[out->count++];
    *line = (ExplainLine){.kind = kind};
    return line;
}

void lines_term(Explainer *x, const char *label, const char *formula, Operand in0, char sign, Operand in1, double result)
{
    ExplainLine *line = add_line(x, LINE_TERM);
    if (!line)
        return;
    set_field(line->label, sizeof line->label, "%s", label);
    set_field(line->formula, sizeof line->formula, "%s", formula);
    line->in[0] = in0;
    line->in[1] = in1;
    line->sign = sign;
    line->result = result + 0.0; /* not -0 */
    x->sum += line->result;
    line->running = x->sum;
    x->out->exact = x->sum;
}

double lines_step(Explainer *x, const char *label, const char *formula, Operand in0, char sign, Operand in1, double result)
{
    ExplainLine *line = add_line(x, LINE_STEP);
    if (!line)
        return result;
    set_field(line->label, sizeof line->label, "%s", label);
    set_field(line->formula, sizeof line->formula, "%s", formula);
    line->in[0] = in0;
    line->in[1] = in1;
    line->sign = sign;
    line->result = result;
    x->out->exact = result;
    return result;
}

void lines_note(Explainer *x, const char *format, ...)
{
    ExplainLine *line = add_line(x, LINE_NOTE);
    if (!line)
        return;
    va_list args;
    va_start(args, format);
    format_field(line->formula, sizeof line->formula, format, args);
    va_end(args);
}

void lines_copy(Explainer *x, Operand from)
{
    lines_step(x, _("copy"), "", from, 0, lines_nothing(), from.value);
}

const char *lines_label(Explainer *x, const Stage *s, int axis, size_t i)
{
    Axis a = s->axes[axis];
    bool named = a == AXIS_TOKEN || a == AXIS_QUERY || a == AXIS_KEY || a == AXIS_VOCAB || (a == AXIS_DIM && x->config->dim_names);
    buffer_clear(&x->name);
    if (!named)
        buffer_printf(&x->name, "%s ", label_axis(a));
    label_index(x->pass, s, axis, i, &x->name);
    return buffer_text(&x->name);
}

/* ---- the sums ---- */

void lines_linear(Explainer *x, size_t row, size_t column)
{
    const Stage *in = &pass_plan(x->pass)->stages[x->stage->in[0]];
    size_t n = in->shape[1];
    const char *const *tags = stage_table[x->stage->kind].w;
    bool bias = x->stage->w[1] != NO_WEIGHT;
    if (bias)
        lines_formula(x, "Σ x[i] · %s[i, %zu] + %s[%zu],  i = 0 … %zu", tags[0], column, tags[1], column, n - 1);
    else
        lines_formula(x, "Σ x[i] · %s[i, %zu],  i = 0 … %zu", tags[0], column, n - 1);
    for (size_t i = 0; i < n; i++) {
        Operand a = lines_input(x, 0, row, i, 0), w = lines_weight(x, 0, i, column);
        lines_term(x, lines_label(x, in, 1, i), "", a, '*', w, a.value * w.value);
    }
    if (bias) {
        Operand b = lines_weight(x, 1, column, 0);
        lines_term(x, tags[1], "", b, 0, lines_nothing(), b.value);
    }
}

/* A cell of the softmax's input in the row of the cell explained. */
static Operand score_at(Explainer *x, size_t j)
{
    return x->stage->rank == 3 ? lines_input(x, 0, x->index[0], x->index[1], j) : lines_input(x, 0, x->index[0], j, 0);
}

void lines_softmax(Explainer *x)
{
    int last = x->stage->rank - 1;
    size_t n = x->stage->shape[last], largest = 0;
    Operand own = score_at(x, x->index[last]);
    for (size_t j = 1; j < n; j++)
        if (score_at(x, j).value > score_at(x, largest).value)
            largest = j;
    Operand from = score_at(x, largest);
    double max = lines_step(x, _("largest"), "max", from, 0, lines_nothing(), from.value);
    for (size_t j = 0; j < n; j++) {
        Operand score = score_at(x, j);
        if (isinf(score.value) && score.value < 0)
            continue; /* hidden: exactly 0 */
        lines_term(x, lines_label(x, x->stage, last, j), "exp(score − max)", score, 0, lines_nothing(), exp(score.value - max));
    }
    Operand top = lines_number(exp(own.value - max), "%s", _("own exp")), bottom = lines_number(x->sum, "Σ exp");
    lines_step(x, _("share"), "", top, '/', bottom, top.value / bottom.value);
}
