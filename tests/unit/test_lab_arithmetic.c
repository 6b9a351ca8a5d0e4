/* Laboratories that are arithmetic, or algebra on an untrained model: what must always hold, beside independent computation. */
#include "lab_help.h"

#include "base/random.h"
#include "lab/beam.h"
#include "lab/online.h"
#include "lab/setup.h"

#include <stdlib.h>

/* ---- dilution ---- */

Test(lab_dilution, gap_is_the_softmax_turned_round)
{
    Lab lab = run_small("dilution", "n=10,100000", "weight=0.9", "seeds=5");
    /* softmax over n - 1 zeros and the gap gives the weight back */
    double few = result(&lab, "10", "gap"), many = result(&lab, "100000", "gap");
    cr_expect_float_eq(exp(few) / (exp(few) + 9), 0.9, 1e-12);
    cr_expect_float_eq(exp(many) / (exp(many) + 99999), 0.9, 1e-12);
    cr_expect_float_eq(few, 4.4, 0.05); /* the lecture's figures, to the digits it has */
    cr_expect_float_eq(many, 13.7, 0.05);
    cr_expect_float_eq(result(&lab, "100000", "kept"), exp(few) / (exp(few) + 99999), 1e-9);
    /* The mean of exp(N(0, 1)) is exp(1/2); its standard deviation over 99999 draws, sqrt(e² - e), moves the log by about 0.004 a draw. */
    cr_expect_float_eq(result(&lab, "100000", "drawn") - many, 0.5, 5 * 0.0042 / sqrt(5));
    lab_free(&lab);
}

/* ---- blockwise ---- */

Test(lab_blockwise, blocks_are_the_same_attention)
{
    Lab lab = run_small("blockwise", "n=50,96", "rows=16", "columns=8", "d_head=12"); /* 50 is no multiple of a block */
    for (int i = 0; i < 2; i++) {
        const char *n = i ? "96" : "50";
        double N = i ? 96 : 50;
        cr_expect_lt(result(&lab, n, "difference"), 1e-12);
        cr_expect_eq(result(&lab, n, "products_whole"), 2 * N * N * 12);
        cr_expect_eq(result(&lab, n, "products_blocks"), 2 * N * N * 12);
        double groups = ceil(N / 16);
        char row[32];
        snprintf(row, sizeof row, "memory.%s", n);
        cr_expect_eq(result(&lab, row, "moved_blocks"), 4 * (2 * N * 12 + groups * 2 * N * 12)); /* q, out; k, v once a group of rows */
        cr_expect_eq(result(&lab, row, "moved_whole"), 4 * (4 * N * 12 + 4 * N * N));
        cr_expect_eq(result(&lab, row, "extra_blocks"), 0);
    }
    cr_expect_eq(result(&lab, "memory.50", "fast"), result(&lab, "memory.96", "fast"), "fast memory grows with n");
    lab_free(&lab);
}

Test(lab_blockwise, causal_blocks_leave_out_the_future)
{
    Lab lab = run_small("blockwise", "n=64", "rows=8", "columns=8", "d_head=4", "mask=causal");
    cr_expect_lt(result(&lab, "64", "difference"), 1e-12);
    cr_expect_lt(result(&lab, "64", "products_blocks"), 0.6 * result(&lab, "64", "products_whole"));
    lab_free(&lab);
}

/* Scores of a thousand overflow exp, and a block may hold no larger score than the one before: the rescaling must get both right. */
Test(lab_blockwise, large_scores_do_not_overflow)
{
    enum { N = 9, D = 2 };
    double q[N * D], k[N * D], v[N * D], whole[N * D], blocks[N * D], scratch[N * N + 100];
    OnlineCount count;
    for (int i = 0; i < N * D; i++) {
        q[i] = 40 * sin(i);
        k[i] = 40 * cos(3 * i);
        v[i] = i;
    }
    online_whole(whole, q, k, v, scratch, N, D, D, false, &count);
    online_blocks(blocks, q, k, v, scratch, N, D, D, 2, 3, false, &count);
    for (int i = 0; i < N * D; i++)
        cr_expect_float_eq(blocks[i], whole[i], 1e-9);
}

