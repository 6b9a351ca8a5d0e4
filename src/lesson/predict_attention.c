/* predict_attention.c - questions about the stages of attention, from the rotated queries to W_O. */
#include "lesson/predict_maker.h"
#include "measure/metrics.h"

#include <string.h>

enum { MANY = 1 << 20 };

/* ---- q_rot, k_rot ---- */

static bool make_rotated_norm(Ask *a)
{
    const real *x = ask_row(ask_input(a, 0), a, a->head, a->row), *y = ask_row(ask_value(a), a, a->head, a->row);
    double before = 0, after = 0;
    for (size_t j = 0; j < a->cols; j++) {
        before += (double)x[j] * (double)x[j];
        after += (double)y[j] * (double)y[j];
    }
    if (before <= 0 || fabs(after / before - 1) > 1e-4)
        return false;
    ask_begin(a, QUESTION_CHOICE, "rotated-norm");
    question_set_text(a->q, _("Row %s, before RoPE, has norm %s. What will its norm be after it?"), ROW(a->row), NUM(sqrt(before)));
    question_set_why(a->q, "%s", _("Turning a pair of dimensions moves it along a circle: its length stays, and so does the row's."));
    return ask_direction(
        a, 0,
        (Direction){_("larger"), "adds-position",
                    _("That believes a vector for the position is added, as in the first transformer. RoPE adds nothing: it turns.")},
        (Direction){_("smaller"), "decays",
                    _("That believes the position wears a vector down. It turns it; only dot products with others change.")},
        (Direction){_("the same"), NULL, NULL});
}

static bool make_rotated_angle(Ask *a)
{
    if (a->ablations & NO_POSITIONS || a->rows < 2)
        return false;
    size_t row = a->row ? a->row : 1 + (size_t)random_below(&a->random, a->rows - 1);
    if (rope_speed(a->config, 0) != 1)
        return false; /* a scaling slows the first pair down, too */
    ask_begin(a, QUESTION_NUMBER, "rotated-angle");
    ask_about(a, a->head, row, 0);
    question_set_text(a->q, _("By how many radians does RoPE turn the first pair of dimensions of row %zu, %s? (Positions count from 0.)"),
                      row, ROW(row));
    question_set_number(a->q, (double)row, 0.001);
    question_set_why(a->q, "%s",
                     _("The angle is position · theta^(−2i/d_head), and for the first pair, i = 0, that is the position itself."));
    question_add_number(a->q, (double)row + 1, "from-one",
                        _("That counts positions from 1: the first row, at position 0, is not turned at all."));
    question_add_number(a->q, 0, "not-turned", _("Only position 0 is not turned."));
    question_add_number(a->q, (double)row / (double)a->config->d_head, "divided",
                        _("That divides by d_head; for i = 0 the exponent is 0 and the factor is 1."));
    question_add_number(a->q, (double)row * 2 * 3.14159265358979, "full-turns",
                        _("That counts whole turns; it is radians, and one position is one radian."));
    return true;
}

static bool make_rotated_first(Ask *a)
{
    const real *x = ask_row(ask_input(a, 0), a, a->head, 0), *y = ask_row(ask_value(a), a, a->head, 0);
    if (memcmp(x, y, a->cols * sizeof *x) != 0)
        return false;
    ask_begin(a, QUESTION_CHOICE, "rotated-first");
    ask_about(a, a->head, 0, 0);
    question_set_text(a->q, _("What does RoPE do to row 0, %s?"), ROW(0));
    question_add_right(a->q, 0, _("nothing: it stays as it was"));
    question_add_wrong(a->q, 1, _("it turns it by one radian"), "from-one", "%s",
                       _("That counts positions from 1. Position 0 is turned by an angle of 0."));
    question_add_wrong(a->q, 2, _("it sets it to zeros"), "zeroes", "%s",
                       _("That multiplies by the position. It is the angle that is multiplied: cos 0 = 1, sin 0 = 0."));
    question_set_why(a->q, "%s", _("The angle is the position times a frequency: at position 0 it is 0."));
    question_shuffle(a->q, random_bits(&a->random));
    return true;
}

/* ---- scores ---- */

