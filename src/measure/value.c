/* value.c - making values, and the names of their indices. */
#include "measure/value.h"

#include "measure/label.h"

#include <stdlib.h>
#include <string.h>

int value_array(Value *v, int rank, const size_t *shape, Error *e)
{
    *v = (Value){.rank = rank, .count = 1, .of = {.stage = NO_STAGE}};
    for (int k = 0; k < rank; k++) {
        v->shape[k] = shape[k];
        v->axes[k] = value_axis("index");
        v->count *= shape[k];
    }
    v->data = calloc(v->count ? v->count : 1, sizeof *v->data);
    return v->data ? 0 : error_memory(e, "expression");
}

int value_number(Value *v, double x, Error *e)
{
    if (value_array(v, 0, NULL, e) != 0)
        return -1;
    v->data[0] = x;
    return 0;
}

int value_truth(Value *v, bool x, Error *e)
{
    int status = value_number(v, x, e);
    v->type = VALUE_TRUTH;
    return status;
}

int value_text(Value *v, const char *s, size_t n, Error *e)
{
    *v = (Value){.type = VALUE_TEXT, .text = malloc(n + 1), .of = {.stage = NO_STAGE}};
    if (!v->text)
        return error_memory(e, "expression");
    memcpy(v->text, s, n);
    v->text[n] = '\0';
    return 0;
}

static void free_names(ValueNames *names)
{
    if (!names || --names->uses > 0)
        return;
    for (size_t i = 0; i < names->count; i++)
        free(names->items[i]);
    free(names->items);
    free(names);
}

void value_free(Value *v)
{
    free(v->data);
    free(v->text);
    for (int k = 0; k < v->rank; k++)
        free_names(v->axes[k].names);
    free_names(v->of.names);
    *v = (Value){0};
}

bool value_holds(const Value *v)
{
    bool holds = v->type == VALUE_TRUTH;
    for (size_t i = 0; i < v->count && holds; i++)
        holds = v->data[i] != 0;
    return holds;
}

/* ---- axes ---- */

ValueAxis value_axis(const char *name)
{
    return (ValueAxis){.name = name, .stage = NO_STAGE};
}

ValueAxis value_axis_share(const ValueAxis *a)
{
    if (a->names)
        a->names->uses++;
    return *a;
}

int value_axis_name(ValueAxis *a, const char *const *names, size_t count, Error *e)
{
    ValueNames *own = calloc(1, sizeof *own);
    if (own)
        own->items = calloc(count ? count : 1, sizeof *own->items);
    if (!own || !own->items) {
        free(own);
        return error_memory(e, "expression");
    }
    own->uses = 1;
    for (; own->count < count; own->count++)
        if (!(own->items[own->count] = strdup(names[own->count]))) {
            free_names(own);
            return error_memory(e, "expression");
        }
    a->names = own;
    return 0;
}

void value_label(const ValueAxis *a, size_t i, Buffer *out)
{
    if (a->names)
        buffer_puts(out, a->first + i < a->names->count ? a->names->items[a->first + i] : "?");
    else if (a->stage != NO_STAGE)
        label_index(a->pass, &pass_plan(a->pass)->stages[a->stage], a->axis, a->first + i, out);
    else if (a->vocab)
        label_token(a->pass, (int)(a->first + i), out);
    else
        buffer_printf(out, "%zu", a->first + i);
}
