/* gguf_header.c - the header of a GGUF file: its keys and values, and where its tensors lie.
 *
 *     "GGUF", u32 version, u64 tensors, u64 pairs
 *     per pair     text key, u32 type, value;  an array: u32 type of its elements, u64 count, elements
 *     per tensor   text name, u32 dimensions, u64 each of them (the one that lies closest together first), u32 format, u64 offset
 *     data         from the next multiple of general.alignment on; offsets count from there
 *
 * A text is u64 length and so many bytes. All little-endian.
 *
 * Owns the bounds. Knows no key but the alignment. */
#include "model/gguf_internal.h"

#include "base/text.h"
#include "model/found.h"
#include "model/nearest.h"

#include <stdlib.h>
#include <string.h>

/* ---- reading forward ---- */

typedef struct Reader {
    const unsigned char *data;
    size_t size, at;
    const char *file;
} Reader;

static size_t left(const Reader *r)
{
    return r->size - r->at;
}

static uint64_t little(const unsigned char *p, size_t bytes)
{
    uint64_t x = 0;
    for (size_t i = 0; i < bytes; i++)
        x |= (uint64_t)p[i] << (8 * i);
    return x;
}

static int cut_off(const Reader *r, const char *what, uint64_t bytes, Error *e)
{
    return error_set(e, "%s: byte %zu: expected %s, %ju bytes, found the end of the file after %zu; is it cut off?", r->file, r->at,
                     _(what), (uintmax_t)bytes, left(r));
}

static int read_integer(Reader *r, size_t bytes, const char *what, uint64_t *to, Error *e)
{
    *to = 0;
    if (left(r) < bytes)
        return cut_off(r, what, bytes, e);
    *to = little(r->data + r->at, bytes);
    r->at += bytes;
    return 0;
}

static int read_text(Reader *r, const char *what, GgufText *to, Error *e)
{
    uint64_t n;
    if (read_integer(r, 8, what, &n, e) != 0)
        return -1;
    if (n > left(r))
        return cut_off(r, what, n, e);
    *to = (GgufText){(const char *)r->data + r->at, (size_t)n};
    r->at += (size_t)n;
    return 0;
}

/* A key or a tensor's name: a short text that can be shown. */
static int read_name(Reader *r, const char *what, GgufText *to, Error *e)
{
    size_t at = r->at;
    if (read_text(r, what, to, e) != 0)
        return -1;
    if (to->n == 0 || to->n > GGUF_MAX_KEY || !text_is_valid(to->at, to->n) || memchr(to->at, '\0', to->n))
        return error_set(e, "%s: byte %zu: expected %s of 1 to %d bytes of UTF-8, found %zu bytes%s", r->file, at, _(what), GGUF_MAX_KEY,
                         to->n, to->n && to->n <= GGUF_MAX_KEY ? _(" that are none") : "");
    return 0;
}

/* ---- pairs ---- */

/* Bytes of a value; 0 for those that say their own length. */
static const unsigned char type_sizes[GGUF_TYPE_COUNT] = {
    [GGUF_U8] = 1,  [GGUF_I8] = 1,   [GGUF_U16] = 2, [GGUF_I16] = 2, [GGUF_U32] = 4, [GGUF_I32] = 4,
    [GGUF_F32] = 4, [GGUF_BOOL] = 1, [GGUF_U64] = 8, [GGUF_I64] = 8, [GGUF_F64] = 8,
};

static int read_type(Reader *r, const GgufText *key, GgufType *to, Error *e)
{
    uint64_t type;
    char quoted[QUOTE_SHORT];
    if (read_integer(r, 4, N_("a value's type"), &type, e) != 0)
        return -1;
    if (type >= GGUF_TYPE_COUNT)
        return error_set(e, "%s: %s: expected a type from 0 to %d, found %ju", r->file, quote_short(key->at, key->n, quoted),
                         GGUF_TYPE_COUNT - 1, (uintmax_t)type);
    *to = (GgufType)type;
    return 0;
}

