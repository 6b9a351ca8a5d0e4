/* predict_flow.c - questions about how a gradient goes back through attention, sums and the FFN. */
#include "lesson/predict_maker.h"

#include <string.h>

/* The stage after this one that adds its result to the stream, or NO_STAGE. */
static int residual_after(const Ask *a)
{
    for (size_t r = a->i + 1; r < a->plan->count; r++)
        if (a->plan->stages[r].kind == STAGE_RESIDUAL && a->plan->stages[r].in[1] == (int)a->i)
            return (int)r;
    return NO_STAGE;
}

/* ---- attention ---- */

static bool make_score_sum(Ask *a)
{
    if (a->ablations & UNIFORM_ATTENTION)
        return false;
    size_t start = (size_t)random_below(&a->random, a->rows), row = 0, k;
    double sum = 0, all = 0;
    for (k = 0; k <= a->rows; k++) {
        row = k ? (start + k) % a->rows : a->row;
        const real *g = ask_row(ask_gradient(a), a, a->head, row);
        sum = all = 0;
        for (size_t j = 0; j < a->cols; j++) {
            sum += (double)g[j];
            all += fabs((double)g[j]);
        }
        if (all > 1e-6 && fabs(sum) < 1e-3 * all)
            break;
    }
    if (k > a->rows)
        return false;
    ask_begin(a, QUESTION_NUMBER, "score-gradient-sum");
    ask_about(a, a->head, row, 0);
    question_set_text(a->q, _("What do the gradients of row %s of these scores add up to? (Their absolute values add up to %s.)"), ROW(row),
                      ask_small(all).text);
    question_set_number(a->q, 0, 0.02 * all);
    question_set_why(a->q, "%s", _("A constant added to the row changes no weight, so moving all scores together does not move the loss."));
    question_add_number(a->q, 1, "as-weights", _("That is what a row of weights adds up to, not the gradients of its scores."));
    question_add_number(a->q, all, "absolute", _("That adds them without their signs: some pull up, the others down by as much."));
    return true;
}

static bool make_hidden_gradient(Ask *a)
{
    size_t row, key = 0;
    if (!ask_find_row(a, 1, a->cols - 1, &row))
        return false;
    while (ask_sees(a, row, key))
        key++;
    if (ask_row(ask_gradient(a), a, a->head, row)[key] != 0 || ask_size(ask_gradient(a), a->stage->count) < 1e-6)
        return false;
    ask_begin(a, QUESTION_CHOICE, "hidden-gradient");
    ask_about(a, a->head, row, key);
    question_set_text(a->q, _("Query %s may not see key %s. What is the gradient of that score?"), ROW(row), COLUMN(key));
    question_add_right(a->q, 0, _("exactly 0"));
    question_add_wrong(a->q, 1, "−∞", "as-value", "%s", _("That is the score's value behind the mask, not how the loss changes with it."));
    question_add_wrong(a->q, 2, _("positive: it must go down"), "pushed-down", "%s",
                       _("It cannot go further down than hidden: whatever it was, its weight is 0."));
    question_set_why(a->q, "%s", _("Its weight is 0 whatever the score is, so nothing depends on it: a mask lets nothing back, either."));
    question_shuffle(a->q, random_bits(&a->random));
    return true;
}

static bool make_scores_gradient(Ask *a)
{
    const real *g = ask_row(ask_gradient(a), a, a->head, a->row), *after = ask_row(pass_gradient(a->pass, a->i + 1), a, a->head, a->row);
    double scale = stage_scale(a->stage, a->config, a->ablations), d = (double)a->config->d_head;
    size_t j = 0;
    for (size_t k = 1; k < a->cols; k++)
        j = fabs((double)after[k]) > fabs((double)after[j]) ? k : j;
    double from = (double)after[j], right = (double)g[j];
    if (fabs(from) < 1e-6 || a->plan->stages[a->i + 1].kind != STAGE_SCALED)
        return false;
    ask_begin(a, QUESTION_NUMBER, "scores-gradient");
    ask_about(a, a->head, a->row, j);
    question_set_text(a->q,
                      _("The gradient of the SCALED score of query %s with key %s is %s. What is that of the raw score? (d_head %zu%s)"),
                      ROW(a->row), COLUMN(j), ask_small(from).text, a->config->d_head,
                      a->ablations & NO_SCALE      ? _(", no-scale is on")
                      : a->ablations & SCALE_BY_DK ? _(", scale-by-dk is on")
                                                   : "");
    question_set_number(a->q, right, 0.01 * fabs(right));
    question_set_why(a->q, _("A factor goes back as it came: times %.4f."), scale);
    question_add_number(a->q, from, "unscaled", _("That is the same: it believes a factor only counts forwards."));
    question_add_number(a->q, from / scale, "divided-back",
                        _("That undoes the factor. What moves the raw score moves the scaled one by LESS: its gradient is smaller."));
    question_add_number(a->q, from / d, "by-dk", _("That divides by d_head, not by its root."));
    question_add_number(a->q, from / sqrt(d), "root", _("That is the usual factor, which is not used here."));
    question_add_number(a->q, 0, "zero", _("0 would mean the raw score has no effect."));
    return true;
}

