/* tty.h - the terminal as a device: its modes, its bytes, its size, and the signals that concern it.
 *
 * Owns the descriptors, the modes and, while the terminal is taken, the program's signal handlers. Knows nothing of what
 * the bytes mean. There is one terminal, so the state is the file's. */
#ifndef TERM_TTY_H
#define TERM_TTY_H

#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>

/* Finds the terminal; changes nothing yet. Standard output must be one; input is standard input or /dev/tty. */
int tty_open(Error *e);
/* What is sent to take the terminal and to give it back, also by signal handlers: at most 255 bytes each. */
void tty_set_texts(const char *enter, size_t enter_len, const char *leave, size_t leave_len);
/* Catches signals, switches to single keys; `enter` is sent with the first bytes, or when input is waited for. */
void tty_take(void);
/* Sends `leave` where `enter` was sent, restores modes and signals, closes. */
void tty_close(void);

/* The descriptor that is drawn on. */
int tty_out(void);
/* Columns and rows, from the device, else from COLUMNS and LINES, else 80x24; at most `most`. */
void tty_size(int *cols, int *rows, int most);
/* True once after the size may have changed or the screen was lost: SIGWINCH, or back from a stop. */
bool tty_take_resized(void);
/* The signal that asked the program to end, 0 while none did. */
int tty_end_signal(void);

/* Sends everything, however often it is interrupted. -1 when the terminal is gone. */
int tty_write(const char *bytes, size_t n);
/* Waits at most timeout_ms (negative: for ever) for input and reads up to n bytes of it. 0: the time is over or a
 * signal came; -1: the terminal is gone. */
int tty_read(char *bytes, size_t n, int timeout_ms);

#endif
