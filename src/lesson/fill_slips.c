/* fill_slips.c - forgot the bias, took the column, left out exp: what number each slip gives, kind by kind. */
#include "lesson/fill_slips.h"

#include "base/text.h"

#include <math.h>

/* What the slips are computed from. */
typedef struct Slip {
    Question *q;
    Pass *pass;
    const Config *config;
    const Stage *s, *in[2];
    const Explanation *x;
    Cellref cell;
    const real *value, *v[2]; /* the stage's value and its inputs' */
    double right;
} Slip;

static double sum_of_terms(const Slip *k, bool products)
{
    double sum = 0;
    for (size_t i = 0; i < k->x->count; i++) {
        const ExplainLine *l = &k->x->lines[i];
        if (l->kind == LINE_TERM && l->in[1].kind != OPERAND_NONE)
            sum += products ? l->result : l->in[0].value;
    }
    return sum;
}

/* The last term of a product with weights is the bias, where there is one. */
static void linear(const Slip *k)
{
    const ExplainLine *last = &k->x->lines[k->x->count - 1];
    double products = sum_of_terms(k, true);
    if (last->kind == LINE_TERM && last->in[1].kind == OPERAND_NONE && last->in[0].kind == OPERAND_WEIGHT) {
        question_add_number(k->q, k->right - last->result, "no-bias", _("That leaves out the bias, which is added at the end."));
        question_add_number(k->q, k->right - 2 * last->result, "bias-subtracted", _("That takes the bias off instead of adding it."));
    }
    question_add_number(k->q, sum_of_terms(k, false), "no-weights", _("That adds up what is read without multiplying it by the weights."));
    double weights = 0;
    for (size_t i = 0; i < k->x->count; i++)
        if (k->x->lines[i].kind == LINE_TERM && k->x->lines[i].in[1].kind == OPERAND_WEIGHT)
            weights += k->x->lines[i].in[1].value;
    question_add_number(k->q, weights, "weights-only", _("That adds up the weights without what they are multiplied with."));
    if (k->s->w[0] == NO_WEIGHT || k->s->kind == STAGE_LOGITS)
        return;
    const Weight *w = &pass_model(k->pass)->weights.items[k->s->w[0]];
    int last_axis = k->s->rank - 1;
    size_t column = k->cell.index[last_axis] + (k->s->rank == 3 ? k->cell.index[0] * k->s->shape[2] : 0), m = w->shape[1],
           row = k->cell.index[k->s->rank - 2];
    if (w->rank != 2 || w->shape[0] != m || !k->v[0])
        return;
    double sum = k->right - products; /* with the bias */
    const Matrix values = pass_weight(k->pass, (size_t)k->s->w[0]);
    for (size_t j = 0; j < m; j++)
        sum += (double)k->v[0][row * m + j] * (double)matrix_at(&values, column, j);
    question_add_number(k->q, sum, "row-for-column",
                        _("That goes along a row of the weights. A row of what is read meets a COLUMN of the weights."));
}

static void scores(const Slip *k)
{
    size_t n = k->s->shape[1], m = k->s->shape[2], i = k->cell.index[1], j = k->cell.index[2];
    double d = (double)k->config->d_head;
    question_add_number(k->q, k->right / sqrt(d), "scaled-already", _("That is divided by √d_head already: the next stage does that."));
    if (n == m && i != j)
        question_add_number(k->q, (double)k->value[(k->cell.index[0] * n + j) * m + i], "transposed",
                            _("That is the score the other way round: the other token's query with this one's key."));
    question_add_number(k->q, sum_of_terms(k, false), "no-products", _("That adds up the query without multiplying by the key."));
}

static void scaled(const Slip *k, double raw)
{
    double d = (double)k->config->d_head;
    question_add_number(k->q, raw, "unscaled", _("That is the raw score: nothing was divided."));
    question_add_number(k->q, raw / d, "by-dk", _("That divides by d_head; its root is wanted."));
    question_add_number(k->q, raw / sqrt((double)k->config->d_model), "by-root-d-model",
                        _("That divides by √d_model. A score has d_head products, so it is √d_head."));
    question_add_number(k->q, raw * sqrt(d), "multiplied", _("That multiplies by √d_head instead of dividing."));
    question_add_number(k->q, raw / sqrt(d), "root", _("That divides by √d_head, which an ablation has changed here."));
}

static void biased(const Slip *k, double before)
{
    size_t i = k->cell.index[1], j = k->cell.index[2], away = i > j ? i - j : j - i;
    double slope = alibi_slope(k->cell.index[0], k->s->shape[0]);
    question_add_number(k->q, before, "no-bias", _("That leaves the distance out."));
    question_add_number(k->q, before + slope * (double)away, "added", _("That adds: the further away a key is, the LESS it gets."));
    question_add_number(k->q, before - (double)away, "no-slope", _("That takes off the distance without this head's slope."));
    question_add_number(k->q, before - slope, "one-step", _("That takes off the slope once, whatever the distance."));
}

