/* test_sample.c - one row of logits becomes one token: greedy, temperature, top-k, top-p, the draw. */
#include "pass/sample.h"

#include <criterion/criterion.h>
#include <string.h>

enum { VOCAB = 4, DRAWS = 100000 };

static Sampler sampler(double temperature, size_t top_k, double top_p, uint64_t seed)
{
    return (Sampler){temperature, top_k, top_p, random_seeded(seed)};
}

static int draw(Sampler *s, const real *logits, size_t vocab)
{
    Error e = {{0}};
    int id = sample_next(s, logits, vocab, NULL, &e);
    cr_assert(id >= 0 && (size_t)id < vocab, "%d: %s", id, e.text);
    return id;
}

/* Draws DRAWS times; every count must be within five standard deviations of what p says. */
static void assert_distribution(Sampler s, const real *logits, const double p[VOCAB])
{
    size_t count[VOCAB] = {0};
    for (int i = 0; i < DRAWS; i++)
        count[draw(&s, logits, VOCAB)]++;
    for (int i = 0; i < VOCAB; i++) {
        double expected = p[i] * DRAWS, spread = sqrt(DRAWS * p[i] * (1 - p[i]));
        cr_assert(fabs((double)count[i] - expected) <= 5 * spread, "token %d: expected about %.0f, found %zu", i, expected, count[i]);
    }
}

/* The logits of probabilities 0.1, 0.4, 0.2, 0.3. */
static void set_logits(real out[VOCAB])
{
    const double p[VOCAB] = {0.1, 0.4, 0.2, 0.3};
    for (int i = 0; i < VOCAB; i++)
        out[i] = (real)(log(p[i]) + 3); /* a constant does not matter */
}

/* Runs one draw and returns its steps, in static memory. */
static SampleSteps *steps_of(Sampler s, const real *logits, size_t vocab)
{
    static real block[4 * 64];
    static SampleSteps steps;
    Error e = {{0}};
    steps = sample_steps(block, vocab);
    cr_assert_geq(sample_next(&s, logits, vocab, &steps, &e), 0, "%s", e.text);
    return &steps;
}

/* How many of x [n] are finite. */
static size_t count_finite(const real *x, size_t n)
{
    size_t count = 0;
    for (size_t i = 0; i < n; i++)
        count += isfinite(x[i]) != 0;
    return count;
}

Test(sample, greedy_takes_the_largest_and_of_equals_the_smaller_id)
{
    const real logits[] = {(real)0.5, 2, -1, 2};
    Sampler s = sampler(0, 0, 1, 1);
    cr_assert_eq(draw(&s, logits, 4), 1);
    cr_assert_eq(s.random.state, random_seeded(1).state, "greedy needs no random number");
    SampleSteps *steps = steps_of(s, logits, 4);
    cr_assert(memcmp(steps->scaled, logits, sizeof logits) == 0);
    cr_assert(count_finite(steps->top_k, 4) == 1 && steps->top_p[1] == 2 && steps->probs[1] == 1 && steps->probs[3] == 0);
}

Test(sample, draws_follow_the_softmax)
{
    real logits[VOCAB];
    set_logits(logits);
    assert_distribution(sampler(1, 0, 1, 3), logits, (double[]){0.1, 0.4, 0.2, 0.3});
}

Test(sample, temperature_sharpens)
{
    real logits[VOCAB];
    set_logits(logits);
    /* at temperature 1/2 the odds are squared: 1 16 4 9 of 30; at 2 their roots */
    assert_distribution(sampler(0.5, 0, 1, 4), logits, (double[]){1 / 30.0, 16 / 30.0, 4 / 30.0, 9 / 30.0});
    double roots = sqrt(0.1) + sqrt(0.4) + sqrt(0.2) + sqrt(0.3);
    assert_distribution(sampler(2, 0, 1, 5), logits,
                        (double[]){sqrt(0.1) / roots, sqrt(0.4) / roots, sqrt(0.2) / roots, sqrt(0.3) / roots});
}

Test(sample, a_tiny_temperature_is_greedy_and_overflows_nothing)
{
    const real logits[] = {1, (real)1.5, -40, (real)1.25};
    Sampler s = sampler(1e-300, 0, 0.9, 6);
    for (int i = 0; i < 100; i++)
        cr_assert_eq(draw(&s, logits, 4), 1);
    SampleSteps *steps = steps_of(s, logits, 4);
    cr_assert(steps->probs[1] == 1 && steps->probs[0] == 0 && steps->probs[2] == 0);
}

Test(sample, top_k_keeps_exactly_k)
{
    real logits[VOCAB];
    set_logits(logits);
    assert_distribution(sampler(1, 2, 1, 7), logits, (double[]){0, 4 / 7.0, 0, 3 / 7.0});
    SampleSteps *steps = steps_of(sampler(1, 2, 1, 7), logits, VOCAB);
    cr_assert(count_finite(steps->scaled, VOCAB) == 4 && count_finite(steps->top_k, VOCAB) == 2 && count_finite(steps->top_p, VOCAB) == 2);
    cr_assert(steps->probs[0] == 0 && steps->probs[2] == 0);
    cr_assert_float_eq(steps->probs[1], 4 / 7.0, 1e-6);
    cr_assert_eq(count_finite(steps_of(sampler(1, VOCAB - 1, 1, 7), logits, VOCAB)->top_k, VOCAB), VOCAB - 1);
}

