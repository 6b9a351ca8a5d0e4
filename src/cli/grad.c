/* grad.c - the subcommand `grad`: what the loss owes to every weight and every stage. */
#include "base/text.h"
#include "cli/cli.h"
#include "measure/cost.h"
#include "model/nearest.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static const OptionId taken[] = {OPTION_MODEL,      OPTION_TOKENIZER, OPTION_TEXT,   OPTION_TARGET, OPTION_IDS,
                                 OPTION_TARGET_IDS, OPTION_ABLATE,    OPTION_EDIT,   OPTION_EDITS, OPTION_BUG,  OPTION_TARGETS,
                                 OPTION_STAGE,      OPTION_FORMAT,    OPTION_OUTPUT, OPTION_END};

static const OptionNote notes[] = {{OPTION_STAGE, "NAME", N_("only this stage or weight; may be given several times")},
                                   {OPTION_END, NULL, NULL}};

static const CommandSpec spec = {
    .name = "grad",
    .what = N_("Writes d(loss)/d(weight) of every weight and d(loss)/d(stage) of every stage,\n"
               "by name, and says the loss: the mean cross-entropy, in nats, of the positions\n"
               "whose target is not -1. Without --targets every position of a decoder should\n"
               "predict the token that follows it, and the last one is not counted."),
    .formats = TRACE_FORMATS,
    .example = "stepformer grad -m hand-wired -t \"A B C A\" -o grad.safetensors\n"
               "stepformer grad -m hand-wired --ids 6,0,1,2,0 --targets=-1,-1,-1,-1,1",
    .options = taken,
    .notes = notes,
};

/* What each row of the output should predict. */
static int read_targets(Ids *targets, const Options *o, const Work *w, Error *e)
{
    const char *text = o->value[OPTION_TARGETS];
    const Ids *fed = &w->input.target;
    if (text)
        return ids_parse(targets, text, "--targets", w->model->config.vocab_size, true, e);
    if (w->model->config.kind == KIND_ENCODER)
        return error_set(e, "--targets: expected one id for each position of %s, found nothing; -1 is not counted", w->model->name);
    if (fed->len < 2)
        return error_set(e, "--targets: expected ids, because one token has none that follows it, found nothing");
    return input_targets(&w->input, w->model, targets, e);
}

static int unknown_name(const Trace *t, const char *name, size_t n, Error *e)
{
    char quoted[QUOTE_SHORT], hint[NEAREST_HINT];
    Nearest near = nearest_to(name, n);
    for (size_t i = 0; i < t->count; i++)
        nearest_offer(&near, t->items[i].name);
    return error_set(e, "--stage: expected a stage of this pass or a weight of the model, found %s%s", quote_short(name, n, quoted),
                     nearest_hint(&near, hint));
}

/* Leaves only those that are named in "NAME,NAME", in their order. */
static int keep(Trace *t, const Pass *p, const char *names, Error *e)
{
    bool *kept = calloc(t->count, sizeof *kept);
    int status = kept ? 0 : error_memory(e, "grad");
    for (const char *at = names; status == 0;) {
        size_t n = strcspn(at, ","), found = t->count;
        char name[2 * STAGE_NAME_MAX] = "";
        if (n < sizeof name)
            memcpy(name, at, n);
        int stage = plan_find(pass_plan(p), name); /* which knows other names, too */
        if (stage >= 0)
            found = pass_model(p)->weights.count + (size_t)stage;
        for (size_t i = 0; i < t->count && found == t->count; i++)
            if (strcmp(t->items[i].name, name) == 0)
                found = i;
        if (found == t->count) {
            status = unknown_name(t, at, n, e);
            break;
        }
        kept[found] = true;
        if (at[n] == '\0')
            break;
        at += n + 1;
    }
    size_t count = 0;
    for (size_t i = 0; status == 0 && i < t->count; i++)
        if (kept[i])
            t->items[count++] = t->items[i];
    if (status == 0)
        t->count = count;
    free(kept);
    return status;
}

/* What is computed is kept: on a real model and a long text that is more than one would think. */
static void say_memory(const Pass *p)
{
    const double much = 2;
    double gigabytes = cost_of_gradients(pass_model(p), pass_plan(p)) + 1e-9 * (double)sizeof(real) * (double)pass_plan(p)->total;
    if (gigabytes > much)
        cli_say("the values of all stages and the gradients need %.1f GB of memory", gigabytes);
}

static int run(Work *w, Options *o, Pass *p, Error *e)
{
    Ids targets = {0};
    Trace t = {0};
    double loss = 0;
    int status = read_targets(&targets, o, w, e);
    if (status == 0)
        say_memory(p);
    if (status == 0)
        status = pass_backward(p, targets.data, targets.len, &loss, e);
    if (status == 0)
        status = trace_gradients(&t, p, loss, e);
    t.edits = &w->edits;
    t.bug = w->bug ? w->bug->id : NULL;
    if (status == 0 && o->value[OPTION_STAGE])
        status = keep(&t, p, o->value[OPTION_STAGE], e);
    if (status == 0) {
        work_warn(w, p);
        cli_say("loss %.9g nats", isnan(loss) ? (double)NAN : loss); /* printf shows the sign of a NaN */
        status = output_write_trace(&t, o, e);
    }
    trace_free(&t);
    ids_free(&targets);
    return status;
}

int cli_grad(int argc, char **argv)
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
