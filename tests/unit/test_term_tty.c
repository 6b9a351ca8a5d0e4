/* test_term_tty.c - the terminal itself, on a pseudo-terminal: what is sent, and that it is given back whatever happens. */
#include "term/term.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#if defined(__SANITIZE_ADDRESS__)
#define SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define SANITIZED 1
#endif
#endif
#ifndef SANITIZED
#define SANITIZED 0
#endif

enum { ENDED_BY_EVENT = 42, NOT_OPENED = 43 };

/* A pseudo-terminal with a program on it that shows the last event and ends at 'q', at EVENT_END, or in a crash at 'x'. */
typedef struct Session {
    int master, slave;
    pid_t child;
    struct termios before;
    char out[1 << 16];
    size_t n;
} Session;

static void show(const char *text)
{
    Canvas c;
    int cols, rows;
    term_size(&cols, &rows);
    if (canvas_init(&c, cols, rows, false, NULL) < 0)
        _exit(NOT_OPENED);
    canvas_put(&c, 0, 0, cols, ROLE_TEXT, text);
    term_draw(&c);
    canvas_free(&c);
}

static void run_child(void)
{
    Error e;
    if (term_open(THEME_DARK, true, &e) < 0) {
        printf("%s\n", e.text);
        fflush(stdout);
        _exit(NOT_OPENED);
    }
    show("READY");
    for (;;) {
        Event event = term_read(-1);
        char text[64] = "", name[16];
        if (event.type == EVENT_END) {
            term_close();
            _exit(ENDED_BY_EVENT);
        }
        if (event.type == EVENT_KEY && event.key == 'q')
            exit(0); /* without term_close: atexit has it */
        if (event.type == EVENT_KEY && event.key == 'x')
            raise(SIGABRT);
        if (event.type == EVENT_KEY)
            snprintf(text, sizeof text, "%s(%s)", event.pasted ? "PASTED" : "KEY", key_name(event.key, name, sizeof name));
        else if (event.type == EVENT_MOUSE)
            snprintf(text, sizeof text, "MOUSE(%d,%d,%d)", (int)event.action, event.row, event.col);
        else if (event.type == EVENT_RESIZE)
            snprintf(text, sizeof text, "SIZE(%d,%d)", event.col, event.row);
        term_redraw();
        show(text);
    }
}

/* Closes it before it has drawn anything; then opens it again, and waits for a key. */
static void run_without_frame(void)
{
    Error e;
    if (term_open(THEME_DARK, true, &e) < 0)
        _exit(NOT_OPENED);
    term_close();
    printf("CLOSED");
    fflush(stdout);
    if (term_open(THEME_DARK, true, &e) < 0)
        _exit(NOT_OPENED);
    term_read(-1);
    exit(0);
}

/* Reads what the program sends until `text` has come; false when it does not within five seconds. */
static bool wait_for(Session *s, const char *text)
{
    for (int ms = 0; ms < 5000; ms += 50) {
        s->out[s->n] = '\0';
        if (strstr(s->out, text))
            return true;
        if (poll(&(struct pollfd){.fd = s->master, .events = POLLIN}, 1, 50) <= 0)
            continue;
        ssize_t got = read(s->master, s->out + s->n, sizeof s->out - 1 - s->n);
        if (got <= 0)
            break;
        s->n += (size_t)got;
    }
    s->out[s->n] = '\0';
    return strstr(s->out, text) != NULL;
}

static void forget(Session *s)
{
    s->n = 0;
}

static const int ending[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGTSTP};

static void start_program(Session *s, const char *terminal, void (*program)(void))
{
    s->n = 0;
    s->master = posix_openpt(O_RDWR | O_NOCTTY);
    cr_assert(s->master >= 0 && grantpt(s->master) == 0 && unlockpt(s->master) == 0);
    s->slave = open(ptsname(s->master), O_RDWR | O_NOCTTY); /* kept open, to look at the modes afterwards */
    cr_assert_geq(s->slave, 0);
    struct winsize size = {.ws_row = 24, .ws_col = 80};
    ioctl(s->master, TIOCSWINSZ, &size);
    tcgetattr(s->slave, &s->before);
    s->child = fork();
    cr_assert_geq(s->child, 0);
    if (!s->child) {
        setsid();
        ioctl(s->slave, TIOCSCTTY, 0);
        for (int fd = 0; fd < 3; fd++)
            dup2(s->slave, fd);
        close(s->master);
        close(s->slave);
        for (size_t i = 0; i < sizeof ending / sizeof *ending; i++) /* whoever runs the tests may ignore some */
            signal(ending[i], SIG_DFL);
        if (terminal)
            setenv("TERM", terminal, 1);
        else
            unsetenv("TERM");
        program();
    }
}

