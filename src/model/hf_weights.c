/* hf_weights.c - our weights as views of a folder's tensors.
 *
 * Owns the checks of names, shapes and formats. Reads no value. */
#include "model/hf_internal.h"

#include "base/text.h"
#include "model/nearest.h"

#include <stdlib.h>
#include <string.h>

enum { NAME_MAX_BYTES = 160 };

typedef struct Work {
    const Config *c;
    const HfArchitecture *a;
    const HfFiles *files;
    bool prefixed;
    bool **used; /* by shard, by tensor */
    const real *zeros; /* [d_model] for a norm's bias that may be left out; NULL: it may not */
} Work;

/* "h.%zu.ln_1.weight" of a layer. Both kinds of pattern are this program's own. */
static void fill_in(char out[NAME_MAX_BYTES], const char *prefix, const char *pattern, size_t layer)
{
    const char *number = strstr(pattern, "%zu");
    if (number)
        snprintf(out, NAME_MAX_BYTES, "%s%.*s%zu%s", prefix, (int)(number - pattern), pattern, layer, number + 3);
    else
        snprintf(out, NAME_MAX_BYTES, "%s%s", prefix, pattern);
}

static void their_name(const Work *w, const HfTensor *t, size_t layer, char out[NAME_MAX_BYTES])
{
    fill_in(out, w->prefixed && !t->bare ? w->a->prefix : "", t->theirs, layer);
}

/* ---- one weight ---- */

static int missing(const Work *w, const HfTensor *row, const char *name, Error *e)
{
    char hint[NEAREST_HINT];
    const char *file = w->files->count == 1 ? w->files->shards[0].path : w->files->folder;
    if (row->bare && w->a->whole)
        return error_set(
            e, "%s: %s: expected a tensor of this name, found none: without the output head there are no logits; try what %s saves", file,
            name, w->a->whole);
    Nearest near = nearest_to(name, strlen(name));
    for (size_t i = 0; i < w->files->count; i++)
        for (size_t k = 0; k < w->files->shards[i].count; k++)
            nearest_offer(&near, w->files->shards[i].items[k].name);
    return error_set(e, "%s: %s: expected a tensor of this name, found none%s", file, name, nearest_hint(&near, hint));
}

/* How many numbers q, k and v are wide together, and where the part begins among them. */
static size_t fused_width(const Config *c, HfPart part, size_t *first)
{
    size_t q = c->n_heads * c->d_head, kv = c->n_kv_heads * c->d_head;
    if (part >= HF_HEADS_Q) {
        *first = (size_t)(part - HF_HEADS_Q) * c->d_head;
        return 3 * q;
    }
    *first = part == HF_FUSED_K ? q : part == HF_FUSED_V ? q + kv : 0;
    return q + 2 * kv;
}

static int check_tensor(const Work *w, const SafeTensor *t, const size_t shape[2], int rank, const char *path, Error *e)
{
    bool same = t->rank == rank;
    for (int i = 0; same && i < rank; i++)
        same = t->shape[i] == shape[i];
    if (!same) {
        Buffer expected = {0}, found = {0};
        safetensors_add_shape(&expected, shape, rank);
        safetensors_add_shape(&found, t->shape, t->rank);
        error_set(e, "%s: %s: expected shape %s, as %s implies, found %s", path, t->name, buffer_text(&expected), w->a->told_by,
                  buffer_text(&found));
        buffer_free(&expected);
        buffer_free(&found);
        return -1;
    }
    if (t->dtype == DTYPE_OTHER)
        return error_set(e, "%s: %s: expected F32, F64, F16 or BF16, found %s", path, t->name, t->dtype_name);
    return 0;
}

/* Files of before 2019 call a norm's weight gamma and its bias beta. */
static const SafeTensor *find_tensor(const Work *w, const char *name, size_t *shard)
{
    static const char *const older[][2] = {{"LayerNorm.weight", "gamma"}, {"LayerNorm.bias", "beta"}};
    char other[NAME_MAX_BYTES];
    const SafeTensor *t = hf_files_find(w->files, name, shard);
    for (int i = 0; !t && i < 2; i++)
        if (name_ends_with(name, older[i][0])) {
            int kept = (int)(strrchr(name, '.') + 1 - name);
            snprintf(other, sizeof other, "%.*s%s", kept, name, older[i][1]);
            t = hf_files_find(w->files, other, shard);
        }
    return t;
}

