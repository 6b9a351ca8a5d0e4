/* term.h - where a canvas is shown: the terminal, or a file.
 *
 * Owns the terminal's state. curses.c is the only file that includes curses. */
#ifndef TERM_TERM_H
#define TERM_TERM_H

#include "base/buffer.h"
#include "base/error.h"
#include "view/canvas.h"
#include "view/event.h"
#include "view/theme.h"

/* ---- the terminal (curses.c); there is one, so its state is the file's ---- */

/* Takes the terminal: alternate screen, raw keys, mouse where there is one. Standard output must be the terminal;
 * keys come from /dev/tty where standard input is something else. An unknown TERM falls back to xterm-256color; one that cannot move
 * its cursor (TERM=dumb) is an error. The terminal is given back clean by term_close, on exit, and on a crash. Ctrl-C and
 * Ctrl-\ are keys; SIGINT, SIGTERM, SIGHUP and SIGQUIT sent to the program, and the end of input, are an EVENT_END from
 * then on. Ctrl-Z and SIGTSTP suspend; coming back is an EVENT_RESIZE. */
int term_open(Theme theme, bool color, Error *e);
void term_close(void);
/* The signal that ended the session (EVENT_END), to be raised again after term_close; 0 where there was none. */
int term_end_signal(void);
/* 80x24 before term_open; never more than a canvas can have. */
void term_size(int *cols, int *rows);
void term_set_theme(Theme theme, bool color);
/* Shows the canvas: sends what changed since the last call, in one write. */
void term_draw(const Canvas *c);
/* Forgets what the terminal shows, so that the next term_draw sends everything (Ctrl-L). */
void term_redraw(void);
/* Waits for an event at most timeout_ms (negative: for ever); EVENT_NONE on time-out. Pasted text arrives as keys, marked
 * where the terminal says what is pasted. An Esc is the key when
 * nothing follows it for 25 ms, or $ESCDELAY; the rest of a sequence that comes later still is read as that sequence's key. */
Event term_read(int timeout_ms);

/* Hears every byte that goes to the terminal from now on, in order: what takes it, the frames, what gives it back. NULL: nobody. */
typedef void (*TermTap)(const char *bytes, size_t n);
void term_set_tap(TermTap tap);
/* Sends bytes as they are; what the terminal shows is not known afterwards. */
void term_send(const char *bytes, size_t n);

/* ---- files ---- */

/* Plain text: rows without trailing spaces, each ended by a newline. */
void canvas_write_text(const Canvas *c, Buffer *out);
/* Text with SGR colour sequences (24-bit), reset at the end of every row. */
void canvas_write_ansi(const Canvas *c, Theme theme, bool color, Buffer *out);
/* A standalone picture, one <text> per run of a style, box lines drawn joined; wide characters at their column; needs no
 * external font (a generic monospace family with CJK fallbacks). title becomes <title>. */
void canvas_write_svg(const Canvas *c, Theme theme, bool color, const char *title, Buffer *out);
/* A standalone page with one <pre>. */
void canvas_write_html(const Canvas *c, Theme theme, bool color, const char *title, Buffer *out);

#endif
