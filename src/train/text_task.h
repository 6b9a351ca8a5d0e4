/* text_task.h - a text of one's own as something to learn: its tokens, and pieces of it as examples.
 *
 * Owns the text and its vocabulary. The last tenth of the tokens is held out. */
#ifndef TRAIN_TEXT_TASK_H
#define TRAIN_TEXT_TASK_H

#include "model/vocab.h"
#include "train/task.h"

typedef struct TextTask TextTask;

enum { TEXT_MAX_BYTES = 16 << 20, TEXT_MAX_TOKENS = 4096 /* of the vocabulary */ };

/* Reads a file of UTF-8 text and makes a vocabulary of its characters or words, the most frequent ones if there are more than
 * TEXT_MAX_TOKENS: the others become "<unk>". Words are split as vocab_encode splits them, ASCII punctuation at a word's ends a token
 * of its own. Sets c's vocab_size and unk. Fewer than two pieces of `length` tokens on a side are an error. */
TextTask *text_task_open(const char *path, size_t length, Config *c, Error *e);
void text_task_free(TextTask *t);
void text_task_vocabulary(const TextTask *t, Buffer *out);
const char *text_task_bytes(const TextTask *t, size_t *n);
/* A piece of `length` tokens that begins anywhere on its side; each token's target is the next one. */
int text_task_draw(const TextTask *t, Random *r, TaskSplit split, TaskExample *out, Error *e);

#endif
