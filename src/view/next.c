/* next.c - what comes next: the sampler, stage by stage over the whole vocabulary; take a token and go on stepping with it. */
#include "view/app.h"

#include "base/text.h"
#include "measure/metrics.h"
#include "pass/sample.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

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

/* ---- the sampler's stages ---- */

/* What every stage made of the row, and in which order the tokens are listed: the largest logit first, of equal ones the smaller id. */
typedef struct Sampled {
    const real *logits; /* [vocab], the pass's */
    SampleSteps steps;
    real *block; /* of the steps */
    size_t *order, vocab;
    int drawn;    /* the id, or -1 */
    double place; /* where in [0, 1) the draw fell; at temperature 0 nothing is drawn */
    Error error;
} Sampled;

/* For qsort, which hands nothing through. */
static const real *sorted_by;

static int by_logit(const void *a, const void *b)
{
    size_t i = *(const size_t *)a, k = *(const size_t *)b;
    if (sorted_by[i] != sorted_by[k])
        return sorted_by[i] > sorted_by[k] ? -1 : 1;
    return (i > k) - (i < k);
}

static void sampled_free(Sampled *s)
{
    free(s->block);
    free(s->order);
}

/* Runs the sampler on the shown row. False without memory. */
static bool sample(App *app, Sampled *s)
{
    const Plan *plan = pass_plan(app->pass);
    const Sampling *settings = &app->sampling;
    size_t vocab = app->model->config.vocab_size;
    *s = (Sampled){.vocab = vocab, .drawn = -1};
    s->block = calloc(5 * vocab, sizeof *s->block);
    s->order = calloc(vocab, sizeof *s->order);
    if (!s->block || !s->order)
        return false;
    s->steps = (SampleSteps){s->block, s->block + vocab, s->block + 2 * vocab, s->block + 3 * vocab, 0};
    s->logits = pass_value(app->pass, plan->count - 2) + shown_row(app) * vocab;
    for (size_t i = 0; i < vocab; i++)
        s->order[i] = i;
    sorted_by = s->logits;
    qsort(s->order, vocab, sizeof *s->order, by_logit);
    Sampler sampler = {settings->temperature, settings->top_k, settings->top_p, random_seeded(settings->seed)};
    for (size_t i = 0; i < settings->taken && settings->temperature > 0; i++)
        random_uniform(&sampler.random); /* the draws before this one: as `generate` with this seed */
    if (!can_generate(app))
        sampler.temperature = 1; /* the row's own distribution */
    const real *row = can_generate(app) ? sample_row(&app->model->config, s->logits, s->block + 4 * vocab) : s->logits;
    s->drawn = sample_next(&sampler, row, vocab, &s->steps, &s->error);
    s->place = s->steps.place;
    return true;
}

static size_t left_over(const real *x, size_t n)
{
    size_t left = 0;
    for (size_t i = 0; i < n; i++)
        left += x[i] > -(real)INFINITY;
    return left;
}

/* ---- drawing ---- */

enum { NAME = 12, COLUMN = 9 };

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
            col += canvas_put(c, r.row, col, 3, ROLE_DIM, " → ");
        col += canvas_put(c, r.row, col, 10, i == (int)s->stage ? ROLE_HERE : ROLE_DIM, stage_word((SamplerStage)i));
    }
    snprintf(k, sizeof k, "%zu", s->top_k);
    if (!s->top_k)
        snprintf(k, sizeof k, "%s", _("all"));
    snprintf(text, sizeof text, "T %g · top-k %s · top-p %g · seed %llu", s->temperature, k, s->top_p, (unsigned long long)s->seed);
    canvas_put_right(c, r.row, col + 2, r.col + r.cols - 1 - col - 2, ROLE_LABEL, text);
}

/* One line: what this stage did. */
static void draw_what(const App *app, Canvas *c, Rect r, const Sampled *s)
{
    const Sampling *x = &app->sampling;
    Buffer b = {0};
    double h = entropy(s->steps.probs, s->vocab);
    switch (x->stage) {
    case SAMPLER_LOGITS: {
        const Plan *plan = pass_plan(app->pass);
        double own = entropy(pass_value(app->pass, plan->count - 1) + shown_row(app) * s->vocab, s->vocab);
        buffer_printf(&b, _("entropy %.3f nats, %.0f%% of ln %zu: as undecided as %.1f equal tokens"), own, 100 * own / log((double)s->vocab),
                      s->vocab, exp(own));
        break;
    }
    case SAMPLER_TEMPERATURE:
        if (x->temperature == 0)
            buffer_puts(&b, _("temperature 0: the largest logit is taken, nothing is drawn; :temperature 0.8 sets it"));
        else
            buffer_printf(&b, _("every logit is divided by %g: %s"), x->temperature,
                          x->temperature < 1   ? _("differences grow, the choice becomes sharper")
                          : x->temperature > 1 ? _("differences shrink, the choice becomes more even")
                                               : _("nothing changes"));
        break;
    case SAMPLER_TOP_K:
        buffer_printf(&b, _("%zu of %zu tokens are left; the others are −∞"), left_over(s->steps.top_k, s->vocab), s->vocab);
        break;
    case SAMPLER_TOP_P:
        buffer_printf(&b, _("%zu are left: the likeliest that together have %g; entropy %.3f nats"), left_over(s->steps.top_p, s->vocab), x->top_p, h);
        break;
    default:
        if (s->drawn < 0)
            buffer_puts(&b, s->error.text);
        else if (x->temperature == 0)
            put_token(app, s->drawn, &b);
        else {
            buffer_printf(&b, _("the number drawn is %.4f, which falls into the share of '"), s->place);
            put_token(app, s->drawn, &b);
            buffer_puts(&b, "'");
        }
    }
    canvas_put_cut(c, r.row, r.col + 1, r.cols - 2, s->drawn < 0 && x->stage == SAMPLER_DRAW ? ROLE_ERROR : ROLE_TEXT, buffer_text(&b));
    buffer_free(&b);
}

