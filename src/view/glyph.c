/* glyph.c - characters, their escapes, their ASCII equivalents, and lines. */
#include "view/glyph.h"

#include "base/text.h"
#include "view/canvas.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <utf8proc.h>

typedef struct Equivalent {
    uint16_t code;
    char text[10];
} Equivalent;

/* Sorted by code. To add a character: one row, in its place. */
static const Equivalent equivalents[] = {
    {0x00a0, " "},   {0x00ab, "<<"},    {0x00ac, "not "},  {0x00b0, "deg"},    {0x00b1, "+-"},     {0x00b2, "^2"},       {0x00b3, "^3"},
    {0x00b7, "."},   {0x00b9, "^1"},    {0x00bb, ">>"},    {0x00bc, "1/4"},    {0x00bd, "1/2"},    {0x00be, "3/4"},      {0x00d7, "x"},
    {0x00f7, "/"},   {0x0393, "Gamma"}, {0x0394, "Delta"}, {0x0398, "Theta"},  {0x039b, "Lambda"}, {0x03a0, "prod"},     {0x03a3, "sum"},
    {0x03a6, "Phi"}, {0x03a8, "Psi"},   {0x03a9, "Omega"}, {0x03b1, "alpha"},  {0x03b2, "beta"},   {0x03b3, "gamma"},    {0x03b4, "delta"},
    {0x03b5, "eps"}, {0x03b6, "zeta"},  {0x03b7, "eta"},   {0x03b8, "theta"},  {0x03b9, "iota"},   {0x03ba, "kappa"},    {0x03bb, "lambda"},
    {0x03bc, "mu"},  {0x03bd, "nu"},    {0x03be, "xi"},    {0x03c0, "pi"},     {0x03c1, "rho"},    {0x03c3, "sigma"},    {0x03c4, "tau"},
    {0x03c6, "phi"}, {0x03c7, "chi"},   {0x03c8, "psi"},   {0x03c9, "omega"},  {0x1d40, "^T"},     {0x1d62, "_i"},       {0x2010, "-"},
    {0x2011, "-"},   {0x2012, "-"},     {0x2013, "-"},     {0x2014, "--"},     {0x2016, "||"},     {0x2018, "'"},        {0x2019, "'"},
    {0x201c, "\""},  {0x201d, "\""},    {0x2020, "+"},     {0x2022, "*"},      {0x2026, "~"},      {0x2032, "'"},        {0x2033, "''"},
    {0x2039, "<"},   {0x203a, ">"},     {0x2070, "^0"},    {0x2071, "^i"},     {0x2074, "^4"},     {0x2075, "^5"},       {0x2076, "^6"},
    {0x2077, "^7"},  {0x2078, "^8"},    {0x2079, "^9"},    {0x207b, "^-"},     {0x207f, "^n"},     {0x2080, "_0"},       {0x2081, "_1"},
    {0x2082, "_2"},  {0x2083, "_3"},    {0x2084, "_4"},    {0x2085, "_5"},     {0x2086, "_6"},     {0x2087, "_7"},       {0x2088, "_8"},
    {0x2089, "_9"},  {0x2095, "_h"},    {0x2096, "_k"},    {0x2097, "_l"},     {0x2098, "_m"},     {0x2099, "_n"},       {0x209a, "_p"},
    {0x209c, "_t"},  {0x2113, "l"},     {0x211d, "R"},     {0x2190, "<-"},     {0x2191, "^"},      {0x2192, "->"},       {0x2193, "v"},
    {0x2194, "<->"}, {0x2196, "^"},     {0x21a6, "|->"},   {0x21a9, "<-"},     {0x21aa, "->"},     {0x21b3, "`->"},      {0x21b5, "<-'"},
    {0x21ba, "@"},   {0x21bb, "@"},     {0x21d0, "<="},    {0x21d2, "=>"},     {0x21d4, "<=>"},    {0x21e5, "->|"},      {0x2200, "all "},
    {0x2202, "d"},   {0x2203, "some "}, {0x2205, "{}"},    {0x2207, "grad "},  {0x2208, " in "},   {0x2209, " not in "}, {0x220f, "prod"},
    {0x2211, "sum"}, {0x2212, "-"},     {0x2215, "/"},     {0x2217, "*"},      {0x2218, "o"},      {0x2219, "."},        {0x221a, "sqrt"},
    {0x221d, " ~ "}, {0x221e, "inf"},   {0x2225, "||"},    {0x2227, " and "},  {0x2228, " or "},   {0x223c, "~"},        {0x2248, "~="},
    {0x2260, "!="},  {0x2261, "=="},    {0x2264, "<="},    {0x2265, ">="},     {0x226a, "<<"},     {0x226b, ">>"},       {0x2295, "(+)"},
    {0x2297, "(x)"}, {0x2299, "(.)"},   {0x22a4, "^T"},    {0x22a5, "_|_"},    {0x22c5, "."},      {0x22c6, "*"},        {0x22ee, ":"},
    {0x22ef, "..."}, {0x2308, "ceil("}, {0x2309, ")"},     {0x230a, "floor("}, {0x230b, ")"},      {0x23ce, "<-'"},      {0x2423, "_"},
    {0x2500, "-"},   {0x2501, "="},     {0x2502, "|"},     {0x2503, "|"},      {0x2504, "-"},      {0x2506, "|"},        {0x2508, "-"},
    {0x250a, ":"},   {0x250c, "+"},     {0x250f, "+"},     {0x2510, "+"},      {0x2513, "+"},      {0x2514, "+"},        {0x2517, "+"},
    {0x2518, "+"},   {0x251b, "+"},     {0x251c, "+"},     {0x2523, "+"},      {0x2524, "+"},      {0x252b, "+"},        {0x252c, "+"},
    {0x2533, "+"},   {0x2534, "+"},     {0x253b, "+"},     {0x253c, "+"},      {0x254b, "+"},      {0x254c, "-"},        {0x254e, "|"},
    {0x2550, "="},   {0x2551, "|"},     {0x2554, "+"},     {0x2557, "+"},      {0x255a, "+"},      {0x255d, "+"},        {0x2560, "+"},
    {0x2563, "+"},   {0x2566, "+"},     {0x2569, "+"},     {0x256c, "+"},      {0x256d, "+"},      {0x256e, "+"},        {0x256f, "+"},
    {0x2570, "+"},   {0x2571, "/"},     {0x2572, "\\"},    {0x2573, "X"},      {0x2574, "-"},      {0x2575, "|"},        {0x2576, "-"},
    {0x2577, "|"},   {0x2580, "\""},    {0x2581, "_"},     {0x2582, "."},      {0x2583, "-"},      {0x2584, "="},        {0x2585, "+"},
    {0x2586, "*"},   {0x2587, "%"},     {0x2588, "#"},     {0x2589, "#"},      {0x258a, "#"},      {0x258b, "+"},        {0x258c, "+"},
    {0x258d, ":"},   {0x258e, ":"},     {0x258f, "|"},     {0x2590, "+"},      {0x2591, "."},      {0x2592, "+"},        {0x2593, "*"},
    {0x25a0, "#"},   {0x25a1, "."},     {0x25aa, "#"},     {0x25ab, "."},      {0x25ac, "="},      {0x25ae, "|"},        {0x25af, "|"},
    {0x25b2, "^"},   {0x25b3, "^"},     {0x25b4, "^"},     {0x25b5, "^"},      {0x25b6, ">"},      {0x25b7, ">"},        {0x25b8, ">"},
    {0x25b9, ">"},   {0x25ba, ">"},     {0x25bc, "v"},     {0x25bd, "v"},      {0x25be, "v"},      {0x25bf, "v"},        {0x25c0, "<"},
    {0x25c2, "<"},   {0x25c4, "<"},     {0x25c6, "*"},     {0x25c7, "o"},      {0x25c9, "*"},      {0x25cb, "o"},        {0x25cc, "o"},
    {0x25cf, "*"},   {0x25d0, "o"},     {0x25d1, "o"},     {0x25e6, "o"},      {0x25ef, "o"},      {0x2605, "*"},        {0x2606, "*"},
    {0x2610, "[ ]"}, {0x2611, "[x]"},   {0x2713, "ok"},    {0x2714, "ok"},     {0x2715, "x"},      {0x2717, "x"},        {0x2718, "x"},
    {0x27e8, "<"},   {0x27e9, ">"},     {0x2a2f, "x"},     {0x2c7c, "_j"},
};

