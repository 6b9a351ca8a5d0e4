/* predict_gradient.c - questions on the way back: shapes, the loss and the logits, what has no gradient and why. */
#include "lesson/predict_maker.h"

#include <stdio.h>
#include <string.h>

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
    question_add_shape(
        a->q, wrong, s->rank, "transposed",
        _("That is transposed. Products on the way back use transposed matrices, but each gradient has its value's own shape."));
    question_add_shape(a->q, (size_t[]){1}, 1, "scalar", _("The loss is one number; its gradient is one for each number it depends on."));
    question_add_shape(a->q, s->shape + s->rank - 1, 1, "one-row", _("That is one row's."));
    if (s->rank == 3)
        question_add_shape(a->q, s->shape + 1, 2, "no-heads", _("That is one head's."));
    size_t square[] = {s->count, s->count};
    question_add_shape(
        a->q, square, 2, "jacobian",
        _("That is the Jacobian of a stage, each number by each. It is never written down: the gradient only passes through it."));
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
    question_set_text(a->q,
                      _("This stage reads %s. Which shape does the gradient of %s have? (%zu tokens, d_model %zu, heads %zu, d_head %zu, "
                        "d_ff %zu, vocabulary %zu)"),
                      name, name, a->rows, a->config->d_model, a->config->n_heads, a->config->d_head, a->config->d_ff,
                      a->config->vocab_size);
    question_set_shape(a->q, w->shape, w->rank);
    question_set_why(a->q, "%s", _("That of the weight itself: the tokens' parts are added up, and none is left apart."));
    if (w->rank == 2)
        question_add_shape(a->q, (size_t[]){w->shape[1], w->shape[0]}, 2, "transposed",
                           _("That is transposed: the optimiser takes it off the weight, number by number."));
    question_add_shape(a->q, a->stage->shape, a->stage->rank, "activations",
                       _("That is the shape of the stage's result. The tokens have gone: the same weight serves them all."));
    if (in)
        question_add_shape(a->q, in->shape, in->rank, "input", _("That is the shape of what the stage reads."));
    if (w->rank == 2)
        question_add_shape(a->q, (size_t[]){a->rows, w->shape[0], w->shape[1]}, 3, "one-a-token",
                           _("That keeps one for each token; they are added up."));
    else
        question_add_shape(a->q, (size_t[]){a->rows, w->shape[0]}, 2, "one-a-token",
                           _("That keeps one for each token; they are added up."));
    if (w->rank == 1 && a->stage->rank == 3)
        question_add_shape(a->q, (size_t[]){a->stage->shape[0], w->shape[0]}, 2, "one-a-head",
                           _("That keeps one for each head; they share the gain, and their parts are added up."));
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
    const real *g = ask_row(ask_gradient(a), a, 0, row);
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
    question_set_why(a->q, "%s",
                     _("Each is p, less 1 at the target, over the number of positions; the p sum to 1. Adding a constant to all logits "
                       "changes no probability."));
    question_add_number(a->q, 1, "as-probs", _("That is what the probabilities add up to; 1 is taken off at the target."));
    question_add_number(a->q, -1, "target-only", _("That is the target's part alone; the other tokens have theirs."));
    question_add_number(a->q, 1 / n, "as-probs", _("That is the probabilities' part alone; the target's is −1 over the same number."));
    question_add_number(a->q, -1 / n, "target-only",
                        _("That is the target's −1 alone; the probabilities sum to as much on the other side."));
    return true;
}

static bool make_target_sign(Ask *a)
{
    size_t row;
    if (!find_counted(a, true, &row))
        return false;
    double g = (double)ask_row(ask_gradient(a), a, 0, row)[a->targets[row]];
    if (!(g < -1e-4))
        return false;
    ask_begin(a, QUESTION_CHOICE, "target-sign");
    ask_about(a, 0, row, (size_t)a->targets[row]);
    question_set_text(a->q, _("After %s the token %s should come. Which sign does the gradient of ITS logit have?"), ROW(row),
                      ask_token(a, a->targets[row]).text);
    question_add_wrong(
        a->q, 1, _("positive"), "gradient-is-the-way", "%s",
        _("That believes the gradient points where the logit should go. It points where the loss grows, and the step goes against it."));
    question_add_right(a->q, -1, _("negative"));
    question_add_wrong(a->q, 0, _("0: it is right"), "right-is-zero", "%s",
                       _("It would be only with a probability of 1. What is likeliest still costs −ln p."));
    question_set_why(a->q, _("A higher logit there lowers the loss: (p − 1) over the counted positions, here %s."), ask_small(g).text);
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
    question_set_text(a->q,
                      _("After %s the token %s should come, and got the probability %.4f. The loss is the mean over %.0f positions. What "
                        "is the gradient of its logit?"),
                      ROW(row), ask_token(a, (int)target).text, p, n);
    question_set_number(a->q, right, 0.0006 + 0.01 * fabs(right));
    question_set_why(a->q, _("(p − 1) / %.0f: softmax and logarithm together leave just that."), n);
    question_add_number(a->q, p - 1, "not-mean", _("That is one position's; the loss is the mean, so each counts for its share."));
    question_add_number(a->q, p / n, "not-target",
                        _("That is the gradient of a token that is not the target: its whole probability is too much."));
    question_add_number(a->q, -right, "sign", _("The sign: a higher logit here lowers the loss."));
    question_add_number(a->q, -1 / (p * n), "of-probability",
                        _("That is the gradient with respect to the probability, −1/p; the softmax comes before it."));
    question_add_number(a->q, -1 / p, "of-probability",
                        _("That is the gradient with respect to the probability, −1/p; the softmax comes before it."));
    question_add_number(a->q, -log(p), "loss", _("That is the loss of this position, not how it changes."));
    return true;
}

