/* predict_stream.c - questions about the residual stream, the norms and the FFN. */
#include "lesson/predict_maker.h"

#include <string.h>

static double norm_of(const real *x, size_t n)
{
    double sum = 0;
    for (size_t i = 0; i < n; i++)
        sum += (double)x[i] * (double)x[i];
    return sqrt(sum);
}

/* ---- tokens, positions, sum ---- */

static bool make_same_token(Ask *a)
{
    size_t n, i, j = 0;
    const int *ids = pass_ids(a->pass, a->stage->axis_stack[0], &n);
    for (i = 0; i < n; i++) {
        for (j = i + 1; j < n && ids[j] != ids[i]; j++)
            continue;
        if (j < n)
            break;
    }
    if (i >= n)
        return false;
    const real *x = ask_row(ask_value(a), a, 0, i), *y = ask_row(ask_value(a), a, 0, j);
    bool same = memcmp(x, y, a->cols * sizeof *x) == 0;
    double apart = 0;
    for (size_t k = 0; k < a->cols; k++)
        apart = fmax(apart, fabs((double)(x[k] - y[k])));
    if (!same && apart < 0.002)
        return false;
    ask_begin(a, QUESTION_CHOICE, "same-token");
    ask_about(a, 0, j, 0);
    question_set_text(a->q, _("%s stands at positions %zu and %zu. Will its two rows be the same?%s"), ask_token(a, ids[i]).text, i, j,
                      a->ablations & NO_POSITIONS ? _(" (no-positions is on)") : "");
    if (same) {
        question_add_right(a->q, 1, _("yes"));
        question_add_wrong(a->q, 0, _("no"), "position-known", "%s",
                           _("That believes a row knows where it stands already. Here it is the token alone that decides."));
        question_set_why(a->q, "%s", _("The same token takes the same row of W_E, and nothing else has been added."));
    } else {
        question_add_wrong(a->q, 1, _("yes"), "position-forgotten", "%s",
                           _("The same token, but not the same place: its position has been added."));
        question_add_right(a->q, 0, _("no"));
        question_set_why(a->q, "%s",
                         a->stage->stack == STACK_ENCODER
                             ? _("The rows now say what stands there and where: without it attention could not tell an order.")
                             : _("The rows now say what stands there and where: without it only the mask would tell attention of an order."));
    }
    return true;
}

static bool make_sinusoid(Ask *a)
{
    bool off = (a->ablations & NO_POSITIONS) != 0;
    if (a->config->position != POSITION_SINUSOIDAL && !off)
        return false;
    bool halves = a->config->sinusoid_pairing == PAIRING_HALF;
    size_t c = (size_t)random_below(&a->random, a->cols < 4 ? a->cols : 4);
    if (halves && !off && random_below(&a->random, 2))
        c += a->cols / 2 < a->cols - c ? a->cols / 2 : 0;
    double right = off ? 0 : sinusoid(0, config_sinusoid_dim(a->config, c), a->config->d_model);
    ask_begin(a, QUESTION_NUMBER, "position-zero");
    ask_about(a, 0, 0, c);
    question_set_text(a->q,
                      off ? _("no-positions is on. What stands at position 0, dimension %zu?")
                      : halves ? _("Sines in the first half of the dimensions, cosines in the second, of the position times a frequency. What "
                                   "stands at position 0, dimension %zu?")
                               : _("Sines in even dimensions, cosines in odd ones, of the position times a frequency. What stands at position "
                                   "0, dimension %zu?"),
                      c);
    question_set_number(a->q, right, 0.001);
    question_set_why(a->q, "%s",
                     off ? _("Zeros: the stage stays, and adds nothing.")
                         : _("The angle is 0 whatever the frequency: sin 0 = 0, cos 0 = 1."));
    question_add_number(a->q, 1 - right, "sine-cosine",
                        off ? _("That is the cosine's; no positions are added at all.")
                            : _("That takes sine for cosine, or the other way round."));
    question_add_number(a->q, sin(1), "from-one", _("That is sin 1: positions count from 0."));
    question_add_number(a->q, cos(1), "from-one", _("That is cos 1: positions count from 0."));
    return true;
}

