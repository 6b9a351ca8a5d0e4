/* task_words.h - the words a task writes its sentences with, and a sentence while it is written.
 *
 * Owns neither: a table belongs to its task, a line to the one who writes it. Knows no grammar. */
#ifndef TRAIN_TASK_WORDS_H
#define TRAIN_TASK_WORDS_H

#include "train/task.h"

#include <stdbool.h>

enum { WORDS_MAX = 1024, WORDS_SLOTS = 4096, LINE_MAX = 256 };

typedef struct Word {
    const char *text; /* not ended by a NUL: "train" within "train ticket" */
    size_t len;
} Word;

/* Words by id, found by text. Filled once with strings that live as long as the program; then only read, from any thread. */
typedef struct WordTable {
    Word words[WORDS_MAX];
    short slots[WORDS_SLOTS]; /* id + 1 by hash; 0: free */
    int count;
} WordTable;

/* Adds the words of a text, which are separated by spaces, but for those that are there. */
void words_add(WordTable *t, const char *text);
/* The id of the n bytes at text, or -1. */
int words_id(const WordTable *t, const char *text, size_t n);
/* Writes the table as a vocab.txt. */
void words_write(const WordTable *t, Buffer *out);

/* Takes the first word off *text: its bytes, how many in *n; NULL where there is none left. */
const char *words_next(const char **text, size_t *n);

/* A sentence as ids. */
typedef struct Line {
    const WordTable *table;
    int ids[LINE_MAX];
    size_t n;
    bool bad; /* a word that is not in the table, or too many: a fault of the grammar */
} Line;

/* Adds the words of a text, which are separated by spaces. */
void line_say(Line *l, const char *text);

/* ---- what tasks do with a sentence ---- */

/* The side that a sentence belongs to: a hash of its ids puts one in `every` on the held-out side. */
TaskSplit task_split(const int *ids, size_t n, unsigned every);

void task_example_clear(TaskExample *x);
/* Appends n ids. */
int task_add(Ids *to, const int *ids, size_t n, Error *e);
/* Sets the config's special tokens (-1: none), how it is split, and the text it begins with. */
int task_configure(Config *c, ModelKind kind, size_t vocab_size, SplitKind split, const int special[TOKEN_COUNT], const char *example,
                   Error *e);

#endif
