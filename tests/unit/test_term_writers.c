/* test_term_writers.c - a canvas as text, ANSI, SVG and HTML. */
#include "term/term.h"

#include "canvas_help.h"

#include <locale.h>
#include <stdio.h>

/* A screen of everything: borders, wide characters, marks, blocks, styles, markup. */
static void draw_scene(Canvas *c)
{
    canvas_box(c, 0, 0, 24, 6, ROLE_BORDER, "a < b & \"c\"");
    canvas_vline(c, 1, 12, 5, ROLE_BORDER);
    canvas_put(c, 1, 1, 11, ROLE_LABEL, "我爱 you");
    canvas_put(c, 1, 13, 10, ROLE_HEAT8, "0.912");
    canvas_put(c, 2, 1, 11, ROLE_COLD8, "-1.5  x");
    canvas_put(c, 2, 13, 10, ROLE_TEXT, "▸ e\xcc\x81 → √");
    canvas_put(c, 3, 1, 8, ROLE_LINK, " link ");
    canvas_put(c, 3, 13, 10, ROLE_TEXT, "░▒▓█▁▄▀▌▐");
    canvas_put(c, 4, 1, 8, ROLE_ERROR, "<&>");
}

static const char scene_text[] = "┌ a < b & \"c\" ─────────┐\n"
                                 "│我爱 you   │0.912     │\n"
                                 "│-1.5  x    │▸ e\xcc\x81 → √   │\n"
                                 "│ link      │░▒▓█▁▄▀▌▐ │\n"
                                 "│<&>        │          │\n"
                                 "└───────────┴──────────┘\n";

static size_t count_of(const char *text, const char *part)
{
    size_t count = 0;
    for (const char *at = strstr(text, part); at; at = strstr(at + 1, part))
        count++;
    return count;
}

Test(term_writers, text)
{
    Canvas c = new_canvas(24, 6, false);
    Buffer out = {0};
    draw_scene(&c);
    canvas_write_text(&c, &out);
    cr_expect_str_eq(buffer_text(&out), scene_text);
    canvas_clear(&c);
    canvas_put(&c, 1, 2, 9, ROLE_ERROR, "x  ");
    buffer_clear(&out);
    canvas_write_text(&c, &out);
    cr_expect_str_eq(buffer_text(&out), "\n  x\n\n\n\n\n");
    buffer_free(&out);
    canvas_free(&c);
}

Test(term_writers, ansi_without_sequences_is_the_text)
{
    Canvas c = new_canvas(24, 6, false);
    Buffer out = {0}, plain = {0};
    draw_scene(&c);
    canvas_write_text(&c, &plain);
    canvas_write_ansi(&c, THEME_DARK, false, &out);
    cr_expect_str_eq(buffer_text(&out), buffer_text(&plain));
    for (Theme t = 0; t < THEME_COUNT; t++) { /* and with them, it is the text between them */
        buffer_clear(&out);
        canvas_write_ansi(&c, t, true, &out);
        cr_expect_gt(count_of(buffer_text(&out), "\033["), 0u);
        Buffer shown = {0};
        for (const char *s = buffer_text(&out); *s; s++) {
            if (*s != '\033')
                buffer_putc(&shown, *s);
            else
                s = strchr(s, 'm');
        }
        if (t != THEME_CONTRAST) /* whose page is painted to its edge */
            cr_expect_str_eq(buffer_text(&shown), buffer_text(&plain), "%s", theme_name(t));
        cr_expect_eq(strstr(buffer_text(&out), "38;2;") != NULL, t != THEME_MONO, "%s", theme_name(t));
        buffer_free(&shown);
    }
    buffer_free(&out);
    buffer_free(&plain);
    canvas_free(&c);
}

Test(term_writers, ansi_sequences)
{
    Canvas c = new_canvas(12, 3, false);
    Buffer out = {0};
    canvas_put(&c, 0, 0, 12, ROLE_TEXT, "plain");
    canvas_put(&c, 1, 1, 2, ROLE_HEAT8, "ab");
    canvas_put(&c, 1, 3, 2, ROLE_HEAT8, "我");
    canvas_put(&c, 2, 0, 4, ROLE_TITLE, "t   ");
    canvas_write_ansi(&c, THEME_DARK, true, &out);
    cr_expect_str_eq(buffer_text(&out),
                     "plain\n \033[0;38;2;0;0;0;48;2;255;255;215mab我\033[0m\n\033[0;1;38;2;255;255;255;48;2;0;95;135mt   \033[0m\n");
    buffer_clear(&out);
    canvas_write_ansi(&c, THEME_MONO, true, &out);
    cr_expect_str_eq(buffer_text(&out), "plain\n \033[0;1mab我\033[0m\n\033[0;7mt   \033[0m\n");
    buffer_free(&out);
    canvas_free(&c);
}

