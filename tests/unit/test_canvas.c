/* test_canvas.c - drawing on a canvas: as data where that says more than code. */
#include "view/canvas.h"

#include "view/event.h"
#include "view/glyph.h"

#include "canvas_help.h"

#include <limits.h>
#include <stdio.h>

/* ---- one row ---- */

typedef enum How { PUT, CUT, RIGHT, CENTER } How;

typedef struct PutCase {
    int line;
    How how;
    bool ascii;
    int col, columns;
    const char *text, *expected; /* the row of twelve columns; _ is a space of the role */
    int taken;
} PutCase;

/* The row holds "我爱你abcdef" before. */
static const PutCase puts_[] = {
    {__LINE__, PUT, false, 0, 12, "xy", "xy爱你abcdef", 2},
    {__LINE__, PUT, false, 1, 12, "x", " x爱你abcdef", 1},  /* the left half goes */
    {__LINE__, PUT, false, 0, 12, "x", "x 爱你abcdef", 1},  /* the right half goes */
    {__LINE__, PUT, false, 1, 12, "他", " 他 你abcdef", 2}, /* both */
    {__LINE__, PUT, false, 6, 3, "xyzw", "我爱你xyzdef", 3},
    {__LINE__, PUT, false, 6, 0, "xyz", "我爱你abcdef", 0},
    {__LINE__, PUT, false, 6, -3, "xyz", "我爱你abcdef", 0},
    {__LINE__, PUT, false, 10, 12, "xyz", "我爱你abcdxy", 2},
    {__LINE__, PUT, false, 12, 12, "xyz", "我爱你abcdef", 0},
    {__LINE__, PUT, false, INT_MAX, INT_MAX, "xyz", "我爱你abcdef", 0},
    {__LINE__, PUT, false, -2, 12, "xyz", "z 爱你abcdef", 3},
    {__LINE__, PUT, false, -9, 9, "xyz", "我爱你abcdef", 3},
    {__LINE__, PUT, false, -1, 12, "他x", "_x爱你abcdef", 3}, /* half of it left of the canvas */
    {__LINE__, PUT, false, 11, 12, "他", "我爱你abcde_", 1},  /* half of it right of the canvas */
    {__LINE__, PUT, false, 6, 3, "x他他", "我爱你x他def", 3},
    {__LINE__, PUT, false, 6, 2, "x他他", "我爱你x_cdef", 2},
    {__LINE__, PUT, false, 6, 12, "", "我爱你abcdef", 0},
    {__LINE__, PUT, false, 6, 12, "a\nb\t", "我爱你a\\nb\\t", 6},
    {__LINE__, PUT, false, 6, 12, "\x1b", "我爱你\\x1Bef", 4},
    {__LINE__, PUT, false, 6, 12, "\xff", "我爱你\\xFFef", 4},
    {__LINE__, PUT, false, 6, 12, "\xc2\x9b", "我爱你\\x9Bef", 4},     /* CSI as one control character */
    {__LINE__, PUT, false, 6, 12, "\xe2\x80\xae", "我爱你\\u202E", 6}, /* right-to-left override */
    {__LINE__, PUT, false, 6, 5, "\xe2\x80\xae", "我爱你_____f", 5},   /* an escape is not split */
    {__LINE__, PUT, false, 6, 12, "e\xcc\x81x", "我爱你e\xcc\x81xcdef", 2},
    {__LINE__, PUT, false, 6, 1, "e\xcc\x81x",
     "我爱你e\xcc\x81"
     "bcdef",
     1},
    {__LINE__, PUT, false, 6, 12, "\xcc\x81x", "我爱你\xe2\x97\x8c\xcc\x81xcdef", 2}, /* a mark without a base */
    {__LINE__, PUT, false, 6, 12, "a\xef\xb8\x8f", "我爱你abcdef", 1},                /* a variation selector */
    {__LINE__, PUT, false, 6, 12, "a\\b", "我爱你a\\bdef", 3},                        /* a backslash is not doubled */
    {__LINE__, CUT, false, 6, 6, "abcdef", "我爱你abcdef", 6},
    {__LINE__, CUT, false, 6, 6, "uvwxyz!", "我爱你uvwxy…", 6},
    {__LINE__, CUT, false, 6, 12, "uvwxyz!", "我爱你uvwxy…", 6}, /* cut by the canvas */
    {__LINE__, CUT, false, 6, 4, "他他他", "我爱你他_…ef", 4},
    {__LINE__, CUT, false, 6, 1, "xyz", "我爱你…bcdef", 1},
    {__LINE__, CUT, false, 6, 0, "xyz", "我爱你abcdef", 0},
    {__LINE__, RIGHT, false, 6, 5, "1.5", "我爱你__1.5f", 5},
    {__LINE__, RIGHT, false, 1, 5, "1.5", " __1.5abcdef", 5},
    {__LINE__, RIGHT, false, 6, 3, "-10.5", "我爱你-1…def", 3},
    {__LINE__, RIGHT, false, 9, 6, "1.5", "我爱你abc___", 6},
    {__LINE__, RIGHT, false, -3, 5, "1.5", ".5爱你abcdef", 5},
    {__LINE__, CENTER, false, 6, 6, "他", "我爱你__他__", 6},
    {__LINE__, CENTER, false, 6, 5, "xy", "我爱你_xy__f", 5},
    {__LINE__, PUT, true, 0, 12, "我x", "\\u6211xbcdef", 7},
    {__LINE__, PUT, true, 0, 5, "我x", "_____0abcdef", 5},
    {__LINE__, PUT, true, -2, 12, "我x", "____x0abcdef", 7},
    {__LINE__, PUT, true, 0, 12, "a → b ÷ √8", "a_->_b_/____", 12},
    {__LINE__, CUT, true, 0, 8, "abcdefghij", "abcdefg~cdef", 8},
    {__LINE__, PUT, true, 0, 12, "e\xcc\x81", "e\\u0301bcdef", 7},
    {__LINE__, PUT, true, 0, 12, "😀", "\\U0001F600ef", 10},
};

