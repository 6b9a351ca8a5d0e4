/* theme.c - four themes.
 *
 * Colours are those of the 256-colour palette above its first sixteen (which users redefine), so that the
 * same picture appears in a terminal of 256 colours and in a file of 24-bit ones.
 *
 * The heat is a ramp through dark red, orange and cream for positive values and through blue and cyan for
 * negative ones: the pair that the common kinds of colour blindness keep apart. Along each ramp the luminance is
 * monotone (rising on a dark page, falling on a light one), and the text turns from white to black where the other would
 * no longer be read: contrast at least 4.5:1 (WCAG 2.1, 1.4.3), 7:1 in high-contrast; the tests compute it. */
#include "view/theme.h"

#include <math.h>
#include <string.h>

/* The palette: 16 … 231 a cube of 6x6x6, 232 … 255 grays. */
#define LEVEL_(i) ((i) ? 55 + 40 * (i) : 0)
#define CUBE_(n) (LEVEL_((n) / 36) * 0x10000 + LEVEL_((n) / 6 % 6) * 0x100 + LEVEL_((n) % 6))
#define GRAY_(n) (0x010101 * (8 + 10 * (n)))
#define RGB_(n) ((n) < 0 ? -1 : (n) < 232 ? CUBE_((n)-16) : GRAY_((n)-232))
/* foreground and background of 256 (-1: the terminal's own), the same of eight, and the attributes */
#define LOOK(fg_, bg_, fg8_, bg8_, ...)                                                                                                    \
    {                                                                                                                                      \
        .fg = RGB_(fg_), .bg = RGB_(bg_), .fg256 = (fg_) < 0 ? 0 : (uint8_t)(fg_), .bg256 = (bg_) < 0 ? 0 : (uint8_t)(bg_), .fg8 = fg8_,   \
        .bg8 = bg8_, __VA_ARGS__                                                                                                           \
    }
#define PLAIN .bold = false
#define BOLD .bold = true
#define DIM .dim = true
#define UNDERLINE .underline = true
#define REVERSE .reverse = true

enum { BLACK, RED, GREEN, YELLOW, BLUE, MAGENTA, CYAN, WHITE };

