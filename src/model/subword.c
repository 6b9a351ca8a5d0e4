/* subword.c - what the models that look a piece up share: merges by their two tokens, byte tokens, the words looked up before. */
#include "model/subword.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { CACHE_SLOTS = 1 << 14, CACHED_BYTES = 64 };

/* ---- merges ---- */

static size_t hash_pair(int left, int right)
{
    uint64_t h = ((uint64_t)(uint32_t)left << 32 | (uint32_t)right) * 0x9e3779b97f4a7c15u;
    return (size_t)(h ^ h >> 32);
}

int subword_init_merges(Subword *s, size_t count, Error *e)
{
    s->merge_slots = 16;
    while (s->merge_slots < 2 * count)
        s->merge_slots *= 2;
    s->merges = malloc(s->merge_slots * sizeof *s->merges);
    if (!s->merges)
        return error_memory(e, "tokenizer");
    for (size_t i = 0; i < s->merge_slots; i++)
        s->merges[i].left = -1;
    return 0;
}

static size_t find_slot(const Subword *s, int left, int right)
{
    size_t at = hash_pair(left, right) & (s->merge_slots - 1);
    while (s->merges[at].left >= 0 && (s->merges[at].left != left || s->merges[at].right != right))
        at = (at + 1) & (s->merge_slots - 1);
    return at;
}

void subword_add_merge(Subword *s, int left, int right, int merged, int rank)
{
    MergeRule *m = &s->merges[find_slot(s, left, right)];
    s->merge_count += m->left < 0;
    *m = (MergeRule){left, right, merged, rank};
}

const MergeRule *subword_find_merge(const Subword *s, int left, int right)
{
    if (!s->merges)
        return NULL;
    const MergeRule *m = &s->merges[find_slot(s, left, right)];
    return m->left >= 0 ? m : NULL;
}

/* ---- the whole ---- */

int subword_finish(Subword *s, Error *e)
{
    for (int b = 0; b < 256; b++) {
        char name[8];
        snprintf(name, sizeof name, "<0x%02X>", (unsigned)b);
        s->bytes[b] = token_table_find(&s->tokens, name, 6);
    }
    if (s->kind == SUBWORD_BPE || s->kind == SUBWORD_WORDPIECE)
        s->cache = calloc(CACHE_SLOTS, sizeof *s->cache);
    return s->cache || (s->kind != SUBWORD_BPE && s->kind != SUBWORD_WORDPIECE) ? 0 : error_memory(e, "tokenizer");
}

void subword_free(Subword *s)
{
    for (size_t i = 0; s->cache && i < CACHE_SLOTS; i++) {
        free(s->cache[i].text);
        free(s->cache[i].tokens);
    }
    free(s->cache);
    token_table_free(&s->tokens);
    free(s->prefix);
    free(s->suffix);
    free(s->merges);
    free(s->scores);
}

/* ---- words seen before ---- */

static CachedWord *cache_slot(const Subword *s, const char *text, size_t n)
{
    uint64_t h = 14695981039346656037u;
    for (size_t i = 0; i < n; i++)
        h = (h ^ (unsigned char)text[i]) * 1099511628211u;
    return &s->cache[(h ^ h >> 31) & (CACHE_SLOTS - 1)];
}

static void remember(CachedWord *slot, const char *text, size_t n, const CutToken *tokens, size_t count)
{
    char *copy = malloc(n);
    CutToken *all = malloc((count ? count : 1) * sizeof *all);
    if (!copy || !all) { /* then it is looked up again the next time */
        free(copy);
        free(all);
        return;
    }
    memcpy(copy, text, n);
    if (count)
        memcpy(all, tokens, count * sizeof *all);
    free(slot->text);
    free(slot->tokens);
    *slot = (CachedWord){copy, (uint32_t)n, (uint32_t)count, all};
}

static int cut_whole(const Subword *s, const char *text, size_t n, CutTokens *out, CutPiece *watch, Error *e)
{
    int id = token_table_find(&s->tokens, text, n);
    if (cut_add_step(watch, (CutStep){CUT_TRY, 0, 0, n, id, 0, 0, -1, -1}, e) != 0)
        return -1;
    if (id < 0 && s->unk < 0)
        return error_set(e, "text: expected a word of this tokenizer, found another, and it has no unknown token");
    id = id < 0 ? s->unk : id;
    return cut_add_step(watch, (CutStep){CUT_TAKE, 0, 0, n, id, 0, 0, -1, -1}, e) == 0 ? cut_add_token(out, 0, n, id, e) : -1;
}

static int cut_by_kind(const Subword *s, const char *text, size_t n, CutTokens *out, CutPiece *watch, Error *e)
{
    switch (s->kind) {
    case SUBWORD_BPE: return bpe_cut(s, text, n, out, watch, e);
    case SUBWORD_WORDPIECE: return wordpiece_cut(s, text, n, out, watch, e);
    case SUBWORD_UNIGRAM: return unigram_cut(s, text, n, out, watch, e);
    default: return cut_whole(s, text, n, out, watch, e);
    }
}

int subword_cut(const Subword *s, const char *text, size_t n, CutTokens *out, CutPiece *watch, Error *e)
{
    if (watch || !s->cache || n > CACHED_BYTES)
        return cut_by_kind(s, text, n, out, watch, e);
    CachedWord *slot = cache_slot(s, text, n);
    if (slot->text && slot->len == n && memcmp(slot->text, text, n) == 0) {
        for (size_t i = 0; i < slot->count; i++)
            if (cut_add_token(out, slot->tokens[i].from, slot->tokens[i].to, slot->tokens[i].id, e) != 0)
                return -1;
        return 0;
    }
    size_t before = out->count;
    if (cut_by_kind(s, text, n, out, NULL, e) != 0)
        return -1;
    if (out->count > before)
        remember(slot, text, n, out->items + before, out->count - before);
    return 0;
}