static int take_weight(const Work *w, Weight *to, const HfTensor *row, size_t layer, Error *e)
{
    char name[NAME_MAX_BYTES];
    size_t shard, shape[2] = {to->shape[0], to->rank == 2 ? to->shape[1] : 0}, first = 0;
    their_name(w, row, layer, name);
    const HfTensor *other = row;
    const SafeTensor *t = find_tensor(w, name, &shard);
    while (!t && (++other)->ours && strcmp(other->ours, row->ours) == 0) {
        char again[NAME_MAX_BYTES];
        their_name(w, other, layer, again);
        t = find_tensor(w, again, &shard);
    }
    if (!t && w->zeros && name_ends_with(to->name, "norm.bias")) {
        to->values = matrix_of(w->zeros, to->shape[0]);
        return 0;
    }
    if (!t)
        return missing(w, row, name, e);
    int rank = to->rank;
    if (row->part == HF_ONE_ROW) {
        shape[1] = shape[0];
        shape[0] = 1;
        rank = 2;
    } else if (row->part != HF_WHOLE)
        shape[to->rank - 1] = fused_width(w->c, row->part, &first);
    if (row->layout == TRANSPOSED) {
        size_t inputs = shape[0];
        shape[0] = shape[1];
        shape[1] = inputs;
    }
    if (check_tensor(w, t, shape, rank, w->files->shards[shard].path, e) != 0)
        return -1;
    w->used[shard][t - w->files->shards[shard].items] = true;
    Matrix m = safetensors_matrix(t);
    m.layout = row->layout;
    if (row->part >= HF_HEADS_Q) { /* the other two lie between one head and the next */
        m.ld = to->rank == 2 ? m.ld : 1;
        m.layout = TRANSPOSED;
    }
    to->values = matrix_block(m, 0, first);
    if (row->part >= HF_HEADS_Q) {
        to->values.group = w->c->d_head;
        to->values.skip = 2 * w->c->d_head * m.ld;
    }
    return 0;
}

/* Whether fill_in makes this name of the pattern for some layer: the other way round, because every weight is looked for among all rows. */
static bool fits(const char *pattern, const char *name)
{
    for (; *pattern && *pattern == *name; pattern++)
        name++;
    size_t digits = strspn(name, "0123456789");
    return *pattern == '%' ? digits && strcmp(name + digits, pattern + strlen("%zu")) == 0 : !*pattern && !*name;
}

/* The row of the table that our weight "decoder.3.self.W_Q" comes from, and its layer. */
static const HfTensor *row_of(const HfArchitecture *a, const char *ours, size_t *layer)
{
    const char *digits = ours + strcspn(ours, "0123456789");
    bool in_stack = strncmp(ours, "decoder.", 8) == 0 || strncmp(ours, "encoder.", 8) == 0;
    *layer = in_stack && digits == ours + 8 ? strtoul(digits, NULL, 10) : 0;
    for (const HfTensor *t = a->tensors; t->ours; t++)
        if (fits(t->ours, ours))
            return t;
    return NULL;
}

/* ---- what is left over ---- */

/* Copies of what the pass computes itself, and an output head that a tied model does not read. */
static bool is_unused(const Work *w, const char *name)
{
    size_t layer;
    const HfTensor *head = row_of(w->a, "output.W_U", &layer);
    for (const char *const *end = w->a->unused; *end; end++)
        if (name_ends_with(name, *end))
            return true;
    return w->c->tie_embeddings && head && strcmp(name, head->theirs) == 0;
}

static int check_left_over(const Work *w, Error *e)
{
    char quoted[QUOTE_SHORT];
    for (size_t i = 0; i < w->files->count; i++)
        for (size_t k = 0; k < w->files->shards[i].count; k++) {
            const char *name = w->files->shards[i].items[k].name;
            if (!w->used[i][k] && !is_unused(w, name))
                return error_set(e, "%s: %s: expected only tensors that a %s of this %s has, found this one too",
                                 w->files->shards[i].path, quote_short(name, strlen(name), quoted), w->a->model_type, w->a->told_by);
        }
    return 0;
}

