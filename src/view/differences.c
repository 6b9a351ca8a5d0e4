/* differences.c - the twin beside its baseline, stage by stage: a chart of how the difference grows, and what it did to the output.
 *
 * One list: the stages in order, then the positions of the output. The bars are logarithmic. */
#include "view/twin.h"

#include "base/text.h"
#include "measure/cost.h"

#include <stdio.h>
#include <string.h>

enum { NAME_COLS = 26, NUMBER_COLS = 9, ROWS_ABOVE = 5 };

typedef struct Chart {
    App *app;
    Canvas *c;
    const Comparison *comparison;
    Rect r;
    int bar_col, bar_cols;
} Chart;

static size_t lines(const Comparison *c)
{
    return c->count + (c->row_count ? c->row_count + 1 : 0); /* a heading stands between */
}

/* ---- a stage ---- */

static void put_number(const Chart *t, int row, int col, Role role, double x)
{
    char text[NUMBER_MAX];
    if (isfinite(x) && x != 0 && (x < 1e-3 || x >= 1e5))
        snprintf(text, sizeof text, "%.2e", x);
    else
        number_format(text, x, x < 100 ? 4 : 1, t->c->ascii);
    canvas_put_right(t->c, row, col, NUMBER_COLS, role, text);
}

static const char *fate_words(const StageDifference *d)
{
    switch (d->fate) {
    case FATE_SAME:
        return d->identical ? _("the same") : _("the same but for the sign of a zero");
    case FATE_ONLY_BASELINE:
        return _("only in the baseline");
    case FATE_ONLY_TWIN:
        return _("not in the baseline");
    case FATE_SHAPES:
        return _("of another shape");
    case FATE_DIFFERS:
        return _("longer; the same at the positions that both have");
    }
    return "";
}

static void draw_stage(const Chart *t, int row, size_t k, bool chosen)
{
    const StageDifference *d = &t->comparison->stages[k];
    const App *app = t->app;
    bool here = d->twin == (int)app->at, first = (int)k == t->comparison->first;
    const Stage *s = d->twin == NO_STAGE ? &pass_plan(app->baseline)->stages[d->baseline] : &pass_plan(app->pass)->stages[d->twin];
    Role role = chosen ? ROLE_CHOICE : here ? ROLE_HERE : first ? ROLE_ABLATED : d->fate == FATE_SAME ? ROLE_DIM : ROLE_TEXT;
    char name[STAGE_NAME_MAX];
    if (chosen)
        canvas_fill(t->c, row, t->r.col, t->r.cols, 1, role, " ");
    canvas_put(t->c, row, t->r.col, 2, role, here ? "▶" : first ? "≠" : " ");
    canvas_put_cut(t->c, row, t->r.col + 2, NAME_COLS, role, stage_name(s, name));
    int col = t->r.col + 2 + NAME_COLS;
    Role number = chosen ? ROLE_CHOICE : ROLE_TEXT;
    if (d->fate != FATE_DIFFERS || !d->differing) {
        canvas_put_cut(t->c, row, col + 2, t->r.cols - NAME_COLS - 4,
                       chosen                 ? ROLE_CHOICE
                       : d->fate == FATE_SAME ? ROLE_DIM
                                              : ROLE_ABLATED,
                       fate_words(d));
        return;
    }
    put_number(t, row, col, number, d->largest);
    put_number(t, row, col + NUMBER_COLS + 1, number, d->relative);
    canvas_fill(t->c, row, t->bar_col, twin_bar(t->comparison, d->relative, t->bar_cols), 1,
                first ? ROLE_ABLATED : ROLE_LABEL, "█"); /* also of the chosen one: a choice's letters are dark */
}

/* ---- a position of the output ---- */

static void add_token(const App *app, int id, Buffer *out)
{
    Buffer raw = {0};
    label_token(app->pass, id, &raw);
    text_escape(out, buffer_text(&raw), raw.len, false);
    buffer_free(&raw);
}

