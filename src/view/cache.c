/* cache.c - the key/value cache as decoding keeps it: the keys and values of one head, a row for each token fed, and what keeping them
 * saves.
 *
 * The numbers are the pass's: what a cache holds is bit for bit what the whole pass computes (pass/decoding.c). Multiplications are counted
 * by measure/cost.h's rules from the plan of one new token behind the others, and from the plan of all of them. */
#include "view/app.h"

#include "base/text.h"
#include "measure/cost.h"

#include <stdio.h>
#include <string.h>

/* ---- which stages ---- */

/* The stage of this kind in the self-attention of a decoder's layer, or NO_STAGE. */
static int find(const Plan *plan, size_t layer, StageKind kind)
{
    for (size_t i = 0; i < plan->count; i++) {
        const Stage *s = &plan->stages[i];
        if (s->stack == STACK_DECODER && s->sub == SUB_SELF && s->layer == (int)layer && s->kind == kind)
            return (int)i;
    }
    return NO_STAGE;
}

/* Keys are kept as they are compared: rotated where there is RoPE. */
static int find_keys(const Plan *plan, size_t layer)
{
    int rotated = find(plan, layer, STAGE_K_ROT);
    return rotated != NO_STAGE ? rotated : find(plan, layer, STAGE_K);
}

static size_t layer_shown(const App *app)
{
    size_t layers = app->model->config.decoder_layers;
    return app->sampling.cache_layer < layers ? app->sampling.cache_layer : layers - 1;
}

static size_t head_shown(const App *app)
{
    size_t heads = app->model->config.n_kv_heads;
    return app->cursor[AXIS_KV_HEAD] < heads ? app->cursor[AXIS_KV_HEAD] : heads - 1;
}

/* Why there is no cache here; NULL where there is one. */
static const char *why_not(const App *app)
{
    const Config *c = &app->model->config;
    if (!config_has_stack(c, STACK_DECODER))
        return _("An encoder has no cache: it reads all of its tokens at once, and every token may look at every other.");
    if (app->ablations & NO_MASK)
        return _("Without the mask nothing can be kept: every new token would change the earlier rows, their keys and values among them.");
    if (app->ablations & NO_ATTENTION || find_keys(pass_plan(app->pass), 0) == NO_STAGE)
        return _("Without attention there are no keys and values to keep.");
    return NULL;
}

/* ---- what it saves ---- */

typedef struct Saved {
    uint64_t with, without;         /* multiplications for the last token */
    uint64_t all_with, all_without; /* for all of them, fed one by one */
    bool known;
} Saved;

/* What a source is read into, once either way, is not counted: the encoder, and the keys and values made of it. */
static bool is_counted(const Stage *s)
{
    return s->stack != STACK_ENCODER && !(s->sub == SUB_CROSS && (s->kind == STAGE_K || s->kind == STAGE_V));
}

static bool count(const Model *m, Plan *plan, PlanInput in, uint64_t *out)
{
    *out = 0;
    if (plan_resize(plan, m, in, NULL) != 0)
        return false;
    for (size_t i = 0; i < plan->count; i++)
        if (is_counted(&plan->stages[i]))
            *out += cost_of_stage(m, plan, i).multiplications;
    return true;
}

static Saved count_saved(const App *app)
{
    const Plan *whole = pass_plan(app->pass);
    PlanInput in = whole->input;
    size_t n = in.target_len;
    Saved s = {0};
    Plan plan;
    if (plan_build(&plan, app->model, in, whole->ablations, NULL) != 0)
        return s;
    s.known = true;
    for (size_t t = 1; t <= n && s.known; t++) {
        s.known = count(app->model, &plan, (PlanInput){in.source_len, t, 0}, &s.without) &&
                  count(app->model, &plan, (PlanInput){in.source_len, 1, t - 1}, &s.with);
        s.all_without += s.without;
        s.all_with += s.with;
    }
    plan_free(&plan);
    return s;
}

enum { WIDEST = 100, COUNT_COLS = 19, RATIO_COLS = 11 }; /* columns of the table; of a number of multiplications; of how many times fewer */

/* 1234567 as "1,234,567". */
static void put_count(Buffer *out, uint64_t x)
{
    char digits[24];
    int n = snprintf(digits, sizeof digits, "%llu", (unsigned long long)x);
    for (int i = 0; i < n; i++) {
        if (i && (n - i) % 3 == 0)
            buffer_putc(out, ',');
        buffer_putc(out, digits[i]);
    }
}

static int label_cols(Rect r)
{
    return (r.cols < WIDEST ? r.cols : WIDEST) - 2 * COUNT_COLS - RATIO_COLS;
}

