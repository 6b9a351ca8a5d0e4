/* run.c - the folder of a training, and the loop that fills it. */
#include "train/run.h"

#include "base/file.h"
#include "base/text.h"
#include "model/safetensors.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define RECIPE "recipe.json"
#define CONFIG "config.json"
#define VOCAB "vocab.txt"
#define TEXT "text.txt"
#define CHECKPOINT "checkpoint.safetensors"
#define MODEL "model.safetensors"

enum { LOSS_SPAN = 50 /* steps over which the loss that is told is averaged */ };

/* ---- files of the folder ---- */

static bool has(const char *folder, const char *name)
{
    char *path = file_join(folder, name);
    bool there = path && file_exists(path);
    free(path);
    return there;
}

static void take_away(const char *folder, const char *name)
{
    char *path = file_join(folder, name);
    if (path)
        unlink(path);
    free(path);
}

static int write_file(const char *folder, const char *name, const void *bytes, size_t n, Error *e)
{
    char *path = file_join(folder, name);
    int status = path ? file_write(path, bytes, n, e) : error_memory(e, folder);
    free(path);
    return status;
}

static int write_buffer(const char *folder, const char *name, Buffer *text, Error *e)
{
    int status = text->failed ? error_memory(e, name) : write_file(folder, name, buffer_text(text), text->len, e);
    buffer_free(text);
    return status;
}

static int write_weights(const Weights *w, const char *folder, Error *e)
{
    char *path = file_join(folder, MODEL);
    SafeOut *items = calloc(w->count + 1, sizeof *items);
    int status = path && items ? 0 : error_memory(e, folder);
    for (size_t i = 0; i < w->count && status == 0; i++)
        items[i] = (SafeOut){w->items[i].name, w->items[i].rank, w->items[i].shape, NULL, w->items[i].values};
    if (status == 0)
        status = safetensors_write(path, items, w->count, e);
    free(items);
    free(path);
    return status;
}

/* With what was changed on the way. */
static int write_recipe(const Trainer *t, const char *folder, Error *e)
{
    const char *source = trainer_recipe(t)->source;
    return write_file(folder, RECIPE, source, strlen(source), e);
}

/* The changes before the state that they led to: what is in between is of steps that a run that goes on takes again. The state before the weights:
 * these alone would pass for a finished model. */
static int save(const Trainer *t, const char *folder, Error *e)
{
    char *path = file_join(folder, CHECKPOINT);
    int status = path ? write_recipe(t, folder, e) : error_memory(e, folder);
    if (status == 0)
        status = trainer_save(t, path, e);
    free(path);
    return status == 0 ? write_weights(&trainer_model(t)->weights, folder, e) : -1;
}

/* ---- beginning ---- */

static int write_beginning(const Trainer *t, const char *folder, Error *e)
{
    Buffer config = {0}, vocab = {0};
    size_t n;
    const char *text = examples_text(trainer_examples(t), &n);
    if (write_recipe(t, folder, e) != 0 || (text && write_file(folder, TEXT, text, n, e) != 0))
        return -1;
    config_write(&trainer_model(t)->config, &config);
    if (write_buffer(folder, CONFIG, &config, e) != 0)
        return -1;
    examples_vocabulary(trainer_examples(t), &vocab);
    if (write_buffer(folder, VOCAB, &vocab, e) != 0)
        return -1;
    return save(t, folder, e);
}

/* Nothing is left of a run that could not begin. */
static int begin(const Trainer *t, const char *folder, bool created, Error *e)
{
    static const char *const names[] = {RECIPE, CONFIG, VOCAB, TEXT, CHECKPOINT, MODEL};
    if (write_beginning(t, folder, e) == 0)
        return 0;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        take_away(folder, names[i]);
    if (created)
        rmdir(folder);
    return -1;
}

static bool is_empty(const char *folder)
{
    DIR *dir = opendir(folder);
    bool empty = dir != NULL;
    for (struct dirent *entry; empty && (entry = readdir(dir));)
        empty = strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0;
    if (dir)
        closedir(dir);
    return empty;
}

