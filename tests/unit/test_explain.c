/* test_explain.c - the arithmetic of one cell: recomputed for every cell of every kind of stage of many models. Runs from
 * the top folder. */
#include "measure/explain.h"

#include "base/text.h"
#include "measure/explain_lines.h"
#include "measure_help.h"

#include <math.h>
#include <string.h>

/* ---- every cell of every stage ---- */

static double operand_magnitude(const Operand *o)
{
    return o->kind == OPERAND_NONE || isinf(o->value) ? 0 : fabs(o->value);
}

/* Where an operand says it comes from, there its value is. */
static void check_operand(Pass *p, const Explanation *x, const Operand *o)
{
    Buffer name = {0};
    const Plan *plan = pass_plan(p);
    operand_label(p, o, &name);
    if (o->kind == OPERAND_NONE) {
        cr_assert_eq(name.len, 0);
    } else {
        cr_assert(name.len > 0 && text_is_valid(buffer_text(&name), name.len), "operand without a name");
    }
    buffer_free(&name);
    if (o->kind == OPERAND_STAGE) {
        const Stage *s = &plan->stages[o->cell.stage];
        cr_assert_lt(o->cell.stage, x->cell.stage, "an operand is computed before what it is used for");
        for (int i = 0; i < STAGE_MAX_RANK; i++)
            cr_assert(i < s->rank ? o->cell.index[i] < s->shape[i] : o->cell.index[i] == 0, "operand outside its stage");
        double stored = (double)pass_value(p, o->cell.stage)[cell_offset(s, o->cell.index)];
        cr_assert(stored == o->value, "operand %.9g, stored %.9g", o->value, stored);
    } else if (o->kind == OPERAND_WEIGHT) {
        const Weight *w = &pass_model(p)->weights.items[o->weight];
        cr_assert(o->row < w->shape[0] && o->col < (w->rank == 2 ? w->shape[1] : 1), "operand outside %s", w->name);
        cr_assert(o->value == (double)weight_plain(w)[o->row * (w->rank == 2 ? w->shape[1] : 1) + o->col], "entry of %s", w->name);
    }
}

/* With two operands a line is what its sign says. */
static void check_sign(const ExplainLine *l)
{
    double a = l->in[0].value, b = l->in[1].value, expected = NAN;
    if (l->in[1].kind == OPERAND_NONE) {
        cr_assert_eq(l->sign, 0);
        return;
    }
    cr_assert_neq(l->in[0].kind, OPERAND_NONE);
    switch (l->sign) {
    case '*':
        expected = a * b;
        break;
    case '+':
        expected = a + b;
        break;
    case '-':
        expected = a - b;
        break;
    case '/':
        expected = a / b;
        break;
    default:
        cr_assert(false, "sign %d", l->sign);
    }
    cr_assert(fabs(l->result - expected) <= 4 * DBL_EPSILON * (fabs(a) + fabs(b) + fabs(expected)), "%s: %.17g %c %.17g is not %.17g",
              l->label, a, l->sign, b, l->result);
}

/* Checks the explanation of a cell, and returns the size of the numbers that went into it. */
static double check_lines(Pass *p, const Explanation *x)
{
    double running = 0, terms = 0, size = 0;
    const ExplainLine *last = NULL;
    cr_assert(x->formula[0] && text_is_valid(x->formula, strlen(x->formula)));
    cr_assert_gt(x->count, 0);
    for (size_t i = 0; i < x->count; i++) {
        const ExplainLine *l = &x->lines[i];
        cr_assert(text_is_valid(l->label, strlen(l->label)) && text_is_valid(l->formula, strlen(l->formula)));
        if (l->kind == LINE_NOTE) {
            cr_assert(l->formula[0] && !l->label[0] && l->in[0].kind == OPERAND_NONE && l->in[1].kind == OPERAND_NONE);
            continue;
        }
        cr_assert(l->label[0], "line %zu has no label", i);
        cr_assert(l->formula[0] || l->in[0].kind != OPERAND_NONE, "%s: says not where it comes from", l->label);
        check_sign(l);
        for (int k = 0; k < 2; k++) {
            check_operand(p, x, &l->in[k]);
            size = fmax(size, operand_magnitude(&l->in[k]));
        }
        if (l->kind == LINE_TERM) {
            running += l->result;
            terms += fabs(l->result);
            cr_assert(l->running == running, "%s: running sum %.17g, expected %.17g", l->label, l->running, running);
        } else {
            size = fmax(size, fabs(l->result));
        }
        last = l;
    }
    if (last) {
        double expected = last->kind == LINE_TERM ? last->running : last->result;
        cr_assert(x->exact == expected, "exact %.17g, the lines end at %.17g", x->exact, expected);
    } else {
        cr_assert(x->exact == 0 || x->exact == -INFINITY, "words alone explain only 0 and -inf, not %g", x->exact);
    }
    return fmax(size, terms);
}

