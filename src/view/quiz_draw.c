/* quiz_draw.c - how a question, its choices, a cell's operands and the reply look. */
#include "view/quiz.h"

#include "base/text.h"

#include <stdio.h>
#include <string.h>

enum { TEXT_COLS = 96, DIGITS = 4 };

/* ---- a cell to be filled ---- */

static void write_operand(const App *app, const Operand *o, bool brief, Buffer *out)
{
    Buffer raw = {0};
    if (brief && (o->kind == OPERAND_STAGE || o->kind == OPERAND_GRADIENT)) {
        const Stage *s = &pass_plan(app->pass)->stages[o->cell.stage];
        buffer_printf(&raw, "%s%s[%zu,%zu]", o->kind == OPERAND_GRADIENT ? "d " : "", stage_table[s->kind].id, o->cell.index[s->rank - 2],
                      o->cell.index[s->rank - 1]);
    } else if (brief && o->kind == OPERAND_WEIGHT) {
        const Weight *w = &app->model->weights.items[o->weight];
        const char *dot = strrchr(w->name, '.');
        buffer_printf(&raw, w->rank == 2 ? "%s[%zu,%zu]" : "%s[%zu]", dot ? dot + 1 : w->name, o->row, o->col);
    } else {
        operand_label(app->pass, o, &raw);
    }
    text_escape(out, buffer_text(&raw), raw.len, false);
    buffer_free(&raw);
}

/* Four decimals, or four significant digits where those would be lost. */
static void write_number(char out[NUMBER_MAX], double x, bool ascii)
{
    if (x != 0 && fabs(x) < 0.01)
        snprintf(out, NUMBER_MAX, "%.3e", x);
    else
        number_format(out, x, DIGITS, ascii);
}

static void draw_operand(const App *app, Canvas *c, int row, int col, int name, const Operand *o, bool known)
{
    Buffer text = {0};
    char number[NUMBER_MAX];
    write_operand(app, o, name < 28, &text);
    canvas_put_cut(c, row, col, name - 1, o->kind == OPERAND_NUMBER ? ROLE_DIM : ROLE_LABEL, buffer_text(&text));
    write_number(number, o->value, c->ascii);
    canvas_put_right(c, row, col + name, 10, known ? ROLE_TEXT : ROLE_DIM, known ? number : "?");
    buffer_free(&text);
}

/* One line of the arithmetic: its operands, and either its result or a question mark. */
static void draw_line(const App *app, Canvas *c, int row, Rect r, size_t i)
{
    const Fill *f = &app->quiz->fill;
    const ExplainLine *l = &f->terms.lines[i];
    int label = r.cols >= 110 ? 22 : 10, rest = r.cols - label - 24 - 12, name = rest / 2 > 40 ? 40 : rest / 2, col = r.col;
    bool two = l->in[1].kind != OPERAND_NONE;
    Buffer text = {0};
    char number[NUMBER_MAX];
    text_escape(&text, l->label, strlen(l->label), false);
    canvas_put_cut(c, row, col, label - 1, ROLE_DIM, buffer_text(&text));
    buffer_free(&text);
    col += label;
    if (l->in[0].kind != OPERAND_NONE)
        draw_operand(app, c, row, col, name, &l->in[0], fill_shows(f, i, 0));
    col += name + 11;
    canvas_put(c, row, col, 1, ROLE_DIM, !two ? "" : l->sign == '*' ? "×" : l->sign == '/' ? "÷" : l->sign == '-' ? "-" : "+");
    col += 2;
    if (two)
        draw_operand(app, c, row, col, name, &l->in[1], fill_shows(f, i, 1));
    else
        canvas_put_cut(c, row, col, name + 10, ROLE_DIM, l->formula);
    col += name + 11;
    write_number(number, l->result, c->ascii);
    canvas_put(c, row, col, 2, ROLE_DIM, "=");
    canvas_put_right(c, row, col + 2, 9, f->asked[i] ? ROLE_KEY : ROLE_TEXT, f->asked[i] ? "?" : number);
}

static int draw_fill(const App *app, Canvas *c, int row, Rect r)
{
    const Fill *f = &app->quiz->fill;
    int end = r.row + r.rows - 3, left = 0;
    char number[NUMBER_MAX];
    canvas_put_cut(c, row, r.col, r.cols, ROLE_TEXT, f->terms.formula);
    row += 2;
    for (size_t i = 0; i < f->terms.count; i++)
        if (f->terms.lines[i].kind == LINE_STEP || (f->terms.lines[i].kind == LINE_TERM && f->asked[i])) {
            if (row < end)
                draw_line(app, c, row++, r, i);
            else
                left++;
        }
    if (f->done_terms) {
        write_number(number, f->done_sum, c->ascii);
        canvas_printf(c, row++, r.col, r.cols, ROLE_TEXT, _("the other %zu terms add up to %s"), f->done_terms, number);
    }
    if (left)
        canvas_printf(c, row++, r.col, r.cols, ROLE_WARNING, _("%d more lines: make the screen higher"), left);
    return row;
}

/* ---- the question ---- */

static void write_shape(const Stage *s, Buffer *out)
{
    for (int k = 0; k < s->rank; k++)
        buffer_printf(out, k ? ",%zu" : "[%zu", s->shape[k]);
    buffer_puts(out, "]");
}

