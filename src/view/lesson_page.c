/* lesson_page.c - the blocks of a step as paragraphs, every number in them computed. */
#include "view/lesson.h"

#include "base/text.h"
#include "lesson/draw.h"
#include "pass/ablation.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A page being made. */
typedef struct Maker {
    LessonPage *page;
    const Lesson *l;
    Scene *s;
    const Player *p; /* NULL: printed */
    bool answers;    /* printed with them */
    Error *e;
} Maker;

static LessonLine *add(Maker *m, Role role, const char *text)
{
    LessonPage *g = m->page;
    LessonLine *more = realloc(g->lines, (g->count + 1) * sizeof *more);
    char *copy = strdup(text);
    if (more)
        g->lines = more;
    if (!more || !copy) {
        g->failed = true;
        free(copy);
        return NULL;
    }
    more[g->count] = (LessonLine){.text = copy, .role = role, .choice = -1};
    return &more[g->count++];
}

static LessonLine *add_close(Maker *m, Role role, int indent, const char *text)
{
    LessonLine *line = add(m, role, text);
    if (line) {
        line->close = true;
        line->indent = indent;
    }
    return line;
}

__attribute__((format(printf, 4, 5))) static void add_made(Maker *m, Role role, int indent, const char *format, ...)
{
    char text[1024];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    add_close(m, role, indent, text);
}

/* Lines that stand as they are. */
static void add_verbatim(Maker *m, Role role, int indent, const char *text, bool command)
{
    for (bool first = true; *text; first = false) {
        size_t n = strcspn(text, "\n");
        char *line = strndup(text, n);
        LessonLine *made = line ? add(m, role, line) : NULL;
        if (made) {
            made->verbatim = true;
            made->command = command;
            made->close = !first;
            made->indent = indent;
        }
        m->page->failed |= !made;
        free(line);
        text += n + (text[n] == '\n');
    }
}

/* A marked text with its numbers. */
static int add_filled(Maker *m, Role role, int line, const char *marked, LessonLine **made)
{
    Buffer text = {0};
    int status = scene_fill(m->s, m->l, line, marked, &text, m->e);
    if (status == 0)
        *made = add(m, role, buffer_text(&text));
    buffer_free(&text);
    return status;
}

/* ---- text ---- */

static int add_text(Maker *m, const Block *b)
{
    LessonLine *made = NULL;
    if (add_filled(m, b->quoted ? ROLE_LABEL : ROLE_TEXT, b->line, b->text, &made) != 0 || !made)
        return made ? 0 : -1;
    if (b->level) {
        made->indent = 3 * b->level;
        snprintf(made->bullet, sizeof made->bullet, "%s", b->bullet ? b->bullet : "");
        made->close = m->page->count > 1 && m->page->lines[m->page->count - 2].bullet[0] && made->bullet[0];
    } else if (b->quoted) {
        made->indent = 2;
        snprintf(made->bullet, sizeof made->bullet, "│");
    }
    return 0;
}

/* A table in columns. */
static int add_table(Maker *m, const Block *b)
{
    int widths[64] = {0};
    size_t cols = b->columns < 64 ? b->columns : 64;
    Buffer *cells = calloc(b->rows * b->columns + 1, sizeof *cells), line = {0};
    int status = cells ? 0 : error_memory(m->e, m->l->path);
    for (size_t i = 0; status == 0 && i < b->rows * b->columns; i++) {
        status = scene_words(m->s, m->l, b->line, b->cells[i], &cells[i], m->e);
        size_t k = i % b->columns;
        if (k < cols && text_width(buffer_text(&cells[i])) > widths[k])
            widths[k] = text_width(buffer_text(&cells[i]));
    }
    for (size_t r = 0; status == 0 && r < b->rows; r++) {
        buffer_clear(&line);
        for (size_t k = 0; k < cols; k++) {
            const char *text = buffer_text(&cells[r * b->columns + k]);
            buffer_puts(&line, text);
            if (k + 1 < cols)
                buffer_fill(&line, ' ', (size_t)(widths[k] - text_width(text) + 2));
        }
        LessonLine *made = add(m, r ? ROLE_TEXT : ROLE_HEADING, buffer_text(&line));
        if (made) {
            made->verbatim = true;
            made->close = r > 0;
            made->indent = 2;
        }
    }
    for (size_t i = 0; cells && i < b->rows * b->columns; i++)
        buffer_free(&cells[i]);
    free(cells);
    buffer_free(&line);
    return status;
}

