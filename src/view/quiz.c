/* quiz.c - asks at a stop, takes the answer, replies, keeps the score. How it looks is quiz_draw.c's. */
#include "view/quiz.h"

#include "base/text.h"
#include "lesson/predict.h"
#include "lesson/record.h"

#include <stdlib.h>
#include <string.h>

/* ---- what belongs to it ---- */

/* The app's quiz, made where there is none yet; NULL without memory. */
static Quiz *quiz_of(App *app)
{
    if (!app->quiz)
        app->quiz = calloc(1, sizeof *app->quiz);
    return app->quiz;
}

const Question *quiz_question(const Quiz *z)
{
    return z->filling ? &z->fill.question : &z->question;
}

/* Forgets the question and its reply. */
static void close_question(App *app)
{
    Quiz *z = app->quiz;
    question_free(&z->question);
    fill_free(&z->fill);
    free(z->typed);
    free(z->given);
    free(z->reply);
    z->typed = z->given = z->reply = NULL;
    z->open = z->comparing = z->filling = z->replied = false;
    if (app->prompt.kind == PROMPT_ANSWER)
        app->prompt.kind = PROMPT_NONE;
}

void quiz_free(Quiz *z)
{
    if (!z)
        return;
    question_free(&z->question);
    fill_free(&z->fill);
    free(z->typed);
    free(z->given);
    free(z->reply);
    free(z->seen);
    free(z);
}

bool quiz_is_asking(const App *app)
{
    return app->quiz && app->quiz->open;
}

static QuizSpot spot_of(const App *app)
{
    return (QuizSpot){app->at, app->phase};
}

static bool is_here(const App *app, QuizSpot s)
{
    return s.at == app->at && s.phase == app->phase;
}

static bool is_seen(const App *app)
{
    for (size_t i = 0; i < app->quiz->seen_count; i++)
        if (is_here(app, app->quiz->seen[i]))
            return true;
    return false;
}

static void mark_seen(App *app)
{
    Quiz *z = app->quiz;
    if (is_seen(app))
        return;
    if (z->seen_count == z->seen_capacity) {
        size_t capacity = z->seen_capacity ? 2 * z->seen_capacity : 128;
        QuizSpot *more = realloc(z->seen, capacity * sizeof *more);
        if (!more)
            return; /* it may be asked about again */
        z->seen = more;
        z->seen_capacity = capacity;
    }
    z->seen[z->seen_count++] = spot_of(app);
}

void quiz_restart(App *app)
{
    if (!app->quiz)
        return;
    close_question(app);
    app->quiz->seen_count = 0;
    app->quiz->attempts = 0;
}

void quiz_keep_answers(App *app)
{
    Quiz *z = quiz_of(app);
    if (z)
        z->keep = true;
}

void quiz_set_predict(App *app, bool on, bool here)
{
    Quiz *z = quiz_of(app);
    if (!z)
        return;
    z->predict = on;
    if (!on) {
        close_question(app);
        app_say(app, ROLE_BADGE, _("predict-first is off: %zu of %zu right"), z->right, z->answered);
    } else if (here) {
        quiz_arrive(app);
    } else {
        mark_seen(app);
        app_say(app, ROLE_BADGE, "%s", _("predict-first: at the next stop a question comes before the matrix; P ends it"));
    }
}

/* ---- asking ---- */

static bool is_typed(const Quiz *z)
{
    return !z->comparing && quiz_question(z)->kind != QUESTION_CHOICE;
}

static void open_question(App *app, bool filling)
{
    Quiz *z = app->quiz;
    z->open = true;
    z->filling = filling;
    z->spot = spot_of(app);
    app->focus = PANE_MATRIX;
    app->view = VIEW_STEP;
    if (is_typed(z))
        prompt_open(app, PROMPT_ANSWER, "");
}

/* Where the user stands is asked about; a stop with nothing to ask is just shown. */
static void ask(App *app)
{
    Quiz *z = app->quiz;
    const Stage *s = app_stage(app);
    PredictPlace at = {app->pass, app->at, s->rank == 3 ? app_index(app, s, 0) : 0, app_index(app, s, s->rank - 2)};
    Question q;
    int status = -1;
    uint64_t seed = z->number++;
    if (app->phase == PHASE_FORWARD)
        status = predict_value(&q, &at, seed, NULL);
    else if (app->phase == PHASE_BACKWARD)
        status = predict_gradient(&q, &at, seed, NULL);
    else if (app->phase == PHASE_LOSS)
        status = predict_loss(&q, &at, app->targets.data, app->targets.len, seed, NULL);
    if (status != 0) {
        mark_seen(app);
        return;
    }
    close_question(app);
    z->question = q;
    open_question(app, false);
}

