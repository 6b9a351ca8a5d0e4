/* trunk.c - walks the residual stream backwards, and carries a direction with it. Knows nothing of heads and units. */
#include "measure/trunk.h"

#include "pass/edit.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* The stage that stands before i in the stream, or NO_STAGE at the embedding. */
static int before(const Plan *plan, size_t i)
{
    const Stage *s = &plan->stages[i];
    return s->kind == STAGE_RESIDUAL || s->kind == STAGE_NORM || s->kind == STAGE_TYPED ? s->in[0] : NO_STAGE;
}

/* The last stage of a stack: what it hands on. */
static size_t last_of(const Plan *plan, Stack stack)
{
    size_t last = 0;
    for (size_t i = 0; i < plan->count; i++)
        if (plan->stages[i].stack == stack)
            last = i;
    return last;
}

int trunk_find(const Plan *plan, Stack stack, Trunk *out, Error *e)
{
    *out = (Trunk){0};
    size_t last = last_of(plan, stack);
    for (int i = (int)last; i != NO_STAGE; i = before(plan, (size_t)i))
        out->count++;
    out->stages = calloc(out->count, sizeof *out->stages);
    if (!out->stages)
        return error_memory(e, "residual stream");
    size_t k = out->count;
    for (int i = (int)last; i != NO_STAGE; i = before(plan, (size_t)i))
        out->stages[--k] = (size_t)i;
    return 0;
}

void trunk_free(Trunk *t)
{
    free(t->stages);
    *t = (Trunk){0};
}

bool trunk_is_point(const Plan *plan, const Trunk *t, size_t k)
{
    const Stage *s = &plan->stages[t->stages[k]];
    if (s->sub == SUB_FINAL)
        return false;
    const Stage *next = k + 1 < t->count ? &plan->stages[t->stages[k + 1]] : NULL;
    if (s->sub == SUB_EMBED)
        return !next || next->sub != SUB_EMBED;
    return !(s->kind == STAGE_RESIDUAL && next && next->kind == STAGE_NORM && next->sub != SUB_FINAL);
}

int trunk_added(const Plan *plan, const Trunk *t, size_t k)
{
    const Stage *s = &plan->stages[t->stages[k]];
    return s->kind == STAGE_RESIDUAL || s->kind == STAGE_SUM || s->kind == STAGE_TYPED ? s->in[1] : NO_STAGE;
}

int trunk_joins(const Plan *plan, size_t i)
{
    for (size_t k = i + 1; k < plan->count; k++) {
        const Stage *s = &plan->stages[k];
        if (s->kind == STAGE_RESIDUAL && s->in[1] == (int)i)
            return s->in[0];
        if (s->kind == STAGE_JOINED && (s->in[0] == (int)i || s->in[1] == (int)i))
            return trunk_joins(plan, k);
    }
    return NO_STAGE;
}

const real *trunk_row(Pass *p, size_t i, size_t row)
{
    return pass_value(p, i) + row * pass_plan(p)->stages[i].shape[1];
}

double trunk_dot(const real *a, const double *b, size_t n)
{
    double sum = 0;
    for (size_t i = 0; i < n; i++)
        sum += (double)a[i] * b[i];
    return sum;
}

double trunk_norm(const real *x, size_t n)
{
    double sum = 0;
    for (size_t i = 0; i < n; i++)
        sum += (double)x[i] * (double)x[i];
    return sqrt(sum);
}

/* y = (x - mean) / sd * gain + bias, mean and sd those of this x: y · g = x · out + the result. */
static double back_through_norm(const Pass *p, const Stage *s, const real *x, const double *g, double *out)
{
    const Config *c = pass_plan(p)->config;
    size_t d = c->d_model;
    if (pass_plan(p)->ablations & NO_NORM) {
        memcpy(out, g, d * sizeof *out);
        return 0;
    }
    Matrix gain = pass_weight(p, (size_t)s->w[0]), bias = {0};
    if (s->w[1] != NO_WEIGHT)
        bias = pass_weight(p, (size_t)s->w[1]);
    bool centred = c->norm == NORM_LAYERNORM;
    double mean = 0, squares = 0, mean_g = 0, constant = 0;
    for (size_t i = 0; i < d && centred; i++)
        mean += (double)x[i] / (double)d;
    for (size_t i = 0; i < d; i++)
        squares += ((double)x[i] - mean) * ((double)x[i] - mean) / (double)d;
    double sd = sqrt(squares + c->norm_eps);
    for (size_t i = 0; i < d; i++) {
        out[i] = g[i] * (double)matrix_entry(&gain, i) / sd;
        mean_g += centred ? out[i] / (double)d : 0;
        constant += bias.data ? g[i] * (double)matrix_entry(&bias, i) : 0;
    }
    for (size_t i = 0; i < d; i++)
        out[i] -= mean_g;
    return constant;
}

