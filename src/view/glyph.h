/* glyph.h - what one character of a text is drawn as.
 *
 * Owns the rules of escaping, the ASCII equivalents and the box characters. Knows no canvas. */
#ifndef VIEW_GLYPH_H
#define VIEW_GLYPH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* One unit of drawing, never split: a character with what combines with it (one cell, one or two
 * columns wide), or an ASCII text that stands for it (`width` cells of one column). */
typedef struct Glyph {
    char text[16]; /* NUL-terminated */
    uint8_t width; /* columns, at least 1 */
    bool cell;     /* all of text belongs into one cell */
    int32_t code;  /* the character it stands for */
} Glyph;

/* Reads the glyph at the start of s (n > 0 bytes) and returns the bytes it was made of. Control, format,
 * private and unassigned characters and invalid bytes become escapes (\n, \x1B, \u202E); a combining mark without
 * a base is put on a dotted circle; variation selectors are dropped. In ASCII a drawing or mathematical character becomes its
 * equivalent ("->", "sqrt", "<="), every other character an escape: \u6211. */
size_t glyph_next(const char *s, size_t n, bool ascii, Glyph *g);

/* The sides of its cell that a line drawn with a box character reaches. */
enum { LINE_UP = 1, LINE_DOWN = 2, LINE_LEFT = 4, LINE_RIGHT = 8 };

/* The sides a box character of single lines reaches (LINE_…); 0 for any other text. */
int glyph_lines(const char *text);
/* The box character that reaches those sides, e.g. "├". A half line becomes a whole one. */
const char *glyph_of_lines(int lines, bool ascii);
/* The sides that '+', '-' and '|' stand for; 0 for any other text. */
int glyph_ascii_lines(const char *text);

/* The equivalent of a character in ASCII, NULL where there is none. */
const char *glyph_ascii(int32_t c);

#endif
