/* dtype.h - the number formats that weights are stored in.
 *
 * Owns what their bits mean. Knows nothing of matrices or files. */
#ifndef TENSOR_DTYPE_H
#define TENSOR_DTYPE_H

#include "tensor/real.h"

#include <stddef.h>

/* DTYPE_REAL is this program's own `real`, aligned and in the machine's byte order. The others are little-endian bytes at any
 * address, as files have them. DTYPE_OTHER cannot be read as numbers of a weight.
 *
 * Those from DTYPE_Q2_K to DTYPE_Q8_0 are ggml's: blocks of 32 or 256 numbers with an integer of few bits for each and scales that they
 * share (quantised.c). What a block stands for are floats, to the last bit, also in the double build. `data` is where a block begins.
 *
 * In the order in which they are listed: by bits a number. */
typedef enum Dtype {
    DTYPE_REAL,
    DTYPE_Q2_K,
    DTYPE_Q3_K,
    DTYPE_IQ4_XS,
    DTYPE_IQ4_NL,
    DTYPE_Q4_0,
    DTYPE_Q4_K,
    DTYPE_Q4_1,
    DTYPE_Q5_0,
    DTYPE_Q5_K,
    DTYPE_Q5_1,
    DTYPE_Q6_K,
    DTYPE_Q8_0,
    DTYPE_F16,
    DTYPE_BF16,
    DTYPE_F32,
    DTYPE_F64,
    DTYPE_OTHER
} Dtype;

/* "F32", "BF16", …; "" for DTYPE_OTHER. DTYPE_REAL is F32, or F64 in the double build. */
const char *dtype_name(Dtype t);
/* How many numbers a block has: 1 where each number has an address of its own. 0 for DTYPE_OTHER. */
size_t dtype_block(Dtype t);
/* Bytes of a block, of one number where there are no blocks; 0 for DTYPE_OTHER. */
size_t dtype_size(Dtype t);
/* Number i of those that begin at data, exactly; NaN for DTYPE_OTHER. */
double dtype_value(Dtype t, const void *data, size_t i);
/* out[k] = number `first` + k, rounded to `real`, for k < n. */
void dtype_read(real *out, Dtype t, const void *data, size_t first, size_t n);
/* DTYPE_REAL where numbers of format t at this address are `real`s as they lie; else t. */
Dtype dtype_in_place(Dtype t, const void *data);

#endif
