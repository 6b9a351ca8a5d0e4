/* test_lab_attention.c - the experiments on attention and heads: what is algebra holds, what is drawn at random holds within bounds that
 * follow from its standard error. */
#include "lab_help.h"

#include "lab/arith.h"
#include "lab/sparsemax.h"

#include <string.h>

/* ---- the small sums ---- */

Test(lab_arith, the_gradient_of_the_softmax_is_that_of_finite_differences)
{
    Random random = random_seeded(1);
    double x[6], dp[6], p[6], dx[6], up[6], down[6];
    const double h = 1e-5;
    arith_normals(x, 6, &random);
    arith_normals(dp, 6, &random);
    arith_softmax(p, x, 6);
    arith_softmax_backward(dx, dp, p, 6);
    for (int i = 0; i < 6; i++) {
        memcpy(up, x, sizeof x);
        memcpy(down, x, sizeof x);
        up[i] += h;
        down[i] -= h;
        arith_softmax(up, up, 6);
        arith_softmax(down, down, 6);
        check_near(dx[i], (arith_dot(up, dp, 6) - arith_dot(down, dp, 6)) / (2 * h), 1e-9, "softmax");
        memcpy(up, x, sizeof x);
        memcpy(down, x, sizeof x);
        up[i] += h;
        down[i] -= h;
        sparsemax(p, x, 6);
        double g[6];
        sparsemax_backward(g, dp, p, 6);
        sparsemax(up, up, 6);
        sparsemax(down, down, 6);
        check_near(g[i], (arith_dot(up, dp, 6) - arith_dot(down, dp, 6)) / (2 * h), 1e-9, "sparsemax");
        arith_softmax(p, x, 6);
    }
}

/* The nearest point of the simplex: p = max(x - τ, 0), Σ p = 1, and no key outside the support lies above τ. */
Test(lab_arith, sparsemax_is_the_projection)
{
    Random random = random_seeded(2);
    for (int round = 0; round < 200; round++) {
        double x[9], p[9], sum = 0, tau = NAN;
        arith_normals(x, 9, &random);
        sparsemax(p, x, 9);
        for (int i = 0; i < 9; i++) {
            sum += p[i];
            tau = p[i] > 0 ? x[i] - p[i] : tau;
        }
        check_near(sum, 1, 1e-12, "sum");
        for (int i = 0; i < 9; i++)
            check_near(p[i], fmax(x[i] - tau, 0), 1e-12, "p");
    }
    double p[3];
    sparsemax(p, (const double[]){2, 1.6, 0.5}, 3);
    check_near(p[0], 0.7, 1e-12, "p");
    check_near(p[1], 0.3, 1e-12, "p");
    cr_assert_eq(p[2], 0);
}

Test(lab_arith, ranks_and_quantiles_of_known_numbers)
{
    double a[6 * 5], u[6 * 2], v[2 * 5];
    Random random = random_seeded(3);
    arith_normals(u, 12, &random);
    arith_normals(v, 10, &random);
    for (int i = 0; i < 30; i++)
        a[i] = u[i / 5 * 2] * v[i % 5] + u[i / 5 * 2 + 1] * v[5 + i % 5];
    cr_assert_eq(arith_rank(a, 6, 5, 1e-12), 2);
    double zero[4] = {0}, one[4] = {1, 0, 0, 1};
    cr_assert_eq(arith_rank(zero, 2, 2, 1e-12), 0);
    cr_assert_eq(arith_rank(one, 2, 2, 1e-12), 2);
    double x[] = {4, 1, 3, 2};
    cr_assert_eq(arith_quantile(x, 4, 0.5), 2.5);
    cr_assert_eq(arith_quantile(x, 4, 0), 1);
    cr_assert_eq(arith_quantile(x, 4, 1), 4);
}

/* ---- scaling ---- */

/* 3 seeds of 512 queries and 16 keys: 8192 scores each, dependent within a group; the variance of q·k of one group of 16 by 16 has a
 * standard error of about d_k·√(2/256 + 4/16·…) < d_k/2, and there are 96 groups: five of those are below d_k/4. */
