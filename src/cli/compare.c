/* compare.c - the subcommand `compare`: a twin beside its baseline.
 *
 * Owns what the options mean. How the result is written is compare_text.c's and compare_json.c's, the table compare_table.c's. */
#include "cli/compare.h"

#include "base/text.h"
#include "pass/ablation.h"
#include "train/run.h"

#include <stdlib.h>
#include <string.h>

static const OptionId taken[] = {OPTION_MODEL,  OPTION_TOKENIZER, OPTION_TEXT,  OPTION_TARGET,    OPTION_IDS,         OPTION_TARGET_IDS,
                                 OPTION_ABLATE, OPTION_EDIT,      OPTION_EDITS, OPTION_WITH_TEXT, OPTION_WITH_TARGET, OPTION_WITH_MODEL,
                                 OPTION_TABLE,  OPTION_NUMBER,    OPTION_STAGE, OPTION_FORMAT,    OPTION_OUTPUT,      OPTION_END};

static const OptionNote notes[] = {{OPTION_ABLATE, "NAME,...", N_("the twin has these parts switched off; see 'stepformer ablations'")},
                                   {OPTION_EDIT, "EDIT", N_("the twin has these numbers changed: ADDRESS=NUMBER, =zero, *=2, ...")},
                                   {OPTION_STAGE, "NAME", N_("the matrices of this stage: baseline, twin, difference")},
                                   {OPTION_NUMBER, "N", N_("how many held-out examples --table scores (200)")},
                                   {OPTION_END, NULL, NULL}};

static const CommandSpec spec = {
    .name = "compare",
    .what = N_("A changed pass beside the plain one: the first stage that differs, how far every\n"
               "stage differs, and what that did to the output. -m, -t, --target and the ids are\n"
               "of the baseline; the twin is the same with -a, --edit, --edits and --with-...\n"
               "Where nothing changed it says so and exits 1. --table scores a model with a task\n"
               "without each of its parts. Markdown is for --table."),
    .formats = "text|json|csv|markdown",
    .example = "stepformer compare -m hand-wired -t \"A B C A\" -a no-positions\n"
               "stepformer compare -t 狗咬人 --with-text 人咬狗 --format json\n"
               "stepformer compare -m sum --edit decoder.0.self.out=zero --stage output.probs\n"
               "stepformer compare --table -n 50",
    .options = taken,
    .notes = notes,
};

enum { FORMAT_TEXT, FORMAT_JSON, FORMAT_CSV, FORMAT_MARKDOWN, GO_ON = 8 /* tokens that a decoder says after its text */ };

/* ---- both sides ---- */

static int open_models(Twins *t, const Options *o, Error *e)
{
    t->models[SIDE_BASELINE] = cli_open_model(o, e);
    if (!t->models[SIDE_BASELINE])
        return -1;
    t->sides[SIDE_BASELINE].model = t->sides[SIDE_TWIN].model = t->models[SIDE_BASELINE];
    if (t->model_name) {
        Model *m = model_open(t->model_name, NULL, e);
        if (!m)
            return -1;
        cli_say_model(m);
        t->models[SIDE_TWIN] = m;
        t->sides[SIDE_TWIN].model = m;
        if (twin_check_model(t->models[SIDE_BASELINE], m, e) != 0)
            return error_prefix(e, "--with-model");
    }
    for (int i = 0; i < SIDES; i++)
        t->sides[i].ablations = t->sides[i].trained = run_trained_without(t->sides[i].model->path);
    t->sides[SIDE_TWIN].ablations |= t->given;
    return 0;
}

static int open_inputs(Twins *t, InputText given, Error *e)
{
    Side *baseline = &t->sides[SIDE_BASELINE], *twin = &t->sides[SIDE_TWIN];
    if (input_read(&baseline->input, baseline->model, given, baseline->ablations, e) != 0)
        return -1;
    if (twin_read_input(&twin->input, twin->model, &baseline->input, t->text, t->target, e) != 0)
        return error_prefix(e, "%s", t->text ? "--with-text" : "--with-target");
    bool both = baseline->model->config.kind == KIND_ENCODER_DECODER;
    t->same_target = both && !t->target;
    t->own_target = both && !given.target && !given.target_ids && (vocab_has_text(baseline->model->vocab) || given.ids);
    return 0;
}

static int open_passes(Twins *t, Error *e)
{
    for (int i = 0; i < SIDES; i++) {
        Side *s = &t->sides[i];
        s->pass = pass_create(s->model, input_ids(&s->input), s->ablations, e);
        if (!s->pass)
            return i == SIDE_TWIN ? error_prefix(e, "the twin") : -1;
    }
    return t->edits.count ? pass_set_edits(t->sides[SIDE_TWIN].pass, &t->edits, e) : 0;
}

static void free_sides(Twins *t)
{
    for (int i = 0; i < SIDES; i++) {
        pass_free(t->sides[i].pass);
        input_free(&t->sides[i].input);
        buffer_free(&t->sides[i].said);
        model_free(t->models[i]);
    }
    edits_free(&t->edits);
    comparison_free(&t->comparison);
    free(t->stages);
}

/* ---- what it comes to ---- */

