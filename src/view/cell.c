/* cell.c - one cell opened: every term of its arithmetic, the running sum, the rounding, and where each term comes from. */
#include "view/app.h"

#include "base/text.h"
#include "measure/explain_gradient.h"

#include <stdio.h>
#include <string.h>

/* ---- choosing among the lines and their operands ---- */

static bool can_jump(const ExplainLine *l, int operand)
{
    return l->in[operand].kind == OPERAND_STAGE || l->in[operand].kind == OPERAND_GRADIENT;
}

/* Shows what was explained, at its first line with numbers. */
static void show(App *app, bool explained, const Error *e)
{
    app->cell_open = explained;
    if (!app->cell_open) {
        app_say(app, ROLE_ERROR, "%s", e->text);
        return;
    }
    app->cell_line = app->cell_top = 0;
    app->cell_operand = 0;
    while (app->cell_line + 1 < app->cell.count && app->cell.lines[app->cell_line].in[0].kind == OPERAND_NONE)
        app->cell_line++;
    if (app->view != VIEW_CELL)
        app->cell_over = app->view == VIEW_NEXT || app->view == VIEW_CACHE ? app->view : VIEW_STEP;
    if (app->cell.subject.kind == OPERAND_WEIGHT_GRADIENT)
        app->cell_over = VIEW_WEIGHT;
    app->view = VIEW_CELL;
}

void cell_open(App *app, Cellref cell)
{
    Error e = {{0}};
    explanation_free(&app->cell);
    bool gradient = app->phase == PHASE_BACKWARD && !app->show_value;
    show(app, (gradient ? explain_gradient : explain_cell)(app->pass, cell, &app->cell, &e) == 0, &e);
}

void cell_open_weight(App *app, size_t weight, size_t row, size_t col)
{
    Error e = {{0}};
    explanation_free(&app->cell);
    show(app, explain_weight_gradient(app->pass, weight, row, col, &app->cell, &e) == 0, &e);
}

void cell_open_again(App *app)
{
    Cellref cell = app->cell.cell;
    const Plan *plan = pass_plan(app->pass);
    bool there = cell.stage < plan->count;
    if (app->cell_over == VIEW_STEP) {
        cell_open(app, app_cell(app));
        return;
    }
    if (app->cell_over == VIEW_WEIGHT) {
        app->view = VIEW_WEIGHT;
        return;
    }
    for (int k = 0; there && k < plan->stages[cell.stage].rank; k++)
        there = cell.index[k] < plan->stages[cell.stage].shape[k];
    if (there)
        cell_open(app, cell);
    else
        app->view = app->cell_over;
}

ViewId cell_place(const App *app)
{
    return app->cell_over == VIEW_STEP ? VIEW_CELL : app->cell_over;
}

bool cell_has_other_factor(const App *app, bool second)
{
    if (app->cell_line >= app->cell.count)
        return false;
    const Operand *in = app->cell.lines[app->cell_line].in;
    for (int k = 0; k < 2; k++)
        if (in[k].kind != OPERAND_STAGE && in[k].kind != OPERAND_GRADIENT && in[k].kind != OPERAND_WEIGHT)
            return false;
    return second == (app->cell_operand == 0);
}

/* Goes to the cell an operand comes from, and opens it. */
static void follow(App *app)
{
    if (app->cell_line >= app->cell.count)
        return;
    const ExplainLine *l = &app->cell.lines[app->cell_line];
    int k = can_jump(l, app->cell_operand) ? app->cell_operand : can_jump(l, 0) ? 0 : 1;
    if (!can_jump(l, k)) {
        const Operand *o = &l->in[app->cell_operand];
        if (o->kind == OPERAND_WEIGHT) {
            weight_open(app, o->weight, o->row, o->col);
            app->weight_gradient = false;
        }
        else
            app_say(app, ROLE_WARNING, "%s", _("nothing to open on this line"));
        return;
    }
    Cellref to = l->in[k].cell;
    app_jump(app, to.stage);
    bool gradient = l->in[k].kind == OPERAND_GRADIENT; /* a value belongs to the way forwards */
    app->phase = gradient ? PHASE_BACKWARD : PHASE_FORWARD;
    if (gradient)
        app->show_value = false;
    const Stage *s = app_stage(app);
    for (int i = 0; i < s->rank; i++)
        app_move(app, s, i, to.index[i]);
    cell_open(app, to);
}

/* ---- drawing ---- */

typedef struct Columns {
    int label, name[2], value, result; /* name: of the first and the second operand */
    bool brief; /* short names */
} Columns;

