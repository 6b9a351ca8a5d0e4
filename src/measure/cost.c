/* cost.c - counts what each kind of stage multiplies. */
#include "measure/cost.h"

#include <stdlib.h>

/* Rows times what one row of a weight matrix [inputs, outputs] needs. Where the unembedding is the token embedding turned round, the
 * product is the same. */
static uint64_t matrix_product(const Model *m, const Plan *plan, const Stage *s)
{
    const Stage *in = &plan->stages[s->in[0]];
    return (uint64_t)in->shape[in->rank - 2] * m->weights.items[s->w[0]].count;
}

/* What one number of a norm, an activation … takes. */
static uint64_t for_each_number(const Config *c, Ablations a, StageKind kind)
{
    switch (kind) {
    case STAGE_TOKENS: return c->embed_scale;
    case STAGE_NORM:
    case STAGE_Q_NORM:
    case STAGE_K_NORM: return a & NO_NORM ? 0 : 3;
    case STAGE_SCALED: return a & NO_SCALE ? 0 : 1;
    case STAGE_BIASED: return a & NO_POSITIONS ? 0 : 1;
    case STAGE_ACTIVATE:
        switch (c->activation) {
        case ACTIVATION_RELU: return 0;
        case ACTIVATION_SILU: return 1;
        case ACTIVATION_GELU: return 3;
        case ACTIVATION_GELU_TANH: return 6;
        }
        return 0;
    case STAGE_WEIGHTS:
    case STAGE_PROBS:
    case STAGE_PRODUCT: return 1;
    default: return 0;
    }
}

static uint64_t multiplications(const Model *m, const Plan *plan, const Stage *s)
{
    const Stage *in = s->in[0] == NO_STAGE ? NULL : &plan->stages[s->in[0]];
    if (stage_is_linear(s->kind))
        return matrix_product(m, plan, s);
    switch (s->kind) {
    case STAGE_SCORES:  /* [heads, queries, keys], each a product over d_head */
    case STAGE_HEADS: { /* [heads, queries, d_head], each over the keys */
        size_t inner = in->shape[in->rank - 1];
        return (uint64_t)s->count * inner;
    }
    case STAGE_Q_ROT: /* two for each dimension that is turned */
    case STAGE_K_ROT: return plan->ablations & NO_POSITIONS ? 0 : 2 * (uint64_t)s->shape[0] * s->shape[1] * config_rope_dims(plan->config);
    case STAGE_WEIGHTS:
        if (plan->ablations & UNIFORM_ATTENTION)
            return (uint64_t)s->shape[0] * s->shape[1];
        return s->count;
    default: return s->count * for_each_number(plan->config, plan->ablations, s->kind);
    }
}

Cost cost_of_stage(const Model *m, const Plan *plan, size_t i)
{
    const Stage *s = &plan->stages[i];
    Cost c = {.multiplications = multiplications(m, plan, s), .values = s->count};
    for (int k = 0; k < 2; k++)
        if (s->w[k] != NO_WEIGHT && (k == 0 || s->w[1] != s->w[0]))
            c.parameters += m->weights.items[s->w[k]].count;
    return c;
}

int cost_of_stages(const Model *m, const Plan *plan, const bool *chosen, Cost *out, Error *e)
{
    bool *counted = calloc(m->weights.count ? m->weights.count : 1, sizeof *counted);
    *out = (Cost){0};
    if (!counted)
        return error_memory(e, "cost");
    for (size_t i = 0; i < plan->count; i++) {
        const Stage *s = &plan->stages[i];
        if (chosen && !chosen[i])
            continue;
        out->multiplications += multiplications(m, plan, s);
        out->values += s->count;
        for (int k = 0; k < 2; k++)
            if (s->w[k] != NO_WEIGHT && !counted[s->w[k]]) {
                counted[s->w[k]] = true;
                out->parameters += m->weights.items[s->w[k]].count;
            }
    }
    free(counted);
    return 0;
}

double cost_of_values(const Plan *plan, size_t first)
{
    double numbers = 0;
    for (size_t i = first; i < plan->count; i++)
        numbers += (double)plan->stages[i].count;
    return 1e-9 * (double)sizeof(real) * numbers;
}

double cost_of_gradients(const Model *m, const Plan *plan)
{
    return 1e-9 * (double)sizeof(real) * ((double)plan->total + (double)m->weights.total);
}
