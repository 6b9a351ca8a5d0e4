/* lesson.c - takes a lesson: goes on and back, sets the network as it says, asks, keeps what was answered. */
#include "view/lesson.h"

#include "base/text.h"
#include "lesson/draw.h"
#include "view/quiz.h"
#include "view/twin.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- steps ---- */

/* A step ends behind what is to be looked at or answered, and before a heading or a run: all of a step is about one network. */
static int cut_steps(Player *p, Error *e)
{
    const Lesson *l = &p->lesson;
    bool only_headings = false, ends = true;
    size_t *steps = realloc(p->steps, (l->count + 1) * sizeof *steps);
    if (!steps)
        return error_memory(e, l->path);
    p->steps = steps;
    p->step_count = 0;
    for (size_t i = 0; i < l->count; i++) {
        const Block *b = &l->blocks[i];
        bool heading = b->kind == BLOCK_HEADING && b->level <= 2;
        if (ends || ((heading || b->kind == BLOCK_RUN) && !only_headings)) {
            p->steps[p->step_count++] = i;
            only_headings = true;
        }
        only_headings = only_headings && heading;
        ends = b->kind == BLOCK_STOP || b->kind == BLOCK_ASK || b->kind == BLOCK_LAB;
    }
    return 0;
}

static size_t step_end(const Player *p, size_t step)
{
    return step + 1 < p->step_count ? p->steps[step + 1] : p->lesson.count;
}

const Block *lesson_block_of(const Player *p, size_t step, BlockKind kind)
{
    for (size_t i = step < p->step_count ? p->steps[step] : p->lesson.count; i < step_end(p, step); i++)
        if (p->lesson.blocks[i].kind == kind)
            return &p->lesson.blocks[i];
    return NULL;
}

size_t lesson_step_of(const Player *p, size_t block)
{
    size_t step = 0;
    while (step + 1 < p->step_count && p->steps[step + 1] <= block)
        step++;
    return block >= p->lesson.count ? p->step_count : step;
}

/* ---- the network as the lesson has it ---- */

/* The last stop up to the end of this step, behind its run block; NULL where there is none. */
static const Block *stop_in_force(const Player *p)
{
    const Block *stop = NULL;
    size_t end = p->step < p->step_count ? step_end(p, p->step) : p->lesson.count;
    for (size_t i = 0; i < end; i++) {
        if (p->lesson.blocks[i].kind == BLOCK_RUN)
            stop = NULL;
        if (p->lesson.blocks[i].kind == BLOCK_STOP)
            stop = &p->lesson.blocks[i];
    }
    return stop;
}

static bool same_ids(const Pass *a, const Pass *b, Stack stack)
{
    size_t n, m;
    const int *x = pass_ids(a, stack, &n), *y = pass_ids(b, stack, &m);
    return n == m && (n == 0 || memcmp(x, y, n * sizeof *x) == 0);
}

static bool same_network(const App *app, const Scene *s)
{
    bool same = strcmp(app->model->name, s->model->name) == 0 && !app->changed && !app->hunt.bug && app->ablations == s->ablations &&
                app->edits.count == s->edits.count && !twin_is_other(app);
    for (size_t i = 0; same && i < s->edits.count; i++)
        same = strcmp(app->edits.items[i], s->edits.items[i]) == 0;
    const Config *k = &s->model->config;
    for (int i = STACK_ENCODER; same && i <= STACK_DECODER; i++)
        same = !config_has_stack(k, (Stack)i) || same_ids(app->pass, s->pass, (Stack)i);
    return same;
}

