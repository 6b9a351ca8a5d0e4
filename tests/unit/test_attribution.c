/* test_attribution.c - what each part wrote for a logit, and how far heads reach: carried forwards here, where the module carries
 * backwards. */
#include "measure/attribution.h"
#include "measure/belt.h"
#include "measure/reach.h"
#include "measure/trunk.h"
#include "pass/edit.h"

#include "explain_help.h"

/* ---- attribution ---- */

/* What stage i makes of a vector x that is a part of what it reads: norms frozen, an activation the factor that it is at this row. False
 * where nothing of it goes on. */
static bool through(Pass *p, size_t i, size_t row, double *x)
{
    const Plan *plan = pass_plan(p);
    const Config *c = plan->config;
    const Stage *s = &plan->stages[i];
    size_t d = c->d_model;
    const real *in = trunk_row(p, (size_t)s->in[0], row);
    if (s->kind == STAGE_RESIDUAL)
        return !(plan->ablations & NO_RESIDUAL);
    if (s->kind == STAGE_ACTIVATE)
        for (size_t j = 0; j < d; j++)
            x[j] *= in[j] != 0 ? (double)pass_unedited(p, i)[row * d + j] / (double)in[j] : 0;
    if (s->kind == STAGE_TRANSFORM) {
        const Matrix w = pass_weight(p, (size_t)s->w[0]);
        double y[64] = {0};
        for (size_t k = 0; k < d; k++)
            for (size_t j = 0; j < d; j++)
                y[j] += x[k] * (double)matrix_at(&w, k, j);
        memcpy(x, y, d * sizeof *x);
    }
    if (s->kind != STAGE_NORM || (plan->ablations & NO_NORM))
        return true;
    const real *gain = weight_plain(&pass_model(p)->weights.items[s->w[0]]);
    double mean = 0, squares = 0, mean_x = 0;
    for (size_t j = 0; j < d && c->norm == NORM_LAYERNORM; j++) {
        mean += (double)in[j] / (double)d;
        mean_x += x[j] / (double)d;
    }
    for (size_t j = 0; j < d; j++)
        squares += ((double)in[j] - mean) * ((double)in[j] - mean);
    for (size_t j = 0; j < d; j++)
        x[j] = (x[j] - mean_x) / sqrt(squares / (double)d + c->norm_eps) * (double)gain[j];
    return true;
}

/* Carries a vector that is added to entry k forwards to the logit: each norm takes its mean out and divides by what it divided the row by.
 */
static double carried_forward(Pass *p, const Trunk *t, size_t row, size_t k, const double *v, int token, int against)
{
    const Plan *plan = pass_plan(p);
    const Config *c = plan->config;
    size_t d = c->d_model;
    double x[64], sum = 0;
    memcpy(x, v, d * sizeof *x);
    for (k++; k < t->count; k++)
        if (!through(p, t->stages[k], row, x))
            return 0;
    size_t logits = plan->count - 2;
    for (size_t i = logits; i-- > 0 && plan->stages[i].stack == STACK_OUTPUT;)
        k = i; /* the first stage of the head */
    for (size_t i = plan->stages[logits - 1].stack == STACK_OUTPUT ? k : logits; i < logits; i++)
        cr_assert(through(p, i, row, x));
    const Matrix w = pass_weight(p, (size_t)plan->stages[logits].w[0]);
    for (size_t i = 0; i < d; i++)
        for (int which = 0; which < (against < 0 ? 1 : 2); which++) {
            size_t id = (size_t)(which ? against : token);
            sum += (which ? -x[i] : x[i]) * (double)(c->tie_embeddings ? matrix_at(&w, id, i) : matrix_at(&w, i, id));
        }
    return sum;
}

/* Stage `added` is the sum of two sub-layers' results, and i one of them. */
static bool joined_into(const Plan *plan, int added, size_t i)
{
    return added != NO_STAGE && plan->stages[added].kind == STAGE_JOINED &&
           (plan->stages[added].in[0] == (int)i || plan->stages[added].in[1] == (int)i);
}

