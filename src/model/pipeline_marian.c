/* pipeline_marian.c - Marian's tokenizer: the pieces and scores of a SentencePiece file, the ids of a vocab.json.
 *
 * A text is cut into the pieces of its language's file; each piece's id is its place in vocab.json, which both languages share, or that of
 * <unk>. The order is that of the transformers library's MarianTokenizer; the normalisation is SentencePiece's own, which takes the longest
 * entry of its table at each place. */
#include "base/text.h"
#include "model/config.h"
#include "model/nearest.h"
#include "model/pipeline_json.h"
#include "model/spm.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static const char SPACE[] = "\xe2\x96\x81"; /* ▁ */

/* ---- vocab.json ---- */

/* Checks the tokens and ids; *size: one more than the largest id. */
static int read_vocab(json_t *root, size_t *size, const char *file, Error *e)
{
    const char *token;
    json_t *value;
    char quoted[QUOTE_SHORT], found[FOUND_MAX];
    json_int_t most = 2 * (json_int_t)json_object_size(root) + 256; /* a few ids may be left out */
    *size = 0;
    json_object_foreach(root, token, value)
    {
        json_int_t id = json_integer_value(value);
        size_t len = strlen(token);
        if (!json_is_integer(value) || id < 0 || id > most || id >= CONFIG_MAX_SIZE)
            return error_set(e, "%s: %s: expected an id from 0 to about the number of tokens, %zu, found %s", file,
                             quote_short(token, len, quoted), json_object_size(root), found_describe(value, found));
        if (len == 0 || len > TOKENIZER_MAX_TOKEN)
            return error_set(e, "%s: expected tokens of 1 to %d bytes, found %zu", file, TOKENIZER_MAX_TOKEN, len);
        *size = (size_t)id + 1 > *size ? (size_t)id + 1 : *size;
    }
    return 0;
}

/* The ids of vocab.json, and behind them those of the pieces that it lacks. */
static int add_tokens(Pipeline *p, json_t *root, const Spm *s, const char *vocab_file, const char *spm_file, Error *e)
{
    const char *token;
    json_t *value;
    char quoted[QUOTE_SHORT];
    TokenTable *t = &p->subword.tokens;
    if (token_table_init(t, p->size + s->count, e) != 0)
        return -1;
    json_object_foreach(root, token, value)
    {
        int id = (int)json_integer_value(value);
        if (t->known[id])
            return error_set(e, "%s: %s: expected an id of its own, found %d, which another token has", vocab_file,
                             quote_short(token, strlen(token), quoted), id);
        if (token_table_add(t, id, token, strlen(token), e) != 0)
            return -1;
    }
    double *scores = malloc(t->size * sizeof *scores);
    p->subword.scores = scores;
    if (!scores)
        return error_memory(e, spm_file);
    for (size_t i = 0; i < t->size; i++)
        scores[i] = NAN;
    p->subword.least = INFINITY;
    for (size_t i = 0, next = p->size; i < s->count; i++) {
        const SpmPiece *piece = &s->pieces[i];
        int id = token_table_find(t, piece->text, piece->len);
        if (piece->type != SPM_NORMAL)
            continue;
        if (id < 0 && token_table_add(t, id = (int)next++, piece->text, piece->len, e) != 0)
            return -1;
        if (!isnan(scores[id]))
            return error_set(e, "%s: piece %zu: expected a new piece, found %s again", spm_file, i,
                             quote_short(piece->text, piece->len, quoted));
        scores[id] = piece->score;
        p->subword.least = fmin(p->subword.least, piece->score);
    }
    if (isinf(p->subword.least))
        return error_set(e, "%s: expected normal pieces, found none", spm_file);
    return 0;
}

/* ---- the rules ---- */

static int add_replace(Pipeline *p, const char *regex, const char *by, const char *place, Error *e)
{
    Rule r = {.kind = RULE_REPLACE, .type = "SentencePiece", .text = strdup(by), .len = strlen(by)};
    r.pattern = pattern_regex(regex, strlen(regex), place, e);
    if (!r.pattern || !r.text) {
        pattern_free(r.pattern);
        free(r.text);
        return r.pattern ? error_memory(e, place) : -1;
    }
    return rules_add(&p->normalizer, r, e);
}

static int add_rules(Pipeline *p, const Spm *s, const char *place, Error *e)
{
    if (s->charsmap_len) {
        Rule table = {.kind = RULE_CHARSMAP, .type = "SentencePiece", .longest = true};
        table.map = charsmap_read_bytes(s->charsmap, s->charsmap_len, place, e);
        if (!table.map || rules_add(&p->normalizer, table, e) != 0)
            return -1;
    }
    if (s->removes_spaces && (add_replace(p, " {2,}", " ", place, e) != 0 || add_replace(p, "^ | $", "", place, e) != 0))
        return -1;
    if (s->dummy_prefix) {
        Rule prefix = {.kind = RULE_PREPEND, .type = "SentencePiece", .text = strdup(" "), .len = 1};
        if (!prefix.text)
            return error_memory(e, place);
        if (rules_add(&p->normalizer, prefix, e) != 0)
            return -1;
    }
    return s->escapes_spaces ? add_replace(p, " ", SPACE, place, e) : 0;
}

/* ---- tokens that stand for themselves: </s>, <unk>, <pad>, and languages (>>fra<<), which only a text's beginning can be ---- */

static bool is_language(const char *token, size_t n)
{
    return n > 4 && memcmp(token, ">>", 2) == 0 && memcmp(token + n - 2, "<<", 2) == 0;
}