static bool make_key_bias(Ask *a)
{
    if (a->stage->w[1] == NO_WEIGHT || (a->config->qk_norm && !(a->ablations & NO_NORM)) ||
        (a->stage->sub == SUB_SELF && a->config->position == POSITION_ROPE && !(a->ablations & NO_POSITIONS)))
        return false;
    const Weight *w = &pass_model(a->pass)->weights.items[a->stage->w[1]];
    double bias = ask_size(pass_weight_gradient(a->pass, (size_t)a->stage->w[1]), w->count),
           keys = ask_size(ask_gradient(a), a->stage->count);
    if (keys < 1e-6 || bias > 1e-3 * keys)
        return false;
    ask_begin(a, QUESTION_CHOICE, "key-bias");
    question_set_text(a->q, "%s", _("b_K is added to every key. What is the gradient of b_K?"));
    question_add_right(a->q, 0, _("0, but for rounding"));
    question_add_wrong(a->q, 1, _("the sum of the keys' gradients, which is not 0"), "sum-of-keys", "%s",
                       _("It is their sum, but that is 0: what one key gains another loses."));
    question_add_wrong(a->q, 2, _("as large as b_Q's"), "as-query-bias", "%s",
                       _("b_Q changes how a query compares the keys. b_K adds the same to a query's score with every key."));
    question_set_why(a->q,
                     _("q · b_K is the same for every key: a constant added to a row of scores, which the softmax ignores. Computed: %s, "
                       "beside keys' gradients of %s."),
                     ask_small(bias).text, ask_small(keys).text);
    question_shuffle(a->q, random_bits(&a->random));
    return true;
}

/* ---- copies ---- */

/* The gradient is that of the stage `other`, bit by bit, only elsewhere or in another order. */
static bool ask_copy(Ask *a, const char *name, const char *text, const char *why)
{
    ask_begin(a, QUESTION_CHOICE, name);
    question_set_text(a->q, "%s", text);
    question_add_right(a->q, 0, _("the same numbers"));
    question_add_wrong(
        a->q, 1, _("half of them each"), "shared-out", "%s",
        _("That shares the gradient out. A sum passes all of it to each of its parts: either could move the loss by as much."));
    question_add_wrong(a->q, 2, _("in proportion to how large each part is"), "by-size", "%s",
                       _("In a product a part's gradient grows with the OTHER part. In a sum each counts alike, however large it is."));
    question_set_why(a->q, "%s", why);
    question_shuffle(a->q, random_bits(&a->random));
    return true;
}

static bool make_residual_copy(Ask *a)
{
    int r = residual_after(a);
    if (r == NO_STAGE || ask_size(ask_gradient(a), a->stage->count) < 1e-9 ||
        memcmp(ask_gradient(a), pass_gradient(a->pass, (size_t)r), a->stage->count * sizeof(real)) != 0)
        return false;
    return ask_copy(a, "residual-copy",
                    _("This result was added to the stream. The sum's gradient is known: what gradient does the result get?"),
                    a->ablations & NO_RESIDUAL
                        ? _("no-residual: the result is all there is, and gets all of it.")
                        : _("A sum hands its gradient to both sides, whole: also straight back along the stream, past this sub-layer."));
}

