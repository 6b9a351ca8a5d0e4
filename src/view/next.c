/* next.c - what comes next: the sampler, stage by stage over the whole vocabulary; take a token and go on stepping with it.
 *
 * Draws what sampling.c computed. Every stage says its rule, what it did to the token under the cursor, and what it did to the entropy. */
#include "view/app.h"

#include "base/text.h"

#include <math.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

enum { NAME = 12, WIDE_NAME = 30, COLUMN = 9 };

static void put_token(const App *app, size_t id, Buffer *out)
{
    Buffer raw = {0};
    label_token(app->pass, (int)id, &raw);
    text_escape(out, buffer_text(&raw), raw.len, false);
    buffer_free(&raw);
}

static SamplerStage stage_of(const App *app)
{
    return sampling_can(app) ? app->sampling.stage : SAMPLER_LOGITS;
}

/* ---- the lines above the table ---- */

static const char *stage_word(SamplerStage stage)
{
    static const char *const words[SAMPLER_STAGES] = {N_("logits"), "÷ T", "top-k", "top-p", N_("draw")};
    return _(words[stage]);
}

/* "logits → ÷ T → top-k → top-p → draw", the one where the view stands set off; and the settings. */
static void draw_stages(const App *app, Canvas *c, Rect r)
{
    const Sampling *s = &app->sampling;
    int col = r.col + 1;
    char text[96], k[24];
    for (int i = 0; i < SAMPLER_STAGES; i++) {
        if (i)
            col += canvas_put(c, r.row, col, 4, ROLE_DIM, " → ");
        col += canvas_put(c, r.row, col, 10, i == (int)s->stage ? ROLE_HERE : ROLE_DIM, stage_word((SamplerStage)i));
    }
    snprintf(k, sizeof k, "%zu", s->top_k);
    if (!s->top_k)
        snprintf(k, sizeof k, "%s", _("all"));
    snprintf(text, sizeof text, "T %g · top-k %s · top-p %g · seed %llu", s->temperature, k, s->top_p, (unsigned long long)s->seed);
    canvas_put_right(c, r.row, col + 2, r.col + r.cols - 1 - col - 2, ROLE_LABEL, text);
}

/* The stage's rule, with its numbers. */
static void write_rule(const App *app, const Sampled *s, Buffer *b)
{
    const Sampling *x = &app->sampling;
    const SampleSteps *t = &s->steps;
    switch (stage_of(app)) {
    case SAMPLER_LOGITS:
        buffer_printf(b, _("one logit for each of %zu tokens; share = exp(logit) / Σ exp(logit)"), s->vocab);
        break;
    case SAMPLER_TEMPERATURE:
        if (x->temperature == 0)
            buffer_puts(b, _("T = 0: the largest logit is taken, nothing is drawn; try :temperature 0.8"));
        else
            buffer_printf(b, _("logit / T, here / %g: %s"), x->temperature,
                          x->temperature < 1   ? _("differences grow, the choice becomes sharper")
                          : x->temperature > 1 ? _("differences shrink, the choice becomes more even")
                                               : _("nothing changes"));
        break;
    case SAMPLER_TOP_K:
        if (x->temperature == 0)
            buffer_puts(b, _("T = 0: only the largest logit is left, whatever top-k says"));
        else if (x->top_k == 0 || x->top_k >= s->vocab)
            buffer_puts(b, _("every token stays; try :top-k 5"));
        else
            buffer_printf(b, _("the %zu largest stay and have %.4f of the share; the others become −∞"), t->left[0], t->kept[0]);
        break;
    case SAMPLER_TOP_P:
        if (x->temperature == 0)
            buffer_puts(b, _("T = 0: only the largest logit is left, whatever top-p says"));
        else if (x->top_p == 1)
            buffer_puts(b, _("every token stays; try :top-p 0.9"));
        else
            buffer_printf(b, _("the likeliest stay that reach %g together: %zu have %.4f; the others −∞"), x->top_p, t->left[1],
                          t->kept[1]);
        break;
    default:
        if (x->temperature == 0)
            buffer_puts(b, _("T = 0: nothing is drawn, the largest logit is taken: "));
        else
            buffer_printf(b, _("drawn: %.4f (no. %zu of seed %llu); from %.4f to %.4f it is "), t->place, x->taken + 1,
                          (unsigned long long)x->seed, t->from, t->upto);
        buffer_puts(b, "'");
        put_token(app, (size_t)s->drawn, b);
        buffer_puts(b, "'");
    }
}

