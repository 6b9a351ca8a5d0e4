/* buffer.h - a growing string of bytes.
 *
 * Owns its bytes; buffer_free gives them back. The bytes are always followed by
 * a NUL that is not counted. After a failed allocation the buffer is `failed`,
 * ignores further additions, and the caller checks once at the end. */
#ifndef BASE_BUFFER_H
#define BASE_BUFFER_H

#include <stdbool.h>
#include <stddef.h>

typedef struct Buffer {
    char *data; /* NULL while empty */
    size_t len, cap;
    bool failed;
} Buffer;

void buffer_add(Buffer *b, const void *bytes, size_t n);
void buffer_puts(Buffer *b, const char *s);
void buffer_putc(Buffer *b, char c);
void buffer_printf(Buffer *b, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* Adds n times the character c. */
void buffer_fill(Buffer *b, char c, size_t n);
/* Adds n bytes as a field of CSV: in quotes where RFC 4180 asks for them, or where it begins or ends with a space. */
void buffer_put_csv(Buffer *b, const char *s, size_t n);
/* Forgets the content, keeps the memory. */
void buffer_clear(Buffer *b);
void buffer_free(Buffer *b);
/* The content as a C string: "" while empty. Owned by the buffer. */
const char *buffer_text(const Buffer *b);

#endif
