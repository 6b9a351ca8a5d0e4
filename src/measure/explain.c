/* explain.c - which family explains which stage, and what an explanation is made of.
 *
 * Knows no arithmetic: that is in explain_stream.c and explain_attention.c. */
#include "measure/explain.h"

#include "measure/explain_lines.h"
#include "pass/edit.h"

#include <math.h>
#include <stdlib.h>

static void (*const families[STAGE_KIND_COUNT])(Explainer *x) = {
#define STAGE(KIND, id, title, formula, what, source, w0, w1, family) [STAGE_##KIND] = explain_##family,
#include "pass/stages.def"
#undef STAGE
};

int lines_check_address(const Plan *plan, Cellref cell, Error *e)
{
    if (cell.stage >= plan->count)
        return error_set(e, "stage: expected a number from 0 to %zu, found %zu", plan->count - 1, cell.stage);
    const Stage *s = &plan->stages[cell.stage];
    char name[STAGE_NAME_MAX];
    for (int i = 0; i < s->rank; i++)
        if (cell.index[i] >= s->shape[i])
            return error_set(e, "%s: %s: expected an index from 0 to %zu, found %zu", stage_name(s, name), axis_name(s->axes[i]),
                             s->shape[i] - 1, cell.index[i]);
    return 0;
}

int explain_cell(Pass *p, Cellref cell, Explanation *out, Error *e)
{
    *out = (Explanation){.cell = cell};
    const Plan *plan = pass_plan(p);
    if (lines_check_address(plan, cell, e) != 0)
        return -1;
    const Stage *s = &plan->stages[cell.stage];
    out->stored = (double)pass_value(p, cell.stage)[cell_offset(s, cell.index)];
    out->computed = (double)pass_unedited(p, cell.stage)[cell_offset(s, cell.index)];
    out->subject = (Operand){.kind = OPERAND_STAGE, .cell = cell, .value = out->stored};
    Explainer x = {.pass = p, .config = plan->config, .ablations = plan->ablations, .stage = s, .index = out->cell.index, .out = out};
    families[s->kind](&x);
    bool failed = x.failed || x.name.failed;
    buffer_free(&x.name);
    if (failed) {
        explanation_free(out);
        return error_memory(e, "explanation");
    }
    return 0;
}

void explanation_free(Explanation *x)
{
    free(x->lines);
    *x = (Explanation){0};
}

/* The largest finite number that an explanation shows: what rounding is measured against. What was lost in a difference grows where that is
 * divided by a small number, as a norm does with a row of equal numbers. */
static double largest_number(const Explanation *x)
{
    double largest = isfinite(x->exact) ? fabs(x->exact) : 0, least_divisor = 1;
    for (size_t i = 0; i < x->count; i++) {
        const ExplainLine *l = &x->lines[i];
        const double numbers[] = {l->result, l->kind == LINE_TERM ? l->running : 0, l->in[0].value, l->in[1].value};
        for (size_t k = 0; k < sizeof numbers / sizeof *numbers; k++)
            if (isfinite(numbers[k]) && fabs(numbers[k]) > largest)
                largest = fabs(numbers[k]);
        if (l->sign == '/' && l->in[1].value != 0)
            least_divisor = fmin(least_divisor, fabs(l->in[1].value));
    }
    return largest / least_divisor;
}

bool explanation_agrees(const Explanation *x)
{
    if (!isfinite(x->computed) || !isfinite(x->exact))
        return x->computed == x->exact || (isnan(x->computed) && isnan(x->exact));
    return fabs(x->computed - x->exact) <= EXPLAIN_TOLERANCE * largest_number(x);
}

int explain_check_stage(Pass *p, size_t stage, size_t most, StageCheck *out, Error *e)
{
    *out = (StageCheck){0};
    if (lines_check_address(pass_plan(p), (Cellref){.stage = stage}, e) != 0)
        return -1;
    const Stage *s = &pass_plan(p)->stages[stage];
    out->cells = s->count;
    size_t step = most && s->count > most ? s->count / most + 1 : 1;
    for (size_t at = 0; at < s->count; at += step) {
        Explanation x;
        Cellref cell = {.stage = stage};
        size_t left = at;
        for (int k = s->rank - 1; k >= 0; left /= s->shape[k--])
            cell.index[k] = left % s->shape[k];
        if (explain_cell(p, cell, &x, e) != 0)
            return -1;
        if (!explanation_agrees(&x) && out->wrong++ == 0) {
            out->first = cell;
            out->stored = x.computed;
            out->exact = x.exact;
        }
        if (isfinite(x.computed) && isfinite(x.exact))
            out->largest = fmax(out->largest, fabs(x.computed - x.exact));
        out->checked++;
        explanation_free(&x);
    }
    return 0;
}

void operand_label(const Pass *p, const Operand *o, Buffer *out)
{
    switch (o->kind) {
    case OPERAND_NONE:
        return;
    case OPERAND_STAGE:
        label_cell(p, o->cell, out);
        return;
    case OPERAND_WEIGHT:
        label_weight(p, o->weight, o->row, o->col, out);
        return;
    case OPERAND_NUMBER:
        buffer_puts(out, o->label);
        return;
    case OPERAND_GRADIENT:
        buffer_puts(out, "d ");
        label_cell(p, o->cell, out);
        return;
    case OPERAND_WEIGHT_GRADIENT:
        buffer_puts(out, "d ");
        label_weight(p, o->weight, o->row, o->col, out);
        return;
    }
}