bool lesson_is_away(const App *app)
{
    const Player *p = app->lesson;
    SceneStop stop;
    const Block *b = p && !p->pending && p->scene.ready ? stop_in_force(p) : NULL;
    if (!p || p->pending || !p->scene.ready)
        return false;
    bool changed = app->ablations != p->scene.ablations || app->edits.count != p->scene.edits.count;
    if (!b || changed || scene_stop((Scene *)&p->scene, &p->lesson, b, &stop, NULL) != 0)
        return !same_network(app, &p->scene);
    return !same_network(app, &p->scene) ||
           (stop.loss ? app->phase != PHASE_LOSS : app->at != stop.first.index || (app->phase == PHASE_BACKWARD) != stop.gradient);
}

/* Opens what the scene has in the debugger. */
static bool set_network(App *app, Player *p)
{
    const Block *run = p->scene.run;
    InputText given = {0};
    if (same_network(app, &p->scene))
        return true;
    if (run)
        given = (InputText){block_value(run, KEY_TEXT), block_value(run, KEY_TARGET), block_value(run, KEY_IDS),
                            block_value(run, KEY_TARGET_IDS)};
    const char *name = run && block_value(run, KEY_MODEL) ? block_value(run, KEY_MODEL) : LESSON_MODEL;
    app->hunt = (Hunt){.bug = NULL};
    if (twin_is_other(app)) {
        twin_leave_text(app);
        twin_leave_model(app);
    }
    if (app->changed || strcmp(app->model->name, p->scene.model->name) != 0)
        if (!app_set_model(app, name))
            return false;
    Edits none = {0};
    if (app->edits.count && app_set_edits(app, &none, NULL) != 0)
        return false;
    if (app->ablations != p->scene.ablations)
        app_set_ablations(app, p->scene.ablations);
    if (!app_set_given(app, given))
        return false;
    Error e = {{0}};
    if (p->scene.edits.count && app_set_edits(app, &p->scene.edits, &e) != 0) {
        app_say(app, ROLE_ERROR, "%s", e.text);
        return false;
    }
    return true;
}

static void set_cursor(App *app, const Address *a)
{
    const Stage *s = app_stage(app);
    for (int k = 0; k < a->rank && k < s->rank; k++)
        if (a->at[k].given)
            app_move(app, s, k, a->at[k].first);
}

static void set_show(App *app, const Block *b)
{
    static const char *const names[] = {"numbers", "heat", "both"};
    const char *show = block_value(b, KEY_SHOW);
    app->all_heads = show && strcmp(show, "heads") == 0;
    app->show = app->all_heads ? SHOW_HEAT : SHOW_NUMBERS; /* a small terminal has room for the numbers of one head */
    for (int i = 0; show && i < SHOW_COUNT; i++)
        if (strcmp(show, names[i]) == 0)
            app->show = (Show)i;
}

/* Brings the debugger where the lesson stands. */
static void set_place(App *app)
{
    Player *p = app->lesson;
    const Block *b = stop_in_force(p);
    SceneStop stop;
    Error e = {{0}};
    if (!p->scene.ready || !set_network(app, p))
        return;
    app->message[0] = '\0';
    app_forward(app);
    if (!b) {
        app_go(app, 0);
        return;
    }
    if (scene_stop(&p->scene, &p->lesson, b, &stop, &e) != 0) {
        app_say(app, ROLE_ERROR, "%s", e.text);
        return;
    }
    if (stop.loss || stop.gradient)
        stepping_to_loss(app);
    if (stop.gradient)
        stepping_backward(app);
    if (!stop.loss) {
        app_go(app, stop.first.index);
        set_cursor(app, &stop.first);
    }
    app->show_value = false;
    set_show(app, b);
    app->top = app->left = 0;
    app->focus = PANE_MATRIX;
    app->message[0] = '\0';
}

/* ---- entering a step ---- */

static void forget_question(Player *p)
{
    if (p->asked)
        question_free(&p->question);
    free(p->typed);
    free(p->given);
    free(p->reply);
    p->typed = p->given = p->reply = NULL;
    p->asked = p->answered = p->comparing = p->shown = false;
}

