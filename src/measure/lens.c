/* lens.c - reads out the residual stream with the model's own last stages. */
#include "measure/lens.h"

#include "pass/edit.h"
#include "tensor/kernels.h"

#include <math.h>
#include <stdlib.h>

typedef struct Lens {
    Pass *pass;
    real *rows[2];          /* [d_model] each: what a stage reads and what it makes of it, by turns */
    real *vectors[2];       /* a gain or bias, as long as the longest */
    real *scores, *shares;  /* [vocab] each */
    const real *final;      /* [vocab] the model's own probabilities */
} Lens;

static const Stage *final_norm(const Plan *plan)
{
    const Stage *s = &plan->stages[plan->count - 2];
    do
        s = &plan->stages[s->in[0]];
    while (s->stack == STACK_OUTPUT);
    return s->sub == SUB_FINAL ? s : NULL;
}

/* The first of the stages that read the stream out: the final norm, the output's own head, the logits. */
static size_t first_reader(const Plan *plan)
{
    size_t i = plan->count - 2;
    while (plan->stages[plan->stages[i].in[0]].stack == STACK_OUTPUT || plan->stages[plan->stages[i].in[0]].sub == SUB_FINAL)
        i = (size_t)plan->stages[i].in[0];
    return i;
}

bool lens_has_norm(const Pass *p)
{
    return final_norm(pass_plan(p)) && !(pass_plan(p)->ablations & NO_NORM);
}

bool lens_ends_in_output(const Pass *p)
{
    for (size_t i = first_reader(pass_plan(p)); i < pass_plan(p)->count; i++)
        if (pass_is_edited(p, i))
            return false;
    return true;
}

/* scores [vocab] = what the last stages make of x [d_model]: run by their own functions on one row, so that the last point has the same
 * bits. */
static void read_out(const Lens *l, const real *x)
{
    const Plan *plan = pass_plan(l->pass);
    size_t logits = plan->count - 2, turn = 0;
    for (size_t i = first_reader(plan); i <= logits; i++, turn = 1 - turn) {
        Stage s = plan->stages[i], in = plan->stages[s.in[0]];
        s.count = s.shape[1];
        s.shape[0] = in.shape[0] = 1;
        StageRun r = {.stage = &s, .in_stage = {&in, NULL}, .config = plan->config, .ablations = plan->ablations, .in = {x, NULL},
                      .out = i == logits ? l->scores : l->rows[turn]};
        for (int k = 0; k < 2; k++) {
            if (s.w[k] == NO_WEIGHT)
                continue;
            const Weight *w = &pass_model(l->pass)->weights.items[s.w[k]];
            r.w[k] = pass_weight(l->pass, (size_t)s.w[k]);
            if (w->rank == 2)
                continue;
            matrix_read_row(l->vectors[k], &r.w[k], 0, w->count);
            r.w[k] = matrix_of(l->vectors[k], w->count);
        }
        stage_table[s.kind].forward(&r);
        x = r.out;
    }
    softmax_forward(l->shares, l->scores, 1, plan->config->vocab_size);
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
    size_t longest = d > V ? d : V;
    real *room = calloc(2 * d + 2 * longest + 2 * V, sizeof *room);
    *out = calloc(trunk.count, sizeof **out);
    if (room && *out) {
        real *vectors = room + 2 * d, *scores = vectors + 2 * longest;
        Lens l = {p, {room, room + d}, {vectors, vectors + longest}, scores, scores + V, pass_value(p, plan->count - 1) + row * V};
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
