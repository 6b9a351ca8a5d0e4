/* test_walk.c - the plain walk: read back, it says every number of the pass, in aligned columns, and nothing is cut. */
#include "view/app.h"

#include "base/text.h"
#include "measure/metrics.h"
#include "measure_help.h"
#include "pass/address.h"
#include "pass/input.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- collecting ---- */

typedef struct Reader {
    Buffer text;
    size_t calls, stop_after; /* 0: never */
} Reader;

static bool take(void *context, const char *text, size_t n)
{
    Reader *r = context;
    r->calls++;
    buffer_add(&r->text, text, n);
    return r->calls != r->stop_after;
}

static void walk(Pass *p, int digits, bool ascii, Buffer *out)
{
    Reader r = {0};
    cr_assert(walk_text(p, digits, TEXT_ANY_COLUMNS, ascii, take, &r));
    *out = r.text;
}

/* The next line of the text, NUL-terminated in place; NULL after the last. */
static char *next_line(char **text)
{
    char *line = *text, *end = strchr(line, '\n');
    if (!end)
        return NULL;
    *end = '\0';
    *text = end + 1;
    return line;
}

/* ---- reading it back ---- */

/* Where the numbers of a line end: before "  │  ". */
static char *values_end(char *line, bool ascii)
{
    char *bar = strstr(line, ascii ? "  |  " : "  │  ");
    return bar ? bar : line + strlen(line);
}

/* Reads the last n numbers of a line that ends at `end`, the last one first in the line's order; a share that is 0 is "0". */
static void read_numbers(char *line, char *end, size_t n, bool shares, double *out)
{
    for (size_t i = n; i-- > 0;) {
        while (end > line && end[-1] == ' ')
            end--;
        char *begin = end;
        while (begin > line && begin[-1] != ' ')
            begin--;
        char text[64];
        size_t length = (size_t)(end - begin);
        cr_assert(length && length < sizeof text, "%s: no number %zu", line, i);
        memcpy(text, begin, length);
        text[length] = '\0';
        if (strcmp(text, "−∞") == 0) {
            out[i] = -INFINITY;
        } else {
            char *after;
            out[i] = strtod(text, &after);
            cr_assert(*after == '\0', "%s: '%s' is no number", line, text);
            cr_assert(isinf(out[i]) || (shares && strcmp(text, "0") == 0) || strchr(text, '.') || strstr(text, "e-"), "%s has no decimal point and no exponent", text);
        }
        end = begin;
    }
}

/* Takes a matrix off the text and compares it with x [rows, cols]; row names and column names end in aligned columns. */
static void check_matrix(char **text, const Stage *s, const real *x, bool ascii, double tolerance)
{
    size_t rows = s->shape[s->rank - 2], cols = s->shape[s->rank - 1];
    char *head = next_line(text), name[STAGE_NAME_MAX];
    bool sums = s->kind == STAGE_WEIGHTS || s->kind == STAGE_PROBS;
    double *values = malloc(cols * sizeof *values);
    cr_assert_eq(strstr(head, ascii ? "  |  sum" : "  │  sum") != NULL, sums, "%s", head);
    *values_end(head, ascii) = '\0';
    for (size_t i = 0; i < rows; i++) {
        char *line = next_line(text), *end = values_end(line, ascii);
        double sum = 0;
        read_numbers(line, end, cols, sums, values);
        for (size_t j = 0; j < cols; j++) {
            double v = (double)x[i * cols + j];
            sum += v;
            cr_assert(!sums || (values[j] == 0) == (v == 0), "%s: row %zu, column %zu is %g, written %g", stage_name(s, name), i, j, v, values[j]);
            cr_assert(values[j] == v || fabs(values[j] - v) <= tolerance * fmax(1, fabs(v)), "%s: row %zu, column %zu is %g, written %g",
                      stage_name(s, name), i, j, v, values[j]);
        }
        if (sums) {
            double written = atof(end + strlen(ascii ? "  |  " : "  │  "));
            cr_assert_float_eq(written, sum, tolerance, "%s", line);
            cr_assert_float_eq(written, 1, 1e-3, "%s", line);
        }
        *end = '\0';
        cr_assert_eq(text_width(line), text_width(head), "%s: not aligned:\n%s\n%s", stage_name(s, name), head, line);
    }
    free(values);
}

