/* sheet.c - writes a worksheet: what is computed by the program is printed, what is asked is left to be written. */
#include "lesson/sheet.h"

#include "base/text.h"
#include "lesson/check.h"
#include "measure/label.h"
#include "measure/trace.h"
#include "pass/ablation.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { GRID_ROWS = 24, GRID_COLS = 12, ROOM_LINES = 3 };

typedef struct Sheet {
    const Lesson *l;
    Scene scene;
    LabRuns labs;
    bool html, answers;
    int number; /* of the last question */
    int list;   /* how deep in lists, and … */
    bool numbered[16];
    Buffer *out;
    Error *e;
} Sheet;

/* ---- texts ---- */

static void put_html(Buffer *out, char c)
{
    if (c == '<')
        buffer_puts(out, "&lt;");
    else if (c == '>')
        buffer_puts(out, "&gt;");
    else if (c == '&')
        buffer_puts(out, "&amp;");
    else if (c == '"')
        buffer_puts(out, "&quot;");
    else
        buffer_putc(out, c);
}

static void put_plain(const Sheet *s, const char *text)
{
    for (; *text; text++)
        if (s->html)
            put_html(s->out, *text);
        else if (strchr("*_`<|\\", *text)) {
            buffer_putc(s->out, '\\');
            buffer_putc(s->out, *text);
        } else
            buffer_putc(s->out, *text);
}

static void put_mark(const Sheet *s, int mark, bool begins)
{
    static const char *const html[][2] = {[MARK_EMPHASIS] = {"<em>", "</em>"}, [MARK_STRONG] = {"<strong>", "</strong>"},
                                          [MARK_CODE] = {"<code>", "</code>"}, [MARK_NUMBER] = {"<b>", "</b>"},
                                          [MARK_LINK] = {"<a>", "</a>"},       [MARK_ADDRESS] = {"", ""}};
    static const char *const markdown[][2] = {[MARK_EMPHASIS] = {"*", "*"}, [MARK_STRONG] = {"**", "**"}, [MARK_CODE] = {"`", "`"},
                                              [MARK_NUMBER] = {"", ""},     [MARK_LINK] = {"", ""},       [MARK_ADDRESS] = {"", ""}};
    buffer_puts(s->out, (s->html ? html : markdown)[mark][!begins]);
}

/* A marked text whose numbers are computed. */
static void put_marked(const Sheet *s, const char *text)
{
    int stack[16] = {0}, depth = 0;
    for (; *text; text++) {
        if (*text >= MARK_EMPHASIS && *text <= MARK_ADDRESS) {
            if (depth < 15)
                stack[++depth] = *text;
            put_mark(s, *text, true);
        } else if (*text == MARK_END) {
            if (depth)
                put_mark(s, stack[depth--], false);
        } else if (stack[depth] == MARK_ADDRESS) {
            continue; /* on paper nothing can be followed */
        } else if (*text == MARK_BREAK) {
            buffer_puts(s->out, s->html ? "<br>\n" : "\\\n");
        } else if (s->html) {
            put_html(s->out, *text);
        } else {
            if (strchr("*_<|", *text) && stack[depth] != MARK_CODE)
                buffer_putc(s->out, '\\');
            buffer_putc(s->out, *text);
        }
    }
}

static int put_filled(Sheet *s, int line, const char *marked)
{
    Buffer text = {0};
    int status = scene_fill(&s->scene, s->l, line, marked, &text, s->e);
    if (status == 0)
        put_marked(s, buffer_text(&text));
    buffer_free(&text);
    return status;
}

/* A paragraph of the program's own words. */
static void put_paragraph(const Sheet *s, const char *text)
{
    buffer_puts(s->out, s->html ? "<p>" : "");
    put_plain(s, text);
    buffer_puts(s->out, s->html ? "</p>\n" : "\n\n");
}

/* ---- tables ---- */

static void begin_table(const Sheet *s)
{
    buffer_puts(s->out, s->html ? "<table>\n" : "");
}

static void end_table(const Sheet *s)
{
    buffer_puts(s->out, s->html ? "</table>\n" : "\n");
}

/* Begins a row; `head`: of names. */
static void begin_row(const Sheet *s)
{
    buffer_puts(s->out, s->html ? "<tr>" : "|");
}

static void put_cell(const Sheet *s, const char *text, bool head)
{
    buffer_puts(s->out, s->html ? head ? "<th>" : "<td>" : " ");
    put_plain(s, text);
    buffer_puts(s->out, s->html ? head ? "</th>" : "</td>" : " |");
}

