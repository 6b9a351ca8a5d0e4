/* cast.c - asciicast version 2, written and read. */
#include "term/cast.h"

#include "base/text.h"

#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- writing ---- */

/* JSON on one line: a text holds no raw line end, so any that is there is white space, and so is what follows it. */
static void add_on_one_line(Buffer *out, const char *json)
{
    for (const char *p = json; *p; p++) {
        if (*p != '\n')
            buffer_putc(out, *p);
        else if (p[1 + strspn(p + 1, " \n")])
            p += strspn(p + 1, " ");
    }
}

void cast_add_header(Buffer *out, int cols, int rows, int64_t timestamp, const char *title, const char *term, const char *session)
{
    buffer_printf(out, "{\"version\": 2, \"width\": %d, \"height\": %d, \"timestamp\": %lld", cols, rows, (long long)timestamp);
    if (title) {
        buffer_puts(out, ", \"title\": ");
        text_json(out, title, strlen(title));
    }
    if (term) {
        buffer_puts(out, ", \"env\": {\"TERM\": ");
        text_json(out, term, strlen(term));
        buffer_putc(out, '}');
    }
    if (session) {
        buffer_puts(out, ", \"stepformer\": ");
        add_on_one_line(out, session);
    }
    buffer_puts(out, "}\n");
}

/* Bytes at the end of s that begin a character of more bytes than there are. */
static size_t broken_off(const char *s, size_t n)
{
    for (size_t back = 1; back <= 3 && back <= n; back++) {
        unsigned char c = (unsigned char)s[n - back];
        if ((c & 0xc0) == 0x80)
            continue;
        size_t want = c >= 0xf0 && c <= 0xf4 ? 4 : c >= 0xe0 && c < 0xf0 ? 3 : c >= 0xc2 && c < 0xe0 ? 2 : 1;
        return want > back ? back : 0;
    }
    return 0;
}

void cast_add_event(Buffer *out, int64_t us, char kind, const char *bytes, size_t n, CastTail *tail)
{
    Buffer whole = {0};
    if (tail) {
        buffer_add(&whole, tail->bytes, tail->len);
        buffer_add(&whole, bytes, n);
        bytes = buffer_text(&whole);
        n = whole.len;
        tail->len = broken_off(bytes, n);
        memcpy(tail->bytes, bytes + n - tail->len, tail->len);
        n -= tail->len;
    }
    if (n) {
        buffer_printf(out, "[%lld.%06lld, \"%c\", ", (long long)(us / 1000000), (long long)(us % 1000000), kind);
        text_json(out, bytes, n);
        buffer_puts(out, "]\n");
    }
    out->failed = out->failed || whole.failed;
    buffer_free(&whole);
}

/* ---- reading ---- */

void cast_free(Cast *c)
{
    for (size_t i = 0; i < c->count; i++)
        free(c->events[i].data);
    free(c->events);
    free(c->session);
    *c = (Cast){0};
}

static bool size_of(const json_t *v, int *out)
{
    bool good = json_is_integer(v) && json_integer_value(v) >= 1 && json_integer_value(v) <= CAST_SIZE_MAX;
    if (good)
        *out = (int)json_integer_value(v);
    return good;
}

static int read_header(Cast *c, json_t *head, const char *name, Error *e)
{
    json_t *version = json_object_get(head, "version"), *session = json_object_get(head, "stepformer");
    if (!json_is_object(head) || !json_is_integer(version))
        return error_set(e, "%s:1: expected an asciicast's header {\"version\": 2, …}, found something else", name);
    if (json_integer_value(version) != 2)
        return error_set(e, "%s:1: version: expected 2, found %lld; 'asciinema convert' makes one of the other", name,
                         (long long)json_integer_value(version));
    if (!size_of(json_object_get(head, "width"), &c->cols) || !size_of(json_object_get(head, "height"), &c->rows))
        return error_set(e, "%s:1: expected width and height, whole numbers from 1 to %d, found something else", name, CAST_SIZE_MAX);
    if (!session)
        return 0;
    if (!json_is_object(session))
        return error_set(e, "%s:1: stepformer: expected a session, an object, found something else", name);
    c->session = json_dumps(session, JSON_COMPACT);
    return c->session ? 0 : error_memory(e, name);
}

