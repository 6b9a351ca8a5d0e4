/* tokens.h - between the files of the subcommand `tokens`. */
#ifndef CLI_TOKENS_H
#define CLI_TOKENS_H

#include "model/vocab.h"

/* Adds how the text becomes tokens: the text after each rule, then each piece with its merges. */
int tokens_add_steps(const Vocab *v, const char *text, EncodeFor how, Buffer *out, Error *e);

#endif
