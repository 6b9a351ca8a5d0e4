/* test_matrix.c - matrices where they lie: every format and layout reads the same numbers and multiplies to the same bits. */
#include "base/random.h"
#include "tensor/matrix.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

static const Dtype formats[] = {DTYPE_REAL, DTYPE_F64, DTYPE_F32, DTYPE_F16, DTYPE_BF16, DTYPE_Q8_0};
enum { FORMATS = sizeof formats / sizeof *formats };

/* Numbers that every format holds exactly: eighths from -8 to 8. */
static double number(size_t i)
{
    return (double)((i * 37 + i / 7 * 11) % 129) / 8 - 8;
}

static void write_bytes(unsigned char *p, uint64_t bits, size_t n)
{
    for (size_t b = 0; b < n; b++)
        p[b] = (unsigned char)(bits >> (8 * b));
}

/* x as format t has it, at number i of p. The half formats from the definition: a sign, an exponent, a mantissa. */
static void put(unsigned char *p, Dtype t, size_t i, double x)
{
    float f = (float)x;
    uint32_t bits;
    uint64_t whole;
    memcpy(&bits, &f, sizeof bits);
    memcpy(&whole, &x, sizeof whole);
    if (t == DTYPE_REAL)
        ((real *)(void *)p)[i] = (real)x;
    else if (t == DTYPE_F64)
        write_bytes(p + 8 * i, whole, 8);
    else if (t == DTYPE_F32)
        write_bytes(p + 4 * i, bits, 4);
    else if (t == DTYPE_Q8_0) { /* a scale of 1/8, and so many of them */
        unsigned char *block = p + i / 32 * 34;
        write_bytes(block, 0x3000, 2);
        block[2 + i % 32] = (unsigned char)(int)(x * 8);
    } else if (t == DTYPE_BF16)
        write_bytes(p + 2 * i, bits >> 16, 2);
    else {
        int exponent = 0;
        double mantissa = x == 0 ? 0 : frexp(fabs(x), &exponent) * 2; /* 1 … 2, times 2^(exponent - 1) */
        uint64_t half = x == 0 ? 0 : (uint64_t)(exponent + 14) << 10 | (uint64_t)((mantissa - 1) * 1024);
        write_bytes(p + 2 * i, half | (x < 0 ? 0x8000 : 0), 2);
    }
}

/* A matrix [rows, columns] of a format and layout, `apart` numbers more than it needs between its stored rows, one byte off any alignment
 * where the format allows it. */
typedef struct Made {
    unsigned char *block;
    Matrix m;
} Made;

/* group: stored rows come in groups of so many, with numbers of something else between; 0: they do not. */
static Made make(Dtype t, Layout layout, size_t rows, size_t columns, size_t apart, size_t group)
{
    size_t ld = (layout == PLAIN ? columns : rows) + apart, stored = layout == PLAIN ? rows : columns;
    unsigned char *block = calloc(ld * stored + (group ? stored / group * 11 : 0) + 2, 8), *at = block + (t == DTYPE_REAL ? 0 : 1);
    cr_assert_not_null(block);
    Made made = {block, {.data = at, .ld = ld, .layout = layout, .dtype = t, .group = group, .skip = group ? 11 : 0}};
    for (size_t i = 0; i < rows; i++)
        for (size_t j = 0; j < columns; j++)
            put(at, t, matrix_place(&made.m, i, j), number(i * columns + j));
    return made;
}

Test(matrix, reads_every_format_and_layout)
{
    enum { ROWS = 67, COLUMNS = 35 };
    for (int f = 0; f < FORMATS; f++)
        for (int l = 0; l < 2; l++) {
            Made x = make(formats[f], l ? TRANSPOSED : PLAIN, ROWS, COLUMNS, 3, 0);
            real whole[ROWS * COLUMNS], row[COLUMNS];
            double weights[COLUMNS], sum = 0;
            matrix_read(whole, &x.m, ROWS, COLUMNS);
            real some[3 * COLUMNS];
            matrix_read_rows(some, &x.m, 40, 3, COLUMNS);
            cr_assert_arr_eq(some, whole + 40 * COLUMNS, sizeof some);
            for (size_t i = 0; i < ROWS; i++) {
                matrix_read_row(row, &x.m, i, COLUMNS);
                for (size_t j = 0; j < COLUMNS; j++) {
                    cr_assert_eq((double)matrix_at(&x.m, i, j), number(i * COLUMNS + j), "format %d", f);
                    cr_assert_eq(row[j], matrix_at(&x.m, i, j));
                    cr_assert_eq(whole[i * COLUMNS + j], matrix_at(&x.m, i, j));
                }
            }
            for (size_t j = 0; j < COLUMNS; j++) {
                weights[j] = (double)j;
                sum += number(5 * COLUMNS + j) * (double)j;
            }
            cr_assert_eq(matrix_row_dot(&x.m, 5, weights, COLUMNS), sum);
            Matrix block = matrix_block(x.m, 4, 9), turned = matrix_transposed(x.m);
            cr_assert_eq(matrix_at(&block, 2, 3), matrix_at(&x.m, 6, 12));
            cr_assert_eq(matrix_at(&turned, 12, 6), matrix_at(&x.m, 6, 12));
            cr_assert_null(matrix_in_place(&x.m, ROWS, COLUMNS), "its rows do not follow each other");
            free(x.block);
        }
}

