/* test_theme.c - what the themes promise, computed from their colours. */
#include "view/theme.h"

#include <criterion/criterion.h>
#include <math.h>
#include <string.h>

/* Linear light of one channel (sRGB, IEC 61966-2-1). */
static double linear(int channel)
{
    double c = channel / 255.0;
    return c <= 0.04045 ? c / 12.92 : pow((c + 0.055) / 1.055, 2.4);
}

static double luminance(int32_t rgb)
{
    return 0.2126 * linear(rgb >> 16 & 255) + 0.7152 * linear(rgb >> 8 & 255) + 0.0722 * linear(rgb & 255);
}

/* Contrast ratio of WCAG 2.1. */
static double contrast_of(int32_t a, int32_t b)
{
    double x = luminance(a), y = luminance(b);
    return x > y ? (x + 0.05) / (y + 0.05) : (y + 0.05) / (x + 0.05);
}

/* The colours of a role on the theme's page. */
static void colors_of(Theme theme, Role role, int32_t *fg, int32_t *bg)
{
    const Style *s = theme_style(theme, role);
    theme_page(theme, fg, bg);
    if (s->fg >= 0)
        *fg = s->fg;
    if (s->bg >= 0)
        *bg = s->bg;
}

Test(theme, every_role_can_be_read)
{
    for (Theme t = 0; t < THEME_COUNT; t++)
        for (Role r = 0; r < ROLE_COUNT; r++) {
            int32_t fg, bg;
            colors_of(t, r, &fg, &bg);
            double least = t == THEME_CONTRAST ? 7 : r == ROLE_BORDER || r == ROLE_MASKED ? 3 : 4.5;
            cr_expect_geq(contrast_of(fg, bg), least, "%s: role %d: contrast %.2f, less than %.1f", theme_name(t), (int)r,
                          contrast_of(fg, bg), least);
        }
}

static Role step(bool cold, int level)
{
    return (Role)(cold ? ROLE_COLD1 + level - 1 : ROLE_HEAT0 + level);
}

Test(theme, heat_is_monotone_in_luminance)
{
    for (Theme t = 0; t < THEME_MONO; t++)
        for (int cold = 0; cold < 2; cold++) {
            int32_t fg, bg;
            colors_of(t, ROLE_TEXT, &fg, &bg);
            double before = luminance(bg), direction = before < 0.5 ? 1 : -1;
            for (int level = 1; level <= 8; level++) {
                colors_of(t, step(cold, level), &fg, &bg);
                cr_expect_gt(direction * luminance(bg), direction * before, "%s: %s %d", theme_name(t), cold ? "cold" : "heat", level);
                before = luminance(bg);
            }
        }
}

/* What a person without one kind of cones sees, in linear light: Viénot, Brettel and Mollon, "Digital video colourmaps
 * for checking the legibility of displays by dichromats", Color Research and Application 24 (1999). */
static const double sight[3][3][3] = {
    {{1, 0, 0}, {0, 1, 0}, {0, 0, 1}},
    {{0.11238, 0.88762, 0}, {0.11238, 0.88762, 0}, {0.00401, -0.00401, 1}},
    {{0.29275, 0.70725, 0}, {0.29275, 0.70725, 0}, {-0.02234, 0.02234, 1}},
};

static double lab_part(double t)
{
    return t > 0.008856 ? cbrt(t) : 7.787 * t + 16.0 / 116;
}

/* The difference of two colours as seen (CIE 1976 L*a*b*). About 2 can just be told apart. */
static double difference(int32_t a, int32_t b, int eyes)
{
    double lab[2][3];
    const int32_t colors[2] = {a, b};
    for (int i = 0; i < 2; i++) {
        double rgb[3] = {linear(colors[i] >> 16 & 255), linear(colors[i] >> 8 & 255), linear(colors[i] & 255)}, seen[3];
        for (int k = 0; k < 3; k++)
            seen[k] = sight[eyes][k][0] * rgb[0] + sight[eyes][k][1] * rgb[1] + sight[eyes][k][2] * rgb[2];
        double x = lab_part((0.4124 * seen[0] + 0.3576 * seen[1] + 0.1805 * seen[2]) / 0.9505);
        double y = lab_part(0.2126 * seen[0] + 0.7152 * seen[1] + 0.0722 * seen[2]);
        double z = lab_part((0.0193 * seen[0] + 0.1192 * seen[1] + 0.9505 * seen[2]) / 1.089);
        lab[i][0] = 116 * y - 16;
        lab[i][1] = 500 * (x - y);
        lab[i][2] = 200 * (y - z);
    }
    return sqrt(pow(lab[0][0] - lab[1][0], 2) + pow(lab[0][1] - lab[1][1], 2) + pow(lab[0][2] - lab[1][2], 2));
}

Test(theme, signs_differ_for_the_colour_blind_too)
{
    for (Theme t = 0; t < THEME_MONO; t++)
        for (int level = 1; level <= 8; level++)
            for (int eyes = 0; eyes < 3; eyes++) {
                int32_t fg, heat, cold;
                colors_of(t, step(false, level), &fg, &heat);
                colors_of(t, step(true, level), &fg, &cold);
                cr_expect_geq(difference(heat, cold, eyes), 15, "%s, level %d, eyes %d: %.1f", theme_name(t), level, eyes,
                              difference(heat, cold, eyes));
            }
}

