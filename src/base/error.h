/* error.h - one line that says what was wrong.
 *
 * Owns: the text of an error. Knows nothing of where it will be shown.
 *
 * The engine never prints and never exits: a function that can fail takes an
 * Error and returns -1 (or NULL), and whoever called the program's entry point
 * shows the line. A message reads
 *
 *     FILE: PLACE: expected E, found F; what to try
 *
 * and never ends in a newline. */
#ifndef BASE_ERROR_H
#define BASE_ERROR_H

typedef struct Error {
    char text[1024]; /* empty while nothing went wrong */
} Error;

/* Formats the message into e (which may be NULL) and returns -1, so that a
 * failing function can end with `return error_set(e, …);`. Control characters
 * in the result are replaced by '?': a hostile file must not steer a terminal. */
int error_set(Error *e, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Puts "PREFIX: " before an error that a lower function set; returns -1. */
int error_prefix(Error *e, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* The error of an allocation that failed; returns -1. */
int error_memory(Error *e, const char *what);

#endif
