/* expression_functions.c - the tables of functions and names, and the functions that are a loop over numbers.
 *
 * To add a function: its row here; one of one array needs only its loop, others a Form and its case in expression_call.c. The help, the
 * manual page and completion follow. */
#include "measure/expression_internal.h"

#include "base/text.h"

#include <math.h>
#include <string.h>

/* ---- over n numbers; -inf, a masked score, is left out where it is said ---- */

static bool is_masked(double x)
{
    return isinf(x) && x < 0;
}

/* Of numbers that are probabilities; NaN of others. 0 log 0 is 0. */
static double over_entropy(const double *p, size_t n)
{
    double sum = 0, h = 0;
    for (size_t i = 0; i < n; i++) {
        if (!(p[i] >= 0))
            return NAN;
        sum += p[i];
        h -= p[i] > 0 ? p[i] * log(p[i]) : 0;
    }
    return fabs(sum - 1) <= 1e-3 ? h : NAN;
}

static size_t counted(const double *x, size_t n)
{
    size_t k = 0;
    for (size_t i = 0; i < n; i++)
        k += !is_masked(x[i]);
    return k;
}

static double over_sum(const double *x, size_t n)
{
    double s = 0;
    for (size_t i = 0; i < n; i++)
        s += is_masked(x[i]) ? 0 : x[i];
    return s;
}

static double over_mean(const double *x, size_t n)
{
    size_t k = counted(x, n);
    return k ? over_sum(x, n) / (double)k : NAN;
}

static double over_var(const double *x, size_t n)
{
    double mean = over_mean(x, n), s = 0;
    for (size_t i = 0; i < n; i++)
        s += is_masked(x[i]) ? 0 : (x[i] - mean) * (x[i] - mean);
    size_t k = counted(x, n);
    return k ? s / (double)k : NAN;
}

static double over_norm(const double *x, size_t n)
{
    double s = 0;
    for (size_t i = 0; i < n; i++)
        s += is_masked(x[i]) ? 0 : x[i] * x[i];
    return sqrt(s);
}

/* The largest (sign 1) or smallest (-1); NaN where there is a NaN, or nothing but -inf. */
static double extreme(const double *x, size_t n, int sign)
{
    double best = NAN;
    for (size_t i = 0; i < n; i++) {
        if (isnan(x[i]))
            return NAN;
        if (!is_masked(x[i]) && (isnan(best) || sign * x[i] > sign * best))
            best = x[i];
    }
    return best;
}

static double over_max(const double *x, size_t n)
{
    return extreme(x, n, 1);
}

static double over_min(const double *x, size_t n)
{
    return extreme(x, n, -1);
}

static double over_argmax(const double *x, size_t n)
{
    size_t best = 0;
    for (size_t i = 0; i < n; i++)
        if (x[i] > x[best] || (isnan(x[best]) && !isnan(x[i])))
            best = i;
    return (double)best;
}

static double over_sparsity(const double *x, size_t n)
{
    size_t zeros = 0;
    for (size_t i = 0; i < n; i++)
        zeros += x[i] == 0;
    return (double)zeros / (double)n;
}

static double over_nan(const double *x, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (isnan(x[i]))
            return 1;
    return 0;
}

static double over_any(const double *x, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (x[i] != 0)
            return 1;
    return 0;
}

static double over_all(const double *x, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (x[i] == 0)
            return 0;
    return 1;
}

double over_count(const double *x, size_t n)
{
    size_t held = 0;
    for (size_t i = 0; i < n; i++)
        held += x[i] != 0;
    return (double)held;
}

/* ---- the tables ---- */

