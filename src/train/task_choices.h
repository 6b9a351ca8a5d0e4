/* task_choices.h - the choices a grammar makes while it writes a sentence.
 *
 * Owns nothing: the state is the caller's. Knows no grammar. A writer of sentences is a plain function that asks here whenever
 * there is something to choose, and so can be run in three ways: at random, along a tape of choices made before, and through all there are,
 *
 *     Choices c;
 *     choices_begin(&c, NULL);
 *     do write(&c); while (choices_next(&c));
 *
 * The last way can be kept to a bag of words: what needs a word that is not left in the bag cannot be taken then. The probabilities stay
 * those of drawing at random. */
#ifndef TRAIN_TASK_CHOICES_H
#define TRAIN_TASK_CHOICES_H

#include "train/task_words.h"

enum { CHOICES_MAX = 256 };

typedef struct Choice {
    unsigned short taken, of; /* option number, and how many there were */
    unsigned short place;     /* words of `line` when it was made */
} Choice;

typedef struct Choices {
    Random *random; /* NULL: the first option of each choice that is not on the tape */
    double nats;    /* -log of the probability of all choices so far */
    bool dead;      /* a choice had no option: the sentence cannot be finished */
    Choice tape[CHOICES_MAX];
    size_t count, at; /* of the tape, and how far it was read: choices past it are added to it */
    const Line *line; /* whose length the tape notes; may be NULL */
    const WordTable *table;
    unsigned char *bag; /* [WORDS_MAX] how many of each word may still be used; NULL: any */
} Choices;

/* No choice made yet; random may be NULL. Leaves the tape's room as it is: drawing is fast. */
void choices_begin(Choices *c, Random *random);
/* One of n options, each as likely. 0 and dead where n is 0. */
size_t choose(Choices *c, size_t n);
/* The same where only `left` of the n options can be taken from the bag: number 0 … left-1 of these, each with the probability 1/n that it
 * has where there is no bag. */
size_t choose_left(Choices *c, size_t left, size_t n);
/* One of n options (at most 32), of which option i has weights[i] parts of the probability. */
size_t choose_weighted(Choices *c, const int *weights, size_t n);
/* The same where only the options that are `open` can be taken, each with the probability it has where all are. */
size_t choose_open(Choices *c, const int *weights, const bool *open, size_t n);
/* True in `percent` of all cases. */
bool choose_chance(Choices *c, int percent);
/* The same for something that uses the words of a text: false where they are not left. */
bool choose_words(Choices *c, int percent, const char *words);
/* One of two texts, the first in `percent` of all cases; uses its words. */
const char *choose_either(Choices *c, int percent, const char *first, const char *second);
/* True where the words of a text (which may be NULL) are left. */
bool choices_have(const Choices *c, const char *words);
/* Takes the words out of the bag; dead where they are not left. */
void choices_use(Choices *c, const char *words);

/* Turns the tape to the next sentence; false after the last. The caller fills the bag again. */
bool choices_next(Choices *c);

#endif
