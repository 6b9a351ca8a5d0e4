/* predict_weights.c - questions about what a softmax makes, and what is done with it: weights, heads, concat, out; probs. */
#include "lesson/predict_maker.h"

#include <string.h>

enum { MANY = 1 << 20 };

static bool is_uniform(const Ask *a)
{
    return a->stage->kind == STAGE_WEIGHTS && (a->ablations & UNIFORM_ATTENTION);
}

static double column_sum(const Ask *a, size_t column)
{
    const real *x = ask_row(ask_value(a), a, a->head, 0);
    double sum = 0;
    for (size_t i = 0; i < a->rows; i++)
        sum += (double)x[i * a->cols + column];
    return sum;
}

/* ---- rows and columns ---- */

static bool make_row_sum(Ask *a)
{
    size_t j = a->row < a->cols ? a->row : a->cols - 1;
    ask_begin(a, QUESTION_NUMBER, "row-sum");
    question_set_text(a->q, _("What will the numbers of row %s add up to?"), ROW(a->row));
    question_set_number(a->q, 1, 0.001);
    question_set_why(a->q, "%s",
                     is_uniform(a) ? _("Equal shares of one whole.")
                                   : _("A softmax divides each exp by the sum of all of its row: shares of one whole."));
    question_add_number(a->q, column_sum(a, j), "column-sum",
                        _("That is the sum of column %s. The softmax goes along rows: rows sum to 1, columns to anything."), COLUMN(j));
    question_add_number(a->q, 0, "zero-sum", _("Nothing here is negative: numbers that sum to 0 would all be 0."));
    question_add_number(a->q, (double)a->cols, "one-each", _("That gives each column a whole 1; they share one."));
    question_add_number(a->q, (double)a->rows, "all-rows", _("That is the sum of the whole matrix: 1 for each row."));
    question_add_number(a->q, 1 / (double)a->cols, "one-share", _("That is one even share, not the sum of the shares."));
    return true;
}

static bool make_column_sum(Ask *a)
{
    size_t j = (size_t)random_below(&a->random, a->cols);
    double sum = column_sum(a, j);
    if (fabs(sum - 1) < 0.01 || sum < 0.01)
        return false;
    ask_begin(a, QUESTION_CHOICE, "column-sum");
    ask_about(a, a->head, a->row, j);
    question_set_text(a->q, _("Every row sums to 1. Does column %s do so, too?"), COLUMN(j));
    question_add_wrong(a->q, 1, _("yes"), "columns-too", "%s",
                       _("That takes the softmax along both. It goes along rows only: each query shares out its own attention."));
    question_add_right(a->q, sum, _("no, to something else"));
    question_add_wrong(a->q, 0, _("no, to 0"), "zero-sum", "%s", _("Nothing here is negative, and something is positive."));
    question_set_why(a->q, _("Column %s sums to %s: how much it gets from all rows together."), COLUMN(j), NUM(sum));
    return true;
}

static bool make_most(Ask *a)
{
    size_t row;
    if (is_uniform(a) || !ask_find_row(a, 3, MANY, &row))
        return false;
    ask_begin(a, QUESTION_CHOICE, "most");
    question_set_text(a->q, _("Head %zu: which key will query %s look at most?"), a->head, ROW(row));
    return ask_largest(a, ask_row(ask_value(a), a, a->head, row), row, _("The largest weight"));
}

static bool make_likeliest(Ask *a)
{
    bool probs = a->stage->kind == STAGE_PROBS;
    ask_begin(a, QUESTION_CHOICE, "likeliest");
    question_set_text(a->q,
                      a->config->kind == KIND_ENCODER ? _("Which token will the model find likeliest at position %s?")
                      : probs                         ? _("Which token will be the likeliest after %s?")
                                                      : _("Which token will have the largest logit at %s: what comes next?"),
                      ROW(a->row));
    const real *x = ask_row(ask_value(a), a, 0, a->row);
    size_t n;
    const int *fed = pass_ids(a->pass, a->stage->axis_stack[0], &n), last = a->row < n ? fed[a->row] : 0;
    size_t best = 0;
    for (size_t j = 1; j < a->cols; j++)
        best = x[j] > x[best] ? j : best;
    if ((size_t)last != best && a->config->kind != KIND_ENCODER)
        question_add_wrong(a->q, (double)last, ask_token(a, last).text, "repeats",
                           _("That is the token just read. It gets %s: the model is to say what comes after it."), NUM((double)x[last]));
    return ask_largest(a, x, a->row, probs ? _("The highest probability") : _("The largest logit"));
}

