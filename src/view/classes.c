/* classes.c - what kind of head each one is on this text, with its scores. */
#include "view/app.h"

#include "base/text.h"
#include "measure/heads.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

enum { NAME = 15, CLASS = 11, SCORE = 6, SCORES = NAME + CLASS + 14 };

static const char *const short_names[HEAD_CLASSES] = {N_("prev"), "next", N_("same"), N_("first"), N_("sep"), N_("induc")};

static const char *short_name(int class)
{
    return class == HEAD_NEXT ? head_class_name(HEAD_NEXT) : _(short_names[class]);
}

static void draw_head(Canvas *c, int row, Rect r)
{
    canvas_put(c, row, r.col + 3, NAME, ROLE_HEADING, _("head"));
    canvas_put(c, row, r.col + 3 + NAME, CLASS, ROLE_HEADING, _("class"));
    canvas_put_right(c, row, r.col + 3 + NAME + CLASS, 7, ROLE_HEADING, _("H nats"));
    canvas_put_right(c, row, r.col + 10 + NAME + CLASS, 7, ROLE_HEADING, _("of max"));
    for (int k = 0; k < HEAD_CLASSES && 3 + SCORES + (k + 1) * SCORE < r.cols; k++)
        canvas_put_right(c, row, r.col + 3 + SCORES + k * SCORE, SCORE, ROLE_HEADING, short_name(k));
}

static void head_name(const App *app, const HeadScore *s, char out[EXPLAIN_NAME])
{
    const Stage *stage = &pass_plan(app->pass)->stages[s->stage];
    bool two = app->model->config.kind == KIND_ENCODER_DECODER;
    snprintf(out, EXPLAIN_NAME, "%s%d %s %zu", two ? stage->stack == STACK_ENCODER ? _("enc ") : _("dec ") : "", stage->layer,
             sub_name(stage->sub), s->head);
}

static void draw_line(const App *app, Canvas *c, int row, Rect r, const HeadScore *s, bool chosen)
{
    char name[EXPLAIN_NAME];
    bool color = app->color && app->theme != THEME_MONO;
    int col = r.col + 3;
    head_name(app, s, name);
    canvas_put(c, row, r.col + 1, 2, ROLE_CROSS, chosen ? "▸ " : "  ");
    canvas_put_cut(c, row, col, NAME, chosen ? ROLE_CROSS : ROLE_LABEL, name);
    canvas_put_cut(c, row, col + NAME, CLASS - 1, s->class < HEAD_CLASSES ? ROLE_HERE : ROLE_DIM, head_class_name(s->class));
    canvas_printf(c, row, col + NAME + CLASS, 7, ROLE_TEXT, "%7.3f", s->entropy);
    canvas_printf(c, row, col + NAME + CLASS + 7, 7, ROLE_TEXT, "%6.0f%%", 100 * s->share);
    for (int k = 0; k < HEAD_CLASSES && 3 + SCORES + (k + 1) * SCORE < r.cols; k++) {
        int at = col + SCORES + k * SCORE;
        if (isnan(s->score[k])) {
            canvas_put_right(c, row, at, SCORE, ROLE_DIM, "–");
            continue;
        }
        Role role = s->score[k] < 0.005 ? ROLE_DIM : theme_heat_role(s->score[k], 1);
        canvas_printf(c, row, at + 1, SCORE - 1, role, color ? " %.2f" : "%.2f", s->score[k]);
        if (!color)
            canvas_put(c, row, at + SCORE - 1, 1, role, theme_heat_text(s->score[k], 1, c->ascii));
    }
    int what = col + SCORES + HEAD_CLASSES * SCORE + 3;
    if (r.col + r.cols - what >= 30)
        canvas_put_cut(c, row, what, r.col + r.cols - what - 1, ROLE_DIM, head_class_what(s->class));
}

