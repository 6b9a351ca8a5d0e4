/* weights.c - which weights a config implies, and the memory they live in.
 *
 * Owns the list's order and names, those of reference.py's init(). Knows nothing of files. */
#include "model/weights.h"

#include "tensor/numbers.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* ---- the list ---- */

/* A list being made. */
typedef struct List {
    Weights *w;
    const Config *c;
    size_t cap;
    bool failed;
} List;

/* Adds a weight named PREFIX.TAG; columns 0: a vector. */
static void add(List *l, const char *prefix, const char *tag, size_t rows, size_t columns)
{
    Weights *w = l->w;
    if (w->count == l->cap) {
        size_t cap = l->cap ? l->cap * 2 : 256;
        Weight *items = l->failed ? NULL : realloc(w->items, cap * sizeof *items);
        if (!items) {
            l->failed = true;
            return;
        }
        w->items = items;
        l->cap = cap;
    }
    Weight *item = &w->items[w->count++];
    *item = (Weight){.rank = columns ? 2 : 1, .shape = {rows, columns}, .count = rows * (columns ? columns : 1)};
    snprintf(item->name, sizeof item->name, "%s.%s", prefix, tag);
    if (w->total <= WEIGHTS_MAX_TOTAL) /* a product of two sizes is at most 2^48: this cannot overflow */
        w->total += item->count;
}

static void add_norm(List *l, const char *prefix)
{
    if (l->c->norm == NORM_NONE)
        return;
    add(l, prefix, "gain", l->c->d_model, 0);
    if (l->c->norm == NORM_LAYERNORM)
        add(l, prefix, "bias", l->c->d_model, 0);
}

static void add_linear(List *l, const char *prefix, char tag, size_t inputs, size_t outputs)
{
    add(l, prefix, (char[]){'W', '_', tag, '\0'}, inputs, outputs);
    if (config_has_bias(l->c, tag))
        add(l, prefix, (char[]){'b', '_', tag, '\0'}, outputs, 0);
}

static void add_attention(List *l, const char *layer, const char *which)
{
    const Config *c = l->c;
    char prefix[WEIGHT_NAME_MAX], norm[WEIGHT_NAME_MAX + 8];
    snprintf(prefix, sizeof prefix, "%s.%s", layer, which);
    snprintf(norm, sizeof norm, "%s.norm", prefix);
    add_norm(l, norm);
    add_linear(l, prefix, 'Q', c->d_model, c->n_heads * c->d_head);
    add_linear(l, prefix, 'K', c->d_model, c->n_kv_heads * c->d_head);
    add_linear(l, prefix, 'V', c->d_model, c->n_kv_heads * c->d_head);
    for (int k = 0; c->qk_norm && k < 2; k++) {
        snprintf(norm, sizeof norm, "%s.%s", prefix, k ? "k_norm" : "q_norm");
        add(l, norm, "gain", c->d_head, 0);
    }
    add_linear(l, prefix, 'O', c->n_heads * c->d_head, c->d_model);
}

static void add_ffn(List *l, const char *layer)
{
    const Config *c = l->c;
    char prefix[WEIGHT_NAME_MAX], norm[WEIGHT_NAME_MAX + 8];
    if (c->ffn == FFN_NONE)
        return;
    snprintf(prefix, sizeof prefix, "%s.ffn", layer);
    snprintf(norm, sizeof norm, "%s.norm", prefix);
    add_norm(l, norm);
    if (c->ffn == FFN_GATED)
        add_linear(l, prefix, 'G', c->d_model, c->d_ff);
    add_linear(l, prefix, '1', c->d_model, c->d_ff);
    add_linear(l, prefix, '2', c->d_ff, c->d_model);
}

static void add_stack(List *l, Stack stack, const char *name)
{
    const Config *c = l->c;
    char prefix[WEIGHT_NAME_MAX], layer[WEIGHT_NAME_MAX - 16];
    if (!config_has_stack(c, stack))
        return;
    snprintf(prefix, sizeof prefix, "%s.embed", name);
    if (config_embedding_stack(c, stack) == stack)
        add(l, prefix, "W_E", c->vocab_size, c->d_model);
    if (c->position == POSITION_LEARNED)
        add(l, prefix, "W_P", c->max_len, c->d_model);
    if (c->token_types)
        add(l, prefix, "W_T", c->token_types, c->d_model);
    if (c->embed_norm) {
        snprintf(prefix, sizeof prefix, "%s.embed.norm", name);
        add_norm(l, prefix);
    }
    for (size_t i = 0; i < config_layers(c, stack); i++) {
        snprintf(layer, sizeof layer, "%s.%zu", name, i);
        add_attention(l, layer, "self");
        if (stack == STACK_DECODER && c->kind == KIND_ENCODER_DECODER)
            add_attention(l, layer, "cross");
        add_ffn(l, layer);
    }
    if (c->norm_position == NORM_PRE) {
        snprintf(prefix, sizeof prefix, "%s.final_norm", name);
        add_norm(l, prefix);
    }
}

static int compare_names(const void *a, const void *b)
{
    const Weight *const *x = a, *const *y = b;
    return strcmp((*x)->name, (*y)->name);
}

