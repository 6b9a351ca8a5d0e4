/* test_matmul.c - the matrix product: every kernel bit for bit against the order of summation that matmul_kernels.h promises,
 * the error of that order, and the same bits from any number of threads. */
#include "base/random.h"
#include "tensor/matmul_kernels.h"
#include "tensor/threads.h"

#include <criterion/criterion.h>
#include <float.h>
#include <math.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

/* ---- a product and its operands ---- */

/* Operands in memory of exactly their extent, so that the address sanitizer sees a read or a write beyond it. */
typedef struct Case {
    Product x;
    real *a, *b, *c;
    real *before;   /* C before the product */
    real *after[2]; /* C after it: [fused] */
    size_t extent;  /* of C */
} Case;

static real *numbers(Random *r, size_t rows, size_t columns, size_t ld)
{
    size_t n = (rows - 1) * ld + columns;
    real *x = malloc(n * sizeof *x);
    cr_assert_not_null(x);
    for (size_t i = 0; i < n; i++)
        x[i] = (real)random_normal(r);
    return x;
}

static real a_of(const Product *x, size_t i, size_t p)
{
    return x->la == PLAIN ? x->a[i * x->lda + p] : x->a[p * x->lda + i];
}

static real b_of(const Product *x, size_t p, size_t j)
{
    return x->lb == PLAIN ? x->b[p * x->ldb + j] : x->b[j * x->ldb + p];
}

/* One element of C, which was c, summed in the promised order. */
static real sum_of(const Product *x, real c, bool fused, size_t i, size_t j)
{
    for (size_t p = 0; p < x->k;) {
        bool first = p == 0 && !x->accumulate;
        real s = 0;
        for (size_t end = p + MATMUL_BLOCK; p < x->k && p < end; p++) {
            real a = a_of(x, i, p), b = b_of(x, p, j);
            if (!fused)
                s += a * b;
            else
                s = REAL_IS_DOUBLE ? (real)fma((double)a, (double)b, (double)s) : (real)fmaf((float)a, (float)b, (float)s);
        }
        c = first ? s : c + s;
    }
    return c;
}

/* What C holds after the product. */
static void expect(Case *t)
{
    for (int fused = 0; fused < 2; fused++) {
        memcpy(t->after[fused], t->before, t->extent * sizeof(real));
        for (size_t i = 0; i < t->x.m; i++)
            for (size_t j = 0; j < t->x.n; j++)
                t->after[fused][i * t->x.ldc + j] = sum_of(&t->x, t->before[i * t->x.ldc + j], fused, i, j);
    }
}

static Case make_case(Random *r, size_t m, size_t n, size_t k, Layout la, Layout lb, bool accumulate, size_t gap)
{
    Case t = {.x = {.la = la, .lb = lb, .m = m, .n = n, .k = k, .accumulate = accumulate}};
    t.x.lda = (la == PLAIN ? k : m) + gap;
    t.x.ldb = (lb == PLAIN ? n : k) + gap;
    t.x.ldc = n + gap;
    t.x.a = t.a = la == PLAIN ? numbers(r, m, k, t.x.lda) : numbers(r, k, m, t.x.lda);
    t.x.b = t.b = lb == PLAIN ? numbers(r, k, n, t.x.ldb) : numbers(r, n, k, t.x.ldb);
    t.before = numbers(r, m, n, t.x.ldc);
    t.extent = (m - 1) * t.x.ldc + n;
    t.x.c = t.c = numbers(r, m, n, t.x.ldc);
    t.after[0] = numbers(r, m, n, t.x.ldc);
    t.after[1] = numbers(r, m, n, t.x.ldc);
    return t;
}

static void free_case(Case *t)
{
    free(t->a);
    free(t->b);
    free(t->c);
    free(t->before);
    free(t->after[0]);
    free(t->after[1]);
}

/* C as it is before a product. */
static void reset(Case *t)
{
    memcpy(t->c, t->before, t->extent * sizeof(real));
}

