/* plan_pane.c - the plan as a tree: stack, layer, sub-layer, stage, with what is done, here and ablated.
 *
 * The way to where the program stands is always open; the rest is folded until it is opened by hand. */
#include "view/twin.h"

#include "base/text.h"
#include "pass/ablation.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef enum LineLevel { LEVEL_STACK, LEVEL_LAYER, LEVEL_SUB, LEVEL_STAGE } LineLevel;

typedef struct TreeLine {
    LineLevel level;
    size_t first, end; /* the stages it stands for; equal where an ablation took them out */
    Stack stack;
    int layer;
    Sub sub;
    bool open;
} TreeLine;

typedef struct Tree {
    TreeLine *lines;
    size_t count, capacity;
    bool failed;
} Tree;

/* ---- building ---- */

/* Blocks opened by hand are kept by their first stage and their level. */
static bool *open_flag(const App *app, size_t first, LineLevel level)
{
    return app->tree_open ? &app->tree_open[first * LEVEL_STAGE + level] : NULL;
}

static bool is_open(const App *app, size_t first, size_t end, LineLevel level)
{
    bool *by_hand = open_flag(app, first, level);
    bool here = app->at >= first && app->at < end;
    return here != (by_hand && *by_hand); /* a flag turns round what would be */
}

static TreeLine *add(Tree *t, LineLevel level, size_t first, size_t end, Stack stack, int layer, Sub sub)
{
    static TreeLine spare;
    if (t->count == t->capacity) {
        size_t capacity = t->capacity ? 2 * t->capacity : 64;
        TreeLine *more = realloc(t->lines, capacity * sizeof *more);
        if (!more) {
            t->failed = true;
            return &spare;
        }
        t->lines = more;
        t->capacity = capacity;
    }
    t->lines[t->count] = (TreeLine){level, first, end, stack, layer, sub, false};
    return &t->lines[t->count++];
}

/* Adds a sub-layer and, where it is open, its stages. Returns the stage after it. */
static size_t add_sub(const App *app, Tree *t, size_t at, Stack stack, int layer, Sub sub)
{
    const Plan *p = pass_plan(app->pass);
    size_t first = at;
    while (at < p->count && p->stages[at].stack == stack && p->stages[at].layer == layer && p->stages[at].sub == sub)
        at++;
    bool open = at > first && is_open(app, first, at, LEVEL_SUB);
    if (at == first && layer < 0)
        return at;
    if (sub == SUB_FINAL) { /* a single stage needs no block */
        add(t, LEVEL_STAGE, first, at, stack, layer, sub);
        return at;
    }
    add(t, LEVEL_SUB, first, at, stack, layer, sub)->open = open;
    for (size_t i = first; open && i < at; i++)
        add(t, LEVEL_STAGE, i, i + 1, stack, layer, sub);
    return at;
}

static size_t add_layer(const App *app, Tree *t, size_t at, Stack stack, int layer)
{
    const Plan *p = pass_plan(app->pass);
    const Config *c = p->config;
    size_t first = at, end = at;
    while (end < p->count && p->stages[end].stack == stack && p->stages[end].layer == layer)
        end++;
    bool open = end > first && is_open(app, first, end, LEVEL_LAYER);
    add(t, LEVEL_LAYER, first, end, stack, layer, SUB_SELF)->open = open;
    if (!open)
        return end;
    at = add_sub(app, t, at, stack, layer, SUB_SELF);
    if (stack == STACK_DECODER && c->kind == KIND_ENCODER_DECODER)
        at = add_sub(app, t, at, stack, layer, SUB_CROSS);
    if (c->ffn != FFN_NONE)
        at = add_sub(app, t, at, stack, layer, SUB_FFN);
    return at;
}

static void build(const App *app, Tree *t)
{
    const Plan *p = pass_plan(app->pass);
    size_t at = 0;
    for (int k = STACK_ENCODER; k <= STACK_DECODER; k++) {
        Stack stack = (Stack)k;
        if (!config_has_stack(p->config, stack))
            continue;
        size_t first = at, end = at;
        while (end < p->count && p->stages[end].stack == stack)
            end++;
        bool open = is_open(app, first, end, LEVEL_STACK);
        add(t, LEVEL_STACK, first, end, stack, -1, SUB_EMBED)->open = open;
        if (!open) {
            at = end;
            continue;
        }
        at = add_sub(app, t, at, stack, -1, SUB_EMBED);
        for (size_t i = 0; i < config_layers(p->config, stack); i++)
            at = add_layer(app, t, at, stack, (int)i);
        at = add_sub(app, t, at, stack, -1, SUB_FINAL);
    }
    bool open = is_open(app, at, p->count, LEVEL_STACK);
    add(t, LEVEL_STACK, at, p->count, STACK_OUTPUT, -1, SUB_OUTPUT)->open = open;
    for (; open && at < p->count; at++)
        add(t, LEVEL_STAGE, at, at + 1, STACK_OUTPUT, -1, SUB_OUTPUT);
}