static bool make_score(Ask *a)
{
    const Stage *qs = ask_input_stage(a, 0), *ks = ask_input_stage(a, 1);
    size_t d = qs->shape[2], group = qs->shape[0] / ks->shape[0], j = (size_t)random_below(&a->random, a->cols);
    const real *q = ask_input(a, 0) + (a->head * a->rows + a->row) * d, *k = ask_input(a, 1) + (a->head / group * ks->shape[1] + j) * d;
    double qq = 0, kk = 0, qk = 0;
    for (size_t i = 0; i < d; i++) {
        qq += (double)q[i] * (double)q[i];
        kk += (double)k[i] * (double)k[i];
        qk += (double)q[i] * (double)k[i];
    }
    qq = sqrt(qq);
    kk = sqrt(kk);
    double angle = qk / (qq * kk);
    if (!(fabs(qk) > 0.05) || fabs(angle) < 0.05)
        return false;
    ask_begin(a, QUESTION_NUMBER, "score");
    ask_about(a, a->head, a->row, j);
    question_set_text(
        a->q,
        _("The query of %s is %s long, the key of %s is %s long, and the cosine of the angle between them is %s. What is their score?"),
        ROW(a->row), NUM(qq), COLUMN(j), NUM(kk), NUM(angle));
    question_set_number(a->q, qk, 0.003 + 0.001 * qq * kk);
    question_set_why(a->q, "%s", _("A dot product is the two lengths times the cosine."));
    question_add_number(a->q, angle, "cosine",
                        _("That is the cosine alone. A score grows with the lengths, too: a long key is looked at more."));
    question_add_number(a->q, qk / sqrt((double)d), "scaled-already", _("That is divided by √d_head already: it is the next stage's."));
    question_add_number(a->q, qq * kk, "lengths-only", _("That is the product of the lengths: right if both pointed the same way."));
    question_add_number(a->q, -qk, "sign", _("The sign is the cosine's."));
    question_add_number(a->q, qq + kk, "sum", _("That adds the lengths; they are multiplied."));
    return true;
}

static bool make_symmetric(Ask *a)
{
    if (a->stage->sub != SUB_SELF || a->rows < 2)
        return false;
    const real *x = ask_value(a) + a->head * a->rows * a->cols;
    size_t i = a->row, j = (i + 1 + (size_t)random_below(&a->random, a->rows - 1)) % a->rows;
    double there = (double)x[i * a->cols + j], back = (double)x[j * a->cols + i];
    if (!isfinite(there) || !isfinite(back) || fabs(there - back) < 0.01 + 0.02 * fabs(there))
        return false;
    ask_begin(a, QUESTION_CHOICE, "symmetric");
    ask_about(a, a->head, i, j);
    question_set_text(a->q, _("The score of query %s with key %s, and that of query %s with key %s: are they the same?"), ROW(i), COLUMN(j),
                      ROW(j), COLUMN(i));
    question_add_wrong(a->q, 1, _("yes: a dot product is the same both ways round"), "symmetric", "%s",
                       _("It would be, for one vector a token. But each token has a query and a key of its own, from two matrices."));
    question_add_right(a->q, 0, _("no"));
    question_set_why(a->q, _("%s one way, %s the other: whom a token looks for, and what it offers, are two things."), NUM(there),
                     NUM(back));
    return true;
}

static bool make_score_count(Ask *a)
{
    double H = (double)a->stage->shape[0], n = (double)a->rows, m = (double)a->cols;
    ask_begin(a, QUESTION_NUMBER, "score-count");
    question_set_text(a->q, _("%zu queries, %zu keys, %zu heads. How many scores does this stage compute?"), a->rows, a->cols,
                      a->stage->shape[0]);
    question_set_number(a->q, H * n * m, 0);
    question_set_why(a->q, "%s",
                     _("Every query with every key, in every head: the number that grows with the square of the text's length."));
    question_add_number(a->q, n * m, "one-head", _("That is one head's."));
    question_add_number(a->q, H * n * (n + 1) / 2, "masked-already",
                        _("That leaves the hidden ones out. Here all of them are computed; the mask comes afterwards."));
    question_add_number(a->q, n * (n + 1) / 2, "masked-already", _("That leaves the hidden ones out, and is one head's."));
    question_add_number(a->q, H * n, "one-a-query", _("That is one score a query; it has one with every key."));
    question_add_number(a->q, n, "one-a-query", _("That is one score a query; it has one with every key, in every head."));
    question_add_number(a->q, H * (n + m), "added", _("That adds queries and keys; every one meets every other."));
    return true;
}