static void end_row(const Sheet *s, size_t head_columns)
{
    buffer_puts(s->out, s->html ? "</tr>\n" : "\n");
    for (size_t i = 0; !s->html && i < head_columns; i++)
        buffer_puts(s->out, i == 0 ? "|---|" : i + 1 == head_columns ? "---:|\n" : "---:|");
    if (!s->html && head_columns == 1)
        buffer_putc(s->out, '\n');
}

/* ---- blocks ---- */

/* Lists are closed when a paragraph stands higher. */
static void set_list(Sheet *s, int depth, bool numbered)
{
    while (s->list > depth) {
        s->list--;
        buffer_puts(s->out, s->html ? s->numbered[s->list] ? "</ol>\n" : "</ul>\n" : s->list ? "" : "\n");
    }
    while (s->list < depth && s->list < 15) {
        s->numbered[s->list++] = numbered;
        buffer_puts(s->out, s->html ? numbered ? "<ol>\n" : "<ul>\n" : "");
    }
}

static int put_text(Sheet *s, const Block *b)
{
    bool bullet = b->level && b->bullet && *b->bullet, numbered = bullet && b->bullet[0] >= '0' && b->bullet[0] <= '9';
    set_list(s, b->level, numbered);
    if (b->level && !s->html)
        buffer_printf(s->out, "%*s%s ", 3 * (b->level - 1), "", numbered ? b->bullet : bullet ? "-" : " ");
    else if (b->quoted && !s->html)
        buffer_puts(s->out, "> ");
    buffer_puts(s->out, !s->html ? "" : bullet ? "<li>" : b->quoted ? "<blockquote>" : "<p>");
    int status = put_filled(s, b->line, b->text);
    buffer_puts(s->out, !s->html ? b->level ? "\n" : "\n\n" : bullet ? "</li>\n" : b->quoted ? "</blockquote>\n" : "</p>\n");
    return status;
}

static int put_table(Sheet *s, const Block *b)
{
    begin_table(s);
    for (size_t r = 0; r < b->rows; r++) {
        begin_row(s);
        for (size_t k = 0; k < b->columns; k++) {
            Buffer text = {0};
            if (scene_words(&s->scene, s->l, b->line, b->cells[r * b->columns + k], &text, s->e) != 0) {
                buffer_free(&text);
                return -1;
            }
            put_cell(s, buffer_text(&text), r == 0);
            buffer_free(&text);
        }
        end_row(s, r ? 0 : b->columns);
    }
    end_table(s);
    return 0;
}

static void put_code(const Sheet *s, const char *text)
{
    buffer_puts(s->out, s->html ? "<pre>" : "```\n");
    for (const char *p = text; *p; p++)
        if (s->html)
            put_html(s->out, *p);
        else
            buffer_putc(s->out, *p);
    buffer_puts(s->out, s->html ? "</pre>\n" : "```\n\n");
}

static void put_run(const Sheet *s)
{
    Buffer text = {0}, names = {0};
    const Scene *c = &s->scene;
    buffer_printf(&text, "%s:", c->model->name);
    for (int i = STACK_ENCODER; i <= STACK_DECODER; i++) {
        size_t n;
        const int *ids = config_has_stack(&c->model->config, (Stack)i) ? pass_ids(c->pass, (Stack)i, &n) : NULL;
        for (size_t t = 0; ids && t < n; t++)
            buffer_printf(&text, "%s %s", t == 0 && i == STACK_DECODER && c->model->config.kind == KIND_ENCODER_DECODER ? " →" : "",
                          vocab_token(c->model->vocab, ids[t]));
    }
    ablations_write(c->ablations, &names);
    if (names.len)
        buffer_printf(&text, " [%s]", names.data);
    put_paragraph(s, buffer_text(&text));
    buffer_free(&text);
    buffer_free(&names);
}

/* The matrix of a stop: one head of it, and no more than fits on paper. */
static void put_grid(Sheet *s, const SceneStop *stop)
{
    Pass *p = s->scene.pass;
    const Stage *st = &pass_plan(p)->stages[stop->first.index];
    const real *x = pass_value(p, stop->first.index);
    int row_axis = st->rank - 2, col_axis = st->rank - 1;
    size_t rows = st->shape[row_axis], cols = st->shape[col_axis], head = st->rank == 3 ? stop->first.at[0].first : 0;
    Buffer name = {0};
    begin_table(s);
    for (size_t r = 0; r <= rows && r <= GRID_ROWS; r++) {
        begin_row(s);
        for (size_t k = 0; k <= cols && k <= GRID_COLS; k++) {
            char number[TRACE_NUMBER_MAX] = "";
            buffer_clear(&name);
            if (r == 0 && k)
                label_index_apart(p, st, col_axis, k - 1, &name);
            else if (r && k == 0)
                label_index_apart(p, st, row_axis, r - 1, &name);
            else if (r && k)
                trace_number_table(number, x[(head * rows + r - 1) * cols + k - 1]);
            put_cell(s, r && k ? number : buffer_text(&name), r == 0 || k == 0);
        }
        end_row(s, r ? 0 : (cols < GRID_COLS ? cols : GRID_COLS) + 1);
    }
    end_table(s);
    if (rows > GRID_ROWS || cols > GRID_COLS)
        put_paragraph(s, _("(its beginning)"));
    buffer_free(&name);
}

