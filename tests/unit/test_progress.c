/* test_progress.c - what takes long is seen, can be stopped, and leaves what is shown whole. */
#include "measure/tracing.h"
#include "view/twin.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

static int looks, most;

static bool pump(App *app)
{
    cr_assert(app->message[0], "what is computed is said");
    if (app->phase == PHASE_BACKWARD)
        cr_assert(pass_gradient(app->pass, app->at), "a phase is shown only with its numbers");
    return ++looks < most;
}

static App *open_app(const char *model, InputText given)
{
    Error e = {{0}};
    Model *m = model_open(model, NULL, &e);
    cr_assert(m, "%s", e.text);
    App *app = app_create(m, given, 0, THEME_DARK, true, &e);
    cr_assert(app, "%s", e.text);
    app->pump = pump;
    app->began = 0; /* long ago: every piece is seen */
    looks = 0;
    most = 1 << 20;
    return app;
}

Test(progress, the_way_back_can_be_stopped)
{
    App *app = open_app("tiny-models/hand-wired", (InputText){.text = "A B C A"});
    size_t count = pass_plan(app->pass)->count;
    most = 5;
    cr_assert(!stepping_to_loss(app) && app->phase == PHASE_FORWARD && app->at < count - 1);
    cr_assert(strstr(app->message, "stopped after stage"), "%s", app->message);
    most = 1 << 20;
    cr_assert(stepping_to_loss(app) && app->phase == PHASE_LOSS && app->at == count - 1);
    looks = 0;
    most = 4;
    cr_assert(!stepping_backward(app) && app->phase == PHASE_LOSS);
    cr_assert(strstr(app->message, "stopped on the way back after 4"), "%s", app->message);
    cr_assert_null(pass_gradient(app->pass, 0));
    most = 1 << 20;
    cr_assert(stepping_backward(app) && app->phase == PHASE_BACKWARD);
    cr_assert_geq(looks, (int)count - 1);
    Error e = {{0}};
    double loss;
    Pass *plain = pass_create(app->model, input_ids(&app->input), 0, &e);
    cr_assert(plain && pass_backward(plain, app->targets.data, app->targets.len, &loss, &e) == 0, "%s", e.text);
    cr_assert_eq(loss, app->loss);
    for (size_t i = 0; i < count; i++)
        cr_assert_eq(memcmp(pass_gradient(plain, i), pass_gradient(app->pass, i), pass_plan(plain)->stages[i].count * sizeof(real)), 0);
    pass_free(plain);
    app_free(app);
}

Test(progress, an_ablation_that_was_stopped_is_not_on)
{
    App *app = open_app("tiny-models/hand-wired", (InputText){.text = "A B C A"});
    most = 3;
    app_set_ablations(app, NO_POSITIONS);
    cr_assert_eq(app->ablations, 0);
    cr_assert(!twin_is_open(app));
    most = 1 << 20;
    app_set_ablations(app, NO_POSITIONS);
    cr_assert_eq(app->ablations, NO_POSITIONS);
    cr_assert_null(twin_comparison(app), "compared between events, where somebody looks");
    cr_assert(twin_pending(app) && app_is_working(app));
    while (app_work(app))
        continue;
    cr_assert(twin_comparison(app) && !twin_pending(app));
    app_free(app);
}

static bool stop_at_seven(void *context, size_t done, size_t count)
{
    cr_assert_leq(done, count);
    *(size_t *)context = done;
    return done < 7;
}

Test(progress, causal_tracing_can_be_stopped)
{
    App *app = open_app("tiny-models/hand-wired", (InputText){.text = "A B C A"});
    Error e = {{0}};
    Tracing t;
    size_t done = 0, position = 1;
    TracingQuery q = tracing_query(app->pass, 4, 0);
    q.positions = &position;
    q.position_count = 1;
    q.watch = stop_at_seven;
    q.context = &done;
    cr_assert_eq(tracing_run(app->pass, &q, &t, &e), -1);
    cr_assert_eq(done, 7);
    cr_assert(strstr(e.text, "stopped after 7"), "%s", e.text);
    app_free(app);
}

Test(progress, the_menu_shows_the_open_model_and_its_notes)
{
    App *app = open_app("tests/hf/llama", (InputText){.ids = "1,2,3"});
    free(app->model->notes);
    app->model->notes = strdup("one thing\nanother");
    menu_open(app, MENU_MODELS);
    const MenuItem *first = &app->menu.items[0];
    cr_assert(first->on && app->menu.choice == 0);
    cr_assert_str_eq(first->label, "llama");
    cr_assert(strstr(first->what, "Hugging Face") && strstr(first->what, "one thing") && strstr(first->what, "another"), "%s", first->what);
    app_free(app);
}

Test(progress, a_number_is_found_by_its_number)
{
    App *app = open_app("tiny-models/hand-wired", (InputText){.text = "A B C A"});
    const Stage *s = app_stage(app);
    cr_assert_eq(matrix_find(app, s, 1, 0, "#7"), 7);
    cr_assert_eq(matrix_find(app, s, 1, 0, "#100000"), -1);
    Canvas c = {0};
    Error e = {{0}};
    cr_assert_eq(canvas_init(&c, 40, 2, false, &e), 0);
    cr_assert_eq(canvas_put_span(&c, 0, 0, 40, 0, 5, 5), 0, "all are seen");
    cr_assert_eq(canvas_put_span(&c, 0, 0, 40, 13, 13, 1200), (int)strlen(" 14-26 / 1200"));
    canvas_free(&c);
    app_free(app);
}

