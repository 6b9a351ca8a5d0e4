/* safetensors.c - reads the safetensors format.
 *
 *     8 bytes     N, the header's length, little-endian
 *     N bytes     JSON: {"NAME": {"dtype": "F32", "shape": [2, 3], "data_offsets": [0, 24]}, …,
 *                 "__metadata__": {"KEY": "TEXT"}}, spaces may follow
 *     the rest    the tensors' bytes, row-major, little-endian, without gaps
 *
 * Owns the parsed header. Knows nothing of models. */
#include "model/safetensors.h"

#include "base/text.h"
#include "model/found.h"
#include "model/nearest.h"

#include <jansson.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* ---- dtypes ---- */

static const struct {
    const char *name;
    Dtype dtype;
    size_t size;
} DTYPES[] = {
    {"F64", DTYPE_F64, 8},       {"F32", DTYPE_F32, 4},       {"F16", DTYPE_F16, 2},   {"BF16", DTYPE_BF16, 2}, {"BOOL", DTYPE_OTHER, 1},
    {"U8", DTYPE_OTHER, 1},      {"I8", DTYPE_OTHER, 1},      {"I16", DTYPE_OTHER, 2}, {"U16", DTYPE_OTHER, 2}, {"I32", DTYPE_OTHER, 4},
    {"U32", DTYPE_OTHER, 4},     {"I64", DTYPE_OTHER, 8},     {"U64", DTYPE_OTHER, 8}, {"C64", DTYPE_OTHER, 8}, {"F8_E5M2", DTYPE_OTHER, 1},
    {"F8_E4M3", DTYPE_OTHER, 1}, {"F8_E8M0", DTYPE_OTHER, 1},
};
enum { DTYPE_ROWS = sizeof DTYPES / sizeof *DTYPES };

/* The value's size in bytes, or 0 for a dtype that is not known. */
static size_t read_dtype(SafeTensor *t, const char *name)
{
    for (size_t i = 0; i < DTYPE_ROWS; i++)
        if (strcmp(name, DTYPES[i].name) == 0) {
            t->dtype = DTYPES[i].dtype;
            t->dtype_name = DTYPES[i].name;
            return DTYPES[i].size;
        }
    return 0;
}

/* ---- one tensor of the header ---- */

/* An integer of at least 0 in *n; false where the value is none. */
static bool read_count(const json_t *value, size_t *n)
{
    json_int_t i = json_integer_value(value);
    *n = i > 0 ? (size_t)i : 0;
    return json_is_integer(value) && i >= 0 && (uintmax_t)i <= SIZE_MAX;
}

static bool multiply(size_t a, size_t b, size_t *product)
{
    if (b && a > SIZE_MAX / b)
        return false;
    *product = a * b;
    return true;
}

/* The tensor's name, for an error. */
static const char *place_of(const SafeTensor *t, char out[QUOTE_SHORT])
{
    return quote_short(t->name, strlen(t->name), out);
}

static int check_keys(const SafeTensor *t, json_t *entry, Error *e)
{
    const char *key;
    json_t *value;
    char place[QUOTE_SHORT], quoted[QUOTE_SHORT];
    json_object_foreach(entry, key, value)
    {
        if (strcmp(key, "dtype") != 0 && strcmp(key, "shape") != 0 && strcmp(key, "data_offsets") != 0)
            return error_set(e, "%s: expected dtype, shape and data_offsets, found %s", place_of(t, place),
                             quote_short(key, strlen(key), quoted));
    }
    return 0;
}

