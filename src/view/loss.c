/* loss.c - the pause between forwards and backwards: how surprised the model was at each target. */
#include "view/app.h"

#include "base/text.h"
#include "measure/gradient.h"
#include "measure/metrics.h"

#include <stdio.h>
#include <string.h>

static void put_token(const App *app, Canvas *c, int row, int col, int cols, Role role, int id)
{
    Buffer raw = {0}, shown = {0};
    label_token(app->pass, id, &raw);
    text_escape(&shown, buffer_text(&raw), raw.len, false);
    canvas_put_cut(c, row, col, cols, role, buffer_text(&shown));
    buffer_free(&raw);
    buffer_free(&shown);
}

void loss_draw(App *app, Canvas *c, Rect r)
{
    const Plan *plan = pass_plan(app->pass);
    const Stage *s = &plan->stages[plan->count - 1];
    size_t n, vocab = s->shape[1], counted = 0;
    const int *fed = pass_ids(app->pass, config_last_stack(&app->model->config), &n);
    int row = r.row;
    for (size_t t = 0; t < n; t++)
        counted += app->targets.data[t] >= 0;
    canvas_put_cut(c, row++, r.col + 1, r.cols - 2, ROLE_HERE, _("loss = mean of -log p(target), in nats"));
    bool encoder = app->model->config.kind == KIND_ENCODER;
    row += canvas_put_wrapped(c, row, r.col + 1, r.cols - 2, 3, ROLE_TEXT,
                              encoder ? _("An encoder has no next token: without other targets, each position is asked for the token it was given. "
                                          "p = 1 costs nothing, p = 1/e costs one nat.")
                                      : _("At each position the model gave every token a probability. The loss asks how much it gave to the one that "
                                "should come: p = 1 costs nothing, p = 1/e costs one nat."));
    canvas_printf(c, ++row, r.col + 1, r.cols - 2, ROLE_HEADING, _("loss %.6f nats, mean of %zu of %zu positions (by chance: ln %zu = %.3f)"),
                  app->loss, counted, n, vocab, log((double)vocab));
    canvas_printf(c, ++row, r.col + 1, r.cols - 2, ROLE_TEXT, _("perplexity exp(loss) = %.6g: as unsure as between that many tokens"), exp(app->loss));
    row += 2;
    int token = 12, col = r.col + 6, target = col + token, p = target + token, nats = p + 11, best = nats + 11;
    canvas_put(c, row, col, token, ROLE_HEADING, _("read"));
    canvas_put(c, row, target, token, ROLE_HEADING, _("target"));
    canvas_put_right(c, row, p, 10, ROLE_HEADING, _("p(target)"));
    canvas_put_right(c, row, nats, 10, ROLE_HEADING, _("-log p"));
    canvas_put_cut(c, row++, best + 2, r.cols - (best + 2 - r.col), ROLE_HEADING, _("likeliest"));
    size_t room = (size_t)(r.row + r.rows - row > 0 ? r.row + r.rows - row : 0), first = 0, cursor = app->cursor[AXIS_TOKEN];
    if (cursor >= n)
        cursor = n - 1;
    if (cursor >= room)
        first = cursor - room + 1;
    for (size_t i = 0; i < room && first + i < n; i++, row++) {
        size_t t = first + i;
        int want = app->targets.data[t];
        TokenProb top;
        top_tokens(app->pass, t, 1, &top);
        canvas_printf(c, row, r.col, 5, t == cursor ? ROLE_CROSS : ROLE_DIM, "%s%3zu", t == cursor ? "▸" : " ", t);
        put_token(app, c, row, col, token - 1, ROLE_LABEL, fed[t]);
        if (want < 0) {
            canvas_put_cut(c, row, target, r.cols - (target - r.col), ROLE_DIM, _("not counted"));
            continue;
        }
        LossPoint point = loss_point(app->pass, app->targets.data, t);
        put_token(app, c, row, target, token - 1, ROLE_TEXT, want);
        char text[NUMBER_MAX];
        number_share(text, point.probability, 6, c->ascii);
        canvas_put_right(c, row, p, 10, ROLE_TEXT, text);
        number_share(text, point.loss, 4, c->ascii);
        canvas_put_right(c, row, nats, 10, ROLE_TEXT, text);
        put_token(app, c, row, best + 2, token, top.id == want ? ROLE_DONE : ROLE_NEGATIVE, top.id);
        canvas_printf(c, row, best + 2 + token, 9, ROLE_DIM, "%8.4f", top.probability);
    }
}