Test(canvas, puts_text_as_the_table_says)
{
    for (size_t i = 0; i < sizeof puts_ / sizeof *puts_; i++) {
        const PutCase *t = &puts_[i];
        Canvas c = new_canvas(12, 3, t->ascii);
        canvas_put(&c, 1, 0, 12, ROLE_TEXT, t->ascii ? "XXXXX0abcdef" : "我爱你abcdef");
        int taken = t->how == PUT     ? canvas_put(&c, 1, t->col, t->columns, ROLE_KEY, t->text)
                    : t->how == CUT   ? canvas_put_cut(&c, 1, t->col, t->columns, ROLE_KEY, t->text)
                    : t->how == RIGHT ? canvas_put_right(&c, 1, t->col, t->columns, ROLE_KEY, t->text)
                                      : canvas_put_center(&c, 1, t->col, t->columns, ROLE_KEY, t->text);
        char *row = row_text(&c, 1);
        cr_expect_str_eq(row, t->expected, "line %d: expected [%s], found [%s]", t->line, t->expected, row);
        cr_expect_eq(taken, t->taken, "line %d: expected %d columns, found %d", t->line, t->taken, taken);
        check_cells(&c, t->text);
        free(row);
        for (int other = 0; other < 3; other += 2) {
            row = row_text(&c, other);
            cr_expect_str_eq(row, "            ", "line %d wrote on row %d", t->line, other);
            free(row);
        }
        if (t->how == PUT) /* a row off the canvas: nothing drawn, the same columns taken */
            cr_expect_eq(canvas_put(&c, 3, t->col, t->columns, ROLE_KEY, t->text), t->taken, "line %d", t->line);
        canvas_free(&c);
    }
}

Test(canvas, text_width_is_what_put_takes)
{
    static const char *const texts[] = {
        "",
        "abc",
        "我爱你",
        "a我b",
        "e\xcc\x81",
        "\xcc\x81",
        "\n\t\x1b\x7f",
        "\xff\xfe",
        "√8 ≤ ∞ ± · … → ← ‖ᵀ Σ",
        "┌─┐│└┘├┤",
        "▸▾▶✓█▓▒░●○■□",
        "😀👍",
        "한국어",
        "ｆｕｌｌ",
        "\xe2\x80\xae",
        "\xf4\x8f\xbf\xbf",
        "⠿⣿⠀",
        "Ελληνικά",
        "русский",
        "עברית",
    };
    for (int ascii = 0; ascii < 2; ascii++) {
        Canvas c = new_canvas(400, 1, ascii);
        for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
            int taken = canvas_put(&c, 0, 0, 400, ROLE_TEXT, texts[i]);
            cr_expect_eq(canvas_text_width(&c, texts[i]), taken, "'%s': %d and %d", texts[i], canvas_text_width(&c, texts[i]), taken);
            check_cells(&c, texts[i]);
        }
        canvas_free(&c);
    }
}