/* Goes past `count` values of a type. */
static int skip_values(Reader *r, GgufType type, uint64_t count, const GgufText *key, Error *e)
{
    char quoted[QUOTE_SHORT];
    size_t size = type == GGUF_STRING ? 8 : type_sizes[type];
    GgufText text;
    if (size == 0)
        return error_set(e, "%s: %s: expected numbers or texts, found arrays in an array, which are not read", r->file,
                         quote_short(key->at, key->n, quoted));
    if (count > left(r) / size)
        return error_set(e, "%s: %s: byte %zu: expected %ju values, found the end of the file after %zu bytes; is it cut off?", r->file,
                         quote_short(key->at, key->n, quoted), r->at, (uintmax_t)count, left(r));
    if (type != GGUF_STRING) {
        for (uint64_t i = 0; type == GGUF_BOOL && i < count; i++)
            if (r->data[r->at + i] > 1)
                return error_set(e, "%s: %s: expected 0 or 1, found %d", r->file, quote_short(key->at, key->n, quoted), r->data[r->at + i]);
        r->at += (size_t)count * size;
        return 0;
    }
    for (uint64_t i = 0; i < count; i++)
        if (read_text(r, N_("a text"), &text, e) != 0)
            return -1;
    return 0;
}

static int read_pair(Reader *r, GgufPair *p, Error *e)
{
    uint64_t count = 1;
    if (read_name(r, N_("a key"), &p->key, e) != 0 || read_type(r, &p->key, &p->type, e) != 0)
        return -1;
    p->is_array = p->type == GGUF_ARRAY;
    if (p->is_array && (read_type(r, &p->key, &p->type, e) != 0 || read_integer(r, 8, N_("an array's length"), &count, e) != 0))
        return -1;
    p->bytes = r->data + r->at;
    p->count = (size_t)count;
    return skip_values(r, p->type, count, &p->key, e);
}

static int read_pairs(Gguf *g, Reader *r, uint64_t count, Error *e)
{
    char quoted[QUOTE_SHORT];
    for (; g->pair_count < count; g->pair_count++) {
        GgufPair *p = &g->pairs[g->pair_count], pair;
        if (read_pair(r, &pair, e) != 0)
            return -1;
        for (size_t i = 0; i < g->pair_count; i++)
            if (g->pairs[i].key.n == pair.key.n && memcmp(g->pairs[i].key.at, pair.key.at, pair.key.n) == 0)
                return error_set(e, "%s: %s: expected a key of its own, found it again", g->path,
                                 quote_short(pair.key.at, pair.key.n, quoted));
        *p = pair;
    }
    return 0;
}

/* ---- tensors ---- */

/* ggml's formats that are read, by their numbers in a file. https://github.com/ggml-org/ggml/blob/master/include/ggml.h (ggml_type) */
static const struct Format {
    unsigned id;
    Dtype dtype;
} formats[] = {
    {0, DTYPE_F32},  {1, DTYPE_F16},   {2, DTYPE_Q4_0},    {3, DTYPE_Q4_1},    {6, DTYPE_Q5_0},  {7, DTYPE_Q5_1},
    {8, DTYPE_Q8_0}, {10, DTYPE_Q2_K}, {11, DTYPE_Q3_K},   {12, DTYPE_Q4_K},   {13, DTYPE_Q5_K}, {14, DTYPE_Q6_K},
    {28, DTYPE_F64}, {30, DTYPE_BF16}, {20, DTYPE_IQ4_NL}, {23, DTYPE_IQ4_XS},
};