/* ---- what is run ---- */

enum { EDITS_SHOWN = 4 };

static int add_run(Maker *m, const Block *b)
{
    Buffer text = {0}, names = {0};
    const Config *k = &m->s->model->config;
    buffer_printf(&text, "%s ", m->s->model->name);
    for (int i = STACK_ENCODER; i <= STACK_DECODER; i++) {
        size_t n;
        const int *ids = config_has_stack(k, (Stack)i) ? pass_ids(m->s->pass, (Stack)i, &n) : NULL;
        if (!ids)
            continue;
        buffer_puts(&text, i == STACK_DECODER && k->kind == KIND_ENCODER_DECODER ? " →" : " ·");
        for (size_t t = 0; t < n; t++) {
            buffer_putc(&text, ' ');
            const char *token = vocab_token(m->s->model->vocab, ids[t]);
            text_escape(&text, token, strlen(token), false);
        }
    }
    ablations_write(m->s->ablations, &names);
    if (names.len)
        buffer_printf(&text, "  [%s]", names.data);
    for (size_t i = 0; i < b->more.count && i < EDITS_SHOWN; i++)
        buffer_printf(&text, "  [%s]", b->more.items[i].text);
    if (b->more.count > EDITS_SHOWN)
        buffer_printf(&text, _("  [and %zu more like them]"), b->more.count - EDITS_SHOWN);
    LessonLine *made = add(m, ROLE_LABEL, buffer_text(&text));
    if (made) {
        made->indent = 2;
        snprintf(made->bullet, sizeof made->bullet, "▶");
    }
    buffer_free(&text);
    buffer_free(&names);
    return 0;
}

static int add_stop(Maker *m, const Block *b)
{
    SceneStop stop;
    LessonLine *made = NULL;
    if (scene_stop(m->s, m->l, b, &stop, m->e) != 0)
        return -1;
    const char *address = block_value(b, block_value(b, KEY_AT) ? KEY_AT : KEY_GRADIENT);
    char text[512];
    snprintf(text, sizeof text, stop.gradient ? _("the gradient of %s") : "%s", stop.loss ? _("the loss") : address);
    if ((made = add(m, ROLE_CROSS, text))) {
        made->indent = 2;
        snprintf(made->bullet, sizeof made->bullet, "▶");
    }
    if (*b->text && add_filled(m, ROLE_TEXT, b->line, b->text, &made) != 0)
        return -1;
    if (*b->text && made) {
        made->indent = 2;
        made->close = true;
    }
    const StageInfo *info = stop.loss ? NULL : &stage_table[pass_plan(m->s->pass)->stages[stop.first.index].kind];
    if (info)
        add_made(m, ROLE_DIM, 2, _("computed by stage_%s_%s in %s"), info->family, stop.gradient ? "backward" : "forward", info->source);
    if (m->p)
        add_made(m, ROLE_DIM, 2, "%s", _("Enter goes there, ; comes back"));
    return 0;
}

/* Whether an earlier block of the lesson runs the same experiment. */
static bool is_named_before(const Lesson *l, const Block *b)
{
    for (const Block *a = l->blocks; a < b; a++)
        if (a->kind == BLOCK_LAB && strcmp(a->name, b->name) == 0)
            return true;
    return false;
}