/* The entry of the chain that reads stage i. */
static size_t entry_of(const Plan *plan, const Trunk *t, size_t i)
{
    for (size_t k = 0; k < t->count; k++)
        if (t->stages[k] == i || trunk_added(plan, t, k) == (int)i || joined_into(plan, trunk_added(plan, t, k), i) ||
            (plan->stages[t->stages[k]].kind == STAGE_SUM && plan->stages[t->stages[k]].in[0] == (int)i))
            return k;
    cr_assert_fail("not in the chain");
    return 0;
}

/* Piece j of a part as a vector of the stream. */
static void piece_vector(Pass *p, const AttributionPart *part, size_t row, size_t j, double *out)
{
    const Plan *plan = pass_plan(p);
    size_t d = plan->config->d_model, k = plan->config->d_head;
    if (part->kind == ATTRIBUTION_FFN) {
        const Stage *s = &plan->stages[part->stage];
        const real *w2 = weight_plain(&pass_model(p)->weights.items[s->w[0]]);
        for (size_t i = 0; i < d; i++)
            out[i] = (double)trunk_row(p, (size_t)s->in[0], row)[j] * (double)w2[j * d + i];
        return;
    }
    const Stage *a = &plan->stages[part->stage], *o = &plan->stages[reach_out_stage(plan, part->stage)];
    const Stage *heads = &plan->stages[plan->stages[o->in[0]].in[0]];
    size_t group = plan->config->n_heads / plan->config->n_kv_heads;
    const real *v = pass_value(p, (size_t)heads->in[1]) + (part->head / group * a->shape[2] + j) * k;
    const real *wo = weight_plain(&pass_model(p)->weights.items[o->w[0]]) + part->head * k * d;
    double share = (double)pass_value(p, part->stage)[(part->head * a->shape[1] + row) * a->shape[2] + j];
    for (size_t i = 0; i < d; i++) {
        out[i] = 0;
        for (size_t b = 0; b < k; b++)
            out[i] += share * (double)v[b] * (double)wo[b * d + i];
    }
}

static void check_attribution_of(Pass *p, size_t row, int token, int against)
{
    const Plan *plan = pass_plan(p);
    size_t d = plan->config->d_model;
    Attribution a;
    Trunk t;
    Error e = {{0}};
    double vector[64], size = 0;
    cr_assert_eq(attribution_make(p, row, token, against, &a, &e), 0, "%s", e.text);
    cr_assert_eq(trunk_find(plan, config_last_stack(plan->config), &t, &e), 0);
    for (size_t i = 0; i < a.count; i++)
        size += fabs(a.parts[i].value);
    check_close(a.sum, a.logit, size, "the sum");
    for (size_t i = 0; i < a.count; i++) {
        const AttributionPart *part = &a.parts[i];
        double sum = 0;
        if (part->kind == ATTRIBUTION_TOKEN || part->kind == ATTRIBUTION_POSITION || part->kind == ATTRIBUTION_SEGMENT) {
            for (size_t k = 0; k < d; k++)
                vector[k] = (double)trunk_row(p, part->stage, row)[k];
            check_close(part->value, carried_forward(p, &t, row, entry_of(plan, &t, part->stage), vector, token, against), size,
                        "embedding");
        }
        if (plan->stages[part->stage].stack == STACK_OUTPUT)
            continue; /* behind the stream: the sum says whether it is right */
        if (part->kind == ATTRIBUTION_BIAS || part->kind == ATTRIBUTION_NORM) {
            const Weight *b = &pass_model(p)->weights.items[plan->stages[part->stage].w[1]];
            for (size_t k = 0; k < d; k++)
                vector[k] = (double)weight_plain(b)[k];
            check_close(part->value, carried_forward(p, &t, row, entry_of(plan, &t, part->stage), vector, token, against), size, "bias");
        }
        if (!part->pieces)
            continue;
        size_t entry = entry_of(plan, &t, part->kind == ATTRIBUTION_HEAD ? reach_out_stage(plan, part->stage) : part->stage);
        for (size_t j = 0; j < part->count; j++) {
            sum += part->pieces[j];
            piece_vector(p, part, row, j, vector);
            check_close(part->pieces[j], carried_forward(p, &t, row, entry, vector, token, against), size, "piece");
        }
        check_close(sum, part->value, size, "pieces");
    }
    attribution_free(&a);
    trunk_free(&t);
}