static void start(Session *s, const char *terminal)
{
    start_program(s, terminal, run_child);
}

/* Waits for the program's end and returns its status as wait gives it. */
static int end(Session *s)
{
    int status = 0;
    for (int ms = 0; ms < 5000; ms += 10) {
        if (waitpid(s->child, &status, WNOHANG) == s->child)
            return status;
        char lost[4096];
        if (poll(&(struct pollfd){.fd = s->master, .events = POLLIN}, 1, 10) > 0 && read(s->master, lost, sizeof lost) < 0)
            usleep(1000);
    }
    kill(s->child, SIGKILL);
    cr_assert_fail("the program did not end");
    return status;
}

static void check_modes(const Session *s, const char *what)
{
    struct termios after;
    tcgetattr(s->slave, &after);
    cr_expect(after.c_lflag == s->before.c_lflag && after.c_iflag == s->before.c_iflag && after.c_oflag == s->before.c_oflag &&
                  after.c_cc[VINTR] == s->before.c_cc[VINTR],
              "%s: the modes are not those of before", what);
}

static void stop(Session *s)
{
    close(s->master);
    close(s->slave);
}

static const char enter[] = "\033[?1049h", leave[] = "\033[?1049l";

/* The screen is taken with the first frame, in one write, or when a key is waited for; where neither came there is nothing to give back. */
Test(term_tty, is_taken_with_the_first_frame)
{
    Session s;
    start_program(&s, "xterm", run_without_frame);
    cr_assert(wait_for(&s, "CLOSED"));
    const char *closed = strstr(s.out, "CLOSED");
    cr_assert(!strstr(s.out, leave) && (!strstr(s.out, enter) || strstr(s.out, enter) > closed), "%s", s.out);
    cr_assert(wait_for(&s, enter));
    cr_assert_eq(write(s.master, "q", 1), 1);
    cr_assert(wait_for(&s, leave));
    cr_assert_eq(end(&s), 0);
    check_modes(&s, "without a frame");
    stop(&s);
    start(&s, "xterm");
    cr_assert_eq(poll(&(struct pollfd){.fd = s.master, .events = POLLIN}, 1, 5000), 1);
    usleep(200000); /* whatever follows would be there */
    ssize_t got = read(s.master, s.out, sizeof s.out - 1);
    cr_assert_gt(got, 0);
    s.n = (size_t)got;
    s.out[s.n] = '\0';
    const char *entered = strstr(s.out, enter);
    cr_assert(entered && strstr(entered, "READY"), "%s", s.out);
    cr_assert_eq(write(s.master, "q", 1), 1);
    cr_assert_eq(end(&s), 0);
    stop(&s);
}

Test(term_tty, is_given_back_however_it_ends)
{
    static const struct {
        const char *what;
        int signal; /* or a key is typed */
        const char *key;
        int exit_code, death;
    } endings[] = {
        {"exit", 0, "q", 0, 0},
        {"SIGTERM", SIGTERM, NULL, ENDED_BY_EVENT, 0},
        {"SIGINT", SIGINT, NULL, ENDED_BY_EVENT, 0},
        {"SIGHUP", SIGHUP, NULL, ENDED_BY_EVENT, 0},
        {"SIGQUIT", SIGQUIT, NULL, ENDED_BY_EVENT, 0},
        {"abort", 0, "x", 0, SIGABRT},
        {"SIGABRT", SIGABRT, NULL, 0, SIGABRT},
        {"SIGFPE", SIGFPE, NULL, 0, SIGFPE},
        {"SIGSEGV", SIGSEGV, NULL, 0, SIGSEGV},
        {"SIGBUS", SIGBUS, NULL, 0, SIGBUS},
    };
    for (size_t i = 0; i < sizeof endings / sizeof *endings; i++) {
        if (SANITIZED && endings[i].death && endings[i].death != SIGABRT)
            continue; /* the sanitizer has handlers of its own, and reports */
        Session s;
        start(&s, "xterm-256color");
        cr_assert(wait_for(&s, "READY"), "%s: %s", endings[i].what, s.out);
        cr_expect(strstr(s.out, "\033[?1049h"));
        struct termios during;
        tcgetattr(s.slave, &during);
        for (int wait = 0; wait < 200 && (during.c_lflag & ICANON); wait++) { /* it may be about to take it again */
            usleep(10000);
            tcgetattr(s.slave, &during);
        }
        cr_expect(!(during.c_lflag & (ICANON | ECHO)) && during.c_lflag & ISIG);
        forget(&s);
        if (endings[i].signal)
            kill(s.child, endings[i].signal);
        else
            cr_assert_eq(write(s.master, endings[i].key, 1), 1);
        cr_expect(wait_for(&s, leave), "%s: not given back", endings[i].what);
        cr_expect(strstr(s.out, "\033[?25h"), "%s: no cursor", endings[i].what);
        int status = end(&s);
        if (endings[i].death)
            cr_expect(WIFSIGNALED(status) && WTERMSIG(status) == endings[i].death, "%s: status %x", endings[i].what, (unsigned)status);
        else
            cr_expect(WIFEXITED(status) && WEXITSTATUS(status) == endings[i].exit_code, "%s: status %x", endings[i].what, (unsigned)status);
        check_modes(&s, endings[i].what);
        stop(&s);
    }
}