static const Style dark[ROLE_COUNT] = {
    [ROLE_TEXT] = LOOK(-1, -1, 0, 0, PLAIN),
    [ROLE_DIM] = LOOK(245, -1, WHITE, 0, PLAIN),
    [ROLE_TITLE] = LOOK(231, 24, WHITE, BLUE, BOLD),
    [ROLE_HEADING] = LOOK(117, -1, CYAN, 0, BOLD),
    [ROLE_LABEL] = LOOK(180, -1, YELLOW, 0, PLAIN),
    [ROLE_BORDER] = LOOK(243, -1, WHITE, 0, PLAIN),
    [ROLE_KEY] = LOOK(221, -1, YELLOW, 0, BOLD),
    [ROLE_CURSOR] = LOOK(16, 118, BLACK, GREEN, BOLD),
    [ROLE_CROSS] = LOOK(118, -1, GREEN, 0, BOLD),
    [ROLE_HERE] = LOOK(16, 114, BLACK, GREEN, BOLD),
    [ROLE_DONE] = LOOK(108, -1, GREEN, 0, PLAIN),
    [ROLE_ABLATED] = LOOK(203, -1, RED, 0, UNDERLINE),
    [ROLE_MASKED] = LOOK(243, -1, BLUE, 0, PLAIN),
    [ROLE_NEGATIVE] = LOOK(111, -1, CYAN, 0, PLAIN),
    [ROLE_BADGE] = LOOK(16, 208, BLACK, YELLOW, BOLD),
    [ROLE_MATCH] = LOOK(16, 228, BLACK, YELLOW, UNDERLINE),
    [ROLE_ERROR] = LOOK(231, 160, WHITE, RED, BOLD),
    [ROLE_WARNING] = LOOK(214, -1, YELLOW, 0, BOLD),
    [ROLE_MENU] = LOOK(254, 237, WHITE, BLUE, PLAIN),
    [ROLE_CHOICE] = LOOK(16, 153, BLACK, CYAN, BOLD),
    [ROLE_LINK] = LOOK(81, -1, CYAN, 0, UNDERLINE),
    [ROLE_HEAT0] = LOOK(-1, -1, 0, 0, PLAIN),
    [ROLE_HEAT0 + 1] = LOOK(231, 52, RED, BLACK, PLAIN),
    [ROLE_HEAT0 + 2] = LOOK(231, 88, YELLOW, BLACK, PLAIN),
    [ROLE_HEAT0 + 3] = LOOK(231, 124, WHITE, RED, PLAIN),
    [ROLE_HEAT0 + 4] = LOOK(231, 130, YELLOW, RED, PLAIN),
    [ROLE_HEAT0 + 5] = LOOK(16, 172, BLACK, YELLOW, PLAIN),
    [ROLE_HEAT0 + 6] = LOOK(16, 214, RED, YELLOW, PLAIN),
    [ROLE_HEAT0 + 7] = LOOK(16, 222, BLACK, WHITE, PLAIN),
    [ROLE_HEAT8] = LOOK(16, 230, RED, WHITE, PLAIN),
    [ROLE_COLD1] = LOOK(231, 18, BLUE, BLACK, PLAIN),
    [ROLE_COLD1 + 1] = LOOK(231, 20, CYAN, BLACK, PLAIN),
    [ROLE_COLD1 + 2] = LOOK(231, 25, WHITE, BLUE, PLAIN),
    [ROLE_COLD1 + 3] = LOOK(231, 27, CYAN, BLUE, PLAIN),
    [ROLE_COLD1 + 4] = LOOK(16, 33, BLACK, CYAN, PLAIN),
    [ROLE_COLD1 + 5] = LOOK(16, 75, BLUE, CYAN, PLAIN),
    [ROLE_COLD1 + 6] = LOOK(16, 117, BLUE, WHITE, PLAIN),
    [ROLE_COLD8] = LOOK(16, 195, MAGENTA, WHITE, PLAIN),
};

static const Style light[ROLE_COUNT] = {
    [ROLE_TEXT] = LOOK(-1, -1, 0, 0, PLAIN),
    [ROLE_DIM] = LOOK(242, -1, BLACK, 0, PLAIN),
    [ROLE_TITLE] = LOOK(231, 24, WHITE, BLUE, BOLD),
    [ROLE_HEADING] = LOOK(24, -1, BLUE, 0, BOLD),
    [ROLE_LABEL] = LOOK(94, -1, RED, 0, PLAIN),
    [ROLE_BORDER] = LOOK(244, -1, BLACK, 0, PLAIN),
    [ROLE_KEY] = LOOK(90, -1, MAGENTA, 0, BOLD),
    [ROLE_CURSOR] = LOOK(231, 22, WHITE, GREEN, BOLD),
    [ROLE_CROSS] = LOOK(22, -1, GREEN, 0, BOLD),
    [ROLE_HERE] = LOOK(231, 22, WHITE, GREEN, BOLD),
    [ROLE_DONE] = LOOK(238, -1, BLACK, 0, PLAIN),
    [ROLE_ABLATED] = LOOK(160, -1, RED, 0, UNDERLINE),
    [ROLE_MASKED] = LOOK(243, -1, BLUE, 0, PLAIN),
    [ROLE_NEGATIVE] = LOOK(26, -1, BLUE, 0, PLAIN),
    [ROLE_BADGE] = LOOK(231, 130, WHITE, RED, BOLD),
    [ROLE_MATCH] = LOOK(16, 227, BLACK, YELLOW, UNDERLINE),
    [ROLE_ERROR] = LOOK(231, 160, WHITE, RED, BOLD),
    [ROLE_WARNING] = LOOK(130, -1, RED, 0, BOLD),
    [ROLE_MENU] = LOOK(235, 253, BLACK, WHITE, PLAIN),
    [ROLE_CHOICE] = LOOK(231, 25, WHITE, BLUE, BOLD),
    [ROLE_LINK] = LOOK(25, -1, BLUE, 0, UNDERLINE),
    [ROLE_HEAT0] = LOOK(-1, -1, 0, 0, PLAIN),
    [ROLE_HEAT0 + 1] = LOOK(16, 230, BLACK, WHITE, PLAIN),
    [ROLE_HEAT0 + 2] = LOOK(16, 223, RED, WHITE, PLAIN),
    [ROLE_HEAT0 + 3] = LOOK(16, 216, BLACK, YELLOW, PLAIN),
    [ROLE_HEAT0 + 4] = LOOK(16, 208, RED, YELLOW, PLAIN),
    [ROLE_HEAT0 + 5] = LOOK(16, 166, WHITE, RED, PLAIN),
    [ROLE_HEAT0 + 6] = LOOK(231, 160, YELLOW, RED, PLAIN),
    [ROLE_HEAT0 + 7] = LOOK(231, 124, YELLOW, BLACK, PLAIN),
    [ROLE_HEAT8] = LOOK(231, 88, WHITE, BLACK, PLAIN),
    [ROLE_COLD1] = LOOK(16, 195, BLUE, WHITE, PLAIN),
    [ROLE_COLD1 + 1] = LOOK(16, 153, MAGENTA, WHITE, PLAIN),
    [ROLE_COLD1 + 2] = LOOK(16, 75, BLACK, CYAN, PLAIN),
    [ROLE_COLD1 + 3] = LOOK(16, 69, BLUE, CYAN, PLAIN),
    [ROLE_COLD1 + 4] = LOOK(16, 32, WHITE, BLUE, PLAIN),
    [ROLE_COLD1 + 5] = LOOK(231, 27, YELLOW, BLUE, PLAIN),
    [ROLE_COLD1 + 6] = LOOK(231, 25, CYAN, BLACK, PLAIN),
    [ROLE_COLD8] = LOOK(231, 20, GREEN, BLACK, PLAIN),
};

