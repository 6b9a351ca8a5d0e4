/* pipeline.c - text to ids through a whole tokenizer.
 *
 * The order is that of https://github.com/huggingface/tokenizers: added tokens, normalizer, added tokens that are normalized, pre-tokenizer,
 * model, post-processor. Knows nothing of JSON. */
#include "model/pipeline.h"

#include "base/text.h"

#include <stdlib.h>
#include <string.h>

void pipeline_free(Pipeline *p)
{
    if (!p)
        return;
    rules_free(&p->normalizer);
    rules_free(&p->pre_tokenizer);
    subword_free(&p->subword);
    for (size_t i = 0; i < p->added_count; i++)
        free(p->added[i].text);
    for (size_t i = 0; i < p->added_count; i++)
        free(p->added[i].needle);
    free(p->added);
    free(p->added_ids);
    free(p->around[0]);
    free(p->around[1]);
    for (size_t i = 0; i < p->decoder_count; i++) {
        pattern_free(p->decoders[i].pattern);
        free(p->decoders[i].text);
    }
    free(p->decoders);
    buffer_free(&p->notes);
    buffer_free(&p->source);
    buffer_free(&p->lines);
    buffer_free(&p->ids);
    free(p);
}

/* ---- spellings ---- */

const AddedToken *pipeline_added(const Pipeline *p, int id)
{
    size_t low = 0, high = p->added_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        const AddedToken *a = &p->added[p->added_ids[middle]];
        if (a->id == id)
            return a;
        if (a->id < id)
            low = middle + 1;
        else
            high = middle;
    }
    return NULL;
}

const char *pipeline_spelling(const Pipeline *p, int id, size_t *n)
{
    const char *text = token_table_text(&p->subword.tokens, id, n);
    const AddedToken *a = text ? NULL : pipeline_added(p, id);
    if (!a)
        return text;
    *n = a->len;
    return a->text;
}

int pipeline_find(const Pipeline *p, const char *text, size_t n)
{
    int id = token_table_find(&p->subword.tokens, text, n);
    if (id >= 0 && (size_t)id >= p->size) /* a piece without an id of the model's */
        id = -1;
    for (size_t i = 0; id < 0 && i < p->added_count; i++)
        if (p->added[i].len == n && memcmp(p->added[i].text, text, n) == 0)
            id = p->added[i].id;
    return id;
}

/* ---- added tokens ---- */

/* The longest added token that begins at the n bytes at text, of those that are `normalized` or not; NULL where there is none. */
static const AddedToken *pipeline_added_at(const Pipeline *p, const char *text, size_t n, bool normalized)
{
    size_t low = 0, high = p->added_count;
    while (low < high) { /* the first that begins with this byte */
        size_t middle = low + (high - low) / 2;
        if ((unsigned char)p->added[middle].needle[0] < (unsigned char)text[0])
            low = middle + 1;
        else
            high = middle;
    }
    for (; low < p->added_count && p->added[low].needle[0] == text[0]; low++) {
        const AddedToken *a = &p->added[low];
        if (a->normalized == normalized && a->needle_len && a->needle_len <= n && memcmp(a->needle, text, a->needle_len) == 0)
            return a;
    }
    return NULL;
}

/* The character before place `at`, or -1 where there is none. */
static int32_t char_before(const char *s, size_t at)
{
    size_t from = at;
    int32_t c = -1;
    if (at == 0)
        return -1;
    do
        from--;
    while (from > 0 && ((unsigned char)s[from] & 0xc0) == 0x80);
    text_decode(s + from, at - from, &c);
    return c;
}

/* Whether the token may stand at from … to of the n bytes at s; takes the white space around it that belongs to it. `end` is where the one
 * before ended. */
static bool fits(const AddedToken *a, const char *s, size_t n, size_t end, size_t *from, size_t *to)
{
    int32_t c;
    if (a->single_word) {
        if (char_is_word(char_before(s, *from)))
            return false;
        if (*to < n && (text_decode(s + *to, n - *to, &c), char_is_word(c)))
            return false;
    }
    while (a->lstrip && *from > end && char_is_space(char_before(s, *from)))
        do
            (*from)--;
        while (((unsigned char)s[*from] & 0xc0) == 0x80);
    while (a->rstrip && *to < n) {
        size_t used = text_decode(s + *to, n - *to, &c);
        if (!char_is_space(c))
            break;
        *to += used;
    }
    return true;
}

/* Cuts added tokens out of the pieces that are still text. */
static void cut_added(const Pipeline *p, const TextPieces *in, TextPieces *out, bool normalized)
{
    for (size_t i = 0; i < in->count; i++) {
        TextPiece piece = in->items[i];
        const char *s = in->text.data + piece.from;
        size_t n = piece.to - piece.from, end = 0;
        for (size_t at = 0; piece.id < 0 && at < n;) {
            const AddedToken *a = pipeline_added_at(p, s + at, n - at, normalized);
            if (a && a->first && (i || at))
                a = NULL;
            size_t from = at, to = a ? at + a->needle_len : at + 1;
            if (a && fits(a, s, n, end, &from, &to)) {
                pieces_copy(out, in, piece.from + end, piece.from + from);
                pieces_end(out, -1);
                pieces_copy(out, in, piece.from + from, piece.from + to);
                pieces_end(out, a->id);
                end = to;
            } else if (a) /* what would have begun inside it is passed over too */
                to = at + a->needle_len;
            at = to;
        }
        pieces_copy(out, in, piece.from + end, piece.to);
        pieces_end(out, piece.id);
    }
}