static bool make_embedding_copy(Ask *a)
{
    size_t sum = a->i + 1;
    while (sum < a->plan->count && a->plan->stages[sum].kind != STAGE_SUM)
        sum++;
    if (sum == a->plan->count || (a->plan->stages[sum].in[0] != (int)a->i && a->plan->stages[sum].in[1] != (int)a->i) ||
        ask_size(ask_gradient(a), a->stage->count) < 1e-9 ||
        memcmp(ask_gradient(a), pass_gradient(a->pass, sum), a->stage->count * sizeof(real)) != 0)
        return false;
    return ask_copy(a, "embedding-copy",
                    _("This was added to the other half of the embedding. The sum's gradient is known: what gradient does this get?"),
                    _("A sum hands its gradient to both sides, whole."));
}

static bool make_concat_size(Ask *a)
{
    double here = ask_size(ask_gradient(a), a->stage->count), concat = ask_size(pass_gradient(a->pass, a->i + 1), a->stage->count);
    if (a->plan->stages[a->i + 1].kind != STAGE_CONCAT || here < 1e-9 || fabs(here / concat - 1) > 1e-4)
        return false;
    ask_begin(a, QUESTION_CHOICE, "concat-size");
    question_set_text(a->q, _("The gradient of the heads side by side has norm %s. What norm does that of the heads apart have?"),
                      ask_small(concat).text);
    question_set_why(a->q, "%s", _("The same numbers in another order: putting side by side computes nothing, either way."));
    return ask_direction(
        a, 0, (Direction){_("larger"), "adds-up", _("Nothing is added up: each number goes back to the one place it came from.")},
        (Direction){_("smaller"), "shared-out", _("Nothing is shared out: each number goes back to the one place it came from.")},
        (Direction){_("the same"), NULL, NULL});
}

static bool make_residual_through(Ask *a)
{
    if (a->ablations & NO_RESIDUAL || ask_size(ask_gradient(a), a->stage->count) < 1e-9)
        return false;
    ask_begin(a, QUESTION_CHOICE, "residual-through");
    question_set_text(
        a->q, "%s",
        _("Here the sub-layer's result was added to the stream. How much of this gradient goes straight on to the stream before it?"));
    question_add_right(a->q, 1, _("all of it"));
    question_add_wrong(a->q, 0.5, _("half: the result gets the other half"), "shared-out", "%s",
                       _("That shares it out. A sum passes all of its gradient to each side: both get the whole."));
    question_add_wrong(a->q, 0, _("none: it goes through the sub-layer"), "no-shortcut", "%s",
                       _("That forgets the residual connection: the stream was handed on unchanged, and so is its gradient."));
    question_set_why(a->q, "%s",
                     _("A term of 1: whatever the sub-layer does to its own part, this much arrives, and what comes back through the "
                       "sub-layer is added to it."));
    question_shuffle(a->q, random_bits(&a->random));
    return true;
}

/* A query or a key before it was turned: turning it back keeps the size of the gradient. */
static bool make_rotated_gradient(Ask *a)
{
    size_t r = a->i + 1;
    while (r < a->plan->count && a->plan->stages[r].in[0] != (int)a->i)
        r++;
    if (r == a->plan->count || (a->plan->stages[r].kind != STAGE_Q_ROT && a->plan->stages[r].kind != STAGE_K_ROT))
        return false;
    double here = ask_size(ask_row(ask_gradient(a), a, a->head, a->row), a->cols),
           after = ask_size(ask_row(pass_gradient(a->pass, r), a, a->head, a->row), a->cols);
    if (after < 1e-9 || fabs(here / after - 1) > 1e-3)
        return false;
    ask_begin(a, QUESTION_CHOICE, "rotated-gradient");
    question_set_text(a->q, _("Row %s after RoPE has a gradient of norm %s. What norm does its gradient before RoPE have?"), ROW(a->row),
                      ask_small(after).text);
    question_set_why(a->q, "%s", _("The gradient is turned back by the same angle, and turning changes no length."));
    return ask_direction(
        a, 0, (Direction){_("larger"), "undone-twice", _("Nothing is divided out: the way back through a rotation is the rotation back.")},
        (Direction){_("smaller"), "loses-some", _("A rotation loses nothing, forwards or backwards.")},
        (Direction){_("the same"), NULL, NULL});
}

