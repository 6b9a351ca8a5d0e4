/* compare_text.c - a comparison as people read it: what was changed, every stage with a bar, the output in words. */
#include "cli/compare.h"

#include "base/text.h"
#include "cli/screen.h"
#include "pass/ablation.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* ---- what is common to the formats ---- */

const char *twins_stage_name(const Twins *t, size_t k, char out[STAGE_NAME_MAX])
{
    const StageDifference *d = &t->comparison.stages[k];
    int side = d->baseline == NO_STAGE ? SIDE_TWIN : SIDE_BASELINE;
    return stage_name(&pass_plan(t->sides[side].pass)->stages[side == SIDE_TWIN ? d->twin : d->baseline], out);
}

size_t twins_stages(const Twins *t)
{
    return t->stages ? t->stage_count : t->comparison.count;
}

size_t twins_stage(const Twins *t, size_t k)
{
    return t->stages ? (size_t)t->stages[k] : k;
}

const char *fate_words(StageFate fate)
{
    static const char *const words[] = {N_("the same"), N_("differs"), N_("only in the baseline"), N_("only in the twin"),
                                        N_("of another shape")};
    return _(words[fate]);
}

const char *fate_name(StageFate fate)
{
    static const char *const names[] = {"same", "differs", "only-baseline", "only-twin", "shapes"};
    return names[fate];
}

CommonPart twins_common(const Twins *t, const StageDifference *d)
{
    const Stage *a = &pass_plan(t->sides[SIDE_BASELINE].pass)->stages[d->baseline],
                *b = &pass_plan(t->sides[SIDE_TWIN].pass)->stages[d->twin];
    size_t shape[3] = {1, 1, 1};
    for (int k = 0; k < a->rank; k++)
        shape[3 - a->rank + k] = a->shape[k] < b->shape[k] ? a->shape[k] : b->shape[k];
    return (CommonPart){shape[0], shape[1], shape[2]};
}

double twins_number(const Twins *t, int side, const StageDifference *d, size_t head, size_t row, size_t col)
{
    Pass *p = t->sides[side].pass;
    size_t i = (size_t)(side == SIDE_TWIN ? d->twin : d->baseline);
    const Stage *s = &pass_plan(p)->stages[i];
    return (double)pass_value(p, i)[(head * s->shape[s->rank - 2] + row) * s->shape[s->rank - 1] + col];
}

/* The tokens a side is fed: "我 爱 你 → <s> I love". */
static void twins_write_input(const Side *s, Buffer *out)
{
    for (int k = STACK_ENCODER; k <= STACK_DECODER; k++) {
        size_t n;
        const int *ids = pass_ids(s->pass, (Stack)k, &n);
        if (!config_has_stack(&s->model->config, (Stack)k))
            continue;
        if (out->len)
            buffer_puts(out, " => ");
        for (size_t i = 0; i < n; i++) {
            Buffer token = {0};
            label_token(s->pass, ids[i], &token);
            if (i)
                buffer_putc(out, ' ');
            text_escape(out, buffer_text(&token), token.len, false);
            buffer_free(&token);
        }
    }
}

/* What was changed, a line each: "switched off: no-scale". */
static void twins_write_changes(const Twins *t, Buffer *out)
{
    Buffer names = {0};
    ablations_write(t->given, &names);
    if (t->given)
        buffer_printf(out, _("  switched off now: %s\n"), buffer_text(&names));
    for (size_t i = 0; i < t->edits.count; i++) {
        buffer_puts(out, _("  edited: "));
        text_escape(out, t->edits.items[i], strlen(t->edits.items[i]), false);
        buffer_putc(out, '\n');
    }
    if (t->text)
        buffer_puts(out, _("  another text\n"));
    if (t->target)
        buffer_puts(out, _("  another text for the decoder\n"));
    if (t->model_name)
        buffer_printf(out, _("  another model: %s\n"), t->sides[SIDE_TWIN].model->name);
    buffer_free(&names);
}

/* ---- the head ---- */

static void add_side(const Twins *t, int side, const char *label, Buffer *out)
{
    const Side *s = &t->sides[side];
    Buffer trained = {0}, input = {0};
    buffer_printf(out, "%s %s", label, s->model->name);
    ablations_write(s->trained, &trained);
    if (s->trained)
        buffer_printf(out, _(", trained with %s"), buffer_text(&trained));
    twins_write_input(s, &input);
    buffer_printf(out, ": %s\n", buffer_text(&input));
    buffer_free(&trained);
    buffer_free(&input);
}

