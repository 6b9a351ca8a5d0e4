/* verify.c - the subcommand `verify`: recomputes stored cases and compares every number. */
#include "measure/verify.h"
#include "cli/verify.h"

#include "base/file.h"
#include "base/text.h"
#include "cli/cli.h"
#include "cli/listing.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const OptionId taken[] = {OPTION_AGAINST, OPTION_TOLERANCE, OPTION_MODEL,      OPTION_TOKENIZER, OPTION_TEXT,
                                 OPTION_TARGET,  OPTION_IDS,       OPTION_TARGET_IDS, OPTION_ABLATE,    OPTION_EDIT,
                                 OPTION_EDITS,   OPTION_BUG,       OPTION_FORMAT,     OPTION_OUTPUT,    OPTION_END};

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
    .formats = "text|json|csv",
    .example = "stepformer verify\n"
               "stepformer verify tests/golden/alibi\n"
               "stepformer verify -m my-gpt2 --against my-gpt2/out.safetensors",
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

static const char *case_name(const char *folder)
{
    const char *slash = strrchr(folder, '/');
    return slash && slash[1] ? slash + 1 : folder;
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

/* ---- the table ---- */

enum { MARK_COLUMNS = 8, NAME_COLUMNS = 24, SHORT_PART = 11, LONG_PART = 17, SHORT_LOSS = 7, LONG_LOSS = 20 };

/* What is printed, and what it comes to. */
typedef struct Report {
    const Bug *bug;
    Output *out;
    int format;  /* of spec.formats */
    int columns; /* that a line may take */
    int name;    /* that a case's name takes */
    bool wide;   /* there is room for numbers of three digits, and for both losses */
    Buffer line;
    Listing rows; /* of json and csv */
    size_t cases, failed, unreadable, tensors;
    double error;
    char worst[VERIFY_NAME_MAX + 512];
} Report;

enum { PARTS = 3 };
static const char *const part_names[PARTS] = {"stages", "d(stages)", "d(weights)"};

static void list_parts(const VerifyCase *c, const VerifyPart *parts[PARTS])
{
    parts[0] = &c->trace;
    parts[1] = &c->stage_grads;
    parts[2] = &c->weight_grads;
}

static int row_columns(const Report *r, bool wide)
{
    return MARK_COLUMNS + r->name + PARTS * (2 + (wide ? LONG_PART : SHORT_PART)) + 2 + (wide ? LONG_LOSS : SHORT_LOSS);
}

/* A longer name than there is room for has a line of its own. */
static void begin_table(Report *r, const Folders *f)
{
    static const char *const columns[] = {"case", "result", "stages", "stages_tolerance", "stages_worst", "stage_gradients",
                                          "stage_gradients_tolerance", "stage_gradients_worst", "weight_gradients", "weight_gradients_tolerance",
                                          "weight_gradients_worst", "loss", "loss_stored", "first_beyond", NULL};
    listing_begin(&r->rows, columns);
    for (size_t i = 0; i < f->count; i++) {
        int n = text_width(case_name(f->items[i]));
        r->name = n > r->name ? n : r->name;
    }
    r->wide = row_columns(r, true) <= r->columns;
    if (!r->wide && row_columns(r, false) > r->columns)
        r->name = r->name < NAME_COLUMNS ? r->name : NAME_COLUMNS;
    if (r->format != 0)
        return;
    buffer_fill(&r->line, ' ', MARK_COLUMNS);
    text_pad(&r->line, _("case"), r->name);
    for (size_t k = 0; k < PARTS; k++) {
        buffer_puts(&r->line, "  ");
        text_pad(&r->line, part_names[k], r->wide ? LONG_PART : SHORT_PART);
    }
    buffer_printf(&r->line, "  %s\n", r->wide ? _("loss") : _("loss +-"));
}

static void add_part(Report *r, const VerifyPart *part)
{
    char text[64] = "-";
    if (part->present && r->wide)
        snprintf(text, sizeof text, "%.2e of %.0e", part->error, part->tolerance);
    else if (part->present)
        snprintf(text, sizeof text, "%.0e/%.0e", part->error, part->tolerance);
    buffer_printf(&r->line, "  %-*s", r->wide ? LONG_PART : SHORT_PART, text);
}

/* Below a case that failed: the worst of each part that is beyond what is tolerated, and, with a bug, the first. */
static void add_worst(Report *r, const VerifyCase *c)
{
    const VerifyPart *parts[PARTS];
    Buffer text = {0};
    list_parts(c, parts);
    for (size_t k = 0; k < PARTS; k++)
        if (parts[k]->present && !(parts[k]->error <= parts[k]->tolerance))
            buffer_printf(&text, "%s%s: %s", text.len ? "; " : "", part_names[k], parts[k]->worst);
    if (r->bug && c->trace.first[0])
        buffer_printf(&text, "%s%s %s", text.len ? "; " : "", _("first"), c->trace.first);
    if (text.len) {
        buffer_fill(&r->line, ' ', MARK_COLUMNS);
        buffer_printf(&r->line, "%s\n", buffer_text(&text));
    }
    buffer_free(&text);
}

static void add_text_row(Report *r, const VerifyCase *c, const char *name)
{
    const VerifyPart *parts[PARTS];
    list_parts(c, parts);
    buffer_printf(&r->line, "%-6s  ", c->passed ? "ok" : "FAILED");
    text_escape(&r->line, name, strlen(name), false);
    if (text_width(name) > r->name) {
        buffer_putc(&r->line, '\n');
        buffer_fill(&r->line, ' ', (size_t)(MARK_COLUMNS + r->name));
    } else
        buffer_fill(&r->line, ' ', (size_t)(r->name - text_width(name)));
    for (size_t k = 0; k < PARTS; k++)
        add_part(r, parts[k]);
    if (c->loss_known && r->wide)
        buffer_printf(&r->line, "  %.6f of %.6f", c->loss, c->expected_loss);
    else if (c->loss_known)
        buffer_printf(&r->line, "  %.0e", fabs(c->loss - c->expected_loss));
    while (r->line.len && r->line.data[r->line.len - 1] == ' ')
        r->line.data[--r->line.len] = '\0';
    buffer_putc(&r->line, '\n');
    add_worst(r, c);
    if (r->bug && !c->bug_stage[0]) {
        buffer_fill(&r->line, ' ', MARK_COLUMNS);
        buffer_puts(&r->line, _("the bug touches nothing here\n"));
    }
}

static void add_listed_row(Report *r, const VerifyCase *c, const char *name)
{
    const VerifyPart *parts[PARTS];
    list_parts(c, parts);
    listing_word(&r->rows, name);
    listing_word(&r->rows, c->passed ? "ok" : "failed");
    for (size_t k = 0; k < PARTS; k++) {
        listing_number(&r->rows, parts[k]->present ? parts[k]->error : NAN);
        listing_number(&r->rows, parts[k]->present ? parts[k]->tolerance : NAN);
        if (parts[k]->present)
            listing_word(&r->rows, parts[k]->worst);
        else
            listing_nothing(&r->rows);
    }
    listing_number(&r->rows, c->loss_known ? c->loss : NAN);
    listing_number(&r->rows, c->loss_known ? c->expected_loss : NAN);
    if (c->trace.first[0])
        listing_word(&r->rows, c->trace.first);
    else
        listing_nothing(&r->rows);
}

static void count_part(Report *r, const VerifyPart *part, const char *name)
{
    if (!part->present)
        return;
    r->tensors += part->tensors;
    if (part->error > r->error || isnan(part->error)) {
        r->error = part->error;
        snprintf(r->worst, sizeof r->worst, "%s: %s", name, part->worst);
    }
}

static void verify_one(Report *r, const char *folder)
{
    const char *name = case_name(folder);
    const VerifyPart *parts[PARTS];
    VerifyCase c;
    Error e = {{0}};
    r->cases++;
    if (verify_with_bug(folder, r->bug, &c, &e) != 0) {
        r->unreadable++;
        cli_say("%s", e.text);
        return;
    }
    r->failed += !c.passed;
    list_parts(&c, parts);
    for (size_t k = 0; k < PARTS; k++)
        count_part(r, parts[k], name);
    if (r->format == 0)
        add_text_row(r, &c, name);
    else
        add_listed_row(r, &c, name);
}

/* The last lines, or, of the other formats, all. */
static int end_table(Report *r, Error *e)
{
    if (r->format != 0) {
        listing_fact_count(&r->rows, "cases", r->cases - r->unreadable);
        listing_fact_count(&r->rows, "failed", r->failed);
        listing_fact_count(&r->rows, "unreadable", r->unreadable);
        listing_fact_count(&r->rows, "tensors", r->tensors);
        listing_fact_number(&r->rows, "largest_error", r->error);
        return listing_write(&r->rows, (ListingFormat)r->format, r->columns, &r->line, e);
    }
    if (r->tensors) {
        buffer_printf(&r->line, _("cases: %zu, failed: %zu, tensors: %zu; largest error %.2e%s%s%s\n"), r->cases - r->unreadable, r->failed,
                      r->tensors, r->error, r->worst[0] ? " (" : "", r->worst, r->worst[0] ? ")" : "");
    }
    return 0;
}

static bool send(Report *r)
{
    bool sent = output_result(r->out, r->format == 0, &r->line);
    buffer_clear(&r->line);
    return sent;
}

static int run(const Options *o, int *status, Error *e)
{
    Folders folders = {0};
    Output out = output_open(o);
    Report r = {.out = &out, .columns = output_columns(&out), .format = options_format(o, e)};
    int found = -1;
    if (!o->value[OPTION_BUG] || (r.bug = bug_find(o->value[OPTION_BUG], e)) != NULL)
        found = find_cases(&folders, o, e);
    if (found == 0) {
        begin_table(&r, &folders);
        for (size_t i = 0; i < folders.count && send(&r); i++)
            verify_one(&r, folders.items[i]);
        found = end_table(&r, e);
        send(&r);
    }
    buffer_free(&r.line);
    listing_free(&r.rows);
    free_folders(&folders);
    *status = r.unreadable ? CLI_WRONG : r.failed ? CLI_FAILED : CLI_DONE;
    return found == 0 ? output_close(&out, e) : -1;
}

/* What is about one pass has no place beside stored cases. */
static int check_options(const Options *o, Error *e)
{
    static const OptionId alone[] = {OPTION_TOLERANCE, OPTION_MODEL, OPTION_TOKENIZER,  OPTION_TEXT,   OPTION_TARGET,
                                     OPTION_IDS,       OPTION_EDIT,  OPTION_TARGET_IDS, OPTION_ABLATE, OPTION_EDITS};
    if (options_format(o, e) < 0)
        return -1;
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
