/* lab.c - the subcommand `lab`: lists the experiments, describes one, runs one.
 * What is measured is src/lab's. */
#include "lab/lab.h"

#include "base/text.h"
#include "cli/cli.h"
#include "cli/listing.h"
#include "cli/screen.h"
#include "cli/waiting.h"
#include "model/nearest.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const OptionId taken[] = {OPTION_SMALL, OPTION_FORMAT, OPTION_OUTPUT, OPTION_END};

static const CommandSpec spec = {
    .name = "lab",
    .operands = "[NAME [PARAMETER=VALUE]...]",
    .what = N_("Runs an experiment: a table, a plot, and what it found. Without a name, lists\n"
               "the experiments; 'stepformer lab NAME --help' says what one varies, what it\n"
               "holds fixed, what it does not show, and its parameters. Seeds are parameters:\n"
               "the same ones give the same numbers."),
    .formats = "text|csv|json|markdown|svg",
    .example = "stepformer lab\n"
               "stepformer lab scaling --help\n"
               "stepformer lab scaling d_k=4,64 seeds=2\n"
               "stepformer lab scaling --small --format csv",
    .options = taken,
};

enum { FORMAT_TEXT, FORMAT_CSV, FORMAT_JSON, FORMAT_MARKDOWN, FORMAT_SVG };
enum { PLOT_ROWS = 16 };

/* ---- text ---- */

/* "varies          …" */
static void add_field(Buffer *out, const char *name, const char *text, int cols, bool ascii)
{
    enum { FIELD = 18 };
    int blank = FIELD - text_width(name);
    text_show(out, name, strlen(name), ascii);
    buffer_fill(out, ' ', blank > 0 ? (size_t)blank : 1);
    listing_wrap(out, text, FIELD, cols, ascii);
}

static void add_about(Buffer *out, const LabInfo *info, int cols, bool ascii)
{
    add_field(out, _("varies"), _(info->varies), cols, ascii);
    add_field(out, _("holds fixed"), _(info->fixed), cols, ascii);
    add_field(out, _("does not show"), _(info->limits), cols, ascii);
}

static void add_values(Buffer *out, const Lab *lab)
{
    for (int i = 0; lab->info->params[i].name; i++)
        buffer_printf(out, "%s%s=%s", i ? " " : "", lab->info->params[i].name, lab->values[i].text);
}

static void write_text(const Lab *lab, Buffer *out)
{
    bool ascii = screen_is_ascii();
    int cols = waiting_columns(STDOUT_FILENO);
    Buffer values = {0};
    add_values(&values, lab);
    buffer_printf(out, "%s: ", lab->info->name);
    listing_wrap(out, _(lab->info->title), (int)strlen(lab->info->name) + 2, cols, ascii);
    buffer_puts(out, "  ");
    listing_wrap(out, buffer_text(&values), 2, cols, ascii);
    buffer_free(&values);
    for (size_t i = 0; i < lab->table_count; i++) {
        buffer_putc(out, '\n');
        table_write_text(&lab->tables[i], out, ascii);
    }
    for (size_t i = 0; i < lab->plot_count; i++) {
        buffer_putc(out, '\n');
        plot_write_text(&lab->plots[i], cols, PLOT_ROWS, out, ascii);
    }
    buffer_putc(out, '\n');
    for (size_t i = 0; i < lab->note_count; i++) {
        buffer_puts(out, "- ");
        listing_wrap(out, lab->notes[i], 2, cols, ascii);
    }
    buffer_puts(out, lab->note_count ? "\n" : "");
    add_about(out, lab->info, cols, ascii);
}

/* ---- the other formats ---- */

static void write_csv(const Lab *lab, Buffer *out)
{
    for (size_t i = 0; i < lab->table_count; i++) {
        if (lab->table_count > 1)
            buffer_printf(out, "%s# %s\n", i ? "\n" : "", lab->tables[i].name);
        table_write_csv(&lab->tables[i], out);
    }
}

static void add_json_key(Buffer *out, const char *before, const char *key, const char *text)
{
    buffer_printf(out, "%s\"%s\": ", before, key);
    text_json(out, text, strlen(text));
}