static const Style contrast[ROLE_COUNT] = {
    [ROLE_TEXT] = LOOK(231, 16, WHITE, BLACK, PLAIN),
    [ROLE_DIM] = LOOK(250, 16, WHITE, BLACK, PLAIN),
    [ROLE_TITLE] = LOOK(16, 231, BLACK, WHITE, BOLD),
    [ROLE_HEADING] = LOOK(226, 16, YELLOW, BLACK, BOLD),
    [ROLE_LABEL] = LOOK(159, 16, CYAN, BLACK, PLAIN),
    [ROLE_BORDER] = LOOK(250, 16, WHITE, BLACK, PLAIN),
    [ROLE_KEY] = LOOK(226, 16, YELLOW, BLACK, BOLD, UNDERLINE),
    [ROLE_CURSOR] = LOOK(16, 46, BLACK, GREEN, BOLD),
    [ROLE_CROSS] = LOOK(46, 16, GREEN, BLACK, BOLD),
    [ROLE_HERE] = LOOK(16, 51, BLACK, CYAN, BOLD),
    [ROLE_DONE] = LOOK(120, 16, GREEN, BLACK, PLAIN),
    [ROLE_ABLATED] = LOOK(217, 16, RED, BLACK, BOLD, UNDERLINE),
    [ROLE_MASKED] = LOOK(248, 16, WHITE, BLACK, PLAIN),
    [ROLE_NEGATIVE] = LOOK(123, 16, CYAN, BLACK, PLAIN),
    [ROLE_BADGE] = LOOK(16, 214, BLACK, YELLOW, BOLD),
    [ROLE_MATCH] = LOOK(16, 226, BLACK, YELLOW, BOLD, UNDERLINE),
    [ROLE_ERROR] = LOOK(231, 88, WHITE, RED, BOLD),
    [ROLE_WARNING] = LOOK(214, 16, YELLOW, BLACK, BOLD),
    [ROLE_MENU] = LOOK(231, 18, WHITE, BLUE, PLAIN),
    [ROLE_CHOICE] = LOOK(16, 231, BLACK, WHITE, BOLD),
    [ROLE_LINK] = LOOK(51, 16, CYAN, BLACK, UNDERLINE),
    [ROLE_HEAT0] = LOOK(231, 16, WHITE, BLACK, PLAIN),
    [ROLE_HEAT0 + 1] = LOOK(231, 52, YELLOW, BLACK, PLAIN),
    [ROLE_HEAT0 + 2] = LOOK(231, 88, YELLOW, BLACK, PLAIN),
    [ROLE_HEAT0 + 3] = LOOK(231, 124, WHITE, RED, PLAIN),
    [ROLE_HEAT0 + 4] = LOOK(16, 172, WHITE, RED, PLAIN),
    [ROLE_HEAT0 + 5] = LOOK(16, 208, BLACK, YELLOW, PLAIN),
    [ROLE_HEAT0 + 6] = LOOK(16, 214, BLACK, YELLOW, PLAIN),
    [ROLE_HEAT0 + 7] = LOOK(16, 222, BLACK, WHITE, PLAIN),
    [ROLE_HEAT8] = LOOK(16, 230, BLACK, WHITE, PLAIN),
    [ROLE_COLD1] = LOOK(231, 18, CYAN, BLACK, PLAIN),
    [ROLE_COLD1 + 1] = LOOK(231, 20, CYAN, BLACK, PLAIN),
    [ROLE_COLD1 + 2] = LOOK(231, 21, WHITE, BLUE, PLAIN),
    [ROLE_COLD1 + 3] = LOOK(16, 39, WHITE, BLUE, PLAIN),
    [ROLE_COLD1 + 4] = LOOK(16, 147, BLACK, CYAN, PLAIN),
    [ROLE_COLD1 + 5] = LOOK(16, 117, BLACK, CYAN, PLAIN),
    [ROLE_COLD1 + 6] = LOOK(16, 189, BLUE, WHITE, PLAIN),
    [ROLE_COLD8] = LOOK(16, 195, BLUE, WHITE, PLAIN),
};