static bool same(real x, real y)
{
    return memcmp(&x, &y, sizeof x) == 0 || (isnan(x) && isnan(y));
}

/* Checks all of C, what lies between its rows too. */
static void check_case(const Case *t, const Kernel *kernel, int line)
{
    const Product *x = &t->x;
    for (size_t at = 0; at < t->extent; at++) {
        real want = t->after[kernel->fused][at], got = t->c[at];
        if (!same(want, got))
            cr_assert_fail("line %d: %s: %zu x %zu x %zu%s%s%s, [%zu, %zu]: expected %.9g, found %.9g", line, kernel->name, x->m, x->n,
                           x->k, x->la == TRANSPOSED ? ", A transposed" : "", x->lb == TRANSPOSED ? ", B transposed" : "",
                           x->accumulate ? ", accumulated" : "", at / x->ldc, at % x->ldc, (double)want, (double)got);
    }
}

/* The kernels this processor can run: the readable one is 0. NULL after the last. */
static const Kernel *kernel_at(int i)
{
    if (i == 0)
        return &matmul_plain;
    for (int f = 0; f < MATMUL_FAST_COUNT; f++)
        if (matmul_fast[f].usable() && --i == 0)
            return &matmul_fast[f];
    return NULL;
}

static void check_shape(Random *r, size_t m, size_t n, size_t k, size_t gap, int line)
{
    const Kernel *kernel;
    for (int how = 0; how < 8; how++) {
        Case t = make_case(r, m, n, k, how & 1 ? TRANSPOSED : PLAIN, how & 2 ? TRANSPOSED : PLAIN, how & 4, gap);
        expect(&t);
        for (int i = 0; (kernel = kernel_at(i)) != NULL; i++) {
            reset(&t);
            kernel->run(&t.x);
            check_case(&t, kernel, line);
        }
        free_case(&t);
    }
}

/* ---- every kernel, bit for bit ---- */

Test(matmul, small_shapes)
{
    Random r = random_seeded(1);
    for (size_t m = 1; m <= 18; m += m < 9 ? 1 : 3)
        for (size_t n = 1; n <= 35; n += m < 3 ? 1 : 2)
            for (size_t k = 1 + (m + n) % 3; k <= 34; k += 3)
                check_shape(&r, m, n, k, (m + n + k) % 3, __LINE__);
}

Test(matmul, random_shapes)
{
    Random r = random_seeded(2);
    for (int i = 0; i < 80; i++) {
        size_t m = 1 + random_below(&r, 70), n = 1 + random_below(&r, 130), k = 1 + random_below(&r, i % 5 == 0 ? 500 : 90);
        check_shape(&r, m, n, k, random_below(&r, 9), __LINE__);
    }
}

/* Each line is there for a path of the fast kernel. */
Test(matmul, large_shapes)
{
    Random r = random_seeded(3);
    check_shape(&r, 64, 64, 64, 0, __LINE__);
    check_shape(&r, 40, 96, 200, 0, __LINE__); /* strips of B are copied */
    check_shape(&r, 3, 300, 2 * MATMUL_BLOCK, 0, __LINE__);
    check_shape(&r, 2, 20, 2 * MATMUL_BLOCK + 1, 1, __LINE__);
    check_shape(&r, 257, 256, 193, 0, __LINE__); /* two bands, a transposed A is copied */
    check_shape(&r, 530, 19, 5, 2, __LINE__);
    check_shape(&r, 3, 2, 6200, 0, __LINE__);   /* B is turned in several depths … */
    check_shape(&r, 100, 130, 70, 0, __LINE__); /* … and for many rows */
    check_shape(&r, 17, 40, 1600, 0, __LINE__); /* A is turned in several depths … */
    check_shape(&r, 95, 200, 400, 3, __LINE__); /* … and C in several blocks */
    check_shape(&r, 1, 1500, 400, 0, __LINE__); /* one row */
    check_shape(&r, 1, 7, 900, 0, __LINE__);
    check_shape(&r, 600, 1, 300, 0, __LINE__); /* one column */
}

