/* test_quiz.c - predict-first and fill-a-cell in the debugger: what is hidden until it is answered, which keys answer, what is remembered.
 */
#include "measure_help.h"
#include "model_help.h"

#include "lesson/record.h"
#include "term/term.h"
#include "view/quiz.h"

#include <string.h>

static const char *const models[] = {
    "tiny-models/hand-wired",
    "random:kind=encoder-decoder,norm_position=post,encoder_layers=1,decoder_layers=1,activation=relu",
    "random:kind=decoder,norm=rmsnorm,position=rope,ffn=gated,activation=silu,n_heads=4,n_kv_heads=2,bias=false",
    "random:kind=encoder,encoder_layers=1,position=alibi",
    "random:kind=decoder,position=rope,rope_dims=4,parallel=true,d_ff=24,decoder_layers=2,tie_embeddings=false",
    "random:kind=encoder,encoder_layers=1,norm_position=post,position=learned,token_types=2,embed_norm=true,output_head=true,output_bias=true,eos=2",
    "random:kind=decoder,norm=rmsnorm,position=rope,qk_norm=true,ffn=gated,activation=silu,n_heads=4,n_kv_heads=2,d_head=6,bias=false",
};
enum { MODELS = sizeof models / sizeof *models };
static const int sizes[][2] = {{40, 12}, {60, 16}, {80, 24}, {106, 30}, {160, 50}, {200, 60}};

static App *open_app(const char *model)
{
    Error e = {{0}};
    Model *m = model_open(model, NULL, &e);
    cr_assert(m, "%s", e.text);
    App *app = app_create(m, (InputText){0}, 0, THEME_DARK, true, &e);
    cr_assert(app, "%s", e.text);
    return app;
}

static void press(App *app, const char *keys)
{
    Canvas c = {0};
    cr_assert_eq(canvas_init(&c, 80, 24, false, NULL), 0);
    for (const char *p = keys + strspn(keys, " "); *p; p += strspn(p, " ")) {
        size_t n = strcspn(p, " ");
        int32_t key = key_parse(p, n);
        cr_assert_geq(key, 0, "no such key: %.*s", (int)n, p);
        app_draw(app, &c);
        app_event(app, &(Event){.type = EVENT_KEY, .key = key});
        p += n;
    }
    canvas_free(&c);
}

static void screen(App *app, int cols, int rows, bool ascii, Buffer *out)
{
    Canvas c = {0};
    cr_assert_eq(canvas_init(&c, cols, rows, ascii, NULL), 0);
    app_draw(app, &c);
    buffer_clear(out);
    canvas_write_text(&c, out);
    for (int i = 0; i < cols * rows; i++) /* heat and the chosen cell are a matrix' */
        if (quiz_is_asking(app))
            cr_assert(c.cells[i].role < ROLE_HEAT0 && c.cells[i].role != ROLE_CURSOR && c.cells[i].role != ROLE_MASKED);
    canvas_free(&c);
}

/* The right answer, as keys. */
static void answer(App *app, bool right)
{
    const Question *q = quiz_question(app->quiz);
    char keys[64] = "", typed[64];
    Buffer b = {0};
    if (q->kind == QUESTION_CHOICE) {
        snprintf(keys, sizeof keys, "%c", 'a' + (right ? q->right.choice : (q->right.choice + 1) % q->choice_count));
    } else {
        Answer a = q->kind == QUESTION_NUMBER && !right ? (Answer){.number = q->right.number + 1 + 10 * q->tolerance} : q->right;
        if (q->kind == QUESTION_SHAPE) {
            for (int i = 0; i < a.rank; i++)
                buffer_printf(&b, i ? "x%zu" : "%zu", a.shape[i] + !right);
        } else {
            buffer_printf(&b, "%.6g", a.number);
        }
        snprintf(typed, sizeof typed, "%s", buffer_text(&b));
        for (size_t i = 0; typed[i]; i++)
            snprintf(keys + 2 * i, sizeof keys - 2 * i, "%c ", typed[i]);
        snprintf(keys + strlen(keys), sizeof keys - strlen(keys), " Enter");
    }
    buffer_free(&b);
    press(app, keys);
}

