/* map_layout.c - which boxes the map has, which stages each stands for, and where it lies.
 *
 * The boxes follow from the config, not from the plan: what an ablation took out is still drawn, crossed out. The tests
 * hold them against the plan. Draws nothing. */
#include "view/map.h"

#include "pass/ablation.h"

enum {
    GAP = 8,           /* between encoder and decoder */
    FRAME_WIDE = 38, FRAME_NARROW = 36, FRAME_LEAST = 30,
    WIDE_FROM = 96,    /* columns of the area that take the wide frame */
    NOTE_LEAST = 20, NOTE_MOST = 84,
    STUB = 4           /* where only one of two columns is seen: the end of the memory arrow */
};

/* How large everything is drawn. */
typedef struct Sizes {
    bool input, output, arrows;
    int embed, norm, main, final, ends; /* rows of a box: 1, 3, or 4 for main */
} Sizes;

/* ---- boxes ---- */

static size_t add_box(Map *m, int column, BoxKind kind, Sub sub)
{
    Stack stack = sub == SUB_OUTPUT ? STACK_OUTPUT : m->column[column].stack;
    m->boxes[m->count] = (MapBox){.kind = kind, .stack = stack, .sub = sub, .column = column};
    return m->count++;
}

static void add_sublayer(const Config *c, Map *m, int column, Sub sub)
{
    bool norm = c->norm != NORM_NONE;
    if (sub == SUB_FFN && c->ffn == FFN_NONE)
        return;
    if (norm && c->norm_position == NORM_PRE)
        add_box(m, column, BOX_NORM, sub);
    add_box(m, column, sub == SUB_FFN ? BOX_FFN : BOX_ATTENTION, sub);
    if (!c->parallel || sub == SUB_FFN)
        add_box(m, column, BOX_ADD, sub);
    if (norm && c->norm_position == NORM_POST)
        add_box(m, column, BOX_NORM, sub);
}

static void add_column(const Config *c, Map *m, Stack stack)
{
    int column = m->columns++;
    MapColumn *k = &m->column[column];
    *k = (MapColumn){.stack = stack, .layers = config_layers(c, stack)};
    add_box(m, column, BOX_EMBED, SUB_EMBED);
    if (c->position == POSITION_SINUSOIDAL || c->position == POSITION_LEARNED) {
        add_box(m, column, BOX_POSITIONS, SUB_EMBED);
        add_box(m, column, BOX_SUM, SUB_EMBED);
    }
    if (c->token_types) {
        add_box(m, column, BOX_SEGMENTS, SUB_EMBED);
        add_box(m, column, BOX_TYPED, SUB_EMBED);
    }
    if (c->embed_norm)
        add_box(m, column, BOX_NORM, SUB_EMBED);
    if (k->layers) {
        add_sublayer(c, m, column, SUB_SELF);
        if (stack == STACK_DECODER && c->kind == KIND_ENCODER_DECODER)
            add_sublayer(c, m, column, SUB_CROSS);
        add_sublayer(c, m, column, SUB_FFN);
    }
    if (c->norm != NORM_NONE && c->norm_position == NORM_PRE)
        add_box(m, column, BOX_FINAL, SUB_FINAL);
    if (stack == config_last_stack(c)) {
        if (c->output_head)
            add_box(m, column, BOX_HEAD, SUB_OUTPUT);
        if (c->output_head && c->norm != NORM_NONE)
            add_box(m, column, BOX_NORM, SUB_OUTPUT);
        add_box(m, column, BOX_LOGITS, SUB_OUTPUT);
        add_box(m, column, BOX_PROBS, SUB_OUTPUT);
    }
}

