/* test_screens.c - what the debugger draws: stored screens, and properties that hold at every size.
 *
 * A stored screen is a file of tests/screens: lines KEY: VALUE (model, tokenizer, text, target, ablate, bug, lesson, lang, size, ascii, keys), a line of dashes,
 * then the screen, rows without trailing spaces. SCREENS_UPDATE=1 writes what is drawn now: read the difference before it is
 * committed. The tests run from the top folder. */
#include "data_help.h"

#include "base/file.h"
#include "base/random.h"
#include "pass/ablation.h"
#include "tensor/matmul.h"
#include "tensor/vectors.h"
#include "term/term.h"
#include "view/lesson.h"

#include "language_help.h"

#include <criterion/criterion.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct Script {
    char model[512], tokenizer[128], text[256], target[256], ablate[128], bug[64], lesson[64], lang[8], keys[512];
    int cols, rows;
    bool ascii;
} Script;

TestSuite(screens, .init = help_data);

static App *open_app(const Script *s)
{
    Error e = {{0}};
    Ablations a = 0;
    Model *m = model_open(s->model, *s->tokenizer ? s->tokenizer : NULL, &e);
    cr_assert(m, "%s", e.text);
    cr_assert_eq(ablations_parse(&a, s->ablate, &e), 0, "%s", e.text);
    InputText given = {.text = *s->text ? s->text : NULL, .target = *s->target ? s->target : NULL};
    App *app = app_create(m, given, a, THEME_DARK, true, &e);
    cr_assert(app, "%s", e.text);
    const Bug *bug = *s->bug ? bug_find(s->bug, &e) : NULL;
    cr_assert(!*s->bug || (bug && hunt_start(app, bug, 0, &e) == 0), "%s", e.text);
    if (*s->lesson) {
        Lesson l;
        char *path = lesson_find(s->lesson, *s->lang ? s->lang : "en", &e);
        cr_assert(path && lesson_open(&l, path, &e) == 0 && lesson_start(app, &l, false, false, &e) == 0, "%s", e.text);
        free(path);
    }
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

static void draw(const Script *s, Buffer *out)
{
    Error e = {{0}};
    Canvas c = {0};
    App *app = open_app(s);
    cr_assert_eq(canvas_init(&c, s->cols, s->rows, s->ascii, &e), 0);
    press(app, &c, s->keys);
    while (app_work(app))
        continue;
    app_draw(app, &c);
    canvas_write_text(&c, out);
    canvas_free(&c);
    app_free(app);
}

/* Reads the head of a stored screen; returns where the screen begins. */
static const char *read_script(Script *s, const char *text, const char *file)
{
    *s = (Script){.cols = 80, .rows = 24};
    while (*text && strncmp(text, "---", 3) != 0) {
        char key[16], value[512] = "";
        size_t n = strcspn(text, "\n");
        char line[640];
        snprintf(line, sizeof line, "%.*s", (int)n, text);
        cr_assert(sscanf(line, "%15[a-z]: %511[^\n]", key, value) >= 1, "%s: not KEY: VALUE: %s", file, line);
        if (strcmp(key, "model") == 0)
            memcpy(s->model, value, sizeof s->model);
        else if (strcmp(key, "tokenizer") == 0)
            snprintf(s->tokenizer, sizeof s->tokenizer, "%.127s", value);
        else if (strcmp(key, "lesson") == 0)
            snprintf(s->lesson, sizeof s->lesson, "%.63s", value);
        else if (strcmp(key, "lang") == 0)
            snprintf(s->lang, sizeof s->lang, "%.7s", value);
        else if (strcmp(key, "text") == 0)
            snprintf(s->text, sizeof s->text, "%.255s", value);
        else if (strcmp(key, "target") == 0)
            snprintf(s->target, sizeof s->target, "%.255s", value);
        else if (strcmp(key, "bug") == 0)
            snprintf(s->bug, sizeof s->bug, "%.63s", value);
        else if (strcmp(key, "ablate") == 0)
            snprintf(s->ablate, sizeof s->ablate, "%.127s", value);
        else if (strcmp(key, "keys") == 0)
            memcpy(s->keys, value, sizeof s->keys);
        else if (strcmp(key, "size") == 0)
            cr_assert_eq(sscanf(value, "%dx%d", &s->cols, &s->rows), 2, "%s: size", file);
        else if (strcmp(key, "ascii") == 0)
            s->ascii = strcmp(value, "yes") == 0;
        else
            cr_assert_fail("%s: unknown key %s", file, key);
        text += n + (text[n] == '\n');
    }
    cr_assert(*text, "%s: no line of dashes", file);
    return text + strcspn(text, "\n") + 1;
}

/* The screens were stored where the matrix product has this kernel, by a build that fuses elsewhere, too. Others round in other places: there a
 * number may differ in its last digit. */
static bool is_exact(void)
{
    return CLONES_FUSE && strcmp(matmul_name(), "AVX-512 vectors, fused") == 0;
}

/* True where two words are the same, or numbers that differ by one in the last digit that both show, or by no more than 1e-5 of their size (or are both
 * below that: rounding). */
static bool same_word(const char *a, size_t na, const char *b, size_t nb)
{
    char x[64], y[64], *endx, *endy;
    if (na == nb && memcmp(a, b, na) == 0)
        return true;
    if (is_exact() || na >= sizeof x || nb >= sizeof y)
        return false;
    snprintf(x, sizeof x, "%.*s", (int)na, a);
    snprintf(y, sizeof y, "%.*s", (int)nb, b);
    double p = strtod(x, &endx), q = strtod(y, &endy);
    if (endx == x || endy == y || strcmp(endx, endy) != 0)
        return false;
    const char *px = strchr(x, '.'), *py = strchr(y, '.');
    size_t dx = px ? strspn(px + 1, "0123456789") : 0, dy = py ? strspn(py + 1, "0123456789") : 0, digits = dx < dy ? dx : dy;
    double unit = strchr(x, 'e') ? 0.1 * fabs(p) : digits ? pow(10, -(double)digits) : 0;
    return fabs(p - q) <= 1.01 * unit || fabs(p - q) <= 1e-5 * fabs(p) || (fabs(p) < 1e-5 && fabs(q) < 1e-5);
}

/* The same for lines, word by word; the words' places count only where is_exact. */
static bool same_line(const char *a, size_t na, const char *b, size_t nb)
{
    if (na == nb && memcmp(a, b, na) == 0)
        return true;
    size_t i = 0, j = 0;
    while (!is_exact()) {
        while (i < na && a[i] == ' ')
            i++;
        while (j < nb && b[j] == ' ')
            j++;
        size_t wa = i, wb = j;
        while (wa < na && a[wa] != ' ')
            wa++;
        while (wb < nb && b[wb] != ' ')
            wb++;
        if (i == wa || j == wb)
            return i == wa && j == wb;
        if (!same_word(a + i, wa - i, b + j, wb - j))
            return false;
        i = wa;
        j = wb;
    }
    return false;
}

static void check_file(const char *path, bool update)
{
    Error e = {{0}};
    File f;
    Script s;
    Buffer text = {0}, drawn = {0};
    cr_assert_eq(file_open(&f, path, &e), 0, "%s", e.text);
    buffer_add(&text, f.data, f.size);
    file_close(&f);
    const char *want = read_script(&s, buffer_text(&text), path);
    bool spoken = language_speak(*s.lang ? s.lang : "en");
    draw(&s, &drawn);
    language_speak("en");
    if (!spoken) { /* built without msgfmt */
        buffer_free(&text);
        buffer_free(&drawn);
        return;
    }
    if (update && strcmp(want, buffer_text(&drawn)) != 0) {
        Buffer whole = {0};
        buffer_add(&whole, text.data, (size_t)(want - text.data));
        buffer_add(&whole, drawn.data, drawn.len);
        cr_assert_eq(file_write(path, whole.data, whole.len, &e), 0, "%s", e.text);
        buffer_free(&whole);
    }
    const char *a = want, *b = buffer_text(&drawn);
    for (int line = 1; !update && (*a || *b); line++) {
        size_t na = strcspn(a, "\n"), nb = strcspn(b, "\n");
        if (!same_line(a, na, b, nb)) {
            cr_expect_fail("%s: row %d\n  expected %.*s\n  found    %.*s", path, line, (int)na, a, (int)nb, b);
            break;
        }
        a += na + (a[na] == '\n');
        b += nb + (b[nb] == '\n');
    }
    buffer_free(&text);
    buffer_free(&drawn);
}

Test(screens, stored)
{
    if (REAL_IS_DOUBLE)
        cr_skip_test("the stored screens are the float build's");
    DIR *d = opendir("tests/screens");
    cr_assert(d, "tests/screens: run from the top folder");
    int count = 0;
    for (struct dirent *entry; (entry = readdir(d));) {
        size_t n = strlen(entry->d_name);
        if (n < 8 || strcmp(entry->d_name + n - 7, ".screen") != 0)
            continue;
        char path[512];
        snprintf(path, sizeof path, "tests/screens/%s", entry->d_name);
        check_file(path, getenv("SCREENS_UPDATE") != NULL);
        count++;
    }
    closedir(d);
    cr_assert_geq(count, 111);
}

/* ---- properties ---- */

static const char *const models[] = {
    "tiny-models/hand-wired",
    "random:kind=encoder-decoder,norm_position=post,encoder_layers=2,decoder_layers=2,tie_embeddings=false",
    "random:kind=decoder,norm=rmsnorm,position=rope,ffn=gated,activation=silu,n_heads=4,n_kv_heads=2,bias=false",
    "random:kind=encoder,encoder_layers=1,position=learned",
    "random:kind=decoder,position=alibi,norm=none,ffn=none,decoder_layers=1",
    "random:kind=decoder,position=rope,rope_dims=4,parallel=true,d_ff=24,decoder_layers=2,tie_embeddings=false",
    "random:kind=encoder,encoder_layers=1,norm_position=post,position=learned,token_types=2,embed_norm=true,output_head=true,output_bias=true,eos=2",
    "random:kind=decoder,norm=rmsnorm,position=rope,qk_norm=true,ffn=gated,activation=silu,n_heads=4,n_kv_heads=2,d_head=6,bias=false",
};
static const int sizes[][2] = {{40, 12}, {41, 13}, {60, 16}, {80, 24}, {106, 30}, {120, 40}, {160, 50}, {200, 60}};

/* Every wide cell is followed by its right half, every text is where its width says, and a C locale's screen is ASCII. */
static void check_canvas(const Canvas *c, const char *what)
{
    for (int y = 0; y < c->rows; y++) {
        const Cell *row = canvas_row(c, y);
        for (int x = 0; x < c->cols; x++) {
            cr_assert_lt(row[x].role, ROLE_COUNT, "%s: role at %d,%d", what, y, x);
            if (row[x].width == 2)
                cr_assert(x + 1 < c->cols && row[x + 1].width == 0, "%s: half a character at %d,%d", what, y, x);
            for (const char *p = row[x].text; c->ascii && *p; p++)
                cr_assert((unsigned char)*p < 0x80, "%s: not ASCII at %d,%d: %s", what, y, x, row[x].text);
        }
    }
}

Test(screens, every_stage_at_every_size)
{
    for (size_t m = 0; m < sizeof models / sizeof *models; m++)
        for (size_t k = 0; k < sizeof sizes / sizeof *sizes; k++)
            for (int ascii = 0; ascii < 2; ascii++) {
                Script s = {.cols = sizes[k][0], .rows = sizes[k][1], .ascii = ascii};
                Error e = {{0}};
                Canvas c = {0};
                snprintf(s.model, sizeof s.model, "%s", models[m]);
                App *app = open_app(&s);
                cr_assert_eq(canvas_init(&c, s.cols, s.rows, s.ascii, &e), 0);
                size_t count = pass_plan(app->pass)->count;
                for (size_t i = 0; i < count; i++) {
                    char name[STAGE_NAME_MAX];
                    cr_assert_eq(app->at, i);
                    app_draw(app, &c);
                    check_canvas(&c, stage_name(app_stage(app), name));
                    Buffer text = {0};
                    canvas_write_text(&c, &text);
                    const char *id = strrchr(name, '.') + 1; /* what you are looking at is on every screen */
                    cr_assert(strstr(buffer_text(&text), id), "%s at %dx%d: the name is not on the screen", name, s.cols, s.rows);
                    buffer_free(&text);
                    press(app, &c, "n");
                }
                canvas_free(&c);
                app_free(app);
            }
}

/* The explaining views, their other ways to show and what they open, at every size. */
Test(screens, explaining_views_at_every_size, .timeout = 120)
{
    static const char *const keys[] = {"E", "V", "V v", "V Left .", "A", "A v", "A Tab", "A Down Down Down Enter", "f", "f Tab", "O", "O Down Down End", "Y", "Y End", "R", "R ] . v", "p", "p v", "p v v", "p Down Right Enter"};
    for (size_t m = 0; m < sizeof models / sizeof *models; m++)
        for (size_t k = 0; k < sizeof sizes / sizeof *sizes; k++)
            for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
                Script s = {.cols = sizes[k][0], .rows = sizes[k][1], .ascii = (i + k) % 2};
                Error e = {{0}};
                Canvas c = {0};
                Buffer text = {0};
                snprintf(s.model, sizeof s.model, "%s", models[m]);
                App *app = open_app(&s);
                cr_assert_eq(canvas_init(&c, s.cols, s.rows, s.ascii, &e), 0);
                press(app, &c, keys[i]);
                app_draw(app, &c);
                check_canvas(&c, keys[i]);
                canvas_write_text(&c, &text);
                cr_assert(app->view != VIEW_STEP, "%s", keys[i]);
                const char *heading = strchr(buffer_text(&text), '\n');
                cr_assert(heading && strspn(heading + 1, " ") < strcspn(heading + 1, "\n"), "%s at %dx%d: no heading", keys[i], s.cols, s.rows);
                buffer_free(&text);
                canvas_free(&c);
                app_free(app);
            }
}

