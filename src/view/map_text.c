/* map_text.c - what is written in the map's boxes and beside them: names, stages, shapes, ablations.
 *
 * Knows no places: map_layout.c has them. */
#include "view/map.h"

#include "base/text.h"
#include "pass/ablation.h"

#include <stdio.h>
#include <string.h>

static void add(Pieces *p, Role role, const char *text)
{
    if (p->count == PIECES_MAX)
        return;
    snprintf(p->at[p->count].text, PIECE_MAX, "%s", text);
    p->at[p->count++].role = role;
}

int map_pieces_width(const Canvas *c, const Pieces *p)
{
    int width = 0;
    for (size_t i = 0; i < p->count; i++)
        width += canvas_text_width(c, p->at[i].text);
    return width;
}

int map_put_pieces(Canvas *c, int row, int col, int columns, const Pieces *p)
{
    int used = 0;
    for (size_t i = 0; i < p->count && used < columns; i++) {
        int width = canvas_text_width(c, p->at[i].text);
        bool cut = used + width > columns || (used + width == columns && i + 1 < p->count);
        if (cut) { /* the ellipsis takes the last column */
            used += canvas_put(c, row, col + used, columns - used - 1, p->at[i].role, p->at[i].text);
            return used + canvas_put(c, row, col + used, 1, p->at[i].role, "…");
        }
        used += canvas_put(c, row, col + used, columns - used, p->at[i].role, p->at[i].text);
    }
    return used;
}

/* ---- states ---- */

bool map_box_is_off(const MapBox *b)
{
    return b->first == b->end || (b->touching && b->kind != BOX_ATTENTION);
}

Role map_box_role(const App *app, const MapBox *b)
{
    if (app->at >= b->first && app->at < b->end)
        return ROLE_HERE;
    if (map_box_is_off(b))
        return ROLE_ABLATED;
    return app->at >= b->first ? ROLE_DONE : ROLE_DIM;
}

static bool is_touched(const App *app, size_t i)
{
    return ablations_touch(app->ablations, &pass_plan(app->pass)->stages[i], &app->model->config);
}

static Role stage_role(const App *app, size_t i)
{
    if (i == app->at)
        return ROLE_HERE;
    if (is_touched(app, i))
        return ROLE_ABLATED;
    return i < app->at ? ROLE_DONE : ROLE_DIM;
}

/* ---- in the box ---- */

static const char *norm_name(const Config *c)
{
    return c->norm == NORM_RMSNORM ? _("RMS norm") : _("layer norm");
}

const char *map_box_name(const App *app, const MapBox *b)
{
    const Config *c = &app->model->config;
    bool causal = b->stack == STACK_DECODER && !(app->ablations & NO_MASK);
    switch (b->kind) {
    case BOX_EMBED: return _("token embedding");
    case BOX_POSITIONS: return _("positions");
    case BOX_SUM: return _("add positions");
    case BOX_SEGMENTS: return _("segments");
    case BOX_TYPED: return _("add segments");
    case BOX_HEAD: return _("output head");
    case BOX_NORM: return norm_name(c);
    case BOX_ATTENTION: return b->sub == SUB_CROSS ? _("cross-attention") : causal ? _("masked self-attention") : _("self-attention");
    case BOX_FFN: return c->ffn == FFN_GATED ? _("gated feed-forward") : _("feed-forward");
    case BOX_ADD: return _("add");
    case BOX_FINAL: return c->norm == NORM_RMSNORM ? _("final RMS norm") : _("final layer norm");
    case BOX_LOGITS: return _("linear");
    case BOX_PROBS: return _("softmax");
    }
    return "";
}

/* "no-mask, no-scale" */
static void add_ablations(Pieces *p, Ablations a)
{
    const char *before = "";
    for (int i = 0; i < ABLATION_COUNT; i++) {
        if (!(a & ablation_table[i].bit))
            continue;
        char text[PIECE_MAX];
        snprintf(text, sizeof text, "%s%s", before, ablation_table[i].name);
        add(p, ROLE_ABLATED, text);
        before = ", ";
    }
}

