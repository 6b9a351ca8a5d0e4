/* test_table.c - tables and plots: what is kept, and every way to write it. */
#include "base/table.h"

#include "base/plot.h"

#include <criterion/criterion.h>
#include <jansson.h>
#include <math.h>
#include <string.h>

static Table sample(void)
{
    Table t = table_new("sample", "A title");
    table_text_column(&t, "key", "key");
    table_column(&t, "x", "a number with a long title", 2);
    table_column(&t, "y", "y", -1);
    size_t row = table_row(&t);
    table_set_text(&t, row, "key", "a,\"b\"|");
    table_set(&t, row, "x", 1.0 / 3);
    table_set(&t, row, "y", 0.1);
    row = table_row(&t);
    table_set_text(&t, row, "key", "中文");
    table_set(&t, row, "x", 1e-9);
    table_set(&t, row, "y", INFINITY);
    table_row(&t);
    cr_assert(!t.failed);
    return t;
}

Test(table, cells_are_found_by_name_and_key)
{
    Table t = sample();
    cr_assert_eq(table_find_column(&t, "y"), 2);
    cr_assert_eq(table_find_column(&t, "z"), -1);
    cr_assert_eq(table_find_row(&t, "中文"), 1);
    cr_assert_eq(table_find_row(&t, "nowhere"), -1);
    cr_assert_eq(table_number(&t, 0, 2), 0.1);
    cr_assert(isnan(table_number(&t, 2, 1)) && isnan(table_number(&t, 99, 1)));
    table_free(&t);
    t = table_new("numbers", "Numbers");
    table_column(&t, "beta", "beta", -1);
    for (int i = 0; i < 20; i++)
        table_set(&t, table_row(&t), "beta", 0.25 * i);
    cr_assert_eq(table_find_row(&t, "0.25"), 1);
    cr_assert_eq(table_find_row(&t, "4"), 16);
    cr_assert_eq(table_find_row(&t, "4.1"), -1);
    cr_assert_eq(table_find_row(&t, ""), -1);
    table_free(&t);
}

Test(table, a_cell_that_is_not_there_spoils_it)
{
    Table t = sample();
    table_set(&t, 0, "nothing", 1);
    cr_assert(t.failed);
    table_free(&t);
    t = sample();
    table_set(&t, 3, "x", 1);
    cr_assert(t.failed);
    Buffer out = {0};
    table_write_text(&t, &out, false);
    cr_assert(out.failed);
    buffer_free(&out);
    table_free(&t);
}

Test(table, csv_quotes_and_keeps_every_bit)
{
    Table t = sample();
    Buffer out = {0};
    table_write_csv(&t, &out);
    cr_assert_str_eq(buffer_text(&out), "key,x,y\n\"a,\"\"b\"\"|\",0.3333333333333333,0.1\n中文,1e-09,inf\n,,\n");
    buffer_free(&out);
    table_free(&t);
}

Test(table, json_is_json)
{
    Table t = sample();
    Buffer out = {0};
    table_write_json(&t, &out);
    json_t *root = json_loads(buffer_text(&out), 0, NULL);
    cr_assert_not_null(root, "%s", buffer_text(&out));
    json_t *rows = json_object_get(root, "rows");
    cr_assert_eq(json_array_size(rows), 3);
    cr_assert_str_eq(json_string_value(json_array_get(json_array_get(rows, 0), 0)), "a,\"b\"|");
    cr_assert_eq(json_real_value(json_array_get(json_array_get(rows, 0), 1)), 1.0 / 3);
    cr_assert_str_eq(json_string_value(json_array_get(json_array_get(rows, 1), 2)), "inf");
    cr_assert(json_is_null(json_array_get(json_array_get(rows, 2), 2)));
    json_decref(root);
    buffer_free(&out);
    table_free(&t);
}

Test(table, text_is_aligned_and_wide_characters_count_twice)
{
    Table t = sample();
    Buffer out = {0};
    table_write_text(&t, &out, false);
    cr_assert_str_eq(buffer_text(&out), "A title\n"
                                        "  key     a number    y\n"
                                        "            with a\n"
                                        "              long\n"
                                        "             title\n"
                                        "  a,\"b\"|      0.33  0.1\n"
                                        "  中文       1e-09  inf\n"
                                        "\n");
    buffer_clear(&out);
    table_write_text(&t, &out, true);
    cr_assert(strstr(buffer_text(&out), "\\u4E2D\\u6587"), "%s", buffer_text(&out));
    buffer_free(&out);
    table_free(&t);
}

/* However many lines it takes. */
Test(table, a_long_title_is_whole)
{
    Table t = table_new("long", "A title");
    Buffer out = {0};
    table_column(&t, "x", "out and the sum of heads through their rows of W_O and on", 2);
    table_set(&t, table_row(&t), "x", 1);
    table_write_text(&t, &out, false);
    cr_assert(strstr(buffer_text(&out), " W_O and\n        on\n"), "%s", buffer_text(&out));
    buffer_free(&out);
    table_free(&t);
}