/* True where all that is there is what a run was killed over before its first checkpoint. */
static bool is_beginning(const Trainer *t, const char *folder)
{
    char *path = file_join(folder, RECIPE);
    File f;
    bool same = false;
    if (path && !has(folder, MODEL) && file_exists(path) && file_open(&f, path, NULL) == 0) {
        const char *source = trainer_recipe(t)->source;
        same = f.size == strlen(source) && memcmp(f.data, source, f.size) == 0;
        file_close(&f);
    }
    free(path);
    return same;
}

/* The folder is this trainer's until it is freed. What cannot be locked is not: another error tells what is wrong with it, or none does. */
static int lock(Trainer *t, const char *folder, Error *e)
{
    trainer_hold(t, -1); /* this process's own is no other's */
    int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK) {
        close(fd);
        return error_set(e, "%s: expected a folder that nobody trains in, found another run at work in it; wait for its end, or try another name", folder);
    }
    trainer_hold(t, fd);
    return 0;
}

/* What was changed on the way of the run in the folder, whose recipe may begin with changes of its own. */
static int take_up_changes(Trainer *t, const char *folder, Error *e)
{
    const Schedule *own = &trainer_recipe(t)->schedule;
    Recipe r = {0};
    int status = run_recipe(&r, folder, e);
    bool begins = status == 0 && own->change_count <= r.schedule.change_count;
    for (size_t i = 0; begins && i < own->change_count; i++)
        begins = own->changes[i].step == r.schedule.changes[i].step && own->changes[i].factor == r.schedule.changes[i].factor;
    if (status == 0 && !begins)
        status = error_set(e, "%s: expected a run of this recipe, found one with other lr_changes; try another folder", folder);
    if (status == 0 && r.schedule.change_count > own->change_count)
        status = trainer_set_changes(t, &r.schedule, e);
    recipe_free(&r);
    return status;
}

int run_open(Trainer *t, const char *folder, Error *e)
{
    bool created = mkdir(folder, 0777) == 0;
    if (!created && errno != EEXIST)
        return error_set(e, "%s: cannot be created: %s", folder, strerror(errno));
    if (lock(t, folder, e) != 0)
        return -1;
    if (created || is_empty(folder))
        return begin(t, folder, created, e);
    if (has(folder, CHECKPOINT)) {
        char *path = file_join(folder, CHECKPOINT);
        int status = path ? trainer_load(t, path, e) : error_memory(e, folder);
        free(path);
        if (status == 0)
            status = take_up_changes(t, folder, e);
        /* What this process cannot write is known before it trains. */
        return status == 0 ? save(t, folder, e) : -1;
    }
    if (is_beginning(t, folder))
        return begin(t, folder, false, e);
    return error_set(e, "%s: expected a new folder or an unfinished run of this recipe, found %s; try another name", folder,
                     has(folder, MODEL)       ? _("a model")
                     : file_is_folder(folder) ? _("something else there")
                                              : _("a file"));
}

int run_recipe(Recipe *r, const char *folder, Error *e)
{
    char *path = file_join(folder, RECIPE);
    int status;
    if (!path)
        status = error_memory(e, folder);
    else if (!file_exists(path))
        status = error_set(e, "%s: expected recipe.json, which names the model's task, in this folder, found none", folder);
    else
        status = recipe_open(r, path, e);
    free(path);
    return status;
}

/* The recipe of a model, where it has one; to be freed in either case. */
static bool open_own_recipe(Recipe *r, const char *path)
{
    char *file = path ? file_join(path, RECIPE) : NULL;
    *r = (Recipe){0};
    bool found = file && file_exists(file) && recipe_open(r, file, NULL) == 0;
    free(file);
    return found;
}

Ablations run_trained_without(const char *path)
{
    Recipe r;
    Ablations a = open_own_recipe(&r, path) ? r.ablations : 0;
    recipe_free(&r);
    return a;
}

const char *run_only_form(const char *path, const Ids *fed)
{
    Recipe r;
    const Task *task = open_own_recipe(&r, path) ? task_find(r.task) : NULL;
    recipe_free(&r);
    return task && task->has_form && !task->has_form(fed->data, fed->len) ? _(task->form) : NULL;
}

/* ---- the loop ---- */

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