static int count_bits(Ablations a)
{
    int n = 0;
    for (; a; a &= a - 1)
        n++;
    return n;
}

void map_label(const App *app, const Canvas *c, const MapBox *b, int columns, bool with_sign, Pieces *out)
{
    Role role = map_box_role(app, b);
    char text[PIECE_MAX];
    bool here = role == ROLE_HERE;
    *out = (Pieces){0};
    if (here)
        add(out, ROLE_HERE, "▶ ");
    if (b->touching && with_sign)
        add(out, here ? ROLE_HERE : ROLE_ABLATED, "✗ ");
    if (map_is_aside(b->kind) && !c->ascii && !out->count)
        add(out, role, "∿ ");
    size_t name = out->count;
    add(out, role, map_box_name(app, b));
    if (here && b->end - b->first > 1) {
        snprintf(text, sizeof text, " › %s", stage_table[app_stage(app)->kind].id);
        add(out, ROLE_HERE, text);
        if (map_pieces_width(c, out) > columns && b->kind == BOX_ATTENTION)
            snprintf(out->at[name].text, PIECE_MAX, "%s", b->sub == SUB_CROSS ? _("cross") : _("self-attention"));
    }
    size_t names = out->count;
    if (!b->touching || map_is_aside(b->kind))
        return;
    add(out, role, "  ");
    add_ablations(out, b->touching);
    if (map_pieces_width(c, out) <= columns)
        return;
    out->count = names;
    int n = count_bits(b->touching);
    snprintf(text, sizeof text, " (%d)", n);
    if (n > 1)
        add(out, ROLE_ABLATED, text);
}

/* The word for a stage inside a box, "" for those that every box of the kind has. */
static const char *ingredient(const App *app, const Stage *s)
{
    switch (s->kind) {
    case STAGE_Q_NORM: return _("norm");
    case STAGE_Q_ROT: return _("RoPE");
    case STAGE_SCALED: return app->ablations & SCALE_BY_DK && !(app->ablations & NO_SCALE) ? "÷dₖ" : "÷√dₖ";
    case STAGE_BIASED: return _("ALiBi");
    case STAGE_MASKED: return stage_is_causal(s) ? _("mask") : "";
    case STAGE_WEIGHTS: return _("softmax");
    case STAGE_GATE: return _("gate");
    case STAGE_EXPAND: return "W₁";
    case STAGE_ACTIVATE: return activation_name(app->model->config.activation);
    case STAGE_PRODUCT: return "×";
    case STAGE_CONTRACT: return "W₂";
    default: return "";
    }
}

void map_ingredients(const App *app, const Canvas *c, const MapBox *b, int columns, Pieces *out)
{
    *out = (Pieces){0};
    if (b->kind != BOX_ATTENTION && b->kind != BOX_FFN)
        return;
    if (b->first == b->end)
        add_ablations(out, b->touching);
    bool here = map_box_role(app, b) == ROLE_HERE;
    for (size_t i = b->first; i < b->end; i++) {
        const Stage *s = &pass_plan(app->pass)->stages[i];
        const char *word = ingredient(app, s);
        char text[PIECE_MAX];
        if (!*word)
            continue;
        if (out->count)
            add(out, here ? ROLE_HERE : ROLE_TEXT, "  ");
        Role role = stage_role(app, i);
        snprintf(text, sizeof text, is_touched(app, i) ? "✗%s" : "%s", word);
        add(out, here && role != ROLE_ABLATED ? ROLE_HERE : role, text);
    }
    bool narrow = map_pieces_width(c, out) > columns;
    for (size_t i = 0; narrow && i < out->count; i++)
        if (strcmp(out->at[i].text, "  ") == 0)
            out->at[i].text[1] = '\0';
}

/* ---- beside the box ---- */

