/* test_explain_gradient.c - the arithmetic of one cell's gradient: recomputed for every cell of every kind of stage of many models, and
 * every entry of their weights. */
#include "measure/explain_gradient.h"

#include "base/text.h"
#include "gradient_help.h"
#include "pass/edit.h"

#include <math.h>
#include <string.h>

/* ---- every cell of every stage ---- */

/* Where an operand says it comes from, there its value is. */
static void check_operand(Pass *p, const Explanation *x, const Operand *o)
{
    const Plan *plan = pass_plan(p);
    Buffer name = {0};
    operand_label(p, o, &name);
    cr_assert(o->kind == OPERAND_NONE ? name.len == 0 : name.len > 0 && text_is_valid(buffer_text(&name), name.len));
    cr_assert_neq(o->kind, OPERAND_WEIGHT_GRADIENT, "a weight's gradient is no term of another gradient");
    cr_assert_eq(o->kind == OPERAND_GRADIENT, strncmp(buffer_text(&name), "d ", 2) == 0, "%s", buffer_text(&name));
    buffer_free(&name);
    if (o->kind == OPERAND_STAGE || o->kind == OPERAND_GRADIENT) {
        const Stage *s = &plan->stages[o->cell.stage];
        for (int i = 0; i < STAGE_MAX_RANK; i++)
            cr_assert(i < s->rank ? o->cell.index[i] < s->shape[i] : o->cell.index[i] == 0, "operand outside its stage");
        bool gradient = o->kind == OPERAND_GRADIENT;
        cr_assert(!gradient || x->subject.kind == OPERAND_WEIGHT_GRADIENT || o->cell.stage > x->cell.stage,
                  "a gradient comes from what was computed later");
        const real *values = gradient ? pass_gradient(p, o->cell.stage) : pass_value(p, o->cell.stage);
        double stored = (double)values[cell_offset(s, o->cell.index)];
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
    double a = l->in[0].value, b = l->in[1].value;
    if (l->in[1].kind == OPERAND_NONE) {
        cr_assert_eq(l->sign, 0);
        return;
    }
    double expected = l->sign == '*' ? a * b : l->sign == '+' ? a + b : l->sign == '-' ? a - b : l->sign == '/' ? a / b : NAN;
    cr_assert(fabs(l->result - expected) <= 4 * DBL_EPSILON * (fabs(a) + fabs(b) + fabs(expected)), "%s: %.17g %c %.17g is not %.17g",
              l->label, a, l->sign, b, l->result);
}

/* Checks the lines, and returns the size of the terms: all gradients in them, and those that are only in their sums, times the largest factor
 * beside them. */
static double check_lines(Pass *p, const Explanation *x, double gradients)
{
    double running = 0, factor = 1;
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
            const Operand *o = &l->in[k];
            check_operand(p, x, o);
            if (o->kind == OPERAND_GRADIENT)
                gradients += fabs(o->value);
            else if (o->kind != OPERAND_NONE && isfinite(o->value))
                factor = fmax(factor, l->sign == '/' && k == 1 ? 1 / fabs(o->value) : fabs(o->value));
        }
        if (l->kind == LINE_TERM) {
            running += l->result;
            cr_assert(l->running == running, "%s: running sum %.17g, expected %.17g", l->label, l->running, running);
        }
        last = l;
    }
    if (last) {
        double expected = last->kind == LINE_TERM ? last->running : last->result;
        cr_assert(x->exact == expected, "exact %.17g, the lines end at %.17g", x->exact, expected);
    } else {
        cr_assert(x->exact == 0, "words alone explain only 0, not %g", x->exact);
    }
    return factor * gradients;
}

/* The logits' gradient has no other gradient in it: its numbers are probabilities over the counted positions. A norm's has in two means
 * those of its whole row. */
static double extra_size(Pass *p, const Explanation *x)
{
    const Plan *plan = pass_plan(p);
    double size = 0;
    if (x->subject.kind != OPERAND_GRADIENT)
        return 0;
    if (plan->stages[x->cell.stage].kind == STAGE_LOGITS)
        return 0.5;
    for (size_t i = x->cell.stage + 1; i < plan->count; i++) {
        const Stage *s = &plan->stages[i];
        if (!stage_is_norm(s->kind) || s->in[0] != (int)x->cell.stage)
            continue;
        size_t last = (size_t)s->rank - 1, row = cell_offset(s, x->cell.index) - x->cell.index[last];
        for (size_t j = 0; j < s->shape[last]; j++)
            size += fabs((double)pass_gradient(p, i)[row + j]);
    }
    return size;
}

