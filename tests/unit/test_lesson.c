/* test_lesson.c - lessons: what is read, what they claim, two languages of one, and what is kept of the learner. Errors of the format are
 * in tests/corrupt/expect.txt. */
#include "data_help.h"
#include "model_help.h"

#include "base/text.h"
#include "lesson/check.h"
#include "lesson/draw.h"
#include "lesson/progress.h"
#include "lesson/sheet.h"
#include "view/lesson.h"

#include <ctype.h>

TestSuite(lesson, .init = help_data);

static Lesson parse(const char *text)
{
    Lesson l;
    Error e = {{0}};
    cr_assert_eq(lesson_parse(&l, "test.md", text, strlen(text), &e), 0, "%s", e.text);
    return l;
}

Test(lesson, blocks_are_read_with_their_lines)
{
    Lesson l = parse("# A *title*\n\nA paragraph,\nof two lines with `= 1 + 1` and `code`.\n\n- one\n- two\n  1. inner\n\n> said\n\n| a | "
                     "b |\n|---|---|\n| c | **d** |\n\n"
                     "```sh\nls\n```\n\n---\n\n```run\nmodel: hand-wired\nedit: a=1\nedit: b=2\n```\n\n```stop\nat: "
                     "decoder.0.self.weights[query=-1]\nLook *here*.\n```\n\n"
                     "```lab scaling\nd_k: 4, 16\nLook.\n```\n\n```check this-model\n# no claim\n1 < 2\n\n2 < 3\n```\n");
    static const BlockKind kinds[] = {BLOCK_HEADING, BLOCK_TEXT, BLOCK_TEXT, BLOCK_TEXT, BLOCK_TEXT, BLOCK_TEXT, BLOCK_TABLE,
                                      BLOCK_CODE,    BLOCK_RULE, BLOCK_RUN,  BLOCK_STOP, BLOCK_LAB,  BLOCK_CHECK};
    static const int lines[] = {1, 3, 6, 7, 8, 10, 12, 16, 0, 22, 28, 33, 38};
    cr_assert_eq(l.count, sizeof kinds / sizeof *kinds, "%zu", l.count);
    for (size_t i = 0; i < l.count; i++) {
        cr_assert_eq(l.blocks[i].kind, kinds[i], "block %zu", i);
        cr_assert(lines[i] == 0 || l.blocks[i].line == lines[i], "block %zu: line %d", i, l.blocks[i].line);
    }
    cr_assert_str_eq(l.title, "A title");
    cr_assert_str_eq(l.blocks[1].text, "A paragraph,\nof two lines with \005"
                                       "1 + 1\007 and \003"
                                       "code\007.");
    cr_assert_str_eq(l.blocks[2].bullet, "•");
    cr_assert(l.blocks[4].level == 2 && strcmp(l.blocks[4].bullet, "1.") == 0);
    cr_assert(l.blocks[5].quoted);
    cr_assert(l.blocks[6].rows == 2 && l.blocks[6].columns == 2 && strcmp(l.blocks[6].cells[3], "\002d\007") == 0);
    cr_assert_str_eq(l.blocks[7].text, "ls\n");
    cr_assert(l.blocks[9].more.count == 2 && strcmp(l.blocks[9].more.items[1].text, "b=2") == 0);
    cr_assert_str_eq(l.blocks[10].text, "Look \001here\007.");
    cr_assert(strcmp(l.blocks[11].name, "scaling") == 0 && strcmp(l.blocks[11].more.items[0].text, "d_k=4, 16") == 0);
    cr_assert(l.checks == 2 && l.blocks[12].label == CHECK_THIS_MODEL && l.blocks[12].more.items[1].line == 42);
    lesson_free(&l);
}

Test(lesson, lines_of_chinese_join_without_a_space)
{
    Lesson l = parse("# t\n\n得分：\n`= 1 + 1`，\nd 维\n相加。\n\nOne line,\nand one more.\n");
    cr_assert_str_eq(l.blocks[1].text, "得分：\005"
                                       "1 + 1\007，d 维相加。");
    cr_assert_str_eq(l.blocks[2].text, "One line,\nand one more.");
    lesson_free(&l);
}