/* "concat[token F, dim 3]"; in brief, where there is little room, "concat[5,3]". */
static void operand_name(const App *app, const Operand *o, bool brief, Buffer *shown)
{
    Buffer raw = {0};
    if (brief && (o->kind == OPERAND_STAGE || o->kind == OPERAND_GRADIENT)) {
        const Stage *s = &pass_plan(app->pass)->stages[o->cell.stage];
        buffer_printf(&raw, "%s%s[%zu,%zu]", o->kind == OPERAND_GRADIENT ? "d " : "", stage_table[s->kind].id, o->cell.index[s->rank - 2], o->cell.index[s->rank - 1]);
    } else if (brief && o->kind == OPERAND_WEIGHT) {
        const Weight *w = &app->model->weights.items[o->weight];
        buffer_printf(&raw, w->rank == 2 ? "%s[%zu,%zu]" : "%s[%zu]", strrchr(w->name, '.') + 1, o->row, o->col);
    } else {
        operand_label(app->pass, o, &raw);
    }
    text_escape(shown, buffer_text(&raw), raw.len, false);
    buffer_free(&raw);
}

static bool is_gradient(const Explanation *x)
{
    return x->subject.kind == OPERAND_GRADIENT || x->subject.kind == OPERAND_WEIGHT_GRADIENT;
}

/* What would lose its digits gets an exponent; where not all digits fit, it is rounded to those that do. */
static void draw_number(const App *app, Canvas *c, int row, int col, int width, Role role, double x)
{
    char text[NUMBER_MAX];
    bool exponent = x != 0 && fabs(x) < (is_gradient(&app->cell) ? 0.01 : 0.001);
    int digits = !exponent ? app->digits + 1 : app->digits > 3 ? 3 : app->digits - 1;
    do {
        if (exponent)
            snprintf(text, sizeof text, "%.*e", digits, x);
        else
            number_format(text, x, digits, c->ascii);
    } while (canvas_text_width(c, text) > width && digits-- > 0);
    canvas_put_right(c, row, col, width, role, text);
}

static void draw_operand(const App *app, Canvas *c, int row, int col, const Columns *k, int which, const Operand *o, Role role)
{
    if (o->kind == OPERAND_NONE)
        return;
    Buffer name = {0};
    operand_name(app, o, k->brief, &name);
    if (role != ROLE_CHOICE)
        role = o->kind == OPERAND_STAGE || o->kind == OPERAND_GRADIENT ? ROLE_LINK : o->kind == OPERAND_WEIGHT ? ROLE_LABEL : ROLE_DIM;
    canvas_put_cut(c, row, col, k->name[which] - 1, role, buffer_text(&name));
    draw_number(app, c, row, col + k->name[which], k->value - 1, ROLE_TEXT, o->value);
    buffer_free(&name);
}

static const char *sign_text(char sign)
{
    switch (sign) {
    case '*': return "×";
    case '/': return "÷";
    case '-': return "-";
    case '+': return "+";
    default: return " ";
    }
}

static void draw_line(const App *app, Canvas *c, int row, Rect r, const Columns *k, const ExplainLine *l, bool chosen)
{
    Buffer label = {0};
    text_escape(&label, l->label, strlen(l->label), false);
    if (chosen)
        canvas_put(c, row, r.col, 1, ROLE_CROSS, "▸");
    int col = r.col + 1;
    if (l->kind == LINE_NOTE) {
        canvas_put_cut(c, row, col, r.cols - 1, ROLE_TEXT, l->formula);
        buffer_free(&label);
        return;
    }
    canvas_put_cut(c, row, col, k->label - 1, chosen ? ROLE_CROSS : ROLE_LABEL, buffer_text(&label));
    buffer_free(&label);
    col += k->label;
    bool two = l->in[1].kind != OPERAND_NONE;
    draw_operand(app, c, row, col, k, 0, &l->in[0], chosen && (app->cell_operand == 0 || !two) ? ROLE_CHOICE : ROLE_TEXT);
    col += k->name[0] + k->value;
    canvas_put(c, row, col, 2, ROLE_DIM, sign_text(two ? l->sign : 0));
    col += 2;
    if (two)
        draw_operand(app, c, row, col, k, 1, &l->in[1], chosen && app->cell_operand == 1 ? ROLE_CHOICE : ROLE_TEXT);
    else
        canvas_put_cut(c, row, col, k->name[1] + k->value - 1, ROLE_DIM, l->formula);
    col += k->name[1] + k->value;
    draw_number(app, c, row, col, k->result - 1, l->result == 0 ? ROLE_DIM : ROLE_TEXT, l->result);
    col += k->result;
    if (l->kind == LINE_TERM)
        draw_number(app, c, row, col, k->result - 1, ROLE_HEADING, l->running);
}

