/* setup.c - models, ids, means and a small trainer for experiments. */
#include "lab/setup.h"

#include "measure/gradient.h"
#include "pass/bundle.h"
#include "train/run.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { TEXT_MAX = 2048 };

/* ---- models and inputs ---- */

Model *setup_model_of(const Config *c, const Init *init, Error *e)
{
    Model *m = model_random(c, 0, "lab", e);
    if (m)
        init_weights(m, init);
    return m;
}

Model *setup_model(const Init *init, Error *e, const char *format, ...)
{
    char text[TEXT_MAX];
    Config c;
    unsigned long seed = 0;
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    if (config_parse(&c, text, &seed, e) != 0)
        return NULL;
    Model *m = setup_model_of(&c, init, e);
    config_free(&c);
    return m;
}

void setup_ids(int *ids, size_t n, size_t vocab, uint64_t seed)
{
    Random random = random_seeded(seed);
    for (size_t i = 0; i < n; i++)
        ids[i] = (int)random_below(&random, vocab);
}

int setup_stage(const Pass *p, const char *format, ...)
{
    char name[2 * STAGE_NAME_MAX];
    va_list args;
    va_start(args, format);
    vsnprintf(name, sizeof name, format, args);
    va_end(args);
    return plan_find(pass_plan(p), name);
}

double setup_weight_gradient(const Pass *p, const char *format, ...)
{
    char name[2 * WEIGHT_NAME_MAX];
    va_list args;
    va_start(args, format);
    vsnprintf(name, sizeof name, format, args);
    va_end(args);
    const Weights *w = &pass_model(p)->weights;
    int i = weights_find(w, name);
    return i < 0 ? NAN : gradient_size(pass_weight_gradient(p, (size_t)i), w->items[i].count).norm;
}

int setup_examples(const Model *m, Recipe *r, Examples **x, Error *e)
{
    *r = (Recipe){0};
    *x = NULL;
    if (!m->path)
        return error_set(e, "%s: expected a model that was trained, found random weights", m->name);
    if (run_recipe(r, m->path, e) != 0)
        return -1;
    *x = examples_open(r, m->path, e);
    return *x ? 0 : -1;
}

size_t setup_largest(const real *x, size_t n)
{
    size_t best = 0;
    for (size_t i = 1; i < n; i++)
        if (x[i] > x[best])
            best = i;
    return best;
}

double setup_difference(const real *a, const real *b, size_t n)
{
    double most = 0;
    for (size_t i = 0; i < n; i++) {
        double d = fabs((double)a[i] - (double)b[i]);
        if (isnan(d))
            return INFINITY;
        most = d > most ? d : most;
    }
    return most;
}

const real *setup_logits(Pass *p)
{
    return pass_value(p, (size_t)plan_find(pass_plan(p), "output.logits"));
}

/* ---- means over seeds ---- */

void spread_add(Spread *s, double x)
{
    double before = x - s->mean;
    s->n++;
    s->mean += before / (double)s->n;
    s->squares += before * (x - s->mean);
}

double spread_deviation(const Spread *s)
{
    return s->n < 2 ? NAN : sqrt(s->squares / (double)(s->n - 1));
}

/* ---- a small trainer ---- */

int learner_open(Learner *l, Model *m, Ablations a, Error *e)
{
    size_t n = m->weights.total ? m->weights.total : 1;
    *l = (Learner){.model = m, .adamw = {.beta1 = 0.9, .beta2 = 0.98, .eps = 1e-8}};
    if (weights_own(&m->weights, e) != 0)
        return -1;
    l->bundle = bundle_create(m, a, e);
    l->gradient = calloc(n, sizeof *l->gradient);
    l->m = calloc(n, sizeof *l->m);
    l->v = calloc(n, sizeof *l->v);
    l->by_weight = calloc(m->weights.count + 1, sizeof *l->by_weight);
    if (!l->bundle || !l->gradient || !l->m || !l->v || !l->by_weight)
        return error_memory(e, "lab");
    for (size_t i = 0, at = 0; i < m->weights.count; at += m->weights.items[i].count, i++)
        l->by_weight[i] = l->gradient + at;
    return 0;
}

void learner_close(Learner *l)
{
    bundle_free(l->bundle);
    free(l->gradient);
    free(l->m);
    free(l->v);
    free(l->by_weight);
    *l = (Learner){0};
}

void learner_clear(Learner *l)
{
    bundle_clear(l->bundle);
    l->counted = 0;
    memset(l->gradient, 0, l->model->weights.total * sizeof *l->gradient);
}

int learner_add(Learner *l, const TaskExample *x, Error *e)
{
    PassInput input = {x->source.data, x->input.data, x->source.len, x->input.len};
    for (size_t i = 0; i < x->targets.len; i++)
        l->counted += x->targets.data[i] >= 0;
    return bundle_add(l->bundle, input, x->targets.data, x->targets.len, 0, e);
}

int learner_run(Learner *l, double *loss, Error *e)
{
    BundleTraining training = {.gradients = l->by_weight};
    *loss = 0;
    if (bundle_run(l->bundle, &training, loss, e) != 0)
        return -1;
    double counted = l->counted ? (double)l->counted : 1;
    *loss /= counted;
    for (size_t i = 0; i < l->model->weights.total; i++)
        l->gradient[i] = (real)((double)l->gradient[i] / counted);
    return 0;
}

void learner_step(Learner *l, double lr, double clip)
{
    size_t n = l->model->weights.total;
    double norm = gradient_size(l->gradient, n).norm;
    l->steps++;
    for (size_t i = 0; i < l->model->weights.count; i++) {
        size_t at = (size_t)(l->by_weight[i] - l->gradient);
        adamw_update(weights_values(&l->model->weights, i), l->m + at, l->v + at, l->by_weight[i], l->model->weights.items[i].count,
                     &l->adamw, lr, clip > 0 && norm > clip ? clip / norm : 1, l->steps);
    }
}

int setup_recipe(Recipe *r, Error *e, const char *format, ...)
{
    char text[TEXT_MAX];
    va_list args;
    va_start(args, format);
    int n = vsnprintf(text, sizeof text, format, args);
    va_end(args);
    *r = (Recipe){0};
    return recipe_read(r, text, (size_t)n, "lab", e);
}