static int put_stop(Sheet *s, const Block *b)
{
    SceneStop stop;
    Buffer text = {0};
    if (scene_stop(&s->scene, s->l, b, &stop, s->e) != 0)
        return -1;
    const char *address = block_value(b, block_value(b, KEY_AT) ? KEY_AT : KEY_GRADIENT);
    buffer_printf(&text, stop.gradient ? _("The gradient of %s") : "%s", stop.loss ? _("The loss") : address);
    put_paragraph(s, buffer_text(&text));
    buffer_free(&text);
    buffer_puts(s->out, s->html ? "<p>" : "");
    int status = put_filled(s, b->line, b->text);
    buffer_puts(s->out, s->html ? "</p>\n" : "\n\n");
    if (status == 0 && !stop.loss && !stop.gradient)
        put_grid(s, &stop);
    return status;
}

static void put_result(const Sheet *s, const Table *t)
{
    put_paragraph(s, t->title);
    begin_table(s);
    begin_row(s);
    for (size_t k = 0; k < t->column_count; k++)
        put_cell(s, t->columns[k].title, true);
    end_row(s, t->column_count);
    for (size_t r = 0; r < t->row_count; r++) {
        begin_row(s);
        for (size_t k = 0; k < t->column_count; k++) {
            char number[64] = "";
            const char *text = t->texts ? t->texts[r * t->column_count + k] : NULL;
            double x = table_number(t, r, k);
            if (!text && x == x && t->columns[k].digits < 0)
                snprintf(number, sizeof number, "%.4g", x);
            else if (!text && x == x)
                snprintf(number, sizeof number, "%.*f", t->columns[k].digits, x);
            put_cell(s, text ? text : number, k == 0);
        }
        end_row(s, 0);
    }
    end_table(s);
}

static int put_lab(Sheet *s, const Block *b)
{
    const Lab *lab = scene_lab(&s->scene, s->l, b, s->e);
    if (!lab)
        return -1;
    put_paragraph(s, _(lab->info->title));
    buffer_puts(s->out, s->html ? "<p>" : "");
    int status = put_filled(s, b->line, b->text);
    buffer_puts(s->out, s->html ? "</p>\n" : "\n\n");
    for (size_t i = 0; i < lab->table_count; i++)
        if (block_shows(b, KEY_TABLES, i))
            put_result(s, &lab->tables[i]);
    return status;
}

/* What is claimed, to be found true by hand or by the program; with the answers also what was computed. */
static int put_check(Sheet *s, const Block *b)
{
    put_paragraph(s, check_label_words(b->label));
    buffer_puts(s->out, s->html ? "<pre>" : "```\n");
    for (size_t i = 0; i < b->more.count; i++) {
        Buffer sides = {0}, line = {0};
        bool held = false;
        if (check_claim(&s->scene, s->l, b, i, &held, &sides, s->e) != 0) {
            buffer_free(&sides);
            return -1;
        }
        if (b->more.items[i].reply)
            buffer_printf(&line, "# %s\n", b->more.items[i].reply);
        buffer_printf(&line, "%s", b->more.items[i].text);
        if (s->answers)
            buffer_printf(&line, "   %s  %s", held ? _("holds") : _("does not hold"), buffer_text(&sides));
        for (const char *p = buffer_text(&line); *p; p++)
            if (s->html)
                put_html(s->out, *p);
            else
                buffer_putc(s->out, *p);
        buffer_putc(s->out, '\n');
        buffer_free(&sides);
        buffer_free(&line);
    }
    buffer_puts(s->out, s->html ? "</pre>\n" : "```\n\n");
    return 0;
}

static void put_room(const Sheet *s, int lines)
{
    for (int i = 0; i < lines; i++)
        buffer_puts(s->out, s->html ? "<p class=\"room\"></p>\n" : "\\_\\_\\_\\_\\_\\_\\_\\_\\_\\_\\_\\_\\_\\_\\_\\_\\_\\_\\_\\_\n\n");
}

static void put_answers(const Sheet *s, const Question *q)
{
    Buffer text = {0};
    question_write_right(q, &text);
    put_paragraph(s, buffer_text(&text));
    for (int i = 0; i < q->mistake_count; i++) {
        buffer_clear(&text);
        question_write_answer(q, &q->mistakes[i].answer, &text);
        buffer_printf(&text, _(": %s"), q->mistakes[i].belief);
        put_paragraph(s, buffer_text(&text));
    }
    buffer_free(&text);
}