/* A command with what stands behind its name, from whatever is open. */
static void type_line(App *app, Canvas *c, const char *line)
{
    press(app, c, "Esc Esc :");
    for (const char *p = line; *p; p++)
        app_event(app, &(Event){.type = EVENT_KEY, .key = *p});
    press(app, c, "Enter");
}

/* A great many keys, drawn at changing sizes: nothing crashes, and the place stays inside the plan. */
Test(screens, random_keys, .timeout = 120)
{
    static const char *const some[] = {"n", "b", "s", "o", "]", "[", "r", "c", "g", "Backspace", "Enter", "Esc", "Up", "Down", "Left", "Right", "PgUp", "PgDn",
                                       "Home", "End", ".", ",", "H", "v", "+", "-", "/", "Tab", "m", "S", "a", "z", "x", "u", "t", "M", "w", ":", "T", "C-l", "?",
                                       "3", "7", "w", "e", "i", "Space", "1", "A", "B",
                                       "E", "V", "O", "Y", "R", "C", "*", "y", "F", "N", "J", "Z", "P", "e", "P", "e", "L", "f", "p", "G", "d", "D", "U", "I"};
    static const char *const lines[] = {"break if nan", "break *.weights if max(entropy) < 1.5", "break layer 0", "watch here", "watch max(entropy)", "watch norm(grad(here))",
                                        "watch argmax(output.probs)", "print entropy(*.self.weights)", "print baseline(loss)", "print here", "print 1 +", "breakpoints",
                                        "delete all", "delete 1"};
    Random r = random_seeded(20);
    for (size_t m = 0; m < sizeof models / sizeof *models; m++) {
        Script s = {.cols = 80, .rows = 24};
        Error e = {{0}};
        Canvas c = {0};
        snprintf(s.model, sizeof s.model, "%s", models[m]);
        App *app = open_app(&s);
        for (int i = 0; i < 3000; i++) {
            if (i % 20 == 0) {
                const int *size = sizes[random_below(&r, sizeof sizes / sizeof *sizes)];
                canvas_free(&c);
                cr_assert_eq(canvas_init(&c, size[0], size[1], random_below(&r, 2), &e), 0);
            }
            press(app, &c, some[random_below(&r, sizeof some / sizeof *some)]);
            if (random_below(&r, 40) == 0)
                type_line(app, &c, lines[random_below(&r, sizeof lines / sizeof *lines)]);
            if (random_below(&r, 40) == 0)
                app_event(app, &(Event){.type = EVENT_MOUSE, .action = (MouseAction)random_below(&r, 4), .row = (int)random_below(&r, 60), .col = (int)random_below(&r, 200)});
            app_draw(app, &c);
            check_canvas(&c, "random keys");
            cr_assert_lt(app->at, pass_plan(app->pass)->count);
            app->quit = false;
        }
        canvas_free(&c);
        app_free(app);
    }
}

