/* trainer.c - gradient, clipping, AdamW: one step after the other. */
#include "train/trainer.h"

#include "base/text.h"
#include "tensor/matmul.h"
#include "tensor/threads.h"
#include "train/batch.h"
#include "train/checkpoint.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { CHUNK = 1 << 14 /* weights that are updated at a time */ };

struct Trainer {
    Recipe *recipe;
    Examples *examples;
    Model *model;
    Batch *batch;
    real *m, *v; /* AdamW's moments, every weight's in the model's order */
    real *losses;
    size_t steps, room;
    uint64_t mark; /* of the recipe and its text */
    int lock;      /* of the folder it is trained in; -1: none */
    /* of the step being taken */
    double lr, scale;
};

/* ---- a model ---- */

/* An untrained model of the recipe's config with the task's vocabulary. */
static Model *create_model(Recipe *r, const Examples *x, const char *file, Error *e)
{
    Buffer text = {0};
    Model *m = model_random(&r->config, 0, examples_name(x), e);
    if (!m)
        return NULL;
    vocab_free(m->vocab);
    m->vocab = NULL;
    m->untrained = false;
    examples_vocabulary(x, &text);
    if (text.failed)
        error_memory(e, file);
    else
        m->vocab = vocab_read(buffer_text(&text), text.len, &m->config, file, e);
    buffer_free(&text);
    if (!m->vocab) {
        model_free(m);
        return NULL;
    }
    init_weights(m, &r->init);
    return m;
}

static int create_parts(Trainer *t, Recipe *r, const char *file, Error *e)
{
    t->recipe = r;
    t->examples = examples_open(r, file, e);
    t->model = t->examples ? create_model(r, t->examples, file, e) : NULL;
    t->batch = t->model ? batch_create(t->model, r, t->examples, e) : NULL;
    if (!t->batch)
        return -1;
    size_t n = t->model->weights.total, text_len;
    const char *text = examples_text(t->examples, &text_len);
    if (recipe_mark(r, text, text_len, &t->mark, e) != 0)
        return -1;
    t->m = calloc(n ? n : 1, sizeof *t->m);
    t->v = calloc(n ? n : 1, sizeof *t->v);
    return t->m && t->v ? 0 : error_memory(e, "optimiser");
}

Trainer *trainer_create(Recipe *r, const char *file, Error *e)
{
    Trainer *t = calloc(1, sizeof *t);
    if (!t) {
        error_memory(e, file);
        return NULL;
    }
    t->lock = -1;
    if (create_parts(t, r, file, e) == 0)
        return t;
    trainer_free(t);
    return NULL;
}

void trainer_free(Trainer *t)
{
    if (!t)
        return;
    batch_free(t->batch);
    model_free(t->model);
    examples_free(t->examples);
    free(t->m);
    free(t->v);
    free(t->losses);
    trainer_hold(t, -1);
    free(t);
}

void trainer_hold(Trainer *t, int lock)
{
    if (t->lock >= 0)
        close(t->lock);
    t->lock = lock;
}

/* ---- questions ---- */

const Recipe *trainer_recipe(const Trainer *t)
{
    return t->recipe;
}

const Examples *trainer_examples(const Trainer *t)
{
    return t->examples;
}

const Model *trainer_model(const Trainer *t)
{
    return t->model;
}

size_t trainer_steps(const Trainer *t)
{
    return t->steps;
}

const real *trainer_losses(const Trainer *t, size_t *n)
{
    *n = t->steps;
    return t->losses;
}

bool trainer_finished(const Trainer *t)
{
    return t->steps >= t->recipe->schedule.steps;
}

static double mean(const real *x, size_t n)
{
    double sum = 0;
    for (size_t i = 0; i < n; i++)
        sum += (double)x[i];
    return sum / (double)n;
}

double trainer_mean_loss(const Trainer *t, size_t most)
{
    size_t n = t->steps < most ? t->steps : most;
    return n ? mean(t->losses + t->steps - n, n) : NAN;
}

int trainer_evaluate(const Trainer *t, Eval *out, Error *e)
{
    EvalOptions o = {.n = t->recipe->eval_examples, .difficulty = (int)t->recipe->difficulty, .ablations = t->recipe->ablations};
    return eval_run(out, t->model, t->examples, &o, e);
}