Test(lab_attention, scaling_keeps_unit_variance_only_with_the_root)
{
    Lab lab = run_small("scaling", NULL);
    static const int sizes[] = {4, 64, 256};
    for (int i = 0; i < 3; i++) {
        char none[32], root[32], by_dk[32], key[32];
        snprintf(key, sizeof key, "%d", sizes[i]);
        snprintf(none, sizeof none, "none/%d", sizes[i]);
        snprintf(root, sizeof root, "sqrt_dk/%d", sizes[i]);
        snprintf(by_dk, sizeof by_dk, "dk/%d", sizes[i]);
        check_near(result(&lab, key, "ratio"), 1, 0.25, "variance / d_k");
        cr_assert_lt(result(&lab, none, "entropy"), result(&lab, root, "entropy"));
        cr_assert_lt(result(&lab, root, "entropy"), result(&lab, by_dk, "entropy"));
        cr_assert_lt(result(&lab, by_dk, "entropy"), log(16) + 1e-12);
        cr_assert_eq(result(&lab, root, "dead"), 0);
    }
    /* the prediction the lecture begins with */
    cr_assert_gt(result(&lab, "none/64", "dead"), 0.1);
    cr_assert_gt(result(&lab, "gradient.none/64", "at_q"), result(&lab, "gradient.sqrt_dk/64", "at_q"));
    cr_assert_lt(result(&lab, "gradient.none/256", "at_scaled"), result(&lab, "gradient.sqrt_dk/256", "at_scaled"));
    cr_assert_lt(result(&lab, "gradient.none/256", "q10"), 1e-3 * result(&lab, "gradient.sqrt_dk/256", "q10"));
    for (size_t row = 0; row < lab.tables[3].row_count; row++)
        check_near(table_number(&lab.tables[3], row, 5) / table_number(&lab.tables[3], row, 1), 1, 1e-4, "raw / scaled = d_k");
    lab_free(&lab);
}

/* ---- temperature ---- */

Test(lab_attention, temperature_goes_from_an_average_to_a_choice)
{
    Lab lab = run_small("temperature", "scores=2,1,0.5", "beta=0,1,2,64,500", "samples=10000");
    check_near(result(&lab, "0", "entropy"), log(3), 1e-12, "even");
    cr_assert_eq(result(&lab, "0", "gradient"), 0);
    double sum = exp(2) + exp(1) + exp(0.5), p = exp(2) / sum;
    check_near(result(&lab, "1", "largest"), p, 1e-12, "softmax of 2 1 0.5");
    check_near(result(&lab, "1", "second"), exp(1) / sum, 1e-12, "its second");
    check_near(result(&lab, "1", "slope"), p * (1 - p), 1e-12, "p(1-p)");
    cr_assert_lt(result(&lab, "500", "gradient"), 1e-12);
    cr_assert_lt(result(&lab, "500", "distance"), 1e-12);
    for (int i = 0; i < 5; i++) {
        char row[16];
        snprintf(row, sizeof row, "tie.#%d", i);
        cr_assert_eq(result(&lab, row, "largest"), result(&lab, row, "second"));
    }
    check_near(result(&lab, "tie.500", "largest"), 0.5, 1e-12, "a tie stays");
    cr_assert_gt(result(&lab, "tie.500", "gradient"), result(&lab, "tie.64", "gradient"));
    cr_assert_eq(result(&lab, "sparsemax.2", "zeros"), 2);
    cr_assert_eq(result(&lab, "ways.argmax", "gradient"), 0);
    /* drawn with Gumbel noise: a share of 10000, at five standard errors */
    for (int i = 0; i < 5; i++) {
        char row[16];
        snprintf(row, sizeof row, "gumbel.#%d", i);
        check_near(result(&lab, row, "best_first"), p, 5 * sqrt(p * (1 - p) / 10000), "Gumbel");
    }
    lab_free(&lab);
}

/* ---- cost ---- */

