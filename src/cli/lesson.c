/* lesson.c - the subcommand `lesson`: lists lessons, takes one, prints one, checks what they claim, writes worksheets. */
#include "base/file.h"
#include "base/text.h"
#include "cli/cli.h"
#include "cli/screen.h"
#include "lesson/check.h"
#include "lesson/draw.h"
#include "lesson/progress.h"
#include "lesson/sheet.h"
#include "term/term.h"
#include "view/lesson.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { FORMAT_MARKDOWN, FORMAT_HTML };

/* ---- the language ---- */

/* "en" or "zh": --lang, else the environment's. */
static const char *lesson_language(const Options *o)
{
    if (o->value[OPTION_LANG])
        return o->value[OPTION_LANG];
    static const char head[] = ""; /* gettext's text of this name says which language it speaks */
    return strstr(_(head), "Language: zh") ? "zh" : "en";
}

/* ---- --check ---- */

typedef struct Checks {
    LabRuns labs;
    Buffer *out;
    CheckResult result;
    size_t lessons, claims, wrong;
    CheckCounts counts;
    const Bug *bug; /* the engine has it; or NULL */
    Lesson first;   /* the first language of a folder, to compare the second with */
} Checks;

static void on_claim(void *context, const Claim *claim)
{
    Checks *c = context;
    const char *name = claim->block->kind == BLOCK_CHECK ? check_label_name(claim->block->label) : "holds";
    c->claims += !claim->bug;
    if (claim->held)
        return;
    c->wrong++;
    if (claim->bug) {
        buffer_printf(c->out,
                      _("%s:%d: catches %s: expected a claim of this block that the bug makes false, found that all of them hold\n"),
                      claim->lesson->path, claim->line, claim->bug->id);
        return;
    }
    buffer_printf(c->out, _("%s:%d: %s %s: expected it to hold, found that it does not: %s"), claim->lesson->path, claim->line,
                  block_kind_name(claim->block->kind), name, claim->text);
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
        r = lesson_check(&l, c->bug, &c->labs, &listener, &c->counts);
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
        return c->lessons > before
                   ? 0
                   : error_set(e, _("%s: expected a lesson (en.md, zh.md) or folders with lessons in it, found neither"), given);
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
    int status = o->value[OPTION_BUG] && !(c.bug = bug_find(o->value[OPTION_BUG], &e)) ? -1 : 0;
    for (int i = 0; i < o->operand_count && status == 0; i++)
        status = check_one(&c, o->operands[i], &e);
    if (status == 0 && !o->operand_count)
        lessons_list(NULL, check_folder, &c);
    if (status == 0 && c.lessons == 0)
        status = error_set(&e, _("lesson: expected lessons in the data folders, found none; give a folder or a file"));
    buffer_printf(&text, ngettext("%zu file, ", "%zu files, ", c.lessons), c.lessons);
    buffer_printf(&text, ngettext("%zu claim", "%zu claims", c.claims), c.claims);
    buffer_printf(&text, _(": %zu always, %zu at initialisation, %zu after training, %zu of this model, %zu of answers"),
                  c.counts.labels[CHECK_ALWAYS], c.counts.labels[CHECK_INITIALISATION], c.counts.labels[CHECK_TRAINED],
                  c.counts.labels[CHECK_THIS_MODEL], c.counts.questions);
    if (c.bug)
        buffer_printf(&text, _("; %zu made false by the bug %s\n"), c.wrong, c.bug->id);
    else {
        buffer_printf(&text, ngettext("; %zu bug caught", "; %zu bugs caught", c.counts.bugs), c.counts.bugs);
        buffer_printf(&text, _("; %zu wrong\n"), c.wrong);
    }
    labs_free(&c.labs);
    Output out = output_open(o);
    if (status == 0) {
        output_lines(&out, buffer_text(&text));
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
        buffer_printf(x->out, "%-9s %s\n", name, e.text);
        free(path);
        return 0;
    }
    size_t right = 0;
    bool test = false; /* questions are drawn for it: what counts is what is sure */
    for (size_t i = 0; i < l.count; i++)
        test = test || l.blocks[i].kind == BLOCK_DRAW;
    if (x->progress)
        progress_read(&p, x->progress, l.name, NULL);
    for (size_t i = 0; i < p.answer_count; i++)
        right += p.answers[i].result == RESULT_RIGHT;
    if (test)
        right = draw_sure(&l, &p);
    char done[64] = "";
    if (test && p.answer_count)
        snprintf(done, sizeof done, _("sure"));
    else if (p.done)
        snprintf(done, sizeof done, _("done"));
    else if (p.begun)
        snprintf(done, sizeof done, _("%zu%%"), l.count ? 100 * p.at / l.count : 0);
    int digits = 0;
    sscanf(l.title, "Q%*d. %n", &digits); /* the name has said it, and a row of 80 columns is to hold it */
    buffer_printf(x->out, "%-9s ", name);
    text_pad(x->out, done, 5);
    if (p.answer_count)
        buffer_printf(x->out, " %2zu/%-2zu  ", right, l.asks);
    else
        buffer_printf(x->out, "  -/%-2zu  ", l.asks);
    text_show(x->out, l.title + digits, strlen(l.title + digits), cli_lists_ascii());
    buffer_putc(x->out, '\n');
    progress_free(&p);
    lesson_free(&l);
    free(path);
    return 0;
}

