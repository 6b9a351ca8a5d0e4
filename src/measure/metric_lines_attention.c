/* metric_lines_attention.c - what a person is told about q, k, v, scores, weights, heads and concat.
 *
 * Computes nothing itself: the numbers are metrics.c's. */
#include "measure/metric_writer.h"

#include "base/text.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* ---- attention ---- */

void lines_about_project(Writer *w)
{
    const Stage *s = w->stage;
    size_t one = s->shape[1] * s->shape[2];
    writer_say_rows(w);
    if (s->shape[0] > 1 && !writer_is_large(w))
        writer_say_range(w, _("all heads"), writer_value(w), s->count);
    writer_say_likeness(w, _("likeness, this head"), writer_value(w) + w->head * one, s->shape[1], s->shape[2]);
}

void lines_about_rotate(Writer *w)
{
    const Config *c = w->config;
    size_t k = c->d_head, last = config_rope_dims(c) / 2 - 1;
    if (w->ablations & NO_POSITIONS)
        writer_say(w, _("turned by"), "%s", _("nothing: no-positions"));
    else if (last == 0)
        writer_say(w, _("turned by"), _("%s radians"), NUM(rope_angle(c, w->row, 0)));
    else
        writer_say(w, _("turned by"), _("%s radians (pair 0) … %s (pair %zu)"), NUM(rope_angle(c, w->row, 0)),
                   NUM(rope_angle(c, w->row, last)), last);
    if (config_rope_dims(c) < k && !(w->ablations & NO_POSITIONS))
        writer_say(w, _("not turned"), _("dimensions %zu … %zu"), config_rope_dims(c), k - 1);
    writer_say(w, _("norm of this row"), _("%s before, %s after"), NUM(moments(writer_row(w, (size_t)w->stage->in[0]), k).norm),
               NUM(moments(writer_row(w, w->i), k).norm));
    writer_say_rows(w);
}

/* The spread of the scores, before and after scaling, of the cursor's head; `rest` adds what is not in the first line. */
static void say_variance(Writer *w, bool rest)
{
    int head = (int)w->head;
    ScoreVariance v;
    score_variance(w->pass, w->i, head, &v);
    writer_say(w, _("Var(Q·K), this head"), _("%s, scaled %s; independent %s"), NUM(v.raw_all), NUM(v.scaled_all), NUM(v.predicted));
    if (rest) {
        writer_say(w, _("visible pairs"), _("%s, scaled %s"), NUM(v.raw_visible), NUM(v.scaled_visible));
        writer_say(w, _("within rows"), _("%s, scaled %s (mean over rows)"), NUM(v.raw_rows), NUM(v.scaled_rows));
    }
    double scale = stage_scale(w->stage, w->config, w->ablations), alone = 1 / (scale * scale);
    if (isnan(v.ratio))
        writer_say(w, _("raw / scaled"), "%s", _("none: all scores are the same"));
    else if (!(fabs(v.ratio - alone) <= 1e-3 * alone)) /* an edit, or a bug of the hunt */
        writer_say(w, _("raw / scaled"), _("%s; the scale alone gives %s"), NUM(v.ratio), NUM(alone));
    else if (w->ablations & NO_SCALE)
        writer_say(w, _("raw / scaled"), _("%s: no-scale"), NUM(v.ratio));
    else if (w->ablations & SCALE_BY_DK)
        writer_say(w, _("raw / scaled"), _("%s = d_head²: scale-by-dk"), NUM(v.ratio));
    else if (w->config->score_scale > 0 || w->config->scale_by_layer)
        writer_say(w, _("raw / scaled"), _("%s: the config's own factor"), NUM(v.ratio));
    else
        writer_say(w, _("raw / scaled"), _("%s = d_head"), NUM(v.ratio));
    if (rest && w->stage->shape[0] > 1 && !writer_is_large(w)) {
        score_variance(w->pass, w->i, -1, &v);
        writer_say(w, _("Var(Q·K), all heads"), _("%s, scaled %s; independent %s"), NUM(v.raw_all), NUM(v.scaled_all), NUM(v.predicted));
    }
}

/* What the query under the cursor sees, in scores. */
static void say_visible_scores(Writer *w)
{
    size_t n = visible_keys(w->pass, w->stage, w->row), top;
    const real *row = writer_row(w, w->i);
    if (n < reached_keys(w->pass, w->stage, w->row))
        return; /* padding lies between them */
    Moments m = moments(row, n);
    largest_of(row, n, 1, &top);
    writer_say(w, _("this row, visible"), _("from %s to %s, largest at %s"), NUM(m.min), NUM(m.max), NAME(2, top, 16));
    writer_say(w, _("largest / smallest"), _("exp(%s) = %s times the weight"), NUM(m.max - m.min), NUM(exp(m.max - m.min)));
}

void lines_about_scores(Writer *w)
{
    size_t n = visible_keys(w->pass, w->stage, w->row), top;
    ScoreSpread raw = score_spread(w->pass, w->i, (int)w->head);
    const real *row = writer_row(w, w->i);
    writer_say(w, _("Var(Q·K), this head"), _("%s over all pairs"), NUM(raw.all));
    writer_say(w, _("if independent"), _("%s, from q's and k's means and variances"), NUM(score_prediction(w->pass, w->i, (int)w->head)));
    writer_say(w, _("visible pairs"), _("%s, within rows %s"), NUM(raw.visible), NUM(raw.rows));
    if (w->stage->shape[0] > 1 && !writer_is_large(w))
        writer_say(w, _("Var(Q·K), all heads"), _("%s; independent %s"), NUM(score_spread(w->pass, w->i, -1).all),
                   NUM(score_prediction(w->pass, w->i, -1)));
    if (n < reached_keys(w->pass, w->stage, w->row))
        return;
    Moments m = moments(row, n);
    largest_of(row, n, 1, &top);
    writer_say(w, _("this row, visible"), _("from %s to %s, largest at %s"), NUM(m.min), NUM(m.max), NAME(2, top, 16));
}