Test(lesson, a_question_goes_on_over_lines)
{
    Lesson l = parse("# t\n\n```ask choice\nid: q-1\nWhat *is*\nit?\n- [ ] a :: no,\n  not that\n- [x] b\n  and more\n```\n");
    const Block *b = &l.blocks[1];
    cr_assert_str_eq(b->text, "What \001is\007\nit?");
    cr_assert_str_eq(b->items.items[0].reply, "no, not that");
    cr_assert(b->items.items[1].right && strcmp(b->items.items[1].text, "b and more") == 0);
    lesson_free(&l);
}

/* ---- claims ---- */

typedef struct Heard {
    Buffer text;
    size_t held, failed;
} Heard;

static void on_claim(void *context, const Claim *c)
{
    Heard *h = context;
    h->held += c->held;
    h->failed += !c->held;
    if (!c->held)
        buffer_printf(&h->text, "%d: %s: %s\n", c->line, c->text, c->sides);
}

static void on_wrong(void *context, const char *line)
{
    buffer_printf(&((Heard *)context)->text, "%s\n", line);
}

static CheckResult check(const char *text, Heard *h)
{
    LabRuns labs = {.count = 0};
    CheckListener listener = {h, on_claim, on_wrong};
    Lesson l = parse(text);
    CheckResult r = lesson_check(&l, NULL, &labs, &listener, NULL);
    labs_free(&labs);
    lesson_free(&l);
    return r;
}

static void expect(const char *text, CheckResult result, const char *says)
{
    Heard h = {{0}, 0, 0};
    cr_assert_eq(check(text, &h), result, "%s", buffer_text(&h.text));
    cr_assert(strstr(buffer_text(&h.text), says), "expected \"%s\" in: %s", says, buffer_text(&h.text));
    buffer_free(&h.text);
}

Test(lesson, a_false_claim_is_named_with_both_sides)
{
    expect("# t\n\n```check always\n1 < 2\n3 < 2\n```\n", CHECKED_FALSE, "5: 3 < 2: 3 < 2");
    expect("# t\n\n```check always\nsqrt(4) == 3 ± 0.1\n```\n", CHECKED_FALSE, "2 == 3 ± 0.1");
    expect("# t\n\n```check always\n1 < 2 and 2 + 2 == 5\n```\n", CHECKED_FALSE, "1 < 2; 4 == 5");
    expect("# t\n\n```check this-model\nmax(decoder.0.self.weights) > 1.5\n```\n", CHECKED_FALSE, "1 > 1.5");
}

Test(lesson, what_is_not_there_is_malformed)
{
    expect("# t\n\n```check always\nmax(decoder.7.self.weights) > 0\n```\n", CHECKED_MALFORMED, "test.md:4: check:");
    expect("# t\n\n```check always\n1 + 1\n```\n", CHECKED_MALFORMED, "test.md:4: check: expected a comparison");
    expect("# t\n\n```run\nmodel: no-such\n```\n", CHECKED_MALFORMED, "test.md:4: run:");
    expect("# t\n\n```run\nmodel: hand-wired\ntext: A Z\n```\n", CHECKED_MALFORMED, "test.md:5: run:");
    expect("# t\n\n```run\nmodel: mask\nablate: no-mask\n```\n", CHECKED_MALFORMED,
           "test.md:5: run: expected an ablation of a part that mask has");
    expect("# t\n\n```stop\nat: decoder.0.self.wieghts\n```\n", CHECKED_MALFORMED, "test.md:4: stop:");
    expect("# t\n\n```lab no-such\n```\n", CHECKED_MALFORMED, "test.md:3: lab no-such: expected the name of an experiment");
    expect("# t\n\n```lab scaling\nno-such: 4\n```\n", CHECKED_MALFORMED, "test.md:3: lab scaling:");
    expect("# t\n\nIt is `= decoder.9.x`.\n", CHECKED_MALFORMED, "test.md:3:");
    expect("# t\n\n```ask number\nid: a\nq?\nanswer: 4\n- 2 + 2 :: told it is wrong\n```\n", CHECKED_MALFORMED,
           "test.md:7: ask a: expected an answer that differs from the right one");
    expect("# t\n\n```ask choice\nid: a\nholds: 1 > 2\nq?\n- [x] b\n- [ ] c :: d\n```\n", CHECKED_FALSE, "5: 1 > 2");
}

