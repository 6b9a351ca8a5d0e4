/* tracing.c - clean, corrupted, and corrupted with one vector put back. */
#include "measure/tracing.h"

#include "base/random.h"
#include "measure/metrics.h"
#include "measure/trunk.h"
#include "pass/edit.h"
#include "pass/input.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { DRAWS = 5 };

typedef struct Run {
    Pass *clean, *spoilt;
    const TracingQuery *q;
    size_t d;
    size_t embedding; /* the stage that noise is added to */
    double deviation; /* of the noise */
    real *row;        /* [d] */
} Run;

TracingQuery tracing_query(const Pass *p, size_t row, int answer)
{
    bool source = config_has_stack(pass_plan(p)->config, STACK_ENCODER);
    return (TracingQuery){.row = row, .answer = answer, .stack = source ? STACK_ENCODER : STACK_DECODER, .noise = 3, .samples = DRAWS};
}

static TracingCell read_answer(Pass *p, const TracingQuery *q)
{
    size_t probs = pass_plan(p)->count - 1, at = q->row * pass_plan(p)->config->vocab_size + (size_t)q->answer;
    double probability = (double)pass_value(p, probs)[at];
    return (TracingCell){probability, (double)pass_value(p, probs - 1)[at]};
}

/* ---- corrupting ---- */

/* Noise for one position of the embedding; the numbers depend on seed, draw and position alone. */
static void spoil(Run *r, size_t draw, size_t position)
{
    const real *x = trunk_row(r->clean, r->embedding, position);
    Random random = random_seeded(r->q->seed + 1000003u * draw + 7919u * position);
    for (size_t i = 0; i < r->d; i++)
        r->row[i] = x[i] + (real)(r->deviation * random_normal(&random));
    pass_override_row(r->spoilt, r->embedding, position * r->d, r->row, r->d);
}

static int check(const Pass *clean, const TracingQuery *q, Error *e)
{
    const Config *c = pass_plan(clean)->config;
    size_t n, rows;
    if (!config_has_stack(c, q->stack))
        return error_set(e, "%s: has no %s whose text could be corrupted", pass_model(clean)->name, stack_name(q->stack));
    pass_ids(clean, q->stack, &n);
    pass_ids(clean, config_last_stack(c), &rows);
    if (q->row >= rows)
        return error_set(e, "position: expected one from 0 to %zu, found %zu", rows - 1, q->row);
    for (size_t i = 0; i < q->position_count && !q->other; i++)
        if (q->positions[i] >= n)
            return error_set(e, "corrupted position: expected one from 0 to %zu of the %s, found %zu", n - 1, stack_name(q->stack),
                             q->positions[i]);
    if (!q->other && (!q->position_count || !q->samples))
        return error_set(e, "corrupted positions: expected at least one, found none");
    return 0;
}

static void close_run(Run *r)
{
    pass_free(r->spoilt);
    free(r->row);
}

/* The pass that will be corrupted; with other ids it is so from the beginning. */
static int open_run(Run *r, Pass *clean, const TracingQuery *q, Error *e)
{
    const Plan *plan = pass_plan(clean);
    PassInput in;
    *r = (Run){.clean = clean, .q = q, .d = plan->config->d_model};
    in.source = pass_ids(clean, STACK_ENCODER, &in.source_len);
    in.target = pass_ids(clean, STACK_DECODER, &in.target_len);
    if (q->other && q->stack == STACK_ENCODER)
        in.source = q->other;
    else if (q->other)
        in.target = q->other;
    for (size_t i = plan->count; i-- > 0;)
        if (plan->stages[i].stack == q->stack && plan->stages[i].kind == STAGE_TOKENS)
            r->embedding = i;
    r->deviation = q->noise * sqrt(moments(pass_value(clean, r->embedding), plan->stages[r->embedding].count).variance);
    while (r->embedding + 1 < plan->count && plan->stages[r->embedding + 1].sub == SUB_EMBED &&
           plan->stages[r->embedding + 1].stack == q->stack)
        r->embedding++; /* behind the positions */
    r->spoilt = pass_create(pass_model(clean), in, plan->ablations, e);
    if (r->spoilt)
        pass_become(r->spoilt, clean);
    r->row = calloc(r->d, sizeof *r->row);
    if (r->spoilt && !r->row)
        error_memory(e, "causal tracing");
    else if (r->spoilt && pass_set_edits(r->spoilt, pass_edits(clean), e) == 0) /* what is changed in the one is changed in the other */
        return 0;
    close_run(r);
    return -1;
}