static void check_several(Random *r, size_t count, size_t m, size_t n, size_t k, Layout lb, size_t gap)
{
    const Kernel *kernel;
    const size_t ldb = (lb == PLAIN ? n : k) + gap, rows = lb == PLAIN ? k : n;
    const size_t step_a = m * k + gap, step_b = rows * ldb, step_c = m * n + gap;
    real *a = numbers(r, count, m * k, step_a), *b = numbers(r, count, (rows - 1) * ldb + (lb == PLAIN ? n : k), step_b);
    real *c = numbers(r, count, m * n, step_c);
    Several x = {{.c = c, .ldc = n, .a = a, .lda = k, .la = PLAIN, .b = b, .ldb = ldb, .lb = lb, .m = m, .n = n, .k = k}, count, step_c, step_a, step_b};
    for (int i = 0; (kernel = kernel_at(i)) != NULL; i++) {
        kernel->run_several(&x);
        for (size_t q = 0; q < count; q++) {
            const Product nth = several_nth(&x, q);
            for (size_t at = 0; at < m * n; at++) {
                real want = sum_of(&nth, 0, kernel->fused, at / n, at % n), got = c[q * step_c + at];
                cr_assert(same(want, got), "%s: product %zu of %zu, %zu x %zu x %zu, [%zu, %zu]: expected %.9g, found %.9g", kernel->name, q, count, m, n,
                          k, at / n, at % n, (double)want, (double)got);
            }
        }
    }
    free(a);
    free(b);
    free(c);
}

/* Those of attention's heads: short rows of B, of each width of vector a half, and others; more heads and rows than are computed together. */
Test(matmul, several)
{
    Random r = random_seeded(6);
    static const size_t counts[] = {1, 3, 4, 9}, rows[] = {1, 2, 3, 7, 9}, columns[] = {2, 4, 8, 13, 40}, depths[] = {1, 8, 200};
    for (size_t at = 0; at < 4 * 5 * 5 * 3; at++)
        check_several(&r, counts[at % 4], rows[at / 4 % 5], columns[at / 20 % 5], depths[at / 100], at % 7 == 0 ? TRANSPOSED : PLAIN, at % 3);
}

/* -inf from a mask and NaN stay in their row of A or column of B. */
Test(matmul, infinities_stay_in_their_row)
{
    Random r = random_seeded(4);
    const Kernel *kernel;
    for (int how = 0; how < 4; how++) {
        Case t = make_case(&r, 19, 37, 43, how & 1 ? TRANSPOSED : PLAIN, how & 2 ? TRANSPOSED : PLAIN, false, 0);
        t.a[how & 1 ? 7 * t.x.lda + 5 : 5 * t.x.lda + 7] = (real)-INFINITY;
        t.b[how & 2 ? 36 * t.x.ldb + 3 : 3 * t.x.ldb + 36] = (real)NAN;
        expect(&t);
        for (int i = 0; (kernel = kernel_at(i)) != NULL; i++) {
            reset(&t);
            kernel->run(&t.x);
            check_case(&t, kernel, __LINE__);
            for (size_t j = 0; j < t.x.n; j++)
                for (size_t row = 0; row < t.x.m; row++)
                    cr_assert_eq(isfinite(t.c[row * t.x.ldc + j]) != 0, row != 5 && j != 36, "%s: [%zu, %zu]", kernel->name, row, j);
        }
        free_case(&t);
    }
}

