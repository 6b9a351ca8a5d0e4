/* predict_gradient.c - questions on the way back: where the gradient goes, what it sums to, which way it points. */
#include "lesson/predict_maker.h"

#include <stdio.h>
#include <string.h>

static const real *gradient(const Ask *a)
{
    return pass_gradient(a->pass, a->i);
}

static double size_of(const real *x, size_t n)
{
    double sum = 0;
    for (size_t i = 0; i < n; i++)
        sum += (double)x[i] * (double)x[i];
    return sqrt(sum);
}

/* A gradient as it is printed: three significant digits are lost in three decimals. */
static Word small(double x)
{
    Word w;
    snprintf(w.text, sizeof w.text, fabs(x) >= 0.01 ? "%.4f" : "%.3e", x);
    return w;
}

/* The stage after this one that adds its result to the stream, or NO_STAGE. */
static int residual_after(const Ask *a)
{
    for (size_t r = a->i + 1; r < a->plan->count; r++)
        if (a->plan->stages[r].kind == STAGE_RESIDUAL && a->plan->stages[r].in[1] == (int)a->i)
            return (int)r;
    return NO_STAGE;
}

/* ---- shapes ---- */

static bool make_gradient_shape(Ask *a)
{
    const Stage *s = a->stage;
    size_t wrong[QUESTION_RANK_MAX];
    ask_begin(a, QUESTION_SHAPE, "gradient-shape");
    question_set_text(a->q, "%s", _("Which shape does the gradient of the loss with respect to this stage's value have?"));
    question_set_shape(a->q, s->shape, s->rank);
    question_set_why(a->q, "%s", _("That of the value: one number for each, which says how the loss moves when that number does."));
    memcpy(wrong, s->shape, sizeof s->shape);
    wrong[s->rank - 1] = s->shape[s->rank - 2];
    wrong[s->rank - 2] = s->shape[s->rank - 1];
    question_add_shape(a->q, wrong, s->rank, "transposed", _("That is transposed. Products on the way back use transposed matrices, but each gradient has its value's own shape."));
    question_add_shape(a->q, (size_t[]){1}, 1, "scalar", _("The loss is one number; its gradient is one for each number it depends on."));
    question_add_shape(a->q, s->shape + s->rank - 1, 1, "one-row", _("That is one row's."));
    if (s->rank == 3)
        question_add_shape(a->q, s->shape + 1, 2, "no-heads", _("That is one head's."));
    size_t square[] = {s->count, s->count};
    question_add_shape(a->q, square, 2, "jacobian", _("That is the Jacobian of a stage, each number by each. It is never written down: the gradient only passes through it."));
    return true;
}

static bool make_weight_shape(Ask *a)
{
    if (a->stage->w[0] == NO_WEIGHT)
        return false;
    const Weight *w = &pass_model(a->pass)->weights.items[a->stage->w[0]];
    const Stage *in = ask_input_stage(a, 0);
    const char *name = strrchr(w->name, '.') + 1;
    ask_begin(a, QUESTION_SHAPE, "weight-gradient-shape");
    question_set_text(a->q, _("This stage reads %s. Which shape does the gradient of %s have? (%zu tokens, d_model %zu, heads %zu, d_head %zu, d_ff %zu, vocabulary %zu)"), name, name, a->rows,
                      a->config->d_model, a->config->n_heads, a->config->d_head, a->config->d_ff, a->config->vocab_size);
    question_set_shape(a->q, w->shape, w->rank);
    question_set_why(a->q, "%s", _("That of the weight itself: the tokens' parts are added up, and none is left apart."));
    if (w->rank == 2)
        question_add_shape(a->q, (size_t[]){w->shape[1], w->shape[0]}, 2, "transposed", _("That is transposed: the optimiser takes it off the weight, number by number."));
    question_add_shape(a->q, a->stage->shape, a->stage->rank, "activations", _("That is the shape of the stage's result. The tokens have gone: the same weight serves them all."));
    if (in)
        question_add_shape(a->q, in->shape, in->rank, "input", _("That is the shape of what the stage reads."));
    if (w->rank == 2)
        question_add_shape(a->q, (size_t[]){a->rows, w->shape[0], w->shape[1]}, 3, "one-a-token", _("That keeps one for each token; they are added up."));
    else
        question_add_shape(a->q, (size_t[]){a->rows, w->shape[0]}, 2, "one-a-token", _("That keeps one for each token; they are added up."));
    return true;
}

