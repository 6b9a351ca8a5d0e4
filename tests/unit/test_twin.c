/* test_twin.c - what a twin is fed and says, and the debugger's baseline. */
#include "measure/twin.h"

#include "measure_help.h"
#include "view/twin.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static Model *open_model(const char *name)
{
    Error e = {{0}};
    Model *m = model_open(name, NULL, &e);
    cr_assert(m, "%s", e.text);
    return m;
}

static Input read_input(const Model *m, const char *text, const char *target)
{
    Input in;
    Error e = {{0}};
    cr_assert_eq(input_read(&in, m, (InputText){.text = text, .target = target}, 0, &e), 0, "%s", e.text);
    return in;
}

static bool same_ids(const Ids *a, const Ids *b)
{
    return a->len == b->len && (a->len == 0 || memcmp(a->data, b->data, a->len * sizeof *a->data) == 0);
}

Test(twin, what_it_is_fed)
{
    Model *m = open_model("tiny-models/zh-en");
    Error e = {{0}};
    Input base = read_input(m, "狗咬人", NULL), other = read_input(m, "人咬狗", "the man"), twin;
    cr_assert_eq(twin_read_input(&twin, m, &base, NULL, NULL, &e), 0, "%s", e.text);
    cr_assert(same_ids(&twin.source, &base.source) && same_ids(&twin.target, &base.target));
    input_free(&twin);
    cr_assert_eq(twin_read_input(&twin, m, &base, "人咬狗", NULL, &e), 0, "%s", e.text);
    cr_assert(same_ids(&twin.source, &other.source) && same_ids(&twin.target, &base.target));
    input_free(&twin);
    cr_assert_eq(twin_read_input(&twin, m, &base, NULL, "the man", &e), 0, "%s", e.text);
    cr_assert(same_ids(&twin.source, &base.source) && same_ids(&twin.target, &other.target));
    input_free(&twin);
    cr_assert_eq(twin_read_input(&twin, m, &base, "nonsense", NULL, &e), -1);
    cr_assert(e.text[0] && twin.source.len == 0);
    input_free(&base);
    input_free(&other);
    model_free(m);
}

/* By itself it says what generating says, with and without ablations. */
Test(twin, it_says_what_generate_says)
{
    static const char *const texts[] = {"狗咬人", "我吃了一个苹果", "你爱我"};
    Model *m = open_model("tiny-models/zh-en");
    for (size_t i = 0; i < 3; i++)
        for (int k = 0; k < ABLATION_COUNT; k++) {
            Input in;
            Ids said = {0};
            Error e = {{0}};
            Ablations a = ablation_table[k].bit;
            cr_assert_eq(input_read(&in, m, (InputText){.text = texts[i]}, a, &e), 0, "%s", e.text);
            cr_assert_eq(twin_speak(&said, m, &in, a, NULL, 0, &e), 0, "%s", e.text);
            Ids fed = {in.target.data + 1, in.target.len - 1, 0}; /* after the begin token */
            cr_assert(same_ids(&said, &fed), "%s, %s", texts[i], ablation_table[k].name);
            ids_free(&said);
            input_free(&in);
        }
    model_free(m);
}

static void check_end(const char *config)
{
    Model *m = help_model(config);
    bool pair = m->config.kind == KIND_ENCODER_DECODER;
    Input in;
    Ids said = {0};
    Error e = {{0}};
    cr_assert_eq(input_read(&in, m, (InputText){.ids = "1,2,3", .target_ids = pair ? "6" : NULL}, 0, &e), 0, "%s", e.text);
    if (pair)
        in.target.data[0] = input_begin_id(m);
    size_t before = in.target.len, most = pair ? 2 * in.source.len + 7 : 9;
    cr_assert_eq(twin_speak(&said, m, &in, 0, NULL, most, &e), 0, "%s", e.text);
    GenerateOptions o = {.max_new = most, .to_end = true, .cache = true, .sampler = {.top_p = 1}};
    cr_assert_eq(generate(m, &in, 0, &o, NULL, &e), 0, "%s", e.text);
    Ids made = {in.target.data + before, in.target.len - before, 0};
    cr_assert(made.len > 0 && same_ids(&said, &made), "%s: %zu tokens, expected %zu", config, said.len, made.len);
    ids_free(&said);
    input_free(&in);
    model_free(m);
}

