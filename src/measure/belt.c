/* belt.c - one token's way through a stack. */
#include "measure/belt.h"

#include "measure/metrics.h"
#include "measure/trunk.h"
#include "pass/edit.h"

#include <math.h>
#include <stdlib.h>

typedef struct Belt {
    Pass *pass;
    size_t row, d;
    real *difference; /* [d] */
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

/* x: what stage `stage` put on, found: the stream before it (NULL at the beginning), left: the stream behind it, of stage `after`; each
 * [d]. g [d]: the direction of the answer behind this part, or NULL. */
static void put(Belt *b, size_t stage, size_t after, const real *x, const real *found, const real *left, const double *g)
{
    bool norm = stage == after && pass_plan(b->pass)->stages[stage].kind == STAGE_NORM;
    BeltPart part = {
        .stage = stage, .after = after, .added_norm = norm ? NAN : trunk_norm(x, b->d), .cosine = NAN, .answer = NAN, .logit = NAN};
    if (found) {
        part.before_norm = trunk_norm(found, b->d);
        part.cosine = cosine(x, found, b->d);
    }
    part.after_norm = trunk_norm(left, b->d);
    if (g && !norm) {
        part.answer = cosine_with(x, g, b->d);
        part.logit = trunk_dot(x, g, b->d);
    }
    b->out[b->n++] = part;
}

/* What an edit made of the stream itself. */
static void put_edit(Belt *b, size_t stage, const double *g)
{
    if (!pass_is_edited(b->pass, stage))
        return;
    const real *now = trunk_row(b->pass, stage, b->row), *was = pass_unedited(b->pass, stage) + b->row * b->d;
    for (size_t i = 0; i < b->d; i++)
        b->difference[i] = now[i] - was[i];
    put(b, stage, stage, b->difference, was, now, g);
    b->out[b->n - 1].edit = true;
    b->out[b->n - 1].added_norm = trunk_norm(b->difference, b->d);
    if (g) {
        b->out[b->n - 1].answer = cosine_with(b->difference, g, b->d);
        b->out[b->n - 1].logit = trunk_dot(b->difference, g, b->d);
    }
}

static void put_entry(Belt *b, const Trunk *t, size_t k, const double *g, const double *bias)
{
    const Plan *plan = pass_plan(b->pass);
    size_t at = t->stages[k];
    const Stage *s = &plan->stages[at];
    const double *direction = g ? g + k * b->d : NULL;
    const real *left = s->kind == STAGE_TOKENS ? trunk_row(b->pass, at, b->row) : pass_unedited(b->pass, at) + b->row * b->d;
    const real *found = k ? trunk_row(b->pass, t->stages[k - 1], b->row) : NULL;
    if (s->kind == STAGE_SUM) {
        const real *token = trunk_row(b->pass, (size_t)s->in[0], b->row);
        put(b, (size_t)s->in[0], (size_t)s->in[0], token, NULL, token, direction);
        put(b, (size_t)s->in[1], at, trunk_row(b->pass, (size_t)s->in[1], b->row), token, left, direction);
    } else if (s->kind == STAGE_TOKENS) {
        put(b, at, at, left, NULL, left, direction);
        return; /* an edited token is the token */
    } else if (s->kind == STAGE_NORM) {
        put(b, at, at, left, found, left, NULL);
        if (g)
            b->out[b->n - 1].logit = bias[k];
    } else {
        size_t added = (size_t)trunk_added(plan, t, k);
        put(b, added, at, trunk_row(b->pass, added, b->row), found, left, direction);
    }
    put_edit(b, at, direction);
}

int belt_make(Pass *p, Stack stack, size_t row, int answer, BeltPart **out, size_t *n, Error *e)
{
    const Plan *plan = pass_plan(p);
    Belt b = {.pass = p, .row = row, .d = plan->config->d_model};
    double rest = 0;
    bool followed = answer >= 0 && stack == config_last_stack(plan->config);
    Trunk t;
    *n = 0;
    *out = NULL;
    if (trunk_find(plan, stack, &t, e) != 0)
        return -1;
    double *g = calloc(t.count * (b.d + 1) + b.d, sizeof *g), *bias = g ? g + t.count * b.d : NULL, *room = g ? bias + t.count : NULL;
    b.out = calloc(2 * t.count + 2, sizeof *b.out); /* the embedding may be two parts, any may be edited, and the output's own */
    b.difference = calloc(b.d, sizeof *b.difference);
    if (g && b.out && b.difference) {
        if (followed) {
            rest = trunk_unembed(p, row, answer, -1, g + (t.count - 1) * b.d, room);
            trunk_carry_back(p, &t, row, g, bias);
        }
        for (size_t k = 0; k < t.count; k++)
            put_entry(&b, &t, k, followed ? g : NULL, bias);
        if (followed && (plan->config->output_head || plan->config->output_bias)) { /* it adds to the logit, no longer to the stream */
            double norm = b.out[b.n - 1].after_norm;
            b.out[b.n++] = (BeltPart){.stage = plan->count - 2, .after = t.stages[t.count - 1], .before_norm = norm, .added_norm = NAN,
                                      .after_norm = norm, .cosine = NAN, .answer = NAN, .logit = rest};
        }
        *out = b.out;
        *n = b.n;
    } else {
        free(b.out);
    }
    free(g);
    free(b.difference);
    trunk_free(&t);
    return *out ? 0 : error_memory(e, "residual stream");
}
