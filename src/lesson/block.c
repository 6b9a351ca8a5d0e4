/* block.c - the acting blocks: their keys, choices, settings and expressions. */
#include "lesson/block_internal.h"

#include "base/text.h"
#include "measure/expression.h"
#include "model/nearest.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- the words of the format ---- */

static const char *const kind_names[] = {
    [BLOCK_RUN] = "run", [BLOCK_STOP] = "stop", [BLOCK_ASK] = "ask", [BLOCK_LAB] = "lab", [BLOCK_CHECK] = "check", [BLOCK_DRAW] = "draw"};
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
    [KEY_CATCHES] = {"catches", BLOCK_CHECK, false},
    [KEY_TABLES] = {"tables", BLOCK_LAB, false},
    [KEY_PLOTS] = {"plots", BLOCK_LAB, false},
};

const char *block_kind_name(BlockKind kind)
{
    return kind >= BLOCK_RUN && kind <= BLOCK_DRAW ? kind_names[kind] : NULL;
}

const char *check_label_name(CheckLabel label)
{
    return label_names[label];
}

const char *check_label_words(CheckLabel label)
{
    return _(label_words[label]);
}

const char *block_path(const Lesson *l, const Block *b)
{
    return b->origin ? b->origin : l->path;
}

const char *block_value(const Block *b, LessonKey key)
{
    return b->keys[key].text;
}

bool block_shows(const Block *b, LessonKey key, size_t i)
{
    const char *p = block_value(b, key);
    if (!p)
        return true;
    for (p += strcspn(p, "0123456789"); *p; p += strcspn(p, "0123456789")) {
        char *end;
        if (strtoul(p, &end, 10) == i + 1)
            return true;
        p = end;
    }
    return false;
}

/* ---- one block being read ---- */

/* "FILE:LINE: ask choice: expected E, found F; what to try" */
int fence_wrong(const Fence *f, const char *format, ...)
{
    char text[768];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    return error_set(f->e, "%s:%d: %s: %s", f->l->path, f->line, kind_names[f->b->kind], text);
}

int fence_no_memory(const Fence *f)
{
    return error_memory(f->e, f->l->path);
}

static Item *add_item(const Fence *f, ItemList *list)
{
    if (list->count == LESSON_ITEMS_MAX) {
        fence_wrong(f, _("expected at most %d lines of a kind, found more; split the block"), LESSON_ITEMS_MAX);
        return NULL;
    }
    Item *more = realloc(list->items, (list->count + 1) * sizeof *more);
    if (!more) {
        fence_no_memory(f);
        return NULL;
    }
    list->items = more;
    more[list->count] = (Item){.line = f->line};
    return &more[list->count++];
}

char *fence_copy_trimmed(const char *s, size_t n)
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
int fence_check_expression(const Fence *f, const char *text)
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
    return fence_wrong(f, _("expected one of the keys %s, found \"%.*s:\"%s; prose does not begin with a word and a colon"), names,
                       (int)(n > 40 ? 40 : n), line, nearest_hint(&near, hint));
}

/* Takes "key: value". */
static int read_key(const Fence *f, const char *line, size_t name, size_t n)
{
    Block *b = f->b;
    char *value = fence_copy_trimmed(line + name + 1, n - name - 1);
    int key = 0;
    if (!value)
        return fence_no_memory(f);
    while (key < KEY_COUNT && (keys[key].kind != b->kind || strlen(keys[key].name) != name || memcmp(keys[key].name, line, name) != 0))
        key++;
    int status = 0;
    if (key == KEY_COUNT)
        status = unknown_key(f, line, name);
    else if (!*value)
        status = fence_wrong(f, _("%s: expected a value, found nothing; leave the line out"), keys[key].name);
    else if (keys[key].list) {
        Item *item = add_item(f, &b->more);
        status = item ? 0 : -1;
        if (item)
            item->text = strdup(value);
        if (item && !item->text)
            status = fence_no_memory(f);
    } else if (b->keys[key].text)
        status = fence_wrong(f, _("%s: expected it once, found it again; line %d has it already"), keys[key].name, b->keys[key].line);
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
    char *value = item ? fence_copy_trimmed(line + name + 1, n - name - 1) : NULL;
    Buffer text = {0};
    if (!item || !value)
        return item ? fence_no_memory(f) : -1;
    buffer_printf(&text, "%.*s=%s", (int)name, line, value);
    free(value);
    item->text = text.data;
    return text.failed ? fence_no_memory(f) : 0;
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
        return fence_wrong(f, _("expected \"- [ ] \" or \"- [x] \" in front of a choice, found \"- %.*s\""), (int)(n > 30 ? 30 : n), line);
    if (box) {
        item->right = line[1] != ' ';
        line += 3;
        n -= 3;
    }
    const char *reply = NULL;
    for (size_t i = 0; i + 4 <= n && !reply; i++)
        if (memcmp(line + i, " :: ", 4) == 0)
            reply = line + i;
    item->text = fence_copy_trimmed(line, reply ? (size_t)(reply - line) : n);
    if (reply)
        item->reply = fence_copy_trimmed(reply + 4, n - (size_t)(reply + 4 - line));
    return item->text && (!reply || item->reply) ? 0 : fence_no_memory(f);
}

