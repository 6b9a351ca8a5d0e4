/* explain.c - which family explains which stage, and what an explanation is made of.
 *
 * Knows no arithmetic: that is in explain_stream.c and explain_attention.c. */
#include "measure/explain.h"

#include "measure/explain_lines.h"

#include <stdlib.h>

static void (*const families[STAGE_KIND_COUNT])(Explainer *x) = {
    [STAGE_TOKENS] = explain_tokens,   [STAGE_POSITIONS] = explain_positions, [STAGE_SUM] = explain_sum,
    [STAGE_NORM] = explain_norm,       [STAGE_Q] = explain_project,           [STAGE_K] = explain_project,
    [STAGE_V] = explain_project,       [STAGE_Q_ROT] = explain_rotate,        [STAGE_K_ROT] = explain_rotate,
    [STAGE_SCORES] = explain_scores,   [STAGE_SCALED] = explain_scaled,       [STAGE_BIASED] = explain_biased,
    [STAGE_MASKED] = explain_masked,   [STAGE_WEIGHTS] = explain_weights,     [STAGE_HEADS] = explain_heads,
    [STAGE_CONCAT] = explain_concat,   [STAGE_OUT] = explain_linear,          [STAGE_GATE] = explain_linear,
    [STAGE_EXPAND] = explain_linear,   [STAGE_ACTIVATE] = explain_activate,   [STAGE_PRODUCT] = explain_product,
    [STAGE_CONTRACT] = explain_linear, [STAGE_RESIDUAL] = explain_residual,   [STAGE_LOGITS] = explain_logits,
    [STAGE_PROBS] = explain_probs,
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