Test(canvas, a_cell_keeps_the_marks_that_fit)
{
    Canvas c = new_canvas(10, 1, false);
    char text[64] = "o";
    for (int i = 0; i < 20; i++)
        strcat(text, "\xcc\x88");
    cr_expect_eq(canvas_put(&c, 0, 0, 10, ROLE_TEXT, text), 1);
    check_cells(&c, "twenty marks");
    cr_expect_eq(strlen(canvas_row(&c, 0)[0].text), 13u); /* o and six marks */
    canvas_free(&c);
}

Test(canvas, printf_formats)
{
    Canvas c = new_canvas(12, 1, false);
    cr_expect_eq(canvas_printf(&c, 0, 2, 10, ROLE_TEXT, "%s=%.2f", "我", 1.5), 7);
    char *row = row_text(&c, 0);
    cr_expect_str_eq(row, "  我=1.50   ");
    free(row);
    canvas_free(&c);
}

Test(canvas, sizes_are_checked)
{
    static const int wrong[][2] = {{0, 5}, {5, 0}, {-1, 5}, {1001, 5}, {5, 1001}, {INT_MAX, INT_MAX}};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        Canvas c;
        Error e = {""};
        cr_expect_eq(canvas_init(&c, wrong[i][0], wrong[i][1], false, &e), -1);
        cr_expect(strstr(e.text, "expected 1 to 1000"), "%s", e.text);
        cr_expect_null(c.cells);
        canvas_free(&c);
    }
    Canvas c = new_canvas(1000, 1000, false);
    cr_expect_null(canvas_row(&c, -1));
    cr_expect_null(canvas_row(&c, 1000));
    canvas_free(&c);
}

/* ---- boxes of text ---- */

typedef struct WrapCase {
    int line;
    int columns, rows;
    const char *text;
    int taken;
    const char *expected[4];
} WrapCase;

static const WrapCase wraps[] = {
    {__LINE__, 9, 4, "each row sums to one", 3, {"each row", "sums to", "one"}},
    {__LINE__, 10, 4, "each   row   sums", 2, {"each   row", "sums"}},
    {__LINE__, 8, 4, "each row sums", 2, {"each row", "sums"}},
    {__LINE__, 4, 4, "abcdefghij", 3, {"abcd", "efgh", "ij"}},
    {__LINE__, 4, 4, "a bcdefg", 3, {"a", "bcde", "fg"}},
    {__LINE__, 9, 4, "a\n\nb", 3, {"a", "", "b"}},
    {__LINE__, 10, 4, "  indented text", 2, {"  indented", "text"}},
    {__LINE__, 9, 4, "", 0, {0}},
    {__LINE__, 9, 2, "each row sums to one", 2, {"each row", "sums to…"}},
    {__LINE__, 7, 2, "each row sums to one", 2, {"each", "row…"}},
    {__LINE__, 6, 4, "分数变成概率", 2, {"分数变", "成概率"}},
    {__LINE__, 5, 4, "分数变成概率", 3, {"分数", "变成", "概率"}},
    {__LINE__, 6, 4, "分数变，成", 2, {"分数", "变，成"}}, /* a line does not begin with a comma */
    {__LINE__, 6, 4, "分数（变成", 2, {"分数", "（变成"}}, /* nor end with a bracket that opens */
    {__LINE__, 7, 4, "a分数bcd变", 2, {"a分数", "bcd变"}},
    {__LINE__, 1, 4, "我a", 2, {" ", "a"}}, /* wider than the box: a space */
    {__LINE__, 0, 4, "abc", 0, {0}},
    {__LINE__, 4, 0, "abc", 0, {0}},
};

Test(canvas, wraps_text_as_the_table_says)
{
    for (size_t i = 0; i < sizeof wraps / sizeof *wraps; i++) {
        const WrapCase *t = &wraps[i];
        Canvas c = new_canvas(20, 6, false);
        int taken = canvas_put_wrapped(&c, 1, 3, t->columns, t->rows, ROLE_TEXT, t->text);
        cr_expect_eq(taken, t->taken, "line %d: expected %d rows, found %d", t->line, t->taken, taken);
        cr_expect_eq(canvas_put_wrapped(&c, 6, 3, t->columns, t->rows, ROLE_TEXT, t->text), t->taken, "line %d", t->line);
        for (int r = 0; r < 4; r++) {
            Canvas expected = new_canvas(20, 1, false);
            canvas_put(&expected, 0, 3, 17, ROLE_TEXT, t->expected[r] ? t->expected[r] : "");
            char *row = row_text(&c, r + 1), *right = row_text(&expected, 0);
            cr_expect_str_eq(row, right, "line %d: row %d is [%s]", t->line, r, row);
            free(row);
            free(right);
            canvas_free(&expected);
        }
        check_cells(&c, t->text);
        canvas_free(&c);
    }
}

