/* unigram.c - the unigram model: of all ways to cut a piece into tokens the one whose log-probabilities have the largest sum.
 * Kudo 2018, https://arxiv.org/abs/1804.10959; unknown characters as https://github.com/huggingface/tokenizers (models/unigram) has them: one
 * that no token begins and ends costs 10 more than the unlikeliest token.
 *
 * Viterbi's algorithm: for every place the best way to reach it, from left to right; then back from the end. */
#include "base/text.h"
#include "model/subword.h"

#include <math.h>
#include <stdlib.h>

/* The best way to reach a place. */
typedef struct Way {
    size_t from;
    double total;
    int id;
    bool there;
} Way;

static const double unknown_costs = 10;

static void offer(Way *ways, size_t from, size_t to, int id, double score)
{
    double total = ways[from].total + score;
    if (!ways[to].there || total > ways[to].total)
        ways[to] = (Way){from, total, id, true};
}

static int reach_all(const Subword *s, const char *text, size_t n, Way *ways, Error *e)
{
    for (size_t at = 0; at < n;) {
        int32_t c;
        size_t one = text_decode(text + at, n - at, &c), end = at;
        bool alone = false; /* the character by itself is a token */
        uint64_t hash = TOKEN_HASH;
        while (end < n && end - at < s->tokens.longest) {
            size_t used = text_decode(text + end, n - end, &c);
            hash = token_table_hash(hash, text + end, used);
            end += used;
            int id = token_table_find_hashed(&s->tokens, hash, text + at, end - at);
            if (id >= 0 && !isnan(s->scores[id])) {
                offer(ways, at, end, id, s->scores[id]);
                alone = alone || end == at + one;
            }
        }
        if (!alone && s->unk < 0)
            return error_set(e, "text: expected characters of this tokenizer, found another, and it has no unknown token");
        if (!alone)
            offer(ways, at, at + one, s->unk, s->least - unknown_costs);
        at += one;
    }
    return 0;
}

/* An unknown stretch: its bytes as tokens, where there are all of them. */
static int add_unknown(const Subword *s, const char *text, size_t from, size_t to, CutTokens *out, Error *e)
{
    bool all = s->byte_fallback;
    for (size_t i = from; all && i < to; i++)
        all = s->bytes[(unsigned char)text[i]] >= 0;
    if (!all)
        return cut_add_token(out, from, to, s->unk, e);
    for (size_t i = from; i < to; i++)
        if (cut_add_token(out, i, i + 1, s->bytes[(unsigned char)text[i]], e) != 0)
            return -1;
    return 0;
}

/* The model's id for a token of the table. */
static int id_of(const Subword *s, int token)
{
    return token >= 0 && s->listed && (size_t)token >= s->listed ? s->unk : token;
}

/* Follows the best way from its end: marks in `next` where each token ends. */
static void follow(const Subword *s, const Way *ways, size_t n, size_t *next)
{
    size_t end = n;
    for (size_t at = n; at > 0;) {
        size_t from = ways[at].from;
        bool joins = s->fuse_unk && s->unk >= 0 && ways[at].id == s->unk && from > 0 && ways[from].id == s->unk;
        if (!joins) {
            next[from] = end;
            end = from;
        }
        at = from;
    }
}

static int add_tokens(const Subword *s, const char *text, size_t n, const size_t *next, CutTokens *out, CutPiece *watch, Error *e)
{
    for (size_t at = 0; at < n; at = next[at]) {
        int id = token_table_find(&s->tokens, text + at, next[at] - at);
        size_t before = out->count;
        int status = id >= 0 ? cut_add_token(out, at, next[at], id_of(s, id), e) : add_unknown(s, text, at, next[at], out, e);
        for (size_t i = before; status == 0 && i < out->count; i++)
            status = cut_add_step(watch, (CutStep){CUT_TAKE, out->items[i].from, 0, out->items[i].to, out->items[i].id, id >= 0 ? s->scores[id] : NAN, 0, -1, -1}, e);
        if (status != 0)
            return -1;
    }
    return 0;
}

int unigram_cut(const Subword *s, const char *text, size_t n, CutTokens *out, CutPiece *watch, Error *e)
{
    Way *ways = calloc(n + 1, sizeof *ways);
    size_t *next = calloc(n + 1, sizeof *next);
    int status = ways && next ? reach_all(s, text, n, ways, e) : error_memory(e, "text");
    for (size_t at = 1; watch && status == 0 && at <= n; at++)
        if (ways[at].there) {
            double score = ways[at].total - ways[ways[at].from].total;
            status = cut_add_step(watch, (CutStep){CUT_REACH, ways[at].from, 0, at, id_of(s, ways[at].id), score, ways[at].total, -1, -1}, e);
        }
    if (status == 0) {
        follow(s, ways, n, next);
        status = add_tokens(s, text, n, next, out, watch, e);
    }
    free(ways);
    free(next);
    return status;
}
