/* check.c - goes through a lesson as a learner would, and computes all it asserts. */
#include "lesson/check.h"

#include "base/text.h"
#include "lesson/draw.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- what the sides of a comparison come to ---- */

enum { SIDES_MAX = 8 };

/* Where an operator stands outside all brackets and quotes: its place and length. */
typedef struct Operator {
    size_t at, len;
} Operator;

/* The operators of one kind: comparisons, or (joins) "and" and "or". */
static size_t find_operators(const char *s, size_t n, bool joins, Operator out[SIDES_MAX])
{
    static const char *const compares[] = {"==", "!=", "<=", ">=", "<", ">"}, *const words[] = {" and ", " or "};
    size_t count = 0;
    int depth = 0;
    bool quoted = false;
    for (size_t i = 0; i < n && count < SIDES_MAX;) {
        size_t len = 0;
        if (s[i] == '"')
            quoted = !quoted;
        if (!quoted && strchr("([", s[i]))
            depth++;
        if (!quoted && strchr(")]", s[i]))
            depth--;
        for (size_t k = 0; !quoted && depth == 0 && !len && k < (joins ? 2 : 6); k++) {
            const char *word = joins ? words[k] : compares[k];
            if (n - i >= strlen(word) && memcmp(s + i, word, strlen(word)) == 0)
                len = strlen(word);
        }
        if (len)
            out[count++] = (Operator){i, len};
        i += len ? len : 1;
    }
    return count;
}

/* Adds what the n bytes come to; "?" where they cannot be computed alone. */
static void add_side(Scene *s, const char *text, size_t n, Buffer *out)
{
    char *copy = strndup(text, n);
    Value v = {0};
    char *tolerance = copy ? strstr(copy, "±") : NULL;
    if (copy && !tolerance)
        tolerance = strstr(copy, "+-");
    if (tolerance)
        *tolerance = '\0';
    if (copy && scene_evaluate(s, copy, &v, NULL) == 0) {
        if (v.rank == 0)
            scene_write_value(&v, out);
        else
            value_write_line(&v, out);
        value_free(&v);
    } else {
        buffer_puts(out, "?");
    }
    if (tolerance)
        buffer_printf(out, " %.*s", (int)(n - (size_t)(tolerance - copy)), text + (tolerance - copy));
    free(copy);
}

/* "0.42 < 0.38" for one comparison; nothing for what is none. */
static void add_comparison(Scene *s, const char *text, size_t n, Buffer *out)
{
    Operator ops[SIDES_MAX];
    size_t count = find_operators(text, n, false, ops), from = 0;
    while (n && *text == ' ') {
        text++;
        n--;
        for (size_t i = 0; i < count; i++)
            ops[i].at--;
    }
    if (!count || strncmp(text, "not ", 4) == 0)
        return;
    if (out->len)
        buffer_puts(out, "; ");
    for (size_t i = 0; i <= count; i++) {
        size_t end = i < count ? ops[i].at : n;
        add_side(s, text + from, end - from, out);
        if (i < count)
            buffer_printf(out, " %.*s ", (int)ops[i].len, text + ops[i].at);
        from = i < count ? ops[i].at + ops[i].len : n;
    }
}

static void add_sides(Scene *s, const char *text, Buffer *out)
{
    Operator joins[SIDES_MAX];
    size_t n = strlen(text), count = find_operators(text, n, true, joins), from = 0;
    for (size_t i = 0; i <= count; i++) {
        size_t end = i < count ? joins[i].at : n;
        add_comparison(s, text + from, end - from, out);
        from = i < count ? joins[i].at + joins[i].len : n;
    }
}

