/* walk.c - every stage of a pass as plain text, for a pipe: `stepformer step | less -S`.
 *
 * Nothing is left out: a matrix of 50,000 columns is written with 50,000 columns, one line a row. Written line by line, so that a
 * reader who stops stops the computing too. Knows no terminal and no canvas. */
#include "view/app.h"

#include "base/text.h"
#include "measure/metrics.h"
#include "pass/ablation.h"
#include "view/glyph.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { RULE_COLUMNS = 79, TOP = 5 };

/* The names along an axis, one after the other, each ended by NUL. */
typedef struct Names {
    Buffer text;
    size_t *at;  /* where each begins */
    int *columns; /* how wide each is */
    int widest;
    size_t n;
} Names;

typedef struct Walk {
    Pass *pass;
    int digits;
    bool ascii;
    bool (*emit)(void *context, const char *text, size_t n);
    void *context;
    Buffer line;  /* being written */
    bool stopped; /* the reader is gone, or there is no memory */
    Names names[AXIS_COUNT][STACK_COUNT]; /* made when first needed */
    int *widths;  /* of the columns of one matrix */
    size_t widths_room;
} Walk;

/* ---- lines ---- */

/* Hands on what was written so far. */
static void flush(Walk *w)
{
    if (w->line.failed)
        w->stopped = true;
    if (!w->stopped && w->line.len && !w->emit(w->context, w->line.data, w->line.len))
        w->stopped = true;
    buffer_clear(&w->line);
}

static void end_line(Walk *w)
{
    while (w->line.len && w->line.data[w->line.len - 1] == ' ')
        w->line.len--;
    buffer_putc(&w->line, '\n');
    flush(w);
}

/* The program's own words: in ASCII their signs are written as on the screen (√ as sqrt). */
static void put_words(Walk *w, const char *s)
{
    for (size_t n = strlen(s); n;) {
        Glyph g;
        size_t used = 1;
        if (!w->ascii) {
            buffer_puts(&w->line, s);
            return;
        }
        if ((unsigned char)*s < 0x80) {
            buffer_putc(&w->line, *s);
        } else {
            used = glyph_next(s, n, true, &g);
            buffer_puts(&w->line, g.text);
        }
        s += used;
        n -= used;
    }
}

/* What came with the model or the text: with escapes. */
static void put_escaped(Walk *w, const char *s)
{
    text_escape(&w->line, s, strlen(s), w->ascii);
}

/* Columns of the line that is being written. */
static int line_columns(const Walk *w)
{
    return text_width(buffer_text(&w->line));
}

static void pad_to(Walk *w, int columns)
{
    int have = line_columns(w);
    if (have < columns)
        buffer_fill(&w->line, ' ', (size_t)(columns - have));
}

static void pad(Walk *w, int columns)
{
    if (columns > 0)
        buffer_fill(&w->line, ' ', (size_t)columns);
}

/* "── decoder.0.self.scores ─────────── stage 11 of 28 ──" */
static void put_rule(Walk *w, const char *left, const char *right)
{
    const char *dash = w->ascii ? "-" : "─";
    buffer_printf(&w->line, "%s%s ", dash, dash);
    put_words(w, left);
    buffer_putc(&w->line, ' ');
    int columns = RULE_COLUMNS - line_columns(w) - (*right ? text_width(right) + 4 : 0);
    for (int i = 0; i < columns || i < 2; i++)
        buffer_puts(&w->line, dash);
    if (*right) {
        buffer_putc(&w->line, ' ');
        put_words(w, right);
        buffer_printf(&w->line, " %s%s", dash, dash);
    }
    end_line(w);
}

/* ---- names ---- */

static bool is_blank(const char *s)
{
    return s[strspn(s, " ")] == '\0';
}

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
        if (is_blank(buffer_text(&raw)))
            buffer_printf(&names->text, "'%s'", buffer_text(&raw)); /* a space is a token of its own in some vocabularies */
        else
            text_escape(&names->text, buffer_text(&raw), raw.len, w->ascii);
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

