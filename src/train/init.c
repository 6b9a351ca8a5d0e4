/* init.c - random numbers of the right size for every weight. */
#include "train/init.h"

#include "base/random.h"
#include "model/nearest.h"

#include <string.h>

/* Sub-layers of the stack that a weight belongs to. */
static double sublayers(const Config *c, const char *name)
{
    bool decoder = strncmp(name, "decoder.", strlen("decoder.")) == 0;
    size_t layers = config_layers(c, decoder ? STACK_DECODER : STACK_ENCODER);
    size_t attentions = decoder && c->kind == KIND_ENCODER_DECODER ? 2 : 1;
    return (double)(layers * (attentions + (c->ffn != FFN_NONE)));
}

static void fill(const Config *c, const Weight *w, real *values, const Init *init, Random *random)
{
    bool embedding = name_ends_with(w->name, ".embed.W_E") || name_ends_with(w->name, ".embed.W_P") || name_ends_with(w->name, ".embed.W_T");
    bool writes = name_ends_with(w->name, ".W_O") || name_ends_with(w->name, ".W_2");
    double factor = init->scale_residuals && writes ? 1 / sqrt(sublayers(c, w->name)) : 1;
    double deviation = init->kind == INIT_NORMAL ? init->deviation : 1 / sqrt((double)c->d_model);
    double limit = sqrt(6 / (double)(w->shape[0] + w->shape[1]));
    for (size_t i = 0; i < w->count; i++) {
        if (w->rank == 1)
            values[i] = name_ends_with(w->name, "gain");
        else if (embedding || init->kind == INIT_NORMAL)
            values[i] = (real)(factor * deviation * random_normal(random));
        else
            values[i] = (real)(factor * limit * (2 * random_uniform(random) - 1));
    }
}

void init_weights(Model *m, const Init *init)
{
    Random random = random_seeded(init->seed);
    for (size_t i = 0; i < m->weights.count; i++)
        fill(&m->config, &m->weights.items[i], weights_values(&m->weights, i), init, &random);
}
