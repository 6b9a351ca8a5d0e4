/* pattern.h - what a tokenizer's rule looks for in a text: a regular expression, a text, or a class of characters.
 *
 * Owns the translation of the expressions that tokenizer.json holds (Oniguruma's Ruby syntax) for PCRE2. Knows no rule. */
#ifndef MODEL_PATTERN_H
#define MODEL_PATTERN_H

#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct Pattern Pattern;

typedef struct Match {
    size_t from, to;
} Match;

typedef struct Matches {
    Match *items;
    size_t count, cap;
} Matches;

/* A regular expression. `place` names it in errors ("tokenizer.json: pre_tokenizer"). */
Pattern *pattern_regex(const char *regex, size_t n, const char *place, Error *e);
/* This text, which is not empty. */
Pattern *pattern_text(const char *text, size_t n, Error *e);
/* Every character that the function says yes to. */
Pattern *pattern_class(bool (*is)(int32_t c), Error *e);
/* The text that a pattern made of one looks for; NULL for the others. */
const char *pattern_literal(const Pattern *p, size_t *n);
void pattern_free(Pattern *p);

/* All matches in the n bytes at text, which are UTF-8, from left to right, without overlap. -1 with e set where that takes too long. */
int pattern_find(const Pattern *p, const char *text, size_t n, Matches *out, Error *e);

/* GPT-2's pattern: contractions, letters, numbers, other marks, white space.
 * https://github.com/openai/gpt-2/blob/master/src/encoder.py */
extern const char PATTERN_GPT2[];

/* Classes of characters, by Unicode. */
bool char_is_space(int32_t c);       /* White_Space */
bool char_is_mark(int32_t c);        /* M: combining */
bool char_is_nonspacing(int32_t c);  /* Mn */
bool char_is_numeric(int32_t c);     /* N */
bool char_is_punctuation(int32_t c); /* P, and ASCII's symbols */
bool char_is_control(int32_t c);     /* Cc, Cf, Cs, Co but \t \n \r */
bool char_is_chinese(int32_t c);     /* CJK ideographs, as BERT counts them */
bool char_is_word(int32_t c);        /* \w */

#endif
