/* verify.c - the subcommand `verify`: recomputes stored cases and compares every number. */
#include "measure/verify.h"
#include "cli/verify.h"

#include "base/file.h"
#include "base/text.h"
#include "cli/cli.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const OptionId taken[] = {OPTION_AGAINST, OPTION_TOLERANCE, OPTION_MODEL,      OPTION_TOKENIZER, OPTION_TEXT,
                                 OPTION_TARGET,  OPTION_IDS,       OPTION_TARGET_IDS, OPTION_ABLATE,    OPTION_EDIT,
                                 OPTION_EDITS,   OPTION_BUG,       OPTION_OUTPUT,     OPTION_END};

static const OptionNote notes[] = {
    {OPTION_AGAINST, "FILE", N_("compare one pass with the tensors of this safetensors file instead")},
    {OPTION_END, NULL, NULL},
};

static const CommandSpec spec = {
    .name = "verify",
    .operands = "[FOLDER...]",
    .what = N_("Recomputes stored cases and prints the largest error of each, beside what is\n"
               "tolerated. A folder is a case (it holds case.json) or holds cases; without one,\n"
               "the cases that come with the program. Exit status 1: a number is too far off.\n"
               "With --against, one pass of a model is compared with a file that another\n"
               "program wrote: tensors named as ours, as TransformerLens's hooks, or as the\n"
               "hidden states and attentions of transformers. What it was fed may be in it, as\n"
               "input_ids."),
    .example = "stepformer verify\n"
               "stepformer verify tests/golden/alibi\n"
               "stepformer verify -m tests/golden/alibi --ids 16,19,13,7,4,4,8 --against tests/golden/alibi/trace.safetensors",
    .options = taken,
    .notes = notes,
};

/* ---- the cases of a folder ---- */

typedef struct Folders {
    char **items; /* owned, like the array */
    size_t count, capacity;
} Folders;

static int add_folder(Folders *f, char *folder, Error *e)
{
    if (folder && f->count == f->capacity) {
        size_t capacity = f->capacity ? 2 * f->capacity : 64;
        char **items = realloc(f->items, capacity * sizeof *items);
        if (items) {
            f->items = items;
            f->capacity = capacity;
        }
    }
    if (!folder || f->count == f->capacity) {
        free(folder);
        return error_memory(e, "verify");
    }
    f->items[f->count++] = folder;
    return 0;
}

static void free_folders(Folders *f)
{
    for (size_t i = 0; i < f->count; i++)
        free(f->items[i]);
    free(f->items);
}

static bool is_case(const char *folder)
{
    char *path = file_join(folder, "case.json");
    bool has = path && file_exists(path);
    free(path);
    return has;
}

