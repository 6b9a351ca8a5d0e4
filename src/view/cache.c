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

static Sub sub_shown(const App *app)
{
    return app->sampling.cache_cross && app->model->config.kind == KIND_ENCODER_DECODER ? SUB_CROSS : SUB_SELF;
}

/* The stage of this kind in the attention of a decoder's layer that is shown, or NO_STAGE. */
static int find(const App *app, size_t layer, StageKind kind)
{
    const Plan *plan = pass_plan(app->pass);
    for (size_t i = 0; i < plan->count; i++) {
        const Stage *s = &plan->stages[i];
        if (s->stack == STACK_DECODER && s->sub == sub_shown(app) && s->layer == (int)layer && s->kind == kind)
            return (int)i;
    }
    return NO_STAGE;
}

/* Keys are kept as they are compared: normalised and rotated where the model does that. */
static int find_keys(const App *app, size_t layer)
{
    static const StageKind kinds[] = {STAGE_K_ROT, STAGE_K_NORM, STAGE_K};
    int found = NO_STAGE;
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds && found == NO_STAGE; i++)
        found = find(app, layer, kinds[i]);
    return found;
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
    if (app->ablations & NO_ATTENTION || find_keys(app, 0) == NO_STAGE)
        return _("Without attention there are no keys and values to keep.");
    return NULL;
}

/* The stage, its rows and columns, and where the cursor stands. */
typedef struct Kept {
    const Stage *stage;
    size_t index, rows, columns, row, column;
} Kept;

static Kept kept_of(const App *app, int stage)
{
    const Stage *s = &pass_plan(app->pass)->stages[stage];
    size_t row = s->sub == SUB_CROSS ? app->sampling.cache_source : app->cursor[AXIS_TOKEN];
    Kept k = {.stage = s, .index = (size_t)stage, .rows = s->shape[1], .columns = s->shape[2]};
    k.row = row < k.rows ? row : k.rows - 1;
    k.column = app->sampling.cache_column < k.columns ? app->sampling.cache_column : k.columns - 1;
    return k;
}

/* ---- what it saves ---- */

/* What multiplies. */
typedef enum Part { PART_PROJECT, PART_ATTEND, PART_FFN, PART_OUTPUT, PART_REST, PART_COUNT } Part;

typedef struct Saved {
    uint64_t with[PART_COUNT], without[PART_COUNT]; /* multiplications for the last token */
    uint64_t all_with, all_without;                 /* for all of them, fed one by one */
    uint64_t source;                                /* what the source is read into, once either way */
    bool known;
} Saved;

static Part part_of(const Stage *s)
{
    if (s->stack == STACK_OUTPUT)
        return PART_OUTPUT;
    if (stage_is_norm(s->kind) || (s->sub != SUB_SELF && s->sub != SUB_CROSS && s->sub != SUB_FFN))
        return PART_REST;
    if (s->sub == SUB_FFN)
        return PART_FFN;
    return stage_is_linear(s->kind) ? PART_PROJECT : PART_ATTEND;
}

static bool count(const Model *m, Plan *plan, PlanInput in, uint64_t out[PART_COUNT], uint64_t *source)
{
    memset(out, 0, PART_COUNT * sizeof *out);
    *source = 0;
    if (plan_resize(plan, m, in, NULL) != 0)
        return false;
    for (size_t i = 0; i < plan->count; i++) {
        const Stage *s = &plan->stages[i];
        *(stage_is_of_source(s) ? source : &out[part_of(s)]) += cost_of_stage(m, plan, i).multiplications;
    }
    return true;
}

static uint64_t sum(const uint64_t parts[PART_COUNT])
{
    uint64_t all = 0;
    for (int i = 0; i < PART_COUNT; i++)
        all += parts[i];
    return all;
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
        s.known = count(app->model, &plan, (PlanInput){in.source_len, t, 0}, s.without, &s.source) &&
                  count(app->model, &plan, (PlanInput){in.source_len, 1, t - 1}, s.with, &s.source);
        s.all_without += sum(s.without);
        s.all_with += sum(s.with);
    }
    plan_free(&plan);
    return s;
}

/* Columns of the table, of a number of multiplications, and of how many times fewer; rows from which its parts are shown. */
enum { WIDEST = 100, COUNT_COLS = 19, RATIO_COLS = 11, ROOMY = 40 };

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

static void draw_saved(Canvas *c, Rect r, Role role, const char *what, uint64_t with, uint64_t without)
{
    Buffer b = {0};
    int col = r.col + label_cols(r);
    canvas_put_cut(c, r.row, r.col + 1, label_cols(r) - 2, ROLE_LABEL, what);
    put_count(&b, with);
    canvas_put_right(c, r.row, col, COUNT_COLS, role, buffer_text(&b));
    buffer_clear(&b);
    put_count(&b, without);
    canvas_put_right(c, r.row, col + COUNT_COLS, COUNT_COLS, role, buffer_text(&b));
    if (with)
        canvas_printf(c, r.row, col + 2 * COUNT_COLS, RATIO_COLS, role == ROLE_TEXT ? ROLE_BADGE : role, "%*.1f×", RATIO_COLS - 2,
                      (double)without / (double)with);
    buffer_free(&b);
}