static void check_cell(Pass *p, size_t i, size_t at, double *largest_error)
{
    const Stage *s = &pass_plan(p)->stages[i];
    char name[STAGE_NAME_MAX];
    Cellref cell = {.stage = i};
    Explanation x;
    Error e = {{0}};
    for (size_t rest = at, k = (size_t)s->rank; k-- > 0; rest /= s->shape[k])
        cell.index[k] = rest % s->shape[k];
    cr_assert_eq(explain_gradient(p, cell, &x, &e), 0, "%s", e.text);
    cr_assert(x.subject.kind == OPERAND_GRADIENT && x.subject.cell.stage == i && x.subject.value == x.stored);
    double stored = (double)pass_gradient(p, i)[at];
    cr_assert(x.stored == stored);
    double size = check_lines(p, &x, extra_size(p, &x)), error = fabs(x.exact - stored);
    cr_assert(error <= 8 * REAL_EPSILON * size, "%s[%zu]: exact %.9g, stored %.9g, of numbers up to %.3g", stage_name(s, name), at, x.exact,
              stored, size);
    *largest_error = fmax(*largest_error, size > 0 ? error / size : 0);
    explanation_free(&x);
}

static size_t check_stages(const Model *m, const char *ablations, double *largest_error)
{
    Pass *p = help_backward(m, help_ablation(ablations));
    const Plan *plan = pass_plan(p);
    size_t cells = 0;
    for (size_t i = 0; i < plan->count; i++)
        for (size_t at = 0; at < plan->stages[i].count; at++, cells++)
            check_cell(p, i, at, largest_error);
    pass_free(p);
    return cells;
}

Test(explain_gradient, every_cell_is_what_its_lines_say)
{
    bool seen[STAGE_KIND_COUNT] = {false};
    size_t cells = 0;
    double largest_error = 0;
    for (int i = 0; i < GRADIENT_CONFIGS; i++) {
        Model *m = help_model(gradient_config(i));
        Pass *p = help_pass(m, 0);
        for (size_t k = 0; k < pass_plan(p)->count; k++)
            seen[pass_plan(p)->stages[k].kind] = true;
        pass_free(p);
        for (int k = 0; k < HELP_ABLATIONS; k++)
            cells += check_stages(m, help_ablations[k], &largest_error);
        model_free(m);
    }
    for (int k = 0; k < STAGE_KIND_COUNT; k++)
        cr_assert(seen[k], "%s: no config of tests/unit/measure_help.h has this stage: add one", stage_table[k].id);
    cr_assert_gt(cells, 100000);
    cr_assert_gt(largest_error, 0, "nothing was compared");
}

/* ---- every entry of every weight ---- */

static void check_entry(Pass *p, size_t weight, size_t row, size_t col)
{
    const Weight *w = &pass_model(p)->weights.items[weight];
    Explanation x;
    Error e = {{0}};
    cr_assert_eq(explain_weight_gradient(p, weight, row, col, &x, &e), 0, "%s", e.text);
    cr_assert(x.subject.kind == OPERAND_WEIGHT_GRADIENT && x.subject.weight == weight && x.subject.value == x.stored);
    double stored = (double)pass_weight_gradient(p, weight)[w->rank == 2 ? row * w->shape[1] + col : row];
    cr_assert(x.stored == stored);
    double size = check_lines(p, &x, 0), error = fabs(x.exact - stored);
    cr_assert(error <= 8 * REAL_EPSILON * size, "%s[%zu,%zu]: exact %.9g, stored %.9g, of numbers up to %.3g", w->name, row, col, x.exact,
              stored, size);
    explanation_free(&x);
}

Test(explain_gradient, every_weight_is_what_its_lines_say)
{
    for (int i = 0; i < GRADIENT_CONFIGS; i++) {
        Model *m = help_model(gradient_config(i));
        for (int k = 0; k < HELP_ABLATIONS; k++) {
            Pass *p = help_backward(m, help_ablation(help_ablations[k]));
            for (size_t w = 0; w < m->weights.count; w++) {
                const Weight *weight = &m->weights.items[w];
                for (size_t at = 0; at < weight->count; at++)
                    check_entry(p, w, weight->rank == 2 ? at / weight->shape[1] : at, weight->rank == 2 ? at % weight->shape[1] : 0);
            }
            pass_free(p);
        }
        model_free(m);
    }
}

