/* eval.c - held-out examples, each on its own, and what they come to.
 *
 * A greedy output is right to its end exactly where, given the right answer so far, every token is the likeliest: as long as
 * nothing was wrong the model was fed that answer. So one pass scores an example, without generating. Only no-mask is different:
 * there a row sees the answer that it should find, so each token is computed with nothing behind it. */
#include "train/eval.h"

#include "pass/pass.h"
#include "pass/sample.h"
#include "tensor/matmul.h"
#include "tensor/threads.h"
#include "train/run.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

/* What one example came to. */
typedef struct Outcome {
    double loss;
    size_t counted, right;
} Outcome;

typedef struct Evaluation {
    const Model *model;
    const Examples *source;
    const EvalOptions *options;
    TaskScore kind;
    Outcome *outcomes; /* [n] */
    size_t workers;
    pthread_mutex_t lock; /* of the error */
    Error error;
} Evaluation;

/* What a worker keeps from one example to the next. */
typedef struct Worker {
    Pass *pass;
    TaskExample example;
} Worker;

static int likeliest(const real *row, size_t n)
{
    size_t best = 0;
    for (size_t j = 1; j < n; j++)
        if (row[j] > row[best])
            best = j;
    return (int)best;
}

static int draw(const Evaluation *v, size_t i, TaskExample *x, Error *e)
{
    return examples_draw_at(v->source, 0, TASK_HELD_OUT, i, v->options->difficulty, x, e);
}

static PassInput input_of(const TaskExample *x)
{
    return (PassInput){x->source.data, x->input.data, x->source.len, x->input.len};
}

static int feed(Pass **pass, const Evaluation *v, const TaskExample *x, Error *e)
{
    if (*pass)
        return pass_feed(*pass, input_of(x), e);
    *pass = pass_create(v->model, input_of(x), v->options->ablations, e);
    return *pass ? 0 : -1;
}

/* ---- generating: what the model itself says, from the first counted target on ---- */

static int generate_answer(const Evaluation *v, const TaskExample *x, Ids *answer, Error *e)
{
    size_t first = 0, count = 0;
    while (first < x->targets.len && x->targets.data[first] < 0)
        first++;
    for (size_t t = first; t < x->targets.len; t++)
        count += x->targets.data[t] >= 0;
    Input in = {0};
    int status = 0;
    for (size_t i = 0; i < x->source.len && status == 0; i++)
        status = ids_add(&in.source, x->source.data[i], e);
    for (size_t i = 0; i <= first && i < x->input.len && status == 0; i++)
        status = ids_add(&in.target, x->input.data[i], e);
    GenerateOptions o = {.to_end = true, .cache = !(v->options->ablations & NO_MASK), .sampler = {.top_p = 1}};
    o.max_new = v->model->config.eos < 0 ? count : count + 8;
    if (status == 0)
        status = generate(v->model, &in, v->options->ablations, &o, NULL, e);
    for (size_t i = first + 1; i < in.target.len && status == 0; i++)
        status = ids_add(answer, in.target.data[i], e);
    input_free(&in);
    return status;
}

/* ---- one example ---- */

/* How many counted targets are the likeliest token where the pass ends in front of them. */
static int count_unseen(const Evaluation *v, Pass **pass, const TaskExample *x, size_t *right, Error *e)
{
    size_t V = v->model->config.vocab_size;
    *right = 0;
    for (size_t t = 0; t < x->targets.len; t++) {
        TaskExample front = *x;
        front.input.len = t + 1;
        if (x->targets.data[t] < 0)
            continue;
        if (feed(pass, v, &front, e) != 0)
            return -1;
        *right += likeliest(pass_value(*pass, pass_plan(*pass)->count - 2) + t * V, V) == x->targets.data[t];
    }
    return 0;
}

static int score_example(const Evaluation *v, Worker *w, size_t i, Error *e)
{
    Outcome *out = &v->outcomes[i];
    const TaskExample *x = &w->example;
    if (draw(v, i, &w->example, e) != 0 || feed(&w->pass, v, x, e) != 0 ||
        pass_loss(w->pass, x->targets.data, x->targets.len, &out->loss, e) != 0)
        return -1;
    size_t V = v->model->config.vocab_size;
    const real *logits = pass_value(w->pass, pass_plan(w->pass)->count - 2);
    for (size_t t = 0; t < x->targets.len; t++) {
        if (x->targets.data[t] < 0)
            continue;
        out->counted++;
        out->right += likeliest(logits + t * V, V) == x->targets.data[t];
    }
    out->loss *= (double)out->counted;
    if (v->kind == TASK_SCORE_GENERATED && (v->options->ablations & NO_MASK))
        return count_unseen(v, &w->pass, x, &out->right, e);
    return 0;
}

/* Worker w takes every example i with i % workers = w. */
static void run_worker(void *context, size_t which)
{
    Evaluation *v = context;
    Worker w = {0};
    Error e = {{0}};
    int status = 0;
    for (size_t i = which; i < v->options->n && status == 0; i += v->workers)
        status = score_example(v, &w, i, &e);
    if (status != 0) {
        pthread_mutex_lock(&v->lock);
        v->error = e;
        pthread_mutex_unlock(&v->lock);
    }
    pass_free(w.pass);
    task_example_free(&w.example);
}

/* ---- failures ---- */

static char *finish_text(Buffer *b)
{
    char *text = b->failed ? NULL : strdup(buffer_text(b));
    buffer_free(b);
    return text;
}

static void show_example(const Evaluation *v, const TaskExample *x, Buffer *out)
{
    const Task *task = examples_task(v->source);
    const Vocab *vocab = v->model->vocab;
    if (task && task->show) {
        task->show(vocab, x, out);
        return;
    }
    if (x->source.len) {
        vocab_decode(vocab, x->source.data, x->source.len, out);
        buffer_puts(out, " → ");
    }
    vocab_decode(vocab, x->input.data, x->input.len, out);
}

