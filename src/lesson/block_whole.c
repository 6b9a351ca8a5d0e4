/* block_whole.c - whether a block that was read is whole: what each kind must have, and that its expressions can be read.
 *
 * Owns no words of the format; those are block.c's. Knows nothing of what a line names, but bugs, whose names the format has. */
#include "lesson/block_internal.h"

#include "base/text.h"
#include "lesson/question.h"
#include "pass/bug.h"

#include <stdlib.h>
#include <string.h>

/* ---- whether it is whole ---- */

static int check_run(Fence *f)
{
    const Block *b = f->b;
    if (b->keys[KEY_TEXT].text && b->keys[KEY_IDS].text)
        return fence_wrong(f, _("expected text or ids, found both"));
    return 0;
}

static int check_stop(Fence *f)
{
    const char *show = block_value(f->b, KEY_SHOW);
    if (!block_value(f->b, KEY_AT) == !block_value(f->b, KEY_GRADIENT))
        return fence_wrong(f, _("expected one of \"at: ADDRESS\" and \"gradient: ADDRESS\", found %s"),
                           block_value(f->b, KEY_AT) ? _("both") : _("neither"));
    if (show && strcmp(show, "numbers") != 0 && strcmp(show, "heat") != 0 && strcmp(show, "both") != 0 && strcmp(show, "heads") != 0) {
        f->line = f->b->keys[KEY_SHOW].line;
        return fence_wrong(f, _("show: expected numbers, heat, both or heads, found \"%.40s\""), show);
    }
    return 0;
}

static int check_id(Fence *f)
{
    const char *id = block_value(f->b, KEY_ID);
    if (!id)
        return fence_wrong(f, _("expected \"id: NAME\", found none; answers are kept under it"));
    f->line = f->b->keys[KEY_ID].line;
    if (strlen(id) >= QUESTION_NAME_MAX - 2 || id[strspn(id, "abcdefghijklmnopqrstuvwxyz0123456789-")])
        return fence_wrong(f, _("id: expected at most %d lower-case letters, digits and \"-\", found \"%.40s\""), QUESTION_NAME_MAX - 3,
                           id);
    f->b->name = strdup(id);
    return f->b->name ? 0 : fence_no_memory(f);
}

static int check_choice(Fence *f, int fence)
{
    const ItemList *list = &f->b->items;
    int right = 0;
    for (size_t i = 0; i < list->count; i++) {
        right += list->items[i].right;
        f->line = list->items[i].line;
        if (!list->items[i].right && !list->items[i].reply)
            return fence_wrong(f, _("expected \" :: \" and what this mistake believes behind the choice, found none"));
    }
    f->line = fence;
    if (list->count < 2 || list->count > QUESTION_CHOICES_MAX)
        return fence_wrong(f, _("expected 2 to %d choices, found %zu"), QUESTION_CHOICES_MAX, list->count);
    if (right != 1)
        return fence_wrong(f, _("expected one right choice, \"- [x] …\", found %d; one question a block"), right);
    return 0;
}

/* Answers that are computed can be read. */
static int check_answers(Fence *f, int fence)
{
    Block *b = f->b;
    if (!block_value(b, KEY_ANSWER))
        return fence_wrong(f, _("expected \"answer: …\", found none"));
    if (b->items.count > QUESTION_MISTAKES_MAX)
        return fence_wrong(f, _("expected at most %d mistakes, found %zu"), QUESTION_MISTAKES_MAX, b->items.count);
    for (size_t i = 0; i <= b->items.count && b->ask != ASK_REASON && b->ask != ASK_STAGE; i++) {
        const char *text = i ? b->items.items[i - 1].text : block_value(b, KEY_ANSWER);
        size_t shape[QUESTION_RANK_MAX];
        int rank;
        f->line = i ? b->items.items[i - 1].line : b->keys[KEY_ANSWER].line;
        if (b->ask == ASK_SHAPE && question_read_shape(text, shape, &rank, NULL) == 0)
            continue;
        if (fence_check_expression(f, text) != 0)
            return -1;
    }
    for (size_t i = 0; i < b->items.count; i++) {
        f->line = b->items.items[i].line;
        if (!b->items.items[i].reply)
            return fence_wrong(f, _("expected \" :: \" and what this mistake believes behind it, found none"));
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
        return fence_wrong(f, _("tolerance: expected a number, such as 0.01 or 5%%, found \"%.40s\""), text);
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
        return fence_wrong(f, _("expected a question, found none; it stands between the keys and the answers"));
    if (b->ask == ASK_CHOICE ? check_choice(f, fence) != 0 : check_answers(f, fence) != 0)
        return -1;
    if (b->ask == ASK_CHOICE && block_value(b, KEY_ANSWER)) {
        f->line = b->keys[KEY_ANSWER].line;
        return fence_wrong(f, _("answer: expected none, the right choice is marked [x]; found one"));
    }
    for (size_t i = 0; i < b->more.count; i++) {
        f->line = b->more.items[i].line;
        if (fence_check_expression(f, b->more.items[i].text) != 0)
            return -1;
    }
    return check_tolerance(f);
}

/* The bugs that a check block names. */
static int check_check(Fence *f)
{
    size_t count;
    if (f->b->more.count == 0)
        return fence_wrong(f, _("expected an expression a line, found none"));
    if (block_value(f->b, KEY_CATCHES))
        f->line = f->b->keys[KEY_CATCHES].line;
    Error e = {{0}};
    const Bug *bugs[LESSON_CATCHES_MAX];
    return block_catches(f->b, bugs, &count, &e) == 0 ? 0 : fence_wrong(f, "catches: %s", e.text);
}

int block_catches(const Block *b, const Bug *bugs[LESSON_CATCHES_MAX], size_t *count, Error *e)
{
    const char *p = block_value(b, KEY_CATCHES);
    *count = 0;
    while (p && *p) {
        size_t n = strcspn(p, ",");
        char *id = fence_copy_trimmed(p, n);
        const Bug *bug = id ? bug_find(id, e) : NULL;
        int full = id ? 0 : error_memory(e, "catches");
        free(id);
        if (!bug || full != 0)
            return -1;
        if (*count == LESSON_CATCHES_MAX)
            return error_set(e, _("expected at most %d bugs, found more"), LESSON_CATCHES_MAX);
        bugs[(*count)++] = bug;
        p += n + (p[n] == ',');
    }
    return 0;
}

static int check_draw(const Fence *f)
{
    return f->b->more.count ? 0 : fence_wrong(f, _("expected a question a line, such as q03/variance, found none"));
}

int fence_check_whole(Fence *f)
{
    switch (f->b->kind) {
    case BLOCK_RUN:
        return check_run(f);
    case BLOCK_STOP:
        return check_stop(f);
    case BLOCK_ASK:
        return check_ask(f);
    case BLOCK_CHECK:
        return check_check(f);
    case BLOCK_DRAW:
        return check_draw(f);
    default:
        return 0;
    }
}

/* ---- numbers within texts ---- */

static int check_text(const Fence *f, const char *marked)
{
    for (const char *p = marked ? strchr(marked, MARK_NUMBER) : NULL; p; p = strchr(p + 1, MARK_NUMBER)) {
        size_t n = strcspn(p + 1, "\007");
        char *expression = fence_copy_trimmed(p + 1, n);
        int status = expression ? fence_check_expression(f, expression) : fence_no_memory(f);
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
