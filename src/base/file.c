/* file.c - whole files: mapped for reading, written all or nothing. */
#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

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

static int read_stream(File *f, int fd, const char *path, Error *e)
{
    unsigned char *data = malloc(1);
    size_t size = 0, cap = 1;
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
    if (fd < 0)
        return error_set(e, "%s: cannot be opened: %s", path, strerror(errno));
    struct stat st;
    int status = -1;
    if (fstat(fd, &st) != 0)
        error_set(e, "%s: cannot be read: %s", path, strerror(errno));
    else if (S_ISDIR(st.st_mode))
        error_set(e, "%s: expected a file, found a folder", path);
    else if (S_ISFIFO(st.st_mode) && !given)
        error_set(e, "%s: expected a file, found a pipe", path);
    else if (!S_ISREG(st.st_mode) || st.st_size == 0)
        status = read_stream(f, fd, path, e);
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

/* A device or a pipe is written in place: it cannot be renamed over. */
static int write_special(const char *path, const void *bytes, size_t n, Error *e)
{
    int fd = open(path, O_WRONLY | O_CLOEXEC);
    int bad = fd < 0 || write_all(fd, bytes, n) != 0;
    int err = errno;
    if (fd >= 0 && close(fd) != 0 && !bad) {
        bad = 1;
        err = errno;
    }
    return bad ? error_set(e, "%s: cannot be written: %s", path, strerror(err)) : 0;
}

int file_write(const char *path, const void *bytes, size_t n, Error *e)
{
    struct stat st;
    mode_t mode = 0644;
    if (lstat(path, &st) == 0 && S_ISLNK(st.st_mode)) { /* the link stays, its file is replaced */
        char *real = realpath(path, NULL);
        int status = real ? file_write(real, bytes, n, e) : error_set(e, "%s: cannot be written: %s", path, strerror(errno));
        free(real);
        return status;
    }
    if (stat(path, &st) == 0) {
        if (!S_ISREG(st.st_mode))
            return write_special(path, bytes, n, e);
        mode = st.st_mode & 0777;
    } else {
        mode_t mask = umask(0);
        umask(mask);
        mode = 0666 & ~mask;
    }
    size_t len = strlen(path);
    char *temp = malloc(len + 8);
    if (!temp)
        return error_memory(e, path);
    snprintf(temp, len + 8, "%s.XXXXXX", path);
    int fd = mkstemp(temp);
    int status = 0;
    if (fd < 0)
        status = error_set(e, "%s: cannot be written: %s", path, strerror(errno));
    else {
        int bad = fchmod(fd, mode) != 0 || write_all(fd, bytes, n) != 0 || fsync(fd) != 0;
        int err = errno;
        if (close(fd) != 0 && !bad) {
            bad = 1;
            err = errno;
        }
        if (!bad && rename(temp, path) != 0) {
            bad = 1;
            err = errno;
        }
        if (bad) {
            unlink(temp);
            status = error_set(e, "%s: cannot be written: %s", path, strerror(err));
        }
    }
    free(temp);
    return status;
}

bool file_exists(const char *path)
{
    return access(path, F_OK) == 0;
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
