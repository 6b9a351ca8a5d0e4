/* tracing.c - causal tracing as a heat table, positions down and points of the pass across. */
#include "view/app.h"

#include "base/text.h"
#include "measure/trunk.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Beyond so many multiplications it is asked first. */
#define WORK_MOST 4e10
/* Less than this share restored is no heat. */
#define LITTLE 0.02

enum { CELL = 8, NAME = 14 };

/* ---- running it ---- */

static bool seen(void *app, size_t done, size_t count)
{
    return app_progress(app, PROGRESS_RUNS, done, count);
}

/* What is wanted now. */
static TracingQuery wanted(App *app)
{
    Explain *x = &app->explain;
    TracingQuery q = tracing_query(app->pass, explain_row(app), explain_token(app));
    q.part = x->put_back;
    q.noise = x->noise > 0 ? x->noise : q.noise;
    if (x->spoilt.len)
        q.other = x->spoilt.data;
    q.positions = &x->corrupted;
    q.position_count = 1;
    q.watch = seen;
    q.context = app;
    return q;
}

/* Rough, and rather too much: every run is a whole pass. */
static double work_of(const App *app, size_t runs)
{
    const PlanInput *in = &pass_plan(app->pass)->input;
    return 2.0 * (double)app->model->weights.total * (double)(in->source_len + in->target_len) * (double)runs;
}

static bool is_current(App *app, const TracingQuery *q)
{
    const Explain *x = &app->explain;
    const TracingQuery *had = &x->query;
    size_t V = app->model->config.vocab_size, probs = pass_plan(app->pass)->count - 1;
    return x->traced && had->row == q->row && had->answer == q->answer && had->part == q->part && had->noise == q->noise &&
           (had->other != NULL) == (q->other != NULL) &&
           x->tracing.clean.probability == (double)pass_value(app->pass, probs)[q->row * V + (size_t)q->answer];
}

/* Runs what is wanted, if it was not run already. False where it takes long and was not asked for, was stopped or failed, with the reason said. */
static bool refresh(App *app, Error *e)
{
    Explain *x = &app->explain;
    TracingQuery q = wanted(app);
    size_t first = q.other ? 0
                   : x->has_corrupted
                       ? 0
                       : (q.stack == STACK_ENCODER ? pass_plan(app->pass)->input.source_len : pass_plan(app->pass)->input.target_len);
    if (is_current(app, &q))
        return true;
    if (!x->asked && work_of(app, tracing_cost(app->pass, &q) + first * q.samples) > WORK_MOST) {
        q.samples = 1; /* one draw, if that is enough to see it at once */
        if (work_of(app, tracing_cost(app->pass, &q) + first) > WORK_MOST) {
            error_set(e, _("%zu passes of this model take a while: Enter makes them"), tracing_cost(app->pass, &q) + first);
            return false;
        }
    }
    x->asked = false;
    if (!q.other && !x->has_corrupted) {
        size_t before = x->traced ? x->corrupted : (size_t)-1;
        if (tracing_most_telling(app->pass, &q, &x->corrupted, e) != 0)
            return false;
        if (x->corrupted != before)
            x->choice = x->corrupted; /* the corrupted stack's lines come first */
    }
    tracing_free(&x->tracing);
    x->traced = false;
    if (tracing_run(app->pass, &q, &x->tracing, e) != 0)
        return false;
    x->query = q;
    x->traced = true;
    return true;
}

void tracing_follow(App *app)
{
    Error e = {{0}};
    if (app->view == VIEW_TRACING && app->prompt.kind == PROMPT_NONE && !refresh(app, &e))
        snprintf(app->explain.why, sizeof app->explain.why, "%s", e.text);
}

void tracing_set_text(App *app, const char *text)
{
    Explain *x = &app->explain;
    Error e = {{0}};
    TracingQuery q = wanted(app);
    x->spoilt.len = 0;
    x->traced = false;
    if (*text && tracing_read_other(app->pass, q.stack, text, &x->spoilt, &e) != 0) {
        x->spoilt.len = 0;
        app_say(app, ROLE_ERROR, "%s", e.text);
    }
}

