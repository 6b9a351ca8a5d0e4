/* quantised.h - ggml's formats of numbers in blocks, for dtype.c: everyone else uses dtype.h.
 *
 * Owns the layout of a block. */
#ifndef TENSOR_QUANTISED_H
#define TENSOR_QUANTISED_H

#include "tensor/dtype.h"

/* A block of a format: its numbers, and its bytes. 0 of each where t has no blocks. */
size_t quantised_numbers(Dtype t);
size_t quantised_bytes(Dtype t);
/* out[k] = number `first` + k of those whose blocks begin at data, for k < n. */
void quantised_read(real *out, Dtype t, const unsigned char *data, size_t first, size_t n);

#endif