/* What the stage did to one token, whose number in the order is `rank`; `before`: the shares of those above it. */
static void write_token(const App *app, const Sampled *s, size_t rank, double before, bool ascii, Buffer *b)
{
    const Sampling *x = &app->sampling;
    size_t id = s->order[rank], largest = s->order[0];
    SamplerStage stage = stage_of(app);
    double share = (double)s->shares[stage][id], was = stage ? (double)s->shares[stage - 1][id] : 0;
    char logit[NUMBER_MAX], other[NUMBER_MAX], then[NUMBER_MAX], now[NUMBER_MAX];
    number_share(then, was, 4, ascii);
    number_share(now, share, 4, ascii);
    number_format(logit, (double)s->row[id], 3, ascii);
    buffer_puts(b, "'");
    put_token(app, id, b);
    buffer_puts(b, "': ");
    if (stage > SAMPLER_LOGITS && s->row[id] == -(real)INFINITY) {
        buffer_puts(b, _("never generated"));
        return;
    }
    switch (stage) {
    case SAMPLER_LOGITS:
        number_format(logit, (double)s->logits[id], 3, ascii);
        number_format(other, (double)s->logits[largest], 3, ascii);
        buffer_printf(b, "exp(%s − %s) / %.4f = %s", logit, other, 1 / (double)s->shares[stage][largest], now);
        break;
    case SAMPLER_TEMPERATURE:
        if (x->temperature > 0) {
            number_format(other, (double)s->steps.scaled[id], 3, ascii);
            buffer_printf(b, "%s / %g = %s; ", logit, x->temperature, other);
        }
        buffer_printf(b, _("its share was %s and is %s"), then, now);
        break;
    case SAMPLER_TOP_K:
        buffer_printf(b,
                      s->steps.top_k[id] > -(real)INFINITY ? _("no. %zu, stays: its share was %s and is %s")
                                                           : _("no. %zu, is cut: its share was %s and is %s"),
                      rank + 1, then, now);
        break;
    case SAMPLER_TOP_P:
        if (s->steps.top_k[id] == -(real)INFINITY)
            buffer_puts(b, _("was cut before"));
        else
            buffer_printf(b,
                          s->steps.top_p[id] > -(real)INFINITY ? _("those above it have %.4f: stays, its share was %s and is %s")
                                                               : _("those above it have %.4f: is cut, its share was %s and is %s"),
                          before, then, now);
        break;
    default:
        if (share > 0)
            buffer_printf(b, _("its share %s reaches from %.4f to %.4f"), now, before, before + share);
        else
            buffer_puts(b, s->steps.top_p[id] > -(real)INFINITY ? _("its share is smaller than any number drawn") : _("was cut before"));
    }
}

static void write_entropy(const App *app, const Sampled *s, Buffer *b)
{
    SamplerStage stage = stage_of(app);
    double h = s->entropy[stage], before = stage ? s->entropy[stage - 1] : 0;
    if (stage == SAMPLER_LOGITS)
        buffer_printf(b, _("entropy %.3f nats, %.0f%% of ln %zu: as undecided as among %.1f equal tokens"), h,
                      100 * h / log((double)s->vocab), s->vocab, exp(h));
    else if (stage == SAMPLER_DRAW)
        buffer_printf(b, _("entropy %.3f nats: like %.1f equal tokens; surprise −ln %.4f = %.3f nats"), h, exp(h),
                      (double)s->steps.probs[s->drawn], fabs(log((double)s->steps.probs[s->drawn])));
    else
        buffer_printf(b, _("entropy %.3f → %.3f nats: like %.1f equal tokens, before like %.1f"), before, h, exp(h), exp(before));
}

/* ---- the table ---- */

static void put_number(Canvas *c, int row, int col, Role role, double x)
{
    char text[NUMBER_MAX];
    number_format(text, x, 3, c->ascii);
    canvas_put_right(c, row, col, COLUMN, role, text);
}

static int name_width(Rect r)
{
    return r.cols >= 120 ? WIDE_NAME : NAME;
}