/* To six digits, or the sign of an infinity. */
static void write_number(const App *app, const Canvas *c, char out[NUMBER_MAX], double x)
{
    if (isfinite(x))
        snprintf(out, NUMBER_MAX, "%#.6g", x);
    else
        number_format(out, x, app->digits, c->ascii);
}

/* What was stored beside what the lines add up to. */
static void draw_rounding(const App *app, Canvas *c, int row, int col, int cols)
{
    const Explanation *x = &app->cell;
    char shown[NUMBER_MAX];
    bool share = x->subject.kind == OPERAND_STAGE && number_is_share(&pass_plan(app->pass)->stages[x->cell.stage]);
    (share ? number_share : number_format)(shown, x->stored, app->digits, c->ascii);
    bool agrees = explanation_agrees(x);
    bool edited = x->stored != x->computed && !(isnan(x->stored) && isnan(x->computed));
    if (!agrees || edited) {
        char exact[NUMBER_MAX];
        write_number(app, c, exact, x->exact);
        write_number(app, c, shown, x->stored);
        if (agrees)
            canvas_printf(c, row, col, cols, ROLE_ABLATED, _("edited: the matrix holds %s, the arithmetic gives %s"), shown, exact);
        else
            canvas_printf(c, row, col, cols, ROLE_ERROR, _("NOT what the arithmetic gives: %s; the matrix holds %s"), exact, shown);
        return;
    }
    if (!isfinite(x->stored)) {
        canvas_printf(c, row, col, cols, ROLE_HEADING, _("shown %s"), shown);
        return;
    }
    int used;
    if (is_gradient(x) && cols < 100) /* too long with what is shown */
        used = canvas_printf(c, row, col, cols, ROLE_HEADING, _("stored %#.9g  exact %#.11g"), x->stored, x->exact);
    else {
        if (is_gradient(x))
            snprintf(shown, sizeof shown, "%.3e", x->stored);
        used = canvas_printf(c, row, col, cols, ROLE_HEADING, cols >= 100 ? _("shown %s   stored %#.9g   exact %#.15g") : _("shown %s  stored %#.9g  exact %#.11g"), shown, x->stored, x->exact);
    }
    canvas_printf(c, row, col + used, cols - used, ROLE_DIM, _("  rounding %.0e"), x->stored - x->exact);
}

static int clamp(int x, int least, int most)
{
    return x < least ? least : x < most ? x : most;
}

/* The columns, for a screen so many wide: names get what is left. Where there is little room, labels and names take only what they need, so that
 * their numbers are not cut off; the longest are among the last lines. */
static Columns choose_columns(const App *app, const Canvas *c, int wide, bool terms)
{
    enum { LOOKED_AT = 500, LABEL_LEAST = 8 };
    const Explanation *x = &app->cell;
    bool brief = wide < 110;
    Columns k = {.label = brief ? LABEL_LEAST : 20, .value = brief ? 9 : 11, .result = brief ? 10 : 12, .brief = brief};
    int needs[2] = {0, 0};
    for (size_t i = x->count > LOOKED_AT ? x->count - LOOKED_AT : 0; brief && i < x->count; i++) {
        const ExplainLine *l = &x->lines[i];
        int label = canvas_text_width(c, l->label) + 1;
        k.label = clamp(label, k.label, terms ? 14 : 20);
        for (int o = 0; o < 2; o++) {
            Buffer text = {0};
            if (l->in[o].kind != OPERAND_NONE)
                operand_name(app, &l->in[o], true, &text);
            int width = canvas_text_width(c, buffer_text(&text)) + 1;
            needs[o] = width > needs[o] ? width : needs[o];
            buffer_free(&text);
        }
    }
    int room = wide - 2 - k.label - 2 * k.value - 2 - (brief && !terms ? 1 : 2) * k.result, half = room / 2;
    if (needs[0] > half) /* what the other does not need of its half */
        k.name[0] = clamp(room - needs[1], half, needs[0]);
    else
        k.name[0] = clamp(room - needs[1], needs[0], half);
    k.name[1] = room - k.name[0];
    return k;
}

