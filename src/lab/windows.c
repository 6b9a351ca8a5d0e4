/* windows.c - how far a token sees through a mask that leaves most keys out: windows, strides, global tokens, in one layer and in several.
 *
 * Owns the masks. The reach is counted on the graph of who may look at whom, and checked on a model: the gradient of the last row's logits
 * is 0 exactly at the tokens it is not reached by. */
#include "lab/lab.h"
#include "lab/setup.h"

#include "base/text.h"
#include "pass/edit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef enum Mask { MASK_FULL, MASK_WINDOW, MASK_DILATED, MASK_STRIDED, MASK_GLOBAL, MASK_COUNT } Mask;

static const char *const mask_names[] = {"full", "window", "dilated", "window+stride", "window+global"};

typedef struct Shape {
    size_t n, window, stride, global;
} Shape;

/* Whether the query sees the key; all are causal. */
static bool sees(const Shape *s, Mask mask, size_t query, size_t key)
{
    if (key > query)
        return false;
    size_t back = query - key;
    switch (mask) {
    case MASK_FULL:
        return true;
    case MASK_WINDOW:
        return back < s->window; /* itself and the window - 1 before it */
    case MASK_DILATED:
        return back % s->stride == 0 && back / s->stride < s->window;
    case MASK_STRIDED:
        return back < s->window || back % s->stride == 0; /* Child et al. 2019 */
    case MASK_GLOBAL:
        return back < s->window || key < s->global; /* Beltagy et al. 2020; in a decoder the first tokens */
    case MASK_COUNT:
        break;
    }
    return false;
}

/* reached [n]: which tokens the last row's value depends on after `layers` layers. Returns how many. */
static size_t reach(const Shape *s, Mask mask, size_t layers, bool *reached, bool *before)
{
    size_t count = 0;
    memset(reached, 0, s->n * sizeof *reached);
    reached[s->n - 1] = true;
    for (size_t l = 0; l < layers; l++) {
        memcpy(before, reached, s->n * sizeof *before);
        for (size_t i = 0; i < s->n; i++)
            for (size_t j = 0; before[i] && j <= i; j++)
                reached[j] |= sees(s, mask, i, j);
    }
    for (size_t j = 0; j < s->n; j++)
        count += reached[j];
    return count;
}

/* ---- the same on a model ---- */

/* Sets the score of every hidden pair to -inf, a run of keys at a time. */
static int hide(Edits *edits, const Shape *s, Mask mask, Error *e)
{
    char text[128];
    for (size_t i = 0; i < s->n; i++)
        for (size_t j = 0; j <= i; j++) {
            size_t end = j;
            while (end <= i && !sees(s, mask, i, end))
                end++;
            if (end == j)
                continue;
            snprintf(text, sizeof text, "decoder.*.self.masked[query=%zu,key=%zu..%zu]=-inf", i, j, end - 1);
            if (edits_add(edits, text, e) != 0)
                return -1;
            j = end;
        }
    return 0;
}

/* How many tokens have an embedding with a gradient from the last row's loss, and whether they are those of `reached`. */
static int check(const Model *m, const Shape *s, Mask mask, const bool *reached, size_t *count, bool *same, Error *e)
{
    int *ids = malloc(2 * s->n * sizeof *ids);
    Edits edits = {0};
    double loss;
    *count = 0;
    *same = true;
    if (!ids)
        return error_memory(e, "windows");
    int *targets = ids + s->n;
    setup_ids(ids, s->n, m->config.vocab_size, 1);
    for (size_t i = 0; i < s->n; i++)
        targets[i] = i + 1 < s->n ? -1 : ids[0];
    Pass *p = pass_create(m, (PassInput){NULL, ids, 0, s->n}, 0, e);
    int status =
        p && hide(&edits, s, mask, e) == 0 && pass_set_edits(p, &edits, e) == 0 && pass_backward(p, targets, s->n, &loss, e) == 0 ? 0 : -1;
    if (status == 0) {
        const real *g = pass_gradient(p, (size_t)setup_stage(p, "decoder.embed.tokens"));
        for (size_t j = 0; j < s->n; j++) {
            bool any = false;
            for (size_t c = 0; c < m->config.d_model; c++)
                any |= g[j * m->config.d_model + c] != 0;
            *count += any;
            *same &= any == reached[j];
        }
    }
    pass_free(p);
    edits_free(&edits);
    free(ids);
    return status;
}

/* ---- the experiment ---- */

typedef struct Tables {
    Table *masks, *reach;
    Plot *plot;
} Tables;