static size_t check_all(const Model *m, const char *ablations)
{
    Pass *p = help_pass(m, help_ablation(ablations));
    const Plan *plan = pass_plan(p);
    size_t cells = 0;
    for (size_t i = 0; i < plan->count; i++) {
        const Stage *s = &plan->stages[i];
        char name[STAGE_NAME_MAX];
        Cellref cell = {.stage = i};
        for (size_t at = 0; at < s->count; at++, cells++) {
            size_t rest = at;
            for (int k = s->rank; k-- > 0; rest /= s->shape[k])
                cell.index[k] = rest % s->shape[k];
            cr_assert_eq(cell_offset(s, cell.index), at);
            Explanation x;
            Error e = {{0}};
            cr_assert_eq(explain_cell(p, cell, &x, &e), 0, "%s", e.text);
            double stored = (double)pass_value(p, i)[at];
            cr_assert(x.stored == stored);
            double size = check_lines(p, &x), error = stored == x.exact ? 0 : fabs(x.exact - stored);
            cr_assert(error <= 8 * REAL_EPSILON * size, "%s [%s]: %s[%zu]: exact %.9g, stored %.9g, of numbers up to %.3g", m->name,
                      ablations, stage_name(s, name), at, x.exact, stored, size);
            explanation_free(&x);
        }
    }
    pass_free(p);
    return cells;
}

Test(explain, every_cell_is_what_its_lines_say)
{
    bool seen[STAGE_KIND_COUNT] = {false};
    size_t cells = 0;
    for (int i = 0; i < HELP_CONFIGS; i++) {
        Model *m = help_model(help_configs[i]);
        Pass *p = help_pass(m, 0);
        for (size_t k = 0; k < pass_plan(p)->count; k++)
            seen[pass_plan(p)->stages[k].kind] = true;
        pass_free(p);
        for (int k = 0; k < HELP_ABLATIONS; k++)
            cells += check_all(m, help_ablations[k]);
        model_free(m);
    }
    for (int k = 0; k < STAGE_KIND_COUNT; k++)
        cr_assert(seen[k], "%s: no config of tests/unit/measure_help.h has this stage: add one", stage_table[k].id);
    cr_assert_gt(cells, 100000);
}

/* ---- what the lines of some cells are ---- */

static Explanation explain(Pass *p, const char *stage, size_t i0, size_t i1, size_t i2)
{
    Explanation x;
    Error e = {{0}};
    Cellref cell = {help_stage(p, stage), {i0, i1, i2}};
    cr_assert_eq(explain_cell(p, cell, &x, &e), 0, "%s", e.text);
    return x;
}

static size_t count_lines(const Explanation *x, LineKind kind)
{
    size_t n = 0;
    for (size_t i = 0; i < x->count; i++)
        n += x->lines[i].kind == kind;
    return n;
}

static void check_address_of(Pass *p, Cellref cell, const char *expected)
{
    Buffer b = {0};
    label_address(p, cell, &b);
    cr_assert_str_eq(buffer_text(&b), expected);
    buffer_free(&b);
}

static void check_label(Pass *p, const Operand *o, const char *expected)
{
    Buffer b = {0};
    operand_label(p, o, &b);
    cr_assert_str_eq(buffer_text(&b), expected);
    buffer_free(&b);
}

/* "A B C A", in the model whose tokens and dimensions have names. */
static Pass *wired_pass(Model **m)
{
    static const int ids[] = {6, 0, 1, 2, 0};
    Error e = {{0}};
    *m = model_open("tiny-models/hand-wired", NULL, &e);
    cr_assert(*m, "%s", e.text);
    Pass *p = pass_create(*m, (PassInput){NULL, ids, 0, 5}, 0, &e);
    cr_assert(p, "%s", e.text);
    return p;
}