/* "120x40", nothing behind it. */
static bool read_size(CastEvent *event)
{
    char rest;
    return strlen(event->data) == event->len && sscanf(event->data, "%4dx%4d%c", &event->cols, &event->rows, &rest) == 2 &&
           event->cols >= 1 && event->rows >= 1 && event->cols <= CAST_SIZE_MAX && event->rows <= CAST_SIZE_MAX;
}

static int read_event(CastEvent *event, const json_t *line, int64_t before, const char *name, size_t number, Error *e)
{
    const json_t *time = json_array_get(line, 0), *kind = json_array_get(line, 1), *data = json_array_get(line, 2);
    if (!json_is_array(line) || json_array_size(line) != 3)
        return error_set(e, "%s:%zu: expected an event [SECONDS, KIND, TEXT], found something else", name, number);
    double seconds = json_is_number(time) ? json_number_value(time) : -1;
    if (!(seconds >= 0 && seconds < 1e9))
        return error_set(e, "%s:%zu: expected a time of 0 or more seconds, found something else", name, number);
    if (!json_is_string(kind) || json_string_length(kind) != 1)
        return error_set(e, "%s:%zu: expected a kind of one letter such as \"o\", found something else", name, number);
    if (!json_is_string(data))
        return error_set(e, "%s:%zu: expected a text, found something else", name, number);
    event->us = llrint(seconds * 1e6);
    if (event->us < before)
        return error_set(e, "%s:%zu: expected a time of at least %.6f, that of the event before, found %.6f", name, number,
                         (double)before / 1e6, seconds);
    event->kind = json_string_value(kind)[0];
    event->len = json_string_length(data);
    event->data = malloc(event->len + 1);
    if (!event->data)
        return error_memory(e, name);
    memcpy(event->data, json_string_value(data), event->len + 1);
    if (event->kind == 'r' && !read_size(event)) {
        free(event->data);
        return error_set(e, "%s:%zu: expected a size COLSxROWS, each from 1 to %d, found another text", name, number, CAST_SIZE_MAX);
    }
    return 0;
}

static int add_event(Cast *c, size_t *room, const json_t *line, const char *name, size_t number, Error *e)
{
    if (c->count == *room) {
        size_t more = *room ? *room * 2 : 256;
        CastEvent *events = realloc(c->events, more * sizeof *events);
        if (!events)
            return error_memory(e, name);
        c->events = events;
        *room = more;
    }
    CastEvent event = {0};
    if (read_event(&event, line, c->count ? c->events[c->count - 1].us : 0, name, number, e) != 0)
        return -1;
    c->events[c->count++] = event;
    return 0;
}

int cast_read(Cast *c, const char *bytes, size_t n, const char *name, Error *e)
{
    *c = (Cast){0};
    size_t number = 0, room = 0;
    int status = 0;
    for (size_t at = 0; at < n && status == 0;) {
        const char *end = memchr(bytes + at, '\n', n - at);
        size_t len = end ? (size_t)(end - (bytes + at)) : n - at;
        json_error_t where;
        json_t *line = json_loadb(bytes + at, len, JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, &where);
        number++;
        if (!line)
            status = error_set(e, "%s:%zu: column %d: expected a line of an asciicast: %s", name, number, where.column, where.text);
        else if (number == 1)
            status = read_header(c, line, name, e);
        else
            status = add_event(c, &room, line, name, number, e);
        json_decref(line);
        at += len + 1;
    }
    if (status == 0 && number == 0)
        status = error_set(e, "%s:1: expected an asciicast's header, found an empty file", name);
    if (status != 0)
        cast_free(c);
    return status;
}
