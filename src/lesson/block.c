/* block.c - the acting blocks: their keys, choices, settings and expressions. */
#include "lesson/block.h"

#include "base/text.h"
#include "lesson/question.h"
#include "measure/expression.h"
#include "model/nearest.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- the words of the format ---- */

static const char *const kind_names[] = {
    [BLOCK_RUN] = "run", [BLOCK_STOP] = "stop", [BLOCK_ASK] = "ask", [BLOCK_LAB] = "lab", [BLOCK_CHECK] = "check"};
static const char *const ask_names[ASK_KIND_COUNT] = {"choice", "number", "shape", "stage", "reason"};
static const char *const label_names[CHECK_LABEL_COUNT] = {"always", "initialisation", "trained", "this-model"};
static const char *const label_words[CHECK_LABEL_COUNT] = {N_("always true"), N_("at initialisation"), N_("after training"),
                                                           N_("this model")};

/* Which blocks have a key. To add one: here, in LessonKey, and in lessons/README.md. */
static const struct KeyInfo {
    const char *name;
    BlockKind kind;
    bool list; /* may be given again */
} keys[KEY_COUNT] = {
    [KEY_MODEL] = {"model", BLOCK_RUN, false},
    [KEY_TEXT] = {"text", BLOCK_RUN, false},
    [KEY_TARGET] = {"target", BLOCK_RUN, false},
    [KEY_IDS] = {"ids", BLOCK_RUN, false},
    [KEY_TARGET_IDS] = {"target-ids", BLOCK_RUN, false},
    [KEY_ABLATE] = {"ablate", BLOCK_RUN, false},
    [KEY_EDIT] = {"edit", BLOCK_RUN, true},
    [KEY_AT] = {"at", BLOCK_STOP, false},
    [KEY_GRADIENT] = {"gradient", BLOCK_STOP, false},
    [KEY_SHOW] = {"show", BLOCK_STOP, false},
    [KEY_ID] = {"id", BLOCK_ASK, false},
    [KEY_ANSWER] = {"answer", BLOCK_ASK, false},
    [KEY_TOLERANCE] = {"tolerance", BLOCK_ASK, false},
    [KEY_UNIT] = {"unit", BLOCK_ASK, false},
    [KEY_WHY] = {"why", BLOCK_ASK, false},
    [KEY_HOLDS] = {"holds", BLOCK_ASK, true},
};

const char *block_kind_name(BlockKind kind)
{
    return kind >= BLOCK_RUN && kind <= BLOCK_CHECK ? kind_names[kind] : NULL;
}

const char *ask_kind_name(AskKind kind)
{
    return ask_names[kind];
}

const char *check_label_name(CheckLabel label)
{
    return label_names[label];
}

const char *check_label_words(CheckLabel label)
{
    return _(label_words[label]);
}

const char *block_value(const Block *b, LessonKey key)
{
    return b->keys[key].text;
}

/* ---- one block being read ---- */

typedef struct Fence {
    Block *b;
    const Lesson *l;
    Error *e;
    int line; /* of what is being read */
} Fence;

/* "FILE:LINE: ask choice: expected E, found F; what to try" */
__attribute__((format(printf, 2, 3))) static int wrong(const Fence *f, const char *format, ...)
{
    char text[768];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    return error_set(f->e, "%s:%d: %s: %s", f->l->path, f->line, kind_names[f->b->kind], text);
}

static int no_memory(const Fence *f)
{
    return error_memory(f->e, f->l->path);
}

static Item *add_item(const Fence *f, ItemList *list)
{
    if (list->count == LESSON_ITEMS_MAX) {
        wrong(f, _("expected at most %d lines of a kind, found more; split the block"), LESSON_ITEMS_MAX);
        return NULL;
    }
    Item *more = realloc(list->items, (list->count + 1) * sizeof *more);
    if (!more) {
        no_memory(f);
        return NULL;
    }
    list->items = more;
    more[list->count] = (Item){.line = f->line};
    return &more[list->count++];
}