/* ---- what the lines of some cells are ---- */

static Explanation explain(Pass *p, const char *stage, size_t i0, size_t i1, size_t i2)
{
    Explanation x;
    Error e = {{0}};
    Cellref cell = {help_stage(p, stage), {i0, i1, i2}};
    cr_assert_eq(explain_gradient(p, cell, &x, &e), 0, "%s", e.text);
    return x;
}

static size_t count_lines(const Explanation *x, LineKind kind)
{
    size_t n = 0;
    for (size_t i = 0; i < x->count; i++)
        n += x->lines[i].kind == kind;
    return n;
}

static void check_label(Pass *p, const Operand *o, const char *expected)
{
    Buffer b = {0};
    operand_label(p, o, &b);
    cr_assert_str_eq(buffer_text(&b), expected);
    buffer_free(&b);
}

/* The formula, and whether a note has these words. */
static void check_words(const Explanation *x, const char *formula, const char *note)
{
    bool found = !note;
    cr_assert_str_eq(x->formula, formula);
    for (size_t i = 0; i < x->count; i++)
        found |= x->lines[i].kind == LINE_NOTE && strstr(x->lines[i].formula, note);
    cr_assert(found, "no note says \"%s\"", note);
}

Test(explain_gradient, names_and_formulas)
{
    Model *m = help_model(help_configs[0]); /* pre-norm, sinusoidal, tied */
    Pass *p = help_backward(m, 0);
    Explanation x = explain(p, "decoder.0.self.q", 1, 2, 3);
    check_words(&x, "d scores · k", NULL);
    cr_assert_eq(count_lines(&x, LINE_TERM), HELP_TARGET);
    check_label(p, &x.lines[4].in[0], "d scores[head 1, query #9, key #5]");
    check_label(p, &x.lines[4].in[1], "k[key/value head 1, key #5, dim 3]");
    check_label(p, &x.subject, "d q[head 1, query #9, dim 3]");
    explanation_free(&x);

    x = explain(p, "decoder.0.self.norm", 2, 3, 0);
    check_words(&x, "Σ d(q, k, v) · Wᵀ", "decoder.0.self.k reads it: d k · W_Kᵀ");
    cr_assert_eq(count_lines(&x, LINE_TERM), 3 * 8);
    cr_assert_eq(count_lines(&x, LINE_NOTE), 3);
    cr_assert_str_eq(x.lines[1].label, "q[0,0]");
    check_label(p, &x.lines[8].in[0], "d q[head 1, query #9, dim 3]");
    check_label(p, &x.lines[8].in[1], "W_Q[dim 3, 7]");
    explanation_free(&x);

    x = explain(p, "decoder.embed.sum", 2, 3, 0);
    check_words(&x, "d residual + (g − mean(g) − n · mean(g·n)) / std, g = d norm · gain", "decoder.0.self.residual reads it: d residual");
    cr_assert_eq(count_lines(&x, LINE_TERM), 2); /* by the skip, and through the norm */
    cr_assert_eq(x.lines[x.count - 1].kind, LINE_TERM);
    explanation_free(&x);

    x = explain(p, "decoder.embed.positions", 2, 3, 0);
    check_words(&x, "0", "the sinusoidal table is a constant");
    explanation_free(&x);
    x = explain(p, "output.probs", 2, 3, 0);
    check_words(&x, "0", "the loss reads the logits");
    explanation_free(&x);

    x = explain(p, "decoder.0.self.weights", 1, 2, 4); /* hidden, and yet it has a gradient */
    check_words(&x, "d heads · vᵀ", "this key is hidden");
    cr_assert_neq(x.stored, 0);
    explanation_free(&x);
    x = explain(p, "decoder.0.self.masked", 1, 2, 4);
    check_words(&x, "weights · (d weights − Σ d weights · weights)", "its weight is 0 whatever else changes");
    cr_assert(x.exact == 0 && x.stored == 0);
    explanation_free(&x);
    pass_free(p);
    model_free(m);
}

