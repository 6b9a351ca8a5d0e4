/* Laboratories on models at initialisation, shipped or trained on the spot, with their small parameters: algebra holds exactly, the rest
 * within bounds far wider than its spread over seeds. */
#include "lab_help.h"

#include "lab/continual.h"
#include "tensor/real.h"

/* ---- depth ---- */

Test(lab_depth, without_residuals_rows_become_equal)
{
    Lab lab = run_small("depth", "layers=2,24", "seeds=3");
    /* norms, no residuals: equal rows, a gradient that arrives, and upper W_Q that get none */
    cr_expect_gt(result(&lab, "summary.pre-bare-xavier-24", "cosine"), 0.9999);
    cr_expect_leq(result(&lab, "summary.pre-bare-xavier-24", "alike"), 5);
    cr_expect_gt(result(&lab, "summary.pre-bare-xavier-24", "embedding"), 1e-2);
    cr_expect_lt(result(&lab, "summary.pre-bare-xavier-24", "w_q_last"), 1e-5);
    /* with residuals they stay apart and learn */
    cr_expect_lt(result(&lab, "summary.pre-xavier-24", "cosine"), 0.99);
    cr_expect_gt(result(&lab, "summary.pre-xavier-24", "w_q_last"), 1e-4);
    /* neither: vanishes exponentially */
    cr_expect_lt(result(&lab, "summary.off-bare-xavier-24", "embedding"), 1e-6 * result(&lab, "summary.off-bare-xavier-2", "embedding"));
    /* post-norm with residuals collapses with depth, under Xavier's initialisation and not under a standard deviation of 0.02 */
    cr_expect_gt(result(&lab, "summary.post-xavier-24", "cosine"), 0.999);
    cr_expect_lt(result(&lab, "summary.post-normal-24", "cosine"), 0.1);
    lab_free(&lab);
}

/* ---- collapse ---- */

Test(lab_collapse, causal_tokens_become_the_first)
{
    Lab lab = run_small("collapse", "layers=12", "seeds=3");
    cr_expect_gt(result(&lab, "first.12", "decoder_attention"), 0.9999);
    cr_expect_gt(result(&lab, "first.12", "decoder_ffn"), 0.999);
    cr_expect_lt(result(&lab, "first.12", "encoder_ffn"), 0.95);
    cr_expect_gt(result(&lab, "cosine.12", "encoder_ffn"), 0.9999);
    cr_expect_lt(result(&lab, "apart.12", "encoder_attention"), 1e-4);
    cr_expect_gt(result(&lab, "apart.12", "encoder_whole"), 0.1);
    lab_free(&lab);
}

/* ---- norm placement ---- */

Test(lab_norm_placement, the_stream_grows_with_pre_norm_alone)
{
    Lab lab = run_small("norm-placement", "start_layers=12", "start_seeds=5", "steps=0", "d_model=32");
    for (int l = 1; l <= 12; l++) {
        char row[16];
        snprintf(row, sizeof row, "start.%d", l);
        cr_expect_float_eq(result(&lab, row, "post_stream"), sqrt(32), 1e-2); /* √d: a normalised row */
    }
    cr_expect_gt(result(&lab, "start.12", "pre_stream"), 1.5 * result(&lab, "start.1", "pre_stream"));
    /* near the output post-norm's gradient is the larger one */
    cr_expect_gt(result(&lab, "start.12", "post"), 1.5 * result(&lab, "start.12", "pre"));
    lab_free(&lab);
}

Test(lab_norm_placement, trains_and_says_so)
{
    Lab lab = run_small("norm-placement", "layers=2", "steps=60", "warmup=10", "start_seeds=2");
    double guess = log(10); /* of a digit */
    cr_expect_lt(result(&lab, "training.pre-2-warmup", "loss"), guess);
    cr_expect_eq(result(&lab, "training.post-2-none", "diverged"), 0);
    lab_free(&lab);
}

/* ---- FFN ---- */

