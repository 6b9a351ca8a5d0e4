/* step.c - the debugger; without a terminal, the same walk as plain text. */
#include "base/file.h"
#include "base/text.h"
#include "cli/cli.h"
#include "cli/record.h"
#include "cli/resume.h"
#include "cli/screen.h"
#include "pass/ablation.h"
#include "term/term.h"
#include "train/run.h"
#include "view/quiz.h"
#include "view/session.h"

#include <langinfo.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { BURST_MAX = 64 }; /* keys that are taken before the screen is drawn again, when they come faster than that */
static const double unseen = 0.03; /* seconds of work between events after which it is drawn how far that is */
enum { TYPED_MAX = 1024 }; /* events that are kept for later while something is computed */

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
    if (screen_is_ascii())
        cli_speak_ascii();
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
    app->take.picture = screen_picture;
    if (o->value[OPTION_TOKENIZER])
        app->take.tokenizer = strdup(o->value[OPTION_TOKENIZER]);
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
    if (o->value[OPTION_PREDICT])
        quiz_set_predict(app, true, true);
    return app;
}

/* ---- a session ---- */

/* What says itself what the model is and what it is fed cannot stand beside options that say so, too. */
static int refuse_beside(const Options *o, OptionId id, Error *e)
{
    static const OptionId others[] = {OPTION_MODEL,      OPTION_TOKENIZER, OPTION_TEXT, OPTION_TARGET, OPTION_IDS,
                                      OPTION_TARGET_IDS, OPTION_ABLATE,    OPTION_EDIT, OPTION_EDITS};
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        if (o->value[others[i]])
            return error_set(e, "--%s: expected no --%s beside it, found one; %s says which model it is and what it is fed",
                             option_table[id].name, option_table[others[i]].name, o->value[id]);
    return 0;
}

App *screen_open(Options *o, Theme theme, bool color, bool must_be_there, Error *e)
{
    const char *path = o->value[OPTION_SESSION];
    if (!path || (!must_be_there && !file_exists(path))) {
        App *app = screen_app(o, theme, color, e);
        if (app && path)
            app->take.session = strdup(path);
        return app;
    }
    App *app = refuse_beside(o, OPTION_SESSION, e) == 0 ? session_open(path, theme, color, o->value[OPTION_THEME] != NULL, e) : NULL;
    if (app)
        app->take.picture = screen_picture;
    return app;
}

/* ---- without a terminal ---- */

static int walk_session(Options *o)
{
    Error e = {{0}};
    App *app = screen_open(o, THEME_MONO, false, true, &e);
    Output out = output_open(o);
    if (app && app->hunt.bug && !app->hunt.out)
        cli_say(_("%s: a bug hunt: there is a mistake in this network"), o->value[OPTION_SESSION]);
    if (app)
        walk_text(app->pass, 3, output_columns(&out), screen_is_ascii(), output_emit, &out);
    bool good = app != NULL;
    app_free(app);
    return good && output_close(&out, &e) == 0 ? CLI_DONE : cli_wrong(&e);
}

static int walk(Options *o)
{
    Error e = {{0}};
    Work w;
    Theme theme;
    if (o->value[OPTION_PREDICT]) {
        error_set(
            &e, "%s",
            _("--predict: expected a terminal to ask in, found none; leave it out, or see one screen with 'stepformer frame --predict'"));
        return cli_wrong(&e);
    }
    if (o->value[OPTION_SESSION] && file_exists(o->value[OPTION_SESSION]))
        return walk_session(o);
    if (screen_is_ascii())
        cli_speak_ascii();
    if (screen_theme(o, false, &theme, &e) != 0)
        return cli_wrong(&e);
    if (work_open(&w, o, &e) != 0)
        return cli_wrong(&e);
    Pass *p = work_pass(&w, &e);
    Output out = output_open(o);
    if (p) {
        work_warn(&w, p);
        walk_text(p, 3, output_columns(&out), screen_is_ascii(), output_emit, &out);
        pass_free(p);
    }
    work_free(&w);
    return p && output_close(&out, &e) == 0 ? CLI_DONE : cli_wrong(&e);
}

/* ---- in a terminal ---- */

