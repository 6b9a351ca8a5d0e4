/* cut_lines.c - what a recorded cut says, in words. */
#include "model/cut_lines.h"

#include "base/text.h"
#include "model/vocab_table.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- stops ---- */

size_t cut_frames(const Cut *c)
{
    size_t n = c->text_count + 1;
    for (size_t i = 0; i < c->piece_count; i++)
        n += c->pieces[i].count + 1;
    return n;
}

CutFrame cut_frame(const Cut *c, size_t i)
{
    if (i < c->text_count)
        return (CutFrame){FRAME_TEXT, i, 0, 0};
    i -= c->text_count;
    for (size_t p = 0; p < c->piece_count; p++) {
        if (i <= c->pieces[p].count)
            return (CutFrame){FRAME_PIECE, 0, p, i};
        i -= c->pieces[p].count + 1;
    }
    return (CutFrame){FRAME_IDS, 0, c->piece_count, 0};
}

size_t cut_frame_of_piece(const Cut *c, size_t piece)
{
    size_t at = c->text_count;
    for (size_t p = 0; p < piece && p < c->piece_count; p++)
        at += c->pieces[p].count + 1;
    return at;
}

/* ---- words ---- */

const char *cut_method(CutMethod method)
{
    static const char *const words[CUT_METHOD_COUNT] = {
        [CUT_MERGES] = N_("Byte-pair encoding: the piece begins as characters; of all neighbours the two whose merge was learned first are merged, "
                          "again and again."),
        [CUT_SCORES] = N_("llama2.c: the text begins as characters; of all neighbours the two whose token has the best score are merged, again and "
                          "again."),
        [CUT_PREFIXES] = N_("WordPiece: the longest token that the rest of the word begins with, again and again; ## marks what goes on."),
        [CUT_LATTICE] = N_("Unigram: for each place the best way to reach it; then the way to the end whose log-probabilities have the largest sum."),
        [CUT_LONGEST] = N_("Longest match: at each place the longest token that begins there."),
        [CUT_WHOLE] = N_("Looked up whole."),
        [CUT_ADDED] = N_("An added token: found in the text before any rule cut it."),
    };
    return _(words[method]);
}

static void say_bytes(const CutPiece *p, size_t from, size_t to, Buffer *out)
{
    text_escape(out, p->text + from, to - from, false);
}

/* The place `to` of a piece: what stands before it, of a long piece the end of that. */
static void say_place(const CutPiece *p, size_t to, Buffer *out)
{
    enum { SHOWN = 24 };
    size_t from = to > SHOWN ? to - SHOWN : 0;
    while (from && from < to && ((unsigned char)p->text[from] & 0xc0) == 0x80)
        from++;
    buffer_puts(out, from ? "…" : "");
    say_bytes(p, from, to, out);
}

static void say_token(const Vocab *v, int id, Buffer *out)
{
    const char *s = vocab_spelling(v, id);
    if (*s == ' ' && !v->pipeline) {
        buffer_puts(out, "▁");
        s++;
    }
    text_escape(out, s, strlen(s), false);
}

void cut_say_step(const Vocab *v, const CutPiece *p, size_t i, Buffer *out)
{
    const CutStep *s = &p->steps[i];
    const char *prefix = p->method == CUT_PREFIXES && s->from && v->pipeline ? v->pipeline->subword.prefix : "";
    switch (s->kind) {
    case CUT_MERGE:
        if (p->method == CUT_MERGES)
            buffer_printf(out, _("merge %.0f: "), s->value + 1);
        else
            buffer_printf(out, _("score %.6g: "), s->value + 0.0); /* never "-0" */
        say_token(v, s->left, out);
        buffer_puts(out, " + ");
        say_token(v, s->right, out);
        return;
    case CUT_TRY:
        buffer_puts(out, s->id < 0 ? _("no token: ") : _("a token: "));
        buffer_puts(out, prefix);
        say_bytes(p, s->from, s->to, out);
        return;
    case CUT_SHORTER:
        buffer_puts(out, _("a token, but not the longest: "));
        say_token(v, s->id, out);
        return;
    case CUT_REACH:
        say_place(p, s->to, out);
        buffer_printf(out, _(": %.3f = %.3f for "), s->total, s->value);
        say_token(v, s->id, out);
        buffer_printf(out, _(" + %.3f up to it"), s->total - s->value);
        return;
    case CUT_TAKE:
        buffer_puts(out, _("taken: "));
        say_token(v, s->id, out);
        if (p->method == CUT_LATTICE && !isnan(s->value))
            buffer_printf(out, "  %.3f", s->value);
        return;
    }
}

void cut_say_piece(const Vocab *v, const Cut *c, size_t i, Buffer *out)
{
    const CutPiece *p = &c->pieces[i];
    Origin o = cut_piece_origin(c, i);
    bool ascii = true;
    buffer_printf(out, _("piece %zu of %zu: "), i + 1, c->piece_count);
    text_escape(out, p->text, p->len, false);
    for (uint32_t k = o.from; k < o.to; k++)
        ascii = ascii && (unsigned char)c->texts[0].pieces.text.data[k] < 0x80;
    if (ascii || !v->pipeline || !pipeline_is_byte_level(v->pipeline))
        return;
    buffer_puts(out, _("   from: ")); /* letters that stand for bytes are read by nobody */
    text_escape(out, c->texts[0].pieces.text.data + o.from, o.to - o.from, false);
}

void cut_say_tokens(const Vocab *v, const CutTokens *t, const char *between, Buffer *out)
{
    for (size_t i = 0; i < t->count; i++) {
        if (i)
            buffer_puts(out, between);
        say_token(v, t->items[i].id, out);
    }
}

void cut_say_text(const CutText *t, const char *between, Buffer *out)
{
    for (size_t i = 0; i < t->pieces.count; i++) {
        const TextPiece *p = &t->pieces.items[i];
        if (i)
            buffer_puts(out, between);
        text_escape(out, t->pieces.text.data + p->from, p->to - p->from, false);
    }
}

/* ---- what could be merged next ---- */

static bool find_pair(const Vocab *v, const CutPiece *p, const CutToken *a, const CutToken *b, CutPair *out)
{
    if (v->pipeline) {
        const MergeRule *m = subword_find_merge(&v->pipeline->subword, a->id, b->id);
        if (m)
            *out = (CutPair){0, m->rank, m->merged};
        return m != NULL;
    }
    Buffer both = {0};
    buffer_puts(&both, vocab_token(v, a->id));
    buffer_puts(&both, vocab_token(v, b->id));
    int id = p->method == CUT_SCORES ? vocab_lookup(v, buffer_text(&both), both.len) : -1;
    buffer_free(&both);
    if (id >= 0)
        *out = (CutPair){0, (double)v->scores[id], id};
    return id >= 0;
}

size_t cut_pairs(const Vocab *v, const CutPiece *p, const CutTokens *now, CutPair *out, size_t most)
{
    size_t n = 0;
    CutPair pair;
    if (p->method != CUT_MERGES && p->method != CUT_SCORES)
        return 0;
    for (size_t i = 0; i + 1 < now->count; i++)
        if (find_pair(v, p, &now->items[i], &now->items[i + 1], &pair)) {
            pair.left = i;
            if (n < most)
                out[n] = pair;
            n++;
        }
    return n;
}
