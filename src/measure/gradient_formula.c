/* gradient_formula.c - how a stage's gradient comes from those of its readers, as a formula.
 *
 * Knows the ablations' wording; computes nothing. */
#include "measure/gradient.h"

#include "base/text.h"
#include "measure/explain_gradient_lines.h"

#include <stdio.h>
#include <string.h>

typedef struct Shape {
    char text[80];
} Shape;

/* " [4,7,8]", with a space before it; the last two dimensions swapped where transposed; "" where shapes are not wanted. */
static Shape shape_text(bool shapes, const size_t *shape, int rank, bool transposed)
{
    Shape s = {""};
    if (!shapes)
        return s;
    size_t a = shape[rank - 2], b = shape[rank - 1];
    if (rank == 3)
        snprintf(s.text, sizeof s.text, " [%zu,%zu,%zu]", shape[0], transposed ? b : a, transposed ? a : b);
    else
        snprintf(s.text, sizeof s.text, " [%zu,%zu]", transposed ? b : a, transposed ? a : b);
    return s;
}
#define SHAPE(stage) shape_text(shapes, (stage)->shape, (stage)->rank, false).text
#define TRANSPOSED_SHAPE(stage) shape_text(shapes, (stage)->shape, (stage)->rank, true).text

static const char *id(const Stage *s)
{
    return s->sub == SUB_FINAL ? sub_name(s->sub) : stage_table[s->kind].id;
}

/* The name of the reader of a stage: "residual", or "ffn.residual" where the stage is called the same. */
typedef struct ReaderName {
    char text[40];
} ReaderName;

static ReaderName reader_name(const Plan *plan, const Stage *reader, int which)
{
    ReaderName name;
    bool same = strcmp(id(reader), id(&plan->stages[reader->in[which]])) == 0;
    snprintf(name.text, sizeof name.text, "%s%s%s", same ? sub_name(reader->sub) : "", same ? "." : "", id(reader));
    return name;
}

/* x · W + b whose gradients are written as one sum; the logits are named in their own way. */
static bool is_linear(const Stage *s)
{
    return stage_is_linear(s->kind) && s->kind != STAGE_LOGITS;
}

bool gradient_passes(const Plan *plan, const Stage *reader, int which)
{
    switch (reader->kind) {
    case STAGE_SUM:
        return which == 0 || plan->config->position == POSITION_LEARNED;
    case STAGE_WEIGHTS:
        return !(plan->ablations & UNIFORM_ATTENTION);
    case STAGE_RESIDUAL:
        return which == 1 || !(plan->ablations & NO_RESIDUAL);
    default:
        return reader->kind != STAGE_PROBS;
    }
}

static void add_weight_shape(Buffer *out, const Pass *p, const Stage *s, bool transposed, bool shapes)
{
    const Weight *w = &pass_model(p)->weights.items[s->w[0]];
    buffer_puts(out, shape_text(shapes, w->shape, w->rank, transposed).text);
}

static void add_norm(const Config *c, Ablations a, const Stage *s, bool shapes, Buffer *out)
{
    if (a & NO_NORM)
        buffer_printf(out, "d %s%s", id(s), SHAPE(s));
    else if (stage_norm_kind(s, c) == NORM_RMSNORM)
        buffer_printf(out, "(g − n · mean(g·n)) / rms, g = d %s%s · gain", id(s), SHAPE(s));
    else
        buffer_printf(out, "(g − mean(g) − n · mean(g·n)) / std, g = d %s%s · gain", id(s), SHAPE(s));
}

static void add_scaled(const Config *c, Ablations a, const Stage *s, bool shapes, Buffer *out)
{
    char divisor[STAGE_DIVISOR_MAX];
    stage_divisor(s, c, a, divisor);
    buffer_printf(out, "d scaled%s", SHAPE(s));
    if (a & NO_SCALE)
        buffer_puts(out, " × 1 (no-scale)");
    else if (a & SCALE_BY_DK)
        buffer_printf(out, " / %zu (scale-by-dk)", c->d_head);
    else
        buffer_printf(out, " / %s", divisor);
}