/* (p - 1 at the target) / counted: targets are 1, none, 7, 10, 2. */
Test(explain_gradient, logits_begin_with_the_loss)
{
    Model *m = help_model(help_configs[0]);
    Pass *p = help_backward(m, 0);
    Explanation x = explain(p, "output.logits", 2, 7, 0);
    double probability = (double)pass_value(p, help_stage(p, "output.probs"))[2 * 11 + 7];
    check_words(&x, "(probability − 1) / 4", "#7 is the target of position 2");
    cr_assert_eq(x.exact, (probability - 1) / 4);
    explanation_free(&x);
    x = explain(p, "output.logits", 2, 8, 0);
    check_words(&x, "probability / 4", "#7, another token, is the target of position 2");
    cr_assert_gt(x.exact, 0);
    explanation_free(&x);
    x = explain(p, "output.logits", 1, 7, 0);
    check_words(&x, "0", "position 1 is not counted");
    cr_assert_eq(x.stored, 0);
    explanation_free(&x);
    pass_free(p);
    model_free(m);
}

Test(explain_gradient, a_shared_key_head_hears_from_its_group)
{
    Model *m = help_model(help_configs[1]); /* 4 heads, 2 key/value heads, RoPE */
    Pass *p = help_backward(m, 0);
    Explanation x = explain(p, "decoder.0.self.k_rot", 1, 2, 0);
    check_words(&x, "d scoresᵀ · q_rot", "2 heads share this one: 2 to 3");
    cr_assert_eq(count_lines(&x, LINE_TERM), 2 * HELP_TARGET);
    const ExplainLine *last = &x.lines[x.count - 1];
    cr_assert_eq(last->in[0].cell.index[0], 3);
    cr_assert_eq(last->in[0].cell.index[1], 4);
    cr_assert_eq(last->in[0].cell.index[2], 2);
    cr_assert_str_eq(last->label, "3: #5");
    explanation_free(&x);
    pass_free(p);
    model_free(m);
}

/* The end of an encoder is read by the keys and values of every decoder layer. */
Test(explain_gradient, the_encoder_hears_from_every_layer)
{
    Model *m = help_model(gradient_configs[1]);
    Pass *p = help_backward(m, 0);
    Explanation x = explain(p, "encoder.final_norm", 2, 3, 0);
    check_words(&x, "Σ d(k, v) · Wᵀ of 2 layers", "decoder.1.cross.v reads it");
    cr_assert_eq(count_lines(&x, LINE_NOTE), 4);
    cr_assert_eq(count_lines(&x, LINE_TERM), 4 * 4); /* one key/value head of 4 dimensions */
    explanation_free(&x);
    pass_free(p);
    p = help_backward(m, NO_ATTENTION);
    x = explain(p, "encoder.final_norm", 2, 3, 0);
    check_words(&x, "0", "no stage reads it");
    explanation_free(&x);
    pass_free(p);
    model_free(m);
}

Test(explain_gradient, ablations_say_what_they_cut)
{
    Model *m = help_model(help_configs[0]);
    Pass *p = help_backward(m, UNIFORM_ATTENTION | NO_RESIDUAL);
    Explanation x = explain(p, "decoder.0.self.masked", 1, 3, 2);
    check_words(&x, "0", "uniform-attention: the weights do not depend on the scores");
    explanation_free(&x);
    x = explain(p, "decoder.embed.sum", 2, 3, 0);
    check_words(&x, "(g − mean(g) − n · mean(g·n)) / std, g = d norm · gain", "no-residual: what went in was not added");
    explanation_free(&x);
    pass_free(p);
    model_free(m);
}

Test(explain_gradient, what_cannot_be_explained_is_an_error)
{
    Model *m = help_model(help_configs[0]);
    Pass *p = help_pass(m, 0);
    Explanation x;
    Error e = {{0}};
    size_t scores = help_stage(p, "decoder.0.self.scores");
    cr_assert_eq(explain_gradient(p, (Cellref){scores, {0, 0, 0}}, &x, &e), -1);
    cr_assert(strstr(e.text, "gradient: expected a pass that went backwards"), "%s", e.text);
    cr_assert_eq(explain_weight_gradient(p, 0, 0, 0, &x, &e), -1);
    cr_assert(strstr(e.text, "gradient: expected a pass that went backwards"), "%s", e.text);
    pass_free(p);
    p = help_backward(m, 0);
    cr_assert_eq(explain_gradient(p, (Cellref){scores, {0, 0, 5}}, &x, &e), -1);
    cr_assert_str_eq(e.text, "decoder.0.self.scores: key: expected an index from 0 to 4, found 5");
    cr_assert_eq(explain_weight_gradient(p, 0, 0, 8, &x, &e), -1);
    cr_assert_str_eq(e.text, "decoder.embed.W_E: column: expected an index from 0 to 7, found 8");
    cr_assert_eq(explain_weight_gradient(p, 0, 11, 0, &x, &e), -1);
    cr_assert_str_eq(e.text, "decoder.embed.W_E: row: expected an index from 0 to 10, found 11");
    cr_assert_eq(x.count, 0);
    pass_free(p);
    model_free(m);
}

