/* curses.c - the terminal: its strings, drawing on it, listening to it.
 *
 * Owns what the database says of the terminal, the copy of what is shown (paint.c), and the bytes read and not yet
 * understood (keys.c). The only file that includes curses, and of curses only the terminal database: paint.c says why.
 * The device and the signals are tty.c's. */
#include "term/term.h"

#include "term/keys.h"
#include "term/paint.h"
#include "term/tty.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

/* The declarations of the database alone, without the macros (move, clear, …). */
#define NCURSES_NOMACROS
#define NCURSES_WIDECHAR 0
#include <curses.h>
#include <term.h>

/* How long the rest of a sequence is awaited. Behind an Esc alone, which is a key itself: a moment, unless $ESCDELAY says otherwise. Behind
 * more, which is no key: long, since a slow line may have broken it anywhere. And how far apart the clicks of a double one may be. */
enum { ESC_DELAY_MS = 25, ESC_DELAY_MOST_MS = 500, REST_DELAY_MS = 1000, DOUBLE_CLICK_MS = 400, SIZE_LIMIT = 1000, ESC = 0x1b };
/* The rest of a sequence may come so late behind its Esc, which was taken for the key by then; what may be one waits so long for more. */
enum { LATE_MS = 1000, LATE_DELAY_MS = 100 };

/* For terminals that have a mouse: they also say where pasted text begins and ends. */
static const char mouse_on[] = "\033[?1000h\033[?1006h\033[?2004h", mouse_off[] = "\033[?2004l\033[?1006l\033[?1000l";

static struct {
    bool open, gone; /* gone: the device is */
    int cols, rows, end_signal;
    Paint paint;
    Buffer frame;
    const char *cup; /* moves the cursor, where that is not the standard sequence */
    KeyTable keys;
    char bytes[4096]; /* read and not yet understood */
    size_t len;
    int64_t came_ms; /* when the last of them were read */
    int esc_delay;
    int64_t esc_ms; /* when the last bytes were an Esc alone, and taken for the key; else 0 */
    bool pasting;   /* between the beginning and the end of pasted text */
    bool joined;    /* the Esc in front of the bytes is that one, in case they are the rest of its sequence */
    Event last_click;
    int64_t last_click_ms;
    TermTap tap;
    Buffer enter, leave; /* what takes the terminal, and what gives it back: for the tap */
} term = {.cols = 80, .rows = 24};

/* ---- the database ---- */

/* The string without its delays ("$<5/>"), which were for the speed of real terminals. */
static void strip_delays(char *out, size_t size, const char *text)
{
    size_t n = 0;
    while (*text && n + 1 < size) {
        const char *end = text[0] == '$' && text[1] == '<' ? strchr(text, '>') : NULL;
        if (end)
            text = end + 1;
        else
            out[n++] = *text++;
    }
    out[n] = '\0';
    if (*text)
        out[0] = '\0'; /* too long: as if the terminal could not */
}

static const char *database(const char *name)
{
    const char *text = tigetstr(name);
    return text && text != (const char *)-1 ? text : NULL;
}

static void look_up(PaintText out, const char *name)
{
    const char *text = database(name);
    strip_delays(out, PAINT_TEXT + 1, text ? text : "");
}

static void color_text(PaintText out, const char *name, int color)
{
    const char *text = database(name);
    const char *filled = text && color >= 0 ? tparm(text, (long)color, 0L, 0L, 0L, 0L, 0L, 0L, 0L, 0L) : NULL;
    strip_delays(out, PAINT_TEXT + 1, filled ? filled : "");
}

static void move_database(Buffer *out, int row, int col)
{
    char text[64];
    const char *filled = tparm(term.cup, (long)row, (long)col, 0L, 0L, 0L, 0L, 0L, 0L, 0L);
    strip_delays(text, sizeof text, filled ? filled : "");
    buffer_puts(out, text);
}

/* Finds the terminal's entry: $TERM's, or xterm-256color's where $TERM is unknown. */
static int find_terminal(Error *e)
{
    const char *name = getenv("TERM");
    int status = 0;
    if (!name || !*name || setupterm(name, tty_out(), &status) == ERR) {
        if (name && status == 1)
            return error_set(e, "TERM=%s: expected a terminal that can move its cursor, found a printer; try TERM=xterm-256color", name);
        if (setupterm("xterm-256color", tty_out(), &status) == ERR)
            return error_set(e,
                             "TERM=%s: expected an entry of the terminal database, found neither it nor xterm-256color; "
                             "try installing the terminfo entries (ncurses-base)",
                             name ? name : "");
        return 0;
    }
    if (!database("cup") || !database("clear")) {
        error_set(e, "TERM=%s: expected a terminal that can move its cursor, found one that cannot; try TERM=xterm-256color", name);
        del_curterm(cur_term);
        return -1;
    }
    return 0;
}

