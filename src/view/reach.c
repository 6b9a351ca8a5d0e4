/* reach.c - one head's weights α beside ‖α·V·W_O‖, what each of them moved. */
#include "view/app.h"

#include "base/text.h"
#include "measure/metrics.h"
#include "measure/reach.h"

#include <stdio.h>
#include <stdlib.h>

/* The attention that is shown: the chosen one, or the last before the output. */
static int shown_stage(const App *app)
{
    const Plan *plan = pass_plan(app->pass);
    size_t at = app->explain.stage;
    if (at && at < plan->count && plan->stages[at].kind == STAGE_WEIGHTS)
        return (int)at;
    for (size_t i = plan->count; i-- > 0;)
        if (plan->stages[i].kind == STAGE_WEIGHTS)
            return (int)i;
    return NO_STAGE;
}

static size_t shown_head(const App *app, const Stage *s)
{
    return app->explain.head < s->shape[0] ? app->explain.head : s->shape[0] - 1;
}

/* The next attention sub-layer before or after. */
static void step_stage(App *app, int by)
{
    const Plan *plan = pass_plan(app->pass);
    for (long i = shown_stage(app) + by; i >= 0 && i < (long)plan->count; i += by)
        if (plan->stages[i].kind == STAGE_WEIGHTS) {
            app->explain.stage = (size_t)i;
            return;
        }
}

/* Queries down and keys across, as the stage's own; kind says what the numbers are. */
static Stage like(const Stage *s, StageKind kind)
{
    Stage out = *s;
    out.kind = kind;
    out.rank = 2;
    for (int k = 0; k < 2; k++) {
        out.shape[k] = s->shape[k + 1];
        out.axes[k] = s->axes[k + 1];
        out.axis_stack[k] = s->axis_stack[k + 1];
    }
    out.count = out.shape[0] * out.shape[1];
    return out;
}

/* What the cursor's cell is, in numbers. */
static void draw_cell_line(App *app, Canvas *c, int row, Rect r, const Stage *s, const real *alpha, const real *moved, size_t query,
                           size_t key)
{
    size_t Tk = s->shape[2];
    double a = (double)alpha[query * Tk + key], m = (double)moved[query * Tk + key], sum = 0;
    char from[EXPLAIN_NAME], to[EXPLAIN_NAME];
    size_t n;
    for (size_t j = 0; j < Tk; j++)
        sum += (double)moved[query * Tk + j];
    explain_token_name(app, pass_ids(app->pass, s->axis_stack[1], &n)[query], 12, from);
    explain_token_name(app, pass_ids(app->pass, s->axis_stack[2], &n)[key], 12, to);
    canvas_printf(c, row, r.col + 1, r.cols - 2, ROLE_HERE, _("'%s' looks at '%s': α %.3f, moves %.3f, %.0f%% of all it moves there"), from,
                  to, a, m, sum > 0 ? 100 * m / sum : 0);
}

static void draw_matrices(App *app, Canvas *c, Rect r, const Stage *s, const real *alpha, const real *moved)
{
    Explain *x = &app->explain;
    Stage likes[2] = {like(s, STAGE_WEIGHTS), like(s, STAGE_OUT)};
    size_t query = app_index(app, s, 1), key = app_index(app, s, 2);
    const real *data[2] = {alpha, moved};
    const char *titles[2] = {_("α, the weight"), _("‖α·V·W_O‖, what it moved")};
    int columns = (int)(s->shape[2] < 1000 ? s->shape[2] : 1000);
    bool beside = columns * (app->digits + 5) + 18 <= r.cols / 2; /* all keys matter more than all queries */
    bool one = !beside && r.rows < 14;                            /* α is in the line above */
    for (int i = one; i < 2; i++) {
        Rect half = r;
        if (one) {
            half.rows = r.rows;
        } else if (beside) {
            half.cols = r.cols / 2 - 1;
            half.col += i * (r.cols / 2);
        } else {
            half.rows = r.rows / 2;
            half.row += i * half.rows;
        }
        canvas_put_cut(c, half.row, half.col + 1, half.cols - 1, ROLE_HEADING, titles[i]);
        half.row++;
        half.rows--;
        matrix_draw_one(app, c, half,
                        &(Shown){.here = true,
                                 .top = &x->reach_top[i],
                                 .left = &x->reach_left[i],
                                 .like = &likes[i],
                                 .values = matrix_of(data[i], likes[i].shape[1]),
                                 .row = query,
                                 .col = key});
    }
}