Test(screens, too_small_says_so_and_recovers)
{
    Script s = {.cols = 80, .rows = 24};
    Error e = {{0}};
    Canvas c = {0};
    Buffer text = {0};
    snprintf(s.model, sizeof s.model, "tiny-models/hand-wired");
    App *app = open_app(&s);
    cr_assert_eq(canvas_init(&c, 20, 5, false, &e), 0);
    app_draw(app, &c);
    canvas_write_text(&c, &text);
    cr_assert(strstr(buffer_text(&text), "needs 40"), "%s", buffer_text(&text));
    buffer_free(&text);
    canvas_free(&c);
    app_free(app);
}

/* The number a cell shows is the number the stage holds, to the digits shown. */
Test(screens, a_number_shown_is_the_number_held)
{
    Script s = {.cols = 80, .rows = 24};
    Error e = {{0}};
    Canvas c = {0};
    snprintf(s.model, sizeof s.model, "%s", models[1]);
    App *app = open_app(&s);
    cr_assert_eq(canvas_init(&c, 80, 24, false, &e), 0);
    for (size_t i = 0; i + 1 < pass_plan(app->pass)->count; i++) {
        app_draw(app, &c);
        Cellref cell = app_cell(app);
        double x = (double)pass_value(app->pass, app->at)[cell_offset(app_stage(app), cell.index)];
        char want[64], name[STAGE_NAME_MAX];
        snprintf(want, sizeof want, "%.3f", x);
        Buffer shown = {0};
        for (int k = 0; k < c.cols * c.rows; k++)
            if (c.cells[k].role == ROLE_CURSOR)
                buffer_puts(&shown, c.cells[k].text);
        if (isfinite(x))
            cr_expect(strstr(buffer_text(&shown), want), "%s: holds %s, shows '%s'", stage_name(app_stage(app), name), want, buffer_text(&shown));
        buffer_free(&shown);
        press(app, &c, "n");
    }
    canvas_free(&c);
    app_free(app);
}