static bool make_hidden_weight_gradient(Ask *a)
{
    size_t row, key = 0;
    if (!ask_find_row(a, 1, a->cols - 1, &row))
        return false;
    const real *g = ask_row(ask_gradient(a), a, a->head, row);
    while (key < a->cols && (ask_sees(a, row, key) || fabs((double)g[key]) < 1e-6))
        key++;
    if (key == a->cols)
        return false;
    ask_begin(a, QUESTION_CHOICE, "hidden-weight-gradient");
    ask_about(a, a->head, row, key);
    question_set_text(a->q, _("Query %s may not see key %s: that weight is 0. Is the gradient with respect to this WEIGHT 0, too?"),
                      ROW(row), COLUMN(key));
    question_add_wrong(
        a->q, 0, _("yes: what is 0 has no gradient"), "zero-has-none", "%s",
        _("A gradient asks what would be if the number moved, not how large it is. A little of that key's value would move the loss."));
    question_add_right(a->q, 1, _("no"));
    question_set_why(a->q, _("It is %s. It only ends at the softmax: no score can move that weight away from 0."),
                     ask_small((double)g[key]).text);
    return true;
}

/* ---- the FFN, the embedding ---- */

/* One of the two that a gated FFN multiplies: activate, or expand. */
static bool make_product_gradient(Ask *a)
{
    size_t p = a->i + 1;
    while (p < a->plan->count &&
           (a->plan->stages[p].kind != STAGE_PRODUCT || (a->plan->stages[p].in[0] != (int)a->i && a->plan->stages[p].in[1] != (int)a->i)))
        p++;
    if (p == a->plan->count)
        return false;
    int other = a->plan->stages[p].in[0] == (int)a->i;
    const real *above = ask_row(pass_gradient(a->pass, p), a, 0, a->row),
               *factor = ask_row(pass_value(a->pass, (size_t)a->plan->stages[p].in[other]), a, 0, a->row);
    const real *own = ask_row(ask_value(a), a, 0, a->row), *g = ask_row(ask_gradient(a), a, 0, a->row);
    size_t c = 0;
    for (size_t k = 1; k < a->cols; k++)
        c = fabs((double)g[k]) > fabs((double)g[c]) ? k : c;
    if (fabs((double)g[c]) < 1e-6 || fabs((double)factor[c]) < 0.05)
        return false;
    ask_begin(a, QUESTION_NUMBER, "product-gradient");
    ask_about(a, 0, a->row, c);
    question_set_text(
        a->q,
        _("Row %s, unit %s: this number, %s, was multiplied by %s, and the product's gradient is %s. What is the gradient of this number?"),
        ROW(a->row), COLUMN(c), NUM((double)own[c]), NUM((double)factor[c]), ask_small((double)above[c]).text);
    question_set_number(a->q, (double)g[c], 0.015 * fabs((double)g[c]));
    question_set_why(a->q, "%s",
                     _("The product's gradient times the OTHER factor: the larger that is, the more a change of this one does."));
    question_add_number(a->q, (double)(above[c] * own[c]), "own-factor",
                        _("That multiplies by the number itself; it is the other factor that counts."));
    question_add_number(a->q, (double)above[c], "passed-on", _("That passes it on unchanged, as a sum would."));
    question_add_number(a->q, (double)(above[c] / factor[c]), "divided",
                        _("That divides; a change of this number is multiplied by the other factor."));
    question_add_number(a->q, 0, "zero", _("0 would need the other factor, or the product's gradient, to be 0."));
    return true;
}