/* An experiment named twice, its settings in another order, runs once. */
Test(lesson, an_experiment_runs_once)
{
    LabRuns labs = {.count = 0};
    Error e = {{0}};
    const Lab *a = labs_run(&labs, "scaling", "d_k=4, 8, keys=8", &e), *b = labs_run(&labs, "scaling", "keys=8,d_k=4,8", &e);
    cr_assert(a && a == b && labs.count == 1, "%s", e.text);
    cr_assert(labs_run(&labs, "scaling", "keys=16", &e) != a && labs.count == 2);
    labs_free(&labs);
}

/* Who listens to an experiment may ask for another: a page that is drawn meanwhile does. */
static bool ask_for_another(void *context, double share, const char *what)
{
    LabRuns *labs = context;
    Error e = {{0}};
    (void)share;
    (void)what;
    labs->progress = NULL;
    return labs_run(labs, "scaling", "keys=8", &e) != NULL;
}

Test(lesson, an_experiment_within_another)
{
    LabRuns labs = {.progress = ask_for_another, .context = &labs};
    Error e = {{0}};
    const Lab *a = labs_run(&labs, "scaling", "keys=16", &e);
    cr_assert(a && labs.count == 2, "%s", e.text);
    cr_assert(labs_run(&labs, "scaling", "keys=16", &e) == a && labs_run(&labs, "scaling", "keys=8", &e) && labs.count == 2);
    labs_free(&labs);
}

Test(lesson, a_scene_forgets_what_the_one_before_changed)
{
    Heard h = {{0}, 0, 0};
    cr_assert_eq(
        check("# t\n\n```run\nmodel: hand-wired\ntext: A B C A\nedit: decoder.0.self.heads=zero\n```\n\n```check "
              "this-model\nmax(abs(decoder.0.self.heads)) == 0\n"
              "baseline(max(abs(decoder.0.self.heads))) > 0\n```\n\n```run\nmodel: hand-wired\ntext: A B\n```\n\n```check this-model\n"
              "max(abs(decoder.0.self.heads)) > 0\nn == 3\n```\n",
              &h),
        CHECKED_TRUE, "%s", buffer_text(&h.text));
    cr_assert_eq(h.held, 4);
    buffer_free(&h.text);
}

/* ---- languages ---- */

static void part(const char *a, const char *b, const char *says)
{
    Lesson x = parse(a), y = parse(b);
    Error e = {{0}};
    int status = lesson_compare(&x, &y, &e);
    cr_assert_eq(status, says ? -1 : 0, "%s", e.text);
    if (says)
        cr_assert(strstr(e.text, says), "expected \"%s\" in: %s", says, e.text);
    lesson_free(&x);
    lesson_free(&y);
}

Test(lesson, two_languages_say_the_same)
{
    const char *one = "# t\n\n`= 1` and `= 2`.\n\n```check always\n1 < 2\n```\n";
    part(one, "# 题\n\n先是 `= 2`，再是 `= 1`。\n\n```check always\n# 注\n1 < 2\n```\n", NULL);
    part(one, "# 题\n\n先是 `= 2`。\n\n```check always\n1 < 2\n```\n", "expected the computed numbers");
    part(one, "# 题\n\n`= 2`，`= 1`。\n\n```check always\n1 < 3\n```\n", "test.md:6: expected the same as test.md:5");
    part(one, "# 题\n\n`= 2`，`= 1`。\n\n```check trained\n1 < 2\n```\n", "test.md:5: expected the same");
    part(one, "# 题\n\n`= 2`，`= 1`。\n", "found fewer");
    part("# t\n\n```ask choice\nid: a\nq?\n- [x] b\n- [ ] c :: d\n```\n",
         "# t\n\n```ask choice\nid: a\n问？\n- [ ] 丙 :: 丁\n- [x] 乙\n```\n", "test.md:6: expected the same");
}