static void write_json(const Lab *lab, Buffer *out)
{
    add_json_key(out, "{", "lab", lab->info->name);
    add_json_key(out, ",\n ", "title", _(lab->info->title));
    buffer_puts(out, ",\n \"parameters\": {");
    for (int i = 0; lab->info->params[i].name; i++)
        add_json_key(out, i ? ", " : "", lab->info->params[i].name, lab->values[i].text);
    buffer_puts(out, "},\n \"tables\": [");
    for (size_t i = 0; i < lab->table_count; i++) {
        buffer_puts(out, i ? ",\n " : "\n ");
        table_write_json(&lab->tables[i], out);
    }
    buffer_puts(out, "],\n \"plots\": [");
    for (size_t i = 0; i < lab->plot_count; i++) {
        buffer_puts(out, i ? ",\n " : "\n ");
        plot_write_json(&lab->plots[i], out);
    }
    buffer_puts(out, "],\n \"notes\": [");
    for (size_t i = 0; i < lab->note_count; i++) {
        buffer_puts(out, i ? ",\n  " : "\n  ");
        text_json(out, lab->notes[i], strlen(lab->notes[i]));
    }
    buffer_putc(out, ']');
    add_json_key(out, ",\n ", "varies", _(lab->info->varies));
    add_json_key(out, ",\n ", "fixed", _(lab->info->fixed));
    add_json_key(out, ",\n ", "limits", _(lab->info->limits));
    buffer_puts(out, "}\n");
}

static void write_markdown(const Lab *lab, Buffer *out)
{
    buffer_printf(out, "# %s: %s\n\n`stepformer lab %s ", lab->info->name, _(lab->info->title), lab->info->name);
    add_values(out, lab);
    buffer_puts(out, "`\n");
    for (size_t i = 0; i < lab->table_count; i++) {
        buffer_putc(out, '\n');
        table_write_markdown(&lab->tables[i], out);
    }
    for (size_t i = 0; i < lab->note_count; i++)
        buffer_printf(out, "%s- %s\n", i ? "" : "\n", lab->notes[i]);
    buffer_printf(out, "\n**%s:** %s\n\n", _("varies"), _(lab->info->varies));
    buffer_printf(out, "**%s:** %s\n\n", _("holds fixed"), _(lab->info->fixed));
    buffer_printf(out, "**%s:** %s\n", _("does not show"), _(lab->info->limits));
}

/* The plots, one under the other. */
static int write_svg(const Lab *lab, Buffer *out, Error *e)
{
    if (lab->plot_count == 0)
        return error_set(e, "lab %s: --format svg: expected an experiment with a plot, found one without; try --format text",
                         lab->info->name);
    if (lab->plot_count == 1) {
        plot_write_svg(&lab->plots[0], out);
        return 0;
    }
    buffer_printf(out, "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%d\" height=\"%zu\" viewBox=\"0 0 %d %zu\">\n", PLOT_SVG_WIDTH,
                  PLOT_SVG_HEIGHT * lab->plot_count, PLOT_SVG_WIDTH, PLOT_SVG_HEIGHT * lab->plot_count);
    for (size_t i = 0; i < lab->plot_count; i++) {
        buffer_printf(out, "<g transform=\"translate(0 %zu)\">\n", PLOT_SVG_HEIGHT * i);
        plot_write_svg(&lab->plots[i], out);
        buffer_puts(out, "</g>\n");
    }
    buffer_puts(out, "</svg>\n");
    return 0;
}

/* ---- the list, and one experiment's description ---- */

static void add_list(Buffer *out)
{
    enum { NAME = 20 };
    bool ascii = screen_is_ascii();
    for (size_t i = 0; i < lab_count; i++) {
        buffer_printf(out, "%-*s", NAME, lab_table[i].name);
        listing_wrap(out, _(lab_table[i].title), NAME, waiting_columns(STDOUT_FILENO), ascii);
    }
}

static void add_param(Buffer *out, const LabParam *p, int cols, bool ascii)
{
    Buffer head = {0}, text = {0};
    buffer_printf(&head, "  %s=%s", p->name, p->usual);
    buffer_printf(out, "%s\n", buffer_text(&head));
    buffer_puts(&text, _(p->what));
    if (p->kind == LAB_WORD)
        buffer_printf(&text, _("; one of %s"), p->words);
    else if (p->kind != LAB_TEXT)
        buffer_printf(&text, p->kind == LAB_INTEGERS || p->kind == LAB_REALS ? _("; each from %.10g to %.10g") : _("; from %.10g to %.10g"),
                      p->least, p->most);
    if (p->small)
        buffer_printf(&text, _("; with --small %s"), p->small);
    buffer_fill(out, ' ', 6);
    listing_wrap(out, buffer_text(&text), 6, cols, ascii);
    buffer_free(&head);
    buffer_free(&text);
}

