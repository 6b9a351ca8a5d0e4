/* test_lens.c - the logit lens and the belt, against what the pass makes of the same rows. */
#include "measure/belt.h"
#include "measure/lens.h"
#include "measure/metrics.h"
#include "measure/trunk.h"

#include "explain_help.h"
#include "pass/edit.h"

/* ---- the logit lens ---- */

/* Every point is what the pass itself makes of that row, put in the place of the last point; the last point is the output, bit for bit. */
static void check_lens(Pass *p)
{
    const Plan *plan = pass_plan(p);
    size_t V = plan->config->vocab_size, d = plan->config->d_model, rows = output_rows(p), n;
    LensPoint *points;
    Error e = {{0}};
    Pass *q = twin_of(p);
    for (size_t row = 0; row < rows; row += 2) {
        int answer = trunk_likeliest(p, row);
        cr_assert_eq(lens_make(p, row, answer, &points, &n, &e), 0, "%s", e.text);
        cr_assert_gt(n, 0);
        const LensPoint *last = &points[n - 1];
        cr_assert_eq(last->rank, 1);
        cr_assert_eq(last->top[0].id, answer);
        cr_assert_lt(last->divergence, 1e-6);
        cr_assert((real)last->logit == pass_value(p, plan->count - 2)[row * V + (size_t)answer], "%s: not the same bits", current);
        cr_assert((real)last->probability == pass_value(p, plan->count - 1)[row * V + (size_t)answer], "%s: not the same bits", current);
        for (size_t k = 0; k < n; k++) {
            pass_override_row(q, last->stage, row * d, trunk_row(p, points[k].stage, row), d);
            const real *logits = pass_value(q, plan->count - 2) + row * V, *probs = pass_value(q, plan->count - 1) + row * V;
            size_t before = 0;
            double kl = 0;
            for (size_t i = 0; i < V; i++) {
                double a = (double)pass_value(p, plan->count - 1)[row * V + i];
                before += logits[i] > logits[answer];
                kl += a > 0 ? a * log(a / (double)probs[i]) : 0;
            }
            cr_assert((real)points[k].logit == logits[answer], "%s: point %zu", current, k);
            cr_assert((real)points[k].top[0].probability == probs[points[k].top[0].id], "%s: point %zu", current, k);
            cr_assert_eq(points[k].rank, before + 1);
            cr_assert(fabs(points[k].divergence - kl) < 1e-4 * fmax(1, kl), "%s: KL %g, expected %g", current, points[k].divergence, kl);
            for (size_t j = 0; j < LENS_TOP; j++) { /* so many stand before it */
                size_t larger = 0;
                int id = points[k].top[j].id;
                for (size_t i = 0; i < V && j < V; i++)
                    larger += logits[i] > logits[id] || (logits[i] == logits[id] && (int)i < id);
                cr_assert(j < V ? larger == j : id == -1, "%s: point %zu, place %zu: token %d", current, k, j, id);
            }
        }
        free(points);
    }
    pass_free(q);
}

Test(lens, points_are_what_the_pass_makes_of_them)
{
    on_everything(check_lens);
}

Test(lens, points_are_the_embedding_and_each_sub_layer)
{
    static const struct {
        const char *config;
        size_t points;
        bool norm;
    } cases[] = {
        {"kind=decoder,d_model=8,n_heads=2,decoder_layers=2,vocab_size=11", 5, true},
        {"kind=decoder,d_model=8,n_heads=2,decoder_layers=2,vocab_size=11,norm_position=post", 5, false},
        {"kind=decoder,d_model=8,n_heads=2,decoder_layers=2,vocab_size=11,norm=none", 5, false},
        {"kind=encoder-decoder,d_model=8,n_heads=2,encoder_layers=3,decoder_layers=2,vocab_size=11", 7, true},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        Model *m = help_model(cases[i].config);
        Pass *p = help_pass(m, 0);
        LensPoint *points;
        size_t n;
        cr_assert_eq(lens_make(p, 1, 0, &points, &n, NULL), 0);
        cr_assert_eq(n, cases[i].points, "%s", cases[i].config);
        cr_assert_eq(lens_has_norm(p), cases[i].norm);
        free(points);
        pass_free(p);
        model_free(m);
    }
}

