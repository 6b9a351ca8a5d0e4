/* explain_attention.c - one cell of q, k, v, their rotations, the scores up to the weights, heads and concat.
 *
 * Knows no layout; the numbers are those of pass/attention.c, in double. */
#include "measure/explain_lines.h"

#include "base/text.h"
#include "measure/metrics.h"

#include <math.h>
#include <stdio.h>

/* q, k, v [head, t, j] = Σ x[t, i] · W[i, head * k + j] + b */
void explain_project(Explainer *x)
{
    lines_linear(x, x->index[1], x->index[0] * x->stage->shape[2] + x->index[2]);
}

/* A pair (a, b) of dimensions turned by its angle: a cos − b sin, and b cos + a sin. */
void explain_rotate(Explainer *x)
{
    const Config *c = x->config;
    size_t head = x->index[0], position = x->index[1], j = x->index[2], pair = 0, a, b;
    const char *name = stage_table[pass_plan(x->pass)->stages[x->stage->in[0]].kind].id;
    if (x->ablations & NO_POSITIONS) {
        lines_formula(x, "%s[%zu]", name, j);
        lines_note(x, _("no-positions: nothing is rotated"));
        lines_copy(x, lines_input(x, 0, head, position, j));
        return;
    }
    if (j >= config_rope_dims(c)) {
        lines_formula(x, "%s[%zu]", name, j);
        lines_note(x, _("only the first %zu of %zu dimensions are turned: this one stays"), config_rope_dims(c), x->stage->shape[2]);
        lines_copy(x, lines_input(x, 0, head, position, j));
        return;
    }
    rope_pair(c, pair, &a, &b);
    while (a != j && b != j)
        rope_pair(c, ++pair, &a, &b);
    bool first = j == a;
    lines_formula(x, first ? "%s[%zu] · cos(angle) − %s[%zu] · sin(angle)" : "%s[%zu] · cos(angle) + %s[%zu] · sin(angle)", name, j, name,
                  first ? b : a);

    double speed = rope_speed(c, pair), angle = rope_angle(c, position, pair);
    char formula[ROPE_FORMULA_MAX];
    rope_formula(c, pair, formula);
    lines_step(x, _("turn per position"), formula, lines_nothing(), 0, lines_nothing(), speed);
    lines_step(x, _("angle (radians)"), "", lines_number((double)position, "%s", _("position")), '*', lines_number(speed, "%s", formula),
               angle);
    double cosine = lines_step(x, "cos(angle)", "cos(angle)", lines_number(angle, "%s", _("angle")), 0, lines_nothing(), cos(angle));
    double sine = lines_step(x, "sin(angle)", "sin(angle)", lines_number(angle, "%s", _("angle")), 0, lines_nothing(), sin(angle));
    double magnitude = rope_magnitude(c);
    if (magnitude != 1) { /* YaRN's: the same for both */
        Operand factor = lines_number(magnitude, "%s", _("attention factor"));
        cosine = lines_step(x, _("made longer"), "", lines_number(cosine, "cos(angle)"), '*', factor, cosine * magnitude);
        sine = lines_step(x, _("made longer"), "", lines_number(sine, "sin(angle)"), '*', factor, sine * magnitude);
    }
    Operand own = lines_input(x, 0, head, position, j), other = lines_input(x, 0, head, position, first ? b : a);
    lines_term(x, lines_label(x, x->stage, 2, j), "", own, '*', lines_number(cosine, "cos(angle)"), own.value * cosine);
    double turned = first ? -sine : sine;
    lines_term(x, lines_label(x, x->stage, 2, first ? b : a), "", other, '*', lines_number(turned, first ? "-sin(angle)" : "sin(angle)"),
               other.value * turned);
}