/* Whether this stage's table adds the shares up: where top-p cuts, and where the draw falls. */
static bool adds_up(SamplerStage stage)
{
    return stage >= SAMPLER_TOP_P;
}

/* The shares shown beside a stage: those that top-p adds up are what came before its cut. */
static const real *shares_shown(const Sampled *s, SamplerStage stage)
{
    return s->shares[stage == SAMPLER_TOP_P ? SAMPLER_TOP_K : stage];
}

/* One token: what each stage up to this one made of it. `before`: the shares of the tokens above it. */
static void draw_token(const App *app, Canvas *c, int row, Rect r, const Sampled *s, size_t id, double before, bool chosen)
{
    SamplerStage stage = stage_of(app);
    const real *stages[] = {s->logits, s->steps.scaled, s->steps.top_k, s->steps.top_p};
    const Config *config = &app->model->config;
    bool drawn = (int)id == s->drawn && stage == SAMPLER_DRAW,
         cut = stage && stages[stage < SAMPLER_TOP_P ? stage : SAMPLER_TOP_P][id] == -(real)INFINITY;
    Role role = chosen ? ROLE_CHOICE : drawn ? ROLE_DONE : cut ? ROLE_DIM : ROLE_TEXT;
    int name = name_width(r), col = r.col + 3 + name;
    Buffer b = {0};
    if (chosen)
        canvas_fill(c, row, r.col, r.cols, 1, role, " ");
    put_token(app, id, &b);
    canvas_put(c, row, r.col, 1, role, chosen ? "▸" : " ");
    canvas_put(c, row, r.col + 1, 2, role, drawn ? "✓" : " ");
    canvas_put_cut(c, row, r.col + 3, name, role, buffer_text(&b));
    buffer_free(&b);
    canvas_printf(c, row, col, 7, role, "%7zu", id);
    col += 7;
    for (int i = 0; i <= (int)stage && i < SAMPLER_DRAW; i++, col += COLUMN)
        put_number(c, row, col, role, (double)stages[i][id]);
    double share = (double)shares_shown(s, stage)[id];
    char text[NUMBER_MAX];
    number_share(text, share, 4, c->ascii);
    canvas_put_right(c, row, col, 8, role, text);
    col += 8;
    if (adds_up(stage)) {
        canvas_printf(c, row, col, 9, role, "%9.4f", before + share);
        col += 9;
    }
    int room = r.col + r.cols - 2 - col, filled = room > 4 ? (int)(share * room + 0.5) : 0;
    for (int k = 0; k < filled; k++)
        canvas_put(c, row, col + 2 + k, 1, chosen ? ROLE_TEXT : role, "█"); /* a choice's letters are dark: so would its bar be */
    if (config->suppress_bos && (int)id == config->bos && room > 4)
        canvas_put_cut(c, row, col + 2 + (filled ? filled + 1 : 0), room - (filled ? filled + 1 : 0), role, _("never generated"));
}

static void draw_head(const App *app, Canvas *c, int row, Rect r)
{
    SamplerStage stage = stage_of(app);
    int name = name_width(r), col = r.col + 3 + name;
    canvas_put(c, row, r.col + 3, name, ROLE_HEADING, _("token"));
    canvas_put_right(c, row, col, 7, ROLE_HEADING, _("id"));
    col += 7;
    for (int i = 0; i <= (int)stage && i < SAMPLER_DRAW; i++, col += COLUMN)
        canvas_put_right(c, row, col, COLUMN, ROLE_HEADING, i ? stage_word((SamplerStage)i) : _("logit"));
    canvas_put_right(c, row, col, 8, ROLE_HEADING, _("share"));
    if (adds_up(stage))
        canvas_put_right(c, row, col + 8, 9, ROLE_HEADING, _("up to"));
}