/* ---- rectangles and lines ---- */

static void check_picture(const Canvas *c, int line, const char *const *rows)
{
    for (int r = 0; r < c->rows; r++) {
        char *row = row_text(c, r);
        cr_expect_str_eq(row, rows[r], "line %d: row %d: expected [%s], found [%s]", line, r, rows[r], row);
        free(row);
    }
}

static void draw_panes(Canvas *c)
{
    canvas_box(c, 0, 0, 8, 5, ROLE_BORDER, NULL);
    canvas_box(c, 0, 7, 9, 5, ROLE_BORDER, "weights of it");
    canvas_hline(c, 2, 7, 9, ROLE_BORDER);
    canvas_vline(c, 1, 3, 2, ROLE_BORDER);
    canvas_vline(c, 2, 11, 3, ROLE_BORDER);
}

Test(canvas, lines_join_where_they_meet)
{
    Canvas c = new_canvas(16, 5, false);
    draw_panes(&c);
    const char *rows[] = {"┌──┬───┬_weig…_┐", "│  │   │       │", "│  │   ├───┬───┤", "│      │   │   │", "└──────┴───┴───┘"};
    check_picture(&c, __LINE__, rows);
    check_cells(&c, "lines");
    canvas_hline(&c, 3, 0, 16, ROLE_BORDER);
    rows[3] = "├──────┼───┼───┤";
    check_picture(&c, __LINE__, rows);
    canvas_free(&c);

    c = new_canvas(16, 5, true);
    draw_panes(&c);
    const char *const ascii[] = {"+--+---+_weig~_+", "|  |   |       |", "|  |   +---+---+", "|      |   |   |", "+------+---+---+"};
    check_picture(&c, __LINE__, ascii);
    canvas_free(&c);
}

Test(canvas, lines_join_those_beside_their_ends)
{
    Canvas c = new_canvas(7, 5, false);
    canvas_box(&c, 0, 0, 7, 5, ROLE_BORDER, NULL);
    canvas_hline(&c, 2, 1, 5, ROLE_BORDER);
    canvas_vline(&c, 3, 3, 1, ROLE_BORDER);
    const char *const rows[] = {"┌─────┐", "│     │", "├──┬──┤", "│  │  │", "└──┴──┘"};
    check_picture(&c, __LINE__, rows);
    canvas_clear(&c); /* but not those of another role, nor those that run along */
    canvas_box(&c, 0, 0, 7, 5, ROLE_DIM, NULL);
    canvas_hline(&c, 2, 1, 5, ROLE_BORDER);
    canvas_vline(&c, 1, 3, 1, ROLE_TEXT);
    canvas_vline(&c, 3, 5, 1, ROLE_TEXT);
    const char *const apart[] = {"┌─────┐", "│  │  │", "│─────│", "│    ││", "└─────┘"};
    check_picture(&c, __LINE__, apart);
    canvas_free(&c);
}

Test(canvas, ascii_lines_leave_minus_signs_alone)
{
    Canvas c = new_canvas(5, 3, true);
    canvas_put(&c, 1, 2, 1, ROLE_TEXT, "-");
    canvas_vline(&c, 0, 2, 3, ROLE_BORDER);
    const char *const rows[] = {"  |  ", "  |  ", "  |  "};
    check_picture(&c, __LINE__, rows);
    canvas_free(&c);
}

Test(canvas, fill_and_lines_cut_wide_characters)
{
    Canvas c = new_canvas(6, 3, false);
    for (int r = 0; r < 3; r++)
        canvas_put(&c, r, 0, 6, ROLE_TEXT, "我爱你");
    canvas_fill(&c, 0, 1, 4, 1, ROLE_KEY, " ");
    canvas_vline(&c, 1, 3, 2, ROLE_TEXT);
    const char *const rows[] = {" ____ ", "我 │你", "我 │你"};
    check_picture(&c, __LINE__, rows);
    check_cells(&c, "fill");
    canvas_fill(&c, -5, -5, 100, 100, ROLE_TEXT, "·");
    const char *const full[] = {"······", "······", "······"};
    check_picture(&c, __LINE__, full);
    canvas_free(&c);
}