/* An expression, in a text or alone, that an experiment computes, or a score: that of hundreds of examples. */
static bool names_lab(const char *text)
{
    if (!text || strstr(text, "lab(") || strncmp(text, "score ", 6) == 0)
        return text != NULL;
    for (const char *p = text; (p = strchr(p, MARK_NUMBER)); p++) {
        const char *end = strchr(p, MARK_END);
        for (const char *s = p; (s = strstr(s, "score")) && s < end; s++)
            if (s[5] != 's' && s[-1] != '.')
                return true;
    }
    return false;
}

/* True where something of the step may take long: an experiment, or a number of one. */
static bool is_long(const Player *p)
{
    for (size_t i = p->step < p->step_count ? p->steps[p->step] : p->lesson.count; i < step_end(p, p->step); i++) {
        const Block *b = &p->lesson.blocks[i];
        if (b->kind == BLOCK_LAB || names_lab(b->text) || names_lab(block_value(b, KEY_ANSWER)) || names_lab(block_value(b, KEY_WHY)))
            return true;
        for (size_t k = 0; k < b->rows * b->columns; k++)
            if (names_lab(b->cells[k]))
                return true;
        for (size_t k = 0; k < b->more.count + b->items.count; k++) {
            const Item *item = k < b->more.count ? &b->more.items[k] : &b->items.items[k - b->more.count];
            if (names_lab(item->text) || names_lab(item->reply))
                return true;
        }
    }
    return false;
}

/* An answer that was given another day is shown with its reply's verdict. */
static void recall_answer(Player *p)
{
    const ProgressAnswer *a = progress_answer(&p->progress, p->question.name);
    if (!a || a->result == RESULT_SKIPPED || p->present || p->lesson.room)
        return; /* a test asks again */
    Buffer words = {0};
    p->verdict = a->result == RESULT_RIGHT ? VERDICT_RIGHT : a->result == RESULT_PARTLY ? VERDICT_PARTLY : VERDICT_WRONG;
    if (p->verdict != VERDICT_RIGHT && p->question.kind != QUESTION_REASON)
        return; /* it may be answered again */
    p->given = strdup(a->given);
    buffer_puts(&words, p->question.why ? p->question.why : "");
    p->reply = words.data;
    p->answered = true;
}

static void enter(App *app)
{
    Player *p = app->lesson;
    Error e = {{0}};
    const Block *ask = lesson_block_of(p, p->step, BLOCK_ASK);
    size_t last = p->step < p->step_count ? step_end(p, p->step) - 1 : p->lesson.count - 1;
    int status = scene_run(&p->scene, &p->lesson, scene_block(&p->lesson, last), &e);
    p->error[0] = '\0';
    if (status == 0 && ask && (status = scene_ask(&p->scene, &p->lesson, ask, &p->question, &e)) == 0) {
        p->asked = true;
        recall_answer(p);
    }
    const Block *lab = lesson_block_of(p, p->step, BLOCK_LAB);
    if (status == 0 && lab && !scene_lab(&p->scene, &p->lesson, lab, &e))
        status = -1;
    p->stale = true;
    if (status != 0) {
        app_say(app, ROLE_ERROR, "%s", e.text); /* Space goes on all the same */
    } else {
        if (p->pending) /* the numbers of experiments in its texts belong to what takes long */
            lesson_make(p, p->cols);
        set_place(app);
    }
    p->pending = false;
}

static void keep_place(App *app)
{
    Player *p = app->lesson;
    Error e = {{0}};
    size_t at = p->step < p->step_count ? p->steps[p->step] : p->lesson.count;
    if (!p->path)
        return;
    lesson_kept(app, progress_write_place(p->path, p->lesson.name, at, p->step == p->step_count, &e), &e);
}

void lesson_kept(App *app, int status, const Error *e)
{
    Player *p = app->lesson;
    if (status != 0 && !p->lost)
        app_say(app, ROLE_WARNING, "%s", e->text);
    p->lost = status != 0;
}

