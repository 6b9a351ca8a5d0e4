/* walk.c - every stage of a pass as plain text, for a pipe: `stepformer step | less -S`.
 *
 * Nothing is left out: a matrix of 50,000 columns is written with 50,000 columns, one line a row, or in blocks where a line may not take as many.
 * Written line by line, so that a reader who stops stops the computing too. Knows no terminal and no canvas. */
#include "view/walk.h"

#include "base/text.h"
#include "measure/metrics.h"
#include "pass/ablation.h"
#include "view/glyph.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { RULE_COLUMNS = 79, TOP = 5 };

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

/* Columns of the line that is being written. */
static int line_columns(const Walk *w)
{
    return text_width(buffer_text(&w->line));
}

void walk_end_line(Walk *w)
{
    while (w->line.len && w->line.data[w->line.len - 1] == ' ')
        w->line.data[--w->line.len] = '\0';
    buffer_putc(&w->line, '\n');
    if (line_columns(w) > w->columns) {
        Buffer whole = w->line;
        w->line = (Buffer){0};
        text_fold(&w->line, buffer_text(&whole), w->columns);
        buffer_free(&whole);
    }
    flush(w);
}

void walk_put_words(Walk *w, const char *s)
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

void walk_put_token(Walk *w, Buffer *out, const char *token)
{
    if (token[strspn(token, " ")] == '\0')
        buffer_printf(out, "'%s'", token); /* a space is a token of its own in some vocabularies */
    else
        text_escape(out, token, strlen(token), w->ascii);
}

static void pad_to(Walk *w, int columns)
{
    int have = line_columns(w);
    if (have < columns)
        buffer_fill(&w->line, ' ', (size_t)(columns - have));
}

void walk_pad(Walk *w, int columns)
{
    if (columns > 0)
        buffer_fill(&w->line, ' ', (size_t)columns);
}

/* "── decoder.0.self.scores ─────────── stage 11 of 28 ──" */
static void put_rule(Walk *w, const char *left, const char *right)
{
    const char *dash = w->ascii ? "-" : "─";
    buffer_printf(&w->line, "%s%s ", dash, dash);
    walk_put_words(w, left);
    buffer_putc(&w->line, ' ');
    int columns = (w->columns < RULE_COLUMNS ? w->columns : RULE_COLUMNS) - line_columns(w) - (*right ? text_width(right) + 4 : 0);
    for (int i = 0; i < columns || i < 2; i++)
        buffer_puts(&w->line, dash);
    if (*right) {
        buffer_putc(&w->line, ' ');
        walk_put_words(w, right);
        buffer_printf(&w->line, " %s%s", dash, dash);
    }
    walk_end_line(w);
}

/* ---- metrics ---- */

static void put_metric(Walk *w, const MetricLine *m)
{
    buffer_puts(&w->line, "  - ");
    walk_put_words(w, m->label);
    pad_to(w, 4 + METRIC_LABEL_COLUMNS + 2);
    walk_put_words(w, m->value);
    walk_end_line(w);
}

/* The lines of the heads that are written, of one row; METRIC_LINES_MAX for each. */
typedef struct Metrics {
    MetricLine *lines;
    size_t *count;
    size_t first, heads; /* from this head on so many */
} Metrics;

/* The heads to be written. */
static void heads_of(const Walk *w, const Stage *s, size_t *first, size_t *count)
{
    bool some = w->at && s->rank == 3 && w->at->at[0].given;
    *first = some ? w->at->at[0].first : 0;
    *count = some ? w->at->at[0].end - *first : s->rank == 3 ? s->shape[0] : 1;
}

/* The row whose metrics are told: the one that is named, else the last. */
static size_t row_of(const Walk *w, const Stage *s)
{
    int k = s->rank - 2;
    return w->at && w->at->at[k].given ? w->at->at[k].first : s->shape[k] - 1;
}

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
    *m = (Metrics){.lines = NULL};
    heads_of(w, s, &m->first, &m->heads);
    m->lines = malloc(m->heads * METRIC_LINES_MAX * sizeof *m->lines);
    m->count = malloc(m->heads * sizeof *m->count);
    if (!m->lines || !m->count)
        return false;
    for (size_t h = 0; h < m->heads; h++)
        m->count[h] = metric_lines(w->pass, i, m->first + h, row_of(w, s), m->lines + h * METRIC_LINES_MAX, METRIC_LINES_MAX);
    return true;
}

/* ---- a stage ---- */

static void put_value(Walk *w, size_t i, const Metrics *m)
{
    const Stage *s = &pass_plan(w->pass)->stages[i];
    const real *x = w->gradient ? pass_gradient(w->pass, i) : pass_value(w->pass, i);
    walk_put_axes(w, s);
    if (s->rank == 2) {
        walk_put_matrix(w, s, x, 0);
        put_metrics(w, m, 0, true);
        return;
    }
    for (size_t h = 0; h < m->heads && !w->stopped; h++) {
        char text[64];
        snprintf(text, sizeof text, s->axes[0] == AXIS_HEAD ? _("head %zu:") : _("key/value head %zu:"), m->first + h);
        buffer_puts(&w->line, "  ");
        walk_put_words(w, text);
        walk_end_line(w);
        walk_put_matrix(w, s, x, m->first + h);
        put_metrics(w, m, h, m->heads == 1);
    }
    bool any = false;
    for (size_t k = 0; k < m->count[0] && !any; k++)
        any = is_common(m, &m->lines[k]);
    if (any && m->heads > 1) {
        buffer_puts(&w->line, "  ");
        walk_put_words(w, _("together:"));
        walk_end_line(w);
        put_metrics(w, m, 0, true);
    }
}

