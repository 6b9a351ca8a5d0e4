/* test_lessons.c - the lessons that come with the program: that what they claim holds, in both languages alike, and that the lecture is
 * whole. */
#include "data_help.h"
#include "language_help.h"

#include "lesson/check.h"
#include "tensor/matmul_kernels.h"
#include "term/term.h"
#include "view/lesson.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

TestSuite(lessons, .init = help_data);

/* ---- what they claim ---- */

typedef struct Heard {
    Buffer text;
    size_t held;
} Heard;

static void on_claim(void *context, const Claim *c)
{
    Heard *h = context;
    h->held += c->held;
    if (!c->held)
        buffer_printf(&h->text, "%d: %s%s: %s\n", c->line, c->bug ? "not caught: " : "", c->text, c->sides);
}

static void on_wrong(void *context, const char *line)
{
    buffer_printf(&((Heard *)context)->text, "%s\n", line);
}

/* Lessons first … last by number; with `others`, those that have none. */
typedef struct Group {
    int first, last;
    bool others;
    LabRuns labs;
} Group;

static bool is_of(const Group *g, const char *name)
{
    bool numbered = name[0] == 'q' && name[1] >= '0' && name[1] <= '9';
    int number = numbered ? atoi(name + 1) : 0;
    return numbered ? number >= g->first && number <= g->last : g->others;
}

/* ---- taking them ---- */

/* One page as it is drawn at this size: nothing is wrong with it, and the text is there. */
static void look(App *app, const char *path, int cols, int rows)
{
    const Player *p = app->lesson;
    Canvas c;
    Buffer text = {0};
    cr_assert_eq(canvas_init(&c, cols, rows, false, NULL), 0);
    app_draw(app, &c);
    while (app_work(app)) /* an experiment, or a page that waits for one */
        app_draw(app, &c);
    app_draw(app, &c);
    canvas_write_text(&c, &text);
    cr_expect(!*p->error, "%s, step %zu at %dx%d: %s", path, p->step + 1, cols, rows, p->error);
    cr_expect(app->message_role != ROLE_ERROR || !*app->message, "%s, step %zu at %dx%d: %s", path, p->step + 1, cols, rows, app->message);
    cr_expect(app->view == VIEW_LESSON && p->total > 0, "%s, step %zu at %dx%d: no text", path, p->step + 1, cols, rows);
    char badge[48];
    snprintf(badge, sizeof badge, "%zu/%zu", p->step + 1, p->step_count + 1);
    cr_expect(strstr(buffer_text(&text), badge), "%s, step %zu at %dx%d: %s", path, p->step + 1, cols, rows, buffer_text(&text));
    buffer_free(&text);
    canvas_free(&c);
}

/* All builds but one check what lessons claim, and leave their pages to that one. */
static bool leaves_pages(void)
{
#if defined __SANITIZE_ADDRESS__ || defined __clang__
    return true;
#else
    return REAL_IS_DOUBLE || strcmp(matmul_name(), matmul_plain.name) == 0;
#endif
}

/* From the first page to the last, as a reader who skips every question, on a small screen or a wide one. */
static void take_lesson(Lesson *l, bool wide, LabRuns *labs)
{
    Error e = {{0}};
    Model *m = model_open("tiny-models/hand-wired", NULL, &e);
    App *app = m ? app_create(m, (InputText){0}, 0, THEME_DARK, true, &e) : NULL;
    char path[512];
    snprintf(path, sizeof path, "%s", l->path);
    cr_assert(app, "%s", e.text);
    cr_assert_eq(lesson_start(app, l, false, false, &e), 0, "%s: %s", path, e.text);
    Player *p = app->lesson;
    LabRuns own = p->labs; /* what was run for the claims need not be run again */
    p->labs = *labs;
    p->labs.progress = own.progress;
    p->labs.context = own.context;
    for (size_t step = 0; step <= p->step_count; step++) {
        if (p->step != step)
            lesson_go(app, step);
        look(app, path, wide ? 200 : 80, wide ? 60 : 24);
    }
    *labs = p->labs;
    labs->progress = NULL;
    labs->context = NULL;
    p->labs = own;
    app_free(app);
}

static int check_shipped(void *context, const char *name, const char *folder)
{
    Group *g = context;
    Lesson l[2];
    Error e = {{0}};
    if (!is_of(g, name))
        return 0;
    for (int i = 0; i < 2; i++) {
        Heard h = {{0}, 0};
        CheckListener listener = {&h, on_claim, on_wrong};
        char path[512];
        snprintf(path, sizeof path, "%s/%s.md", folder, i ? "zh" : "en");
        cr_assert_eq(lesson_open(&l[i], path, &e), 0, "%s", e.text);
        cr_expect_eq(lesson_check(&l[i], NULL, &g->labs, &listener, NULL), CHECKED_TRUE, "%s:\n%s", path, buffer_text(&h.text));
        cr_expect(h.held > 0 || name[0] != 'q', "%s claims nothing", path);
        buffer_free(&h.text);
    }
    cr_expect_eq(lesson_compare(&l[0], &l[1], &e), 0, "%s", e.text);
    if (leaves_pages()) {
        lesson_free(&l[0]);
        lesson_free(&l[1]);
        return 0;
    }
    for (int i = 0; i < 2; i++) {
        language_speak(i ? "zh" : "en");
        take_lesson(&l[i], i == 1, &g->labs); /* takes it over */
    }
    language_speak("en");
    return 0;
}

