/* lens.c - reads out the residual stream with the model's own last stages. */
#include "measure/lens.h"

#include "pass/edit.h"
#include "tensor/kernels.h"
#include "tensor/matmul.h"

#include <math.h>
#include <stdlib.h>

typedef struct Lens {
    Pass *pass;
    const Stage *norm; /* the final norm, or NULL */
    const Stage *logits;
    real *normed, *scores, *shares; /* [3, d_model]: normed, gain, bias; [vocab], [vocab] */
    const real *final;              /* [vocab] the model's own probabilities */
} Lens;

static const Stage *final_norm(const Plan *plan)
{
    const Stage *s = &plan->stages[plan->stages[plan->count - 2].in[0]];
    return s->sub == SUB_FINAL ? s : NULL;
}

bool lens_has_norm(const Pass *p)
{
    return final_norm(pass_plan(p)) && !(pass_plan(p)->ablations & NO_NORM);
}

bool lens_ends_in_output(const Pass *p)
{
    size_t logits = pass_plan(p)->count - 2;
    return !pass_is_edited(p, logits) && !pass_is_edited(p, logits + 1) &&
           !(final_norm(pass_plan(p)) && pass_is_edited(p, (size_t)pass_plan(p)->stages[logits].in[0]));
}

/* scores [vocab] = W_U of the final norm of x [d_model]: the same kernels as the stages', so that the last point has the same bits. */
static void read_out(const Lens *l, const real *x)
{
    const Config *c = pass_plan(l->pass)->config;
    const Pass *p = l->pass;
    size_t d = c->d_model, V = c->vocab_size;
    if (lens_has_norm(l->pass)) {
        const real *vectors[2] = {NULL, NULL}; /* gain, bias */
        for (int k = 0; k < 2; k++)
            if (l->norm->w[k] != NO_WEIGHT) {
                const Matrix vector = pass_weight(p, (size_t)l->norm->w[k]);
                real *room = l->normed + (size_t)(k + 1) * d;
                matrix_read_row(room, &vector, 0, d);
                vectors[k] = room;
            }
        if (c->norm == NORM_RMSNORM)
            rmsnorm_forward(l->normed, x, vectors[0], 1, d, c->norm_eps);
        else
            layernorm_forward(l->normed, x, vectors[0], vectors[1], 1, d, c->norm_eps);
        x = l->normed;
    }
    Matrix w_u = pass_weight(p, (size_t)l->logits->w[0]);
    if (c->tie_embeddings)
        w_u = matrix_transposed(w_u);
    matmul_matrix(l->scores, V, x, d, PLAIN, &w_u, 1, V, d, false);
    if (l->logits->w[1] != NO_WEIGHT) {
        const Matrix bias = pass_weight(p, (size_t)l->logits->w[1]);
        matrix_read_row(l->shares, &bias, 0, V); /* shares: room, until the softmax fills it */
        add_to(l->scores, l->shares, V);
    }
    softmax_forward(l->shares, l->scores, 1, V);
}

/* Σ p log(p / q) in nats, over the tokens p can say; log q from the logits, because q may be rounded to 0. */
static double divergence(const real *p, const real *q_logits, size_t n)
{
    double largest = -INFINITY, sum = 0, result = 0;
    for (size_t i = 0; i < n; i++)
        largest = fmax(largest, (double)q_logits[i]);
    for (size_t i = 0; i < n; i++)
        sum += exp((double)q_logits[i] - largest);
    for (size_t i = 0; i < n; i++)
        if (p[i] > 0)
            result += (double)p[i] * (log((double)p[i]) - ((double)q_logits[i] - largest - log(sum)));
    return result > 0 ? result : 0; /* it cannot be negative; the rounding of equal distributions can */
}

static LensPoint point_of(const Lens *l, size_t stage, size_t row, int answer)
{
    size_t V = pass_plan(l->pass)->config->vocab_size, best[LENS_TOP];
    LensPoint point = {.stage = stage, .rank = 1};
    read_out(l, trunk_row(l->pass, stage, row));
    size_t have = largest_of(l->scores, V, LENS_TOP, best);
    for (size_t i = 0; i < LENS_TOP; i++)
        point.top[i] = i < have ? (TokenProb){(int)best[i], (double)l->shares[best[i]], (double)l->scores[best[i]]} : (TokenProb){.id = -1};
    for (size_t i = 0; i < V; i++)
        point.rank += l->scores[i] > l->scores[answer];
    point.logit = (double)l->scores[answer];
    point.probability = (double)l->shares[answer];
    point.entropy = entropy(l->shares, V);
    point.divergence = divergence(l->final, l->scores, V);
    return point;
}

int lens_make(Pass *p, size_t row, int answer, LensPoint **out, size_t *n, Error *e)
{
    const Plan *plan = pass_plan(p);
    size_t d = plan->config->d_model, V = plan->config->vocab_size;
    Trunk trunk;
    *n = 0;
    *out = NULL;
    if (trunk_find(plan, config_last_stack(plan->config), &trunk, e) != 0)
        return -1;
    real *room = calloc(3 * d + 2 * V, sizeof *room);
    *out = calloc(trunk.count, sizeof **out);
    if (room && *out) {
        Lens l = {p,        final_norm(plan), &plan->stages[plan->count - 2],          room,
                  room + d, room + d + V,     pass_value(p, plan->count - 1) + row * V};
        for (size_t k = 0; k < trunk.count; k++)
            if (trunk_is_point(plan, &trunk, k))
                (*out)[(*n)++] = point_of(&l, trunk.stages[k], row, answer);
    } else {
        free(*out);
        *out = NULL;
    }
    free(room);
    trunk_free(&trunk);
    return *out ? 0 : error_memory(e, "logit lens");
}
