/* play.c - `step --play`: a recording again.
 *
 * One that this program made has the session it began with: its keys are pressed again in the debugger, at the size that the terminal has
 * now, and at any moment the viewer may take over. Any other, or with --as-recorded, is shown byte by byte as it was. */
#include "cli/cli.h"
#include "cli/record.h"
#include "cli/screen.h"

#include "base/file.h"
#include "base/text.h"
#include "term/cast.h"
#include "term/keys.h"
#include "term/term.h"
#include "view/session.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { PAUSE_MAX_MS = 2000, SPEEDS = 7, SPEED_ONE = 2 };

/* One thing that happens: a key or a click, or in a recording of bytes a frame. */
typedef struct Beat {
    int64_t us;
    Event event;
    size_t frame; /* which of the cast's events */
    bool fits;    /* a click: at the size that it was recorded at */
    int cols, rows;
} Beat;

typedef struct Player {
    const Cast *cast;
    const char *path;
    Beat *beats;
    size_t count, at; /* how many there are; how many have happened */
    bool paused, over, take_over;
    int speed;       /* index of speeds */
    double delay_ms; /* negative: as it was recorded */
    int64_t due;     /* when the next one happens, in ms of now_ms */
    size_t left_out; /* clicks at another size */
} Player;

static const double speeds[SPEEDS] = {0.25, 0.5, 1, 2, 4, 8, 16};

static int64_t now_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* ---- what happens ---- */

static int add_beat(Player *p, Beat b, size_t *room, Error *e)
{
    if (p->count == *room) {
        size_t more = *room ? *room * 2 : 256;
        Beat *beats = realloc(p->beats, more * sizeof *beats);
        if (!beats)
            return error_memory(e, p->path);
        p->beats = beats;
        *room = more;
    }
    p->beats[p->count++] = b;
    return 0;
}

/* The keys and clicks of one event. Two clicks on one place in one event are a double one. */
static int add_keys(Player *p, const CastEvent *c, int cols, int rows, size_t *room, Error *e)
{
    KeyTable none = {0};
    for (size_t at = 0; at < c->len;) {
        Beat b = {.us = c->us, .cols = cols, .rows = rows};
        at += keys_decode(&none, c->data + at, c->len - at, true, &b.event);
        if (b.event.type == EVENT_NONE)
            continue;
        Beat *last = p->count && p->beats[p->count - 1].us == c->us ? &p->beats[p->count - 1] : NULL;
        if (last && b.event.type == EVENT_MOUSE && b.event.action == MOUSE_CLICK && last->event.type == EVENT_MOUSE &&
            last->event.action == MOUSE_CLICK && last->event.row == b.event.row && last->event.col == b.event.col)
            last->event.action = MOUSE_DOUBLE;
        else if (add_beat(p, b, room, e) != 0)
            return -1;
    }
    return 0;
}

static int collect(Player *p, bool keys, Error *e)
{
    size_t room = 0;
    int cols = p->cast->cols, rows = p->cast->rows, status = 0;
    for (size_t i = 0; i < p->cast->count && status == 0; i++) {
        const CastEvent *c = &p->cast->events[i];
        if (c->kind == 'r') {
            cols = c->cols;
            rows = c->rows;
        } else if (keys && c->kind == 'i')
            status = add_keys(p, c, cols, rows, &room, e);
        else if (!keys && c->kind == 'o')
            status = add_beat(p, (Beat){.us = c->us, .frame = i}, &room, e);
    }
    return status;
}

/* ---- time ---- */

/* Milliseconds from what happened last to what happens next. */
static double wait_of(const Player *p)
{
    if (p->at == p->count)
        return 0;
    if (p->delay_ms >= 0)
        return p->delay_ms;
    double ms = (double)(p->beats[p->at].us - (p->at ? p->beats[p->at - 1].us : 0)) / 1000;
    return (ms < PAUSE_MAX_MS ? ms : PAUSE_MAX_MS) / speeds[p->speed];
}

static void schedule(Player *p)
{
    p->due = now_ms() + (int64_t)(wait_of(p) + 0.5);
}

static int timeout_of(const Player *p)
{
    int64_t left = p->due - now_ms();
    return p->paused || p->at == p->count ? -1 : left > 0 ? (int)left : 0;
}