/* True where the twin is the same, to every number, without this ablation. A pass that cannot be made is not. */
static bool is_idle(Twins *t, Ablations bit)
{
    Side *twin = &t->sides[SIDE_TWIN];
    Comparison c;
    if (twin->trained & bit)
        return true;
    Pass *p = pass_create(twin->model, input_ids(&twin->input), twin->ablations & ~bit, NULL);
    bool same = p && (t->edits.count == 0 || pass_set_edits(p, &t->edits, NULL) == 0) && compare_passes(&c, p, twin->pass, NULL) == 0;
    if (same) {
        same = c.first < 0;
        comparison_free(&c);
    }
    pass_free(p);
    return same;
}

static int speak(Side *s, const Edits *edits, Error *e)
{
    Ids ids = {0};
    int status = twin_speak(&ids, s->model, &s->input, s->ablations, edits, GO_ON, e);
    if (status == 0 && vocab_has_text(s->model->vocab))
        vocab_decode(s->model->vocab, ids.data, ids.len, &s->said);
    for (size_t i = 0; i < ids.len && status == 0 && !vocab_has_text(s->model->vocab); i++)
        buffer_printf(&s->said, i ? ",%d" : "%d", ids.data[i]);
    ids_free(&ids);
    return status;
}

static int find_stage(const Twins *t, const char *name, Error *e)
{
    int i[SIDES]; /* TransformerLens's names are known, too */
    for (int side = 0; side < SIDES; side++)
        i[side] = plan_find(pass_plan(t->sides[side].pass), name);
    for (size_t k = 0; k < t->comparison.count; k++) {
        const StageDifference *d = &t->comparison.stages[k];
        if ((i[SIDE_BASELINE] >= 0 && d->baseline == i[SIDE_BASELINE]) || (i[SIDE_TWIN] >= 0 && d->twin == i[SIDE_TWIN]))
            return (int)k;
    }
    return error_set(e, "--stage: expected a stage of the two passes, found '%s'; 'stepformer stages' lists them", name);
}

static int choose_stages(Twins *t, const char *names, Error *e)
{
    char name[STAGE_NAME_MAX];
    t->stages = calloc(strlen(names) + 1, sizeof *t->stages);
    t->matrices = true;
    if (!t->stages)
        return error_memory(e, "compare");
    for (const char *p = names; *p;) {
        size_t n = strcspn(p, ",");
        if (n >= sizeof name)
            return find_stage(t, p, e);
        memcpy(name, p, n);
        name[n] = '\0';
        int k = find_stage(t, name, e);
        if (k < 0)
            return -1;
        t->stages[t->stage_count++] = k;
        p += n + (p[n] == ',');
    }
    return 0;
}

static int compare(Twins *t, const Options *o, Error *e)
{
    if (compare_passes(&t->comparison, t->sides[SIDE_BASELINE].pass, t->sides[SIDE_TWIN].pass, e) != 0)
        return -1;
    for (int i = 0; i < ABLATION_COUNT; i++)
        if ((t->given & ablation_table[i].bit) && is_idle(t, ablation_table[i].bit))
            t->idle |= ablation_table[i].bit;
    if (speak(&t->sides[SIDE_BASELINE], NULL, e) != 0 || speak(&t->sides[SIDE_TWIN], &t->edits, e) != 0)
        return -1;
    return o->value[OPTION_STAGE] ? choose_stages(t, o->value[OPTION_STAGE], e) : 0;
}

static int print(const Twins *t, const Options *o, int format, Error *e)
{
    Buffer text = {0};
    Output out = output_open(o);
    if (format == FORMAT_JSON)
        compare_write_json(t, &text);
    else if (format == FORMAT_CSV)
        compare_write_csv(t, &text);
    else
        compare_write_text(t, output_columns(&out), &text);
    int status = text.failed ? error_memory(e, "compare") : 0;
    if (status == 0) {
        output_result(&out, format == FORMAT_TEXT, &text);
        status = output_close(&out, e);
    }
    buffer_free(&text);
    return status;
}

/* ---- the subcommand ---- */

/* Exit status, or -1 with e set. */
static int run(Twins *t, Options *o, Error *e)
{
    InputText given;
    int format = options_format(o, e);
    t->text = o->value[OPTION_WITH_TEXT];
    t->target = o->value[OPTION_WITH_TARGET];
    t->model_name = o->value[OPTION_WITH_MODEL];
    if (format < 0 || cli_read_ablations(o, &t->given, e) != 0 || cli_read_edits(o, &t->edits, e) != 0)
        return -1;
    if (format == FORMAT_MARKDOWN)
        return error_set(e, "--format markdown: expected --table with it; a comparison is text, json or csv");
    if (o->value[OPTION_NUMBER])
        return error_set(e, "--number: expected --table with it");
    if (!t->given && !t->edits.count && !t->text && !t->target && !t->model_name)
        return error_set(
            e, "compare: expected what the twin changes, found nothing; give -a, --edit, --with-text, --with-target or --with-model");
    if (options_input(o, &given, e) != 0 || open_models(t, o, e) != 0 || open_inputs(t, given, e) != 0 || open_passes(t, e) != 0 ||
        compare(t, o, e) != 0 || print(t, o, format, e) != 0)
        return -1;
    return t->comparison.first < 0 ? CLI_FAILED : CLI_DONE;
}

int cli_compare(int argc, char **argv)
{
    Options o;
    Twins t = {0};
    Error e = {{0}};
    int status;
    if (!options_read(&o, &spec, argc, argv, &status))
        return status;
    if (o.value[OPTION_TABLE])
        status = compare_table(&o);
    else {
        status = run(&t, &o, &e);
        free_sides(&t);
        status = status < 0 ? cli_wrong(&e) : status;
    }
    options_free(&o);
    return status;
}
