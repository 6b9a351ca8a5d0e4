/* elementwise.c - the loops where most time goes after the matrix product: exp, and what is made of it.
 *
 * Owns no state. The loops are plain C; the compiler turns them into vector instructions, once for each width of vector
 * (target_clones), and the processor's is chosen when the program starts. Multiplications and additions are not fused here and every sum is taken
 * in LANES parts that are added in one order, so that the result is the same for every width. The double build takes libm's exp. */
#include "tensor/kernels.h"

#include <stdint.h>
#include <string.h>

#if defined __x86_64__ && defined __gnu_linux__ && !defined __SANITIZE_ADDRESS__ && !defined __clang__
#define CLONES __attribute__((target_clones("avx512f", "avx2", "default")))
#else
#define CLONES
#endif

/* The functions that a loop calls become part of it. */
#define INLINED __attribute__((always_inline))

enum { LANES = 16 };

/* A few numbers side by side: what a sum over a row is taken in. */
typedef real Lanes __attribute__((vector_size(LANES * sizeof(real))));

/* ---- exp ---- */

/* e^x = 2^n * e^r, n = round(x / ln 2), |r| <= ln(2) / 2, e^r by a polynomial (coefficients: Cephes' expf, Moshier 1992). Within 2 units in
 * the last place; below -87.3, where a float would lose digits, 0. */
static inline float exp_float(float x)
{
    const float LOW = -87.33654f, HIGH = 88.72283f, ROUND = 12582912.0f; /* adding 1.5 * 2^23 rounds to an integer */
    float c = x > LOW ? x : LOW;
    c = c < HIGH ? c : HIGH;
    float rounded = c * 1.44269504f + ROUND, n = rounded - ROUND;
    float r = c - n * 0.693359375f; /* ln 2 in two parts: the first times n is exact */
    r = r + n * 2.12194440e-4f;
    float p = 1.9875691500e-4f;
    p = p * r + 1.3981999507e-3f;
    p = p * r + 8.3334519073e-3f;
    p = p * r + 4.1665795894e-2f;
    p = p * r + 1.6666665459e-1f;
    p = p * r + 5.0000001201e-1f;
    p = p * r * r + r + 1.0f;
    /* times 2^n: n, which the last bits of `rounded` hold, is added to the exponent. (Where n is 128, p is below 1.) */
    uint32_t shift, bits;
    memcpy(&shift, &rounded, sizeof shift);
    memcpy(&bits, &p, sizeof bits);
    bits += shift << 23;
    float y;
    memcpy(&y, &bits, sizeof y);
    y = x < LOW ? 0.0f : y;
    return x <= HIGH ? y : x + INFINITY; /* nan stays nan */
}

#define exp_of(x) _Generic((x), float: exp_float, double: exp)(x)

#define root_of(x) _Generic((x), float: sqrtf, double: sqrt)(x)

/* ---- a function of each number ---- */

typedef real (*OfOne)(real x, real other);

static inline INLINED void each_lane(OfOne f, real *y, const real *x, real other)
{
    real lanes[LANES];
    memcpy(lanes, x, sizeof lanes);
    for (size_t k = 0; k < LANES; k++)
        lanes[k] = f(lanes[k], other);
    memcpy(y, lanes, sizeof lanes);
}

/* y [n] = f(x [n], other); y may be x. What is left behind the last whole LANES is done in the last LANES numbers, of which some are done twice:
 * a few exps one by one would take as long as a short row. */
static inline INLINED void each(OfOne f, real *y, const real *x, real other, size_t n)
{
    real last[LANES];
    if (n < LANES) {
        for (size_t k = 0; k < LANES; k++)
            last[k] = k < n ? x[k] : 0;
        each_lane(f, last, last, other);
        for (size_t k = 0; k < n; k++)
            y[k] = last[k];
        return;
    }
    if (n % LANES)
        each_lane(f, last, x + n - LANES, other);
    for (size_t j = 0; j + LANES <= n; j += LANES)
        each_lane(f, y + j, x + j, other);
    if (n % LANES)
        memcpy(y + n - LANES, last, sizeof last);
}

/* ---- softmax ---- */

static inline real exp_less(real x, real most)
{
    return exp_of(x - most);
}

/* All bits of a lane set where a comparison holds. */
typedef __typeof__((Lanes){0} > (Lanes){0}) LaneMask;

