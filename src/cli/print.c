/* print.c - the subcommand `print`: what expressions about a pass come to; without one, the words of the language. */
#include "base/text.h"
#include "cli/cli.h"
#include "cli/listing.h"
#include "lesson/labs.h"
#include "measure/expression.h"
#include "train/eval.h"
#include "train/run.h"

#include <stdio.h>
#include <string.h>

static const OptionId taken[] = {OPTION_MODEL,      OPTION_TOKENIZER, OPTION_TEXT, OPTION_TARGET, OPTION_IDS,
                                 OPTION_TARGET_IDS, OPTION_ABLATE,    OPTION_EDIT, OPTION_EDITS,  OPTION_BUG, OPTION_TARGETS,
                                 OPTION_FORMAT,     OPTION_OUTPUT,    OPTION_END};

/* ---- the words of the language ---- */

static const char *call_of(ExpressionWord w, char out[64])
{
    snprintf(out, 64, *w.arguments ? "%s(%s)" : "%s%s", w.name, w.arguments);
    return out;
}

static void write_words_man(Buffer *out)
{
    char call[64];
    for (size_t i = 0; expression_word(i).name; i++) {
        buffer_puts(out, ".TP\n.B \"");
        listing_add_man(out, call_of(expression_word(i), call));
        buffer_puts(out, "\"\n");
        listing_add_man(out, _(expression_word(i).what));
        buffer_putc(out, '\n');
    }
}

/* A word a line, what it is in as many as it takes. */
static void write_words(Buffer *out)
{
    enum { LEFT = 34, WIDTH = 46 };
    char call[64];
    buffer_puts(out, _("Functions and names; X is a number or an array:\n"));
    for (size_t i = 0; expression_word(i).name; i++) {
        buffer_printf(out, "  %-*s", LEFT - 2, call_of(expression_word(i), call));
        for (const char *p = _(expression_word(i).what); *p;) {
            size_t n = text_fit(p, WIDTH, NULL), end = n;
            while (p[n] && end > 0 && p[end] != ' ')
                end--;
            n = p[n] && end > 0 ? end : n;
            buffer_printf(out, "%.*s\n", (int)n, p);
            p += n + (p[n] == ' ');
            if (*p)
                buffer_fill(out, ' ', LEFT);
        }
    }
}

/* ---- the command line ---- */

static const CommandSpec spec = {
    .name = "print",
    .operands = "[--] [EXPRESSION...]",
    .what = N_("Prints what expressions come to: names of stages and weights with indices,\n"
               "arithmetic, comparisons, functions. Exit status 1 where a comparison does not\n"
               "hold. baseline(...) is about the same pass without -a, --edit and --edits.\n"
               "Without an expression it lists the functions and names; the rest is in\n"
               "stepformer(1)."),
    .formats = "text|json|csv|man",
    .example = "stepformer print \"entropy(decoder.0.cross.weights[head=1])\"\n"
               "stepformer print -m hand-wired -t \"A B C A\" \"argmax(output.probs[token=-1])\"\n"
               "stepformer print -a no-scale \"loss - baseline(loss)\"",
    .options = taken,
    .more = write_words,
};

enum { FORMAT_TEXT, FORMAT_JSON, FORMAT_CSV, FORMAT_MAN };

/* ---- evaluating ---- */

/* Two lines under an error: the expression, and a caret under the character that is meant. */
static void point_at(const char *text, size_t at)
{
    Buffer before = {0}, whole = {0};
    text_escape(&before, text, at, false);
    text_escape(&whole, text, strlen(text), false);
    fprintf(stderr, "  %s\n  %*s^\n", buffer_text(&whole), text_width(buffer_text(&before)), "");
    buffer_free(&before);
    buffer_free(&whole);
}

/* What expressions ask of higher floors. */
typedef struct Asked {
    const Work *work;
    LabRuns labs;
} Asked;

static int run_lab(void *context, const char *name, const char *settings, const char *row, const char *column, double *out, Error *e)
{
    Asked *asked = context;
    return labs_result(&asked->labs, name, settings, row, column, out, e);
}

static int run_score(void *context, double *out, Error *e)
{
    const Work *w = ((Asked *)context)->work;
    if (w->edits.count)
        return error_set(e, "expected a pass without edits: the score is over other texts than the edited one");
    return eval_score(w->model, w->ablations, out, e);
}

