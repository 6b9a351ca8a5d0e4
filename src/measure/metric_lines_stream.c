/* metric_lines_stream.c - what a person is told about embeddings, norms, the residual stream, the FFN and the output.
 *
 * Computes nothing itself: the numbers are metrics.c's. */
#include "measure/metric_writer.h"

#include "base/text.h"
#include "measure/trunk.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* ---- embeddings and the stream ---- */

/* The residual stream at every place so far of this stack: norms, and likeness of tokens. */
static void say_history(Writer *w)
{
    const Plan *plan = pass_plan(w->pass);
    size_t at[7], n = 0, most = sizeof at / sizeof *at;
    for (size_t i = w->i + 1; i-- > 0 && n < most && (n + 1) * w->stage->count <= LARGE_HISTORY;)
        if (is_stream_point(plan, i) && plan->stages[i].stack == w->stage->stack)
            at[n++] = i;
    if (n < 2)
        return;
    char norms[128] = "", cosines[128] = "";
    for (size_t k = n; k-- > 0;) {
        StreamPoint point = stream_point(w->pass, at[k]);
        const char *gap = k + 1 < n ? " " : "";
        snprintf(norms + strlen(norms), sizeof norms - strlen(norms), "%s%s", gap, NUM(point.norm));
        snprintf(cosines + strlen(cosines), sizeof cosines - strlen(cosines), "%s%.3f", gap, point.cosine);
    }
    writer_say(w, _("size, layer by layer"), "%s", norms);
    if (w->stage->shape[0] > 1)
        writer_say(w, _("cosine, layer by layer"), "%s", cosines);
}

void lines_about_tokens(Writer *w)
{
    size_t T = w->stage->shape[0], d = w->stage->shape[1];
    writer_say_rows(w);
    writer_say_likeness(w, _("likeness"), writer_value(w), T, d);
    if (w->config->embed_scale)
        writer_say(w, _("embed_scale"), "× √%zu = %s", d, NUM(sqrt((double)d)));
}

void lines_about_positions(Writer *w)
{
    size_t T = w->stage->shape[0], d = w->stage->shape[1];
    const real *row = writer_row(w, w->i);
    if (w->ablations & NO_POSITIONS) {
        writer_say(w, _("all rows"), "%s", _("zeros: no-positions"));
        return;
    }
    if (w->row > 0 && w->row + 1 < T)
        writer_say(w, _("likeness to neighbours"), _("cosine %s to the row before, %s to the next"), NUM(cosine(row, row - d, d)),
                   NUM(cosine(row, row + d, d)));
    else if (T > 1)
        writer_say(w, _("likeness to neighbour"), _("cosine %s"), NUM(cosine(row, w->row ? row - d : row + d, d)));
    if (w->config->position == POSITION_SINUSOIDAL) {
        double turn = 2 * acos(-1.0), last = turn * pow(10000, (double)((d - 1) / 2 * 2) / (double)d);
        writer_say(w, _("wavelengths"), _("from %s to %s positions"), NUM(turn), NUM(last));
    }
    writer_say_rows(w);
}

void lines_about_sum(Writer *w)
{
    size_t d = w->stage->shape[1];
    const real *tokens = writer_row(w, (size_t)w->stage->in[0]), *positions = writer_row(w, (size_t)w->stage->in[1]);
    double a = moments(tokens, d).norm, b = moments(positions, d).norm, c = moments(writer_row(w, w->i), d).norm;
    writer_say(w, _("norm of this row"), _("token %s, position %s, sum %s"), NUM(a), NUM(b), NUM(c));
    if (a > 0 && b > 0)
        writer_say(w, _("token and position"), _("cosine %s"), NUM(cosine(tokens, positions, d)));
    writer_say_likeness(w, _("likeness"), writer_value(w), w->stage->shape[0], d);
    writer_say_range(w, _("all rows"), writer_value(w), w->stage->count);
}

void lines_about_types(Writer *w)
{
    size_t T = w->stage->shape[0], n, second = 0;
    const int *ids = pass_ids(w->pass, w->stage->stack, &n);
    for (size_t t = 0; t < T; t++)
        second += stage_segment(w->config, ids, t);
    writer_say(w, _("this row"), _("segment %zu"), stage_segment(w->config, ids, w->row));
    writer_say(w, _("segments"), _("%zu tokens of segment 0, %zu of segment 1"), T - second, second);
    if (w->config->eos < 0)
        writer_say(w, _("separator"), "%s", _("none is known: all are segment 0"));
    else
        writer_say(w, _("separator"), _("%s: 1 behind the first"), NAME(1, (size_t)w->config->eos, 16));
    writer_say_rows(w);
}