static void draw_position(const Chart *t, int row, size_t i, bool chosen)
{
    const OutputDifference *o = &t->comparison->rows[i];
    const App *app = t->app;
    bool changed = o->token[0] != o->token[1];
    Role role = chosen ? ROLE_CHOICE : changed ? ROLE_ABLATED : ROLE_TEXT;
    size_t n;
    const int *ids = pass_ids(app->pass, config_last_stack(&app->model->config), &n);
    Buffer b = {0};
    if (chosen)
        canvas_fill(t->c, row, t->r.col, t->r.cols, 1, role, " ");
    buffer_printf(&b, "%zu ", i);
    add_token(app, ids[i], &b);
    canvas_put_cut(t->c, row, t->r.col + 2, NAME_COLS - 12, role, buffer_text(&b));
    put_number(t, row, t->r.col + NAME_COLS - 9, role, o->kl);
    buffer_clear(&b);
    add_token(app, o->token[0], &b);
    buffer_printf(&b, " %.3f", o->baseline_p[0]);
    if (changed) {
        buffer_puts(&b, " → ");
        add_token(app, o->token[1], &b);
        buffer_printf(&b, " %.3f", o->twin_p[1]);
    } else
        buffer_printf(&b, _(", as before, now %.3f"), o->twin_p[0]);
    canvas_put_cut(t->c, row, t->r.col + NAME_COLS + 3, t->r.cols - NAME_COLS - 4, role, buffer_text(&b));
    buffer_free(&b);
}

/* ---- the whole ---- */

static void draw_head(const Chart *t)
{
    App *app = t->app;
    const Comparison *c = t->comparison;
    Buffer b = {0};
    char name[STAGE_NAME_MAX];
    int row = t->r.row, width = t->r.cols - 2;
    twin_describe(app, &b);
    canvas_put_cut(t->c, row++, t->r.col + 1, width, ROLE_HEADING, buffer_text(&b));
    buffer_clear(&b);
    if (c->first < 0)
        buffer_printf(&b, _("Nothing changed: every number of all %zu stages is the same."), c->count);
    else {
        const StageDifference *d = &c->stages[c->first];
        const Stage *s = d->baseline == NO_STAGE ? &pass_plan(app->pass)->stages[d->twin] : &pass_plan(app->baseline)->stages[d->baseline];
        buffer_printf(&b, _("The first stage that differs is %s."), stage_name(s, name));
    }
    canvas_put_cut(t->c, row++, t->r.col + 1, width, c->first < 0 ? ROLE_WARNING : ROLE_TEXT, buffer_text(&b));
    buffer_clear(&b);
    if (c->has_output)
        buffer_printf(&b, _("Output: mean KL %.3g nats, variation %.2g; top token changes at %zu of %zu."), c->kl, c->variation,
                      c->tokens_changed, c->row_count);
    canvas_put_cut(t->c, row++, t->r.col + 1, width, ROLE_TEXT, buffer_text(&b));
    buffer_free(&b);
    int col = t->r.col + 2 + NAME_COLS;
    double low, high;
    row++;
    twin_scale(c, &low, &high);
    canvas_put(t->c, row, t->r.col + 2, NAME_COLS, ROLE_HEADING, _("stage"));
    canvas_put_right(t->c, row, col, NUMBER_COLS, ROLE_HEADING, _("largest"));
    canvas_put_right(t->c, row, col + NUMBER_COLS + 1, NUMBER_COLS, ROLE_HEADING, _("relative"));
    canvas_printf(t->c, row, t->bar_col, t->bar_cols, ROLE_DIM, "1e%+.0f", low);
    char most[16];
    snprintf(most, sizeof most, "1e%+.0f", high);
    canvas_put_right(t->c, row, t->bar_col + 5, t->bar_cols - 5, ROLE_DIM, most);
}