Test(canvas, restyle_keeps_characters_whole)
{
    Canvas c = new_canvas(6, 1, false);
    canvas_put(&c, 0, 0, 6, ROLE_TEXT, "我爱你");
    canvas_restyle(&c, 0, 1, 2, 1, ROLE_KEY); /* right half of the first, left half of the second */
    static const Role expected[] = {ROLE_TEXT, ROLE_TEXT, ROLE_KEY, ROLE_KEY, ROLE_TEXT, ROLE_TEXT};
    for (int i = 0; i < 6; i++)
        cr_expect_eq(canvas_row(&c, 0)[i].role, expected[i], "column %d", i);
    char *row = row_text(&c, 0);
    cr_expect_str_eq(row, "我爱你");
    free(row);
    canvas_free(&c);
}

Test(canvas, clear_makes_all_equal_again)
{
    Canvas c = new_canvas(7, 3, false), fresh = new_canvas(7, 3, false);
    draw_panes(&c);
    canvas_put(&c, 1, 1, 6, ROLE_KEY, "我爱你");
    c.cursor_row = c.cursor_col = 1;
    cr_expect_neq(memcmp(c.cells, fresh.cells, 21 * sizeof(Cell)), 0);
    canvas_clear(&c);
    cr_expect_eq(memcmp(c.cells, fresh.cells, 21 * sizeof(Cell)), 0);
    cr_expect_eq(c.cursor_row, -1);
    canvas_free(&c);
    canvas_free(&fresh);
}

/* ---- anything at all ---- */

static unsigned seed = 1;

static unsigned next_random(unsigned below)
{
    seed = seed * 1664525u + 1013904223u;
    return (seed >> 8) % below;
}

Test(canvas, cells_stay_whole_whatever_is_drawn)
{
    static const char *const pieces[] = {"a", "我",    "e\xcc\x81", "\xcc\x81",     "│", "─",       "\n", "\xff", "😀", "√",
                                         " ", "word ", "，",        "\xe2\x80\xae", "▓", "\xe6\x88"};
    for (int round = 0; round < 4000; round++) {
        Canvas c = new_canvas(1 + (int)next_random(20), 1 + (int)next_random(6), next_random(2));
        for (int step = 0; step < 12; step++) {
            char text[128] = "";
            for (unsigned n = next_random(10); n; n--)
                strcat(text, pieces[next_random(sizeof pieces / sizeof *pieces)]);
            int row = (int)next_random(10) - 2, col = (int)next_random(30) - 5, columns = (int)next_random(28) - 2,
                rows = (int)next_random(9) - 1;
            Role role = (Role)next_random(ROLE_COUNT);
            switch (next_random(10)) {
            case 0:
                canvas_put(&c, row, col, columns, role, text);
                break;
            case 1:
                canvas_put_cut(&c, row, col, columns, role, text);
                break;
            case 2:
                canvas_put_right(&c, row, col, columns, role, text);
                break;
            case 3:
                canvas_put_center(&c, row, col, columns, role, text);
                break;
            case 4:
                canvas_put_wrapped(&c, row, col, columns, rows, role, text);
                break;
            case 5:
                canvas_fill(&c, row, col, columns, rows, role, text);
                break;
            case 6:
                canvas_restyle(&c, row, col, columns, rows, role);
                break;
            case 7:
                canvas_box(&c, row, col, columns, rows, role, text);
                break;
            case 8:
                canvas_vline(&c, row, col, rows, role);
                break;
            default:
                canvas_hline(&c, row, col, columns, role);
                break;
            }
            check_cells(&c, text);
        }
        canvas_free(&c);
    }
}

/* ---- characters ---- */

Test(glyph, every_box_character_survives_its_sides)
{
    for (int lines = 1; lines < 16; lines++) {
        const char *text = glyph_of_lines(lines, false);
        cr_expect_eq(glyph_lines(text) & lines, lines, "'%s' for %d gives %d", text, lines, glyph_lines(text));
        const char *ascii = glyph_of_lines(lines, true);
        cr_expect_eq(glyph_ascii_lines(ascii) & lines, lines, "'%s' for %d", ascii, lines);
    }
    cr_expect_eq(glyph_lines("a"), 0);
    cr_expect_eq(glyph_lines(""), 0);
    cr_expect_eq(glyph_lines("═"), 0);
}

