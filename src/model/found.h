/* found.h - what is found instead of what was expected, for the end of an error: a JSON value, or a file of another format.
 *
 * Owns the beginnings of formats that people mistake for others, and how a text is parsed as JSON. Knows nothing of what it should say. */
#ifndef MODEL_FOUND_H
#define MODEL_FOUND_H

#include "base/error.h"

#include <jansson.h>
#include <stddef.h>

enum { FOUND_MAX = 128 };

/* The value of a number, text or word, "an array", "an object"; into out where it needs room. NULL is "none". */
const char *found_describe(const json_t *value, char out[FOUND_MAX]);

/* What the file with these n bytes is, told by its beginning, with what to try: "a Git LFS pointer, not the file itself; try 'git lfs
 * pull'", "an empty file; …", "a web page; …". NULL where it begins as no such file does. */
const char *found_format(const void *bytes, size_t n);

/* A whole text as JSON, also behind a byte order mark; flags are jansson's. NULL with e set: "FILE: line L, column C: expected JSON: …", or
 * what the file is instead. */
json_t *found_json(const void *bytes, size_t n, size_t flags, const char *file, Error *e);

#endif
