/* record.c - appends answers to the learner's file, and sums them up.
 *
 * A line: {"version": 1, "time": "2026-11-21T12:00:00Z", "source": …, "model": …, "topic": …, "question": …, "result": "wrong",
 * "attempt": 1, "mistake": …, "given": …} */
#include "lesson/record.h"

#include "base/file.h"
#include "base/text.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { RECORD_VERSION = 1 };

static const char *const results[RESULT_COUNT] = {"right", "partly", "wrong", "skipped"};

const char *result_name(Result r)
{
    return results[r];
}

char *record_file(const char *name, Error *e)
{
    const char *state = getenv("XDG_STATE_HOME"), *home = getenv("HOME");
    Buffer path = {0};
    if (state && *state == '/') /* a relative one is to be ignored, says the specification */
        buffer_printf(&path, "%s/stepformer/%s", state, name);
    else if (home && *home)
        buffer_printf(&path, "%s/.local/state/stepformer/%s", home, name);
    else
        error_set(e, _("answers: expected $XDG_STATE_HOME or $HOME to say where they are kept, found neither"));
    if (path.failed)
        error_memory(e, "answers");
    return path.failed ? NULL : path.data;
}

char *record_path(Error *e)
{
    return record_file("answers", e);
}

/* ---- writing ---- */

int record_make_folders(const char *path, Error *e)
{
    char *copy = strdup(path);
    int status = copy ? 0 : error_memory(e, "answers");
    for (char *slash = copy; status == 0 && (slash = strchr(slash + 1, '/'));) {
        *slash = '\0';
        if (mkdir(copy, 0700) != 0 && errno != EEXIST && !file_is_folder(copy))
            status = error_set(e, _("%s: cannot be made: %s; answers are not kept"), copy, strerror(errno));
        *slash = '/';
    }
    free(copy);
    return status;
}

static char *write_line(const RecordEntry *x)
{
    char when[32] = "";
    time_t now = time(NULL);
    struct tm utc;
    if (gmtime_r(&now, &utc))
        strftime(when, sizeof when, "%Y-%m-%dT%H:%M:%SZ", &utc);
    json_t *line = json_pack("{s:i, s:s, s:s, s:s, s:s, s:s, s:s, s:i, s:s, s:s}", "version", RECORD_VERSION, "time", when, "source",
                             x->source, "model", x->model, "topic", x->topic, "question", x->question, "result", results[x->result],
                             "attempt", x->attempt, "mistake", x->mistake, "given", x->given);
    char *text = line ? json_dumps(line, JSON_COMPACT | JSON_PRESERVE_ORDER) : NULL;
    json_decref(line);
    return text;
}

/* True where the file ends in the middle of a line: the program was ended there. */
static bool ends_broken(int fd)
{
    char last;
    off_t size = lseek(fd, 0, SEEK_END);
    return size > 0 && pread(fd, &last, 1, size - 1) == 1 && last != '\n';
}

/* Appends all of it in one write, so that two programs that append do not mix their lines; or nothing. */
static int write_whole(int fd, const Buffer *line, const char *path, Error *e)
{
    ssize_t n = write(fd, line->data, line->len);
    if (n == (ssize_t)line->len)
        return 0;
    int error = n < 0 ? errno : ENOSPC;
    off_t end = lseek(fd, 0, SEEK_CUR);
    struct stat st;
    if (n > 0 && fstat(fd, &st) == 0 && st.st_size == end && ftruncate(fd, end - n) != 0)
        error = errno;
    return error_set(e, _("%s: cannot be written: %s; answers are not kept"), path, strerror(error));
}

int record_append(const char *path, const char *text, Error *e)
{
    if (record_make_folders(path, e) != 0)
        return -1;
    int fd = open(path, O_RDWR | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0)
        return error_set(e, _("%s: cannot be written: %s; answers are not kept"), path, strerror(errno));
    Buffer line = {0};
    if (ends_broken(fd))
        buffer_putc(&line, '\n');
    buffer_printf(&line, "%s\n", text);
    int status = line.failed ? error_memory(e, "answers") : write_whole(fd, &line, path, e);
    if (close(fd) != 0 && status == 0)
        status = error_set(e, _("%s: cannot be written: %s; answers are not kept"), path, strerror(errno));
    buffer_free(&line);
    return status;
}

int record_add(const char *path, const RecordEntry *entry, Error *e)
{
    char *text = write_line(entry);
    int status = text ? record_append(path, text, e) : error_memory(e, "answers");
    free(text);
    return status;
}

