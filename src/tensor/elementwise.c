/* elementwise.c - the loops where most time goes after the matrix product: exp, and what is made of it.
 *
 * Owns no state. The loops are plain C; the compiler turns them into vector instructions, once for each width of vector
 * (CLONES), and the processor's is chosen when the program starts. Every sum is taken in LANES parts that are added in one order, and a
 * multiplication and an addition become one instruction, rounded once, where the processor has it: so a number is the same wherever in a row it
 * stands and whatever stands beside it. The double build takes libm's exp. */
#include "tensor/kernels.h"
#include "tensor/vectors.h"

#include <stdint.h>
#include <string.h>

enum { LANES = 16 };

/* A few numbers side by side: what a sum over a row is taken in. And as many bits, or places among them. */
typedef real Lanes __attribute__((vector_size(LANES * sizeof(real))));
typedef Index LaneBits __attribute__((vector_size(LANES * sizeof(real))));

INLINE void load_lanes(Lanes *lanes, const real *x)
{
    memcpy(lanes, x, sizeof *lanes);
}

INLINE void store_lanes(real *y, const Lanes *lanes)
{
    memcpy(y, lanes, sizeof *lanes);
}

/* The same for n < LANES numbers; the other lanes become `other`. */
INLINE void load_some(Lanes *lanes, const real *x, size_t n, real other)
{
    real all[LANES];
    const Index some = (Index)n; /* as wide as what it chooses, for the vectors' sake */
    KEEP_LOOP
    for (Index k = 0; k < LANES; k++)
        all[k] = k < some ? x[k] : other;
    memcpy(lanes, all, sizeof all);
}

INLINE void store_some(real *y, const Lanes *lanes, size_t n)
{
    real all[LANES];
    const Index some = (Index)n;
    memcpy(all, lanes, sizeof all);
    KEEP_LOOP
    for (Index k = 0; k < LANES; k++)
        if (k < some)
            y[k] = all[k];
}

/* Each lane of *most becomes the larger of itself and that of x. */
INLINE void take_larger(Lanes *most, const Lanes *x)
{
    LaneBits more = *x > *most;
    *most = (Lanes)((more & (LaneBits)*x) | (~more & (LaneBits)*most));
}

/* The lanes in another order: neighbours of neighbours. */
#define HALVES(x) SHUFFLE(LaneBits, x, x, 8, 9, 10, 11, 12, 13, 14, 15, 0, 1, 2, 3, 4, 5, 6, 7)
#define FOURS(x) SHUFFLE(LaneBits, x, x, 4, 5, 6, 7, 0, 1, 2, 3, 4, 5, 6, 7, 0, 1, 2, 3)
#define PAIRS(x) SHUFFLE(LaneBits, x, x, 2, 3, 0, 1, 2, 3, 0, 1, 2, 3, 0, 1, 2, 3, 0, 1)
#define ONES(x) SHUFFLE(LaneBits, x, x, 1, 0, 1, 0, 1, 0, 1, 0, 1, 0, 1, 0, 1, 0, 1, 0)

/* The sum of the lanes, the two halves first. */
INLINE real total(const Lanes *lanes)
{
    Lanes x = *lanes;
    x += HALVES(x);
    x += FOURS(x);
    x += PAIRS(x);
    x += ONES(x);
    return x[0];
}

/* ---- exp ---- */

/* e^x = 2^n * e^r, n = round(x / ln 2), |r| <= ln(2) / 2, e^r by a polynomial (coefficients: Cephes' expf, Moshier 1992). Within 2 units in
 * the last place for EXP_LOW <= x <= EXP_HIGH; nan gives anything. */
INLINE float exp_between(float x)
{
    const float ROUND = 12582912.0f; /* adding 1.5 * 2^23 rounds to an integer */
    float rounded = x * 1.44269504f + ROUND, n = rounded - ROUND;
    float r = x - n * 0.693359375f; /* ln 2 in two parts: the first times n is exact */
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
    memcpy(&p, &bits, sizeof p);
    return p;
}

