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
 * DTYPE_Q8_0 is ggml's: blocks of DTYPE_BLOCK numbers, each block a scale in half precision and an integer from -128 to 127 for each
 * number, which is scale times integer. That product is exact in a float. A block is read whole, so `data` is where one begins. */
typedef enum { DTYPE_REAL, DTYPE_F64, DTYPE_F32, DTYPE_F16, DTYPE_BF16, DTYPE_Q8_0, DTYPE_OTHER } Dtype;

enum { DTYPE_BLOCK = 32, DTYPE_BLOCK_BYTES = 2 + DTYPE_BLOCK };

/* "F32", "BF16", …; "" for DTYPE_OTHER. DTYPE_REAL is F32, or F64 in the double build. */
const char *dtype_name(Dtype t);
/* Bytes of a number; 0 for DTYPE_OTHER, and for DTYPE_Q8_0, whose numbers have no address of their own. */
size_t dtype_size(Dtype t);
/* Number i of those that begin at data, exactly; NaN for DTYPE_OTHER. */
double dtype_value(Dtype t, const void *data, size_t i);
/* out[k] = number `first` + k, rounded to `real`, for k < n. */
void dtype_read(real *out, Dtype t, const void *data, size_t first, size_t n);
/* DTYPE_REAL where numbers of format t at this address are `real`s as they lie; else t. */
Dtype dtype_in_place(Dtype t, const void *data);

#endif