static bool make_best_score(Ask *a)
{
    ask_begin(a, QUESTION_CHOICE, "best-score");
    question_set_text(a->q, _("Head %zu: which key will have the highest score with query %s?"), a->head, ROW(a->row));
    return ask_largest(a, ask_row(ask_value(a), a, a->head, a->row), a->row, _("The highest score"));
}

/* ---- scaled ---- */

static bool make_scaled(Ask *a)
{
    size_t j = (size_t)random_below(&a->random, a->cols);
    double raw = (double)ask_row(ask_input(a, 0), a, a->head, a->row)[j], scale = stage_scale(a->stage, a->config, a->ablations),
           d = (double)a->config->d_head;
    if (fabs(raw) < 0.1)
        return false;
    ask_begin(a, QUESTION_NUMBER, "scaled");
    ask_about(a, a->head, a->row, j);
    question_set_text(a->q, _("The raw score of query %s with key %s is %s. What becomes of it? (d_head %zu, d_model %zu%s)"), ROW(a->row),
                      COLUMN(j), NUM(raw), a->config->d_head, a->config->d_model,
                      a->ablations & NO_SCALE      ? _(", no-scale is on")
                      : a->ablations & SCALE_BY_DK ? _(", scale-by-dk is on")
                                                   : "");
    question_set_number(a->q, raw * scale, 0.001 + 0.003 * fabs(raw * scale));
    question_set_why(a->q, _("Times %.4f."), scale);
    question_add_number(a->q, raw, "unscaled", _("That is the raw score, not divided by anything."));
    question_add_number(a->q, raw / sqrt(d), "root", _("That divides by √d_head, which is switched to something else here."));
    question_add_number(
        a->q, raw / d, "by-dk",
        _("That divides by d_head. Its root is meant: the spread of a sum of d_head independent products grows with √d_head."));
    question_add_number(a->q, raw / sqrt((double)a->config->d_model), "by-root-d-model",
                        _("That divides by √d_model. A dot product has d_head terms, not d_model."));
    question_add_number(a->q, raw * sqrt(d), "multiplied", _("That multiplies; the scores are made smaller."));
    return true;
}

static bool make_variance_ratio(Ask *a)
{
    double scale = stage_scale(a->stage, a->config, a->ablations), d = (double)a->config->d_head;
    Moments raw = moments(ask_input(a, 0), a->stage->count);
    if (!(raw.variance > 1e-6 + 1e-4 * raw.mean * raw.mean)) /* all scores alike: no ratio */
        return false;
    ask_begin(a, QUESTION_NUMBER, "variance-ratio");
    question_set_text(a->q, _("The variance of the raw scores, divided by that of the scaled ones: what will it be? (d_head %zu%s)"),
                      a->config->d_head,
                      a->ablations & NO_SCALE      ? _(", no-scale is on")
                      : a->ablations & SCALE_BY_DK ? _(", scale-by-dk is on")
                                                   : "");
    question_set_number(a->q, 1 / (scale * scale), 0.01 / (scale * scale));
    question_set_why(a->q, "%s", _("A factor in the scores is squared in their variance, whatever the scores are."));
    question_add_number(a->q, 1 / scale, "not-squared", _("That is the factor of the scores themselves; a variance takes its square."));
    question_add_number(a->q, 1, "unchanged", _("That believes scaling only moves the scores; it pulls them together."));
    question_add_number(a->q, d, "by-dk", _("That would be so with the usual factor 1/√d_head, which is not used here."));
    question_add_number(a->q, scale * scale, "upside-down", _("That is the other way round: scaled by raw."));
    question_add_number(a->q, sqrt(d), "root", _("That is √d_head, not squared."));
    return true;
}

