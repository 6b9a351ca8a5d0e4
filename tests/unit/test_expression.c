/* test_expression.c - the expression language against tables of expressions (tests/cases) and against numbers computed here. Runs from
 * the top folder. */
#include "measure/expression.h"

#include "base/file.h"
#include "base/text.h"
#include "measure/cost.h"
#include "measure/expression_internal.h"
#include "measure/metrics.h"
#include "measure_help.h"
#include "model_help.h"
#include "pass/edit.h"
#include "pass/input.h"

#include <math.h>

/* ---- tables ---- */

typedef struct Table {
    const char *file;
    int line, rows;
    Model *model;
    Pass *pass, *baseline;
    Ids source, target, targets;
    Ablations ablations;
    ExpressionContext context;
} Table;

static void forget_pass(Table *t)
{
    pass_free(t->pass);
    pass_free(t->baseline);
    t->pass = t->baseline = NULL;
}

/* Makes the passes that the rows above describe, where they are not there yet. */
static void need_pass(Table *t)
{
    Error e = {{0}};
    PassInput in = {t->source.data, t->target.data, t->source.len, t->target.len};
    if (t->pass)
        return;
    t->pass = pass_create(t->model, in, t->ablations, &e);
    cr_assert(t->pass, "%s:%d: %s", t->file, t->line, e.text);
    if (t->ablations)
        t->baseline = pass_create(t->model, in, 0, &e);
    if (t->targets.len == 0) {
        Input input = {.source = t->source, .target = t->target};
        cr_assert_eq(input_targets(&input, t->model, &t->targets, &e), 0, "%s", e.text);
    }
    t->context.pass = t->pass;
    t->context.baseline = t->baseline;
    t->context.targets = t->targets.data;
    t->context.target_count = t->targets.len;
}

static void set_text(Table *t, const char *text)
{
    Error e = {{0}};
    Input in;
    InputText given = {.text = *text ? text : NULL};
    forget_pass(t);
    cr_assert_eq(input_read(&in, t->model, given, 0, &e), 0, "%s:%d: %s", t->file, t->line, e.text);
    ids_free(&t->source);
    ids_free(&t->target);
    t->source = in.source;
    t->target = in.target;
    t->targets.len = 0;
}

static void set_ids(Table *t, char *text)
{
    Error e = {{0}};
    Ids *lists[] = {&t->source, &t->target, &t->targets};
    forget_pass(t);
    for (int i = 0; i < 3; i++) {
        size_t n = strcspn(text, "|");
        char part[256];
        snprintf(part, sizeof part, "%.*s", (int)n, text);
        lists[i]->len = 0;
        cr_assert_eq(ids_parse(lists[i], part, "ids", t->model->config.vocab_size, true, &e), 0, "%s:%d: %s", t->file, t->line, e.text);
        text += n + (text[n] == '|');
    }
}

static void set_model(Table *t, const char *name)
{
    Error e = {{0}};
    forget_pass(t);
    model_free(t->model);
    t->model = model_open(name, NULL, &e);
    cr_assert(t->model, "%s:%d: %s", t->file, t->line, e.text);
    t->ablations = 0;
    t->context = (ExpressionContext){.here = NO_STAGE};
    set_text(t, "");
}

static void set_here(Table *t, const char *name, bool backward, bool done)
{
    need_pass(t);
    t->context.here = *name ? plan_find(pass_plan(t->pass), name) : NO_STAGE;
    cr_assert(!*name || t->context.here >= 0, "%s:%d: no stage %s", t->file, t->line, name);
    t->context.backward = backward;
    t->context.only_done = done || backward;
}