/* A line that goes on with what the one before it began: behind it, after a space. */
static int go_on(const Fence *f, char **text, const char *line, size_t n)
{
    Buffer b = {0};
    char *more = fence_copy_trimmed(line, n);
    const char *begun = *text ? *text : "";
    bool close = more && text_needs_no_space(begun, strlen(begun), more, strlen(more));
    buffer_printf(&b, "%s%s%s", begun, close ? "" : " ", more ? more : "");
    free(more);
    if (!more || b.failed) {
        buffer_free(&b);
        return fence_no_memory(f);
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

/* A comment says in words what the claims below it claim: `said` keeps it for the next one. */
static int read_expression_line(const Fence *f, const char *line, size_t n, char **said)
{
    Item *item;
    if (!n)
        return 0;
    if (*line == '#' && *said)
        return go_on(f, said, line + 1, n - 1);
    if (*line == '#')
        return (*said = fence_copy_trimmed(line + 1, n - 1)) ? 0 : fence_no_memory(f);
    if (!(item = add_item(f, &f->b->more)))
        return -1;
    item->text = fence_copy_trimmed(line, n);
    item->reply = *said;
    *said = NULL;
    return item->text ? fence_check_expression(f, item->text) : fence_no_memory(f);
}

/* "q03/variance": a lesson and a question of it. */
static int read_draw_line(const Fence *f, const char *line, size_t n)
{
    const char *slash = memchr(line, '/', n);
    if (!slash || slash == line || slash + 1 == line + n)
        return fence_wrong(f, _("expected LESSON/QUESTION, such as q03/variance, found \"%.*s\""), (int)(n > 40 ? 40 : n), line);
    Item *item = add_item(f, &f->b->more);
    if (!item)
        return -1;
    item->text = strndup(line, n);
    return item->text ? 0 : fence_no_memory(f);
}

static int read_lines(Fence *f, const char *body, Buffer *prose)
{
    Block *b = f->b;
    int prose_line = 0; /* the last that was prose */
    char *said = NULL;
    for (const char *p = body; *p; f->line++) {
        size_t n = strcspn(p, "\n"), k;
        const char *line = p;
        char **begun;
        int status = 0;
        p += n + (p[n] == '\n');
        while (n && (line[n - 1] == ' ' || line[n - 1] == '\t'))
            n--;
        if (b->kind == BLOCK_DRAW) {
            status = n ? read_draw_line(f, line, n) : 0;
        } else if (b->kind == BLOCK_CHECK) {
            size_t indent = strspn(line, " \t");
            k = n > indent ? key_length(line + indent, n - indent, false) : 0;
            status = k            ? read_key(f, line + indent, k, n - indent)
                     : n > indent ? read_expression_line(f, line + indent, n - indent, &said)
                                  : 0;
        } else if (n > 2 && memcmp(line, "  ", 2) == 0 && (begun = last_text(b, prose_line))) {
            status = go_on(f, begun, line, n);
        } else if (b->kind == BLOCK_ASK && b->ask != ASK_REASON && n > 2 && memcmp(line, "- ", 2) == 0) {
            status = read_item(f, line, n);
        } else if ((k = key_length(line, n, b->kind == BLOCK_LAB)) > 0) {
            bool shown = k == strlen("tables") && memcmp(line, "tables", k) == 0;
            shown = shown || (k == strlen("plots") && memcmp(line, "plots", k) == 0);
            status = b->kind == BLOCK_LAB && !shown ? read_setting(f, line, k, n) : read_key(f, line, k, n);
        } else if (b->kind == BLOCK_RUN && n) {
            status =
                fence_wrong(f, _("expected \"key: value\", found \"%.*s\"; prose goes outside the block"), (int)(n > 40 ? 40 : n), line);
        } else {
            if (n || prose->len) {
                buffer_add(prose, line, n);
                buffer_putc(prose, '\n');
            }
            prose_line = n ? f->line : prose_line;
        }
        if (status != 0) {
            free(said);
            return -1;
        }
    }
    free(said);
    return prose->failed ? fence_no_memory(f) : 0;
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
                return fence_no_memory(f);
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
            return fence_no_memory(f);
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
    return fence_wrong(f, _("expected %s behind the word: one of %s; found \"%s\"%s"), what, list, word, nearest_hint(&near, hint));
}

/* A word that is nearly one of ours is a slip: what it would show as code was to act. */
static int check_slip(const Block *b, const Lesson *l, const char *word, Error *e)
{
    for (int kind = BLOCK_RUN; kind <= BLOCK_DRAW; kind++) {
        const char *name = kind_names[kind];
        size_t n = strlen(word), k = strlen(name), same = 0;
        while (same < n && same < k && word[same] == name[same])
            same++;
        size_t tail = 0;
        while (tail + same < n && tail + same < k && word[n - 1 - tail] == name[k - 1 - tail])
            tail++;
        if (n + 1 >= k && n <= k + 1 && same + tail + 1 >= (n > k ? n : k) && same > 0)
            return error_set(e, _("%s:%d: expected run, stop, ask, lab, check or draw, or another language, found \"%s\"; nearest: \"%s\""),
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
    while (kind <= BLOCK_DRAW && strcmp(kind_names[kind], word) != 0)
        kind++;
    if (kind > BLOCK_DRAW) {
        if (*word && !(b->name = strdup(word)))
            return error_memory(e, l->path);
        return check_slip(b, l, word, e);
    }
    b->kind = (BlockKind)kind;
    Fence f = {b, l, e, b->line};
    bool takes_second = kind == BLOCK_ASK || kind == BLOCK_CHECK || kind == BLOCK_LAB;
    if ((*second && !takes_second) || *third)
        return fence_wrong(&f, _("expected nothing more behind \"%s\", found \"%s\"; it goes on a line of its own"),
                           takes_second ? second : word, takes_second ? third : second);
    int index = 0;
    if (kind == BLOCK_ASK && (index = word_index(&f, second, ask_names, ASK_KIND_COUNT, _("a kind of question"))) < 0)
        return -1;
    b->ask = kind == BLOCK_ASK ? (AskKind)index : ASK_CHOICE;
    if (kind == BLOCK_CHECK && (index = word_index(&f, second, label_names, CHECK_LABEL_COUNT, _("a label"))) < 0)
        return -1;
    b->label = kind == BLOCK_CHECK ? (CheckLabel)index : CHECK_ALWAYS;
    if (kind == BLOCK_LAB && !*second)
        return fence_wrong(&f, _("expected the name of an experiment behind the word, found none; 'stepformer lab' lists them"));
    if (kind == BLOCK_LAB && !(b->name = strdup(second)))
        return fence_no_memory(&f);
    Buffer prose = {0};
    char *body = b->text;
    b->text = NULL;
    f.line++;
    int status = read_lines(&f, body, &prose);
    free(body);
    if (status == 0 && !(b->text = lesson_inline(buffer_text(&prose))))
        status = fence_no_memory(&f);
    buffer_free(&prose);
    f.line = b->line;
    if (status == 0)
        status = fence_check_whole(&f);
    return status == 0 && kind == BLOCK_ASK ? mark_answers(&f) : status;
}