Test(glyph, equivalents_are_ascii_and_found)
{
    static const struct {
        const char *text, *ascii;
    } known[] = {{"▸", ">"},  {"▾", "v"},    {"▶", ">"},     {"·", "."},  {"…", "~"},  {"→", "->"}, {"←", "<-"}, {"↑", "^"},  {"↓", "v"},
                 {"×", "x"},  {"√", "sqrt"}, {"÷", "/"},     {"−", "-"},  {"±", "+-"}, {"≤", "<="}, {"≥", ">="}, {"≈", "~="}, {"∞", "inf"},
                 {"█", "#"},  {"░", "."},    {"●", "*"},     {"○", "o"},  {"■", "#"},  {"│", "|"},  {"─", "-"},  {"┌", "+"},  {"Σ", "sum"},
                 {"‖", "||"}, {"ᵀ", "^T"},   {"σ", "sigma"}, {"₀", "_0"}, {"²", "^2"}, {"—", "--"}, {"›", ">"}};
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        int32_t c;
        text_decode(known[i].text, strlen(known[i].text), &c);
        const char *found = glyph_ascii(c);
        cr_expect(found && !strcmp(found, known[i].ascii), "%s: expected %s, found %s", known[i].text, known[i].ascii,
                  found ? found : "none");
    }
    for (int32_t c = 0x80; c < 0x10000; c++) {
        const char *text = glyph_ascii(c);
        if (!text)
            continue;
        cr_expect(*text, "U+%04X has an empty equivalent", (unsigned)c);
        for (; *text; text++)
            cr_expect(*text >= 0x20 && *text < 0x7f, "U+%04X has an equivalent outside ASCII", (unsigned)c);
    }
}

/* ---- names of keys ---- */

Test(event, names_are_read_back)
{
    char name[32];
    int32_t keys[200];
    int n = 0;
    for (int32_t k = K_UP; k <= K_F12; k++)
        keys[n++] = k;
    for (int32_t k = ' '; k < 0x7f; k++)
        keys[n++] = k;
    for (int32_t k = 'a'; k <= 'z'; k++)
        if (!strchr("hijm", k)) /* those are Backspace, Tab and Enter */
            keys[n++] = K_CTRL | k;
    static const int32_t others[] = {K_CTRL | ' ', K_CTRL | '\\', K_CTRL | ']', K_CTRL | '^', K_CTRL | '_', 0xe9, 0x6211, 0x1f600};
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        keys[n++] = others[i];
    for (int i = 0; i < n; i++) {
        key_name(keys[i], name, sizeof name);
        cr_expect_lt(strlen(name), 12u, "%s", name);
        cr_expect_eq(key_parse(name, strlen(name)), keys[i], "%s", name);
        char bracketed[40];
        snprintf(bracketed, sizeof bracketed, "<%s>", name);
        cr_expect_eq(key_parse(bracketed, strlen(bracketed)), keys[i], "%s", bracketed);
    }
}

Test(event, names_are_read_as_the_table_says)
{
    static const struct {
        const char *name;
        int32_t key;
    } cases[] = {{"n", 'n'},
                 {"N", 'N'},
                 {"<", '<'},
                 {">", '>'},
                 {"<lt>", '<'},
                 {"<<>", '<'},
                 {"space", ' '},
                 {" ", ' '},
                 {"ENTER", K_ENTER},
                 {"Return", K_ENTER},
                 {"<CR>", K_ENTER},
                 {"pgdn", K_PGDN},
                 {"PageDown", K_PGDN},
                 {"Escape", K_ESC},
                 {"S-Tab", K_BACKTAB},
                 {"C-l", K_CTRL | 'l'},
                 {"c-L", K_CTRL | 'l'},
                 {"^L", K_CTRL | 'l'},
                 {"^", '^'},
                 {"C-Space", K_CTRL | ' '},
                 {"C-i", K_TAB},
                 {"C-m", K_ENTER},
                 {"C-j", K_ENTER},
                 {"^[", K_ESC},
                 {"F12", K_F12},
                 {"我", 0x6211},
                 {"<我>", 0x6211},
                 {"", -1},
                 {"F13", -1},
                 {"nn", -1},
                 {"C-", -1},
                 {"C-Up", -1},
                 {"<>", -1},
                 {"\n", -1},
                 {"\x7f", -1},
                 {"\xff", -1},
                 {"\xe6\x88", -1},
                 {"C-5", -1}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        cr_expect_eq(key_parse(cases[i].name, strlen(cases[i].name)), cases[i].key, "'%s': %d", cases[i].name,
                     key_parse(cases[i].name, strlen(cases[i].name)));
    char small[4];
    cr_expect_str_eq(key_name(K_BACKSPACE, small, sizeof small), "Bac");
}
