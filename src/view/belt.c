/* belt.c - the residual stream of one token as a conveyor belt. */
#include "view/app.h"

#include "base/text.h"
#include "measure/belt.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

enum { NAME = 17, NUMBER = 8, FIXED = 6 + NAME + 6 * NUMBER + 2, BAR_LEAST = 24 };

static bool two_stacks(const App *app)
{
    return app->model->config.kind == KIND_ENCODER_DECODER;
}

static Stack shown_stack(const App *app)
{
    return two_stacks(app) && app->explain.source ? STACK_ENCODER : config_last_stack(&app->model->config);
}

static size_t shown_row(const App *app)
{
    size_t n;
    if (shown_stack(app) != STACK_ENCODER || !two_stacks(app))
        return explain_row(app);
    pass_ids(app->pass, STACK_ENCODER, &n);
    return app->explain.source_row < n ? app->explain.source_row : n - 1;
}

static int make(App *app, BeltPart **parts, size_t *n)
{
    Stack stack = shown_stack(app);
    bool direct = stack == config_last_stack(&app->model->config);
    return belt_make(app->pass, stack, shown_row(app), direct ? explain_token(app) : -1, parts, n, NULL);
}

static void part_name(const App *app, const BeltPart *p, char out[EXPLAIN_NAME])
{
    const Stage *s = &pass_plan(app->pass)->stages[p->stage];
    if (p->edit)
        snprintf(out, EXPLAIN_NAME, _("edit of %s"), stage_table[s->kind].id);
    else if (s->kind == STAGE_TOKENS)
        snprintf(out, EXPLAIN_NAME, "%s", _("token"));
    else if (s->kind == STAGE_POSITIONS)
        snprintf(out, EXPLAIN_NAME, "%s", _("position"));
    else if (s->kind == STAGE_TYPES)
        snprintf(out, EXPLAIN_NAME, "%s", _("segment"));
    else if (s->kind == STAGE_LOGITS)
        snprintf(out, EXPLAIN_NAME, "%s", pass_plan(app->pass)->config->output_head ? _("output head") : "b_U");
    else if (s->kind == STAGE_NORM && s->sub == SUB_EMBED)
        snprintf(out, EXPLAIN_NAME, "%s", _("embedding norm"));
    else if (s->kind == STAGE_JOINED)
        snprintf(out, EXPLAIN_NAME, _("layer %d both"), s->layer);
    else if (s->kind == STAGE_NORM && s->sub != SUB_FINAL)
        snprintf(out, EXPLAIN_NAME, _("layer %d norm"), s->layer);
    else
        explain_place(s, out);
}

static void draw_head(Canvas *c, int row, Rect r)
{
    static const struct {
        const char *word;
        int columns;
    } heads[] = {
        {N_("before"), NUMBER},       {N_("added"), NUMBER},        {N_("after"), NUMBER},
        {N_("cos str."), NUMBER + 1}, {N_("cos ans."), NUMBER + 1}, {N_("logit"), NUMBER},
    };
    int col = r.col + 3 + NAME;
    canvas_put(c, row, r.col + 4, NAME, ROLE_HEADING, _("part"));
    for (size_t i = 0; i < sizeof heads / sizeof *heads && col + heads[i].columns < r.col + r.cols; i++) {
        canvas_put_right(c, row, col, heads[i].columns, ROLE_HEADING, _(heads[i].word));
        col += heads[i].columns;
    }
    if (r.cols - FIXED >= BAR_LEAST)
        canvas_put(c, row, r.col + FIXED, r.cols - FIXED, ROLE_HEADING, _("▒ added   █ stream after"));
}

