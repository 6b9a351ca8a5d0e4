/* test_number.c - numbers as text: the same as printf writes, for every float. */
#include "view/app.h"

#include "base/text.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

static const char *format(double x, int digits)
{
    static char text[NUMBER_MAX];
    int columns = number_format(text, x, digits, true);
    cr_assert_eq(columns, (int)strlen(text), "%s takes %d", text, columns);
    return text;
}

/* The rule of app.h: as %.*f, but with an exponent where that is longer than 12 characters and the exponent is shorter. */
static void check(double x, int digits)
{
    char fixed[400], scientific[64];
    int columns = snprintf(fixed, sizeof fixed, "%.*f", digits, x);
    snprintf(scientific, sizeof scientific, "%.*e", digits, x);
    const char *expected = columns > 12 && strlen(scientific) < (size_t)columns ? scientific : fixed;
    cr_assert_str_eq(format(x, digits), expected, "%.17g with %d digits: %s, expected %s", x, digits, format(x, digits), expected);
}

static double float_of_bits(uint32_t bits)
{
    float x;
    memcpy(&x, &bits, sizeof x);
    return (double)x;
}

Test(number, is_printf_for_random_floats)
{
    uint32_t bits = 12345;
    size_t tried = 0;
    for (int i = 0; i < 500000; i++) {
        bits = bits * 1664525u + 1013904223u; /* every 32-bit pattern once in 2^32 steps */
        double x = float_of_bits(bits);
        if (!isfinite(x))
            continue;
        tried++;
        check(x, 1 + i % 8);
    }
    cr_expect_gt(tried, 480000);
}

/* Most random patterns are tiny or huge: as many that are neither. */
Test(number, is_printf_for_numbers_of_ordinary_size)
{
    uint32_t bits = 99;
    for (int i = 0; i < 500000; i++) {
        bits = bits * 1664525u + 1013904223u;
        uint32_t exponent = 127 - 20 + (bits >> 8) % 50; /* 2^-20 … 2^29 */
        check(float_of_bits((bits & 0x807fffffu) | exponent << 23), 1 + i % 8);
    }
}

/* Numbers in the middle between two: printf takes the even one, by the exact value. */
Test(number, is_printf_for_ties_and_their_neighbours)
{
    for (int digits = 1; digits <= 8; digits++)
        for (int i = -4000; i < 4000; i++) {
            double tie = (i + 0.5) / pow(10, digits);
            check(tie, digits); /* not a float: the product is rounded */
            check(nextafter(tie, 1e300), digits);
            check(nextafter(tie, -1e300), digits);
            check((double)(float)tie, digits);
            check(i / 1024.0, digits); /* exact ties */
        }
}

Test(number, is_printf_for_random_doubles)
{
    uint64_t bits = 7;
    for (int i = 0; i < 300000; i++) {
        bits = bits * 6364136223846793005u + 1442695040888963407u;
        uint64_t exponent = 1023 - 30 + (bits >> 53) % 75;
        uint64_t pattern = (bits & 0x800fffffffffffffu) | exponent << 52;
        double x;
        memcpy(&x, &pattern, sizeof x);
        check(x, 1 + i % 12);
    }
}

Test(number, always_has_a_point)
{
    cr_expect_str_eq(format(3, 0), "3.");
    cr_expect_str_eq(format(2.5, 0), "2.");
    cr_expect_str_eq(format(-0.4, 0), "-0.");
    cr_expect_str_eq(format(1e300, 0), "1.e+300");
    cr_expect_str_eq(format(0, 3), "0.000");
    cr_expect_str_eq(format(7, 1), "7.0");
}

Test(number, shows_the_sign_of_a_zero_as_printf_does)
{
    cr_expect_str_eq(format(-0.0, 3), "-0.000");
    cr_expect_str_eq(format(-0.0004, 3), "-0.000");
    cr_expect_str_eq(format(-0.0005001, 3), "-0.001");
}

Test(number, takes_an_exponent_where_it_would_be_long)
{
    cr_expect_str_eq(format(99999999.5, 3), "99999999.500");
    cr_expect_str_eq(format(99999999.9996, 3), "1.000e+08"); /* rounding makes it longer */
    cr_expect_str_eq(format(1234567890123.0, 3), "1.235e+12");
    cr_expect_str_eq(format(-12345678.0, 3), "-1.235e+07");
    cr_expect_str_eq(format(12345.678, 8), "12345.67800000"); /* no shorter with one */
}