void cell_draw(App *app, Canvas *c, Rect r)
{
    const Explanation *x = &app->cell;
    Buffer b = {0}, shown = {0};
    int wide = r.cols > 180 ? 180 : r.cols;
    bool terms = false;
    for (size_t i = 0; i < x->count && !terms; i++)
        terms = x->lines[i].kind == LINE_TERM;
    const Columns k = choose_columns(app, c, wide, terms);
    operand_label(app->pass, &x->subject, &b);
    text_escape(&shown, buffer_text(&b), b.len, false);
    int used = canvas_put_cut(c, r.row, r.col + 1, r.cols - 2, ROLE_HERE, buffer_text(&shown));
    canvas_printf(c, r.row + 1, r.col + 1, r.cols - 2, ROLE_TEXT, "= %s", x->formula);
    buffer_clear(&b);
    if (x->subject.kind != OPERAND_WEIGHT_GRADIENT)
        label_address(app->pass, x->cell, &b);
    if (used + canvas_text_width(c, buffer_text(&b)) + 4 < r.cols)
        canvas_put_right(c, r.row, r.col + used + 2, r.cols - used - 3, ROLE_DIM, buffer_text(&b));
    buffer_free(&b);
    buffer_free(&shown);

    int col = r.col + 1 + k.label + k.name[0] + k.name[1] + 2 * k.value + 2;
    canvas_put_right(c, r.row + 2, col, k.result - 1, ROLE_HEADING, terms ? _("term") : _("result"));
    if (terms)
        canvas_put_right(c, r.row + 2, col + k.result, k.result - 1, ROLE_HEADING, k.brief ? _("sum") : _("sum so far"));

    size_t room = r.rows > 6 ? (size_t)(r.rows - 6) : 1;
    if (app->cell_line < app->cell_top)
        app->cell_top = app->cell_line;
    if (app->cell_line >= app->cell_top + room)
        app->cell_top = app->cell_line - room + 1;
    for (size_t i = 0; i < room && app->cell_top + i < x->count; i++)
        draw_line(app, c, r.row + 3 + (int)i, r, &k, &x->lines[app->cell_top + i], app->cell_top + i == app->cell_line);
    int end = r.row + r.rows - 3;
    if (room > x->count)
        end = r.row + 3 + (int)x->count;
    else if (x->count > room)
        canvas_printf(c, r.row + 2, r.col + 1, k.label + k.name[0], ROLE_DIM, _("lines %zu–%zu of %zu"), app->cell_top + 1, app->cell_top + room, x->count);
    canvas_hline(c, end, r.col, r.cols, ROLE_BORDER);
    draw_rounding(app, c, end + 1, r.col + 1, r.cols - 2);
    if (app->cell_line < x->count) {
        const ExplainLine *l = &x->lines[app->cell_line];
        int operand = l->in[1].kind == OPERAND_NONE ? 0 : app->cell_operand;
        if (can_jump(l, operand)) {
            Buffer to = {0};
            operand_name(app, &l->in[operand], false, &to);
            char prefix[STAGE_NAME_MAX];
            stage_prefix(&pass_plan(app->pass)->stages[l->in[operand].cell.stage], prefix);
            canvas_printf(c, end + 2, r.col + 1, r.cols - 2, ROLE_LINK, _("Enter opens %s.%s"), prefix, buffer_text(&to));
            buffer_free(&to);
        }
    }
}

/* ---- keys ---- */

bool cell_command(App *app, CommandId id, size_t count)
{
    size_t n = app->cell.count, times = count ? count : 1, page = app->rows > 9 ? (size_t)app->rows - 9 : 1;
    size_t *line = &app->cell_line;
    switch (id) {
    case CMD_UP: *line = times > *line ? 0 : *line - times; return true;
    case CMD_DOWN: *line = *line + times < n ? *line + times : n ? n - 1 : 0; return true;
    case CMD_PAGE_UP: *line = page > *line ? 0 : *line - page; return true;
    case CMD_PAGE_DOWN: *line = *line + page < n ? *line + page : n ? n - 1 : 0; return true;
    case CMD_FIRST: *line = 0; return true;
    case CMD_LAST: *line = n ? n - 1 : 0; return true;
    case CMD_LEFT: app->cell_operand = 0; return true;
    case CMD_RIGHT: app->cell_operand = 1; return true;
    case CMD_OPEN:
    case CMD_INTO: follow(app); return true;
    case CMD_CLOSE:
        if (app->cell_over == VIEW_STEP)
            return false;
        app->view = app->cell_over;
        return true;
    case CMD_OUT: app->view = VIEW_STEP; return true;
    case CMD_MORE_DIGITS:
    case CMD_FEWER_DIGITS: return matrix_command(app, id, count);
    default: return false;
    }
}
