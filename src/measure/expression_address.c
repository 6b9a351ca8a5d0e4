/* expression_address.c - the numbers that an address in an expression means, of values or of gradients, as an array with named axes. */
#include "measure/expression_internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The error of a lower function, at a place of the text. */
static int fail_with(const Eval *v, size_t at, const Error *cause)
{
    return eval_fail(v->e, v->x->text, at, "%s", cause->text);
}

bool eval_may_read(const Eval *v, size_t at, size_t stage)
{
    if (!v->c->only_done || v->c->here == NO_STAGE || v->c->backward || stage <= (size_t)v->c->here)
        return true;
    char name[STAGE_NAME_MAX];
    v->e->not_yet = true;
    eval_fail(v->e, v->x->text, at, "expected a stage up to here, found %s, which is not computed yet",
              stage_name(&pass_plan(v->c->pass)->stages[stage], name));
    return false;
}

/* The name of a stage or a weight without its layer, into out; its layer, or -1. */
static int split_layer(const char *name, char out[STAGE_NAME_MAX])
{
    const char *dot = strchr(name, '.');
    memcpy(out, name, strlen(name) + 1);
    if (!dot || dot[1] < '0' || dot[1] > '9')
        return -1;
    const char *rest = strchr(dot + 1, '.');
    int layer = atoi(dot + 1);
    if (rest)
        memmove(out + (dot - name), rest, strlen(rest) + 1);
    return layer;
}

static const char *address_name(const Pass *p, const Address *a, char out[STAGE_NAME_MAX])
{
    return a->is_weight ? pass_model(p)->weights.items[a->index].name : stage_name(&pass_plan(p)->stages[a->index], out);
}

/* The axis in front of several stages: their layers where they differ in nothing else, else their names. */
static int name_stages(const Eval *v, const AddressList *list, ValueAxis *axis)
{
    char **names = calloc(list->count, sizeof *names), (*texts)[STAGE_NAME_MAX] = calloc(list->count, sizeof *texts),
         first[STAGE_NAME_MAX] = "";
    bool layers = true;
    int status = names && texts ? 0 : error_memory(&v->e->error, "expression");
    for (size_t i = 0; status == 0 && i < list->count; i++) {
        char room[STAGE_NAME_MAX], rest[STAGE_NAME_MAX];
        names[i] = texts[i];
        strcpy(texts[i], address_name(v->c->pass, &list->items[i], room));
        layers = split_layer(texts[i], rest) >= 0 && layers;
        if (i == 0)
            strcpy(first, rest);
        layers = layers && strcmp(first, rest) == 0;
    }
    for (size_t i = 0; status == 0 && layers && i < list->count; i++) {
        char rest[STAGE_NAME_MAX];
        snprintf(texts[i], STAGE_NAME_MAX, "%d", split_layer(names[i], rest));
    }
    *axis = value_axis(layers ? "layer" : "stage");
    if (status == 0)
        status = value_axis_name(axis, (const char *const *)names, list->count, &v->e->error);
    free(names);
    free(texts);
    return status;
}

static ValueAxis axis_of(const Pass *p, const Address *a, int k)
{
    ValueAxis axis = value_axis(address_axis(p, a, k));
    axis.first = a->at[k].first;
    axis.pass = p;
    if (a->is_weight) {
        axis.vocab = a->shape[k] == pass_model(p)->config.vocab_size && a->shape[k] != pass_model(p)->config.d_model;
    } else {
        axis.stage = (int)a->index;
        axis.axis = k;
    }
    return axis;
}

/* True where both choose blocks of the same shape along the same axes. */
static bool same_block(const Pass *p, const Address *a, const Address *b)
{
    if (a->rank != b->rank)
        return false;
    for (int k = 0; k < a->rank; k++)
        if (a->at[k].end - a->at[k].first != b->at[k].end - b->at[k].first || strcmp(address_axis(p, a, k), address_axis(p, b, k)) != 0)
            return false;
    return true;
}

static void write_block(const Pass *p, const Address *a, Buffer *out)
{
    char room[STAGE_NAME_MAX];
    buffer_puts(out, address_name(p, a, room));
    for (int k = 0; k < a->rank; k++)
        buffer_printf(out, "%s%s %zu", k ? ", " : " [", address_axis(p, a, k), a->at[k].end - a->at[k].first);
    buffer_putc(out, ']');
}

/* The gradients of the context's loss are there afterwards. */
static int need_gradients(const Eval *v, size_t at)
{
    const ExpressionContext *c = v->c;
    Error cause = {{0}};
    double loss;
    size_t n;
    if (c->only_done && !c->backward) {
        v->e->not_yet = true;
        return eval_fail(v->e, v->x->text, at, "expected no gradient: it is not computed yet on the way forwards");
    }
    if (!c->targets)
        return eval_fail(v->e, v->x->text, at, "expected a pass whose targets are known, for the loss; give --targets");
    const int *have = pass_targets(c->pass, &n);
    if (have && n == c->target_count && memcmp(have, c->targets, n * sizeof *have) == 0)
        return 0;
    return pass_backward(c->pass, c->targets, c->target_count, &loss, &cause) == 0 ? 0 : fail_with(v, at, &cause);
}

/* The numbers of an address's tensor, row after row, as a matrix of `columns` columns. */
static Matrix numbers_of(const Eval *v, const Address *a, bool gradient, size_t *columns)
{
    Pass *p = v->c->pass;
    *columns = a->shape[a->rank - 1];
    if (gradient)
        return matrix_of(a->is_weight ? pass_weight_gradient(p, a->index) : pass_gradient(p, a->index), *columns);
    return a->is_weight ? pass_weight(p, a->index) : matrix_of(pass_value(p, a->index), *columns);
}