/* ---- linear ---- */

Test(lab_linear, orders_agree_and_the_causal_one_leaks)
{
    Lab lab = run_small("linear", "n=17", "d_k=5", "d_v=3", "pairs=2", "seeds=2");
    cr_expect_lt(result(&lab, "order.no-mask", "difference"), 1e-12);
    cr_expect_lt(result(&lab, "order.recurrence", "difference"), 1e-12);
    cr_expect_gt(result(&lab, "order.causal-leak", "difference"), 0.01);
    cr_expect_eq(result(&lab, "order.no-mask", "products_one"), 17 * 17 * (5 + 3));
    cr_expect_eq(result(&lab, "order.no-mask", "products_other"), 2 * 17 * 5 * 3);
    for (int i = 0; i < 17; i++) {
        char row[16];
        snprintf(row, sizeof row, "leak.%d", i);
        if (i < 16)
            cr_expect_gt(result(&lab, row, "error"), 1e-6, "row %d is right", i);
        else
            cr_expect_lt(result(&lab, row, "error"), 1e-12, "the last row is wrong");
    }
    lab_free(&lab);
}

/* A matrix of d × d holds few pairs beyond d; a sharp softmax holds many. */
Test(lab_linear, many_pairs_are_lost)
{
    Lab lab = run_small("linear", "n=4", "d_k=8", "d_v=2", "pairs=2,64", "seeds=10");
    cr_expect_eq(result(&lab, "recall.#0", "product"), 1); /* row 0: two pairs */
    cr_expect_gt(result(&lab, "recall.#1", "softmax"), 0.95);
    cr_expect_lt(result(&lab, "recall.#1", "product"), 0.3);
    cr_expect_lt(result(&lab, "recall.#1", "linear"), 0.3);
    lab_free(&lab);
}

/* ---- windows ---- */

Test(lab_windows, reach_by_graph_is_reach_by_gradient)
{
    Lab lab = run_small("windows", "n=16", "window=4", "stride=4", "layers=1,2,5");
    for (int i = 0; i < 15; i++) {
        char row[16];
        snprintf(row, sizeof row, "reach.#%d", i);
        cr_expect_eq(result(&lab, row, "same"), 1, "row %d", i);
        cr_expect_eq(result(&lab, row, "reach"), result(&lab, row, "gradient"));
    }
    /* a window of w reaches 1 + L (w - 1) */
    cr_expect_eq(result(&lab, "reach.#3", "reach"), 4);
    cr_expect_eq(result(&lab, "reach.#4", "reach"), 7);
    cr_expect_eq(result(&lab, "masks.window", "layers_needed"), 5); /* 1 + 5 · 3 = 16 */
    cr_expect_eq(result(&lab, "masks.full", "layers_needed"), 1);
    double none;
    cr_expect_neq(lab_result(&lab, "masks.dilated", "layers_needed", &none, NULL), 0,
                  "keys that are multiples of 4 steps away are never all keys");
    cr_expect_eq(result(&lab, "masks.window", "pairs"), 1 + 2 + 3 + 13 * 4);
    lab_free(&lab);
}

/* ---- critical path ---- */

Test(lab_critical_path, chains)
{
    Lab lab = run_small("critical-path", "n=2,9,27", "layers=3", "kernel=3", "d_model=16");
    cr_expect_eq(result(&lab, "training.2", "attention"), result(&lab, "training.27", "attention"), "the chain of stages grows with n");
    cr_expect_lt(result(&lab, "training.2", "operations"), result(&lab, "training.27", "operations"));
    const char *rows[] = {"training.2", "training.9", "training.27"};
    for (int i = 0; i < 3; i++)
        cr_expect_eq(result(&lab, rows[i], "rnn"), result(&lab, rows[i], "rnn_formula"));
    cr_expect_eq(result(&lab, "training.9", "cnn"), 4);      /* 1 + 4 · 2 = 9 */
    cr_expect_eq(result(&lab, "training.27", "dilated"), 3); /* 3³ = 27 */
    cr_expect_eq(result(&lab, "generation.9", "attention"), 9 * result(&lab, "training.9", "attention"));
    cr_expect_eq(result(&lab, "generation.9", "rnn"), 27);
    lab_free(&lab);
}