/* And those that are not: so many numbers a block, so many bytes. https://github.com/ggml-org/ggml/blob/master/src/ggml-common.h */
static const struct Unread {
    unsigned id;
    const char *name;
    int numbers, bytes;
} unread[] = {
    {9, "Q8_1", 32, 36},    {15, "Q8_K", 256, 292},  {16, "IQ2_XXS", 256, 66}, {17, "IQ2_XS", 256, 74}, {18, "IQ3_XXS", 256, 98},
    {19, "IQ1_S", 256, 50}, {21, "IQ3_S", 256, 110}, {22, "IQ2_S", 256, 82},   {24, "I8", 1, 1},        {25, "I16", 1, 2},
    {26, "I32", 1, 4},      {27, "I64", 1, 8},       {29, "IQ1_M", 256, 56},   {34, "TQ1_0", 256, 54},  {35, "TQ2_0", 256, 66},
    {39, "MXFP4", 32, 17},  {40, "NVFP4", 64, 36},   {41, "Q1_0", 128, 18},    {42, "Q2_0", 64, 18},
};

#define READ _("F32, F16, BF16, Q4_0 to Q8_0, Q2_K to Q6_K, IQ4_NL or IQ4_XS")

/* Says what is known of a format that is not read. */
static int refuse_format(const Reader *r, const char *name, uint64_t id, Error *e)
{
    const struct Unread *f = NULL;
    for (size_t i = 0; i < sizeof unread / sizeof *unread; i++)
        f = unread[i].id == id ? &unread[i] : f;
    if (!f)
        return error_set(e, "%s: %s: expected one of ggml's formats, found number %ju; is it from a newer program?", r->file, name,
                         (uintmax_t)id);
    if (f->numbers == 1)
        return error_set(e, "%s: %s: expected %s, found %s, integers", r->file, name, READ, f->name);
    return error_set(
        e,
        "%s: %s: expected %s, found %s: blocks of %d numbers in %d bytes, %.4g bits a number, which are not read; try the same "
        "model as Q4_K_M or Q8_0",
        r->file, name, READ, f->name, f->numbers, f->bytes, 8.0 * f->bytes / f->numbers);
}

static int find_format(const Reader *r, const char *name, uint64_t id, Dtype *to, Error *e)
{
    for (size_t i = 0; i < sizeof formats / sizeof *formats; i++)
        if (formats[i].id == id) {
            *to = formats[i].dtype;
            return 0;
        }
    return refuse_format(r, name, id, e);
}

static int read_sizes(Reader *r, SafeTensor *t, Error *e)
{
    uint64_t rank, size;
    if (read_integer(r, 4, N_("a tensor's dimensions"), &rank, e) != 0)
        return -1;
    if (rank > 4)
        return error_set(e, "%s: %s: expected at most 4 dimensions, found %ju", r->file, t->name, (uintmax_t)rank);
    t->rank = (int)rank;
    t->count = 1;
    for (int i = 0; i < t->rank; i++) {
        if (read_integer(r, 8, N_("a tensor's size"), &size, e) != 0)
            return -1;
        if (size == 0 || size > ((uint64_t)1 << 40) || t->count > ((uint64_t)1 << 44) / size)
            return error_set(e, "%s: %s: expected sizes from 1 on whose product is at most 2^44, found %ju", r->file, t->name,
                             (uintmax_t)size);
        t->shape[t->rank - 1 - i] = (size_t)size;
        t->count *= (size_t)size;
    }
    return 0;
}

/* Reads one entry; its bytes are counted from the data's beginning, which is not known yet: *offset and *bytes. */
static int read_tensor(Reader *r, SafeTensor *t, uint64_t *offset, uint64_t *bytes, Error *e)
{
    GgufText name;
    uint64_t id;
    if (read_name(r, N_("a tensor's name"), &name, e) != 0)
        return -1;
    t->name = strndup(name.at, name.n);
    if (!t->name)
        return error_memory(e, r->file);
    if (read_sizes(r, t, e) != 0 || read_integer(r, 4, N_("a tensor's format"), &id, e) != 0 ||
        read_integer(r, 8, N_("a tensor's offset"), offset, e) != 0)
        return -1;
    if (find_format(r, t->name, id, &t->dtype, e) != 0)
        return -1;
    size_t row = t->rank ? t->shape[t->rank - 1] : 1, block = dtype_block(t->dtype);
    t->dtype_name = dtype_name(t->dtype);
    if (row % block != 0)
        return error_set(e, "%s: %s: expected rows of a multiple of %zu numbers, because it is %s, found %zu", r->file, t->name, block,
                         t->dtype_name, row);
    *bytes = (uint64_t)(t->count / block) * dtype_size(t->dtype);
    return 0;
}

