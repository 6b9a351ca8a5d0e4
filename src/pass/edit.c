/* edit.c - the list of edits, what each does to a value, and to its gradient on the way back.
 *
 * Owns when they take effect. Does not know how one is written: edit_read.c does. */
#include "pass/edit.h"

#include "base/text.h"
#include "pass/edit_internal.h"
#include "pass/pass_internal.h"
#include "tensor/kernels.h"

#include <stdlib.h>
#include <string.h>

/* ---- the list ---- */

int edits_add(Edits *edits, const char *text, Error *e)
{
    char **more = realloc(edits->items, (edits->count + 1) * sizeof *more);
    if (more)
        edits->items = more;
    char *copy = more ? strdup(text) : NULL;
    if (!copy)
        return error_memory(e, "edits");
    edits->items[edits->count++] = copy;
    return 0;
}

void edits_remove(Edits *edits, size_t i)
{
    free(edits->items[i]);
    edits->count--;
    memmove(edits->items + i, edits->items + i + 1, (edits->count - i) * sizeof *edits->items);
}

int edits_copy(Edits *to, const Edits *from, Error *e)
{
    *to = (Edits){0};
    for (size_t i = 0; i < from->count; i++)
        if (edits_add(to, from->items[i], e) != 0) {
            edits_free(to);
            return -1;
        }
    return 0;
}

void edits_free(Edits *edits)
{
    while (edits->count)
        free(edits->items[--edits->count]);
    free(edits->items);
    *edits = (Edits){0};
}

int edits_read(Edits *edits, const char *text, size_t n, Error *e)
{
    int line = 1;
    for (size_t at = 0; at < n; line++) {
        const char *begin = text + at, *end = memchr(begin, '\n', n - at);
        size_t len = end ? (size_t)(end - begin) : n - at;
        at += len + 1;
        while (len && (begin[len - 1] == ' ' || begin[len - 1] == '\t' || begin[len - 1] == '\r'))
            len--;
        while (len && (*begin == ' ' || *begin == '\t')) {
            begin++;
            len--;
        }
        if (len == 0 || *begin == '#')
            continue;
        if (memchr(begin, '\0', len) || !text_is_valid(begin, len))
            return error_set(e, "line %d: expected UTF-8 text, found other bytes", line);
        char *copy = strndup(begin, len);
        int status = copy ? edits_add(edits, copy, e) : error_memory(e, "edits");
        free(copy);
        if (status != 0)
            return -1;
    }
    return 0;
}

void edits_write(const Edits *edits, Buffer *out)
{
    for (size_t i = 0; i < edits->count; i++)
        buffer_printf(out, "%s\n", edits->items[i]);
}

/* ---- an edit as a pass carries it out ---- */

/* Rows over which a mean is taken, and how far the numbers of a column are apart. A vector is one column. */
static size_t rows_of(const Address *a)
{
    return a->shape[a->rank > 1 ? a->rank - 2 : 0];
}

static size_t columns_of(const Address *a)
{
    return a->rank > 1 ? a->shape[a->rank - 1] : 1;
}

/* The first number of the column that the number at `offset` is in. */
static size_t column_start(const Address *a, size_t offset)
{
    size_t columns = columns_of(a), matrix = rows_of(a) * columns;
    return offset / matrix * matrix + offset % columns;
}

/* Changes a tensor. `unmasked` is the input of a MASKED stage. */
static void change(const Change *c, real *x, const real *unmasked)
{
    size_t n = address_count(&c->at), rows = rows_of(&c->at), columns = columns_of(&c->at);
    if (c->kind == CHANGE_MEAN) { /* the first selected of each column takes the mean, the others copy it */
        for (size_t k = 0; k < n; k++) {
            size_t offset = address_offset(&c->at, k), start = column_start(&c->at, offset);
            int axis = c->at.rank > 1 ? c->at.rank - 2 : 0;
            size_t first = start + c->at.at[axis].first * columns;
            double sum = 0;
            if (offset == first) {
                for (size_t r = 0; r < rows; r++)
                    sum += x[start + r * columns];
                x[offset] = (real)(sum / (double)rows);
            } else {
                x[offset] = x[first];
            }
        }
        return;
    }
    for (size_t k = 0; k < n; k++) {
        real *y = &x[address_offset(&c->at, k)];
        switch (c->kind) {
        case CHANGE_SET: *y = (real)c->x; break;
        case CHANGE_SCALE: *y *= (real)c->x; break;
        case CHANGE_ADD: *y += c->numbers[k]; break;
        case CHANGE_NUMBERS: *y = c->numbers[k]; break;
        case CHANGE_UNMASK: *y = unmasked[address_offset(&c->at, k)]; break;
        default: break;
        }
    }
}

