/* data_help.h - lets a test find models and lessons by name, as the program in the top folder does. */
#ifndef TESTS_DATA_HELP_H
#define TESTS_DATA_HELP_H

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

/* The tests run from the top folder: build/test-data/stepformer is a link to it. */
static inline void help_data(void)
{
    char top[512], home[600];
    cr_assert(getcwd(top, sizeof top));
    mkdir("build", 0777);
    mkdir("build/test-data", 0777);
    (void)!symlink(top, "build/test-data/stepformer"); /* may be there */
    snprintf(home, sizeof home, "%s/build/test-data", top);
    setenv("XDG_DATA_HOME", home, 1);
}

#endif
