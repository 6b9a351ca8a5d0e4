/* test_quantised.c - ggml's formats of numbers in blocks: every number of tests/gguf/quantised.gguf to the last bit, however it is read,
 * and products with such matrices. Runs from the top folder. */
#include "model/gguf_internal.h"

#include "base/random.h"
#include "hf_help.h"

/* The file's tensors, and those of the same names that have their numbers. */
typedef struct Reference {
    Gguf blocks;
    SafeTensors numbers;
} Reference;

static Reference open_reference(void)
{
    Reference r;
    File file;
    Error e = {{0}};
    cr_assert_eq(file_open(&file, "tests/gguf/quantised.gguf", &e), 0, "%s", e.text);
    cr_assert_eq(gguf_read(&r.blocks, file, "quantised.gguf", &e), 0, "%s", e.text);
    cr_assert_eq(safetensors_open(&r.numbers, "tests/gguf/quantised.safetensors", &e), 0, "%s", e.text);
    cr_assert_eq(r.blocks.files.shards[0].count, (size_t)DTYPE_Q8_0 - DTYPE_Q2_K + 1, "every format that is read");
    return r;
}

static void close_reference(Reference *r)
{
    gguf_close(&r->blocks);
    safetensors_close(&r->numbers);
}

Test(quantised, every_number_is_the_reference_s)
{
    Reference r = open_reference();
    const SafeTensors *all = &r.blocks.files.shards[0];
    for (size_t k = 0; k < all->count; k++) {
        const SafeTensor *t = &all->items[k], *expected = safetensors_find(&r.numbers, t->name);
        cr_assert(expected && strcmp(dtype_name(t->dtype), t->name) == 0, "%s", t->name);
        cr_assert_eq(expected->count, t->count);
        real *out = malloc(t->count * sizeof *out);
        double largest = 0;
        cr_assert_not_null(out);
        dtype_read(out, t->dtype, t->bytes, 0, t->count);
        for (size_t i = 0; i < t->count; i++) {
            double x = safetensors_value(expected, i);
            cr_assert_eq((double)out[i], x, "%s, number %zu: expected %.9g, found %.9g", t->name, i, x, (double)out[i]);
            cr_assert_eq(dtype_value(t->dtype, t->bytes, i), x, "%s, number %zu", t->name, i);
            largest = i >= t->count / 2 && fabs(x) > largest ? fabs(x) : largest;
        }
        cr_expect(largest > 0.05 && largest < 1, "%s: %g", t->name, largest); /* the numbers are some, and of a weight's size */
        free(out);
    }
    close_reference(&r);
}

/* Any run of numbers, and matrices that begin inside a block. */
Test(quantised, runs_begin_and_end_anywhere)
{
    Reference r = open_reference();
    const SafeTensors *all = &r.blocks.files.shards[0];
    Random random = random_seeded(3);
    for (size_t k = 0; k < all->count; k++) {
        const SafeTensor *t = &all->items[k];
        enum { COUNT = 2048 };
        real whole[COUNT], part[COUNT + 1];
        cr_assert_eq(t->count, (size_t)COUNT);
        dtype_read(whole, t->dtype, t->bytes, 0, COUNT);
        for (int i = 0; i < 300; i++) {
            size_t first = random_below(&random, COUNT), n = random_below(&random, i % 2 ? COUNT - first : 40) % (COUNT - first + 1);
            part[n] = 7;
            dtype_read(part, t->dtype, t->bytes, first, n);
            cr_assert_arr_eq(part, whole + first, n * sizeof *part, "%s, %zu from %zu", t->name, n, first);
            cr_assert_eq(part[n], 7, "%s: nothing is written behind what was asked for", t->name);
        }
        Matrix m = safetensors_matrix(t), block = matrix_block(m, 1, 37), inner = matrix_block(matrix_transposed(block), 100, 0);
        cr_assert_eq(matrix_at(&m, 1, 3), whole[1024 + 3]);
        cr_assert_eq(matrix_at(&block, 0, 5), whole[1024 + 37 + 5]);
        cr_assert_eq(matrix_at(&inner, 5, 0), whole[1024 + 37 + 100 + 5]);
    }
    close_reference(&r);
}

/* The bits of a converted copy: any layout, number of rows, beginning inside a block, width, and number of threads. */
Test(quantised, product_has_the_bits_of_a_converted_copy)
{
    static const struct {
        size_t m, n, k, column;
    } shapes[] = {{1, 1, 256, 0},    {1, 16, 512, 0},  {1, 130, 1024, 0},   {1, 100, 1600, 7},
                  {3, 65, 769, 300}, {40, 33, 256, 0}, {17, 300, 1024, 256}};
    Reference r = open_reference();
    const SafeTensors *all = &r.blocks.files.shards[0];
    for (size_t k = 0; k < all->count; k++)
        for (size_t s = 0; s < sizeof shapes / sizeof *shapes; s++)
            for (int layout = 0; layout < 2; layout++) {
                /* A matrix of the reference's blocks again and again, but for the first four, which hold extremes. */
                const SafeTensor *t = &all->items[k];
                size_t m = shapes[s].m, n = shapes[s].n, depth = shapes[s].k, numbers = dtype_block(t->dtype), bytes = dtype_size(t->dtype);
                size_t rows = layout ? n : depth, columns = layout ? depth : n, ld = (shapes[s].column + columns + 255) / 256 * 256;
                size_t count = rows * ld / numbers, have = t->count / numbers - 4;
                unsigned char *blocks = malloc(count * bytes);
                real *a = malloc(m * depth * sizeof *a), *copy = malloc(depth * n * sizeof *copy), *ours = malloc(m * n * sizeof *ours),
                     *theirs = malloc(m * n * sizeof *theirs);
                cr_assert(blocks && a && copy && ours && theirs);
                for (size_t i = 0; i < count; i++)
                    memcpy(blocks + i * bytes, t->bytes + (4 + i * 5 % have) * bytes, bytes);
                Matrix b = {.data = blocks, .ld = ld, .layout = layout ? TRANSPOSED : PLAIN, .dtype = t->dtype, .first = shapes[s].column};
                Random random = random_seeded(s);
                for (size_t i = 0; i < m * depth; i++)
                    a[i] = (real)random_normal(&random);
                matrix_read(copy, &b, depth, n);
                matmul(theirs, n, a, depth, PLAIN, copy, n, PLAIN, m, n, depth, false);
                for (int threads = 1; threads <= 2; threads++) {
                    matmul_set_threads(threads);
                    memset(ours, 0, m * n * sizeof *ours);
                    matmul_matrix(ours, n, a, depth, PLAIN, &b, m, n, depth, false);
                    cr_assert_arr_eq(ours, theirs, m * n * sizeof *ours, "%s, %zu x %zu x %zu, layout %d", t->name, m, n, depth, layout);
                }
                free(blocks);
                free(a);
                free(copy);
                free(ours);
                free(theirs);
            }
    close_reference(&r);
}