int weights_layout(Weights *w, const Config *c, Error *e)
{
    *w = (Weights){0};
    List l = {.w = w, .c = c};
    add_stack(&l, STACK_ENCODER, "encoder");
    add_stack(&l, STACK_DECODER, "decoder");
    if (c->output_head) {
        add_linear(&l, "output", 'H', c->d_model, c->d_model);
        add_norm(&l, "output.norm");
    }
    if (!c->tie_embeddings)
        add(&l, "output", "W_U", c->d_model, c->vocab_size);
    if (c->output_bias)
        add(&l, "output", "b_U", c->vocab_size, 0);
    if (!l.failed && w->total > WEIGHTS_MAX_TOTAL) {
        weights_free(w);
        return error_set(e, "config: expected at most %zu weights, found more; try smaller sizes", WEIGHTS_MAX_TOTAL);
    }
    w->by_name = l.failed ? NULL : malloc(w->count * sizeof *w->by_name);
    if (!w->by_name) {
        weights_free(w);
        return error_memory(e, "weights");
    }
    for (size_t i = 0; i < w->count; i++)
        w->by_name[i] = &w->items[i];
    qsort(w->by_name, w->count, sizeof *w->by_name, compare_names);
    return 0;
}

int weights_find(const Weights *w, const char *name)
{
    size_t low = 0, high = w->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = strcmp(name, w->by_name[middle]->name);
        if (order == 0)
            return (int)(w->by_name[middle] - w->items);
        if (order < 0)
            high = middle;
        else
            low = middle + 1;
    }
    return -1;
}

/* ---- the values ---- */

/* Bytes of memory this machine has; SIZE_MAX where it does not say. */
static size_t machine_memory(void)
{
#ifdef _SC_PHYS_PAGES
    long pages = sysconf(_SC_PHYS_PAGES), page = sysconf(_SC_PAGESIZE);
    if (pages > 0 && page > 0 && (size_t)pages < SIZE_MAX / (size_t)page)
        return (size_t)pages * (size_t)page;
#endif
    return SIZE_MAX;
}

/* A block of zeros for all values. The system would promise more memory than there is, and the program would be
 * killed when it writes to it. */
static real *allocate_block(const Weights *w, Error *e)
{
    size_t bytes = w->total * sizeof(real), memory = machine_memory();
    if (bytes > memory) {
        error_set(e, "weights: expected at most %.1f GB, this machine's memory, found %.1f GB; try smaller sizes", (double)memory / 1e9,
                  (double)bytes / 1e9);
        return NULL;
    }
    real *block = numbers_allocate(w->total);
    if (block)
        memset(block, 0, bytes);
    else
        error_memory(e, "weights");
    return block;
}

int weights_allocate(Weights *w, Error *e)
{
    real *block = allocate_block(w, e);
    if (!block)
        return -1;
    free(w->block);
    w->block = block;
    for (size_t i = 0, at = 0; i < w->count; at += w->items[i++].count)
        w->items[i].values = matrix_of(block + at, weight_columns(&w->items[i]));
    return 0;
}

static void close_files(Weights *w)
{
    for (size_t i = 0; i < w->file_count; i++)
        file_close(&w->files[i]);
    free(w->files);
    w->files = NULL;
    w->file_count = 0;
}

int weights_take_file(Weights *w, File *f, Error *e)
{
    File *more = realloc(w->files, (w->file_count + 1) * sizeof *more);
    if (!more)
        return error_memory(e, "weights");
    w->files = more;
    w->files[w->file_count++] = *f;
    *f = (File){0};
    return 0;
}

int weights_keep_file(Weights *w, File *f, Error *e)
{
    static const size_t copy_limit = (size_t)64 << 20;
    size_t size = f->size;
    return weights_take_file(w, f, e) == 0 && (size > copy_limit || weights_own(w, e) == 0) ? 0 : -1;
}

int weights_own(Weights *w, Error *e)
{
    if (w->block)
        return 0;
    real *block = allocate_block(w, e);
    if (!block)
        return -1;
    for (size_t i = 0, at = 0; i < w->count; at += w->items[i++].count) {
        weight_read(block + at, &w->items[i]);
        w->items[i].values = matrix_of(block + at, weight_columns(&w->items[i]));
    }
    w->block = block;
    close_files(w);
    return 0;
}

real *weights_values(Weights *w, size_t i)
{
    return w->block ? w->block + ((const real *)w->items[i].values.data - w->block) : NULL;
}

void weight_read(real *out, const Weight *w)
{
    matrix_read(out, &w->values, weight_rows(w), weight_columns(w));
}

const real *weight_borrow(const Weight *w, real **room)
{
    const real *in_place = weight_plain(w);
    *room = NULL;
    if (in_place)
        return in_place;
    *room = malloc((w->count ? w->count : 1) * sizeof **room);
    if (*room)
        weight_read(*room, w);
    return *room;
}

void weights_free(Weights *w)
{
    free(w->items);
    free(w->by_name);
    free(w->block);
    close_files(w);
    *w = (Weights){0};
}
