/* test_session.c - a session opens where it was saved, and nowhere else; what is exported is what was shown. */
#include "base/file.h"
#include "base/random.h"
#include "model_help.h"
#include "term/cast.h"
#include "term/keys.h"
#include "term/term.h"
#include "view/session.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static App *open_app(const char *model, const char *text)
{
    Error e = {{0}};
    Model *m = model_open(model, NULL, &e);
    cr_assert(m, "%s", e.text);
    App *app = app_create(m, (InputText){.text = text}, 0, THEME_DARK, true, &e);
    cr_assert(app, "%s", e.text);
    return app;
}

static void press(App *app, Canvas *c, const char *keys)
{
    for (const char *p = keys + strspn(keys, " "); *p; p += strspn(p, " ")) {
        size_t n = strcspn(p, " ");
        int32_t key = key_parse(p, n);
        cr_assert_geq(key, 0, "no such key: %.*s", (int)n, p);
        app_draw(app, c);
        app_event(app, &(Event){.type = EVENT_KEY, .key = key});
        p += n;
    }
}

/* Presses every character of a text. */
static void type(App *app, Canvas *c, const char *text)
{
    for (; *text; text++) {
        app_draw(app, c);
        app_event(app, &(Event){.type = EVENT_KEY, .key = *text});
    }
}

static char *draw(App *app, Canvas *c)
{
    Buffer text = {0};
    app->message[0] = '\0';
    app_draw(app, c);
    canvas_write_text(c, &text);
    return text.data;
}

static char *read_all(const char *path)
{
    File f;
    Error e = {{0}};
    Buffer b = {0};
    cr_assert_eq(file_open(&f, path, &e), 0, "%s", e.text);
    buffer_add(&b, f.data, f.size);
    file_close(&f);
    return b.data;
}

static char *write_session(const App *app)
{
    Session s;
    Error e = {{0}};
    Buffer out = {0};
    cr_assert_eq(session_of(app, &s, &e), 0, "%s", e.text);
    session_write(&s, &out);
    session_free(&s);
    return out.data;
}

static App *read_session(const char *text, Error *e)
{
    Session s;
    if (session_read(&s, text, strlen(text), "input", e) != 0)
        return NULL;
    App *app = session_app(&s, "input", THEME_DARK, true, e);
    session_free(&s);
    return app;
}

static const struct {
    const char *model, *text, *keys;
} places[] = {
    {"tiny-models/hand-wired", "A B C A", ""},
    {"tiny-models/hand-wired", "A B C A", "g w e i g h t s Enter . Down v + + H"},
    {"tiny-models/hand-wired", NULL, "g w e i g h t s Enter Left Enter"},
    {"tiny-models/hand-wired", "A B C A", "n n n n W Down Right"},
    {"tiny-models/hand-wired", "A B C A", "z x m"},
    {"tiny-models/hand-wired", "A B C A", "w Enter w Enter L"},
    {"tiny-models/hand-wired", "A B C A", "L n n n n d"},
    {"tiny-models/hand-wired", "A B C A", "g w e i g h t s Enter i C-w d e c o d e r . 0 . s e l f . h e a d s = z e r o Enter"},
    {"tiny-models/hand-wired", "A B C A", "L n c n"},
    {"tiny-models/zh-en", NULL, "g c r o s s . w Enter . . H a Enter Esc S"},
    {"tiny-models/zh-en", NULL, "a Down Enter Esc g p r o b s Enter End o"},
    {"random:kind=encoder-decoder,encoder_layers=1,decoder_layers=1,n_heads=4,n_kv_heads=2,position=rope,seed=3", NULL,
     "g c r o s s Enter . . ."},
    {"random:kind=encoder,encoder_layers=1,position=learned", NULL, "n n n D"},
    {"tiny-models/story", NULL, "w : t e m p e r a t u r e Space 1 . 7 Enter : t o p - p Space 0 . 9 Enter : s e e d Space 7 Enter n n n n n n"},
    {"tiny-models/zh-en", NULL, "% b b c b"},
};