static App *open_large(void)
{
    return open_app("random:kind=decoder,position=learned,d_model=16,n_heads=2,decoder_layers=2,vocab_size=60000,max_len=64",
                    (InputText){.ids = "1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25,26,27,28,29,30,31,32,33,34,35,36,37,38,39,40"});
}

/* A large pass is not run to its end only to say whether an ablation changes it; and what is shown is that pass's. */
Test(progress, an_ablation_of_a_large_pass_computes_what_is_shown)
{
    App *app = open_large();
    Error e = {{0}};
    app_go(app, 8);
    size_t done = pass_done(app->pass);
    app_set_ablations(app, NO_POSITIONS);
    cr_assert(app->at == 8 && pass_done(app->pass) == done && done < pass_plan(app->pass)->count, "%zu of %zu", pass_done(app->pass), done);
    cr_assert(strstr(app->message, "no-positions: on, computed again as far as you go"), "%s", app->message);
    Pass *plain = pass_create(app->model, input_ids(&app->input), NO_POSITIONS, &e);
    cr_assert(plain, "%s", e.text);
    cr_assert_eq(memcmp(pass_value(plain, 8), pass_value(app->pass, 8), pass_plan(plain)->stages[8].count * sizeof(real)), 0);
    pass_free(plain);
    app_free(app);
}

/* What was shown becomes the baseline, and comes back with all that it had computed. */
Test(progress, an_ablation_of_a_large_pass_is_taken_back_at_once)
{
    App *app = open_large();
    app_go(app, 30);
    Pass *plain = app->pass;
    app_set_ablations(app, NO_POSITIONS);
    cr_assert_eq(app->baseline, plain);
    app_set_ablations(app, NO_POSITIONS | NO_SCALE);
    cr_assert_eq(app->baseline, plain, "it stays the baseline while other parts are switched");
    app_set_ablations(app, 0);
    cr_assert(app->pass == plain && !app->baseline && pass_done(plain) == 31 && app->at == 30);
    cr_assert(!twin_is_open(app));
    cr_assert(app_add_edit(app, "decoder.1.self.scores=zero"));
    app_set_ablations(app, NO_POSITIONS); /* with an edit it is no baseline */
    cr_assert(app->baseline && app->baseline != plain && app->edits.count == 1);
    app_free(app);
}

/* An edit computes what is shown; when the two were compared, it is said that it changed nothing. */
Test(progress, an_edit_of_a_large_pass_computes_what_is_shown)
{
    App *app = open_large();
    app_go(app, 8);
    cr_assert(app_add_edit(app, "decoder.0.self.scores*=1"));
    cr_assert(pass_done(app->pass) == 9 && app->at == 8, "%zu", pass_done(app->pass));
    cr_assert(strstr(app->message, "computed again as far as you go"), "%s", app->message);
    size_t pieces = 1;
    while (app_work(app))
        pieces++;
    cr_assert_gt(pieces, pass_plan(app->pass)->count, "a stage at a time: a key need not wait long");
    cr_assert(strstr(app->message, "changed nothing in the output"), "%s", app->message);
    app->message[0] = '\0';
    cr_assert(app_add_edit(app, "decoder.0.self.scores*=2"));
    while (app_work(app))
        continue;
    cr_assert(!strstr(app->message, "changed nothing"), "%s", app->message);
    cr_assert_eq(twin_comparison(app)->first, plan_find(pass_plan(app->pass), "decoder.0.self.scores"));
    app_free(app);
}

/* While one looks at a stage the next is computed, and no more than that. */
Test(progress, the_next_stage_is_ready)
{
    App *app = open_large();
    app_go(app, 3);
    cr_assert(pass_done(app->pass) == 4 && app_can_look_ahead(app));
    app_look_ahead(app);
    cr_assert(pass_done(app->pass) == 5 && app->at == 3 && !app_can_look_ahead(app));
    app_go(app, 4);
    cr_assert(app_can_look_ahead(app));
    app->pump = NULL; /* nobody looks */
    cr_assert(!app_can_look_ahead(app));
    app_free(app);
}

Test(progress, a_comparison_can_be_stopped_and_goes_on)
{
    App *app = open_large();
    app_set_ablations(app, NO_POSITIONS);
    looks = 0;
    most = 5;
    cr_assert(!twin_compare(app) && !twin_comparison(app));
    cr_assert(strstr(app->message, "stopped after"), "%s", app->message);
    size_t known = pass_done(app->baseline);
    most = 1 << 20;
    looks = 0;
    cr_assert(known > 0 && twin_compare(app) && twin_comparison(app));
    cr_assert_gt(looks, (int)(twin_comparison(app)->count + twin_comparison(app)->row_count) - 5);
    app_free(app);
}

/* Gradients of a real model's size are computed when it is asked for a second time: first it is said what they need. */
Test(progress, much_memory_is_said_first)
{
    App *app = open_large();
    cr_assert(stepping_to_loss(app));
    size_t total = app->model->weights.total;
    app->model->weights.total = 3000000000u / sizeof(real);
    stepping_next(app, 1);
    cr_assert(app->phase == PHASE_LOSS && strstr(app->message, "need 3.0 GB of memory"), "%s", app->message);
    app->model->weights.total = total;
    stepping_next(app, 1);
    cr_assert_eq(app->phase, PHASE_BACKWARD);
    app_free(app);
}