/* ---- drawing ---- */

/* A matrix of one head: [tokens, d_head]. */
static void draw_matrix(App *app, Canvas *c, Rect r, int stage, size_t which, const char *title)
{
    Kept k = kept_of(app, stage);
    Stage like = {.stack = STACK_DECODER,
                  .layer = k.stage->layer,
                  .sub = k.stage->sub,
                  .rank = 2,
                  .shape = {k.rows, k.columns},
                  .count = k.rows * k.columns};
    for (int i = 0; i < 2; i++) {
        like.axes[i] = k.stage->axes[i + 1];
        like.axis_stack[i] = k.stage->axis_stack[i + 1];
    }
    canvas_put_cut(c, r.row, r.col + 1, r.cols - 2, which == app->sampling.cache_values ? ROLE_HERE : ROLE_HEADING, title);
    const real *data = pass_value(app->pass, k.index) + head_shown(app) * k.rows * k.columns;
    matrix_draw_one(app, c, (Rect){r.row + 1, r.col, r.cols - 1, r.rows - 1},
                    &(Shown){.here = which == app->sampling.cache_values,
                             .top = &app->sampling.cache_top[which],
                             .left = &app->sampling.cache_left[which],
                             .like = &like,
                             .values = matrix_of(data, k.columns),
                             .row = k.row,
                             .col = k.column});
}

/* How large it is, and what of it a later token does not read or nobody had to count; returns the rows used. */
static int draw_size(const App *app, Canvas *c, Rect r, size_t rows, const Saved *s)
{
    const Config *k = &app->model->config;
    Buffer b = {0};
    size_t n = pass_plan(app->pass)->input.target_len;
    put_count(&b, 2 * (uint64_t)k->decoder_layers * k->n_kv_heads * k->d_head * sizeof(real) * rows);
    buffer_printf(&b, _(" bytes: 2 · %zu layers · %zu heads · %zu numbers · %zu rows · %zu bytes"), k->decoder_layers, k->n_kv_heads,
                  k->d_head, rows, sizeof(real));
    canvas_put_cut(c, r.row, r.col + 1, r.cols - 2, ROLE_TEXT, buffer_text(&b));
    buffer_clear(&b);
    if (k->kind == KIND_ENCODER_DECODER && s->known) {
        put_count(&b, s->source);
        buffer_puts(&b, _(" more for the source, once either way: encoder, cross keys and values"));
    } else if (k->window && stage_window_start(k, n)) {
        buffer_printf(&b, _("window %zu: the next token reads none of the first %zu rows; they are kept here"), k->window,
                      stage_window_start(k, n));
    }
    canvas_put_cut(c, r.row + 1, r.col + 1, r.cols - 2, ROLE_LABEL, buffer_text(&b));
    bool noted = b.len > 0;
    buffer_free(&b);
    return 1 + noted;
}

/* Returns the rows used. */
static int draw_numbers(const App *app, Canvas *c, Rect r, size_t rows)
{
    static const char *const parts[PART_COUNT] = {N_("  W_Q, W_K, W_V, W_O"), N_("  scores, weights, heads"), N_("  FFN"), N_("  output"),
                                                  N_("  norms, embedding")};
    Saved s = count_saved(app);
    int col = r.col + label_cols(r), row = r.row;
    canvas_put(c, row, r.col + 1, label_cols(r) - 2, ROLE_HEADING, _("multiplications"));
    canvas_put_right(c, row, col, COUNT_COLS, ROLE_HEADING, _("with the cache"));
    canvas_put_right(c, row++, col + COUNT_COLS, COUNT_COLS, ROLE_HEADING, _("without"));
    if (s.known) {
        draw_saved(c, (Rect){row++, r.col, r.cols, 1}, ROLE_TEXT, _("for the last token"), sum(s.with), sum(s.without));
        for (int i = 0; i < PART_COUNT && r.rows >= ROOMY; i++)
            draw_saved(c, (Rect){row++, r.col, r.cols, 1}, ROLE_DIM, _(parts[i]), s.with[i], s.without[i]);
        draw_saved(c, (Rect){row++, r.col, r.cols, 1}, ROLE_TEXT, _("for all, one by one"), s.all_with, s.all_without);
    }
    return row - r.row + draw_size(app, c, (Rect){row, r.col, r.cols, 2}, rows, &s);
}