/* Begins with a space: the lines of lessons begin with their names, which completion reads. */
static void put_list_head(Buffer *out)
{
    text_pad(out, "", 10);
    text_pad(out, _("so far"), 7);
    text_pad(out, _("right"), 6);
    buffer_printf(out, "%s\n", _("lesson"));
}

static int run_list(const Options *o, Error *e)
{
    Buffer text = {0};
    char *progress = record_file("lessons", NULL);
    List x = {&text, lesson_language(o), progress};
    Output out = output_open(o);
    put_list_head(&text);
    size_t head = text.len;
    lessons_list(NULL, list_one, &x);
    free(progress);
    int status = text.failed ? error_memory(e, "lesson") : 0;
    if (status == 0 && text.len == head)
        status = error_set(e, _("lesson: expected lessons in the data folders, found none; give a folder or a file"));
    if (status == 0) {
        output_emit(&out, buffer_text(&text), text.len);
        status = output_close(&out, e);
    }
    buffer_free(&text);
    return status;
}

/* ---- taking one ---- */

App *screen_lesson(Options *o, const char *name, bool keep, Theme theme, bool color, Error *e)
{
    Lesson l;
    bool ascii = screen_is_ascii();
    if (ascii)
        cli_speak_ascii();
    char *path = lesson_find(name, ascii ? "en" : lesson_language(o), e);
    int status = path ? lesson_open(&l, path, e) : -1;
    free(path);
    if (status != 0)
        return NULL;
    Model *m = model_open(LESSON_MODEL, NULL, e);
    App *app = m ? app_create(m, (InputText){0}, 0, theme, color, e) : NULL;
    if (!app) {
        model_free(m);
        lesson_free(&l);
        return NULL;
    }
    app->take.picture = screen_picture;
    if (lesson_start(app, &l, o->value[OPTION_PRESENT] != NULL, keep, e) == 0)
        return app;
    app_free(app);
    return NULL;
}

static App *begin(Options *o, Theme theme, bool color, Error *e)
{
    return screen_lesson(o, o->operands[0], true, theme, color, e);
}

/* ---- printing one ---- */

enum { PRINT_COLS = 80 };

/* True where a part of the printed lesson begins, which is drawn as one. */
static bool begins_part(const Block *b)
{
    return b->kind == BLOCK_HEADING && b->level <= 2;
}

static bool add_to_buffer(void *context, const char *text, size_t n)
{
    buffer_add(context, text, n);
    return !((Buffer *)context)->failed;
}

/* The matrices of the stops among these blocks, as text. */
static int print_matrix(Scene *s, const Lesson *l, const Block *b, Buffer *out, Error *e)
{
    SceneStop stop;
    if (scene_stop(s, l, b, &stop, e) != 0)
        return -1;
    double loss;
    if (stop.gradient && pass_backward(s->pass, s->targets.data, s->targets.len, &loss, e) != 0)
        return error_prefix(e, "%s:%d: stop", block_path(l, b), b->line);
    if (!stop.loss)
        walk_stage(s->pass, &stop.first, stop.gradient, 3, PRINT_COLS, screen_is_ascii(), add_to_buffer, out);
    return 0;
}

static int print_part(Scene *s, const Lesson *l, size_t first, size_t end, bool answers, Buffer *out, Error *e)
{
    LessonPage page;
    int status = lesson_page_print(s, l, first, end, answers, &page, e);
    if (status != 0)
        return -1;
    if (out->len)
        buffer_putc(out, '\n');
    status = lesson_page_text(&page, PRINT_COLS, screen_is_ascii(), canvas_write_text, out, e);
    lesson_page_free(&page);
    return status;
}

static int print_lesson(const Lesson *l, bool answers, Buffer *out, Error *e)
{
    LabRuns labs = {.count = 0};
    Scene scene = scene_new(&labs);
    int status = scene_run(&scene, l, NULL, e);
    for (size_t first = 0; first < l->count && status == 0;) {
        size_t end = first;
        bool stop;
        do
            stop = l->blocks[end++].kind == BLOCK_STOP;
        while (end < l->count && !stop && !begins_part(&l->blocks[end]));
        status = print_part(&scene, l, first, end, answers, out, e);
        if (status == 0 && stop)
            buffer_putc(out, '\n');
        if (status == 0 && stop)
            status = print_matrix(&scene, l, &l->blocks[end - 1], out, e);
        first = end;
    }
    scene_free(&scene);
    labs_free(&labs);
    return status;
}