Test(lesson, a_comment_says_what_the_claim_below_it_claims)
{
    Lesson l = parse("# t\n\n```check always\n# one is\n# less\n1 < 2\n2 < 3\n# no claim\n```\n");
    const Block *b = &l.blocks[1];
    cr_assert(b->kind == BLOCK_CHECK && b->more.count == 2);
    cr_assert_str_eq(b->more.items[0].reply, "one is less");
    cr_assert_null(b->more.items[1].reply);
    lesson_free(&l);
}

Test(lesson, a_lab_shows_the_tables_that_are_named)
{
    Lesson l = parse("# t\n\n```lab scaling\nd_k: 4\ntables: 1 12\nplots: none\nLook.\n```\n");
    const Block *b = &l.blocks[1];
    cr_assert(b->kind == BLOCK_LAB && b->more.count == 1, "the two are no settings of the experiment");
    cr_assert(block_shows(b, KEY_TABLES, 0) && !block_shows(b, KEY_TABLES, 1) && block_shows(b, KEY_TABLES, 11));
    cr_assert(!block_shows(b, KEY_PLOTS, 0));
    lesson_free(&l);
}

/* ---- the bugs of the hunt ---- */

Test(lesson, a_bug_that_is_not_caught_is_said)
{
    static const char *const caught =
        "# t\n\n```check always\ncatches: softmax-axis, no-scaling\n"
        "sum(decoder.0.self.weights, key) == 1 ± 0.001\nvar(decoder.0.self.scores) > 1.5 * var(decoder.0.self.scaled)\n```\n";
    static const char *const missed = "# t\n\n```check always\ncatches: no-scaling\nsum(decoder.0.self.weights, key) == 1 ± 0.001\n```\n";
    Heard h = {{0}, 0, 0};
    cr_assert_eq(check(caught, &h), CHECKED_TRUE, "%s", buffer_text(&h.text));
    cr_assert_eq(h.held, 4, "2 claims and 2 bugs, found %zu", h.held);
    buffer_free(&h.text);
    expect(missed, CHECKED_FALSE, "4: no-scaling");
    expect("# t\n\n```check always\ncatches: no-scaling\n1 < 2\n```\n", CHECKED_FALSE, "4: no-scaling");
}

/* Each example of the format's description is one that can be read. */
Test(lesson, the_documented_blocks_can_be_read)
{
    File f;
    Error e = {{0}};
    cr_assert_eq(file_open(&f, "lessons/README.md", &e), 0, "%s", e.text);
    char *text = strndup((const char *)f.data, f.size);
    size_t found = 0;
    for (char *p = text; (p = strstr(p, "````markdown\n")); found++) {
        p += strlen("````markdown\n");
        char *end = strstr(p, "````");
        cr_assert_not_null(end);
        char whole[4096];
        Lesson l;
        snprintf(whole, sizeof whole, "# t\n\n%.*s", (int)(end - p), p);
        cr_assert_eq(lesson_parse(&l, "README.md", whole, strlen(whole), &e), 0, "%s", e.text);
        cr_assert(l.count == 2 && l.blocks[1].kind >= BLOCK_RUN);
        lesson_free(&l);
        p = end + 4;
    }
    cr_assert_geq(found, 6);
    free(text);
    file_close(&f);
}

/* ---- progress ---- */

Test(lesson, progress_survives_damage)
{
    char folder[64], path[128];
    Error e = {{0}};
    Progress p;
    snprintf(path, sizeof path, "%s/state/lessons", help_folder(folder));
    cr_assert_eq(progress_write_place(path, "q03", 7, false, &e), 0, "%s", e.text);
    cr_assert_eq(progress_write_answer(path, "q03", "a", RESULT_WRONG, "2\n", &e), 0, "%s", e.text);
    cr_assert_eq(progress_write_answer(path, "q03", "a", RESULT_RIGHT, "3", &e), 0, "%s", e.text);
    cr_assert_eq(progress_write_place(path, "q04", 9, true, &e), 0, "%s", e.text);
    FILE *file = fopen(path, "a");
    fputs("{\"version\":1,\"lesson\":\"q03\",\"blo", file); /* killed here */
    fclose(file);
    cr_assert_eq(progress_write_answer(path, "q03", "b", RESULT_SKIPPED, "", &e), 0, "%s", e.text);
    cr_assert_eq(progress_read(&p, path, "q03", &e), 0, "%s", e.text);
    cr_assert(p.begun && !p.done && p.at == 7 && p.answer_count == 2);
    const ProgressAnswer *a = progress_answer(&p, "a");
    cr_assert(a && a->first == RESULT_WRONG && a->result == RESULT_RIGHT && strcmp(a->given, "3") == 0);
    progress_free(&p);
    cr_assert_eq(progress_read(&p, path, "q04", &e), 0);
    cr_assert(p.done && p.at == 9 && p.answer_count == 0);
    progress_free(&p);
    help_remove(folder);
}