static void draw_saved(Canvas *c, Rect r, const char *what, uint64_t with, uint64_t without)
{
    Buffer b = {0};
    int col = label_cols(r);
    canvas_put_cut(c, r.row, r.col + 1, col - 2, ROLE_LABEL, what);
    put_count(&b, with);
    canvas_put_right(c, r.row, r.col + col, COUNT_COLS, ROLE_TEXT, buffer_text(&b));
    buffer_clear(&b);
    put_count(&b, without);
    canvas_put_right(c, r.row, r.col + col + COUNT_COLS, COUNT_COLS, ROLE_TEXT, buffer_text(&b));
    canvas_printf(c, r.row, r.col + col + 2 * COUNT_COLS, RATIO_COLS, ROLE_BADGE, "%*.1f×", RATIO_COLS - 2, with ? (double)without / (double)with : 0.0);
    buffer_free(&b);
}

/* ---- drawing ---- */

/* A matrix of one head: [tokens, d_head]. */
static int draw_matrix(App *app, Canvas *c, Rect r, int stage, size_t which, const char *title)
{
    const Stage *s = &pass_plan(app->pass)->stages[stage];
    size_t rows = s->shape[1], columns = s->shape[2], row = app->cursor[AXIS_TOKEN] < rows ? app->cursor[AXIS_TOKEN] : rows - 1,
           column = app->sampling.cache_column < columns ? app->sampling.cache_column : columns - 1;
    Stage like = {.stack = STACK_DECODER, .layer = s->layer, .sub = SUB_SELF, .rank = 2, .shape = {rows, columns}, .count = rows * columns};
    for (int k = 0; k < 2; k++) {
        like.axes[k] = s->axes[k + 1];
        like.axis_stack[k] = s->axis_stack[k + 1];
    }
    canvas_put_cut(c, r.row, r.col + 1, r.cols - 2, ROLE_HEADING, title);
    const real *data = pass_value(app->pass, (size_t)stage) + head_shown(app) * rows * columns;
    return 1 + matrix_draw_one(app, c, (Rect){r.row + 1, r.col, r.cols - 1, r.rows - 1},
                               &(Shown){.here = true,
                                        .top = &app->sampling.cache_top[which],
                                        .left = &app->sampling.cache_left[which],
                                        .like = &like,
                                        .values = matrix_of(data, columns),
                                        .row = row,
                                        .col = column});
}

static void draw_numbers(const App *app, Canvas *c, Rect r, size_t n)
{
    const Config *k = &app->model->config;
    uint64_t row = 2 * (uint64_t)k->decoder_layers * k->n_kv_heads * k->d_head * sizeof(real);
    Saved s = count_saved(app);
    Buffer b = {0};
    int col = label_cols(r);
    canvas_put(c, r.row, r.col + 1, col - 2, ROLE_HEADING, _("multiplications"));
    canvas_put_right(c, r.row, r.col + col, COUNT_COLS, ROLE_HEADING, _("with the cache"));
    canvas_put_right(c, r.row, r.col + col + COUNT_COLS, COUNT_COLS, ROLE_HEADING, _("without"));
    if (s.known) {
        draw_saved(c, (Rect){r.row + 1, r.col, r.cols, 1}, _("for the last token"), s.with, s.without);
        draw_saved(c, (Rect){r.row + 2, r.col, r.cols, 1}, _("for all, one by one"), s.all_with, s.all_without);
    }
    put_count(&b, row * n);
    canvas_printf(c, r.row + 3, r.col + 1, r.cols - 2, ROLE_TEXT,
                  _("%s bytes: 2 · %zu layers · %zu heads · %zu numbers · %zu rows · %zu bytes"), buffer_text(&b), k->decoder_layers,
                  k->n_kv_heads, k->d_head, n, sizeof(real));
    if (k->kind == KIND_ENCODER_DECODER)
        canvas_put_cut(c, r.row + 4, r.col + 1, r.cols - 2, ROLE_DIM,
                       _("the source is read once, and its keys and values are kept, too: not counted here"));
    buffer_free(&b);
}

