/* test_next.c - the sampler and the cache in the debugger: the same tokens as `generate`, and the numbers decoding keeps. */
#include "canvas_help.h"
#include "data_help.h"

#include "pass/sample.h"
#include "view/app.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

TestSuite(next, .init = help_data);

static App *open_app(const char *model, const char *text)
{
    Error e = {{0}};
    Model *m = model_open(model, NULL, &e);
    bool words = m && vocab_has_text(m->vocab);
    App *app = m ? app_create(m, words ? (InputText){.text = text} : (InputText){.ids = text}, 0, THEME_DARK, true, &e) : NULL;
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

/* Presses the keys and checks that a row of the screen has this text. */
static void expect_shown(App *app, const char *keys, const char *text)
{
    Canvas c = new_canvas(200, 60, false);
    bool shown = false;
    press(app, keys);
    app_draw(app, &c);
    for (int row = 0; row < c.rows; row++) {
        Buffer b = {0};
        for (int col = 0; col < c.cols; col++)
            buffer_puts(&b, canvas_row(&c, row)[col].text);
        shown = shown || strstr(buffer_text(&b), text);
        buffer_free(&b);
    }
    canvas_free(&c);
    cr_expect(shown, "%s: nowhere '%s'", keys, text);
}

/* Stage by stage, with a temperature, top-k and top-p: what is drawn is what `generate` draws with this seed, and going back undoes it. */
Test(next, the_sampler_draws_as_generate_does)
{
    enum { TOKENS = 6 };
    App *app = open_app("story", NULL);
    size_t before = app->input.target.len;
    Input in = {0};
    Error e = {{0}};
    GenerateOptions o = {.max_new = TOKENS, .cache = true, .sampler = {1.7, 20, 0.95, random_seeded(11)}};
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

/* What each stage leaves sums to 1; the draw lies in the drawn token's share; what top-k and top-p kept are these tokens' shares. */
Test(next, the_stages_agree_with_each_other)
{
    App *app = open_app("story", NULL);
    cr_assert(sampling_set(app, CMD_TEMPERATURE, "3") && sampling_set(app, CMD_TOP_K, "8") && sampling_set(app, CMD_TOP_P, "0.95"));
    for (size_t t = 0; t < 20; t++) {
        Sampled s;
        cr_assert(sampling_run(app, &s) && s.drawn >= 0);
        size_t finite[2] = {0};
        double kept[2] = {0}, before = 0;
        for (int i = 0; i < SAMPLER_STAGES; i++) {
            double sum = 0, h = 0;
            for (size_t v = 0; v < s.vocab; v++) {
                double p = (double)s.shares[i][v];
                sum += p;
                h -= p > 0 ? p * log(p) : 0;
            }
            cr_expect_float_eq(sum, 1, 1e-5, "stage %d", i);
            cr_expect_float_eq(s.entropy[i], h, 1e-5, "stage %d", i);
        }
        for (size_t r = 0; r < s.vocab; r++) {
            size_t v = s.order[r];
            const real *left[] = {s.steps.top_k, s.steps.top_p};
            for (int i = 0; i < 2; i++)
                if (left[i][v] > -(real)INFINITY) {
                    finite[i]++;
                    kept[i] += (double)s.shares[SAMPLER_TEMPERATURE + i][v];
                }
            if ((int)v == s.drawn)
                cr_expect_float_eq(s.steps.from, before, 1e-5);
            before += (double)s.shares[SAMPLER_DRAW][v];
        }
        cr_expect(s.steps.from <= s.steps.place && s.steps.place < s.steps.upto, "%g in [%g, %g)", s.steps.place, s.steps.from, s.steps.upto);
        cr_expect_float_eq(s.steps.upto - s.steps.from, (double)s.steps.probs[s.drawn], 1e-6);
        for (int i = 0; i < 2; i++) {
            cr_expect_eq(finite[i], s.steps.left[i]);
            cr_expect_float_eq(kept[i], s.steps.kept[i], 1e-5);
        }
        cr_expect(s.steps.left[0] == 8 && s.steps.kept[1] >= 0.95);
        sampling_free(&s);
        cr_assert(sampling_draw(app));
    }
    app_free(app);
}

/* The end token is not taken by n or c: what `generate` prints is what stands there. The decoder's own answer can be given back. */
Test(next, the_end_token_ends_it)
{
    App *app = open_app("zh-en", NULL);
    size_t whole = app->input.target.len;
    int *ids = calloc(whole, sizeof *ids);
    cr_assert(ids && whole > 3);
    memcpy(ids, app->input.target.data, whole * sizeof *ids);
    press(app, "w 2 0 n c");
    cr_assert_eq(app->input.target.len, whole);
    expect_shown(app, "% 5 n", "generation ends here");
    cr_assert_eq(app->input.target.len, whole);
    press(app, "9 9 b");
    cr_assert(app->input.target.len == 1 && app->sampling.taken == 0, "only the begin token is left");
    press(app, "w n n n n n"); /* one token, in its five stages */
    cr_assert_eq(app->input.target.len, 2);
    press(app, "c");
    cr_assert(app->input.target.len == whole && memcmp(ids, app->input.target.data, whole * sizeof *ids) == 0, "the same answer");
    press(app, "n n n n Enter"); /* by hand it can be taken */
    cr_assert(app->input.target.len == whole + 1 && app->input.target.data[whole] == app->model->config.eos);
    free(ids);
    app_free(app);
}

/* Where learned positions end, that is said once, and nothing is run in vain. */
Test(next, a_full_context_is_said)
{
    App *app = open_app("hand-wired", NULL);
    expect_shown(app, "w 9 9 c", "all its 16 learned positions are taken");
    cr_assert_eq(app->input.target.len, 16);
    expect_shown(app, "Enter", "all its 16 learned positions are taken");
    cr_assert(app->input.target.len == 16 && app->view == VIEW_NEXT, "nothing was taken");
    app_free(app);
}

/* The draw puts the cursor on its token; a token is found by its name in the table of all of them, and its logit opens. */
Test(next, a_token_is_found)
{
    App *app = open_app("random:kind=decoder,d_model=16,n_heads=2,decoder_layers=1,d_ff=16,vocab_size=5000", NULL);
    Sampled s;
    press(app, "w / # 4 3 2 1 Enter");
    cr_assert_eq(app->view, VIEW_NEXT);
    cr_assert(sampling_run(app, &s));
    cr_expect_eq(s.order[app->scroll], 4321);
    sampling_free(&s);
    press(app, "s");
    cr_assert_eq(app->view, VIEW_CELL);
    cr_expect(app->cell.cell.stage == pass_plan(app->pass)->count - 2 && app->cell.cell.index[1] == 4321);
    press(app, "Esc");
    cr_assert_eq(app->view, VIEW_NEXT);
    cr_assert(sampling_set(app, CMD_TEMPERATURE, "100"));
    press(app, "n n n n");
    cr_assert(sampling_run(app, &s));
    cr_expect_eq((int)s.order[app->scroll], s.drawn);
    sampling_free(&s);
    app_free(app);
}

/* The cell that the cache shows is the one that opens and is changed; what comes next is computed with the change. */
Test(next, a_number_in_the_cache_is_changed)
{
    App *app = open_app("story", NULL);
    Sampled before, after;
    cr_assert(sampling_run(app, &before));
    size_t at = app->at;
    press(app, "% ] Tab Up Right Enter");
    const Plan *plan = pass_plan(app->pass);
    int v = plan_find(plan, "decoder.1.self.v");
    cr_assert(app->view == VIEW_CELL && app->cell.cell.stage == (size_t)v && app->cell.cell.index[1] == plan->stages[v].shape[1] - 2 &&
              app->cell.cell.index[2] == 1);
    press(app, "Esc i 0 0 Enter"); /* a value with two zeros behind it: hundreds of times itself, or more digits */
    cr_assert(app->view == VIEW_CACHE && app->at == at && app->edits.count == 1);
    cr_expect(strstr(app->edits.items[0], "decoder.1.self.v[kv_head=0,key=22,dim=1]="), "%s", app->edits.items[0]);
    press(app, "U");
    cr_assert_eq(app->edits.count, 0);
    cr_assert(app_add_edit(app, "decoder.1.self.v[kv_head=0,key=22]=5"));
    cr_assert(sampling_run(app, &after));
    cr_expect(memcmp(before.shares[0], after.shares[0], before.vocab * sizeof(real)) != 0, "the shares are other ones");
    sampling_free(&before);
    sampling_free(&after);
    app_free(app);
}

static void expect_count(App *app, const char *keys, const char *line, uint64_t x)
{
    char text[160], digits[24], grouped[32];
    size_t n = (size_t)snprintf(digits, sizeof digits, "%llu", (unsigned long long)x), k = 0;
    for (size_t i = 0; i < n; i++) {
        if (i && (n - i) % 3 == 0)
            grouped[k++] = ',';
        grouped[k++] = digits[i];
    }
    grouped[k] = '\0';
    snprintf(text, sizeof text, "%-51s%19s", line, grouped);
    expect_shown(app, keys, text);
}

/* Counted by hand from the shapes: grouped heads and a gated FFN; and a decoder with two kinds of attention. */
Test(next, the_multiplications_are_those_of_the_shapes)
{
    enum { N = 5, D = 24, H = 6, G = 2, K = 4, F = 40, V = 30, L = 3 };
    App *app = open_app("random:kind=decoder,d_model=24,n_heads=6,n_kv_heads=2,decoder_layers=3,d_ff=40,vocab_size=30,ffn=gated,activation=silu,"
                        "norm=rmsnorm,position=rope,bias=false",
                        "1,2,3,4,5");
    cr_assert_eq(app->input.target.len, N);
    expect_count(app, "%", "   W_Q, W_K, W_V, W_O", L * (2 * D * H * K + 2 * D * G * K));
    expect_count(app, "", "   scores, weights, heads", L * (2 * K * (H + G) + N * H * (2 * K + 2)));
    expect_count(app, "", "   FFN", L * (3 * D * F + 2 * F));
    expect_count(app, "", "   output", D * V + V);
    app_free(app);
    app = open_app("zh-en", NULL);
    const Config *c = &app->model->config;
    size_t n = app->input.target.len, src = app->input.source.len, d = c->d_model, l = c->decoder_layers;
    expect_count(app, "%", "   W_Q, W_K, W_V, W_O", l * 6 * d * d);
    expect_count(app, "", "   scores, weights, heads", l * (n + src) * c->n_heads * (2 * c->d_head + 2));
    expect_count(app, "", "   FFN", l * 2 * d * c->d_ff);
    expect_count(app, "", "   output", (d + 1) * c->vocab_size);
    expect_shown(app, "Tab Tab", "decoder.0.cross, key/value head 0 of 4: 7 rows");
    press(app, "j j");
    cr_expect_eq(app->sampling.cache_source, 2);
    app_free(app);
}
