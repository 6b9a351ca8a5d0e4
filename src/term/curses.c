/* curses.c - the terminal: taking it, giving it back, drawing on it, listening to it.
 *
 * Owns the terminal's modes, the program's signals while the terminal is taken, and the copy of what is shown (paint.c).
 * The only file that includes curses, and of curses only the terminal database: paint.c says why. Knows no view.
 *
 * Signal handlers here call only write, tcsetattr and the like: what they write was prepared before. They wake
 * term_read through a pipe, so that no signal is lost between a look at the flags and the wait. */
#include "term/term.h"

#include "term/keys.h"
#include "term/paint.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

/* The declarations of the database alone, without the macros (move, clear, …). */
#define NCURSES_NOMACROS
#define NCURSES_WIDECHAR 0
#include <curses.h>
#include <term.h>

/* How long an Esc waits for the rest of a sequence, and how far apart the clicks of a double one may be. */
enum { ESC_DELAY_MS = 25, DOUBLE_CLICK_MS = 400, SIZE_LIMIT = 1000, SIGNALS_TO_DIE = 3 };

static const char mouse_on[] = "\033[?1000h\033[?1006h", mouse_off[] = "\033[?1006l\033[?1000l";

static struct {
    bool open;
    int in, out, wake[2]; /* wake: the pipe of the signal handlers */
    struct termios saved, raw;
    Paint paint;
    Buffer frame;
    KeyTable keys;
    int cols, rows;
    char bytes[4096]; /* read and not yet understood */
    size_t len;
    bool input_ended;
    Event last_click;
    int64_t last_click_ms;
    const char *cup; /* moves the cursor, where that is not the standard sequence */
} term = {.in = -1, .out = -1, .wake = {-1, -1}, .cols = 80, .rows = 24};

/* What signal handlers read and write. */
static volatile sig_atomic_t taken, resized, end_signal, end_count;
static char enter_text[256], leave_text[256];
static size_t enter_len, leave_len;

static const int end_signals[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT}, crash_signals[] = {SIGSEGV, SIGABRT, SIGBUS, SIGFPE, SIGILL};
enum { ENDS = sizeof end_signals / sizeof *end_signals, CRASHES = sizeof crash_signals / sizeof *crash_signals };
static struct sigaction old_end[ENDS], old_crash[CRASHES], old_stop, old_continue, old_size;

/* ---- in signal handlers too ---- */

static void set_modes(const struct termios *modes)
{
    while (tcsetattr(term.out, TCSANOW, modes) < 0 && errno == EINTR)
        ;
}

static void send_raw(const char *text, size_t n)
{
    while (n) {
        ssize_t sent = write(term.out, text, n);
        if (sent < 0 && errno == EINTR)
            continue;
        if (sent <= 0)
            return;
        text += sent;
        n -= (size_t)sent;
    }
}

static void take_terminal(void)
{
    set_modes(&term.raw);
    send_raw(enter_text, enter_len);
    taken = 1;
}

static void give_back(void)
{
    if (!taken)
        return;
    taken = 0;
    send_raw(leave_text, leave_len);
    set_modes(&term.saved);
}

static void wake_up(void)
{
    if (write(term.wake[1], "", 1) < 0)
        return; /* full: awake already */
}

static void die_of(int sig)
{
    struct sigaction action = {.sa_handler = SIG_DFL};
    sigaction(sig, &action, NULL);
    raise(sig);
}

static void on_end(int sig)
{
    int saved = errno;
    end_signal = sig;
    if (++end_count >= SIGNALS_TO_DIE) { /* the program does not listen */
        give_back();
        die_of(sig);
    }
    wake_up();
    errno = saved;
}

static void on_size(int sig)
{
    (void)sig;
    int saved = errno;
    resized = 1;
    wake_up();
    errno = saved;
}

static void on_continue(int sig)
{
    int saved = errno;
    take_terminal();
    on_size(sig);
    errno = saved;
}

static void on_stop(int sig)
{
    int saved = errno;
    give_back();
    struct sigaction action = {.sa_handler = SIG_DFL}, ours;
    sigset_t set, old;
    sigemptyset(&set);
    sigaddset(&set, sig);
    sigaction(sig, &action, &ours);
    raise(sig);
    pthread_sigmask(SIG_UNBLOCK, &set, &old); /* stops here; SIGCONT takes the terminal again */
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    sigaction(sig, &ours, NULL);
    if (!taken) /* nobody could stop us */
        on_continue(sig);
    errno = saved;
}

