/* merge.c - all pairs that make a token wait in a heap; one whose tokens have changed since is thrown away when it comes up. */
#include "model/merge.h"

#include <stdlib.h>

typedef struct Waiting {
    Merge merge;
    size_t left; /* the place of its first token */
} Waiting;

typedef struct Merger {
    MergeFind find;
    const void *context;
    CutToken *tokens;    /* [count] by place; id < 0 where a token was merged into the one before */
    size_t *next, *prev; /* the neighbours' places; `count` beyond the last, and before the first */
    size_t count;
    Waiting *heap;
    size_t waiting;
} Merger;

static bool before(const Waiting *a, const Waiting *b)
{
    return a->merge.order != b->merge.order ? a->merge.order < b->merge.order : a->left < b->left;
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

/* Lets the pair that begins at `left` wait, if it makes a token. */
static void consider(Merger *m, size_t left)
{
    Waiting w = {.left = left};
    if (left != m->count && m->next[left] != m->count && m->find(m->context, m->tokens[left].id, m->tokens[m->next[left]].id, &w.merge))
        push(m, w);
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
        Merge now;
        CutToken *left = &m->tokens[w.left];
        size_t right = m->next[w.left];
        if (left->id < 0 || right == m->count || !m->find(m->context, left->id, m->tokens[right].id, &now) || now.merged != w.merge.merged)
            continue;
        CutStep step = {CUT_MERGE, left->from, left->to, m->tokens[right].to, now.merged, w.merge.value, 0, left->id, m->tokens[right].id};
        if (cut_add_step(watch, step, e) != 0)
            return -1;
        left->id = now.merged;
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

int merge_neighbours(CutTokens *tokens, size_t first, MergeFind find, const void *context, CutPiece *watch, Error *e)
{
    Merger m = {.find = find, .context = context, .count = tokens->count - first};
    if (m.count < 2)
        return 0;
    m.tokens = tokens->items + first;
    m.next = malloc(m.count * sizeof *m.next);
    m.prev = malloc(m.count * sizeof *m.prev);
    m.heap = malloc(m.count * 3 * sizeof *m.heap); /* count - 1 pairs at first, two more for each of at most count - 1 merges */
    int status = m.next && m.prev && m.heap ? merge_all(&m, watch, e) : error_memory(e, "text");
    if (status == 0) {
        size_t kept = 0;
        for (size_t i = 0; i < m.count; i = m.next[i])
            m.tokens[kept++] = m.tokens[i];
        tokens->count = first + kept;
    }
    free(m.next);
    free(m.prev);
    free(m.heap);
    return status;
}