static bool make_other_text(Ask *a)
{
    ask_begin(a, QUESTION_CHOICE, "other-text");
    question_set_text(a->q, _("Another text, just as long: which rows of this matrix will be different?"));
    question_add_wrong(a->q, 1, _("those whose token is different"), "token-decides", "%s",
                       _("That would be the token embeddings. This matrix never sees a token."));
    question_add_wrong(a->q, 2, _("all of them"), "all", "%s",
                       _("That believes it depends on the whole text. It depends on where a row stands, and on nothing else."));
    question_add_right(a->q, 0, _("none"));
    question_set_why(a->q, "%s", _("A position's vector is the same in every text."));
    question_shuffle(a->q, random_bits(&a->random));
    return true;
}

/* A cell made of two: a sum, or a product. */
static bool make_two(Ask *a)
{
    bool product = a->stage->kind == STAGE_PRODUCT, residual = a->stage->kind == STAGE_RESIDUAL;
    bool off = residual && (a->ablations & NO_RESIDUAL);
    const real *left = ask_row(ask_input(a, 0), a, 0, a->row), *right_side = ask_row(ask_input(a, 1), a, 0, a->row);
    size_t start = (size_t)random_below(&a->random, a->cols), c = 0, tries;
    double x = 0, y = 0;
    for (tries = 0; tries < a->cols; tries++) { /* neither too large nor too small to be added by hand */
        c = (start + tries) % a->cols;
        x = (double)left[c];
        y = (double)right_side[c];
        if (fabs(x) < 1000 && fabs(y) < 1000 && fabs(x) > 0.02 && (fabs(y) > 0.02 || (a->ablations & NO_POSITIONS)))
            break;
    }
    if (tries == a->cols)
        return false;
    double right = product ? x * y : off ? y : x + y;
    ask_begin(a, QUESTION_NUMBER, product ? "cell-product" : residual ? "cell-residual" : "cell-sum");
    ask_about(a, 0, a->row, c);
    if (residual)
        question_set_text(a->q, _("Row %s, %s: the stream holds %s, the sub-layer's result is %s. What does the stream hold afterwards?%s"),
                          ROW(a->row), COLUMN(c), NUM(x), NUM(y), off ? _(" (no-residual is on)") : "");
    else if (product)
        question_set_text(a->q, _("Row %s, unit %s: the opened gate is %s, the unit %s. What comes out?"), ROW(a->row), COLUMN(c), NUM(x),
                          NUM(y));
    else
        question_set_text(a->q, _("Row %s, %s: the token's embedding is %s, the position's %s. What is the sum of the two?"), ROW(a->row),
                          COLUMN(c), NUM(x), NUM(y));
    question_set_number(a->q, right, product ? ask_tolerance(x, y) : 0.0015);
    question_set_why(a->q, "%s",
                     product    ? _("One number times the other: a gate near 0 closes the unit, whatever it says.")
                     : off      ? _("no-residual: what was there is lost, the result alone goes on.")
                     : residual ? _("It is added: what was there stays, and the sub-layer only says what to change.")
                                : _("Added, number by number, into the same dimensions."));
    question_add_number(a->q, x + y, "added",
                        product ? _("That adds; a gate multiplies.") : _("That adds what was there; no-residual drops it."));
    question_add_number(a->q, y,
                        product    ? "gate-ignored"
                        : residual ? "replaced"
                                   : "position-only",
                        product    ? _("That is the unit alone, as if its gate stood open at 1.")
                        : residual ? _("That is the result alone: it believes the sub-layer replaces the stream. It is added to it.")
                                   : _("That is the position alone."));
    question_add_number(a->q, x,
                        product    ? "unit-ignored"
                        : residual ? "nothing-added"
                                   : "token-only",
                        product    ? _("That is the gate alone.")
                        : residual ? _("That is what was there, as if the sub-layer had said nothing.")
                                   : _("That is the token alone, as if it did not matter where it stands."));
    question_add_number(a->q, x - y, "subtracted", _("That subtracts."));
    question_add_number(a->q, x * y, "multiplied", _("That multiplies; here the two are added."));
    question_add_number(a->q, (x + y) / 2, "mean", _("That takes the mean; the sum is not divided."));
    return true;
}

/* ---- norm ---- */

