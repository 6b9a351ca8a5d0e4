/* test_term_paint.c - what is sent to a terminal, played back on a small one: it must then show the canvas. */
#include "term/paint.h"

#include "base/text.h"
#include "view/theme.h"

#include "canvas_help.h"

#include <stdio.h>

/* ---- a terminal that knows what paint.c may use ---- */

enum { COLS = 24, ROWS = 7 };

typedef struct Look {
    int fg, bg;
    bool bold, dim, underline, reverse;
} Look;

typedef struct Spot {
    char text[64];
    int width; /* 0: the right half of a wide character */
    Look look;
} Spot;

typedef struct Screen {
    Spot spots[ROWS][COLS];
    int row, col;
    bool wrap; /* the last column was written: where the next character goes is not said */
    bool cursor;
    bool moved_with_attributes, scrolled;
    Look look;
} Screen;

static const Look no_look = {-1, -1, false, false, false, false};

static void clear_spot(Spot *s)
{
    *s = (Spot){.text = " ", .width = 1, .look = no_look};
}

static void clear_screen(Screen *s)
{
    for (int r = 0; r < ROWS; r++)
        for (int c = 0; c < COLS; c++)
            clear_spot(&s->spots[r][c]);
}

/* Before a spot is overwritten: a wide character loses its other half. */
static void break_wide(Screen *s, int row, int col)
{
    if (s->spots[row][col].width == 2 && col + 1 < COLS)
        clear_spot(&s->spots[row][col + 1]);
    if (!s->spots[row][col].width)
        clear_spot(&s->spots[row][col - 1]);
}

static void type_character(Screen *s, const char *bytes, size_t n, int32_t c)
{
    int width = text_char_width(c);
    if (!width) { /* joins the character before, and here too this terminal is on its own */
        cr_assert(s->col > 0);
        Spot *before = &s->spots[s->row][s->col - 1];
        if (!before->width)
            before--;
        strncat(before->text, bytes, n);
        s->col += !s->wrap;
        return;
    }
    cr_assert(!s->wrap, "a character after the last column, without a move");
    cr_assert(s->row >= 0 && s->row < ROWS && s->col >= 0 && s->col + width <= COLS, "a character at %d, %d", s->row, s->col);
    for (int i = 0; i < width; i++)
        break_wide(s, s->row, s->col + i);
    Spot *spot = &s->spots[s->row][s->col];
    *spot = (Spot){.width = width, .look = s->look};
    memcpy(spot->text, bytes, n);
    if (width == 2)
        s->spots[s->row][s->col + 1] = (Spot){.width = 0, .look = s->look};
    s->col += width;
    s->wrap = s->col >= COLS;
    if (!s->wrap && (c >= 0x1f000 || (c >= 0x2600 && c <= 0x2bff)))
        s->col++; /* terminals do not agree on the width of pictures: this one takes a column more */
    s->scrolled = s->scrolled || (s->wrap && s->row == ROWS - 1);
}

static void set_look(Screen *s, const int *n, int count)
{
    for (int i = 0; i < count; i++) {
        if (n[i] == 0)
            s->look = no_look;
        else if (n[i] == 1)
            s->look.bold = true;
        else if (n[i] == 2)
            s->look.dim = true;
        else if (n[i] == 4)
            s->look.underline = true;
        else if (n[i] == 7)
            s->look.reverse = true;
        else if (n[i] == 39)
            s->look.fg = -1;
        else if (n[i] == 49)
            s->look.bg = -1;
        else if ((n[i] == 38 || n[i] == 48) && i + 2 < count && n[i + 1] == 5) {
            *(n[i] == 38 ? &s->look.fg : &s->look.bg) = n[i + 2];
            i += 2;
        } else
            cr_assert_fail("SGR %d", n[i]);
    }
}