/* A row has the same bits alone and among others, and so has a column: a text fed token by token gives what it gives at once. */
Test(matmul, rows_and_columns_do_not_depend_on_others)
{
    Random r = random_seeded(5);
    const Kernel *kernel;
    for (int how = 0; how < 2; how++) {
        Case t = make_case(&r, 33, 100, 500, PLAIN, how ? TRANSPOSED : PLAIN, false, 0);
        for (int i = 0; (kernel = kernel_at(i)) != NULL; i++) {
            real row[100], column[33];
            kernel->run(&t.x);
            for (size_t at = 0; at < 33; at++) {
                Product x = t.x;
                x.m = 1;
                x.a += at * x.lda;
                x.c = row;
                kernel->run(&x);
                cr_assert_eq(memcmp(row, t.c + at * t.x.ldc, sizeof row), 0, "%s: row %zu", kernel->name, at);
            }
            for (size_t at = 0; at < 100; at++) {
                Product x = t.x;
                x.n = 1;
                x.b += how ? at * x.ldb : at;
                x.c = column;
                x.ldc = 1;
                kernel->run(&x);
                for (size_t k = 0; k < 33; k++)
                    cr_assert(same(column[k], t.c[k * t.x.ldc + at]), "%s: column %zu", kernel->name, at);
            }
        }
        free_case(&t);
    }
}

/* ---- the error ---- */

/* The largest error of c [n] relative to Σ|a||b|, in units of the precision, against sums in long double. */
static double error_of(const Case *t)
{
    double worst = 0;
    for (size_t j = 0; j < t->x.n; j++) {
        long double sum = 0, size = 0;
        for (size_t p = 0; p < t->x.k; p++) {
            long double product = (long double)t->a[p] * (long double)b_of(&t->x, p, j);
            sum += product;
            size += fabsl(product);
        }
        double error = (double)(fabsl((long double)t->c[j] - sum) / size) / (REAL_IS_DOUBLE ? DBL_EPSILON : (double)FLT_EPSILON);
        worst = error > worst ? error : worst;
    }
    return worst;
}

/* Sums of products of numbers of one sign, the case where rounding errors grow most: with k in a plain sum (so the bound
 * below is no empty promise), not with k here. */
Test(matmul, error_does_not_grow_with_k)
{
    Random r = random_seeded(6);
    const Kernel *kernel;
    const double bound = 12;
    for (int how = 0; how < 2; how++) {
        Case t = make_case(&r, 1, 40, 50257, PLAIN, how ? TRANSPOSED : PLAIN, false, 0);
        for (size_t i = 0; i < t.x.k; i++)
            t.a[i] = (real)random_uniform(&r);
        for (size_t i = 0; i < t.x.k * t.x.n; i++)
            t.b[i] = (real)random_uniform(&r);
        for (int i = 0; (kernel = kernel_at(i)) != NULL; i++) {
            kernel->run(&t.x);
            double error = error_of(&t);
            cr_assert_lt(error, bound, "%s: %.1f units", kernel->name, error);
        }
        for (size_t j = 0; j < t.x.n; j++) {
            t.c[j] = 0;
            for (size_t p = 0; p < t.x.k; p++)
                t.c[j] += t.a[p] * b_of(&t.x, p, j);
        }
        double error = error_of(&t);
        cr_assert_gt(error, 4 * bound, "a plain sum: %.1f units", error);
        free_case(&t);
    }
}

/* ---- matmul() ---- */

Test(matmul, nothing_to_sum_or_to_write)
{
    real c[6] = {1, 2, 3, 4, 5, 6};
    matmul(c, 3, NULL, 0, PLAIN, NULL, 3, PLAIN, 2, 2, 0, true);
    cr_assert_arr_eq(c, ((real[]){1, 2, 3, 4, 5, 6}), sizeof c);
    matmul(c, 3, NULL, 0, PLAIN, NULL, 3, PLAIN, 2, 2, 0, false);
    cr_assert_arr_eq(c, ((real[]){0, 0, 3, 0, 0, 6}), sizeof c);
    matmul(NULL, 3, NULL, 5, PLAIN, NULL, 3, TRANSPOSED, 0, 3, 5, false);
    matmul(NULL, 0, NULL, 5, PLAIN, NULL, 0, PLAIN, 3, 0, 5, true);
}

