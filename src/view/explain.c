/* explain.c - what the explaining views share. Knows no view but by its command. */
#include "view/app.h"

#include "base/text.h"
#include "measure/metrics.h"
#include "measure/trunk.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

const ExplainItem explain_items[] = {
    {"lens", CMD_LENS, N_("what could be read out of the stream after each part")},
    {"attribution", CMD_ATTRIBUTION, N_("what each head, FFN and unit wrote for a token's logit")},
    {"belt", CMD_BELT, N_("one token's residual stream: what each part added")},
    {"pictures", CMD_PICTURES, N_("attention of all layers and heads, small, with entropy")},
    {"classes", CMD_CLASSES, N_("heads: previous, same, first, separator, induction")},
    {"reach", CMD_REACH, N_("what a head moves: ‖α·V·W_O‖ beside the weight α")},
    {"tracing", CMD_TRACING, N_("causal tracing: which vector restores the answer")},
    {NULL, COMMAND_NONE, NULL},
};

const char *explain_label(const ExplainItem *item, char out[EXPLAIN_NAME])
{
    char key[16];
    snprintf(out, EXPLAIN_NAME, "%-2s %s", command_key(item->command, key), item->name);
    return out;
}

void explain_free(Explain *x)
{
    tracing_free(&x->tracing);
    ids_free(&x->spoilt);
    *x = (Explain){0};
}

void explain_reset(App *app)
{
    Explain *x = &app->explain;
    tracing_free(&x->tracing);
    x->traced = x->asked = x->open = false;
    x->spoilt.len = 0;
}

static const struct {
    CommandId command;
    ViewId view;
} views[] = {
    {CMD_LENS, VIEW_LENS},         {CMD_ATTRIBUTION, VIEW_ATTRIBUTION}, {CMD_BELT, VIEW_BELT},
    {CMD_PICTURES, VIEW_PICTURES}, {CMD_CLASSES, VIEW_CLASSES},         {CMD_REACH, VIEW_REACH},
    {CMD_TRACING, VIEW_TRACING},
};

bool explain_is_view(int view)
{
    for (size_t i = 0; i < sizeof views / sizeof *views; i++)
        if ((int)views[i].view == view)
            return true;
    return false;
}

bool explain_open(App *app, CommandId id)
{
    Explain *x = &app->explain;
    for (size_t i = 0; i < sizeof views / sizeof *views; i++) {
        if (views[i].command != id)
            continue;
        if (!app_compute(app, app->pass))
            return true;
        const Stage *s = app_stage(app);
        const Config *c = &app->model->config;
        if (!x->has_row && s->stack != STACK_ENCODER && c->kind != KIND_ENCODER) { /* the row the user was looking at */
            x->row = app_index(app, s, s->rank - 2);
            x->has_row = true;
        }
        if (s->kind == STAGE_WEIGHTS) {
            x->stage = app->at;
            x->head = app_index(app, s, 0);
        }
        x->choice = x->top = x->column = 0;
        x->open = x->other = false;
        app->view = views[i].view;
        return true;
    }
    return false;
}

/* ---- what is followed ---- */

static size_t rows(const App *app)
{
    size_t n;
    pass_ids(app->pass, config_last_stack(&app->model->config), &n);
    return n;
}

size_t explain_row(const App *app)
{
    size_t row = app->explain.has_row ? app->explain.row : trunk_default_row(app->pass), n = rows(app);
    return row < n ? row : n - 1;
}

static TokenProb followed(App *app, size_t rank)
{
    TokenProb top[EXPLAIN_RANKS];
    top_tokens(app->pass, explain_row(app), EXPLAIN_RANKS, top);
    while (rank && top[rank].id < 0)
        rank--;
    return top[rank];
}

int explain_token(App *app)
{
    return followed(app, app->explain.rank).id;
}

int explain_other_token(App *app)
{
    int token = followed(app, 0).id, other = followed(app, 1).id;
    return explain_token(app) != token ? token : other != token ? other : -1;
}