/* Fills t from its entry; data [size] is what its offsets point into. */
static int read_entry(SafeTensor *t, json_t *entry, const unsigned char *data, size_t size, Error *e)
{
    char place[QUOTE_SHORT], quoted[QUOTE_SHORT];
    if (!json_is_object(entry))
        return error_set(e, "%s: expected an object with dtype, shape and data_offsets, found something else", place_of(t, place));
    if (check_keys(t, entry, e) != 0)
        return -1;
    const char *dtype = json_string_value(json_object_get(entry, "dtype"));
    if (!dtype)
        return error_set(e, "%s: dtype: expected a text such as \"F32\", found none", place_of(t, place));
    size_t bytes = read_dtype(t, dtype);
    if (bytes == 0)
        return error_set(e, "%s: dtype: expected one of safetensors' types such as \"F32\", found %s", place_of(t, place),
                         quote_short(dtype, strlen(dtype), quoted));
    const json_t *shape = json_object_get(entry, "shape");
    if (!json_is_array(shape) || json_array_size(shape) > SAFETENSORS_MAX_RANK)
        return error_set(e, "%s: shape: expected an array of at most %d sizes", place_of(t, place), SAFETENSORS_MAX_RANK);
    t->rank = (int)json_array_size(shape);
    t->count = 1;
    for (int i = 0; i < t->rank; i++) {
        if (!read_count(json_array_get(shape, (size_t)i), &t->shape[i]))
            return error_set(e, "%s: shape: expected sizes of at least 0, found something else at place %d", place_of(t, place), i);
        if (!multiply(t->count, t->shape[i], &t->count))
            return error_set(e, "%s: shape: expected sizes whose product fits this machine, found larger ones", place_of(t, place));
    }
    if (!multiply(t->count, bytes, &bytes))
        return error_set(e, "%s: shape: expected sizes whose product fits this machine, found larger ones", place_of(t, place));
    const json_t *offsets = json_object_get(entry, "data_offsets");
    size_t begin, end;
    if (!json_is_array(offsets) || json_array_size(offsets) != 2 || !read_count(json_array_get(offsets, 0), &begin) ||
        !read_count(json_array_get(offsets, 1), &end) || begin > end)
        return error_set(e, "%s: data_offsets: expected [BEGIN, END], 0 <= BEGIN <= END, found something else", place_of(t, place));
    if (end > size)
        return error_set(e, "%s: data_offsets: expected at most %zu, the bytes of data in the file, found %zu; is the file cut off?",
                         place_of(t, place), size, end);
    if (end - begin != bytes)
        return error_set(e, "%s: data_offsets: expected %zu bytes, as dtype and shape imply, found %zu", place_of(t, place), bytes,
                         end - begin);
    t->bytes = data + begin;
    return 0;
}

/* ---- the header ---- */

static int by_place(const void *a, const void *b)
{
    const SafeTensor *x = a, *y = b;
    if (x->bytes != y->bytes)
        return x->bytes < y->bytes ? -1 : 1;
    return (x->count > y->count) - (x->count < y->count); /* an empty one before the one that begins there */
}

static int by_name(const void *a, const void *b)
{
    const SafeTensor *x = a, *y = b;
    return strcmp(x->name, y->name);
}

static size_t stored_size(const SafeTensor *t)
{
    for (size_t i = 0; i < DTYPE_ROWS; i++)
        if (strcmp(t->dtype_name, DTYPES[i].name) == 0)
            return DTYPES[i].size;
    return 0;
}

/* The tensors must cover the data without gap or overlap. */
static int check_places(SafeTensors *s, const unsigned char *data, size_t size, Error *e)
{
    const unsigned char *at = data;
    char quoted[QUOTE_SHORT];
    qsort(s->items, s->count, sizeof *s->items, by_place);
    for (size_t i = 0; i < s->count; i++) {
        const SafeTensor *t = &s->items[i];
        if (t->bytes != at)
            return error_set(e, "%s: %s: data_offsets: expected to begin at %zu, where the tensor before it ends, found %zu; tensors %s",
                             s->path, quote_short(t->name, strlen(t->name), quoted), (size_t)(at - data), (size_t)(t->bytes - data),
                             t->bytes < at ? _("overlap") : _("leave a gap"));
        at += t->count * stored_size(t);
    }
    if ((size_t)(at - data) != size)
        return error_set(e, "%s: expected %zu bytes of data, as its header says, found %zu", s->path, (size_t)(at - data), size);
    return 0;
}

static int check_metadata(json_t *metadata, const char *path, Error *e)
{
    const char *key;
    json_t *value;
    char quoted[QUOTE_SHORT];
    if (!json_is_object(metadata))
        return error_set(e, "%s: __metadata__: expected an object of texts, found something else", path);
    json_object_foreach(metadata, key, value)
    {
        if (!json_is_string(value))
            return error_set(e, "%s: __metadata__: expected a text under %s, found something else", path,
                             quote_short(key, strlen(key), quoted));
    }
    return 0;
}