static int by_text(const void *a, const void *b)
{
    const AddedToken *x = a, *y = b;
    unsigned char first = (unsigned char)x->text[0], second = (unsigned char)y->text[0];
    if (first != second)
        return first < second ? -1 : 1;
    return (x->len < y->len) - (x->len > y->len);
}

static int by_id(const void *a, const void *b)
{
    const AddedToken *const *x = a, *const *y = b;
    return ((*x)->id > (*y)->id) - ((*x)->id < (*y)->id);
}

static int add_specials(Pipeline *p, json_t *root, const char *file, Error *e)
{
    static const char *const specials[] = {"</s>", "<unk>", "<pad>"};
    const char *token;
    json_t *value;
    size_t count = 0;
    json_object_foreach(root, token, value) count += is_language(token, strlen(token));
    p->added = calloc(count + 3, sizeof *p->added);
    p->added_ids = malloc((count + 3) * sizeof *p->added_ids);
    const AddedToken **order = malloc((count + 3) * sizeof *order);
    int status = p->added && p->added_ids && order ? 0 : error_memory(e, file);
    json_object_foreach(root, token, value)
    {
        bool language = is_language(token, strlen(token)), special = false;
        for (size_t i = 0; i < 3; i++)
            special = special || strcmp(token, specials[i]) == 0;
        if (status != 0 || (!language && !special))
            continue;
        AddedToken *a = &p->added[p->added_count];
        *a = (AddedToken){
            .text = strdup(token), .len = strlen(token), .id = (int)json_integer_value(value), .special = special, .first = language};
        a->needle = strdup(token);
        a->needle_len = a->len;
        p->added_count++;
        if (!a->text || !a->needle)
            status = error_memory(e, file);
    }
    if (status == 0) {
        qsort(p->added, p->added_count, sizeof *p->added, by_text);
        for (size_t i = 0; i < p->added_count; i++)
            order[i] = &p->added[i];
        qsort(order, p->added_count, sizeof *order, by_id);
        for (size_t i = 0; i < p->added_count; i++)
            p->added_ids[i] = (int)(order[i] - p->added);
    }
    free(order);
    return status;
}

/* ---- the whole ---- */

/* What stands around a text: behind one to be translated the end token, in front of a translation the token that the decoder begins with.
 */
static int add_around(Pipeline *p, int side, int id, const char *file, Error *e)
{
    if (id < 0)
        return 0;
    p->around[side] = malloc(sizeof **p->around);
    if (!p->around[side])
        return error_memory(e, file);
    p->around[side][p->around_count[side]++] = id;
    return 0;
}

static int build(Pipeline *p, json_t *root, const Spm *s, int begin, const char *vocab_file, const char *spm_file, Error *e)
{
    static const char unknown[] = "<unk>", end[] = "</s>";
    Subword *w = &p->subword;
    Decoder d = {.kind = DECODE_METASPACE, .text = strdup(SPACE), .len = sizeof SPACE - 1};
    w->kind = SUBWORD_UNIGRAM;
    w->fuse_unk = true;
    w->byte_fallback = s->byte_fallback;
    w->prefix = strdup("");
    w->suffix = strdup("");
    if (!d.text || !w->prefix || !w->suffix) {
        free(d.text);
        return error_memory(e, vocab_file);
    }
    if (decoders_add(p, d, e) != 0 || read_vocab(root, &p->size, vocab_file, e) != 0 ||
        add_tokens(p, root, s, vocab_file, spm_file, e) != 0)
        return -1;
    w->listed = p->size;
    w->unk = token_table_find(&w->tokens, unknown, sizeof unknown - 1);
    int stop = token_table_find(&w->tokens, end, sizeof end - 1);
    if (w->unk < 0 || stop < 0 || w->unk >= (int)p->size || stop >= (int)p->size)
        return error_set(e, "%s: expected the token %s, found none", vocab_file, w->unk < 0 || w->unk >= (int)p->size ? unknown : end);
    if (subword_finish(w, e) != 0 || add_rules(p, s, spm_file, e) != 0 || add_specials(p, root, vocab_file, e) != 0)
        return -1;
    return begin >= 0 ? add_around(p, 0, begin, vocab_file, e) : add_around(p, 1, stop, vocab_file, e);
}

Pipeline *pipeline_read_marian(const char *vocab, size_t n, const char *vocab_file, const unsigned char *spm, size_t spm_n,
                               const char *spm_file, int begin, Error *e)
{
    char found[FOUND_MAX];
    Spm s;
    json_t *root = found_json(vocab, n, JSON_REJECT_DUPLICATES, vocab_file, e);
    if (!root)
        return NULL;
    Pipeline *p = NULL;
    int status = -1;
    if (!json_is_object(root))
        error_set(e, "%s: expected an object that says each token's id, found %s", vocab_file, found_describe(root, found));
    else if (spm_read(&s, spm, spm_n, spm_file, e) == 0) {
        p = calloc(1, sizeof *p);
        status = p ? build(p, root, &s, begin, vocab_file, spm_file, e) : error_memory(e, spm_file);
        spm_free(&s);
    }
    json_decref(root);
    if (status == 0) {
        buffer_add(&p->source, (const char *)spm, spm_n);
        buffer_add(&p->ids, vocab, n);
        status = p->source.failed || p->ids.failed ? error_memory(e, spm_file) : 0;
    }
    if (status == 0)
        return p;
    pipeline_free(p);
    return NULL;
}