Test(lens, what_is_explained_first)
{
    static const struct {
        const char *config;
        size_t row;
    } cases[] = {
        {"kind=decoder,vocab_size=11", HELP_TARGET - 1},
        {"kind=encoder,encoder_layers=1,vocab_size=11", 0},
        {"kind=encoder,encoder_layers=1,vocab_size=11,mask=8", 1}, /* the second token that help_pass feeds */
        {"kind=encoder-decoder,encoder_layers=1,vocab_size=11,mask=8", HELP_TARGET - 1},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        Model *m = help_model(cases[i].config);
        Pass *p = help_pass(m, 0);
        cr_expect_eq(trunk_default_row(p), cases[i].row, "%s: %zu", cases[i].config, trunk_default_row(p));
        pass_free(p);
        model_free(m);
    }
}

/* It reads with the weights that the pass reads: edited ones too. */
Test(lens, an_edited_weight_is_read)
{
    static const char *const edits[] = {"decoder.final_norm.gain[column=2]*=-3", "decoder.final_norm.bias+=1", "output.W_U[column=4]*=2"};
    Model *m = help_model("kind=decoder,d_model=8,n_heads=2,decoder_layers=1,vocab_size=11,tie_embeddings=false");
    for (size_t i = 0; i < sizeof edits / sizeof *edits; i++) {
        Pass *p = help_pass(m, 0), *plain = help_pass(m, 0);
        LensPoint *points;
        size_t n, logits = pass_plan(p)->count - 2;
        Error e = {{0}};
        Edits one = {0};
        cr_assert(edits_add(&one, edits[i], &e) == 0 && pass_set_edits(p, &one, &e) == 0, "%s", e.text);
        cr_assert_eq(lens_make(p, 1, 4, &points, &n, &e), 0, "%s", e.text);
        cr_expect((real)points[n - 1].logit == pass_value(p, logits)[11 + 4], "%s", edits[i]);
        cr_expect((real)points[n - 1].logit != pass_value(plain, logits)[11 + 4], "%s", edits[i]);
        edits_free(&one);
        free(points);
        pass_free(p);
        pass_free(plain);
    }
    model_free(m);
}

/* ---- the belt ---- */

static void check_belt(Pass *p)
{
    const Plan *plan = pass_plan(p);
    Stack last = config_last_stack(plan->config);
    size_t row = output_rows(p) - 1, n;
    int answer = trunk_likeliest(p, row);
    BeltPart *parts;
    Error e = {{0}};
    double logit = 0, size = 0;
    cr_assert_eq(belt_make(p, last, row, answer, &parts, &n, &e), 0, "%s", e.text);
    cr_assert_gt(n, 0);
    cr_assert_eq(parts[0].before_norm, 0);
    for (size_t i = 0; i < n; i++) {
        logit += parts[i].logit;
        size += fabs(parts[i].logit);
        cr_assert(i == 0 || parts[i].before_norm == parts[i - 1].after_norm, "%s: part %zu", current, i);
        cr_assert(isnan(parts[i].cosine) || fabs(parts[i].cosine) <= 1 + 1e-9);
        cr_assert(isnan(parts[i].answer) || fabs(parts[i].answer) <= 1 + 1e-9);
        if (i && !isnan(parts[i].added_norm) && !(plan->ablations & NO_RESIDUAL)) { /* the law of cosines */
            double b = parts[i].before_norm, a = parts[i].added_norm, cos_ab = isnan(parts[i].cosine) ? 0 : parts[i].cosine;
            check_close(parts[i].after_norm * parts[i].after_norm, a * a + b * b + 2 * a * b * cos_ab, a * a + b * b, "norm after");
        }
    }
    check_close(logit, (double)pass_value(p, plan->count - 2)[row * plan->config->vocab_size + (size_t)answer], size,
                "shares of the logit");
    free(parts);
    if (plan->config->kind != KIND_ENCODER_DECODER)
        return;
    cr_assert_eq(belt_make(p, STACK_ENCODER, 0, answer, &parts, &n, &e), 0);
    for (size_t i = 0; i < n; i++)
        cr_assert(isnan(parts[i].logit) && isnan(parts[i].answer), "%s: the output does not read the encoder's stream itself", current);
    free(parts);
}

Test(belt, parts_join_and_sum_to_the_logit)
{
    on_everything(check_belt);
}