/* Writes one result. Returns 0, 1 where a comparison did not hold, or -1 with the error said. */
static int print_one(const char *text, const ExpressionContext *c, int format, int columns, bool first, Buffer *out)
{
    ExpressionError e;
    Value v = {0};
    if (expression_run(text, c, &v, &e) != 0) {
        cli_say("expression: %s", e.error.text);
        if (strncmp(e.error.text, "character", 9) == 0)
            point_at(text, e.at);
        return -1;
    }
    if (format == FORMAT_JSON) {
        buffer_puts(out, first ? "[\n" : ",\n");
        value_write_json(&v, text, out);
    } else if (format == FORMAT_CSV) {
        if (first)
            value_write_csv_head(out);
        value_write_csv(&v, text, out);
    } else {
        value_write_table(&v, columns, out);
    }
    bool failed = v.type == VALUE_TRUTH && !value_holds(&v);
    value_free(&v);
    return failed;
}

static int read_targets(Ids *targets, const Options *o, const Work *w, Error *e)
{
    const char *text = o->value[OPTION_TARGETS];
    return text ? ids_parse(targets, text, "--targets", w->model->config.vocab_size, true, e)
                : input_targets(&w->input, w->model, targets, e);
}

/* The pass without what was changed; NULL where nothing was, or with e set. */
static Pass *open_baseline(const Work *w, Error *e)
{
    Ablations own = run_trained_without(w->model->path);
    return w->ablations == own && w->edits.count == 0 ? NULL : pass_create(w->model, input_ids(&w->input), own, e);
}

/* Returns the program's exit status. */
static int print_all(const Options *o, Work *w, Pass *p, int format)
{
    Error e = {{0}};
    Ids targets = {0};
    Asked asked = {.work = w};
    ExpressionProvider provider = {&asked, run_score, run_lab};
    Pass *baseline = NULL;
    Buffer text = {0};
    Output out = output_open(o);
    int status = CLI_DONE, one = 0;
    if (read_targets(&targets, o, w, &e) != 0 || (!(baseline = open_baseline(w, &e)) && e.text[0])) {
        ids_free(&targets);
        return cli_wrong(&e);
    }
    ExpressionContext c = {.pass = p,
                           .baseline = baseline,
                           .here = NO_STAGE,
                           .targets = targets.len ? targets.data : NULL,
                           .target_count = targets.len,
                           .provider = &provider};
    for (int i = 0; i < o->operand_count && one >= 0; i++) {
        one = print_one(o->operands[i], &c, format, output_columns(&out), i == 0, &text);
        status = one > 0 ? CLI_FAILED : status;
    }
    if (format == FORMAT_JSON)
        buffer_puts(&text, "\n]\n");
    if (one < 0) {
        status = CLI_WRONG;
    } else {
        if (text.failed)
            error_memory(&e, "print");
        else
            output_result(&out, format == FORMAT_TEXT, &text);
        if (output_close(&out, &e) != 0 || text.failed)
            status = cli_wrong(&e);
    }
    buffer_free(&text);
    pass_free(baseline);
    ids_free(&targets);
    labs_free(&asked.labs);
    return status;
}

static int list_words(const Options *o, int format)
{
    Error e = {{0}};
    Buffer text = {0};
    Output out = output_open(o);
    if (format != FORMAT_TEXT && format != FORMAT_MAN) {
        error_set(&e, "print: expected an expression, such as \"mean(entropy(decoder.0.self.weights))\", found none");
        return cli_wrong(&e);
    }
    if (format == FORMAT_MAN)
        write_words_man(&text);
    else
        write_words(&text);
    output_emit(&out, buffer_text(&text), text.len);
    buffer_free(&text);
    return output_close(&out, &e) == 0 ? CLI_DONE : cli_wrong(&e);
}

int cli_print(int argc, char **argv)
{
    Options o;
    Work w = {0};
    Error e = {{0}};
    int status;
    if (!options_read(&o, &spec, argc, argv, &status))
        return status;
    int format = options_format(&o, &e);
    if (format == FORMAT_MAN && o.operand_count)
        format = error_set(&e, "--format: expected text, json or csv for an expression, found \"man\"");
    if (format < 0) {
        status = cli_wrong(&e);
    } else if (o.operand_count == 0) {
        status = list_words(&o, format);
    } else if (work_open(&w, &o, &e) != 0) {
        status = cli_wrong(&e);
    } else {
        Pass *p = work_pass(&w, &e);
        status = p ? print_all(&o, &w, p, format) : cli_wrong(&e);
        pass_free(p);
        work_free(&w);
    }
    options_free(&o);
    return status;
}
