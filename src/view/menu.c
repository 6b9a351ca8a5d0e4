/* menu.c - choosing a model, switching ablations, choosing a theme. */
#include "view/lesson.h"
#include "view/twin.h"

#include "base/text.h"
#include "measure/twin.h"
#include "pass/ablation.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Untrained models that are offered beside the shipped ones, so that every kind of stage can be seen. */
static const struct { const char *label, *name, *what; } random_models[] = {
    {"random 2017", "random:kind=encoder-decoder,norm_position=post,encoder_layers=2,decoder_layers=2,tie_embeddings=false,activation=relu,embed_scale=true",
     N_("untrained: encoder–decoder as in the 2017 paper, post-norm, sinusoidal; random weights")},
    {"random GPT-2", "random:kind=decoder,position=learned,activation=gelu_tanh",
     N_("untrained: decoder, pre-norm, learned positions (GPT-2's architecture); random weights")},
    {"random Llama", "random:kind=decoder,norm=rmsnorm,position=rope,ffn=gated,activation=silu,n_heads=4,n_kv_heads=2,bias=false",
     N_("untrained: decoder, RMSNorm, RoPE, gated FFN, grouped keys and values (Llama's architecture); random weights")},
    {"random BERT", "random:kind=encoder,encoder_layers=2,norm_position=post,position=learned",
     N_("untrained: encoder, post-norm, learned positions (BERT's architecture); random weights")},
    {"random ALiBi", "random:kind=decoder,position=alibi", N_("untrained: decoder with ALiBi; random weights")},
};

static void free_item(MenuItem *item)
{
    free(item->name);
    free(item->label);
    free(item->what);
}

static void add(Menu *m, const char *label, const char *name, const char *what, bool on)
{
    MenuItem *more = realloc(m->items, (m->count + 1) * sizeof *more);
    if (!more)
        return;
    m->items = more;
    MenuItem item = {strdup(name), strdup(label), strdup(what), on};
    if (item.name && item.label && item.what) {
        m->items[m->count++] = item;
        return;
    }
    free_item(&item);
}

void menu_free(Menu *m)
{
    for (size_t i = 0; i < m->count; i++)
        free_item(&m->items[i]);
    free(m->items);
    *m = (Menu){0};
}

static void add_shipped(void *context, const char *name, const char *folder)
{
    App *app = context;
    Model *m = model_open(folder, NULL, NULL); /* small: only to read its card's first line */
    if (app->menu.kind != MENU_TWIN || (m && strcmp(name, app->model->name) != 0 && twin_check_model(app->model, m, NULL) == 0))
        add(&app->menu, name, folder, m ? m->summary : _("cannot be opened"), strcmp(name, app->model->name) == 0);
    model_free(m);
}

/* The model that is open, where its own is none of the names: a folder or a file. With what is to be said about its files. */
static void add_open_model(App *app)
{
    const Model *m = app->model;
    Menu *menu = &app->menu;
    Buffer what = {0};
    for (size_t i = 0; i < menu->count; i++)
        if (menu->items[i].on && !m->notes)
            return;
    buffer_puts(&what, m->summary);
    for (const char *p = m->notes ? m->notes : ""; *p;) { /* a line each */
        size_t n = strcspn(p, "\n");
        if (what.len)
            buffer_puts(&what, " · ");
        buffer_add(&what, p, n);
        p += n + (p[n] == '\n');
    }
    size_t before = menu->count;
    add(menu, m->name, m->path ? m->path : m->name, buffer_text(&what), true);
    buffer_free(&what);
    if (menu->count == before)
        return;
    for (size_t i = 0; i < before; i++)
        menu->items[i].on = false;
    MenuItem last = menu->items[before]; /* comes first */
    memmove(menu->items + 1, menu->items, (menu->count - 1) * sizeof *menu->items);
    menu->items[0] = last;
}