/* An ablation keeps the place; switching it off again gives the first screen back, bit for bit. */
Test(screens, toggles_come_back)
{
    for (size_t m = 0; m < 3; m++) {
        Script s = {.cols = 120, .rows = 40};
        Error e = {{0}};
        Canvas c = {0};
        Buffer before = {0}, during = {0}, after = {0};
        snprintf(s.model, sizeof s.model, "%s", models[m]);
        App *app = open_app(&s);
        cr_assert_eq(canvas_init(&c, s.cols, s.rows, false, &e), 0);
        press(app, &c, "1 2 n");
        app_draw(app, &c);
        canvas_write_text(&c, &before);
        size_t at = app->at;
        for (const char *key = "zxu"; *key; key++) {
            char once[2] = {*key, '\0'};
            press(app, &c, once);
            cr_assert_eq(app->at, at);
            buffer_clear(&during);
            app->message[0] = '\0';
            app_draw(app, &c);
            canvas_write_text(&c, &during);
            cr_assert(strcmp(buffer_text(&during), buffer_text(&before)) != 0, "%s: no badge", once);
            press(app, &c, once);
            buffer_clear(&after);
            app->message[0] = '\0';
            app_draw(app, &c);
            canvas_write_text(&c, &after);
            cr_assert_str_eq(buffer_text(&after), buffer_text(&before));
        }
        buffer_free(&before);
        buffer_free(&during);
        buffer_free(&after);
        canvas_free(&c);
        app_free(app);
    }
}