void lines_about_scaled(Writer *w)
{
    say_variance(w, true);
    say_visible_scores(w);
}

void lines_about_biased(Writer *w)
{
    size_t last = reached_keys(w->pass, w->stage, w->row) - 1; /* the last key it sees, at or behind itself */
    size_t far = w->row > last - w->row ? w->row : last - w->row;
    double slope = alibi_slope(w->head, w->stage->shape[0]);
    if (w->ablations & NO_POSITIONS) {
        writer_say(w, _("slope"), "%s", _("nothing is taken off: no-positions"));
    } else {
        writer_say(w, _("slope"), _("%s off the score for each step of distance"), NUM(slope));
        writer_say(w, _("largest, this row"), _("%s off at distance %zu"), NUM(slope * (double)far), far);
    }
    ScoreSpread before = score_spread(w->pass, (size_t)w->stage->in[0], (int)w->head), after = score_spread(w->pass, w->i, (int)w->head);
    writer_say(w, _("variance, this head"), _("%s before, %s after"), NUM(before.all), NUM(after.all));
    writer_say(w, _("within rows"), _("%s before, %s after"), NUM(before.rows), NUM(after.rows));
    say_visible_scores(w);
}

void lines_about_masked(Writer *w)
{
    const Stage *s = w->stage;
    size_t Tq = s->shape[1], Tk = s->shape[2], n = visible_keys(w->pass, s, w->row), pairs = 0;
    for (size_t t = 0; t < Tq; t++)
        pairs += visible_keys(w->pass, s, t);
    writer_say(w, _("this query"), _("sees %zu of %zu keys, %zu hidden"), n, Tk, Tk - n);
    writer_say(w, _("this head"), _("%zu of %zu pairs visible"), pairs, Tq * Tk);
    if (stage_is_causal(s) && (w->ablations & NO_MASK))
        writer_say(w, _("the future"), "%s", _("visible: no-mask"));
    say_visible_scores(w);
    ScoreSpread spread = score_spread(w->pass, w->i, (int)w->head);
    writer_say(w, _("variance, visible"), _("%s, within rows %s"), NUM(spread.visible), NUM(spread.rows));
}

void lines_about_weights(Writer *w)
{
    AttentionRow row = attention_row(w->pass, w->i, w->head, w->row);
    writer_say(w, _("entropy of this row"), _("%s nats, %s of ln %zu"), NUM(row.entropy), PERCENT(row.share), row.visible);
    writer_say(w, _("attends to"), _("about %s of %zu tokens (exp H)"), NUM(row.effective), row.visible);
    writer_say(w, _("largest weight"), _("%s at %s; p(1-p) %s"), NUM(row.weight), NAME(2, row.largest, 16), NUM(row.slope));
    if (w->ablations & UNIFORM_ATTENTION)
        writer_say(w, _("scores"), "%s", _("not looked at: uniform-attention"));
    else
        say_variance(w, false);
    writer_say(w, _("mean entropy, this head"), _("%s nats"), NUM(attention_head_entropy(w->pass, w->i, w->head)));
    if (w->stage->shape[0] > 1 && !writer_is_large(w))
        writer_say(w, _("mean entropy, all heads"), _("%s nats"), NUM(attention_entropy(w->pass, w->i)));
    writer_say(w, _("sum of this row"), "%.6f", row.sum);
}

void lines_about_heads(Writer *w)
{
    const Plan *plan = pass_plan(w->pass);
    const Stage *weights = &plan->stages[w->stage->in[0]], *v = &plan->stages[w->stage->in[1]];
    size_t Tk = weights->shape[2], k = v->shape[2], kv_head = w->head / (w->stage->shape[0] / v->shape[0]), top = 0;
    const real *p = writer_row(w, (size_t)w->stage->in[0]), *values = pass_value(w->pass, (size_t)w->stage->in[1]) + kv_head * Tk * k;
    double all = 0, most = -1, mean = 0;
    size_t seen = 0;
    for (size_t j = 0; j < Tk; j++) {
        double norm = moments(values + j * k, k).norm, part = (double)p[j] * norm;
        all += part;
        mean += p[j] > 0 ? norm : 0;
        seen += p[j] > 0;
        if (part > most) {
            most = part;
            top = j;
        }
    }
    Writer keys = *w; /* names of keys are the weights' */
    keys.stage = weights;
    writer_say(w, _("norm of this row"), _("%s; the values averaged have %s"), NUM(moments(writer_row(w, w->i), k).norm), NUM(seen ? mean / (double)seen : 0));
    if (all > 0)
        writer_say(w, _("most comes from"), _("%s: %s of Σ weight · |value|"), writer_name(&keys, 2, top, 16).text, PERCENT(most / all));
    lines_about_project(w);
}

void lines_about_concat(Writer *w)
{
    size_t k = w->config->d_head, H = w->config->n_heads;
    const real *row = writer_row(w, w->i);
    char text[192] = "";
    for (size_t h = 0; h < H && strlen(text) < 100; h++)
        snprintf(text + strlen(text), sizeof text - strlen(text), "%s%s", h ? " " : "", NUM(moments(row + h * k, k).norm));
    writer_say(w, _("norm by head, this row"), "%s", text);
    writer_say_rows(w);
}