static void check_group(int first, int last, bool others)
{
    Group g = {first, last, others, {.count = 0}};
    lessons_list("lessons", check_shipped, &g);
    labs_free(&g.labs);
}

/* The whole of `lesson --check`, in parts that run side by side. */
enum { MINUTES = 60 };
Test(lessons, q00_to_q06_hold, .timeout = 10 * MINUTES)
{
    check_group(0, 6, false);
}
Test(lessons, q07_to_q11_hold, .timeout = 10 * MINUTES)
{
    check_group(7, 11, false);
}
Test(lessons, q12_to_q16_hold, .timeout = 10 * MINUTES)
{
    check_group(12, 16, false);
}
Test(lessons, q17_to_q24_hold, .timeout = 10 * MINUTES)
{
    check_group(17, 99, false);
}
Test(lessons, the_others_hold, .timeout = 10 * MINUTES)
{
    check_group(0, -1, true);
}

Test(lessons, the_template_can_be_read)
{
    Lesson l;
    Error e = {{0}};
    cr_assert_eq(lesson_open(&l, "lessons/template/en.md", &e), 0, "%s", e.text);
    lesson_free(&l);
}

/* ---- the bugs of the hunt ---- */

typedef struct Caught {
    bool named[BUG_COUNT];
} Caught;

static int find_catches(void *context, const char *name, const char *folder)
{
    Caught *c = context;
    Lesson l;
    Error e = {{0}};
    char path[512];
    snprintf(path, sizeof path, "%s/en.md", folder);
    (void)name;
    cr_assert_eq(lesson_open(&l, path, &e), 0, "%s", e.text);
    for (size_t i = 0; i < l.count; i++) {
        const Bug *bugs[LESSON_CATCHES_MAX];
        size_t count;
        cr_assert_eq(block_catches(&l.blocks[i], bugs, &count, &e), 0, "%s", e.text);
        for (size_t k = 0; k < count; k++)
            c->named[bugs[k] - bug_table] = true;
    }
    lesson_free(&l);
    return 0;
}

/* That a block which names a bug catches it is what the tests above run; here, that some block does so for each. */
Test(lessons, every_bug_of_the_hunt_is_caught)
{
    Caught c = {{false}};
    lessons_list("lessons", find_catches, &c);
    for (int i = 0; i < BUG_COUNT; i++)
        cr_expect(c.named[i], "no lesson catches the bug %s", bug_table[i].id);
}

/* ---- what every lesson of the lecture has ---- */

typedef struct Parts {
    size_t lessons, asks, claims;
} Parts;

static int count_parts(void *context, const char *name, const char *folder)
{
    Parts *p = context;
    Lesson l;
    Error e = {{0}};
    char path[512];
    size_t asks = 0, before = 0, reasons = 0, stops = 0, labs = 0, commands = 0;
    if (name[0] != 'q' || strlen(name) != 3)
        return 0;
    snprintf(path, sizeof path, "%s/en.md", folder);
    cr_assert_eq(lesson_open(&l, path, &e), 0, "%s", e.text);
    for (size_t i = 0; i < l.count; i++) {
        const Block *b = &l.blocks[i];
        stops += b->kind == BLOCK_STOP;
        labs += b->kind == BLOCK_LAB;
        commands += b->kind == BLOCK_CODE && b->name && strcmp(b->name, "sh") == 0;
        if (b->kind != BLOCK_ASK)
            continue;
        asks++;
        before += stops + labs == 0;
        reasons += b->ask == ASK_REASON;
    }
    cr_expect(asks >= 4 && l.checks >= 8, "%s: %zu questions, %zu claims", name, asks, l.checks);
    cr_expect(before >= 2, "%s: %zu questions before anything is shown", name, before);
    cr_expect(reasons > 0, "%s: none asks for the reason", name);
    cr_expect(stops + labs >= 3, "%s: %zu stops and %zu experiments", name, stops, labs);
    cr_expect(commands > 0, "%s: no command to go on alone", name);
    p->lessons++;
    p->asks += asks;
    p->claims += l.checks;
    lesson_free(&l);
    return 0;
}

Test(lessons, the_lecture_is_whole)
{
    Parts p = {0, 0, 0};
    lessons_list("lessons", count_parts, &p);
    cr_expect(p.lessons == 25 && p.asks >= 75 && p.claims >= 150,
              "expected the lecture's 25 lessons, q00 to q24 (another has another kind of name), with 75 questions and 150 claims, found %zu, "
              "%zu and %zu",
              p.lessons, p.asks, p.claims);
}