void cache_draw(App *app, Canvas *c, Rect r)
{
    const char *none = why_not(app);
    if (none) {
        canvas_put_wrapped(c, r.row + 1, r.col + 1, r.cols - 2, r.rows - 2, ROLE_WARNING, none);
        return;
    }
    const Plan *plan = pass_plan(app->pass);
    const Config *k = &app->model->config;
    size_t n, layer = layer_shown(app);
    const int *ids = pass_ids(app->pass, STACK_DECODER, &n);
    Buffer token = {0}, shown = {0};
    label_token(app->pass, ids[n - 1], &token);
    text_escape(&shown, buffer_text(&token), token.len, c->ascii);
    canvas_printf(c, r.row, r.col + 1, r.cols - 2, ROLE_HEADING,
                  _("Layer %zu of %zu, key/value head %zu of %zu: %zu rows; '%s' added the last"), layer + 1, k->decoder_layers,
                  head_shown(app), k->n_kv_heads, n, buffer_text(&shown));
    buffer_free(&token);
    buffer_free(&shown);
    draw_numbers(app, c, (Rect){r.row + 1, r.col, r.cols, 4}, n);
    int top = r.row + 6, room = r.rows - 6;
    char keys[96];
    snprintf(keys, sizeof keys, "%s", find(plan, layer, STAGE_K_ROT) != NO_STAGE ? _("keys, rotated") : _("keys"));
    if (r.cols >= 140) {
        int half = r.cols / 2;
        draw_matrix(app, c, (Rect){top, r.col, half - 1, room}, find_keys(plan, layer), 0, keys);
        draw_matrix(app, c, (Rect){top, r.col + half, r.cols - half, room}, find(plan, layer, STAGE_V), 1, _("values"));
        return;
    }
    draw_matrix(app, c, (Rect){top, r.col, r.cols, room / 2}, find_keys(plan, layer), 0, keys);
    draw_matrix(app, c, (Rect){top + room / 2, r.col, r.cols, room - room / 2}, find(plan, layer, STAGE_V), 1, _("values"));
}

/* ---- commands ---- */

void cache_open(App *app)
{
    const Stage *s = app_stage(app);
    if (!app_compute(app, app->pass))
        return;
    if (s->stack == STACK_DECODER && s->layer >= 0)
        app->sampling.cache_layer = (size_t)s->layer;
    app->view = VIEW_CACHE;
}

static void step(size_t *at, size_t n, long by)
{
    long to = (long)*at + by;
    *at = to < 0 ? 0 : to >= (long)n ? n - 1 : (size_t)to;
}

/* The sampler's choice, all of its stages at once. */
static void take_next(App *app)
{
    app->sampling.stage = SAMPLER_DRAW;
    next_command(app, CMD_NEXT, 1);
}

bool cache_command(App *app, CommandId id, size_t count)
{
    const Config *k = &app->model->config;
    long times = count ? (long)count : 1, page = app->rows > 14 ? (app->rows - 14) / 2 : 1;
    if (why_not(app))
        return false;
    const Stage *s = &pass_plan(app->pass)->stages[find_keys(pass_plan(app->pass), 0)];
    size_t *row = &app->cursor[AXIS_TOKEN], *column = &app->sampling.cache_column;
    switch (id) {
    case CMD_UP:
        step(row, s->shape[1], -times);
        return true;
    case CMD_DOWN:
        step(row, s->shape[1], times);
        return true;
    case CMD_PAGE_UP:
        step(row, s->shape[1], -page);
        return true;
    case CMD_PAGE_DOWN:
        step(row, s->shape[1], page);
        return true;
    case CMD_LEFT:
        step(column, s->shape[2], -times);
        return true;
    case CMD_RIGHT:
        step(column, s->shape[2], times);
        return true;
    case CMD_FIRST:
        *column = 0;
        return true;
    case CMD_LAST:
        *column = s->shape[2] - 1;
        return true;
    case CMD_NEXT_LAYER:
        step(&app->sampling.cache_layer, k->decoder_layers, times);
        return true;
    case CMD_PREVIOUS_LAYER:
        step(&app->sampling.cache_layer, k->decoder_layers, -times);
        return true;
    case CMD_NEXT_HEAD:
        app->cursor[AXIS_KV_HEAD] = (head_shown(app) + (size_t)times) % k->n_kv_heads;
        return true;
    case CMD_PREVIOUS_HEAD:
        app->cursor[AXIS_KV_HEAD] = (head_shown(app) + k->n_kv_heads - (size_t)times % k->n_kv_heads) % k->n_kv_heads;
        return true;
    case CMD_NEXT:
        while (times--)
            take_next(app);
        return true;
    case CMD_BACK:
        if (app->sampling.taken)
            app_give_token_back(app);
        else
            app_say(app, ROLE_BADGE, "%s", _("no token was taken here that could be given back"));
        return true;
    case CMD_SHOW:
    case CMD_MORE_DIGITS:
    case CMD_FEWER_DIGITS:
        return matrix_command(app, id, (size_t)times);
    default:
        return false;
    }
}