void gradient_term(const Pass *p, const Stage *s, int which, bool shapes, Buffer *out)
{
    const Plan *plan = pass_plan(p);
    const Config *c = plan->config;
    const Stage *other = s->in[1 - which] == NO_STAGE ? NULL : &plan->stages[s->in[1 - which]];
    if (!gradient_passes(plan, s, which)) {
        buffer_puts(out, "0");
        return;
    }
    if (is_linear(s)) {
        buffer_printf(out, "d %s%s · %sᵀ", id(s), SHAPE(s), stage_table[s->kind].w[0]);
        add_weight_shape(out, p, s, true, shapes);
        return;
    }
    switch (s->kind) {
    case STAGE_NORM:
    case STAGE_Q_NORM:
    case STAGE_K_NORM:
        add_norm(c, plan->ablations, s, shapes, out);
        return;
    case STAGE_Q_ROT:
    case STAGE_K_ROT:
        buffer_printf(out, plan->ablations & NO_POSITIONS ? _("d %s%s (no-positions)") : _("d %s%s, pairs turned back"), id(s), SHAPE(s));
        return;
    case STAGE_SCORES:
        if (which == 0)
            buffer_printf(out, "d scores%s · %s%s", SHAPE(s), id(other), SHAPE(other));
        else
            buffer_printf(out, "d scoresᵀ%s · %s%s", TRANSPOSED_SHAPE(s), id(other), SHAPE(other));
        return;
    case STAGE_SCALED:
        add_scaled(c, plan->ablations, s, shapes, out);
        return;
    case STAGE_MASKED:
        buffer_printf(out, "d masked%s", SHAPE(s));
        if (stage_is_causal(s) && !(plan->ablations & NO_MASK))
            buffer_printf(out, "%s", _(", 0 where hidden"));
        return;
    case STAGE_WEIGHTS:
        buffer_printf(out, "weights · (d weights%s − Σ d weights · weights)", SHAPE(s));
        return;
    case STAGE_HEADS:
        if (which == 0)
            buffer_printf(out, "d heads%s · vᵀ%s", SHAPE(s), TRANSPOSED_SHAPE(other));
        else
            buffer_printf(out, "weightsᵀ%s · d heads%s", TRANSPOSED_SHAPE(other), SHAPE(s));
        return;
    case STAGE_CONCAT:
        buffer_printf(out, _("d concat%s, cut into heads"), SHAPE(s));
        return;
    case STAGE_ACTIVATE:
        buffer_printf(out, _("d activate%s × slope of %s"), SHAPE(s), activation_name(c->activation));
        return;
    case STAGE_PRODUCT:
        buffer_printf(out, "d product%s × %s", SHAPE(s), id(other));
        return;
    case STAGE_LOGITS:
        buffer_printf(out, "d logits%s · %s", SHAPE(s), c->tie_embeddings ? "W_E" : "W_Uᵀ");
        add_weight_shape(out, p, s, !c->tie_embeddings, shapes);
        return;
    case STAGE_SUM: /* a copy */
    case STAGE_TYPED:
    case STAGE_BIASED:
    case STAGE_JOINED:
    case STAGE_RESIDUAL:
        buffer_printf(out, "d %s%s", reader_name(plan, s, which).text, SHAPE(s));
        return;
    case STAGE_Q: /* linear, above */
    case STAGE_K:
    case STAGE_V:
    case STAGE_OUT:
    case STAGE_GATE:
    case STAGE_EXPAND:
    case STAGE_CONTRACT:
    case STAGE_TRANSFORM:
    case STAGE_TOKENS: /* reads no stage */
    case STAGE_POSITIONS:
    case STAGE_TYPES:
    case STAGE_PROBS: /* gradient_passes never */
    case STAGE_KIND_COUNT:
        return;
    }
}

/* ---- the sum over the readers ---- */

/* What is collected of the readers that multiply by a weight of theirs. */
typedef struct Linears {
    size_t count, layers;
    const Stage *first, *last;
    char ids[64]; /* "q, k, v", each once */
    bool seen[STAGE_KIND_COUNT];
} Linears;

static void note_linear(Linears *l, const Stage *s)
{
    l->layers += !l->last || l->last->layer != s->layer;
    l->last = s;
    if (l->count++ == 0)
        l->first = s;
    if (l->seen[s->kind])
        return;
    l->seen[s->kind] = true;
    size_t used = strlen(l->ids);
    snprintf(l->ids + used, sizeof l->ids - used, "%s%s", used ? ", " : "", id(s));
}