static int by_name(const void *a, const void *b)
{
    const SafeTensor *x = a, *y = b;
    return strcmp(x->name, y->name);
}

/* Where an entry's bytes are, until the data's beginning is known. */
typedef struct Place {
    uint64_t offset, bytes;
    const char *name;
} Place;

static int by_offset(const void *a, const void *b)
{
    const Place *x = a, *y = b;
    return (x->offset > y->offset) - (x->offset < y->offset);
}

static int place_tensors(SafeTensors *s, const Reader *r, Place *places, uint64_t alignment, Error *e)
{
    uint64_t start = (r->at + alignment - 1) / alignment * alignment, size = start < r->size ? r->size - start : 0;
    for (size_t i = 0; i < s->count; i++) {
        const Place *p = &places[i];
        if (p->offset % alignment != 0)
            return error_set(e, "%s: %s: offset: expected a multiple of %ju, the file's alignment, found %ju", r->file, p->name,
                             (uintmax_t)alignment, (uintmax_t)p->offset);
        if (p->offset > size || p->bytes > size - p->offset)
            return error_set(e, "%s: %s: expected %ju bytes from byte %ju of the data on, found %ju bytes of data; is the file cut off?",
                             r->file, p->name, (uintmax_t)p->bytes, (uintmax_t)p->offset, (uintmax_t)size);
        s->items[i].bytes = r->data + start + p->offset;
    }
    qsort(places, s->count, sizeof *places, by_offset);
    for (size_t i = 1; i < s->count; i++)
        if (places[i].offset - places[i - 1].offset < places[i - 1].bytes)
            return error_set(e, "%s: %s: expected bytes of its own, found them overlapping with those of %s", r->file, places[i].name,
                             places[i - 1].name);
    return 0;
}

static int read_tensors(Gguf *g, Reader *r, uint64_t count, uint64_t alignment, Error *e)
{
    SafeTensors *s = &g->files.shards[0];
    Place *places = calloc((size_t)count + 1, sizeof *places);
    int status = places ? 0 : error_memory(e, g->path);
    for (size_t i = 0; status == 0 && i < count; i++) {
        s->count = i + 1;
        status = read_tensor(r, &s->items[i], &places[i].offset, &places[i].bytes, e);
        places[i].name = s->items[i].name;
    }
    if (status == 0)
        status = place_tensors(s, r, places, alignment, e);
    free(places);
    if (status == 0)
        qsort(s->items, s->count, sizeof *s->items, by_name);
    for (size_t i = 1; status == 0 && i < s->count; i++)
        if (strcmp(s->items[i - 1].name, s->items[i].name) == 0)
            status = error_set(e, "%s: %s: expected one tensor of this name, found two", g->path, s->items[i].name);
    return status;
}

/* ---- the file ---- */

