/* hunt.c - the bug hunt: the question, the hints, what was found at the stages that were named, and the card in the end.
 *
 * The bug itself is in the pass (pass/bug.h), and every view shows that pass as it is. */
#include "view/app.h"

#include "base/text.h"
#include "view/twin.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { HINTS = BUG_HINTS + 1, CELLS_CHECKED = 2000, PAGE_LINES = 24 };

/* ---- what the bug is called, and when ---- */

bool hunt_badge(const App *app, char out[48])
{
    const Hunt *h = &app->hunt;
    if (!h->bug)
        return false;
    if (!h->solved)
        snprintf(out, 48, _("hunt, level %d"), h->bug->level);
    else
        snprintf(out, 48, h->out ? _("without %s") : "%s", h->bug->id);
    return true;
}

int hunt_card(const Bug *b, HuntLine lines[HUNT_CARD_LINES])
{
    int n = 0;
    const struct {
        const char *heading, *text;
    } parts[] = {
        {_("What is wrong"), _(b->wrong)},
        {_("Where it was found"), _(b->found)},
        {_("Why it often goes unnoticed"), _(b->trains)},
        {_("How to catch it"), _(b->catch)},
    };
    lines[n++] = (HuntLine){ROLE_HERE, _(b->title)};
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
        lines[n++] = (HuntLine){ROLE_HEADING, parts[i].heading};
        lines[n++] = (HuntLine){ROLE_TEXT, parts[i].text};
        if (i == 1)
            lines[n++] = (HuntLine){ROLE_LINK, b->link};
    }
    return n;
}

/* ---- the bug in the pass ---- */

int hunt_put(const App *app, Pass *p, Error *e)
{
    const Hunt *h = &app->hunt;
    return h->bug && !h->out ? bug_put(h->bug, p, e) : 0;
}

int hunt_resume(App *app, const Hunt *left, Error *e)
{
    app->hunt = *left;
    if (hunt_put(app, app->pass, e) != 0)
        return -1;
    twin_make_baseline(app);
    pass_value(app->pass, app->at);
    return 0;
}

int hunt_start(App *app, const Bug *bug, uint64_t seed, Error *e)
{
    if (!bug_applies(bug, app->pass))
        return error_set(e, "%s: expected a model and a text that this bug can be found in, found %s%s", bug->id, app->model->name,
                         bug_needs_padding(bug) ? _("; give ids with padding among them: --ids")
                                                : _("; without -m a fitting one is taken"));
    if (hunt_resume(app, &(Hunt){.bug = bug, .seed = seed}, e) != 0)
        return -1;
    app->view = VIEW_HUNT;
    app->scroll = 0;
    return 0;
}

/* Takes a solved bug out of the pass, or puts it in again. */
static void compare(App *app)
{
    app->hunt.out = !app->hunt.out;
    app_run_again(app);
    app->view = VIEW_STEP;
    app_say(app, ROLE_BADGE, "%s",
            app->hunt.out ? _("the bug is out: this is what the stage should hold; ! puts it in again")
                          : _("the bug is in again; ! takes it out"));
}

static void answer_right(App *app)
{
    app->hunt.solved = true;
    stage_name(app_stage(app), app->hunt.found_at);
    app->view = VIEW_HUNT;
    app->scroll = 0;
    app_say(app, ROLE_DONE, "%s", _("Found! Esc goes back to the network; ! there takes the bug out, to compare"));
}

/* Recomputes the stage that was named wrongly from what it reads: that is what speaks for it. */
static int check_named(App *app, StageCheck *check, Error *e)
{
    Hunt *h = &app->hunt;
    int at = plan_find(pass_plan(app->pass), h->wrong_at);
    if (at == NO_STAGE || explain_check_stage(app->pass, (size_t)at, CELLS_CHECKED, check, e) != 0)
        return -1;
    if (check->wrong)
        snprintf(h->said, sizeof h->said, _("%s: %zu of %zu cells are not what their arithmetic gives, but that is not the bug."), h->wrong_at,
                 check->wrong, check->checked);
    else
        snprintf(h->said, sizeof h->said,
                 _("%s: recomputed %zu of its %zu cells from what the stage reads; the largest difference is %.1g. It does what it says, "
                   "and reads what it should."),
                 h->wrong_at, check->checked, check->cells, check->largest);
    return 0;
}