/* ---- what is put back ---- */

static bool is_patched(const Stage *s, TracingPart part)
{
    return part == TRACING_ATTENTION ? s->kind == STAGE_OUT : s->kind == STAGE_CONTRACT;
}

static int list_stages(const Plan *plan, Stack stack, TracingPart part, TracingGrid *g, Error *e)
{
    Trunk t;
    g->stack = stack;
    g->positions = stack == STACK_ENCODER ? plan->input.source_len : plan->input.target_len;
    g->stages = calloc(plan->count, sizeof *g->stages);
    if (!g->stages)
        return error_memory(e, "causal tracing");
    if (part != TRACING_STREAM) {
        for (size_t i = 0; i < plan->count; i++)
            if (plan->stages[i].stack == stack && is_patched(&plan->stages[i], part))
                g->stages[g->points++] = i;
        return 0;
    }
    if (trunk_find(plan, stack, &t, e) != 0)
        return -1;
    for (size_t k = 0; k < t.count; k++)
        if (trunk_is_point(plan, &t, k))
            g->stages[g->points++] = t.stages[k];
    trunk_free(&t);
    return 0;
}

static int list_grids(const Plan *plan, const TracingQuery *q, Tracing *out, Error *e)
{
    out->grid_count = q->stack == STACK_ENCODER && config_has_stack(plan->config, STACK_DECODER) ? 2 : 1;
    for (size_t i = 0; i < out->grid_count; i++) {
        TracingGrid *g = &out->grids[i];
        if (list_stages(plan, i ? STACK_DECODER : q->stack, q->part, g, e) != 0)
            return -1;
        g->cells = calloc(g->points * g->positions + 1, sizeof *g->cells);
        if (!g->cells)
            return error_memory(e, "causal tracing");
    }
    return 0;
}

static void add_share(TracingCell *to, TracingCell cell, size_t draws)
{
    to->probability += cell.probability / (double)draws;
    to->logit += cell.logit / (double)draws;
}

/* False where whoever looks wants it to stop. */
static bool go_on(const TracingQuery *q, size_t done, size_t count, Error *e)
{
    if (!q->watch || q->watch(q->context, done, count))
        return true;
    error_set(e, "causal tracing: stopped after %zu of %zu passes", done, count);
    return false;
}

static int patch_all(Run *r, Tracing *out, size_t draws, size_t runs, Error *e)
{
    for (size_t i = 0; i < out->grid_count; i++) {
        TracingGrid *g = &out->grids[i];
        for (size_t k = 0; k < g->points; k++)
            for (size_t t = 0; t < g->positions; t++) {
                size_t stage = g->stages[k];
                memcpy(r->row, trunk_row(r->spoilt, stage, t), r->d * sizeof *r->row);
                pass_override_row(r->spoilt, stage, t * r->d, trunk_row(r->clean, stage, t), r->d);
                add_share(&g->cells[k * g->positions + t], read_answer(r->spoilt, r->q), draws);
                pass_override_row(r->spoilt, stage, t * r->d, r->row, r->d);
                if (!go_on(r->q, ++out->runs, runs, e))
                    return -1;
            }
    }
    return 0;
}

