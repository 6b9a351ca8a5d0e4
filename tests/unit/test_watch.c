/* test_watch.c - a training as it is drawn: what has no room is left out whole, and the end says that it is one. */
#include "view/watch.h"

#include "canvas_help.h"
#include "term/term.h"

static const char recipe_text[] =
    "{\"task\": \"induction\", \"config\": {\"d_model\": 16, \"n_heads\": 4, \"d_ff\": 24, \"decoder_layers\": 1}, "
    "\"steps\": 3, \"batch\": 4, \"warmup\": 1, \"eval_every\": 0, \"save_every\": 7}";

static void draw(Watch *w, const Trainer *t, const RunProgress *p, int cols, int rows, Buffer *out)
{
    Canvas c = new_canvas(cols, rows, false);
    buffer_clear(out);
    watch_draw(w, &c, t, p);
    canvas_write_text(&c, out);
    canvas_free(&c);
}

#define shows(text, what) cr_expect(strstr(buffer_text(text), what), "no \"%s\" in\n%s", what, buffer_text(text))
#define hides(text, what) cr_expect(!strstr(buffer_text(text), what), "\"%s\" in\n%s", what, buffer_text(text))

Test(watch, says_what_fits_and_when_it_is_over)
{
    Error e = {{0}};
    Recipe r;
    Watch w;
    Buffer text = {0};
    TrainerStep step;
    cr_assert_eq(recipe_read(&r, recipe_text, strlen(recipe_text), "recipe.json", &e), 0, "%s", e.text);
    Trainer *t = trainer_create(&r, "recipe.json", &e);
    cr_assert(t, "%s", e.text);
    cr_assert_eq(trainer_step(t, &step, &e), 0, "%s", e.text);
    cr_assert_eq(watch_open(&w, t, THEME_MONO, false, &e), 0, "%s", e.text);
    RunProgress p = {.step = 1004, .steps = 3000, .loss = 0.00002, .tokens_per_second = 174080, .seconds_left = 81};
    w.scored = true;
    w.score = 1;
    draw(&w, t, &p, 80, 24, &text);
    shows(&text, "induction · step 1004 of 3000 · loss 2.00e-05 · score 1.0000 · 1:21 left");
    hides(&text, "tokens/s");
    hides(&text, "…");
    hides(&text, "trained:");
    draw(&w, t, &p, 120, 40, &text);
    shows(&text, "1:21 left · 174080 tokens/s");
    shows(&text, "learning rate 0.0005\n"); /* of the second step of three: half of lr 0.001 */
    shows(&text, "Space pauses  q stops  Enter steps through  < > rate ÷2 ×2");
    watch_change_rate(&w, t, 2);
    watch_change_rate(&w, t, 2);
    draw(&w, t, &p, 80, 24, &text);
    shows(&text, "learning rate 0.002 = 0.0005 ×4");
    shows(&text, "─×4─");
    for (int i = 0; i < 30; i++)
        watch_change_rate(&w, t, 0.5);
    draw(&w, t, &p, 80, 24, &text);
    shows(&text, "the learning rate is as far from the recipe's as it can be");
    shows(&text, "÷1.04858e+06");
    w.note = (Error){{0}};
    p.broke = "step 1005: the loss is inf: training broke down";
    draw(&w, t, &p, 80, 24, &text);
    shows(&text, p.broke);
    shows(&text, "broke down: q ends  Enter steps through");
    hides(&text, "rate ÷2");
    hides(&text, " left ");
    p.broke = NULL;
    p.step = 3000;
    w.paused = true;
    draw(&w, t, &p, 80, 24, &text);
    shows(&text, "trained: q ends  Enter steps through");
    hides(&text, "paused");
    hides(&text, " left ");
    buffer_free(&text);
    watch_close(&w);
    trainer_free(t);
    recipe_free(&r);
}