/* ---- what a softmax does ---- */

static bool make_ratio(Ask *a)
{
    const real *x = ask_row(ask_input(a, 0), a, a->head, a->row), *p = ask_row(ask_value(a), a, a->head, a->row);
    size_t start = (size_t)random_below(&a->random, a->cols);
    bool attention = a->stage->kind == STAGE_WEIGHTS;
    if (is_uniform(a))
        return false;
    for (size_t u = 0; u < a->cols * a->cols && u < 4096; u++) {
        size_t i = (start + u) % a->cols, j = u / a->cols;
        double high = (double)x[i], low = (double)x[j], apart = high - low;
        if (i == j || !isfinite(high) || !isfinite(low) || apart < 0.3 || apart > 4 || p[j] < (real)1e-3) /* both can be seen afterwards */
            continue;
        ask_begin(a, QUESTION_NUMBER, "ratio");
        ask_about(a, a->head, a->row, i);
        question_set_text(a->q,
                          attention ? _("Query %s: key %s has score %s, key %s %s. How many times as much weight will the first get?")
                                    : _("At %s: token %s has logit %s, token %s %s. How many times as probable will the first be?"),
                          ROW(a->row), COLUMN(i), NUM(high), COLUMN(j), NUM(low));
        question_set_number(a->q, exp(apart), 0.03 * exp(apart));
        question_set_why(a->q, _("exp(%.3f) = %.3f: only the difference counts, and the sum they are divided by is the same."), apart,
                         exp(apart));
        question_add_number(a->q, high / low, "ratio-of-scores",
                            _("That divides the scores. The softmax takes exp first: the ratio is exp of their difference."));
        question_add_number(a->q, apart, "difference", _("That is the difference; it must still go through exp."));
        question_add_number(a->q, exp(high), "exp-of-one", _("That is exp of the first alone."));
        question_add_number(a->q, exp(-apart), "upside-down", _("That is the other way round: the second by the first."));
        question_add_number(a->q, pow(2, apart), "base-two", _("That has base 2; exp has base e."));
        return true;
    }
    return false;
}

static bool make_shift(Ask *a)
{
    size_t row = a->row;
    if (is_uniform(a) || (a->stage->kind == STAGE_WEIGHTS && !ask_find_row(a, 2, MANY, &row)))
        return false;
    ask_begin(a, QUESTION_CHOICE, "shift");
    ask_about(a, a->head, row, 0);
    question_set_text(a->q,
                      a->stage->kind == STAGE_PROBS
                          ? _("Suppose 5 were added to every logit of row %s. What would become of its probabilities?")
                          : _("Suppose 5 were added to every score of row %s before the softmax. What would become of the row?"),
                      ROW(row));
    question_add_right(a->q, 0, _("nothing: the same numbers"));
    question_add_wrong(a->q, 1, _("every number would grow"), "all-grow", "%s", _("They share one whole: not all can grow."));
    question_add_wrong(a->q, 2, _("it would become more pointed"), "sharper", "%s",
                       _("A factor would do that. What is added is in every exp, and cancels when they are divided by their sum."));
    question_add_wrong(a->q, 3, _("it would become more even"), "flatter", "%s",
                       _("That would need smaller differences, and they stay as they are."));
    question_set_why(
        a->q, "%s",
        _("exp(x + 5) = exp(5) · exp(x), above and below the line: it cancels. That is why the largest score can be taken off first."));
    question_shuffle(a->q, random_bits(&a->random));
    return true;
}

