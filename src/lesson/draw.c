/* draw.c - draws the questions of a self-test. */
#include "lesson/draw.h"

#include "base/text.h"
#include "lesson/block.h"
#include "model/nearest.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- a question of another lesson ---- */

int draw_open(Lesson *from, size_t *at, const char *line, const char *lang, Error *e)
{
    const char *slash = strchr(line, '/');
    char *name = strndup(line, slash ? (size_t)(slash - line) : strlen(line)), hint[NEAREST_HINT];
    char *path = name ? lesson_find(name, lang, e) : NULL;
    int status = path ? lesson_open(from, path, e) : name ? -1 : error_memory(e, "lesson");
    free(name);
    free(path);
    if (status != 0)
        return -1;
    const char *id = slash ? slash + 1 : "";
    Nearest near = nearest_to(id, strlen(id));
    for (*at = 0; *at < from->count; ++*at) {
        const Block *b = &from->blocks[*at];
        if (b->kind == BLOCK_ASK && strcmp(b->name, id) == 0)
            return 0;
        if (b->kind == BLOCK_ASK)
            nearest_offer(&near, b->name);
    }
    error_set(e, _("expected the id of a question in %s, found \"%s\"%s"), from->name, id, nearest_hint(&near, hint));
    lesson_free(from);
    return -1;
}

/* ---- which ---- */

/* Which of a draw block's questions to ask: one never asked, else one whose last answer was wrong, else the one answered right the fewest
 * times in a row; of equals the one asked longest ago. *sure: all of them are sure. */
static size_t draw_choose(const Block *b, const Progress *p, bool *sure)
{
    size_t best = 0;
    const ProgressAnswer *had = NULL;
    *sure = true;
    for (size_t i = 0; i < b->more.count; i++) {
        const ProgressAnswer *a = progress_answer(p, b->more.items[i].text);
        *sure = *sure && a && a->row >= DRAW_SURE;
        bool better = !a ? had != NULL : had && (a->row < had->row || (a->row == had->row && a->order < had->order));
        if (i == 0 || better) {
            best = i;
            had = a;
        }
    }
    return best;
}

size_t draw_sure(const Lesson *l, const Progress *p)
{
    size_t count = 0;
    for (size_t i = 0; i < l->count; i++) {
        bool sure = false;
        if (l->blocks[i].kind == BLOCK_DRAW)
            draw_choose(&l->blocks[i], p, &sure);
        count += sure;
    }
    return count;
}

/* ---- in place of a draw block ---- */

static Block empty_block(BlockKind kind, int line)
{
    return (Block){.kind = kind, .line = line, .text = strdup("")};
}

/* Takes a block out of a lesson that is about to be freed. */
static Block take(Lesson *from, size_t at)
{
    Block taken = from->blocks[at];
    from->blocks[at] = (Block){.kind = BLOCK_RULE};
    return taken;
}

/* The network of block `at` there, as a run block of its own. */
static Block take_run(Lesson *from, size_t at, Error *e)
{
    for (size_t i = at; i-- > 0;)
        if (from->blocks[i].kind == BLOCK_RUN)
            return take(from, i);
    Block run = empty_block(BLOCK_RUN, 1);
    char *name = strdup(LESSON_MODEL);
    if (!name)
        error_memory(e, from->path);
    run.keys[KEY_MODEL] = (Item){.text = name, .line = 1};
    return run;
}

/* The run block and the question that a line names; the question is called by the whole line. */
static int take_question(const char *line, const char *lang, Block out[2], Error *e)
{
    Lesson from;
    size_t at;
    if (draw_open(&from, &at, line, lang, e) != 0)
        return -1;
    out[0] = take_run(&from, at, e);
    out[1] = take(&from, at);
    free(out[1].name);
    out[1].name = strdup(line);
    for (int i = 0; i < 2; i++)
        out[i].origin = strdup(from.path);
    bool whole = out[0].text && out[1].name && out[0].origin && out[1].origin;
    lesson_free(&from);
    if (whole)
        return 0;
    block_free(&out[0]);
    block_free(&out[1]);
    return error_memory(e, line);
}

/* A lesson being drawn: blocks go from the old list to the new one. */
typedef struct Drawing {
    Block *made;
    size_t count, section, sure; /* where the section began; sure: of its draws … */
    size_t draws;                /* … of so many */
    size_t asked;                /* questions taken in so far */
    bool leave_out;              /* sections that are sure */
} Drawing;

/* At a section's end: what was sure goes. */
static void end_section(Drawing *d)
{
    if (d->leave_out && d->draws && d->sure == d->draws) {
        for (size_t i = d->section; i < d->count; i++)
            block_free(&d->made[i]);
        d->count = d->section;
    } else {
        d->asked += d->draws;
    }
    d->section = d->count;
    d->draws = d->sure = 0;
}

static int draw_one(Drawing *d, Lesson *l, Block *b, const Progress *p, Error *e)
{
    bool sure;
    const Item *item = &b->more.items[draw_choose(b, p, &sure)];
    if (take_question(item->text, l->lang, &d->made[d->count], e) != 0)
        return error_prefix(e, "%s:%d: draw", l->path, item->line);
    d->count += 2;
    d->draws++;
    d->sure += sure;
    block_free(b);
    return 0;
}

int draw_all(Lesson *l, const Progress *p, Error *e)
{
    size_t draws = 0;
    for (size_t i = 0; i < l->count; i++)
        draws += l->blocks[i].kind == BLOCK_DRAW;
    if (!draws)
        return 0;
    /* room for all that can come back: blocks never move, as a scene points at one */
    size_t room = l->count + draws + 3 * DRAW_AGAIN_MAX * draws;
    Drawing d = {.made = calloc(room, sizeof *d.made), .leave_out = draw_sure(l, p) < draws};
    int status = d.made ? 0 : error_memory(e, l->path);
    size_t next = 0;
    for (; next < l->count && status == 0; next++) {
        Block *b = &l->blocks[next];
        if (b->kind == BLOCK_HEADING && b->level <= 2)
            end_section(&d);
        if (b->kind == BLOCK_DRAW)
            status = draw_one(&d, l, b, p, e);
        else {
            d.made[d.count++] = *b;
            *b = (Block){.kind = BLOCK_RULE};
        }
    }
    if (!d.made)
        return -1;
    end_section(&d);
    for (; next < l->count; next++)
        block_free(&l->blocks[next]);
    free(l->blocks);
    l->blocks = d.made;
    l->count = d.count;
    l->asks = d.asked;
    l->room = room;
    return status;
}

int draw_again(Lesson *l, size_t ask, bool *added, Error *e)
{
    const Block *b = &l->blocks[ask], *heading = NULL;
    size_t times = 0;
    for (size_t i = 0; i < l->count; i++)
        times += l->blocks[i].kind == BLOCK_ASK && strcmp(l->blocks[i].name, b->name) == 0;
    *added = times <= DRAW_AGAIN_MAX && l->count + 3 <= l->room;
    if (!*added)
        return 0;
    for (size_t i = ask; i-- > 0 && !heading;)
        if (l->blocks[i].kind == BLOCK_HEADING)
            heading = &l->blocks[i];
    Block title = {
        .kind = BLOCK_HEADING, .level = 2, .line = heading ? heading->line : b->line, .text = strdup(heading ? heading->text : l->title)};
    if (!title.text)
        return error_memory(e, l->path);
    if (take_question(b->name, l->lang, &l->blocks[l->count + 1], e) != 0) {
        block_free(&title);
        return -1;
    }
    l->blocks[l->count] = title;
    l->count += 3;
    return 0;
}
