/* progress.c - one line of JSON a step or an answer:
 *
 * {"version": 1, "lesson": "q03", "block": 12, "done": false}
 * {"version": 1, "lesson": "q03", "question": "dead-rows", "result": "right", "given": …} */
#include "lesson/progress.h"

#include "base/file.h"
#include "base/text.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PROGRESS_VERSION = 1, BLOCK_MAX = 1 << 20 };

const ProgressAnswer *progress_answer(const Progress *p, const char *id)
{
    for (size_t i = 0; i < p->answer_count; i++)
        if (strcmp(p->answers[i].id, id) == 0)
            return &p->answers[i];
    return NULL;
}

int progress_set_answer(Progress *p, const char *id, Result result, const char *given)
{
    char *copy = strdup(given);
    ProgressAnswer *a = (ProgressAnswer *)progress_answer(p, id);
    if (copy && !a) {
        ProgressAnswer *more = realloc(p->answers, (p->answer_count + 1) * sizeof *more);
        if (more) {
            p->answers = more;
            a = &more[p->answer_count++];
            *a = (ProgressAnswer){.first = result};
            snprintf(a->id, sizeof a->id, "%s", id);
        }
    }
    if (!copy || !a) {
        free(copy);
        return -1;
    }
    free(a->given);
    a->given = copy;
    a->result = result;
    a->row = result == RESULT_RIGHT ? a->row + 1 : 0;
    a->order = ++p->last;
    return 0;
}

static const char *member(const json_t *line, const char *key)
{
    const char *text = json_string_value(json_object_get(line, key));
    return text ? text : "";
}

/* Takes one line; what is damaged, or of another lesson, is passed over. */
static int read_line(Progress *p, const char *text, size_t n)
{
    json_t *line = json_loadb(text, n, JSON_REJECT_DUPLICATES, NULL);
    int status = 0;
    if (line && strcmp(member(line, "lesson"), p->lesson) == 0 &&
        json_integer_value(json_object_get(line, "version")) >= PROGRESS_VERSION) {
        const char *id = member(line, "question");
        json_t *block = json_object_get(line, "block");
        for (int r = 0; *id && r < RESULT_COUNT; r++)
            if (strcmp(member(line, "result"), result_name((Result)r)) == 0)
                status = progress_set_answer(p, id, (Result)r, member(line, "given"));
        if (json_is_integer(block) && json_integer_value(block) >= 0 && json_integer_value(block) < BLOCK_MAX) {
            p->at = (size_t)json_integer_value(block);
            p->begun = true;
            p->done |= json_is_true(json_object_get(line, "done"));
        }
    }
    json_decref(line);
    return status;
}

int progress_read(Progress *p, const char *path, const char *lesson, Error *e)
{
    File f;
    *p = (Progress){.lesson = strdup(lesson)};
    if (!p->lesson)
        return error_memory(e, "lessons");
    if (!file_exists(path))
        return 0;
    if (file_open(&f, path, e) != 0) {
        progress_free(p);
        return -1;
    }
    int status = 0;
    for (size_t at = 0; at < f.size && status == 0;) {
        const char *text = (const char *)f.data + at, *end = memchr(text, '\n', f.size - at);
        size_t n = end ? (size_t)(end - text) : f.size - at;
        status = n ? read_line(p, text, n) : 0;
        at += n + 1;
    }
    file_close(&f);
    if (status != 0) {
        progress_free(p);
        return error_memory(e, "lessons");
    }
    return 0;
}

void progress_free(Progress *p)
{
    for (size_t i = 0; i < p->answer_count; i++)
        free(p->answers[i].given);
    free(p->answers);
    free(p->lesson);
    *p = (Progress){.answer_count = 0};
}

static int append(const char *path, json_t *line, Error *e)
{
    char *text = line ? json_dumps(line, JSON_COMPACT | JSON_PRESERVE_ORDER) : NULL;
    int status = text ? record_append(path, text, e) : error_memory(e, "lessons");
    free(text);
    json_decref(line);
    return status;
}

int progress_write_place(const char *path, const char *lesson, size_t at, bool done, Error *e)
{
    return append(
        path, json_pack("{s:i, s:s, s:I, s:b}", "version", PROGRESS_VERSION, "lesson", lesson, "block", (json_int_t)at, "done", (int)done),
        e);
}

int progress_write_answer(const char *path, const char *lesson, const char *id, Result result, const char *given, Error *e)
{
    return append(path,
                  json_pack("{s:i, s:s, s:s, s:s, s:s}", "version", PROGRESS_VERSION, "lesson", lesson, "question", id, "result",
                            result_name(result), "given", given),
                  e);
}