static bool make_norm(Ask *a)
{
    const real *x = ask_row(ask_input(a, 0), a, a->head, a->row);
    double n = (double)a->cols, mean = 0, variance = 0, squares = 0;
    bool rms = stage_norm_kind(a->stage, a->config) == NORM_RMSNORM;
    if (a->ablations & NO_NORM)
        return false;
    for (size_t j = 0; j < a->cols; j++)
        mean += (double)x[j] / n;
    for (size_t j = 0; j < a->cols; j++) {
        variance += ((double)x[j] - mean) * ((double)x[j] - mean) / n;
        squares += (double)x[j] * (double)x[j] / n;
    }
    if ((rms ? squares : variance) < 400 * a->config->norm_eps || variance < 1e-4)
        return false; /* eps would be seen */
    int which = (int)random_below(&a->random, rms ? 2 : 3);
    double length = sqrt(n * squares);
    const char *before = rms ? _("RMSNorm") : _("LayerNorm");
    if (which == 0 && !rms) {
        if (fabs(mean) < 0.002)
            return false;
        ask_begin(a, QUESTION_NUMBER, "norm-mean");
        question_set_text(a->q,
                          _("Row %s has mean %s and variance %s. What is its mean after LayerNorm, before the learned gain and bias?"),
                          ROW(a->row), NUM(mean), NUM(variance));
        question_set_number(a->q, 0, 0.0005);
        question_set_why(a->q, "%s", _("The row's own mean is taken off every number of it."));
        question_add_number(a->q, 1, "variance", _("1 is what the variance becomes; the mean becomes 0."));
        question_add_number(a->q, mean, "unchanged", _("That is its mean before: it is taken off."));
        question_add_number(a->q, mean / sqrt(variance), "not-centred",
                            _("That only divides by the standard deviation, as RMSNorm nearly does; LayerNorm takes the mean off first."));
        return true;
    }
    if (which == 2 || (rms && which == 0)) {
        ask_begin(a, QUESTION_NUMBER, "norm-length");
        question_set_text(a->q,
                          _("Row %s is %s long (its Euclidean norm), in %zu dimensions. How long is it after %s, before the learned gain?"),
                          ROW(a->row), NUM(length), a->cols, before);
        question_set_number(a->q, sqrt(n), 0.01 * sqrt(n));
        question_set_why(a->q, _("%zu numbers whose squares have mean 1: √%zu."), a->cols, a->cols);
        question_add_number(a->q, 1, "unit-length",
                            _("That makes it a unit vector. It is the mean of the squares that becomes 1, not their sum."));
        question_add_number(a->q, length, "unchanged", _("That is its length before: a norm is there to change it."));
        question_add_number(a->q, n, "squared", _("That is the sum of the squares; the length is its root."));
        return true;
    }
    ask_begin(a, QUESTION_NUMBER, rms ? "norm-squares" : "norm-variance");
    question_set_text(a->q,
                      rms ? _("Row %s: the mean of its squares is %s. What is it after RMSNorm, before the learned gain?")
                          : _("Row %s has variance %s. What is its variance after LayerNorm, before the learned gain and bias?"),
                      ROW(a->row), NUM(rms ? squares : variance));
    question_set_number(a->q, 1, 0.005);
    question_set_why(a->q, "%s",
                     rms ? _("Every number is divided by the root of the mean of the squares.")
                         : _("Every number is divided by the row's standard deviation."));
    question_add_number(a->q, 0, "mean", rms ? _("Then the row would be all zeros.") : _("0 is what the mean becomes."));
    question_add_number(a->q, rms ? squares : variance, "unchanged", _("That is what it was before."));
    question_add_number(a->q, 1 / sqrt(n), "divided-again", _("That divides by the number of dimensions once more."));
    question_add_number(a->q, rms ? sqrt(squares) : sqrt(variance), "root-only", _("That takes the root; the row is divided by it."));
    return true;
}