Test(lab_attention, costs_are_the_formulas)
{
    Lab lab = run_small("cost", "d_model=64", "length=16,128,384");
    for (size_t row = 0; row < 3; row++)
        for (size_t column = 1; column <= 3; column++)
            cr_assert_eq(table_number(&lab.tables[1], row, column), 1);
    cr_assert_eq(result(&lab, "formula.128", "n_2d"), 1);
    cr_assert_eq(result(&lab, "formula.384", "n_6d"), 1);
    cr_assert_eq(result(&lab, "crossing.projections", "n"), 128);
    cr_assert_eq(result(&lab, "crossing.all", "n"), 384);
    cr_assert_eq(result(&lab, "crossing.projections-causal", "n"), 255); /* n(n+1)/2 pairs, not n²/2: the least n is one below 4d */
    cr_assert_eq(result(&lab, "crossing.all-causal", "n"), 767);
    cr_assert_eq(result(&lab, "sizes.2048/4096", "ratio"), 12);
    for (size_t row = 0; row < lab.tables[4].row_count; row++)
        cr_assert_gt(table_number(&lab.tables[4], row, 2), 0);
    lab_free(&lab);
}

/* ---- heads, folding ---- */

Test(lab_attention, heads_cost_the_same_and_have_the_rank_of_their_width)
{
    Lab lab = run_small("heads", "d_model=32", "length=40");
    for (size_t row = 0; row < 4; row++) {
        double h = table_number(&lab.tables[0], row, 0);
        cr_assert_eq(table_number(&lab.tables[0], row, 2), 4 * 32 * 32 + 4 * 32);
        cr_assert_eq(table_number(&lab.tables[0], row, 3), 2 * 40 * 40 * 32);
        cr_assert_eq(table_number(&lab.tables[0], row, 4), 40 * 40 * h);
        cr_assert_eq(table_number(&lab.tables[0], row, 5), 32 / h);
        cr_assert_gt(table_number(&lab.tables[0], row, 6), 32 / h);
        cr_assert_eq(table_number(&lab.tables[1], row, 1), 0);
        cr_assert_lt(table_number(&lab.tables[1], row, 2), 1e-5);
        cr_assert_lt(table_number(&lab.tables[1], row, 3), 1e-5);
    }
    lab_free(&lab);
}

Test(lab_attention, folded_matrices_give_the_same)
{
    const char *models[] = {"model=random:kind=decoder,d_model=24,n_heads=3,d_head=6,decoder_layers=1",
                            "model=random:kind=encoder,d_model=16,n_heads=4,n_kv_heads=2,encoder_layers=2,bias=false", "model=zh-en"};
    for (int i = 0; i < 3; i++) {
        Lab lab = run_small("folding", models[i]);
        const Table *t = &lab.tables[0];
        cr_assert_lt(result(&lab, "vo", "difference"), 1e-4, "%s", models[i]);
        for (size_t row = 0; row < t->row_count; row++) {
            cr_assert_leq(table_number(t, row, 2), table_number(t, row, 1));
            cr_assert_leq(table_number(t, row, 3), table_number(t, row, 1));
            cr_assert_lt(table_number(t, row, 4), 1e-5 * fmax(10, table_number(t, row, 5)));
            cr_assert_gt(table_number(t, row, 6), 0.01);
        }
        lab_free(&lab);
    }
    Lab lab = run_small("folding", "model=random:kind=decoder,d_model=32,n_heads=4,decoder_layers=1,position=rope");
    cr_assert_gt(result(&lab, "qk", "difference"), 0.1); /* a rotation stands between */
    cr_assert_lt(result(&lab, "vo", "difference"), 1e-4);
    lab_free(&lab);
}

Test(lab_attention, folding_refuses_a_layer_that_is_not_there)
{
    Lab lab;
    Error e = {{0}};
    cr_assert_eq(lab_begin(&lab, lab_find("folding"), true, &e), 0);
    cr_assert_eq(lab_set(&lab, "layer=5", &e), 0);
    cr_assert_eq(lab_run(&lab, &e), -1);
    cr_assert(strstr(e.text, "found 5"), "%s", e.text);
    lab_free(&lab);
}