/* What uniform attention would score for the chosen head, and what its class says, ending above row `end`. Returns the rows it takes. */
static int draw_chosen(Canvas *c, int end, Rect r, const HeadScore *s)
{
    enum { ROWS = 2 };
    Buffer b = {0};
    buffer_puts(&b, _("chance:"));
    for (int k = 0; k < HEAD_CLASSES; k++)
        if (!isnan(s->chance[k]))
            buffer_printf(&b, " %s %.2f", short_name(k), s->chance[k]);
    if (s->class < HEAD_CLASSES)
        buffer_printf(&b, _(" · %s: %.0f%% of the way"), head_class_name(s->class), 100 * s->way);
    int rows = canvas_put_wrapped(c, c->rows, r.col + 1, r.cols - 2, ROWS, ROLE_TEXT, buffer_text(&b)); /* measured off the canvas */
    canvas_put_wrapped(c, end - rows, r.col + 1, r.cols - 2, rows, ROLE_TEXT, buffer_text(&b));
    buffer_free(&b);
    return rows;
}

/* Why there are dashes. */
static const char *what_is_missing(const HeadScore *heads, size_t n, const Plan *plan)
{
    bool self = false, repeated = false;
    for (size_t i = 0; i < n; i++) {
        self |= plan->stages[heads[i].stage].sub == SUB_SELF;
        repeated |= heads[i].queries[HEAD_INDUCTION] > 0;
    }
    return self && !repeated
               ? _("No token occurs twice in this text with something behind it: induction cannot be measured on it (t: another text).")
               : "";
}

void classes_draw(App *app, Canvas *c, Rect r)
{
    Explain *x = &app->explain;
    HeadScore *heads;
    size_t n;
    canvas_put_cut(c, r.row, r.col + 1, r.cols - 2, ROLE_HEADING, _("Head classes: where the weight of each head goes on this text"));
    if (heads_measure(app->pass, &heads, &n, NULL) != 0)
        return;
    const char *missing = what_is_missing(heads, n, pass_plan(app->pass));
    int row = r.row + 1;
    if (!n)
        canvas_put_wrapped(c, row, r.col + 1, r.cols - 2, 2, ROLE_WARNING, _("There is no attention in this pass."));
    row += canvas_put_wrapped(c, row, r.col + 1, r.cols - 2, 2, ROLE_WARNING, missing);
    int rows =
        explain_foot(c, row, r.row + r.rows - row, r.col, r.cols,
                     _("Mean weight on the token before, after, itself, the first, a separator, and what followed this token earlier; a "
                       "class: half of the way or more from uniform attention to all of it. On another text a head may do something else."));
    if (n) {
        draw_head(c, row, r);
        rows -= draw_chosen(c, row + rows, r, &heads[x->choice < n ? x->choice : n - 1]);
        explain_scroll(x, n, rows - 2);
        for (int i = 0; i < rows - 2 && x->top + (size_t)i < n; i++)
            draw_line(app, c, row + 1 + i, r, &heads[x->top + (size_t)i], x->top + (size_t)i == x->choice);
    }
    free(heads);
}

bool classes_command(App *app, CommandId id, size_t count)
{
    Explain *x = &app->explain;
    HeadScore *heads;
    size_t n;
    if (id != CMD_OPEN && id != CMD_REACH)
        return id != CMD_NEXT_HEAD && id != CMD_PREVIOUS_HEAD && id != CMD_LEFT && id != CMD_RIGHT && explain_command(app, id, count);
    if (heads_measure(app->pass, &heads, &n, NULL) != 0)
        return true;
    if (x->choice < n && id == CMD_OPEN) {
        app_jump(app, heads[x->choice].stage);
        app_move(app, app_stage(app), 0, heads[x->choice].head);
        app_forward(app);
        app->view = VIEW_STEP;
    } else if (x->choice < n) {
        x->stage = heads[x->choice].stage;
        x->head = heads[x->choice].head;
        app->view = VIEW_REACH;
    }
    free(heads);
    return true;
}
