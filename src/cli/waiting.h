/* waiting.h - the line on standard error that says how far a command is which takes long. Owns nothing but that line. */
#ifndef CLI_WAITING_H
#define CLI_WAITING_H

#include <stdbool.h>
#include <stddef.h>

typedef struct Waiting {
    double began, shown;
    bool terminal, on; /* there is one to show it on; the line stands there */
} Waiting;

/* Columns of the terminal behind a file; 80 where it is none. */
int waiting_terminal_columns(int file);
/* The same for lines that are read: at most 100. */
int waiting_columns(int file);

/* True where standard error is a terminal on which a line can be written over: not a dumb one. */
bool waiting_can_rewrite(void);

Waiting waiting_begin(void);
/* To be called now and then (of a Waiting): after a second, on a terminal, shows that share of the work as done, and what is being done. Returns
 * true: go on. */
bool waiting_show(void *waiting, double share, const char *what);
/* The same where the work is counted. */
bool waiting_count(void *waiting, size_t done, size_t count);
/* Takes the line away. */
void waiting_end(Waiting *w);

#endif