static void describe(const LabInfo *info, Buffer *out)
{
    bool ascii = screen_is_ascii();
    int cols = waiting_columns(STDOUT_FILENO);
    buffer_printf(out, "%s: ", info->name);
    listing_wrap(out, _(info->title), (int)strlen(info->name) + 2, cols, ascii);
    buffer_putc(out, '\n');
    add_about(out, info, cols, ascii);
    buffer_puts(out, info->params[0].name ? _("\nParameters, as they are where nobody says:\n") : "");
    for (const LabParam *p = info->params; p->name; p++)
        add_param(out, p, cols, ascii);
}

/* ---- the subcommand ---- */

static const LabInfo *find_lab(const char *name, Error *e)
{
    char quoted[QUOTE_SHORT], hint[NEAREST_HINT];
    const LabInfo *info = lab_find(name);
    if (info)
        return info;
    Nearest near = nearest_to(name, strlen(name));
    for (size_t i = 0; i < lab_count; i++)
        nearest_offer(&near, lab_table[i].name);
    error_set(e, "lab: expected the name of an experiment, found %s%s; 'stepformer lab' lists them",
              quote_short(name, strlen(name), quoted), nearest_hint(&near, hint));
    return NULL;
}

static int write_result(const Lab *lab, int format, Buffer *out, Error *e)
{
    if (format == FORMAT_SVG)
        return write_svg(lab, out, e);
    if (format == FORMAT_CSV)
        write_csv(lab, out);
    else if (format == FORMAT_JSON)
        write_json(lab, out);
    else if (format == FORMAT_MARKDOWN)
        write_markdown(lab, out);
    else
        write_text(lab, out);
    return 0;
}

static int run_lab(const Options *o, const LabInfo *info, int format, Buffer *out, Error *e)
{
    Lab lab;
    Waiting g = waiting_begin();
    int status = lab_begin(&lab, info, o->value[OPTION_SMALL] != NULL, e);
    for (int i = 1; i < o->operand_count && status == 0; i++)
        status = lab_set(&lab, o->operands[i], e);
    lab.progress = waiting_show;
    lab.context = &g;
    if (status == 0)
        status = lab_run(&lab, e);
    waiting_end(&g);
    if (status == 0)
        status = write_result(&lab, format, out, e);
    lab_free(&lab);
    return status;
}

static int run(const Options *o, bool help, Error *e)
{
    Buffer text = {0};
    Output out = output_open(o);
    int format = options_format(o, e), status = format < 0 ? -1 : 0;
    const LabInfo *info = status == 0 && o->operand_count ? find_lab(o->operands[0], e) : NULL;
    if (o->operand_count && !info)
        status = -1;
    else if (status == 0 && !info && format != FORMAT_TEXT)
        status = error_set(e, "lab: --format: expected the name of an experiment with it, found none; 'stepformer lab' lists them");
    else if (status == 0 && help && info)
        describe(info, &text);
    else if (status == 0 && help)
        options_help(&spec, &text);
    else if (status == 0 && info)
        status = run_lab(o, info, format, &text, e);
    else if (status == 0)
        add_list(&text);
    if (status == 0 && text.failed)
        status = error_memory(e, "lab");
    if (status == 0) {
        output_emit(&out, buffer_text(&text), text.len);
        status = output_close(&out, e);
    }
    buffer_free(&text);
    return status;
}

/* Takes --help out of the arguments: what it shows depends on the experiment that is named. */
static bool take_help(int *argc, char **argv)
{
    bool help = false;
    int n = 0;
    for (int i = 0; i < *argc; i++)
        if (i > 0 && (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0))
            help = true;
        else
            argv[n++] = argv[i];
    argv[n] = NULL;
    *argc = n;
    return help;
}

int cli_lab(int argc, char **argv)
{
    Options o;
    Error e = {{0}};
    int status;
    bool help = take_help(&argc, argv);
    if (!options_read(&o, &spec, argc, argv, &status))
        return status;
    if (screen_is_ascii() && options_format(&o, NULL) == FORMAT_TEXT)
        cli_speak_ascii();
    status = run(&o, help, &e) == 0 ? CLI_DONE : cli_wrong(&e);
    options_free(&o);
    return status;
}
