/* work.c - opens what most subcommands work on: a model, its ablations and what it is fed. */
#include "base/text.h"
#include "cli/cli.h"
#include "pass/ablation.h"
#include "train/run.h"

#include <stdlib.h>
#include <string.h>

void cli_say_lines(const char *lines)
{
    while (lines && *lines) {
        size_t n = strcspn(lines, "\n");
        char *line = strndup(lines, n);
        if (line)
            cli_say("%s", line);
        free(line);
        lines += n + (lines[n] == '\n');
    }
}

void cli_say_model(const Model *m)
{
    if (m->untrained)
        cli_say("%s: this model is untrained, its weights are random", m->name);
    cli_say_lines(m->notes);
}

Model *cli_open_model(const Options *o, Error *e)
{
    const char *name = o->value[OPTION_MODEL];
    Model *m = model_open(name ? name : CLI_DEFAULT_MODEL, o->value[OPTION_TOKENIZER], e);
    if (m)
        cli_say_model(m);
    return m;
}

int cli_read_ablations(const Options *o, Ablations *a, Error *e)
{
    return ablations_parse(a, o->value[OPTION_ABLATE] ? o->value[OPTION_ABLATE] : "", e);
}

int cli_read_edits(const Options *o, Edits *edits, Error *e)
{
    const char *path = o->value[OPTION_EDITS], *given = o->value[OPTION_EDIT];
    File file;
    if (path && file_open(&file, path, e) != 0)
        return -1;
    if (path) {
        int status = edits_read(edits, (const char *)file.data, file.size, e);
        file_close(&file);
        if (status != 0)
            return error_prefix(e, "%s", path);
    }
    return given ? edits_read(edits, given, strlen(given), e) : 0;
}

int work_open(Work *w, Options *o, Error *e)
{
    InputText given;
    *w = (Work){0};
    if (cli_read_ablations(o, &w->ablations, e) != 0 || options_input(o, &given, e) != 0 || cli_read_edits(o, &w->edits, e) != 0 ||
        (o->value[OPTION_BUG] && !(w->bug = bug_find(o->value[OPTION_BUG], e)))) {
        work_free(w);
        return -1;
    }
    w->model = cli_open_model(o, e);
    if (w->model)
        w->ablations |= run_trained_without(w->model->path);
    if (w->model && input_read(&w->input, w->model, given, w->ablations, e) == 0)
        return 0;
    work_free(w);
    return -1;
}

Pass *work_pass(const Work *w, Error *e)
{
    Pass *p = pass_create(w->model, input_ids(&w->input), w->ablations, e);
    if (p && w->bug && bug_put(w->bug, p, e) != 0) {
        pass_free(p);
        return NULL;
    }
    if (p && w->edits.count && pass_set_edits(p, &w->edits, e) != 0) {
        pass_free(p);
        return NULL;
    }
    return p;
}

void work_free(Work *w)
{
    edits_free(&w->edits);
    input_free(&w->input);
    model_free(w->model);
    *w = (Work){0};
}

/* What a model lacks for an ablation to have an effect. */
static const char *what_is_missing(Ablations bit)
{
    switch (bit) {
    case NO_POSITIONS:
        return _("positions");
    case NO_MASK:
        return _("causal mask");
    case NO_NORM:
        return _("norms");
    case NO_FFN:
        return _("FFN");
    default:
        return _("such part");
    }
}

/* True where the pass has the same logits, to the last bit, with other ablations. A pass that cannot be made has not. */
static bool same_logits(const Work *w, Pass *p, Ablations other)
{
    Work without = *w;
    without.ablations = other;
    Pass *q = work_pass(&without, NULL);
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
    if (w->bug && !bug_applies(w->bug, p))
        cli_say("%s changed nothing: this pass has nothing that it breaks", w->bug->id);
    Ablations a = w->ablations, missing = ablations_without_effect(a, &w->model->config);
    for (int i = 0; i < ABLATION_COUNT; i++) {
        const AblationInfo *info = &ablation_table[i];
        if (missing & info->bit)
            cli_say("%s changed nothing: this model has no %s", info->name, what_is_missing(info->bit));
        else if ((a & info->bit) && same_logits(w, p, a & ~info->bit))
            cli_say("%s changed nothing: the logits are the same without it", info->name);
    }
}