const Function function_table[] = {
    {"entropy", "X [, AXIS]", N_("-sum of p log p along the last axis, in nats; nan where they are no probabilities"), FORM_LAST,
     RESULT_NUMBER, NULL, over_entropy},
    {"mean", "X [, AXIS...]", N_("the mean of all numbers, or along the axes named; -inf (masked) is left out"), FORM_ALL, RESULT_NUMBER,
     NULL, over_mean},
    {"var", "X [, AXIS...]", N_("their variance, divided by their count; -inf is left out"), FORM_ALL, RESULT_NUMBER, NULL, over_var},
    {"sum", "X [, AXIS...]", N_("their sum; -inf is left out"), FORM_ALL, RESULT_SAME, NULL, over_sum},
    {"max", "X [, AXIS...]", N_("the largest"), FORM_ALL, RESULT_SAME, NULL, over_max},
    {"min", "X [, AXIS...]", N_("the smallest; -inf is left out"), FORM_ALL, RESULT_SAME, NULL, over_min},
    {"norm", "X [, AXIS...]", N_("the Euclidean norm; -inf is left out"), FORM_ALL, RESULT_NUMBER, NULL, over_norm},
    {"argmax", "X [, AXIS]", N_("the index of the largest along the last axis, with its name; == compares the name"), FORM_LAST,
     RESULT_INDEX, NULL, over_argmax},
    {"cosine", "X [, Y]", N_("the cosine of two vectors, or row by row; of one matrix the mean over all pairs of rows"), FORM_COSINE,
     RESULT_NUMBER, NULL, NULL},
    {"rank", "X", N_("the numerical rank: singular values above max(rows, columns) * epsilon * the largest"), FORM_RANK, RESULT_COUNT, NULL,
     NULL},
    {"sparsity", "X [, AXIS...]", N_("the share of numbers that are exactly 0, masked weights among them"), FORM_ALL, RESULT_NUMBER, NULL,
     over_sparsity},
    {"count", "X [, AXIS...]", N_("how many hold; of numbers, how many there are"), FORM_ALL, RESULT_COUNT, NULL, over_count},
    {"any", "X [, AXIS...]", N_("whether one holds (is not 0)"), FORM_ALL, RESULT_TRUTH, NULL, over_any},
    {"all", "X [, AXIS...]", N_("whether all hold (are not 0)"), FORM_ALL, RESULT_TRUTH, NULL, over_all},
    {"nan", "X [, AXIS...]", N_("whether one is no number (nan)"), FORM_ALL, RESULT_TRUTH, NULL, over_nan},
    {"sqrt", "X", N_("the square root, number by number"), FORM_EACH, RESULT_NUMBER, sqrt, NULL},
    {"exp", "X", N_("e to the power of X"), FORM_EACH, RESULT_NUMBER, exp, NULL},
    {"log", "X", N_("the natural logarithm"), FORM_EACH, RESULT_NUMBER, log, NULL},
    {"log2", "X", N_("the logarithm to the base 2"), FORM_EACH, RESULT_NUMBER, log2, NULL},
    {"log10", "X", N_("the logarithm to the base 10"), FORM_EACH, RESULT_NUMBER, log10, NULL},
    {"abs", "X", N_("without its sign"), FORM_EACH, RESULT_SAME, fabs, NULL},
    {"floor", "X", N_("rounded down"), FORM_EACH, RESULT_COUNT, floor, NULL},
    {"ceil", "X", N_("rounded up"), FORM_EACH, RESULT_COUNT, ceil, NULL},
    {"round", "X", N_("rounded to the nearest, halves away from 0"), FORM_EACH, RESULT_COUNT, round, NULL},
    {"shape", "X", N_("how many there are along each axis"), FORM_SHAPE, RESULT_COUNT, NULL, NULL},
    {"parameters", "[STAGES]", N_("numbers in the weights that a stage, or all whose names begin so, reads; each weight once"), FORM_COST,
     RESULT_COUNT, NULL, NULL},
    {"multiplications", "[STAGES]", N_("their multiplications in this pass; biases are additions"), FORM_COST, RESULT_COUNT, NULL, NULL},
    {"bytes", "[STAGES]", N_("the memory that their values take"), FORM_COST, RESULT_COUNT, NULL, NULL},
    {"probability", "TOKEN [, POSITION]", N_("of a token (an id, or a text in quotes) in the output; at the last position"), FORM_TOKEN,
     RESULT_NUMBER, NULL, NULL},
    {"logit", "TOKEN [, POSITION]", N_("the same before the softmax"), FORM_TOKEN, RESULT_NUMBER, NULL, NULL},
    {"grad", "ADDRESS", N_("d(loss)/d(these numbers of a stage or a weight)"), FORM_GRAD, RESULT_NUMBER, NULL, NULL},
    {"baseline", "EXPR", N_("the same in the pass without the changes"), FORM_BASELINE, RESULT_NUMBER, NULL, NULL},
    {"lab", "NAME [, KEY=VALUE...]", N_("a result of an experiment: [row=..., column=...] behind it says which"), FORM_LAB, RESULT_NUMBER,
     NULL, NULL},
    {NULL, NULL, NULL, FORM_EACH, RESULT_NUMBER, NULL, NULL},
};

const Constant constant_table[] = {
    {"here", CONSTANT_HERE, N_("the stage where one stands; on the way back its gradient")},
    {"value", CONSTANT_VALUE, N_("the stage where one stands, always its value")},
    {"loss", CONSTANT_LOSS, N_("the mean cross-entropy of the output, in nats")},
    {"score", CONSTANT_SCORE, N_("a trained model's score on held-out examples of its task")},
    {"n", CONSTANT_N, N_("how many tokens the last stack is fed")},
    {"n_source", CONSTANT_N_SOURCE, N_("how many tokens the encoder is fed")},
    {"pi", CONSTANT_PI, N_("3.14159...")},
    {"π", CONSTANT_PI, NULL},
    {"inf", CONSTANT_INF, N_("infinity; a masked score is -inf")},
    {"∞", CONSTANT_INF, NULL},
    {"true", CONSTANT_TRUE, N_("what holds")},
    {"false", CONSTANT_FALSE, N_("what does not")},
    {NULL, CONSTANT_PI, NULL},
};

bool name_is(const char *name, const char *s, size_t n)
{
    return strlen(name) == n && memcmp(name, s, n) == 0;
}

const Function *function_find(const char *name, size_t n)
{
    for (const Function *f = function_table; f->name; f++)
        if (name_is(f->name, name, n))
            return f;
    return NULL;
}

const Constant *constant_find(const char *name, size_t n)
{
    for (const Constant *c = constant_table; c->name; c++)
        if (name_is(c->name, name, n))
            return c;
    return NULL;
}

ExpressionWord expression_word(size_t i)
{
    size_t functions = sizeof function_table / sizeof *function_table - 1;
    if (i < functions)
        return (ExpressionWord){function_table[i].name, function_table[i].arguments, function_table[i].what};
    i -= functions;
    for (const Constant *c = constant_table; c->name; c++)
        if (c->what && i-- == 0)
            return (ExpressionWord){c->name, "", c->what};
    if (i == 0)
        return (ExpressionWord){"d_model", "", N_("and d_head, n_heads, ...: the keys of the model's config")};
    return (ExpressionWord){NULL, NULL, NULL};
}
