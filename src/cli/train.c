/* train.c - the subcommand `train`: a model from a recipe, or from a text of one's own.
 *
 * Owns the progress line and the signals that stop a run. What is trained, and where it is kept, is src/train's. */
#include "base/file.h"
#include "base/text.h"
#include "cli/cli.h"
#include "cli/waiting.h"
#include "cli/watch.h"
#include "model/nearest.h"
#include "train/run.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static const OptionId taken[] = {OPTION_TEXT, OPTION_CHARACTERS, OPTION_WORDS, OPTION_OUTPUT, OPTION_WATCH, OPTION_END};

static const OptionNote notes[] = {{OPTION_TEXT, "FILE", N_("a text to learn from, instead of a recipe")},
                                   {OPTION_OUTPUT, "DIR", N_("the folder that the model is made in")},
                                   {OPTION_END, NULL, NULL}};

static const CommandSpec spec = {
    .name = "train",
    .operands = "[RECIPE]",
    .what = N_("Makes a model from a recipe, or with --text a small one that goes on in the\n"
               "manner of a text of one's own. A recipe is a file, or the name or folder of a\n"
               "model that has one. The folder of -o is new, or that of an unfinished run:\n"
               "an interrupted run goes on to the same numbers when it is started again.\n"
               "The same recipe gives the same weights with any number of threads."),
    .example = "stepformer train induction -o my-induction\n"
               "stepformer train recipe.json -o model",
    .options = taken,
    .notes = notes,
};

/* ---- stopping ---- */

static volatile sig_atomic_t stop_signal;

static void on_signal(int number)
{
    stop_signal = number;
}

/* The first signal ends the run after the step it is in; the second one ends the program at once. */
static void catch_signals(void)
{
    struct sigaction a, before;
    memset(&a, 0, sizeof a);
    a.sa_handler = on_signal;
    a.sa_flags = (int)SA_RESETHAND;
    sigemptyset(&a.sa_mask);
    sigaction(SIGINT, &a, NULL);
    sigaction(SIGTERM, &a, NULL);
    if (sigaction(SIGHUP, NULL, &before) == 0 && before.sa_handler != SIG_IGN) /* nohup: the run outlasts its terminal */
        sigaction(SIGHUP, &a, NULL);
}

/* ---- progress ---- */

typedef struct Progress {
    Watcher *watcher; /* NULL: no terminal is watched */
    bool terminal;   /* one line that is written over; else a line for every score */
    bool shown;      /* the cursor stands behind that line */
    double last;     /* when it was shown */
    bool scored;
    double score;
    TaskScore kind;
} Progress;

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static const char *score_name(const Progress *g)
{
    return g->kind == TASK_SCORE_PERPLEXITY ? _("perplexity") : _("score");
}

static void add_line(const Progress *g, const RunProgress *p, Buffer *out)
{
    char loss[RUN_LOSS_TEXT], left[RUN_LEFT_TEXT];
    buffer_printf(out, _("step %zu of %zu"), p->step, p->steps);
    buffer_printf(out, "  %s %s", _("loss"), run_loss_text(p->loss, loss));
    if (g->scored)
        buffer_printf(out, g->score < 1e4 ? "  %s %.4f" : "  %s %.3g", score_name(g), g->score);
    buffer_printf(out, _("  %.0f tokens/s"), p->tokens_per_second);
    buffer_printf(out, _("  %s left"), run_left_text(p->seconds_left, left));
}

static void show(Progress *g, const RunProgress *p)
{
    Buffer line = {0};
    add_line(g, p, &line);
    if (g->terminal) {
        size_t n = text_fit(buffer_text(&line), waiting_terminal_columns(STDERR_FILENO) - 1, NULL);
        fprintf(stderr, "\r%.*s\033[K", (int)n, buffer_text(&line));
        g->shown = true;
    } else
        fprintf(stderr, "%s\n", buffer_text(&line));
    fflush(stderr);
    buffer_free(&line);
    g->last = now();
}

/* Leaves the line that is written over. */
static void end_line(Progress *g)
{
    if (g->shown)
        fputc('\n', stderr);
    g->shown = false;
}

static bool after_step(void *context, Trainer *t, const RunProgress *p)
{
    const double between = 0.2, between_lines = 30; /* seconds */
    Progress *g = context;
    if (p->eval) {
        g->scored = true;
        g->score = p->eval->score;
        g->kind = p->eval->kind;
    }
    if (g->watcher)
        return watcher_step(g->watcher, t, p) && !stop_signal;
    if (p->broke) /* said when the run has ended */
        return false;
    bool due = now() - g->last >= (g->terminal ? between : between_lines);
    if (due || p->eval || p->step == p->steps)
        show(g, p);
    return !stop_signal;
}

/* ---- the subcommand ---- */