void lesson_go(App *app, size_t step)
{
    Player *p = app->lesson;
    forget_question(p);
    p->step = step;
    p->scroll = 0;
    app->view = VIEW_LESSON;
    p->behind = VIEW_STEP;
    p->share = 0;
    p->doing[0] = '\0';
    if (is_long(p))
        p->pending = true;
    else
        enter(app);
    keep_place(app);
}

void lesson_ask_again(App *app)
{
    Player *p = app->lesson;
    const Block *ask = lesson_block_of(p, p->step, BLOCK_ASK);
    Error e = {{0}};
    bool added = false;
    if (!p->lesson.room || !ask || p->present)
        return;
    if (draw_again(&p->lesson, (size_t)(ask - p->lesson.blocks), &added, &e) != 0 || (added && cut_steps(p, &e) != 0))
        app_say(app, ROLE_WARNING, "%s", e.text);
    else if (added)
        app_say(app, ROLE_BADGE, _("this question comes back at the end; lesson %.*s treats it"), (int)strcspn(ask->name, "/"), ask->name);
}

bool lesson_pending(const App *app)
{
    return app->lesson && app->lesson->pending;
}

void lesson_work(App *app)
{
    if (lesson_pending(app))
        enter(app);
}

/* ---- beginning ---- */

void player_free(Player *p)
{
    if (!p)
        return;
    forget_question(p);
    lesson_page_free(&p->page);
    scene_free(&p->scene);
    labs_free(&p->labs);
    progress_free(&p->progress);
    lesson_free(&p->lesson);
    free(p->steps);
    free(p->path);
    free(p);
}

/* An experiment says how far it is; the screen may be drawn meanwhile. */
static bool on_progress(void *context, double share, const char *what)
{
    App *app = context;
    app->lesson->share = share;
    snprintf(app->lesson->doing, sizeof app->lesson->doing, "%s", what ? what : "");
    return !app->pump || app->pump(app);
}

int lesson_start(App *app, Lesson *lesson, bool present, bool keep, Error *e)
{
    Player *p = calloc(1, sizeof *p);
    if (!p) {
        lesson_free(lesson);
        return error_memory(e, "lesson");
    }
    p->lesson = *lesson;
    *lesson = (Lesson){.count = 0};
    p->present = present;
    p->scene = scene_new(&p->labs);
    if (keep && !present)
        p->path = record_file("lessons", NULL);
    if (progress_read(&p->progress, p->path ? p->path : "", p->lesson.name, e) != 0 || draw_all(&p->lesson, &p->progress, e) != 0 ||
        cut_steps(p, e) != 0) {
        player_free(p);
        return -1;
    }
    player_free(app->lesson);
    app->lesson = p;
    p->labs.progress = on_progress;
    p->labs.context = app;
    if (app->quiz && app->quiz->predict)
        quiz_set_predict(app, false, false); /* the lesson asks */
    size_t step = p->progress.begun && !p->progress.done && !p->lesson.room ? lesson_step_of(p, p->progress.at) : 0;
    lesson_go(app, step);
    if (step && !p->lost)
        app_say(app, ROLE_BADGE, "%s", _("where you left it; # shows the parts, b goes back"));
    return 0;
}

/* ---- commands ---- */

/* To the end of the page, then to the next step. */
static void go_on(App *app)
{
    Player *p = app->lesson;
    if (p->total - p->room > (int)p->scroll && !*p->error) {
        p->scroll += (size_t)(p->room > 3 ? p->room - 2 : 1);
        return;
    }
    if (lesson_is_asking(p) && !p->present) {
        app_say(app, ROLE_WARNING, "%s",
                p->comparing ? _("is it the same reason? y yes, p partly, n no") : _("an answer first, please; Esc skips the question"));
        return;
    }
    if (p->step == p->step_count)
        app_say(app, ROLE_BADGE, "%s", _("the end: b goes back, ; goes to the network, q leaves"));
    else
        lesson_go(app, p->step + 1);
}

