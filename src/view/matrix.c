/* matrix.c - the matrix of a stage: numbers, heat or both, with names, cursor, scrolling, and all heads side by side. */
#include "view/twin.h"

#include "base/text.h"
#include "measure/metrics.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

enum { LABEL_MAX = 128, HEADER_LINES = 3 };

/* ---- names ---- */

static bool is_token_axis(Axis a)
{
    return a == AXIS_TOKEN || a == AXIS_QUERY || a == AXIS_KEY;
}

/* The name of a row or column, escaped. */
static void name_of(const Pass *p, const Stage *s, int axis, size_t i, char out[LABEL_MAX])
{
    Buffer raw = {0}, shown = {0};
    label_index(p, s, axis, i, &raw);
    text_escape(&shown, buffer_text(&raw), raw.len, false);
    snprintf(out, LABEL_MAX, "%.*s", LABEL_MAX - 1, buffer_text(&shown));
    buffer_free(&raw);
    buffer_free(&shown);
}

/* What an axis counts, for people; in brief, its name. */
static const char *axis_words(const App *app, const Stage *s, int k, bool brief)
{
    if (brief)
        return _(axis_name(s->axes[k]));
    bool two = app->model->config.kind == KIND_ENCODER_DECODER, source = s->axis_stack[k] == STACK_ENCODER;
    switch (s->axes[k]) {
    case AXIS_TOKEN: return two ? (source ? _("source tokens") : _("target tokens")) : _("tokens");
    case AXIS_QUERY: return two ? (source ? _("queries (source)") : _("queries (target)")) : _("queries");
    case AXIS_KEY: return two ? (source ? _("keys (source)") : _("keys (target)")) : _("keys");
    case AXIS_DIM: return _("dimensions of the stream");
    case AXIS_HEAD_DIM: return _("dimensions of the head");
    case AXIS_HEADS_DIM: return _("dimensions of all heads");
    case AXIS_UNIT: return _("units");
    case AXIS_VOCAB: return _("vocabulary");
    default: return "";
    }
}

/* ---- one cell ---- */

typedef struct Cells {
    Show show;
    int width, digits;
    double largest; /* of the finite values' magnitudes, for the heat */
    double unit;    /* what the numbers are counted in: 1, or for gradients the power of ten of the largest */
    bool shares; /* of 1: see number_share */
    bool color;     /* colour carries the heat: thin signs leave it to be seen, and beside a number there is no need of any */
} Cells;

/* Draws a value right-aligned in its column: a space and the number, or number and heat; or the heat alone. */
static void draw_cell(Canvas *c, int row, int col, const Cells *k, double x, bool masked, bool cursor)
{
    char text[NUMBER_MAX];
    Role role = ROLE_TEXT;
    int gap = k->show == SHOW_HEAT ? 0 : 1; /* a picture has no seams */
    int at = col + gap, width = k->width - gap;
    masked = masked || x == -INFINITY;
    if (k->show != SHOW_NUMBERS && !masked)
        role = theme_heat_role(x, k->largest);
    else if (masked)
        role = ROLE_MASKED;
    else if (x == 0 || (k->shares && fabs(x) < 0.0005))
        role = ROLE_DIM;
    else if (x < 0)
        role = ROLE_NEGATIVE;
    if (cursor)
        role = ROLE_CURSOR;
    if (k->show == SHOW_HEAT) {
        const char *shade = masked ? (c->ascii ? "/" : "╱") : theme_heat_text(x, k->largest, c->ascii || k->color);
        for (int i = 0; i < width; i++)
            canvas_put(c, row, at + i, 1, role, shade);
        return;
    }
    int used = (k->shares ? number_share : number_format)(text, x / k->unit, k->digits, c->ascii);
    bool sign = k->show == SHOW_BOTH && !k->color;
    int room = width - sign;
    canvas_fill(c, row, at, width, 1, role, " ");
    canvas_put(c, row, at + (used < room ? room - used : 0), room, role, text);
    if (sign && !masked)
        canvas_put(c, row, at + room, 1, role, theme_heat_text(x, k->largest, c->ascii || k->color));
}