Test(table, chinese_titles_are_broken_between_characters_but_not_before_a_comma)
{
    Table t = table_new("wide", "T");
    table_column(&t, "a", "编码器，只有注意力", 0);
    table_column(&t, "b", "各层的（平均）余弦", 0);
    size_t row = table_row(&t);
    table_set(&t, row, "a", 1);
    table_set(&t, row, "b", 2);
    Buffer out = {0};
    table_write_text(&t, &out, false);
    cr_assert_str_eq(buffer_text(&out), "T\n"
                                        "  编码器，    各层的\n"
                                        "  只有注意  （平均）\n"
                                        "        力      余弦\n"
                                        "         1         2\n");
    buffer_free(&out);
    table_free(&t);
}

Test(table, markdown_escapes_bars)
{
    Table t = sample();
    Buffer out = {0};
    table_write_markdown(&t, &out);
    cr_assert(strstr(buffer_text(&out), "| key | a number with a long title | y |\n|---|---:|---:|\n| a,\"b\"\\| | 0.33 | 0.1 |\n"), "%s",
              buffer_text(&out));
    buffer_free(&out);
    table_free(&t);
}

Test(table, many_rows)
{
    Table t = table_new("many", "Many");
    table_column(&t, "i", "i", 0);
    for (int i = 0; i < 1000; i++)
        table_set(&t, table_row(&t), "i", i);
    for (int i = 0; i < 1000; i++)
        cr_assert_eq(table_number(&t, (size_t)i, 0), i);
    table_free(&t);
}

/* ---- plots ---- */

static Plot plot_of(const double *x, const double *y, size_t n)
{
    Plot p = plot_new("Title & more", "x", "y <1>");
    size_t s = plot_series(&p, "series");
    for (size_t i = 0; i < n; i++)
        plot_point_spread(&p, s, x[i], y[i], y[i] - 0.5, y[i] + 0.5);
    return p;
}

Test(plot, axes_show_all_points_and_have_round_numbers)
{
    Plot p = plot_of((const double[]){1, 10, 100}, (const double[]){3, 4, 9.3}, 3);
    p.x_log = true;
    PlotAxis x = plot_x_axis(&p), y = plot_y_axis(&p);
    cr_assert_eq(x.tick_count, 3);
    cr_assert_eq(x.ticks[1], 10);
    cr_assert_float_eq(plot_place(&x, 10), 0.5, 1e-12);
    cr_assert(isnan(plot_place(&x, 0)) && isnan(plot_place(&x, NAN)));
    cr_assert_eq(y.least, 0); /* a range that begins near 0 begins there */
    cr_assert_eq(y.most, 9.8);
    for (size_t i = 0; i < y.tick_count; i++)
        cr_assert_eq(y.ticks[i], 2.0 * (double)i);
    plot_free(&p);
}

/* A text is as wide and high as was asked for, whatever the points: none, one, all equal, none finite. */
Test(plot, text_fits_whatever_the_points)
{
    const double same[] = {5, 5, 5}, none[] = {NAN, INFINITY, -INFINITY}, far[] = {-1e300, 0, 1e300};
    const double *cases[] = {same, none, far};
    for (size_t n = 0; n <= 3; n++)
        for (size_t k = 0; k < 9; k++)
            for (int how = 0; how < 8; how++) {
                Plot p = plot_of(cases[k % 3], cases[k / 3], n);
                p.x_log = how & 1;
                p.y_log = how & 2;
                p.bars = how & 4;
                Buffer out = {0};
                plot_write_text(&p, 60, 10, &out, true);
                cr_assert(!out.failed);
                int lines = 0;
                for (const char *s = buffer_text(&out); *s; s += strcspn(s, "\n") + 1, lines++)
                    cr_assert_leq(strcspn(s, "\n"), 60);
                cr_assert_eq(lines, 2 + 10 + 2 + 1 + 1); /* titles, rows, axis and its numbers, its title, legend */
                buffer_clear(&out);
                plot_write_svg(&p, &out);
                cr_assert(strstr(buffer_text(&out), "Title &amp; more") && !strstr(buffer_text(&out), "nan"), "%s", buffer_text(&out));
                buffer_clear(&out);
                plot_write_json(&p, &out);
                json_t *root = json_loads(buffer_text(&out), 0, NULL);
                cr_assert_not_null(root, "%s", buffer_text(&out));
                json_decref(root);
                buffer_free(&out);
                plot_free(&p);
            }
}

Test(plot, of_many_points_some_are_marked)
{
    size_t marked = 0;
    for (size_t i = 0; i < 1000; i++)
        marked += plot_is_marked(i, 1000);
    cr_assert(marked > PLOT_MARKS_MAX / 2 && marked <= PLOT_MARKS_MAX + 1);
    cr_assert(plot_is_marked(0, 1000) && plot_is_marked(999, 1000));
    for (size_t i = 0; i < PLOT_MARKS_MAX; i++)
        cr_assert(plot_is_marked(i, PLOT_MARKS_MAX));
}

Test(plot, marks_stand_where_the_points_are)
{
    Plot p = plot_new("T", "x", "y");
    size_t s = plot_series(&p, "rising");
    plot_point(&p, s, 0, 0);
    plot_point(&p, s, 1, 1);
    Buffer out = {0};
    plot_write_text(&p, 31, 5, &out, true);
    const char *text = buffer_text(&out);
    cr_assert(strstr(text, "        1 +                 ..o\n"), "%s", text);
    cr_assert(strstr(text, "        0 +o"), "%s", text);
    buffer_free(&out);
    plot_free(&p);
}