static bool make_no_norm(Ask *a)
{
    if (!(a->ablations & NO_NORM))
        return false;
    ask_begin(a, QUESTION_CHOICE, "no-norm");
    question_set_text(a->q, _("no-norm is on. What will row %s be?"), ROW(a->row));
    question_add_right(a->q, 0, _("the row that goes in, as it is"));
    question_add_wrong(a->q, 1, _("that row, with its mean taken off"), "still-centred", "%s",
                       _("Nothing is taken off: the whole stage is a copy."));
    question_add_wrong(a->q, 2, _("that row times the learned gain"), "still-gained", "%s",
                       _("The gain belongs to the norm, and is off with it."));
    question_set_why(a->q, "%s", _("The stage stays in its place and copies."));
    question_shuffle(a->q, random_bits(&a->random));
    return true;
}

/* ---- the stream's size ---- */

static bool make_growth(Ask *a)
{
    const real *x = ask_row(ask_input(a, 0), a, 0, a->row), *y = ask_row(ask_value(a), a, 0, a->row);
    double before = norm_of(x, a->cols), after = norm_of(y, a->cols);
    if (a->ablations & NO_RESIDUAL || before < 1e-3 || fabs(after / before - 1) < 0.02)
        return false;
    ask_begin(a, QUESTION_CHOICE, "growth");
    question_set_text(a->q,
                      _("Row %s of the stream is %s long; the sub-layer's result, which is added, %s. Will the sum be longer than the "
                        "stream was, or shorter?"),
                      ROW(a->row), NUM(before), NUM(norm_of(ask_row(ask_input(a, 1), a, 0, a->row), a->cols)));
    question_set_why(a->q, _("It is %s long: it depends on the angle between the two."), NUM(after));
    return ask_direction(
        a, after > before ? 1 : -1,
        (Direction){_("longer"), "always-grows",
                    _("That believes adding always makes longer. A result that points against the stream takes something away.")},
        (Direction){_("shorter"), "shrinks",
                    _("A sum is shorter only where the result points against the stream, and far enough. Here it does not.")},
        (Direction){_("just as long"), "no-effect", _("It would need a result of 0, or one at just the right angle.")});
}

static bool make_beside(Ask *a)
{
    size_t first, end, r;
    plan_sub(a->plan, a->i, &first, &end);
    for (r = a->i + 1; r < end && a->plan->stages[r].kind != STAGE_RESIDUAL; r++)
        continue;
    if (r >= end || a->plan->stages[r].in[1] != (int)a->i)
        return false;
    double stream = norm_of(ask_row(pass_value(a->pass, (size_t)a->plan->stages[r].in[0]), a, 0, a->row), a->cols);
    double own = norm_of(ask_row(ask_value(a), a, 0, a->row), a->cols);
    if (stream < 1e-3 || (own / stream > 0.8 && own / stream < 1.25))
        return false;
    ask_begin(a, QUESTION_CHOICE, "beside");
    question_set_text(a->q, _("Row %s of the stream that this result is going to join is %s long. Will this result be longer, or shorter?"),
                      ROW(a->row), NUM(stream));
    question_set_why(a->q, _("It is %s long, %.0f%% of the stream."), NUM(own), 100 * own / stream);
    return ask_direction(
        a, own > stream ? 1 : -1,
        (Direction){_("longer"), "replaces",
                    _("That believes the sub-layer writes most of what goes on. Here it is a correction to a longer stream.")},
        (Direction){_("shorter"), "corrects", _("That believes a sub-layer only corrects what is there. Here it says more.")},
        (Direction){NULL, NULL, NULL});
}

/* ---- the FFN ---- */

static double activation(const Config *c, double x)
{
    switch (c->activation) {
    case ACTIVATION_RELU:
        return x > 0 ? x : 0;
    case ACTIVATION_SILU:
        return x / (1 + exp(-x));
    case ACTIVATION_GELU:
        return 0.5 * x * (1 + erf(x / sqrt(2)));
    case ACTIVATION_GELU_TANH:
        return 0.5 * x * (1 + tanh(sqrt(2 / 3.14159265358979) * (x + 0.044715 * x * x * x)));
    }
    return x;
}