static void answer_wrong(App *app)
{
    StageCheck check;
    Error e = {{0}};
    app->hunt.wrong++;
    stage_name(app_stage(app), app->hunt.wrong_at);
    if (check_named(app, &check, &e) != 0) {
        app_say(app, ROLE_ERROR, "%s", e.text);
        return;
    }
    app_say(app, ROLE_WARNING, _("not here: %zu cells recomputed, the largest difference is %.1g. ~ has hints"), check.checked,
            check.largest);
}

void hunt_accuse(App *app)
{
    if (!app->hunt.bug)
        app_say(app, ROLE_WARNING, "%s", _("there is no bug here that we know of: 'stepformer hunt' starts a bug hunt"));
    else if (app->hunt.solved)
        compare(app);
    else if (app->view == VIEW_HUNT || app->view == VIEW_HELP || app->view == VIEW_MENU)
        app_say(app, ROLE_WARNING, "%s", _("go to the stage first, and press ! there"));
    else if (!bug_applies(app->hunt.bug, app->pass))
        app_say(app, ROLE_WARNING, "%s",
                _("in this model, with this text and these ablations, the bug does nothing: go back to what the hunt began with"));
    else if (app->phase == PHASE_LOSS || app->phase == PHASE_UPDATE)
        app_say(app, ROLE_WARNING, "%s", _("go to the stage first, and press ! there"));
    else if (bug_touches(app->hunt.bug, app->pass, app->at))
        answer_right(app);
    else
        answer_wrong(app);
}

void hunt_open(App *app)
{
    Hunt *h = &app->hunt;
    if (!h->bug) {
        hunt_accuse(app);
        return;
    }
    bool hint = app->view == VIEW_HUNT && !h->solved;
    h->hints += hint && h->hints < HINTS;
    app->view = VIEW_HUNT;
    app->scroll = hint ? 1000 : 0; /* the last hint is at the end */
}

/* ---- the page ---- */

/* What a page is made of; texts are borrowed, or copies in `made`. */
typedef struct Page {
    HuntLine lines[PAGE_LINES];
    int count;
    char *made[PAGE_LINES];
    int made_count;
} Page;

static void add(Page *p, Role role, const char *text)
{
    if (p->count < PAGE_LINES)
        p->lines[p->count++] = (HuntLine){role, text};
}

static void add_made(Page *p, Role role, const char *format, ...) __attribute__((format(printf, 3, 4)));
static void add_made(Page *p, Role role, const char *format, ...)
{
    va_list args;
    char text[1024];
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    char *copy = strdup(text);
    if (!copy || p->made_count == PAGE_LINES) {
        free(copy);
        return;
    }
    p->made[p->made_count++] = copy;
    add(p, role, copy);
}