Test(sample, of_equal_logits_top_k_keeps_the_smaller_ids)
{
    const real logits[] = {1, 5, 5, 5, 5};
    SampleSteps *steps = steps_of(sampler(1, 3, 1, 8), logits, 5);
    for (int i = 0; i < 5; i++)
        cr_assert_float_eq(steps->probs[i], i >= 1 && i <= 3 ? 1 / 3.0 : 0, 1e-6, "token %d", i);
}

Test(sample, a_top_k_of_the_vocabulary_or_more_is_all)
{
    real logits[VOCAB];
    set_logits(logits);
    const size_t k[] = {0, VOCAB, VOCAB + 1, (size_t)-1};
    for (size_t j = 1; j < sizeof k / sizeof *k; j++) {
        Sampler all = sampler(1, k[0], 1, 9), some = sampler(1, k[j], 1, 9);
        for (int i = 0; i < 1000; i++)
            cr_assert_eq(draw(&all, logits, VOCAB), draw(&some, logits, VOCAB));
    }
}

Test(sample, top_p_keeps_the_smallest_set_that_reaches_it)
{
    const real logits[] = {2, 2, 2, 2}; /* a quarter each, exactly */
    const struct {
        double p;
        size_t kept;
    } cases[] = {{1e-9, 1}, {0.25, 1}, {0.2500001, 2}, {0.5, 2}, {0.7, 3}, {0.75, 3}, {0.9999, 4}, {1, 4}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        SampleSteps *steps = steps_of(sampler(1, 0, cases[i].p, 10), logits, 4);
        cr_assert_eq(count_finite(steps->top_p, 4), cases[i].kept, "top_p %g: expected %zu, found %zu", cases[i].p, cases[i].kept,
                     count_finite(steps->top_p, 4));
        for (size_t id = 0; id < 4; id++)
            cr_assert_float_eq(steps->probs[id], id < cases[i].kept ? 1.0 / (double)cases[i].kept : 0, 1e-6);
    }
}

Test(sample, top_p_counts_what_top_k_left)
{
    real logits[VOCAB];
    set_logits(logits);
    /* of 0.4 and 0.3 the first has 4/7 = 0.571: enough for 0.57, not for 0.6; of all four it has 0.4 */
    cr_assert_eq(count_finite(steps_of(sampler(1, 2, 0.57, 11), logits, VOCAB)->top_p, VOCAB), 1);
    cr_assert_eq(count_finite(steps_of(sampler(1, 2, 0.6, 11), logits, VOCAB)->top_p, VOCAB), 2);
    cr_assert_eq(count_finite(steps_of(sampler(1, 0, 0.57, 11), logits, VOCAB)->top_p, VOCAB), 2);
    assert_distribution(sampler(1, 0, 0.57, 12), logits, (double[]){0, 4 / 7.0, 0, 3 / 7.0});
}

Test(sample, what_is_hidden_is_never_drawn)
{
    const real logits[] = {-(real)INFINITY, 0, -(real)INFINITY, 0};
    assert_distribution(sampler(1, 0, 1, 13), logits, (double[]){0, 0.5, 0, 0.5});
    assert_distribution(sampler(1, 3, 0.99, 14), logits, (double[]){0, 0.5, 0, 0.5});
}

Test(sample, the_same_seed_draws_the_same)
{
    real logits[VOCAB];
    set_logits(logits);
    Sampler a = sampler(1, 0, 1, 15), b = sampler(1, 0, 1, 15), c = sampler(1, 0, 1, 16);
    int same = 0;
    for (int i = 0; i < 1000; i++) {
        int id = draw(&a, logits, VOCAB);
        cr_assert_eq(id, draw(&b, logits, VOCAB));
        same += id == draw(&c, logits, VOCAB);
    }
    cr_assert_lt(same, 900);
}

Test(sample, logits_that_are_no_distribution_are_errors)
{
    const real bad[][2] = {{1, (real)NAN}, {(real)INFINITY, 1}, {-(real)INFINITY, -(real)INFINITY}};
    const char *says[] = {"token 1", "token 0", "finite"};
    for (size_t i = 0; i < 3; i++)
        for (int temperature = 0; temperature < 2; temperature++) {
            Error e = {{0}};
            Sampler s = sampler(temperature, 0, 1, 1);
            cr_assert_eq(sample_next(&s, bad[i], 2, NULL, &e), -1);
            cr_assert(strstr(e.text, says[i]), "%s", e.text);
        }
}

/* What is never said has no share, and the row itself stays as it is. */
Test(sample, a_suppressed_token_counts_as_minus_infinity)
{
    const real logits[] = {-3, 5, 4};
    real room[3];
    Config c = config_default();
    c.vocab_size = 3;
    c.bos = 1;
    cr_assert(sample_row(&c, logits, room) == logits);
    c.suppress_bos = true;
    const real *row = sample_row(&c, logits, room);
    cr_assert(row[0] == -3 && row[1] == -(real)INFINITY && row[2] == 4 && logits[1] == 5);
}