bool map_box_holds(const MapBox *b, const Stage *s)
{
    if (b->stack != s->stack || b->sub != s->sub)
        return false;
    switch (b->kind) {
    case BOX_EMBED: return s->kind == STAGE_TOKENS;
    case BOX_POSITIONS: return s->kind == STAGE_POSITIONS;
    case BOX_SUM: return s->kind == STAGE_SUM;
    case BOX_SEGMENTS: return s->kind == STAGE_TYPES;
    case BOX_TYPED: return s->kind == STAGE_TYPED;
    case BOX_HEAD: return s->kind == STAGE_TRANSFORM || s->kind == STAGE_ACTIVATE;
    case BOX_NORM:
    case BOX_FINAL: return s->kind == STAGE_NORM;
    case BOX_ADD: return s->kind == STAGE_RESIDUAL;
    case BOX_LOGITS: return s->kind == STAGE_LOGITS;
    case BOX_PROBS: return s->kind == STAGE_PROBS;
    default: return s->kind != STAGE_NORM && s->kind != STAGE_RESIDUAL;
    }
}

/* The layer that a column shows: the one that runs; before it the first, after it the last. */
static size_t shown_layer(const Stage *s, const MapColumn *k)
{
    if (s->stack == k->stack && s->layer >= 0)
        return (size_t)s->layer;
    bool before = s->stack < k->stack || (s->stack == k->stack && s->sub == SUB_EMBED);
    return before || !k->layers ? 0 : k->layers - 1;
}

static void find_stages(const App *app, Map *m)
{
    const Plan *plan = pass_plan(app->pass);
    for (size_t i = 0; i < plan->count; i++) {
        const Stage *s = &plan->stages[i];
        if (s->layer >= 0 && (size_t)s->layer != m->column[m->columns > 1 && s->stack == STACK_DECODER].layer)
            continue;
        for (size_t k = 0; k < m->count; k++) {
            MapBox *b = &m->boxes[k];
            if (!map_box_holds(b, s))
                continue;
            if (b->first == b->end)
                b->first = i;
            b->end = i + 1;
            if (i == app->at)
                m->here = k;
            for (int a = 0; a < ABLATION_COUNT; a++)
                if (app->ablations & ablation_table[a].bit && ablations_touch(ablation_table[a].bit, s, plan->config))
                    b->touching |= ablation_table[a].bit;
        }
    }
    for (size_t k = 0; k < m->count; k++)
        if (m->boxes[k].first == m->boxes[k].end)
            m->boxes[k].touching = app->ablations & (m->boxes[k].sub == SUB_FFN ? NO_FFN : NO_ATTENTION);
}

/* ---- rows ---- */

static int box_rows(BoxKind kind, const Sizes *s)
{
    switch (kind) {
    case BOX_EMBED: return s->embed;
    case BOX_NORM: return s->norm;
    case BOX_ATTENTION:
    case BOX_FFN: return s->main;
    case BOX_FINAL: return s->final;
    case BOX_HEAD:
    case BOX_LOGITS:
    case BOX_PROBS: return s->ends;
    default: return 1;
    }
}

/* Puts a part on top of the column; rows count from the bottom until place_rows. */
static void add_part(MapColumn *k, PartKind kind, size_t box, int rows)
{
    k->parts[k->count++] = (MapPart){kind, box, k->tall, rows};
    k->tall += rows;
}

/* The add in which the residual around the sub-layer of a box ends. */
static size_t add_of(const Map *m, size_t box)
{
    while (m->boxes[box].kind != BOX_ADD)
        box++;
    return box;
}

/* Where a residual leaves the stream: before a sub-layer's first box. */
static bool begins_sublayer(const Map *m, size_t box)
{
    const MapBox *b = &m->boxes[box];
    return b->sub >= SUB_SELF && b->sub <= SUB_FFN && m->boxes[box - 1].sub != b->sub;
}

/* Where a sub-layer begins before the one below was added to the stream. */
static bool runs_beside(const Map *m, size_t box)
{
    return m->boxes[box - 1].kind == BOX_ATTENTION;
}

