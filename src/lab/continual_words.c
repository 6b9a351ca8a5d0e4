/* continual_words.c - new words for zh-en, and sentences with them.
 *
 * A sentence with a new word is one of the task's in which a known noun was replaced in both languages. So everything but the word is as it
 * was, and there is a right answer. */
#include "lab/continual.h"

#include "base/text.h"

#include <stdlib.h>
#include <string.h>

/* A known word, and where in the list of new ids its new one stands. Both nouns begin with a consonant: "a" stays "a". */
static const char *const replaced[] = {"狗", "dog", "dogs", "书", "book", "books"};
enum { NEW_WORDS = sizeof replaced / sizeof *replaced };

void sentences_free(Sentences *s)
{
    for (size_t i = 0; i < s->count; i++)
        task_example_free(&s->items[i]);
    free(s->items);
    *s = (Sentences){0};
}

int sentences_score(const Model *m, const Sentences *s, double *share, Error *e)
{
    Pass *p = NULL;
    size_t right = 0, vocab = m->config.vocab_size;
    int status = 0;
    for (size_t i = 0; i < s->count && status == 0; i++) {
        const TaskExample *x = &s->items[i];
        PassInput input = {x->source.data, x->input.data, x->source.len, x->input.len};
        if (p)
            status = pass_feed(p, input, e);
        else
            status = (p = pass_create(m, input, 0, e)) ? 0 : -1;
        if (status != 0)
            break;
        const real *logits = setup_logits(p);
        bool all = true;
        for (size_t t = 0; t < x->targets.len && all; t++)
            all = x->targets.data[t] < 0 || setup_largest(logits + t * vocab, vocab) == (size_t)x->targets.data[t];
        right += all;
    }
    pass_free(p);
    *share = s->count ? (double)right / (double)s->count : 0;
    return status;
}

size_t continual_first(const Model *shipped)
{
    return shipped->config.vocab_size;
}

Model *continual_extend(const Model *shipped, uint64_t seed, Error *e)
{
    Config c;
    if (config_copy(&c, &shipped->config, e) != 0)
        return NULL;
    c.vocab_size += NEW_WORDS;
    Init init = {.kind = INIT_XAVIER, .seed = seed};
    Model *m = setup_model_of(&c, &init, e);
    config_free(&c);
    for (size_t i = 0; m && i < shipped->weights.count; i++) {
        const Weight *w = &shipped->weights.items[i];
        int k = weights_find(&m->weights, w->name);
        /* Only the tables of embeddings differ, by their last rows: what is before them lies in the same places. */
        if (k < 0 || m->weights.items[k].count < w->count || (w->rank == 2 && m->weights.items[k].shape[1] != w->shape[1])) {
            error_set(e, "%s: expected tied embeddings, found a %s that cannot be extended by rows", shipped->name, w->name);
            model_free(m);
            return NULL;
        }
        weight_read(weights_values(&m->weights, (size_t)k), w);
    }
    return m;
}

/* Puts new ids for known ones; returns how many. */
static size_t replace(const Model *shipped, Ids *ids)
{
    size_t count = 0;
    for (size_t w = 0; w < NEW_WORDS; w++) {
        int known = vocab_find(shipped->vocab, replaced[w]);
        for (size_t i = 0; i < ids->len; i++)
            if (ids->data[i] == known) {
                ids->data[i] = (int)(continual_first(shipped) + w);
                count++;
            }
    }
    return count;
}

int continual_draw(const Model *shipped, const Examples *x, TaskSplit split, bool fresh, size_t n, uint64_t from, Sentences *out, Error *e)
{
    enum { TRIES = 1000 /* for each sentence */ };
    *out = (Sentences){.items = calloc(n ? n : 1, sizeof *out->items)};
    if (!out->items)
        return error_memory(e, "continual");
    for (uint64_t i = from; out->count < n; i++) {
        TaskExample *t = &out->items[out->count];
        if (i - from > (uint64_t)n * TRIES)
            return error_set(e, "continual: expected %zu sentences with 狗 or 书, found %zu", n, out->count);
        if (examples_draw(x, 0, split, i, t, e) != 0)
            return -1;
        size_t source = fresh ? replace(shipped, &t->source) : 1;
        if (fresh && source) {
            replace(shipped, &t->input);
            replace(shipped, &t->targets);
        }
        if (source)
            out->count++;
        else
            task_example_free(t);
        if (!source)
            *t = (TaskExample){0};
    }
    return 0;
}