/* What the viewer's key asks for: how many steps on or back. */
static int viewer_key(Player *p, int32_t key)
{
    switch (key) {
    case ' ':
        p->paused = !p->paused;
        schedule(p);
        return 0;
    case 'n':
    case K_RIGHT:
        p->paused = true;
        return 1;
    case 'b':
    case K_LEFT:
        p->paused = true;
        return -1;
    case '+':
    case '=':
    case '-':
        p->speed += key == '-' ? -1 : 1;
        p->speed = p->speed < 0 ? 0 : p->speed >= SPEEDS ? SPEEDS - 1 : p->speed;
        schedule(p);
        return 0;
    case K_ENTER:
        p->take_over = p->over = true;
        return 0;
    case 'q':
    case K_ESC:
    case K_CTRL | 'c':
        p->over = true;
        return 0;
    default:
        return 0;
    }
}

/* ---- keys pressed again ---- */

/* The bar, where the debugger's own would offer keys that do nothing now. What it says itself stays. */
static void draw_bar(const Player *p, const App *app, Canvas *c)
{
    int row = c->rows - 1;
    char text[160];
    if (app->prompt.kind != PROMPT_NONE || app->message[0])
        return;
    canvas_fill(c, row, 0, c->cols, 1, ROLE_TITLE, " ");
    const char *state = p->at == p->count ? _("the end") : p->paused ? _("paused") : _("playing");
    int n = snprintf(text, sizeof text, _("%s, %zu of %zu"), state, p->at, p->count);
    if (p->delay_ms < 0 && n > 0 && n < (int)sizeof text)
        snprintf(text + n, sizeof text - (size_t)n, ", ×%g", speeds[p->speed]);
    int col = 1 + canvas_put(c, row, 1, c->cols - 1, ROLE_BADGE, text) + 2;
    if (p->left_out)
        col += canvas_printf(c, row, col, c->cols - col, ROLE_WARNING, _("%zu clicks left out"), p->left_out) + 2;
    canvas_put_cut(c, row, col, c->cols - col, ROLE_TITLE,
                   p->at == p->count ? _("b back  Enter take over  q quit")
                                     : _("Space pause  n/b step  +- speed  Enter take over  q quit"));
}

static void press(Player *p, App *app, const Canvas *c)
{
    const Beat *b = &p->beats[p->at++];
    if (b->event.type == EVENT_MOUSE && (b->cols != c->cols || b->rows != c->rows))
        p->left_out++;
    else
        app_event(app, &b->event);
    app->quit = false; /* the recording's end is not the viewer's */
}

static App *start_app(const Player *p, const Session *s, Theme theme, bool color, Error *e)
{
    App *app = session_app(s, p->path, theme, color, e);
    if (app)
        app->take.replayed = true;
    return app;
}

/* Begins again and presses all keys but the last. */
static App *step_back(Player *p, App *app, const Session *s, Canvas *c, Error *e)
{
    size_t to = p->at ? p->at - 1 : 0;
    App *again = start_app(p, s, app->theme, app->color, e);
    if (!again)
        return NULL;
    app_free(app);
    p->left_out = 0;
    for (p->at = 0; p->at < to;) {
        app_draw(again, c); /* what is drawn decides how far a page is */
        press(p, again, c);
    }
    return again;
}

static int play_keys(Player *p, App **app, const Session *s, Error *e)
{
    Canvas c = {0};
    Theme theme = (*app)->theme;
    int status = 0;
    schedule(p);
    while (!p->over && status == 0) {
        int cols, rows, steps = 0;
        term_size(&cols, &rows);
        if (cols != c.cols || rows != c.rows) {
            canvas_free(&c);
            if ((status = canvas_init(&c, cols, rows, screen_is_ascii(), e)) != 0)
                break;
        }
        if ((*app)->theme != theme) {
            theme = (*app)->theme;
            term_set_theme(theme, (*app)->color && theme != THEME_MONO);
        }
        app_draw(*app, &c);
        draw_bar(p, *app, &c);
        term_draw(&c);
        Event event = term_read(timeout_of(p));
        if (event.type == EVENT_KEY)
            steps = viewer_key(p, event.key);
        else if (event.type == EVENT_END)
            p->over = true;
        else if (event.type == EVENT_NONE && !p->paused && p->at < p->count && now_ms() >= p->due)
            steps = 1;
        if (steps > 0 && p->at < p->count) {
            press(p, *app, &c);
            schedule(p);
        } else if (steps < 0) {
            App *again = step_back(p, *app, s, &c, e);
            if (again)
                *app = again;
            else
                status = -1;
        }
    }
    canvas_free(&c);
    return status;
}

/* ---- bytes shown again ---- */

/* Clears the screen; frames after the first build on the one before. */
static void show_from_start(const Player *p, size_t to)
{
    static const char clear[] = "\033[0m\033[2J\033[H";
    term_send(clear, sizeof clear - 1);
    for (size_t i = 0; i < to; i++)
        term_send(p->cast->events[p->beats[i].frame].data, p->cast->events[p->beats[i].frame].len);
}