static char *copy_trimmed(const char *s, size_t n)
{
    while (n && (*s == ' ' || *s == '\t')) {
        s++;
        n--;
    }
    while (n && strchr(" \t\n", s[n - 1]))
        n--;
    return strndup(s, n);
}

/* Checks that the n bytes can be read as an expression. */
static int check_expression(const Fence *f, const char *text)
{
    ExpressionError x;
    Expression *made = expression_compile(text, strlen(text), &x);
    if (!made)
        return error_set(f->e, "%s:%d: %s: \"%.200s\": %s", f->l->path, f->line,
                         f->b->kind >= BLOCK_RUN ? kind_names[f->b->kind] : _("text"), text, x.error.text);
    expression_free(made);
    return 0;
}

/* ---- its lines ---- */

static bool is_key_char(char c, bool setting)
{
    return (c >= 'a' && c <= 'z') || c == '-' || (setting && (c == '_' || (c >= '0' && c <= '9')));
}

/* The length of "key" in "key: value", else 0. */
static size_t key_length(const char *line, size_t n, bool setting)
{
    size_t k = 0;
    while (k < n && is_key_char(line[k], setting))
        k++;
    return k && k < n && line[k] == ':' && (k + 1 == n || line[k + 1] == ' ') ? k : 0;
}

static int unknown_key(const Fence *f, const char *line, size_t n)
{
    char names[160] = "", hint[NEAREST_HINT];
    Nearest near = nearest_to(line, n);
    size_t len = 0;
    for (int k = 0; k < KEY_COUNT; k++)
        if (keys[k].kind == f->b->kind) {
            len += (size_t)snprintf(names + len, sizeof names - len, len ? ", %s" : "%s", keys[k].name);
            nearest_offer(&near, keys[k].name);
        }
    return wrong(f, _("expected one of the keys %s, found \"%.*s:\"%s; prose does not begin with a word and a colon"), names,
                 (int)(n > 40 ? 40 : n), line, nearest_hint(&near, hint));
}

/* Takes "key: value". */
static int read_key(const Fence *f, const char *line, size_t name, size_t n)
{
    Block *b = f->b;
    char *value = copy_trimmed(line + name + 1, n - name - 1);
    int key = 0;
    if (!value)
        return no_memory(f);
    while (key < KEY_COUNT && (keys[key].kind != b->kind || strlen(keys[key].name) != name || memcmp(keys[key].name, line, name) != 0))
        key++;
    int status = 0;
    if (key == KEY_COUNT)
        status = unknown_key(f, line, name);
    else if (!*value)
        status = wrong(f, _("%s: expected a value, found nothing; leave the line out"), keys[key].name);
    else if (keys[key].list) {
        Item *item = add_item(f, &b->more);
        status = item ? 0 : -1;
        if (item)
            item->text = strdup(value);
        if (item && !item->text)
            status = no_memory(f);
    } else if (b->keys[key].text)
        status = wrong(f, _("%s: expected it once, found it again; line %d has it already"), keys[key].name, b->keys[key].line);
    if (status != 0 || keys[key].list) {
        free(value);
        return status;
    }
    b->keys[key] = (Item){.text = value, .line = f->line};
    return 0;
}

/* "d_k: 4,16" of a lab becomes the setting "d_k=4,16". */
static int read_setting(const Fence *f, const char *line, size_t name, size_t n)
{
    Item *item = add_item(f, &f->b->more);
    char *value = item ? copy_trimmed(line + name + 1, n - name - 1) : NULL;
    Buffer text = {0};
    if (!item || !value)
        return item ? no_memory(f) : -1;
    buffer_printf(&text, "%.*s=%s", (int)name, line, value);
    free(value);
    item->text = text.data;
    return text.failed ? no_memory(f) : 0;
}

