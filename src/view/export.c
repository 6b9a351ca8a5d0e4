/* export.c - taking away what is shown: a matrix in the trace's formats, or the screen as a picture.
 *
 * Owns the export menu's items and the question whether a file may be overwritten. The formats are measure/trace.h's; pictures of the
 * screen come from the writer that the app was given. */
#include "view/app.h"

#include "base/file.h"
#include "base/text.h"
#include "measure/trace.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- lists of texts ---- */

int text_list_add(TextList *l, const char *text, Error *e)
{
    char **more = realloc(l->items, (l->count + 1) * sizeof *more);
    if (!more)
        return error_memory(e, "list");
    l->items = more;
    l->items[l->count] = strdup(text);
    if (!l->items[l->count])
        return error_memory(e, "list");
    l->count++;
    return 0;
}

void text_list_free(TextList *l)
{
    for (size_t i = 0; i < l->count; i++)
        free(l->items[i]);
    free(l->items);
    *l = (TextList){0};
}

/* ---- what can be taken ---- */

typedef enum Part { PART_HEAD, PART_ALL, PART_SCREEN, PART_COUNT } Part;

typedef struct Choice {
    Part part;
    const char *name, *end; /* the format, and how a file of it ends */
    const char *what;
    int format; /* of a matrix: a TraceFormat */
} Choice;

static const Choice choices[] = {
    {PART_HEAD, "csv", "csv", N_("a line a number, exact, with its names"), TRACE_CSV},
    {PART_HEAD, "json", "json", N_("exact numbers, model, ids, ablations, edits"), TRACE_JSON},
    {PART_HEAD, "markdown", "md", N_("a table with names, rounded, as GitHub draws it"), TRACE_MARKDOWN},
    {PART_HEAD, "latex", "tex", N_("a tabular with names, rounded, for a paper"), TRACE_LATEX},
    {PART_HEAD, "svg", "svg", N_("a heat map with names and numbers"), TRACE_SVG},
    {PART_HEAD, "text", "txt", N_("six digits in columns"), TRACE_TEXT},
    {PART_SCREEN, "svg", "svg", N_("this screen as a picture for slides"), 0},
    {PART_SCREEN, "html", "html", N_("this screen as a page"), 0},
    {PART_SCREEN, "ansi", "ansi", N_("this screen with its colours, for a terminal"), 0},
    {PART_SCREEN, "text", "txt", N_("this screen as plain text"), 0},
};
enum { CHOICES = sizeof choices / sizeof *choices };

/* The matrix that is taken: a weight where that is looked at, else a stage's value or gradient. */
typedef struct Source {
    bool weight, gradient;
    size_t heads, head; /* heads is 0 where there are none */
    char name[STAGE_NAME_MAX];
} Source;

static Source source_of(const App *app)
{
    Source s = {0};
    ViewId view = app->view == VIEW_MENU ? app->take.from : app->view;
    if (view == VIEW_WEIGHT) {
        s.weight = true;
        snprintf(s.name, sizeof s.name, "%s", app->model->weights.items[app->weight].name);
        return s;
    }
    const Stage *stage = app_stage(app);
    stage_name(stage, s.name);
    s.gradient = app->phase == PHASE_BACKWARD && !app->show_value;
    if (stage->rank == 3) {
        s.heads = stage->shape[0];
        s.head = app_index(app, stage, 0);
    }
    return s;
}

/* The n-th item of the menu, all heads coming between one head and the screen; part is PART_COUNT behind the last. */
static Choice item_of(const App *app, size_t n)
{
    Source s = source_of(app);
    for (Part part = PART_HEAD; part < PART_COUNT; part++) {
        if ((part == PART_ALL && s.heads < 2) || (part == PART_SCREEN && !app->take.picture))
            continue;
        for (size_t i = 0; i < CHOICES; i++) {
            bool belongs = choices[i].part == part || (part == PART_ALL && choices[i].part == PART_HEAD);
            if (belongs && n-- == 0) {
                Choice c = choices[i];
                c.part = part;
                return c;
            }
        }
    }
    return (Choice){.part = PART_COUNT};
}

void export_fill(App *app, void (*add)(Menu *m, const char *label, const char *name, const char *what, bool on))
{
    Source s = source_of(app);
    char label[64];
    for (size_t i = 0;; i++) {
        Choice c = item_of(app, i);
        if (c.part == PART_COUNT)
            break;
        if (c.part == PART_SCREEN)
            snprintf(label, sizeof label, _("screen, %s"), c.name);
        else if (c.part == PART_ALL)
            snprintf(label, sizeof label, _("all %zu heads, %s"), s.heads, c.name);
        else if (s.heads)
            snprintf(label, sizeof label, _("head %zu, %s"), s.head, c.name);
        else
            snprintf(label, sizeof label, s.gradient ? _("gradient, %s") : _("matrix, %s"), c.name);
        add(&app->menu, label, c.name, _(c.what), false);
    }
}

/* "decoder.0.self.weights.h1.csv" */
static void suggest(const App *app, Choice c, char *out, size_t size)
{
    Source s = source_of(app);
    char head[32] = "";
    if (c.part == PART_HEAD && s.heads)
        snprintf(head, sizeof head, ".h%zu", s.head);
    snprintf(out, size, "%s%s%s%s.%s", s.name, s.gradient && c.part != PART_SCREEN ? ".grad" : "", head,
             c.part == PART_SCREEN ? ".screen" : "", c.end);
}

void export_choose(App *app)
{
    char name[PROMPT_MAX];
    app->take.choice = app->menu.choice;
    app->take.asked[0] = '\0';
    suggest(app, item_of(app, app->take.choice), name, sizeof name);
    prompt_open(app, PROMPT_EXPORT, name);
}

