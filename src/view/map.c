/* map.c - the map: the architecture as the paper draws it (Vaswani et al. 2017, figure 1), with where you are.
 *
 * From the bottom up: tokens, embedding, positions, the layers in their frame, linear, softmax; encoder left, decoder
 * right. Every state has a sign of its own beside its role: a box that is done has whole edges, one not reached dashed
 * ones, one switched off is crossed, the current one has an arrow, the chosen one heavy edges. */
#include "view/map.h"

#include "base/text.h"
#include "measure/metrics.h"

#include <stdio.h>
#include <string.h>

typedef struct Drawing {
    App *app;
    Canvas *c;
    Map map;
} Drawing;

/* ---- single cells and lines, in the figure's rows and columns; nothing outside its view ---- */

/* True where a row of the canvas belongs to the figure's view. */
static bool is_seen(const Drawing *d, int row)
{
    return row >= d->map.view.row && row < d->map.view.row + d->map.view.rows;
}

static void put(Drawing *d, int row, int col, int columns, Role role, const char *text)
{
    int r = map_row(&d->map, row);
    if (is_seen(d, r))
        canvas_put(d->c, r, map_col(&d->map, col), columns, role, text);
}

static void put_in_middle(Drawing *d, int row, int col, int columns, const Pieces *p)
{
    int r = map_row(&d->map, row), free_columns = columns - map_pieces_width(d->c, p);
    if (is_seen(d, r))
        map_put_pieces(d->c, r, map_col(&d->map, col + (free_columns > 0 ? free_columns / 2 : 0)), columns, p);
}

static void hline(Drawing *d, int row, int from, int to, Role role, const char *text)
{
    for (int i = from; i <= to; i++)
        put(d, row, i, 1, role, text);
}

static void vline(Drawing *d, int col, int from, int to, Role role, const char *text)
{
    for (int i = from; i <= to; i++)
        put(d, i, col, 1, role, text);
}

/* ---- boxes ---- */

/* The edges of one line; of a frame: top left, top, top right, side, bottom left, bottom, bottom right. */
typedef struct Edges {
    const char *left, *right, *top[3], *side, *bottom[3];
} Edges;

static const Edges plain_frame = {"[", "]", {"┌", "─", "┐"}, "│", {"└", "─", "┘"}};

static Edges edges_of(const Drawing *d, size_t box)
{
    static const Edges heavy[] = {{"▸", "◂", {"┏", "━", "┓"}, "┃", {"┗", "━", "┛"}}, {">", "<", {"#", "=", "#"}, "#", {"#", "=", "#"}}};
    static const Edges crossed[] = {{"╳", "╳", {"╳", "╌", "╳"}, "╎", {"╳", "╌", "╳"}}, {"x", "x", {"x", "-", "x"}, ":", {"x", "-", "x"}}};
    static const Edges dashed[] = {{"(", ")", {"┌", "╌", "┐"}, "╎", {"└", "╌", "┘"}}, {"(", ")", {".", ".", "."}, ":", {".", ".", "."}}};
    const MapBox *b = &d->map.boxes[box];
    if (box == d->map.choice)
        return heavy[d->c->ascii];
    if (map_box_is_off(b))
        return crossed[d->c->ascii];
    if (d->app->at < b->first)
        return dashed[d->c->ascii];
    return plain_frame;
}

/* The role of a box's edges: a choice that is not the current box has one of its own. */
static Role edge_role(const Drawing *d, size_t box)
{
    Role role = map_box_role(d->app, &d->map.boxes[box]);
    return box == d->map.choice && role != ROLE_HERE ? ROLE_CHOICE : role;
}

static void restyle(Drawing *d, int row, int col, int columns, Role role)
{
    int r = map_row(&d->map, row);
    if (is_seen(d, r))
        canvas_restyle(d->c, r, map_col(&d->map, col), columns, 1, role);
}

static void draw_frame(Drawing *d, Rect r, Role role, const Edges *e)
{
    int right = r.col + r.cols - 1, bottom = r.row + r.rows - 1;
    Role along = role == ROLE_ABLATED ? ROLE_DIM : role; /* its underline belongs to words and signs */
    for (int i = 0; i < 2; i++) {
        const char *const *f = i ? e->bottom : e->top;
        int row = i ? bottom : r.row;
        put(d, row, r.col, 1, role, f[0]);
        hline(d, row, r.col + 1, right - 1, along, f[1]);
        put(d, row, right, 1, role, f[2]);
    }
    vline(d, r.col, r.row + 1, bottom - 1, along, e->side);
    vline(d, right, r.row + 1, bottom - 1, along, e->side);
}