/* All there are, many at once as one by one, and as the definition says: (-1)^sign 2^(exponent - 15) 1.mantissa. */
Test(matrix, every_half)
{
    enum { HALVES = 1 << 16 };
    static unsigned char bytes[2 * HALVES];
    static real out[HALVES];
    for (size_t i = 0; i < HALVES; i++)
        write_bytes(bytes + 2 * i, i, 2);
    dtype_read(out, DTYPE_F16, bytes, 0, HALVES);
    for (int i = 0; i < HALVES; i++) {
        int exponent = i >> 10 & 31, mantissa = i & 1023;
        double one = dtype_value(DTYPE_F16, bytes, (size_t)i), sign = i >> 15 ? -1 : 1;
        double is = exponent == 31 ? (mantissa ? (double)NAN : (double)INFINITY)
                    : exponent ? ldexp(1024 + mantissa, exponent - 25)
                               : ldexp(mantissa, -24);
        cr_assert(isnan(is) ? isnan(one) && isnan((double)out[i]) : one == sign * is && (double)out[i] == one, "%04x: %g, %g", i, one, (double)out[i]);
    }
}

Test(matrix, in_place_where_rows_follow_each_other)
{
    real x[12] = {0};
    Matrix plain = matrix_of(x, 4), turned = matrix_transposed(plain);
    cr_assert_eq(matrix_in_place(&plain, 3, 4), x);
    cr_assert_null(matrix_in_place(&plain, 3, 3));
    cr_assert_eq(matrix_in_place(&plain, 1, 3), x, "one row is in place whatever its stride");
    cr_assert_null(matrix_in_place(&turned, 4, 3));
    Matrix half = {.data = x, .ld = 4, .layout = PLAIN, .dtype = DTYPE_BF16};
    cr_assert_null(matrix_in_place(&half, 3, 4));
}

/* The bits of a converted copy, for any format, layout, shape and number of threads. */
Test(matrix, product_has_the_bits_of_a_converted_copy)
{
    static const struct {
        size_t m, n, k;
    } shapes[] = {{1, 1, 1}, {1, 200, 900}, {1, 90, 333}, {3, 65, 769}, {7, 64, 192}, {5, 130, 1600}, {40, 33, 50}, {9, 500, 900}};
    for (size_t s = 0; s < sizeof shapes / sizeof *shapes; s++)
        for (int f = 0; f < FORMATS; f++)
            for (int l = 0; l < 8; l++) {
                size_t m = shapes[s].m, n = shapes[s].n, k = shapes[s].k;
                bool accumulate = l & 2;
                Made b = make(formats[f], l % 2 ? TRANSPOSED : PLAIN, k, n, 5, l & 4 ? 7 : 0);
                real *copy = malloc(k * n * sizeof *copy), *a = malloc(m * k * sizeof *a);
                real *ours = calloc(m * n, sizeof *ours), *theirs = calloc(m * n, sizeof *theirs);
                cr_assert(copy && a && ours && theirs);
                Random random = random_seeded(s);
                for (size_t i = 0; i < m * k; i++)
                    a[i] = (real)random_normal(&random);
                for (size_t i = 0; i < m * n; i++)
                    ours[i] = theirs[i] = (real)random_normal(&random);
                matrix_read(copy, &b.m, k, n);
                matmul(theirs, n, a, k, PLAIN, copy, n, PLAIN, m, n, k, accumulate);
                for (int threads = 1; threads <= 2; threads++) {
                    real *c = malloc(m * n * sizeof *c);
                    cr_assert_not_null(c);
                    memcpy(c, ours, m * n * sizeof *c);
                    matmul_set_threads(threads);
                    matmul_matrix(c, n, a, k, PLAIN, &b.m, m, n, k, accumulate);
                    cr_assert_arr_eq(c, theirs, m * n * sizeof *c, "%zu x %zu x %zu, format %d, layout %d", m, n, k, f, l);
                    free(c);
                }
                free(copy);
                free(a);
                free(ours);
                free(theirs);
                free(b.block);
            }
}
