/* safetensors_write.c - writes the safetensors format.
 *
 * Owns a piece of the file while it is put together: no model need be in memory twice. Knows nothing of models. */
#include "model/safetensors.h"

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

/* ---- piece by piece ---- */

enum { PIECE = 1 << 18 }; /* numbers: a row of most models' largest matrix */

typedef struct Writer {
    Buffer header; /* with its length in front */
    const SafeOut *items;
    size_t count, item, at; /* the next number: `at` of items[item] */
    bool begun;
    real *piece; /* [PIECE] */
} Writer;

static void turn_bytes(unsigned char *p, size_t count)
{
    for (size_t i = 0; i < count; i++)
        for (size_t low = i * sizeof(real), high = low + sizeof(real) - 1; low < high; low++, high--) {
            unsigned char byte = p[low];
            p[low] = p[high];
            p[high] = byte;
        }
}

/* The next numbers of one tensor, little-endian: of a view whole rows, where they are not too long. Returns how many. */
static size_t fill_piece(Writer *w, const SafeOut *item, size_t left)
{
    const uint16_t one = 1;
    size_t count = left < PIECE ? left : PIECE, columns = item->rank ? item->shape[item->rank - 1] : 1;
    if (item->data) {
        memcpy(w->piece, item->data + w->at, count * sizeof(real));
    } else if (columns <= PIECE) {
        count = count / columns * columns;
        matrix_read_rows(w->piece, &item->values, w->at / columns, count / columns, columns);
    } else {
        for (size_t i = 0; i < count; i++)
            w->piece[i] = matrix_at(&item->values, (w->at + i) / columns, (w->at + i) % columns);
    }
    if (*(const unsigned char *)&one != 1)
        turn_bytes((unsigned char *)w->piece, count);
    return count;
}

static int next_piece(void *context, const void **bytes, size_t *n, Error *e)
{
    Writer *w = context;
    (void)e;
    *n = 0;
    if (!w->begun) {
        w->begun = true;
        *bytes = w->header.data;
        *n = w->header.len;
        return 0;
    }
    while (w->item < w->count && w->at == count_of(&w->items[w->item])) {
        w->item++;
        w->at = 0;
    }
    if (w->item == w->count)
        return 0;
    const SafeOut *item = &w->items[w->item];
    size_t count = fill_piece(w, item, count_of(item) - w->at);
    w->at += count;
    *bytes = w->piece;
    *n = count * sizeof(real);
    return 0;
}

int safetensors_write(const char *path, const SafeOut *items, size_t count, Error *e)
{
    Buffer json = {0};
    Writer w = {.items = items, .count = count, .piece = malloc(PIECE * sizeof(real))};
    write_header(&json, items, count);
    for (int i = 0; i < 8; i++)
        buffer_putc(&w.header, (char)(unsigned char)((uint64_t)json.len >> (8 * i)));
    buffer_add(&w.header, json.data, json.len);
    int status = json.failed || w.header.failed || !w.piece ? error_memory(e, path) : file_write_pieces(path, next_piece, &w, e);
    buffer_free(&json);
    buffer_free(&w.header);
    free(w.piece);
    return status;
}