static bool has_sums(const Stage *s)
{
    return s->kind == STAGE_WEIGHTS || s->kind == STAGE_PROBS;
}

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
        w->widths_room = cols->n;
    }
    for (size_t j = 0; j < cols->n; j++)
        w->widths[j] = cols->columns[j] > number ? cols->columns[j] : number;
    return true;
}

static void put_number(Walk *w, double x, int columns)
{
    char text[NUMBER_MAX];
    pad(w, columns - number_format(text, x, w->digits, w->ascii));
    buffer_puts(&w->line, text);
}

static void put_column_names(Walk *w, const Stage *s, const Names *rows, const Names *cols)
{
    pad(w, 4 + rows->widest);
    for (size_t j = 0; j < cols->n; j++) {
        pad(w, 2 + w->widths[j] - cols->columns[j]);
        buffer_puts(&w->line, name_at(cols, j));
    }
    if (has_sums(s)) {
        buffer_puts(&w->line, w->ascii ? "  |  " : "  │  ");
        put_words(w, _("sum"));
    }
    end_line(w);
}

/* x [rows, cols] */
static void put_matrix(Walk *w, const Stage *s, const real *x, const Names *rows, const Names *cols)
{
    put_column_names(w, s, rows, cols);
    for (size_t i = 0; i < rows->n && !w->stopped; i++) {
        double sum = 0;
        pad(w, 4);
        buffer_puts(&w->line, name_at(rows, i));
        pad(w, rows->widest - rows->columns[i]);
        for (size_t j = 0; j < cols->n; j++) {
            double v = (double)x[i * cols->n + j];
            pad(w, 2);
            put_number(w, v, w->widths[j]);
            sum += v;
        }
        if (has_sums(s)) {
            buffer_puts(&w->line, w->ascii ? "  |  " : "  │  ");
            put_number(w, sum, 0);
        }
        end_line(w);
    }
}

/* ---- metrics ---- */

static void put_metric(Walk *w, const MetricLine *m)
{
    buffer_puts(&w->line, "  - ");
    put_words(w, m->label);
    pad_to(w, 4 + METRIC_LABEL_COLUMNS + 2);
    put_words(w, m->value);
    end_line(w);
}

/* The lines of every head, of the last row; METRIC_LINES_MAX for each. */
typedef struct Metrics {
    MetricLine *lines;
    size_t *count;
    size_t heads;
} Metrics;

/* True where every head says the same in a line: it is then written once, after the last head. */
static bool is_common(const Metrics *m, const MetricLine *line)
{
    for (size_t h = 0; h < m->heads; h++) {
        bool found = false;
        for (size_t k = 0; k < m->count[h] && !found; k++) {
            const MetricLine *other = &m->lines[h * METRIC_LINES_MAX + k];
            found = strcmp(other->label, line->label) == 0 && strcmp(other->value, line->value) == 0;
        }
        if (!found)
            return false;
    }
    return true;
}

static void put_metrics(Walk *w, const Metrics *m, size_t head, bool common)
{
    for (size_t k = 0; k < m->count[head]; k++) {
        const MetricLine *line = &m->lines[head * METRIC_LINES_MAX + k];
        if (is_common(m, line) == common)
            put_metric(w, line);
    }
}

static bool gather_metrics(Walk *w, size_t i, Metrics *m)
{
    const Stage *s = &pass_plan(w->pass)->stages[i];
    *m = (Metrics){.heads = s->rank == 3 ? s->shape[0] : 1};
    m->lines = malloc(m->heads * METRIC_LINES_MAX * sizeof *m->lines);
    m->count = malloc(m->heads * sizeof *m->count);
    if (!m->lines || !m->count)
        return false;
    for (size_t h = 0; h < m->heads; h++)
        m->count[h] = metric_lines(w->pass, i, h, s->shape[s->rank - 2] - 1, m->lines + h * METRIC_LINES_MAX, METRIC_LINES_MAX);
    return true;
}