/* From the gradient of what a change made, g, to that of what it was made from. */
static void change_back(const Change *c, real *g, real *dunmasked)
{
    size_t n = address_count(&c->at), rows = rows_of(&c->at), columns = columns_of(&c->at);
    int axis = c->at.rank > 1 ? c->at.rank - 2 : 0;
    AddressRange range = c->at.at[axis];
    for (size_t k = 0; k < n; k++) {
        size_t offset = address_offset(&c->at, k), start = column_start(&c->at, offset);
        switch (c->kind) {
        case CHANGE_SET:
        case CHANGE_NUMBERS: g[offset] = 0; break;
        case CHANGE_SCALE: g[offset] *= (real)c->x; break;
        case CHANGE_UNMASK:
            dunmasked[offset] += g[offset];
            g[offset] = 0;
            break;
        case CHANGE_MEAN: { /* once for each column, at its first selected row: every row has a share of the sum */
            double sum = 0;
            if (offset != start + range.first * columns)
                break;
            for (size_t r = range.first; r < range.end; r++) {
                sum += g[start + r * columns];
                g[start + r * columns] = 0;
            }
            for (size_t r = 0; r < rows; r++)
                g[start + r * columns] += (real)(sum / (double)rows);
            break;
        }
        default: break;
        }
    }
}

void changes_apply(Pass *p, size_t i)
{
    struct Changes *c = p->changes;
    const Stage *s = &p->plan.stages[i];
    if (!c->computed[i])
        return;
    memcpy(c->computed[i], p->values[i], s->count * sizeof(real));
    for (size_t k = 0; k < c->count; k++)
        if (!c->items[k].at.is_weight && c->items[k].at.index == i)
            change(&c->items[k], p->values[i], s->in[0] == NO_STAGE ? NULL : p->values[s->in[0]]);
}

void changes_before_backward(Pass *p, size_t i, StageRun *r)
{
    struct Changes *c = p->changes;
    if (!c->computed[i])
        return;
    memcpy(c->inner[i], p->gradients[i], r->stage->count * sizeof(real));
    if (c->past[i])
        memset(c->past[i], 0, r->stage->count * sizeof(real));
    for (size_t k = c->count; k-- > 0;)
        if (!c->items[k].at.is_weight && c->items[k].at.index == i)
            change_back(&c->items[k], c->inner[i], c->past[i]);
    if (c->past[i])
        add_to(r->din[0], c->past[i], r->stage->count);
    r->out = c->computed[i];
    r->dout = c->inner[i];
}

void changes_free(struct Changes *c)
{
    if (!c)
        return;
    for (size_t i = 0; i < c->count; i++)
        free(c->items[i].numbers);
    free(c->items);
    edits_free(&c->edits);
    free(c->ids[0]);
    free(c->ids[1]);
    for (size_t i = 0; c->computed && i < c->stages; i++)
        free(c->computed[i]);
    for (size_t i = 0; c->inner && i < c->stages; i++)
        free(c->inner[i]);
    for (size_t i = 0; c->past && i < c->stages; i++)
        free(c->past[i]);
    for (size_t i = 0; c->weights && i < c->weight_count; i++)
        free(c->weights[i]);
    free(c->computed);
    free(c->weights);
    free(c->inner);
    free(c->past);
    free(c);
}

/* ---- taking effect ---- */

/* Memory for what the changes need while the pass runs, and the edited weights. */
static int prepare(struct Changes *c, const Pass *p, Error *e)
{
    const Weights *w = &p->model->weights;
    c->stages = p->plan.count;
    c->weight_count = w->count;
    c->computed = calloc(c->stages, sizeof *c->computed);
    c->inner = calloc(c->stages, sizeof *c->inner);
    c->past = calloc(c->stages, sizeof *c->past);
    c->weights = calloc(c->weight_count ? c->weight_count : 1, sizeof *c->weights);
    if (!c->computed || !c->inner || !c->past || !c->weights)
        return error_memory(e, "edits");
    for (size_t k = 0; k < c->count; k++) {
        const Change *x = &c->items[k];
        size_t i = x->at.index, n = x->at.is_weight ? w->items[i].count : p->plan.stages[i].count;
        real **room = x->at.is_weight ? &c->weights[i] : &c->computed[i];
        if (x->kind == CHANGE_TOKEN)
            continue;
        if (!*room && !(*room = numbers_allocate(n)))
            return error_memory(e, "edits");
        if (!x->at.is_weight) {
            if (!c->inner[i] && !(c->inner[i] = numbers_allocate(n)))
                return error_memory(e, "edits");
            if (x->kind == CHANGE_UNMASK && !c->past[i] && !(c->past[i] = numbers_allocate(n)))
                return error_memory(e, "edits");
            continue;
        }
        bool first = true;
        for (size_t j = 0; j < k; j++)
            first = first && !(c->items[j].at.is_weight && c->items[j].at.index == i);
        if (first)
            weight_read(*room, &w->items[i]);
        change(x, *room, NULL);
    }
    return 0;
}

/* The ids as they were fed, or as the token edits of c have them. */
static void put_ids(Pass *p, const struct Changes *c, bool edited)
{
    for (int stack = 0; c && stack < 2; stack++)
        if (c->ids[stack] && !edited)
            memcpy(p->ids[stack], c->ids[stack], (stack == 0 ? p->plan.input.source_len : p->plan.input.target_len) * sizeof(int));
    for (size_t k = 0; c && edited && k < c->count; k++) {
        const Change *x = &c->items[k];
        for (size_t i = x->at.at[0].first; x->kind == CHANGE_TOKEN && i < x->at.at[0].end; i++)
            p->ids[edit_stack_of(&p->plan.stages[x->at.index])][i] = x->id;
    }
}

