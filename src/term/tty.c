/* tty.c - modes and signals of the terminal.
 *
 * Signal handlers here call only write, tcsetattr and the like; what they send was prepared before. They wake
 * tty_read through a pipe, so that no signal is lost between a look at the flags and the wait, whichever thread took it. */
#include "term/tty.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/uio.h>
#include <termios.h>
#include <unistd.h>

/* After so many signals that nobody listened to, the program ends at once. */
enum { SIGNALS_TO_DIE = 3, TEXT_MAX = 256 };

typedef struct Texts {
    char enter[TEXT_MAX], leave[TEXT_MAX];
    size_t enter_len, leave_len;
} Texts;

static int in = -1, out = -1, wake[2] = {-1, -1};
static struct termios saved, raw;
static Texts texts[2]; /* one in use, one to prepare the next in */
static volatile sig_atomic_t current, taken, resized, end_signal, end_count;
static volatile sig_atomic_t due; /* `enter` is yet to be sent, together with the first frame: no empty screen in between */

static const int end_signals[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGUSR1, SIGUSR2, SIGALRM, SIGVTALRM, SIGXCPU, SIGPIPE}, crash_signals[] = {SIGSEGV, SIGABRT, SIGBUS, SIGFPE, SIGILL};
enum { ENDS = sizeof end_signals / sizeof *end_signals, CRASHES = sizeof crash_signals / sizeof *crash_signals };
static struct sigaction old_end[ENDS], old_crash[CRASHES], old_stop, old_continue, old_size;

/* ---- in signal handlers too ---- */

static void set_modes(const struct termios *modes)
{
    while (tcsetattr(out, TCSANOW, modes) < 0 && errno == EINTR)
        ;
}

static void send_text(const char *text, size_t n)
{
    while (n) {
        ssize_t sent = write(out, text, n);
        if (sent < 0 && errno == EINTR)
            continue;
        if (sent <= 0)
            return;
        text += sent;
        n -= (size_t)sent;
    }
}

static void take(void)
{
    set_modes(&raw);
    due = 1;
    taken = 1;
}

static void give_back(void)
{
    if (!taken)
        return;
    taken = 0;
    if (!due)
        send_text(texts[current].leave, texts[current].leave_len);
    set_modes(&saved);
}

static void wake_up(void)
{
    if (write(wake[1], "", 1) < 0)
        return; /* full: awake already */
}

static void on_end(int sig)
{
    int error = errno;
    end_signal = sig;
    if (++end_count >= SIGNALS_TO_DIE) {
        give_back();
        sigaction(sig, &(struct sigaction){.sa_handler = SIG_DFL}, NULL);
        raise(sig);
    }
    wake_up();
    errno = error;
}

static void on_size(int sig)
{
    (void)sig;
    int error = errno;
    resized = 1;
    wake_up();
    errno = error;
}

static void on_continue(int sig)
{
    int error = errno;
    take();
    due = 0;
    send_text(texts[current].enter, texts[current].enter_len);
    on_size(sig);
    errno = error;
}

static void on_stop(int sig)
{
    int error = errno;
    give_back();
    struct sigaction ours;
    sigset_t set, old;
    sigemptyset(&set);
    sigaddset(&set, sig);
    sigaction(sig, &(struct sigaction){.sa_handler = SIG_DFL}, &ours);
    raise(sig);
    pthread_sigmask(SIG_UNBLOCK, &set, &old); /* stops here; SIGCONT takes the terminal again */
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    sigaction(sig, &ours, NULL);
    if (!taken) /* no shell that could stop us */
        on_continue(sig);
    errno = error;
}

static void on_crash(int sig, siginfo_t *info, void *context)
{
    (void)context;
    give_back();
    for (int i = 0; i < CRASHES; i++)
        if (crash_signals[i] == sig)
            sigaction(sig, &old_crash[i], NULL);
    if (info->si_code <= 0 || sig == SIGABRT) /* somebody sent it; a fault happens again when we return */
        raise(sig);
}

/* ---- taking the terminal ---- */