static bool directive(Table *t, char *line)
{
    size_t n = strcspn(line, " ");
    char *rest = line + n + (line[n] == ' ');
    if (strncmp(line, "model ", 6) == 0)
        set_model(t, rest);
    else if (strncmp(line, "text ", 5) == 0)
        set_text(t, rest);
    else if (strncmp(line, "ids ", 4) == 0)
        set_ids(t, rest);
    else if (strcmp(line, "here") == 0 || (strncmp(line, "here ", 5) == 0 && !strstr(line, " => ")))
        set_here(t, rest, false, false);
    else if (strncmp(line, "done ", 5) == 0)
        set_here(t, rest, false, true);
    else if (strncmp(line, "backward ", 9) == 0)
        set_here(t, rest, true, false);
    else if (strncmp(line, "ablate ", 7) == 0) {
        forget_pass(t);
        t->ablations = help_ablation(rest);
    } else
        return false;
    return true;
}

static void check_error(Table *t, const char *expression, const char *want)
{
    ExpressionError e;
    Value v = {0};
    char part[256];
    size_t character = 0, found = 1;
    cr_assert_eq(sscanf(want, "error %zu: %255[^\n]", &character, part), 2, "%s:%d: expected error N: PART", t->file, t->line);
    if (expression_run(expression, &t->context, &v, &e) == 0) {
        cr_expect_fail("%s:%d: was accepted: %s", t->file, t->line, expression);
        value_free(&v);
        return;
    }
    for (size_t i = 0; i < e.at; i++)
        found += ((unsigned char)expression[i] & 0xc0) != 0x80;
    char begin[32];
    snprintf(begin, sizeof begin, "character %zu: ", character);
    cr_expect(strncmp(e.error.text, begin, strlen(begin)) == 0 && found == character && strstr(e.error.text, part) &&
                  !strchr(e.error.text, '\n'),
              "%s:%d: %s\n  expected %s%s\n  found    %s (at %zu)", t->file, t->line, expression, begin, part, e.error.text, found);
}

static void check_row(Table *t, const char *expression, const char *want)
{
    ExpressionError e;
    Value v;
    Buffer line = {0};
    need_pass(t);
    t->rows++;
    if (strncmp(want, "error ", 6) == 0) {
        check_error(t, expression, want);
        return;
    }
    if (expression_run(expression, &t->context, &v, &e) != 0) {
        cr_expect_fail("%s:%d: %s: %s", t->file, t->line, expression, e.error.text);
        return;
    }
    char *stop;
    double x = strtod(want, &stop);
    value_write_line(&v, &line);
    if (*stop == '\0' && v.type == VALUE_NUMBER && v.rank == 0 && !v.is_index && !v.whole)
        cr_expect((isnan(x) && isnan(v.data[0])) || x == v.data[0] || fabs(x - v.data[0]) <= 2e-5 * fmax(1, fabs(x)),
                  "%s:%d: %s\n  expected %s\n  found    %s", t->file, t->line, expression, want, buffer_text(&line));
    else
        cr_expect_str_eq(buffer_text(&line), want, "%s:%d: %s\n  expected %s\n  found    %s", t->file, t->line, expression, want,
                         buffer_text(&line));
    buffer_free(&line);
    value_free(&v);
}

static int run_table(const char *file)
{
    Error e = {{0}};
    File f;
    Table t = {.file = file};
    cr_assert_eq(file_open(&f, file, &e), 0, "%s", e.text);
    char *text = strndup((const char *)f.data, f.size), *next;
    file_close(&f);
    for (char *line = text; line; line = next) {
        next = strchr(line, '\n');
        if (next)
            *next++ = '\0';
        t.line++;
        char *arrow = strstr(line, " => ");
        if (*line == '\0' || *line == '#' || directive(&t, line))
            continue;
        cr_assert(arrow, "%s:%d: expected EXPR => VALUE", file, t.line);
        *arrow = '\0';
        check_row(&t, line, arrow + 4);
    }
    forget_pass(&t);
    model_free(t.model);
    ids_free(&t.source);
    ids_free(&t.target);
    ids_free(&t.targets);
    free(text);
    return t.rows;
}

Test(expression, the_table)
{
    cr_assert_geq(run_table("tests/cases/expressions.txt"), 150);
}

