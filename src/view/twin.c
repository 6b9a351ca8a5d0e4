/* twin.c - what the baseline is of, and when it is made anew. Draws nothing. */
#include "view/twin.h"

#include "base/text.h"
#include "measure/twin.h"
#include "pass/ablation.h"
#include "train/run.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct Twin {
    Model *model;   /* the baseline's; NULL: the app's */
    bool has_input; /* a text of its own; else it is fed what the app is */
    Input input;
    Ablations trained; /* what the baseline's model was trained without */
    Ablations own;     /* and the pass's model */
    Comparison comparison;
    bool begun, compared;
};

static Twin *twin_of(App *app)
{
    if (!app->twin)
        app->twin = calloc(1, sizeof *app->twin);
    return app->twin;
}

static void forget_comparison(Twin *t)
{
    if (t->begun)
        comparison_free(&t->comparison);
    t->begun = t->compared = false;
}

/* Whether the pass differs from the model and text as they are. */
static bool is_changed(const App *app)
{
    const Twin *t = app->twin;
    return t->model || t->has_input || app->edits.count || app->ablations != t->trained;
}

void twin_make_baseline(App *app)
{
    Twin *t = twin_of(app);
    pass_free(app->baseline);
    app->baseline = NULL;
    if (!t)
        return;
    forget_comparison(t);
    const Model *m = t->model ? t->model : app->model;
    t->own = run_trained_without(app->model->path);
    t->trained = t->model ? run_trained_without(m->path) : t->own;
    if (!is_changed(app)) /* the pass is its own */
        return;
    app->baseline = pass_create(m, input_ids(t->has_input ? &t->input : &app->input), t->trained, NULL);
    if (app->baseline && hunt_put(app, app->baseline, NULL) != 0) { /* in a hunt both have the bug: the baseline does not give it away */
        pass_free(app->baseline);
        app->baseline = NULL;
    }
}

void twin_pass_changed(App *app)
{
    if (app->twin)
        forget_comparison(app->twin);
    if (!app->baseline)
        twin_make_baseline(app);
}

Pass *twin_hand_over(App *app)
{
    Pass *p = twin_is_open(app) ? NULL : app->baseline;
    if (p)
        app->baseline = NULL;
    return p;
}

bool twin_keep(App *app, Pass *plain)
{
    if (!app->twin || !app_is_light(plain))
        return false;
    pass_free(app->baseline);
    app->baseline = plain;
    return true;
}

void twin_leave_text(App *app)
{
    Twin *t = twin_of(app);
    if (t && t->has_input)
        input_free(&t->input);
    if (t)
        t->has_input = false;
}

void twin_leave_model(App *app)
{
    Twin *t = twin_of(app);
    if (!t || !t->model)
        return;
    pass_free(app->baseline); /* it reads this model */
    app->baseline = NULL;
    model_free(t->model);
    t->model = NULL;
}

void twin_free(App *app)
{
    pass_free(app->baseline);
    app->baseline = NULL;
    if (!app->twin)
        return;
    forget_comparison(app->twin);
    twin_leave_text(app);
    twin_leave_model(app);
    free(app->twin);
    app->twin = NULL;
}

/* ---- opening one ---- */

/* "3,1,4": ids as they are typed. */
static char *ids_text(const Ids *ids)
{
    Buffer b = {0};
    for (size_t i = 0; i < ids->len; i++)
        buffer_printf(&b, i ? ",%d" : "%d", ids->data[i]);
    char *text = strdup(buffer_text(&b));
    buffer_free(&b);
    return text;
}

