/* trace.c - the list of what is written; text, JSON, CSV and safetensors of it. Tables and pictures are trace_table.c's and trace_svg.c's, safetensors trace_file.c's.
 */
#include "measure/trace_writer.h"

#include "base/text.h"
#include "pass/ablation.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- what is written ---- */

static int reserve(Trace *t, Pass *p, size_t n, Error *e)
{
    *t = (Trace){.pass = p, .items = calloc(n ? n : 1, sizeof *t->items)};
    return t->items ? 0 : error_memory(e, "trace");
}

static void add_stage(Trace *t, const Stage *s, const real *data)
{
    TraceItem *item = &t->items[t->count++];
    stage_name(s, item->name);
    item->stage = s;
    item->head = -1;
    item->rank = s->rank;
    item->shape = s->shape;
    item->data = data;
}

static void add_weight(Trace *t, const Weights *w, size_t i, const real *data)
{
    TraceItem *item = &t->items[t->count++];
    snprintf(item->name, sizeof item->name, "%s", w->items[i].name);
    item->weight = i;
    item->head = -1;
    item->rank = w->items[i].rank;
    item->shape = w->items[i].shape;
    item->data = data;
}

int trace_values(Trace *t, Pass *p, const bool *chosen, Error *e)
{
    const Plan *plan = pass_plan(p);
    if (reserve(t, p, plan->count, e) != 0)
        return -1;
    for (size_t i = 0; i < plan->count; i++)
        if (!chosen || chosen[i])
            add_stage(t, &plan->stages[i], pass_value(p, i));
    return 0;
}

int trace_gradients(Trace *t, Pass *p, double loss, Error *e)
{
    const Plan *plan = pass_plan(p);
    const Weights *w = &pass_model(p)->weights;
    if (reserve(t, p, w->count + plan->count, e) != 0)
        return -1;
    t->gradients = true;
    t->loss = loss;
    for (size_t i = 0; i < w->count; i++)
        add_weight(t, w, i, pass_weight_gradient(p, i));
    for (size_t i = 0; i < plan->count; i++)
        add_stage(t, &plan->stages[i], pass_gradient(p, i));
    return 0;
}

int trace_stage_gradients(Trace *t, Pass *p, const bool *chosen, double loss, Error *e)
{
    const Plan *plan = pass_plan(p);
    if (reserve(t, p, plan->count, e) != 0)
        return -1;
    t->gradients = true;
    t->loss = loss;
    for (size_t i = 0; i < plan->count; i++)
        if (chosen[i])
            add_stage(t, &plan->stages[i], pass_gradient(p, i));
    return 0;
}

int trace_weight(Trace *t, Pass *p, size_t weight, bool gradient, double loss, Error *e)
{
    const Weights *w = &pass_model(p)->weights;
    if (reserve(t, p, 1, e) != 0)
        return -1;
    t->gradients = gradient;
    t->loss = loss;
    real *own = NULL;
    const real *data = gradient ? pass_weight_gradient(p, weight) : weight_borrow(&w->items[weight], &own);
    if (!data)
        return error_memory(e, "trace");
    add_weight(t, w, weight, data);
    t->items[0].own = own;
    return 0;
}

void trace_take_head(Trace *t, size_t head)
{
    for (size_t i = 0; i < t->count; i++) {
        TraceItem *item = &t->items[i];
        if (!item->stage || item->rank < 3 || head >= item->shape[0])
            continue;
        item->head = (int)head;
        item->data += head * item->shape[1] * item->shape[2];
        item->shape++;
        item->rank--;
    }
}

void trace_free(Trace *t)
{
    for (size_t i = 0; i < t->count; i++)
        free(t->items[i].own);
    free(t->items);
    *t = (Trace){0};
}

/* ---- numbers ---- */

/* Writes what has no digits; 0 for a finite number. */
static int not_finite(char *out, real x)
{
    if (isnan(x))
        return snprintf(out, TRACE_NUMBER_MAX, "nan");
    if (isinf(x))
        return snprintf(out, TRACE_NUMBER_MAX, x < 0 ? "-inf" : "inf");
    return 0;
}

