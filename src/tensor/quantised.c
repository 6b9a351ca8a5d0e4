/* quantised.c - ggml's formats of numbers in blocks: few bits a number, and scales that they share.
 * https://github.com/ggml-org/ggml/blob/master/src/ggml-common.h (the layouts: block_q4_0 and so on)
 * https://github.com/ggml-org/ggml/blob/master/src/ggml-quants.c (what they mean: dequantize_row_q4_0 and so on)
 *
 * All are of one form. A block has a byte for each number, and for each GROUP of them a scale and a least value:
 *
 *     number i = scale[i / GROUP] * (byte[i] - the format's zero) - least[i / GROUP]
 *
 * The product is exact in a float, so a number is rounded once, to a float, in ggml and here, whatever instructions compute it. Formats
 * differ only in where the bits lie: a function for each takes a block apart, and one loop makes numbers of what any of them found.
 *
 * Owns these layouts. Vectors are an extension of gcc's and clang's: operators work on all elements. Weights are converted each time they
 * are read, so this is done 16 numbers at once, for the width of vector that the processor has (target_clones). */
#include "tensor/quantised.h"

#include "tensor/dtype_bits.h"
#include "tensor/vectors.h"

enum { GROUP = 16, SMALL = 32, LARGE = 256, GROUPS = LARGE / GROUP };

typedef unsigned char Byte;
typedef Byte Bytes __attribute__((vector_size(GROUP)));
typedef uint64_t Pair __attribute__((vector_size(GROUP)));
typedef int32_t Wide __attribute__((vector_size(GROUP * sizeof(int32_t))));
typedef float Floats __attribute__((vector_size(GROUP * sizeof(float))));
typedef real Numbers __attribute__((vector_size(GROUP * sizeof(real))));

/* A block taken apart, group by group. */
typedef struct Parts {
    Bytes byte[GROUPS];
    float scale[GROUPS], least[GROUPS];
} Parts;

INLINE Bytes load(const void *p)
{
    Bytes x;
    memcpy(&x, p, sizeof x);
    return x;
}

/* to[i] = unit times (byte i - zero). Of bytes that an operation made gcc converts 16 at once, of bytes that it has just loaded one by one: so
 * they are masked as vectors, here and below. */
INLINE void scale_all(float *to, Bytes bytes, int zero, float unit)
{
    Floats x = __builtin_convertvector(__builtin_convertvector(bytes, Wide) - zero, Floats) * unit;
    memcpy(to, &x, sizeof x);
}

/* ---- blocks of 32: one scale, and in some one least value ---- */

INLINE void share(Parts *to, uint32_t scale, uint32_t least)
{
    to->scale[0] = to->scale[1] = half_value(scale);
    to->least[0] = to->least[1] = half_value(least);
}

/* Byte i has number i in its low half and number 16 + i in its high one. */
INLINE void take_halves(Bytes *to, const Byte *p)
{
    const Bytes x = load(p);
    to[0] = x & 15;
    to[1] = x >> 4;
}

/* A fifth bit for each of the 32, one after the other. */
INLINE void add_fifth_bits(Bytes *to, const Byte *p)
{
    static const Bytes which = {1, 2, 4, 8, 16, 32, 64, 128, 1, 2, 4, 8, 16, 32, 64, 128};
    const uint64_t eight_times = 0x0101010101010101;
    for (int g = 0; g < SMALL / GROUP; g++) {
        const Bytes bits = (Bytes)(Pair){p[2 * g] * eight_times, p[2 * g + 1] * eight_times};
        to[g] |= (Bytes)((bits & which) == which) & 16;
    }
}

INLINE void part_q4_0(Parts *to, const Byte *p)
{
    share(to, read_u16(p), 0);
    take_halves(to->byte, p + 2);
}

INLINE void part_q5_0(Parts *to, const Byte *p)
{
    share(to, read_u16(p), 0);
    take_halves(to->byte, p + 6);
    add_fifth_bits(to->byte, p + 2);
}

/* The least value of Q4_1 and Q5_1 is to be added, so its sign is the other one here. */
enum { SIGN = 0x8000 };

INLINE void part_q4_1(Parts *to, const Byte *p)
{
    share(to, read_u16(p), read_u16(p + 2) ^ SIGN);
    take_halves(to->byte, p + 4);
}

INLINE void part_q5_1(Parts *to, const Byte *p)
{
    share(to, read_u16(p), read_u16(p + 2) ^ SIGN);
    take_halves(to->byte, p + 8);
    add_fifth_bits(to->byte, p + 4);
}

INLINE void part_q8_0(Parts *to, const Byte *p)
{
    share(to, read_u16(p), 0);
    to->byte[0] = load(p + 2) ^ 128; /* a signed integer and 128 */
    to->byte[1] = load(p + 2 + GROUP) ^ 128;
}