bool twin_set_text(App *app, const char *text)
{
    Error e = {{0}};
    Input in;
    Twin *t = twin_of(app);
    bool words = vocab_has_text(app->model->vocab), both = app->model->config.kind == KIND_ENCODER_DECODER;
    if (!t || twin_read_input(&in, app->model, &app->input, text, NULL, &e) != 0) {
        app_say(app, ROLE_ERROR, "%s", e.text);
        return false;
    }
    Pass *p = feed_edited_pass(app, app->model, &in, &e);
    if (!p) {
        app_say(app, ROLE_ERROR, "%s", e.text);
        input_free(&in);
        return false;
    }
    if (!t->has_input) /* a third text still stands beside the first */
        t->input = app->input;
    else
        input_free(&app->input);
    t->has_input = true;
    app->input = in;
    app->sampling.taken = in.own;
    feed_free_given(&app->given);
    app->given = (InputText){
        .text = words ? strdup(text) : NULL, .ids = words ? NULL : strdup(text), .target_ids = both ? ids_text(&in.target) : NULL};
    feed_replace_pass(app, p);
    app->cursor[AXIS_TOKEN] = feed_last_position(app);
    app->top = app->left = 0;
    app_say(app, ROLE_BADGE, "%s",
            both ? _("beside the sentence before, the decoder fed the same words, so that only the source differs: F shows how far each stage differs, y "
                     "the matrices")
                 : _("beside the sentence before: F shows how far each stage differs, y the matrices side by side"));
    return true;
}

bool twin_set_model(App *app, const char *name)
{
    Error e = {{0}};
    Twin *t = twin_of(app);
    Model *m = t ? model_open(name, NULL, &e) : NULL;
    if (!m || twin_check_model(app->model, m, &e) != 0) {
        app_say(app, ROLE_ERROR, "%s", e.text);
        model_free(m);
        return false;
    }
    Ablations before = app->ablations;
    app->ablations = (before & ~t->own) | run_trained_without(m->path);
    Pass *p = feed_edited_pass(app, m, &app->input, &e);
    if (!p) {
        app->ablations = before;
        app_say(app, ROLE_ERROR, "%s", e.text);
        model_free(m);
        return false;
    }
    Model *old = app->model;
    twin_leave_model(app);
    t->model = old;
    app->model = m;
    app->changed = false;
    table_forget(app);
    feed_replace_pass(app, p);
    app_say(app, ROLE_BADGE, _("%s beside %s: F shows how far each stage differs, y the matrices side by side"), m->name, old->name);
    return true;
}

/* ---- what it is, and how it differs ---- */

bool twin_is_other(const App *app)
{
    return app->twin && (app->twin->model || app->twin->has_input);
}

bool twin_is_open(const App *app)
{
    return app->twin && app->baseline && is_changed(app);
}

const Comparison *twin_comparison(App *app)
{
    Twin *t = app->twin;
    if (!twin_is_open(app))
        return NULL;
    while (!t->compared && !app->pump && app_is_light(app->pass)) /* a heavy one when F asks for it */
        twin_work(app);
    return t->compared && t->comparison.count ? &t->comparison : NULL;
}

bool twin_pending(const App *app)
{
    return twin_is_open(app) && !app->twin->compared && app_is_light(app->pass);
}

/* A pass that was not run to its end when it was changed: only now is it known whether that did anything. */
static void say_nothing_changed(App *app)
{
    const Comparison *c = &app->twin->comparison;
    size_t logits = pass_plan(app->pass)->count - 2; /* the plan ends in logits, probs */
    for (size_t k = 0; k < c->count; k++)
        if (c->stages[k].twin == (int)logits && c->stages[k].identical)
            app_say(app, ROLE_WARNING, "%s", _("what was changed changed nothing in the output"));
}

/* Computes one more stage on the way to this one; false where it is there. */
static bool is_behind(Pass *p, int stage)
{
    bool behind = stage != NO_STAGE && pass_done(p) <= (size_t)stage;
    if (behind)
        pass_value(p, pass_done(p));
    return behind;
}

void twin_work(App *app)
{
    Twin *t = app->twin;
    if (!t->begun && compare_begin(&t->comparison, app->baseline, app->pass, NULL) != 0)
        t->comparison = (Comparison){.first = -1}; /* no memory: none, and not tried again */
    t->begun = true;
    const StageDifference *next = t->comparison.done < t->comparison.count ? &t->comparison.stages[t->comparison.done] : NULL;
    if (next && (is_behind(app->baseline, next->baseline) || is_behind(app->pass, next->twin)))
        return; /* the largest piece is a stage of one pass: no key waits longer */
    t->compared = !compare_next(&t->comparison, app->baseline, app->pass);
    if (t->compared && !app_is_run_at_once(app->pass) && !twin_is_other(app))
        say_nothing_changed(app);
}