static int put_ask(Sheet *s, const Block *b)
{
    Question q;
    char number[32];
    if (scene_ask(&s->scene, s->l, b, &q, s->e) != 0)
        return -1;
    snprintf(number, sizeof number, "%d. ", ++s->number);
    buffer_puts(s->out, s->html ? "<p class=\"ask\"><b>" : "**");
    put_plain(s, number);
    put_plain(s, q.text);
    buffer_puts(s->out, s->html ? "</b></p>\n" : "**\n\n");
    for (int i = 0; i < q.choice_count; i++) {
        snprintf(number, sizeof number, "%c. ", 'a' + i);
        buffer_puts(s->out, s->html ? "<p class=\"choice\">☐ " : "- [ ] ");
        put_plain(s, number);
        put_plain(s, q.choices[i].text);
        buffer_puts(s->out, s->html ? "</p>\n" : "\n");
    }
    if (q.choice_count && !s->html)
        buffer_putc(s->out, '\n');
    if (s->answers)
        put_answers(s, &q);
    else if (q.kind != QUESTION_CHOICE)
        put_room(s, q.kind == QUESTION_REASON ? ROOM_LINES : 1);
    question_free(&q);
    return 0;
}

static int put_block(Sheet *s, const Block *b)
{
    int status = 0;
    if (b->kind != BLOCK_TEXT)
        set_list(s, 0, false);
    switch (b->kind) {
    case BLOCK_HEADING:
        if (s->html)
            buffer_printf(s->out, "<h%d>", b->level);
        else {
            buffer_fill(s->out, '#', (size_t)b->level);
            buffer_putc(s->out, ' ');
        }
        status = put_filled(s, b->line, b->text);
        if (s->html)
            buffer_printf(s->out, "</h%d>\n", b->level);
        else
            buffer_puts(s->out, "\n\n");
        return status;
    case BLOCK_TEXT:
        return put_text(s, b);
    case BLOCK_CODE:
        put_code(s, b->text);
        return 0;
    case BLOCK_TABLE:
        return put_table(s, b);
    case BLOCK_RULE:
        buffer_puts(s->out, s->html ? "<hr>\n" : "---\n\n");
        return 0;
    case BLOCK_RUN:
        status = scene_run(&s->scene, s->l, b, s->e);
        if (status == 0)
            put_run(s);
        return status;
    case BLOCK_STOP:
        return put_stop(s, b);
    case BLOCK_ASK:
        return put_ask(s, b);
    case BLOCK_LAB:
        return put_lab(s, b);
    case BLOCK_CHECK:
        return put_check(s, b);
    case BLOCK_DRAW: /* replaced by what was drawn */
        return 0;
    }
    return 0;
}

static void begin_page(const Sheet *s)
{
    buffer_printf(s->out, "<!DOCTYPE html>\n<html lang=\"%s\">\n<head>\n<meta charset=\"utf-8\">\n<title>",
                  *s->l->lang ? s->l->lang : "en");
    put_plain(s, s->l->title);
    buffer_puts(s->out, "</title>\n<style>\n"
                        "body { max-width: 44em; margin: 2em auto; padding: 0 1em; font-family: serif; line-height: 1.45; }\n"
                        "table { border-collapse: collapse; margin: 1em 0; font-size: 0.85em; }\n"
                        "th, td { border: 1px solid #888; padding: 0.15em 0.5em; text-align: right; }\n"
                        "pre, code { font-family: monospace; font-size: 0.85em; }\n"
                        "pre { white-space: pre-wrap; }\n"
                        ".choice { margin: 0.2em 0 0.2em 1.5em; }\n"
                        ".room { border-bottom: 1px solid #888; height: 1.6em; margin: 0; }\n"
                        "@media print { body { margin: 0; } table, .ask { break-inside: avoid; } }\n"
                        "</style>\n</head>\n<body>\n");
}

int sheet_write(const Lesson *l, bool html, bool answers, Buffer *out, Error *e)
{
    Sheet s = {.l = l, .html = html, .answers = answers, .out = out, .e = e};
    s.scene = scene_new(&s.labs);
    int status = scene_run(&s.scene, l, NULL, e);
    if (html)
        begin_page(&s);
    for (size_t i = 0; i < l->count && status == 0; i++)
        status = put_block(&s, &l->blocks[i]);
    set_list(&s, 0, false);
    if (html)
        buffer_puts(out, "</body>\n</html>\n");
    scene_free(&s.scene);
    labs_free(&s.labs);
    return status == 0 && out->failed ? error_memory(e, l->path) : status;
}