/* The end of the text so far, where the title has no room for the whole of it: what was taken last must be seen. Returns the rows taken. */
static int draw_text(const App *app, Canvas *c, int row, Rect r)
{
    enum { LINES = 6, BESIDE = 36 /* what the title says besides */ };
    const char *lines[LINES];
    Buffer text = {0};
    int most = r.rows / 8 < LINES ? r.rows / 8 : LINES, count = 0;
    app_input_text(app, config_last_stack(&app->model->config), &text);
    const char *s = buffer_text(&text), *end = s + text.len;
    if (canvas_text_width(c, s) + BESIDE > c->cols && most > 0) {
        size_t next;
        for (; s < end; s += next ? next : (size_t)(end - s)) {
            canvas_break_line(c, s, (size_t)(end - s), r.cols - 4, &next);
            lines[count++ % most] = s;
        }
        const char *first = lines[count > most ? count % most : 0];
        count = count < most ? count : most;
        bool cut = first > buffer_text(&text);
        canvas_put(c, row, r.col + 1, 2, ROLE_DIM, cut ? "… " : "");
        canvas_put_wrapped(c, row, r.col + 1 + 2 * cut, r.cols - 4, count, ROLE_LABEL, first);
    }
    buffer_free(&text);
    return count;
}

void next_draw(App *app, Canvas *c, Rect r)
{
    enum { TOP = 6 };
    Sampled s;
    size_t row = sampling_row(app), len;
    const int *ids = pass_ids(app->pass, config_last_stack(&app->model->config), &len);
    bool whole = sampling_run(app, &s);
    int top = r.row;
    Buffer b = {0};
    put_token(app, (size_t)ids[row], &b);
    canvas_printf(c, r.row, r.col + 1, r.cols - 2, ROLE_HEADING,
                  sampling_can(app) ? _("What comes after position %zu, '%s'") : _("What the output says at position %zu, '%s'"), row,
                  buffer_text(&b));
    if (row + 1 == len) {
        int used = draw_text(app, c, r.row + 1, r);
        r = (Rect){r.row + used, r.col, r.cols, r.rows - used};
    }
    if (sampling_can(app))
        draw_stages(app, c, (Rect){r.row + 1, r.col, r.cols, 1});
    if (!whole || s.drawn < 0) {
        canvas_put_wrapped(c, r.row + 2, r.col + 1, r.cols - 2, r.rows - 2, ROLE_ERROR, s.error.text);
        buffer_free(&b);
        sampling_free(&s);
        return;
    }
    if (app->scroll >= s.vocab)
        app->scroll = s.vocab - 1;
    size_t room = r.rows > TOP ? (size_t)(r.rows - TOP) : 1, first = app->scroll < room ? 0 : app->scroll - room + 1;
    const real *shares = shares_shown(&s, stage_of(app));
    double before = 0, above = 0; /* the first row; the row under the cursor */
    canvas_put_span(c, top, r.col, r.cols - 1, first, room, s.vocab);
    for (size_t i = 0; i < app->scroll; i++) {
        above += (double)shares[s.order[i]];
        if (i < first)
            before = above;
    }
    for (int line = 0; line < 3; line++) {
        buffer_clear(&b);
        if (line == 0)
            write_rule(app, &s, &b);
        else if (line == 1)
            write_token(app, &s, app->scroll, above, c->ascii, &b);
        else
            write_entropy(app, &s, &b);
        canvas_put_cut(c, r.row + 2 + line, r.col + 1, r.cols - 2, line == 1 ? ROLE_LABEL : ROLE_TEXT, buffer_text(&b));
    }
    buffer_free(&b);
    draw_head(app, c, r.row + TOP - 1, r);
    for (size_t i = first; i < s.vocab && i - first < room; i++) {
        draw_token(app, c, r.row + TOP + (int)(i - first), r, &s, s.order[i], before, i == app->scroll);
        before += (double)shares[s.order[i]];
    }
    sampling_free(&s);
}

/* ---- commands ---- */

void next_open(App *app)
{
    const Config *c = &app->model->config;
    size_t n;
    const int *ids = pass_ids(app->pass, config_last_stack(c), &n);
    app->view = VIEW_NEXT;
    app->scroll = 0;
    app->sampling.stage = SAMPLER_LOGITS;
    if (sampling_can(app) || c->mask < 0 || ids[sampling_row(app)] == c->mask)
        return;
    for (size_t i = n; i-- > 0;)
        if (ids[i] == c->mask)
            app->cursor[AXIS_TOKEN] = i;
}

static bool refuse_encoder(App *app)
{
    if (!sampling_can(app))
        app_say(app, ROLE_WARNING, "%s", _("an encoder generates nothing; ← and → go from token to token"));
    return !sampling_can(app);
}