bool twin_compare(App *app)
{
    Twin *t = app->twin;
    while (twin_is_open(app) && !t->compared) {
        twin_work(app);
        if (!app_progress(app, PROGRESS_COMPARING, t->comparison.done, t->comparison.count + t->comparison.row_count))
            return false;
    }
    return true;
}

const StageDifference *twin_difference(App *app, size_t i)
{
    const Comparison *c = twin_comparison(app);
    for (size_t k = 0; c && k < c->count; k++)
        if (c->stages[k].twin == (int)i)
            return &c->stages[k];
    return NULL;
}

static void add_tokens(const Pass *p, Stack stack, Buffer *out)
{
    size_t n;
    const int *ids = pass_ids(p, stack, &n);
    for (size_t i = 0; i < n; i++) {
        Buffer token = {0};
        label_token(p, ids[i], &token);
        buffer_putc(out, ' ');
        text_escape(out, buffer_text(&token), token.len, false);
        buffer_free(&token);
    }
}

void twin_describe(const App *app, Buffer *out)
{
    const Twin *t = app->twin;
    Buffer names = {0};
    ablations_write(app->ablations & ~t->own, &names);
    if (names.len)
        buffer_printf(out, _("switched off now: %s"), buffer_text(&names));
    if (app->edits.count)
        buffer_printf(out, ngettext("%s%zu edit", "%s%zu edits", app->edits.count), out->len ? ", " : "", app->edits.count);
    if (t->model || t->has_input) {
        buffer_printf(out, "%s%s; %s", out->len ? ", " : "", t->model ? app->model->name : _("this text"), _("baseline:"));
        if (t->model)
            buffer_printf(out, " %s", t->model->name);
        if (t->has_input)
            add_tokens(app->baseline, config_has_stack(&app->model->config, STACK_ENCODER) ? STACK_ENCODER : STACK_DECODER, out);
    } else
        buffer_puts(out, _("; baseline: without that"));
    buffer_free(&names);
}

bool twin_metric(App *app, MetricLine *out)
{
    const StageDifference *d = twin_difference(app, app->at);
    if (!d || d->baseline == NO_STAGE || d->fate == FATE_SHAPES || app->phase != PHASE_FORWARD)
        return false;
    Cellref cell = app_cell(app);
    const Stage *s = app_stage(app), *b = &pass_plan(app->baseline)->stages[d->baseline];
    for (int k = 0; k < s->rank; k++)
        if (cell.index[k] >= b->shape[k])
            return false;
    char now[NUMBER_MAX], before[NUMBER_MAX], apart[NUMBER_MAX];
    double x = (double)pass_value(app->baseline, (size_t)d->baseline)[cell_offset(b, cell.index)];
    double y = (double)pass_value(app->pass, app->at)[cell_offset(s, cell.index)];
    int (*format)(char out[NUMBER_MAX], double x, int digits, bool ascii) = number_is_share(s) ? number_share : number_format;
    format(before, x, app->digits, false);
    format(now, y, app->digits, false);
    format(apart, compare_numbers(x, y), app->digits, false);
    snprintf(out->label, sizeof out->label, "%s", _("at the cursor"));
    if (d->fate == FATE_SAME)
        snprintf(out->value, sizeof out->value, _("%s, as in the baseline; so is all of this stage"), now);
    else
        snprintf(out->value, sizeof out->value, _("%s, baseline %s, difference %s"), now, before, apart);
    return true;
}

/* ---- the scale of the bars ---- */

void twin_scale(const Comparison *c, double *low, double *high)
{
    *low = INFINITY;
    *high = -INFINITY;
    for (size_t k = 0; k < c->count; k++) {
        double x = c->stages[k].relative;
        if (x > 0 && isfinite(x)) {
            *low = fmin(*low, floor(log10(x)));
            *high = fmax(*high, ceil(log10(x)));
        }
    }
    if (*low > *high) {
        *low = -1;
        *high = 0;
    }
    *low = fmax(*low, *high - 8);
    *high += *high == *low;
}

int twin_bar(const Comparison *c, double relative, int most)
{
    double low, high;
    if (!(relative > 0))
        return 0;
    twin_scale(c, &low, &high);
    double share = isfinite(relative) ? (log10(relative) - low) / (high - low) : 1;
    int n = (int)(share * (most - 1) + 0.5) + 1;
    return n < 1 ? 1 : n > most ? most : n;
}