void quiz_arrive(App *app)
{
    Quiz *z = app->quiz;
    if (!z)
        return;
    if ((z->open || z->replied) && !is_here(app, z->spot))
        close_question(app);
    if (app->view != VIEW_STEP || app->prompt.kind != PROMPT_NONE)
        return;
    if (z->open && is_typed(z))
        prompt_open(app, PROMPT_ANSWER, "");
    else if (!z->open && z->predict && !is_seen(app))
        ask(app);
}

static void move_cursor(App *app, const Question *q)
{
    const Stage *s = app_stage(app);
    if (q->place.stage != app->at)
        return;
    for (int k = 0; k < s->rank - !q->cell; k++)
        if (app_index(app, s, k) != q->place.index[k])
            app_move(app, s, k, q->place.index[k]);
}

void quiz_fill(App *app)
{
    Quiz *z = quiz_of(app);
    Error e = {{0}};
    Cellref cell;
    Fill f;
    bool gradient = app->phase == PHASE_BACKWARD && !app->show_value;
    if (!z)
        return;
    if (app->phase == PHASE_LOSS || app->phase == PHASE_UPDATE) {
        app_say(app, ROLE_WARNING, "%s", _("e fills a cell of a stage; there is none here"));
        return;
    }
    if (fill_find(app->pass, app_cell(app), gradient, z->number++, &cell, &e) != 0 || fill_make(&f, app->pass, cell, gradient, &e) != 0) {
        app_say(app, ROLE_WARNING, "%s", e.text);
        return;
    }
    close_question(app);
    bool other = cell_offset(app_stage(app), cell.index) != cell_offset(app_stage(app), app_cell(app).index);
    z->fill = f;
    if (cell.stage != z->tried.stage || memcmp(cell.index, z->tried.index, sizeof cell.index) != 0)
        z->attempts = 0;
    z->tried = cell;
    open_question(app, true);
    move_cursor(app, &f.question);
    if (other)
        app_say(app, ROLE_BADGE, "%s", _("the cell at the cursor is copied, hidden or too small; here is another"));
}

/* ---- answering ---- */

static void write_down(App *app, Result result, const char *mistake)
{
    Quiz *z = app->quiz;
    const Question *q = quiz_question(z);
    Error e = {{0}};
    if (!z->keep)
        return;
    RecordEntry entry = {.source = z->filling ? "fill" : "predict",
                         .model = app->model->name,
                         .topic = app->phase == PHASE_LOSS ? "loss" : stage_table[app_stage(app)->kind].id,
                         .question = q->name,
                         .mistake = mistake,
                         .given = z->given ? z->given : "",
                         .result = result,
                         .attempt = z->filling ? z->attempts : 1};
    char *path = record_path(&e);
    bool lost = !path || record_add(path, &entry, &e) != 0;
    if (lost && !z->lost) /* said once, until it can be written again */
        app_say(app, ROLE_WARNING, "%s", e.text);
    z->lost = lost;
    free(path);
}

/* The answer is known: replies, counts, and shows the matrix. */
static void reply(App *app, const Answer *a)
{
    Quiz *z = app->quiz;
    const Question *q = quiz_question(z);
    Buffer given = {0}, words = {0};
    int mistake;
    z->verdict = question_judge(q, a, &mistake);
    if (q->kind == QUESTION_REASON)
        buffer_puts(&given, z->typed ? z->typed : "");
    else
        question_write_answer(q, a, &given);
    question_reply(q, a, &words);
    z->given = given.data;
    z->reply = words.data;
    z->attempts++;
    z->answered++;
    z->right += z->verdict == VERDICT_RIGHT;
    move_cursor(app, q);
    write_down(app,
               z->verdict == VERDICT_RIGHT    ? RESULT_RIGHT
               : z->verdict == VERDICT_PARTLY ? RESULT_PARTLY
                                              : RESULT_WRONG,
               mistake >= 0 ? q->mistakes[mistake].name : "");
    z->open = z->comparing = false;
    z->replied = true;
    mark_seen(app);
    app->prompt.kind = PROMPT_NONE;
}

static void skip(App *app)
{
    write_down(app, RESULT_SKIPPED, "");
    close_question(app);
    mark_seen(app);
}

bool quiz_accept(App *app, const char *typed)
{
    Quiz *z = app->quiz;
    const Question *q = quiz_question(z);
    Error e = {{0}};
    Answer a;
    if (!z->open)
        return true;
    if (q->kind == QUESTION_REASON) {
        free(z->typed);
        z->typed = strdup(typed);
        z->comparing = true;
        app->prompt.kind = PROMPT_NONE;
        return true;
    }
    if (question_read_answer(q, pass_plan(app->pass), typed, &a, &e) != 0) {
        app_say(app, ROLE_ERROR, "%s", e.text);
        return false;
    }
    reply(app, &a);
    return true;
}