/* Also where learned positions end, and where a token may not be said, which one of them would be. */
Test(twin, it_ends_where_generate_ends)
{
    check_end("kind=decoder,position=learned,max_len=6,vocab_size=9");
    check_end("kind=encoder-decoder,encoder_layers=1,position=learned,max_len=6,vocab_size=9,bos=6");
    for (int bos = 0; bos < 9; bos++) {
        char config[128];
        snprintf(config, sizeof config, "kind=encoder-decoder,encoder_layers=1,vocab_size=9,bos=%d,suppress_bos=true", bos);
        check_end(config);
    }
}

/* An edit of a position applies from where there is one. */
Test(twin, it_speaks_with_edits)
{
    Model *m = open_model("tiny-models/hand-wired");
    Input in = read_input(m, "A B C A", NULL);
    char *items[] = {"decoder.1.self.heads[token=4]=zero", "decoder.embed.tokens[token=5]=token(D)"};
    Edits edits = {items, 2};
    Ids plain = {0}, edited = {0};
    Error e = {{0}};
    cr_assert_eq(twin_speak(&plain, m, &in, 0, NULL, 3, &e), 0);
    int status = twin_speak(&edited, m, &in, 0, &edits, 3, &e);
    cr_assert_eq(status, 0, "%s", e.text);
    cr_assert(plain.len == 3 && edited.len == 3);
    cr_assert_neq(edited.data[0], plain.data[0]); /* nothing was copied: the first edit */
    ids_free(&plain);
    ids_free(&edited);
    input_free(&in);
    model_free(m);
}

Test(twin, which_models_can_stand_beside)
{
    Model *zh = open_model("tiny-models/zh-en"), *hand = open_model("tiny-models/hand-wired");
    Model *a = help_model("kind=decoder,vocab_size=11"), *b = help_model("kind=decoder,vocab_size=11,n_heads=1"), *c = help_model("kind=decoder,vocab_size=7");
    Error e = {{0}};
    cr_assert_eq(twin_check_model(a, b, &e), 0);
    cr_assert_eq(twin_check_model(a, c, &e), -1);
    cr_assert(strstr(e.text, "expected the 11 tokens"), "%s", e.text);
    cr_assert_eq(twin_check_model(hand, c, &e), -1); /* as many, but one has words */
    static const char words[] = "A\nB\nC\nD\nE\nG\n<s>\n";
    vocab_free(c->vocab);
    c->vocab = vocab_read(words, sizeof words - 1, &c->config, "words", &e);
    cr_assert(c->vocab, "%s", e.text);
    cr_assert_eq(twin_check_model(hand, c, &e), -1); /* or another word */
    cr_assert(strstr(e.text, "found another vocabulary of 7"), "%s", e.text);
    cr_assert_eq(twin_check_model(zh, hand, &e), -1);
    cr_assert(strstr(e.text, "expected an encoder-decoder"), "%s", e.text);
    model_free(zh);
    model_free(hand);
    model_free(a);
    model_free(b);
    model_free(c);
}

/* ---- the debugger's ---- */

static App *open_app(const char *model, const char *text)
{
    Error e = {{0}};
    App *app = app_create(open_model(model), (InputText){.text = text}, 0, THEME_DARK, true, &e);
    cr_assert(app, "%s", e.text);
    return app;
}

/* The baseline is the plain pass, bit for bit. */
static void check_baseline(App *app, const Input *in)
{
    Error e = {{0}};
    Pass *plain = pass_create(pass_model(app->baseline), input_ids(in), 0, &e);
    cr_assert(plain, "%s", e.text);
    cr_assert_eq(pass_plan(plain)->count, pass_plan(app->baseline)->count);
    for (size_t i = 0; i < pass_plan(plain)->count; i++)
        cr_assert_eq(memcmp(pass_value(plain, i), pass_value(app->baseline, i), pass_plan(plain)->stages[i].count * sizeof(real)), 0);
    pass_free(plain);
}

