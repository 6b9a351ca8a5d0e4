/* markup.h - what the SVG and the HTML writer share. */
#ifndef TERM_MARKUP_H
#define TERM_MARKUP_H

#include "base/buffer.h"
#include "view/theme.h"

#define MARKUP_FONTS "'DejaVu Sans Mono', Menlo, Consolas, 'Noto Sans Mono CJK SC', 'Source Han Mono SC', monospace"

/* A style on the writer's own page: colours resolved, reverse carried out. */
typedef struct Ink {
    int32_t fg, bg; /* 0xRRGGBB; bg -1: the page's */
    bool bold, dim, underline;
} Ink;

Ink markup_ink(Theme theme, bool color, Role role);
/* The page's colours. Without color: black on white. */
void markup_page(Theme theme, bool color, int32_t *fg, int32_t *bg);

/* Adds n bytes of text with < > & " escaped; what XML 1.0 does not allow (production [2] Char) is left out. */
void markup_escape(Buffer *out, const char *text, size_t n);

/* True for characters that monospaced fonts have, of one column each: they may stand in a run. Others come from another font of
 * another width, and are placed on their own. */
bool markup_is_common(const Cell *cell);

#endif