int check_claim(Scene *s, const Lesson *l, const Block *b, size_t i, bool *held, Buffer *sides, Error *e)
{
    const Item *item = &b->more.items[i];
    Value v = {0};
    if (scene_evaluate(s, item->text, &v, e) != 0)
        return error_prefix(e, "%s:%d: %s", l->path, item->line, block_kind_name(b->kind));
    int status = 0;
    if (v.type != VALUE_TRUTH)
        status = error_set(e, _("%s:%d: %s: expected a comparison, such as max(…) < 0.5, found a %s: \"%.200s\""), l->path, item->line,
                           block_kind_name(b->kind), v.type == VALUE_TEXT ? _("text") : _("number"), item->text);
    else
        *held = value_holds(&v);
    value_free(&v);
    if (status == 0)
        add_sides(s, item->text, sides);
    return status;
}

/* ---- a whole lesson ---- */

typedef struct Checking {
    const Lesson *l;
    Scene scene;
    const CheckListener *listener;
    CheckResult result;
    bool broken; /* the last run block failed: what comes up to the next one is about nothing */
    const Bug *bug;
    CheckCounts counts;
} Checking;

static void worse(Checking *c, CheckResult r)
{
    if (r > c->result)
        c->result = r;
}

static void wrong(Checking *c, const Error *e)
{
    worse(c, c->bug ? CHECKED_FALSE : CHECKED_MALFORMED); /* what cannot be computed any more was made so by the bug */
    if (c->listener && c->listener->wrong)
        c->listener->wrong(c->listener->context, e->text);
}

static void heard(Checking *c, const Claim *claim)
{
    worse(c, claim->held ? CHECKED_TRUE : CHECKED_FALSE);
    if (c->listener && c->listener->claim)
        c->listener->claim(c->listener->context, claim);
}

static void check_claims(Checking *c, const Block *b)
{
    for (size_t i = 0; i < b->more.count; i++) {
        Buffer sides = {0};
        Error e = {{0}};
        bool held = false;
        if (check_claim(&c->scene, c->l, b, i, &held, &sides, &e) != 0) {
            wrong(c, &e);
        } else {
            *(b->kind == BLOCK_ASK ? &c->counts.questions : &c->counts.labels[b->label]) += 1;
            heard(c, &(Claim){c->l, b, b->more.items[i].line, b->more.items[i].text, NULL, held, buffer_text(&sides)});
        }
        buffer_free(&sides);
    }
}

/* Whether one of the block's claims is false with the bug in the engine. */
static int check_catch(Checking *c, const Block *b, const Bug *bug, Error *e)
{
    bool caught = false;
    int status = scene_put_bug(&c->scene, bug, e);
    for (size_t i = 0; i < b->more.count && status == 0 && !caught; i++) {
        Buffer sides = {0};
        bool held = true;
        status = check_claim(&c->scene, c->l, b, i, &held, &sides, e);
        caught = !held;
        buffer_free(&sides);
    }
    if (status != 0)
        return -1;
    c->counts.bugs++;
    heard(c, &(Claim){c->l, b, b->keys[KEY_CATCHES].line, bug->id, bug, caught, ""});
    return 0;
}

static void check_catches(Checking *c, const Block *b)
{
    const Bug *bugs[LESSON_CATCHES_MAX];
    size_t count = 0;
    Error e = {{0}};
    int status = block_catches(b, bugs, &count, &e);
    for (size_t i = 0; i < count && status == 0; i++)
        status = check_catch(c, b, bugs[i], &e);
    if (count && scene_put_bug(&c->scene, c->bug, status == 0 ? &e : NULL) != 0)
        status = -1;
    if (status != 0)
        wrong(c, &e);
}

/* The numbers in a block's texts can be computed. */
static int check_texts(Checking *c, const Block *b, Error *e)
{
    Buffer out = {0};
    int status = b->kind == BLOCK_CODE ? 0 : scene_words(&c->scene, c->l, b->line, b->text, &out, e);
    for (size_t i = 0; status == 0 && i < b->rows * b->columns; i++)
        status = scene_words(&c->scene, c->l, b->line, b->cells[i], &out, e);
    buffer_free(&out);
    return status;
}

