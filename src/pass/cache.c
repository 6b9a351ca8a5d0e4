/* cache.c - how the keys and values of the tokens so far lie in memory while a text is continued.
 *
 * Owns the layout, which cache_append() writes and cache_read() tells the stages of attention (stage_cached() in stage.h). G key/value heads
 * of k numbers each, `rows` positions that there is room for, a multiple of NUMBERS_LINE:
 *
 *   keys    [G, k, rows]   the scores of a token, a row of q times keys, are read along the positions
 *   values  [G, rows, k]   the weighted sum is read along a value
 *           [rows, G, k]   where a value fills no line: those of all heads side by side do
 *
 * Rows of scores are whole lines (plan_fill_lines()): the positions behind the last, up to the end of its line, are masked but read, and hold
 * zeros. How much room there is, and when it grows, is decoding.c's. */
#include "pass/pass_internal.h"

#include <string.h>

bool pass_is_cached(const Plan *plan, const Stage *s)
{
    const Config *c = plan->config;
    StageKind keys = c->position == POSITION_ROPE ? STAGE_K_ROT : c->qk_norm ? STAGE_K_NORM : STAGE_K; /* those that the scores read */
    return stage_is_causal(s) && (s->kind == STAGE_V || s->kind == keys);
}

/* True where the rows of all heads of a position lie side by side: values of heads that fill no line on their own. */
static bool lies_beside(const Stage *s)
{
    return s->kind == STAGE_V && s->shape[2] < NUMBERS_LINE;
}

/* Any cache is [pieces, rows, width]: so many numbers for each position, and that so many times. */
static size_t pieces_of(const Stage *s, size_t *width)
{
    size_t G = s->shape[0], k = s->shape[2], pieces = s->kind != STAGE_V ? G * k : lies_beside(s) ? 1 : G;
    *width = G * k / pieces;
    return pieces;
}

void cache_read(const Pass *p, int from, StageRun *r)
{
    const Stage *s = &p->plan.stages[from];
    const bool beside = lies_beside(s);
    r->in[1] = p->cache[from];
    r->stride[1] = beside ? s->shape[2] : p->cache_rows * s->shape[2];
    r->turned = s->kind != STAGE_V ? p->cache_rows : 0;
    r->apart = beside ? s->shape[0] * s->shape[2] : 0;
}

/* Zeros for the positions from `row` on, up to the end of a line: they are masked, but read. */
static void clear_line(Pass *p, size_t i, size_t row)
{
    size_t width, pieces = pieces_of(&p->plan.stages[i], &width), left = numbers_lines(row) - row;
    for (size_t piece = 0; piece < pieces; piece++)
        memset(p->cache[i] + (piece * p->cache_rows + row) * width, 0, left * width * sizeof(real));
}

void cache_append(Pass *p, size_t i)
{
    const Stage *s = &p->plan.stages[i];
    size_t G = s->shape[0], n = s->shape[1], k = s->shape[2], past = p->plan.input.past, rows = p->cache_rows;
    const real *from = p->values[i];
    real *to = p->cache[i];
    if (numbers_lines(past) != numbers_lines(past + n))
        clear_line(p, i, past + n);
    if (s->kind != STAGE_V)
        for (size_t t = 0; t < n; t++)
            for (size_t g = 0; g < G; g++)
                for (size_t j = 0; j < k; j++)
                    to[(g * k + j) * rows + past + t] = from[(g * n + t) * k + j];
    else if (!lies_beside(s))
        for (size_t g = 0; g < G; g++)
            memcpy(to + (g * rows + past) * k, from + g * n * k, n * k * sizeof(real));
    else if (n == 1)
        memcpy(to + past * G * k, from, G * k * sizeof(real));
    else
        for (size_t g = 0; g < G; g++)
            for (size_t t = 0; t < n; t++)
                memcpy(to + ((past + t) * G + g) * k, from + (g * n + t) * k, k * sizeof(real));
}

void cache_copy(real *to, size_t to_rows, const real *from, size_t from_rows, size_t length, const Stage *s)
{
    size_t width, pieces = pieces_of(s, &width);
    for (size_t i = 0; i < pieces; i++)
        memcpy(to + i * to_rows * width, from + i * from_rows * width, numbers_lines(length) * width * sizeof *to);
}