int tracing_run(Pass *clean, const TracingQuery *q, Tracing *out, Error *e)
{
    Run r;
    size_t draws = q->other ? 1 : q->samples;
    *out = (Tracing){0};
    if (check(clean, q, e) != 0 || open_run(&r, clean, q, e) != 0)
        return -1;
    if (list_grids(pass_plan(clean), q, out, e) != 0) {
        close_run(&r);
        tracing_free(out);
        return -1;
    }
    out->clean = read_answer(clean, q);
    size_t runs = tracing_cost(clean, q);
    int status = 0;
    for (size_t draw = 0; draw < draws && status == 0; draw++) {
        for (size_t i = 0; i < q->position_count && !q->other; i++)
            spoil(&r, draw, q->positions[i]);
        add_share(&out->corrupted, read_answer(r.spoilt, q), draws);
        out->runs++;
        status = patch_all(&r, out, draws, runs, e);
    }
    close_run(&r);
    if (status != 0)
        tracing_free(out);
    return status;
}

void tracing_free(Tracing *t)
{
    for (size_t i = 0; i < t->grid_count; i++) {
        free(t->grids[i].stages);
        free(t->grids[i].cells);
    }
    *t = (Tracing){0};
}

double tracing_restored(const Tracing *t, const TracingCell *cell)
{
    double lost = t->clean.probability - t->corrupted.probability;
    return lost != 0 ? (cell->probability - t->corrupted.probability) / lost : NAN;
}

size_t tracing_cost(const Pass *p, const TracingQuery *q)
{
    Tracing t = {0};
    size_t runs = 0;
    if (list_grids(pass_plan(p), q, &t, NULL) == 0)
        for (size_t i = 0; i < t.grid_count; i++)
            runs += t.grids[i].points * t.grids[i].positions;
    tracing_free(&t);
    return (runs + 1) * (q->other ? 1 : q->samples);
}

/* ---- where to begin ---- */

static bool is_special(const Config *c, int id)
{
    return id == c->bos || id == c->pad || config_is_end(c, id);
}

int tracing_most_telling(Pass *clean, const TracingQuery *q, size_t *position, Error *e)
{
    const Config *c = pass_plan(clean)->config;
    size_t n, some = 0;
    double least = INFINITY;
    const int *ids = pass_ids(clean, q->stack, &n);
    TracingQuery one = *q;
    Run r;
    one.other = NULL;
    one.positions = &some;
    one.position_count = 1;
    *position = 0;
    if (check(clean, &one, e) != 0 || open_run(&r, clean, &one, e) != 0)
        return -1;
    for (size_t t = 0; t < n; t++) {
        TracingCell mean = {0, 0};
        if (is_special(c, ids[t]) || (t == q->row && q->stack == config_last_stack(c)))
            continue;
        for (size_t draw = 0; draw < q->samples; draw++) {
            spoil(&r, draw, t);
            add_share(&mean, read_answer(r.spoilt, q), q->samples);
            if (!go_on(q, t * q->samples + draw + 1, n * q->samples, e)) {
                close_run(&r);
                return -1;
            }
        }
        pass_override_row(r.spoilt, r.embedding, t * r.d, trunk_row(clean, r.embedding, t), r.d);
        if (mean.probability < least) {
            least = mean.probability;
            *position = t;
        }
    }
    close_run(&r);
    return 0;
}

/* ---- another sentence ---- */

int tracing_read_other(const Pass *p, Stack stack, const char *text, Ids *out, Error *e)
{
    const Model *m = pass_model(p);
    bool words = vocab_has_text(m->vocab), both = m->config.kind == KIND_ENCODER_DECODER;
    char begin[24];
    Input in = {0};
    size_t n;
    snprintf(begin, sizeof begin, "%d", input_begin_id(m)); /* whatever: only the source is wanted */
    InputText given = {.text = words ? text : NULL, .ids = words ? NULL : text, .target_ids = both ? begin : NULL};
    if (input_read(&in, m, given, pass_plan(p)->ablations, e) != 0)
        return -1;
    const Ids *ids = stack == STACK_ENCODER ? &in.source : &in.target;
    int status = 0;
    pass_ids(p, stack, &n);
    if (ids->len != n)
        status = error_set(e, "the other text: expected %zu tokens, as many as the text has, found %zu", n, ids->len);
    for (size_t i = 0; i < ids->len && status == 0; i++)
        status = ids_add(out, ids->data[i], e);
    input_free(&in);
    return status;
}