/* Whether these numbers may be read yet. A weight's gradient is whole when the first stage that reads it was gone through. */
static bool may_read_address(const Eval *v, size_t at, const Address *a, bool gradient)
{
    const Plan *plan = pass_plan(v->c->pass);
    if (!gradient)
        return a->is_weight || eval_may_read(v, at, a->index);
    if (!v->c->only_done || v->c->here == NO_STAGE)
        return true;
    size_t first = a->index;
    if (a->is_weight)
        for (first = 0; first < plan->count; first++)
            if (plan->stages[first].w[0] == (int)a->index || plan->stages[first].w[1] == (int)a->index)
                break;
    if (v->c->backward && first >= (size_t)v->c->here)
        return true;
    v->e->not_yet = true;
    eval_fail(v->e, v->x->text, at, "expected a gradient that is known here, found one that is not computed yet");
    return false;
}

/* Puts the blocks of a list one behind the other. */
static int gather(const Eval *v, size_t at, const AddressList *list, bool several, bool gradient, Value *out)
{
    const Pass *p = v->c->pass;
    const Address *a = &list->items[0];
    size_t shape[VALUE_MAX_RANK];
    int rank = 0;
    if (several)
        shape[rank++] = list->count;
    for (int k = 0; k < a->rank; k++)
        if (!a->at[k].single)
            shape[rank++] = a->at[k].end - a->at[k].first;
    if (value_array(out, rank, shape, &v->e->error) != 0)
        return -1;
    rank = 0;
    if (several && name_stages(v, list, &out->axes[rank++]) != 0)
        return -1;
    for (int k = 0; k < a->rank; k++)
        if (!a->at[k].single)
            out->axes[rank++] = axis_of(p, a, k);
    double *x = out->data;
    for (size_t i = 0; i < list->count; i++) {
        const Address *b = &list->items[i];
        if (!may_read_address(v, at, b, gradient))
            return -1;
        size_t columns, n = address_count(b);
        Matrix numbers = numbers_of(v, b, gradient, &columns);
        for (size_t k = 0; k < n; k++) {
            size_t offset = address_offset(b, k);
            *x++ = (double)matrix_at(&numbers, offset / columns, offset % columns);
        }
    }
    return 0;
}

/* True where a name may stand for several stages: then they get an axis of their own, were there one only. */
static bool has_star(const char *s, size_t n)
{
    for (size_t i = 0; i < n && s[i] != '['; i++)
        if (s[i] == '*')
            return true;
    return false;
}

/* Reads and gathers n bytes of an address that stands at byte `at` of the expression; there a word of `word` bytes may stand for its first
 * `stands_for` bytes ("here"). */
static int eval_text_address(const Eval *v, const char *s, size_t n, size_t at, size_t word, size_t stands_for, bool gradient, Value *out)
{
    const Pass *p = v->c->pass;
    AddressList list;
    Error cause = {{0}};
    size_t used = 0;
    int status = address_read(&list, p, v->c->here, s, n, &used, &cause);
    size_t place = used < stands_for ? at : at + used - stands_for + word;
    if (status != 0)
        return fail_with(v, place, &cause);
    if (used < n)
        status = eval_fail(v->e, v->x->text, place, "expected the end of the address");
    for (size_t i = 1; status == 0 && i < list.count; i++)
        if (!same_block(p, &list.items[0], &list.items[i])) {
            Buffer a = {0}, b = {0};
            write_block(p, &list.items[0], &a);
            write_block(p, &list.items[i], &b);
            status = eval_fail(v->e, v->x->text, at, "expected stages of one shape, found %s and %s; name one stack or sub-layer",
                               buffer_text(&a), buffer_text(&b));
            buffer_free(&a);
            buffer_free(&b);
        }
    if (status == 0 && gradient)
        status = need_gradients(v, at);
    if (status == 0)
        status = gather(v, at, &list, list.count > 1 || has_star(s, n), gradient, out);
    if (status != 0)
        value_free(out);
    address_list_free(&list);
    return status;
}

int eval_here(const Eval *v, size_t at, bool gradient, Value *out)
{
    char name[STAGE_NAME_MAX];
    stage_name(&pass_plan(v->c->pass)->stages[v->c->here], name);
    return eval_text_address(v, name, strlen(name), at, 0, strlen(name), gradient || v->c->backward, out);
}

int eval_address(const Eval *v, size_t at, size_t len, bool gradient, Value *out)
{
    const char *s = v->x->text + at;
    size_t word = 0;
    while (word < len && s[word] != '[')
        word++;
    const Constant *c = constant_find(s, word);
    if (!c || (c->id != CONSTANT_HERE && c->id != CONSTANT_VALUE))
        return eval_text_address(v, s, len, at, 0, 0, gradient, out);
    if (v->c->here == NO_STAGE)
        return eval_fail(v->e, v->x->text, at, "expected the name of a stage: nobody stands at one here");
    Buffer text = {0};
    char name[STAGE_NAME_MAX];
    buffer_puts(&text, stage_name(&pass_plan(v->c->pass)->stages[v->c->here], name));
    buffer_add(&text, s + word, len - word);
    gradient = gradient || (c->id == CONSTANT_HERE && v->c->backward);
    int status = eval_text_address(v, buffer_text(&text), text.len, at, word, strlen(name), gradient, out);
    buffer_free(&text);
    return status;
}