void lines_about_typed(Writer *w)
{
    size_t d = w->stage->shape[1];
    const real *before = writer_row(w, (size_t)w->stage->in[0]), *types = writer_row(w, (size_t)w->stage->in[1]);
    writer_say(w, _("norm of this row"), _("before %s, segment %s, sum %s"), NUM(moments(before, d).norm), NUM(moments(types, d).norm),
               NUM(moments(writer_row(w, w->i), d).norm));
    writer_say_likeness(w, _("likeness"), writer_value(w), w->stage->shape[0], d);
    writer_say_range(w, _("all rows"), writer_value(w), w->stage->count);
}

/* Means over rows (of the cursor's head) of each row's mean, variance and norm. */
static void say_mean_row(Writer *w, const char *label, size_t i)
{
    const Stage *s = w->stage;
    size_t T = s->shape[s->rank - 2], d = s->shape[s->rank - 1];
    const real *x = pass_value(w->pass, i) + (s->rank == 3 ? w->head * T * d : 0);
    double mean = 0, variance = 0, norm = 0;
    for (size_t t = 0; t < T; t++) {
        Moments m = moments(x + t * d, d);
        mean += m.mean / (double)T;
        variance += m.variance / (double)T;
        norm += m.norm / (double)T;
    }
    writer_say(w, label, _("mean %s, variance %s, norm %s"), NUM(mean), NUM(variance), NUM(norm));
}

void lines_about_norm(Writer *w)
{
    size_t d = w->stage->shape[w->stage->rank - 1], in = (size_t)w->stage->in[0];
    if (w->ablations & NO_NORM) {
        writer_say(w, _("this row"), "%s", _("unchanged: no-norm"));
        writer_say_rows(w);
    } else {
        writer_say_moments(w, _("this row, before"), writer_row(w, in), d);
        writer_say_moments(w, _("this row, after"), writer_row(w, w->i), d);
        say_mean_row(w, _("average row, before"), in);
        say_mean_row(w, _("average row, after"), w->i);
        Moments gain = matrix_moments(pass_weight(w->pass, (size_t)w->stage->w[0]), 1, d);
        writer_say(w, _("gain"), _("mean %s, from %s to %s"), NUM(gain.mean), NUM(gain.min), NUM(gain.max));
        double largest = fmax(fabs(gain.min), fabs(gain.max));
        if (w->stage->rank == 3)
            writer_say(w, _("no row is longer than"), _("%s = √%zu times the largest gain"), NUM(sqrt((double)d) * largest), d);
    }
    if (w->stage->sub == SUB_FINAL)
        say_history(w);
}

void lines_about_residual(Writer *w)
{
    size_t x = (size_t)w->stage->in[0], y = (size_t)w->stage->in[1], T = w->stage->shape[0], d = w->stage->shape[1];
    StreamPoint point = stream_point(w->pass, w->i);
    writer_say(w, _("size of the stream"), _("norm %s in this row, %s on average"), NUM(moments(writer_row(w, w->i), d).norm),
               NUM(point.norm));
    if (T > 1)
        writer_say(w, _("likeness of tokens"), _("mean cosine %s, before this sub-layer %s"), NUM(point.cosine),
                   NUM(mean_cosine(pass_value(w->pass, x), T, d)));
    if (w->ablations & NO_RESIDUAL)
        writer_say(w, _("what went in"), _("norm %s, not added: no-residual"), NUM(moments(writer_row(w, x), d).norm));
    else
        writer_say_beside(w, y, x);
    say_history(w);
    writer_say_range(w, _("all rows"), writer_value(w), w->stage->count);
}

/* What a sub-layer adds to the stream, or makes of it for the output. */
static void say_result(Writer *w)
{
    int stream = trunk_joins(pass_plan(w->pass), w->i);
    if (stream != NO_STAGE)
        writer_say_beside(w, w->i, (size_t)stream);
    writer_say_rows(w);
    writer_say_likeness(w, _("likeness"), writer_value(w), w->stage->shape[0], w->stage->shape[1]);
}

/* Two sub-layers' results in one sum: how large each is, and whether they pull the same way. */
void lines_about_joined(Writer *w)
{
    size_t d = w->stage->shape[1];
    const real *attention = writer_row(w, (size_t)w->stage->in[0]), *ffn = writer_row(w, (size_t)w->stage->in[1]);
    writer_say(w, _("norm of this row"), _("attention %s, FFN %s, sum %s"), NUM(moments(attention, d).norm), NUM(moments(ffn, d).norm),
               NUM(moments(writer_row(w, w->i), d).norm));
    writer_say(w, _("attention and FFN"), _("cosine %s"), NUM(cosine(attention, ffn, d)));
    say_result(w);
}