Test(matmul, uses_the_kernel_it_names)
{
    Random r = random_seeded(7);
    const Kernel *kernel = matmul_kernel();
    cr_assert(kernel->usable());
    cr_assert_str_eq(matmul_name(), kernel->name);
#if defined PLAIN_MATMUL
    cr_assert_eq(kernel, &matmul_plain);
#else
    cr_assert(kernel >= matmul_fast && kernel < matmul_fast + MATMUL_FAST_COUNT);
#endif
    Case t = make_case(&r, 20, 30, 40, TRANSPOSED, TRANSPOSED, true, 2);
    expect(&t);
    reset(&t);
    matmul(t.c, t.x.ldc, t.a, t.x.lda, TRANSPOSED, t.b, t.x.ldb, TRANSPOSED, 20, 30, 40, true);
    check_case(&t, kernel, __LINE__);
    free_case(&t);
}

/* ---- threads ---- */

Test(matmul, same_bits_from_any_number_of_threads)
{
    static const size_t shapes[][3] = {{64, 384, 200}, {1, 3000, 400}, {400, 60, 200}, {50, 50, 50}, {70, 700, 90}};
    static const int threads[] = {1, 2, 3, 7};
    Random r = random_seeded(8);
    const Kernel *kernel;
    for (size_t s = 0; s < sizeof shapes / sizeof *shapes; s++)
        for (int how = 0; how < 8; how++) {
            Case t = make_case(&r, shapes[s][0], shapes[s][1], shapes[s][2], how & 1 ? TRANSPOSED : PLAIN, how & 2 ? TRANSPOSED : PLAIN,
                               how & 4, 1);
            real *once = malloc(t.extent * sizeof *once);
            cr_assert_not_null(once);
            for (int i = 0; (kernel = kernel_at(i)) != NULL; i++) {
                reset(&t);
                kernel->run(&t.x);
                memcpy(once, t.c, t.extent * sizeof *once);
                for (size_t n = 0; n < 4; n++)
                    for (size_t parts = (size_t)threads[n]; parts < 40; parts = 3 * parts + 1) {
                        reset(&t);
                        matmul_run(kernel, &t.x, threads[n], parts);
                        cr_assert_eq(memcmp(t.c, once, t.extent * sizeof *once), 0, "%s: shape %zu, %d threads, %zu parts", kernel->name, s,
                                     threads[n], parts);
                    }
            }
            free(once);
            free_case(&t);
        }
}

/* The same through matmul(), with a product large enough for it to use several. */
Test(matmul, same_bits_whatever_is_set)
{
    Random r = random_seeded(9);
    Case t = make_case(&r, 192, 768, 1024, PLAIN, PLAIN, false, 0);
    real *once = malloc(t.extent * sizeof *once);
    cr_assert_not_null(once);
    for (int threads = 1; threads <= 7; threads++) {
        matmul_set_threads(threads);
        cr_assert_eq(matmul_threads(), threads);
        memset(t.c, 0xff, t.extent * sizeof *t.c);
        matmul(t.c, t.x.ldc, t.a, t.x.lda, PLAIN, t.b, t.x.ldb, PLAIN, 192, 768, 1024, false);
        if (threads == 1)
            memcpy(once, t.c, t.extent * sizeof *once);
        cr_assert_eq(memcmp(t.c, once, t.extent * sizeof *once), 0, "%d threads", threads);
    }
    free(once);
    free_case(&t);
}

Test(matmul, number_of_threads)
{
    matmul_set_threads(0);
    cr_assert_eq(matmul_threads(), 1);
    matmul_set_threads(-3);
    cr_assert_eq(matmul_threads(), 1);
    matmul_set_threads(1 << 20);
    cr_assert_eq(matmul_threads(), THREADS_MAX);
}

Test(matmul, number_of_threads_from_the_environment)
{
    setenv("STEPFORMER_THREADS", "5", 1);
    cr_assert_eq(matmul_threads(), 5);
}

