/* trial.c - the loop of a small training. */
#include "lab/trial.h"

#include "measure/cost.h"

#include <math.h>
#include <string.h>

static int step(const Trial *t, Learner *l, size_t at, TaskExample *x, double *loss, Error *e)
{
    learner_clear(l);
    for (size_t i = 0; i < t->batch; i++)
        if (t->draw(t->context, at * t->batch + i, x, e) != 0 || learner_add(l, x, e) != 0)
            return -1;
    if (learner_run(l, loss, e) != 0)
        return -1;
    if (t->change)
        t->change(t->context, l->by_weight);
    learner_step(l, schedule_lr(&t->schedule, at), t->clip);
    return t->after ? t->after(t->context, at + 1, *loss, e) : 0;
}

int trial_train(const Trial *t, Model *m, Ablations a, double *loss, Error *e)
{
    Learner l;
    TaskExample x = {0};
    int status = learner_open(&l, m, a, e);
    size_t last = t->schedule.steps / 10 + 1, steps = t->schedule.steps;
    *loss = 0;
    for (size_t i = 0; i < steps && status == 0; i++) {
        double now;
        status = step(t, &l, i, &x, &now, e);
        if (status == 0 && i + last >= steps)
            *loss += now / (double)last;
    }
    task_example_free(&x);
    learner_close(&l);
    return status;
}

/* ---- on a task ---- */

int trial_draw(void *context, uint64_t i, TaskExample *out, Error *e)
{
    const TaskTrial *t = context;
    return examples_draw(t->examples, t->seed, TASK_TRAIN, i, out, e);
}

typedef struct RunContext {
    TaskTrial task; /* first: trial_draw's */
    const TaskRun *run;
    const Model *model;
} RunContext;

static void change(void *context, real *const *by_weight)
{
    const RunContext *c = context;
    c->run->change(c->model, by_weight);
}

static int count(const Model *m, const Examples *x, uint64_t *multiplications, Error *e)
{
    TaskExample first = {0};
    Plan plan = {0};
    Cost cost;
    int status = examples_draw(x, 0, TASK_HELD_OUT, 0, &first, e);
    if (status == 0)
        status = plan_build(&plan, m, (PlanInput){first.source.len, first.input.len, 0}, 0, e);
    if (status == 0)
        status = cost_of_stages(m, &plan, NULL, &cost, e);
    if (status == 0)
        *multiplications = cost.multiplications;
    plan_free(&plan);
    task_example_free(&first);
    return status;
}

int trial_task(const TaskRun *run, TaskOutcome *out, Error *e)
{
    Recipe r = {0};
    Eval v = {0};
    int status = setup_recipe(&r, e, "{\"task\": \"%s\", \"config\": {%s}, \"init\": \"xavier\", \"weight_seed\": %llu}", run->task,
                              run->config, (unsigned long long)run->seed);
    Examples *x = status == 0 ? examples_open(&r, "lab", e) : NULL;
    Model *m = x ? setup_model_of(&r.config, &r.init, e) : NULL;
    status = -1;
    if (m) {
        RunContext c = {{x, 1000 + run->seed}, run, m};
        Trial t = {.schedule = {.lr = run->lr, .lr_end = run->lr / 100, .warmup = run->steps / 20, .steps = run->steps},
                   .batch = run->batch,
                   .clip = 1,
                   .draw = trial_draw,
                   .context = &c};
        t.change = run->change ? change : NULL;
        if (run->prepare)
            run->prepare(m);
        *out = (TaskOutcome){.parameters = m->weights.total};
        status = trial_train(&t, m, 0, &out->loss, e);
        if (status == 0)
            status = count(m, x, &out->multiplications, e);
        if (status == 0)
            status = eval_run(&v, m, x, &(EvalOptions){.n = run->examples}, e);
        if (status == 0) {
            out->score = v.score;
            eval_free(&v);
        }
    }
    model_free(m);
    examples_free(x);
    recipe_free(&r);
    return status;
}