Test(expression, numbers_computed_from_the_golden_traces)
{
    cr_assert_geq(run_table("tests/cases/golden_expressions.txt"), 150);
}

/* Every function and every name of the language stands in a row of the table. */
Test(expression, every_word_is_in_the_table)
{
    Error e = {{0}};
    File f;
    Buffer text = {0};
    for (int i = 0; i < 2; i++) {
        cr_assert_eq(file_open(&f, i ? "tests/cases/golden_expressions.txt" : "tests/cases/expressions.txt", &e), 0, "%s", e.text);
        buffer_add(&text, f.data, f.size);
        file_close(&f);
    }
    for (size_t i = 0; expression_word(i).name; i++) {
        ExpressionWord w = expression_word(i);
        char call[64];
        snprintf(call, sizeof call, "%s%s", w.name, *w.arguments ? "(" : "");
        cr_expect(strstr(buffer_text(&text), call), "tests/cases/expressions.txt: expected a row with %s", call);
        cr_expect(w.what && strlen(w.what) < 100, "%s", w.name);
    }
    buffer_free(&text);
}

/* ---- against what the screens show ---- */

static double number(const char *expression, Pass *p)
{
    ExpressionError e;
    ExpressionContext c = {.pass = p, .here = NO_STAGE};
    Value v;
    cr_assert_eq(expression_run(expression, &c, &v, &e), 0, "%s: %s", expression, e.error.text);
    cr_assert(v.rank == 0 && v.type != VALUE_TEXT, "%s", expression);
    double x = v.data[0];
    value_free(&v);
    return x;
}

Test(expression, agrees_with_the_metrics)
{
    for (int i = 0; i < HELP_CONFIGS; i++) {
        Model *m = help_model(help_configs[i]);
        Pass *p = help_pass(m, 0);
        const char *stack = config_has_stack(&m->config, STACK_DECODER) ? "decoder" : "encoder";
        char name[64], text[128];
        snprintf(name, sizeof name, "%s.0.self.weights", stack);
        size_t w = help_stage(p, name), n = pass_plan(p)->stages[w].count;
        snprintf(text, sizeof text, "mean(entropy(%s))", name);
        cr_expect_float_eq(number(text, p), attention_entropy(p, w), 1e-6, "%s", help_configs[i]);
        snprintf(text, sizeof text, "var(%s)", name);
        cr_expect_float_eq(number(text, p), moments(pass_value(p, w), n).variance, 1e-9);
        snprintf(name, sizeof name, "%s.0.self.masked", stack);
        size_t s = help_stage(p, name);
        snprintf(text, sizeof text, "var(%s)", name);
        cr_expect_float_eq(number(text, p), score_spread(p, s, -1).all, 1e-6 * fabs(score_spread(p, s, -1).all), "%s", help_configs[i]);
        Moments all = moments(pass_value(p, s), pass_plan(p)->stages[s].count);
        snprintf(text, sizeof text, "norm(%s)", name);
        cr_expect_float_eq(number(text, p), all.norm, 1e-6 * all.norm);
        snprintf(text, sizeof text, "min(%s)", name);
        cr_expect_eq(number(text, p), all.min);
        snprintf(name, sizeof name, "%s.0.self.out", stack);
        const Stage *out = &pass_plan(p)->stages[help_stage(p, name)];
        snprintf(text, sizeof text, "cosine(%s)", name);
        cr_expect_float_eq(number(text, p), mean_cosine(pass_value(p, help_stage(p, name)), out->shape[0], out->shape[1]), 1e-6);
        pass_free(p);
        model_free(m);
    }
}

/* ---- costs ---- */