/* ---- the FFN ---- */

static void say_off(Writer *w)
{
    size_t T = w->stage->shape[0], n = w->stage->shape[1];
    const real *x = writer_value(w);
    writer_say(w, _("units <= 0"), _("%s of this row, %s of all rows"), PERCENT(share_not_positive(writer_row(w, w->i), n)),
               PERCENT(share_not_positive(x, T * n)));
}

/* The units furthest from 0 in the cursor's row. */
static void say_strongest(Writer *w)
{
    size_t n = w->stage->shape[1], top[3], have = 0;
    const real *row = writer_row(w, w->i);
    for (size_t i = 0; i < n; i++) {
        size_t at = have < 3 ? have++ : 3;
        for (; at > 0 && fabs((double)row[i]) > fabs((double)row[top[at - 1]]); at--)
            if (at < 3)
                top[at] = top[at - 1];
        if (at < 3)
            top[at] = i;
    }
    char text[128] = "";
    for (size_t k = 0; k < have; k++)
        snprintf(text + strlen(text), sizeof text - strlen(text), "%s%zu: %s", k ? "  " : "", top[k], NUM(row[top[k]]));
    writer_say(w, _("strongest units"), "%s", text);
}

/* gate and expand have the FFN's units; out, contract and the output's head a row of the stream. */
void lines_about_linear(Writer *w)
{
    if (w->stage->kind != STAGE_GATE && w->stage->kind != STAGE_EXPAND) {
        say_result(w);
        return;
    }
    say_off(w);
    writer_say_rows(w);
}

void lines_about_activate(Writer *w)
{
    size_t T = w->stage->shape[0], n = w->stage->shape[1], dead = 0;
    const real *x = writer_value(w);
    say_off(w);
    say_strongest(w);
    for (size_t i = 0; i < n; i++) {
        size_t t = 0;
        while (t < T && x[t * n + i] <= 0)
            t++;
        dead += t == T;
    }
    writer_say(w, _("<= 0 at every token"), _("%zu of %zu units"), dead, n);
    writer_say_rows(w);
}

void lines_about_product(Writer *w)
{
    say_strongest(w);
    writer_say_rows(w);
}

/* ---- output ---- */

/* "love 12.30  the 10.20  a 9.10" */
static void say_likeliest(Writer *w)
{
    size_t top[3], V = w->stage->shape[1];
    const real *row = writer_row(w, w->i);
    size_t n = largest_of(row, V, 3, top);
    char text[192] = "";
    for (size_t k = 0; k < n; k++)
        snprintf(text + strlen(text), sizeof text - strlen(text), "%s%s %s", k ? "  " : "", NAME(1, top[k], 8), NUM(row[top[k]]));
    writer_say(w, _("likeliest"), "%s", text);
}

void lines_about_logits(Writer *w)
{
    size_t V = w->stage->shape[1], top[2];
    const real *row = writer_row(w, w->i);
    say_likeliest(w);
    if (largest_of(row, V, 2, top) == 2) {
        double lead = (double)row[top[0]] - (double)row[top[1]];
        writer_say(w, _("lead over the second"), _("%s: exp of it, %s times as likely"), NUM(lead), NUM(exp(lead)));
    }
    writer_say_range(w, _("this row"), row, V);
}

void lines_about_probs(Writer *w)
{
    size_t T = w->stage->shape[0], V = w->stage->shape[1], top;
    const real *row = writer_row(w, w->i);
    double h = entropy(row, V), mean = 0;
    say_likeliest(w);
    writer_say(w, _("entropy of this row"), _("%s nats, %s of ln %zu"), NUM(h), PERCENT(V > 1 ? h / log((double)V) : 0), V);
    writer_say(w, _("as unsure as between"), _("%s tokens (exp H)"), NUM(exp(h)));
    largest_of(row, V, 1, &top);
    writer_say(w, _("largest"), _("%s; p(1-p) %s"), NUM(row[top]), NUM((double)row[top] * (1 - (double)row[top])));
    for (size_t t = 0; t < T && !writer_is_large(w); t++)
        mean += entropy(writer_value(w) + t * V, V) / (double)T;
    if (!writer_is_large(w))
        writer_say(w, _("mean entropy, all rows"), _("%s nats"), NUM(mean));
    writer_say(w, _("sum of this row"), "%.6f", moments(row, V).mean * (double)V);
}