static void on_crash(int sig, siginfo_t *info, void *context)
{
    (void)context;
    give_back();
    for (int i = 0; i < CRASHES; i++)
        if (crash_signals[i] == sig)
            sigaction(sig, &old_crash[i], NULL);
    if (info->si_code <= 0 || sig == SIGABRT) /* sent by someone; a fault happens again when we return */
        raise(sig);
}

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
    if (!name || !*name || setupterm(name, term.out, &status) == ERR) {
        if (name && status == 1)
            return error_set(e, "TERM=%s: expected a terminal that can move its cursor, found a printer; try TERM=xterm-256color", name);
        if (setupterm("xterm-256color", term.out, &status) == ERR)
            return error_set(e, "TERM=%s: expected an entry of the terminal database, found neither it nor xterm-256color; "
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
    } keys[] = {{"kcuu1", K_UP},     {"kcud1", K_DOWN},   {"kcub1", K_LEFT},   {"kcuf1", K_RIGHT}, {"khome", K_HOME}, {"kend", K_END},
                {"kpp", K_PGUP},     {"knp", K_PGDN},     {"kdch1", K_DELETE}, {"kich1", K_INSERT}, {"kcbt", K_BACKTAB}, {"kent", K_ENTER},
                {"kf1", K_F1},       {"kf2", K_F2},       {"kf3", K_F3},       {"kf4", K_F4},       {"kf5", K_F5},       {"kf6", K_F6},
                {"kf7", K_F7},       {"kf8", K_F8},       {"kf9", K_F9},       {"kf10", K_F10},     {"kf11", K_F11},     {"kf12", K_F12}};
    term.keys.count = 0;
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
        keys_add(&term.keys, database(keys[i].name), keys[i].key);
}

/* What taking and giving back the terminal sends. */
static void prepare_texts(void)
{
    const char *const enter[] = {database("smcup"), database("smkx"), database("kmous") ? mouse_on : NULL};
    const char *rmcup = database("rmcup");
    const char *const leave[] = {database("kmous") ? mouse_off : NULL, database("sgr0"), database("op"), database("rmkx"), database("cnorm"), rmcup};
    Buffer b = {0};
    char text[64];
    for (size_t i = 0; i < sizeof enter / sizeof *enter; i++) {
        strip_delays(text, sizeof text, enter[i] ? enter[i] : "");
        buffer_puts(&b, text);
    }
    enter_len = b.len < sizeof enter_text ? b.len : 0;
    memcpy(enter_text, buffer_text(&b), enter_len);
    buffer_clear(&b);
    if (!rmcup) { /* no screen to go back to: the prompt belongs below ours */
        term.paint.move(&b, term.rows - 1, 0);
        buffer_puts(&b, term.paint.plain);
        buffer_puts(&b, term.paint.clear_line);
    }
    for (size_t i = 0; i < sizeof leave / sizeof *leave; i++) {
        strip_delays(text, sizeof text, leave[i] ? leave[i] : "");
        buffer_puts(&b, text);
    }
    leave_len = b.len < sizeof leave_text ? b.len : 0;
    memcpy(leave_text, buffer_text(&b), leave_len);
    buffer_free(&b);
}

void term_set_theme(Theme theme, bool color)
{
    Paint *p = &term.paint;
    int colors = term.open && color && database("setaf") && database("setab") ? tigetnum("colors") : 0;
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
                pen.attrs &= (uint8_t)~(1 << i);
        color_text(pen.fg_text, "setaf", pen.fg);
        color_text(pen.bg_text, "setab", pen.bg);
        p->pens[role] = pen;
    }
    paint_forget(p);
}

/* ---- taking the terminal ---- */

static int number_of(const char *variable, int otherwise)
{
    const char *text = getenv(variable);
    long n = text ? strtol(text, NULL, 10) : 0;
    return n > 0 && n <= SIZE_LIMIT ? (int)n : otherwise;
}

static void read_size(void)
{
    struct winsize size = {0};
    if (ioctl(term.out, TIOCGWINSZ, &size) < 0 || !size.ws_col || !size.ws_row) {
        size.ws_col = (unsigned short)number_of("COLUMNS", 80);
        size.ws_row = (unsigned short)number_of("LINES", 24);
    }
    term.cols = term.paint.cols = size.ws_col < SIZE_LIMIT ? size.ws_col : SIZE_LIMIT;
    term.rows = term.paint.rows = size.ws_row < SIZE_LIMIT ? size.ws_row : SIZE_LIMIT;
}

