/* file.c - whole files: mapped for reading, written all or nothing. */
#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

enum { SMALL = 16 << 10 }; /* to map a file and to forget it again takes longer than to read so much */
enum { READ_LIMIT = 64 << 20 }; /* of something that cannot be mapped, such as a pipe */

/* The files that are mapped, for file_fault. */
typedef struct Mapping {
    struct Mapping *next;
    const unsigned char *data;
    size_t size;
    Error lost;
} Mapping;

static Mapping *mappings;

static int remember_mapping(const File *f, const char *path)
{
    Mapping *m = malloc(sizeof *m);
    if (!m)
        return -1;
    *m = (Mapping){.next = mappings, .data = f->data, .size = f->size};
    error_set(&m->lost, "%s: expected its %zu bytes to stay, found it cut short or unreadable while it was read; try again once it is whole", path, f->size);
    mappings = m;
    return 0;
}

static void forget_mapping(const File *f)
{
    for (Mapping **m = &mappings; *m; m = &(*m)->next)
        if ((*m)->data == f->data) {
            Mapping *gone = *m;
            *m = gone->next;
            free(gone);
            return;
        }
}

const char *file_fault(const void *address)
{
    uintptr_t at = (uintptr_t)address;
    for (const Mapping *m = mappings; m; m = m->next)
        if (at >= (uintptr_t)m->data && at - (uintptr_t)m->data < m->size)
            return m->lost.text;
    return NULL;
}

/* expected: how many bytes there probably are. */
static int read_stream(File *f, int fd, size_t expected, const char *path, Error *e)
{
    size_t size = 0, cap = expected + 1; /* one more: the end is seen without growing */
    unsigned char *data = malloc(cap);
    while (data) {
        if (size == cap) {
            if (cap >= READ_LIMIT) {
                free(data);
                return error_set(e, "%s: expected at most %d bytes from something that is not a regular file, found more", path, READ_LIMIT);
            }
            cap = cap < 65536 ? 65536 : cap * 2;
            unsigned char *more = realloc(data, cap);
            if (!more)
                break;
            data = more;
        }
        ssize_t n = read(fd, data + size, cap - size);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0) {
            int err = errno;
            free(data);
            return error_set(e, "%s: cannot be read: %s", path, strerror(err));
        }
        if (n == 0) {
            *f = (File){data, size, false};
            return 0;
        }
        size += (size_t)n;
    }
    free(data);
    return error_memory(e, path);
}

int file_open(File *f, const char *path, Error *e)
{
    *f = (File){0};
    bool given = strncmp(path, "/dev/fd/", 8) == 0 || strncmp(path, "/proc/self/fd/", 14) == 0; /* a pipe that a shell made */
    int fd = open(path, O_RDONLY | O_CLOEXEC | (given ? 0 : O_NONBLOCK)); /* does not wait for a writer */
    int err = errno;
    if (fd < 0 && err == ENOENT && file_exists(path))
        return error_set(e, "%s: expected a file, found a symbolic link to one that is not there; was it downloaded completely?", path);
    if (fd < 0)
        return error_set(e, "%s: cannot be opened: %s", path, strerror(err));
    struct stat st;
    int status = -1;
    if (fstat(fd, &st) != 0)
        error_set(e, "%s: cannot be read: %s", path, strerror(errno));
    else if (S_ISDIR(st.st_mode))
        error_set(e, "%s: expected a file, found a folder", path);
    else if (S_ISFIFO(st.st_mode) && !given)
        error_set(e, "%s: expected a file, found a pipe", path);
    else if (!S_ISREG(st.st_mode) || st.st_size <= SMALL)
        status = read_stream(f, fd, S_ISREG(st.st_mode) ? (size_t)st.st_size : 0, path, e);
    else if ((uintmax_t)st.st_size > SIZE_MAX / 2)
        error_set(e, "%s: too large for this machine: %jd bytes", path, (intmax_t)st.st_size);
    else {
        void *map = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
        if (map == MAP_FAILED)
            error_set(e, "%s: cannot be mapped: %s", path, strerror(errno));
        else {
            *f = (File){map, (size_t)st.st_size, true};
            status = remember_mapping(f, path);
            if (status != 0) {
                munmap(map, (size_t)st.st_size);
                *f = (File){0};
                error_memory(e, path);
            }
        }
    }
    close(fd);
    return status;
}

void file_close(File *f)
{
    if (f->mapped) {
        forget_mapping(f);
        munmap((void *)(uintptr_t)f->data, f->size);
    } else
        free((void *)(uintptr_t)f->data);
    *f = (File){0};
}

static int write_all(int fd, const char *bytes, size_t n)
{
    while (n) {
        ssize_t w = write(fd, bytes, n);
        if (w < 0 && errno == EINTR)
            continue;
        if (w < 0)
            return -1;
        bytes += w;
        n -= (size_t)w;
    }
    return 0;
}

static volatile sig_atomic_t given_up;

void file_give_up(void)
{
    given_up = 1;
}

/* ---- piece by piece ---- */

/* The temporary name of what is being written: where the program is ended, a signal's handler takes it away. */
static char *volatile temporary;