/* ---- a stage ---- */

static void put_value(Walk *w, size_t i, const Metrics *m)
{
    const Stage *s = &pass_plan(w->pass)->stages[i];
    const real *x = pass_value(w->pass, i);
    const Names *rows = names_of(w, s, s->rank - 2), *cols = rows ? names_of(w, s, s->rank - 1) : NULL;
    if (!cols || !measure(w, cols, number_width(x, s->count, w->digits)))
        return;
    buffer_printf(&w->line, "  %s: ", _("rows"));
    put_words(w, axis_words(s->axes[s->rank - 2]));
    buffer_printf(&w->line, "; %s: ", _("columns"));
    put_words(w, axis_words(s->axes[s->rank - 1]));
    end_line(w);
    if (s->rank == 2) {
        put_matrix(w, s, x, rows, cols);
        put_metrics(w, m, 0, true);
        return;
    }
    for (size_t h = 0; h < s->shape[0] && !w->stopped; h++) {
        char text[64];
        snprintf(text, sizeof text, s->axes[0] == AXIS_HEAD ? _("head %zu:") : _("key/value head %zu:"), h);
        buffer_puts(&w->line, "  ");
        put_words(w, text);
        end_line(w);
        put_matrix(w, s, x + h * rows->n * cols->n, rows, cols);
        put_metrics(w, m, h, s->shape[0] == 1);
    }
    bool any = false;
    for (size_t k = 0; k < m->count[0] && !any; k++)
        any = is_common(m, &m->lines[k]);
    if (any && s->shape[0] > 1) {
        buffer_puts(&w->line, "  ");
        put_words(w, _("together:"));
        end_line(w);
        put_metrics(w, m, 0, true);
    }
}

static void put_stage(Walk *w, size_t i)
{
    const Plan *plan = pass_plan(w->pass);
    const Stage *s = &plan->stages[i];
    const StageInfo *info = &stage_table[s->kind];
    char name[STAGE_NAME_MAX], place[64];
    Buffer formula = {0};
    snprintf(place, sizeof place, _("stage %zu of %zu"), i + 1, plan->count);
    put_rule(w, stage_name(s, name), place);
    formula_with_shapes(w->pass, i, &formula);
    buffer_puts(&w->line, "  ");
    put_words(w, _(info->title));
    buffer_puts(&w->line, ": ");
    put_words(w, buffer_text(&formula));
    buffer_free(&formula);
    end_line(w);
    buffer_puts(&w->line, "  ");
    put_words(w, _(info->what));
    end_line(w);
    for (int k = 0; k < ABLATION_COUNT; k++) {
        const AblationInfo *a = &ablation_table[k];
        if (!(plan->ablations & a->bit) || !ablations_touch(a->bit, s, plan->config))
            continue;
        buffer_printf(&w->line, "  [%s] ", a->name);
        put_words(w, _(a->what));
        end_line(w);
    }
    end_line(w);
    Metrics m;
    if (gather_metrics(w, i, &m))
        put_value(w, i, &m);
    else
        w->stopped = true;
    free(m.lines);
    free(m.count);
    end_line(w);
}

/* ---- what comes before and after ---- */

static void put_heading(Walk *w, const char *label)
{
    put_words(w, label);
    pad_to(w, 12);
}

static void put_tokens(Walk *w, const char *label, Stack stack)
{
    size_t n;
    const int *ids = pass_ids(w->pass, stack, &n);
    put_heading(w, label);
    for (size_t i = 0; i < n; i++) {
        const char *token = vocab_token(pass_model(w->pass)->vocab, ids[i]);
        if (i)
            buffer_puts(&w->line, "  ");
        if (is_blank(token))
            buffer_printf(&w->line, "'%s'", token);
        else
            put_escaped(w, token);
        buffer_printf(&w->line, "=%d", ids[i]);
    }
    end_line(w);
}