/* ---- trained ones ---- */

Test(lab_attention, equal_heads_stay_equal_for_ever)
{
    Lab lab = run_small("symmetry", "steps=40", "seeds=2");
    static const char *const tasks[] = {"two", "one"};
    for (int i = 0; i < 2; i++) {
        char key[32];
        snprintf(key, sizeof key, "%s/equal", tasks[i]);
        cr_assert_eq(result(&lab, key, "start"), 0);
        cr_assert_eq(result(&lab, key, "end"), 0);
        cr_assert_eq(result(&lab, key, "weights"), 0);
        snprintf(key, sizeof key, "%s/0.001-apart", tasks[i]);
        cr_assert(result(&lab, key, "start") > 0 && result(&lab, key, "start") < 0.02);
        snprintf(key, sizeof key, "%s/other-W_O", tasks[i]);
        cr_assert_eq(result(&lab, key, "start"), 0);
        cr_assert_gt(result(&lab, key, "first"), 0);
        cr_assert_gt(result(&lab, key, "weights"), 0);
    }
    lab_free(&lab);
}

/* What 400 steps do, of one seed: the thousandth grows a hundredfold in attention where two patterns are asked for. */
Test(lab_attention, a_small_difference_grows_where_two_patterns_are_asked_for)
{
    Lab lab = run_small("symmetry", NULL);
    cr_assert_gt(result(&lab, "two/0.001-apart", "weights"), 0.5);
    cr_assert_lt(result(&lab, "one/0.001-apart", "weights"), 0.05);
    cr_assert_gt(result(&lab, "two/equal", "loss"), 10 * result(&lab, "two/0.001-apart", "loss"));
    lab_free(&lab);
}

Test(lab_attention, keys_as_values_break_a_model_that_was_trained_without)
{
    Lab lab = run_small("kv-equal", "steps=20", "seeds=1", "examples=50");
    for (size_t row = 0; row < lab.tables[0].row_count; row++)
        cr_assert(table_number(&lab.tables[0], row, 1) > 0.9 && table_number(&lab.tables[0], row, 2) < 0.5);
    cr_assert(isnan(table_number(&lab.tables[1], 0, 2))); /* of one seed there is no spread */
    lab_free(&lab);
}

/* Trained, the widths that hold a letter's position and those that do not are told apart by one seed: 600 steps, as the small parameters
 * have it. */
Test(lab_attention, narrow_heads_learn_less)
{
    Lab lab = run_small("d-head", NULL);
    cr_assert_gt(result(&lab, "8", "score"), 2 * result(&lab, "2", "score"));
    lab_free(&lab);
}

Test(lab_attention, any_width_of_heads_fits)
{
    Lab lab = run_small("d-head", "d_head=2,8,64", "steps=2", "seeds=1", "examples=5");
    for (size_t row = 0; row < 3; row++) {
        double d_head = table_number(&lab.tables[0], row, 0);
        cr_assert_eq(table_number(&lab.tables[0], row, 1), 4 * d_head);
        cr_assert_eq(table_number(&lab.tables[0], row, 2), 4 * 32 * 4 * d_head);
        cr_assert_gt(table_number(&lab.tables[0], row, 7), 0);
    }
    lab_free(&lab);
}

/* The induction model has one head in each layer that matters (tests/models/heads.py finds the same ones by their weights). */
Test(lab_attention, pruning_finds_the_two_heads_of_induction)
{
    Lab lab = run_small("pruning", "examples=50", "most=8");
    cr_assert_gt(result(&lab, "alone.decoder.0.self/0", "lost"), 0.5);
    cr_assert_gt(result(&lab, "alone.decoder.1.self/1", "lost"), 0.5);
    cr_assert_lt(result(&lab, "alone.decoder.1.self/0", "lost"), 0.1);
    cr_assert_gt(result(&lab, "order.4", "score"), 0.9);
    cr_assert_lt(result(&lab, "order.8", "score"), 0.2);
    lab_free(&lab);
}