/* scores [head, query, key] = Σ q[query, i] · k[key, i] */
void explain_scores(Explainer *x)
{
    const Plan *plan = pass_plan(x->pass);
    const Stage *q = &plan->stages[x->stage->in[0]], *k = &plan->stages[x->stage->in[1]];
    size_t group = x->stage->shape[0] / k->shape[0], kv_head = x->index[0] / group;
    lines_formula(x, "Σ %s[query, i] · %s[key, i],  i = 0 … %zu", stage_table[q->kind].id, stage_table[k->kind].id, q->shape[2] - 1);
    if (group > 1)
        lines_note(x, _("head %zu uses key/value head %zu: %zu heads share it"), x->index[0], kv_head, group);
    for (size_t i = 0; i < q->shape[2]; i++) {
        Operand a = lines_input(x, 0, x->index[0], x->index[1], i), b = lines_input(x, 1, kv_head, x->index[2], i);
        lines_term(x, lines_label(x, q, 2, i), "", a, '*', b, a.value * b.value);
    }
}

/* The stage's input at the same place. */
static Operand same_place(Explainer *x)
{
    return lines_input(x, 0, x->index[0], x->index[1], x->index[2]);
}

void explain_scaled(Explainer *x)
{
    Operand score = same_place(x);
    if (x->ablations & NO_SCALE) {
        lines_formula(x, "scores");
        lines_note(x, _("no-scale: the scores are not divided"));
        lines_copy(x, score);
        return;
    }
    bool by_dk = x->ablations & SCALE_BY_DK;
    char by[STAGE_DIVISOR_MAX];
    double size = stage_divisor(x->stage, x->config, x->ablations, by);
    Operand divisor = lines_number(size, "%s", by);
    lines_formula(x, "scores / %s", divisor.label);
    if (by_dk)
        lines_note(x, _("scale-by-dk: divided by d_head, not by its root"));
    lines_step(x, _("divided"), "", score, '/', divisor, score.value / divisor.value);
}

void explain_biased(Explainer *x)
{
    size_t head = x->index[0], query = x->index[1], key = x->index[2], H = x->stage->shape[0], n = 1;
    Operand score = same_place(x);
    if (x->ablations & NO_POSITIONS) {
        lines_formula(x, "scaled");
        lines_note(x, _("no-positions: no penalty for distance"));
        lines_copy(x, score);
        return;
    }
    lines_formula(x, "scaled − slope · |query − key|");
    while (n * 2 <= H)
        n *= 2;
    char formula[96];
    if (head < n)
        snprintf(formula, sizeof formula, "2^(−8/%zu · %zu)", n, head + 1);
    else
        snprintf(formula, sizeof formula, "2^(−8/%zu · %zu)", 2 * n, 2 * (head - n) + 1);
    double slope = lines_step(x, _("slope of this head"), formula, lines_nothing(), 0, lines_nothing(), alibi_slope(head, H));
    Operand at = lines_number((double)query, "%s", _("query")), to = lines_number((double)key, "%s", _("key"));
    double distance = fabs(at.value - to.value);
    lines_step(x, _("distance"), "", query > key ? at : to, '-', query > key ? to : at, distance);
    double penalty = lines_step(x, _("penalty"), "", lines_number(slope, "%s", _("slope")), '*',
                                lines_number(distance, "%s", _("distance")), slope * distance);
    lines_step(x, _("taken off the score"), "", score, '-', lines_number(penalty, "%s", _("penalty")), score.value - penalty);
}

/* "key 你 (3) is hidden from query love (1)" */
static void note_hidden(Explainer *x)
{
    const Stage *s = x->stage;
    char key[24], query[24];
    lines_short(key, sizeof key, lines_label(x, s, 2, x->index[2]));
    lines_short(query, sizeof query, lines_label(x, s, 1, x->index[1]));
    lines_note(x, _("key %s (%zu) is hidden from query %s (%zu)"), key, x->index[2], query, x->index[1]);
}

static bool is_visible(const Explainer *x)
{
    return pass_sees(x->pass, x->stage, x->index[1], x->index[2]);
}

