/* library.c - where lessons are: in the data folders, in a folder of one's own, in a file. */
#include "lesson/lesson.h"

#include "base/file.h"
#include "base/text.h"
#include "model/model.h"
#include "model/nearest.h"

#include <ctype.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct Found {
    char *name, *folder;
    size_t order; /* of equals the first is taken */
} Found;

typedef struct FoundList {
    Found *items;
    size_t count;
} FoundList;

/* FOLDER/LANG.md, else FOLDER/en.md, else the only *.md there. NULL where there is none. */
static char *file_in(const char *folder, const char *lang)
{
    char name[16];
    for (int i = 0; i < 3; i++) {
        const char *languages[] = {lang, "en", "zh"};
        snprintf(name, sizeof name, "%.2s.md", languages[i]);
        char *path = file_join(folder, name);
        if (path && file_exists(path))
            return path;
        free(path);
    }
    return NULL;
}

static void add_folder(FoundList *list, const char *lessons, const char *name)
{
    char *folder = file_join(lessons, name), *file = folder ? file_in(folder, "en") : NULL, *copy = file ? strdup(name) : NULL;
    Found *more = copy ? realloc(list->items, (list->count + 1) * sizeof *more) : NULL;
    free(file);
    if (more) {
        list->items = more;
        more[list->count] = (Found){copy, folder, list->count};
        list->count++;
        return;
    }
    free(copy);
    free(folder);
}

static int compare_found(const void *a, const void *b)
{
    const Found *x = a, *y = b;
    bool question = isdigit((unsigned char)x->name[1]), other = isdigit((unsigned char)y->name[1]); /* q03 before names */
    int order = question != other ? other - question : strcmp(x->name, y->name);
    return order ? order : (x->order > y->order) - (x->order < y->order);
}

static void add_all(FoundList *list, const char *lessons)
{
    DIR *dir = opendir(lessons);
    for (struct dirent *entry; dir && (entry = readdir(dir));)
        if (entry->d_name[0] != '.' && strcmp(entry->d_name, "template") != 0)
            add_folder(list, lessons, entry->d_name);
    if (dir)
        closedir(dir);
}

int lessons_list(const char *folder, int (*found)(void *context, const char *name, const char *folder), void *context)
{
    FoundList list = {0};
    if (folder) {
        add_all(&list, folder);
    } else {
        char **roots = data_roots();
        for (size_t i = 0; roots && roots[i]; i++) {
            char *lessons = file_join(roots[i], "lessons");
            if (lessons)
                add_all(&list, lessons);
            free(lessons);
        }
        data_roots_free(roots);
    }
    if (list.count)
        qsort(list.items, list.count, sizeof *list.items, compare_found);
    int status = 0;
    for (size_t i = 0; i < list.count; i++) {
        if (status == 0 && (i == 0 || strcmp(list.items[i].name, list.items[i - 1].name) != 0))
            status = found(context, list.items[i].name, list.items[i].folder);
    }
    for (size_t i = 0; i < list.count; i++) {
        free(list.items[i].name);
        free(list.items[i].folder);
    }
    free(list.items);
    return status;
}

/* "3" and "Q3" become "q03". */
static void write_name(const char *given, char name[64])
{
    const char *digits = given + (tolower((unsigned char)*given) == 'q');
    size_t n = strlen(digits);
    if (n && n <= 2 && digits[strspn(digits, "0123456789")] == '\0')
        snprintf(name, 64, "q%02d", atoi(digits));
    else
        for (n = 0; n < 63 && given[n]; n++) {
            name[n] = (char)tolower((unsigned char)given[n]);
            name[n + 1] = '\0';
        }
}

char *lesson_find(const char *given, const char *lang, Error *e)
{
    if (file_is_folder(given)) {
        char *path = file_in(given, lang);
        if (!path)
            error_set(e, _("%s: expected a lesson, en.md or zh.md, in the folder, found neither"), given);
        return path;
    }
    if (strchr(given, '/') || name_ends_with(given, ".md") || file_exists(given)) {
        if (!file_exists(given)) {
            error_set(e, _("%s: expected a lesson, found no such file"), given);
            return NULL;
        }
        return strdup(given);
    }
    char name[64] = "", relative[96], quoted[QUOTE_SHORT];
    write_name(given, name);
    snprintf(relative, sizeof relative, "lessons/%s", name);
    char *folder = *name ? data_find(relative) : NULL, *path = folder ? file_in(folder, lang) : NULL;
    free(folder);
    if (path)
        return path;
    error_set(e, _("lesson: expected the name of a lesson, a folder or a file, found %s; 'stepformer lesson' lists them"),
              quote_short(given, strlen(given), quoted));
    return NULL;
}