static void read_database(void)
{
    Paint *p = &term.paint;
    static const char *const attrs[ATTR_COUNT] = {"bold", "dim", "smul", "rev"};
    for (int i = 0; i < ATTR_COUNT; i++)
        if (tigetnum("xmc") < 0) /* an attribute that takes a column is none for us */
            look_up(p->attrs[i], attrs[i]);
    const char *plain = database("sgr0");
    if (plain && !strncmp(plain, "\033(B\033[m", 6)) /* line drawing is never switched on */
        plain += 3;
    strip_delays(p->plain, sizeof p->plain, plain ? plain : "");
    look_up(p->own_colors, "op");
    if (tigetflag("AX") > 0) { /* knows the numbers 39 and 49 of ECMA-48 */
        strcpy(p->own_fg, "\033[39m");
        strcpy(p->own_bg, "\033[49m");
    }
    look_up(p->clear, "clear");
    look_up(p->clear_line, "el");
    look_up(p->hide, "civis");
    look_up(p->show, "cnorm");
    p->scrolls = tigetflag("am") > 0 && tigetflag("xenl") <= 0;
    p->unsafe_moves = tigetflag("msgr") <= 0;
    char cup[64];
    term.cup = database("cup");
    strip_delays(cup, sizeof cup, term.cup);
    const char *cuf = database("cuf");
    p->steps = cuf && !strcmp(cuf, "\033[%p1%dC");
    p->move = strcmp(cup, "\033[%i%p1%d;%p2%dH") ? move_database : paint_move_ansi;

    static const struct {
        const char *name;
        int32_t key;
    } keys[] = {{"kcuu1", K_UP}, {"kcud1", K_DOWN}, {"kcub1", K_LEFT},   {"kcuf1", K_RIGHT},  {"khome", K_HOME},   {"kend", K_END},
                {"kpp", K_PGUP}, {"knp", K_PGDN},   {"kdch1", K_DELETE}, {"kich1", K_INSERT}, {"kcbt", K_BACKTAB}, {"kent", K_ENTER},
                {"kf1", K_F1},   {"kf2", K_F2},     {"kf3", K_F3},       {"kf4", K_F4},       {"kf5", K_F5},       {"kf6", K_F6},
                {"kf7", K_F7},   {"kf8", K_F8},     {"kf9", K_F9},       {"kf10", K_F10},     {"kf11", K_F11},     {"kf12", K_F12}};
    term.keys.count = 0;
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
        keys_add(&term.keys, database(keys[i].name), keys[i].key);
}

/* What taking and giving back the terminal sends. */
static void prepare_texts(void)
{
    const char *const enter[] = {database("smcup"), database("smkx"), database("kmous") ? mouse_on : NULL};
    const char *rmcup = database("rmcup");
    const char *const leave[] = {
        database("kmous") ? mouse_off : NULL, database("sgr0"), database("op"), database("rmkx"), database("cnorm"), rmcup};
    Buffer on = {0}, off = {0};
    char text[64];
    for (size_t i = 0; i < sizeof enter / sizeof *enter; i++) {
        strip_delays(text, sizeof text, enter[i] ? enter[i] : "");
        buffer_puts(&on, text);
    }
    if (!rmcup) { /* no screen to go back to: the prompt belongs below ours */
        term.paint.move(&off, term.rows - 1, 0);
        buffer_puts(&off, term.paint.plain);
        buffer_puts(&off, term.paint.clear_line);
    }
    for (size_t i = 0; i < sizeof leave / sizeof *leave; i++) {
        strip_delays(text, sizeof text, leave[i] ? leave[i] : "");
        buffer_puts(&off, text);
    }
    tty_set_texts(buffer_text(&on), on.len, buffer_text(&off), off.len);
    buffer_free(&term.enter);
    buffer_free(&term.leave);
    term.enter = on;
    term.leave = off;
}

