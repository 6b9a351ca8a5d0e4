/* compare_table.c - `compare --table`: a task's score without each part, switched off now and trained without it. */
#include "base/text.h"
#include "cli/compare.h"
#include "cli/waiting.h"
#include "pass/ablation.h"
#include "train/score_table.h"

#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

enum { EXAMPLES = 200, NAME_COLUMNS = 18 };

static const char *row_name(const ScoreTable *t, const ScoreRow *row)
{
    return row->name[0] ? row->name : t->model->name;
}

static int compute_all(ScoreTable *t, Error *e)
{
    Waiting waiting = waiting_begin();
    int status = 0;
    for (size_t row; status == 0 && score_table_pending(t, &row);) {
        waiting_show(&waiting, (double)row / (double)t->count, row_name(t, &t->rows[row]));
        status = score_table_step(t, e);
    }
    waiting_end(&waiting);
    return status;
}

/* ---- text ---- */

/* Seven columns; a dash where there is no number. */
static void add_number(Buffer *out, double x)
{
    char text[SCORE_NUMBER];
    buffer_printf(out, "%7s", isnan(x) ? "-" : score_number(x, text));
}

static void add_cell(Buffer *out, const ScoreCell *c)
{
    const double numbers[] = {c->score, c->loss, c->entropy, c->likeness};
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
        add_number(out, numbers[i]);
}

static const char *why_off(const ScoreRow *row)
{
    return row->idle ? _("nothing to switch off") : "";
}

static void add_row(const ScoreTable *t, const ScoreRow *row, Buffer *out)
{
    const ScoreCell *off = &row->cells[SCORE_OFF], *trained = &row->cells[SCORE_TRAINED];
    bool choice = row->name[0] && !row->ablation;
    size_t start = out->len;
    buffer_printf(out, "%-*s", NAME_COLUMNS, row_name(t, row));
    if (off->known)
        add_cell(out, off);
    else {
        buffer_puts(out, "  ");
        text_pad(out, choice ? "" : why_off(row), 26);
    }
    buffer_puts(out, off->known && row->ablation && !off->changes ? " =" : "  ");
    if (trained->known)
        add_cell(out, trained);
    else if (row->ablation)
        buffer_printf(out, "  %s", _("not shipped"));
    while (out->len > start && out->data[out->len - 1] == ' ')
        out->data[--out->len] = '\0';
    buffer_putc(out, '\n');
}

static void add_notes(const ScoreTable *t, Buffer *out)
{
    bool same = false;
    for (size_t i = 0; i < t->count; i++)
        same = same || (t->rows[i].ablation && t->rows[i].cells[SCORE_OFF].known && !t->rows[i].cells[SCORE_OFF].changes);
    if (same)
        buffer_puts(out, _("=: it changed nothing, every logit of every example is the same\n"));
    buffer_printf(out, _("score: %s\n"), score_meaning(t->kind));
    buffer_puts(out, _("loss, and attn H, the mean entropy of attention: nats. alike: mean cosine\n"
                       "of two tokens at the end of the output's stream. All over the same examples\n"));
    buffer_printf(out,
                  t->chance_score > 0 && t->chance_score < 1e-4 ? _("chance (every token as likely): score %.1e, loss %.3f\n")
                                                                : _("chance (every token as likely): score %.4f, loss %.3f\n"),
                  t->chance_score, t->chance_loss);
    if (t->least_loss > 0)
        buffer_printf(out, _("the lowest loss there can be: %.3f\n"), t->least_loss);
}

static void write_text(const ScoreTable *t, Buffer *out)
{
    buffer_printf(out, _("%s without each of its parts, on %zu held-out examples of %s\n\n"), t->model->name, t->n,
                  examples_name(t->examples));
    buffer_printf(out, "%-*s  ", NAME_COLUMNS, "");
    text_pad(out, _("switched off now"), 28);
    buffer_printf(out, "  %s\n", _("trained without it"));
    buffer_printf(out, "%-*s", NAME_COLUMNS, "");
    for (int k = 0; k < SCORE_COLUMNS; k++) {
        const char *const titles[] = {_("score"), _("loss"), _("attn H"), _("alike")};
        for (size_t i = 0; i < sizeof titles / sizeof *titles; i++)
            text_pad(out, titles[i], -7);
        buffer_puts(out, k ? "\n" : "  ");
    }
    for (size_t i = 0; i < t->count; i++) {
        bool first = t->rows[i].name[0] && !t->rows[i].ablation && (i == 0 || t->rows[i - 1].ablation);
        if (first)
            buffer_puts(out, _("nothing left out, but another choice made:\n"));
        add_row(t, &t->rows[i], out);
    }
    buffer_printf(out, "\n%s\n\n", score_table_caption());
    add_notes(t, out);
}

/* ---- the other formats ---- */

static const char *const cell_keys[] = {"score", "loss", "entropy", "alike"};
static const char *const column_keys[] = {"switched_off_now", "trained_without_it"};
enum { CELL_KEYS = 4 };

static double cell_number(const ScoreCell *c, int key)
{
    const double numbers[CELL_KEYS] = {c->score, c->loss, c->entropy, c->likeness};
    return numbers[key];
}

