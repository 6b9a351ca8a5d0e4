/* compare_json.c - a comparison for other programs: JSON and CSV. */
#include "cli/compare.h"

#include "pass/ablation.h"

#include <jansson.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* JSON has no infinities: as in a trace, they are strings. */
static json_t *number(double x)
{
    return isfinite(x) ? json_real(x) : json_string(isnan(x) ? "nan" : x > 0 ? "inf" : "-inf");
}

static json_t *text_of(const Buffer *b)
{
    return json_string(buffer_text(b));
}

static json_t *ids_of(const Side *s, Stack stack)
{
    size_t n;
    json_t *list = json_array();
    const int *ids = pass_ids(s->pass, stack, &n);
    for (size_t i = 0; i < n; i++)
        json_array_append_new(list, json_integer(ids[i]));
    return list;
}

static json_t *ablations_of(Ablations a)
{
    json_t *list = json_array();
    for (int i = 0; i < ABLATION_COUNT; i++)
        if (a & ablation_table[i].bit)
            json_array_append_new(list, json_string(ablation_table[i].name));
    return list;
}

static json_t *side_of(const Twins *t, int which)
{
    const Side *s = &t->sides[which];
    json_t *side = json_object(), *edits = json_array();
    json_object_set_new(side, "model", json_string(s->model->name));
    if (config_has_stack(&s->model->config, STACK_ENCODER))
        json_object_set_new(side, "source_ids", ids_of(s, STACK_ENCODER));
    if (config_has_stack(&s->model->config, STACK_DECODER))
        json_object_set_new(side, "target_ids", ids_of(s, STACK_DECODER));
    json_object_set_new(side, "ablations", ablations_of(s->ablations));
    for (size_t i = 0; which == SIDE_TWIN && i < t->edits.count; i++)
        json_array_append_new(edits, json_string(t->edits.items[i]));
    json_object_set_new(side, "edits", edits);
    return side;
}

/* [[…], …], or with heads [[[…], …], …]; which is a side, or SIDES for the difference */
static json_t *matrix_json(const Twins *t, const StageDifference *d, int which)
{
    CommonPart p = twins_common(t, d);
    json_t *heads = json_array();
    for (size_t h = 0; h < p.heads; h++) {
        json_t *rows = json_array();
        for (size_t i = 0; i < p.rows; i++) {
            json_t *row = json_array();
            for (size_t j = 0; j < p.cols; j++) {
                double x = which < SIDES
                               ? twins_number(t, which, d, h, i, j)
                               : compare_numbers(twins_number(t, SIDE_BASELINE, d, h, i, j), twins_number(t, SIDE_TWIN, d, h, i, j));
                json_array_append_new(row, number(x));
            }
            json_array_append_new(rows, row);
        }
        json_array_append_new(heads, rows);
    }
    if (pass_plan(t->sides[SIDE_TWIN].pass)->stages[d->twin].rank == 3)
        return heads;
    json_t *only = json_incref(json_array_get(heads, 0));
    json_decref(heads);
    return only;
}

static json_t *stage_of(const Twins *t, size_t k)
{
    const StageDifference *d = &t->comparison.stages[k];
    char name[STAGE_NAME_MAX];
    json_t *stage = json_object();
    json_object_set_new(stage, "name", json_string(twins_stage_name(t, k, name)));
    json_object_set_new(stage, "fate", json_string(fate_name(d->fate)));
    json_object_set_new(stage, "identical", json_boolean(d->identical));
    if (d->fate != FATE_SAME && d->fate != FATE_DIFFERS)
        return stage;
    json_object_set_new(stage, "common_positions_only", json_boolean(d->longer));
    json_object_set_new(stage, "count", json_integer((json_int_t)d->count));
    json_object_set_new(stage, "differing", json_integer((json_int_t)d->differing));
    json_object_set_new(stage, "infinite", json_integer((json_int_t)d->infinite));
    json_object_set_new(stage, "largest", number(d->largest));
    json_object_set_new(stage, "mean", number(d->mean));
    json_object_set_new(stage, "relative", number(d->relative));
    if (d->differing) {
        Buffer where = {0};
        label_address(t->sides[SIDE_TWIN].pass, d->where, &where);
        json_object_set_new(stage, "where", text_of(&where));
        buffer_free(&where);
    }
    for (int which = 0; t->matrices && which <= SIDES; which++) {
        static const char *const keys[] = {"baseline", "twin", "difference"};
        json_object_set_new(stage, keys[which], matrix_json(t, d, which));
    }
    return stage;
}

static json_t *token_of(const Side *s, int id)
{
    Buffer b = {0};
    label_token(s->pass, id, &b);
    json_t *token = text_of(&b);
    buffer_free(&b);
    return token ? token : json_null(); /* bytes that are no text */
}

static json_t *choice_of(const Side *s, const OutputDifference *r, int which)
{
    return json_pack("{s:i, s:o, s:o, s:o}", "id", r->token[which], "token", token_of(s, r->token[which]), "baseline",
                     number(r->baseline_p[which]), "twin", number(r->twin_p[which]));
}