/* "d q · W_Qᵀ", or "Σ d(q, k, v) · Wᵀ", and in how many layers where several read it (the end of an encoder) */
static void add_linears(const Pass *p, const Linears *l, bool shapes, Buffer *out)
{
    if (l->count == 1) {
        gradient_term(p, l->first, 0, shapes, out);
        return;
    }
    buffer_printf(out, "Σ d(%s) · Wᵀ", l->ids);
    if (l->layers > 1)
        buffer_printf(out, _(" of %zu layers"), l->layers);
}

static void add_plus(Buffer *out, bool *any)
{
    buffer_puts(out, *any ? " + " : "");
    *any = true;
}

/* The logits' own. */
static void add_loss(const Pass *p, Buffer *out)
{
    size_t n, counted = 0;
    const int *targets = pass_targets(p, &n);
    for (size_t i = 0; i < n; i++)
        counted += targets[i] >= 0;
    if (n)
        buffer_printf(out, _("(probs − 1 at the target) / %zu counted"), counted);
    else
        buffer_printf(out, "%s", _("(probs − 1 at the target) / counted positions"));
}

void gradient_terms(const Pass *p, size_t i, bool shapes, Buffer *out)
{
    const Plan *plan = pass_plan(p);
    Linears linears = {0};
    bool any = false;
    if (plan->stages[i].kind == STAGE_LOGITS) {
        add_loss(p, out);
        return;
    }
    for (size_t k = i + 1; k < plan->count; k++)
        if (is_linear(&plan->stages[k]) && plan->stages[k].in[0] == (int)i)
            note_linear(&linears, &plan->stages[k]);
    if (linears.count) {
        add_plus(out, &any);
        add_linears(p, &linears, shapes, out);
    }
    for (int norms = 0; norms < 2; norms++) /* the norm's part last: a comma follows it */
        for (size_t k = i + 1; k < plan->count; k++)
            for (int which = 0; which < 2; which++) {
                const Stage *s = &plan->stages[k];
                if (s->in[which] != (int)i || is_linear(s) || stage_is_norm(s->kind) != norms || !gradient_passes(plan, s, which))
                    continue;
                add_plus(out, &any);
                gradient_term(p, s, which, shapes, out);
            }
    if (!any)
        buffer_puts(out, "0");
}

/* Why a gradient is 0 whatever the targets are; "" where it is not. */
static const char *why_nothing(const Plan *plan, size_t i)
{
    const Stage *s = &plan->stages[i];
    if (s->kind == STAGE_LOGITS)
        return "";
    if (s->kind == STAGE_PROBS)
        return _(": the loss reads the logits");
    for (size_t k = i + 1; k < plan->count; k++)
        for (int which = 0; which < 2; which++)
            if (plan->stages[k].in[which] == (int)i) {
                if (gradient_passes(plan, &plan->stages[k], which))
                    return "";
                if (plan->stages[k].kind == STAGE_WEIGHTS)
                    return _(": the scores are not looked at (uniform-attention)");
                if (s->kind == STAGE_POSITIONS)
                    return _(": the table is a constant");
            }
    return _(": nothing reads it");
}

/* A key or value head that several heads read. */
static bool is_shared(const Plan *plan, size_t i)
{
    for (size_t k = i + 1; k < plan->count; k++)
        if (plan->stages[k].in[1] == (int)i && (plan->stages[k].kind == STAGE_SCORES || plan->stages[k].kind == STAGE_HEADS))
            return plan->config->n_heads > plan->config->n_kv_heads;
    return false;
}

void gradient_formula(const Pass *p, size_t i, Buffer *out)
{
    const Plan *plan = pass_plan(p);
    const Stage *s = &plan->stages[i];
    const bool shapes = true;
    buffer_printf(out, "d %s = ", id(s));
    gradient_terms(p, i, shapes, out);
    const char *nothing = why_nothing(plan, i);
    buffer_puts(out, nothing);
    if (*nothing)
        return;
    buffer_printf(out, " →%s", SHAPE(s));
    if (is_shared(plan, i))
        buffer_printf(out, _(", summed over the %zu heads that share it"), plan->config->n_heads / plan->config->n_kv_heads);
}
