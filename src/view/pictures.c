/* pictures.c - the attention of all layers and heads as small pictures on one screen, with the entropy of each.
 *
 * Encoder, decoder and cross-attention are groups of their own. Where a picture would not fit, one cell stands for a block of queries and
 * keys and shows the largest weight of the block. */
#include "view/app.h"

#include "base/text.h"
#include "measure/metrics.h"

#include <stdio.h>
#include <stdlib.h>

enum { TITLE_LEAST = 14, PICTURE_MOST = 40, GROUPS = 3 };

/* One head's place on an endless page. */
typedef struct Tile {
    size_t stage, head;
    int row, col;   /* of its title */
    int cols, rows; /* of the picture */
    int cell;       /* columns of one cell */
    size_t block;   /* queries and keys in a cell */
} Tile;

typedef struct Page {
    Tile *tiles;
    size_t count;
    int heads_at[GROUPS]; /* the row of each group's heading, -1: no such group */
    int rows;
} Page;

static int group_of(const Stage *s)
{
    return s->kind != STAGE_WEIGHTS ? -1 : s->sub == SUB_CROSS ? 2 : s->stack == STACK_DECODER ? 1 : 0;
}

/* How large the picture of a stage is in an area. */
static Tile shape_of(const Stage *s, Rect r)
{
    Tile t = {.block = 1};
    int most_cols = r.cols - 2 < PICTURE_MOST ? r.cols - 2 : PICTURE_MOST, most_rows = r.rows - 6 > 4 ? r.rows - 6 : 4;
    while ((int)((s->shape[2] + t.block - 1) / t.block) > most_cols || (int)((s->shape[1] + t.block - 1) / t.block) > most_rows)
        t.block++;
    int keys = (int)((s->shape[2] + t.block - 1) / t.block);
    t.cell = 2 * keys <= 20 ? 2 : 1;
    t.cols = keys * t.cell;
    t.rows = (int)((s->shape[1] + t.block - 1) / t.block);
    return t;
}

/* Lays out all heads, group after group. -1 without memory. */
static int lay_out(const App *app, Rect r, Page *p)
{
    const Plan *plan = pass_plan(app->pass);
    size_t most = 0;
    *p = (Page){.count = 0};
    for (size_t i = 0; i < plan->count; i++)
        most += group_of(&plan->stages[i]) >= 0 ? plan->stages[i].shape[0] : 0;
    p->tiles = calloc(most + 1, sizeof *p->tiles);
    if (!p->tiles)
        return -1;
    for (int g = 0; g < GROUPS; g++) {
        int col = 0, height = 0;
        size_t in_row = 0;
        p->heads_at[g] = -1;
        for (size_t i = 0; i < plan->count; i++) {
            const Stage *s = &plan->stages[i];
            if (group_of(s) != g)
                continue;
            if (p->heads_at[g] < 0)
                p->heads_at[g] = p->rows++;
            for (size_t h = 0; h < s->shape[0]; h++) {
                Tile t = shape_of(s, r);
                int width = (t.cols > TITLE_LEAST ? t.cols : TITLE_LEAST) + 2;
                size_t across = (size_t)(r.cols / width), heads = s->shape[0];
                if (across > heads) /* whole layers side by side */
                    across -= across % heads;
                if (in_row && in_row >= across) {
                    p->rows += height;
                    col = 0;
                    in_row = 0;
                }
                in_row++;
                height = t.rows + 2;
                t.stage = i;
                t.head = h;
                t.row = p->rows;
                t.col = col;
                p->tiles[p->count++] = t;
                col += width;
            }
        }
        p->rows += height;
    }
    return 0;
}

/* The largest weight of a block. */
static double block_value(const real *w, const Stage *s, size_t query, size_t key, size_t block)
{
    double most = 0;
    for (size_t i = query * block; i < (query + 1) * block && i < s->shape[1]; i++)
        for (size_t j = key * block; j < (key + 1) * block && j < s->shape[2]; j++)
            most = fmax(most, (double)w[i * s->shape[2] + j]);
    return most;
}

static void draw_tile(App *app, Canvas *c, Rect r, int top, const Tile *t, bool chosen)
{
    const Stage *s = &pass_plan(app->pass)->stages[t->stage];
    const real *w = pass_value(app->pass, t->stage) + t->head * s->shape[1] * s->shape[2];
    int row = r.row + t->row - top, col = r.col + t->col + 1;
    bool color = app->color && app->theme != THEME_MONO;
    if (row >= r.row && row < r.row + r.rows)
        canvas_printf(c, row, col, TITLE_LEAST, chosen ? ROLE_CHOICE : ROLE_LABEL, "%s%d.%zu H %.2f", chosen ? "▸" : " ", s->layer, t->head,
                      attention_head_entropy(app->pass, t->stage, t->head));
    for (int i = 0; i < t->rows; i++) {
        int at = row + 1 + i;
        if (at < r.row || at >= r.row + r.rows)
            continue;
        for (int j = 0; j < t->cols / t->cell; j++) {
            double x = block_value(w, s, (size_t)i, (size_t)j, t->block);
            canvas_fill(c, at, col + j * t->cell, t->cell, 1, theme_heat_role(x, 1),
                        x > 0      ? theme_heat_text(x, 1, c->ascii || color)
                        : c->ascii ? " "
                                   : "·");
        }
    }
}

static void scroll_page(Explain *x, const Page *p, int rows)
{
    const Tile *t = &p->tiles[x->choice];
    int top = (int)x->top, most = p->rows > rows ? p->rows - rows : 0;
    if (t->row - 1 < top) /* its group's heading with it */
        top = t->row - 1;
    if (t->row + t->rows + 1 > top + rows)
        top = t->row + t->rows + 1 - rows;
    x->top = (size_t)(top < 0 ? 0 : top > most ? most : top);
}