void menu_open(App *app, MenuKind kind)
{
    Menu *m = &app->menu;
    char label[EXPLAIN_NAME];
    menu_free(m);
    m->kind = kind;
    if (kind == MENU_MODELS || kind == MENU_TWIN) {
        models_list(add_shipped, app);
        for (size_t i = 0; kind == MENU_MODELS && i < sizeof random_models / sizeof *random_models; i++)
            add(m, random_models[i].label, random_models[i].name, _(random_models[i].what), strcmp(random_models[i].name, app->model->name) == 0);
        if (kind == MENU_MODELS)
            add_open_model(app);
    } else if (kind == MENU_ABLATIONS) {
        for (int i = 0; i < ABLATION_COUNT; i++)
            add(m, ablation_table[i].name, ablation_table[i].name, _(ablation_table[i].what), (app->ablations & ablation_table[i].bit) != 0);
    } else if (kind == MENU_EDITS) {
        for (size_t i = 0; i < app->edits.count; i++)
            add(m, app->edits.items[i], app->edits.items[i], "", false);
    } else if (kind == MENU_EXPORT) {
        if (app->view != VIEW_MENU)
            app->take.from = app->view;
        export_fill(app, add);
    } else if (kind == MENU_LESSONS) {
        lesson_fill_about(app, add);
    } else if (kind == MENU_CONTENTS) {
        lesson_fill_contents(app, add);
    } else if (kind == MENU_EXPLAIN) {
        for (const ExplainItem *item = explain_items; item->name; item++)
            add(m, explain_label(item, label), item->name, _(item->what), false);
    } else {
        for (int i = 0; i < THEME_COUNT; i++)
            add(m, theme_name((Theme)i), theme_name((Theme)i), "", (Theme)i == app->theme);
    }
    for (size_t i = 0; i < m->count; i++)
        if (m->items[i].on && kind != MENU_ABLATIONS && kind != MENU_LESSONS)
            m->choice = i;
    app->view = VIEW_MENU;
}

static void choose(App *app)
{
    Menu *m = &app->menu;
    if (m->choice >= m->count)
        return;
    if (m->kind == MENU_ABLATIONS) { /* stays open: several may be switched */
        app_set_ablations(app, app->ablations ^ ablation_table[m->choice].bit);
        m->items[m->choice].on = (app->ablations & ablation_table[m->choice].bit) != 0;
        return;
    }
    if (m->kind == MENU_EDITS) {
        size_t choice = m->choice;
        app_undo_edit(app, choice);
        menu_open(app, MENU_EDITS);
        app->menu.choice = choice < app->edits.count ? choice : app->edits.count ? app->edits.count - 1 : 0;
        return;
    }
    if (m->kind == MENU_EXPORT) {
        export_choose(app);
        return;
    }
    if (m->kind == MENU_EXPLAIN) {
        explain_open(app, explain_items[m->choice].command);
        return;
    }
    if (m->kind == MENU_LESSONS || m->kind == MENU_CONTENTS) {
        char name[256];
        snprintf(name, sizeof name, "%s", m->items[m->choice].name);
        app->view = VIEW_STEP;
        lesson_choose(app, name);
        return;
    }
    if (m->kind == MENU_THEMES)
        app->theme = (Theme)m->choice;
    else if (!(m->kind == MENU_TWIN ? twin_set_model : app_set_model)(app, m->items[m->choice].name))
        return;
    app->view = VIEW_STEP;
}

/* ---- drawing ---- */

static void draw_item(const App *app, Canvas *c, int row, Rect r, size_t i, int name_width)
{
    const Menu *m = &app->menu;
    const MenuItem *item = &m->items[i];
    Role role = i == m->choice ? ROLE_CHOICE : item->on ? ROLE_BADGE : ROLE_TEXT;
    if (i == m->choice)
        canvas_fill(c, row, r.col, r.cols, 1, role, " ");
    const char *mark = m->kind == MENU_ABLATIONS ? (item->on ? "[×]" : "[ ]") : item->on ? " ▸ " : "   ";
    canvas_put(c, row, r.col + 1, 3, role, mark);
    canvas_put_cut(c, row, r.col + 5, name_width, role, item->label);
    const char *what = item->what;
    bool idle = m->kind == MENU_ABLATIONS && ablations_without_effect(ablation_table[i].bit, &app->model->config);
    if (idle)
        what = _("nothing to switch off in this model");
    canvas_put_cut(c, row, r.col + 6 + name_width, r.cols - 7 - name_width, i == m->choice ? role : idle ? ROLE_DIM : ROLE_TEXT, what);
}

