/* canvas.h - a grid of character cells, drawn on by the views, shown by src/term.
 *
 * Owns its cells. Knows roles, not colours: what a role looks like is the theme's. Nothing here
 * touches a terminal. */
#ifndef VIEW_CANVAS_H
#define VIEW_CANVAS_H

#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What a cell means; theme.h says how each looks in colour, and with bold, underline and reverse alone. */
typedef enum Role {
    ROLE_TEXT,     /* ordinary text and numbers */
    ROLE_DIM,      /* what matters less: separators, padding zeros, stages not reached yet */
    ROLE_TITLE,    /* the program's line at the top */
    ROLE_HEADING,  /* a pane's title, column names */
    ROLE_LABEL,    /* row names, axis names */
    ROLE_BORDER,
    ROLE_KEY,      /* a key in the status line and the help */
    ROLE_CURSOR,   /* the cell under the cursor */
    ROLE_CROSS,    /* the cursor's row and column names */
    ROLE_HERE,     /* the stage where the program stands */
    ROLE_DONE,     /* a stage already computed */
    ROLE_ABLATED,  /* switched off or changed by an ablation */
    ROLE_MASKED,   /* a masked score */
    ROLE_NEGATIVE, /* a negative number */
    ROLE_BADGE,    /* [no-residual], [untrained] */
    ROLE_MATCH,    /* found by a search */
    ROLE_ERROR,
    ROLE_WARNING,
    ROLE_MENU,     /* a menu's or prompt's background */
    ROLE_CHOICE,   /* the chosen line of a menu */
    ROLE_LINK,     /* something Enter opens */
    ROLE_HEAT0,    /* heat of a value from 0 … */
    ROLE_HEAT8 = ROLE_HEAT0 + 8, /* … to the largest */
    ROLE_COLD1,    /* the same for negative values, … */
    ROLE_COLD8 = ROLE_COLD1 + 7, /* … to the most negative */
    ROLE_COUNT
} Role;

enum { CELL_TEXT_MAX = 14 };

/* One column of one row. A wide character takes two cells, the second with width 0. */
typedef struct Cell {
    char text[CELL_TEXT_MAX]; /* UTF-8, NUL-terminated: one character and what combines with it */
    uint8_t width;            /* 1 or 2; 0 for the right half of a wide character */
    uint8_t role;             /* a Role */
} Cell;

typedef struct Canvas {
    int cols, rows;
    bool ascii;  /* draw in ASCII: box lines as + - |, other characters as \uNNNN */
    Cell *cells; /* [rows][cols] */
    int cursor_row, cursor_col; /* where the terminal's cursor goes (a text being typed), -1: hidden */
} Canvas;

/* A canvas of spaces, the cursor hidden. -1 without memory, or where a size is not in 1 … 1000. */
int canvas_init(Canvas *c, int cols, int rows, bool ascii, Error *e);
void canvas_free(Canvas *c);
/* Spaces everywhere, the cursor hidden. */
void canvas_clear(Canvas *c);
/* The cells of one row; NULL outside the canvas. Unused bytes of a cell are zero: rows compare with memcmp. */
Cell *canvas_row(const Canvas *c, int row);

/* Draws text from (row, col), never beyond `columns` columns nor off the canvas (negative or
 * too large positions are clipped), and returns the columns taken, those left of the canvas included. Never splits a
 * character: where half a wide character (or a part of an escape) would fit, spaces are drawn, and a wide character of
 * which one half is overwritten loses the other. Control characters are drawn as escapes (\n); see glyph.h. */
int canvas_put(Canvas *c, int row, int col, int columns, Role role, const char *text);
int canvas_printf(Canvas *c, int row, int col, int columns, Role role, const char *format, ...) __attribute__((format(printf, 6, 7)));
/* As canvas_put, but a text that does not fit ends in '…' ('~' in ASCII). */
int canvas_put_cut(Canvas *c, int row, int col, int columns, Role role, const char *text);
/* Which of `count` lines are seen, "14–26 / 1200", at the right end of `columns`; nothing where all are. Returns the columns it takes. */
int canvas_put_span(Canvas *c, int row, int col, int columns, size_t first, size_t seen, size_t count);
/* As canvas_put_cut, at the right or in the middle of the columns, which are filled with spaces of the role. */
int canvas_put_right(Canvas *c, int row, int col, int columns, Role role, const char *text);
int canvas_put_center(Canvas *c, int row, int col, int columns, Role role, const char *text);
/* Draws text broken at spaces, at newlines, and between any two CJK characters (not before closing nor after opening
 * punctuation) into a box; returns the rows taken. A text that needs more rows ends in '…'. Rows off the canvas count:
 * from row c->rows on nothing is drawn, only measured. */
int canvas_put_wrapped(Canvas *c, int row, int col, int columns, int rows, Role role, const char *text);
/* How canvas_put_wrapped breaks a text: the bytes of the line at the start of the n bytes at s that fits in the columns; *next gets the bytes up
 * to the next line. */
size_t canvas_break_line(const Canvas *c, const char *s, size_t n, int columns, size_t *next);
/* Columns that text would take on this canvas (more in ASCII: \u6211 is six). */
int canvas_text_width(const Canvas *c, const char *text);

/* Fills a rectangle with a character (one column wide) in a role. */
void canvas_fill(Canvas *c, int row, int col, int columns, int rows, Role role, const char *text);
/* Changes the role of a rectangle's cells, keeps their text. */
void canvas_restyle(Canvas *c, int row, int col, int columns, int rows, Role role);
/* A frame of single lines, joined to the lines it meets (fill first what it shall cover); title (or NULL) is set into
 * its top edge, in ROLE_HEADING where role is ROLE_BORDER. */
void canvas_box(Canvas *c, int row, int col, int columns, int rows, Role role, const char *title);
/* A vertical or horizontal line, joined to the lines it lies on or ends on (│ meets ─ as ├ ┤ ┬ ┴ ┼), and to those of its
 * role that cross its way right beside its ends. */
void canvas_vline(Canvas *c, int row, int col, int rows, Role role);
void canvas_hline(Canvas *c, int row, int col, int columns, Role role);

#endif