static Rect page_area(Rect r)
{
    return (Rect){r.row + 1, r.col, r.cols, r.rows - 4};
}

static void draw_chosen(App *app, Canvas *c, int row, Rect r, const Tile *t)
{
    const Stage *s = &pass_plan(app->pass)->stages[t->stage];
    char name[STAGE_NAME_MAX];
    double share = 0;
    size_t wide = 0;
    for (size_t i = 0; i < s->shape[1]; i++) {
        AttentionRow a = attention_row(app->pass, t->stage, t->head, i);
        share += a.share;
        wide += a.visible > 1;
    }
    canvas_printf(c, row, r.col + 1, r.cols - 2, ROLE_HERE, _("%s head %zu: H %.3f nats over %zu queries, %.0f%% of the most"),
                  stage_name(s, name), t->head, attention_head_entropy(app->pass, t->stage, t->head), s->shape[1],
                  wide ? 100 * share / (double)wide : 0);
}

void pictures_draw(App *app, Canvas *c, Rect r)
{
    static const char *const groups[] = {N_("encoder self-attention"), N_("decoder self-attention"),
                                         N_("cross-attention: the decoder looks at the encoder's tokens")};
    Explain *x = &app->explain;
    Rect area = page_area(r);
    Page p;
    canvas_put_cut(c, r.row, r.col + 1, r.cols - 2, ROLE_HEADING,
                   _("All heads: layer.head, H entropy in nats; queries down, keys across"));
    if (lay_out(app, area, &p) != 0)
        return;
    if (!p.count) {
        canvas_put_wrapped(c, r.row + 2, r.col + 1, r.cols - 2, 2, ROLE_WARNING, _("There is no attention in this pass."));
        free(p.tiles);
        return;
    }
    if (x->choice >= p.count)
        x->choice = p.count - 1;
    scroll_page(x, &p, area.rows);
    x->first = x->choice; /* of the heads, the one that is chosen */
    x->seen = 1;
    x->lines = p.count;
    for (int g = 0; g < GROUPS; g++) {
        int row = area.row + p.heads_at[g] - (int)x->top;
        if (p.heads_at[g] >= 0 && row >= area.row && row < area.row + area.rows)
            canvas_put_cut(c, row, r.col + 1, r.cols - 2, ROLE_HEADING, _(groups[g]));
    }
    size_t block = 1;
    for (size_t i = 0; i < p.count; i++) {
        draw_tile(app, c, area, (int)x->top, &p.tiles[i], i == x->choice);
        block = p.tiles[i].block > block ? p.tiles[i].block : block;
    }
    draw_chosen(app, c, r.row + r.rows - 3, r, &p.tiles[x->choice]);
    char text[256];
    if (block > 1)
        snprintf(text, sizeof text,
                 _("A cell is the largest of up to %zu×%zu weights. Full heat is 1. Weights say where a head looks, not what it takes from "
                   "there (R shows that)."),
                 block, block);
    else
        snprintf(text, sizeof text, "%s",
                 _("Full heat is 1. Weights say where a head looks, not what it takes from there (R shows that), nor whether that matters "
                   "for the answer."));
    canvas_put_wrapped(c, r.row + r.rows - 2, r.col + 1, r.cols - 2, 2, ROLE_DIM, text);
    free(p.tiles);
}

/* The tile nearest above or below. */
static size_t next_row(const Page *p, size_t from, int by)
{
    size_t best = from;
    long least = -1;
    for (size_t i = 0; i < p->count; i++) {
        long down = (long)(p->tiles[i].row - p->tiles[from].row) * by, across = labs((long)(p->tiles[i].col - p->tiles[from].col));
        if (down > 0 && (least < 0 || down * 1000 + across < least)) {
            least = down * 1000 + across;
            best = i;
        }
    }
    return best;
}

bool pictures_command(App *app, CommandId id, size_t count)
{
    Explain *x = &app->explain;
    size_t times = count ? count : 1;
    Page p;
    bool taken = true;
    if (lay_out(app, page_area((Rect){1, 0, app->cols, app->rows - 2}), &p) != 0)
        return false;
    if (!p.count) {
        free(p.tiles);
        return false;
    }
    if (x->choice >= p.count)
        x->choice = p.count - 1;
    switch (id) {
    case CMD_LEFT:
    case CMD_PREVIOUS_HEAD:
        x->choice = times > x->choice ? 0 : x->choice - times;
        break;
    case CMD_RIGHT:
    case CMD_NEXT_HEAD:
        x->choice = x->choice + times < p.count ? x->choice + times : p.count - 1;
        break;
    case CMD_UP:
    case CMD_DOWN:
        while (times--)
            x->choice = next_row(&p, x->choice, id == CMD_UP ? -1 : 1);
        break;
    case CMD_FIRST:
    case CMD_PAGE_UP:
        x->choice = 0;
        break;
    case CMD_LAST:
    case CMD_PAGE_DOWN:
        x->choice = p.count - 1;
        break;
    case CMD_REACH:
        x->stage = p.tiles[x->choice].stage;
        x->head = p.tiles[x->choice].head;
        app->view = VIEW_REACH;
        break;
    case CMD_OPEN:
        app_jump(app, p.tiles[x->choice].stage);
        app_move(app, app_stage(app), 0, p.tiles[x->choice].head);
        app_forward(app);
        app->view = VIEW_STEP;
        break;
    default:
        taken = false;
    }
    free(p.tiles);
    return taken;
}