static double largest_magnitude(const real *x, size_t n)
{
    double largest = 0;
    for (size_t i = 0; i < n; i++)
        if (fabs((double)x[i]) > largest && isfinite((double)x[i]))
            largest = fabs((double)x[i]);
    return largest;
}

static Cells cells_for(const App *app, const Stage *s, const real *x, size_t n, bool gradient)
{
    Cells k = {.show = app->show, .digits = app->digits, .color = app->color && app->theme != THEME_MONO};
    k.unit = 1;
    k.shares = number_is_share(s) && !gradient;
    k.largest = k.shares ? 1 : app->show == SHOW_NUMBERS && !gradient ? 0 : largest_magnitude(x, n);
    if (gradient && k.largest > 0) /* gradients are often tiny: show their digits, and say the power of ten once */
        k.unit = pow(10, floor(log10(k.largest)));
    int number = gradient ? app->digits + 3 : number_width(x, n, app->digits), share = number_share_width(app->digits);
    if (k.shares && number < share)
        number = share;
    k.width = app->show == SHOW_HEAT ? 3 : number + 2 + (app->show == SHOW_BOTH && !k.color);
    return k;
}

/* ---- column names: up to three lines, broken at spaces, the last line next to the numbers ---- */

static int break_name(const Canvas *c, const char *name, int width, char lines[HEADER_LINES][LABEL_MAX])
{
    int n = 0;
    char line[LABEL_MAX] = "";
    while (*name && n < HEADER_LINES) {
        size_t word = strcspn(name, " ");
        char longer[2 * LABEL_MAX];
        snprintf(longer, sizeof longer, "%s%s%.*s", line, *line ? " " : "", (int)word, name);
        if (*line && canvas_text_width(c, longer) > width) {
            memcpy(lines[n++], line, sizeof line);
            line[0] = '\0';
            continue;
        }
        snprintf(line, sizeof line, "%.*s", LABEL_MAX - 1, longer);
        name += word + (name[word] == ' ');
    }
    if (*line && n < HEADER_LINES)
        memcpy(lines[n++], line, sizeof line);
    return n;
}

/* ---- what stands at the right of a row ---- */

typedef enum RowInfo { INFO_NONE, INFO_SUM, INFO_ATTENTION, INFO_MOMENTS } RowInfo;

static int info_width(RowInfo i)
{
    static const int widths[] = {0, 8, 36, 30};
    return widths[i];
}

/* The most that leaves room for all columns; where not even the least does, as much as a wide pane has to spare. */
static RowInfo choose_info(const Stage *s, bool gradient, int columns, int needed)
{
    if (gradient)
        return INFO_NONE;
    bool shares = number_is_share(s);
    int spare = columns - needed;
    if (shares && (spare >= info_width(INFO_ATTENTION) || columns >= 100))
        return INFO_ATTENTION;
    if (shares && (spare >= info_width(INFO_SUM) || columns >= 60))
        return INFO_SUM;
    bool stream = s->axes[s->rank - 1] == AXIS_DIM;
    return stream && (spare >= info_width(INFO_MOMENTS) || columns >= 120) ? INFO_MOMENTS : INFO_NONE;
}

static void draw_info_head(Canvas *c, int row, int col, RowInfo info, bool tokens)
{
    if (info == INFO_SUM)
        canvas_put(c, row, col, 8, ROLE_HEADING, _("    sum"));
    else if (info == INFO_ATTENTION)
        canvas_put(c, row, col, 36, ROLE_HEADING, tokens ? _("    sum   H nats  of max   looks at") : _("    sum   H nats  of max      exp H"));
    else if (info == INFO_MOMENTS)
        canvas_put(c, row, col, 30, ROLE_HEADING, _("    mean  variance     norm"));
}