static bool make_entropy(Ask *a)
{
    bool mask = a->stage->kind == STAGE_MASKED;
    size_t row;
    if (!ask_find_row(a, 2, mask ? a->cols - 1 : MANY, &row))
        return false;
    const real *before = ask_row(ask_input(a, 0), a, a->head, row), *after = ask_row(ask_value(a), a, a->head, row);
    double from = ask_entropy(a, before, row, !mask), to = ask_entropy(a, after, row, true);
    bool same = !mask && memcmp(before, after, a->cols * sizeof *before) == 0;
    if (!same && fabs(to - from) < 0.01)
        return false;
    ask_begin(a, QUESTION_CHOICE, mask ? "entropy-masked" : "entropy-scaled");
    ask_about(a, a->head, row, 0);
    question_set_why(a->q, _("Computed: %.3f nats before, %.3f after."), from, to);
    if (mask) {
        question_set_text(a->q,
                          _("Query %s, head %zu: a softmax over all %zu keys would have entropy %.3f nats. With the mask only %zu are "
                            "left. Will its entropy be…"),
                          ROW(row), a->head, a->cols, from, ask_visible(a, row));
        return ask_direction(
            a, to > from ? 1 : -1,
            (Direction){_("higher: more even"), "mask-spreads",
                        _("Here it falls: what was hidden had a share, and fewer keys are left to share between.")},
            (Direction){_("lower: more pointed"), "mask-sharpens", _("Not here: fewer keys are left, but those share more evenly.")},
            (Direction){_("the same"), "mask-harmless",
                        _("That believes the hidden keys had no share. The softmax gives every score a share until it is −∞.")});
    }
    bool off = (a->ablations & NO_SCALE) != 0;
    question_set_text(a->q,
                      _("Query %s, head %zu: a softmax of its raw scores has entropy %.3f nats. After this stage, will its entropy be…%s"),
                      ROW(row), a->head, from, off ? _(" (no-scale is on)") : "");
    return ask_direction(
        a,
        same        ? 0
        : to > from ? 1
                    : -1,
        (Direction){_("higher: more even"), "scaling-spreads", _("It would be with the factor 1/√d_head; here there is no such factor.")},
        (Direction){_("lower: more pointed"), "scaling-sharpens",
                    _("The other way round: smaller differences between scores make a softmax more even, larger ones more pointed.")},
        (Direction){_("the same"), "factor-ignored", _("A softmax ignores a constant that is ADDED to a row. A factor it does not.")});
}

/* ---- biased ---- */

static bool make_biased(Ask *a)
{
    size_t j = (size_t)random_below(&a->random, a->cols), away = a->row > j ? a->row - j : j - a->row;
    double slope = alibi_slope(a->head, a->stage->shape[0]), x = (double)ask_row(ask_input(a, 0), a, a->head, a->row)[j];
    bool off = (a->ablations & NO_POSITIONS) != 0;
    if (!away || fabs(slope * (double)away) < 0.01)
        return false;
    ask_begin(a, QUESTION_NUMBER, "biased");
    ask_about(a, a->head, a->row, j);
    double right = off ? x : x - slope * (double)away;
    question_set_text(a->q,
                      _("Query %s stands at position %zu, key %s at %zu; their scaled score is %s, and head %zu's slope %.4f. What does "
                        "ALiBi make of it?%s"),
                      ROW(a->row), a->row, COLUMN(j), j, NUM(x), a->head, slope, off ? _(" (no-positions is on)") : "");
    question_set_number(a->q, right, 0.002);
    question_set_why(a->q, "%s", off ? _("No positions: nothing is taken off.") : _("The slope times the distance is taken off."));
    question_add_number(a->q, x - slope * (double)away, "still-on",
                        _("That takes the distance into account; no-positions has switched it off."));
    question_add_number(a->q, x, "no-bias", _("That leaves the score as it was: only a token's score with itself is."));
    question_add_number(a->q, x + slope * (double)away, "added", _("That adds: it would favour what is far away."));
    question_add_number(a->q, x - slope, "one-step", _("That takes the slope off once, whatever the distance."));
    question_add_number(a->q, x - (double)away, "no-slope", _("That takes off the distance without the slope."));
    question_add_number(a->q, x - slope * (double)j, "from-the-start",
                        _("That counts from the beginning of the text, not from the query."));
    return true;
}