static int by_name(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* Adds a folder, or the cases in it, sorted; one folder more may stand between ("golden/cases/NAME"). */
static int add_cases(Folders *f, const char *folder, int depth, Error *e)
{
    if (is_case(folder))
        return add_folder(f, strdup(folder), e);
    DIR *dir = depth > 0 ? opendir(folder) : NULL;
    Folders inside = {0};
    int status = 0;
    for (struct dirent *entry; dir && status == 0 && (entry = readdir(dir));) {
        char *path = entry->d_name[0] == '.' ? NULL : file_join(folder, entry->d_name);
        if (path && file_is_folder(path))
            status = add_folder(&inside, path, e);
        else
            free(path);
    }
    if (dir)
        closedir(dir);
    if (inside.count)
        qsort(inside.items, inside.count, sizeof *inside.items, by_name);
    for (size_t i = 0; status == 0 && i < inside.count; i++)
        status = add_cases(f, inside.items[i], depth - 1, e);
    free_folders(&inside);
    return status;
}

/* The cases of the folders given, or of those that come with the program. None at all is an error: nothing was verified. */
static int find_cases(Folders *f, const Options *o, Error *e)
{
    for (int i = 0; i < o->operand_count; i++) {
        size_t before = f->count;
        const char *folder = o->operands[i];
        if (!file_is_folder(folder))
            return error_set(e, "%s: expected a folder, found %s", folder, file_exists(folder) ? _("a file") : _("nothing of that name"));
        if (add_cases(f, folder, 2, e) != 0)
            return -1;
        if (f->count == before)
            return error_set(e, "%s: expected case.json in this folder or in the folders in it, found none", folder);
    }
    if (o->operand_count)
        return 0;
    char *shipped = data_find("tests/golden");
    int status = shipped ? add_cases(f, shipped, 2, e) : 0;
    free(shipped);
    if (status == 0 && f->count == 0)
        return error_set(e, "verify: expected cases beside the program in tests/golden, found none; give the folder of a case");
    return status;
}

/* ---- comparing ---- */

/* What is printed at the end. */
typedef struct Total {
    size_t cases, failed, unreadable, tensors;
    double error;
    char worst[VERIFY_NAME_MAX + 512];
} Total;

static void add_part(Buffer *out, const char *what, const VerifyPart *part, const char *name, Total *total)
{
    if (!part->present)
        return;
    total->tensors += part->tensors;
    buffer_printf(out, "  %s %.2e of %.0e", what, part->error, part->tolerance);
    if (part->error > part->tolerance)
        buffer_printf(out, " (%s)", part->worst);
    if (part->error > total->error || isnan(part->error)) {
        total->error = part->error;
        snprintf(total->worst, sizeof total->worst, "%s: %s", name, part->worst);
    }
}

static void verify_one(const char *folder, const Bug *bug, Buffer *out, Total *total)
{
    const char *slash = strrchr(folder, '/'), *name = slash && slash[1] ? slash + 1 : folder;
    VerifyCase c;
    Error e = {{0}};
    total->cases++;
    if (verify_with_bug(folder, bug, &c, &e) != 0) {
        total->unreadable++;
        cli_say("%s", e.text);
        return;
    }
    total->failed += !c.passed;
    buffer_printf(out, "%-6s  %-26s", c.passed ? "ok" : "FAILED", name);
    add_part(out, "stages", &c.trace, name, total);
    add_part(out, "d(stages)", &c.stage_grads, name, total);
    add_part(out, "d(weights)", &c.weight_grads, name, total);
    if (c.loss_known)
        buffer_printf(out, "  loss %.6f of %.6f", c.loss, c.expected_loss);
    if (bug && c.trace.first[0])
        buffer_printf(out, "  first %s", c.trace.first);
    if (bug && !c.bug_stage[0])
        buffer_puts(out, "  the bug touches nothing here");
    buffer_putc(out, '\n');
}

static int run(const Options *o, int *status, Error *e)
{
    Folders folders = {0};
    Total total = {0};
    Buffer line = {0};
    Output out = output_open(o);
    const Bug *bug = o->value[OPTION_BUG] ? bug_find(o->value[OPTION_BUG], e) : NULL;
    int found = o->value[OPTION_BUG] && !bug ? -1 : find_cases(&folders, o, e);
    for (size_t i = 0; found == 0 && i < folders.count; i++) {
        buffer_clear(&line);
        verify_one(folders.items[i], bug, &line, &total);
        if (!output_emit(&out, buffer_text(&line), line.len))
            break;
    }
    if (found == 0 && total.tensors) {
        buffer_clear(&line);
        buffer_printf(&line, _("cases: %zu, failed: %zu, tensors: %zu; largest error %.2e%s%s%s\n"), total.cases - total.unreadable,
                      total.failed, total.tensors, total.error, total.worst[0] ? " (" : "", total.worst, total.worst[0] ? ")" : "");
        output_emit(&out, buffer_text(&line), line.len);
    }
    buffer_free(&line);
    free_folders(&folders);
    *status = total.unreadable ? CLI_WRONG : total.failed ? CLI_FAILED : CLI_DONE;
    return found == 0 ? output_close(&out, e) : -1;
}

/* What is about one pass has no place beside stored cases. */
static int check_options(const Options *o, Error *e)
{
    static const OptionId alone[] = {OPTION_TOLERANCE, OPTION_MODEL, OPTION_TOKENIZER,  OPTION_TEXT,   OPTION_TARGET,
                                     OPTION_IDS,       OPTION_EDIT,  OPTION_TARGET_IDS, OPTION_ABLATE, OPTION_EDITS};
    if (o->value[OPTION_AGAINST] && o->operand_count)
        return error_set(e, "--against: expected no folder of cases beside it, found %s", o->operands[0]);
    for (size_t i = 0; !o->value[OPTION_AGAINST] && i < sizeof alone / sizeof *alone; i++)
        if (o->value[alone[i]])
            return error_set(e, "--%s: expected --against FILE beside it, found none", option_table[alone[i]].name);
    return 0;
}

int cli_verify(int argc, char **argv)
{
    Options o;
    Error e = {{0}};
    int status, checked = CLI_DONE;
    if (!options_read(&o, &spec, argc, argv, &status))
        return status;
    if (check_options(&o, &e) != 0)
        status = cli_wrong(&e);
    else if (o.value[OPTION_AGAINST])
        status = verify_against(&o);
    else
        status = run(&o, &checked, &e) == 0 ? checked : cli_wrong(&e);
    options_free(&o);
    return status;
}
