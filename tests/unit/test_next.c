/* test_next.c - the sampler and the cache in the debugger: the same tokens as `generate`, and the numbers decoding keeps. */
#include "canvas_help.h"
#include "data_help.h"

#include "measure/cost.h"
#include "pass/sample.h"
#include "view/app.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

TestSuite(next, .init = help_data);

static App *open_app(const char *model, const char *text)
{
    Error e = {{0}};
    Model *m = model_open(model, NULL, &e);
    App *app = m ? app_create(m, (InputText){.text = text}, 0, THEME_DARK, true, &e) : NULL;
    cr_assert(app, "%s", e.text);
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
        p += n;
    }
    app_draw(app, &c);
    canvas_free(&c);
}

/* Stage by stage, with a temperature, top-k and top-p: what is drawn is what `generate` draws with this seed, and going back undoes it. */
Test(next, the_sampler_draws_as_generate_does)
{
    enum { TOKENS = 6 };
    App *app = open_app("story", NULL);
    size_t before = app->input.target.len;
    Input in = {0};
    Error e = {{0}};
    GenerateOptions o = {.max_new = TOKENS, .stop = -1, .cache = true, .sampler = {1.7, 20, 0.95, random_seeded(11)}};
    for (size_t i = 0; i < before; i++)
        cr_assert_eq(ids_add(&in.target, app->input.target.data[i], &e), 0);
    cr_assert_eq(generate(app->model, &in, 0, &o, NULL, &e), 0, "%s", e.text);
    cr_assert(sampling_set(app, CMD_TEMPERATURE, "1.7") && sampling_set(app, CMD_TOP_K, "20") && sampling_set(app, CMD_TOP_P, "0.95") &&
              sampling_set(app, CMD_SEED, "11"));
    press(app, "w");
    for (size_t t = 0; t < TOKENS; t++) {
        for (int stage = SAMPLER_LOGITS; stage < SAMPLER_STAGES; stage++) {
            cr_assert_eq((int)app->sampling.stage, stage);
            press(app, "n");
        }
        cr_assert_eq(app->input.target.len, before + t + 1);
        cr_assert_eq(app->input.target.data[before + t], in.target.data[before + t], "token %zu", t);
    }
    press(app, "b b b b b"); /* one token back, and through its stages */
    cr_assert(app->input.target.len == before + TOKENS - 1 && app->sampling.stage == SAMPLER_LOGITS);
    press(app, "n n n n n");
    cr_assert_eq(app->input.target.data[before + TOKENS - 1], in.target.data[before + TOKENS - 1], "drawn again, the same");
    input_free(&in);
    app_free(app);
}

Test(next, settings_that_are_none_are_refused)
{
    static const struct {
        int command;
        const char *number;
    } wrong[] = {{CMD_TEMPERATURE, "-1"}, {CMD_TEMPERATURE, "warm"}, {CMD_TEMPERATURE, "nan"}, {CMD_TOP_K, "2.5"},
                 {CMD_TOP_K, "-1"},       {CMD_TOP_P, "0"},          {CMD_TOP_P, "1.1"},       {CMD_SEED, "1e30"},
                 {CMD_SEED, "-3"},        {CMD_TEMPERATURE, "1 2"}};
    App *app = open_app("hand-wired", NULL);
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        app->message[0] = '\0';
        cr_expect_not(sampling_set(app, wrong[i].command, wrong[i].number), "%s", wrong[i].number);
        cr_expect(strstr(app->message, wrong[i].number), "%s", app->message);
    }
    cr_assert(app->sampling.temperature == 0 && app->sampling.top_k == 0 && app->sampling.top_p == 1 && app->sampling.seed == 0);
    app_free(app);
}

/* A row more with every token; the rows before stay what they were. */
Test(next, the_cache_grows_by_a_row)
{
    App *app = open_app("story", NULL);
    const Plan *plan = pass_plan(app->pass);
    int k = plan_find(plan, "decoder.1.self.k");
    size_t n = plan->stages[k].shape[1], d = plan->stages[k].shape[2];
    real *had = malloc(n * d * sizeof *had);
    cr_assert(had);
    memcpy(had, pass_value(app->pass, (size_t)k), n * d * sizeof *had); /* of head 0 */
    press(app, "% ] n");
    cr_assert(app->view == VIEW_CACHE && app->sampling.cache_layer == 1 && app->sampling.taken == 1);
    const Stage *s = &pass_plan(app->pass)->stages[k];
    cr_assert_eq(s->shape[1], n + 1);
    cr_assert_eq(memcmp(had, pass_value(app->pass, (size_t)k), n * d * sizeof *had), 0, "the rows before are the same to the last bit");
    press(app, "b b");
    cr_assert(app->sampling.taken == 0 && pass_plan(app->pass)->stages[k].shape[1] == n);
    free(had);
    app_free(app);
    static const char *const none[] = {"mask", "random:kind=encoder,d_model=8,n_heads=2,encoder_layers=1,vocab_size=9"};
    for (size_t i = 0; i < 2; i++) { /* an encoder has none, and says so */
        app = open_app(none[i], NULL);
        press(app, "% n b ] . Down Esc");
        cr_assert(app->sampling.taken == 0);
        app_free(app);
    }
    app = open_app("hand-wired", NULL);
    app_set_ablations(app, NO_MASK);
    press(app, "% n");
    app_free(app);
}
