/* model_help.h - what the tests of src/model share: the made files, and a folder to write in. */
#ifndef TESTS_MODEL_HELP_H
#define TESTS_MODEL_HELP_H

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Files made by tests/data/model/make.py. The tests run from the top folder. */
#define MODEL_DATA "tests/data/model/"

/* The message of e has `part` in it, is one line, and is not empty. */
#define assert_says(e, part)                                                                                                               \
    do {                                                                                                                                   \
        cr_assert((e).text[0] && !strchr((e).text, '\n'), "no line: %s", (e).text);                                                        \
        cr_assert(strstr((e).text, part), "expected \"%s\" in: %s", part, (e).text);                                                       \
    } while (0)

/* A new folder; its name is written into out. */
static inline const char *help_folder(char out[64])
{
    snprintf(out, 64, P_tmpdir "/stepformer-test-XXXXXX");
    cr_assert(mkdtemp(out));
    return out;
}

static inline void help_write(const char *folder, const char *name, const void *bytes, size_t n)
{
    char path[256];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *f = fopen(path, "wb");
    cr_assert(f && fwrite(bytes, 1, n, f) == n && fclose(f) == 0, "%s", path);
}

/* Takes a folder of files away. */
static inline void help_remove(const char *folder)
{
    char command[128];
    snprintf(command, sizeof command, "rm -rf '%s'", folder);
    cr_assert_eq(system(command), 0);
}

#endif
