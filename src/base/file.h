/* file.h - whole files: mapped for reading, written all or nothing.
 *
 * Owns mappings, their list (opened and closed by one thread), and temporary names. Knows no format. */
#ifndef BASE_FILE_H
#define BASE_FILE_H

#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>

/* A file as read-only bytes. Mapped where it is a regular file, read where it is small or
 * none (a pipe). data is never NULL after success, even for an empty file. */
typedef struct File {
    const unsigned char *data;
    size_t size;
    bool mapped;
} File;

/* Opens path, or sets e ("PATH: cannot be read: …") and returns -1. A directory is
 * an error. */
int file_open(File *f, const char *path, Error *e);
void file_close(File *f);
/* Reading a mapped file that another program has cut short since is a SIGBUS. This is the line to show where reading `address` was one, or NULL
 * where no mapped file lies there; it was prepared when the file was opened, so that a signal handler may ask. */
const char *file_fault(const void *address);

/* Writes n bytes to path: into a temporary file beside it, synced, then renamed, so
 * that a full disk or a kill leaves the old file whole. 0, or -1 with e set. */
int file_write(const char *path, const void *bytes, size_t n, Error *e);

/* Hands over the next bytes of what is being written, which stay until it is called again; *n is 0 behind the last. -1 with e set gives up. */
typedef int (*FileNext)(void *context, const void **bytes, size_t *n, Error *e);
/* The same of something that need not be in memory at once. "-" is standard output. */
int file_write_pieces(const char *path, FileNext next, void *context, Error *e);

/* The same from the other side: something that is made piece by piece. */
typedef struct FileWriter {
    char *path;      /* what it will be called, and errors name */
    char *temporary; /* what it is called until it is whole; NULL where it is written in place */
    int fd;
    unsigned mode;
} FileWriter;
/* On an error nothing is to be dropped. "-" is standard output. */
int file_begin(FileWriter *w, const char *path, Error *e);
int file_add(FileWriter *w, const void *bytes, size_t n, Error *e);
/* Gives it its name. Whatever it returns, nothing is to be dropped. */
int file_end(FileWriter *w, Error *e);
/* Gives it up: nothing of it stays, but what a device or standard output already has. */
void file_drop(FileWriter *w);

/* Takes away what is being written and is not whole. Allowed in a signal's handler that ends the program. */
void file_take_away(void);
/* Gives up, at the next piece, whatever this program is writing: nothing half of it stays. Allowed in a signal's handler. */
void file_give_up(void);

/* True also for a symbolic link to nothing, whose opening says so. */
bool file_exists(const char *path);
bool file_is_folder(const char *path);

/* DIR "/" NAME, in memory the caller frees; NULL without memory. */
char *file_join(const char *dir, const char *name);

#endif