/* The innermost line that holds where the program stands. */
static size_t line_here(const App *app, const Tree *t)
{
    size_t here = 0;
    for (size_t i = 0; i < t->count; i++)
        if (app->at >= t->lines[i].first && app->at < t->lines[i].end)
            here = i;
    return here;
}

static size_t chosen_line(const App *app, const Tree *t)
{
    return app->focus == PANE_PLAN && app->tree_choice < t->count ? app->tree_choice : line_here(app, t);
}

/* ---- drawing ---- */

static void line_words(const App *app, const TreeLine *l, char *out, size_t size)
{
    static const char *const subs[] = {N_("embed"), N_("self-attention"), N_("cross-attention"), N_("FFN"), N_("final norm"), ""};
    if (l->level == LEVEL_STAGE)
        snprintf(out, size, "%s", l->sub == SUB_FINAL ? "final_norm" : stage_table[pass_plan(app->pass)->stages[l->first].kind].id);
    else if (l->level == LEVEL_SUB)
        snprintf(out, size, "%s", _(subs[l->sub]));
    else if (l->level == LEVEL_LAYER)
        snprintf(out, size, _("layer %d"), l->layer);
    else
        snprintf(out, size, "%s", _(stack_name(l->stack)));
}

static bool is_edited(const App *app, const TreeLine *l)
{
    for (size_t i = l->first; i < l->end; i++)
        if (pass_edit_of(app->pass, i, 0))
            return true;
    return false;
}

static bool is_touched(const App *app, const TreeLine *l)
{
    const Plan *p = pass_plan(app->pass);
    for (size_t i = l->first; i < l->end; i++)
        if (ablations_touch(app->ablations, &p->stages[i], p->config))
            return true;
    return false;
}

/* The largest relative difference of a line's stages from the baseline, and whether the first that differs is among them. */
static double line_difference(App *app, const TreeLine *l, bool *first)
{
    const Comparison *c = twin_comparison(app);
    double most = 0;
    *first = false;
    for (size_t k = 0; c && k < c->count; k++) {
        const StageDifference *d = &c->stages[k];
        if (d->twin < (int)l->first || d->twin >= (int)l->end)
            continue;
        *first = *first || (int)k == c->first;
        double x = d->infinite ? (double)INFINITY : d->relative;
        most = x > most ? x : most;
    }
    return most;
}

/* One column at the right end: how far it differs, from nothing to a whole block. */
static void draw_difference(App *app, Canvas *c, int row, int col, double difference, bool first)
{
    static const char *const bars[] = {"▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"};
    static const char *const ascii[] = {"1", "2", "3", "4", "5", "6", "7", "8"};
    int n = difference > 0 ? twin_bar(twin_comparison(app), difference, 8) : 0;
    if (n)
        canvas_put(c, row, col, 1, first ? ROLE_ABLATED : ROLE_LABEL, c->ascii ? ascii[n - 1] : bars[n - 1]);
}

static void draw_line(App *app, Canvas *c, int row, int col, int cols, const TreeLine *l, bool here, bool chosen)
{
    char words[64];
    bool removed = l->first == l->end, back = app->phase == PHASE_BACKWARD, edited = is_edited(app, l), touched = edited || is_touched(app, l);
    bool done = !removed && (back ? l->first >= app->at : app->phase != PHASE_FORWARD || l->end <= app->at + 1);
    bool inside = app->at >= l->first && app->at < l->end;
    Role role = removed ? ROLE_ABLATED : here ? ROLE_HERE : touched && l->level >= LEVEL_SUB ? ROLE_ABLATED : done ? ROLE_DONE : inside ? ROLE_TEXT : ROLE_DIM;
    if (chosen && app->focus == PANE_PLAN)
        role = ROLE_CHOICE;
    line_words(app, l, words, sizeof words);
    int depth = (int)l->level - (l->layer < 0 && (l->level == LEVEL_SUB || l->level == LEVEL_STAGE)); /* beside the layers */
    if (l->sub == SUB_FINAL || l->stack == STACK_OUTPUT)
        depth = l->level == LEVEL_STACK ? 0 : 1;
    int at = col + 1 + 2 * depth;
    const char *fold = l->level == LEVEL_STAGE ? (!here ? " " : back ? "◀" : "▶") : removed ? "×" : l->open ? "▾" : "▸";
    if (here || (chosen && app->focus == PANE_PLAN))
        canvas_fill(c, row, col + 1, cols - 2, 1, role, " ");
    canvas_put(c, row, at, 1, role, fold);
    if (!removed && (l->level == LEVEL_STAGE || !l->open) && inspect_is_marked(app, l->first, l->end))
        canvas_put(c, row, col, 1, ROLE_BADGE, "●");
    canvas_put_cut(c, row, at + 2, cols - (at - col) - 10, role, words);
    const char *mark = removed ? _("off") : here ? _("here") : edited && l->level >= LEVEL_SUB ? _("edited") : touched && l->level >= LEVEL_SUB ? _("ablated") : done ? "✓" : "";
    bool first;
    double difference = line_difference(app, l, &first);
    if (first && !here && (!l->open || l->level == LEVEL_STAGE))
        mark = _("differs");
    canvas_put_right(c, row, col + cols - 9, 8, role, mark);
    draw_difference(app, c, row, col + cols - 1, difference, first);
}