Test(twin, the_baseline_stays_plain)
{
    App *app = open_app("tiny-models/hand-wired", "A B C A");
    cr_assert(!twin_is_open(app) && !twin_comparison(app));
    cr_assert_null(app->baseline, "as long as nothing is changed it would be a second pass for nothing");
    app_set_ablations(app, NO_POSITIONS | NO_SCALE);
    check_baseline(app, &app->input);
    const Comparison *c = twin_comparison(app);
    cr_assert(c && c->first >= 0 && twin_is_open(app));
    app_set_ablations(app, 0);
    cr_assert(!twin_is_open(app));
    cr_assert(app_add_edit(app, "decoder.0.self.out=zero"));
    check_baseline(app, &app->input);
    c = twin_comparison(app);
    cr_assert(c);
    cr_assert_eq(c->stages[c->first].twin, plan_find(pass_plan(app->pass), "decoder.0.self.out"));
    app_undo_edit(app, 0);
    cr_assert(!twin_is_open(app));
    app_free(app);
}

/* An edit as the first change, and switches that were on from the start. */
Test(twin, the_baseline_is_made_for_the_first_change)
{
    Error e = {{0}};
    App *app = open_app("tiny-models/hand-wired", "A B C A");
    cr_assert(app_add_edit(app, "decoder.0.self.out=zero"));
    cr_assert(twin_is_open(app));
    check_baseline(app, &app->input);
    app_free(app);
    app = app_create(open_model("tiny-models/hand-wired"), (InputText){.text = "A B C A"}, NO_POSITIONS, THEME_DARK, true, &e);
    cr_assert(app && twin_is_open(app), "%s", e.text);
    check_baseline(app, &app->input);
    app_free(app);
}

/* Of several edits the one that a shorter text has no place for goes, and that is said. */
Test(twin, an_edit_without_a_place_is_left_out)
{
    App *app = open_app("tiny-models/hand-wired", "A B C A");
    cr_assert(app_add_edit(app, "decoder.0.self.out[token=1]=zero"));
    cr_assert(app_add_edit(app, "decoder.0.self.out[token=4]=zero"));
    cr_assert(app_add_edit(app, "decoder.1.self.out[token=0]=zero"));
    cr_assert(app_set_input(app, "A B", NULL));
    cr_assert_eq(app->edits.count, 2);
    cr_assert_str_eq(app->edits.items[0], "decoder.0.self.out[token=1]=zero");
    cr_assert_str_eq(app->edits.items[1], "decoder.1.self.out[token=0]=zero");
    cr_assert(pass_edits(app->pass)->count == 2 && strstr(app->message, "left out"), "%s", app->message);
    app_free(app);
}

Test(twin, another_text_and_another_model)
{
    App *app = open_app("tiny-models/zh-en", "狗咬人");
    Input before = read_input(app->model, "狗咬人", NULL);
    cr_assert(twin_set_text(app, "人咬狗"), "%s", app->message);
    check_baseline(app, &before);
    cr_assert(same_ids(&app->input.target, &before.target), "both decoders are fed the same");
    cr_assert(twin_set_text(app, "人咬人"));
    check_baseline(app, &before);
    cr_assert(!twin_set_text(app, "咬 nonsense"));
    check_baseline(app, &before);
    cr_assert(app_set_input(app, "你爱我", NULL)); /* another sentence altogether */
    cr_assert(!twin_is_open(app));
    cr_assert(!twin_set_model(app, "tiny-models/hand-wired"));
    cr_assert(!twin_is_open(app));
    cr_assert(twin_set_model(app, "tiny-models/zh-en")); /* itself: nothing differs */
    const Comparison *c = twin_comparison(app);
    cr_assert(c && c->first == -1);
    app_set_ablations(app, app->ablations | UNIFORM_ATTENTION);
    check_baseline(app, &app->input);
    cr_assert(app_set_model(app, "tiny-models/hand-wired"));
    cr_assert(!twin_is_open(app) && !app->baseline);
    app_set_ablations(app, NO_SCALE);
    check_baseline(app, &app->input);
    input_free(&before);
    app_free(app);
}

Test(twin, bars)
{
    StageDifference stages[3] = {{.relative = 1e-3}, {.relative = 1}, {.relative = INFINITY}};
    Comparison c = {.stages = stages, .count = 3};
    double low, high;
    twin_scale(&c, &low, &high);
    cr_assert(low == -3 && high == 0);
    cr_assert_eq(twin_bar(&c, 0, 10), 0);
    cr_assert_eq(twin_bar(&c, 1e-3, 10), 1);
    cr_assert_eq(twin_bar(&c, 1, 10), 10);
    cr_assert_eq(twin_bar(&c, INFINITY, 10), 10);
    cr_assert_eq(twin_bar(&c, 1e-1, 10), 7);
    cr_assert_eq(twin_bar(&c, 1e-30, 10), 1);
}