Test(session, saved_opened_and_saved_again_is_the_same_to_the_byte)
{
    for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
        Error e = {{0}};
        Canvas c = {0};
        cr_assert_eq(canvas_init(&c, 80, 24, false, &e), 0);
        App *app = open_app(places[i].model, places[i].text);
        press(app, &c, places[i].keys);
        char *screen = draw(app, &c), *text = write_session(app);
        App *again = read_session(text, &e);
        cr_assert(again, "%zu: %s\n%s", i, e.text, text);
        cr_assert_eq(again->phase, app->phase);
        cr_assert_eq(again->at, app->at);
        char *screen_again = draw(again, &c), *text_again = write_session(again);
        cr_assert_str_eq(text_again, text, "%zu", i);
        for (int line = 0; line < 2; line++) /* but for the keys below it: no jump is saved, to come back from */
            *strrchr(screen, '\n') = *strrchr(screen_again, '\n') = '\0';
        cr_assert_str_eq(screen_again, screen, "%zu", i);
        free(screen);
        free(screen_again);
        free(text);
        free(text_again);
        app_free(app);
        app_free(again);
        canvas_free(&c);
    }
}

/* Hints, answers, a bug that was found and taken out again: all of it is there again, and so is the mistake in the network. */
Test(session, a_hunt_goes_on)
{
    static const char *const parts[] = {"~ ~", "Enter g 0 . s e l f . s c a l e d Enter ! ~", "Enter g 0 . s e l f . w e i g h t s Enter !", "Enter !", "z ~", "!"};
    Error e = {{0}};
    Canvas c = {0};
    cr_assert_eq(canvas_init(&c, 100, 60, false, &e), 0);
    App *app = open_app("tiny-models/hand-wired", "A B C A");
    cr_assert_eq(hunt_start(app, bug_find("softmax-axis", &e), 3, &e), 0, "%s", e.text);
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
        press(app, &c, parts[i]);
        char *screen = draw(app, &c), *text = write_session(app);
        App *again = read_session(text, &e);
        cr_assert(again, "%zu: %s\n%s", i, e.text, text);
        char *screen_again = draw(again, &c), *text_again = write_session(again);
        cr_assert_str_eq(text_again, text, "%zu", i);
        for (int line = 0; line < 2; line++)
            *strrchr(screen, '\n') = *strrchr(screen_again, '\n') = '\0';
        cr_assert_str_eq(screen_again, screen, "%zu", i);
        size_t last = pass_plan(app->pass)->count - 1;
        cr_assert_eq(memcmp(pass_value(again->pass, last), pass_value(app->pass, last), pass_plan(app->pass)->stages[last].count * sizeof(real)), 0);
        free(screen);
        free(screen_again);
        free(text);
        free(text_again);
        app_free(app);
        app = again;
    }
    cr_assert(app->hunt.solved && app->hunt.wrong == 1 && app->hunt.hints == 2);
    app_free(app);
    canvas_free(&c);
}

/* What is shown beside a changed network has the mistake, too: else any edit would show where it is. */
Test(session, a_hunts_baseline_has_the_bug)
{
    Error e = {{0}};
    Canvas c = {0};
    cr_assert_eq(canvas_init(&c, 100, 60, false, &e), 0);
    App *app = open_app("tiny-models/hand-wired", "A B C A");
    cr_assert_eq(hunt_start(app, bug_find("softmax-axis", &e), 3, &e), 0, "%s", e.text);
    press(app, &c, "Enter g 1 . s e l f . h e a d s Enter i 9 Enter F");
    char *screen = draw(app, &c);
    cr_assert(strstr(screen, "The first stage that differs is decoder.1.self.heads."), "%s", screen);
    free(screen);
    app_free(app);
    canvas_free(&c);
}