/* ---- the loss and the logits ---- */

/* A row whose target is counted: the cursor's, or another. */
static bool find_counted(Ask *a, bool counted, size_t *row)
{
    size_t start = (size_t)random_below(&a->random, a->rows);
    for (size_t k = 0; k <= a->rows; k++) {
        *row = k ? (start + k) % a->rows : a->row;
        if (*row < a->target_count && (a->targets[*row] >= 0) == counted)
            return true;
    }
    return false;
}

static double counted_rows(const Ask *a)
{
    double n = 0;
    for (size_t i = 0; i < a->target_count; i++)
        n += a->targets[i] >= 0;
    return n;
}

static bool make_logit_sum(Ask *a)
{
    size_t row;
    if (!find_counted(a, true, &row))
        return false;
    const real *g = ask_row(gradient(a), a, 0, row);
    double sum = 0, all = 0, n = counted_rows(a);
    for (size_t j = 0; j < a->cols; j++) {
        sum += (double)g[j];
        all += fabs((double)g[j]);
    }
    if (all < 1e-3 || fabs(sum) > 1e-4 * all)
        return false;
    ask_begin(a, QUESTION_NUMBER, "logit-gradient-sum");
    ask_about(a, 0, row, 0);
    question_set_text(a->q, _("What do the gradients of row %s of the logits add up to?"), ROW(row));
    question_set_number(a->q, 0, 1e-4);
    question_set_why(a->q, "%s", _("Each is p, less 1 at the target, over the number of positions; the p sum to 1. Adding a constant to all logits changes no probability."));
    question_add_number(a->q, 1, "as-probs", _("That is what the probabilities add up to; 1 is taken off at the target."));
    question_add_number(a->q, -1, "target-only", _("That is the target's part alone; the other tokens have theirs."));
    question_add_number(a->q, 1 / n, "as-probs", _("That is the probabilities' part alone; the target's is −1 over the same number."));
    question_add_number(a->q, -1 / n, "target-only", _("That is the target's −1 alone; the probabilities sum to as much on the other side."));
    return true;
}

static bool make_target_sign(Ask *a)
{
    size_t row;
    if (!find_counted(a, true, &row))
        return false;
    double g = (double)ask_row(gradient(a), a, 0, row)[a->targets[row]];
    if (!(g < -1e-4))
        return false;
    ask_begin(a, QUESTION_CHOICE, "target-sign");
    ask_about(a, 0, row, (size_t)a->targets[row]);
    question_set_text(a->q, _("After %s the token %s should come. Which sign does the gradient of ITS logit have?"), ROW(row), ask_token(a, a->targets[row]).text);
    question_add_wrong(a->q, 1, _("positive"), "gradient-is-the-way", "%s",
                       _("That believes the gradient points where the logit should go. It points where the loss grows, and the step goes against it."));
    question_add_right(a->q, -1, _("negative"));
    question_add_wrong(a->q, 0, _("0: it is right"), "right-is-zero", "%s", _("It would be only with a probability of 1. What is likeliest still costs −ln p."));
    question_set_why(a->q, _("A higher logit there lowers the loss: (p − 1) over the counted positions, here %s."), small(g).text);
    return true;
}