static bool make_unbiased(Ask *a)
{
    const real *before = ask_row(ask_input(a, 0), a, a->head, a->row), *after = ask_row(ask_value(a), a, a->head, a->row);
    if (a->ablations & NO_POSITIONS || a->cols < 3)
        return false;
    for (size_t j = 0; j < a->cols; j++)
        if ((before[j] == after[j]) != (j == a->row)) /* beside a huge score a small slope is lost in rounding */
            return false;
    ask_begin(a, QUESTION_CHOICE, "unbiased");
    ask_about(a, a->head, a->row, a->row);
    question_set_text(a->q, _("Row %s: from the score of which key does ALiBi take nothing off?"), ROW(a->row));
    if (a->row != 0)
        question_add_wrong(a->q, 0, COLUMN(0), "first", "%s",
                           _("That counts the distance from the beginning of the text. It counts from the query."));
    if (a->row > 1)
        question_add_wrong(a->q, (double)a->row - 1, COLUMN(a->row - 1), "neighbour", "%s", _("One step away costs one slope already."));
    if (a->row + 1 < a->cols)
        question_add_wrong(a->q, (double)a->cols - 1, COLUMN(a->cols - 1), "last", "%s",
                           _("It is further away than the query itself; the mask is another matter."));
    question_add_right(a->q, (double)a->row, COLUMN(a->row));
    question_set_why(a->q, "%s", _("Its own: distance 0. It is not made better, the others are made worse."));
    question_shuffle(a->q, random_bits(&a->random));
    return true;
}

/* ---- masked ---- */

static size_t count_hidden(const Ask *a)
{
    size_t n = 0;
    for (size_t i = 0; i < a->rows; i++)
        n += a->cols - ask_visible(a, i);
    return n;
}

/* The keys that a query's window has, where it hides any of this text; 0: none is hidden by a window. */
static size_t short_window(const Ask *a)
{
    bool causal = stage_is_causal(a->stage) && !(a->ablations & NO_MASK);
    return causal && a->config->window < a->cols ? a->config->window : 0;
}

static bool make_hidden_count(Ask *a)
{
    double n = (double)a->rows, m = (double)a->cols, H = (double)a->stage->shape[0], hidden = (double)count_hidden(a);
    bool causal = stage_is_causal(a->stage) && !(a->ablations & NO_MASK);
    if (n < 2 || stage_hides(a->config, pass_ids(a->pass, a->stage->axis_stack[2], &(size_t){0}), a->cols))
        return false;
    ask_begin(a, QUESTION_NUMBER, "hidden-count");
    question_set_text(a->q, _("%s, %zu queries, %zu keys%s: how many scores of one head are hidden?"),
                      a->stage->sub == SUB_CROSS         ? _("Cross-attention")
                      : a->stage->stack == STACK_ENCODER ? _("An encoder's self-attention")
                                                         : _("A decoder's self-attention"),
                      a->rows, a->cols, a->ablations & NO_MASK ? _(" (no-mask is on)") : "");
    question_set_number(a->q, hidden, 0);
    if (short_window(a)) {
        question_set_why(a->q, _("What comes later, and what lies before its window of %zu keys, of which the last is itself."), short_window(a));
        question_add_number(a->q, n * (n - 1) / 2, "no-window",
                            _("That hides only what comes later. Here a query sees no further back than its window."));
    } else
        question_set_why(a->q, "%s",
                     causal ? _("Above the diagonal: a query may not see a later key. That is n(n−1)/2; itself it may see.")
                     : a->ablations & NO_MASK && stage_is_causal(a->stage) ? _("The mask is switched off: every query sees every key.")
                                                                           : _("Only a decoder looking at itself has a future to hide."));
    question_add_number(a->q, n * (n + 1) / 2, "diagonal-too",
                        _("That hides the diagonal too. Then the first query would see nothing: a row of −∞, and no softmax."));
    question_add_number(a->q, n * (n - 1) / 2, "causal-everywhere",
                        _("That hides what comes later, as a decoder's self-attention does. Here nothing is in the future."));
    question_add_number(a->q, 0, "nothing-hidden", _("That lets a query see the keys after it, whose tokens it is to predict."));
    question_add_number(a->q, H * n * (n - 1) / 2, "all-heads", _("That counts all heads."));
    question_add_number(a->q, n * m, "everything", _("That hides everything."));
    question_add_number(a->q, n - 1, "one-row", _("That is what the first row hides; each row hides one less."));
    return true;
}