typedef struct Loop {
    Trainer *t;
    const char *folder;
    double started;  /* later by every pause */
    double training; /* seconds spent in steps */
    size_t tokens, steps;
    RunProgress progress;
    Eval eval;
} Loop;

static int take_step(Loop *l, Error *e)
{
    double before = now();
    int status = trainer_step(l->t, &l->progress.last, e);
    if (status != 0)
        return status;
    l->training += now() - before;
    l->tokens += l->progress.last.tokens;
    l->steps++;
    return 0;
}

/* True where something is due every `every` steps, and at the end. */
static bool is_due(const Loop *l, size_t every)
{
    return every && (trainer_steps(l->t) % every == 0 || trainer_finished(l->t));
}

static int look(Loop *l, Error *e)
{
    RunProgress *p = &l->progress;
    p->step = trainer_steps(l->t);
    p->loss = trainer_mean_loss(l->t, LOSS_SPAN);
    p->tokens_per_second = (double)l->tokens / l->training;
    p->eval = NULL;
    eval_free(&l->eval);
    if (is_due(l, trainer_recipe(l->t)->eval_every)) {
        if (trainer_evaluate(l->t, &l->eval, e) != 0)
            return -1;
        p->eval = &l->eval;
    }
    p->seconds_left = (now() - l->started) / (double)l->steps * (double)(p->steps - p->step);
    return 0;
}

const char *run_loss_text(double loss, char out[RUN_LOSS_TEXT])
{
    snprintf(out, RUN_LOSS_TEXT, loss != 0 && fabs(loss) < 0.001 ? "%.2e" : "%.4f", loss);
    return out;
}

const char *run_left_text(double seconds, char out[RUN_LEFT_TEXT])
{
    unsigned long left = seconds > 0 && seconds < 1e9 ? (unsigned long)(seconds + 0.5) : 0;
    if (left >= 3600)
        snprintf(out, RUN_LEFT_TEXT, "%lu:%02lu:%02lu", left / 3600, left / 60 % 60, left % 60);
    else
        snprintf(out, RUN_LEFT_TEXT, "%lu:%02lu", left / 60, left % 60);
    return out;
}

/* Asks the hook whether to go on. To draw takes milliseconds: what takes longer than a second is a pause. */
static bool ask(Loop *l, RunHook hook, void *context)
{
    const double pause = 1;
    double before = now();
    bool on = hook(context, l->t, &l->progress);
    double taken = now() - before;
    l->started += taken > pause ? taken : 0;
    return on;
}

/* Training broke down: the hook may want to show where. */
static void tell(Loop *l, RunHook hook, void *context, const Error *e)
{
    l->progress.eval = NULL;
    l->progress.broke = e ? e->text : "training broke down";
    hook(context, l->t, &l->progress);
}

static RunEnd finish(const Trainer *t, const char *folder, Error *e)
{
    if (write_recipe(t, folder, e) != 0 || write_weights(&trainer_model(t)->weights, folder, e) != 0)
        return RUN_FAILED;
    take_away(folder, CHECKPOINT);
    return RUN_FINISHED;
}

RunEnd run_train(Trainer *t, const char *folder, RunHook hook, void *context, Error *e)
{
    Loop l = {.t = t, .folder = folder, .started = now(), .progress = {.steps = trainer_recipe(t)->schedule.steps}};
    RunEnd end = RUN_FINISHED;
    while (end == RUN_FINISHED && !trainer_finished(t)) {
        int status = take_step(&l, e);
        if (status != 0) {
            end = status == TRAINER_DIVERGED ? RUN_DIVERGED : RUN_FAILED;
            if (end == RUN_DIVERGED && hook)
                tell(&l, hook, context, e);
            break;
        }
        if (look(&l, e) != 0)
            end = RUN_FAILED;
        else if (hook && !ask(&l, hook, context) && !trainer_finished(t))
            end = RUN_STOPPED;
        bool due = trainer_steps(t) % trainer_recipe(t)->save_every == 0 && !trainer_finished(t);
        if ((due || end == RUN_STOPPED) && end != RUN_FAILED && save(t, folder, e) != 0)
            end = RUN_FAILED;
    }
    eval_free(&l.eval);
    return end == RUN_FINISHED ? finish(t, folder, e) : end;
}
