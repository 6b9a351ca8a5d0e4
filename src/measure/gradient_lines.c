/* gradient_lines.c - what a person is told about a stage's gradient and about the loss, in words.
 *
 * Computes nothing itself beyond sums over a row: the numbers are gradient.c's. Where a stage is large only the head or row under the
 * cursor is walked over. */
#include "measure/gradient.h"

#include "base/text.h"
#include "measure/metric_writer.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* The cursor's row of stage i's gradient (of the cursor's head). */
static const real *gradient_row(const Writer *w, size_t i)
{
    const Stage *s = &pass_plan(w->pass)->stages[i];
    size_t row = s->rank == 3 ? w->head * s->shape[1] + w->row : w->row;
    return pass_gradient(w->pass, i) + row * s->shape[s->rank - 1];
}

static size_t row_length(const Writer *w)
{
    return w->stage->shape[w->stage->rank - 1];
}

/* "dim 3", "love": where in a row. */
static Name place(const Writer *w, size_t i)
{
    int axis = w->stage->rank - 1;
    Axis a = w->stage->axes[axis];
    Name name = writer_name(w, axis, i, 16);
    if (a == AXIS_KEY || a == AXIS_VOCAB || (a == AXIS_DIM && w->config->dim_names))
        return name;
    snprintf(name.text, sizeof name.text, "%s %zu", label_axis(a), i);
    return name;
}

/* The cursor's row, then its head, or all rows. */
static void say_size(Writer *w)
{
    const Stage *s = w->stage;
    size_t n = row_length(w), head = s->rank == 3 ? s->shape[1] * n : s->count;
    GradientSize row = gradient_size(gradient_row(w, w->i), n);
    if (row.largest > 0)
        writer_say(w, _("d of this row"), _("norm %s, largest %s at %s"), NUM(row.norm), NUM(row.largest), place(w, row.at).text);
    else
        writer_say(w, _("d of this row"), "%s", _("all 0.0"));
    GradientSize all = gradient_size(pass_gradient(w->pass, w->i) + (s->rank == 3 ? w->head * head : 0), head);
    writer_say(w, s->rank == 3 ? _("d of this head") : _("d of all rows"), _("rms %s, largest %s, %s zeros"), NUM(all.rms),
               NUM(all.largest), PERCENT(all.zeros));
}

/* True for a stage of keys whose bias adds the same q · b_K to all scores of a row: the softmax does not see it, its gradient is 0 in
 * theory. Keys that are rotated or normalised are another matter. */
static bool moves_rows_alike(const Writer *w)
{
    bool rotated = w->config->position == POSITION_ROPE && w->stage->sub == SUB_SELF && !(w->ablations & NO_POSITIONS);
    bool normalised = w->config->qk_norm && !(w->ablations & NO_NORM);
    return w->stage->kind == STAGE_K && !rotated && !normalised;
}

/* "d W_Q", for each weight the stage reads. */
static void say_weights(Writer *w)
{
    const Weights *weights = &pass_model(w->pass)->weights;
    for (int k = 0; k < 2; k++) {
        if (w->stage->w[k] == NO_WEIGHT)
            continue;
        const Weight *weight = &weights->items[w->stage->w[k]];
        const char *dot = strrchr(weight->name, '.');
        char label[WEIGHT_NAME_MAX + 2];
        snprintf(label, sizeof label, "d %s", dot ? dot + 1 : weight->name);
        double g = gradient_size(pass_weight_gradient(w->pass, (size_t)w->stage->w[k]), weight->count).norm;
        if (k == 1 && g > 0 && moves_rows_alike(w)) {
            writer_say(w, label, _("norm %s, rounding: it moves every score alike"), NUM(g));
            continue;
        }
        double size = weight_norm(weight);
        if (size > 0)
            writer_say(w, label, _("norm %s, beside |%s| %s: %s"), NUM(g), label + 2, NUM(size), NUM(g / size));
        else
            writer_say(w, label, _("norm %s"), NUM(g));
    }
}

