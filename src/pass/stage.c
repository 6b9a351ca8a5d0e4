/* stage.c - the table of kinds, names, and the small formulas several places need. */
#include "pass/stage.h"

#include "base/text.h"

#include <stdio.h>
#include <string.h>

const StageInfo stage_table[STAGE_KIND_COUNT] = {
#define STAGE(KIND, id, title, formula, what, source, w0, w1, fn) \
    [STAGE_##KIND] = {id, title, formula, what, source, #fn, {w0, w1}, stage_##fn##_forward, stage_##fn##_backward},
#include "pass/stages.def"
#undef STAGE
};

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

bool stage_sees(const Stage *s, const Config *c, Ablations a, const int *key_ids, size_t query, size_t key)
{
    size_t reach = stage_is_causal(s) && !(a & NO_MASK) ? query + 1 : s->shape[s->rank - 1];
    if (key >= reach)
        return false;
    if (!stage_hides(c, key_ids + key, 1))
        return true;
    for (size_t j = 0; j < reach; j++)
        if (!stage_hides(c, key_ids + j, 1))
            return false;
    return true;
}

double stage_scale(const Config *c, Ablations a)
{
    if (a & NO_SCALE)
        return 1.0;
    return a & SCALE_BY_DK ? 1.0 / (double)c->d_head : 1.0 / sqrt((double)c->d_head);
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

double rope_angle(size_t position, size_t pair, size_t d_head, double theta)
{
    return (double)position * pow(theta, -(double)(2 * pair) / (double)d_head);
}

double sinusoid(size_t position, size_t dim, size_t d_model)
{
    double angle = (double)position / pow(10000.0, (double)(dim - dim % 2) / (double)d_model);
    return dim % 2 ? cos(angle) : sin(angle);
}

void rope_pair(const Config *c, size_t pair, size_t *first, size_t *second)
{
    bool half = c->rope_pairing == PAIRING_HALF;
    *first = half ? pair : 2 * pair;
    *second = half ? pair + c->d_head / 2 : 2 * pair + 1;
}

size_t stage_table_width(const Config *c)
{
    return c->position == POSITION_SINUSOIDAL ? c->d_model : c->position == POSITION_ROPE ? c->d_head : 0;
}

void stage_fill_table(real *table, const Config *c, size_t first, size_t rows)
{
    size_t width = stage_table_width(c);
    for (size_t t = 0; t < rows; t++)
        for (size_t j = 0; j < width; j++) {
            double x = c->position == POSITION_SINUSOIDAL ? sinusoid(first + t, j, width) : rope_angle(first + t, j / 2, width, c->rope_theta);
            if (c->position == POSITION_ROPE)
                x = j % 2 ? sin(x) : cos(x);
            table[t * width + j] = (real)x;
        }
}
