/* reach.c - values through W_O, and how long they are. */
#include "measure/reach.h"

#include "measure/trunk.h"
#include "tensor/matmul.h"

#include <stdlib.h>

size_t reach_out_stage(const Plan *plan, size_t i)
{
    while (plan->stages[i].kind != STAGE_OUT)
        i++;
    return i;
}

/* ‖V W_O‖ of every key of one head of WEIGHTS stage i: out [keys]. Times a weight it is what that query received from the key. -1 without
 * memory. */
static int reach_values(Pass *p, size_t i, size_t head, double *out, Error *e)
{
    const Plan *plan = pass_plan(p);
    const Stage *o = &plan->stages[reach_out_stage(plan, i)];
    const Stage *heads = &plan->stages[plan->stages[o->in[0]].in[0]], *v = &plan->stages[heads->in[1]];
    size_t d = plan->config->d_model, k = v->shape[2], Tk = v->shape[1], group = heads->shape[0] / v->shape[0];
    const real *value = pass_value(p, (size_t)heads->in[1]) + head / group * Tk * k;
    real *moved = calloc(Tk * d, sizeof *moved);
    if (!moved)
        return error_memory(e, "values");
    const Matrix w_o = matrix_block(pass_weight(p, (size_t)o->w[0]), head * k, 0);
    matmul_matrix(moved, d, value, k, PLAIN, &w_o, Tk, d, k, false);
    for (size_t j = 0; j < Tk; j++)
        out[j] = trunk_norm(moved + j * d, d);
    free(moved);
    return 0;
}

int reach_norms(Pass *p, size_t i, size_t head, real *out, Error *e)
{
    const Stage *s = &pass_plan(p)->stages[i];
    size_t Tq = s->shape[1], Tk = s->shape[2];
    double *norms = calloc(Tk, sizeof *norms);
    if (!norms)
        return error_memory(e, "values");
    int status = reach_values(p, i, head, norms, e);
    const real *weights = pass_value(p, i) + head * Tq * Tk;
    for (size_t q = 0; q < Tq && status == 0; q++)
        for (size_t j = 0; j < Tk; j++)
            out[q * Tk + j] = (real)((double)weights[q * Tk + j] * norms[j]);
    free(norms);
    return status;
}
