/* lesson.c - the subcommand `lesson`: lists lessons, takes one, prints one, checks what they claim, writes worksheets. */
#include "base/file.h"
#include "base/text.h"
#include "cli/cli.h"
#include "cli/lesson.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- the language ---- */

const char *lesson_language(const Options *o)
{
    if (o->value[OPTION_LANG])
        return o->value[OPTION_LANG];
    const char *names[] = {getenv("LANGUAGE"), getenv("LC_ALL"), getenv("LC_MESSAGES"), getenv("LANG")};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (names[i] && *names[i])
            return strncmp(names[i], "zh", 2) == 0 ? "zh" : "en";
    return "en";
}

/* ---- --check ---- */

typedef struct Checks {
    LabRuns labs;
    Buffer *out;
    CheckResult result;
    size_t lessons, counts[CHECK_LABEL_COUNT], questions, claims, wrong;
    Lesson first; /* the first language of a folder, to compare the second with */
} Checks;

static void on_claim(void *context, const Claim *claim)
{
    Checks *c = context;
    const char *name = claim->block->kind == BLOCK_CHECK ? check_label_name(claim->block->label) : "holds";
    c->claims++;
    if (claim->held)
        return;
    c->wrong++;
    buffer_printf(c->out, _("%s:%d: %s %s: expected it to hold, found that it does not: %s"), claim->lesson->path, claim->line, block_kind_name(claim->block->kind),
                  name, claim->text);
    buffer_printf(c->out, *claim->sides ? "; %s\n" : "\n", claim->sides);
}

static void on_wrong(void *context, const char *line)
{
    Checks *c = context;
    c->wrong++;
    buffer_printf(c->out, "%s\n", line);
}

static void check_file(Checks *c, const char *path)
{
    CheckListener listener = {c, on_claim, on_wrong};
    Error e = {{0}};
    Lesson l;
    CheckResult r = CHECKED_MALFORMED;
    c->lessons++;
    if (lesson_open(&l, path, &e) != 0) {
        on_wrong(c, e.text);
    } else {
        r = lesson_check(&l, &c->labs, &listener, c->counts, &c->questions);
        if (!c->first.path)
            c->first = l; /* kept */
        else if (lesson_compare(&c->first, &l, &e) != 0) {
            on_wrong(c, e.text);
            r = CHECKED_MALFORMED;
            lesson_free(&l);
        } else
            lesson_free(&l);
    }
    if (r > c->result)
        c->result = r;
}

/* Both languages of a folder; they are compared. */
static int check_folder(void *context, const char *name, const char *folder)
{
    static const char *const files[] = {"en.md", "zh.md"};
    Checks *c = context;
    (void)name;
    for (size_t i = 0; i < 2; i++) {
        char *path = file_join(folder, files[i]);
        if (path && file_exists(path))
            check_file(c, path);
        free(path);
    }
    if (c->first.path)
        lesson_free(&c->first);
    return 0;
}

/* A name, a folder of one lesson, a folder of lessons, or a file. */
static int check_one(Checks *c, const char *given, Error *e)
{
    size_t before = c->lessons;
    if (file_is_folder(given)) {
        check_folder(c, given, given);
        if (c->lessons == before)
            lessons_list(given, check_folder, c);
        return c->lessons > before ? 0 : error_set(e, _("%s: expected a lesson (en.md, zh.md) or folders with lessons in it, found neither"), given);
    }
    char *path = lesson_find(given, "en", e), *slash = path ? strrchr(path, '/') : NULL;
    bool named = path && strcmp(path, given) != 0;
    if (!path)
        return -1;
    if (named && slash) {
        *slash = '\0';
        check_folder(c, given, path);
    } else {
        check_file(c, path);
        lesson_free(&c->first);
    }
    free(path);
    return 0;
}