static size_t moved(size_t i, long by, size_t n)
{
    long to = (long)i + by;
    return to < 0 ? 0 : (size_t)to >= n ? n - 1 : (size_t)to;
}

bool explain_command(App *app, CommandId id, size_t count)
{
    Explain *x = &app->explain;
    long times = count ? (long)count : 1, page = app->rows > 12 ? app->rows - 12 : 1;
    enum { MANY = 1 << 20 };
    switch (id) {
    case CMD_UP:
        x->choice = moved(x->choice, -times, MANY);
        return true;
    case CMD_DOWN:
        x->choice = moved(x->choice, times, MANY);
        return true; /* drawing keeps it within the lines */
    case CMD_PAGE_UP:
        x->choice = moved(x->choice, -times * page, MANY);
        return true;
    case CMD_PAGE_DOWN:
        x->choice = moved(x->choice, times * page, MANY);
        return true;
    case CMD_FIRST:
        x->choice = 0;
        return true;
    case CMD_LAST:
        x->choice = MANY - 1;
        return true;
    case CMD_LEFT:
    case CMD_RIGHT:
        x->row = moved(explain_row(app), id == CMD_LEFT ? -times : times, rows(app));
        x->has_row = true;
        x->rank = 0;
        return true;
    case CMD_NEXT_HEAD:
    case CMD_PREVIOUS_HEAD: {
        size_t vocab = app->model->config.vocab_size;
        x->rank = moved(x->rank, id == CMD_NEXT_HEAD ? times : -times, vocab < EXPLAIN_RANKS ? vocab : EXPLAIN_RANKS);
        return true;
    }
    default:
        return false;
    }
}

const char *explain_offer(int view, CommandId id)
{
    static const struct {
        ViewId view;
        CommandId id;
        const char *word;
    } words[] = {
        {VIEW_LENS, CMD_OPEN, N_("go there")},
        {VIEW_LENS, CMD_SHOW, N_("all positions")},
        {VIEW_LENS, CMD_NEXT_HEAD, N_("other answer")},
        {VIEW_LENS, CMD_RIGHT, N_("position")},
        {VIEW_ATTRIBUTION, CMD_OPEN, N_("its pieces")},
        {VIEW_ATTRIBUTION, CMD_RIGHT, N_("position")},
        {VIEW_ATTRIBUTION, CMD_NEXT_HEAD, N_("token")},
        {VIEW_ATTRIBUTION, CMD_PANE, N_("minus another")},
        {VIEW_ATTRIBUTION, CMD_SHOW, N_("by size")},
        {VIEW_BELT, CMD_OPEN, N_("go there")},
        {VIEW_BELT, CMD_RIGHT, N_("position")},
        {VIEW_BELT, CMD_NEXT_HEAD, N_("other answer")},
        {VIEW_BELT, CMD_PANE, N_("other stack")},
        {VIEW_PICTURES, CMD_OPEN, N_("go there")},
        {VIEW_PICTURES, CMD_REACH, N_("what it moves")},
        {VIEW_CLASSES, CMD_OPEN, N_("go there")},
        {VIEW_CLASSES, CMD_REACH, N_("what it moves")},
        {VIEW_REACH, CMD_OPEN, N_("go there")},
        {VIEW_REACH, CMD_NEXT_LAYER, N_("layer")},
        {VIEW_TRACING, CMD_OPEN, N_("spoil it")},
        {VIEW_TRACING, CMD_NEXT_LAYER, N_("answer's position")},
        {VIEW_TRACING, CMD_SHOW, N_("attention, FFN")},
        {VIEW_TRACING, CMD_NEXT_HEAD, N_("other answer")},
        {VIEW_TRACING, CMD_TEXT, N_("other text")},
    };
    if (id == CMD_EXPLAIN)
        return _("explain");
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if ((int)words[i].view == view && words[i].id == id)
            return _(words[i].word);
    return NULL;
}

/* ---- drawing ---- */

