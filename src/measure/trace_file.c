/* trace_file.c - a trace as a safetensors file, with our names and shapes or with TransformerLens's. */
#include "measure/hooked.h"
#include "measure/trace.h"

#include "base/text.h"
#include "model/safetensors.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The hooks of one stage, behind those already in items; returns how many, -1 with e set without memory. */
static int add_hooks(Pass *p, const TraceItem *stage, TraceItem *items, Error *e)
{
    const Plan *plan = pass_plan(p);
    HookName names[HOOK_NAMES_MAX];
    int added = 0;
    size_t i = stage->stage ? (size_t)(stage->stage - plan->stages) : 0, count = stage->stage ? hook_names(plan, i, names) : 0;
    for (size_t k = 0; k < count; k++) {
        Hook h = {(int)i, names[k].form};
        TraceItem item = *stage;
        if (!hooked_known(p, h))
            continue;
        snprintf(item.name, sizeof item.name, "%.*s", (int)sizeof item.name - 1, names[k].name);
        if (h.form != HOOK_VALUE) {
            item.rank = hooked_shape(p, h, item.own_shape);
            if (!(item.own = hooked_compute(p, h, e)))
                return -1;
            item.data = item.own;
        }
        items[added++] = item;
    }
    return added;
}

int trace_use_hooks(Trace *t, Pass *p, size_t *left_out, Error *e)
{
    TraceItem *items = calloc((t->count + 1) * HOOK_NAMES_MAX, sizeof *items);
    size_t count = 0;
    int added = items ? 0 : error_memory(e, "trace");
    *left_out = 0;
    for (size_t i = 0; added >= 0 && i < t->count; i++) {
        added = add_hooks(p, &t->items[i], items + count, e);
        *left_out += added == 0;
        count += added > 0 ? (size_t)added : 0;
    }
    for (size_t i = 0; i < count; i++) /* now that they stay where they are */
        if (items[i].own)
            items[i].shape = items[i].own_shape;
    free(t->items); /* of stages: they own nothing */
    t->items = items;
    t->count = count;
    t->hooks = true;
    if (added < 0)
        return -1;
    return count ? 0
                 : error_set(e, _("--names transformer-lens: expected a decoder with its norms before the sub-layers, an encoder with its "
                                  "norms behind them, or stages of one that have a hook; found none"));
}

enum { RANK_MAX = STAGE_MAX_RANK + 1 };

/* [head, token, dim] as [token, head, dim]. NULL without memory; the caller frees it. */
static real *heads_last(const TraceItem *item)
{
    size_t heads = item->shape[0], rows = item->shape[1], columns = item->shape[2];
    real *out = malloc(heads * rows * columns * sizeof *out);
    for (size_t h = 0; out && h < heads; h++)
        for (size_t r = 0; r < rows; r++)
            memcpy(out + (r * heads + h) * columns, item->data + (h * rows + r) * columns, columns * sizeof *out);
    return out;
}

/* One tensor as TransformerLens has it; *made gets what the caller frees. */
static int shape_as_hook(const TraceItem *item, SafeOut *out, size_t shape[RANK_MAX], real **made, Error *e)
{
    bool head_last = item->rank == 3 && hook_is_head_last(item->stage), last = head_last && !item->own;
    shape[0] = 1;
    for (int k = 0; k < item->rank; k++)
        shape[k + 1] = item->shape[k];
    if (head_last && item->own) { /* the insides of a norm of queries or keys: all in one column of rows */
        shape[0] = item->shape[0] * item->shape[1];
        shape[1] = item->shape[2];
        *out = (SafeOut){.name = item->name, .rank = 2, .shape = shape, .data = item->data};
        return 0;
    }
    if (last) {
        shape[1] = item->shape[1];
        shape[2] = item->shape[0];
        if (!(*made = heads_last(item)))
            return error_memory(e, "trace");
    }
    *out = (SafeOut){.name = item->name, .rank = item->rank + 1, .shape = shape, .data = last ? *made : item->data};
    return 0;
}

int trace_save(const Trace *t, const char *path, Error *e)
{
    size_t count = t->count ? t->count : 1;
    SafeOut *out = malloc(count * sizeof *out);
    size_t(*shapes)[RANK_MAX] = calloc(count, sizeof *shapes);
    real **made = calloc(count, sizeof *made);
    int status = out && shapes && made ? 0 : error_memory(e, "trace");
    for (size_t i = 0; status == 0 && i < t->count; i++) {
        const TraceItem *item = &t->items[i];
        out[i] = (SafeOut){.name = item->name, .rank = item->rank, .shape = item->shape, .data = item->data};
        if (t->hooks && item->head < 0)
            status = shape_as_hook(item, &out[i], shapes[i], &made[i], e);
    }
    if (status == 0)
        status = safetensors_write(path, out, t->count, e);
    for (size_t i = 0; made && i < t->count; i++)
        free(made[i]);
    free(made);
    free(shapes);
    free(out);
    return status;
}