Test(session, the_stored_one_is_written_as_it_was_read)
{
    File f;
    Session s;
    Error e = {{0}};
    Buffer out = {0};
    cr_assert_eq(file_open(&f, "tests/data/session.json", &e), 0, "%s", e.text);
    cr_assert_eq(session_read(&s, (const char *)f.data, f.size, "input", &e), 0, "%s", e.text);
    cr_assert_eq(s.edits.count, 2);
    cr_assert_str_eq(s.edits.items[0], "decoder.0.self.heads[head=1]=zero");
    cr_assert_eq(s.watches.count, 1);
    cr_assert_str_eq(s.watches.items[0], "norm(\"爱\")");
    cr_assert_eq(s.ablations, NO_POSITIONS | NO_RESIDUAL);
    session_write(&s, &out);
    cr_assert_eq(out.len, f.size);
    cr_assert_eq(memcmp(out.data, f.data, out.len), 0);
    buffer_free(&out);
    session_free(&s);
    file_close(&f);
}

static void refuses(const char *text, const char *part)
{
    Error e = {{0}};
    cr_assert_null(read_session(text, &e));
    cr_assert(strstr(e.text, part) && strncmp(e.text, "input: ", 7) == 0, "expected \"%s\" in: %s", part, e.text);
}

/* The text with the first `from` made into `to`. */
static char *with(const char *text, const char *from, const char *to)
{
    Buffer out = {0};
    const char *at = strstr(text, from);
    cr_assert(at, "%s", from);
    buffer_add(&out, text, (size_t)(at - text));
    buffer_puts(&out, to);
    buffer_puts(&out, at + strlen(from));
    return out.data;
}

Test(session, what_the_model_does_not_have_is_refused)
{
    static const struct {
        const char *from, *to, *part;
    } changes[] = {
        {"\"name\": \"", "\"name\": \"no-such-model", "input: model: no-such-model"},
        {"\"stage\": \"decoder.0.self.weights\"", "\"stage\": \"decoder.9.self.weights\"",
         "place.stage: expected a stage of this pass, found \"decoder.9.self.weights\""},
        {"\"source\": []", "\"source\": [1]", "source: expected no ids, found 1"},
        {"\"place\": {", "\"sampler\": {\"temperature\": -1, \"top_k\": 0, \"top_p\": 1, \"seed\": 0, \"taken\": 0, \"stage\": \"draw\"}, \"place\": {",
         "sampler.temperature: expected a number from 0 to 1e+06, found -1"},
        {"\"place\": {", "\"sampler\": {\"top_k\": -3, \"stage\": \"draw\"}, \"place\": {", "sampler.top_k: expected a whole number from 0"},
        {"\"target\": [6", "\"target\": [7", "target[0]: expected an id from 0 to 6, found 7"},
        {"\"target\": [6, 0, 1, 2, 0]", "\"target\": []", "target: expected ids, found 0"},
        {"\"view\": \"step\"", "\"view\": \"weights\"", "place.weight: expected a weight of the model, found \"null\""},
        {"\"weight\": null", "\"weight\": \"decoder.embed.W_E\"", "place.weight: expected null"},
        {"\"view\": \"step\"", "\"view\": \"hunt\"", "place.view: expected a hunt to show, found none"},
        {"\"place\": {", "\"hunt\": {\"bug\": \"softmax-axes\"}, \"place\": {", "input: hunt: bug: expected the id of a bug, found \"softmax-axes\""},
        {"\"place\": {", "\"hunt\": {\"bug\": \"softmax-axis\", \"seed\": 0, \"hints\": 9}, \"place\": {", "hunt.hints: expected a whole number from 0 to 3, found 9"},
        {"\"place\": {", "\"hunt\": {\"bug\": \"softmax-axis\", \"seed\": 0, \"hints\": 0, \"wrong\": 0, \"named\": \"\", \"solved\": false, \"out\": true, \"found\": \"\"}, \"place\": {",
         "hunt.out: expected false as long as the bug is not found, found true"},
        {"\"edits\": []", "\"edits\": [\"decoder.0.self.heads=nonsense\"]", "input: edits: "},
        {"\"edits\": []", "\"edits\": [\"decoder.9.self.heads=zero\"]", "input: edits: "},
        {"\"target\": [6, 0, 1, 2, 0],", "\"target\": [6],", ""},
    };
    Error e = {{0}};
    Canvas c = {0};
    cr_assert_eq(canvas_init(&c, 80, 24, false, &e), 0);
    App *app = open_app("tiny-models/hand-wired", "A B C A");
    press(app, &c, "g w e i g h t s Enter");
    char *text = write_session(app);
    for (size_t i = 0; i + 1 < sizeof changes / sizeof *changes; i++) {
        char *bad = with(text, changes[i].from, changes[i].to);
        refuses(bad, changes[i].part);
        free(bad);
    }
    char *one = with(text, "\"phase\": \"forward\"", "\"phase\": \"loss\""), *short_one = with(one, changes[sizeof changes / sizeof *changes - 1].from, changes[sizeof changes / sizeof *changes - 1].to);
    refuses(short_one, "place.phase: cannot be reached: "); /* one token has none that follows it */
    free(short_one);
    free(one);
    free(text);
    app_free(app);
    canvas_free(&c);
}