/* ---- markup ---- */

/* Reads markup: every tag closed in order, attributes quoted, only known entities, only characters that XML allows.
 * Adds the text outside of <style> and <title> to `text`; for HTML, <meta> and the doctype close nothing. */
static void check_markup(const char *s, Buffer *text, const char *what)
{
    char open[32][16];
    int depth = 0;
    while (*s) {
        if (*s == '<') {
            const char *end = strchr(s, '>');
            cr_assert(end, "%s: a tag without end", what);
            bool closing = s[1] == '/';
            size_t n = strcspn(s + 1 + closing, " />");
            cr_assert_lt(n, sizeof open[0]);
            char name[16] = "";
            memcpy(name, s + 1 + closing, n);
            size_t quotes = 0;
            for (const char *q = s; q < end; q++) {
                quotes += *q == '"';
                cr_assert(*q != '<' || q == s, "%s: < in a tag", what);
            }
            cr_assert_eq(quotes % 2, 0u, "%s: quotes of <%s", what, name);
            if (closing) {
                cr_assert(depth > 0 && !strcmp(open[depth - 1], name), "%s: </%s> closes %s", what, name,
                          depth ? open[depth - 1] : "nothing");
                depth--;
            } else if (end[-1] != '/' && name[0] != '!' && strcmp(name, "meta") != 0) {
                cr_assert_lt(depth, 32);
                strcpy(open[depth++], name);
            }
            s = end + 1;
            continue;
        }
        static const char *const entities[][2] = {{"&lt;", "<"}, {"&gt;", ">"}, {"&amp;", "&"}, {"&quot;", "\""}};
        size_t used = 1;
        const char *shown = s;
        size_t bytes = 1;
        if (*s == '&') {
            used = 0;
            for (int i = 0; i < 4; i++)
                if (!strncmp(s, entities[i][0], strlen(entities[i][0]))) {
                    used = strlen(entities[i][0]);
                    shown = entities[i][1];
                }
            cr_assert(used, "%s: an unknown entity", what);
        } else {
            int32_t c;
            used = bytes = text_decode(s, strlen(s), &c);
            cr_assert(!(c == 0xfffd && used == 1), "%s: not UTF-8", what);
            cr_assert((c >= 0x20 || c == '\n') && c != 0x7f && c != 0xfffe && c != 0xffff, "%s: character %x", what, (unsigned)c);
        }
        bool hidden = depth && (!strcmp(open[depth - 1], "style") || !strcmp(open[depth - 1], "title"));
        if (text && !hidden)
            buffer_add(text, shown, bytes);
        s += used;
    }
    cr_assert_eq(depth, 0, "%s: <%s> is not closed", what, open[depth ? depth - 1 : 0]);
}

typedef void Writer(const Canvas *, Theme, bool, const char *, Buffer *);

static const struct {
    const char *name;
    Writer *write;
} writers[] = {{"svg", canvas_write_svg}, {"html", canvas_write_html}};

Test(term_writers, markup_is_well_formed_whatever_is_drawn)
{
    static const char *const texts[] = {"<b>&amp;]]>",  "\"'",  "\x1b[31m", "\xef\xbf\xbe", "\xef\xbf\xbf",
                                        "我e\xcc\x81😀", "\xff", "-->",      "│┼█░"};
    for (int w = 0; w < 2; w++)
        for (Theme t = 0; t < THEME_COUNT; t++)
            for (int color = 0; color < 2; color++)
                for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
                    Canvas c = new_canvas(10, ROLE_COUNT, false);
                    for (int role = 0; role < ROLE_COUNT; role++)
                        canvas_put(&c, role, role % 3, 10, (Role)role, texts[i]);
                    c.cursor_row = c.cursor_col = 2;
                    Buffer out = {0};
                    writers[w].write(&c, t, color, texts[i], &out);
                    check_markup(buffer_text(&out), NULL, writers[w].name);
                    buffer_clear(&out);
                    writers[w].write(&c, t, color, NULL, &out);
                    check_markup(buffer_text(&out), NULL, writers[w].name);
                    buffer_free(&out);
                    canvas_free(&c);
                }
}