/* "- [x] text :: reply" or "- answer :: reply". */
static int read_item(const Fence *f, const char *line, size_t n)
{
    Item *item = add_item(f, &f->b->items);
    if (!item)
        return -1;
    line += 2;
    n -= 2;
    bool box = n >= 3 && line[0] == '[' && line[2] == ']' && strchr(" xX", line[1]);
    if (f->b->ask == ASK_CHOICE && !box)
        return wrong(f, _("expected \"- [ ] \" or \"- [x] \" in front of a choice, found \"- %.*s\""), (int)(n > 30 ? 30 : n), line);
    if (box) {
        item->right = line[1] != ' ';
        line += 3;
        n -= 3;
    }
    const char *reply = NULL;
    for (size_t i = 0; i + 4 <= n && !reply; i++)
        if (memcmp(line + i, " :: ", 4) == 0)
            reply = line + i;
    item->text = copy_trimmed(line, reply ? (size_t)(reply - line) : n);
    if (reply)
        item->reply = copy_trimmed(reply + 4, n - (size_t)(reply + 4 - line));
    return item->text && (!reply || item->reply) ? 0 : no_memory(f);
}

/* A line that goes on with what the one before it began: behind it, after a space. */
static int go_on(const Fence *f, char **text, const char *line, size_t n)
{
    Buffer b = {0};
    char *more = copy_trimmed(line, n);
    const char *begun = *text ? *text : "";
    bool wide = more && text_meets_wide(begun, strlen(begun), more, strlen(more));
    buffer_printf(&b, "%s%s%s", begun, wide ? "" : " ", more ? more : "");
    free(more);
    if (!more || b.failed) {
        buffer_free(&b);
        return no_memory(f);
    }
    free(*text);
    *text = b.data;
    return 0;
}

/* What an indented line goes on with. */
static char **last_text(Block *b, int before)
{
    char **found = NULL;
    int line = 0;
    for (int k = 0; k < KEY_COUNT; k++)
        if (b->keys[k].text && b->keys[k].line > line) {
            found = &b->keys[k].text;
            line = b->keys[k].line;
        }
    for (int which = 0; which < 2; which++) {
        ItemList *list = which ? &b->items : &b->more;
        Item *last = list->count ? &list->items[list->count - 1] : NULL;
        if (last && last->line > line) {
            found = last->reply ? &last->reply : &last->text;
            line = last->line;
        }
    }
    return line > before ? found : NULL;
}

static int read_expression_line(const Fence *f, const char *line, size_t n)
{
    Item *item;
    if (!n || *line == '#')
        return 0;
    if (!(item = add_item(f, &f->b->more)))
        return -1;
    item->text = copy_trimmed(line, n);
    return item->text ? check_expression(f, item->text) : no_memory(f);
}

static int read_lines(Fence *f, const char *body, Buffer *prose)
{
    Block *b = f->b;
    int prose_line = 0; /* the last that was prose */
    for (const char *p = body; *p; f->line++) {
        size_t n = strcspn(p, "\n"), k;
        const char *line = p;
        char **begun;
        int status = 0;
        p += n + (p[n] == '\n');
        while (n && (line[n - 1] == ' ' || line[n - 1] == '\t'))
            n--;
        if (b->kind == BLOCK_CHECK) {
            size_t indent = strspn(line, " \t");
            status = n > indent ? read_expression_line(f, line + indent, n - indent) : 0;
        } else if (n > 2 && memcmp(line, "  ", 2) == 0 && (begun = last_text(b, prose_line))) {
            status = go_on(f, begun, line, n);
        } else if (b->kind == BLOCK_ASK && b->ask != ASK_REASON && n > 2 && memcmp(line, "- ", 2) == 0) {
            status = read_item(f, line, n);
        } else if ((k = key_length(line, n, b->kind == BLOCK_LAB)) > 0) {
            status = b->kind == BLOCK_LAB ? read_setting(f, line, k, n) : read_key(f, line, k, n);
        } else if (b->kind == BLOCK_RUN && n) {
            status = wrong(f, _("expected \"key: value\", found \"%.*s\"; prose goes outside the block"), (int)(n > 40 ? 40 : n), line);
        } else {
            if (n || prose->len) {
                buffer_add(prose, line, n);
                buffer_putc(prose, '\n');
            }
            prose_line = n ? f->line : prose_line;
        }
        if (status != 0)
            return -1;
    }
    return prose->failed ? no_memory(f) : 0;
}

