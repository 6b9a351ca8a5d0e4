/* formula.c - a stage's formula with the shapes it has in this pass.
 *
 * Knows the ablations' wording; computes nothing. */
#include "measure/metrics.h"

#include "base/text.h"

#include <stdio.h>

typedef struct Shape {
    char text[80];
} Shape;

/* "[4,7,8]"; the last two dimensions swapped where transposed. */
static Shape shape_text(const size_t *shape, int rank, bool transposed)
{
    Shape s;
    size_t a = shape[rank - 2], b = shape[rank - 1];
    if (transposed) {
        a = shape[rank - 1];
        b = shape[rank - 2];
    }
    if (rank == 3)
        snprintf(s.text, sizeof s.text, "[%zu,%zu,%zu]", shape[0], a, b);
    else
        snprintf(s.text, sizeof s.text, "[%zu,%zu]", a, b);
    return s;
}
#define SHAPE(stage) shape_text((stage)->shape, (stage)->rank, false).text
#define TRANSPOSED_SHAPE(stage) shape_text((stage)->shape, (stage)->rank, true).text

typedef struct Context {
    const Pass *pass;
    const Config *config;
    Ablations ablations;
    const Stage *s, *in[2];
    Buffer *out;
} Context;

static const char *id(const Stage *s)
{
    return s->sub == SUB_FINAL ? sub_name(s->sub) : stage_table[s->kind].id;
}

/* "x [7,32] · W_Q [32,32] + b_Q [32]" */
static void add_linear(const Context *c, const char *input)
{
    const Weights *weights = &pass_model(c->pass)->weights;
    const char *const *tags = stage_table[c->s->kind].w;
    const Weight *w = &weights->items[c->s->w[0]];
    if (c->s->sub == SUB_CROSS && (c->s->kind == STAGE_K || c->s->kind == STAGE_V))
        input = _("encoder's output");
    buffer_printf(c->out, "%s %s · %s [%zu,%zu]", input, SHAPE(c->in[0]), tags[0], w->shape[0], w->shape[1]);
    if (c->s->w[1] != NO_WEIGHT)
        buffer_printf(c->out, " + %s [%zu]", tags[1], weights->items[c->s->w[1]].count);
    buffer_puts(c->out, " → ");
}

static void add_embedding(const Context *c)
{
    const Config *config = c->config;
    const Stage *s = c->s;
    if (s->kind == STAGE_TOKENS) {
        buffer_printf(c->out, "W_E [%zu,%zu]", config->vocab_size, config->d_model);
        if (config->embed_scale)
            buffer_printf(c->out, " × √%zu", config->d_model);
        buffer_printf(c->out, ngettext(", one row for %zu token", ", one row for each of %zu tokens", s->shape[0]), s->shape[0]);
    } else if (c->ablations & NO_POSITIONS) {
        buffer_printf(c->out, "%s", _("zeros (no-positions)"));
    } else if (config->position == POSITION_LEARNED) {
        buffer_printf(c->out, _("W_P [%zu,%zu], rows 0 … %zu"), config->max_len, config->d_model, s->shape[0] - 1);
    } else {
        buffer_printf(c->out, config->sinusoid_pairing == PAIRING_HALF ? _("all sin, then all cos of position / 10000^(2i/%zu)")
                                                                       : _("sin and cos of position / 10000^(2i/%zu)"),
                      config->d_model);
    }
    buffer_printf(c->out, " → %s", SHAPE(s));
}

static void add_norm(const Context *c, const char *x)
{
    if (c->ablations & NO_NORM)
        buffer_printf(c->out, _("%s %s, unchanged (no-norm)"), x, SHAPE(c->s));
    else if (stage_norm_kind(c->s, c->config) == NORM_RMSNORM)
        buffer_printf(c->out, _("%s / √(mean of %s² + %g) × gain, row by row of %s"), x, x, c->config->norm_eps, SHAPE(c->s));
    else
        buffer_printf(c->out, _("(x − mean) / √(variance + %g) × gain + bias, row by row of %s"), c->config->norm_eps, SHAPE(c->s));
}