/* ---- the player ---- */

static App *play(const char *text, bool present, bool keep)
{
    Error e = {{0}};
    Model *m = model_open("tiny-models/hand-wired", NULL, &e);
    App *app = m ? app_create(m, (InputText){0}, 0, THEME_DARK, true, &e) : NULL;
    cr_assert(app, "%s", e.text);
    Lesson l = parse(text);
    cr_assert_eq(lesson_start(app, &l, present, keep, &e), 0, "%s", e.text);
    return app;
}

static void press(App *app, const char *keys)
{
    Canvas c;
    cr_assert_eq(canvas_init(&c, 80, 24, false, NULL), 0);
    for (const char *p = keys; *p; p += strspn(p, " ")) {
        size_t n = strcspn(p, " ");
        app_draw(app, &c);
        app_event(app, &(Event){.type = EVENT_KEY, .key = key_parse(p, n)});
        while (app_work(app))
            continue;
        p += n;
    }
    app_draw(app, &c);
    canvas_free(&c);
}

static const char course[] =
    "# t\n\nFirst.\n\n```ask number\nid: two\n1 + 1?\nanswer: 2\n- 11 :: joined\n```\n\n## See\n\n```run\nmodel: hand-wired\ntext: A B C "
    "A\nablate: no-residual\n```\n\n"
    "```stop\nat: decoder.0.self.weights[query=2]\nshow: heat\nLook.\n```\n\nSaid.\n\n```stop\nat: loss\nThe loss.\n```\n";

Test(lesson, a_reason_is_typed_without_a_key_before_it)
{
    App *app = play("# t\n\n```ask reason\nid: why\nWhy?\nanswer: So.\n```\n", false, false);
    press(app, "b e c Enter");
    cr_assert(app->view == VIEW_LESSON && app->lesson->comparing);
    cr_assert_str_eq(app->lesson->typed, "bec");
    press(app, "y");
    cr_assert(app->lesson->answered && app->lesson->verdict == VERDICT_RIGHT);
    app_free(app);
    app = play("# t\n\n```ask reason\nid: why\nWhy?\nanswer: So.\n```\n", true, false);
    press(app, "v");
    cr_assert(app->lesson->shown, "in a class the keys stay what they are");
    app_free(app);
}

Test(lesson, it_drives_the_network_and_brings_it_back)
{
    App *app = play(course, false, false);
    char name[STAGE_NAME_MAX];
    cr_assert(app->view == VIEW_LESSON && app->lesson->step_count == 3);
    press(app, "Space");
    cr_assert_eq(app->lesson->step, 0, "a question comes first");
    press(app, "1 1 Enter");
    cr_assert(app->lesson->answered && app->lesson->verdict == VERDICT_WRONG && strstr(app->lesson->reply, "joined"));
    press(app, "Space");
    cr_assert_eq(app->ablations, NO_RESIDUAL);
    cr_assert_str_eq(stage_name(app_stage(app), name), "decoder.0.self.weights");
    cr_assert(app->cursor[AXIS_TOKEN] == 2 && app->show == SHOW_HEAT && !lesson_is_away(app));
    press(app, "?");
    cr_assert(app->view == VIEW_HELP);
    press(app, "Esc");
    cr_assert(app->view == VIEW_LESSON, "the help was over the lesson");
    press(app, "Enter");
    cr_assert(app->view == VIEW_STEP && app->lesson->step == 1, "Enter goes to what is to be looked at");
    press(app, "n x i 1 Enter");
    cr_assert(app->view == VIEW_STEP && lesson_is_away(app));
    press(app, ";");
    cr_assert(app->view == VIEW_LESSON && lesson_is_away(app), "only looked at");
    press(app, "@");
    cr_assert(!lesson_is_away(app) && app->ablations == NO_RESIDUAL && app->edits.count == 0 && app->cursor[AXIS_TOKEN] == 2);
    cr_assert_str_eq(stage_name(app_stage(app), name), "decoder.0.self.weights");
    press(app, "; M Down Enter");
    press(app, "@");
    cr_assert(!lesson_is_away(app) && strcmp(app->model->name, "hand-wired") == 0, "another model, too");
    press(app, "Space");
    cr_assert(app->phase == PHASE_LOSS && app->lesson->step == 2);
    press(app, "Space");
    cr_assert_eq(app->lesson->step, 3, "the summary");
    press(app, "b b");
    cr_assert(app->lesson->step == 1 && app->phase == PHASE_FORWARD);
    app_free(app);
}

