/* attribution.c - takes a logit apart into what was written into the stream. */
#include "measure/attribution.h"

#include "base/text.h"
#include "measure/label.h"
#include "measure/trunk.h"
#include "pass/edit.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

typedef struct Work {
    Pass *pass;
    size_t row;
    Attribution *out;
    const double *g; /* [d_model] what a unit of the stream is worth where the next part is added */
    bool failed;
} Work;

static AttributionPart *add(Work *w, AttributionKind kind, size_t stage, double value, size_t pieces)
{
    Attribution *a = w->out;
    AttributionPart *more = realloc(a->parts, (a->count + 1) * sizeof *more);
    double *room = pieces ? calloc(pieces, sizeof *room) : NULL;
    if (more)
        a->parts = more;
    if (!more || (pieces && !room)) {
        free(room);
        w->failed = true;
        return NULL;
    }
    a->parts[a->count] = (AttributionPart){.kind = kind, .stage = stage, .value = value, .pieces = room, .count = pieces};
    return &a->parts[a->count++];
}

static Matrix weight_of(const Work *w, const Stage *s, int which)
{
    return s->w[which] == NO_WEIGHT ? (Matrix){0} : pass_weight(w->pass, (size_t)s->w[which]);
}

/* A row of the stream that is written whole: the embedding of the token, of its position. */
static void add_row(Work *w, AttributionKind kind, size_t stage)
{
    size_t d = pass_plan(w->pass)->config->d_model;
    add(w, kind, stage, trunk_dot(trunk_row(w->pass, stage, w->row), w->g, d), 0);
}

/* What an edit made of stage i's row, beyond what the stage had computed. */
static void add_edit(Work *w, size_t stage, const double *worth)
{
    size_t d = pass_plan(w->pass)->stages[stage].shape[1];
    double value = 0;
    if (!pass_is_edited(w->pass, stage))
        return;
    const real *now = trunk_row(w->pass, stage, w->row), *was = pass_unedited(w->pass, stage) + w->row * d;
    for (size_t i = 0; i < d; i++)
        value += ((double)now[i] - (double)was[i]) * worth[i];
    add(w, ATTRIBUTION_EDIT, stage, value, 0);
}

static void add_bias(Work *w, size_t stage)
{
    Matrix b = weight_of(w, &pass_plan(w->pass)->stages[stage], 1);
    if (b.data)
        add(w, ATTRIBUTION_BIAS, stage, matrix_row_dot(&b, 0, w->g, pass_plan(w->pass)->config->d_model), 0);
}

/* One head: its row of concat times its rows of W_O; the same by key, with the key's weight and value. */
static void add_head(Work *w, size_t out, size_t head)
{
    const Plan *plan = pass_plan(w->pass);
    const Stage *concat = &plan->stages[plan->stages[out].in[0]], *heads = &plan->stages[concat->in[0]];
    size_t weights = (size_t)heads->in[0], v = (size_t)heads->in[1];
    const Stage *a = &plan->stages[weights], *vs = &plan->stages[v];
    size_t d = plan->config->d_model, k = heads->shape[2], Tk = a->shape[2], group = heads->shape[0] / vs->shape[0];
    const Matrix wo = weight_of(w, &plan->stages[out], 0);
    const real *mixed = trunk_row(w->pass, (size_t)plan->stages[out].in[0], w->row) + head * k;
    const real *share = pass_value(w->pass, weights) + (head * a->shape[1] + w->row) * Tk,
               *value = pass_value(w->pass, v) + head / group * Tk * k;
    AttributionPart *part = add(w, ATTRIBUTION_HEAD, weights, 0, Tk);
    if (!part)
        return;
    part->head = head;
    for (size_t i = 0; i < k; i++) {
        double worth = matrix_row_dot(&wo, head * k + i, w->g, d); /* of dimension i of this head */
        part->value += (double)mixed[i] * worth;
        for (size_t j = 0; j < Tk; j++)
            part->pieces[j] += (double)share[j] * (double)value[j * k + i] * worth;
    }
}

static void add_attention(Work *w, size_t out)
{
    for (size_t h = 0; h < pass_plan(w->pass)->config->n_heads; h++)
        add_head(w, out, h);
    add_bias(w, out);
}

