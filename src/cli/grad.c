/* grad.c - the subcommand `grad`: what the loss owes to every weight and every stage. */
#include "base/text.h"
#include "cli/cli.h"

static const OptionId taken[] = {OPTION_MODEL,  OPTION_TOKENIZER, OPTION_TEXT,   OPTION_TARGET, OPTION_IDS, OPTION_TARGET_IDS,
                                 OPTION_ABLATE, OPTION_EDIT, OPTION_EDITS, OPTION_BUG, OPTION_TARGETS,   OPTION_FORMAT, OPTION_OUTPUT, OPTION_END};

static const CommandSpec spec = {
    .name = "grad",
    .what = N_("Writes d(loss)/d(weight) of every weight and d(loss)/d(stage) of every stage, by\n"
               "name, and says the loss: the mean cross-entropy, in nats, of the positions whose\n"
               "target is not -1. Without --targets every position of a decoder should predict the\n"
               "token that follows it, and the last one is not counted."),
    .formats = "text|json|csv|safetensors",
    .example = "stepformer grad -m hand-wired -t \"A B C A\" -o grad.safetensors\n"
               "stepformer grad -m hand-wired --ids 6,0,1,2,0 --targets=-1,-1,-1,-1,1",
    .options = taken,
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

static int run(Work *w, Options *o, Pass *p, Error *e)
{
    Ids targets = {0};
    Trace t = {0};
    double loss = 0;
    int status = read_targets(&targets, o, w, e);
    if (status == 0)
        status = pass_backward(p, targets.data, targets.len, &loss, e);
    if (status == 0)
        status = trace_gradients(&t, p, loss, e);
    if (status == 0) {
        work_warn(w, p);
        cli_say("loss %.9g nats", loss);
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
    bool good = output_check_trace(&o, &e) == 0 && work_open(&w, &o, &e) == 0 &&
                (p = work_pass(&w, &e)) != NULL && run(&w, &o, p, &e) == 0;
    pass_free(p);
    work_free(&w);
    options_free(&o);
    return good ? CLI_DONE : cli_wrong(&e);
}