Test(expression, the_costs_of_stages_add_up)
{
    for (int i = 0; i < HELP_CONFIGS; i++)
        for (int k = 0; k < HELP_ABLATIONS; k++) {
            Error e = {{0}};
            Model *m = help_model(help_configs[i]);
            Pass *p = help_pass(m, help_ablation(help_ablations[k]));
            const Plan *plan = pass_plan(p);
            Cost all, sum = {0};
            cr_assert_eq(cost_of_stages(m, plan, NULL, &all, &e), 0);
            for (size_t s = 0; s < plan->count; s++) {
                Cost c = cost_of_stage(m, plan, s);
                sum.multiplications += c.multiplications;
                sum.values += c.values;
                sum.parameters += c.parameters;
            }
            cr_expect_eq(all.multiplications, sum.multiplications);
            cr_expect_eq(all.values, plan->total);
            cr_expect(all.parameters <= m->weights.total && all.parameters <= sum.parameters, "%s", help_configs[i]);
            if (help_ablations[k][0] == '\0')
                cr_expect_eq(all.parameters, m->weights.total, "%s: every weight is read", help_configs[i]);
            cr_expect_eq(number("bytes()", p), (double)(plan->total * sizeof(real)));
            pass_free(p);
            model_free(m);
        }
}

/* ---- rank ---- */

Test(expression, rank_counts_what_is_independent)
{
    Model *m = help_model(
        "kind=decoder,d_model=12,n_heads=3,d_ff=30,decoder_layers=1,vocab_size=11,norm=none,position=none,tie_embeddings=false,bias=false");
    Pass *p = help_pass_of(m, 0, 9, 0);
    cr_expect_eq(number("rank(decoder.0.self.W_Q)", p), 12);
    cr_expect_eq(number("rank(decoder.0.ffn.W_1)", p), 12, "a wide one");
    cr_expect_eq(number("rank(decoder.0.ffn.W_2)", p), 12, "a tall one");
    cr_expect_eq(number("rank(decoder.0.self.scores)[0]", p), 4, "q and k have d_head columns");
    cr_expect_eq(number("rank(decoder.0.self.W_Q * 0)", p), 0);
    cr_expect_eq(number("rank(decoder.0.self.W_Q * 1e30)", p), 12);
    cr_expect_eq(number("rank(decoder.0.self.W_Q * 1e-30)", p), 12);
    cr_expect_eq(number("rank(decoder.0.self.W_Q[row=0])", p), 1);
    cr_expect(isnan(number("rank(decoder.0.self.masked)[0]", p)), "infinities have no rank");
    pass_free(p);
    model_free(m);
}

/* ---- one expression, many passes; edits; hostile text ---- */

Test(expression, compiled_once_it_serves_other_passes)
{
    ExpressionError e;
    Value v;
    Expression *x = expression_compile("sum(output.probs, vocab) == 1 +- 1e-4", 37, &e);
    cr_assert(x, "%s", e.error.text);
    for (int i = 0; i < HELP_CONFIGS; i++) {
        Model *m = help_model(help_configs[i]);
        for (size_t n = 1; n < 4; n++) {
            Pass *p = help_pass_of(m, n + 1, n, 0);
            ExpressionContext c = {.pass = p, .here = NO_STAGE};
            cr_assert_eq(expression_evaluate(x, &c, &v, &e), 0, "%s", e.error.text);
            cr_expect(value_holds(&v) && v.count == pass_plan(p)->stages[pass_plan(p)->count - 1].shape[0]);
            value_free(&v);
            pass_free(p);
        }
        model_free(m);
    }
    expression_free(x);
}

Test(expression, sees_edited_values)
{
    Error e = {{0}};
    Edits edits = {0};
    Model *m = help_model(help_configs[0]);
    Pass *p = help_pass(m, 0);
    cr_assert_eq(edits_add(&edits, "decoder.0.self.weights[head=1]=zero", &e), 0);
    cr_assert_eq(pass_set_edits(p, &edits, &e), 0, "%s", e.text);
    cr_expect_eq(number("sparsity(decoder.0.self.weights[head=1])", p), 1);
    cr_expect(isnan(number("entropy(decoder.0.self.weights[head=1,query=0])", p)), "what sums to 0 is no distribution");
    cr_expect_eq(number("max(abs(decoder.0.self.heads[head=1]))", p), 0);
    edits_free(&edits);
    pass_free(p);
    model_free(m);
}