static int add_lab(Maker *m, const Block *b)
{
    Buffer text = {0}, settings = {0};
    LessonLine *made = NULL;
    const Lab *lab = scene_lab(m->s, m->l, b, m->e);
    if (!lab)
        return -1;
    if ((made = add(m, ROLE_CROSS, _(lab->info->title)))) {
        made->indent = 2;
        snprintf(made->bullet, sizeof made->bullet, "▶");
    }
    if (*b->text && add_filled(m, ROLE_TEXT, b->line, b->text, &made) != 0)
        return -1;
    for (size_t i = 0; i < lab->table_count; i++) {
        if (!block_shows(b, KEY_TABLES, i))
            continue;
        buffer_clear(&text);
        table_write_text(&lab->tables[i], &text, false);
        size_t title = strcspn(buffer_text(&text), "\n"); /* it may be longer than the page is wide */
        char *words = strndup(buffer_text(&text), title);
        m->page->failed |= !words;
        if (words)
            add(m, ROLE_HEADING, words);
        free(words);
        size_t below = m->page->count;
        if (buffer_text(&text)[title])
            add_verbatim(m, ROLE_TEXT, 0, buffer_text(&text) + title + 1, false);
        if (below < m->page->count)
            m->page->lines[below].close = true;
    }
    for (size_t i = 0; i < lab->plot_count; i++) {
        if (!block_shows(b, KEY_PLOTS, i))
            continue;
        buffer_clear(&text);
        plot_write_text(&lab->plots[i], 70, 12, &text, false);
        add_verbatim(m, ROLE_TEXT, 0, buffer_text(&text), false);
    }
    for (size_t i = 0; i < lab->note_count && !block_value(b, KEY_TABLES); i++) /* else the text says what there is to say */
        if ((made = add(m, ROLE_TEXT, lab->notes[i]))) {
            made->indent = 2;
            made->close = i > 0;
            snprintf(made->bullet, sizeof made->bullet, "-");
        }
    if (!is_named_before(m->l, b)) {
        add_made(m, ROLE_DIM, 0, _("It varies %s. It holds fixed %s."), _(lab->info->varies), _(lab->info->fixed));
        add_made(m, ROLE_DIM, 0, _("What it does not show: %s"), _(lab->info->limits));
    }
    for (size_t i = 0; i < b->more.count; i++)
        buffer_printf(&settings, " %s", b->more.items[i].text);
    if (block_value(b, KEY_TABLES) || block_value(b, KEY_PLOTS))
        add_made(m, ROLE_DIM, 0,
                 _("Run here with small parameters, and shown in part; all of it, with the usual ones: stepformer lab %s%s"), b->name,
                 buffer_text(&settings));
    else
        add_made(m, ROLE_DIM, 0, _("Run here with small parameters; with the usual ones: stepformer lab %s%s"), b->name,
                 buffer_text(&settings));
    buffer_free(&settings);
    buffer_free(&text);
    return 0;
}

static int add_check(Maker *m, const Block *b)
{
    LessonLine *made = NULL;
    char text[160];
    snprintf(text, sizeof text, _("Claims, computed just now: %s"), check_label_words(b->label));
    add(m, ROLE_HEADING, text);
    for (size_t i = 0; i < b->more.count; i++) {
        Buffer sides = {0};
        bool held = false;
        int status = check_claim(m->s, m->l, b, i, &held, &sides, m->e);
        if (status == 0 && b->more.items[i].reply)
            add_close(m, ROLE_TEXT, 0, b->more.items[i].reply);
        if (status == 0 && (made = add_close(m, held ? ROLE_DONE : ROLE_ERROR, 2, b->more.items[i].text)))
            snprintf(made->bullet, sizeof made->bullet, "%s", held ? "✓" : "×");
        if (status == 0 && sides.len)
            add_close(m, ROLE_DIM, 4, sides.data);
        buffer_free(&sides);
        if (status != 0)
            return -1;
    }
    if (block_value(b, KEY_CATCHES)) {
        snprintf(text, sizeof text, _("Each of these bugs of 'stepformer hunt' makes one of them false: %.100s"), block_value(b, KEY_CATCHES));
        add_close(m, ROLE_DIM, 2, text);
    }
    return 0;
}

/* ---- a question ---- */

static void add_reply(Maker *m, const Player *p)
{
    bool right = p->verdict == VERDICT_RIGHT;
    Buffer text = {0};
    buffer_printf(&text,
                  right                          ? _("%s: right. ")
                  : p->verdict == VERDICT_PARTLY ? _("%s: partly. ")
                                                 : _("%s: no. "),
                  p->given ? p->given : "");
    buffer_puts(&text, p->reply ? p->reply : "");
    LessonLine *made = add(m, right ? ROLE_DONE : ROLE_WARNING, buffer_text(&text));
    if (made) {
        made->indent = 2;
        snprintf(made->bullet, sizeof made->bullet, "%s", right ? "✓" : p->verdict == VERDICT_PARTLY ? "~" : "×");
    }
    buffer_free(&text);
}

/* The right answer and why, for the teacher and on paper. */
static void add_answer(Maker *m, const Question *q)
{
    Buffer text = {0};
    question_write_right(q, &text);
    LessonLine *made = add(m, ROLE_DONE, buffer_text(&text));
    if (made) {
        made->indent = 2;
        snprintf(made->bullet, sizeof made->bullet, "✓");
    }
    buffer_clear(&text);
    for (int i = 0; i < q->mistake_count; i++) {
        buffer_clear(&text);
        question_write_answer(q, &q->mistakes[i].answer, &text);
        buffer_printf(&text, _(": %s"), q->mistakes[i].belief);
        if ((made = add_close(m, ROLE_DIM, 2, buffer_text(&text))))
            snprintf(made->bullet, sizeof made->bullet, "×");
    }
    buffer_free(&text);
}