static Tables tables(Lab *lab)
{
    Tables t = {lab_table_new(lab, "masks", _("what a mask costs, and layers until the last row depends on all tokens")), NULL, NULL};
    table_text_column(t.masks, "mask", _("mask"));
    table_column(t.masks, "pairs", _("pairs seen"), 0);
    table_column(t.masks, "share", _("of all causal pairs"), 3);
    table_column(t.masks, "one_layer", _("reach of one layer"), 0);
    table_column(t.masks, "layers_needed", _("layers for all n"), 0);
    t.reach = lab_table_new(lab, "reach", _("tokens that the last row depends on"));
    table_text_column(t.reach, "mask", _("mask"));
    table_column(t.reach, "layers", _("layers"), 0);
    table_column(t.reach, "reach", _("by the graph"), 0);
    table_column(t.reach, "gradient", _("by the model's gradient"), 0);
    table_column(t.reach, "same", _("same (1: yes)"), 0);
    t.plot = lab_plot_new(lab, _("tokens that the last row depends on"), _("layers"), _("tokens"));
    return t;
}

/* Layers until the last row depends on all tokens; 0: never. */
static size_t layers_needed(const Shape *s, Mask mask, bool *reached, bool *before)
{
    for (size_t l = 1; l <= s->n; l++)
        if (reach(s, mask, l, reached, before) == s->n)
            return l;
    return 0;
}

static int run_mask(Lab *lab, Tables *t, const Shape *s, Mask mask, bool *room, size_t *needed, Error *e)
{
    const LabValue *layers = lab_value(lab, "layers");
    bool *reached = room, *before = room + s->n;
    size_t pairs = 0, row = table_row(t->masks), series = plot_series(t->plot, mask_names[mask]);
    for (size_t i = 0; i < s->n; i++)
        for (size_t j = 0; j <= i; j++)
            pairs += sees(s, mask, i, j);
    *needed = layers_needed(s, mask, reached, before);
    table_set_text(t->masks, row, "mask", mask_names[mask]);
    table_set(t->masks, row, "pairs", (double)pairs);
    table_set(t->masks, row, "share", (double)pairs / ((double)s->n * (double)(s->n + 1) / 2));
    table_set(t->masks, row, "one_layer", (double)reach(s, mask, 1, reached, before));
    table_set(t->masks, row, "layers_needed", *needed ? (double)*needed : NAN);
    for (size_t k = 0; k < layers->count; k++) {
        size_t count, by_graph = reach(s, mask, (size_t)layers->numbers[k], reached, before);
        bool same;
        Init init = {.kind = INIT_XAVIER, .seed = 1};
        Model *m = setup_model(&init, e, "kind=decoder,d_model=16,n_heads=2,d_ff=32,decoder_layers=%g,vocab_size=%zu,position=rope",
                               layers->numbers[k], s->n < 8 ? (size_t)8 : s->n);
        int status = m ? check(m, s, mask, reached, &count, &same, e) : -1;
        model_free(m);
        if (status != 0 ||
            lab_progress(lab, ((double)mask + (double)(k + 1) / (double)layers->count) / MASK_COUNT, mask_names[mask], e) != 0)
            return -1;
        row = table_row(t->reach);
        table_set_text(t->reach, row, "mask", mask_names[mask]);
        table_set(t->reach, row, "layers", layers->numbers[k]);
        table_set(t->reach, row, "reach", (double)by_graph);
        table_set(t->reach, row, "gradient", (double)count);
        table_set(t->reach, row, "same", same);
        plot_point(t->plot, series, layers->numbers[k], (double)by_graph);
    }
    return 0;
}

int lab_run_windows(Lab *lab, Error *e)
{
    Shape s = {lab_size(lab, "n"), lab_size(lab, "window"), lab_size(lab, "stride"), lab_size(lab, "global")};
    size_t needed[MASK_COUNT];
    bool *room = malloc(2 * s.n * sizeof *room);
    if (!room)
        return error_memory(e, "windows");
    Tables t = tables(lab);
    int status = 0;
    for (int mask = 0; mask < MASK_COUNT && status == 0; mask++)
        status = run_mask(lab, &t, &s, (Mask)mask, room, &needed[mask], e);
    free(room);
    if (status != 0)
        return -1;
    lab_note(lab, _("A window of %zu reaches 1 + L·%zu tokens in L layers, so %zu layers for %zu tokens."), s.window, s.window - 1,
             needed[MASK_WINDOW], s.n);
    lab_note(
        lab,
        _("With a stride of %zu beside the window it takes %zu layers; with %zu global tokens it takes %zu. Each of them is one "
          "step away from all, but "
          "in a decoder the first tokens have seen nothing of what came after them: what lies between is still passed on by the window."),
        s.stride, needed[MASK_STRIDED], s.global, needed[MASK_GLOBAL]);
    return 0;
}

const LabParam lab_params_windows[] = {
    {"n", LAB_INTEGER, "32", "16", 2, 128, NULL, N_("tokens")},
    {"window", LAB_INTEGER, "4", NULL, 1, 128, NULL, N_("keys of a window, the query's own among them")},
    {"stride", LAB_INTEGER, "8", "4", 1, 128, NULL, N_("distance between the keys of a stride")},
    {"global", LAB_INTEGER, "2", NULL, 0, 128, NULL, N_("first tokens that everyone sees")},
    {"layers", LAB_INTEGERS, "1,2,4,6,8", "1,2,5", 1, 32, NULL, N_("layers")},
    {NULL, LAB_INTEGER, NULL, NULL, 0, 0, NULL, NULL},
};