/* Each of the lanes becomes the larger of itself and a number of x. */
static inline void take_larger(Lanes *most, const real *x)
{
    Lanes part;
    memcpy(&part, x, sizeof part);
    LaneMask more = part > *most;
    *most = (Lanes)((more & (LaneMask)part) | (~more & (LaneMask)*most));
}

static inline real largest(const real *x, size_t n)
{
    real max = x[0];
    if (n < LANES) {
        for (size_t j = 1; j < n; j++)
            max = x[j] > max ? x[j] : max;
        return max;
    }
    Lanes most;
    real lanes[LANES];
    memcpy(&most, x, sizeof most);
    for (size_t j = LANES; j + LANES <= n; j += LANES)
        take_larger(&most, x + j);
    take_larger(&most, x + n - LANES); /* what is left, and some once more */
    memcpy(lanes, &most, sizeof lanes);
    for (size_t half = LANES / 2; half > 0; half /= 2)
        for (size_t k = 0; k < half; k++)
            lanes[k] = lanes[k + half] > lanes[k] ? lanes[k + half] : lanes[k];
    return lanes[0];
}

/* The sum of the lanes and of the numbers behind them, n < LANES: neighbours of neighbours first. */
static inline real total(const Lanes *lanes, const real *rest, size_t n)
{
    real sums[LANES];
    memcpy(sums, lanes, sizeof sums);
    for (size_t k = 0; k < n; k++)
        sums[k] += rest[k];
    for (size_t half = LANES / 2; half > 0; half /= 2)
        for (size_t k = 0; k < half; k++)
            sums[k] += sums[k + half];
    return sums[0];
}

/* The sum of a row. */
static inline real sum_of(const real *x, size_t d)
{
    Lanes sums = {0}, part;
    size_t j = 0;
    for (; j + LANES <= d; j += LANES) {
        memcpy(&part, x + j, sizeof part);
        sums += part;
    }
    return total(&sums, x + j, d - j);
}

/* Several short rows go through each step together: their largest and their sums do not wait for each other. */
CLONES void softmax_rows(real *y, const real *x, size_t m, size_t n)
{
    enum { TOGETHER = 8, SHORT = 1024 };
    real most[TOGETHER], scale[TOGETHER];
    for (size_t i = 0, rows; i < m; i += rows, x += rows * n, y += rows * n) {
        rows = n > SHORT ? 1 : m - i < TOGETHER ? m - i : TOGETHER;
        for (size_t r = 0; r < rows; r++)
            most[r] = largest(x + r * n, n); /* taken off every entry: the result is the same, and exp cannot overflow */
        for (size_t r = 0; r < rows; r++)
            each(exp_less, y + r * n, x + r * n, most[r], n);
        for (size_t r = 0; r < rows; r++)
            scale[r] = 1 / sum_of(y + r * n, n);
        for (size_t r = 0; r < rows; r++)
            for (size_t j = 0; j < n; j++)
                y[r * n + j] *= scale[r];
    }
}

CLONES void softmax_backward(real *restrict dx, const real *dy, const real *y, size_t m, size_t n)
{
    for (size_t i = 0; i < m; i++, dx += n, dy += n, y += n) {
        Lanes sums = {0}, a, b;
        real rest[LANES];
        size_t j = 0;
        for (; j + LANES <= n; j += LANES) {
            memcpy(&a, dy + j, sizeof a);
            memcpy(&b, y + j, sizeof b);
            sums += a * b;
        }
        for (size_t k = 0; j + k < n; k++)
            rest[k] = dy[j + k] * y[j + k];
        real dot = total(&sums, rest, n - j);
        for (j = 0; j < n; j++)
            dx[j] += y[j] * (dy[j] - dot);
    }
}

/* ---- activations ---- */

CLONES void relu_forward(real *y, const real *x, size_t n)
{
    for (size_t i = 0; i < n; i++)
        y[i] = x[i] > 0 ? x[i] : 0;
}

CLONES void relu_backward(real *dx, const real *dy, const real *x, size_t n)
{
    for (size_t i = 0; i < n; i++)
        dx[i] += x[i] > 0 ? dy[i] : 0;
}

static const real INV_SQRT_2 = (real)0.707106781186547524401;
static const real INV_SQRT_2PI = (real)0.398942280401432677940;
static const real SQRT_8_OVER_PI = (real)1.59576912160573071176;
static const real GELU_CUBIC = (real)0.044715;

void gelu_forward(real *y, const real *x, size_t n)
{
    for (size_t i = 0; i < n; i++)
        y[i] = x[i] * (real)0.5 * (1 + real_erf(x[i] * INV_SQRT_2));
}