static const char *how_to_answer(const Player *p)
{
    if (p->comparing)
        return _("Is yours the same reason?  y yes   p partly   n no");
    switch (p->question.kind) {
    case QUESTION_CHOICE:
        return _("A letter answers. Esc skips the question.");
    case QUESTION_NUMBER:
        return _("Type a number (0.25, 1/3, 2e-3), then Enter. Esc skips the question.");
    case QUESTION_SHAPE:
        return _("Type a shape (4x7x7), then Enter. Esc skips the question.");
    case QUESTION_STAGE:
        return _("Type a part of a stage's name, then Enter. Esc skips the question.");
    default:
        return _("Type your reason in a sentence, then Enter. Esc skips the question.");
    }
}

static void add_question(Maker *m, const Question *q)
{
    LessonLine *made = add(m, ROLE_HEADING, q->text);
    const Player *p = m->p;
    for (int i = 0; i < q->choice_count; i++)
        if ((made = add(m, ROLE_TEXT, q->choices[i].text))) {
            made->close = i > 0;
            made->indent = 5;
            made->choice = i;
            snprintf(made->bullet, sizeof made->bullet, "%c", 'a' + i);
        }
    if (p && p->comparing) {
        add(m, ROLE_LABEL, p->typed ? p->typed : "");
        add(m, ROLE_HEADING, _("A model answer:"));
        add_close(m, ROLE_TEXT, 0, q->why ? q->why : "");
    }
    if (p && p->answered)
        add_reply(m, p);
    else if (p && !p->shown && p->present)
        add(m, ROLE_DIM, _("v shows the answer; a letter, or Enter, answers."));
    else if (p && !p->shown)
        add(m, ROLE_DIM, how_to_answer(p));
    if ((p && p->shown) || (!p && m->answers))
        add_answer(m, q);
}

static int add_ask(Maker *m, const Block *b)
{
    Question q;
    if (m->p) {
        add_question(m, &m->p->question);
        return 0;
    }
    if (scene_ask(m->s, m->l, b, &q, m->e) != 0)
        return -1;
    add_question(m, &q);
    question_free(&q);
    return 0;
}

/* ---- all of it ---- */

static int add_block(Maker *m, const Block *b)
{
    LessonLine *made = NULL;
    switch (b->kind) {
    case BLOCK_HEADING:
        return add_filled(m, b->level == 1 ? ROLE_CROSS : ROLE_HEADING, b->line, b->text, &made);
    case BLOCK_TEXT:
        return add_text(m, b);
    case BLOCK_CODE:
        add_verbatim(m, ROLE_LABEL, 2, b->text, b->name && strcmp(b->name, "sh") == 0);
        return 0;
    case BLOCK_TABLE:
        return add_table(m, b);
    case BLOCK_RULE:
        if ((made = add(m, ROLE_BORDER, "")))
            made->rule = true;
        return 0;
    case BLOCK_RUN:
        return scene_run(m->s, m->l, b, m->e) == 0 ? add_run(m, b) : -1;
    case BLOCK_STOP:
        return add_stop(m, b);
    case BLOCK_ASK:
        return add_ask(m, b);
    case BLOCK_LAB:
        return add_lab(m, b);
    case BLOCK_CHECK:
        return add_check(m, b);
    case BLOCK_DRAW: /* replaced by what was drawn */
        return 0;
    }
    return 0;
}