void plan_draw(App *app, Canvas *c, Rect r)
{
    Tree t = {0};
    build(app, &t);
    size_t here = line_here(app, &t), chosen = chosen_line(app, &t);
    size_t room = (size_t)(r.rows - 1);
    if (chosen < app->tree_top)
        app->tree_top = chosen;
    if (chosen >= app->tree_top + room)
        app->tree_top = chosen - room + 1;
    if (app->tree_top + room > t.count)
        app->tree_top = t.count > room ? t.count - room : 0;
    int used = canvas_put_cut(c, r.row, r.col + 1, r.cols - 2, app->focus == PANE_PLAN ? ROLE_KEY : ROLE_HEADING, _("plan"));
    if (t.count > room) /* what lies outside is not left out silently */
        canvas_printf(c, r.row, r.col + used + 2, r.cols - used - 3, ROLE_DIM, "%zu–%zu / %zu", app->tree_top + 1, app->tree_top + room, t.count);
    for (size_t i = 0; i < room && app->tree_top + i < t.count; i++) {
        size_t k = app->tree_top + i;
        draw_line(app, c, r.row + 1 + (int)i, r.col, r.cols, &t.lines[k], k == here, k == chosen);
    }
    free(t.lines);
}

/* ---- moving ---- */

static void fold(App *app, const TreeLine *l, bool open)
{
    if (l->level == LEVEL_STAGE || l->first == l->end || l->open == open)
        return;
    if (!app->tree_open)
        app->tree_open = calloc(pass_plan(app->pass)->count * LEVEL_STAGE, sizeof *app->tree_open);
    bool *flag = open_flag(app, l->first, l->level);
    if (flag)
        *flag = !*flag;
}

static void go_to_line(App *app, const TreeLine *l)
{
    if (l->first == l->end) {
        app_say(app, ROLE_WARNING, "%s", _("an ablation took this out: a shows which"));
        return;
    }
    app_jump(app, l->first);
    app->focus = PANE_MATRIX;
}

bool plan_command(App *app, CommandId id, size_t count)
{
    Tree t = {0};
    build(app, &t);
    size_t chosen = chosen_line(app, &t), times = count ? count : 1, page = app->rows > 4 ? (size_t)app->rows - 4 : 1;
    bool taken = true;
    switch (id) {
    case CMD_UP: chosen = times > chosen ? 0 : chosen - times; break;
    case CMD_DOWN: chosen += times; break;
    case CMD_PAGE_UP: chosen = page > chosen ? 0 : chosen - page; break;
    case CMD_PAGE_DOWN: chosen += page; break;
    case CMD_FIRST: chosen = 0; break;
    case CMD_LAST: chosen = t.count - 1; break;
    case CMD_LEFT: fold(app, &t.lines[chosen], false); break;
    case CMD_RIGHT: fold(app, &t.lines[chosen], true); break;
    case CMD_OPEN: go_to_line(app, &t.lines[chosen]); break;
    default: taken = false;
    }
    app->tree_choice = chosen < t.count ? chosen : t.count - 1;
    if (!taken)
        app->tree_choice = (size_t)-1; /* stepping moves the place: the choice follows it */
    free(t.lines);
    return taken;
}

bool plan_click(App *app, int row, int col)
{
    (void)col;
    Tree t = {0};
    build(app, &t);
    size_t k = app->tree_top + (size_t)(row >= 2 ? row - 2 : 0);
    if (row >= 2 && k < t.count) {
        if (t.lines[k].level == LEVEL_STAGE)
            go_to_line(app, &t.lines[k]);
        else
            fold(app, &t.lines[k], !t.lines[k].open);
    }
    free(t.lines);
    return true;
}