void differences_draw(App *app, Canvas *c, Rect r)
{
    const Comparison *comparison = twin_comparison(app);
    if (!comparison) {
        canvas_put_cut(c, r.row, r.col + 1, r.cols - 2, ROLE_HEADING, _("Differences from the baseline"));
        canvas_put_wrapped(
            c, r.row + 2, r.col + 1, r.cols - 2, r.rows - 2, ROLE_TEXT,
            twin_is_open(app) ? _("The stages of both are not compared yet: F does it.") :
            _("Nothing is changed yet, so there is nothing to compare. a switches a part off, i changes a number, N sets another "
              "sentence and J another model beside this one."));
        return;
    }
    Chart t = {.app = app, .c = c, .comparison = comparison, .r = r};
    t.bar_col = r.col + NAME_COLS + 2 * NUMBER_COLS + 5;
    t.bar_cols = r.col + r.cols - 1 - t.bar_col;
    t.bar_cols = t.bar_cols > 100 ? 100 : t.bar_cols;
    draw_head(&t);
    size_t room = r.rows > ROWS_ABOVE ? (size_t)(r.rows - ROWS_ABOVE) : 1, n = lines(comparison);
    if (app->scroll >= n)
        app->scroll = n - 1;
    size_t top = app->scroll < room / 2 ? 0 : app->scroll - room / 2;
    if (top + room > n)
        top = n > room ? n - room : 0;
    canvas_put_span(c, r.row, r.col, r.cols - 1, top, room, n);
    for (size_t i = 0; i < room && top + i < n; i++) {
        size_t k = top + i;
        int row = r.row + ROWS_ABOVE + (int)i;
        bool chosen = k == app->scroll;
        if (k < comparison->count)
            draw_stage(&t, row, k, chosen);
        else if (k > comparison->count)
            draw_position(&t, row, k - comparison->count - 1, chosen);
        else {
            canvas_put_cut(c, row, r.col + 2, NAME_COLS - 12, ROLE_HEADING,
                           app->model->config.kind == KIND_ENCODER ? _("at token") : _("after token"));
            canvas_put_right(c, row, r.col + NAME_COLS - 9, NUMBER_COLS, ROLE_HEADING, _("KL, nats"));
            canvas_put_cut(c, row, r.col + NAME_COLS + 3, r.cols - NAME_COLS - 4, ROLE_HEADING, _("the likeliest token, its share → now"));
        }
    }
}

/* To the stage, or to a position's row of the output. */
static void go_there(App *app)
{
    const Comparison *c = twin_comparison(app);
    if (!c || app->scroll == c->count)
        return;
    if (app->scroll < c->count) {
        int stage = c->stages[app->scroll].twin;
        if (stage == NO_STAGE) {
            app_say(app, ROLE_WARNING, "%s", _("only the baseline has this stage"));
            return;
        }
        app_jump(app, (size_t)stage);
    } else {
        app_jump(app, pass_plan(app->pass)->count - 1);
        app->cursor[AXIS_TOKEN] = app->scroll - c->count - 1;
        app->cursor[AXIS_VOCAB] = (size_t)c->rows[app->scroll - c->count - 1].token[1];
    }
    app_forward(app);
    app->view = VIEW_STEP;
    if (app->beside == BESIDE_OFF)
        twin_turn(app);
}

/* Comparing takes every stage of both passes; where that is much memory, it is said first, and the same key again does it. */
static bool may_compare(App *app)
{
    if (!twin_is_open(app))
        return true;
    double left = cost_of_values(pass_plan(app->pass), pass_done(app->pass)) + cost_of_values(pass_plan(app->baseline), pass_done(app->baseline));
    if (app_may_take(app, MEMORY_COMPARISON, left))
        return true;
    app_say(app, ROLE_WARNING, _("comparing keeps both passes whole: %.1f GB of memory more; F again does it"), left);
    return false;
}

void differences_open(App *app)
{
    if (!may_compare(app) || !twin_compare(app))
        return;
    const Comparison *c = twin_comparison(app);
    app->view = VIEW_DIFFERENCES;
    app->scroll = c && c->first >= 0 ? (size_t)c->first : 0;
}

bool differences_command(App *app, CommandId id, size_t count)
{
    const Comparison *c = twin_comparison(app);
    switch (id) {
    case CMD_UP:
    case CMD_DOWN:
    case CMD_PAGE_UP:
    case CMD_PAGE_DOWN: app_scroll(app, id, count); return true;
    case CMD_FIRST:
        app->scroll = 0;
        return true;
    case CMD_LAST:
        app->scroll = c ? lines(c) - 1 : 0;
        return true;
    case CMD_PANE: /* from the stages to the output and back */
        app->scroll = c && app->scroll < c->count && c->row_count ? c->count + 1 : 0;
        return true;
    case CMD_OPEN:
        go_there(app);
        return true;
    case CMD_DIFFERENCES:
        if (!c && twin_is_open(app)) {
            differences_open(app);
            return true;
        }
        app->view = VIEW_STEP;
        return true;
    default:
        return false;
    }
}