void explain_masked(Explainer *x)
{
    const Stage *s = x->stage;
    const char *name = stage_table[pass_plan(x->pass)->stages[s->in[0]].kind].id;
    if (!is_visible(x)) {
        lines_formula(x, "−∞");
        note_hidden(x);
        lines_note(x, _("its score becomes −∞, so that the softmax gives it exactly 0"));
        x->out->exact = -INFINITY;
        return;
    }
    lines_formula(x, "%s", name);
    if (!stage_is_causal(s) && visible_keys(x->pass, s, x->index[1]) < s->shape[2])
        lines_note(x, _("nothing but padding is hidden here"));
    else if (!stage_is_causal(s))
        lines_note(x, _("nothing is hidden here: every query may see every key"));
    else if (x->index[2] > x->index[1])
        lines_note(x, _("no-mask: this key stands behind its query and is visible all the same"));
    lines_copy(x, same_place(x));
}

void explain_weights(Explainer *x)
{
    size_t visible = visible_keys(x->pass, x->stage, x->index[1]);
    bool uniform = (x->ablations & UNIFORM_ATTENTION) != 0;
    bool no_share = !uniform && isnan(x->out->computed); /* one NaN, or nothing but −∞, and the whole row is NaN: its sum shows why */
    if (!no_share && (uniform ? !is_visible(x) : same_place(x).value == -INFINITY)) {
        lines_formula(x, "0");
        note_hidden(x);
        if (uniform)
            lines_note(x, _("uniform-attention: only visible keys share; this one gets exactly 0"));
        else
            lines_note(x, _("its score is −∞: exp(−∞) is exactly 0"));
        return;
    }
    if (uniform) {
        lines_formula(x, "1 / %zu", visible);
        lines_note(x, _("uniform-attention: every one of %zu visible keys gets 1/%zu, whatever its score"), visible, visible);
        lines_step(x, _("share"), "", lines_number(1, "1"), '/', lines_number((double)visible, "%s", _("visible keys")),
                   1 / (double)visible);
        return;
    }
    lines_formula(x, "exp(masked[query, key] − max) / Σ exp(masked[query, j] − max)");
    lines_softmax(x);
}

/* heads [head, query, i] = Σ weights[query, key] · v[key, i] */
void explain_heads(Explainer *x)
{
    const Plan *plan = pass_plan(x->pass);
    const Stage *weights = &plan->stages[x->stage->in[0]], *v = &plan->stages[x->stage->in[1]];
    size_t group = x->stage->shape[0] / v->shape[0], kv_head = x->index[0] / group, i = x->index[2];
    lines_formula(x, "Σ weights[query, key] · v[key, %zu],  key = 0 … %zu", i, weights->shape[2] - 1);
    if (group > 1)
        lines_note(x, _("head %zu uses key/value head %zu: %zu heads share it"), x->index[0], kv_head, group);
    if (stage_is_causal(x->stage) && !(x->ablations & NO_MASK) && x->index[1] + 1 < weights->shape[2])
        lines_note(x, _("keys after position %zu are hidden: their weight is exactly 0"), x->index[1]);
    size_t start = stage_is_causal(x->stage) && !(x->ablations & NO_MASK) ? stage_window_start(x->config, x->index[1]) : 0;
    if (start)
        lines_note(x, _("keys before position %zu lie outside its window of %zu: their weight is exactly 0"), start, x->config->window);
    for (size_t key = 0; key < weights->shape[2]; key++) {
        Operand a = lines_input(x, 0, x->index[0], x->index[1], key), b = lines_input(x, 1, kv_head, key, i);
        lines_term(x, lines_label(x, weights, 2, key), "", a, '*', b, a.value * b.value);
    }
}

void explain_concat(Explainer *x)
{
    size_t k = x->config->d_head, head = x->index[1] / k, i = x->index[1] % k;
    lines_formula(x, "heads[%zu, query, %zu]", head, i);
    lines_note(x, _("column %zu = head %zu · %zu + %zu: nothing is computed"), x->index[1], head, k, i);
    lines_copy(x, lines_input(x, 0, head, x->index[0], i));
}