Test(term_tty, ends_when_the_terminal_goes)
{
    Session s;
    start(&s, "xterm-256color");
    cr_assert(wait_for(&s, "READY"));
    close(s.slave);
    close(s.master);
    int status = 0;
    pid_t ended = 0;
    for (int ms = 0; ms < 5000 && !ended; ms += 10) {
        usleep(10000);
        ended = waitpid(s.child, &status, WNOHANG);
    }
    if (!ended)
        kill(s.child, SIGKILL);
    cr_expect(ended && WIFEXITED(status) && WEXITSTATUS(status) == ENDED_BY_EVENT, "status %x", (unsigned)status);
}

Test(term_tty, events)
{
    static const struct {
        const char *bytes, *shown;
    } cases[] = {
        {"n", "KEY(n)"},
        {"\x1b[A", "KEY(Up)"},
        {"\x1bOB", "KEY(Down)"},
        {"\x1b", "KEY(Esc)"},
        {"\x03", "KEY(C-c)"},
        {"\x1c", "KEY(C-\\)"},
        {"\xe6\x88\x91", "KEY(我)"},
        {"\r", "KEY(Enter)"},
        {"\x1b[<0;5;3M", "MOUSE(0,2,4)"},
        {"\x1b[<0;5;3m\x1b[<0;5;3M", "MOUSE(1,2,4)"},
        {"\x1b[<0;5;3M", "MOUSE(0,2,4)"},
        {"\x1b[<64;1;1M", "MOUSE(2,0,0)"},
    };
    Session s;
    start(&s, "xterm-256color");
    cr_assert(wait_for(&s, "READY"));
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        forget(&s);
        size_t n = strlen(cases[i].bytes);
        cr_assert_eq(write(s.master, cases[i].bytes, n), (ssize_t)n);
        cr_expect(wait_for(&s, cases[i].shown), "case %zu: expected %s, found %s", i, cases[i].shown, s.out);
    }
    /* A sequence in pieces. */
    forget(&s);
    for (const char *b = "\x1b[B"; *b; b++) {
        cr_assert_eq(write(s.master, b, 1), 1);
        usleep(2000);
    }
    cr_expect(wait_for(&s, "KEY(Down)"), "%s", s.out);
    struct winsize size = {.ws_row = 30, .ws_col = 100};
    ioctl(s.master, TIOCSWINSZ, &size);
    cr_expect(wait_for(&s, "SIZE(100,30)"), "%s", s.out);
    cr_assert_eq(write(s.master, "q", 1), 1);
    end(&s);
    stop(&s);
}

/* Types pieces with so many milliseconds between them, and waits for what the last one shows. */
static void type_slowly(Session *s, const char *const *pieces, int ms, const char *shown)
{
    forget(s);
    for (size_t i = 0; pieces[i]; i++) {
        if (i)
            usleep((useconds_t)ms * 1000);
        cr_assert_eq(write(s->master, pieces[i], strlen(pieces[i])), (ssize_t)strlen(pieces[i]));
    }
    cr_expect(wait_for(s, shown), "expected %s, found %s", shown, s->out);
}

/* A line that stalls within a sequence: what comes late is no typed text. */
Test(term_tty, a_slow_line_breaks_no_sequence)
{
    Session s;
    start(&s, "xterm-256color");
    cr_assert(wait_for(&s, "READY"));
    type_slowly(&s, (const char *const[]){"\x1b[", "A", NULL}, 200, "KEY(Up)");
    cr_expect(!strstr(s.out, "KEY(Esc)"), "%s", s.out);
    type_slowly(&s, (const char *const[]){"\x1b[<64;1", ";1M", NULL}, 200, "MOUSE(2,0,0)");
    cr_expect(!strstr(s.out, "KEY("), "%s", s.out);
    type_slowly(&s, (const char *const[]){"\xe6", "\x88", "\x91", NULL}, 200, "KEY(我)");
    /* A person's Esc and what is typed behind it stay what they are. */
    type_slowly(&s, (const char *const[]){"\x1b", "[", "A", NULL}, 300, "KEY(A)");
    cr_expect(strstr(s.out, "KEY(Esc)") && strstr(s.out, "KEY([)"), "%s", s.out);
    type_slowly(&s, (const char *const[]){"\x1b", "O", "n", NULL}, 300, "KEY(n)");
    cr_expect(strstr(s.out, "KEY(O)"), "%s", s.out);
    type_slowly(&s, (const char *const[]){"\xe9", "n", NULL}, 20, "KEY(n)"); /* Latin 1's e with an accent */
    /* Broken behind its Esc: that was the key already; the rest is an arrow, and the next time there is no Esc. */
    type_slowly(&s, (const char *const[]){"\x1b", "[B", NULL}, 200, "KEY(Down)");
    cr_expect(strstr(s.out, "KEY(Esc)") && !strstr(s.out, "KEY([)"), "%s", s.out);
    type_slowly(&s, (const char *const[]){"\x1b", "[C", NULL}, 200, "KEY(Right)");
    cr_expect(!strstr(s.out, "KEY(Esc)"), "%s", s.out);
    type_slowly(&s, (const char *const[]){"\x1b", NULL}, 0, "KEY(Esc)");
    cr_assert_eq(write(s.master, "q", 1), 1);
    end(&s);
    stop(&s);
}