static void play(Screen *s, const char *bytes, size_t n)
{
    size_t i = 0;
    while (i < n) {
        if (bytes[i] != '\033') {
            int32_t c;
            size_t used = text_decode(bytes + i, n - i, &c);
            cr_assert(c >= 0x20 && c != 0x7f, "control character %d", (int)c);
            type_character(s, bytes + i, used, c);
            i += used;
            continue;
        }
        cr_assert_eq(bytes[i + 1], '[');
        i += 2;
        bool private = bytes[i] == '?';
        i += private;
        int numbers[16] = {0}, count = 1;
        for (; bytes[i] == ';' || (bytes[i] >= '0' && bytes[i] <= '9'); i++) {
            if (bytes[i] == ';') {
                cr_assert_lt(count, 16);
                numbers[count++] = 0;
            } else
                numbers[count - 1] = numbers[count - 1] * 10 + bytes[i] - '0';
        }
        char final = bytes[i++];
        if (strchr("HC", final) && (s->look.bold || s->look.dim || s->look.underline || s->look.reverse))
            s->moved_with_attributes = true;
        switch (final) {
        case 'H':
            s->row = (numbers[0] ? numbers[0] : 1) - 1;
            s->col = (count > 1 && numbers[1] ? numbers[1] : 1) - 1;
            s->wrap = false;
            break;
        case 'C':
            cr_assert(!s->wrap);
            s->col += numbers[0] ? numbers[0] : 1;
            break;
        case 'J':
            cr_assert_eq(numbers[0], 2);
            clear_screen(s);
            break;
        case 'K':
            cr_assert(!s->wrap && s->look.bg < 0 && !s->look.reverse, "cleared with a background");
            for (int c = s->col; c < COLS; c++) {
                break_wide(s, s->row, c);
                clear_spot(&s->spots[s->row][c]);
            }
            break;
        case 'm':
            set_look(s, numbers, count);
            break;
        case 'h':
        case 'l':
            cr_assert(private && numbers[0] == 25);
            s->cursor = final == 'h';
            break;
        default:
            cr_assert_fail("CSI … %c", final);
        }
    }
}

/* ---- paint.c with one set of abilities ---- */

typedef struct Ability {
    const char *name;
    bool own_colors, own_each, clear_line, steps, scrolls, unsafe_moves, painted;
} Ability;

static const Ability abilities[] = {
    {"xterm", true, true, true, true, false, false, false},
    {"without 39 and 49", true, false, true, true, false, false, false},
    {"without own colours", false, false, true, false, false, false, false},
    {"without clearing", true, true, false, true, false, false, false},
    {"scrolls at the end", true, true, true, true, true, false, false},
    {"unsafe moves", true, true, true, true, false, true, false},
    {"nothing", false, false, false, false, true, true, false},
    {"a painted page", true, true, true, true, false, false, true},
};

static Paint new_paint(const Ability *a)
{
    Paint p = {.cols = COLS,
               .rows = ROWS,
               .move = paint_move_ansi,
               .plain = "\033[m",
               .clear = "\033[H\033[2J",
               .hide = "\033[?25l",
               .show = "\033[?25h"};
    static const char *const attrs[ATTR_COUNT] = {"\033[1m", "\033[2m", "\033[4m", "\033[7m"};
    for (int i = 0; i < ATTR_COUNT; i++)
        strcpy(p.attrs[i], attrs[i]);
    strcpy(p.own_colors, a->own_colors ? "\033[39;49m" : "");
    strcpy(p.own_fg, a->own_each ? "\033[39m" : "");
    strcpy(p.own_bg, a->own_each ? "\033[49m" : "");
    strcpy(p.clear_line, a->clear_line ? "\033[K" : "");
    p.steps = a->steps;
    p.scrolls = a->scrolls;
    p.unsafe_moves = a->unsafe_moves;
    for (int role = 0; role < ROLE_COUNT; role++) {
        const Style *s = theme_style(role % 3 ? THEME_DARK : THEME_MONO, (Role)role); /* colours and attributes, mixed */
        Pen *pen = &p.pens[role];
        pen->fg = s->fg < 0 ? -1 : s->fg256;
        pen->bg = s->bg < 0 ? -1 : s->bg256;
        pen->attrs = (uint8_t)((s->bold ? ATTR_BOLD : 0) | (s->dim ? ATTR_DIM : 0) | (s->underline ? ATTR_UNDERLINE : 0) |
                               (s->reverse ? ATTR_REVERSE : 0));
        if (a->painted && role == ROLE_TEXT)
            pen->bg = 16;
        snprintf(pen->fg_text, sizeof pen->fg_text, "\033[38;5;%dm", pen->fg);
        snprintf(pen->bg_text, sizeof pen->bg_text, "\033[48;5;%dm", pen->bg);
    }
    return p;
}