static bool make_hidden_weight(Ask *a)
{
    size_t row, key = 0;
    if (is_uniform(a) || !ask_find_row(a, 1, a->cols - 1, &row))
        return false;
    while (ask_sees(a, row, key))
        key++;
    const real *scores = ask_row(pass_value(a->pass, (size_t)ask_input_stage(a, 0)->in[0]), a, a->head, row);
    double sum = 0, largest = -(double)INFINITY;
    for (size_t j = 0; j < a->cols; j++)
        largest = (double)scores[j] > largest ? (double)scores[j] : largest;
    for (size_t j = 0; j < a->cols; j++)
        sum += exp((double)scores[j] - largest);
    ask_begin(a, QUESTION_NUMBER, "hidden-weight");
    ask_about(a, a->head, row, key);
    question_set_text(a->q, _("Query %s may not see key %s. Which weight will that key get?"), ROW(row), COLUMN(key));
    question_set_number(a->q, 0, 1e-4);
    question_set_why(a->q, "%s", _("Exactly 0: its score is −∞, and exp(−∞) = 0."));
    question_add_number(a->q, -(double)INFINITY, "score", _("That is its score. The softmax makes 0 of it: exp(−∞) = 0."));
    question_add_number(a->q, exp((double)scores[key] - largest) / sum, "unmasked", _("That is what it would get without the mask."));
    question_add_number(a->q, 1 / (double)a->cols, "even", _("That is an even share among all keys; only those that may be seen share."));
    question_add_number(a->q, 1, "one", _("That would be all there is."));
    return true;
}

static bool make_only_key(Ask *a)
{
    size_t row, key = 0;
    if (!ask_find_row(a, 1, 1, &row) || a->cols < 2)
        return false;
    while (!ask_sees(a, row, key))
        key++;
    ask_begin(a, QUESTION_NUMBER, "only-key");
    ask_about(a, a->head, row, key);
    question_set_text(a->q, _("Query %s may see one key only, %s. Which weight will that key get?"), ROW(row), COLUMN(key));
    question_set_number(a->q, 1, 0.001);
    question_set_why(a->q, "%s", _("The whole: a softmax of one number is 1, whatever the number."));
    question_add_number(a->q, 1 / (double)a->cols, "even", _("That shares with keys that are hidden."));
    question_add_number(a->q, 0, "zero", _("A row must sum to 1, and there is no other to take it."));
    question_add_number(a->q, 0.5, "half", _("There is nothing to share it with."));
    double score = (double)ask_row(ask_input(a, 0), a, a->head, row)[key];
    question_add_number(a->q, score, "score", _("That is its score, before the softmax."));
    question_add_number(a->q, exp(score), "not-divided", _("That is exp of its score, not yet divided by the sum, which is itself."));
    return true;
}

static bool make_uniform(Ask *a)
{
    size_t row, key = 0;
    if (!is_uniform(a) || !ask_find_row(a, 2, MANY, &row))
        return false;
    while (!ask_sees(a, row, key))
        key++;
    double n = (double)ask_visible(a, row);
    ask_begin(a, QUESTION_NUMBER, "uniform");
    ask_about(a, a->head, row, key);
    question_set_text(a->q, _("uniform-attention is on, and query %s sees %.0f of %zu keys. Which weight will each of them get?"), ROW(row),
                      n, a->cols);
    question_set_number(a->q, 1 / n, 0.001 + 0.004 / n);
    question_set_why(a->q, "%s", _("Equal shares among those that may be seen, whatever the scores."));
    question_add_number(a->q, 1 / (double)a->cols, "hidden-too", _("That shares with hidden keys, too; the row would not sum to 1."));
    question_add_number(a->q, 1, "one-each", _("That gives each a whole; the row sums to 1."));
    question_add_number(a->q, n, "count", _("That is how many there are."));
    question_add_number(a->q, 0, "zero", _("A row sums to 1."));
    return true;
}

static bool make_even(Ask *a)
{
    double n = (double)a->cols;
    ask_begin(a, QUESTION_NUMBER, "most-entropy");
    question_set_text(a->q, _("How large can the entropy of a row of probabilities over %zu tokens be at most, in nats?"), a->cols);
    question_set_unit(a->q, _("nats"));
    question_set_number(a->q, log(n), 0.02);
    question_set_why(a->q, _("All equal: each has 1/%zu, and the entropy is ln %zu."), a->cols, a->cols);
    question_add_number(a->q, 1, "one", _("The probabilities sum to 1; their entropy may be more."));
    question_add_number(a->q, log(n) / log(2), "bits", _("That is in bits; in nats it is ln."));
    question_add_number(a->q, n, "count", _("That is exp of it: the number of tokens to choose from."));
    question_add_number(a->q, 0, "least", _("That is the least: all on one token."));
    return n > 1;
}

