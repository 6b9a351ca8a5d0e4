/* theme.h - how each role looks.
 *
 * Knows roles and colours, no terminal: curses, ANSI, SVG and HTML all ask here. */
#ifndef VIEW_THEME_H
#define VIEW_THEME_H

#include "view/canvas.h"

typedef enum Theme { THEME_DARK, THEME_LIGHT, THEME_CONTRAST, THEME_MONO, THEME_COUNT } Theme;

typedef struct Style {
    int32_t fg, bg;          /* 0xRRGGBB, or -1: the terminal's own */
    uint8_t fg256, bg256;    /* the nearest of the 256-colour palette; unused where fg, bg are -1 */
    uint8_t fg8, bg8;        /* of eight colours */
    bool bold, dim, underline, reverse;
} Style;

/* The style of a role. In THEME_MONO colours are all -1, and roles are told apart by attributes; the heat is
 * carried by the text itself (theme_heat_text) in every theme. */
const Style *theme_style(Theme theme, Role role);
/* "dark", "light", "high-contrast", "monochrome" */
const char *theme_name(Theme theme);
/* The theme of that name, or -1. */
int theme_find(const char *name);
/* The page's own colours, for the writers that paint a background. */
void theme_page(Theme theme, int32_t *fg, int32_t *bg);

/* The role of a value's heat: |value| / largest in eight equal steps, any value but zero at least the first, negative
 * values cold. NaN is ROLE_ERROR. */
Role theme_heat_role(double value, double largest);
/* One column that shows the same heat without colour: space . ░ ▒ ▓ █ (in ASCII " .:-=+*#@");
 * negative values have shapes of their own: - = ≡ ▬ ▄ (in ASCII ",;~/o%&$"). NaN is "?". */
const char *theme_heat_text(double value, double largest, bool ascii);

#endif
