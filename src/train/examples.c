/* examples.c - a recipe's task or text, and whether the model suits it. */
#include "train/examples.h"

#include "model/nearest.h"
#include "train/text_task.h"

#include <stdlib.h>
#include <string.h>

struct Examples {
    const Task *task;
    TextTask *text; /* one of the two is there */
    int difficulty;
};

/* How many examples of each side are drawn to see whether they suit the model. */
enum { TRIED = 500 };

static int unknown_task(const char *name, const char *file, Error *e)
{
    char quoted[QUOTE_SHORT], hint[NEAREST_HINT];
    size_t count;
    const Task *const *all = task_list(&count);
    Buffer known = {0};
    Nearest near = nearest_to(name, strlen(name));
    for (size_t i = 0; i < count; i++) {
        nearest_offer(&near, all[i]->name);
        buffer_printf(&known, "%s, ", all[i]->name);
    }
    nearest_offer(&near, "text");
    int status = error_set(e, "%s: task: expected %sor text, found %s%s", file, buffer_text(&known), quote_short(name, strlen(name), quoted),
                           nearest_hint(&near, hint));
    buffer_free(&known);
    return status;
}

/* ---- what the task decides of a config ---- */

static const char *kind_name(ModelKind k)
{
    return k == KIND_DECODER ? "decoder" : k == KIND_ENCODER ? "encoder" : "encoder-decoder";
}

/* A recipe may repeat what the task decides, but not contradict it. The defaults count as not said. */
static int check_decided(const Config *said, const Config *decided, const char *task, const char *file, Error *e)
{
    Config none = config_default();
    if (said->kind != none.kind && said->kind != decided->kind)
        return error_set(e, "%s: config: kind: expected \"%s\", which the task %s needs, found \"%s\"", file, kind_name(decided->kind), task,
                         kind_name(said->kind));
    if (said->vocab_size != none.vocab_size && said->vocab_size != decided->vocab_size)
        return error_set(e, "%s: config: vocab_size: expected %zu, the tokens of the task %s, found %zu; leave it out", file,
                         decided->vocab_size, task, said->vocab_size);
    return 0;
}

static int configure(Examples *x, Recipe *r, const char *file, Error *e)
{
    Config said = r->config; /* for its numbers only */
    if (x->task) {
        if (x->task->configure(&r->config, e) != 0)
            return error_prefix(e, "%s: config", file);
    } else {
        if (r->config.kind != KIND_DECODER)
            return error_set(e, "%s: config: kind: expected \"decoder\" for a text, found \"%s\"", file, kind_name(r->config.kind));
        if (r->config.split != SPLIT_WORDS && r->config.split != SPLIT_CHARACTERS)
            return error_set(e, "%s: config: split: expected \"words\" or \"characters\" for a text, found another", file);
        x->text = text_task_open(r->text, r->length, &r->config, e);
        if (!x->text)
            return -1;
    }
    if (check_decided(&said, &r->config, r->task, file, e) != 0)
        return -1;
    return config_check(&r->config, file, e);
}

/* ---- whether the examples suit the model ---- */

static int check_ids(const Config *c, const Ids *ids, int least, const char *what, const char *file, Error *e)
{
    for (size_t i = 0; i < ids->len; i++)
        if (ids->data[i] < least || ids->data[i] >= (int)c->vocab_size)
            return error_set(e, "%s: task: expected ids from %d to %zu, found %d in the %s of an example", file, least, c->vocab_size - 1,
                             ids->data[i], what);
    return 0;
}

static size_t longest_of(const TaskExample *x)
{
    return x->source.len > x->input.len ? x->source.len : x->input.len;
}