static bool make_dead_unit(Ask *a)
{
    const real *x = ask_row(pass_value(a->pass, a->i), a, 0, a->row), *g = ask_row(ask_gradient(a), a, 0, a->row);
    const Stage *next = NULL;
    for (size_t i = a->i + 1; i < a->plan->count && !next; i++)
        if (a->plan->stages[i].kind == STAGE_ACTIVATE && a->plan->stages[i].in[0] == (int)a->i)
            next = &a->plan->stages[i];
    if (!next || a->config->activation != ACTIVATION_RELU)
        return false;
    const real *above = ask_row(pass_gradient(a->pass, (size_t)(next - a->plan->stages)), a, 0, a->row);
    size_t start = (size_t)random_below(&a->random, a->cols), c = 0, k;
    for (k = 0; k < a->cols; k++) {
        c = (start + k) % a->cols;
        if ((double)x[c] < -0.05 && fabs((double)above[c]) > 1e-5)
            break;
    }
    if (k == a->cols || g[c] != 0)
        return false;
    ask_begin(a, QUESTION_NUMBER, "dead-unit");
    ask_about(a, 0, a->row, c);
    question_set_text(a->q, _("Row %s, unit %s stands at %s before ReLU; after it the gradient is %s. What is the gradient before it?"),
                      ROW(a->row), COLUMN(c), NUM((double)x[c]), ask_small((double)above[c]).text);
    question_set_number(a->q, 0, 0.01 * fabs((double)above[c]));
    question_set_why(a->q, "%s", _("The unit is off: a small change leaves it off, and nothing comes of it."));
    question_add_number(a->q, (double)above[c], "passes",
                        _("That is the gradient after ReLU: it passes where a unit is on, and stops where it is off."));
    question_add_number(a->q, (double)(above[c] * x[c]), "times-value", _("That multiplies by the value; the slope of ReLU is 1 or 0."));
    question_add_number(a->q, (double)-above[c], "mirrored", _("That would be the slope of an absolute value."));
    return true;
}

static bool make_embedding_rows(Ask *a)
{
    const Weight *w = &pass_model(a->pass)->weights.items[a->stage->w[0]];
    const real *g = pass_weight_gradient(a->pass, (size_t)a->stage->w[0]);
    size_t n, distinct = 0, rows = 0;
    const int *ids = pass_ids(a->pass, a->stage->stack, &n);
    for (size_t i = 0; i < w->shape[0]; i++)
        rows += ask_size(g + i * w->shape[1], w->shape[1]) > 0;
    for (size_t i = 0; i < n; i++) {
        size_t j = 0;
        while (j < i && ids[j] != ids[i])
            j++;
        distinct += j == i;
    }
    bool tied = a->config->tie_embeddings && a->stage->stack == config_last_stack(a->config);
    if (rows != (tied ? w->shape[0] : distinct))
        return false;
    ask_begin(a, QUESTION_NUMBER, "embedding-rows");
    question_set_text(a->q,
                      _("The text has %zu tokens, %zu of them different, and W_E a row for each of %zu.%s How many of its rows get a "
                        "gradient that is not 0?"),
                      n, distinct, w->shape[0], tied ? _(" W_E is the unembedding, too.") : "");
    question_set_number(a->q, (double)rows, 0);
    question_set_why(a->q, "%s",
                     tied ? _("All: as the unembedding every row made a logit, and every logit has a gradient.")
                          : _("Only the rows that were read; the same token reads the same row twice, and both add to it."));
    question_add_number(a->q, (double)w->shape[0], "whole-table",
                        _("That is every row. A row that was not read has nothing to do with the loss."));
    question_add_number(a->q, (double)distinct, "read-rows", _("Those were read at the entrance. At the exit all rows are used again."));
    question_add_number(a->q, (double)n, "each-token", _("That counts a token that stands there twice as two rows."));
    question_add_number(a->q, 0, "none", _("The embedding is learned like any weight."));
    return true;
}

const MakerRow makers_flow[] = {
    {K(MASKED) | K(BIASED) | K(SCALED) | K(SCORES), make_score_sum},
    {K(MASKED) | K(BIASED) | K(SCALED), make_hidden_gradient},
    {K(SCORES), make_scores_gradient},
    {K(K), make_key_bias},
    {K(OUT) | K(CONTRACT), make_residual_copy},
    {K(TOKENS) | K(POSITIONS), make_embedding_copy},
    {K(RESIDUAL), make_residual_through},
    {K(Q) | K(K) | K(Q_NORM) | K(K_NORM), make_rotated_gradient},
    {K(WEIGHTS), make_hidden_weight_gradient},
    {K(ACTIVATE) | K(EXPAND), make_product_gradient},
    {K(HEADS), make_concat_size},
    {K(EXPAND) | K(GATE), make_dead_unit},
    {K(TOKENS), make_embedding_rows},
    {0, NULL},
};
