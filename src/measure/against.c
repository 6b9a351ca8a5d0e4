/* against.c - compares the stages of a pass with tensors that another program wrote. */
#include "measure/against.h"

#include "base/text.h"
#include "measure/difference.h"
#include "measure/hooked.h"

#include <limits.h>
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* What others put in place of −∞: at or below this a score is hidden. */
#define HIDDEN (-1e4)

/* ---- which stage ---- */

/* *theirs: the name is a hook's, so that heads may stand behind tokens. */
static Hook find_hook(const Plan *p, const char *name, bool *theirs)
{
    char own[STAGE_NAME_MAX];
    *theirs = false;
    for (size_t i = 0; i < p->count; i++)
        if (strcmp(stage_name(&p->stages[i], own), name) == 0)
            return (Hook){(int)i, HOOK_VALUE};
    Hook h = hook_find(p, name);
    *theirs = h.stage != NO_STAGE;
    return h.stage != NO_STAGE ? h : (Hook){hook_find_output(p, name), HOOK_VALUE};
}

/* Their shape without the batch; returns the rank. */
static int without_batch(const SafeTensor *t, int rank, const size_t **shape)
{
    bool batch = t->rank == rank + 1 && t->shape[0] == 1;
    *shape = t->shape + batch;
    return t->rank - batch;
}

typedef enum Fit { FIT_NOT = 0, FIT_SAME = 1, FIT_TURNED = 2, FIT_EITHER = FIT_SAME | FIT_TURNED } Fit;

/* Whether theirs is of this shape, or has the heads behind the tokens: apart, or side by side. As many tokens as heads make both true for a
 * hook: a HookedTransformer has most heads behind, a TransformerBridge some in front. The insides of a norm of queries or keys, ours with the
 * heads behind the tokens: all in one column of rows, or (a TransformerBridge's) with the heads in front. */
static Fit fits(const Stage *s, const AgainstItem *item, HookForm form, int rank, const size_t *ours)
{
    const size_t *theirs;
    int their_rank = without_batch(item->tensor, rank, &theirs);
    bool same = their_rank == rank, turned = false;
    for (int k = 0; same && k < rank; k++)
        same = ours[k] == theirs[k];
    if (form != HOOK_VALUE && rank == 3 && hook_is_head_last(s)) {
        turned = their_rank == 3 && theirs[0] == ours[1] && theirs[1] == ours[0] && theirs[2] == ours[2];
        their_rank = without_batch(item->tensor, 2, &theirs);
        same = their_rank == 2 && theirs[0] == ours[0] * ours[1] && theirs[1] == ours[2];
        return same ? FIT_SAME : turned ? FIT_TURNED : FIT_NOT;
    }
    if (form == HOOK_VALUE && rank == 3 && hook_is_head_last(s)) {
        turned = their_rank == 3 && theirs[0] == ours[1] && theirs[1] == ours[0] && theirs[2] == ours[2];
        their_rank = without_batch(item->tensor, 2, &theirs);
        turned = turned || (their_rank == 2 && theirs[0] == ours[1] && theirs[1] == ours[0] * ours[2]);
    }
    if (same && turned && item->is_hook)
        return FIT_EITHER;
    return same ? FIT_SAME : turned ? FIT_TURNED : FIT_NOT;
}

/* ---- how far ---- */

/* The shape of what an item is compared with, in our order. */
static int shape_of(const Pass *p, Hook h, size_t shape[STAGE_MAX_RANK])
{
    const Stage *s = &pass_plan(p)->stages[h.stage];
    if (h.form != HOOK_VALUE)
        return hooked_shape(p, h, shape);
    memcpy(shape, s->shape, sizeof s->shape);
    return s->rank;
}

/* Compares with our values of this shape, and keeps what came of it where that is nearer than what is in item. */
static void keep_nearer(AgainstItem *item, HookForm form, const real *ours, int rank, const size_t *shape, bool turned, double least)
{
    Difference d = difference_of(ours, item->tensor, turned ? shape : NULL, least, HIDDEN);
    if (!item->shapes_differ && !(d.error < item->error))
        return;
    item->form = form;
    item->shapes_differ = false;
    item->error = d.error;
    item->ours = d.ours;
    item->theirs = d.theirs;
    item->rank = rank;
    memcpy(item->shape, shape, (size_t)rank * sizeof *shape);
    for (int k = rank; k-- > 0; d.at /= shape[k])
        item->index[k] = d.at % shape[k];
}

/* The same with one form of the stage, in each order that fits. */
static int compare_form(AgainstItem *item, Pass *p, HookForm form, double least, Error *e)
{
    Hook h = {item->stage, form};
    const Stage *s = &pass_plan(p)->stages[h.stage];
    size_t shape[STAGE_MAX_RANK];
    int rank = shape_of(p, h, shape);
    Fit fit = fits(s, item, form, rank, shape);
    if (fit == FIT_NOT)
        return 0;
    real *made = form == HOOK_VALUE ? NULL : hooked_compute(p, h, e);
    if (form != HOOK_VALUE && !made)
        return -1;
    const real *ours = made ? made : pass_value(p, (size_t)h.stage);
    if (fit & FIT_TURNED)
        keep_nearer(item, form, ours, rank, shape, true, least);
    if (fit & FIT_SAME)
        keep_nearer(item, form, ours, rank, shape, false, least);
    free(made);
    return 0;
}

/* What a name may mean: a norm's hook_normalized is behind gain and bias in a LayerNorm up to TransformerLens 2, hook_result all of the
 * output in a TransformerBridge. */