static bool make_target_gradient(Ask *a)
{
    size_t row;
    if (!find_counted(a, true, &row))
        return false;
    size_t target = (size_t)a->targets[row];
    double p = (double)ask_row(pass_value(a->pass, a->plan->count - 1), a, 0, row)[target], n = counted_rows(a), right = (p - 1) / n;
    if (p > 0.97 || p < 1e-3)
        return false;
    ask_begin(a, QUESTION_NUMBER, "target-gradient");
    ask_about(a, 0, row, target);
    question_set_text(a->q, _("After %s the token %s should come, and got the probability %.4f. The loss is the mean over %.0f positions. What is the gradient of its logit?"), ROW(row),
                      ask_token(a, (int)target).text, p, n);
    question_set_number(a->q, right, 0.0006 + 0.01 * fabs(right));
    question_set_why(a->q, _("(p − 1) / %.0f: softmax and logarithm together leave just that."), n);
    question_add_number(a->q, p - 1, "not-mean", _("That is one position's; the loss is the mean, so each counts for its share."));
    question_add_number(a->q, p / n, "not-target", _("That is the gradient of a token that is not the target: its whole probability is too much."));
    question_add_number(a->q, -right, "sign", _("The sign: a higher logit here lowers the loss."));
    question_add_number(a->q, -1 / (p * n), "of-probability", _("That is the gradient with respect to the probability, −1/p; the softmax comes before it."));
    question_add_number(a->q, -1 / p, "of-probability", _("That is the gradient with respect to the probability, −1/p; the softmax comes before it."));
    question_add_number(a->q, -log(p), "loss", _("That is the loss of this position, not how it changes."));
    return true;
}

static bool make_probs(Ask *a)
{
    ask_begin(a, QUESTION_CHOICE, "probs-gradient");
    question_set_text(a->q, "%s", _("On the way back the first stage is this one, the probabilities. What is its gradient?"));
    question_add_right(a->q, 0, _("0: nothing reads it"));
    question_add_wrong(a->q, 1, _("−1/p at each target"), "loss-reads-probs", "%s",
                       _("That would be so if the loss were computed from the probabilities. It reads the logits: −1/p is huge where p is small, and p − 1 is not."));
    question_add_wrong(a->q, 2, _("p − 1 at each target, p elsewhere"), "logits-gradient", "%s", _("That, over the number of positions, is the logits' gradient: the next stage back."));
    question_set_why(a->q, "%s", _("The loss is computed from the logits in one go; the probabilities are there to be looked at."));
    question_shuffle(a->q, random_bits(&a->random));
    return true;
}

/* ---- zero, and why ---- */

/* A query, or what is made from it up to the softmax, of a row with nothing to choose between. */
static bool sees_one_key(const Ask *a)
{
    size_t first, end, n = 0;
    StageKind k = a->stage->kind;
    if (k != STAGE_Q && k != STAGE_Q_ROT && k != STAGE_SCORES && k != STAGE_SCALED && k != STAGE_BIASED && k != STAGE_MASKED)
        return false;
    plan_sub(a->plan, a->i, &first, &end);
    while (a->plan->stages[first].kind != STAGE_MASKED)
        first++;
    const Stage *masked = &a->plan->stages[first];
    for (size_t j = 0; j < masked->shape[2]; j++)
        n += pass_sees(a->pass, masked, a->row, j);
    return n == 1;
}

/* A row of a causal decoder, behind the last position that is counted. */
static bool is_after_counted(const Ask *a)
{
    if (a->stage->axis_stack[a->stage->rank - 2] != STACK_DECODER || a->ablations & NO_MASK)
        return false;
    for (size_t t = a->row; t < a->target_count; t++)
        if (a->targets[t] >= 0)
            return false;
    return true;
}

/* What comes before weights that are no longer computed from scores. */
static bool is_decided(const Ask *a)
{
    StageKind k = a->stage->kind;
    return (a->ablations & UNIFORM_ATTENTION) && (k == STAGE_Q || k == STAGE_K || k == STAGE_Q_ROT || k == STAGE_K_ROT || (k >= STAGE_SCORES && k <= STAGE_MASKED));
}