/* ---- keys ---- */

/* What can be done without looking at the matrix: going elsewhere, and what is the program's own. Not the map: it shows the shapes. */
static bool may_run(CommandId id)
{
    static const CommandId some[] = {CMD_RESTART, CMD_RUN,    CMD_GOTO,    CMD_LOSS,  CMD_NEXT_LAYER, CMD_PREVIOUS_LAYER, CMD_RETURN,
                                     CMD_TEXT,    CMD_MODELS, CMD_PREDICT, CMD_THEME, CMD_REDRAW,     CMD_HELP,           CMD_QUIT};
    for (size_t i = 0; i < sizeof some / sizeof *some; i++)
        if (some[i] == id)
            return true;
    return false;
}

bool quiz_holds_back(App *app, CommandId id)
{
    if (!quiz_is_asking(app) || app->view == VIEW_STEP || id == CMD_CLOSE || may_run(id))
        return false;
    app_say(app, ROLE_WARNING, "%s", _("a question is open: Esc goes back to it"));
    return true;
}

static bool choice_key(App *app, int32_t key)
{
    const Quiz *z = app->quiz;
    int n = z->comparing ? 0 : quiz_question(z)->choice_count;
    int choice = key >= 'a' && key < 'a' + n ? key - 'a' : key >= '1' && key < '1' + n ? key - '1' : -1;
    if (z->comparing)
        choice = key == 'y' ? ASSESSED_YES : key == 'p' ? ASSESSED_PARTLY : key == 'n' ? ASSESSED_NO : -1;
    if (choice >= 0)
        reply(app, &(Answer){.choice = choice});
    return choice >= 0;
}

/* A character that a number or a shape may begin with. */
static bool begins_answer(const Question *q, int32_t key)
{
    if ((key >= '0' && key <= '9') || key == 0x2212 || key == 0x221e || key == '(')
        return true;
    return q->kind == QUESTION_SHAPE ? key == '[' : key == '-' || key == '+' || key == '.' || key == 'i';
}

bool quiz_key(App *app, int32_t key)
{
    Quiz *z = app->quiz;
    CommandId id = command_of_key(key);
    if (!z || app->view != VIEW_STEP || (app->prompt.kind != PROMPT_NONE && app->prompt.kind != PROMPT_ANSWER))
        return false;
    if (!z->open) {
        if (key != K_ESC || !z->replied)
            return false;
        close_question(app);
        return true;
    }
    const Question *q = quiz_question(z);
    if (key == K_ESC) {
        skip(app);
        return true;
    }
    if (key == (K_CTRL | 'c')) {
        app->quit = true;
        return true;
    }
    if (app->prompt.kind == PROMPT_ANSWER) {
        bool words = q->kind == QUESTION_STAGE || q->kind == QUESTION_REASON;
        bool begins = key > 0x7f || key <= ' ' || begins_answer(q, key); /* keys of editing, too */
        if (words || app->prompt.len || (begins && id != CMD_NEXT))
            return false; /* the prompt's */
        if (id != CMD_NEXT && !may_run(id)) {
            app_say(app, ROLE_WARNING, "%s",
                    q->kind == QUESTION_SHAPE ? _("a shape is wanted, such as 4x7x7; Esc or n skips it")
                                              : _("a number is wanted, such as 0.25 or 1/3; Esc or n skips it"));
            return true;
        }
        app->prompt.kind = PROMPT_NONE;
    } else if (choice_key(app, key)) {
        return true;
    }
    if (id == CMD_NEXT && !z->comparing) {
        skip(app);
        return true;
    }
    if (may_run(id))
        return false;
    if (z->comparing)
        app_say(app, ROLE_WARNING, "%s", _("is it the same reason? y yes, p partly, n no; Esc leaves it"));
    else
        app_say(app, ROLE_WARNING, _("an answer first: a letter up to %c; Esc or n shows the matrix without one"),
                'a' + q->choice_count - 1);
    return true;
}

bool quiz_click(App *app, int row, int col, MouseAction action)
{
    const Question *q = quiz_question(app->quiz);
    (void)col;
    int choice = row - app->quiz->first_row;
    if (action != MOUSE_CLICK || q->kind != QUESTION_CHOICE || choice < 0 || choice >= q->choice_count)
        return false;
    reply(app, &(Answer){.choice = choice});
    return true;
}
