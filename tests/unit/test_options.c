/* test_options.c - the command line: what is read, what is refused, and what is documented. */
#include "cli/cli.h"
#include "model/config_keys.h"
#include "train/task.h"

#include <criterion/criterion.h>
#include <criterion/redirect.h>
#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static const OptionId taken[] = {OPTION_MODEL, OPTION_TEXT,   OPTION_ABLATE, OPTION_NUMBER, OPTION_TOP_P,
                                 OPTION_STEPS, OPTION_FORMAT, OPTION_OUTPUT, OPTION_END};
static const CommandSpec plain = {.name = "test", .what = "Tests.", .formats = "text|json", .example = "stepformer test", .options = taken};
static const CommandSpec with_operands = {
    .name = "test", .operands = "[FILE...]", .what = "Tests.", .formats = "text|json", .example = "stepformer test", .options = taken};

enum { WORDS_MAX = 16 };

/* Parses words, ended by NULL; true where the subcommand goes on. */
static bool parse(Options *o, const CommandSpec *spec, int *status, const char *const *words)
{
    static char copies[WORDS_MAX][64] = {"test"};
    char *argv[WORDS_MAX + 1] = {copies[0]};
    int argc = 1;
    for (; *words; words++, argc++)
        argv[argc] = memcpy(copies[argc], *words, strlen(*words) + 1);
    argv[argc] = NULL;
    return options_read(o, spec, argc, argv, status);
}

#define WORDS(...) ((const char *const[]){__VA_ARGS__, NULL})

static Options accept(const CommandSpec *spec, const char *const *words)
{
    Options o;
    int status = -1;
    cr_assert(parse(&o, spec, &status, words));
    cr_assert_eq(status, 0);
    return o;
}

/* Says `says` on standard error, and exits with 2. */
static void refuse(const char *const *words, const char *says)
{
    Options o;
    int status = -1;
    char said[1024];
    int saved = dup(STDERR_FILENO);
    FILE *file = tmpfile();
    fflush(stderr);
    dup2(fileno(file), STDERR_FILENO);
    bool went_on = parse(&o, &plain, &status, words);
    fflush(stderr);
    dup2(saved, STDERR_FILENO);
    close(saved);
    rewind(file);
    said[fread(said, 1, sizeof said - 1, file)] = '\0';
    fclose(file);
    cr_assert(!went_on && status == CLI_WRONG, "%s", words[0]);
    cr_assert(strstr(said, says) && strstr(said, "try 'stepformer test --help'"), "expected \"%s\" in: %s", says, said);
    cr_assert_eq(strchr(said, '\n'), said + strlen(said) - 1, "one line: %s", said);
}

Test(options, a_value_stands_in_the_same_word_or_the_next)
{
    const char *const *ways[] = {WORDS("-m", "zh"), WORDS("-mzh"), WORDS("--model", "zh"), WORDS("--model=zh")};
    for (size_t i = 0; i < 4; i++) {
        Options o = accept(&plain, ways[i]);
        cr_assert_str_eq(o.value[OPTION_MODEL], "zh");
        cr_assert_null(o.value[OPTION_TEXT]);
        options_free(&o);
    }
    Options o = accept(&plain, WORDS("--text=", "-o", "-", "--steps"));
    cr_assert_str_eq(o.value[OPTION_TEXT], "");
    cr_assert_str_eq(o.value[OPTION_OUTPUT], "-");
    cr_assert_not_null(o.value[OPTION_STEPS]);
    options_free(&o);
    o = accept(&plain, WORDS("-n-1", "-t", "-5 apples", "--model=--text"));
    cr_assert_str_eq(o.value[OPTION_NUMBER], "-1");
    cr_assert_str_eq(o.value[OPTION_TEXT], "-5 apples");
    cr_assert_str_eq(o.value[OPTION_MODEL], "--text");
    options_free(&o);
}

Test(options, a_list_grows_and_the_same_twice_is_no_contradiction)
{
    Options o = accept(&plain, WORDS("-a", "no-ffn", "--ablate=no-norm,no-mask", "-a", "", "-mx", "-m", "x"));
    cr_assert_str_eq(o.value[OPTION_ABLATE], "no-ffn,no-norm,no-mask");
    cr_assert_str_eq(o.value[OPTION_MODEL], "x");
    options_free(&o);
    refuse(WORDS("-m", "x", "--model=y"), "--model: expected it once, found \"x\" and \"y\"");
}