static void check_attribution(Pass *p)
{
    size_t rows = output_rows(p);
    for (size_t row = 0; row < rows; row += 2) {
        check_attribution_of(p, row, trunk_likeliest(p, row), -1);
        check_attribution_of(p, row, 3, 8);
    }
}

Test(attribution, parts_sum_to_the_logit_and_are_what_forwards_gives)
{
    on_everything(check_attribution);
}

/* In a model without norms the last attention's heads do nothing but write: without one the logit is less by exactly its part. */
Test(attribution, a_last_head_taken_away_takes_its_part)
{
    Model *m = help_model("kind=decoder,d_model=8,n_heads=2,decoder_layers=2,vocab_size=11,norm=none,ffn=none,position=none");
    Pass *p = help_pass(m, 0), *q = help_pass(m, 0);
    const Plan *plan = pass_plan(p);
    size_t row = 4, concat = help_stage(p, "decoder.1.self.concat"), k = plan->config->d_head;
    Attribution a;
    current = "last head";
    cr_assert_eq(attribution_make(p, row, 5, -1, &a, NULL), 0);
    size_t found = 0;
    for (size_t i = 0; i < a.count; i++) {
        if (a.parts[i].kind != ATTRIBUTION_HEAD || plan->stages[a.parts[i].stage].layer != 1)
            continue;
        const real zeros[8] = {0};
        size_t at = row * 2 * k + a.parts[i].head * k;
        pass_override_row(q, concat, at, zeros, k);
        check_close(a.logit - (double)pass_value(q, plan->count - 2)[row * 11 + 5], a.parts[i].value, fabs(a.logit), "without it");
        pass_override_row(q, concat, at, pass_value(p, concat) + at, k);
        found++;
    }
    cr_assert_eq(found, 2);
    attribution_free(&a);
    pass_free(p);
    pass_free(q);
    model_free(m);
}