/* A model of the same name in the same place, with one weight, one token or one key of its config changed. */
Test(session, another_model_of_that_name_is_noticed)
{
    char folder[64], path[96], vocab[128], *text, *bad;
    Error e = {{0}};
    snprintf(path, sizeof path, "%s/m", help_folder(folder));
    Model *m = model_open("tiny-models/hand-wired", NULL, &e);
    cr_assert_eq(model_save(m, path, &e), 0, "%s", e.text);
    App *app = open_app(path, "A B C A");
    text = write_session(app);
    app_free(app);
    app = read_session(text, &e);
    cr_assert(app, "%s", e.text);
    app_free(app);

    cr_assert_eq(weights_own(&m->weights, &e), 0);
    weights_values(&m->weights, 1)[0] += (real)0.25;
    snprintf(vocab, sizeof vocab, "rm -r %s", path);
    cr_assert_eq(system(vocab), 0);
    cr_assert_eq(model_save(m, path, &e), 0, "%s", e.text);
    refuses(text, "input: model.weights: expected ");
    bad = with(text, "\"config\": \"", "\"config\": \"0123456789abcdef\", \"was\": \"");
    refuses(bad, "model: expected a key of a session, found \"was\"");
    free(bad);
    char config[FINGERPRINT + 12];
    snprintf(config, sizeof config, "%.*s", FINGERPRINT + 10, strstr(text, "\"config\": \""));
    bad = with(text, config, "\"config\": \"0123456789abcdef");
    refuses(bad, "model.config: expected ");
    free(bad);
    free(text);
    model_free(m);
    help_remove(folder);
}

/* Opened again they are there, in their order, and written again the text is the same; one that is wrong is refused with its place. */
Test(session, breakpoints_and_watches)
{
    Error e = {{0}};
    App *app = open_app("tiny-models/hand-wired", NULL);
    cr_assert(inspect_command(app, CMD_BREAK, "*.weights if max(entropy) < 0.1"));
    cr_assert(inspect_command(app, CMD_WATCH, "entropy(decoder.0.self.weights)[query=1]"));
    cr_assert(inspect_command(app, CMD_WATCH, "loss"));
    cr_assert(inspect_command(app, CMD_WATCH, "max(here)"));
    app_go(app, 5);
    char *text = write_session(app);
    App *again = read_session(text, &e);
    cr_assert_not_null(again, "%s", e.text);
    cr_assert(again->inspect.breakpoints.count == 1 && again->inspect.watch_count == 3);
    cr_assert_str_eq(again->inspect.breakpoints.items[0].text, "*.weights if max(entropy) < 0.1");
    cr_assert_str_eq(again->inspect.watches[1].text, "loss");
    const real *x = pass_value(again->pass, 5);
    double largest = -INFINITY;
    for (size_t i = 0; i < pass_plan(again->pass)->stages[5].count; i++)
        largest = (double)x[i] > largest ? (double)x[i] : largest;
    cr_assert(again->at == 5 && again->inspect.watches[2].has_now && !again->inspect.watches[2].has_before);
    cr_assert_eq(again->inspect.watches[2].now.data[0], largest, "a watch is of the place where the session was saved");
    char *once_more = write_session(again);
    cr_assert_str_eq(once_more, text);
    char *wrong = strstr(once_more, "max(entropy)");
    memcpy(wrong, "mix", 3);
    refuses(once_more, "breakpoints: 1: ");
    free(once_more);
    free(text);
    app_free(again);
    app_free(app);
}

