/* found.h - what a JSON value is, for the end of an error: "expected a number, found …". */
#ifndef MODEL_FOUND_H
#define MODEL_FOUND_H

#include <jansson.h>

enum { FOUND_MAX = 128 };

/* The value of a number, text or word, "an array", "an object"; into out where it needs room. NULL is "none". */
const char *found_describe(const json_t *value, char out[FOUND_MAX]);

#endif