static void draw_box(Drawing *d, size_t box)
{
    const MapBox *b = &d->map.boxes[box];
    const Rect r = b->r;
    const Edges e = edges_of(d, box);
    Role role = edge_role(d, box);
    Pieces label;
    int first = r.row, lines = 1, inside = r.cols - 2;
    if (r.rows > 1) {
        draw_frame(d, r, role, &e);
        first++;
        lines = r.rows - 2;
    } else {
        put(d, first, r.col, 1, role, e.left);
        put(d, first, r.col + r.cols - 1, 1, role, e.right);
    }
    bool filled = role == ROLE_HERE || role == ROLE_CHOICE;
    for (int i = 0; i < lines; i++) {
        if (filled)
            hline(d, first + i, r.col + 1, r.col + inside, role, " ");
        if (i == 0)
            map_label(d->app, d->c, b, inside, r.rows > 1 || !map_box_is_off(b) || box == d->map.choice, &label);
        else
            map_ingredients(d->app, d->c, b, inside, &label);
        put_in_middle(d, first + i, r.col + 1, inside, &label);
        if (role == ROLE_CHOICE)
            restyle(d, first + i, r.col + 1, inside, role);
    }
}

/* The circle in which two lines meet. */
static void draw_circle(Drawing *d, size_t box)
{
    const MapBox *b = &d->map.boxes[box];
    Role role = edge_role(d, box);
    const char *sign = map_box_is_off(b) ? " ✗ " : d->c->ascii ? "(+)" : " ⊕ ";
    if (role == ROLE_HERE || role == ROLE_CHOICE) {
        bool here = role == ROLE_HERE;
        put(d, b->r.row, b->r.col, 1, role, here ? "▶" : edges_of(d, box).left);
        put(d, b->r.row, b->r.col + 4, 1, role, here ? "◀" : edges_of(d, box).right);
    }
    put(d, b->r.row, b->r.col + 1, 3, role, sign);
}

/* The column where a line that ends in a circle has its head. */
static int head_col(const Drawing *d, size_t box, bool from_right)
{
    Role role = edge_role(d, box);
    int away = role == ROLE_HERE || role == ROLE_CHOICE ? 3 : 2, center = d->map.boxes[box].r.col + 2;
    return from_right ? center + away : center - away;
}

/* ---- lines ---- */

static Role wire_role(bool reached)
{
    return reached ? ROLE_DONE : ROLE_DIM;
}

/* The residual: from the stream below a sub-layer around it into the add above. */
static void draw_residual(Drawing *d, const MapColumn *k, const MapPart *tap)
{
    const MapBox *add = &d->map.boxes[tap->box];
    bool cut = add->first < add->end && add->touching, right = k->mirrored;
    Role role = cut ? ROLE_DIM : wire_role(add->first == add->end || d->app->at >= add->first);
    const char *across = !cut ? "─" : d->c->ascii ? "." : "╌", *along = !cut ? "│" : d->c->ascii ? ":" : "╎";
    int head = head_col(d, tap->box, right), top = add->r.row, lane = k->lane;
    int from = right ? head + 1 : lane + 1, to = right ? lane - 1 : head - 1;
    hline(d, top, from, to, role, across);
    put(d, top, head, 1, role, right ? "◂" : "▸");
    put(d, top, lane, 1, role, right ? "┐" : "┌");
    vline(d, lane, top + 1, tap->row - 1, role, along);
    put(d, tap->row, lane, 1, role, right ? "┘" : "└");
    hline(d, tap->row, right ? k->center + 1 : lane + 1, right ? lane - 1 : k->center - 1, role, across);
    if (!cut)
        return;
    static const char *const text = "✗ no-residual";
    int width = canvas_text_width(d->c, text);
    if (width <= to - from)
        put(d, top, right ? from + 1 : to - width, width, ROLE_ABLATED, text);
    else
        put(d, (top + tap->row) / 2, lane, 1, ROLE_ABLATED, "✗");
}

/* Attention and FFN side by side, drawn one above the other: attention's result goes around the FFN at the other side, into the same add;
 * the FFN reads the stream that runs past. */