/* ---- whether it is whole ---- */

static int check_run(Fence *f)
{
    const Block *b = f->b;
    if (b->keys[KEY_TEXT].text && b->keys[KEY_IDS].text)
        return wrong(f, _("expected text or ids, found both"));
    return 0;
}

static int check_stop(Fence *f)
{
    const char *show = block_value(f->b, KEY_SHOW);
    if (!block_value(f->b, KEY_AT) == !block_value(f->b, KEY_GRADIENT))
        return wrong(f, _("expected one of \"at: ADDRESS\" and \"gradient: ADDRESS\", found %s"),
                     block_value(f->b, KEY_AT) ? _("both") : _("neither"));
    if (show && strcmp(show, "numbers") != 0 && strcmp(show, "heat") != 0 && strcmp(show, "both") != 0 && strcmp(show, "heads") != 0) {
        f->line = f->b->keys[KEY_SHOW].line;
        return wrong(f, _("show: expected numbers, heat, both or heads, found \"%.40s\""), show);
    }
    return 0;
}

static int check_id(Fence *f)
{
    const char *id = block_value(f->b, KEY_ID);
    if (!id)
        return wrong(f, _("expected \"id: NAME\", found none; answers are kept under it"));
    f->line = f->b->keys[KEY_ID].line;
    if (strlen(id) >= QUESTION_NAME_MAX - 2 || id[strspn(id, "abcdefghijklmnopqrstuvwxyz0123456789-")])
        return wrong(f, _("id: expected at most %d lower-case letters, digits and \"-\", found \"%.40s\""), QUESTION_NAME_MAX - 3, id);
    f->b->name = strdup(id);
    return f->b->name ? 0 : no_memory(f);
}

static int check_choice(Fence *f, int fence)
{
    const ItemList *list = &f->b->items;
    int right = 0;
    for (size_t i = 0; i < list->count; i++) {
        right += list->items[i].right;
        f->line = list->items[i].line;
        if (!list->items[i].right && !list->items[i].reply)
            return wrong(f, _("expected \" :: \" and what this mistake believes behind the choice, found none"));
    }
    f->line = fence;
    if (list->count < 2 || list->count > QUESTION_CHOICES_MAX)
        return wrong(f, _("expected 2 to %d choices, found %zu"), QUESTION_CHOICES_MAX, list->count);
    if (right != 1)
        return wrong(f, _("expected one right choice, \"- [x] …\", found %d; one question a block"), right);
    return 0;
}

/* Answers that are computed can be read. */
static int check_answers(Fence *f, int fence)
{
    Block *b = f->b;
    if (!block_value(b, KEY_ANSWER))
        return wrong(f, _("expected \"answer: …\", found none"));
    if (b->items.count > QUESTION_MISTAKES_MAX)
        return wrong(f, _("expected at most %d mistakes, found %zu"), QUESTION_MISTAKES_MAX, b->items.count);
    for (size_t i = 0; i <= b->items.count && b->ask != ASK_REASON && b->ask != ASK_STAGE; i++) {
        const char *text = i ? b->items.items[i - 1].text : block_value(b, KEY_ANSWER);
        size_t shape[QUESTION_RANK_MAX];
        int rank;
        f->line = i ? b->items.items[i - 1].line : b->keys[KEY_ANSWER].line;
        if (b->ask == ASK_SHAPE && question_read_shape(text, shape, &rank, NULL) == 0)
            continue;
        if (check_expression(f, text) != 0)
            return -1;
    }
    for (size_t i = 0; i < b->items.count; i++) {
        f->line = b->items.items[i].line;
        if (!b->items.items[i].reply)
            return wrong(f, _("expected \" :: \" and what this mistake believes behind it, found none"));
    }
    f->line = fence;
    return 0;
}

static int check_tolerance(Fence *f)
{
    const char *text = block_value(f->b, KEY_TOLERANCE);
    char *end = NULL;
    double x = text ? strtod(text, &end) : 0;
    if (!text)
        return 0;
    f->line = f->b->keys[KEY_TOLERANCE].line;
    if (end == text || !(x >= 0 && x < 1e30) || (*end && strcmp(end, "%") != 0))
        return wrong(f, _("tolerance: expected a number, such as 0.01 or 5%%, found \"%.40s\""), text);
    return 0;
}