static void scroll_by(Player *p, long by)
{
    long most = p->total > p->room ? p->total - p->room : 0, to = (long)p->scroll + by;
    p->scroll = (size_t)(to < 0 ? 0 : to > most ? most : to);
}

/* "Press . for the next head", says a text: what is meant for the network goes there, from the page too. */
static bool to_network(App *app, CommandId id, size_t count)
{
    if (lesson_is_asking(app->lesson) || id == CMD_LEFT || id == CMD_RIGHT)
        return false;
    app->view = VIEW_STEP;
    app->focus = PANE_MATRIX;
    if (step_command(app, id, count))
        return true;
    app->view = VIEW_LESSON;
    return false;
}

bool lesson_command(App *app, CommandId id, size_t count)
{
    Player *p = app->lesson;
    long times = count ? (long)count : 1, page = p && p->room > 3 ? p->room - 2 : 1;
    if (!p)
        return false;
    switch (id) {
    case CMD_OPEN:
        if (lesson_block_of(p, p->step, BLOCK_STOP)) { /* what is to be looked at is there */
            app->view = p->behind;
            return true;
        }
        go_on(app);
        return true;
    case CMD_NEXT:
        go_on(app);
        return true;
    case CMD_BACK:
    case CMD_RETURN:
        if (p->step)
            lesson_go(app, p->step - 1);
        else
            app_say(app, ROLE_BADGE, "%s", _("this is the beginning"));
        return true;
    case CMD_UP:
        scroll_by(p, -times);
        return true;
    case CMD_DOWN:
        scroll_by(p, times);
        return true;
    case CMD_PAGE_UP:
        scroll_by(p, -page);
        return true;
    case CMD_PAGE_DOWN:
        scroll_by(p, page);
        return true;
    case CMD_FIRST:
        p->scroll = 0;
        return true;
    case CMD_LAST:
        scroll_by(p, p->total);
        return true;
    case CMD_SHOW:
        if (p->present && p->asked) {
            p->shown = !p->shown;
            p->stale = true;
            return true;
        }
        return to_network(app, id, count);
    case CMD_CLOSE:
        if (lesson_is_asking(p) && !p->present)
            lesson_skip(app);
        else
            app->view = VIEW_STEP;
        return true;
    default:
        return to_network(app, id, count);
    }
}

bool lesson_common(App *app, CommandId id)
{
    Player *p = app->lesson;
    switch (id) {
    case CMD_LESSON:
        if (!p)
            menu_open(app, MENU_LESSONS);
        else
            app->view = app->view == VIEW_LESSON ? p->behind : VIEW_LESSON;
        return true;
    case CMD_LESSON_RETURN:
        if (!p) {
            app_say(app, ROLE_WARNING, "%s", _("no lesson is open; ; lists those about this stage"));
            return true;
        }
        app->view = VIEW_LESSON;
        p->behind = VIEW_STEP;
        set_place(app);
        return true;
    case CMD_LESSON_PARTS:
        if (p)
            menu_open(app, MENU_CONTENTS);
        else
            app_say(app, ROLE_WARNING, "%s", _("no lesson is open; ; lists those about this stage"));
        return true;
    case CMD_LESSONS:
        menu_open(app, MENU_LESSONS);
        return true;
    default:
        return false;
    }
}

void lesson_follow(App *app)
{
    if (app->lesson && app->view != VIEW_LESSON && app->view != VIEW_MENU && app->view != VIEW_HELP)
        app->lesson->behind = app->view;
}

void lesson_badge(const App *app, char out[48])
{
    const Player *p = app->lesson;
    out[0] = '\0';
    if (p)
        snprintf(out, 48, "%.16s %zu/%zu", p->lesson.name, p->step + 1, p->step_count + 1);
}
