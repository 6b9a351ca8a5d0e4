/* watch.c - `train --watch`: the terminal while a model is trained. */
#include "cli/watch.h"

#include "cli/screen.h"
#include "term/term.h"

#include <time.h>

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

int watcher_open(Watcher *w, const Trainer *t, bool color, Error *e)
{
    *w = (Watcher){0};
    Theme theme = color ? THEME_DARK : THEME_MONO;
    if (watch_open(&w->watch, t, theme, color, e) != 0)
        return -1;
    if (term_open(theme, color, e) != 0) {
        watch_close(&w->watch);
        return -1;
    }
    w->open = true;
    return 0;
}

int watcher_close(Watcher *w)
{
    int number = w->open ? term_end_signal() : 0;
    if (w->open)
        term_close();
    watch_close(&w->watch);
    canvas_free(&w->canvas);
    *w = (Watcher){0};
    return number;
}

static bool draw(Watcher *w, const Trainer *t, const RunProgress *p)
{
    int cols, rows;
    term_size(&cols, &rows);
    if (cols != w->canvas.cols || rows != w->canvas.rows) {
        canvas_free(&w->canvas);
        if (canvas_init(&w->canvas, cols, rows, screen_is_ascii(), NULL) != 0)
            return false;
    }
    watch_draw(&w->watch, &w->canvas, t, p);
    term_draw(&w->canvas);
    w->last = now();
    return true;
}

/* The whole debugger on the model as it is now; q comes back. */
static void step_through(Watcher *w)
{
    App *app = w->watch.app;
    app->view = VIEW_STEP;
    app->all_heads = false;
    app->show = SHOW_NUMBERS;
    screen_run(app, NULL);
    app->quit = term_end_signal() != 0;
    app->all_heads = true;
    app->show = SHOW_HEAT;
    app_forward(app);
    w->watch.paused = true;
}

/* True where the run should go on. */
static bool take(Watcher *w, const Event *event, Trainer *t, const RunProgress *p)
{
    Watch *x = &w->watch;
    if (event->type == EVENT_END)
        return false;
    if (event->type != EVENT_KEY)
        return true;
    CommandId id = command_of_key(event->key);
    if (id == CMD_QUIT)
        return false;
    x->note = (Error){{0}};
    if (event->key == ' ')
        x->paused = p->broke || !x->paused;
    else if (event->key == '<' || event->key == '>')
        watch_change_rate(x, t, event->key == '>' ? 2 : 0.5);
    else if (id == CMD_OPEN || id == CMD_INTO)
        step_through(w);
    else if (id == CMD_NEXT_LAYER || id == CMD_PREVIOUS_LAYER || id == CMD_NEXT_HEAD || id == CMD_PREVIOUS_HEAD || id == CMD_ALL_HEADS || id == CMD_SHOW ||
             id == CMD_UP || id == CMD_DOWN || id == CMD_LEFT || id == CMD_RIGHT || id == CMD_MORE_DIGITS || id == CMD_FEWER_DIGITS)
        app_event(x->app, event);
    else if (id == CMD_REDRAW)
        term_redraw();
    return !x->app->quit;
}

bool watcher_step(Watcher *w, Trainer *t, const RunProgress *p)
{
    const double between = 0.05; /* seconds between two frames */
    Watch *x = &w->watch;
    if (p->eval) {
        x->scored = true;
        x->score = p->eval->score;
        x->kind = p->eval->kind;
    }
    bool last = p->step == p->steps || p->broke;
    if (!last && now() - w->last < between)
        return true;
    if (watch_refresh(x, t, NULL) != 0 || !draw(w, t, p))
        return true;
    Event event = term_read(0);
    if (last)
        x->paused = true; /* the end can be looked at */
    do {
        if (event.type != EVENT_NONE && !take(w, &event, t, p))
            return false;
        if (event.type != EVENT_NONE || x->paused)
            draw(w, t, p);
        event = x->paused ? term_read(-1) : term_read(0);
    } while (x->paused || event.type != EVENT_NONE);
    return true;
}