static int compare_code(const void *key, const void *row)
{
    int32_t c = *(const int32_t *)key, code = ((const Equivalent *)row)->code;
    return (c > code) - (c < code);
}

const char *glyph_ascii(int32_t c)
{
    if (c >= 0x2800 && c <= 0x28ff) { /* Braille patterns, drawn by plots: by how many of the eight dots are set */
        static const char *const density[9] = {" ", ".", ".", ":", ":", "*", "*", "#", "#"};
        int dots = 0;
        for (int32_t bits = c & 0xff; bits; bits &= bits - 1)
            dots++;
        return density[dots];
    }
    const Equivalent *found = bsearch(&c, equivalents, sizeof equivalents / sizeof *equivalents, sizeof *equivalents, compare_code);
    return found ? found->text : NULL;
}

/* Neither a picture of its own nor something that combines: what would move or hide other text, or nothing at all. */
static bool is_invisible(int32_t c)
{
    switch (utf8proc_category(c)) {
    case UTF8PROC_CATEGORY_CC:
    case UTF8PROC_CATEGORY_CF:
    case UTF8PROC_CATEGORY_CO:
    case UTF8PROC_CATEGORY_CN:
    case UTF8PROC_CATEGORY_CS:
    case UTF8PROC_CATEGORY_ZL:
    case UTF8PROC_CATEGORY_ZP:
        return true;
    default:
        return false;
    }
}