static void add_idle(const Twins *t, Buffer *out)
{
    for (int i = 0; i < ABLATION_COUNT; i++) {
        Ablations bit = ablation_table[i].bit;
        if (!(t->idle & bit))
            continue;
        const Model *m = t->sides[SIDE_TWIN].model;
        const char *why = ablations_without_effect(bit, &m->config) ? _("this model has no such part")
                          : (t->sides[SIDE_TWIN].trained & bit)     ? _("the model was trained so")
                                                                    : _("every number is the same without it");
        buffer_printf(out, _("%s changed nothing: %s\n"), ablation_table[i].name, why);
    }
}

static void add_head(const Twins *t, Buffer *out)
{
    add_side(t, SIDE_BASELINE, _("baseline"), out);
    add_side(t, SIDE_TWIN, _("twin    "), out);
    twins_write_changes(t, out);
    if (t->same_target)
        buffer_puts(out, t->own_target ? _("both decoders are fed the same tokens: what the baseline says by itself\n")
                                       : _("both decoders are fed the same tokens\n"));
    add_idle(t, out);
}

/* ---- the stages ---- */

enum { NAME_COLUMNS = 30, BAR_COLUMNS = 20 };

/* Nine columns, with a decimal point. */
static void add_amount(Buffer *out, double x)
{
    if (!isfinite(x))
        buffer_printf(out, " %9s", isnan(x) ? "nan" : "inf");
    else if (x == 0)
        buffer_printf(out, " %9s", "0.0");
    else if (x >= 1e-3 && x < 1e4)
        buffer_printf(out, x < 10 ? " %9.4f" : " %9.3f", x);
    else
        buffer_printf(out, " %9.2e", x);
}

/* The decades that the bars stand for. */
typedef struct Scale {
    double low, high; /* log10 */
} Scale;

static Scale scale_of(const Comparison *c)
{
    Scale s = {INFINITY, -INFINITY};
    for (size_t k = 0; k < c->count; k++) {
        double x = c->stages[k].relative;
        if (x > 0 && isfinite(x)) {
            s.low = fmin(s.low, floor(log10(x)));
            s.high = fmax(s.high, ceil(log10(x)));
        }
    }
    if (s.low > s.high)
        return (Scale){-1, 0};
    s.low = fmax(s.low, s.high - 8);
    s.high += s.high == s.low;
    return s;
}

static void add_bar(Buffer *out, double x, Scale s)
{
    const char *block = screen_is_ascii() ? "#" : "█";
    double share = isfinite(x) ? (log10(x) - s.low) / (s.high - s.low) : 1;
    int filled = x > 0 ? (int)(share * (BAR_COLUMNS - 1) + 0.5) + 1 : 0;
    filled = filled > BAR_COLUMNS ? BAR_COLUMNS : filled < 1 && x > 0 ? 1 : filled;
    for (int i = 0; i < filled; i++)
        buffer_puts(out, block);
}

static void add_shape(const Side *s, int stage, Buffer *out)
{
    const Stage *g = &pass_plan(s->pass)->stages[stage];
    for (int k = 0; k < g->rank; k++)
        buffer_printf(out, "%s%zu", k ? "," : "[", g->shape[k]);
    buffer_putc(out, ']');
}

static void add_stage(const Twins *t, size_t k, Scale scale, Buffer *out)
{
    const StageDifference *d = &t->comparison.stages[k];
    char name[STAGE_NAME_MAX];
    buffer_printf(out, "%c %-*s", (int)k == t->comparison.first ? '>' : ' ', NAME_COLUMNS - 2, twins_stage_name(t, k, name));
    if (d->fate == FATE_SAME)
        buffer_puts(out, d->identical ? _("  the same") : _("  the same numbers, but for the sign of a zero"));
    else if (d->fate == FATE_DIFFERS && !d->differing)
        buffer_puts(out, _("  longer; the same at the positions that both have"));
    else if (d->fate == FATE_DIFFERS) {
        add_amount(out, d->largest);
        add_amount(out, d->mean);
        add_amount(out, d->relative);
        if (d->relative > 0)
            buffer_putc(out, ' ');
        add_bar(out, d->relative, scale);
    } else
        buffer_printf(out, "  %s", fate_words(d->fate));
    if (d->fate == FATE_SHAPES) {
        buffer_puts(out, ": ");
        add_shape(&t->sides[SIDE_BASELINE], d->baseline, out);
        buffer_puts(out, " | ");
        add_shape(&t->sides[SIDE_TWIN], d->twin, out);
    }
    buffer_putc(out, '\n');
}