/* The belt runs down at the left; what is put on it comes from the right. */
static void draw_part(const App *app, Canvas *c, int row, Rect r, const BeltPart *p, double most, bool chosen)
{
    char name[EXPLAIN_NAME];
    const Stage *s = &pass_plan(app->pass)->stages[p->stage];
    bool norm = (s->kind == STAGE_NORM || s->kind == STAGE_LOGITS) && !p->edit,
         replaces = !p->edit && s->layer >= 0 && (app->ablations & NO_RESIDUAL);
    Role role = chosen ? ROLE_CROSS : norm ? ROLE_DIM : ROLE_LABEL;
    int col = r.col + 3 + NAME;
    part_name(app, p, name);
    canvas_put(c, row, r.col + 1, 1, ROLE_CROSS, chosen ? "▸" : " ");
    canvas_put(c, row, r.col + 2, 1, replaces ? ROLE_ABLATED : ROLE_BORDER, norm ? "═" : replaces ? "✗" : "├");
    canvas_put_cut(c, row, r.col + 4, NAME - 2, role, name);
    const struct {
        double value;
        int columns, digits;
    } numbers[] = {
        {p->before_norm, NUMBER, 3}, {p->added_norm, NUMBER, 3}, {p->after_norm, NUMBER, 3},
        {p->cosine, NUMBER + 1, 2},  {p->answer, NUMBER + 1, 2}, {p->logit, NUMBER, 3},
    };
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers && col + numbers[i].columns < r.col + r.cols; i++) {
        explain_number(c, row, col, numbers[i].columns, numbers[i].value < 0 ? ROLE_NEGATIVE : ROLE_TEXT, numbers[i].value,
                       numbers[i].digits);
        col += numbers[i].columns;
    }
    int bar = r.col + FIXED, columns = r.cols - FIXED - 2;
    if (columns + 2 < BAR_LEAST || !(most > 0))
        return;
    int stream = (int)(p->after_norm / most * columns + 0.5),
        added = isnan(p->added_norm) ? 0 : (int)(p->added_norm / most * columns + 0.5);
    canvas_fill(c, row, bar, stream, 1, norm ? ROLE_DIM : ROLE_LABEL, "█");
    canvas_fill(c, row, bar, added, 1, ROLE_HEADING, "▒");
}

static void write_subject(App *app, Buffer *out)
{
    size_t row = shown_row(app), n;
    char name[EXPLAIN_NAME];
    if (shown_stack(app) == config_last_stack(&app->model->config)) {
        if (two_stacks(app))
            buffer_puts(out, _("decoder, "));
        explain_subject(app, out);
        return;
    }
    const int *ids = pass_ids(app->pass, STACK_ENCODER, &n);
    buffer_printf(out, _("encoder, position %zu, '%s'; the output does not read this stream itself"), row,
                  explain_token_name(app, ids[row], 20, name));
}

void belt_draw(App *app, Canvas *c, Rect r)
{
    Explain *x = &app->explain;
    BeltPart *parts;
    size_t n;
    Buffer subject = {0};
    double most = 0;
    write_subject(app, &subject);
    int row = explain_head(c, r.row, r.col, r.cols, _("The residual stream as a conveyor belt: what each part put on it"),
                           buffer_text(&subject)) +
              1;
    buffer_free(&subject);
    if (make(app, &parts, &n) != 0)
        return;
    int rows = explain_foot(c, row, r.row + r.rows - row, r.col, r.cols,
                            _("before, added, after: lengths. cos str.: of what was added with the stream it found; cos ans.: with the "
                              "direction that raises the followed "
                              "token's logit, later norms frozen; logit: its share. Not shown: what later parts make of it."));
    for (size_t i = 0; i < n; i++)
        most = fmax(most, fmax(parts[i].after_norm, isnan(parts[i].added_norm) ? 0 : parts[i].added_norm));
    draw_head(c, row, r);
    explain_scroll(x, n, rows - 2);
    for (int i = 0; i < rows - 2 && x->top + (size_t)i < n; i++)
        draw_part(app, c, row + 1 + i, r, &parts[x->top + (size_t)i], most, x->top + (size_t)i == x->choice);
    free(parts);
}

static void go(App *app)
{
    BeltPart *parts;
    size_t n, row = shown_row(app);
    if (make(app, &parts, &n) != 0 || !n)
        return;
    app_jump(app, parts[app->explain.choice < n ? app->explain.choice : n - 1].stage);
    app->cursor[AXIS_TOKEN] = row;
    app_forward(app);
    app->view = VIEW_STEP;
    free(parts);
}

bool belt_command(App *app, CommandId id, size_t count)
{
    Explain *x = &app->explain;
    size_t times = count ? count : 1, row = shown_row(app);
    bool source = shown_stack(app) == STACK_ENCODER && two_stacks(app);
    switch (id) {
    case CMD_PANE:
        if (!two_stacks(app))
            return true;
        x->source = !x->source;
        x->choice = x->top = 0;
        return true;
    case CMD_OPEN:
        go(app);
        return true;
    case CMD_LEFT:
        if (!source)
            break;
        x->source_row = times > row ? 0 : row - times;
        return true;
    case CMD_RIGHT:
        if (!source)
            break;
        x->source_row = row + times; /* drawing keeps it within the text */
        return true;
    default:
        break;
    }
    return explain_command(app, id, count);
}