/* Softmax: weights and probs. at is the cell's offset, rows the height of its matrix, m its width. */
static void softmax(const Slip *k, size_t at, size_t m, size_t rows)
{
    const real *z = k->v[0] + at / m * m;
    double own = (double)k->v[0][at], sum = 0, exps = 0, largest = -(double)INFINITY, column = 0;
    if (k->s->kind == STAGE_WEIGHTS && (pass_plan(k->pass)->ablations & UNIFORM_ATTENTION))
        return;
    for (size_t j = 0; j < m; j++)
        largest = (double)z[j] > largest ? (double)z[j] : largest;
    for (size_t j = 0; j < m; j++)
        if (isfinite(z[j])) {
            sum += (double)z[j];
            exps += exp((double)z[j] - largest);
        }
    const real *matrix = k->v[0] + at / (m * rows) * (m * rows);
    for (size_t i = 0; i < rows; i++)
        if (isfinite(matrix[i * m + at % m]))
            column += exp((double)matrix[i * m + at % m] - own);
    question_add_number(k->q, own, "score", _("That is the score itself, before the softmax."));
    question_add_number(k->q, exp(own - largest), "not-divided", _("That is exp of the score, not yet divided by the sum of its row."));
    question_add_number(k->q, exp(own), "not-divided", _("That is exp of the score, not yet divided by the sum of its row."));
    if (sum != 0)
        question_add_number(
            k->q, own / sum, "no-exp",
            _("That divides the scores themselves. Take exp of each first: then none is negative, and differences become ratios."));
    question_add_number(k->q, 1 / column, "column", _("That is a softmax down the column. Each row is shared out on its own."));
    question_add_number(k->q, exp(own - largest) / (exps - exp(own - largest)), "others-only",
                        _("That divides by the OTHER exps: its own belongs to the sum, too."));
    if (k->s->kind == STAGE_WEIGHTS && k->in[0]->in[0] != NO_STAGE) {
        const real *all = pass_value(k->pass, (size_t)k->in[0]->in[0]) + at / m * m;
        double unmasked = 0;
        for (size_t j = 0; j < m; j++)
            unmasked += exp((double)all[j] - own);
        question_add_number(k->q, 1 / unmasked, "unmasked", _("That counts the hidden keys, too: they have exp(−∞) = 0."));
    }
}

static void heads(const Slip *k)
{
    double values = 0, n = 0, most = -1, best = 0;
    for (size_t i = 0; i < k->x->count; i++) {
        const ExplainLine *l = &k->x->lines[i];
        if (l->kind != LINE_TERM || l->in[1].kind == OPERAND_NONE || l->in[0].value == 0)
            continue;
        values += l->in[1].value;
        n++;
        if (l->in[0].value > most) {
            most = l->in[0].value;
            best = l->in[1].value;
        }
    }
    question_add_number(k->q, values, "unweighted", _("That adds up the values without their weights."));
    if (n > 0) {
        question_add_number(k->q, values / n, "mean", _("That is the plain mean: each value counts as much as its key is looked at."));
        question_add_number(k->q, k->right / n, "divided-again",
                            _("That divides by the number of keys once more: the weights sum to 1 already."));
    }
    question_add_number(k->q, best, "hardest", _("That takes only the value of the key looked at most."));
}

static void norm(const Slip *k)
{
    size_t last = (size_t)k->s->rank - 1, d = k->s->shape[last], c = k->cell.index[last];
    const real *row = k->v[0] + cell_offset(k->s, k->cell.index) - c;
    double n = (double)d, mean = 0, variance = 0, squares = 0, x = (double)row[c];
    if (pass_plan(k->pass)->ablations & NO_NORM)
        return;
    for (size_t j = 0; j < d; j++)
        mean += (double)row[j] / n;
    for (size_t j = 0; j < d; j++) {
        variance += ((double)row[j] - mean) * ((double)row[j] - mean) / n;
        squares += (double)row[j] * (double)row[j] / n;
    }
    double vectors[2] = {1, 0}; /* gain, bias */
    for (int i = 0; i < 2; i++)
        if (k->s->w[i] != NO_WEIGHT) {
            const Matrix values = pass_weight(k->pass, (size_t)k->s->w[i]);
            vectors[i] = (double)matrix_entry(&values, c);
        }
    double gain = vectors[0], bias = vectors[1];
    bool rms = stage_norm_kind(k->s, k->config) == NORM_RMSNORM;
    double eps = k->config->norm_eps, deviation = sqrt((rms ? squares : variance) + eps), centred = rms ? x : x - mean;
    question_add_number(k->q, centred / deviation, "no-gain",
                        rms ? _("That leaves out the learned gain.") : _("That leaves out the learned gain and bias."));
    question_add_number(k->q, centred / deviation * gain, "no-bias", _("That leaves out the learned bias."));
    question_add_number(k->q, x / deviation * gain + bias, "not-centred", _("That does not take the row's mean off."));
    question_add_number(k->q, centred * gain + bias, "not-divided", _("That does not divide by the standard deviation."));
    question_add_number(k->q, centred / (deviation * deviation) * gain + bias, "no-root",
                        _("That divides by the variance; its root is wanted."));
    if (d > 1)
        question_add_number(k->q, centred / sqrt(variance * n / (n - 1) + eps) * gain + bias, "n-minus-one",
                            _("That divides the squares by n − 1. A norm describes this row, it estimates nothing: it divides by n."));
    if (rms)
        question_add_number(k->q, (x - mean) / deviation * gain, "centred",
                            _("That takes the mean off, as LayerNorm does; RMSNorm does not."));
}