Test(options, operands_only_where_they_are_taken)
{
    Options o = accept(&with_operands, WORDS("a", "-m", "x", "b", "--", "-t", "--"));
    cr_assert_eq(o.operand_count, 4);
    cr_assert_str_eq(o.operands[0], "a");
    cr_assert_str_eq(o.operands[1], "b");
    cr_assert_str_eq(o.operands[2], "-t");
    cr_assert_str_eq(o.operands[3], "--");
    options_free(&o);
    refuse(WORDS("extra"), "found \"extra\"");
    refuse(WORDS("--", "-m"), "found \"-m\"");
}

Test(options, what_is_no_option_is_named)
{
    refuse(WORDS("--modle", "x"), "found \"--modle\"; nearest: \"--model\"");
    refuse(WORDS("--modle=x"), "found \"--modle\"");
    refuse(WORDS("--seed", "1"), "found \"--seed\""); /* an option, but not this command's */
    refuse(WORDS("-x"), "found \"-x\"");
    refuse(WORDS("-"), "found \"-\"");
}

Test(options, a_value_that_is_missing_is_named)
{
    refuse(WORDS("-m"), "--model: expected a value (MODEL), found nothing");
    refuse(WORDS("--model", "--text", "x"), "--model: expected a value (MODEL), found the option --text");
    refuse(WORDS("-m", "-t", "x"), "found the option -t");
    refuse(WORDS("--steps=yes"), "--steps: expected no value");
    refuse(WORDS("--lang", "xx"), "--lang: expected one of: en zh; found \"xx\"");
    refuse(WORDS("--color=red"), "--color: expected one of: auto always never");
}

Test(options, numbers_are_read_strictly)
{
    const struct {
        const char *text;
        bool good;
        double value;
    } numbers[] = {
        {"0.5", true, 0.5},  {"1", true, 1},     {"1e-3", true, 0.001}, {".25", true, 0.25}, {"-0.5", false, 0},  {"1.5", false, 0},
        {"", false, 0},      {" 0.5", false, 0}, {"0.5 ", false, 0},    {"0.5x", false, 0},  {"nan", false, 0},   {"inf", false, 0},
        {"0x0.8", false, 0}, {"1e", false, 0},   {"--1", false, 0},     {"0,5", false, 0},   {"1e999", false, 0},
    };
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        Options o = {.spec = &plain};
        Error e = {{0}};
        double x = 7;
        o.value[OPTION_TOP_P] = numbers[i].text;
        cr_assert_eq(options_number(&o, OPTION_TOP_P, 0, 1, 1, &x, &e), numbers[i].good ? 0 : -1, "'%s'", numbers[i].text);
        if (numbers[i].good)
            cr_assert_float_eq(x, numbers[i].value, 1e-15);
        else
            cr_assert(strstr(e.text, "--top-p: expected a number from 0 to 1"), "%s", e.text);
    }
    const struct {
        const char *text;
        bool good;
        uint64_t value;
    } counts[] = {
        {"0", true, 0},
        {"60", true, 60},
        {"007", true, 7},
        {"18446744073709551615", true, UINT64_MAX},
        {"18446744073709551616", false, 0},
        {"-1", false, 0},
        {"+1", false, 0},
        {"1.0", false, 0},
        {"1e3", false, 0},
        {"", false, 0},
        {" 1", false, 0},
        {"0x10", false, 0},
    };
    for (size_t i = 0; i < sizeof counts / sizeof *counts; i++) {
        Options o = {.spec = &plain};
        uint64_t n = 5;
        o.value[OPTION_NUMBER] = counts[i].text;
        cr_assert_eq(options_count(&o, OPTION_NUMBER, 0, UINT64_MAX, 60, &n, NULL), counts[i].good ? 0 : -1, "'%s'", counts[i].text);
        cr_assert(!counts[i].good || n == counts[i].value, "'%s'", counts[i].text);
    }
    Options o = {.spec = &plain};
    uint64_t n;
    cr_assert(options_count(&o, OPTION_NUMBER, 0, 100, 60, &n, NULL) == 0 && n == 60, "not given: the default");
}

