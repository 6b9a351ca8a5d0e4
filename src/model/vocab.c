/* vocab.c - a table of tokens, looked up by id and by text.
 *
 * Owns the tokens' bytes and their order. Knows neither files nor how text is split. */
#include "model/vocab_table.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- building ---- */

Vocab *vocab_begin(size_t size)
{
    Vocab *v = calloc(1, sizeof *v);
    if (!v)
        return NULL;
    v->size = size;
    v->has_text = true;
    for (int i = 0; i < TOKEN_COUNT; i++)
        v->special[i] = -1;
    v->starts = calloc(size + 1, sizeof *v->starts);
    if (!v->starts) {
        vocab_free(v);
        return NULL;
    }
    return v;
}

void vocab_add(Vocab *v, size_t id, const char *text, size_t n)
{
    buffer_add(&v->pool, text, n);
    buffer_putc(&v->pool, '\0');
    v->starts[id + 1] = v->pool.len;
    if (n > v->longest)
        v->longest = n;
}

static int compare_texts(const char *a, size_t na, const char *b, size_t nb)
{
    size_t n = na < nb ? na : nb;
    int order = n ? memcmp(a, b, n) : 0;
    return order ? order : (na > nb) - (na < nb);
}

static int compare_entries(const void *a, const void *b)
{
    const VocabEntry *x = a, *y = b;
    int order = compare_texts(x->text, x->len, y->text, y->len);
    return order ? order : (x->id > y->id) - (x->id < y->id);
}

int vocab_index(Vocab *v, const char *file, Error *e)
{
    v->sorted = v->pool.failed ? NULL : malloc((v->size + 1) * sizeof *v->sorted);
    return v->sorted ? 0 : error_memory(e, file);
}

/* ---- texts that are made ---- */

/* To make them all is what opening a model would spend its time on: one is made when it is first asked for. */
struct MadeText {
    MadeText *next;
    int id;
    char text[];
};

enum { IDS_A_LIST = 16 };

Vocab *vocab_begin_made(size_t size, Pipeline *p, const char *file, Error *e)
{
    Vocab *v = vocab_begin(0);
    if (v) {
        v->size = size;
        v->pipeline = p;
        v->made = calloc(size / IDS_A_LIST + 1, sizeof *v->made);
    }
    if (v && v->made && vocab_index(v, file, e) == 0)
        return v;
    if (!v)
        pipeline_free(p);
    vocab_free(v);
    error_memory(e, file);
    return NULL;
}

Vocab *vocab_numbered(size_t size, Error *e)
{
    Vocab *v = vocab_begin_made(size, NULL, "vocabulary", e);
    if (v)
        v->has_text = false;
    return v;
}

static const char *made_text(const Vocab *v, int id)
{
    MadeText **list = &v->made[id / IDS_A_LIST], *one = *list;
    while (one && one->id != id)
        one = one->next;
    if (one)
        return one->text;
    Buffer text = {0};
    if (v->pipeline)
        pipeline_show(v->pipeline, id, &text);
    else
        buffer_printf(&text, "#%d", id);
    one = text.failed ? NULL : malloc(sizeof *one + text.len + 1);
    if (one) {
        *one = (MadeText){*list, id};
        memcpy(one->text, buffer_text(&text), text.len + 1);
        *list = one;
    }
    buffer_free(&text);
    return one ? one->text : "?";
}

static void free_made(Vocab *v)
{
    for (size_t i = 0; v->made && i <= v->size / IDS_A_LIST; i++)
        for (MadeText *one; (one = v->made[i]); free(one))
            v->made[i] = one->next;
    free(v->made);
}

/* ---- the order ---- */

/* The token's bytes and the NUL behind them. */
static const char *stored_text(const Vocab *v, int id)
{
    return v->made ? made_text(v, id) : v->pool.data + v->starts[id];
}

static void sort_entries(Vocab *v)
{
    for (size_t i = 0; i < v->size; i++) {
        size_t len;
        if (!v->pipeline || pipeline_spelling(v->pipeline, (int)i, &len))
            v->sorted[v->sorted_count++] = (VocabEntry){stored_text(v, (int)i), vocab_token_len(v, (int)i), (int)i};
    }
    qsort(v->sorted, v->sorted_count, sizeof *v->sorted, compare_entries);
    v->is_sorted = true;
}

const VocabEntry *vocab_sorted(const Vocab *v)
{
    if (!v->is_sorted)
        sort_entries((Vocab *)v);
    return v->sorted;
}

void vocab_free(Vocab *v)
{
    if (!v || (v->owners && v->owners--))
        return;
    pipeline_free(v->pipeline);
    pipeline_free(v->translation);
    buffer_free(&v->pool);
    free(v->starts);
    free_made(v);
    free(v->sorted);
    free(v->scores);
    free(v);
}