/* A NaN has a sign, which printf would show. */
static double unsigned_nan(double x)
{
    return isnan(x) ? fabs((double)NAN) : x;
}

static void draw_info(App *app, Canvas *c, int row, int col, RowInfo info, size_t stage, const Slice *m, size_t i)
{
    const Stage *s = &pass_plan(app->pass)->stages[stage];
    if (info == INFO_NONE)
        return;
    const real *x = m->data + i * m->cols;
    canvas_vline(c, row, col + 1, 1, ROLE_DIM);
    if (info == INFO_MOMENTS) {
        Moments mo = moments(x, m->cols);
        canvas_printf(c, row, col + 2, 28, ROLE_TEXT, "%7.3f %9.3f %8.3f", unsigned_nan(mo.mean), unsigned_nan(mo.variance), unsigned_nan(mo.norm));
        return;
    }
    double sum = 0;
    for (size_t j = 0; j < m->cols; j++)
        sum += x[j];
    canvas_printf(c, row, col + 2, 6, ROLE_TEXT, "%6.3f", unsigned_nan(sum));
    if (info == INFO_SUM)
        return;
    double h = unsigned_nan(entropy(x, m->cols)), visible = (double)m->cols;
    if (s->kind == STAGE_WEIGHTS)
        visible = (double)attention_row(app->pass, stage, m->head, i).visible;
    canvas_printf(c, row, col + 9, 8, ROLE_TEXT, "%8.3f", h);
    if (visible > 1)
        canvas_printf(c, row, col + 18, 6, ROLE_TEXT, "%5.0f%%", 100 * h / log(visible));
    canvas_printf(c, row, col + 25, 9, ROLE_TEXT, "%9.1f", exp(h));
}

/* ---- one head, or a rank-2 stage ---- */

/* Keeps the cursor inside the visible part. */
static void scroll_to(size_t *first, size_t cursor, size_t visible, size_t total)
{
    if (!visible)
        return;
    if (cursor < *first)
        *first = cursor;
    if (cursor >= *first + visible)
        *first = cursor - visible + 1;
    if (*first + visible > total)
        *first = total > visible ? total - visible : 0;
}

/* What the matrix is; in brief, the axes by their short names. */
static void write_caption(const App *app, const Shown *k, double unit, double largest, const Stage *s, const Slice *m, const MatrixLayout *l, bool brief, Buffer *b)
{
    if (k->here && k->gradient && !k->like)
        buffer_printf(b, _("d(loss)/d(%s) · "), stage_table[s->kind].id);
    if (!k->here && !k->like) { /* which one it is, where it is not the one that the heading names */
        char name[STAGE_NAME_MAX];
        if (k->stage == app->at)
            buffer_printf(b, k->gradient ? _("its gradient, d(loss)/d(%s)") : _("its value, %s"), stage_table[s->kind].id);
        else
            buffer_printf(b, _("made from %s"), stage_name(s, name));
        if (m->heads)
            buffer_printf(b, ", %s %zu", _(axis_name(s->axes[0])), m->head);
        buffer_puts(b, " · ");
    }
    if (k->gradient && unit != 1)
        buffer_printf(b, _("in units of %g · "), unit);
    buffer_printf(b, _("rows: %s"), axis_words(app, s, m->row_axis, brief));
    if (l->rows < m->rows)
        buffer_printf(b, " %zu–%zu / %zu", *k->top, *k->top + l->rows - 1, m->rows);
    buffer_printf(b, _(" · columns: %s"), axis_words(app, s, m->col_axis, brief));
    if (l->cols < m->cols)
        buffer_printf(b, " %zu–%zu / %zu", *k->left, *k->left + l->cols - 1, m->cols);
    if (app->show != SHOW_NUMBERS)
        buffer_printf(b, _(" · full heat: %.3g"), largest);
}

