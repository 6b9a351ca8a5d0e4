/* bpe.c - byte-pair encoding: a piece's characters, then merges in the order in which they were learned.
 * Sennrich, Haddow, Birch 2016, https://arxiv.org/abs/1508.07909; ties, unknown characters and byte tokens as
 * https://github.com/huggingface/tokenizers (models/bpe) has them.
 *
 * The merge with the least rank goes first, of equals the leftmost. All pairs that a merge exists for wait in a heap; one whose tokens have
 * changed since is thrown away when it comes up: n log n for a piece of n characters. */
#include "base/text.h"
#include "model/subword.h"

#include <stdlib.h>
#include <string.h>

/* ---- characters ---- */

typedef struct Unknown {
    bool pending;
    size_t from, to;
} Unknown;

static int flush_unknown(const Subword *s, Unknown *u, CutTokens *out, Error *e)
{
    int status = u->pending ? cut_add_token(out, u->from, u->to, s->unk, e) : 0;
    u->pending = false;
    return status;
}

/* The token of the character of n bytes at s, with its prefix and suffix. */
static int find_char(const Subword *s, const char *text, size_t n, bool first, bool last, Buffer *room)
{
    bool plain = (first || !*s->prefix) && (!last || !*s->suffix);
    if (plain)
        return token_table_find(&s->tokens, text, n);
    buffer_clear(room);
    if (!first)
        buffer_puts(room, s->prefix);
    buffer_add(room, text, n);
    if (last)
        buffer_puts(room, s->suffix);
    return token_table_find(&s->tokens, buffer_text(room), room->len);
}

/* Adds the byte tokens of a character; 1 where they are not all there. With a prefix or suffix their bytes are looked up too, as theirs are. */
static int add_bytes(const Subword *s, const char *text, size_t n, size_t at, CutTokens *out, Error *e)
{
    for (size_t i = 0; i < n; i++)
        if (s->bytes[(unsigned char)text[at + i]] < 0)
            return 1;
    for (size_t i = 0; i < n; i++)
        if (cut_add_token(out, at + i, at + i + 1, s->bytes[(unsigned char)text[at + i]], e) != 0)
            return -1;
    return 0;
}

static int add_chars(const Subword *s, const char *text, size_t n, CutTokens *out, Buffer *room, Error *e)
{
    Unknown unknown = {false, 0, 0};
    for (size_t at = 0; at < n;) {
        int32_t c;
        size_t used = text_decode(text + at, n - at, &c);
        int id = find_char(s, text + at, used, at == 0, at + used == n, room);
        int fallback = id < 0 && s->byte_fallback ? add_bytes(s, text, used, at, out, e) : 1;
        if (fallback < 0)
            return -1;
        if (id >= 0) {
            if (flush_unknown(s, &unknown, out, e) != 0 || cut_add_token(out, at, at + used, id, e) != 0)
                return -1;
        } else if (fallback == 1 && s->unk >= 0) { /* without an unknown token the character is left out */
            if (!(unknown.pending && s->fuse_unk)) {
                if (flush_unknown(s, &unknown, out, e) != 0)
                    return -1;
                unknown = (Unknown){true, at, at};
            }
            unknown.to = at + used;
        }
        at += used;
    }
    return flush_unknown(s, &unknown, out, e);
}

/* ---- merges ---- */

typedef struct Waiting {
    int rank, merged;
    size_t left; /* the place of its first token */
} Waiting;

typedef struct Merger {
    const Subword *s;
    CutToken *tokens;    /* [count] by place; to == 0 with from == 1 where a token was merged into the one before */
    size_t *next, *prev; /* the neighbours' places; `count` beyond the last, and before the first */
    size_t count;
    Waiting *heap;
    size_t waiting;
} Merger;

static bool before(const Waiting *a, const Waiting *b)
{
    return a->rank != b->rank ? a->rank < b->rank : a->left < b->left;
}

static void push(Merger *m, Waiting w)
{
    size_t at = m->waiting++;
    while (at > 0 && before(&w, &m->heap[(at - 1) / 2])) {
        m->heap[at] = m->heap[(at - 1) / 2];
        at = (at - 1) / 2;
    }
    m->heap[at] = w;
}