static int check_example(const Config *c, const TaskExample *x, const char *file, Error *e)
{
    size_t longest = longest_of(x);
    const Ids *last = c->kind == KIND_ENCODER ? &x->source : &x->input;
    if (c->position == POSITION_LEARNED && longest > c->max_len)
        return error_set(e, "%s: config: max_len: expected at least %zu, the length of one of the task's sequences, found %zu", file, longest,
                         c->max_len);
    if ((c->kind != KIND_DECODER) != (x->source.len > 0) || (c->kind != KIND_ENCODER) != (x->input.len > 0))
        return error_set(e, "%s: task: expected examples for an %s, found others", file, kind_name(c->kind));
    if (x->targets.len != last->len)
        return error_set(e, "%s: task: expected %zu targets, one for each position of the output, found %zu", file, last->len, x->targets.len);
    if (check_ids(c, &x->source, 0, "source", file, e) != 0 || check_ids(c, &x->input, 0, "input", file, e) != 0)
        return -1;
    return check_ids(c, &x->targets, -1, "targets", file, e);
}

/* With RoPE no table ends at max_len: it says what the model was made for, and that is at least what it is trained on. */
static int check_examples(const Examples *x, Recipe *r, const char *file, Error *e)
{
    TaskExample one = {0};
    int status = 0;
    for (int i = 0; i < 2 * TRIED && status == 0; i++) {
        status = examples_draw(x, r->data_seed, i % 2 ? TASK_HELD_OUT : TASK_TRAIN, (uint64_t)i / 2, &one, e);
        if (status == 0)
            status = check_example(&r->config, &one, file, e);
        if (status == 0 && r->config.position == POSITION_ROPE && r->config.max_len < longest_of(&one))
            r->config.max_len = longest_of(&one);
    }
    task_example_free(&one);
    return status;
}

static int open_examples(Examples *x, Recipe *r, const char *file, Error *e)
{
    x->difficulty = (int)r->difficulty;
    x->task = strcmp(r->task, "text") == 0 ? NULL : task_find(r->task);
    if (!x->task && strcmp(r->task, "text") != 0)
        return unknown_task(r->task, file, e);
    if (configure(x, r, file, e) != 0 || check_examples(x, r, file, e) != 0)
        return -1;
    if (r->pad_batch && r->config.pad < 0)
        return error_set(e, "%s: pad_batch: expected a task with a pad token, found %s, which has none", file, r->task);
    return 0;
}

Examples *examples_open(Recipe *r, const char *file, Error *e)
{
    Examples *x = calloc(1, sizeof *x);
    if (!x) {
        error_memory(e, file);
        return NULL;
    }
    if (open_examples(x, r, file, e) == 0)
        return x;
    examples_free(x);
    return NULL;
}

void examples_free(Examples *x)
{
    if (!x)
        return;
    text_task_free(x->text);
    free(x);
}

/* ---- questions ---- */

const char *examples_name(const Examples *x)
{
    return x->task ? x->task->name : "text";
}

const Task *examples_task(const Examples *x)
{
    return x->task;
}

TaskScore examples_score(const Examples *x)
{
    return x->task ? x->task->score : TASK_SCORE_PERPLEXITY;
}

double examples_entropy(const Examples *x)
{
    return x->task && x->task->entropy ? x->task->entropy() : 0;
}

void examples_vocabulary(const Examples *x, Buffer *out)
{
    if (x->task)
        x->task->vocabulary(out);
    else
        text_task_vocabulary(x->text, out);
}

const char *examples_text(const Examples *x, size_t *n)
{
    *n = 0;
    return x->text ? text_task_bytes(x->text, n) : NULL;
}

int examples_draw_at(const Examples *x, uint64_t seed, TaskSplit split, uint64_t i, int difficulty, TaskExample *out, Error *e)
{
    /* Mixed twice: the streams of neighbouring seeds and numbers have nothing in common. */
    Random mixed = random_seeded(2 * seed + (split == TASK_HELD_OUT));
    mixed = random_seeded(random_bits(&mixed) + i);
    Random r = random_seeded(random_bits(&mixed));
    if (x->task)
        return x->task->draw(&r, split, difficulty, out, e);
    return text_task_draw(x->text, &r, split, out, e);
}

int examples_draw(const Examples *x, uint64_t seed, TaskSplit split, uint64_t i, TaskExample *out, Error *e)
{
    return examples_draw_at(x, seed, split, i, x->difficulty, out, e);
}