static void add_stages(const Twins *t, Buffer *out)
{
    const Comparison *c = &t->comparison;
    Scale scale = scale_of(c);
    bool longer = false, infinite = false;
    for (size_t k = 0; k < c->count; k++) {
        longer = longer || c->stages[k].longer;
        infinite = infinite || c->stages[k].infinite;
    }
    const char *const titles[] = {_("largest"), _("mean"), _("relative")};
    buffer_putc(out, '\n');
    text_pad(out, _("stage"), NAME_COLUMNS);
    for (size_t i = 0; i < sizeof titles / sizeof *titles; i++)
        text_pad(out, titles[i], -10);
    buffer_printf(out, _(" 1e%+.0f to 1e%+.0f\n"), scale.low, scale.high);
    for (size_t k = 0; k < c->count; k++)
        add_stage(t, k, scale, out);
    buffer_puts(
        out,
        _("largest and mean: of |twin - baseline|; relative: |twin - baseline| /\n|baseline|, whole matrices; the bars are its logarithm"));
    if (longer)
        buffer_puts(out, _("; of the positions that both have"));
    if (infinite)
        buffer_puts(out, _(";\ninf: infinite on one side only, and left out of the relative difference"));
    buffer_putc(out, '\n');
}

/* ---- the output ---- */

static void add_token(const Side *s, int id, Buffer *out)
{
    Buffer token = {0};
    label_token(s->pass, id, &token);
    buffer_putc(out, '\'');
    text_escape(out, buffer_text(&token), token.len, false);
    buffer_putc(out, '\'');
    buffer_free(&token);
}

static void add_row(const Twins *t, size_t row, Buffer *out)
{
    const OutputDifference *r = &t->comparison.rows[row];
    const Side *b = &t->sides[SIDE_BASELINE];
    size_t n;
    const int *ids = pass_ids(b->pass, config_last_stack(&b->model->config), &n);
    Buffer place = {0};
    buffer_printf(&place, "%3zu ", row);
    add_token(b, ids[row], &place);
    int width = text_width(buffer_text(&place));
    buffer_puts(out, buffer_text(&place));
    buffer_fill(out, ' ', width < 18 ? (size_t)(18 - width) : 1);
    add_amount(out, r->kl);
    add_amount(out, r->variation);
    buffer_puts(out, "  ");
    add_token(b, r->token[0], out);
    buffer_printf(out, " %.3f", r->baseline_p[0]);
    if (r->token[0] != r->token[1]) {
        buffer_puts(out, _(" becomes "));
        add_token(b, r->token[1], out);
        buffer_printf(out, " %.3f", r->twin_p[1]);
    } else
        buffer_printf(out, _(" stays, %.3f"), r->twin_p[0]);
    buffer_putc(out, '\n');
    buffer_free(&place);
}

static void add_said(const char *label, const Buffer *said, Buffer *out)
{
    buffer_puts(out, label);
    text_escape(out, buffer_text(said), said->len, false);
    buffer_putc(out, '\n');
}

static void add_output(const Twins *t, Buffer *out)
{
    const Comparison *c = &t->comparison;
    buffer_putc(out, '\n');
    text_pad(out, _("position"), 18);
    text_pad(out, _("KL, nats"), -10);
    text_pad(out, _("variation"), -10);
    buffer_printf(out, "  %s\n", _("likeliest token, and its share"));
    for (size_t row = 0; row < c->row_count; row++)
        add_row(t, row, out);
    buffer_printf(out,
                  c->kl >= 1e-3 || c->kl == 0 ? _("mean KL(baseline || twin) %.4f nats, mean total variation %.4f\n")
                                              : _("mean KL(baseline || twin) %.2e nats, mean total variation %.2e\n"),
                  c->kl, c->variation);
    buffer_printf(out, _("the likeliest token changes at %zu of %zu positions"), c->tokens_changed, c->row_count);
    if (c->rows_more)
        buffer_printf(out, _("; %zu more on one side only"), c->rows_more);
    buffer_putc(out, '\n');
    bool encoder = t->sides[SIDE_BASELINE].model->config.kind == KIND_ENCODER;
    add_said(encoder ? _("by position, the baseline says: ") : _("by itself, the baseline says: "), &t->sides[SIDE_BASELINE].said, out);
    add_said(encoder ? _("by position, the twin says:     ") : _("by itself, the twin says:     "), &t->sides[SIDE_TWIN].said, out);
}

/* ---- matrices ---- */

enum { WIDEST = 120 };

typedef struct Matrices {
    const Twins *t;
    const StageDifference *d;
    CommonPart part;
    size_t head;
    int width;   /* of a number */
    int columns; /* that a line may take */
} Matrices;

/* which: a side, or SIDES for the difference */
static double number(const Matrices *m, int which, size_t row, size_t col)
{
    if (which < SIDES)
        return twins_number(m->t, which, m->d, m->head, row, col);
    return compare_numbers(number(m, SIDE_BASELINE, row, col), number(m, SIDE_TWIN, row, col));
}