/* Reads a whole walk: every stage in the plan's order with every number. */
static void check_walk(Pass *p, int digits, bool ascii)
{
    const Plan *plan = pass_plan(p);
    Buffer b = {0};
    walk(p, digits, ascii, &b);
    char *text = b.data, *line, name[STAGE_NAME_MAX], wanted[96];
    for (size_t i = 0; i < plan->count; i++) {
        const Stage *s = &plan->stages[i];
        size_t heads = s->rank == 3 ? s->shape[0] : 1, one = s->count / heads;
        snprintf(wanted, sizeof wanted, "%s %s ", ascii ? "--" : "──", stage_name(s, name));
        do
            line = next_line(&text);
        while (line && strncmp(line, wanted, strlen(wanted)) != 0);
        cr_assert(line, "no %s", name);
        cr_assert_eq(text_width(line), 79, "%s", line);
        snprintf(wanted, sizeof wanted, " stage %zu of %zu ", i + 1, plan->count);
        cr_assert(strstr(line, wanted), "%s", line);
        do
            line = next_line(&text);
        while (line && strncmp(line, "  rows: ", 8) != 0);
        cr_assert(line, "%s says not what its rows are", name);
        for (size_t h = 0; h < heads; h++) {
            if (s->rank == 3) {
                snprintf(wanted, sizeof wanted, s->axes[0] == AXIS_HEAD ? "  head %zu:" : "  key/value head %zu:", h);
                while ((line = next_line(&text)) && strcmp(line, wanted) != 0)
                    cr_assert(h == 0 || strncmp(line, "  - ", 4) == 0, "%s: %s", name, line);
                cr_assert(line, "%s: no head %zu", name, h);
            }
            check_matrix(&text, s, pass_value(p, i) + h * one, ascii, 0.50001 * pow(10, -digits));
        }
    }
    cr_expect(strstr(text, "the most likely tokens"));
    buffer_free(&b);
}

Test(walk, writes_every_number_of_every_config)
{
    for (int k = 0; k < HELP_CONFIGS; k++) {
        Model *m = help_model(help_configs[k]);
        for (int a = 0; a < HELP_ABLATIONS; a++) {
            Pass *p = help_pass(m, help_ablation(help_ablations[a]));
            check_walk(p, 1 + (k + a) % 6, (k + a) % 2);
            pass_free(p);
        }
        model_free(m);
    }
}

/* ---- names ---- */

/* A model whose tokens are these, one a line. */
static Model *model_of_tokens(const char *lines, const char *config)
{
    Model *m = help_model(config);
    Error e = {{0}};
    vocab_free(m->vocab);
    m->vocab = vocab_read(lines, strlen(lines), &m->config, "vocab.txt", &e);
    cr_assert(m->vocab, "%s", e.text);
    return m;
}

static const char *const chinese = "<s>\n我\n爱你\nlove\n\\n\n\\t\n \n";
static const char *const seven = "kind=decoder,d_model=4,n_heads=2,decoder_layers=1,vocab_size=7";

static Pass *pass_of(const Model *m, const int *ids, size_t n, Ablations a)
{
    Error e = {{0}};
    Pass *p = pass_create(m, (PassInput){.target = ids, .target_len = n}, a, &e);
    cr_assert(p, "%s", e.text);
    return p;
}

Test(walk, aligns_wide_characters)
{
    static const int ids[] = {0, 1, 2, 3};
    Model *m = model_of_tokens(chinese, seven);
    Pass *p = pass_of(m, ids, 4, 0);
    check_walk(p, 3, false); /* compares columns, not bytes */
    check_walk(p, 3, true);
    Buffer b = {0};
    walk(p, 3, false, &b);
    cr_expect(strstr(buffer_text(&b), "decoder     <s>=0  我=1  爱你=2  love=3\n"));
    cr_expect(strstr(buffer_text(&b), "            <s>      我    爱你    love\n")); /* of a stage with negative numbers */
    buffer_free(&b);
    pass_free(p);
    model_free(m);
}

Test(walk, is_plain_in_ascii_and_hides_no_control_character)
{
    static const int ids[] = {0, 1, 4, 5, 6};
    Model *m = model_of_tokens(chinese, seven);
    Pass *p = pass_of(m, ids, 5, 0);
    for (int ascii = 0; ascii < 2; ascii++) {
        Buffer b = {0};
        walk(p, 3, ascii, &b);
        cr_expect(strstr(buffer_text(&b), ascii ? "\\u6211=1" : "我=1"));
        cr_expect(strstr(buffer_text(&b), "\\n=4  \\t=5  ' '=6\n"));
        cr_expect(strstr(buffer_text(&b), ascii ? "sqrt2" : "√2"));
        cr_expect(strstr(buffer_text(&b), ascii ? "-inf" : "−∞"));
        for (size_t i = 0; i < b.len; i++) {
            unsigned char c = (unsigned char)b.data[i];
            cr_assert(c == '\n' || c >= 0x20, "byte %u at %zu", c, i);
            cr_assert(!ascii || c < 0x7f, "byte %u at %zu", c, i);
        }
        buffer_free(&b);
    }
    pass_free(p);
    model_free(m);
}