static json_t *tokens_of(const Twins *t)
{
    const Comparison *c = &t->comparison;
    const Side *b = &t->sides[SIDE_BASELINE];
    size_t n;
    const int *ids = pass_ids(b->pass, config_last_stack(&b->model->config), &n);
    json_t *list = json_array();
    for (size_t i = 0; i < c->row_count; i++) {
        const OutputDifference *r = &c->rows[i];
        json_array_append_new(list, json_pack("{s:I, s:o, s:o, s:o, s:b, s:o, s:o}", "position", (json_int_t)i, "after",
                                              token_of(b, ids[i]), "kl", number(r->kl), "variation", number(r->variation), "changed",
                                              r->token[0] != r->token[1], "baseline", choice_of(b, r, 0), "twin", choice_of(b, r, 1)));
    }
    return list;
}

void compare_write_json(const Twins *t, Buffer *out)
{
    const Comparison *c = &t->comparison;
    char name[STAGE_NAME_MAX];
    json_t *root = json_object(), *stages = json_array();
    json_object_set_new(root, "baseline", side_of(t, SIDE_BASELINE));
    json_object_set_new(root, "twin", side_of(t, SIDE_TWIN));
    json_object_set_new(root, "first", c->first < 0 ? json_null() : json_string(twins_stage_name(t, (size_t)c->first, name)));
    json_object_set_new(root, "changed_nothing", ablations_of(t->idle));
    for (size_t k = 0; k < twins_stages(t); k++)
        json_array_append_new(stages, stage_of(t, twins_stage(t, k)));
    json_object_set_new(root, "stages", stages);
    json_object_set_new(root, "kl", number(c->kl));
    json_object_set_new(root, "variation", number(c->variation));
    json_object_set_new(root, "tokens_changed", json_integer((json_int_t)c->tokens_changed));
    json_object_set_new(root, "tokens", tokens_of(t));
    json_object_set_new(
        root, "output",
        json_pack("{s:o, s:o}", "baseline", text_of(&t->sides[SIDE_BASELINE].said), "twin", text_of(&t->sides[SIDE_TWIN].said)));
    char *text = root ? json_dumps(root, JSON_INDENT(1) | JSON_REAL_PRECISION(9)) : NULL;
    if (text)
        buffer_printf(out, "%s\n", text);
    else
        out->failed = true;
    free(text);
    json_decref(root);
}

/* ---- CSV ---- */

static void add_number(Buffer *out, double x)
{
    char text[TRACE_NUMBER_MAX];
    trace_number(text, (real)x);
    buffer_puts(out, text);
}

static void add_matrix(const Twins *t, size_t k, Buffer *out)
{
    const StageDifference *d = &t->comparison.stages[k];
    char name[STAGE_NAME_MAX];
    if (d->fate != FATE_SAME && d->fate != FATE_DIFFERS)
        return;
    CommonPart p = twins_common(t, d);
    bool heads = pass_plan(t->sides[SIDE_TWIN].pass)->stages[d->twin].rank == 3;
    twins_stage_name(t, k, name);
    for (size_t h = 0; h < p.heads; h++)
        for (size_t i = 0; i < p.rows; i++)
            for (size_t j = 0; j < p.cols; j++) {
                double x = twins_number(t, SIDE_BASELINE, d, h, i, j), y = twins_number(t, SIDE_TWIN, d, h, i, j);
                buffer_printf(out, heads ? "%s,%zu," : "%s,,", name, h);
                buffer_printf(out, "%zu,%zu,", i, j);
                add_number(out, x);
                buffer_putc(out, ',');
                add_number(out, y);
                buffer_putc(out, ',');
                add_number(out, compare_numbers(x, y));
                buffer_putc(out, '\n');
            }
}

static void add_stage(const Twins *t, size_t k, Buffer *out)
{
    const StageDifference *d = &t->comparison.stages[k];
    char name[STAGE_NAME_MAX];
    buffer_printf(out, "%s,%s,%s", twins_stage_name(t, k, name), fate_name(d->fate), d->identical ? "true" : "false");
    if (d->fate != FATE_SAME && d->fate != FATE_DIFFERS) {
        buffer_puts(out, ",,,,,,,\n");
        return;
    }
    Buffer where = {0};
    if (d->differing)
        label_address(t->sides[SIDE_TWIN].pass, d->where, &where);
    buffer_printf(out, ",%zu,%zu,%zu,", d->count, d->differing, d->infinite);
    add_number(out, d->largest);
    buffer_putc(out, ',');
    add_number(out, d->mean);
    buffer_putc(out, ',');
    add_number(out, d->relative);
    buffer_printf(out, where.len ? ",\"%s\"\n" : ",%s\n", buffer_text(&where));
    buffer_free(&where);
}

void compare_write_csv(const Twins *t, Buffer *out)
{
    buffer_puts(out, t->matrices ? "stage,head,row,column,baseline,twin,difference\n"
                                 : "stage,fate,identical,count,differing,infinite,largest,mean,relative,where\n");
    for (size_t k = 0; k < twins_stages(t); k++)
        if (t->matrices)
            add_matrix(t, twins_stage(t, k), out);
        else
            add_stage(t, twins_stage(t, k), out);
}