static void catch_signals(void)
{
    struct sigaction action = {.sa_handler = on_end};
    sigfillset(&action.sa_mask); /* one handler at a time, */
    for (int i = 0; i < CRASHES; i++)
        sigdelset(&action.sa_mask, crash_signals[i]); /* but a crash in it is one */
    for (int i = 0; i < ENDS; i++) {
        sigaction(end_signals[i], NULL, &old_end[i]);
        if (old_end[i].sa_handler != SIG_IGN) /* nohup stays nohup */
            sigaction(end_signals[i], &action, NULL);
    }
    action.sa_flags = SA_RESTART;
    action.sa_handler = on_size;
    sigaction(SIGWINCH, &action, &old_size);
    sigdelset(&action.sa_mask, SIGCONT);
    sigdelset(&action.sa_mask, SIGTTOU); /* taking the terminal from the background stops us until `fg` */
    action.sa_handler = on_continue;
    sigaction(SIGCONT, &action, &old_continue);
    sigaction(SIGTSTP, NULL, &old_stop);
    action.sa_handler = on_stop;
    if (old_stop.sa_handler != SIG_IGN)
        sigaction(SIGTSTP, &action, NULL);

    /* A crash may be a stack that overflowed: its handler has another one. */
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

static void close_files(void)
{
    if (in > STDERR_FILENO)
        close(in);
    for (int i = 0; i < 2; i++)
        if (wake[i] >= 0)
            close(wake[i]);
    in = out = wake[0] = wake[1] = -1;
}

int tty_open(Error *e)
{
    if (!isatty(STDOUT_FILENO))
        return error_set(e, "standard output: expected a terminal, found a file or a pipe; try without the redirection");
    if (tcgetattr(STDOUT_FILENO, &saved) < 0)
        return error_set(e, "terminal: expected its modes, found none: %s; try another terminal", strerror(errno));
    out = STDOUT_FILENO;
    in = isatty(STDIN_FILENO) ? STDIN_FILENO : open("/dev/tty", O_RDONLY | O_NOCTTY | O_CLOEXEC);
    if (in < 0) {
        close_files();
        return error_set(e, "standard input: expected a terminal, found a file or a pipe, and no /dev/tty; try without the redirection");
    }
    if (pipe(wake) < 0) {
        close_files();
        return error_set(e, "terminal: expected two more open files, found none: %s; try 'ulimit -n'", strerror(errno));
    }
    for (int i = 0; i < 2; i++) {
        fcntl(wake[i], F_SETFL, O_NONBLOCK);
        fcntl(wake[i], F_SETFD, FD_CLOEXEC);
    }
    return 0;
}

void tty_set_texts(const char *enter, size_t enter_len, const char *leave, size_t leave_len)
{
    Texts *t = &texts[!current];
    t->enter_len = enter_len < TEXT_MAX ? enter_len : 0;
    t->leave_len = leave_len < TEXT_MAX ? leave_len : 0;
    memcpy(t->enter, enter, t->enter_len);
    memcpy(t->leave, leave, t->leave_len);
    current = !current;
}

void tty_take(void)
{
    raw = saved;
    raw.c_iflag &= ~(tcflag_t)(BRKINT | ICRNL | INLCR | IGNCR | INPCK | ISTRIP | IXON);
    raw.c_oflag &= ~(tcflag_t)OPOST;
    raw.c_cflag |= CS8;
    raw.c_lflag &= ~(tcflag_t)(ECHO | ECHONL | ICANON | IEXTEN);
    raw.c_lflag |= ISIG; /* for Ctrl-Z; Ctrl-C and Ctrl-\ are keys */
    raw.c_cc[VINTR] = raw.c_cc[VQUIT] = _POSIX_VDISABLE;
    raw.c_cc[VMIN] = 1;
    raw.c_cc[VTIME] = 0;
    resized = end_signal = end_count = 0;
    catch_signals();
    take();
}

void tty_close(void)
{
    if (taken) {
        release_signals();
        give_back();
    }
    close_files();
}

int tty_out(void)
{
    return out;
}

static int number_of(const char *variable, int otherwise)
{
    const char *text = getenv(variable);
    long n = text ? strtol(text, NULL, 10) : 0;
    return n > 0 && n < 10000 ? (int)n : otherwise;
}

void tty_size(int *cols, int *rows, int most)
{
    struct winsize size = {0};
    bool known = ioctl(out, TIOCGWINSZ, &size) == 0 && size.ws_col && size.ws_row;
    *cols = known ? size.ws_col : number_of("COLUMNS", 80);
    *rows = known ? size.ws_row : number_of("LINES", 24);
    if (*cols > most)
        *cols = most;
    if (*rows > most)
        *rows = most;
}

bool tty_take_resized(void)
{
    if (!resized)
        return false;
    resized = 0;
    return true;
}

int tty_end_signal(void)
{
    return end_signal;
}

/* ---- bytes ---- */

int tty_write(const char *bytes, size_t n)
{
    /* A stop in the middle of a frame would leave half a sequence on the shell's screen. */
    sigset_t set, old;
    sigemptyset(&set);
    sigaddset(&set, SIGTSTP);
    pthread_sigmask(SIG_BLOCK, &set, &old);
    int status = 0;
    struct iovec parts[2] = {{texts[current].enter, due ? texts[current].enter_len : 0}, {(void *)(uintptr_t)bytes, n}};
    while (parts[0].iov_len + parts[1].iov_len && !status && !end_signal) {
        due = 0;
        ssize_t sent = writev(out, parts, 2);
        if (sent > 0) {
            size_t left = (size_t)sent;
            for (int i = 0; i < 2; i++) {
                size_t part = left < parts[i].iov_len ? left : parts[i].iov_len;
                parts[i].iov_base = (char *)parts[i].iov_base + part;
                parts[i].iov_len -= part;
                left -= part;
            }
        } else if (sent < 0 && errno == EAGAIN) {
            poll(&(struct pollfd){.fd = out, .events = POLLOUT}, 1, 1000);
        } else if (sent == 0 || errno != EINTR) {
            status = -1;
        }
    }
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    return status;
}

int tty_read(char *bytes, size_t n, int timeout_ms)
{
    if (due)
        tty_write("", 0);
    struct pollfd files[2] = {{.fd = in, .events = POLLIN}, {.fd = wake[0], .events = POLLIN}};
    if (poll(files, 2, timeout_ms) <= 0)
        return 0;
    if (files[1].revents) {
        char drain[64];
        while (read(wake[0], drain, sizeof drain) > 0)
            ;
        return 0;
    }
    ssize_t got = read(in, bytes, n);
    if (got < 0 && (errno == EINTR || errno == EAGAIN))
        return 0;
    return got > 0 ? (int)got : -1;
}
