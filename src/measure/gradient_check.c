/* gradient_check.c - central differences of the loss, at one number of a stage or of a weight.
 *
 * Knows nothing of how a gradient is computed: only forward passes and the loss. */
#include "measure/gradient_check.h"

#include "measure/explain_lines.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>

/* The number that is changed. */
typedef struct Number {
    Pass *pass;
    bool is_weight;
    size_t index, offset; /* which stage or weight, and where in it */
    size_t first;         /* the first stage that depends on it */
    real *copy;           /* of the weight, to be changed; NULL for a stage */
    unsigned char *signs; /* by unit of every ReLU: whether it was on */
    const int *targets;
    size_t targets_len;
} Number;

static double epsilon(void)
{
    return REAL_IS_DOUBLE ? DBL_EPSILON : (double)FLT_EPSILON;
}

/* Root mean square of the finite numbers; 0 where all are 0. */
static double size_of(const real *x, size_t n)
{
    double squares = 0;
    size_t count = 0;
    for (size_t i = 0; i < n; i++)
        if (isfinite(x[i])) {
            squares += (double)x[i] * (double)x[i];
            count++;
        }
    return count ? sqrt(squares / (double)count) : 0;
}

/* ---- the loss ---- */

/* The mean over the counted rows of log Σ exp(logits) - logits[target], in double. */
static double loss_of(const Number *x)
{
    const Plan *plan = pass_plan(x->pass);
    const Stage *s = &plan->stages[plan->count - 2];
    const real *row = pass_value(x->pass, plan->count - 2);
    double sum = 0, counted = 0;
    for (size_t t = 0; t < x->targets_len; t++, row += s->shape[1]) {
        if (x->targets[t] < 0)
            continue;
        double max = (double)row[0], total = 0;
        for (size_t j = 0; j < s->shape[1]; j++)
            max = fmax(max, (double)row[j]);
        for (size_t j = 0; j < s->shape[1]; j++)
            total += exp((double)row[j] - max);
        sum += max + log(total) - (double)row[x->targets[t]];
        counted++;
    }
    return sum / counted;
}

/* ---- changing it ---- */

static int set_number(Number *x, real value, Error *e)
{
    if (!x->is_weight) {
        pass_override(x->pass, x->index, x->offset, value);
        return 0;
    }
    x->copy[x->offset] = value;
    return pass_use_weight(x->pass, x->index, matrix_of(x->copy, weight_columns(&pass_model(x->pass)->weights.items[x->index])), e);
}

/* Brings every value back; the pass is whole again. */
static void restore(Number *x, real value)
{
    if (x->is_weight)
        pass_use_weight(x->pass, x->index, (Matrix){0}, NULL); /* its memory is there: nothing can fail */
    else
        pass_override(x->pass, x->index, x->offset, value);
    pass_run(x->pass);
}

static int loss_at(Number *x, real value, double *loss, Error *e)
{
    if (set_number(x, value, e) != 0)
        return -1;
    *loss = loss_of(x);
    return 0;
}

/* ---- corners ---- */

/* Walks over the inputs of every ReLU after the number: notes which are on, or counts those that differ from what was noted. */
static size_t walk_units(Number *x, bool note)
{
    const Plan *plan = pass_plan(x->pass);
    size_t at = 0, switched = 0;
    if (plan->config->activation != ACTIVATION_RELU)
        return 0;
    for (size_t i = x->first; i < plan->count; i++) {
        if (plan->stages[i].kind != STAGE_ACTIVATE)
            continue;
        const real *in = pass_value(x->pass, (size_t)plan->stages[i].in[0]);
        for (size_t k = 0; k < plan->stages[i].count; k++, at++) {
            bool on = in[k] > 0;
            switched += !note && x->signs[at] != on;
            x->signs[at] = on;
        }
    }
    return switched;
}

static size_t count_units(const Plan *plan)
{
    size_t n = 0;
    for (size_t i = 0; i < plan->count; i++)
        n += plan->stages[i].kind == STAGE_ACTIVATE ? plan->stages[i].count : 0;
    return n;
}

/* ---- the differences ---- */

/* (loss(value + step) - loss(value - step)) / 2 step, over the distance that `real` makes of it. With `corners` it is set to how many ReLU
 * units are on at one side and off at the other. */
static int central(Number *x, real value, double step, double *plus, double *minus, double *slope, size_t *corners, Error *e)
{
    real up = (real)((double)value + step), down = (real)((double)value - step);
    if (loss_at(x, down, minus, e) != 0)
        return -1;
    if (corners)
        walk_units(x, true);
    if (loss_at(x, up, plus, e) != 0)
        return -1;
    if (corners)
        *corners = walk_units(x, false);
    *slope = (*plus - *minus) / ((double)up - (double)down);
    return 0;
}

/* Central differences over step, 2 step and 4 step, and what they make together. */
static int differ(Number *x, real value, double step, GradientCheck *out, Error *e)
{
    double plus, minus, slope, wide, widest;
    if (central(x, value, 4 * step, &plus, &minus, &widest, &out->corners, e) != 0 ||
        central(x, value, 2 * step, &plus, &minus, &wide, NULL, e) != 0 ||
        central(x, value, step, &out->plus, &out->minus, &slope, NULL, e) != 0)
        return -1;
    double wider = (4 * wide - widest) / 3;
    out->step = step;
    out->numeric = (4 * slope - wide) / 3;
    out->truncation = fabs(out->numeric - wider) / 15; /* grows with the fourth power of the step */
    return 0;
}

