/* fill.c - chooses what of a cell's arithmetic the learner does, and how near is near enough. */
#include "lesson/fill.h"

#include "base/random.h"
#include "base/text.h"
#include "lesson/fill_slips.h"
#include "measure/explain_gradient.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { TERMS_ALL = 6, TERMS_ASKED = 3, STEPS_ASKED = 4, TRIES = 200 };

/* Smaller numbers are not for pencil and paper; gradients are small by nature, and shown with an exponent. */
static const double LEAST_VALUE = 0.01, LEAST_GRADIENT = 1e-7;

/* ---- what is asked ---- */

static bool is_same_cell(Cellref a, Cellref b, int rank)
{
    return memcmp(a.index, b.index, (size_t)rank * sizeof *a.index) == 0;
}

/* All terms of a short sum; of a long one the last (a bias, where there is one), the largest, and that of the cell's own column. */
static void choose_terms(Fill *f, Pass *p)
{
    const Explanation *x = &f->terms;
    const Stage *s = &pass_plan(p)->stages[x->cell.stage];
    size_t terms = 0, last = 0;
    for (size_t i = 0; i < x->count; i++)
        if (x->lines[i].kind == LINE_TERM) {
            terms++;
            last = i;
        }
    for (size_t i = 0; i < x->count; i++) {
        const ExplainLine *l = &x->lines[i];
        bool own = (s->kind == STAGE_WEIGHTS || s->kind == STAGE_PROBS) && l->in[0].kind == OPERAND_STAGE &&
                   is_same_cell(l->in[0].cell, x->cell, s->rank);
        f->asked[i] = l->kind == LINE_TERM && (terms <= TERMS_ALL || i == last || own);
    }
    for (int k = 0; k < TERMS_ASKED && terms > TERMS_ALL; k++) {
        size_t best = x->count;
        for (size_t i = 0; i < x->count; i++)
            if (x->lines[i].kind == LINE_TERM && !f->asked[i] &&
                (best == x->count || fabs(x->lines[i].result) > fabs(x->lines[best].result)))
                best = i;
        if (best < x->count)
            f->asked[best] = true;
    }
    for (size_t i = 0; i < x->count; i++)
        if (x->lines[i].kind == LINE_TERM && !f->asked[i]) {
            f->done_terms++;
            f->done_sum += x->lines[i].result;
        } else if (x->lines[i].kind == LINE_STEP && terms && i > last) {
            f->asked[i] = true;
        }
    size_t steps = 0; /* without a sum: the last steps of the way */
    for (size_t i = x->count; i-- > 0 && !terms && steps < STEPS_ASKED;)
        if (x->lines[i].kind == LINE_STEP) {
            f->asked[i] = true;
            steps++;
        }
}

/* An operand that is what an asked line works out would give its result away. */
bool fill_shows(const Fill *f, size_t line, int k)
{
    const Explanation *x = &f->terms;
    const Operand *o = &x->lines[line].in[k];
    if (o->kind != OPERAND_NUMBER)
        return true;
    for (size_t i = 0; i < x->count; i++) {
        double result = fabs(x->lines[i].result), running = x->lines[i].kind == LINE_TERM ? fabs(x->lines[i].running) : result;
        if (f->asked[i] && i != line && (fabs(o->value) == result || fabs(o->value) == running))
            return false;
    }
    return true;
}

/* ---- how near ---- */

/* Half of the last digit that is shown of a number: four decimals, or four significant digits where those would be lost. */
static double shown_rounding(double v)
{
    return v == 0 ? 0 : fabs(v) < 0.01 ? 0.0005 * pow(10, floor(log10(fabs(v)))) : 0.00005;
}

static double tolerance(const Fill *f)
{
    const Explanation *x = &f->terms;
    double slack = 0.005 * fabs(x->stored) + shown_rounding(f->done_sum);
    for (size_t i = 0; i < x->count; i++) {
        const ExplainLine *l = &x->lines[i];
        double a = fabs(l->in[0].value), b = fabs(l->in[1].value);
        if (f->asked[i] && l->in[1].kind != OPERAND_NONE && l->sign == '*')
            slack += shown_rounding(a) * b + shown_rounding(b) * a;
        else if (f->asked[i] && l->kind == LINE_TERM)
            slack += shown_rounding(a);
    }
    return slack;
}