static void stack_parts(Map *m, int column, const Sizes *s)
{
    MapColumn *k = &m->column[column];
    bool inside = false, last = column == m->columns - 1;
    size_t first = 0, box;
    k->count = 0;
    k->tall = 0;
    while (m->boxes[first].column != column)
        first++;
    if (s->input)
        add_part(k, PART_INPUT, first, 1);
    for (box = first; box < m->count && m->boxes[box].column == column; box++) {
        MapBox *b = &m->boxes[box];
        if (map_is_aside(b->kind))
            continue; /* beside its sum */
        bool layer = b->sub >= SUB_SELF && b->sub <= SUB_FFN;
        if (layer != inside)
            add_part(k, layer ? PART_BOTTOM : PART_TOP, box, 1);
        if (layer && begins_sublayer(m, box))
            add_part(k, runs_beside(m, box) ? PART_FORK : PART_TAP, add_of(m, box), runs_beside(m, box) ? 2 : 1);
        else if (s->arrows && box > first && (layer || !inside))
            add_part(k, PART_ARROW, box, 1);
        inside = layer;
        add_part(k, PART_BOX, box, box_rows(b->kind, s));
    }
    if (inside)
        add_part(k, PART_TOP, box - 1, 1);
    if (!last)
        add_part(k, PART_EXIT, box - 1, 1);
    else if (s->output)
        add_part(k, PART_OUTPUT, box - 1, 1);
}

static int tallest(const Map *m)
{
    int a = m->one_of_two ? 0 : m->column[0].tall, b = m->columns > 1 && !m->one_of_two ? m->column[1].tall : 0;
    if (m->one_of_two)
        return m->column[m->boxes[m->choice].column].tall;
    return a > b ? a : b;
}

/* Stacks everything with these sizes; true where it fits. */
static bool try_sizes(Map *m, const Sizes *s, int rows)
{
    for (int i = 0; i < m->columns; i++)
        stack_parts(m, i, s);
    m->rows = tallest(m);
    return m->rows <= rows;
}

/* Enlarges one thing after another, as long as all fits: what helps most comes first. */
static void choose_sizes(Map *m, int rows)
{
    static const Sizes steps[] = {
        {.input = true, .embed = 1, .norm = 1, .main = 1, .final = 1, .ends = 1},
        {.input = true, .output = true, .embed = 1, .norm = 1, .main = 1, .final = 1, .ends = 1},
        {.input = true, .output = true, .embed = 1, .norm = 1, .main = 3, .final = 1, .ends = 1},
        {.input = true, .output = true, .embed = 1, .norm = 1, .main = 4, .final = 1, .ends = 1},
        {.input = true, .output = true, .embed = 3, .norm = 1, .main = 4, .final = 1, .ends = 1},
        {.input = true, .output = true, .embed = 3, .norm = 1, .main = 4, .final = 1, .ends = 3},
        {.input = true, .output = true, .embed = 3, .norm = 1, .main = 4, .final = 3, .ends = 3},
        {.input = true, .output = true, .embed = 3, .norm = 3, .main = 4, .final = 3, .ends = 3},
        {.input = true, .output = true, .embed = 3, .norm = 3, .main = 4, .final = 3, .ends = 3, .arrows = true},
    };
    size_t best = 0;
    for (size_t i = 1; i < sizeof steps / sizeof *steps && try_sizes(m, &steps[i], rows); i++)
        best = i;
    try_sizes(m, &steps[best], rows);
    m->ingredients = steps[best].main == 4;
}

/* Turns rows counted from the bottom into rows counted from the top. */
static void place_rows(Map *m)
{
    for (int i = 0; i < m->columns; i++) {
        MapColumn *k = &m->column[i];
        for (size_t j = 0; j < k->count; j++) {
            MapPart *p = &k->parts[j];
            p->row = m->rows - p->row - p->rows;
            MapBox *b = &m->boxes[p->box];
            if (p->kind != PART_BOX)
                continue;
            bool round = b->kind == BOX_ADD || map_is_sum(b->kind);
            b->r = round ? (Rect){p->row, k->center - 2, 5, 1} : (Rect){p->row, k->box_col, k->box_cols, p->rows};
            if (map_is_sum(b->kind)) {
                int left = k->mirrored ? k->center + 5 : k->col + 1, right = k->mirrored ? k->col + k->cols - 1 : k->center - 4;
                m->boxes[p->box - 1].r = (Rect){p->row, left, right - left, 1};
            }
        }
    }
}