static void put_number(Canvas *c, int row, int col, Role role, double x)
{
    char text[NUMBER_MAX];
    number_format(text, x, 3, c->ascii);
    canvas_put_right(c, row, col, COLUMN, role, text);
}

/* One token: what each stage up to this one made of it. `before`: the shares of the tokens above it. */
static void draw_token(const App *app, Canvas *c, int row, Rect r, const Sampled *s, size_t id, double before, bool chosen)
{
    SamplerStage stage = app->sampling.stage;
    const real *stages[] = {s->logits, s->steps.scaled, s->steps.top_k, s->steps.top_p};
    Role role = chosen ? ROLE_CHOICE : (int)id == s->drawn && stage == SAMPLER_DRAW ? ROLE_DONE : ROLE_TEXT;
    int col = r.col + 3 + NAME;
    Buffer b = {0};
    if (chosen)
        canvas_fill(c, row, r.col, r.cols, 1, role, " ");
    put_token(app, (int)id, &b);
    canvas_put(c, row, r.col + 1, 1, role, chosen ? "▸" : (int)id == s->drawn && stage == SAMPLER_DRAW ? "✓" : " ");
    canvas_put_cut(c, row, r.col + 3, NAME, role, buffer_text(&b));
    buffer_free(&b);
    canvas_printf(c, row, col, 7, role, "%7zu", id);
    col += 7;
    for (int i = 0; i <= (int)stage && i < SAMPLER_DRAW; i++, col += COLUMN)
        put_number(c, row, col, role, (double)stages[i][id]);
    double share = stage == SAMPLER_LOGITS ? (double)pass_value(app->pass, pass_plan(app->pass)->count - 1)[shown_row(app) * s->vocab + id]
                                           : (double)s->steps.probs[id];
    if (stage == SAMPLER_LOGITS || stage == SAMPLER_DRAW) {
        canvas_printf(c, row, col, 8, role, "%8.4f", share);
        col += 8;
    }
    if (stage == SAMPLER_DRAW) {
        canvas_printf(c, row, col, 9, role, "%9.4f", before + share);
        col += 9;
    }
    int room = r.col + r.cols - 2 - col, filled = room > 4 && (stage == SAMPLER_LOGITS || stage == SAMPLER_DRAW) ? (int)(share * room + 0.5) : 0;
    for (int k = 0; k < filled; k++)
        canvas_put(c, row, col + 2 + k, 1, role, "█");
    const Config *config = &app->model->config;
    if (config->suppress_bos && (int)id == config->bos && room > 4)
        canvas_put_cut(c, row, col + 2 + (filled ? filled + 1 : 0), room - (filled ? filled + 1 : 0), role, _("never generated"));
}

static void draw_head(const App *app, Canvas *c, int row, Rect r)
{
    SamplerStage stage = app->sampling.stage;
    int col = r.col + 3 + NAME;
    canvas_put(c, row, r.col + 3, NAME, ROLE_HEADING, _("token"));
    canvas_put_right(c, row, col, 7, ROLE_HEADING, _("id"));
    col += 7;
    for (int i = 0; i <= (int)stage && i < SAMPLER_DRAW; i++, col += COLUMN)
        canvas_put_right(c, row, col, COLUMN, ROLE_HEADING, i ? stage_word((SamplerStage)i) : _("logit"));
    if (stage == SAMPLER_LOGITS || stage == SAMPLER_DRAW)
        canvas_put_right(c, row, col, 8, ROLE_HEADING, _("share"));
    if (stage == SAMPLER_DRAW)
        canvas_put_right(c, row, col + 8, 9, ROLE_HEADING, _("up to"));
}