static const char *last_line(Canvas *c, Buffer *out)
{
    buffer_clear(out);
    canvas_write_text(c, out);
    char *end = strrchr(out->data, '\n');
    *end = '\0';
    return strrchr(out->data, '\n') + 1;
}

/* Whatever is shown, a newcomer sees how to get help and how to get out; and comes back from the help to what it was opened over. */
Test(screens, help_and_the_way_out)
{
    static const char *const keys[] = {"", "4 n", "L", "L n n n", "Tab", "o", "4 n Enter", "9 n Enter Enter", "W", "m", "w", "%", "S", "D", "V", "A", "f", "O", "Y", "R",
                                       "p", "z F", "z 9 n y", "Z", "B : b r e a k p o i n t s Enter", ": p r i n t Space 1 Enter", "|"};
    static const char *const over[] = {"a", "E", "M", "X", "T"};
    for (int cols = 60; cols <= 80; cols += 20)
        for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
            Error e = {{0}};
            Canvas c = {0};
            Buffer text = {0};
            Script s = {.model = "zh-en"};
            App *app = open_app(&s);
            cr_assert_eq(canvas_init(&c, cols, 24, false, &e), 0);
            press(app, &c, keys[i]);
            app->message[0] = '\0';
            app_draw(app, &c);
            const char *line = last_line(&c, &text);
            cr_expect(strstr(line, "? help  q quit"), "%s at %d: %s", keys[i], cols, line);
            ViewId view = app->view;
            press(app, &c, "?");
            cr_expect_eq(app->view, VIEW_HELP);
            press(app, &c, "Down Esc");
            cr_expect_eq(app->view, view, "%s", keys[i]);
            app_draw(app, &c);
            buffer_free(&text);
            canvas_free(&c);
            app_free(app);
        }
    for (size_t i = 0; i < sizeof over / sizeof *over; i++) {
        Error e = {{0}};
        Canvas c = {0};
        Script s = {.model = "zh-en"};
        App *app = open_app(&s);
        cr_assert_eq(canvas_init(&c, 80, 24, false, &e), 0);
        press(app, &c, over[i]);
        size_t choice = app->menu.choice + 1, count = app->menu.count;
        press(app, &c, "Down ? z ?");
        cr_expect(app->view == VIEW_MENU && app->menu.choice == choice && app->menu.count == count, "%s", over[i]);
        press(app, &c, "q");
        cr_expect(app->view == VIEW_STEP && !app->quit, "%s", over[i]);
        canvas_free(&c);
        app_free(app);
    }
}