/* ---- in a pass with edits ---- */

/* Every cell's value and gradient agree with their lines; counts the values that an edit changed. */
static size_t check_edited(const char *config, const char *const *edits)
{
    Model *m = help_model(config);
    Pass *p = help_pass(m, 0);
    Edits list = {0};
    Error e = {{0}};
    size_t n, changed = 0;
    double loss;
    for (; *edits; edits++)
        cr_assert_eq(edits_add(&list, *edits, &e), 0);
    cr_assert_eq(pass_set_edits(p, &list, &e), 0, "%s", e.text);
    const int *targets = help_targets(p, &n);
    cr_assert_eq(pass_backward(p, targets, n, &loss, &e), 0, "%s", e.text);
    for (size_t i = 0; i < pass_plan(p)->count; i++) {
        const Stage *s = &pass_plan(p)->stages[i];
        for (size_t at = 0; at < s->count; at++) {
            char name[STAGE_NAME_MAX];
            Cellref cell = {.stage = i};
            Explanation x;
            for (size_t rest = at, k = (size_t)s->rank; k-- > 0; rest /= s->shape[k])
                cell.index[k] = rest % s->shape[k];
            cr_assert_eq(explain_cell(p, cell, &x, &e), 0, "%s", e.text);
            double own = (double)pass_unedited(p, i)[at];
            cr_assert(x.computed == own || (isnan(own) && isnan(x.computed)));
            changed += x.stored != x.computed && !isnan(x.stored);
            cr_expect(explanation_agrees(&x), "%s[%zu]: exact %.9g, computed %.9g", stage_name(s, name), at, x.exact, x.computed);
            explanation_free(&x);
            cr_assert_eq(explain_gradient(p, cell, &x, &e), 0, "%s", e.text);
            cr_expect(explanation_agrees(&x), "d %s[%zu]: exact %.9g, stored %.9g", stage_name(s, name), at, x.exact, x.stored);
            explanation_free(&x);
        }
    }
    edits_free(&list);
    pass_free(p);
    model_free(m);
    return changed;
}

Test(explain_gradient, edited_cells_are_told_from_wrong_ones)
{
    static const char decoder[] = "kind=decoder,d_model=8,n_heads=2,d_ff=10,decoder_layers=2,vocab_size=11,position=alibi,activation=gelu";
    static const char *const set[] = {"decoder.0.self.weights[head=0,query=2]=0.5", "decoder.1.ffn.activate[token=1]*=2", NULL};
    static const char *const unmasked[] = {"decoder.0.self.masked[query=1..2]=unmasked",
                                           "decoder.1.self.masked[head=1,query=0,key=3]=unmasked", NULL};
    static const char *const both_ways[] = {"decoder.0.self.masked[query=4]=mean", "decoder.0.self.masked[query=4,key=0]=unmasked", NULL};
    static const char *const probs[] = {"output.probs[token=2]=zero", NULL};
    static const char *const nan[] = {"decoder.0.self.weights[head=0,query=2,key=1]=nan", NULL};
    cr_expect_gt(check_edited(decoder, set), 0);
    cr_expect_gt(check_edited(decoder, unmasked), 0);
    cr_expect_gt(check_edited(decoder, both_ways), 0);
    cr_expect_gt(check_edited(decoder, probs), 0);
    check_edited(decoder, nan); /* what is made of NaN is NaN: nothing there is wrong */
}

/* A LayerNorm over one number: its gradient is 0, and what rounding leaves of that is divided by √eps. */
Test(explain_gradient, rounding_is_divided_too)
{
    static const char *const none[] = {NULL};
    check_edited("kind=encoder,d_model=1,n_heads=1,d_ff=8,encoder_layers=1,vocab_size=11,position=none,activation=relu,output_head=true,"
                 "tie_embeddings=false,norm_eps=1e-6",
                 none);
}