/* Says that the recording is larger than the terminal, and waits for a key. */
static void warn_of_size(Player *p)
{
    int cols, rows;
    char text[512];
    term_size(&cols, &rows);
    if (cols >= p->cast->cols && rows >= p->cast->rows)
        return;
    snprintf(text, sizeof text,
             _("%.300s: recorded at %dx%d, this terminal is %dx%d: enlarge it first. Any key plays it, q leaves."), p->path,
             p->cast->cols, p->cast->rows, cols, rows);
    term_send("\033[2J\033[H", 7);
    term_send(text, strlen(text));
    for (;;) {
        Event event = term_read(-1);
        if (event.type == EVENT_RESIZE)
            continue;
        p->over =
            event.type == EVENT_END || (event.type == EVENT_KEY && (event.key == 'q' || event.key == K_ESC || event.key == (K_CTRL | 'c')));
        return;
    }
}

static void play_bytes(Player *p)
{
    warn_of_size(p);
    if (!p->over)
        show_from_start(p, 0);
    schedule(p);
    while (!p->over) {
        Event event = p->at == p->count && !p->paused ? (Event){.type = EVENT_END} : term_read(timeout_of(p));
        int steps = 0;
        if (event.type == EVENT_KEY && event.key != K_ENTER)
            steps = viewer_key(p, event.key);
        else if (event.type == EVENT_END)
            p->over = true;
        else if (event.type == EVENT_NONE && !p->paused && now_ms() >= p->due)
            steps = 1;
        if (steps > 0 && p->at < p->count) {
            const CastEvent *frame = &p->cast->events[p->beats[p->at++].frame];
            term_send(frame->data, frame->len);
            schedule(p);
        } else if (steps < 0 && p->at > 0) {
            p->at--;
            show_from_start(p, p->at);
        }
    }
}

/* ---- the option ---- */

static int write_bytes(const Cast *cast, const Options *o, Error *e)
{
    Output out = output_open(o);
    for (size_t i = 0; i < cast->count; i++)
        if (cast->events[i].kind == 'o' && !output_emit(&out, cast->events[i].data, cast->events[i].len))
            break;
    return output_close(&out, e);
}

/* Takes the terminal and plays; afterwards the terminal is given back. */
static int play_in_terminal(Player *p, const Options *o, bool keys, int *signal_number, Error *e)
{
    Session s = {0};
    App *app = NULL;
    Theme theme;
    bool color = options_color(o);
    int status = screen_theme(o, color, &theme, e);
    if (status == 0 && keys) {
        status = session_read(&s, p->cast->session, strlen(p->cast->session), p->path, e);
        if (status == 0 && color && !o->value[OPTION_THEME])
            theme = s.theme;
        if (status == 0 && !(app = start_app(p, &s, theme, color, e)))
            status = -1;
        if (status != 0) {
            Error why = *e;
            error_set(e, "%.900s; --as-recorded shows it without the model", why.text);
        }
    }
    if (status == 0)
        status = term_open(theme, color && theme != THEME_MONO, e);
    if (status == 0) {
        if (keys)
            status = play_keys(p, &app, &s, e);
        else
            play_bytes(p);
        if (status == 0 && keys && p->take_over) {
            app->take.replayed = false;
            app->message[0] = '\0';
            status = screen_run(app, e);
        }
        *signal_number = term_end_signal();
        term_close();
    }
    app_free(app);
    session_free(&s);
    return status;
}

int cli_play(Options *o)
{
    const char *path = o->value[OPTION_PLAY];
    Error e = {{0}};
    File f;
    Cast cast;
    double delay = 0;
    int number = 0;
    if (options_number(o, OPTION_DELAY, 0, 3600, -1, &delay, &e) != 0 || file_open(&f, path, &e) != 0)
        return cli_wrong(&e);
    int status = cast_read(&cast, (const char *)f.data, f.size, path, &e);
    file_close(&f);
    if (status != 0)
        return cli_wrong(&e);
    Player p = {.cast = &cast, .path = path, .speed = SPEED_ONE, .delay_ms = delay < 0 ? -1 : delay * 1000};
    bool terminal = isatty(STDOUT_FILENO) && !o->value[OPTION_OUTPUT], keys = cast.session && !o->value[OPTION_AS_RECORDED];
    status = terminal ? collect(&p, keys, &e) : write_bytes(&cast, o, &e);
    if (status == 0 && terminal)
        status = play_in_terminal(&p, o, keys, &number, &e);
    free(p.beats);
    cast_free(&cast);
    if (number)
        raise(number);
    return status == 0 ? CLI_DONE : cli_wrong(&e);
}