Vocab *vocab_share(Vocab *v)
{
    v->owners++;
    return v;
}

/* ---- looking up ---- */

size_t vocab_size(const Vocab *v)
{
    return v->size;
}

bool vocab_has_text(const Vocab *v)
{
    return v->has_text;
}

SplitKind vocab_split(const Vocab *v)
{
    return v->split;
}

int vocab_special(const Vocab *v, SpecialToken which)
{
    return v->special[which];
}

size_t vocab_token_len(const Vocab *v, int id)
{
    return v->made ? strlen(stored_text(v, id)) : v->starts[id + 1] - v->starts[id] - 1;
}

const char *vocab_token(const Vocab *v, int id)
{
    if (id < 0 || (size_t)id >= v->size)
        return "?";
    const char *text = stored_text(v, id);
    if (v->split == SPLIT_LLAMA2C) { /* it stores two tokens with the line ends it prints around them */
        if (strcmp(text, "\n<s>\n") == 0)
            return "<s>";
        if (strcmp(text, "\n</s>\n") == 0)
            return "</s>";
    }
    return text;
}

const char *vocab_spelling(const Vocab *v, int id)
{
    size_t n;
    const char *text = v->pipeline ? pipeline_spelling(v->pipeline, id, &n) : NULL;
    return text ? text : vocab_token(v, id);
}

bool vocab_has_spaces(const Vocab *v)
{
    return v->split == SPLIT_LLAMA2C || (v->pipeline && pipeline_has_spaces(v->pipeline));
}

const char *vocab_notes(const Vocab *v)
{
    return v->pipeline && v->pipeline->notes.len ? buffer_text(&v->pipeline->notes) : NULL;
}

/* The first place among the sorted entries whose text is not before the n bytes at text. */
static size_t lower_bound(const Vocab *v, const char *text, size_t n)
{
    const VocabEntry *sorted = vocab_sorted(v);
    size_t low = 0, high = v->sorted_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (compare_texts(sorted[middle].text, sorted[middle].len, text, n) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

int vocab_lookup(const Vocab *v, const char *text, size_t n)
{
    size_t at = lower_bound(v, text, n);
    bool found = at < v->sorted_count && compare_texts(v->sorted[at].text, v->sorted[at].len, text, n) == 0;
    return found ? v->sorted[at].id : -1;
}

int vocab_find(const Vocab *v, const char *token)
{
    for (int i = 0; i < TOKEN_COUNT; i++)
        if (v->special[i] >= 0 && strcmp(token, vocab_token(v, v->special[i])) == 0)
            return v->special[i];
    int id = vocab_lookup(v, token, strlen(token));
    return id < 0 && v->pipeline ? pipeline_find(v->pipeline, token, strlen(token)) : id;
}

/* The byte after the first `depth` of an entry; -1 where it ends there. */
static int byte_at(const VocabEntry *entry, size_t depth)
{
    return entry->len > depth ? (unsigned char)entry->text[depth] : -1;
}

int vocab_longest(const Vocab *v, const char *text, size_t n, bool (*allowed)(const Vocab *v, int id), size_t *len)
{
    const VocabEntry *sorted = vocab_sorted(v);
    size_t low = 0, high = v->sorted_count; /* the entries that share the first `depth` bytes with the text */
    int best = -1;
    for (size_t depth = 0; low < high; depth++) {
        if (depth > 0 && sorted[low].len == depth && allowed(v, sorted[low].id)) {
            best = sorted[low].id;
            *len = depth;
        }
        if (depth == n)
            break;
        int byte = (unsigned char)text[depth];
        size_t ends[2];
        for (int side = 0; side < 2; side++) { /* the first entry not before `byte`, then the first after it */
            size_t from = low, to = high;
            while (from < to) {
                size_t middle = from + (to - from) / 2;
                if (byte_at(&sorted[middle], depth) < byte + side)
                    from = middle + 1;
                else
                    to = middle;
            }
            ends[side] = from;
        }
        low = ends[0];
        high = ends[1];
    }
    return best;
}

void vocab_complete(const Vocab *v, const char *prefix, bool (*found)(void *context, const char *token), void *context)
{
    size_t n = strlen(prefix);
    if (!v->has_text)
        return;
    for (size_t at = lower_bound(v, prefix, n); at < v->sorted_count; at++) {
        const VocabEntry *entry = &v->sorted[at];
        if (entry->len < n || memcmp(entry->text, prefix, n) != 0 || !found(context, vocab_token(v, entry->id)))
            return;
    }
}