static int read_entries(SafeTensors *s, json_t *root, const unsigned char *data, size_t size, Error *e)
{
    const char *name;
    json_t *entry;
    s->items = calloc(json_object_size(root) + 1, sizeof *s->items);
    if (!s->items)
        return error_memory(e, s->path);
    json_object_foreach(root, name, entry)
    {
        if (strcmp(name, "__metadata__") == 0) {
            if (check_metadata(entry, s->path, e) != 0)
                return -1;
            continue;
        }
        SafeTensor *t = &s->items[s->count++];
        t->name = strdup(name);
        if (!t->name)
            return error_memory(e, s->path);
        if (read_entry(t, entry, data, size, e) != 0)
            return error_prefix(e, "%s", s->path);
    }
    if (check_places(s, data, size, e) != 0)
        return -1;
    qsort(s->items, s->count, sizeof *s->items, by_name);
    return 0;
}

static uint64_t read_u64(const unsigned char *p)
{
    uint64_t x = 0;
    for (int i = 7; i >= 0; i--)
        x = x << 8 | p[i];
    return x;
}

static int read_header(SafeTensors *s, Error *e)
{
    const unsigned char *bytes = s->file.data;
    size_t size = s->file.size;
    const char *format = size > 8 && bytes[8] == '{' ? NULL : found_format(bytes, size);
    if (format)
        return error_set(e, "%s: expected a safetensors file, found %s", s->path, format);
    if (size < 8)
        return error_set(e, "%s: expected the 8 bytes of the header's length, found %zu bytes", s->path, size);
    uint64_t length = read_u64(bytes);
    if (length > size - 8)
        return error_set(
            e, "%s: header: expected at most %zu bytes, the rest of the file, found a length of %ju; is it cut off, or another format?",
            s->path, size - 8, (uintmax_t)length);
    if (length > SAFETENSORS_MAX_HEADER)
        return error_set(e, "%s: header: expected at most %d bytes, found %ju", s->path, SAFETENSORS_MAX_HEADER, (uintmax_t)length);
    if (length == 0 || bytes[8] != '{')
        return error_set(e, "%s: header: expected JSON that begins with '{', found something else; is it another format?", s->path);
    json_error_t where;
    json_t *root = json_loadb((const char *)bytes + 8, (size_t)length, JSON_REJECT_DUPLICATES, &where);
    if (!root)
        return error_set(e, "%s: header: byte %d: expected JSON: %s", s->path, where.position, where.text);
    int status = read_entries(s, root, bytes + 8 + length, size - 8 - (size_t)length, e);
    json_decref(root);
    return status;
}

int safetensors_read(SafeTensors *s, File file, const char *path, Error *e)
{
    *s = (SafeTensors){.file = file, .path = strdup(path)};
    int status = s->path ? read_header(s, e) : error_memory(e, path);
    if (status != 0)
        safetensors_close(s);
    return status;
}

int safetensors_open(SafeTensors *s, const char *path, Error *e)
{
    File file;
    *s = (SafeTensors){0};
    return file_open(&file, path, e) == 0 ? safetensors_read(s, file, path, e) : -1;
}

void safetensors_close(SafeTensors *s)
{
    for (size_t i = 0; i < s->count; i++)
        free(s->items[i].name);
    free(s->items);
    free(s->path);
    file_close(&s->file);
    *s = (SafeTensors){0};
}

const SafeTensor *safetensors_find(const SafeTensors *s, const char *name)
{
    SafeTensor key = {.name = (char *)(uintptr_t)name}; /* only read */
    return s->count ? bsearch(&key, s->items, s->count, sizeof key, by_name) : NULL;
}

void safetensors_add_shape(Buffer *out, const size_t *shape, int rank)
{
    buffer_putc(out, '[');
    for (int i = 0; i < rank; i++)
        buffer_printf(out, "%s%zu", i ? ", " : "", shape[i]);
    buffer_putc(out, ']');
}

/* ---- values ---- */

double safetensors_value(const SafeTensor *t, size_t i)
{
    return dtype_value(t->dtype, t->bytes, i);
}

void safetensors_copy(const SafeTensor *t, real *out)
{
    dtype_read(out, t->dtype, t->bytes, 0, t->count);
}

Matrix safetensors_matrix(const SafeTensor *t)
{
    return (Matrix){.data = t->bytes, .ld = t->shape[t->rank - 1], .layout = PLAIN, .dtype = dtype_in_place(t->dtype, t->bytes)};
}