/* ---- writing it ---- */

static bool gather(void *context, const char *bytes, size_t n)
{
    buffer_add(context, bytes, n);
    return true;
}

static int list_source(App *app, Source s, bool all, Trace *t, Error *e)
{
    int status;
    if (s.weight)
        return trace_weight(t, app->pass, app->weight, false, 0, e);
    bool *chosen = calloc(pass_plan(app->pass)->count, sizeof *chosen);
    if (!chosen)
        return error_memory(e, "export");
    chosen[app->at] = true;
    status = s.gradient ? trace_stage_gradients(t, app->pass, chosen, app->loss, e) : trace_values(t, app->pass, chosen, e);
    if (status == 0 && s.heads && !all)
        trace_take_head(t, s.head);
    free(chosen);
    return status;
}

static int write_matrix(App *app, const char *path, bool all, TraceFormat format, Error *e)
{
    Trace t = {0};
    Buffer out = {0};
    int status = list_source(app, source_of(app), all, &t, e);
    t.edits = &app->edits;
    t.changed = app->changed;
    if (status == 0 && format == TRACE_SAFETENSORS)
        status = trace_save(&t, path, e);
    else if (status == 0 && (status = trace_write(&t, format, gather, &out, e)) == 0)
        status = out.failed ? error_memory(e, path) : file_write(path, out.data, out.len, e);
    buffer_free(&out);
    trace_free(&t);
    return status;
}

/* The screen as it is without the menu and without what is typed. */
static int write_screen(App *app, const char *path, const char *format, Error *e)
{
    Canvas c = {0};
    Buffer out = {0};
    ViewId view = app->view;
    Prompt prompt = app->prompt;
    int cols = app->cols, rows = app->rows;
    if (canvas_init(&c, cols, rows, false, e) != 0)
        return -1;
    if (view == VIEW_MENU)
        app->view = app->take.from;
    app->prompt.kind = PROMPT_NONE;
    app->message[0] = '\0';
    app_draw(app, &c);
    app->view = view;
    app->prompt = prompt;
    app->take.picture(&c, app->theme, app->color && app->theme != THEME_MONO, app->model->name, format, &out);
    int status = out.failed ? error_memory(e, path) : file_write(path, buffer_text(&out), out.len, e);
    buffer_free(&out);
    canvas_free(&c);
    return status;
}

/* "~/x" is what a shell would have made of it. NULL without memory. */
static char *expand(const char *path)
{
    const char *home = getenv("HOME");
    if (strncmp(path, "~/", 2) == 0 && home && home[0])
        return file_join(home, path + 2);
    return strdup(path);
}

bool export_may_write(App *app, const char *path)
{
    char *full = expand(path);
    bool there = full && file_exists(full), asked = strcmp(app->take.asked, path) == 0;
    free(full);
    if (app->take.replayed) {
        app_say(app, ROLE_WARNING, _("%s: not written: this is a recording"), path);
        return false;
    }
    if (!path[0]) {
        app_say(app, ROLE_ERROR, "%s", _("expected a file's name, found nothing; Esc gives up"));
        return false;
    }
    if (there && !asked) {
        app_say(app, ROLE_WARNING, _("%s is there already: Enter overwrites it, or type another name"), path);
        snprintf(app->take.asked, sizeof app->take.asked, "%s", path);
        app->take.questions++;
        return false;
    }
    app->take.asked[0] = '\0';
    return true;
}

/* Says how it ended. The view that was exported is shown again. */
static bool report(App *app, const char *path, int status, const Error *e)
{
    if (status != 0) {
        app_say(app, ROLE_ERROR, "%s", e->text);
        return false;
    }
    if (app->view == VIEW_MENU)
        app->view = app->take.from;
    app_say(app, ROLE_DONE, _("%s written"), path);
    return true;
}

bool export_accept(App *app, const char *path)
{
    Error e = {{0}};
    Choice c = item_of(app, app->take.choice);
    if (!export_may_write(app, path)) {
        if (app->take.replayed && app->view == VIEW_MENU) /* as it went on when it was written */
            app->view = app->take.from;
        return app->take.replayed;
    }
    char *full = expand(path);
    int status = !full                   ? error_memory(&e, "export")
                 : c.part == PART_SCREEN ? write_screen(app, full, c.name, &e)
                                         : write_matrix(app, full, c.part == PART_ALL, (TraceFormat)c.format, &e);
    free(full);
    return report(app, path, status, &e);
}

void export_to(App *app, const char *path)
{
    Error e = {{0}};
    int format = trace_format_of(path);
    if (format < 0) {
        app_say(app, ROLE_ERROR, _("%s: expected a name that ends in csv, json, md, tex, svg, txt or safetensors"), path);
        return;
    }
    if (!export_may_write(app, path)) {
        if (app->take.asked[0]) /* asked: the answer is Enter in the prompt */
            for (size_t i = 0; item_of(app, i).part != PART_COUNT; i++)
                if (item_of(app, i).part == PART_HEAD && item_of(app, i).format == format) {
                    char said[MESSAGE_MAX];
                    memcpy(said, app->message, sizeof said);
                    app->take.choice = i;
                    app->take.from = app->view;
                    prompt_open(app, PROMPT_EXPORT, path);
                    app_say(app, ROLE_WARNING, "%s", said);
                    return;
                }
        return;
    }
    char *full = expand(path);
    int status = full ? write_matrix(app, full, false, (TraceFormat)format, &e) : error_memory(&e, "export");
    free(full);
    report(app, path, status, &e);
}
