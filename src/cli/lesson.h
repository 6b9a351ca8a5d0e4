/* lesson.h - what the files of the subcommand `lesson` share. */
#ifndef CLI_LESSON_H
#define CLI_LESSON_H

#include "cli/options.h"
#include "lesson/check.h"
#include "lesson/progress.h"

/* "en" or "zh": --lang, else the environment's. */
const char *lesson_language(const Options *o);

#endif