static bool make_zero(Ask *a)
{
    size_t heads = a->stage->rank == 3 ? a->stage->shape[0] : 1;
    const real *g = gradient(a);
    double row = 0, largest = 0;
    if (a->edited)
        return false;
    bool constant = a->stage->kind == STAGE_POSITIONS && a->config->position == POSITION_SINUSOIDAL;
    for (size_t h = 0; h < heads; h++)
        for (size_t i = 0; i < a->rows; i++) {
            double size = size_of(ask_row(g, a, h, i), a->cols);
            largest = fmax(largest, size);
            if (i == a->row)
                row = fmax(row, size);
        }
    if (row > 0 && row < 1e-4 * largest)
        return false;
    if (row > 0 && row < 1e-6)
        return false;
    ask_begin(a, QUESTION_CHOICE, "zero-gradient");
    question_set_text(a->q, _("Row %s: is its gradient 0?"), ROW(a->row));
    if (row > 0) {
        question_add_wrong(a->q, 1, _("yes, everywhere"), "nothing-reads-it", "%s", _("That believes nothing on the way to the loss reads this row. Something does."));
        question_add_right(a->q, 0, _("no"));
        question_set_why(a->q, _("Its norm is %s: change the row, and the loss changes."), small(row).text);
        return true;
    }
    question_add_right(a->q, 1, _("yes, everywhere"));
    question_add_wrong(a->q, 0, _("no"), "loss-reaches-all", "%s", _("That believes every number matters to the loss. A small change of this row leaves it where it is."));
    question_set_why(a->q, "%s", constant              ? _("The table of sines is a constant: no gradient is taken through it.")
                                 : sees_one_key(a)     ? _("This query sees one key only, whose weight is 1 whatever its score: nothing here moves it.")
                                 : is_after_counted(a) ? _("No counted position stands here or later, and earlier ones do not see this row.")
                                 : largest > 0         ? _("Other rows have one. What is counted does not read this row, or what reads it lets nothing through.")
                                 : is_decided(a)       ? _("The whole matrix has none: with uniform-attention the weights are constants, and scores decide nothing.")
                                                       : _("The whole matrix has none: nothing that is counted reads it."));
    return true;
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
        const real *g = ask_row(gradient(a), a, a->head, row);
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
    question_set_text(a->q, _("What do the gradients of row %s of these scores add up to? (Their absolute values add up to %s.)"), ROW(row), small(all).text);
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
    if (ask_row(gradient(a), a, a->head, row)[key] != 0 || size_of(gradient(a), a->stage->count) < 1e-6)
        return false;
    ask_begin(a, QUESTION_CHOICE, "hidden-gradient");
    ask_about(a, a->head, row, key);
    question_set_text(a->q, _("Query %s may not see key %s. What is the gradient of that score?"), ROW(row), COLUMN(key));
    question_add_right(a->q, 0, _("exactly 0"));
    question_add_wrong(a->q, 1, "−∞", "as-value", "%s", _("That is the score's value behind the mask, not how the loss changes with it."));
    question_add_wrong(a->q, 2, _("positive: it must go down"), "pushed-down", "%s", _("It cannot go further down than hidden: whatever it was, its weight is 0."));
    question_set_why(a->q, "%s", _("Its weight is 0 whatever the score is, so nothing depends on it: a mask lets nothing back, either."));
    question_shuffle(a->q, random_bits(&a->random));
    return true;
}

static bool make_scores_gradient(Ask *a)
{
    const real *g = ask_row(gradient(a), a, a->head, a->row), *after = ask_row(pass_gradient(a->pass, a->i + 1), a, a->head, a->row);
    double scale = stage_scale(a->config, a->ablations), d = (double)a->config->d_head;
    size_t j = 0;
    for (size_t k = 1; k < a->cols; k++)
        j = fabs((double)after[k]) > fabs((double)after[j]) ? k : j;
    double from = (double)after[j], right = (double)g[j];
    if (fabs(from) < 1e-6 || a->plan->stages[a->i + 1].kind != STAGE_SCALED)
        return false;
    ask_begin(a, QUESTION_NUMBER, "scores-gradient");
    ask_about(a, a->head, a->row, j);
    question_set_text(a->q, _("The gradient of the SCALED score of query %s with key %s is %s. What is that of the raw score? (d_head %zu%s)"), ROW(a->row), COLUMN(j), small(from).text,
                      a->config->d_head,
                      a->ablations & NO_SCALE      ? _(", no-scale is on")
                      : a->ablations & SCALE_BY_DK ? _(", scale-by-dk is on")
                                                   : "");
    question_set_number(a->q, right, 0.01 * fabs(right));
    question_set_why(a->q, _("A factor goes back as it came: times %.4f."), scale);
    question_add_number(a->q, from, "unscaled", _("That is the same: it believes a factor only counts forwards."));
    question_add_number(a->q, from / scale, "divided-back", _("That undoes the factor. What moves the raw score moves the scaled one by LESS: its gradient is smaller."));
    question_add_number(a->q, from / d, "by-dk", _("That divides by d_head, not by its root."));
    question_add_number(a->q, from / sqrt(d), "root", _("That is the usual factor, which is not used here."));
    question_add_number(a->q, 0, "zero", _("0 would mean the raw score has no effect."));
    return true;
}