/* ---- drawing ---- */

/* "0 self", "emb": the head of a column. */
static void point_name(const Stage *s, char out[EXPLAIN_NAME])
{
    if (s->layer < 0)
        snprintf(out, EXPLAIN_NAME, "%s", _("embed"));
    else
        snprintf(out, EXPLAIN_NAME, "%d %s", s->layer, sub_name(s->sub));
}

/* True where the corruption took next to nothing, so that there is nothing to restore. */
static bool is_little(const Tracing *t)
{
    return fabs(t->clean.probability - t->corrupted.probability) < LITTLE;
}

static void draw_cell(const App *app, Canvas *c, int row, int col, const TracingCell *cell, bool chosen)
{
    const Tracing *t = &app->explain.tracing;
    double restored = is_little(t) ? NAN : tracing_restored(t, cell);
    bool color = app->color && app->theme != THEME_MONO;
    Role role = chosen ? ROLE_CURSOR : isnan(restored) ? ROLE_TEXT : theme_heat_role(fmin(fmax(restored, -1), 1), 1);
    if (!chosen && fabs(restored) < LITTLE)
        role = ROLE_DIM;
    canvas_printf(c, row, col, CELL - 1, role, color ? " %.3f " : " %.3f ", cell->probability);
    if (!color && fabs(restored) >= LITTLE)
        canvas_put(c, row, col + CELL - 2, 1, role, theme_heat_text(fmin(fmax(restored, -1), 1), 1, c->ascii));
}

/* One line of the table: a grid's heading (position -1) or a position. */
static void draw_line(App *app, Canvas *c, int row, Rect r, const TracingGrid *g, long position, bool chosen)
{
    Explain *x = &app->explain;
    char name[EXPLAIN_NAME];
    size_t n;
    int first = r.col + 4 + NAME;
    size_t across = (size_t)((r.cols - 5 - NAME) / CELL), left = x->column >= across ? x->column - across + 1 : 0;
    const int *ids = pass_ids(app->pass, g->stack, &n);
    if (position < 0) {
        canvas_put(c, row, r.col + 1, NAME, ROLE_HEADING, g->stack == STACK_ENCODER ? _("encoder") : _("decoder"));
        for (size_t k = left; k < g->points && k < left + across; k++) {
            point_name(&pass_plan(app->pass)->stages[g->stages[k]], name);
            canvas_put_right(c, row, first + (int)(k - left) * CELL, CELL - 1, k == x->column ? ROLE_CROSS : ROLE_HEADING, name);
        }
        return;
    }
    bool spoilt = !x->spoilt.len && g->stack == x->query.stack && (size_t)position == x->corrupted;
    bool other = x->spoilt.len && g->stack == x->query.stack && x->spoilt.data[position] != ids[position];
    canvas_put(c, row, r.col + 1, 1, ROLE_CROSS, chosen ? "▸" : " ");
    canvas_printf(c, row, r.col + 2, 4, ROLE_DIM, "%3ld ", position);
    canvas_put_cut(c, row, r.col + 6, NAME - 4, chosen ? ROLE_CROSS : ROLE_LABEL, explain_token_name(app, ids[position], NAME - 4, name));
    if (spoilt || other)
        canvas_put(c, row, r.col + 2 + NAME, 2, ROLE_ABLATED, "✗");
    for (size_t k = left; k < g->points && k < left + across; k++)
        draw_cell(app, c, row, first + (int)(k - left) * CELL, &g->cells[(size_t)k * g->positions + (size_t)position],
                  chosen && k == (x->column < g->points ? x->column : g->points - 1));
}

/* Which grid and position the chosen line is. */
static const TracingGrid *chosen_grid(const Explain *x, size_t *position)
{
    size_t at = x->choice;
    for (size_t i = 0; i < x->tracing.grid_count; i++) {
        if (at < x->tracing.grids[i].positions) {
            *position = at;
            return &x->tracing.grids[i];
        }
        at -= x->tracing.grids[i].positions;
    }
    return NULL;
}