static void draw_caption(const App *app, Canvas *c, Rect r, const Shown *k, double unit, double largest, const Stage *s, const Slice *m, const MatrixLayout *l)
{
    Buffer b = {0};
    for (int brief = 0; brief == 0 || (brief == 1 && canvas_text_width(c, buffer_text(&b)) > r.cols); brief++) {
        buffer_clear(&b);
        write_caption(app, k, unit, largest, s, m, l, brief, &b);
    }
    canvas_put_cut(c, r.row, r.col, r.cols, ROLE_DIM, buffer_text(&b));
    buffer_free(&b);
}

/* Lines that the longest of the visible columns' names takes. */
static int header_lines(const Pass *p, const Canvas *c, size_t left, const Stage *s, const Slice *m, const MatrixLayout *l)
{
    char name[LABEL_MAX], lines[HEADER_LINES][LABEL_MAX];
    int most = 1;
    for (size_t j = 0; j < l->cols; j++) {
        name_of(p, s, m->col_axis, left + j, name);
        int n = break_name(c, name, l->cell_width - 1, lines);
        most = n > most ? n : most;
    }
    return most;
}

static void draw_headers(const App *app, const Pass *p, Canvas *c, Rect r, size_t left, const Stage *s, const Slice *m, const MatrixLayout *l, size_t cursor_col)
{
    bool tokens = is_token_axis(s->axes[m->col_axis]);
    for (size_t j = 0; j < l->cols; j++) {
        size_t index = left + j;
        int col = r.col + l->label_width + (int)j * l->cell_width;
        Role role = index == cursor_col ? ROLE_CROSS : ROLE_HEADING;
        char name[LABEL_MAX], lines[HEADER_LINES][LABEL_MAX];
        name_of(p, s, m->col_axis, index, name);
        if (app->show == SHOW_HEAT) { /* room for two columns: the beginning, without the sign of a space */
            const char *begin = strncmp(name, "▁", 3) == 0 && name[3] ? name + 3 : name;
            canvas_put(c, r.row + l->header_rows, col + 1, l->cell_width - 1, role, begin);
            continue;
        }
        int n = break_name(c, name, l->cell_width - 1, lines);
        int first = l->header_rows - n < 0 ? n - l->header_rows : 0;
        for (int i = first; i < n; i++)
            canvas_put_right(c, r.row + 1 + l->header_rows - n + i, col + 1, l->cell_width - 1, role, lines[i]);
        if (tokens && l->header_rows > n) { /* tokens may repeat: their position tells them apart */
            char number[24];
            snprintf(number, sizeof number, "%zu", index);
            canvas_put_right(c, r.row + l->header_rows - n, col + 1, l->cell_width - 1, ROLE_DIM, number);
        }
    }
}