Test(explain, names_are_the_models_own)
{
    Model *m;
    Pass *p = wired_pass(&m);
    Explanation x = explain(p, "decoder.0.self.q", 0, 4, 3);
    cr_assert_str_eq(x.lines[0].label, "token is A");
    check_label(p, &x.lines[0].in[0], "sum[token A (4), dim token is A]");
    check_label(p, &x.lines[0].in[1], "W_Q[dim token is A, 3]");
    cr_assert_eq(count_lines(&x, LINE_TERM), m->config.d_model);
    explanation_free(&x);

    x = explain(p, "decoder.0.self.scores", 0, 4, 1);
    cr_assert_str_eq(x.formula, "Σ q[query, i] · k[key, i],  i = 0 … 15");
    check_label(p, &x.lines[2].in[0], "q[head 0, query A (4), dim 2]");
    check_label(p, &x.lines[2].in[1], "k[key/value head 0, key A (1), dim 2]");
    check_address_of(p, x.lines[2].in[1].cell, "decoder.0.self.k[kv_head=0,key=1,dim=2]");
    cr_assert_str_eq(x.lines[2].label, "dim 2");
    check_label(p, &(Operand){.kind = OPERAND_STAGE, .cell = x.cell}, "scores[head 0, query A (4), key A (1)]");
    explanation_free(&x);

    x = explain(p, "decoder.embed.tokens", 2, 1, 0); /* B stands there once */
    check_label(p, &x.lines[0].in[0], "W_E[B, dim token is B]");
    cr_assert_eq(x.exact, 1);
    check_label(p, &(Operand){.kind = OPERAND_STAGE, .cell = x.cell}, "tokens[token B, dim token is B]");
    explanation_free(&x);

    x = explain(p, "output.logits", 4, 1, 0);
    check_label(p, &x.lines[29].in[1], "W_U[dim next token is A, B]");
    check_address_of(p, x.cell, "output.logits[token=4,vocab=1]");
    explanation_free(&x);
    pass_free(p);
    model_free(m);
}

Test(explain, weights_are_a_share_of_a_sum)
{
    Model *m;
    Pass *p = wired_pass(&m);
    Explanation x = explain(p, "decoder.0.self.weights", 0, 2, 1);
    cr_assert_eq(count_lines(&x, LINE_TERM), 3); /* query 2 sees keys 0, 1, 2 */
    cr_assert_eq(x.lines[0].kind, LINE_STEP);    /* the largest score of the row, which can be jumped to */
    size_t masked = help_stage(p, "decoder.0.self.masked");
    cr_assert_eq(x.lines[0].in[0].cell.stage, masked);
    const ExplainLine *share = &x.lines[x.count - 1];
    cr_assert_eq(share->sign, '/');
    cr_assert(share->in[1].value == x.lines[3].running);
    explanation_free(&x);

    x = explain(p, "decoder.0.self.weights", 0, 2, 3);
    cr_assert_eq(count_lines(&x, LINE_NOTE), x.count);
    cr_assert(strstr(x.lines[0].formula, "key C (3) is hidden from query B (2)"), "%s", x.lines[0].formula);
    cr_assert(x.exact == 0 && x.stored == 0);
    explanation_free(&x);

    x = explain(p, "decoder.0.self.masked", 0, 2, 3);
    cr_assert(x.exact == -INFINITY && x.stored == -INFINITY);
    explanation_free(&x);
    pass_free(p);
    model_free(m);
}

Test(explain, grouped_heads_read_the_shared_key_head)
{
    Model *m = help_model(help_configs[1]); /* 4 heads, 2 key/value heads */
    Pass *p = help_pass(m, 0);
    for (size_t head = 0; head < 4; head++) {
        Explanation x = explain(p, "decoder.0.self.scores", head, 3, 1);
        const ExplainLine *last = &x.lines[x.count - 1];
        cr_assert_eq(last->in[0].cell.index[0], head);
        cr_assert_eq(last->in[1].cell.index[0], head / 2);
        cr_assert_eq(last->in[0].cell.stage, help_stage(p, "decoder.0.self.q_rot"));
        explanation_free(&x);
        x = explain(p, "decoder.0.self.heads", head, 3, 1);
        last = &x.lines[x.count - 1];
        cr_assert_eq(last->in[1].cell.index[0], head / 2);
        cr_assert_eq(last->in[1].cell.stage, help_stage(p, "decoder.0.self.v"));
        explanation_free(&x);
    }
    pass_free(p);
    model_free(m);
}

Test(explain, uniform_attention_says_how_many_share)
{
    Model *m = help_model(help_configs[0]);
    Pass *p = help_pass(m, UNIFORM_ATTENTION);
    Explanation x = explain(p, "decoder.0.self.weights", 1, 3, 2);
    cr_assert_str_eq(x.lines[0].formula, "uniform-attention: every one of 4 visible keys gets 1/4, whatever its score");
    cr_assert_eq(x.exact, 0.25);
    explanation_free(&x);
    pass_free(p);
    model_free(m);
}