/* What came of a self-test: its sections, and where to read on. */
static void add_test_summary(Maker *m)
{
    const Block *heading = NULL;
    size_t asked = 0, sure = 0;
    for (size_t i = 0; i < m->l->count; i++) {
        const Block *b = &m->l->blocks[i];
        const ProgressAnswer *a = b->kind == BLOCK_ASK ? progress_answer(&m->p->progress, b->name) : NULL;
        LessonLine *made;
        Buffer line = {0};
        heading = b->kind == BLOCK_HEADING ? b : heading;
        if (b->kind != BLOCK_ASK || asked == m->l->asks) /* what came back is the same question again */
            continue;
        asked++;
        bool good = a && a->result == RESULT_RIGHT;
        sure += a && a->row >= DRAW_SURE;
        bool again = false; /* it came back */
        for (size_t k = i + 1; k < m->l->count && !again; k++)
            again = m->l->blocks[k].kind == BLOCK_ASK && strcmp(m->l->blocks[k].name, b->name) == 0;
        lesson_plain(heading->text, &line);
        if (!good || again)
            buffer_printf(&line, "   stepformer lesson %.*s", (int)strcspn(b->name, "/"), b->name);
        if ((made = add_close(m, good && !again ? ROLE_DONE : a ? ROLE_WARNING : ROLE_DIM, 2, buffer_text(&line))))
            snprintf(made->bullet, sizeof made->bullet, "%s",
                     good && again                       ? "~"
                     : good                              ? "✓"
                     : !a || a->result == RESULT_SKIPPED ? "-"
                                                         : "×");
        buffer_free(&line);
    }
    char text[256];
    snprintf(
        text, sizeof text,
        _("%zu of these %zu were right %d times in a row: they rest until the others are. Take the test again another day; what went wrong "
          "comes first."),
        sure, asked, DRAW_SURE);
    add(m, ROLE_TEXT, text);
}

/* What came of the lesson: the page behind the last step. */
static void add_summary(Maker *m)
{
    const Player *p = m->p;
    size_t right = 0, first = 0;
    char text[256];
    add(m, ROLE_CROSS, m->l->title);
    add(m, ROLE_HEADING, m->l->room ? _("The end of this test") : _("The end of this lesson"));
    if (m->l->room) {
        add_test_summary(m);
        return;
    }
    for (size_t i = 0; i < p->progress.answer_count; i++) {
        right += p->progress.answers[i].result == RESULT_RIGHT;
        first += p->progress.answers[i].first == RESULT_RIGHT;
    }
    snprintf(text, sizeof text, ngettext("Of %zu questions %zu was answered right, %zu of them the first time.",
                                         "Of %zu questions %zu were answered right, %zu of them the first time.", right), m->l->asks, right, first);
    if (!p->present)
        add(m, ROLE_TEXT, text);
    for (size_t i = 0; i < m->l->count && !p->present; i++) {
        const Block *b = &m->l->blocks[i];
        const ProgressAnswer *a = b->kind == BLOCK_ASK ? progress_answer(&p->progress, b->name) : NULL;
        LessonLine *made;
        Buffer line = {0};
        if (b->kind != BLOCK_ASK)
            continue;
        buffer_printf(&line, "%s: %s", b->name, !a ? _("not asked yet") : a->result == RESULT_SKIPPED ? _("skipped") : a->given);
        bool good = a && a->result == RESULT_RIGHT;
        if ((made = add_close(m, good ? ROLE_DONE : a ? ROLE_WARNING : ROLE_DIM, 2, buffer_text(&line))))
            snprintf(made->bullet, sizeof made->bullet, "%s",
                     good                                ? "✓"
                     : !a || a->result == RESULT_SKIPPED ? "-"
                     : a->result == RESULT_PARTLY        ? "~"
                                                         : "×");
        buffer_free(&line);
    }
    add(m, ROLE_TEXT,
        _("b goes back, # shows the parts of the lesson, ; goes to the network, which stays as it is. 'stepformer lesson' lists the other "
          "lessons."));
}

static int make(Maker *m, size_t first, size_t end)
{
    int status = 0;
    for (size_t i = first; i < end && status == 0; i++)
        status = add_block(m, &m->l->blocks[i]);
    if (status == 0 && m->page->failed)
        status = error_memory(m->e, m->l->path);
    if (status != 0)
        lesson_page_free(m->page);
    return status;
}

int lesson_page_make(Player *p, LessonPage *page, Error *e)
{
    Maker m = {page, &p->lesson, &p->scene, p, false, e};
    *page = (LessonPage){.count = 0};
    if (p->step >= p->step_count) {
        add_summary(&m);
        return 0;
    }
    size_t end = p->step + 1 < p->step_count ? p->steps[p->step + 1] : p->lesson.count;
    return make(&m, p->steps[p->step], end);
}

int lesson_page_print(Scene *s, const Lesson *l, size_t first, size_t end, bool answers, LessonPage *page, Error *e)
{
    Maker m = {page, l, s, NULL, answers, e};
    *page = (LessonPage){.count = 0};
    return make(&m, first, end);
}

void lesson_page_free(LessonPage *page)
{
    for (size_t i = 0; i < page->count; i++)
        free(page->lines[i].text);
    free(page->lines);
    *page = (LessonPage){.count = 0};
}