void gelu_backward(real *dx, const real *dy, const real *x, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        real slope = (real)0.5 * (1 + real_erf(x[i] * INV_SQRT_2)) + x[i] * INV_SQRT_2PI * exp_of(-x[i] * x[i] / 2);
        dx[i] += dy[i] * slope;
    }
}

/* (1 + tanh(u)) / 2 = sigmoid(2u), and the sigmoid loses no digits where tanh is near -1. */
static inline real gelu_tanh_share(real x)
{
    return 1 / (1 + exp_of(-SQRT_8_OVER_PI * (x + GELU_CUBIC * x * x * x)));
}

static inline real gelu_tanh(real x, real unused)
{
    (void)unused;
    return x * gelu_tanh_share(x);
}

CLONES void gelu_tanh_forward(real *y, const real *x, size_t n)
{
    each(gelu_tanh, y, x, 0, n);
}

CLONES void gelu_tanh_backward(real *dx, const real *dy, const real *x, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        real s = gelu_tanh_share(x[i]);
        real inner = SQRT_8_OVER_PI * (1 + 3 * GELU_CUBIC * x[i] * x[i]);
        dx[i] += dy[i] * (s + x[i] * s * (1 - s) * inner);
    }
}

static inline real silu(real x, real unused)
{
    (void)unused;
    return x / (1 + exp_of(-x));
}

CLONES void silu_forward(real *y, const real *x, size_t n)
{
    each(silu, y, x, 0, n);
}

CLONES void silu_backward(real *dx, const real *dy, const real *x, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        real s = 1 / (1 + exp_of(-x[i]));
        dx[i] += dy[i] * s * (1 + x[i] * (1 - s));
    }
}

/* ---- norms ---- */

/* The sum of (x - shift)² over a row. */
static inline real squares_of(const real *x, real shift, size_t d)
{
    Lanes sums = {0}, part;
    real rest[LANES];
    size_t j = 0;
    for (; j + LANES <= d; j += LANES) {
        memcpy(&part, x + j, sizeof part);
        part -= shift;
        sums += part * part;
    }
    for (size_t k = 0; j + k < d; k++)
        rest[k] = (x[j + k] - shift) * (x[j + k] - shift);
    return total(&sums, rest, d - j);
}

/* 1 / sqrt(mean of (x - shift)² + eps) */
static inline real scale_of(const real *x, real shift, size_t d, double eps)
{
    return (real)(1 / sqrt((double)squares_of(x, shift, d) / (double)d + eps));
}

CLONES void layernorm_forward(real *y, const real *x, const real *gain, const real *bias, size_t m, size_t d, double eps)
{
    for (size_t i = 0; i < m; i++, x += d, y += d) {
        real mean = sum_of(x, d) / (real)d;
        real scale = scale_of(x, mean, d, eps);
        for (size_t j = 0; j < d; j++)
            y[j] = (x[j] - mean) * scale * gain[j] + bias[j];
    }
}

CLONES void rmsnorm_forward(real *y, const real *x, const real *gain, size_t m, size_t d, double eps)
{
    for (size_t i = 0; i < m; i++, x += d, y += d) {
        real scale = scale_of(x, 0, d, eps);
        for (size_t j = 0; j < d; j++)
            y[j] = x[j] * scale * gain[j];
    }
}

/* With n = (x - mean) * scale and g = dy * gain:
 *   dx = scale * (g - mean(g) - n * mean(g * n))
 * the last two because mean and variance depend on x; RMSNorm has no mean, and so not the first of them. */
static inline void norm_backward_row(real *restrict dx, real *restrict dgain, real *restrict dbias, const real *restrict dy,
                                     const real *restrict x, const real *restrict gain, real mean, real scale, size_t d)
{
    Lanes g_sums = {0}, gn_sums = {0}, a, b;
    real g_rest[LANES], gn_rest[LANES];
    size_t j = 0;
    for (; j + LANES <= d; j += LANES) {
        memcpy(&a, dy + j, sizeof a);
        memcpy(&b, gain + j, sizeof b);
        a *= b;
        memcpy(&b, x + j, sizeof b);
        g_sums += a;
        gn_sums += a * ((b - mean) * scale);
    }
    for (size_t k = 0; j + k < d; k++) {
        g_rest[k] = dy[j + k] * gain[j + k];
        gn_rest[k] = g_rest[k] * ((x[j + k] - mean) * scale);
    }
    real g_mean = dbias ? total(&g_sums, g_rest, d - j) / (real)d : 0, gn_mean = total(&gn_sums, gn_rest, d - j) / (real)d;
    for (j = 0; j < d; j++) {
        real n = (x[j] - mean) * scale;
        dx[j] += scale * (dy[j] * gain[j] - g_mean - n * gn_mean);
        dgain[j] += dy[j] * n;
    }
    for (j = 0; dbias && j < d; j++)
        dbias[j] += dy[j];
}

