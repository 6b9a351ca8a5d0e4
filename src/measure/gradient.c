/* gradient.c - the numbers. Knows no words: those are gradient_lines.c's. */
#include "measure/gradient.h"

#include "pass/loss.h"

#include <math.h>
#include <stdlib.h>

/* ---- size ---- */

GradientSize gradient_size(const real *g, size_t n)
{
    GradientSize s = {0};
    size_t zeros = 0;
    double squares = 0;
    for (size_t i = 0; i < n; i++) {
        double size = fabs((double)g[i]);
        squares += size * size;
        zeros += g[i] == 0;
        if (size > s.largest) {
            s.largest = size;
            s.at = i;
        }
    }
    s.norm = sqrt(squares);
    s.rms = n ? sqrt(squares / (double)n) : 0;
    s.zeros = n ? (double)zeros / (double)n : 0;
    return s;
}

static double ratio_to(GradientSize g, const real *x, size_t n)
{
    double norm = moments(x, n).norm;
    return norm > 0 ? g.norm / norm : NAN;
}

/* True where no earlier stage of the plan reads the weight. */
static bool is_first_reader(const Plan *plan, size_t i, int weight)
{
    for (size_t k = 0; k < i; k++)
        if (plan->stages[k].w[0] == weight || plan->stages[k].w[1] == weight)
            return false;
    return true;
}

size_t gradient_points(Pass *p, GradientPoint **out)
{
    const Plan *plan = pass_plan(p);
    const Weights *weights = &pass_model(p)->weights;
    size_t n = 0;
    *out = NULL;
    if (!pass_gradient(p, 0) || !(*out = calloc(plan->count + weights->count, sizeof **out)))
        return 0;
    for (size_t i = 0; i < plan->count; i++) {
        const Stage *s = &plan->stages[i];
        if (is_stream_point(plan, i)) {
            GradientSize size = gradient_size(pass_gradient(p, i), s->count);
            (*out)[n++] = (GradientPoint){false, i, i, size, ratio_to(size, pass_value(p, i), s->count)};
        }
        const Weight *w = s->w[0] == NO_WEIGHT ? NULL : &weights->items[s->w[0]];
        if (w && w->rank == 2 && is_first_reader(plan, i, s->w[0])) {
            GradientSize size = gradient_size(pass_weight_gradient(p, (size_t)s->w[0]), w->count);
            double norm = weight_norm(w);
            (*out)[n++] = (GradientPoint){true, (size_t)s->w[0], i, size, norm > 0 ? size.norm / norm : NAN};
        }
    }
    return n;
}

/* ---- the softmax ---- */

SoftmaxRow softmax_row(Pass *p, size_t i, size_t head, size_t query)
{
    const Stage *s = &pass_plan(p)->stages[i];
    size_t keys = s->shape[2], at = (head * s->shape[1] + query) * keys;
    const real *weights = pass_value(p, i) + at;
    const real *in = pass_gradient(p, i), *out = pass_gradient(p, (size_t)s->in[0]);
    SoftmaxRow row = {.weight = -1, .in = in ? 0 : NAN, .out = in ? 0 : NAN};
    for (size_t j = 0; j < keys; j++) {
        if (!pass_sees(p, s, query, j))
            continue;
        double weight = (double)weights[j];
        row.visible++;
        row.slopes += weight * (1 - weight);
        if (weight > row.weight) {
            row.weight = weight;
            row.largest = j;
        }
        if (in) {
            row.in += (double)in[at + j] * (double)in[at + j];
            row.out += (double)out[at + j] * (double)out[at + j];
        }
    }
    row.in = sqrt(row.in);
    row.out = sqrt(row.out);
    row.dead = row.visible > 1 && row.weight > SOFTMAX_DEAD;
    return row;
}

SoftmaxFlow softmax_flow(Pass *p, size_t i, int head)
{
    const Stage *s = &pass_plan(p)->stages[i];
    size_t first = head < 0 ? 0 : (size_t)head, end = head < 0 ? s->shape[0] : first + 1;
    SoftmaxFlow flow = {0};
    for (size_t h = first; h < end; h++)
        for (size_t t = 0; t < s->shape[1]; t++) {
            SoftmaxRow row = softmax_row(p, i, h, t);
            flow.rows += row.visible > 1;
            flow.dead += row.dead;
            flow.in += row.in * row.in;
            flow.out += row.out * row.out;
        }
    flow.in = sqrt(flow.in);
    flow.out = sqrt(flow.out);
    return flow;
}

/* ---- the loss ---- */

LossPoint loss_point(Pass *p, const int *targets, size_t row)
{
    const Plan *plan = pass_plan(p);
    size_t V = plan->stages[plan->count - 1].shape[1];
    const real *probs = pass_value(p, plan->count - 1) + row * V, *logits = pass_value(p, plan->count - 2) + row * V;
    LossPoint point = {.target = targets[row], .probability = NAN, .loss = NAN};
    if (point.target < 0)
        return point;
    point.probability = (double)probs[point.target];
    point.loss = loss_row(logits, probs, V, point.target, 0);
    for (size_t j = 0; j < V; j++)
        point.rank += logits[j] > logits[point.target];
    return point;
}