int matrix_draw_one(App *app, Canvas *c, Rect r, const Shown *k)
{
    const Stage *s = k->like ? k->like : &pass_plan(app->pass)->stages[k->stage];
    const Pass *names = k->names ? k->names : app->pass;
    Slice m = k->like ? (Slice){.rows = s->shape[0], .cols = s->shape[1], .col_axis = 1} : app_slice(app, k->stage, k->gradient);
    size_t cursor_row = k->like ? k->row : app_index(app, s, m.row_axis), cursor_col = k->like ? k->col : app_index(app, s, m.col_axis);
    bool token_rows = is_token_axis(s->axes[m.row_axis]), token_cols = is_token_axis(s->axes[m.col_axis]);
    const real range[2] = {k->range ? k->range->low : 0, k->range ? k->range->high : 0};
    const real *all = k->range ? range : k->like ? k->values.data : m.data;
    Cells cells = cells_for(app, s, all, k->range ? 2 : m.rows * m.cols, k->gradient);
    MatrixLayout l = {.area = r, .header_rows = 1};
    bool named = s->axes[m.col_axis] == AXIS_DIM && app->model->config.dim_names;
    int least = app->show == SHOW_HEAT ? 0 : named ? 9 : token_cols ? 6 : 0;
    l.cell_width = cells.width = cells.width < least ? least : cells.width;
    if (token_cols && (r.rows > 10 || r.rows >= (int)m.rows + 3))
        l.header_rows = 2;
    if (r.rows > 8 && named && app->show != SHOW_HEAT)
        l.header_rows = HEADER_LINES;

    /* rows first, because the names of the visible rows decide the width left for columns */
    int room = r.rows - 1 - l.header_rows;
    l.rows = room > 0 ? (size_t)room : 0;
    if (l.rows > m.rows)
        l.rows = m.rows;
    scroll_to(k->top, cursor_row, l.rows, m.rows);
    int widest = 3;
    char name[LABEL_MAX];
    for (size_t i = 0; i < l.rows; i++) {
        name_of(names, s, m.row_axis, *k->top + i, name);
        int w = canvas_text_width(c, name);
        widest = w > widest ? w : widest;
    }
    int most = r.cols / 4 < 16 ? r.cols / 4 : 16, numbers = token_rows ? (m.rows > 100 ? 5 : m.rows > 10 ? 4 : 3) : 0;
    l.label_width = 2 + numbers + (widest < most ? widest : most);
    RowInfo info = choose_info(s, k->gradient || k->like, r.cols, l.label_width + (int)(m.cols < 1000 ? m.cols : 1000) * l.cell_width);
    int columns = (r.cols - l.label_width - info_width(info)) / l.cell_width;
    l.cols = columns > 0 ? (size_t)columns : 0;
    if (l.cols > m.cols)
        l.cols = m.cols;
    scroll_to(k->left, cursor_col, l.cols, m.cols);

    if (l.header_rows == HEADER_LINES) /* a line less where no name needs it */
        l.header_rows = header_lines(names, c, *k->left, s, &m, &l);
    draw_caption(app, c, r, k, cells.unit, cells.largest, s, &m, &l);
    draw_headers(app, names, c, r, *k->left, s, &m, &l, cursor_col);
    int info_col = r.col + l.label_width + (int)l.cols * l.cell_width;
    draw_info_head(c, r.row + l.header_rows, info_col, info, token_cols);
    for (size_t i = 0; i < l.rows; i++) {
        size_t at = *k->top + i;
        int row = r.row + 1 + l.header_rows + (int)i;
        Role role = at == cursor_row ? ROLE_CROSS : ROLE_LABEL;
        if (at == cursor_row)
            canvas_put(c, row, r.col, 1, ROLE_CROSS, k->here ? "▸" : " ");
        if (token_rows)
            canvas_printf(c, row, r.col + 1, numbers, ROLE_DIM, "%*zu ", numbers - 1, at);
        name_of(names, s, m.row_axis, at, name);
        canvas_put_cut(c, row, r.col + 1 + numbers, l.label_width - 1 - numbers, role, name);
        for (size_t j = 0; j < l.cols; j++) {
            size_t col = *k->left + j;
            real value = k->like ? matrix_at(&k->values, at, col) : m.data[at * m.cols + col];
            draw_cell(c, row, r.col + l.label_width + (int)j * l.cell_width, &cells, (double)value,
                      !k->like && app_is_masked(app, k->stage, (m.head * m.rows + at) * m.cols + col), k->here && at == cursor_row && col == cursor_col);
        }
        if (!k->like)
            draw_info(app, c, row, info_col, info, k->stage, &m, at);
    }
    if (k->here)
        app->layout = l;
    return 1 + l.header_rows + (int)l.rows;
}