static bool make_key_bias(Ask *a)
{
    if (a->stage->w[1] == NO_WEIGHT || (a->stage->sub == SUB_SELF && a->config->position == POSITION_ROPE && !(a->ablations & NO_POSITIONS)))
        return false;
    const Weight *w = &pass_model(a->pass)->weights.items[a->stage->w[1]];
    double bias = size_of(pass_weight_gradient(a->pass, (size_t)a->stage->w[1]), w->count), keys = size_of(gradient(a), a->stage->count);
    if (keys < 1e-6 || bias > 1e-3 * keys)
        return false;
    ask_begin(a, QUESTION_CHOICE, "key-bias");
    question_set_text(a->q, "%s", _("b_K is added to every key. What is the gradient of b_K?"));
    question_add_right(a->q, 0, _("0, but for rounding"));
    question_add_wrong(a->q, 1, _("the sum of the keys' gradients, which is not 0"), "sum-of-keys", "%s", _("It is their sum, but that is 0: what one key gains another loses."));
    question_add_wrong(a->q, 2, _("as large as b_Q's"), "as-query-bias", "%s", _("b_Q changes how a query compares the keys. b_K adds the same to a query's score with every key."));
    question_set_why(a->q, _("q · b_K is the same for every key: a constant added to a row of scores, which the softmax ignores. Computed: %s, beside keys' gradients of %s."), small(bias).text,
                     small(keys).text);
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
    question_add_wrong(a->q, 1, _("half of them each"), "shared-out", "%s", _("That shares the gradient out. A sum passes all of it to each of its parts: either could move the loss by as much."));
    question_add_wrong(a->q, 2, _("in proportion to how large each part is"), "by-size", "%s", _("That is so for products. In a sum each part counts alike, however large it is."));
    question_set_why(a->q, "%s", why);
    question_shuffle(a->q, random_bits(&a->random));
    return true;
}

static bool make_residual_copy(Ask *a)
{
    int r = residual_after(a);
    if (r == NO_STAGE || size_of(gradient(a), a->stage->count) < 1e-9 ||
        memcmp(gradient(a), pass_gradient(a->pass, (size_t)r), a->stage->count * sizeof(real)) != 0)
        return false;
    return ask_copy(a, "residual-copy", _("This result was added to the stream. The sum's gradient is known: what gradient does the result get?"),
                    a->ablations & NO_RESIDUAL ? _("no-residual: the result is all there is, and gets all of it.")
                                               : _("A sum hands its gradient to both sides, whole: also straight back along the stream, past this sub-layer."));
}

static bool make_embedding_copy(Ask *a)
{
    size_t sum = a->i + 1;
    while (sum < a->plan->count && a->plan->stages[sum].kind != STAGE_SUM)
        sum++;
    if (sum == a->plan->count || (a->plan->stages[sum].in[0] != (int)a->i && a->plan->stages[sum].in[1] != (int)a->i) || size_of(gradient(a), a->stage->count) < 1e-9 ||
        memcmp(gradient(a), pass_gradient(a->pass, sum), a->stage->count * sizeof(real)) != 0)
        return false;
    return ask_copy(a, "embedding-copy", _("This was added to the other half of the embedding. The sum's gradient is known: what gradient does this get?"),
                    _("A sum hands its gradient to both sides, whole."));
}