Test(number, writes_infinities_in_both_alphabets)
{
    char text[NUMBER_MAX];
    cr_expect_eq(number_format(text, -INFINITY, 3, false), 2);
    cr_expect_str_eq(text, "−∞");
    cr_expect_eq(text_width(text), 2);
    cr_expect_eq(number_format(text, INFINITY, 3, false), 1);
    cr_expect_str_eq(text, "∞");
    cr_expect_str_eq(format(-INFINITY, 3), "-inf");
    cr_expect_str_eq(format(INFINITY, 3), "inf");
    cr_expect_str_eq(format(NAN, 3), "nan");
}

Test(number, never_writes_more_than_its_room)
{
    static const double worst[] = {-1.7976931348623157e308, -2.2250738585072014e-308, -99999.99999999999, -123456.789, -1e12};
    for (int digits = -1; digits < 60; digits++)
        for (size_t i = 0; i < sizeof worst / sizeof *worst; i++)
            cr_expect_lt(strlen(format(worst[i], digits)), NUMBER_MAX, "%g with %d digits", worst[i], digits);
}

/* ---- number_width ---- */

static int widest(const real *x, size_t n, int digits)
{
    int width = 0;
    for (size_t i = 0; i < n; i++) {
        int w = (int)strlen(format((double)x[i], digits));
        width = w > width ? w : width;
    }
    return width;
}

static void check_width(const real *x, size_t n, int digits)
{
    int expected = widest(x, n, digits), found = number_width(x, n, digits), least = digits + 2; /* "0.000" */
    cr_assert_eq(found, expected > least ? expected : least, "%zu numbers from %g, %d digits: %d, expected %d", n, (double)x[0], digits,
                 found, expected);
}

Test(number_width, is_that_of_the_widest)
{
    static const real special[] = {0,           (real)-0.0,  INFINITY,        -INFINITY,         NAN,
                                   (real)1e9,   (real)-1e9,  (real)99999.999, (real)-99999.9999, (real)123456,
                                   (real)-1e30, (real)1e-30, (real)-1e-30,    (real)9.9999,      (real)99999999};
    enum { SPECIAL = sizeof special / sizeof *special };
    uint32_t bits = 5;
    real x[40];
    for (int i = 0; i < 100000; i++) {
        size_t n = 1 + bits % 40;
        for (size_t k = 0; k < n; k++) {
            bits = bits * 1664525u + 1013904223u;
            uint32_t exponent = 127 - 12 + (bits >> 8) % (unsigned)(14 + i % 16);
            x[k] = (real)float_of_bits((bits & (i & 1 ? 0x807fffffu : 0x7fffffu)) | exponent << 23);
        }
        if (i % 3 == 0)
            x[bits % n] = special[(bits >> 16) % SPECIAL];
        check_width(x, n, 1 + i % 8);
    }
}

Test(number_width, finds_the_one_wide_number_wherever_it_is)
{
    for (size_t n = 1; n < 40; n++)
        for (size_t at = 0; at < n; at++) {
            real x[40];
            for (size_t k = 0; k < n; k++)
                x[k] = (real)1.5;
            x[at] = (real)-1234.5;
            cr_assert_eq(number_width(x, n, 3), 9);
            x[at] = -INFINITY;
            cr_assert_eq(number_width(x, n, 1), 4);
            x[at] = (real)-0.0;
            cr_assert_eq(number_width(x, n, 3), 6);
        }
    real zeros[40] = {0};
    for (size_t at = 0; at < 40; at++) {
        zeros[at] = (real)-0.0;
        cr_assert_eq(number_width(zeros, 40, 3), 6, "at %zu", at);
        zeros[at] = 0;
        cr_assert_eq(number_width(zeros, 40, 3), 5);
    }
}

/* A share that is not 0 never looks like it, and takes no more columns. */
Test(number, shares_too_small_for_their_digits)
{
    static const struct {
        double x;
        int digits;
        const char *text;
    } cases[] = {{0, 3, "0"},             {3.2e-6, 3, "3e-06"},   {4.99e-4, 3, "5e-04"}, {0.0006, 3, "0.001"}, {0.25, 3, "0.250"},
                 {3.24e-7, 5, "3.2e-07"}, {-2e-5, 3, "-2e-05"},   {1e-30, 4, "1e-30"},   {0.004, 2, "4e-03"},  {INFINITY, 3, "inf"}};
    char text[NUMBER_MAX];
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        int columns = number_share(text, cases[i].x, cases[i].digits, true);
        cr_expect(strcmp(text, cases[i].text) == 0 && columns == (int)strlen(text), "%g: %s, expected %s", cases[i].x, text, cases[i].text);
        if (cases[i].x >= 0 && cases[i].x <= 1)
            cr_expect_leq(columns, number_share_width(cases[i].digits));
    }
}