void term_set_theme(Theme theme, bool color)
{
    if (!term.open)
        return;
    Paint *p = &term.paint;
    int colors = color && database("setaf") && database("setab") ? tigetnum("colors") : 0;
    int apart = colors >= 8 ? tigetnum("ncv") : 0; /* attributes that do not go together with colours: terminfo's bits */
    static const int ncv_bits[ATTR_COUNT] = {32, 16, 2, 4};
    for (int role = 0; role < ROLE_COUNT; role++) {
        const Style *s = theme_style(colors >= 8 ? theme : THEME_MONO, (Role)role);
        Pen pen = {.fg = -1, .bg = -1};
        pen.attrs = (uint8_t)((s->bold ? ATTR_BOLD : 0) | (s->dim ? ATTR_DIM : 0) | (s->underline ? ATTR_UNDERLINE : 0) |
                              (s->reverse ? ATTR_REVERSE : 0));
        if (colors >= 8) {
            if (s->fg >= 0)
                pen.fg = colors >= 256 ? s->fg256 : s->fg8;
            if (s->bg >= 0)
                pen.bg = colors >= 256 ? s->bg256 : s->bg8;
        }
        for (int i = 0; i < ATTR_COUNT; i++)
            if (!p->attrs[i][0] || (apart > 0 && apart & ncv_bits[i] && (pen.fg >= 0 || pen.bg >= 0)))
                pen.attrs &= (uint8_t) ~(1 << i);
        color_text(pen.fg_text, "setaf", pen.fg);
        color_text(pen.bg_text, "setab", pen.bg);
        p->pens[role] = pen;
    }
    paint_forget(p);
}

/* ---- opening and closing ---- */

static void tell(const Buffer *bytes)
{
    if (term.tap && bytes->len)
        term.tap(bytes->data, bytes->len);
}

static void read_size(void)
{
    tty_size(&term.cols, &term.rows, SIZE_LIMIT);
    term.paint.cols = term.cols;
    term.paint.rows = term.rows;
}

/* As programs with curses take it: milliseconds. */
static int esc_delay(void)
{
    const char *text = getenv("ESCDELAY");
    char *end;
    long ms = text ? strtol(text, &end, 10) : -1;
    return ms >= 0 && end != text && !*end && ms <= REST_DELAY_MS ? (int)ms : ESC_DELAY_MS;
}

int term_open(Theme theme, bool color, Error *e)
{
    if (term.open)
        return error_set(e, "terminal: expected to be opened once, found it open; try closing it first");
    if (tty_open(e) < 0)
        return -1;
    if (find_terminal(e) < 0) {
        tty_close();
        return -1;
    }
    term.open = true;
    term.gone = false;
    term.len = 0;
    term.esc_delay = esc_delay();
    term.esc_ms = 0;
    term.joined = term.pasting = false;
    term.end_signal = 0;
    term.last_click = (Event){0};
    read_size();
    read_database();
    prepare_texts();
    term_set_theme(theme, color);
    static bool registered;
    if (!registered)
        registered = !atexit(term_close);
    tty_take();
    tell(&term.enter);
    return 0;
}

void term_close(void)
{
    if (!term.open)
        return;
    term.open = false;
    term.end_signal = tty_end_signal();
    tell(&term.leave);
    tty_close();
    del_curterm(cur_term);
    paint_free(&term.paint);
    buffer_free(&term.frame);
    buffer_free(&term.enter);
    buffer_free(&term.leave);
}

int term_end_signal(void)
{
    return term.open ? tty_end_signal() : term.end_signal;
}

void term_size(int *cols, int *rows)
{
    *cols = term.cols;
    *rows = term.rows;
}

void term_redraw(void)
{
    paint_forget(&term.paint);
}

void term_draw(const Canvas *c)
{
    if (!term.open || term.gone)
        return;
    buffer_clear(&term.frame);
    paint_canvas(&term.paint, c, &term.frame);
    if (term.frame.failed)
        paint_forget(&term.paint);
    if (term.frame.len) {
        term.gone = tty_write(term.frame.data, term.frame.len) < 0;
        tell(&term.frame);
    }
}

void term_send(const char *bytes, size_t n)
{
    if (!term.open || term.gone)
        return;
    paint_forget(&term.paint);
    term.gone = tty_write(bytes, n) < 0;
    if (term.tap)
        term.tap(bytes, n);
}

void term_set_tap(TermTap tap)
{
    term.tap = tap;
}

/* ---- listening ---- */

static int64_t now_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* Adds bytes to those not yet understood. A line that is slow at the wrong moment brings Esc, and "[A" when the Esc was taken for the key:
 * its Esc is put in front of such bytes again. */
