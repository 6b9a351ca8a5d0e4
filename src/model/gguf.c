/* gguf.c - a GGUF file opened, with the others that it was split into. */
#include "model/gguf_internal.h"

#include "base/text.h"
#include "model/nearest.h"
#include "model/tokenizer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- the parts of a split model ---- */

enum { PARTS_MAX = 4096 };

static int open_part(Gguf *g, int64_t number, int64_t count, const char *path, Error *e)
{
    File file;
    Gguf part;
    int64_t says = -1, of = -1;
    SafeTensors *more = realloc(g->files.shards, (g->files.count + 1) * sizeof *more);
    g->files.shards = more ? more : g->files.shards;
    if (!more)
        return error_memory(e, path);
    if (!file_exists(path))
        return error_set(e, "%s: split.count: expected all %jd parts beside each other, found no %s; was it downloaded completely?", g->path,
                         (intmax_t)count, path);
    if (file_open(&file, path, e) != 0 || gguf_read(&part, file, path, e) != 0)
        return -1;
    const SafeTensors *tensors = &part.files.shards[0];
    int status = 0;
    if (!gguf_integer(&part, "split.no", &says) || !gguf_integer(&part, "split.count", &of) || says != number || of != count)
        status = error_set(e, "%s: split.no, split.count: expected %jd and %jd, found %jd and %jd: another model's part?", path,
                           (intmax_t)number, (intmax_t)count, (intmax_t)says, (intmax_t)of);
    for (size_t i = 0, shard; i < tensors->count && status == 0; i++)
        if (hf_files_find(&g->files, tensors->items[i].name, &shard))
            status = error_set(e, "%s: expected each tensor in one part, found %s in %s too", path, tensors->items[i].name,
                               g->files.shards[shard].path);
    if (status == 0) {
        g->files.shards[g->files.count++] = *tensors;
        part.files.count = 0; /* they are g's now */
    }
    gguf_close(&part);
    return status;
}

/* gguf-split of llama.cpp makes NAME-00001-of-00003.gguf and so on. Keys and tokenizer are in the first, tensors in all. */
static int open_parts(Gguf *g, Error *e)
{
    int64_t count = 1, number = 0, tensors = 0;
    char ending[48];
    gguf_integer(g, "split.count", &count);
    gguf_integer(g, "split.no", &number);
    if (count <= 1)
        return 0;
    if (count > PARTS_MAX)
        return error_set(e, "%s: split.count: expected at most %d, found %jd", g->path, PARTS_MAX, (intmax_t)count);
    snprintf(ending, sizeof ending, "-%05jd-of-%05jd.gguf", (intmax_t)number + 1, (intmax_t)count);
    if (number != 0)
        return error_set(e, "%s: split.no: expected the first part, found number %jd of %jd; try the file that ends in -00001-of-%05jd.gguf",
                         g->path, (intmax_t)number + 1, (intmax_t)count, (intmax_t)count);
    if (!name_ends_with(g->path, ending))
        return error_set(e, "%s: split.count: expected a file that ends in %s, because it is the first of %jd parts, found another name",
                         g->path, ending, (intmax_t)count);
    int stem = (int)(strlen(g->path) - strlen(ending)), status = 0;
    for (number = 1; number < count && status == 0; number++) {
        Buffer path = {0};
        buffer_printf(&path, "%.*s-%05jd-of-%05jd.gguf", stem, g->path, (intmax_t)number + 1, (intmax_t)count);
        status = path.failed ? error_memory(e, g->path) : open_part(g, number, count, buffer_text(&path), e);
        buffer_free(&path);
    }
    size_t found = 0;
    for (size_t i = 0; i < g->files.count; i++)
        found += g->files.shards[i].count;
    if (status == 0 && gguf_integer(g, "split.tensors.count", &tensors) && tensors != (int64_t)found)
        status = error_set(e, "%s: split.tensors.count: expected as many tensors as all parts have, %zu, found %jd", g->path, found,
                           (intmax_t)tensors);
    return status;
}

/* ---- the model ---- */

/* How many tensors there are of formats from `first` to `last`. */
static size_t count_formats(const Gguf *g, Dtype first, Dtype last)
{
    size_t count = 0;
    for (size_t k = 0; k < g->files.count; k++)
        for (size_t i = 0; i < g->files.shards[k].count; i++) {
            Dtype t = g->files.shards[k].items[i].dtype;
            count += t >= first && t <= last;
        }
    return count;
}

