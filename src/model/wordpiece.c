/* wordpiece.c - WordPiece: the longest token that the rest of a word begins with, again and again; a word that does not come out whole is
 * unknown. Wu et al. 2016, https://arxiv.org/abs/1609.08144; https://github.com/google-research/bert/blob/master/tokenization.py */
#include "base/text.h"
#include "model/subword.h"

#include <stdlib.h>
#include <string.h>

static size_t count_chars(const char *text, size_t n)
{
    size_t count = 0;
    for (size_t i = 0; i < n; i++)
        count += ((unsigned char)text[i] & 0xc0) != 0x80;
    return count;
}

static int take_unknown(const Subword *s, size_t n, size_t first, CutTokens *out, CutPiece *watch, Error *e)
{
    out->count = first;
    return cut_add_step(watch, (CutStep){CUT_TAKE, 0, 0, n, s->unk, 0, 0, -1, -1}, e) == 0 ? cut_add_token(out, 0, n, s->unk, e) : -1;
}

int wordpiece_cut(const Subword *s, const char *text, size_t n, CutTokens *out, CutPiece *watch, Error *e)
{
    size_t first = out->count, prefix = strlen(s->prefix);
    if (count_chars(text, n) > s->max_word)
        return take_unknown(s, n, first, out, watch, e);
    char *room = malloc(prefix + n + 1);
    uint64_t *hashes = malloc((prefix + n + 1) * sizeof *hashes); /* of each beginning of what is looked up */
    if (!room || !hashes) {
        free(room);
        free(hashes);
        return error_memory(e, "text");
    }
    memcpy(room, s->prefix, prefix);
    int status = 0;
    bool bad = false;
    for (size_t from = 0; status == 0 && !bad && from < n;) {
        size_t to = n;
        int id = -1;
        memcpy(room + prefix, text + from, n - from);
        const char *word = from ? room : text;
        size_t front = from ? prefix : 0, most = front + n - from < s->tokens.longest ? front + n - from : s->tokens.longest;
        hashes[0] = TOKEN_HASH;
        for (size_t i = 0; i < most; i++)
            hashes[i + 1] = token_table_hash(hashes[i], word + i, 1);
        while (status == 0 && to > from) {
            size_t len = front + to - from;
            id = len > most ? -1 : token_table_find_hashed(&s->tokens, hashes[len], word, len);
            status = cut_add_step(watch, (CutStep){id >= 0 ? CUT_TAKE : CUT_TRY, from, 0, to, id, 0, 0, -1, -1}, e);
            if (id >= 0)
                break;
            do
                to--;
            while (to > from && ((unsigned char)text[to] & 0xc0) == 0x80);
        }
        bad = id < 0;
        if (status == 0 && !bad)
            status = cut_add_token(out, from, to, id, e);
        from = to;
    }
    free(room);
    free(hashes);
    return status == 0 && bad ? take_unknown(s, n, first, out, watch, e) : status;
}