static void add_bytes(size_t n)
{
    int64_t now = now_ms();
    bool first = term.len == 0;
    if (now - term.came_ms > REST_DELAY_MS) /* its end was lost */
        term.pasting = false;
    term.len += n;
    term.came_ms = now;
    if (first && term.esc_ms && now - term.esc_ms <= LATE_MS && (term.bytes[0] == '[' || term.bytes[0] == 'O')) {
        memmove(term.bytes + 1, term.bytes, term.len++);
        term.bytes[0] = ESC;
        term.joined = true;
    }
    term.esc_ms = 0;
}

/* Whether what has been joined is a sequence: then a lone Esc waits longer from now on. Else its Esc goes. False: more has to come. */
static bool settle_joined(bool final)
{
    Event e;
    size_t used = keys_decode(&term.keys, term.bytes, term.len, false, &e);
    if (!used && !final)
        return false;
    term.joined = false;
    if (used > 1 && e.type != EVENT_NONE)
        term.esc_delay = ESC_DELAY_MOST_MS;
    else
        memmove(term.bytes, term.bytes + 1, --term.len);
    return true;
}

/* Takes note of where pasted text begins and ends; what is between is no command. */
static void mark_pasted(Event *e)
{
    if (e->type != EVENT_KEY)
        return;
    if (e->key == K_PASTE_BEGIN || e->key == K_PASTE_END) {
        term.pasting = e->key == K_PASTE_BEGIN;
        e->type = EVENT_NONE;
    }
    e->pasted = term.pasting;
    if (term.pasting && (e->key == K_ENTER || e->key == K_TAB))
        e->key = ' ';
}

/* The next event among the bytes taken; EVENT_NONE when there is none yet. `final`: no more came in time. */
static Event decode(bool final)
{
    Event e = {.type = EVENT_NONE};
    size_t at = 0;
    if (term.joined && !settle_joined(final))
        return e;
    if (final && term.len == 1 && term.bytes[0] == ESC)
        term.esc_ms = now_ms();
    while (at < term.len && e.type == EVENT_NONE) {
        size_t used = keys_decode(&term.keys, term.bytes + at, term.len - at, final, &e);
        if (!used)
            break;
        at += used;
        mark_pasted(&e);
    }
    memmove(term.bytes, term.bytes + at, term.len - at);
    term.len -= at;
    if (e.type == EVENT_MOUSE && e.action == MOUSE_CLICK) {
        int64_t now = now_ms();
        bool again = term.last_click.type == EVENT_MOUSE && term.last_click.row == e.row && term.last_click.col == e.col &&
                     now - term.last_click_ms <= DOUBLE_CLICK_MS;
        term.last_click = e;
        term.last_click_ms = now;
        if (again) {
            e.action = MOUSE_DOUBLE;
            term.last_click.type = EVENT_NONE; /* a third click is a first one again */
        }
    }
    return e;
}

/* Milliseconds until what is incomplete is read as it is. */
static int64_t rest_left(void)
{
    bool lone = term.len == 1 && term.bytes[0] == ESC;
    int delay = term.joined ? LATE_DELAY_MS : lone ? term.esc_delay : REST_DELAY_MS;
    int64_t left = term.came_ms + delay - now_ms();
    return left > 0 ? left : 0;
}

Event term_read(int timeout_ms)
{
    const Event end = {.type = EVENT_END};
    if (!term.open)
        return end;
    int64_t until = timeout_ms > 0 ? now_ms() + timeout_ms : 0;
    bool final = false;
    for (;;) {
        if (term.gone || tty_end_signal())
            return end;
        if (tty_take_resized()) {
            read_size();
            prepare_texts();
            paint_forget(&term.paint);
            return (Event){.type = EVENT_RESIZE, .row = term.rows, .col = term.cols};
        }
        Event e = decode(final);
        if (e.type != EVENT_NONE)
            return e;
        int64_t left = timeout_ms;
        if (timeout_ms > 0) {
            left = until - now_ms();
            left = left > 0 ? left : 0;
        }
        int64_t wait = left;
        if (term.len > 0 && (left < 0 || rest_left() < left))
            wait = rest_left();
        int came = tty_read(term.bytes + term.len, sizeof term.bytes - 1 - term.len, (int)wait); /* room for an Esc that is joined */
        if (came > 0)
            add_bytes((size_t)came);
        term.gone = came < 0;
        final = !came && term.len > 0 && rest_left() == 0;
        if (!came && !final && left == 0)
            return e;
    }
}