/* Below -87.3, where a float would lose digits, 0. */
static const float EXP_LOW = -87.33654f, EXP_HIGH = 88.72283f;

INLINE float exp_float(float x)
{
    float c = x > EXP_LOW ? x : EXP_LOW;
    c = c < EXP_HIGH ? c : EXP_HIGH;
    float y = exp_between(c);
    y = x < EXP_LOW ? 0.0f : y;
    return x <= EXP_HIGH ? y : x + INFINITY; /* nan stays nan */
}

/* For x <= 0. */
INLINE float exp_float_below(float x)
{
    float y = exp_between(x), outside = x < 0.0f ? 0.0f : x; /* nan stays nan */
    return x >= EXP_LOW ? y : outside;
}

#define exp_of(x) _Generic((x), float: exp_float, double: exp)(x)
#define exp_below(x) _Generic((x), float: exp_float_below, double: exp)(x)

#define root_of(x) _Generic((x), float: sqrtf, double: sqrt)(x)

/* ---- a function of each number ---- */

typedef real (*OfOne)(real x);

INLINE void each_lane(OfOne f, Lanes *lanes)
{
    real x[LANES];
    memcpy(x, lanes, sizeof x);
    for (size_t k = 0; k < LANES; k++)
        x[k] = f(x[k]);
    memcpy(lanes, x, sizeof x);
}

/* y [n] = f(x [n]); y may be x. */
INLINE void each(OfOne f, real *y, const real *x, size_t n)
{
    Lanes part;
    size_t j = 0;
    for (; j + LANES <= n; j += LANES) {
        load_lanes(&part, x + j);
        each_lane(f, &part);
        store_lanes(y + j, &part);
    }
    if (j < n) { /* together, too: a few exps one by one would take as long as a short row */
        load_some(&part, x + j, n - j, 0);
        each_lane(f, &part);
        store_some(y + j, &part, n - j);
    }
}

/* ---- softmax ---- */

INLINE real largest(const real *x, size_t n)
{
    Lanes most, part;
    if (n < LANES)
        load_some(&most, x, n, x[0]);
    else {
        load_lanes(&most, x);
        for (size_t j = LANES; j + LANES <= n; j += LANES) {
            load_lanes(&part, x + j);
            take_larger(&most, &part);
        }
        load_lanes(&part, x + n - LANES); /* what is left, and some once more */
        take_larger(&most, &part);
    }
    part = HALVES(most);
    take_larger(&most, &part);
    part = FOURS(most);
    take_larger(&most, &part);
    part = PAIRS(most);
    take_larger(&most, &part);
    part = ONES(most);
    take_larger(&most, &part);
    return most[0];
}

/* The sum of a row. */
INLINE real sum_of(const real *x, size_t d)
{
    Lanes sums = {0}, part;
    size_t j = 0;
    for (; j + LANES <= d; j += LANES) {
        load_lanes(&part, x + j);
        sums += part;
    }
    load_some(&part, x + j, d - j, 0);
    sums += part;
    return total(&sums);
}

static inline real real_exp_below(real x)
{
    return exp_below(x);
}

/* y [n] = exp(x - most); returns their sum. */
INLINE real exp_row(real *y, const real *x, real most, size_t n)
{
    Lanes sums = {0}, part;
    size_t j = 0;
    for (; j + LANES <= n; j += LANES) {
        load_lanes(&part, x + j);
        part -= most;
        each_lane(real_exp_below, &part);
        store_lanes(y + j, &part);
        sums += part;
    }
    if (j < n) {
        load_some(&part, x + j, n - j, -(real)INFINITY);
        part -= most;
        each_lane(real_exp_below, &part);
        store_some(y + j, &part, n - j);
        sums += part;
    }
    return total(&sums);
}

/* x [n] *= factor */
INLINE void scale_row(real *x, real factor, size_t n)
{
    Lanes part;
    size_t j = 0;
    for (; j + LANES <= n; j += LANES) {
        load_lanes(&part, x + j);
        part *= factor;
        store_lanes(x + j, &part);
    }
    load_some(&part, x + j, n - j, 0);
    part *= factor;
    store_some(x + j, &part, n - j);
}