/* What a key of the help changed is seen where it is left. */
Test(screens, help_over_a_cell)
{
    Error e = {{0}};
    Canvas c = {0};
    Script s = {.model = "zh-en"};
    App *app = open_app(&s);
    cr_assert_eq(canvas_init(&c, 80, 24, false, &e), 0);
    press(app, &c, "9 n Enter Down Down ?");
    double before = app->cell.stored;
    press(app, &c, "z Esc");
    cr_expect(app->view == VIEW_CELL && app->cell_line == 2);
    cr_expect_neq(app->cell.stored, before);
    cr_expect(explanation_agrees(&app->cell));
    canvas_free(&c);
    app_free(app);
}

/* The help is searched like a matrix: / and a word, / Enter for the next. */
Test(screens, help_is_searched)
{
    Error e = {{0}};
    Canvas c = {0};
    Script s = {.model = "zh-en"};
    App *app = open_app(&s);
    cr_assert_eq(canvas_init(&c, 80, 24, false, &e), 0);
    press(app, &c, "? / E N T R O P Y Enter");
    int first = app->help_found;
    cr_expect(app->view == VIEW_HELP && first > 0 && app->prompt.kind == PROMPT_NONE);
    press(app, &c, "/ Enter");
    cr_expect_gt(app->help_found, first);
    press(app, &c, "/ q q q Enter");
    cr_expect(app->view == VIEW_HELP && app->message[0]);
    press(app, &c, "Esc");
    cr_expect_eq(app->view, VIEW_STEP);
    canvas_free(&c);
    app_free(app);
}
