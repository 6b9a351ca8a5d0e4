/* next.c - what comes next: the next token's distribution; take one and go on stepping with it. */
#include "view/app.h"

#include "base/text.h"
#include "measure/metrics.h"

#include <stdio.h>
#include <string.h>

enum { LIST_MAX = 64 };

static bool can_generate(const App *app)
{
    return config_has_stack(&app->model->config, STACK_DECODER);
}

/* Which row of the output is shown: the last, or for an encoder the one under the cursor. */
static size_t shown_row(const App *app)
{
    size_t n;
    pass_ids(app->pass, config_last_stack(&app->model->config), &n);
    size_t cursor = app->cursor[AXIS_TOKEN];
    return can_generate(app) || cursor >= n ? n - 1 : cursor;
}

static void put_token(const App *app, int id, Buffer *out)
{
    Buffer raw = {0};
    label_token(app->pass, id, &raw);
    text_escape(out, buffer_text(&raw), raw.len, false);
    buffer_free(&raw);
}

static size_t list(App *app, TokenProb *out)
{
    size_t n = app->model->config.vocab_size < LIST_MAX ? app->model->config.vocab_size : LIST_MAX;
    top_tokens(app->pass, shown_row(app), n, out);
    return n;
}

void next_draw(App *app, Canvas *c, Rect r)
{
    TokenProb top[LIST_MAX];
    size_t n = list(app, top), row = shown_row(app), len;
    const int *ids = pass_ids(app->pass, config_last_stack(&app->model->config), &len);
    const Plan *plan = pass_plan(app->pass);
    double h = entropy(pass_value(app->pass, plan->count - 1) + row * app->model->config.vocab_size, app->model->config.vocab_size);
    Buffer b = {0};
    put_token(app, ids[row], &b);
    canvas_printf(c, r.row, r.col + 1, r.cols - 2, ROLE_HEADING, can_generate(app) ? _("What comes after position %zu, '%s'") : _("What the output says at position %zu, '%s'"), row, buffer_text(&b));
    canvas_printf(c, r.row + 1, r.col + 1, r.cols - 2, ROLE_TEXT, _("entropy %.3f nats, %.0f%% of ln %zu: as undecided as among %.1f equal tokens"), h,
                  100 * h / log((double)app->model->config.vocab_size), app->model->config.vocab_size, exp(h));
    if (app->scroll >= n)
        app->scroll = n - 1;
    size_t room = r.rows > 5 ? (size_t)(r.rows - 5) : 1, first = app->scroll < room ? 0 : app->scroll - room + 1;
    int name_width = 12, bar = r.cols - name_width - 34;
    canvas_put(c, r.row + 3, r.col + 3, name_width, ROLE_HEADING, _("token"));
    canvas_put_right(c, r.row + 3, r.col + 4 + name_width, 8, ROLE_HEADING, _("id"));
    canvas_put_right(c, r.row + 3, r.col + 13 + name_width, 9, ROLE_HEADING, _("logit"));
    canvas_put_right(c, r.row + 3, r.col + 23 + name_width, 7, ROLE_HEADING, _("share"));
    for (size_t i = 0; i < room && first + i < n; i++) {
        const TokenProb *t = &top[first + i];
        int line = r.row + 4 + (int)i;
        bool chosen = first + i == app->scroll;
        Role role = chosen ? ROLE_CHOICE : ROLE_TEXT;
        if (chosen)
            canvas_fill(c, line, r.col, r.cols, 1, role, " ");
        buffer_clear(&b);
        put_token(app, t->id, &b);
        canvas_put(c, line, r.col + 1, 1, role, chosen ? "▸" : " ");
        canvas_put_cut(c, line, r.col + 3, name_width, role, buffer_text(&b));
        canvas_printf(c, line, r.col + 4 + name_width, 8, role, "%8d", t->id);
        canvas_printf(c, line, r.col + 13 + name_width, 9, role, "%9.3f", t->logit);
        canvas_printf(c, line, r.col + 23 + name_width, 7, role, "%7.4f", t->probability);
        int filled = bar > 0 ? (int)(t->probability * bar + 0.5) : 0;
        for (int k = 0; k < filled; k++)
            canvas_put(c, line, r.col + 32 + name_width + k, 1, role, "█");
    }
    if (n < app->model->config.vocab_size)
        canvas_printf(c, r.row + r.rows - 1, r.col + 1, r.cols - 2, ROLE_DIM, _("the %zu most likely of %zu tokens"), n, app->model->config.vocab_size);
    buffer_free(&b);
}

static void take(App *app)
{
    TokenProb top[LIST_MAX];
    size_t n = list(app, top);
    if (!can_generate(app)) {
        app_say(app, ROLE_WARNING, "%s", _("an encoder generates nothing: it says something about every token it was given"));
        return;
    }
    const TokenProb *t = &top[app->scroll < n ? app->scroll : 0];
    Buffer b = {0};
    put_token(app, t->id, &b);
    size_t before = app->input.target.len;
    app_take_token(app, t->id);
    if (app->input.target.len > before)
        app_say(app, ROLE_BADGE, _("'%s' taken: the pass was run again with it"), buffer_text(&b));
    app->scroll = 0;
    buffer_free(&b);
}

bool next_command(App *app, CommandId id, size_t count)
{
    size_t times = count ? count : 1;
    switch (id) {
    case CMD_UP:
    case CMD_DOWN:
    case CMD_PAGE_UP:
    case CMD_PAGE_DOWN: app_scroll(app, id, count); return true;
    case CMD_FIRST: app->scroll = 0; return true;
    case CMD_LAST: app->scroll = LIST_MAX; return true;
    case CMD_OPEN:
        take(app);
        app->view = VIEW_STEP;
        return true;
    case CMD_NEXT: /* take the likeliest, and stay */
        while (times--)
            take(app);
        return true;
    default: return false;
    }
}