static bool make_hidden_value(Ask *a)
{
    size_t row, key = 0;
    if (!ask_find_row(a, 1, a->cols - 1, &row))
        return false;
    while (ask_sees(a, row, key))
        key++;
    ask_begin(a, QUESTION_CHOICE, "hidden-value");
    ask_about(a, a->head, row, key);
    question_set_text(a->q, _("Query %s may not see key %s. What will stand there, so that its weight is exactly 0?"), ROW(row),
                      COLUMN(key));
    question_add_wrong(a->q, 0, "0", "zero", "%s",
                       _("A score of 0 is a score like any other: exp 0 = 1, and the hidden key would get a share."));
    question_add_wrong(a->q, -1, "-1", "small", "%s", _("exp(−1) = 0.37: a share, and not a small one."));
    question_add_right(a->q, -(double)INFINITY, "−∞");
    double old = (double)ask_row(ask_input(a, 0), a, a->head, row)[key];
    question_add_wrong(a->q, old, _("the score it had"), "kept", "%s", _("Then the query would look at it all the same."));
    question_set_why(a->q, "%s", _("exp(−∞) = 0, and the others share the whole 1."));
    question_shuffle(a->q, random_bits(&a->random));
    return true;
}

static bool make_visible(Ask *a)
{
    double n = (double)ask_visible(a, a->row), before = (double)a->row, all = (double)a->cols;
    if (a->cols < 3)
        return false;
    ask_begin(a, QUESTION_NUMBER, "visible");
    bool causal = stage_is_causal(a->stage) && !(a->ablations & NO_MASK);
    question_set_text(a->q, _("How many keys may query %zu, %s, see? (Positions count from 0, and there are %zu keys%s.)"), a->row,
                      ROW(a->row), a->cols, a->ablations & NO_MASK ? _("; no-mask is on") : "");
    question_set_number(a->q, n, 0);
    if (short_window(a)) {
        question_set_why(a->q, _("Itself and what is before it, up to the %zu keys of its window, padding left out."), short_window(a));
        question_add_number(a->q, before + 1, "no-window", _("That sees all the way back. Here a query sees no further back than its window."));
    } else
        question_set_why(a->q, "%s",
                         causal ? _("Itself and all before it, padding left out.")
                                : _("All of them, padding left out: nothing here is in the future."));
    question_add_number(a->q, before, "not-itself", _("That leaves out the query's own position."));
    question_add_number(a->q, before + 1, "causal-everywhere", _("That stops at the query itself, as in a decoder's self-attention."));
    question_add_number(a->q, all, "sees-the-future", _("That lets it see what comes after it."));
    question_add_number(a->q, all - 1, "not-itself", _("That leaves one out."));
    question_add_number(a->q, all - before, "backwards", _("That looks the other way: at itself and what comes after."));
    return true;
}

const MakerRow makers_attention[] = {
    {K(Q_ROT) | K(K_ROT), make_rotated_norm},
    {K(Q_ROT) | K(K_ROT), make_rotated_angle},
    {K(Q_ROT) | K(K_ROT), make_rotated_first},
    {K(SCORES), make_score},
    {K(SCORES), make_symmetric},
    {K(SCORES), make_score_count},
    {K(SCORES), make_best_score},
    {K(SCALED), make_scaled},
    {K(SCALED), make_variance_ratio},
    {K(SCALED) | K(MASKED), make_entropy},
    {K(BIASED), make_biased},
    {K(BIASED), make_unbiased},
    {K(MASKED), make_hidden_count},
    {K(MASKED), make_hidden_value},
    {K(MASKED), make_visible},
    {0, NULL},
};