/* "3" becomes "3.0" and, where a point is wanted in every case, "1e-07" becomes "1.0e-07". Returns the length. */
static int add_point(char *out, int n, bool before_exponent)
{
    size_t digits = strcspn(out, "e.");
    if (out[digits] == '.' || (out[digits] == 'e' && !before_exponent))
        return n;
    memmove(out + digits + 2, out + digits, (size_t)n - digits + 1);
    memcpy(out + digits, ".0", 2);
    return n + 2;
}

int trace_number(char out[TRACE_NUMBER_MAX], real x)
{
    int n = not_finite(out, x);
    if (n)
        return n;
    /* 9 digits tell any two floats apart, 17 any two doubles; most need fewer */
    for (int digits = REAL_IS_DOUBLE ? 15 : 6; digits <= (REAL_IS_DOUBLE ? 17 : 9); digits++) {
        n = snprintf(out, TRACE_NUMBER_MAX, "%.*g", digits, (double)x);
        real back = REAL_IS_DOUBLE ? (real)strtod(out, NULL) : (real)strtof(out, NULL);
        if (back == x)
            break;
    }
    return add_point(out, n, false);
}

int trace_number_short(char out[TRACE_NUMBER_MAX], real x)
{
    int n = not_finite(out, x);
    return n ? n : add_point(out, snprintf(out, TRACE_NUMBER_MAX, "%.6g", (double)x), true);
}

int trace_number_table(char out[TRACE_NUMBER_MAX], real x)
{
    int n = not_finite(out, x);
    double size = fabs((double)x);
    if (n)
        return n;
    return snprintf(out, TRACE_NUMBER_MAX, size != 0 && (size < 1e-3 || size >= 1e5) ? "%.3e" : "%.4f", (double)x);
}

/* ---- writing ---- */

enum { PIECE = 1 << 16 };

static void hand_on(TraceWriter *w)
{
    if (!w->stopped && !w->text.failed && w->text.len)
        w->stopped = !w->emit(w->context, w->text.data, w->text.len);
    if (!w->text.failed)
        buffer_clear(&w->text);
}

bool trace_go_on(TraceWriter *w)
{
    if (w->text.len >= PIECE)
        hand_on(w);
    return !w->stopped && !w->text.failed;
}

TraceMatrices trace_matrices(const TraceItem *item)
{
    TraceMatrices m = {.rows = 1, .cols = item->shape[item->rank - 1]};
    if (item->rank > 1)
        m.rows = item->shape[item->rank - 2];
    if (item->rank > 2)
        m.heads = item->shape[0];
    return m;
}

Axis trace_axis(const TraceItem *item, int i)
{
    return item->stage ? item->stage->axes[i + (item->stage->rank - item->rank)] : AXIS_NONE;
}

void trace_name(const TraceWriter *w, const TraceItem *item, bool row, size_t i, bool apart, Buffer *out)
{
    const Pass *p = w->trace->pass;
    if (!item->stage) {
        if (item->rank == 2 || !row)
            label_weight_index(p, item->weight, item->rank == 2 && !row, i, out);
        return;
    }
    int axis = item->stage->rank - (row ? 2 : 1);
    if (apart)
        label_index_apart(p, item->stage, axis, i, out);
    else
        label_index(p, item->stage, axis, i, out);
}

static void add_shape(Buffer *out, const TraceItem *item)
{
    buffer_putc(out, '[');
    for (int i = 0; i < item->rank; i++)
        buffer_printf(out, "%s%zu", i ? ", " : "", item->shape[i]);
    buffer_putc(out, ']');
}

/* ---- text ---- */

static void write_text_matrix(TraceWriter *w, const real *x, size_t rows, size_t cols)
{
    char number[TRACE_NUMBER_MAX];
    int width = 0;
    for (size_t i = 0; i < rows * cols; i++) {
        int n = trace_number_short(number, x[i]);
        width = n > width ? n : width;
    }
    size_t fit = w->trace->columns ? (size_t)((w->trace->columns + 1) / (width + 1)) : cols;
    fit = fit ? fit : 1;
    for (size_t first = 0; first < cols && trace_go_on(w); first += fit) {
        size_t end = cols - first < fit ? cols : first + fit;
        if (fit < cols)
            buffer_printf(&w->text, _("# columns %zu to %zu\n"), first, end - 1);
        for (size_t i = 0; i < rows && trace_go_on(w); i++)
            for (size_t j = first; j < end; j++) {
                trace_number_short(number, x[i * cols + j]);
                buffer_printf(&w->text, "%*s%c", width, number, j + 1 < end ? ' ' : '\n');
            }
    }
}