Test(term_writers, html_holds_the_text)
{
    Canvas c = new_canvas(24, 6, false);
    Buffer out = {0}, text = {0};
    draw_scene(&c);
    canvas_write_html(&c, THEME_LIGHT, true, "a \"title\" <1>", &out);
    check_markup(buffer_text(&out), &text, "html");
    const char *pre = strstr(buffer_text(&text), "┌");
    cr_assert(pre);
    cr_expect_eq(strncmp(pre, scene_text, sizeof scene_text - 1), 0, "%s", pre);
    cr_expect(strstr(buffer_text(&out), "<title>a &quot;title&quot; &lt;1&gt;</title>"));
    cr_expect_eq(count_of(buffer_text(&out), "<i class=\"w\">"), 2u, "two wide characters hold two columns each");
    buffer_free(&out);
    buffer_free(&text);
    canvas_free(&c);
}

/* The number that follows `name="` in a tag. */
static double attribute(const char *tag, const char *name)
{
    char quoted[32];
    snprintf(quoted, sizeof quoted, " %s=\"", name);
    const char *found = strstr(tag, quoted);
    cr_assert(found && found < strchr(tag, '>'), "no %s in %.60s", name, tag);
    return strtod(found + strlen(quoted), NULL);
}

/* Where the picture puts a text, in columns and rows. */
static void find_text(const char *svg, const char *text, double *col, double *row)
{
    char ended[64];
    snprintf(ended, sizeof ended, ">%s</t", text);
    const char *found = strstr(svg, ended);
    cr_assert(found, "no '%s'", text);
    const char *tag = found;
    while (*tag != '<')
        tag--;
    const char *line = tag;
    while (strncmp(line, "<text", 5) != 0)
        line--;
    *col = (attribute(tag, "x") - 14) / 8.43;
    *row = (attribute(line, "y") - 14) / 18;
}

Test(term_writers, svg_places_text_on_its_columns)
{
    static const struct {
        const char *text;
        int row, col;
        double width;
    } places[] = {{"我", 1, 1, 2},   {"爱", 1, 3, 2}, {"you", 1, 6, 3},  {"0.912", 1, 13, 5},
                  {"-1.5", 2, 1, 4}, {"x", 2, 7, 1},  {"▸", 2, 13, 1},   {"e\xcc\x81", 2, 15, 1},
                  {"→", 2, 17, 1},   {"√", 2, 19, 1}, {"link", 3, 2, 4}, {"&lt;&amp;&gt;", 4, 1, 3}};
    /* A locale with a decimal comma must not change the numbers; where the machine has none, this is one of a dot. */
    if (!setlocale(LC_NUMERIC, "de_DE.UTF-8"))
        setlocale(LC_NUMERIC, "");
    Canvas c = new_canvas(24, 6, false);
    Buffer out = {0};
    draw_scene(&c);
    canvas_write_svg(&c, THEME_DARK, true, "t", &out);
    setlocale(LC_NUMERIC, "C");
    for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
        double col, row;
        find_text(buffer_text(&out), places[i].text, &col, &row);
        cr_expect(col >= places[i].col - 0.01 && col < places[i].col + 0.25, "%s at column %.2f", places[i].text, col);
        cr_expect_eq((int)row, places[i].row, "%s at row %.2f", places[i].text, row);
    }
    cr_expect(!strstr(buffer_text(&out), ">│") && !strstr(buffer_text(&out), "█"), "lines and blocks are drawn, not written");
    cr_expect_eq(count_of(buffer_text(&out), "<path"), 1u, "one path for the one role of the lines");
    cr_expect_eq(count_of(buffer_text(&out), "fill-opacity=\".25\""), 1u, "the light shade");
    buffer_free(&out);
    canvas_free(&c);
}

Test(term_writers, without_color_there_is_none)
{
    Canvas c = new_canvas(24, 6, false);
    draw_scene(&c);
    for (int w = 0; w < 2; w++) {
        Buffer out = {0};
        writers[w].write(&c, THEME_DARK, false, "t", &out);
        for (const char *s = strchr(buffer_text(&out), '#'); s; s = strchr(s + 1, '#'))
            cr_expect(!strncmp(s, "#000000", 7) || !strncmp(s, "#ffffff", 7), "%s: %.7s", writers[w].name, s);
        buffer_free(&out);
    }
    canvas_free(&c);
}

Test(term_writers, ascii_canvas_gives_ascii)
{
    Canvas c = new_canvas(40, 6, true);
    Buffer out = {0};
    draw_scene(&c);
    canvas_write_text(&c, &out);
    for (const char *s = buffer_text(&out); *s; s++)
        cr_assert(*s == '\n' || (*s >= 0x20 && *s < 0x7f));
    cr_expect(strstr(buffer_text(&out), "\\u6211"));
    buffer_free(&out);
    canvas_free(&c);
}
