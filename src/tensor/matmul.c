/* matmul.c - the matrix product: the readable loop, the choice of a kernel, the work of several threads.
 *
 * Owns how many threads a product may use. The fast kernels are in matmul_fast.c. */
#include "tensor/matmul.h"

#include "tensor/kernels.h"
#include "tensor/matmul_kernels.h"
#include "tensor/matrix.h"
#include "tensor/threads.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

/* ---- the readable loop ---- */

/* C = A · B, one block of WIDE columns and MATMUL_BLOCK values of p at a time. The block of B is copied so that it stays in the nearest
 * cache, and the innermost loop, over neighbouring columns, is one that compilers turn into vector instructions. */
static void run_plain(const Product *x)
{
    enum { WIDE = 16 };
    const size_t ai = x->la == PLAIN ? x->lda : 1, ap = x->la == PLAIN ? 1 : x->lda;
    const size_t bp = x->lb == PLAIN ? x->ldb : 1, bj = x->lb == PLAIN ? 1 : x->ldb;
    real block[MATMUL_BLOCK][WIDE];

    for (size_t j0 = 0; j0 < x->n; j0 += WIDE) {
        size_t n = x->n - j0 < WIDE ? x->n - j0 : WIDE;
        for (size_t p0 = 0; p0 < x->k; p0 += MATMUL_BLOCK) {
            size_t k = x->k - p0 < MATMUL_BLOCK ? x->k - p0 : MATMUL_BLOCK;
            for (size_t p = 0; p < k; p++)
                for (size_t j = 0; j < WIDE; j++)
                    block[p][j] = j < n ? x->b[(p0 + p) * bp + (j0 + j) * bj] : 0;

            for (size_t i = 0; i < x->m; i++) {
                const real *a = x->a + i * ai + p0 * ap;
                real *c = x->c + i * x->ldc + j0;
                real sum[WIDE] = {0};
                size_t p = 0;
                for (; p + 4 <= k; p += 4) { /* four at a time: the sums are fetched and put back less often */
                    const real a0 = a[p * ap], a1 = a[(p + 1) * ap], a2 = a[(p + 2) * ap], a3 = a[(p + 3) * ap];
                    for (size_t j = 0; j < WIDE; j++)
                        sum[j] = sum[j] + a0 * block[p][j] + a1 * block[p + 1][j] + a2 * block[p + 2][j] + a3 * block[p + 3][j];
                }
                for (; p < k; p++)
                    for (size_t j = 0; j < WIDE; j++)
                        sum[j] = sum[j] + a[p * ap] * block[p][j];
                for (size_t j = 0; j < n; j++)
                    c[j] = p0 == 0 && !x->accumulate ? sum[j] : c[j] + sum[j];
            }
        }
    }
}

static void run_several_plain(const Several *several)
{
    for (size_t i = 0; i < several->count; i++) {
        const Product x = several_nth(several, i);
        run_plain(&x);
    }
}

static bool usable_always(void)
{
    return true;
}

const Kernel matmul_plain = {"plain loop", usable_always, run_plain, run_several_plain, NULL, false, 4 * 4.0 / sizeof(real)};

/* ---- the choice ---- */

const Kernel *matmul_kernel(void)
{
#if defined PLAIN_MATMUL
    return &matmul_plain;
#else
    const Kernel *kernel = matmul_fast;
    while (!kernel->usable())
        kernel++;
    return kernel;
#endif
}

const char *matmul_name(void)
{
    return matmul_kernel()->name;
}

/* ---- threads ---- */

static atomic_int thread_limit; /* 0: not asked for yet */

void matmul_set_threads(int threads)
{
    atomic_store(&thread_limit, threads < 1 ? 1 : threads > THREADS_MAX ? THREADS_MAX : threads);
}

int matmul_threads(void)
{
    int threads = atomic_load(&thread_limit);
    if (threads == 0) {
        const char *wish = getenv("STEPFORMER_THREADS");
        char *end = NULL;
        long n = wish != NULL ? strtol(wish, &end, 10) : 0;
        bool sound = n > 0 && n <= THREADS_MAX && *end == '\0';
        matmul_set_threads(sound ? (int)n : threads_processors());
        threads = atomic_load(&thread_limit);
    }
    return threads;
}

/* A product in parts: blocks of columns of C, or of rows where there are more of them. */
typedef struct Parts {
    const Kernel *kernel;
    const Product *whole;
    size_t count, large; /* the first `large` of them are larger */
} Parts;

/* Parts begin at multiples of GRAIN, so that they do not cut the kernels' tiles. */
enum { GRAIN = 48 };

static void run_whole(const Kernel *kernel, const Product *x)
{
    if (x->b)
        kernel->run(x);
    else
        matmul_convert(kernel, x);
    if (x->bias && x->ldc == x->n)
        add_to_rows(x->c, x->bias, x->m, x->n);
    else
        for (size_t i = 0; x->bias && i < x->m; i++)
            add_to(x->c + i * x->ldc, x->bias, x->n);
}

/* The grain that part i begins with. The large parts are thrice as large as the others: long runs are read faster, and the short
 * ones behind them leave little to wait for where a thread was held up. */
static size_t part_begin(const Parts *parts, size_t grains, size_t i)
{
    const size_t large = parts->large, units = parts->count + 2 * large;
    return grains * (i < large ? 3 * i : i + 2 * large) / units;
}

