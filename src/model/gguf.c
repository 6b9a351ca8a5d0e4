/* gguf.c - a GGUF file opened. */
#include "model/gguf_internal.h"

#include "base/text.h"
#include "model/tokenizer.h"

#include <stdlib.h>
#include <string.h>

/* How many tensors are of each format, the most frequent first: "F32 and Q8_0". */
static void add_formats(const SafeTensors *s, Buffer *out)
{
    static const Dtype order[] = {DTYPE_Q8_0, DTYPE_F16, DTYPE_BF16, DTYPE_F32, DTYPE_F64};
    bool first = true;
    for (size_t k = 0; k < sizeof order / sizeof *order; k++) {
        size_t count = 0;
        for (size_t i = 0; i < s->count; i++)
            count += s->items[i].dtype == order[k];
        if (count)
            buffer_printf(out, "%s%s", first ? "" : " + ", dtype_name(order[k]));
        first = first && count == 0;
    }
}

/* "GGUF llama, 124 million numbers as Q8_0 + F32" */
static char *summarise(const Model *m, const Gguf *g, const HfArchitecture *a)
{
    Buffer text = {0}, formats = {0};
    double n = (double)m->weights.total;
    add_formats(&g->files.shards[0], &formats);
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
    const SafeTensors *s = &g->files.shards[0];
    size_t count = 0;
    for (size_t i = 0; i < s->count; i++)
        count += s->items[i].dtype == DTYPE_Q8_0;
    if (count)
        buffer_printf(
            notes,
            ngettext(
                "%s: %zu of %zu tensors is Q8_0: each weight shown is its block's scale times an integer, rounded from the model's own\n",
                "%s: %zu of %zu tensors are Q8_0: each weight shown is its block's scale times an integer, rounded from the model's own\n",
                count),
            g->path, count, s->count);
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
    if ((status = gguf_config(&m->config, &a, &g, &notes, e)) == 0) {
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
