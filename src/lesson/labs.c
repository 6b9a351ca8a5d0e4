/* labs.c - runs experiments and keeps what came of them. */
#include "lesson/labs.h"

#include "base/text.h"
#include "model/nearest.h"
#include "train/eval.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct LabRun {
    char *key; /* "scaling d_k=4,16 keys=8": sorted, so that the same settings in another order are the same */
    Lab lab;
};

enum { SETTINGS_MAX = LAB_PARAMS_MAX };

typedef struct Settings {
    char *items[SETTINGS_MAX];
    size_t count;
} Settings;

static void free_settings(Settings *s)
{
    for (size_t i = 0; i < s->count; i++)
        free(s->items[i]);
    s->count = 0;
}

static int compare_texts(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* Cuts "d_k=4, 16, keys=8" into "d_k=4,16" and "keys=8": what has no "=" belongs to the one before it. */
static int read_settings(Settings *s, const char *text, Error *e)
{
    Buffer parts[SETTINGS_MAX] = {{0}};
    size_t count = 0;
    int status = 0;
    *s = (Settings){.count = 0};
    for (const char *p = text; *p && status == 0;) {
        size_t n = strcspn(p, ","), skip = strspn(p, " "), end = n;
        while (end > skip && p[end - 1] == ' ')
            end--;
        if (end > skip) {
            bool begins = memchr(p + skip, '=', end - skip) != NULL || count == 0;
            if (begins && count == SETTINGS_MAX)
                status = error_set(e, _("expected at most %d settings, found more"), SETTINGS_MAX);
            else {
                count += begins;
                if (!begins)
                    buffer_putc(&parts[count - 1], ',');
                buffer_add(&parts[count - 1], p + skip, end - skip);
            }
        }
        p += n + (p[n] == ',');
    }
    for (size_t i = 0; i < count; i++) {
        if (parts[i].failed && status == 0)
            status = error_memory(e, "lab");
        s->items[s->count++] = parts[i].data; /* taken over */
    }
    if (status != 0)
        free_settings(s);
    else if (s->count)
        qsort(s->items, s->count, sizeof *s->items, compare_texts);
    return status;
}

static char *write_key(const char *name, const Settings *s)
{
    Buffer key = {0};
    buffer_puts(&key, name);
    for (size_t i = 0; i < s->count; i++)
        buffer_printf(&key, " %s", s->items[i]);
    if (key.failed)
        buffer_free(&key);
    return key.data;
}

static LabRun *find_run(const LabRuns *runs, const char *key)
{
    for (size_t i = 0; i < runs->count; i++)
        if (strcmp(runs->runs[i]->key, key) == 0)
            return runs->runs[i];
    return NULL;
}

static void free_run(LabRun *r)
{
    if (!r)
        return;
    lab_free(&r->lab);
    free(r->key);
    free(r);
}

static int run_now(LabRuns *runs, LabRun *r, const char *name, const Settings *s, Error *e)
{
    const LabInfo *info = lab_find(name);
    if (!info) {
        char quoted[QUOTE_SHORT], hint[NEAREST_HINT];
        Nearest near = nearest_to(name, strlen(name));
        for (size_t i = 0; i < lab_count; i++)
            nearest_offer(&near, lab_table[i].name);
        return error_set(e, _("expected the name of an experiment, found %s%s; 'stepformer lab' lists them"),
                         quote_short(name, strlen(name), quoted), nearest_hint(&near, hint));
    }
    int status = lab_begin(&r->lab, info, true, e);
    for (size_t i = 0; i < s->count && status == 0; i++)
        status = lab_set(&r->lab, s->items[i], e);
    r->lab.progress = runs->progress;
    r->lab.context = runs->context;
    return status == 0 ? lab_run(&r->lab, e) : -1;
}

const Lab *labs_run(LabRuns *runs, const char *name, const char *settings, Error *e)
{
    Settings s;
    if (read_settings(&s, settings, e) != 0)
        return NULL;
    char *key = write_key(name, &s);
    LabRun *r = key ? find_run(runs, key) : NULL;
    if (r || !key) {
        if (!key)
            error_memory(e, "lab");
        free(key);
        free_settings(&s);
        return r ? &r->lab : NULL;
    }
    r = calloc(1, sizeof *r);
    int status = r ? 0 : error_memory(e, "lab");
    if (r)
        r->key = key;
    else
        free(key);
    if (status == 0)
        status = run_now(runs, r, name, &s, e);
    free_settings(&s);
    LabRun **more = status == 0 ? realloc(runs->runs, (runs->count + 1) * sizeof *more) : NULL; /* now: its listener may ask for another */
    if (more)
        runs->runs = more;
    else if (status == 0)
        status = error_memory(e, "lab");
    if (status != 0) {
        free_run(r);
        return NULL;
    }
    runs->runs[runs->count++] = r;
    return &r->lab;
}

struct LabScore {
    char *model; /* its path, or its name where it has none */
    Ablations ablations;
    double score;
};

int labs_score(LabRuns *runs, const Model *m, Ablations a, double *out, Error *e)
{
    const char *name = m->path ? m->path : m->name;
    for (size_t i = 0; i < runs->score_count; i++)
        if (runs->scores[i].ablations == a && strcmp(runs->scores[i].model, name) == 0) {
            *out = runs->scores[i].score;
            return 0;
        }
    if (eval_score(m, a, out, e) != 0)
        return -1;
    struct LabScore *more = realloc(runs->scores, (runs->score_count + 1) * sizeof *more);
    if (more) {
        runs->scores = more;
        more[runs->score_count] = (struct LabScore){strdup(name), a, *out};
        runs->score_count += more[runs->score_count].model != NULL;
    }
    return 0; /* without memory it is computed again the next time */
}

void labs_free(LabRuns *runs)
{
    for (size_t i = 0; i < runs->count; i++)
        free_run(runs->runs[i]);
    free(runs->runs);
    for (size_t i = 0; i < runs->score_count; i++)
        free(runs->scores[i].model);
    free(runs->scores);
    *runs = (LabRuns){.count = 0};
}

int labs_result(LabRuns *runs, const char *name, const char *settings, const char *row, const char *column, double *out, Error *e)
{
    const Lab *lab = labs_run(runs, name, settings, e);
    return lab ? lab_result(lab, row, column, out, e) : -1;
}
