/* dtype.c - numbers of each stored format, one by one and many at once.
 *
 * The loops are plain so that compilers make vector instructions of them: weights in half precision are converted each time they
 * are read. */
#include "tensor/dtype.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

/* ---- one number ---- */

const char *dtype_name(Dtype t)
{
    switch (t) {
    case DTYPE_REAL:
        return REAL_IS_DOUBLE ? "F64" : "F32";
    case DTYPE_F64:
        return "F64";
    case DTYPE_F32:
        return "F32";
    case DTYPE_F16:
        return "F16";
    case DTYPE_BF16:
        return "BF16";
    case DTYPE_Q8_0:
        return "Q8_0";
    case DTYPE_OTHER:
        break;
    }
    return "";
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
    case DTYPE_Q8_0:
    case DTYPE_OTHER:
        break;
    }
    return 0;
}

static inline uint32_t read_u16(const unsigned char *p)
{
#if defined __BYTE_ORDER__ && __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
    uint16_t x; /* the same in one load, which compilers make vectors of */
    memcpy(&x, p, sizeof x);
    return x;
#else
    return (uint32_t)p[0] | (uint32_t)p[1] << 8;
#endif
}

static inline uint32_t read_u32(const unsigned char *p)
{
    return read_u16(p) | read_u16(p + 2) << 16;
}

static inline float float_of(uint32_t bits)
{
    float x;
    memcpy(&x, &bits, sizeof x);
    return x;
}

static double double_of(const unsigned char *p)
{
    uint64_t bits = (uint64_t)read_u32(p + 4) << 32 | read_u32(p);
    double x;
    memcpy(&x, &bits, sizeof x);
    return x;
}

static inline uint32_t bits_of(float x)
{
    uint32_t bits;
    memcpy(&bits, &x, sizeof bits);
    return bits;
}

/* IEEE 754 binary16: a sign, 5 bits of exponent (bias 15), 10 of mantissa. Its exponent and mantissa, moved to where a float has them, lack
 * the difference of the biases, 127 - 15; an infinity or NaN lacks it twice. A subnormal number m · 2^-24 is what a float of exponent -14
 * and mantissa m has beyond 2^-14. All three are computed and one is taken, which needs no branch. */
static inline float half_value(uint32_t bits)
{
    const uint32_t one = 1u << 23, moved = (bits & 0x7fff) << 13, exponent = bits & 0x7c00;
    uint32_t normal = moved + (127 - 15) * one, special = moved + 2 * (127 - 15) * one;
    uint32_t subnormal = bits_of(float_of(moved + (127 - 14) * one) - 0x1p-14f);
    uint32_t magnitude = exponent == 0 ? subnormal : exponent == 0x7c00 ? special : normal;
    return float_of(magnitude | (bits & 0x8000) << 16);
}

static inline int signed_byte(unsigned char byte)
{
    return byte < 0x80 ? byte : byte - 0x100;
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
    case DTYPE_Q8_0:
        p += i / DTYPE_BLOCK * DTYPE_BLOCK_BYTES;
        return (double)half_value(read_u16(p)) * signed_byte(p[2 + i % DTYPE_BLOCK]);
    case DTYPE_OTHER:
        break;
    }
    return (double)NAN;
}

/* ---- many ---- */

static bool is_little_endian(void)
{
    const uint16_t one = 1;
    return *(const unsigned char *)&one == 1;
}

/* Block after block: those at the ends may be read in part. */
static void read_q8_0(real *out, const unsigned char *data, size_t first, size_t n)
{
    size_t at = first % DTYPE_BLOCK;
    const unsigned char *p = data + first / DTYPE_BLOCK * DTYPE_BLOCK_BYTES;
    for (size_t done = 0; done < n; p += DTYPE_BLOCK_BYTES, at = 0) {
        size_t count = DTYPE_BLOCK - at < n - done ? DTYPE_BLOCK - at : n - done;
        const float scale = half_value(read_u16(p));
        for (size_t i = 0; i < count; i++)
            out[done + i] = (real)(scale * (float)signed_byte(p[2 + at + i]));
        done += count;
    }
}

void dtype_read(real *out, Dtype t, const void *data, size_t first, size_t n)
{
    if (t == DTYPE_Q8_0) {
        read_q8_0(out, data, first, n);
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
        for (size_t i = 0; i < n; i++)
            out[i] = (real)half_value(read_u16(p + i * 2));
    else
        for (size_t i = 0; i < n; i++)
            out[i] = (real)dtype_value(t, p, i);
}

Dtype dtype_in_place(Dtype t, const void *data)
{
    bool native = is_little_endian() && t == (REAL_IS_DOUBLE ? DTYPE_F64 : DTYPE_F32);
    return native && (uintptr_t)data % _Alignof(real) == 0 ? DTYPE_REAL : t;
}