/* Pasted text is told from typed keys, its lines are one; where the end of it is lost, a pause is one. */
Test(term_tty, pasted_text)
{
    Session s;
    start(&s, "xterm-256color");
    cr_assert(wait_for(&s, "READY"));
    cr_expect(strstr(s.out, "\033[?2004h"));
    type_slowly(&s, (const char *const[]){"\x1b[200~y", "\r", "\x1b[201~", "n", NULL}, 100, "KEY(n)");
    cr_expect(strstr(s.out, "PASTED(y)") && strstr(s.out, "PASTED(Space)") && !strstr(s.out, "Enter"), "%s", s.out);
    type_slowly(&s, (const char *const[]){"\x1b[200~y", "n", NULL}, 1500, "KEY(n)");
    cr_assert_eq(write(s.master, "q", 1), 1);
    cr_expect(wait_for(&s, "\033[?2004l"));
    end(&s);
    stop(&s);
}

Test(term_tty, suspends_and_comes_back)
{
    Session s;
    start(&s, "xterm-256color");
    cr_assert(wait_for(&s, "READY"));
    for (int round = 0; round < 2; round++) {
        forget(&s);
        kill(s.child, round ? SIGSTOP : SIGTSTP); /* SIGSTOP gives no chance to restore, but a shell does it then */
        int status;
        /* An orphan cannot be stopped by SIGTSTP: it gives the terminal back, and takes it again. */
        if (round)
            cr_assert_eq(waitpid(s.child, &status, WUNTRACED), s.child);
        else
            cr_expect(wait_for(&s, leave));
        struct winsize size = {.ws_row = 20, .ws_col = (unsigned short)(90 + round)};
        ioctl(s.master, TIOCSWINSZ, &size);
        if (round)
            tcsetattr(s.slave, TCSANOW, &s.before); /* as a shell does; the orphan has its own modes again by now */
        kill(s.child, SIGCONT);
        cr_expect(wait_for(&s, round ? "SIZE(91,20)" : "SIZE(90,20)"), "%s", s.out);
        cr_expect(strstr(s.out, "\033[?1049h"));
        struct termios during;
        tcgetattr(s.slave, &during);
        for (int wait = 0; wait < 200 && (during.c_lflag & ICANON); wait++) { /* it may be about to take it again */
            usleep(10000);
            tcgetattr(s.slave, &during);
        }
        if (round) /* an orphan's two ways of coming back may cross; a process that was really stopped has one */
            cr_expect(!(during.c_lflag & ICANON), "not in its own modes again");
    }
    cr_assert_eq(write(s.master, "q", 1), 1);
    end(&s);
    check_modes(&s, "after a stop");
    stop(&s);
}

Test(term_tty, kinds_of_terminals)
{
    static const struct {
        const char *name, *shown;
        bool opens;
    } cases[] = {
        {"xterm-256color", "READY", true},
        {"vt100", "READY", true},
        {"linux", "READY", true},
        {"no-such-terminal", "READY", true},
        {"", "READY", true},
        {NULL, "READY", true},
        {"dumb", "TERM=dumb: expected a terminal that can move its cursor, found one that cannot; try TERM=xterm-256color", false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        Session s;
        start(&s, cases[i].name);
        const char *name = cases[i].name ? cases[i].name : "none";
        cr_expect(wait_for(&s, cases[i].shown), "%s: %s", name, s.out);
        if (cases[i].opens)
            cr_assert_eq(write(s.master, "q", 1), 1);
        int status = end(&s);
        cr_expect(WIFEXITED(status) && WEXITSTATUS(status) == (cases[i].opens ? 0 : NOT_OPENED), "%s: status %x", name, (unsigned)status);
        check_modes(&s, name);
        stop(&s);
    }
}
