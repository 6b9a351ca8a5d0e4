/* cut.c - the record of how a text became tokens. */
#include "model/cut.h"

#include <stdlib.h>
#include <string.h>

static void *grow(void *items, size_t count, size_t *cap, size_t size, Error *e)
{
    if (count < *cap)
        return items;
    size_t more = *cap ? 2 * *cap : 8;
    void *new_items = realloc(items, more * size);
    if (!new_items) {
        error_memory(e, "text");
        return NULL;
    }
    *cap = more;
    return new_items;
}

void cut_free(Cut *c)
{
    for (size_t i = 0; i < c->text_count; i++) {
        pieces_free(&c->texts[i].pieces);
        free(c->texts[i].what);
    }
    for (size_t i = 0; i < c->piece_count; i++) {
        free(c->pieces[i].text);
        free(c->pieces[i].start.items);
        free(c->pieces[i].tokens.items);
        free(c->pieces[i].steps);
    }
    free(c->texts);
    free(c->pieces);
    free(c->ids);
    *c = (Cut){0};
}

/* ---- recording ---- */

static bool same_pieces(const TextPieces *a, const TextPieces *b)
{
    if (a->count != b->count || a->text.len != b->text.len || (a->text.len && memcmp(a->text.data, b->text.data, a->text.len) != 0))
        return false;
    for (size_t i = 0; i < a->count; i++)
        if (a->items[i].to != b->items[i].to || a->items[i].id != b->items[i].id)
            return false;
    return true;
}

int cut_add_text(Cut *c, const char *name, const char *what, const TextPieces *pieces, Error *e)
{
    if (!c)
        return 0;
    CutText *more = realloc(c->texts, (c->text_count + 1) * sizeof *more);
    if (!more)
        return error_memory(e, "text");
    c->texts = more;
    CutText *t = &more[c->text_count++];
    *t = (CutText){name, strdup(what), {.most = pieces->most}, true};
    if (!t->what)
        return error_memory(e, "text");
    for (size_t i = 0; i < pieces->count; i++) {
        pieces_copy(&t->pieces, pieces, pieces->items[i].from, pieces->items[i].to);
        pieces_end(&t->pieces, pieces->items[i].id);
    }
    t->changed = c->text_count == 1 || !same_pieces(&t->pieces, &t[-1].pieces);
    return pieces_check(&t->pieces, e);
}

CutPiece *cut_add_piece(Cut *c, CutMethod method, const char *text, size_t n, Error *e)
{
    if (!c)
        return NULL;
    CutPiece *more = grow(c->pieces, c->piece_count, &c->piece_cap, sizeof *more, e);
    if (!more)
        return NULL;
    c->pieces = more;
    CutPiece *p = &more[c->piece_count];
    *p = (CutPiece){.method = method, .len = n};
    p->text = malloc(n + 1);
    if (!p->text) {
        error_memory(e, "text");
        return NULL;
    }
    if (n)
        memcpy(p->text, text, n);
    p->text[n] = '\0';
    c->piece_count++;
    return p;
}

int cut_add_step(CutPiece *p, CutStep step, Error *e)
{
    if (!p)
        return 0;
    CutStep *more = grow(p->steps, p->count, &p->cap, sizeof *more, e);
    if (!more)
        return -1;
    p->steps = more;
    p->steps[p->count++] = step;
    return 0;
}

int cut_add_token(CutTokens *t, size_t from, size_t to, int id, Error *e)
{
    CutToken *more = grow(t->items, t->count, &t->cap, sizeof *more, e);
    if (!more)
        return -1;
    t->items = more;
    t->items[t->count++] = (CutToken){from, to, id};
    return 0;
}

/* ---- showing ---- */

/* Tokens in a row, of which some join. */
typedef struct Row {
    CutToken *items;  /* [count]; id < 0 where one was joined to the one before */
    size_t *next;     /* [count] the place of the neighbour; `count` beyond the last */
    size_t *place;    /* [bytes + 1] of the token that begins at a byte; of several, the last: those before it are empty */
    size_t count;
} Row;

static void join(Row *r, const CutStep *s)
{
    size_t left = r->place[s->from], right = r->next[left];
    if (right == r->count)
        return;
    r->items[left].to = s->to;
    r->items[left].id = s->id;
    r->items[right].id = -1;
    r->next[left] = r->next[right];
}

static int join_all(const CutPiece *p, size_t done, CutTokens *out, Error *e)
{
    Row r = {out->items, malloc((out->count + 1) * sizeof *r.next), calloc(p->len + 1, sizeof *r.place), out->count};
    if (r.next && r.place) {
        for (size_t i = 0; i < r.count; i++) {
            r.next[i] = i + 1;
            r.place[r.items[i].from] = i;
        }
        for (size_t i = 0; i < done; i++)
            if (p->steps[i].kind == CUT_MERGE)
                join(&r, &p->steps[i]);
        out->count = 0;
        for (size_t i = 0; i < r.count; i = r.next[i])
            out->items[out->count++] = r.items[i];
    }
    int status = r.next && r.place ? 0 : error_memory(e, "text");
    free(r.next);
    free(r.place);
    return status;
}

int cut_state(const CutPiece *p, size_t done, CutTokens *out, Error *e)
{
    *out = (CutTokens){NULL, 0, 0};
    bool merges = p->method == CUT_MERGES || p->method == CUT_SCORES;
    const CutTokens *from = done >= p->count && !merges ? &p->tokens : &p->start;
    int status = 0;
    done = done < p->count ? done : p->count;
    for (size_t i = 0; status == 0 && i < from->count; i++)
        status = cut_add_token(out, from->items[i].from, from->items[i].to, from->items[i].id, e);
    for (size_t i = 0; status == 0 && from == &p->start && i < done; i++)
        if (p->steps[i].kind == CUT_TAKE)
            status = cut_add_token(out, p->steps[i].from, p->steps[i].to, p->steps[i].id, e);
    return status == 0 && merges && done && p->start.count ? join_all(p, done, out, e) : status;
}

Origin cut_piece_origin(const Cut *c, size_t piece)
{
    const CutPiece *p = &c->pieces[piece];
    Origin all = {0, 0};
    for (size_t i = p->first_id; i < p->first_id + p->tokens.count && i < c->id_count; i++) {
        Origin o = c->ids[i].from;
        if (o.from == o.to)
            continue;
        if (all.from == all.to)
            all = o;
        all.to = o.to > all.to ? o.to : all.to;
    }
    return all;
}

size_t cut_piece_of_id(const Cut *c, size_t i)
{
    size_t at = 0;
    while (at < c->piece_count && !(i >= c->pieces[at].first_id && i < c->pieces[at].first_id + c->pieces[at].tokens.count))
        at++;
    return at;
}