Test(walk, tells_repeated_tokens_apart)
{
    static const int ids[] = {3, 1, 3};
    Model *m = model_of_tokens(chinese, seven);
    Pass *p = pass_of(m, ids, 3, 0);
    Buffer b = {0};
    walk(p, 3, false, &b);
    cr_expect(strstr(buffer_text(&b), "我  love (2)\n"), "columns");
    cr_expect(strstr(buffer_text(&b), "\n    love (0)  "), "the first of them too");
    cr_expect(strstr(buffer_text(&b), "\n    love (2)  "), "rows");
    cr_expect(strstr(buffer_text(&b), "\n    我        "), "rows");
    cr_expect_null(strstr(buffer_text(&b), "我 ("));
    buffer_free(&b);
    pass_free(p);
    model_free(m);
}

/* ---- what is said around the numbers ---- */

Test(walk, says_what_it_runs)
{
    Model *m = help_model("kind=decoder,d_model=4,n_heads=2,decoder_layers=1,vocab_size=7,norm=none");
    Pass *p = help_pass(m, NO_SCALE | NO_NORM);
    Buffer b = {0}, config = {0};
    walk(p, 3, false, &b);
    config_describe(&m->config, &config);
    cr_expect(strstr(buffer_text(&b), m->name));
    cr_expect(strstr(buffer_text(&b), "untrained"));
    cr_expect(strstr(buffer_text(&b), buffer_text(&config)));
    cr_expect(strstr(buffer_text(&b), "ablations   no-scale,no-norm  (nothing to switch off here: no-norm)\n"));
    const char *note = strstr(buffer_text(&b), "  [no-scale] scores are not divided by √d_head\n");
    cr_expect(note && !strstr(strchr(note, '\n'), "[no-scale]"), "once, where the scores are scaled");
    buffer_free(&b);
    m->untrained = false;
    walk(p, 3, false, &b);
    cr_expect_null(strstr(buffer_text(&b), "untrained"));
    buffer_free(&b);
    buffer_free(&config);
    pass_free(p);
    model_free(m);
}

/* Every metric line of every head, of the last row, once or where it belongs. */
Test(walk, writes_the_metrics)
{
    Model *m = help_model("kind=decoder,d_model=8,n_heads=4,n_kv_heads=2,decoder_layers=1,vocab_size=7");
    Pass *p = help_pass(m, 0);
    Buffer b = {0};
    walk(p, 3, false, &b);
    for (size_t i = 0; i < pass_plan(p)->count; i++) {
        const Stage *s = &pass_plan(p)->stages[i];
        for (size_t h = 0; h < (s->rank == 3 ? s->shape[0] : 1); h++) {
            MetricLine lines[METRIC_LINES_MAX];
            size_t n = metric_lines(p, i, h, s->shape[s->rank - 2] - 1, lines, METRIC_LINES_MAX);
            cr_expect_gt(n, 0);
            for (size_t k = 0; k < n; k++) {
                Buffer text = {0};
                buffer_printf(&text, "  - %s%*s%s\n", lines[k].label, METRIC_LABEL_COLUMNS + 2 - text_width(lines[k].label), "",
                              lines[k].value);
                cr_expect(strstr(buffer_text(&b), buffer_text(&text)), "stage %zu, head %zu: no\n%s", i, h, buffer_text(&text));
                buffer_free(&text);
            }
        }
    }
    buffer_free(&b);
    pass_free(p);
    model_free(m);
}

Test(walk, ends_with_the_most_likely_tokens)
{
    Model *m = help_model("kind=decoder,d_model=4,n_heads=2,decoder_layers=1,vocab_size=4");
    Pass *p = help_pass(m, 0);
    Buffer b = {0};
    TokenProb top[4];
    walk(p, 4, false, &b);
    const char *at = strstr(buffer_text(&b), "the most likely tokens after the last");
    cr_assert(at);
    top_tokens(p, HELP_TARGET - 1, 4, top);
    for (int i = 0; i < 4; i++) { /* the vocabulary has no fifth */
        char left[64], text[128];
        at = strchr(at, '\n') + 1;
        snprintf(left, sizeof left, "    %.4f  #%d", top[i].probability, top[i].id);
        snprintf(text, sizeof text, "%-28s  id %d, logit %.4f\n", left, top[i].id, top[i].logit);
        cr_expect(strncmp(at, text, strlen(text)) == 0, "%.60s, expected %s", at, text);
    }
    cr_expect_str_eq(strchr(at, '\n'), "\n");
    buffer_free(&b);
    pass_free(p);
    model_free(m);
}

/* ---- size and stopping ---- */