/* ---- making one ---- */

/* Nothing is computed where the only line is one operand handed on. */
static bool is_copy(const Explanation *x)
{
    size_t working = 0;
    for (size_t i = 0; i < x->count; i++) {
        const ExplainLine *l = &x->lines[i];
        working += l->kind != LINE_NOTE && (l->in[1].kind != OPERAND_NONE || l->in[0].kind == OPERAND_NONE || l->result != l->in[0].value);
    }
    return working == 0;
}

int fill_make(Fill *f, Pass *p, Cellref cell, bool gradient, Error *e)
{
    *f = (Fill){.asked = NULL};
    if ((gradient ? explain_gradient : explain_cell)(p, cell, &f->terms, e) != 0)
        return -1;
    double x = f->terms.stored;
    bool terms = false;
    for (size_t i = 0; i < f->terms.count; i++)
        terms |= f->terms.lines[i].kind == LINE_TERM;
    if (is_copy(&f->terms) && (!terms || f->terms.count < 2)) {
        fill_free(f);
        return error_set(e, _("nothing to compute here: the number is copied"));
    }
    if (fabs(f->terms.exact - x) > 1e-3 * fabs(x)) {
        fill_free(f);
        return error_set(e, _("nothing to compute here: an edit has changed the number"));
    }
    if (!isfinite(x) || fabs(x) < (gradient ? LEAST_GRADIENT : LEAST_VALUE)) {
        fill_free(f);
        return error_set(e, _("nothing to compute by hand here: the number is hidden, 0, or too small"));
    }
    f->asked = calloc(f->terms.count + 1, sizeof *f->asked);
    if (!f->asked) {
        fill_free(f);
        return error_memory(e, "question");
    }
    choose_terms(f, p);
    Question *q = &f->question;
    Buffer name = {0};
    operand_label(p, &f->terms.subject, &name);
    question_init(q, QUESTION_NUMBER, gradient ? "fill-gradient" : "fill");
    question_set_text(q, _("Compute %s."), buffer_text(&name));
    buffer_free(&name);
    question_set_number(q, x, tolerance(f));
    if (q->tolerance > 0.04 * fabs(x)) { /* large terms that cancel: the digits shown do not carry the result */
        fill_free(f);
        return error_set(e, _("nothing to compute by hand here: large terms cancel, and the digits shown would not do"));
    }
    if (!gradient)
        fill_add_slips(q, p, cell, &f->terms);
    question_add_number(q, -x, "sign", _("The right size with the wrong sign."));
    if (f->done_terms) {
        question_add_number(q, x - f->done_sum, "rest-forgotten", _("That leaves out what the other terms add up to."));
        question_add_number(q, f->done_sum, "rest-only", _("That is only what the other terms add up to."));
    }
    question_add_number(q, x * 10, "point", _("The digits are right, the decimal point is not."));
    question_add_number(q, x / 10, "point", _("The digits are right, the decimal point is not."));
    q->place = cell;
    q->cell = true;
    if (!q->failed)
        return 0;
    fill_free(f);
    return error_memory(e, "question");
}

int fill_find(Pass *p, Cellref near, bool gradient, uint64_t seed, Cellref *out, Error *e)
{
    const Stage *s = &pass_plan(p)->stages[near.stage];
    Random r = random_seeded(seed);
    Error first = {{0}}, ignored;
    *out = near;
    for (int i = 0; i < TRIES; i++) {
        Fill f;
        for (int k = 0; k < s->rank && i > 0; k++)
            out->index[k] =
                i < TRIES / 2 && k < s->rank - 1 ? near.index[k] : (size_t)random_below(&r, s->shape[k]); /* the same row, if it has one */
        if (fill_make(&f, p, *out, gradient, i ? &ignored : &first) == 0) {
            fill_free(&f);
            return 0;
        }
    }
    if (e)
        *e = first;
    return -1;
}

void fill_free(Fill *f)
{
    question_free(&f->question);
    explanation_free(&f->terms);
    free(f->asked);
    *f = (Fill){.asked = NULL};
}