Test(session, a_changed_weight_is_not_in_it_and_that_is_said)
{
    char folder[64], path[96];
    Error e = {{0}};
    Canvas c = {0};
    cr_assert_eq(canvas_init(&c, 80, 24, false, &e), 0);
    App *app = open_app("tiny-models/hand-wired", "A B C A"), *clean = open_app("tiny-models/hand-wired", "A B C A");
    press(app, &c, "L n c n Enter");
    cr_assert(app->changed);
    snprintf(path, sizeof path, "%s/s.json", help_folder(folder));
    cr_assert(session_accept(app, path));
    cr_assert(strstr(app->message, "without the changed weights"), "%s", app->message);
    App *again = session_open(path, THEME_DARK, true, false, &e);
    cr_assert(again, "%s", e.text);
    snprintf(path, sizeof path, "%s/x.md", folder); /* and what is exported says that it is of others */
    export_to(app, path);
    char *table = read_all(path);
    cr_assert(strncmp(table, "hand-wired: &lt;s> A B C A; weights changed\n", 43) == 0, "%s", table);
    free(table);
    char *one = write_session(again), *two = write_session(app), *three = write_session(clean);
    cr_assert_str_eq(one, two);
    cr_assert(strncmp(one, three, (size_t)(strstr(three, "\"given\"") - three)) == 0,
              "the fingerprints are those of the model as it is opened");
    free(one);
    free(two);
    free(three);
    app_free(again);
    app_free(app);
    app_free(clean);
    canvas_free(&c);
    help_remove(folder);
}

Test(session, saving_asks_before_it_overwrites_and_fails_whole)
{
    char folder[64], path[96], keys[256];
    Error e = {{0}};
    Canvas c = {0};
    cr_assert_eq(canvas_init(&c, 80, 24, false, &e), 0);
    App *app = open_app("tiny-models/hand-wired", "A B C A");
    snprintf(path, sizeof path, "%s/s.json", help_folder(folder));
    cr_assert_eq(file_write(path, "mine", 4, &e), 0);
    snprintf(keys, sizeof keys, ":save %s", path);
    type(app, &c, keys);
    press(app, &c, "Enter");
    File f;
    cr_assert_eq(file_open(&f, path, &e), 0);
    cr_assert_eq(f.size, 4);
    file_close(&f);
    cr_assert(strstr(app->message, "is there already"), "%s", app->message);
    press(app, &c, "Enter");
    cr_assert_eq(app->prompt.kind, PROMPT_NONE);
    App *again = session_open(path, THEME_DARK, true, false, &e);
    cr_assert(again, "%s", e.text);
    cr_assert_str_eq(again->take.session, path);
    press(again, &c, "n n C-s"); /* its own file: no question */
    cr_assert(strstr(again->message, "saved"), "%s", again->message);
    app_free(again);
    again = session_open(path, THEME_DARK, true, false, &e);
    cr_assert_eq(again->at, 2);
    type(again, &c, ":save-session /no/such/folder/s.json");
    press(again, &c, "Enter");
    cr_assert(strstr(again->message, "/no/such/folder/s.json: cannot be written"), "%s", again->message);
    type(again, &c, ":next x");
    press(again, &c, "Enter");
    cr_assert(strstr(again->message, "expected nothing behind its name"), "%s", again->message);
    cr_assert_eq(again->at, 2);
    app_free(again);
    app_free(app);
    canvas_free(&c);
    help_remove(folder);
}