void next_draw(App *app, Canvas *c, Rect r)
{
    Sampled s;
    size_t row = shown_row(app), len;
    const int *ids = pass_ids(app->pass, config_last_stack(&app->model->config), &len);
    bool whole = sample(app, &s);
    Buffer b = {0};
    put_token(app, ids[row], &b);
    canvas_printf(c, r.row, r.col + 1, r.cols - 2, ROLE_HEADING, can_generate(app) ? _("What comes after position %zu, '%s'") : _("What the output says at position %zu, '%s'"), row, buffer_text(&b));
    buffer_free(&b);
    if (!whole) {
        sampled_free(&s);
        return;
    }
    if (can_generate(app))
        draw_stages(app, c, (Rect){r.row + 1, r.col, r.cols, 1});
    draw_what(app, c, (Rect){r.row + 2, r.col, r.cols, 1}, &s);
    if (app->scroll >= s.vocab)
        app->scroll = s.vocab - 1;
    size_t room = r.rows > 5 ? (size_t)(r.rows - 5) : 1, first = app->scroll < room ? 0 : app->scroll - room + 1;
    double before = 0;
    canvas_put_span(c, r.row, r.col, r.cols - 1, first, room, s.vocab);
    for (size_t i = 0; i < first; i++)
        before += (double)s.steps.probs[s.order[i]];
    draw_head(app, c, r.row + 4, r);
    for (size_t i = first; i < s.vocab && i - first < room; i++) {
        draw_token(app, c, r.row + 5 + (int)(i - first), r, &s, s.order[i], before, i == app->scroll);
        before += (double)s.steps.probs[s.order[i]];
    }
    sampled_free(&s);
}

/* ---- going on ---- */

static void take(App *app, size_t id)
{
    Buffer b = {0};
    put_token(app, (int)id, &b);
    size_t before = app->input.target.len;
    app_take_token(app, (int)id);
    if (app->input.target.len > before)
        app_say(app, ROLE_BADGE, _("'%s' taken: the pass was run again with it"), buffer_text(&b));
    app->scroll = 0;
    app->sampling.stage = SAMPLER_LOGITS;
    buffer_free(&b);
}

static bool refuse_encoder(App *app)
{
    if (!can_generate(app))
        app_say(app, ROLE_WARNING, "%s", _("an encoder generates nothing: it says something about every token it was given"));
    return !can_generate(app);
}

/* The sampler's next stage; behind the draw the token is taken. */
static void go_on(App *app)
{
    Sampled s;
    if (refuse_encoder(app))
        return;
    if (app->sampling.stage < SAMPLER_DRAW) {
        app->sampling.stage++;
        return;
    }
    if (sample(app, &s) && s.drawn >= 0)
        take(app, (size_t)s.drawn);
    else
        app_say(app, ROLE_ERROR, "%s", s.error.text);
    sampled_free(&s);
}

/* The stage before; before the first, the token that was taken last is given back. */
static void go_back(App *app)
{
    if (refuse_encoder(app))
        return;
    if (app->sampling.stage > SAMPLER_LOGITS)
        app->sampling.stage--;
    else if (app->sampling.taken) {
        app_give_token_back(app);
        app->sampling.stage = SAMPLER_DRAW;
        app->scroll = 0;
    } else
        app_say(app, ROLE_BADGE, "%s", _("no token was taken here that could be given back"));
}

/* The token under the cursor. */
static void take_chosen(App *app)
{
    Sampled s;
    if (refuse_encoder(app))
        return;
    if (sample(app, &s))
        take(app, s.order[app->scroll < s.vocab ? app->scroll : 0]);
    sampled_free(&s);
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
    case CMD_LAST: app->scroll = app->model->config.vocab_size - 1; return true;
    case CMD_OPEN:
        take_chosen(app);
        app->view = VIEW_STEP;
        return true;
    case CMD_NEXT:
        while (times--)
            go_on(app);
        return true;
    case CMD_BACK:
        while (times--)
            go_back(app);
        return true;
    default: return false;
    }
}

/* ---- settings ---- */

bool sampling_set(App *app, int command, const char *number)
{
    Sampling *s = &app->sampling;
    char *end;
    double x = strtod(number, &end);
    bool whole = end != number && !*end && isfinite(x) && x >= 0;
    switch (command) {
    case CMD_TEMPERATURE:
        if (!whole)
            break;
        s->temperature = x;
        app_say(app, ROLE_BADGE, x == 0 ? _("temperature 0: the likeliest token is taken") : _("temperature %g"), x);
        return true;
    case CMD_TOP_K:
        if (!whole || x != floor(x) || x > CONFIG_MAX_SIZE)
            break;
        s->top_k = (size_t)x;
        app_say(app, ROLE_BADGE, x == 0 ? _("top-k: all tokens") : _("top-k: the %.0f likeliest"), x);
        return true;
    case CMD_TOP_P:
        if (!whole || x <= 0 || x > 1)
            break;
        s->top_p = x;
        app_say(app, ROLE_BADGE, _("top-p %g"), x);
        return true;
    default:
        if (!whole || x != floor(x) || x > 9007199254740992.0)
            break;
        s->seed = (uint64_t)x;
        app_say(app, ROLE_BADGE, _("seed %.0f"), x);
        return true;
    }
    app_say(app, ROLE_ERROR, _("%s: expected %s, found %s"), command_table[command].name,
            command == CMD_TOP_P ? _("a number above 0 and at most 1") : command == CMD_TEMPERATURE ? _("a number, 0 or more") : _("a whole number, 0 or more"),
            number);
    return false;
}
