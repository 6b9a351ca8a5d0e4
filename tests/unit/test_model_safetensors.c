/* test_model_safetensors.c - the safetensors format read and written. Files whose errors matter are in tests/corrupt. */
#include "model/safetensors.h"
#include "model_help.h"

#include <math.h>

static SafeTensors opened(const char *path)
{
    SafeTensors s;
    Error e = {{0}};
    cr_assert_eq(safetensors_open(&s, path, &e), 0, "%s", e.text);
    return s;
}

static void has(const SafeTensors *s, const char *name, Dtype dtype, int rank, size_t count, const double *values)
{
    const SafeTensor *t = safetensors_find(s, name);
    cr_assert(t, "%s", name);
    cr_assert(t->dtype == dtype && t->rank == rank && t->count == count, "%s: %s rank %d count %zu", name, t->dtype_name, t->rank,
              t->count);
    real *copy = malloc((count + 1) * sizeof *copy);
    if (dtype != DTYPE_OTHER)
        safetensors_copy(t, copy);
    for (size_t i = 0; i < count; i++) {
        double x = safetensors_value(t, i);
        cr_assert(dtype == DTYPE_OTHER ? isnan(x) : x == values[i] && signbit(x) == signbit(values[i]), "%s[%zu] = %g", name, i, x);
        cr_assert(dtype == DTYPE_OTHER || copy[i] == (real)values[i], "%s[%zu]", name, i);
    }
    free(copy);
}

Test(model_safetensors, types)
{
    SafeTensors s = opened(MODEL_DATA "types.safetensors");
    cr_assert_eq(s.count, 7);
    for (size_t i = 1; i < s.count; i++)
        cr_assert_lt(strcmp(s.items[i - 1].name, s.items[i].name), 0);
    has(&s, "f16", DTYPE_F16, 2, 6, (double[]){1, -2, 65504, 0x1p-24, INFINITY, -0.0});
    has(&s, "bf16", DTYPE_BF16, 1, 3, (double[]){1, -3.140625, INFINITY});
    has(&s, "f32", DTYPE_F32, 3, 2, (double[]){(double)0.1f, (double)-1e30f});
    has(&s, "f64", DTYPE_F64, 0, 1, (double[]){0.1});
    has(&s, "i64", DTYPE_OTHER, 1, 1, NULL);
    has(&s, "none", DTYPE_F32, 2, 0, NULL);
    has(&s, "flag", DTYPE_OTHER, 1, 3, NULL);
    const SafeTensor *t = safetensors_find(&s, "f32");
    cr_assert(t->shape[0] == 1 && t->shape[1] == 1 && t->shape[2] == 2);
    cr_assert_str_eq(safetensors_find(&s, "i64")->dtype_name, "I64");
    cr_assert_null(safetensors_find(&s, "f3"));
    safetensors_close(&s);
    cr_assert(!s.items && !s.path && !s.file.data);
}

Test(model_safetensors, half_precision_in_full)
{
    /* Every finite half is the sum its bits say; checked against the definition, sign · 2^(e-15) · 1.m. */
    unsigned char bytes[2];
    SafeTensor t = {.dtype = DTYPE_F16, .rank = 0, .count = 1, .bytes = bytes};
    for (unsigned bits = 0; bits < 0x10000; bits++) {
        bytes[0] = (unsigned char)bits;
        bytes[1] = (unsigned char)(bits >> 8);
        double sign = bits & 0x8000 ? -1 : 1, exponent = bits >> 10 & 31, mantissa = (bits & 1023) / 1024.0, x = safetensors_value(&t, 0);
        if (exponent == 31)
            cr_assert(mantissa == 0 ? x == sign * INFINITY : isnan(x), "%x", bits);
        else
            cr_assert_eq(x, exponent == 0 ? sign * mantissa * pow(2, -14) : sign * (1 + mantissa) * pow(2, exponent - 15), "%x", bits);
    }
}

Test(model_safetensors, read_where_they_lie)
{
    SafeTensors s = opened(MODEL_DATA "tiny/model.safetensors");
    const SafeTensor *t = safetensors_find(&s, "decoder.0.self.W_Q");
    Matrix w = safetensors_matrix(t);
    cr_assert_eq((w.dtype == DTYPE_REAL), !REAL_IS_DOUBLE);
    cr_assert_eq(w.data, (const void *)t->bytes);
    cr_assert_eq(matrix_at(&w, 0, 1), (real)((7 + 4) / 16.0));
    safetensors_close(&s);
    s = opened(MODEL_DATA "unaligned/model.safetensors");
    t = safetensors_find(&s, "decoder.0.self.W_Q");
    cr_assert_neq((int)safetensors_matrix(t).dtype, DTYPE_REAL);
    cr_assert_eq(safetensors_value(t, 1), (7 + 4) / 16.0);
    safetensors_close(&s);
}

Test(model_safetensors, written_is_read_back)
{
    char folder[64], path[128];
    real a[6] = {1, 2, (real)0.1, -4, INFINITY, (real)1e-30}, b[1] = {7};
    size_t shape[3] = {2, 1, 3};
    SafeOut items[] = {{.name = "z \"quoted\" \\ 我", .rank = 3, .shape = shape, .data = a},
                       {.name = "a", .data = b},
                       {.name = "empty", .rank = 1, .shape = (size_t[]){0}}};
    Error e = {{0}};
    snprintf(path, sizeof path, "%s/out.safetensors", help_folder(folder));
    cr_assert_eq(safetensors_write(path, items, 3, &e), 0, "%s", e.text);
    SafeTensors s = opened(path);
    cr_assert_eq(s.count, 3);
    Dtype dtype = REAL_IS_DOUBLE ? DTYPE_F64 : DTYPE_F32;
    const SafeTensor *t = safetensors_find(&s, "z \"quoted\" \\ 我");
    cr_assert(t && t->dtype == dtype && t->rank == 3 && t->shape[0] == 2 && t->shape[1] == 1 && t->shape[2] == 3);
    cr_assert_eq(memcmp(t->bytes, a, sizeof a), 0);
    cr_assert_eq((size_t)(t->bytes - s.file.data) % 8, 0);
    cr_assert_eq(safetensors_value(safetensors_find(&s, "a"), 0), 7);
    cr_assert_eq(safetensors_find(&s, "empty")->count, 0);
    safetensors_close(&s);
    cr_assert_eq(safetensors_write(path, NULL, 0, &e), 0, "%s", e.text);
    s = opened(path);
    cr_assert_eq(s.count, 0);
    safetensors_close(&s);
    help_remove(folder);
}

Test(model_safetensors, cannot_be_opened_or_written)
{
    SafeTensors s;
    Error e = {{0}};
    cr_assert_eq(safetensors_open(&s, "tests/no-such-file", &e), -1);
    assert_says(e, "tests/no-such-file: cannot be opened");
    cr_assert_eq(safetensors_open(&s, "tests", &e), -1);
    assert_says(e, "expected a file, found a folder");
    cr_assert_eq(safetensors_write("tests/no-such-folder/x", NULL, 0, &e), -1);
    assert_says(e, "tests/no-such-folder/x: cannot be written");
    if (access("/dev/full", W_OK) == 0) {
        cr_assert_eq(safetensors_write("/dev/full", NULL, 0, &e), -1);
        assert_says(e, "/dev/full: cannot be written: No space left");
    }
}
