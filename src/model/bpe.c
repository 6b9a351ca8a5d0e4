/* bpe.c - byte-pair encoding: a piece's characters, then merges in the order in which they were learned.
 * Sennrich, Haddow, Birch 2016, https://arxiv.org/abs/1508.07909; ties, unknown characters and byte tokens as
 * https://github.com/huggingface/tokenizers (models/bpe) has them.
 */
#include "base/text.h"
#include "model/merge.h"
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

/* Adds the byte tokens of a character; 1 where they are not all there. With a prefix or suffix their bytes are looked up too, as theirs
 * are. */
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

/* The merge with the least rank goes first. */
static bool find_merge(const void *context, int left, int right, Merge *out)
{
    const MergeRule *rule = subword_find_merge(context, left, right);
    if (rule)
        *out = (Merge){rule->rank, rule->rank, rule->merged};
    return rule != NULL;
}

int bpe_cut(const Subword *s, const char *text, size_t n, CutTokens *out, CutPiece *watch, Error *e)
{
    size_t first = out->count;
    if (s->ignore_merges) {
        int id = token_table_find(&s->tokens, text, n);
        if (id >= 0)
            return cut_add_step(watch, (CutStep){CUT_TAKE, 0, 0, n, id, 0, 0, -1, -1}, e) == 0 ? cut_add_token(out, 0, n, id, e) : -1;
    }
    Buffer room = {0};
    int status = add_chars(s, text, n, out, &room, e);
    if (status == 0 && room.failed)
        status = error_memory(e, "text");
    buffer_free(&room);
    for (size_t i = first; watch && status == 0 && i < out->count; i++)
        status = cut_add_token(&watch->start, out->items[i].from, out->items[i].to, out->items[i].id, e);
    return status == 0 ? merge_neighbours(out, first, find_merge, s, watch, e) : -1;
}