static void activate(const Slip *k, double x)
{
    question_add_number(k->q, x > 0 ? x : 0, "as-relu", _("That is ReLU; this activation bends smoothly."));
    question_add_number(k->q, x, "unchanged", _("That lets the number through unchanged."));
    question_add_number(k->q, fabs(x), "absolute", _("That is the absolute value."));
    question_add_number(k->q, 1 / (1 + exp(-x)), "sigmoid", _("That is the share alone: it is multiplied by x."));
    question_add_number(k->q, x / (1 + exp(-x)), "as-silu", _("That is SiLU: x times the sigmoid of x."));
}

static void two(const Slip *k, double a, double b)
{
    if (k->s->kind == STAGE_SUM || k->s->kind == STAGE_RESIDUAL)
        question_add_number(k->q, b, k->s->kind == STAGE_RESIDUAL ? "replaced" : "position-only",
                            k->s->kind == STAGE_RESIDUAL
                                ? _("That is the sub-layer's result alone. It is added to the stream, not put in its place.")
                                : _("That is the position alone."));
    question_add_number(k->q, a, "first-only", _("That is the first of the two alone."));
    question_add_number(k->q, b, "second-only", _("That is the second of the two alone."));
    question_add_number(k->q, a + b, "added", _("That adds the two."));
    question_add_number(k->q, a * b, "multiplied", _("That multiplies the two."));
    question_add_number(k->q, a - b, "subtracted", _("That takes the second off."));
    question_add_number(k->q, (a + b) / 2, "mean", _("That is the mean of the two: the sum is not divided."));
}

static void positions(const Slip *k)
{
    size_t dim = config_sinusoid_dim(k->config, k->cell.index[1]);
    double angle = (double)k->cell.index[0] / pow(10000, (double)(dim / 2 * 2) / (double)k->config->d_model);
    if (k->config->position != POSITION_SINUSOIDAL)
        return;
    question_add_number(k->q, dim % 2 ? sin(angle) : cos(angle), "sine-cosine",
                        k->config->sinusoid_pairing == PAIRING_HALF
                            ? _("That takes sine for cosine, or the other way round: the first half of the dimensions are sines.")
                            : _("That takes sine for cosine, or the other way round: even dimensions are sines."));
    question_add_number(k->q, angle, "angle", _("That is the angle; its sine or cosine is wanted."));
}

void fill_add_slips(Question *q, Pass *p, Cellref cell, const Explanation *x)
{
    const Plan *plan = pass_plan(p);
    const Stage *s = &plan->stages[cell.stage];
    Slip k = {.q = q, .pass = p, .config = plan->config, .s = s, .x = x, .cell = cell, .right = x->stored};
    size_t at = cell_offset(s, cell.index);
    k.value = pass_value(p, cell.stage);
    for (int i = 0; i < 2; i++)
        if (s->in[i] != NO_STAGE) {
            k.in[i] = &plan->stages[s->in[i]];
            k.v[i] = pass_value(p, (size_t)s->in[i]);
        }
    if (stage_is_linear(s->kind)) {
        linear(&k);
        return;
    }
    switch (s->kind) {
    case STAGE_SCORES:
        scores(&k);
        break;
    case STAGE_SCALED:
        scaled(&k, (double)k.v[0][at]);
        break;
    case STAGE_BIASED:
        biased(&k, (double)k.v[0][at]);
        break;
    case STAGE_WEIGHTS:
        softmax(&k, at, s->shape[2], s->shape[1]);
        break;
    case STAGE_PROBS:
        softmax(&k, at, s->shape[1], s->shape[0]);
        break;
    case STAGE_HEADS:
        heads(&k);
        break;
    case STAGE_NORM:
    case STAGE_Q_NORM:
    case STAGE_K_NORM:
        norm(&k);
        break;
    case STAGE_ACTIVATE:
        activate(&k, (double)k.v[0][at]);
        break;
    case STAGE_SUM:
    case STAGE_TYPED:
    case STAGE_JOINED:
    case STAGE_RESIDUAL:
    case STAGE_PRODUCT:
        two(&k, (double)k.v[0][at], (double)k.v[1][at]);
        break;
    case STAGE_Q_ROT:
    case STAGE_K_ROT:
        question_add_number(q, (double)k.v[0][at], "not-turned", _("That is the number before it was turned."));
        break;
    case STAGE_TOKENS:
        question_add_number(q, k.right / sqrt((double)k.config->d_model), "unscaled", _("That is W_E's entry, not yet times √d_model."));
        break;
    case STAGE_POSITIONS:
        positions(&k);
        break;
    default:
        break;
    }
}
