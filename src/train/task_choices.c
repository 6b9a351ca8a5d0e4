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

size_t choose_left(Choices *c, size_t left, size_t n)
{
    if (left == 0)
        c->dead = true;
    if (c->dead)
        return 0;
    c->nats += log((double)n);
    if (c->at < c->count)
        return c->tape[c->at++].taken;
    return note(c, c->random ? (size_t)random_below(c->random, left) : 0, left);
}

size_t choose(Choices *c, size_t n)
{
    return choose_left(c, n, n);
}

size_t choose_open(Choices *c, const int *weights, const bool *open, size_t n)
{
    size_t options = 0; /* that can be taken; the tape counts only these */
    int all = 0, total = 0;
    for (size_t i = 0; i < n; i++) {
        all += weights[i];
        if (open[i] && weights[i] > 0) {
            options++;
            total += weights[i];
        }
    }
    if (options == 0)
        c->dead = true;
    if (c->dead)
        return 0;
    size_t taken = 0;
    if (c->at < c->count)
        taken = c->tape[c->at++].taken;
    else {
        int part = c->random ? (int)random_below(c->random, (uint64_t)total) : 0;
        for (size_t i = 0; c->random && (!open[i] || part >= weights[i]); i++)
            if (open[i] && weights[i] > 0) {
                part -= weights[i];
                taken++;
            }
        taken = note(c, taken, options);
    }
    for (size_t i = 0; i < n; i++)
        if (open[i] && weights[i] > 0 && taken-- == 0) {
            c->nats += log((double)all) - log((double)weights[i]);
            return i;
        }
    c->dead = true; /* a tape of another grammar */
    return 0;
}

size_t choose_weighted(Choices *c, const int *weights, size_t n)
{
    static const bool open[32] = {true, true, true, true, true, true, true, true, true, true, true, true, true, true, true, true,
                                  true, true, true, true, true, true, true, true, true, true, true, true, true, true, true, true};
    return choose_open(c, weights, open, n);
}

bool choose_chance(Choices *c, int percent)
{
    return choose_weighted(c, (int[]){100 - percent, percent}, 2) == 1;
}

bool choose_words(Choices *c, int percent, const char *words)
{
    bool taken = choose_open(c, (int[]){100 - percent, percent}, (bool[]){true, choices_have(c, words)}, 2) == 1;
    if (taken)
        choices_use(c, words);
    return taken;
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