/* A comment, folded where that is asked for. */
static void write_comment(TraceWriter *w, const char *title, const char *what)
{
    Buffer line = {0};
    buffer_printf(&line, "# %s: %s\n", title, what);
    text_fold(&w->text, buffer_text(&line), w->trace->columns ? w->trace->columns : TEXT_ANY_COLUMNS);
    w->text.failed |= line.failed;
    buffer_free(&line);
}

static void write_text(TraceWriter *w, const TraceItem *item, bool first)
{
    TraceMatrices m = trace_matrices(item);
    buffer_printf(&w->text, "%s# %s  ", first ? "" : "\n", item->name);
    add_shape(&w->text, item);
    for (int i = 0; item->stage && i < item->rank; i++)
        buffer_printf(&w->text, "%s%s", i ? ", " : "  ", axis_name(trace_axis(item, i)));
    if (item->head >= 0)
        buffer_printf(&w->text, "  %s %d", axis_name(item->stage->axes[0]), item->head);
    if (w->trace->gradients)
        buffer_printf(&w->text, "\n# d(loss)/d(%s)\n", item->name);
    else if (!item->stage)
        buffer_printf(&w->text, "\n# %s\n", _("a weight of the model"));
    else {
        buffer_putc(&w->text, '\n');
        write_comment(w, _(stage_table[item->stage->kind].title), stage_what(item->stage, pass_plan(w->trace->pass)->config));
    }
    for (size_t h = 0; h < (m.heads ? m.heads : 1) && trace_go_on(w); h++) {
        if (m.heads)
            buffer_printf(&w->text, "# %s %zu\n", axis_name(item->stage->axes[0]), h);
        write_text_matrix(w, item->data + h * m.rows * m.cols, m.rows, m.cols);
    }
}

/* ---- JSON ---- */

static void add_json_number(Buffer *out, real x)
{
    char number[TRACE_NUMBER_MAX];
    trace_number(number, x);
    buffer_printf(out, isfinite(x) ? "%s" : "\"%s\"", number);
}

static void add_json_ids(Buffer *out, const char *key, const int *ids, size_t n)
{
    buffer_printf(out, ",\n \"%s\": [", key);
    for (size_t i = 0; i < n; i++)
        buffer_printf(out, "%s%d", i ? ", " : "", ids[i]);
    buffer_putc(out, ']');
}

static void write_json_head(TraceWriter *w)
{
    Buffer *out = &w->text;
    const Pass *p = w->trace->pass;
    const Config *c = &pass_model(p)->config;
    buffer_puts(out, "{\"model\": ");
    text_json(out, pass_model(p)->name, strlen(pass_model(p)->name));
    for (Stack s = STACK_ENCODER; s <= STACK_DECODER; s++) {
        size_t n;
        const int *ids = pass_ids(p, s, &n);
        if (config_has_stack(c, s))
            add_json_ids(out, s == STACK_ENCODER ? "source" : "target", ids, n);
    }
    buffer_puts(out, ",\n \"ablations\": [");
    bool first = true;
    for (int i = 0; i < ABLATION_COUNT; i++)
        if (pass_plan(p)->ablations & ablation_table[i].bit) {
            buffer_printf(out, "%s\"%s\"", first ? "" : ", ", ablation_table[i].name);
            first = false;
        }
    buffer_puts(out, "],\n \"edits\": [");
    for (size_t i = 0; w->trace->edits && i < w->trace->edits->count; i++) {
        buffer_puts(out, i ? ", " : "");
        text_json(out, w->trace->edits->items[i], strlen(w->trace->edits->items[i]));
    }
    buffer_printf(out, "],\n%s", w->trace->changed ? " \"weights_changed\": true,\n" : "");
    if (w->trace->bug)
        buffer_printf(out, " \"bug\": \"%s\",\n", w->trace->bug);
    if (w->trace->gradients) {
        double loss = w->trace->loss;
        buffer_printf(out, " \"loss\": %s%.17g%s,\n \"gradients\": [", isfinite(loss) ? "" : "\"", loss, isfinite(loss) ? "" : "\"");
    } else
        buffer_puts(out, " \"stages\": [");
}