/* Below the matrix, where there is room for them whole: the matrices it was made from. */
static void draw_inputs(App *app, Canvas *c, Rect r)
{
    const Stage *s = app_stage(app);
    for (int i = 0; i < 2; i++) {
        if (s->in[i] == NO_STAGE)
            continue;
        const Stage *in = &pass_plan(app->pass)->stages[s->in[i]];
        int need = (int)(in->shape[in->rank - 2] < 1000 ? in->shape[in->rank - 2] : 1000) + 5;
        if (need > r.rows)
            return;
        size_t top = 0, left = in->shape[in->rank - 1] == s->shape[s->rank - 1] ? app->left : 0;
        int used = matrix_draw_one(app, c, (Rect){r.row + 1, r.col, r.cols, r.rows - 1}, &(Shown){.stage = (size_t)s->in[i], .top = &top, .left = &left}) + 1;
        r.row += used;
        r.rows -= used;
    }
}

/* ---- all heads side by side ---- */

/* What is told of all tiles beside their heads: nothing where a matrix with names stands below. */
typedef struct TileNames {
    int label;  /* columns before the first tile of a row for the names of the rows, or 0 */
    int header; /* 1: a line over each tile for the names of its columns */
    int gap;    /* lines between a tile and the one below */
} TileNames;

/* The names beside a tile, and over it. */
static void draw_tile_names(App *app, Canvas *c, Rect r, int label, int header, const Cells *cells, size_t top, size_t left, size_t rows, size_t cols)
{
    const Stage *s = app_stage(app);
    char name[LABEL_MAX];
    for (size_t i = 0; i < rows && label; i++) {
        name_of(app->pass, s, 1, top + i, name);
        canvas_put_cut(c, r.row + 1 + header + (int)i, r.col - label, label - 1, top + i == app_index(app, s, 1) ? ROLE_CROSS : ROLE_LABEL, name);
    }
    for (size_t j = 0; j < cols && header; j++) {
        name_of(app->pass, s, 2, left + j, name);
        canvas_put_right(c, r.row + 1, r.col + (int)j * cells->width + 1, cells->width - 1, left + j == app_index(app, s, 2) ? ROLE_CROSS : ROLE_HEADING, name);
    }
}

/* label: the columns before r that are free for the names of the rows. */
static void draw_tile(App *app, Canvas *c, Rect r, size_t head, const Cells *cells, int label, int header)
{
    const Stage *s = app_stage(app);
    size_t rows = s->shape[1], cols = s->shape[2];
    bool gradient = app->phase == PHASE_BACKWARD && !app->show_value;
    const real *x = (gradient ? pass_gradient(app->pass, app->at) : pass_value(app->pass, app->at)) + head * rows * cols;
    size_t chosen = app_index(app, s, 0), cursor_row = app_index(app, s, 1), cursor_col = app_index(app, s, 2);
    int room = r.rows - 1 - header;
    size_t show_rows = room < (int)rows ? (size_t)(room > 0 ? room : 0) : rows;
    size_t show_cols = r.cols / cells->width < (int)cols ? (size_t)(r.cols / cells->width) : cols;
    size_t top = 0, left = 0;
    scroll_to(&top, cursor_row, show_rows, rows);
    scroll_to(&left, cursor_col, show_cols, cols);
    Buffer title = {0};
    buffer_printf(&title, "%s%s %zu", head == chosen ? "▸" : " ", _(axis_name(s->axes[0])), head);
    if (s->kind == STAGE_WEIGHTS && !gradient) {
        double sum = 0;
        for (size_t i = 0; i < rows; i++)
            sum += entropy(x + i * cols, cols);
        buffer_printf(&title, r.cols >= 22 ? _("  H %.2f nats") : "  H %.2f", sum / (double)rows);
    }
    if (show_rows < rows || show_cols < cols) {
        Buffer part = {0};
        buffer_printf(&part, _("  (%zu×%zu of %zu×%zu)"), show_rows, show_cols, rows, cols);
        if (canvas_text_width(c, buffer_text(&title)) + canvas_text_width(c, buffer_text(&part)) <= r.cols)
            buffer_puts(&title, buffer_text(&part));
        buffer_free(&part);
    }
    canvas_put_cut(c, r.row, r.col, r.cols, head == chosen ? ROLE_CROSS : ROLE_HEADING, buffer_text(&title));
    buffer_free(&title);
    draw_tile_names(app, c, r, label, header, cells, top, left, show_rows, show_cols);
    for (size_t i = 0; i < show_rows; i++)
        for (size_t j = 0; j < show_cols; j++) {
            size_t a = top + i, b = left + j;
            draw_cell(c, r.row + 1 + header + (int)i, r.col + (int)j * cells->width, cells, (double)x[a * cols + b], app_is_masked(app, app->at, (head * rows + a) * cols + b),
                      head == chosen && a == cursor_row && b == cursor_col);
        }
}

