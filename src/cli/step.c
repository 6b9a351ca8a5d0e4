/* step.c - the debugger; without a terminal, the same walk as plain text. */
#include "base/text.h"
#include "cli/cli.h"
#include "cli/screen.h"
#include "pass/ablation.h"
#include "term/term.h"
#include "train/run.h"
#include "view/app.h"

#include <langinfo.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { BURST_MAX = 64 }; /* keys that are taken before the screen is drawn again, when they come faster than that */

bool screen_is_ascii(void)
{
    return strcmp(nl_langinfo(CODESET), "UTF-8") != 0;
}

int screen_theme(const Options *o, bool color, Theme *theme, Error *e)
{
    *theme = color ? THEME_DARK : THEME_MONO;
    const char *name = o->value[OPTION_THEME];
    if (!name)
        return 0;
    int found = theme_find(name);
    if (found < 0)
        return error_set(e, "--theme: expected dark, light, high-contrast or monochrome, found '%s'", name);
    *theme = (Theme)found;
    return 0;
}

App *screen_app(Options *o, Theme theme, bool color, Error *e)
{
    Ablations a;
    InputText given;
    if (cli_read_ablations(o, &a, e) != 0 || options_input(o, &given, e) != 0)
        return NULL;
    Model *m = cli_open_model(o, e);
    if (!m)
        return NULL;
    App *app = app_create(m, given, a | run_trained_without(m->path), theme, color, e);
    if (!app) {
        model_free(m);
        return NULL;
    }
    Edits edits = {0};
    int status = cli_read_edits(o, &edits, e) == 0 ? app_set_edits(app, &edits, e) : -1;
    edits_free(&edits);
    if (status != 0) {
        app_free(app);
        return NULL;
    }
    Ablations idle = ablations_without_effect(a, &m->config);
    Buffer names = {0};
    ablations_write(idle, &names);
    if (idle)
        app_say(app, ROLE_WARNING, _("%s: on, but it changed nothing in the output"), buffer_text(&names));
    buffer_free(&names);
    return app;
}

/* ---- without a terminal ---- */

static int walk(Options *o)
{
    Error e = {{0}};
    Work w;
    Theme theme;
    if (screen_theme(o, false, &theme, &e) != 0)
        return cli_wrong(&e);
    if (work_open(&w, o, &e) != 0)
        return cli_wrong(&e);
    Pass *p = work_pass(&w, &e);
    Output out = output_open(o);
    if (p) {
        work_warn(&w, p);
        walk_text(p, 3, screen_is_ascii(), output_emit, &out);
        pass_free(p);
    }
    work_free(&w);
    return p && output_close(&out, &e) == 0 ? CLI_DONE : cli_wrong(&e);
}

/* ---- in a terminal ---- */

/* Takes what the user did, and whatever else has already arrived, before the next frame. */
static void take_events(App *app)
{
    for (int i = 0; i < BURST_MAX && !app->quit; i++) { /* what is read is taken: none may be lost */
        Event event = term_read(i ? 0 : -1);
        if (event.type == EVENT_NONE)
            return;
        if (event.type == EVENT_KEY && command_of_key(event.key) == CMD_REDRAW)
            term_redraw();
        app_event(app, &event);
    }
}

int screen_run(App *app, Error *e)
{
    Canvas canvas = {0};
    Theme theme = app->theme;
    int status = 0;
    while (!app->quit && status == 0) {
        int cols, rows;
        term_size(&cols, &rows);
        if (cols != canvas.cols || rows != canvas.rows) {
            canvas_free(&canvas);
            status = canvas_init(&canvas, cols, rows, screen_is_ascii(), e);
            if (status != 0)
                break;
        }
        if (app->theme != theme) {
            theme = app->theme;
            term_set_theme(theme, app->color && theme != THEME_MONO);
        }
        app_draw(app, &canvas);
        term_draw(&canvas);
        take_events(app);
    }
    canvas_free(&canvas);
    return status;
}

static int debug(Options *o)
{
    Error e = {{0}};
    Theme theme;
    bool color = options_color(o);
    App *app = NULL;
    int status = screen_theme(o, color, &theme, &e);
    if (status == 0)
        app = screen_app(o, theme, color, &e);
    if (!app)
        return cli_wrong(&e);
    status = term_open(theme, color && theme != THEME_MONO, &e);
    if (status != 0) { /* a terminal that cannot move its cursor */
        cli_say("%s", e.text);
        app_free(app);
        return walk(o);
    }
    int cols, rows, number = 0;
    term_size(&cols, &rows);
    if (cols < APP_MIN_COLS || rows < APP_MIN_ROWS)
        status = error_set(&e, "terminal: expected at least %dx%d, found %dx%d; enlarge it, or try `stepformer step | less -S`", APP_MIN_COLS,
                           APP_MIN_ROWS, cols, rows);
    else
        status = screen_run(app, &e);
    number = term_end_signal();
    term_close();
    app_free(app);
    if (number)
        raise(number);
    return status == 0 ? CLI_DONE : cli_wrong(&e);
}

static const OptionId step_options[] = {OPTION_MODEL, OPTION_TOKENIZER, OPTION_TEXT, OPTION_TARGET, OPTION_IDS, OPTION_TARGET_IDS,
                                        OPTION_ABLATE, OPTION_EDIT, OPTION_EDITS, OPTION_THEME, OPTION_OUTPUT, OPTION_END};

static const CommandSpec step_spec = {
    .name = "step",
    .what = N_("The debugger: runs the model on a text and pauses after every stage. Without a\n"
               "terminal (in a pipe, or with -o) it prints the same walk as plain text."),
    .example = "stepformer -t \"我爱你\"\nstepformer step -m hand-wired -a no-positions\nstepformer step | less -S",
    .options = step_options,
};

int cli_step(int argc, char **argv)
{
    Options o;
    int status;
    if (!options_read(&o, &step_spec, argc, argv, &status))
        return status;
    bool terminal = isatty(STDOUT_FILENO) && !o.value[OPTION_OUTPUT];
    status = terminal ? debug(&o) : walk(&o);
    options_free(&o);
    return status;
}
