/* lab.c - the list of experiments, their parameters, and what they hand back.
 *
 * Owns how parameters are written. Knows no experiment. */
#include "lab/lab.h"

#include "base/text.h"
#include "model/nearest.h"

#include <ctype.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const LabInfo lab_table[] = {
#define LAB(id, name, title, varies, fixed, limits, lessons) {name, title, varies, fixed, limits, lessons, lab_params_##id, lab_run_##id},
#include "lab/lab.def"
#undef LAB
    {NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL},
};
const size_t lab_count = sizeof lab_table / sizeof *lab_table - 1;

const LabInfo *lab_find(const char *name)
{
    for (size_t i = 0; i < lab_count; i++)
        if (strcmp(lab_table[i].name, name) == 0)
            return &lab_table[i];
    return NULL;
}

/* ---- parameters ---- */

static int find_param(const LabInfo *info, const char *name, size_t n)
{
    for (int i = 0; info->params[i].name; i++)
        if (strlen(info->params[i].name) == n && memcmp(info->params[i].name, name, n) == 0)
            return i;
    return -1;
}

/* One of "none|sqrt|d". */
static bool is_word_of(const char *words, const char *text)
{
    size_t n = strlen(text);
    for (const char *p = words; *p; p += strcspn(p, "|"), p += *p == '|')
        if (strcspn(p, "|") == n && memcmp(p, text, n) == 0)
            return true;
    return false;
}

static int wrong_value(const LabInfo *info, const LabParam *param, const char *found, size_t n, Error *e)
{
    char quoted[QUOTE_SHORT];
    bool integer = param->kind == LAB_INTEGER || param->kind == LAB_INTEGERS;
    return error_set(e, "lab %s: %s: expected %s from %.10g to %.10g, found %s", info->name, param->name,
                     integer ? "an integer" : "a number", param->least, param->most, quote_short(found, n, quoted));
}

static int read_numbers(LabValue *v, const LabInfo *info, const LabParam *param, const char *text, Error *e)
{
    bool list = param->kind == LAB_INTEGERS || param->kind == LAB_REALS;
    bool integer = param->kind == LAB_INTEGER || param->kind == LAB_INTEGERS;
    v->count = 0;
    for (const char *p = text;;) {
        char *end;
        size_t n = strcspn(p, ",");
        double x = strtod(p, &end);
        if (n == 0 || isspace((unsigned char)*p) || end != p + n || !(x >= param->least && x <= param->most) || (integer && x != floor(x)))
            return wrong_value(info, param, p, n, e);
        if (v->count == (list ? LAB_VALUES_MAX : 1))
            return error_set(e, "lab %s: %s: expected %s, found more", info->name, param->name, list ? "at most 64 numbers" : "one number");
        v->numbers[v->count++] = x;
        if (!p[n])
            return 0;
        p += n + 1;
    }
}

static int set_value(Lab *lab, int i, const char *text, Error *e)
{
    const LabParam *param = &lab->info->params[i];
    char quoted[QUOTE_SHORT];
    LabValue v = {0};
    if (param->kind == LAB_WORD && !is_word_of(param->words, text))
        return error_set(e, "lab %s: %s: expected one of %s, found %s", lab->info->name, param->name, param->words,
                         quote_short(text, strlen(text), quoted));
    if (param->kind != LAB_WORD && param->kind != LAB_TEXT && read_numbers(&v, lab->info, param, text, e) != 0)
        return -1;
    v.text = strdup(text);
    if (!v.text)
        return error_memory(e, lab->info->name);
    free(lab->values[i].text);
    lab->values[i] = v;
    return 0;
}

int lab_begin(Lab *lab, const LabInfo *info, bool small, Error *e)
{
    *lab = (Lab){.info = info};
    for (int i = 0; info->params[i].name; i++) {
        const LabParam *p = &info->params[i];
        if (i == LAB_PARAMS_MAX)
            return error_set(e, "lab %s: expected at most %d parameters", info->name, LAB_PARAMS_MAX);
        if (set_value(lab, i, small && p->small ? p->small : p->usual, e) != 0)
            return -1;
    }
    return 0;
}

int lab_set(Lab *lab, const char *assignment, Error *e)
{
    char quoted[QUOTE_SHORT], second[QUOTE_SHORT], hint[NEAREST_HINT];
    size_t n = strcspn(assignment, "=");
    if (!assignment[n])
        return error_set(e, "lab %s: expected NAME=VALUE, found %s; 'stepformer lab %s --help' lists the parameters", lab->info->name,
                         quote_short(assignment, n, quoted), lab->info->name);
    int i = find_param(lab->info, assignment, n);
    if (i >= 0 && lab->values[i].given)
        return error_set(e, "lab %s: %s: expected it once, found %s and %s; several values are one list, such as 4,8", lab->info->name,
                         lab->info->params[i].name, quote_short(lab->values[i].text, strlen(lab->values[i].text), quoted),
                         quote_short(assignment + n + 1, strlen(assignment + n + 1), second));
    if (i >= 0) {
        int status = set_value(lab, i, assignment + n + 1, e);
        lab->values[i].given = status == 0;
        return status;
    }
    Nearest near = nearest_to(assignment, n);
    for (const LabParam *p = lab->info->params; p->name; p++)
        nearest_offer(&near, p->name);
    return error_set(e, "lab %s: expected one of its parameters, found %s%s; 'stepformer lab %s --help' lists them", lab->info->name,
                     quote_short(assignment, n, quoted), nearest_hint(&near, hint), lab->info->name);
}