/* Attributes alone. A negative number has its sign, the heat its number or theme_heat_text; nothing that is
 * padded with spaces is underlined. */
#define ATTRIBUTES(...) LOOK(-1, -1, 0, 0, __VA_ARGS__)
static const Style mono[ROLE_COUNT] = {
    [ROLE_TEXT] = ATTRIBUTES(PLAIN),
    [ROLE_DIM] = ATTRIBUTES(DIM),
    [ROLE_TITLE] = ATTRIBUTES(REVERSE),
    [ROLE_HEADING] = ATTRIBUTES(BOLD),
    [ROLE_LABEL] = ATTRIBUTES(PLAIN),
    [ROLE_BORDER] = ATTRIBUTES(PLAIN),
    [ROLE_KEY] = ATTRIBUTES(BOLD),
    [ROLE_CURSOR] = ATTRIBUTES(REVERSE, BOLD),
    [ROLE_CROSS] = ATTRIBUTES(BOLD),
    [ROLE_HERE] = ATTRIBUTES(REVERSE, BOLD),
    [ROLE_DONE] = ATTRIBUTES(PLAIN),
    [ROLE_ABLATED] = ATTRIBUTES(DIM, UNDERLINE),
    [ROLE_MASKED] = ATTRIBUTES(DIM),
    [ROLE_NEGATIVE] = ATTRIBUTES(PLAIN),
    [ROLE_BADGE] = ATTRIBUTES(REVERSE),
    [ROLE_MATCH] = ATTRIBUTES(REVERSE, UNDERLINE),
    [ROLE_ERROR] = ATTRIBUTES(REVERSE, BOLD),
    [ROLE_WARNING] = ATTRIBUTES(BOLD),
    [ROLE_MENU] = ATTRIBUTES(PLAIN),
    [ROLE_CHOICE] = ATTRIBUTES(REVERSE),
    [ROLE_LINK] = ATTRIBUTES(UNDERLINE),
    [ROLE_HEAT0] = ATTRIBUTES(PLAIN),
    [ROLE_HEAT0 + 1] = ATTRIBUTES(PLAIN),
    [ROLE_HEAT0 + 2] = ATTRIBUTES(PLAIN),
    [ROLE_HEAT0 + 3] = ATTRIBUTES(PLAIN),
    [ROLE_HEAT0 + 4] = ATTRIBUTES(PLAIN),
    [ROLE_HEAT0 + 5] = ATTRIBUTES(BOLD),
    [ROLE_HEAT0 + 6] = ATTRIBUTES(BOLD),
    [ROLE_HEAT0 + 7] = ATTRIBUTES(BOLD),
    [ROLE_HEAT8] = ATTRIBUTES(BOLD),
    [ROLE_COLD1] = ATTRIBUTES(PLAIN),
    [ROLE_COLD1 + 1] = ATTRIBUTES(PLAIN),
    [ROLE_COLD1 + 2] = ATTRIBUTES(PLAIN),
    [ROLE_COLD1 + 3] = ATTRIBUTES(PLAIN),
    [ROLE_COLD1 + 4] = ATTRIBUTES(BOLD),
    [ROLE_COLD1 + 5] = ATTRIBUTES(BOLD),
    [ROLE_COLD1 + 6] = ATTRIBUTES(BOLD),
    [ROLE_COLD8] = ATTRIBUTES(BOLD),
};

