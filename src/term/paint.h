/* paint.h - the bytes that turn what a terminal shows into a canvas.
 *
 * Owns a copy of what is shown. Pure: knows no file, and of the terminal only the strings it is
 * given here; curses.c asks the database for them. */
#ifndef TERM_PAINT_H
#define TERM_PAINT_H

#include "base/buffer.h"
#include "view/canvas.h"

enum { ATTR_BOLD = 1, ATTR_DIM = 2, ATTR_UNDERLINE = 4, ATTR_REVERSE = 8, ATTR_COUNT = 4, PAINT_TEXT = 31 };

typedef char PaintText[PAINT_TEXT + 1];

/* A role on this terminal: the numbers say which looks are alike, the texts bring them about. */
typedef struct Pen {
    int16_t fg, bg; /* a colour, -1 the terminal's own */
    uint8_t attrs;  /* ATTR_… */
    PaintText fg_text, bg_text;
} Pen;

typedef struct Paint {
    /* given */
    int cols, rows; /* of the terminal */
    Pen pens[ROLE_COUNT];
    PaintText attrs[ATTR_COUNT]; /* switch on one attribute each */
    PaintText plain;             /* attributes and colours off */
    PaintText own_colors;        /* colours off; may be empty, as the two that follow */
    PaintText own_fg, own_bg;    /* the colour of the text alone, of the background alone */
    PaintText clear;             /* clears the screen, cursor at the top left */
    PaintText clear_line;        /* from the cursor to the end of the line; may be empty */
    PaintText hide, show;        /* the cursor; may be empty */
    bool scrolls;                /* a character in the last column of the last row would scroll: it is left out */
    bool unsafe_moves;           /* the cursor must not be moved while attributes are on */
    bool steps;                  /* CSI n C moves the cursor to the right */
    void (*move)(Buffer *out, int row, int col);
    /* its own */
    Canvas shown;
    bool known;   /* `shown` is what the terminal shows */
    bool visible; /* the cursor is */
    int row, col; /* the cursor; row -1: not known */
    Pen pen;      /* what is on; its texts are not used */
} Paint;

/* Adds to out what shows the canvas, cut to the terminal. Nothing where nothing changed. */
void paint_canvas(Paint *p, const Canvas *c, Buffer *out);
/* The terminal shows something else: the next paint_canvas clears it and sends everything. */
void paint_forget(Paint *p);
/* Moves by the standard sequence CSI row ; column H, which almost every terminal understands. */
void paint_move_ansi(Buffer *out, int row, int col);
void paint_free(Paint *p);

#endif
