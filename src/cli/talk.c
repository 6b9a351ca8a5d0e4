/* talk.c - what is said on standard error, and in which language.
 *
 * Owns the program's locale. */
#include "base/text.h"
#include "cli/cli.h"
#include "tensor/matmul.h"

#include <locale.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#ifndef VERSION
#define VERSION "unknown"
#endif
#ifndef DATADIR
#define DATADIR "/usr/local/share"
#endif

#define DOMAIN "stepformer"

void cli_say(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    fputs("stepformer: ", stderr);
    vfprintf(stderr, format, args);
    fputc('\n', stderr);
    va_end(args);
}

int cli_wrong(const Error *e)
{
    cli_say("%s", e->text);
    return CLI_WRONG;
}

void cli_start(void)
{
    setlocale(LC_ALL, "");
    setlocale(LC_NUMERIC, "C"); /* numbers are the same everywhere */
    char *beside = data_find("locale");
    bindtextdomain(DOMAIN, beside ? beside : DATADIR "/locale");
    free(beside);
    bind_textdomain_codeset(DOMAIN, "UTF-8"); /* whoever draws converts for the terminal */
    textdomain(DOMAIN);
}

/* gettext translates nothing while the messages' locale is "C", and the language's own may not have been generated: any
 * other locale will do. */
void cli_set_language(const char *lang)
{
    setenv("LANGUAGE", lang, 1);
    const char *now = setlocale(LC_MESSAGES, NULL);
    if (!now || strcmp(now, "C") == 0 || strcmp(now, "POSIX") == 0)
        if (!setlocale(LC_MESSAGES, "C.UTF-8"))
            setlocale(LC_MESSAGES, "en_US.UTF-8");
    textdomain(DOMAIN); /* forgets translations already looked up */
}

void cli_print_version(void)
{
    printf("stepformer %s\n", VERSION);
    printf("numbers: %s; matrix product: %s\n", REAL_IS_DOUBLE ? "double" : "float", matmul_name());
}