static int check_ask(Fence *f)
{
    int fence = f->line;
    Block *b = f->b;
    if (check_id(f) != 0)
        return -1;
    f->line = fence;
    if (!*b->text)
        return wrong(f, _("expected a question, found none; it stands between the keys and the answers"));
    if (b->ask == ASK_CHOICE ? check_choice(f, fence) != 0 : check_answers(f, fence) != 0)
        return -1;
    if (b->ask == ASK_CHOICE && block_value(b, KEY_ANSWER)) {
        f->line = b->keys[KEY_ANSWER].line;
        return wrong(f, _("answer: expected none, the right choice is marked [x]; found one"));
    }
    for (size_t i = 0; i < b->more.count; i++) {
        f->line = b->more.items[i].line;
        if (check_expression(f, b->more.items[i].text) != 0)
            return -1;
    }
    return check_tolerance(f);
}

/* Prose of answers becomes marked text. */
static int mark_answers(Fence *f)
{
    Block *b = f->b;
    for (size_t i = 0; i < b->items.count; i++)
        for (int k = 0; k < 2; k++) {
            char **text = k ? &b->items.items[i].reply : &b->items.items[i].text;
            if (!*text || (k == 0 && b->ask != ASK_CHOICE))
                continue;
            char *marked = lesson_inline(*text);
            if (!marked)
                return no_memory(f);
            free(*text);
            *text = marked;
        }
    static const LessonKey prose[] = {KEY_WHY, KEY_ANSWER};
    for (size_t i = 0; i < 2; i++) {
        char **text = &b->keys[prose[i]].text;
        if (!*text || (prose[i] == KEY_ANSWER && b->ask != ASK_REASON))
            continue;
        char *marked = lesson_inline(*text);
        if (!marked)
            return no_memory(f);
        free(*text);
        *text = marked;
    }
    return 0;
}

/* ---- the info string ---- */

/* The n-th word of it, from 0; "" where there is none. */
static void info_word(const char *info, int n, char out[64])
{
    out[0] = '\0';
    while (*info) {
        info += strspn(info, " \t");
        size_t len = strcspn(info, " \t");
        if (len && n-- == 0) {
            snprintf(out, 64, "%.*s", (int)(len > 63 ? 63 : len), info);
            return;
        }
        info += len;
    }
}

static int word_index(const Fence *f, const char *word, const char *const *names, int count, const char *what)
{
    char list[128] = "", hint[NEAREST_HINT];
    size_t len = 0;
    Nearest near = nearest_to(word, strlen(word));
    for (int i = 0; i < count; i++) {
        if (strcmp(word, names[i]) == 0)
            return i;
        len += (size_t)snprintf(list + len, sizeof list - len, i ? ", %s" : "%s", names[i]);
        nearest_offer(&near, names[i]);
    }
    return wrong(f, _("expected %s behind the word: one of %s; found \"%s\"%s"), what, list, word, nearest_hint(&near, hint));
}

/* A word that is nearly one of ours is a slip: what it would show as code was to act. */
static int check_slip(const Block *b, const Lesson *l, const char *word, Error *e)
{
    for (int kind = BLOCK_RUN; kind <= BLOCK_CHECK; kind++) {
        const char *name = kind_names[kind];
        size_t n = strlen(word), k = strlen(name), same = 0;
        while (same < n && same < k && word[same] == name[same])
            same++;
        size_t tail = 0;
        while (tail + same < n && tail + same < k && word[n - 1 - tail] == name[k - 1 - tail])
            tail++;
        if (n + 1 >= k && n <= k + 1 && same + tail + 1 >= (n > k ? n : k) && same > 0)
            return error_set(e, _("%s:%d: expected run, stop, ask, lab or check, or another language, found \"%s\"; nearest: \"%s\""),
                             l->path, b->line, word, name);
    }
    return 0;
}