Test(lab_ffn, folding_units_and_parameters)
{
    Lab lab = run_small("ffn", NULL);
    cr_expect_lt(result(&lab, "folding.plain-linear", "folded"), 1e-5);
    cr_expect_lt(result(&lab, "folding.plain-linear", "additive"), 1e-5);
    cr_expect_gt(result(&lab, "folding.plain-relu", "additive"), 0.05);
    cr_expect_float_eq(result(&lab, "folding.plain-relu", "doubled"), 2, 1e-5); /* ReLU is homogeneous, and not linear */
    cr_expect_float_eq(result(&lab, "folding.gated-linear", "doubled"), 4, 1e-5);
    cr_expect_gt(result(&lab, "folding.gated-linear", "additive"), 0.05);
    cr_expect_float_eq(result(&lab, "off.encoder.0", "start"), 0.5, 0.1);
    cr_expect_gt(result(&lab, "off.encoder.0", "trained"), 0.6);
    cr_expect_float_eq(result(&lab, "parameters.decoder-block", "of_blocks"), 2.0 / 3, 1e-12);
    cr_expect_float_eq(result(&lab, "parameters.cross-block", "of_blocks"), 0.5, 1e-12);
    cr_expect_lt(result(&lab, "parameters.zh-en", "of_all"), 0.5);
    lab_free(&lab);
}

Test(lab_ffn, a_model_without_one_is_an_error)
{
    Error e = {{0}};
    Lab lab;
    find_models();
    cr_assert_eq(lab_begin(&lab, lab_find("ffn"), true, &e), 0, "%s", e.text);
    cr_assert_eq(lab_set(&lab, "model=induction", &e), 0, "%s", e.text);
    cr_expect_eq(lab_run(&lab, &e), -1);
    cr_expect(strstr(e.text, "expected one with an FFN"), "%s", e.text);
    lab_free(&lab);
}

/* ---- extrapolation ---- */

Test(lab_extrapolation, beyond_the_training_length)
{
    Lab lab = run_small("extrapolation", "steps=0", "examples=40");
    cr_expect_gt(result(&lab, "shipped.sinusoidal-1", "score"), 0.8);
    cr_expect_lt(result(&lab, "shipped.sinusoidal-1.5", "score"), 0.1);
    cr_expect_gt(result(&lab, "shipped.learned-2", "loss"), result(&lab, "shipped.learned-1", "loss"));
    lab_free(&lab);
}

Test(lab_extrapolation, only_the_positions_that_are_named)
{
    Lab lab = run_small("extrapolation", "steps=0", "examples=5", "times=1", "positions=rope+none");
    cr_expect_eq(lab.tables[0].row_count, 2);
    cr_expect_gt(result(&lab, "shipped.rope-1", "score"), result(&lab, "shipped.none-1", "score"));
    lab_free(&lab);
}

/* ---- exposure ---- */

Test(lab_exposure, own_words_are_worse_than_right_ones)
{
    Lab lab = run_small("exposure", "words=15", "steps=0", "examples=60", "searched=5", "beam=1,4");
    cr_expect_lt(result(&lab, "own.15", "own"), result(&lab, "own.15", "given"));
    cr_expect_lt(result(&lab, "own.15", "after_own"), result(&lab, "own.15", "after_given") - 0.1);
    cr_expect_lt(result(&lab, "slip.1", "right"), 0.6);
    cr_expect_gt(result(&lab, "slip.0", "right"), 0.98);
    cr_expect_geq(result(&lab, "beam.4", "log_probability"), result(&lab, "beam.1", "log_probability") - 1e-9);
    lab_free(&lab);
}

/* ---- continual learning ---- */

Test(lab_continual, learns_forgets_and_protects)
{
    Lab lab = run_small("continual", NULL);
    cr_expect_eq(result(&lab, "before", "new"), 0); /* a word that is not there yet */
    cr_expect_gt(result(&lab, "before", "old"), 0.95);
    cr_expect_lt(result(&lab, "all-weights", "old"), 0.7);
    cr_expect_gt(result(&lab, "all-weights", "new"), 0.1);
    cr_expect_gt(result(&lab, "rehearsal", "old"), result(&lab, "all-weights", "old"));
    static const char *const adapters[] = {"lora-1", "lora-2", "lora-4"};
    for (int i = 0; i < 3; i++)
        cr_expect_gt(result(&lab, adapters[i], "old_off"), 0.95, "%s: with the adapter off the old is as it was", adapters[i]);
    cr_expect_lt(result(&lab, "lora-1", "trained"), result(&lab, "lora-4", "trained"));
    lab_free(&lab);
}

