/* bench_matmul.c - how fast the matrix product is: shapes by kernels, medians of several rounds, in 10^9 floating point
 * operations a second (2 m n k for a product).
 *
 * The kernels take turns within a round, on operands that are not in a near cache (as many different B as make 64 MB), and a round counts
 * only where a small product beside it ran at 95% of its best: another program or a hotter processor would be measured otherwise. */
#include "bench.h"

#include "tensor/matmul_kernels.h"
#include "tensor/threads.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct Shape {
    const char *name;
    size_t m, n, k;
    Layout la, lb;
    bool accumulate;
} Shape;

static const Shape shapes[] = {
    {"GPT-2 124M, 64 tokens: W_Q", 64, 768, 768, PLAIN, PLAIN, false},
    {"  W_1", 64, 3072, 768, PLAIN, PLAIN, false},
    {"  W_2", 64, 768, 3072, PLAIN, PLAIN, false},
    {"  scores of a head", 64, 64, 64, PLAIN, TRANSPOSED, false},
    {"  mix of a head", 64, 64, 64, PLAIN, PLAIN, false},
    {"  logits, tied", 64, 50257, 768, PLAIN, TRANSPOSED, false},
    {"  backward: dx of W_1", 64, 768, 3072, PLAIN, TRANSPOSED, true},
    {"  backward: dW_1", 768, 3072, 64, TRANSPOSED, PLAIN, true},
    {"one token: W_Q", 1, 768, 768, PLAIN, PLAIN, false},
    {"  W_1", 1, 3072, 768, PLAIN, PLAIN, false},
    {"  logits, tied", 1, 50257, 768, PLAIN, TRANSPOSED, false},
    {"training d 128, 8 x 64: W_1", 512, 512, 128, PLAIN, PLAIN, false},
    {"  dx", 512, 128, 512, PLAIN, TRANSPOSED, true},
    {"  dW_1", 128, 512, 512, TRANSPOSED, PLAIN, true},
    {"tiny d 16, 8 tokens: W_Q", 8, 16, 16, PLAIN, PLAIN, false},
    {"  scores of a head of 4", 8, 8, 4, PLAIN, TRANSPOSED, false},
    {"tiny d 64, 32 tokens: W_Q", 32, 64, 64, PLAIN, PLAIN, false},
};

enum { ROUNDS = 7, TRIES = 8, COLUMNS = 8 };

/* What is measured: a kernel on a number of threads. */
typedef struct Column {
    const Kernel *kernel;
    int threads;
} Column;

/* Numbers between -1 and 1, none of them very small. */
static real *numbers(size_t n)
{
    real *x = malloc(n * sizeof *x);
    for (size_t i = 0; x != NULL && i < n; i++)
        x[i] = (real)(i % 251) / 125 - 1;
    return x;
}

/* Seconds of a product that fits in the nearest cache, on every one of the threads at once: how fast the machine is now. */
static void run_small(void *context, size_t i)
{
    static real a[48 * 48], b[48 * 48];
    real c[48 * 48];
    (void)i;
    for (int r = 0; r < 200; r++)
        matmul_kernel()->run(&(Product){.c = c, .ldc = 48, .a = a, .lda = 48, .b = b, .ldb = 48, .m = 48, .n = 48, .k = 48});
    *(volatile real *)context = c[0];
}

static double small_product(int threads)
{
    real sink;
    double begin = bench_now();
    threads_run((size_t)threads, threads, run_small, &sink);
    return bench_now() - begin;
}

/* Seconds a product takes. */
static double measure(const Shape *s, const Column *column, real *c, const real *a, const real *b, size_t copies, int repeat)
{
    double begin = bench_now();
    for (int r = 0; r < repeat; r++) {
        Product x = {.c = c, .ldc = s->n, .a = a, .la = s->la, .lb = s->lb, .m = s->m, .n = s->n, .k = s->k, .accumulate = s->accumulate};
        x.lda = s->la == PLAIN ? s->k : s->m;
        x.ldb = s->lb == PLAIN ? s->n : s->k;
        x.b = b + (size_t)r % copies * s->n * s->k;
        matmul_run(column->kernel, &x, column->threads, 0);
    }
    return (bench_now() - begin) / repeat;
}

static int bench(const Shape *s, const Column *columns, int count)
{
    size_t copies = ((size_t)64 << 20) / (s->n * s->k * sizeof(real)) + 1;
    if (copies > 64)
        copies = 64;
    real *a = numbers(s->m * s->k), *b = numbers(copies * s->n * s->k), *c = numbers(s->m * s->n);
    double seconds[COLUMNS][ROUNDS], once[COLUMNS], best[COLUMNS];
    if (a == NULL || b == NULL || c == NULL) {
        free(a);
        free(b);
        free(c);
        fprintf(stderr, "bench_matmul: %s: out of memory\n", s->name);
        return -1;
    }
    for (int i = 0; i < count; i++) {
        once[i] = measure(s, &columns[i], c, a, b, copies, 1);
        best[i] = small_product(columns[i].threads);
    }
    for (int r = 0; r < ROUNDS; r++)
        for (int i = 0; i < count; i++)
            for (int try = 0; try < TRIES; try++) {
                int repeat = once[i] > 5e-3 ? 1 : (int)(5e-3 / once[i]) + 1;
                double before = small_product(columns[i].threads);
                seconds[i][r] = measure(s, &columns[i], c, a, b, copies, repeat);
                double after = small_product(columns[i].threads), worst = before > after ? before : after;
                best[i] = before < best[i] ? before : best[i];
                best[i] = after < best[i] ? after : best[i];
                if (worst * 0.95 <= best[i] || once[i] > 0.05) /* what takes long is not measured twice */
                    break;
            }
    printf("%-28s %5zu %6zu %5zu %c%c", s->name, s->m, s->n, s->k, s->la == PLAIN ? '-' : 'T', s->lb == PLAIN ? '-' : 'T');
    for (int i = 0; i < count; i++) {
        double t = bench_median(seconds[i], ROUNDS), operations = 2.0 * (double)s->m * (double)s->n * (double)s->k;
        printf(" %9.2f", operations / t * 1e-9);
        if (i + 1 == count)
            printf(" %10.2f us\n", t * 1e6);
    }
    fflush(stdout);
    free(a);
    free(b);
    free(c);
    return 0;
}

/* Without arguments, all shapes; with one, those whose name holds it. */
int main(int argc, char **argv)
{
    Column columns[COLUMNS];
    int count = 0;
    columns[count++] = (Column){&matmul_plain, 1};
    for (int i = MATMUL_FAST_COUNT; i-- > 0;)
        if (matmul_fast[i].usable())
            columns[count++] = (Column){&matmul_fast[i], 1};
    if (threads_processors() > 1)
        columns[count] = (Column){columns[count - 1].kernel, 2}, count++;

    printf("matrix products (%s, %s): GFLOP/s, medians of %d\n", REAL_IS_DOUBLE ? "double" : "float", matmul_name(), ROUNDS);
    for (int i = 0; i < count; i++)
        printf("  %d: %s, %d thread%s\n", i + 1, columns[i].kernel->name, columns[i].threads, columns[i].threads > 1 ? "s" : "");
    printf("%-28s %5s %6s %5s   ", "", "m", "n", "k");
    for (int i = 0; i < count; i++)
        printf(" %8d:", i + 1);
    printf(" %10s\n", "the last");
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++)
        if ((argc < 2 || strstr(shapes[i].name, argv[1]) != NULL) && bench(&shapes[i], columns, count) != 0)
            return 1;
    return 0;
}