/* " [2,7,8]": the space stays with it, so that no line breaks there. */
static void write_shape(const Stage *s, char *out, size_t size)
{
    int n = snprintf(out, size, " ");
    for (int i = 0; i < s->rank; i++)
        n += snprintf(out + n, size - (size_t)n, "%c%zu", i ? ',' : '[', s->shape[i]);
    snprintf(out + n, size - (size_t)n, "]");
}

static bool same_shape(const Stage *a, const Stage *b)
{
    bool same = a->rank == b->rank;
    for (int i = 0; same && i < a->rank; i++)
        same = a->shape[i] == b->shape[i];
    return same;
}

/* "q k v [2,7,8]  scores scaled masked weights [2,7,7]  …": the shape after the last stage that has it, or only at the end. */
static void add_stages(const App *app, const MapBox *b, bool all_shapes, Pieces *out)
{
    const Plan *plan = pass_plan(app->pass);
    char text[PIECE_MAX], shape[PIECE_MAX];
    for (size_t i = b->first; i < b->end; i++) {
        const Stage *s = &plan->stages[i];
        Role role = stage_role(app, i);
        bool last = i + 1 == b->end, shaped = last || (all_shapes && !same_shape(s, s + 1));
        snprintf(text, sizeof text, is_touched(app, i) ? "✗%s" : "%s", b->kind == BOX_FINAL ? "final_norm" : stage_table[s->kind].id);
        add(out, role, text);
        write_shape(s, shape, sizeof shape);
        if (shaped)
            add(out, i <= app->at ? ROLE_LABEL : ROLE_DIM, shape);
        if (!last)
            add(out, ROLE_TEXT, shaped ? "  " : " ");
    }
}

static const char *position_name(PositionKind k)
{
    return k == POSITION_LEARNED ? _("learned positions") : _("sinusoidal positions");
}

int map_break_pieces(const Canvas *c, Pieces *p, int columns)
{
    int used = 0, lines = 1;
    size_t space = PIECES_MAX; /* the last one of this line */
    for (size_t i = 0; i < p->count; i++) {
        p->at[i].ends_line = false;
        used += canvas_text_width(c, p->at[i].text);
        if (p->at[i].text[strspn(p->at[i].text, " ")] == '\0') {
            space = i;
        } else if (used > columns && space < i) {
            p->at[space].ends_line = true;
            lines++;
            used = 0;
            for (size_t j = space + 1; j <= i; j++)
                used += canvas_text_width(c, p->at[j].text);
            space = PIECES_MAX;
        }
    }
    return lines;
}

Pieces map_take_line(Pieces *p)
{
    Pieces line = {0}, rest = {0};
    size_t i = 0;
    while (i < p->count && !p->at[i].ends_line)
        line.at[line.count++] = p->at[i++];
    for (i++; i < p->count; i++)
        rest.at[rest.count++] = p->at[i];
    *p = rest;
    return line;
}

void map_note(const App *app, const Canvas *c, const MapBox *b, int columns, int lines, bool titled, Pieces *out)
{
    Pieces title = {0};
    Role role = map_box_role(app, b);
    if (titled || map_is_aside(b->kind)) {
        const char *name = b->kind == BOX_POSITIONS ? position_name(app->model->config.position) : map_box_name(app, b);
        add(&title, role == ROLE_DIM ? ROLE_DIM : ROLE_HEADING, name);
        add(&title, ROLE_TEXT, "  ");
    }
    *out = title;
    if (b->first == b->end) {
        add(out, ROLE_ABLATED, _("taken out by "));
        add_ablations(out, b->touching);
        if (map_pieces_width(c, out) > columns) {
            *out = (Pieces){0};
            add_ablations(out, b->touching);
        }
        return;
    }
    add_stages(app, b, true, out);
    if (b->touching) {
        add(out, ROLE_TEXT, "  ");
        add_ablations(out, b->touching);
    }
    for (int attempt = 0; attempt < 3 && map_break_pieces(c, out, columns) > lines; attempt++) {
        *out = attempt < 2 ? title : (Pieces){0};
        add_stages(app, b, attempt == 0, out);
    }
}