void file_take_away(void)
{
    const char *name = temporary;
    if (name)
        unlink(name);
}

/* A device or a pipe is written in place: it cannot be renamed over. */
static int begin_special(FileWriter *w, Error *e)
{
    w->fd = open(w->path, O_WRONLY | O_CLOEXEC);
    return w->fd >= 0 ? 0 : error_set(e, "%s: cannot be written: %s", w->path, strerror(errno));
}

static int begin_beside(FileWriter *w, Error *e)
{
    size_t len = strlen(w->path);
    w->temporary = malloc(len + 8);
    if (!w->temporary)
        return error_memory(e, w->path);
    snprintf(w->temporary, len + 8, "%s.XXXXXX", w->path);
    w->fd = mkstemp(w->temporary);
    if (w->fd >= 0) {
        temporary = w->temporary;
        return 0;
    }
    free(w->temporary);
    w->temporary = NULL;
    return error_set(e, "%s: cannot be written: %s", w->path, strerror(errno));
}

static int begin(FileWriter *w, Error *e)
{
    struct stat st;
    if (lstat(w->path, &st) == 0 && S_ISLNK(st.st_mode)) { /* the link stays, its file is replaced */
        char *real = realpath(w->path, NULL);
        if (!real)
            return error_set(e, "%s: cannot be written: %s", w->path, strerror(errno));
        free(w->path);
        w->path = real;
    }
    if (stat(w->path, &st) == 0) {
        w->mode = st.st_mode & 0777;
        return S_ISREG(st.st_mode) ? begin_beside(w, e) : begin_special(w, e);
    }
    mode_t mask = umask(0);
    umask(mask);
    w->mode = 0666 & ~mask;
    return begin_beside(w, e);
}

int file_begin(FileWriter *w, const char *path, Error *e)
{
    bool is_stdout = strcmp(path, "-") == 0;
    *w = (FileWriter){.path = strdup(is_stdout ? "standard output" : path), .fd = is_stdout ? STDOUT_FILENO : -1};
    int status = !w->path                             ? error_memory(e, path)
                 : is_stdout && fflush(stdout) != 0 ? error_set(e, "standard output: cannot be written: %s", strerror(errno))
                 : is_stdout                        ? 0
                                                    : begin(w, e);
    if (status != 0)
        file_drop(w);
    return status;
}

int file_add(FileWriter *w, const void *bytes, size_t n, Error *e)
{
    if (given_up)
        return error_set(e, "%s: interrupted", w->path);
    return write_all(w->fd, bytes, n) == 0 ? 0 : error_set(e, "%s: cannot be written: %s", w->path, strerror(errno));
}

int file_end(FileWriter *w, Error *e)
{
    int fd = w->fd, err = 0;
    if (given_up) {
        error_set(e, "%s: interrupted", w->path);
        file_drop(w);
        return -1;
    }
    if (w->temporary && (fchmod(fd, w->mode) != 0 || fsync(fd) != 0))
        err = errno;
    w->fd = -1;
    if (fd != STDOUT_FILENO && close(fd) != 0 && !err)
        err = errno;
    if (w->temporary && !err && rename(w->temporary, w->path) != 0)
        err = errno;
    if (!err && w->temporary) { /* it has its name */
        temporary = NULL;
        free(w->temporary);
        w->temporary = NULL;
    }
    int status = err ? error_set(e, "%s: cannot be written: %s", w->path, strerror(err)) : 0;
    file_drop(w);
    return status;
}

void file_drop(FileWriter *w)
{
    if (w->fd >= 0 && w->fd != STDOUT_FILENO)
        close(w->fd);
    if (w->temporary) {
        unlink(w->temporary);
        temporary = NULL;
    }
    free(w->temporary);
    free(w->path);
    *w = (FileWriter){.fd = -1};
}

/* ---- whole ---- */

int file_write_pieces(const char *path, FileNext next, void *context, Error *e)
{
    FileWriter w;
    const void *bytes = NULL;
    if (file_begin(&w, path, e) != 0)
        return -1;
    for (size_t n = 1; n;) {
        if (next(context, &bytes, &n, e) != 0 || (n && file_add(&w, bytes, n, e) != 0)) {
            file_drop(&w);
            return -1;
        }
    }
    return file_end(&w, e);
}

typedef struct Whole {
    const void *bytes;
    size_t n;
} Whole;

static int next_whole(void *context, const void **bytes, size_t *n, Error *e)
{
    Whole *w = context;
    (void)e;
    *bytes = w->bytes;
    *n = w->n;
    w->n = 0;
    return 0;
}

int file_write(const char *path, const void *bytes, size_t n, Error *e)
{
    Whole w = {bytes, n};
    return file_write_pieces(path, next_whole, &w, e);
}

bool file_exists(const char *path)
{
    struct stat st;
    return lstat(path, &st) == 0;
}

bool file_is_folder(const char *path)
{
    struct stat st;
    return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

char *file_join(const char *dir, const char *name)
{
    size_t n = strlen(dir) + strlen(name) + 2;
    char *path = malloc(n);
    if (path)
        snprintf(path, n, "%s/%s", dir, name);
    return path;
}