static void draw_table(App *app, Canvas *c, Rect r)
{
    Explain *x = &app->explain;
    const Tracing *t = &x->tracing;
    size_t total = 0;
    for (size_t i = 0; i < t->grid_count; i++)
        total += t->grids[i].positions;
    if (x->choice >= total)
        x->choice = total ? total - 1 : 0;
    /* headings are lines, too: where the chosen one is among all */
    size_t position = 0, chosen_line, lines = total + t->grid_count;
    const TracingGrid *g = chosen_grid(x, &position);
    chosen_line = x->choice + 1 + (g == &t->grids[1]);
    size_t room = r.rows > 1 ? (size_t)r.rows : 1,
           top = chosen_line >= room ? chosen_line - room + 1 : 0; /* the first line that is drawn */
    size_t line = 0, at = 0;
    for (size_t i = 0; i < t->grid_count && lines; i++)
        for (long k = -1; k < (long)t->grids[i].positions; k++, line++) {
            if (line >= top && line < top + room && t->grids[i].points)
                draw_line(app, c, r.row + (int)(line - top), r, &t->grids[i], k, k >= 0 && at == x->choice);
            at += k >= 0;
        }
    if (top && g && g->points) { /* its heading stays */
        canvas_fill(c, r.row, r.col, r.cols, 1, ROLE_TEXT, " ");
        draw_line(app, c, r.row, r, g, -1, false);
    }
}

static const char *part_words(TracingPart part)
{
    static const char *const words[] = {N_("the residual stream"), N_("the attention's result"), N_("the FFN's result")};
    return _(words[part]);
}

static void draw_summary(App *app, Canvas *c, int row, Rect r)
{
    const Explain *x = &app->explain;
    const Tracing *t = &x->tracing;
    char name[EXPLAIN_NAME], token[EXPLAIN_NAME];
    size_t n;
    const int *ids = pass_ids(app->pass, x->query.stack, &n);
    Buffer b = {0};
    explain_token_name(app, x->query.answer, 12, token);
    bool little = is_little(t);
    if (little && x->spoilt.len) /* what to try is worth more than the rest of the sentence */
        buffer_printf(&b, _("P(%s) %.3f, on the other text %.3f: nothing to restore; t for another"), token, t->clean.probability,
                      t->corrupted.probability);
    else if (little)
        buffer_printf(&b, _("P(%s) %.3f, noise %g× on %zu '%s' ✗ leaves %.3f: + noise, [ position"), token, t->clean.probability, x->query.noise,
                      x->corrupted, explain_token_name(app, ids[x->corrupted], 10, name), t->corrupted.probability);
    else
        buffer_printf(&b, _("position %zu: P(%s) %.3f "), x->query.row, token, t->clean.probability);
    if (!little && x->spoilt.len)
        buffer_printf(&b, _("on the text, %.3f on the other one"), t->corrupted.probability);
    else if (!little)
        buffer_printf(&b, _("clean, %.3f with noise %g× on %zu '%s' ✗, mean of %zu"), t->corrupted.probability, x->query.noise, x->corrupted,
                      explain_token_name(app, ids[x->corrupted], 10, name), x->query.samples);
    canvas_put_cut(c, row, r.col + 1, r.cols - 2, little ? ROLE_WARNING : ROLE_TEXT, buffer_text(&b));
    buffer_free(&b);
}

static void draw_chosen(App *app, Canvas *c, int row, Rect r)
{
    const Explain *x = &app->explain;
    const Tracing *t = &x->tracing;
    size_t position = 0, n;
    const TracingGrid *g = chosen_grid(x, &position);
    char name[EXPLAIN_NAME], stage[STAGE_NAME_MAX];
    if (!g || !g->points)
        return;
    size_t k = x->column < g->points ? x->column : g->points - 1;
    const TracingCell *cell = &g->cells[k * g->positions + position];
    double restored = is_little(t) ? NAN : tracing_restored(t, cell);
    Buffer b = {0};
    buffer_printf(&b, _("%s of '%s' put back: P %.4f, logit %.2f"), stage_name(&pass_plan(app->pass)->stages[g->stages[k]], stage),
                  explain_token_name(app, pass_ids(app->pass, g->stack, &n)[position], 12, name), cell->probability, cell->logit);
    if (!isnan(restored))
        buffer_printf(&b, _(": %.0f%% restored"), 100 * restored);
    canvas_put_cut(c, row, r.col + 1, r.cols - 2, ROLE_HERE, buffer_text(&b));
    buffer_free(&b);
}

