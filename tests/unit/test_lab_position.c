/* test_lab_position.c - the experiments on position: what is algebra holds to rounding, and its opposite is far from it. */
#include "lab_help.h"

/* Rounding of a few layers of 32 numbers. */
#define ROUNDING 1e-4

Test(lab_position, permutation_is_equivariance_and_the_mask_tells)
{
    Lab lab = run_small("permutation", "layers=1,2,4");
    static const char *const encoders[] = {"encoder/1", "encoder/2", "encoder/4"}, *const deeper[] = {"decoder/2", "decoder/4"};
    for (int i = 0; i < 3; i++) {
        cr_assert_lt(result(&lab, encoders[i], "moved"), ROUNDING);
        cr_assert_lt(result(&lab, encoders[i], "mean"), ROUNDING);
        cr_assert_lt(result(&lab, encoders[i], "equal"), ROUNDING);
    }
    cr_assert_lt(result(&lab, "decoder/1", "last"), ROUNDING);
    cr_assert_gt(result(&lab, "decoder/1", "moved"), 0.01);
    for (int i = 0; i < 2; i++) {
        cr_assert_gt(result(&lab, deeper[i], "last"), 0.01);
        cr_assert_lt(result(&lab, deeper[i], "equal"), ROUNDING);
    }
    cr_assert_gt(result(&lab, "encoder+positions", "moved"), 0.01);
    cr_assert_gt(result(&lab, "decoder+positions", "last"), 0.001);
    cr_assert_gt(result(&lab, "decoder+positions", "equal"), 0.01);
    cr_assert_gt(result(&lab, "rnn", "last"), 0.01);
    cr_assert_gt(result(&lab, "cnn", "moved"), 0.01);
    lab_free(&lab);
}

/* A kernel of three reaches one further on each side with each layer; with dilations 1, 2, 4 … 2^L - 1. */
Test(lab_position, convolutions_reach_as_far_as_counted)
{
    Lab lab = run_small("permutation", "length=40");
    for (int layers = 1; layers <= 4; layers++) {
        char row[16];
        snprintf(row, sizeof row, "reach.#%d", layers - 1);
        cr_assert_eq(result(&lab, row, "plain"), 2 * layers + 1);
        cr_assert_eq(result(&lab, row, "dilated"), 2 * ((1 << layers) - 1) + 1);
    }
    lab_free(&lab);
}

/* Shares of 100 sentences, at three standard errors of 0.05 and less: nothing without positions does better than the bag. */
Test(lab_position, the_translator_without_positions_stays_below_the_bag)
{
    Lab lab = run_small("permutation", "layers=1", "examples=100", "bags=50");
    cr_assert_gt(result(&lab, "translator.whole", "score"), 0.9);
    cr_assert_lt(result(&lab, "translator.without-now", "score"), result(&lab, "translator.trained-without", "score"));
    cr_assert_lt(result(&lab, "translator.trained-without", "score"), result(&lab, "translator.bag-guessed", "score") + 0.15);
    cr_assert_leq(result(&lab, "translator.bag-decides", "score"), result(&lab, "translator.bag-guessed", "score"));
    lab_free(&lab);
}

Test(lab_position, three_tokens_are_enough)
{
    Lab lab = run_small("permutation", "length=3", "layers=1");
    cr_assert_lt(result(&lab, "encoder/1", "moved"), ROUNDING);
    lab_free(&lab);
}

Test(lab_position, sinusoids_turn_and_their_product_knows_the_distance)
{
    Lab lab = run_small("sinusoid", "d_model=16", "positions=48");
    for (size_t row = 0; row < 8; row++) {
        check_near(table_number(&lab.tables[0], row, 1), 6.283185307179586 * pow(10000, 2 * (double)row / 16), 1e-6, "wavelength");
        check_near(table_number(&lab.tables[0], row, 2) / table_number(&lab.tables[0], row, 1), 1, 1e-6, "measured");
    }
    for (size_t k = 0; k < 24; k++) {
        double sum = 0;
        for (size_t i = 0; i < 8; i++)
            sum += cos((double)k / pow(10000, 2 * (double)i / 16));
        cr_assert_lt(table_number(&lab.tables[1], k, 1), 1e-12);
        check_near(table_number(&lab.tables[1], k, 2), sum, 1e-12, "PE(p)·PE(p+k) = Σ cos");
        cr_assert_lt(table_number(&lab.tables[1], k, 3), 1e-12);
        check_near(table_number(&lab.tables[1], k, 4), sum, 1e-12, "symmetric");
    }
    cr_assert_gt(result(&lab, "trained.1", "range"), 0.1);
    lab_free(&lab);
}

Test(lab_position, relative_schemes_see_distances_only)
{
    Lab lab = run_small("relative", "seeds=3");
    for (size_t row = 1; row < 6; row++) {
        double in_float = table_number(&lab.tables[0], row, 1), in_double = table_number(&lab.tables[0], row, 3);
        cr_assert_gt(in_float, 100 * in_double); /* 2^29 times the rounding: a factor of 100 is little */
        cr_assert_lt(in_double, 1e-9);
    }
    cr_assert_gt(result(&lab, "rope.1048576", "float"), 1e-4);
    for (size_t h = 0; h < 8; h++) {
        check_near(table_number(&lab.tables[1], h, 1), pow(2, -(double)(h + 1)), 1e-12, "slope of eight heads");
        cr_assert_lt(table_number(&lab.tables[1], h, 4), 1e-5);
    }
    cr_assert_lt(result(&lab, "engine.rope", "scores"), ROUNDING);
    cr_assert_lt(result(&lab, "engine.alibi", "scores"), ROUNDING);
    cr_assert_eq(result(&lab, "engine.rope", "values"), 0);
    cr_assert_eq(result(&lab, "engine.alibi", "values"), 0);
    cr_assert_gt(result(&lab, "engine.sinusoidal", "scores"), 0.1);
    cr_assert_gt(result(&lab, "engine.learned", "values"), 0.1);
    lab_free(&lab);
}

Test(lab_position, concatenating_is_adding_two_products)
{
    Lab lab = run_small("add-or-concatenate", NULL);
    for (size_t row = 0; row < 2; row++)
        cr_assert_lt(table_number(&lab.tables[0], row, 1), 1e-10);
    cr_assert_eq(result(&lab, "concatenated", "parameters"), 2 * result(&lab, "added", "parameters"));
    for (size_t row = 0; row < lab.tables[2].row_count; row++) {
        double mean = table_number(&lab.tables[2], row, 1), largest = table_number(&lab.tables[2], row, 3);
        cr_assert(mean > 0 && mean < largest && largest <= 1);
        /* E|cos| of random directions is √(2/(πd)) for large d; d is 32 here, and there are hundreds of pairs */
        check_near(table_number(&lab.tables[2], row, 2), sqrt(2 / (3.141592653589793 * 32)), 0.01, "random directions");
    }
    lab_free(&lab);
}