/* d(loss)/d(stage): the matrices alone. */
static void put_gradient(Walk *w, size_t i)
{
    const Stage *s = &pass_plan(w->pass)->stages[i];
    Metrics none = {.lines = NULL};
    char name[STAGE_NAME_MAX], title[STAGE_NAME_MAX + 16];
    snprintf(title, sizeof title, "d(loss)/d(%s)", stage_name(s, name));
    put_rule(w, title, "");
    heads_of(w, s, &none.first, &none.heads);
    none.count = calloc(none.heads, sizeof *none.count);
    w->stopped = w->stopped || !none.count;
    if (none.count)
        put_value(w, i, &none);
    free(none.count);
    walk_end_line(w);
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
    walk_put_words(w, _(info->title));
    buffer_puts(&w->line, ": ");
    walk_put_words(w, buffer_text(&formula));
    buffer_free(&formula);
    walk_end_line(w);
    buffer_puts(&w->line, "  ");
    walk_put_words(w, stage_what(s, plan->config));
    walk_end_line(w);
    for (int k = 0; k < ABLATION_COUNT; k++) {
        const AblationInfo *a = &ablation_table[k];
        if (!(plan->ablations & a->bit) || !ablations_touch(a->bit, s, plan->config))
            continue;
        buffer_printf(&w->line, "  [%s] ", a->name);
        walk_put_words(w, _(a->what));
        walk_end_line(w);
    }
    walk_end_line(w);
    Metrics m;
    if (gather_metrics(w, i, &m))
        put_value(w, i, &m);
    else
        w->stopped = true;
    free(m.lines);
    free(m.count);
    walk_end_line(w);
}

/* ---- what comes before and after ---- */

static void put_heading(Walk *w, const char *label)
{
    walk_put_words(w, label);
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
        walk_put_token(w, &w->line, token);
        buffer_printf(&w->line, "=%d", ids[i]);
    }
    walk_end_line(w);
}

static void put_model(Walk *w)
{
    const Model *m = pass_model(w->pass);
    const Plan *plan = pass_plan(w->pass);
    Buffer text = {0};
    put_heading(w, _("model"));
    text_escape(&w->line, m->name, strlen(m->name), w->ascii);
    if (m->untrained)
        walk_put_words(w, _("  (untrained: its weights are random, and so is what it says)"));
    walk_end_line(w);
    if (m->summary && *m->summary) {
        walk_pad(w, 12);
        walk_put_words(w, m->summary);
        walk_end_line(w);
    }
    config_describe(&m->config, &text);
    put_heading(w, _("config"));
    walk_put_words(w, buffer_text(&text));
    walk_end_line(w);
    for (int s = STACK_ENCODER; s <= STACK_DECODER; s++)
        if (config_has_stack(&m->config, (Stack)s))
            put_tokens(w, s == STACK_ENCODER ? _("encoder") : _("decoder"), (Stack)s);
    buffer_clear(&text);
    ablations_write(plan->ablations, &text);
    put_heading(w, _("ablations"));
    walk_put_words(w, plan->ablations ? buffer_text(&text) : _("none"));
    buffer_clear(&text);
    ablations_write(ablations_without_effect(plan->ablations, &m->config), &text);
    if (text.len)
        buffer_printf(&w->line, _("  (nothing to switch off here: %s)"), buffer_text(&text));
    walk_end_line(w);
    buffer_free(&text);
    put_heading(w, _("stages"));
    buffer_printf(&w->line, "%zu; ", plan->count);
    walk_put_words(w, _("“this row” is the last row of a matrix"));
    walk_end_line(w);
    walk_end_line(w);
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
    bool next = config_has_stack(c, STACK_DECODER);
    put_rule(w, next ? _("what comes next") : _("what the output says"), "");
    buffer_puts(&w->line, "  ");
    walk_put_words(w, next ? _("the most likely tokens after the last, ") : _("the most likely tokens at the last position, "));
    walk_put_token(w, &w->line, vocab_token(m->vocab, ids[n - 1]));
    walk_end_line(w);
    for (size_t i = 0; i < k; i++) {
        walk_pad(w, 4);
        number_share(text, top[i].probability, w->digits < 3 ? 3 : w->digits, w->ascii);
        buffer_printf(&w->line, "%s  ", text);
        walk_put_token(w, &w->line, vocab_token(m->vocab, top[i].id));
        pad_to(w, 28);
        number_format(text, top[i].logit, w->digits, w->ascii);
        buffer_printf(&w->line, _("  id %d, logit %s"), top[i].id, text);
        walk_end_line(w);
    }
}

bool walk_text(Pass *p, int digits, int columns, bool ascii, bool (*emit)(void *context, const char *text, size_t n), void *context)
{
    Walk w = {.pass = p, .digits = digits, .columns = columns, .ascii = ascii, .emit = emit, .context = context};
    put_model(&w);
    for (size_t i = 0; i < pass_plan(p)->count && !w.stopped; i++)
        put_stage(&w, i);
    if (!w.stopped)
        put_next(&w);
    walk_free_names(&w);
    buffer_free(&w.line);
    return !w.stopped;
}

bool walk_stage(Pass *p, const Address *at, bool gradient, int digits, int columns, bool ascii, bool (*emit)(void *context, const char *text, size_t n),
                void *context)
{
    Walk w = {.pass = p, .at = at, .gradient = gradient, .digits = digits, .columns = columns, .ascii = ascii, .emit = emit, .context = context};
    if (gradient)
        put_gradient(&w, at->index);
    else
        put_stage(&w, at->index);
    walk_free_names(&w);
    buffer_free(&w.line);
    return !w.stopped;
}