static bool is_variation_selector(int32_t c)
{
    return (c >= 0xfe00 && c <= 0xfe0f) || (c >= 0xe0100 && c <= 0xe01ef);
}

/* \xNN, \uNNNN, \UNNNNNNNN */
static size_t escape(Glyph *g, size_t used, char letter, int digits, unsigned c)
{
    g->width = (uint8_t)snprintf(g->text, sizeof g->text, "\\%c%0*X", letter, digits, c);
    g->cell = false;
    return used;
}

static size_t escape_unicode(Glyph *g, size_t used, int32_t c)
{
    return escape(g, used, c > 0xffff ? 'U' : 'u', c > 0xffff ? 8 : 4, (unsigned)c);
}

static void append(Glyph *g, size_t *len, const char *bytes, size_t n)
{
    if (*len + n >= CELL_TEXT_MAX)
        return; /* more marks than a cell holds */
    memcpy(g->text + *len, bytes, n);
    *len += n;
    g->text[*len] = '\0';
}

size_t glyph_next(const char *s, size_t n, bool ascii, Glyph *g)
{
    int32_t c;
    size_t used = text_decode(s, n, &c);
    *g = (Glyph){.width = 1, .cell = true, .code = c};
    if (c == 0xfffd && used == 1)
        return escape(g, used, 'x', 2, (unsigned char)*s);
    if (c == '\n' || c == '\t') {
        memcpy(g->text, c == '\n' ? "\\n" : "\\t", 2);
        g->width = 2;
        g->cell = false;
        return used;
    }
    if (c < 0x20 || (c >= 0x7f && c < 0xa0))
        return escape(g, used, 'x', 2, (unsigned)c);
    if (ascii && c > 0x7e) {
        const char *equivalent = glyph_ascii(c);
        if (!equivalent)
            return escape_unicode(g, used, c);
        size_t len = strlen(equivalent);
        memcpy(g->text, equivalent, len);
        g->width = (uint8_t)len;
        g->cell = false;
        return used;
    }
    size_t len = 0;
    if (c > 0x7e) {
        if (is_invisible(c))
            return escape_unicode(g, used, c);
        int width = text_char_width(c);
        if (width < 1)
            append(g, &len, "\xe2\x97\x8c", 3); /* a dotted circle to carry the mark */
        g->width = width > 1 ? 2 : 1;
    }
    if (!is_variation_selector(c))
        append(g, &len, s, used);
    /* what combines with it */
    while (!ascii && used < n && (unsigned char)s[used] >= 0x80) {
        size_t more = text_decode(s + used, n - used, &c);
        if (text_char_width(c) != 0 || is_invisible(c))
            break;
        if (!is_variation_selector(c))
            append(g, &len, s + used, more);
        used += more;
    }
    return used;
}

/* By the sides reached: up 1, down 2, left 4, right 8. */
static const char *const box_characters[16] = {" ", "│", "│", "│", "─", "┘", "┐", "┤", "─", "└", "┌", "├", "─", "┴", "┬", "┼"};

int glyph_lines(const char *text)
{
    /* All of them are E2 94 80 … E2 95 BF. */
    if ((unsigned char)text[0] != 0xe2 || ((unsigned char)text[1] & 0xfe) != 0x94)
        return 0;
    for (int lines = 3; lines < 16; lines++)
        if (!strcmp(text, box_characters[lines]))
            return lines == LINE_LEFT ? LINE_LEFT | LINE_RIGHT : lines;
    return 0;
}

const char *glyph_of_lines(int lines, bool ascii)
{
    if (!ascii)
        return box_characters[lines & 15];
    bool vertical = lines & (LINE_UP | LINE_DOWN), horizontal = lines & (LINE_LEFT | LINE_RIGHT);
    return vertical && horizontal ? "+" : vertical ? "|" : horizontal ? "-" : " ";
}

int glyph_ascii_lines(const char *text)
{
    if (!text[0] || text[1])
        return 0;
    switch (text[0]) {
    case '+':
        return LINE_UP | LINE_DOWN | LINE_LEFT | LINE_RIGHT;
    case '-':
        return LINE_LEFT | LINE_RIGHT;
    case '|':
        return LINE_UP | LINE_DOWN;
    default:
        return 0;
    }
}