Test(expression, hostile_text_is_refused_in_time)
{
    static char text[EXPRESSION_MAX + 2];
    const char *const parts[] = {"(", "-", "not ", "1<(", "1+", "1^", "sqrt(", "*.", "1<", "a[", "\"", "1==1+-", "[", "lab(", "baseline("};
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
        for (int close = 0; close < 2; close++) {
            size_t n = 0, len = strlen(parts[i]);
            ExpressionError e;
            while (n + len < EXPRESSION_MAX / 2) {
                memcpy(text + n, parts[i], len);
                n += len;
            }
            text[n++] = '1';
            while (close && n < EXPRESSION_MAX)
                text[n++] = ')';
            text[n] = '\0';
            Expression *x = expression_compile(text, n, &e);
            cr_expect(x || (e.error.text[0] && !strchr(e.error.text, '\n') && e.at <= n), "%s", parts[i]);
            expression_free(x);
        }
    ExpressionError e;
    memset(text, '1', sizeof text - 1);
    cr_expect_null(expression_compile(text, EXPRESSION_MAX + 1, &e));
    cr_expect(strstr(e.error.text, "at most 4096 bytes"));
    cr_expect_null(expression_compile("1\0002", 3, &e));
    cr_expect(strstr(e.error.text, "UTF-8"));
}

/* Each side of a chain is computed once: nested chains would otherwise take twice as long with every level. */
Test(expression, chains_do_not_multiply, .timeout = 20)
{
    char text[1024] = "";
    for (int i = 0; i < 50; i++)
        strcat(text, "0<(");
    strcat(text, "1");
    for (int i = 0; i < 50; i++)
        strcat(text, ")<3");
    Model *m = help_model(help_configs[0]);
    Pass *p = help_pass(m, 0);
    cr_expect_eq(number(text, p), 1);
    pass_free(p);
    model_free(m);
}

/* ---- writing ---- */

static void writes(const char *expression, Pass *p, const char *table, const char *json, const char *csv)
{
    ExpressionError e;
    ExpressionContext c = {.pass = p, .here = NO_STAGE};
    Value v;
    Buffer out[3] = {{0}};
    cr_assert_eq(expression_run(expression, &c, &v, &e), 0, "%s", e.error.text);
    value_write_table(&v, TEXT_ANY_COLUMNS, &out[0]);
    value_write_json(&v, expression, &out[1]);
    value_write_csv(&v, expression, &out[2]);
    cr_expect_str_eq(buffer_text(&out[0]), table);
    cr_expect_str_eq(buffer_text(&out[1]), json);
    cr_expect_str_eq(buffer_text(&out[2]), csv);
    for (int i = 0; i < 3; i++)
        buffer_free(&out[i]);
    value_free(&v);
}

