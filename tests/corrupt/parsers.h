/* parsers.h - every parser of files and typed text, as one function of bytes: what replay.c and the fuzzers in
 * tests/fuzz call. */
#ifndef TESTS_CORRUPT_PARSERS_H
#define TESTS_CORRUPT_PARSERS_H

#include "base/error.h"

#include <stddef.h>
#include <stdint.h>

typedef struct Parser {
    const char *kind;
    /* Reads the bytes as a file named "input". What was accepted is used: every value read, every token encoded and
     * decoded, written and read again; where that does not fit together the program is aborted. 0 or -1. */
    int (*parse)(const uint8_t *bytes, size_t n, Error *e);
} Parser;

/* In parsers_tokenizer.c. */
int parse_tokenizer_json(const uint8_t *bytes, size_t n, Error *e);
int parse_merges(const uint8_t *bytes, size_t n, Error *e);
int parse_bert(const uint8_t *bytes, size_t n, Error *e);
int parse_spm(const uint8_t *bytes, size_t n, Error *e);

/* In parsers_pass.c, which needs all of the engine; not there with FILES_ONLY. */
int parse_expression(const uint8_t *bytes, size_t n, Error *e);
int parse_breakpoint(const uint8_t *bytes, size_t n, Error *e);
int parse_edits(const uint8_t *bytes, size_t n, Error *e);

/* Ends with a row without a kind. */
extern const Parser parsers[];

const Parser *parser_find(const char *kind);

/* Parses a copy of the bytes that ends where they end, so that a sanitizer sees a read beyond. Aborts where the
 * parser refuses them without a message of one line that begins with "input" ("random" for what has no file). */
int parser_run(const Parser *p, const uint8_t *bytes, size_t n, Error *e);

/* The body of a fuzzer. */
int parser_fuzz(const char *kind, const uint8_t *bytes, size_t n);
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);

#endif
