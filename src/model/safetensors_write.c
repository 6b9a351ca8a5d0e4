/* safetensors_write.c - writes the safetensors format.
 *
 * Owns one file's bytes while they are put together. Knows nothing of models. */
#include "model/safetensors.h"

#include <errno.h>
#include <jansson.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

static size_t count_of(const SafeOut *item)
{
    size_t count = 1;
    for (int i = 0; i < item->rank; i++)
        count *= item->shape[i];
    return count;
}

/* The JSON that describes the tensors, padded so that the data begins at a multiple of 8. */
static void write_header(Buffer *out, const SafeOut *items, size_t count)
{
    size_t at = 0;
    buffer_putc(out, '{');
    for (size_t i = 0; i < count; i++) {
        json_t *name = json_string(items[i].name);
        char *text = name ? json_dumps(name, JSON_ENCODE_ANY) : NULL;
        size_t end = at + count_of(&items[i]) * sizeof(real);
        if (!text)
            out->failed = true;
        else
            buffer_printf(out, "%s%s:{\"dtype\":\"%s\",\"shape\":", i ? "," : "", text, REAL_IS_DOUBLE ? "F64" : "F32");
        free(text);
        json_decref(name);
        safetensors_add_shape(out, items[i].shape, items[i].rank);
        buffer_printf(out, ",\"data_offsets\":[%zu,%zu]}", at, end);
        at = end;
    }
    buffer_putc(out, '}');
    buffer_fill(out, ' ', (8 - out->len % 8) % 8);
}

/* real as little-endian bytes at p. */
static void write_values(unsigned char *p, const SafeOut *item, size_t count)
{
    const uint16_t one = 1;
    size_t columns = item->rank ? item->shape[item->rank - 1] : 1;
    if (item->data && count)
        memcpy(p, item->data, count * sizeof(real));
    for (size_t i = 0; !item->data && i < count; i++) {
        real x = matrix_at(&item->values, i / columns, i % columns);
        memcpy(p + i * sizeof x, &x, sizeof x);
    }
    if (*(const unsigned char *)&one == 1)
        return;
    for (size_t i = 0; i < count; i++)
        for (size_t low = i * sizeof(real), high = low + sizeof(real) - 1; low < high; low++, high--) {
            unsigned char byte = p[low];
            p[low] = p[high];
            p[high] = byte;
        }
}

static int write_bytes(const char *path, const unsigned char *bytes, size_t n, Error *e)
{
    if (strcmp(path, "-") != 0)
        return file_write(path, bytes, n, e);
    if (fwrite(bytes, 1, n, stdout) != n || fflush(stdout) != 0)
        return error_set(e, "standard output: cannot be written: %s", strerror(errno));
    return 0;
}

int safetensors_write(const char *path, const SafeOut *items, size_t count, Error *e)
{
    Buffer header = {0};
    write_header(&header, items, count);
    size_t size = 8 + header.len;
    for (size_t i = 0; i < count; i++)
        size += count_of(&items[i]) * sizeof(real);
    unsigned char *bytes = header.failed ? NULL : malloc(size);
    int status;
    if (!bytes)
        status = error_memory(e, path);
    else {
        for (int i = 0; i < 8; i++)
            bytes[i] = (unsigned char)((uint64_t)header.len >> (8 * i));
        memcpy(bytes + 8, header.data, header.len);
        unsigned char *at = bytes + 8 + header.len;
        for (size_t i = 0; i < count; i++) {
            write_values(at, &items[i], count_of(&items[i]));
            at += count_of(&items[i]) * sizeof(real);
        }
        status = write_bytes(path, bytes, size, e);
    }
    free(bytes);
    buffer_free(&header);
    return status;
}