static void add_ffn(Work *w, size_t contract)
{
    const Stage *s = &pass_plan(w->pass)->stages[contract];
    const real *units = trunk_row(w->pass, (size_t)s->in[0], w->row);
    const Matrix w2 = weight_of(w, s, 0);
    size_t n = pass_plan(w->pass)->config->d_ff, d = s->shape[1];
    AttributionPart *part = add(w, ATTRIBUTION_FFN, contract, 0, n);
    if (!part)
        return;
    for (size_t u = 0; u < n; u++) {
        part->pieces[u] = (double)units[u] * matrix_row_dot(&w2, u, w->g, d);
        part->value += part->pieces[u];
    }
    add_bias(w, contract);
}

static void add_entry(Work *w, const Trunk *t, size_t k, double norm_bias)
{
    const Plan *plan = pass_plan(w->pass);
    const Stage *s = &plan->stages[t->stages[k]];
    int added = trunk_added(plan, t, k);
    if (s->kind == STAGE_TOKENS) {
        add_row(w, ATTRIBUTION_TOKEN, t->stages[k]);
    } else if (s->kind == STAGE_SUM) {
        add_row(w, ATTRIBUTION_TOKEN, (size_t)s->in[0]);
        add_row(w, ATTRIBUTION_POSITION, (size_t)added);
    } else if (s->kind == STAGE_TYPED) {
        add_row(w, ATTRIBUTION_SEGMENT, (size_t)added);
    } else if (s->kind == STAGE_NORM) {
        if (weight_of(w, s, 1).data && !(plan->ablations & NO_NORM))
            add(w, ATTRIBUTION_NORM, t->stages[k], norm_bias, 0);
    } else if (plan->stages[added].kind == STAGE_JOINED) {
        size_t out = (size_t)plan->stages[added].in[0], contract = (size_t)plan->stages[added].in[1];
        add_attention(w, out);
        add_edit(w, out, w->g);
        add_ffn(w, contract);
        add_edit(w, contract, w->g);
        add_edit(w, (size_t)added, w->g);
    } else if (plan->stages[added].kind == STAGE_OUT) {
        add_attention(w, (size_t)added);
        add_edit(w, (size_t)added, w->g);
    } else {
        add_ffn(w, (size_t)added);
        add_edit(w, (size_t)added, w->g);
    }
    if (s->kind != STAGE_TOKENS)
        add_edit(w, t->stages[k], w->g);
}

/* The logits themselves may be edited. */
static void add_logits_edit(Work *w)
{
    const Plan *plan = pass_plan(w->pass);
    size_t logits = plan->count - 2, V = plan->config->vocab_size;
    Attribution *a = w->out;
    if (!pass_is_edited(w->pass, logits))
        return;
    const real *was = pass_unedited(w->pass, logits) + w->row * V;
    add(w, ATTRIBUTION_EDIT, logits, a->logit - ((double)was[a->token] - (a->against < 0 ? 0 : (double)was[a->against])), 0);
}

int attribution_make(Pass *p, size_t row, int token, int against, Attribution *out, Error *e)
{
    const Plan *plan = pass_plan(p);
    size_t d = plan->config->d_model, V = plan->config->vocab_size;
    Trunk t;
    *out = (Attribution){.row = row, .token = token, .against = against};
    if (trunk_find(plan, config_last_stack(plan->config), &t, e) != 0)
        return -1;
    double *g = calloc(t.count * (d + 1) + d, sizeof *g);
    Work w = {.pass = p, .row = row, .out = out, .failed = !g};
    if (g) {
        double *bias = g + t.count * d;
        const real *logits = pass_value(p, plan->count - 2) + row * V;
        out->logit = (double)logits[token] - (against < 0 ? 0 : (double)logits[against]);
        double rest = trunk_unembed(p, row, token, against, g + (t.count - 1) * d, bias + t.count);
        trunk_carry_back(p, &t, row, g, bias);
        for (size_t k = 0; k < t.count && !w.failed; k++) {
            w.g = g + k * d;
            add_entry(&w, &t, k, bias[k]);
        }
        if (!w.failed && (plan->config->output_bias || plan->config->output_head))
            add(&w, ATTRIBUTION_BIAS, plan->count - 2, rest, 0);
        if (!w.failed)
            add_logits_edit(&w);
    }
    for (size_t i = 0; i < out->count; i++)
        out->sum += out->parts[i].value;
    free(g);
    trunk_free(&t);
    if (!w.failed)
        return 0;
    attribution_free(out);
    return error_memory(e, "attribution");
}

void attribution_free(Attribution *a)
{
    for (size_t i = 0; i < a->count; i++)
        free(a->parts[i].pieces);
    free(a->parts);
    *a = (Attribution){0};
}

/* ---- names ---- */