static void run_part(void *context, size_t i)
{
    const Parts *parts = context;
    Product x = *parts->whole;
    const bool by_rows = x.m > x.n;
    const size_t size = by_rows ? x.m : x.n, grains = (size + GRAIN - 1) / GRAIN;
    const size_t from = part_begin(parts, grains, i) * GRAIN;
    size_t end = part_begin(parts, grains, i + 1) * GRAIN;
    if (end > size)
        end = size;
    if (from == end)
        return;
    if (by_rows) {
        x.m = end - from;
        x.a += from * (x.la == PLAIN ? x.lda : 1);
        x.c += from * x.ldc;
    } else {
        x.n = end - from;
        if (x.b)
            x.b += from * (x.lb == PLAIN ? 1 : x.ldb);
        else
            x.column += from;
        x.bias += x.bias ? from : 0;
        x.c += from;
    }
    run_whole(parts->kernel, &x);
}

/* The parts into which this product is best divided: one for each thread, where the work is worth the call of one, which looks for work while
 * there is some (threads.c). Each part costs something at its beginning; only a long product has two for each thread. */
static size_t parts_that_pay(const Kernel *kernel, const Product *x, int threads)
{
    enum { LONG = 128 }; /* parts worth a call, for each thread: some milliseconds, for which the system may well hold one up */
    const double ns_a_part = 1e4, bytes_a_ns = 20;
    if ((x->m | x->n | x->k) < 1 << 16 && x->m * x->n * x->k < 1 << 16) /* the many small ones need no such thoughts */
        return 1;
    const double work = (double)x->m * (double)x->n * (double)x->k / kernel->speed;
    const double reading = (double)x->n * (double)x->k * sizeof(real) / bytes_a_ns;
    const double parts = (work > reading ? work : reading) / ns_a_part;
    if (threads <= 1 || parts < 1 || threads_inside())
        return 1;
    return parts < LONG * threads ? (size_t)threads : 2 * (size_t)threads;
}

void matmul_run(const Kernel *kernel, const Product *x, int threads, size_t parts)
{
    if (parts == 0)
        parts = parts_that_pay(kernel, x, threads);
    if (parts == 1)
        run_whole(kernel, x);
    else
        threads_run(parts, threads, run_part, &(Parts){kernel, x, parts, parts >= 2 * (size_t)threads ? (size_t)threads : 0});
}

/* Any product, also one without rows, columns or terms. */
static void run_product(const Product *x)
{
    if (x->m == 0 || x->n == 0)
        return;
    for (size_t i = 0; x->k == 0 && i < x->m; i++) {
        if (!x->accumulate)
            memset(x->c + i * x->ldc, 0, x->n * sizeof(real));
        if (x->bias)
            add_to(x->c + i * x->ldc, x->bias, x->n);
    }
    if (x->k > 0)
        matmul_run(matmul_kernel(), x, matmul_threads(), 0);
}

void matmul(real *c, size_t ldc, const real *a, size_t lda, Layout la, const real *b, size_t ldb, Layout lb, size_t m, size_t n, size_t k,
            bool accumulate)
{
    run_product(&(Product){.c = c, .ldc = ldc, .a = a, .lda = lda, .la = la, .b = b, .ldb = ldb, .lb = lb, .m = m, .n = n, .k = k,
                           .accumulate = accumulate});
}

/* Puts B into a product: where it lies, or as something to be converted. */
static void take_matrix(Product *x, const Matrix *b)
{
    bool groups = b->group && (b->layout == PLAIN ? x->k : x->n) > b->group;
    x->ldb = b->ld;
    x->lb = b->layout;
    if (b->dtype == DTYPE_REAL && !groups)
        x->b = b->data;
    else
        x->stored = *b;
}

void matmul_matrix(real *c, size_t ldc, const real *a, size_t lda, Layout la, const Matrix *b, size_t m, size_t n, size_t k,
                   bool accumulate)
{
    Product x = {.c = c, .ldc = ldc, .a = a, .lda = lda, .la = la, .m = m, .n = n, .k = k, .accumulate = accumulate};
    take_matrix(&x, b);
    run_product(&x);
}

void matmul_biased(real *c, const real *a, const Matrix *b, const real *bias, size_t m, size_t n, size_t k)
{
    Product x = {.c = c, .ldc = n, .a = a, .lda = k, .la = PLAIN, .m = m, .n = n, .k = k, .bias = bias};
    take_matrix(&x, b);
    run_product(&x);
}

static void run_one_of(void *several, size_t i)
{
    const Product x = several_nth(several, i);
    run_product(&x);
}

void matmul_several(size_t count, real *c, size_t ldc, size_t step_c, const real *a, size_t lda, size_t step_a, const Matrix *b, size_t step_b,
                    size_t m, size_t n, size_t k)
{
    enum { WORTH = 1 << 20 }; /* multiplications that are worth the call of a thread */
    Several x = {{.c = c, .ldc = ldc, .a = a, .lda = lda, .la = PLAIN, .b = b->data, .ldb = b->ld, .lb = b->layout, .m = m, .n = n, .k = k},
                 count, step_c, step_a, step_b};
    if (count * m * n * k >= WORTH || k == 0)
        threads_run(count, matmul_threads(), run_one_of, &x);
    else if (m > 0 && n > 0)
        matmul_kernel()->run_several(&x);
}