/* What the rows and columns of all tiles are. */
static void draw_tiles_caption(const App *app, Canvas *c, Rect r, const Cells *cells)
{
    const Stage *s = app_stage(app);
    Buffer b = {0};
    if (cells->unit != 1)
        buffer_printf(&b, _("in units of %g · "), cells->unit);
    buffer_printf(&b, _("rows: %s"), axis_words(app, s, 1, false));
    buffer_printf(&b, _(" · columns: %s"), axis_words(app, s, 2, false));
    if (app->show != SHOW_NUMBERS)
        buffer_printf(&b, _(" · full heat: %.3g"), cells->largest);
    canvas_put_cut(c, r.row, r.col, r.cols, ROLE_DIM, buffer_text(&b));
    buffer_free(&b);
}

/* Names where they cost no tile: a line over each, where a number is as wide as a name; the rows' before the first of a row.
 * height: of a tile with its heading and the gap. */
static TileNames tile_names(const App *app, const Canvas *c, Rect r, const Cells *cells, int width, int height)
{
    const Stage *s = app_stage(app);
    TileNames n = {0, 0, 1};
    char name[LABEL_MAX];
    for (size_t i = 0; i < s->shape[1]; i++) {
        name_of(app->pass, s, 1, i, name);
        int w = canvas_text_width(c, name);
        n.label = w > n.label ? w : n.label;
    }
    n.label = (n.label < 10 ? n.label : 10) + 1;
    int heads = (int)s->shape[0], across = r.cols / width, least = (r.cols - n.label) / width;
    if (across && least < across && least < heads)
        n.label = 0;
    int down = r.rows / height, needed = across ? (heads + across - 1) / across : heads;
    bool fits = r.rows / (height + 1) == down || r.rows / (height + 1) >= needed || !down;
    bool room = down >= needed || down * height < r.rows; /* where the last line need not say that there are more heads */
    n.header = cells->show != SHOW_HEAT && (fits || room);
    n.gap = !n.header || fits; /* else the names take the place of the empty line */
    return n;
}

