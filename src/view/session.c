/* session.c - from the debugger's state to a session and back: which model it was, and where one stood in it. */
#include "view/session.h"

#include "base/file.h"
#include "base/text.h"
#include "pass/ablation.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#ifndef VERSION
#define VERSION "unknown"
#endif

/* ---- which model it is ---- */

static const uint64_t FNV_BASIS = 14695981039346656037u, FNV_PRIME = 1099511628211u;

static void mix(uint64_t *hash, const void *bytes, size_t n)
{
    for (const unsigned char *p = bytes; n--; p++)
        *hash = (*hash ^ *p) * FNV_PRIME;
}

static void finish(uint64_t hash, Fingerprint out)
{
    snprintf(out, FINGERPRINT, "%016llx", (unsigned long long)hash);
}

/* Weights as 32-bit floats, low byte first: the same for every build and machine. */
static uint64_t hash_weights(const Weights *w)
{
    uint64_t hash = FNV_BASIS;
    for (size_t i = 0; i < w->count; i++) {
        real *copy;
        const real *values = weight_borrow(&w->items[i], &copy);
        for (size_t k = 0; k < w->items[i].count; k++) {
            float x = (float)(values ? values[k] : weight_at(&w->items[i], k));
            uint32_t bits;
            memcpy(&bits, &x, sizeof bits);
            for (int b = 0; b < 4; b++, bits >>= 8)
                hash = (hash ^ (bits & 0xff)) * FNV_PRIME;
        }
        free(copy);
    }
    return hash;
}

static void fingerprint(const Model *m, Fingerprint config, Fingerprint vocabulary, Fingerprint weights)
{
    Buffer text = {0};
    uint64_t hash = FNV_BASIS;
    config_write(&m->config, &text);
    mix(&hash, buffer_text(&text), text.len);
    buffer_free(&text);
    finish(hash, config);
    hash = FNV_BASIS;
    for (size_t i = 0; i < vocab_size(m->vocab); i++)
        mix(&hash, vocab_token(m->vocab, (int)i), strlen(vocab_token(m->vocab, (int)i)) + 1);
    finish(hash, vocabulary);
    finish(hash_weights(&m->weights), weights);
}

/* What -m opens it by: random:…, its name where that finds it, else its whole path. NULL without memory. */
static char *opening_name(const Model *m)
{
    if (!m->path)
        return strdup(m->name);
    char *relative = file_join("tiny-models", m->name), *found = relative ? data_find(relative) : NULL;
    char *there = found ? realpath(found, NULL) : NULL, *here = realpath(m->path, NULL);
    char *name = there && here && strcmp(there, here) == 0 ? strdup(m->name) : here ? strdup(here) : strdup(m->path);
    free(relative);
    free(found);
    free(there);
    free(here);
    return name;
}

/* ---- saving ---- */

static bool copy(char **to, const char *from)
{
    *to = from ? strdup(from) : NULL;
    return *to || !from;
}

static bool copy_list(TextList *to, const TextList *from)
{
    for (size_t i = 0; i < from->count; i++)
        if (text_list_add(to, from->items[i], NULL) != 0)
            return false;
    return true;
}

static bool copy_inspected(Session *s, const Inspect *x)
{
    for (size_t i = 0; i < x->breakpoints.count; i++)
        if (text_list_add(&s->breakpoints, x->breakpoints.items[i].text, NULL) != 0)
            return false;
    for (size_t i = 0; i < x->watch_count; i++)
        if (text_list_add(&s->watches, x->watches[i].text, NULL) != 0)
            return false;
    return true;
}

static bool copy_ids(Ids *to, const App *app, Stack stack)
{
    size_t n = 0;
    const int *ids = config_has_stack(&app->model->config, stack) ? pass_ids(app->pass, stack, &n) : NULL;
    for (size_t i = 0; i < n; i++)
        if (ids_add(to, ids[i], NULL) != 0)
            return false;
    return true;
}