/* Norms of what comes into a stage from behind and of what goes on, in one row. */
static void say_through(Writer *w, const char *label, double in, double out)
{
    if (in > 0)
        writer_say(w, label, _("norm %s comes in, %s goes on (%s)"), NUM(in), NUM(out), PERCENT(out / in));
    else
        writer_say(w, label, "%s", _("nothing comes in"));
}

/* The residual that reads stage i as its stream, or NO_STAGE. */
static int residual_of(const Plan *plan, size_t i)
{
    for (size_t k = i + 1; k < plan->count; k++)
        if (plan->stages[k].kind == STAGE_RESIDUAL && plan->stages[k].in[0] == (int)i)
            return (int)k;
    return NO_STAGE;
}

/* What comes back to the cursor's row of stage i by the skip connection, and by everything else that reads it. */
typedef struct Shares {
    double skip, rest, cosine;
} Shares;

static Shares shares(Writer *w, size_t i)
{
    const Plan *plan = pass_plan(w->pass);
    int residual = residual_of(plan, i);
    size_t n = plan->stages[i].shape[1];
    const real *all = gradient_row(w, i), *skip = NULL;
    if (residual != NO_STAGE && !(w->ablations & NO_RESIDUAL))
        skip = gradient_row(w, (size_t)residual);
    double aa = 0, bb = 0, ab = 0;
    for (size_t j = 0; j < n; j++) {
        double a = skip ? (double)skip[j] : 0, b = (double)all[j] - a;
        aa += a * a;
        bb += b * b;
        ab += a * b;
    }
    return (Shares){sqrt(aa), sqrt(bb), ab / sqrt(aa) / sqrt(bb)};
}

/* Where a place of the residual stream has its gradient from. */
static void say_stream(Writer *w)
{
    if (residual_of(pass_plan(w->pass), w->i) == NO_STAGE)
        return;
    Shares s = shares(w, w->i);
    if (w->ablations & NO_RESIDUAL)
        writer_say(w, _("by the skip"), "%s", _("nothing: no-residual"));
    else
        writer_say(w, _("by the skip"), _("norm %s, in this row"), NUM(s.skip));
    if (s.skip > 0 && s.rest > 0)
        writer_say(w, _("by the sub-layer"), _("norm %s (%s of the skip's), cosine %s"), NUM(s.rest), PERCENT(s.rest / s.skip),
                   NUM(s.cosine));
    else
        writer_say(w, _("by the sub-layer"), _("norm %s, in this row"), NUM(s.rest));
}

/* What a norm hands on: all its input has that did not come by the skip connection; there is none around queries and keys. */
static void say_norm(Writer *w)
{
    size_t from = (size_t)w->stage->in[0];
    double in = gradient_size(gradient_row(w, w->i), row_length(w)).norm;
    if (w->ablations & NO_NORM)
        writer_say(w, _("through the norm"), "%s", _("unchanged: no-norm"));
    else if (w->stage->rank == 3)
        say_through(w, _("through the norm"), in, gradient_size(gradient_row(w, from), row_length(w)).norm);
    else
        say_through(w, _("through the norm"), in, shares(w, from).rest);
    say_stream(w);
}

/* The softmax of WEIGHTS stage i, on the way back. */
static void say_softmax(Writer *w, size_t i)
{
    Writer names = *w; /* keys are the weights' last axis, and the masked scores' */
    names.stage = &pass_plan(w->pass)->stages[i];
    SoftmaxRow row = softmax_row(w->pass, i, w->head, w->row);
    if (w->ablations & UNIFORM_ATTENTION) {
        writer_say(w, _("through the softmax"), "%s", _("nothing: uniform-attention has none"));
        return;
    }
    say_through(w, _("through the softmax"), row.in, row.out);
    if (row.visible == 1)
        writer_say(w, _("p(1-p), this row"), "%s", _("0.0: only one key is visible, its weight is always 1"));
    else
        writer_say(w, _("p(1-p), this row"), _("%s at %s (p %s), Σ %s%s"), NUM(row.weight * (1 - row.weight)),
                   writer_name(&names, 2, row.largest, 12).text, NUM(row.weight), NUM(row.slopes), row.dead ? _(", dead") : "");
    SoftmaxFlow flow = softmax_flow(w->pass, i, (int)w->head);
    writer_say(w, _("dead rows, this head"), _("%zu of %zu with a choice (largest weight > %g)"), flow.dead, flow.rows, SOFTMAX_DEAD);
    if (flow.in > 0)
        writer_say(w, _("softmax, this head"), _("norm %s comes in, %s goes on (%s)"), NUM(flow.in), NUM(flow.out),
                   PERCENT(flow.out / flow.in));
}