static int compare_item(AgainstItem *item, Pass *p, Hook h, double least, Error *e)
{
    bool layernorm = stage_norm_kind(&pass_plan(p)->stages[h.stage], &pass_model(p)->config) == NORM_LAYERNORM;
    bool or_value = h.form == HOOK_RESULT || (h.form == HOOK_NORMALIZED && layernorm), known = hooked_known(p, h);
    if (!known && !or_value)
        return 0;
    item->stage = h.stage;
    item->form = known ? h.form : HOOK_VALUE;
    item->shapes_differ = true;
    item->error = INFINITY;
    item->rank = shape_of(p, (Hook){h.stage, item->form}, item->shape);
    if (known && compare_form(item, p, h.form, least, e) != 0)
        return -1;
    return or_value && h.form != HOOK_VALUE ? compare_form(item, p, HOOK_VALUE, least, e) : 0;
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
    int status = 0;
    *a = (Against){.items = calloc(file->count + 1, sizeof *a->items), .tolerance = AGAINST_TOLERANCE};
    if (!a->items)
        return error_memory(e, file->path);
    for (size_t i = 0; i < file->count; i++)
        if (file->items[i].dtype != DTYPE_OTHER)
            largest = fmax(largest, difference_largest(&file->items[i], HIDDEN));
    for (size_t i = 0; status == 0 && i < file->count; i++) {
        const SafeTensor *t = &file->items[i];
        AgainstItem *item = &a->items[a->count++];
        *item = (AgainstItem){.name = t->name, .tensor = t, .stage = NO_STAGE};
        Hook h = t->dtype == DTYPE_OTHER ? (Hook){NO_STAGE, HOOK_VALUE} : find_hook(pass_plan(p), t->name, &item->is_hook);
        status = h.stage == NO_STAGE ? 0 : compare_item(item, p, h, 1e-3 * largest, e);
        if (item->stage == NO_STAGE)
            continue;
        a->compared++;
        if (t->dtype == DTYPE_F16 || t->dtype == DTYPE_BF16)
            a->tolerance = AGAINST_TOLERANCE_HALF;
    }
    qsort(a->items, a->count, sizeof *a->items, compare_items);
    if (status == 0 && a->compared)
        return 0;
    const SafeTensor *integers = NULL;
    bool is_hook;
    for (size_t i = 0; i < file->count && !integers; i++)
        if (file->items[i].dtype == DTYPE_OTHER && find_hook(pass_plan(p), file->items[i].name, &is_hook).stage != NO_STAGE)
            integers = &file->items[i];
    against_free(a);
    if (status == 0 && integers)
        status = error_set(e, _("%s: %s: expected F32, F64, F16 or BF16, found %s"), file->path, integers->name, integers->dtype_name);
    return status != 0
               ? -1
               : error_set(e,
                           _("%s: expected tensors with the names of stages (decoder.0.self.weights, blocks.0.attn.hook_pattern, "
                             "attentions.0), found none of this pass"),
                           file->path);
}

/* ---- why ---- */

bool against_is_centred(const AgainstItem *item, Pass *p, double tolerance)
{
    size_t columns = item->shape[1];
    if (item->stage == NO_STAGE || item->shapes_differ || item->form != HOOK_VALUE || item->rank != 2 || columns < 2)
        return false;
    const real *x = pass_value(p, (size_t)item->stage);
    double scale = difference_largest(item->tensor, HIDDEN), worst = 0;
    for (size_t t = 0; t < item->shape[0]; t++, x += columns) {
        double mean = 0;
        for (size_t j = 0; j < columns; j++)
            mean += (double)x[j] / (double)columns;
        for (size_t j = 0; j < columns; j++) {
            double off = fabs((double)x[j] - mean - safetensors_value(item->tensor, t * columns + j));
            worst = off <= worst ? worst : off;
        }
    }
    return worst <= tolerance * scale;
}

size_t against_other_length(const AgainstItem *item, const Pass *p)
{
    const Stage *s = item->stage == NO_STAGE ? NULL : &pass_plan(p)->stages[item->stage];
    const size_t *theirs;
    size_t length = 0;
    if (!s || !item->shapes_differ || without_batch(item->tensor, item->rank, &theirs) != item->rank || item->form != HOOK_VALUE)
        return 0;
    bool turned = hook_is_head_last(s) && item->rank == 3 && theirs[1] == s->shape[0];
    for (int k = 0; k < item->rank; k++) {
        int axis = turned && k < 2 ? 1 - k : k;
        bool token = s->axes[axis] == AXIS_TOKEN || s->axes[axis] == AXIS_QUERY || s->axes[axis] == AXIS_KEY;
        if (!token && theirs[k] != s->shape[axis])
            return 0;
        if (token && s->axes[axis] != AXIS_KEY)
            length = theirs[k];
    }
    return length;
}

size_t against_in_doubt(const Against *a, size_t i, const Pass *p, bool *in_doubt)
{
    const Plan *plan = pass_plan(p);
    size_t count = 0;
    memset(in_doubt, 0, plan->count * sizeof *in_doubt);
    in_doubt[a->items[i].stage] = true;
    for (int stage = a->items[i].stage; stage >= 0; stage--) { /* a stage reads earlier ones */
        if (!in_doubt[stage])
            continue;
        count++;
        for (int k = 0; k < 2; k++) {
            int in = plan->stages[stage].in[k];
            bool held = in == NO_STAGE;
            for (size_t j = 0; !held && j < i; j++)
                held = a->items[j].stage == in;
            if (!held)
                in_doubt[in] = true;
        }
    }
    return count;
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