/* The formats of those tensors: "Q4_K + Q6_K". */
static void add_formats(const Gguf *g, Dtype first, Dtype last, Buffer *out)
{
    size_t begin = out->len;
    for (Dtype t = first; t <= last; t++)
        if (count_formats(g, t, t))
            buffer_printf(out, "%s%s", out->len > begin ? " + " : "", dtype_name(t));
}

/* "GGUF llama, 124 million numbers as Q8_0 + F32" */
static char *summarise(const Model *m, const Gguf *g, const HfArchitecture *a)
{
    Buffer text = {0}, formats = {0};
    double n = (double)m->weights.total;
    add_formats(g, DTYPE_REAL, DTYPE_F64, &formats);
    if (n >= 1e6)
        buffer_printf(&text, _("GGUF %s, %.4g million numbers as %s"), a->model_type, n / 1e6, buffer_text(&formats));
    else
        buffer_printf(&text, ngettext("GGUF %s, %zu number as %s", "GGUF %s, %zu numbers as %s", m->weights.total), a->model_type,
                      m->weights.total, buffer_text(&formats));
    char *summary = text.failed || formats.failed ? NULL : strdup(buffer_text(&text));
    buffer_free(&text);
    buffer_free(&formats);
    return summary;
}

static void note_quantised(const Gguf *g, Buffer *notes)
{
    size_t all = count_formats(g, DTYPE_REAL, DTYPE_F64), count = count_formats(g, DTYPE_Q2_K, DTYPE_Q8_0);
    if (!count)
        return;
    Buffer formats = {0};
    add_formats(g, DTYPE_Q2_K, DTYPE_Q8_0, &formats);
    buffer_printf(
        notes,
        ngettext(
            "%s: %zu of %zu tensors is %s: each weight shown is computed from an integer and its block's scale, rounded from the model's own\n",
            "%s: %zu of %zu tensors are %s: each weight shown is computed from an integer and its block's scale, rounded from the model's own\n",
            count),
        g->path, count, all, buffer_text(&formats));
    notes->failed = notes->failed || formats.failed;
    buffer_free(&formats);
}

static Vocab *open_vocab(Model *m, const Gguf *g, const char *tokenizer, Buffer *notes, Error *e)
{
    if (tokenizer)
        return tokenizer_for(&m->config, tokenizer, g->path, e);
    Vocab *v = gguf_vocab(g, &m->config, notes, e);
    if (v)
        tokenizer_tell(&m->config, v);
    return v;
}

int gguf_open_file(Model *m, File file, const char *path, const char *tokenizer, Error *e)
{
    Gguf g;
    const HfArchitecture *a = NULL;
    Buffer notes = {0};
    int status = gguf_read(&g, file, path, e);
    if (status != 0)
        return -1;
    if ((status = open_parts(&g, e)) == 0 && (status = gguf_config(&m->config, &a, &g, &notes, e)) == 0) {
        m->vocab = open_vocab(m, &g, tokenizer, &notes, e);
        status = m->vocab ? 0 : -1;
    }
    if (status == 0)
        status = hf_weights(&m->weights, &m->config, a, &g.files, false, &notes, e);
    if (status == 0) {
        note_quantised(&g, &notes);
        m->summary = summarise(m, &g, a);
        m->notes = strdup(buffer_text(&notes));
        status = m->summary && m->notes && !notes.failed ? 0 : error_memory(e, path);
    }
    buffer_free(&notes);
    gguf_close(&g);
    return status;
}

Vocab *gguf_open_vocab(const char *path, const Config *c, Error *e)
{
    File file;
    Gguf g;
    Buffer notes = {0};
    if (file_open(&file, path, e) != 0 || gguf_read(&g, file, path, e) != 0)
        return NULL;
    Vocab *v = gguf_vocab(&g, c, &notes, e);
    if (v && !vocab_has_text(v)) {
        error_set(e, "%s: tokenizer.ggml.model: expected gpt2 or llama, found no tokenizer that is read", path);
        vocab_free(v);
        v = NULL;
    }
    buffer_free(&notes);
    gguf_close(&g);
    return v;
}
