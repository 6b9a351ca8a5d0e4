/* dtype_bits.h - a few bytes of a file as a number, for dtype.c and quantised.c.
 *
 * Owns the bits of IEEE 754's half precision. Everyone else uses dtype.h. */
#ifndef TENSOR_DTYPE_BITS_H
#define TENSOR_DTYPE_BITS_H

#include <stdint.h>
#include <string.h>

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

#endif