/* ---- heads ---- */

static const Stage *weights_stage(const Ask *a)
{
    return ask_input_stage(a, 0);
}

static size_t visible(const Ask *a, size_t row)
{
    size_t n = 0;
    for (size_t j = 0; j < weights_stage(a)->shape[2]; j++)
        n += pass_sees(a->pass, weights_stage(a), row, j);
    return n;
}

/* The head's row of weights, and column c of the values it reads. */
static double value_at(const Ask *a, size_t key, size_t c)
{
    const Stage *v = ask_input_stage(a, 1);
    size_t group = a->stage->shape[0] / v->shape[0];
    return (double)ask_input(a, 1)[(a->head / group * v->shape[1] + key) * v->shape[2] + c];
}

static bool make_average(Ask *a)
{
    size_t keys = weights_stage(a)->shape[2], c = (size_t)random_below(&a->random, a->cols), n = 0;
    const real *w = ask_input(a, 0) + (a->head * a->rows + a->row) * keys;
    double sum = 0, plain = 0, most = 0, best = 0, slack = 0;
    Buffer terms = {0};
    for (size_t j = 0; j < keys; j++) {
        double x = value_at(a, j, c), share = (double)w[j];
        if (!pass_sees(a->pass, weights_stage(a), a->row, j))
            continue;
        buffer_printf(&terms, n++ ? "; %s × %s" : "%s × %s", NUM(share), NUM(x));
        sum += share * x;
        plain += x;
        slack += 0.0005 * (fabs(x) + share);
        if (share > most) {
            most = share;
            best = x;
        }
    }
    bool good = n >= 2 && n <= 4 && fabs(sum) > 0.02;
    if (good) {
        ask_begin(a, QUESTION_NUMBER, "average");
        ask_about(a, a->head, a->row, c);
        question_set_text(a->q, _("Row %s, dimension %zu: the weights, each times its key's value there, are %s. What is the result?"),
                          ROW(a->row), c, buffer_text(&terms));
        question_set_number(a->q, sum, 0.001 + slack);
        question_set_why(a->q, "%s", _("The products added up: an average of the values, weighted by how much each is looked at."));
        question_add_number(a->q, plain, "unweighted", _("That adds the values without their weights."));
        question_add_number(a->q, plain / (double)n, "mean", _("That is the plain mean, as if all were looked at equally."));
        question_add_number(a->q, best, "hardest", _("That takes the value of the key looked at most, as if its weight were 1."));
        question_add_number(a->q, sum / (double)n, "divided-again",
                            _("That divides by the number of keys again: the weights sum to 1 already."));
    }
    buffer_free(&terms);
    return good;
}

static bool make_bounds(Ask *a)
{
    size_t c = (size_t)random_below(&a->random, a->cols), keys = weights_stage(a)->shape[2];
    if (keys < 2)
        return false;
    ask_begin(a, QUESTION_CHOICE, "bounds");
    ask_about(a, a->head, a->row, c);
    double low = value_at(a, 0, c), high = low;
    for (size_t j = 1; j < keys; j++) {
        low = fmin(low, value_at(a, j, c));
        high = fmax(high, value_at(a, j, c));
    }
    question_set_text(a->q, _("In dimension %zu the values of the %zu keys lie between %s and %s. Can any row's result lie outside?"), c,
                      keys, NUM(low), NUM(high));
    question_add_wrong(a->q, 1, _("yes, if several large values add up"), "plain-sum", "%s",
                       _("That adds them up. The weights sum to 1: it is an average, and lies between the smallest and the largest."));
    question_add_wrong(a->q, 2, _("yes, if the score is large"), "score-as-factor", "%s",
                       _("That multiplies by the score. It has become a weight of at most 1."));
    question_add_right(a->q, 0, _("no"));
    question_set_why(a->q, "%s", _("Weights that are not negative and sum to 1 make an average."));
    return true;
}