static void put_model(Walk *w)
{
    const Model *m = pass_model(w->pass);
    const Plan *plan = pass_plan(w->pass);
    Buffer text = {0};
    put_heading(w, _("model"));
    put_escaped(w, m->name);
    if (m->untrained)
        put_words(w, _("  (untrained: its weights are random, and so is what it says)"));
    end_line(w);
    if (m->summary && *m->summary) {
        pad(w, 12);
        put_words(w, m->summary);
        end_line(w);
    }
    config_describe(&m->config, &text);
    put_heading(w, _("config"));
    put_words(w, buffer_text(&text));
    end_line(w);
    for (int s = STACK_ENCODER; s <= STACK_DECODER; s++)
        if (config_has_stack(&m->config, (Stack)s))
            put_tokens(w, s == STACK_ENCODER ? _("encoder") : _("decoder"), (Stack)s);
    buffer_clear(&text);
    ablations_write(plan->ablations, &text);
    put_heading(w, _("ablations"));
    put_words(w, plan->ablations ? buffer_text(&text) : _("none"));
    buffer_clear(&text);
    ablations_write(ablations_without_effect(plan->ablations, &m->config), &text);
    if (text.len)
        buffer_printf(&w->line, _("  (nothing to switch off here: %s)"), buffer_text(&text));
    end_line(w);
    buffer_free(&text);
    put_heading(w, _("stages"));
    buffer_printf(&w->line, "%zu; ", plan->count);
    put_words(w, _("“this row” is the last row of a matrix"));
    end_line(w);
    end_line(w);
}

static void put_next(Walk *w)
{
    const Model *m = pass_model(w->pass);
    const Config *c = &m->config;
    size_t n, k = c->vocab_size < TOP ? c->vocab_size : TOP;
    const int *ids = pass_ids(w->pass, config_last_stack(c), &n);
    TokenProb top[TOP];
    char text[NUMBER_MAX];
    top_tokens(w->pass, n - 1, k, top);
    put_rule(w, config_has_stack(c, STACK_DECODER) ? _("what comes next") : _("what the output says"), "");
    buffer_puts(&w->line, "  ");
    put_words(w, config_has_stack(c, STACK_DECODER) ? _("the most likely tokens after the last, ") : _("the most likely tokens at the last position, "));
    put_escaped(w, vocab_token(m->vocab, ids[n - 1]));
    end_line(w);
    for (size_t i = 0; i < k; i++) {
        pad(w, 4);
        number_format(text, top[i].probability, w->digits < 3 ? 3 : w->digits, w->ascii);
        buffer_printf(&w->line, "%s  ", text);
        if (is_blank(vocab_token(m->vocab, top[i].id)))
            buffer_printf(&w->line, "'%s'", vocab_token(m->vocab, top[i].id));
        else
            put_escaped(w, vocab_token(m->vocab, top[i].id));
        pad_to(w, 28);
        number_format(text, top[i].logit, w->digits, w->ascii);
        buffer_printf(&w->line, _("  id %d, logit %s"), top[i].id, text);
        end_line(w);
    }
}

bool walk_text(Pass *p, int digits, bool ascii, bool (*emit)(void *context, const char *text, size_t n), void *context)
{
    Walk w = {.pass = p, .digits = digits, .ascii = ascii, .emit = emit, .context = context};
    put_model(&w);
    for (size_t i = 0; i < pass_plan(p)->count && !w.stopped; i++)
        put_stage(&w, i);
    if (!w.stopped)
        put_next(&w);
    for (int a = 0; a < AXIS_COUNT; a++)
        for (int s = 0; s < STACK_COUNT; s++)
            free_names(&w.names[a][s]);
    free(w.widths);
    buffer_free(&w.line);
    return !w.stopped;
}
