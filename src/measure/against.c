/* against.c - compares the stages of a pass with tensors that another program wrote. */
#include "measure/against.h"

#include "base/text.h"
#include "pass/hook.h"

#include <limits.h>
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* What others put in place of −∞: at or below this a score is hidden. */
#define HIDDEN (-1e4)

/* ---- which stage ---- */

static int find_stage(const Plan *p, const char *name)
{
    int stage = plan_find(p, name);
    return stage >= 0 ? stage : hook_find_output(p, name);
}

/* Their shape without the batch; false where it is not ours. *head_last: they have [token, head, dim]. */
static bool same_shape(const Stage *s, const SafeTensor *t, bool *head_last)
{
    const size_t *shape = t->shape;
    int rank = t->rank;
    *head_last = false;
    if (rank == s->rank + 1 && shape[0] == 1) {
        shape++;
        rank--;
    }
    if (rank != s->rank)
        return false;
    bool same = true;
    for (int k = 0; k < rank; k++)
        same = same && shape[k] == s->shape[k];
    if (same)
        return true;
    *head_last = rank == 3 && hook_is_head_last(s) && shape[0] == s->shape[1] && shape[1] == s->shape[0] && shape[2] == s->shape[2];
    return *head_last;
}

/* Where number i of ours stands in theirs. */
static size_t their_place(const Stage *s, size_t i, bool head_last)
{
    if (!head_last)
        return i;
    size_t rows = s->shape[1], columns = s->shape[2], head = i / (rows * columns), row = i / columns % rows;
    return (row * s->shape[0] + head) * columns + i % columns;
}

/* ---- how far ---- */

static double largest_finite(const SafeTensor *t)
{
    double most = 0;
    for (size_t i = 0; i < t->count; i++) {
        double x = safetensors_value(t, i);
        if (isfinite(x) && x > HIDDEN)
            most = fmax(most, fabs(x));
    }
    return most;
}

static double tensor_error(const Stage *s, const real *ours, const SafeTensor *theirs, bool head_last, double least)
{
    double worst = 0, scale = fmax(largest_finite(theirs), least);
    for (size_t i = 0; i < s->count; i++) {
        double a = (double)ours[i], b = safetensors_value(theirs, their_place(s, i, head_last));
        if (isinf(a) && a < 0 && b <= HIDDEN)
            continue;
        if (!isfinite(a) || !isfinite(b))
            return INFINITY;
        worst = fmax(worst, fabs(a - b));
    }
    return worst == 0 ? 0 : worst / scale;
}

static int compare_items(const void *a, const void *b)
{
    const AgainstItem *x = a, *y = b;
    if ((x->stage == NO_STAGE) != (y->stage == NO_STAGE))
        return x->stage == NO_STAGE ? 1 : -1;
    return x->stage != y->stage ? x->stage - y->stage : strcmp(x->name, y->name);
}

int against_compare(Against *a, Pass *p, const SafeTensors *file, Error *e)
{
    double largest = 0;
    *a = (Against){.items = calloc(file->count + 1, sizeof *a->items), .tolerance = AGAINST_TOLERANCE};
    if (!a->items)
        return error_memory(e, file->path);
    for (size_t i = 0; i < file->count; i++)
        if (file->items[i].dtype != DTYPE_OTHER)
            largest = fmax(largest, largest_finite(&file->items[i]));
    for (size_t i = 0; i < file->count; i++) {
        const SafeTensor *t = &file->items[i];
        AgainstItem *item = &a->items[a->count++];
        *item = (AgainstItem){.name = t->name, .stage = t->dtype == DTYPE_OTHER ? NO_STAGE : find_stage(pass_plan(p), t->name)};
        if (item->stage == NO_STAGE)
            continue;
        const Stage *s = &pass_plan(p)->stages[item->stage];
        bool head_last;
        a->compared++;
        item->shapes_differ = !same_shape(s, t, &head_last);
        item->error = item->shapes_differ ? INFINITY : tensor_error(s, pass_value(p, (size_t)item->stage), t, head_last, 1e-3 * largest);
        if (t->dtype == DTYPE_F16 || t->dtype == DTYPE_BF16)
            a->tolerance = AGAINST_TOLERANCE_HALF;
    }
    qsort(a->items, a->count, sizeof *a->items, compare_items);
    if (a->compared)
        return 0;
    const SafeTensor *integers = NULL;
    for (size_t i = 0; i < file->count && !integers; i++)
        if (file->items[i].dtype == DTYPE_OTHER && find_stage(pass_plan(p), file->items[i].name) != NO_STAGE)
            integers = &file->items[i];
    against_free(a);
    if (integers)
        return error_set(e, _("%s: %s: expected F32, F64, F16 or BF16, found %s"), file->path, integers->name, integers->dtype_name);
    return error_set(
        e,
        _("%s: expected tensors with the names of stages (decoder.0.self.weights, blocks.0.attn.hook_pattern, attentions.0), found none "
          "of this pass"),
        file->path);
}

void against_free(Against *a)
{
    free(a->items);
    *a = (Against){.count = 0};
}

/* ---- what it was fed ---- */

static int64_t whole_number(const SafeTensor *t, size_t i)
{
    int32_t narrow;
    int64_t wide;
    if (strcmp(t->dtype_name, "I64") == 0) {
        memcpy(&wide, t->bytes + 8 * i, sizeof wide);
        return wide;
    }
    memcpy(&narrow, t->bytes + 4 * i, sizeof narrow);
    return narrow;
}

int against_ids(const SafeTensors *file, const char *name, Ids *out, Error *e)
{
    const SafeTensor *t = safetensors_find(file, name);
    if (!t)
        return 0;
    bool whole = strcmp(t->dtype_name, "I64") == 0 || strcmp(t->dtype_name, "I32") == 0;
    if (!whole || t->rank < 1 || t->rank > 2 || (t->rank == 2 && t->shape[0] != 1) || t->count == 0)
        return error_set(e, _("%s: %s: expected one row of ids, I64 [tokens] or [1, tokens], found %s of rank %d with %zu numbers"),
                         file->path, name, t->dtype_name, t->rank, t->count);
    for (size_t i = 0; i < t->count; i++) {
        int64_t id = whole_number(t, i);
        if (id < 0 || id > INT_MAX)
            return error_set(e, _("%s: %s: entry %zu: expected an id, found %lld"), file->path, name, i, (long long)id);
        if (ids_add(out, (int)id, e) != 0)
            return -1;
    }
    return 1;
}