/* ---- export ---- */

static void picture(const Canvas *c, Theme theme, bool color, const char *title, const char *format, Buffer *out)
{
    (void)theme;
    (void)color;
    buffer_printf(out, "%s of %s\n", format, title);
    canvas_write_text(c, out);
}

Test(session, everything_the_export_menu_offers_is_written)
{
    char folder[64], path[256];
    Error e = {{0}};
    Canvas c = {0};
    cr_assert_eq(canvas_init(&c, 80, 24, false, &e), 0);
    App *app = open_app("tiny-models/zh-en", NULL);
    app->take.picture = picture;
    help_folder(folder);
    press(app, &c, "g c r o s s . w Enter . X");
    size_t count = app->menu.count;
    cr_assert_eq(count, 16);
    press(app, &c, "Esc");
    cr_assert_eq(app->view, VIEW_STEP);
    char *screen = draw(app, &c);
    for (size_t i = 0; i < count; i++) {
        press(app, &c, "X");
        for (size_t k = 0; k < i; k++)
            press(app, &c, "Down");
        press(app, &c, "Enter");
        const char *suggested = app->prompt.text;
        cr_assert(strncmp(suggested, "decoder.0.cross.weights.", 24) == 0, "%s", suggested);
        snprintf(path, sizeof path, "%s/%zu-%.80s", folder, i, suggested);
        press(app, &c, "C-u");
        type(app, &c, path);
        press(app, &c, "Enter");
        cr_assert(strstr(app->message, "written"), "%s", app->message);
        cr_assert_eq(app->view, VIEW_STEP);
        char *text = read_all(path);
        if (i == 0) /* one head */
            cr_assert(strstr(text, "\ndecoder.0.cross.weights,1,0,0,") && !strstr(text, "weights,0,") && strstr(text, ",<s>,"), "%s", text);
        if (i == 6)
            cr_assert(strstr(text, "\ndecoder.0.cross.weights,0,0,0,") && strstr(text, "\ndecoder.0.cross.weights,3,3,3,"), "%s", text);
        if (i == 12) {
            char *shown = strchr(text, '\n') + 1;
            cr_assert(strncmp(text, "svg of zh-en\n", 13) == 0);
            cr_assert_str_eq(shown, screen);
        }
        free(text);
    }
    free(screen);
    app_free(app);
    canvas_free(&c);
    help_remove(folder);
}

Test(session, an_export_does_not_overwrite_without_asking)
{
    char folder[64], path[128], keys[256];
    Error e = {{0}};
    Canvas c = {0};
    cr_assert_eq(canvas_init(&c, 80, 24, false, &e), 0);
    App *app = open_app("tiny-models/hand-wired", "A B C A");
    snprintf(path, sizeof path, "%s/x.csv", help_folder(folder));
    cr_assert_eq(file_write(path, "mine", 4, &e), 0);
    snprintf(keys, sizeof keys, ":export %s", path);
    type(app, &c, keys);
    press(app, &c, "Enter");
    char *text = read_all(path);
    cr_assert_str_eq(text, "mine");
    free(text);
    press(app, &c, "Enter");
    text = read_all(path);
    cr_assert(strncmp(text, "stage,head,row,column,value,row_name,column_name\n", 49) == 0);
    free(text);
    app->take.replayed = true; /* a recording writes nothing */
    snprintf(keys, sizeof keys, ":export %s/y.csv", folder);
    type(app, &c, keys);
    press(app, &c, "Enter");
    snprintf(path, sizeof path, "%s/y.csv", folder);
    cr_assert(!file_exists(path));
    cr_assert(strstr(app->message, "recording"), "%s", app->message);
    type(app, &c, ":export x.doc");
    press(app, &c, "Enter");
    cr_assert(strstr(app->message, "expected a name that ends in"), "%s", app->message);
    app_free(app);
    canvas_free(&c);
    help_remove(folder);
}

/* ---- keys pressed again ---- */