/* What the model said: its greedy output, or its likeliest token at every counted place. */
static int answer_of(const Evaluation *v, Worker *w, Ids *answer, Error *e)
{
    const TaskExample *x = &w->example;
    if (v->kind == TASK_SCORE_GENERATED)
        return generate_answer(v, x, answer, e);
    if (feed(&w->pass, v, x, e) != 0)
        return -1;
    size_t V = v->model->config.vocab_size;
    const real *logits = pass_value(w->pass, pass_plan(w->pass)->count - 2);
    for (size_t t = 0; t < x->targets.len; t++)
        if (x->targets.data[t] >= 0 && ids_add(answer, likeliest(logits + t * V, V), e) != 0)
            return -1;
    return 0;
}

static int keep_failure(Eval *out, const Evaluation *v, Worker *w, size_t i, Error *e)
{
    EvalFailure *f = &out->failures[out->failure_count];
    Ids answer = {0};
    Buffer example = {0}, said = {0};
    int status = draw(v, i, &w->example, e);
    if (status == 0)
        status = answer_of(v, w, &answer, e);
    if (status == 0) {
        show_example(v, &w->example, &example);
        vocab_decode(v->model->vocab, answer.data, answer.len, &said);
        *f = (EvalFailure){i, finish_text(&example), finish_text(&said)};
        out->failure_count++;
        status = f->example && f->answer ? 0 : error_memory(e, "eval");
    }
    ids_free(&answer);
    return status;
}

static int keep_failures(Eval *out, const Evaluation *v, Error *e)
{
    Worker w = {0};
    int status = 0;
    out->failures = calloc(v->options->failures + 1, sizeof *out->failures);
    if (!out->failures)
        return error_memory(e, "eval");
    for (size_t i = 0; i < out->n && out->failure_count < v->options->failures && status == 0; i++)
        if (v->outcomes[i].right < v->outcomes[i].counted)
            status = keep_failure(out, v, &w, i, e);
    pass_free(w.pass);
    task_example_free(&w.example);
    return status;
}

/* ---- the whole ---- */

static void add_up(Eval *out, const Evaluation *v)
{
    size_t right = 0;
    for (size_t i = 0; i < out->n; i++) {
        out->loss += v->outcomes[i].loss;
        out->counted += v->outcomes[i].counted;
        out->failed += v->outcomes[i].right < v->outcomes[i].counted;
        right += v->outcomes[i].right;
    }
    out->loss /= (double)out->counted;
    switch (out->kind) {
    case TASK_SCORE_GENERATED:
    case TASK_SCORE_EXAMPLES:
        out->score = (double)(out->n - out->failed) / (double)out->n;
        break;
    case TASK_SCORE_TARGETS:
        out->score = (double)right / (double)out->counted;
        break;
    case TASK_SCORE_PERPLEXITY:
        out->score = exp(out->loss);
        out->failed = 0;
        break;
    }
}

int eval_run(Eval *out, const Model *m, const Examples *x, const EvalOptions *o, Error *e)
{
    enum { WORKERS = 64 };
    Evaluation v = {.model = m, .source = x, .options = o, .kind = examples_score(x)};
    *out = (Eval){.kind = v.kind, .n = o->n, .entropy = examples_entropy(x)};
    v.workers = o->n < WORKERS ? o->n : WORKERS;
    v.outcomes = calloc(o->n ? o->n : 1, sizeof *v.outcomes);
    if (!v.outcomes || o->n == 0) {
        free(v.outcomes);
        return o->n ? error_memory(e, "eval") : error_set(e, "eval: expected at least one example, found 0");
    }
    pthread_mutex_init(&v.lock, NULL);
    threads_run(v.workers, matmul_threads(), run_worker, &v);
    int status = 0;
    if (v.error.text[0]) {
        if (e)
            *e = v.error;
        status = -1;
    }
    if (status == 0) {
        add_up(out, &v);
        if (v.kind != TASK_SCORE_PERPLEXITY && o->failures)
            status = keep_failures(out, &v, e);
    }
    pthread_mutex_destroy(&v.lock);
    free(v.outcomes);
    if (status != 0)
        eval_free(out);
    return status;
}

void eval_free(Eval *v)
{
    for (size_t i = 0; i < v->failure_count; i++) {
        free(v->failures[i].example);
        free(v->failures[i].answer);
    }
    free(v->failures);
    *v = (Eval){0};
}

/* ---- a model's own task ---- */

Examples *eval_examples(const Model *m, Recipe *r, Error *e)
{
    if (!m->path) {
        error_set(e, "%s: expected a model that was trained, found random weights", m->name);
        return NULL;
    }
    if (run_recipe(r, m->path, e) != 0)
        return NULL;
    Examples *x = examples_open(r, m->path, e);
    if (x && (r->config.kind != m->config.kind || r->config.vocab_size != m->config.vocab_size)) {
        error_set(e, "%s: expected the model of recipe.json's task, with %zu tokens, found one with %zu", m->path, r->config.vocab_size,
                  m->config.vocab_size);
        examples_free(x);
        return NULL;
    }
    return x;
}

int eval_score(const Model *m, Ablations a, double *score, Error *e)
{
    Recipe r = {0};
    Examples *x = eval_examples(m, &r, e);
    EvalOptions options = {.n = EVAL_EXAMPLES, .difficulty = r.difficulty, .ablations = a | r.ablations};
    Eval v;
    int status = x ? eval_run(&v, m, x, &options, e) : -1;
    if (status == 0) {
        *score = v.score;
        eval_free(&v);
    }
    examples_free(x);
    recipe_free(&r);
    return status;
}