/* The first stage that the edits from number `from` on change. */
static size_t first_changed(const Pass *p, const struct Changes *c, size_t from)
{
    size_t first = p->plan.count;
    for (size_t k = 0; c && k < c->count; k++) {
        const Change *x = &c->items[k];
        for (size_t i = 0; x->edit >= from && i < first; i++) {
            const Stage *s = &p->plan.stages[i];
            if (x->at.is_weight ? s->w[0] == (int)x->at.index || s->w[1] == (int)x->at.index : i == x->at.index)
                first = i;
        }
    }
    return first;
}

/* True where the edits from number `from` on leave alone what stage i reads: they change its value once it is computed. */
static bool leave_what_is_read(const Pass *p, const struct Changes *c, size_t from, size_t i)
{
    const Stage *s = &p->plan.stages[i];
    for (size_t k = 0; c && k < c->count; k++) {
        const Change *x = &c->items[k];
        bool reads = x->at.is_weight ? s->w[0] == (int)x->at.index || s->w[1] == (int)x->at.index : x->kind == CHANGE_TOKEN && x->at.index == i;
        if (x->edit >= from && reads)
            return false;
    }
    return true;
}

/* Stage i was computed while the edits were `old`, and they alone are others now: what it had computed itself need not be computed again. */
static void edit_again(Pass *p, const struct Changes *old, size_t i)
{
    if (old && old->computed[i])
        memcpy(p->values[i], old->computed[i], p->plan.stages[i].count * sizeof(real));
    changes_apply(p, i);
    p->done = i + 1;
}

int pass_set_edits(Pass *p, const Edits *edits, Error *e)
{
    struct Changes *old = p->changes, *new = calloc(1, sizeof *new);
    size_t same = 0;
    put_ids(p, old, false);
    int status = new ? edits_copy(&new->edits, edits, e) : error_memory(e, "edits");
    for (size_t i = 0; status == 0 && i < edits->count; i++)
        status = edit_read(p, new, i, e);
    if (status == 0)
        status = prepare(new, p, e);
    if (status != 0) {
        put_ids(p, new, false);
        put_ids(p, old, true);
        changes_free(new);
        return -1;
    }
    while (old && same < old->edits.count && same < edits->count && strcmp(old->edits.items[same], edits->items[same]) == 0)
        same++;
    size_t first = first_changed(p, old, same), also = first_changed(p, new, same);
    first = first < also ? first : also;
    for (size_t i = 0; old && i < first; i++) /* stages that are not computed again: what they had computed themselves stays known */
        if (new->computed[i] && old->computed[i]) {
            real *kept = old->computed[i];
            old->computed[i] = new->computed[i];
            new->computed[i] = kept;
        }
    p->changes = new;
    if (first < p->done && leave_what_is_read(p, old, same, first) && leave_what_is_read(p, new, same, first))
        edit_again(p, old, first);
    else
        pass_forget(p, first);
    changes_free(old);
    if (new->count == 0) {
        changes_free(new);
        p->changes = NULL;
    }
    return 0;
}

const Edits *pass_edits(const Pass *p)
{
    static const Edits none;
    return p->changes ? &p->changes->edits : &none;
}

bool pass_is_edited(const Pass *p, size_t stage)
{
    return p->changes && p->changes->computed[stage];
}

const char *pass_edit_of(const Pass *p, size_t stage, size_t k)
{
    for (size_t i = 0; p->changes && i < p->changes->count; i++) {
        const Change *c = &p->changes->items[i];
        if (!c->at.is_weight && c->at.index == stage && k-- == 0)
            return p->changes->edits.items[c->edit];
    }
    return NULL;
}

const real *pass_unedited(Pass *p, size_t stage)
{
    const real *value = pass_value(p, stage);
    return pass_is_edited(p, stage) ? p->changes->computed[stage] : value;
}

const real *pass_inner_gradient(const Pass *p, size_t stage)
{
    return pass_is_edited(p, stage) && p->has_gradients ? p->changes->inner[stage] : pass_gradient(p, stage);
}

static bool holds(const Address *a, size_t offset)
{
    for (int i = a->rank; i-- > 0; offset /= a->shape[i])
        if (offset % a->shape[i] < a->at[i].first || offset % a->shape[i] >= a->at[i].end)
            return false;
    return true;
}

bool pass_is_unmasked(const Pass *p, size_t stage, size_t offset, real *past)
{
    const struct Changes *c = p->changes;
    for (size_t k = 0; c && k < c->count; k++)
        if (c->items[k].kind == CHANGE_UNMASK && c->items[k].at.index == stage && holds(&c->items[k].at, offset)) {
            *past = p->has_gradients ? c->past[stage][offset] : 0;
            return true;
        }
    return false;
}

const real *changes_weight(const struct Changes *c, size_t w)
{
    return c ? c->weights[w] : NULL;
}