Test(expression, is_written_with_its_names)
{
    Error e = {{0}};
    Model *m = model_open("tiny-models/hand-wired", NULL, &e);
    cr_assert(m, "%s", e.text);
    Input in;
    cr_assert_eq(input_read(&in, m, (InputText){.text = "A B"}, 0, &e), 0, "%s", e.text);
    Pass *p = pass_create(m, input_ids(&in), 0, &e);
    writes("1/4", p, "0.25\n", "{\"expression\": \"1/4\", \"type\": \"number\", \"axes\": [], \"shape\": [], \"value\": 0.25}",
           "1/4,,,,,0.25\n");
    writes("1 < 2", p, "true\n", "{\"expression\": \"1 < 2\", \"type\": \"truth\", \"axes\": [], \"shape\": [], \"value\": true}",
           "1 < 2,,,,,true\n");
    writes("-inf", p, "-inf\n", "{\"expression\": \"-inf\", \"type\": \"number\", \"axes\": [], \"shape\": [], \"value\": \"-inf\"}",
           "-inf,,,,,-inf\n");
    writes("\"a,\"", p, "\"a,\"\n", "{\"expression\": \"\\\"a,\\\"\", \"type\": \"text\", \"value\": \"a,\"}",
           "\"\"\"a,\"\"\",,,,,\"a,\"\n");
    writes("decoder.0.self.masked[0,key=-1] > -inf", p, "[query 3]\n  <s>  false\n  A    false\n  B    true\n",
           "{\"expression\": \"decoder.0.self.masked[0,key=-1] > -inf\", \"type\": \"truth\", \"axes\": [\"query\"], \"shape\": [3], "
           "\"value\": [false, false, true]}",
           "\"decoder.0.self.masked[0,key=-1] > -inf\",query=0,,,,false\n\"decoder.0.self.masked[0,key=-1] > -inf\",query=1,,,,false\n"
           "\"decoder.0.self.masked[0,key=-1] > -inf\",query=2,,,,true\n");
    writes(
        "decoder.*.W_E[row=A..B,column=0..1] == 1", p,
        "[stage 1, row 2, column 2]\nstage decoder.embed.W_E\n              0           1\n  A        true       false\n  B       false    "
        "    true\n",
        "{\"expression\": \"decoder.*.W_E[row=A..B,column=0..1] == 1\", \"type\": \"truth\", \"axes\": [\"stage\", \"row\", \"column\"], "
        "\"shape\": [1, 2, 2], \"value\": [[[true, false], "
        "[false, true]]]}",
        "\"decoder.*.W_E[row=A..B,column=0..1] == 1\",stage=decoder.embed.W_E,row=0,column=0,,true\n\"decoder.*.W_E[row=A..B,column=0..1] "
        "== 1\",stage=decoder.embed.W_E,row=0,column=1,,false\n"
        "\"decoder.*.W_E[row=A..B,column=0..1] == 1\",stage=decoder.embed.W_E,row=1,column=0,,false\n\"decoder.*.W_E[row=A..B,column=0..1] "
        "== 1\",stage=decoder.embed.W_E,row=1,column=1,,true\n");
    pass_free(p);
    input_free(&in);
    model_free(m);
}

Test(expression, a_large_table_says_what_it_leaves_out)
{
    ExpressionError e;
    Value v;
    Buffer out = {0};
    Model *m = help_model("kind=decoder,d_model=40,n_heads=2,decoder_layers=1,vocab_size=50,d_ff=8");
    Pass *p = help_pass(m, 0);
    ExpressionContext c = {.pass = p, .here = NO_STAGE};
    cr_assert_eq(expression_run("decoder.0.self.W_Q", &c, &v, &e), 0);
    value_write_table(&v, TEXT_ANY_COLUMNS, &out);
    cr_expect(strstr(buffer_text(&out), "… 8 more of 40 rows (row)") && strstr(buffer_text(&out), "… 24 more of 40 columns (column)"), "%s",
              buffer_text(&out));
    buffer_free(&out);
    value_free(&v);
    pass_free(p);
    model_free(m);
}

/* A singular value counts above max(rows, columns) * epsilon * the largest, as in numpy. */
Test(expression, a_rank_leaves_out_what_is_rounding)
{
    enum { N = 12 };
    double epsilon = REAL_IS_DOUBLE ? DBL_EPSILON : (double)FLT_EPSILON, a[N * N] = {0};
    a[0] = 3;
    a[N + 1] = 3 * N * epsilon * 0.5;
    cr_expect_eq(matrix_rank(a, N, N), 1);
    cr_expect_eq(matrix_rank(a, 2, N), 1);
    a[N + 1] = 3 * N * epsilon * 2;
    cr_expect_eq(matrix_rank(a, N, N), 2);
    for (size_t i = 0; i < N; i++) /* row by column: one after the other they are the same */
        for (size_t j = 0; j < N; j++)
            a[i * N + j] = (double)(1 + i) * (double)(2 + j);
    cr_expect_eq(matrix_rank(a, N, N), 1);
}
