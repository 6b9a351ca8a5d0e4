/* random_model.c - untrained weights.
 *
 * Owns how large they are: as reference.py's init(), every bias and gain random too, so that a mistake in
 * any of them shows. Knows no file. */
#include "model/model.h"

#include "base/random.h"
#include "model/nearest.h"

#include <stdlib.h>
#include <string.h>

/* Normal numbers of the mean and standard deviation that the weight's name implies. */
static void fill(const Weight *w, real *values, Random *random)
{
    double mean = 0, deviation = 1 / sqrt((double)w->shape[0]); /* a matrix [inputs, outputs] */
    if (name_ends_with(w->name, ".embed.W_E") || name_ends_with(w->name, ".embed.W_P"))
        deviation = 0.5;
    else if (name_ends_with(w->name, "norm.gain")) {
        mean = 1;
        deviation = 0.2;
    } else if (name_ends_with(w->name, "norm.bias"))
        deviation = 0.2;
    else if (w->rank == 1)
        deviation = 0.1;
    for (size_t i = 0; i < w->count; i++)
        values[i] = (real)(mean + deviation * random_normal(random));
}

Model *model_random(const Config *c, unsigned long seed, const char *name, Error *e)
{
    Model *m = calloc(1, sizeof *m);
    if (!m) {
        error_memory(e, name);
        return NULL;
    }
    m->untrained = true;
    m->name = strdup(name);
    m->summary = strdup("");
    if (!m->name || !m->summary) {
        error_memory(e, name);
        goto fail;
    }
    if (config_check(c, name, e) != 0 || config_copy(&m->config, c, e) != 0)
        goto fail;
    if (weights_layout(&m->weights, c, e) != 0)
        goto named;
    if (m->weights.total > RANDOM_MAX_WEIGHTS) {
        error_set(e, "expected at most %zu random weights, found %zu; try smaller sizes", RANDOM_MAX_WEIGHTS, m->weights.total);
        goto named;
    }
    if (weights_allocate(&m->weights, e) != 0)
        goto named;
    m->vocab = vocab_numbered(c->vocab_size, e);
    if (!m->vocab)
        goto named;
    Random random = random_seeded(seed);
    for (size_t i = 0; i < m->weights.count; i++)
        fill(&m->weights.items[i], weights_values(&m->weights, i), &random);
    return m;
named:
    error_prefix(e, "%s", name);
fail:
    model_free(m);
    return NULL;
}