/* ---- running ---- */

int lab_run(Lab *lab, Error *e)
{
    if (lab->info->run(lab, e) != 0)
        return -1;
    bool failed = lab->failed;
    for (size_t i = 0; i < lab->table_count; i++)
        failed |= lab->tables[i].failed;
    for (size_t i = 0; i < lab->plot_count; i++)
        failed |= lab->plots[i].failed;
    return failed ? error_set(e, "lab %s: not enough memory for the result", lab->info->name) : 0;
}

void lab_free(Lab *lab)
{
    for (size_t i = 0; i < LAB_PARAMS_MAX; i++)
        free(lab->values[i].text);
    for (size_t i = 0; i <= LAB_TABLES_MAX; i++)
        table_free(&lab->tables[i]);
    for (size_t i = 0; i <= LAB_PLOTS_MAX; i++)
        plot_free(&lab->plots[i]);
    for (size_t i = 0; i < lab->note_count; i++)
        free(lab->notes[i]);
    *lab = (Lab){0};
}

/* ---- for the experiments ---- */

const LabValue *lab_value(const Lab *lab, const char *name)
{
    static const LabValue none = {.text = ""};
    int i = find_param(lab->info, name, strlen(name));
    return i >= 0 ? &lab->values[i] : &none;
}

double lab_number(const Lab *lab, const char *name)
{
    return lab_value(lab, name)->numbers[0];
}

size_t lab_size(const Lab *lab, const char *name)
{
    return (size_t)lab_number(lab, name);
}

bool lab_is(const Lab *lab, const char *name, const char *word)
{
    return strcmp(lab_value(lab, name)->text, word) == 0;
}

Table *lab_table_new(Lab *lab, const char *name, const char *title)
{
    size_t at = lab->table_count;
    if (at == LAB_TABLES_MAX) {
        lab->failed = true;
        table_free(&lab->tables[at]);
    } else
        lab->table_count++;
    lab->tables[at] = table_new(name, title);
    return &lab->tables[at];
}

Plot *lab_plot_new(Lab *lab, const char *title, const char *x_title, const char *y_title)
{
    size_t at = lab->plot_count;
    if (at == LAB_PLOTS_MAX) {
        lab->failed = true;
        plot_free(&lab->plots[at]);
    } else
        lab->plot_count++;
    lab->plots[at] = plot_new(title, x_title, y_title);
    return &lab->plots[at];
}

void lab_note(Lab *lab, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    int n = vsnprintf(NULL, 0, format, args);
    va_end(args);
    char *text = n >= 0 && lab->note_count < LAB_NOTES_MAX ? malloc((size_t)n + 1) : NULL;
    if (!text) {
        lab->failed = true;
        return;
    }
    va_start(args, format);
    vsnprintf(text, (size_t)n + 1, format, args);
    va_end(args);
    lab->notes[lab->note_count++] = text;
}

int lab_progress(Lab *lab, double share, const char *what, Error *e)
{
    if (lab->progress && !lab->progress(lab->context, share, what))
        return error_set(e, "lab %s: stopped", lab->info->name);
    return 0;
}

/* ---- asking ---- */

static int find_row(const Table *t, const char *key)
{
    char *end;
    if (*key != '#')
        return table_find_row(t, key);
    unsigned long i = strtoul(key + 1, &end, 10);
    return isdigit((unsigned char)key[1]) && !*end && i < t->row_count ? (int)i : -1;
}

int lab_result(const Lab *lab, const char *row, const char *column, double *out, Error *e)
{
    char quoted[QUOTE_SHORT], quoted_column[QUOTE_SHORT];
    for (size_t i = 0; i < lab->table_count; i++) {
        const Table *t = &lab->tables[i];
        size_t n = strlen(t->name);
        bool named = strncmp(row, t->name, n) == 0 && row[n] == '.';
        int c = table_find_column(t, column), r = find_row(t, row);
        if (r < 0 && named)
            r = find_row(t, row + n + 1);
        if (r < 0 || c < 0)
            continue;
        *out = table_number(t, (size_t)r, (size_t)c);
        if (isnan(*out))
            return error_set(e, "lab %s: expected a number in row %s, column %s, found none", lab->info->name,
                             quote_short(row, strlen(row), quoted), quote_short(column, strlen(column), quoted_column));
        return 0;
    }
    return error_set(e, "lab %s: expected a row and a column of its tables, found row %s, column %s", lab->info->name,
                     quote_short(row, strlen(row), quoted), quote_short(column, strlen(column), quoted_column));
}
