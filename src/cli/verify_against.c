/* verify_against.c - `verify --against`: a pass beside a file that another program wrote. */
#include "cli/verify.h"

#include "base/text.h"
#include "cli/cli.h"
#include "measure/against.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* The ids in the file stand in for --ids and --target-ids where nothing is given. */
static int take_ids(Options *o, const SafeTensors *file, char *texts[2], Error *e)
{
    static const struct {
        const char *name;
        OptionId option;
    } tensors[] = {{"input_ids", OPTION_IDS}, {"decoder_input_ids", OPTION_TARGET_IDS}};
    if (o->value[OPTION_TEXT] || o->value[OPTION_TARGET] || o->value[OPTION_IDS] || o->value[OPTION_TARGET_IDS])
        return 0;
    for (size_t k = 0; k < 2; k++) {
        Ids ids = {0};
        Buffer text = {0};
        int found = against_ids(file, tensors[k].name, &ids, e);
        for (size_t i = 0; i < ids.len; i++)
            buffer_printf(&text, i ? ",%d" : "%d", ids.data[i]);
        ids_free(&ids);
        if (found == 1)
            o->value[tensors[k].option] = texts[k] = text.data;
        if (found < 0 || text.failed)
            return found < 0 ? -1 : error_memory(e, file->path);
    }
    return 0;
}

static int read_tolerance(const Options *o, double *tolerance, Error *e)
{
    const char *text = o->value[OPTION_TOLERANCE];
    char *end;
    if (!text)
        return 0;
    *tolerance = strtod(text, &end);
    if (end == text || *end || !(*tolerance >= 0) || !isfinite(*tolerance))
        return error_set(e, _("--tolerance: expected a number, 0 or more, such as 1e-4, found \"%.40s\""), text);
    return 0;
}

static void add_item(Buffer *out, const AgainstItem *item, const Pass *p, double tolerance)
{
    char name[STAGE_NAME_MAX];
    buffer_printf(out, "%-6s  %-32s", item->error <= tolerance ? "ok" : "FAILED", stage_name(&pass_plan(p)->stages[item->stage], name));
    if (item->shapes_differ)
        buffer_puts(out, _("another shape"));
    else if (isinf(item->error))
        buffer_puts(out, _("other places of what is hidden or not a number"));
    else
        buffer_printf(out, "%.2e", item->error);
    if (strcmp(name, item->name) != 0)
        buffer_printf(out, "  %s", item->name);
    buffer_putc(out, '\n');
}

/* The table, and below it what it comes to. Returns how many are too far off. */
static size_t write_table(const Against *a, const Pass *p, double tolerance, Buffer *out)
{
    const AgainstItem *worst = &a->items[0];
    size_t failed = 0, first = a->compared;
    for (size_t i = 0; i < a->compared; i++) {
        const AgainstItem *item = &a->items[i];
        add_item(out, item, p, tolerance);
        if (item->error > worst->error)
            worst = item;
        if (!(item->error <= tolerance) && failed++ == 0)
            first = i;
    }
    for (size_t i = a->compared; i < a->count; i++)
        if (strcmp(a->items[i].name, "input_ids") != 0 && strcmp(a->items[i].name, "decoder_input_ids") != 0)
            buffer_printf(out, _("not compared: %s: no stage of this pass is called so\n"), a->items[i].name);
    if (failed)
        buffer_printf(out, _("first that differs: %s\n"), a->items[first].name);
    buffer_printf(out,
                  ngettext("%zu tensor compared, %zu beyond %.0e; largest error %.2e (%s)\n",
                           "%zu tensors compared, %zu beyond %.0e; largest error %.2e (%s)\n", a->compared),
                  a->compared, failed, tolerance, worst->error, worst->name);
    return failed;
}

static int compare(Options *o, const SafeTensors *file, int *status, Error *e)
{
    char *texts[2] = {NULL, NULL};
    Work w;
    Against a = {.count = 0};
    Buffer text = {0};
    int good = take_ids(o, file, texts, e) == 0 ? work_open(&w, o, e) : -1;
    if (good != 0) {
        if ((texts[0] || texts[1]) && (strncmp(e->text, "--ids", 5) == 0 || strncmp(e->text, "--target-ids", 12) == 0))
            error_prefix(e, "%s", file->path); /* they are the file's */
        free(texts[0]);
        free(texts[1]);
        return -1;
    }
    Pass *p = work_pass(&w, e);
    good = p ? against_compare(&a, p, file, e) : -1;
    double tolerance = a.tolerance;
    if (good == 0)
        good = read_tolerance(o, &tolerance, e);
    if (good == 0) {
        Output out = output_open(o);
        *status = write_table(&a, p, tolerance, &text) ? CLI_FAILED : CLI_DONE;
        output_emit(&out, buffer_text(&text), text.len);
        good = output_close(&out, e);
    }
    against_free(&a);
    buffer_free(&text);
    pass_free(p);
    work_free(&w);
    free(texts[0]);
    free(texts[1]);
    return good;
}

int verify_against(Options *o)
{
    SafeTensors file;
    Error e = {{0}};
    int status = CLI_DONE;
    if (safetensors_open(&file, o->value[OPTION_AGAINST], &e) != 0)
        return cli_wrong(&e);
    int good = compare(o, &file, &status, &e);
    safetensors_close(&file);
    return good == 0 ? status : cli_wrong(&e);
}
