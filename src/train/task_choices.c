/* task_choices.c - choices at random, along a tape, or through all there are.
 *
 * Owns the order in which all sentences are gone through. Knows no grammar. */
#include "train/task_choices.h"

#include <math.h>

void choices_begin(Choices *c, Random *random)
{
    c->random = random;
    c->nats = 0;
    c->dead = false;
    c->count = c->at = 0;
    c->line = NULL;
    c->table = NULL;
    c->bag = NULL;
}

/* Puts the choice of one of n that a random state, or its lack, made on the tape. */
static size_t note(Choices *c, size_t taken, size_t n)
{
    if (c->count == CHOICES_MAX || n > 0xffff) {
        c->dead = true;
        return 0;
    }
    c->tape[c->count++] = (Choice){(unsigned short)taken, (unsigned short)n, (unsigned short)(c->line ? c->line->n : 0)};
    c->at = c->count;
    return taken;
}

size_t choose(Choices *c, size_t n)
{
    if (n == 0)
        c->dead = true;
    if (c->dead)
        return 0;
    c->nats += log((double)n);
    if (c->at < c->count)
        return c->tape[c->at++].taken;
    return note(c, c->random ? (size_t)random_below(c->random, n) : 0, n);
}

size_t choose_weighted(Choices *c, const int *weights, size_t n)
{
    size_t options = 0; /* on offer; the tape counts only these */
    int total = 0;
    for (size_t i = 0; i < n; i++) {
        options += weights[i] > 0;
        total += weights[i];
    }
    if (options == 0)
        c->dead = true;
    if (c->dead)
        return 0;
    size_t taken = 0;
    if (c->at < c->count)
        taken = c->tape[c->at++].taken;
    else {
        if (c->random) {
            int left = (int)random_below(c->random, (uint64_t)total);
            for (size_t i = 0; (left -= weights[i]) >= 0; i++)
                taken += weights[i] > 0;
        }
        taken = note(c, taken, options);
    }
    for (size_t i = 0; i < n; i++)
        if (weights[i] > 0 && taken-- == 0) {
            c->nats += log((double)total) - log((double)weights[i]);
            return i;
        }
    c->dead = true; /* a tape of another grammar */
    return 0;
}

bool choose_chance(Choices *c, int percent)
{
    return choose_weighted(c, (int[]){100 - percent, percent}, 2) == 1;
}

bool choose_words(Choices *c, int percent, const char *words)
{
    if (!choices_have(c, words) || !choose_chance(c, percent))
        return false;
    choices_use(c, words);
    return true;
}

const char *choose_either(Choices *c, int percent, const char *first, const char *second)
{
    if (choose_words(c, percent, first))
        return first;
    choices_use(c, second);
    return second;
}

bool choices_have(const Choices *c, const char *words)
{
    size_t n;
    if (!c->bag || !words)
        return true;
    for (const char *word; (word = words_next(&words, &n)) != NULL;) {
        int id = words_id(c->table, word, n);
        if (id < 0 || c->bag[id] == 0)
            return false;
    }
    return true;
}

void choices_use(Choices *c, const char *words)
{
    size_t n;
    if (!c->bag || !words)
        return;
    for (const char *word; (word = words_next(&words, &n)) != NULL;) {
        int id = words_id(c->table, word, n);
        if (id < 0 || c->bag[id] == 0)
            c->dead = true;
        else
            c->bag[id]--;
    }
}

bool choices_next(Choices *c)
{
    c->nats = 0;
    c->dead = false;
    if (c->at < c->count)
        c->count = c->at; /* what a sentence that ended early did not read */
    c->at = 0;
    while (c->count && c->tape[c->count - 1].taken + 1 == c->tape[c->count - 1].of)
        c->count--;
    if (c->count == 0)
        return false;
    c->tape[c->count - 1].taken++;
    return true;
}
