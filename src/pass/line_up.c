/* line_up.c - a small model's matrices, copied to where a text is continued fastest.
 *
 * While the matrices stay in the second cache, as a small model's do, the product of one row with each takes its time for how they lie and for
 * how often it is begun. So each row begins at a cache line; the output table lies as its product reads it; and the matrices that read the
 * same row, those of q, k and v or of an FFN's gate and expansion, lie side by side: they are one product. Larger models are waited for by
 * memory anyway. */
#include "pass/pass_internal.h"

#include "tensor/kernels.h"

#include <stdlib.h>

/* How many stages from s on, each a matrix of its own times the same rows, are one product. (The plan ends in a stage that is none.) */
static size_t together(const Stage *s)
{
    size_t n = 1;
    while (stage_is_linear(s->kind) && s->w[1] == NO_WEIGHT && stage_is_linear(s[n].kind) && s[n].w[1] == NO_WEIGHT && s[n].in[0] == s->in[0])
        n++;
    return n;
}

static bool is_one_row(const Stage *s)
{
    return s->shape[s->rank - 2] == 1;
}

/* For the first of them: the values of the others lie behind its own, and are computed with what fills up the lines between. */
static void first_forward(const StageRun *r)
{
    const Stage *s = r->stage, *last = s + together(s) - 1;
    if (!is_one_row(s)) {
        stage_table[s->kind].forward(r);
        return;
    }
    size_t n = last->count;
    for (; s < last; s++)
        n += numbers_lines(s->count);
    linear_forward(r->out, r->in[0], &r->w[0], NULL, 1, r->in_stage[0]->shape[1], n);
}

/* For the others: it is done. */
static void later_forward(const StageRun *r)
{
    if (!is_one_row(r->stage))
        stage_table[r->stage->kind].forward(r);
}

/* Gives each kind that such a product computes its function of those two. False where a kind has several places in products, or functions or
 * wires are somebody's replacement (two stages may then read one matrix): every stage is to be a product of its own. */
static bool join(Pass *p)
{
    StageFn forward[STAGE_KIND_COUNT] = {0};
    if (p->rewired)
        return false;
    for (size_t i = 0, n; i < p->plan.count; i += n) {
        const Stage *s = &p->plan.stages[i];
        n = together(s);
        for (size_t k = 0; k < n; k++) {
            const StageKind kind = s[k].kind;
            const StageFn own = stage_table[kind].forward, as = n == 1 ? own : k == 0 ? first_forward : later_forward;
            if ((forward[kind] && forward[kind] != as) || (n > 1 && p->forward[kind] != own))
                return false;
            forward[kind] = as;
        }
    }
    for (int kind = 0; kind < STAGE_KIND_COUNT; kind++)
        if (forward[kind] == first_forward || forward[kind] == later_forward)
            p->forward[kind] = forward[kind];
    return true;
}

/* Copies weight w to `to`, rows ld numbers apart. */
static void line_up(Pass *p, size_t w, real *to, size_t ld)
{
    const Weight *item = &p->model->weights.items[w];
    const size_t columns = item->shape[1];
    for (size_t i = 0; i < item->shape[0]; i++) {
        matrix_read_row(to + i * ld, &item->values, i, columns);
        for (size_t j = columns; j < numbers_lines(columns); j++)
            to[i * ld + j] = 0;
    }
    p->weights[w] = matrix_of(to, ld);
}

/* The same for an embedding that the output product reads too: it is to lie as that reads it, and not row by row. */
static void line_up_output_table(Pass *p, size_t w, real *to)
{
    const Weight *item = &p->model->weights.items[w];
    const Matrix turned = matrix_transposed(item->values);
    matrix_read(to, &turned, item->shape[1], item->shape[0]);
    p->weights[w] = matrix_transposed(matrix_of(to, item->shape[0]));
}

/* Numbers of a matrix whose rows are filled up to whole lines, and its columns too, for it may be turned. */
static size_t lined_size(const Weight *item)
{
    return item->rank == 2 ? numbers_lines(item->shape[0]) * numbers_lines(item->shape[1]) : 0;
}

/* The matrices of n stages that are one product, side by side: row i of all of them, then row i + 1. Returns how many numbers that takes. */
static size_t line_up_together(Pass *p, const Stage *s, size_t n, real *to)
{
    const Weight *items = p->model->weights.items;
    size_t ld = 0, at = 0;
    for (size_t k = 0; k < n; k++)
        ld += numbers_lines(items[s[k].w[0]].shape[1]);
    for (size_t k = 0; k < n; k++) {
        line_up(p, (size_t)s[k].w[0], to + at, ld);
        at += numbers_lines(items[s[k].w[0]].shape[1]);
    }
    return items[s->w[0]].shape[0] * ld;
}

real *pass_line_up(Pass *p, Error *e)
{
    const Weights *all = &p->model->weights;
    const Stage *logits = &p->plan.stages[pass_logits(&p->plan)];
    size_t total = 0;
    for (size_t w = 0; w < all->count; w++)
        total += lined_size(&all->items[w]);
    if (!p->weights)
        p->weights = calloc(all->count, sizeof *p->weights);
    real *block = p->weights ? numbers_allocate(total) : NULL, *to = block;
    if (!block) {
        error_memory(e, "weights");
        return NULL;
    }
    const bool joined = join(p);
    for (size_t i = 0, n; joined && i < p->plan.count; i += n) {
        n = together(&p->plan.stages[i]);
        if (n > 1)
            to += line_up_together(p, &p->plan.stages[i], n, to);
    }
    for (size_t w = 0; w < all->count; w++) {
        const Weight *item = &all->items[w];
        if (item->rank != 2 || p->weights[w].data) /* a vector, or one of those above */
            continue;
        if (p->model->config.tie_embeddings && logits->w[0] == (int)w)
            line_up_output_table(p, w, to);
        else
            line_up(p, w, to, numbers_lines(item->shape[1]));
        to += lined_size(item);
    }
    return block;
}