static void draw_fork(Drawing *d, const MapColumn *k, const MapPart *fork)
{
    const MapBox *add = &d->map.boxes[fork->box];
    const MapBox *ffn = add - 1;
    while (ffn->kind != BOX_FFN)
        ffn--;
    bool reached = add->first == add->end || d->app->at >= add->first;
    Role stream = wire_role(reached || d->app->at + 1 >= ffn->first), role = wire_role(d->app->at + 1 >= ffn->first);
    int head = head_col(d, fork->box, !k->mirrored), top = add->r.row, aside = k->mirrored ? k->col + 1 : k->col + k->cols - 2;
    bool left = aside < k->center;
    hline(d, fork->row, left ? k->center + 1 : k->lane + 1, left ? k->lane - 1 : k->center - 1, stream, "─");
    put(d, fork->row, k->lane, 1, stream, left ? "┤" : "├");
    put(d, fork->row, k->center, 1, stream, left ? "└" : "┘");
    put(d, fork->row + 1, k->center, 1, role, left ? "┐" : "┌");
    hline(d, fork->row + 1, left ? aside + 1 : k->center + 1, left ? k->center - 1 : aside - 1, role, "─");
    put(d, fork->row + 1, aside, 1, role, left ? "└" : "┘");
    vline(d, aside, top + 1, fork->row, role, "│");
    put(d, top, aside, 1, role, left ? "┌" : "┐");
    hline(d, top, left ? aside + 1 : head + 1, left ? head - 1 : aside - 1, role, "─");
    put(d, top, head, 1, role, left ? "▸" : "◂");
}

/* The positions go into their sum from the side. */
static void draw_positions_wire(Drawing *d, const MapColumn *k, size_t sum)
{
    const MapBox *p = &d->map.boxes[sum - 1];
    Role role = p->touching ? ROLE_DIM : wire_role(d->app->at >= p->end);
    int head = head_col(d, sum, k->mirrored);
    if (k->mirrored)
        hline(d, p->r.row, head + 1, p->r.col - 1, role, "─");
    else
        hline(d, p->r.row, p->r.col + p->r.cols, head - 1, role, "─");
    put(d, p->r.row, head, 1, role, k->mirrored ? "◂" : "▸");
}

/* The cross-attention of the decoder, or NULL. */
static const MapBox *find_cross(const Map *m)
{
    for (size_t i = 0; i < m->count; i++)
        if (m->boxes[i].kind == BOX_ATTENTION && m->boxes[i].sub == SUB_CROSS)
            return &m->boxes[i];
    return NULL;
}

/* From the encoder's top into the decoder's cross-attention: its keys and values. */
static void draw_memory(Drawing *d)
{
    const Map *m = &d->map;
    const MapBox *cross = find_cross(m);
    const MapColumn *from = &m->column[0], *to = &m->column[1];
    const MapPart *exit = &from->parts[from->count - 1];
    bool encoder = !m->one_of_two || m->boxes[m->choice].column == 0, decoder = !m->one_of_two || !encoder;
    bool removed = cross && cross->first == cross->end;
    Role role = removed ? ROLE_DIM : wire_role(d->app->at + 1 >= m->boxes[exit->box].end);
    int turn = m->one_of_two ? from->col + from->cols + 1 : to->col - 3, row = cross ? cross->r.row + (cross->r.rows - 1) / 2 : 0;
    if (encoder) {
        const char *label = _(" memory ");
        put(d, exit->row, from->center, 1, role, "┌");
        hline(d, exit->row, from->center + 1, turn - 1, role, "─");
        put(d, exit->row, from->center + 3, canvas_text_width(d->c, label), role, label);
    }
    if (encoder && (m->one_of_two || !cross))
        put(d, exit->row, turn, 1, role, "▸");
    if (!decoder || !cross)
        return;
    if (encoder) {
        bool down = row > exit->row;
        put(d, exit->row, turn, 1, role, row == exit->row ? "─" : down ? "┐" : "┘");
        vline(d, turn, (down ? exit->row : row) + 1, (down ? row : exit->row) - 1, role, "│");
        if (row != exit->row)
            put(d, row, turn, 1, role, down ? "└" : "┌");
    }
    hline(d, row, encoder ? turn + 1 : 0, cross->r.col - 2, role, "─");
    put(d, row, cross->r.col - 1, 1, removed ? ROLE_ABLATED : role, removed ? "✗" : "▸");
}

/* ---- a column ---- */

static bool is_inside(const Drawing *d, const MapColumn *k)
{
    const Stage *s = app_stage(d->app);
    return s->stack == k->stack && s->layer >= 0;
}

