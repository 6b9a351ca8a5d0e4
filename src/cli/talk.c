/* talk.c - what is said on standard error, and in which language.
 *
 * Owns the program's locale, and the signal of a mapped file that lost its end. */
#include "base/file.h"
#include "base/text.h"
#include "cli/cli.h"
#include "cli/screen.h"
#include "cli/waiting.h"
#include "tensor/matmul.h"

#include <locale.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#ifndef VERSION
#define VERSION "unknown"
#endif

#define DOMAIN "stepformer"

void cli_say(const char *format, ...)
{
    enum { LEAST = 60 }; /* columns: on fewer the terminal's own way wastes less */
    static const char name[] = "stepformer: ";
    int columns = isatty(STDERR_FILENO) ? waiting_terminal_columns(STDERR_FILENO) : TEXT_ANY_COLUMNS;
    char text[2048];
    va_list args, again;
    va_start(args, format);
    va_copy(again, args);
    Buffer line = {0};
    fputs(name, stderr);
    if (columns >= LEAST && vsnprintf(text, sizeof text, _(format), args) < (int)sizeof text)
        text_wrap(&line, text, (int)strlen(name), columns);
    if (line.len && !line.failed)
        fputs(buffer_text(&line), stderr);
    else
        vfprintf(stderr, _(format), again);
    fputc('\n', stderr);
    va_end(again);
    va_end(args);
    buffer_free(&line);
}

int cli_wrong(const Error *e)
{
    cli_say("%s", e->text);
    return CLI_WRONG;
}

/* Takes a category from the environment. A locale that was never generated on this machine still says what is wanted: C.UTF-8 stands in for
 * it, if it is of UTF-8. Returns the name that was asked for where that was necessary, else NULL. */
static const char *start_category(int category, const char *variable)
{
    const char *names[] = {getenv("LC_ALL"), getenv(variable), getenv("LANG")};
    if (setlocale(category, ""))
        return NULL;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (names[i] && names[i][0]) {
            const char *charset = strchr(names[i], '.');
            bool utf8 = charset && (strncasecmp(charset, ".utf-8", 6) == 0 || strncasecmp(charset, ".utf8", 5) == 0);
            return utf8 && setlocale(category, "C.UTF-8") ? names[i] : NULL;
        }
    return NULL;
}

/* The folder that holds LANGUAGE/LC_MESSAGES/stepformer.mo: beside the program, where make puts it (a program of a build variant is in
 * build/VARIANT), or in one of the data folders. Unlike data_find, one place is left only when none of its folders has it, so that a program
 * in its source folder does not speak with the words of another that is installed. NULL: nowhere. */
static char *find_translations(void)
{
    static const char *const folders[] = {"locale", "build/locale", "../locale"};
    char **roots = data_roots(), *found = NULL;
    for (size_t i = 0; roots && roots[i] && !found; i++)
        for (size_t k = 0; k < sizeof folders / sizeof *folders && !found; k++) {
            char *folder = file_join(roots[i], folders[k]), *chinese = folder ? file_join(folder, "zh_CN/LC_MESSAGES/" DOMAIN ".mo") : NULL;
            if (chinese && file_exists(chinese))
                found = folder;
            else
                free(folder);
            free(chinese);
        }
    data_roots_free(roots);
    return found;
}

static void write_error(const char *text)
{
    for (size_t n = strlen(text); n;) {
        ssize_t sent = write(STDERR_FILENO, text, n);
        if (sent <= 0)
            return;
        text += sent;
        n -= (size_t)sent;
    }
}

/* A mapped file lost its end: one line, as for any wrong input. Every other fault happens again, and ends the program. While the terminal is taken
 * its own handler (tty.c) comes first and gives it back. */
static void on_fault(int sig, siginfo_t *info, void *context)
{
    (void)context;
    const char *lost = info->si_code > 0 ? file_fault(info->si_addr) : NULL;
    if (!lost) {
        sigaction(sig, &(struct sigaction){.sa_handler = SIG_DFL}, NULL);
        if (info->si_code <= 0)
            raise(sig);
        return;
    }
    write_error("stepformer: ");
    write_error(lost);
    write_error("\n");
    _exit(CLI_WRONG);
}

/* LC_NUMERIC stays "C": numbers are the same everywhere. */
void cli_start(void)
{
    sigaction(SIGBUS, &(struct sigaction){.sa_sigaction = on_fault, .sa_flags = SA_SIGINFO}, NULL);
    start_category(LC_CTYPE, "LC_CTYPE");
    const char *messages = start_category(LC_MESSAGES, "LC_MESSAGES");
    if (messages && !getenv("LANGUAGE")) {
        char lang[16] = "";
        size_t n = strcspn(messages, ".@");
        if (n < sizeof lang) {
            memcpy(lang, messages, n);
            setenv("LANGUAGE", lang, 1);
        }
    }
    char *folder = find_translations();
    if (folder)
        bindtextdomain(DOMAIN, folder);
    free(folder);
    bind_textdomain_codeset(DOMAIN, "UTF-8"); /* whoever draws converts for the terminal */
    textdomain(DOMAIN);
}

/* gettext translates nothing while the messages' locale is "C", and the language's own may not have been generated: any
 * other locale will do. */
void cli_set_language(const char *lang)
{
    setenv("LANGUAGE", strcmp(lang, "zh") == 0 ? "zh_CN" : lang, 1);
    const char *now = setlocale(LC_MESSAGES, NULL);
    if (!now || strcmp(now, "C") == 0 || strcmp(now, "POSIX") == 0)
        if (!setlocale(LC_MESSAGES, "C.UTF-8"))
            setlocale(LC_MESSAGES, "en_US.UTF-8");
    textdomain(DOMAIN); /* forgets translations already looked up */
}

/* True where the language that is spoken is written in ASCII. */
static bool is_ascii_language(void)
{
    const char *word = _("attention weights");
    while (*word && (unsigned char)*word < 0x80)
        word++;
    return !*word;
}

bool cli_lists_ascii(void)
{
    return screen_is_ascii() && is_ascii_language();
}

void cli_speak_ascii(void)
{
    if (is_ascii_language())
        return;
    cli_set_language("en");
    cli_say("this locale has ASCII only, so the screen is in English; try LC_ALL=C.UTF-8 and --lang zh");
}

void cli_print_version(void)
{
    printf("stepformer %s\n", VERSION);
    printf("numbers: %s; matrix product: %s\n", REAL_IS_DOUBLE ? "double" : "float", matmul_name());
}