static int read_begin(Gguf *g, Reader *r, uint64_t *tensors, uint64_t *pairs, Error *e)
{
    uint64_t version;
    if (r->size < 8 || memcmp(r->data, "GGUF", 4) != 0) {
        const char *format = r->size && memcmp(r->data, "GGUF", r->size < 4 ? r->size : 4) == 0 ? NULL : found_format(r->data, r->size);
        return error_set(e, "%s: expected GGUF, a file that begins with these letters, found %s", r->file,
                         format        ? format
                         : r->size < 8 ? _("a shorter one; is it cut off?")
                                       : _("others"));
    }
    r->at = 4;
    if (read_integer(r, 4, N_("the version"), &version, e) != 0)
        return -1;
    if (version > 0xffff && (version & 0xffff) == 0)
        return error_set(e, "%s: version: expected 2 or 3, found %ju the other way round: a big-endian file, which is not read", r->file,
                         (uintmax_t)(version >> 24));
    if (version < 2 || version > 3)
        return error_set(e, "%s: version: expected 2 or 3, found %ju%s", r->file, (uintmax_t)version,
                         version == 1 ? _(", whose lengths are shorter; try a newer export") : "");
    g->version = (uint32_t)version;
    if (read_integer(r, 8, N_("the number of tensors"), tensors, e) != 0 || read_integer(r, 8, N_("the number of keys"), pairs, e) != 0)
        return -1;
    /* a tensor takes at least 33 bytes, a pair 14 */
    if (*tensors > GGUF_MAX_TENSORS || *tensors > left(r) / 33)
        return error_set(e, "%s: expected at most %d tensors, and as many as there is room for, found %ju; is the file cut off?", r->file,
                         GGUF_MAX_TENSORS, (uintmax_t)*tensors);
    if (*pairs > GGUF_MAX_KEYS || *pairs > left(r) / 14)
        return error_set(e, "%s: expected at most %d keys, and as many as there is room for, found %ju; is the file cut off?", r->file,
                         GGUF_MAX_KEYS, (uintmax_t)*pairs);
    return 0;
}

static int read_alignment(const Gguf *g, uint64_t *alignment, Error *e)
{
    int64_t given = 32;
    if (gguf_find(g, "general.alignment") &&
        (!gguf_integer(g, "general.alignment", &given) || given < 1 || given > 1 << 20 || given & (given - 1)))
        return error_set(e, "%s: general.alignment: expected a power of 2 up to 2^20, found another value", g->path);
    *alignment = (uint64_t)given;
    return 0;
}

int gguf_read(Gguf *g, File file, const char *path, Error *e)
{
    Reader r = {file.data, file.size, 0, path};
    uint64_t tensors = 0, pairs = 0, alignment = 32;
    *g = (Gguf){.path = path, .files = {.shards = calloc(1, sizeof(SafeTensors)), .count = 1, .folder = strdup(path)}};
    if (!g->files.shards || !g->files.folder) {
        free(g->files.shards);
        free(g->files.folder);
        *g = (Gguf){.path = path};
        file_close(&file);
        return error_memory(e, path);
    }
    SafeTensors *s = &g->files.shards[0];
    s->file = file;
    s->path = strdup(path);
    int status = s->path ? read_begin(g, &r, &tensors, &pairs, e) : error_memory(e, path);
    if (status == 0) {
        g->pairs = calloc((size_t)pairs + 1, sizeof *g->pairs);
        s->items = calloc((size_t)tensors + 1, sizeof *s->items);
        status = g->pairs && s->items ? read_pairs(g, &r, pairs, e) : error_memory(e, path);
    }
    if (status == 0)
        status = read_alignment(g, &alignment, e);
    if (status == 0)
        status = read_tensors(g, &r, tensors, alignment, e);
    if (status != 0)
        gguf_close(g);
    return status;
}

void gguf_close(Gguf *g)
{
    free(g->pairs);
    hf_files_close(&g->files);
    *g = (Gguf){0};
}

/* ---- values ---- */

const GgufPair *gguf_find(const Gguf *g, const char *key)
{
    size_t n = strlen(key);
    for (size_t i = 0; i < g->pair_count; i++)
        if (g->pairs[i].key.n == n && memcmp(g->pairs[i].key.at, key, n) == 0)
            return &g->pairs[i];
    return NULL;
}