/* What the activation lets back to the units it reads. */
static void say_activation(Writer *w, size_t activate)
{
    size_t n = row_length(w), off = 0;
    const real *in = gradient_row(w, activate), *out = gradient_row(w, (size_t)pass_plan(w->pass)->stages[activate].in[0]);
    for (size_t j = 0; j < n; j++)
        off += out[j] == 0;
    say_through(w, _("through the activation"), gradient_size(in, n).norm, gradient_size(out, n).norm);
    writer_say(w, _("units that learn nothing"), _("%zu of %zu in this row"), off, n);
}

/* "target love" of the cursor's position, for the logits. */
static void say_target(Writer *w)
{
    size_t n;
    const int *targets = pass_targets(w->pass, &n);
    LossPoint point = loss_point(w->pass, targets, w->row);
    if (point.target < 0) {
        writer_say(w, _("target"), "%s", _("none: this position is not counted"));
        return;
    }
    size_t counted = 0;
    for (size_t t = 0; t < n; t++)
        counted += targets[t] >= 0;
    writer_say(w, _("target"), _("%s: p %s, loss %s nats"), NAME(1, (size_t)point.target, 16), NUM(point.probability), NUM(point.loss));
    writer_say(w, _("d of the target"), "(%s - 1) / %zu = %s", NUM(point.probability), counted,
               NUM((point.probability - 1) / (double)counted));
}

size_t gradient_lines(Pass *p, size_t i, size_t head, size_t row, MetricLine *out, size_t max)
{
    const Plan *plan = pass_plan(p);
    const Stage *s = &plan->stages[i];
    if (!pass_gradient(p, i))
        return 0;
    Writer writer = {.pass = p, .config = plan->config, .ablations = plan->ablations, .stage = s, .i = i, .out = out, .max = max};
    Writer *w = &writer;
    size_t heads = s->rank == 3 ? s->shape[0] : 1, rows = s->shape[s->rank - 2];
    w->head = head < heads ? head : heads - 1;
    w->row = row < rows ? row : rows - 1;
    if (s->kind == STAGE_PROBS) {
        writer_say(w, _("d of all rows"), "%s", _("all 0.0: the loss reads the logits"));
        return w->count;
    }
    if (s->kind == STAGE_POSITIONS && w->config->position == POSITION_SINUSOIDAL) {
        writer_say(w, _("d of all rows"), "%s", _("all 0.0: the table is a constant"));
        return w->count;
    }
    if (s->kind == STAGE_WEIGHTS)
        say_softmax(w, i);
    if (s->kind == STAGE_MASKED)
        say_softmax(w, i + 1);
    if (s->kind == STAGE_LOGITS)
        say_target(w);
    if (stage_is_norm(s->kind))
        say_norm(w);
    else if (s->rank == 2 && s->axes[1] == AXIS_DIM)
        say_stream(w);
    say_size(w);
    if (s->kind == STAGE_ACTIVATE)
        say_activation(w, i);
    for (size_t k = i + 1; k < plan->count && k < i + 3; k++)
        if (plan->stages[k].kind == STAGE_ACTIVATE && plan->stages[k].in[0] == (int)i)
            say_activation(w, k);
    say_weights(w);
    return w->count;
}