int session_of(const App *app, Session *s, Error *e)
{
    char stage[STAGE_NAME_MAX];
    *s = (Session){.ablations = app->ablations,
                   .phase = app->phase,
                   .grain = app->grain,
                   .show = app->show,
                   .all_heads = app->all_heads,
                   .show_value = app->show_value,
                   .digits = (size_t)app->digits,
                   .top = app->top,
                   .left = app->left,
                   .theme = app->theme,
                   .sampling = app->sampling,
                   .hunt = app->hunt};
    memcpy(s->cursor, app->cursor, sizeof s->cursor);
    s->view = app->view == VIEW_MENU ? VIEW_STEP : app->view == VIEW_CELL ? cell_place(app) : app->view;
    const char *weight = app->view == VIEW_WEIGHT ? app->model->weights.items[app->weight].name : NULL;
    memcpy(s->weight_cursor, app->weight_cursor, sizeof s->weight_cursor);
    s->model = opening_name(app->model);
    bool whole = s->model && copy(&s->program, VERSION) && copy(&s->tokenizer, app->take.tokenizer) && copy(&s->text, app->given.text) &&
                 copy(&s->target_text, app->given.target) && copy(&s->ids, app->given.ids) && copy(&s->target_ids, app->given.target_ids) &&
                 copy(&s->stage, stage_name(app_stage(app), stage)) && copy(&s->weight, weight) && copy_ids(&s->source, app, STACK_ENCODER) &&
                 copy_ids(&s->target, app, STACK_DECODER) && copy_list(&s->edits, &(TextList){app->edits.items, app->edits.count}) &&
                 copy_inspected(s, &app->inspect);
    int status = whole ? 0 : error_memory(e, "session");
    if (status == 0 && app->changed) { /* a session names weights, it does not hold them: those of the model as it is opened */
        Model *m = model_open(s->model, s->tokenizer, e);
        if (m)
            fingerprint(m, s->config, s->vocabulary, s->weights);
        else
            status = -1;
        model_free(m);
    } else if (status == 0)
        fingerprint(app->model, s->config, s->vocabulary, s->weights);
    if (status != 0)
        session_free(s);
    return status;
}

int session_save(App *app, const char *path, Error *e)
{
    Session s;
    Buffer out = {0};
    if (session_of(app, &s, e) != 0)
        return -1;
    session_write(&s, &out);
    session_free(&s);
    int status = out.failed ? error_memory(e, path) : file_write(path, out.data, out.len, e);
    buffer_free(&out);
    app->unsaved = app->unsaved && status != 0;
    bool known = app->take.session && strcmp(app->take.session, path) == 0; /* path may be that very text */
    char *name = status == 0 && !known ? strdup(path) : NULL;
    if (name) {
        free(app->take.session);
        app->take.session = name;
    }
    return status;
}

bool session_accept(App *app, const char *path)
{
    Error e = {{0}};
    bool own = app->take.session && strcmp(app->take.session, path) == 0; /* saving again is what it is for */
    if ((!own || app->take.replayed || !path[0]) && !export_may_write(app, path)) {
        if (app->take.asked[0] && app->prompt.kind != PROMPT_SAVE) { /* asked from the palette: Enter answers here */
            char said[MESSAGE_MAX];
            memcpy(said, app->message, sizeof said);
            prompt_open(app, PROMPT_SAVE, path);
            app_say(app, ROLE_WARNING, "%s", said);
        }
        return app->take.replayed;
    }
    if (session_save(app, path, &e) != 0) {
        app_say(app, ROLE_ERROR, "%s", e.text);
        return false;
    }
    if (app->changed)
        app_say(app, ROLE_WARNING, _("%s saved, without the changed weights: a session opens the model as it was"), path);
    else
        app_say(app, ROLE_DONE, _("%s saved; stepformer step --session %s opens it"), path, path);
    return true;
}

/* ---- opening ---- */