Test(options, the_format_is_said_or_follows_from_the_file)
{
    const struct {
        const char *format, *output;
        int expected;
    } cases[] = {
        {NULL, NULL, 0},       {"json", NULL, 1},  {"text", "x.json", 0}, {NULL, "x.json", 1},
        {NULL, "a.json/x", 0}, {NULL, "x.dat", 0}, {"svg", NULL, -1}, {NULL, "x.svg", -1},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        Options o = {.spec = &plain};
        Error e = {{0}};
        o.value[OPTION_FORMAT] = cases[i].format;
        o.value[OPTION_OUTPUT] = cases[i].output;
        cr_assert_eq(options_format(&o, &e), cases[i].expected, "case %zu", i);
    }
}

Test(options, the_help_shows_what_is_taken, .init = cr_redirect_stdout)
{
    Buffer help = {0};
    options_help(&plain, &help);
    for (int id = 0; id < OPTION_COUNT; id++) {
        char name[64];
        bool here = id >= OPTION_COLOR;
        for (const OptionId *p = taken; *p != OPTION_END; p++)
            here = here || *p == (OptionId)id;
        snprintf(name, sizeof name, "--%s", option_table[id].name);
        const char *found = strstr(help.data, name);
        while (found && found[strlen(name)] == '-') /* "--target" is not "--target-ids" */
            found = strstr(found + 1, name);
        cr_assert_eq(found != NULL, here, "%s", name);
    }
    for (const char *line = help.data; *line; line += strcspn(line, "\n") + 1)
        cr_assert_leq(strcspn(line, "\n"), 100, "%.*s", (int)strcspn(line, "\n"), line);
    Options o;
    int status = -1;
    cr_assert(!parse(&o, &plain, &status, WORDS("-m", "x", "--help", "--nonsense")));
    cr_assert_eq(status, CLI_DONE, "whoever asks for help gets it");
    fflush(stdout);
    cr_assert_stdout_eq_str(help.data);
    buffer_free(&help);
}

static const char *manual_page(void)
{
    static char page[1 << 17];
    FILE *f = fopen("src/cli/stepformer.1", "r");
    cr_assert(f, "the tests run from the top folder");
    size_t n = fread(page, 1, sizeof page - 1, f);
    fclose(f);
    cr_assert(n > 1000 && n < sizeof page - 1);
    return page;
}

static bool is_of_word(char c)
{
    return isalnum((unsigned char)c) || c == '_';
}

/* Every key of a config stands in the manual page, as a word of its own. */
Test(options, the_manual_page_has_every_key_of_a_config)
{
    const char *models = strstr(manual_page(), "\n.SH MODELS\n");
    cr_assert(models);
    for (const ConfigKey *key = config_keys; key->name; key++) {
        const char *at = models;
        do
            at = strstr(at + 1, key->name);
        while (at && (is_of_word(at[-1]) || is_of_word(at[strlen(key->name)])));
        cr_expect(at, "src/cli/stepformer.1: MODELS: expected the key %s", key->name);
    }
}

/* Every task of a recipe stands in it. */
Test(options, the_manual_page_has_every_task)
{
    const char *recipes = strstr(manual_page(), "\n.SH RECIPES\n");
    cr_assert(recipes);
    const char *end = strstr(recipes, "\n.TP\n");
    Buffer tasks = {0};
    for (const char *p = recipes; p < end; p++) /* "zh\-en" */
        if (*p != '\\')
            buffer_putc(&tasks, *p);
    size_t count;
    const Task *const *all = task_list(&count);
    for (size_t i = 0; i < count; i++)
        cr_expect(strstr(buffer_text(&tasks), all[i]->name), "src/cli/stepformer.1: RECIPES: expected the task %s", all[i]->name);
    buffer_free(&tasks);
}

/* Every option stands in the manual page as a paragraph of its own, with its letter. */
Test(options, the_manual_page_has_every_option)
{
    const char *page = manual_page();
    for (int id = 0; id < OPTION_COUNT; id++) {
        const OptionInfo *info = &option_table[id];
        char tag[96] = "", name[64] = "";
        for (const char *p = info->name; *p; p++)
            strcat(strcat(name, *p == '-' ? "\\" : ""), (char[]){*p, '\0'});
        if (info->letter)
            snprintf(tag, sizeof tag, "\n.TP\n.BR \\-%c \", \" \\-\\-%s", info->letter, name);
        else
            snprintf(tag, sizeof tag, "\n.TP\n.B%s \\-\\-%s%s", info->argument ? "R" : "", name, info->argument ? " " : "\n");
        cr_assert(strstr(page, tag), "src/cli/stepformer.1: expected%s", tag);
    }
}
