/* trace.c - the subcommand `trace`: every stage of a pass, written down. */
#include "base/text.h"
#include "cli/cli.h"
#include "model/nearest.h"

#include <stdlib.h>
#include <string.h>

static const OptionId taken[] = {OPTION_MODEL,      OPTION_TOKENIZER, OPTION_TEXT,   OPTION_TARGET, OPTION_IDS,
                                 OPTION_TARGET_IDS, OPTION_ABLATE,    OPTION_EDIT,   OPTION_EDITS,  OPTION_BUG,
                                 OPTION_STAGE,      OPTION_NAMES,     OPTION_FORMAT, OPTION_OUTPUT, OPTION_END};

static const CommandSpec spec = {
    .name = "trace",
    .what = N_("Writes the value of every stage of a pass, by name and in order.\n"
               "The format is --format's, else what the output file's name ends in."),
    .formats = TRACE_FORMATS,
    .example = "stepformer trace -m hand-wired -t \"A B C A\" --stage output.probs\n"
               "stepformer trace -a no-residual -o trace.safetensors\n"
               "stepformer trace -m story --names transformer-lens -o cache.safetensors",
    .options = taken,
};

static int unknown_stage(const Plan *plan, const char *name, size_t n, Error *e)
{
    char quoted[QUOTE_SHORT], hint[NEAREST_HINT];
    char(*names)[STAGE_NAME_MAX] = calloc(plan->count, sizeof *names);
    Nearest near = nearest_to(name, n);
    for (size_t i = 0; names && i < plan->count; i++)
        nearest_offer(&near, stage_name(&plan->stages[i], names[i]));
    nearest_hint(&near, hint);
    free(names);
    return error_set(e, "--stage: expected a stage of this pass, found %s%s", quote_short(name, n, quoted),
                     hint[0] ? hint : _("; 'stepformer stages' lists the names"));
}

/* Marks the stages of "NAME,NAME" in chosen [plan->count]. */
static int choose_stages(const Plan *plan, const char *names, bool *chosen, Error *e)
{
    for (const char *p = names;;) {
        size_t n = strcspn(p, ",");
        char name[2 * STAGE_NAME_MAX];
        int i = -1;
        if (n < sizeof name) {
            memcpy(name, p, n);
            name[n] = '\0';
            i = plan_find(plan, name);
        }
        if (i < 0)
            return unknown_stage(plan, p, n, e);
        chosen[i] = true;
        if (p[n] == '\0')
            return 0;
        p += n + 1;
    }
}

/* --names: own, or transformer-lens. */
static int use_names(Trace *t, Pass *p, const Options *o, Error *e)
{
    const char *whose = o->value[OPTION_NAMES];
    size_t left_out;
    if (!whose || strcmp(whose, "own") == 0)
        return 0;
    if (strcmp(whose, "transformer-lens") != 0)
        return error_set(e, _("--names: expected own or transformer-lens, found \"%.40s\""), whose);
    if (trace_use_hooks(t, p, &left_out, e) != 0)
        return -1;
    if (left_out)
        cli_say(ngettext("%zu stage has no hook and is left out", "%zu stages have no hook and are left out", left_out), left_out);
    return 0;
}

static int run(Work *w, Options *o, Pass *p, Error *e)
{
    bool *chosen = NULL;
    Trace t = {0};
    int status = 0;
    if (o->value[OPTION_STAGE]) {
        chosen = calloc(pass_plan(p)->count, sizeof *chosen);
        status = chosen ? choose_stages(pass_plan(p), o->value[OPTION_STAGE], chosen, e) : error_memory(e, "trace");
    }
    if (status == 0)
        status = trace_values(&t, p, chosen, e);
    if (status == 0)
        status = use_names(&t, p, o, e);
    t.edits = &w->edits;
    t.bug = w->bug ? w->bug->id : NULL;
    if (status == 0) {
        work_warn(w, p);
        status = output_write_trace(&t, o, e);
    }
    trace_free(&t);
    free(chosen);
    return status;
}

int cli_trace(int argc, char **argv)
{
    Options o;
    Work w = {0};
    Error e = {{0}};
    int status;
    if (!options_read(&o, &spec, argc, argv, &status))
        return status;
    Pass *p = NULL;
    bool good = output_check_trace(&o, &e) == 0 && work_open(&w, &o, &e) == 0 && (p = work_pass(&w, &e)) != NULL && run(&w, &o, p, &e) == 0;
    pass_free(p);
    work_free(&w);
    options_free(&o);
    return good ? CLI_DONE : cli_wrong(&e);
}