Test(session, recorded_keys_lead_to_the_same_screens, .timeout = 60)
{
    static const char *const some[] = {"n",   "b",  "s",    "o",    "]",     "[",    "r",    "c",    "g",   "Backspace", "Enter",
                                       "Esc", "Up", "Down", "Left", "Right", "PgUp", "PgDn", "Home", "End", ".",         ",",
                                       "H",   "v",  "+",    "-",    "/",     "Tab",  "m",    "S",    "a",   "z",         "x",
                                       "u",   "L",  "d",    "D",    "W",     "w",    "?",    "C-l",  "3",   "F2"};
    Random r = random_seeded(7);
    for (int round = 0; round < 6; round++) {
        Error e = {{0}};
        Canvas c = {0};
        Buffer bytes = {0};
        KeyTable none = {0};
        cr_assert_eq(canvas_init(&c, 80, 24, false, &e), 0);
        App *app = open_app(round % 2 ? "tiny-models/hand-wired" : "tiny-models/zh-en", NULL);
        press(app, &c, "n n n");
        char *start = write_session(app);
        for (int i = 0; i < 300; i++) {
            Event event = {.type = EVENT_KEY, .key = 0};
            const char *name = some[random_below(&r, sizeof some / sizeof *some)];
            event.key = key_parse(name, strlen(name));
            if (random_below(&r, 12) == 0)
                event = (Event){.type = EVENT_MOUSE,
                                .action = (MouseAction)random_below(&r, 4),
                                .row = (int)random_below(&r, 24),
                                .col = (int)random_below(&r, 80)};
            if (event.type == EVENT_MOUSE && event.action == MOUSE_DOUBLE) /* its bytes are those of two clicks; see play.c */
                event.action = MOUSE_CLICK;
            app_draw(app, &c);
            app_event(app, &event);
            keys_encode(&event, &bytes);
        }
        app->quit = false;
        char *screen = draw(app, &c);
        App *again = read_session(start, &e);
        cr_assert(again, "%s", e.text);
        for (size_t at = 0; at < bytes.len;) {
            Event event;
            at += keys_decode(&none, bytes.data + at, bytes.len - at,
                              bytes.data[at] == 27 && at + 1 < bytes.len && bytes.data[at + 1] != '[' && bytes.data[at + 1] != 'O', &event);
            app_draw(again, &c);
            app_event(again, &event);
        }
        char *screen_again = draw(again, &c);
        cr_assert_str_eq(screen_again, screen);
        free(screen);
        free(screen_again);
        free(start);
        buffer_free(&bytes);
        app_free(app);
        app_free(again);
        canvas_free(&c);
    }
}

/* Who leaves with edits that are in no session is told once; any other key takes the question back. */
Test(session, unsaved_edits_are_asked_after)
{
    App *app = open_app("tiny-models/hand-wired", "A B C A");
    Canvas c;
    Error e = {{0}};
    char path[] = "/tmp/session-XXXXXX";
    int fd = mkstemp(path);
    cr_assert(fd >= 0 && canvas_init(&c, 80, 24, false, &e) == 0);
    close(fd);
    press(app, &c, "n q");
    cr_expect(app->quit, "nothing was edited");
    app->quit = false;
    cr_assert(app_add_edit(app, "decoder.embed.sum[0,0] = 2"));
    press(app, &c, "q");
    cr_expect(!app->quit && strstr(app->message, "not saved"), "%s", app->message);
    press(app, &c, "n q");
    cr_expect(!app->quit, "asked again");
    press(app, &c, "q");
    cr_expect(app->quit);
    app->quit = false;
    cr_assert_eq(session_save(app, path, &e), 0, "%s", e.text);
    press(app, &c, "n q");
    cr_expect(app->quit, "saved");
    app->quit = false;
    cr_assert(app_add_edit(app, "decoder.embed.sum[0,1] = 2"));
    app_undo_edit(app, 1);
    app_undo_edit(app, 0);
    press(app, &c, "n q");
    cr_expect(app->quit, "undone");
    unlink(path);
    canvas_free(&c);
    app_free(app);
}