typedef struct ThemeRow {
    const char *name;
    const Style *styles;
    int32_t fg, bg; /* the page */
} ThemeRow;

static const ThemeRow themes[THEME_COUNT] = {
    [THEME_DARK] = {"dark", dark, RGB_(254), RGB_(233)},
    [THEME_LIGHT] = {"light", light, RGB_(234), RGB_(231)},
    [THEME_CONTRAST] = {"high-contrast", contrast, RGB_(231), RGB_(16)},
    [THEME_MONO] = {"monochrome", mono, RGB_(16), RGB_(231)},
};

static const ThemeRow *row_of(Theme theme)
{
    return &themes[(unsigned)theme < THEME_COUNT ? theme : THEME_MONO];
}

const Style *theme_style(Theme theme, Role role)
{
    return &row_of(theme)->styles[(unsigned)role < ROLE_COUNT ? role : ROLE_TEXT];
}

const char *theme_name(Theme theme)
{
    return row_of(theme)->name;
}

int theme_find(const char *name)
{
    for (int i = 0; i < THEME_COUNT; i++)
        if (!strcmp(themes[i].name, name))
            return i;
    return -1;
}

void theme_page(Theme theme, int32_t *fg, int32_t *bg)
{
    *fg = row_of(theme)->fg;
    *bg = row_of(theme)->bg;
}

/* 0 for zero, 1 … 8 for the eighths of the largest value; negative for negative values. */
static int heat_level(double value, double largest)
{
    if (value == 0 || !(largest > 0))
        return 0;
    double share = fabs(value) / largest;
    int level = share >= 1 || isnan(share) ? 8 : (int)ceil(share * 8); /* infinity of infinity is the largest */
    return value < 0 ? -level : level;
}

Role theme_heat_role(double value, double largest)
{
    if (isnan(value))
        return ROLE_ERROR;
    int level = heat_level(value, largest);
    return (Role)(level < 0 ? ROLE_COLD1 - level - 1 : ROLE_HEAT0 + level);
}

const char *theme_heat_text(double value, double largest, bool ascii)
{
    /* Positive values grow in shade; negative ones grow in strokes of a minus sign. */
    static const char *const positive[9] = {" ", ".", ".", "░", "░", "▒", "▒", "▓", "█"};
    static const char *const negative[9] = {" ", "-", "-", "=", "=", "≡", "≡", "▬", "▄"};
    static const char *const positive_ascii[9] = {" ", ".", ":", "-", "=", "+", "*", "#", "@"};
    static const char *const negative_ascii[9] = {" ", ",", ";", "~", "/", "o", "%", "&", "$"};
    if (isnan(value))
        return "?";
    int level = heat_level(value, largest);
    if (level < 0)
        return (ascii ? negative_ascii : negative)[-level];
    return (ascii ? positive_ascii : positive)[level];
}