static void add_numbers(const Matrices *m, int which, size_t row, size_t first, size_t end, Buffer *out)
{
    for (size_t col = first; col < end; col++) {
        char text[TRACE_NUMBER_MAX];
        trace_number_short(text, (real)number(m, which, row, col));
        buffer_printf(out, "%s%*s", col > first ? " " : "", m->width, text);
    }
}

static void add_matrices(const Matrices *m, Buffer *out)
{
    static const char *const titles[] = {N_("baseline"), N_("twin"), N_("twin - baseline")};
    int whole = (int)(m->part.cols < WIDEST ? m->part.cols : WIDEST) * (m->width + 1) - 1;
    whole = whole < 15 ? 15 : whole;
    if (3 * whole + 6 <= (m->columns < WIDEST ? m->columns : WIDEST)) {
        buffer_puts(out, "# ");
        text_pad(out, _(titles[0]), whole + 1);
        text_pad(out, _(titles[1]), whole + 3);
        buffer_printf(out, "%s\n", _(titles[2]));
        for (size_t row = 0; row < m->part.rows; row++)
            for (int which = 0; which <= SIDES; which++) {
                Buffer line = {0};
                add_numbers(m, which, row, 0, m->part.cols, &line);
                buffer_printf(out, "%-*s%s", which < SIDES ? whole : 0, buffer_text(&line), which < SIDES ? " | " : "\n");
                buffer_free(&line);
            }
        return;
    }
    size_t fit = m->columns > m->width ? (size_t)((m->columns + 1) / (m->width + 1)) : 1;
    for (int which = 0; which <= SIDES; which++) {
        buffer_printf(out, "# %s\n", _(titles[which]));
        for (size_t first = 0; first < m->part.cols; first += fit) {
            size_t end = m->part.cols - first < fit ? m->part.cols : first + fit;
            if (fit < m->part.cols)
                buffer_printf(out, _("# columns %zu to %zu\n"), first, end - 1);
            for (size_t row = 0; row < m->part.rows; row++) {
                add_numbers(m, which, row, first, end, out);
                buffer_putc(out, '\n');
            }
        }
    }
}

static int widest_number(Matrices *m)
{
    int width = 0;
    for (m->head = 0; m->head < m->part.heads; m->head++)
        for (size_t row = 0; row < m->part.rows; row++)
            for (size_t col = 0; col < m->part.cols; col++)
                for (int which = 0; which <= SIDES; which++) {
                    char text[TRACE_NUMBER_MAX];
                    int n = trace_number_short(text, (real)number(m, which, row, col));
                    width = n > width ? n : width;
                }
    return width;
}

static void add_stage_matrices(const Twins *t, size_t k, int columns, Buffer *out)
{
    const StageDifference *d = &t->comparison.stages[k];
    char name[STAGE_NAME_MAX];
    buffer_printf(out, "\n# %s: %s", twins_stage_name(t, k, name), fate_words(d->fate));
    if (d->fate != FATE_SAME && d->fate != FATE_DIFFERS) {
        buffer_putc(out, '\n');
        return;
    }
    Matrices m = {.t = t, .d = d, .part = twins_common(t, d), .columns = columns};
    if (d->differing) {
        Buffer where = {0};
        label_cell(t->sides[SIDE_TWIN].pass, d->where, &where);
        buffer_printf(out, _(" in %zu of %zu numbers, most at "), d->differing, d->count);
        text_escape(out, buffer_text(&where), where.len, false);
        buffer_free(&where);
    }
    if (d->longer)
        buffer_puts(out, _("; the positions that both have"));
    buffer_putc(out, '\n');
    m.width = widest_number(&m);
    const Stage *s = &pass_plan(t->sides[SIDE_TWIN].pass)->stages[d->twin];
    for (m.head = 0; m.head < m.part.heads; m.head++) {
        if (s->rank == 3)
            buffer_printf(out, "# %s %zu\n", axis_name(s->axes[0]), m.head);
        add_matrices(&m, out);
    }
}

void compare_write_text(const Twins *t, int columns, Buffer *out)
{
    const Comparison *c = &t->comparison;
    char name[STAGE_NAME_MAX];
    add_head(t, out);
    if (c->first < 0) {
        buffer_printf(out, _("nothing changed: every number of all %zu stages is the same\n"), c->count);
        return;
    }
    const StageDifference *d = &c->stages[c->first];
    buffer_printf(out, _("first stage that differs: %s"), twins_stage_name(t, (size_t)c->first, name));
    if (d->fate != FATE_DIFFERS)
        buffer_printf(out, " (%s)", fate_words(d->fate));
    buffer_putc(out, '\n');
    if (!t->matrices) {
        add_stages(t, out);
        add_output(t, out);
    }
    for (size_t k = 0; t->matrices && k < twins_stages(t); k++)
        add_stage_matrices(t, twins_stage(t, k), columns, out);
}
