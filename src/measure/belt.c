/* belt.c - one token's way through a stack. */
#include "measure/belt.h"

#include "measure/metrics.h"
#include "measure/trunk.h"

#include <math.h>
#include <stdlib.h>

typedef struct Belt {
    Pass *pass;
    size_t row, d;
    BeltPart *out;
    size_t n;
} Belt;

/* a · g / (|a| |g|); NaN where one is zero. */
static double cosine_with(const real *a, const double *g, size_t d)
{
    double squares = 0;
    for (size_t i = 0; i < d; i++)
        squares += g[i] * g[i];
    double size = trunk_norm(a, d) * sqrt(squares);
    return size > 0 ? trunk_dot(a, g, d) / size : NAN;
}

/* before: the stage the stream was read at, NO_STAGE at the beginning; g [d]: the direction of the answer behind this part, or NULL. */
static void put(Belt *b, size_t stage, size_t after, int before, const double *g)
{
    const real *x = trunk_row(b->pass, stage, b->row);
    bool norm = pass_plan(b->pass)->stages[stage].kind == STAGE_NORM;
    BeltPart part = {.stage = stage, .after = after, .added_norm = norm ? NAN : trunk_norm(x, b->d), .cosine = NAN, .answer = NAN, .logit = NAN};
    if (before != NO_STAGE) {
        const real *from = trunk_row(b->pass, (size_t)before, b->row);
        part.before_norm = trunk_norm(from, b->d);
        part.cosine = cosine(x, from, b->d);
    }
    part.after_norm = trunk_norm(trunk_row(b->pass, after, b->row), b->d);
    if (g && !norm) {
        part.answer = cosine_with(x, g, b->d);
        part.logit = trunk_dot(x, g, b->d);
    }
    b->out[b->n++] = part;
}

static void put_entry(Belt *b, const Trunk *t, size_t k, const double *g, const double *bias)
{
    const Plan *plan = pass_plan(b->pass);
    const Stage *s = &plan->stages[t->stages[k]];
    const double *direction = g ? g + k * b->d : NULL;
    if (s->kind == STAGE_SUM) {
        put(b, (size_t)s->in[0], (size_t)s->in[0], NO_STAGE, direction);
        put(b, (size_t)s->in[1], t->stages[k], s->in[0], direction);
    } else if (s->kind == STAGE_TOKENS) {
        put(b, t->stages[k], t->stages[k], NO_STAGE, direction);
    } else if (s->kind == STAGE_NORM) {
        put(b, t->stages[k], t->stages[k], (int)t->stages[k - 1], NULL);
        if (g)
            b->out[b->n - 1].logit = bias[k];
    } else {
        put(b, (size_t)trunk_added(plan, t, k), t->stages[k], (int)t->stages[k - 1], direction);
    }
}

int belt_make(Pass *p, Stack stack, size_t row, int answer, BeltPart **out, size_t *n, Error *e)
{
    const Plan *plan = pass_plan(p);
    Belt b = {.pass = p, .row = row, .d = plan->config->d_model};
    bool followed = answer >= 0 && stack == config_last_stack(plan->config);
    Trunk t;
    *n = 0;
    *out = NULL;
    if (trunk_find(plan, stack, &t, e) != 0)
        return -1;
    double *g = calloc(t.count * (b.d + 1), sizeof *g), *bias = g ? g + t.count * b.d : NULL;
    b.out = calloc(t.count + 1, sizeof *b.out);
    if (g && b.out) {
        if (followed) {
            trunk_unembed(p, answer, -1, g + (t.count - 1) * b.d);
            trunk_carry_back(p, &t, row, g, bias);
        }
        for (size_t k = 0; k < t.count; k++)
            put_entry(&b, &t, k, followed ? g : NULL, bias);
        *out = b.out;
        *n = b.n;
    } else {
        free(b.out);
    }
    free(g);
    trunk_free(&t);
    return *out ? 0 : error_memory(e, "residual stream");
}