/* Changes every number of what is shown at a stop. */
static void spoil(App *app)
{
    if (app->phase == PHASE_BACKWARD) {
        real *g = (real *)pass_gradient(app->pass, app->at);
        for (size_t i = 0; i < app_stage(app)->count; i++)
            g[i] = g[i] * 3 + 7;
        return;
    }
    const Stage *s = app_stage(app);
    const real *x = pass_value(app->pass, app->at);
    for (size_t i = 0; i < s->count; i++)
        pass_override(app->pass, app->at, i, isfinite(x[i]) ? x[i] * 3 + 7 : 5);
}

/* While a question is open no pixel depends on the numbers it is about: with others in their place the screen is the same. */
Test(quiz, nothing_of_the_matrix_shows_before_the_answer, .timeout = 120)
{
    for (int m = 0; m < MODELS; m++)
        for (int phase = 0; phase < 2; phase++) {
            App *probe = open_app(models[m]);
            size_t count = pass_plan(probe->pass)->count;
            app_free(probe);
            for (size_t k = 0; k < sizeof sizes / sizeof *sizes; k++) {
                App *app = open_app(models[m]);
                Buffer before = {0}, after = {0};
                size_t stop = (k * 7) % count, asked = 0;
                press(app, phase ? "L n P" : "P");
                for (size_t i = 0; i < stop; i++)
                    press(app, "n Esc");
                for (size_t i = 0; i < 6; i++) {
                    press(app, "n");
                    if (!quiz_is_asking(app))
                        continue;
                    asked++;
                    screen(app, sizes[k][0], sizes[k][1], k % 2, &before);
                    spoil(app);
                    screen(app, sizes[k][0], sizes[k][1], k % 2, &after);
                    cr_assert_str_eq(buffer_text(&before), buffer_text(&after));
                    press(app, "Esc");
                    screen(app, sizes[k][0], sizes[k][1], k % 2, &after);
                    cr_assert(strcmp(buffer_text(&before), buffer_text(&after)) != 0, "skipping showed nothing");
                }
                cr_assert(asked > 0 || stop + 6 >= count, "%s: never asked", models[m]);
                buffer_free(&before);
                buffer_free(&after);
                app_free(app);
            }
        }
}

/* A watch may be the answer: it is said after it. */
Test(quiz, a_watch_waits_for_the_answer)
{
    App *app = open_app(models[0]);
    Buffer text = {0};
    press(app, ": w a t c h Space m a x ( h e r e ) Enter P n");
    cr_assert(quiz_is_asking(app));
    const Watched *w = &app->inspect.watches[0];
    char value[VALUE_NUMBER_MAX];
    value_format(value, &w->now, w->now.data[0], 9);
    screen(app, 80, 24, false, &text);
    const char *line = strstr(buffer_text(&text), "max(here)");
    cr_assert(line && strstr(line, "after the question") && !strstr(line, value), "%s", line);
    press(app, "Esc");
    screen(app, 80, 24, false, &text);
    line = strstr(buffer_text(&text), "max(here)");
    cr_assert(line && !strstr(line, "after the question") && strstr(line, value), "%s", line);
    buffer_free(&text);
    app_free(app);
}