Test(lesson, a_key_of_the_network_leads_there_from_the_page)
{
    App *app = play("# t\n\n```run\nmodel: induction\n```\n\n```stop\nat: decoder.0.self.weights\n```\n\n"
                    "```ask number\nid: two\n1 + 1?\nanswer: 2\n```\n",
                    false, false);
    char name[STAGE_NAME_MAX];
    while (strcmp(stage_name(app_stage(app), name), "decoder.0.self.weights") != 0)
        press(app, "Space");
    press(app, "Right");
    cr_assert(app->view == VIEW_LESSON, "a cursor key moves nothing unseen");
    press(app, ".");
    cr_assert(app->view == VIEW_STEP && app->cursor[AXIS_HEAD] == 1);
    press(app, "; Space .");
    cr_assert(app->view == VIEW_LESSON && app->cursor[AXIS_HEAD] != 2, "not while a question is open");
    app_free(app);
}

/* A score is that of hundreds of examples: the page says that it is being computed. */
Test(lesson, a_score_is_waited_for)
{
    App *app = play("# t\n\n```run\nmodel: induction\n```\n\nIt gets `= 100 * score` percent.\n", false, false);
    cr_assert(lesson_pending(app));
    app_free(app);
    app = play("# t\n\n```run\nmodel: induction\n```\n\nThe score is `= max(decoder.0.self.scores)`.\n", false, false);
    cr_assert(!lesson_pending(app));
    app_free(app);
}

/* Whatever stop came before. */
Test(lesson, heads_side_by_side_are_shown_as_heat)
{
    App *app = play("# t\n\n```run\nmodel: induction\n```\n\n```stop\nat: decoder.0.self.weights\nshow: both\n```\n\n"
                    "```stop\nat: decoder.0.self.weights\nshow: heads\n```\n\n```stop\nat: decoder.0.self.scores\n```\n",
                    true, true);
    while (app->lesson->step == 0 && !app->all_heads && app->show != SHOW_BOTH)
        press(app, "Space");
    cr_assert(app->show == SHOW_BOTH && !app->all_heads);
    press(app, "Space");
    cr_assert(app->all_heads && app->show == SHOW_HEAT);
    press(app, "Space");
    cr_assert(!app->all_heads && app->show == SHOW_NUMBERS);
    app_free(app);
}

Test(lesson, a_teacher_shows_answers_and_nothing_is_kept)
{
    char folder[64], path[256];
    setenv("XDG_STATE_HOME", help_folder(folder), 1);
    snprintf(path, sizeof path, "%s/stepformer/lessons", folder);
    App *app = play(course, true, true);
    press(app, "v");
    cr_assert(app->lesson->shown);
    press(app, "Space");
    cr_assert_eq(app->lesson->step, 1, "nothing need be answered");
    app_free(app);
    cr_assert(!file_exists(path));
    app = play(course, false, true);
    press(app, "2 Enter Space");
    app_free(app);
    app = play(course, false, true);
    cr_assert_eq(app->lesson->step, 1, "where it was left");
    press(app, "b");
    cr_assert(app->lesson->answered, "and what was answered");
    app_free(app);
    help_remove(folder);
}