int record_forget(const char *path, bool *was_there, Error *e)
{
    *was_there = unlink(path) == 0;
    if (*was_there || errno == ENOENT || errno == ENOTDIR)
        return 0;
    return error_set(e, _("%s: cannot be removed: %s"), path, strerror(errno));
}

/* ---- reading ---- */

static const char *member(const json_t *line, const char *key)
{
    const char *text = json_string_value(json_object_get(line, key));
    return text ? text : "";
}

static RecordTopic *topic_of(RecordSummary *s, const char *name)
{
    for (size_t i = 0; i < s->topic_count; i++)
        if (strcmp(s->topics[i].name, name) == 0)
            return &s->topics[i];
    RecordTopic *more = realloc(s->topics, (s->topic_count + 1) * sizeof *more);
    if (!more)
        return NULL;
    s->topics = more;
    more += s->topic_count++;
    *more = (RecordTopic){.first = 0};
    snprintf(more->name, sizeof more->name, "%s", name);
    return more;
}

static int count_mistake(RecordSummary *s, const char *name, const char *topic)
{
    for (size_t i = 0; i < s->mistake_count; i++)
        if (strcmp(s->mistakes[i].name, name) == 0 && strcmp(s->mistakes[i].topic, topic) == 0) {
            s->mistakes[i].count++;
            return 0;
        }
    RecordMistake *more = realloc(s->mistakes, (s->mistake_count + 1) * sizeof *more);
    if (!more)
        return -1;
    s->mistakes = more;
    more += s->mistake_count++;
    *more = (RecordMistake){.count = 1};
    snprintf(more->name, sizeof more->name, "%s", name);
    snprintf(more->topic, sizeof more->topic, "%s", topic);
    return 0;
}

static int result_of(const char *name)
{
    for (int i = 0; i < RESULT_COUNT; i++)
        if (strcmp(results[i], name) == 0)
            return i;
    return -1;
}

/* 1 where the line is an answer, 0 where it is damaged, -1 without memory. A later version's lines are read for what they share. */
static int read_line(RecordSummary *s, const char *text, size_t n)
{
    json_t *line = json_loadb(text, n, JSON_REJECT_DUPLICATES, NULL);
    int result = result_of(member(line, "result")), status = 0;
    char topic[QUESTION_NAME_MAX], mistake[QUESTION_NAME_MAX];
    snprintf(topic, sizeof topic, "%.*s", (int)text_fit(member(line, "topic"), QUESTION_NAME_MAX - 1, NULL), member(line, "topic"));
    snprintf(mistake, sizeof mistake, "%.*s", (int)text_fit(member(line, "mistake"), QUESTION_NAME_MAX - 1, NULL), member(line, "mistake"));
    if (result >= 0 && *topic && json_integer_value(json_object_get(line, "version")) >= RECORD_VERSION) {
        RecordTopic *t = topic_of(s, topic);
        bool first = result == RESULT_RIGHT && json_integer_value(json_object_get(line, "attempt")) == 1;
        status = t && (!*mistake || result == RESULT_RIGHT || count_mistake(s, mistake, topic) == 0) ? 1 : -1;
        if (t) {
            t->count[result]++;
            t->first += first;
            s->count[result]++;
            s->first += first;
            s->answers += result != RESULT_SKIPPED;
        }
    }
    json_decref(line);
    return status;
}

/* The most frequent first; of equals the one that came first in the alphabet. */
static int by_count(const void *a, const void *b)
{
    const RecordMistake *x = a, *y = b;
    if (x->count != y->count)
        return x->count < y->count ? 1 : -1;
    int order = strcmp(x->name, y->name);
    return order ? order : strcmp(x->topic, y->topic);
}

int record_summarize(const char *path, RecordSummary *out, Error *e)
{
    File f;
    *out = (RecordSummary){.answers = 0};
    if (!file_exists(path))
        return 0;
    if (file_open(&f, path, e) != 0)
        return -1;
    int status = 1;
    size_t number = 1;
    for (size_t at = 0; at < f.size && status >= 0; number++) {
        const char *text = (const char *)f.data + at;
        const char *end = memchr(text, '\n', f.size - at);
        size_t n = end ? (size_t)(end - text) : f.size - at;
        status = n ? read_line(out, text, n) : 1;
        if (status == 0 && out->damaged++ == 0)
            out->first_damaged = number;
        at += n + 1;
    }
    file_close(&f);
    if (status < 0) {
        record_summary_free(out);
        return error_memory(e, "answers");
    }
    if (out->mistake_count)
        qsort(out->mistakes, out->mistake_count, sizeof *out->mistakes, by_count);
    return 0;
}

void record_summary_free(RecordSummary *s)
{
    free(s->topics);
    free(s->mistakes);
    *s = (RecordSummary){.answers = 0};
}