static void check_screen(const Screen *s, const Paint *p, const Canvas *c, const char *what)
{
    for (int row = 0; row < ROWS && row < c->rows; row++)
        for (int col = 0; col < COLS && col < c->cols; col++) {
            const Cell *cell = canvas_row(c, row) + col;
            const Spot *spot = &s->spots[row][col];
            const Pen *pen = &p->pens[cell->role];
            if (cell->width == 2 && col == COLS - 1) { /* cut by the terminal's edge */
                cr_assert_str_eq(spot->text, " ", "%s: half a wide character", what);
                continue;
            }
            if (p->scrolls && row == ROWS - 1 && (col == COLS - 1 || (cell->width == 2 && col == COLS - 2)))
                continue; /* left out */
            cr_assert_str_eq(spot->text, cell->text, "%s: row %d column %d: expected '%s', found '%s'", what, row, col, cell->text,
                             spot->text);
            if (!cell->width)
                continue;
            bool space = !strcmp(cell->text, " ");
            Look look = spot->look;
            cr_assert_eq(look.bg, pen->bg, "%s: row %d column %d: background %d, not %d", what, row, col, look.bg, pen->bg);
            cr_assert_eq(look.underline, (pen->attrs & ATTR_UNDERLINE) != 0, "%s: row %d column %d: underline", what, row, col);
            cr_assert_eq(look.reverse, (pen->attrs & ATTR_REVERSE) != 0, "%s: row %d column %d: reverse", what, row, col);
            if (space && !look.reverse)
                continue; /* neither bold nor the colour of a space shows */
            cr_assert_eq(look.fg, pen->fg, "%s: row %d column %d: colour %d, not %d", what, row, col, look.fg, pen->fg);
            cr_assert_eq(look.bold, (pen->attrs & ATTR_BOLD) != 0, "%s: row %d column %d: bold", what, row, col);
            cr_assert_eq(look.dim, (pen->attrs & ATTR_DIM) != 0, "%s: row %d column %d: dim", what, row, col);
        }
    bool visible = c->cursor_row >= 0 && c->cursor_row < ROWS && c->cursor_row < c->rows && c->cursor_col >= 0 && c->cursor_col < COLS &&
                   c->cursor_col < c->cols;
    cr_assert_eq(s->cursor, visible, "%s: the cursor", what);
    if (visible)
        cr_assert(s->row == c->cursor_row && s->col == c->cursor_col && !s->wrap, "%s: the cursor's place", what);
}

static unsigned seed;

static unsigned next_random(unsigned below)
{
    seed = seed * 1664525u + 1013904223u;
    return (seed >> 8) % below;
}

static void change(Canvas *c)
{
    static const char *const texts[] = {
        "a", "我", "abc", " ", "  ", "e\xcc\x81", "😀x", "☺", "✂✂", "│", "12.345", "爱爱爱", "                        ", "\xcc\x81"};
    for (unsigned n = 1 + next_random(12); n; n--) {
        Role role = (Role)(next_random(2) ? ROLE_TEXT : next_random(ROLE_COUNT));
        int row = (int)next_random((unsigned)c->rows), col = (int)next_random((unsigned)c->cols);
        if (next_random(6))
            canvas_put(c, row, col, COLS, role, texts[next_random(sizeof texts / sizeof *texts)]);
        else
            canvas_fill(c, row, col, (int)next_random(COLS), 1 + (int)next_random(3), role, " ");
    }
    c->cursor_row = next_random(3) ? -1 : (int)next_random((unsigned)c->rows + 1);
    c->cursor_col = next_random(3) ? (int)next_random(COLS) : (int)next_random((unsigned)c->cols + 1);
}

