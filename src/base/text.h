/* text.h - text as a terminal sees it: UTF-8, columns, escapes; and translation.
 *
 * Owns nothing. Knows nothing of colours or of a terminal's state. */
#ifndef BASE_TEXT_H
#define BASE_TEXT_H

#include "base/buffer.h"

#include <libintl.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* _("text") is translated where it is used; N_("text") marks a text in a table for
 * translation later. */
#define _(s) gettext(s)
#define N_(s) s

/* C_("place", "text") is a text whose translation depends on the place: the same English word stands for two things. */
#define C_(place, s) text_in_place(place "\004" s, s)
const char *text_in_place(const char *place_and_text, const char *text);

/* Decodes the character at s (n bytes left, n > 0) into *c and returns its length.
 * A byte that starts no valid UTF-8 sequence gives U+FFFD and length 1. */
size_t text_decode(const char *s, size_t n, int32_t *c);

/* Encodes a character; returns its length in UTF-8. What is no character gives U+FFFD. */
size_t text_encode(int32_t c, char out[4]);

/* True when the n bytes at s are valid UTF-8. */
bool text_is_valid(const char *s, size_t n);

/* Columns a character takes on a terminal: 0 (combining), 1 or 2 (CJK, wide). A
 * control character takes 0. */
int text_char_width(int32_t c);

/* Columns the string takes. */
int text_width(const char *s);

/* Bytes of the longest prefix of s that fits in `columns` and does not split a
 * character; *used (may be NULL) gets the columns it takes. */
size_t text_fit(const char *s, int columns, int *used);

/* Adds s and spaces up to `columns` columns; where columns is negative the spaces come first. What printf's %-9s does for
 * bytes, for text in any language. */
void text_pad(Buffer *out, const char *s, int columns);

enum { TEXT_ANY_COLUMNS = 1 << 20 }; /* a file or a pipe takes lines of any width */

/* Breaks a text at blanks, and between CJK characters, into lines of at most so many columns: the first behind the `indent` columns that stand there
 * already, the others behind as many blanks. A longer word has a line of its own. */
void text_wrap(Buffer *out, const char *s, int indent, int columns);
/* Adds lines, of which those wider than so many columns are broken in the same way: what is broken off stands behind as many blanks as its line
 * begins with, below what follows the first gap of two blanks ("loss   0.1  nats"), or behind "# " where its line begins so. */
void text_fold(Buffer *out, const char *lines, int columns);

/* True where no space belongs between two pieces of text: the last character of a (na bytes) and the first of b (nb bytes) both take two
 * columns, or one of them is a mark of Chinese punctuation. */
bool text_needs_no_space(const char *a, size_t na, const char *b, size_t nb);
/* Takes the line ends out of b that need no space in their place; control characters beside them do not count. */
void text_join_lines(Buffer *b);

/* Adds s with what cannot be shown written as escapes: newline \n, tab \t, backslash
 * \\, other control characters and invalid bytes \xNN; where ascii is set, everything
 * outside ASCII as \uNNNN (\UNNNNNNNN above the basic plane). */
void text_escape(Buffer *out, const char *s, size_t n, bool ascii);

/* Adds s as a JSON string, quotes included: control characters as \uNNNN, a byte that is not UTF-8 as \ufffd. */
void text_json(Buffer *out, const char *s, size_t n);

/* The ASCII text that stands for a drawing or mathematical character ("->", "sqrt"), NULL where there is none. */
const char *text_ascii(int32_t c);

/* text_escape for what the program itself says: in ASCII these characters become what stands for them. */
void text_show(Buffer *out, const char *s, size_t n, bool ascii);

#endif
