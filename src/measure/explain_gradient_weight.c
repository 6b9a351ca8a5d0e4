/* explain_gradient_weight.c - one entry of a weight's gradient: a weight serves every token, so that each adds its part.
 *
 * Knows no layout; the numbers are those of the backward functions in pass/, in double. */
#include "measure/explain_gradient.h"

#include "base/text.h"
#include "measure/explain_gradient_lines.h"

#include <math.h>
#include <stdio.h>

/* The use of a weight by a stage, which x->stage is. */
typedef struct Use {
    Explainer *x;
    size_t stage;
    int which; /* 0: the weight or gain, 1: the bias */
    size_t row, col;
} Use;

/* "love (3)": a token of the stage, by its position. */
static const char *token_label(const Use *u, int axis, size_t t, char out[64])
{
    char name[32];
    lines_short(name, sizeof name, lines_label(u->x, u->x->stage, axis, t));
    snprintf(out, 64, "%s (%zu)", name, t);
    return out;
}

/* d W_E[token, col] = Σ d tokens[t, col], over the positions where that token stands */
static void add_tokens(const Use *u)
{
    Explainer *x = u->x;
    size_t n, d = x->config->d_model, found = 0;
    const int *ids = pass_ids(x->pass, x->stage->stack, &n);
    char label[64];
    for (size_t t = 0; t < n; t++) {
        if ((size_t)ids[t] != u->row)
            continue;
        Operand g = lines_gradient(x, u->stage, t, u->col, 0);
        if (x->config->embed_scale)
            lines_product(x, token_label(u, 0, t, label), g, lines_number(sqrt((double)d), "√%zu", d));
        else
            lines_term(x, token_label(u, 0, t, label), "", g, 0, lines_nothing(), g.value);
        found++;
    }
    if (!found)
        lines_note(x, _("this token does not occur in the %s's text"), stack_name(x->stage->stack));
}

static void add_positions(const Use *u)
{
    Explainer *x = u->x;
    char label[64];
    if (x->ablations & NO_POSITIONS) {
        lines_note(x, _("no-positions: W_P is not read"));
    } else if (u->row >= x->stage->shape[0]) {
        lines_note(x, _("no token stands at position %zu"), u->row);
    } else {
        Operand g = lines_gradient(x, u->stage, u->row, u->col, 0);
        lines_term(x, token_label(u, 0, u->row, label), "", g, 0, lines_nothing(), g.value);
    }
}

/* d W_T[type, col] = Σ d types[t, col], over the positions of that segment */
static void add_types(const Use *u)
{
    Explainer *x = u->x;
    size_t n, found = 0;
    const int *ids = pass_ids(x->pass, x->stage->stack, &n);
    char label[64];
    for (size_t t = 0; t < n; t++) {
        if (stage_segment(x->config, ids, t) != u->row)
            continue;
        Operand g = lines_gradient(x, u->stage, t, u->col, 0);
        lines_term(x, token_label(u, 0, t, label), "", g, 0, lines_nothing(), g.value);
        found++;
    }
    if (!found)
        lines_note(x, _("no token is of segment %zu"), u->row);
}

/* d gain[j] = Σ d y[t, j] · n[t, j] with n the normalised row; d bias[j] = Σ d y[t, j]. Where each head has rows, over all heads too. */
static void add_norm(const Use *u)
{
    Explainer *x = u->x;
    const Stage *s = x->stage;
    bool heads = s->rank == 3, rms = stage_norm_kind(s, x->config) == NORM_RMSNORM;
    size_t T = s->shape[heads ? 1 : 0], d = s->shape[s->rank - 1], j = u->row;
    char label[96], token[64];
    if (x->ablations & NO_NORM) {
        lines_note(x, _("no-norm: gain and bias are not read"));
        return;
    }
    for (size_t row = 0; row < s->count / d; row++) {
        size_t head = row / T, t = row % T;
        Operand g = heads ? lines_gradient(x, u->stage, head, t, j) : lines_gradient(x, u->stage, t, j, 0);
        token_label(u, heads ? 1 : 0, t, token);
        if (heads)
            snprintf(label, sizeof label, "%zu: %s", head, token);
        else
            snprintf(label, sizeof label, "%s", token);
        if (u->which == 1) {
            lines_term(x, label, "", g, 0, lines_nothing(), g.value);
            continue;
        }
        const real *in = pass_value(x->pass, (size_t)s->in[0]) + row * d;
        double mean = 0, squares = 0;
        for (size_t i = 0; i < d && !rms; i++)
            mean += (double)in[i] / (double)d;
        for (size_t i = 0; i < d; i++)
            squares += ((double)in[i] - mean) * ((double)in[i] - mean);
        double n = ((double)in[j] - mean) / sqrt(squares / (double)d + x->config->norm_eps);
        lines_product(x, label, g, lines_number(n, rms ? "x / rms" : "(x − mean) / std"));
    }
}