static bool make_activation(Ask *a)
{
    const real *row = ask_row(ask_input(a, 0), a, 0, a->row);
    size_t start = (size_t)random_below(&a->random, a->cols), c = 0, k;
    bool want_negative = random_below(&a->random, 3) > 0, relu = a->config->activation == ACTIVATION_RELU;
    for (k = 0; k < a->cols; k++) {
        c = (start + k) % a->cols;
        if (fabs((double)row[c]) > 0.2 && fabs((double)row[c]) < 6 && (row[c] < 0) == want_negative)
            break;
    }
    if (k == a->cols)
        return false;
    double x = (double)row[c], y = activation(a->config, x);
    ask_begin(a, QUESTION_NUMBER, "activation");
    ask_about(a, 0, a->row, c);
    question_set_text(a->q, _("Row %s, unit %s holds %s. The activation is %s. What comes out, to two decimals?"), ROW(a->row), COLUMN(c),
                      NUM(x), activation_name(a->config->activation));
    question_set_number(a->q, y, relu ? 0.0015 : 0.012);
    question_set_why(
        a->q, "%s",
        relu ? _("ReLU: what is below 0 becomes 0, the rest stays.")
             : _("GELU and SiLU are x times a share that goes from 0 to 1: a little below 0 for negative x, nearly x for large x."));
    question_add_number(a->q, x > 0 ? x : 0, "as-relu", _("That is ReLU. This activation has no corner: it bends smoothly through 0."));
    question_add_number(a->q, x, "unchanged", _("That lets it through unchanged: without a bend the FFN would be one matrix."));
    question_add_number(a->q, fabs(x), "absolute", _("That takes the absolute value: a unit that is off would come back on."));
    question_add_number(a->q, 1 / (1 + exp(-x)), "sigmoid", _("That is the sigmoid alone, a share between 0 and 1."));
    question_add_number(a->q, tanh(x), "tanh", _("That is tanh; it would hold large numbers down to 1."));
    question_add_number(a->q, 0, "always-off", _("That would switch a unit off that is on."));
    return true;
}

/* Units of the row that are on, asked in quarters; none where it is near a border. */
static bool make_units(Ask *a)
{
    bool after = a->stage->kind == STAGE_ACTIVATE;
    const real *row = ask_row(ask_value(a), a, 0, a->row);
    size_t on = 0;
    for (size_t j = 0; j < a->cols; j++)
        on += row[j] > 0;
    double share = (double)on / (double)a->cols, margin = 0.04;
    int bin = share < 0.25 ? 0 : share < 0.5 ? 1 : share < 0.75 ? 2 : 3;
    if (fabs(share - 0.25) < margin || fabs(share - 0.5) < margin || fabs(share - 0.75) < margin)
        return false;
    static const char *const bins[] = {N_("less than a quarter"), N_("between a quarter and a half"),
                                       N_("between a half and three quarters"), N_("more than three quarters")};
    ask_begin(a, QUESTION_CHOICE, after ? "units-on" : "units-positive");
    question_set_text(a->q,
                      after ? _("Row %s has %zu units. After the activation, how many will be above 0?")
                            : _("Row %s has %zu units. How many will be above 0, before the activation?"),
                      ROW(a->row), a->cols);
    for (int i = 0; i < 4; i++) {
        if (i == bin)
            question_add_right(a->q, i, _(bins[i]));
        else
            question_add_wrong(a->q, i, _(bins[i]), i > bin ? "all-at-work" : "nearly-none", "%s",
                               i > bin
                                   ? _("That is too many. Each token wakes some of the units; the others write nothing, or nearly nothing.")
                                   : _("That is too few: more of them are at work for this token."));
    }
    question_set_why(a->q, _("%zu of %zu: %.0f%%."), on, a->cols, 100 * share);
    return true;
}

const MakerRow makers_stream[] = {
    {K(TOKENS) | K(SUM), make_same_token},
    {K(POSITIONS), make_sinusoid},
    {K(POSITIONS), make_other_text},
    {K(SUM) | K(RESIDUAL) | K(PRODUCT), make_two},
    {K(NORM) | K(Q_NORM) | K(K_NORM), make_norm},
    {K(NORM) | K(Q_NORM) | K(K_NORM), make_no_norm},
    {K(RESIDUAL), make_growth},
    {K(OUT) | K(CONTRACT), make_beside},
    {K(ACTIVATE), make_activation},
    {K(ACTIVATE) | K(EXPAND) | K(GATE), make_units},
    {0, NULL},
};
