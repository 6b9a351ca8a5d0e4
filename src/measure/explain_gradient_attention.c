/* explain_gradient_attention.c - what comes back through q, k, v, their rotations, the scores up to the weights, heads and concat.
 *
 * Knows no layout; the numbers are those of the backward functions in pass/attention.c, in double. */
#include "measure/explain_gradient_lines.h"

#include "base/text.h"

#include <math.h>
#include <stdio.h>

/* x [t, i] is in every component of every head's row t: Σ d q[head, t, j] · W[i, head · k + j] */
void gradient_through_project(const Way *way)
{
    Explainer *x = way->x;
    size_t heads = x->stage->shape[0], k = x->stage->shape[2];
    for (size_t h = 0; h < heads; h++)
        for (size_t j = 0; j < k; j++) {
            char label[48];
            snprintf(label, sizeof label, "%s[%zu,%zu]", stage_table[x->stage->kind].id, h, j);
            lines_product(x, label, lines_gradient(x, way->reader, h, x->index[0], j), lines_weight(x, 0, x->index[1], h * k + j));
        }
}

/* The transpose of a turn is the turn back: d a = d a' cos + d b' sin, d b = d b' cos - d a' sin. */
void gradient_through_rotate(const Way *way)
{
    Explainer *x = way->x;
    const Config *c = x->config;
    size_t head = x->index[0], position = x->index[1], j = x->index[2], pair = 0, a, b;
    if (x->ablations & NO_POSITIONS) {
        lines_note(x, _("no-positions: nothing was rotated"));
        lines_handed_on(way, head, position, j);
        return;
    }
    if (j >= config_rope_dims(c)) {
        lines_note(x, _("only the first %zu of %zu dimensions were turned: not this one"), config_rope_dims(c), x->stage->shape[2]);
        lines_handed_on(way, head, position, j);
        return;
    }
    rope_pair(c, pair, &a, &b);
    while (a != j && b != j)
        rope_pair(c, ++pair, &a, &b);
    bool first = j == a;
    size_t other = first ? b : a;
    double angle = rope_angle(c, position, pair), speed = rope_speed(c, pair);
    char formula[ROPE_FORMULA_MAX];
    rope_formula(c, pair, formula);
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
    lines_product(x, lines_label(x, x->stage, 2, j), lines_gradient(x, way->reader, head, position, j), lines_number(cosine, "cos(angle)"));
    lines_product(x, lines_label(x, x->stage, 2, other), lines_gradient(x, way->reader, head, position, other),
                  lines_number(first ? sine : -sine, first ? "sin(angle)" : "-sin(angle)"));
}

/* A key or value head is read by each head of its group: for each, the label of a query has the head before it. */
static const char *label_of_group(const Way *way, size_t group, size_t head, size_t query, char *out, size_t size)
{
    Explainer *x = way->x;
    if (group == 1)
        return lines_label(x, x->stage, 1, query);
    snprintf(out, size, "%zu: ", head);
    size_t used = 0;
    while (out[used])
        used++;
    lines_short(out + used, size - used, lines_label(x, x->stage, 1, query));
    return out;
}

static void note_group(const Way *way, size_t group)
{
    size_t kv_head = way->x->index[0];
    if (group > 1)
        lines_note(way->x, _("%zu heads share this one: %zu to %zu"), group, kv_head * group, kv_head * group + group - 1);
}

/* scores = q · kᵀ.  d q[query, i] = Σ d scores[query, key] · k[key, i];  d k[key, i] = Σ d scores[query, key] · q[query, i] */
void gradient_through_scores(const Way *way)
{
    Explainer *x = way->x;
    const Stage *s = x->stage, *k = &pass_plan(x->pass)->stages[s->in[1]];
    size_t group = s->shape[0] / k->shape[0], i = x->index[2];
    char label[64];
    if (way->which == 0) {
        size_t head = x->index[0], query = x->index[1];
        if (group > 1)
            lines_note(x, _("head %zu uses key/value head %zu: %zu heads share it"), head, head / group, group);
        for (size_t key = 0; key < s->shape[2]; key++)
            lines_product(x, lines_label(x, s, 2, key), lines_gradient(x, way->reader, head, query, key),
                          lines_input(x, 1, head / group, key, i));
        return;
    }
    note_group(way, group);
    for (size_t head = x->index[0] * group; head < (x->index[0] + 1) * group; head++)
        for (size_t query = 0; query < s->shape[1]; query++)
            lines_product(x, label_of_group(way, group, head, query, label, sizeof label),
                          lines_gradient(x, way->reader, head, query, x->index[1]), lines_input(x, 0, head, query, i));
}

void gradient_through_scaled(const Way *way)
{
    Explainer *x = way->x;
    Operand d = lines_gradient(x, way->reader, x->index[0], x->index[1], x->index[2]);
    if (x->ablations & NO_SCALE) {
        lines_note(x, _("no-scale: the scores were not divided"));
        lines_handed_on(way, x->index[0], x->index[1], x->index[2]);
        return;
    }
    bool by_dk = x->ablations & SCALE_BY_DK;
    char by[STAGE_DIVISOR_MAX];
    double size = stage_divisor(x->stage, x->config, x->ablations, by);
    Operand divisor = lines_number(size, "%s", by);
    if (by_dk)
        lines_note(x, _("scale-by-dk: divided by d_head, not by its root"));
    lines_term(x, _("divided"), "", d, '/', divisor, d.value / divisor.value);
}