/* Press et al. 2022: the slopes of 2 heads, then every other one of 4 heads' for the rest. */
Test(explain, alibi_has_a_slope_for_each_head)
{
    static const double slopes[] = {1.0 / 16, 1.0 / 256, 1.0 / 4};
    Model *m = help_model(help_configs[3]);
    Pass *p = help_pass(m, 0);
    for (size_t head = 0; head < 3; head++) {
        Explanation x = explain(p, "decoder.0.self.biased", head, 4, 1);
        cr_assert_eq(x.lines[0].result, slopes[head]);
        cr_assert_eq(x.lines[1].result, 3);
        cr_assert_eq(x.lines[2].result, 3 * slopes[head]);
        explanation_free(&x);
    }
    pass_free(p);
    model_free(m);
}

Test(explain, a_linear_stage_ends_in_its_bias)
{
    Model *m = help_model(help_configs[0]);
    Pass *p = help_pass(m, 0);
    Explanation x = explain(p, "decoder.0.ffn.expand", 2, 7, 0);
    cr_assert_eq(x.count, 8 + 1);
    const ExplainLine *bias = &x.lines[8];
    cr_assert_str_eq(bias->label, "b_1");
    check_label(p, &bias->in[0], "b_1[unit 7]");
    cr_assert_eq(bias->in[0].row, 7);
    explanation_free(&x);
    pass_free(p);
    model_free(m);
}

static bool has_note(Pass *p, const char *stage, size_t query, size_t last, const char *words)
{
    Explanation x;
    Error e = {{0}};
    bool found = false;
    cr_assert_eq(explain_cell(p, (Cellref){help_stage(p, stage), {0, query, last}}, &x, &e), 0, "%s", e.text);
    for (size_t i = 0; i < x.count; i++)
        found |= x.lines[i].kind == LINE_NOTE && strstr(x.lines[i].formula, words);
    explanation_free(&x);
    return found;
}

/* What is hidden is said as it is: by a window, or because it is padding. */
Test(explain, what_is_hidden_and_why)
{
    static const int ids[] = {1, 2, 3, 0, 0};
    Model *m = help_model("kind=decoder,d_model=8,n_heads=2,decoder_layers=1,vocab_size=11,position=rope,window=2");
    Pass *p = pass_create(m, (PassInput){NULL, ids, 0, 5}, 0, NULL);
    cr_expect(has_note(p, "decoder.0.self.heads", 3, 0, "keys before position 2 lie outside its window of 2"));
    cr_expect(has_note(p, "decoder.0.self.heads", 3, 0, "keys after position 3 are hidden"));
    cr_expect(!has_note(p, "decoder.0.self.heads", 1, 0, "window"));
    pass_free(p);
    model_free(m);
    m = help_model("kind=encoder,d_model=8,n_heads=2,encoder_layers=1,vocab_size=11,position=rope,pad=0");
    p = pass_create(m, (PassInput){ids, NULL, 5, 0}, 0, NULL);
    cr_expect(has_note(p, "encoder.0.self.masked", 1, 0, "nothing but padding is hidden here"));
    pass_free(p);
    p = pass_create(m, (PassInput){ids, NULL, 3, 0}, 0, NULL);
    cr_expect(has_note(p, "encoder.0.self.masked", 1, 0, "every query may see every key"));
    pass_free(p);
    model_free(m);
}

/* Names longer than their field end between characters. */
Test(explain, long_names_are_cut_between_characters)
{
    const char *text = "aé你😀b你你é";
    char out[32];
    for (size_t size = 1; size <= sizeof out; size++) {
        size_t n;
        lines_short(out, size, text);
        n = strlen(out);
        cr_assert(n < size && strncmp(out, text, n) == 0 && text_is_valid(out, n), "%zu bytes: \"%s\"", size, out);
        cr_assert(n == strlen(text) || n + 4 >= size, "%zu bytes: only \"%s\"", size, out);
    }
}

Test(explain, a_place_outside_is_an_error)
{
    Model *m = help_model(help_configs[0]);
    Pass *p = help_pass(m, 0);
    Explanation x;
    Error e = {{0}};
    size_t scores = help_stage(p, "decoder.0.self.scores");
    cr_assert_eq(explain_cell(p, (Cellref){scores, {0, 0, 5}}, &x, &e), -1);
    cr_assert_str_eq(e.text, "decoder.0.self.scores: key: expected an index from 0 to 4, found 5");
    cr_assert_eq(explain_cell(p, (Cellref){scores, {2, 0, 0}}, &x, &e), -1);
    cr_assert_str_eq(e.text, "decoder.0.self.scores: head: expected an index from 0 to 1, found 2");
    cr_assert_eq(explain_cell(p, (Cellref){pass_plan(p)->count, {0, 0, 0}}, &x, &e), -1);
    cr_assert(strstr(e.text, "stage: expected a number from 0 to"), "%s", e.text);
    cr_assert_eq(x.count, 0);
    pass_free(p);
    model_free(m);
}