/* ---- columns ---- */

static int at_most(int n, int most)
{
    return n < most ? n : most;
}

static void place_columns(Map *m, int cols)
{
    bool two = m->columns > 1;
    int frame, left = 0, widest = cols >= WIDE_FROM ? FRAME_WIDE : FRAME_NARROW;
    if (two) {
        frame = at_most((cols - GAP) / 2, FRAME_WIDE);
        m->one_of_two = frame < FRAME_LEAST;
    } else {
        frame = at_most(cols, widest);
    }
    if (m->one_of_two) {
        bool decoder = m->boxes[m->choice].column == 1;
        frame = at_most(cols - STUB, FRAME_WIDE);
        left = decoder ? STUB : 0;
        m->cols = frame + STUB;
    } else {
        m->note_cols = at_most(two ? (cols - 2 * frame - GAP) / 2 - 2 : cols - frame - 3, NOTE_MOST);
        if (m->note_cols < NOTE_LEAST)
            m->note_cols = 0;
        int note = m->note_cols ? m->note_cols + 2 : 0;
        left = two ? note : 0;
        m->cols = two ? 2 * (frame + note) + GAP : frame + note;
    }
    for (int i = 0; i < m->columns; i++) {
        MapColumn *k = &m->column[i];
        k->mirrored = i == 1;
        k->col = m->one_of_two ? left : left + i * (frame + GAP);
        k->cols = frame;
        k->box_col = k->col + (k->mirrored ? 2 : 5);
        k->box_cols = frame - 7;
        k->center = k->box_col + k->box_cols / 2;
        k->lane = k->mirrored ? k->col + frame - 3 : k->col + 2;
    }
}

/* ---- all of it ---- */

void map_layout(const App *app, Rect area, Map *m)
{
    const Config *c = &app->model->config;
    *m = (Map){0};
    for (int s = STACK_ENCODER; s <= STACK_DECODER; s++)
        if (config_has_stack(c, (Stack)s))
            add_column(c, m, (Stack)s);
    for (int i = 0; i < m->columns; i++)
        m->column[i].layer = shown_layer(app_stage(app), &m->column[i]);
    find_stages(app, m);
    m->choice = app->map_choice < m->count ? app->map_choice : m->here;
    m->view = (Rect){area.row, area.col, area.cols, area.rows - 1};
    place_columns(m, m->view.cols);
    choose_sizes(m, m->view.rows);
    place_rows(m);
    m->left = -(m->view.cols - m->cols) / 2;
    if (m->rows <= m->view.rows) {
        m->top = -(m->view.rows - m->rows) / 2;
    } else { /* the chosen box in the middle, as far as there is something above and below */
        const Rect *r = &m->boxes[m->choice].r;
        m->top = r->row + r->rows / 2 - m->view.rows / 2;
        m->top = m->top < 0 ? 0 : at_most(m->top, m->rows - m->view.rows);
    }
}

int map_row(const Map *m, int row)
{
    return m->view.row + row - m->top;
}

int map_col(const Map *m, int col)
{
    return m->view.col + col - m->left;
}

int map_box_at(const Map *m, int row, int col)
{
    if (row < m->view.row || row >= m->view.row + m->view.rows)
        return -1;
    for (size_t i = 0; i < m->count; i++) {
        const MapBox *b = &m->boxes[i];
        if (m->one_of_two && b->column != m->boxes[m->choice].column)
            continue;
        int top = map_row(m, b->r.row), left = map_col(m, b->r.col);
        if (row >= top && row < top + b->r.rows && col >= left && col < left + b->r.cols)
            return (int)i;
    }
    return -1;
}
