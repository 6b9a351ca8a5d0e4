/* lesson_answer.c - takes an answer to a lesson's question, replies, writes it down. */
#include "view/lesson.h"

#include "base/text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void write_down(App *app, Result result, const char *mistake)
{
    Player *p = app->lesson;
    Error e = {{0}};
    char source[80], topic[QUESTION_NAME_MAX];
    const ProgressAnswer *before = progress_answer(&p->progress, p->question.name);
    const char *given = p->given ? p->given : "";
    bool first = !before;
    progress_set_answer(&p->progress, p->question.name, result, given);
    if (!p->path)
        return;
    snprintf(source, sizeof source, "lesson %.60s", p->lesson.name);
    snprintf(topic, sizeof topic, "%.*s", QUESTION_NAME_MAX - 1, p->lesson.name);
    RecordEntry entry = {.source = source,
                         .model = p->scene.ready ? p->scene.model->name : "",
                         .topic = topic,
                         .question = p->question.name,
                         .mistake = mistake,
                         .given = given,
                         .result = result,
                         .attempt = first ? 1 : 2};
    char *answers = record_path(&e);
    int status = answers ? record_add(answers, &entry, &e) : -1;
    if (progress_write_answer(p->path, p->lesson.name, p->question.name, result, given, &e) != 0)
        status = -1;
    lesson_kept(app, status, &e);
    free(answers);
}

static void reply(App *app, const Answer *a)
{
    Player *p = app->lesson;
    const Question *q = &p->question;
    Buffer given = {0}, words = {0};
    int mistake;
    p->verdict = question_judge(q, a, &mistake);
    if (q->kind == QUESTION_REASON)
        buffer_puts(&given, p->typed ? p->typed : "");
    else
        question_write_answer(q, a, &given);
    question_reply(q, a, &words);
    free(p->given);
    free(p->reply);
    p->given = given.data;
    p->reply = words.data;
    p->answered = true;
    p->comparing = false;
    p->stale = true;
    p->scroll = SIZE_MAX / 2; /* the reply is at the end */
    write_down(app,
               p->verdict == VERDICT_RIGHT    ? RESULT_RIGHT
               : p->verdict == VERDICT_PARTLY ? RESULT_PARTLY
                                              : RESULT_WRONG,
               mistake >= 0 ? q->mistakes[mistake].name : "");
    if (p->verdict != VERDICT_RIGHT)
        lesson_ask_again(app);
}

bool lesson_accept(App *app, const char *typed)
{
    Player *p = app->lesson;
    Error e = {{0}};
    Answer a;
    if (!p || !p->asked)
        return true;
    if (p->question.kind == QUESTION_REASON) {
        free(p->typed);
        p->typed = strdup(typed);
        p->comparing = true;
        p->stale = true;
        return true;
    }
    if (question_read_answer(&p->question, pass_plan(p->scene.pass), typed, &a, &e) != 0) {
        app_say(app, ROLE_ERROR, "%s", e.text);
        return false;
    }
    reply(app, &a);
    return true;
}

const char *lesson_prompt(const App *app)
{
    static const char *const words[] = {N_("answer: "), N_("number: "), N_("shape: "), N_("stage: "), N_("answer: ")};
    return _(words[app->lesson->question.kind]);
}

bool lesson_is_asking(const Player *p)
{
    return p->asked && !p->answered && !*p->error;
}

bool lesson_takes(const Player *p, int32_t key)
{
    const Question *q = &p->question;
    if (!lesson_is_asking(p) || p->comparing)
        return false;
    switch (q->kind) {
    case QUESTION_CHOICE:
        return key >= 'a' && key < 'a' + q->choice_count;
    case QUESTION_NUMBER:
    case QUESTION_SHAPE:
        return (key >= '0' && key <= '9') || key == '-' || key == '.' || key == '(';
    default: /* in a class the keys stay what they are: Enter begins */
        return !p->present && ((key >= 'a' && key <= 'z') || (key >= 'A' && key <= 'Z') || (key >= 0x80 && key < KEY_BASE_));
    }
}

bool lesson_key(App *app, int32_t key)
{
    Player *p = app->lesson;
    if (!p || app->view != VIEW_LESSON || app->prompt.kind != PROMPT_NONE)
        return false;
    if (p->pending)
        lesson_work(app); /* a key that came first */
    if (!lesson_is_asking(p)) {
        /* another letter after the answer is no command for the network that the text hides; b goes back as ever */
        bool letter = p->answered && p->question.kind == QUESTION_CHOICE && key >= 'a' && key < 'a' + p->question.choice_count && key != 'b';
        if (letter)
            app_say(app, ROLE_BADGE, "%s", _("this is answered; Space goes on"));
        return letter;
    }
    const Question *q = &p->question;
    if (p->comparing) {
        int choice = key == 'y' ? ASSESSED_YES : key == 'p' ? ASSESSED_PARTLY : key == 'n' ? ASSESSED_NO : -1;
        if (choice >= 0)
            reply(app, &(Answer){.choice = choice});
        return choice >= 0;
    }
    if (q->kind == QUESTION_CHOICE) {
        int choice = lesson_takes(p, key) ? key - 'a' : -1;
        if (choice >= 0)
            reply(app, &(Answer){.choice = choice});
        return choice >= 0;
    }
    if (key != K_ENTER && !lesson_takes(p, key))
        return false;
    prompt_open(app, PROMPT_LESSON, "");
    if (key != K_ENTER)
        prompt_key(app, key);
    return true;
}

void lesson_skip(App *app)
{
    write_down(app, RESULT_SKIPPED, "");
    lesson_go(app, app->lesson->step + 1);
}