/* ---- memory ---- */

Test(lab_memory, bytes_and_the_cache)
{
    Lab lab = run_small("memory", "n=10,20", "generated=7", "layers=3", "d_model=32", "n_heads=4", "n_kv_heads=2");
    double number = sizeof(real);
    cr_expect_eq(result(&lab, "memory.10", "square"), number * 3 * 4 * 4 * 100); /* layers, heads, stages, n² */
    cr_expect_eq(result(&lab, "memory.20", "square"), number * 3 * 4 * 4 * 400);
    cr_expect_eq(result(&lab, "memory.10", "cache"), number * 2 * 3 * 2 * 8 * 10); /* k and v, layers, key/value heads, d_head, n */
    cr_expect_lt(result(&lab, "memory.20", "inference"), result(&lab, "memory.20", "training") / 2);
    cr_expect_eq(result(&lab, "memory.20", "square_live"), number * 4 * 400 * 2, "one layer's, two stages at a time");
    cr_expect_float_eq(result(&lab, "cache.7", "projections_ratio"), 4, 1e-12); /* (7 + 1) / 2 */
    /* Σ t² / Σ t = (2n + 1) / 3 */
    cr_expect_float_eq(result(&lab, "cache.7", "products_ratio"), 5, 1e-12);
    cr_expect_lt(result(&lab, "cache.7", "difference"), 1e-5);
    lab_free(&lab);
}

/* ---- leak ---- */

Test(lab_leak, what_a_wrong_mask_lets_through)
{
    Lab lab = run_small("leak", NULL);
    cr_expect_eq(result(&lab, "future.minus-infinity", "moved"), 0);
    cr_expect_eq(result(&lab, "future.minus-infinity", "future_weight"), 0);
    cr_expect_gt(result(&lab, "future.zero", "moved"), 1e-3);
    cr_expect_gt(result(&lab, "future.zero-one-layer", "moved"), 1e-3);
    cr_expect_gt(result(&lab, "future.no-mask", "moved"), 1e-3);
    cr_expect_gt(result(&lab, "future.diagonal-too", "not_a_number"), 0);
    cr_expect_eq(result(&lab, "future.zero", "not_a_number"), 0);
    cr_expect_lt(result(&lab, "passes.causal", "difference"), 1e-5);
    cr_expect_gt(result(&lab, "passes.no-mask", "difference"), 1e-3);
    lab_free(&lab);
}

Test(lab_leak, padding)
{
    static const char *const seen[] = {"encoder-right", "encoder-left", "cross-right", "cross-left", "decoder-left"};
    Lab lab = run_small("leak", NULL);
    for (int i = 0; i < 5; i++) {
        char row[48];
        snprintf(row, sizeof row, "padding.%s", seen[i]);
        cr_expect_gt(result(&lab, row, "seen_rope"), 1e-3, "%s", seen[i]);
        cr_expect_lt(result(&lab, row, "hidden_rope"), 1e-4, "%s", seen[i]); /* positions moved: rounding */
    }
    cr_expect_eq(result(&lab, "padding.decoder-right", "seen_sinusoidal"), 0);
    cr_expect_lt(result(&lab, "padding.encoder-right", "hidden_sinusoidal"), 1e-5);
    cr_expect_gt(result(&lab, "padding.encoder-left", "hidden_sinusoidal"), 1e-3, "absolute positions have moved");
    lab_free(&lab);
}

/* ---- what they are made with ---- */

