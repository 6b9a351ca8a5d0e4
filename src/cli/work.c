/* work.c - opens what most subcommands work on: a model, its ablations and what it is fed. */
#include "cli/cli.h"
#include "pass/ablation.h"
#include "train/run.h"

#include <string.h>

Model *cli_open_model(const Options *o, Error *e)
{
    const char *name = o->value[OPTION_MODEL];
    Model *m = model_open(name ? name : CLI_DEFAULT_MODEL, o->value[OPTION_TOKENIZER], e);
    if (m && m->untrained)
        cli_say("%s: this model is untrained, its weights are random", m->name);
    return m;
}

int cli_read_ablations(const Options *o, Ablations *a, Error *e)
{
    return ablations_parse(a, o->value[OPTION_ABLATE] ? o->value[OPTION_ABLATE] : "", e);
}

int work_open(Work *w, Options *o, Error *e)
{
    InputText given;
    *w = (Work){0};
    if (cli_read_ablations(o, &w->ablations, e) != 0 || options_input(o, &given, e) != 0)
        return -1;
    w->model = cli_open_model(o, e);
    if (w->model)
        w->ablations |= run_trained_without(w->model->path);
    if (w->model && input_read(&w->input, w->model, given, w->ablations, e) == 0)
        return 0;
    work_free(w);
    return -1;
}

void work_free(Work *w)
{
    input_free(&w->input);
    model_free(w->model);
    *w = (Work){0};
}

/* What a model lacks for an ablation to have an effect. */
static const char *what_is_missing(Ablations bit)
{
    switch (bit) {
    case NO_POSITIONS:
        return "positions";
    case NO_MASK:
        return "causal mask";
    case NO_NORM:
        return "norms";
    case NO_FFN:
        return "FFN";
    default:
        return "such part";
    }
}

/* True where the pass has the same logits, to the last bit, with other ablations. A pass that cannot be made has not. */
static bool same_logits(const Work *w, Pass *p, Ablations other)
{
    Pass *q = pass_create(w->model, input_ids(&w->input), other, NULL);
    if (!q)
        return false;
    size_t i = pass_plan(p)->count - 2, j = pass_plan(q)->count - 2; /* the plan ends in logits, probs */
    const Stage *s = &pass_plan(p)->stages[i];
    bool same = memcmp(pass_value(p, i), pass_value(q, j), s->count * sizeof(real)) == 0;
    pass_free(q);
    return same;
}

void work_warn(const Work *w, Pass *p)
{
    Ablations a = w->ablations, missing = ablations_without_effect(a, &w->model->config);
    for (int i = 0; i < ABLATION_COUNT; i++) {
        const AblationInfo *info = &ablation_table[i];
        if (missing & info->bit)
            cli_say("%s changed nothing: this model has no %s", info->name, what_is_missing(info->bit));
        else if ((a & info->bit) && same_logits(w, p, a & ~info->bit))
            cli_say("%s changed nothing: the logits are the same without it", info->name);
    }
}