const char *explain_token_name(const App *app, int id, int columns, char out[EXPLAIN_NAME])
{
    Buffer raw = {0}, shown = {0};
    label_token(app->pass, id, &raw);
    text_escape(&shown, buffer_text(&raw), raw.len, false);
    size_t n = text_fit(buffer_text(&shown), columns, NULL);
    snprintf(out, EXPLAIN_NAME, "%.*s", (int)(n < EXPLAIN_NAME ? n : EXPLAIN_NAME - 1), buffer_text(&shown));
    buffer_free(&raw);
    buffer_free(&shown);
    return out;
}

void explain_subject(App *app, Buffer *out)
{
    char here[EXPLAIN_NAME], token[EXPLAIN_NAME], share[NUMBER_MAX];
    size_t row = explain_row(app), n;
    TokenProb t = followed(app, app->explain.rank);
    const int *ids = pass_ids(app->pass, config_last_stack(&app->model->config), &n);
    explain_token_name(app, ids[row], 14, here);
    explain_token_name(app, t.id, 14, token);
    number_share(share, t.probability, 4, true);
    if (app->explain.rank)
        buffer_printf(out, _("position %zu, '%s' → '%s' %s, number %zu of the likeliest"), row, here, token, share,
                      app->explain.rank + 1);
    else
        buffer_printf(out, _("position %zu, '%s' → '%s' %s, the likeliest"), row, here, token, share);
}

const char *explain_place(const Stage *s, char out[EXPLAIN_NAME])
{
    if (s->layer >= 0)
        snprintf(out, EXPLAIN_NAME, _("layer %d %s"), s->layer, sub_name(s->sub));
    else
        snprintf(out, EXPLAIN_NAME, "%s", s->sub == SUB_EMBED ? _("embedding") : s->sub == SUB_FINAL ? _("final norm") : sub_name(s->sub));
    return out;
}

int explain_head(Canvas *c, int row, int col, int cols, const char *title, const char *subject)
{
    canvas_put_cut(c, row, col + 1, cols - 2, ROLE_HEADING, title);
    canvas_put_cut(c, row + 1, col + 1, cols - 2, ROLE_TEXT, subject);
    return row + 2;
}

int explain_foot(Canvas *c, int row, int rows_, int col, int cols, const char *text)
{
    int most = rows_ / 5 < 1 ? 1 : rows_ / 5; /* where there is little room, its beginning */
    int need = canvas_put_wrapped(c, c->rows, col + 1, cols - 2, most < 4 ? most : 4, ROLE_DIM, text); /* measured off the canvas */
    canvas_put_wrapped(c, row + rows_ - need, col + 1, cols - 2, need, ROLE_DIM, text);
    return rows_ - need;
}

void explain_scroll(Explain *x, size_t n, int room)
{
    size_t lines = room > 0 ? (size_t)room : 1;
    if (x->choice >= n)
        x->choice = n ? n - 1 : 0;
    if (x->choice < x->top)
        x->top = x->choice;
    if (x->choice >= x->top + lines)
        x->top = x->choice - lines + 1;
    if (x->top + lines > n)
        x->top = n > lines ? n - lines : 0;
    x->first = x->top;
    x->seen = lines;
    x->lines = n;
}

void explain_bar(Canvas *c, int row, int zero, int columns, double value, double most)
{
    canvas_put(c, row, zero, 1, ROLE_BORDER, "│");
    if (!(most > 0) || !isfinite(value) || columns < 1)
        return;
    int filled = (int)(fmin(fabs(value) / most, 1) * columns + 0.5);
    if (value >= 0)
        canvas_fill(c, row, zero + 1, filled, 1, ROLE_LABEL, "█");
    else
        canvas_fill(c, row, zero - filled, filled, 1, ROLE_NEGATIVE, c->ascii ? "-" : "▒");
}

void explain_number(Canvas *c, int row, int col, int columns, Role role, double x, int digits)
{
    char text[NUMBER_MAX];
    if (isnan(x))
        snprintf(text, sizeof text, "–");
    else
        number_format(text, x, digits, c->ascii);
    canvas_put_right(c, row, col, columns, role, text);
}