CLONES void layernorm_backward(real *dx, real *dgain, real *dbias, const real *dy, const real *x, const real *gain, size_t m, size_t d, double eps)
{
    for (size_t i = 0; i < m; i++, x += d, dx += d, dy += d) {
        real mean = sum_of(x, d) / (real)d;
        norm_backward_row(dx, dgain, dbias, dy, x, gain, mean, scale_of(x, mean, d, eps), d);
    }
}

CLONES void rmsnorm_backward(real *dx, real *dgain, const real *dy, const real *x, const real *gain, size_t m, size_t d, double eps)
{
    for (size_t i = 0; i < m; i++, x += d, dx += d, dy += d)
        norm_backward_row(dx, dgain, NULL, dy, x, gain, 0, scale_of(x, 0, d, eps), d);
}

CLONES void add_to(real *y, const real *x, size_t n)
{
    for (size_t i = 0; i < n; i++)
        y[i] += x[i];
}

CLONES void add_to_rows(real *restrict y, const real *restrict x, size_t m, size_t n)
{
    for (size_t i = 0; i < m; i++)
        for (size_t j = 0; j < n; j++)
            y[i * n + j] += x[j];
}

/* A few columns at a time, so that their sums stay in registers. */
CLONES void add_rows_to(real *restrict y, const real *restrict x, size_t m, size_t n)
{
    enum { WIDE = 4 };
    Lanes sums[WIDE], part;
    size_t j = 0;
    for (; j + WIDE * LANES <= n; j += WIDE * LANES) {
        memcpy(sums, y + j, sizeof sums);
        for (size_t i = 0; i < m; i++)
            for (size_t k = 0; k < WIDE; k++) {
                memcpy(&part, x + i * n + j + k * LANES, sizeof part);
                sums[k] += part;
            }
        memcpy(y + j, sums, sizeof sums);
    }
    for (size_t i = 0; i < m; i++)
        for (size_t k = j; k < n; k++)
            y[k] += x[i * n + k];
}

CLONES void add_forward(real *y, const real *a, const real *b, size_t n)
{
    for (size_t i = 0; i < n; i++)
        y[i] = a[i] + b[i];
}

CLONES void multiply_forward(real *y, const real *a, const real *b, size_t n)
{
    for (size_t i = 0; i < n; i++)
        y[i] = a[i] * b[i];
}

CLONES void scale_forward(real *y, const real *x, real factor, size_t n)
{
    for (size_t i = 0; i < n; i++)
        y[i] = x[i] * factor;
}

CLONES void scale_backward(real *dx, const real *dy, real factor, size_t n)
{
    for (size_t i = 0; i < n; i++)
        dx[i] += dy[i] * factor;
}

CLONES real row_largest(const real *x, size_t n, bool *odd)
{
    int found = 0;
    for (size_t i = 0; i < n; i++)
        found |= !(x[i] < (real)INFINITY);
    *odd = found;
    return largest(x, n);
}

CLONES double sum_of_squares(const real *x, size_t n)
{
    double sums[LANES] = {0}, sum = 0;
    size_t i = 0;
    for (; i + LANES <= n; i += LANES)
        for (size_t k = 0; k < LANES; k++)
            sums[k] += (double)x[i + k] * (double)x[i + k];
    for (size_t k = 0; i < n; i++, k++)
        sums[k] += (double)x[i] * (double)x[i];
    for (int k = 0; k < LANES; k++)
        sum += sums[k];
    return sum;
}

/* ---- the optimiser ---- */

CLONES void adam_step(real *restrict w, real *restrict m, real *restrict v, const real *restrict g, size_t n, const AdamFactors *f)
{
    const AdamFactors k = *f;
    for (size_t i = 0; i < n; i++) {
        real d = g[i] * k.scale;
        m[i] = k.beta1 * m[i] + k.rest1 * d;
        v[i] = k.beta2 * v[i] + k.rest2 * (d * d);
        w[i] = w[i] * k.keep - k.size * m[i] / (root_of(v[i]) * k.correction + k.eps);
    }
}