/* The new rows aside, the extended model is the shipped one: the logits of known words have the same bits. */
Test(lab_continual, extended_model_says_the_same_of_known_words)
{
    Error e = {{0}};
    find_models();
    Model *m = model_open("zh-en", NULL, &e), *more = m ? continual_extend(m, 5, &e) : NULL;
    cr_assert(more, "%s", e.text);
    Ids source = {0};
    cr_assert_eq(vocab_encode(m->vocab, "狗咬人", ENCODE_ENCODER, &source, &e), 0, "%s", e.text);
    int target[] = {m->config.bos, vocab_find(m->vocab, "the")};
    PassInput in = {source.data, target, source.len, 2};
    Pass *a = pass_create(m, in, 0, &e), *b = pass_create(more, in, 0, &e);
    cr_assert(a && b, "%s", e.text);
    for (size_t t = 0; t < 2; t++)
        cr_expect_lt(setup_difference(setup_logits(a) + t * m->config.vocab_size, setup_logits(b) + t * more->config.vocab_size,
                                      m->config.vocab_size),
                     1e-5);
    pass_free(a);
    pass_free(b);
    ids_free(&source);
    model_free(more);
    model_free(m);
}

Test(lab_continual, new_sentences_have_new_words)
{
    Error e = {{0}};
    find_models();
    Model *m = model_open("zh-en", NULL, &e);
    Recipe r;
    Examples *x;
    Sentences s;
    cr_assert(m && setup_examples(m, &r, &x, &e) == 0, "%s", e.text);
    cr_assert_eq(continual_draw(m, x, TASK_HELD_OUT, true, 20, 0, &s, &e), 0, "%s", e.text);
    cr_assert_eq(s.count, 20);
    for (size_t i = 0; i < s.count; i++) {
        size_t zh = 0, en = 0;
        for (size_t k = 0; k < s.items[i].source.len; k++)
            zh += s.items[i].source.data[k] >= (int)continual_first(m);
        for (size_t k = 0; k < s.items[i].targets.len; k++)
            en += s.items[i].targets.data[k] >= (int)continual_first(m);
        cr_expect(zh > 0 && zh == en, "sentence %zu: %zu new words in Chinese, %zu in English", i, zh, en);
    }
    sentences_free(&s);
    examples_free(x);
    recipe_free(&r);
    model_free(m);
}

/* ---- hypotheses ---- */

Test(lab_hypotheses, shares_and_losses)
{
    Lab lab = run_small("hypotheses", "examples=20");
    static const char *const rows[] = {"depth.zh-en.encoder.0", "depth.story.decoder.3", "depth.mask.encoder.1"};
    for (int i = 0; i < 3; i++) {
        double x = result(&lab, rows[i], "entropy");
        cr_expect(x >= 0 && x <= 1, "%s: %g", rows[i], x);
        cr_expect_lt(x, result(&lab, rows[i], "entropy_start"), "%s: training has not sharpened it", rows[i]);
    }
    cr_expect_gt(result(&lab, "lost.story-no-ffn-now", "loss"), result(&lab, "lost.story-whole", "loss"));
    cr_expect_gt(result(&lab, "lost.zh-en.no-ffn (trained without)", "score"), result(&lab, "lost.zh-en-no-ffn-now", "score") + 0.5,
                 "trained without is another experiment than switched off");
    lab_free(&lab);
}

/* The same parameters give the same numbers. */
Test(lab_learning, runs_are_repeatable)
{
    static const char *const names[] = {"depth", "continual", "linear"};
    static const char *const settings[] = {"layers=3", "steps=5", "n=4"};
    for (int i = 0; i < 3; i++) {
        Lab a = run_small(names[i], settings[i], "seeds=2"), b = run_small(names[i], settings[i], "seeds=2");
        Buffer first = {0}, second = {0};
        for (size_t t = 0; t < a.table_count; t++) {
            table_write_csv(&a.tables[t], &first);
            table_write_csv(&b.tables[t], &second);
        }
        cr_expect_str_eq(buffer_text(&first), buffer_text(&second), "%s", names[i]);
        buffer_free(&first);
        buffer_free(&second);
        lab_free(&a);
        lab_free(&b);
    }
}
