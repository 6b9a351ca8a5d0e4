/* dtype.c - numbers of each stored format, one by one and many at once.
 *
 * The loops are plain so that compilers make vector instructions of them: weights in half precision are converted each time they
 * are read. */
#include "tensor/dtype.h"

#include "tensor/dtype_bits.h"
#include "tensor/quantised.h"

#if defined __x86_64__
#include <immintrin.h>
#endif
#include <stdbool.h>

/* ---- one number ---- */

static const char *const names[DTYPE_OTHER + 1] = {
    [DTYPE_REAL] = REAL_IS_DOUBLE ? "F64" : "F32",
    [DTYPE_Q2_K] = "Q2_K",
    [DTYPE_Q3_K] = "Q3_K",
    [DTYPE_IQ4_XS] = "IQ4_XS",
    [DTYPE_IQ4_NL] = "IQ4_NL",
    [DTYPE_Q4_0] = "Q4_0",
    [DTYPE_Q4_K] = "Q4_K",
    [DTYPE_Q4_1] = "Q4_1",
    [DTYPE_Q5_0] = "Q5_0",
    [DTYPE_Q5_K] = "Q5_K",
    [DTYPE_Q5_1] = "Q5_1",
    [DTYPE_Q6_K] = "Q6_K",
    [DTYPE_Q8_0] = "Q8_0",
    [DTYPE_F16] = "F16",
    [DTYPE_BF16] = "BF16",
    [DTYPE_F32] = "F32",
    [DTYPE_F64] = "F64",
    [DTYPE_OTHER] = "",
};

const char *dtype_name(Dtype t)
{
    return names[t];
}

size_t dtype_block(Dtype t)
{
    size_t n = quantised_numbers(t);
    return n || t == DTYPE_OTHER ? n : 1;
}

size_t dtype_size(Dtype t)
{
    switch (t) {
    case DTYPE_REAL:
        return sizeof(real);
    case DTYPE_F64:
        return 8;
    case DTYPE_F32:
        return 4;
    case DTYPE_F16:
    case DTYPE_BF16:
        return 2;
    default:
        return quantised_bytes(t);
    }
}

static double double_of(const unsigned char *p)
{
    uint64_t bits = (uint64_t)read_u32(p + 4) << 32 | read_u32(p);
    double x;
    memcpy(&x, &bits, sizeof x);
    return x;
}

static double block_value(Dtype t, const unsigned char *p, size_t i)
{
    real x;
    quantised_read(&x, t, p, i, 1);
    return (double)x;
}

double dtype_value(Dtype t, const void *data, size_t i)
{
    const unsigned char *p = data;
    switch (t) {
    case DTYPE_REAL:
        return (double)((const real *)data)[i];
    case DTYPE_F64:
        return double_of(p + i * 8);
    case DTYPE_F32:
        return (double)float_of(read_u32(p + i * 4));
    case DTYPE_F16:
        return (double)half_value(read_u16(p + i * 2));
    case DTYPE_BF16:
        return (double)float_of(read_u16(p + i * 2) << 16);
    case DTYPE_OTHER:
        return (double)NAN;
    default:
        return block_value(t, p, i);
    }
}

/* ---- many ---- */

static bool is_little_endian(void)
{
    const uint16_t one = 1;
    return *(const unsigned char *)&one == 1;
}

#if defined __x86_64__
/* Eight at once by an instruction for just this; real is float. Returns how many. */
__attribute__((target("avx,f16c"))) static size_t read_eights(void *out, const unsigned char *p, size_t n)
{
    size_t i = 0;
    for (float *to = out; i + 8 <= n; i += 8)
        _mm256_storeu_ps(to + i, _mm256_cvtph_ps(_mm_loadu_si128((const void *)(p + i * 2))));
    return i;
}
#endif

static void read_halves(real *out, const unsigned char *p, size_t n)
{
    size_t i = 0;
#if defined __x86_64__
    if (!REAL_IS_DOUBLE && __builtin_cpu_supports("avx2")) /* all that have AVX2 have F16C */
        i = read_eights(out, p, n);
#endif
    for (; i < n; i++)
        out[i] = (real)half_value(read_u16(p + i * 2));
}

void dtype_read(real *out, Dtype t, const void *data, size_t first, size_t n)
{
    if (dtype_block(t) > 1) {
        quantised_read(out, t, data, first, n);
        return;
    }
    const unsigned char *p = (const unsigned char *)data + first * dtype_size(t);
    bool native = t == DTYPE_REAL || (is_little_endian() && t == (REAL_IS_DOUBLE ? DTYPE_F64 : DTYPE_F32));
    if (native && n)
        memcpy(out, p, n * sizeof *out);
    else if (t == DTYPE_BF16)
        for (size_t i = 0; i < n; i++)
            out[i] = (real)float_of(read_u16(p + i * 2) << 16);
    else if (t == DTYPE_F16)
        read_halves(out, p, n);
    else
        for (size_t i = 0; i < n; i++)
            out[i] = (real)dtype_value(t, p, i);
}

Dtype dtype_in_place(Dtype t, const void *data)
{
    bool native = is_little_endian() && t == (REAL_IS_DOUBLE ? DTYPE_F64 : DTYPE_F32);
    return native && (uintptr_t)data % _Alignof(real) == 0 ? DTYPE_REAL : t;
}
