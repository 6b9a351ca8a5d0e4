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

/* Takes the terminal: alternate screen, raw keys, mouse where there is one. An unknown TERM falls
 * back to xterm-256color. It is given back clean by term_close, on exit, and on SIGINT, SIGTERM,
 * SIGHUP and SIGQUIT (as an EVENT_END) and on a crash. SIGTSTP suspends and resumes. */
int term_open(Theme theme, bool color, Error *e);
void term_close(void);
void term_size(int *cols, int *rows);
void term_set_theme(Theme theme, bool color);
/* Shows the canvas: sends what changed since the last call. */
void term_draw(const Canvas *c);
/* Forgets what the terminal shows, so that the next term_draw sends everything (Ctrl-L). */
void term_redraw(void);
/* Waits for an event at most timeout_ms (negative: for ever); EVENT_NONE on time-out. Pasted text arrives as keys. */
Event term_read(int timeout_ms);

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
