/* explain_gradient.c - which readers a cell has, which family explains what comes back through which, and the loss's own part.
 *
 * Knows no other arithmetic: that is in explain_gradient_stream.c and explain_gradient_attention.c. */
#include "measure/explain_gradient.h"

#include "base/text.h"
#include "measure/explain_gradient_lines.h"

/* These read no stage; and what comes back to the logits is the loss's, not their reader's. */
#define gradient_through_tokens NULL
#define gradient_through_positions NULL
#define gradient_through_types NULL
#define gradient_through_probs NULL
static void (*const families[STAGE_KIND_COUNT])(const Way *way) = {
#define STAGE(KIND, id, title, formula, what, source, w0, w1, family) [STAGE_##KIND] = gradient_through_##family,
#include "pass/stages.def"
#undef STAGE
};

Operand lines_gradient(Explainer *x, size_t stage, size_t i0, size_t i1, size_t i2)
{
    const Stage *s = &pass_plan(x->pass)->stages[stage];
    Operand o = {.kind = OPERAND_GRADIENT, .cell = {stage, {i0, i1, s->rank > 2 ? i2 : 0}}};
    o.value = (double)pass_inner_gradient(x->pass, stage)[cell_offset(s, o.cell.index)];
    return o;
}

Operand lines_own_value(Explainer *x, size_t stage, size_t i0, size_t i1, size_t i2)
{
    const Stage *s = &pass_plan(x->pass)->stages[stage];
    Operand o = {.kind = OPERAND_STAGE, .cell = {stage, {i0, i1, s->rank > 2 ? i2 : 0}}};
    o.value = (double)pass_unedited(x->pass, stage)[cell_offset(s, o.cell.index)];
    return o;
}

void lines_product(Explainer *x, const char *label, Operand d, Operand with)
{
    lines_term(x, label, "", d, '*', with, d.value * with.value);
}

void lines_handed_on(const Way *way, size_t i0, size_t i1, size_t i2)
{
    Explainer *x = way->x;
    Operand d = lines_gradient(x, way->reader, i0, i1, i2);
    const Stage *s = x->stage;
    lines_term(x, s->sub == SUB_FINAL ? sub_name(s->sub) : stage_table[s->kind].id, "", d, 0, lines_nothing(), d.value);
}

/* ---- the loss ---- */

/* The mean over the counted positions of -log softmax(logits)[target]: its gradient is (probability - 1 at the target) / their number. */
static void from_the_loss(Explainer *x)
{
    size_t n, t = x->index[0], token = x->index[1], counted = 0;
    const int *targets = pass_targets(x->pass, &n);
    for (size_t i = 0; i < n; i++)
        counted += targets[i] >= 0;
    if (targets[t] < 0) {
        lines_formula(x, "0");
        lines_note(x, _("position %zu is not counted in the loss (its target is -1)"), t);
        return;
    }
    bool is_target = (size_t)targets[t] == token;
    char name[48];
    lines_short(name, sizeof name, lines_label(x, x->stage, 1, (size_t)targets[t]));
    lines_formula(x, is_target ? "(probability − 1) / %zu" : "probability / %zu", counted);
    lines_note(x, is_target ? _("%s is the target of position %zu") : _("%s, another token, is the target of position %zu"), name, t);
    Operand p = lines_own_value(x, x->out->cell.stage + 1, t, token, 0); /* the loss reads the logits, no edited probability */
    double left = lines_step(x, _("probability"), "", p, 0, lines_nothing(), p.value);
    if (is_target)
        left = lines_step(x, _("minus the target"), "", p, '-', lines_number(1, "1"), p.value - 1);
    Operand over = lines_number((double)counted, "%s", _("counted positions"));
    lines_step(x, _("its share of the mean"), "", lines_number(left, is_target ? "p − 1" : "p"), '/', over, left / over.value);
}

/* ---- the readers ---- */

/* "decoder.0.self.q reads it: d q · W_Qᵀ" */
static void note_reader(Explainer *x, const Stage *reader, int which)
{
    char name[STAGE_NAME_MAX];
    Buffer term = {0};
    gradient_term(x->pass, reader, which, false, &term);
    lines_note(x, _("%s reads it: %s"), stage_name(reader, name), buffer_text(&term));
    x->failed = x->failed || term.failed;
    buffer_free(&term);
}

/* What stands here of an edited reader is not what its matrices show. */
static void note_edited(Explainer *x, const Stage *reader)
{
    lines_note(x, _("%s was edited: gradients here are past the edit, values before it"), stage_table[reader->kind].id);
}

/* What comes back from every reader of the cell's stage; the norm last, whose part takes steps. */
static void from_the_readers(Explainer *x)
{
    const Plan *plan = pass_plan(x->pass);
    size_t own = x->out->cell.stage, readers = 0;
    for (size_t i = own + 1; i < plan->count; i++)
        readers += (plan->stages[i].in[0] == (int)own) + (plan->stages[i].in[1] == (int)own);
    if (!readers)
        lines_note(x, _("no stage reads it: the loss does not depend on it"));
    for (int norms = 0; norms < 2; norms++)
        for (size_t i = own + 1; i < plan->count; i++)
            for (int which = 0; which < 2; which++) {
                const Stage *reader = &plan->stages[i];
                if (reader->in[which] != (int)own || stage_is_norm(reader->kind) != norms)
                    continue;
                if (readers > 1)
                    note_reader(x, reader, which);
                if (pass_is_edited(x->pass, i))
                    note_edited(x, reader);
                x->stage = reader;
                families[reader->kind](&(Way){x, i, which});
            }
}

int explain_gradient(Pass *p, Cellref cell, Explanation *out, Error *e)
{
    *out = (Explanation){.cell = cell};
    const Plan *plan = pass_plan(p);
    if (lines_check_address(plan, cell, e) != 0)
        return -1;
    if (!pass_gradient(p, cell.stage))
        return error_set(e, "gradient: expected a pass that went backwards, found one that has not; set targets for the loss first");
    const Stage *s = &plan->stages[cell.stage];
    out->stored = out->computed = (double)pass_gradient(p, cell.stage)[cell_offset(s, cell.index)];
    out->subject = (Operand){.kind = OPERAND_GRADIENT, .cell = cell, .value = out->stored};
    Explainer x = {.pass = p, .config = plan->config, .ablations = plan->ablations, .stage = s, .index = out->cell.index, .out = out};
    Buffer formula = {0};
    gradient_terms(p, cell.stage, false, &formula);
    lines_formula(&x, "%s", buffer_text(&formula));
    if (s->kind == STAGE_LOGITS)
        from_the_loss(&x);
    else if (s->kind == STAGE_PROBS)
        lines_note(&x, _("the loss reads the logits: nothing comes back through the probabilities"));
    else
        from_the_readers(&x);
    bool failed = x.failed || x.name.failed || formula.failed;
    buffer_free(&x.name);
    buffer_free(&formula);
    if (failed) {
        explanation_free(out);
        return error_memory(e, "explanation");
    }
    return 0;
}