static void draw_heading(const App *app, Canvas *c, Rect r, int keys)
{
    const Stage *s = &pass_plan(app->pass)->stages[keys];
    char place[STAGE_NAME_MAX];
    Buffer token = {0}, b = {0};
    size_t n, rows = s->shape[1];
    const int *ids = pass_ids(app->pass, STACK_DECODER, &n);
    label_token(app->pass, ids[n - 1], &token);
    stage_prefix(s, place);
    buffer_printf(&b, _("%s, key/value head %zu of %zu: "), place, head_shown(app), app->model->config.n_kv_heads);
    buffer_printf(&b, ngettext("%zu row", "%zu rows", rows), rows);
    if (s->sub == SUB_CROSS) {
        buffer_puts(&b, _(", one a token of the source"));
    } else {
        buffer_puts(&b, _(", the newest is '"));
        text_escape(&b, buffer_text(&token), token.len, c->ascii);
        buffer_puts(&b, "'");
    }
    canvas_put_cut(c, r.row, r.col + 1, r.cols - 2, ROLE_HEADING, buffer_text(&b));
    buffer_free(&token);
    buffer_free(&b);
}

void cache_draw(App *app, Canvas *c, Rect r)
{
    const char *none = why_not(app);
    if (none) {
        canvas_put_wrapped(c, r.row + 1, r.col + 1, r.cols - 2, r.rows - 2, ROLE_WARNING, none);
        return;
    }
    size_t layer = layer_shown(app);
    int keys_stage = find_keys(app, layer), values_stage = find(app, layer, STAGE_V);
    draw_heading(app, c, r, keys_stage);
    int used = 1 + draw_numbers(app, c, (Rect){r.row + 1, r.col, r.cols, r.rows - 1}, pass_plan(app->pass)->stages[keys_stage].shape[1]);
    int top = r.row + (used < 6 ? 6 : used), room = r.row + r.rows - top;
    StageKind kind = pass_plan(app->pass)->stages[keys_stage].kind;
    const char *keys = kind == STAGE_K_ROT ? _("keys, rotated") : kind == STAGE_K_NORM ? _("keys, normalised") : _("keys");
    if (r.cols >= 140) {
        int half = r.cols / 2;
        draw_matrix(app, c, (Rect){top, r.col, half - 1, room}, keys_stage, 0, keys);
        draw_matrix(app, c, (Rect){top, r.col + half, r.cols - half, room}, values_stage, 1, _("values"));
        return;
    }
    draw_matrix(app, c, (Rect){top, r.col, r.cols, room / 2}, keys_stage, 0, keys);
    draw_matrix(app, c, (Rect){top + room / 2, r.col, r.cols, room - room / 2}, values_stage, 1, _("values"));
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

/* The cell under the cursor. */
static Cellref cell_shown(const App *app)
{
    size_t layer = layer_shown(app);
    Kept k = kept_of(app, app->sampling.cache_values ? find(app, layer, STAGE_V) : find_keys(app, layer));
    return (Cellref){.stage = k.index, .index = {head_shown(app), k.row, k.column}};
}

static size_t *row_of(App *app)
{
    return sub_shown(app) == SUB_CROSS ? &app->sampling.cache_source : &app->cursor[AXIS_TOKEN];
}

void cache_search(App *app, const char *text)
{
    if (why_not(app) || !*text)
        return;
    Kept k = kept_of(app, find_keys(app, layer_shown(app)));
    long found = matrix_find(app, k.stage, 1, k.row, text);
    if (found < 0) {
        app_say(app, ROLE_WARNING, _("%s: no row's token has that in its name"), text);
        return;
    }
    *row_of(app) = (size_t)found;
    app_say(app, ROLE_BADGE, _("%s: row %ld; / and Enter finds the next"), text, found);
}

bool cache_command(App *app, CommandId id, size_t count)
{
    const Config *k = &app->model->config;
    long times = count ? (long)count : 1, page = app->rows > 14 ? (app->rows - 14) / 2 : 1;
    if (why_not(app))
        return false;
    const Stage *s = &pass_plan(app->pass)->stages[find_keys(app, 0)];
    size_t *row = row_of(app), *column = &app->sampling.cache_column;
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
    case CMD_PANE: /* keys, values; and those of cross-attention */
        app->sampling.cache_values = !app->sampling.cache_values;
        if (!app->sampling.cache_values)
            app->sampling.cache_cross = !app->sampling.cache_cross;
        return true;
    case CMD_OPEN:
        cell_open(app, cell_shown(app));
        return true;
    case CMD_EDIT:
        app_edit_cell(app, cell_shown(app));
        return true;
    case CMD_NEXT:
        sampling_go_on(app, (size_t)times);
        return true;
    case CMD_RUN:
        sampling_go_on(app, count ? count : SAMPLING_MOST);
        return true;
    case CMD_BACK:
        while (times-- && sampling_give_back(app))
            ;
        return true;
    case CMD_SHOW:
    case CMD_MORE_DIGITS:
    case CMD_FEWER_DIGITS:
        return matrix_command(app, id, (size_t)times);
    default:
        return false;
    }
}