static int check_model(const Session *s, const Model *m, const char *name, Error *e)
{
    Fingerprint config, vocabulary, weights;
    fingerprint(m, config, vocabulary, weights);
    const char *what = strcmp(config, s->config) != 0           ? "config"
                       : strcmp(vocabulary, s->vocabulary) != 0 ? "vocabulary"
                       : strcmp(weights, s->weights) != 0       ? "weights"
                                                                : NULL;
    if (!what)
        return 0;
    const char *expected = what[0] == 'c' ? s->config : what[0] == 'v' ? s->vocabulary : s->weights;
    const char *found = what[0] == 'c' ? config : what[0] == 'v' ? vocabulary : weights;
    return error_set(e,
                     "%s: model.%s: expected %s with fingerprint %s, found another model of that name, with %s; try the one that "
                     "stepformer %s saved it with",
                     name, what, s->model, expected, found, s->program);
}

static int check_ids(const Ids *ids, const char *which, const Model *m, bool wanted, const char *name, Error *e)
{
    if (wanted != (ids->len > 0))
        return error_set(e, "%s: %s: expected %s, found %zu; %s is the model", name, which, wanted ? _("ids") : _("no ids"), ids->len, m->name);
    for (size_t i = 0; i < ids->len; i++)
        if ((size_t)ids->data[i] >= m->config.vocab_size)
            return error_set(e, "%s: %s[%zu]: expected an id from 0 to %zu, found %d", name, which, i, m->config.vocab_size - 1,
                             ids->data[i]);
    return 0;
}

static void write_ids(const Ids *ids, Buffer *out)
{
    for (size_t i = 0; i < ids->len; i++)
        buffer_printf(out, "%s%d", i ? "," : "", ids->data[i]);
}

/* The debugger at the first stage, fed what the session was fed. Takes the model. */
static App *begin(const Session *s, Model *m, const char *name, Theme theme, bool color, Error *e)
{
    bool encoder = config_has_stack(&m->config, STACK_ENCODER), decoder = config_has_stack(&m->config, STACK_DECODER);
    Buffer source = {0}, target = {0};
    App *app = NULL;
    write_ids(&s->source, &source);
    write_ids(&s->target, &target);
    if (check_ids(&s->source, "source", m, encoder, name, e) == 0 && check_ids(&s->target, "target", m, decoder, name, e) == 0) {
        InputText fed = {.ids = buffer_text(encoder ? &source : &target), .target_ids = encoder && decoder ? buffer_text(&target) : NULL};
        app = app_create(m, fed, s->ablations, theme, color, e);
        if (!app)
            error_prefix(e, "%s", name);
    }
    buffer_free(&source);
    buffer_free(&target);
    if (!app)
        model_free(m);
    return app;
}

/* Edits and breakpoints of a session take effect here. */
static int use_lists(App *app, const Session *s, const char *name, Error *e)
{
    if (app_set_edits(app, &(Edits){s->edits.items, s->edits.count}, e) != 0)
        return error_prefix(e, "%s: edits", name);
    for (size_t i = 0; i < s->breakpoints.count; i++)
        if (!inspect_command(app, CMD_BREAK, s->breakpoints.items[i]))
            return error_set(e, "%s: breakpoints: %zu: %s", name, i + 1, app->message);
    return 0;
}

/* Once the place is reached: a watch is computed where it is set. */
static int use_watches(App *app, const Session *s, const char *name, Error *e)
{
    inspect_stop(app);
    for (size_t i = 0; i < s->watches.count; i++)
        if (!inspect_command(app, CMD_WATCH, s->watches.items[i]))
            return error_set(e, "%s: watches: %zu: %s", name, i + 1, app->message);
    return 0;
}

/* To the loss, backwards from it, or to the optimiser's step; false with the reason said. */
static bool go_to_phase(App *app, Phase phase)
{
    if (phase == PHASE_FORWARD)
        return true;
    if (!stepping_to_loss(app) || (phase != PHASE_LOSS && !stepping_backward(app)))
        return false;
    if (phase != PHASE_UPDATE)
        return true;
    app_go(app, 0);
    if (!update_make(app))
        return false;
    app->phase = PHASE_UPDATE;
    return true;
}

