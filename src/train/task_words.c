/* task_words.c - words by text and by id, and what all tasks do with a sentence.
 *
 * Owns how sentences are told apart into training and held out. Knows no grammar. */
#include "train/task_words.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* FNV-1a, 64 bits (Fowler, Noll and Vo). */
static uint64_t hash_bytes(uint64_t hash, const void *bytes, size_t n)
{
    const unsigned char *b = bytes;
    for (size_t i = 0; i < n; i++)
        hash = (hash ^ b[i]) * 0x100000001b3u;
    return hash;
}

static const uint64_t hash_start = 0xcbf29ce484222325u;

/* ---- the table ---- */

/* The slot of a text: where it is, or where it would be. */
static size_t slot_of(const WordTable *t, const char *text, size_t n)
{
    size_t slot = (size_t)(hash_bytes(hash_start, text, n) % WORDS_SLOTS);
    while (t->slots[slot]) {
        const Word *w = &t->words[t->slots[slot] - 1];
        if (w->len == n && memcmp(w->text, text, n) == 0)
            break;
        slot = (slot + 1) % WORDS_SLOTS;
    }
    return slot;
}

const char *words_next(const char **text, size_t *n)
{
    const char *word = *text + strspn(*text, " ");
    *n = strcspn(word, " ");
    *text = word + *n;
    return *n ? word : NULL;
}

void words_add(WordTable *t, const char *text)
{
    size_t n;
    for (const char *word; (word = words_next(&text, &n)) != NULL;) {
        size_t slot = slot_of(t, word, n);
        if (t->slots[slot] || t->count == WORDS_MAX)
            continue;
        t->words[t->count++] = (Word){word, n};
        t->slots[slot] = (short)t->count;
    }
}

int words_id(const WordTable *t, const char *text, size_t n)
{
    return t->slots[slot_of(t, text, n)] - 1;
}

void words_write(const WordTable *t, Buffer *out)
{
    for (int i = 0; i < t->count; i++) {
        buffer_add(out, t->words[i].text, t->words[i].len);
        buffer_putc(out, '\n');
    }
}

/* ---- a line ---- */

void line_say(Line *l, const char *text)
{
    size_t n;
    for (const char *word; (word = words_next(&text, &n)) != NULL;) {
        int id = words_id(l->table, word, n);
        if (id < 0 || l->n == LINE_MAX)
            l->bad = true;
        else
            l->ids[l->n++] = id;
    }
}

/* ---- examples ---- */

TaskSplit task_split(const int *ids, size_t n, unsigned every)
{
    uint64_t hash = hash_start;
    for (size_t i = 0; i < n; i++) { /* byte by byte, so that every machine agrees */
        unsigned char bytes[2] = {(unsigned char)(ids[i] & 0xff), (unsigned char)(ids[i] >> 8)};
        hash = hash_bytes(hash, bytes, sizeof bytes);
    }
    Random mixed = random_seeded(hash); /* FNV's low bits alone are poor */
    return random_bits(&mixed) % every == 0 ? TASK_HELD_OUT : TASK_TRAIN;
}

void task_example_clear(TaskExample *x)
{
    x->source.len = x->input.len = x->targets.len = 0;
}

int task_add(Ids *to, const int *ids, size_t n, Error *e)
{
    for (size_t i = 0; i < n; i++)
        if (ids_add(to, ids[i], e) != 0)
            return -1;
    return 0;
}

int task_configure(Config *c, ModelKind kind, size_t vocab_size, SplitKind split, const int special[TOKEN_COUNT], const char *example,
                   Error *e)
{
    char *copy = strdup(example);
    if (!copy)
        return error_memory(e, "task");
    free(c->example);
    c->example = copy;
    c->kind = kind;
    c->vocab_size = vocab_size;
    c->split = split;
    for (int i = 0; i < TOKEN_COUNT; i++) {
        free(c->token_texts[i]);
        c->token_texts[i] = NULL;
        *config_token(c, (SpecialToken)i) = special[i];
    }
    return 0;
}