static bool make_copy(Ask *a)
{
    size_t row = 0;
    while (row < a->rows && visible(a, row) != 1)
        row++;
    if (row == a->rows || weights_stage(a)->shape[2] < 2)
        return false;
    ask_begin(a, QUESTION_CHOICE, "copy");
    ask_about(a, a->head, row, 0);
    question_set_text(a->q, _("Row %s: its query may see one key only. What will its row of results be?"), ROW(row));
    question_add_right(a->q, 0, _("that key's value, as it is"));
    question_add_wrong(a->q, 1, _("the mean of all values"), "mean", "%s", _("That looks at hidden keys, too. Their weights are 0."));
    question_add_wrong(a->q, 2, _("that key's value times its score"), "score-as-factor", "%s",
                       _("The score has become a weight, and the only weight in a row is 1."));
    question_add_wrong(a->q, 3, _("zeros"), "zero", "%s", _("That is what hidden keys contribute; one is not hidden."));
    question_set_why(a->q, "%s", _("One key, weight 1: an average of one."));
    question_shuffle(a->q, random_bits(&a->random));
    return true;
}

/* ---- concat, out ---- */

static bool make_products(Ask *a)
{
    ask_begin(a, QUESTION_NUMBER, "products");
    question_set_text(a->q, _("%zu heads, each with %zu numbers a token, are put side by side. How many multiplications does that take?"),
                      a->config->n_heads, a->config->d_head);
    question_set_number(a->q, 0, 0);
    question_set_why(a->q, "%s", _("None: the same numbers in another order. The next stage multiplies, by W_O."));
    question_add_number(a->q, (double)a->stage->count, "one-each",
                        _("That is how many numbers there are; they are copied, not multiplied."));
    question_add_number(a->q, (double)a->stage->count * (double)a->config->d_model, "W_O", _("That is what W_O takes, in the next stage."));
    question_add_number(a->q, (double)(a->config->n_heads * a->config->d_head), "one-row",
                        _("That is how many numbers a row has; they are copied, not multiplied."));
    question_add_number(a->q, (double)a->config->n_heads, "one-a-head", _("Nothing is done to a head."));
    return true;
}

static bool make_owner(Ask *a)
{
    size_t c = (size_t)random_below(&a->random, a->cols), k = a->config->d_head, H = a->config->n_heads;
    if (H < 2)
        return false;
    ask_begin(a, QUESTION_NUMBER, "owner");
    ask_about(a, 0, a->row, c);
    question_set_text(a->q, _("%zu heads of %zu dimensions each. Which head does column %zu come from? (Heads and columns count from 0.)"),
                      H, k, c);
    question_set_number(a->q, (double)(c / k), 0);
    question_set_why(a->q, _("Columns %zu to %zu are head %zu's."), c / k * k, c / k * k + k - 1, c / k);
    question_add_number(a->q, (double)(c % H), "interleaved",
                        _("That deals the columns out in turn. Each head keeps its own block of columns."));
    question_add_number(a->q, (double)(c / k) + 1, "from-one", _("That counts the heads from 1."));
    question_add_number(a->q, (double)(c % k), "dimension", _("That is which dimension of the head it is, not which head."));
    return true;
}

const MakerRow makers_weights[] = {
    {K(WEIGHTS) | K(PROBS), make_row_sum},
    {K(WEIGHTS) | K(PROBS), make_column_sum},
    {K(WEIGHTS), make_most},
    {K(LOGITS) | K(PROBS), make_likeliest},
    {K(WEIGHTS) | K(PROBS), make_ratio},
    {K(WEIGHTS) | K(PROBS), make_shift},
    {K(WEIGHTS), make_hidden_weight},
    {K(WEIGHTS), make_only_key},
    {K(WEIGHTS), make_uniform},
    {K(PROBS), make_even},
    {K(HEADS), make_average},
    {K(HEADS), make_bounds},
    {K(HEADS), make_copy},
    {K(CONCAT), make_products},
    {K(CONCAT), make_owner},
    {0, NULL},
};