/* What was taken off does not depend on the score. */
void gradient_through_biased(const Way *way)
{
    lines_handed_on(way, way->x->index[0], way->x->index[1], way->x->index[2]);
}

/* "key 你 (3) is hidden from query love (1): …" */
static void note_hidden(Explainer *x, const char *why)
{
    const Stage *s = x->stage;
    char key[16], query[16];
    lines_short(key, sizeof key, lines_label(x, s, 2, x->index[2]));
    lines_short(query, sizeof query, lines_label(x, s, 1, x->index[1]));
    lines_note(x, _("key %s (%zu) is hidden from query %s (%zu)"), key, x->index[2], query, x->index[1]);
    lines_note(x, "%s", why);
}

void gradient_through_masked(const Way *way)
{
    Explainer *x = way->x;
    Operand through = lines_gradient(x, way->reader, x->index[0], x->index[1], x->index[2]);
    real past;
    bool unmasked = pass_is_unmasked(x->pass, way->reader, cell_offset(x->stage, x->index), &past);
    if (unmasked) {
        Operand d = through;
        d.value = (double)past;
        lines_note(x, _("an edit put its score back: the gradient goes past the mask"));
        lines_term(x, stage_table[x->stage->kind].id, "", d, 0, lines_nothing(), d.value);
    }
    if (pass_sees(x->pass, x->stage, x->index[1], x->index[2])) {
        if (!unmasked || through.value != 0)
            lines_handed_on(way, x->index[0], x->index[1], x->index[2]);
    } else if (!unmasked)
        note_hidden(x, _("its score was replaced by −∞: nothing comes back"));
}

/* True where the score of this pair is not −∞: the mask lets it through, or an edit does. */
static bool counts(Explainer *x, size_t head, size_t query, size_t key)
{
    const Stage *s = x->stage;
    return pass_value(x->pass, (size_t)s->in[0])[(head * s->shape[1] + query) * s->shape[2] + key] != -(real)INFINITY;
}

/* With p the row's weights: d score_j = p_j (d p_j - Σ_i p_i d p_i). The sum is there because all weights of a row give way to one. */
void gradient_through_weights(const Way *way)
{
    Explainer *x = way->x;
    size_t head = x->index[0], query = x->index[1], own = x->index[2];
    if (x->ablations & UNIFORM_ATTENTION) {
        lines_note(x, _("uniform-attention: the weights do not depend on the scores"));
        return;
    }
    if (!counts(x, head, query, own) && !isnan(x->out->stored)) {
        note_hidden(x, _("its weight is 0 whatever else changes: nothing comes back"));
        return;
    }
    for (size_t key = 0; key < x->stage->shape[2]; key++)
        if (counts(x, head, query, key))
            lines_product(x, lines_label(x, x->stage, 2, key), lines_gradient(x, way->reader, head, query, key),
                          lines_own_value(x, way->reader, head, query, key));
    double mean = x->sum;
    Operand d = lines_gradient(x, way->reader, head, query, own), p = lines_own_value(x, way->reader, head, query, own);
    double apart = lines_step(x, _("own, minus that mean"), "", d, '-', lines_number(mean, "Σ d weights · weights"), d.value - mean);
    lines_step(x, _("times own weight"), "", p, '*', lines_number(apart, "%s", _("own − mean")), p.value * apart);
    if (p.value * (1 - p.value) < 1e-3)
        lines_note(x, _("p (1 − p) is %.1e here: the softmax is so sure that it hardly answers"), p.value * (1 - p.value));
}

/* heads = weights · v.  d weights[query, key] = Σ d heads[query, i] · v[key, i];  d v[key, i] = Σ d heads[query, i] · weights[query, key]
 */
void gradient_through_heads(const Way *way)
{
    Explainer *x = way->x;
    const Plan *plan = pass_plan(x->pass);
    const Stage *s = x->stage, *v = &plan->stages[s->in[1]];
    size_t group = s->shape[0] / v->shape[0];
    char label[64];
    if (way->which == 0) {
        size_t head = x->index[0], query = x->index[1], key = x->index[2];
        if (group > 1)
            lines_note(x, _("head %zu uses key/value head %zu: %zu heads share it"), head, head / group, group);
        if (!pass_sees(x->pass, &plan->stages[s->in[0]], query, key))
            lines_note(x, _("this key is hidden: the softmax will let none of it through"));
        for (size_t i = 0; i < s->shape[2]; i++)
            lines_product(x, lines_label(x, s, 2, i), lines_gradient(x, way->reader, head, query, i),
                          lines_input(x, 1, head / group, key, i));
        return;
    }
    note_group(way, group);
    for (size_t head = x->index[0] * group; head < (x->index[0] + 1) * group; head++)
        for (size_t query = 0; query < s->shape[1]; query++)
            lines_product(x, label_of_group(way, group, head, query, label, sizeof label),
                          lines_gradient(x, way->reader, head, query, x->index[2]), lines_input(x, 0, head, query, x->index[1]));
}

void gradient_through_concat(const Way *way)
{
    Explainer *x = way->x;
    size_t k = x->config->d_head;
    lines_note(x, _("column %zu = head %zu · %zu + %zu: nothing is computed"), x->index[0] * k + x->index[2], x->index[0], k, x->index[2]);
    lines_handed_on(way, x->index[1], x->index[0] * k + x->index[2], 0);
}
