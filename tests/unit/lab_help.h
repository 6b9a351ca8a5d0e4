/* lab_help.h - a laboratory, run with its small parameters, and its numbers by name. */
#ifndef LAB_HELP_H
#define LAB_HELP_H

#include "lab/lab.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

/* Shipped models are found by name beside a program that stands in the top folder; the tests' does not. */
static inline void find_models(void)
{
    mkdir("build/data", 0777);
    if (symlink("../..", "build/data/stepformer") != 0)
        cr_assert(access("build/data/stepformer/tiny-models", F_OK) == 0);
    char *folder = realpath("build/data", NULL);
    cr_assert_not_null(folder);
    setenv("XDG_DATA_HOME", folder, 1);
    free(folder);
}

/* Runs it with small parameters and those given, ended by NULL. */
#define run_small(name, ...) run_small_lab(name, (const char *const[]){__VA_ARGS__, NULL})
static inline Lab run_small_lab(const char *name, const char *const *values)
{
    Lab lab;
    Error e = {{0}};
    find_models();
    const LabInfo *info = lab_find(name);
    cr_assert_not_null(info, "%s", name);
    cr_assert_eq(lab_begin(&lab, info, true, &e), 0, "%s", e.text);
    for (; *values; values++)
        cr_assert_eq(lab_set(&lab, *values, &e), 0, "%s", e.text);
    cr_assert_eq(lab_run(&lab, &e), 0, "%s: %s", name, e.text);
    return lab;
}

static inline double result(const Lab *lab, const char *row, const char *column)
{
    double x = NAN;
    Error e = {{0}};
    cr_assert_eq(lab_result(lab, row, column, &x, &e), 0, "%s", e.text);
    return x;
}

static inline void check_near(double found, double expected, double tolerance, const char *what)
{
    cr_assert(fabs(found - expected) <= tolerance, "%s: %.12g, expected %.12g within %.3g", what, found, expected, tolerance);
}

#endif