void reach_draw(App *app, Canvas *c, Rect r)
{
    int at = shown_stage(app);
    if (at == NO_STAGE) {
        canvas_put_wrapped(c, r.row, r.col + 1, r.cols - 2, 2, ROLE_WARNING, _("There is no attention in this pass."));
        return;
    }
    const Stage *s = &pass_plan(app->pass)->stages[at];
    size_t head = shown_head(app, s), n = s->shape[1] * s->shape[2];
    char title[128], name[STAGE_NAME_MAX];
    real *moved = calloc(n, sizeof *moved);
    if (moved && reach_norms(app->pass, (size_t)at, head, moved, NULL) == 0) {
        const real *alpha = pass_value(app->pass, (size_t)at) + head * n;
        snprintf(title, sizeof title, _("%s, head %zu of %zu: how far it looks, and what that moves"), stage_name(s, name), head,
                 s->shape[0]);
        canvas_put_cut(c, r.row, r.col + 1, r.cols - 2, ROLE_HEADING, title);
        draw_cell_line(app, c, r.row + 1, r, s, alpha, moved, app_index(app, s, 1), app_index(app, s, 2));
        int row = r.row + 3;
        int rows = explain_foot(c, row, r.row + r.rows - row, r.col, r.cols,
                                _("A large weight on a short vector moves little (Kobayashi et al. 2020). Lengths only: not where the "
                                  "vectors point, nor that several may cancel; "
                                  "b_O is no key's and left out."));
        draw_matrices(app, c, (Rect){row, r.col, r.cols, rows}, s, alpha, moved);
    }
    free(moved);
}

bool reach_command(App *app, CommandId id, size_t count)
{
    Explain *x = &app->explain;
    int at = shown_stage(app);
    size_t times = count ? count : 1;
    if (at == NO_STAGE)
        return false;
    const Stage *s = &pass_plan(app->pass)->stages[at];
    size_t head = shown_head(app, s);
    switch (id) {
    case CMD_UP:
    case CMD_DOWN:
    case CMD_LEFT:
    case CMD_RIGHT: {
        int axis = id == CMD_UP || id == CMD_DOWN ? 1 : 2;
        size_t i = app_index(app, s, axis), last = s->shape[axis] - 1;
        bool less = id == CMD_UP || id == CMD_LEFT;
        app_move(app, s, axis, less ? (times > i ? 0 : i - times) : (i + times > last ? last : i + times));
        return true;
    }
    case CMD_LARGEST: { /* what the head moves most to this query */
        size_t Tk = s->shape[2], best = 0, n = s->shape[1] * Tk;
        real *moved = calloc(n, sizeof *moved);
        const real *row = moved ? moved + app_index(app, s, 1) * Tk : NULL;
        if (moved && reach_norms(app->pass, (size_t)at, head, moved, NULL) == 0)
            for (size_t j = 1; j < Tk; j++)
                best = row[j] > row[best] ? j : best;
        free(moved);
        app_move(app, s, 2, best);
        return true;
    }
    case CMD_NEXT_HEAD:
        x->head = (head + times) % s->shape[0];
        return true;
    case CMD_PREVIOUS_HEAD:
        x->head = (head + s->shape[0] - times % s->shape[0]) % s->shape[0];
        return true;
    case CMD_NEXT_LAYER:
        step_stage(app, 1);
        return true;
    case CMD_PREVIOUS_LAYER:
        step_stage(app, -1);
        return true;
    case CMD_SHOW:
        app->show = (Show)((app->show + 1) % SHOW_COUNT);
        return true;
    case CMD_MORE_DIGITS:
        app->digits += app->digits < 8;
        return true;
    case CMD_FEWER_DIGITS:
        app->digits -= app->digits > 1;
        return true;
    case CMD_OPEN:
        app_jump(app, (size_t)at);
        app_move(app, s, 0, head);
        app_forward(app);
        app->view = VIEW_STEP;
        return true;
    default:
        return false;
    }
}
