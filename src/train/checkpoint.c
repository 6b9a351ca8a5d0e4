/* checkpoint.c - the state of a training, written and read back. */
#include "train/checkpoint.h"

#include "model/safetensors.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PREFIXED = WEIGHT_NAME_MAX + 2, STATE = 8 };

/* Two numbers of 64 bits as eight of 16, which `real` holds exactly. */
static void pack(real out[STATE], uint64_t mark, uint64_t steps)
{
    for (int i = 0; i < 4; i++) {
        out[i] = (real)(mark >> (16 * i) & 0xffff);
        out[4 + i] = (real)(steps >> (16 * i) & 0xffff);
    }
}

static void unpack(const real state[STATE], uint64_t *mark, uint64_t *steps)
{
    *mark = *steps = 0;
    for (int i = 0; i < 4; i++) {
        *mark |= (uint64_t)state[i] << (16 * i);
        *steps |= (uint64_t)state[4 + i] << (16 * i);
    }
}

int checkpoint_write(const Checkpoint *c, const Weights *w, const real *m, const real *v, const char *path, Error *e)
{
    const size_t state_shape[] = {STATE}, loss_shape[] = {c->steps};
    real state[STATE];
    SafeOut *items = calloc(3 * w->count + 2, sizeof *items);
    char(*names)[PREFIXED] = calloc(2 * w->count + 1, sizeof *names);
    int status = -1;
    if (!items || !names)
        error_memory(e, path);
    else {
        size_t n = 0;
        pack(state, c->mark, c->steps);
        items[n++] = (SafeOut){.name = "state", .rank = 1, .shape = state_shape, .data = state};
        items[n++] = (SafeOut){.name = "losses", .rank = 1, .shape = loss_shape, .data = c->losses};
        for (size_t i = 0, at = 0; i < w->count; at += w->items[i++].count) {
            const Weight *weight = &w->items[i];
            snprintf(names[2 * i], PREFIXED, "m.%s", weight->name);
            snprintf(names[2 * i + 1], PREFIXED, "v.%s", weight->name);
            items[n++] = (SafeOut){weight->name, weight->rank, weight->shape, NULL, weight->values};
            items[n++] = (SafeOut){.name = names[2 * i], .rank = weight->rank, .shape = weight->shape, .data = m + at};
            items[n++] = (SafeOut){.name = names[2 * i + 1], .rank = weight->rank, .shape = weight->shape, .data = v + at};
        }
        status = safetensors_write(path, items, n, e);
    }
    free(items);
    free(names);
    return status;
}

/* ---- reading ---- */

/* The tensor PREFIX NAME with `count` numbers of this build; or NULL. */
static const SafeTensor *tensor(const SafeTensors *s, const char *prefix, const char *name, size_t count, Error *e)
{
    char whole[PREFIXED];
    snprintf(whole, sizeof whole, "%s%s", prefix, name);
    const SafeTensor *t = safetensors_find(s, whole);
    if (!t || t->count != count) {
        error_set(e, "%s: %s: expected %zu numbers, found %zu; the checkpoint is of another model", s->path, whole, count, t ? t->count : 0);
        return NULL;
    }
    if (t->dtype != (REAL_IS_DOUBLE ? DTYPE_F64 : DTYPE_F32)) {
        error_set(e, "%s: %s: expected %s, found %s: another build of this program wrote it", s->path, whole, REAL_IS_DOUBLE ? "F64" : "F32",
                  t->dtype_name);
        return NULL;
    }
    return t;
}

static int check_weights(const SafeTensors *s, const Weights *w, Error *e)
{
    static const char *const prefixes[] = {"", "m.", "v."};
    for (size_t i = 0; i < w->count; i++)
        for (int k = 0; k < 3; k++)
            if (!tensor(s, prefixes[k], w->items[i].name, w->items[i].count, e))
                return -1;
    return 0;
}

static int read_state(Checkpoint *c, const SafeTensors *s, uint64_t mark, Error *e)
{
    real numbers[STATE];
    uint64_t steps;
    const SafeTensor *state = tensor(s, "", "state", STATE, e);
    if (!state)
        return -1;
    safetensors_copy(state, numbers);
    unpack(numbers, &c->mark, &steps);
    if (c->mark != mark)
        return error_set(e, "%s: expected a checkpoint of this recipe, found one of another; try another folder", s->path);
    const SafeTensor *losses = tensor(s, "", "losses", (size_t)steps, e);
    if (!losses)
        return -1;
    c->steps = (size_t)steps;
    c->losses = malloc((c->steps + 1) * sizeof *c->losses);
    if (!c->losses)
        return error_memory(e, s->path);
    safetensors_copy(losses, c->losses);
    return 0;
}

int checkpoint_read(Checkpoint *c, uint64_t mark, Weights *w, real *m, real *v, const char *path, Error *e)
{
    SafeTensors s;
    *c = (Checkpoint){0};
    if (safetensors_open(&s, path, e) != 0)
        return -1;
    int status = read_state(c, &s, mark, e) == 0 && check_weights(&s, w, e) == 0 ? 0 : -1;
    for (size_t i = 0, at = 0; i < w->count && status == 0; at += w->items[i++].count) {
        const char *name = w->items[i].name;
        safetensors_copy(tensor(&s, "", name, w->items[i].count, e), weights_values(w, i));
        safetensors_copy(tensor(&s, "m.", name, w->items[i].count, e), m + at);
        safetensors_copy(tensor(&s, "v.", name, w->items[i].count, e), v + at);
    }
    safetensors_close(&s);
    if (status != 0) {
        free(c->losses);
        *c = (Checkpoint){0};
    }
    return status;
}