/* The numbers along axis k and those after it, as nested arrays; returns where the next ones begin. */
static const real *write_json_value(TraceWriter *w, const TraceItem *item, int k, const real *x)
{
    buffer_putc(&w->text, '[');
    for (size_t i = 0; i < item->shape[k] && trace_go_on(w); i++) {
        if (i)
            buffer_puts(&w->text, k + 1 < item->rank ? ",\n   " : ", ");
        if (k + 1 < item->rank)
            x = write_json_value(w, item, k + 1, x);
        else
            add_json_number(&w->text, *x++);
    }
    buffer_putc(&w->text, ']');
    return x;
}

static void write_json(TraceWriter *w, const TraceItem *item, bool first)
{
    buffer_printf(&w->text, "%s\n  {\"name\": \"%s\", \"shape\": ", first ? "" : ",", item->name);
    add_shape(&w->text, item);
    if (item->stage) {
        buffer_puts(&w->text, ", \"axes\": [");
        for (int i = 0; i < item->rank; i++)
            buffer_printf(&w->text, "%s\"%s\"", i ? ", " : "", axis_name(trace_axis(item, i)));
        buffer_putc(&w->text, ']');
        if (item->head >= 0)
            buffer_printf(&w->text, ", \"%s\": %d", axis_name(item->stage->axes[0]), item->head);
    }
    buffer_puts(&w->text, ", \"value\":\n   ");
    write_json_value(w, item, 0, item->data);
    buffer_putc(&w->text, '}');
}

/* ---- CSV ---- */

static void add_csv_name(TraceWriter *w, const TraceItem *item, bool row, size_t i)
{
    Buffer name = {0};
    trace_name(w, item, row, i, false, &name);
    buffer_putc(&w->text, ',');
    buffer_put_csv(&w->text, buffer_text(&name), name.len);
    w->text.failed = w->text.failed || name.failed;
    buffer_free(&name);
}

static void write_csv(TraceWriter *w, const TraceItem *item)
{
    TraceMatrices m = trace_matrices(item);
    const real *x = item->data;
    char number[TRACE_NUMBER_MAX];
    for (size_t h = 0; h < (m.heads ? m.heads : 1); h++)
        for (size_t i = 0; i < m.rows && trace_go_on(w); i++)
            for (size_t j = 0; j < m.cols; j++) {
                trace_number(number, *x++);
                buffer_printf(&w->text, "%s,", item->name);
                if (m.heads)
                    buffer_printf(&w->text, "%zu", h);
                else if (item->head >= 0)
                    buffer_printf(&w->text, "%d", item->head);
                buffer_printf(&w->text, ",%zu,%zu,%s", i, j, number);
                add_csv_name(w, item, true, i);
                add_csv_name(w, item, false, j);
                buffer_putc(&w->text, '\n');
            }
}

/* ---- for everyone ---- */

void trace_caption(const TraceWriter *w, const TraceItem *item, int head, Buffer *out)
{
    buffer_printf(out, w->trace->gradients ? "d(loss)/d(%s)" : "%s", item->name);
    if (head < 0)
        head = item->head;
    if (head >= 0)
        buffer_printf(out, ", %s %d", label_axis(item->stage->axes[0]), head);
    TraceMatrices m = trace_matrices(item);
    if (item->rank == 1)
        buffer_printf(out, ", %zu", m.cols);
    else
        buffer_printf(out, ", %zu×%zu", m.rows, m.cols);
    if (item->stage)
        buffer_printf(out, _(": %s by %s"), label_axis(trace_axis(item, item->rank - 2)), label_axis(trace_axis(item, item->rank - 1)));
}

