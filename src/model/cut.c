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
    for (size_t i = 0; i < c->text_count; i++)
        pieces_free(&c->texts[i].pieces);
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
    *t = (CutText){name, what, {.most = pieces->most}, true};
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

/* Joins the tokens that a merge joins. */
static void merge(CutTokens *t, const CutStep *s)
{
    for (size_t i = 0; i + 1 < t->count; i++)
        if (t->items[i].from == s->from && t->items[i].to == s->middle && t->items[i + 1].to == s->to) {
            t->items[i].to = s->to;
            t->items[i].id = s->id;
            memmove(t->items + i + 1, t->items + i + 2, (t->count - i - 2) * sizeof *t->items);
            t->count--;
            return;
        }
}

int cut_state(const CutPiece *p, size_t done, CutTokens *out, Error *e)
{
    *out = (CutTokens){NULL, 0, 0};
    bool merges = p->method == CUT_MERGES || p->method == CUT_SCORES;
    const CutTokens *from = done >= p->count && !merges ? &p->tokens : &p->start;
    int status = 0;
    for (size_t i = 0; status == 0 && i < from->count; i++)
        status = cut_add_token(out, from->items[i].from, from->items[i].to, from->items[i].id, e);
    if (from == &p->tokens)
        return status;
    for (size_t i = 0; status == 0 && i < done && i < p->count; i++) {
        const CutStep *s = &p->steps[i];
        if (s->kind == CUT_MERGE)
            merge(out, s);
        else if (s->kind == CUT_TAKE)
            status = cut_add_token(out, s->from, s->to, s->id, e);
    }
    return status;
}