/* The recipe in a file, or that of a model: of a name or a folder. */
static int open_recipe(Recipe *r, const char *name, Error *e)
{
    char *path = model_find(name), hint[NEAREST_HINT], quoted[QUOTE_SHORT];
    bool like_a_file = strchr(name, '/') || strstr(name, ".json");
    int status;
    if (path && file_is_folder(path))
        status = run_recipe(r, path, e);
    else if (path || like_a_file)
        status = recipe_open(r, name, e);
    else
        status = error_set(e, "train: expected a recipe, or the name or folder of a model that has one, found %s%s",
                           quote_short(name, strlen(name), quoted), models_nearest(name, hint));
    free(path);
    return status;
}

/* The recipe that was given: a file, a model's, or what --text implies. */
static int read_recipe(Recipe *r, const char **file, const Options *o, Error *e)
{
    const char *text = o->value[OPTION_TEXT];
    bool words = o->value[OPTION_WORDS] != NULL, characters = o->value[OPTION_CHARACTERS] != NULL;
    if (o->operand_count > 1)
        return error_set(e, "train: expected one recipe, found %d", o->operand_count);
    if (!o->operand_count == !text)
        return error_set(e, "train: expected a recipe or --text, found %s; 'stepformer train --help' shows both", text ? _("both") : _("neither"));
    if (!text && (words || characters))
        return error_set(e, "train: --%s: expected --text with it, found a recipe", words ? "words" : "characters");
    if (words && characters)
        return error_set(e, "train: expected one of --characters and --words, found both");
    if (!o->value[OPTION_OUTPUT])
        return error_set(e, "train: --output: expected the folder of the model, found none; give -o DIR");
    *file = text ? text : o->operands[0];
    return text ? recipe_for_text(r, text, words ? SPLIT_WORDS : SPLIT_CHARACTERS, e) : open_recipe(r, *file, e);
}

static int finish(RunEnd end, const Trainer *t, const Progress *g, const char *folder, const Error *e)
{
    char loss[RUN_LOSS_TEXT];
    run_loss_text(trainer_mean_loss(t, 50), loss);
    switch (end) {
    case RUN_FINISHED:
        if (g->scored)
            cli_say(_("%s: finished; loss %s, %s %.4g"), folder, loss, score_name(g), g->score);
        else
            cli_say(_("%s: finished; loss %s"), folder, loss);
        cli_say(_("look at it: stepformer -m %s%s"), strchr(folder, '/') ? "" : "./", folder);
        return CLI_DONE;
    case RUN_STOPPED:
        cli_say(_("%s: stopped after step %zu; the same command goes on from there"), folder, trainer_steps(t));
        if (stop_signal)
            raise(stop_signal); /* the handler is gone: whoever waits for this program learns what ended it */
        return CLI_FAILED;
    case RUN_DIVERGED:
        cli_say("%s: %s", folder, e->text);
        return CLI_FAILED;
    case RUN_FAILED:
        break;
    }
    return cli_wrong(e);
}

static int run(Trainer *t, const char *folder, const Options *o)
{
    bool watch = o->value[OPTION_WATCH] != NULL;
    Watcher watcher = {0};
    Progress g = {.terminal = waiting_can_rewrite(), .last = now()};
    Error e = {{0}};
    if (!watch) /* before there is a checkpoint to stop after */
        catch_signals();
    if (run_open(t, folder, &e) != 0)
        return cli_wrong(&e);
    if (trainer_steps(t) > 0)
        cli_say(_("%s: going on after step %zu"), folder, trainer_steps(t));
    if (watch && !isatty(STDOUT_FILENO))
        cli_say("%s", _("--watch: standard output is no terminal; going on without"));
    else if (watch && watcher_open(&watcher, t, options_color(o), &e) != 0)
        cli_say("%s", e.text);
    else if (watch)
        g.watcher = &watcher;
    if (watch && !g.watcher) /* else the terminal's own way with signals holds */
        catch_signals();
    RunEnd end = run_train(t, folder, after_step, &g, &e);
    if (g.watcher) {
        int number = watcher_close(&watcher);
        stop_signal = number ? number : stop_signal;
    }
    end_line(&g);
    return finish(end, t, &g, folder, &e);
}

int cli_train(int argc, char **argv)
{
    Options o;
    Recipe r = {0};
    Error e = {{0}};
    const char *file = NULL;
    int status;
    if (!options_read(&o, &spec, argc, argv, &status))
        return status;
    Trainer *t = read_recipe(&r, &file, &o, &e) == 0 ? trainer_create(&r, file, &e) : NULL;
    status = t ? run(t, o.value[OPTION_OUTPUT], &o) : cli_wrong(&e);
    trainer_free(t);
    recipe_free(&r);
    options_free(&o);
    return status;
}