int block_read(Block *b, const Lesson *l, const char *info, Error *e)
{
    char word[64], second[64], third[64];
    info_word(info, 0, word);
    info_word(info, 1, second);
    info_word(info, 2, third);
    int kind = BLOCK_RUN;
    while (kind <= BLOCK_CHECK && strcmp(kind_names[kind], word) != 0)
        kind++;
    if (kind > BLOCK_CHECK)
        return check_slip(b, l, word, e);
    b->kind = (BlockKind)kind;
    Fence f = {b, l, e, b->line};
    bool takes_second = kind == BLOCK_ASK || kind == BLOCK_CHECK || kind == BLOCK_LAB;
    if ((*second && !takes_second) || *third)
        return wrong(&f, _("expected nothing more behind \"%s\", found \"%s\"; it goes on a line of its own"), takes_second ? second : word,
                     takes_second ? third : second);
    int index = 0;
    if (kind == BLOCK_ASK && (index = word_index(&f, second, ask_names, ASK_KIND_COUNT, _("a kind of question"))) < 0)
        return -1;
    b->ask = kind == BLOCK_ASK ? (AskKind)index : ASK_CHOICE;
    if (kind == BLOCK_CHECK && (index = word_index(&f, second, label_names, CHECK_LABEL_COUNT, _("a label"))) < 0)
        return -1;
    b->label = kind == BLOCK_CHECK ? (CheckLabel)index : CHECK_ALWAYS;
    if (kind == BLOCK_LAB && !*second)
        return wrong(&f, _("expected the name of an experiment behind the word, found none; 'stepformer lab' lists them"));
    if (kind == BLOCK_LAB && !(b->name = strdup(second)))
        return no_memory(&f);
    Buffer prose = {0};
    char *body = b->text;
    b->text = NULL;
    f.line++;
    int status = read_lines(&f, body, &prose);
    free(body);
    if (status == 0 && !(b->text = lesson_inline(buffer_text(&prose))))
        status = no_memory(&f);
    buffer_free(&prose);
    f.line = b->line;
    if (status == 0 && kind == BLOCK_CHECK && b->more.count == 0)
        status = wrong(&f, _("expected an expression a line, found none"));
    if (status == 0)
        status = kind == BLOCK_RUN ? check_run(&f) : kind == BLOCK_STOP ? check_stop(&f) : kind == BLOCK_ASK ? check_ask(&f) : 0;
    return status == 0 && kind == BLOCK_ASK ? mark_answers(&f) : status;
}

/* ---- numbers within texts ---- */

static int check_text(const Fence *f, const char *marked)
{
    for (const char *p = marked ? strchr(marked, MARK_NUMBER) : NULL; p; p = strchr(p + 1, MARK_NUMBER)) {
        size_t n = strcspn(p + 1, "\007");
        char *expression = copy_trimmed(p + 1, n);
        int status = expression ? check_expression(f, expression) : no_memory(f);
        free(expression);
        if (status != 0)
            return -1;
    }
    return 0;
}

int block_check_texts(const Lesson *l, Error *e)
{
    for (size_t i = 0; i < l->count; i++) {
        Block *b = &l->blocks[i];
        Fence f = {b, l, e, b->line};
        if (b->kind == BLOCK_CODE)
            continue;
        if (check_text(&f, b->text) != 0)
            return -1;
        for (size_t k = 0; k < b->rows * b->columns; k++)
            if (check_text(&f, b->cells[k]) != 0)
                return -1;
        for (size_t k = 0; b->kind == BLOCK_ASK && k < b->items.count; k++) {
            f.line = b->items.items[k].line;
            if ((b->ask == ASK_CHOICE && check_text(&f, b->items.items[k].text) != 0) || check_text(&f, b->items.items[k].reply) != 0)
                return -1;
        }
        if (b->kind == BLOCK_ASK &&
            (check_text(&f, block_value(b, KEY_WHY)) != 0 || (b->ask == ASK_REASON && check_text(&f, block_value(b, KEY_ANSWER)) != 0)))
            return -1;
    }
    return 0;
}