/* Two matrices of one shape whose first, middle and last row are the same: reading all of a large vocabulary would take a while. */
static bool is_copy(const SafeTensor *a, const SafeTensor *b)
{
    if (a->rank != 2 || b->rank != 2 || a->shape[0] != b->shape[0] || a->shape[1] != b->shape[1])
        return false;
    size_t width = a->shape[1], rows[3] = {0, a->shape[0] / 2, a->shape[0] - 1};
    for (int i = 0; i < 3; i++)
        for (size_t k = 0; k < width; k++)
            if (safetensors_value(a, rows[i] * width + k) != safetensors_value(b, rows[i] * width + k))
                return false;
    return true;
}

/* A tied model may have a matrix in the place of its output head: the embedding again, or another, which is not read. */
static void note_other_head(const Work *w, Buffer *notes)
{
    char embedding[NAME_MAX_BYTES], quoted[QUOTE_SHORT];
    size_t layer, shard, other;
    const HfTensor *head = row_of(w->a, "output.W_U", &layer);
    if (!w->c->tie_embeddings || !head)
        return;
    their_name(w, &w->a->tensors[0], 0, embedding);
    const SafeTensor *a = hf_files_find(w->files, head->theirs, &shard), *b = hf_files_find(w->files, embedding, &other);
    if (a && b && !is_copy(a, b))
        buffer_printf(notes, _("%s: %s: is not read, because %s ties the output head to the embedding, though the two are not the same\n"),
                      w->files->shards[shard].path, quote_short(head->theirs, strlen(head->theirs), quoted), w->a->told_by);
}

/* ---- all of them ---- */

static int take_all(Work *w, Weights *weights, Error *e)
{
    char first[NAME_MAX_BYTES];
    size_t shard, layer;
    bool found = false;
    for (const HfTensor *t = w->a->tensors; !found && t->ours && strcmp(t->ours, w->a->tensors[0].ours) == 0; t++) {
        w->prefixed = true;
        their_name(w, t, 0, first);
        w->prefixed = hf_files_find(w->files, first, &shard) != NULL;
        found = w->prefixed || hf_files_find(w->files, t->theirs, &shard);
    }
    if (!found) {
        w->prefixed = true;
        their_name(w, &w->a->tensors[0], 0, first);
        return missing(w, w->a->tensors, first, e);
    }
    for (size_t i = 0; i < weights->count; i++) {
        const HfTensor *row = row_of(w->a, weights->items[i].name, &layer);
        if (!row)
            return error_set(e, "%s: expected a place for the weight %s, found none", w->files->folder, weights->items[i].name);
        if (take_weight(w, &weights->items[i], row, layer, e) != 0)
            return -1;
    }
    return check_left_over(w, e);
}

/* The zeros are kept with the mapped files. */
static int make_zeros(Work *w, Weights *weights, Error *e)
{
    size_t bytes = w->c->d_model * sizeof(real);
    File block = {calloc(1, bytes), bytes, false};
    w->zeros = (const real *)(const void *)block.data;
    if (!block.data || weights_take_file(weights, &block, e) != 0) {
        file_close(&block);
        return error_memory(e, w->files->folder);
    }
    return 0;
}

int hf_weights(Weights *weights, const Config *c, const HfArchitecture *a, HfFiles *f, bool zero_bias, Buffer *notes, Error *e)
{
    Work w = {.c = c, .a = a, .files = f, .used = calloc(f->count, sizeof *w.used)};
    int status = weights_layout(weights, c, e) == 0 ? 0 : error_prefix(e, "%s", f->folder);
    for (size_t i = 0; w.used && i < f->count; i++)
        if (!(w.used[i] = calloc(f->shards[i].count + 1, sizeof **w.used)))
            status = error_memory(e, f->folder);
    if (!w.used)
        status = error_memory(e, f->folder);
    if (status == 0 && zero_bias)
        status = make_zeros(&w, weights, e);
    if (status == 0)
        status = take_all(&w, weights, e);
    if (status == 0)
        note_other_head(&w, notes);
    for (size_t i = 0; i < f->count && status == 0; i++)
        status = weights_take_file(weights, &f->shards[i].file, e);
    for (size_t i = 0; w.used && i < f->count; i++)
        free(w.used[i]);
    free(w.used);
    if (status != 0)
        weights_free(weights);
    return status;
}