/* Whatever is edited, a weight, a head, the stream, the logits: the parts and what the edits made sum to the logit. */
Test(attribution, edits_are_parts_of_their_own)
{
    static const char *const edits[] = {
        "decoder.0.self.W_O *= 2",
        "decoder.0.self.heads[head=1] = zero",
        "decoder.0.self.out += noise(3, 1)",
        "decoder.embed.sum[token=4] *= 1.5",
        "decoder.1.ffn.activate = mean",
        "decoder.1.ffn.contract[token=4,dim=2] = 7",
        "decoder.0.ffn.residual += noise(5, 0.5)",
        "decoder.0.self.norm[token=4,dim=1] = 3",
        "output.logits[token=4] += 1",
        "decoder.1.self.weights[head=0,query=4] = 0.25",
    };
    static const char *const configs[] = {
        "kind=decoder,d_model=8,n_heads=2,d_ff=12,decoder_layers=2,vocab_size=11,position=sinusoidal",
        "kind=decoder,d_model=8,n_heads=2,d_ff=12,decoder_layers=2,vocab_size=11,position=sinusoidal,norm_position=post",
        "kind=decoder,d_model=8,n_heads=2,d_ff=12,decoder_layers=2,vocab_size=11,position=sinusoidal,parallel=true"};
    for (size_t k = 0; k < sizeof configs / sizeof *configs; k++) {
        Model *m = help_model(configs[k]);
        Pass *p = help_pass(m, 0);
        Edits list = {0};
        Error e = {{0}};
        for (size_t i = 0; i < sizeof edits / sizeof *edits; i++) {
            Attribution a;
            BeltPart *parts;
            size_t n;
            double size = 0, sum = 0;
            current = edits[i];
            cr_assert_eq(edits_add(&list, edits[i], &e), 0);
            cr_assert_eq(pass_set_edits(p, &list, &e), 0, "%s", e.text);
            cr_assert_eq(attribution_make(p, 4, 3, 5, &a, &e), 0, "%s", e.text);
            for (size_t j = 0; j < a.count; j++)
                size += fabs(a.parts[j].value);
            check_close(a.sum, a.logit, size, "the sum");
            check_close(a.logit,
                        (double)pass_value(p, pass_plan(p)->count - 2)[4 * 11 + 3] -
                            (double)pass_value(p, pass_plan(p)->count - 2)[4 * 11 + 5],
                        size, "the logit");
            attribution_free(&a);
            cr_assert_eq(belt_make(p, STACK_DECODER, 4, 3, &parts, &n, &e), 0, "%s", e.text);
            for (size_t j = 0; j < n; j++) {
                sum += parts[j].logit;
                cr_assert(j == 0 || fabs(parts[j].before_norm - parts[j - 1].after_norm) < 1e-6 * (1 + parts[j].before_norm),
                          "%s: part %zu", current, j);
            }
            check_close(sum, (double)pass_unedited(p, pass_plan(p)->count - 2)[4 * 11 + 3], size, "the belt");
            free(parts);
        }
        edits_free(&list);
        pass_free(p);
        model_free(m);
    }
}

Test(attribution, order_is_by_magnitude)
{
    Model *m = help_model(help_configs[3]);
    Pass *p = help_pass(m, 0);
    Attribution a;
    size_t order[128];
    cr_assert_eq(attribution_make(p, 4, 2, -1, &a, NULL), 0);
    cr_assert_leq(a.count, 128);
    attribution_sort(&a, order);
    for (size_t i = 1; i < a.count; i++)
        cr_assert_geq(fabs(a.parts[order[i - 1]].value), fabs(a.parts[order[i]].value));
    attribution_free(&a);
    pass_free(p);
    model_free(m);
}

/* ---- reach ---- */

/* The vectors α V W_O of all heads and keys, and b_O, are the sub-layer's result; and their lengths are what reach says. */
static void check_reach(Pass *p)
{
    const Plan *plan = pass_plan(p);
    size_t d = plan->config->d_model;
    for (size_t i = 0; i < plan->count; i++) {
        const Stage *s = &plan->stages[i];
        if (s->kind != STAGE_WEIGHTS)
            continue;
        size_t Tq = s->shape[1], Tk = s->shape[2], out = reach_out_stage(plan, i), row = Tq - 1;
        double sum[64] = {0}, v[64];
        real norms[64];
        for (size_t h = 0; h < s->shape[0]; h++) {
            cr_assert_eq(reach_norms(p, i, h, norms, NULL), 0);
            for (size_t j = 0; j < Tk; j++) {
                AttributionPart part = {.kind = ATTRIBUTION_HEAD, .stage = i, .head = h};
                double squares = 0;
                piece_vector(p, &part, row, j, v);
                for (size_t k = 0; k < d; k++) {
                    sum[k] += v[k];
                    squares += v[k] * v[k];
                }
                check_close((double)norms[row * Tk + j], sqrt(squares), sqrt(squares), "norm");
            }
        }
        for (size_t k = 0; k < d; k++) {
            double bias = plan->stages[out].w[1] == NO_WEIGHT ? 0 : (double)weight_plain(&pass_model(p)->weights.items[plan->stages[out].w[1]])[k];
            check_close(sum[k] + bias, (double)trunk_row(p, out, row)[k], 4, "the sub-layer's result");
        }
    }
}

Test(reach, the_vectors_are_the_sub_layer)
{
    on_everything(check_reach);
}