/* How well the loss is known: every number that is computed on the way is rounded to half of epsilon of its size, and its gradient says
 * what that does to the loss; the loss itself is no better than epsilon. */
static double loss_noise(const Number *x, double loss)
{
    const Plan *plan = pass_plan(x->pass);
    double squares = 0;
    for (size_t i = x->first; i < plan->count; i++) {
        const real *value = pass_value(x->pass, i), *g = pass_gradient(x->pass, i);
        for (size_t k = 0; k < plan->stages[i].count; k++)
            if (isfinite(value[k]))
                squares += (double)value[k] * (double)g[k] * (double)value[k] * (double)g[k];
    }
    return epsilon() * (fabs(loss) + sqrt(squares));
}

/* The step is half the fourth root of epsilon, in units of what stands around the number. Where a ReLU switches inside it, shorter ones
 * are tried. */
static int check(Number *x, real value, double scale, GradientCheck *out, Error *e)
{
    double size = fmax(scale, fabs((double)value)), step = sqrt(sqrt(epsilon())) / 2 * (size > 0 ? size : 1);
    out->value = (double)value;
    out->loss = loss_of(x);
    double noise = loss_noise(x, out->loss);
    int status = -1;
    for (int i = 0; i < 4; i++, step /= 8) {
        GradientCheck shorter = *out;
        status = differ(x, value, step, &shorter, e);
        if (status != 0)
            break;
        if (i == 0 || !shorter.corners)
            *out = shorter;
        if (!shorter.corners)
            break;
    }
    restore(x, value);
    out->rounding = 1.5 * noise / out->step; /* (4 · 2 + 1) / 3 / 2 of a loss's own */
    out->noise = out->rounding + out->truncation;
    out->error = fabs(out->analytic - out->numeric);
    out->agrees = out->error <= GRADIENT_CHECK_FACTOR * out->noise;
    return status;
}

/* What both checks need: targets and memory. */
static int begin(Number *x, Pass *p, Error *e)
{
    *x = (Number){.pass = p};
    x->targets = pass_targets(p, &x->targets_len);
    if (!x->targets)
        return error_set(e, "gradient: expected a pass that went backwards, found one that has not; set targets for the loss first");
    size_t n = count_units(pass_plan(p));
    x->signs = malloc(n ? n : 1);
    return x->signs ? 0 : error_memory(e, "gradient check");
}

static void end(Number *x)
{
    free(x->signs);
    free(x->copy);
}

/* The first stage that reads stage i, or i itself. */
static size_t first_reader(const Plan *plan, size_t i)
{
    for (size_t k = i + 1; k < plan->count; k++)
        if (plan->stages[k].in[0] == (int)i || plan->stages[k].in[1] == (int)i)
            return k;
    return i;
}

int gradient_check_cell(Pass *p, Cellref cell, GradientCheck *out, Error *e)
{
    const Plan *plan = pass_plan(p);
    Number x;
    *out = (GradientCheck){0};
    if (lines_check_address(plan, cell, e) != 0 || begin(&x, p, e) != 0)
        return -1;
    const Stage *s = &plan->stages[cell.stage];
    x.index = x.first = cell.stage;
    x.offset = cell_offset(s, cell.index);
    real value = pass_value(p, cell.stage)[x.offset];
    int status = 0;
    if (!isfinite(value)) {
        char name[STAGE_NAME_MAX];
        status = error_set(e, "%s: expected a finite number to change, found %g; choose a key that is not hidden", stage_name(s, name),
                           (double)value);
    } else {
        double scale = size_of(pass_value(p, cell.stage), s->count);
        size_t reader = first_reader(plan, cell.stage);
        if (scale == 0)
            scale = size_of(pass_value(p, reader), plan->stages[reader].count);
        out->analytic = (double)pass_gradient(p, cell.stage)[x.offset];
        out->constant = s->kind == STAGE_POSITIONS && plan->config->position == POSITION_SINUSOIDAL;
        status = check(&x, value, scale, out, e);
    }
    end(&x);
    return status;
}

int gradient_check_weight(Pass *p, size_t weight, size_t row, size_t col, GradientCheck *out, Error *e)
{
    const Plan *plan = pass_plan(p);
    Number x;
    *out = (GradientCheck){0};
    if (lines_check_entry(p, weight, row, col, e) != 0 || begin(&x, p, e) != 0)
        return -1;
    const Weight *w = &pass_model(p)->weights.items[weight];
    const Matrix values = pass_weight(p, weight);
    x.is_weight = true;
    x.index = weight;
    x.offset = w->rank == 2 ? row * w->shape[1] + col : row;
    while (x.first < plan->count && plan->stages[x.first].w[0] != (int)weight && plan->stages[x.first].w[1] != (int)weight)
        x.first++;
    x.copy = malloc(w->count * sizeof *x.copy);
    int status = x.copy ? 0 : error_memory(e, "gradient check");
    if (status == 0) {
        matrix_read(x.copy, &values, weight_rows(w), weight_columns(w));
        double scale = size_of(x.copy, w->count);
        if ((w->rank == 1 || scale == 0) && x.first < plan->count) /* a bias is as small or large as what it is added to */
            scale = size_of(pass_value(p, x.first), plan->stages[x.first].count);
        out->analytic = (double)pass_weight_gradient(p, weight)[x.offset];
        status = check(&x, x.copy[x.offset], scale, out, e);
    }
    end(&x);
    return status;
}