/* "decoder 4×" and, at the other side of the flow, "layer 2 of 4". */
static void draw_layer_frame(Drawing *d, const MapColumn *k, int top, int bottom)
{
    bool inside = is_inside(d, k);
    Rect r = {top, k->col, k->cols, bottom - top + 1};
    char text[64];
    draw_frame(d, r, ROLE_BORDER, &plain_frame);
    snprintf(text, sizeof text, " %s %zu× ", k->stack == STACK_ENCODER ? _("encoder") : _("decoder"), k->layers);
    put(d, top, k->col + 2, k->center - k->col - 3, ROLE_HEADING, text);
    if (!inside)
        return;
    int room = k->col + k->cols - 2 - k->center, width;
    snprintf(text, sizeof text, _(" layer %zu of %zu "), k->layer + 1, k->layers);
    if (canvas_text_width(d->c, text) >= room)
        snprintf(text, sizeof text, " %zu/%zu ", k->layer + 1, k->layers);
    width = canvas_text_width(d->c, text);
    put(d, top, k->center + 1 + (room - width) / 2, width, ROLE_HERE, text);
}

static void draw_input(Drawing *d, const MapColumn *k, const MapPart *p)
{
    Buffer b = {0};
    bool last = k == &d->map.column[d->map.columns - 1], two = d->map.columns > 1;
    buffer_puts(&b, two && last ? _("outputs so far: ") : _("inputs: "));
    app_input_text(d->app, k->stack, &b);
    int r = map_row(&d->map, p->row);
    if (is_seen(d, r)) {
        int width = canvas_text_width(d->c, buffer_text(&b)), cols = k->cols - 2;
        int left = k->center - width / 2, most = k->col + k->cols - 1 - width;
        left = left > most ? most : left;
        canvas_put_cut(d->c, r, map_col(&d->map, left < k->col + 1 ? k->col + 1 : left), cols, ROLE_LABEL, buffer_text(&b));
    }
    buffer_free(&b);
}

/* What comes out: once it was computed, the most likely token at the last position. */
static void draw_output(Drawing *d, const MapColumn *k, const MapPart *p)
{
    enum { TOKEN_COLUMNS = 10 };
    App *app = d->app;
    bool done = app->at + 1 == pass_plan(app->pass)->count;
    int row = map_row(&d->map, p->row);
    Buffer token = {0}, text = {0};
    if (!is_seen(d, row))
        return;
    if (done) {
        TokenProb top;
        size_t n;
        pass_ids(app->pass, k->stack, &n);
        top_tokens(app->pass, n - 1, 1, &top);
        const char *raw = vocab_token(app->model->vocab, top.id);
        text_escape(&token, raw, strlen(raw), d->c->ascii);
        int fits = (int)text_fit(buffer_text(&token), TOKEN_COLUMNS, NULL);
        buffer_printf(&text, k->stack == STACK_ENCODER ? _("at the end: %.*s%s %.3f") : _("next: %.*s%s %.3f"), fits, buffer_text(&token),
                      (size_t)fits < token.len ? "…" : "", top.probability);
    } else {
        buffer_puts(&text, _("output probabilities"));
    }
    canvas_put_center(d->c, row, map_col(&d->map, k->box_col), k->box_cols, done ? ROLE_LABEL : ROLE_DIM, buffer_text(&text));
    buffer_free(&token);
    buffer_free(&text);
}

static void draw_column(Drawing *d, const MapColumn *k)
{
    int bottom = 0;
    for (size_t i = 0; i < k->count; i++) {
        if (k->parts[i].kind == PART_BOTTOM)
            bottom = k->parts[i].row;
        else if (k->parts[i].kind == PART_TOP)
            draw_layer_frame(d, k, k->parts[i].row, bottom);
    }
    for (size_t i = 0; i < k->count; i++) {
        const MapPart *p = &k->parts[i];
        const MapBox *b = &d->map.boxes[p->box];
        Role role = wire_role(d->app->at + 1 >= b->first);
        switch (p->kind) {
        case PART_INPUT: draw_input(d, k, p); break;
        case PART_OUTPUT: draw_output(d, k, p); break;
        case PART_ARROW:
        case PART_BOTTOM:
        case PART_TOP: put(d, p->row, k->center, 1, role, "▴"); break;
        case PART_TAP:
            draw_residual(d, k, p);
            put(d, p->row, k->center, 1, role, k->mirrored ? "├" : "┤");
            break;
        case PART_FORK: break; /* behind the boxes: it goes past them */
        case PART_BOX:
            if (map_is_sum(b->kind)) {
                draw_positions_wire(d, k, p->box);
                draw_box(d, p->box - 1);
            }
            if (map_is_sum(b->kind) || b->kind == BOX_ADD)
                draw_circle(d, p->box);
            else
                draw_box(d, p->box);
            break;
        case PART_EXIT: break;
        }
    }
    for (size_t i = 0; i < k->count; i++)
        if (k->parts[i].kind == PART_FORK)
            draw_fork(d, k, &k->parts[i]);
}