/* The questions that may be drawn are there; what they claim is checked in their own lessons. */
static void check_draw(Checking *c, const Block *b)
{
    for (size_t i = 0; i < b->more.count; i++) {
        Error e = {{0}};
        Lesson from;
        size_t at;
        if (draw_open(&from, &at, b->more.items[i].text, c->l->lang, &e) == 0) {
            lesson_free(&from);
        } else {
            error_prefix(&e, "%s:%d: draw", c->l->path, b->more.items[i].line);
            wrong(c, &e);
        }
    }
}

static void check_block(Checking *c, const Block *b)
{
    Error e = {{0}};
    SceneStop stop;
    Question q;
    int status = 0;
    if (c->broken && b->kind != BLOCK_RUN)
        return;
    switch (b->kind) {
    case BLOCK_RUN:
        status = scene_run(&c->scene, c->l, b, &e);
        if (status == 0 && c->bug)
            status = scene_put_bug(&c->scene, c->bug, &e);
        c->broken = status != 0;
        break;
    case BLOCK_STOP:
        status = scene_stop(&c->scene, c->l, b, &stop, &e);
        break;
    case BLOCK_LAB:
        status = scene_lab(&c->scene, c->l, b, &e) ? 0 : -1;
        break;
    case BLOCK_ASK:
        if ((status = scene_ask(&c->scene, c->l, b, &q, &e)) == 0)
            question_free(&q);
        break;
    case BLOCK_DRAW:
        check_draw(c, b);
        return;
    default:
        break;
    }
    if (status == 0 && b->kind != BLOCK_ASK)
        status = check_texts(c, b, &e);
    if (status != 0)
        wrong(c, &e);
    else if (b->kind == BLOCK_CHECK || b->kind == BLOCK_ASK)
        check_claims(c, b);
    if (status == 0 && b->kind == BLOCK_CHECK && !c->bug)
        check_catches(c, b);
}

CheckResult lesson_check(const Lesson *l, const Bug *bug, LabRuns *labs, const CheckListener *listener, CheckCounts *counts)
{
    Error e = {{0}};
    Checking c = {
        .l = l, .scene = scene_new(labs), .listener = listener, .bug = bug, .counts = counts ? *counts : (CheckCounts){{0}, 0, 0}};
    if (bug && scene_put_bug(&c.scene, bug, &e) != 0)
        wrong(&c, &e);
    for (size_t i = 0; i < l->count; i++)
        check_block(&c, &l->blocks[i]);
    scene_free(&c.scene);
    if (counts)
        *counts = c.counts;
    return c.result;
}

/* ---- two languages ---- */

static bool acts(const Block *b)
{
    return b->kind >= BLOCK_RUN;
}

static bool same_text(const char *a, const char *b)
{
    return a == b || (a && b && strcmp(a, b) == 0);
}

/* The expressions of the numbers in a text, one after the other. */
static void numbers_of(const char *marked, Buffer *out)
{
    for (const char *p = strchr(marked ? marked : "", MARK_NUMBER); p; p = strchr(p + 1, MARK_NUMBER))
        buffer_printf(out, "%.*s\n", (int)strcspn(p + 1, "\007"), p + 1);
}

static int compare_items(const ItemList *a, const ItemList *b, bool words, bool marks)
{
    if (a->count != b->count)
        return -1;
    for (size_t i = 0; i < a->count; i++)
        if ((!words && !same_text(a->items[i].text, b->items[i].text)) || (marks && a->items[i].right != b->items[i].right))
            return (int)i + 1;
    return 0;
}