/* Tiles of all heads in rows of as many as fit, scrolled so that the chosen head is seen; returns the rows used. */
static int draw_tiles(App *app, Canvas *c, Rect r, Show show, bool named)
{
    const Stage *s = app_stage(app);
    size_t heads = s->shape[0], rows = s->shape[1], cols = s->shape[2];
    bool gradient = app->phase == PHASE_BACKWARD && !app->show_value;
    const real *all = gradient ? pass_gradient(app->pass, app->at) : pass_value(app->pass, app->at);
    Cells cells = cells_for(app, s, all, s->count, gradient);
    if (show == SHOW_HEAT && app->show != SHOW_HEAT) {
        cells.show = SHOW_HEAT;
        if (cells.largest == 0)
            cells.largest = largest_magnitude(all, s->count);
    }
    if (show == SHOW_HEAT)
        cells.width = 2;
    int width = (int)(cols < 200 ? cols : 200) * cells.width + 2;
    int title = s->kind == STAGE_WEIGHTS ? 18 : 12;
    width = width < title ? title : width;
    int height = (int)(rows < 200 ? rows : 200) + 2;
    TileNames names = {0, 0, 1};
    if (named && r.rows > 6) {
        draw_tiles_caption(app, c, r, &cells);
        r = (Rect){r.row + 1, r.col, r.cols, r.rows - 1};
        names = tile_names(app, c, r, &cells, width, height);
        r = (Rect){r.row, r.col + names.label, r.cols - names.label, r.rows};
        height += names.header + names.gap - 1;
    }
    width = width > r.cols ? r.cols : width;
    int across = r.cols / width;
    height = height > r.rows ? r.rows : height;
    int down = r.rows / height;
    size_t first = app_index(app, s, 0) / (size_t)across; /* row of tiles that must be seen */
    first = first >= (size_t)down ? first - (size_t)down + 1 : 0;
    int used = 0;
    if ((size_t)(across * down) < heads)
        canvas_printf(c, r.row + r.rows - 1, r.col, r.cols, ROLE_DIM, _("%d of %zu heads; . goes on"), across * down, heads);
    for (int y = 0; y < down; y++)
        for (int x = 0; x < across; x++) {
            size_t head = (first + (size_t)y) * (size_t)across + (size_t)x;
            if (head >= heads)
                continue;
            draw_tile(app, c, (Rect){r.row + y * height, r.col + x * width, width - 2, height - names.gap}, head, &cells, x ? 0 : names.label, names.header);
            used = (y + 1) * height;
        }
    return used;
}

void matrix_draw(App *app, Canvas *c, Rect area)
{
    const Stage *s = app_stage(app);
    app->layout = (MatrixLayout){0};
    app->matrix_room = area;
    if (app->beside && app->phase == PHASE_FORWARD && twin_is_open(app)) {
        twin_draw_matrix(app, c, area);
        return;
    }
    if (s->rank == 3 && app->all_heads) {
        draw_tiles(app, c, area, app->show, true);
        return;
    }
    /* where there is plenty of room, small pictures of all heads stand above the numbers of one */
    bool attention = s->rank == 3 && s->axes[2] == AXIS_KEY && s->shape[0] > 1 && app->phase == PHASE_FORWARD && app->show != SHOW_HEAT;
    int need = (int)s->shape[1] + 5;
    if (attention && area.rows >= 2 * need && s->shape[1] < 100) {
        int used = draw_tiles(app, c, (Rect){area.row, area.col, area.cols, area.rows - need}, SHOW_HEAT, false);
        canvas_hline(c, area.row + used, area.col, area.cols, ROLE_BORDER);
        area.row += used + 1;
        area.rows -= used + 1;
    }
    bool back = app->phase == PHASE_BACKWARD, gradient = back && !app->show_value;
    int used = matrix_draw_one(app, c, area, &(Shown){.stage = app->at, .here = true, .gradient = gradient, .top = &app->top, .left = &app->left});
    size_t top = app->top, left = app->left;
    if (back && area.rows - used > 5)
        matrix_draw_one(app, c, (Rect){area.row + used + 1, area.col, area.cols, area.rows - used - 1},
                        &(Shown){.stage = app->at, .gradient = !gradient, .top = &top, .left = &left});
    else if (!back && area.cols >= 60)
        draw_inputs(app, c, (Rect){area.row + used, area.col, area.cols, area.rows - used});
}

/* ---- searching ---- */

long matrix_find(const App *app, const Stage *s, int axis, size_t from, const char *text)
{
    size_t n = s->shape[axis];
    char name[LABEL_MAX];
    size_t number = n;
    if (sscanf(text, "#%zu", &number) == 1)
        return number < n ? (long)number : -1;
    for (size_t k = 1; k <= n; k++) {
        size_t i = (from + k) % n;
        name_of(app->pass, s, axis, i, name);
        for (const char *p = name; *p; p++)
            if (strncasecmp(p, text, strlen(text)) == 0)
                return (long)i;
    }
    return -1;
}