static NormKind norms_of(const Pass *p)
{
    return pass_plan(p)->ablations & NO_NORM ? NORM_NONE : pass_plan(p)->config->norm;
}

const char *attribution_norms(const Pass *p)
{
    static const char *const texts[] = {[NORM_LAYERNORM] = N_("frozen at their actual mean and variance"),
                                        [NORM_RMSNORM] = N_("frozen at their actual root mean square"),
                                        [NORM_NONE] = N_("none")};
    return _(texts[norms_of(p)]);
}

const char *attribution_why(const Pass *p)
{
    static const char *const texts[] = {
        [NORM_LAYERNORM] = N_("Every norm is frozen at its actual mean and variance, so the parts add up."),
        [NORM_RMSNORM] = N_("Every norm is frozen at its actual root mean square, so the parts add up."),
        [NORM_NONE] = N_("There is no norm, so the parts add up as they are."),
    };
    if (pass_plan(p)->config->output_head && norms_of(p) == NORM_LAYERNORM)
        return _("Norms are frozen at their mean and variance, the output head's activation too: the parts add up.");
    return _(texts[norms_of(p)]);
}

void attribution_name(const Pass *p, const AttributionPart *part, Buffer *out)
{
    const Stage *s = &pass_plan(p)->stages[part->stage];
    char name[STAGE_NAME_MAX];
    if (s->layer >= 0)
        buffer_printf(out, _("layer %d "), s->layer);
    switch (part->kind) {
    case ATTRIBUTION_TOKEN:
        buffer_puts(out, _("token's embedding"));
        break;
    case ATTRIBUTION_POSITION:
        buffer_puts(out, _("position"));
        break;
    case ATTRIBUTION_SEGMENT:
        buffer_puts(out, _("segment"));
        break;
    case ATTRIBUTION_HEAD:
        buffer_printf(out, _("%s head %zu"), sub_name(s->sub), part->head);
        break;
    case ATTRIBUTION_FFN:
        buffer_puts(out, _("FFN, its units"));
        break;
    case ATTRIBUTION_BIAS:
        if (s->stack == STACK_OUTPUT) {
            buffer_puts(out, pass_plan(p)->config->output_head ? _("the output head's biases") : "output b_U");
            break;
        }
        buffer_printf(out, "%s %s", sub_name(s->sub), stage_table[s->kind].w[1]);
        break;
    case ATTRIBUTION_NORM:
        buffer_printf(out, s->sub == SUB_FINAL ? _("final norm's bias") : _("%s norm's bias"), sub_name(s->sub));
        break;
    case ATTRIBUTION_EDIT:
        buffer_printf(out, _("edit of %s"), s->layer >= 0 ? stage_table[s->kind].id : stage_name(s, name));
        break;
    case ATTRIBUTION_KINDS:
        break;
    }
}

void attribution_piece_name(const Pass *p, const AttributionPart *part, size_t i, Buffer *out)
{
    const Stage *s = &pass_plan(p)->stages[part->stage];
    if (part->kind != ATTRIBUTION_HEAD) {
        buffer_printf(out, _("unit %zu"), i);
        return;
    }
    label_index(p, s, 2, i, out);
    buffer_printf(out, " (%zu)", i);
}

/* ---- the largest first ---- */

typedef struct Ranked {
    double size;
    size_t index;
} Ranked;

static int larger_first(const void *a, const void *b)
{
    const Ranked *x = a, *y = b;
    if (x->size != y->size)
        return x->size < y->size ? 1 : -1;
    return x->index < y->index ? -1 : 1;
}

static void sort(Ranked *ranked, size_t n, size_t *order)
{
    if (ranked)
        qsort(ranked, n, sizeof *ranked, larger_first);
    for (size_t i = 0; i < n; i++) /* without memory: as they are written */
        order[i] = ranked ? ranked[i].index : i;
    free(ranked);
}

void attribution_sort(const Attribution *a, size_t *order)
{
    Ranked *ranked = calloc(a->count ? a->count : 1, sizeof *ranked);
    for (size_t i = 0; ranked && i < a->count; i++)
        ranked[i] = (Ranked){fabs(a->parts[i].value), i};
    sort(ranked, a->count, order);
}

void attribution_sort_pieces(const AttributionPart *part, size_t *order)
{
    Ranked *ranked = calloc(part->count ? part->count : 1, sizeof *ranked);
    for (size_t i = 0; ranked && i < part->count; i++)
        ranked[i] = (Ranked){fabs(part->pieces[i]), i};
    sort(ranked, part->count, order);
}