Test(quiz, every_stop_asks_once_and_says_what_was_right)
{
    for (int m = 0; m < MODELS; m++) {
        App *app = open_app(models[m]);
        Buffer text = {0};
        size_t count = pass_plan(app->pass)->count, answered = 0, right = 0;
        quiz_set_predict(app, true, true);
        for (size_t i = 0; i < 2 * count + 1; i++) {
            if (app->phase == PHASE_UPDATE)
                break;
            cr_assert(quiz_is_asking(app), "%s: stop %zu asks nothing", models[m], i);
            bool correct = i % 3 > 0;
            answer(app, correct);
            cr_assert_not(quiz_is_asking(app));
            cr_assert(app->quiz->replied);
            cr_assert_eq(app->quiz->verdict == VERDICT_RIGHT, correct, "%s, stop %zu: %s", models[m], i, quiz_question(app->quiz)->text);
            answered++;
            right += correct;
            cr_assert(app->quiz->answered == answered && app->quiz->right == right);
            screen(app, 80, 24, false, &text);
            cr_assert(strstr(buffer_text(&text), correct ? "right." : "no."), "%s", buffer_text(&text));
            press(app, "n");
        }
        cr_assert_geq(answered, 2 * count);
        buffer_free(&text);
        app_free(app);
    }
}

Test(quiz, what_was_answered_is_not_asked_again)
{
    App *app = open_app(models[0]);
    press(app, "P n");
    answer(app, true);
    press(app, "n");
    answer(app, false);
    press(app, "b");
    cr_assert_not(quiz_is_asking(app));
    cr_assert_not(app->quiz->replied, "the reply belongs to its stop");
    press(app, "n");
    cr_assert_not(quiz_is_asking(app));
    press(app, "n");
    cr_assert(quiz_is_asking(app), "the next one is asked");
    press(app, "Esc b n");
    cr_assert_not(quiz_is_asking(app), "what was skipped was seen");
    press(app, "r");
    cr_assert(quiz_is_asking(app), "from the first stage again, everything may be asked");
    press(app, "z");
    cr_assert(quiz_is_asking(app), "an ablation would show the matrix");
    press(app, "Esc z");
    cr_assert(quiz_is_asking(app), "another pass, other numbers");
    app_free(app);
}

Test(quiz, a_repeat_count_asks_only_where_it_ends)
{
    App *app = open_app(models[1]);
    press(app, "P 9 n");
    cr_assert(quiz_is_asking(app) && app->at == 9);
    cr_assert_eq(app->quiz->number, 1);
    press(app, "Esc c");
    cr_assert(quiz_is_asking(app) && app->at == pass_plan(app->pass)->count - 1);
    app_free(app);
}

/* On to the next question of that kind. */
static void go_to_kind(App *app, QuestionKind kind)
{
    while (!quiz_is_asking(app) || quiz_question(app->quiz)->kind != kind)
        press(app, quiz_is_asking(app) ? "Esc" : "n");
}

/* Keys that would show what is hidden do nothing; those that go elsewhere do. */
Test(quiz, keys_while_it_asks)
{
    App *app = open_app(models[0]);
    press(app, "P");
    go_to_kind(app, QUESTION_CHOICE);
    size_t at = app->at;
    static const char *const hidden[] = {"Enter", "m", "S", "D", "w", "e", "F", "V", "A", "f", "O", "Y", "R", "p", "y", "Z", "E", "i", "v", "H", "Tab", "K", "*", "W", "s", "o", "Up", "Down"};
    for (size_t i = 0; i < sizeof hidden / sizeof *hidden; i++) {
        press(app, hidden[i]);
        cr_assert(quiz_is_asking(app) && app->at == at && app->view == VIEW_STEP && app->focus == PANE_MATRIX &&
                      app->prompt.kind == PROMPT_NONE,
                  "%s", hidden[i]);
    }
    press(app, "?");
    cr_assert_eq(app->view, VIEW_HELP);
    for (size_t i = 0; i < sizeof hidden / sizeof *hidden; i++) { /* nor by way of another view */
        press(app, hidden[i]);
        cr_assert(quiz_is_asking(app) && app->at == at && app->view == VIEW_HELP && app->prompt.kind == PROMPT_NONE, "? %s", hidden[i]);
    }
    press(app, "X :");
    cr_assert(app->view == VIEW_HELP && app->prompt.kind == PROMPT_NONE && app->message[0]);
    press(app, "Esc");
    cr_assert(quiz_is_asking(app) && app->view == VIEW_STEP);
    press(app, "P");
    cr_assert_not(quiz_is_asking(app));
    cr_assert_not(app->quiz->predict);
    press(app, "P");
    go_to_kind(app, QUESTION_NUMBER);
    at = app->at;
    press(app, "x S W");
    cr_assert(quiz_is_asking(app) && app->prompt.len == 0 && app->message[0], "no letter begins a number");
    press(app, "1 b c x Enter");
    cr_assert(quiz_is_asking(app) && app->prompt.kind == PROMPT_ANSWER && app->message[0], "what is no number stays to be mended");
    press(app, "C-u g");
    cr_assert_eq(app->prompt.kind, PROMPT_GOTO, "an empty answer lets commands through");
    press(app, "Esc");
    cr_assert(quiz_is_asking(app) && app->prompt.kind == PROMPT_ANSWER && app->at == at);
    press(app, "n");
    cr_assert_not(quiz_is_asking(app));
    cr_assert_eq(app->at, at, "n skips the question, not the stage");
    app_free(app);
}