static bool make_concat_size(Ask *a)
{
    double here = size_of(gradient(a), a->stage->count), concat = size_of(pass_gradient(a->pass, a->i + 1), a->stage->count);
    if (a->plan->stages[a->i + 1].kind != STAGE_CONCAT || here < 1e-9 || fabs(here / concat - 1) > 1e-4)
        return false;
    ask_begin(a, QUESTION_CHOICE, "concat-size");
    question_set_text(a->q, _("The gradient of the heads side by side has norm %s. What norm does that of the heads apart have?"), small(concat).text);
    question_set_why(a->q, "%s", _("The same numbers in another order: putting side by side computes nothing, either way."));
    return ask_direction(a, 0, (Direction){_("larger"), "adds-up", _("Nothing is added up: each number goes back to the one place it came from.")},
                         (Direction){_("smaller"), "shared-out", _("Nothing is shared out: each number goes back to the one place it came from.")}, (Direction){_("the same"), NULL, NULL});
}

/* ---- the FFN, the embedding ---- */

static bool make_dead_unit(Ask *a)
{
    const real *x = ask_row(pass_value(a->pass, a->i), a, 0, a->row), *g = ask_row(gradient(a), a, 0, a->row);
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
    question_set_text(a->q, _("Row %s, unit %s stands at %s before ReLU; after it the gradient is %s. What is the gradient before it?"), ROW(a->row), COLUMN(c), NUM((double)x[c]),
                      small((double)above[c]).text);
    question_set_number(a->q, 0, 0.01 * fabs((double)above[c]));
    question_set_why(a->q, "%s", _("The unit is off: a small change leaves it off, and nothing comes of it."));
    question_add_number(a->q, (double)above[c], "passes", _("That is the gradient after ReLU: it passes where a unit is on, and stops where it is off."));
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
        rows += size_of(g + i * w->shape[1], w->shape[1]) > 0;
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
    question_set_text(a->q, _("The text has %zu tokens, %zu of them different, and W_E a row for each of %zu.%s How many of its rows get a gradient that is not 0?"), n, distinct, w->shape[0],
                      tied ? _(" W_E is the unembedding, too.") : "");
    question_set_number(a->q, (double)rows, 0);
    question_set_why(a->q, "%s", tied ? _("All: as the unembedding every row made a logit, and every logit has a gradient.") : _("Only the rows that were read; the same token reads the same row twice, and both add to it."));
    question_add_number(a->q, (double)w->shape[0], "whole-table", _("That is every row. A row that was not read has nothing to do with the loss."));
    question_add_number(a->q, (double)distinct, "read-rows", _("Those were read at the entrance. At the exit all rows are used again."));
    question_add_number(a->q, (double)n, "each-token", _("That counts a token that stands there twice as two rows."));
    question_add_number(a->q, 0, "none", _("The embedding is learned like any weight."));
    return true;
}

const MakerRow makers_gradient_shared[] = {
    {K_ALL & ~K(PROBS), make_zero},
    {K(NORM) | K(Q) | K(K) | K(V) | K(OUT) | K(GATE) | K(EXPAND) | K(CONTRACT) | K(LOGITS) | K(TOKENS), make_weight_shape},
    {K_ALL & ~K(PROBS), make_gradient_shape},
    {0, NULL},
};

const MakerRow makers_gradient[] = {
    {K(LOGITS), make_logit_sum},
    {K(LOGITS), make_target_sign},
    {K(LOGITS), make_target_gradient},
    {K(PROBS), make_probs},
    {K(MASKED) | K(BIASED) | K(SCALED) | K(SCORES), make_score_sum},
    {K(MASKED) | K(BIASED) | K(SCALED), make_hidden_gradient},
    {K(SCORES), make_scores_gradient},
    {K(K), make_key_bias},
    {K(OUT) | K(CONTRACT), make_residual_copy},
    {K(TOKENS) | K(POSITIONS), make_embedding_copy},
    {K(HEADS), make_concat_size},
    {K(EXPAND) | K(GATE), make_dead_unit},
    {K(TOKENS), make_embedding_rows},
    {0, NULL},
};