/* ---- beside and below ---- */

static void draw_notes(Drawing *d)
{
    const Map *m = &d->map;
    for (size_t i = 0; i < m->count; i++) {
        const MapBox *b = &m->boxes[i];
        const MapColumn *k = &m->column[b->column];
        bool left = m->columns > 1 && b->column == 0;
        if (map_is_aside(b->kind))
            continue; /* the sum's note stands in its row */
        Pieces p;
        map_note(d->app, d->c, b, m->note_cols, b->r.rows, m->note_cols >= 50 || b->r.rows > 1, &p);
        int lines = map_break_pieces(d->c, &p, m->note_cols);
        for (int row = b->r.row + (b->r.rows - lines) / 2; p.count && row < b->r.row + b->r.rows; row++) {
            Pieces line = map_take_line(&p);
            int width = map_pieces_width(d->c, &line), used = width < m->note_cols ? width : m->note_cols;
            if (is_seen(d, map_row(m, row)))
                map_put_pieces(d->c, map_row(m, row), map_col(m, left ? k->col - 1 - used : k->col + k->cols + 1), m->note_cols, &line);
        }
    }
}

/* What the signs mean, above the encoder where that leaves room. */
static void draw_legend(Drawing *d)
{
    const Map *m = &d->map;
    const MapColumn *k = &m->column[0];
    const MapPart *exit = &k->parts[k->count - 1];
    struct {
        Role role;
        const char *sign, *what;
    } lines[] = {
        {ROLE_HERE, "▶", _("you are here")},
        {ROLE_DONE, d->map.ingredients ? "─" : "[ ]", _("computed")},
        {ROLE_DIM, d->map.ingredients ? (d->c->ascii ? ":" : "╌") : "( )", _("not reached yet")},
        {ROLE_ABLATED, "✗", _("switched off by an ablation")},
    };
    enum { LINES = sizeof lines / sizeof *lines };
    if (m->columns < 2 || m->one_of_two || exit->row < LINES + 1)
        return;
    int top = (exit->row - LINES) / 2 - (m->top < 0 ? 0 : m->top);
    for (int i = 0; i < LINES; i++) {
        put(d, top + i, k->box_col, 3, lines[i].role, lines[i].sign);
        put(d, top + i, k->box_col + 4, k->cols, ROLE_DIM, lines[i].what);
    }
}

/* The last row: what the chosen box is. */
static void draw_choice(Drawing *d, Rect area)
{
    const MapBox *b = &d->map.boxes[d->map.choice];
    const MapColumn *k = &d->map.column[b->column];
    int row = area.row + area.rows - 1, col = area.col + 1, end = area.col + area.cols - 1;
    const char *hint = _("Enter goes there");
    int width = canvas_text_width(d->c, hint);
    char place[STAGE_NAME_MAX];
    Pieces p;
    if (b->sub >= SUB_SELF && b->sub <= SUB_FFN)
        snprintf(place, sizeof place, "%s.%zu.%s", stack_name(b->stack), k->layer, sub_name(b->sub));
    else
        snprintf(place, sizeof place, "%s", stack_name(b->stack));
    col += canvas_put(d->c, row, col, end - col, ROLE_KEY, place) + 2;
    map_note(d->app, d->c, b, end - col, 1, true, &p);
    int used = map_put_pieces(d->c, row, col, end - col, &p);
    if (b->first < b->end && col + used + 2 + width <= end)
        canvas_put(d->c, row, end - width, width, ROLE_DIM, hint);
}

void map_draw(App *app, Canvas *c, Rect area)
{
    Drawing d = {.app = app, .c = c};
    map_layout(app, area, &d.map);
    const Map *m = &d.map;
    for (int i = 0; i < m->columns; i++)
        if (!m->one_of_two || i == m->boxes[m->choice].column)
            draw_column(&d, &m->column[i]);
    if (m->columns > 1)
        draw_memory(&d);
    draw_legend(&d);
    if (m->note_cols)
        draw_notes(&d);
    draw_choice(&d, area);
}