static void write_question(const App *app, Page *p)
{
    const Hunt *h = &app->hunt;
    if (h->seed)
        add_made(p, ROLE_HERE, _("A bug hunt, level %d (seed %llu)"), h->bug->level, (unsigned long long)h->seed);
    else
        add_made(p, ROLE_HERE, _("A bug hunt, level %d"), h->bug->level);
    add(p, ROLE_TEXT,
        _("Somebody made one common mistake in writing this network. The weights are right; the code of one kind of stage (or of two that "
          "belong together) is not: it computes, or reads, something else than it should. Every other stage works rightly, perhaps on "
          "wrong numbers."));
    if (bug_is_of_cache(h->bug))
        add(p, ROLE_TEXT,
            _("The mistake is in decoding with the key/value cache. What you see in the decoder is what was computed for each token when "
              "it was fed, alone: row by row."));
    if (bug_needs_padding(h->bug))
        add(p, ROLE_TEXT, _("The text is filled up with padding, as a short sentence in a batch is."));
    add(p, ROLE_TEXT,
        _("Look with every tool there is. Open a cell: its arithmetic is done again, from what the stage reads, and where it does not "
          "agree with the matrix something is wrong. If it agrees everywhere, read where its numbers come from."));
    add_made(p, ROLE_TEXT, _("At the stage that you suspect press !. For a hint come here with ~ and press it again: %d of %d shown."),
             h->hints, HINTS);
    if (h->said[0]) {
        add_made(p, ROLE_HEADING, ngettext("%d wrong answer; the last", "%d wrong answers; the last", (unsigned long)h->wrong), h->wrong);
        add(p, ROLE_TEXT, h->said);
    }
    for (int i = 0; i < h->hints; i++) {
        int at = bug_first_stage(h->bug, app->pass);
        add_made(p, ROLE_HEADING, _("Hint %d"), i + 1);
        if (i < BUG_HINTS)
            add(p, ROLE_TEXT, _(h->bug->hints[i]));
        else if (at != NO_STAGE)
            add_made(p, ROLE_TEXT, _("The names of its stages end in “.%s”."),
                     pass_plan(app->pass)->stages[at].sub == SUB_FINAL ? "final_norm"
                                                                       : stage_table[pass_plan(app->pass)->stages[at].kind].id);
    }
}

static void write_card(const App *app, Page *p)
{
    const Hunt *h = &app->hunt;
    HuntLine lines[HUNT_CARD_LINES];
    int n = hunt_card(h->bug, lines);
    for (int i = 0; i < n; i++)
        add(p, lines[i].role, lines[i].text);
    add_made(p, ROLE_HEADING, _("Found in %s: wrong answers %d, hints %d"), h->found_at, h->wrong, h->hints);
    add_made(p, ROLE_DIM, _("Its code: src/pass/bug_*.c, under “%s”. ! in the network takes it out, and puts it in again."), h->bug->id);
}

/* Draws the page, and returns how many lines it has. */
static int draw_page(const Page *p, Canvas *c, Rect r)
{
    int row = r.row, width = r.cols - 2 > 88 ? 88 : r.cols - 2;
    for (int i = 0; i < p->count; i++) {
        bool heading = p->lines[i].role == ROLE_HEADING, link = p->lines[i].role == ROLE_LINK;
        if (link)
            row--; /* right under what it is the link of */
        row += canvas_put_wrapped(c, row, r.col + 1, width, 100, p->lines[i].role, p->lines[i].text);
        row += !heading;
    }
    return row - r.row - 1;
}

void hunt_draw(App *app, Canvas *c, Rect r)
{
    Page p = {0};
    Canvas whole = {0};
    Error e = {{0}};
    StageCheck check;
    if (!app->hunt.bug)
        return;
    if (app->hunt.wrong && !app->hunt.said[0]) /* in a hunt that goes on */
        check_named(app, &check, NULL);
    (app->hunt.solved ? write_card : write_question)(app, &p);
    if (canvas_init(&whole, c->cols, 200, c->ascii, &e) == 0) {
        int total = draw_page(&p, &whole, (Rect){0, r.col, r.cols, 200}), most = total > r.rows ? total - r.rows : 0;
        if ((int)app->scroll > most)
            app->scroll = (size_t)most;
        for (int i = 0; i < r.rows && i < total; i++)
            memcpy(canvas_row(c, r.row + i), canvas_row(&whole, (int)app->scroll + i), (size_t)c->cols * sizeof(Cell));
        if (total > r.rows)
            canvas_printf(c, r.row, r.col + r.cols - 14, 13, ROLE_DIM, "%zu–%zu / %d", app->scroll + 1, app->scroll + (size_t)r.rows,
                          total);
        canvas_free(&whole);
    }
    for (int i = 0; i < p.made_count; i++)
        free(p.made[i]);
}

bool hunt_command(App *app, CommandId id, size_t count)
{
    switch (id) {
    case CMD_UP:
    case CMD_DOWN:
    case CMD_PAGE_UP:
    case CMD_PAGE_DOWN: app_scroll(app, id, count); return true;
    case CMD_NEXT:
    case CMD_OPEN:
        app->view = VIEW_STEP;
        return true;
    default:
        return false;
    }
}
