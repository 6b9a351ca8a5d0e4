/* ablation.c - the nine named switches of a pass. */
#include "pass/ablation.h"

#include "base/text.h"

#include <string.h>

const AblationInfo ablation_table[ABLATION_COUNT] = {
    {NO_POSITIONS, "no-positions", N_("positions become zeros; RoPE and ALiBi do nothing")},
    {NO_RESIDUAL, "no-residual", N_("a sub-layer's result replaces the stream instead of being added to it")},
    {UNIFORM_ATTENTION, "uniform-attention", N_("every visible key gets the same weight, whatever the scores")},
    {NO_SCALE, "no-scale", N_("scores are not divided by √d_head")},
    {SCALE_BY_DK, "scale-by-dk", N_("scores are divided by d_head instead of √d_head")},
    {NO_MASK, "no-mask", N_("the decoder may look at what comes later")},
    {NO_NORM, "no-norm", N_("every norm hands its input on unchanged, those of queries and keys too")},
    {NO_FFN, "no-ffn", N_("the FFN sub-layers are taken out, with their norms and residuals")},
    {NO_ATTENTION, "no-attention", N_("all attention sub-layers are taken out, self and cross, with their norms and residuals")},
};

int ablations_parse(Ablations *out, const char *text, Error *e)
{
    *out = 0;
    for (const char *p = text; *p;) {
        size_t n = strcspn(p, ",");
        const AblationInfo *found = NULL;
        for (int i = 0; i < ABLATION_COUNT; i++)
            if (strlen(ablation_table[i].name) == n && memcmp(ablation_table[i].name, p, n) == 0)
                found = &ablation_table[i];
        if (!found) {
            error_set(e, "--ablate: expected names out of");
            for (int i = 0; i < ABLATION_COUNT; i++) {
                size_t used = strlen(e ? e->text : "");
                if (e && used + strlen(ablation_table[i].name) + 3 < sizeof e->text) {
                    strcat(e->text, i ? ", " : " ");
                    strcat(e->text, ablation_table[i].name);
                }
            }
            Error list = {{0}};
            if (e)
                list = *e;
            return error_set(e, "%s, found '%.*s'", list.text, (int)(n > 80 ? 80 : n), p);
        }
        *out |= found->bit;
        p += n;
        if (*p == ',')
            p++;
    }
    return 0;
}

void ablations_write(Ablations a, Buffer *out)
{
    bool first = true;
    for (int i = 0; i < ABLATION_COUNT; i++) {
        if (!(a & ablation_table[i].bit))
            continue;
        if (!first)
            buffer_putc(out, ',');
        buffer_puts(out, ablation_table[i].name);
        first = false;
    }
}

/* The switches that have something to switch in this config. */
static Ablations effective(const Config *c)
{
    Ablations all = NO_RESIDUAL | UNIFORM_ATTENTION | NO_SCALE | SCALE_BY_DK | NO_ATTENTION;
    if (c->position != POSITION_NONE)
        all |= NO_POSITIONS;
    if (c->kind != KIND_ENCODER)
        all |= NO_MASK;
    if (c->norm != NORM_NONE || c->qk_norm)
        all |= NO_NORM;
    if (c->ffn != FFN_NONE)
        all |= NO_FFN;
    return all;
}

Ablations ablations_without_effect(Ablations a, const Config *c)
{
    return a & ~effective(c);
}

bool ablations_touch(Ablations a, const Stage *s, const Config *c)
{
    switch (s->kind) {
    case STAGE_POSITIONS:
    case STAGE_Q_ROT:
    case STAGE_K_ROT:
    case STAGE_BIASED:
        return a & NO_POSITIONS;
    case STAGE_RESIDUAL:
        return a & NO_RESIDUAL;
    case STAGE_WEIGHTS:
        return a & UNIFORM_ATTENTION;
    case STAGE_SCALED:
        return stage_scale(s, c, a) != stage_scale(s, c, 0);
    case STAGE_MASKED:
        return stage_is_causal(s) && (a & NO_MASK);
    default:
        return stage_is_norm(s->kind) && (a & NO_NORM);
    }
}