void menu_draw(App *app, Canvas *c, Rect r)
{
    static const char *const titles[] = {
        N_("Models: Enter chooses, Esc closes"),
        N_("Ablations: Enter switches one and runs the pass again, Esc closes"),
        N_("Edits, in their order: Enter takes one back, i adds one, Esc closes"),
        N_("Themes: Enter chooses, Esc closes"),
        N_("Take away: Enter chooses, then the file's name; Esc closes"),
        N_("Explain: what the numbers of this pass amount to; Enter opens one, Esc closes"),
        N_("A model beside this one, of its kind and tokens: Enter chooses, Esc closes"),
        N_("Lessons, those that stop at this kind of stage first: Enter opens one, Esc closes"),
        N_("The parts of this lesson: Enter goes there, Esc closes"),
    };
    Menu *m = &app->menu;
    int name_width = 8;
    for (size_t i = 0; i < m->count; i++) {
        int w = canvas_text_width(c, m->items[i].label);
        if (w > name_width && (w <= 24 || m->kind == MENU_EDITS))
            name_width = w;
    }
    int whole = m->choice < m->count ? canvas_put_wrapped(c, c->rows, r.col + 1, r.cols - 2, r.rows / 2, ROLE_TEXT, m->items[m->choice].what) : 0; /* measured off the canvas */
    int below = whole < 2 ? 6 : whole + 4 + (m->kind == MENU_MODELS || m->kind == MENU_TWIN);
    size_t room = r.rows > below ? (size_t)(r.rows - below) : 1;
    if (m->choice < m->top)
        m->top = m->choice;
    if (m->choice >= m->top + room)
        m->top = m->choice - room + 1;
    int used = canvas_put_span(c, r.row, r.col, r.cols - 1, m->top, room, m->count);
    canvas_put_cut(c, r.row, r.col + 1, r.cols - 2 - used, ROLE_HEADING, _(titles[m->kind]));
    for (size_t i = 0; i < room && m->top + i < m->count; i++)
        draw_item(app, c, r.row + 2 + (int)i, r, m->top + i, name_width);
    if (m->kind == MENU_EDITS && m->count == 0)
        canvas_put_wrapped(c, r.row + 2, r.col + 1, r.cols - 2, 2, ROLE_TEXT, _("No number was changed. Esc, then i changes the one at the cursor."));
    if (m->kind == MENU_TWIN && m->count == 0)
        canvas_put_wrapped(c, r.row + 2, r.col + 1, r.cols - 2, 2, ROLE_TEXT, _("No other model that can be named is of its kind and has its tokens."));
    if (m->kind == MENU_LESSONS && m->count == 0)
        canvas_put_wrapped(c, r.row + 2, r.col + 1, r.cols - 2, 2, ROLE_TEXT, _("No lessons were found in the data folders."));
    if (m->choice >= m->count)
        return;
    int row = r.row + 3 + (int)(m->count < room ? m->count : room);
    if (m->kind == MENU_MODELS || m->kind == MENU_TWIN)
        row += canvas_put_wrapped(c, row, r.col + 1, r.cols - 2, 2, ROLE_DIM, m->items[m->choice].name);
    canvas_put_wrapped(c, row, r.col + 1, r.cols - 2, r.row + r.rows - row, ROLE_TEXT, m->items[m->choice].what);
}

bool menu_command(App *app, CommandId id, size_t count)
{
    Menu *m = &app->menu;
    size_t times = count ? count : 1, last = m->count ? m->count - 1 : 0;
    switch (id) {
    case CMD_UP: m->choice = times > m->choice ? 0 : m->choice - times; return true;
    case CMD_DOWN:
    case CMD_PANE: m->choice = m->choice + times < last ? m->choice + times : last; return true;
    case CMD_PAGE_UP:
    case CMD_FIRST: m->choice = 0; return true;
    case CMD_PAGE_DOWN:
    case CMD_LAST: m->choice = last; return true;
    case CMD_OPEN:
    case CMD_NEXT: choose(app); return true;
    case CMD_ABLATE:
    case CMD_EXPLAIN:
    case CMD_MODELS:
    case CMD_EDITS:
    case CMD_EXPORT:
    case CMD_LESSONS:
    case CMD_LESSON_PARTS:
    case CMD_CLOSE:
    case CMD_QUIT: app->view = m->kind == MENU_EXPORT ? app->take.from : m->kind == MENU_CONTENTS ? VIEW_LESSON : VIEW_STEP; return true;
    default: return false;
    }
}

bool menu_click(App *app, int row, int col, MouseAction action)
{
    (void)col;
    Menu *m = &app->menu;
    if (action == MOUSE_WHEEL_UP || action == MOUSE_WHEEL_DOWN)
        return menu_command(app, action == MOUSE_WHEEL_UP ? CMD_UP : CMD_DOWN, 1);
    if (row < 3 || m->top + (size_t)(row - 3) >= m->count)
        return false;
    m->choice = m->top + (size_t)(row - 3);
    choose(app);
    return true;
}