/* Four bits choose one of 16 integers, -127 to 113, which lie closer together around 0. */
INLINE Bytes choose(Bytes which)
{
    static const Bytes of = {0, 23, 44, 62, 78, 92, 105, 117, 128, 140, 152, 165, 180, 196, 216, 240};
#if defined __clang__
    for (int i = 0; i < GROUP; i++)
        which[i] = of[which[i]];
    return which;
#else
    return __builtin_shuffle(of, which);
#endif
}

INLINE void part_iq4_nl(Parts *to, const Byte *p)
{
    share(to, read_u16(p), 0);
    take_halves(to->byte, p + 2);
    for (int g = 0; g < SMALL / GROUP; g++)
        to->byte[g] = choose(to->byte[g]);
}

/* ---- blocks of 256: a group's scale is an integer times the block's ---- */

/* d, then for each 32 numbers two bits of a scale, and in other bytes its four low ones; then IQ4_NL's integers. */
INLINE void part_iq4_xs(Parts *to, const Byte *p)
{
    const float d = half_value(read_u16(p));
    const uint32_t high = read_u16(p + 2);
    for (int k = 0; k < LARGE / SMALL; k++) {
        const int scale = (int)((p[4 + k / 2] >> k % 2 * 4 & 15) | (high >> 2 * k & 3) << 4) - 32;
        Bytes *byte = &to->byte[2 * k];
        to->scale[2 * k] = to->scale[2 * k + 1] = d * (float)scale;
        to->least[2 * k] = to->least[2 * k + 1] = 0;
        take_halves(byte, p + 8 + GROUP * k);
        byte[0] = choose(byte[0]);
        byte[1] = choose(byte[1]);
    }
}

/* Of 64 bytes, byte 32 h + i has two bits of the numbers 128 h + i, + 32, + 64 and + 96, from the lowest on. */
INLINE void take_quarters(Bytes *to, const Byte *p)
{
    for (int h = 0; h < 2; h++)
        for (int g = 0; g < 2; g++) {
            const Bytes x = load(p + 32 * h + GROUP * g);
            for (int k = 0; k < 4; k++)
                to[8 * h + 2 * k + g] = x >> 2 * k & 3;
        }
}

/* Of 32 bytes, bit k of byte i belongs to number 32 k + i. */
INLINE void add_bits(Bytes *to, const Byte *p, Byte worth)
{
    for (int g = 0; g < 2; g++) {
        const Bytes x = load(p + GROUP * g);
        for (int k = 0; k < 8; k++)
            to[2 * k + g] += (Bytes)((x & (Byte)(1 << k)) != 0) & worth;
    }
}

/* scales and least values [16], four bits each; two bits a number [64]; their units */
INLINE void part_q2_k(Parts *to, const Byte *p)
{
    scale_all(to->scale, load(p) & 15, 0, half_value(read_u16(p + 80)));
    scale_all(to->least, load(p) >> 4, 0, half_value(read_u16(p + 82)));
    take_quarters(to->byte, p + 16);
}

/* one bit a number [32], two bits [64], scales [12], their unit. Of scale g, four bits are in byte g % 8 of the scales and two in byte
 * 8 + g % 4. */
INLINE void part_q3_k(Parts *to, const Byte *p)
{
    uint32_t in[3], out[4];
    memcpy(in, p + 96, sizeof in);
    for (int k = 0; k < 4; k++)
        out[k] = (in[k % 2] >> k / 2 * 4 & 0x0f0f0f0f) | (in[2] >> 2 * k & 0x03030303) << 4;
    scale_all(to->scale, load(out) & 63, 32, half_value(read_u16(p + 108)));
    memset(to->least, 0, sizeof to->least);
    take_quarters(to->byte, p + 32);
    add_bits(to->byte, p, 4);
}

/* Two units, of the scales and of the least values, of which each 32 numbers have one of six bits, in 12 bytes. The first four scales are
 * in the low bits of bytes 0 to 3, their least values in those of 4 to 7; of the others four bits are in the halves of 8 to 11, two above
 * the six. */
INLINE void take_scales(Parts *to, const Byte *p)
{
    uint32_t in[3], out[4];
    float scale[GROUP], least[GROUP];
    memcpy(in, p + 4, sizeof in);
    out[0] = in[0];
    out[1] = (in[2] & 0x0f0f0f0f) | (in[0] >> 2 & 0x30303030);
    out[2] = in[1];
    out[3] = (in[2] >> 4 & 0x0f0f0f0f) | (in[1] >> 2 & 0x30303030);
    scale_all(scale, load(out) & 63, 0, half_value(read_u16(p)));
    scale_all(least, load(out) & 63, 0, half_value(read_u16(p + 2)));
    for (int k = 0; k < LARGE / SMALL; k++) {
        to->scale[2 * k] = to->scale[2 * k + 1] = scale[k];
        to->least[2 * k] = to->least[2 * k + 1] = least[8 + k];
    }
}