double gguf_number(const GgufPair *p, size_t i)
{
    size_t size = type_sizes[p->type];
    const unsigned char *at = p->bytes + i * size;
    if (p->type == GGUF_F32)
        return dtype_value(DTYPE_F32, at, 0);
    if (p->type == GGUF_F64)
        return dtype_value(DTYPE_F64, at, 0);
    uint64_t bits = size ? little(at, size) : 0;
    bool is_signed = p->type == GGUF_I8 || p->type == GGUF_I16 || p->type == GGUF_I32 || p->type == GGUF_I64;
    if (!is_signed || !(bits >> (8 * size - 1)))
        return (double)bits;
    uint64_t mask = size == 8 ? UINT64_MAX : ((uint64_t)1 << (8 * size)) - 1;
    return -(double)((~bits & mask) + 1);
}

GgufText gguf_next_text(const unsigned char **at)
{
    GgufText text = {(const char *)*at + 8, (size_t)little(*at, 8)};
    *at += 8 + text.n;
    return text;
}

bool gguf_text(const Gguf *g, const char *key, GgufText *to)
{
    const GgufPair *p = gguf_find(g, key);
    const unsigned char *at = p ? p->bytes : NULL;
    if (!p || p->is_array || p->type != GGUF_STRING)
        return false;
    *to = gguf_next_text(&at);
    return true;
}

bool gguf_integer(const Gguf *g, const char *key, int64_t *to)
{
    const GgufPair *p = gguf_find(g, key);
    if (!p || p->is_array || p->type == GGUF_STRING || p->type == GGUF_F32 || p->type == GGUF_F64 || p->type == GGUF_BOOL)
        return false;
    double x = gguf_number(p, 0);
    if (x < -0x1p53 || x > 0x1p53)
        return false;
    *to = (int64_t)x;
    return true;
}

bool gguf_bool(const Gguf *g, const char *key, bool *to)
{
    const GgufPair *p = gguf_find(g, key);
    if (!p || p->is_array || p->type != GGUF_BOOL)
        return false;
    *to = gguf_number(p, 0) != 0;
    return true;
}

/* ---- as JSON ---- */

static json_t *number_value(const GgufPair *p, size_t i)
{
    double x = gguf_number(p, i);
    if (p->type == GGUF_BOOL)
        return json_boolean(x != 0);
    if (p->type == GGUF_F32 || p->type == GGUF_F64)
        return x - x == 0 ? json_real(x) : json_string("a number that is not finite");
    return x >= -0x1p53 && x <= 0x1p53 ? json_integer((json_int_t)x) : json_string("an integer beyond 2^53");
}

static json_t *value_of(const GgufPair *p)
{
    enum { SHOWN = 2048 };
    const unsigned char *at = p->bytes;
    if (p->type == GGUF_STRING && !p->is_array) {
        GgufText text = gguf_next_text(&at);
        return json_stringn(text.at, text.n);
    }
    if (!p->is_array)
        return number_value(p, 0);
    bool same = p->type != GGUF_STRING && p->count > 0;
    for (size_t i = 1; same && i < p->count; i++)
        same = gguf_number(p, i) == gguf_number(p, 0);
    if (same)
        return number_value(p, 0);
    json_t *array = json_array();
    for (size_t i = 0; p->type != GGUF_STRING && i < p->count && i < SHOWN; i++)
        json_array_append_new(array, number_value(p, i));
    return array;
}

json_t *gguf_object(const Gguf *g, const char *prefix, Error *e)
{
    json_t *object = json_object();
    size_t n = strlen(prefix);
    for (size_t i = 0; object && i < g->pair_count; i++) {
        const GgufPair *p = &g->pairs[i];
        if (p->key.n <= n || memcmp(p->key.at, prefix, n) != 0)
            continue;
        json_t *value = value_of(p);
        if (value && json_object_setn_new(object, p->key.at + n, p->key.n - n, value) == 0)
            continue;
        char quoted[QUOTE_SHORT];
        error_set(e, "%s: %s: expected a text in UTF-8, found other bytes", g->path, quote_short(p->key.at, p->key.n, quoted));
        json_decref(object);
        return NULL;
    }
    if (!object)
        error_memory(e, g->path);
    return object;
}
