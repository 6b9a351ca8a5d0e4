/* tasks_help.h - what the tests of the tasks share: a task with its vocabulary, examples that can be sorted. */
#ifndef TESTS_TASKS_HELP_H
#define TESTS_TASKS_HELP_H

#include "model_help.h"
#include "train/task.h"

/* ---- a task with its vocabulary ---- */

typedef struct Opened {
    const Task *task;
    Config config;
    Vocab *vocab;
} Opened;

static inline Opened open_task(const char *name)
{
    Opened o = {.task = task_find(name), .config = config_default()};
    Error e = {{0}};
    Buffer b = {0};
    cr_assert(o.task, "%s", name);
    cr_assert_eq(o.task->configure(&o.config, &e), 0, "%s", e.text);
    cr_assert_eq(config_check(&o.config, name, &e), 0, "%s", e.text);
    o.task->vocabulary(&b);
    o.vocab = vocab_read(buffer_text(&b), b.len, &o.config, name, &e);
    cr_assert(o.vocab, "%s", e.text);
    buffer_free(&b);
    return o;
}

static inline void close_task(Opened *o)
{
    vocab_free(o->vocab);
    config_free(&o->config);
}

static inline void draw(const Opened *o, Random *r, TaskSplit split, int difficulty, TaskExample *x)
{
    Error e = {{0}};
    cr_assert_eq(o->task->draw(r, split, difficulty, x, &e), 0, "%s: %s", o->task->name, e.text);
}

static inline int compare_numbers(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

/* A number for n ids, or for a bag of them. */
static inline uint64_t number_of(const int *ids, size_t n, bool bag)
{
    uint64_t h = n;
    for (size_t i = 0; i < n; i++) {
        Random r = random_seeded(bag ? (uint64_t)ids[i] : h ^ (uint64_t)ids[i] << 32);
        h = bag ? h + random_bits(&r) : random_bits(&r);
    }
    return h;
}

/* An example, found again by its words and its answer. */
typedef struct Drawn {
    uint64_t bag, english;
    TaskExample x;
} Drawn;

static inline int compare_bags(const void *a, const void *b)
{
    const Drawn *x = a, *y = b;
    if (x->bag != y->bag)
        return x->bag < y->bag ? -1 : 1;
    return (x->english > y->english) - (x->english < y->english);
}

#endif