/* A sheet without answers has none, in either form. */
Test(lesson, a_worksheet_keeps_its_answers)
{
    Lesson l = parse(
        "# t\n\n```ask number\nid: a\nA question?\nanswer: 3 * 1234\nwhy: Because.\n```\n\n```stop\nat: decoder.0.self.weights\n```\n");
    for (int html = 0; html < 2; html++)
        for (int answers = 0; answers < 2; answers++) {
            Buffer out = {0};
            Error e = {{0}};
            cr_assert_eq(sheet_write(&l, html, answers, &out, &e), 0, "%s", e.text);
            cr_assert(strstr(out.data, "A question?"));
            cr_assert_eq(strstr(out.data, "3702") != NULL, answers);
            cr_assert_eq(strstr(out.data, "Because.") != NULL, answers);
            cr_assert(strstr(out.data, html ? "<th>" : "|---|"));
            buffer_free(&out);
        }
    lesson_free(&l);
}

/* ---- a self-test ---- */

static const char *const self_test =
    "# t\n\n## The root\n\n```draw\nq03/variance\nq03/again-constant\n```\n\n## The mask\n\n```draw\nq20/how\n```\n";

static const Block *asked(const Lesson *l, size_t which)
{
    for (size_t i = 0; i < l->count; i++)
        if (l->blocks[i].kind == BLOCK_ASK && which-- == 0)
            return &l->blocks[i];
    return NULL;
}

static void draws(const Progress *p, const char *first, const char *second)
{
    Lesson l = parse(self_test);
    Error e = {{0}};
    cr_assert_eq(draw_all(&l, p, &e), 0, "%s", e.text);
    const char *const names[] = {first, second, NULL};
    for (size_t i = 0; i < 3; i++) {
        const Block *b = asked(&l, i);
        cr_assert(!b == !names[i], "question %zu: expected %s, found %s", i, names[i] ? names[i] : "none", b ? b->name : "none");
        if (!b)
            break;
        cr_assert_str_eq(b->name, names[i]);
        cr_assert(strstr(block_path(&l, b), "lessons/q"), "%s", block_path(&l, b));
        cr_assert(b > l.blocks && b[-1].kind == BLOCK_RUN, "its network comes with it");
    }
    lesson_free(&l);
}

/* What was never asked comes first, then what was wrong, then what was right less often; what is sure rests. */
Test(lesson, the_weak_come_first)
{
    Progress p = {.answer_count = 0};
    draws(&p, "q03/variance", "q20/how");
    progress_set_answer(&p, "q03/variance", RESULT_WRONG, "1");
    draws(&p, "q03/again-constant", "q20/how");
    progress_set_answer(&p, "q03/again-constant", RESULT_RIGHT, "nothing");
    draws(&p, "q03/variance", "q20/how");
    progress_set_answer(&p, "q03/variance", RESULT_RIGHT, "d_k");
    draws(&p, "q03/again-constant", "q20/how"); /* as often right, and asked longer ago */
    progress_set_answer(&p, "q03/again-constant", RESULT_RIGHT, "nothing");
    progress_set_answer(&p, "q03/variance", RESULT_RIGHT, "d_k");
    draws(&p, "q20/how", NULL); /* the first section is sure */
    progress_set_answer(&p, "q20/how", RESULT_RIGHT, "c");
    progress_set_answer(&p, "q20/how", RESULT_RIGHT, "c");
    draws(&p, "q03/again-constant", "q20/how"); /* all are: begin again */
    progress_set_answer(&p, "q03/again-constant", RESULT_SKIPPED, "");
    draws(&p, "q03/again-constant", NULL);
    progress_free(&p);
}