static Waiting pop(Merger *m)
{
    Waiting top = m->heap[0], last = m->heap[--m->waiting];
    size_t at = 0, child;
    while ((child = 2 * at + 1) < m->waiting) {
        if (child + 1 < m->waiting && before(&m->heap[child + 1], &m->heap[child]))
            child++;
        if (!before(&m->heap[child], &last))
            break;
        m->heap[at] = m->heap[child];
        at = child;
    }
    m->heap[at] = last;
    return top;
}

/* Lets the pair that begins at `left` wait, if there is a merge for it. */
static void consider(Merger *m, size_t left)
{
    if (left == m->count || m->next[left] == m->count)
        return;
    const MergeRule *rule = subword_find_merge(m->s, m->tokens[left].id, m->tokens[m->next[left]].id);
    if (rule)
        push(m, (Waiting){rule->rank, rule->merged, left});
}

static int merge_all(Merger *m, CutPiece *watch, Error *e)
{
    for (size_t i = 0; i < m->count; i++) {
        m->next[i] = i + 1;
        m->prev[i] = i ? i - 1 : m->count;
    }
    for (size_t i = 0; i < m->count; i++)
        consider(m, i);
    while (m->waiting) {
        Waiting w = pop(m);
        CutToken *left = &m->tokens[w.left];
        size_t right = m->next[w.left];
        if (left->id < 0 || right == m->count)
            continue;
        const MergeRule *rule = subword_find_merge(m->s, left->id, m->tokens[right].id);
        if (!rule || rule->merged != w.merged)
            continue;
        CutStep step = {CUT_MERGE, left->from, left->to, m->tokens[right].to, w.merged, w.rank, 0};
        if (cut_add_step(watch, step, e) != 0)
            return -1;
        left->id = w.merged;
        left->to = m->tokens[right].to;
        m->tokens[right].id = -1;
        m->next[w.left] = m->next[right];
        if (m->next[right] < m->count)
            m->prev[m->next[right]] = w.left;
        consider(m, m->prev[w.left]);
        consider(m, w.left);
    }
    return 0;
}

static int merge(const Subword *s, CutTokens *out, size_t first, CutPiece *watch, Error *e)
{
    Merger m = {.s = s, .count = out->count - first};
    if (m.count < 2)
        return 0;
    m.tokens = out->items + first;
    m.next = malloc(m.count * sizeof *m.next);
    m.prev = malloc(m.count * sizeof *m.prev);
    m.heap = malloc(m.count * 3 * sizeof *m.heap); /* count - 1 pairs at first, two more for each of at most count - 1 merges */
    int status = m.next && m.prev && m.heap ? merge_all(&m, watch, e) : error_memory(e, "text");
    if (status == 0) {
        size_t kept = 0;
        for (size_t i = 0; i < m.count; i = m.next[i])
            m.tokens[kept++] = m.tokens[i];
        out->count = first + kept;
    }
    free(m.next);
    free(m.prev);
    free(m.heap);
    return status;
}

int bpe_cut(const Subword *s, const char *text, size_t n, CutTokens *out, CutPiece *watch, Error *e)
{
    size_t first = out->count;
    if (s->ignore_merges) {
        int id = token_table_find(&s->tokens, text, n);
        if (id >= 0)
            return cut_add_step(watch, (CutStep){CUT_TAKE, 0, 0, n, id, 0, 0}, e) == 0 ? cut_add_token(out, 0, n, id, e) : -1;
    }
    Buffer room = {0};
    int status = add_chars(s, text, n, out, &room, e);
    if (status == 0 && room.failed)
        status = error_memory(e, "text");
    buffer_free(&room);
    for (size_t i = first; watch && status == 0 && i < out->count; i++)
        status = cut_add_token(&watch->start, out->items[i].from, out->items[i].to, out->items[i].id, e);
    return status == 0 ? merge(s, out, first, watch, e) : -1;
}