static void catch_signals(void)
{
    struct sigaction action = {.sa_handler = on_end};
    sigfillset(&action.sa_mask); /* one handler at a time */
    for (int i = 0; i < CRASHES; i++)
        sigdelset(&action.sa_mask, crash_signals[i]);
    for (int i = 0; i < ENDS; i++) {
        sigaction(end_signals[i], NULL, &old_end[i]);
        if (old_end[i].sa_handler != SIG_IGN) /* nohup stays nohup */
            sigaction(end_signals[i], &action, NULL);
    }
    action.sa_flags = SA_RESTART;
    action.sa_handler = on_size;
    sigaction(SIGWINCH, &action, &old_size);
    sigdelset(&action.sa_mask, SIGCONT);
    sigdelset(&action.sa_mask, SIGTTOU);
    action.sa_handler = on_continue;
    sigaction(SIGCONT, &action, &old_continue);
    sigaction(SIGTSTP, NULL, &old_stop);
    action.sa_handler = on_stop;
    if (old_stop.sa_handler != SIG_IGN)
        sigaction(SIGTSTP, &action, NULL);

    /* A crash may be a stack that overflowed. */
    static char crash_stack[65536];
    stack_t stack = {.ss_sp = crash_stack, .ss_size = sizeof crash_stack}, old;
    if (sigaltstack(NULL, &old) == 0 && old.ss_flags & SS_DISABLE)
        sigaltstack(&stack, NULL);
    struct sigaction crash = {.sa_sigaction = on_crash, .sa_flags = SA_SIGINFO | SA_ONSTACK | SA_NODEFER};
    sigemptyset(&crash.sa_mask);
    for (int i = 0; i < CRASHES; i++)
        sigaction(crash_signals[i], &crash, &old_crash[i]);
}

static void release_signals(void)
{
    for (int i = 0; i < ENDS; i++)
        sigaction(end_signals[i], &old_end[i], NULL);
    for (int i = 0; i < CRASHES; i++)
        sigaction(crash_signals[i], &old_crash[i], NULL);
    sigaction(SIGWINCH, &old_size, NULL);
    sigaction(SIGCONT, &old_continue, NULL);
    sigaction(SIGTSTP, &old_stop, NULL);
}

static int open_files(Error *e)
{
    if (!isatty(STDOUT_FILENO))
        return error_set(e, "standard output: expected a terminal, found a file or a pipe; try without the redirection");
    term.out = STDOUT_FILENO;
    term.in = isatty(STDIN_FILENO) ? STDIN_FILENO : open("/dev/tty", O_RDONLY | O_NOCTTY | O_CLOEXEC);
    if (term.in < 0)
        return error_set(e, "standard input: expected a terminal, found a file or a pipe, and no /dev/tty; try without the redirection");
    if (tcgetattr(term.out, &term.saved) < 0)
        return error_set(e, "terminal: its modes cannot be read: %s; try another terminal", strerror(errno));
    if (pipe(term.wake) < 0)
        return error_set(e, "terminal: expected two more open files, found none: %s; try `ulimit -n`", strerror(errno));
    for (int i = 0; i < 2; i++) {
        fcntl(term.wake[i], F_SETFL, O_NONBLOCK);
        fcntl(term.wake[i], F_SETFD, FD_CLOEXEC);
    }
    return 0;
}

static void close_files(void)
{
    if (term.in > STDERR_FILENO)
        close(term.in);
    for (int i = 0; i < 2; i++)
        if (term.wake[i] >= 0)
            close(term.wake[i]);
    term.in = term.out = term.wake[0] = term.wake[1] = -1;
}

int term_open(Theme theme, bool color, Error *e)
{
    if (term.open)
        return error_set(e, "terminal: expected to be opened once, found it open; try closing it first");
    if (open_files(e) < 0 || find_terminal(e) < 0) {
        close_files();
        return -1;
    }
    term.raw = term.saved;
    term.raw.c_iflag &= ~(tcflag_t)(BRKINT | ICRNL | INLCR | IGNCR | INPCK | ISTRIP | IXON);
    term.raw.c_oflag &= ~(tcflag_t)OPOST;
    term.raw.c_cflag |= CS8;
    term.raw.c_lflag &= ~(tcflag_t)(ECHO | ECHONL | ICANON | IEXTEN);
    term.raw.c_lflag |= ISIG; /* for Ctrl-Z; Ctrl-C and Ctrl-\ are keys */
    term.raw.c_cc[VINTR] = term.raw.c_cc[VQUIT] = _POSIX_VDISABLE;
    term.raw.c_cc[VMIN] = 1;
    term.raw.c_cc[VTIME] = 0;
    term.open = true;
    term.len = 0;
    term.input_ended = false;
    term.last_click = (Event){0};
    resized = end_signal = end_count = 0;
    read_size();
    read_database();
    prepare_texts();
    term_set_theme(theme, color);
    static bool registered;
    if (!registered)
        registered = !atexit(term_close);
    catch_signals();
    take_terminal();
    return 0;
}