/* 0, or the line in b where they part. */
static int compare_blocks(const Block *a, const Block *b)
{
    if (a->kind != b->kind || a->ask != b->ask || a->label != b->label || !same_text(a->name, b->name))
        return b->line;
    for (int k = 0; k < KEY_COUNT; k++) {
        bool prose = k == KEY_WHY || k == KEY_UNIT || (k == KEY_ANSWER && a->ask == ASK_REASON);
        if (prose ? !a->keys[k].text != !b->keys[k].text : !same_text(a->keys[k].text, b->keys[k].text))
            return b->keys[k].line ? b->keys[k].line : b->line;
    }
    int i = compare_items(&a->more, &b->more, false, false);
    if (i)
        return i > 0 ? b->more.items[i - 1].line : b->line;
    i = compare_items(&a->items, &b->items, a->ask == ASK_CHOICE && a->kind == BLOCK_ASK, true);
    return i > 0 ? b->items.items[i - 1].line : i < 0 ? b->line : 0;
}

/* All numbers of the texts from block i up to the next acting one, sorted by nothing: each language may order its sentences, so counted by
 * their whole set. */
static int compare_lines(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static size_t split_lines(char *text, char *lines[], size_t most)
{
    size_t n = 0;
    for (char *p = text; p && *p && n < most; n++) {
        lines[n] = p;
        p = strchr(p, '\n');
        if (p)
            *p++ = '\0';
    }
    qsort(lines, n, sizeof *lines, compare_lines);
    return n;
}

static bool same_numbers(Buffer *a, Buffer *b)
{
    enum { MOST = 512 };
    char *x[MOST], *y[MOST];
    size_t n = a->len ? split_lines(a->data, x, MOST) : 0, m = b->len ? split_lines(b->data, y, MOST) : 0;
    bool same = n == m;
    for (size_t i = 0; same && i < n; i++)
        same = strcmp(x[i], y[i]) == 0;
    return same;
}

static void block_numbers(const Block *b, Buffer *out)
{
    if (b->kind != BLOCK_CODE)
        numbers_of(b->text, out);
    for (size_t i = 0; i < b->rows * b->columns; i++)
        numbers_of(b->cells[i], out);
    for (size_t i = 0; i < b->items.count; i++) {
        numbers_of(b->items.items[i].reply, out);
        if (b->ask == ASK_CHOICE)
            numbers_of(b->items.items[i].text, out);
    }
    numbers_of(block_value(b, KEY_WHY), out);
}

int lesson_compare(const Lesson *a, const Lesson *b, Error *e)
{
    size_t i = 0, k = 0;
    int status = 0;
    while (status == 0) {
        Buffer x = {0}, y = {0};
        int line = i < a->count ? a->blocks[i].line : 0, other = k < b->count ? b->blocks[k].line : 0;
        for (; i < a->count && !acts(&a->blocks[i]); i++)
            block_numbers(&a->blocks[i], &x);
        for (; k < b->count && !acts(&b->blocks[k]); k++)
            block_numbers(&b->blocks[k], &y);
        bool more = i < a->count, also = k < b->count;
        if (more && also) {
            block_numbers(&a->blocks[i], &x);
            block_numbers(&b->blocks[k], &y);
        }
        bool same = same_numbers(&x, &y);
        buffer_free(&x);
        buffer_free(&y);
        if (!same)
            return error_set(
                e, _("%s:%d: expected the computed numbers (`= …`) of the text from %s:%d on, up to the next block, found others"), b->path,
                other, a->path, line);
        if (!more && !also)
            return 0;
        if (more != also)
            return error_set(e, _("%s:%d: expected as many blocks as %s has, found %s; line %d there has no fellow"), b->path,
                             also       ? b->blocks[k].line
                             : b->count ? b->blocks[b->count - 1].line
                                        : 1,
                             a->path, more ? _("fewer") : _("more"), more ? a->blocks[i].line : 0);
        int at = compare_blocks(&a->blocks[i], &b->blocks[k]);
        if (at)
            status = error_set(e, _("%s:%d: expected the same as %s:%d, found something else; only prose is translated"), b->path, at,
                               a->path, a->blocks[i].line);
        i++;
        k++;
    }
    return status;
}
