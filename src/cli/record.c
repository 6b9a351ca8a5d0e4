/* record.c - `step --record`: what the terminal is sent and what is typed, written as it happens.
 *
 * Every line is written at once and whole, so that a killed program leaves a recording that plays. There is one terminal, so the state is
 * the file's. */
#include "cli/record.h"

#include "base/text.h"
#include "term/cast.h"
#include "term/keys.h"
#include "term/term.h"
#include "view/session.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static struct {
    int fd;
    bool begun; /* the first line is written; what came before waits in `early` */
    const char *path;
    int64_t start;
    off_t whole; /* bytes of whole lines */
    Buffer early;
    CastTail tail;
    bool failed, told;
    char trouble[256];
} record = {.fd = -1};

static int64_t now_us(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

static void fail(int error)
{
    record.failed = true;
    snprintf(record.trouble, sizeof record.trouble, _("%s: cannot be written: %s; the recording ends here"), record.path, strerror(error));
    if (ftruncate(record.fd, record.whole) != 0) /* half a line would make the file a bad one */
        return;
}

/* Appends whole lines. */
static void append(const Buffer *lines)
{
    if (record.fd < 0 || record.failed || !lines->len)
        return;
    if (lines->failed) {
        fail(ENOMEM);
        return;
    }
    for (size_t done = 0; done < lines->len;) {
        ssize_t n = write(record.fd, lines->data + done, lines->len - done);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0) {
            fail(n < 0 ? errno : EIO);
            return;
        }
        done += (size_t)n;
    }
    record.whole += (off_t)lines->len;
}

static void add(char kind, const char *bytes, size_t n)
{
    Buffer line = {0};
    cast_add_event(&line, now_us() - record.start, kind, bytes, n, kind == 'o' ? &record.tail : NULL);
    append(&line);
    buffer_free(&line);
}

static void tap(const char *bytes, size_t n)
{
    if (record.begun)
        add('o', bytes, n);
    else
        buffer_add(&record.early, bytes, n);
}

int record_open(const char *path, Error *e)
{
    record.path = path;
    record.fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    if (record.fd < 0 && errno == EEXIST)
        return error_set(e, "%s: expected a new file to record to, found one that is there; remove it, or give another name", path);
    if (record.fd < 0)
        return error_set(e, "%s: cannot be written: %s", path, strerror(errno));
    term_set_tap(tap);
    return 0;
}

int record_begin(const App *app, int cols, int rows, Error *e)
{
    if (record.fd < 0)
        return 0;
    Session s;
    Buffer session = {0}, head = {0}, title = {0};
    if (session_of(app, &s, e) != 0)
        return -1;
    bool taught = app->lesson != NULL; /* no session holds a lesson: such a recording is played as it was */
    if (!taught)
        session_write(&s, &session);
    buffer_printf(&title, "stepformer: %s", app->model->name);
    record.start = now_us();
    cast_add_header(&head, cols, rows, (int64_t)time(NULL), buffer_text(&title), getenv("TERM"), taught ? NULL : buffer_text(&session));
    head.failed = head.failed || session.failed;
    append(&head);
    record.begun = true;
    if (record.early.len)
        add('o', record.early.data, record.early.len);
    session_free(&s);
    buffer_free(&session);
    buffer_free(&head);
    buffer_free(&title);
    buffer_free(&record.early);
    return record.failed ? error_set(e, "%s", record.trouble) : 0;
}

void record_event(const Event *event)
{
    if (record.fd < 0 || !record.begun)
        return;
    Buffer bytes = {0};
    if (event->type == EVENT_RESIZE) {
        buffer_printf(&bytes, "%dx%d", event->col, event->row);
        add('r', buffer_text(&bytes), bytes.len);
    } else {
        keys_encode(event, &bytes);
        if (bytes.len)
            add('i', bytes.data, bytes.len);
    }
    buffer_free(&bytes);
}

const char *record_trouble(void)
{
    if (!record.failed || record.told)
        return NULL;
    record.told = true;
    return record.trouble;
}

int record_close(Error *e)
{
    if (record.fd < 0)
        return 0;
    term_set_tap(NULL);
    int status = record.failed ? error_set(e, "%s", record.trouble) : 0;
    if (!record.begun)
        unlink(record.path);
    if (close(record.fd) != 0 && status == 0)
        status = error_set(e, "%s: cannot be written: %s", record.path, strerror(errno));
    record.fd = -1;
    buffer_free(&record.early);
    return status;
}