/* What is computed, and from what: not the shape of the result, which may be asked for. */
static int draw_context(const App *app, Canvas *c, int row, Rect r)
{
    const Stage *s = app_stage(app);
    Buffer text = {0};
    if (app->phase == PHASE_BACKWARD) {
        canvas_printf(c, row++, r.col, r.cols, ROLE_TEXT, _("on the way back: the gradient of %s"), stage_table[s->kind].id);
        return row;
    }
    if (app->phase == PHASE_LOSS) {
        canvas_put_cut(c, row++, r.col, r.cols, ROLE_TEXT, _("loss = mean of -log p(target), in nats"));
        return row;
    }
    canvas_printf(c, row++, r.col, r.cols, ROLE_TEXT, "%s = %s", stage_table[s->kind].id, stage_table[s->kind].formula);
    for (int k = 0; k < 2 && s->in[k] != NO_STAGE; k++) {
        const Stage *in = &pass_plan(app->pass)->stages[s->in[k]];
        char name[STAGE_NAME_MAX];
        buffer_printf(&text, k ? " · %s " : _("it reads %s "), stage_name(in, name));
        write_shape(in, &text);
    }
    if (text.len)
        canvas_put_cut(c, row++, r.col, r.cols, ROLE_DIM, buffer_text(&text));
    buffer_free(&text);
    return row;
}

static const char *how_to_answer(const Quiz *z)
{
    if (z->comparing)
        return _("Is yours the same reason?  y yes   p partly   n no");
    switch (quiz_question(z)->kind) {
    case QUESTION_CHOICE:
        return _("A letter answers.  Esc or n skips: the matrix, without an answer.");
    case QUESTION_NUMBER:
        return _("Type a number (0.25, 1/3, 2e-3), then Enter.  Esc or n skips.");
    case QUESTION_SHAPE:
        return _("Type a shape (4x7x7), then Enter.  Esc or n skips.");
    case QUESTION_STAGE:
        return _("Type a part of a stage's name, then Enter.  Esc skips.");
    case QUESTION_REASON:
        return _("Type your reason, then Enter.  Esc skips.");
    }
    return "";
}

void quiz_draw(App *app, Canvas *c, Rect area)
{
    Quiz *z = app->quiz;
    const Question *q = quiz_question(z);
    bool roomy = area.rows >= 18;
    Rect r = {area.row, area.col + 1, area.cols - 2, area.rows};
    int row = r.row + roomy, end = r.row + r.rows, text = r.cols < TEXT_COLS ? r.cols : TEXT_COLS;
    if (!z->filling) {
        row = draw_context(app, c, row, r) + roomy;
        canvas_hline(c, row, area.col, area.cols, ROLE_BORDER);
        canvas_printf(c, row, r.col, r.cols, ROLE_LABEL, z->answered ? _(" predict first · %zu of %zu right ") : _(" predict first "),
                      z->right, z->answered);
        row += 1 + roomy;
    }
    row += canvas_put_wrapped(c, row, r.col, text, end - row > 8 ? 6 : 3, ROLE_HEADING, q->text) + roomy;
    if (z->filling)
        row = draw_fill(app, c, row, r);
    z->first_row = row;
    for (int i = 0; i < q->choice_count && !z->comparing; i++) {
        canvas_printf(c, row, r.col + 2, 2, ROLE_KEY, "%c", 'a' + i);
        canvas_put_cut(c, row++, r.col + 6, r.cols - 6, ROLE_TEXT, q->choices[i].text);
    }
    if (z->comparing) {
        row += canvas_put_wrapped(c, row, r.col + 2, text - 2, 4, ROLE_TEXT, z->typed ? z->typed : "") + 1;
        canvas_put(c, row++, r.col, r.cols, ROLE_HEADING, _("A model answer:"));
        row += canvas_put_wrapped(c, row, r.col + 2, text - 2, 6, ROLE_TEXT, q->why ? q->why : "");
    }
    row += roomy;
    if (row < end)
        canvas_put_cut(c, row, r.col, r.cols, ROLE_DIM, how_to_answer(z));
}

const char *quiz_prompt(const App *app)
{
    const Question *q = quiz_question(app->quiz);
    switch (q->kind) {
    case QUESTION_NUMBER:
        return q->unit ? _("number (nats): ") : _("number: ");
    case QUESTION_SHAPE:
        return _("shape: ");
    case QUESTION_STAGE:
        return _("stage: ");
    default:
        return _("answer: ");
    }
}

/* ---- the reply ---- */

int quiz_draw_reply(App *app, Canvas *c, Rect area)
{
    const Quiz *z = app->quiz;
    if (!z || !z->replied)
        return 0;
    bool right = z->verdict == VERDICT_RIGHT;
    Buffer text = {0};
    buffer_printf(&text,
                  right                          ? _("%s: right. ")
                  : z->verdict == VERDICT_PARTLY ? _("%s: partly. ")
                                                 : _("%s: no. "),
                  z->given ? z->given : "");
    buffer_puts(&text, z->reply ? z->reply : "");
    if (z->filling)
        buffer_puts(&text, _(" Enter opens its arithmetic, F asks for it again."));
    int most = area.rows >= 20 ? 5 : area.rows >= 14 ? 3 : 2, mark = 2;
    canvas_put(c, area.row, area.col + 1, 1, right ? ROLE_DONE : ROLE_WARNING, right ? "✓" : z->verdict == VERDICT_PARTLY ? "~" : "×");
    int rows = canvas_put_wrapped(c, area.row, area.col + 1 + mark, area.cols - 3 - mark, most, right ? ROLE_DONE : ROLE_WARNING,
                                  buffer_text(&text));
    canvas_hline(c, area.row + rows, area.col, area.cols, ROLE_BORDER);
    buffer_free(&text);
    return rows + 1;
}

void quiz_write_score(const App *app, char out[48])
{
    const Quiz *z = app->quiz;
    out[0] = '\0';
    if (z && z->predict && !z->answered)
        snprintf(out, 48, "%s", _("predict"));
    else if (z && z->answered)
        snprintf(out, 48, z->predict ? _("predict %zu/%zu") : _("answers %zu/%zu"), z->right, z->answered);
}