/* "; 2 heads share each k" where there are fewer key/value heads than heads */
static void add_sharing(const Context *c, const char *what)
{
    if (c->config->n_kv_heads < c->config->n_heads)
        buffer_printf(c->out, _("; %zu heads share each %s"), c->config->n_heads / c->config->n_kv_heads, what);
}

static void add_scores(const Context *c)
{
    const Stage *s = c->s;
    size_t k = c->config->d_head;
    char divisor[STAGE_DIVISOR_MAX];
    stage_divisor(s, c->config, c->ablations, divisor);
    switch (s->kind) {
    case STAGE_SCORES:
        buffer_printf(c->out, "%s %s · %sᵀ %s → %s", id(c->in[0]), SHAPE(c->in[0]), id(c->in[1]), TRANSPOSED_SHAPE(c->in[1]), SHAPE(s));
        add_sharing(c, id(c->in[1]));
        return;
    case STAGE_SCALED:
        if (c->ablations & NO_SCALE)
            buffer_printf(c->out, "scores %s × 1 (no-scale)", SHAPE(s));
        else if (c->ablations & SCALE_BY_DK)
            buffer_printf(c->out, "scores %s / %zu (scale-by-dk)", SHAPE(s), k);
        else
            buffer_printf(c->out, "scores %s / %s", SHAPE(s), divisor);
        return;
    case STAGE_BIASED:
        if (c->ablations & NO_POSITIONS)
            buffer_printf(c->out, "%s %s − 0 (no-positions)", id(c->in[0]), SHAPE(s));
        else
            buffer_printf(c->out, _("%s %s − slope of the head · |query − key|"), id(c->in[0]), SHAPE(s));
        return;
    case STAGE_MASKED:
        if (!stage_is_causal(s))
            buffer_printf(c->out, _("%s %s, nothing hidden"), id(c->in[0]), SHAPE(s));
        else if (c->ablations & NO_MASK)
            buffer_printf(c->out, _("%s %s, nothing hidden (no-mask)"), id(c->in[0]), SHAPE(s));
        else if (c->config->window)
            buffer_printf(c->out, _("%s %s, −∞ where key > query or key ≤ query − %zu"), id(c->in[0]), SHAPE(s), c->config->window);
        else
            buffer_printf(c->out, _("%s %s, −∞ where key > query"), id(c->in[0]), SHAPE(s));
        return;
    default: /* WEIGHTS */
        if (c->ablations & UNIFORM_ATTENTION)
            buffer_printf(c->out, _("1 / visible keys, in %s (uniform-attention)"), SHAPE(s));
        else
            buffer_printf(c->out, _("softmax by rows of %s"), SHAPE(s));
    }
}

static void add_residual(const Context *c)
{
    if (c->ablations & NO_RESIDUAL)
        buffer_printf(c->out, _("%s %s alone, x is not added (no-residual)"), id(c->in[1]), SHAPE(c->in[1]));
    else
        buffer_printf(c->out, "x %s + %s %s", SHAPE(c->in[0]), id(c->in[1]), SHAPE(c->in[1]));
}

