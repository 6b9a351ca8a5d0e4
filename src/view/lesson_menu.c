/* lesson_menu.c - the parts of a lesson, and the lessons that speak of a stage, as menus. */
#include "view/lesson.h"

#include "base/text.h"
#include "view/quiz.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* True where the block stops at a stage of this kind, ".scores". */
static bool stops_at(const Block *b, const char *part)
{
    const char *at = b->kind == BLOCK_STOP ? block_value(b, block_value(b, KEY_AT) ? KEY_AT : KEY_GRADIENT) : NULL;
    const char *found = at ? strstr(at, part) : NULL;
    return found && (found[strlen(part)] == '\0' || !strchr("abcdefghijklmnopqrstuvwxyz_", found[strlen(part)]));
}

/* A lesson by its name, from within the debugger; says what is wrong. `kind` (or -1): at the first stop at this kind of stage. */
static void lesson_start_named(App *app, const char *name, int kind)
{
    Error e = {{0}};
    Lesson l;
    const char *lang = getenv("LANGUAGE");
    char *path = lesson_find(name, lang && strncmp(lang, "zh", 2) == 0 ? "zh" : "en", &e);
    bool keep = app->quiz && app->quiz->keep;
    if (!path || lesson_open(&l, path, &e) != 0 || lesson_start(app, &l, false, keep, &e) != 0) {
        app_say(app, ROLE_ERROR, "%s", e.text);
        free(path);
        return;
    }
    free(path);
    Player *p = app->lesson;
    char part[64];
    snprintf(part, sizeof part, ".%s", kind >= 0 ? stage_table[kind].id : "");
    for (size_t i = 0; kind >= 0 && i < p->lesson.count; i++) {
        const Block *b = &p->lesson.blocks[i];
        if (kind >= 0 && stops_at(b, part)) {
            lesson_go(app, lesson_step_of(p, i));
            return;
        }
    }
}

typedef void AddItem(Menu *m, const char *label, const char *name, const char *what, bool on);

void lesson_fill_contents(App *app, AddItem *add)
{
    const Player *p = app->lesson;
    for (size_t i = 0; i < p->step_count; i++) {
        const Block *b = &p->lesson.blocks[p->steps[i]], *ask = lesson_block_of(p, i, BLOCK_ASK), *stop = lesson_block_of(p, i, BLOCK_STOP),
                    *lab = lesson_block_of(p, i, BLOCK_LAB);
        const ProgressAnswer *a = ask ? progress_answer(&p->progress, ask->name) : NULL;
        Buffer what = {0};
        char label[32], name[32];
        snprintf(label, sizeof label, "%zu", i + 1);
        snprintf(name, sizeof name, "step %zu", i);
        if (b->kind == BLOCK_HEADING || (b->kind == BLOCK_TEXT && !stop && !lab && !ask)) {
            Buffer head = {0}; /* up to the first number, which is computed only there */
            buffer_add(&head, b->text, strcspn(b->text, "\005"));
            buffer_puts(&what, b->kind == BLOCK_HEADING ? "" : "   ");
            lesson_plain(buffer_text(&head), &what);
            buffer_puts(&what, b->text[head.len] ? "…" : "");
            buffer_free(&head);
        }
        const char *more = stop  ? block_value(stop, block_value(stop, KEY_AT) ? KEY_AT : KEY_GRADIENT)
                           : lab ? lab->name
                           : ask ? ask->name
                                 : "";
        buffer_printf(&what, "%s%s%s%s", what.len || b->kind == BLOCK_CHECK ? "" : "   ", what.len && *more ? " · " : "", more,
                      a ? a->result == RESULT_RIGHT ? " ✓" : " ×" : "");
        if (!what.len)
            buffer_printf(&what, "   %s", block_kind_name(b->kind) ? block_kind_name(b->kind) : "");
        add(&app->menu, label, name, buffer_text(&what), i == p->step);
        buffer_free(&what);
    }
}

typedef struct About {
    App *app;
    AddItem *add;
    const char *lang, *part; /* ".scores" */
    bool all;
} About;

static bool speaks_of(const Lesson *l, const char *part)
{
    for (size_t i = 0; i < l->count; i++)
        if (stops_at(&l->blocks[i], part))
            return true;
    return false;
}

static int add_about(void *context, const char *name, const char *folder)
{
    About *x = context;
    Lesson l;
    char *path = lesson_find(folder, x->lang, NULL);
    if (path && lesson_open(&l, path, NULL) == 0) {
        bool about = speaks_of(&l, x->part);
        if (about != x->all)
            x->add(&x->app->menu, name, name, l.title, about);
        lesson_free(&l);
    }
    free(path);
    return 0;
}

/* Those that stop at this kind of stage first, then the others. */
void lesson_fill_about(App *app, AddItem *add)
{
    const char *lang = getenv("LANGUAGE");
    char part[64];
    snprintf(part, sizeof part, ".%s", stage_table[app_stage(app)->kind].id);
    About x = {app, add, lang && strncmp(lang, "zh", 2) == 0 ? "zh" : "en", part, false};
    lessons_list(NULL, add_about, &x);
    x.all = true;
    lessons_list(NULL, add_about, &x);
}

void lesson_choose(App *app, const char *name)
{
    if (strncmp(name, "step ", 5) == 0 && app->lesson)
        lesson_go(app, (size_t)strtoul(name + 5, NULL, 10));
    else
        lesson_start_named(app, name, app_stage(app)->kind);
}