void tracing_draw(App *app, Canvas *c, Rect r)
{
    char title[160];
    snprintf(title, sizeof title, _("Causal tracing: %s put back from the clean pass"), part_words(app->explain.put_back));
    canvas_put_cut(c, r.row, r.col + 1, r.cols - 2, ROLE_HEADING, title);
    int row = r.row + 2;
    int rows = explain_foot(c, row, r.row + r.rows - row, r.col, r.cols,
                            _("A cell: one vector of the clean pass put into the corrupted one, and the answer's probability then; heat is "
                              "the share restored. It shows where enough "
                              "passes through to restore it, for this way of spoiling; not all places it passes through. + - changes the "
                              "noise, t takes another sentence."));
    TracingQuery q = wanted(app);
    if (!is_current(app, &q)) {
        canvas_put_wrapped(c, row, r.col + 1, r.cols - 2, 3, ROLE_WARNING, app->explain.why);
        return;
    }
    draw_summary(app, c, r.row + 1, r);
    if (app->explain.tracing.grids[0].points == 0 && app->explain.tracing.grids[1].points == 0)
        canvas_put_wrapped(c, row, r.col + 1, r.cols - 2, 2, ROLE_WARNING, _("This pass has no such part."));
    draw_table(app, c, (Rect){row, r.col, r.cols, rows - 2});
    draw_chosen(app, c, row + rows - 1, r);
}

/* ---- keys ---- */

/* Noise goes to the chosen token; where it takes long, this asks for it. */
static void spoil_chosen(App *app)
{
    Explain *x = &app->explain;
    size_t position = 0;
    const TracingGrid *g = x->traced ? chosen_grid(x, &position) : NULL;
    x->asked = true;
    if (!g)
        return;
    if (g->stack != x->query.stack) {
        app_say(app, ROLE_WARNING, "%s", _("the text that is spoilt is the encoder's: choose a token of it"));
        return;
    }
    x->corrupted = position;
    x->has_corrupted = true;
    x->spoilt.len = 0;
    x->traced = false;
}

bool tracing_command(App *app, CommandId id, size_t count)
{
    Explain *x = &app->explain;
    size_t times = count ? count : 1, most = 1;
    for (size_t i = 0; i < x->tracing.grid_count; i++)
        most = x->tracing.grids[i].points > most ? x->tracing.grids[i].points : most;
    switch (id) {
    case CMD_LEFT:
        x->column = times > x->column ? 0 : x->column - times;
        return true;
    case CMD_RIGHT:
        x->column = x->column + times < most ? x->column + times : most - 1;
        return true;
    case CMD_SHOW:
        x->put_back = (TracingPart)((x->put_back + 1) % (TRACING_FFN + 1));
        x->column = 0;
        return true;
    case CMD_MORE_DIGITS:
    case CMD_FEWER_DIGITS:
        x->noise = (x->noise > 0 ? x->noise : 3) + (id == CMD_MORE_DIGITS ? 1 : -1);
        x->noise = x->noise < 1 ? 1 : x->noise > 10 ? 10 : x->noise;
        return true;
    case CMD_TEXT:
        prompt_open(app, PROMPT_SPOILT, "");
        return true;
    case CMD_OPEN:
        spoil_chosen(app);
        return true;
    case CMD_NEXT_LAYER:
    case CMD_PREVIOUS_LAYER:
        return explain_command(app, id == CMD_NEXT_LAYER ? CMD_RIGHT : CMD_LEFT, count); /* of the answer */
    default:
        return explain_command(app, id, count);
    }
}