Test(walk, cuts_nothing_of_a_large_vocabulary)
{
    enum { VOCAB = 50000 };
    Model *m = help_model("kind=decoder,d_model=4,n_heads=1,decoder_layers=0,vocab_size=50000");
    Pass *p = help_pass_of(m, 0, 2, 0);
    check_walk(p, 3, false);
    Buffer b = {0};
    walk(p, 3, true, &b);
    cr_expect(strstr(buffer_text(&b), "  #49998  #49999\n"));
    buffer_free(&b);
    pass_free(p);
    model_free(m);
}

Test(walk, stops_when_the_reader_does)
{
    Model *m = help_model("kind=decoder,d_model=4,n_heads=2,decoder_layers=2,vocab_size=7");
    Pass *p = help_pass(m, 0);
    Buffer all = {0};
    walk(p, 3, false, &all);
    pass_free(p);
    for (size_t stop = 1; stop < 60; stop += 7) {
        Reader r = {.stop_after = stop};
        p = help_pass(m, 0);
        cr_expect_not(walk_text(p, 3, TEXT_ANY_COLUMNS, false, take, &r));
        cr_expect_eq(r.calls, stop, "%zu calls after it stopped at %zu", r.calls, stop);
        cr_expect_lt(pass_done(p), pass_plan(p)->count, "went on computing");
        cr_expect(strncmp(buffer_text(&r.text), buffer_text(&all), r.text.len) == 0);
        buffer_free(&r.text);
        pass_free(p);
    }
    buffer_free(&all);
    model_free(m);
}

/* One stage as a lesson's stop names it: only that head, the metrics of that row, or its gradient. */
Test(walk, a_stop_in_a_lesson)
{
    Error e = {{0}};
    Model *m = model_open("tiny-models/zh-en", NULL, &e);
    Input in;
    cr_assert(m && input_read(&in, m, (InputText){.text = "我爱你"}, 0, &e) == 0, "%s", e.text);
    Pass *p = pass_create(m, input_ids(&in), 0, &e);
    AddressList list;
    size_t used;
    const char *text = "decoder.0.cross.weights[head=2, query=1]";
    cr_assert_eq(address_read(&list, p, NO_STAGE, text, strlen(text), &used, &e), 0, "%s", e.text);
    const Stage *s = &pass_plan(p)->stages[list.items[0].index];
    Reader r = {0};
    cr_assert(walk_stage(p, &list.items[0], false, 3, TEXT_ANY_COLUMNS, false, take, &r));
    cr_assert(strstr(r.text.data, "head 2:") && !strstr(r.text.data, "head 1:") && !strstr(r.text.data, "head 3:"), "%s", r.text.data);
    MetricLine lines[METRIC_LINES_MAX];
    size_t n = metric_lines(p, list.items[0].index, 2, 1, lines, METRIC_LINES_MAX);
    for (size_t i = 0; i < n; i++)
        cr_expect(strstr(r.text.data, lines[i].value), "expected %s: %s in %s", lines[i].label, lines[i].value, r.text.data);
    cr_assert(n > 0 && s->shape[1] > 2);
    buffer_free(&r.text);
    Ids targets = {0};
    double loss;
    cr_assert_eq(input_targets(&in, m, &targets, &e), 0, "%s", e.text);
    cr_assert_eq(pass_backward(p, targets.data, targets.len, &loss, &e), 0, "%s", e.text);
    r = (Reader){0};
    cr_assert(walk_stage(p, &list.items[0], true, 3, TEXT_ANY_COLUMNS, false, take, &r));
    char number[NUMBER_MAX];
    number_format(number, (double)pass_gradient(p, list.items[0].index)[(2 * s->shape[1] + 1) * s->shape[2]], 3, false);
    cr_expect(strstr(r.text.data, "d(loss)/d(decoder.0.cross.weights)") && strstr(r.text.data, number), "%s not in %s", number,
              r.text.data);
    buffer_free(&r.text);
    address_list_free(&list);
    text = "output.probs[token=0]"; /* 616 columns: those that tell most, and how many there are */
    cr_assert_eq(address_read(&list, p, NO_STAGE, text, strlen(text), &used, &e), 0, "%s", e.text);
    r = (Reader){0};
    cr_assert(walk_stage(p, &list.items[0], false, 3, TEXT_ANY_COLUMNS, false, take, &r));
    cr_expect(strstr(r.text.data, "16 of 616 columns") && strstr(r.text.data, "  love"), "%s", r.text.data);
    for (const char *line = r.text.data; line && *line; line = strchr(line, '\n') ? strchr(line, '\n') + 1 : NULL)
        cr_expect(strcspn(line, "\n") < 300, "a line of %zu bytes", strcspn(line, "\n"));
    buffer_free(&r.text);
    ids_free(&targets);
    address_list_free(&list);
    pass_free(p);
    input_free(&in);
    model_free(m);
}