static int run_check(const Options *o)
{
    Buffer text = {0};
    Checks c = {.out = &text};
    Error e = {{0}};
    int status = 0;
    for (int i = 0; i < o->operand_count && status == 0; i++)
        status = check_one(&c, o->operands[i], &e);
    if (!o->operand_count)
        lessons_list(NULL, check_folder, &c);
    if (status == 0 && c.lessons == 0)
        status = error_set(&e, _("lesson: expected lessons in the data folders, found none; give a folder or a file"));
    buffer_printf(&text, _("%zu files, %zu claims: %zu always, %zu at initialisation, %zu after training, %zu of one model, %zu of answers; %zu wrong\n"), c.lessons,
                  c.claims, c.counts[CHECK_ALWAYS], c.counts[CHECK_INITIALISATION], c.counts[CHECK_TRAINED], c.counts[CHECK_THIS_MODEL], c.questions, c.wrong);
    labs_free(&c.labs);
    Output out = output_open(o);
    if (status == 0) {
        output_emit(&out, buffer_text(&text), text.len);
        status = output_close(&out, &e);
    }
    buffer_free(&text);
    if (status != 0)
        return cli_wrong(&e);
    return c.result == CHECKED_TRUE ? CLI_DONE : c.result == CHECKED_FALSE ? CLI_FAILED : CLI_WRONG;
}

/* ---- the list ---- */

typedef struct List {
    Buffer *out;
    const char *lang, *progress; /* the file of what is done; NULL: none */
} List;

static int list_one(void *context, const char *name, const char *folder)
{
    List *x = context;
    Lesson l;
    Error e = {{0}};
    char *path = lesson_find(folder, x->lang, &e);
    Progress p = {.answer_count = 0};
    if (!path || lesson_open(&l, path, &e) != 0) {
        buffer_printf(x->out, "%-5s %s\n", name, e.text);
        free(path);
        return 0;
    }
    size_t right = 0;
    if (x->progress)
        progress_read(&p, x->progress, l.name, NULL);
    for (size_t i = 0; i < p.answer_count; i++)
        right += p.answers[i].result == RESULT_RIGHT;
    char done[64] = "";
    if (p.done)
        snprintf(done, sizeof done, _("done"));
    else if (p.begun)
        snprintf(done, sizeof done, _("%zu%%"), l.count ? 100 * p.at / l.count : 0);
    buffer_printf(x->out, "%-5s %-5s", name, done);
    if (p.answer_count)
        buffer_printf(x->out, " %2zu/%-2zu  ", right, l.asks);
    else
        buffer_printf(x->out, "  -/%-2zu  ", l.asks);
    buffer_printf(x->out, "%s\n", l.title);
    progress_free(&p);
    lesson_free(&l);
    free(path);
    return 0;
}

static int run_list(const Options *o, Error *e)
{
    Buffer text = {0};
    char *progress = record_file("lessons", NULL);
    List x = {&text, lesson_language(o), progress};
    Output out = output_open(o);
    lessons_list(NULL, list_one, &x);
    free(progress);
    int status = text.failed ? error_memory(e, "lesson") : 0;
    if (status == 0 && !text.len)
        status = error_set(e, _("lesson: expected lessons in the data folders, found none; give a folder or a file"));
    if (status == 0) {
        output_emit(&out, buffer_text(&text), text.len);
        status = output_close(&out, e);
    }
    buffer_free(&text);
    return status;
}

/* ---- the subcommand ---- */

static const OptionId taken[] = {OPTION_CHECK, OPTION_OUTPUT, OPTION_END};

static const CommandSpec spec = {
    .name = "lesson",
    .operands = "[LESSON...]",
    .what = N_("Lists."),
    .example = "stepformer lesson",
    .options = taken,
};

int cli_lesson(int argc, char **argv)
{
    Options o;
    Error e = {{0}};
    int status;
    if (!options_read(&o, &spec, argc, argv, &status))
        return status;
    if (o.value[OPTION_CHECK])
        status = run_check(&o);
    else
        status = run_list(&o, &e) == 0 ? CLI_DONE : cli_wrong(&e);
    options_free(&o);
    return status;
}