static double seconds(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* What was typed while something was computed: taken when that is done, in order. */
static struct {
    Event events[TYPED_MAX];
    size_t at, count;
} typed;

static bool touched, broken_off; /* something was done; the last event was an EVENT_END: nobody asked to leave */

static Event heard(Event event)
{
    broken_off = event.type == EVENT_END;
    return event;
}

static Event next_event(int timeout_ms)
{
    if (typed.at < typed.count)
        return typed.events[typed.at++];
    typed.at = typed.count = 0;
    return heard(term_read(timeout_ms));
}

/* Takes what the user did, and whatever else has already arrived, before the next frame; until something is done, works on what waits. */
static void take_events(App *app)
{
    double began = seconds();
    for (int taken = 0; taken < BURST_MAX && !app->quit;) { /* what is read is taken: none may be lost */
        bool look = app_can_look_ahead(app);
        Event event = next_event(taken || look || app_is_working(app) ? 0 : -1);
        if (event.type == EVENT_NONE && !taken && look) {
            app_look_ahead(app);
            continue;
        }
        if (event.type == EVENT_NONE) {
            if (taken || !app_work(app) || seconds() - began > unseen)
                return;
            continue;
        }
        taken++;
        if (event.type == EVENT_KEY && command_of_key(event.key) == CMD_REDRAW)
            term_redraw();
        if (event.pasted && app->prompt.kind == PROMPT_NONE) { /* a page of commands that nobody meant */
            app_say(app, ROLE_WARNING, "%s", _("pasted text belongs into a line: t, : or / opens one"));
            continue;
        }
        touched = touched || event.type == EVENT_KEY || event.type == EVENT_MOUSE;
        size_t questions = app->take.questions;
        app_event(app, &event);
        if (app->take.questions == questions) /* whether a file is there is no part of a recording */
            record_event(&event);
    }
}

/* Gives the canvas the terminal's size. */
static int fit_canvas(Canvas *c, Error *e)
{
    int cols, rows;
    term_size(&cols, &rows);
    if (cols == c->cols && rows == c->rows)
        return 0;
    canvas_free(c);
    return canvas_init(c, cols, rows, screen_is_ascii(), e);
}

/* The screen while something long is computed: drawn ten times a second. Esc and Ctrl-C stop it, and forget what was typed before them;
 * other keys are kept for when it is done. */
static Canvas *pumped;

static bool pump(App *app)
{
    static double last;
    double now = seconds();
    if (now - last < 0.1 || !pumped)
        return true;
    last = now;
    if (fit_canvas(pumped, NULL) != 0)
        return false;
    app_draw(app, pumped);
    term_draw(pumped);
    for (;;) {
        Event event = heard(term_read(0));
        if (event.type == EVENT_NONE)
            return true;
        if (event.type == EVENT_END)
            app->quit = true;
        if (event.type == EVENT_END || (event.type == EVENT_KEY && (event.key == K_ESC || event.key == (K_CTRL | 'c')))) {
            typed.at = typed.count = 0;
            return false;
        }
        if (typed.count < TYPED_MAX)
            typed.events[typed.count++] = event;
    }
}

int screen_run(App *app, Error *e)
{
    Canvas canvas = {0};
    pumped = &canvas;
    typed.at = typed.count = 0;
    app->pump = pump;
    Theme theme = app->theme;
    int status = 0;
    while (!app->quit && status == 0) {
        if ((status = fit_canvas(&canvas, e)) != 0)
            break;
        if (app->theme != theme) {
            theme = app->theme;
            term_set_theme(theme, app->color && theme != THEME_MONO);
        }
        const char *trouble = record_trouble();
        if (trouble)
            app_say(app, ROLE_ERROR, "%s", trouble);
        app_draw(app, &canvas);
        term_draw(&canvas);
        take_events(app);
    }
    canvas_free(&canvas);
    pumped = NULL;
    app->pump = NULL;
    return status;
}

/* What step opens. */
static App *begin(Options *o, Theme theme, bool color, Error *e)
{
    App *app = NULL;
    if (!o->value[OPTION_RESUME])
        app = screen_open(o, theme, color, false, e);
    else if (refuse_beside(o, OPTION_RESUME, e) == 0)
        app = resume_open(theme, color, o->value[OPTION_THEME] != NULL, e);
    if (app && !o->value[OPTION_RESUME])
        resume_remind(app);
    else if (app)
        app->take.picture = screen_picture;
    return app;
}

int screen_check_record(const Options *o, bool terminal, Error *e)
{
    if (!o->value[OPTION_RECORD] || terminal)
        return 0;
    return error_set(e, "--record: expected a terminal, found standard output that is none; try without the redirection");
}

int screen_debug(Options *o, App *(*make)(Options *o, Theme theme, bool color, Error *e), int (*without)(Options *o))
{
    Error e = {{0}};
    Theme theme;
    bool color = options_color(o);
    App *app = NULL;
    int status = screen_theme(o, color, &theme, &e);
    if (status == 0)
        app = make(o, theme, color, &e);
    if (!app)
        return cli_wrong(&e);
    if (o->value[OPTION_RECORD] && record_open(o->value[OPTION_RECORD], &e) != 0) {
        app_free(app);
        return cli_wrong(&e);
    }
    theme = app->theme;
    quiz_keep_answers(app);
    status = term_open(theme, color && theme != THEME_MONO, &e);
    if (status != 0) { /* a terminal that cannot move its cursor */
        app_free(app);
        if (o->value[OPTION_RECORD]) {
            record_close(NULL);
            return cli_wrong(&e);
        }
        cli_say("%s", e.text);
        return without(o);
    }
    int cols, rows, number = 0;
    term_size(&cols, &rows);
    if (cols < APP_MIN_COLS || rows < APP_MIN_ROWS)
        status = error_set(&e, "terminal: expected at least %dx%d, found %dx%d; enlarge it, or try 'stepformer step | less -S'",
                           APP_MIN_COLS, APP_MIN_ROWS, cols, rows);
    else if ((status = record_begin(app, cols, rows, &e)) == 0)
        status = screen_run(app, &e);
    number = term_end_signal();
    bool kept = broken_off && touched && resume_keep(app); /* while signals are still caught: a shell that ends sends another one */
    term_close();
    if (record_close(status == 0 ? &e : NULL) != 0)
        status = -1;
    if (kept)
        cli_say("%s", _("broken off; 'stepformer --resume' goes on from here"));
    else if (o->value[OPTION_RESUME] && !broken_off)
        resume_forget();
    app_free(app);
    if (number)
        raise(number);
    return status == 0 ? CLI_DONE : cli_wrong(&e);
}

static const OptionId step_options[] = {OPTION_MODEL,      OPTION_TOKENIZER,   OPTION_TEXT,   OPTION_TARGET, OPTION_IDS,
                                        OPTION_TARGET_IDS, OPTION_ABLATE,      OPTION_EDIT,   OPTION_EDITS,  OPTION_PREDICT,
                                        OPTION_THEME,      OPTION_SESSION,     OPTION_RESUME, OPTION_RECORD, OPTION_PLAY,
                                        OPTION_DELAY,      OPTION_AS_RECORDED, OPTION_OUTPUT, OPTION_END};

static const CommandSpec step_spec = {
    .name = "step",
    .what = N_("The debugger: runs the model on a text and pauses after every stage. Without a\n"
               "terminal (in a pipe, or with -o) it prints the same walk as plain text."),
    .example = "stepformer -t \"我爱你\"\nstepformer step -m hand-wired -a no-positions\nstepformer step | less -S",
    .options = step_options,
};

/* Options that mean nothing without each other, or with. */
static int check_options(const Options *o, bool terminal, Error *e)
{
    if (!o->value[OPTION_PLAY] && (o->value[OPTION_DELAY] || o->value[OPTION_AS_RECORDED]))
        return error_set(e, "--%s: expected --play FILE beside it, found none", o->value[OPTION_DELAY] ? "delay" : "as-recorded");
    if (o->value[OPTION_PLAY] && (o->value[OPTION_RECORD] || o->value[OPTION_SESSION]))
        return error_set(e, "--play: expected no --%s beside it, found one", o->value[OPTION_RECORD] ? "record" : "session");
    if (o->value[OPTION_RESUME] && (o->value[OPTION_PLAY] || o->value[OPTION_SESSION]))
        return error_set(e, "--resume: expected no --%s beside it, found one", o->value[OPTION_PLAY] ? "play" : "session");
    if (o->value[OPTION_RESUME] && !terminal)
        return error_set(e, "--resume: expected a terminal, found standard output that is none; try without the redirection");
    if (o->value[OPTION_PLAY])
        return refuse_beside(o, OPTION_PLAY, e);
    return screen_check_record(o, terminal, e);
}

int cli_step(int argc, char **argv)
{
    Options o;
    int status;
    if (!options_read(&o, &step_spec, argc, argv, &status))
        return status;
    Error e = {{0}};
    bool terminal = isatty(STDOUT_FILENO) && !o.value[OPTION_OUTPUT];
    if (check_options(&o, terminal, &e) != 0)
        status = cli_wrong(&e);
    else if (o.value[OPTION_PLAY])
        status = cli_play(&o);
    else
        status = terminal ? screen_debug(&o, begin, walk) : walk(&o);
    options_free(&o);
    return status;
}