Test(quiz, a_cell_is_filled_by_hand)
{
    for (int m = 0; m < MODELS; m++) {
        App *app = open_app(models[m]);
        Buffer text = {0};
        size_t filled = 0;
        for (size_t i = 0; i < pass_plan(app->pass)->count; i++) {
            press(app, "e");
            if (quiz_is_asking(app)) {
                filled++;
                const Question *q = quiz_question(app->quiz);
                double stored = (double)pass_value(app->pass, app->at)[cell_offset(app_stage(app), app_cell(app).index)];
                cr_assert_eq(q->right.number, stored, "the cursor stands at the cell that is asked for");
                screen(app, 80, 24, m % 2, &text);
                cr_assert(strstr(buffer_text(&text), "?"));
                answer(app, true);
                cr_assert_eq(app->quiz->verdict, VERDICT_RIGHT);
                press(app, "Enter");
                cr_assert_eq(app->view, VIEW_CELL, "then its arithmetic can be opened");
                press(app, "Esc");
            } else {
                cr_assert(app->message[0], "says why not");
            }
            press(app, "n");
        }
        cr_assert_gt(filled, pass_plan(app->pass)->count / 2);
        buffer_free(&text);
        app_free(app);
    }
}

Test(quiz, answers_are_kept_where_it_is_wanted)
{
    char folder[64], file[128];
    Error e = {{0}};
    RecordSummary s;
    help_folder(folder);
    setenv("XDG_STATE_HOME", folder, 1);
    snprintf(file, sizeof file, "%s/stepformer/answers", folder);
    App *app = open_app(models[0]);
    quiz_set_predict(app, true, true);
    answer(app, true);
    cr_assert_eq(access(file, F_OK), -1, "a frame keeps nothing");
    quiz_keep_answers(app);
    press(app, "n");
    answer(app, true);
    press(app, "n");
    answer(app, false);
    press(app, "n Esc");
    app_free(app);
    cr_assert_eq(record_summarize(file, &s, &e), 0, "%s", e.text);
    cr_assert(s.answers == 2 && s.count[RESULT_RIGHT] == 1 && s.count[RESULT_WRONG] == 1 && s.count[RESULT_SKIPPED] == 1 && s.first == 1 &&
              s.damaged == 0);
    record_summary_free(&s);
    help_remove(folder);
    unsetenv("XDG_STATE_HOME");
}

Test(quiz, a_folder_that_cannot_be_written_is_said_once)
{
    char folder[64];
    help_folder(folder);
    help_write(folder, "stepformer", "x", 1); /* a file where a folder should be */
    setenv("XDG_STATE_HOME", folder, 1);
    App *app = open_app(models[0]);
    quiz_keep_answers(app);
    quiz_set_predict(app, true, true);
    answer(app, true);
    cr_assert(strstr(app->message, "answers are not kept"), "%s", app->message);
    press(app, "n");
    answer(app, true);
    cr_assert_eq(app->message[0], '\0');
    app_free(app);
    help_remove(folder);
    unsetenv("XDG_STATE_HOME");
}