/* d W[i, column] = Σ x[t, i] · d out[t, column];  d b[column] = Σ d out[t, column]. Heads stand side by side in the columns. */
static void add_linear(const Use *u)
{
    Explainer *x = u->x;
    const Stage *s = x->stage;
    bool heads = s->rank == 3;
    size_t T = s->shape[heads ? 1 : 0], k = s->shape[s->rank - 1], column = u->which == 1 ? u->row : u->col;
    char label[64];
    for (size_t t = 0; t < T; t++) {
        Operand g = heads ? lines_gradient(x, u->stage, column / k, t, column % k) : lines_gradient(x, u->stage, t, column, 0);
        token_label(u, heads ? 1 : 0, t, label);
        if (u->which == 1)
            lines_term(x, label, "", g, 0, lines_nothing(), g.value);
        else
            lines_product(x, label, g, lines_input(x, 0, t, u->row, 0));
    }
}

/* As a linear map; where W_U is W_E transposed, its rows are tokens. */
static void add_logits(const Use *u)
{
    Use turned = *u;
    if (u->which == 0 && u->x->config->tie_embeddings) {
        turned.row = u->col;
        turned.col = u->row;
    }
    add_linear(&turned);
}

static void add_use(const Use *u)
{
    switch (u->x->stage->kind) {
    case STAGE_TOKENS:
        add_tokens(u);
        return;
    case STAGE_POSITIONS:
        add_positions(u);
        return;
    case STAGE_TYPES:
        add_types(u);
        return;
    case STAGE_NORM:
    case STAGE_Q_NORM:
    case STAGE_K_NORM:
        add_norm(u);
        return;
    case STAGE_LOGITS:
        add_logits(u);
        return;
    default:
        add_linear(u);
    }
}

/* "xᵀ · d q": what the stage gives this weight. */
static void add_formula(Buffer *out, const Plan *plan, const Stage *s, int which)
{
    const char *id = s->sub == SUB_FINAL ? sub_name(s->sub) : stage_table[s->kind].id;
    buffer_puts(out, out->len ? " + " : "");
    if (which == 1)
        buffer_printf(out, "Σ d %s", id);
    else if (s->kind == STAGE_TOKENS || s->kind == STAGE_POSITIONS || s->kind == STAGE_TYPES)
        buffer_printf(out, plan->config->embed_scale && s->kind == STAGE_TOKENS ? "Σ d %s · √d_model" : "Σ d %s", id);
    else if (stage_is_norm(s->kind))
        buffer_printf(out, "Σ d %s · n", id);
    else if (s->kind == STAGE_LOGITS && plan->config->tie_embeddings)
        buffer_printf(out, "d %sᵀ · x", id);
    else
        buffer_printf(out, "xᵀ · d %s", id);
}

static void explain_uses(Explainer *x, size_t weight, size_t row, size_t col)
{
    const Plan *plan = pass_plan(x->pass);
    size_t uses = 0;
    Buffer formula = {0};
    for (size_t i = 0; i < plan->count; i++)
        for (int which = 0; which < 2; which++)
            if (plan->stages[i].w[which] == (int)weight) {
                add_formula(&formula, plan, &plan->stages[i], which);
                uses++;
            }
    lines_formula(x, "%s", uses ? buffer_text(&formula) : "0");
    x->failed = x->failed || formula.failed;
    buffer_free(&formula);
    if (!uses)
        lines_note(x, _("no stage of this pass reads it"));
    for (size_t i = 0; i < plan->count; i++)
        for (int which = 0; which < 2; which++) {
            if (plan->stages[i].w[which] != (int)weight)
                continue;
            char name[STAGE_NAME_MAX];
            if (uses > 1)
                lines_note(x, _("%s reads it"), stage_name(&plan->stages[i], name));
            x->stage = &plan->stages[i];
            add_use(&(Use){x, i, which, row, col});
        }
}

int lines_check_entry(const Pass *p, size_t weight, size_t row, size_t col, Error *e)
{
    const Weights *weights = &pass_model(p)->weights;
    if (weight >= weights->count)
        return error_set(e, "weight: expected a number from 0 to %zu, found %zu", weights->count - 1, weight);
    const Weight *w = &weights->items[weight];
    size_t columns = w->rank == 2 ? w->shape[1] : 1;
    if (row >= w->shape[0])
        return error_set(e, "%s: row: expected an index from 0 to %zu, found %zu", w->name, w->shape[0] - 1, row);
    if (col >= columns)
        return error_set(e, "%s: column: expected an index from 0 to %zu, found %zu", w->name, columns - 1, col);
    return 0;
}

int explain_weight_gradient(Pass *p, size_t weight, size_t row, size_t col, Explanation *out, Error *e)
{
    *out = (Explanation){0};
    const Plan *plan = pass_plan(p);
    if (lines_check_entry(p, weight, row, col, e) != 0)
        return -1;
    const Weight *w = &pass_model(p)->weights.items[weight];
    if (!pass_weight_gradient(p, weight))
        return error_set(e, "gradient: expected a pass that went backwards, found one that has not; set targets for the loss first");
    out->stored = out->computed = (double)pass_weight_gradient(p, weight)[w->rank == 2 ? row * w->shape[1] + col : row];
    out->subject = (Operand){.kind = OPERAND_WEIGHT_GRADIENT, .weight = weight, .row = row, .col = col, .value = out->stored};
    Explainer x = {
        .pass = p, .config = plan->config, .ablations = plan->ablations, .stage = plan->stages, .index = out->cell.index, .out = out};
    explain_uses(&x, weight, row, col);
    bool failed = x.failed || x.name.failed;
    buffer_free(&x.name);
    if (failed) {
        explanation_free(out);
        return error_memory(e, "explanation");
    }
    return 0;
}
