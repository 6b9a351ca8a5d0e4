/* sampling.c - the sampler's stages on the pass, tokens taken and given back, and the settings. Draws nothing: next.c and cache.c do. */
#include "view/app.h"

#include "base/text.h"
#include "measure/metrics.h"

#include <math.h>
#include <stdlib.h>

bool sampling_can(const App *app)
{
    return config_has_stack(&app->model->config, STACK_DECODER);
}

size_t sampling_row(const App *app)
{
    size_t last = feed_last_position(app), cursor = app->cursor[AXIS_TOKEN];
    return sampling_can(app) || cursor > last ? last : cursor;
}

/* ---- what each stage makes of a row ---- */

static void share_all(Sampled *s, const Sampler *sampler)
{
    const real *left[] = {s->logits, sampler->temperature == 0 ? s->steps.top_k : s->row, s->steps.top_k, s->steps.top_p, s->steps.top_p};
    for (int i = 0; i < SAMPLER_STAGES; i++) {
        bool first = i == SAMPLER_LOGITS;
        sample_shares(s->shares[i], left[i], first ? s->logits : s->row, first ? 1 : sampler->temperature, s->vocab);
        s->entropy[i] = entropy(s->shares[i], s->vocab);
    }
}

void sampling_free(Sampled *s)
{
    free(s->block);
    free(s->order);
}

bool sampling_run(App *app, Sampled *s)
{
    enum { ROWS = 5 + SAMPLER_STAGES };
    const Plan *plan = pass_plan(app->pass);
    const Sampling *settings = &app->sampling;
    size_t vocab = app->model->config.vocab_size;
    *s = (Sampled){.vocab = vocab, .drawn = -1};
    s->block = calloc(ROWS * vocab, sizeof *s->block);
    s->order = calloc(vocab, sizeof *s->order);
    if (!s->block || !s->order) {
        error_memory(&s->error, "sampler");
        app_say(app, ROLE_ERROR, "%s", s->error.text);
        return false;
    }
    s->steps = sample_steps(s->block, vocab);
    for (size_t i = 0; i < SAMPLER_STAGES; i++)
        s->shares[i] = s->block + (5 + i) * vocab;
    s->logits = pass_value(app->pass, plan->count - 2) + sampling_row(app) * vocab; /* the plan ends in logits, probs */
    s->row = sampling_can(app) ? sample_row(&app->model->config, s->logits, s->block + 4 * vocab) : s->logits;
    sample_order(s->order, s->logits, vocab);
    Sampler sampler = {settings->temperature, settings->top_k, settings->top_p, random_seeded(settings->seed)};
    for (size_t i = 0; i < settings->taken && settings->temperature > 0; i++)
        random_uniform(&sampler.random); /* the draws before this one: as `generate` with this seed */
    s->drawn = sample_next(&sampler, s->row, vocab, &s->steps, &s->error);
    if (s->drawn >= 0)
        share_all(s, &sampler);
    return true;
}

/* ---- taking tokens ---- */

bool sampling_take(App *app, int id)
{
    const Config *c = &app->model->config;
    Buffer token = {0}, shown = {0};
    bool taken = false;
    if (c->position == POSITION_LEARNED && app->input.target.len >= c->max_len) {
        app_say(app, ROLE_WARNING, _("%s: all its %zu learned positions are taken: no room for another token"), app->model->name,
                c->max_len);
        return false;
    }
    label_token(app->pass, id, &token);
    text_escape(&shown, buffer_text(&token), token.len, false);
    taken = app_take_token(app, id);
    if (taken && c->position == POSITION_ROPE && !app->model->untrained && app->input.target.len == c->max_len + 1)
        app_say(app, ROLE_WARNING, _("%s was made for %zu tokens (max_len): what it says from here on may be worth little"),
                app->model->name, c->max_len);
    else if (taken)
        app_say(app, ROLE_BADGE, _("'%s' taken: the pass was run again with it"), buffer_text(&shown));
    buffer_free(&token);
    buffer_free(&shown);
    return taken;
}

bool sampling_draw(App *app)
{
    Sampled s;
    bool taken = false;
    if (sampling_run(app, &s)) {
        if (s.drawn < 0)
            app_say(app, ROLE_ERROR, "%s", s.error.text);
        else if (generate_ends(app->model, s.drawn))
            app_say(app, ROLE_WARNING, _("the end token %s comes next: generation ends here (w, Enter takes it)"),
                    vocab_token(app->model->vocab, s.drawn));
        else
            taken = sampling_take(app, s.drawn);
    }
    sampling_free(&s);
    return taken;
}

void sampling_go_on(App *app, size_t most)
{
    size_t n = 0;
    bool on = true;
    while (n < most && on && sampling_draw(app)) {
        n++;
        on = n == most || app_progress(app, PROGRESS_TOKENS, n, most);
    }
    if (n == most && n > 1)
        app_say(app, ROLE_BADGE, ngettext("%zu token taken; b gives it back", "%zu tokens taken; b gives one back", n), n);
}

bool sampling_give_back(App *app)
{
    if (app->sampling.taken && app->input.target.len > 1)
        return app_give_token_back(app);
    app_say(app, ROLE_BADGE, "%s", _("no token was taken here that could be given back"));
    return false;
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
        if (!whole || x > 1e6)
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
            command == CMD_TOP_P         ? _("a number above 0 and at most 1")
            : command == CMD_TEMPERATURE ? _("a number from 0 to 1000000")
                                         : _("a whole number, 0 or more"),
            number);
    return false;
}