void formula_with_shapes(const Pass *p, size_t i, Buffer *out)
{
    const Plan *plan = pass_plan(p);
    const Stage *s = &plan->stages[i];
    Context context = {.pass = p, .config = plan->config, .ablations = plan->ablations, .s = s, .out = out}, *c = &context;
    for (int k = 0; k < 2; k++)
        if (s->in[k] != NO_STAGE)
            context.in[k] = &plan->stages[s->in[k]];

    switch (s->kind) {
    case STAGE_TOKENS:
    case STAGE_POSITIONS:
        add_embedding(c);
        return;
    case STAGE_SUM:
        buffer_printf(out, "tokens %s + positions %s", SHAPE(c->in[0]), SHAPE(c->in[1]));
        return;
    case STAGE_NORM:
        add_norm(c, "x");
        return;
    case STAGE_Q_NORM:
    case STAGE_K_NORM:
        add_norm(c, id(c->in[0]));
        return;
    case STAGE_Q:
    case STAGE_K:
    case STAGE_V:
        add_linear(c, "x");
        buffer_printf(out, ngettext("%zu head of [%zu,%zu]", "%zu heads of [%zu,%zu]", s->shape[0]), s->shape[0], s->shape[1], s->shape[2]);
        return;
    case STAGE_Q_ROT:
    case STAGE_K_ROT:
        if (c->ablations & NO_POSITIONS)
            buffer_printf(out, _("%s %s, not turned (no-positions)"), id(c->in[0]), SHAPE(s));
        else
            buffer_printf(out, _("%s %s, pairs turned by position · %g^(−2i/%zu)"), id(c->in[0]), SHAPE(s), c->config->rope_theta,
                          config_rope_dims(c->config));
        if (config_rope_dims(c->config) < s->shape[2] && !(c->ablations & NO_POSITIONS))
            buffer_printf(out, _(", the first %zu of %zu dims"), config_rope_dims(c->config), s->shape[2]);
        if (c->config->rope_scaling != ROPE_SCALING_NONE && !(c->ablations & NO_POSITIONS))
            buffer_printf(out, _(", slowed down (%s)"), rope_scaling_name(c->config));
        return;
    case STAGE_SCORES:
    case STAGE_SCALED:
    case STAGE_BIASED:
    case STAGE_MASKED:
    case STAGE_WEIGHTS:
        add_scores(c);
        return;
    case STAGE_HEADS:
        buffer_printf(out, "weights %s · v %s → %s", SHAPE(c->in[0]), SHAPE(c->in[1]), SHAPE(s));
        add_sharing(c, "v");
        return;
    case STAGE_CONCAT:
        buffer_printf(out,
                      ngettext("%zu head of [%zu,%zu], side by side → %s", "%zu heads of [%zu,%zu], side by side → %s", c->in[0]->shape[0]),
                      c->in[0]->shape[0], c->in[0]->shape[1], c->in[0]->shape[2], SHAPE(s));
        return;
    case STAGE_OUT:
    case STAGE_CONTRACT:
        add_linear(c, id(c->in[0]));
        buffer_puts(out, SHAPE(s));
        return;
    case STAGE_GATE:
    case STAGE_EXPAND:
    case STAGE_TRANSFORM:
        add_linear(c, "x");
        buffer_puts(out, SHAPE(s));
        return;
    case STAGE_ACTIVATE:
        if (c->config->activation == ACTIVATION_RELU)
            buffer_printf(out, "max(%s %s, 0)", id(c->in[0]), SHAPE(s));
        else
            buffer_printf(out, "%s(%s %s)", activation_name(c->config->activation), id(c->in[0]), SHAPE(s));
        return;
    case STAGE_PRODUCT:
        buffer_printf(out, _("activate %s × expand %s, number by number"), SHAPE(c->in[0]), SHAPE(c->in[1]));
        return;
    case STAGE_TYPES:
        buffer_printf(out, ngettext("W_T [%zu,%zu], one row for %zu token", "W_T [%zu,%zu], one row for each of %zu tokens", s->shape[0]),
                      c->config->token_types, c->config->d_model, s->shape[0]);
        buffer_printf(out, " → %s", SHAPE(s));
        return;
    case STAGE_TYPED:
        buffer_printf(out, "%s %s + types %s", id(c->in[0]), SHAPE(c->in[0]), SHAPE(c->in[1]));
        return;
    case STAGE_JOINED:
        buffer_printf(out, "out %s + contract %s", SHAPE(c->in[0]), SHAPE(c->in[1]));
        return;
    case STAGE_RESIDUAL:
        add_residual(c);
        return;
    case STAGE_LOGITS:
        buffer_printf(out, "x %s · %s [%zu,%zu]", SHAPE(c->in[0]), c->config->tie_embeddings ? "W_Eᵀ" : "W_U", c->config->d_model,
                      c->config->vocab_size);
        if (s->w[1] != NO_WEIGHT)
            buffer_printf(out, " + b_U [%zu]", c->config->vocab_size);
        buffer_printf(out, " → %s", SHAPE(s));
        return;
    case STAGE_PROBS:
        buffer_printf(out, _("softmax by rows of %s"), SHAPE(s));
        return;
    case STAGE_KIND_COUNT:
        return;
    }
}