Test(theme, colours_are_those_of_the_palette)
{
    static const int levels[6] = {0, 95, 135, 175, 215, 255};
    for (Theme t = 0; t < THEME_COUNT; t++)
        for (Role r = 0; r < ROLE_COUNT; r++) {
            const Style *s = theme_style(t, r);
            const int32_t colors[2] = {s->fg, s->bg};
            const int indices[2] = {s->fg256, s->bg256};
            for (int k = 0; k < 2; k++) {
                if (colors[k] < 0)
                    continue;
                int n = indices[k], gray = 8 + 10 * (n - 232);
                cr_assert(n >= 16, "%s: role %d uses one of the colours that users change", theme_name(t), (int)r);
                int32_t rgb = n >= 232 ? gray << 16 | gray << 8 | gray
                                       : levels[(n - 16) / 36] << 16 | levels[(n - 16) / 6 % 6] << 8 | levels[(n - 16) % 6];
                cr_expect_eq(rgb, colors[k], "%s: role %d: %d is %06x, not %06x", theme_name(t), (int)r, n, (unsigned)rgb,
                             (unsigned)colors[k]);
            }
            cr_expect(s->fg8 < 8 && s->bg8 < 8);
            if (s->bg >= 0)
                cr_expect_neq(s->fg8, s->bg8, "%s: role %d cannot be seen in eight colours", theme_name(t), (int)r);
        }
}

Test(theme, monochrome_uses_attributes_alone)
{
    for (Role r = 0; r < ROLE_COUNT; r++) {
        const Style *s = theme_style(THEME_MONO, r);
        cr_expect(s->fg == -1 && s->bg == -1, "role %d has a colour", (int)r);
    }
    /* What must stand out from plain text. */
    static const Role marked[] = {ROLE_DIM,    ROLE_TITLE, ROLE_HEADING, ROLE_KEY,   ROLE_CURSOR,  ROLE_CROSS,  ROLE_HERE, ROLE_ABLATED,
                                  ROLE_MASKED, ROLE_BADGE, ROLE_MATCH,   ROLE_ERROR, ROLE_WARNING, ROLE_CHOICE, ROLE_LINK};
    for (size_t i = 0; i < sizeof marked / sizeof *marked; i++) {
        const Style *s = theme_style(THEME_MONO, marked[i]);
        cr_expect(s->bold || s->dim || s->underline || s->reverse, "role %d looks like text", (int)marked[i]);
    }
}

Test(theme, names)
{
    for (int t = 0; t < THEME_COUNT; t++)
        cr_expect_eq(theme_find(theme_name((Theme)t)), t);
    cr_expect_eq(theme_find("light"), THEME_LIGHT);
    cr_expect_eq(theme_find("Light"), -1);
    cr_expect_eq(theme_find(""), -1);
}

Test(theme, heat_of_values)
{
    static const struct {
        double value, largest;
        Role role;
        const char *text, *ascii;
    } cases[] = {
        {0, 1, ROLE_HEAT0, " ", " "},         {-0.0, 1, ROLE_HEAT0, " ", " "},      {1e-9, 1, ROLE_HEAT0 + 1, ".", "."},
        {0.125, 1, ROLE_HEAT0 + 1, ".", "."}, {0.126, 1, ROLE_HEAT0 + 2, ".", ":"}, {0.5, 1, ROLE_HEAT0 + 4, "░", "="},
        {0.75, 1, ROLE_HEAT0 + 6, "▒", "*"},  {0.8, 1, ROLE_HEAT0 + 7, "▓", "#"},   {1, 1, ROLE_HEAT8, "█", "@"},
        {7, 1, ROLE_HEAT8, "█", "@"},         {INFINITY, 1, ROLE_HEAT8, "█", "@"},  {INFINITY, INFINITY, ROLE_HEAT8, "█", "@"},
        {1, INFINITY, ROLE_HEAT0, " ", " "},  {-1e-9, 1, ROLE_COLD1, "-", ","},     {-0.5, 1, ROLE_COLD1 + 3, "=", "/"},
        {-2, 4, ROLE_COLD1 + 3, "=", "/"},    {-0.8, 1, ROLE_COLD1 + 6, "▬", "&"},  {-1, 1, ROLE_COLD8, "▄", "$"},
        {-INFINITY, 1, ROLE_COLD8, "▄", "$"}, {NAN, 1, ROLE_ERROR, "?", "?"},       {1, 0, ROLE_HEAT0, " ", " "},
        {1, NAN, ROLE_HEAT0, " ", " "},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        double v = cases[i].value, m = cases[i].largest;
        cr_expect_eq(theme_heat_role(v, m), cases[i].role, "%g of %g: role %d", v, m, (int)theme_heat_role(v, m));
        cr_expect_str_eq(theme_heat_text(v, m, false), cases[i].text, "%g of %g", v, m);
        cr_expect_str_eq(theme_heat_text(v, m, true), cases[i].ascii, "%g of %g in ASCII", v, m);
    }
    for (int ascii = 0; ascii < 2; ascii++)
        for (int a = 1; a <= 8; a++)
            for (int b = 1; b <= 8; b++)
                cr_expect(strcmp(theme_heat_text(a, 8, ascii), theme_heat_text(-b, 8, ascii)) != 0, "%d and -%d look alike", a, b);
}
