/* language_help.h - speaking Chinese in a test, with the translations that make has put into build/locale.
 *
 * For tests that run from the top folder. */
#ifndef LANGUAGE_HELP_H
#define LANGUAGE_HELP_H

#include "base/file.h"
#include "base/text.h"

#include <locale.h>
#include <stdlib.h>
#include <string.h>

/* "zh": Chinese from now on; "en": English again. False where there are no translations, or no locale that gettext translates in. */
static inline bool language_speak(const char *lang)
{
    bool chinese = strcmp(lang, "zh") == 0;
    if (chinese && (!file_exists("build/locale/zh_CN/LC_MESSAGES/stepformer.mo") || !setlocale(LC_MESSAGES, "C.UTF-8")))
        return false;
    setenv("LANGUAGE", chinese ? "zh_CN" : "en", 1);
    bindtextdomain("stepformer", "build/locale");
    bind_textdomain_codeset("stepformer", "UTF-8");
    textdomain("stepformer"); /* forgets what was looked up */
    if (!chinese)
        setlocale(LC_MESSAGES, "C");
    return true;
}

#endif