/* Of 128 bytes, byte 32 h + i has number 64 h + i in its low half and number 64 h + 32 + i in its high one. */
INLINE void take_wide_halves(Bytes *to, const Byte *p)
{
    for (int h = 0; h < 4; h++)
        for (int g = 0; g < 2; g++) {
            const Bytes x = load(p + 32 * h + GROUP * g);
            to[4 * h + g] = x & 15;
            to[4 * h + 2 + g] = x >> 4;
        }
}

INLINE void part_q4_k(Parts *to, const Byte *p)
{
    take_scales(to, p);
    take_wide_halves(to->byte, p + 16);
}

INLINE void part_q5_k(Parts *to, const Byte *p)
{
    take_scales(to, p);
    take_wide_halves(to->byte, p + 48);
    add_bits(to->byte, p + 16, 16);
}

/* four low bits a number [128], two high ones [64], scales [16], their unit. Byte 64 h + i has the numbers 128 h + i and 128 h + 64 + i. */
INLINE void part_q6_k(Parts *to, const Byte *p)
{
    scale_all(to->scale, load(p + 192) ^ 128, 128, half_value(read_u16(p + 208)));
    memset(to->least, 0, sizeof to->least);
    take_quarters(to->byte, p + 128);
    for (int h = 0; h < 2; h++)
        for (int g = 0; g < 4; g++) {
            const Bytes x = load(p + 64 * h + GROUP * g);
            Bytes *low = &to->byte[8 * h + g], *high = low + 4;
            *low = *low << 4 | (x & 15);
            *high = *high << 4 | x >> 4;
        }
}

/* ---- any of them ---- */

INLINE void write_numbers(real *out, const Parts *x, int zero, size_t numbers)
{
    for (size_t g = 0; g < numbers / GROUP; g++) {
        const Floats integers = __builtin_convertvector(__builtin_convertvector(x->byte[g], Wide) - zero, Floats);
        const Numbers y = __builtin_convertvector(x->scale[g] * integers - x->least[g], Numbers);
        memcpy(out + g * GROUP, &y, sizeof y);
    }
}

/* Block after block: those at the ends may be read in part. */
INLINE void read_blocks(void (*part)(Parts *to, const Byte *p), int zero, size_t numbers, size_t bytes, real *out, const Byte *data,
                                size_t first, size_t n)
{
    Parts parts;
    real whole[LARGE];
    size_t at = first % numbers;
    const Byte *p = data + first / numbers * bytes;
    for (size_t done = 0, count; done < n; done += count, at = 0, p += bytes) {
        count = numbers - at < n - done ? numbers - at : n - done;
        part(&parts, p);
        write_numbers(count == numbers ? out + done : whole, &parts, zero, numbers);
        if (count < numbers)
            memcpy(out + done, whole + at, count * sizeof *out);
    }
}

/* The formats: which byte is 0, numbers a block, bytes a block. */
#define FORMATS(ROW)                                                                                                                       \
    ROW(Q4_0, q4_0, 8, SMALL, 18)                                                                                                          \
    ROW(Q4_1, q4_1, 0, SMALL, 20)                                                                                                          \
    ROW(Q5_0, q5_0, 16, SMALL, 22)                                                                                                         \
    ROW(Q5_1, q5_1, 0, SMALL, 24)                                                                                                          \
    ROW(Q8_0, q8_0, 128, SMALL, 34)                                                                                                        \
    ROW(IQ4_NL, iq4_nl, 127, SMALL, 18)                                                                                                    \
    ROW(Q2_K, q2_k, 0, LARGE, 84)                                                                                                          \
    ROW(Q3_K, q3_k, 4, LARGE, 110)                                                                                                         \
    ROW(Q4_K, q4_k, 0, LARGE, 144)                                                                                                         \
    ROW(Q5_K, q5_k, 0, LARGE, 176)                                                                                                         \
    ROW(Q6_K, q6_k, 32, LARGE, 210)                                                                                                        \
    ROW(IQ4_XS, iq4_xs, 127, LARGE, 136)

#define READER(NAME, name, zero, numbers, bytes)                                                                                           \
    static CLONES void read_##name(real *out, const Byte *data, size_t first, size_t n)                                                    \
    {                                                                                                                                      \
        read_blocks(part_##name, zero, numbers, bytes, out, data, first, n);                                                               \
    }
FORMATS(READER)

#define ROW(NAME, name, zero, numbers, bytes) [DTYPE_##NAME] = {numbers, bytes, read_##name},
static const struct Format {
    size_t numbers, bytes;
    void (*read)(real *out, const Byte *data, size_t first, size_t n);
} formats[DTYPE_OTHER + 1] = {FORMATS(ROW)};

size_t quantised_numbers(Dtype t)
{
    return formats[t].numbers;
}

size_t quantised_bytes(Dtype t)
{
    return formats[t].bytes;
}

void quantised_read(real *out, Dtype t, const unsigned char *data, size_t first, size_t n)
{
    formats[t].read(out, data, first, n);
}