void term_close(void)
{
    if (!term.open)
        return;
    term.open = false;
    release_signals();
    give_back();
    del_curterm(cur_term);
    close_files();
    paint_free(&term.paint);
    buffer_free(&term.frame);
}

int term_end_signal(void)
{
    return end_signal;
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

/* ---- drawing ---- */

void term_draw(const Canvas *c)
{
    if (!term.open || term.input_ended)
        return;
    buffer_clear(&term.frame);
    paint_canvas(&term.paint, c, &term.frame);
    if (term.frame.failed)
        paint_forget(&term.paint);
    if (!term.frame.len)
        return;
    /* A stop in the middle of a frame would leave half a sequence on the shell's screen. */
    sigset_t set, old;
    sigemptyset(&set);
    sigaddset(&set, SIGTSTP);
    pthread_sigmask(SIG_BLOCK, &set, &old);
    const char *text = term.frame.data;
    for (size_t n = term.frame.len; n && !end_signal;) {
        ssize_t sent = write(term.out, text, n);
        if (sent > 0) {
            text += sent;
            n -= (size_t)sent;
        } else if (sent < 0 && errno == EAGAIN) {
            poll(&(struct pollfd){.fd = term.out, .events = POLLOUT}, 1, 1000);
        } else if (sent == 0 || errno != EINTR) {
            term.input_ended = true; /* the terminal is gone */
            break;
        }
    }
    pthread_sigmask(SIG_SETMASK, &old, NULL);
}

/* ---- listening ---- */

static int64_t now_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* Waits for bytes or a signal, and takes the bytes; true when bytes came. timeout_ms < 0: for ever. */
static bool take_input(int timeout_ms)
{
    struct pollfd files[2] = {{.fd = term.in, .events = POLLIN}, {.fd = term.wake[0], .events = POLLIN}};
    if (poll(files, 2, timeout_ms) <= 0)
        return false;
    if (files[1].revents) {
        char drain[64];
        while (read(term.wake[0], drain, sizeof drain) > 0)
            ;
        return false;
    }
    ssize_t n = read(term.in, term.bytes + term.len, sizeof term.bytes - term.len);
    if (n == 0 || (n < 0 && errno != EINTR && errno != EAGAIN))
        term.input_ended = true;
    if (n <= 0)
        return false;
    term.len += (size_t)n;
    return true;
}

/* The next event among the bytes taken; EVENT_NONE when there is none yet. */
static Event decode(bool final)
{
    Event e = {.type = EVENT_NONE};
    size_t at = 0;
    while (at < term.len && e.type == EVENT_NONE) {
        size_t used = keys_decode(&term.keys, term.bytes + at, term.len - at, final, &e);
        if (!used)
            break;
        at += used;
    }
    memmove(term.bytes, term.bytes + at, term.len - at);
    term.len -= at;
    if (e.type == EVENT_MOUSE && e.action == MOUSE_CLICK) {
        int64_t now = now_ms();
        bool again = term.last_click.type == EVENT_MOUSE && term.last_click.row == e.row && term.last_click.col == e.col &&
                     now - term.last_click_ms <= DOUBLE_CLICK_MS;
        term.last_click = again ? (Event){0} : e; /* a third click is a first one again */
        term.last_click_ms = now;
        if (again)
            e.action = MOUSE_DOUBLE;
    }
    return e;
}

Event term_read(int timeout_ms)
{
    const Event end = {.type = EVENT_END};
    if (!term.open)
        return end;
    int64_t start = timeout_ms > 0 ? now_ms() : 0;
    bool final = false;
    for (;;) {
        if (end_signal || term.input_ended)
            return end;
        if (resized) {
            resized = 0;
            read_size();
            prepare_texts();
            paint_forget(&term.paint);
            return (Event){.type = EVENT_RESIZE, .row = term.rows, .col = term.cols};
        }
        Event e = decode(final);
        if (e.type != EVENT_NONE)
            return e;
        int left = timeout_ms;
        if (timeout_ms > 0) {
            int64_t passed = now_ms() - start;
            left = passed < timeout_ms ? (int)(timeout_ms - passed) : 0;
        }
        bool incomplete = term.len > 0; /* then the rest of a sequence is awaited, whatever the time-out */
        bool came = take_input(incomplete ? ESC_DELAY_MS : left);
        final = incomplete && !came;
        if (!came && !incomplete && left == 0 && !resized && !end_signal && !term.input_ended)
            return e;
    }
}
