/* waiting.c - how far it is: after a second, and not more often than one can read. */
#include "cli/waiting.h"

#include "base/text.h"
#include "cli/screen.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

enum { WIDEST = 100 };

int waiting_terminal_columns(int file)
{
    struct winsize w;
    return ioctl(file, TIOCGWINSZ, &w) == 0 && w.ws_col > 1 ? w.ws_col : 80;
}

int waiting_columns(int file)
{
    int cols = waiting_terminal_columns(file);
    return cols < WIDEST ? cols : WIDEST;
}

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

bool waiting_can_rewrite(void)
{
    const char *term = getenv("TERM");
    return isatty(STDERR_FILENO) == 1 && !(term && strcmp(term, "dumb") == 0);
}

Waiting waiting_begin(void)
{
    return (Waiting){.began = now(), .terminal = waiting_can_rewrite()};
}

bool waiting_show(void *waiting, double share, const char *what)
{
    const double patience = 1, between = 0.2; /* seconds */
    Waiting *w = waiting;
    double t = now();
    if (!w->terminal || t - w->began < patience || t - w->shown < between)
        return true;
    Buffer line = {0};
    buffer_printf(&line, "%3.0f%%  %.0f s  ", 100 * share, t - w->began);
    text_show(&line, what, strlen(what), screen_is_ascii());
    size_t n = text_fit(buffer_text(&line), waiting_columns(STDERR_FILENO) - 1, NULL);
    fprintf(stderr, "\r%.*s\033[K", (int)n, buffer_text(&line));
    fflush(stderr);
    buffer_free(&line);
    w->shown = t;
    w->on = true;
    return true;
}

bool waiting_count(void *waiting, size_t done, size_t count)
{
    char what[64];
    snprintf(what, sizeof what, _("pass %zu of %zu"), done, count);
    return waiting_show(waiting, (double)done / (double)count, what);
}

void waiting_end(Waiting *w)
{
    if (w->on)
        fputs("\r\033[K", stderr);
    w->on = false;
}
