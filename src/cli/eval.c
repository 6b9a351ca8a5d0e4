/* eval.c - the subcommand `eval`: how well a trained model does its task, whole or with parts switched off. */
#include "base/text.h"
#include "cli/cli.h"
#include "pass/ablation.h"
#include "train/run.h"
#include "train/score_table.h"

#include <jansson.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static const OptionId taken[] = {OPTION_MODEL, OPTION_ABLATE, OPTION_NUMBER, OPTION_DIFFICULTY, OPTION_FORMAT, OPTION_OUTPUT, OPTION_END};

static const OptionNote notes[] = {{OPTION_NUMBER, "N", N_("how many examples (1000)")}, {OPTION_END, NULL, NULL}};

static const CommandSpec spec = {
    .name = "eval",
    .what = N_("Scores a model on held-out examples of the task it was trained for: the score,\n"
               "the mean loss in nats, how many examples, and the first of them that fail.\n"
               "The examples are always the same ones. A model that was trained without a part\n"
               "is scored without it."),
    .formats = "text|json",
    .example = "stepformer eval -m sum\n"
               "stepformer eval -m zh-en -a no-positions --format json",
    .options = taken,
    .notes = notes,
};

enum { FAILURES = 10 };

/* ---- what is printed ---- */

static void add_failures(const Eval *v, Buffer *out)
{
    if (v->failure_count == 0)
        return;
    buffer_printf(out, _("\nthe first %zu of %zu examples that fail:\n"), v->failure_count, v->failed);
    for (size_t i = 0; i < v->failure_count; i++) {
        const EvalFailure *f = &v->failures[i];
        buffer_puts(out, "  ");
        text_escape(out, f->example, strlen(f->example), false);
        buffer_puts(out, _("\n    found: "));
        text_escape(out, f->answer, strlen(f->answer), false);
        buffer_putc(out, '\n');
    }
}

static void write_text(const Eval *v, const char *task, Buffer *out)
{
    char loss[RUN_LOSS_TEXT];
    buffer_printf(out, _("task   %s\n"), task);
    buffer_printf(out, _("score  %.4f  %s\n"), v->score, score_meaning(v->kind));
    if (v->entropy > 0)
        buffer_printf(out, _("best   %.4f  the lowest perplexity there can be; the score is %.3f times that\n"), exp(v->entropy),
                      v->score / exp(v->entropy));
    buffer_printf(out, _("loss   %s  nats, mean over %zu answers\n"), run_loss_text(v->loss, loss), v->counted);
    buffer_printf(out, _("n      %zu\n"), v->n);
    add_failures(v, out);
}

static void write_json(const Eval *v, const Model *m, const char *task, const char *ablations, Buffer *out)
{
    json_t *failures = json_array();
    for (size_t i = 0; i < v->failure_count; i++) {
        const EvalFailure *f = &v->failures[i];
        json_array_append_new(failures, json_pack("{s:I, s:s, s:s}", "number", (json_int_t)f->number, "example", f->example, "found", f->answer));
    }
    json_t *root = json_pack("{s:s, s:s, s:s, s:f, s:f, s:I, s:I, s:I, s:o}", "model", m->name, "task", task, "ablations", ablations, "score", v->score,
                             "loss", v->loss, "n", (json_int_t)v->n, "answers", (json_int_t)v->counted, "failed", (json_int_t)v->failed, "failures",
                             failures);
    if (root && v->entropy > 0)
        json_object_set_new(root, "best", json_real(exp(v->entropy)));
    char *text = root ? json_dumps(root, JSON_INDENT(2) | JSON_REAL_PRECISION(9)) : NULL;
    if (text)
        buffer_printf(out, "%s\n", text);
    else
        out->failed = true;
    free(text);
    json_decref(root);
}

static int print(const Eval *v, const Model *m, const Examples *x, Ablations a, const Options *o, Error *e)
{
    Buffer text = {0}, names = {0};
    Output out = output_open(o);
    int format = options_format(o, e);
    ablations_write(a, &names);
    if (format == 1)
        write_json(v, m, examples_name(x), buffer_text(&names), &text);
    else if (format == 0)
        write_text(v, examples_name(x), &text);
    int status = format < 0 ? -1 : text.failed || names.failed ? error_memory(e, "eval") : 0;
    if (status == 0) {
        output_result(&out, format == 0, &text);
        status = output_close(&out, e);
    }
    buffer_free(&text);
    buffer_free(&names);
    return status;
}

/* ---- the subcommand ---- */

static void warn(const Model *m, Ablations given, Ablations trained)
{
    Ablations missing = ablations_without_effect(given, &m->config);
    Buffer names = {0};
    for (int i = 0; i < ABLATION_COUNT; i++)
        if (missing & ablation_table[i].bit)
            cli_say(_("%s changes nothing: this model has no such part"), ablation_table[i].name);
    ablations_write(trained, &names);
    if (trained)
        cli_say(_("%s was trained with %s, and is scored with it"), m->name, buffer_text(&names));
    buffer_free(&names);
}

static int run(const Options *o, Error *e)
{
    EvalOptions options = {.failures = FAILURES};
    uint64_t n, difficulty;
    Recipe r = {0};
    Eval v;
    if (options_format(o, e) < 0 || options_count(o, OPTION_NUMBER, 1, 1000000, EVAL_EXAMPLES, &n, e) != 0 ||
        cli_read_ablations(o, &options.ablations, e) != 0)
        return -1;
    Model *m = cli_open_model(o, e);
    Examples *x = m ? eval_examples(m, &r, e) : NULL;
    int status = -1;
    if (x && options_count(o, OPTION_DIFFICULTY, 0, 65536, r.difficulty, &difficulty, e) == 0) {
        warn(m, options.ablations, r.ablations);
        options.n = (size_t)n;
        options.difficulty = (int)difficulty;
        options.ablations |= r.ablations;
        if (eval_run(&v, m, x, &options, e) == 0) {
            status = print(&v, m, x, options.ablations, o, e);
            eval_free(&v);
        }
    }
    examples_free(x);
    recipe_free(&r);
    model_free(m);
    return status;
}

int cli_eval(int argc, char **argv)
{
    Options o;
    Error e = {{0}};
    int status;
    if (!options_read(&o, &spec, argc, argv, &status))
        return status;
    status = run(&o, &e);
    options_free(&o);
    return status == 0 ? CLI_DONE : cli_wrong(&e);
}