int trainer_change_lr(Trainer *t, double factor, Error *e)
{
    Schedule s = t->recipe->schedule;
    if (!schedule_change(&s, t->steps, factor))
        return error_set(e, "training: expected at most %d changes of the learning rate, found one more", SCHEDULE_CHANGES);
    return recipe_set_changes(t->recipe, &s, e);
}

int trainer_set_changes(Trainer *t, const Schedule *from, Error *e)
{
    return recipe_set_changes(t->recipe, from, e);
}

/* ---- a step ---- */

static int keep_loss(Trainer *t, double loss, Error *e)
{
    if (t->steps == t->room) {
        size_t room = t->room ? 2 * t->room : 1024;
        real *more = realloc(t->losses, room * sizeof *more);
        if (!more)
            return error_memory(e, "training");
        t->losses = more;
        t->room = room;
    }
    t->losses[t->steps++] = (real)loss;
    return 0;
}

/* Diverging: over the last hundred steps the loss is half as large again as a guess's, ln(vocabulary), and well above what it was
 * at first, or before over a hundred steps. A loss that only began so large is coming down; and who changes the learning rate on the way wants to see
 * what it does, and to bring it down again. */
static int check_loss(const Trainer *t, const BatchResult *b, Error *e)
{
    enum { SPAN = 100 };
    if (!isfinite(b->loss) || !isfinite(b->norm))
        return error_set(e, "step %zu: the %s is %f: training broke down; try a smaller lr, a longer warmup or a smaller clip", t->steps + 1,
                         isfinite(b->loss) ? _("gradient") : _("loss"), isfinite(b->loss) ? b->norm : b->loss);
    if (t->steps < 2 * SPAN || t->steps % SPAN != 0 || t->recipe->schedule.change_count > 0)
        return 0;
    double now = mean(t->losses + t->steps - SPAN, SPAN), best = (double)t->losses[0], guess = log((double)t->model->config.vocab_size);
    for (size_t at = 0; at + SPAN < t->steps; at += SPAN)
        best = fmin(best, mean(t->losses + at, SPAN));
    if (now > 1.5 * guess && now > 1.2 * best)
        return error_set(e, "step %zu: the loss is %.3g, was %.3g, and a guess's is %.3g: training diverges; try a smaller lr or a longer warmup",
                         t->steps, now, best, guess);
    return 0;
}

static void update(void *context, size_t chunk)
{
    Trainer *t = context;
    size_t total = t->model->weights.total, from = chunk * CHUNK, n = total - from < CHUNK ? total - from : CHUNK;
    real *gradient = batch_gradient(t->batch) + from;
    adamw_update(t->model->weights.block + from, t->m + from, t->v + from, gradient, n, &t->recipe->adamw, t->lr, t->scale, t->steps);
    memset(gradient, 0, n * sizeof *gradient);
}

int trainer_step(Trainer *t, TrainerStep *out, Error *e)
{
    BatchResult b;
    const Recipe *r = t->recipe;
    if (batch_run(t->batch, t->steps, &b, e) != 0)
        return -1;
    if (check_loss(t, &b, e) != 0) {
        memset(batch_gradient(t->batch), 0, t->model->weights.total * sizeof(real)); /* the next step, if any, does not add to it */
        return TRAINER_DIVERGED;
    }
    t->lr = schedule_lr(&r->schedule, t->steps);
    t->scale = 1 / (double)b.counted;
    if (r->clip > 0 && b.norm > r->clip)
        t->scale *= r->clip / b.norm;
    *out = (TrainerStep){b.loss, t->lr, b.norm, b.tokens};
    if (keep_loss(t, b.loss, e) != 0)
        return -1;
    threads_run((t->model->weights.total + CHUNK - 1) / CHUNK, matmul_threads(), update, t);
    return 0;
}

/* ---- saving ---- */

int trainer_save(const Trainer *t, const char *path, Error *e)
{
    Checkpoint c = {t->mark, t->steps, t->losses};
    return checkpoint_write(&c, &t->model->weights, t->m, t->v, path, e);
}

int trainer_load(Trainer *t, const char *path, Error *e)
{
    Checkpoint c;
    if (checkpoint_read(&c, t->mark, &t->model->weights, t->m, t->v, path, e) != 0)
        return -1;
    free(t->losses);
    t->losses = c.losses;
    t->steps = c.steps;
    t->room = c.steps + 1;
    return 0;
}
