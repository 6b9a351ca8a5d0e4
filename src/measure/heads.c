/* heads.c - sorts heads by where their weight goes. */
#include "measure/heads.h"

#include "base/text.h"
#include "measure/metrics.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <utf8proc.h>

/* The text that the keys of a stage are, and which of its tokens separate. */
typedef struct Keys {
    const int *ids;
    size_t n;
    bool *separates; /* [n] */
    bool cross;
} Keys;

static bool is_punctuation(const char *token)
{
    size_t n = strlen(token), seen = 0;
    while (*token == ' ')
        token++, n--;
    for (; n; seen++) {
        int32_t c;
        size_t used = text_decode(token, n, &c);
        utf8proc_category_t category = utf8proc_category(c);
        if (category < UTF8PROC_CATEGORY_PC || category > UTF8PROC_CATEGORY_PO)
            return false;
        token += used;
        n -= used;
    }
    return seen > 0;
}

static bool separates(const Model *m, int id)
{
    const Config *c = &m->config;
    return id == c->bos || id == c->pad || config_is_end(c, id) || (vocab_has_text(m->vocab) && is_punctuation(vocab_token(m->vocab, id)));
}

/* Whether key j is what class c looks for from query i. */
static bool is_member(HeadClass c, const Keys *k, size_t i, size_t j)
{
    switch (c) {
    case HEAD_PREVIOUS:
        return !k->cross && j + 1 == i;
    case HEAD_NEXT:
        return !k->cross && j == i + 1;
    case HEAD_SAME:
        return !k->cross && j == i;
    case HEAD_FIRST:
        return j == 0 && (k->cross || i > 0);
    case HEAD_SEPARATOR:
        return j > 0 && k->separates[j];
    case HEAD_INDUCTION:
        return !k->cross && j > 0 && j - 1 < i && j != i && k->ids[j - 1] == k->ids[i];
    default:
        return false;
    }
}

static void measure_class(Pass *p, HeadScore *s, HeadClass c, const Keys *k)
{
    const Stage *stage = &pass_plan(p)->stages[s->stage];
    const real *weights = pass_value(p, s->stage) + s->head * stage->shape[1] * k->n;
    double score = 0, chance = 0;
    for (size_t i = 0; i < stage->shape[1]; i++) {
        size_t members = 0, visible = visible_keys(p, stage, i);
        for (size_t j = 0; j < k->n; j++)
            if (is_member(c, k, i, j) && pass_sees(p, stage, i, j)) {
                members++;
                score += (double)weights[i * k->n + j];
            }
        chance += (double)members / (double)visible;
        s->queries[c] += members > 0;
    }
    s->score[c] = s->queries[c] ? score / (double)s->queries[c] : NAN;
    s->chance[c] = s->queries[c] ? chance / (double)s->queries[c] : NAN;
}

static void choose_class(HeadScore *s)
{
    s->class = s->share >= 0.9 ? HEAD_SPREAD : HEAD_MIXED;
    s->way = NAN;
    for (int c = 0; c < HEAD_CLASSES; c++) {
        double way = (s->score[c] - s->chance[c]) / (1 - s->chance[c]);
        if (way >= 0.5 && !(way <= s->way)) { /* NaN is neither */
            s->class = (HeadClass)c;
            s->way = way;
        }
    }
}

static void measure_head(Pass *p, HeadScore *s, const Keys *k)
{
    const Stage *stage = &pass_plan(p)->stages[s->stage];
    size_t wide = 0;
    for (size_t i = 0; i < stage->shape[1]; i++) {
        AttentionRow row = attention_row(p, s->stage, s->head, i);
        s->entropy += row.entropy / (double)stage->shape[1];
        s->share += row.share;
        wide += row.visible > 1;
    }
    s->share = wide ? s->share / (double)wide : 0;
    for (int c = 0; c < HEAD_CLASSES; c++)
        measure_class(p, s, (HeadClass)c, k);
    choose_class(s);
}

int heads_measure(Pass *p, HeadScore **out, size_t *n, Error *e)
{
    const Plan *plan = pass_plan(p);
    size_t count = 0;
    *n = 0;
    for (size_t i = 0; i < plan->count; i++)
        count += plan->stages[i].kind == STAGE_WEIGHTS ? plan->stages[i].shape[0] : 0;
    *out = calloc(count ? count : 1, sizeof **out);
    if (!*out)
        return error_memory(e, "heads");
    for (size_t i = 0; i < plan->count; i++) {
        const Stage *s = &plan->stages[i];
        if (s->kind != STAGE_WEIGHTS)
            continue;
        Keys k = {.cross = s->sub == SUB_CROSS};
        k.ids = pass_ids(p, s->axis_stack[2], &k.n);
        k.separates = calloc(k.n, sizeof *k.separates);
        if (!k.separates) {
            free(*out);
            *out = NULL;
            *n = 0;
            return error_memory(e, "heads");
        }
        for (size_t j = 0; j < k.n; j++)
            k.separates[j] = separates(pass_model(p), k.ids[j]);
        for (size_t h = 0; h < s->shape[0]; h++) {
            (*out)[*n] = (HeadScore){.stage = i, .head = h};
            measure_head(p, &(*out)[(*n)++], &k);
        }
        free(k.separates);
    }
    return 0;
}

const char *head_class_id(HeadClass c)
{
    static const char *const names[] = {N_("previous"),  N_("next"),      N_("same"),   N_("first"),
                                        N_("separator"), N_("induction"), N_("spread"), N_("mixed")};
    return names[c];
}

const char *head_class_name(HeadClass c)
{
    return c == HEAD_NEXT ? C_("head class", "next") : _(head_class_id(c));
}

const char *head_class_what(HeadClass c)
{
    static const char *const what[] = {
        N_("looks at the token right before"),
        N_("looks at the token right after"),
        N_("looks at the token itself"),
        N_("looks at the first token, whatever it is"),
        N_("looks at begin, end or punctuation"),
        N_("looks at what followed this token the last times"),
        /* xgettext:no-c-format */
        N_("looks everywhere alike: 90% of the entropy it could have, or more"),
        N_("none of these patterns takes it half of the way from uniform attention"),
    };
    return _(what[c]);
}