static int write_lesson(const Options *o, Error *e)
{
    Buffer text = {0};
    Lesson l;
    Output out = output_open(o);
    bool answers = o->value[OPTION_ANSWERS] != NULL;
    bool ascii = screen_is_ascii() && !o->value[OPTION_WORKSHEET];
    if (ascii)
        cli_speak_ascii();
    char *path = lesson_find(o->operands[0], ascii ? "en" : lesson_language(o), e);
    int status = path ? lesson_open(&l, path, e) : -1;
    free(path);
    if (status != 0)
        return -1;
    Progress none = {.answer_count = 0};
    int format = options_format(o, e);
    if (format < 0 || draw_all(&l, &none, e) != 0)
        status = -1;
    else if (o->value[OPTION_WORKSHEET])
        status = sheet_write(&l, format == FORMAT_HTML, answers, &text, e);
    else
        status = print_lesson(&l, true, &text, e);
    lesson_free(&l);
    if (status == 0 && text.failed)
        status = error_memory(e, "lesson");
    if (status == 0) {
        output_emit(&out, buffer_text(&text), text.len);
        status = output_close(&out, e);
    }
    buffer_free(&text);
    return status;
}

static int print_whole(Options *o)
{
    Error e = {{0}};
    return write_lesson(o, &e) == 0 ? CLI_DONE : cli_wrong(&e);
}

/* ---- the subcommand ---- */

static const OptionId taken[] = {OPTION_CHECK, OPTION_BUG,    OPTION_WORKSHEET, OPTION_ANSWERS, OPTION_PRESENT,
                                 OPTION_THEME, OPTION_RECORD, OPTION_FORMAT,    OPTION_OUTPUT,  OPTION_END};

static const OptionNote notes[] = {{OPTION_BUG, "ID", N_("with --check: what would become false in an engine with this bug of the hunt")},
                                   {OPTION_END, NULL, NULL}};

static const CommandSpec spec = {
    .name = "lesson",
    .operands = "[LESSON...]",
    .what = N_("Takes a lesson in the debugger: its text stands beside the matrices, it asks\n"
               "before it shows, and every number in it is computed from the model in front of\n"
               "you. LESSON is a name, a folder with en.md or zh.md, or a file. Without one,\n"
               "lists the lessons and what is done of each. Without a terminal (in a pipe, or\n"
               "with -o) it prints all of it. --check runs what lessons claim: all of them, or\n"
               "those named."),
    .formats = "markdown|html",
    .example = "stepformer lesson\n"
               "stepformer lesson q03\n"
               "stepformer lesson q03 --lang zh | less -S\n"
               "stepformer lesson --check q03\n"
               "stepformer lesson q03 --worksheet --answers --format html",
    .options = taken,
    .notes = notes,
};

/* Options that mean nothing without each other, or with. */
static int check_options(const Options *o, Error *e)
{
    const char *const *v = o->value;
    if (v[OPTION_CHECK] && (v[OPTION_WORKSHEET] || v[OPTION_PRESENT] || v[OPTION_FORMAT]))
        return error_set(e, "--check: expected no --%s beside it, found one",
                         v[OPTION_WORKSHEET] ? "worksheet"
                         : v[OPTION_PRESENT] ? "present"
                                             : "format");
    if (v[OPTION_BUG] && !v[OPTION_CHECK])
        return error_set(e, "--bug: expected --check beside it, found none");
    if (v[OPTION_PRESENT] && v[OPTION_WORKSHEET])
        return error_set(e, "--present: expected no --worksheet beside it, found one");
    if (!v[OPTION_WORKSHEET] && (v[OPTION_ANSWERS] || v[OPTION_FORMAT]))
        return error_set(e, "--%s: expected --worksheet beside it, found none", v[OPTION_ANSWERS] ? "answers" : "format");
    if (!v[OPTION_CHECK] && o->operand_count > 1)
        return error_set(e, "lesson: expected one lesson, found %d; --check takes several", o->operand_count);
    if (!o->operand_count && (v[OPTION_WORKSHEET] || v[OPTION_PRESENT]))
        return error_set(e, "--%s: expected the name of a lesson with it, found none; 'stepformer lesson' lists them",
                         v[OPTION_WORKSHEET] ? "worksheet" : "present");
    return 0;
}

int cli_lesson(int argc, char **argv)
{
    Options o;
    Error e = {{0}};
    int status;
    if (!options_read(&o, &spec, argc, argv, &status))
        return status;
    bool terminal = isatty(STDOUT_FILENO) && !o.value[OPTION_OUTPUT] && !o.value[OPTION_WORKSHEET];
    if (check_options(&o, &e) != 0 || screen_check_record(&o, terminal && o.operand_count, &e) != 0)
        status = cli_wrong(&e);
    else if (o.value[OPTION_CHECK])
        status = run_check(&o);
    else if (!o.operand_count) {
        status = run_list(&o, &e) == 0 ? CLI_DONE : cli_wrong(&e);
        if (terminal && status == CLI_DONE)
            cli_say("%s", _("'stepformer lesson q00' takes the first of them; 'demo' shows most of it on one sentence"));
    } else
        status = terminal ? screen_debug(&o, begin, print_whole) : print_whole(&o);
    options_free(&o);
    return status;
}