/* Column `id` of W_U, minus column `against`; returns what their biases are worth. */
static double unembed(const Pass *p, int id, int against, double *out)
{
    const Plan *plan = pass_plan(p);
    const Stage *logits = &plan->stages[plan->count - 2]; /* the plan ends in logits, probs */
    Matrix w = pass_weight(p, (size_t)logits->w[0]);
    size_t d = plan->config->d_model;
    if (plan->config->tie_embeddings) /* W_E [vocab, d] transposed */
        w = matrix_transposed(w);
    for (size_t i = 0; i < d; i++) {
        out[i] = (double)matrix_at(&w, i, (size_t)id);
        if (against >= 0)
            out[i] -= (double)matrix_at(&w, i, (size_t)against);
    }
    if (logits->w[1] == NO_WEIGHT)
        return 0;
    Matrix bias = pass_weight(p, (size_t)logits->w[1]);
    return (double)matrix_entry(&bias, (size_t)id) - (against < 0 ? 0 : (double)matrix_entry(&bias, (size_t)against));
}

/* What an edit made of a row of stage i is worth in a direction. */
static double edit_worth(Pass *p, size_t i, size_t row, const double *g)
{
    size_t d = pass_plan(p)->stages[i].shape[1];
    if (!pass_is_edited(p, i))
        return 0;
    return trunk_dot(trunk_row(p, i, row), g, d) - trunk_dot(pass_unedited(p, i) + row * d, g, d);
}

/* A direction behind an output head's stage i becomes one before it; returns what that leaves behind. room [d]. */
static double back_through_head(Pass *p, size_t i, size_t row, double *g, double *room)
{
    const Stage *s = &pass_plan(p)->stages[i];
    size_t d = pass_plan(p)->config->d_model;
    const real *x = trunk_row(p, (size_t)s->in[0], row), *y = pass_unedited(p, i) + row * d;
    double constant = edit_worth(p, i, row, g);
    memcpy(room, g, d * sizeof *room);
    if (s->kind == STAGE_NORM)
        return constant + back_through_norm(p, s, x, room, g);
    if (s->kind == STAGE_ACTIVATE) {
        for (size_t k = 0; k < d; k++) /* x times a gate, the gate frozen: 0 where x is 0, because then the product is */
            g[k] = x[k] != 0 ? room[k] * (double)y[k] / (double)x[k] : 0;
        return constant;
    }
    Matrix w = pass_weight(p, (size_t)s->w[0]), bias = {0};
    if (s->w[1] != NO_WEIGHT)
        bias = pass_weight(p, (size_t)s->w[1]);
    for (size_t k = 0; k < d; k++) {
        g[k] = matrix_row_dot(&w, k, room, d);
        constant += bias.data ? room[k] * (double)matrix_entry(&bias, k) : 0;
    }
    return constant;
}

double trunk_unembed(Pass *p, size_t row, int id, int against, double *out, double *room)
{
    const Plan *plan = pass_plan(p);
    double constant = unembed(p, id, against, out);
    for (size_t i = (size_t)plan->stages[plan->count - 2].in[0]; plan->stages[i].stack == STACK_OUTPUT; i = (size_t)plan->stages[i].in[0])
        constant += back_through_head(p, i, row, out, room);
    return constant;
}

void trunk_carry_back(Pass *p, const Trunk *t, size_t row, double *out, double *bias)
{
    const Plan *plan = pass_plan(p);
    size_t d = plan->config->d_model;
    bias[0] = 0;
    for (size_t k = t->count - 1; k > 0; k--) {
        const Stage *s = &plan->stages[t->stages[k]];
        double *from = out + k * d, *to = from - d;
        bias[k] = 0;
        if (s->kind == STAGE_NORM)
            bias[k] = back_through_norm(p, s, trunk_row(p, t->stages[k - 1], row), from, to);
        else if (s->kind == STAGE_RESIDUAL && plan->ablations & NO_RESIDUAL)
            memset(to, 0, d * sizeof *to);
        else
            memcpy(to, from, d * sizeof *to);
    }
}

size_t trunk_default_row(const Pass *p)
{
    const Config *c = pass_plan(p)->config;
    size_t n;
    const int *ids = pass_ids(p, config_last_stack(c), &n);
    if (c->kind != KIND_ENCODER)
        return n - 1;
    for (size_t i = 0; i < n; i++)
        if (c->mask >= 0 && ids[i] == c->mask)
            return i;
    return 0;
}

int trunk_likeliest(Pass *p, size_t row)
{
    size_t logits = pass_plan(p)->count - 2, V = pass_plan(p)->stages[logits].shape[1], best = 0;
    const real *x = pass_value(p, logits) + row * V;
    for (size_t i = 1; i < V; i++)
        if (x[i] > x[best])
            best = i;
    return (int)best;
}