Test(lesson, a_wrong_answer_brings_the_question_back)
{
    char folder[64];
    setenv("XDG_STATE_HOME", help_folder(folder), 1);
    App *app = play(self_test, false, true);
    size_t steps = app->lesson->step_count;
    press(app, "Space");
    cr_assert(lesson_is_asking(app->lesson));
    press(app, "a");
    cr_assert_eq(app->lesson->step_count, steps + 1);
    press(app, "Space c Space");
    cr_assert(lesson_is_asking(app->lesson), "the first once more");
    cr_assert_str_eq(app->lesson->question.name, "q03/variance");
    for (int i = 0; i < DRAW_AGAIN_MAX; i++) {
        cr_assert(lesson_is_asking(app->lesson));
        press(app, "a Space");
    }
    cr_assert_eq(app->lesson->step, app->lesson->step_count, "it does not come back for ever");
    app_free(app);
    app = play(self_test, false, true);
    press(app, "Space");
    cr_assert(lesson_is_asking(app->lesson));
    cr_assert_str_eq(app->lesson->question.name, "q03/again-constant", "another day: what was not asked yet");
    app_free(app);
    help_remove(folder);
}

/* The lessons of the questions, q00 … q24, without whose questions the self-test would not be of all that was taught. */
static int expect_drawn(void *context, const char *name, const char *folder)
{
    const Lesson *test = context;
    (void)folder;
    bool drawn = !isdigit((unsigned char)name[1]);
    for (size_t i = 0; i < test->count; i++)
        for (size_t j = 0; test->blocks[i].kind == BLOCK_DRAW && j < test->blocks[i].more.count; j++) {
            const char *line = test->blocks[i].more.items[j].text;
            drawn = drawn || (strncmp(line, name, strlen(name)) == 0 && line[strlen(name)] == '/');
        }
    cr_expect(drawn, "%s: lesson mastery draws no question from it", name);
    return 0;
}

Test(lesson, every_question_is_in_the_self_test)
{
    Lesson l;
    Error e = {{0}};
    char *path = lesson_find("mastery", "en", &e);
    cr_assert(path && lesson_open(&l, path, &e) == 0, "%s", e.text);
    cr_expect_eq(lessons_list(NULL, expect_drawn, &l), 0);
    lesson_free(&l);
    free(path);
}

Test(lesson, a_test_draws_from_what_is_there)
{
    expect("# t\n\n```draw\nq03/variance\nq03/varience\n```\n", CHECKED_MALFORMED,
           "test.md:5: draw: expected the id of a question in q03, found \"varience\"; nearest: \"variance\"");
    expect("# t\n\n```draw\nnosuch/variance\n```\n", CHECKED_MALFORMED, "test.md:4: draw: lesson: expected the name of a lesson");
}

/* ---- what takes long ---- */

static size_t drawn;

static bool draw_meanwhile(App *app)
{
    Canvas c;
    cr_assert(drawn++ < 1000, "the screen that is drawn meanwhile must not begin the experiment again");
    cr_assert_eq(canvas_init(&c, 80, 24, false, NULL), 0);
    app_draw(app, &c);
    canvas_free(&c);
    return true;
}

/* A line end becomes a space, but not beside Chinese punctuation, nor between two Chinese characters. */
Test(lesson, lines_of_chinese_are_joined_without_spaces)
{
    static const char *const cases[][2] = {{"甲\n乙", "甲乙"}, {"甲，\nn²", "甲，n²"}, {"n\n（甲）", "n（甲）"}, {"甲。\n*n*", "甲。*n*"},
                                           {"甲\nn", "甲\nn"}, {"n,\nn", "n,\nn"},     {"n\n甲", "n\n甲"}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        Buffer b = {0};
        buffer_puts(&b, cases[i][0]);
        text_join_lines(&b);
        cr_assert_str_eq(buffer_text(&b), cases[i][1], "%s", cases[i][0]);
        buffer_free(&b);
    }
}

/* A number of an experiment that no block has run yet. */
Test(lesson, an_experiment_in_the_text_runs_once_while_the_screen_is_drawn)
{
    App *app = play("# t\n\n## a\n\nx\n\n## b\n\nIt is `= lab(scaling, d_k=4)[row=4, column=ratio]`.\n", false, false);
    app->pump = draw_meanwhile;
    drawn = 0;
    press(app, "Space Space");
    cr_assert(drawn > 0 && app->lesson->labs.count == 1 && !app->lesson->pending && !*app->lesson->error, "%zu %zu %s", drawn,
              app->lesson->labs.count, app->lesson->error);
    app_free(app);
}
