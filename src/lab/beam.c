/* beam.c - beam search, one pass for each beginning and step; no cache, to be read. */
#include "lab/beam.h"

#include <string.h>

typedef struct Beginning {
    int ids[BEAM_LENGTH + 1]; /* the begin token first */
    size_t n;
    double log_probability;
    bool ended;
} Beginning;

/* Puts one among the best so far, which are sorted; of equals the earlier stays in front. */
static void offer(Beginning *best, size_t *count, size_t width, const Beginning *x, int id, double log_probability, bool ended)
{
    size_t at = *count;
    while (at > 0 && best[at - 1].log_probability < log_probability)
        at--;
    if (at == width)
        return;
    if (*count < width)
        (*count)++;
    memmove(best + at + 1, best + at, (*count - at - 1) * sizeof *best);
    best[at] = *x;
    best[at].log_probability = log_probability;
    best[at].ended = ended;
    if (id >= 0)
        best[at].ids[best[at].n++] = id;
}

/* All tokens behind one beginning. */
static int extend(Pass **p, const Model *m, const Ids *source, const Beginning *x, Beginning *best, size_t *count, size_t width, Error *e)
{
    PassInput in = {source->data, x->ids, source->len, x->n};
    if (*p ? pass_feed(*p, in, e) != 0 : !(*p = pass_create(m, in, 0, e)))
        return -1;
    size_t vocab = m->config.vocab_size;
    const real *row = setup_logits(*p) + (x->n - 1) * vocab;
    double most = (double)row[setup_largest(row, vocab)], sum = 0;
    for (size_t v = 0; v < vocab; v++)
        sum += exp((double)row[v] - most);
    for (size_t v = 0; v < vocab; v++)
        offer(best, count, width, x, (int)v, x->log_probability + (double)row[v] - most - log(sum), config_is_end(&m->config, (int)v));
    return 0;
}

int beam_search(const Model *m, const Ids *source, int begin, size_t width, BeamResult *out, Error *e)
{
    Beginning now[BEAM_MAX], next[BEAM_MAX];
    size_t count = 1, limit = 2 * source->len + 8 < BEAM_LENGTH ? 2 * source->len + 8 : BEAM_LENGTH;
    Pass *p = NULL;
    int status = 0;
    *out = (BeamResult){.n = 0};
    now[0] = (Beginning){.ids = {begin}, .n = 1};
    while (status == 0 && !now[0].ended && now[0].n <= limit) {
        size_t found = 0;
        for (size_t i = 0; i < count && status == 0; i++) {
            if (now[i].ended) {
                offer(next, &found, width, &now[i], -1, now[i].log_probability, true);
                continue;
            }
            status = extend(&p, m, source, &now[i], next, &found, width, e);
            out->passes++;
        }
        memcpy(now, next, found * sizeof *now);
        count = found;
    }
    pass_free(p);
    out->n = now[0].n - 1;
    memcpy(out->ids, now[0].ids + 1, out->n * sizeof *out->ids);
    out->log_probability = now[0].log_probability;
    return status;
}