Test(term_paint, the_terminal_shows_the_canvas)
{
    static const int sizes[][2] = {{COLS, ROWS}, {COLS + 5, ROWS + 2}, {COLS - 5, ROWS - 2}};
    for (size_t a = 0; a < sizeof abilities / sizeof *abilities; a++)
        for (int size = 0; size < 3; size++) {
            seed = (unsigned)(a * 3) + (unsigned)size;
            Paint p = new_paint(&abilities[a]);
            Screen s = {.look = no_look, .row = 3, .col = 3, .cursor = true};
            clear_screen(&s);
            strcpy(s.spots[2][2].text, "#"); /* what the shell left */
            Canvas c = new_canvas(sizes[size][0], sizes[size][1], false);
            Buffer out = {0};
            for (int frame = 0; frame < 400; frame++) {
                change(&c);
                if (frame % 50 == 49) {
                    paint_forget(&p);
                    strcpy(s.spots[1][1].text, "#");
                }
                buffer_clear(&out);
                paint_canvas(&p, &c, &out);
                cr_assert(!out.failed);
                play(&s, buffer_text(&out), out.len);
                check_screen(&s, &p, &c, abilities[a].name);
                buffer_clear(&out);
                paint_canvas(&p, &c, &out);
                cr_assert_eq(out.len, 0u, "%s: sends %zu bytes although nothing changed", abilities[a].name, out.len);
            }
            if (abilities[a].unsafe_moves)
                cr_expect(!s.moved_with_attributes, "%s", abilities[a].name);
            if (abilities[a].scrolls)
                cr_expect(!s.scrolled, "%s", abilities[a].name);
            buffer_free(&out);
            paint_free(&p);
            canvas_free(&c);
        }
}

/* A matrix of coloured numbers on the whole screen; the cursor's cell, its row and its column are marked. */
static void draw_matrix(Canvas *c, int row, int col)
{
    canvas_clear(c);
    for (int r = 0; r < c->rows; r++) {
        canvas_put_right(c, r, 0, 7, r == row ? ROLE_CROSS : ROLE_LABEL, "token");
        for (int k = 0; 8 + 9 * k + 9 <= c->cols; k++) {
            double v = ((r * 37 + k * 101) % 2001 - 1000) / 1000.0;
            char text[16];
            snprintf(text, sizeof text, "%.3f", v);
            canvas_put_right(c, r, 8 + 9 * k, 8, r == row && k == col ? ROLE_CURSOR : theme_heat_role(v, 1), text);
        }
    }
}

/* What a key costs, in bytes: the figures of a program that redraws rows are 245 at 80x24 and 405 at 200x60. */
Test(term_paint, a_move_of_the_cursor_is_short)
{
    static const int sizes[][3] = {{80, 24, 180}, {200, 60, 200}};
    for (int i = 0; i < 2; i++) {
        Paint p = new_paint(&abilities[0]);
        p.cols = sizes[i][0];
        p.rows = sizes[i][1];
        Canvas c = new_canvas(p.cols, p.rows, false);
        Buffer out = {0};
        draw_matrix(&c, 3, 3);
        paint_canvas(&p, &c, &out);
        buffer_clear(&out);
        draw_matrix(&c, 4, 3);
        paint_canvas(&p, &c, &out);
        cr_expect(out.len > 0 && out.len < (size_t)sizes[i][2], "%zu bytes", out.len);
        buffer_free(&out);
        paint_free(&p);
        canvas_free(&c);
    }
}

Test(term_paint, another_size_starts_over)
{
    Paint p = new_paint(&abilities[0]);
    Canvas small = new_canvas(4, 2, false), large = new_canvas(8, 4, false);
    Buffer out = {0};
    paint_canvas(&p, &small, &out);
    buffer_clear(&out);
    paint_canvas(&p, &large, &out);
    cr_expect(strstr(buffer_text(&out), "\033[2J"));
    buffer_free(&out);
    paint_free(&p);
    canvas_free(&small);
    canvas_free(&large);
}