static int take_place(App *app, const Session *s, const char *name, Error *e)
{
    int stage = plan_find(pass_plan(app->pass), s->stage), weight = s->weight ? weights_find(&app->model->weights, s->weight) : NO_WEIGHT;
    if (stage < 0)
        return error_set(e, "%s: place.stage: expected a stage of this pass, found \"%.60s\"", name, s->stage);
    if ((s->view == VIEW_WEIGHT) != (weight >= 0))
        return error_set(e, "%s: place.weight: expected %s, found \"%.60s\"", name,
                         s->view == VIEW_WEIGHT ? _("a weight of the model") : "null", s->weight ? s->weight : "null");
    if (s->view == VIEW_HUNT && !s->hunt.bug)
        return error_set(e, "%s: place.view: expected a hunt to show, found none", name);
    app_go(app, (size_t)stage);
    if (!go_to_phase(app, s->phase))
        return error_set(e, "%s: place.phase: cannot be reached: %s", name, app->message);
    if (s->phase == PHASE_BACKWARD)
        app_go(app, (size_t)stage);
    app->grain = s->grain;
    app->show = s->show;
    app->all_heads = s->all_heads;
    app->show_value = s->show_value;
    app->digits = (int)s->digits;
    app->sampling = s->sampling;
    if (app->sampling.taken >= app->input.target.len)
        app->sampling.taken = 0;
    memcpy(app->cursor, s->cursor, sizeof app->cursor);
    app->top = s->top;
    app->left = s->left;
    if (s->view == VIEW_CELL)
        cell_open(app, app_cell(app));
    else if (weight >= 0) {
        const Weight *w = &app->model->weights.items[weight];
        size_t rows = w->rank == 2 ? w->shape[0] : 1, cols = w->shape[w->rank - 1];
        weight_open(app, (size_t)weight, 0, 0);
        app->weight_cursor[0] = s->weight_cursor[0] < rows ? s->weight_cursor[0] : rows - 1;
        app->weight_cursor[1] = s->weight_cursor[1] < cols ? s->weight_cursor[1] : cols - 1;
    }
    app->view = s->view;
    if (app->view == VIEW_MAP)
        app->map_choice = (size_t)-1;
    return 0;
}

App *session_app(const Session *s, const char *name, Theme theme, bool color, Error *e)
{
    Model *m = model_open(s->model, s->tokenizer, e);
    if (!m) {
        error_prefix(e, "%s: model", name);
        return NULL;
    }
    if (check_model(s, m, name, e) != 0) {
        model_free(m);
        return NULL;
    }
    App *app = begin(s, m, name, theme, color, e);
    if (!app)
        return NULL;
    if ((s->hunt.bug && hunt_resume(app, &s->hunt, e) != 0) || use_lists(app, s, name, e) != 0 || take_place(app, s, name, e) != 0 || use_watches(app, s, name, e) != 0) {
        app_free(app);
        return NULL;
    }
    feed_free_given(&app->given);
    app->given = feed_copy_given((InputText){s->text, s->target_text, s->ids, s->target_ids});
    app->take.tokenizer = s->tokenizer ? strdup(s->tokenizer) : NULL;
    app->message[0] = '\0';
    return app;
}

App *session_open(const char *path, Theme theme, bool color, bool own_theme, Error *e)
{
    File f;
    Session s;
    if (file_open(&f, path, e) != 0)
        return NULL;
    int status = session_read(&s, (const char *)f.data, f.size, path, e);
    file_close(&f);
    if (status != 0)
        return NULL;
    App *app = session_app(&s, path, color && !own_theme ? s.theme : theme, color, e);
    session_free(&s);
    if (app)
        app->take.session = strdup(path);
    return app;
}
