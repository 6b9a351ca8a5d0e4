/* lists.c - the subcommands `stages`, `models` and `ablations`: names, for people and for completion. */
#include "base/text.h"
#include "cli/cli.h"
#include "cli/listing.h"
#include "cli/waiting.h"
#include "pass/ablation.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { FORMAT_TEXT, FORMAT_NAMES };

/* Writes what a list put together, and frees it. */
static int finish(const Options *o, Buffer *text, Error *e)
{
    Output out = output_open(o);
    int status = text->failed ? error_memory(e, o->spec->name) : 0;
    if (status == 0) {
        output_emit(&out, buffer_text(text), text->len);
        status = output_close(&out, e);
    }
    buffer_free(text);
    return status;
}

/* ---- stages ---- */

static const OptionId stages_options[] = {OPTION_MODEL,      OPTION_TOKENIZER, OPTION_TEXT,   OPTION_TARGET, OPTION_IDS,
                                          OPTION_TARGET_IDS, OPTION_ABLATE,    OPTION_OUTPUT, OPTION_END};

static const CommandSpec stages_spec = {
    .name = "stages",
    .what = N_("Lists the stages of a pass in their order, one name a line."),
    .example = "stepformer stages -m hand-wired\n"
               "stepformer stages -a no-attention",
    .options = stages_options,
};

/* The names depend on the model and the ablations; a text is only checked. */
static int list_stages(Options *o, Error *e)
{
    Ablations a;
    InputText given;
    if (cli_read_ablations(o, &a, e) != 0 || options_input(o, &given, e) != 0)
        return -1;
    Model *m = cli_open_model(o, e);
    if (!m)
        return -1;
    PlanInput lengths = {config_has_stack(&m->config, STACK_ENCODER), config_has_stack(&m->config, STACK_DECODER), 0};
    Input in = {0};
    Plan plan = {0};
    int status = 0;
    if (given.text || given.ids || given.target || given.target_ids) {
        status = input_read(&in, m, given, a, e);
        lengths = (PlanInput){in.source.len, in.target.len, 0};
    }
    if (status == 0)
        status = plan_build(&plan, m, lengths, a, e);
    Buffer text = {0};
    for (size_t i = 0; status == 0 && i < plan.count; i++) {
        char name[STAGE_NAME_MAX];
        buffer_printf(&text, "%s\n", stage_name(&plan.stages[i], name));
    }
    if (status == 0)
        status = finish(o, &text, e);
    plan_free(&plan);
    input_free(&in);
    model_free(m);
    return status;
}

int cli_stages(int argc, char **argv)
{
    Options o;
    Error e = {{0}};
    int status;
    if (!options_read(&o, &stages_spec, argc, argv, &status))
        return status;
    status = list_stages(&o, &e) == 0 ? CLI_DONE : cli_wrong(&e);
    options_free(&o);
    return status;
}

/* ---- models ---- */

static const OptionId models_options[] = {OPTION_FORMAT, OPTION_OUTPUT, OPTION_END};

static const CommandSpec models_spec = {
    .name = "models",
    .what = N_("Lists the models that -m can name: name, what it is, where it is."),
    .formats = "text|names",
    .example = "stepformer models",
    .options = models_options,
};

typedef struct ModelList {
    int format;
    Buffer text;
    bool broken; /* one of them could not be opened */
} ModelList;

static void add_model(void *context, const char *name, const char *folder)
{
    ModelList *list = context;
    if (list->format == FORMAT_NAMES) {
        buffer_printf(&list->text, "%s\n", name);
        return;
    }
    Error e = {{0}};
    Model *m = model_open(folder, NULL, &e);
    buffer_printf(&list->text, "%-14s  ", name);
    if (m) {
        Buffer config = {0};
        if (m->summary[0]) {
            size_t used = strlen(name) > 14 ? strlen(name) - 14 : 0; /* a long name moves its first line */
            listing_wrap(&list->text, m->summary, 16, waiting_columns(STDOUT_FILENO) - (int)used, cli_lists_ascii());
            buffer_fill(&list->text, ' ', 16);
        }
        config_describe(&m->config, &config);
        listing_wrap(&list->text, buffer_text(&config), 16, waiting_columns(STDOUT_FILENO), cli_lists_ascii());
        buffer_printf(&list->text, "%-14s  %s\n", "", folder);
        buffer_free(&config);
    } else {
        buffer_printf(&list->text, _("cannot be opened\n%-14s  %s\n"), "", folder);
        cli_wrong(&e);
        list->broken = true;
    }
    model_free(m);
}

int cli_models(int argc, char **argv)
{
    Options o;
    Error e = {{0}};
    int status;
    if (!options_read(&o, &models_spec, argc, argv, &status))
        return status;
    ModelList list = {.format = options_format(&o, &e)};
    if (list.format >= 0) {
        models_list(add_model, &list);
        if (list.text.len == 0)
            cli_say("no models were found; -m takes a folder, a file *.bin or random:KEY=VALUE,...");
    }
    if (list.format < 0 || finish(&o, &list.text, &e) != 0)
        status = cli_wrong(&e);
    else
        status = list.broken ? CLI_WRONG : CLI_DONE;
    options_free(&o);
    return status;
}

/* ---- ablations ---- */

static const CommandSpec ablations_spec = {
    .name = "ablations",
    .what = N_("Lists what -a can switch off: name, what then happens."),
    .formats = "text|names",
    .example = "stepformer ablations",
    .options = models_options,
};

int cli_ablations(int argc, char **argv)
{
    Options o;
    Error e = {{0}};
    int status;
    if (!options_read(&o, &ablations_spec, argc, argv, &status))
        return status;
    int format = options_format(&o, &e);
    Buffer text = {0};
    for (int i = 0; format >= 0 && i < ABLATION_COUNT; i++) {
        if (format == FORMAT_NAMES)
            buffer_printf(&text, "%s\n", ablation_table[i].name);
        else {
            buffer_printf(&text, "%-18s ", ablation_table[i].name);
            listing_wrap(&text, _(ablation_table[i].what), 19, waiting_columns(STDOUT_FILENO), cli_lists_ascii());
        }
    }
    status = format >= 0 && finish(&o, &text, &e) == 0 ? CLI_DONE : cli_wrong(&e);
    options_free(&o);
    return status;
}
