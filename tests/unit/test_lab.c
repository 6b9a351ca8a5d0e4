/* test_lab.c - the laboratories' common part: parameters, errors, results; and that every one runs, says something, and says it again. */
#include "lab_help.h"

#include <string.h>

static void refuse(const char *name, const char *assignment, const char *says)
{
    Lab lab;
    Error e = {{0}};
    cr_assert_eq(lab_begin(&lab, lab_find(name), false, &e), 0);
    cr_assert_eq(lab_set(&lab, assignment, &e), -1, "%s", assignment);
    cr_assert(strstr(e.text, says), "%s: expected \"%s\" in: %s", assignment, says, e.text);
    lab_free(&lab);
}

Test(lab, parameters_that_are_wrong_are_named)
{
    refuse("scaling", "d_q=4", "\"d_q\"; nearest: \"d_k\"");
    refuse("scaling", "d_k", "expected NAME=VALUE");
    refuse("scaling", "d_k=", "expected an integer from 1 to 4096, found \"\"");
    refuse("scaling", "d_k=4,x", "found \"x\"");
    refuse("scaling", "d_k=4,", "found \"\"");
    refuse("scaling", "d_k= 4", "found \" 4\"");
    refuse("scaling", "d_k=4.5", "found \"4.5\"");
    refuse("scaling", "d_k=0", "found \"0\"");
    refuse("scaling", "d_k=nan", "found \"nan\"");
    refuse("scaling", "keys=4,5", "expected one number");
    refuse("temperature", "beta=-1", "expected a number from 0 to 1000");
    refuse("temperature",
           "beta=0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,"
           "0,0,0,0",
           "at most 64 numbers");
    cr_assert_null(lab_find("nothing"));
}

Test(lab, values_are_read_and_small_ones_are_small)
{
    Lab lab;
    Error e = {{0}};
    cr_assert_eq(lab_begin(&lab, lab_find("scaling"), true, &e), 0);
    cr_assert_eq(lab_value(&lab, "d_k")->count, 3);
    cr_assert_eq(lab_size(&lab, "seeds"), 3);
    cr_assert_eq(lab_set(&lab, "d_k=8,32", &e), 0);
    cr_assert_eq(lab_value(&lab, "d_k")->count, 2);
    cr_assert_eq(lab_value(&lab, "d_k")->numbers[1], 32);
    cr_assert_eq(lab_set(&lab, "d_k=64", &e), -1);
    cr_assert(strstr(e.text, "d_k: expected it once, found \"8,32\" and \"64\""), "%s", e.text);
    cr_assert(lab_is(&lab, "model", "zh-en"));
    lab_free(&lab);
}

Test(lab, results_are_named)
{
    Lab lab = run_small("scaling", "d_k=4,64");
    Error e = {{0}};
    double x;
    cr_assert_eq(result(&lab, "variance.64", "d_k"), 64);
    cr_assert_eq(result(&lab, "64", "ratio"), result(&lab, "#1", "ratio"));
    cr_assert_eq(result(&lab, "softmax.none/64", "entropy"), result(&lab, "none/64", "entropy"));
    cr_assert_eq(result(&lab, "gradient.#4", "at_q"), result(&lab, "none/64", "at_q"));
    cr_assert_eq(lab_result(&lab, "65", "ratio", &x, &e), -1);
    cr_assert_eq(lab_result(&lab, "64", "nothing", &x, &e), -1);
    cr_assert_eq(lab_result(&lab, "none/64", "case", &x, &e), -1);
    cr_assert(strstr(e.text, "found none"), "%s", e.text);
    lab_free(&lab);
}

static bool stop(void *context, double share, const char *what)
{
    int *left = context;
    cr_assert(share >= 0 && share <= 1 && what);
    return --*left > 0;
}

Test(lab, a_listener_can_stop_it)
{
    Lab lab;
    Error e = {{0}};
    int left = 2;
    cr_assert_eq(lab_begin(&lab, lab_find("scaling"), true, &e), 0);
    lab.progress = stop;
    lab.context = &left;
    cr_assert_eq(lab_run(&lab, &e), -1);
    cr_assert(strstr(e.text, "stopped"), "%s", e.text);
    lab_free(&lab);
}

Test(lab, every_one_says_what_it_does)
{
    for (size_t i = 0; i < lab_count; i++) {
        const LabInfo *info = &lab_table[i];
        cr_assert(*info->title && *info->varies && *info->fixed && *info->limits && *info->lessons, "%s", info->name);
        cr_assert_eq(lab_find(info->name), info);
        for (const LabParam *p = info->params; p->name; p++)
            cr_assert(p->usual && p->what && *p->what, "%s: %s", info->name, p->name);
        for (int small = 0; small < 2; small++) {
            Lab lab;
            Error e = {{0}};
            cr_assert_eq(lab_begin(&lab, info, small, &e), 0, "%s", e.text);
            lab_free(&lab);
        }
    }
}

static void same_again(const char *name)
{
    Lab a = run_small(name, NULL), b = run_small(name, NULL);
    cr_assert(a.table_count > 0 && a.note_count > 0 && a.table_count == b.table_count && a.note_count == b.note_count);
    for (size_t t = 0; t < a.table_count; t++) {
        Buffer x = {0}, y = {0};
        cr_assert(a.tables[t].row_count > 0, "%s", a.tables[t].name);
        table_write_csv(&a.tables[t], &x);
        table_write_csv(&b.tables[t], &y);
        cr_assert_str_eq(buffer_text(&x), buffer_text(&y));
        buffer_free(&x);
        buffer_free(&y);
    }
    lab_free(&a);
    lab_free(&b);
}

Test(lab, the_same_seeds_give_the_same_numbers)
{
    same_again("scaling");
    same_again("temperature");
    same_again("heads");
    same_again("permutation");
    same_again("relative");
    same_again("symmetry");
    same_again("pruning");
}
