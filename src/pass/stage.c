/* stage.c - the table of kinds, names, and the small formulas several places need. */
#include "pass/stage.h"

#include "base/text.h"

#include <stdio.h>
#include <string.h>

const StageInfo stage_table[STAGE_KIND_COUNT] = {
#define STAGE(KIND, id, title, formula, what, source, w0, w1, family) \
    [STAGE_##KIND] = {id, title, formula, what, source, #family, {w0, w1}, stage_##family##_forward, stage_##family##_backward},
#include "pass/stages.def"
#undef STAGE
};

const char *stage_what(const Stage *s, const Config *c)
{
    bool shared = c->n_kv_heads < c->n_heads;
    switch (s->kind) {
    case STAGE_SUM:
        if (c->embed_norm || (c->token_types && s->stack == STACK_ENCODER))
            return _("What a token is and where it stands, added; the residual stream starts a little later.");
        break;
    case STAGE_K:
        if (shared)
            return _("What each token offers to be found by: one key vector per token and key/value head; several heads share one.");
        break;
    case STAGE_V:
        if (shared)
            return _("What each token hands over when it is looked at: one value vector per token and key/value head; several heads share one.");
        break;
    case STAGE_SCALED:
        if (c->score_scale > 0)
            return _("The scores times a factor of the model's own, which stands in the place of 1/√d_head.");
        break;
    case STAGE_ACTIVATE:
        if (s->stack == STACK_OUTPUT)
            return _("The non-linear step of the output head.");
        if (c->ffn == FFN_GATED)
            return _("The non-linear step, on the gate alone: how far each unit is open.");
        break;
    default:
        break;
    }
    return _(stage_table[s->kind].what);
}

const char *axis_name(Axis a)
{
    static const char *const names[AXIS_COUNT] = {
        [AXIS_NONE] = "",         [AXIS_HEAD] = "head",      [AXIS_KV_HEAD] = "kv_head",
        [AXIS_TOKEN] = "token",   [AXIS_QUERY] = "query",    [AXIS_KEY] = "key",
        [AXIS_DIM] = "dim",       [AXIS_HEAD_DIM] = "dim",   [AXIS_HEADS_DIM] = "dim",
        [AXIS_UNIT] = "unit",     [AXIS_VOCAB] = "vocab",
    };
    return names[a];
}

const char *stack_name(Stack s)
{
    static const char *const names[STACK_COUNT] = {"encoder", "decoder", "output"};
    return names[s];
}

const char *sub_name(Sub s)
{
    static const char *const names[] = {"embed", "self", "cross", "ffn", "final_norm", "output"};
    return names[s];
}

const char *stage_prefix(const Stage *s, char *out)
{
    if (s->layer >= 0)
        snprintf(out, STAGE_NAME_MAX, "%s.%d.%s", stack_name(s->stack), s->layer, sub_name(s->sub));
    else if (s->sub == SUB_EMBED)
        snprintf(out, STAGE_NAME_MAX, "%s.embed", stack_name(s->stack));
    else
        snprintf(out, STAGE_NAME_MAX, "%s", stack_name(s->stack));
    return out;
}

const char *stage_name(const Stage *s, char *out)
{
    stage_prefix(s, out);
    size_t n = strlen(out);
    snprintf(out + n, STAGE_NAME_MAX - n, ".%s", s->sub == SUB_FINAL ? "final_norm" : stage_table[s->kind].id);
    return out;
}

bool stage_is_linear(StageKind kind)
{
    switch (kind) {
    case STAGE_Q:
    case STAGE_K:
    case STAGE_V:
    case STAGE_OUT:
    case STAGE_GATE:
    case STAGE_EXPAND:
    case STAGE_CONTRACT:
    case STAGE_TRANSFORM:
    case STAGE_LOGITS:
        return true;
    default:
        return false;
    }
}

bool stage_is_of_source(const Stage *s)
{
    return s->stack == STACK_ENCODER || (s->sub == SUB_CROSS && s->axes[0] == AXIS_KV_HEAD);
}

bool stage_is_norm(StageKind kind)
{
    return kind == STAGE_NORM || kind == STAGE_Q_NORM || kind == STAGE_K_NORM;
}

NormKind stage_norm_kind(const Stage *s, const Config *c)
{
    return s->kind == STAGE_NORM ? c->norm : NORM_RMSNORM;
}

bool stage_is_causal(const Stage *s)
{
    return s->stack == STACK_DECODER && s->sub == SUB_SELF;
}

/* The token that only fills up a row; a config may also call its end token padding, and that one is read. */
static int padding_id(const Config *c)
{
    return c->pad == c->bos || c->pad == c->eos || c->pad == c->mask || c->pad == c->unk ? -1 : c->pad;
}

bool stage_hides(const Config *c, const int *ids, size_t n)
{
    int pad = padding_id(c);
    for (size_t i = 0; pad >= 0 && i < n; i++)
        if (ids[i] == pad)
            return true;
    return false;
}

size_t stage_segment(const Config *c, const int *ids, size_t t)
{
    if (c->token_types < 2 || c->eos < 0 || stage_hides(c, ids + t, 1))
        return 0;
    for (size_t i = 0; i < t; i++)
        if (ids[i] == c->eos)
            return 1;
    return 0;
}

size_t stage_window_start(const Config *c, size_t query)
{
    return c->window && query >= c->window ? query + 1 - c->window : 0;
}

bool stage_sees(const Stage *s, const Config *c, Ablations a, const int *key_ids, size_t query, size_t key)
{
    bool causal = stage_is_causal(s) && !(a & NO_MASK);
    size_t reach = causal ? query + 1 : s->shape[s->rank - 1], first = causal ? stage_window_start(c, query) : 0;
    if (key >= reach || key < first)
        return false;
    if (!stage_hides(c, key_ids + key, 1))
        return true;
    for (size_t j = first; j < reach; j++)
        if (!stage_hides(c, key_ids + j, 1))
            return false;
    return true;
}

double stage_scale(const Stage *s, const Config *c, Ablations a)
{
    if (a & NO_SCALE)
        return 1.0;
    double scale = a & SCALE_BY_DK ? 1.0 / (double)c->d_head : c->score_scale > 0 ? c->score_scale : 1.0 / sqrt((double)c->d_head);
    return c->scale_by_layer ? scale / (double)(s->layer + 1) : scale;
}

double stage_divisor(const Stage *s, const Config *c, Ablations a, char *out)
{
    char by[STAGE_DIVISOR_MAX / 2];
    double usual = c->score_scale > 0 ? 1 / c->score_scale : sqrt((double)c->d_head);
    double divisor = a & NO_SCALE ? 1 : a & SCALE_BY_DK ? (double)c->d_head : usual;
    bool root = !(a & (NO_SCALE | SCALE_BY_DK)) && !(c->score_scale > 0);
    if (root)
        snprintf(by, sizeof by, "√%zu", c->d_head);
    else
        snprintf(by, sizeof by, "%g", divisor);
    bool by_layer = c->scale_by_layer && !(a & NO_SCALE);
    if (by_layer)
        snprintf(out, STAGE_DIVISOR_MAX, "(%s · %d)", by, s->layer + 1);
    else
        snprintf(out, STAGE_DIVISOR_MAX, "%s", by);
    return by_layer ? divisor * (double)(s->layer + 1) : divisor;
}

double alibi_slope(size_t head, size_t heads)
{
    size_t n = 1; /* the largest power of two that is not above `heads` */
    while (n * 2 <= heads)
        n *= 2;
    if (head < n)
        return pow(2.0, -8.0 / (double)n * (double)(head + 1));
    return pow(2.0, -8.0 / (double)(2 * n) * (double)(2 * (head - n) + 1));
}

double sinusoid(size_t position, size_t dim, size_t d_model)
{
    double angle = (double)position / pow(10000.0, (double)(dim - dim % 2) / (double)d_model);
    return dim % 2 ? cos(angle) : sin(angle);
}

size_t stage_table_width(const Config *c)
{
    return c->position == POSITION_SINUSOIDAL ? c->d_model : c->position == POSITION_ROPE ? config_rope_dims(c) : 0;
}

void stage_fill_table(real *table, const Config *c, size_t first, size_t rows)
{
    size_t width = stage_table_width(c);
    if (c->position != POSITION_ROPE) {
        for (size_t t = 0; t < rows; t++)
            for (size_t j = 0; j < width; j++)
                table[t * width + j] = (real)sinusoid(first + t, config_sinusoid_dim(c, j), width);
        return;
    }
    double magnitude = rope_magnitude(c);
    for (size_t pair = 0; pair < width / 2; pair++) {
        double speed = rope_speed(c, pair); /* the same at all positions */
        for (size_t t = 0; t < rows; t++) {
            double angle = (double)(first + t) * speed;
            table[t * width + 2 * pair] = (real)(cos(angle) * magnitude);
            table[t * width + 2 * pair + 1] = (real)(sin(angle) * magnitude);
        }
    }
}