int trace_format_of(const char *path)
{
    static const struct {
        const char *end;
        TraceFormat format;
    } ends[] = {
        {"txt", TRACE_TEXT},
        {"text", TRACE_TEXT},
        {"json", TRACE_JSON},
        {"csv", TRACE_CSV},
        {"safetensors", TRACE_SAFETENSORS},
        {"md", TRACE_MARKDOWN},
        {"markdown", TRACE_MARKDOWN},
        {"tex", TRACE_LATEX},
        {"latex", TRACE_LATEX},
        {"svg", TRACE_SVG},
    };
    const char *dot = strrchr(path, '.');
    for (size_t i = 0; dot && i < sizeof ends / sizeof *ends; i++)
        if (strcmp(dot + 1, ends[i].end) == 0)
            return (int)ends[i].format;
    return -1;
}

void trace_origin(const TraceWriter *w, Buffer *out)
{
    const Pass *p = w->trace->pass;
    const Config *c = &pass_model(p)->config;
    buffer_printf(out, "%s%s:", pass_model(p)->name, pass_model(p)->untrained ? _(" (untrained)") : "");
    for (Stack s = STACK_ENCODER; s <= STACK_DECODER; s++) {
        size_t n;
        const int *ids = pass_ids(p, s, &n);
        if (!config_has_stack(c, s))
            continue;
        if (s == STACK_DECODER && config_has_stack(c, STACK_ENCODER))
            buffer_puts(out, " →");
        for (size_t i = 0; i < n; i++) {
            buffer_putc(out, ' ');
            label_token(p, ids[i], out);
        }
    }
    if (pass_plan(p)->ablations) {
        buffer_puts(out, "; ");
        ablations_write(pass_plan(p)->ablations, out);
    }
    if (w->trace->changed)
        buffer_printf(out, "; %s", _("weights changed"));
    if (w->trace->bug)
        buffer_printf(out, _("; bug %s"), w->trace->bug);
    for (size_t i = 0; w->trace->edits && i < w->trace->edits->count; i++)
        buffer_printf(out, _("; edit %s"), w->trace->edits->items[i]);
}

static void write_item(TraceWriter *w, TraceFormat format, size_t i)
{
    const TraceItem *item = &w->trace->items[i];
    switch (format) {
    case TRACE_JSON:
        write_json(w, item, i == 0);
        break;
    case TRACE_CSV:
        write_csv(w, item);
        break;
    case TRACE_MARKDOWN:
        trace_write_markdown(w, item, i == 0);
        break;
    case TRACE_LATEX:
        trace_write_latex(w, item, i == 0);
        break;
    default:
        write_text(w, item, i == 0);
        break;
    }
}

int trace_write(const Trace *t, TraceFormat format, TraceEmit emit, void *context, Error *e)
{
    TraceWriter w = {.trace = t, .emit = emit, .context = context};
    int status = 0;
    if (format == TRACE_JSON)
        write_json_head(&w);
    if (format == TRACE_MARKDOWN || format == TRACE_LATEX)
        trace_write_table_head(&w, format);
    if (format == TRACE_TEXT && t->changed)
        buffer_printf(&w.text, "# %s\n", _("weights changed"));
    if (format == TRACE_TEXT && t->bug)
        buffer_printf(&w.text, "# bug %s\n", t->bug);
    for (size_t i = 0; format == TRACE_TEXT && t->edits && i < t->edits->count; i++)
        buffer_printf(&w.text, "# edit %s\n", t->edits->items[i]);
    if (format == TRACE_CSV)
        buffer_puts(&w.text, "stage,head,row,column,value,row_name,column_name\n");
    if (format == TRACE_SVG)
        status = trace_write_svg(&w, e);
    for (size_t i = 0; format != TRACE_SVG && i < t->count && trace_go_on(&w); i++)
        write_item(&w, format, i);
    if (format == TRACE_JSON)
        buffer_puts(&w.text, "\n ]}\n");
    if (status == 0)
        hand_on(&w);
    if (w.text.failed && status == 0)
        status = error_memory(e, "trace");
    buffer_free(&w.text);
    return status;
}