/* Several short rows go through each step together: their largest and their sums do not wait for each other. */
CLONES void softmax_rows(real *y, const real *x, size_t m, size_t n)
{
    enum { TOGETHER = 8, SHORT = 1024 };
    real most[TOGETHER], sum[TOGETHER];
    for (size_t i = 0, rows; i < m; i += rows, x += rows * n, y += rows * n) {
        rows = n > SHORT ? 1 : m - i < TOGETHER ? m - i : TOGETHER;
        for (size_t r = 0; r < rows; r++)
            most[r] = largest(x + r * n, n); /* taken off every entry: the result is the same, and exp cannot overflow */
        for (size_t r = 0; r < rows; r++)
            sum[r] = exp_row(y + r * n, x + r * n, most[r], n);
        for (size_t r = 0; r < rows; r++)
            scale_row(y + r * n, 1 / sum[r], n);
    }
}

CLONES void hide_behind(real *x, size_t first, size_t n)
{
    if (n >= LANES && n - first < LANES) { /* in one piece, as it will be read */
        const Index seen = (Index)(LANES - (n - first));
        real all[LANES];
        memcpy(all, x + n - LANES, sizeof all);
        KEEP_LOOP
        for (Index k = 0; k < LANES; k++)
            all[k] = k < seen ? all[k] : -(real)INFINITY;
        memcpy(x + n - LANES, all, sizeof all);
        return;
    }
    for (size_t j = first; j < n; j++)
        x[j] = -(real)INFINITY;
}

CLONES void softmax_backward(real *restrict dx, const real *dy, const real *y, size_t m, size_t n)
{
    for (size_t i = 0; i < m; i++, dx += n, dy += n, y += n) {
        Lanes sums = {0}, a, b;
        size_t j = 0;
        for (; j + LANES <= n; j += LANES) {
            load_lanes(&a, dy + j);
            load_lanes(&b, y + j);
            sums += a * b;
        }
        load_some(&a, dy + j, n - j, 0);
        load_some(&b, y + j, n - j, 0);
        sums += a * b;
        real dot = total(&sums);
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

static inline real gelu_tanh(real x)
{
    return x * gelu_tanh_share(x);
}

CLONES void gelu_tanh_forward(real *y, const real *x, size_t n)
{
    each(gelu_tanh, y, x, n);
}

CLONES void gelu_tanh_backward(real *dx, const real *dy, const real *x, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        real s = gelu_tanh_share(x[i]);
        real inner = SQRT_8_OVER_PI * (1 + 3 * GELU_CUBIC * x[i] * x[i]);
        dx[i] += dy[i] * (s + x[i] * s * (1 - s) * inner);
    }
}

static inline real silu(real x)
{
    return x / (1 + exp_of(-x));
}

CLONES void silu_forward(real *y, const real *x, size_t n)
{
    each(silu, y, x, n);
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
    size_t j = 0;
    for (; j + LANES <= d; j += LANES) {
        load_lanes(&part, x + j);
        part -= shift;
        sums += part * part;
    }
    load_some(&part, x + j, d - j, shift);
    part -= shift;
    sums += part * part;
    return total(&sums);
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
    Lanes g_sums = {0}, gn_sums = {0}, g, part;
    size_t j = 0;
    for (; j + LANES <= d; j += LANES) {
        load_lanes(&g, dy + j);
        load_lanes(&part, gain + j);
        g *= part;
        load_lanes(&part, x + j);
        g_sums += g;
        gn_sums += g * ((part - mean) * scale);
    }
    load_some(&g, dy + j, d - j, 0);
    load_some(&part, gain + j, d - j, 0);
    g *= part;
    load_some(&part, x + j, d - j, mean);
    g_sums += g;
    gn_sums += g * ((part - mean) * scale);
    real g_mean = dbias ? total(&g_sums) / (real)d : 0, gn_mean = total(&gn_sums) / (real)d;
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
                load_lanes(&part, x + i * n + j + k * LANES);
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
