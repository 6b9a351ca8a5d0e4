/* data.c - where models, lessons and translations are on this machine.
 *
 * Owns the order of the folders. Knows nothing of what is in a file. */
#include "model/model.h"

#include <dirent.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#ifndef DATADIR
#define DATADIR "/usr/local/share"
#endif

/* ---- the folders ---- */

/* Adds a copy of the n bytes at path to a list that ends with NULL; takes the list away where there is no memory. */
static char **add_root(char **roots, const char *path, size_t n)
{
    size_t count = 0;
    while (roots && roots[count])
        count++;
    char **more = roots ? realloc(roots, (count + 2) * sizeof *more) : NULL;
    char *copy = more ? strndup(path, n) : NULL;
    if (!copy) {
        data_roots_free(more ? more : roots);
        return NULL;
    }
    more[count] = copy;
    more[count + 1] = NULL;
    return more;
}

/* Adds BASE/stepformer, of the n bytes at base; one that is not absolute is not used (XDG Base Directory). */
static char **add_shared(char **roots, const char *base, size_t n)
{
    Buffer path = {0};
    if (n == 0 || base[0] != '/' || !roots)
        return roots;
    buffer_add(&path, base, n);
    buffer_puts(&path, "/stepformer");
    if (path.failed) {
        data_roots_free(roots);
        roots = NULL;
    } else
        roots = add_root(roots, path.data, path.len);
    buffer_free(&path);
    return roots;
}

/* The folder this program is in, and the data folder of the place it is installed in. */
static char **add_program(char **roots)
{
    for (size_t size = 256; roots && size <= 65536; size *= 4) {
        char *path = malloc(size);
        ssize_t n = path ? readlink("/proc/self/exe", path, size) : -1;
        if (n > 0 && (size_t)n < size) { /* it fits */
            while (n > 1 && path[n - 1] != '/')
                n--;
            roots = add_root(roots, path, n > 1 ? (size_t)n - 1 : 1);
            Buffer share = {0}; /* installed as PREFIX/bin, wherever PREFIX is now */
            buffer_add(&share, path, (size_t)n);
            buffer_puts(&share, "../share");
            roots = add_shared(roots, buffer_text(&share), share.len);
            buffer_free(&share);
        }
        free(path);
        if (n <= 0 || (size_t)n < size)
            break;
    }
    return roots;
}

char **data_roots(void)
{
    char **roots = add_program(calloc(1, sizeof *roots));
    const char *home = getenv("XDG_DATA_HOME"), *dirs = getenv("XDG_DATA_DIRS");
    if (home && home[0])
        roots = add_shared(roots, home, strlen(home));
    else if ((home = getenv("HOME")) && home[0]) {
        Buffer share = {0};
        buffer_printf(&share, "%s/.local/share", home);
        roots = add_shared(roots, buffer_text(&share), share.len);
        buffer_free(&share);
    }
    if (!dirs || !dirs[0])
        dirs = "/usr/local/share:/usr/share";
    while (*dirs) {
        size_t n = strcspn(dirs, ":");
        roots = add_shared(roots, dirs, n);
        dirs += n + (dirs[n] == ':');
    }
    return add_shared(roots, DATADIR, strlen(DATADIR));
}

void data_roots_free(char **roots)
{
    for (size_t i = 0; roots && roots[i]; i++)
        free(roots[i]);
    free(roots);
}

char *data_find(const char *relative)
{
    char **roots = data_roots(), *found = NULL;
    for (size_t i = 0; roots && roots[i] && !found; i++) {
        found = file_join(roots[i], relative);
        if (found && !file_exists(found)) {
            free(found);
            found = NULL;
        }
    }
    data_roots_free(roots);
    return found;
}

/* ---- the models in them ---- */

typedef struct Named {
    char *name, *folder;
    size_t order; /* of its root: the first of a name is the one that model_open takes */
} Named;

typedef struct NamedList {
    Named *items;
    size_t count, cap;
} NamedList;

/* Makes room for one more; false without memory. */
static bool grow(NamedList *list)
{
    if (list->count < list->cap)
        return true;
    size_t cap = list->cap ? list->cap * 2 : 32;
    Named *items = realloc(list->items, cap * sizeof *items);
    if (!items)
        return false;
    list->items = items;
    list->cap = cap;
    return true;
}

/* Adds MODELS/NAME if it is a model. Without memory the list stays shorter. */
static void add_named(NamedList *list, const char *models, const char *name)
{
    char *folder = file_join(models, name), *config = folder ? file_join(folder, "config.json") : NULL;
    bool is_model = config && file_exists(config);
    char *copy = is_model && grow(list) ? strdup(name) : NULL;
    free(config);
    if (!copy) {
        free(folder);
        return;
    }
    list->items[list->count] = (Named){copy, folder, list->count};
    list->count++;
}

static int compare_named(const void *a, const void *b)
{
    const Named *x = a, *y = b;
    int order = strcmp(x->name, y->name);
    return order ? order : (x->order > y->order) - (x->order < y->order);
}

void models_list(void (*found)(void *context, const char *name, const char *folder), void *context)
{
    char **roots = data_roots();
    NamedList list = {0};
    for (size_t i = 0; roots && roots[i]; i++) {
        char *models = file_join(roots[i], "tiny-models");
        DIR *dir = models ? opendir(models) : NULL;
        for (struct dirent *entry; dir && (entry = readdir(dir));)
            if (entry->d_name[0] != '.')
                add_named(&list, models, entry->d_name);
        if (dir)
            closedir(dir);
        free(models);
    }
    data_roots_free(roots);
    if (list.count)
        qsort(list.items, list.count, sizeof *list.items, compare_named);
    for (size_t i = 0; i < list.count; i++)
        if (i == 0 || strcmp(list.items[i].name, list.items[i - 1].name) != 0)
            found(context, list.items[i].name, list.items[i].folder);
    for (size_t i = 0; i < list.count; i++) {
        free(list.items[i].name);
        free(list.items[i].folder);
    }
    free(list.items);
}