static bool make_probs(Ask *a)
{
    ask_begin(a, QUESTION_CHOICE, "probs-gradient");
    question_set_text(a->q, "%s", _("On the way back the first stage is this one, the probabilities. What is its gradient?"));
    question_add_right(a->q, 0, _("0: nothing reads it"));
    question_add_wrong(a->q, 1, _("−1/p at each target"), "loss-reads-probs", "%s",
                       _("That would be so if the loss were computed from the probabilities. It reads the logits: −1/p is huge where p is "
                         "small, and p − 1 is not."));
    question_add_wrong(a->q, 2, _("p − 1 at each target, p elsewhere"), "logits-gradient", "%s",
                       _("That, over the number of positions, is the logits' gradient: the next stage back."));
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
    if (k < STAGE_Q || k > STAGE_MASKED || a->stage->axes[1] != AXIS_QUERY)
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
    return (a->ablations & UNIFORM_ATTENTION) && k >= STAGE_Q && k <= STAGE_MASKED && k != STAGE_V;
}

static bool make_zero(Ask *a)
{
    size_t heads = a->stage->rank == 3 ? a->stage->shape[0] : 1;
    const real *g = ask_gradient(a);
    double row = 0, largest = 0;
    if (a->edited)
        return false;
    bool constant = a->stage->kind == STAGE_POSITIONS && a->config->position == POSITION_SINUSOIDAL;
    for (size_t h = 0; h < heads; h++)
        for (size_t i = 0; i < a->rows; i++) {
            double size = ask_size(ask_row(g, a, h, i), a->cols);
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
        question_add_wrong(a->q, 1, _("yes, everywhere"), "nothing-reads-it", "%s",
                           _("That believes nothing on the way to the loss reads this row. Something does."));
        question_add_right(a->q, 0, _("no"));
        question_set_why(a->q, _("Its norm is %s: change the row, and the loss changes."), ask_small(row).text);
        return true;
    }
    question_add_right(a->q, 1, _("yes, everywhere"));
    question_add_wrong(a->q, 0, _("no"), "loss-reaches-all", "%s",
                       _("That believes every number matters to the loss. A small change of this row leaves it where it is."));
    question_set_why(
        a->q, "%s",
        constant              ? _("The table of sines is a constant: no gradient is taken through it.")
        : sees_one_key(a)     ? _("This query sees one key only, whose weight is 1 whatever its score: nothing here moves it.")
        : is_after_counted(a) ? _("No counted position stands here or later, and earlier ones do not see this row.")
        : largest > 0         ? _("Other rows have one. What is counted does not read this row, or what reads it lets nothing through.")
        : is_decided(a)       ? _("The whole matrix has none: with uniform-attention the weights are constants, and scores decide nothing.")
                              : _("The whole matrix has none: nothing that is counted reads it."));
    return true;
}

const MakerRow makers_gradient_shared[] = {
    {K_ALL & ~K(PROBS), make_zero},
    {K(NORM) | K(Q_NORM) | K(K_NORM) | K(Q) | K(K) | K(V) | K(OUT) | K(GATE) | K(EXPAND) | K(CONTRACT) | K(TRANSFORM) | K(LOGITS) |
         K(TOKENS),
     make_weight_shape},
    {K_ALL & ~K(PROBS), make_gradient_shape},
    {0, NULL},
};

const MakerRow makers_gradient[] = {
    {K(LOGITS), make_logit_sum}, {K(LOGITS), make_target_sign}, {K(LOGITS), make_target_gradient}, {K(PROBS), make_probs}, {0, NULL},
};