static bool has_added(const Pipeline *p, bool normalized)
{
    for (size_t i = 0; i < p->added_count; i++)
        if (p->added[i].normalized == normalized)
            return true;
    return false;
}

/* ---- through the rules ---- */

static int apply_added(const Pipeline *p, TextPieces *pieces, bool normalized, Cut *watch, Error *e)
{
    TextPieces next = {.most = pieces->most};
    if (!has_added(p, normalized))
        return 0;
    cut_added(p, pieces, &next, normalized);
    pieces_free(pieces);
    *pieces = next;
    if (pieces_check(pieces, e) != 0)
        return -1;
    return cut_add_text(watch, "added_tokens", _("added tokens found in the text"), pieces, e);
}

static int apply_rules(const Rules *rules, TextPieces *pieces, Cut *watch, Error *e)
{
    int status = 0;
    for (size_t i = 0; status == 0 && i < rules->count; i++) {
        TextPieces next = {.most = pieces->most};
        status = rule_apply(&rules->items[i], pieces, &next, e);
        pieces_free(pieces);
        *pieces = next;
        if (status == 0 && watch) {
            Buffer what = {0};
            rule_say(&rules->items[i], &what);
            status = cut_add_text(watch, rules->items[i].type, buffer_text(&what), pieces, e);
            buffer_free(&what);
        }
    }
    return status;
}

/* ---- pieces to ids ---- */

typedef struct Out {
    CutId *items;
    size_t count, cap;
} Out;

static int add_id(Out *out, CutId id, Error *e)
{
    if (out->count == out->cap) {
        size_t cap = out->cap ? 2 * out->cap : 64;
        CutId *more = realloc(out->items, cap * sizeof *more);
        if (!more)
            return error_memory(e, "text");
        out->items = more;
        out->cap = cap;
    }
    out->items[out->count++] = id;
    return 0;
}

static CutMethod method_of(const Subword *s)
{
    static const CutMethod methods[] = {
        [SUBWORD_BPE] = CUT_MERGES, [SUBWORD_WORDPIECE] = CUT_PREFIXES, [SUBWORD_UNIGRAM] = CUT_LATTICE, [SUBWORD_WORDS] = CUT_WHOLE};
    return methods[s->kind];
}

static int cut_piece(const Pipeline *p, const TextPieces *pieces, TextPiece piece, CutTokens *tokens, Out *out, Cut *watch, Error *e)
{
    const char *text = pieces->text.data + piece.from;
    size_t n = piece.to - piece.from;
    CutPiece *w = cut_add_piece(watch, piece.id >= 0 ? CUT_ADDED : method_of(&p->subword), text, n, e);
    if (watch && !w)
        return -1;
    tokens->count = 0;
    int status = piece.id >= 0 ? cut_add_token(tokens, 0, n, piece.id, e) : subword_cut(&p->subword, text, n, tokens, w, e);
    if (w)
        w->first_id = out->count;
    for (size_t i = 0; status == 0 && i < tokens->count; i++) {
        CutToken t = tokens->items[i];
        status = add_id(out, (CutId){t.id, false, pieces_origin(pieces, piece.from + t.from, piece.from + t.to)}, e);
        if (status == 0 && w)
            status = cut_add_token(&w->tokens, t.from, t.to, t.id, e);
    }
    return status;
}

static int add_around(const Pipeline *p, int side, uint32_t at, Out *out, Error *e)
{
    for (size_t i = 0; i < p->around_count[side]; i++)
        if (add_id(out, (CutId){p->around[side][i], true, {at, at}}, e) != 0)
            return -1;
    return 0;
}

static int cut_all(const Pipeline *p, const TextPieces *pieces, uint32_t n, bool wrap, Out *out, Cut *watch, Error *e)
{
    CutTokens tokens = {NULL, 0, 0};
    int status = wrap ? add_around(p, 0, 0, out, e) : 0;
    for (size_t i = 0; status == 0 && i < pieces->count && !(wrap && p->skips_text); i++)
        status = cut_piece(p, pieces, pieces->items[i], &tokens, out, watch, e);
    free(tokens.items);
    return status == 0 && wrap ? add_around(p, 1, n, out, e) : status;
}

int pipeline_encode(const Pipeline *p, const char *text, size_t n, bool wrap, CutId **ids, size_t *count, Cut *watch, Error *e)
{
    TextPieces pieces = pieces_begin(n);
    Out out = {NULL, 0, 0};
    *ids = NULL;
    *count = 0;
    if (n > PIECES_MAX_INPUT)
        return error_set(e, "text: expected at most %d bytes, found %zu", PIECES_MAX_INPUT, n);
    for (size_t i = 0; i < n; i++)
        pieces_add(&pieces, text + i, 1, (Origin){(uint32_t)i, (uint32_t)i + 1});
    pieces_end(&pieces, -1);
    int status = pieces_check(&pieces, e);
    if (status == 0)
        status = cut_add_text(watch, "", _("the text"), &pieces, e);
    if (status == 0)
        status = apply_added(p, &pieces, false, watch, e);
    if (status == 0)
        status = apply_rules(&p->normalizer, &pieces, watch, e);
    if (status == 0)
        status = apply_added(p, &pieces, true, watch, e);
    if (status == 0)
        status = apply_rules(&p->pre_tokenizer, &pieces, watch, e);
    if (status == 0)
        status = cut_all(p, &pieces, (uint32_t)n, wrap, &out, watch, e);
    pieces_free(&pieces);
    if (status != 0) {
        free(out.items);
        return -1;
    }
    *ids = out.items;
    *count = out.count;
    return 0;
}