Test(matmul, number_of_threads_from_nonsense)
{
    setenv("STEPFORMER_THREADS", "3 or so", 1);
    cr_assert_eq(matmul_threads(), threads_processors());
    cr_assert_geq(threads_processors(), 1);
}

/* ---- the pool ---- */

enum { TASKS = 1000 };

typedef struct Tally {
    atomic_int calls[TASKS];
    atomic_int inside;
} Tally;

static void count_call(void *context, size_t i)
{
    Tally *t = context;
    atomic_fetch_add(&t->calls[i], 1);
}

static void check_tally(Tally *t, size_t n)
{
    for (size_t i = 0; i < TASKS; i++)
        cr_assert_eq(atomic_load(&t->calls[i]), i < n, "task %zu of %zu ran %d times", i, n, atomic_load(&t->calls[i]));
    memset(t, 0, sizeof *t);
}

Test(threads, each_task_runs_once)
{
    Tally t = {.inside = 0};
    for (int threads = -1; threads <= 9; threads++)
        for (size_t n = 0; n <= TASKS; n = 3 * n + 1) {
            threads_run(n, threads, count_call, &t);
            check_tally(&t, n);
        }
    threads_run(TASKS, 1 << 20, count_call, &t);
    check_tally(&t, TASKS);
}

/* Two tasks that wait for each other can only end on two threads. */
static void meet(void *context, size_t i)
{
    atomic_int *arrived = context;
    (void)i;
    atomic_fetch_add(arrived, 1);
    while (atomic_load(arrived) % 2 != 0)
        usleep(100);
}

Test(threads, are_really_several, .timeout = 20)
{
    for (int round = 0; round < 20; round++) {
        atomic_int arrived = 0;
        threads_run(2, 2, meet, &arrived);
        cr_assert_eq(atomic_load(&arrived), 2);
    }
}

static void run_inner(void *context, size_t i)
{
    Tally *t = context;
    (void)i;
    atomic_fetch_add(&t->inside, threads_inside());
    threads_run(TASKS / 4, 4, count_call, t);
}

Test(threads, a_task_may_ask_for_threads_itself, .timeout = 20)
{
    Tally t = {.inside = 0};
    threads_run(4, 4, run_inner, &t);
    cr_assert_eq(atomic_load(&t.inside), 4);
    cr_assert_not(threads_inside());
    for (size_t i = 0; i < TASKS; i++)
        cr_assert_eq(atomic_load(&t.calls[i]), i < TASKS / 4 ? 4 : 0);
}

static void *run_outer(void *context)
{
    for (int i = 0; i < 200; i++)
        threads_run(TASKS, 3, count_call, context);
    return NULL;
}

Test(threads, two_callers_at_once, .timeout = 60)
{
    Tally t = {.inside = 0}, other = {.inside = 0};
    pthread_t thread;
    cr_assert_eq(pthread_create(&thread, NULL, run_outer, &other), 0);
    run_outer(&t);
    pthread_join(thread, NULL);
    for (size_t i = 0; i < TASKS; i++)
        cr_assert(atomic_load(&t.calls[i]) == 200 && atomic_load(&other.calls[i]) == 200);
}

/* After a fork the child has no workers of its parent's and makes its own. (The parent's has begun by then: a thread that is just
 * being made may hold a lock of the sanitizers', which the child would wait for.) */
Test(threads, work_after_a_fork, .timeout = 20)
{
    atomic_int arrived = 0;
    threads_run(2, 2, meet, &arrived);
    pid_t child = fork();
    if (child == 0) {
        arrived = 0;
        threads_run(2, 2, meet, &arrived);
        _exit(atomic_load(&arrived));
    }
    int status = 0;
    cr_assert_eq(waitpid(child, &status, 0), child);
    cr_assert(WIFEXITED(status) && WEXITSTATUS(status) == 2);
}
