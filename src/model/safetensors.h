/* safetensors.h - the safetensors format, read and written.
 * https://github.com/huggingface/safetensors#format
 *
 * Owns the parsed header of one file. Trusts no length in it. */
#ifndef MODEL_SAFETENSORS_H
#define MODEL_SAFETENSORS_H

#include "base/buffer.h"
#include "base/error.h"
#include "base/file.h"
#include "tensor/matrix.h"

#include <stdio.h>

enum { SAFETENSORS_MAX_RANK = 8 };

/* A header longer than this is refused: it would describe more tensors than any model that could be read here has. */
enum { SAFETENSORS_MAX_HEADER = 16 << 20 };

typedef struct SafeTensor {
    char *name;
    Dtype dtype;
    const char *dtype_name; /* as the file spells it, "BF16" */
    int rank;
    size_t shape[SAFETENSORS_MAX_RANK];
    size_t count;               /* product of the shape */
    const unsigned char *bytes; /* inside the mapped file; may be unaligned */
} SafeTensor;

typedef struct SafeTensors {
    SafeTensor *items; /* sorted by name */
    size_t count;
    File file;
    char *path;
} SafeTensors;

/* Opens and checks a file: header length, JSON, offsets inside the file, without gap or
 * overlap, each tensor's bytes exactly what its shape and dtype imply. */
int safetensors_open(SafeTensors *s, const char *path, Error *e);
/* The same for a file that is already in memory: takes it over, also where it fails; path names it in errors. */
int safetensors_read(SafeTensors *s, File file, const char *path, Error *e);
void safetensors_close(SafeTensors *s);
/* The tensor of that name, or NULL. */
const SafeTensor *safetensors_find(const SafeTensors *s, const char *name);
/* Value i of a tensor of any of the float dtypes; NaN for DTYPE_OTHER. */
double safetensors_value(const SafeTensor *t, size_t i);
/* All values, converted to `real`, into out [t->count]. */
void safetensors_copy(const SafeTensor *t, real *out);
/* A tensor of rank 1 (one row) or 2, as a view of the file. */
Matrix safetensors_matrix(const SafeTensor *t);

/* One tensor to be written, as `real`: F32, or F64 in the double build. Its values are at `data`, row after row; where that is NULL, in
 * `values`, a tensor of rank 1 (one row) or 2. */
typedef struct SafeOut {
    const char *name;
    int rank;
    const size_t *shape;
    const real *data;
    Matrix values;
} SafeOut;

/* Adds a shape as it is shown, "[4, 16]". */
void safetensors_add_shape(Buffer *out, const size_t *shape, int rank);

/* Writes a whole file, atomically where path is a regular file; "-" is standard output. */
int safetensors_write(const char *path, const SafeOut *items, size_t count, Error *e);

#endif