/* The cursor to the token that is drawn here. */
static void go_to_drawn(App *app)
{
    Sampled s;
    if (sampling_run(app, &s))
        for (size_t i = 0; i < s.vocab; i++)
            if ((int)s.order[i] == s.drawn)
                app->scroll = i;
    sampling_free(&s);
}

/* The sampler's next stage; behind the draw the token is taken. False where the text ends. */
static bool go_on(App *app)
{
    if (app->sampling.stage < SAMPLER_DRAW) {
        if (++app->sampling.stage == SAMPLER_DRAW)
            go_to_drawn(app);
        return true;
    }
    if (!sampling_draw(app))
        return false;
    app->sampling.stage = SAMPLER_LOGITS;
    app->scroll = 0;
    return true;
}

/* The stage before; before the first, the token that was taken last is given back. */
static bool go_back(App *app)
{
    if (app->sampling.stage > SAMPLER_LOGITS) {
        app->sampling.stage--;
        return true;
    }
    if (!sampling_give_back(app))
        return false;
    app->sampling.stage = SAMPLER_DRAW;
    go_to_drawn(app);
    return true;
}

/* The id under the cursor. */
static size_t chosen(App *app)
{
    Sampled s;
    size_t id = 0;
    if (sampling_run(app, &s))
        id = s.order[app->scroll < s.vocab ? app->scroll : 0];
    sampling_free(&s);
    return id;
}

void next_search(App *app, const char *text)
{
    Sampled s;
    size_t found = 0, n = strlen(text);
    if (!n)
        return;
    if (sampling_run(app, &s))
        for (size_t k = 1; k <= s.vocab && !found; k++) {
            size_t i = (app->scroll + k) % s.vocab;
            Buffer name = {0};
            put_token(app, s.order[i], &name);
            for (const char *p = buffer_text(&name); *p && !found; p++)
                if (strncasecmp(p, text, n) == 0)
                    found = i + 1;
            buffer_free(&name);
        }
    if (found) {
        app->scroll = found - 1;
        app_say(app, ROLE_BADGE, _("%s: no. %zu of %zu; / and Enter finds the next"), text, found, s.vocab);
    } else
        app_say(app, ROLE_WARNING, _("%s: no token has that in its name"), text);
    sampling_free(&s);
}

/* Another position of an encoder. */
static void move_row(App *app, long by)
{
    size_t last = feed_last_position(app);
    long to = (long)sampling_row(app) + by;
    app->cursor[AXIS_TOKEN] = to < 0 ? 0 : (size_t)to > last ? last : (size_t)to;
}

bool next_command(App *app, CommandId id, size_t count)
{
    size_t times = count ? count : 1;
    switch (id) {
    case CMD_UP:
    case CMD_DOWN:
    case CMD_PAGE_UP:
    case CMD_PAGE_DOWN:
        app_scroll(app, id, count);
        return true;
    case CMD_FIRST:
        app->scroll = 0;
        return true;
    case CMD_LAST:
        app->scroll = app->model->config.vocab_size - 1;
        return true;
    case CMD_LEFT:
    case CMD_RIGHT:
        if (sampling_can(app))
            return false;
        move_row(app, id == CMD_LEFT ? -(long)times : (long)times);
        return true;
    case CMD_INTO: {
        size_t logits = pass_plan(app->pass)->count - 2; /* the plan ends in logits, probs */
        cell_open(app, (Cellref){.stage = logits, .index = {sampling_row(app), chosen(app)}});
        return true;
    }
    case CMD_OPEN:
        if (!refuse_encoder(app) && sampling_take(app, (int)chosen(app)))
            app->view = VIEW_STEP;
        return true;
    case CMD_NEXT:
        while (!refuse_encoder(app) && times-- && go_on(app))
            ;
        return true;
    case CMD_BACK:
        while (!refuse_encoder(app) && times-- && go_back(app))
            ;
        return true;
    case CMD_OUT:
    case CMD_RUN:
        if (refuse_encoder(app))
            return true;
        app->sampling.stage = SAMPLER_LOGITS;
        app->scroll = 0;
        sampling_go_on(app, count ? count : id == CMD_RUN ? SAMPLING_MOST : 1);
        return true;
    default:
        return false;
    }
}