static void write_markdown(const ScoreTable *t, Buffer *out)
{
    buffer_printf(out, _("%s, %zu held-out examples; the first four columns: switched off now, the others: trained without it.\n\n"),
                  t->model->name, t->n);
    buffer_puts(out, "| |");
    for (int k = 0; k < SCORE_COLUMNS * CELL_KEYS; k++)
        buffer_printf(out, " %s |", cell_keys[k % CELL_KEYS]);
    buffer_puts(out, "\n|---|");
    for (int k = 0; k < SCORE_COLUMNS * CELL_KEYS; k++)
        buffer_puts(out, "---:|");
    for (size_t i = 0; i < t->count; i++) {
        buffer_printf(out, "\n| %s |", row_name(t, &t->rows[i]));
        for (int k = 0; k < SCORE_COLUMNS * CELL_KEYS; k++) {
            const ScoreCell *c = &t->rows[i].cells[k / CELL_KEYS];
            if (c->known && !isnan(cell_number(c, k % CELL_KEYS)))
                buffer_printf(out, " %.4f |", cell_number(c, k % CELL_KEYS));
            else
                buffer_puts(out, " |");
        }
    }
    buffer_printf(out, "\n\n%s\n", score_table_caption());
}

static void write_csv(const ScoreTable *t, Buffer *out)
{
    buffer_puts(out, "name,kind,column,model,changes,score,loss,entropy,alike\n");
    for (size_t i = 0; i < t->count; i++)
        for (int k = 0; k < SCORE_COLUMNS; k++) {
            const ScoreRow *row = &t->rows[i];
            const ScoreCell *c = &row->cells[k];
            if (!c->known)
                continue;
            buffer_printf(out, "%s,%s,%s,%s%s%s,%s", row_name(t, row),
                          row->ablation  ? "ablation"
                          : row->name[0] ? "choice"
                                         : "whole",
                          column_keys[k], t->model->name, k ? "." : "", k ? row->name : "",
                          k || !row->ablation ? ""
                          : c->changes        ? "true"
                                              : "false");
            for (int j = 0; j < CELL_KEYS; j++) {
                char number[TRACE_NUMBER_MAX];
                trace_number(number, (real)cell_number(c, j));
                buffer_printf(out, ",%s", number);
            }
            buffer_putc(out, '\n');
        }
}

static json_t *json_cell(const ScoreTable *t, const ScoreRow *row, int column)
{
    const ScoreCell *c = &row->cells[column];
    Buffer model = {0};
    if (!c->known)
        return json_null();
    json_t *cell = json_object();
    buffer_printf(&model, "%s%s%s", t->model->name, column ? "." : "", column ? row->name : "");
    json_object_set_new(cell, "model", json_string(buffer_text(&model)));
    buffer_free(&model);
    for (int k = 0; k < CELL_KEYS; k++) {
        double x = cell_number(c, k);
        json_object_set_new(cell, cell_keys[k], isfinite(x) ? json_real(x) : json_null());
    }
    if (!column && row->ablation)
        json_object_set_new(cell, "changes", json_boolean(c->changes));
    return cell;
}

static void write_json(const ScoreTable *t, Buffer *out)
{
    json_t *rows = json_array();
    for (size_t i = 0; i < t->count; i++) {
        const ScoreRow *row = &t->rows[i];
        json_array_append_new(rows, json_pack("{s:s, s:s, s:b, s:o, s:o}", "name", row_name(t, row), "kind",
                                              row->ablation  ? "ablation"
                                              : row->name[0] ? "choice"
                                                             : "whole",
                                              "nothing_to_switch_off", row->idle, column_keys[0], json_cell(t, row, 0), column_keys[1],
                                              json_cell(t, row, 1)));
    }
    json_t *root = json_pack("{s:s, s:s, s:I, s:s, s:{s:f, s:f}, s:o}", "model", t->model->name, "task", examples_name(t->examples), "n",
                             (json_int_t)t->n, "what", score_table_caption(), "chance", "score", t->chance_score, "loss", t->chance_loss,
                             "rows", rows);
    char *text = root ? json_dumps(root, JSON_INDENT(1) | JSON_REAL_PRECISION(9)) : NULL;
    if (text)
        buffer_printf(out, "%s\n", text);
    else
        out->failed = true;
    free(text);
    json_decref(root);
}

/* ---- the subcommand ---- */

static int print(const ScoreTable *t, const Options *o, int format, Error *e)
{
    static void (*const writers[])(const ScoreTable *, Buffer *) = {write_text, write_json, write_csv, write_markdown};
    Buffer text = {0};
    Output out = output_open(o);
    writers[format](t, &text);
    int status = text.failed ? error_memory(e, "table") : 0;
    if (status == 0) {
        output_emit(&out, buffer_text(&text), text.len);
        status = output_close(&out, e);
    }
    buffer_free(&text);
    return status;
}

static int check_options(const Options *o, Error *e)
{
    static const OptionId others[] = {OPTION_TEXT,  OPTION_TARGET,    OPTION_IDS,         OPTION_TARGET_IDS, OPTION_ABLATE, OPTION_EDIT,
                                      OPTION_EDITS, OPTION_WITH_TEXT, OPTION_WITH_TARGET, OPTION_WITH_MODEL, OPTION_STAGE};
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        if (o->value[others[i]])
            return error_set(
                e,
                "--table: expected -m, -n and --format only, found --%s; the table goes through all ablations, on the task's own examples",
                option_table[others[i]].name);
    return 0;
}

int compare_table(const Options *o)
{
    Error e = {{0}};
    ScoreTable t = {0};
    uint64_t n;
    int format = options_format(o, &e), status = -1;
    Model *m = NULL;
    if (format >= 0 && check_options(o, &e) == 0 && options_count(o, OPTION_NUMBER, 1, 100000, EXAMPLES, &n, &e) == 0 &&
        (m = cli_open_model(o, &e)) != NULL && score_table_open(&t, m, (size_t)n, &e) == 0) {
        status = compute_all(&t, &e);
        if (status == 0)
            status = print(&t, o, format, &e);
        score_table_free(&t);
    }
    model_free(m);
    return status == 0 ? CLI_DONE : cli_wrong(&e);
}
