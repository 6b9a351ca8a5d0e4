/* frame.c - one screen of the debugger after exactly the keys given: text, ansi, svg or html. */
#include "base/text.h"
#include "cli/cli.h"
#include "cli/screen.h"
#include "term/term.h"

#include <stdio.h>
#include <string.h>

static int read_size(const Options *o, int *cols, int *rows, Error *e)
{
    const char *size = o->value[OPTION_SIZE];
    char rest;
    *cols = 80;
    *rows = 24;
    if (size && (sscanf(size, "%4dx%4d%c", cols, rows, &rest) != 2 || *cols < 1 || *rows < 1 || *cols > 1000 || *rows > 1000))
        return error_set(e, "--size: expected COLUMNSxROWS, each from 1 to 1000, found '%s'; try 80x24", size);
    return 0;
}

/* Presses every key of "n n Enter g w e i g h t s Enter", or "20n Enter": the digits before a key are keys, too. A frame is drawn before each, as in a terminal: what is drawn decides how
 * far a page is. */
static int press_keys(App *app, Canvas *c, const char *keys, Error *e)
{
    for (const char *p = keys + strspn(keys, " "); *p && !app->quit; p += strspn(p, " ")) {
        size_t word = strcspn(p, " "), n = word > 1 && *p >= '0' && *p <= '9' ? 1 : word;
        int32_t key = key_parse(p, n);
        if (key < 0)
            return error_set(e, "--keys: expected names of keys such as n, Enter, PgDn or C-l, found '%.*s'", (int)(n > 40 ? 40 : n), p);
        app_draw(app, c);
        app_event(app, &(Event){.type = EVENT_KEY, .key = key});
        p += n;
    }
    return 0;
}

void screen_picture(const Canvas *c, Theme theme, bool color, const char *title, const char *format, Buffer *out)
{
    switch (format[0]) {
    case 't': canvas_write_text(c, out); break;
    case 'a': canvas_write_ansi(c, theme, color, out); break;
    case 's': canvas_write_svg(c, theme, color, title, out); break;
    default: canvas_write_html(c, theme, color, title, out); break;
    }
}

static int draw(Options *o, Error *e)
{
    int cols, rows, format = options_format(o, e), status = -1;
    bool color = !o->value[OPTION_COLOR] || strcmp(o->value[OPTION_COLOR], "never") != 0; /* a picture has colours wherever it goes */
    Theme theme;
    App *app = NULL;
    Canvas c = {0};
    if (format < 0 || read_size(o, &cols, &rows, e) != 0 || screen_theme(o, color, &theme, e) != 0)
        return -1;
    app = o->value[OPTION_LESSON] ? screen_lesson(o, o->value[OPTION_LESSON], false, theme, color, e)
          : o->value[OPTION_BUG] ? screen_hunt(o, theme, color, e) : screen_open(o, theme, color, true, e);
    if (!app)
        return -1;
    bool ascii = screen_is_ascii();
    if (canvas_init(&c, cols, rows, ascii, e) == 0 && press_keys(app, &c, o->value[OPTION_KEYS] ? o->value[OPTION_KEYS] : "", e) == 0) {
        Output out = output_open(o);
        Buffer picture = {0};
        while (app_work(app))
            continue;
        app_draw(app, &c);
        static const char *const formats[] = {"text", "ansi", "svg", "html"}; /* as frame_spec has them */
        screen_picture(&c, app->theme, color && app->theme != THEME_MONO, app->model->name, formats[format], &picture);
        output_emit(&out, buffer_text(&picture), picture.len);
        buffer_free(&picture);
        status = output_close(&out, e);
    }
    canvas_free(&c);
    app_free(app);
    return status;
}

static const OptionId frame_options[] = {OPTION_MODEL, OPTION_TOKENIZER, OPTION_TEXT, OPTION_TARGET, OPTION_IDS, OPTION_TARGET_IDS,
                                         OPTION_ABLATE, OPTION_EDIT, OPTION_EDITS, OPTION_BUG, OPTION_PREDICT, OPTION_LESSON, OPTION_PRESENT, OPTION_SIZE, OPTION_KEYS, OPTION_THEME, OPTION_SESSION,
                                         OPTION_FORMAT, OPTION_OUTPUT, OPTION_END};

static const CommandSpec frame_spec = {
    .name = "frame",
    .what = N_("One screen of the debugger, drawn to standard output after exactly the keys\n"
               "given: for slides, for a README, for tests."),
    .formats = "text|ansi|svg|html",
    .example = "stepformer frame --size 120x36 --keys \"n n n\" --format svg -o screen.svg",
    .options = frame_options,
};

int cli_frame(int argc, char **argv)
{
    Options o;
    Error e = {{0}};
    int status;
    if (!options_read(&o, &frame_spec, argc, argv, &status))
        return status;
    status = draw(&o, &e) == 0 ? CLI_DONE : cli_wrong(&e);
    options_free(&o);
    return status;
}