Test(lab_setup, spread_is_mean_and_deviation)
{
    Spread s = {0, 0, 0};
    const double x[] = {2, 4, 4, 4, 5, 5, 7, 9};
    for (size_t i = 0; i < 8; i++)
        spread_add(&s, x[i]);
    cr_expect_float_eq(s.mean, 5, 1e-12);
    cr_expect_float_eq(spread_deviation(&s), sqrt(32.0 / 7), 1e-12);
    s = (Spread){0, 0, 0};
    spread_add(&s, 3);
    cr_expect(isnan(spread_deviation(&s)));
}

Test(lab_setup, difference_of_what_is_no_number_is_infinite)
{
    const real a[] = {1, 2}, b[] = {1, 4}, c[] = {1, (real)NAN};
    cr_expect_eq(setup_difference(a, b, 2), 2);
    cr_expect(isinf(setup_difference(a, c, 2)));
}

/* The small trainer's gradient of a batch is the mean of the passes'. */
Test(lab_setup, learner_gradient_is_the_passes)
{
    Error e = {{0}};
    Init init = {.kind = INIT_XAVIER, .seed = 3};
    Model *m = setup_model(&init, &e, "kind=decoder,d_model=8,n_heads=2,d_ff=12,decoder_layers=1,vocab_size=11,position=rope");
    cr_assert(m, "%s", e.text);
    int ids[] = {1, 5, 2, 7}, targets[] = {5, -1, 7, 3};
    Learner l;
    double loss, expected;
    TaskExample x = {.input = {ids, 4, 4}, .targets = {targets, 4, 4}};
    cr_assert_eq(learner_open(&l, m, 0, &e), 0, "%s", e.text);
    learner_clear(&l);
    cr_assert_eq(learner_add(&l, &x, &e), 0, "%s", e.text);
    cr_assert_eq(learner_add(&l, &x, &e), 0, "%s", e.text);
    cr_assert_eq(learner_run(&l, &loss, &e), 0, "%s", e.text);
    Pass *p = pass_create(m, (PassInput){NULL, ids, 0, 4}, 0, &e);
    cr_assert_eq(pass_backward(p, targets, 4, &expected, &e), 0, "%s", e.text);
    cr_expect_float_eq(loss, expected, 1e-5);
    for (size_t i = 0; i < m->weights.count; i++)
        cr_expect_lt(setup_difference(l.by_weight[i], pass_weight_gradient(p, i), m->weights.items[i].count), 1e-6, "%s",
                     m->weights.items[i].name);
    double before = loss;
    for (int i = 0; i < 30; i++) {
        learner_step(&l, 0.01, 1);
        learner_clear(&l);
        learner_add(&l, &x, &e);
        learner_run(&l, &loss, &e);
    }
    cr_expect_lt(loss, 0.5 * before);
    pass_free(p);
    learner_close(&l);
    model_free(m);
}

/* A beam of every width finds nothing less likely than a narrower one where it finds the whole best set; width 1 is greedy. */
Test(lab_beam, one_is_greedy)
{
    Error e = {{0}};
    find_models();
    Model *m = model_open("zh-en", NULL, &e);
    cr_assert(m, "%s", e.text);
    Ids source = {0};
    cr_assert_eq(vocab_encode(m->vocab, "我爱你", ENCODE_ENCODER, &source, &e), 0, "%s", e.text);
    BeamResult one, four;
    cr_assert_eq(beam_search(m, &source, m->config.bos, 1, &one, &e), 0, "%s", e.text);
    cr_assert_eq(beam_search(m, &source, m->config.bos, 4, &four, &e), 0, "%s", e.text);
    Buffer text = {0};
    vocab_decode(m->vocab, one.ids, one.n, &text);
    cr_expect_str_eq(buffer_text(&text), "I love you");
    cr_expect_eq(one.ids[one.n - 1], m->config.eos);
    cr_expect_eq(one.passes, one.n);
    cr_expect_geq(four.log_probability, one.log_probability - 1e-9);
    buffer_free(&text);
    ids_free(&source);
    model_free(m);
}
